//! `check`: every fault at once, with its place, the reason and the way out.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tminus_release::plan::{Action, Mode, Work};
use tminus_runbook::check::{check_with, settle};
use tminus_runbook::compile::{Request, compile_parsed};
use tminus_runbook::diagnostic::{Diagnostic, Severity};
use tminus_runbook::settings::{self, Settings};

use crate::args::{Check, Format};
use crate::commands::source;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::screen::{self, Tone, paint};

/// Stack of a thread that checks: as much as the first thread of a process has, so that a document
/// that can be read alone can be read among others.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// `tminus check`
pub(crate) fn run(args: &Check) -> super::Result {
    let mut findings = Vec::new();
    let mut counts = [0_usize; 3];
    let (mut silenced, mut unread) = (Vec::new(), None);
    for checked in check_each(&args.runbooks) {
        // One document that cannot be read takes nothing from what is found in the others.
        let checked = match checked {
            Ok(checked) => checked,
            Err(failure) => {
                failure.show();
                unread = unread.or(Some(failure.code));
                continue;
            }
        };
        silenced.extend(checked.silenced.iter().map(|(found, reason)| {
            let mut value = found.to_json(&checked.document.0);
            value["because"] = json!(reason);
            value
        }));
        let documents = [(&checked.settings, &checked.in_settings), (&checked.document, &checked.found)];
        for ((file, text), found) in documents {
            let lines: Vec<&str> = text.lines().collect();
            for found in found {
                counts[found.severity as usize] += 1;
                match args.format {
                    Format::Json => findings.push(found.to_json(file)),
                    Format::Text => source::frame(file, &lines, found),
                }
            }
        }
    }
    let [notes, warnings, errors] = counts;
    match args.format {
        Format::Json => screen::data(&json!({ "findings": findings, "silenced": silenced }).to_string()),
        Format::Text if errors + warnings + notes == 0 && unread.is_some() => {}
        Format::Text if errors + warnings + notes == 0 => {
            screen::line(&paint(Tone::Good, "nothing found"));
            tell_silenced(silenced.len());
        }
        Format::Text => {
            let tone = if errors > 0 { Tone::Bad } else { Tone::Warn };
            let count =
                |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
            let counts = [count(errors, "error"), count(warnings, "warning"), count(notes, "note")];
            screen::line(&paint(tone, &counts.join(", ")));
            tell_silenced(silenced.len());
            screen::line("`tminus explain CODE` tells why a code hurts and how to mend it");
        }
    }
    Ok(unread.unwrap_or(if errors > 0 { ExitCode::Findings } else { ExitCode::Success }))
}

/// What is accepted is not shown, but it is counted: a silence must not be forgotten.
fn tell_silenced(count: usize) {
    if count > 0 {
        let what = if count == 1 { "finding is" } else { "findings are" };
        screen::line(&format!("{count} {what} silenced with a reason (`--format json` lists them)"));
    }
}

/// A file's name and text.
type File = (String, String);

/// What came of one document.
struct Checked {
    document: File,
    found: Vec<Diagnostic>,
    /// What is accepted, with the reasons.
    silenced: Vec<(Diagnostic, String)>,
    settings: File,
    in_settings: Vec<Diagnostic>,
}

/// Checks documents side by side, as many at once as the machine has processors. Results are in
/// the order of the arguments.
fn check_each(paths: &[PathBuf]) -> Vec<Result<Checked, Failure>> {
    let results: Vec<OnceLock<Result<Checked, Failure>>> = paths.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((path, result)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            paths.get(at).zip(results.get(at))
        } {
            // Each place is taken by one thread only, so it is still empty.
            let _ = result.set(check_one(path));
        }
    };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 1..processors.min(paths.len()) {
            // Without a further thread this one does all the work.
            let _ = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        }
        work();
    });
    results.into_iter().filter_map(OnceLock::into_inner).collect()
}

fn check_one(path: &Path) -> Result<Checked, Failure> {
    let text = source::read(path)?;
    let document = path.display().to_string();
    let (settings, file, in_settings) = settings_beside(path)?;
    let settled = all(&text, &document, &settings);
    let (found, silenced) = (settled.findings, settled.silenced);
    Ok(Checked { document: (document, text), found, silenced, settings: file, in_settings })
}

/// Reads the settings that a release of this document would be made with, and what is wrong in them.
fn settings_beside(path: &Path) -> Result<(Settings, File, Vec<Diagnostic>), Failure> {
    let file = path.parent().unwrap_or(Path::new("")).join("tminus.toml");
    let name = file.display().to_string();
    let Some(text) = source::read_beside(&file)? else {
        return Ok((Settings::default(), (name, String::new()), Vec::new()));
    };
    let (settings, found) = settings::read(&text);
    Ok((settings, (name, text), found))
}

/// Everything found in a document: by its structure and plan, and by reading its commands.
pub(crate) fn all(text: &str, document: &str, settings: &Settings) -> tminus_runbook::check::Settled {
    // A verbatim document is checked as one: that its blocks are not annotated is no fault.
    let mode = if declares_runbook(text) { Mode::Unattended } else { Mode::Assisted };
    let markdown = tminus_runbook::markdown::parse(text);
    let request = Request {
        name: document.to_owned(),
        settings: settings.clone(),
        mode,
        inputs_come_later: true,
        ..Request::default()
    };
    let compiled = compile_parsed(text, &markdown, &request);
    let commands = check_with(text, &markdown, &compiled.outline, settings);
    let mut found = compiled.diagnostics;
    for step in compiled.plan.iter().flat_map(|plan| &plan.steps) {
        if let Work::Act(Action::Unavailable(unavailable)) = &step.work {
            let message =
                format!("`{}` is not available yet: a release with it does not start", unavailable.kind);
            let line = Diagnostic::new("T917", Severity::Warning, (step.line, 1), (step.line, 2), message);
            found.push(line.with_help("until it is, let a person do it: mark the fence {.manual}"));
        }
    }
    // That one lane is empty is no fault of a document whose work stands in another.
    let elsewhere = compiled.outline.phases().next().is_some();
    found.retain(|found| found.code != "T111" || !elsewhere);
    found.extend(commands);
    found.sort_by(|a, b| {
        (a.line, a.column, a.code).cmp(&(b.line, b.column, b.code)).then(b.severity.cmp(&a.severity))
    });
    found.dedup_by(|a, b| a.line == b.line && a.column == b.column && a.code == b.code);
    settle(text, &markdown, found, &settings.checks)
}

/// Tells whether front matter says `runbook:`. Reading the whole document only to learn that would
/// cost as much as checking it.
fn declares_runbook(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    lines.next().is_some_and(|line| line.trim_end() == "---")
        && lines.take_while(|line| line.trim_end() != "---").any(|line| line.starts_with("runbook:"))
}

const _: () = assert!(Severity::Note as usize == 0 && Severity::Error as usize == 2);
