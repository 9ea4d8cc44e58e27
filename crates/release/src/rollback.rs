//! Going back: undos in reverse order of what was begun, then the document's own rollback lane.
//!
//! A failed undo is a normal, visible state: the release is stuck and a person decides. Nothing
//! that failed to be reversed is ever counted as reversed.

use crate::decide::{
    Decision, advance, advance_step, close, end_active, has_active, lapse_approvals, may_look_again,
    messages_sent, retry_at, start,
};
use crate::event::{Answer, Event, Outcome, Purpose};
use crate::gates;
use crate::life::Life;
use crate::partial;
use crate::plan::{Resume, Undo, When, Work};
use crate::program::Track;
use crate::state::State;
use crate::time::Moment;

/// Decides the next move of a release that goes back.
pub(crate) fn decide(state: &State, now: Moment, decision: &mut Decision) {
    if state.abort.is_some() {
        end_active(state, decision);
        close(state, now, Outcome::Aborted, decision);
        return;
    }
    messages_sent(state, now, decision, |when| when == When::Rollback);
    let forward_runs = (0..state.steps.len())
        .any(|index| state.program.track(index) == Track::Forward && state.life(index).is_active());
    if forward_runs {
        end_active(state, decision);
        return;
    }
    if !undo_next(state, now, decision) || leaves_out(state, decision) {
        return;
    }
    if advance(state, now, Track::Rollback, decision)
        && !has_active_undo(state)
        && decision.commands.is_empty()
    {
        close(state, now, partial::outcome(state), decision);
    }
}

fn has_active_undo(state: &State) -> bool {
    has_active(state) && state.steps.iter().any(|step| step.undo.life.is_active())
}

/// Moves the topmost undo on that is not settled. Returns whether all of them are.
fn undo_next(state: &State, now: Moment, decision: &mut Decision) -> bool {
    for index in state.undo_order() {
        let step = &state.program.plan.steps[index];
        let track = &state.steps[index].undo;
        if track.life.is_settled() || !partial::goes_back(state, index) {
            continue;
        }
        let undo = match &step.undo {
            Undo::NotNeeded | Undo::Kept | Undo::Unstated => continue,
            Undo::Impossible => {
                // A point of no return was crossed. What came before it may depend on it, so a
                // person says whether to go on back past it.
                if track.life == Life::Pending {
                    decision.record(Event::StepAsked { step: step.id.clone(), purpose: Purpose::Undo });
                }
                if track.life == Life::Ready {
                    let answer =
                        Answer::Skip { reason: "it cannot be reversed; going back past it".to_owned() };
                    decision.record(Event::StepAnswered {
                        step: step.id.clone(),
                        purpose: Purpose::Undo,
                        answer,
                    });
                }
                return false;
            }
            Undo::Step(_) => state.program.undo_of(index),
        };
        let Some(undo) = undo else { continue };
        if !track.life.is_active() && !is_prepared(state, index, undo, now, decision) {
            return false;
        }
        let undo = &state.program.plan.steps[undo];
        match track.life {
            Life::Pending if undo.confirm.is_some() || !matches!(undo.work, Work::Act(_)) => {
                decision.record(Event::StepAsked { step: step.id.clone(), purpose: Purpose::Undo });
            }
            Life::Pending | Life::Ready => start(index, Purpose::Undo, track, decision),
            Life::Failed => {
                if let Some(at) = retry_at(undo, track) {
                    if now >= at { start(index, Purpose::Undo, track, decision) } else { decision.wake(at) }
                }
            }
            Life::Unknown if undo.resume == Resume::Rerun && may_look_again(track) => {
                start(index, Purpose::Undo, track, decision);
            }
            _ => {}
        }
        return false;
    }
    true
}

/// Moves on what an undo waits for: looks, and a yes of its own for what they told. Returns whether
/// the undo may begin. A no leaves it out, and it is then told as left.
fn is_prepared(state: &State, index: usize, undo: usize, now: Moment, decision: &mut Decision) -> bool {
    if state.program.after(undo).is_empty() {
        return true;
    }
    if lapse_approvals(state, now, Track::OnDemand, decision) {
        return false;
    }
    let mut settle = |answer| {
        let step = state.program.plan.steps[index].id.clone();
        decision.record(Event::StepAnswered { step, purpose: Purpose::Undo, answer });
    };
    for before in preparations(state, undo) {
        let track = &state.steps[before].forward;
        if track.life == Life::Declined {
            let by = track.by.as_deref().unwrap_or("someone");
            let why = track.note.as_deref().unwrap_or_default();
            settle(Answer::Skip { reason: format!("declined by {by}: {why}") });
            return false;
        }
        if !track.life.is_settled() {
            advance_step(state, before, now, decision);
            return false;
        }
        let outputs = track.result.as_ref().map(|result| &result.outputs);
        if let Some(why) = outputs.and_then(|outputs| outputs.get(gates::NOTHING_TO_UNDO)) {
            settle(Answer::Done { note: Some(why.clone()) });
            return false;
        }
    }
    true
}

/// Returns what an undo waits for, in order.
fn preparations(state: &State, undo: usize) -> Vec<usize> {
    let mut needed = vec![false; state.steps.len()];
    let mut open = vec![undo];
    while let Some(step) = open.pop() {
        for &before in state.program.after(step) {
            if !std::mem::replace(&mut needed[before], true) {
                open.push(before);
            }
        }
    }
    state.program.order().iter().copied().filter(|&step| needed[step]).collect()
}

/// Leaves out what stands behind a no in the rollback lane. Returns whether there was anything.
fn leaves_out(state: &State, decision: &mut Decision) -> bool {
    let mut behind = vec![false; state.steps.len()];
    let before = decision.commands.len();
    for &index in state.program.order() {
        let refused = |&other: &usize| behind[other] || state.life(other) == Life::Declined;
        if state.program.track(index) != Track::Rollback || !state.program.after(index).iter().any(refused) {
            continue;
        }
        behind[index] = true;
        if matches!(state.life(index), Life::Pending | Life::Asked | Life::Ready) {
            let step = state.program.plan.steps[index].id.clone();
            let answer = Answer::Skip { reason: "what stands before it was declined".to_owned() };
            decision.record(Event::StepAnswered { step, purpose: Purpose::Forward, answer });
        }
    }
    decision.commands.len() > before
}
