//! The hash chain and the fold: every changed byte is found, and where.

use proptest::prelude::*;
use tminus_release::State;
use tminus_release::event::Purpose;
use tminus_release::verify::{Broken, verify};
use tminus_testkit::plan::PlanBuilder;

use crate::support::Release;

fn lines() -> (Vec<String>, String) {
    let mut plan = PlanBuilder::new();
    plan.undoable("a", "true", "true");
    plan.check("b", "true");
    plan.plan.policy.on_failure = tminus_release::plan::OnFailure::Rollback;
    plan.shell("c", "false");
    let mut release = Release::start(plan.plan);
    release.run(|id, purpose, _| id != "c" || purpose != Purpose::Forward);
    (release.entries.iter().map(|entry| entry.line.clone()).collect(), release.state.head.clone())
}

#[test]
fn an_untouched_log_verifies_and_folds_to_the_same_state() {
    let (lines, head) = lines();
    let (verified, state) = verify(&lines, Some(&head)).expect("untouched");
    assert_eq!(verified.head, head);
    assert!(state.is_finished());
}

#[test]
fn each_changed_byte_of_each_line_is_found_at_its_line() {
    let (lines, head) = lines();
    for (index, line) in lines.iter().enumerate() {
        // A digit is replaced by another: the line still reads as JSON, so only the chain can tell.
        let Some(at) = line.rfind(|c: char| c.is_ascii_digit()) else { continue };
        let mut changed = lines.clone();
        let digit = if line.as_bytes()[at] == b'7' { "8" } else { "7" };
        changed[index].replace_range(at..=at, digit);
        let broken = verify(&changed, Some(&head)).expect_err("changed");
        let named = match broken {
            Broken::Changed { line, .. } | Broken::Head { line, .. } | Broken::Unreadable { line, .. } => {
                line
            }
            other => panic!("{other}"),
        };
        // The digit sits in `previous`, so the line accuses its predecessor or its successor accuses it.
        let here = index as u64 + 1;
        assert!(named == here || named + 1 == here, "line {here} changed, line {named} named");
    }
}

#[test]
fn a_cut_off_end_is_found_by_the_head() {
    let (lines, head) = lines();
    assert!(matches!(verify(&lines[..lines.len() - 1], Some(&head)), Err(Broken::Head { .. })));
    assert!(matches!(verify(&[], None), Err(Broken::Empty)));
}

#[test]
fn a_line_left_out_or_doubled_does_not_fold() {
    let (lines, _) = lines();
    for at in 1..lines.len() - 1 {
        let mut without = lines.clone();
        without.remove(at);
        assert!(verify(&without, None).is_err(), "line {at} left out");
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at].clone());
        assert!(verify(&doubled, None).is_err(), "line {at} doubled");
    }
}

proptest! {
    #[test]
    fn any_byte_changed_anywhere_is_found(line in 0_usize..12, at in 0_usize..4000, to in 32_u8..127) {
        let (mut lines, head) = lines();
        let line = line % lines.len();
        let at = at % lines[line].len();
        prop_assume!(lines[line].as_bytes()[at] != to);
        prop_assume!(lines[line].is_char_boundary(at) && lines[line].is_char_boundary(at + 1));
        lines[line].replace_range(at..=at, &char::from(to).to_string());
        prop_assert!(verify(&lines, Some(&head)).is_err());
    }

    #[test]
    fn folding_and_deciding_never_panic_on_any_run(fails in proptest::collection::vec(any::<bool>(), 40), back_at in 0_usize..6) {
        let mut plan = PlanBuilder::new();
        plan.undoable("a", "true", "true");
        plan.check("b", "true").retry.times = 1;
        plan.undoable("c", "true", "true");
        plan.item("d");
        plan.shell("e", "true");
        let mut release = Release::start(plan.plan);
        let mut step = 0;
        for round in 0..6 {
            if round == back_at {
                let _ = release.say("ana", |state| tminus_release::people::rollback(state, "why not".to_owned()));
            }
            let offset = step;
            release.run(|_, _, attempt| fails[(offset + attempt as usize) % fails.len()]);
            release.wait(tminus_release::time::Span::seconds(60));
            step += 7;
        }
        let folded = State::fold(&release.entries).expect("what was taken folds again");
        prop_assert_eq!(format!("{:?}", folded.steps), format!("{:?}", release.state.steps));
        prop_assert_eq!(folded.undo_stack, release.state.undo_stack);
    }
}
