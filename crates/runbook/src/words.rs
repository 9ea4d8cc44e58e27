//! Tells whether one of several words is in a text, in one reading for all of them.

/// Which two bytes the words of a list begin with. Capitals count as small letters.
pub(crate) struct Pairs {
    /// Asked at each byte of a text, so it costs one look.
    first: [bool; 256],
    /// One bit for each pair that differs in the lower six bits of its bytes.
    second: [u64; 64],
}

/// A word of one byte may be followed by any.
const ANY: u64 = u64::MAX;

impl Pairs {
    const NONE: Pairs = Pairs { first: [false; 256], second: [0; 64] };

    /// Takes words of which none is empty.
    pub(crate) const fn of(words: &[&str]) -> Pairs {
        let mut pairs = Pairs::NONE;
        let mut at = 0;
        while at < words.len() {
            pairs = pairs.and(words[at]);
            at += 1;
        }
        pairs
    }

    pub(crate) const fn and(mut self, word: &str) -> Pairs {
        let word = word.as_bytes();
        self.first[word[0].to_ascii_lowercase() as usize] = true;
        self.first[word[0].to_ascii_uppercase() as usize] = true;
        self.second[place(word[0])] |= if word.len() > 1 { 1 << place(word[1]) } else { ANY };
        self
    }

    /// Tells whether a word may begin at a byte of a text.
    pub(crate) fn may_begin(&self, text: &[u8], at: usize) -> bool {
        self.first[usize::from(text[at])] && {
            let second = self.second[place(text[at])];
            text.get(at + 1).map_or(second == ANY, |next| second >> place(*next) & 1 == 1)
        }
    }

    /// Tells whether a place of the text, where a word may begin, is one.
    pub(crate) fn any(&self, text: &str, is_one: impl Fn(&[u8]) -> bool) -> bool {
        let bytes = text.as_bytes();
        (0..bytes.len()).any(|at| self.may_begin(bytes, at) && is_one(&bytes[at..]))
    }
}

const fn place(byte: u8) -> usize {
    ((byte | 0x20) & 0x3f) as usize
}

/// Words of which at least one must be in a text, in any case, for a pattern to match it.
///
/// Costs about one look at a table for each byte of the text, and nothing to make.
pub(crate) struct Words {
    words: &'static [&'static str],
    pairs: Pairs,
    /// For what the first two bytes of words come to, the first word of them, from 1; 0 is none.
    head: [u8; 64],
    /// For each word, the next one of those.
    next: [u8; MOST + 1],
    /// The first word of one byte.
    alone: u8,
}

/// How many words a list holds at most; more are two lists.
const MOST: usize = 255;

impl Words {
    /// Takes words in lower case; none may be empty. One that is not ASCII is found in lower case
    /// only: its text is brought there first.
    pub(crate) const fn new(words: &'static [&'static str]) -> Words {
        assert!(words.len() <= MOST, "a list of words has at most 255");
        let (mut head, mut next, mut alone) = ([0; 64], [0; MOST + 1], 0);
        let mut at = words.len();
        while at > 0 {
            let word = words[at - 1].as_bytes();
            let first = if word.len() > 1 { &mut head[both(word[0], word[1])] } else { &mut alone };
            next[at] = *first;
            *first = at as u8;
            at -= 1;
        }
        Words { words, pairs: Pairs::of(words), head, next, alone }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.words.iter().copied()
    }

    /// Tells whether one of the words is in the text.
    pub(crate) fn any_in(&self, text: &str) -> bool {
        self.pairs.any(text, |rest| {
            let pair = rest.get(1).is_some_and(|next| self.is_one(self.head[both(rest[0], *next)], rest));
            pair || self.alone > 0 && self.is_one(self.alone, rest)
        })
    }

    /// Visits each place of a text at which a word stands, with the number of the word.
    pub(crate) fn each_in(&self, text: &str, mut visit: impl FnMut(usize)) {
        let bytes = text.as_bytes();
        for at in 0..bytes.len() {
            if !self.pairs.may_begin(bytes, at) {
                continue;
            }
            let rest = &bytes[at..];
            let pair = rest.get(1).map_or(0, |next| self.head[both(rest[0], *next)]);
            for first in [pair, self.alone] {
                let mut word = usize::from(first);
                while word > 0 {
                    let one = self.words[word - 1].as_bytes();
                    if begins(one, rest) {
                        visit(word - 1);
                    }
                    word = usize::from(self.next[word]);
                }
            }
        }
    }

    /// Tells whether a text begins with a word, or with one of those that come to the same.
    fn is_one(&self, first: u8, rest: &[u8]) -> bool {
        let mut at = usize::from(first);
        while at > 0 {
            let word = self.words[at - 1].as_bytes();
            if begins(word, rest) {
                return true;
            }
            at = usize::from(self.next[at]);
        }
        false
    }
}

/// Tells whether a text begins with a word. The first bytes tell nearly all words apart, and to compare the
/// whole is a call.
fn begins(word: &[u8], rest: &[u8]) -> bool {
    let same = |at: usize| at >= word.len() || rest[at] | 0x20 == word[at] | 0x20;
    rest.len() >= word.len() && same(2) && same(1) && same(0) && rest[..word.len()].eq_ignore_ascii_case(word)
}

/// What two bytes come to, the same for small letters and capitals.
const fn both(first: u8, second: u8) -> usize {
    (place(first) * 5 + place(second)) & 0x3f
}

#[cfg(test)]
mod tests {
    use super::Words;

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
