//! T410: what is switched off for the release and never switched on again.
//!
//! Told from commands that have an opposite, and only where the whole document names none: one that
//! says in words how it ends, or leaves it to another page, is left alone.

use crate::diagnostic::Severity;

use super::flow::Flow;
use super::kinds;
use super::locks::is_switch;
use super::page::{Finding, Page, Script, short};
use super::words;
use crate::shell::CommandUse;
use crate::words::Words;

/// A command that takes something out of service, and what puts it back.
struct Pair {
    program: &'static str,
    words: &'static [&'static str],
    /// Any of these in the document is an end.
    ends: &'static [&'static str],
    opposite: &'static str,
}

#[rustfmt::skip]
const PAIRS: [Pair; 9] = [
    Pair { program: "php", words: &["artisan", "down"], ends: &["artisan up"], opposite: "php artisan up" },
    Pair { program: "php", words: &["occ", "maintenance:mode", "--on"], ends: &["maintenance:mode --off"], opposite: "php occ maintenance:mode --off" },
    Pair { program: "wp", words: &["maintenance-mode", "activate"], ends: &["maintenance-mode deactivate"], opposite: "wp maintenance-mode deactivate" },
    Pair { program: "heroku", words: &["maintenance:on"], ends: &["maintenance:off"], opposite: "heroku maintenance:off" },
    Pair { program: "kubectl", words: &["cordon"], ends: &["uncordon", "delete node", "decommission", "terminate"], opposite: "kubectl uncordon" },
    Pair { program: "kubectl", words: &["drain"], ends: &["uncordon", "delete node", "decommission", "terminate"], opposite: "kubectl uncordon" },
    Pair { program: "kubectl", words: &["rollout", "pause"], ends: &["rollout resume", "rollout undo"], opposite: "kubectl rollout resume" },
    Pair { program: "gh", words: &["workflow", "disable"], ends: &["workflow enable"], opposite: "gh workflow enable" },
    Pair { program: "aws", words: &["autoscaling", "suspend-processes"], ends: &["resume-processes"], opposite: "aws autoscaling resume-processes" },
];

/// Ways to say in words that it ends.
static ENDS: Words = Words::new(&[
    "disable maintenance",
    "leave maintenance",
    "end maintenance",
    "exit maintenance",
    "maintenance mode off",
    "maintenance off",
    "turn off maintenance",
    "lift the maintenance",
    "out of maintenance",
    "bring the site back",
    "back online",
]);

/// The document in small letters without the sections about going back: what ends there ends only where
/// the release has failed.
pub(super) fn forward(page: &Page<'_>, flow: &Flow) -> String {
    let mut text = String::new();
    let mut from = 1;
    for at in &flow.ways_back {
        let lines = flow.lines(page, *at);
        if from < *lines.start() {
            text.push_str(&page.text_of(from..=lines.start() - 1));
        }
        from = from.max(lines.end() + 1);
    }
    text.push_str(&page.text_of(from..=page.markdown.lines.count()));
    text
}

/// Runs the check: once for each pair, at the first place.
pub(super) fn check(page: &mut Page<'_>, flow: &Flow) {
    let mut found = Vec::new();
    let text = std::cell::OnceCell::new();
    let ends_in = |script: &Script<'_>, ends: &[&str]| {
        let whole = flow.is_way_back(page, script.section);
        let text = if whole { page.lower() } else { text.get_or_init(|| forward(page, flow)) };
        words::has(text, ends) || ENDS.any_in(text)
    };
    switches(page, &ends_in, &mut found);
    for pair in &PAIRS {
        let first = page.scripts.iter().filter(|script| !script.inline).find_map(|script| {
            let command = script.commands().iter().find(|command| {
                let dry = command.arguments.iter().any(|argument| argument.starts_with("--dry-run"));
                command.program == pair.program
                    && !dry
                    && !command.place.quoted_program
                    && kinds::has_words(command, pair.words)
            })?;
            Some((script, command))
        });
        let Some((script, command)) = first else { continue };
        if ends_in(script, pair.ends) {
            continue;
        }
        found.push(script.on(
            "T410",
            Severity::Warning,
            command,
            never_ends(command),
            format!("add the step that ends it, also to the rollback: `{}`", pair.opposite),
        ));
    }
    found.into_iter().for_each(|finding| page.report(finding));
}

fn never_ends(command: &CommandUse) -> String {
    format!(
        "`{}` is taken back by nothing in this release: when everything went well, users still wait",
        short(&command.text)
    )
}

/// A file that switches a page on is taken away by its name.
fn switches(page: &Page<'_>, ends_in: &dyn Fn(&Script<'_>, &[&str]) -> bool, found: &mut Vec<Finding>) {
    // Each one costs a reading of the text.
    const MOST: usize = 20;
    let mut looked = 0;
    for script in page.scripts.iter().filter(|script| !script.inline) {
        let switched = script.commands().iter().find_map(|command| {
            let touches = command.program == "touch";
            let path = command.arguments.iter().find(|argument| touches && is_switch(argument))?;
            Some((command, path.to_lowercase()))
        });
        let Some((command, path)) = switched.filter(|_| looked < MOST) else { continue };
        looked += 1;
        let ends = ["rm ", "rm -f ", "unlink "].map(|verb| format!("{verb}{path}"));
        let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
        if !ends_in(script, &ends) {
            let message = never_ends(command);
            found.push(script.on(
                "T410",
                Severity::Warning,
                command,
                message,
                format!("add the step that ends it, also to the rollback: `rm -f {path}`"),
            ));
            return;
        }
    }
}
