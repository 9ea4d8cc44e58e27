//! Document order becomes edges.

use super::{after, plan, request};
use tminus_release::plan::Mode;

/// Compares each step's `after`; `text` has one line per step: `id: those it waits for`.
fn check(name: &str, document: &str, expected: &[&str]) {
    let plan = plan(document, &request(Mode::Unattended));
    let found: Vec<String> = plan
        .steps
        .iter()
        .map(|step| {
            if step.on_demand {
                format!("{} on demand", step.id)
            } else {
                format!("{}: {}", step.id, after(step)).trim().to_owned()
            }
        })
        .collect();
    assert_eq!(found, expected, "{name}");
    for step in &plan.steps {
        for id in &step.after {
            let target = plan.step(id).unwrap_or_else(|| panic!("{name}: {id} is in the plan"));
            assert!(!target.on_demand, "{name}: {} waits for {id}, which nothing starts", step.id);
        }
    }
    assert_no_deadlock(name, &plan);
}

/// Settles steps as the engine would; every step must get its turn.
fn assert_no_deadlock(name: &str, plan: &tminus_release::Plan) {
    let mut settled: Vec<&str> = Vec::new();
    let all = plan.steps.iter().filter(|step| !step.on_demand).count();
    loop {
        let ready: Vec<&str> = plan
            .steps
            .iter()
            .filter(|step| !step.on_demand && !settled.contains(&step.id.as_str()))
            .filter(|step| step.after.iter().all(|id| settled.contains(&id.as_str())))
            .map(|step| step.id.as_str())
            .collect();
        if ready.is_empty() {
            break;
        }
        settled.extend(ready);
    }
    assert_eq!(settled.len(), all, "{name}: some steps never get their turn");
}

fn bash(attributes: &str) -> String {
    format!("```bash {{{attributes}}}\ntrue\n```\n")
}

#[test]
fn steps_of_a_section_run_in_order_and_phases_one_after_the_other() {
    let document = format!("# R\n## A\n{}{}## B\n### C\n{}", bash("#one"), bash("#two"), bash("#three"));
    check("chain", &document, &["one:", "two: one", "three: two"]);
}

#[test]
fn items_beside_each_other_are_open_at_once() {
    let document = format!("# R\n## A\n{}- [ ] x\n- [ ] y\n\n{}- [ ] z\n", bash("#one"), bash("#two"));
    check(
        "items",
        &document,
        &["one:", "a/item-1: one", "a/item-2: one", "two: a/item-1 a/item-2", "a/item-3: two"],
    );
}

#[test]
fn an_item_that_holds_others_waits_for_them() {
    let document = format!("# R\n## A\n- [ ] x\n  - [ ] y\n    - [ ] y1\n  - [ ] z\n\n{}", bash("#one"));
    check(
        "nested",
        &document,
        &["a/item-1: a/item-2 a/item-4", "a/item-2: a/item-3", "a/item-3:", "a/item-4:", "one: a/item-1"],
    );
}

#[test]
fn an_item_comes_after_the_check_that_ticks_it_wherever_it_stands() {
    let before = format!("# R\n## A\n- [ ] x\n- [ ] y (auto: `c`)\n\n{}{}", bash("#c .check"), bash("#next"));
    check("check after item", &before, &["a/item-1:", "a/item-2: c", "c: a/item-1", "next: a/item-2"]);
    let after = format!("# R\n## A\n{}- [ ] x\n- [ ] y (auto: `c`)\n\n{}", bash("#c .check"), bash("#next"));
    check("check before item", &after, &["c:", "a/item-1: c", "a/item-2: c", "next: a/item-1 a/item-2"]);
    let only = format!("# R\n## A\n- [ ] y (auto: `c`)\n## B\n{}{}", bash("#c .check"), bash("#next"));
    check("check in a later phase", &only, &["a/item-1: c", "c:", "next: a/item-1"]);
}

#[test]
fn needs_take_a_step_out_of_the_chain() {
    let document =
        format!("# R\n## A\n{}{}{}{}", bash("#one"), bash("#two"), bash("#three needs=one"), bash("#four"));
    check("needs", &document, &["one:", "two: one", "three: one", "four: two three"]);
    let forward = format!("# R\n## A\n{}{}{}", bash("#one needs=two"), bash("#two"), bash("#three"));
    check("needs a later step", &forward, &["one: two", "two:", "three: one"]);
    let several = format!(
        "# R\n## A\n{}## B\n{}{}{}",
        bash("#a"),
        bash("#b"),
        bash("#c needs=b"),
        bash("#d needs=b,c")
    );
    check("needs in a later phase", &several, &["a:", "b: a", "c: b", "d: b c"]);
}

#[test]
fn parallel_steps_are_open_at_once() {
    let document = format!(
        "# R\n## A\n{}{}{}{}",
        bash("#one"),
        bash("#two .parallel"),
        bash("#three .parallel"),
        bash("#four")
    );
    check("parallel", &document, &["one:", "two: one", "three: one", "four: two three"]);
}

#[test]
fn undo_and_verify_targets_are_in_nobodys_way() {
    let document = format!(
        "# R\n## A\n{}{}{}{}",
        bash("#deploy undo=back"),
        bash("#back"),
        bash("#cleanup .undo"),
        bash("#after")
    );
    check("undo", &document, &["deploy:", "back on demand", "cleanup on demand", "after: deploy"]);
}

#[test]
fn a_phase_runs_once_for_each_environment_in_order() {
    let document = format!(
        "# R\n## Ship\n**Environment**: staging → production\n\n{}- [ ] seen (auto: `up`)\n\n{}## End\n{}",
        bash("#up .check"),
        "```yaml {#yes .approval}\nonly: production\nask: Go?\nquorum: { qa-lead: 1 }\n```\n",
        bash("#end needs=up")
    );
    check(
        "environments",
        &document,
        &[
            "up@staging:",
            "ship/item-1@staging: up@staging",
            "up@production: ship/item-1@staging",
            "ship/item-1@production: up@production",
            "yes@production: ship/item-1@production",
            "end: up@production yes@production",
        ],
    );
}

#[test]
fn the_rollback_lane_is_a_chain_of_its_own() {
    let document = format!(
        "# R\n## Ship\n{}## Rollback\n- [ ] tell support\n\n{}{}## After\n{}",
        bash("#ship undo=unship"),
        bash("#unship .undo"),
        bash("#look .check"),
        bash("#end")
    );
    check(
        "rollback",
        &document,
        &["ship:", "rollback/item-1:", "unship on demand", "look: rollback/item-1", "end: ship"],
    );
}

#[test]
fn a_section_about_rollback_inside_a_phase_is_of_the_rollback_lane() {
    let document =
        format!("# R\n## Ship\n{}### Rollback\n{}### Check\n{}", bash("#ship"), bash("#back"), bash("#look"));
    let plan = plan(&document, &request(Mode::Unattended));
    let lanes: Vec<_> = plan.steps.iter().map(|step| (step.id.as_str(), plan.lane_of(step))).collect();
    use tminus_release::plan::Lane::{Main, Rollback};
    assert_eq!(lanes, [("ship", Main), ("back", Rollback), ("look", Main)]);
    check("inner rollback", &document, &["ship:", "back:", "look: ship"]);
}
