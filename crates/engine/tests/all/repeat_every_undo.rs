//! Each undo of each runbook fails once: the release is stuck and says so, nothing else is undone past
//! it, the undo is repeated on a person's word, and a rollback that is over is not done again.

use std::collections::BTreeSet;

use tminus_engine::drive::Left;
use tminus_engine::operator::Operator;
use tminus_release::event::{Actor, Answer, Event, Outcome};
use tminus_release::life::Life;
use tminus_release::people;
use tminus_release::plan::{OnFailure, Plan, Undo};
use tminus_release::standing::{Status, standing};
use tminus_release::{State, StepId};
use tminus_testkit::runbooks;
use tminus_testkit::sim::Crash;

use crate::crash_everywhere::{everything, lighten, runtime, undisturbed};
use crate::simulation::{Ended, Honest, Simulation, speaker};

/// Says nothing about an undo that failed, or asks for it again; else yes.
struct Patient {
    honest: Honest,
    asks_again: bool,
}

impl Operator for Patient {
    fn answer(&mut self, state: &State) -> Option<(Actor, Vec<Event>)> {
        let is_stuck = |index: &usize| state.steps[*index].undo.life == Life::Failed;
        let Some(index) = (0..state.steps.len()).find(is_stuck) else {
            return self.honest.answer(state);
        };
        let person = speaker(state, index);
        let step = &state.program.plan.steps[index].id;
        let again = || people::answer(state, &person, step, Answer::Retry).expect("an undo can be repeated");
        let actor = Actor::Person { name: person.name.clone(), proof: "test".to_owned() };
        self.asks_again.then(|| (actor, again()))
    }
}

async fn repeat(name: &str, plan: &Plan, failing: &BTreeSet<String>, undone: &[String], broken: &StepId) {
    let undo = format!("undo {broken}");
    let mut simulation = Simulation::new(plan.clone()).await;
    simulation.failing.clone_from(failing);
    simulation.failing_once.insert(undo.clone());
    let mut operator = Patient { honest: Honest::new(&simulation.truth), asks_again: false };
    operator.honest.failing.clone_from(failing);
    let (ended, _) = simulation.process(Crash::No, &mut operator).await;
    assert!(matches!(ended, Ended::Left(Left::Idle(_))), "{name}: {undo} failed, and nobody was asked");
    let state = simulation.state().await;
    let here = standing(&state);
    assert_eq!(here.status, Status::Stuck, "{name}: {undo} failed");
    assert!(here.waits.iter().any(|wait| wait.step.as_ref() == Some(broken)), "{name}: {undo} is not named");
    let so_far: Vec<String> =
        simulation.truth.effects().into_iter().filter(|deed| deed.starts_with("undo ")).collect();
    assert_eq!(so_far.last(), Some(&undo), "{name}: something was undone past it");

    operator.asks_again = true;
    let (ended, _) = simulation.process(Crash::No, &mut operator).await;
    assert!(matches!(ended, Ended::Left(Left::Finished(Outcome::RolledBack))), "{name}: {undo} was repeated");
    for deed in undone {
        let times = if *deed == undo { 2 } else { 1 };
        assert_eq!(simulation.truth.count(deed), times, "{name}: {deed}, with {undo} repeated");
    }
    let state = simulation.state().await;
    assert!(people::rollback(&state, "once more".to_owned()).is_err(), "{name}: it is back already");
    let person = speaker(&state, state.program.index(broken).expect("of the plan"));
    let again = people::answer(&state, &person, broken, Answer::Retry);
    assert!(again.is_err(), "{name}: {undo} has passed and is not repeated");
}

/// Goes back from the last step, so that everything before it has to be undone.
async fn repeat_each(name: &str, mut plan: Plan, last: &StepId) {
    plan.policy.on_failure = OnFailure::Rollback;
    let failing = BTreeSet::from([format!("forward {last}")]);
    let expected = undisturbed(&plan, &failing).await;
    assert_eq!(expected.0, Some(Outcome::RolledBack), "{name}");
    let undone: Vec<String> = expected.1.into_iter().filter(|deed| deed.starts_with("undo ")).collect();
    assert!(!undone.is_empty(), "{name}: nothing is undone");
    for step in plan.steps.iter().filter(|step| matches!(step.undo, Undo::Step(_))) {
        if undone.contains(&format!("undo {}", step.id)) {
            repeat(name, &plan, &failing, &undone, &step.id).await;
        }
    }
}

#[test]
fn repeat_every_undo_of_a_plan_with_everything() {
    runtime().block_on(repeat_each("everything", everything(), &StepId::from("announce-site")));
}

#[test]
fn repeat_every_undo_of_each_runbook_of_the_project() {
    runtime().block_on(async {
        for (name, mut plan) in runbooks::all() {
            lighten(&mut plan);
            let last = plan.steps.iter().rfind(|step| step.has_effect() && !step.on_demand);
            let last = last.expect("it has an effect").id.clone();
            repeat_each(&name, plan, &last).await;
        }
    });
}
