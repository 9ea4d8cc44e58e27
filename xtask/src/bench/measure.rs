//! Measuring processes from outside, and summing up what was measured.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Counted runs of each contender, after one that is not counted.
pub(super) const RUNS: usize = 7;

/// What a run took, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// From start to end.
    pub(super) wall: f64,
    /// User and system time of the process and of all its children.
    pub(super) cpu: f64,
}

/// Runs a program to its end in `folder`; its output goes into `output.txt` there. bash does the
/// measuring: the kernel's count of a child's and grandchildren's CPU time has no other safe
/// reader. Milliseconds, so for runs that take at least some hundred of them.
pub(super) fn cost(folder: &Path, program: &OsStr, arguments: &[&OsStr]) -> Result<Cost, String> {
    let script = r#"TIMEFORMAT='%3R %3U %3S'; time "$@" >output.txt 2>&1 </dev/null"#;
    let output = Command::new("bash")
        .args(["-c", script, "bash"])
        .arg(program)
        .args(arguments)
        .current_dir(folder)
        // TIMEFORMAT writes decimal points as the locale has them.
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| format!("bash cannot be started: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        let said = fs::read_to_string(folder.join("output.txt")).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        return Err(format!("{} {}: {}", program.to_string_lossy(), output.status, last.join("\n")));
    }
    let times: Vec<f64> = printed.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match times.as_slice() {
        [wall, user, system] => Ok(Cost { wall: *wall, cpu: user + system }),
        _ => Err(format!("bash measured `{}`", printed.trim())),
    }
}

/// Runs a program to its end and returns the wall time in seconds, start-up included. `codes` are
/// the exit codes that it may end with. For short runs: nothing stands between.
pub(super) fn wall(program: &Path, arguments: &[&OsStr], codes: &[i32]) -> Result<f64, String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status().map_err(|error| format!("{}: {error}", program.display()))?;
    let seconds = started.elapsed().as_secs_f64();
    if status.code().is_some_and(|code| codes.contains(&code)) {
        Ok(seconds)
    } else {
        Err(format!("{}: {status}", program.display()))
    }
}

/// Smallest, middle and largest of several figures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) max: f64,
}

/// Sums up. `figures` is not empty.
pub(super) fn spread(figures: impl IntoIterator<Item = f64>) -> Spread {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let median = if figures.len() % 2 == 1 {
        figures[middle]
    } else {
        f64::midpoint(figures[middle - 1], figures[middle])
    };
    Spread { min: figures[0], median, max: figures[figures.len() - 1] }
}

impl Spread {
    /// Writes `min / median / max`, each multiplied by `factor`.
    pub(super) fn cell(&self, factor: f64, digits: usize) -> String {
        let Spread { min, median, max } = self;
        format!("{:.digits$} / {:.digits$} / {:.digits$}", min * factor, median * factor, max * factor)
    }
}

/// The machine's load: how many processes wanted to run over the last minute.
pub(super) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}
