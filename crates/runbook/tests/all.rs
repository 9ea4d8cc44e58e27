//! All tests that look at the runbook room from outside, in one binary.

mod corpus;
mod differential;
mod faults;
mod given;
mod plans;
mod robust;
mod schema;
mod seeds;
