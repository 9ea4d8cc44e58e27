//! Faults of a document, each with a stable code, a place and a reason.
//!
//! A diagnostic is a value: the terminal, JSON and editors show the same one. It never decides
//! what happens next; only its severity says whether a release may start.

use std::ops::Range;

use serde::Serialize;
use serde_json::{Value, json};

use crate::lines::LineIndex;

/// One fault with its place in the document.
///
/// Lines and columns count from 1; columns count characters, not bytes. The end is exclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code such as `T201`; never used again for something else.
    pub code: &'static str,
    /// Whether a release can start.
    pub severity: Severity,
    /// Line of the first character, from 1.
    pub line: u32,
    /// Column of the first character, from 1, in characters.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column just after the last character.
    pub end_column: u32,
    /// What happens when the text is run as written, in one sentence.
    pub message: String,
    /// What to do now.
    pub help: Option<String>,
    /// A replacement of bytes that removes the fault, where one is known.
    pub fix: Option<Fix>,
    /// What the fix does besides that. Means nothing without a fix.
    pub fix_effect: FixEffect,
}

/// What a fix does besides removing the fault: who may apply it without a second look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FixEffect {
    /// The step does what its author meant all along.
    #[default]
    KeepsMeaning,
    /// The step does something else than before: only a person can tell whether that is wanted.
    ChangesMeaning,
}

/// How much a fault hurts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing is wrong yet.
    Note,
    /// Likely to hurt; a release can start.
    Warning,
    /// A release cannot start.
    Error,
}

impl Severity {
    /// Returns the word that people and JSON see.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A replacement of bytes in the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// First byte that is replaced.
    pub start: usize,
    /// One past the last byte that is replaced; equal to `start` for an insertion.
    pub end: usize,
    /// What stands there afterwards.
    pub replacement: String,
}

impl Diagnostic {
    /// Builds a fault that covers one whole line from a column to another.
    pub fn new(
        code: &'static str,
        severity: Severity,
        at: (u32, u32),
        end: (u32, u32),
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            line: at.0,
            column: at.1,
            end_line: end.0,
            end_column: end.1,
            message: message.into(),
            help: None,
            fix: None,
            fix_effect: FixEffect::KeepsMeaning,
        }
    }

    /// Adds what to do now.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a replacement that removes the fault.
    #[must_use]
    pub fn with_fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self.fix_effect = FixEffect::KeepsMeaning;
        self
    }

    /// Adds a replacement that removes the fault, and after which a step does something else.
    #[must_use]
    pub fn with_fix_that_changes(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self.fix_effect = FixEffect::ChangesMeaning;
        self
    }

    /// Returns the bytes of the document that the fault covers.
    pub fn bytes(&self, document: &str, lines: &LineIndex) -> Range<usize> {
        let start = lines.offset(document, self.line, self.column);
        start..lines.offset(document, self.end_line, self.end_column).max(start)
    }

    /// Writes the fault as one object of `findings` in `tminus check --format json`.
    pub fn to_json(&self, document: &str) -> Value {
        let fix = self.fix.as_ref().map(|fix| {
            let safe = self.fix_effect == FixEffect::KeepsMeaning;
            json!({ "start": fix.start, "end": fix.end, "replacement": fix.replacement, "safe": safe })
        });
        json!({
            "code": self.code,
            "severity": self.severity.word(),
            "document": document,
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
            "message": self.message,
            "help": self.help,
            "fix": fix,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_every_field_even_when_empty() {
        let plain = Diagnostic::new("T201", Severity::Error, (3, 1), (3, 9), "a check that cannot fail");
        let value = plain.to_json("a.md");
        for key in [
            "code",
            "severity",
            "document",
            "line",
            "column",
            "end_line",
            "end_column",
            "message",
            "help",
            "fix",
        ] {
            assert!(value.get(key).is_some(), "{key} is missing");
        }
        assert_eq!(value["severity"], "error");
        let fixed = plain.with_help("say so").with_fix(Fix { start: 1, end: 2, replacement: "x".into() });
        assert_eq!(fixed.to_json("a.md")["fix"]["replacement"], "x");
        assert_eq!(fixed.to_json("a.md")["fix"]["safe"], true);
        let fix = Fix { start: 1, end: 2, replacement: "x".into() };
        let changed = fixed.with_fix_that_changes(fix);
        assert_eq!(changed.to_json("a.md")["fix"]["safe"], false);
    }

    #[test]
    fn severities_sort_by_weight() {
        assert!(Severity::Error > Severity::Warning && Severity::Warning > Severity::Note);
    }
}
