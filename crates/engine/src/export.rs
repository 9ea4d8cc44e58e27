//! The record of a release as files that anyone can verify without tminus's store: the log's exact
//! lines, the head, the outputs by content hash, and a page to read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use tminus_release::audit::line_hash;
use tminus_release::event::{self, Event, Recorded};
use tminus_release::plan::hex;
use tminus_release::record;
use tminus_release::verify::{Broken, verify};
use tminus_release::{ReleaseId, State};

use crate::EngineError;
use crate::open::Engine;

/// The log's lines, one event each, exactly as hashed.
pub const EVENTS: &str = "events.jsonl";
/// Facts and the head.
pub const RECORD: &str = "record.json";
/// The page to read.
pub const PAGE: &str = "record.md";
/// Output and documents by content hash.
pub const BLOBS: &str = "blobs";

/// Bytes of one output that the page shows; the whole of it is in the blobs.
const SHOWN_BYTES: usize = 4_000;

/// Writes the record of a release into `folder`, which is made.
///
/// # Errors
/// When the log cannot be read or a file cannot be written.
pub async fn export(engine: &Engine, release: &ReleaseId, folder: &Path) -> Result<State, EngineError> {
    let entries = engine.store.read(release, 0).await?;
    if entries.is_empty() {
        return Err(EngineError::NoRelease(release.0.clone()));
    }
    let state = State::fold(&entries)?;
    let log = entries
        .iter()
        .map(event::open)
        .collect::<Result<Vec<Recorded>, _>>()
        .map_err(tminus_release::state::FoldError::Read)?;
    let mut blobs: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for hash in hashes(&state, &log) {
        // A record with a hole would not verify, and whoever gets it could not tell why.
        match engine.store.get_blob(&hash).await? {
            Some(bytes) => blobs.insert(hash, bytes),
            None => return Err(EngineError::NoBlob { hash }),
        };
    }
    let outputs = blobs.iter().map(|(hash, bytes)| (hash.clone(), shown(bytes))).collect();
    let document = blobs
        .get(&state.program.plan.document.sha256)
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .unwrap_or_default();
    let page = record::markdown(&state, &release.0, &document, &log, &outputs);
    let lines: String = entries.iter().map(|entry| format!("{}\n", entry.line)).collect();
    let facts = facts(&state, release, &blobs);
    write(&folder.join(EVENTS), lines.as_bytes())?;
    write(&folder.join(PAGE), page.as_bytes())?;
    write(&folder.join(RECORD), format!("{facts:#}\n").as_bytes())?;
    for (hash, bytes) in &blobs {
        write(&folder.join(BLOBS).join(hash), bytes)?;
    }
    Ok(state)
}

/// Returns what `record.json` would hold.
///
/// # Errors
/// When the log cannot be read.
pub async fn record_json(engine: &Engine, release: &ReleaseId) -> Result<serde_json::Value, EngineError> {
    let entries = engine.store.read(release, 0).await?;
    if entries.is_empty() {
        return Err(EngineError::NoRelease(release.0.clone()));
    }
    let state = State::fold(&entries)?;
    let log = entries.iter().filter_map(|entry| event::open(entry).ok()).collect::<Vec<Recorded>>();
    let blobs = hashes(&state, &log).into_iter().map(|hash| (hash, Vec::new())).collect();
    Ok(facts(&state, release, &blobs))
}

fn facts(state: &State, release: &ReleaseId, blobs: &BTreeMap<String, Vec<u8>>) -> serde_json::Value {
    let plan = &state.program.plan;
    let steps: Vec<_> = plan
        .steps
        .iter()
        .zip(&state.steps)
        .filter(|(step, _)| !step.on_demand)
        .map(|(step, here)| {
            json!({
                "id": step.id, "title": step.title, "line": step.line, "environment": step.environment,
                "state": here.forward.life.to_string(), "attempts": here.forward.attempts, "by": here.forward.by,
                "detail": here.forward.result.as_ref().map(|result| &result.detail), "note": here.forward.note,
                "output": here.forward.result.as_ref().and_then(|result| result.output.as_ref()).map(|output| &output.blob),
                "undo": (here.undo.life != tminus_release::life::Life::Pending).then(|| here.undo.life.to_string()),
            })
        })
        .collect();
    json!({
        "format": 1,
        "release": release,
        "title": plan.title,
        "document": plan.document,
        "version": plan.version,
        "previous_version": plan.previous_version,
        "plan_digest": state.program.digest(),
        "started_by": state.starter.name(),
        "started_at": state.created_at.rfc3339(),
        "finished_at": state.finished_at.map(tminus_release::time::Moment::rfc3339),
        "outcome": state.outcome.as_ref().map(|(outcome, _)| outcome),
        "left_standing": state.outcome.as_ref().map(|(_, left)| left),
        "rollback": state.rollback.as_ref().map(|rollback| &rollback.detail),
        "events": state.length,
        "head": state.head,
        "blobs": blobs.keys().collect::<Vec<_>>(),
        "steps": steps,
    })
}

/// Names every blob that the log refers to.
fn hashes(state: &State, log: &[Recorded]) -> Vec<String> {
    let mut hashes = vec![state.program.plan.document.sha256.clone()];
    for recorded in log {
        match &recorded.event {
            Event::StepFinished { result, .. } => {
                hashes.extend(result.output.iter().map(|output| output.blob.clone()))
            }
            Event::RuleChanged { evidence, .. } => hashes.extend(evidence.clone()),
            _ => {}
        }
    }
    hashes.sort();
    hashes.dedup();
    hashes
}

/// The page is read in terminals too: what could move their cursor is left to the blobs.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    if text.len() <= SHOWN_BYTES {
        return text;
    }
    // The end of an output says how it went.
    let from = (text.len() - SHOWN_BYTES..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("… {from} bytes before this are in blobs/\n{}", &text[from..])
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), EngineError> {
    let failed = |source| EngineError::File { path: path.display().to_string(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, bytes).map_err(failed)
}

/// What verification of a record found.
#[derive(Debug)]
pub struct Sound {
    /// The release.
    pub release: String,
    /// How it ended, in words.
    pub outcome: String,
    /// Lines of the log.
    pub events: u64,
    /// Files by content hash.
    pub blobs: usize,
    /// The head.
    pub head: String,
}

/// Why a record does not verify.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// A file is missing or unreadable.
    #[error("read {path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// `record.json` is no record.
    #[error("read {path}: {why}")]
    Record {
        /// Which file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The log does not hold.
    #[error("{0} ({EVENTS})")]
    Log(#[from] Broken),
    /// An output is not what was captured.
    #[error("verify {path}: its bytes were changed (their hash is {is})")]
    Blob {
        /// Which file.
        path: String,
        /// The hash of its bytes.
        is: String,
    },
    /// The log refers to a blob that is not there.
    #[error("verify {path}: it is missing, and the log refers to it")]
    NoBlob {
        /// Which file.
        path: String,
    },
}

/// Verifies a record's folder, or a log alone, with nothing else.
///
/// # Errors
/// The first thing that is wrong, with file and line.
pub fn verify_record(path: &Path) -> Result<Sound, Unsound> {
    let (events, folder) =
        if path.is_dir() { (path.join(EVENTS), Some(path.to_owned())) } else { (path.to_owned(), None) };
    let text = read(&events)?;
    let text = String::from_utf8(text).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Unsound::Record { path: events.display().to_string(), why: format!("line {line} is not UTF-8") }
    })?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    check_line_ends(&events, &text, &lines)?;
    let head = folder.as_ref().map(|folder| head_of(&folder.join(RECORD))).transpose()?;
    let (verified, state) = verify(&lines, head.as_ref().map(|(head, _)| head.as_str()))?;
    let log: Vec<Recorded> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut blobs = 0;
    if let Some(folder) = &folder {
        for hash in hashes(&state, &log) {
            check_blob(&folder.join(BLOBS).join(&hash), &hash)?;
            blobs += 1;
        }
        let release = head.as_ref().map_or("", |(_, release)| release.as_str());
        check_page(&folder.join(PAGE), folder, &state, release, &log)?;
        check_facts(&folder.join(RECORD), &state, release, &log)?;
    }
    let outcome = state.outcome.as_ref().map_or("not finished", |(outcome, _)| outcome.words());
    Ok(Sound {
        release: head.map(|(_, release)| release).unwrap_or_default(),
        outcome: outcome.to_owned(),
        events: verified.length,
        blobs,
        head: verified.head,
    })
}

/// The chain is over the lines without their ends, so an end that was changed is found here.
fn check_line_ends(path: &Path, text: &str, lines: &[String]) -> Result<(), Unsound> {
    let mut rest = text;
    for (line, number) in lines.iter().zip(1..) {
        rest = rest.get(line.len()..).unwrap_or_default();
        let Some(after) = rest.strip_prefix('\n') else {
            let why = format!("line {number} does not end in a line feed, as it was written");
            return Err(Unsound::Record { path: path.display().to_string(), why });
        };
        rest = after;
    }
    Ok(())
}

/// The page is written anew from the log and compared: what people read is what was recorded.
fn check_page(
    page: &Path,
    folder: &Path,
    state: &State,
    release: &str,
    log: &[Recorded],
) -> Result<(), Unsound> {
    let mut outputs = BTreeMap::new();
    for hash in hashes(state, log) {
        outputs.insert(hash.clone(), shown(&read(&folder.join(BLOBS).join(&hash))?));
    }
    let document = read(&folder.join(BLOBS).join(&state.program.plan.document.sha256))?;
    let expected = record::markdown(state, release, &String::from_utf8_lossy(&document), log, &outputs);
    let is = read(page)?;
    if is == expected.as_bytes() {
        return Ok(());
    }
    let is = String::from_utf8_lossy(&is).into_owned();
    let line = is.lines().zip(expected.lines()).take_while(|(is, expected)| is == expected).count() + 1;
    Err(Unsound::Record {
        path: page.display().to_string(),
        why: format!("line {line} is not what the log says"),
    })
}

/// The facts are computed anew as well: a program that reads them reads what was recorded.
fn check_facts(path: &Path, state: &State, release: &str, log: &[Recorded]) -> Result<(), Unsound> {
    let bad = |why: String| Unsound::Record { path: path.display().to_string(), why };
    let is: serde_json::Value =
        serde_json::from_slice(&read(path)?).map_err(|error| bad(error.to_string()))?;
    let blobs = hashes(state, log).into_iter().map(|hash| (hash, Vec::new())).collect();
    let expected = facts(state, &ReleaseId::from(release), &blobs);
    let Some(expected) = expected.as_object() else { return Ok(()) };
    match expected.iter().find(|(field, value)| is.get(field) != Some(value)) {
        Some((field, _)) => Err(bad(format!("`{field}` is not what the log says"))),
        None => Ok(()),
    }
}

fn check_blob(path: &Path, hash: &str) -> Result<(), Unsound> {
    use sha2::{Digest as _, Sha256};
    let name = path.display().to_string();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Unsound::NoBlob { path: name });
        }
        Err(source) => return Err(Unsound::File { path: name, source }),
    };
    let is = hex(&Sha256::digest(&bytes));
    if is == hash { Ok(()) } else { Err(Unsound::Blob { path: name, is }) }
}

fn head_of(path: &Path) -> Result<(String, String), Unsound> {
    let bad = |why: String| Unsound::Record { path: path.display().to_string(), why };
    let value: serde_json::Value =
        serde_json::from_slice(&read(path)?).map_err(|error| bad(error.to_string()))?;
    let field = |name: &str| {
        value[name].as_str().map(str::to_owned).ok_or_else(|| bad(format!("it has no `{name}`")))
    };
    Ok((field("head")?, field("release")?))
}

fn read(path: &Path) -> Result<Vec<u8>, Unsound> {
    std::fs::read(path).map_err(|source| Unsound::File { path: path.display().to_string(), source })
}

/// The name of the folder that `record` writes for a release.
pub fn folder_name(release: &ReleaseId) -> PathBuf {
    PathBuf::from(format!("record-{release}"))
}

/// The hash of a text, in hex: for a document's reference.
pub fn text_hash(text: &str) -> String {
    line_hash(text)
}
