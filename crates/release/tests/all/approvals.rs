//! Approvals: quorum, roles, expiry, and what makes them lapse.

use tminus_release::StepId;
use tminus_release::event::{Answer, Outcome};
use tminus_release::life::Life;
use tminus_release::people::{self, Refusal};
use tminus_release::standing::{Status, standing};
use tminus_release::time::Span;
use tminus_testkit::plan::PlanBuilder;

use crate::support::{Release, all_pass, in_role, person};

fn go_live(expires: Option<Span>) -> Release {
    let mut plan = PlanBuilder::new();
    plan.role("qa", &["ana", "bea"]);
    plan.role("manager", &["max", "ana", "sam"]);
    plan.check("ci", "true");
    plan.item("notes");
    plan.approval("go", &[("manager", 1), ("qa", 1)], expires);
    plan.shell("deploy", "true");
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    release
        .say("ana", |state| people::tick(state, &person("ana"), &StepId::from("notes"), None))
        .expect("may tick");
    release.run(all_pass);
    release
}

fn approve(release: &mut Release, name: &str, role: Option<&str>) -> Result<(), Refusal> {
    let who = role.map_or_else(|| person(name), |role| in_role(name, role));
    release.say(name, |state| people::approve(state, &who, &StepId::from("go"), None))
}

#[test]
fn pain_07_a_quorum_counts_each_person_once_and_never_the_starter() {
    let mut release = go_live(None);
    assert!(matches!(approve(&mut release, "sam", None), Err(Refusal::OwnRelease { .. })), "sam started it");
    assert!(matches!(approve(&mut release, "eve", None), Err(Refusal::NotInRole { .. })), "eve has no role");
    approve(&mut release, "ana", Some("qa")).expect("ana is in qa");
    assert!(
        matches!(approve(&mut release, "ana", Some("manager")), Err(Refusal::VotedAlready { .. })),
        "once"
    );
    assert!(matches!(approve(&mut release, "bea", None), Err(Refusal::NotInRole { .. })), "qa is complete");
    assert!(release.run(all_pass).is_empty(), "one of two is not enough");
    approve(&mut release, "max", None).expect("max is a manager");
    assert_eq!(release.run(all_pass), ["forward deploy"]);
    assert_eq!(release.state.outcome.as_ref().map(|(outcome, _)| *outcome), Some(Outcome::Succeeded));
}

#[test]
fn pain_06_a_declined_approval_deploys_nothing() {
    let mut release = go_live(None);
    release
        .say("ana", |state| {
            people::decline(state, &person("ana"), &StepId::from("go"), "not today".to_owned())
        })
        .expect("may decline");
    assert!(release.run(all_pass).is_empty());
    assert_eq!(release.state.outcome, Some((Outcome::Declined, vec![])));
    assert_eq!(release.life("deploy"), Life::Pending);
}

#[test]
fn pain_06_a_failed_recheck_revokes_the_permission() {
    let mut release = go_live(None);
    approve(&mut release, "ana", Some("qa")).expect("may");
    // The check is run again and fails: what ana approved is no longer so.
    release
        .say("ana", |state| people::answer(state, &person("ana"), &StepId::from("ci"), Answer::Retry))
        .expect("a check may be rerun");
    assert_eq!(release.run(|_, _, _| false), ["forward ci"]);
    assert_eq!((release.life("ci"), release.life("go")), (Life::Failed, Life::Pending));
    assert!(release.state.steps[2].votes.is_empty(), "the vote is gone");
    assert_eq!(standing(&release.state).status, Status::OnHold);
    assert_eq!(release.life("deploy"), Life::Pending);
}

#[test]
fn an_unticked_item_makes_a_granted_approval_lapse_before_anything_ran() {
    let mut release = go_live(None);
    approve(&mut release, "ana", Some("qa")).expect("may");
    approve(&mut release, "max", None).expect("may");
    release.say("max", |state| people::hold(state, "wait for the bank".to_owned())).expect("may hold");
    release.run(all_pass);
    assert_eq!(release.life("go"), Life::Passed);
    release
        .say("ana", |state| {
            people::untick(state, &person("ana"), &StepId::from("notes"), "wrong notes".to_owned())
        })
        .expect("may untick");
    release.say("max", |state| people::lift(state, None)).expect("may continue");
    assert!(release.run(all_pass).is_empty());
    assert_eq!((release.life("go"), release.life("deploy")), (Life::Pending, Life::Pending));
}

#[test]
fn pain_08_a_forgotten_approval_lapses_and_is_asked_again() {
    let mut release = go_live(Some(Span::hours(4)));
    approve(&mut release, "ana", Some("qa")).expect("may");
    assert_eq!(release.decide().lapse_at, Some(release.now.plus(Span::hours(4))));
    release.wait(Span::hours(4));
    release.run(all_pass);
    assert_eq!(release.life("go"), Life::Asked, "asked anew");
    assert!(release.state.steps[2].votes.is_empty(), "old votes do not count");
    let wait = standing(&release.state).waits.remove(0);
    assert!(wait.why.contains("1 × manager, 1 × qa"), "it says who is missing: {}", wait.why);
}

#[test]
fn an_approval_cannot_be_skipped_or_answered_in_another_way() {
    let mut release = go_live(None);
    let skip = Answer::Skip { reason: "in a hurry".to_owned() };
    let refused =
        release.say("ana", |state| people::answer(state, &person("ana"), &StepId::from("go"), skip));
    assert!(matches!(refused, Err(Refusal::WrongKind { .. })));
}

/// An approval that wants one of each of these roles, with a deployment behind it.
fn one_of_each(roles: &[(&str, &[&str])]) -> Release {
    let mut plan = PlanBuilder::new();
    roles.iter().for_each(|(role, people)| plan.role(role, people));
    let quorum: Vec<(&str, u32)> = roles.iter().map(|(role, _)| (*role, 1)).collect();
    plan.approval("go", &quorum, None);
    plan.shell("deploy", "true");
    let mut release = Release::start(plan.plan);
    release.run(all_pass);
    release
}

fn asked(release: &Release) -> String {
    let waits = standing(&release.state).waits;
    waits.first().map(|wait| wait.why.clone()).unwrap_or_default()
}

#[test]
fn pain_07_a_person_with_several_roles_counts_where_nobody_else_can() {
    let roles: [(&str, &[&str]); 3] =
        [("dba", &["ana", "cat"]), ("eng-manager", &["ana"]), ("qa-lead", &["ana", "bob"])];
    // In whichever order they come.
    let orders = [["ana", "bob", "cat"], ["ana", "cat", "bob"], ["bob", "ana", "cat"], ["cat", "bob", "ana"]];
    for order in orders {
        let mut release = one_of_each(&roles);
        for name in order {
            approve(&mut release, name, None).unwrap_or_else(|why| panic!("{order:?} {name}: {why}"));
        }
        assert_eq!(release.run(all_pass), ["forward deploy"], "{order:?}");
    }
    let mut release = one_of_each(&roles);
    approve(&mut release, "ana", None).expect("she has all of them");
    assert!(asked(&release).ends_with("Still needed: 1 × dba, 1 × qa-lead."), "{}", asked(&release));
    approve(&mut release, "bob", None).expect("he is a qa-lead");
    assert!(asked(&release).ends_with("Still needed: 1 × dba."), "{}", asked(&release));
    assert!(matches!(approve(&mut release, "eve", None), Err(Refusal::NotInRole { .. })), "eve has no role");
    // A role that was said is not taken away again, and it is told what that leaves to nobody.
    let mut release = one_of_each(&roles);
    approve(&mut release, "ana", Some("dba")).expect("she has it");
    assert!(asked(&release).contains("Nobody is left who could give 1 × eng-manager"), "{}", asked(&release));
    assert!(matches!(approve(&mut release, "cat", None), Err(Refusal::NotInRole { .. })));
}

#[test]
fn pain_07_who_said_yes_first_makes_room_for_who_has_one_role_only() {
    let mut release = one_of_each(&[("dba", &["ana", "cat"]), ("eng-manager", &["ana", "max"])]);
    approve(&mut release, "ana", None).expect("she has both");
    approve(&mut release, "cat", None).expect("ana can be the manager, if max does not come");
    assert_eq!(release.run(all_pass), ["forward deploy"]);
    // Nobody is counted twice, and nobody as what they are not.
    let mut release = one_of_each(&[("dba", &["ana"]), ("eng-manager", &["ana"])]);
    approve(&mut release, "ana", None).expect("she has both");
    assert!(matches!(approve(&mut release, "ana", None), Err(Refusal::VotedAlready { .. })));
    assert!(asked(&release).contains("Nobody is left who could give"), "{}", asked(&release));
    assert!(release.run(all_pass).is_empty());
}

#[test]
fn an_approval_that_expires_is_on_hold_for_people_and_soaks_for_nothing() {
    let release = go_live(Some(Span::minutes(30)));
    let here = standing(&release.state);
    assert_eq!(here.status, Status::OnHold);
    assert!(here.waits[0].until.is_some(), "it is told until when");
}
