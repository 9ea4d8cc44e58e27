//! Many releases in one process.

use std::path::PathBuf;
use std::sync::Arc;

use tminus_engine::clock::{JumpClock, SystemClock};
use tminus_engine::drive::{Blind, Left, Reins, Stop, WhenIdle};
use tminus_engine::host;
use tminus_engine::open::Engine;
use tminus_engine::rehearse::FakeWorld;
use tminus_release::event::{Actor, Answer, Event, Outcome, Purpose};
use tminus_release::life::Life;
use tminus_release::people::{self, Person};
use tminus_release::plan::{Task, Work};
use tminus_release::time::{Moment, Span};
use tminus_release::{State, StepId};
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

/// The answer `run` to an undo that a person does: logs of before have it, and nothing can be run.
#[tokio::test(flavor = "current_thread")]
async fn what_ends_where_it_began_has_its_outcome_written_before_anybody_leaves() {
    let engine = engine();
    let mut plan = PlanBuilder::new();
    plan.undoable("a", "true", "true");
    plan.item("b");
    let undo = plan.plan.steps.iter_mut().find(|step| step.id.as_str() == "undo-a").expect("the undo");
    undo.work = Work::Task(Task { instructions: "by hand".to_owned(), reason: "by hand".to_owned() });
    let by = Actor::Person { name: "sam".to_owned(), proof: "test".to_owned() };
    let (release, _) = engine.create(plan.plan, Vec::new(), by.clone()).await.expect("can be followed");
    let driver = engine.driver(&PathBuf::new(), WhenIdle::LeaveForPeople);
    let drive = async || {
        let (mut reins, _waker, _stopper) = Reins::new();
        driver.drive(&release, &mut reins, &mut Blind, None).await.expect("memory")
    };
    drive().await;
    engine.say(&release, &by, |state| people::rollback(state, "why".to_owned())).await.expect("may");
    drive().await;
    let run = Event::StepAnswered { step: StepId::from("a"), purpose: Purpose::Undo, answer: Answer::Run };
    engine.say(&release, &by, |_| Ok(vec![run.clone()])).await.expect("may");
    drive().await;
    // As the log has it, and not only as this process remembers it.
    let state = engine.state(&release).await.expect("memory");
    let index = state.program.index(&StepId::from("a")).expect("it is there");
    assert_eq!((state.steps[index].undo.life, state.steps[index].undo.attempts), (Life::Failed, 1));
    drive().await;
    let sam = Person { name: "sam".to_owned(), role: None };
    let done = Answer::Done { note: None };
    let said = |state: &State| people::answer(state, &sam, &StepId::from("a"), done.clone());
    engine.say(&release, &by, said).await.expect("it was offered");
    assert_eq!(drive().await, Left::Finished(Outcome::RolledBack));
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
