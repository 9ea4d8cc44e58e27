//! Taking back only some steps of a release: what stands in the way, and when it is only a part.
//!
//! What came after a step builds on it, unless the runbook says otherwise (`needs=`): document order
//! is a dependency. So a part is what nothing else that stands comes after, or what a person says
//! can go all the same, with a reason that stays in the record.

use crate::event::{Event, Outcome};
use crate::people::{Refusal, refuse_over};
use crate::plan::{StepId, Undo};
use crate::state::State;

/// The part of a release that goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Indexes of its steps.
    pub steps: Vec<usize>,
    /// Why it may go although steps that stand came after it.
    pub despite: Option<String>,
}

/// Turns only some steps back. The release ends with that.
///
/// # Errors
/// When a step has nothing to take back, when something else is under way, and when steps that
/// stand came after one of them and there is no reason `despite` that.
pub fn roll_back(
    state: &State,
    reason: String,
    only: &[StepId],
    despite: Option<String>,
) -> Result<Vec<Event>, Refusal> {
    refuse_over(state)?;
    if state.rollback.is_some() {
        return Err(Refusal::GoingBack("take back a part"));
    }
    if reason.trim().is_empty() || despite.as_ref().is_some_and(|despite| despite.trim().is_empty()) {
        return Err(Refusal::NoReason("take back a part"));
    }
    let mut part = Vec::with_capacity(only.len());
    for id in only {
        let index = state.program.index(id).ok_or_else(|| Refusal::NoStep(id.0.clone()))?;
        let why = match state.program.plan.steps[index].undo {
            _ if !state.undo_stack.contains(&index) => "it has changed nothing in this release",
            Undo::Unstated => "the runbook states nothing that takes it back",
            Undo::Impossible => "it cannot be reversed",
            Undo::Kept => "the runbook says that it stays",
            Undo::NotNeeded | Undo::Step(_) => {
                if !part.contains(&index) {
                    part.push(index);
                }
                continue;
            }
        };
        return Err(Refusal::WrongKind { wanted: "take back", step: id.clone(), why });
    }
    let ids = |indexes: &[usize]| -> Vec<StepId> {
        indexes.iter().map(|&index| state.program.plan.steps[index].id.clone()).collect()
    };
    // It would be ended half-way, and nothing would take it back.
    let begun = |index: &&usize| state.life(**index).is_active() && !part.contains(index);
    if let Some(&running) = state.undo_stack.iter().find(begun) {
        let step = state.program.plan.steps[running].id.clone();
        return Err(Refusal::UnderWay { wanted: "take back a part", step });
    }
    let behind = standing_behind(state, &part);
    if !behind.is_empty() && despite.is_none() {
        return Err(Refusal::Dependents { steps: ids(&part), dependents: ids(&behind) });
    }
    // An exception that nothing needed is not recorded as one.
    let despite = despite.filter(|_| !behind.is_empty());
    Ok(vec![Event::PartialRollbackStarted { steps: ids(&part), despite, detail: reason }])
}

/// Returns the steps that stand, came after one of these, and are none of them; in the order in
/// which they began.
pub fn standing_behind(state: &State, part: &[usize]) -> Vec<usize> {
    let mut behind = vec![false; state.steps.len()];
    let mut open = part.to_vec();
    while let Some(step) = open.pop() {
        for &next in state.program.dependents(step) {
            if !std::mem::replace(&mut behind[next], true) {
                open.push(next);
            }
        }
    }
    let is_behind = |index: &usize| behind[*index] && !part.contains(index);
    state.standing_effects().into_iter().filter(is_behind).collect()
}

/// Tells whether a step goes back in this rollback.
pub(crate) fn goes_back(state: &State, index: usize) -> bool {
    let part = state.rollback.as_ref().and_then(|rollback| rollback.part.as_ref());
    part.is_none_or(|part| part.steps.contains(&index))
}

/// Returns how a rollback ends: only a part of the release went back when something else stands.
pub fn outcome(state: &State) -> Outcome {
    let kept = state.kept();
    let stays = |index: usize| !goes_back(state, index) && !kept.contains(&index);
    if state.undo_stack.iter().any(|&index| stays(index)) {
        Outcome::PartlyRolledBack
    } else {
        Outcome::RolledBack
    }
}
