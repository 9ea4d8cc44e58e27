//! The heart: what a release is, what can happen to it, and what comes next.
//!
//! Everything here is a pure function of its arguments. No file, clock, network, randomness or
//! thread: the engine brings those. That is what makes recovery, rehearsal and simulation the same
//! code as the real run.

pub mod audit;
pub mod context;
pub mod decide;
pub mod environment;
pub mod event;
pub mod gates;
pub mod life;
pub mod partial;
pub mod people;
pub mod plan;
pub mod program;
pub mod quorum;
pub mod record;
mod rollback;
pub mod standing;
pub mod state;
pub mod time;
pub mod verify;

pub use plan::{Plan, ReleaseId, Step, StepId};
pub use state::State;
