//! The loop: take the lease, read the log, decide, write the intent, act, write the outcome.
//!
//! This room holds no state that the log does not have. A crash at any instant is followed by the
//! same loop from the start; there is no second path for recovery, for rehearsal or for a server.

pub mod clock;
pub mod drive;
pub mod environments;
pub mod export;
pub mod host;
mod job;
mod log;
pub mod open;
pub mod operator;
pub mod rehearse;
pub mod watch;

pub use tminus_store::StoreError;

use tminus_release::people::Refusal;
use tminus_release::state::FoldError;

/// Why the engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store refuses or fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be read.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The plan cannot be followed.
    #[error(transparent)]
    Plan(#[from] tminus_release::program::PlanError),
    /// A person wanted something that cannot be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something stands in the way of a release's start.
    #[error(transparent)]
    Obstacle(Box<environments::Obstacle>),
    /// The log of an environment cannot be read.
    #[error(transparent)]
    Environment(#[from] tminus_release::environment::EnvironmentError),
    /// No release by that name.
    #[error("find release `{0}`")]
    NoRelease(String),
    /// More than one release by that name.
    #[error("tell which release `{text}` is: {} are called so: {}", .found.len(), .found.join(", "))]
    ManyReleases {
        /// What was asked for.
        text: String,
        /// The releases that it fits, newest first.
        found: Vec<String>,
    },
    /// The log refers to kept bytes that are gone.
    #[error("find the kept file {hash}, which the log refers to: it was removed from the store's blobs/")]
    NoBlob {
        /// Its content hash.
        hash: String,
    },
    /// The plan holds kinds of steps that this version cannot run.
    #[error("start the release: {} not available yet in this version: {}", if .0.len() == 1 { "one step is" } else { "some steps are" }, .0.join(", "))]
    NotAvailable(Vec<String>),
    /// A file of the release's own cannot be written.
    #[error("write {path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}
