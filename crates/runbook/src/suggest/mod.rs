//! The annotated version of a verbatim document: what to write into it so that it runs unattended.
//!
//! Only what is certain is written; what is not becomes a question with its line. Whether the
//! result compiles is not argued but tried: a block that the compiler refuses becomes a person's
//! task, and what is still in the way is told in the compiler's own words. Nothing that a person
//! reads is changed: attributes and a few lines are put in between.

mod blocks;
mod head;
mod undo;

use std::collections::BTreeMap;

use tminus_release::plan::Mode;

use crate::check::check_in_mode;
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Splice, apply};
use crate::markdown;
use crate::outline::{self, Outline};
use crate::settings::Settings;

use blocks::{Block, Class};

/// Blocks may have to become tasks one after the other; more rounds than this find nothing new.
const MOST_ROUNDS: usize = 6;

/// A suggestion.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// What to write into the document.
    pub splices: Vec<Splice>,
    /// What only a person can tell, in document order.
    pub questions: Vec<Question>,
    /// What is in the way of an unattended release once the splices are made; places are those of
    /// the changed document.
    pub left: Vec<Diagnostic>,
    /// How many blocks got attributes.
    pub blocks: usize,
}

/// Something that only a person can tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Line of the document as it is now, from 1.
    pub line: u32,
    /// What is asked, with what to write for each answer.
    pub text: String,
}

/// Why there is no suggestion.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuggestError {
    /// The phase that was named is not there.
    #[error("no phase is called `{name}`")]
    NoPhase {
        /// As it was named.
        name: String,
        /// The phases by number and title.
        phases: Vec<String>,
    },
}

/// Suggests attributes for a document, or for one phase of it: by its number or a part of its title.
///
/// # Errors
/// There is no such phase.
pub fn suggest(
    document: &str,
    name: &str,
    settings: &Settings,
    phase: Option<&str>,
) -> Result<Suggestion, SuggestError> {
    let markdown = markdown::parse(document);
    let (outline, _) = outline::read(document, &markdown, name);
    let wanted = phase.map(|phase| find_phase(&outline, phase)).transpose()?;
    let all = blocks::find(document, &outline, &markdown);
    let is_meant =
        |block: &Block| wanted.is_none_or(|phase| outline.sections[block.section].phase == Some(phase));
    let (mut blocks, others): (Vec<Block>, Vec<Block>) = all.into_iter().partition(is_meant);
    // Front matter makes a runbook of the whole document; it comes with the last phase.
    let whole = others.is_empty();
    undo::pair(&outline, &mut blocks);
    let mut round = 0;
    loop {
        let splices = splices(document, &outline, &markdown, &blocks, whole);
        let changed = apply(document, &splices);
        let checked = check_in_mode(&changed, name, settings.clone(), Mode::Unattended);
        let lines = lines_by_id(&checked.compiled.outline);
        let errors: Vec<Diagnostic> = checked
            .compiled
            .diagnostics
            .into_iter()
            .filter(|found| found.severity == Severity::Error)
            .collect();
        round += 1;
        if round < MOST_ROUNDS && give_way(&mut blocks, &lines, &errors) {
            continue;
        }
        let left = errors.into_iter().filter(|found| whole || is_in_way(found, &blocks, &lines));
        let mut questions = questions(&outline, &blocks);
        if splices.iter().any(|splice| splice.replacement.contains("\nslo: {")) {
            questions.extend(head::limits(&outline).into_iter().map(watched));
            questions.sort();
        }
        return Ok(Suggestion { questions, left: left.collect(), blocks: blocks.len(), splices });
    }
}

/// Finds the section of a phase.
fn find_phase(outline: &Outline, name: &str) -> Result<usize, SuggestError> {
    let phases: Vec<(usize, &str)> =
        outline.phases().map(|(at, section)| (at, section.title.as_str())).collect();
    let by_number = name.parse::<usize>().ok().and_then(|number| phases.get(number.wrapping_sub(1)));
    let lower = name.to_lowercase();
    let mut by_title = phases.iter().filter(|(_, title)| title.to_lowercase().contains(&lower));
    let found = by_number.or_else(|| by_title.next().filter(|_| by_title.next().is_none()));
    found.map(|(at, _)| *at).ok_or_else(|| SuggestError::NoPhase {
        name: name.to_owned(),
        phases: phases.iter().zip(1..).map(|((_, title), number)| format!("{number}  {title}")).collect(),
    })
}

/// Everything that is to be written.
fn splices(
    document: &str,
    outline: &Outline,
    markdown: &markdown::Markdown,
    blocks: &[Block],
    whole: bool,
) -> Vec<Splice> {
    let line_end = if document.contains("\r\n") { "\r\n" } else { "\n" };
    let mut splices: Vec<Splice> = blocks.iter().map(|block| block.splice(line_end)).collect();
    splices.extend(head::fact_lines(document, outline, markdown, blocks, line_end));
    if whole && !blocks.is_empty() {
        splices.extend(head::front_matter(document, outline, markdown, blocks, line_end));
    }
    splices.sort_by_key(|splice| splice.start);
    splices
}

/// Where each id stands in a document.
fn lines_by_id(outline: &Outline) -> BTreeMap<String, (u32, u32)> {
    let fences = outline.units.iter().filter_map(|unit| match &unit.kind {
        outline::UnitKind::Fence(fence) => Some((fence.id()?.to_owned(), (unit.line, unit.end_line))),
        _ => None,
    });
    fences.collect()
}

/// Makes a person's task of each block that the compiler refuses, and takes back an undo that it
/// does not understand. Tells whether anything changed.
fn give_way(blocks: &mut [Block], lines: &BTreeMap<String, (u32, u32)>, errors: &[Diagnostic]) -> bool {
    let mut changed = false;
    for found in errors {
        let here = |block: &&mut Block| {
            lines.get(&block.id).is_some_and(|(from, to)| (*from..=*to).contains(&found.line))
        };
        let Some(block) = blocks.iter_mut().find(here) else { continue };
        match found.code {
            "T905" if block.undo.take().is_some() => changed = true,
            // What the author's own words make impossible, a person does until they are changed.
            "T903" | "T904" | "T906" | "T909" if block.class != Some(Class::Manual) => {
                block.class = Some(Class::Manual);
                block.why = Some(found.message.clone());
                block.undo = None;
                changed = true;
            }
            _ => {}
        }
    }
    if changed {
        // The undo of a task is nobody's undo any more.
        let used: Vec<String> = blocks.iter().filter_map(|block| block.undo.clone()).collect();
        for block in blocks.iter_mut().filter(|block| block.class == Some(Class::Undo)) {
            if !used.contains(&block.id) {
                block.class = None;
            }
        }
    }
    changed
}

fn is_in_way(found: &Diagnostic, blocks: &[Block], lines: &BTreeMap<String, (u32, u32)>) -> bool {
    let places = blocks.iter().filter_map(|block| lines.get(&block.id));
    places.into_iter().any(|(from, to)| (*from..=*to).contains(&found.line))
}

/// Whether a sentence is a rule is for a person to say.
fn watched(found: &outline::FoundThreshold) -> Question {
    let metric = &found.threshold.metric;
    let text = format!(
        "the limit for {metric} becomes a rule (`slo` in the front matter) that soaks and watches keep: \
         say in tminus.toml where its numbers come from, or leave it out"
    );
    Question { line: found.line, text }
}

fn questions(outline: &Outline, blocks: &[Block]) -> Vec<Question> {
    let mut questions = Vec::new();
    for block in blocks {
        if let (Some(Class::Manual), Some(why)) = (block.class, &block.why) {
            let text = format!("`{}` is left to a person ({why}); change it, or keep `.manual`", block.id);
            questions.push(Question { line: block.line, text });
        }
        if block.needs_undo() && outline.sections[block.section].lane != tminus_release::plan::Lane::Rollback
        {
            let text = format!(
                "`{}` changes something, and the document does not say for certain what takes it back: \
                 write `undo=ID`, or `undo=none` for a point of no return",
                block.id
            );
            questions.push(Question { line: block.line, text });
        }
    }
    questions.sort();
    questions
}

#[cfg(test)]
mod tests;
