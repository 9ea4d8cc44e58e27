//! The runbooks that come with the project, compiled: each is crashed, failed and undone in tests.

use std::path::Path;

use tminus_release::plan::Plan;
use tminus_runbook::compile::{Request, compile};
use tminus_runbook::settings;

/// Compiles every runbook of the project's `runbooks/` folder. Name and plan.
pub fn all() -> Vec<(String, Plan)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks");
    let mut plans = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("runbooks/").flatten() {
        let mut path = entry.path();
        if path.is_dir() {
            path.push("RUNBOOK.md");
        } else if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let name = path.strip_prefix(&folder).expect("inside").to_string_lossy().into_owned();
        let settings =
            std::fs::read_to_string(path.with_file_name("tminus.toml")).expect("tminus.toml beside it");
        let text = std::fs::read_to_string(&path).expect("a runbook");
        let request = Request {
            name: name.clone(),
            version: Some("v2.0.0".to_owned()),
            previous_version: Some("v1.0.0".to_owned()),
            settings: settings::read(&settings).0,
            ..Request::default()
        };
        let compiled = compile(&text, &request);
        let plan = compiled.plan.unwrap_or_else(|| panic!("{name}: {:#?}", compiled.diagnostics));
        plans.push((name, plan));
    }
    assert!(!plans.is_empty(), "there are runbooks");
    plans
}
