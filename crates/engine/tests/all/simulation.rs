//! Runs a release in a simulated world, with crashes, to its end.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tminus_engine::clock::{Clock, JumpClock};
use tminus_engine::drive::{Blind, Left, Reins, WhenIdle};
use tminus_engine::open::Engine;
use tminus_engine::operator::{Operator, Script};
use tminus_release::event::{Actor, Answer, Event};
use tminus_release::life::Life;
use tminus_release::plan::Plan;
use tminus_release::time::Moment;
use tminus_release::{ReleaseId, State, people};
use tminus_store::Store;
use tminus_store::memory::MemoryStore;
use tminus_testkit::sim::{Crash, CrashingStore, SimHands, Switch, Truth};

/// A release that outlives its processes.
pub(crate) struct Simulation {
    pub(crate) memory: Arc<MemoryStore>,
    pub(crate) truth: Arc<Truth>,
    pub(crate) clock: Arc<JumpClock>,
    pub(crate) release: ReleaseId,
    pub(crate) failing: BTreeSet<String>,
    pub(crate) failing_once: BTreeSet<String>,
    pub(crate) leaves_trace: bool,
}

/// How one process ended.
pub(crate) enum Ended {
    Crashed,
    Left(Left),
}

/// What a process did, for placing crashes.
pub(crate) struct Counts {
    pub(crate) writes: u64,
    pub(crate) acts: u64,
}

impl Simulation {
    pub(crate) async fn new(plan: Plan) -> Simulation {
        let memory = Arc::new(MemoryStore::default());
        let truth = Arc::new(Truth::default());
        let clock = Arc::new(JumpClock::at(Moment(1_000_000)));
        let mut simulation = Simulation {
            memory,
            truth,
            clock,
            release: ReleaseId::from(""),
            failing: BTreeSet::new(),
            failing_once: BTreeSet::new(),
            leaves_trace: true,
        };
        let starter = Actor::Person { name: "sam".to_owned(), proof: "test".to_owned() };
        let (engine, ..) = simulation.engine(Crash::No);
        simulation.release =
            engine.create(plan, Vec::new(), starter).await.expect("the plan can be followed").0;
        simulation
    }

    fn engine(&self, crash: Crash) -> (Engine, Arc<CrashingStore>, Arc<SimHands>, Arc<Switch>) {
        let switch = Arc::new(Switch::default());
        let store = Arc::new(CrashingStore::new(Arc::clone(&self.memory), crash, Arc::clone(&switch)));
        let mut hands = SimHands::new(Arc::clone(&self.truth), crash, self.leaves_trace, Arc::clone(&switch));
        hands.failing.clone_from(&self.failing);
        hands.failing_once.clone_from(&self.failing_once);
        let hands = Arc::new(hands);
        let engine = Engine {
            store: Arc::<CrashingStore>::clone(&store),
            hands: Arc::<SimHands>::clone(&hands),
            clock: Arc::<JumpClock>::clone(&self.clock) as Arc<dyn Clock>,
            folder: PathBuf::new(),
        };
        (engine, store, hands, switch)
    }

    /// Drives until the process crashes or leaves. Dropping the future is the crash: nothing of
    /// the process is left but what it wrote.
    pub(crate) async fn process(&self, crash: Crash, operator: &mut dyn Operator) -> (Ended, Counts) {
        let (engine, store, hands, switch) = self.engine(crash);
        let driver = engine.driver(&PathBuf::new(), WhenIdle::LeaveForPeople);
        let (mut reins, _waker, _stopper) = Reins::new();
        let mut blind = Blind;
        let ended = tokio::select! {
            left = driver.drive(&self.release, &mut reins, &mut blind, Some(operator)) => Ended::Left(left.expect("the simulated store does not fail")),
            () = switch.ended.notified() => Ended::Crashed,
        };
        (ended, Counts { writes: store.writes(), acts: hands.acts() })
    }

    pub(crate) async fn state(&self) -> State {
        let entries = self.memory.read(&self.release, 0).await.expect("memory");
        let lines: Vec<String> = entries.iter().map(|entry| entry.line.clone()).collect();
        let (_, state) = tminus_release::verify::verify(&lines, None).expect("the log verifies at any time");
        state
    }
}

/// Says yes to everything, and about unknown outcomes the truth.
pub(crate) struct Honest {
    pub(crate) truth: Arc<Truth>,
    pub(crate) script: Script,
    pub(crate) failing: BTreeSet<String>,
}

impl Honest {
    pub(crate) fn new(truth: &Arc<Truth>) -> Honest {
        Honest { truth: Arc::clone(truth), script: Script::default(), failing: BTreeSet::new() }
    }
}

/// Somebody who may speak about this step.
pub(crate) fn speaker(state: &State, index: usize) -> people::Person {
    let plan = &state.program.plan;
    let with_role = plan.steps[index].roles.iter().filter_map(|role| plan.roles.get(role)?.first()).next();
    people::Person { name: with_role.cloned().unwrap_or_else(|| "ana".to_owned()), role: None }
}

impl Operator for Honest {
    fn answer(&mut self, state: &State) -> Option<(Actor, Vec<Event>)> {
        for (index, step) in state.program.plan.steps.iter().enumerate() {
            let (word, life) = match state.rollback {
                Some(_) if state.steps[index].undo.life == Life::Unknown => ("undo", Life::Unknown),
                Some(_) => continue,
                None => ("forward", state.life(index)),
            };
            if life != Life::Unknown {
                continue;
            }
            let deed = format!("{word} {}", step.id);
            let happened = self.truth.count(&deed) > 0 && !self.failing.contains(&deed);
            let answer =
                if happened { Answer::Done { note: Some("I looked".to_owned()) } } else { Answer::Retry };
            let person = speaker(state, index);
            let events =
                people::answer(state, &person, &step.id, answer).expect("an unknown outcome takes an answer");
            return Some((Actor::Person { name: person.name, proof: "test".to_owned() }, events));
        }
        self.script.answer(state)
    }
}
