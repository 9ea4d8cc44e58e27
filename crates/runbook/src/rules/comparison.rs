//! Finds comparisons in prose: `>= 5`, `at most 3`, `critical: 5`, `60%+`, `2x baseline`.
//!
//! By hand: nearly every document holds some, and a pattern with all these words costs more to
//! compile than the documents of most teams take to read.

use tminus_release::plan::Comparison;

use super::strict::SIGNS;
use crate::words::Pairs;

/// A comparison as it stands in a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Written<'t> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) how: How<'t>,
    /// The number, or the word where a [`How::Word`] is compared with.
    pub(super) with: &'t str,
}

/// What stands around the number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum How<'t> {
    /// `>= 5`
    Sign(&'t str),
    /// `== "satisfied"`
    Word(&'t str),
    /// `at least 5`, with the words as they stand in [`PHRASES`].
    Phrase(&'static str, Comparison),
    /// `critical: 5`
    Grade(&'t str),
    /// `60%+`
    Share,
    /// `2x baseline`
    Times,
}

/// Of two that begin alike, the longer one comes first.
const PHRASES: [(&str, Comparison); 29] = [
    ("minimum of", Comparison::AtLeast),
    ("minimum", Comparison::AtLeast),
    ("min.", Comparison::AtLeast),
    ("min", Comparison::AtLeast),
    ("at least", Comparison::AtLeast),
    ("no less than", Comparison::AtLeast),
    ("no fewer than", Comparison::AtLeast),
    ("not below", Comparison::AtLeast),
    ("maximum of", Comparison::AtMost),
    ("maximum", Comparison::AtMost),
    ("max.", Comparison::AtMost),
    ("max", Comparison::AtMost),
    ("at most", Comparison::AtMost),
    ("no more than", Comparison::AtMost),
    ("not above", Comparison::AtMost),
    ("within", Comparison::AtMost),
    ("above", Comparison::Greater),
    ("over", Comparison::Greater),
    ("more than", Comparison::Greater),
    ("exceeding", Comparison::Greater),
    ("exceeds", Comparison::Greater),
    ("exceed", Comparison::Greater),
    ("greater than", Comparison::Greater),
    ("higher than", Comparison::Greater),
    ("below", Comparison::Less),
    ("under", Comparison::Less),
    ("less than", Comparison::Less),
    ("fewer than", Comparison::Less),
    ("lower than", Comparison::Less),
];
const GRADES: [&str; 6] = ["warning", "warn", "critical", "crit", "page", "target"];
const BASELINES: [&str; 5] = ["baseline", "normal", "usual", "average", "previous"];

/// How a phrase or a grade begins.
static OPENS: Pairs = {
    let mut pairs = Pairs::of(&GRADES);
    let mut at = 0;
    while at < PHRASES.len() {
        pairs = pairs.and(PHRASES[at].0);
        at += 1;
    }
    pairs
};

/// A longer word or quotation is no state that something is in.
const LONGEST_WORD: usize = 40;

/// Returns the first comparison that begins at a byte or after it.
pub(super) fn find(text: &str, from: usize) -> Option<Written<'_>> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find_map(|at| {
        let opens = at == 0 || !is_word(bytes[at - 1]);
        let rest = text.get(at..)?;
        let (how, before, length) = match bytes[at] {
            b'<' | b'>' | b'=' | b'!' | 0xe2 => with_sign(rest)?,
            b'0'..=b'9' => share(rest).or_else(|| times(rest).filter(|_| opens))?,
            _ if opens && OPENS.may_begin(bytes, at) => with_words(rest)?,
            _ => return None,
        };
        let end = at + before + length;
        let with = match how {
            How::Share | How::Times => &rest[..before],
            _ => &rest[before..before + length],
        };
        Some(Written { start: at, end, how, with })
    })
}

/// How it compares, with the bytes before the number and those of the number; for what stands
/// behind a number, those of the number and those behind it.
type Parts<'t> = Option<(How<'t>, usize, usize)>;

fn with_sign(rest: &str) -> Parts<'_> {
    let (sign, _) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign))?;
    let sign = &rest[..sign.len()];
    let before = sign.len() + blanks(&rest[sign.len()..]);
    if let Some(length) = number(&rest[before..]) {
        return Some((How::Sign(sign), before, length));
    }
    if matches!(sign, "=" | ">" | "<") {
        return None;
    }
    Some((How::Word(sign), before, word(&rest[before..])?))
}

fn with_words(rest: &str) -> Parts<'_> {
    let phrase = PHRASES.iter().find_map(|(phrase, op)| {
        let after = said(rest, phrase)?;
        let gap = blanks(&rest[after..]);
        let length = number(&rest[after + gap..]).filter(|_| gap > 0)?;
        Some((How::Phrase(phrase, *op), after + gap, length))
    });
    phrase.or_else(|| {
        let word = GRADES.iter().find(|word| said(rest, word).is_some())?;
        let colon = word.len() + blanks(&rest[word.len()..]);
        let after = rest[colon..].strip_prefix(':')?;
        let before = colon + 1 + blanks(after);
        Some((How::Grade(&rest[..word.len()]), before, number(&rest[before..])?))
    })
}

fn share(rest: &str) -> Parts<'_> {
    let length = number(rest)?;
    let behind = &rest[length..];
    let sign = blanks(behind);
    let after = behind[sign..].strip_prefix('%')?;
    let gap = blanks(after).min(1);
    after[gap..].starts_with('+').then_some((How::Share, length, sign + gap + 2))
}

fn times(rest: &str) -> Parts<'_> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut length = digits(rest);
    let fraction = rest[length..].strip_prefix('.').map_or(0, digits);
    if fraction > 0 {
        length += 1 + fraction;
    }
    let behind = &rest[length..];
    let gap = blanks(behind).min(1);
    let sign = behind[gap..].chars().next().filter(|c| matches!(c, 'x' | 'X' | '×'))?;
    let mut at = gap + sign.len_utf8();
    let next = |at: usize| Some(at + blanks(&behind[at..])).filter(|next| *next > at);
    at = next(at)?;
    if let Some(after) = said(&behind[at..], "the").and_then(|the| next(at + the)) {
        at = after;
    }
    let word = BASELINES.iter().find(|word| said(&behind[at..], word).is_some())?;
    Some((How::Times, length, at + word.len()))
}

/// Returns the byte after words that a text begins with, in any case and with any blanks between them.
fn said(text: &str, phrase: &str) -> Option<usize> {
    let mut at = 0;
    for (index, word) in phrase.split(' ').enumerate() {
        if index > 0 {
            let gap = blanks(&text[at..]);
            at += Some(gap).filter(|gap| *gap > 0)?;
        }
        text.get(at..at + word.len()).filter(|found| found.eq_ignore_ascii_case(word))?;
        at += word.len();
    }
    Some(at)
}

fn blanks(text: &str) -> usize {
    text.bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

/// How long the number is that a text begins with: `1,200.5`.
fn number(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    bytes.first().filter(|byte| byte.is_ascii_digit())?;
    let whole = bytes.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b',').count();
    let after = bytes.get(whole + 1..).filter(|_| bytes[whole..].first() == Some(&b'.'));
    let fraction = after.map_or(0, |after| after.iter().take_while(|byte| byte.is_ascii_digit()).count());
    Some(if fraction > 0 { whole + 1 + fraction } else { whole })
}

/// How long the word or quotation is that a text begins with.
fn word(text: &str) -> Option<usize> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let inside = &text[1..];
        let length = inside.find(quote)?;
        let fits = (1..=LONGEST_WORD).contains(&inside[..length].chars().count());
        return fits.then_some(length + 2);
    }
    text.bytes().next().filter(u8::is_ascii_alphabetic)?;
    let more = text.bytes().skip(1).take_while(|byte| is_word(*byte) || *byte == b'.').count();
    (more > 0).then_some(1 + more.min(LONGEST_WORD))
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pattern::Pattern;

    /// The same as one pattern: too slow to compile for each document, and easy to compare with.
    static SAID: Pattern = Pattern::new(
        &[],
        r#"(?xi)
        (?: (?P<sign>>=|<=|==|!=|≥|≤|≠|=|>|<)\s*
          | \b(?: (?P<least>minimum(?:\s+of)?|min\.?|at\s+least|no\s+(?:less|fewer)\s+than|not\s+below)
                | (?P<most>maximum(?:\s+of)?|max\.?|at\s+most|no\s+more\s+than|not\s+above|within)
                | (?P<more>above|over|more\s+than|exceed(?:s|ing)?|greater\s+than|higher\s+than)
                | (?P<less>below|under|less\s+than|fewer\s+than|lower\s+than) )\s+
          | \b(?P<grade>warning|warn|critical|crit|page|target)\s*:\s*
        )(?P<number>\d[\d,]*(?:\.\d+)?)
      | (?P<sign2>>=|<=|==|!=|≥|≤|≠)\s*(?P<word>"[^"]{1,40}"|'[^']{1,40}'|[A-Za-z][\w.]{1,40})
      | (?P<share>\d[\d,]*(?:\.\d+)?)\s*(?P<plus>%\s?\+)
      | \b(?P<factor>\d+(?:\.\d+)?)(?P<times>\s?[x×]\s+(?:the\s+)?(?:baseline|normal|usual|average|previous))
      "#,
    );

    fn by_pattern(text: &str, from: usize) -> Option<Written<'_>> {
        let found = SAID.captures_at(text, from)?;
        let whole = found.get(0)?;
        let named = |name: &str| found.name(name).map(|part| part.as_str());
        let kinds = [
            ("least", Comparison::AtLeast),
            ("most", Comparison::AtMost),
            ("more", Comparison::Greater),
            ("less", Comparison::Less),
        ];
        let phrase = kinds.iter().find_map(|(name, op)| {
            let said = named(name)?.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
            PHRASES.iter().find(|(phrase, _)| *phrase == said).map(|(phrase, _)| How::Phrase(phrase, *op))
        });
        let how = phrase
            .or(named("sign").map(How::Sign))
            .or(named("sign2").map(How::Word))
            .or(named("grade").map(How::Grade))
            .or(named("share").map(|_| How::Share))
            .or(named("factor").map(|_| How::Times))?;
        let with = ["number", "word", "share", "factor"].iter().find_map(|name| named(name))?;
        Some(Written { start: whole.start(), end: whole.end(), how, with })
    }

    const PIECES: [&str; 62] = [
        " ",
        " ",
        " ",
        "  ",
        "\n",
        "\t",
        ">",
        "<",
        "=",
        "!",
        "≥",
        "≤",
        "≠",
        "→",
        "5",
        "12",
        "1,000",
        "0.5",
        ".",
        ",",
        "%",
        "+",
        "x",
        "X",
        "×",
        "the",
        "baseline",
        "normal",
        "min",
        "minimum",
        "of",
        "at",
        "least",
        "no",
        "less",
        "fewer",
        "than",
        "not",
        "below",
        "max",
        "maximum",
        "most",
        "more",
        "above",
        "within",
        "over",
        "exceeds",
        "Exceeding",
        "GREATER",
        "lower",
        "under",
        "warning",
        "crit",
        "page",
        "target",
        ":",
        "\"",
        "'",
        "ok",
        "état",
        "_",
        "-",
    ];

    proptest! {
        #[test]
        fn what_is_found_is_what_the_pattern_says(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..14),
        ) {
            let text = pieces.concat();
            let mut at = 0;
            loop {
                let found = find(&text, at);
                prop_assert_eq!(found, by_pattern(&text, at), "{:?} from {}", text, at);
                let Some(found) = found else { break };
                at = found.end;
            }
        }
    }

    #[test]
    fn long_words_are_cut_and_long_quotations_are_none() {
        let word = "a".repeat(60);
        for text in
            [format!("a.b == {word}"), format!("a.b == \"{word}\""), format!("a.b == '{}'", &word[..40])]
        {
            assert_eq!(find(&text, 0), by_pattern(&text, 0), "{text}");
        }
    }
}
