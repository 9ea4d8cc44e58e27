//! T403, T404, T406: the way back: whether there is one, and whether it goes where one came from.

use std::collections::{BTreeMap, BTreeSet};

use tminus_release::plan::Lane;

use crate::diagnostic::Severity;
use crate::outline::{SectionKind, UnitKind};
use crate::shell::CommandUse;

use super::flow::{Flow, environment_of};
use super::kinds::{self, Deploys, compose};
use super::page::{Finding, Page, Script, short};
use super::places;
use super::words;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>, flow: &Flow) {
    let mut found = Vec::new();
    no_way_back(page, flow, &mut found);
    found.extend(sections_without_command(page, flow));
    other_place(page, flow, &mut found);
    other_namespace(page, flow, &mut found);
    places::check(page, flow, &mut found);
    found.into_iter().for_each(|finding| page.report(finding));
}

/// T403 and T406: something is deployed, and nothing says how it is taken back.
fn no_way_back(page: &Page<'_>, flow: &Flow, found: &mut Vec<Finding>) {
    let Some(&(at, index, _)) = flow.deploys.iter().find(|(at, _, what)| {
        let script = &page.scripts[*at];
        *what != Deploys::Package && is_release(page, script) && !is_list_of_commands(script)
    }) else {
        return;
    };
    let (script, command) = (&page.scripts[at], &page.scripts[at].commands()[index]);
    let has_undo = page.outline.units.iter().any(|unit| match &unit.kind {
        UnitKind::Fence(fence) => fence.info.attributes.as_ref().is_some_and(|attributes| {
            attributes.pairs.iter().any(|pair| pair.key.text == "undo")
                || attributes.classes.iter().any(|class| class.text == "undo")
        }),
        _ => false,
    });
    let undoes = page.scripts.iter().any(|other| {
        other.lane == Lane::Rollback
            || other.commands().iter().any(|c| words::BACK.any_in(&c.text.to_lowercase()))
    });
    let linked = page.links_to(&["rollback", "recover", "restore", "revert"]);
    if has_undo || undoes || linked || !flow.ways_back.is_empty() {
        return;
    }
    let mentioned = page.prose().iter().copied().find(|(_, text)| promises_way_back(text));
    if let Some((line, text)) = mentioned {
        // Whoever links to a way back, or says that there is none, has thought about it.
        let elsewhere = text.contains("](")
            || text.contains("http")
            || words::has(
                page.lower(),
                &[
                    "point of no return",
                    "no way back",
                    "cannot be rolled back",
                    "roll forward",
                    "roll-forward",
                    "fix forward",
                ],
            );
        // "Consider rolling back:", and the commands stand right below.
        let below = text.trim_end().ends_with([':', '：'])
            && flow
                .units_in(page, line..=line + 2)
                .any(|unit| matches!(&unit.kind, UnitKind::Fence(fence) if fence.is_shell_like()));
        if !below && !elsewhere && !page.text_of(line..=line + 3).contains("](") {
            let column =
                u32::try_from(text.chars().take_while(|c| c.is_whitespace()).count()).unwrap_or(0) + 1;
            let width = u32::try_from(text.trim_end().chars().count()).unwrap_or(0) + 1;
            found.push(Finding {
                code: "T406",
                severity: Severity::Warning,
                at: (line, column),
                end: (line, width.max(column)),
                message: "going back is spoken of here, and no section of this document says how it is done"
                    .to_owned(),
                help: "add a section `Rollback` with the commands, tried out once".to_owned(),
            });
        }
        return;
    }
    found.push(script.on(
        "T403",
        Severity::Warning,
        command,
        format!(
            "`{}` has no way back in this document: at night somebody has to invent one",
            short(&command.text)
        ),
        "say what reverses it: a section `Rollback` with its commands, or `undo=` on the block",
    ));
}

/// What is done when something fails may be anything; only the words for going back promise it.
fn promises_way_back(text: &str) -> bool {
    let lower = text.to_lowercase();
    words::BACK.any_in(&lower)
        && words::BACK.iter().any(|word| !words::FAILING.contains(&word) && lower.contains(word))
}

/// A block that starts and takes down the same thing shows what can be done, one line at a time: run
/// from top to bottom it would release nothing.
fn is_list_of_commands(script: &Script<'_>) -> bool {
    let last = |verb: &str| script.commands().iter().rposition(|command| compose(command) == Some(verb));
    last("up").is_some() && last("down") > last("up")
}

/// The document is about releasing: its title, a heading, or the command's own environment says so.
pub(super) fn is_release(page: &Page<'_>, script: &Script<'_>) -> bool {
    words::RELEASE.any_in(&page.outline.title.to_lowercase()) || is_about_release(page, script)
}

/// The section is about releasing, by its environment or its headings below the title.
pub(super) fn is_about_release(page: &Page<'_>, script: &Script<'_>) -> bool {
    let sections = &page.outline.sections;
    page.acts_on(script.section, "production")
        || page
            .outline
            .chain(script.section)
            .filter(|at| sections[*at].kind != SectionKind::Document)
            .any(|at| words::RELEASE.any_in(&sections[at].title.to_lowercase()))
}

/// T406: a section about going back in which nothing can be done.
fn sections_without_command(page: &Page<'_>, flow: &Flow) -> Option<Finding> {
    if flow.deploys.is_empty() {
        return None;
    }
    let works = |lines: &std::ops::RangeInclusive<u32>| {
        flow.units_in(page, lines.clone()).any(|unit| matches!(unit.kind, UnitKind::Fence(_))) || {
            let next = page.outline.inline_commands.partition_point(|c| c.line < *lines.start());
            page.outline.inline_commands.get(next).is_some_and(|c| lines.contains(&c.line))
        }
    };
    let all: Vec<_> = flow.ways_back.iter().map(|at| flow.lines(page, *at)).collect();
    // One section may say when, another how: only when none of them acts is there no way back.
    if all.is_empty() || all.iter().any(&works) {
        return None;
    }
    let others = page.scripts.iter().any(|script| {
        script.commands().iter().any(|command| words::BACK.any_in(&command.text.to_lowercase()))
    });
    for (at, lines) in flow.ways_back.iter().zip(all) {
        let text = page.text_of(lines.clone());
        let linked = text.contains("](") || text.contains("http") || text.contains('`');
        let by_hand = flow.units_in(page, lines.clone()).any(|unit| match &unit.kind {
            UnitKind::Item(item) => !item.text.is_empty(),
            UnitKind::Point(point) => point.imperative || point.number.is_some(),
            _ => false,
        });
        if !linked && !by_hand && !others {
            let section = &page.outline.sections[*at];
            // What stands in place of the commands is shown with the heading.
            let said = flow.units_in(page, lines).last().map_or(section.line, |unit| unit.end_line);
            let width = page.markdown.lines.text_of(page.document, said).chars().count();
            return Some(Finding {
                code: "T406",
                severity: Severity::Warning,
                at: (section.line, 1),
                end: (said, u32::try_from(width).unwrap_or(0) + 1),
                message: format!(
                    "`{}` holds no command and no step: this is where one looks when it burns",
                    section.title
                ),
                help: "write the commands that take the release back, tried out once, or link the runbook that has them".to_owned(),
            });
        }
    }
    None
}

/// T404: the way back leads to another place than the way there.
fn other_place(page: &Page<'_>, flow: &Flow, found: &mut Vec<Finding>) {
    let live: Vec<&CommandUse> = flow
        .deploys
        .iter()
        .map(|(at, index, _)| (*at, *index))
        .chain(flow.restarts.iter().copied())
        .map(|(at, index)| &page.scripts[at].commands()[index])
        .collect();
    let there: BTreeSet<String> =
        live.iter().filter(|c| compose(c).is_some()).filter_map(|c| compose_files(c)).collect();
    let deployed: Vec<Vec<String>> =
        flow.deploys.iter().map(|(at, index, _)| deployed(&page.scripts[*at], *index)).collect();
    let generic = live.iter().zip(&deployed).any(|(c, names)| compose(c).is_none() && names.is_empty());
    let named: BTreeSet<String> = deployed.into_iter().flatten().collect();
    for script in page.scripts.iter().filter(|script| !script.inline) {
        if script.lane != Lane::Rollback && !flow.is_way_back(page, script.section) {
            continue;
        }
        let environments = &page.outline.sections[script.section].environments;
        let titles: String = page
            .outline
            .chain(script.section)
            .map(|at| page.outline.sections[at].title.to_lowercase())
            .collect();
        let to_staging = environments.iter().any(|name| name != "production")
            || environment_of(&titles) == Some("staging")
            || titles.contains("staging");
        if to_staging {
            continue;
        }
        let lead = script.lead.as_deref().unwrap_or_default();
        if environment_of(lead) == Some("staging") {
            continue;
        }
        for (at, command) in script.commands().iter().enumerate().filter(|(_, c)| c.place.link_is_plain()) {
            let in_turn = || turned_to_staging(script, at).filter(|_| !live.is_empty());
            if let Some(reason) = wrong_place(command, &there, &named, generic, &live).or_else(in_turn) {
                found.push(script.on(
                    "T404",
                    Severity::Warning,
                    command,
                    reason,
                    "go back with the same file, namespace and name that the deployment uses",
                ));
            }
        }
    }
}

/// T404 where nothing here deploys, such as releases by Git: the workload that is taken back has one
/// namespace in the whole document, and another one only in this command.
fn other_namespace(page: &Page<'_>, flow: &Flow, found: &mut Vec<Finding>) {
    if !flow.deploys.is_empty() {
        return;
    }
    let all: Vec<(&Script<'_>, &CommandUse, String, String)> = page
        .scripts
        .iter()
        .flat_map(|script| script.commands().iter().map(move |command| (script, command)))
        .filter_map(|(script, command)| {
            let namespace = namespace_of(command)?;
            Some((script, command, namespace, workloads(command).pop()?))
        })
        .collect();
    // How often each workload is named in each namespace: once through all commands, not once for each.
    let mut places: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (_, _, namespace, workload) in &all {
        *places.entry(workload).or_default().entry(namespace).or_default() += 1;
    }
    for (script, command, namespace, workload) in &all {
        let Some(places) = places.get(workload.as_str()).filter(|places| places.len() == 2) else { continue };
        let undoes = kinds::words(command).contains(&"undo") && !script.inline;
        let only_here = places.get(namespace.as_str()) == Some(&1);
        let other = places.keys().find(|place| **place != namespace);
        if let Some(other) = other.filter(|_| undoes && only_here) {
            found.push(script.on(
                "T404",
                Severity::Warning,
                command,
                format!(
                    "everywhere else `{workload}` is in the namespace `{other}`: what is broken there stays broken"
                ),
                "go back with the same file, namespace and name that the deployment uses",
            ));
        }
    }
}

/// The namespace that a kubectl command names.
fn namespace_of(command: &CommandUse) -> Option<String> {
    if !matches!(command.program.as_str(), "kubectl" | "oc") {
        return None;
    }
    let arguments = &command.arguments;
    let named = arguments.iter().enumerate().find_map(|(at, argument)| match argument.as_str() {
        "-n" | "--namespace" => arguments.get(at + 1).cloned(),
        other => other.strip_prefix("--namespace=").map(str::to_owned),
    })?;
    (!named.contains(['$', '<', '{', '['])).then_some(named)
}

/// Why a command of the way back acts somewhere else; `None` when it does not, or may not.
fn wrong_place(
    command: &CommandUse,
    there: &BTreeSet<String>,
    named: &BTreeSet<String>,
    generic: bool,
    live: &[&CommandUse],
) -> Option<String> {
    let names_place =
        environment_of(&command.text).is_some() && !kinds::only_reads(command) && command.program != "git";
    let acts = names_place
        || kinds::deploys(command).is_some()
        || matches!(compose(command), Some("up" | "down" | "stop" | "restart" | "pull"))
        || (command.program == "kubectl"
            && ["undo", "scale", "set", "delete"].iter().any(|verb| kinds::words(command).contains(verb)))
        || (command.program == "helm" && kinds::words(command).contains(&"rollback"))
        || matches!(command.program.as_str(), "psql" | "pg_restore" | "mysql");
    if !acts || only_looks(command) {
        return None;
    }
    if environment_of(&command.text) == Some("staging") && !live.is_empty() {
        return Some(format!("`{}` acts on staging: production stays as it is", short(&command.text)));
    }
    if compose(command).is_some() && !there.is_empty() && !command.text.contains('$') {
        let here = compose_files(command).unwrap_or_default();
        if !there.contains(&here) {
            let was = there
                .iter()
                .next()
                .map(String::as_str)
                .filter(|files| !files.is_empty())
                .unwrap_or("docker-compose.yml");
            let is = if here.is_empty() { "compose's default file" } else { &here };
            return Some(format!(
                "the release is deployed with `{was}`, and taken back with {is}: another project, other settings"
            ));
        }
    }
    let gone: Vec<String> = workloads(command).into_iter().filter(|name| !named.contains(name)).collect();
    (!generic && !named.is_empty() && compose(command).is_none()).then_some(())?;
    gone.first().map(|name| {
        format!(
            "`{name}` is taken back, and it is not what was deployed ({})",
            named.iter().cloned().collect::<Vec<_>>().join(", ")
        )
    })
}

/// `for host in staging-1 staging-2; do ssh "$host" …`: where the loop goes is told by its values.
fn turned_to_staging(script: &Script<'_>, at: usize) -> Option<String> {
    let command = &script.commands()[at];
    let around = script.survey.loops.iter().find(|around| around.commands.contains(&at))?;
    let name = around.variable.as_ref()?;
    let reads = [format!("${name}"), format!("${{{name}}}")].iter().any(|form| command.text.contains(form));
    let values = around.values.join(" ");
    (reads && !only_looks(command) && environment_of(&values) == Some("staging"))
        .then(|| format!("this goes over `{}`: production stays as it is", short(&values)))
}

fn only_looks(command: &CommandUse) -> bool {
    matches!(compose(command), Some("logs" | "ps")) || kinds::only_reads(command)
}

/// The files that `-f` names, in order; empty for the default ones. None when a variable names one.
fn compose_files(command: &CommandUse) -> Option<String> {
    let mut files = Vec::new();
    let mut arguments = command.arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-f" | "--file" => files.push(arguments.next()?.trim_start_matches("./").to_owned()),
            "up" | "down" | "pull" | "stop" | "restart" => break,
            other => {
                if let Some(file) = other.strip_prefix("--file=") {
                    files.push(file.to_owned());
                }
            }
        }
    }
    let files = files.join(" ");
    (!files.contains(['$', '<', '{'])).then_some(files)
}

/// The workloads of a command that deploys; in `for s in api web` those of each turn.
fn deployed(script: &Script<'_>, index: usize) -> Vec<String> {
    let command = &script.commands()[index];
    let own = workloads(command);
    let around = script.survey.loops.iter().find(|repeated| repeated.commands.contains(&index));
    let Some((repeated, name)) = around.and_then(|repeated| Some((repeated, repeated.variable.as_ref()?)))
    else {
        return own;
    };
    if !own.is_empty() || repeated.values.len() > MOST_TURNS {
        return own;
    }
    let of_turn = |value: &String| {
        let written = [format!("${{{name}}}"), format!("${name}")];
        let mut turn = command.clone();
        for argument in &mut turn.arguments {
            *argument = written.iter().fold(argument.clone(), |text, form| text.replace(form, value));
        }
        workloads(&turn)
    };
    let turns: Vec<Vec<String>> = repeated.values.iter().map(of_turn).collect();
    // When one of the turns is not known, none of the others says what is not deployed.
    if turns.iter().any(Vec::is_empty) { Vec::new() } else { turns.concat() }
}

/// More turns than that are no list of services.
const MOST_TURNS: usize = 100;

/// `deployment/api`, and the release of `helm upgrade api`.
fn workloads(command: &CommandUse) -> Vec<String> {
    let plain = |name: &str| !name.is_empty() && !name.contains(['$', '<', '{', '[', '*', '/']);
    let words = kinds::words(command);
    match command.program.as_str() {
        "kubectl" | "oc" => words
            .iter()
            .filter_map(|word| {
                let name = [
                    "deployment/",
                    "deploy/",
                    "deployments/",
                    "deployment.apps/",
                    "statefulset/",
                    "sts/",
                    "daemonset/",
                    "ds/",
                ]
                .iter()
                .find_map(|kind| word.strip_prefix(kind))?;
                plain(name).then(|| format!("deployment/{name}"))
            })
            .collect(),
        "helm" => {
            let at = words.iter().position(|word| matches!(*word, "upgrade" | "install" | "rollback"));
            at.and_then(|at| words.get(at + 1))
                .filter(|name| plain(name))
                .map(|name| format!("release {name}"))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

impl crate::shell::Place {
    /// Not a part of a function or of `$(…)`.
    fn link_is_plain(&self) -> bool {
        !self.function && !self.substituted
    }
}
