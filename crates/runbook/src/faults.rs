//! Collects diagnostics with places given in bytes.
//!
//! Everything that reads a document reports here, so that one pass tells all faults at once.

use std::ops::Range;

use crate::data::Fault;
use crate::diagnostic::{Diagnostic, Fix, FixEffect, Severity};
use crate::lines::LineIndex;

/// Diagnostics of one document.
#[derive(Debug)]
pub struct Faults<'a> {
    document: &'a str,
    lines: &'a LineIndex,
    found: Vec<Diagnostic>,
}

/// A diagnostic that was just added, to be completed.
#[derive(Debug)]
pub struct Added<'a>(&'a mut Diagnostic);

impl Added<'_> {
    /// Adds what to do now.
    pub fn help(self, text: impl Into<String>) -> Self {
        self.0.help = Some(text.into());
        self
    }

    /// Adds a replacement that removes the fault.
    pub fn fix(self, fix: Fix) -> Self {
        self.0.fix = Some(fix);
        self
    }

    /// Adds a replacement that removes the fault, and after which a step does something else.
    pub fn fix_that_changes(self, fix: Fix) -> Self {
        self.0.fix = Some(fix);
        self.0.fix_effect = FixEffect::ChangesMeaning;
        self
    }
}

impl<'a> Faults<'a> {
    /// Starts an empty collection.
    pub fn new(document: &'a str, lines: &'a LineIndex) -> Self {
        Faults { document, lines, found: Vec::new() }
    }

    /// Returns the document that is read.
    pub fn document(&self) -> &'a str {
        self.document
    }

    /// Adds a fault at a range of bytes.
    pub fn add(
        &mut self,
        code: &'static str,
        severity: Severity,
        bytes: Range<usize>,
        message: impl Into<String>,
    ) -> Added<'_> {
        let at = self.lines.position(self.document, bytes.start);
        let end = self.lines.position(self.document, bytes.end.max(bytes.start));
        self.push(Diagnostic::new(code, severity, at, end, message))
    }

    /// Adds a fault of a small language; one that is probably a slip gets its fix.
    pub fn add_fault(&mut self, code: &'static str, fault: Fault) -> Added<'_> {
        let Range { start, end } = fault.bytes;
        let added = self.add(code, Severity::Error, start..end, fault.message);
        added.0.help = fault.help;
        added.0.fix = fault.near.map(|replacement| Fix { start, end, replacement });
        added
    }

    /// Adds a fault that is about a whole line, from 1.
    pub fn add_at_line(
        &mut self,
        code: &'static str,
        severity: Severity,
        line: u32,
        message: impl Into<String>,
    ) -> Added<'_> {
        let text = self.lines.text_of(self.document, line);
        let indent = text.chars().take_while(|c| c.is_whitespace()).count();
        let end = u32::try_from(text.chars().count() + 1).unwrap_or(u32::MAX);
        let column = u32::try_from(indent + 1).unwrap_or(1);
        self.push(Diagnostic::new(code, severity, (line, column), (line, end.max(column)), message))
    }

    fn push(&mut self, diagnostic: Diagnostic) -> Added<'_> {
        self.found.push(diagnostic);
        Added(self.found.last_mut().expect("one was just pushed"))
    }

    /// Returns the faults in document order.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|found| (found.line, found.column, found.code));
        self.found
    }

    /// Tells whether an error was found, so that no plan may come of it.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|found| found.severity == Severity::Error)
    }
}

/// Returns the known name that a wrong one was probably meant to be.
///
/// At most a third of the letters may differ, so that a suggestion is never absurd.
pub fn nearest<'n>(wrong: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let fold = |text: &str| text.to_lowercase().replace('_', "-");
    let wrong = fold(wrong);
    let limit = (wrong.chars().count() / 3).max(1);
    // Letters that are missing or too many are each one that differs: most names need no comparison.
    let may_be =
        |name: &&str| name.len().abs_diff(wrong.len()) <= limit || !(name.is_ascii() && wrong.is_ascii());
    known
        .into_iter()
        .filter(may_be)
        .map(|name| (distance(&wrong, &fold(name)), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Counts the letters to insert, remove, replace or swap (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    // Names are short; a longer text is no slip of one.
    const LONGEST: usize = 64;
    let left: Vec<char> = left.chars().take(LONGEST).collect();
    let right: Vec<char> = right.chars().take(LONGEST).collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let cost = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["timeout", "retry", "undo", "needs", "on_failure"];
        let table = [
            ("timout", Some("timeout")),
            ("tiemout", Some("timeout")),
            ("rety", Some("retry")),
            ("need", Some("needs")),
            ("on-failure", Some("on_failure")),
            ("x", None),
            ("elephant", None),
        ];
        for (wrong, expected) in table {
            assert_eq!(nearest(wrong, known), expected, "{wrong}");
        }
    }
}
