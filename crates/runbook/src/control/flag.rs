//! `.flag` as written.

use super::Body;
use crate::data::{Keys, Value};

/// A feature flag that changes, and changes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The flag's name.
    pub flag: String,
    /// The value by environment, inputs not yet bound.
    pub by_name: Vec<(String, String)>,
    /// The value where no environment is named.
    pub default: Option<String>,
    /// Who keeps the flag.
    pub provider: Provider,
}

/// Who keeps a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// A file in flagd's format.
    Flagd {
        /// The file.
        file: String,
    },
    /// Commands of the document.
    Command {
        /// Prints the value.
        get: String,
        /// Takes `$FLAG` and `$FLAG_VALUE`.
        set: String,
    },
}

pub(super) fn flag(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:/@".contains(&b);
    let flag = match keys.value("flag") {
        None => {
            keys.missing("flag", "its name, such as `flag: new-checkout`");
            None
        }
        Some(value) => {
            let name = value.text().filter(|text| !text.is_empty() && text.bytes().all(plain));
            if name.is_none() {
                keys.fault(value, "`flag` is no name of a flag: letters, digits and `. _ - : / @`");
            }
            name.map(str::to_owned)
        }
    };
    let (mut by_name, mut default) = (Vec::new(), None);
    match keys.value("to") {
        None => keys.missing("to", "`on`, `off`, a variant, or `{ production: on }`"),
        Some(value) => match value.entries() {
            None => default = one(keys, value),
            Some(entries) => {
                for (name, value) in entries {
                    match one(keys, value) {
                        Some(text) if name.text == "default" => default = Some(text),
                        Some(text) => by_name.push((name.text.clone(), text)),
                        None => {}
                    }
                }
            }
        },
    }
    let provider = provider(keys)?;
    let is_complete = default.is_some() || !by_name.is_empty();
    Some(Body::Flag(Flag { flag: flag.filter(|_| is_complete)?, by_name, default, provider }))
}

fn one(keys: &mut Keys<'_, '_>, value: &Value) -> Option<String> {
    match value.text() {
        Some(text) if text.ends_with('%') => {
            keys.fault(value, format!("`{text}`: a share of users is not available yet; name a variant that your provider has for it"));
            None
        }
        Some(text) if !text.is_empty() => Some(text.to_owned()),
        _ => {
            keys.fault(value, format!("a flag's value is a text, not {}", value.kind()));
            None
        }
    }
}

fn provider(keys: &mut Keys<'_, '_>) -> Option<Provider> {
    let named = keys.value("provider");
    let (file, get, set) = (keys.value("file"), keys.value("get"), keys.value("set"));
    match named.map(|value| (value, value.text())) {
        Some((_, Some("flagd"))) => {
            for (key, value) in [("get", get), ("set", set)] {
                unwanted(keys, key, value, "command");
            }
            let file = wanted(keys, "file", file, "the file in flagd's format, such as `file: flags.json`");
            Some(Provider::Flagd { file: file? })
        }
        Some((_, Some("command"))) => {
            unwanted(keys, "file", file, "flagd");
            let get = wanted(keys, "get", get, "a command that prints the value of the flag `$FLAG`");
            let help = "a command that makes `$FLAG_VALUE` the value of the flag `$FLAG`";
            let set = wanted(keys, "set", set, help);
            Some(Provider::Command { get: get?, set: set? })
        }
        Some((value, _)) => {
            keys.fault(value, "`provider` is who keeps the flag: `flagd` (a file) or `command`");
            None
        }
        None => {
            keys.missing("provider", "who keeps the flag: `provider: flagd` with `file: flags.json`, or `provider: command` with `get` and `set`");
            None
        }
    }
}

fn wanted(keys: &mut Keys<'_, '_>, key: &str, value: Option<&Value>, help: &str) -> Option<String> {
    let Some(value) = value else {
        keys.missing(key, help);
        return None;
    };
    let text = value.text().filter(|text| !text.is_empty());
    if text.is_none() {
        keys.fault(value, format!("`{key}` must be a text, not {}", value.kind()));
    }
    text.map(str::to_owned)
}

fn unwanted(keys: &mut Keys<'_, '_>, key: &str, value: Option<&Value>, provider: &str) {
    if let Some(value) = value {
        keys.fault(value, format!("`{key}` belongs to `provider: {provider}`"));
    }
}
