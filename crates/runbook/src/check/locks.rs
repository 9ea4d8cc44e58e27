//! T408: a file that is taken for a lock.
//!
//! Between the question whether it is there and its making somebody else can do the same, nobody owns it,
//! and it stays when the release dies.

use crate::diagnostic::Severity;
use crate::shell::{CommandUse, RedirectKind};
use crate::words::Words;

use super::page::{Finding, Given, Page, Script, short};

/// Runs the check. A mention in running text counts only where it asks for the file first.
pub(super) fn check(page: &Page<'_>, found: &mut Vec<Finding>) {
    for script in &page.scripts {
        let is_mention = script.inline && script.given == Given::Mentioned;
        for (at, command) in script.commands().iter().enumerate() {
            let Some(target) = made(command) else { continue };
            let is_lock = is_lock(target) && !is_mention && !switches_a_page(page, script, target);
            if is_lock || asked_for(page, script, at, target) {
                found.push(script.on(
                    "T408",
                    Severity::Warning,
                    command,
                    format!("`{}` is no lock: two people can both create it, nobody owns it, and it stays when the release dies", short(target)),
                    "let tminus hold the release (only one runs at a time for an environment), or use `flock`",
                ));
            }
        }
    }
}

/// The file that a command makes.
fn made(command: &CommandUse) -> Option<&str> {
    match command.program.as_str() {
        "touch" => command
            .arguments
            .iter()
            .find(|a| is_lock(a))
            .or_else(|| command.arguments.iter().find(|a| !a.starts_with('-')))
            .map(String::as_str),
        "echo" | "date" | ":" | "printf" | "hostname" | "whoami" | "true" => {
            let mut written = command.redirects.iter().filter(|r| r.kind == RedirectKind::Write);
            written.next().map(|redirect| redirect.target.as_str())
        }
        _ => None,
    }
}

/// A maintenance page is switched by a file: a proxy reads it, or it is removed again when it is over.
fn switches_a_page(page: &Page<'_>, script: &Script<'_>, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    if !["maintenance", "wartung"].iter().any(|word| name.contains(word)) {
        return false;
    }
    let proxies = ["nginx", "haproxy", "apache", "httpd", "caddy", "traefik"];
    proxies.iter().any(|proxy| path.contains(proxy))
        || script.text.contains(" reload ")
        || page.scripts.iter().any(|other| {
            other.commands().iter().any(|c| c.program == "rm" && c.arguments.iter().any(|a| a == path))
        })
}

fn is_lock(path: &str) -> bool {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).to_lowercase();
    let parts: Vec<&str> = name.split(['.', '-', '_']).collect();
    // `maintenance.html` is what users are shown meanwhile.
    // So is the page that `maintenance.on` switches on: it is no lock, and T410 asks for its end.
    if matches!(parts.last(), Some(&"html" | &"htm")) || is_switch(path) {
        return false;
    }
    // In the folder that Linux keeps for locks, a name need not say that it is one.
    path.contains("/var/lock/")
        || path.contains("/run/lock/")
        || ["maintenance", "lock", "freeze", "frozen", "deploying", "locked"]
            .iter()
            .any(|word| parts.contains(word))
}

/// What a name says that stands for "somebody is at it", in the languages that runbooks are written in.
static BUSY: Words = Words::new(&[
    "lock",
    "running",
    "in_progress",
    "in-progress",
    "inprogress",
    "deploying",
    "busy",
    "laeuft",
    "läuft",
    "sperre",
    "gesperrt",
    "verrou",
    "en_cours",
    "en-cours",
    "bloque",
    "candado",
    "en_curso",
    "en-curso",
    "trava",
    "em_andamento",
    "em-andamento",
    "mutex",
    "semaphore",
]);

/// What a sentence says of the same.
static ALONE: Words = Words::new(&[
    "at the same time",
    "at once",
    "two people",
    "nobody else",
    "no one else",
    "only one",
    "concurrent",
    "in parallel",
    "simultan",
    "gleichzeitig",
    "niemand sonst",
    "parallel",
    "en même temps",
    "personne d'autre",
    "a la vez",
    "al mismo tiempo",
    "nadie más",
    "ao mesmo tempo",
    "mais ninguém",
    "同時",
    "同时",
]);

/// `test ! -e FILE && touch FILE`: who asks for a file and then makes it takes it for a lock, when its name,
/// the sentence around it or what happens otherwise says so. A missing settings file is made the same way.
fn asked_for(page: &Page<'_>, script: &Script<'_>, at: usize, path: &str) -> bool {
    let commands = script.commands();
    let asks = |other: &CommandUse| {
        matches!(other.program.as_str(), "test" | "[" | "[[")
            && other.arguments.iter().any(|a| matches!(a.as_str(), "-e" | "-f" | "-a"))
            && other.arguments.iter().any(|a| a == path)
    };
    let Some(asked) = commands[..at].iter().rposition(asks) else { return false };
    let gives_up = commands[asked..at].iter().any(|c| matches!(c.program.as_str(), "exit" | "return"));
    let line = script.place(1, 1).0;
    gives_up
        || BUSY.any_in(&path.to_lowercase())
        || ALONE.any_in(&page.text_of(line..=line))
        || script.lead.as_deref().is_some_and(|lead| ALONE.any_in(&lead.to_lowercase()))
}

/// `maintenance.on`: what a proxy or an application looks for to show its page.
pub(super) fn is_switch(path: &str) -> bool {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).to_lowercase();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ["maint", "wartung"].iter().any(|word| name.contains(word))
        && matches!(ending, Some("on" | "enable" | "enabled" | "active" | "flag"))
}
