//! The sidecar `RUNBOOK.adopt.yaml`: what a team decided about the blocks of a verbatim document.
//!
//! Each decision is bound to the block's exact bytes. One byte changed, and the block is only
//! proposed again. The sidecar is a file to be reviewed; nothing is written into the document.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use tminus_release::plan::hex;

use crate::data::{Fault, Keys, Value, parse_yaml};
use crate::diagnostic::Diagnostic;
use crate::faults::Faults;
use crate::lines::LineIndex;
use crate::outline::{FenceUnit, Outline, UnitKind, default_ids};
use crate::shell::PlaceholderKind;

/// The version of the sidecar's format.
pub const SIDECAR_VERSION: u32 = 1;

/// A sidecar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// The document's file name.
    pub document: String,
    /// Placeholder or literal as written to a value, or to `$NAME` of an input.
    pub bindings: BTreeMap<String, String>,
    /// Decisions, in document order.
    pub blocks: Vec<AdoptedBlock>,
}

/// A decision about one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptedBlock {
    /// The block's default id, for people and for the message when it changed.
    pub id: String,
    /// SHA-256 of language and code, in hex.
    pub sha256: String,
    /// What is to be done with it.
    pub decision: Decision,
    /// The id of the step that reverses it, or `none`.
    pub undo: Option<String>,
    /// Where it acts.
    pub environment: Option<String>,
    /// Whether it has no effect and may be repeated.
    pub check: bool,
}

/// What is to be done with a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It runs.
    Run,
    /// A person does it.
    Manual,
    /// It shows something and never runs.
    Example,
    /// It runs when this option is chosen.
    Choice(String),
}

impl Adoption {
    /// Returns the decision about a block whose bytes are the ones that were decided about.
    pub fn block_for(&self, fence: &FenceUnit) -> Option<&AdoptedBlock> {
        if self.blocks.is_empty() {
            return None;
        }
        let hash = block_hash(fence);
        self.blocks.iter().find(|block| block.sha256 == hash)
    }

    /// Returns what is to be done with a block. None: nobody decided about these bytes.
    pub fn decision_for(&self, fence: &FenceUnit) -> Option<Decision> {
        self.block_for(fence).map(|block| block.decision.clone())
    }
}

/// Computes the hash that a decision is bound to: language and code, SHA-256 in hex.
pub fn block_hash(fence: &FenceUnit) -> String {
    let mut hasher = Sha256::new();
    hasher.update(fence.info.language.as_bytes());
    hasher.update([0]);
    hasher.update(fence.body.as_bytes());
    hex(&hasher.finalize())
}

/// Reads a sidecar. Faults are returned beside what could be read.
pub fn read(text: &str) -> (Adoption, Vec<Diagnostic>) {
    let lines = LineIndex::new(text);
    let mut diagnostics = Faults::new(text, &lines);
    let mut faults = Vec::new();
    let adoption = match parse_yaml(text, 0) {
        Ok(value) => read_all(&value, &mut faults),
        Err(fault) => {
            faults.push(fault);
            Adoption::default()
        }
    };
    for fault in faults {
        diagnostics.add_fault("T115", fault);
    }
    (adoption, diagnostics.into_sorted())
}

fn read_all(value: &Value, faults: &mut Vec<Fault>) -> Adoption {
    let mut keys = Keys::of(value, "the sidecar", faults);
    let version = keys.parsed("adopt", |text| match text.parse::<u32>() {
        Ok(SIDECAR_VERSION) => Ok(SIDECAR_VERSION),
        _ => Err(format!("this tminus reads version {SIDECAR_VERSION}")),
    });
    if version.is_none() {
        keys.missing("adopt", "the format's version, `adopt: 1`");
    }
    let document = keys.text("document").unwrap_or_default().to_owned();
    let bindings = keys.text_map("bindings");
    let blocks = keys.value("blocks");
    keys.finish();
    let blocks = match blocks.map(|value| &value.node) {
        Some(crate::data::Node::List(values)) => {
            values.iter().filter_map(|value| read_block(value, faults)).collect()
        }
        _ => Vec::new(),
    };
    Adoption { document, bindings, blocks }
}

fn read_block(value: &Value, faults: &mut Vec<Fault>) -> Option<AdoptedBlock> {
    let mut keys = Keys::of(value, "a block", faults);
    let id = keys.text("block").unwrap_or_default().to_owned();
    keys.text("line");
    let sha256 = keys.text("sha256").map(str::to_owned);
    if sha256.is_none() {
        keys.missing("sha256", "the hash that `tminus adopt` writes");
    }
    let decision = keys.parsed("decision", |text| match text.split_once(':') {
        None => match text {
            "run" => Ok(Decision::Run),
            "manual" => Ok(Decision::Manual),
            "example" => Ok(Decision::Example),
            other => Err(format!("`{other}` is none of run, manual, example, choice: X")),
        },
        Some(("choice", option)) => Ok(Decision::Choice(option.trim().to_owned())),
        Some(_) => Err("write run, manual, example or choice: X".to_owned()),
    });
    if decision.is_none() {
        keys.missing("decision", "run, manual, example or \"choice: X\"");
    }
    let undo = keys.text("undo").map(str::to_owned);
    let environment = keys.text("environment").map(str::to_owned);
    let check = keys
        .parsed("check", |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(format!("`{other}` is neither `true` nor `false`")),
        })
        .unwrap_or(false);
    keys.finish();
    Some(AdoptedBlock { id, sha256: sha256?, decision: decision?, undo, environment, check })
}

/// Drafts a sidecar for a document: every block that could run, with the decision that is safe to
/// begin with. A person reviews and changes it.
pub fn draft(outline: &Outline, document: &str) -> Adoption {
    let ids = default_ids(outline);
    let mut adoption = Adoption { document: document.to_owned(), ..Adoption::default() };
    for (unit, id) in outline.units.iter().zip(ids) {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        if !fence.is_shell_like() || fence.is_annotated() || outline.sections[unit.section].phase.is_none() {
            continue;
        }
        let environment = match outline.sections[unit.section].environments.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        };
        let runs = fence.survey.as_ref().is_none_or(|survey| {
            matches!(survey.nature, crate::shell::Nature::Runnable | crate::shell::Nature::Listing)
                && survey.interactive.is_empty()
                && survey.endless.is_empty()
                && survey.syntax_error.is_none()
                && !survey.alternatives
        });
        for found in fence.survey.iter().flat_map(|survey| &survey.placeholders) {
            let target = match found.kind {
                PlaceholderKind::SampleVersion | PlaceholderKind::VersionPattern => "$VERSION".to_owned(),
                kind if kind.must_be_bound() => format!("${}", crate::names::variable(&found.text)),
                _ => continue,
            };
            adoption.bindings.entry(found.text.clone()).or_insert(target);
        }
        adoption.blocks.push(AdoptedBlock {
            id,
            sha256: block_hash(fence),
            decision: if runs { Decision::Run } else { Decision::Manual },
            undo: None,
            environment,
            check: false,
        });
    }
    adoption
}

/// Writes a sidecar as YAML.
pub fn write(adoption: &Adoption) -> String {
    let mut text = format!("adopt: {SIDECAR_VERSION}\ndocument: {}\n", quoted(&adoption.document));
    if !adoption.bindings.is_empty() {
        text.push_str("# What stands in the document: a value, or $NAME of an input.\nbindings:\n");
        for (written, target) in &adoption.bindings {
            let _ = writeln!(text, "  {}: {}", quoted(written), quoted(target));
        }
    }
    text.push_str("# decision: run | manual | example | \"choice: X\" · undo: id | none\nblocks:\n");
    for block in &adoption.blocks {
        let decision = match &block.decision {
            Decision::Run => "run".to_owned(),
            Decision::Manual => "manual".to_owned(),
            Decision::Example => "example".to_owned(),
            Decision::Choice(option) => quoted(&format!("choice: {option}")),
        };
        let _ = writeln!(
            text,
            "  - block: {}\n    sha256: {}\n    decision: {decision}",
            quoted(&block.id),
            quoted(&block.sha256)
        );
        if let Some(undo) = &block.undo {
            let _ = writeln!(text, "    undo: {}", quoted(undo));
        }
        if let Some(environment) = &block.environment {
            let _ = writeln!(text, "    environment: {}", quoted(environment));
        }
        if block.check {
            text.push_str("    check: true\n");
        }
    }
    if adoption.blocks.is_empty() {
        text.push_str("  []\n");
    }
    text
}

/// Writes a text as a YAML scalar in double quotes; JSON's escapes are YAML's.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{markdown, outline};

    const DOCUMENT: &str =
        "# R\n\n## Deploy to staging\n\n```bash\n./deploy v1.2.3 <org>\n```\n\n```bash\nnano x\n```\n";

    fn adopt(document: &str) -> Adoption {
        let markdown = markdown::parse(document);
        let (outline, _) = outline::read(document, &markdown, "R.md");
        draft(&outline, "R.md")
    }

    #[test]
    fn what_is_written_is_read_back() {
        let adoption = adopt(DOCUMENT);
        assert_eq!(adoption.blocks.len(), 2);
        let (read, faults) = read(&write(&adoption));
        assert_eq!(faults, []);
        assert_eq!(read, adoption);
    }

    #[test]
    fn one_byte_takes_the_decision_away() {
        let adoption = adopt(DOCUMENT);
        let changed = DOCUMENT.replace("./deploy", "./deploY");
        let markdown = markdown::parse(&changed);
        let (outline, _) = outline::read(&changed, &markdown, "R.md");
        let known: Vec<bool> = outline
            .units
            .iter()
            .filter_map(|unit| match &unit.kind {
                UnitKind::Fence(fence) => Some(adoption.block_for(fence).is_some()),
                _ => None,
            })
            .collect();
        assert_eq!(known, [false, true]);
    }

    #[test]
    fn faults_of_a_sidecar_are_all_told() {
        let (_, faults) =
            read("adopt: 2\nblocks:\n  - block: a\n    sha256: x\n    decision: maybe\n    undu: b\n");
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert!(messages.iter().any(|message| message.contains("version 1")), "{messages:?}");
        assert!(messages.iter().any(|message| message.contains("`maybe`")), "{messages:?}");
        assert!(messages.iter().any(|message| message.contains("`undu`")), "{messages:?}");
    }
}
