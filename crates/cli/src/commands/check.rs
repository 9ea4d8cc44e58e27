//! `check`: every fault at once, with its place, the reason and the way out.

use std::path::Path;

use serde_json::json;
use tminus_release::plan::{Action, Mode, Work};
use tminus_runbook::compile::{Request, compile};
use tminus_runbook::diagnostic::{Diagnostic, Severity};
use tminus_runbook::settings::{self, Settings};

use crate::args::{Check, Format};
use crate::commands::source;
use crate::exit_code::ExitCode;
use crate::screen::{self, Tone, paint};

/// `tminus check`
pub(crate) fn run(args: &Check) -> super::Result {
    let mut findings = Vec::new();
    let mut counts = [0_usize; 3];
    for path in &args.runbooks {
        let text = source::read(path)?;
        let document = path.display().to_string();
        let (settings, in_settings) = settings_beside(path)?;
        for (file, text, found) in in_settings {
            counts[found.severity as usize] += 1;
            match args.format {
                Format::Json => findings.push(found.to_json(&file)),
                Format::Text => source::frame(&file, &text.lines().collect::<Vec<_>>(), &found),
            }
        }
        let lines: Vec<&str> = text.lines().collect();
        for found in all(&text, &document, settings) {
            counts[found.severity as usize] += 1;
            match args.format {
                Format::Json => findings.push(found.to_json(&document)),
                Format::Text => source::frame(&document, &lines, &found),
            }
        }
    }
    let [notes, warnings, errors] = counts;
    match args.format {
        Format::Json => screen::data(&json!({ "findings": findings }).to_string()),
        Format::Text if errors + warnings + notes == 0 => screen::line(&paint(Tone::Good, "nothing found")),
        Format::Text => {
            let tone = if errors > 0 { Tone::Bad } else { Tone::Warn };
            let count =
                |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
            let counts = [count(errors, "error"), count(warnings, "warning"), count(notes, "note")];
            screen::line(&paint(tone, &counts.join(", ")));
            screen::line("`tminus explain CODE` tells why a code hurts and how to mend it");
        }
    }
    Ok(if errors > 0 { ExitCode::Findings } else { ExitCode::Success })
}

/// Faults of a file other than the document, with the file's name and text.
type Elsewhere = Vec<(String, String, Diagnostic)>;

/// Reads the settings that a release of this document would be made with.
fn settings_beside(path: &Path) -> Result<(Settings, Elsewhere), crate::failure::Failure> {
    let file = path.parent().unwrap_or(Path::new("")).join("tminus.toml");
    let Some(text) = source::read_beside(&file)? else { return Ok((Settings::default(), Vec::new())) };
    let (settings, found) = settings::read(&text);
    let name = file.display().to_string();
    Ok((settings, found.into_iter().map(|found| (name.clone(), text.clone(), found)).collect()))
}

/// Everything found in a document: by its structure and plan, and by reading its commands.
pub(crate) fn all(text: &str, document: &str, settings: Settings) -> Vec<Diagnostic> {
    // A verbatim document is checked as one: that its blocks are not annotated is no fault.
    let mode = if declares_runbook(text) { Mode::Unattended } else { Mode::Assisted };
    let request =
        Request { name: document.to_owned(), settings, mode, inputs_come_later: true, ..Request::default() };
    let compiled = compile(text, &request);
    let commands =
        tminus_runbook::check::check_outline(text, &tminus_runbook::markdown::parse(text), &compiled.outline);
    let mut found = compiled.diagnostics;
    for step in compiled.plan.iter().flat_map(|plan| &plan.steps) {
        if let Work::Act(Action::Unavailable(unavailable)) = &step.work {
            let message =
                format!("`{}` is not available yet: a release with it does not start", unavailable.kind);
            let line = Diagnostic::new("T917", Severity::Warning, (step.line, 1), (step.line, 2), message);
            found.push(line.with_help("until it is, let a person do it: mark the fence {.manual}"));
        }
    }
    found.extend(commands);
    found.sort_by(|a, b| {
        (a.line, a.column, a.code).cmp(&(b.line, b.column, b.code)).then(b.severity.cmp(&a.severity))
    });
    found.dedup_by(|a, b| a.line == b.line && a.column == b.column && a.code == b.code);
    found
}

/// Tells whether front matter says `runbook:`. Reading the whole document only to learn that would
/// cost as much as checking it.
fn declares_runbook(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    lines.next().is_some_and(|line| line.trim_end() == "---")
        && lines.take_while(|line| line.trim_end() != "---").any(|line| line.starts_with("runbook:"))
}

const _: () = assert!(Severity::Note as usize == 0 && Severity::Error as usize == 2);
