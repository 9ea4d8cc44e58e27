//! Whole plans under snapshot.

use std::fmt::Write as _;

use super::{after, kind, plan, request};
use tminus_release::plan::{Mode, Plan, Undo};
use tminus_runbook::compile::{Request, compile};
use tminus_runbook::view::plan_json;

/// Writes a plan in lines that a reviewer can read.
fn shown(plan: &Plan) -> String {
    let mut text = format!("{} · {:?} · {:?}\n", plan.title, plan.mode, plan.lane);
    for (at, phase) in plan.phases.iter().enumerate() {
        let _ = writeln!(
            text,
            "{} [{:?}{}]",
            phase.title,
            phase.lane,
            phase.environment.as_ref().map_or(String::new(), |name| format!(" {name}"))
        );
        for step in plan.steps.iter().filter(|step| step.phase == at) {
            let people: Vec<&str> = step.roles.iter().map(|role| role.as_str()).collect();
            let mut more = String::new();
            if let Some(confirm) = &step.confirm {
                let _ = write!(more, " · asks ({:?}): {}", confirm.danger, confirm.reason);
            }
            match &step.undo {
                Undo::Step(id) => drop(write!(more, " · undo {id}")),
                Undo::Impossible => more.push_str(" · no way back"),
                Undo::Unstated => more.push_str(" · undo unstated"),
                Undo::NotNeeded | Undo::Kept => {}
            }
            let on_demand = if step.on_demand { " · on demand" } else { "" };
            let _ = writeln!(
                text,
                "  {} {} \"{}\" after [{}] people [{}] limit {}{on_demand}{more}",
                step.id,
                kind(step),
                step.title,
                after(step),
                people.join(" "),
                limit(step)
            );
        }
    }
    for rule in &plan.rules {
        let unit = rule.unit.as_deref().unwrap_or("");
        let _ = writeln!(
            text,
            "{} {:?} {} {} {}{unit} for {} (line {})",
            rule.id,
            rule.usage,
            rule.metric,
            rule.op.sign(),
            rule.limit,
            rule.duration,
            rule.line
        );
    }
    let _ = writeln!(text, "{:?}", plan.policy);
    text
}

fn limit(step: &tminus_release::Step) -> String {
    if step.timeout == tminus_release::time::Span::FOREVER {
        "none".to_owned()
    } else {
        step.timeout.to_string()
    }
}

#[test]
fn the_example_of_the_language_becomes_this_plan() {
    let document = include_str!("../samples/format-example.md");
    let plan = plan(document, &request(Mode::Unattended));
    insta::assert_snapshot!(shown(&plan));
    let again = super::plan(document, &request(Mode::Unattended));
    assert_eq!(plan.digest(), again.digest(), "the same input gives the same plan");
    let back: Plan = serde_json::from_str(&serde_json::to_string(&plan).expect("JSON")).expect("a plan");
    assert_eq!(back, plan);
}

#[test]
fn a_small_runbook_of_every_kind_becomes_this_plan() {
    let document = include_str!("../samples/every-kind.md");
    let plan = plan(document, &request(Mode::Unattended));
    insta::assert_snapshot!(shown(&plan));
}

#[test]
fn a_verbatim_runbook_is_proposed_like_this() {
    let document = include_str!("../samples/verbatim.md");
    let plan = plan(
        document,
        &Request { mode: Mode::Assisted, settings: Default::default(), ..request(Mode::Assisted) },
    );
    insta::assert_snapshot!(shown(&plan));
}

#[test]
fn the_json_of_a_plan_is_stable() {
    let document = include_str!("../samples/verbatim.md");
    let compiled = compile(document, &Request { mode: Mode::Assisted, ..Request::default() });
    let json = serde_json::to_string_pretty(&plan_json(&compiled)).expect("JSON");
    insta::assert_snapshot!(json);
}
