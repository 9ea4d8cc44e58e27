//! Tests of the loop, in simulated worlds.

mod clock;
mod crash_by_seed;
mod crash_everywhere;
mod host;
mod repeat_every_undo;
mod simulation;
mod watching;
