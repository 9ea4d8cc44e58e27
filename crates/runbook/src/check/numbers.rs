//! T5: numbers and dates that contradict each other.

use std::collections::HashMap;

use crate::lines::floor_boundary;
use crate::pattern::{Pattern, Words};
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
    weekdays(page);
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

/// A date with its weekday, in the four orders that people write them.
static DATED: [Pattern; 4] = [
    Pattern::new(
        &["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        r"(?i)\b(?P<day>Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,?\s+(?P<y>20\d\d)-(?P<m>\d\d)-(?P<d>\d\d)\b",
    ),
    Pattern::new(
        &["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        r"(?i)\b(?P<y>20\d\d)-(?P<m>\d\d)-(?P<d>\d\d)\s*[,(]\s*(?P<day>Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?\b",
    ),
    Pattern::new(
        &["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        r"(?i)\b(?P<day>Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,?\s+(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>20\d\d)\b",
    ),
    Pattern::new(
        &["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        r"(?i)\b(?P<day>Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?\.?\s+(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?,?\s+(?P<y>20\d\d)\b",
    ),
];

const WEEKDAYS: Words = Words::new(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);

/// A weekday and its date stand this near to each other, however they are written.
const NEAR_BYTES: usize = 64;

/// Returns the parts of a text that hold a year of this century with a weekday near it: whole
/// documents are searched, and most hold neither.
fn dated(document: &str) -> Vec<std::ops::Range<usize>> {
    let mut parts: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, _) in document.match_indices("20") {
        let is_year =
            document.as_bytes().get(at + 2..at + 4).is_some_and(|two| two.iter().all(u8::is_ascii_digit));
        if !is_year {
            continue;
        }
        let start = floor_boundary(document, at.saturating_sub(NEAR_BYTES));
        let end = floor_boundary(document, at + NEAR_BYTES);
        match parts.last_mut() {
            Some(last) if last.end >= start => last.end = end,
            _ => parts.push(start..end),
        }
    }
    parts.retain(|part| WEEKDAYS.any_in(&document[part.clone()]));
    parts
}

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// T503: a weekday that is not the date's.
fn weekdays(page: &mut Page<'_>) {
    let mut found = Vec::new();
    for (part, pattern) in
        dated(page.document).iter().flat_map(|part| DATED.iter().map(move |one| (part, one)))
    {
        for captures in pattern.captures_iter(&page.document[part.clone()]) {
            let number = |name: &str| captures.name(name).and_then(|n| n.as_str().parse::<u32>().ok());
            let month = number("m").or_else(|| captures.name("month").and_then(|name| month(name.as_str())));
            let (Some(year), Some(month), Some(day)) = (number("y"), month, number("d")) else { continue };
            let Some(right) = weekday(year, month, day) else { continue };
            let named = captures["day"].to_lowercase();
            if let (Some(whole), false) =
                (captures.get(0), DAYS[right].to_lowercase().starts_with(&named[..3]))
            {
                found.push((
                    part.start + whole.start()..part.start + whole.end(),
                    format!("{year}-{month:02}-{day:02} is a {}, not what stands here", DAYS[right]),
                ));
            }
        }
    }
    for (range, message) in found {
        page.add("T503", Severity::Warning, range, message)
            .help("people come on the weekday or on the date: make them agree");
    }
}

fn month(name: &str) -> Option<u32> {
    let names = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    names
        .iter()
        .position(|known| name.to_lowercase().starts_with(known))
        .and_then(|at| u32::try_from(at + 1).ok())
}

/// Day of the week, Sunday 0, by Sakamoto's method; `None` for a date that is none.
fn weekday(year: u32, month: u32, day: u32) -> Option<usize> {
    const OFFSETS: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let at = usize::try_from(month.checked_sub(1)?).ok().filter(|at| *at < 12)?;
    if day == 0 || day > LENGTHS[at] {
        return None;
    }
    let year = if month < 3 { year - 1 } else { year };
    usize::try_from((year + year / 4 - year / 100 + year / 400 + OFFSETS[at] + day) % 7).ok()
}
