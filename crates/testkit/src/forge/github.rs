//! GitHub Actions, below `/repos/OWNER/REPO/actions/`.

use serde_json::{Value, json};

use super::{Asked, Reply, Request, State};

/// What the workflows take.
const INPUTS: [&str; 4] = ["profile", "deploy_path", "rollback_tag", "tminus_marker"];

pub(super) fn answer(state: &mut State, request: &Request, rest: &str, query: &str) -> Option<Reply> {
    let parts: Vec<&str> = rest.split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["workflows", file, "dispatches"]) if is_known(file) => Some(dispatch(state, request, file)),
        ("GET", ["workflows", file, "runs"]) if is_known(file) => {
            // The second page and later ones are empty: there are never a hundred.
            let ids = if query.contains("&page=1&") { state.listed() } else { Vec::new() };
            let ids: Vec<usize> = ids.into_iter().filter(|id| state.runs[id - 1].workflow == *file).collect();
            let runs: Vec<Value> = ids.iter().map(|id| run(state, *id)).collect();
            Some(ok(200, &json!({ "total_count": runs.len(), "workflow_runs": runs })))
        }
        ("GET", ["runs", id]) => state.look(id, "cancelled").map(|id| ok(200, &run(state, id))),
        ("GET", ["runs", id, "jobs"]) => {
            let id: usize = id.parse().ok()?;
            Some(ok(200, &json!({ "total_count": 2, "jobs": jobs(state, id) })))
        }
        ("GET", ["jobs", job, "logs"]) => {
            // Another host than that of the API, as it is there.
            let host = request.header("host")?.replace("127.0.0.1", "localhost");
            Some(Reply::Answer(302, vec![("location", format!("http://{host}/kept/{job}"))], Vec::new()))
        }
        ("POST", ["runs", id, "cancel"]) => Some(match state.cancel(id)? {
            true => ok(202, &json!({})),
            false => ok(409, &json!({ "message": "Cannot cancel a workflow run that is completed." })),
        }),
        _ => None,
    }
}

fn is_known(file: &str) -> bool {
    ["deploy.yml", "restore.yml"].contains(&file)
}

fn ok(status: u16, body: &Value) -> Reply {
    Reply::new(status, body.to_string())
}

fn dispatch(state: &mut State, request: &Request, file: &str) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let refused = |words: &str| ok(422, &json!({ "message": words }));
    let wants_details = body["return_run_details"] == json!(true);
    if wants_details && state.manners.asked == Asked::Accepted {
        return refused("Invalid request.\n\n\"return_run_details\" is not a permitted key.");
    }
    let reference = body["ref"].as_str().unwrap_or_default();
    if reference != "main" {
        return refused(&format!("No ref found for: {reference}"));
    }
    let empty = serde_json::Map::new();
    let inputs = body["inputs"].as_object().unwrap_or(&empty);
    let unexpected: Vec<&String> = inputs.keys().filter(|name| !INPUTS.contains(&name.as_str())).collect();
    if !unexpected.is_empty() {
        return refused(&format!("Unexpected inputs provided: {unexpected:?}"));
    }
    state.begin(file, reference, body["inputs"].clone(), |id| {
        if wants_details {
            ok(200, &json!({ "workflow_run_id": id, "run_url": "", "html_url": url(id) }))
        } else {
            Reply::new(204, "")
        }
    })
}

fn url(id: usize) -> String {
    format!("https://github.com/acme/shop/actions/runs/{id}")
}

fn run(state: &State, id: usize) -> Value {
    let found = &state.runs[id - 1];
    let status = match (&found.over, found.looks) {
        (Some(_), _) => "completed",
        (None, 0 | 1) => "queued",
        _ => "in_progress",
    };
    json!({
        "id": id, "display_title": state.name(id, "tminus_marker"), "event": "workflow_dispatch", "status": status,
        "conclusion": found.over, "html_url": url(id), "run_attempt": found.again + 1, "head_branch": found.reference,
    })
}

fn jobs(state: &State, id: usize) -> Vec<Value> {
    let found = &state.runs[id - 1];
    let step = json!([{ "name": "Set up job", "conclusion": "success" }, { "name": "Compose up", "conclusion": found.over }]);
    let built = found.looks > 1 || found.over.is_some();
    let status = |over: bool| if over { "completed" } else { "in_progress" };
    vec![
        json!({ "id": id * 10 + 1, "name": "build", "status": status(built), "conclusion": built.then_some("success"), "steps": [] }),
        json!({ "id": id * 10 + 2, "name": "deploy", "status": status(found.over.is_some()), "conclusion": found.over, "steps": step }),
    ]
}
