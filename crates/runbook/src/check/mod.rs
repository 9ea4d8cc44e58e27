//! The checker: what would hurt when a runbook is run exactly as written.
//!
//! One pass finds every fault. A check reads the shell's grammar and the document's structure,
//! not substrings, and an *error* is only said where the fault is certain; doubt is a warning,
//! and a guess is not said at all. Nothing here runs or fetches anything.

mod database;
mod deploy;
mod document;
mod explain;
mod explain_plan;
mod numbers;
mod page;
mod people;
mod safety;
mod script;
mod tools;

#[cfg(test)]
mod tests;

pub use explain::{Explanation, codes, explain};

use crate::diagnostic::Diagnostic;
use crate::markdown::{self, Markdown};
use crate::outline::{self, Outline};

use page::Page;

/// Finds every fault of a document, in document order. Any text gives a result.
///
/// `name` is the file's name, used as the title of a document without headings.
pub fn check(document: &str, name: &str) -> Vec<Diagnostic> {
    let markdown = markdown::parse(document);
    let (outline, mut found) = outline::read(document, &markdown, name);
    found.extend(check_outline(document, &markdown, &outline));
    found.sort_by(|left, right| {
        (left.line, left.column, left.code).cmp(&(right.line, right.column, right.code))
    });
    found.dedup();
    found
}

/// Finds the faults that reading the outline did not already tell, in no particular order.
pub fn check_outline(document: &str, markdown: &Markdown, outline: &Outline) -> Vec<Diagnostic> {
    let mut page = Page::new(document, markdown, outline);
    document::check(&mut page);
    script::check(&mut page);
    database::check(&mut page);
    deploy::check(&mut page);
    numbers::check(&mut page);
    people::check(&mut page);
    safety::check(&mut page);
    tools::check(&mut page);
    page.into_found()
}
