//! Verifying a log with nothing but the log: SHA-256 links, gaps, and the fold itself.

use crate::audit::{Entry, GENESIS, line_hash};
use crate::event;
use crate::state::{FoldError, State};

/// What verification found to be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Number of lines.
    pub length: u64,
    /// Hash of the last line.
    pub head: String,
}

/// What is wrong with a log, and where. Lines are counted from 1, as an editor shows them.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// There is nothing.
    #[error("verify the log: it is empty")]
    Empty,
    /// A line does not carry the hash of the one before.
    #[error("verify line {line}: its bytes were changed (their hash is {is}, line {} expects {expected})", line + 1)]
    Changed {
        /// The changed line.
        line: u64,
        /// The hash of its bytes.
        is: String,
        /// The hash that the next line names.
        expected: String,
    },
    /// The last line is not the one that the record's head names.
    #[error(
        "verify line {line}: its bytes were changed or lines after it were cut off (their hash is {is}, the head is {expected})"
    )]
    Head {
        /// The last line.
        line: u64,
        /// The hash of its bytes.
        is: String,
        /// The head.
        expected: String,
    },
    /// A line is not an event.
    #[error("verify line {line}: {source}")]
    Unreadable {
        /// The line.
        line: u64,
        /// What is wrong with it.
        source: event::ReadError,
    },
    /// The events do not follow from each other.
    #[error("verify the log: {0}")]
    Fold(#[from] FoldError),
    /// The plan is not the one that its digest names.
    #[error("verify line 1: the plan's digest is {is}, the event says {expected}")]
    Plan {
        /// The digest of the plan in the line.
        is: String,
        /// The digest that the line states.
        expected: String,
    },
}

/// Verifies lines against each other and, where given, against the head printed elsewhere.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn verify(lines: &[String], head: Option<&str>) -> Result<(Verified, State), Broken> {
    if lines.is_empty() {
        return Err(Broken::Empty);
    }
    let mut previous = GENESIS.to_owned();
    let mut entries = Vec::with_capacity(lines.len());
    let mut recorded = Vec::with_capacity(lines.len());
    for (line, sequence) in lines.iter().zip(0_u64..) {
        let entry = Entry { sequence, line: line.clone(), hash: line_hash(line), once: None };
        let opened = event::open(&entry);
        // A broken link accuses the line before: a changed line that still reads as an event is
        // found by its successor. One that does not read any more accuses itself.
        let opened = opened.map_err(|source| Broken::Unreadable { line: sequence + 1, source })?;
        if opened.previous != previous {
            return Err(Broken::Changed { line: sequence.max(1), is: previous, expected: opened.previous });
        }
        previous.clone_from(&entry.hash);
        entries.push(entry);
        recorded.push(opened);
    }
    let length = entries.len() as u64;
    if let Some(head) = head
        && head != previous
    {
        return Err(Broken::Head { line: length, is: previous, expected: head.to_owned() });
    }
    if let event::Event::ReleaseCreated { plan, plan_digest, .. } = &recorded[0].event
        && plan.digest() != *plan_digest
    {
        return Err(Broken::Plan { is: plan.digest(), expected: plan_digest.clone() });
    }
    let state = State::fold(&entries)?;
    Ok((Verified { length, head: previous }, state))
}
