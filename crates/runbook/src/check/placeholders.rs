//! T207: places to fill in that a shell reads as something else.
//!
//! A place is told where a shell would read it. What a program prints about itself, and the synopsis
//! of a command, are read by people alone.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::Severity;
use crate::shell::{Placeholder, PlaceholderKind};

use super::page::{Around, Finding, Given, Page, Script};

/// How many places of one command are told; what is between them is read for each.
const MOST_IN_ONE: usize = 50;

/// T207: places to fill in that a shell reads as something else.
pub(super) fn check(page: &mut Page<'_>) {
    let mut found = Vec::new();
    for script in &page.scripts {
        // `Usage: tool <file>` begins what a program prints about itself.
        let printed = script.commands().first().is_some_and(|first| first.program.ends_with(':'));
        if script.survey.placeholders.is_empty() || printed {
            continue;
        }
        let (ends, around) = (bracket_ends(script), Around::new(script));
        let mut told: HashMap<usize, usize> = HashMap::new();
        for placeholder in
            script.survey.placeholders.iter().filter(|p| p.kind.must_be_bound() && !page.is_bound(&p.text))
        {
            let Some(command) = around.command(placeholder.start, placeholder.end) else { continue };
            let count = told.entry(command.start).or_default();
            *count += 1;
            if *count > MOST_IN_ONE {
                continue;
            }
            // A quoted text alone is a message for people; `WATCHER 12: opened <file>` is a log's line.
            let logged = !script.inline
                && command.program.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                && command.arguments.first().is_some_and(|argument| argument.ends_with(':'));
            if command.place.quoted_program || logged || matches!(placeholder.kind, PlaceholderKind::Blank) {
                continue;
            }
            let quoted = is_quoted(script.text, command.start, placeholder.start);
            // `<name>…</name>` in quotes is markup that the command is to handle.
            if quoted && is_markup(&command.text, &placeholder.text) {
                continue;
            }
            let printed = quoted && matches!(command.program.as_str(), "echo" | "printf" | "git" | "logger");
            if !printed {
                let refused = !quoted && ends.contains(&command.end);
                let mut finding = placeholder_finding(script, placeholder, quoted, refused);
                if is_synopsis(&command.text) {
                    finding.severity = Severity::Note;
                }
                if script.inline {
                    let most = if script.given == Given::Step { Severity::Warning } else { Severity::Note };
                    finding.severity = finding.severity.min(most);
                }
                // What stands on one line is filled in together: one sentence for them, the worst.
                let same = |other: &&mut Finding| other.code == "T207" && other.at.0 == finding.at.0;
                match found.iter_mut().rev().take(MOST_IN_ONE).find(same) {
                    Some(other) if other.severity >= finding.severity => {}
                    Some(other) => *other = finding,
                    None => found.push(finding),
                }
            }
        }
    }
    found.into_iter().for_each(|finding| page.report(finding));
}

/// `tool <file> [--force] [options]` says how a command is built; nobody takes it for one to paste.
fn is_synopsis(command: &str) -> bool {
    let optional = [" [-", " [<", " [...", " [option", " [OPTION", " [arg", " [ARG"];
    !command.contains(" ]") && optional.iter().any(|sign| command.contains(sign))
}

fn is_markup(command: &str, placeholder: &str) -> bool {
    let name = placeholder.trim_matches(['<', '>']).split(' ').next().unwrap_or_default();
    placeholder.starts_with('<') && command.contains("</") && command.contains(&format!("</{name}>"))
}

/// `… --org <x>` and `… <x> | y`: the last `>` has no file, so the shell refuses the command.
fn bracket_ends(script: &Script<'_>) -> HashSet<usize> {
    let angles = script.survey.placeholders.iter().filter(|p| p.kind == PlaceholderKind::Angle);
    angles.map(|p| p.end).collect()
}

fn placeholder_finding(
    script: &Script<'_>,
    placeholder: &Placeholder,
    quoted: bool,
    refused: bool,
) -> Finding {
    let name = &placeholder.text;
    let misread = placeholder.kind == PlaceholderKind::Angle && !quoted;
    // A line that goes on is one line to the shell.
    let mut rest = &script.text[placeholder.end..];
    while let Some(after) = rest.strip_prefix([' ', '\t']).or_else(|| rest.strip_prefix("\\\n")) {
        rest = after;
    }
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ';' | '|' | '&'));
    let next = rest[..end.unwrap_or(rest.len())].trim_end_matches('\\');
    // `2>&1` is another redirection, so this one has no file.
    let beside = rest[next.len()..].starts_with(['<', '>']) && next.chars().all(|c| c.is_ascii_digit());
    let inner = name.trim_matches(['<', '>']);
    let message = if !misread {
        format!("`{name}` is a place to fill in: as written, the command gets these very characters")
    } else if refused || next.is_empty() || beside {
        format!(
            "a shell reads `{name}` as two redirections and finds no file for the last one: a syntax error, after the lines above have run"
        )
    } else {
        format!(
            "a shell reads `{name}` as two redirections: it wants a file `{inner}` to read, and one named `{next}` to write"
        )
    };
    let width = u32::try_from(name.chars().count()).unwrap_or(0);
    Finding {
        code: "T207",
        severity: if misread { Severity::Error } else { Severity::Warning },
        at: script.place(placeholder.line, placeholder.column),
        end: script.place(placeholder.line, placeholder.column + width),
        message,
        help: format!(
            "give a value to the run, `--set '{name}=…'`, or declare the input in the front matter: `inputs: {{ {}: '…' }}`",
            crate::names::variable(name)
        ),
    }
}

/// Tells whether a byte stands between quotes, counted from the start of its command.
fn is_quoted(text: &str, from: usize, at: usize) -> bool {
    let mut open = None;
    let mut escaped = false;
    for character in text[from..at].chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if open != Some('\'') => escaped = true,
            '"' | '\'' if open.is_none() => open = Some(character),
            quote if open == Some(quote) => open = None,
            _ => {}
        }
    }
    open.is_some()
}
