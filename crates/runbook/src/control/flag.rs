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
    /// An Unleash server, by its Admin API.
    Unleash {
        /// Its address, inputs not yet bound.
        url: String,
        /// The secret with the token.
        token: String,
        /// The flag's project.
        project: String,
        /// The environment there; None: that of the phase.
        environment: Option<String>,
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
    if matches!(provider, Provider::Unleash { .. }) {
        unleash_values(keys);
    } else {
        no_share(keys);
    }
    let is_complete = default.is_some() || !by_name.is_empty();
    Some(Body::Flag(Flag { flag: flag.filter(|_| is_complete)?, by_name, default, provider }))
}

fn one(keys: &mut Keys<'_, '_>, value: &Value) -> Option<String> {
    match value.text() {
        Some(text) if !text.is_empty() => Some(text.to_owned()),
        _ => {
            keys.fault(value, format!("a flag's value is a text, not {}", value.kind()));
            None
        }
    }
}

/// Every value that is written, with its place.
fn values<'v>(keys: &mut Keys<'v, '_>) -> Vec<&'v Value> {
    let Some(value) = keys.value("to") else { return Vec::new() };
    value.entries().map_or_else(|| vec![value], |entries| entries.iter().map(|(_, value)| value).collect())
}

fn no_share(keys: &mut Keys<'_, '_>) {
    for value in values(keys) {
        if let Some(text) = value.text().filter(|text| text.ends_with('%')) {
            keys.fault(value, format!("`{text}`: a share of users belongs to `provider: unleash`; name a variant that your provider has for it"));
        }
    }
}

fn unleash_values(keys: &mut Keys<'_, '_>) {
    for value in values(keys) {
        let Some(text) = value.text() else { continue };
        let share = text.strip_suffix('%').and_then(|share| share.parse::<u32>().ok());
        let is_known =
            matches!(text, "on" | "off") || text.contains('$') || share.is_some_and(|share| share <= 100);
        if !is_known {
            keys.fault(value, format!("`{text}`: a flag of Unleash is `on`, `off` or a share such as `25%`"));
        }
    }
    // It stands in an address.
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    for key in ["flag", "project", "environment"] {
        if let Some(value) = keys.value(key).filter(|value| value.text().is_some_and(|text| !plain(text))) {
            keys.fault(value, format!("`{key}`: a name in Unleash has letters, digits and `. _ -`"));
        }
    }
}

fn unleash(keys: &mut Keys<'_, '_>) -> Option<Provider> {
    let url = keys.parsed("url", |text| {
        let is_address = text.starts_with("https://") || text.starts_with("http://") || text.starts_with('$');
        if is_address { Ok(text.to_owned()) } else { Err(format!("`{text}` is no address")) }
    });
    if keys.value("url").is_none() {
        keys.missing("url", "the address of Unleash, such as `url: https://unleash.example.com`");
    }
    let token = keys.parsed("token", |text| {
        if crate::names::is_variable(text) {
            Ok(text.to_owned())
        } else {
            Err("wants the name of a secret under [secrets], such as UNLEASH_TOKEN, and never a token itself"
                .to_owned())
        }
    });
    let project = keys.text("project").unwrap_or("default").to_owned();
    let environment = keys.text("environment").map(str::to_owned);
    let token = if keys.value("token").is_none() { "UNLEASH_TOKEN".to_owned() } else { token? };
    Some(Provider::Unleash { url: url?, token, project, environment })
}

fn provider(keys: &mut Keys<'_, '_>) -> Option<Provider> {
    let named = keys.value("provider");
    let (file, get, set) = (keys.value("file"), keys.value("get"), keys.value("set"));
    let is_unleash = named.and_then(Value::text) == Some("unleash");
    for key in ["url", "token", "project", "environment"] {
        let value = keys.value(key);
        if !is_unleash {
            unwanted(keys, key, value, "unleash");
        }
    }
    match named.map(|value| (value, value.text())) {
        Some((_, Some("flagd"))) => {
            for (key, value) in [("get", get), ("set", set)] {
                unwanted(keys, key, value, "command");
            }
            let file = wanted(keys, "file", file, "the file in flagd's format, such as `file: flags.json`");
            Some(Provider::Flagd { file: file? })
        }
        Some((_, Some("unleash"))) => {
            unwanted(keys, "file", file, "flagd");
            for (key, value) in [("get", get), ("set", set)] {
                unwanted(keys, key, value, "command");
            }
            unleash(keys)
        }
        Some((_, Some("command"))) => {
            unwanted(keys, "file", file, "flagd");
            let get = wanted(keys, "get", get, "a command that prints the value of the flag `$FLAG`");
            let help = "a command that makes `$FLAG_VALUE` the value of the flag `$FLAG`";
            let set = wanted(keys, "set", set, help);
            Some(Provider::Command { get: get?, set: set? })
        }
        Some((value, _)) => {
            keys.fault(value, "`provider` is who keeps the flag: `flagd` (a file), `unleash` or `command`");
            None
        }
        None => {
            keys.missing("provider", "who keeps the flag: `provider: flagd` with `file: flags.json`, `provider: unleash` with `url`, or `provider: command` with `get` and `set`");
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
