//! Where a byte stands in a document: lines and columns as editors count them.
//!
//! Everything else works on byte offsets, because they are exact and cheap; people are shown lines
//! and columns. This is the only place that turns one into the other.

/// The starts of all lines of a text.
///
/// Lines end with LF or CR LF. A lone CR is no line end, as in git and in editors' counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineIndex {
    /// Byte offset of each line's first byte. 32 bits keep a 50 MB document's index small;
    /// offsets above 4 GB saturate, and such documents are refused long before.
    starts: Vec<u32>,
    /// Bytes inside of long lines, each with its column from 0, so that no place of a line as long as
    /// the document is counted from its beginning.
    marks: Vec<(u32, u32)>,
}

/// Bytes between two marks of a long line.
const STRIDE_BYTES: usize = 1024;

impl LineIndex {
    /// Reads a text once and remembers where its lines start.
    pub fn new(text: &str) -> LineIndex {
        let mut starts = vec![0];
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        starts.extend(ends.map(|(offset, _)| u32::try_from(offset + 1).unwrap_or(u32::MAX)));
        let mut index = LineIndex { starts, marks: Vec::new() };
        for line in 1..=index.count() {
            index.mark(text, line);
        }
        index
    }

    fn mark(&mut self, text: &str, line: u32) {
        let (start, end) = (self.start_of(line), self.start_of(line + 1).min(text.len()));
        let (mut at, mut column) = (start, 0);
        while end.saturating_sub(at) > STRIDE_BYTES {
            let next = floor_boundary(text, at + STRIDE_BYTES);
            column += text[at..next].chars().count();
            at = next;
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            self.marks.push((number(at), number(column)));
        }
    }

    /// Returns the last known place of a line for which `is_before` holds: its byte and its column
    /// from 0.
    fn known(&self, line: u32, is_before: impl Fn(&(u32, u32)) -> bool) -> (usize, usize) {
        let start = self.start_of(line);
        let first = self.marks.partition_point(|mark| (mark.0 as usize) < start);
        let end = self.start_of(line + 1);
        let own = self.marks[first..].partition_point(|mark| (mark.0 as usize) < end);
        let before = self.marks[first..first + own].partition_point(is_before);
        match before.checked_sub(1).map(|at| self.marks[first + at]) {
            Some((byte, column)) => (byte as usize, column as usize),
            None => (start, 0),
        }
    }

    /// Returns the line, from 1, that holds the byte at `offset`.
    pub fn line(&self, offset: usize) -> u32 {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let after = self.starts.partition_point(|start| *start <= offset);
        u32::try_from(after.max(1)).unwrap_or(u32::MAX)
    }

    /// Returns line and column, both from 1; the column counts characters, not bytes.
    pub fn position(&self, text: &str, offset: usize) -> (u32, u32) {
        let line = self.line(offset);
        let end = floor_boundary(text, offset);
        let (start, known) = self.known(line, |mark| mark.0 as usize <= end);
        let column = known + text.get(start..end).map_or(0, |before| before.chars().count());
        (line, u32::try_from(column + 1).unwrap_or(u32::MAX))
    }

    /// Returns the byte offset of a line and column, both from 1; the column counts characters. A
    /// column behind the line's end means its end, a line behind the text the end of the text.
    pub fn offset(&self, text: &str, line: u32, column: u32) -> usize {
        let start = self.start_of(line);
        if start >= text.len() {
            return text.len();
        }
        let wanted = column.saturating_sub(1);
        let (known, before) = self.known(line, |mark| mark.1 <= wanted);
        let whole = self.text_of(text, line);
        let Some(rest) = whole.get(known - start..) else { return start + whole.len() };
        let between = rest.chars().take(wanted as usize - before);
        known + between.map(char::len_utf8).sum::<usize>()
    }

    /// Returns the byte offset at which a line, from 1, starts; far behind the text for a line that
    /// is not there.
    pub fn start_of(&self, line: u32) -> usize {
        let index = (line.max(1) - 1) as usize;
        self.starts.get(index).map_or(usize::MAX, |start| *start as usize)
    }

    /// Returns a line's text without its end, or nothing for a line that is not there.
    pub fn text_of<'a>(&self, text: &'a str, line: u32) -> &'a str {
        let start = self.start_of(line);
        let end = self.starts.get(line.max(1) as usize).map_or(text.len(), |next| *next as usize);
        text.get(start..end).unwrap_or("").trim_end_matches(['\n', '\r'])
    }

    /// Counts the lines; a text that ends with a line end has an empty last line.
    pub fn count(&self) -> u32 {
        u32::try_from(self.starts.len()).unwrap_or(u32::MAX)
    }
}

/// Returns the largest character boundary that is not after `offset`.
pub fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_count_as_short_ones_do() {
        let long: String = "é→xy".repeat(2000);
        let text = format!("{long}\nab\r\n{long}");
        let index = LineIndex::new(&text);
        for offset in (0..=text.len()).step_by(97).chain([text.len()]) {
            let line = text[..floor_boundary(&text, offset)].matches('\n').count() + 1;
            let start = text[..floor_boundary(&text, offset)].rfind('\n').map_or(0, |at| at + 1);
            let column = text[start..floor_boundary(&text, offset)].chars().count() + 1;
            let place = index.position(&text, offset);
            assert_eq!(place, (u32::try_from(line).unwrap(), u32::try_from(column).unwrap()), "{offset}");
            let end = start + index.text_of(&text, place.0).len();
            assert_eq!(index.offset(&text, place.0, place.1), floor_boundary(&text, offset).min(end));
        }
        assert_eq!(index.offset(&text, 1, 99_999), long.len(), "behind the line's end is its end");
    }

    #[test]
    fn positions_count_lines_and_characters() {
        let text = "a\r\nbé→c\n\nz";
        let index = LineIndex::new(text);
        let table = [
            (0, (1, 1)),
            (3, (2, 1)),
            (4, (2, 2)),
            (6, (2, 3)),
            (9, (2, 4)),
            (11, (3, 1)),
            (12, (4, 1)),
            (99, (4, 2)),
        ];
        for (offset, expected) in table {
            assert_eq!(index.position(text, offset), expected, "offset {offset}");
        }
        for (offset, (line, column)) in table {
            assert_eq!(index.offset(text, line, column), offset.min(text.len()), "{line}:{column}");
        }
        assert_eq!(index.offset(text, 1, 9), 1, "behind the line's end is its end");
        assert_eq!(index.text_of(text, 2), "bé→c");
        assert_eq!(index.text_of(text, 7), "");
        assert_eq!(index.count(), 4);
    }
}
