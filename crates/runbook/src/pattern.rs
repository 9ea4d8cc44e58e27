//! Compiles the constant patterns of this room, and tells cheaply when one need not be tried.
//!
//! Runbooks are matched by signs, digits and English words, which are ASCII. The Unicode tables
//! behind `\w`, `\d`, `\s`, `\b` and `(?i)` cost most of the start-up time of `tminus check`, and
//! a Unicode `\b` keeps the fast matcher from texts with a single `→` in them. What a pattern
//! costs to compile is still more than most documents take to read: whoever holds one asks
//! [`Words`] first, so that a pattern no text could match is never compiled.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::{CaptureMatches, Captures, Match, Matches, Regex, Replacer};

/// A constant pattern, compiled when the first text comes that it may match.
pub(crate) struct Pattern {
    text: &'static str,
    /// What no match can be without; empty where nothing simple can be said.
    words: Words,
    regex: OnceLock<Regex>,
}

impl Pattern {
    /// Takes words in lower case of which every match holds one (in any case), and the pattern.
    pub(crate) const fn new(words: &'static [&'static str], text: &'static str) -> Pattern {
        Pattern { text, words: Words::new(words), regex: OnceLock::new() }
    }

    /// Returns the compiled pattern, unless no match can be in the text.
    fn regex_for(&self, text: &str) -> Option<&Regex> {
        (self.words.is_empty() || self.words.any_in(text))
            .then(|| self.regex.get_or_init(|| compile(self.text)))
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex_for(text).is_some_and(|regex| regex.is_match(text))
    }

    pub(crate) fn find<'t>(&self, text: &'t str) -> Option<Match<'t>> {
        self.regex_for(text)?.find(text)
    }

    pub(crate) fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex_for(text)?.captures(text)
    }

    pub(crate) fn captures_at<'t>(&self, text: &'t str, start: usize) -> Option<Captures<'t>> {
        self.regex_for(text)?.captures_at(text, start)
    }

    pub(crate) fn replace_all<'t>(&self, text: &'t str, by: impl Replacer) -> Cow<'t, str> {
        self.regex_for(text).map_or(Cow::Borrowed(text), |regex| regex.replace_all(text, by))
    }

    pub(crate) fn find_iter<'s, 't>(&'s self, text: &'t str) -> Flatten<Matches<'s, 't>> {
        self.regex_for(text).map(|regex| regex.find_iter(text)).into_iter().flatten()
    }

    pub(crate) fn captures_iter<'s, 't>(&'s self, text: &'t str) -> Flatten<CaptureMatches<'s, 't>> {
        self.regex_for(text).map(|regex| regex.captures_iter(text)).into_iter().flatten()
    }
}

type Flatten<I> = std::iter::Flatten<std::option::IntoIter<I>>;

/// Compiles a constant pattern with `\w`, `\d`, `\s`, `\W`, `\b` and the case of letters read as ASCII.
///
/// Works in `(?x)` patterns and inside classes too. `\s` matches blank, tab and line ends.
pub(crate) fn compile(pattern: &str) -> Regex {
    Regex::new(&ascii(pattern)).expect("constant patterns are valid; a test compiles each of them")
}

/// Writes a pattern so that it needs no Unicode table. Only what may match a character beyond
/// ASCII (`.`, `[^…]`, a class with a sign such as `→`) keeps Unicode, or it could match half of one.
fn ascii(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() * 2);
    out.push_str("(?-u)");
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\\' => {
                let escape = rest.get(..2).unwrap_or(rest);
                out.push_str(match escape {
                    r"\W" => r"(?u-i:[^0-9A-Za-z_])",
                    r"\S" => r"(?u-i:\S)",
                    other => of_escape(other),
                });
                escape.len()
            }
            '[' => {
                let end = class_end(rest);
                class(&rest[..end], &mut out);
                end
            }
            '.' => {
                out.push_str("(?u:.)");
                1
            }
            other => {
                out.push(other);
                other.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

/// What an escape stands for outside and inside of classes.
fn of_escape(escape: &str) -> &str {
    match escape {
        r"\d" => "[0-9]",
        r"\w" => "[0-9A-Za-z_]",
        r"\s" => r"[\x20\t\r\n]",
        other => other,
    }
}

/// Where the class that `rest` begins with ends. Classes inside classes are not used here.
fn class_end(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b']' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn class(written: &str, out: &mut String) {
    let inner = written.trim_start_matches('[');
    let negated = inner.starts_with('^');
    let keeps_unicode = negated || !written.is_ascii() || written.contains(r"\u{");
    // Letters of a class in `[^…]` are few and meant in both cases; without any, none are folded.
    let has_letters = || {
        let mut escaped = false;
        inner.chars().any(|c| {
            let plain = !escaped && c.is_ascii_alphabetic();
            escaped = c == '\\' && !escaped;
            plain
        })
    };
    if keeps_unicode {
        out.push_str(if has_letters() { "(?u:" } else { "(?u-i:" });
    }
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest.get(at..at + 2).unwrap_or(&rest[at..]);
        out.push_str(of_escape(escape));
        rest = &rest[at + escape.len()..];
    }
    out.push_str(rest);
    if keeps_unicode {
        out.push(')');
    }
}

/// Words of which at least one must be in a text, in any case, for a pattern to match it.
///
/// Costs about one comparison for each byte of the text, and nothing to make.
pub(crate) struct Words {
    words: &'static [&'static str],
    /// Which bytes a word begins with, in both cases.
    begins: [bool; 256],
    /// Which bytes come second in one; all, when a word has only one.
    follows: [bool; 256],
}

impl Words {
    /// Takes words in lower-case ASCII; none may be empty.
    pub(crate) const fn new(words: &'static [&'static str]) -> Words {
        let mut begins = [false; 256];
        let mut follows = [false; 256];
        let mut at = 0;
        while at < words.len() {
            let first = words[at].as_bytes()[0];
            begins[first as usize] = true;
            begins[first.to_ascii_uppercase() as usize] = true;
            if words[at].len() > 1 {
                let second = words[at].as_bytes()[1];
                follows[second as usize] = true;
                follows[second.to_ascii_uppercase() as usize] = true;
            } else {
                follows = [true; 256];
            }
            at += 1;
        }
        Words { words, begins, follows }
    }

    const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Tells whether one of the words is in the text.
    pub(crate) fn any_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        bytes.iter().enumerate().any(|(at, byte)| {
            self.begins[usize::from(*byte)]
                && bytes.get(at + 1).is_none_or(|next| self.follows[usize::from(*next)])
                && self.any_at(&bytes[at..])
        })
    }

    fn any_at(&self, rest: &[u8]) -> bool {
        self.words.iter().any(|word| {
            rest.get(..word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Words, compile};

    #[test]
    fn classes_are_ascii_everywhere() {
        for (pattern, text, expected) in [
            (r"\d+", "٣ 42", Some("42")),
            (r"\b\w+\b", "é→ab", Some("ab")),
            (r"[\d,]+\s?%", "1,5 %", Some("1,5 %")),
            (r"(?x) a \s [\s\w-]+ # note", "a  b-c", Some("a  b-c")),
            (r"\\d", "\\d", Some("\\d")),
            (r"[^\d\s]+", "1 ab", Some("ab")),
            (r"^\W*b.$", "→ b→", Some("→ b→")),
            (r"(?i)[≥x] k[^\]a]", "≥ K→", Some("≥ K→")),
            (r"(?i)task", "TAS\u{212a} TASK", Some("TASK")),
            (r"(?i)a → b", "A → B", Some("A → B")),
            (r"(?i)[^k]", "K", None),
            (r"a\.b", "a→b a.b", Some("a.b")),
        ] {
            assert_eq!(compile(pattern).find(text).map(|found| found.as_str()), expected, "{pattern}");
        }
    }

    /// Patterns are compiled when a text comes that they may match, which no other test may do.
    #[test]
    fn all_patterns_of_the_crate_compile() {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        let mut compiled = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.ends_with("pattern.rs") {
                    continue;
                }
                let code = std::fs::read_to_string(&path).unwrap();
                for call in ["Pattern::new(", " pattern(r", "shape("] {
                    for (at, _) in code.match_indices(call) {
                        // The pattern is the raw string of the call, with or without `#`.
                        let opens = [" r\"", "(r\"", " r#\"", "(r#\""];
                        let Some(open) = opens.iter().filter_map(|open| code[at..].find(open)).min() else {
                            continue;
                        };
                        let literal = &code[at + open + 2..];
                        let hashes = literal.bytes().take_while(|byte| *byte == b'#').count();
                        let body = &literal[hashes + 1..];
                        let end = body.find(&format!("\"{}", "#".repeat(hashes))).unwrap();
                        compile(&body[..end]);
                        compiled += 1;
                    }
                }
            }
        }
        assert!(compiled > 60, "{compiled} patterns were found");
    }

    #[test]
    fn words_are_found_in_any_case_and_place() {
        const WORDS: Words = Words::new(&["roll", "on-call", "%"]);
        for (text, expected) in [
            ("", false),
            ("ROLL", true),
            ("to ON-Call", true),
            ("on-cal", false),
            ("rol", false),
            ("é rRoll", true),
            ("5%", true),
        ] {
            assert_eq!(WORDS.any_in(text), expected, "{text}");
        }
    }
}
