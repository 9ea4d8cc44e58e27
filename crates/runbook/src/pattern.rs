//! Compiles the constant patterns of this room.
//!
//! Runbooks are matched by signs, digits and English words, which are ASCII. The Unicode tables
//! behind `\w`, `\d`, `\s` and `\b` cost most of the start-up time of `tminus check`, and a
//! Unicode `\b` keeps the fast matcher from texts with a single `→` in them.

use regex::Regex;

/// Compiles a constant pattern with `\w`, `\d`, `\s`, `\W` and `\b` read as ASCII.
///
/// Works in `(?x)` patterns and inside classes too. `\s` matches blank, tab and line ends.
pub(crate) fn compile(pattern: &str) -> Regex {
    let mut ascii = String::with_capacity(pattern.len() * 2);
    let mut rest = pattern;
    while let Some(at) = rest.find('\\') {
        ascii.push_str(&rest[..at]);
        let escape = rest.get(at..at + 2).unwrap_or(&rest[at..]);
        ascii.push_str(match escape {
            r"\d" => "[0-9]",
            r"\w" => "[0-9A-Za-z_]",
            r"\W" => r"[^0-9A-Za-z_]",
            r"\s" => r"[\x20\t\r\n]",
            r"\b" => r"(?-u:\b)",
            other => other,
        });
        rest = &rest[at + escape.len()..];
    }
    ascii.push_str(rest);
    Regex::new(&ascii).expect("constant patterns are valid; a test compiles each of them")
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn classes_are_ascii_everywhere() {
        for (pattern, text, expected) in [
            (r"\d+", "٣ 42", Some("42")),
            (r"\b\w+\b", "é→ab", Some("ab")),
            (r"[\d,]+\s?%", "1,5 %", Some("1,5 %")),
            (r"(?x) a \s [\s\w-]+ # note", "a  b-c", Some("a  b-c")),
            (r"\\d", "\\d", Some("\\d")),
            (r"[^\d\s]+", "1 ab", Some("ab")),
        ] {
            assert_eq!(compile(pattern).find(text).map(|found| found.as_str()), expected, "{pattern}");
        }
    }
}
