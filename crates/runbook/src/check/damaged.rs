//! T217: a text or a file that does not arrive as it was written: the shell runs what stands in a message,
//! and a terminal changes the ends of a dump's lines.

use crate::diagnostic::Severity;
use crate::shell::{CommandUse, RedirectKind};

use super::kinds;
use super::page::{Finding, Script};

/// Runs the check over one script.
pub(super) fn check(script: &Script<'_>, found: &mut Vec<Finding>) {
    for command in script.commands() {
        if let Some(code) = run_in_message(command) {
            found.push(script.on(
                "T217",
                Severity::Warning,
                command,
                format!("between double quotes the shell runs `{code}` and puts its output into the message"),
                "put the message between single quotes, or a `\\` in front of each back quote",
            ));
        }
        through_terminal(script, command, found);
    }
}

/// A message in double quotes in which somebody has marked code as in Markdown. `$(date)` is meant to run;
/// a back quote around a word that is no program's name followed by words is a mark.
fn run_in_message(command: &CommandUse) -> Option<String> {
    let is_message = match command.program.as_str() {
        "git" => ["commit", "tag", "merge", "notes", "stash"]
            .iter()
            .any(|verb| kinds::words(command).contains(verb)),
        "gh" | "glab" => {
            ["release", "pr", "issue", "mr"].iter().any(|verb| kinds::words(command).contains(verb))
        }
        _ => false,
    };
    if !is_message || !command.text.contains('`') {
        return None;
    }
    let (mut quote, mut escaped, mut start) = (None, false, None);
    for (at, character) in command.text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quote != Some('\'') => escaped = true,
            '"' | '\'' if quote.is_none() => quote = Some(character),
            '"' | '\'' if quote == Some(character) => quote = None,
            '`' if quote == Some('"') => match start.take() {
                None => start = Some(at + 1),
                Some(from) => {
                    let code = &command.text[from..at];
                    // What asks for a value is meant to be run.
                    let asks = ["git ", "date", "cat ", "whoami", "hostname", "jq ", "node -p", "npm "];
                    if !asks.iter().any(|program| code.starts_with(program) && code.len() > program.len() + 1)
                    {
                        return Some(code.to_owned());
                    }
                }
            },
            _ => {}
        }
    }
    None
}

/// `docker exec -t db pg_dump … > file`: the terminal ends each line with `\r\n`, and puts errors among them.
fn through_terminal(script: &Script<'_>, command: &CommandUse, found: &mut Vec<Finding>) {
    let has_terminal = match command.program.as_str() {
        "docker" | "podman" | "kubectl" | "oc" | "nerdctl" => {
            let own = command.arguments.iter().take_while(|argument| *argument != "--");
            let verbs = kinds::words(command);
            ["exec", "run"].iter().any(|verb| verbs.iter().take(4).any(|word| word == verb))
                && verbs.first() != Some(&"compose")
                && own.take(8).any(|argument| matches!(argument.as_str(), "-t" | "-it" | "-ti" | "--tty"))
        }
        // Without a command of its own a second `-t` is the same by force.
        "ssh" => command.arguments.iter().take(6).any(|argument| matches!(argument.as_str(), "-t" | "-tt")),
        _ => false,
    };
    // Only what holds data: of a log nobody minds the ends of the lines.
    let is_data = ["dump", "backup", "export", "basebackup", "tar ", "gzip"]
        .iter()
        .any(|word| command.text.contains(word));
    let kept = command.redirects.iter().any(|redirect| redirect.kind == RedirectKind::Write)
        || command.pipe.1 > 1 && command.pipe.0 + 1 < command.pipe.1;
    if has_terminal && is_data && kept {
        found.push(script.on(
            "T217",
            Severity::Warning,
            command,
            "a terminal changes what goes through it: with `-t` every line of this file ends with `\\r\\n`, and errors stand among the data",
            "leave out `-t`",
        ));
    }
}
