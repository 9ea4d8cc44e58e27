//! The process is ended before and after every write and before and after every effect. After
//! resuming, nothing is lost, nothing is repeated that the plan did not allow, and the outcome is
//! the one without the crash.

use std::collections::BTreeSet;

use tminus_engine::drive::Left;
use tminus_engine::operator::Script;
use tminus_engine::rehearse;
use tminus_release::StepId;
use tminus_release::event::Outcome;
use tminus_release::life::Life;
use tminus_release::plan::{Action, Comparison, OnFailure, Plan, Resume, Step, Undo, Usage, When, Work};
use tminus_release::time::Span;
use tminus_testkit::plan::PlanBuilder;
use tminus_testkit::runbooks;
use tminus_testkit::sim::Crash;

use crate::simulation::{Ended, Honest, Simulation};

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A plan with every kind of thing that a runbook can hold.
pub(crate) fn everything() -> Plan {
    let mut plan = PlanBuilder::new();
    plan.rule("r1", "error_rate", Comparison::Less, 1.0, Span(0), Usage::Slo);
    plan.rule("r2", "p95", Comparison::Greater, 2000.0, Span::minutes(5), Usage::Rollback);
    plan.role("qa", &["ana", "bea"]);
    plan.check("ci", "true").retry.times = 2;
    plan.item("notes");
    plan.undoable("config", "true", "true");
    plan.approval("go", &[("qa", 1)], Some(Span::hours(4)));
    // Its undo is told about and asked for first.
    plan.check("loss", "true").on_demand = true;
    plan.plan.steps.last_mut().expect("loss").after.clear();
    plan.approval("allow", &[("qa", 1)], None).on_demand = true;
    plan.undoable("migrate", "true", "true").after = vec![StepId::from("go")];
    plan.proposed("smoke", "true");
    plan.check("looks", "true").on_demand = true;
    plan.plan.steps.last_mut().expect("looks").after.clear();
    let deploy = plan.undoable("deploy", "true", "true");
    deploy.resume = Resume::Verify(StepId::from("looks"));
    deploy.after = vec![StepId::from("smoke")];
    plan.soak("soak", Span::minutes(30), &["r1"]);
    plan.shell("announce-site", "true").undo = Undo::Impossible;
    plan.task("tell-support");
    plan.notify("tell", "done", When::Always);
    plan.notify("tell-back", "going back", When::Rollback);
    let undo = plan.plan.steps.iter_mut().find(|step| step.id.as_str() == "undo-config").expect("added");
    undo.after = vec![StepId::from("allow")];
    plan.plan
}

/// How a plan ends, what took effect, and how many writes and acts there are, when nothing crashes.
pub(crate) type Undisturbed = (Option<Outcome>, Vec<String>, u64, u64);

/// Runs a plan without a crash.
pub(crate) async fn undisturbed(plan: &Plan, failing: &BTreeSet<String>) -> Undisturbed {
    let mut simulation = Simulation::new(plan.clone()).await;
    simulation.failing.clone_from(failing);
    let mut operator = Honest::new(&simulation.truth);
    operator.failing.clone_from(failing);
    let (ended, counts) = simulation.process(Crash::No, &mut operator).await;
    let outcome = match ended {
        Ended::Left(Left::Finished(outcome)) => Some(outcome),
        Ended::Left(_) => None,
        Ended::Crashed => panic!("no crash was asked for"),
    };
    (outcome, simulation.truth.effects(), counts.writes, counts.acts)
}

/// Runs a plan with these crashes in turn, then without, and checks what must hold.
pub(crate) async fn crashed(
    plan: &Plan,
    failing: &BTreeSet<String>,
    crashes: &[Crash],
    leaves_trace: bool,
    expected: &Undisturbed,
) {
    let mut simulation = Simulation::new(plan.clone()).await;
    simulation.failing.clone_from(failing);
    simulation.leaves_trace = leaves_trace;
    let mut operator = Honest::new(&simulation.truth);
    operator.failing.clone_from(failing);
    for crash in crashes {
        let (ended, _) = simulation.process(*crash, &mut operator).await;
        if !matches!(ended, Ended::Crashed) {
            break;
        }
        // What is on disk at this moment is a true and whole log.
        simulation.state().await;
    }
    let (ended, _) = simulation.process(Crash::No, &mut operator).await;
    let outcome = match ended {
        Ended::Left(Left::Finished(outcome)) => Some(outcome),
        _ => None,
    };
    let state = simulation.state().await;
    let context = format!("{crashes:?} trace {leaves_trace}\n{:#?}", simulation.truth.effects());
    assert_eq!(outcome, expected.0, "the outcome is the one without the crash: {context}");
    for (index, step) in plan.steps.iter().enumerate() {
        let deed = format!("forward {}", step.id);
        let times = simulation.truth.count(&deed);
        let may_repeat = step.check || step.resume == Resume::Rerun || failing.contains(&deed);
        let is_message = matches!(&step.work, Work::Act(Action::Notify(_)));
        assert!(times <= 1 || may_repeat, "{deed} took effect {times} times: {context}");
        // The record says the truth: what it calls done was done, and what was done it knows.
        let life = state.life(index);
        if life == Life::Passed && matches!(step.work, Work::Act(_)) {
            assert!(times >= 1, "{deed} is recorded as done and was not: {context}");
        }
        if times > 0 && !step.on_demand {
            assert_ne!(life, Life::Pending, "{deed} was done and the record does not know: {context}");
        }
        let without = expected.1.iter().filter(|other| **other == deed).count();
        // A message of which nobody knows is not sent a second time, and the record says so.
        if without > 0 && !(is_message && life == Life::ByHand) {
            assert!(times >= 1, "{deed} was lost: {context}");
        }
        let undo = format!("undo {}", step.id);
        let undone = simulation.truth.count(&undo);
        if state.steps[index].undo.life == Life::Passed {
            assert!(undone >= 1, "{undo} is recorded as done and was not: {context}");
        }
        if expected.1.contains(&undo) {
            assert!(undone >= 1, "{undo} was lost: {context}");
        }
        let may_repeat = match &step.undo {
            Undo::Step(id) => plan.step(id).is_some_and(|undo| undo.resume == Resume::Rerun),
            _ => false,
        };
        assert!(undone <= 1 || may_repeat || failing.contains(&undo), "{undo}: {context}");
    }
}

fn everywhere(plan: &Plan, failing: &BTreeSet<String>) {
    runtime().block_on(async {
        let expected = undisturbed(plan, failing).await;
        for leaves_trace in [true, false] {
            for write in 1..=expected.2 {
                crashed(plan, failing, &[Crash::BeforeWrite(write)], leaves_trace, &expected).await;
                crashed(plan, failing, &[Crash::AfterWrite(write)], leaves_trace, &expected).await;
            }
            for act in 1..=expected.3 {
                crashed(plan, failing, &[Crash::BeforeEffect(act)], leaves_trace, &expected).await;
                crashed(plan, failing, &[Crash::AfterEffect(act)], leaves_trace, &expected).await;
            }
        }
    });
}

#[test]
fn crash_everywhere_on_the_way_forward() {
    everywhere(&everything(), &BTreeSet::new());
}

/// Takes out what costs time in thousands of runs and changes none of them: scripts that nothing runs
/// here, and samples of a wait that goes on for half a day.
pub(crate) fn lighten(plan: &mut Plan) {
    for step in &mut plan.steps {
        match &mut step.work {
            Work::Act(Action::Shell(shell)) => shell.script.clear(),
            Work::Soak(soak) | Work::Watch(soak) => soak.duration = soak.duration.min(Span::minutes(1)),
            _ => {}
        }
    }
}

#[test]
fn crash_everywhere_each_runbook_of_the_project() {
    // They have nothing to do with each other, and there are hundreds of crashes in each.
    std::thread::scope(|scope| {
        for (name, mut plan) in runbooks::all() {
            lighten(&mut plan);
            let crash = move || {
                everywhere(&plan, &BTreeSet::new());
                let mut automatic = plan.clone();
                automatic.policy.on_failure = OnFailure::Rollback;
                let is_last = |step: &&Step| step.has_effect() && !step.on_demand;
                let last = plan.steps.iter().rfind(is_last).expect("it has an effect");
                everywhere(&automatic, &BTreeSet::from([format!("forward {}", last.id)]));
            };
            // A panic is told with the thread's name.
            std::thread::Builder::new().name(name).spawn_scoped(scope, crash).expect("a thread");
        }
    });
}

#[test]
fn fail_at_every_step_of_each_runbook_of_the_project() {
    runtime().block_on(async {
        for (name, plan) in runbooks::all() {
            for case in
                rehearse::fail_each(&plan, &Script::default()).await.expect("the plan can be followed")
            {
                let expected = if case.failing.is_some() { Outcome::RolledBack } else { Outcome::Succeeded };
                assert_eq!(case.outcome, Some(expected), "{name} {:?}", case.failing);
                assert!(case.left.is_empty(), "{name} {:?}: {:?} was left", case.failing, case.left);
            }
        }
    });
}

#[test]
fn crash_everywhere_on_the_way_back() {
    let mut plan = everything();
    plan.policy.on_failure = OnFailure::Rollback;
    for failing in ["forward deploy", "forward announce-site", "forward migrate"] {
        everywhere(&plan, &BTreeSet::from([failing.to_owned()]));
    }
}

#[test]
fn fail_at_every_step_ends_rolled_back_with_everything_undone_that_can_be() {
    let plan = everything();
    runtime().block_on(async {
        let cases = rehearse::fail_each(&plan, &Script::default()).await.expect("the plan can be followed");
        assert_eq!(cases[0].outcome, Some(Outcome::Succeeded));
        for case in &cases[1..] {
            let failing = case.failing.as_ref().expect("each further case has one");
            assert_eq!(case.outcome, Some(Outcome::RolledBack), "{failing}");
            let begun: Vec<&StepId> =
                plan.steps.iter().take_while(|step| step.id != *failing).map(|step| &step.id).collect();
            for step in &plan.steps {
                let began = begun.contains(&&step.id) || step.id == *failing;
                if began && matches!(step.undo, Undo::Step(_)) {
                    assert!(case.undone.contains(&step.id), "{failing}: {} was not undone", step.id);
                }
            }
            let order: Vec<usize> = case
                .undone
                .iter()
                .map(|id| plan.steps.iter().position(|step| step.id == *id).expect("of the plan"))
                .collect();
            assert!(order.windows(2).all(|pair| pair[0] > pair[1]), "{failing}: undone in reverse order");
        }
    });
}
