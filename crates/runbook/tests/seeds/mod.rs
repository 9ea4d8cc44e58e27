//! Five real runbooks against what a careful reader labelled in them.
//!
//! The documents stand beside the workspace, in `../shared/seeds`. Without them the tests say so
//! and pass; with `CI=true` they must be there.

mod compare;
mod spans;
mod tally;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tminus_release::plan::{Action, Danger, Mode, Work};
use tminus_runbook::compile::{Compiled, Request, compile};
use tminus_runbook::view::plan_json;

use tally::Tally;

/// Labels that a second reading finds wrong, left out of the count: document, words of the label,
/// reason with its line.
const WRONG_LABELS: [(&str, &str, &str); 0] = [];

/// Labels that are right and not met, each with the reason: document, words of the label, reason.
/// They count as not found; a difference that is not in this table fails the test.
const KNOWN_DIFFERENCES: [(&str, &str, &str); 9] = [
    (
        "001",
        "supabase:migrate:web-cache",
        "line 31: asks to be confirmed like every other `migrate` command of the five",
    ),
    ("002", "knowledge base search time", "line 530: found, with the sentence's own subject as its metric"),
    ("002", "#123", "line 692: an issue's number reads like any other reference"),
    ("002", "hotfix/critical-bug-fix", "line 858: a sample branch looks like a real one"),
    ("002", "Description of changes", "line 119: sample words inside a message look like real ones"),
    ("003", "guardrail breaches", "line 249: found, with the unit `%` for `% of interactions`"),
    ("003", "...", "line 241: three dots are also prose"),
    ("004", "approving reviews", "line 112: found, with the label of its line as its metric"),
    ("004", "kubectl rollout status", "line 376: waits for the rollout and ends with it"),
];

/// What is found and not labelled, each with the reason: document, category, words, reason.
const EXTRAS: [(&str, &str, &str, &str); 4] = [
    (
        "000",
        "dangerous_commands",
        "Restore Database from Backup",
        "line 517: a task for a person; the labels count commands",
    ),
    ("002", "thresholds", "\"results\"", "line 530: the label of another name, see above"),
    ("003", "thresholds", "\"guardrail breaches\"", "line 176: the label with another unit, see above"),
    ("004", "thresholds", "\"Approval\"", "line 112: the label of another name, see above"),
];

/// Share of labelled items that must be found, per document.
const NEEDED: f64 = 0.95;

/// Finds the shared folder; its absence is an error only where everything must be there.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seeds");
    if folder.is_dir() {
        return Some(folder);
    }
    let is_ci = std::env::vars().any(|(name, value)| name == "CI" && value == "true");
    assert!(!is_ci, "the seeds must be there in CI: {}", folder.display());
    println!("skipped: no seeds at {}", folder.display());
    None
}

/// Returns each document with its name and labels.
pub(crate) fn all() -> Vec<(String, String, Value)> {
    let Some(folder) = folder() else { return Vec::new() };
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("the folder was just seen")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".md") && name.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    names.sort();
    assert_eq!(names.len(), 5, "five documents");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a seed is text");
    names
        .into_iter()
        .map(|name| {
            let labels =
                serde_json::from_str(&read(&name.replace(".md", ".labels.json"))).expect("labels are JSON");
            (name.clone(), read(&name), labels)
        })
        .collect()
}

fn assisted(name: &str, document: &str) -> Compiled {
    compile(document, &Request { name: name.to_owned(), mode: Mode::Assisted, ..Request::default() })
}

#[test]
fn seeds_are_read_as_their_labels_say() {
    let mut failed = Vec::new();
    for (name, document, labels) in all() {
        let compiled = assisted(&name, &document);
        let view = plan_json(&compiled);
        let short = &name[..3];
        let wrong: Vec<&str> = WRONG_LABELS
            .iter()
            .filter(|(document, ..)| *document == short)
            .map(|(_, label, _)| *label)
            .collect();
        let known: Vec<(&str, &str)> = KNOWN_DIFFERENCES
            .iter()
            .filter(|(document, ..)| *document == short)
            .map(|(_, label, reason)| (*label, *reason))
            .collect();
        let extras = EXTRAS.iter().filter(|(document, ..)| *document == short);
        let extras = extras.map(|(_, category, words, reason)| (*category, *words, *reason)).collect();
        let mut tally = Tally::new(short, wrong, known, extras);
        compare::all(&mut tally, &view, &labels);
        tally.print();
        assert_eq!(tally.unused(), [""; 0], "{short}: rows of the tables that nothing needs");
        assert_eq!(tally.unexplained(), Vec::<String>::new(), "{short}: differences without a reason");
        if tally.share() < NEEDED {
            failed.push(format!("{short}: {:.1} %", tally.share() * 100.0));
        }
    }
    for (document, label, reason) in WRONG_LABELS {
        println!("left out: {document} `{label}`: {reason}");
    }
    assert!(failed.is_empty(), "below {} %: {}", NEEDED * 100.0, failed.join(", "));
}

#[test]
fn no_dangerous_command_of_a_seed_is_proposed_without_a_yes() {
    for (name, document, labels) in all() {
        let compiled = assisted(&name, &document);
        let plan =
            compiled.plan.as_ref().unwrap_or_else(|| panic!("{name} has a plan: {:?}", compiled.diagnostics));
        let dangerous: Vec<String> = compare::commands_of(&labels["dangerous_commands"]);
        for step in &plan.steps {
            let is_command = matches!(&step.work, Work::Act(Action::Shell(_) | Action::Http(_)));
            if let Work::Act(Action::Shell(shell)) = &step.work {
                assert!(step.confirm.is_some(), "{name}: {} is proposed without asking", step.id);
                for command in &dangerous {
                    if compare::holds(&shell.script, command) {
                        let danger = step.confirm.as_ref().map(|confirm| confirm.danger);
                        assert_eq!(danger, Some(Danger::Dangerous), "{name}: {} runs {command}", step.id);
                    }
                }
            }
            for found in &compiled.outline.dangers {
                let inside = step.line <= found.line && found.line <= step.end_line;
                if found.danger == Danger::Dangerous && inside && is_command {
                    let danger = step.confirm.as_ref().map(|confirm| confirm.danger);
                    assert_eq!(danger, Some(Danger::Dangerous), "{name}: {} line {}", step.id, found.line);
                }
            }
        }
    }
}
