//! Which lines may hold what several checks look for, found in one reading of the document.
//!
//! Each of those checks reads sentences, which are few; to look for its words in every line would cost
//! as much as all other checks of lines together.

use crate::words::Words;

use super::lanes::HASTE_WORDS;
use super::looks::OFTEN_WORDS;
use super::page::lowered;
use super::spans::WHILE_WORDS;
use super::vague::ACTS_WORDS;

/// What a line may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Something is done for a reason.
    Acts = 1,
    /// A release in haste.
    Haste = 2,
    /// An amount of time without a number.
    While = 4,
    /// How often something is done.
    Often = 8,
}

const LISTS: [(&[&str], Mark); 4] = [
    (ACTS_WORDS, Mark::Acts),
    (HASTE_WORDS, Mark::Haste),
    (WHILE_WORDS, Mark::While),
    (OFTEN_WORDS, Mark::Often),
];
const COUNT: usize = ACTS_WORDS.len() + HASTE_WORDS.len() + WHILE_WORDS.len() + OFTEN_WORDS.len();

static ALL: Words = {
    const JOINED: [&str; COUNT] = {
        let mut joined = [""; COUNT];
        let (mut list, mut at) = (0, 0);
        while list < LISTS.len() {
            let mut word = 0;
            while word < LISTS[list].0.len() {
                joined[at] = LISTS[list].0[word];
                word += 1;
                at += 1;
            }
            list += 1;
        }
        joined
    };
    Words::new(&JOINED)
};

/// Returns the marks of a line.
pub(super) fn of(line: &str) -> u8 {
    let mut marks = 0;
    ALL.each_in(&lowered(line), |word| {
        let mut from = 0;
        for (list, mark) in &LISTS {
            from += list.len();
            if word < from {
                marks |= *mark as u8;
                break;
            }
        }
    });
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_marks_of_its_words() {
        for (line, expected) in [
            ("nothing of all this", 0),
            ("Roll back when in doubt", Mark::Acts as u8),
            ("HOTFIX: wait a while", Mark::Haste as u8 | Mark::While as u8),
            ("Zurückrollen, sobald es eilt", Mark::Acts as u8 | Mark::Haste as u8),
            ("check hourly", Mark::Often as u8),
            ("しばらく待つ", Mark::While as u8),
        ] {
            assert_eq!(of(line), expected, "{line}");
        }
    }
}
