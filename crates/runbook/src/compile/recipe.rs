//! What steps have in common that are recipes: a script of ours, and one that takes it back.
//!
//! Both look before they act, so both may be repeated after a crash.

use tminus_release::plan::{Action, Interpreter, Resume, Shell, Undo, Work};
use tminus_release::time::Span;

use super::drafts::{Compiler, Place, Placement};
use super::hosts::Where;
use crate::diagnostic::Severity;
use crate::outline::FenceUnit;

/// A script with its title.
pub(super) struct Recipe {
    pub(super) title: String,
    pub(super) script: String,
}

/// A step of a kind, with the step that takes it back.
pub(super) struct BothWays {
    pub(super) kind: &'static str,
    pub(super) timeout: Span,
    pub(super) own: Where,
    pub(super) folder: String,
    pub(super) forward: Recipe,
    pub(super) back: Recipe,
}

impl Compiler<'_> {
    /// The folder of what a step recorded, in that of the release: its id, as a file's name.
    pub(super) fn record_name(&self, unit: usize, run: Option<&str>) -> String {
        let run = run.iter().flat_map(|run| std::iter::once('@').chain(run.chars()));
        self.default_ids[unit]
            .chars()
            .chain(run)
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@') { c } else { '_' })
            .collect()
    }

    /// Paths are those of the runbook, or on another host of the folder where one comes in, wherever
    /// an earlier step of the phase went; `cwd=` names another.
    pub(super) fn recipe_folder(&self, place: &Place<'_>, fence: &FenceUnit) -> String {
        self.value(fence, "cwd", place).map_or_else(|| ".".to_owned(), |word| word.text.clone())
    }

    /// Reports a value that has to be known before anything starts.
    pub(super) fn not_bound(&mut self, place: &Place<'_>, message: String) {
        self.faults
            .add_at_line("T903", Severity::Error, place.unit.line, message)
            .help("bind it: `--set NAME=value`, `--version`, or an input in the front matter");
    }

    /// Tells whether a value is one, and reports a command in it: a shell would run it, twice with two
    /// results perhaps, and here it would stay as it is written.
    pub(super) fn is_no_command(&mut self, place: &Place<'_>, key: &str, written: &str) -> bool {
        if !written.contains("$(") {
            return true;
        }
        let message = format!("`{key}` has a command in it, and nothing is run in a value: `{written}`");
        self.faults
            .add_at_line("T907", Severity::Error, place.unit.line, message)
            .help("take an input such as `$VERSION`, or what a step before wrote to `$RUN_OUT`");
        false
    }

    /// Tells whether the block is no check, and reports one that is.
    pub(super) fn is_no_check(&mut self, place: &Place<'_>, fence: &FenceUnit, kind: &str) -> bool {
        if !self.has_class(fence, "check") {
            return true;
        }
        let message = format!("`.{kind}` changes something, so it is no `.check`");
        self.faults.add_at_line("T907", Severity::Error, place.unit.line, message).help("leave `.check` out");
        false
    }

    /// Adds both steps, and returns where the step itself is.
    pub(super) fn with_way_back(&mut self, place: &Place<'_>, fence: &FenceUnit, both: BothWays) -> usize {
        let BothWays { kind, timeout, own, folder, forward, back } = both;
        let shell = |script: String| shell(kind, script, folder.clone(), own.clone());
        let id = self.default_ids[place.index].clone();
        // The step itself comes last: it is what the block's id and prose belong to.
        let notes = std::mem::take(&mut self.notes);
        let at = self.add_step(place, format!("{id}/undo"), back.title, shell(back.script));
        let draft = &mut self.drafts[at];
        draft.placement = Placement::OnDemand;
        (draft.step.resume, draft.step.timeout) = (Resume::Rerun, timeout);
        let undo = Undo::Step(draft.step.id.clone());
        self.notes = notes;
        let at = self.add_step(place, id, forward.title, shell(forward.script));
        let step = &mut self.drafts[at].step;
        (step.resume, step.timeout, step.undo) = (Resume::Rerun, timeout, undo);
        self.attributes(at, fence, place);
        at
    }
}

/// A recipe as work.
pub(super) fn shell(kind: &str, script: String, folder: String, own: Where) -> Work {
    Work::Act(Action::Shell(Shell {
        interpreter: Interpreter::Bash,
        script,
        folder: Some(folder),
        ok: vec![0],
        host: own.host,
        database: None,
        recipe: Some(kind.to_owned()),
        group: own.group,
    }))
}
