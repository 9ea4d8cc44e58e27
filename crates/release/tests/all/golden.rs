//! Lines of earlier versions must be readable for ever: `tests/golden/` is only ever added to.

use std::path::Path;

use tminus_release::StepId;
use tminus_release::audit::{Entry, line_hash};
use tminus_release::event::{
    self, Actor, Answer, Carried, Cause, Event, Finished, Outcome, Output, Purpose, RuleVerdict, Verdict,
};
use tminus_release::plan::Role;
use tminus_release::time::Moment;
use tminus_testkit::plan::PlanBuilder;

/// A result with every field filled.
fn failed() -> Finished {
    Finished {
        verdict: Verdict::Failed,
        detail: "exited with 1 at line 2: `curl …`".to_owned(),
        exit_code: Some(1),
        output: Some(Output { blob: "ab".repeat(32), bytes: 12 }),
        carried: Some(Carried {
            folder: Some("sub".to_owned()),
            set: [("A".to_owned(), "b".to_owned())].into(),
            removed: vec!["C".to_owned()],
        }),
        outputs: [("key".to_owned(), "value".to_owned())].into(),
        leftovers: 1,
        never_began: false,
    }
}

/// One event of each kind, with every field filled.
fn each_kind() -> Vec<Event> {
    let step = || StepId::from("deploy");
    let mut plan = PlanBuilder::new();
    plan.undoable("deploy", "true", "true");
    let plan_digest = plan.plan.digest();
    let answers = [
        Answer::Run,
        Answer::Done { note: Some("by hand".to_owned()) },
        Answer::Skip { reason: "not needed".to_owned() },
        Answer::Retry,
        Answer::Stop { reason: "no".to_owned() },
    ];
    let mut events = vec![
        Event::ReleaseCreated { plan: Box::new(plan.plan), plan_digest, kernel: "0.0.0".to_owned() },
        Event::EngineStarted,
        Event::TimeUnobserved { from: Moment(1), to: Moment(2) },
        Event::ClockStepped { by_ms: -5 },
        Event::StepAsked { step: step(), purpose: Purpose::Undo },
        Event::ItemTicked { step: step(), note: Some("seen".to_owned()) },
        Event::ItemUnticked { step: step(), reason: "wrong".to_owned() },
        Event::Approved {
            step: step(),
            role: Role::from("qa"),
            any_role: false,
            note: None,
            plan_digest: "p".to_owned(),
            gates_digest: "g".to_owned(),
        },
        Event::Declined { step: step(), reason: "no".to_owned() },
        Event::ApprovalGranted { step: step() },
        Event::ApprovalLapsed { step: step(), reason: "changed".to_owned() },
        Event::TimerStarted { step: step(), until: Moment(9) },
        Event::TimerElapsed { step: step() },
        Event::StepStarted { step: step(), purpose: Purpose::Verify, attempt: 2 },
        Event::StepFinished { step: step(), purpose: Purpose::Forward, attempt: 1, result: failed() },
        Event::OutcomeUnknown {
            step: step(),
            purpose: Purpose::Forward,
            attempt: 1,
            detail: "no trace".to_owned(),
        },
        Event::RuleChanged {
            rule: "r1".to_owned(),
            environment: Some("production".to_owned()),
            verdict: RuleVerdict::Fired,
            value: Some(9.5),
            detail: "9.5%".to_owned(),
            evidence: None,
        },
        Event::HoldPlaced { reason: "bank".to_owned() },
        Event::HoldLifted { note: None },
        Event::RollbackStarted {
            cause: Cause::Breach { rule: "r1".to_owned() },
            detail: "errors".to_owned(),
        },
        Event::AbortStarted { reason: "by hand".to_owned() },
        Event::ReleaseFinished { outcome: Outcome::RolledBack, left: vec![step()] },
    ];
    events.extend(answers.map(|answer| Event::StepAnswered {
        step: step(),
        purpose: Purpose::Forward,
        answer,
    }));
    events.extend([None, Some("it works without".to_owned())].map(|despite| {
        let (steps, detail) = (vec![step()], "errors".to_owned());
        Event::PartialRollbackStarted { steps, despite, detail }
    }));
    events.push(Event::ReleaseFinished { outcome: Outcome::PartlyRolledBack, left: vec![step()] });
    let result = Finished { never_began: true, ..failed() };
    events.push(Event::StepFinished { step: step(), purpose: Purpose::Forward, attempt: 1, result });
    events
}

fn lines() -> Vec<String> {
    let by = |sequence| {
        if sequence % 2 == 0 {
            Actor::Engine
        } else {
            Actor::Person { name: "ana".to_owned(), proof: "local, unauthenticated".to_owned() }
        }
    };
    let seal = |(event, sequence): (Event, u64)| {
        event::seal(sequence, &"0".repeat(64), Moment(1_700_000_000_000), by(sequence), event).0.line
    };
    each_kind().into_iter().zip(0..).map(seal).collect()
}

#[test]
fn every_golden_line_of_every_version_still_reads_and_writes_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = std::fs::read_to_string(folder.join("events-v1.jsonl")).unwrap_or_default();
    let golden: Vec<&str> = text.lines().collect();
    for (line, sequence) in golden.iter().zip(0_u64..) {
        let entry = Entry { sequence, line: (*line).to_owned(), hash: line_hash(line), once: None };
        let recorded = event::open(&entry).unwrap_or_else(|error| panic!("line {}: {error}", sequence + 1));
        assert_eq!(
            serde_json::to_string(&recorded).expect("writes"),
            *line,
            "line {} is written differently now",
            sequence + 1
        );
    }
    let missing: Vec<String> = lines().into_iter().filter(|line| !golden.contains(&line.as_str())).collect();
    assert!(missing.is_empty(), "add to tests/golden/events-v1.jsonl:\n{}\n", missing.join("\n"));
}

#[test]
fn a_line_of_a_newer_version_is_refused_by_name() {
    let line = r#"{"v":99,"sequence":0,"at":0,"by":"engine","event":{"something_new":{}},"previous":""}"#;
    let entry = Entry { sequence: 0, line: line.to_owned(), hash: String::new(), once: None };
    assert!(event::open(&entry).expect_err("newer").to_string().contains("upgrade tminus"));
}
