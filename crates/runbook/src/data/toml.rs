//! TOML becomes the same values as YAML.

use toml::de::{DeTable, DeValue};

use super::{Fault, Key, Node, Value};

/// Reads a TOML document.
///
/// # Errors
/// The first thing that is no TOML, with its place.
pub fn parse_toml(text: &str) -> Result<Value, Fault> {
    let table = DeTable::parse(text).map_err(|error| {
        let place = error.span().unwrap_or(0..0);
        Fault::new(place, format!("this is not TOML: {}", error.message()))
    })?;
    let span = table.span();
    Ok(Value { node: map(table.get_ref()), start: span.start, end: span.end })
}

fn map(table: &DeTable<'_>) -> Node {
    let mut entries: Vec<(Key, Value)> = table
        .iter()
        .map(|(key, value)| {
            let place = key.span();
            let key = Key { text: key.get_ref().to_string(), start: place.start, end: place.end };
            let span = value.span();
            (key, Value { node: node(value.get_ref()), start: span.start, end: span.end })
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.start);
    Node::Map(entries)
}

fn node(value: &DeValue<'_>) -> Node {
    match value {
        DeValue::String(text) => Node::Scalar(text.to_string()),
        DeValue::Integer(number) => Node::Scalar(number.as_str().to_owned()),
        DeValue::Float(number) => Node::Scalar(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Node::Scalar(flag.to_string()),
        DeValue::Datetime(moment) => Node::Scalar(moment.to_string()),
        DeValue::Array(values) => Node::List(
            values
                .iter()
                .map(|value| {
                    let span = value.span();
                    Value { node: node(value.get_ref()), start: span.start, end: span.end }
                })
                .collect(),
        ),
        DeValue::Table(table) => map(table),
    }
}
