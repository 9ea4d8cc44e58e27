//! What is measured while a release is watched: rules, and where their numbers come from.

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// A threshold that can be evaluated: `metric op limit`, for a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Unique in the plan: `r1`, `r2`, …
    pub id: String,
    /// As written in the document.
    pub text: String,
    /// Normalised name, a key of [`Plan::sources`]: `error_rate`, `p95`.
    pub metric: String,
    /// How the measured value is compared with the limit.
    pub op: Comparison,
    /// The limit, in the unit below.
    pub limit: f64,
    /// `%`, `ms`, `s`, `count`, … ; sources give values in this unit.
    pub unit: Option<String>,
    /// The comparison must hold over this time. Zero: one sample is enough.
    pub duration: Span,
    /// What the comparison means.
    pub usage: Usage,
    /// Line in the document, from 1.
    pub line: u32,
}

impl Rule {
    /// Returns the environment that the rule is measured in, when it is one only: the part of the
    /// metric after `@`.
    pub fn scope(&self) -> Option<&str> {
        self.metric.split_once('@').map(|(_, scope)| scope)
    }

    /// Returns the metric's name without its scope, as a source gives it.
    pub fn measure(&self) -> &str {
        self.metric.split_once('@').map_or(self.metric.as_str(), |(name, _)| name)
    }
}

/// A comparison between a measured value and a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    /// Tells whether `value op limit` is true. NaN compares as false with everything.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Comparison::Less => value < limit,
            Comparison::AtMost => value <= limit,
            Comparison::Greater => value > limit,
            Comparison::AtLeast => value >= limit,
            Comparison::Equal => value == limit,
            Comparison::NotEqual => value != limit && !value.is_nan(),
        }
    }

    /// Returns the sign as people write it.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
        }
    }
}

/// What it means when a rule's comparison is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// True is bad: the release goes back.
    Rollback,
    /// True is bad: people are told, the release goes on.
    Alert,
    /// True is good, and needed to go on.
    Acceptance,
    /// True is good, all the time; false breaches.
    Slo,
}

/// Where a number comes from. Asking again changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An HTTP endpoint that answers JSON; `value` is a CEL expression over `body`.
    Http {
        /// Address.
        url: String,
        /// CEL expression that gives a number.
        value: String,
        /// Header names and values; `${secret:NAME}` is resolved at the last moment.
        headers: Vec<(String, String)>,
        /// Time between samples.
        every: Span,
    },
    /// Requests of tminus's own: gives `error_rate`, `p50`, `p95`, `p99`, `availability`.
    Probe {
        /// Address.
        url: String,
        /// Time between requests.
        every: Span,
        /// A request that takes longer is an error.
        timeout: Span,
        /// Samples are computed over this much of the past.
        window: Span,
    },
}
