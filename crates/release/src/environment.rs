//! An environment's own log: which release has it, who waits for it, whether it is frozen, what it
//! was left with.
//!
//! One release has an environment from its start to its end, because until then it may still have to
//! take back what it did there. The log is a hash chain like that of a release, and its length is
//! what makes taking exclusive: of two that saw it free, one appends and the other is told so.

use serde::{Deserialize, Serialize};

use crate::audit::{Entry, GENESIS, line_hash};
use crate::event::{Actor, Outcome};
use crate::plan::ReleaseId;
use crate::time::Moment;

/// The version of this format. A reader refuses a line of a higher one.
pub const ENVIRONMENT_VERSION: u32 = 1;

/// What the names of these logs begin with in a store. Lists of releases leave them out.
const PREFIX: &str = "environment/";

/// Returns the name under which a store keeps an environment's log.
pub fn log_of(environment: &str) -> ReleaseId {
    ReleaseId(format!("{PREFIX}{environment}"))
}

/// Tells whether a name of a store is that of an environment's log.
pub fn is_log(name: &ReleaseId) -> bool {
    name.0.starts_with(PREFIX)
}

/// What can happen to an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A release took it.
    Taken {
        /// Which one.
        release: ReleaseId,
        /// What it brings.
        version: Option<String>,
        /// The title of its runbook.
        title: String,
        /// Why it may although the environment is frozen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        despite_freeze: Option<String>,
    },
    /// The release that had it has ended.
    Freed {
        /// Which one.
        release: ReleaseId,
        /// What it was to bring.
        version: Option<String>,
        /// How it ended.
        outcome: Outcome,
        /// Whether a step of it that changes the environment had passed there.
        stood: bool,
        /// Why it went back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Nothing new may be released to it.
    Frozen {
        /// Why.
        reason: String,
        /// Until when. `None`: until somebody says so.
        until: Option<Moment>,
    },
    /// The freeze was lifted.
    Thawed {
        /// Why.
        reason: String,
    },
    /// Somebody waits for it.
    Queued {
        /// Names the place in the queue.
        ticket: String,
        /// What is to be released.
        version: Option<String>,
        /// The title of the runbook.
        title: String,
        /// Why it may start although the environment is frozen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        despite_freeze: Option<String>,
    },
    /// A place in the queue was given up, or its turn came.
    Unqueued {
        /// Which one.
        ticket: String,
    },
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// [`ENVIRONMENT_VERSION`] at the time of writing.
    pub v: u32,
    /// Position in the log, from 0.
    pub sequence: u64,
    /// When.
    pub at: Moment,
    /// Who caused it.
    pub by: Actor,
    /// What happened.
    pub change: Change,
    /// Hash of the line before; 64 zeros for the first.
    pub previous: String,
}

/// Who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// Which release.
    pub release: ReleaseId,
    /// What it brings.
    pub version: Option<String>,
    /// The title of its runbook.
    pub title: String,
    /// Who started it.
    pub by: String,
    /// Since when.
    pub since: Moment,
}

/// Who waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiter {
    /// Names the place in the queue.
    pub ticket: String,
    /// What is to be released.
    pub version: Option<String>,
    /// The title of the runbook.
    pub title: String,
    /// Who waits.
    pub by: String,
    /// Since when.
    pub since: Moment,
    /// Why it does not wait for a freeze to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub despite_freeze: Option<String>,
}

/// A freeze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Freeze {
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// Since when.
    pub since: Moment,
    /// Until when, if that was said.
    pub until: Option<Moment>,
}

/// What it was left with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// By which release.
    pub release: ReleaseId,
    /// The version.
    pub version: String,
    /// When.
    pub at: Moment,
    /// Why it went back, for one that did.
    pub why: Option<String>,
}

/// The fold of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// Who has it.
    pub holder: Option<Holder>,
    /// Who waits, the first one first. Some of them may have gone away without a word.
    pub queue: Vec<Waiter>,
    /// Whether it is frozen, as far as the log says; see [`Environment::freeze_at`].
    pub freeze: Option<Freeze>,
    /// The last version that was released to the end.
    pub good: Option<Left>,
    /// Versions that were taken back and not released since, the last one last.
    pub bad: Vec<Left>,
    /// Number of lines.
    #[serde(skip)]
    pub length: u64,
    /// Hash of the last line.
    #[serde(skip)]
    pub head: String,
}

/// Why a log of an environment cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// A line is no line of such a log.
    #[error("read line {sequence} of the environment's log: {source}")]
    Shape {
        /// Which line.
        sequence: u64,
        /// What the JSON reader says.
        source: serde_json::Error,
    },
    /// A newer tminus wrote it.
    #[error("read line {sequence} of the environment's log: it is of version {found}; upgrade tminus")]
    Newer {
        /// Which line.
        sequence: u64,
        /// The version found.
        found: u32,
    },
}

impl Default for Environment {
    fn default() -> Environment {
        Environment {
            holder: None,
            queue: Vec::new(),
            freeze: None,
            good: None,
            bad: Vec::new(),
            length: 0,
            head: GENESIS.to_owned(),
        }
    }
}

impl Environment {
    /// Reads a log.
    ///
    /// # Errors
    /// When a line cannot be read.
    pub fn fold(entries: &[Entry]) -> Result<Environment, EnvironmentError> {
        let mut environment = Environment::default();
        for entry in entries {
            environment.take(&open(entry)?);
            environment.head.clone_from(&entry.hash);
        }
        Ok(environment)
    }

    /// Links a change to the log as it is, and takes it.
    pub fn seal(&mut self, at: Moment, by: Actor, change: Change) -> Entry {
        let previous = self.head.clone();
        let line = Line { v: ENVIRONMENT_VERSION, sequence: self.length, at, by, change, previous };
        let text = serde_json::to_string(&line).expect("a line holds only plain values");
        let entry = Entry { sequence: line.sequence, hash: line_hash(&text), line: text, once: None };
        self.take(&line);
        self.head.clone_from(&entry.hash);
        entry
    }

    /// Returns the freeze that holds at a moment.
    pub fn freeze_at(&self, now: Moment) -> Option<&Freeze> {
        self.freeze.as_ref().filter(|freeze| freeze.until.is_none_or(|until| now < until))
    }

    /// Returns those whose turn may come now, in order: while it is frozen, only who need not wait for the
    /// end of that. A correction that may start in a freeze does not stand behind a release that may not.
    pub fn in_line(&self, now: Moment) -> impl Iterator<Item = &Waiter> {
        let frozen = self.freeze_at(now).is_some();
        self.queue.iter().filter(move |waiter| !frozen || waiter.despite_freeze.is_some())
    }

    /// Returns why a version was taken back here, if it was and was not released since.
    pub fn taken_back(&self, version: &str) -> Option<&Left> {
        self.bad.iter().rev().find(|left| left.version == version)
    }

    fn take(&mut self, line: &Line) {
        let by = line.by.name().to_owned();
        match &line.change {
            Change::Taken { release, version, title, .. } => {
                self.holder = Some(Holder {
                    release: release.clone(),
                    version: version.clone(),
                    title: title.clone(),
                    by,
                    since: line.at,
                });
            }
            Change::Freed { release, version, outcome, stood, why } => {
                if self.holder.as_ref().is_some_and(|holder| holder.release == *release) {
                    self.holder = None;
                }
                // What went back before anything of it stood tells nothing about the version.
                if let Some(version) = version.as_ref().filter(|_| *stood) {
                    self.leave(release, version, *outcome, why.clone(), line.at);
                }
            }
            Change::Frozen { reason, until } => {
                self.freeze = Some(Freeze { reason: reason.clone(), by, since: line.at, until: *until });
            }
            Change::Thawed { .. } => self.freeze = None,
            Change::Queued { ticket, version, title, despite_freeze } => self.queue.push(Waiter {
                despite_freeze: despite_freeze.clone(),
                ticket: ticket.clone(),
                version: version.clone(),
                title: title.clone(),
                by,
                since: line.at,
            }),
            Change::Unqueued { ticket } => self.queue.retain(|waiter| waiter.ticket != *ticket),
        }
        self.length = line.sequence + 1;
    }

    fn leave(
        &mut self,
        release: &ReleaseId,
        version: &str,
        outcome: Outcome,
        why: Option<String>,
        at: Moment,
    ) {
        let left = Left { release: release.clone(), version: version.to_owned(), at, why };
        match outcome {
            Outcome::Succeeded => {
                self.bad.retain(|bad| bad.version != version);
                self.good = Some(left);
            }
            Outcome::RolledBack => {
                self.bad.retain(|bad| bad.version != version);
                self.bad.push(left);
            }
            // What a release that was given up left there is not known, and a part of one is neither
            // good nor bad.
            Outcome::PartlyRolledBack | Outcome::Declined | Outcome::Aborted => {}
        }
    }
}

fn open(entry: &Entry) -> Result<Line, EnvironmentError> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let shape = |source| EnvironmentError::Shape { sequence: entry.sequence, source };
    let version: Version = serde_json::from_str(&entry.line).map_err(shape)?;
    if version.v > ENVIRONMENT_VERSION {
        return Err(EnvironmentError::Newer { sequence: entry.sequence, found: version.v });
    }
    serde_json::from_str(&entry.line).map_err(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> Actor {
        Actor::Person { name: name.to_owned(), proof: "local, unauthenticated".to_owned() }
    }

    fn freed(release: &str, version: &str, outcome: Outcome) -> Change {
        let why = (outcome == Outcome::RolledBack).then(|| "errors".to_owned());
        Change::Freed {
            release: release.into(),
            version: Some(version.to_owned()),
            outcome,
            stood: true,
            why,
        }
    }

    /// Applies changes one minute apart, and folds what came of it.
    fn after(changes: &[Change]) -> Environment {
        let mut environment = Environment::default();
        let mut entries = Vec::new();
        for (change, minute) in changes.iter().zip(0..) {
            entries.push(environment.seal(Moment(minute * 60_000), person("ana"), change.clone()));
        }
        assert_eq!(Environment::fold(&entries).unwrap(), environment, "reading gives what writing had");
        for (before, entry) in entries.iter().zip(entries.iter().skip(1)) {
            assert!(entry.line.contains(&before.hash), "the lines are a chain");
        }
        environment
    }

    #[test]
    fn it_knows_what_it_was_left_with() {
        let taken = |release: &str, version: &str| Change::Taken {
            release: release.into(),
            version: Some(version.to_owned()),
            title: "Web".to_owned(),
            despite_freeze: None,
        };
        let environment = after(&[
            taken("r1", "v1"),
            freed("r1", "v1", Outcome::Succeeded),
            taken("r2", "v2"),
            freed("r2", "v2", Outcome::RolledBack),
            taken("r3", "v3"),
        ]);
        assert_eq!(environment.good.as_ref().map(|good| good.version.as_str()), Some("v1"));
        assert_eq!(environment.taken_back("v2").and_then(|left| left.why.as_deref()), Some("errors"));
        assert_eq!(environment.holder.as_ref().map(|holder| holder.release.as_str()), Some("r3"));
        let again = after(&[freed("r2", "v2", Outcome::RolledBack), freed("r4", "v2", Outcome::Succeeded)]);
        assert_eq!(
            (again.taken_back("v2"), again.good.as_ref().map(|good| good.version.clone())),
            (None, Some("v2".to_owned()))
        );
        let other = after(&[taken("r1", "v1"), freed("r0", "v0", Outcome::Aborted)]);
        assert!(other.holder.is_some(), "the end of another release frees nothing");
    }

    #[test]
    fn a_freeze_ends_at_its_time_or_when_somebody_says_so() {
        let frozen = |until| Change::Frozen { reason: "sale".to_owned(), until };
        let timed = after(&[frozen(Some(Moment(600_000)))]);
        assert!(timed.freeze_at(Moment(599_999)).is_some() && timed.freeze_at(Moment(600_000)).is_none());
        let thawed = after(&[frozen(None), Change::Thawed { reason: "over".to_owned() }]);
        assert_eq!(thawed.freeze_at(Moment(0)), None);
    }

    #[test]
    fn a_line_of_a_newer_version_is_refused() {
        let mut environment = Environment::default();
        let mut entry = environment.seal(Moment(0), person("ana"), Change::Thawed { reason: String::new() });
        entry.line = entry.line.replacen("\"v\":1", "\"v\":9", 1);
        assert!(matches!(Environment::fold(&[entry]), Err(EnvironmentError::Newer { found: 9, .. })));
    }
}
