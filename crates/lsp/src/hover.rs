//! What a person sees who points at something: the page of a fault, the command as it will run,
//! what a word of the language means.

use std::fmt::Write as _;
use std::ops::Range;

use tminus_release::plan::{Action, Step, Undo, Work};
use tminus_runbook::check;
use tminus_runbook::diagnostic::Diagnostic;
use tminus_runbook::lines::LineIndex;

use crate::place::{Page, Part, part_at};
use crate::words;

/// Most of a command that is shown.
const COMMAND_CHARACTERS: usize = 4_000;

/// Returns Markdown, and the bytes that it is about.
pub(crate) fn hover(page: &Page<'_>, offset: usize) -> Option<(String, Range<usize>)> {
    let lines = LineIndex::new(page.text);
    let here = |found: &&Diagnostic| {
        let bytes = found.bytes(page.text, &lines);
        bytes.start <= offset && offset <= bytes.end
    };
    let found: Vec<&Diagnostic> = page.checked.found.iter().filter(here).collect();
    let mut parts: Vec<String> = found.iter().filter_map(|found| about_fault(found)).collect();
    let mut bytes = found.first().map(|found| found.bytes(page.text, &lines));
    if let Some((unit, fence)) = page.fence_at(offset) {
        let part = fence.info.attributes.as_ref().and_then(|attributes| part_at(attributes, offset));
        let word = match &part {
            Some(Part::Class(word)) => about_word(&format!(".{}", word.text), words::class(&word.text)),
            Some(Part::Key(word)) => about_word(&format!("{}=", word.text), words::key(&word.text)),
            Some(Part::Value(key, _)) => about_word(&format!("{key}="), words::key(key)),
            Some(Part::Id(_)) | None => None,
        };
        if let (Some(word), Some(part)) = (&word, &part) {
            bytes = bytes.or(Some(part.bytes()));
            parts.push(word.clone());
        } else {
            let plan = page.checked.compiled.plan.as_ref();
            let steps = plan.into_iter().flat_map(|plan| &plan.steps).filter(|step| step.line == unit.line);
            parts.extend(steps.map(about_step));
            bytes = bytes.or(Some(fence.start..fence.end));
        }
    }
    parts.retain(|part| !part.is_empty());
    Some((parts.join("\n\n---\n\n"), bytes?)).filter(|(text, _)| !text.is_empty())
}

fn about_fault(found: &Diagnostic) -> Option<String> {
    let page = check::explain(found.code)?;
    let mut text = format!("**{}** · {}\n\n{}", page.code, page.title, page.why);
    if !page.right.is_empty() {
        let fence = "`".repeat(longest_ticks(page.right).max(2) + 1);
        let _ = write!(text, "\n\nRight:\n\n{fence}markdown\n{}\n{fence}", page.right.trim_end());
    }
    if !page.source.is_empty() {
        let _ = write!(text, "\n\nSource: {}", page.source);
    }
    Some(text)
}

fn about_word(word: &str, meaning: &str) -> Option<String> {
    (!meaning.is_empty()).then(|| format!("`{word}` {meaning}"))
}

/// The step as the plan has it: what is bound is bound here as well.
fn about_step(step: &Step) -> String {
    let mut text = format!("**{}**", step.id.0);
    if let Some(environment) = &step.environment {
        let _ = write!(text, " · {environment}");
    }
    let (language, command) = match &step.work {
        Work::Act(Action::Shell(shell)) => {
            if shell.is_far() {
                let _ = write!(text, " · on {}", shell.hosts().join(", "));
            }
            ("bash", shell.script.trim_end().to_owned())
        }
        Work::Act(Action::Http(http)) => ("http", format!("{} {}", http.method, http.url)),
        Work::Act(Action::Notify(notify)) => ("text", notify.template.trim_end().to_owned()),
        Work::Approval(approval) => ("text", approval.ask.clone()),
        Work::Task(task) => ("text", format!("a person does it: {}", task.reason)),
        _ => ("text", String::new()),
    };
    let undo = match &step.undo {
        Undo::Step(id) => format!("undo: {}", id.0),
        Undo::Unstated if step.has_effect() => "no undo stated".to_owned(),
        Undo::Impossible => "cannot be undone".to_owned(),
        Undo::Kept => "stays in a rollback".to_owned(),
        _ => String::new(),
    };
    for fact in [undo, format!("at most {}", step.timeout)] {
        if !fact.is_empty() {
            let _ = write!(text, " · {fact}");
        }
    }
    if !command.is_empty() {
        let shown: String = command.chars().take(COMMAND_CHARACTERS).collect();
        let fence = "`".repeat(longest_ticks(&shown).max(2) + 1);
        let _ = write!(text, "\n\n{fence}{language}\n{shown}\n{fence}");
    }
    text
}

fn longest_ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
