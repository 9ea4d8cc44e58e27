//! Compiles the constant patterns of this room, and tells cheaply when one need not be tried.
//!
//! Runbooks are matched by signs, digits and English words, which are ASCII. The Unicode tables
//! behind `\w`, `\d`, `\s`, `\b` and `(?i)` cost most of the start-up time of `tminus check`, and
//! a Unicode `\b` keeps the fast matcher from texts with a single `→` in them. What a pattern
//! costs to compile is still more than most documents take to read: whoever holds one asks
//! [`Words`] first, so that a pattern no text could match is never compiled; and of a pattern that
//! is only asked for yes or no, no more is made than that answer takes.

use std::borrow::Cow;
use std::ops::{Index, Range};
use std::sync::OnceLock;

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::captures;
use regex_automata::util::pool::Pool;
use regex_automata::{Input, Span};

use crate::words::Words;

/// A constant pattern, compiled when the first text comes that it may match.
pub(crate) struct Pattern {
    text: &'static str,
    /// What the pattern is put together by, where it is not as it is written.
    make: Option<fn(&str) -> String>,
    /// What no match can be without: one of each.
    words: [Words; 2],
    /// Finds where a match is.
    finder: OnceLock<Regex>,
    /// Tells that there is one, which takes half as much to compile.
    teller: OnceLock<Teller>,
}

impl Pattern {
    /// Takes words in lower case of which every match holds one (in any case; none where nothing
    /// simple can be said), and the pattern.
    pub(crate) const fn new(words: &'static [&'static str], text: &'static str) -> Pattern {
        Pattern::of([words, &[]], text, None)
    }

    /// As [`Pattern::new`], where every match holds one word of each list.
    pub(crate) const fn of_both(
        words: &'static [&'static str],
        others: &'static [&'static str],
        text: &'static str,
    ) -> Pattern {
        Pattern::of([words, others], text, None)
    }

    /// As [`Pattern::new`], with what puts the pattern together when it is needed.
    pub(crate) const fn made(
        words: &'static [&'static str],
        text: &'static str,
        make: fn(&str) -> String,
    ) -> Pattern {
        Pattern::of([words, &[]], text, Some(make))
    }

    const fn of(
        words: [&'static [&'static str]; 2],
        text: &'static str,
        make: Option<fn(&str) -> String>,
    ) -> Pattern {
        Pattern {
            text,
            make,
            words: [Words::new(words[0]), Words::new(words[1])],
            finder: OnceLock::new(),
            teller: OnceLock::new(),
        }
    }

    /// Tells cheaply whether a match may be in the text.
    fn may_match(&self, text: &str) -> bool {
        self.words.iter().all(|words| words.is_empty() || words.any_in(text))
    }

    /// Returns the compiled pattern, unless no match can be in the text.
    fn finder_for(&self, text: &str) -> Option<&Regex> {
        self.may_match(text).then(|| self.finder.get_or_init(|| compile(&self.written())))
    }

    fn written(&self) -> Cow<'static, str> {
        self.make.map_or(Cow::Borrowed(self.text), |make| Cow::Owned(make(self.text)))
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.may_match(text) && self.teller.get_or_init(|| Teller::new(&self.written())).tells(text)
    }

    pub(crate) fn find<'t>(&self, text: &'t str) -> Option<Match<'t>> {
        let found = self.finder_for(text)?.find(text)?;
        Some(Match { text, span: found.span() })
    }

    pub(crate) fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.captures_at(text, 0)
    }

    /// As [`Pattern::captures`], with a match that begins at a byte or after it.
    pub(crate) fn captures_at<'t>(&self, text: &'t str, start: usize) -> Option<Captures<'t>> {
        let regex = self.finder_for(text)?;
        let mut groups = regex.create_captures();
        regex.search_captures(&Input::new(text).range(start..), &mut groups);
        groups.is_match().then_some(Captures { text, groups })
    }

    /// Replaces each match by what is returned for it.
    pub(crate) fn replace_all<'t>(
        &self,
        text: &'t str,
        mut by: impl FnMut(&Captures<'_>) -> String,
    ) -> Cow<'t, str> {
        let mut out = String::new();
        let mut at = 0;
        for found in self.captures_iter(text) {
            let Some(whole) = found.get(0) else { continue };
            out.push_str(&text[at..whole.start()]);
            out.push_str(&by(&found));
            at = whole.end();
        }
        if at == 0 && out.is_empty() {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[at..]);
        Cow::Owned(out)
    }

    pub(crate) fn find_iter<'t>(&self, text: &'t str) -> impl Iterator<Item = Match<'t>> {
        let found = self.finder_for(text).map(|regex| regex.find_iter(text));
        found.into_iter().flatten().map(move |found| Match { text, span: found.span() })
    }

    pub(crate) fn captures_iter<'t>(&self, text: &'t str) -> impl Iterator<Item = Captures<'t>> {
        let found = self.finder_for(text).map(|regex| regex.captures_iter(text));
        found.into_iter().flatten().map(move |groups| Captures { text, groups })
    }
}

/// A place of a text that a pattern, or a group of it, matches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match<'t> {
    text: &'t str,
    span: Span,
}

impl<'t> Match<'t> {
    pub(crate) fn as_str(&self) -> &'t str {
        &self.text[self.range()]
    }

    pub(crate) const fn start(&self) -> usize {
        self.span.start
    }

    pub(crate) const fn end(&self) -> usize {
        self.span.end
    }

    pub(crate) const fn range(&self) -> Range<usize> {
        self.span.start..self.span.end
    }
}

/// A match with its groups, of which the first is the match itself.
#[derive(Debug)]
pub(crate) struct Captures<'t> {
    text: &'t str,
    groups: captures::Captures,
}

impl<'t> Captures<'t> {
    pub(crate) fn get(&self, group: usize) -> Option<Match<'t>> {
        self.groups.get_group(group).map(|span| Match { text: self.text, span })
    }

    pub(crate) fn name(&self, group: &str) -> Option<Match<'t>> {
        self.groups.get_group_by_name(group).map(|span| Match { text: self.text, span })
    }
}

impl Index<usize> for Captures<'_> {
    type Output = str;

    fn index(&self, group: usize) -> &str {
        self.get(group).expect("a group that takes part in every match").as_str()
    }
}

impl Index<&str> for Captures<'_> {
    type Output = str;

    fn index(&self, group: &str) -> &str {
        self.name(group).expect("a group that takes part in every match").as_str()
    }
}

/// An automaton that reads a text once, up to the end of the first match.
struct Teller {
    automaton: DFA,
    caches: Pool<Cache, Box<dyn Fn() -> Cache + Send + Sync>>,
}

impl Teller {
    fn new(pattern: &str) -> Teller {
        let nfa = thompson::Config::new().which_captures(WhichCaptures::None);
        let automaton = DFA::builder().thompson(nfa).build(&ascii(pattern)).expect(VALID);
        let for_caches = automaton.clone();
        Teller { automaton, caches: Pool::new(Box::new(move || for_caches.create_cache())) }
    }

    fn tells(&self, text: &str) -> bool {
        let input = Input::new(text).earliest(true);
        let found = self.automaton.try_search_fwd(&mut self.caches.get(), &input);
        // It gives up at bytes or cache sizes that somebody chose; nobody has.
        found.is_ok_and(|found| found.is_some())
    }
}

const VALID: &str = "constant patterns are valid; a test compiles each of them";

/// Compiles a constant pattern with `\w`, `\d`, `\s`, `\W`, `\b` and the case of letters read as ASCII.
///
/// Works in `(?x)` patterns and inside classes too. `\s` matches blank, tab and line ends. The search
/// for literals that usually comes first is left out: it costs more to make than all else, and
/// [`Words`] has done its work already.
fn compile(pattern: &str) -> Regex {
    let how = Regex::config().auto_prefilter(false).dfa(false);
    Regex::builder().configure(how).build(&ascii(pattern)).expect(VALID)
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

#[cfg(test)]
mod tests {
    use super::{Teller, compile};

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
            assert_eq!(compile(pattern).find(text).map(|found| &text[found.range()]), expected, "{pattern}");
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
                for call in ["Pattern::new(", "Pattern::of_both(", "Pattern::made(", " pattern(r", "shape("] {
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
                        Teller::new(&body[..end]);
                        compiled += 1;
                    }
                }
            }
        }
        assert!(compiled > 60, "{compiled} patterns were found");
    }
}
