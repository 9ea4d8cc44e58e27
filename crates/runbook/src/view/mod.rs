//! The plan as JSON for people's tools. The shape is stable and described in `docs/plan-json.md`.
//!
//! It shows what was compiled and what the document says; it is never read back. Field names are
//! those of the glossary, and every text is as shown, encoding repaired; code is as it would run.

mod steps;

use serde_json::{Value, json};
use tminus_release::plan::{Comparison, Danger, Lane, Usage};

use crate::compile::Compiled;
use crate::outline::{
    FenceClass, FenceUnit, FoundThreshold, GroupKind, Outline, Remark, SectionKind, Unit, UnitKind,
};
use crate::rules::{Op, Value as Limit};
use crate::shell::Nature;

/// The version of the shape. Fields are only ever added.
pub const PLAN_JSON_VERSION: u32 = 1;

/// Writes a compiled document as one JSON object.
pub fn plan_json(compiled: &Compiled) -> Value {
    let outline = &compiled.outline;
    let mut object = json!({
        "version": PLAN_JSON_VERSION,
        "title": outline.title,
        "document": { "name": compiled.document.name, "sha256": compiled.document.sha256 },
        "digest": compiled.plan.as_ref().map(tminus_release::Plan::digest),
        "mode": compiled.mode,
        "lane": compiled.lane,
        "phases": phases(compiled),
        "non_phase_sections": outline.data_sections().map(|section| section.title.as_str()).collect::<Vec<_>>(),
        "steps": compiled.plan.as_ref().map(steps::steps).unwrap_or_default(),
        "rules": compiled.plan.as_ref().map(|plan| json!(plan.rules)).unwrap_or_else(|| json!([])),
    });
    let texts = [
        ("sections", sections(outline)),
        ("facts", facts(outline)),
        ("checklist_items", checklist_items(outline)),
        ("commands", commands(outline)),
        ("shell_fences", fences(outline, |fence| matches!(fence.class, FenceClass::Shell(_)))),
        (
            "text_fences",
            fences(outline, |fence| {
                matches!(fence.class, FenceClass::Text | FenceClass::Commands | FenceClass::Template)
            }),
        ),
        (
            "fences_total",
            json!(outline.units.iter().filter(|unit| matches!(unit.kind, UnitKind::Fence(_))).count()),
        ),
        ("inline_commands", inline_commands(outline)),
        ("owners", owners(outline)),
        ("roles", remarks(outline, &outline.roles)),
        ("durations", remarks(outline, &outline.durations)),
        (
            "thresholds",
            Value::Array(outline.thresholds.iter().map(|found| threshold(outline, found)).collect()),
        ),
        ("rollback_triggers_without_number", remarks(outline, &outline.triggers_without_number)),
        ("placeholders", remarks(outline, &outline.placeholders)),
        ("environments", environments(compiled)),
        ("dangerous_commands", dangers(outline, Danger::Dangerous)),
        ("confirm_commands", dangers(outline, Danger::Confirm)),
        ("never_terminating_or_interactive", remarks(outline, &outline.waits)),
        ("alternatives", alternatives(outline)),
        ("inputs", inputs(compiled)),
        ("open_choices", open_choices(compiled)),
        ("diagnostics", diagnostics(compiled)),
    ];
    if let Value::Object(map) = &mut object {
        map.extend(texts.map(|(name, value)| (name.to_owned(), value)));
    }
    object
}

fn phases(compiled: &Compiled) -> Value {
    let outline = &compiled.outline;
    let Some(plan) = &compiled.plan else {
        let all = outline.phases().map(|(at, section)| {
            let fact = |label| outline.own_fact(at, &[label]).map(|fact| fact.value.as_str());
            json!({
                "id": section.path, "title": section.title, "lane": section.lane, "environment": null,
                "owner": fact("owner"), "duration": fact("duration"), "timeline": fact("timeline"),
                "line": section.line, "steps": [],
            })
        });
        return Value::Array(all.collect());
    };
    let all = plan.phases.iter().enumerate().map(|(at, phase)| {
        let steps: Vec<&str> =
            plan.steps.iter().filter(|step| step.phase == at).map(|step| step.id.as_str()).collect();
        json!({
            "id": phase.id, "title": phase.title, "lane": phase.lane, "environment": phase.environment,
            "owner": phase.owner, "duration": phase.duration, "timeline": phase.timeline,
            "line": phase.line, "steps": steps,
        })
    });
    Value::Array(all.collect())
}

/// Headings inside phases and data sections, in document order.
fn sections(outline: &Outline) -> Value {
    let all = outline.sections.iter().enumerate().filter(|(at, _)| *at > 0).map(|(at, section)| {
        let kind = match section.kind {
            SectionKind::Document => "document",
            SectionKind::Phase => "phase",
            SectionKind::Data => "data",
            SectionKind::Inner => "inner",
        };
        json!({
            "title": section.title, "level": section.level, "line": section.line, "path": section.path, "kind": kind,
            "lane": section.lane, "phase": phase_of(outline, at), "environments": section.environments,
        })
    });
    Value::Array(all.collect())
}

fn facts(outline: &Outline) -> Value {
    let all = outline.facts.iter().map(|fact| {
        json!({
            "label": fact.label, "value": fact.value, "line": fact.line,
            "phase": phase_of(outline, fact.section), "section": outline.sections[fact.section].title,
        })
    });
    Value::Array(all.collect())
}

fn phase_of(outline: &Outline, section: usize) -> Option<&str> {
    outline.phase_title(section)
}

fn environment_of(outline: &Outline, section: usize) -> Option<&str> {
    match outline.sections[section].environments.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

fn remarks(outline: &Outline, remarks: &[Remark]) -> Value {
    let all = remarks.iter().map(|remark| {
        json!({ "text": remark.text, "line": remark.line, "phase": phase_of(outline, remark.section) })
    });
    Value::Array(all.collect())
}

fn checklist_items(outline: &Outline) -> Value {
    let all = outline.units.iter().filter_map(|unit| match &unit.kind {
        UnitKind::Item(item) => Some(json!({
            "text": item.text, "line": unit.line, "phase": phase_of(outline, unit.section),
            "section": outline.sections[unit.section].title, "ticked": item.ticked, "nested": item.depth > 0,
            "role": item.role, "auto": item.auto,
        })),
        _ => None,
    });
    Value::Array(all.collect())
}

fn fence_json(outline: &Outline, unit: &Unit, fence: &FenceUnit) -> Value {
    json!({
        "id": fence.id(), "line": unit.line, "end_line": unit.end_line, "phase": phase_of(outline, unit.section),
        "section": outline.sections[unit.section].title, "title": unit.title,
        "environment": environment_of(outline, unit.section), "language": fence.info.language, "text": fence.body,
        "nature": fence.survey.as_ref().map(|survey| nature(survey.nature)),
    })
}

/// Fences with at least one line that a shell would execute.
fn commands(outline: &Outline) -> Value {
    fences(outline, |fence| match (&fence.class, &fence.survey) {
        (FenceClass::Shell(_), Some(survey)) => matches!(survey.nature, Nature::Runnable | Nature::Listing),
        (FenceClass::Shell(_), None) => !fence.body.trim().is_empty(),
        _ => false,
    })
}

fn fences(outline: &Outline, wanted: impl Fn(&FenceUnit) -> bool) -> Value {
    let all = outline.units.iter().filter_map(|unit| match &unit.kind {
        UnitKind::Fence(fence) if wanted(fence) => Some(fence_json(outline, unit, fence)),
        _ => None,
    });
    Value::Array(all.collect())
}

fn nature(nature: Nature) -> &'static str {
    match nature {
        Nature::Runnable => "runnable",
        Nature::CommentsOnly => "comments_only",
        Nature::AssignmentsOnly => "assignments_only",
        Nature::MessageOnly => "message_only",
        Nature::Listing => "listing",
        Nature::Empty => "empty",
    }
}

fn inline_commands(outline: &Outline) -> Value {
    let all = outline.inline_commands.iter().map(|command| {
        json!({ "text": command.text, "line": command.line, "phase": phase_of(outline, command.section) })
    });
    Value::Array(all.collect())
}

fn owners(outline: &Outline) -> Value {
    let all = outline.owners.iter().map(|owner| {
        let section = (owner.section != 0).then(|| outline.sections[owner.section].title.as_str());
        let phase = if owner.section == 0 { None } else { phase_of(outline, owner.section) };
        json!({ "text": owner.text, "line": owner.line, "phase": phase, "section": section })
    });
    Value::Array(all.collect())
}

fn threshold(outline: &Outline, found: &FoundThreshold) -> Value {
    let threshold = &found.threshold;
    let op = match threshold.op {
        Op::Compare(Comparison::Equal) => "==",
        Op::Compare(comparison) => comparison.sign(),
        Op::Fails => "fail",
    };
    let value = match &threshold.value {
        None => Value::Null,
        Some(Limit::Number(number)) => json!(number),
        Some(Limit::Numbers(numbers)) => json!(numbers),
        Some(Limit::Text(text)) => json!(text),
    };
    let usage = match found.usage {
        Usage::Rollback => "rollback",
        Usage::Alert => "alert",
        Usage::Acceptance => "acceptance",
        Usage::Slo => "slo",
    };
    json!({
        "metric": threshold.metric, "key": threshold.key, "op": op, "value": value, "unit": threshold.unit,
        "for": threshold.duration.map(|span| span.to_string()), "where": usage, "line": found.line,
        "text": found.text, "phase": phase_of(outline, found.section), "inverted": threshold.inverted,
        "needs_baseline": threshold.needs_baseline,
    })
}

fn environments(compiled: &Compiled) -> Value {
    let all = compiled.outline.environments.iter().map(
        |environment| json!({ "name": environment.name, "url": environment.url, "line": environment.line }),
    );
    Value::Array(all.collect())
}

fn dangers(outline: &Outline, danger: Danger) -> Value {
    let all = outline.dangers.iter().filter(|found| found.danger == danger).map(|found| {
        json!({
            "text": found.text, "line": found.line, "reason": found.reason,
            "phase": phase_of(outline, found.section), "environment": environment_of(outline, found.section),
        })
    });
    Value::Array(all.collect())
}

fn alternatives(outline: &Outline) -> Value {
    let all = outline.groups.iter().map(|group| {
        let kind = match group.kind {
            GroupKind::Choice => "choice",
            GroupKind::Parts => "parts",
            GroupKind::InOneFence => "in_one_fence",
        };
        let options: Vec<&str> = group.ways.iter().map(|way| way.text.as_str()).collect();
        json!({
            "id": group.id, "kind": kind, "ask": group.ask, "options": options, "line": group.line,
            "phase": phase_of(outline, group.section),
        })
    });
    Value::Array(all.collect())
}

fn inputs(compiled: &Compiled) -> Value {
    let all = compiled.inputs.iter().map(|input| {
        json!({ "name": input.name, "written": input.written, "value": input.value, "accepts": input.accepts })
    });
    Value::Array(all.collect())
}

fn open_choices(compiled: &Compiled) -> Value {
    let all = compiled.open_choices.iter().map(|choice| {
        json!({ "id": choice.id, "ask": choice.ask, "options": choice.options, "line": choice.line })
    });
    Value::Array(all.collect())
}

fn diagnostics(compiled: &Compiled) -> Value {
    Value::Array(compiled.diagnostics.iter().map(|found| found.to_json(&compiled.document.name)).collect())
}

/// Returns the word for a lane as JSON and the command line have it.
pub fn lane_word(lane: Lane) -> &'static str {
    match lane {
        Lane::Main => "main",
        Lane::Rollback => "rollback",
        Lane::Hotfix => "hotfix",
        Lane::Incident => "incident",
    }
}
