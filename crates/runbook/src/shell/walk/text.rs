//! The text that is walked, and the places of its parts in the whole script.

use brush_parser::SourceSpan;
use brush_parser::ast::Word;

use super::super::Position;
use super::super::word::{self, WordFacts};

/// The text that is walked and where its parts stand in the outermost script.
pub(super) struct Text<'a> {
    pub(super) original: &'a str,
    pub(super) neutral: &'a str,
    /// Byte of each character; `None` for ASCII, where both are the same.
    bytes: Option<Vec<usize>>,
    /// First character of each line.
    lines: Vec<usize>,
    /// For a script that is a part of another: where it stands in the outermost one.
    pub(super) outer: Option<Outer>,
}

/// Where a script stands that is a part of another one.
#[derive(Clone, Copy)]
pub(super) enum Outer {
    /// In a word, of which only the lines can be told.
    Word(Position),
    /// As it is, on lines of its own, behind so many lines and bytes: in a here-document.
    Text { lines: u32, bytes: usize },
}

impl<'a> Text<'a> {
    pub(super) fn new(original: &'a str, neutral: &'a str, outer: Option<Outer>) -> Self {
        let bytes = (!neutral.is_ascii()).then(|| {
            neutral.char_indices().map(|(byte, _)| byte).chain(std::iter::once(neutral.len())).collect()
        });
        let mut lines = vec![0];
        lines.extend((1..).zip(neutral.chars()).filter(|(_, c)| *c == '\n').map(|(behind, _)| behind));
        Self { original, neutral, bytes, lines, outer }
    }

    pub(super) fn byte(&self, character: usize) -> usize {
        let byte = self
            .bytes
            .as_ref()
            .map_or(character, |bytes| bytes.get(character).copied().unwrap_or(self.neutral.len()));
        byte.min(self.neutral.len())
    }

    pub(super) fn position(&self, span: &SourceSpan) -> Position {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        // The parser does not count a line that goes on behind `\`, so lines are told by their
        // beginnings.
        let place = |index: usize| {
            let line = self.lines.partition_point(|start| *start <= index).max(1);
            (number(line), number(index - self.lines[line - 1] + 1))
        };
        // The blanks in front of what stands there belong to the word for the parser.
        let from = self.byte(span.start.index);
        let blanks = self.neutral[from..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let ((line, column), (end_line, end_column)) =
            (place(span.start.index + blanks), place(span.end.index));
        let inner = Position {
            line,
            column,
            end_line,
            end_column,
            start: from + blanks,
            end: self.byte(span.end.index),
        };
        match self.outer {
            None => inner,
            Some(Outer::Text { lines, bytes }) => Position {
                line: inner.line + lines,
                end_line: inner.end_line + lines,
                start: inner.start + bytes,
                end: inner.end + bytes,
                ..inner
            },
            // Inside a word only lines can be told; the column is that of the word on the line where
            // it begins, and the first one on those below.
            Some(Outer::Word(outer)) => {
                let line = (outer.line + inner.line - 1).min(outer.end_line);
                let column = if line == outer.line { outer.column } else { 1 };
                Position { line, column, ..outer }
            }
        }
    }

    pub(super) fn facts(&self, word: &Word) -> WordFacts {
        let written = word.loc.as_ref().map(|span| (self.byte(span.start.index), self.byte(span.end.index)));
        let same = written.filter(|(start, end)| self.neutral.get(*start..*end) == Some(word.value.as_str()));
        let original = same.and_then(|(start, end)| self.original.get(start..end)).unwrap_or(&word.value);
        word::read(&word.value, original)
    }

    /// What stands at a place, as written; nothing where the place is only that of the word around it.
    pub(super) fn written(&self, position: Position) -> String {
        let first = match self.outer {
            None => 0,
            Some(Outer::Text { bytes, .. }) => bytes,
            Some(Outer::Word(_)) => return String::new(),
        };
        let own = position.start.saturating_sub(first)..position.end.saturating_sub(first);
        self.original.get(own).unwrap_or_default().to_owned()
    }
}
