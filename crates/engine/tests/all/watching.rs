//! Rules while a release runs: breaches, silence, and what is recorded of them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tminus_engine::clock::JumpClock;
use tminus_engine::drive::{Blind, Left, Reins, WhenIdle};
use tminus_engine::open::Engine;
use tminus_engine::rehearse::FakeWorld;
use tminus_release::event::{Actor, Outcome};
use tminus_release::plan::{Comparison, Plan, Usage};
use tminus_release::time::{Moment, Span};
use tminus_store::memory::MemoryStore;
use tminus_testkit::plan::PlanBuilder;

async fn run(plan: Plan, breaching: &[&str]) -> (Left, tminus_release::State) {
    run_until(plan, breaching, WhenIdle::LeaveForPeople).await
}

async fn run_until(plan: Plan, breaching: &[&str], idle: WhenIdle) -> (Left, tminus_release::State) {
    let world = FakeWorld {
        rules: plan.rules.clone(),
        breaching: breaching.iter().map(|metric| (*metric).to_owned()).collect::<BTreeSet<_>>(),
        ..FakeWorld::default()
    };
    let engine = Engine {
        store: Arc::new(MemoryStore::default()),
        hands: Arc::new(world),
        clock: Arc::new(JumpClock::at(Moment(0))),
        folder: PathBuf::new(),
    };
    let starter = Actor::Person { name: "sam".to_owned(), proof: "test".to_owned() };
    let (release, _) = engine.create(plan, Vec::new(), starter).await.expect("can be followed");
    let (mut reins, _waker, _stopper) = Reins::new();
    let driver = engine.driver(&PathBuf::new(), idle);
    let left = driver.drive(&release, &mut reins, &mut Blind, None).await.expect("memory");
    (left, engine.state(&release).await.expect("memory"))
}

fn plan() -> PlanBuilder {
    let mut plan = PlanBuilder::new();
    plan.rule("r1", "error_rate", Comparison::Greater, 5.0, Span::minutes(2), Usage::Rollback);
    plan.undoable("deploy", "true", "true");
    plan.soak("soak", Span::minutes(10), &["r1"]);
    plan
}

#[tokio::test(flavor = "current_thread")]
async fn a_calm_soak_passes_after_its_time() {
    let (left, state) = run(plan().plan, &[]).await;
    assert_eq!(left, Left::Finished(Outcome::Succeeded));
    let took = state.finished_at.expect("ended").since(state.created_at);
    assert!(took >= Span::minutes(10) && took < Span::minutes(11), "{took}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_soak_whose_time_is_over_is_not_left_while_a_breach_may_still_fire() {
    let mut plan = PlanBuilder::new();
    plan.rule("r1", "error_rate", Comparison::Greater, 5.0, Span::minutes(2), Usage::Rollback);
    plan.undoable("deploy", "true", "true");
    plan.soak("soak", Span::minutes(1), &["r1"]);
    let (left, _) = run(plan.plan, &["error_rate"]).await;
    assert_eq!(left, Left::Finished(Outcome::RolledBack));
}

#[tokio::test(flavor = "current_thread")]
async fn pain_15_a_breach_of_two_minutes_rolls_back_and_says_why_with_its_samples() {
    let (left, state) = run(plan().plan, &["error_rate"]).await;
    assert_eq!(left, Left::Finished(Outcome::RolledBack));
    let rollback = state.rollback.expect("it went back");
    let after = rollback.since.since(state.created_at);
    assert!(after >= Span::minutes(2) && after < Span::minutes(3), "{after}");
    assert!(
        rollback.detail.contains("error_rate is") && rollback.detail.contains("for 2m"),
        "{}",
        rollback.detail
    );
}

#[tokio::test(flavor = "current_thread")]
async fn pain_06_a_breach_while_an_approval_waits_is_measured_and_rolls_back() {
    let mut plan = PlanBuilder::new();
    plan.rule("r1", "error_rate", Comparison::Greater, 5.0, Span::minutes(2), Usage::Rollback);
    plan.role("qa", &["ana"]);
    plan.undoable("deploy", "true", "true");
    // Nobody says a word: what ends the wait is the rule, long before the question expires.
    plan.approval("go", &[("qa", 1)], Some(Span::hours(4)));
    let (left, state) = run_until(plan.plan, &["error_rate"], WhenIdle::Stay).await;
    assert_eq!(left, Left::Finished(Outcome::RolledBack));
    let rollback = state.rollback.expect("it went back");
    let after = rollback.since.since(state.created_at);
    assert!(after >= Span::minutes(2) && after < Span::minutes(3), "{after}");
    assert!(rollback.detail.contains("error_rate is"), "{}", rollback.detail);
}
