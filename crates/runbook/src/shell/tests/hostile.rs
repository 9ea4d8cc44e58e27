//! Scripts that are broken, or made to take time, stack or memory: many were found by fuzzing.

use super::*;
use proptest::prelude::*;

#[test]
fn deep_nesting_is_refused_in_time() {
    for opening in [
        "(",
        "$(",
        "{ ",
        "((",
        "if ",
        "`",
        "\"$(",
        "[[ ( ",
        "$((",
        "${a:-",
        "while true; do ",
        "a() { ",
        "<(",
        "case x in x) ",
    ] {
        for count in [10, 24, 1000] {
            let _ = survey(&opening.repeat(count));
            let _ = survey(&format!("echo {}", opening.repeat(count)));
        }
    }
}

/// Found by fuzzing: the grammar's parser took a minute.
#[test]
fn brackets_that_get_out_of_hand_are_refused() {
    let script = "s[*G=${TAG[Ten ==s[${A[ke_) i=${TAG[Ta}\n\n eebeH{n:W$ord(w, _) i seea}\n\n eeb sH {#b do==d se\n- [ ea}\n\n\0Je)";
    assert!(survey(script).syntax_error.is_some());
    let squares = "$[$[R[(]\0$[R[(]$[$[R[''\0(]cd\0$[R[''\0(]c\0\0(]\0$[$[R[''\0(]\0\0$[R[(]c$]cR[''\0(]\0$[$[R[''\0(]cd\0\0(]\0\0\0$\0\0\0$\0\0$[$[R[''\0]$\0\0$]sc\0\0$[R[''\0(]c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0R";
    assert!(survey(squares).syntax_error.is_some());
    let text = "{{version}e}} <name>((((((((((((\nE\nex\n\n <<'E'\n";
    let here = format!("ssh web ci$(date +%p-0\nbun > x <<'E'\n{text}{text}ssh deweb; do s for iY)m%l% \n");
    assert!(survey(&here).syntax_error.is_some());
    assert!(survey("x=$(cat <<'E'\n:( :( :(\nE\n)").syntax_error.is_none());
    assert!(survey("echo $[1 + $[2 * A[i]]] '[[$[x]]]'").syntax_error.is_none());
    assert!(survey("echo \"${A[0]} ${B[$i]} ${C[@]}\" '${D['").syntax_error.is_none());
}

/// Found by fuzzing: the grammar's parser ended the program.
#[test]
fn redirections_of_numbers_that_are_no_files_are_refused() {
    for (script, refused) in [
        ("echo a 99999999999999999>x\n", true),
        ("true\ncat 4294967296<<'E'\nE\n", true),
        ("bash -c 'echo 99999999999<x'\n", false),
        ("echo a 2>x 10<y\n", false),
        ("echo 99999999999999999 >x\n", false),
    ] {
        assert_eq!(survey(script).syntax_error.is_some(), refused, "{script:?}");
    }
}

/// Found by fuzzing: the tokenizer ended the program, and a brace before it hid that it is open.
#[test]
fn what_is_opened_behind_a_here_document_is_closed_on_its_line() {
    for (script, refused) in [
        ("c <<'E'|x R} \"${D} ${F/*\"\n# O}/*\"\n+ O\nE", true),
        ("c <<'E' x) $(y\n)\nE", true),
        ("c <<E | x \"${A:-b}\" $(y)\ntext\nE\n", false),
        ("c <<E | awk '{print}' | x ${A}\ntext\nE\n", false),
    ] {
        assert_eq!(survey(script).syntax_error.is_some(), refused, "{script:?}");
    }
}

/// Found by fuzzing: the grammar takes `!` alone for a pipeline without a command.
#[test]
fn nothing_hides_a_failure_where_nothing_runs() {
    for script in ["-||pkill||\n!\n\u{f5c8}", "a || b ||\n!\n", "a || !\n"] {
        let found = survey(script);
        assert!(found.swallowed.iter().all(|one| one.by < found.commands.len()), "{script:?}");
    }
}

#[test]
fn what_is_never_closed_is_told_where_it_begins() {
    for (script, line, column, reason) in [
        ("true\nif [ -f x ]; then\n  ls\necho a\n", 2, 1, "`if` is never closed: there is no `fi` for it"),
        ("for a in b; do\n  (ls\ndone\n", 3, 5, "the shell does not accept this"),
        ("a\nfor x in 1 2; do\n  echo $x\n", 2, 1, "`for` is never closed: there is no `done` for it"),
        ("f() {\n  ls\n", 1, 5, "`{` is never closed: there is no `}` for it"),
        ("a\necho \"b\nc \"d\"\ne \"f\"\n", 2, 6, "a double quote is opened and never closed"),
        ("a 'b\nc'\nd 'e\n", 3, 3, "a single quote is opened and never closed"),
        ("a\nb=$(date\nc\n", 2, 3, "`$(` is opened and never closed"),
        ("a\necho ${b\n", 2, 6, "`${` is opened and never closed"),
    ] {
        let error = survey(script).syntax_error.clone().expect(script);
        assert_eq!(error, (line, column, reason.to_owned()), "{script}");
    }
}

/// Found by fuzzing: the grammar's tokenizer took all memory.
#[test]
fn here_documents_without_a_name_are_refused() {
    for (script, refused) in [
        ("cat <<'' ", true),
        ("true\ncat <<-\"\"", true),
        ("<<\u{c} ", true),
        ("<<<<<\u{c} ", true),
        ("cat <<\r ", true),
        ("cat <<\r\r -fx \rvim\nvi & <?'E'\n", true),
        (
            "cat >x <<'E'; od ${TAG: ${T:-v2}\n  }} <m>\nE\nx tee /etc/x <<'E'; od ${T: ${TA:-vA}\n x}} \n",
            true,
        ),
        ("cat <<E | tee $(date +%s).log \"${OUT}\"\nx\nE\n", false),
        ("grep -n 'x\n' <<'' ", true),
        ("echo $(grep '<<' <<'' ", true),
        // The sign as a text: what is looked for, and a script that is read by itself.
        ("grep '<<' notes.md\n", false),
        ("grep -rn \"<<<<<<< \" src/ && exit 1\n", false),
        ("bash -c \"cat <<'' \"", false),
        ("cat <<< ''\n", false),
        ("cat <<<\"\"\n", false),
        ("# <<<<<<< HEAD\ntrue\n", false),
        ("cat <<E\r\nx\r\nE\r\n", false),
        ("echo $((1 << 2))\n", false),
    ] {
        assert_eq!(survey(script).syntax_error.is_some(), refused, "{script:?}");
    }
}

/// Found by fuzzing: each index that is not closed doubled the time many times over.
#[test]
fn indices_that_are_not_closed_take_no_time() {
    for count in 1..40 {
        let _ = survey(&format!("echo \"{}}} x\"\n", "${s[a:-v1=".repeat(count)));
        let _ = survey(&format!("echo \"{}\"\n", "TAG=${s[a:-v1 K}".repeat(count)));
    }
    let few = "$(date +(a~u/O \"se o1: d\n -rf ${DI[T:O[T:O$e:\"`a``a`s{v\rn}${TA['EG:-v <e?$'E**W T$e:\"`a``a`s{v\rn}${TA['EG:-v <e?$'E**W T**: 30 m)$Y%m%d)";
    let _ = survey(few);
    let found = survey("echo \"${a[${i}]} ${b[$j]} ${c[0]}\"\n");
    assert!(found.variables_read.iter().any(|name| name == "b"), "{:?}", found.variables_read);
}

#[test]
fn words_that_count_beyond_any_stack_of_folders_are_read_as_text() {
    for word in
        ["~99999999999999999999999/$x", "~-99999999999999999999999/\"a\"", "${x:-~+9999999999999999999999/}"]
    {
        let found = survey(&format!("ls {word}\n"));
        assert_eq!(found.commands.len(), 1, "{word}");
        assert_eq!(found.commands[0].program, "ls", "{word}");
    }
}

/// Found by fuzzing: the line was that of the inner command, the column that of the outer one.
#[test]
fn a_command_inside_a_word_begins_before_it_ends() {
    for script in [
        "echo some words `ls a\nls b`\n",
        "echo some \"$(ls a\n  ls b)\" x\n",
        "s t=a`b c\nd/e`\n",
        "names=(one `ls a`)\n",
    ] {
        for command in &survey(script).commands {
            let (start, end) = ((command.line, command.column), (command.end_line, command.end_column));
            assert!(start < end, "{script:?}: {command:?}");
        }
    }
}

#[test]
fn the_end_of_a_here_document_is_a_plain_word() {
    for (text, accepted) in [
        ("cat <<EOF\nx\nEOF\n", true),
        ("cat <<-'E'\nx\nE\n", true),
        ("x=$(cat <<EOF\nx\nEOF\n)", true),
        ("echo $((1<<2))", true),
        ("(( x = 1 << $y ))", true),
        ("cat <<< \"$x\"", true),
        ("<<EOF$( )$(\n", false),
        ("cat <<`x`\n`x`\n", false),
        ("x=$(cat <<EOF\nx\n)", false),
        ("git commit -m \"$(cat <<'EOF'\nx\nEOF\n)\"", true),
    ] {
        assert_eq!(survey(text).syntax_error.is_none(), accepted, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_surveyed(text in "\\PC{0,80}|[a-z$(){}\\[\\]<>|&;'\"`#=!\\\\ \n*-]{0,60}|(<[a-z]{0,3}>|\\$\\(|\\)|é|echo|\n|<<EOF|if|then|fi|'|\"| ){0,30}") {
        let found = survey(&text);
        for placeholder in &found.placeholders {
            prop_assert_eq!(&text[placeholder.start..placeholder.end], placeholder.text.as_str());
        }
        for command in &found.commands {
            prop_assert!(command.line >= 1 && command.column >= 1);
            prop_assert!((command.line, command.column) <= (command.end_line, command.end_column));
            prop_assert!(text.get(command.start..command.end).is_some());
        }
        let _ = placeholders_in_text(&text);
        let _ = looks_like_command(&text);
    }
}

#[test]
fn a_command_on_a_line_that_goes_on_stands_on_its_own_line() {
    let found = survey("first -a \\\n    --b | \\\n  second c\n");
    let places: Vec<_> = found.commands.iter().map(|command| (command.line, command.column)).collect();
    assert_eq!(places, [(1, 1), (3, 3)]);
}
