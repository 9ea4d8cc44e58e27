//! Any document: parsed, compiled in both modes, checked as `tminus check` does.

#![no_main]

#[path = "../../crates/runbook/tests/robust/invariants.rs"]
mod invariants;

use libfuzzer_sys::fuzz_target;
use tminus_runbook::check::check;

fuzz_target!(|document: &str| {
    invariants::hold_invariants(document);
    let lines = u32::try_from(document.split('\n').count()).unwrap_or(u32::MAX);
    let found = check(document, "RUNBOOK.md");
    for one in &found {
        assert!((1..=lines).contains(&one.line), "{one:?} of {lines} lines");
        assert!((one.end_line, one.end_column) >= (one.line, one.column), "{one:?}");
    }
});
