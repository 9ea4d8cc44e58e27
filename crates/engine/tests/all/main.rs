//! Tests of the loop, in simulated worlds.

mod clock;
mod crash_everywhere;
mod host;
mod simulation;
mod watching;
