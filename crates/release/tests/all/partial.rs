//! Taking back only a part: what stands in the way, what happens, what is told.

use proptest::prelude::*;
use tminus_release::StepId;
use tminus_release::event::{Answer, Cause, Outcome};
use tminus_release::life::Life;
use tminus_release::partial;
use tminus_release::people::{self, Refusal};
use tminus_release::plan::{Plan, Undo};
use tminus_release::standing::{Status, standing};
use tminus_testkit::plan::PlanBuilder;

use crate::support::{Release, all_pass, person};

fn ids(names: &[&str]) -> Vec<StepId> {
    names.iter().map(|name| StepId::from(*name)).collect()
}

fn take_back(release: &mut Release, names: &[&str], despite: Option<&str>) -> Result<(), Refusal> {
    let (only, despite) = (ids(names), despite.map(str::to_owned));
    release.say("ana", |state| partial::roll_back(state, "errors".to_owned(), &only, despite))
}

/// `schema`, then `api` and `web` beside each other, then `flag` behind `web` alone, and a question
/// that keeps the release open.
fn shop() -> Plan {
    let mut plan = PlanBuilder::new();
    plan.undoable("schema", "true", "true");
    for (id, after) in [("api", "schema"), ("web", "schema"), ("flag", "web")] {
        plan.undoable(id, "true", "true").after = ids(&[after]);
    }
    plan.proposed("wait", "true").after = ids(&["api", "flag"]);
    plan.shell("smoke", "true").phase = 1;
    plan.plan.steps.last_mut().expect("smoke").after.clear();
    plan.plan
}

fn released() -> Release {
    let mut release = Release::start(shop());
    release.run(all_pass);
    release
}

#[test]
fn a_part_goes_back_the_smoke_checks_run_and_the_outcome_says_what_stands() {
    let mut release = released();
    take_back(&mut release, &["web", "flag"], None).expect("nothing else came after them");
    assert_eq!(release.run(all_pass), ["undo flag", "undo web", "forward smoke"]);
    assert_eq!(release.state.outcome, Some((Outcome::PartlyRolledBack, ids(&["schema", "api"]))));
    assert_eq!(standing(&release.state).status, Status::PartlyRolledBack);
}

#[test]
fn what_came_after_and_stands_is_in_the_way_until_somebody_says_why_it_is_not() {
    let mut release = released();
    let refusal = take_back(&mut release, &["schema"], None).expect_err("the others build on it");
    let dependents = ids(&["api", "web", "flag"]);
    assert_eq!(refusal, Refusal::Dependents { steps: ids(&["schema"]), dependents });
    assert!(release.state.rollback.is_none(), "nothing has begun");
    let text = take_back(&mut release, &["web"], None).expect_err("the flag is on").to_string();
    assert!(text.contains("take back only `web`: `flag` came after it and still stands"), "{text}");
    assert_eq!(take_back(&mut release, &["web"], Some(" ")), Err(Refusal::NoReason("take back a part")));

    take_back(&mut release, &["web"], Some("the old page knows the flag")).expect("a person says so");
    let part = release.state.rollback.as_ref().and_then(|rollback| rollback.part.clone()).expect("a part");
    assert_eq!(part.despite.as_deref(), Some("the old page knows the flag"));
    assert_eq!(release.run(all_pass), ["undo web", "forward smoke"]);
    assert_eq!(release.state.outcome, Some((Outcome::PartlyRolledBack, ids(&["schema", "api", "flag"]))));
}

#[test]
fn an_exception_that_nothing_needs_is_not_recorded_as_one() {
    let mut release = released();
    take_back(&mut release, &["flag"], Some("to be safe")).expect("nothing came after it");
    let rollback = release.state.rollback.as_ref().expect("it goes back");
    assert_eq!((&rollback.cause, &rollback.part.as_ref().expect("a part").despite), (&Cause::Person, &None));
}

#[test]
fn a_part_that_is_everything_is_a_rollback() {
    let mut release = released();
    take_back(&mut release, &["schema", "api", "web", "flag"], None).expect("all of it");
    release.run(all_pass);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![])));
}

#[test]
fn what_cannot_go_back_by_itself_is_refused_with_the_reason() {
    let mut plan = PlanBuilder::new();
    plan.undoable("a", "true", "true");
    plan.shell("mail", "true").undo = Undo::Impossible;
    plan.shell("job", "true").undo = Undo::Unstated;
    plan.check("look", "true");
    plan.proposed("wait", "true");
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    for (step, words) in [
        ("mail", "it cannot be reversed"),
        ("job", "states nothing that takes it back"),
        ("look", "it has changed nothing in this release"),
        ("wait", "it has changed nothing in this release"),
        ("nowhere", "find step `nowhere`"),
    ] {
        let text = take_back(&mut release, &[step], None).expect_err(step).to_string();
        assert!(text.contains(words), "{step}: {text}");
    }
    release.say("ana", |state| people::rollback(state, "all".to_owned())).expect("everything");
    assert_eq!(take_back(&mut release, &["a"], None), Err(Refusal::GoingBack("take back a part")));
}

#[test]
fn a_step_that_is_under_way_is_not_left_half_way() {
    use tminus_release::event::{Actor, Event, Purpose, Verdict};
    let mut release = Release::start(shop());
    // The schema and the page are done, the service is under way.
    release.run(|id, _, _| id != "api");
    let api = StepId::from("api");
    release
        .say("ana", |state| people::answer(state, &person("ana"), &api, Answer::Retry))
        .expect("once more");
    let started = Event::StepStarted { step: api.clone(), purpose: Purpose::Forward, attempt: 2 };
    release.take(Actor::Engine, started);
    let refusal = take_back(&mut release, &["flag"], None).expect_err("it would be left half-way");
    assert_eq!(refusal, Refusal::UnderWay { wanted: "take back a part", step: api.clone() });
    release.finish(api, Purpose::Forward, 2, Verdict::Passed);
    take_back(&mut release, &["flag"], None).expect("it has ended");
}

#[test]
fn a_part_that_is_stuck_can_become_everything() {
    let mut release = released();
    take_back(&mut release, &["flag"], None).expect("nothing came after it");
    assert_eq!(release.run(|_, _, _| false), ["undo flag"]);
    assert_eq!((release.undo_life("flag"), standing(&release.state).status), (Life::Failed, Status::Stuck));
    release.say("ana", |state| people::rollback(state, "all of it".to_owned())).expect("the rest follows");
    let done = Answer::Done { note: None };
    release
        .say("ana", |state| people::answer(state, &person("ana"), &StepId::from("flag"), done))
        .expect("done by hand");
    assert_eq!(release.run(all_pass), ["undo web", "undo api", "undo schema", "forward smoke"]);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![])));
    let twice = release.say("ana", |state| people::rollback(state, "again".to_owned()));
    assert!(matches!(twice, Err(Refusal::Over { .. })));
}

#[test]
fn after_the_rest_has_followed_smoke_is_asked_again() {
    use tminus_release::event::{Actor, Event, Purpose, Verdict};
    let smoke = StepId::from("smoke");
    let mut release = released();
    take_back(&mut release, &["flag"], None).expect("nothing came after it");
    assert_eq!(release.run(|id, _, _| id != "smoke"), ["undo flag", "forward smoke"]);
    // While it looks once more, nobody knows yet which release it sees.
    release
        .say("ana", |state| people::answer(state, &person("ana"), &smoke, Answer::Retry))
        .expect("once more");
    let started = Event::StepStarted { step: smoke.clone(), purpose: Purpose::Forward, attempt: 2 };
    release.take(Actor::Engine, started);
    let early = release.say("ana", |state| people::rollback(state, "all of it".to_owned()));
    assert_eq!(early, Err(Refusal::UnderWay { wanted: "take back the rest", step: smoke.clone() }));
    release.finish(smoke, Purpose::Forward, 2, Verdict::Failed);
    release.say("ana", |state| people::rollback(state, "all of it".to_owned())).expect("the rest follows");
    assert_eq!(release.run(all_pass), ["undo web", "undo api", "undo schema", "forward smoke"]);
    assert_eq!(release.state.outcome, Some((Outcome::RolledBack, vec![])));
}

proptest! {
    /// Whatever the edges and whatever is asked for: nothing that stands is left on top of what goes
    /// back unless a person said so, the undos are those asked for in reverse order, and all the rest
    /// is told as standing.
    #[test]
    fn a_part_never_takes_the_ground_from_what_stands(
        edges in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 1..9),
        chosen in prop::collection::vec(any::<bool>(), 8),
    ) {
        let mut plan = PlanBuilder::new();
        let names: Vec<String> = (0..edges.len()).map(|step| format!("s{step}")).collect();
        for (step, before) in edges.iter().enumerate() {
            let after: Vec<&str> =
                before.iter().filter(|_| step > 0).map(|at| names[at.index(step.max(1))].as_str()).collect();
            plan.undoable(&names[step], "true", "true").after = ids(&after);
        }
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        plan.proposed("wait", "true").after = ids(&all);
        let plan = plan.plan;
        let part: Vec<&str> = all.iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(name, _)| *name).collect();
        prop_assume!(!part.is_empty());
        let ahead = |from: &str| -> Vec<String> {
            let mut found: Vec<String> = vec![from.to_owned()];
            // Steps stand in an order that edges follow, so one pass is enough.
            for step in &plan.steps {
                if step.after.iter().any(|before| found.contains(&before.0)) {
                    found.push(step.id.0.clone());
                }
            }
            found
        };
        let safe = part.iter().all(|step| {
            ahead(step).iter().all(|other| !all.contains(&other.as_str()) || part.contains(&other.as_str()))
        });
        let mut release = Release::start(plan.clone());
        release.run(all_pass);
        let began: Vec<StepId> =
            release.state.undo_stack.iter().map(|&index| release.state.program.plan.steps[index].id.clone()).collect();
        let said = take_back(&mut release, &part, None);
        prop_assert_eq!(said.is_ok(), safe);
        if !safe {
            take_back(&mut release, &part, Some("it works without")).expect("a person says so");
        }
        let is_part = |id: &&StepId| part.contains(&id.as_str());
        let undone: Vec<String> = began.iter().rev().filter(is_part).map(|id| format!("undo {id}")).collect();
        prop_assert_eq!(release.run(all_pass), undone);
        let left: Vec<StepId> = began.iter().filter(|id| !is_part(id)).cloned().collect();
        let outcome = if left.is_empty() { Outcome::RolledBack } else { Outcome::PartlyRolledBack };
        prop_assert_eq!(release.state.outcome, Some((outcome, left)));
    }
}
