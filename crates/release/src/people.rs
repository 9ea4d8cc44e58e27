//! What people may say to a release, checked before it is recorded.
//!
//! Each function looks at the state and gives the events to record, or a refusal that says what
//! was wanted, why not, and what to do now. Nothing here trusts the caller to have asked first.

use crate::event::{Answer, Cause, Event, Purpose};
use crate::gates;
use crate::life::Life;
use crate::plan::{Approval, Role, Step, StepId, Undo, Work};
use crate::program::Track;
use crate::quorum;
use crate::state::State;

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The role they speak in, when they say so.
    pub role: Option<Role>,
}

/// Why something a person said was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The release is over.
    #[error("do that: the release has already ended ({outcome})")]
    Over {
        /// How it ended.
        outcome: &'static str,
    },
    /// No step with that name.
    #[error("find step `{0}` in this release")]
    NoStep(String),
    /// Several steps with that ending.
    #[error("tell which step `{text}` means: {}", .candidates.iter().map(|id| id.0.as_str()).collect::<Vec<_>>().join(", "))]
    Ambiguous {
        /// What was given.
        text: String,
        /// What it could mean.
        candidates: Vec<StepId>,
    },
    /// The step does not wait for that.
    #[error("{wanted} `{step}`: it is {life} and waits for no such answer")]
    NotWaiting {
        /// What was wanted.
        wanted: &'static str,
        /// The step.
        step: StepId,
        /// Where it stands.
        life: Life,
    },
    /// The answer does not fit the kind of step.
    #[error("{wanted} `{step}`: {why}")]
    WrongKind {
        /// What was wanted.
        wanted: &'static str,
        /// The step.
        step: StepId,
        /// Why not, and what to do instead.
        why: &'static str,
    },
    /// The person does not have the role.
    #[error("let {person} {wanted} `{step}`: it needs the role {}", .roles.iter().map(|role| role.0.as_str()).collect::<Vec<_>>().join(" or "))]
    NotInRole {
        /// Who.
        person: String,
        /// What was wanted.
        wanted: &'static str,
        /// The step.
        step: StepId,
        /// Roles that may.
        roles: Vec<Role>,
    },
    /// The starter cannot approve.
    #[error("let {person} approve `{step}`: whoever started the release cannot approve it")]
    OwnRelease {
        /// Who.
        person: String,
        /// The step.
        step: StepId,
    },
    /// One person, one vote.
    #[error("count a second yes of {person} for `{step}`: each person counts once")]
    VotedAlready {
        /// Who.
        person: String,
        /// The step.
        step: StepId,
    },
    /// Nobody else is needed.
    #[error("count another yes for `{0}`: everyone who was needed has said yes")]
    Complete(StepId),
    /// A reason is needed.
    #[error("{0} without a reason: the record must say why")]
    NoReason(&'static str),
    /// The release goes back already.
    #[error("{0}: the release is already going back")]
    GoingBack(&'static str),
    /// A step that would be left half-way, or whose result would be of before.
    #[error("{wanted} while `{step}` is under way; wait until it has ended")]
    UnderWay {
        /// What was wanted.
        wanted: &'static str,
        /// The step.
        step: StepId,
    },
    /// Steps that stand came after those that are to go back.
    #[error("take back only {}: {} came after it and still stands; take that back as well, or everything, or say why it can stay", quoted(.steps), quoted(.dependents))]
    Dependents {
        /// What was to go back.
        steps: Vec<StepId>,
        /// What came after it.
        dependents: Vec<StepId>,
    },
    /// There is no hold.
    #[error("continue: the release is not on hold")]
    NoHold,
}

fn quoted(steps: &[StepId]) -> String {
    steps.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}

type Said = Result<Vec<Event>, Refusal>;

/// Finds the step that `text` names: its id, or an ending of exactly one id.
///
/// # Errors
/// When there is none, or more than one.
pub fn find_step(state: &State, text: &str) -> Result<StepId, Refusal> {
    let steps = &state.program.plan.steps;
    if let Some(step) = steps.iter().find(|step| step.id.0 == text) {
        return Ok(step.id.clone());
    }
    let ends = |step: &&Step| {
        let id = step.id.0.as_str();
        let name = id.split_once('@').map_or(id, |(name, _)| name);
        let in_some_environment =
            name == text || name.strip_suffix(text).is_some_and(|rest| rest.ends_with('/'));
        in_some_environment || id.strip_suffix(text).is_some_and(|rest| rest.ends_with('/'))
    };
    let mut candidates: Vec<StepId> = steps.iter().filter(ends).map(|step| step.id.clone()).collect();
    // A phase that runs per environment has the same step twice; usually one of them is open.
    if candidates.len() > 1 {
        let open = |id: &StepId| {
            state
                .program
                .index(id)
                .is_some_and(|index| !state.life(index).is_settled() && state.life(index) != Life::Pending)
        };
        let waiting: Vec<StepId> = candidates.iter().filter(|id| open(id)).cloned().collect();
        if waiting.len() == 1 {
            candidates = waiting;
        }
    }
    match candidates.len() {
        0 => Err(Refusal::NoStep(text.to_owned())),
        1 => Ok(candidates.remove(0)),
        _ => Err(Refusal::Ambiguous { text: text.to_owned(), candidates }),
    }
}

/// Answers an open question, a failure or an unknown outcome.
///
/// # Errors
/// See [`Refusal`].
pub fn answer(state: &State, person: &Person, step: &StepId, answer: Answer) -> Said {
    let (index, here) = open_step(state, step)?;
    let wanted = match &answer {
        Answer::Run => "run",
        Answer::Done { .. } => "mark as done",
        Answer::Skip { .. } => "skip",
        Answer::Retry => "retry",
        Answer::Stop { .. } => "stop at",
    };
    if let Answer::Skip { reason } | Answer::Stop { reason } = &answer
        && reason.trim().is_empty()
    {
        return Err(Refusal::NoReason(wanted));
    }
    // From when on it is being undone, nothing that is said is about how it was done.
    let undoing = state.rollback.is_some() && state.steps[index].undo.life != Life::Pending;
    let acts = state.program.undo_of(index).filter(|_| undoing);
    check_role(state, person, acts.map_or(here, |undo| &state.program.plan.steps[undo]), wanted)?;
    let purpose = if undoing { Purpose::Undo } else { Purpose::Forward };
    let life = if undoing { state.steps[index].undo.life } else { state.life(index) };
    let wrong = |why| Err(Refusal::WrongKind { wanted, step: step.clone(), why });
    let not_waiting = Err(Refusal::NotWaiting { wanted, step: step.clone(), life });
    if undoing && matches!(answer, Answer::Stop { .. }) {
        return wrong(
            "a rollback is not declined; retry the undo, mark it as done by hand, or skip it with a reason",
        );
    }
    if undoing && state.program.is_undone_by_hand(index) && matches!(answer, Answer::Run | Answer::Retry) {
        return wrong(
            "a person does its undo, and nothing would run; do it and answer `done`, or `skip` with a reason",
        );
    }
    if matches!(here.work, Work::Approval(_)) && !undoing {
        return match answer {
            Answer::Stop { reason } => decline(state, person, step, reason),
            _ => wrong("an approval takes `tminus approve` or `tminus decline`; it cannot be skipped"),
        };
    }
    match (&answer, life) {
        (Answer::Run, Life::Asked) => match &here.work {
            Work::Item(_) => tick(state, person, step, None),
            Work::Task(_) if !undoing => {
                wrong("it is a task for a person; do it and answer `done`, or `skip` with a reason")
            }
            _ => Ok(vec![said(step, purpose, answer)]),
        },
        (Answer::Done { note }, Life::Asked) if matches!(here.work, Work::Item(_)) && !undoing => {
            tick(state, person, step, note.clone())
        }
        (Answer::Done { .. }, Life::Asked | Life::Failed | Life::Unknown)
        | (Answer::Skip { .. }, Life::Asked | Life::Failed | Life::Unknown | Life::Waiting)
        | (Answer::Retry, Life::Failed | Life::Unknown)
        | (Answer::Stop { .. }, Life::Asked | Life::Failed | Life::Unknown | Life::Waiting) => {
            Ok(vec![said(step, purpose, answer)])
        }
        (Answer::Retry, Life::Passed) if here.check => Ok(vec![said(step, purpose, answer)]),
        (Answer::Retry, Life::Passed) => wrong("only checks may be run again after they passed"),
        _ => not_waiting,
    }
}

fn said(step: &StepId, purpose: Purpose, answer: Answer) -> Event {
    Event::StepAnswered { step: step.clone(), purpose, answer }
}

/// Ticks a checklist item.
///
/// # Errors
/// See [`Refusal`].
pub fn tick(state: &State, person: &Person, step: &StepId, note: Option<String>) -> Said {
    let (index, here) = open_step(state, step)?;
    let wanted = "tick";
    if !matches!(here.work, Work::Item(_)) {
        let why = "it is not a checklist item; use `tminus answer`";
        return Err(Refusal::WrongKind { wanted, step: step.clone(), why });
    }
    check_role(state, person, here, wanted)?;
    match state.life(index) {
        // People tick ahead of the program: a checklist is not a queue.
        Life::Asked | Life::Pending => Ok(vec![Event::ItemTicked { step: step.clone(), note }]),
        life => Err(Refusal::NotWaiting { wanted, step: step.clone(), life }),
    }
}

/// Takes a tick back. Approvals that were given for it lapse.
///
/// # Errors
/// See [`Refusal`].
pub fn untick(state: &State, person: &Person, step: &StepId, reason: String) -> Said {
    let (index, here) = open_step(state, step)?;
    let wanted = "untick";
    if reason.trim().is_empty() {
        return Err(Refusal::NoReason(wanted));
    }
    check_role(state, person, here, wanted)?;
    match (&here.work, state.life(index)) {
        (Work::Item(_), Life::Passed) => Ok(vec![Event::ItemUnticked { step: step.clone(), reason }]),
        (_, life) => Err(Refusal::NotWaiting { wanted, step: step.clone(), life }),
    }
}

/// Says yes to an approval.
///
/// # Errors
/// See [`Refusal`].
pub fn approve(state: &State, person: &Person, step: &StepId, note: Option<String>) -> Said {
    let (index, here) = open_step(state, step)?;
    let wanted = "approve";
    let Work::Approval(approval) = &here.work else {
        let why = "it is not an approval; use `tminus answer` or `tminus tick`";
        return Err(Refusal::WrongKind { wanted, step: step.clone(), why });
    };
    if state.life(index) != Life::Asked {
        return Err(Refusal::NotWaiting { wanted, step: step.clone(), life: state.life(index) });
    }
    if !approval.starter_may_approve && state.starter.name() == person.name {
        return Err(Refusal::OwnRelease { person: person.name.clone(), step: step.clone() });
    }
    let votes = &state.steps[index].votes;
    if votes.iter().any(|vote| vote.by == person.name) {
        return Err(Refusal::VotedAlready { person: person.name.clone(), step: step.clone() });
    }
    let role = voting_role(state, person, step, approval, index)?;
    let any_role = person.role.is_none() && approval.quorum.len() > 1;
    let plan_digest = state.program.digest().to_owned();
    let gates_digest = gates::digest(state, index);
    Ok(vec![Event::Approved { step: step.clone(), role, any_role, note, plan_digest, gates_digest }])
}

/// Picks the role that a yes counts for: the one said, or one in which the person is still needed
/// when those who said yes before, without naming a role, take another one of theirs.
fn voting_role(
    state: &State,
    person: &Person,
    step: &StepId,
    approval: &Approval,
    index: usize,
) -> Result<Role, Refusal> {
    let missing = quorum::count(state, index).missing;
    if missing.is_empty() {
        return Err(Refusal::Complete(step.clone()));
    }
    let picked = match &person.role {
        Some(_) if approval.quorum.is_empty() => Some(Role::from("anyone")),
        Some(role) => {
            let may = approval.quorum.contains_key(role) && has_role(state, person, role);
            may.then(|| role.clone())
        }
        None => quorum::count_with(state, index, Some(person)).roles.pop().flatten(),
    };
    picked.ok_or_else(|| Refusal::NotInRole {
        person: person.name.clone(),
        wanted: "approve",
        step: step.clone(),
        roles: missing.keys().cloned().collect(),
    })
}

/// Says no to an approval. The release stops.
///
/// # Errors
/// See [`Refusal`].
pub fn decline(state: &State, person: &Person, step: &StepId, reason: String) -> Said {
    let (index, here) = open_step(state, step)?;
    let wanted = "decline";
    if reason.trim().is_empty() {
        return Err(Refusal::NoReason(wanted));
    }
    if let Work::Approval(approval) = &here.work {
        let roles: Vec<Role> = approval.quorum.keys().cloned().collect();
        if !roles.is_empty() && !roles.iter().any(|role| has_role(state, person, role)) {
            return Err(Refusal::NotInRole {
                person: person.name.clone(),
                wanted,
                step: step.clone(),
                roles,
            });
        }
    } else {
        check_role(state, person, here, wanted)?;
    }
    match state.life(index) {
        Life::Asked => Ok(vec![Event::Declined { step: step.clone(), reason }]),
        life => Err(Refusal::NotWaiting { wanted, step: step.clone(), life }),
    }
}

/// Turns the release back.
///
/// # Errors
/// See [`Refusal`].
pub fn rollback(state: &State, reason: String) -> Said {
    refuse_over(state)?;
    // A part may be going back, and the rest is to follow.
    if !state.can_turn_back() {
        return Err(Refusal::GoingBack("roll back"));
    }
    let lane = |index: &usize| state.program.track(*index) == Track::Rollback;
    let looks = (0..state.steps.len()).filter(lane).find(|&index| state.life(index).is_active());
    if let Some(index) = looks {
        let step = state.program.plan.steps[index].id.clone();
        return Err(Refusal::UnderWay { wanted: "take back the rest", step });
    }
    if reason.trim().is_empty() {
        return Err(Refusal::NoReason("roll back"));
    }
    Ok(vec![Event::RollbackStarted { cause: Cause::Person, detail: reason }])
}

/// Places a hold: nothing new starts; rules stay armed.
///
/// # Errors
/// See [`Refusal`].
pub fn hold(state: &State, reason: String) -> Said {
    refuse_over(state)?;
    if state.rollback.is_some() {
        return Err(Refusal::GoingBack("hold"));
    }
    if reason.trim().is_empty() {
        return Err(Refusal::NoReason("hold"));
    }
    Ok(vec![Event::HoldPlaced { reason }])
}

/// Lifts a hold.
///
/// # Errors
/// See [`Refusal`].
pub fn lift(state: &State, note: Option<String>) -> Said {
    refuse_over(state)?;
    if state.hold.is_none() {
        return Err(Refusal::NoHold);
    }
    Ok(vec![Event::HoldLifted { note }])
}

/// Ends the release where it stands.
///
/// # Errors
/// See [`Refusal`].
pub fn abort(state: &State, reason: String) -> Said {
    refuse_over(state)?;
    if reason.trim().is_empty() {
        return Err(Refusal::NoReason("abort"));
    }
    Ok(vec![Event::AbortStarted { reason }])
}

pub(crate) fn refuse_over(state: &State) -> Result<(), Refusal> {
    match &state.outcome {
        Some((outcome, _)) => Err(Refusal::Over { outcome: outcome.words() }),
        None => Ok(()),
    }
}

fn open_step<'a>(state: &'a State, step: &StepId) -> Result<(usize, &'a Step), Refusal> {
    refuse_over(state)?;
    let index = state.program.index(step).ok_or_else(|| Refusal::NoStep(step.0.clone()))?;
    Ok((index, &state.program.plan.steps[index]))
}

fn check_role(state: &State, person: &Person, step: &Step, wanted: &'static str) -> Result<(), Refusal> {
    if step.roles.is_empty() || step.roles.iter().any(|role| has_role(state, person, role)) {
        return Ok(());
    }
    let roles = step.roles.clone();
    Err(Refusal::NotInRole { person: person.name.clone(), wanted, step: step.id.clone(), roles })
}

/// A role that nobody was given may be taken by anyone: that is one person on one machine. As soon
/// as a role has people, only they have it.
pub fn has_role(state: &State, person: &Person, role: &Role) -> bool {
    match state.program.plan.roles.get(role) {
        Some(people) if !people.is_empty() => people.contains(&person.name),
        _ => true,
    }
}

/// Tells whether going back crosses a point of no return.
pub fn crosses_no_return(state: &State) -> Vec<StepId> {
    let plan = &state.program.plan;
    let crossed = |index: &&usize| plan.steps[**index].undo == Undo::Impossible;
    state.undo_stack.iter().filter(crossed).map(|&index| plan.steps[index].id.clone()).collect()
}
