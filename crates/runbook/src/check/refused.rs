//! T212: blocks that the shell refuses, and whether they were ever meant for one.
//!
//! An error only where a shell's code is broken: what a program printed, and files in another
//! language that a page only wants to colour, are told as what they are.

use crate::diagnostic::Severity;
use crate::pattern::Pattern;

use super::page::{Finding, Script};

/// T212: the shell refuses it.
pub(super) fn check(script: &Script<'_>, found: &mut Vec<Finding>) {
    let Some((line, column, reason)) = &script.survey.syntax_error else { return };
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
    ],
    r"(?m)^\s+at \S.*[:(]\S*:\d+(?::\d+)?\)?$|^Traceback \(most recent call last\)|^\([\w.-]+\) (?:\$ )?\w|^(?:\S+: )?(?:WARN(?:ING)?|ERROR|INFO|DEBUG|[Ww]arning)(?::| {1,8}[\d\[])|^\| ?\S.* \||^\s*[✓✗✔✘] |^[A-Z][A-Z0-9_]+: +\S|^\s*--> \S+:\d+:\d+|^\s*(?:\d+ +)?error(?:\[\w+\])?: |^\s*[{\[]\s*\n\s*\x22[^\x22\n]+\x22:|^[\s|│]*(?:[+`]-- |[├└│])",
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

static OTHER: [(Pattern, &str); 6] = [
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
