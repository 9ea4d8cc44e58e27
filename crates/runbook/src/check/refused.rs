//! T212: blocks that the shell refuses, and whether they were ever meant for one.
//!
//! An error only where a shell's code is broken: what a program printed, and files in another
//! language that a page only wants to colour, are told as what they are.

use crate::diagnostic::Severity;
use crate::pattern::Pattern;
use crate::shell::CommandUse;

use super::page::{Finding, Script};

/// T212: the shell refuses it.
pub(super) fn check(script: &Script<'_>, found: &mut Vec<Finding>) {
    let Some((line, column, reason)) = &script.survey.syntax_error else {
        statement(script, found);
        return;
    };
    let (severity, message, help) = if is_printed(script) {
        (
            Severity::Note,
            "this is what a program printed, not what a shell runs: no step can be made of it".to_owned(),
            "mark the block `text`; in a `console` block put `$ ` before each command",
        )
    } else if is_numbered(script.text) {
        (
            Severity::Note,
            "this block calls itself a shell's, and is a numbered list: no step can be made of it".to_owned(),
            "write it as a list of the document, with a block for each command; `- [ ]` makes an item that is ticked",
        )
    } else if let Some(language) = other_language(script.text) {
        (
            Severity::Note,
            format!("this block calls itself a shell's, and is {language}: no step can be made of it"),
            "name its own language behind the ticks; a file that a step writes can stand in a here-document",
        )
    } else {
        (
            Severity::Error,
            format!("syntax error: {reason}"),
            "paste the block into `bash -n` to see it; a block that is not meant to run can be marked `.example` or `text`",
        )
    };
    let at = script.place(*line, *column);
    let (end, help) = ((at.0, at.1 + 1), help.to_owned());
    found.push(Finding { code: "T212", severity, at, end, message, help });
}

/// T212: a statement of SQL among the commands. A shell has no command `DROP`; behind a client that
/// waits at a terminal it is what a person is to type there, and T205 has said that.
fn statement(script: &Script<'_>, found: &mut Vec<Finding>) {
    let waits = |line: u32| script.survey.interactive.iter().any(|(known, _)| *known < line);
    let first = script.commands().iter().find(|command| is_statement(command));
    if let Some(command) = first.filter(|command| !waits(command.line)) {
        found.push(script.on(
            "T212",
            Severity::Error,
            command,
            format!(
                "`{}` is SQL: a shell has no command of this name, and the block ends here",
                command.program
            ),
            "hand it to the database's client: `psql -v ON_ERROR_STOP=1 -c '…'`, or a here-document",
        ));
    }
}

/// Capitals alone are no proof: the word behind has to be one that SQL has there.
fn is_statement(command: &CommandUse) -> bool {
    let Some(next) = command.arguments.first().map(String::as_str) else { return false };
    let object = matches!(
        next,
        "DATABASE"
            | "EXTENSION"
            | "INDEX"
            | "ROLE"
            | "SCHEMA"
            | "SEQUENCE"
            | "TABLE"
            | "TYPE"
            | "USER"
            | "VIEW"
    );
    let has = |word: &str| command.arguments.iter().any(|argument| argument == word);
    match command.program.as_str() {
        "ALTER" | "DROP" | "TRUNCATE" => object,
        "CREATE" => object || matches!(next, "OR" | "UNIQUE" | "MATERIALIZED"),
        "INSERT" => next == "INTO",
        "DELETE" => next == "FROM",
        "SELECT" => has("FROM"),
        "UPDATE" => has("SET"),
        _ => false,
    }
}

/// Tells what a program printed from a script with a fault: `console` is for both, so without a
/// prompt it is doubtful; frames of a stack and the prompts of debuggers stand in no script.
fn is_printed(script: &Script<'_>) -> bool {
    let session = script.fence.is_some_and(|fence| {
        matches!(fence.info.language.as_str(), "console" | "shell-session" | "shellsession")
    });
    session || PRINTED.is_match(script.text)
}

static PRINTED: Pattern = Pattern::new(
    &[
        "at ",
        "traceback",
        "(",
        "warn",
        "error",
        "info",
        "|",
        ": ",
        "✓",
        "✗",
        "✔",
        "✘",
        "-- ",
        "├",
        "└",
        "│",
        "\":",
        "usage:",
        "}",
        "±",
    ],
    r"(?m)^\s+at \S.*[:(]\S*:\d+(?::\d+)?\)?$|^Traceback \(most recent call last\)|^\([\w.-]+\) (?:\$ )?\w|^(?:\S+: )?(?:WARN(?:ING)?|ERROR|INFO|DEBUG|[Ww]arning)(?::| {1,8}[\d\[])|^\| ?\S.* \||^\s*[✓✗✔✘] |^[A-Z][A-Z0-9_]+: +\S|^\s*--> \S+:\d+:\d+|^\s*(?:\d+ +)?error(?:\[\w+\])?: |^\s*[{\[]\s*\n\s*\x22[^\x22\n]+\x22:|^[\s|│]*(?:[+`]-- |[├└│])|^\s*[Uu]sage: \S|^[a-z][\w ]{0,30} {2,}: +\S|^\s*\{ ?['\x22]?[\w$.-]+['\x22]?(?:\[\d*\])?[:,] .*\}$|^[^'\x22#\n]* ±\d[\d.]*%",
);

/// Tells a list of what happens, one line a number, from code: no shell has a command `1.`.
fn is_numbered(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let numbered = |line: &str| {
        line.split_once(". ")
            .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    lines.clone().count() > 1 && lines.all(numbered)
}

/// Tells the language of a block that calls itself a shell's and is something else: a file to be
/// written, in a page that only wants its colours.
fn other_language(text: &str) -> Option<&'static str> {
    OTHER.iter().find(|(pattern, _)| pattern.is_match(text)).map(|(_, name)| *name)
}

static OTHER: [(Pattern, &str); 7] = [
    (Pattern::new(&["::="], r"(?m)^\s*<?[\w-]+>? +::= "), "a grammar"),
    (
        Pattern::new(
            &["server", "location", "upstream", "http", "events"],
            r"(?m)^\s*(?:server|http|events|upstream \S+|location [^{\n]+)\s*\{\s*$",
        ),
        "a configuration of nginx",
    ),
    (
        Pattern::new(
            &["<"],
            r"(?m)^\s*<(?:VirtualHost|Directory|Location|IfModule|Proxy|Files)\b[^>\n]*>\s*$",
        ),
        "a configuration of Apache",
    ),
    (
        Pattern::new(
            &["import", "def ", "class ", "print"],
            r"(?m)^(?:from [\w.]+ import \w|import [\w.]+(?: as \w+)?$|def \w+\(.*\).*:$|class \w+.*:$|\w+ = \w+\(.*\)$)",
        ),
        "Python",
    ),
    (
        Pattern::new(
            &["const ", "let ", "function", "=>"],
            r"(?m)^(?:const|let) \w+ = |^\s*\}\);?$|^(?:export |async )*function \w+\(",
        ),
        "JavaScript",
    ),
    (Pattern::new(&["{", "["], r#"^\s*[{\[]\s*(?:\n\s*)?["{\[\]}]"#), "JSON"),
    (
        Pattern::new(
            &["resource", "variable", "provider", "module"],
            r#"(?m)^(?:resource|variable|provider|module|output|data) "[^"\n]+"(?: "[^"\n]+")? \{"#,
        ),
        "Terraform",
    ),
];
