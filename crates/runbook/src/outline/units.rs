//! Units: what the compiler turns into steps, items and notes, one for each block of work.

use std::sync::Arc;

use tminus_release::plan::Interpreter;

use crate::attributes::Info;
use crate::shell::Survey;

/// A block of work or prose.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Section it stands in.
    pub section: usize,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// What a person would call it: the item it stands in, the line before it, or the heading.
    pub title: String,
    /// The list item that holds it, with its number: `5. Deploy`.
    pub item_title: Option<String>,
    /// The line ending in a colon, or the bold line, that introduces it.
    pub lead: Option<String>,
    /// Option group and the index of the way that it is part of.
    pub option: Option<(usize, usize)>,
    /// What it is.
    pub kind: UnitKind,
}

/// What a unit is.
#[derive(Clone, Debug, PartialEq)]
pub enum UnitKind {
    /// A code block.
    Fence(Box<FenceUnit>),
    /// A checklist item.
    Item(ItemUnit),
    /// A list item without a box.
    Point(PointUnit),
    /// A paragraph that is no fact and introduces nothing.
    Prose(String),
}

/// A code block.
#[derive(Clone, Debug, PartialEq)]
pub struct FenceUnit {
    /// Language and attributes.
    pub info: Info,
    /// What it is for.
    pub class: FenceClass,
    /// The code as written. Never repaired: what runs is what stands there.
    pub body: String,
    /// Document line of the body's first line.
    pub body_line: u32,
    /// Byte offset of the block in the document.
    pub start: usize,
    /// Where the block ends.
    pub end: usize,
    /// What the shell's grammar says about it. None for other languages.
    pub survey: Option<Arc<Survey>>,
}

/// What a code block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceClass {
    /// Code for an interpreter.
    Shell(Interpreter),
    /// Requests and what their answers must be.
    Http,
    /// Statements for a database.
    Sql,
    /// A control step; the class says which.
    Control(&'static str),
    /// A message that tminus sends.
    Notify,
    /// A message or document that a person sends or fills in.
    Template,
    /// Commands that nobody gave to a shell here: no language, or the prompt of another host. They
    /// never run; a person is told.
    Commands,
    /// Output, data, a diagram: never runs.
    Text,
}

/// A checklist item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemUnit {
    /// Its text without the parenthesis that names a role or a check.
    pub text: String,
    /// Whether the document has it ticked.
    pub ticked: bool,
    /// The role in `(@role)`.
    pub role: Option<String>,
    /// The check in ``(auto: `id`)``.
    pub auto: Option<String>,
    /// Number of items that hold it.
    pub depth: usize,
    /// Units of the items directly below.
    pub children: Vec<usize>,
    /// Unit of the item that holds it.
    pub parent: Option<usize>,
    /// Byte offset of the box's `[`.
    pub box_start: usize,
}

/// A list item without a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointUnit {
    /// Its text, code spans in backticks.
    pub text: String,
    /// Its number in an ordered list.
    pub number: Option<u64>,
    /// Number of items that hold it.
    pub depth: usize,
    /// The command, when the item is wholly one code span that is a command.
    pub command: Option<String>,
    /// Whether it tells somebody to do something.
    pub imperative: bool,
    /// Whether a code block or a checklist stands in it, which is then the work.
    pub holds_work: bool,
}

impl FenceUnit {
    /// Tells whether the author marked it for running: an id, a class or a control kind.
    pub fn is_annotated(&self) -> bool {
        self.info
            .attributes
            .as_ref()
            .is_some_and(|attributes| attributes.id.is_some() || !attributes.classes.is_empty())
    }

    /// Tells whether it would do something if it ran.
    pub fn is_shell_like(&self) -> bool {
        matches!(self.class, FenceClass::Shell(_) | FenceClass::Http | FenceClass::Sql)
    }

    /// Returns the id that the author gave.
    pub fn id(&self) -> Option<&str> {
        self.info.attributes.as_ref()?.id.as_ref().map(|word| word.text.as_str())
    }
}
