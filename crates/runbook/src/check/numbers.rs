//! T5: numbers that contradict each other.

use std::collections::{BTreeSet, HashMap};

use crate::words::Words;

use tminus_release::plan::{Comparison, Usage};

use crate::diagnostic::Severity;
use crate::outline::FoundThreshold;
use crate::rules::{Op, Value};

use super::page::Page;
use super::{changes, limits, rows};

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    let told = alert_after_rollback(page);
    without_baseline(page);
    without_unit(page);
    changes::check(page);
    two_values(page);
    limits::check(page, &told);
}

/// A limit in a unit in which it can be compared with others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Limit {
    pub(super) op: Comparison,
    pub(super) number: f64,
    pub(super) unit: String,
}

pub(super) fn limit(found: &FoundThreshold) -> Option<Limit> {
    let (Op::Compare(op), Some(Value::Number(number))) = (found.threshold.op, &found.threshold.value) else {
        return None;
    };
    let unit = found.threshold.unit.as_deref().unwrap_or_default();
    let (factor, unit) = match unit {
        "s" => (1000.0, "ms"),
        "min" => (60_000.0, "ms"),
        // `error rate > 0.02` is two per cent.
        "" | "count" if *number <= 1.0 && is_share(&found.threshold.key) => (100.0, "%"),
        other => (1.0, other),
    };
    Some(Limit { op, number: number * factor, unit: unit.to_owned() })
}

fn is_share(key: &str) -> bool {
    matches!(key, "error_rate" | "success_rate" | "availability")
        || key.ends_with("_rate")
        || key.ends_with("_ratio")
}

/// The number and its unit as they were read.
pub(super) fn shown(found: &FoundThreshold) -> String {
    let Some(Value::Number(number)) = &found.threshold.value else { return String::new() };
    match found.threshold.unit.as_deref() {
        Some("count") | None => number.to_string(),
        Some("%") => format!("{number}%"),
        Some(unit) => format!("{number} {unit}"),
    }
}

/// Where a limit begins to hold, for a metric that hurts when it rises or when it falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Hurts {
    Above,
    Below,
}

/// Tells on which side a limit hurts. `error rate < 1%` among reasons to go back is what is wished for,
/// and no limit below which anything is done.
fn hurts(found: &FoundThreshold, limit: &Limit) -> Option<Hurts> {
    let less_is_better = [
        "error", "latency", "cpu", "memory", "disk", "lag", "restart", "failure", "response", "p9", "queue",
        "5xx", "time",
    ];
    let metric = found.threshold.metric.to_lowercase();
    match limit.op {
        Comparison::Greater | Comparison::AtLeast => Some(Hurts::Above),
        Comparison::Less if crate::rules::more_is_better(&metric) => Some(Hurts::Below),
        Comparison::Less if !less_is_better.iter().any(|word| metric.contains(word)) => Some(Hurts::Below),
        _ => None,
    }
}

/// T501: people are told only after the release has already gone back.
fn alert_after_rollback(page: &mut Page<'_>) -> BTreeSet<u32> {
    let thresholds = &page.outline.thresholds;
    let key = |found: &FoundThreshold, limit: &Limit| {
        let threshold = &found.threshold;
        let side = hurts(found, limit)?;
        Some((threshold.key.clone(), metric_of(found), limit.unit.clone(), side))
    };
    // The limits for each metric and unit: the first that is reached takes the release back.
    let mut backs: HashMap<_, Vec<(&FoundThreshold, f64)>> = HashMap::new();
    for back in thresholds.iter().filter(|t| t.usage == Usage::Rollback && !t.threshold.inverted) {
        let Some(limit) = limit(back) else { continue };
        let Some(key) = key(back, &limit) else { continue };
        let known = backs.entry(key).or_default();
        // More of them than a team has are a list of something else.
        if known.len() < 16 {
            known.push((back, limit.number));
        }
    }
    if backs.is_empty() {
        return BTreeSet::new();
    }
    let mut found = Vec::new();
    for alert in thresholds.iter().filter(|t| t.usage == Usage::Alert && t.threshold.grade.is_none()) {
        let Some(limit) = limit(alert) else { continue };
        let Some(key) = key(alert, &limit) else { continue };
        let side = key.3;
        let known = backs.get(&key).map_or(&[][..], Vec::as_slice);
        // A row, or a sentence, that has both is about one thing; another row may be about another service.
        let beside = known.iter().any(|(back, _)| back.line == alert.line);
        let earlier =
            known.iter().filter(|(back, _)| !beside || back.line == alert.line).find(|(back, number)| {
                let comes_first = match side {
                    Hurts::Above => *number < limit.number,
                    Hurts::Below => *number > limit.number,
                };
                // A limit that has to hold for longer may well come after a higher one.
                comes_first
                    && back.threshold.duration.unwrap_or_default()
                        <= alert.threshold.duration.unwrap_or_default()
            });
        if let Some((back, _)) = earlier {
            found.push((alert.line, back.line, name_of(alert), shown(alert), shown(back), side));
        }
    }
    let told = found.iter().map(|found| found.0).collect();
    for (line, other, metric, tell, back, side) in found {
        let message = format!(
            "the alert for {metric} comes at {tell}, but the release goes back at {back} (line {other}): it can never warn"
        );
        let help = match side {
            Hurts::Above => "let the alert fire below the limit for rollback",
            Hurts::Below => "let the alert fire above the limit for rollback",
        };
        page.add_at_line("T501", Severity::Warning, line, message).help(help);
    }
    told
}

/// The metric's name as it was written; of a sentence in another language, what is measured.
fn name_of(found: &FoundThreshold) -> String {
    let known = metric_of(found);
    if known == found.threshold.metric.to_lowercase() { found.threshold.metric.clone() } else { known }
}

/// The metric's name for comparing; of a sentence in another language, only what is measured.
fn metric_of(found: &FoundThreshold) -> String {
    let metric = found.threshold.metric.to_lowercase();
    let known = found.threshold.key.replace('_', " ");
    if !found.text.is_ascii() && metric.ends_with(&known) { known } else { metric }
}

/// T502: a change against nothing.
fn without_baseline(page: &mut Page<'_>) {
    let relative: Vec<(u32, String)> = page
        .outline
        .thresholds
        .iter()
        .filter(|t| t.threshold.needs_baseline)
        .map(|t| (t.line, t.threshold.metric.clone()))
        .collect();
    if relative.is_empty() || Words::new(&["baseline"]).any_in(page.document) {
        return;
    }
    for (line, metric) in relative {
        page.add_at_line("T502", Severity::Note, line, format!("`{metric}` is a change, and nothing says against what: the week before, the old version, the last hour?"))
            .help("name the metric and its baseline: `p95 latency > 1.5x baseline`");
    }
}

/// T502: a time, a share or a size without a unit.
fn without_unit(page: &mut Page<'_>) {
    let mut found = Vec::new();
    for t in &page.outline.thresholds {
        let is_bare = t.threshold.unit.as_deref().is_none_or(|unit| unit == "count");
        let (Op::Compare(_), Some(Value::Number(number))) = (&t.threshold.op, &t.threshold.value) else {
            continue;
        };
        // `p95 > 1.5× baseline` is a share of what was there before.
        if !is_bare || t.threshold.needs_baseline || t.text.contains('×') {
            continue;
        }
        let metric = &t.threshold.metric;
        let (question, help) = match missing(&t.threshold.key, metric, *number) {
            Some(Unit::Time) => (
                "Milliseconds or seconds decide whether anybody is called",
                "write the unit: `p95 latency > 500ms`",
            ),
            Some(_) if has_unit_nearby(page, t) => continue,
            Some(Unit::Share) => (
                "Percent, or so many a minute, decide whether anybody is called",
                "write the unit: `error rate > 2%`",
            ),
            Some(Unit::Size) => {
                ("Percent or gigabytes decide whether anybody is called", "write the unit: `memory > 80%`")
            }
            None => continue,
        };
        found.push((t.line, format!("`{metric}` {number} of what? {question}"), help));
    }
    let mut slow = Vec::new();
    rows::without_unit(page, &mut slow);
    found.extend(
        slow.into_iter()
            .map(|(line, message)| (line, message, "name the metric and its unit: `p95 over 300 ms`")),
    );
    for (line, message, help) in found {
        page.add_at_line("T502", Severity::Warning, line, message).help(help);
    }
}

/// What a number is counted in, where it says nothing by itself.
enum Unit {
    Time,
    Share,
    Size,
}

fn missing(key: &str, metric: &str, number: f64) -> Option<Unit> {
    let lower = metric.to_lowercase();
    let last = lower.split_whitespace().next_back().unwrap_or_default();
    match key {
        "p50" | "p90" | "p95" | "p99" | "latency" | "response_time" => Some(Unit::Time),
        // A share of one is a number like any other: `error rate > 0.02`.
        _ if number <= 1.0 => None,
        "error_rate" | "success_rate" | "availability" if !lower.contains("5xx") => Some(Unit::Share),
        "memory" | "disk" => Some(Unit::Size),
        _ if matches!(last, "rate" | "ratio") && !lower.contains("heart") => Some(Unit::Share),
        _ if matches!(last, "heap" | "ram") => Some(Unit::Size),
        _ => None,
    }
}

/// The line, or the header over a row, says it in another place: `error rate (%)`, `rate > 2 per minute`.
fn has_unit_nearby(page: &Page<'_>, found: &FoundThreshold) -> bool {
    let says = |text: &str| {
        let lower = text.to_lowercase();
        [
            "%",
            "％",
            "percent",
            "prozent",
            "pourcent",
            "por ciento",
            "por cento",
            "/s",
            "/min",
            "/h",
            " per ",
            "rps",
            "unit",
            "einheit",
            "unité",
            "unidad",
            "单位",
            "単位",
            "pro ",
            " par ",
            "gb",
            "mb",
            "gib",
            "mib",
        ]
        .iter()
        .any(|unit| lower.contains(unit))
    };
    let text_of = |line: u32| page.markdown.lines.text_of(page.document, line);
    let line = text_of(found.line);
    if says(line) {
        return true;
    }
    let is_row = |text: &str| text.trim_start().starts_with('|');
    let above = (found.line.saturating_sub(60)..found.line).rev().map(text_of);
    is_row(line) && above.take_while(|text| is_row(text)).last().is_some_and(says)
}

/// T501: one metric with two limits for one purpose.
fn two_values(page: &mut Page<'_>) {
    let thresholds = &page.outline.thresholds;
    let mut found: Vec<(u32, String, u32, Severity)> = Vec::new();
    for (at, later) in thresholds.iter().enumerate() {
        let plain = |t: &FoundThreshold| {
            t.threshold.grade.is_none() && !t.threshold.inverted && !t.threshold.needs_baseline
        };
        if !matches!(later.usage, Usage::Rollback | Usage::Alert)
            || !plain(later)
            || found.last().is_some_and(|f| f.0 == later.line)
        {
            continue;
        }
        let other = thresholds[..at].iter().rev().take(64).find(|earlier| {
            earlier.usage == later.usage
                && plain(earlier)
                && (earlier.section != later.section || is_same_line_again(page, earlier, later) || limits::are_about_one(page, earlier, later))
                && (earlier.threshold.metric.eq_ignore_ascii_case(&later.threshold.metric) || limits::are_about_one(page, earlier, later))
                && earlier.threshold.duration == later.threshold.duration
                && matches!((limit(earlier), limit(later)), (Some(a), Some(b)) if a.op == b.op && a.unit == b.unit && (a.number - b.number).abs() > f64::EPSILON)
                && page.outline.sections[earlier.section].environments == page.outline.sections[later.section].environments
        });
        if let Some(earlier) = other {
            let severity = if earlier.section == later.section { Severity::Warning } else { Severity::Note };
            found.push((later.line, later.threshold.metric.clone(), earlier.line, severity));
        }
    }
    for (line, metric, other, severity) in found {
        page.add_at_line("T501", severity, line, format!("line {other} has another limit for {metric} and the same purpose: people will act on one of the two"))
            .help("keep one, and refer to it; or say what the two are for");
    }
}

/// Two lines below each other that differ in nothing but the number: they are for one thing, for a
/// second level, another service or another place would have its word. Rows of a table have theirs
/// in another column.
fn is_same_line_again(page: &Page<'_>, earlier: &FoundThreshold, later: &FoundThreshold) -> bool {
    if later.line != earlier.line + 1 {
        return false;
    }
    let around = |found: &FoundThreshold| {
        let line = page.markdown.lines.text_of(page.document, found.line);
        let Some(Value::Number(number)) = found.threshold.value else { return None };
        let (before, behind) = found.text.split_at(found.text.rfind(&number.to_string())?);
        let behind = behind.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','));
        let unit = behind.trim_start();
        let behind = ["ms", "s", "%"].iter().find_map(|known| {
            unit.strip_prefix(known).filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
        });
        let is_row = line.trim_start().starts_with('|');
        let indent = line.len() - line.trim_start().len();
        (!is_row).then(|| (indent, format!("{before}#{}", behind.unwrap_or(unit)).to_lowercase()))
    };
    matches!((around(earlier), around(later)), (Some(a), Some(b)) if a == b)
}
