//! Code blocks: what each is for.

use std::collections::HashMap;

use tminus_release::plan::{Danger, Interpreter};

use super::build::Reader;
use super::{FenceClass, FenceUnit, FoundDanger, Remark, UnitKind, durations, people, transcript};
use crate::attributes::{self, Info};
use crate::diagnostic::{Fix, FixEffect, Severity};
use crate::encoding::repair;
use crate::markdown::{Block, Fence, FenceKind, Markdown};
use crate::pattern::Pattern;
use crate::shell::{Nature, Survey};

/// Returns the scripts of a document that will be surveyed, as far as their blocks alone tell.
pub(super) fn scripts(markdown: &Markdown) -> Vec<&str> {
    let mut scripts = Vec::new();
    markdown.walk(|block| {
        if let Block::Fence(fence) = block {
            let language = fence.info.split([' ', '{']).next().unwrap_or("");
            if !language.is_empty() && is_shell(language) {
                scripts.push(fence.body.as_str());
            }
        }
    });
    scripts
}

/// A section, item or line before a block that says that a person sends or fills it in.
static TEMPLATE: Pattern = Pattern::new(
    &["template", "post in #", "notif", "announce", "communicat", "hand", "message", "email"],
    r"(?i)\btemplate\b|\bpost in #|\bnotif(?:y|ication)|\bannounce|\bcommunicat|\bhand-?off\b|\bmessage\b|\bemail\b|\bhandover\b",
);

/// Reads a block. `item` is the list item that holds it.
pub(super) fn read(reader: &mut Reader<'_>, fence: &Fence, item: Option<&str>) -> usize {
    let info = attributes::parse(&fence.info, fence.info_start);
    reader.check_info(&info);
    if fence.kind == FenceKind::Unclosed {
        let (fix, effect) = closing_line(reader.faults.document(), fence);
        let added = reader
            .faults
            .add_at_line(
                "T109",
                Severity::Error,
                fence.line,
                "the code block is never closed, so everything after it is code",
            )
            .help("put a line with the same number of backticks after the code");
        match effect {
            FixEffect::KeepsMeaning => added.fix(fix),
            FixEffect::ChangesMeaning => added.fix_that_changes(fix),
        };
    }
    let class = class(reader, &info, fence, item);
    let claims = matches!(info.language.as_str(), "console" | "shell-session" | "shellsession");
    let is_session = matches!(class, FenceClass::Shell(_)) && (claims || transcript::is_session(&fence.body));
    // What a person types at a prompt of this machine is told without the prompt.
    let is_typed = class == FenceClass::Commands && is_session_here(&fence.body);
    let body = if is_session || is_typed { transcript::commands(&fence.body) } else { fence.body.clone() };
    let survey = matches!(class, FenceClass::Shell(Interpreter::Bash | Interpreter::Sh | Interpreter::Zsh))
        .then(|| reader.surveys.survey(&body));
    let title = title(reader, item, &info);
    if let Some(survey) = &survey {
        note_survey(reader, fence, survey, &title);
    } else {
        note_text(reader, fence, class);
    }
    let unit = FenceUnit {
        info,
        class,
        body,
        body_line: fence.body_line,
        start: fence.start,
        end: fence.end,
        survey,
    };
    let annotated = unit.is_annotated();
    if let Some(id) = unit.info.attributes.as_ref().and_then(|attributes| attributes.id.clone()) {
        note_id(reader, &id, fence.line);
    }
    if annotated {
        reader.is_claimed[reader.section] = true;
    }
    if annotated || unit.is_shell_like() || matches!(class, FenceClass::Template | FenceClass::Commands) {
        reader.work_here();
    }
    let at = reader.unit(fence.line, title, UnitKind::Fence(Box::new(unit)));
    let added = &mut reader.outline.units[at];
    added.end_line = fence.end_line;
    added.item_title = item.map(str::to_owned);
    at
}

/// Builds the line that closes a block. Where text follows that is no code, it belongs before that
/// text, and what the document says changes; else it belongs at the end, where CommonMark closes
/// the block anyway.
fn closing_line(document: &str, fence: &Fence) -> (Fix, FixEffect) {
    let opening = document[fence.start..].lines().next().unwrap_or("");
    let line_start = document[..fence.start].rfind('\n').map_or(0, |at| at + 1);
    let indent: String =
        document[line_start..fence.start].chars().filter(|c| matches!(c, ' ' | '>')).collect();
    let mark = opening.trim_start().chars().next().unwrap_or('`');
    let ticks: String = opening.trim_start().chars().take_while(|c| *c == mark).collect();
    let end_of_line = if opening.len() < document.len() && document.contains("\r\n") { "\r\n" } else { "\n" };
    let closing = format!("{indent}{ticks}{end_of_line}");
    let mut at = fence.start;
    // Where the code ends as far as can be told: after the last line that is not blank.
    let mut code_end = at;
    let mut after_blank = false;
    for (line, number) in document[fence.start..fence.end.max(fence.start)].split_inclusive('\n').zip(0..) {
        let text = line.trim();
        let is_text = after_blank
            && (text.starts_with("## ")
                || text.starts_with("### ")
                || text.starts_with("#### ")
                || text.starts_with("- [ ] "));
        if is_text && number > 0 {
            let fix = Fix { start: code_end, end: code_end, replacement: closing };
            return (fix, FixEffect::ChangesMeaning);
        }
        at += line.len();
        after_blank = text.is_empty();
        if !after_blank {
            code_end = at;
        }
    }
    let start = if document[..code_end].ends_with('\n') { "" } else { end_of_line };
    let fix = Fix { start: code_end, end: code_end, replacement: format!("{start}{closing}") };
    (fix, FixEffect::KeepsMeaning)
}

fn note_id(reader: &mut Reader<'_>, id: &attributes::Word, line: u32) {
    if let Some(first) = reader.ids.get(&id.text) {
        let message = format!("the id `{}` is already the one of the block on line {first}", id.text);
        reader
            .faults
            .add("T104", Severity::Error, id.start..id.end, message)
            .help("an id names one step: rename one of them");
        return;
    }
    let is_plain =
        !id.text.is_empty() && id.text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !is_plain {
        let message = format!("`{}` cannot be an id", id.text);
        reader
            .faults
            .add("T103", Severity::Error, id.start..id.end, message)
            .help("use letters, digits, `-`, `_` and `.`");
    }
    reader.ids.insert(id.text.clone(), line);
}

/// What a person would call the block: its item, the line before it, or its heading; with its id,
/// because a section of annotated blocks has one heading for all of them. A phase's own heading
/// stands above its blocks wherever they are shown, so there the id is enough.
fn title(reader: &Reader<'_>, item: Option<&str>, info: &Info) -> String {
    let own = item.map(str::to_owned).or_else(|| reader.lead.clone());
    let id = info.attributes.as_ref().and_then(|attributes| attributes.id.as_ref());
    let section = &reader.outline.sections[reader.section];
    let heading = &section.title;
    match (own, id) {
        (Some(own), _) => own,
        (None, Some(id)) if section.level <= 2 => id.text.clone(),
        (None, Some(id)) => format!("{heading}: {}", id.text),
        (None, None) => heading.clone(),
    }
}

fn class(reader: &Reader<'_>, info: &Info, fence: &Fence, item: Option<&str>) -> FenceClass {
    if let Some(kind) = info.attributes.as_ref().and_then(attributes::Attributes::kind) {
        return if kind == "notify" { FenceClass::Notify } else { FenceClass::Control(kind) };
    }
    let own = info.attributes.is_none();
    if own
        && is_shell(&info.language)
        && transcript::is_session(&fence.body)
        && transcript::names_a_host(&fence.body)
    {
        return FenceClass::Commands;
    }
    if fence.kind == FenceKind::Indented {
        let commands = transcript::is_only_commands(&fence.body) || is_session_here(&fence.body);
        return if commands { FenceClass::Commands } else { FenceClass::Text };
    }
    match info.language.as_str() {
        "bash" | "shell" | "console" | "shell-session" | "shellsession" => {
            FenceClass::Shell(Interpreter::Bash)
        }
        "sh" => FenceClass::Shell(Interpreter::Sh),
        "zsh" => FenceClass::Shell(Interpreter::Zsh),
        "python" | "py" | "python3" => FenceClass::Shell(Interpreter::Python),
        "node" | "javascript" | "js" => code_of_a_page(info, Interpreter::Node),
        "powershell" | "pwsh" | "ps1" => FenceClass::Shell(Interpreter::Powershell),
        "http" => FenceClass::Http,
        "sql" | "postgresql" | "psql" => FenceClass::Sql,
        "" | "text" | "txt" | "plaintext" | "markdown" | "md" => {
            let places =
                [item, reader.lead.as_deref(), Some(reader.outline.sections[reader.section].title.as_str())];
            let says_so = places.into_iter().flatten().any(|place| TEMPLATE.is_match(place));
            if says_so && !fence.body.trim().is_empty() {
                FenceClass::Template
            } else if own && info.language.is_empty() {
                without_language(&fence.body)
            } else {
                FenceClass::Text
            }
        }
        _ => FenceClass::Text,
    }
}

/// Prompts that name no other host.
fn is_session_here(body: &str) -> bool {
    transcript::is_session(body) && !transcript::names_a_host(body)
}

/// A block that names no language: a session shows by its prompts what was typed; lines that are all
/// commands are told to a person; anything else is output or data.
fn without_language(body: &str) -> FenceClass {
    if transcript::is_session(body) {
        FenceClass::Shell(Interpreter::Bash)
    } else if transcript::is_only_commands(body) {
        FenceClass::Commands
    } else {
        FenceClass::Text
    }
}

fn is_shell(language: &str) -> bool {
    matches!(language, "" | "bash" | "sh" | "zsh" | "shell" | "console" | "shell-session" | "shellsession")
}

/// `js` in a runbook is mostly an excerpt of a program; only `node`, or attributes, make it a step.
fn code_of_a_page(info: &Info, interpreter: Interpreter) -> FenceClass {
    if info.language == "node" || info.attributes.is_some() {
        FenceClass::Shell(interpreter)
    } else {
        FenceClass::Text
    }
}

/// What stands on each line that holds something: its first command as a whole, else the line.
fn texts_on_lines<'t>(fence: &'t Fence, survey: &'t Survey) -> HashMap<u32, &'t str> {
    let mut texts: HashMap<u32, &str> = (1..).zip(fence.body.lines().map(str::trim)).collect();
    for command in survey.commands.iter().rev() {
        texts.extend((command.line..=command.end_line).map(|line| (line, command.text.as_str())));
    }
    texts
}

fn note_survey(reader: &mut Reader<'_>, fence: &Fence, survey: &Survey, title: &str) {
    let at = |line: u32| fence.body_line + line.saturating_sub(1);
    let section = reader.section;
    let tells =
        !(survey.danger_reasons.is_empty() && survey.interactive.is_empty() && survey.endless.is_empty());
    let on_lines = if tells { texts_on_lines(fence, survey) } else { HashMap::new() };
    let command_at = |line: u32| on_lines.get(&line).copied().unwrap_or_default().to_owned();
    for (line, danger, reason) in &survey.danger_reasons {
        if *danger > Danger::Ordinary {
            let text = command_at(*line);
            reader.outline.dangers.push(FoundDanger {
                text,
                line: at(*line),
                section,
                danger: *danger,
                reason: reason.clone(),
            });
        }
    }
    for (line, reason) in survey.interactive.iter().chain(&survey.endless) {
        let text = format!("{} ({reason})", command_at(*line));
        reader.outline.waits.push(Remark { text, line: at(*line), section });
    }
    if let Some(start) = &survey.ssh_host
        && !survey.interactive.iter().any(|(line, _)| *line == start.line)
    {
        let text = format!("ssh {} (the lines after it are meant for that host)", start.target);
        reader.outline.waits.push(Remark { text, line: at(start.line), section });
    }
    for found in &survey.placeholders {
        reader.placeholder(found.text.clone(), at(found.line));
    }
    for name in survey
        .variables_read
        .iter()
        .map(|name| format!("${name}"))
        .chain(survey.variables_set.iter().cloned())
    {
        reader.placeholder(name, fence.body_line);
    }
    for (offset, line) in fence.body.lines().enumerate() {
        let number = fence.body_line + u32::try_from(offset).unwrap_or(0);
        let shown = repair(line).text;
        durations::in_code(reader, &shown, number);
        if let Some(comment) = shown.trim_start().strip_prefix('#') {
            let comment = comment.trim_start_matches('#').trim();
            super::purpose::thresholds(reader, comment, number, None, super::purpose::Place::Paragraph);
        }
        reader.environments.in_code(&shown, number);
    }
    for (line, text) in &survey.manual_comments {
        super::commands::manual_danger(reader, text, at(*line));
    }
    super::purpose::flags(reader, survey, fence.body_line);
    if survey.alternatives {
        reader.group_in_fence(fence.line, title);
    }
    if survey.nature != Nature::Empty {
        people::in_code(reader, &fence.body, fence.body_line);
    }
}

/// Templates and texts hold no work, but people look for their spans and places to fill in.
fn note_text(reader: &mut Reader<'_>, fence: &Fence, class: FenceClass) {
    if !matches!(class, FenceClass::Template | FenceClass::Commands | FenceClass::Text | FenceClass::Notify) {
        return;
    }
    for (offset, line) in fence.body.lines().enumerate() {
        let number = fence.body_line + u32::try_from(offset).unwrap_or(0);
        let shown = repair(line).text;
        durations::read(reader, &shown, number);
        reader.placeholders_in(&shown, number);
    }
    people::in_code(reader, &fence.body, fence.body_line);
}
