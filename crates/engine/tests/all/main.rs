//! Tests of the loop, in simulated worlds.

mod crash_everywhere;
mod host;
mod simulation;
mod watching;
