//! T410: what is switched off for the release and never switched on again.
//!
//! Told from commands that have an opposite, and only where the whole document names none: one that
//! says in words how it ends, or leaves it to another page, is left alone.

use crate::diagnostic::Severity;

use super::kinds;
use super::page::{Page, short};
use super::words;
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

/// Runs the check: once for each pair, at the first place.
pub(super) fn check(page: &mut Page<'_>) {
    let mut found = Vec::new();
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
        if words::has(page.lower(), pair.ends) || ENDS.any_in(page.lower()) {
            continue;
        }
        found.push(script.on(
            "T410",
            Severity::Warning,
            command,
            format!(
                "`{}` is never taken back in this document: when everything went well, users still wait",
                short(&command.text)
            ),
            format!("add the step that ends it, also to the rollback: `{}`", pair.opposite),
        ));
    }
    found.into_iter().for_each(|finding| page.report(finding));
}
