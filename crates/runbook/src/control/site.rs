//! `.deploy` with `target: static` as written.

use super::Body;
use crate::data::{Keys, Value};

/// A folder that is served, and what is put in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The folder that was built.
    pub from: String,
    /// The folder that holds `releases/` and the link `current`.
    pub to: String,
    /// The name of the release's own folder, inputs not yet bound; None: the release's id.
    pub name: Option<String>,
    /// How many earlier ones stay; None: all.
    pub keep: Option<u32>,
}

pub(super) fn site(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let (from, to, name, keep) =
        (keys.value("from"), keys.value("to"), keys.value("name"), keys.value("keep"));
    if from.is_none() {
        keys.missing("from", "the folder that was built, such as `from: dist`");
    }
    if to.is_none() {
        keys.missing("to", "the folder that gets `releases/` and the link `current`, such as `to: /srv/www`");
    }
    let from = from.and_then(|value| folder(keys, "from", value));
    let to = to.and_then(|value| folder(keys, "to", value));
    let name = name.and_then(|value| folder(keys, "name", value));
    let keep = keep.and_then(|value| {
        let count = value.text().and_then(|text| text.parse::<u32>().ok()).filter(|count| *count > 0);
        if count.is_none() {
            keys.fault(value, "`keep` is how many earlier releases stay, from 1: the way back needs one");
        }
        count
    });
    Some(Body::Site(Site { from: from?, to: to?, name, keep }))
}

/// Asks for the keys without reading them, so that a list of known keys has them all.
pub(super) fn known(keys: &mut Keys<'_, '_>) {
    for key in ["from", "to", "name", "keep"] {
        keys.value(key);
    }
}

fn folder(keys: &mut Keys<'_, '_>, key: &str, value: &Value) -> Option<String> {
    let text = value.text().unwrap_or_default();
    if text.contains("://") {
        keys.fault(value, "a bucket is not available yet: name a folder, or write the vendor's command as a `bash` fence with an `.undo`");
        return None;
    }
    let text = if text.len() > 1 { text.trim_end_matches('/') } else { text };
    if text.is_empty() || text.starts_with('-') || text.contains('\n') {
        keys.fault(value, format!("`{key}` is a name, not {}", value.kind()));
        return None;
    }
    Some(text.to_owned())
}
