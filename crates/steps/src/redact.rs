//! Cuts secrets out of output, in every form in which a program may print them.
//!
//! Patterns are made once for a job; the output then streams through, and what might be the
//! beginning of a secret is held back until it is known.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::secret::Secrets;

/// What stands where a secret was.
const MARK: &[u8] = "‹redacted›".as_bytes();

/// Shorter patterns would cut ordinary text to pieces.
const SHORTEST: usize = 4;

/// Encoders break base64 into lines of 64 or 76 characters, anywhere within a secret. From this
/// length on, pieces are looked for as well.
const WRAPPED: usize = 57;

/// Length of such a piece: 48 bits, so that ordinary text is not hit by chance.
const PIECE: usize = 8;

/// Cuts secrets out of a stream of bytes. A copy is cheap beside making one: it has the same automaton.
#[derive(Clone, Debug)]
pub struct Redactor {
    automaton: Option<AhoCorasick>,
    /// Sorted.
    patterns: Vec<Vec<u8>>,
    longest: usize,
    held: Vec<u8>,
}

impl Redactor {
    /// Makes a redactor for some secrets. Without any, it hands everything through.
    pub(crate) fn new(secrets: &Secrets) -> Redactor {
        let mut patterns: Vec<Vec<u8>> =
            secrets.0.values().flat_map(|secret| forms(secret.reveal())).collect();
        patterns.retain(|pattern| pattern.len() >= SHORTEST);
        patterns.sort();
        patterns.dedup();
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        let automaton = (!patterns.is_empty()).then(|| {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(&patterns)
                .expect("the patterns of a few secrets are far below the limits of an automaton")
        });
        Redactor { automaton, patterns, longest, held: Vec::new() }
    }

    /// Takes the next bytes; returns what is certain by now.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.automaton.is_none() {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        let certain = self.certain();
        self.emit(certain)
    }

    /// Returns what was held back: no more bytes will come.
    pub fn finish(&mut self) -> Vec<u8> {
        let all = self.held.len();
        self.emit(all)
    }

    /// Cuts secrets out of a whole text.
    pub(crate) fn text(&mut self, text: &str) -> String {
        let mut bytes = self.feed(text.as_bytes());
        bytes.extend(self.finish());
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Tells whether a text holds a secret in any form. Encoders break their lines anywhere, so it is
    /// looked at without blanks as well.
    pub(crate) fn finds_in(&self, text: &str) -> bool {
        let Some(automaton) = &self.automaton else { return false };
        automaton.is_match(text)
            || text.contains(char::is_whitespace) && {
                let joined: String = text.split_whitespace().collect();
                automaton.is_match(&joined)
            }
    }

    /// Returns up to where a match can begin and be complete: the first position from which on the
    /// rest is the beginning of a pattern must wait.
    fn certain(&self) -> usize {
        let from = (self.held.len() + 1).saturating_sub(self.longest);
        // The patterns are sorted: the first one not below the tail is the one that may begin with it.
        let may_begin = |at: &usize| {
            let tail = &self.held[*at..];
            let first = self.patterns.partition_point(|pattern| pattern.as_slice() <= tail);
            self.patterns.get(first).is_some_and(|pattern| pattern.starts_with(tail))
        };
        (from..self.held.len()).find(may_begin).unwrap_or(self.held.len())
    }

    /// Replaces matches that begin before `until`, and hands out everything before it.
    fn emit(&mut self, until: usize) -> Vec<u8> {
        let Some(automaton) = &self.automaton else { return Vec::new() };
        let mut clean = Vec::with_capacity(until);
        let mut at = 0;
        for found in automaton.find_iter(&self.held).take_while(|found| found.start() < until) {
            clean.extend_from_slice(&self.held[at..found.start()]);
            clean.extend_from_slice(MARK);
            at = found.end();
        }
        if at < until {
            clean.extend_from_slice(&self.held[at..until]);
            at = until;
        }
        self.held.drain(..at);
        clean
    }
}

/// Every form of a value, and of each of its lines: a program may print a key line by line.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut forms = forms_of_one(value);
    if value.contains('\n') {
        for line in value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST) {
            forms.extend(forms_of_one(line));
        }
    }
    forms
}

fn forms_of_one(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let mut forms: Vec<Vec<u8>> = vec![bytes.to_vec()];
    let mut add = |form: String| forms.push(form.into_bytes());
    add(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    add(bytes.iter().map(|byte| format!("{byte:02X}")).collect());
    // As a part of an address; as Python's `quote` leaves a path; as JavaScript's encodeURIComponent.
    for kept in ["", "/", "!'()*"] {
        for lower in [true, false] {
            add(percent_encoded(bytes, lower, "%20", kept));
            add(percent_encoded(bytes, lower, "+", kept));
        }
    }
    // Quotes have several names in HTML.
    for (double, single) in [("&quot;", "&#x27;"), ("&quot;", "&#39;"), ("&#34;", "&#39;"), ("\"", "'")] {
        let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        add(html.replace('"', double).replace('\'', single));
    }
    for offset in 0..5 {
        add(base32_within(bytes, offset));
    }
    let json = serde_json::Value::from(value).to_string();
    let json = &json[1..json.len() - 1];
    add(json.to_owned());
    add(json.replace('/', "\\/"));
    add(ascii_only(json));
    // Go's JSON may be put into HTML: kubectl, docker and many more write it.
    add(json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e"));
    // Within single quotes, within double quotes, and as `printf %q` writes it.
    add(value.replace('\'', "'\\''"));
    add(escaped(value, |c| matches!(c, '$' | '`' | '"' | '\\')));
    add(escaped(value, |c| !(c.is_alphanumeric() || "_-./:=@%+,".contains(c))));
    for offset in 0..3 {
        for text in
            [base64_within(&STANDARD_NO_PAD, bytes, offset), base64_within(&URL_SAFE_NO_PAD, bytes, offset)]
        {
            if text.len() >= WRAPPED {
                for piece in text.as_bytes().chunks_exact(PIECE) {
                    forms.push(piece.to_vec());
                }
            }
            forms.push(text.into_bytes());
        }
    }
    forms
}

/// The characters of a base64 text that depend on nothing but these bytes, when `offset` other
/// bytes stand before them in their group of three.
fn base64_within(engine: &impl base64::Engine, bytes: &[u8], offset: usize) -> String {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(bytes);
    let text = engine.encode(&padded);
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    text.get(first..last).unwrap_or_default().to_owned()
}

/// The same for base32, with its groups of five (RFC 4648).
fn base32_within(bytes: &[u8], offset: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let all = (offset + bytes.len()) * 8;
    let bit = |at: usize| bytes[at / 8 - offset] >> (7 - at % 8) & 1;
    let first = (offset * 8).div_ceil(5);
    let characters = (first..all / 5).map(|character| {
        let value = (character * 5..character * 5 + 5).fold(0, |value, at| value << 1 | bit(at));
        char::from(ALPHABET[usize::from(value)])
    });
    characters.collect()
}

/// `kept`: characters that stay what they are, besides those that always do.
fn percent_encoded(bytes: &[u8], lower: bool, blank: &str, kept: &str) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(*byte))
            }
            other if kept.as_bytes().contains(other) => text.push(char::from(*other)),
            b' ' => text.push_str(blank),
            other if lower => text.push_str(&format!("%{other:02x}")),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

fn ascii_only(json: &str) -> String {
    let mut text = String::new();
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

fn escaped(value: &str, needs: impl Fn(char) -> bool) -> String {
    let mut text = String::new();
    for character in value.chars() {
        if needs(character) {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;
    use crate::secret::Secret;

    fn secrets(values: &[&str]) -> Secrets {
        let numbered = values.iter().enumerate();
        Secrets(
            numbered
                .map(|(n, v)| (n.to_string(), Secret::new((*v).to_owned()).unwrap()))
                .collect::<BTreeMap<_, _>>(),
        )
    }

    /// Feeds a text in chunks of every size, which must not matter.
    fn redacted(values: &[&str], text: &[u8]) -> Vec<u8> {
        let secrets = secrets(values);
        let mut whole = Redactor::new(&secrets);
        let mut expected = whole.feed(text);
        expected.extend(whole.finish());
        for size in (1..text.len()).take(40) {
            let mut redactor = Redactor::new(&secrets);
            let mut clean: Vec<u8> = text.chunks(size).flat_map(|chunk| redactor.feed(chunk)).collect();
            clean.extend(redactor.finish());
            assert_eq!(
                String::from_utf8_lossy(&clean),
                String::from_utf8_lossy(&expected),
                "in chunks of {size}"
            );
        }
        expected
    }

    const SECRET: &str = "pa$$ w\"rd/'ü'\\+end";

    #[test]
    fn every_encoding_is_cut_out() {
        let json = serde_json::to_string(SECRET).unwrap();
        let hex: String = SECRET.bytes().map(|b| format!("{b:02x}")).collect();
        let table = [
            SECRET.to_owned(),
            format!("token={SECRET}\nnext"),
            hex.clone(),
            hex.to_uppercase(),
            json,
            "pa%24%24%20w%22rd%2F%27%C3%BC%27%5C%2Bend".to_owned(),
            "pa%24%24+w%22rd%2f%27%c3%bc%27%5c%2bend".to_owned(),
            "\"pa$$ w\\\"rd/'\\u00fc'\\\\+end\"".to_owned(),
            "'pa$$ w\"rd/'\\''ü'\\''\\+end'".to_owned(),
            "declare -x A=\"pa\\$\\$ w\\\"rd/'ü'\\\\+end\"".to_owned(),
            "pa%24%24%20w%22rd/%27%C3%BC%27%5C%2Bend".to_owned(),
            "pa%24%24%20w%22rd%2F'%C3%BC'%5C%2Bend".to_owned(),
            "pa$$ w&quot;rd/&#x27;ü&#x27;\\+end".to_owned(),
            "pa$$ w&#34;rd/&#39;ü&#39;\\+end".to_owned(),
        ];
        for text in table {
            let clean = String::from_utf8(redacted(&[SECRET], text.as_bytes())).unwrap();
            assert!(clean.contains("‹redacted›"), "{text} → {clean}");
            assert!(
                !clean.contains("w\"rd") && !clean.contains("end") && !clean.contains("rd%2"),
                "{text} → {clean}"
            );
        }
    }

    #[test]
    fn json_as_go_writes_it_is_cut_out() {
        let clean = redacted(&["a&b<c>d\"e"], b"{\"password\":\"a\\u0026b\\u003cc\\u003ed\\\"e\"}");
        assert_eq!(String::from_utf8(clean).unwrap(), "{\"password\":\"‹redacted›\"}");
    }

    #[test]
    fn base64_is_cut_out_at_every_alignment() {
        for before in ["", "x", "xy", "user:", "a longer prefix "] {
            for after in ["", "z", "zz", " and more"] {
                let plain = format!("{before}{SECRET}{after}");
                for text in [STANDARD.encode(&plain), URL_SAFE.encode(&plain)] {
                    let clean = String::from_utf8(redacted(&[SECRET], text.as_bytes())).unwrap();
                    let kept = clean.replace("‹redacted›", "");
                    // What is left holds the neighbours and at most the bits shared with them.
                    let most = (before.len() + after.len()).div_ceil(3) * 4 + 8;
                    assert!(clean.contains("‹redacted›") && kept.len() <= most, "{before}|{after}: {clean}");
                }
            }
        }
    }

    #[test]
    fn base32_is_cut_out_at_every_alignment() {
        // `printf %s "${before}hunter2-and-more" | base32`
        let table = [
            ("", "NB2W45DFOIZC2YLOMQWW233SMU======"),
            ("x", "PBUHK3TUMVZDELLBNZSC23LPOJSQ===="),
            ("xy", "PB4WQ5LOORSXEMRNMFXGILLNN5ZGK==="),
            ("xyz", "PB4XU2DVNZ2GK4RSFVQW4ZBNNVXXEZI="),
            ("wxyz", "O54HS6TIOVXHIZLSGIWWC3TEFVWW64TF"),
        ];
        for (before, text) in table {
            let clean = String::from_utf8(redacted(&["hunter2-and-more"], text.as_bytes())).unwrap();
            let kept = clean.replace("‹redacted›", "");
            assert!(clean.contains("‹redacted›") && kept.len() <= 16, "{before}: {clean}");
        }
    }

    #[test]
    fn a_value_is_known_to_hold_a_secret_in_any_form() {
        let redactor = Redactor::new(&secrets(&[SECRET]));
        let basic = STANDARD.encode(format!("user:{SECRET}"));
        let hex: String = SECRET.bytes().map(|b| format!("{b:02x}")).collect();
        for text in [SECRET, &format!("a-{SECRET}"), &basic, &format!("Basic {basic}"), &hex] {
            assert!(redactor.finds_in(text), "{text}");
        }
        // However it is broken into lines.
        for at in 1..basic.len() {
            let (one, other) = basic.split_at(at);
            assert!(redactor.finds_in(&format!("{one}\n{other}")), "{at}");
        }
        for text in ["", "v1.2.3", "dXNlcjo=", "pa$$"] {
            assert!(!redactor.finds_in(text), "{text}");
        }
        assert!(!Redactor::new(&secrets(&[])).finds_in("anything"));
    }

    #[test]
    fn wrapped_base64_of_a_long_secret_is_cut_out() {
        let secret: String = (0..300).map(|n| char::from(b'!' + u8::try_from(n * 7 % 90).unwrap())).collect();
        let text = STANDARD.encode(format!("x{secret}"));
        for width in [64, 76] {
            let wrapped: Vec<u8> = text.as_bytes().chunks(width).collect::<Vec<_>>().join(&b'\n');
            let clean = String::from_utf8(redacted(&[&secret], &wrapped)).unwrap();
            for line in clean.lines() {
                let longest = line.split("‹redacted›").map(str::len).max().unwrap_or(0);
                assert!(longest < 2 * PIECE, "{line}");
            }
        }
    }

    #[test]
    fn lines_of_a_key_are_cut_out_one_by_one() {
        let key = "-----BEGIN KEY-----\nabcdefgh12345678\n  ijklmnop\n-----END KEY-----";
        let clean = redacted(&[key], b"1: abcdefgh12345678\r\n2: ijklmnop\n3: abc\n");
        assert_eq!(String::from_utf8(clean).unwrap(), "1: ‹redacted›\r\n2: ‹redacted›\n3: abc\n");
    }

    #[test]
    fn the_longest_of_overlapping_secrets_goes() {
        let clean = redacted(&["abcd", "abcdefgh", "cdefghij"], b"abcdefghij abcd abcde xx abcdefgh");
        assert_eq!(String::from_utf8(clean).unwrap(), "‹redacted›ij ‹redacted› ‹redacted›e xx ‹redacted›");
    }

    #[test]
    fn only_what_may_be_a_secret_is_held_back() {
        let mut redactor = Redactor::new(&secrets(&["hunter2hunter2"]));
        assert_eq!(redactor.feed(b"Password? "), b"Password? ");
        assert_eq!(redactor.feed(b"hunt"), b"");
        assert_eq!(redactor.feed(b"ing season"), b"hunting season");
        assert_eq!(redactor.finish(), b"");
    }

    proptest! {
        #[test]
        fn no_secret_survives_any_chunking(
            secret in "[a-c]{4,9}",
            other in "[a-c]{4,6}",
            text in "[a-c]{0,60}",
            cuts in proptest::collection::vec(1_usize..7, 1..30),
        ) {
            let mut redactor = Redactor::new(&secrets(&[&secret, &other]));
            let mut clean = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (chunk, after) = rest.split_at(cut.min(rest.len()));
                clean.extend(redactor.feed(chunk));
                rest = after;
            }
            clean.extend(redactor.feed(rest));
            clean.extend(redactor.finish());
            let clean = String::from_utf8(clean).unwrap();
            prop_assert!(!clean.contains(&secret) && !clean.contains(&other), "{}", clean);
        }
    }
}
