//! `.gate` as written: what has to be so before the release goes on.

use super::Body;
use crate::data::{Keys, Value};

/// Conditions that are looked at, and change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// An env file against its example.
    pub env_keys: Option<EnvKeys>,
    /// Whether the work tree must have no change.
    pub is_git_clean: bool,
}

/// An env file that must have the keys of its example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvKeys {
    /// The example.
    pub example: String,
    /// The file.
    pub file: String,
    /// Keys that may be in one of them only.
    pub allow: Vec<String>,
}

pub(super) fn gate(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let (env_keys, git) = (keys.value("env_keys"), keys.value("git"));
    let mut is_later = false;
    for key in super::unavailable_keys("gate") {
        is_later |= keys.value(key).is_some();
    }
    if is_later || (env_keys.is_none() && git.is_none()) {
        return Some(Body::Unavailable);
    }
    if let Some(value) = git
        && value.text() != Some("clean")
    {
        keys.fault(value, "`git` knows one condition: `clean`");
        return None;
    }
    let env_keys = match env_keys {
        Some(value) => Some(pair(keys, value)?),
        None => None,
    };
    Some(Body::Gate(Gate { env_keys, is_git_clean: git.is_some() }))
}

fn pair(keys: &mut Keys<'_, '_>, value: &Value) -> Option<EnvKeys> {
    let mut keys = keys.inner(value, "`env_keys`");
    let (example, file) = (keys.text("example"), keys.text("file"));
    for (key, found) in [("example", example), ("file", file)] {
        if found.is_none() {
            keys.missing(key, "`env_keys: { example: .env.example, file: .env.production }`");
        }
    }
    let allow = keys.texts("allow");
    keys.finish();
    Some(EnvKeys { example: example?.to_owned(), file: file?.to_owned(), allow })
}
