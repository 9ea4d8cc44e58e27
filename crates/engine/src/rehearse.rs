//! Rehearsal: the same loop over a fake world.
//!
//! Nothing is run, sent or asked; a soak of a day takes no time; every question is answered yes.
//! With `fail_each`, the plan is run once for each step with that step failing, so that people see
//! beforehand what is undone, what is left standing and where they would be needed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tminus_release::event::{Actor, Answer, Event, Outcome, Purpose, Recorded};
use tminus_release::plan::{Action, Plan, Rule, Source, Usage, Work};
use tminus_release::program::Track;
use tminus_release::standing::standing;
use tminus_release::time::{Moment, Span};
use tminus_release::{State, StepId};
use tminus_steps::{Hands, Job, Recovered, Report, Sampler, Work as Promise};
use tminus_store::Store;
use tminus_store::memory::MemoryStore;
use tokio::sync::{mpsc, watch as signal};

use crate::EngineError;
use crate::clock::{Clock, JumpClock};
use crate::drive::{Left, Observer, Reins, WhenIdle};
use crate::open::Engine;
use crate::operator::{Operator, Script};

/// A world in which everything works, except what was told to fail.
#[derive(Debug, Default)]
pub struct FakeWorld {
    /// Ids of steps whose forward action fails, each time.
    pub failing: BTreeSet<String>,
    /// Ids of steps whose undo fails, each time.
    pub failing_undo: BTreeSet<String>,
    /// Metrics whose source gives a value that breaches its rules.
    pub breaching: BTreeSet<String>,
    /// Rules of the plan, to give values that hold.
    pub rules: Vec<Rule>,
    /// What was done, in order: `purpose step`.
    pub done: Mutex<Vec<String>>,
}

impl FakeWorld {
    /// Returns what was done, in order.
    pub fn deeds(&self) -> Vec<String> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Hands for FakeWorld {
    fn perform(
        &self,
        job: Job,
        _cancel: signal::Receiver<bool>,
        _progress: mpsc::Sender<Vec<u8>>,
    ) -> Promise<'_, Report> {
        Box::pin(async move {
            self.done
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("{} {}", job.purpose, job.step));
            let fails = match job.purpose {
                "undo" => self.failing_undo.contains(&job.step),
                _ => self.failing.contains(&job.step),
            };
            if fails { Report::failed("made to fail in the rehearsal") } else { passed() }
        })
    }

    fn recover(&self, job: Job, _cancel: signal::Receiver<bool>) -> Promise<'_, Recovered> {
        Box::pin(async move { Recovered::Unknown(format!("a rehearsal keeps nothing of `{}`", job.step)) })
    }

    fn forget(&self, _: &std::path::Path) {}

    fn leave(&self, _: &std::path::Path) {}

    fn sampler(&self, _source: Source, _secrets: BTreeMap<String, String>) -> Box<dyn Sampler> {
        let metrics: BTreeSet<&str> = self.rules.iter().map(Rule::measure).collect();
        let value = |metric: &str| {
            let rules: Vec<&Rule> = self.rules.iter().filter(|rule| rule.measure() == metric).collect();
            (metric.to_owned(), value_for(&rules, self.breaching.contains(metric)))
        };
        Box::new(FakeSampler(metrics.into_iter().map(value).collect()))
    }
}

struct FakeSampler(BTreeMap<String, f64>);

impl Sampler for FakeSampler {
    fn sample(&mut self) -> Promise<'_, BTreeMap<String, Result<f64, String>>> {
        Box::pin(async { self.0.iter().map(|(metric, value)| (metric.clone(), Ok(*value))).collect() })
    }
}

fn passed() -> Report {
    Report {
        verdict: tminus_steps::Verdict::Passed,
        ..Report::failed("not really done: this is a rehearsal")
    }
}

/// A value on the right side of every rule of a metric, or on the wrong side of one of them.
fn value_for(rules: &[&Rule], breaching: bool) -> f64 {
    let is_fine = |value: f64, rule: &Rule| {
        let names_bad = matches!(rule.usage, Usage::Rollback | Usage::Alert);
        rule.op.holds(value, rule.limit) != names_bad
    };
    let near = |rule: &&Rule| {
        [rule.limit, rule.limit / 2.0, rule.limit - 1.0, rule.limit + 1.0, rule.limit * 2.0 + 1.0]
    };
    let mut candidates = rules.iter().flat_map(near);
    let found = candidates.find(|value| rules.iter().all(|rule| is_fine(*value, rule)) != breaching);
    found.unwrap_or_default()
}

/// What happened when one step failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The step that failed; None: everything went well.
    pub failing: Option<StepId>,
    /// How the release ended; None: it waits for people.
    pub outcome: Option<Outcome>,
    /// Steps whose undo passed, in the order of the undoing.
    pub undone: Vec<StepId>,
    /// Steps of the rollback lane that ran after the undos.
    pub afterwards: Vec<StepId>,
    /// Steps that had an effect which still stands.
    pub left: Vec<StepId>,
    /// Where a person is needed: title and why.
    pub people: Vec<String>,
    /// Time that the plan would have taken at least: soaks, watches, waits between tries.
    pub waits: Span,
}

/// Rehearses a plan once, with `failing` made to fail.
///
/// # Errors
/// When the plan cannot be followed.
pub async fn rehearse(plan: &Plan, failing: Option<&StepId>, script: &Script) -> Result<Case, EngineError> {
    let mut world = FakeWorld { rules: plan.rules.clone(), ..FakeWorld::default() };
    world.failing.extend(failing.map(|step| step.0.clone()));
    let mut seen = Seen::default();
    let mut operator = script.clone();
    let (state, left, clock) = run(plan, world, &mut seen, &mut operator).await?;
    let outcome = match left {
        Left::Finished(outcome) => Some(outcome),
        Left::Idle(_) | Left::Stopped => None,
    };
    let ids = |index: usize| plan.steps[index].id.clone();
    let mut people = seen.people;
    if outcome.is_none() {
        people.extend(standing(&state).waits.iter().map(|wait| format!("{}: {}", wait.title, wait.why)));
    }
    let left = if outcome == Some(Outcome::Succeeded) {
        Vec::new()
    } else {
        state.standing_effects().into_iter().map(ids).collect()
    };
    Ok(Case {
        failing: failing.cloned(),
        outcome,
        undone: seen.undone,
        afterwards: seen.afterwards,
        left,
        people,
        waits: clock.now().since(state.created_at),
    })
}

/// Rehearses a plan once for each step that acts, with that step failing.
///
/// # Errors
/// When the plan cannot be followed.
pub async fn fail_each(plan: &Plan, script: &Script) -> Result<Vec<Case>, EngineError> {
    let mut cases = vec![rehearse(plan, None, script).await?];
    let acting = plan.steps.iter().filter(|step| {
        matches!(&step.work, Work::Act(action) if !matches!(action, Action::Notify(_))) && !step.on_demand
    });
    for step in acting {
        if plan.lane_of(step) == plan.lane {
            cases.push(rehearse(plan, Some(&step.id), script).await?);
        }
    }
    Ok(cases)
}

async fn run(
    plan: &Plan,
    world: FakeWorld,
    seen: &mut dyn Observer,
    operator: &mut dyn Operator,
) -> Result<(State, Left, Arc<JumpClock>), EngineError> {
    let clock = Arc::new(JumpClock::at(Moment(0)));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let shared: Arc<dyn Clock> = Arc::<JumpClock>::clone(&clock);
    let engine = Engine { store, hands: Arc::new(world), clock: shared, folder: PathBuf::new() };
    let starter = Actor::Person { name: "rehearsal".to_owned(), proof: "rehearsal".to_owned() };
    let mut plan = plan.clone();
    // Kinds that cannot run yet can be rehearsed: nothing is run here anyway.
    for step in &mut plan.steps {
        if let Work::Act(Action::Unavailable(unavailable)) = &step.work {
            let notify = tminus_release::plan::Shell {
                interpreter: tminus_release::plan::Interpreter::Sh,
                script: unavailable.body.clone(),
                folder: None,
                ok: vec![0],
                host: None,
                database: None,
                recipe: None,
                group: None,
            };
            step.work = Work::Act(Action::Shell(notify));
        }
    }
    let (release, _) = engine.create(plan, Vec::new(), starter).await?;
    let driver = engine.driver(&PathBuf::new(), WhenIdle::LeaveForPeople);
    let (mut reins, _waker, _stopper) = Reins::new();
    let left = driver.drive(&release, &mut reins, seen, Some(operator)).await?;
    let state = engine.state(&release).await?;
    Ok((state, left, clock))
}

/// Notes undos and the places where a person had to decide more than a yes.
#[derive(Default)]
struct Seen {
    undone: Vec<StepId>,
    afterwards: Vec<StepId>,
    people: Vec<String>,
}

impl Observer for Seen {
    fn event(&mut self, state: &State, recorded: &Recorded) {
        match &recorded.event {
            Event::StepFinished { step, purpose: Purpose::Undo, result, .. }
                if result.verdict == tminus_release::event::Verdict::Passed =>
            {
                self.undone.push(step.clone());
            }
            Event::StepFinished { step, purpose: Purpose::Forward, .. }
                if state
                    .program
                    .index(step)
                    .is_some_and(|index| state.program.track(index) == Track::Rollback) =>
            {
                self.afterwards.push(step.clone());
            }
            Event::RollbackStarted { cause: tminus_release::event::Cause::Person, detail } => {
                let failed = state
                    .steps
                    .iter()
                    .zip(&state.program.plan.steps)
                    .find(|(step, _)| step.forward.life == tminus_release::life::Life::Failed);
                let title = failed.map_or(detail.as_str(), |(_, step)| step.title.as_str());
                self.people.push(format!("{title}: failed, and a person decides (retry, skip, roll back)"));
            }
            Event::StepAsked { step, purpose: Purpose::Forward } if state.rollback.is_some() => {
                let title = state.program.plan.step(step).map_or("", |step| step.title.as_str());
                self.people.push(format!("{title}: asked on the way back"));
            }
            Event::StepAsked { step, purpose: Purpose::Undo } => {
                let title = state.program.plan.step(step).map_or("", |step| step.title.as_str());
                let index = state.program.index(step);
                let undo = index.and_then(|index| state.program.undo_of(index));
                let by_hand = index.is_some_and(|index| state.program.is_undone_by_hand(index));
                self.people.push(match undo.map(|undo| &state.program.plan.steps[undo].id) {
                    None => format!("{title}: asked before going back past it"),
                    Some(undo) if by_hand => format!("{title}: a person undoes it, as `{undo}` says"),
                    Some(undo) => format!("{title}: asked before `{undo}` undoes it"),
                });
            }
            Event::StepAnswered { step, purpose: Purpose::Undo, answer: Answer::Done { .. } } => {
                self.undone.push(step.clone());
            }
            _ => {}
        }
    }

    fn output(&mut self, _: &StepId, _: &[u8]) {}
}
