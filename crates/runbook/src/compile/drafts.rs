//! Walks the phases and drafts steps in document order. Edges and references come afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use tminus_release::plan::{Lane, Mode, Resume, Retry, Role, Step, StepId, Undo, Work};
use tminus_release::time::Span;

use super::bind::Values;
use super::choices::{self, Way};
use super::phases::{Phases, runs};
use super::{OpenChoice, Request};
use crate::diagnostic::Severity;
use crate::faults::Faults;
use crate::markdown::Markdown;
use crate::names;
use crate::outline::{
    FenceClass, Outline, SectionKind, Unit, UnitKind, canonical_environment, default_ids, split_roles,
};

/// Time limit of an attempt of a step that changes something.
pub(super) const STEP_TIMEOUT: Span = Span::hours(1);
/// Time limit of an attempt of a check.
pub(super) const CHECK_TIMEOUT: Span = Span::minutes(10);
/// Bytes of output that are kept of one attempt: a verbose build fits, a runaway does not.
const OUTPUT_LIMIT_BYTES: u64 = 8 * 1024 * 1024;
/// Wait before the second attempt.
const BACKOFF: Span = Span::seconds(5);
/// Notes that are kept with one step.
const NOTES_LIMIT: usize = 40;

/// A step with what still has to be resolved.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) step: Step,
    /// The id without the environment.
    pub(super) base: String,
    /// The environment that the phase runs for, when it runs for several.
    pub(super) run: Option<String>,
    pub(super) section: usize,
    /// How it stands in the order.
    pub(super) placement: Placement,
    pub(super) needs: Vec<Reference>,
    pub(super) undo: Option<Reference>,
    pub(super) verify: Option<Reference>,
    pub(super) auto: Option<Reference>,
}

/// How a step stands in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// After what stands before it.
    InOrder,
    /// Open together with the `.parallel` steps beside it.
    Parallel,
    /// A checklist item: open together with the items beside it; the drafts of its children.
    Item(Vec<usize>),
    /// Runs only when another step asks for it.
    OnDemand,
}

/// A step that another one names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) bytes: Range<usize>,
}

/// Everything that drafting needs and fills.
pub(super) struct Compiler<'a> {
    pub(super) document: &'a str,
    pub(super) request: &'a Request,
    pub(super) outline: &'a Outline,
    pub(super) markdown: &'a Markdown,
    pub(super) faults: Faults<'a>,
    pub(super) values: Values,
    pub(super) phases: Phases,
    pub(super) drafts: Vec<Draft>,
    pub(super) default_ids: Vec<String>,
    pub(super) open_choices: Vec<OpenChoice>,
    pub(super) choice_inputs: BTreeMap<String, String>,
    settled_groups: BTreeSet<(usize, Option<String>)>,
    /// Groups whose choice is open and was reported.
    open_groups: BTreeSet<usize>,
    /// Prose and points since the last step.
    pub(super) notes: Vec<String>,
    /// Rules that control steps bring.
    pub(super) own_rules: Vec<super::rules::OwnRule>,
    /// Backups and restores of databases, so that they find each other.
    pub(super) copies: super::restore::Copies,
    /// Variables that `.image` steps so far give to later steps.
    pub(super) image_outputs: BTreeSet<String>,
    /// Draft of each unit in the phase run being drafted.
    pub(super) draft_of_unit: BTreeMap<usize, usize>,
}

/// Where a unit is drafted.
#[derive(Clone, Debug)]
pub(super) struct Place<'u> {
    pub(super) unit: &'u Unit,
    pub(super) index: usize,
    /// The environment that the phase runs for, when it runs for several.
    pub(super) run: Option<String>,
    /// Where the unit acts.
    pub(super) environment: Option<String>,
    /// Whether the way that it is part of was chosen.
    pub(super) way: Way,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(
        document: &'a str,
        request: &'a Request,
        outline: &'a Outline,
        markdown: &'a Markdown,
        mut faults: Faults<'a>,
    ) -> Self {
        let (mut values, input_faults) = Values::new(request, &outline.front_matter);
        for fault in input_faults {
            // In assisted mode a missing input makes a task of the block that needs it.
            let lenient = fault.is_missing && request.mode == Mode::Assisted;
            let severity = if lenient { Severity::Warning } else { Severity::Error };
            let added = match fault.at {
                Some((start, end)) => faults.add("T902", severity, start..end, fault.message),
                None => faults.add_at_line("T902", severity, 1, fault.message),
            };
            added.help(fault.help);
        }
        values.bind_samples(&sample_versions(outline, request.lane));
        Compiler {
            document,
            request,
            outline,
            markdown,
            faults,
            values,
            phases: Phases::default(),
            // Most units are one step each, and a step is too large to be moved for each doubling.
            drafts: Vec::with_capacity(outline.units.len()),
            default_ids: default_ids(outline),
            open_choices: Vec::new(),
            choice_inputs: BTreeMap::new(),
            settled_groups: BTreeSet::new(),
            open_groups: BTreeSet::new(),
            notes: Vec::new(),
            own_rules: Vec::new(),
            copies: super::restore::Copies::default(),
            image_outputs: BTreeSet::new(),
            draft_of_unit: BTreeMap::new(),
        }
    }

    /// Drafts the steps of the forward lane and of the rollback lane.
    pub(super) fn draft_all(&mut self) {
        let outline = self.outline;
        let mut units_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, unit) in outline.units.iter().enumerate() {
            if let Some(phase) = outline.sections[unit.section].phase {
                units_of.entry(phase).or_default().push(at);
            }
        }
        // In a verbatim document some facts are work. Gathered once: a phase looks at its own only.
        let mut facts_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        if self.request.mode == Mode::Assisted {
            for (at, fact) in outline.facts.iter().enumerate() {
                if let Some(phase) = outline.sections[fact.section].phase {
                    facts_of.entry(phase).or_default().push(at);
                }
            }
        }
        let phases: Vec<usize> = outline.phases().map(|(at, _)| at).collect();
        for phase in phases {
            for run in runs(outline, phase) {
                if !self.is_wanted(run.as_deref()) {
                    continue;
                }
                self.phases.of(outline, phase, run.as_deref());
                let units = units_of.get(&phase).map_or(&[][..], Vec::as_slice);
                let facts = facts_of.get(&phase).map_or(&[][..], Vec::as_slice);
                self.draft_phase(units, facts, run.as_deref());
            }
        }
    }

    fn is_wanted(&self, environment: Option<&str>) -> bool {
        match (&self.request.environment, environment) {
            (Some(wanted), Some(environment)) => canonical_environment(wanted) == environment,
            _ => true,
        }
    }

    fn draft_phase(&mut self, units: &[usize], facts: &[usize], run: Option<&str>) {
        self.notes.clear();
        self.draft_of_unit.clear();
        let first = self.drafts.len();
        let mut facts = facts.iter().copied().peekable();
        for index in units {
            let unit = &self.outline.units[*index];
            while let Some(fact) = facts.next_if(|fact| self.outline.facts[*fact].line < unit.line) {
                self.fact(fact, run);
            }
            self.unit(*index, unit, run);
        }
        for fact in facts {
            self.fact(fact, run);
        }
        // What is said after the last step belongs to it.
        let rest = std::mem::take(&mut self.notes);
        if let Some(last) = self.drafts.get_mut(first..).and_then(<[Draft]>::last_mut) {
            last.step.notes.extend(rest);
        }
    }

    fn unit(&mut self, index: usize, unit: &'a Unit, run: Option<&str>) {
        let lane = self.outline.sections[unit.section].lane;
        if lane != self.request.lane && lane != Lane::Rollback {
            return;
        }
        let environment = run.map(str::to_owned).or_else(|| self.environment_of(unit.section));
        if run.is_none() && environment.is_some() && !self.is_wanted(environment.as_deref()) {
            return;
        }
        let way = choices::way(self.request, self.outline, unit.option);
        if way == Way::NotTaken {
            return;
        }
        let place = Place { unit, index, run: run.map(str::to_owned), environment, way };
        if place.way != Way::Open {
            self.choice_step(&place);
        }
        let first = self.drafts.len();
        match &unit.kind {
            UnitKind::Fence(fence) => self.fence(&place, fence),
            UnitKind::Item(item) => self.item(&place, item),
            UnitKind::Point(point) => self.point(&place, point),
            UnitKind::Prose(text) => self.note(text.clone()),
        }
        // Ways that hold nothing to do are only read.
        if place.way == Way::Open && self.drafts.len() > first {
            self.open_choice(unit);
            self.say_open(first, unit);
        }
    }

    /// While nobody has chosen, every step of every way says that it is one of several.
    fn say_open(&mut self, first: usize, unit: &Unit) {
        let Some((group, way)) = unit.option else { return };
        let words = format!(
            "\"{}\" is one of several ways: take one and skip the others",
            self.outline.groups[group].ways[way].text
        );
        for draft in &mut self.drafts[first..] {
            if let Some(confirm) = &mut draft.step.confirm {
                confirm.reason = format!("{}; {words}", confirm.reason);
            }
            if let Work::Task(task) = &mut draft.step.work {
                task.reason = format!("{}; {words}", task.reason);
            }
        }
    }

    /// Returns the one environment that a section acts on.
    pub(super) fn environment_of(&self, section: usize) -> Option<String> {
        match self.outline.sections[section].environments.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        }
    }

    pub(super) fn note(&mut self, text: String) {
        if self.notes.len() < NOTES_LIMIT {
            self.notes.push(text);
        }
    }

    fn open_choice(&mut self, unit: &Unit) {
        let Some((group, _)) = unit.option else { return };
        if !self.open_groups.insert(group) {
            return;
        }
        let group = &self.outline.groups[group];
        let options = choices::texts(group);
        let severity = if self.request.mode == Mode::Assisted { Severity::Warning } else { Severity::Error };
        self.faults
            .add_at_line(
                "T908",
                severity,
                group.line,
                match self.request.mode {
                    Mode::Assisted => format!("{} ways to do one thing: a run asks which", options.len()),
                    Mode::Unattended => {
                        format!("{} ways to do one thing, and none is chosen", options.len())
                    }
                },
            )
            .help(format!("choose one: `--choose {}=…` ({})", group.id, options.join(" | ")));
        let open = OpenChoice { id: group.id.clone(), ask: group.ask.clone(), options, line: group.line };
        self.open_choices.push(open);
    }

    /// Before the first step of a chosen way, the choice itself is a step: the record shows it.
    fn choice_step(&mut self, place: &Place<'_>) {
        let Some((at, way)) = place.unit.option else { return };
        let group = &self.outline.groups[at];
        if group.kind != crate::outline::GroupKind::Choice
            || !self.settled_groups.insert((at, place.run.clone()))
        {
            return;
        }
        let input = format!("CHOICE_{}", names::variable(&group.id));
        let chosen = group.ways[way].text.clone();
        let work = Work::Choice(tminus_release::plan::Choice {
            ask: group.ask.clone(),
            options: choices::texts(group),
            input: input.clone(),
        });
        let title = format!("{} {chosen}", group.ask);
        let base = format!("{}/choice", group.id);
        self.choice_inputs.insert(input, chosen);
        self.add_step(place, base, title, work);
    }

    /// Adds a step with what every step has; returns its draft.
    pub(super) fn add_step(&mut self, place: &Place<'_>, base: String, title: String, work: Work) -> usize {
        let outline = self.outline;
        let section = place.unit.section;
        let phase = self.phases.of(outline, section, place.run.as_deref());
        let id = match &place.run {
            Some(run) => format!("{base}@{run}"),
            None => base.clone(),
        };
        let root = super::phases::lane_root(outline, section);
        let mut path: Vec<String> = outline
            .chain(section)
            .take_while(|at| *at != root)
            .map(|at| outline.sections[at].title.clone())
            .collect();
        path.reverse();
        let is_person = !matches!(work, Work::Act(_));
        let step = Step {
            id: StepId(id),
            title,
            phase,
            path,
            line: place.unit.line,
            end_line: place.unit.end_line,
            environment: place.environment.clone(),
            roles: self.roles_of(section),
            timeout: if is_person { Span::FOREVER } else { STEP_TIMEOUT },
            work,
            after: Vec::new(),
            check: false,
            on_demand: false,
            confirm: None,
            undo: Undo::NotNeeded,
            undo_last: false,
            resume: if is_person { Resume::Rerun } else { Resume::Ask },
            output_limit_bytes: OUTPUT_LIMIT_BYTES,
            retry: Retry { times: 0, backoff: BACKOFF },
            on_failure: None,
            notes: std::mem::take(&mut self.notes),
        };
        self.drafts.push(Draft {
            step,
            base,
            run: place.run.clone(),
            section,
            placement: Placement::InOrder,
            needs: Vec::new(),
            undo: None,
            verify: None,
            auto: None,
        });
        self.draft_of_unit.insert(place.index, self.drafts.len() - 1);
        self.drafts.len() - 1
    }

    /// Returns the roles of the nearest owner; the document's own owner keeps the page, not the work.
    fn roles_of(&self, section: usize) -> Vec<Role> {
        let owner = self.outline.chain(section).find_map(|at| {
            if self.outline.sections[at].kind == SectionKind::Document {
                return None;
            }
            self.outline.own_fact(at, &["owner", "owners", "decision maker"])
        });
        let names = owner.map(|fact| split_roles(&fact.value)).unwrap_or_default();
        names.iter().map(|name| Role(names::role(name))).collect()
    }
}

/// Collects the version literals in the code of the lanes that the plan has.
fn sample_versions(outline: &Outline, lane: Lane) -> Vec<String> {
    let mut literals = Vec::new();
    for unit in &outline.units {
        let own = outline.sections[unit.section].lane;
        let counts = own == lane || (own == Lane::Rollback && lane == Lane::Main);
        if let UnitKind::Fence(fence) = &unit.kind
            && counts
            && matches!(fence.class, FenceClass::Shell(_))
            && let Some(survey) = &fence.survey
        {
            let samples = survey.placeholders.iter();
            let samples = samples.filter(|found| found.kind == crate::shell::PlaceholderKind::SampleVersion);
            literals.extend(samples.map(|found| found.text.clone()));
        }
    }
    literals
}
