//! Edits of a document: exactly the bytes of a task box, on a person's word.
//!
//! The text is never written anew from the tree: everything around the box stays as it is, to the
//! last space and line end.

use thiserror::Error;

use crate::markdown::{self, Block};

/// Why a box cannot be ticked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EditError {
    /// The document has no checklist item on that line.
    #[error("line {line} holds no checklist item; the document may have changed since it was read")]
    NoItem {
        /// Line, from 1.
        line: u32,
    },
}

/// A replacement of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// First byte that is replaced.
    pub start: usize,
    /// One past the last one.
    pub end: usize,
    /// What stands there afterwards.
    pub replacement: String,
}

/// What a box is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// `[x]`
    Ticked,
    /// `[ ]`
    Open,
}

/// Finds the bytes to replace so that the item on a line shows a tick or none. None: it does.
///
/// # Errors
/// There is no item on that line.
pub fn tick(document: &str, line: u32, tick: Tick) -> Result<Option<Splice>, EditError> {
    let markdown = markdown::parse(document);
    let mut found = None;
    markdown.walk(|block| {
        let Block::List(list) = block else { return };
        for item in &list.items {
            if let Some(task) = item.task
                && markdown.lines.line(task.start) == line
            {
                found = Some(task);
            }
        }
    });
    let task = found.ok_or(EditError::NoItem { line })?;
    if task.ticked == (tick == Tick::Ticked) {
        return Ok(None);
    }
    // Between the brackets stands one byte: a space, a tab, `x` or `X`.
    let inside = task.start + 1;
    let replacement = if tick == Tick::Ticked { "x" } else { " " };
    Ok(Some(Splice { start: inside, end: inside + 1, replacement: replacement.to_owned() }))
}

/// Applies splices that do not overlap, in any order.
pub fn apply(document: &str, splices: &[Splice]) -> String {
    let mut sorted: Vec<&Splice> = splices.iter().collect();
    sorted.sort_by_key(|splice| splice.start);
    let mut text = String::with_capacity(document.len() + splices.len());
    let mut at = 0;
    for splice in sorted {
        if splice.start < at
            || !document.is_char_boundary(splice.start)
            || !document.is_char_boundary(splice.end)
        {
            continue;
        }
        text.push_str(&document[at..splice.start]);
        text.push_str(&splice.replacement);
        at = splice.end.max(splice.start);
    }
    text.push_str(&document[at..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_changes_and_no_other() {
        let document = "\u{feff}# R\r\n\r\n* [ ] one  \r\n   + [x] two\r\n1. [X] three\r\n";
        let table = [(3, Tick::Ticked, " ", "x"), (4, Tick::Open, "x", " "), (5, Tick::Open, "X", " ")];
        for (line, wanted, before, after) in table {
            let splice = tick(document, line, wanted).unwrap().unwrap();
            assert_eq!(&document[splice.start..splice.end], before, "line {line}");
            let edited = apply(document, &[splice]);
            assert_eq!(edited.len(), document.len());
            let differing = document.bytes().zip(edited.bytes()).filter(|(old, new)| old != new).count();
            assert_eq!(differing, 1, "line {line}");
            assert_eq!(tick(&edited, line, wanted), Ok(None), "line {line} now shows {after:?}");
        }
        assert_eq!(tick(document, 1, Tick::Ticked), Err(EditError::NoItem { line: 1 }));
        assert_eq!(tick(document, 3, Tick::Open), Ok(None));
    }
}
