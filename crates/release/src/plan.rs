//! The plan: a runbook compiled for given inputs, fully bound, printable and digested.
//!
//! A plan is data. Event 0 of a release holds it, so a release goes on under the rules that it
//! started with, whatever happens to the document or to tminus in the meantime. What is printed
//! by `tminus plan`, what runs and what the record keeps are these same values.

mod measure;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::time::Span;

pub use measure::{Comparison, Rule, Source, Usage};

/// The highest version of this data format that is known. Readers refuse a plan with a higher one,
/// writers use the lowest that says everything: 1; 2 with steps on a group of hosts, which a reader of
/// 1 would run here; 3 with an undo that waits for a yes of its own, which a reader of 2 would not ask for.
pub const PLAN_FORMAT: u32 = 3;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self { Self(text.to_owned()) }
        }
        impl $name {
            /// Returns the text of the id.
            pub fn as_str(&self) -> &str { &self.0 }
        }
    };
}

text_id!(
    /// Names a step: the `{#id}` written in the document or the path of heading slugs and a
    /// position; followed by `@environment` where a phase runs once for each environment.
    StepId
);
text_id!(
    /// Names a role as the document writes it, in lower case with hyphens: `release-manager`.
    Role
);

text_id!(
    /// Names a release: sortable by time of creation, safe as a file name.
    ReleaseId
);

/// The runbook compiled for given inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// At most [`PLAN_FORMAT`].
    pub format: u32,
    /// The document's title.
    pub title: String,
    /// Which bytes this plan was compiled from.
    pub document: DocumentRef,
    /// Whether proposed blocks ask first.
    pub mode: Mode,
    /// The lane that runs forward. Rollback-lane phases are in the plan as well.
    pub lane: Lane,
    /// What is released: `$VERSION`.
    pub version: Option<String>,
    /// What to go back to: `$PREVIOUS_VERSION`.
    pub previous_version: Option<String>,
    /// Every input and its bound value. Shell code gets them as environment variables.
    pub inputs: BTreeMap<String, String>,
    /// Secret name to reference (`env:NAME`, `file:path`, `exec:command`). Never a value.
    pub secrets: BTreeMap<String, String>,
    /// Database name to the reference of its address. Never an address: it holds a password.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub databases: BTreeMap<String, String>,
    /// The environments in the order in which they are released to.
    pub environments: Vec<Environment>,
    /// Who has which role. A role without people may be taken by anyone (one-person use).
    pub roles: BTreeMap<Role, Vec<String>>,
    /// Phases in document order, those of every lane.
    pub phases: Vec<Phase>,
    /// Steps in document order; each names its phase.
    pub steps: Vec<Step>,
    /// Rules with a source, to be evaluated while a soak or watch is open, or all through.
    pub rules: Vec<Rule>,
    /// Where numbers come from, by metric name.
    pub sources: BTreeMap<String, Source>,
    /// Where messages go, by the name used in the document (`slack:#releases`, `log`).
    pub channels: BTreeMap<String, Channel>,
    /// What to do when something fails or is breached.
    pub policy: Policy,
}

/// Which bytes a plan was compiled from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRef {
    /// The file's name as given, without a machine's folders.
    pub name: String,
    /// SHA-256 of the bytes, in hex; also the blob under which the text is kept.
    pub sha256: String,
}

/// How blocks of the document come to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Any Markdown: each shell block is proposed and runs on a yes.
    Assisted,
    /// Only annotated or adopted blocks run, without asking.
    Unattended,
}

/// A path through the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Everything that is not about rollback, hotfixes or incidents.
    Main,
    /// Taken when the release goes back.
    Rollback,
    /// Taken with `--lane hotfix`.
    Hotfix,
    /// Taken with `--lane incident`.
    Incident,
}

/// Where steps act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// `staging`, `production`, …
    pub name: String,
    /// Variables of this environment, given to its steps (`URL`, …).
    pub variables: BTreeMap<String, String>,
    /// Secret names whose reference differs in this environment.
    pub secrets: BTreeMap<String, String>,
    /// Databases whose address differs in this environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub databases: BTreeMap<String, String>,
}

/// A top-level heading that holds work, for one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Slug of the heading, with `@environment` where it is run once for each.
    pub id: String,
    /// The heading as shown, encoding repaired.
    pub title: String,
    /// The lane the phase feeds.
    pub lane: Lane,
    /// Where its steps act, when the document says so.
    pub environment: Option<String>,
    /// `Owner` as written.
    pub owner: Option<String>,
    /// `Duration` as written.
    pub duration: Option<String>,
    /// `Timeline` as written.
    pub timeline: Option<String>,
    /// Line of the heading, from 1.
    pub line: u32,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the plan.
    pub id: StepId,
    /// What a person sees: the item's text or the nearest heading.
    pub title: String,
    /// Index into [`Plan::phases`].
    pub phase: usize,
    /// Headings between the phase and the step, outermost first.
    pub path: Vec<String>,
    /// First line in the document, from 1.
    pub line: u32,
    /// Last line in the document.
    pub end_line: u32,
    /// Where it acts.
    pub environment: Option<String>,
    /// Who may do or confirm it. Empty: anyone.
    pub roles: Vec<Role>,
    /// What is done.
    pub work: Work,
    /// Steps that must be settled before this one starts. Always explicit: document order has
    /// been turned into edges by the compiler, so that deciding needs no knowledge of documents.
    pub after: Vec<StepId>,
    /// True for `.check`: has no effect, may be repeated.
    pub check: bool,
    /// True for steps that run only as the undo or the verification of another.
    pub on_demand: bool,
    /// Why a person must say yes first. None: runs by itself.
    pub confirm: Option<Confirm>,
    /// What reverses it.
    pub undo: Undo,
    /// True when what it changes bears on nothing that runs, as a tag in git: it is taken back after
    /// everything else, so that a service only it needs holds nothing up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undo_last: bool,
    /// What to do when a crash left the outcome unknown.
    pub resume: Resume,
    /// Time limit of one attempt.
    pub timeout: Span,
    /// Bytes of output that are kept of one attempt.
    pub output_limit_bytes: u64,
    /// How often a failure is tried again before it counts.
    pub retry: Retry,
    /// What a failure leads to, when it differs from [`Policy::on_failure`].
    pub on_failure: Option<OnFailure>,
    /// Prose beside the step, shown to the person; encoding repaired.
    pub notes: Vec<String>,
}

/// Why a step asks before it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// How much is at stake.
    pub danger: Danger,
    /// One sentence for the person who is asked.
    pub reason: String,
}

/// How much is at stake when a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Danger {
    /// Reads, builds, tests.
    Ordinary,
    /// Changes a shared or production system, but can be undone.
    Confirm,
    /// Destroys or overwrites data or history, or stops production.
    Dangerous,
}

/// What a step does. The first group is acted by the hands, one variant for each file in `steps`;
/// the second is decided by people and the clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Acts on the world.
    Act(Action),
    /// A checklist item: a person ticks it, or the named check does.
    Item(Item),
    /// A task for a person, such as a block that cannot run by itself.
    Task(Task),
    /// A recorded yes or no of several people.
    Approval(Approval),
    /// A timed wait while rules are watched.
    Soak(Soak),
    /// Arms rules for a time; the steps after it go on meanwhile.
    Watch(Soak),
    /// One of several ways, picked when the plan was made.
    Choice(Choice),
}

/// What the hands can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Runs code in an interpreter.
    Shell(Shell),
    /// Sends requests and judges the answers.
    Http(Http),
    /// Sends a message.
    Notify(Notify),
    /// A kind that this version recognises and cannot run; refused before the release starts.
    Unavailable(Unavailable),
}

/// Code for an interpreter, given on its command line exactly as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shell {
    /// Which program reads the code.
    pub interpreter: Interpreter,
    /// The code, with placeholders bound.
    pub script: String,
    /// Folder to start in, relative to the release's own; None: where the phase stands.
    pub folder: Option<String>,
    /// Exit codes that pass. Usually `[0]`.
    pub ok: Vec<i32>,
    /// The host that the visible `Hosts` line or a first line `ssh host` names. None: here.
    pub host: Option<String>,
    /// Key of [`Plan::databases`]: the code gets the address as `$DATABASE_URL`, and for PostgreSQL
    /// as the variables that its tools read (`PGHOST`, `PGUSER`, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The kind of step whose script this is (`migrate`, `deploy`, …). None: the document's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// Several hosts, in place of [`Shell::host`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
}

/// Hosts that a step runs on, some at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// As the document calls it.
    pub name: String,
    /// In the order in which they come.
    pub hosts: Vec<String>,
    /// How many at once. The next ones begin when all of these have ended.
    pub batch: u32,
    /// How many may fail before the rest is left alone and the step has failed.
    pub failures: u32,
    /// Whether another attempt leaves those alone that have passed. A check asks all again.
    pub once: bool,
}

impl Shell {
    /// Returns the hosts that it runs on; none: here.
    pub fn hosts(&self) -> Vec<&str> {
        match &self.group {
            Some(group) => group.hosts.iter().map(String::as_str).collect(),
            None => self.host.as_deref().into_iter().collect(),
        }
    }

    /// Tells whether it runs on other hosts.
    pub fn is_far(&self) -> bool {
        self.host.is_some() || self.group.is_some()
    }
}

/// Programs that can read a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpreter {
    /// `bash -eEo pipefail` with `inherit_errexit`.
    Bash,
    /// `sh -e`.
    Sh,
    /// `zsh -e`.
    Zsh,
    /// `python3`.
    Python,
    /// `node`.
    Node,
    /// `pwsh`.
    Powershell,
}

/// An HTTP request with what its answer must be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Http {
    /// `GET`, `POST`, …
    pub method: String,
    /// Absolute address, placeholders bound.
    pub url: String,
    /// Name and value in order. `${secret:NAME}` in a value is resolved at the last moment.
    pub headers: Vec<(String, String)>,
    /// The body as written, placeholders bound.
    pub body: Option<String>,
    /// Status codes that pass. Empty: 200 to 299.
    pub status: Vec<u16>,
    /// Regular expression that the body must match.
    pub matches: Option<String>,
    /// CEL expression over `body` (parsed JSON), `status`, `headers`, `env`, `elapsed_ms`.
    pub json: Option<String>,
    /// The answer must arrive within this time.
    pub max_response: Option<Span>,
    /// The check passes when the request does *not* meet the conditions (a refused connection, a 403).
    pub must_fail: bool,
    /// Sends this many requests at once; passes when one of the last answers has `status`
    /// (for example a burst of 50 that must end in 429).
    pub burst: Option<u32>,
    /// Repeats until it holds.
    pub poll: Option<Poll>,
}

/// Repetition until a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// Time between two tries.
    pub every: Span,
    /// Gives up after this time.
    pub within: Span,
}

/// A message rendered from a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// Keys of [`Plan::channels`].
    pub to: Vec<String>,
    /// The template as written (minijinja, undefined names are errors).
    pub template: String,
    /// When it is sent.
    pub when: When,
}

/// When a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At its place in the document, on the way forward.
    InOrder,
    /// At the end, however the release ended.
    Always,
    /// At the end, if it succeeded.
    Success,
    /// At the end, if it did not.
    Failure,
    /// When a rollback begins.
    Rollback,
}

/// A kind of step that this version cannot run yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// The class or language, such as `migrate` or `sql`.
    pub kind: String,
    /// The fence's body as written.
    pub body: String,
}

/// A checklist item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The text, without the box and the parenthesis that names a role or a check.
    pub text: String,
    /// The check that ticks it.
    pub auto: Option<StepId>,
    /// Items nested below: this one holds when they all hold.
    pub children: Vec<StepId>,
    /// True when the document already has it ticked; that is not an answer, only shown.
    pub ticked_in_document: bool,
}

/// A task for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What to do, as written.
    pub instructions: String,
    /// Why a person has to: "opens an editor", "`<ref>` is not bound", "written as a list item".
    pub reason: String,
}

/// A recorded yes or no of several people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The question, inputs bound.
    pub ask: String,
    /// How many of which role.
    pub quorum: BTreeMap<Role, u32>,
    /// An answer is asked for again after this time.
    pub expires: Option<Span>,
    /// Whether the person who started the release may approve it.
    pub starter_may_approve: bool,
}

/// A timed wait, or a time during which rules are armed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Soak {
    /// How long.
    pub duration: Span,
    /// Rules that must hold: ids of [`Plan::rules`].
    pub rules: Vec<String>,
    /// What a breach leads to, when it differs from [`Policy::on_breach`].
    pub on_breach: Option<OnFailure>,
}

/// A question with fixed answers that was settled when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The question.
    pub ask: String,
    /// The answers to pick from.
    pub options: Vec<String>,
    /// The input that holds the answer.
    pub input: String,
}

/// What reverses a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// It changes nothing that would need reversing.
    NotNeeded,
    /// The named step reverses it.
    Step(StepId),
    /// It has an effect, which stays in a rollback: the runbook says that what went before works with it.
    Kept,
    /// `undo=none`: it cannot be reversed; a point of no return.
    Impossible,
    /// The document does not say. Shown as such; rollback leaves it and says so.
    Unstated,
}

/// What to do when a crash left the outcome unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// Runs it again: the document says that it may be repeated.
    Rerun,
    /// Runs the named check: passes means that the effect happened.
    Verify(StepId),
    /// Asks a person.
    Ask,
}

/// How often a failure is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts after the first.
    pub times: u32,
    /// Wait before the second attempt; doubled for each further one.
    pub backoff: Span,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The release waits for a person: retry, skip with a reason, roll back or abort.
    Hold,
    /// The release rolls back by itself.
    Rollback,
}

/// What to do when something fails or is breached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// For a step that failed for good.
    pub on_failure: OnFailure,
    /// For a rule that fired.
    pub on_breach: OnFailure,
    /// How long a rule may be without data before the release holds.
    pub no_data: Span,
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Appended to a file, relative to the runbook's folder.
    File(String),
    /// Posted as JSON `{"text": …}`; the address may be `${secret:NAME}`.
    Webhook(String),
}

impl Plan {
    /// Returns the reference of a database's address where a step acts.
    pub fn address(&self, step: &Step, database: &str) -> Option<&str> {
        let own = self.environments.iter().find(|one| Some(&one.name) == step.environment.as_ref());
        let own = own.and_then(|environment| environment.databases.get(database));
        own.or_else(|| self.databases.get(database)).map(String::as_str)
    }

    /// Computes the SHA-256 of the plan's JSON, in hex. Approvals are bound to it.
    pub fn digest(&self) -> String {
        let bytes = serde_json::to_vec(self).expect("a plan holds only maps with text keys");
        hex(&Sha256::digest(bytes))
    }

    /// Finds a step by its id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| &step.id == id)
    }

    /// Returns the lane of a step.
    pub fn lane_of(&self, step: &Step) -> Lane {
        self.phases[step.phase].lane
    }
}

impl Step {
    /// Tells whether the step changes the world when it runs, so that it may need an undo.
    pub fn has_effect(&self) -> bool {
        !self.check
            && matches!(
                &self.work,
                Work::Act(Action::Shell(_) | Action::Http(_) | Action::Unavailable(_)) | Work::Task(_)
            )
    }
}

/// Writes bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
