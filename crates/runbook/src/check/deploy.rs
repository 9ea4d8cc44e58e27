//! T4: what is deployed is not what was tested; downtime on the way; locks that are none.

use crate::diagnostic::Severity;
use crate::shell::{CommandUse, RedirectKind};

use super::kinds::compose;
use super::page::{Finding, Page, Script, has_option, short};

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    let mut found = Vec::new();
    for script in page.scripts.iter().filter(|script| !script.inline) {
        built_where_it_runs(page, script, &mut found);
        moving_tag(page, script, &mut found);
        down_before_up(script, &mut found);
        file_as_lock(script, &mut found);
    }
    found.into_iter().for_each(|finding| page.report(finding));
}

/// T401: `up --build` on the host that serves; once for each script.
fn built_where_it_runs(page: &Page<'_>, script: &Script<'_>, found: &mut Vec<Finding>) {
    let pulls = script.commands().iter().any(|command| compose(command) == Some("pull"));
    let remote = script.survey.ssh_host.is_some() || page.acts_on(script.section, "production");
    let build = script
        .commands()
        .iter()
        .find(|command| compose(command) == Some("up") && has_option(command, &["--build"]));
    if let Some(command) = build.filter(|_| pulls || remote) {
        let message = if pulls {
            "`--build` builds again after the pull: what runs is not what was pulled and tested"
        } else {
            "`--build` builds on the host that serves: what runs is not what was tested"
        };
        found.push(script.on(
            "T401",
            Severity::Warning,
            command,
            message,
            "leave `--build` out and deploy the tested image by its digest",
        ));
    }
}

/// T401: the tag `latest` in production; once for each script.
fn moving_tag(page: &Page<'_>, script: &Script<'_>, found: &mut Vec<Finding>) {
    if !page.acts_on(script.section, "production") {
        return;
    }
    let builds = script.commands().iter().any(|command| {
        command.program == "docker"
            && command.arguments.first().is_some_and(|a| matches!(a.as_str(), "build" | "buildx"))
    });
    let latest = |command: &&CommandUse| {
        let first = command.arguments.first().map_or("", String::as_str);
        let moves = match command.program.as_str() {
            "docker" | "podman" => matches!(first, "tag" | "push" | "run"),
            "kubectl" => first == "set",
            _ => false,
        };
        moves
            && command
                .arguments
                .last()
                .into_iter()
                .chain(&command.arguments)
                .any(|argument| argument.ends_with(":latest"))
    };
    if let Some(command) = script.commands().iter().find(latest) {
        let message = if builds {
            "`latest` is moved to an image that was built again here: not the one that was tested in staging"
        } else {
            "`latest` names another image tomorrow: nobody can tell what ran, or go back to it"
        };
        found.push(script.on(
            "T401",
            Severity::Warning,
            command,
            message,
            "build once, and deploy and roll back by digest (`image@sha256:…`)",
        ));
    }
}

/// T402: everything is stopped before the new version starts.
fn down_before_up(script: &Script<'_>, found: &mut Vec<Finding>) {
    let mut down: Option<&CommandUse> = None;
    for command in script.commands() {
        match compose(command) {
            Some("down" | "stop") => down = down.or(Some(command)),
            Some("up" | "start") => {
                if let Some(stopped) = down.take() {
                    found.push(script.on(
                        "T402",
                        Severity::Warning,
                        stopped,
                        "everything is stopped before the new version starts: users see an outage until it is ready",
                        "`docker compose up -d --wait` replaces containers one by one; stop nothing first",
                    ));
                }
            }
            _ => {}
        }
    }
}

/// T408: a file as a lock.
fn file_as_lock(script: &Script<'_>, found: &mut Vec<Finding>) {
    for command in script.commands() {
        let target = match command.program.as_str() {
            "touch" => command.arguments.iter().find(|a| is_lock(a)).cloned(),
            "echo" | "date" | ":" => command
                .redirects
                .iter()
                .find(|r| r.kind == RedirectKind::Write && is_lock(&r.target))
                .map(|r| r.target.clone()),
            _ => None,
        };
        if let Some(target) = target {
            found.push(script.on(
                "T408",
                Severity::Warning,
                command,
                format!("`{}` is no lock: two people can both create it, nobody owns it, and it stays when the release dies", short(&target)),
                "let tminus hold the release (only one runs at a time for an environment), or use `flock`",
            ));
        }
    }
}

fn is_lock(path: &str) -> bool {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).to_lowercase();
    let parts: Vec<&str> = name.split(['.', '-', '_']).collect();
    ["maintenance", "lock", "freeze", "frozen", "deploying", "locked"].iter().any(|word| parts.contains(word))
}
