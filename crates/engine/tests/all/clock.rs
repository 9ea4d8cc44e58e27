//! Bad days of the clock: it is set by a day either way, or the machine sleeps, while a release
//! soaks under rules or nobody drives it.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use tminus_engine::clock::Clock;
use tminus_engine::drive::{Blind, Left, Observer, Reins, WhenIdle};
use tminus_engine::open::Engine;
use tminus_engine::rehearse::FakeWorld;
use tminus_release::event::{self, Actor, Event, Outcome, Recorded};
use tminus_release::plan::{Comparison, Usage};
use tminus_release::time::{Moment, Span};
use tminus_release::{State, StepId};
use tminus_store::Store as _;
use tminus_store::memory::MemoryStore;
use tminus_testkit::plan::PlanBuilder;

const DAY: i64 = 24 * 3600 * 1000;
const MINUTE: i64 = 60 * 1000;
const START: i64 = 1_000 * DAY;

/// What happens to the clock once, in milliseconds.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// Somebody sets the time of day.
    Set(i64),
    /// The machine sleeps: both clocks go on, nobody looks.
    Sleep(i64),
}

/// Time passes only when somebody waits for it; after a while there is trouble.
struct BadClock {
    now: AtomicI64,
    steady: AtomicI64,
    /// Steady time at which the trouble comes.
    at: i64,
    trouble: Trouble,
}

impl Clock for BadClock {
    fn now(&self) -> Moment {
        Moment(self.now.load(SeqCst))
    }

    fn steady(&self) -> Span {
        Span(u64::try_from(self.steady.load(SeqCst)).expect("it only goes on"))
    }

    fn sleep_until(&self, at: Moment) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // Whatever is ready to run goes first; time passes only when nothing else does.
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            let wait = i64::try_from(at.since(self.now()).0).expect("short");
            let before = self.steady.fetch_add(wait, SeqCst);
            self.now.fetch_add(wait, SeqCst);
            if before < self.at && before + wait >= self.at {
                match self.trouble {
                    Trouble::Set(by) => drop(self.now.fetch_add(by, SeqCst)),
                    Trouble::Sleep(time) => {
                        self.now.fetch_add(time, SeqCst);
                        self.steady.fetch_add(time, SeqCst);
                    }
                }
            }
        })
    }
}

/// Soaks for ten minutes under "not over 5 for 2 minutes". Returns how it ended, how long that
/// took in steady time, and the log.
async fn soak(trouble: Trouble, at: i64, breaching: bool) -> (Left, Span, Vec<Event>) {
    let mut plan = PlanBuilder::new();
    plan.rule("r1", "error_rate", Comparison::Greater, 5.0, Span::minutes(2), Usage::Rollback);
    plan.undoable("deploy", "true", "true");
    plan.soak("soak", Span::minutes(10), &["r1"]);
    let world = FakeWorld {
        rules: plan.plan.rules.clone(),
        breaching: if breaching { BTreeSet::from(["error_rate".to_owned()]) } else { BTreeSet::new() },
        ..FakeWorld::default()
    };
    let steady = AtomicI64::new(0);
    let clock = Arc::new(BadClock { now: AtomicI64::new(START), steady, at, trouble });
    let store = Arc::new(MemoryStore::default());
    let engine = Engine {
        store: Arc::<MemoryStore>::clone(&store),
        hands: Arc::new(world),
        clock: Arc::<BadClock>::clone(&clock),
        folder: PathBuf::new(),
    };
    let starter = Actor::Person { name: "sam".to_owned(), proof: "test".to_owned() };
    let (release, _) = engine.create(plan.plan, Vec::new(), starter).await.expect("can be followed");
    let (mut reins, _waker, _stopper) = Reins::new();
    let driver = engine.driver(&PathBuf::new(), WhenIdle::LeaveForPeople);
    let left = driver.drive(&release, &mut reins, &mut Blind, None).await.expect("memory");
    let entries = store.read(&release, 0).await.expect("memory");
    let log = entries.iter().map(|entry| event::open(entry).expect("a line of the log").event).collect();
    (left, clock.steady(), log)
}

fn steps_of_the_clock(log: &[Event]) -> Vec<i64> {
    let step = |event: &Event| match event {
        Event::ClockStepped { by_ms } => Some(*by_ms),
        _ => None,
    };
    log.iter().filter_map(step).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn a_clock_set_by_a_day_neither_ends_a_soak_early_nor_makes_it_hang() {
    for by in [DAY, -DAY] {
        let (left, took, log) = soak(Trouble::Set(by), 3 * MINUTE, false).await;
        assert_eq!(left, Left::Finished(Outcome::Succeeded), "{by}");
        assert!(took >= Span::minutes(10) && took < Span::minutes(11), "{by}: {took}");
        assert_eq!(steps_of_the_clock(&log), [by], "the log says it");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_clock_set_by_a_day_makes_a_breach_neither_longer_nor_shorter() {
    for by in [DAY, -DAY] {
        let (left, took, log) = soak(Trouble::Set(by), MINUTE, true).await;
        assert_eq!(left, Left::Finished(Outcome::RolledBack), "{by}");
        assert!(took >= Span::minutes(2) && took < Span::minutes(3), "{by}: {took}");
        assert_eq!(steps_of_the_clock(&log), [by]);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_machine_asleep_over_a_soak_does_not_make_it_shorter() {
    let asleep = 8 * 60 * MINUTE;
    let (left, took, log) = soak(Trouble::Sleep(asleep), 3 * MINUTE, false).await;
    assert_eq!(left, Left::Finished(Outcome::Succeeded));
    let awake = Span(took.0 - u64::try_from(asleep).expect("positive"));
    assert!(awake >= Span::minutes(10) && awake < Span::minutes(11), "{awake}");
    let unobserved: Vec<Span> = log
        .iter()
        .filter_map(|event| match event {
            Event::TimeUnobserved { from, to } => Some(to.since(*from)),
            _ => None,
        })
        .collect();
    assert_eq!(unobserved, [Span::hours(8)], "the log says what nobody watched");
    assert_eq!(steps_of_the_clock(&log), Vec::<i64>::new(), "nobody set the clock");
}

/// Wakes whoever waits when a timer has begun.
struct TellsOfTimer(u32, Arc<tokio::sync::Notify>);

impl Observer for TellsOfTimer {
    fn event(&mut self, _: &State, recorded: &Recorded) {
        if matches!(recorded.event, Event::TimerStarted { .. }) {
            self.0 -= 1;
            if self.0 == 0 {
                self.1.notify_one();
            }
        }
    }

    fn output(&mut self, _: &StepId, _: &[u8]) {}
}

/// Waits for an hour, then soaks for ten minutes; the process dies when the soak begins, and the next one
/// finds another time of day. Returns how long the soak took in steady time, and the log.
async fn died_as_the_soak_began(set: i64) -> (Span, Vec<Event>) {
    let mut plan = PlanBuilder::new();
    plan.rule("r1", "error_rate", Comparison::Greater, 5.0, Span::minutes(2), Usage::Rollback);
    plan.soak("pause", Span::hours(1), &[]);
    plan.soak("soak", Span::minutes(10), &["r1"]);
    let world = FakeWorld { rules: plan.plan.rules.clone(), ..FakeWorld::default() };
    let steady = AtomicI64::new(0);
    let clock =
        Arc::new(BadClock { now: AtomicI64::new(START), steady, at: i64::MAX, trouble: Trouble::Set(0) });
    let store = Arc::new(MemoryStore::default());
    let engine = Engine {
        store: Arc::<MemoryStore>::clone(&store),
        hands: Arc::new(world),
        clock: Arc::<BadClock>::clone(&clock),
        folder: PathBuf::new(),
    };
    let starter = Actor::Person { name: "sam".to_owned(), proof: "test".to_owned() };
    let (release, _) = engine.create(plan.plan, Vec::new(), starter).await.expect("can be followed");
    let driver = engine.driver(&PathBuf::new(), WhenIdle::LeaveForPeople);
    let began = Arc::new(tokio::sync::Notify::new());
    let mut sees = TellsOfTimer(2, Arc::clone(&began));
    let (mut reins, _waker, _stopper) = Reins::new();
    tokio::select! {
        biased;
        () = began.notified() => {}
        left = driver.drive(&release, &mut reins, &mut sees, None) => panic!("{left:?}"),
    }
    let died = clock.steady();
    clock.now.fetch_add(set, SeqCst);
    let left = driver.drive(&release, &mut reins, &mut Blind, None).await.expect("memory");
    assert_eq!(left, Left::Finished(Outcome::Succeeded));
    let entries = store.read(&release, 0).await.expect("memory");
    let log = entries.iter().map(|entry| event::open(entry).expect("a line of the log").event).collect();
    (Span(clock.steady().0 - died.0), log)
}

#[tokio::test(flavor = "current_thread")]
async fn a_process_that_dies_as_a_soak_begins_has_left_nothing_unwatched() {
    let (took, log) = died_as_the_soak_began(0).await;
    assert!(took >= Span::minutes(10) && took < Span::minutes(11), "{took}");
    assert!(!log.iter().any(|event| matches!(event, Event::TimeUnobserved { .. })), "{log:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_clock_that_was_set_while_nobody_drove_neither_ends_a_soak_early_nor_makes_it_hang() {
    for (by, steps) in [(DAY, vec![]), (-DAY, vec![-DAY])] {
        let (took, log) = died_as_the_soak_began(by).await;
        assert!(took >= Span::minutes(10) && took < Span::minutes(11), "{by}: {took}");
        assert_eq!(steps_of_the_clock(&log), steps);
    }
}
