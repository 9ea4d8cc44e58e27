//! Resolves the names by which steps mention each other.

use std::collections::{BTreeMap, HashMap};

use tminus_release::plan::{Mode, Resume, StepId, Undo, Work};

use super::drafts::{Compiler, Placement, Reference};
use crate::diagnostic::{Fix, Severity};
use crate::faults::nearest;
use crate::outline::UnitKind;

/// Drafts by id, to find those that a name means.
pub(super) struct Names {
    by_id: HashMap<String, usize>,
    by_base: BTreeMap<String, Vec<usize>>,
}

/// How many names a wrong one is compared with; no plan that people wrote has more.
const MOST_COMPARED: usize = 500;

impl Names {
    pub(super) fn new(compiler: &Compiler<'_>) -> Names {
        let mut by_id = HashMap::new();
        let mut by_base: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, draft) in compiler.drafts.iter().enumerate() {
            by_id.insert(draft.step.id.0.clone(), at);
            by_base.entry(draft.base.clone()).or_default().push(at);
        }
        Names { by_id, by_base }
    }

    /// Returns the draft that a name means for a step of one run: the one of the same environment,
    /// else the only one, else the last run's.
    pub(super) fn find(&self, name: &str, run: Option<&str>) -> Option<usize> {
        let own = run.and_then(|run| self.by_id.get(&format!("{name}@{run}")));
        own.or_else(|| self.by_id.get(name)).or_else(|| self.by_base.get(name)?.last()).copied()
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.by_base.keys().map(String::as_str)
    }
}

impl Compiler<'_> {
    /// Resolves undo, verify and the checks that tick items; reports what cannot be found.
    pub(super) fn link(&mut self, names: &Names) {
        for at in 0..self.drafts.len() {
            self.link_undo(at, names);
            self.link_verify(at, names);
            self.link_auto(at, names);
        }
        self.prepare_restores();
        for draft in &mut self.drafts {
            // Messages at the end of a release are on demand as well: nothing in the order starts them.
            draft.step.on_demand = draft.placement == Placement::OnDemand;
        }
    }

    fn link_undo(&mut self, at: usize, names: &Names) {
        let Some(reference) = self.drafts[at].undo.clone() else { return };
        let Some(target) = self.target(at, &reference, names, "undo") else { return };
        if target == at {
            let message = format!("`{}` cannot undo itself", reference.name);
            self.faults
                .add("T905", Severity::Error, reference.bytes, message)
                .help("name another step, or `undo=none` when it cannot be reversed");
            return;
        }
        if self.drafts[target]
            .undo
            .as_ref()
            .is_some_and(|back| names.find(&back.name, self.drafts[target].run.as_deref()) == Some(at))
        {
            let message = format!(
                "`{}` undoes this step and this step undoes it: a rollback would go in circles",
                reference.name
            );
            self.faults.add("T905", Severity::Error, reference.bytes, message);
            return;
        }
        self.drafts[at].step.undo = Undo::Step(self.drafts[target].step.id.clone());
        self.drafts[target].placement = Placement::OnDemand;
    }

    fn link_verify(&mut self, at: usize, names: &Names) {
        let Some(reference) = self.drafts[at].verify.clone() else { return };
        let Some(target) = self.target(at, &reference, names, "verify") else { return };
        if target == at {
            let message = format!("`{}` cannot verify itself", reference.name);
            self.faults.add("T905", Severity::Error, reference.bytes, message);
            return;
        }
        if !self.drafts[target].step.check {
            let message = format!(
                "`{}` has effects, so it cannot tell whether another step had its own",
                reference.name
            );
            self.faults
                .add("T905", Severity::Error, reference.bytes, message)
                .help("mark it `.check` if it only looks");
            return;
        }
        self.drafts[at].step.resume = Resume::Verify(self.drafts[target].step.id.clone());
    }

    fn link_auto(&mut self, at: usize, names: &Names) {
        let Some(reference) = self.drafts[at].auto.clone() else { return };
        let lenient = self.request.mode == Mode::Assisted;
        let found = names.find(&reference.name, self.drafts[at].run.as_deref());
        let usable = found.filter(|target| self.is_in_order(*target));
        match usable {
            Some(target) => {
                let id = StepId(self.drafts[target].step.id.0.clone());
                if let Work::Item(item) = &mut self.drafts[at].step.work {
                    item.auto = Some(id);
                }
            }
            None => {
                // Without its check the item would never be ticked; a person can still tick it.
                self.drafts[at].auto = None;
                // A block that could not be read has its own fault, and this one would hide it.
                let is_written = self.outline.units.iter().any(|unit| match &unit.kind {
                    UnitKind::Fence(fence) => fence.id() == Some(&reference.name),
                    _ => false,
                });
                if found.is_none() && is_written && self.faults.has_errors() {
                    return;
                }
                let severity = if lenient { Severity::Warning } else { Severity::Error };
                let message = match found {
                    Some(_) => format!("`{}` does not run by itself, so it ticks nothing", reference.name),
                    None => format!("no step `{}` in this plan ticks the item", reference.name),
                };
                self.missing("T905", severity, &reference, message, names);
            }
        }
    }

    /// Finds the step that a reference names, or reports it.
    pub(super) fn target(
        &mut self,
        at: usize,
        reference: &Reference,
        names: &Names,
        key: &str,
    ) -> Option<usize> {
        let found = names.find(&reference.name, self.drafts[at].run.as_deref());
        if found.is_none() {
            let message = format!("`{key}={}` names a step that is not in this plan", reference.name);
            self.missing("T905", Severity::Error, reference, message, names);
        }
        found
    }

    /// Reports a name that no step has, with the nearest one.
    fn missing(
        &mut self,
        code: &'static str,
        severity: Severity,
        reference: &Reference,
        message: String,
        names: &Names,
    ) {
        let near = nearest(&reference.name, names.all().take(MOST_COMPARED)).map(str::to_owned);
        let added = self.faults.add(code, severity, reference.bytes.clone(), message);
        if let Some(near) = near {
            // A person must look: the nearest name may be another step than the one that was meant.
            let fix =
                Fix { start: reference.bytes.start, end: reference.bytes.end, replacement: near.clone() };
            added.help(format!("did you mean `{near}`?")).fix_that_changes(fix);
        } else if reference.name.contains(' ') {
            added.help("this is an id, not a command: write the command into a block of its own, such as ```bash {#take-back .undo}, and name that");
        }
    }
}
