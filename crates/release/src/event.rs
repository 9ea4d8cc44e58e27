//! Everything that can happen to a release, in the past tense, versioned.
//!
//! The log of these events is the only truth. An event says what was decided or observed, never
//! what to do. Large or secret things are not in here: output is a blob named by its hash.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::audit::{Entry, line_hash};
use crate::plan::{Plan, Role, StepId};
use crate::time::Moment;

/// The version of this event format. Each version has golden lines that are only ever added to.
pub const EVENT_VERSION: u32 = 1;

/// An event with its place, time and author: one line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// [`EVENT_VERSION`] at the time of writing.
    pub v: u32,
    /// Position in the log, from 0.
    pub sequence: u64,
    /// When it was recorded, by the clock of the machine that recorded it.
    pub at: Moment,
    /// Who caused it.
    pub by: Actor,
    /// What happened.
    pub event: Event,
    /// Hash of the line before; 64 zeros for the first.
    pub previous: String,
}

/// Who caused an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// tminus itself.
    Engine,
    /// A person, and how it is known that it was that person.
    Person {
        /// The name.
        name: String,
        /// `local, unauthenticated` for the operating system's user.
        proof: String,
    },
}

impl Actor {
    /// Returns the name to show.
    pub fn name(&self) -> &str {
        match self {
            Actor::Engine => "tminus",
            Actor::Person { name, .. } => name,
        }
    }
}

/// What an attempt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Doing the step.
    Forward,
    /// Reversing it: the action of the step's undo.
    Undo,
    /// Finding out whether a step with an unknown outcome took effect.
    Verify,
}

impl Purpose {
    /// Returns the word used in keys, files and messages.
    pub fn word(self) -> &'static str {
        match self {
            Purpose::Forward => "forward",
            Purpose::Undo => "undo",
            Purpose::Verify => "verify",
        }
    }
}

/// All that can happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Event 0: the release exists, with the plan that it follows to its end.
    ReleaseCreated {
        /// The whole plan.
        plan: Box<Plan>,
        /// Its digest.
        plan_digest: String,
        /// Version of tminus that made it.
        kernel: String,
    },
    /// A process took up the release. Steps that were running before are looked into.
    EngineStarted,
    /// Nobody was watching between these moments: the process was down or the machine asleep.
    TimeUnobserved {
        /// Last moment that was observed.
        from: Moment,
        /// First moment that is observed again.
        to: Moment,
    },
    /// The clock was set; timers move with it.
    ClockStepped {
        /// Milliseconds forward, negative for backward.
        by_ms: i64,
    },
    /// A person is asked: to confirm, to do, to tick, to approve, or past a point of no return.
    StepAsked {
        /// Which step.
        step: StepId,
        /// Forward or undo.
        purpose: Purpose,
    },
    /// A person answered.
    StepAnswered {
        /// Which step.
        step: StepId,
        /// Forward or undo.
        purpose: Purpose,
        /// What was said.
        answer: Answer,
    },
    /// A checklist item holds: ticked by a person, a check, or its nested items.
    ItemTicked {
        /// Which item.
        step: StepId,
        /// What the person or check says of it.
        note: Option<String>,
    },
    /// An item was taken back.
    ItemUnticked {
        /// Which item.
        step: StepId,
        /// Why.
        reason: String,
    },
    /// One person's yes.
    Approved {
        /// Which approval.
        step: StepId,
        /// The role that the yes counts for.
        role: Role,
        /// No role was said: with a later yes it may come to count as another one of the person's.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        any_role: bool,
        /// A remark.
        note: Option<String>,
        /// The plan that was approved.
        plan_digest: String,
        /// The gate results that were approved.
        gates_digest: String,
    },
    /// One person's no. The release stops.
    Declined {
        /// Which approval.
        step: StepId,
        /// Why.
        reason: String,
    },
    /// The quorum is complete.
    ApprovalGranted {
        /// Which approval.
        step: StepId,
    },
    /// Answers no longer count: something they were bound to changed, or time ran out.
    ApprovalLapsed {
        /// Which approval.
        step: StepId,
        /// What changed.
        reason: String,
    },
    /// A soak or watch began.
    TimerStarted {
        /// Which step.
        step: StepId,
        /// When it ends, if nothing moves it.
        until: Moment,
    },
    /// A soak or watch ended, its rules holding.
    TimerElapsed {
        /// Which step.
        step: StepId,
    },
    /// The intent: an attempt is about to act. Written before the act.
    StepStarted {
        /// Which step.
        step: StepId,
        /// What the attempt is for.
        purpose: Purpose,
        /// From 1, growing over the whole release.
        attempt: u32,
    },
    /// The outcome of an attempt.
    StepFinished {
        /// Which step.
        step: StepId,
        /// What the attempt was for.
        purpose: Purpose,
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        result: Finished,
    },
    /// A crash, or a host that does not answer, left an intent without an outcome, and looking did
    /// not tell.
    OutcomeUnknown {
        /// Which step.
        step: StepId,
        /// What the attempt was for.
        purpose: Purpose,
        /// Which attempt.
        attempt: u32,
        /// What was looked at.
        detail: String,
    },
    /// The verdict on an armed rule changed.
    RuleChanged {
        /// Id of the rule in the plan.
        rule: String,
        /// Where it was measured.
        environment: Option<String>,
        /// The new verdict.
        verdict: RuleVerdict,
        /// The last value, if there was one.
        value: Option<f64>,
        /// The sentence for people, with the numbers.
        detail: String,
        /// Samples that led here, as a blob.
        evidence: Option<String>,
    },
    /// The release waits.
    HoldPlaced {
        /// Why.
        reason: String,
    },
    /// The release goes on.
    HoldLifted {
        /// A remark.
        note: Option<String>,
    },
    /// The release turns back.
    RollbackStarted {
        /// What set it off.
        cause: Cause,
        /// The sentence for people.
        detail: String,
    },
    /// A person takes only some steps back. The release ends with that.
    PartialRollbackStarted {
        /// Which steps.
        steps: Vec<StepId>,
        /// Why, although steps that stand came after them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        despite: Option<String>,
        /// The sentence for people.
        detail: String,
    },
    /// A person ends the release where it stands.
    AbortStarted {
        /// Why.
        reason: String,
    },
    /// Nothing more happens to this release.
    ReleaseFinished {
        /// How it ended.
        outcome: Outcome,
        /// Steps that had an effect which was not reversed.
        left: Vec<StepId>,
    },
}

/// What a person said to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Run it.
    Run,
    /// It is done: by hand, or the unknown outcome turned out to have happened.
    Done {
        /// What was done or seen.
        note: Option<String>,
    },
    /// Leave it out.
    Skip {
        /// Why.
        reason: String,
    },
    /// Run it again.
    Retry,
    /// No. The release stops.
    Stop {
        /// Why.
        reason: String,
    },
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence: what happened.
    pub detail: String,
    /// Exit code, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Captured output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
    /// Folder and variables that later steps of the phase start with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Carried>,
    /// `key=value` lines that the step wrote to `$RUN_OUT`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    /// Processes that the step left behind and that were ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub leftovers: u32,
    /// True when a crash came between the intent and the act: nothing happened, and the step is begun
    /// again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub never_began: bool,
}

fn is_false(yes: &bool) -> bool {
    !yes
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The verdict on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did what it should.
    Passed,
    /// It did not.
    Failed,
    /// It ran into its time limit and was ended.
    TimedOut,
    /// It was ended because the release stops or turns back.
    Cancelled,
    /// A look at what came of a step that found nobody to ask, and so says neither yes nor no.
    NoAnswer,
}

/// Captured output, kept as a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// SHA-256 of what was kept.
    pub blob: String,
    /// Bytes that were printed, kept or not.
    pub bytes: u64,
}

/// What a step leaves for the next ones of its phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Working directory, when it is not the release's own folder.
    pub folder: Option<String>,
    /// Variables set or changed. A value `secret:NAME` stands for that secret.
    pub set: BTreeMap<String, String>,
    /// Variables removed.
    pub removed: Vec<String>,
}

/// The verdict on a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleVerdict {
    /// Measured, and fine.
    Holding,
    /// Measured, and not fine, but not yet for long enough.
    Breaching,
    /// Not fine for the whole duration.
    Fired,
    /// No value: neither yes nor no.
    NoData,
}

/// What set off a rollback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A person.
    Person,
    /// A step that failed for good.
    Failure {
        /// Which step.
        step: StepId,
    },
    /// A rule that fired.
    Breach {
        /// Which rule.
        rule: String,
    },
}

/// How a release ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every step settled.
    Succeeded,
    /// Everything that could be reversed was.
    RolledBack,
    /// What a person named was reversed; the rest stands, as they wanted.
    PartlyRolledBack,
    /// A person said no before anything needed reversing.
    Declined,
    /// A person ended it where it stood.
    Aborted,
}

impl Outcome {
    /// Returns the words for people.
    pub fn words(self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::RolledBack => "rolled back",
            Outcome::PartlyRolledBack => "partly rolled back",
            Outcome::Declined => "declined",
            Outcome::Aborted => "aborted",
        }
    }
}

impl Event {
    /// Returns the key of which a release may hold only one: the intent and the outcome of an
    /// attempt, and its creation. The store enforces it.
    pub fn once(&self) -> Option<String> {
        match self {
            Event::ReleaseCreated { .. } => Some("created".to_owned()),
            Event::StepStarted { step, purpose, attempt } => {
                Some(format!("{step}/{}/{attempt}/started", purpose.word()))
            }
            Event::StepFinished { step, purpose, attempt, .. }
            | Event::OutcomeUnknown { step, purpose, attempt, .. } => {
                Some(format!("{step}/{}/{attempt}/finished", purpose.word()))
            }
            Event::ReleaseFinished { .. } => Some("finished".to_owned()),
            _ => None,
        }
    }
}

/// Links an event to the line before and turns it into an entry of the log.
pub fn seal(sequence: u64, previous: &str, at: Moment, by: Actor, event: Event) -> (Entry, Recorded) {
    let recorded = Recorded { v: EVENT_VERSION, sequence, at, by, event, previous: previous.to_owned() };
    let line = serde_json::to_string(&recorded).expect("an event holds only maps with text keys");
    let entry = Entry { sequence, hash: line_hash(&line), once: recorded.event.once(), line };
    (entry, recorded)
}

/// Why a line of a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not an event, or not one of this format.
    #[error("read line {sequence} of the log: {source}")]
    Shape {
        /// Position in the log.
        sequence: u64,
        /// What the JSON reader says.
        source: serde_json::Error,
    },
    /// Written by a newer tminus.
    #[error(
        "read line {sequence} of the log: it has event version {found}, this tminus knows up to {EVENT_VERSION}; upgrade tminus"
    )]
    Newer {
        /// Position in the log.
        sequence: u64,
        /// The version found.
        found: u32,
    },
}

/// Reads an entry back. The hash chain is checked by [`crate::verify`], not here.
pub fn open(entry: &Entry) -> Result<Recorded, ReadError> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let shape = |source| ReadError::Shape { sequence: entry.sequence, source };
    match serde_json::from_str::<Recorded>(&entry.line) {
        Ok(recorded) if recorded.v <= EVENT_VERSION => Ok(recorded),
        other => {
            let version: Version = serde_json::from_str(&entry.line).map_err(shape)?;
            if version.v > EVENT_VERSION {
                return Err(ReadError::Newer { sequence: entry.sequence, found: version.v });
            }
            other.map_err(shape)
        }
    }
}
