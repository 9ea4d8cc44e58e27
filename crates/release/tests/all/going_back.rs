//! Rollback: order, points of no return, failed undos, messages.

use tminus_release::StepId;
use tminus_release::decide::{Command, Decision};
use tminus_release::event::{Actor, Answer, Event, Outcome, Purpose, RuleVerdict, Verdict};
use tminus_release::life::Life;
use tminus_release::partial;
use tminus_release::people;
use tminus_release::plan::{Comparison, Environment, OnFailure, Undo, Usage, When, Work};
use tminus_release::standing::{Status, standing};
use tminus_release::time::Span;
use tminus_testkit::plan::PlanBuilder;

use crate::support::{Release, all_pass, person};

fn go_back(release: &mut Release) {
    release.say("ana", |state| people::rollback(state, "errors".to_owned())).expect("may roll back");
}

#[test]
fn undos_run_in_reverse_order_of_what_began_then_the_rollback_lane() {
    let mut plan = PlanBuilder::new();
    plan.undoable("a", "true", "true");
    plan.undoable("b", "true", "true");
    plan.undoable("c", "false", "true");
    plan.undoable("never", "true", "true");
    plan.shell("smoke", "true").phase = 1;
    plan.plan.steps.last_mut().expect("smoke").after.clear();
    plan.notify("tell", "going back", When::Rollback);
    let mut release = Release::start(plan.plan);
    release.run(|id, _, _| id != "c");
    go_back(&mut release);
    let started = release.run(all_pass);
    // c failed half-way: its undo was registered when it started.
    assert_eq!(started, ["forward tell", "undo c", "undo b", "undo a", "forward smoke"]);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![])));
}

#[test]
fn a_point_of_no_return_is_asked_about_and_then_told_as_left() {
    let mut plan = PlanBuilder::new();
    plan.undoable("a", "true", "true");
    plan.shell("mail", "true").undo = Undo::Impossible;
    plan.proposed("wait", "true");
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    go_back(&mut release);
    assert!(release.run(all_pass).is_empty(), "a person is asked first");
    assert_eq!(standing(&release.state).status, Status::Stuck);
    release
        .say("ana", |state| people::answer(state, &person("ana"), &StepId::from("mail"), Answer::Run))
        .expect("may go on");
    assert_eq!(release.run(all_pass), ["undo a"]);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![StepId::from("mail")])));
}

#[test]
fn what_bears_on_nothing_that_runs_goes_back_last_but_not_past_a_point_of_no_return() {
    let mut plan = PlanBuilder::new();
    plan.undoable("early-tag", "true", "true").undo_last = true;
    plan.undoable("a", "true", "true");
    plan.shell("mail", "true").undo = Undo::Impossible;
    plan.undoable("b", "true", "true");
    plan.undoable("tag", "true", "true").undo_last = true;
    plan.undoable("c", "true", "true");
    plan.undoable("late-tag", "true", "true").undo_last = true;
    plan.proposed("wait", "true");
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    go_back(&mut release);
    assert_eq!(release.run(|id, _, _| id != "tag"), ["undo c", "undo b", "undo late-tag", "undo tag"]);
    assert_eq!((release.undo_life("tag"), release.undo_life("b")), (Life::Failed, Life::Passed));
    release
        .say("ana", |state| people::answer(state, &person("ana"), &StepId::from("tag"), Answer::Retry))
        .expect("may be tried again");
    assert_eq!(release.run(all_pass), ["undo tag"], "a person is asked before the point of no return");
    release
        .say("ana", |state| people::answer(state, &person("ana"), &StepId::from("mail"), Answer::Run))
        .expect("may go on");
    assert_eq!(release.run(all_pass), ["undo a", "undo early-tag"]);
}

#[test]
fn a_failed_undo_is_stuck_until_a_person_decides() {
    for (answer, left) in [(Answer::Retry, vec![]), (Answer::Done { note: None }, vec![])] {
        let mut plan = PlanBuilder::new();
        plan.undoable("a", "true", "false");
        plan.proposed("wait", "true");
        let mut release = Release::start(plan.plan);
        release.run(all_pass);
        go_back(&mut release);
        assert_eq!(release.run(|_, _, _| false), ["undo a"]);
        assert_eq!((release.undo_life("a"), standing(&release.state).status), (Life::Failed, Status::Stuck));
        assert!(release.state.outcome.is_none());
        let stop = Answer::Stop { reason: "no".to_owned() };
        assert!(
            release
                .say("ana", |state| people::answer(state, &person("ana"), &StepId::from("a"), stop))
                .is_err()
        );
        release
            .say("ana", |state| people::answer(state, &person("ana"), &StepId::from("a"), answer.clone()))
            .expect("may decide");
        release.run(all_pass);
        assert_eq!(release.state.outcome, Some((Outcome::RolledBack, left)));
    }
}

#[test]
fn pain_06_a_breach_while_an_approval_waits_rolls_back() {
    let mut plan = PlanBuilder::new();
    plan.rule("r1", "error_rate", Comparison::Greater, 5.0, Span::minutes(2), Usage::Rollback);
    plan.undoable("deploy", "true", "true");
    plan.approval("go-on", &[], None);
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    assert_eq!(release.decide().armed, [("r1".to_owned(), None)], "armed while people think");
    let detail = "error_rate is 9%".to_owned();
    let fired = Event::RuleChanged {
        rule: "r1".to_owned(),
        environment: None,
        verdict: RuleVerdict::Fired,
        value: Some(9.0),
        detail,
        evidence: None,
    };
    release.take(Actor::Engine, fired);
    assert_eq!(release.run(all_pass), ["undo deploy"]);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![])));
    let why = release.state.rollback.as_ref().map(|rollback| rollback.detail.clone());
    assert_eq!(why.as_deref(), Some("error_rate is 9%"), "and the record says why");
}

/// A rule that is measured in production stays armed there, whatever comes after.
#[test]
fn a_step_that_names_no_environment_disarms_nothing() {
    let mut plan = PlanBuilder::new();
    let production = plan.plan.environments[0].clone();
    plan.plan.environments.insert(0, Environment { name: "staging".to_owned(), ..production });
    for scope in ["staging", "production", "elsewhere"] {
        let metric = format!("error_rate@{scope}");
        plan.rule(scope, &metric, Comparison::Greater, 5.0, Span::minutes(2), Usage::Rollback);
    }
    for (id, environment) in [
        ("early", None),
        ("try", Some("staging")),
        ("deploy", Some("production")),
        ("tag", None),
        ("sync", Some("staging")),
    ] {
        plan.undoable(id, "true", "true").environment = environment.map(str::to_owned);
        plan.proposed(&format!("ask-{id}"), "true").check = true;
    }
    let mut release = Release::start(plan.plan);
    let mut armed = Vec::new();
    for id in ["early", "try", "deploy", "tag", "sync"] {
        release.run(all_pass);
        let rules: Vec<String> = release.decide().armed.into_iter().map(|(rule, _)| rule).collect();
        armed.push(rules.join(" "));
        let asked = StepId(format!("ask-{id}"));
        release
            .say("ana", |state| people::answer(state, &person("ana"), &asked, Answer::Run))
            .expect("it asks");
    }
    // No step runs in `elsewhere`, so it is measured for the whole release.
    let there = "elsewhere production";
    assert_eq!(armed, ["elsewhere", "elsewhere staging", there, there, there]);
}

#[test]
fn what_the_runbook_keeps_is_watched_and_told_and_not_called_left() {
    let mut plan = PlanBuilder::new();
    plan.rule("r1", "error_rate", Comparison::Greater, 5.0, Span::minutes(2), Usage::Rollback);
    plan.shell("migrate", "true").undo = Undo::Kept;
    plan.proposed("ask", "true").check = true;
    plan.undoable("deploy", "true", "true");
    plan.approval("go-on", &[], None);
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    assert_eq!(release.decide().armed, [("r1".to_owned(), None)], "a new schema is an effect");
    let yes = |state: &_| people::answer(state, &person("ana"), &StepId::from("ask"), Answer::Run);
    release.say("ana", yes).expect("it asks");
    release.run(all_pass);
    let only = [StepId::from("migrate")];
    let refused = partial::roll_back(&release.state, "it is slow".to_owned(), &only, None);
    assert!(refused.is_err_and(|refusal| refusal.to_string().contains("the runbook says that it stays")));
    go_back(&mut release);
    assert_eq!(release.run(all_pass), ["undo deploy"]);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![])));
    assert_eq!(release.state.kept(), [0]);
}

fn changed(release: &mut Release, environment: Option<&str>, verdict: RuleVerdict) {
    let event = Event::RuleChanged {
        rule: "r1".to_owned(),
        environment: environment.map(str::to_owned),
        verdict,
        value: Some(9.0),
        detail: "error_rate is 9%".to_owned(),
        evidence: None,
    };
    release.take(Actor::Engine, event);
}

/// That the last step has passed is no word of anybody's that the release is well.
#[test]
fn a_release_on_hold_does_not_end_and_goes_back_on_a_word() {
    for by_rule in [true, false] {
        let mut plan = PlanBuilder::new();
        plan.rule("r1", "error_rate", Comparison::Greater, 5.0, Span(0), Usage::Rollback);
        plan.plan.policy.on_breach = OnFailure::Hold;
        plan.undoable("deploy", "true", "true");
        plan.proposed("last", "true").check = true;
        plan.notify("well", "it is out", When::Success);
        let mut release = Release::start(plan.plan);
        release.run(all_pass);
        let last = StepId::from("last");
        release.take(
            Actor::Engine,
            Event::StepAnswered { step: last.clone(), purpose: Purpose::Forward, answer: Answer::Run },
        );
        let started = Event::StepStarted { step: last.clone(), purpose: Purpose::Forward, attempt: 1 };
        release.take(Actor::Engine, started);
        if by_rule {
            changed(&mut release, None, RuleVerdict::Fired);
        } else {
            release.say("ana", |state| people::hold(state, "wait".to_owned())).expect("may hold");
        }
        let Decision { commands, .. } = release.decide();
        assert_eq!(commands.len(), usize::from(by_rule), "the hold");
        release.run(all_pass);
        release.finish(last, Purpose::Forward, 1, Verdict::Passed);
        assert!(release.run(all_pass).is_empty(), "no word of success");
        assert!(!release.state.is_finished() && release.state.hold.is_some());
        if by_rule {
            go_back(&mut release);
            assert_eq!(release.run(all_pass), ["undo deploy"]);
        } else {
            release.say("ana", |state| people::lift(state, None)).expect("may continue");
            assert_eq!(release.run(all_pass), ["forward well"]);
            assert_eq!(release.state.outcome, Some((Outcome::Succeeded, vec![])));
        }
    }
}

#[test]
fn what_is_broken_at_the_end_is_judged_before_the_release_ends() {
    for (verdict, outcome) in
        [(RuleVerdict::Fired, Outcome::RolledBack), (RuleVerdict::Holding, Outcome::Succeeded)]
    {
        let mut plan = PlanBuilder::new();
        plan.rule("r1", "error_rate", Comparison::Greater, 5.0, Span::minutes(1), Usage::Rollback);
        plan.undoable("deploy", "true", "true");
        plan.proposed("last", "true").check = true;
        let mut release = Release::start(plan.plan);
        release.run(all_pass);
        changed(&mut release, None, RuleVerdict::Breaching);
        let yes = |state: &_| people::answer(state, &person("ana"), &StepId::from("last"), Answer::Run);
        release.say("ana", yes).expect("it asks");
        release.run(all_pass);
        assert!(!release.state.is_finished() && release.decide().measures, "it may yet go back");
        changed(&mut release, None, verdict);
        release.run(all_pass);
        assert_eq!(release.state.outcome.as_ref().map(|(outcome, _)| *outcome), Some(outcome));
    }
}

/// Two watches of one rule, which say different things for two places.
#[test]
fn what_a_breach_leads_to_is_what_the_watch_of_that_place_says() {
    for (place, goes_back) in [("staging", false), ("production", true)] {
        let mut plan = PlanBuilder::new();
        let production = plan.plan.environments[0].clone();
        plan.plan.environments.insert(0, Environment { name: "staging".to_owned(), ..production });
        plan.rule("r1", "error_rate", Comparison::Greater, 5.0, Span(0), Usage::Slo);
        plan.undoable("deploy", "true", "true");
        for (name, on_breach) in [("staging", OnFailure::Hold), ("production", OnFailure::Rollback)] {
            let step = plan.soak(name, Span::hours(1), &["r1"]);
            step.environment = Some(name.to_owned());
            let Work::Soak(mut soak) = step.work.clone() else { unreachable!("a soak") };
            soak.on_breach = Some(on_breach);
            step.work = Work::Watch(soak);
        }
        let mut release = Release::start(plan.plan);
        release.run(all_pass);
        changed(&mut release, Some(place), RuleVerdict::Fired);
        release.run(all_pass);
        assert_eq!(release.state.rollback.is_some(), goes_back, "{place}");
        assert_eq!(release.state.hold.is_some(), !goes_back, "{place}");
    }
}

#[test]
fn running_steps_are_ended_before_the_first_undo() {
    let mut plan = PlanBuilder::new();
    plan.undoable("a", "true", "true");
    let mut release = Release::start(plan.plan);
    let step = StepId::from("a");
    release.take(
        Actor::Engine,
        Event::StepStarted { step: step.clone(), purpose: Purpose::Forward, attempt: 1 },
    );
    go_back(&mut release);
    assert!(matches!(release.decide().commands[..], [Command::Cancel { .. }]));
    release.finish(step, Purpose::Forward, 1, tminus_release::event::Verdict::Cancelled);
    assert_eq!(release.run(all_pass), ["undo a"]);
}

#[test]
fn pain_03_a_rollback_needs_no_lock_and_works_on_hold_and_while_asked() {
    let mut plan = PlanBuilder::new();
    plan.undoable("a", "true", "true");
    plan.approval("go", &[("qa", 3)], None);
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    release.say("ana", |state| people::hold(state, "thinking".to_owned())).expect("may hold");
    go_back(&mut release);
    assert_eq!(release.run(all_pass), ["undo a"]);
}

#[test]
fn aborting_ends_where_it_stands_and_says_what_stands() {
    let mut plan = PlanBuilder::new();
    plan.undoable("a", "true", "true");
    plan.proposed("b", "true");
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    release.say("ana", |state| people::abort(state, "by hand from here".to_owned())).expect("may abort");
    assert!(release.run(all_pass).is_empty());
    assert_eq!(release.state.outcome, Some((Outcome::Aborted, vec![StepId::from("a")])));
}

/// A release that goes back over a step whose undo needs a look and a yes of its own; the look has
/// told something.
fn told(outputs: &[(&str, &str)]) -> Release {
    let mut plan = PlanBuilder::new();
    plan.undoable("maintenance", "true", "true");
    plan.undoable("migrate", "true", "true");
    plan.proposed("wait", "true");
    let look = plan.check("look", "true");
    (look.on_demand, look.after) = (true, Vec::new());
    plan.approval("yes", &[("dba", 1)], None).on_demand = true;
    let undo = plan.plan.steps.iter_mut().find(|step| step.id.as_str() == "undo-migrate").expect("added");
    undo.after = vec![StepId::from("yes")];
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    go_back(&mut release);
    let (step, purpose, attempt) = (StepId::from("look"), Purpose::Forward, 1);
    let begins = release.decide().commands;
    assert!(
        matches!(begins[..], [Command::Start { purpose: Purpose::Forward, attempt: 1, .. }]),
        "{begins:?}"
    );
    release.take(Actor::Engine, Event::StepStarted { step: step.clone(), purpose, attempt });
    release.finish_with(step, purpose, attempt, Verdict::Passed, outputs);
    release
}

#[test]
fn an_undo_that_needs_a_yes_is_told_about_first_and_runs_in_its_turn() {
    let mut release = told(&[("TOLD", "3 rows would be lost.")]);
    assert!(release.run(all_pass).is_empty(), "a person is asked");
    let here = standing(&release.state);
    assert_eq!(here.status, Status::Stuck);
    assert_eq!(here.waits[0].why, "Go? 3 rows would be lost. Still needed: 1 × dba.");
    let yes = StepId::from("yes");
    assert!(release.say("sam", |state| people::approve(state, &person("sam"), &yes, None)).is_err());
    release.say("ana", |state| people::approve(state, &person("ana"), &yes, None)).expect("may");
    assert_eq!(release.run(all_pass), ["undo migrate", "undo maintenance"]);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![])));
}

#[test]
fn a_yes_to_an_undo_holds_for_what_was_told() {
    let mut release = told(&[]);
    release.run(all_pass);
    let (yes, look) = (StepId::from("yes"), StepId::from("look"));
    release.say("ana", |state| people::approve(state, &person("ana"), &yes, None)).expect("may");
    release
        .say("ana", |state| people::answer(state, &person("ana"), &look, Answer::Retry))
        .expect("a check may be run again");
    assert_eq!(release.run(all_pass), ["forward look"], "told anew, and asked anew");
    assert_eq!(release.undo_life("migrate"), Life::Pending);
    release.say("ana", |state| people::approve(state, &person("ana"), &yes, None)).expect("may");
    assert_eq!(release.run(all_pass), ["undo migrate", "undo maintenance"]);
}

#[test]
fn a_no_to_an_undo_leaves_it_and_goes_on_back() {
    let mut release = told(&[]);
    release.run(all_pass);
    release
        .say("ana", |state| people::decline(state, &person("ana"), &StepId::from("yes"), "no".to_owned()))
        .expect("may");
    assert_eq!(release.run(all_pass), ["undo maintenance"]);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![StepId::from("migrate")])));
}

#[test]
fn an_undo_with_nothing_to_undo_asks_nobody() {
    let mut release = told(&[("NOTHING_TO_UNDO", "nothing was applied")]);
    assert_eq!(release.run(all_pass), ["undo maintenance"]);
    assert_eq!(release.undo_life("migrate"), Life::ByHand);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![])));
}

#[test]
fn a_no_in_the_rollback_lane_leaves_out_what_stands_behind_it() {
    let mut plan = PlanBuilder::new();
    plan.undoable("a", "true", "true");
    plan.proposed("wait", "true");
    for step in [plan.approval("purge", &[], None).id.clone(), plan.shell("b", "true").id.clone()] {
        let step = plan.plan.steps.iter_mut().find(|one| one.id == step).expect("added");
        step.phase = 1;
    }
    plan.shell("c", "true").phase = 1;
    plan.plan.steps.iter_mut().find(|one| one.id.as_str() == "purge").expect("added").after.clear();
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    go_back(&mut release);
    assert_eq!(release.run(all_pass), ["undo a"]);
    release
        .say("ana", |state| people::decline(state, &person("ana"), &StepId::from("purge"), "no".to_owned()))
        .expect("may");
    assert!(release.run(all_pass).is_empty());
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![])));
}

#[test]
fn an_undo_that_was_skipped_is_told_as_left() {
    let mut plan = PlanBuilder::new();
    plan.undoable("a", "true", "false");
    plan.proposed("wait", "true");
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    go_back(&mut release);
    release.run(|_, _, _| false);
    let skip = Answer::Skip { reason: "by hand tomorrow".to_owned() };
    release
        .say("ana", |state| people::answer(state, &person("ana"), &StepId::from("a"), skip))
        .expect("may decide");
    release.run(all_pass);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![StepId::from("a")])));
}
