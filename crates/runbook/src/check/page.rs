//! What the checks look at: the document, its outline, and every script with its place.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tminus_release::plan::Lane;

use crate::diagnostic::{Diagnostic, Severity};
use crate::faults::{Added, Faults};
use crate::markdown::Markdown;
use crate::names;
use crate::outline::{FenceClass, FenceUnit, Outline, UnitKind, is_session};
use crate::shell::{self, CommandUse, Position, Survey};

use super::marks::{self, Mark};

/// A document under check, with the faults found so far.
pub(super) struct Page<'a> {
    pub(super) document: &'a str,
    pub(super) markdown: &'a Markdown,
    pub(super) outline: &'a Outline,
    pub(super) scripts: Vec<Script<'a>>,
    /// Names that inputs bind, in the form of environment variables.
    pub(super) bound: BTreeSet<String>,
    /// Names that settings give to steps.
    pub(super) known: BTreeSet<String>,
    /// The document in lower case, made when a check first needs it.
    lower: std::cell::OnceCell<String>,
    /// Its lines outside of code, read when a check first needs them.
    prose: std::cell::OnceCell<Vec<(u32, &'a str)>>,
    /// What those lines may be about, in the same order.
    marks: std::cell::OnceCell<Vec<u8>>,
    /// Sections whose headings speak of nothing but where users are; see [`super::flow::is_live`].
    pub(super) live_titles: std::cell::OnceCell<Vec<bool>>,
    faults: Faults<'a>,
}

/// A shell fence or an inline command.
pub(super) struct Script<'a> {
    pub(super) text: &'a str,
    pub(super) survey: Arc<Survey>,
    /// Section of the outline.
    pub(super) section: usize,
    /// The line of the document on which the script's first line stands.
    first_line: u32,
    /// Characters in front of each line of the script, in the document.
    indents: Vec<u32>,
    /// First byte of each of its lines.
    starts: Vec<u32>,
    /// Names of variables whose value is known to stay one word, or not.
    pub(super) one_word: RefCell<HashMap<String, bool>>,
    pub(super) lane: Lane,
    /// True for what is no block for a shell here: a code span, or a block without a language.
    pub(super) inline: bool,
    /// True for a code span that is the step of a numbered row of a table.
    pub(super) is_row: bool,
    /// Who would run what is no block for a shell.
    pub(super) given: Given,
    /// The line or list item that introduces it.
    pub(super) lead: Option<String>,
    /// The phase that holds it.
    pub(super) phase: Option<usize>,
    /// Whether its author marked it for running.
    pub(super) annotated: bool,
    /// The fence; none for a code span.
    pub(super) fence: Option<&'a FenceUnit>,
}

/// A text as lists of words need it: capitals beyond ASCII are small letters, the others may stay.
pub(super) fn lowered(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

/// Returns a line without the box of a task in front of it.
pub(super) fn without_task(text: &str) -> &str {
    let rest = ["[ ]", "[x]", "[X]", "☐", "☑"].iter().find_map(|mark| text.strip_prefix(mark));
    rest.unwrap_or(text).trim_start()
}

/// What becomes of commands that stand in no block for a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// Nothing: a mention in running text may be a description.
    Mentioned,
    /// A list item that is one command, and so a step.
    Step,
    /// A block of commands without a language: a person types them.
    Person,
}

impl<'a> Page<'a> {
    /// Gathers what the checks need.
    pub(super) fn new(document: &'a str, markdown: &'a Markdown, outline: &'a Outline) -> Page<'a> {
        let bound = outline.front_matter.inputs.iter().map(|input| input.name.clone()).collect();
        let mut page = Page {
            document,
            markdown,
            outline,
            scripts: Vec::new(),
            bound,
            known: BTreeSet::new(),
            lower: std::cell::OnceCell::new(),
            prose: std::cell::OnceCell::new(),
            marks: std::cell::OnceCell::new(),
            live_titles: std::cell::OnceCell::new(),
            faults: Faults::new(document, &markdown.lines),
        };
        page.gather_fences();
        page.gather_spans();
        page
    }

    /// The document in lower case.
    pub(super) fn lower(&self) -> &str {
        // Lowering beyond ASCII takes ten times as long, and few documents have capitals there.
        let beyond = |c: char| !c.is_ascii() && c.is_uppercase();
        self.lower.get_or_init(|| match self.document.chars().any(beyond) {
            true => self.document.to_lowercase(),
            false => self.document.to_ascii_lowercase(),
        })
    }

    /// The lines of a range, in lower case.
    pub(super) fn text_of(&self, lines: std::ops::RangeInclusive<u32>) -> String {
        let start = self.markdown.lines.start_of(*lines.start()).min(self.document.len());
        let end = self.markdown.lines.start_of(lines.end().saturating_add(1)).min(self.document.len());
        self.document.get(start..end.max(start)).unwrap_or_default().to_lowercase()
    }

    /// Tells whether the document links to one whose name has one of the words: what is missing here
    /// may stand there.
    pub(super) fn links_to(&self, words: &[&str]) -> bool {
        let lower = self.lower();
        let targets = lower.match_indices("](").map(|(at, _)| {
            let rest = &lower[at + 2..];
            &rest[..rest.find(')').unwrap_or(0)]
        });
        // Code is taken apart only where a document's name may be in it.
        let code = if lower.contains(".md`") { lower } else { "" };
        let mut named =
            targets.chain(code.split('`').skip(1).step_by(2).filter(|code| code.ends_with(".md")));
        named.any(|target| words.iter().any(|word| target.contains(word)))
    }

    /// Lines that stand in no code block, with their numbers.
    pub(super) fn prose(&self) -> &[(u32, &'a str)] {
        self.prose.get_or_init(|| self.read_prose())
    }

    /// Those of them that may be about something.
    pub(super) fn marked(&self, mark: Mark) -> Vec<(u32, &'a str)> {
        let prose = self.prose();
        let marks = self.marks.get_or_init(|| prose.iter().map(|(_, text)| marks::of(text)).collect());
        prose
            .iter()
            .zip(marks)
            .filter(|(_, marks)| **marks & mark as u8 != 0)
            .map(|(line, _)| *line)
            .collect()
    }

    fn read_prose(&self) -> Vec<(u32, &'a str)> {
        let mut fences: Vec<(u32, u32)> = Vec::new();
        self.markdown.walk(|block| {
            if let crate::markdown::Block::Fence(fence) = block {
                fences.push((fence.line, fence.end_line));
            }
        });
        fences.sort_unstable();
        let first = self
            .markdown
            .front_matter
            .as_ref()
            .map_or(1, |matter| self.markdown.lines.line(matter.start + matter.text.len()));
        let mut next = fences.iter().peekable();
        let mut lines = Vec::new();
        for line in first..=self.markdown.lines.count() {
            while next.peek().is_some_and(|fence| fence.1 < line) {
                next.next();
            }
            if next.peek().is_none_or(|fence| line < fence.0) {
                lines.push((line, self.markdown.lines.text_of(self.document, line)));
            }
        }
        lines
    }

    fn gather_fences(&mut self) {
        for unit in &self.outline.units {
            let UnitKind::Fence(fence) = &unit.kind else { continue };
            let typed = fence.class == FenceClass::Commands && !is_session(&fence.body);
            let survey = match fence.survey.as_ref().filter(|_| runs(fence)) {
                Some(survey) => Arc::clone(survey),
                None if typed => shell::survey(&fence.body),
                None => continue,
            };
            let indents = (fence.body_line..).zip(fence.body.split('\n')).map(|(line, text)| {
                let whole = self.markdown.lines.text_of(self.document, line);
                u32::try_from(
                    whole.chars().count().saturating_sub(text.trim_end_matches('\r').chars().count()),
                )
                .unwrap_or(0)
            });
            self.scripts.push(Script {
                text: &fence.body,
                survey,
                section: unit.section,
                first_line: fence.body_line,
                indents: indents.collect(),
                starts: line_starts(&fence.body),
                one_word: RefCell::default(),
                lane: self.outline.sections[unit.section].lane,
                inline: typed,
                is_row: false,
                given: if typed { Given::Person } else { Given::Step },
                lead: unit.item_title.clone().or_else(|| unit.lead.clone()),
                phase: self.outline.sections[unit.section].phase,
                annotated: fence.is_annotated(),
                fence: Some(fence.as_ref()),
            });
        }
    }

    fn gather_spans(&mut self) {
        let mut seen: (u32, usize) = (0, 0);
        let steps: HashSet<(u32, &str)> = self
            .outline
            .units
            .iter()
            .filter_map(|unit| match &unit.kind {
                UnitKind::Point(point) => Some((unit.line, point.command.as_deref()?)),
                _ => None,
            })
            .collect();
        for command in &self.outline.inline_commands {
            let line = self.markdown.lines.text_of(self.document, command.line);
            // Several spans of one line are found one after the other.
            let from = if seen.0 == command.line { seen.1 } else { 0 };
            let Some(at) = line.get(from..).and_then(|rest| rest.find(&command.text)).map(|at| at + from)
            else {
                continue;
            };
            seen = (command.line, at + command.text.len());
            self.scripts.push(Script {
                text: &command.text,
                survey: Arc::clone(&command.survey),
                section: command.section,
                first_line: command.line,
                indents: vec![u32::try_from(line[..at].chars().count()).unwrap_or(0)],
                starts: vec![0],
                one_word: RefCell::default(),
                lane: self.outline.sections[command.section].lane,
                inline: true,
                is_row: is_row(line, at, seen.1),
                given: if steps.contains(&(command.line, command.text.as_str())) {
                    Given::Step
                } else {
                    Given::Mentioned
                },
                lead: None,
                phase: self.outline.sections[command.section].phase,
                annotated: false,
                fence: None,
            });
        }
    }

    /// Adds a fault at a range of bytes of the document.
    pub(super) fn add(
        &mut self,
        code: &'static str,
        severity: Severity,
        bytes: std::ops::Range<usize>,
        message: impl Into<String>,
    ) -> Added<'_> {
        self.faults.add(code, severity, bytes, message)
    }

    /// Adds a fault that is about a whole line.
    pub(super) fn add_at_line(
        &mut self,
        code: &'static str,
        severity: Severity,
        line: u32,
        message: impl Into<String>,
    ) -> Added<'_> {
        self.faults.add_at_line(code, severity, line, message)
    }

    /// Adds a finding of a script.
    pub(super) fn report(&mut self, finding: Finding) {
        let byte = |place: (u32, u32)| self.markdown.lines.offset(self.document, place.0, place.1);
        let (start, end) = (byte(finding.at), byte(finding.end));
        let added = self.faults.add(finding.code, finding.severity, start..end.max(start), finding.message);
        added.help(finding.help);
    }

    /// Returns all faults, with a fix where one is known.
    pub(super) fn into_found(mut self) -> Vec<Diagnostic> {
        let none = Faults::new(self.document, &self.markdown.lines);
        let mut found = std::mem::replace(&mut self.faults, none).into_sorted();
        super::fixes::add(&self, &mut found);
        found
    }

    /// Runs a check over each script and reports what it finds.
    pub(super) fn each_script(&mut self, mut check: impl FnMut(&Script<'a>, &mut Vec<Finding>)) {
        let mut found = Vec::new();
        for script in &self.scripts {
            let before = found.len();
            check(script, &mut found);
            // A mention in running text may be a description: it is never certain.
            if script.inline {
                let told: &mut [Finding] = &mut found[before..];
                told.iter_mut()
                    .for_each(|finding| finding.severity = finding.severity.min(Severity::Warning));
            }
        }
        found.into_iter().for_each(|finding| self.report(finding));
    }

    /// Tells whether a placeholder such as `<staging-org>` is declared as an input.
    pub(super) fn is_bound(&self, written: &str) -> bool {
        self.bound.contains(&names::variable(written))
    }

    /// Tells whether a section, or one that holds it, acts on an environment by its own words.
    pub(super) fn acts_on(&self, section: usize, environment: &str) -> bool {
        let sections = &self.outline.sections;
        for at in self.outline.chain(section) {
            if !sections[at].environments.is_empty() {
                return sections[at].environments.iter().any(|name| name == environment);
            }
            if sections[at].title.to_lowercase().contains(environment) {
                return true;
            }
        }
        false
    }
}

/// Tells whether a span fills a cell of a row that begins with a number: `| P3 | `command` | … |`. A table
/// whose rows begin with the command explains commands.
fn is_row(line: &str, start: usize, end: usize) -> bool {
    let Some(row) = line.trim_start().strip_prefix('|') else { return false };
    let first = row.split('|').next().unwrap_or_default().trim();
    let numbered = first.len() <= 6
        && first.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.')
        && first.contains(|c: char| c.is_ascii_digit());
    let before = line[..start].trim_end_matches('`').trim_end();
    let after = line[end..].trim_start_matches('`').trim_start();
    numbered && before.ends_with('|') && after.starts_with('|')
}

fn line_starts(text: &str) -> Vec<u32> {
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    let behind = ends.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX));
    std::iter::once(0).chain(behind).collect()
}

/// A script whose author does not mean it to run is no subject of the shell checks.
fn runs(fence: &FenceUnit) -> bool {
    let never = fence
        .info
        .attributes
        .iter()
        .flat_map(|a| &a.classes)
        .any(|class| matches!(class.text.as_str(), "example" | "manual"));
    matches!(fence.class, FenceClass::Shell(_)) && !never
}

/// A fault of a script, not yet in the document's bytes.
pub(super) struct Finding {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    pub(super) at: (u32, u32),
    pub(super) end: (u32, u32),
    pub(super) message: String,
    pub(super) help: String,
}

impl Script<'_> {
    /// Turns a place of the script into one of the document.
    pub(super) fn place(&self, line: u32, column: u32) -> (u32, u32) {
        let indent = self.indents.get(line.saturating_sub(1) as usize).copied().unwrap_or(0);
        (self.first_line + line.saturating_sub(1), column + indent)
    }

    /// Builds a fault that covers a part of the script.
    pub(super) fn at(
        &self,
        code: &'static str,
        severity: Severity,
        position: Position,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Finding {
        Finding {
            code,
            severity,
            at: self.place(position.line, position.column),
            end: self.place(position.end_line, position.end_column),
            message: message.into(),
            help: help.into(),
        }
    }

    /// Builds a fault that covers a command.
    pub(super) fn on(
        &self,
        code: &'static str,
        severity: Severity,
        command: &CommandUse,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Finding {
        self.at(code, severity, position(command), message, help)
    }

    /// Builds a fault that covers a line of the script.
    pub(super) fn on_line(
        &self,
        code: &'static str,
        severity: Severity,
        line: u32,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Finding {
        self.on_lines(code, severity, (line, line), message, help)
    }

    /// Builds a fault that covers several lines.
    pub(super) fn on_lines(
        &self,
        code: &'static str,
        severity: Severity,
        lines: (u32, u32),
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Finding {
        let text = |line: u32| {
            let start =
                self.starts.get(line.saturating_sub(1) as usize).map_or(self.text.len(), |at| *at as usize);
            self.text[start..].split('\n').next().unwrap_or_default()
        };
        let indent = text(lines.0).chars().take_while(|c| c.is_whitespace()).count();
        let width = text(lines.1).trim_end().chars().count();
        let column = |n: usize| u32::try_from(n).unwrap_or(u32::MAX - 1) + 1;
        let position = Position {
            line: lines.0,
            column: column(indent),
            end_line: lines.1,
            end_column: column(width.max(1)),
            start: 0,
            end: 0,
        };
        self.at(code, severity, position, message, help)
    }

    /// The commands of the script.
    pub(super) fn commands(&self) -> &[CommandUse] {
        &self.survey.commands
    }
}

/// Finds the command around a place of a script. Made once for many places.
pub(super) struct Around<'s> {
    commands: &'s [CommandUse],
    /// First byte and index of each command, in the order of the text.
    by_start: Vec<(usize, usize)>,
    /// How far the commands up to each of those reach.
    reach: Vec<usize>,
}

impl<'s> Around<'s> {
    pub(super) fn new(script: &'s Script<'_>) -> Around<'s> {
        let commands = script.commands();
        let mut by_start: Vec<(usize, usize)> =
            commands.iter().enumerate().map(|(at, command)| (command.start, at)).collect();
        by_start.sort_unstable();
        let reach = by_start.iter().scan(0, |reach, (_, at)| {
            *reach = commands[*at].end.max(*reach);
            Some(*reach)
        });
        Around { commands, reach: reach.collect(), by_start }
    }

    /// Returns the first command, in the order of the survey, that holds a range of bytes.
    pub(super) fn command(&self, start: usize, end: usize) -> Option<&'s CommandUse> {
        let behind = self.by_start.partition_point(|command| command.0 <= start);
        let near = (0..behind).rev().take_while(|at| self.reach[*at] >= end);
        let holding = near.map(|at| self.by_start[at].1).filter(|at| self.commands[*at].end >= end);
        holding.min().map(|at| &self.commands[at])
    }
}

/// The place of a command in its script.
pub(super) fn position(command: &CommandUse) -> Position {
    Position {
        line: command.line,
        column: command.column,
        end_line: command.end_line,
        end_column: command.end_column,
        start: command.start,
        end: command.end,
    }
}

/// Tells whether a command has an option, alone or with `=value`.
pub(super) fn has_option(command: &CommandUse, options: &[&str]) -> bool {
    command.arguments.iter().any(|argument| {
        options.iter().any(|option| {
            argument == option || argument.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))
        })
    })
}

/// Shortens a text for a message.
pub(super) fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    if line.chars().count() <= 60 {
        line.to_owned()
    } else {
        format!("{}…", line.chars().take(57).collect::<String>())
    }
}
