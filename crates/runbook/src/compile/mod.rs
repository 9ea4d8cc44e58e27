//! From outline to plan: bound, ordered, complete, or a list of everything that is in the way.
//!
//! Compiling is a pure function: the same document, request and settings give the same plan to
//! the last byte, and so the same digest. It reports every fault that it finds, not the first.

mod bind;
mod bound;
mod bucket;
mod choices;
mod control;
mod database;
mod deploy;
mod drafts;
mod edges;
mod fences;
mod files;
mod finish;
mod flag;
mod gate;
mod hosts;
mod image;
mod items;
mod kubernetes;
mod limits;
mod links;
mod migrate;
mod phases;
mod recipe;
mod restore;
mod rules;
mod site;
mod tag;
mod vendor;
mod workflow;

pub use bind::BoundInput;
pub use choices::OpenChoice;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use tminus_release::plan::{DocumentRef, Lane, Mode, Plan, hex};

use crate::adopt::Adoption;
use crate::diagnostic::{Diagnostic, Severity};
use crate::faults::Faults;
use crate::markdown::{self, Markdown};
use crate::outline::{self, Outline};
use crate::settings::Settings;

/// What a plan is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The document's file name, without a machine's folders.
    pub name: String,
    /// How blocks come to run.
    pub mode: Mode,
    /// The lane that runs forward.
    pub lane: Lane,
    /// What is released: `$VERSION`.
    pub version: Option<String>,
    /// What to go back to: `$PREVIOUS_VERSION`.
    pub previous_version: Option<String>,
    /// Inputs by name, or by placeholder as written (`<staging-org>`).
    pub inputs: BTreeMap<String, String>,
    /// Only this environment.
    pub environment: Option<String>,
    /// Choice id to option.
    pub choices: BTreeMap<String, String>,
    /// What is about the place and the people.
    pub settings: Settings,
    /// What a team decided about the blocks of a verbatim document.
    pub adoption: Option<Adoption>,
    /// Whether declared inputs get their values later: true for checking, false for planning.
    pub inputs_come_later: bool,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            name: "RUNBOOK.md".to_owned(),
            mode: Mode::Unattended,
            lane: Lane::Main,
            version: None,
            previous_version: None,
            inputs: BTreeMap::new(),
            environment: None,
            choices: BTreeMap::new(),
            settings: Settings::default(),
            adoption: None,
            inputs_come_later: false,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// Which bytes were compiled.
    pub document: DocumentRef,
    /// How blocks come to run.
    pub mode: Mode,
    /// The lane that runs forward.
    pub lane: Lane,
    /// The plan. None when a diagnostic is an error.
    pub plan: Option<Plan>,
    /// What the document says.
    pub outline: Outline,
    /// Every fault, in document order.
    pub diagnostics: Vec<Diagnostic>,
    /// Choices that nobody has made yet: a release must not start before they are.
    pub open_choices: Vec<OpenChoice>,
    /// Inputs and placeholders with what they are bound to.
    pub inputs: Vec<BoundInput>,
}

impl Compiled {
    /// Tells whether a fault is in the way of a plan.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }
}

/// Compiles a document. Any text gives a result; see [`Compiled::diagnostics`].
pub fn compile(document: &str, request: &Request) -> Compiled {
    compile_parsed(document, &markdown::parse(document), request)
}

/// Compiles a document whose blocks were already read, for who needs them besides.
pub fn compile_parsed(document: &str, markdown: &Markdown, request: &Request) -> Compiled {
    let (outline, read_faults) = outline::read(document, markdown, &request.name);
    let planned = plan_outline(document, markdown, &outline, request);
    planned.with_outline(document, outline, read_faults, request)
}

/// What an outline gives besides itself.
pub(crate) struct Planned(finish::Finished);

/// Plans a document whose outline was already read, so that others may read it meanwhile.
pub(crate) fn plan_outline(
    document: &str,
    markdown: &Markdown,
    outline: &Outline,
    request: &Request,
) -> Planned {
    let mut faults = Faults::new(document, &markdown.lines);
    if outline.units.is_empty() && outline.thresholds.is_empty() {
        faults
            .add_at_line("T111", Severity::Error, 1, "there is nothing to do in this document")
            .help("a runbook has headings with checklists, commands or tables below them; `tminus init` writes an example");
    }
    let mut compiler = drafts::Compiler::new(document, request, outline, markdown, faults);
    compiler.draft_all();
    Planned(finish::finish(compiler))
}

impl Planned {
    /// Puts the result together. `read_faults` are those of reading the outline.
    pub(crate) fn with_outline(
        self,
        document: &str,
        outline: Outline,
        read_faults: Vec<Diagnostic>,
        request: &Request,
    ) -> Compiled {
        let Planned(finished) = self;
        let mut diagnostics = read_faults;
        diagnostics.extend(finished.diagnostics);
        diagnostics.sort_by_key(|found| (found.line, found.column, found.code));
        let failed = diagnostics.iter().any(|found| found.severity == Severity::Error);
        Compiled {
            document: DocumentRef {
                name: request.name.clone(),
                sha256: hex(&Sha256::digest(document.as_bytes())),
            },
            mode: request.mode,
            lane: request.lane,
            plan: if failed { None } else { finished.plan },
            outline,
            diagnostics,
            open_choices: finished.open_choices,
            inputs: finished.inputs,
        }
    }
}
