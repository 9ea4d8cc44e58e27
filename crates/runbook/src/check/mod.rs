//! The checker: what would hurt when a runbook is run exactly as written.
//!
//! One pass finds every fault. A check reads the shell's grammar and the document's structure,
//! not substrings, and an *error* is only said where the fault is certain; doubt is a warning,
//! and a guess is not said at all. Nothing here runs or fetches anything.

mod back;
mod brings;
mod changes;
mod credentials;
mod damaged;
mod database;
mod dates;
mod deploy;
mod destroy;
mod destroy_files;
mod destroy_rows;
mod document;
mod doors;
mod duties;
mod endpoints;
mod escalation;
mod explain;
mod explain_flow;
mod explain_plan;
mod fixes;
mod flow;
mod hosts;
mod kinds;
mod labels;
mod lanes;
mod lenient;
mod limits;
mod locks;
mod looks;
mod marks;
mod migrations;
mod more_tools;
mod nobody;
mod numbers;
mod own_role;
mod own_yes;
mod page;
mod pairs;
mod passes;
mod people;
mod phrases;
mod placeholders;
mod places;
mod refused;
mod restores;
mod retired;
mod rollout;
mod rows;
mod safety;
mod script;
mod signers;
mod silence;
mod spans;
mod tools;
mod tried;
mod vague;
mod variables;
mod watched;
mod weights;
mod whole;
mod windows;
mod words;
mod yeses;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod twins;

pub use explain::{Explanation, codes, explain};
pub(crate) use silence::may_be_silenced;
pub use silence::{Settled, SilencePlace, Silenced, settle};
pub use tools::{ToolFact, tool_fact};
pub use whole::{Checked, check_in_mode, check_whole, declares_runbook};

use crate::diagnostic::Diagnostic;
use crate::markdown::{self, Markdown};
use crate::outline::{self, Outline};
use crate::settings::Settings;

use flow::Flow;
use page::Page;

/// Finds every fault of a document, in document order, but for those that it silences itself. Any
/// text gives a result.
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
    settle(document, &markdown, found, &Settings::default().checks).findings
}

/// Finds the faults that reading the outline did not already tell, in no particular order, silenced
/// ones included.
pub fn check_outline(document: &str, markdown: &Markdown, outline: &Outline) -> Vec<Diagnostic> {
    check_with(document, markdown, outline, &Settings::default())
}

/// As [`check_outline`], with what `tminus.toml` says about the place.
pub fn check_with(
    document: &str,
    markdown: &Markdown,
    outline: &Outline,
    settings: &Settings,
) -> Vec<Diagnostic> {
    let mut page = Page::new(document, markdown, outline);
    page.known = variables::known_names(settings);
    document::check(&mut page);
    script::check(&mut page);
    database::check(&mut page);
    deploy::check(&mut page);
    numbers::check(&mut page);
    dates::check(&mut page);
    people::check(&mut page);
    safety::check(&mut page);
    credentials::check(&mut page);
    tools::check(&mut page);
    retired::check(&mut page);
    let flow = Flow::new(&page);
    destroy::check(&mut page, &flow);
    variables::check(&mut page, &flow);
    migrations::check(&mut page, &flow);
    back::check(&mut page, &flow);
    pairs::check(&mut page, &flow);
    rollout::check(&mut page, &flow);
    weights::check(&mut page, &flow);
    windows::check(&mut page, &flow);
    duties::check(&mut page, &flow);
    page.into_found()
}
