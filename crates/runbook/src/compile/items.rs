//! Checklist items, list items and section facts become steps for people.

use std::collections::BTreeMap;

use tminus_release::plan::{
    Action, Approval, Confirm, Danger, Interpreter, Item, Mode, Role, Shell, StepId, Task, Undo, Work,
};

use super::drafts::{Compiler, Place, Placement, Reference};
use crate::diagnostic::Severity;
use crate::names;
use crate::outline::{ItemUnit, PointUnit, Unit, UnitKind, split_roles};
use crate::shell;

impl Compiler<'_> {
    pub(super) fn item(&mut self, place: &Place<'_>, item: &ItemUnit) {
        let work = Work::Item(Item {
            text: item.text.clone(),
            auto: None,
            children: Vec::new(),
            ticked_in_document: item.ticked,
        });
        let base = self.default_ids[place.index].clone();
        let at = self.add_step(place, base, item.text.clone(), work);
        if let Some(role) = &item.role {
            self.drafts[at].step.roles = vec![Role(role.clone())];
        }
        self.drafts[at].placement = Placement::Item(Vec::new());
        if let Some(name) = &item.auto {
            let bytes = item.box_start..item.box_start + 3;
            self.drafts[at].auto = Some(Reference { name: name.clone(), bytes });
        }
        // The item above it waits for this one.
        let parent = item.parent.and_then(|unit| self.draft_of_unit.get(&unit)).copied();
        if let Some(parent) = parent {
            let id = StepId(self.drafts[at].step.id.0.clone());
            if let Placement::Item(children) = &mut self.drafts[parent].placement {
                children.push(at);
            }
            if let Work::Item(outer) = &mut self.drafts[parent].step.work {
                outer.children.push(id);
            }
        }
    }

    /// Tells whether the annotated block in an item is the item's own command: then it is the step.
    /// Any other block below a command is its output or goes with it, and takes nothing from it.
    fn is_annotated_below(&self, place: &Place<'_>, command: &str) -> bool {
        let next = self.outline.units.get(place.index + 1);
        next.is_some_and(|unit| match &unit.kind {
            UnitKind::Fence(fence) => fence.is_annotated() && fence.body.trim() == command.trim(),
            _ => false,
        })
    }

    pub(super) fn point(&mut self, place: &Place<'_>, point: &PointUnit) {
        let assisted = self.request.mode == Mode::Assisted;
        let command = point.command.as_ref().filter(|command| !self.is_annotated_below(place, command));
        match command {
            Some(command) if assisted => self.proposed_command(place, point, command),
            Some(command) => {
                let message = format!("`{command}` as a list item does not run in an unattended release");
                self.faults
                    .add_at_line("T901", Severity::Error, place.unit.line, message)
                    .help("write it in a block ```` ```bash {#name} ````, or as a checklist item that a person ticks");
            }
            None if assisted && point.imperative && !point.holds_work => {
                let reason = "written as a list item".to_owned();
                self.add_task(place, point.text.clone(), reason);
            }
            None => {
                let number = point.number.map_or("-".to_owned(), |number| format!("{number}."));
                self.note(format!("{}{number} {}", "  ".repeat(point.depth), point.text));
            }
        }
    }

    fn add_task(&mut self, place: &Place<'_>, instructions: String, reason: String) -> usize {
        let base = self.default_ids[place.index].clone();
        let title = instructions.replace("**", "");
        let task = Task { instructions, reason };
        let at = self.add_step(place, base, title, Work::Task(task));
        // What the text says to do may be as dangerous as a command, and a person must see that.
        let line = place.unit.line;
        // They are in document order, so those of a line stand together.
        let dangers = &self.outline.dangers;
        let from = dangers.partition_point(|danger| danger.line < line);
        let found = dangers[from..]
            .iter()
            .take_while(|danger| danger.line == line)
            .max_by_key(|danger| danger.danger);
        if let Some(danger) = found {
            let reason = format!("`{}`: {}", danger.text, danger.reason);
            self.drafts[at].step.confirm = Some(Confirm { danger: danger.danger, reason });
            self.drafts[at].step.undo = Undo::Unstated;
        }
        at
    }

    fn proposed_command(&mut self, place: &Place<'_>, point: &PointUnit, command: &str) {
        let survey = shell::survey(command);
        let (script, unbound) = self.values.code(command, &survey.placeholders);
        let waits = survey.interactive.iter().chain(&survey.endless).next();
        let by_hand = if unbound.is_empty() {
            waits.map(|(_, reason)| reason.clone())
        } else {
            Some(format!("{} not bound", unbound.join(", ")))
        };
        if let Some(reason) =
            by_hand.or_else(|| survey.syntax_error.as_ref().map(|(_, _, reason)| reason.clone()))
        {
            self.add_task(place, point.text.clone(), reason);
            return;
        }
        let shell = Shell {
            interpreter: Interpreter::Bash,
            script,
            folder: None,
            ok: vec![0],
            host: None,
            database: None,
            recipe: None,
            group: None,
        };
        let base = self.default_ids[place.index].clone();
        let at = self.add_step(place, base, command.to_owned(), Work::Act(Action::Shell(shell)));
        let reason = match survey.danger_reasons.iter().max_by_key(|(_, danger, _)| *danger) {
            Some((_, danger, reason)) if *danger > Danger::Ordinary => reason.clone(),
            _ => format!("proposed from the list on line {}", place.unit.line),
        };
        let step = &mut self.drafts[at].step;
        let harmless = survey.danger == Danger::Ordinary && shell::leaves_nothing(&survey);
        step.undo = if harmless { Undo::NotNeeded } else { Undo::Unstated };
        step.confirm = Some(Confirm { danger: survey.danger, reason });
    }

    /// In a verbatim document some facts are work: a wait, a sign-off.
    pub(super) fn fact(&mut self, at: usize, run: Option<&str>) {
        let outline = self.outline;
        let fact = &outline.facts[at];
        let label = fact.label.to_ascii_lowercase();
        let is_wait = label == "wait time";
        let is_sign_off = matches!(label.as_str(), "sign-off" | "sign off" | "signoff");
        let lane = outline.sections[fact.section].lane;
        if !(is_wait || is_sign_off)
            || (lane != self.request.lane && lane != tminus_release::plan::Lane::Rollback)
        {
            return;
        }
        let unit = Unit {
            section: fact.section,
            line: fact.line,
            end_line: fact.line,
            title: format!("{}: {}", fact.label, fact.value),
            item_title: None,
            lead: None,
            option: outline.sections[fact.section].option,
            kind: UnitKind::Prose(String::new()),
        };
        let way = super::choices::way(self.request, outline, unit.option);
        if way == super::choices::Way::NotTaken {
            return;
        }
        let environment = run.map(str::to_owned).or_else(|| self.environment_of(fact.section));
        let place = Place { unit: &unit, index: usize::MAX, run: run.map(str::to_owned), environment, way };
        let mut base = format!("{}/{}", outline.sections[fact.section].path, names::slug(&fact.label));
        // A section may wait twice, and nobody wrote an id that could be another.
        let same = |other: &&crate::outline::Fact| {
            other.section == fact.section && other.label.eq_ignore_ascii_case(&fact.label)
        };
        let earlier = outline.facts[..at].iter().rev().take_while(|other| other.section == fact.section);
        let earlier = earlier.filter(same).count();
        if earlier > 0 {
            base = format!("{base}-{}", earlier + 1);
        }
        if is_wait {
            let task = Task {
                instructions: format!("Wait: {}", fact.value),
                reason: "a wait that a person ends; a `.soak` step would time it and watch the rules"
                    .to_owned(),
            };
            self.add_step(&place, base, unit.title.clone(), Work::Task(task));
            return;
        }
        let roles: Vec<String> = split_roles(&fact.value).iter().map(|role| names::role(role)).collect();
        if roles.is_empty() {
            return;
        }
        let quorum: BTreeMap<Role, u32> = roles.iter().map(|role| (Role(role.clone()), 1)).collect();
        let starter_may_approve = self.nobody_has(&roles);
        let approval = Approval {
            ask: format!("{}: {}?", fact.label, outline.sections[fact.section].title),
            quorum,
            expires: None,
            starter_may_approve,
        };
        let at = self.add_step(&place, base, unit.title.clone(), Work::Approval(approval));
        self.drafts[at].step.roles = roles.into_iter().map(Role).collect();
    }

    /// Where nobody has any of the roles, one person uses tminus alone and may say yes.
    fn nobody_has(&self, roles: &[String]) -> bool {
        roles.iter().all(|role| self.request.settings.roles.get(role).is_none_or(Vec::is_empty))
    }
}
