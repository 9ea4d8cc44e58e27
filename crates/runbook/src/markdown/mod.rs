//! Markdown as a tree of blocks with byte ranges.
//!
//! Reading never fails: any text gives a tree. Ranges are offsets into the text as given, front
//! matter and byte-order mark included, so that an edit can replace exactly the bytes that were
//! read. Nothing here knows what a runbook is, and nothing writes Markdown back.

mod admonition;
mod parse;
mod text;

pub use parse::parse;
pub use text::{Piece, PieceKind, Text};

use crate::lines::LineIndex;

/// A document as blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Markdown {
    /// The YAML between the first two `---` lines, when the document starts with it.
    pub front_matter: Option<FrontMatterText>,
    /// Everything after the front matter.
    pub blocks: Vec<Block>,
    /// Where lines start.
    pub lines: LineIndex,
}

/// Front matter, not yet understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontMatterText {
    /// The YAML, without the `---` lines.
    pub text: String,
    /// Byte offset of the YAML in the document.
    pub start: usize,
    /// False when the closing `---` is missing: then the text reaches to the first blank line.
    pub closed: bool,
}

/// A block of Markdown.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// `# …` or a line underlined with `=` or `-`.
    Heading(Heading),
    /// A paragraph.
    Paragraph(Text),
    /// A fenced or indented code block.
    Fence(Fence),
    /// A bullet or numbered list.
    List(List),
    /// A table in GitHub's form.
    Table(Table),
    /// `> …`
    Quote(Vec<Block>),
    /// A line across the page.
    Rule,
    /// A block of HTML; comments and tags have no meaning here.
    Html(Html),
}

/// A block of HTML: only what folds text away is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Html {
    /// First line, from 1.
    pub line: u32,
    /// Whether it opens or closes `<details>`.
    pub details: Option<Details>,
}

/// One end of what is folded away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Details {
    /// `<details>`, with the text of its `<summary>`.
    Opens(String),
    /// `</details>`
    Closes,
}

/// A heading.
#[derive(Clone, Debug, PartialEq)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// What it says.
    pub text: Text,
}

/// A code block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The info string exactly as written, without the spaces around it.
    pub info: String,
    /// Byte offset of the info string.
    pub info_start: usize,
    /// The code without the indentation of the block that holds it, each line ended by `\n`.
    pub body: String,
    /// Line of the document, from 1, on which the body's first line stands. Body line `n` (from 0)
    /// is document line `body_line + n`.
    pub body_line: u32,
    /// First line of the whole block.
    pub line: u32,
    /// Last line of the whole block.
    pub end_line: u32,
    /// Byte offsets of the whole block.
    pub start: usize,
    /// End of the block.
    pub end: usize,
    /// Fenced or indented, and whether the fence is closed.
    pub kind: FenceKind,
}

/// How a code block is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceKind {
    /// By a line of backticks or tildes at both ends.
    Fenced,
    /// By a line of backticks or tildes that is never closed: the rest of the container is code.
    Unclosed,
    /// By four spaces of indentation.
    Indented,
}

/// A list.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// The number of the first item; None for bullets.
    pub first_number: Option<u64>,
    /// Its items.
    pub items: Vec<ListItem>,
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListItem {
    /// The task box, when it has one.
    pub task: Option<TaskBox>,
    /// What it holds; the first block is usually a paragraph.
    pub blocks: Vec<Block>,
    /// First line, from 1.
    pub line: u32,
    /// Byte offsets of the item, marker included.
    pub start: usize,
    /// End of the item.
    pub end: usize,
}

/// `[ ]` or `[x]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskBox {
    /// Whether it is ticked in the document.
    pub ticked: bool,
    /// Byte offset of the `[`.
    pub start: usize,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The header's cells.
    pub header: Vec<Text>,
    /// The rows' cells. A row may be shorter than the header.
    pub rows: Vec<TableRow>,
    /// First line, from 1.
    pub line: u32,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRow {
    /// Line, from 1.
    pub line: u32,
    /// Its cells.
    pub cells: Vec<Text>,
}

impl ListItem {
    /// Returns the item's own text: its first paragraph.
    pub fn text(&self) -> Option<&Text> {
        match self.blocks.first() {
            Some(Block::Paragraph(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the lists nested in the item.
    pub fn lists(&self) -> impl Iterator<Item = &List> {
        self.blocks.iter().filter_map(|block| match block {
            Block::List(list) => Some(list),
            _ => None,
        })
    }
}

impl Markdown {
    /// Visits every block in document order, those inside lists and quotes included.
    ///
    /// Iterative, so that no document can exhaust the stack; the tree's depth is bounded as well.
    pub fn walk<'a>(&'a self, mut visit: impl FnMut(&'a Block)) {
        let mut pending: Vec<&Block> = self.blocks.iter().rev().collect();
        while let Some(block) = pending.pop() {
            visit(block);
            match block {
                Block::List(list) => {
                    pending.extend(list.items.iter().rev().flat_map(|item| item.blocks.iter().rev()));
                }
                Block::Quote(blocks) => pending.extend(blocks.iter().rev()),
                _ => {}
            }
        }
    }
}
