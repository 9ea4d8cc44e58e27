//! Reads a map key by key and tells what was not understood.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Key, Node, Value};
use crate::faults::nearest;
use tminus_release::time::Span;

/// Something wrong in data, at a range of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub bytes: Range<usize>,
    /// What, as a sentence without a full stop.
    pub message: String,
    /// What to do now.
    pub help: Option<String>,
    /// What its bytes should probably be: the nearest key that is known.
    pub near: Option<String>,
}

impl Fault {
    /// Builds a fault.
    pub fn new(bytes: Range<usize>, message: impl Into<String>) -> Fault {
        Fault { bytes, message: message.into(), help: None, near: None }
    }

    /// Adds what to do now.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Fault {
        self.help = Some(help.into());
        self
    }
}

/// A map that is being read. [`Keys::finish`] reports the keys that nobody asked for.
#[derive(Debug)]
pub struct Keys<'v, 'f> {
    what: &'f str,
    place: Range<usize>,
    entries: &'v [(Key, Value)],
    asked: Vec<&'static str>,
    faults: &'f mut Vec<Fault>,
}

impl<'v, 'f> Keys<'v, 'f> {
    /// Starts to read a value as a map. `what` names it in messages: `.approval`, "the front matter".
    pub fn of(value: &'v Value, what: &'f str, faults: &'f mut Vec<Fault>) -> Keys<'v, 'f> {
        let entries = match &value.node {
            Node::Map(entries) => entries.as_slice(),
            Node::Nothing => &[],
            _ => {
                let message = format!("{what} must be keys and values, not {}", value.kind());
                faults.push(Fault::new(value.start..value.end, message));
                &[]
            }
        };
        Keys { what, place: value.start..value.end, entries, asked: Vec::new(), faults }
    }

    /// Starts to read a value of this map as a map itself; its faults are told with the others.
    pub fn inner<'w, 's>(&'s mut self, value: &'w Value, what: &'s str) -> Keys<'w, 's> {
        Keys::of(value, what, self.faults)
    }

    /// Returns the value of a key, whatever it is.
    pub fn value(&mut self, key: &'static str) -> Option<&'v Value> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let entries: &'v [(Key, Value)] = self.entries;
        entries.iter().find(|(found, _)| found.text == key).map(|(_, value)| value)
    }

    /// Reports a fault of a value.
    pub fn fault(&mut self, value: &Value, message: impl Into<String>) {
        self.faults.push(Fault::new(value.start..value.end, message));
    }

    /// Reports the value of a key that is there.
    pub fn wrong(&mut self, key: &'static str, message: impl Into<String>) {
        if let Some(value) = self.value(key) {
            self.fault(value, message);
        }
    }

    /// Reports a key that must be there.
    pub fn missing(&mut self, key: &str, help: &str) {
        let message = format!("{} needs `{key}`", self.what);
        self.faults.push(Fault::new(self.place.clone(), message).with_help(help));
    }

    /// Returns a key's text.
    pub fn text(&mut self, key: &'static str) -> Option<&'v str> {
        let value = self.value(key)?;
        if value.text().is_none() {
            self.fault(value, format!("`{key}` must be a text, not {}", value.kind()));
        }
        value.text()
    }

    /// Returns a key's texts: a list, or one.
    pub fn texts(&mut self, key: &'static str) -> Vec<String> {
        let Some(value) = self.value(key) else { return Vec::new() };
        match value.texts() {
            Some(texts) => texts.into_iter().map(str::to_owned).collect(),
            None => {
                self.fault(value, format!("`{key}` must be a list of texts"));
                Vec::new()
            }
        }
    }

    /// Returns a key's text read by `read`, or reports what `read` says.
    pub fn parsed<T>(&mut self, key: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let value = self.value(key)?;
        let Some(text) = value.text() else {
            self.fault(value, format!("`{key}` must be a text, not {}", value.kind()));
            return None;
        };
        match read(text) {
            Ok(parsed) => Some(parsed),
            Err(reason) => {
                self.fault(value, format!("`{key}`: {reason}"));
                None
            }
        }
    }

    /// Returns a key's duration.
    pub fn duration(&mut self, key: &'static str) -> Option<Span> {
        self.parsed(key, |text| crate::rules::parse_duration(text).map_err(|error| error.to_string()))
    }

    /// Returns a map from text to text.
    pub fn text_map(&mut self, key: &'static str) -> BTreeMap<String, String> {
        let Some(value) = self.value(key) else { return BTreeMap::new() };
        let Some(entries) = value.entries() else {
            self.fault(value, format!("`{key}` must be keys and values, not {}", value.kind()));
            return BTreeMap::new();
        };
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            match value.text() {
                Some(text) => drop(map.insert(key.text.clone(), text.to_owned())),
                None => self.fault(value, format!("`{}` must be a text, not {}", key.text, value.kind())),
            }
        }
        map
    }

    /// Reports every key that was not asked for, with the nearest one that was.
    pub fn finish(self) {
        for (key, _) in self.entries {
            if self.asked.contains(&key.text.as_str()) {
                continue;
            }
            let message = format!("{} has no key `{}`", self.what, key.text);
            let near = nearest(&key.text, self.asked.iter().copied());
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys: {}", self.asked.join(", ")),
            };
            let fault = Fault::new(key.start..key.end, message).with_help(help);
            self.faults.push(Fault { near: near.map(str::to_owned), ..fault });
        }
    }
}
