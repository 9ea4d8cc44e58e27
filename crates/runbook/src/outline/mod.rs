//! What a document says: phases, sections, work, facts, numbers and people, in document order.
//!
//! The outline is made for any Markdown, verbatim or annotated, and never fails. It says what is
//! there; what of it runs, in which order and on whose yes, is for `compile` to decide.

mod build;
mod commands;
mod durations;
mod environments;
mod facts;
mod fences;
mod folds;
mod ids;
mod lists;
mod measures;
mod options;
mod people;
mod purpose;
mod sections;
mod tables;
mod tongues;
mod transcript;
mod units;

pub use build::read;
pub use environments::canonical as canonical_environment;
pub use ids::default_ids;
pub use people::split_roles;
pub use purpose::Purpose;
pub(crate) use transcript::{is_session, typed_elsewhere};
pub use units::{FenceClass, FenceUnit, ItemUnit, PointUnit, Unit, UnitKind};

use std::sync::Arc;

use tminus_release::plan::{Danger, Lane, Usage};

use crate::front_matter::FrontMatter;
use crate::rules::Threshold;
use crate::shell::Survey;

/// What a document says.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// The document's title; with the project's name, when the heading does not have it.
    pub title: String,
    /// Line of the title's heading, from 1; 0 when there is none.
    pub title_line: u32,
    /// What the document declares about itself.
    pub front_matter: FrontMatter,
    /// The document itself, then every heading in order.
    pub sections: Vec<Section>,
    /// Work and prose in document order.
    pub units: Vec<Unit>,
    /// `Label: value` lines.
    pub facts: Vec<Fact>,
    /// Code spans that are commands.
    pub inline_commands: Vec<InlineCommand>,
    /// Thresholds with their use.
    pub thresholds: Vec<FoundThreshold>,
    /// Reasons to roll back that hold no number: a person decides.
    pub triggers_without_number: Vec<Remark>,
    /// Spans and dates that the text names.
    pub durations: Vec<Remark>,
    /// Environments by name, with the address when a table or a fact gives one.
    pub environments: Vec<FoundEnvironment>,
    /// Places to fill in and sample values, each once, at its first line.
    pub placeholders: Vec<Remark>,
    /// Who is named as the owner of the document or of a section, as written.
    pub owners: Vec<FoundOwner>,
    /// Roles and teams that the text names, as written.
    pub roles: Vec<Remark>,
    /// Several ways to do one thing.
    pub groups: Vec<OptionGroup>,
    /// Commands that change a shared system or destroy something.
    pub dangers: Vec<FoundDanger>,
    /// Commands that wait for a person or never end.
    pub waits: Vec<Remark>,
}

/// A heading with what stands below it, or the document itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The heading as shown, encoding repaired.
    pub title: String,
    /// 1 to 6; 0 for the document itself.
    pub level: u8,
    /// Index of the section that holds it; the document holds itself.
    pub parent: usize,
    /// Line of the heading, from 1.
    pub line: u32,
    /// Slugs of the headings from the phase down, joined by `/`.
    pub path: String,
    /// Whether there is work in it.
    pub kind: SectionKind,
    /// The lane that its work feeds.
    pub lane: Lane,
    /// Index of the phase it belongs to: itself, an outer section, or None.
    pub phase: Option<usize>,
    /// Environments that its facts or its heading name, in order. Inner sections have their own.
    pub environments: Vec<String>,
    /// Option group and the index of the option that this section is.
    pub option: Option<(usize, usize)>,
}

/// Whether there is work in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// The document itself, or its title. A phase only when work stands before the first phase.
    Document,
    /// A top-level heading that holds work.
    Phase,
    /// A top-level heading, and all below it, that holds data only.
    Data,
    /// A heading inside a phase.
    Inner,
}

/// A `Label: value` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The label as written, without the colon.
    pub label: String,
    /// What stands after the colon.
    pub value: String,
    /// Section it stands in.
    pub section: usize,
    /// Line, from 1.
    pub line: u32,
}

/// A text with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it says.
    pub text: String,
    /// Line, from 1.
    pub line: u32,
    /// Section it stands in.
    pub section: usize,
}

/// A code span that is a command.
#[derive(Clone, Debug, PartialEq)]
pub struct InlineCommand {
    /// The command.
    pub text: String,
    /// What the shell's grammar says about it; shared by all places with the same text.
    pub survey: Arc<Survey>,
    /// Line, from 1.
    pub line: u32,
    /// Section it stands in.
    pub section: usize,
}

/// A threshold with its use.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundThreshold {
    /// What was read.
    pub threshold: Threshold,
    /// What it decides.
    pub usage: Usage,
    /// Line, from 1.
    pub line: u32,
    /// Section it stands in.
    pub section: usize,
    /// The whole line or cell.
    pub text: String,
    /// Whether it stands in a checklist item, where a person judges it.
    pub in_item: bool,
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEnvironment {
    /// `staging`, `production`, …
    pub name: String,
    /// Its address, when the text gives one.
    pub url: Option<String>,
    /// Line of the first mention.
    pub line: u32,
}

/// An owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOwner {
    /// As written.
    pub text: String,
    /// Section it owns; 0 is the document.
    pub section: usize,
    /// Line, from 1.
    pub line: u32,
}

/// Several ways to do one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionGroup {
    /// Stable name: the section's path, with a number when it holds several groups.
    pub id: String,
    /// What is chosen, for a person.
    pub ask: String,
    /// The ways, as written.
    pub ways: Vec<Remark>,
    /// Section that holds the group.
    pub section: usize,
    /// Line of the first way.
    pub line: u32,
    /// What the ways are to each other.
    pub kind: GroupKind,
}

/// What several ways are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// One of them is taken: `Option A / Option B`.
    Choice,
    /// Each is for its own part, and all are done: `For Supabase / For Prisma`.
    Parts,
    /// They stand in one fence, and a person has to pick lines.
    InOneFence,
}

/// A command that must not run without a yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundDanger {
    /// The command.
    pub text: String,
    /// Line, from 1.
    pub line: u32,
    /// Section it stands in.
    pub section: usize,
    /// How much is at stake.
    pub danger: Danger,
    /// Why.
    pub reason: String,
}

impl Outline {
    /// Returns the phases, those of every lane, in document order.
    pub fn phases(&self) -> impl Iterator<Item = (usize, &Section)> {
        self.sections.iter().enumerate().filter(|(at, section)| section.phase == Some(*at))
    }

    /// Returns top-level sections that hold data only.
    pub fn data_sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter().filter(|section| {
            section.kind == SectionKind::Data && self.sections[section.parent].kind == SectionKind::Document
        })
    }

    /// Returns a section and those that hold it, innermost first, without the document.
    pub fn chain(&self, section: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(section), |at| Some(self.sections[*at].parent)).take_while(|at| *at != 0)
    }

    /// Returns the value of a fact of a section or, when it has none, of one that holds it.
    pub fn fact(&self, section: usize, labels: &[&str]) -> Option<&Fact> {
        self.chain(section).chain([0]).find_map(|at| self.own_fact(at, labels))
    }

    /// Returns the value of a fact that stands directly in a section.
    pub fn own_fact(&self, section: usize, labels: &[&str]) -> Option<&Fact> {
        // Facts are in document order, so those of a section stand together.
        let from = self.facts.partition_point(|fact| fact.section < section);
        self.facts[from..]
            .iter()
            .take_while(|fact| fact.section == section)
            .find(|fact| labels.iter().any(|label| fact.label.eq_ignore_ascii_case(label)))
    }

    /// Returns the title of the phase that holds a section; of its top-level section otherwise.
    pub fn phase_title(&self, section: usize) -> Option<&str> {
        let outer =
            || self.chain(section).filter(|at| self.sections[*at].kind != SectionKind::Document).last();
        let at = self.sections[section].phase.or_else(outer)?;
        Some(&self.sections[at].title)
    }
}
