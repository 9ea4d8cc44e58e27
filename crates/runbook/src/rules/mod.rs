//! Thresholds and durations as people write them.
//!
//! Two readings: [`parse_rule`] is strict, for what a person wrote as a rule; [`thresholds`]
//! finds rules in prose and would rather miss one than invent one.

mod comparison;
mod duration;
mod metric;
mod patterns;
mod prose;
mod strict;

use std::sync::Arc;

use tminus_release::plan::Comparison;
use tminus_release::time::Span;

use crate::memory;

/// What surrounds a text that may hold thresholds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The metric when the text itself names none: the first cell of a table row, or the label
    /// before a list.
    pub metric: Option<&'a str>,
    /// True in a section that turns meanings around, such as "do not roll back if".
    pub inverted: bool,
    /// True where a bare number is a target (a table's Target column).
    pub target_cell: bool,
}

/// A threshold found in prose.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The metric as written: `p95 latency`.
    pub metric: String,
    /// Its normal name, used to find a source: `p95`, `error_rate`.
    pub key: String,
    /// The comparison.
    pub op: Op,
    /// What is compared with; none for `Service unavailable for > 5 minutes`.
    pub value: Option<Value>,
    /// `%`, `ms`, `s`, `count`, `% of pool`, `x baseline`, …
    pub unit: Option<String>,
    /// How long it must hold.
    pub duration: Option<Span>,
    /// A word in front of the number that grades it: `warning`, `critical`, `target`.
    pub grade: Option<String>,
    /// True when the limit is relative to a baseline that must be measured first.
    pub needs_baseline: bool,
    /// True where the section turns the meaning around.
    pub inverted: bool,
    /// The part of the text that was read.
    pub text: String,
    /// First byte of that part.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
}

/// How a measured value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A comparison with a number.
    Compare(Comparison),
    /// "fails", "unavailable": a state without a number.
    Fails,
}

/// What a metric is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One number, in the threshold's unit.
    Number(f64),
    /// Several in one, such as `45/40/45/45`.
    Numbers(Vec<f64>),
    /// A word: `satisfied`, `high`.
    Text(String),
}

/// A rule of front matter or of a control step.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedRule {
    /// The metric as written.
    pub metric: String,
    /// Its normal name.
    pub key: String,
    /// The comparison.
    pub op: Comparison,
    /// The limit in the unit below.
    pub limit: f64,
    /// `%`, `ms`, …
    pub unit: Option<String>,
    /// How long it must hold; zero when one sample is enough.
    pub duration: Span,
}

/// Why a rule cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There is no comparison sign.
    #[error("no comparison in `{0}`: write it like `error_rate < 1%`")]
    NoComparison(String),
    /// Nothing stands in front of the comparison sign.
    #[error("no metric in front of `{0}`: write it like `error_rate < 1%`")]
    NoMetric(String),
    /// No number follows the comparison sign.
    #[error("no number behind the comparison in `{0}`: write it like `error_rate < 1%`")]
    NoNumber(String),
    /// Something follows that is neither a unit nor `for` and a duration.
    #[error("`{0}` is left over: after the number come a unit and perhaps `for 2m`")]
    LeftOver(String),
    /// What follows `for` is not a duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
}

/// Why a duration cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// There is nothing that can be read as a duration.
    #[error("`{0}` is not a duration: write it like `90s`, `15m`, `4h` or `1h 30m`")]
    Unreadable(String),
    /// A number without a unit.
    #[error("`{0}` has no unit: write it like `90s`, `15m`, `4h` or `1h 30m`")]
    NoUnit(String),
    /// More than a thousand years.
    #[error("`{0}` is longer than any release")]
    TooLong(String),
}

/// Finds the thresholds in a bullet, a checklist item, a table cell or a sentence, in order.
///
/// The text should have its encoding repaired. Offsets are bytes of `text`.
pub fn thresholds(text: &str, context: &Context<'_>) -> Arc<Vec<Threshold>> {
    memory::thresholds(text, context, || prose::thresholds(text, context))
}

/// Tells at the cost of one look whether a text may hold a threshold.
pub(crate) fn may_hold(text: &str) -> bool {
    prose::may_hold(text)
}

/// Tells whether more of a metric is better: `availability`, `success rate`.
pub(crate) fn more_is_better(metric: &str) -> bool {
    metric::more_is_better(metric)
}

/// Reads one rule strictly: `metric op number unit [for duration]`.
///
/// The unit is normalised (`seconds` to `s`) and `None` where none is written.
pub fn parse_rule(text: &str) -> Result<ParsedRule, RuleError> {
    strict::parse_rule(text)
}

/// Reads a duration as people write it: `4h`, `90s`, `1 h 30 min`, `2+ minutes`, `T-2 days`.
///
/// Of a range (`10-15 minutes`) the longer end counts, so that nothing is cut short.
pub fn parse_duration(text: &str) -> Result<Span, DurationError> {
    duration::parse(text)
}

/// Returns the normal name of a metric: `P95 latency (API)` is `p95`, `Error rate` is `error_rate`.
pub fn metric_key(metric: &str) -> String {
    metric::key(metric)
}
