//! Where a release stands, in words: what it does, what it waits for, who must act and how.
//!
//! Computed from the state each time, so that the terminal, the JSON and a page say the same.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::event::Outcome;
use crate::gates;
use crate::life::Life;
use crate::plan::{Role, StepId, Undo, Work};
use crate::program::Track;
use crate::quorum;
use crate::state::State;
use crate::time::Moment;

/// The one-word status of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Steps run or will run by themselves.
    Running,
    /// It waits for people, or for a hold to be lifted.
    OnHold,
    /// It waits for a soak or watch to end.
    Soaking,
    /// Undos run.
    RollingBack,
    /// An undo failed or an effect is unknown: a person must decide.
    Stuck,
    /// It ended well.
    Succeeded,
    /// It went back.
    RolledBack,
    /// A part of it went back.
    PartlyRolledBack,
    /// A person said no.
    Declined,
    /// A person ended it.
    Aborted,
}

/// Something a release waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// Which step, if it is one.
    pub step: Option<StepId>,
    /// Its title, or what the wait is about.
    pub title: String,
    /// Why it waits.
    pub why: String,
    /// Who can end the wait: roles, or "time".
    pub who: String,
    /// Since when.
    pub since: Moment,
    /// When it ends by itself.
    pub until: Option<Moment>,
    /// Commands that end it, without the program's name and the release: `approve go-live`.
    pub commands: Vec<String>,
}

/// Where a release stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// One word.
    pub status: Status,
    /// Ids of the steps under way.
    pub running: Vec<StepId>,
    /// Since when the first of them is.
    pub running_since: Option<Moment>,
    /// What it waits for.
    pub waits: Vec<Wait>,
    /// Steps settled and steps in all, on the way forward.
    pub settled: usize,
    /// Steps in all, on the way forward.
    pub total: usize,
}

impl Status {
    /// Returns the words for people.
    pub fn words(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::OnHold => "on hold",
            Status::Soaking => "soaking",
            Status::RollingBack => "rolling back",
            Status::Stuck => "stuck",
            Status::Succeeded => "succeeded",
            Status::RolledBack => "rolled back",
            Status::PartlyRolledBack => "partly rolled back",
            Status::Declined => "declined",
            Status::Aborted => "aborted",
        }
    }

    /// Tells whether the release has ended.
    pub fn is_end(self) -> bool {
        use Status::{Aborted, Declined, PartlyRolledBack, RolledBack, Succeeded};
        matches!(self, Succeeded | RolledBack | PartlyRolledBack | Declined | Aborted)
    }
}

/// Computes where a release stands.
pub fn standing(state: &State) -> Standing {
    let program = &state.program;
    let forward = |index: &usize| program.track(*index) == Track::Forward;
    let total = (0..state.steps.len()).filter(forward).count();
    let settled =
        (0..state.steps.len()).filter(forward).filter(|&index| state.life(index).is_settled()).count();
    let running = (0..state.steps.len())
        .filter(|&index| state.life(index).is_active() || state.steps[index].undo.life.is_active())
        .map(|index| program.plan.steps[index].id.clone())
        .collect::<Vec<_>>();
    let running_since = running.first().and_then(|id| program.index(id)).map(|index| {
        let step = &state.steps[index];
        if step.undo.life.is_active() { step.undo.since } else { step.forward.since }
    });
    let waits = if state.is_finished() { Vec::new() } else { waits(state) };
    Standing { status: status(state, &running, &waits), running, running_since, waits, settled, total }
}

fn status(state: &State, running: &[StepId], waits: &[Wait]) -> Status {
    if let Some((outcome, _)) = &state.outcome {
        return match outcome {
            Outcome::Succeeded => Status::Succeeded,
            Outcome::RolledBack => Status::RolledBack,
            Outcome::PartlyRolledBack => Status::PartlyRolledBack,
            Outcome::Declined => Status::Declined,
            Outcome::Aborted => Status::Aborted,
        };
    }
    let unknown =
        state.steps.iter().any(|step| step.forward.life == Life::Unknown || step.undo.life == Life::Unknown);
    let for_people = waits.iter().any(|wait| !wait.commands.is_empty());
    if state.rollback.is_some() {
        return if for_people { Status::Stuck } else { Status::RollingBack };
    }
    match () {
        () if unknown && for_people => Status::Stuck,
        () if !running.is_empty() => Status::Running,
        () if state.hold.is_some() || state.declined().is_some() => Status::OnHold,
        // An approval that expires waits for people all the same: time only takes the question away.
        () if for_people => Status::OnHold,
        () if waits.iter().any(|wait| wait.until.is_some()) => Status::Soaking,
        () => Status::Running,
    }
}

fn waits(state: &State) -> Vec<Wait> {
    let mut waits = Vec::new();
    if let Some(hold) = &state.hold {
        waits.push(Wait {
            step: None,
            title: "hold".to_owned(),
            why: hold.reason.clone(),
            who: format!("anyone; placed by {}", hold.by.name()),
            since: hold.since,
            until: None,
            commands: vec!["continue".to_owned(), "rollback --reason \"…\"".to_owned()],
        });
    }
    if let Some(declined) = state.declined().filter(|_| state.rollback.is_none()) {
        let step = &state.program.plan.steps[declined];
        let track = &state.steps[declined].forward;
        let by = track.by.clone().unwrap_or_else(|| "someone".to_owned());
        waits.push(Wait {
            step: Some(step.id.clone()),
            title: step.title.clone(),
            why: format!(
                "declined by {by}: {}; what was done so far still stands",
                track.note.clone().unwrap_or_default()
            ),
            who: "anyone".to_owned(),
            since: track.since,
            until: None,
            commands: vec!["rollback --reason \"…\"".to_owned(), "abort --reason \"…\"".to_owned()],
        });
        return waits;
    }
    for index in 0..state.steps.len() {
        waits.extend(step_wait(state, index));
        waits.extend(undo_wait(state, index));
    }
    waits
}

fn step_wait(state: &State, index: usize) -> Option<Wait> {
    let step = &state.program.plan.steps[index];
    let track = &state.steps[index].forward;
    let on_the_way = match state.program.track(index) {
        Track::Forward => state.rollback.is_none(),
        Track::Rollback | Track::OnDemand => state.rollback.is_some(),
        Track::Message(_) => false,
    };
    if !on_the_way {
        return None;
    }
    let (why, commands) = question(state, index)?;
    let until = match &step.work {
        Work::Approval(approval) => approval.expires.map(|span| track.since.plus(span)),
        Work::Soak(_) | Work::Watch(_) => state.steps[index].until,
        _ => None,
    };
    let roles = match &step.work {
        Work::Approval(approval) if approval.quorum.is_empty() => Vec::new(),
        _ => gates::roles_wanted(state, index),
    };
    let roles: Vec<&str> = roles.iter().map(Role::as_str).collect();
    let who = match (commands.is_empty(), roles.is_empty()) {
        (true, _) => "time".to_owned(),
        (false, true) => "anyone".to_owned(),
        (false, false) => roles.join(" or "),
    };
    Some(Wait {
        step: Some(step.id.clone()),
        title: step.title.clone(),
        why,
        who,
        since: track.since,
        until,
        commands,
    })
}

/// Why a step waits and which commands end the wait; None when it does not wait.
fn question(state: &State, index: usize) -> Option<(String, Vec<String>)> {
    let step = &state.program.plan.steps[index];
    let track = &state.steps[index].forward;
    let id = &step.id;
    let said = |words: &[&str]| words.iter().map(|word| format!("answer {id} {word}")).collect::<Vec<_>>();
    const SKIP: &str = "skip --reason \"…\"";
    Some(match (track.life, &step.work) {
        (Life::Asked, Work::Approval(approval)) => {
            let count = quorum::count(state, index);
            if count.missing.is_empty() {
                return None;
            }
            let roles = |roles: &BTreeMap<Role, u32>| {
                let each = roles.iter().map(|(role, count)| format!("{count} × {role}"));
                each.collect::<Vec<_>>().join(", ")
            };
            let said: Vec<&str> =
                std::iter::once(approval.ask.as_str()).chain(gates::told(state, index)).collect();
            let mut why = format!("{} Still needed: {}.", said.join(" "), roles(&count.missing));
            if !count.hopeless.is_empty() {
                why.push_str(&format!(
                    " Nobody is left who could give {}: each person counts once.",
                    roles(&count.hopeless)
                ));
            }
            (why, vec![format!("approve {id}"), format!("decline {id} --reason \"…\"")])
        }
        (Life::Asked, Work::Item(item)) => (item.text.clone(), vec![format!("tick {id}")]),
        (Life::Asked, Work::Task(task)) => (task.reason.clone(), said(&["done", SKIP])),
        (Life::Asked, _) => {
            let why = step
                .confirm
                .as_ref()
                .map_or_else(|| "asks first".to_owned(), |confirm| confirm.reason.clone());
            (why, said(&["run", "done", SKIP, "stop --reason \"…\""]))
        }
        (Life::Failed, Work::Act(crate::plan::Action::Notify(_))) => return None,
        (Life::Failed, _) if crate::decide::retry_at(step, track).is_none() => {
            let why =
                track.result.as_ref().map_or_else(|| "failed".to_owned(), |result| result.detail.clone());
            let mut commands = said(&["retry", SKIP]);
            // On the way back already there is nothing more to turn around, but what was to stay.
            if state.can_turn_back() {
                commands.push("rollback --reason \"…\"".to_owned());
            }
            (why, commands)
        }
        (Life::Unknown, _) => {
            let note = track.note.clone().unwrap_or_default();
            let why = format!("nobody knows whether attempt {} took effect: {note}", track.attempts);
            (why, said(&["done", "retry", SKIP]))
        }
        (Life::Waiting, Work::Soak(_) | Work::Watch(_)) => {
            ("time, with its rules holding".to_owned(), Vec::new())
        }
        _ => return None,
    })
}

fn undo_wait(state: &State, index: usize) -> Option<Wait> {
    let step = &state.program.plan.steps[index];
    let track = &state.steps[index].undo;
    state.rollback.as_ref()?;
    let id = &step.id;
    let undo = state.program.undo_of(index).map_or(step, |undo| &state.program.plan.steps[undo]);
    let why = match track.life {
        Life::Asked if step.undo == Undo::Impossible => {
            "it cannot be reversed, and what came before may depend on it: `run` goes on back past it, `skip` too and with \
             your reason in the record, `tminus abort` ends the release here"
                .to_owned()
        }
        Life::Asked => match &undo.work {
            Work::Task(task) => format!("a person undoes it, as `{}` says: {}", undo.id, task.reason),
            _ => format!("undo with `{}`?", undo.id),
        },
        Life::Failed if crate::decide::retry_at(undo, track).is_none() => {
            let detail = track.result.as_ref().map_or("", |result| result.detail.as_str());
            format!("its undo `{}` failed: {detail}", undo.id)
        }
        Life::Unknown => {
            let note = track.note.as_deref().unwrap_or_default();
            format!("nobody knows whether its undo `{}` took effect: {note}", undo.id)
        }
        _ => return None,
    };
    let words: &[&str] = match track.life {
        Life::Asked if step.undo == Undo::Impossible => &["run"],
        _ if state.program.is_undone_by_hand(index) => &["done"],
        Life::Asked => &["run", "done"],
        _ => &["retry", "done"],
    };
    let commands = words.iter().chain(&["skip --reason \"…\""]).map(|word| format!("answer {id} {word}"));
    let commands = commands.collect();
    let who = if undo.roles.is_empty() {
        "anyone".to_owned()
    } else {
        undo.roles.iter().map(|role| role.0.clone()).collect::<Vec<_>>().join(" or ")
    };
    Some(Wait {
        step: Some(id.clone()),
        title: format!("undo: {}", step.title),
        why,
        who,
        since: track.since,
        until: None,
        commands,
    })
}
