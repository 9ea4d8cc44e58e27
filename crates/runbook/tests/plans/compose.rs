//! What a document says of the health of services, as the script has it at its head.

use tminus_release::plan::{Action, Mode, Work};
use tminus_runbook::compile::compile;

use super::{errors, request};

/// The line of the script that says what is asked; or the faults.
fn asked(keys: &str) -> Result<String, Vec<String>> {
    let document = format!(
        "## Ship\n\n```yaml {{#deploy .deploy}}\ntarget: compose\nservices: [api, web]\n{keys}\n```\n\n```bash {{#serves .check}}\ntrue\n```\n"
    );
    let compiled = compile(&document, &request(Mode::Unattended));
    let Some(plan) = compiled.plan else { return Err(errors(&compiled.diagnostics)) };
    let step = plan.steps.iter().find(|step| step.id.to_string() == "deploy").expect("the step");
    let Work::Act(Action::Shell(shell)) = &step.work else { panic!("it has a script") };
    let line = shell.script.lines().find_map(|line| line.strip_prefix("declare -A healthy="));
    Ok(line.expect("a line of its own").to_owned())
}

#[test]
fn addresses_are_asked_of_the_services_that_they_are_of() {
    for (keys, line) in [
        ("", "()"),
        ("healthy: serves", "()"),
        ("healthy: http://127.0.0.1:8080/health", "(['web']='http://127.0.0.1:8080/health')"),
        ("healthy: ':8080'", "(['web']=':8080')"),
        (
            "healthy: { web: ':8080/a?b', api: 'https://api/$VERSION' }",
            "(['api']='https://api/v1.2.3' ['web']=':8080/a?b')",
        ),
    ] {
        assert_eq!(asked(keys).as_deref(), Ok(line), "{keys}");
    }
    let turns = "strategy: blue-green\nblue_green: [a, b]\nserving: c\nswitch: d\n";
    assert_eq!(asked(&format!("{turns}healthy: :80/x")).as_deref(), Ok("(['web']=':80/x')"));
}

#[test]
fn addresses_that_say_nothing_are_faults() {
    let turns = "strategy: blue-green\nblue_green: [a, b]\nserving: c\nswitch: d\n";
    for (keys, words) in [
        ("healthy: no-such", "names no step"),
        ("healthy: [serves]", "`healthy` is the id of a check below, an address"),
        ("healthy: { wbe: ':8080' }", "`wbe` is none of the services that move"),
        ("healthy: { web: serves }", "what a service answers at"),
        ("healthy: { web: ':http' }", "what a service answers at"),
        ("healthy: { web: 'http://' }", "what a service answers at"),
        ("healthy: { web: ':8080/a b' }", "which is no address"),
        ("healthy: { web: ':8080/$NOBODY' }", "`healthy` is not known: "),
        (&format!("{turns}healthy: http://127.0.0.1/"), "two projects take turns"),
    ] {
        let found = asked(keys).expect_err(keys);
        assert!(found.len() == 1 && found[0].contains(words), "{keys}: {found:?}");
    }
}

#[test]
fn an_image_that_is_pushed_above_is_known_when_the_script_runs() {
    let image = "```yaml {#image .image}\ntags: r.test/api:$VERSION\ncontext: api\noutput: API\n```";
    let deploy = "```yaml {#deploy .deploy}\ntarget: compose\nservices: [api]\nenv_file: .env\nset: { TAG: $VERSION, API_IMAGE: $API, NOTE: 'at ${API_DIGEST}!' }\n```";
    let changes = |document: &str, step: &str| {
        let compiled = compile(document, &request(Mode::Unattended));
        let plan = compiled.plan.ok_or_else(|| errors(&compiled.diagnostics))?;
        let step = plan.steps.iter().find(|found| found.id.to_string() == step).expect("the step");
        let Work::Act(Action::Shell(shell)) = &step.work else { panic!("it has a script") };
        let line = shell.script.lines().find_map(|line| line.strip_prefix("changes="));
        Ok::<String, Vec<String>>(line.expect("a line of its own").to_owned())
    };
    let document = format!("## Ship\n\n{image}\n\n{deploy}\n");
    let missing = ":?no step of this release has pushed it}";
    let line =
        format!("('API_IMAGE='\"${{API{missing}\" 'NOTE=at '\"${{API_DIGEST{missing}\"'!' 'TAG=v1.2.3')");
    assert_eq!(changes(&document, "deploy"), Ok(line.clone()));
    assert_eq!(
        changes(&document, "deploy/undo"),
        Ok(line.replace(missing, "-}")),
        "nothing stops the way back"
    );
    // What is pushed further down is not known.
    let found = changes(&format!("## Ship\n\n{deploy}\n\n{image}\n"), "deploy").expect_err("a fault");
    assert!(found[0].contains("`set: API_IMAGE` is not known: API not bound"), "{found:?}");
}
