//! Tests of the heart: one binary, one module for each subject.

mod approvals;
mod forward;
mod going_back;
mod golden;
mod partial;
mod support;
mod verification;
