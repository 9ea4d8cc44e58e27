//! Documents, settings and arguments that are not what they should be: nothing starts, and the
//! message says what, why, and what now.

use crate::support::{Desk, Ran, runbook};

/// One unattended step that prints where it ran.
const STEP: &str = "```bash {#a undo=none}\necho it ran\n```";

/// Nothing was started and no release is left behind.
fn nothing_began(desk: &Desk, ran: &Ran) {
    ran.never_says("it ran").says("now:");
    assert!(!desk.path(".tminus/tminus.db").exists(), "a release was left behind:\n{}{}", ran.out, ran.err);
}

fn says_all(ran: &Ran, words: &[&str]) {
    for words in words {
        ran.says(words);
    }
}

/// Each command that reads a document refuses it with these words.
fn check_unreadable(name: &str, bytes: Option<&[u8]>, words: &[&str]) {
    for command in ["check", "plan", "run", "rehearse", "adopt"] {
        let desk = Desk::new();
        if let Some(bytes) = bytes {
            desk.write(name, bytes);
        }
        let ran = desk.expect(2, &[command, name]);
        ran.says(&format!("cannot read {name}"));
        says_all(&ran, words);
        nothing_began(&desk, &ran);
    }
}

#[test]
fn bad_input_what_is_no_text_is_refused_by_every_command() {
    check_unreadable("missing.md", None, &["No such file", "`tminus init`"]);
    check_unreadable("r.md", Some(b"\x7fELF\x02\x01\x01\0\0\0"), &["zero byte", "name a Markdown file"]);
    check_unreadable(
        "r.md",
        Some("# T\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>().as_slice()),
        &["zero byte"],
    );
    check_unreadable("r.md", Some(b"# T\n\n## A\nna\xefve\n"), &["line 4 is not UTF-8", "iconv"]);
}

#[test]
fn bad_input_a_folder_is_no_document() {
    let desk = Desk::new();
    desk.write("docs/r.md", runbook(STEP));
    for command in ["check", "plan", "run", "rehearse", "adopt"] {
        let ran = desk.expect(2, &[command, "docs"]);
        nothing_began(&desk, ran.says("it is a folder").says("name the Markdown file in it"));
    }
}

#[test]
fn bad_input_one_unreadable_document_does_not_stop_the_check_of_others() {
    let desk = Desk::new();
    desk.write("a.md", runbook("```bash {#a .chek}\ntrue\n```"));
    desk.write("b.md", b"\0".as_slice());
    desk.write("c.md", runbook("```bash {#c .chekc}\ntrue\n```"));
    let ran = desk.expect(2, &["check", "a.md", "b.md", "missing.md", "c.md"]);
    says_all(&ran, &["a.md:", "`chek`", "cannot read b.md", "cannot read missing.md", "c.md:", "`chekc`"]);
    assert!(ran.out.find("a.md:") < ran.out.find("c.md:"), "in the order of the arguments:\n{}", ran.out);
    let json = desk.expect(2, &["check", "--format", "json", "b.md", "c.md"]);
    let read: serde_json::Value = serde_json::from_str(&json.out).expect("JSON all the same");
    assert!(read["findings"].as_array().is_some_and(|found| !found.is_empty()), "{read}");
    desk.expect(2, &["check", "b.md"]).never_says("nothing found");
}

/// A document with a fault: `check` finds it with its place, `plan` and `run` refuse it.
fn check_fault(document: &str, code: &str, words: &[&str]) {
    let desk = Desk::new();
    desk.write("r.md", document);
    let found = desk.expect(1, &["check", "r.md"]);
    found.says(&format!("[{code}]"));
    says_all(&found, words);
    for arguments in [&["plan", "r.md"][..], &["run", "r.md", "--no-wait"], &["rehearse", "r.md"]] {
        let ran = desk.expect(2, arguments);
        ran.says(&format!(" {code}: ")).says("`tminus check r.md`");
        nothing_began(&desk, &ran);
    }
    let json = desk.expect(1, &["plan", "r.md", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json.out).expect("JSON also then");
    assert!(value["digest"].is_null() && value["steps"] == serde_json::json!([]), "{value:#}");
}

#[test]
fn bad_input_faults_of_structure_stop_a_release_before_it_starts() {
    check_fault("", "T111", &["nothing to do", "`tminus init` writes an example"]);
    check_fault(" \n\n\t\n", "T111", &["nothing to do"]);
    check_fault(&runbook(STEP).replacen("1\n---", "1", 1), "T101", &["never closed", "put a line `---`"]);
    check_fault(
        "---\nrunbook: 1\nenviroments: [a]\n---\n# T\n\n## A\n- [ ] x\n",
        "T102",
        &["r.md:3:1", "did you mean `environments`?"],
    );
    check_fault(&runbook("```bash {#a timout=5m}\necho it ran\n```"), "T103", &["did you mean `timeout`?"]);
    check_fault(&runbook("```bash {#a .chekc}\necho it ran\n```"), "T103", &["did you mean `check`?"]);
    check_fault(
        &runbook(&format!("{STEP}\n\n{STEP}")),
        "T104",
        &["already the one of the block on line 8", "rename"],
    );
    check_fault(&runbook("```bash {#a undo=none\necho it ran\n```"), "T103", &["never closed"]);
    check_fault(&runbook("```bash {#a undo=none}\necho it ran\n"), "T109", &["never closed"]);
}

#[test]
fn bad_input_references_that_lead_nowhere_or_in_circles_stop_it_too() {
    let two = |first: &str, second: &str| {
        runbook(&format!(
            "```bash {{#a {first}}}\necho it ran\n```\n\n```bash {{#b {second}}}\necho it ran\n```"
        ))
    };
    check_fault(&two("undo=none needs=b", "undo=none needs=a"), "T913", &["a → b → a", "out of `needs`"]);
    check_fault(&two("undo=none needs=a", "undo=none"), "T913", &["a → a"]);
    check_fault(
        &two("undo=nope", "undo=none"),
        "T905",
        &["`undo=nope` names a step that is not in this plan"],
    );
    check_fault(
        &two("undo=\"rm -rf a\"", "undo=none"),
        "T905",
        &["`undo=rm -rf a` names a step", "not a command"],
    );
    check_fault(&two("undo=a", "undo=none"), "T905", &["`a` cannot undo itself", "`undo=none`"]);
    check_fault(&two("undo=b", "undo=a"), "T905", &["in circles"]);
}

#[test]
fn bad_input_characters_that_nobody_sees_do_not_run() {
    for (hidden, name) in
        [('\u{202E}', "U+202E"), ('\u{2066}', "U+2066"), ('\u{200B}', "U+200B"), ('\u{FEFF}', "U+FEFF")]
    {
        check_fault(
            &runbook(&format!("```bash {{#a undo=none}}\necho it ran{hidden}\n```")),
            "T114",
            &[name, "delete it"],
        );
    }
}

#[test]
fn bad_input_nothing_in_a_document_can_move_the_cursor_or_turn_the_text_round() {
    let desk = Desk::new();
    let body = "- [ ] text \u{202e}dnuor denrut\n\n```bash {#a undo=none}\n: \u{1b}[2J \u{1b}]0;title\u{7}\necho it ran\n```";
    desk.write("r.md", runbook(body));
    desk.write("yes.yaml", "otherwise: yes\n");
    for arguments in [
        &["plan", "r.md"][..],
        &["check", "r.md"],
        &["run", "r.md", "--answers", "yes.yaml"],
        &["status"],
        &["log"],
    ] {
        let ran = desk.run(arguments);
        ran.never_says("\u{1b}").never_says("\u{7}").never_says("\u{202e}");
    }
    desk.expect(0, &["status", "last"]).never_says("\u{202e}");
    // What is for programs stays as it is, to the last byte.
    desk.expect(0, &["log", "--json"]).says("\u{202e}");
}

#[test]
fn bad_input_line_ends_marks_and_nested_fences_do_not_reach_the_shell() {
    let here = "```bash {#a undo=none}\nx=1\ntest \"$x\" = 1\ncat <<END\nhere\nEND\nif true; then\n  echo it \\\n    ran | od -An -c\nfi\n```";
    let nested = "````markdown\n```bash {#example undo=none}\necho example\n```\n````\n\n````bash {#a undo=none}\ncat <<'END'\n~~~bash\n```\n~~~\nEND\necho it ran\n````";
    let unix = runbook(here);
    for (document, words) in [
        (unix.replace('\n', "\r\n"), ["here", "i   t       r   a   n  \\n"]),
        (unix.replace("here\n", "here\r\n"), ["here", "i   t       r   a   n  \\n"]),
        (format!("\u{feff}{unix}"), ["here", "i   t       r   a   n  \\n"]),
        (format!("\u{feff}{}", unix.replace('\n', "\r\n")), ["here", "i   t       r   a   n  \\n"]),
        (runbook(nested), ["```", "it ran"]),
        (runbook(nested).replace('\n', "\r\n"), ["~~~bash", "it ran"]),
    ] {
        let desk = Desk::new();
        desk.write("r.md", &document);
        desk.expect(0, &["check", "r.md"]);
        let ran = desk.expect(0, &["run", "r.md"]);
        says_all(&ran, &words);
        ran.never_says("\\r").never_says("\r").never_says("example");
        // The record holds the document as it was, and the exact script without the line ends.
        desk.expect(0, &["record", "--out", "record"]);
        desk.expect(0, &["verify", "record"]).says("verified");
        let log = desk.expect(0, &["log", "--json"]).out;
        assert!(!log.lines().next().expect("the plan").contains("\\r"), "{document:?}");
    }
}

#[test]
fn bad_input_fifty_megabytes_run_and_are_recorded() {
    let sentence = "Some prose → about nothing, with `code` in it and [a link](https://example.test). ";
    let prose = format!("{}\n\n", sentence.repeat(20));
    let desk = Desk::new();
    desk.write("r.md", runbook(&format!("{}{STEP}", prose.repeat(50_000_000 / prose.len()))));
    desk.expect(0, &["run", "r.md"]).says("it ran");
    desk.record_verifies();
    let whole = desk.path("record/record.md").metadata().expect("it is there").len();
    assert!(whole > 49_000_000, "the record's page is the whole document: {whole} bytes");
}

#[test]
fn bad_input_five_megabytes_are_checked() {
    let prose = "Some prose → about nothing, with `code` in it and [a link](https://example.test).\n\n";
    let desk = Desk::new();
    desk.write("prose.md", runbook(&format!("{}{STEP}", prose.repeat(5_000_000 / prose.len()))));
    desk.write("line.md", runbook(&format!("{}\n\n{STEP}", "x".repeat(5_000_000))));
    desk.expect(0, &["check", "prose.md"]);
    desk.expect(0, &["plan", "line.md"]).says("echo it ran");
    // A script of that size is no page that people read.
    let script = "true\n".repeat(300_000);
    desk.write("script.md", runbook(&format!("```bash {{#a undo=none}}\n{script}```")));
    desk.expect(1, &["check", "script.md"]).says("longer than 1 MiB").says("put it into a script file");
}

#[test]
fn bad_input_too_large_a_file_is_refused_without_reading_it() {
    let desk = Desk::new();
    let path = desk.write("r.md", "");
    // A hole: it takes no space.
    std::fs::File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_len(5 << 30))
        .expect("a sparse file");
    for command in ["check", "plan", "run"] {
        let ran = desk.expect(2, &[command, "r.md"]);
        nothing_began(&desk, ran.says("it has 5120 MiB, the limit is 64 MiB"));
    }
}

#[test]
fn bad_input_ten_thousand_steps_are_planned_and_rehearsed() {
    let desk = Desk::new();
    let steps: String =
        (0..10_000).map(|at| format!("```bash {{#s{at} undo=none}}\ntrue {at}\n```\n\n")).collect();
    desk.write("r.md", runbook(&steps));
    desk.expect(0, &["plan", "r.md"]).says("true 9999");
    let rehearsed = desk.expect(0, &["rehearse", "r.md", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&rehearsed.out).expect("JSON");
    assert_eq!(value["cases"][0]["outcome"], "succeeded", "{}", rehearsed.out);
}

#[test]
fn bad_input_kinds_that_come_later_are_planned_and_refused_at_the_start() {
    for kind in ["rollout", "gate", "attest"] {
        let body = match kind {
            "rollout" => "shift: proxy\nsteps: [5%, 100%]",
            "gate" => "evidence: report.xml\nrequire: tests.failed == 0",
            _ => "sbom: sbom.json",
        };
        let desk = Desk::new();
        desk.write("r.md", runbook(&format!("{STEP}\n\n```yaml {{#later .{kind}}}\n{body}\n```")));
        desk.expect(0, &["plan", "r.md"]).says("is not available yet: a release with it does not start");
        desk.expect(0, &["rehearse", "r.md"]);
        let ran = desk.expect(2, &["run", "r.md"]);
        ran.says("not available yet").says("`later`").says(kind).says("{.manual}").never_says("it ran");
        desk.expect(0, &["status"]).says("no releases yet");
    }
}

#[test]
fn bad_input_settings_that_cannot_be_read_are_never_passed_over() {
    for (settings, words) in [
        (&b"roles = [\n"[..], "this is not TOML"),
        (b"[polcy]\nminimum_quorum = 2\n", "did you mean `policy`?"),
        (b"[secrets]\nTOKEN = \"hunter2\"\n", "must be a reference"),
    ] {
        let desk = Desk::new();
        desk.write("r.md", runbook(STEP));
        desk.write("tminus.toml", settings);
        desk.expect(1, &["check", "r.md"]).says("T108").says("tminus.toml:").says(words);
        nothing_began(&desk, desk.expect(2, &["run", "r.md"]).says("T108").says("tminus.toml:"));
    }
    for file in ["tminus.toml", "r.adopt.yaml"] {
        let desk = Desk::new();
        desk.write("r.md", runbook(STEP));
        desk.write(file, b"\xff\xfe");
        nothing_began(&desk, desk.expect(2, &["run", "r.md"]).says(file).says("UTF-8"));
        std::fs::remove_file(desk.path(file)).expect("it is there");
        std::fs::create_dir(desk.path(file)).expect("a folder");
        nothing_began(&desk, desk.expect(2, &["run", "r.md"]).says(file).says("a folder"));
    }
    let desk = Desk::new();
    desk.write("r.md", runbook(STEP));
    desk.write("tminus.toml", b"\xff\xfe");
    desk.expect(2, &["check", "r.md"]).says("tminus.toml").says("UTF-8");
    nothing_began(&desk, desk.expect(2, &["run", "r.md", "--config", "nope.toml"]).says("nope.toml"));
}

#[test]
fn bad_input_answers_that_cannot_be_read_leave_no_release_behind() {
    for (answers, words) in [
        ("anwers: []\n", "unknown field `anwers`, expected one of people, answers, otherwise"),
        ("answers: [\n", "line 1"),
        ("answers:\n  - { step: a, say: maybe }\n", "expected one of yes, done, skip"),
        ("otherwise: perhaps\n", "expected"),
        ("answers:\n  - { say: yes }\n", "step"),
    ] {
        let desk = Desk::new();
        desk.write("r.md", runbook(STEP));
        desk.write("a.yaml", answers);
        let ran = desk.expect(2, &["run", "r.md", "--answers", "a.yaml"]);
        nothing_began(&desk, ran.says("cannot read a.yaml").says(words));
    }
    let desk = Desk::new();
    desk.write("r.md", runbook(STEP));
    nothing_began(
        &desk,
        desk.expect(2, &["run", "r.md", "--answers", "nope.yaml"]).says("cannot read nope.yaml"),
    );
}

#[test]
fn bad_input_arguments_are_not_guessed_at() {
    let desk = Desk::new();
    let environments = "---\nrunbook: 1\nenvironments: [staging, production]\ninputs: { VERSION: 'v\\d+' }\n---\n# T\n\n## 1. Work\n**Environment**: staging → production\n\n```bash {#a undo=none}\necho it ran \"$VERSION\"\n```\n";
    desk.write("e.md", environments);
    desk.write("r.md", runbook(STEP));
    for (arguments, words) in [
        (&["run", "r.md", "--set", "NAME"][..], &["`--set NAME`", "no `=`", "NAME=VALUE"][..]),
        (&["run", "r.md", "--choose", "way"], &["`--choose way`", "no `=`"]),
        (&["run", "e.md"], &["`VERSION` has no value"]),
        (&["run", "e.md", "--set", "VERSION=latest"], &["`latest` does not match"]),
        (&["run", "e.md", "--version", "v1", "--env", "prodution"], &["`prodution`", "production, staging"]),
        (&["run", "r.md", "--env", "staging"], &["`staging`", "leave `--env` out"]),
        (&["run", "r.md", "--lane", "hotfix"], &["no step in this lane"]),
    ] {
        let ran = desk.expect(2, arguments);
        says_all(&ran, words);
        nothing_began(&desk, &ran);
    }
    let ran = desk.expect(2, &["plan", "e.md"]);
    says_all(&ran, &["give one: `--version …`", "1 fault is in the way", "the same command with the values"]);
    ran.never_says("T903").never_says("tminus check");
    // With a person, a missing input is only warned of; what cannot do without it is told.
    let send = "```yaml {#a .send on=web}\nfrom: $VERSION.toml\nto: /srv/x\n```";
    desk.write(
        "s.md",
        format!("---\nrunbook: 1\ninputs: {{ VERSION: 'v\\d+' }}\n---\n# T\n\n## 1. Work\n\n{send}\n"),
    );
    desk.expect(2, &["plan", "s.md", "--assisted"]).says("error T903").says("VERSION");
    desk.expect(0, &["plan", "e.md", "--version", "v1", "--env", "prod"])
        .says("production")
        .never_says("staging");
}

#[test]
fn bad_input_ids_are_found_by_their_ending_and_never_guessed() {
    let desk = Desk::new();
    desk.expect(2, &["resume"]).says("there is no .tminus").says("--state");
    let body = "## Web\n- [ ] seen\n\n## Api\n- [ ] seen\n\n## End\n```bash {#over undo=none}\nfalse\n```\n";
    desk.write("r.md", format!("---\nrunbook: 1\n---\n# T\n\n{body}"));
    desk.expect(5, &["run", "r.md", "--no-wait"]);
    desk.expect(5, &["run", "r.md", "--no-wait"]);
    desk.expect(2, &["status", "nope"]).says("find release `nope`").says("`tminus status` lists");
    desk.expect(2, &["log", ""]).says("find release");
    // Both began in this century.
    desk.expect(2, &["status", "20"]).says("which release `20` is: 2 are called so").says("more of its id");
    desk.expect(7, &["tick", "nope"]).says("find step `nope`");
    desk.expect(7, &["approve", "web/item-1"]).says("`tminus tick`");
    desk.expect(7, &["hold", "--reason", " "]).says("must say why");
    // Two items end so; the one that waits is meant, and when neither does, none.
    desk.expect(0, &["tick", "item-1"]);
    desk.expect(5, &["resume", "--no-wait"]);
    desk.expect(0, &["tick", "item-1"]);
    desk.expect(5, &["resume", "--no-wait"]).says("FAILED");
    desk.expect(7, &["tick", "item-1"]).says("web/item-1").says("api/item-1");
}
