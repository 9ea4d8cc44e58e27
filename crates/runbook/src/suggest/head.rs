//! The lines around the blocks: front matter, and where a section acts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tminus_release::plan::{Comparison, Lane, Usage};

use crate::edit::Splice;
use crate::markdown::Markdown;
use crate::names;
use crate::outline::{FoundThreshold, Outline, UnitKind};
use crate::rules::{Op, Value};

use super::blocks::{Block, Class};

/// Writes down where a section acts, when only its heading says so, and the host that a block's
/// first line goes to: what decides where something runs must be read on the page, and a heading is
/// easily reworded by somebody who does not know what hangs on it.
pub(super) fn fact_lines(
    document: &str,
    outline: &Outline,
    markdown: &Markdown,
    blocks: &[Block],
    line_end: &str,
) -> Vec<Splice> {
    let mut environments: BTreeSet<usize> = BTreeSet::new();
    let mut hosts: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for block in blocks.iter().filter(|block| block.class != Some(Class::Example)) {
        let nearest = outline.chain(block.section).find(|at| !outline.sections[*at].environments.is_empty());
        environments.extend(nearest);
        let host = block.survey.as_ref().and_then(|survey| survey.ssh_host.as_ref());
        if let Some(host) = host.filter(|_| block.class != Some(Class::Manual)) {
            let named = hosts.entry(block.section).or_default();
            if !named.contains(&host.target.as_str()) {
                named.push(&host.target);
            }
        }
    }
    let mut splices = Vec::new();
    for at in environments.iter().chain(hosts.keys()).copied().collect::<BTreeSet<usize>>() {
        let section = &outline.sections[at];
        let heading = markdown.lines.text_of(document, section.line);
        // A title of two lines ends somewhere else than its first line does.
        if !heading.trim_start().starts_with('#') {
            continue;
        }
        let mut facts = Vec::new();
        if let [environment] = section.environments.as_slice()
            && environments.contains(&at)
            && outline.own_fact(at, &["Environment"]).is_none()
        {
            facts.push(format!("**Environment**: {environment}"));
        }
        if let Some(hosts) = hosts.get(&at).filter(|_| outline.fact(at, &["Hosts", "Host"]).is_none()) {
            facts.push(format!("**Hosts**: {}", hosts.join(", ")));
        }
        if facts.is_empty() {
            continue;
        }
        let next = markdown.lines.text_of(document, section.line + 1);
        let after = if next.trim().is_empty() { "" } else { line_end };
        let end = markdown.lines.start_of(section.line) + heading.len();
        let replacement = format!("{line_end}{line_end}{}{after}", facts.join(" · "));
        splices.push(Splice { start: end, end, replacement });
    }
    splices
}

/// Writes front matter for a document that has none. Front matter of another tool stays alone:
/// `runbook: 1` in it would make each of its keys a fault.
pub(super) fn front_matter(
    document: &str,
    outline: &Outline,
    markdown: &Markdown,
    blocks: &[Block],
    line_end: &str,
) -> Option<Splice> {
    if outline.front_matter.is_ours || markdown.front_matter.is_some() {
        return None;
    }
    let mut text = String::from("---\nrunbook: 1\n");
    let runs = blocks.iter().filter(|block| !matches!(block.class, Some(Class::Manual | Class::Example)));
    let inputs: BTreeSet<&String> = runs.flat_map(|block| &block.inputs).collect();
    if !inputs.is_empty() {
        text.push_str("inputs:\n");
        for name in inputs {
            let pattern = if name == "VERSION" { r"v?\d+\.\d+\.\d+" } else { names::SAFE_VALUE };
            let _ = writeln!(text, "  {name}: '{pattern}'");
        }
    }
    let mut environments: Vec<&str> = Vec::new();
    for section in
        outline.sections.iter().filter(|section| section.lane == Lane::Main && section.phase.is_some())
    {
        for name in &section.environments {
            if !environments.contains(&name.as_str()) {
                environments.push(name);
            }
        }
    }
    if !environments.is_empty() {
        let _ = writeln!(text, "environments: [{}]", environments.join(", "));
    }
    let roles: BTreeSet<String> = outline
        .units
        .iter()
        .filter_map(|unit| match &unit.kind {
            UnitKind::Item(item) => item.role.as_deref().map(names::role),
            _ => None,
        })
        .collect();
    if !roles.is_empty() {
        let _ = writeln!(text, "roles: [{}]", roles.into_iter().collect::<Vec<_>>().join(", "));
    }
    let limits: Vec<String> = limits(outline).iter().map(|found| limit(found)).collect();
    if !limits.is_empty() {
        let _ = writeln!(text, "slo: {{ {} }}", limits.join(", "));
    }
    text.push_str("---\n\n");
    let start = if document.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    Some(Splice { start, end: start, replacement: text.replace('\n', line_end) })
}

/// What a running service is measured by.
const MEASURED: [&str; 9] =
    ["error_rate", "p50", "p90", "p95", "p99", "latency", "response_time", "availability", "success_rate"];

/// Returns the limits that the document states in passing and that nothing would watch: the first of
/// each metric, unless the document has service-level rules for it already.
pub(super) fn limits(outline: &Outline) -> Vec<&FoundThreshold> {
    let mut known: BTreeSet<&str> = outline
        .thresholds
        .iter()
        .filter(|found| found.usage == Usage::Slo)
        .map(|found| found.threshold.key.as_str())
        .collect();
    let in_passing = outline.thresholds.iter().filter(|found| {
        let threshold = &found.threshold;
        let keeps = matches!(&threshold.op, Op::Compare(op) if is_kept(*op, &threshold.key));
        found.usage == Usage::Acceptance
            && !found.in_item
            && keeps
            && !(threshold.inverted || threshold.needs_baseline)
            && threshold.grade.is_none()
            && matches!(threshold.value, Some(Value::Number(_)))
            && matches!(threshold.unit.as_deref(), Some("%" | "ms" | "s"))
            && MEASURED.contains(&threshold.key.as_str())
    });
    in_passing.filter(|found| known.insert(&found.threshold.key)).collect()
}

/// A limit says what is kept: little of what is bad, much of what is good.
fn is_kept(op: Comparison, key: &str) -> bool {
    let more_is_better = matches!(key, "availability" | "success_rate");
    match op {
        Comparison::Less | Comparison::AtMost => !more_is_better,
        Comparison::Greater | Comparison::AtLeast => more_is_better,
        _ => false,
    }
}

fn limit(found: &FoundThreshold) -> String {
    let threshold = &found.threshold;
    let sign = match &threshold.op {
        Op::Compare(op) => op.sign(),
        Op::Fails => "",
    };
    let number = match &threshold.value {
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    format!("{}: {sign} {number}{}", threshold.key, threshold.unit.as_deref().unwrap_or_default())
}
