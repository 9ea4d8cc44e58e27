//! What a step and a message get to know: variables, folder, facts.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::Carried;
use crate::gates;
use crate::partial;
use crate::plan::ReleaseId;
use crate::program::Track;
use crate::state::State;
use crate::time::Moment;

/// Variables, secret references and folder for an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Names and values. Values that stand for secrets are in `secrets` instead.
    pub variables: BTreeMap<String, String>,
    /// Names and references.
    pub secrets: BTreeMap<String, String>,
    /// Folder that an earlier step of the phase went to.
    pub folder: Option<String>,
    /// Variables that an earlier step of the phase removed.
    pub removed: Vec<String>,
}

/// Builds the context of a step: inputs, the environment's variables, outputs of earlier steps (the
/// last one's, and those of its own environment before those of another), what earlier steps of the
/// phase exported, and the names that are always there.
pub fn of_step(state: &State, release: &ReleaseId, index: usize) -> Context {
    let plan = &state.program.plan;
    let step = &plan.steps[index];
    let mut context =
        Context { variables: plan.inputs.clone(), secrets: plan.secrets.clone(), ..Context::default() };
    if let Some(environment) =
        plan.environments.iter().find(|one| Some(&one.name) == step.environment.as_ref())
    {
        context.variables.extend(environment.variables.clone());
        context.secrets.extend(environment.secrets.clone());
    }
    // A step that runs once for each environment says something of its own in each: what was said in
    // another does not hide what was said here.
    let mut said_here = BTreeSet::new();
    for &other in &state.contributors {
        let (other, earlier) = (&plan.steps[other], &state.steps[other]);
        let Some(result) = &earlier.forward.result else { continue };
        // What was told to people is no variable of a step.
        let told = |name: &str| name == gates::TOLD || name == gates::NOTHING_TO_UNDO;
        let is_here = other.environment.is_some() && other.environment == step.environment;
        let is_elsewhere = other.environment.is_some() && !is_here;
        for (name, value) in result.outputs.iter().filter(|(name, _)| !told(name)) {
            if is_elsewhere && said_here.contains(name) {
                continue;
            }
            if is_here {
                said_here.insert(name);
            }
            context.variables.insert(name.clone(), value.clone());
        }
        if other.phase == step.phase
            && let Some(carried) = &result.carried
        {
            carry(&mut context, carried);
        }
    }
    let always = [
        ("RELEASE_ID", Some(release.0.clone())),
        ("RUN_STAMP", Some(state.created_at.stamp())),
        ("VERSION", plan.version.clone()),
        ("PREVIOUS_VERSION", plan.previous_version.clone()),
        ("ENVIRONMENT", step.environment.clone()),
    ];
    for (name, value) in always {
        if let Some(value) = value {
            context.variables.insert(name.to_owned(), value);
        }
    }
    if state.program.track(index) == Track::Rollback {
        context.variables.extend(after_rollback(state));
    }
    context.secrets.retain(|name, _| !context.variables.contains_key(name));
    context
}

/// What was taken back and what stands, in the order of the way back: a check after a rollback of a part may look
/// at that alone.
fn after_rollback(state: &State) -> [(String, String); 2] {
    let (standing, kept, mut order) = (state.standing_effects(), state.kept(), state.undo_order());
    order.retain(|index| !kept.contains(index));
    let ids = |stands: bool| {
        let steps = order.iter().filter(|index| standing.contains(index) == stands);
        let ids: Vec<&str> = steps.map(|&index| state.program.plan.steps[index].id.as_str()).collect();
        ids.join(" ")
    };
    [("TAKEN_BACK".to_owned(), ids(false)), ("STANDING".to_owned(), ids(true))]
}

fn carry(context: &mut Context, carried: &Carried) {
    for (name, value) in &carried.set {
        match value.strip_prefix("secret:") {
            // The value itself is nowhere in the log: only which secret it was.
            Some(secret) => {
                if let Some(reference) = context.secrets.get(secret).cloned() {
                    context.secrets.insert(name.clone(), reference);
                }
            }
            None => {
                context.variables.insert(name.clone(), value.clone());
            }
        }
        context.removed.retain(|other| other != name);
    }
    for name in &carried.removed {
        context.variables.remove(name);
        context.removed.push(name.clone());
    }
    if let Some(folder) = &carried.folder {
        context.folder = Some(folder.clone());
    }
}

/// Facts for message templates: `release.id`, `release.outcome`, `release.elapsed`, `version`, …
pub fn facts(state: &State, release: &ReleaseId, index: usize, now: Moment) -> serde_json::Value {
    let plan = &state.program.plan;
    let step = &plan.steps[index];
    let environment =
        step.environment.clone().or_else(|| plan.environments.last().map(|last| last.name.clone()));
    let outcome = if state.rollback.is_some() {
        partial::outcome(state).words()
    } else if state.abort.is_some() {
        "aborted"
    } else if state.declined().is_some() {
        "declined"
    } else {
        "succeeded"
    };
    let reason = state.rollback.as_ref().map(|rollback| rollback.detail.clone());
    let reason = reason.or_else(|| state.abort.clone()).unwrap_or_default();
    let mut facts = serde_json::json!({
        "release": {
            "id": release.0,
            "title": plan.title,
            "outcome": outcome,
            "reason": reason,
            "elapsed": now.since(state.created_at).to_string(),
            "started_at": state.created_at.rfc3339(),
            "started_by": state.starter.name(),
            "head": state.head,
            "url": "",
        },
        "version": plan.version,
        "previous_version": plan.previous_version,
        "environment": environment,
        "VERSION": plan.version,
        "PREVIOUS_VERSION": plan.previous_version,
        "ENVIRONMENT": environment,
    });
    let rules = state.rules.iter().map(|((rule, _), seen)| {
        (rule.clone(), serde_json::json!({"value": seen.value, "detail": seen.detail}))
    });
    facts["rules"] = serde_json::Value::Object(rules.collect());
    for (name, value) in &plan.inputs {
        facts[name] = serde_json::Value::String(value.clone());
    }
    facts
}
