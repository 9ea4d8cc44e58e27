//! `.deploy` with `target: static` and `target: bucket` as written.

use tminus_release::time::Span;

use super::Body;
use crate::data::{Keys, Value};

/// Caches between a bucket and its readers are given this time.
const PATIENCE: Span = Span::minutes(2);

/// A folder that is served, and what is put in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The folder that was built, inputs not yet bound.
    pub from: String,
    /// The folder that holds `releases/` and the link `current`, inputs not yet bound.
    pub to: String,
    /// The name of the release's own folder, inputs not yet bound; None: the release's id.
    pub name: Option<String>,
    /// How many earlier ones stay; None: all.
    pub keep: Option<u32>,
}

/// A bucket that is served, and what is put into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The folder that was built, inputs not yet bound.
    pub from: String,
    /// `s3://BUCKET` or `s3://BUCKET/PREFIX`, inputs not yet bound.
    pub to: String,
    /// The name of the release below it, inputs not yet bound; None: the release's id.
    pub name: Option<String>,
    /// How many earlier ones stay; None: all.
    pub keep: Option<u32>,
    /// What a reader gets.
    pub serve: Serve,
    /// The address whose answer is compared, inputs not yet bound.
    pub url: Option<String>,
    /// The file that the address serves.
    pub expect: String,
    /// How long it may take until it does.
    pub within: Span,
}

/// What readers of a bucket get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serve {
    /// What lies below the release that `current` names: a proxy looks there.
    Pointer,
    /// The objects below `to` themselves.
    Files,
}

pub(super) fn site(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let to =
        wanted(keys, "to", "the folder that gets `releases/` and the link `current`, such as `to: /srv/www`");
    let to = to.and_then(|value| folder(keys, "to", value));
    let (from, name, keep) = (from(keys), name(keys), keep(keys));
    Some(Body::Site(Site { from: from?, to: to?, name, keep }))
}

pub(super) fn bucket(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let to = wanted(keys, "to", "the bucket, and where in it, such as `to: s3://www.example.com/shop`");
    let to = to.and_then(|value| {
        let text = value.text().unwrap_or_default().trim_end_matches('/');
        if ["s3://", "$", "{{"].iter().any(|begin| text.starts_with(begin)) {
            return Some(text.to_owned());
        }
        keys.fault(value, "`to` is `s3://BUCKET` or `s3://BUCKET/PREFIX`");
        None
    });
    let serve = keys.parsed("serve", |text| match text {
        "pointer" => Ok(Serve::Pointer),
        "files" => Ok(Serve::Files),
        other => Err(format!("`{other}` is neither `pointer` nor `files`")),
    });
    if keys.value("serve").is_none() {
        keys.missing("serve", "what readers get: `serve: files` (the objects below `to`), or `serve: pointer` (a proxy looks below the release that `current` names)");
    }
    let url = keys.parsed("url", |text| {
        let is_address = text.starts_with("https://") || text.starts_with("http://") || text.starts_with('$');
        if is_address { Ok(text.to_owned()) } else { Err(format!("`{text}` is no address")) }
    });
    let expect = keys.text("expect").map(str::to_owned);
    let within = keys.duration("within");
    if url.is_none() {
        for key in ["expect", "within"] {
            if let Some(value) = keys.value(key) {
                keys.fault(value, format!("`{key}` belongs to `url`, the address that is asked"));
            }
        }
    }
    let (from, name, keep) = (from(keys), name(keys), keep(keys));
    Some(Body::Bucket(Bucket {
        from: from?,
        to: to?,
        name,
        keep,
        serve: serve?,
        url,
        expect: expect.unwrap_or_else(|| "index.html".to_owned()),
        within: within.unwrap_or(PATIENCE),
    }))
}

fn from(keys: &mut Keys<'_, '_>) -> Option<String> {
    let value = wanted(keys, "from", "the folder that was built, such as `from: dist`")?;
    folder(keys, "from", value)
}

fn name(keys: &mut Keys<'_, '_>) -> Option<String> {
    let value = keys.value("name")?;
    folder(keys, "name", value)
}

fn keep(keys: &mut Keys<'_, '_>) -> Option<u32> {
    let value = keys.value("keep")?;
    let count = value.text().and_then(|text| text.parse::<u32>().ok()).filter(|count| *count > 0);
    if count.is_none() {
        keys.fault(value, "`keep` is how many earlier releases stay, from 1: the way back needs one");
    }
    count
}

fn wanted<'v>(keys: &mut Keys<'v, '_>, key: &'static str, help: &str) -> Option<&'v Value> {
    let value = keys.value(key);
    if value.is_none() {
        keys.missing(key, help);
    }
    value
}

/// Asks for the keys without reading them, so that a list of known keys has them all.
pub(super) fn known(keys: &mut Keys<'_, '_>) {
    for key in ["from", "to", "name", "keep", "serve", "url", "expect"] {
        keys.value(key);
    }
}

fn folder(keys: &mut Keys<'_, '_>, key: &str, value: &Value) -> Option<String> {
    let text = value.text().unwrap_or_default();
    if text.contains("://") {
        keys.fault(value, format!("`{key}` is a folder; a bucket is `target: bucket`"));
        return None;
    }
    let text = if text.len() > 1 { text.trim_end_matches('/') } else { text };
    if text.is_empty() || text.starts_with('-') || text.contains('\n') {
        keys.fault(value, format!("`{key}` is a name, not {}", value.kind()));
        return None;
    }
    Some(text.to_owned())
}
