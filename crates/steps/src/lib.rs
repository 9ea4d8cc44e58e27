//! The hands: what acts on the world, one small file for each kind of step.
//!
//! They do one thing when told to, and tell what came of it. They never decide what comes next,
//! never repeat anything that the plan did not ask for, and keep nothing between two jobs: what a
//! crash must not lose is in the files of the attempt.

mod condition;
pub mod database;
mod http;
pub mod invocation;
mod metrics;
mod notify;
mod output;
mod redact;
pub mod secret;
mod shell;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use tminus_release::ReleaseId;
use tminus_release::plan::{Action, Channel, Source};
use tminus_release::time::Span;
use tokio::sync::{mpsc, watch};

pub use invocation::{Invocation, invocation};
pub use redact::Redactor;
pub use world::World;

/// The future of a piece of work, boxed so that hands can be a trait object.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One attempt at one action, with everything that it needs.
#[derive(Clone, Debug)]
pub struct Job {
    /// Whose step it is.
    pub release: ReleaseId,
    /// The step's id.
    pub step: String,
    /// Why it is done: `forward`, `undo`, `verify`.
    pub purpose: &'static str,
    /// Counts the attempts, from 1.
    pub attempt: u32,
    /// What to do.
    pub action: Action,
    /// Environment variables of the step, on top of tminus's own environment.
    pub variables: BTreeMap<String, String>,
    /// Variables of tminus's own environment that the step must not inherit: an earlier step of the
    /// phase removed them.
    pub removed: Vec<String>,
    /// It takes something back, or runs after that: what it does not need must not stop it.
    pub is_way_back: bool,
    /// Secret name to reference. A shell step gets the values as variables of these names.
    pub secrets: BTreeMap<String, String>,
    /// Folder to start in, absolute.
    pub folder: PathBuf,
    /// What the paths of this attempt's files begin with, in a folder of its release, which the
    /// hands make. [`Hands::forget`] is for when the attempt's outcome is on the disk.
    pub scratch: PathBuf,
    /// Time limit.
    pub timeout: Span,
    /// Bytes of output that are kept.
    pub output_limit_bytes: u64,
    /// Where messages go, by name.
    pub channels: BTreeMap<String, Channel>,
    /// Facts for message templates.
    pub message: serde_json::Value,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As the plan wants it.
    Passed,
    /// In another way.
    Failed,
    /// It was ended at its time limit.
    TimedOut,
    /// It was ended because somebody said so.
    Cancelled,
    /// Nobody knows: it ran on another host, which does not answer any more.
    Unknown,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub verdict: Verdict,
    /// One sentence for a person, without secrets.
    pub detail: String,
    /// The exit code of a process that ended by itself.
    pub exit_code: Option<i32>,
    /// What it printed, secrets cut out. When it was more than the limit: the beginning and the
    /// end, and between them a line that says how much was left out.
    pub output: Vec<u8>,
    /// How much it printed in all, in bytes.
    pub output_bytes: u64,
    /// What a passed shell step hands down to the next one. `None`: nothing changed.
    pub carried: Option<Carried>,
    /// The `key=value` lines of the file that `$RUN_OUT` names.
    pub outputs: BTreeMap<String, String>,
    /// Processes that were still there after the step's own had ended, and were ended.
    pub leftovers: u32,
}

impl Report {
    /// Makes a report of something that never got as far as having output.
    pub fn failed(detail: impl Into<String>) -> Report {
        Report::new(Verdict::Failed, detail)
    }

    pub(crate) fn new(verdict: Verdict, detail: impl Into<String>) -> Report {
        Report {
            verdict,
            detail: detail.into(),
            exit_code: None,
            output: Vec::new(),
            output_bytes: 0,
            carried: None,
            outputs: BTreeMap::new(),
            leftovers: 0,
        }
    }
}

/// What a shell step changed for those after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Where it ended.
    pub folder: Option<PathBuf>,
    /// Exported variables that it set. One whose value is a secret has `secret:NAME` instead; one
    /// whose value contains a secret is left out.
    pub set: BTreeMap<String, String>,
    /// Variables that it was given and that are not exported any more.
    pub removed: Vec<String>,
}

/// What is known of an attempt after a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// It ended, and how is known.
    Finished(Report),
    /// It never began, and cannot begin any more.
    NotStarted,
    /// It may have had an effect or not; why that is not known, in one sentence.
    Unknown(String),
}

/// What can act. The real hands are [`World`]; a rehearsal has others.
pub trait Hands: Send + Sync + 'static {
    /// Does the job. `cancel` turning true ends it; `progress` gets output as it comes, secrets
    /// cut out, and may miss some when it is full. When the future is dropped, a process that was
    /// started goes on, and [`Hands::recover`] finds it.
    fn perform(
        &self,
        job: Job,
        cancel: watch::Receiver<bool>,
        progress: mpsc::Sender<Vec<u8>>,
    ) -> Work<'_, Report>;

    /// Finds out what came of an attempt whose supervisor is gone. Waits for a process that is
    /// still running, up to the job's time limit; `cancel` turning true ends it. It has no effect besides.
    fn recover(&self, job: Job, cancel: watch::Receiver<bool>) -> Work<'_, Recovered>;

    /// Lets go of what an attempt left, named by [`Job::scratch`]: its outcome is on the disk.
    fn forget(&self, scratch: &Path);

    /// Lets go of the folder of a release that has ended.
    fn leave(&self, scratch: &Path);

    /// Makes what takes samples of a source. Secrets are resolved for each sample.
    fn sampler(&self, source: Source, secrets: BTreeMap<String, String>) -> Box<dyn Sampler>;
}

/// Takes samples of a source of numbers. Asking changes nothing out there.
pub trait Sampler: Send {
    /// Takes a sample: for each metric its value, or why there is none. [`Source::Probe`] gives
    /// `error_rate` and `availability` in percent and `p50`, `p95`, `p99` in milliseconds;
    /// [`Source::Http`] gives its one number under the name `value`.
    fn sample(&mut self) -> Work<'_, BTreeMap<String, Result<f64, String>>>;
}
