//! Gates: when an item holds, what an approval is bound to, who may still answer.

use sha2::{Digest as _, Sha256};

use crate::life::Life;
use crate::plan::{Item, Role, Work, hex};
use crate::program::Track;
use crate::quorum;
use crate::state::State;

/// The output of a check by which it tells an approval right behind it, in a sentence or two, what a
/// yes would mean. It stands in the question.
pub const TOLD: &str = "TOLD";

/// The output of a look before an undo that says why there is nothing to undo.
pub const NOTHING_TO_UNDO: &str = "NOTHING_TO_UNDO";

/// Tells whether an item holds without asking anybody, and why.
pub(crate) fn item_holds(state: &State, item: &Item) -> Option<String> {
    let holds = |id| {
        state.program.index(id).is_some_and(|index| matches!(state.life(index), Life::Passed | Life::ByHand))
    };
    if let Some(check) = &item.auto {
        return holds(check).then(|| format!("check `{check}` passed"));
    }
    let nested = item.children.len();
    (nested > 0 && item.children.iter().all(holds)).then(|| format!("all {nested} items below hold"))
}

/// Computes the digest of what an approval is given for: the results of every check, item and
/// earlier evidence before it in the document. When one of them changes, the approval lapses. One
/// that stands before an undo is given for the looks that it waits for.
pub fn digest(state: &State, approval: usize) -> String {
    let mut hash = Sha256::new();
    hash.update(state.program.digest().as_bytes());
    for index in 0..approval {
        let step = &state.program.plan.steps[index];
        let is_gate = step.check || matches!(step.work, Work::Item(_));
        let counts =
            state.program.track(index) == Track::Forward || state.program.after(approval).contains(&index);
        if !is_gate || !counts {
            continue;
        }
        let track = &state.steps[index].forward;
        let output =
            track.result.as_ref().and_then(|result| result.output.as_ref()).map_or("", |output| &output.blob);
        hash.update(format!("\n{}\t{}\t{}\t{output}", step.id, track.life, track.attempts).as_bytes());
    }
    hex(&hash.finalize())
}

/// Returns what the checks right before an approval told about it.
pub fn told(state: &State, approval: usize) -> Vec<&str> {
    let before = state.program.after(approval).iter();
    let outputs = before.filter_map(|&index| state.steps[index].forward.result.as_ref());
    outputs.filter_map(|result| result.outputs.get(TOLD)).map(String::as_str).collect()
}

/// Roles of which somebody may still answer for a step: those missing from an approval's quorum, else
/// the step's own.
pub fn roles_wanted(state: &State, index: usize) -> Vec<Role> {
    let step = &state.program.plan.steps[index];
    match &step.work {
        Work::Approval(_) => quorum::count(state, index).missing.into_keys().collect(),
        _ => step.roles.clone(),
    }
}
