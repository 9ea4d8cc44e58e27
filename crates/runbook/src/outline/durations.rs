//! Spans, windows and cadences that the text names.

use super::Remark;
use super::build::Reader;

use crate::pattern::Pattern;

static SPANS: Pattern = Pattern::new(
    &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "day", "ly"],
    r"(?ix)
        \bT[-+]\s?\d+\s?(?:minutes?|mins?|hours?|hrs?|days?|weeks?|[mhdw])\b
        | (?:\b(?:first|last|next|within|minimum|at\ least|every|after|for|in|once\ stable\ for|instead\ of)\s+)?
          [<>≤≥~]?\s?\d+(?:\.\d+)?(?:\s?(?:-|–|to)\s?\d+)?\+?[\s-]?(?:business\s+|working\s+)?
          (?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|h)\b(?:\s+before\b|\s+after\b)?
        | \b\d{1,2}:\d{2}\s?(?:-|–|to)\s?\d{1,2}:\d{2}(?:\s?[A-Z]{3})?
        | \b\d{1,2}:\d{2}\s?(?:UTC|GMT|CET|EST|PST)\b
        | \b(?:first|second|third|last|every(?:\ other)?)\s+(?:mon|tues|wednes|thurs|fri|satur|sun)day\b
        | \b(?:bi-?weekly|weekly|monthly|quarterly|daily|nightly|next\ (?:business\ )?day)\b
        ",
);

/// A table's cell or a fact that is a span in words.
static WORDS: Pattern = Pattern::new(
    &["immediate", "variable", "as needed", "next"],
    r"(?i)^(?:immediate(?:ly)?\b.*|variable|as needed\b.*|next (?:business )?day)$",
);

static SLEEP: Pattern = Pattern::new(&["sleep"], r"\bsleep\s+\d+[smhd]?\b");

/// Notes the spans in running text.
pub(super) fn read(reader: &mut Reader<'_>, text: &str, line: u32) {
    // Every span has a digit or ends in `ly` or `day`: most lines are done here.
    if !text.bytes().any(|byte| byte.is_ascii_digit())
        && !text.contains("ly")
        && !text.contains("day")
        && !text.contains("ay")
    {
        return;
    }
    for found in SPANS.find_iter(text) {
        note(reader, found.as_str().trim().to_owned(), line);
    }
}

/// Notes a whole value as a span: `Duration: 10-15 minutes`, `Timeline: during the window`.
pub(super) fn whole(reader: &mut Reader<'_>, value: &str, line: u32) {
    note(reader, value.to_owned(), line);
}

/// Notes a cell of a column of times.
pub(super) fn cell(reader: &mut Reader<'_>, row: &str, value: &str, line: u32) {
    note(reader, format!("{row}: {value}"), line);
}

/// Notes a `Label: value` item whose value is a cadence: `Major: monthly (first Tuesday)`.
pub(super) fn cadence(reader: &mut Reader<'_>, label: &str, value: &str, line: u32) {
    if SPANS.is_match(value) || WORDS.is_match(value) {
        note(reader, format!("{label}: {value}"), line);
    }
}

/// Notes the fixed waits and the spans in comments of code.
pub(super) fn in_code(reader: &mut Reader<'_>, line_text: &str, line: u32) {
    for found in SLEEP.find_iter(line_text) {
        note(reader, found.as_str().to_owned(), line);
    }
    if line_text.trim_start().starts_with('#') {
        read(reader, line_text, line);
    }
}

fn note(reader: &mut Reader<'_>, text: String, line: u32) {
    let section = reader.section;
    let durations = &mut reader.outline.durations;
    if durations.last().is_none_or(|last| last.line != line || !last.text.contains(&text)) {
        durations.push(Remark { text, line, section });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_found_in_prose() {
        let table: [(&str, &[&str]); 9] = [
            ("Timeline T-2 days before release", &["T-2 days"]),
            ("respond within 15 minutes or 1 hour", &["within 15 minutes", "1 hour"]),
            ("takes 10-15 minutes, 24-48 hours for majors", &["10-15 minutes", "24-48 hours"]),
            ("Tuesdays 02:00-04:00 UTC", &["02:00-04:00 UTC"]),
            ("within 5 business days", &["within 5 business days"]),
            ("Monitor metrics for 12h, then expand", &["for 12h"]),
            ("Bi-weekly (every other Wednesday)", &["Bi-weekly", "every other Wednesday"]),
            ("version 1.2.3 and port 8080", &[]),
            ("p95 < 500ms", &[]),
        ];
        for (text, expected) in table {
            let found: Vec<&str> = SPANS.find_iter(text).map(|found| found.as_str().trim()).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
