//! Figures of docs/benchmarks.md.

/// Runs the benchmarks.
pub(crate) fn run(_arguments: &[String]) -> Result<(), String> {
    crate::shell::run("cargo", &["build", "--release", "--package", "tminus-cli"])
}
