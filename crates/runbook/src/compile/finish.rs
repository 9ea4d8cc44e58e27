//! Puts the plan together from drafts, rules and settings.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};
use tminus_release::plan::{
    Action, Channel, DocumentRef, Environment, Mode, OnFailure, PLAN_FORMAT, Plan, Policy, Role, Work, hex,
};
use tminus_release::time::Span;

use super::OpenChoice;
use super::bind::BoundInput;
use super::drafts::Compiler;
use super::links::Names;
use super::rules::tighter;
use crate::diagnostic::{Diagnostic, Severity};
use crate::faults::nearest;
use crate::outline::{UnitKind, canonical_environment};

/// How long a rule may be without data before the release holds, when nobody says otherwise.
const NO_DATA: Span = Span::minutes(2);
/// The file that messages to `log` go to, when the settings do not name another.
const LOG_FILE: &str = "messages.log";

/// What is left of compiling.
pub(super) struct Finished {
    pub(super) plan: Option<Plan>,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) open_choices: Vec<OpenChoice>,
    pub(super) inputs: Vec<BoundInput>,
}

/// Resolves references, orders the steps, makes the rules and builds the plan.
pub(super) fn finish(mut compiler: Compiler<'_>) -> Finished {
    let names = Names::new(&compiler);
    compiler.link_restores();
    compiler.link(&names);
    compiler.connect(&names);
    compiler.guard_restores();
    if compiler.drafts.is_empty() && !compiler.faults.has_errors() {
        compiler
            .faults
            .add_at_line("T111", Severity::Error, 1, "nothing would run: the plan has no step in this lane")
            .help("add checklists or annotated blocks, or choose another lane or mode");
    }
    unique_ids(&mut compiler);
    unasked_inputs(&mut compiler);
    lost_environments(&mut compiler);
    let environments = environments(&compiler);
    let environment_names: Vec<String> =
        environments.iter().map(|environment| environment.name.clone()).collect();
    let rules = compiler.rules(&environment_names);
    let plan = (!compiler.faults.has_errors()).then(|| {
        let mut inputs = compiler.values.inputs.clone();
        inputs.extend(compiler.choice_inputs.clone());
        let request = compiler.request;
        Plan {
            format: format(&compiler),
            title: compiler.outline.title.clone(),
            document: DocumentRef {
                name: request.name.clone(),
                sha256: hex(&Sha256::digest(compiler.document.as_bytes())),
            },
            mode: request.mode,
            lane: request.lane,
            version: request.version.clone(),
            previous_version: request.previous_version.clone(),
            inputs,
            secrets: request.settings.secrets.clone(),
            databases: request.settings.databases.clone(),
            environments,
            roles: roles(&compiler),
            phases: compiler.phases.all.clone(),
            steps: compiler.drafts.iter().map(|draft| draft.step.clone()).collect(),
            rules: rules.rules,
            sources: rules.sources,
            channels: channels(&compiler),
            policy: policy(&compiler),
        }
    });
    Finished {
        plan,
        open_choices: compiler.open_choices,
        inputs: compiler.values.list(),
        diagnostics: compiler.faults.into_sorted(),
    }
}

/// The lowest format that says everything.
fn format(compiler: &Compiler<'_>) -> u32 {
    if compiler.drafts.iter().any(|draft| draft.step.on_demand && !draft.step.after.is_empty()) {
        PLAN_FORMAT
    } else if has_groups(compiler) {
        2
    } else {
        1
    }
}

fn has_groups(compiler: &Compiler<'_>) -> bool {
    let is_group = |work: &Work| matches!(work, Work::Act(Action::Shell(shell)) if shell.group.is_some());
    compiler.drafts.iter().any(|draft| is_group(&draft.step.work))
}

/// Two steps of one id would be one in the log.
fn unique_ids(compiler: &mut Compiler<'_>) {
    // Two blocks of one written id were reported when they were read.
    let written: BTreeSet<&str> = compiler
        .outline
        .units
        .iter()
        .filter_map(|unit| match &unit.kind {
            UnitKind::Fence(fence) => fence.id(),
            _ => None,
        })
        .collect();
    let mut seen = BTreeMap::new();
    for draft in compiler.drafts.iter().filter(|draft| !written.contains(draft.base.as_str())) {
        let id = draft.step.id.as_str();
        if let Some(first) = seen.insert(id.to_owned(), draft.step.line)
            && first != draft.step.line
        {
            let message = format!("the id `{id}` is already that of the step on line {first}");
            compiler.faults.add_at_line("T104", Severity::Error, draft.step.line, message);
        }
    }
}

/// A value that nothing asks for is a slip of its name.
fn unasked_inputs(compiler: &mut Compiler<'_>) {
    if !compiler.outline.front_matter.is_ours {
        return;
    }
    let known = compiler.values.list();
    let is_known = |name: &String| {
        matches!(name.as_str(), "VERSION" | "PREVIOUS_VERSION")
            || known.iter().any(|input| input.name == *name || input.written == *name)
    };
    let unknown: Vec<&String> = compiler.request.inputs.keys().filter(|name| !is_known(name)).collect();
    for name in unknown {
        let near = nearest(name, known.iter().map(|input| input.name.as_str()));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "declare it under `inputs` in the front matter, or leave it out".to_owned(),
        };
        let message = format!("nothing in the document asks for the input `{name}`");
        compiler.faults.add_at_line("T902", Severity::Warning, 1, message).help(help);
    }
}

/// Only a phase runs for several environments; below it the line would mean nothing.
fn lost_environments(compiler: &mut Compiler<'_>) {
    for (at, section) in compiler.outline.sections.iter().enumerate() {
        let is_inner = section.phase.is_some_and(|phase| phase != at);
        let own = compiler.outline.own_fact(at, &["environment", "environments"]);
        if let (true, 2.., Some(fact)) = (is_inner, section.environments.len(), own) {
            compiler
                .faults
                .add_at_line(
                    "T916",
                    Severity::Warning,
                    fact.line,
                    "only a phase runs for several environments, not a section inside one",
                )
                .help("move the line below the phase's heading, or make the section a phase");
        }
    }
}

fn environments(compiler: &Compiler<'_>) -> Vec<Environment> {
    let outline = compiler.outline;
    let settings = &compiler.request.settings;
    let mut names: Vec<String> =
        outline.front_matter.environments.iter().map(|name| canonical_environment(name)).collect();
    names.extend(settings.environments.iter().map(|environment| environment.name.clone()));
    names.extend(compiler.drafts.iter().filter_map(|draft| draft.step.environment.clone()));
    names.extend(compiler.phases.all.iter().filter_map(|phase| phase.environment.clone()));
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
        .into_iter()
        .map(|name| {
            let mut variables = compiler.variables(Some(&name));
            variables.remove("ENVIRONMENT");
            let own = settings.environments.iter().find(|environment| environment.name == name);
            let secrets = own.map(|environment| environment.secrets.clone()).unwrap_or_default();
            let databases = own.map(|environment| environment.databases.clone()).unwrap_or_default();
            Environment { name, variables, secrets, databases }
        })
        .collect()
}

fn roles(compiler: &Compiler<'_>) -> BTreeMap<Role, Vec<String>> {
    let settings = &compiler.request.settings.roles;
    let named = compiler.outline.front_matter.roles.iter().cloned();
    let of_steps =
        compiler.drafts.iter().flat_map(|draft| draft.step.roles.iter().map(|role| role.0.clone()));
    let all: BTreeSet<String> = named.chain(settings.keys().cloned()).chain(of_steps).collect();
    all.into_iter()
        .map(|role| (Role(role.clone()), settings.get(&role).cloned().unwrap_or_default()))
        .collect()
}

/// Channels that a step names; in assisted mode one that leads nowhere is written to the log file.
fn channels(compiler: &Compiler<'_>) -> BTreeMap<String, Channel> {
    let known = &compiler.request.settings.channels;
    let mut channels = known.clone();
    for draft in &compiler.drafts {
        let Work::Act(Action::Notify(notify)) = &draft.step.work else { continue };
        for name in &notify.to {
            if name == "log" || compiler.request.mode == Mode::Assisted {
                channels.entry(name.clone()).or_insert_with(|| Channel::File(LOG_FILE.to_owned()));
            }
        }
    }
    channels
}

fn policy(compiler: &Compiler<'_>) -> Policy {
    let settings = &compiler.request.settings.policy;
    let document = &compiler.outline.front_matter;
    Policy {
        on_failure: tighter(settings.on_failure, document.on_failure, OnFailure::Hold),
        on_breach: tighter(settings.on_breach, document.on_breach, OnFailure::Rollback),
        no_data: settings.no_data.unwrap_or(NO_DATA),
    }
}
