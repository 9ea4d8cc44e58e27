//! YAML events become values. Anchors, aliases, tags and several documents are refused: what a
//! person reviews in a runbook must be what stands there.

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::{Fault, Key, Node, Value};

/// How deep lists and maps may nest.
const DEPTH_LIMIT: usize = 32;

/// Reads YAML whose first byte is byte `base` of the document.
///
/// # Errors
/// The first thing that is no plain YAML, with its place. Duplicate keys are faults.
pub fn parse_yaml(text: &str, base: usize) -> Result<Value, Fault> {
    let mut builder = Builder { stack: Vec::new(), root: None, base, text };
    let whole = || base..base + text.len();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = base + byte_of(text, error.marker().index()).min(text.len());
            Fault::new(at..at, format!("this is not YAML: {}", lower_first(&error.info())))
        })?;
        builder.take(event, span)?;
    }
    Ok(builder.root.unwrap_or(Value { node: Node::Nothing, start: whole().start, end: whole().end }))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// The parser counts characters; everything else counts bytes.
fn byte_of(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at)
}

enum Open {
    List(Vec<Value>, usize),
    Map(Vec<(Key, Value)>, Option<Key>, usize),
}

struct Builder<'a> {
    stack: Vec<Open>,
    root: Option<Value>,
    base: usize,
    text: &'a str,
}

impl Builder<'_> {
    fn range(&self, span: Span) -> std::ops::Range<usize> {
        let bytes = span
            .byte_range()
            .unwrap_or_else(|| byte_of(self.text, span.start.index())..byte_of(self.text, span.end.index()));
        self.base + bytes.start..self.base + bytes.end
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let range = self.range(span);
        match event {
            Event::Scalar(text, style, _, tag) => {
                if tag.is_some() {
                    return Err(Fault::new(range, "tags (`!name`) have no meaning here"));
                }
                let plain = matches!(style, ScalarStyle::Plain);
                let nothing = plain && matches!(text.as_ref(), "" | "~" | "null");
                let node = if nothing { Node::Nothing } else { Node::Scalar(text.into_owned()) };
                self.value(Value { node, start: range.start, end: range.end })
            }
            Event::SequenceStart(..) => self.open(Open::List(Vec::new(), range.start), range),
            Event::MappingStart(..) => self.open(Open::Map(Vec::new(), None, range.start), range),
            Event::SequenceEnd | Event::MappingEnd => self.close(range.end),
            Event::Alias(..) => {
                Err(Fault::new(range, "aliases (`*name`) hide what is meant; write the value out"))
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(Fault::new(range, "one document is enough: `---` starts a second one"))
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, open: Open, range: std::ops::Range<usize>) -> Result<(), Fault> {
        if let Some(Open::Map(_, None, _)) = self.stack.last() {
            return Err(Fault::new(range, "a key must be a text"));
        }
        if self.stack.len() >= DEPTH_LIMIT {
            return Err(Fault::new(range, format!("nested more than {DEPTH_LIMIT} deep")));
        }
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self, end: usize) -> Result<(), Fault> {
        let value = match self.stack.pop() {
            Some(Open::List(values, start)) => Value { node: Node::List(values), start, end: end.max(start) },
            Some(Open::Map(entries, _, start)) => {
                Value { node: Node::Map(entries), start, end: end.max(start) }
            }
            None => return Ok(()),
        };
        self.value(value)
    }

    fn value(&mut self, value: Value) -> Result<(), Fault> {
        match self.stack.last_mut() {
            None => self.root = Some(value),
            Some(Open::List(values, _)) => values.push(value),
            Some(Open::Map(entries, pending, _)) => match pending.take() {
                Some(key) => entries.push((key, value)),
                None => {
                    let range = value.start..value.end;
                    let Node::Scalar(text) = value.node else {
                        return Err(Fault::new(range, "a key must be a text"));
                    };
                    if entries.iter().any(|(key, _)| key.text == text) {
                        return Err(Fault::new(
                            range,
                            format!("`{text}` is written twice; only one can count"),
                        ));
                    }
                    *pending = Some(Key { text, start: range.start, end: range.end });
                }
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_stay_as_written() {
        let text = "a: 1.10\nb: yes\nc: '< 1%'\nd: < 500ms\ne:\nf: [5%, 010]\n";
        let value = parse_yaml(text, 100).unwrap();
        let entries = value.entries().unwrap();
        let texts: Vec<Option<&str>> = entries.iter().map(|(_, value)| value.text()).collect();
        assert_eq!(texts, [Some("1.10"), Some("yes"), Some("< 1%"), Some("< 500ms"), None, None]);
        assert_eq!(entries[5].1.texts().unwrap(), ["5%", "010"]);
        for (key, _) in entries {
            assert_eq!(&text[key.start - 100..key.end - 100], key.text, "places are those of the document");
        }
    }

    #[test]
    fn what_hides_meaning_is_refused() {
        let table = [
            ("a: 1\na: 2\n", "written twice"),
            ("a: &x 1\nb: *x\n", "aliases"),
            ("a: !!str 1\n", "tags"),
            ("a: 1\n---\nb: 2\n", "second one"),
            ("[a]: 1\n", "must be a text"),
            ("a: [1\n", "not YAML"),
            ("a: \"x\n", "not YAML"),
        ];
        for (text, words) in table {
            let fault = parse_yaml(text, 0).unwrap_err();
            assert!(fault.message.contains(words), "{text}: {}", fault.message);
        }
    }
}
