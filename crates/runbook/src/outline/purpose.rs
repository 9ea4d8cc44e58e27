//! What a number is for: a trigger to go back, an alert, a condition to go on, a standing target.
//!
//! The nearest words decide: those of the line itself, then the line that introduces the list,
//! then the headings from the inside out.

use tminus_release::plan::{Comparison, Lane, Usage};

use super::build::Reader;
use super::{FoundThreshold, Remark, measures};
use crate::pattern::Pattern;
use crate::rules::{self, Context, Op, Threshold, Value};
use crate::shell::Survey;
use crate::words::Words;

/// What a section or line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reasons to go back.
    Rollback,
    /// Reasons not to go back: meanings are turned around.
    NoRollback,
    /// Reasons to tell somebody.
    Alert,
    /// Conditions to go on.
    Acceptance,
    /// Standing targets.
    Target,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Item,
    Point,
    Fact,
    Paragraph,
    /// A table's cell under a header that says "target" or the like.
    Cell,
}

static PURPOSES: [(Pattern, Purpose); 5] = [
    (
        Pattern::of_both(
            &["roll"],
            &["do not", "don", "never", "no need"],
            r"(?:do not|don[’']t|never|no need to) roll[\s-]?back",
        ),
        Purpose::NoRollback,
    ),
    (
        Pattern::of_both(
            &["roll", "revert", "abort", "halt"],
            &[
                "if",
                "when",
                "criteria",
                "trigger",
                "condition",
                "decision",
                "immediately",
                "threshold",
                "reasons",
            ],
            r"roll(?:ing)?[\s-]?back\b.*\b(?:if|when|criteria|triggers?|conditions?|decision|immediately|thresholds?)\b|when to (?:roll|revert|abort)|(?:triggers?|criteria|reasons|conditions) (?:for|to) (?:a )?roll|\b(?:abort|halt|revert) (?:if|when)\b",
        ),
        Purpose::Rollback,
    ),
    (Pattern::new(&["alert", "pag", "warn"], r"\balert|\bpag(?:e|ing)\b|\bwarn"), Purpose::Alert),
    (
        Pattern::new(
            &[
                "criteria",
                "must pass",
                "requisite",
                "verif",
                "validat",
                "check",
                "test",
                "flight",
                "go",
                "gate",
                "sign",
                "ci",
                "coverage",
                "smoke",
                "baseline",
                "approv",
                "readiness",
                "review",
            ],
            r"criteria|must pass|pre-?requisites?|verif|validat|check(?:list|s)?\b|\btest|pre-?flight|go/?no|\bgates?\b|sign-?off|\bci\b|coverage|smoke|baseline|approv|readiness|review",
        ),
        Purpose::Acceptance,
    ),
    (
        Pattern::new(
            &["sl", "service", "target", "objective", "monitor", "metrics", "kpi", "budget"],
            r"\bsl[oai]s?\b|service[\s-]level|\btargets?\b|objective|monitor|\bmetrics\b|\bkpis?\b|budget",
        ),
        Purpose::Target,
    ),
];

/// Words in the line itself that decide, whatever stands around it.
static OWN_ALERT: Pattern = Pattern::of_both(
    &["alert", "page", "warn", "notify", "tell", "call", "ping", "inform"],
    &["alert", ":", "→", "->", "=>", "when", "if", "on-call", "oncall"],
    r"(?i)^\W*alert|^\W*(?:warning|warn)\b[^:.;]*:|^\W*page\W*:|^\W*(?:page|warn|notify|call|tell|ping)\b[^.;:]*?\b(?:when|if)\b|(?:→|->|=>|:)\s*(?:(?:page|tell|call|ping|inform)\b|warn|alert|notify)|\bpage (?:the )?on-?call|\b(?:warning|critical) alert",
);

static OWN_ROLLBACK: Pattern = Pattern::of_both(
    &["roll", "go back", "revert", "halt", "abort", "stop the", "back to"],
    &["→", "->", "=>", ":", ",", "when", "if", "soon"],
    r"(?i)^\W*(?:auto(?:matic)?[\s-]?)?(?:roll[\s-]?back|rollback|abort|revert|halt)(?: threshold| limit| trigger| criterion)?\W*:|(?:→|->|=>|:|,)\s*\*{0,2}(?:we )?(?:roll(?:ing)?[\s-]?back|rollback|go back|revert|(?:halt|abort|stop) the (?:rollout|release|deploy|canary))\b|(?:^|[.;] )\W*(?:roll[\s-]?back|go back|revert|abort|halt|back to [a-z-]+)(?: at once| immediately)?\s+(?:when|if|as\s+soon\s+as)\b",
);

/// What a sentence wants of a number: "p95 latency should stay below 2 s".
static DEMANDS: Pattern = Pattern::of_both(
    &["should", "must", "has to", "have to", "needs to", "need to", "may not", "shall"],
    &["below", "under", "above", "over", "at least", "at most", "than", "exceed", ">", "<", "≥", "≤"],
    r"(?i)\b(?:should|must|ha(?:s|ve) to|needs? to|may not|shall)\b[^.;,]{0,40}?\b(?:below|under|above|over|at least|at most|less than|more than|exceed)\b|\b(?:should|must|shall|may not)\b[^.;,]{0,24}(?:>=|<=|≥|≤|[<>] ?\d)",
);

fn of(words: &str) -> Option<Purpose> {
    // "Page load" is what is measured, and pages nobody.
    let words = words.to_lowercase().replace("page load", "load");
    let words = super::tongues::purpose(&words).map_or(words, str::to_owned);
    PURPOSES.iter().find(|(pattern, _)| pattern.is_match(&words)).map(|(_, purpose)| *purpose)
}

/// Returns what the place being read is about, from the nearest words outward.
fn around(reader: &mut Reader<'_>) -> Option<Purpose> {
    // A list asks once for each of its items; the same words give the same answer.
    if let Some(lead) = &reader.lead {
        let known = reader.purposes.get(lead).copied();
        let purpose = known.unwrap_or_else(|| of(lead));
        if known.is_none() {
            reader.purposes.insert(lead.clone(), purpose);
        }
        if purpose.is_some() {
            return purpose;
        }
    }
    if let Some((_, purpose)) = reader.section_purpose.filter(|(section, _)| *section == reader.section) {
        return purpose;
    }
    let sections = &reader.outline.sections;
    let purpose = reader.outline.chain(reader.section).find_map(|at| of(&sections[at].title));
    reader.section_purpose = Some((reader.section, purpose));
    purpose
}

/// Finds the thresholds of a text and notes them with their use; returns how many there are.
pub(super) fn thresholds(
    reader: &mut Reader<'_>,
    text: &str,
    line: u32,
    metric: Option<&str>,
    place: Place,
) -> usize {
    // Most lines hold no limit, and what they are for need not be asked.
    if !rules::may_hold(text) || place == Place::Fact && is_about_time(text) {
        return 0;
    }
    let around = around(reader);
    let english = measures::in_english(text, place == Place::Cell);
    let label = text.split(':').next().unwrap_or("");
    let read = english.as_deref().unwrap_or(text);
    let has_both = tells(read) && goes_back(read);
    let by_words = || match text {
        _ if english.is_some() => abroad(text),
        _ if OWN_ALERT.is_match(text) => Some(Purpose::Alert),
        _ if OWN_ROLLBACK.is_match(text) => Some(Purpose::Rollback),
        _ => None,
    };
    let own = if place == Place::Fact { of(label).or_else(by_words) } else { by_words() };
    let purpose = own.or(around);
    // A sentence in passing is no rule: only where the place is about numbers.
    let is_rule = || {
        matches!(purpose, Some(Purpose::Rollback | Purpose::NoRollback | Purpose::Alert))
            || (has_both && CONDITIONS.any_in(text))
            || DEMANDS.is_match(text)
    };
    if place == Place::Paragraph && !is_rule() {
        return 0;
    }
    let context = Context {
        metric: metric.or(if text.trim_start().starts_with(['<', '>', '≥', '≤', '=']) {
            reader.lead.as_deref()
        } else {
            None
        }),
        inverted: purpose == Some(Purpose::NoRollback),
        target_cell: place == Place::Cell,
    };
    let found = rules::thresholds(read, &context);
    let count = found.len();
    for threshold in found.iter() {
        let own = if has_both { verb_of(read, threshold) } else { None };
        let usage = usage(reader, own.or(purpose), place, threshold);
        let mut threshold = threshold.clone();
        // `5%` in a column that says when something is done is where it begins, not what is aimed at.
        if place == Place::Cell && matches!(usage, Usage::Alert | Usage::Rollback) && is_bare(read) {
            threshold.op = match threshold.op {
                Op::Compare(Comparison::AtMost) => Op::Compare(Comparison::Greater),
                Op::Compare(Comparison::AtLeast) => Op::Compare(Comparison::Less),
                other => other,
            };
        }
        reader.outline.thresholds.push(FoundThreshold {
            threshold,
            usage,
            line,
            section: reader.section,
            text: text.to_owned(),
            in_item: place == Place::Item,
        });
    }
    count
}

/// What a line in another language says is done at its limit.
fn abroad(text: &str) -> Option<Purpose> {
    let lower = text.to_lowercase();
    match (measures::TELL.any_in(&lower), measures::BACK.any_in(&lower)) {
        (true, false) => Some(Purpose::Alert),
        (false, true) => Some(Purpose::Rollback),
        _ => None,
    }
}

static CONDITIONS: Words =
    Words::new(&["if ", "when ", "wenn ", " si ", "cuando ", "quando ", "如果", "たら"]);

fn is_bare(cell: &str) -> bool {
    cell.trim_start_matches(['*', ' ']).starts_with(|c: char| c.is_ascii_digit())
}

static TELL: Words = Words::new(&["alert", "page the", "page on", "warn", "notify"]);
static BACK: Words =
    Words::new(&["roll back", "rollback", "roll-back", "revert", "go back", "halt the", "abort the"]);

fn tells(text: &str) -> bool {
    TELL.any_in(text) || measures::TELL.any_in(text)
}

fn goes_back(text: &str) -> bool {
    BACK.any_in(text) || measures::BACK.any_in(text)
}

/// What is done at a limit, in a sentence that has one for telling people and one for going back: the
/// verb that an arrow behind it leads to, else the last one before it, else the first one behind.
fn verb_of(text: &str, threshold: &Threshold) -> Option<Purpose> {
    let lower = text.to_lowercase();
    let (before, after) = (lower.get(..threshold.start)?, lower.get(threshold.end..)?);
    // Another sentence says what is done at another limit.
    let begin = before.rfind(". ").map_or(0, |at| at + 2);
    let end = after.find(". ").unwrap_or(after.len());
    let (before, after) = (&before[begin..], &after[..end]);
    let both = [
        (&TELL, Purpose::Alert),
        (&measures::TELL, Purpose::Alert),
        (&BACK, Purpose::Rollback),
        (&measures::BACK, Purpose::Rollback),
    ];
    let last = both.iter().filter_map(|(words, purpose)| {
        words.iter().filter_map(|word| before.rfind(word)).max().map(|at| (at, *purpose))
    });
    let first = both.iter().filter_map(|(words, purpose)| {
        words.iter().filter_map(|word| after.find(word)).min().map(|at| (at, *purpose))
    });
    let first = first.min_by_key(|(at, _)| *at);
    let leads = ["→", "->", "=>", ":"].iter().any(|sign| after.trim_start().starts_with(sign));
    if leads { first } else { last.max_by_key(|(at, _)| *at).or(first) }.map(|(_, purpose)| purpose)
}

fn is_about_time(fact: &str) -> bool {
    let label = fact.split(':').next().unwrap_or("").to_ascii_lowercase();
    matches!(
        label.as_str(),
        "duration"
            | "timeline"
            | "wait time"
            | "version"
            | "last updated"
            | "when"
            | "rollback window"
            | "owner"
            | "environment"
            | "estimated time"
            | "tag format"
    )
}

fn usage(reader: &Reader<'_>, purpose: Option<Purpose>, place: Place, threshold: &Threshold) -> Usage {
    let is_upper = matches!(threshold.op, Op::Compare(Comparison::Greater | Comparison::AtLeast) | Op::Fails);
    match (purpose, place) {
        (Some(Purpose::Rollback), _) => Usage::Rollback,
        (Some(Purpose::NoRollback), _) => Usage::Slo,
        (Some(Purpose::Alert), _) => Usage::Alert,
        (_, Place::Item) => Usage::Acceptance,
        (Some(Purpose::Acceptance), _) => Usage::Acceptance,
        (Some(Purpose::Target), _) | (None, Place::Cell) => Usage::Slo,
        (None, _) if is_upper && is_about_rollback(reader) => Usage::Rollback,
        (None, _) if is_upper => Usage::Alert,
        (None, _) => Usage::Acceptance,
    }
}

/// Lanes are settled when the whole document is read; here the headings' own words decide.
fn is_about_rollback(reader: &Reader<'_>) -> bool {
    let sections = &reader.outline.sections;
    reader
        .outline
        .chain(reader.section)
        .any(|at| super::sections::lane(&sections[at].title) == Lane::Rollback)
}

/// Notes a reason to go back that holds no number.
pub(super) fn trigger(reader: &mut Reader<'_>, text: &str, line: u32) {
    if around(reader) != Some(Purpose::Rollback) {
        return;
    }
    let has_number = reader.outline.thresholds.last().is_some_and(|found| found.line == line);
    if !has_number {
        let section = reader.section;
        reader.outline.triggers_without_number.push(Remark { text: text.replace("**", ""), line, section });
    }
}

/// Flags by which a command is told what to accept, with the metric that they set.
const FLAGS: [(&str, &str, Comparison); 7] = [
    ("--audit-level", "audit level", Comparison::AtLeast),
    ("--max-warnings", "lint warnings", Comparison::AtMost),
    ("--cov-fail-under", "coverage", Comparison::AtLeast),
    ("--fail-under", "coverage", Comparison::AtLeast),
    ("--fail-under-lines", "coverage", Comparison::AtLeast),
    ("--min-coverage", "coverage", Comparison::AtLeast),
    ("--severity-threshold", "severity", Comparison::AtLeast),
];

/// Notes the limits that commands carry as flags: they are gates like any other.
pub(super) fn flags(reader: &mut Reader<'_>, survey: &Survey, body_line: u32) {
    for command in &survey.commands {
        for (at, argument) in command.arguments.iter().enumerate() {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument.as_str(), command.arguments.get(at + 1).map(String::as_str)),
            };
            let Some((_, metric, op)) = FLAGS.iter().find(|(flag, ..)| *flag == name) else { continue };
            let Some(value) = value else { continue };
            let number = value.parse::<f64>().ok();
            let threshold = Threshold {
                metric: (*metric).to_owned(),
                key: crate::names::slug(metric).replace('-', "_"),
                op: Op::Compare(*op),
                value: Some(number.map_or_else(|| Value::Text(value.to_owned()), Value::Number)),
                unit: (number.is_some() && *metric == "coverage").then(|| "%".to_owned()),
                duration: None,
                grade: None,
                needs_baseline: false,
                inverted: false,
                text: argument.clone(),
                start: 0,
                end: argument.len(),
            };
            reader.outline.thresholds.push(FoundThreshold {
                threshold,
                usage: Usage::Acceptance,
                line: body_line + command.line.saturating_sub(1),
                section: reader.section,
                text: command.text.clone(),
                in_item: false,
            });
        }
    }
}

/// Puts thresholds into document order; tables and flags were found out of it.
pub(super) fn settle(outline: &mut super::Outline) {
    outline.thresholds.sort_by_key(|found| found.line);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each limit of a sentence has its own use.
    #[test]
    fn a_sentence_may_say_what_is_done_at_each_of_two_limits() {
        use Usage::{Alert, Rollback};
        for (sentence, uses) in [
            ("Alert if error rate > 5%; roll back if error rate > 2%.", [Alert, Rollback]),
            ("Roll back if error rate > 5%, page the on-call if error rate > 2%.", [Rollback, Alert]),
            ("Error rate > 2% → alert, error rate > 5% → roll back", [Alert, Rollback]),
            ("Error rate > 5%: roll back; error rate > 2%: warn the team", [Rollback, Alert]),
        ] {
            let document = format!("# R\n\n## Alerts\n\n- {sentence}\n");
            let markdown = crate::markdown::parse(&document);
            let (outline, _) = super::super::read(&document, &markdown, "r.md");
            let found: Vec<Usage> = outline.thresholds.iter().map(|found| found.usage).collect();
            assert_eq!(found, uses, "{sentence}");
        }
    }

    #[test]
    fn words_say_what_a_section_is_about() {
        let table = [
            ("When to Rollback", Some(Purpose::Rollback)),
            ("Rollback immediately if", Some(Purpose::Rollback)),
            ("Initiate rollback immediately if", Some(Purpose::Rollback)),
            ("4.1 Rollback Decision Criteria", Some(Purpose::Rollback)),
            ("Do not roll back if", Some(Purpose::NoRollback)),
            ("Alert Thresholds", Some(Purpose::Alert)),
            ("Acceptance Criteria", Some(Purpose::Acceptance)),
            ("Performance Baseline Check", Some(Purpose::Acceptance)),
            ("Monitoring (First 24 Hours)", Some(Purpose::Target)),
            ("Key Metrics & SLOs", Some(Purpose::Target)),
            ("Rollback Procedures", None),
            ("Page load", None),
            ("Deployment Steps", None),
        ];
        for (words, expected) in table {
            assert_eq!(of(words), expected, "{words}");
        }
    }
}
