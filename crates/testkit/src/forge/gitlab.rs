//! GitLab's pipelines, below `/api/v4/projects/ID/`.

use serde_json::{Value, json};

use super::{Reply, Request, State};

pub(super) fn answer(state: &mut State, request: &Request, rest: &str, query: &str) -> Option<Reply> {
    let parts: Vec<&str> = rest.split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["pipeline"]) => Some(create(state, request)),
        ("GET", ["pipelines"]) => {
            let ids = if query.contains("&page=1&") { state.listed() } else { Vec::new() };
            let all: Vec<Value> = ids.into_iter().map(|id| pipeline(state, id)).collect();
            Some(ok(200, &json!(all)))
        }
        ("GET", ["pipelines", id]) => state.look(id, "canceled").map(|id| ok(200, &pipeline(state, id))),
        ("GET", ["pipelines", id, "jobs"]) => Some(ok(200, &jobs(state, id.parse().ok()?))),
        ("GET", ["jobs", job, "trace"]) => Some(Reply::new(200, trace(state, job))),
        ("POST", ["pipelines", id, "cancel"]) => {
            state.cancel(id)?;
            Some(ok(200, &pipeline(state, id.parse().ok()?)))
        }
        _ => None,
    }
}

fn ok(status: u16, body: &Value) -> Reply {
    Reply::new(status, body.to_string())
}

fn create(state: &mut State, request: &Request) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let reference = body["ref"].as_str().unwrap_or_default();
    if reference != "main" {
        return ok(400, &json!({ "message": { "base": ["Reference not found"] } }));
    }
    let variables = body["variables"].as_array().cloned().unwrap_or_default();
    let inputs = variables
        .iter()
        .map(|one| (one["key"].as_str().unwrap_or_default().to_owned(), one["value"].clone()));
    let inputs = Value::Object(inputs.collect());
    state.begin("", reference, inputs, |id| {
        ok(201, &json!({ "id": id, "status": "created", "web_url": url(id) }))
    })
}

fn url(id: usize) -> String {
    format!("https://gitlab.com/acme/shop/-/pipelines/{id}")
}

fn pipeline(state: &State, id: usize) -> Value {
    let found = &state.runs[id - 1];
    let status = found.over.as_deref().unwrap_or(if found.looks > 1 { "running" } else { "pending" });
    json!({ "id": id, "name": state.name(id, "TMINUS_MARKER"), "status": status, "source": "api", "ref": found.reference, "web_url": url(id) })
}

fn jobs(state: &State, id: usize) -> Value {
    let found = &state.runs[id - 1];
    let status = found.over.as_deref().unwrap_or("running");
    let reason = (status == "failed").then_some("script_failure");
    json!([
        { "id": id * 10 + 2, "name": "deploy", "status": status, "allow_failure": false, "failure_reason": reason },
        { "id": id * 10 + 1, "name": "lint", "status": "failed", "allow_failure": true, "failure_reason": "script_failure" },
    ])
}

fn trace(state: &State, job: &str) -> String {
    let (run, which) = job.split_at(job.len().saturating_sub(1));
    let over =
        run.parse::<usize>().ok().and_then(|id| state.runs.get(id - 1)).and_then(|run| run.over.as_deref());
    let head = "section_start:1700000000:step_script\r\u{1b}[0K\u{1b}[0;mRunning\n";
    match (which, over) {
        ("2", Some("success")) => format!("{head}deployed\n"),
        _ => format!("{head}web-1 does not answer\n\u{1b}[31;1mERROR: Job failed: exit code 7\n\u{1b}[0;m"),
    }
}
