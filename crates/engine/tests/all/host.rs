//! Many releases in one process.

use std::path::PathBuf;
use std::sync::Arc;

use tminus_engine::clock::{JumpClock, SystemClock};
use tminus_engine::drive::Stop;
use tminus_engine::host;
use tminus_engine::open::Engine;
use tminus_engine::rehearse::FakeWorld;
use tminus_release::StepId;
use tminus_release::event::Actor;
use tminus_release::people::{self, Person};
use tminus_release::time::{Moment, Span};
use tminus_store::memory::MemoryStore;
use tminus_testkit::plan::PlanBuilder;
use tokio::sync::watch;

fn engine() -> Engine {
    Engine {
        store: Arc::new(MemoryStore::default()),
        hands: Arc::new(FakeWorld::default()),
        clock: Arc::new(SystemClock),
        folder: PathBuf::new(),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_waiting_release_is_let_go_and_taken_up_when_someone_answers() {
    let engine = engine();
    let mut plan = PlanBuilder::new();
    plan.shell("a", "true");
    plan.item("b");
    plan.soak("c", Span(20), &[]);
    let starter = Actor::Person { name: "sam".to_owned(), proof: "test".to_owned() };
    let mut releases = Vec::new();
    for _ in 0..20 {
        let created = engine.create(plan.plan.clone(), Vec::new(), starter.clone()).await;
        releases.push(created.expect("can be followed").0);
    }
    let (stopper, stop) = watch::channel(Stop::No);
    let mut rested = 0;
    let mut ended = 0;
    let asking = engine.clone();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let answering = tokio::spawn(async move {
        while let Some(release) = receiver.recv().await {
            let person = Person { name: "ana".to_owned(), role: None };
            let by = Actor::Person { name: "ana".to_owned(), proof: "test".to_owned() };
            asking
                .say(&release, &by, |state| people::tick(state, &person, &StepId::from("b"), None))
                .await
                .expect("may tick");
        }
    });
    let counts = host::run(&engine, &PathBuf::new(), stop, &mut |release, state| {
        rested += 1;
        if state.is_finished() {
            ended += 1;
        } else if state.life(1) == tminus_release::life::Life::Asked {
            let _ = sender.send(release.clone());
        }
        if ended == 20 {
            let _ = stopper.send(Stop::Gently);
        }
    })
    .await
    .expect("memory");
    drop(sender);
    answering.await.expect("answers");
    assert_eq!((counts.ended, counts.open), (20, 0));
    assert!(rested >= 40, "each release rested at its question: {rested}");
}

#[test]
fn the_jump_clock_does_not_go_back() {
    let clock = JumpClock::at(Moment(5));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        use tminus_engine::clock::Clock as _;
        clock.sleep_until(Moment(9)).await;
        clock.sleep_until(Moment(7)).await;
        assert_eq!(clock.now(), Moment(9));
    });
}
