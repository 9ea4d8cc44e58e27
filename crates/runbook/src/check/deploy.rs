//! T4: what is deployed is not what was tested; downtime on the way; locks that are none.

use tminus_release::plan::Lane;

use crate::diagnostic::Severity;
use crate::shell::CommandUse;

use super::brings;
use super::destroy;
use super::flow;
use super::kinds::{self, compose};
use super::locks;
use super::page::{Finding, Given, Page, Script, has_option, short};
use super::tried;
use super::words;
use crate::words::Words;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    let mut found = Vec::new();
    let staging: std::collections::BTreeSet<&str> = page
        .scripts
        .iter()
        .filter(|script| !script.inline && acts_only_on(page, script, "staging"))
        .flat_map(|script| script.commands().iter().filter(|command| builds(command)))
        .map(|command| command.program.as_str())
        .collect();
    let tried = page.scripts.iter().filter(|script| !script.inline).any(|script| tries(page, script));
    let tried = tried || tried::in_words(page);
    let promised = NO_DOWNTIME.any_in(page.lower());
    let typed = |script: &&Script<'_>| !script.inline || script.given == Given::Person;
    for script in page.scripts.iter().filter(typed) {
        let before = found.len();
        built_where_it_runs(page, script, tried, &mut found);
        moving_tag(page, script, &mut found);
        // What is told about this script already is the same fault.
        if found.len() == before {
            built_again(page, script, &staging, tried, &mut found);
        }
        down_before_up(page, script, promised, &mut found);
    }
    locks::check(page, &mut found);
    found.into_iter().for_each(|finding| page.report(finding));
}

/// T401: `up --build` on the host that serves.
fn built_where_it_runs(page: &Page<'_>, script: &Script<'_>, tried: bool, found: &mut Vec<Finding>) {
    let pulls = script.commands().iter().any(|command| compose(command) == Some("pull"));
    let on_target = script.fence.is_some_and(|fence| {
        let attributes = fence.info.attributes.iter();
        attributes.flat_map(|attributes| &attributes.pairs).any(|pair| pair.key.text == "on")
    });
    let remote = script.survey.ssh_host.is_some() || on_target || page.acts_on(script.section, "production");
    // Somewhere else the release was tried out, and this is not that place.
    let after_trial =
        tried && matches!(script.lane, Lane::Main | Lane::Hotfix) && flow::is_live(page, script);
    let builds = script
        .commands()
        .iter()
        .filter(|command| compose(command) == Some("up") && has_option(command, &["--build"]));
    // `npm run build` over ssh, or where the section says on which host it runs.
    let there = |command: &&CommandUse| {
        let host = command.host.clone().unwrap_or_else(|| flow::host(page, script));
        (on_target || !host.is_empty()) && !MAKES.any_in(&host)
    };
    let sources = script.commands().iter().find(|command| {
        brings::builds(command)
            && there(command)
            && !flow::is_elsewhere(command)
            && flow::is_live(page, script)
    });
    if let Some(command) = sources.filter(|_| matches!(script.lane, Lane::Main | Lane::Hotfix)) {
        found.push(script.on(
            "T401",
            Severity::Warning,
            command,
            format!(
                "`{}` builds on the host that serves: what runs is not what was tested",
                short(&command.text)
            ),
            "build once, where the tests run, and bring the same archive or image to every host",
        ));
    }
    for command in builds.filter(|command| {
        pulls || remote || command.host.is_some() || after_trial && !flow::is_elsewhere(command)
    }) {
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

/// Names of machines that are there for building.
static MAKES: Words = Words::new(&["build", "jenkins", "runner", "agent", "ci-", "-ci"]);

/// T401: the tag `latest` where users are.
fn moving_tag(page: &Page<'_>, script: &Script<'_>, found: &mut Vec<Finding>) {
    let builds = script.commands().iter().any(|command| {
        command.program == "docker"
            && command.arguments.first().is_some_and(|a| matches!(a.as_str(), "build" | "buildx"))
    });
    // On the way back it is wrong wherever it runs: `latest` is what one wants to get away from.
    let title = page.outline.sections[script.section].title.to_lowercase();
    let back = script.lane == Lane::Rollback || words::has(&title, &["rollback", "roll back"]);
    let in_production = page.acts_on(script.section, "production");
    for command in script.commands() {
        let latest = command
            .arguments
            .iter()
            .any(|argument| argument.ends_with(":latest") || argument.ends_with("tag=latest"));
        if !latest {
            let branch = command.arguments.iter().find_map(|argument| branch_of(command, argument));
            let in_use = kinds::deploys(command).is_some()
                && flow::is_live(page, script)
                && !flow::is_elsewhere(command);
            if let Some(branch) = branch.filter(|_| in_use) {
                found.push(script.on(
                    "T401",
                    Severity::Warning,
                    command,
                    format!("`{branch}` is the image of a branch and another one tomorrow: nobody can tell what ran, or go back to it"),
                    "build once, and deploy and roll back by digest (`image@sha256:…`)",
                ));
            }
            continue;
        }
        let first = command.arguments.first().map_or("", String::as_str);
        let deploys = kinds::deploys(command).filter(|what| *what != kinds::Deploys::Package);
        let moves = match command.program.as_str() {
            "docker" | "podman" => matches!(first, "tag" | "push" | "run" | "pull"),
            _ => false,
        };
        // `docker tag good latest` leads `latest` back to the image that is good.
        let leads_back =
            first == "tag" && kinds::words(command).last().is_some_and(|word| word.ends_with(":latest"));
        if back && leads_back {
            continue;
        }
        let goes_live = deploys.is_some() || written_down(script, command);
        let live = goes_live && flow::is_live(page, script) && !flow::is_elsewhere(command);
        if !(live || (moves || deploys.is_some()) && (back || in_production)) {
            continue;
        }
        let message = if back {
            "`latest` is the image that one goes back from: this starts the same one again, or whatever was pushed since"
        } else if builds {
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

/// `jq --arg image app:latest … > task.json`: what is written into a definition that the same block then
/// deploys.
fn written_down(script: &Script<'_>, command: &CommandUse) -> bool {
    let writes = ["jq", "yq", "sed", "kustomize", "envsubst", "perl", "dasel"];
    writes.contains(&command.program.as_str())
        && script.commands().iter().any(|other| {
            other.start > command.start
                && kinds::deploys(other).is_some_and(|what| what != kinds::Deploys::Package)
        })
}

/// The tag of an image that is called after a branch. Git has names of that form as well.
fn branch_of<'c>(command: &CommandUse, argument: &'c str) -> Option<&'c str> {
    const BRANCHES: [&str; 6] = ["main", "master", "develop", "edge", "nightly", "head"];
    let tools =
        ["docker", "podman", "docker-compose", "kubectl", "oc", "helm", "gcloud", "az", "fly", "nomad"];
    let (before, tag) =
        argument.rsplit_once([':', '=']).filter(|_| tools.contains(&command.program.as_str()))?;
    let is_image = before.contains('/') || before.ends_with("tag") || before.contains('=');
    (is_image && BRANCHES.contains(&tag)).then_some(tag)
}

/// Something is built or deployed for trying it out before.
fn tries(page: &Page<'_>, script: &Script<'_>) -> bool {
    let staging = acts_only_on(page, script, "staging");
    script.commands().iter().any(|command| {
        let vercel = matches!(command.program.as_str(), "vercel" | "netlify");
        let preview =
            vercel && brings::deploys_sources(command) && !has_option(command, &["--prod", "--production"]);
        let named = staging || flow::environment_of(&command.text) == Some("staging");
        preview
            || named
                && (kinds::deploys(command).is_some() || brings::deploys_sources(command) || builds(command))
    })
}

/// T401: one image for staging, another for production.
fn built_again(
    page: &Page<'_>,
    script: &Script<'_>,
    staging: &std::collections::BTreeSet<&str>,
    tried: bool,
    found: &mut Vec<Finding>,
) {
    let only = acts_only_on(page, script, "production");
    // Where several ways stand in one block, another one may be the one that is taken.
    let again = script.commands().iter().filter(|_| !script.survey.alternatives).find(|command| {
        let prod = only
            || flow::environment_of(&command.text) == Some("production")
            || has_option(command, &["--prod", "--production"]);
        tried && prod && brings::deploys_sources(command) && !flow::is_elsewhere(command)
    });
    if let Some(command) = again.filter(|_| matches!(script.lane, Lane::Main | Lane::Hotfix)) {
        found.push(script.on(
            "T401",
            Severity::Warning,
            command,
            format!(
                "`{}` builds again for production: what was tried out before is another build",
                short(&command.text)
            ),
            "promote what was tried out: the same image (`--image`), the same version or the same deployment",
        ));
        return;
    }
    if !only {
        return;
    }
    let Some(command) = script.commands().iter().find(|command| builds(command)) else { return };
    if staging.contains(command.program.as_str()) {
        found.push(script.on(
            "T401",
            Severity::Warning,
            command,
            format!("`{}` builds again for production: what was tested in staging is another build", short(&command.text)),
            "build once, and deploy the same image or archive everywhere; what differs belongs into the environment",
        ));
    }
}

fn acts_only_on(page: &Page<'_>, script: &Script<'_>, name: &str) -> bool {
    let environments = &page.outline.sections[script.section].environments;
    environments.len() == 1 && environments[0] == name
}

fn builds(command: &CommandUse) -> bool {
    let first = command.arguments.first().map_or("", String::as_str);
    match command.program.as_str() {
        "docker" | "podman" | "buildah" => matches!(first, "build" | "buildx" | "bud"),
        "gcloud" => first == "builds",
        _ => compose(command) == Some("build"),
    }
}

/// Words that promise that users notice nothing.
static NO_DOWNTIME: Words = Words::new(&[
    "zero-downtime",
    "zero downtime",
    "no downtime",
    "no interruption",
    "without interruption",
    "uninterrupted",
    "no outage",
    "without an outage",
    "unterbrechungsfrei",
    "sans coupure",
    "sin corte",
    "no hay corte",
    "without downtime",
    "rolling",
    "blue-green",
    "blue/green",
    "ohne unterbrechung",
    "ohne ausfall",
    "sans interruption",
    "sin interrupción",
    "sin caída",
    "sem interrupção",
    "不停机",
    "零停机",
    "無停止",
]);

/// T402: everything is stopped before the new version starts. On the way back, and around a restore,
/// it is meant.
fn down_before_up(page: &Page<'_>, script: &Script<'_>, promised: bool, found: &mut Vec<Finding>) {
    let mut down: Option<&CommandUse> = None;
    let meant = [
        "emergency",
        "fail",
        "recover",
        "restart",
        "troubleshoot",
        "maintenance",
        "stop",
        "reset",
        "shut",
        "cleanup",
    ];
    let is_meant = || {
        let titles =
            page.outline.chain(script.section).map(|at| page.outline.sections[at].title.to_lowercase());
        words::has(&titles.collect::<String>(), &meant)
    };
    // Who types the commands may mean it, unless the page promises otherwise.
    let by_hand = script.inline && !promised;
    if by_hand || !matches!(script.lane, Lane::Main | Lane::Hotfix) {
        return;
    }
    for command in script.commands() {
        let restores = matches!(
            command.program.as_str(),
            "pg_restore" | "psql" | "mysql" | "mongorestore" | "cp" | "mv"
        );
        match compose(command).or_else(|| unit_action(command)) {
            _ if restores => down = None,
            Some("down" | "stop") => down = down.or(Some(command)),
            Some("up" | "start") => {
                let Some(stopped) = down.take() else { continue };
                if is_meant() {
                    return;
                }
                found.push(script.on(
                    "T402",
                    if promised { Severity::Warning } else { Severity::Note },
                    stopped,
                    "everything is stopped before the new version starts: users see an outage until it is ready",
                    "`docker compose up -d --wait` replaces containers one by one; stop nothing first",
                ));
            }
            _ => {}
        }
    }
}

/// What is done to a service outside of compose: `systemctl stop`, `kubectl delete deployment`.
fn unit_action(command: &CommandUse) -> Option<&'static str> {
    let words = kinds::words(command);
    let has = |verb: &str| words.contains(&verb);
    let workload = || words.iter().any(|word| word.starts_with("deploy") || word.starts_with("statefulset"));
    match command.program.as_str() {
        "systemctl" | "service" | "pm2" | "supervisorctl" if has("stop") => Some("stop"),
        "systemctl" | "service" | "pm2" | "supervisorctl" if has("start") => Some("start"),
        "kubectl" | "oc" if has("delete") && (workload() || command.arguments.iter().any(|a| a == "-f")) => {
            Some("stop")
        }
        "kubectl" | "oc" if has("scale") => {
            Some(if destroy::scales_to_none(command) { "stop" } else { "start" })
        }
        "kubectl" | "oc" if has("apply") || has("create") => Some("start"),
        "docker" | "podman" if words.first() == Some(&"stop") => Some("stop"),
        "docker" | "podman" if matches!(words.first(), Some(&"run" | &"start")) => Some("start"),
        _ => None,
    }
}
