//! The way forward: order, questions, retries, soaks, messages.

use proptest::prelude::*;
use tminus_release::StepId;
use tminus_release::event::{Answer, Event, Outcome, Purpose, RuleVerdict, Verdict};
use tminus_release::life::Life;
use tminus_release::people;
use tminus_release::plan::{Action, Comparison, OnFailure, Resume, Usage, When, Work};
use tminus_release::program::{Program, Track};
use tminus_release::standing::{Status, standing};
use tminus_release::time::Span;
use tminus_testkit::plan::PlanBuilder;

use crate::support::{Release, all_pass, person};

#[test]
fn steps_run_in_order_and_the_release_succeeds() {
    let mut plan = PlanBuilder::new();
    plan.shell("a", "true");
    plan.check("b", "true");
    plan.shell("c", "true");
    let mut release = Release::start(plan.plan);
    assert_eq!(release.run(all_pass), ["forward a", "forward b", "forward c"]);
    assert_eq!(release.state.outcome, Some((Outcome::Succeeded, vec![])));
    assert!(release.decide().commands.is_empty(), "nothing follows the end");
}

#[test]
fn a_failed_step_holds_and_is_retried_at_the_failed_step() {
    let mut plan = PlanBuilder::new();
    plan.shell("a", "true");
    plan.shell("b", "false").retry.times = 2;
    plan.shell("c", "true");
    let mut release = Release::start(plan.plan);
    assert_eq!(release.run(|id, _, _| id != "b"), ["forward a", "forward b"]);
    // Two more attempts, the second after twice the wait.
    assert_eq!(release.decide().wake_at, Some(release.now.plus(Span::seconds(1))));
    release.wait(Span::seconds(1));
    assert_eq!(release.run(|id, _, _| id != "b"), ["forward b"]);
    release.wait(Span::seconds(2));
    assert_eq!(release.run(|id, _, _| id != "b"), ["forward b"]);
    assert_eq!(release.life("b"), Life::Failed);
    assert_eq!(release.decide().wake_at, None);
    assert_eq!(standing(&release.state).status, Status::OnHold);
    release
        .say("ana", |state| people::answer(state, &person("ana"), &StepId::from("b"), Answer::Retry))
        .expect("may retry");
    assert_eq!(release.run(all_pass), ["forward b", "forward c"]);
    assert_eq!(release.state.outcome, Some((Outcome::Succeeded, vec![])));
}

#[test]
fn items_of_a_checklist_are_open_together_and_ticked_by_people_and_checks() {
    let mut plan = PlanBuilder::new();
    plan.check("ci", "true");
    plan.item("x").after.clear();
    plan.item("y").after.clear();
    if let Work::Item(item) = &mut plan.plan.steps[2].work {
        item.auto = Some(StepId::from("ci"));
    }
    plan.plan.steps[2].after = vec![StepId::from("ci")];
    plan.item("all");
    plan.plan.steps[3].after = vec![StepId::from("x"), StepId::from("y")];
    if let Work::Item(item) = &mut plan.plan.steps[3].work {
        item.children = vec![StepId::from("x"), StepId::from("y")];
    }
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    assert_eq!(
        (release.life("x"), release.life("y"), release.life("all")),
        (Life::Asked, Life::Passed, Life::Pending)
    );
    release
        .say("ana", |state| people::tick(state, &person("ana"), &StepId::from("x"), None))
        .expect("may tick");
    release.run(all_pass);
    assert_eq!(release.state.outcome.as_ref().map(|(outcome, _)| *outcome), Some(Outcome::Succeeded));
}

#[test]
fn a_proposed_step_runs_only_on_a_yes_and_a_no_stops() {
    for (answer, outcome) in [
        (Answer::Run, Some(Outcome::Succeeded)),
        (Answer::Done { note: None }, Some(Outcome::Succeeded)),
        (Answer::Skip { reason: "not needed".to_owned() }, Some(Outcome::Succeeded)),
        (Answer::Stop { reason: "no".to_owned() }, Some(Outcome::Declined)),
    ] {
        let mut plan = PlanBuilder::new();
        plan.proposed("a", "true");
        let mut release = Release::start(plan.plan);
        assert!(release.run(all_pass).is_empty(), "asks first");
        release
            .say("ana", |state| people::answer(state, &person("ana"), &StepId::from("a"), answer.clone()))
            .expect("may answer");
        let started = release.run(all_pass);
        assert_eq!(started.len(), usize::from(answer == Answer::Run));
        assert_eq!(release.state.outcome.as_ref().map(|(outcome, _)| *outcome), outcome, "{answer:?}");
    }
}

#[test]
fn a_soak_ends_by_time_only_with_data() {
    let mut plan = PlanBuilder::new();
    plan.rule("r1", "error_rate", Comparison::Less, 1.0, Span(0), Usage::Slo);
    plan.soak("soak", Span::hours(4), &["r1"]);
    plan.shell("after", "true");
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    assert_eq!(release.decide().armed, [("r1".to_owned(), None)]);
    release.wait(Span::hours(4));
    assert!(release.run(all_pass).is_empty(), "no sample was ever taken: not a pass");
    verdict(&mut release, RuleVerdict::NoData);
    release.wait(Span::seconds(30));
    release.run(all_pass);
    assert!(release.state.hold.as_ref().is_some_and(|hold| hold.reason.contains("no data")), "silence holds");
    release.say("ana", |state| people::lift(state, None)).expect("may continue");
    verdict(&mut release, RuleVerdict::Holding);
    assert_eq!(release.run(all_pass), ["forward after"]);
}

fn verdict(release: &mut Release, verdict: RuleVerdict) {
    let event = Event::RuleChanged {
        rule: "r1".to_owned(),
        environment: None,
        verdict,
        value: Some(2.0),
        detail: "error_rate is 2%".to_owned(),
        evidence: None,
    };
    release.take(tminus_release::event::Actor::Engine, event);
}

#[test]
fn unwatched_time_and_a_set_clock_do_not_shorten_a_soak() {
    let mut plan = PlanBuilder::new();
    plan.rule("r1", "error_rate", Comparison::Less, 1.0, Span(0), Usage::Slo);
    plan.soak("soak", Span::hours(4), &["r1"]);
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    let until = release.state.steps[0].until.expect("a soak has an end");
    let (from, to) = (release.now, release.now.plus(Span::hours(3)));
    release.take(tminus_release::event::Actor::Engine, Event::TimeUnobserved { from, to });
    assert_eq!(release.state.steps[0].until, Some(until.plus(Span::hours(3))));
    release.take(tminus_release::event::Actor::Engine, Event::ClockStepped { by_ms: -86_400_000 });
    assert_eq!(
        release.state.steps[0].until.map(|moved| moved.0),
        Some(until.plus(Span::hours(3)).0 - 86_400_000)
    );
}

#[test]
fn time_on_a_hold_for_a_breach_is_no_time_of_a_soak() {
    let mut plan = PlanBuilder::new();
    plan.rule("r1", "error_rate", Comparison::Less, 1.0, Span(0), Usage::Slo);
    plan.soak("soak", Span::hours(4), &["r1"]);
    plan.plan.policy.on_breach = OnFailure::Hold;
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    let until = |release: &Release| release.state.steps[0].until.expect("a soak has an end");
    let first = until(&release);
    release.wait(Span::hours(1));
    verdict(&mut release, RuleVerdict::Fired);
    release.run(all_pass);
    let held = release.state.hold.as_ref().expect("a breach holds").since;
    // The value is well again, and the time would be over: what came of it is for a person to say.
    let now = release.now;
    release.wait(Span::hours(4));
    verdict(&mut release, RuleVerdict::Holding);
    release.run(all_pass);
    assert_eq!(release.state.life(0), Life::Waiting, "a hold ends when somebody says so");
    verdict(&mut release, RuleVerdict::Fired);
    release.now = now;
    // Nobody watches for a while, and then somebody says to go on: it is added once.
    release.wait(Span::hours(5));
    let (from, to) = (held, release.now);
    release.take(tminus_release::event::Actor::Engine, Event::TimeUnobserved { from, to });
    release.say("ana", |state| people::lift(state, None)).expect("may continue");
    assert_eq!(until(&release), first.plus(Span::hours(5)));
    let (from, to) = (held, release.now);
    release.take(tminus_release::event::Actor::Engine, Event::TimeUnobserved { from, to });
    assert_eq!(until(&release), first.plus(Span::hours(5)));
    assert!(!release.decide().measures, "three hours are left");
    release.wait(Span::hours(3));
    assert!(release.decide().measures, "its time is over, and its rule has no value yet");
    verdict(&mut release, RuleVerdict::Holding);
    release.run(all_pass);
    assert!(release.state.is_finished());
}

#[test]
fn an_unknown_outcome_is_rerun_verified_or_asked_as_the_plan_says() {
    for (resume, first) in [
        (Resume::Rerun, Some("forward a")),
        (Resume::Verify(StepId::from("v")), Some("verify a")),
        (Resume::Ask, None),
    ] {
        let mut plan = PlanBuilder::new();
        plan.check("v", "true").on_demand = true;
        plan.shell("a", "true").resume = resume.clone();
        plan.plan.steps[1].after.clear();
        let mut release = Release::start(plan.plan);
        let (step, purpose, attempt) = (StepId::from("a"), Purpose::Forward, 1);
        release.take(
            tminus_release::event::Actor::Engine,
            Event::StepStarted { step: step.clone(), purpose, attempt },
        );
        let detail = "no trace".to_owned();
        release.take(
            tminus_release::event::Actor::Engine,
            Event::OutcomeUnknown { step: step.clone(), purpose, attempt, detail },
        );
        let started = release.run(all_pass);
        assert_eq!(started.first().map(String::as_str), first, "{resume:?}");
        if resume == Resume::Ask {
            assert_eq!(standing(&release.state).status, Status::Stuck);
            release
                .say("ana", |state| people::answer(state, &person("ana"), &step, Answer::Done { note: None }))
                .expect("may say");
            release.run(all_pass);
        }
        assert_eq!(release.state.outcome.as_ref().map(|(outcome, _)| *outcome), Some(Outcome::Succeeded));
    }
}

#[test]
fn a_verification_that_finds_nothing_leads_to_a_second_attempt() {
    let mut plan = PlanBuilder::new();
    plan.check("v", "true").on_demand = true;
    plan.shell("a", "true").resume = Resume::Verify(StepId::from("v"));
    plan.plan.steps[1].after.clear();
    let mut release = Release::start(plan.plan);
    let (step, purpose, attempt) = (StepId::from("a"), Purpose::Forward, 1);
    release.take(
        tminus_release::event::Actor::Engine,
        Event::StepStarted { step: step.clone(), purpose, attempt },
    );
    let detail = "no trace".to_owned();
    release
        .take(tminus_release::event::Actor::Engine, Event::OutcomeUnknown { step, purpose, attempt, detail });
    let started = release.run(|_, purpose, _| purpose != Purpose::Verify);
    assert_eq!(started, ["verify a", "forward a"]);
}

#[test]
fn a_message_that_cannot_be_sent_does_not_stop_the_release() {
    let mut plan = PlanBuilder::new();
    plan.notify("announce", "hello", When::InOrder);
    plan.shell("a", "true");
    plan.notify("done", "bye", When::Always);
    plan.notify("failed", "oh", When::Failure);
    let mut release = Release::start(plan.plan);
    let started = release.run(|id, _, _| id == "a");
    assert_eq!(started, ["forward announce", "forward a", "forward done"]);
    assert_eq!(release.state.outcome.as_ref().map(|(outcome, _)| *outcome), Some(Outcome::Succeeded));
    assert_eq!(release.life("announce"), Life::Failed, "and the record says that it was not sent");
}

#[test]
fn a_cancelled_check_is_taken_up_again_and_a_cancelled_effect_is_asked_about() {
    for (check, goes_on) in [(true, true), (false, false)] {
        let mut plan = PlanBuilder::new();
        if check {
            plan.check("a", "true")
        } else {
            plan.shell("a", "true")
        };
        let mut release = Release::start(plan.plan);
        let step = StepId::from("a");
        release.take(
            tminus_release::event::Actor::Engine,
            Event::StepStarted { step: step.clone(), purpose: Purpose::Forward, attempt: 1 },
        );
        release.finish(step, Purpose::Forward, 1, Verdict::Cancelled);
        assert_eq!(!release.run(all_pass).is_empty(), goes_on);
    }
}

#[test]
fn what_never_began_is_begun_whatever_may_be_repeated() {
    for is_message in [true, false] {
        let mut plan = PlanBuilder::new();
        if is_message {
            plan.notify("a", "hello", When::Always)
        } else {
            plan.shell("a", "true")
        };
        let mut release = Release::start(plan.plan);
        let (step, purpose) = (StepId::from("a"), Purpose::Forward);
        release.take(
            tminus_release::event::Actor::Engine,
            Event::StepStarted { step: step.clone(), purpose, attempt: 1 },
        );
        release.never_began(step, purpose, 1);
        assert_eq!(release.run(all_pass), ["forward a"]);
        assert_eq!(release.life("a"), Life::Passed);
    }
}

#[test]
fn what_never_began_is_no_try_of_those_that_retry_allows() {
    let mut plan = PlanBuilder::new();
    plan.shell("a", "true").retry.times = 1;
    let mut release = Release::start(plan.plan);
    let (step, purpose) = (StepId::from("a"), Purpose::Forward);
    release.take(
        tminus_release::event::Actor::Engine,
        Event::StepStarted { step: step.clone(), purpose, attempt: 1 },
    );
    release.never_began(step, purpose, 1);
    assert_eq!(release.run(|_, _, _| false), ["forward a"]);
    release.wait(Span::seconds(1));
    assert_eq!(release.run(all_pass), ["forward a"]);
    assert_eq!(release.life("a"), Life::Passed);
}

#[test]
fn on_failure_rollback_turns_back_by_itself() {
    let mut plan = PlanBuilder::new();
    plan.plan.policy.on_failure = OnFailure::Rollback;
    plan.undoable("a", "true", "true");
    plan.shell("b", "false");
    let mut release = Release::start(plan.plan);
    let started = release.run(|id, _, _| id != "b");
    assert_eq!(started, ["forward a", "forward b", "undo a"]);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![StepId::from("b")])));
}

#[test]
fn ten_thousand_steps_are_decided_quickly_enough_to_be_a_test() {
    let mut plan = PlanBuilder::new();
    for index in 0..2_000 {
        plan.check(&format!("s{index}"), "true");
    }
    assert!(matches!(plan.plan.steps[0].work, Work::Act(Action::Shell(_))));
    let mut release = Release::start(plan.plan);
    assert_eq!(release.run(all_pass).len(), 2_000);
}

proptest! {
    /// A step is narrow when whoever draws the plan sees every later step hang on it.
    #[test]
    fn a_narrow_step_is_one_that_all_later_steps_wait_for(
        edges in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 1..9),
        outside in prop::collection::vec(any::<bool>(), 8),
    ) {
        let mut plan = PlanBuilder::new();
        for (step, before) in edges.iter().enumerate() {
            let after: Vec<StepId> = before
                .iter()
                .filter(|_| step > 0)
                .map(|at| StepId(format!("s{}", at.index(step.max(1)))))
                .collect();
            let added = plan.shell(&format!("s{step}"), "true");
            (added.after, added.on_demand) = (after, outside[step]);
        }
        let program = Program::new(plan.plan).expect("edges lead back");
        let forward = |index: &usize| program.track(*index) == Track::Forward;
        for (place, &narrow) in program.order().iter().enumerate().filter(|(_, index)| forward(index)) {
            let later: Vec<usize> = program.order()[place + 1..].iter().copied().filter(forward).collect();
            let mut hanging = vec![narrow];
            for &step in &later {
                if program.after(step).iter().any(|before| hanging.contains(before)) {
                    hanging.push(step);
                }
            }
            let all = later.iter().all(|step| hanging.contains(step));
            prop_assert_eq!(program.is_narrow(narrow), all, "step {}", narrow);
        }
    }
}
