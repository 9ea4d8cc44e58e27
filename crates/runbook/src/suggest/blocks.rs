//! What each block becomes: its id, its class, and the bytes that say so.

use std::collections::BTreeSet;
use std::sync::Arc;

use tminus_release::plan::Danger;

use crate::edit::Splice;
use crate::markdown::Markdown;
use crate::names::slug;
use crate::outline::{FenceClass, FenceUnit, Outline, PointUnit, Unit, UnitKind};
use crate::shell::{CommandUse, Nature, PlaceholderKind, RedirectKind, Survey, survey};

/// Longest id, in characters: people type them.
const LONGEST: usize = 32;

/// A block of a verbatim document with what it is to become.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    pub(super) id: String,
    pub(super) class: Option<Class>,
    /// The id of the block that takes it back.
    pub(super) undo: Option<String>,
    /// Why a person does it.
    pub(super) why: Option<String>,
    pub(super) section: usize,
    /// Line of its first line, from 1.
    pub(super) line: u32,
    /// What the shell's grammar says about it. None for other languages.
    pub(super) survey: Option<Arc<Survey>>,
    /// Names of what must be given before it can run.
    pub(super) inputs: BTreeSet<String>,
    at: At,
}

/// Where its attributes go.
#[derive(Clone, Debug, PartialEq)]
enum At {
    /// Behind the language.
    Info(usize),
    /// Into braces that are there.
    Braces(usize),
    /// A command in a list item becomes a block below the item.
    Below { offset: usize, indent: String, command: String },
}

/// A class that is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Check,
    Undo,
    Manual,
    Example,
}

impl Block {
    /// What to write.
    pub(super) fn splice(&self, line_end: &str) -> Splice {
        let mut words = format!("#{}", self.id);
        match self.class {
            Some(Class::Check) => words.push_str(" .check"),
            Some(Class::Undo) => words.push_str(" .undo"),
            Some(Class::Manual) => words.push_str(" .manual"),
            Some(Class::Example) => words.push_str(" .example"),
            None => {}
        }
        if let Some(undo) = &self.undo {
            words.push_str(&format!(" undo={undo}"));
        }
        let (at, replacement) = match &self.at {
            At::Info(at) => (*at, format!(" {{{words}}}")),
            At::Braces(at) => (*at, format!("{words} ")),
            At::Below { offset, indent, command } => {
                let lines = [
                    "",
                    &format!("{indent}```bash {{{words}}}"),
                    &format!("{indent}{command}"),
                    &format!("{indent}```"),
                ];
                (*offset, lines.map(|line| format!("{line_end}{line}")).concat())
            }
        };
        Splice { start: at, end: at, replacement }
    }

    /// Tells whether a rollback would leave it, and nobody said that this is meant.
    pub(super) fn needs_undo(&self) -> bool {
        self.class.is_none() && self.undo.is_none() && self.changes_something()
    }

    /// Tells whether it changes a shared system.
    pub(super) fn changes_something(&self) -> bool {
        self.survey.as_ref().is_none_or(|survey| survey.danger > Danger::Ordinary)
    }
}

/// Finds every block that nobody has decided about.
pub(super) fn find(document: &str, outline: &Outline, markdown: &Markdown) -> Vec<Block> {
    let mut taken: BTreeSet<String> = BTreeSet::from(["none".to_owned()]);
    taken.extend(outline.units.iter().filter_map(|unit| match &unit.kind {
        UnitKind::Fence(fence) => fence.id().map(str::to_owned),
        _ => None,
    }));
    let mut blocks = Vec::new();
    for (index, unit) in outline.units.iter().enumerate() {
        // The command of an item whose block says the same and is decided about is decided about.
        let below = outline.units.get(index + 1).map(|next| &next.kind);
        let decided = matches!(below, Some(UnitKind::Fence(fence)) if fence.is_annotated());
        if outline.sections[unit.section].phase.is_none()
            || decided && matches!(unit.kind, UnitKind::Point(_))
        {
            continue;
        }
        let block = match &unit.kind {
            UnitKind::Fence(fence) => of_fence(document, outline, unit, fence, &mut taken),
            UnitKind::Point(point) => of_point(document, markdown, unit, point, &mut taken),
            _ => None,
        };
        blocks.extend(block);
    }
    blocks
}

fn of_fence(
    document: &str,
    outline: &Outline,
    unit: &Unit,
    fence: &FenceUnit,
    taken: &mut BTreeSet<String>,
) -> Option<Block> {
    if !fence.is_shell_like() || fence.is_annotated() {
        return None;
    }
    let first_line = document[fence.start..].split('\n').next().unwrap_or("").trim_end();
    let at = match &fence.info.attributes {
        Some(_) => At::Braces(fence.start + first_line.find('{')? + 1),
        None => At::Info(fence.start + first_line.len()),
    };
    let (class, why) = class(fence);
    Some(Block {
        id: id(outline, unit, taken),
        class,
        undo: None,
        why,
        section: unit.section,
        line: unit.line,
        survey: fence.survey.clone(),
        inputs: fence.survey.as_deref().map(inputs).unwrap_or_default(),
        at,
    })
}

/// An item that is wholly a command.
fn of_point(
    document: &str,
    markdown: &Markdown,
    unit: &Unit,
    point: &PointUnit,
    taken: &mut BTreeSet<String>,
) -> Option<Block> {
    let command = point.command.as_ref()?;
    let line = markdown.lines.text_of(document, unit.line);
    let marker = line.trim_start().split(' ').next()?;
    let indent = line.len() - line.trim_start().len() + marker.chars().count() + 1;
    let last = markdown.lines.text_of(document, unit.end_line);
    let survey = survey(command);
    let waits = survey.interactive.first().or(survey.endless.first()).map(|(_, reason)| reason.clone());
    let base = command.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    Some(Block {
        id: unique(&slug(&base), taken),
        class: match &waits {
            Some(_) => Some(Class::Manual),
            None => only_looks(&survey).then_some(Class::Check),
        },
        undo: None,
        why: waits,
        section: unit.section,
        line: unit.line,
        inputs: inputs(&survey),
        survey: Some(survey),
        at: At::Below {
            offset: markdown.lines.start_of(unit.end_line) + last.len(),
            indent: " ".repeat(indent),
            command: command.clone(),
        },
    })
}

/// What a block is for certain, and why a person has to do it.
fn class(fence: &FenceUnit) -> (Option<Class>, Option<String>) {
    if fence.class == FenceClass::Sql {
        let why = "SQL runs on a database that the page and tminus.toml name".to_owned();
        return (Some(Class::Manual), Some(why));
    }
    let Some(survey) = &fence.survey else { return (None, None) };
    let why = match survey.nature {
        Nature::CommentsOnly => Some("it holds only comments".to_owned()),
        Nature::MessageOnly => Some("it is a message to be posted".to_owned()),
        Nature::AssignmentsOnly => Some("it only sets variables".to_owned()),
        Nature::Empty | Nature::Listing => return (Some(Class::Example), None),
        Nature::Runnable => None,
    };
    let ssh = survey.ssh_host.as_ref().map(|start| start.line);
    let waits = survey.interactive.iter().filter(|(line, _)| Some(*line) != ssh).chain(&survey.endless);
    let why = why
        .or_else(|| {
            survey.syntax_error.as_ref().map(|(_, _, reason)| format!("the shell refuses it: {reason}"))
        })
        .or_else(|| waits.min_by_key(|(line, _)| *line).map(|(_, reason)| reason.clone()))
        .or_else(|| survey.alternatives.then(|| "it holds several ways".to_owned()));
    match why {
        Some(why) => (Some(Class::Manual), Some(why)),
        None => (only_looks(survey).then_some(Class::Check), None),
    }
}

/// Tells whether every command is known to look and change nothing.
fn only_looks(survey: &Survey) -> bool {
    let looks_at_something = survey.commands.iter().any(|command| {
        !matches!(
            command.program.as_str(),
            "echo" | "printf" | "cd" | "set" | "export" | "sleep" | "true" | ":" | "exit"
        )
    });
    survey.danger == Danger::Ordinary && looks_at_something && survey.commands.iter().all(looks)
}

fn looks(command: &CommandUse) -> bool {
    let writes = |redirect: &crate::shell::Redirection| {
        matches!(redirect.kind, RedirectKind::Write | RedirectKind::Append) && redirect.target != "/dev/null"
    };
    if command.redirects.iter().any(writes) || !command.wrappers.is_empty() {
        return false;
    }
    let words: Vec<&str> =
        command.arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    let first = words.first().copied().unwrap_or("");
    let begins = |options: &[&str]| {
        command.arguments.iter().any(|word| options.iter().any(|option| word.starts_with(option)))
    };
    match command.program.as_str() {
        "echo" | "printf" | "test" | "[" | "[[" | "grep" | "jq" | "cat" | "head" | "tail" | "wc" | "ls"
        | "df" | "du" | "date" | "dig" | "nslookup" | "pg_isready" | "sha256sum" | "diff" | "cmp" | "cd"
        | "set" | "sleep" | "true" | ":" | "exit" | "awk" | "sort" | "uniq" | "cut" | "tr" => true,
        "curl" => !begins(&[
            "-X",
            "--request",
            "-d",
            "--data",
            "-F",
            "--form",
            "-T",
            "--upload",
            "-o",
            "-O",
            "--output",
            "--remote",
            "--json",
        ]),
        "kubectl" => {
            matches!(first, "get" | "describe" | "logs" | "version")
                || words.starts_with(&["rollout", "status"])
        }
        "docker" => matches!(first, "ps" | "images" | "inspect" | "version" | "info"),
        "git" => matches!(first, "status" | "log" | "diff" | "show" | "describe" | "rev-parse"),
        "helm" => matches!(first, "list" | "status" | "history" | "version"),
        "gh" => matches!(
            (first, words.get(1).copied()),
            ("run" | "pr" | "release" | "issue", Some("list" | "view" | "checks"))
        ),
        "systemctl" => matches!(first, "status" | "is-active" | "is-enabled" | "list-units"),
        _ => false,
    }
}

/// What must be given before a script can run.
fn inputs(survey: &Survey) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for found in &survey.placeholders {
        match found.kind {
            PlaceholderKind::VersionPattern | PlaceholderKind::SampleVersion => {
                names.extend(["VERSION".to_owned()])
            }
            kind if kind.must_be_bound() && kind != PlaceholderKind::Blank => {
                names.extend([crate::names::variable(&found.text)]);
            }
            _ => {}
        }
    }
    names.extend(survey.variables_read.iter().filter(|name| *name == "VERSION").cloned());
    names.retain(|name| crate::names::is_variable(name));
    names
}

/// The id that a person would give: what introduces the block, without its number.
fn id(outline: &Outline, unit: &Unit, taken: &mut BTreeSet<String>) -> String {
    let title =
        unit.item_title.as_deref().or(unit.lead.as_deref()).unwrap_or(&outline.sections[unit.section].title);
    unique(&slug(title), taken)
}

fn unique(slug: &str, taken: &mut BTreeSet<String>) -> String {
    let words = slug.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    let mut base: String = if words.is_empty() { "step" } else { words }.chars().take(LONGEST + 1).collect();
    if base.chars().count() > LONGEST {
        // Cut between words, where there are any.
        let cut = base.rfind('-').filter(|at| *at > LONGEST / 2).unwrap_or(base.len());
        base.truncate(cut);
    }
    let mut id = base.clone();
    let mut number = 2;
    while !taken.insert(id.clone()) {
        id = format!("{base}-{number}");
        number += 1;
    }
    id
}
