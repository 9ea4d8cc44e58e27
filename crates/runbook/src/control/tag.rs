//! `.tag` as written: a name in a repository of git for what is released.

use super::Body;
use crate::data::Keys;

/// An annotated tag, pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its name, inputs not yet bound.
    pub tag: String,
    /// The commit, inputs not yet bound.
    pub at: String,
    /// What it says, inputs not yet bound; None: `Release` and its name.
    pub message: Option<String>,
    /// The remote that gets it.
    pub remote: String,
}

pub(super) fn tag(keys: &mut Keys<'_, '_>) -> Option<Body> {
    if keys.value("tag").is_none() {
        keys.missing("tag", "its name, such as `tag: $VERSION`");
    }
    let tag = keys.parsed("tag", |text| word(text, "a tag"));
    let at = keys.parsed("at", |text| word(text, "a commit")).unwrap_or_else(|| "HEAD".to_owned());
    let remote = keys.parsed("remote", |text| word(text, "a remote")).unwrap_or_else(|| "origin".to_owned());
    let message = keys.text("message").map(str::to_owned);
    Some(Body::Tag(Tag { tag: tag?, at, message, remote }))
}

fn word(text: &str, what: &str) -> Result<String, String> {
    if text.is_empty() || text.starts_with('-') || text.contains(char::is_whitespace) {
        return Err(format!("`{text}` is no name of {what}"));
    }
    Ok(text.to_owned())
}
