//! YAML and TOML as one tree of values with places, and a strict reader over it.
//!
//! Front matter, control steps, `tminus.toml` and the adoption sidecar are read through this.
//! Scalars stay the text that was written: `1.10` is a version as long as nobody asks for a
//! number. The reader tells every unknown key and every wrong type, not only the first.

mod read;
mod toml;
mod yaml;

pub use read::{Fault, Keys};
pub use toml::parse_toml;
pub use yaml::parse_yaml;

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// What it is.
    pub node: Node,
    /// Byte offset where it starts.
    pub start: usize,
    /// Byte offset where it ends.
    pub end: usize,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A scalar's text, quotes and escapes resolved.
    Scalar(String),
    /// An empty place: `key:` with nothing, `~` or `null`.
    Nothing,
    /// A list.
    List(Vec<Value>),
    /// Keys and values in order of writing; no key twice.
    Map(Vec<(Key, Value)>),
}

/// A key with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key's text.
    pub text: String,
    /// Byte offset where it starts.
    pub start: usize,
    /// Byte offset where it ends.
    pub end: usize,
}

impl Value {
    /// Returns the text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the entries of a map.
    pub fn entries(&self) -> Option<&[(Key, Value)]> {
        match &self.node {
            Node::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns a list's texts; one scalar counts as a list of one.
    pub fn texts(&self) -> Option<Vec<&str>> {
        match &self.node {
            Node::Scalar(text) => Some(vec![text]),
            Node::List(values) => values.iter().map(Value::text).collect(),
            _ => None,
        }
    }

    /// Names the kind of value for a message.
    pub fn kind(&self) -> &'static str {
        match &self.node {
            Node::Scalar(_) => "a text",
            Node::Nothing => "nothing",
            Node::List(_) => "a list",
            Node::Map(_) => "a map",
        }
    }
}
