//! What comes next: (state, now) → commands.
//!
//! This is the only place that decides. Web hooks, answers, timers and restarts merely cause it to
//! be asked again; asking twice gives the same answer. It never looks at a clock or at the world.

use crate::event::{Actor, Answer, Cause, Event, Outcome, Purpose, RuleVerdict, Verdict};
use crate::gates;
use crate::life::Life;
use crate::plan::{Action, OnFailure, Resume, Step, Usage, When, Work};
use crate::program::Track;
use crate::quorum;
use crate::rollback;
use crate::state::{RuleKey, State, TrackState};
use crate::time::{Moment, Span};

/// What the engine is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Record that something is so. No effect in the world.
    Record(Event),
    /// Record the intent and then act.
    Start {
        /// Index of the step.
        step: usize,
        /// What for.
        purpose: Purpose,
        /// Number of the attempt.
        attempt: u32,
    },
    /// End an attempt that is under way.
    Cancel {
        /// Index of the step.
        step: usize,
        /// What it was for.
        purpose: Purpose,
    },
}

/// The commands and when to ask again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// What to do now, in order.
    pub commands: Vec<Command>,
    /// When time alone takes the release further.
    pub wake_at: Option<Moment>,
    /// When time alone takes something back: an approval that nobody used.
    pub lapse_at: Option<Moment>,
    /// Rules to be measured meanwhile.
    pub armed: Vec<RuleKey>,
    /// Whether a measurement takes the release further: a soak whose time is over waits for the values
    /// of its rules.
    pub measures: bool,
}

impl Decision {
    pub(crate) fn record(&mut self, event: Event) {
        self.commands.push(Command::Record(event));
    }

    pub(crate) fn wake(&mut self, at: Moment) {
        self.wake_at = Some(self.wake_at.map_or(at, |other| other.min(at)));
    }
}

/// Decides what comes next.
pub fn decide(state: &State, now: Moment) -> Decision {
    let mut decision = Decision::default();
    if state.is_finished() {
        return decision;
    }
    if state.rollback.is_some() {
        rollback::decide(state, now, &mut decision);
    } else if state.abort.is_some() {
        end_active(state, &mut decision);
        close(state, now, Outcome::Aborted, &mut decision);
    } else {
        forward(state, now, &mut decision);
    }
    decision
}

fn forward(state: &State, now: Moment, decision: &mut Decision) {
    if judge_rules(state, now, decision) {
        return;
    }
    decision.armed = armed_rules(state);
    if state.declined().is_some() {
        // Declined is stop: nothing new starts. What runs may end; then the release is over,
        // unless something stands that a person may want to have reversed.
        if !has_active(state) && state.standing_effects().is_empty() {
            close(state, now, Outcome::Declined, decision);
        }
        return;
    }
    if let Some((step, detail)) = failure_that_rolls_back(state) {
        let cause = Cause::Failure { step: state.program.plan.steps[step].id.clone() };
        decision.record(Event::RollbackStarted { cause, detail });
        return;
    }
    if !advance(state, now, Track::Forward, decision) || !decision.commands.is_empty() {
        return;
    }
    // On a hold nobody has said that it is well, and what is not well is not over before it is judged.
    if state.hold.is_none() && !is_breaching(state, decision) {
        close(state, now, Outcome::Succeeded, decision);
    }
}

/// Tells whether a rule for going back is broken now, though not for as long as it says.
fn is_breaching(state: &State, decision: &mut Decision) -> bool {
    let goes_back =
        |id: &str| state.program.plan.rules.iter().any(|rule| rule.id == id && rule.usage == Usage::Rollback);
    let breaching = decision.armed.iter().any(|key| {
        goes_back(&key.0) && state.rules.get(key).is_some_and(|rule| rule.verdict == RuleVerdict::Breaching)
    });
    decision.measures |= breaching;
    breaching
}

/// Moves every step of a track on that can move. Returns whether all of them are settled.
pub(crate) fn advance(state: &State, now: Moment, track: Track, decision: &mut Decision) -> bool {
    if lapse_approvals(state, now, track, decision) {
        // What an approval let through is decided anew without it.
        return false;
    }
    let mut all_settled = true;
    let mut clear = vec![true; state.steps.len()];
    // The front of the order is settled for the way forward; other tracks are short.
    let from = if track == Track::Forward { state.done } else { 0 };
    for &index in &state.program.order()[from..] {
        // Everything before a step counts, not only its neighbours: an item that was taken back
        // or a check that failed when it was run again stops what has not begun yet.
        clear[index] =
            state.program.after(index).iter().all(|&before| clear[before] && lets_pass(state, before));
        if state.program.track(index) != track || is_over(state, index) {
            continue;
        }
        all_settled = false;
        if clear[index] {
            advance_step(state, index, now, decision);
        }
        // The rest of a long plan that is one chain has nothing to say yet.
        if track == Track::Forward && state.program.is_narrow(index) && !lets_pass(state, index) {
            break;
        }
    }
    all_settled
}

/// Tells whether nothing more is to happen with a step.
fn is_over(state: &State, index: usize) -> bool {
    let life = state.life(index);
    if matches!(state.program.plan.steps[index].work, Work::Approval(_)) && life == Life::Passed {
        return !may_lapse(state, index);
    }
    // On the way back a no is an end, and what stands behind it is left out.
    let refused = life == Life::Declined && state.program.track(index) == Track::Rollback;
    refused || life.is_settled() || is_given_up(state, index)
}

/// Tells whether the steps after this one may start. An open watch lets them pass.
fn lets_pass(state: &State, index: usize) -> bool {
    let life = state.life(index);
    let is_watch = matches!(state.program.plan.steps[index].work, Work::Watch(_));
    life.is_settled() || (is_watch && life == Life::Waiting) || is_given_up(state, index)
}

/// A message that could not be sent does not stop a release. It is told as not sent.
fn is_given_up(state: &State, index: usize) -> bool {
    let step = &state.program.plan.steps[index];
    matches!(step.work, Work::Act(Action::Notify(_)))
        && state.life(index) == Life::Failed
        && retry_at(step, &state.steps[index].forward).is_none()
}

pub(crate) fn advance_step(state: &State, index: usize, now: Moment, decision: &mut Decision) {
    let step = &state.program.plan.steps[index];
    let track = &state.steps[index].forward;
    let held = state.hold.is_some();
    match track.life {
        Life::Pending if held => {}
        Life::Pending => begin(state, index, now, decision),
        Life::Asked => grant(state, index, decision),
        Life::Ready if held => {}
        Life::Ready => start(index, Purpose::Forward, track, decision),
        Life::Waiting => elapse(state, index, now, decision),
        Life::Failed => {
            if !held && let Some(at) = retry_at(step, track) {
                if now >= at { start(index, Purpose::Forward, track, decision) } else { decision.wake(at) }
            }
        }
        Life::Unknown => match &step.resume {
            _ if held => {}
            Resume::Rerun if may_look_again(track) => start(index, Purpose::Forward, track, decision),
            // Verified once; if even that did not tell, a person decides.
            Resume::Verify(_) if !was_verified(track) => start(index, Purpose::Verify, track, decision),
            Resume::Rerun | Resume::Verify(_) | Resume::Ask => {}
        },
        Life::Passed | Life::Running | Life::Verifying | Life::ByHand | Life::Skipped | Life::Declined => {}
    }
}

fn was_verified(track: &TrackState) -> bool {
    track.result.as_ref().is_some_and(|result| !matches!(result.verdict, Verdict::Passed | Verdict::Failed))
}

/// First move of a step whose turn has come.
fn begin(state: &State, index: usize, now: Moment, decision: &mut Decision) {
    let step = &state.program.plan.steps[index];
    let id = step.id.clone();
    match &step.work {
        Work::Act(_) if step.confirm.is_none() => {
            start(index, Purpose::Forward, &state.steps[index].forward, decision);
        }
        Work::Soak(soak) | Work::Watch(soak) => {
            decision.record(Event::TimerStarted { step: id, until: now.plus(soak.duration) });
        }
        Work::Choice(choice) => {
            let note = state
                .program
                .plan
                .inputs
                .get(&choice.input)
                .map(|picked| format!("picked when planned: {picked}"));
            decision.record(Event::ItemTicked { step: id, note });
        }
        Work::Item(item) => match gates::item_holds(state, item) {
            Some(note) => decision.record(Event::ItemTicked { step: id, note: Some(note) }),
            None => decision.record(Event::StepAsked { step: id, purpose: Purpose::Forward }),
        },
        Work::Act(_) | Work::Task(_) | Work::Approval(_) => {
            decision.record(Event::StepAsked { step: id, purpose: Purpose::Forward });
        }
    }
}

/// Takes back approvals whose ground has changed or whose time has run out.
pub(crate) fn lapse_approvals(state: &State, now: Moment, track: Track, decision: &mut Decision) -> bool {
    let before = decision.commands.len();
    let of_track = |index: &&usize| state.program.track(**index) == track;
    for &index in state.program.approvals().iter().filter(of_track) {
        let step = &state.program.plan.steps[index];
        let Work::Approval(approval) = &step.work else { continue };
        let here = &state.steps[index];
        let open = here.forward.life == Life::Asked;
        let granted = here.forward.life == Life::Passed && may_lapse(state, index);
        if !open && !granted {
            continue;
        }
        let id = step.id.clone();
        if !here.votes.is_empty() {
            let current = gates::digest(state, index);
            if here.votes.iter().any(|vote| vote.gates_digest != current) {
                let reason = "a gate that it was given for has changed".to_owned();
                decision.record(Event::ApprovalLapsed { step: id, reason });
                continue;
            }
        }
        let Some(expires) = approval.expires else { continue };
        let until = here.forward.since.plus(expires);
        if now >= until {
            decision.record(Event::ApprovalLapsed { step: id, reason: format!("not used within {expires}") });
        } else {
            decision.lapse_at = Some(decision.lapse_at.map_or(until, |other| other.min(until)));
        }
    }
    decision.commands.len() > before
}

/// Completes an approval whose quorum is there.
fn grant(state: &State, index: usize, decision: &mut Decision) {
    let step = &state.program.plan.steps[index];
    if matches!(step.work, Work::Approval(_)) && quorum::count(state, index).missing.is_empty() {
        decision.record(Event::ApprovalGranted { step: step.id.clone() });
    }
}

/// A granted approval is looked at again until the steps behind it have begun.
fn may_lapse(state: &State, approval: usize) -> bool {
    // What was told before a yes may have become more by the time that a failed step is tried again.
    let was_told = !gates::told(state, approval).is_empty();
    let not_begun = |life: Life| match life {
        Life::Pending | Life::Asked | Life::Ready => true,
        Life::Failed | Life::Unknown => was_told,
        _ => false,
    };
    let waits_to_undo = |undo: usize| {
        let undoes = |index: &&usize| state.program.undo_of(**index) == Some(undo);
        state.undo_stack.iter().filter(undoes).any(|&index| not_begun(state.steps[index].undo.life))
    };
    state.program.dependents(approval).iter().any(|&index| match state.program.track(index) {
        Track::Forward => not_begun(state.life(index)),
        Track::Rollback => state.rollback.is_some() && not_begun(state.life(index)),
        Track::OnDemand => waits_to_undo(index),
        Track::Message(_) => false,
    })
}

fn elapse(state: &State, index: usize, now: Moment, decision: &mut Decision) {
    let step = &state.program.plan.steps[index];
    let (Work::Soak(soak) | Work::Watch(soak)) = &step.work else { return };
    // The time of a hold for a breach or for missing data is none of it.
    let by_itself = state.hold.as_ref().is_some_and(|hold| hold.by == Actor::Engine);
    if by_itself && !soak.rules.is_empty() {
        return;
    }
    let until = state.steps[index].until.unwrap_or(now);
    if now < until {
        decision.wake(until);
        return;
    }
    // Not enough data is a verdict of its own and never passes: the wait goes on past its time
    // until each rule has a value again, and the hold for missing data says so.
    let measured = soak.duration == Span(0)
        || soak.rules.iter().all(|rule| {
            let key = (rule.clone(), step.environment.clone());
            state.rules.get(&key).is_some_and(|rule| rule.verdict == RuleVerdict::Holding)
        });
    if measured {
        decision.record(Event::TimerElapsed { step: step.id.clone() });
    } else {
        decision.measures = state.hold.is_none();
    }
}

pub(crate) fn start(index: usize, purpose: Purpose, track: &TrackState, decision: &mut Decision) {
    decision.commands.push(Command::Start { step: index, purpose, attempt: track.attempts + 1 });
}

/// What may be repeated is repeated after an unknown outcome, but not for ever: a host that does not
/// answer is something to tell a person.
pub(crate) fn may_look_again(track: &TrackState) -> bool {
    const ATTEMPTS: u32 = 5;
    track.attempts.saturating_sub(track.forgiven) < ATTEMPTS
}

/// Returns when a failed attempt is to be tried again; None when it has failed for good.
pub(crate) fn retry_at(step: &Step, track: &TrackState) -> Option<Moment> {
    if track.result.as_ref().is_some_and(|result| result.never_began) {
        return Some(track.since);
    }
    let cancelled = track.result.as_ref().is_some_and(|result| result.verdict == Verdict::Cancelled);
    if cancelled {
        // It was ended from outside, which says nothing about the step: what may be repeated is.
        return (step.check || step.resume == Resume::Rerun).then_some(track.since);
    }
    let used = track.attempts.saturating_sub(track.forgiven);
    if used == 0 || used > step.retry.times {
        return None;
    }
    let factor = 1_u64 << (used - 1).min(20);
    Some(track.since.plus(Span(step.retry.backoff.0.saturating_mul(factor))))
}

fn failure_that_rolls_back(state: &State) -> Option<(usize, String)> {
    let policy = state.program.plan.policy.on_failure;
    state.open().iter().find_map(|&index| {
        let step = &state.program.plan.steps[index];
        let track = &state.steps[index].forward;
        let result = track.result.as_ref()?;
        let automatic = step.on_failure.unwrap_or(policy) == OnFailure::Rollback;
        let failed = track.life == Life::Failed
            && automatic
            && result.verdict != Verdict::Cancelled
            && state.program.track(index) == Track::Forward
            && !matches!(step.work, Work::Act(Action::Notify(_)))
            && retry_at(step, track).is_none();
        failed.then(|| (index, format!("{}: {}", step.title, result.detail)))
    })
}

/// Which rules are to be measured: those of open soaks and watches, and, once anything has an
/// effect, every rollback rule of the document. They stay armed while people think.
pub(crate) fn armed_rules(state: &State) -> Vec<RuleKey> {
    let plan = &state.program.plan;
    let mut armed: Vec<RuleKey> = Vec::new();
    for &index in state.program.timed() {
        let step = &plan.steps[index];
        if let Work::Soak(soak) | Work::Watch(soak) = &step.work
            && state.life(index) == Life::Waiting
        {
            armed.extend(soak.rules.iter().map(|rule| (rule.clone(), step.environment.clone())));
        }
    }
    if !state.undo_stack.is_empty() && !plan.rules.is_empty() {
        let environment = stands_in(state);
        // A rule that is measured in one place only is armed while the release is there.
        let here = |rule: &&crate::plan::Rule| {
            rule.scope().is_none_or(|scope| Some(scope) == environment || !is_place_of(plan, scope))
        };
        let standing = plan
            .rules
            .iter()
            .filter(|rule| matches!(rule.usage, Usage::Rollback | Usage::Alert))
            .filter(here);
        armed.extend(standing.map(|rule| (rule.id.clone(), environment.map(str::to_owned))));
    }
    armed.sort();
    armed.dedup();
    armed
}

/// Where the release is: the furthest environment, in the order in which they are released to, in which
/// something has an effect. A tag, or something done in an earlier one, does not take it away from there.
fn stands_in(state: &State) -> Option<&str> {
    let plan = &state.program.plan;
    let changed = |name: &str| {
        let mut steps = state.undo_stack.iter().map(|&index| &plan.steps[index]);
        steps.any(|step| step.environment.as_deref() == Some(name))
    };
    plan.environments.iter().rev().map(|one| one.name.as_str()).find(|name| changed(name))
}

/// Tells whether any step runs for an environment. Where none does, as in a runbook that names no
/// environments, a source of that name is there for the whole release.
fn is_place_of(plan: &crate::plan::Plan, environment: &str) -> bool {
    plan.steps.iter().any(|step| step.environment.as_deref() == Some(environment))
}

/// Acts on rules that fired or have no data. Returns whether that is all there is to do now.
fn judge_rules(state: &State, now: Moment, decision: &mut Decision) -> bool {
    let plan = &state.program.plan;
    let armed = armed_rules(state);
    for key in &armed {
        let Some(rule) = plan.rules.iter().find(|rule| rule.id == key.0) else { continue };
        let Some(seen) = state.rules.get(key) else { continue };
        if rule.usage == Usage::Alert || state.hold.is_some() && seen.verdict == RuleVerdict::NoData {
            continue;
        }
        match seen.verdict {
            RuleVerdict::Fired => match on_breach(state, key) {
                OnFailure::Rollback => {
                    let cause = Cause::Breach { rule: rule.id.clone() };
                    decision.record(Event::RollbackStarted { cause, detail: seen.detail.clone() });
                    return true;
                }
                OnFailure::Hold if state.hold.is_none() => {
                    decision.record(Event::HoldPlaced {
                        reason: format!("`{}` is breached: {}", rule.text, seen.detail),
                    });
                    return true;
                }
                OnFailure::Hold => {}
            },
            RuleVerdict::NoData => {
                let until = seen.since.plus(plan.policy.no_data);
                if now >= until {
                    let reason = format!(
                        "no data for `{}` since {}: {}",
                        rule.text,
                        seen.since.rfc3339(),
                        seen.detail
                    );
                    decision.record(Event::HoldPlaced { reason });
                    return true;
                }
                decision.wake(until);
            }
            RuleVerdict::Holding | RuleVerdict::Breaching => {}
        }
    }
    false
}

/// An open soak or watch that names the rule, in its environment, may say what a breach leads to. Of two that say
/// different things the one that goes back counts.
fn on_breach(state: &State, (rule, environment): &RuleKey) -> OnFailure {
    let plan = &state.program.plan;
    let mut said = None;
    for (index, step) in plan.steps.iter().enumerate() {
        if let Work::Soak(soak) | Work::Watch(soak) = &step.work
            && state.life(index) == Life::Waiting
            && step.environment == *environment
            && soak.rules.contains(rule)
            && said != Some(OnFailure::Rollback)
        {
            said = soak.on_breach.or(said);
        }
    }
    said.unwrap_or(plan.policy.on_breach)
}

pub(crate) fn has_active(state: &State) -> bool {
    state.steps.iter().any(|step| step.forward.life.is_active() || step.undo.life.is_active())
}

pub(crate) fn end_active(state: &State, decision: &mut Decision) {
    for (index, step) in state.steps.iter().enumerate() {
        if step.forward.life.is_active() && !matches!(state.program.track(index), Track::Message(_)) {
            let purpose =
                if step.forward.life == Life::Verifying { Purpose::Verify } else { Purpose::Forward };
            decision.commands.push(Command::Cancel { step: index, purpose });
        }
        if step.undo.life.is_active() && state.rollback.is_none() {
            decision.commands.push(Command::Cancel { step: index, purpose: Purpose::Undo });
        }
    }
}

/// Sends the messages that belong to the end, then ends the release.
pub(crate) fn close(state: &State, now: Moment, outcome: Outcome, decision: &mut Decision) {
    if has_active_work(state)
        || !messages_sent(state, now, decision, |when| match when {
            When::Always => true,
            When::Success => outcome == Outcome::Succeeded,
            When::Failure => outcome != Outcome::Succeeded,
            When::InOrder | When::Rollback => false,
        })
    {
        return;
    }
    let ids = |index: &usize| state.program.plan.steps[*index].id.clone();
    let left = if outcome == Outcome::Succeeded {
        Vec::new()
    } else {
        state.standing_effects().iter().map(ids).collect()
    };
    decision.record(Event::ReleaseFinished { outcome, left });
}

fn has_active_work(state: &State) -> bool {
    (0..state.steps.len()).any(|index| {
        let is_message = matches!(state.program.track(index), Track::Message(_));
        !is_message
            && (state.steps[index].forward.life.is_active() || state.steps[index].undo.life.is_active())
    })
}

/// Starts the messages whose time has come. Returns whether all of them are through.
pub(crate) fn messages_sent(
    state: &State,
    now: Moment,
    decision: &mut Decision,
    due: impl Fn(When) -> bool,
) -> bool {
    let mut through = true;
    for index in 0..state.steps.len() {
        let Track::Message(when) = state.program.track(index) else { continue };
        if !due(when) || is_over(state, index) {
            continue;
        }
        through = false;
        let step = &state.program.plan.steps[index];
        let track = &state.steps[index].forward;
        match track.life {
            Life::Pending | Life::Ready => start(index, Purpose::Forward, track, decision),
            Life::Failed => match retry_at(step, track) {
                Some(at) if now >= at => start(index, Purpose::Forward, track, decision),
                Some(at) => decision.wake(at),
                None => {}
            },
            // A message whose sending was cut off by a crash is not sent a second time: better
            // once and marked unknown than doubled at night.
            Life::Unknown => {
                let note = Some("nobody knows whether it was sent".to_owned());
                let answer = Answer::Done { note };
                decision.record(Event::StepAnswered {
                    step: step.id.clone(),
                    purpose: Purpose::Forward,
                    answer,
                });
            }
            _ => {}
        }
    }
    through
}
