//! Running text: pieces with their style and place.

/// The running text of a paragraph, heading or table cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Its pieces in order.
    pub pieces: Vec<Piece>,
    /// Line of the first piece, from 1.
    pub line: u32,
    /// Byte offset where it starts.
    pub start: usize,
    /// Byte offset where it ends.
    pub end: usize,
}

/// A run of text in one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What is read, escapes and entities resolved.
    pub text: String,
    /// What kind of text it is.
    pub kind: PieceKind,
    /// Whether it is bold.
    pub strong: bool,
    /// Where it leads, when it is a link's text.
    pub target: Option<String>,
    /// Byte offset where it starts, a code span's backticks included.
    pub start: usize,
    /// Byte offset where it ends.
    pub end: usize,
}

/// What kind of text a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// Words.
    Plain,
    /// A code span.
    Code,
    /// The end of a source line inside a paragraph.
    LineEnd,
}

impl Text {
    /// Returns the words as one line: line ends become spaces, code spans lose their backticks.
    pub fn plain(&self) -> String {
        let mut plain = String::with_capacity(self.end.saturating_sub(self.start));
        for piece in &self.pieces {
            match piece.kind {
                PieceKind::LineEnd => plain.push(' '),
                PieceKind::Plain | PieceKind::Code => plain.push_str(&piece.text),
            }
        }
        plain.trim().to_owned()
    }

    /// Returns the words as one line with backticks around code spans: what a person reads.
    pub fn with_ticks(&self) -> String {
        let mut shown = String::new();
        for piece in &self.pieces {
            match piece.kind {
                PieceKind::LineEnd => shown.push(' '),
                PieceKind::Plain => shown.push_str(&piece.text),
                PieceKind::Code => {
                    shown.push('`');
                    shown.push_str(&piece.text);
                    shown.push('`');
                }
            }
        }
        shown.trim().to_owned()
    }

    /// Splits at the ends of source lines. Section facts stand one or several on a line.
    pub fn source_lines(&self) -> impl Iterator<Item = &[Piece]> {
        self.pieces.split(|piece| piece.kind == PieceKind::LineEnd)
    }

    /// Returns the code spans.
    pub fn code_spans(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(|piece| piece.kind == PieceKind::Code)
    }

    /// Returns the code span that is the whole text, as in `` 1. `npm ci` ``.
    pub fn only_code_span(&self) -> Option<&Piece> {
        let mut found = None;
        for piece in &self.pieces {
            match piece.kind {
                PieceKind::Code if found.is_none() => found = Some(piece),
                PieceKind::Plain if piece.text.trim().is_empty() => {}
                PieceKind::LineEnd => {}
                _ => return None,
            }
        }
        found
    }

    /// Tells whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.pieces.iter().all(|piece| piece.text.trim().is_empty())
    }
}
