//! Plans of whole documents: order, binding, faults.

mod compose;
mod database;
mod documents;
mod faults;
mod kubernetes;
mod order;

use tminus_release::plan::{Mode, Plan, Step, Work};
use tminus_runbook::compile::{Compiled, Request, compile};
use tminus_runbook::diagnostic::Severity;
use tminus_runbook::settings;

/// Settings with two environments, a probe for each, and the channels of the samples.
const PLACE: &str = r##"
[environments.staging]
url = "http://127.0.0.1:7001"
[environments.production]
url = "http://127.0.0.1:7002"
variables = { REGION = "eu" }
[roles]
qa-lead = ["ana"]
eng-manager = ["bo", "cy"]
[probe.staging]
url = "{{URL}}/health"
[probe.production]
url = "{{URL}}/health"
[channels]
"slack:#releases" = { webhook = "secret:SLACK_URL" }
[secrets]
SLACK_URL = "env:SLACK_URL"
API_TOKEN = "file:/run/secrets/token"
[databases]
app = "env:DATABASE_URL"
"##;

fn request(mode: Mode) -> Request {
    let (settings, faults) = settings::read(PLACE);
    assert_eq!(faults, []);
    Request { mode, settings, version: Some("v1.2.3".to_owned()), ..Request::default() }
}

fn unattended(document: &str) -> Compiled {
    compile(document, &request(Mode::Unattended))
}

fn plan(document: &str, request: &Request) -> Plan {
    let compiled = compile(document, request);
    compiled.plan.unwrap_or_else(|| panic!("no plan: {}", errors(&compiled.diagnostics).join("\n")))
}

fn errors(diagnostics: &[tminus_runbook::diagnostic::Diagnostic]) -> Vec<String> {
    let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.map(|found| format!("{} {}: {}", found.code, found.line, found.message)).collect()
}

fn after(step: &Step) -> String {
    step.after.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(" ")
}

fn kind(step: &Step) -> &'static str {
    match &step.work {
        Work::Act(tminus_release::plan::Action::Shell(_)) => "shell",
        Work::Act(tminus_release::plan::Action::Http(_)) => "http",
        Work::Act(tminus_release::plan::Action::Notify(_)) => "notify",
        Work::Act(tminus_release::plan::Action::Unavailable(_)) => "unavailable",
        Work::Item(_) => "item",
        Work::Task(_) => "task",
        Work::Approval(_) => "approval",
        Work::Soak(_) => "soak",
        Work::Watch(_) => "watch",
        Work::Choice(_) => "choice",
    }
}
