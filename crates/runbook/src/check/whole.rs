//! Everything that is found in a document: by its structure, its plan and its commands.
//!
//! The terminal, build servers and editors all ask here, so that none of them knows more or less
//! than the others.

use tminus_release::plan::{Action, Mode, Work};

use crate::beside::beside;
use crate::compile::{Compiled, Request, plan_outline};
use crate::diagnostic::{Diagnostic, Severity};
use crate::markdown;
use crate::outline;
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
    let (outline, read_faults) = outline::read(text, &markdown, &request.name);
    let settings = &request.settings;
    let (planned, commands) = beside(
        text.len(),
        || plan_outline(text, &markdown, &outline, &request),
        || check_with(text, &markdown, &outline, settings),
    );
    let compiled = planned.with_outline(text, outline, read_faults, &request);
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
    // A page on which nothing stands at all is a fault in any mode.
    if mode == Mode::Assisted && !text.trim().is_empty() {
        let prose = compiled.outline.units.is_empty();
        found.iter_mut().for_each(|found| milder(found, prose));
        once_without_source(&mut found);
    }
    found.extend(commands);
    found.sort_by(|a, b| {
        (a.line, a.column, a.code).cmp(&(b.line, b.column, b.code)).then(b.severity.cmp(&a.severity))
    });
    found.dedup_by(|a, b| a.line == b.line && a.column == b.column && a.code == b.code);
    let settled = settle(text, &markdown, found, &settings.checks);
    Checked { found: settled.findings, silenced: settled.silenced, compiled }
}

/// A place without settings measures nothing: what is told about the first limit holds for all.
fn once_without_source(found: &mut Vec<Diagnostic>) {
    let is_one = |found: &Diagnostic| found.code == "T915" && found.severity == Severity::Note;
    let first = found.iter().filter(|found| is_one(found)).map(|found| found.line).min();
    let count = found.iter().filter(|found| is_one(found)).count();
    let mut kept = false;
    found.retain(|one| !is_one(one) || Some(one.line) == first && !std::mem::replace(&mut kept, true));
    if let Some(one) = found.iter_mut().find(|one| is_one(one)).filter(|_| count > 1) {
        one.message.push_str(&format!("; as little as the {} other limits of this document", count - 1));
    }
}

/// A document as it is may be no runbook at all, and whoever runs it is asked which way to take:
/// neither is a fault that anybody made.
fn milder(found: &mut Diagnostic, prose: bool) {
    match found.code {
        "T111" => {
            found.severity = found.severity.min(if prose { Severity::Warning } else { Severity::Note });
            "nothing on this page would run or be ticked off: as a runbook it is empty"
                .clone_into(&mut found.message);
            let help = "is it one? then put its commands into blocks marked `bash` and its tasks into `- [ ]` items; else there is nothing to mend";
            found.help = Some(help.to_owned());
        }
        "T908" => found.severity = found.severity.min(Severity::Note),
        _ => {}
    }
}

/// Tells whether front matter says `runbook:`. Reading the whole document only to learn that would
/// cost as much as checking it.
pub fn declares_runbook(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    lines.next().is_some_and(|line| line.trim_end() == "---")
        && lines.take_while(|line| line.trim_end() != "---").any(|line| line.starts_with("runbook:"))
}
