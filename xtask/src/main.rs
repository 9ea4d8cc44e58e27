//! The project's own tasks. `cargo xtask` lists them.

mod bench;
mod edges;
mod shell;
mod targets;
mod testbed;
mod tidy;
mod web;

use std::process::ExitCode;

const TASKS: &str = "cargo xtask TASK
  test      everything: format, lints, house rules, edges, dependencies, all tests
  tidy      house rules that a compiler does not know
  edges     rooms and dependencies against ARCHITECTURE.md and their limits
  testbed   up | down: programs and services that tests use
  web       the page that checks a pasted runbook, in one file; tried where Chromium is
  bench     figures of docs/benchmarks.md
  docs      the documentation of the rooms, made from their comments";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some("test") => test(),
        Some("tidy") => tidy::run(),
        Some("edges") => edges::run(),
        Some("testbed") => testbed::run(&arguments[1..]),
        Some("web") => web::run(),
        Some("bench") => bench::run(&arguments[1..]),
        Some("docs") => shell::run("cargo", &["doc", "--workspace", "--no-deps", "--document-private-items"]),
        _ => {
            eprintln!("{TASKS}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Everything that must hold on each commit.
fn test() -> Result<(), String> {
    shell::run("cargo", &["fmt", "--all", "--check"])?;
    tidy::run()?;
    edges::run()?;
    testbed::run(&["up".to_owned()])?;
    shell::run("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"])?;
    // The binary that the tests start is built as part of the tests of its own package.
    let tests = if shell::has("cargo-nextest") {
        shell::run("cargo", &["nextest", "run", "--workspace", "--no-fail-fast", "--status-level", "fail"])
    } else {
        shell::run("cargo", &["test", "--workspace", "--no-fail-fast", "--quiet"])
    };
    let others = targets::test();
    let page = web::test();
    let down = testbed::run(&["down".to_owned()]);
    tests.and(others).and(page).and(down)
}
