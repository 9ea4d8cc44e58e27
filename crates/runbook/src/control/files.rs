//! `.send` and `.fetch` as written.

use super::Body;
use crate::data::Keys;

/// A file that hosts get, or that is got from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The file; inputs not yet bound.
    pub from: String,
    /// The file there, or the folder here that gets a folder for each host; inputs not yet bound.
    pub to: String,
    /// The mode of the file there; None: that of the file in its place, or 644.
    pub mode: Option<String>,
}

pub(super) fn send(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let (from, to) = both(
        keys,
        [
            "the file here, such as `from: config/app.toml`",
            "the file there, such as `to: /etc/shop/app.toml`",
        ],
    );
    let mode = keys.parsed("mode", |text| {
        let is_octal = matches!(text.len(), 3 | 4) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
        if is_octal { Ok(text.to_owned()) } else { Err(format!("`{text}` is no mode; write `640`")) }
    });
    Some(Body::Send(Transfer { from: from?, to: to?, mode }))
}

pub(super) fn fetch(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let (from, to) = both(
        keys,
        [
            "the file there, such as `from: /var/log/shop/app.log`",
            "the folder here that gets a folder for each host, such as `to: logs`",
        ],
    );
    Some(Body::Fetch(Transfer { from: from?, to: to?, mode: None }))
}

fn both(keys: &mut Keys<'_, '_>, help: [&str; 2]) -> (Option<String>, Option<String>) {
    (path(keys, "from", help[0]), path(keys, "to", help[1]))
}

fn path(keys: &mut Keys<'_, '_>, key: &'static str, help: &str) -> Option<String> {
    let Some(value) = keys.value(key) else {
        keys.missing(key, help);
        return None;
    };
    let text = value.text().filter(|text| !text.is_empty() && !text.contains('\n') && !text.starts_with('-'));
    if text.is_none() {
        keys.fault(value, format!("`{key}` is {help}"));
    }
    text.map(str::to_owned)
}
