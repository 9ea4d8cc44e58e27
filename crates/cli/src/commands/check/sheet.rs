//! A file that was looked at, with what is wrong in it: what every output format is made of.

use tminus_runbook::check::Silenced;
use tminus_runbook::diagnostic::{Diagnostic, Severity};

/// A file and its findings.
#[derive(Debug)]
pub(crate) struct Sheet {
    /// The path as given on the command line.
    pub(crate) name: String,
    /// The text as read.
    pub(crate) text: String,
    /// What is wrong, in document order.
    pub(crate) found: Vec<Diagnostic>,
    /// What is silenced, with the reason.
    pub(crate) silenced: Vec<Silenced>,
}

/// How many findings of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Errors.
    pub(crate) errors: usize,
    /// Warnings.
    pub(crate) warnings: usize,
    /// Notes.
    pub(crate) notes: usize,
}

impl Counts {
    /// Counts the findings of all files.
    pub(crate) fn of(sheets: &[Sheet]) -> Counts {
        let mut counts = Counts::default();
        for found in sheets.iter().flat_map(|sheet| &sheet.found) {
            match found.severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
                Severity::Note => counts.notes += 1,
            }
        }
        counts
    }

    /// Counts what is accepted. It is not shown, but a silence must not be forgotten; `None` where
    /// there is none.
    pub(crate) fn silenced_sentence(sheets: &[Sheet]) -> Option<String> {
        match sheets.iter().map(|sheet| sheet.silenced.len()).sum() {
            0 => None,
            1 => Some("1 finding is silenced with a reason".to_owned()),
            count => Some(format!("{count} findings are silenced with a reason")),
        }
    }

    /// Counts them all.
    pub(crate) fn all(self) -> usize {
        self.errors + self.warnings + self.notes
    }

    /// Writes `2 errors, 1 warning, 0 notes`.
    pub(crate) fn sentence(self) -> String {
        let count =
            |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
        let Counts { errors, warnings, notes } = self;
        [count(errors, "error"), count(warnings, "warning"), count(notes, "note")].join(", ")
    }
}
