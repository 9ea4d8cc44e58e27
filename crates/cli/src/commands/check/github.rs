//! Findings as workflow commands, which GitHub shows beside the lines of a pull request.
//!
//! The form and its escapes are those of the toolkit's `command.ts`
//! (<https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>): a document's own
//! words must never become a command of their own.

use std::fmt::Write as _;

use tminus_runbook::diagnostic::{Diagnostic, Severity};

use super::sheet::{Counts, Sheet};

/// Writes one line for each finding, and the counts for those who read the log.
pub(super) fn annotations(sheets: &[Sheet]) -> String {
    let mut text = String::new();
    // GitHub shows the first ten of each kind: what hurts most comes first.
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        for sheet in sheets {
            for found in sheet.found.iter().filter(|found| found.severity == severity) {
                text.push_str(&annotation(&sheet.name, found));
                text.push('\n');
            }
        }
    }
    let counts = Counts::of(sheets);
    let sentence = if counts.all() == 0 { "nothing found".to_owned() } else { counts.sentence() };
    text.push_str(&sentence);
    if let Some(silenced) = Counts::silenced_sentence(sheets) {
        text.push_str("; ");
        text.push_str(&silenced);
    }
    text
}

fn annotation(document: &str, found: &Diagnostic) -> String {
    let command = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let file = document.strip_prefix("./").unwrap_or(document);
    let mut line =
        format!("::{command} file={},line={},endLine={}", property(file), found.line, found.end_line);
    // Columns are taken only where the whole finding is on one line.
    if found.line == found.end_line {
        let _ = write!(line, ",col={},endColumn={}", found.column, found.end_column);
    }
    let message = match &found.help {
        Some(help) => format!("{}\nnow: {help}", found.message),
        None => found.message.clone(),
    };
    let _ = write!(line, ",title={}::{}", property(&format!("tminus {}", found.code)), data(&message));
    line
}

/// Escapes what stands after `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes what stands between `=` and the next comma.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, found: Diagnostic, expected: &str) {
        assert_eq!(annotation(name, &found), expected);
    }

    #[test]
    fn a_document_cannot_write_commands_of_its_own() {
        let found = |message: &str| Diagnostic::new("T201", Severity::Error, (3, 2), (3, 9), message);
        check(
            "./docs/a,b:c.md",
            found("50 % of `x`\r\n::error::gotcha"),
            "::error file=docs/a%2Cb%3Ac.md,line=3,endLine=3,col=2,endColumn=9,title=tminus T201::50 %25 of `x`%0D%0A::error::gotcha",
        );
        check(
            "a.md",
            Diagnostic::new("T209", Severity::Note, (3, 2), (5, 1), "two ways").with_help("pick one"),
            "::notice file=a.md,line=3,endLine=5,title=tminus T209::two ways%0Anow: pick one",
        );
    }
}
