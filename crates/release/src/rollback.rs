//! Going back: undos in reverse order of what was begun, then the document's own rollback lane.
//!
//! A failed undo is a normal, visible state: the release is stuck and a person decides. Nothing
//! that failed to be reversed is ever counted as reversed.

use crate::decide::{
    Decision, advance, close, end_active, has_active, may_look_again, messages_sent, retry_at, start,
};
use crate::event::{Event, Outcome, Purpose};
use crate::life::Life;
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
    if !undo_next(state, now, decision) {
        return;
    }
    if advance(state, now, Track::Rollback, decision)
        && !has_active_undo(state)
        && decision.commands.is_empty()
    {
        close(state, now, Outcome::RolledBack, decision);
    }
}

fn has_active_undo(state: &State) -> bool {
    has_active(state) && state.steps.iter().any(|step| step.undo.life.is_active())
}

/// Moves the topmost undo on that is not settled. Returns whether all of them are.
fn undo_next(state: &State, now: Moment, decision: &mut Decision) -> bool {
    for &index in state.undo_stack.iter().rev() {
        let step = &state.program.plan.steps[index];
        let track = &state.steps[index].undo;
        if track.life.is_settled() {
            continue;
        }
        let undo = match &step.undo {
            Undo::NotNeeded | Undo::Unstated => continue,
            Undo::Impossible => {
                // A point of no return was crossed. What came before it may depend on it, so a
                // person says whether to go on back past it.
                if track.life == Life::Pending {
                    decision.record(Event::StepAsked { step: step.id.clone(), purpose: Purpose::Undo });
                }
                if track.life == Life::Ready {
                    let answer = crate::event::Answer::Skip {
                        reason: "it cannot be reversed; going back past it".to_owned(),
                    };
                    decision.record(Event::StepAnswered {
                        step: step.id.clone(),
                        purpose: Purpose::Undo,
                        answer,
                    });
                }
                return false;
            }
            Undo::Step(_) => state.program.undo_of(index).map(|undo| &state.program.plan.steps[undo]),
        };
        let Some(undo) = undo else { continue };
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
