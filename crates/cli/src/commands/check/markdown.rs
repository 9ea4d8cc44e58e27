//! Findings as a Markdown page: the comment on a pull request.
//!
//! It repeats words of the document, so it must not do anything with them: no mention that wakes
//! somebody, no reference to an issue, no table that falls apart.

use std::fmt::Write as _;

use tminus_runbook::diagnostic::Severity;

use super::sheet::{Counts, Sheet};

/// A comment on GitHub holds 65,536 characters; what comes after this is counted, not shown.
const LIMIT_CHARACTERS: usize = 60_000;

/// Writes the page.
pub(super) fn page(sheets: &[Sheet]) -> String {
    let counts = Counts::of(sheets);
    let mut text = String::from("### tminus check: ");
    if counts.all() == 0 {
        let names: Vec<String> = sheets.iter().map(|sheet| code(&sheet.name)).collect();
        let _ = writeln!(text, "nothing found\n\n{}", names.join(", "));
        tell_silenced(&mut text, sheets);
        return text;
    }
    let _ = writeln!(text, "{}\n\n| | where | what |\n|---|---|---|", counts.sentence());
    // Entities are counted as characters, as the host counts them.
    let mut length = text.chars().count();
    let mut left_out = 0;
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        for sheet in sheets {
            for found in sheet.found.iter().filter(|found| found.severity == severity) {
                let mut row = format!(
                    "| {}&nbsp;{} | {} | {}",
                    found.severity.word(),
                    found.code,
                    code(&format!("{}:{}", sheet.name, found.line)),
                    inline(&found.message)
                );
                if let Some(help) = &found.help {
                    let _ = write!(row, "<br>**now:** {}", inline(help));
                }
                row.push_str(" |\n");
                length += row.chars().count();
                if length > LIMIT_CHARACTERS {
                    left_out += 1;
                } else {
                    text.push_str(&row);
                }
            }
        }
    }
    if left_out > 0 {
        let _ = writeln!(text, "\n{left_out} more are not shown here; `tminus check` shows them all.");
    }
    let fixes = sheets.iter().flat_map(|sheet| &sheet.found).filter(|found| found.fix.is_some()).count();
    if fixes > 0 {
        let _ = writeln!(text, "\nFor {fixes} of these a fix is known: `tminus check --fix` shows it.");
    }
    tell_silenced(&mut text, sheets);
    text.push_str("\n`tminus explain CODE` tells why a code hurts and how to mend it.\n");
    text
}

fn tell_silenced(text: &mut String, sheets: &[Sheet]) {
    if let Some(sentence) = Counts::silenced_sentence(sheets) {
        let _ = writeln!(text, "\n{sentence}.");
    }
}

/// Writes one of our messages: what stands between backticks is code, the rest is plain text.
fn inline(message: &str) -> String {
    let parts: Vec<&str> = message.split('`').collect();
    // With a backtick too many nobody knows where code begins.
    if parts.len().is_multiple_of(2) {
        return plain(message);
    }
    let shown = parts.iter().enumerate().map(|(at, part)| if at % 2 == 1 { code(part) } else { plain(part) });
    shown.collect()
}

/// Code as HTML: a code span could not hold backticks and bars of the document.
fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

/// Plain text. Hosts look for `@name` and `#12` in text nodes; a comment inside parts them.
fn plain(text: &str) -> String {
    let escaped = escaped(text);
    escaped.replace("&#64;", "&#64;<!-- -->").replace("&#35;", "&#35;<!-- -->")
}

/// Writes every character that Markdown or HTML might read as a character reference.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => shown.push(' '),
            c if c.is_control() => {}
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' => {
                let _ = write!(shown, "U+{:04X}", u32::from(c));
            }
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '~' | '[' | ']' | '\\' | '@' | '#' | '!' | '$' => {
                let _ = write!(shown, "&#{};", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use tminus_runbook::diagnostic::Diagnostic;

    fn sheet(messages: &[&str]) -> Sheet {
        let found = |message: &&str| Diagnostic::new("T201", Severity::Error, (3, 2), (3, 9), *message);
        Sheet {
            name: "a|b.md".into(),
            text: String::new(),
            found: messages.iter().map(found).collect(),
            silenced: Vec::new(),
        }
    }

    #[test]
    fn a_documents_words_stay_words() {
        let table = [
            ("`a | b` fails", "<code>a &#124; b</code> fails"),
            ("ask @ana about #12", "ask &#64;<!-- -->ana about &#35;<!-- -->12"),
            ("`@ana`", "<code>&#64;ana</code>"),
            ("one ` too many", "one &#96; too many"),
            ("<img src=x>\nnext", "&#60;img src=x&#62; next"),
            ("a\u{202e}b", "aU+202Eb"),
        ];
        for (message, expected) in table {
            assert_eq!(inline(message), expected, "{message}");
        }
        let page = page(&[sheet(&["a `b` c"])]);
        let row = page.lines().find(|line| line.contains("T201")).unwrap();
        assert_eq!(row, "| error&nbsp;T201 | <code>a&#124;b.md:3</code> | a <code>b</code> c |");
    }

    #[test]
    fn a_long_page_says_what_it_leaves_out() {
        let long = "word ".repeat(200);
        let page = page(&[sheet(&vec![long.as_str(); 100])]);
        assert!(page.chars().count() < 65_536 && page.contains("more are not shown here"), "{page}");
        assert!(page.starts_with("### tminus check: 100 errors, 0 warnings, 0 notes\n"), "{page}");
    }
}
