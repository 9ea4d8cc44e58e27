//! The door: a Markdown runbook becomes a plan, and its faults become diagnostics.
//!
//! ```text
//! bytes ─ source ─▶ text ─ markdown ─▶ blocks ─ outline ─▶ what is there ─ compile ─▶ Plan
//! ```
//!
//! Pure: nothing here runs, fetches, prints or reads a file. Nothing writes Markdown back; an edit
//! replaces exactly the bytes of a task box. Reading never fails: it gives a value and a list of
//! faults, all of them at once.

pub mod adopt;
pub mod attributes;
mod beside;
pub mod check;
pub mod compile;
pub mod control;
pub mod data;
pub mod diagnostic;
pub mod edit;
pub mod encoding;
pub mod faults;
pub mod front_matter;
pub mod http_fence;
pub mod lines;
pub mod markdown;
pub mod memory;
pub mod names;
pub mod outline;
pub mod patch;
mod pattern;
pub mod rules;
pub mod schema;
pub mod settings;
pub mod shell;
pub mod source;
pub mod suggest;
pub mod view;
mod words;
