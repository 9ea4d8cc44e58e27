//! A text as an editor holds it: positions in UTF-16, edits in pieces.
//!
//! A line ends with LF, CR LF or CR, as the protocol says; the rest of tminus knows no lone CR. So
//! places go from one to the other by way of byte offsets, and never line by line.

use serde::Serialize;
use serde_json::{Value, json};

/// A place in a text: line and UTF-16 units of that line, both from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// Line, from 0.
    pub line: u32,
    /// UTF-16 units before the place in its line.
    pub character: u32,
}

/// What lies between two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    start: Position,
    end: Position,
}

/// A text with the starts of its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    text: String,
    starts: Vec<usize>,
}

impl Text {
    /// Takes a text.
    pub fn new(text: String) -> Text {
        let starts = starts(&text);
        Text { text, starts }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Replaces a range. What lies outside of the text is its end: editors may be a step ahead.
    pub fn edit(&mut self, from: Position, to: Position, replacement: &str) {
        let (from, to) = (self.offset(from), self.offset(to));
        self.text.replace_range(from.min(to)..from.max(to), replacement);
        self.starts = starts(&self.text);
    }

    /// Returns the byte offset of a position; inside of a character, that of its start.
    pub fn offset(&self, position: Position) -> usize {
        let Some(start) = self.starts.get(position.line as usize) else { return self.text.len() };
        let line = self.line(position.line);
        let mut units = 0;
        for (at, c) in line.char_indices() {
            let length = u32::try_from(c.len_utf16()).unwrap_or(1);
            if units + length > position.character {
                return start + at;
            }
            units += length;
        }
        start + line.len()
    }

    /// Returns the position of a byte offset.
    pub fn position(&self, offset: usize) -> Position {
        let offset = tminus_runbook::lines::floor_boundary(&self.text, offset);
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let units: usize = self.text[start..offset].chars().map(char::len_utf16).sum();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Position { line: number(line), character: number(units) }
    }

    /// Returns a line, from 0, without its end.
    pub fn line(&self, line: u32) -> &str {
        let Some(start) = self.starts.get(line as usize) else { return "" };
        let end = self.starts.get(line as usize + 1).copied().unwrap_or(self.text.len());
        self.text[*start..end].trim_end_matches(['\n', '\r'])
    }

    /// Writes a range of bytes as the protocol's range.
    pub fn range(&self, bytes: std::ops::Range<usize>) -> Value {
        json!(self.stretch(bytes))
    }

    /// The same, before it is written.
    pub fn stretch(&self, bytes: std::ops::Range<usize>) -> Stretch {
        Stretch { start: self.position(bytes.start), end: self.position(bytes.end.max(bytes.start)) }
    }
}

impl Position {
    /// Reads the protocol's position.
    pub fn from_json(value: &Value) -> Option<Position> {
        let number = |key: &str| u32::try_from(value.get(key)?.as_u64()?).ok();
        Some(Position { line: number("line")?, character: number("character")? })
    }
}

fn starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for (at, byte) in bytes.iter().enumerate() {
        let ends = *byte == b'\n' || *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n');
        if ends {
            starts.push(at + 1);
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn positions_count_utf_16_units() {
        let text = Text::new("a😀é\r\nb\rc\n".to_owned());
        let table = [
            (at(0, 0), 0),
            (at(0, 1), 1),
            (at(0, 3), 5),
            (at(0, 4), 7),
            (at(1, 0), 9),
            (at(2, 0), 11),
            (at(3, 0), 13),
        ];
        for (position, offset) in table {
            assert_eq!(text.offset(position), offset, "{position:?}");
            assert_eq!(text.position(offset), position, "{offset}");
        }
        assert_eq!(text.offset(at(0, 2)), 1, "half of a character is its start");
        assert_eq!(text.offset(at(0, 99)), 7, "behind a line's end is its end");
        assert_eq!(text.offset(at(99, 0)), 13, "behind the text is its end");
        assert_eq!((text.line(0), text.line(1), text.line(3)), ("a😀é", "b", ""));
    }

    #[test]
    fn edits_in_pieces_give_the_text_of_the_editor() {
        let mut text = Text::new("one\ntwo\n".to_owned());
        text.edit(at(1, 0), at(1, 3), "drei 😀");
        text.edit(at(1, 7), at(1, 7), "!");
        text.edit(at(0, 3), at(1, 0), "");
        assert_eq!(text.as_str(), "onedrei 😀!\n");
        text.edit(at(9, 9), at(9, 9), "end");
        assert_eq!(text.as_str(), "onedrei 😀!\nend");
        assert_eq!(text.line(1), "end");
    }
}
