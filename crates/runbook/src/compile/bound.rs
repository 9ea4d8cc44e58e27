//! Keys of a recipe with the values of inputs and of the environment in place: what has to be known
//! before anything starts.

use std::collections::BTreeMap;

use super::bind::Dollars;
use super::database::quote;
use super::drafts::{Compiler, Place};

/// Stands around a name whose value is put in when the script runs.
const LATE: char = '\u{1}';

/// What a script says where such a value is missing.
const MISSING: &str = ":?no step of this release has pushed it}";

impl Compiler<'_> {
    /// Text with the values. None, as in all of these: a fault was reported.
    pub(super) fn bound_text(&mut self, place: &Place<'_>, key: &str, written: &str) -> Option<String> {
        let variables = self.variables(place.environment.as_deref());
        self.bound_among(place, key, written, &variables)
    }

    /// One line as a word of a script. What an `.image` before this step finds out, its name with its digest,
    /// is put in when the script runs: it is not known before.
    pub(super) fn bound_late(&mut self, place: &Place<'_>, key: &str, written: &str) -> Option<String> {
        let mut variables = self.variables(place.environment.as_deref());
        variables.extend(self.image_outputs.iter().map(|name| (name.clone(), format!("{LATE}{name}{LATE}"))));
        let bound = self.bound_among(place, key, written, &variables)?;
        if bound.contains('\n') {
            self.not_bound(place, format!("`{key}` would be `{bound}`, which is no line of text"));
            return None;
        }
        let pieces = bound.split(LATE).enumerate().filter(|(_, piece)| !piece.is_empty());
        let word = |(at, piece): (usize, &str)| match at % 2 {
            0 => quote(piece),
            _ => format!("\"${{{piece}{MISSING}\""),
        };
        Some(pieces.map(word).collect())
    }

    fn bound_among(
        &mut self,
        place: &Place<'_>,
        key: &str,
        written: &str,
        variables: &BTreeMap<String, String>,
    ) -> Option<String> {
        if !self.is_no_command(place, key, written) {
            return None;
        }
        let (bound, missing) = self.values.text(written, variables, Dollars::Bound);
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

    /// An address of a service, or a port of its container and a path.
    pub(super) fn bound_asked(&mut self, place: &Place<'_>, written: &str) -> Option<String> {
        let begins = |bound: &str| ["http://", "https://", ":"].iter().any(|head| bound.starts_with(head));
        self.bound_as(place, "healthy", written, "address", |bound| {
            bound.bytes().all(|b| b.is_ascii_graphic()) && begins(bound)
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

/// A script that takes back what [`Compiler::bound_late`] put in: a value that is missing stops it no more.
pub(super) fn needs_no_late_values(script: &str) -> String {
    script.replace(MISSING, "-}")
}
