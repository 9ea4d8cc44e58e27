//! Everything that is found in a document: by its structure, its plan and its commands.
//!
//! The terminal, build servers and editors all ask here, so that none of them knows more or less
//! than the others.

use tminus_release::plan::{Action, Mode, Work};

use crate::compile::{Compiled, Request, compile_parsed};
use crate::diagnostic::{Diagnostic, Severity};
use crate::markdown;
use crate::settings::Settings;

use super::{Silenced, check_with, settle};

/// A document that was looked through.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Every fault, in document order.
    pub found: Vec<Diagnostic>,
    /// What the document or its settings silence, with the reason.
    pub silenced: Vec<Silenced>,
    /// The plan that the document gives, and its outline, for those who show more than faults.
    pub compiled: Compiled,
}

/// Finds every fault of a document in the place that `settings` describe. Any text gives a result.
///
/// `name` is the document's name in messages.
pub fn check_whole(text: &str, name: &str, settings: Settings) -> Checked {
    // A verbatim document is checked as one: that its blocks are not annotated is no fault.
    let mode = if declares_runbook(text) { Mode::Unattended } else { Mode::Assisted };
    check_in_mode(text, name, settings, mode)
}

/// Finds every fault of a document that is to run in a mode.
pub fn check_in_mode(text: &str, name: &str, settings: Settings, mode: Mode) -> Checked {
    let request =
        Request { name: name.to_owned(), settings, mode, inputs_come_later: true, ..Request::default() };
    let markdown = markdown::parse(text);
    let compiled = compile_parsed(text, &markdown, &request);
    let settings = &request.settings;
    let commands = check_with(text, &markdown, &compiled.outline, settings);
    let mut found = compiled.diagnostics.clone();
    for step in compiled.plan.iter().flat_map(|plan| &plan.steps) {
        if let Work::Act(Action::Unavailable(unavailable)) = &step.work {
            let message =
                format!("`{}` is not available yet: a release with it does not start", unavailable.kind);
            let line = Diagnostic::new("T917", Severity::Warning, (step.line, 1), (step.line, 2), message);
            found.push(line.with_help("until it is, let a person do it: mark the fence {.manual}"));
        }
    }
    // That one lane is empty is no fault of a document whose work stands in another.
    let elsewhere = compiled.outline.phases().next().is_some();
    found.retain(|found| found.code != "T111" || !elsewhere);
    found.extend(commands);
    found.sort_by(|a, b| {
        (a.line, a.column, a.code).cmp(&(b.line, b.column, b.code)).then(b.severity.cmp(&a.severity))
    });
    found.dedup_by(|a, b| a.line == b.line && a.column == b.column && a.code == b.code);
    let settled = settle(text, &markdown, found, &settings.checks);
    Checked { found: settled.findings, silenced: settled.silenced, compiled }
}

/// Tells whether front matter says `runbook:`. Reading the whole document only to learn that would
/// cost as much as checking it.
pub fn declares_runbook(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    lines.next().is_some_and(|line| line.trim_end() == "---")
        && lines.take_while(|line| line.trim_end() != "---").any(|line| line.starts_with("runbook:"))
}
