//! Phases of the plan: one for each top-level heading with work and each environment that it runs
//! for; a section that opens another lane becomes a phase of its own.

use std::collections::HashMap;

use tminus_release::plan::Phase;

use crate::outline::{Outline, SectionKind};

/// The phases of a plan and how sections find theirs.
#[derive(Debug, Default)]
pub(super) struct Phases {
    pub(super) all: Vec<Phase>,
    /// (section that opens the lane, environment) to index.
    index: HashMap<(usize, Option<String>), usize>,
}

impl Phases {
    /// Returns the phase of a section for one run of its top-level phase.
    pub(super) fn of(&mut self, outline: &Outline, section: usize, environment: Option<&str>) -> usize {
        let root = lane_root(outline, section);
        let key = (root, environment.map(str::to_owned));
        if let Some(found) = self.index.get(&key) {
            return *found;
        }
        let phase = new_phase(outline, root, environment);
        self.all.push(phase);
        self.index.insert(key, self.all.len() - 1);
        self.all.len() - 1
    }
}

/// Returns the section at which the lane of a section begins: its phase, or an inner heading.
pub(super) fn lane_root(outline: &Outline, section: usize) -> usize {
    let mut at = section;
    let phase = outline.sections[section].phase.unwrap_or(section);
    while at != phase && outline.sections[outline.sections[at].parent].lane == outline.sections[at].lane {
        at = outline.sections[at].parent;
    }
    at
}

/// Returns the environments that a phase runs for, one after the other; one None when it has none
/// or acts on a single one without being written to run for several.
pub(super) fn runs(outline: &Outline, phase: usize) -> Vec<Option<String>> {
    let environments = &outline.sections[phase].environments;
    if environments.len() > 1 { environments.iter().cloned().map(Some).collect() } else { vec![None] }
}

fn new_phase(outline: &Outline, section: usize, environment: Option<&str>) -> Phase {
    let own = &outline.sections[section];
    let fact = |labels: &[&str]| {
        let inner = own.kind == SectionKind::Inner;
        let found = if inner { outline.fact(section, labels) } else { outline.own_fact(section, labels) };
        found.map(|fact| fact.value.clone())
    };
    let only = match own.environments.as_slice() {
        [one] => Some(one.as_str()),
        _ => None,
    };
    let id = match environment {
        Some(environment) => format!("{}@{environment}", own.path),
        None => own.path.clone(),
    };
    Phase {
        id,
        title: own.title.clone(),
        lane: own.lane,
        environment: environment.or(only).map(str::to_owned),
        owner: fact(&["owner", "owners"]),
        duration: fact(&["duration"]),
        timeline: fact(&["timeline"]),
        line: own.line.max(1),
    }
}
