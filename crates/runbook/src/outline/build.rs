//! One walk over the blocks, in document order, that fills the outline.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use tminus_release::plan::Danger;

use super::sections::{self, Found};
use super::{
    FoundOwner, GroupKind, OptionGroup, Outline, Remark, Section, SectionKind, Unit, UnitKind, commands,
    durations, environments, facts, fences, folds, options, people, purpose, tables,
};
use crate::attributes;
use crate::beside::{beside, is_worth};
use crate::diagnostic::{Diagnostic, Severity};
use crate::encoding::repair;
use crate::faults::Faults;
use crate::front_matter;
use crate::markdown::{Block, Details, Html, Markdown, Text};
use crate::shell::{self, Ahead, Survey};

/// Reads what a document says. `name` is used as the title of a document without headings.
pub fn read(document: &str, markdown: &Markdown, name: &str) -> (Outline, Vec<Diagnostic>) {
    let mut faults = Faults::new(document, &markdown.lines);
    let front_matter = read_front_matter(document, markdown, &mut faults);
    let scripts = if is_worth(document.len()) { fences::scripts(markdown) } else { Vec::new() };
    let surveys = Ahead::new(scripts.into_iter());
    let mut reader = Reader::new(markdown, name, faults, &surveys);
    reader.outline.front_matter = front_matter;
    if surveys.is_empty() {
        reader.blocks(&markdown.blocks);
    } else {
        beside(document.len(), || surveys.make(), || reader.blocks(&markdown.blocks));
    }
    reader.finish()
}

fn read_front_matter(
    document: &str,
    markdown: &Markdown,
    faults: &mut Faults<'_>,
) -> front_matter::FrontMatter {
    let Some(source) = &markdown.front_matter else { return front_matter::FrontMatter::default() };
    let (front_matter, found) = front_matter::read(source);
    if !source.closed {
        let open = document[..source.start].trim_end().len().saturating_sub(3);
        faults
            .add(
                "T101",
                Severity::Error,
                open..open + 3,
                "the front matter is never closed, so the runbook is read as part of it",
            )
            .help("put a line `---` after the last key");
    }
    for fault in found {
        faults.add_fault("T102", fault);
    }
    front_matter
}

/// The walk's state.
pub(super) struct Reader<'a> {
    pub(super) markdown: &'a Markdown,
    pub(super) faults: Faults<'a>,
    /// What the document's scripts are.
    pub(super) surveys: &'a Ahead<'a>,
    pub(super) outline: Outline,
    /// Index of the section being read.
    pub(super) section: usize,
    /// Next heading's section.
    next_section: usize,
    /// The line that introduces what follows.
    pub(super) lead: Option<String>,
    /// The option that the lead or an item opened.
    pub(super) option: Option<(usize, usize)>,
    pub(super) options: options::Finder,
    pub(super) has_work: Vec<bool>,
    pub(super) is_claimed: Vec<bool>,
    /// Lines of `<details>` that are sections.
    folded: HashSet<u32>,
    /// Environments that a table or a fact names, by lower-case name.
    pub(super) environments: environments::Finder,
    pub(super) placeholders: BTreeMap<String, Remark>,
    pub(super) ids: HashMap<String, u32>,
    /// What code spans are, by their text: the same few stand in a runbook again and again. None
    /// for one that is no command.
    spans: HashMap<String, Option<Arc<Survey>>>,
    /// What leads are about, by their words.
    pub(super) purposes: HashMap<String, Option<purpose::Purpose>>,
    /// What the section being read is about.
    pub(super) section_purpose: Option<(usize, Option<purpose::Purpose>)>,
}

impl<'a> Reader<'a> {
    fn new(markdown: &'a Markdown, name: &str, faults: Faults<'a>, surveys: &'a Ahead<'a>) -> Self {
        let mut headings: Vec<Found> = Vec::new();
        let mut folded = HashSet::new();
        let mut folds = folds::sections(&markdown.blocks).into_iter().peekable();
        for (at, block) in markdown.blocks.iter().enumerate() {
            match block {
                Block::Heading(heading) => {
                    let title = repair(&heading.text.plain()).text;
                    headings.push(Found { title, level: heading.level, line: heading.text.line });
                }
                Block::Html(html) => {
                    let Some(fold) = folds.next_if(|fold| fold.0 == at) else { continue };
                    let title = fold.1;
                    let outer = headings.iter().rev().find(|outer| !folded.contains(&outer.line));
                    let level = outer.map_or(2, |outer| outer.level + 1);
                    folded.insert(html.line);
                    headings.push(Found { title: repair(title).text, level, line: html.line });
                }
                _ => {}
            }
        }
        let stem = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".md").to_owned();
        let sections = sections::tree(&stem, headings);
        let count = sections.len();
        let first_heading = sections.iter().skip(1).find(|section| section.level == 1);
        let title = first_heading.map_or(stem, |section| section.title.clone());
        let title_line = first_heading.map_or(0, |section| section.line);
        Reader {
            markdown,
            faults,
            surveys,
            outline: Outline {
                title,
                title_line,
                front_matter: front_matter::FrontMatter::default(),
                sections,
                units: Vec::with_capacity(markdown.blocks.len()),
                facts: Vec::new(),
                inline_commands: Vec::new(),
                thresholds: Vec::new(),
                triggers_without_number: Vec::new(),
                durations: Vec::new(),
                environments: Vec::new(),
                placeholders: Vec::new(),
                owners: Vec::new(),
                roles: Vec::new(),
                groups: Vec::new(),
                dangers: Vec::new(),
                waits: Vec::new(),
            },
            section: 0,
            next_section: 1,
            lead: None,
            option: None,
            options: options::Finder::default(),
            has_work: vec![false; count],
            is_claimed: vec![false; count],
            folded,
            environments: environments::Finder::default(),
            placeholders: BTreeMap::new(),
            ids: HashMap::new(),
            spans: HashMap::new(),
            purposes: HashMap::new(),
            section_purpose: None,
        }
    }

    fn blocks(&mut self, blocks: &'a [Block]) {
        for block in blocks {
            match block {
                Block::Heading(heading) => self.heading(heading.text.line),
                Block::Paragraph(text) => self.paragraph(text),
                Block::Fence(fence) => {
                    fences::read(self, fence, None);
                }
                Block::List(list) => self.list(list),
                Block::Table(table) => tables::read(self, table),
                Block::Quote(inner) => self.quote(inner),
                Block::Rule => self.lead = None,
                Block::Html(html) => self.html(html),
            }
        }
    }

    /// A quote is said beside the work: its text counts, its headings open no section.
    fn quote(&mut self, blocks: &'a [Block]) {
        for block in blocks {
            match block {
                Block::Paragraph(text) => self.paragraph(text),
                Block::Fence(fence) => {
                    fences::read(self, fence, None);
                }
                Block::List(list) => self.list(list),
                Block::Table(table) => tables::read(self, table),
                Block::Quote(inner) => self.quote(inner),
                Block::Heading(_) | Block::Rule | Block::Html(_) => {}
            }
        }
    }

    /// What is folded away is introduced by its summary, and a section of its own where that says so.
    fn html(&mut self, html: &Html) {
        match &html.details {
            Some(Details::Opens(_)) if self.folded.contains(&html.line) => self.heading(html.line),
            Some(Details::Opens(summary)) if !summary.is_empty() => self.lead = Some(repair(summary).text),
            Some(Details::Closes) => self.lead = None,
            Some(Details::Opens(_)) | None => {}
        }
    }

    fn heading(&mut self, line: u32) {
        self.section = self.next_section;
        self.next_section += 1;
        self.lead = None;
        let title = self.outline.sections[self.section].title.clone();
        self.option = self.options.heading(&mut self.outline, self.section, &title);
        self.environments.mention(&title, line);
        durations::read(self, &title, line);
        self.placeholders_in(&title, line);
        people::in_heading(self, &title, line);
    }

    pub(super) fn paragraph(&mut self, text: &Text) {
        let labels = facts::read(text);
        let shown = repair(&text.with_ticks()).text;
        self.common(text, &shown);
        let values: Vec<_> = labels.iter().filter(|label| !label.value.is_empty()).cloned().collect();
        for labelled in &values {
            self.fact(labelled);
        }
        // `**Option A**: at once` says which way follows, as `**Option A: at once**` does.
        let way = match values.as_slice() {
            [one] if text.source_lines().count() == 1 => Some(format!("{}: {}", one.label, one.value)),
            _ => None,
        };
        let introduced =
            || facts::lead(text).filter(|_| labels.last().is_none_or(|label| label.value.is_empty()));
        if let Some(lead) = way.filter(|way| options::names_a_way(way)).or_else(introduced) {
            self.option =
                self.options.lead(&mut self.outline, self.section, &lead, text.line).or(self.option);
            // `**Deployer → On-Call Engineer**:` says who hands over to whom.
            if lead.contains('→') && people::are_roles(&lead) {
                let (section, line) = (self.section, text.line);
                self.outline.owners.push(FoundOwner { text: lead.clone(), section, line });
            }
            self.lead = Some(lead);
            return;
        }
        if super::lists::without_box(&shown).is_some() {
            for line in text.source_lines() {
                let plain: String = line.iter().map(|piece| piece.text.as_str()).collect();
                let at = line.first().map_or(text.line, |piece| self.markdown.lines.line(piece.start));
                if let Some(boxed) = super::lists::without_box(&repair(&plain).text) {
                    super::lists::boxed(self, boxed.to_owned(), at);
                }
            }
            return;
        }
        if values.is_empty() {
            purpose::thresholds(self, &shown, text.line, None, purpose::Place::Paragraph);
            self.unit(text.line, shown.clone(), UnitKind::Prose(shown));
        }
    }

    fn fact(&mut self, labelled: &facts::Labelled) {
        let line = self.markdown.lines.line(labelled.start);
        let label = labelled.label.to_ascii_lowercase();
        let value = labelled.value.clone();
        match label.as_str() {
            "owner" | "owners" | "decision maker" | "maintained by" => {
                let section = if self.is_document() { 0 } else { self.section };
                self.outline.owners.push(FoundOwner { text: value.clone(), section, line });
            }
            "duration" | "timeline" | "wait time" | "when" | "rollback window" => {
                durations::whole(self, &value, line)
            }
            "environment" | "environments" => self.environments.fact(self.section, &value, line),
            _ => durations::cadence(self, &labelled.label, &value, line),
        }
        people::in_fact(self, &labelled.label, &value, line);
        let text = format!("{}: {value}", labelled.label);
        purpose::thresholds(self, &text, line, None, purpose::Place::Fact);
        let fact = super::Fact { label: labelled.label.clone(), value, section: self.section, line };
        self.outline.facts.push(fact);
    }

    /// Everything that is looked for in any running text.
    pub(super) fn common(&mut self, text: &Text, shown: &str) {
        let line = text.line;
        commands::inline(self, text, shown);
        durations::read(self, shown, line);
        self.environments.mention(shown, line);
        self.placeholders_in(shown, line);
        people::in_prose(self, shown, line);
    }

    /// Reads a code span as a command. None when it is none.
    pub(super) fn command(&mut self, span: &str) -> Option<Arc<Survey>> {
        if let Some(known) = self.spans.get(span) {
            return known.clone();
        }
        let survey = shell::looks_like_command(span).then(|| shell::survey(span));
        self.spans.insert(span.to_owned(), survey.clone());
        survey
    }

    pub(super) fn placeholders_in(&mut self, text: &str, line: u32) {
        for found in shell::placeholders_in_text(text) {
            self.placeholder(found.text, line + found.line.saturating_sub(1));
        }
    }

    pub(super) fn placeholder(&mut self, text: String, line: u32) {
        let section = self.section;
        self.placeholders.entry(text.clone()).or_insert(Remark { text, line, section });
    }

    /// Tells whether the walk stands before the first phase.
    pub(super) fn is_document(&self) -> bool {
        self.outline.sections[self.section].kind == SectionKind::Document
    }

    /// Adds a unit and returns its index.
    pub(super) fn unit(&mut self, line: u32, title: String, kind: UnitKind) -> usize {
        self.outline.units.push(Unit {
            section: self.section,
            line,
            end_line: line,
            title,
            item_title: None,
            lead: self.lead.clone(),
            option: self.option,
            kind,
        });
        self.outline.units.len() - 1
    }

    /// Notes that work stands directly in the section.
    pub(super) fn work_here(&mut self) {
        self.has_work[self.section] = true;
    }

    fn finish(mut self) -> (Outline, Vec<Diagnostic>) {
        sections::classify(&mut self.outline.sections, &self.has_work, &self.is_claimed);
        self.environments.settle(&mut self.outline);
        people::settle(&mut self.outline);
        self.title_with_project();
        self.outline.placeholders = self.placeholders.into_values().collect();
        self.outline.placeholders.sort_by_key(|found| found.line);
        options::settle(&mut self.outline);
        self.outline.dangers.sort_by_key(|found| (found.line, found.danger == Danger::Confirm));
        purpose::settle(&mut self.outline);
        for (at, section) in self.outline.sections.iter().enumerate().skip(1) {
            heading_jump(&self.outline.sections, at, section, &mut self.faults);
        }
        (self.outline, self.faults.into_sorted())
    }

    /// "Release Runbook" alone says little: the project's name is added when a fact gives it.
    fn title_with_project(&mut self) {
        let labels = ["project", "service", "application", "product"];
        let project = self.outline.facts.iter().find(|fact| {
            self.outline.sections[fact.section].kind == SectionKind::Document
                && labels.iter().any(|label| fact.label.eq_ignore_ascii_case(label))
        });
        if let Some(fact) = project
            && !self.outline.title.to_lowercase().contains(&fact.value.to_lowercase())
        {
            self.outline.title = format!("{} ({})", self.outline.title, fact.value);
        }
    }

    pub(super) fn check_info(&mut self, info: &attributes::Info) {
        attributes::check(info, &mut self.faults);
    }

    pub(super) fn group_in_fence(&mut self, line: u32, title: &str) {
        let section = self.section;
        let id = options::next_id(&self.outline, section);
        self.outline.groups.push(OptionGroup {
            id,
            ask: format!("{title}: the block holds several ways"),
            ways: Vec::new(),
            section,
            line,
            kind: GroupKind::InOneFence,
        });
    }
}

/// T106: told at the first heading below another; those beside it follow the same habit.
fn heading_jump(sections: &[Section], at: usize, section: &Section, faults: &mut Faults<'_>) {
    let outer = sections[section.parent].level;
    if at > 1 && at == section.parent + 1 && section.level > outer + 1 && !(outer == 0 && section.level == 2)
    {
        let message = format!(
            "the heading is two levels or more below the one above it (H{outer} to H{})",
            section.level
        );
        faults.add_at_line("T106", Severity::Note, section.line, message);
    }
}
