//! Repairs double-encoded UTF-8 for what is shown and read; never for code that runs.
//!
//! The damage: UTF-8 bytes were read as Windows-1252 (or the Turkish 1254) and encoded again, so
//! that `→` stands as `â†’`. Five bytes have no character in those pages (0x81 0x8D 0x8F 0x90
//! 0x9D; in 1254 also 0x8E 0x9E), so they are often *gone*, and re-encoding a whole text fails.
//! Each damaged character is therefore repaired by itself; where a lost byte leaves more than
//! one likely character, the span is named and shown as U+FFFD instead of guessed.

/// A text with its damaged spans repaired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// The repaired text; equal to the input when nothing was damaged.
    pub text: String,
    /// What was repaired or cannot be, in document order, one for each character.
    pub repairs: Vec<Repair>,
}

/// One damaged character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// First byte of the span in the input.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// What is shown instead; U+FFFD where the character cannot be known.
    pub shown: String,
    /// True when the original character is certain; false when bytes were lost.
    pub lossless: bool,
}

/// A span that looks damaged, before the evidence of the whole text is weighed.
struct Suspect {
    start: usize,
    end: usize,
    shown: char,
    lossless: bool,
    /// True when hardly any undamaged text looks like this.
    strong: bool,
}

/// Repairs spans of UTF-8 that were read as Windows-1252 or Windows-1254 and encoded again.
///
/// Costs one scan when the text holds no letter that a damaged span can begin with.
pub fn repair(text: &str) -> Repaired {
    if text.is_ascii() || !text.chars().any(|c| lead_byte(c).is_some()) {
        return Repaired { text: text.to_owned(), repairs: Vec::new() };
    }
    let mut repairs = repairs(text);
    // What was saved in the wrong page twice, or three times, needs as many repairs.
    for _ in 1..MOST_TIMES {
        repairs = side_by_side(&repairs).flat_map(again).collect();
    }
    repairs.retain(|repair| !repair.shown.contains(is_control));
    let mut repaired = String::with_capacity(text.len());
    let mut copied = 0;
    for repair in &repairs {
        repaired.push_str(&text[copied..repair.start]);
        repaired.push_str(&repair.shown);
        copied = repair.end;
    }
    repaired.push_str(&text[copied..]);
    Repaired { text: repaired, repairs }
}

/// How often one text is saved in the wrong page before somebody notices.
const MOST_TIMES: usize = 3;

fn repairs(text: &str) -> Vec<Repair> {
    let suspects = suspects(text);
    // „Ä“ and « été » are ordinary German and French; they are touched only in a text that is
    // damaged elsewhere beyond doubt.
    if !suspects.iter().any(|suspect| suspect.strong) {
        return Vec::new();
    }
    suspects
        .into_iter()
        .map(|s| Repair { start: s.start, end: s.end, shown: s.shown.to_string(), lossless: s.lossless })
        .collect()
}

/// Splits repairs where text stands between them that nobody damaged.
fn side_by_side(repairs: &[Repair]) -> impl Iterator<Item = &[Repair]> {
    repairs.chunk_by(|left, right| left.end == right.start)
}

/// Repairs what repairs that stand side by side have given.
fn again(run: &[Repair]) -> Vec<Repair> {
    let shown: String = run.iter().map(|repair| repair.shown.as_str()).collect();
    let more = if run.len() < 2 { Vec::new() } else { repairs(&shown) };
    let mut done = Vec::with_capacity(run.len());
    let (mut at, mut next) = (0, 0);
    for second in more {
        while at < second.start {
            at += run[next].shown.len();
            done.push(run[next].clone());
            next += 1;
        }
        let first = next;
        while at < second.end {
            at += run[next].shown.len();
            next += 1;
        }
        let lossless = second.lossless && run[first..next].iter().all(|repair| repair.lossless);
        done.push(Repair { start: run[first].start, end: run[next - 1].end, lossless, ..second });
    }
    done.extend_from_slice(&run[next..]);
    done
}

fn suspects(text: &str) -> Vec<Suspect> {
    let mut found: Vec<Suspect> = Vec::new();
    let mut position = 0;
    while let Some(character) = text[position..].chars().next() {
        let suspect = lead_byte(character).and_then(|lead| read_span(text, position, lead));
        match suspect {
            Some(suspect) => {
                position = suspect.end;
                found.push(suspect);
            }
            None => position += character.len_utf8(),
        }
    }
    found
}

/// Reads one damaged character that begins at `start` with the byte `lead`.
fn read_span(text: &str, start: usize, lead: u8) -> Option<Suspect> {
    let wanted = match lead {
        0xC2..=0xDF => 1,
        0xE0..=0xEF => 2,
        _ => 3,
    };
    let mut bytes = vec![lead];
    let mut end = start;
    for (offset, character) in text[start..].char_indices().take(wanted + 1) {
        if offset > 0 {
            let Some(byte) = byte_of(character).filter(|byte| (0x80..0xC0).contains(byte)) else { break };
            bytes.push(byte);
        }
        end = start + offset + character.len_utf8();
    }
    if bytes.len() == wanted + 1 {
        let shown = decode(&bytes)?;
        let strong = believable(lead, &bytes)? && !is_control(shown);
        return Some(Suspect { start, end, shown, lossless: true, strong });
    }
    let rescued = rescue(&bytes, wanted + 1)?;
    // `ðŸ` and `âŒ` do not occur in ordinary text; `â”` may end a quotation.
    let strong = !is_quote(bytes[1]);
    Some(Suspect { start, end, shown: rescued, lossless: false, strong })
}

/// Judges a complete span: `None` when it is more likely ordinary text, otherwise whether it
/// proves by itself that the text is damaged.
fn believable(lead: u8, bytes: &[u8]) -> Option<bool> {
    let quote = is_quote(bytes[1]);
    match lead {
        0xC2 | 0xC3 | 0xE2 | 0xF0 | 0xEF => Some(!quote || bytes.len() > 2),
        0xC4 | 0xC5 | 0xCE | 0xCF | 0xD0 | 0xD1 => Some(!quote),
        // Three bytes of Asian scripts: one alone may be “à” between quotation marks.
        0xE3..=0xED => Some(false),
        _ => None,
    }
}

/// Tells whether a byte stands for a quotation mark, dash or ellipsis, which may follow any letter
/// of ordinary text: „Ä“, “Ü”, Å—.
fn is_quote(byte: u8) -> bool {
    matches!(byte, 0x82 | 0x84 | 0x85 | 0x91..=0x97 | 0xAB | 0xBB)
}

/// Bytes that have no character in Windows-1252 or 1254.
const LOST: [u8; 7] = [0x81, 0x8D, 0x8F, 0x90, 0x9D, 0x8E, 0x9E];

/// Finds the one likely character for a span with exactly one lost byte; U+FFFD when several are
/// equally likely, `None` when the span is not damage that is known.
fn rescue(bytes: &[u8], wanted: usize) -> Option<char> {
    let known_lead = matches!(bytes[0], 0xE2 | 0xEF | 0xF0);
    if !known_lead || bytes.len() + 1 != wanted || bytes.len() < 2 {
        return None;
    }
    let mut candidates: Vec<char> = Vec::new();
    for place in 1..=bytes.len() {
        for lost in LOST {
            let mut whole = bytes.to_vec();
            whole.insert(place, lost);
            candidates.extend(decode(&whole).filter(|c| COMMON.contains(*c)));
        }
    }
    candidates.sort_unstable();
    candidates.dedup();
    match candidates[..] {
        [] if bytes[0] == 0xF0 => Some(char::REPLACEMENT_CHARACTER),
        [] => None,
        [one] => Some(one),
        _ => Some(char::REPLACEMENT_CHARACTER),
    }
}

/// Signs that runbooks use and whose encoding holds a byte that gets lost.
const COMMON: &str = "”┐❌←↑⏰⏳\u{FE0F}🎉🔍🔐🔝🏁🐍📝🚀🛑\u{200D}★☐●";

fn decode(bytes: &[u8]) -> Option<char> {
    let mut characters = std::str::from_utf8(bytes).ok()?.chars();
    let character = characters.next()?;
    characters.next().is_none().then_some(character)
}

/// A byte that has no character in Windows-1252, as a character: nobody wrote it, but it may be a
/// part of one that was damaged twice.
fn is_control(character: char) -> bool {
    matches!(character, '\u{80}'..='\u{9F}')
}

/// The byte of a character that can begin a damaged span.
fn lead_byte(character: char) -> Option<u8> {
    byte_of(character).filter(|byte| (0xC2..=0xF4).contains(byte))
}

/// The byte that Windows-1252 or 1254 writes for a character; both agree wherever both have one,
/// except for six Turkish letters, whose Icelandic counterparts are accepted as well.
fn byte_of(character: char) -> Option<u8> {
    if let Ok(byte) = u8::try_from(u32::from(character)) {
        return (byte >= 0x80).then_some(byte);
    }
    let byte = match character {
        '€' => 0x80,
        '‚' => 0x82,
        'ƒ' => 0x83,
        '„' => 0x84,
        '…' => 0x85,
        '†' => 0x86,
        '‡' => 0x87,
        'ˆ' => 0x88,
        '‰' => 0x89,
        'Š' => 0x8A,
        '‹' => 0x8B,
        'Œ' => 0x8C,
        'Ž' => 0x8E,
        '‘' => 0x91,
        '’' => 0x92,
        '“' => 0x93,
        '”' => 0x94,
        '•' => 0x95,
        '–' => 0x96,
        '—' => 0x97,
        '˜' => 0x98,
        '™' => 0x99,
        'š' => 0x9A,
        '›' => 0x9B,
        'œ' => 0x9C,
        'ž' => 0x9E,
        'Ÿ' => 0x9F,
        'Ğ' => 0xD0,
        'İ' => 0xDD,
        'Ş' => 0xDE,
        'ğ' => 0xF0,
        'ı' => 0xFD,
        'ş' => 0xFE,
        _ => return None,
    };
    Some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(input: &str, expected: &str, lost: usize) {
        let repaired = repair(input);
        assert_eq!(repaired.text, expected, "{input}");
        let lossy = repaired.repairs.iter().filter(|r| !r.lossless).count();
        assert_eq!(lossy, lost, "{input}: {:?}", repaired.repairs);
    }

    #[test]
    fn damaged_text_is_repaired_character_by_character() {
        let table = [
            ("Release Manager â†’ On-Call Engineer", "Release Manager → On-Call Engineer", 0),
            ("(â‰¥45% Vitest, â‰¥60% pytest)", "(≥45% Vitest, ≥60% pytest)", 0),
            ("âœ… Stable", "✅ Stable", 0),
            ("echo \"âŒ Backend health failed\"", "echo \"❌ Backend health failed\"", 1),
            ("ğŸš€ Production", "🚀 Production", 0),
            ("ðŸš¨ INCIDENT", "🚨 INCIDENT", 0),
            ("ðŸŽ‰ All", "🎉 All", 0),
            ("âš\u{a0}ï¸ CAUTION", "⚠\u{FE0F} CAUTION", 1),
            ("â”Œâ”€â”€â”", "┌──┐", 1),
            ("â”œâ”€ YES â†’ x", "├─ YES → x", 0),
            ("PhaseâE D", "PhaseâE D", 0),
            ("Phaseâ€¯D", "Phase\u{202F}D", 0),
            ("cafÃ© Ã¼ber", "café über", 0),
            ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет", 0),
            ("itâ€™s", "it’s", 0),
            ("Ã¢â‚¬Å“Go liveÃ¢â‚¬Â\u{9d} Ã¢â€\u{a0}â€™ now", "“Go live” → now", 0),
            ("cafÃƒÂ© Ã¢â€°Â¥ 5", "café ≥ 5", 0),
            ("ÃƒÂ¢Ã¢â‚¬Â\u{a0}Ã¢â‚¬â„¢ ÃƒÂ¢Ã…â€œÃ¢â‚¬Â¦", "→ ✅", 0),
        ];
        for (input, expected, lost) in table {
            check(input, expected, lost);
        }
    }

    #[test]
    fn several_likely_characters_are_named_not_guessed() {
        // 🔍, 🔐 and 🔝 differ only in the byte that was lost.
        check("ðŸ” Running", "\u{FFFD} Running", 1);
    }

    #[test]
    fn sound_text_is_left_alone() {
        for text in [
            "plain",
            "→ ≥ ✅ 🚀",
            "„Ä“ und „Spaß“",
            "« été »",
            "“voilà”",
            "NÃO ÀS VEZES",
            "São Paulo”",
            "İstanbul’da ğ ş ı",
            "naïve – café…",
            "Ünïcödé",
            "â",
            "“pâ”",
            "«à»",
            "Größe: 5 €",
            "",
        ] {
            check(text, text, 0);
        }
    }

    #[test]
    fn spans_point_into_the_input() {
        let input = "a â†’ b";
        let repair = &repair(input).repairs[0];
        assert_eq!(&input[repair.start..repair.end], "â†’");
        assert!(repair.lossless);
    }

    proptest! {
        #[test]
        fn what_was_encoded_twice_comes_back(text in "[a-z →≥✅🚀é┌─]{1,40}") {
            prop_assume!(text.chars().any(|c| "→≥✅🚀┌─".contains(c)));
            let twice: String = text.bytes().map(|byte| PAGE[usize::from(byte)]).collect();
            prop_assert_eq!(repair(&twice).text, &text[..]);
            let thrice: String = twice.bytes().map(|byte| PAGE[usize::from(byte)]).collect();
            prop_assert_eq!(repair(&thrice).text, text);
        }

        #[test]
        fn any_text_gives_spans_in_order_and_in_bounds(text in "\\PC{0,80}|[âÃðğŸ”€™šœ…é ]{0,60}") {
            let repaired = repair(&text);
            let mut last = 0;
            for repair in &repaired.repairs {
                prop_assert!(repair.start >= last && repair.end > repair.start);
                prop_assert!(text.is_char_boundary(repair.start) && text.is_char_boundary(repair.end));
                last = repair.end;
            }
        }
    }

    static PAGE: std::sync::LazyLock<Vec<char>> =
        std::sync::LazyLock::new(|| (0..=255).map(page_1252).collect());

    /// Reads a byte as Windows-1252; only bytes that have a character there are used above.
    fn page_1252(byte: u8) -> char {
        (0x80u32..0x2200)
            .filter_map(char::from_u32)
            .find(|c| byte >= 0x80 && byte_of(*c) == Some(byte) && !matches!(*c, '\u{80}'..='\u{9F}'))
            .unwrap_or(char::from(byte))
    }
}
