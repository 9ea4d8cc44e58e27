//! T404: where a command acts, by the options that tools have for it: an inventory, an app, a profile, a
//! context, an input of a workflow; named in any of the languages that tminus knows.

use std::collections::{BTreeMap, BTreeSet};

use tminus_release::plan::Lane;

use crate::diagnostic::Severity;
use crate::shell::CommandUse;

use super::flow::Flow;
use super::kinds;
use super::page::{Finding, Given, Page, Script, short};

/// Runs the check, and says nothing where `found` already tells of a command that it acts elsewhere.
pub(super) fn check(page: &Page<'_>, flow: &Flow, found: &mut Vec<Finding>) {
    let goes_back =
        |script: &Script<'_>| script.lane == Lane::Rollback || flow.is_way_back(page, script.section);
    // Programs that the release sends to production, with the first place that they name.
    let mut live: BTreeMap<&str, &str> = BTreeMap::new();
    let steps = || page.scripts.iter().filter(|script| script.given != Given::Mentioned);
    for script in steps().filter(|script| !goes_back(script)) {
        for command in script.commands().iter().filter(|command| !kinds::only_reads(command)) {
            let named = place(command).filter(|(_, what)| *what == Where::Production);
            if let Some((value, _)) = named {
                live.entry(&command.program).or_insert(value);
            }
        }
    }
    let mut told: BTreeSet<(u32, u32)> =
        found.iter().filter(|other| other.code == "T404").map(|other| other.at).collect();
    for script in steps() {
        let section = &page.outline.sections[script.section];
        let elsewhere = |title: &str| what(title) == Some(Where::Other);
        let titles = page.outline.chain(script.section).map(|at| page.outline.sections[at].title.as_str());
        let is_meant = titles.into_iter().any(elsewhere) || script.lead.as_deref().is_some_and(elsewhere);
        if is_meant || section.environments.iter().any(|name| name != "production") {
            continue;
        }
        let back = goes_back(script);
        let in_production = !back && section.environments.len() == 1;
        for command in script.commands().iter().filter(|command| !kinds::only_reads(command)) {
            let Some((value, Where::Other)) = place(command) else { continue };
            let there = live.get(command.program.as_str());
            let message = match there {
                Some(production) if back => format!(
                    "the release acts on `{production}`, and this on `{value}`: what is broken stays broken"
                ),
                _ if in_production && releases(command) => format!(
                    "this is the section about production, and `{}` acts on `{value}`",
                    short(&command.text)
                ),
                _ => continue,
            };
            let finding = script.on(
                "T404",
                Severity::Warning,
                command,
                message,
                "name the place that this section is about",
            );
            if told.insert(finding.at) {
                found.push(finding);
            }
        }
    }
}

/// What brings something to the place that it names; a promotion names the place that it comes from.
fn releases(command: &CommandUse) -> bool {
    match command.program.as_str() {
        "gh" => kinds::has_words(command, &["workflow", "run"]),
        "ansible-playbook" => true,
        "kubectl" | "helm" | "oc" | "nomad" => kinds::deploys(command).is_some(),
        _ => false,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Production,
    Other,
}

/// The place that a command names by an option, and what it is.
fn place(command: &CommandUse) -> Option<(&str, Where)> {
    const OPTIONS: [&str; 12] = [
        "--inventory",
        "--app",
        "--context",
        "--kube-context",
        "--profile",
        "--project",
        "--env",
        "--environment",
        "--stage",
        "--cluster",
        "--stack-name",
        "--subscription",
    ];
    const VARIABLES: [&str; 4] = ["AWS_PROFILE", "AWS_VAULT", "CLOUDSDK_ACTIVE_CONFIG_NAME", "KUBECONFIG"];
    let short = match command.program.as_str() {
        "ansible-playbook" | "ansible" => "-i",
        "heroku" | "fly" | "flyctl" => "-a",
        _ => "--app",
    };
    let inputs = matches!(command.program.as_str(), "gh" | "glab");
    let arguments = &command.arguments;
    let by_option = arguments.iter().enumerate().find_map(|(at, argument)| {
        let (option, joined) = argument
            .split_once('=')
            .map_or((argument.as_str(), None), |(option, value)| (option, Some(value)));
        let next = || arguments.get(at + 1).map(String::as_str);
        if inputs {
            let is_input = matches!(option, "-f" | "-F" | "--field" | "--raw-field");
            let (name, value) = next().filter(|_| is_input)?.split_once('=')?;
            return matches!(name, "environment" | "env" | "stage" | "target" | "target_env")
                .then_some(value);
        }
        (option == short || OPTIONS.contains(&option)).then(|| joined.or_else(next)).flatten()
    });
    let by_variable = command.assignments.iter().find(|(name, _)| VARIABLES.contains(&name.as_str()));
    let value = by_option.or(by_variable.map(|(_, value)| value.as_str()))?;
    what(value).map(|what| (value, what))
}

/// Tells whether a heading is about a place where users are not, in any of the languages.
pub(super) fn is_elsewhere(title: &str) -> bool {
    what(title) == Some(Where::Other)
}

/// What a name says by a word of its own.
fn what(name: &str) -> Option<Where> {
    const PRODUCTION: [&str; 12] = [
        "prod",
        "prd",
        "production",
        "produccion",
        "producción",
        "produktion",
        "producao",
        "produção",
        "live",
        "produktiv",
        "produktivumgebung",
        "produktionsumgebung",
    ];
    const OTHER: [&str; 38] = [
        "staging",
        "stage",
        "stg",
        "preprod",
        "preproduccion",
        "preproducción",
        "preproduction",
        "préproduction",
        "preproducao",
        "pré",
        "pre",
        "uat",
        "qa",
        "int",
        "integration",
        "test",
        "testing",
        "dev",
        "develop",
        "development",
        "demo",
        "sandbox",
        "recette",
        "homolog",
        "homologacao",
        "homologação",
        "hml",
        "abnahme",
        "pruebas",
        "desarrollo",
        "testumgebung",
        "abnahmeumgebung",
        "integrationsumgebung",
        "stagingumgebung",
        "homologación",
        "qualification",
        "ensayo",
        "ensayos",
    ];
    let lower = name.to_lowercase();
    let (mut production, mut other) = (false, false);
    for word in lower.split(|c: char| !c.is_alphanumeric()) {
        production |= PRODUCTION.contains(&word);
        other |= OTHER.contains(&word);
    }
    match (production, other) {
        (true, false) => Some(Where::Production),
        (false, true) => Some(Where::Other),
        _ => None,
    }
}
