//! `check`: every fault at once, with its place, the reason and the way out.

pub(super) mod fix;
mod github;
mod markdown;
mod sarif;
mod second;
mod sheet;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tminus_runbook::check::{Checked, Silenced, check_whole};
use tminus_runbook::diagnostic::{Diagnostic, Severity};
use tminus_runbook::settings::{self, Settings};

use crate::args::{Check, FailOn, Format};
use crate::commands::source;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::screen::{self, Tone, paint};

use second::Wanted;
use sheet::{Counts, Sheet};

/// Stack of a thread that checks: as much as the first thread of a process has, so that a document
/// that can be read alone can be read among others.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// The plan of a larger document takes longer to be taken apart than a thread takes to start.
const LARGE_BYTES: usize = 64 * 1024;

/// `tminus check`
pub(crate) fn run(args: &Check) -> super::Result {
    let Looked { mut sheets, unread } = gather(&args.runbooks, wanted(args));
    if let Some(level) = args.fix {
        for sheet in &mut sheets {
            fix::mend(sheet, level.into(), args.yes)?;
        }
        if !screen::is_terminal() && !args.yes {
            // The output is the patch, and nothing else belongs into it.
            return Ok(unread.unwrap_or(exit_code(&sheets, args.fail_on)));
        }
    }
    if args.without_silenced {
        sheets.iter_mut().for_each(|sheet| sheet.silenced.clear());
    }
    match args.format {
        Format::Text if unread.is_some() && Counts::of(&sheets).all() == 0 => {}
        Format::Text => text(&sheets),
        Format::Json => {
            let findings: Vec<_> = sheets
                .iter()
                .flat_map(|sheet| sheet.found.iter().map(|found| found.to_json(&sheet.name)))
                .collect();
            let silenced: Vec<_> = sheets.iter().flat_map(accepted).collect();
            screen::data(&json!({ "findings": findings, "silenced": silenced }).to_string());
        }
        Format::Sarif => screen::data(&sarif::log(&sheets).to_string()),
        Format::Markdown => screen::data(markdown::page(&sheets).trim_end()),
        Format::Github => screen::data(&github::annotations(&sheets)),
    }
    Ok(unread.unwrap_or(exit_code(&sheets, args.fail_on)))
}

/// Which programs are asked as well. That one is not there is said once, not at each block.
fn wanted(args: &Check) -> Wanted {
    if args.shellcheck && !second::has_shellcheck() {
        screen::note("shellcheck is not installed, so only `bash -n` was asked: apt-get install shellcheck");
    }
    Wanted { installed: args.installed, shellcheck: args.shellcheck }
}

/// Everything that was looked at, and how it ended where something could not be read.
struct Looked {
    sheets: Vec<Sheet>,
    unread: Option<ExitCode>,
}

/// Looks through every document and the settings beside it.
fn gather(paths: &[PathBuf], wanted: Wanted) -> Looked {
    let mut looked = Looked { sheets: Vec::new(), unread: None };
    for result in check_each(paths, wanted) {
        match result {
            Ok((beside, sheet)) => {
                // Several documents may share their settings; those are shown once.
                let is_new = |beside: &Sheet| looked.sheets.iter().all(|seen| seen.name != beside.name);
                looked.sheets.extend(beside.filter(is_new));
                looked.sheets.push(sheet);
            }
            // One document that cannot be read takes nothing from what is found in the others.
            Err(failure) => {
                failure.show();
                looked.unread = looked.unread.or(Some(failure.code));
            }
        }
    }
    looked
}

/// What came of one document: the settings beside it, and itself.
type Pair = Result<(Option<Sheet>, Sheet), Failure>;

/// Checks documents side by side, as many at once as the machine has processors. Results are in
/// the order of the arguments.
fn check_each(paths: &[PathBuf], wanted: Wanted) -> Vec<Pair> {
    let results: Vec<OnceLock<Pair>> = paths.iter().map(|_| OnceLock::new()).collect();
    // The largest first: the last ones are then small, and the threads end together.
    let mut order: Vec<usize> = (0..paths.len()).collect();
    order.sort_by_key(|at| Reverse(std::fs::metadata(&paths[*at]).map_or(0, |found| found.len())));
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Each place is taken by one thread only, so it is still empty.
            let _ = results[*at].set(check_one(&paths[*at], wanted));
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

fn check_one(path: &Path, wanted: Wanted) -> Pair {
    let text = source::read(path)?;
    let (settings, beside) = settings_beside(path)?;
    let name = path.display().to_string();
    let mut checked = check_whole(&text, &name, settings);
    second::ask(wanted, &text, &checked.compiled.outline, &mut checked.found);
    let Checked { found, silenced, compiled } = checked;
    if text.len() >= LARGE_BYTES {
        // Nobody waits for its end: the process may be over before.
        let _ = std::thread::Builder::new().spawn(move || drop(compiled));
    }
    Ok((beside, Sheet { name, text, found, silenced }))
}

/// Looks through a file again after it was changed.
fn look_again(sheet: &mut Sheet) -> Result<(), Failure> {
    let path = Path::new(&sheet.name).to_owned();
    sheet.text = source::read(&path)?;
    if path.file_name().is_some_and(|name| name == SETTINGS) {
        sheet.found = settings::read(&sheet.text).1;
    } else {
        let checked = check_whole(&sheet.text, &sheet.name, settings_beside(&path)?.0);
        (sheet.found, sheet.silenced) = (checked.found, checked.silenced);
    }
    Ok(())
}

/// The name of the place's settings.
const SETTINGS: &str = "tminus.toml";

/// Reads the settings that a release of this document would be made with.
pub(super) fn settings_beside(path: &Path) -> Result<(Settings, Option<Sheet>), Failure> {
    let file = path.parent().unwrap_or(Path::new("")).join(SETTINGS);
    let Some(text) = source::read_beside(&file)? else { return Ok((Settings::default(), None)) };
    let (settings, found) = settings::read(&text);
    Ok((settings, Some(Sheet { name: file.display().to_string(), text, found, silenced: Vec::new() })))
}

/// What is silenced, as JSON with the reason.
fn accepted(sheet: &Sheet) -> Vec<serde_json::Value> {
    let with_reason = |silenced: &Silenced| {
        let mut value = silenced.finding.to_json(&sheet.name);
        value["because"] = json!(silenced.because);
        value
    };
    sheet.silenced.iter().map(with_reason).collect()
}

fn tell_silenced(sheets: &[Sheet]) {
    if let Some(sentence) = Counts::silenced_sentence(sheets) {
        screen::line(&format!("{sentence} (`--format json` lists them)"));
    }
}

/// Shows each finding with its line.
fn text(sheets: &[Sheet]) {
    for sheet in sheets.iter().filter(|sheet| !sheet.found.is_empty()) {
        let lines: Vec<&str> = sheet.text.lines().collect();
        // At once: a terminal would wait for each of hundreds of lines.
        let frames: Vec<String> =
            alike(&sheet.found).iter().map(|found| source::frames(&sheet.name, &lines, found)).collect();
        screen::line(&frames.join("\n"));
    }
    let counts = Counts::of(sheets);
    if counts.all() == 0 {
        screen::line(&paint(Tone::Good, "nothing found"));
        tell_silenced(sheets);
        return;
    }
    let tone = if counts.errors > 0 { Tone::Bad } else { Tone::Warn };
    screen::line(&paint(tone, &counts.sentence()));
    tell_silenced(sheets);
    let fixes = sheets.iter().flat_map(|sheet| &sheet.found).filter(|found| found.fix.is_some()).count();
    if fixes > 0 {
        screen::line(&format!("for {fixes} of these a fix is known: `tminus check --fix` shows it first"));
    }
    screen::line("`tminus explain CODE` tells why a code hurts and how to mend it");
}

/// Findings that say the same of the same thing stand together, where the first of them stands.
fn alike(found: &[Diagnostic]) -> Vec<Vec<&Diagnostic>> {
    let mut groups: Vec<Vec<&Diagnostic>> = Vec::new();
    let mut places = HashMap::new();
    for finding in found {
        let about = finding.message.split('`').nth(1).unwrap_or(&finding.message);
        let key = (finding.code, finding.severity, about, finding.help.as_deref());
        let at = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// What the findings come to, by the severity from which on they count.
fn exit_code(sheets: &[Sheet], fail_on: FailOn) -> ExitCode {
    let least = match fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
        FailOn::Never => return ExitCode::Success,
    };
    let fails = sheets.iter().flat_map(|sheet| &sheet.found).any(|found| found.severity >= least);
    if fails { ExitCode::Findings } else { ExitCode::Success }
}
