//! Steps of a plan as JSON.

use serde_json::{Map, Value, json};
use tminus_release::plan::{Action, Http, Plan, Resume, Step, Undo, Work};
use tminus_release::record::interpreter_name;
use tminus_release::time::Span;

/// Writes all steps in document order.
pub(super) fn steps(plan: &Plan) -> Vec<Value> {
    plan.steps.iter().map(|step| one(plan, step)).collect()
}

fn one(plan: &Plan, step: &Step) -> Value {
    let limits = json!({
        "timeout_seconds": seconds(step.timeout),
        "output_bytes": step.output_limit_bytes,
        "retries": step.retry.times,
        "backoff_seconds": seconds(step.retry.backoff),
    });
    let confirm =
        step.confirm.as_ref().map(|confirm| json!({ "danger": confirm.danger, "reason": confirm.reason }));
    let phase = &plan.phases[step.phase];
    let mut object = json!({
        "id": step.id, "title": step.title, "phase": phase.title, "phase_id": phase.id, "lane": phase.lane,
        "path": step.path, "line": step.line, "end_line": step.end_line, "environment": step.environment,
        "people": step.roles, "limits": limits, "check": step.check, "on_demand": step.on_demand,
        "confirm": confirm, "undo": undo(step), "resume": resume(&step.resume), "after": step.after,
        "on_failure": step.on_failure, "notes": step.notes,
    });
    if let Value::Object(map) = &mut object {
        map.extend(work(&step.work));
    }
    object
}

/// `timeout_seconds` of a step that waits for people is null: nothing ends it but an answer.
fn seconds(span: Span) -> Value {
    if span == Span::FOREVER { Value::Null } else { json!(span.0 as f64 / 1000.0) }
}

fn undo(step: &Step) -> Value {
    match &step.undo {
        Undo::NotNeeded => json!({ "kind": "not_needed" }),
        Undo::Kept => json!({ "kind": "kept" }),
        Undo::Step(id) => json!({ "kind": "step", "step": id, "last": step.undo_last }),
        Undo::Impossible => json!({ "kind": "impossible" }),
        Undo::Unstated => json!({ "kind": "unstated" }),
    }
}

fn resume(resume: &Resume) -> Value {
    match resume {
        Resume::Rerun => json!({ "kind": "rerun" }),
        Resume::Verify(id) => json!({ "kind": "verify", "step": id }),
        Resume::Ask => json!({ "kind": "ask" }),
    }
}

/// What differs from kind to kind; `kind`, `language` and `command` are always there.
fn work(work: &Work) -> Map<String, Value> {
    let (kind, language, command, more) = match work {
        Work::Act(Action::Shell(shell)) => (
            "shell",
            Some(interpreter_name(shell.interpreter)),
            Some(shell.script.clone()),
            json!({
                "host": shell.host,
                "hosts": shell.group.as_ref().map(|group| json!({
                    "name": group.name, "hosts": group.hosts, "batch": group.batch, "failures": group.failures,
                })),
                "folder": shell.folder,
                "exit_codes": shell.ok,
            }),
        ),
        Work::Act(Action::Http(http)) => ("http", Some("http"), Some(request(http)), http_json(http)),
        Work::Act(Action::Notify(notify)) => (
            "notify",
            Some("text"),
            None,
            json!({ "to": notify.to, "when": notify.when, "template": notify.template }),
        ),
        Work::Act(Action::Unavailable(unavailable)) => {
            ("unavailable", None, None, json!({ "of": unavailable.kind, "body": unavailable.body }))
        }
        Work::Item(item) => (
            "item",
            None,
            None,
            json!({ "text": item.text, "auto": item.auto, "children": item.children, "ticked_in_document": item.ticked_in_document }),
        ),
        Work::Task(task) => {
            ("task", None, None, json!({ "instructions": task.instructions, "reason": task.reason }))
        }
        Work::Approval(approval) => (
            "approval",
            None,
            None,
            json!({
                "ask": approval.ask, "quorum": approval.quorum, "starter_may_approve": approval.starter_may_approve,
                "expires_seconds": approval.expires.map(seconds),
            }),
        ),
        Work::Soak(soak) => (
            "soak",
            None,
            None,
            json!({ "for_seconds": seconds(soak.duration), "rules": soak.rules, "on_breach": soak.on_breach }),
        ),
        Work::Watch(soak) => (
            "watch",
            None,
            None,
            json!({ "for_seconds": seconds(soak.duration), "rules": soak.rules, "on_breach": soak.on_breach }),
        ),
        Work::Choice(choice) => (
            "choice",
            None,
            None,
            json!({ "ask": choice.ask, "options": choice.options, "input": choice.input }),
        ),
    };
    let mut map = Map::new();
    map.insert("kind".to_owned(), json!(kind));
    map.insert("language".to_owned(), json!(language));
    map.insert("command".to_owned(), json!(command));
    if let Value::Object(more) = more {
        map.extend(more);
    }
    map
}

/// The request as its fence would have it, everything bound but secrets.
fn request(http: &Http) -> String {
    let mut text = format!("{} {}", http.method, http.url);
    for (name, value) in &http.headers {
        text.push_str(&format!("\n{name}: {value}"));
    }
    if let Some(body) = &http.body {
        text.push_str("\n\n");
        text.push_str(body);
    }
    text
}

fn http_json(http: &Http) -> Value {
    json!({
        "status": http.status, "match": http.matches, "json": http.json,
        "max_response_seconds": http.max_response.map(seconds), "must_fail": http.must_fail, "burst": http.burst,
        "every_seconds": http.poll.map(|poll| seconds(poll.every)),
        "within_seconds": http.poll.map(|poll| seconds(poll.within)),
    })
}
