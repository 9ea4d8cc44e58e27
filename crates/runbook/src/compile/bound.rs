//! Keys of a recipe with the values of inputs and of the environment in place: what has to be known
//! before anything starts.

use super::bind::Dollars;
use super::drafts::{Compiler, Place};

impl Compiler<'_> {
    /// Text with the values. None, as in all of these: a fault was reported.
    pub(super) fn bound_text(&mut self, place: &Place<'_>, key: &str, written: &str) -> Option<String> {
        let variables = self.variables(place.environment.as_deref());
        let (bound, missing) = self.values.text(written, &variables, Dollars::Bound);
        if missing.is_empty() {
            return Some(bound);
        }
        self.not_bound(place, format!("`{key}` is not known: {} not bound", missing.join(", ")));
        None
    }

    /// One line.
    pub(super) fn bound_line(&mut self, place: &Place<'_>, key: &str, written: &str) -> Option<String> {
        self.bound_as(place, key, written, "line of text", |bound| !bound.contains('\n'))
    }

    /// What a program takes as one word and not as an option.
    pub(super) fn bound_word(&mut self, place: &Place<'_>, key: &str, written: &str) -> Option<String> {
        let is_word = |bound: &str| !bound.is_empty() && !bound.contains(char::is_whitespace);
        self.bound_as(place, key, written, "name", |bound| is_word(bound) && !bound.starts_with('-'))
    }

    /// A file or a folder.
    pub(super) fn bound_path(&mut self, place: &Place<'_>, key: &str, written: &str) -> Option<String> {
        let is_path = |bound: &str| !bound.is_empty() && !bound.contains('\n') && !bound.starts_with('-');
        self.bound_as(place, key, written, "path", is_path)
    }

    /// The name of a folder below another; empty when none is written.
    pub(super) fn bound_folder(&mut self, place: &Place<'_>, written: Option<&str>) -> Option<String> {
        let Some(written) = written else { return Some(String::new()) };
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._+@-".contains(&b);
        let what = "name of a folder: letters, digits and `. _ + @ -`";
        self.bound_as(place, "name", written, what, |bound| {
            bound.bytes().all(is_plain) && bound.starts_with(|first: char| first.is_ascii_alphanumeric())
        })
    }

    /// An address that curl takes; empty when none is written.
    pub(super) fn bound_address(&mut self, place: &Place<'_>, written: Option<&str>) -> Option<String> {
        let Some(written) = written else { return Some(String::new()) };
        self.bound_as(place, "url", written, "address", |bound| {
            bound.bytes().all(|b| b.is_ascii_graphic())
                && (bound.starts_with("http://") || bound.starts_with("https://"))
        })
    }

    /// A bucket, and where in it.
    pub(super) fn bound_bucket(&mut self, place: &Place<'_>, written: &str) -> Option<String> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
        let what = "`s3://BUCKET/PREFIX` of letters, digits and `. _ - /`";
        let bound = self.bound_as(place, "to", written, what, |bound| {
            let rest = bound.strip_prefix("s3://").unwrap_or_default();
            let is_place = !rest.is_empty() && !rest.starts_with('/') && !rest.contains("//");
            is_place && rest.bytes().all(is_plain)
        })?;
        // A value may end in a slash as well as what is written.
        Some(bound.trim_end_matches('/').to_owned())
    }

    fn bound_as(
        &mut self,
        place: &Place<'_>,
        key: &str,
        written: &str,
        what: &str,
        is_one: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let bound = self.bound_text(place, key, written)?;
        if is_one(&bound) {
            return Some(bound);
        }
        self.not_bound(place, format!("`{key}` would be `{bound}`, which is no {what}"));
        None
    }
}
