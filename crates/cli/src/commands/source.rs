//! Reading a document with its settings and compiling it; showing what is wrong with it.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use tminus_engine::operator::Script;
use tminus_release::plan::{Lane, Mode, Plan};
use tminus_runbook::compile::{self, Request};
use tminus_runbook::diagnostic::{Diagnostic, Severity};
use tminus_runbook::outline::canonical_environment;
use tminus_runbook::{adopt, settings};

use crate::args::{LaneArg, Source};
use crate::exit_code::ExitCode;
use crate::failure::{self, Failure};
use crate::screen::{self, Tone, paint};

/// Bytes of a document that are read: far beyond any page that people wrote.
const DOCUMENT_LIMIT: u64 = 64 * 1024 * 1024;

/// A compiled document with its text.
pub(crate) struct Compiled {
    /// The text as read, byte-order mark and all.
    pub(crate) text: String,
    /// The name shown in messages.
    pub(crate) name: String,
    /// What came of compiling.
    pub(crate) compiled: compile::Compiled,
    /// Settings that were used, for messages about them.
    pub(crate) settings_faults: Vec<(String, Diagnostic)>,
}

/// Tells whether a person sits at the keyboard and sees the screen.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && screen::is_terminal()
}

/// Reads a document of any bytes: what is not text is an error that says so.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let meta = std::fs::metadata(path).map_err(|error| failure::file("read", path, &error))?;
    if meta.is_dir() {
        return Err(Failure::usage(
            format!("read {}: it is a folder", path.display()),
            "name the Markdown file in it",
        ));
    }
    if meta.len() > DOCUMENT_LIMIT {
        let what = format!(
            "read {}: it has {} MiB, the limit is {} MiB",
            path.display(),
            meta.len() >> 20,
            DOCUMENT_LIMIT >> 20
        );
        return Err(Failure::usage(what, "a runbook is a page that people read; look whether this is one"));
    }
    let bytes = std::fs::read(path).map_err(|error| failure::file("read", path, &error))?;
    if bytes.contains(&0) {
        let what = format!("read {}: it is not text (it holds a zero byte)", path.display());
        return Err(Failure::usage(what, "name a Markdown file"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
        let what = format!("read {}: line {line} is not UTF-8", path.display());
        Failure::usage(
            what,
            "save the file as UTF-8: `iconv -f windows-1252 -t utf-8 FILE` if it came from there",
        )
    })
}

/// Compiles what the arguments name.
pub(crate) fn compile(source: &Source) -> Result<Compiled, Failure> {
    let text = read(&source.runbook)?;
    let name = source
        .runbook
        .file_name()
        .map_or_else(|| "runbook".to_owned(), |name| name.to_string_lossy().into_owned());
    let mut settings_faults = Vec::new();
    let settings = match settings_file(source)? {
        Some((path, text)) => {
            let (settings, found) = settings::read(&text);
            settings_faults.extend(found.into_iter().map(|found| (path.display().to_string(), found)));
            settings
        }
        None => settings::Settings::default(),
    };
    refuse_unknown_environment(source, &text, &name, &settings)?;
    let decisions = adoption_path(&source.runbook);
    let adoption = match read_beside(&decisions)? {
        Some(text) => {
            let (adoption, found) = adopt::read(&text);
            let path = decisions.display().to_string();
            settings_faults.extend(found.into_iter().map(|found| (path.clone(), found)));
            Some(adoption)
        }
        None => None,
    };
    let request = Request {
        name: name.clone(),
        mode: if source.assisted { Mode::Assisted } else { Mode::Unattended },
        lane: match source.lane {
            LaneArg::Main => Lane::Main,
            LaneArg::Hotfix => Lane::Hotfix,
            LaneArg::Incident => Lane::Incident,
            LaneArg::Rollback => Lane::Rollback,
        },
        version: source.version.clone(),
        previous_version: source.previous_version.clone(),
        inputs: pairs(&source.set, "--set")?,
        environment: source.environment.as_deref().map(canonical_environment),
        choices: pairs(&source.choices, "--choose")?,
        settings,
        adoption,
        inputs_come_later: false,
    };
    let mut compiled = compile::compile(&text, &request);
    let hidden = hidden_characters(&text, &name);
    if !hidden.is_empty() {
        // What `plan` prints must be what runs: nobody can see that it is not.
        compiled.plan = None;
        compiled.diagnostics.extend(hidden);
        compiled.diagnostics.sort_by_key(|found| (found.line, found.column, found.code));
    }
    Ok(Compiled { text, name, compiled, settings_faults })
}

/// Finds characters in code that a person does not see and a shell does.
fn hidden_characters(text: &str, name: &str) -> Vec<Diagnostic> {
    if text.is_ascii() {
        return Vec::new();
    }
    let mut found = tminus_runbook::check::check(text, name);
    found.retain(|found| found.code == "T114");
    found
}

/// Refuses `--env` with a name that neither the document nor the settings know: it would select
/// nothing, or be ignored, and a release to the wrong place is the last thing to guess about.
fn refuse_unknown_environment(
    source: &Source,
    text: &str,
    name: &str,
    settings: &settings::Settings,
) -> Result<(), Failure> {
    let Some(wanted) = &source.environment else { return Ok(()) };
    let markdown = tminus_runbook::markdown::parse(text);
    let (outline, _) = tminus_runbook::outline::read(text, &markdown, name);
    let declared = outline.front_matter.environments.iter();
    let shown = outline.sections.iter().flat_map(|section| &section.environments);
    let here = settings.environments.iter().map(|environment| &environment.name);
    let known: std::collections::BTreeSet<String> =
        declared.chain(shown).chain(here).map(|name| canonical_environment(name)).collect();
    if known.contains(&canonical_environment(wanted)) {
        return Ok(());
    }
    let what = format!("release to `{wanted}` only: nothing here is called so");
    let now = if known.is_empty() {
        "leave `--env` out: neither the runbook nor tminus.toml names an environment".to_owned()
    } else {
        format!("pick one of: {}", known.into_iter().collect::<Vec<_>>().join(", "))
    };
    Err(Failure::usage(what, now))
}

/// `RUNBOOK.adopt.yaml` beside the document.
pub(crate) fn adoption_path(runbook: &Path) -> PathBuf {
    runbook.with_extension("adopt.yaml")
}

fn settings_file(source: &Source) -> Result<Option<(PathBuf, String)>, Failure> {
    let (path, must_be_there) = match &source.config {
        Some(path) => (path.clone(), true),
        None => (source.runbook.parent().unwrap_or(Path::new("")).join("tminus.toml"), false),
    };
    match read_beside(&path)? {
        None if must_be_there => {
            Err(failure::file("read", &path, &std::io::Error::from(std::io::ErrorKind::NotFound)))
        }
        text => Ok(text.map(|text| (path, text))),
    }
}

/// Reads a file that may be absent. One that is there and cannot be read is never passed over:
/// what it says about people and places would be missing without a word.
pub(crate) fn read_beside(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure::file("read", path, &error)),
    }
}

fn pairs(given: &[String], option: &str) -> Result<BTreeMap<String, String>, Failure> {
    given
        .iter()
        .map(|pair| {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                Failure::usage(
                    format!("read `{option} {pair}`: it has no `=`"),
                    format!("write `{option} NAME=VALUE`"),
                )
            })?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Reads written answers.
pub(crate) fn script(path: &Path) -> Result<Script, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| failure::file("read", path, &error))?;
    serde_saphyr::from_str(&text).map_err(|error| {
        Failure::usage(
            format!("read {}: {error}", path.display()),
            "docs/answers.md shows how answers are written",
        )
    })
}

/// Finds what is in the way of a plan. That a block lacks an input is no fault beside that of the
/// input, and a block that runs once for each environment has its faults once.
fn in_the_way(all: &[Diagnostic]) -> Vec<&Diagnostic> {
    let errors: Vec<&Diagnostic> = all.iter().filter(|found| found.severity == Severity::Error).collect();
    // Messages quote the input's name first. One that is only warned of hides nothing.
    let quoted = |found: &&Diagnostic| found.message.split('`').nth(1).map(|name| format!("`${name}`"));
    let inputs: Vec<String> = errors.iter().filter(|found| found.code == "T902").filter_map(quoted).collect();
    let follows = |found: &Diagnostic| {
        found.code == "T903" && inputs.iter().any(|input| found.message.contains(input.as_str()))
    };
    let mut in_the_way: Vec<&Diagnostic> = Vec::new();
    for found in errors {
        if !follows(found) && !in_the_way.contains(&found) {
            in_the_way.push(found);
        }
    }
    in_the_way
}

/// Returns the plan, or tells everything that is in the way of it.
pub(crate) fn usable(compiled: &Compiled, source: &Source) -> Result<Plan, Failure> {
    let document = source.runbook.display();
    for (file, found) in &compiled.settings_faults {
        screen::note(&one_line(file, found));
    }
    let in_settings =
        compiled.settings_faults.iter().filter(|(_, found)| found.severity == Severity::Error).count();
    let in_document = in_the_way(&compiled.compiled.diagnostics);
    let errors = in_document.len() + in_settings;
    if errors > 0 {
        for found in &in_document {
            screen::note(&one_line(&document.to_string(), found));
            if let Some(help) = &found.help {
                screen::note(&format!("  {help}"));
            }
        }
        let what = format!(
            "plan {document}: {errors} {}",
            if errors == 1 { "fault is in the way" } else { "faults are in the way" }
        );
        let mut now = Vec::new();
        // A check knows no values, so it has nothing to say about those that are missing.
        if in_settings > 0 || in_document.iter().any(|found| !matches!(found.code, "T902" | "T903")) {
            now.push(format!("`tminus check {document}` shows each with its place"));
        } else {
            now.push("the same command with the values that are asked for above".to_owned());
        }
        // T901: a block that nobody has decided about.
        let is_verbatim = compiled.compiled.diagnostics.iter().any(|found| found.code == "T901");
        if !source.assisted && is_verbatim {
            now.push(
                "a document that is not annotated runs with --assisted: each block asks first".to_owned(),
            );
        }
        return Err(Failure { what, now, code: ExitCode::Usage });
    }
    compiled.compiled.plan.clone().ok_or_else(|| {
        Failure::usage(format!("plan {document}"), format!("`tminus check {document}` shows why"))
    })
}

/// Refuses to start while the document holds options of which nobody has picked one.
pub(crate) fn refuse_open_choices(compiled: &Compiled, source: &Source) -> Result<(), Failure> {
    let document = source.runbook.display();
    if !compiled.compiled.open_choices.is_empty() {
        let now = compiled.compiled.open_choices.iter().map(|choice| {
            format!("--choose \"{}=…\" with one of: {}", choice.id, choice.options.join(" · "))
        });
        let what = format!("run {document}: it holds options, and nobody has picked one");
        return Err(Failure { what, now: now.collect(), code: ExitCode::Usage });
    }
    Ok(())
}

/// Asks the person at the terminal for each option that is open; returns `--choose` values.
pub(crate) fn ask_choices(compiled: &Compiled) -> Vec<String> {
    let mut picked = Vec::new();
    for choice in &compiled.compiled.open_choices {
        screen::line(&format!(
            "{} {} {}",
            paint(Tone::Ask, "?"),
            paint(Tone::Strong, &choice.ask),
            paint(Tone::Faint, &format!("line {}", choice.line))
        ));
        for (option, number) in choice.options.iter().zip(1..) {
            screen::line(&format!("    {number}  {option}"));
        }
        screen::raw("    number › ");
        let mut line = String::new();
        if std::io::stdin().read_line(&mut line).is_ok()
            && let Some(option) = line
                .trim()
                .parse::<usize>()
                .ok()
                .and_then(|number| choice.options.get(number.wrapping_sub(1)))
        {
            picked.push(format!("{}={option}", choice.id));
        }
    }
    picked
}

/// A fault in one line: place, severity, code, message.
pub(crate) fn one_line(document: &str, found: &Diagnostic) -> String {
    format!(
        "{document}:{}:{}: {} {}: {}",
        found.line,
        found.column,
        found.severity.word(),
        found.code,
        found.message
    )
}

/// How many of the lines that say the same are shown as they are.
const MOST_LINES: usize = 4;

/// A fault with its source line and carets, and those that say the same by their lines. `lines` are
/// those of the document, split once: a page with many faults is not to be walked for each of them.
pub(crate) fn frames(document: &str, lines: &[&str], alike: &[&Diagnostic]) -> String {
    let Some((found, others)) = alike.split_first() else { return String::new() };
    let mut frame = Vec::new();
    let tone = match found.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Note => Tone::Faint,
    };
    let label = format!("{}[{}]", found.severity.word(), found.code);
    let mut head = screen::folded(&found.message, label.len() + 1, 2).into_iter();
    let first = head.next().unwrap_or_default();
    frame.push(format!("{} {}", paint(tone, &label), paint(Tone::Strong, &first)));
    frame.extend(head.map(|line| format!("  {}", paint(Tone::Strong, &line))));
    frame.push(paint(Tone::Faint, &format!("  --> {document}:{}:{}", found.line, found.column)));
    if let Some(line) = lines.get(found.line.saturating_sub(1) as usize) {
        let number = found.line.to_string();
        let indent = " ".repeat(number.len());
        let shown: String = line.chars().map(|c| if c == '\t' || c.is_control() { ' ' } else { c }).collect();
        let (shown, column) = window(&shown, found.column.max(1) as usize);
        let length = if found.end_line == found.line {
            found.end_column.saturating_sub(found.column).max(1) as usize
        } else {
            1
        };
        let room = shown.chars().count().saturating_sub(column - 1).max(1);
        frame.push(format!("  {} {}", paint(Tone::Faint, &format!("{number} │")), shown));
        frame.push(format!(
            "  {} {}{}",
            paint(Tone::Faint, &format!("{indent} │")),
            " ".repeat(column - 1),
            paint(tone, &"^".repeat(length.min(room)))
        ));
    }
    let mut also: Vec<u32> =
        others.iter().map(|other| other.line).filter(|line| *line != found.line).collect();
    also.dedup();
    // One more line is shorter than the sentence that counts it.
    let shown = if also.len() <= MOST_LINES { also.len() } else { MOST_LINES - 1 };
    for number in also.drain(..shown) {
        let text = lines.get(number.saturating_sub(1) as usize).copied().unwrap_or_default();
        let text: String = text.trim_start().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        frame.push(format!("  {} {}", paint(Tone::Faint, &format!("{number} │")), window(&text, 1).0));
    }
    if !also.is_empty() {
        let numbers: Vec<String> = also.iter().map(u32::to_string).collect();
        let sentence = format!("the same on lines {}", numbers.join(", "));
        frame.extend(
            screen::folded(&sentence, 2, 2).iter().map(|line| paint(Tone::Faint, &format!("  {line}"))),
        );
    }
    if let Some(help) = &found.help {
        let mut help = screen::folded(help, 7, 7).into_iter();
        frame.push(format!("  {} {}", paint(Tone::Ask, "now:"), help.next().unwrap_or_default()));
        frame.extend(help.map(|line| format!("       {line}")));
    }
    frame.push(String::new());
    frame.join("\n")
}

/// Cuts a long line around a column, so that carets stay below what they mean on a small screen.
fn window(line: &str, column: usize) -> (String, usize) {
    let width = screen::width().saturating_sub(10).max(30);
    let length = line.chars().count();
    if length <= width {
        return (line.to_owned(), column);
    }
    let from = column.saturating_sub(width / 3).min(length - width + 1).saturating_sub(1);
    let cut: String = line.chars().skip(from).take(width).collect();
    let cut = if from > 0 { format!("…{}", cut.chars().skip(1).collect::<String>()) } else { cut };
    (cut, column - from)
}
