//! The heart: what a release is, what can happen to it, and what comes next.
//!
//! Everything here is a pure function of its arguments. No file, clock, network, randomness or
//! thread: the engine brings those. That is what makes recovery, rehearsal and simulation the same
//! code as the real run.

pub mod audit;
pub mod plan;
pub mod time;

pub use plan::{Plan, ReleaseId, Step, StepId};

