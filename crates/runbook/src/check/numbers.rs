//! T5: numbers that contradict each other.

use std::collections::HashMap;

use crate::words::Words;

use tminus_release::plan::{Comparison, Usage};

use crate::diagnostic::Severity;
use crate::outline::FoundThreshold;
use crate::rules::{Op, Value};

use super::page::Page;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    alert_after_rollback(page);
    without_baseline(page);
    without_unit(page);
    two_values(page);
}

fn limit(found: &FoundThreshold) -> Option<(Comparison, f64, &str)> {
    match (found.threshold.op, &found.threshold.value) {
        (Op::Compare(op), Some(Value::Number(number))) => {
            Some((op, *number, found.threshold.unit.as_deref().unwrap_or_default()))
        }
        _ => None,
    }
}

/// T501: people are told only after the release has already gone back.
fn alert_after_rollback(page: &mut Page<'_>) {
    let thresholds = &page.outline.thresholds;
    let above = |found: &FoundThreshold| match limit(found) {
        Some((Comparison::Greater | Comparison::AtLeast, number, unit)) => Some((number, unit.to_owned())),
        _ => None,
    };
    let key = |found: &FoundThreshold, unit: &str| {
        let threshold = &found.threshold;
        (threshold.key.clone(), threshold.metric.to_lowercase(), unit.to_owned())
    };
    // The lowest limit for each metric and unit: the first that is reached takes the release back.
    let mut lowest: HashMap<(String, String, String), (f64, u32)> = HashMap::new();
    for back in thresholds.iter().filter(|t| t.usage == Usage::Rollback && !t.threshold.inverted) {
        let Some((number, unit)) = above(back) else { continue };
        let known = lowest.entry(key(back, &unit)).or_insert((number, back.line));
        if number < known.0 {
            *known = (number, back.line);
        }
    }
    let mut found = Vec::new();
    for alert in thresholds.iter().filter(|t| t.usage == Usage::Alert && t.threshold.grade.is_none()) {
        let Some((number, unit)) = above(alert).filter(|_| !lowest.is_empty()) else { continue };
        match lowest.get(&key(alert, &unit)) {
            Some((back, line)) if number > *back => {
                found.push((alert.line, *line, alert.threshold.metric.clone(), number, *back, unit));
            }
            _ => {}
        }
    }
    for (line, other, metric, tell, back, unit) in found {
        let message = format!(
            "the alert for {metric} comes at {tell} {unit}, but the release goes back at {back} {unit} (line {other}): it can never warn"
        );
        page.add_at_line("T501", Severity::Warning, line, message)
            .help("let the alert fire below the limit for rollback");
    }
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

/// T502: a time without a unit.
fn without_unit(page: &mut Page<'_>) {
    let bare: Vec<(u32, String, f64)> = page
        .outline
        .thresholds
        .iter()
        .filter(|t| {
            matches!(t.threshold.key.as_str(), "p50" | "p90" | "p95" | "p99" | "latency" | "response_time")
        })
        .filter(|t| {
            t.threshold.unit.as_deref().is_none_or(|unit| unit == "count") && !t.threshold.needs_baseline
        })
        .filter_map(|t| match (&t.threshold.op, &t.threshold.value) {
            (Op::Compare(_), Some(Value::Number(number))) => {
                Some((t.line, t.threshold.metric.clone(), *number))
            }
            _ => None,
        })
        .collect();
    for (line, metric, number) in bare {
        page.add_at_line(
            "T502",
            Severity::Warning,
            line,
            format!("`{metric}` {number} of what? Milliseconds or seconds decide whether anybody is called"),
        )
        .help("write the unit: `p95 latency > 500ms`");
    }
}

/// T501: one metric with two limits for one purpose.
fn two_values(page: &mut Page<'_>) {
    let thresholds = &page.outline.thresholds;
    let mut found: Vec<(u32, String, u32)> = Vec::new();
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
                && earlier.section != later.section
                && earlier.threshold.metric.eq_ignore_ascii_case(&later.threshold.metric)
                && earlier.threshold.duration == later.threshold.duration
                && matches!((limit(earlier), limit(later)), (Some((a, x, u)), Some((b, y, v))) if a == b && u == v && (x - y).abs() > f64::EPSILON)
                && page.outline.sections[earlier.section].environments == page.outline.sections[later.section].environments
        });
        if let Some(earlier) = other {
            found.push((later.line, later.threshold.metric.clone(), earlier.line));
        }
    }
    for (line, metric, other) in found {
        page.add_at_line("T501", Severity::Note, line, format!("line {other} has another limit for {metric} and the same purpose: people will act on one of the two"))
            .help("keep one, and refer to it; or say what the two are for");
    }
}
