//! What waiting costs: ten thousand releases on hold or in a soak, driven by one process.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::Place;
use super::measure::{RUNS, spread, wall};
use super::page::Section;
use crate::shell;

const RELEASES: usize = 10_000;

/// How long the process is watched while nothing happens.
const IDLE: Duration = Duration::from_secs(10);

/// How long nothing must be said until everything is taken to be at rest. Longer than the store
/// waits before it writes summaries.
const QUIET: Duration = Duration::from_secs(3);

/// How long anything may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs the benchmark.
pub(super) fn run(place: &Place) -> Result<Section, String> {
    let folder = place.empty("waiting")?;
    let state = folder.join("state");
    let program = place.example("waiting").display().to_string();
    let ids = shell::read(&program, &[&state.display().to_string(), &RELEASES.to_string()])?;
    let held: Vec<&str> = ids.lines().collect();
    eprintln!("  {RELEASES} releases are created");

    let host = Host::start(&place.tminus(), &folder)?;
    let (settled, lines) = host.settle(RELEASES)?;
    eprintln!("  all came to rest after {settled:.1} s and {lines} looks");
    let before = host.cpu_nanoseconds()?;
    std::thread::sleep(IDLE);
    let idle = (host.cpu_nanoseconds()? - before) as f64 / 1e9 / IDLE.as_secs_f64() * 100.0;
    let (resident, peak) = (host.memory("VmRSS:")?, host.memory("VmHWM:")?);
    let (mut whole, mut after, mut ticks) = (Vec::new(), Vec::new(), Vec::new());
    for (turn, release) in held.iter().rev().take(RUNS + 1).enumerate() {
        let started = Instant::now();
        let tick = ["tick", "reviewed", "--release", release, "--as", "ana", "--state"].map(OsStr::new);
        let arguments: Vec<&OsStr> = tick.into_iter().chain([state.as_os_str()]).collect();
        let took = wall(&place.tminus(), &arguments, &[0])?;
        let rested = host.line_of(release, started)?.duration_since(started).as_secs_f64();
        eprintln!("  {turn}: `tminus tick` {:.1} ms, woken after {:.1} ms", took * 1e3, rested * 1e3);
        if turn > 0 {
            whole.push(rested);
            after.push((rested - took).max(0.0));
            ticks.push(took);
        }
    }
    let figures = [
        ("until all came to rest, s", format!("{settled:.1}")),
        ("looks at a release until then", format!("{lines}")),
        ("resident memory, MB", format!("{resident:.1}")),
        ("resident memory at its peak, MB", format!("{peak:.1}")),
        ("CPU while nothing happens, % of a core", format!("{idle:.2}")),
        ("`tminus tick` as a process of its own, ms", spread(ticks).cell(1e3, 1)),
        ("from its end until the release rests at the next question, ms", spread(after.clone()).cell(1e3, 1)),
        ("from its start, ms", spread(whole).cell(1e3, 1)),
    ];
    let what = format!(
        "{RELEASES} releases, half on hold for a person and half in a soak of a day, in one `tminus resume --all` \
         over SQLite. CPU is that of all threads over {} s. Then another process ticks an item of one of them.",
        IDLE.as_secs()
    );
    let mut section =
        Section::new("Ten thousand waiting releases", &what, "cargo xtask bench waiting", &["", ""]);
    for (name, figure) in &figures {
        section.row(&[name, figure]);
    }
    section.at_most("resident memory", peak, 200.0, " MB");
    section.at_most("idle", idle, 1.0, " %");
    section.at_most("wake-up", spread(after).median * 1e3, 100.0, " ms");
    Ok(section)
}

/// A process that drives all releases, and the lines that it prints with their times.
struct Host {
    child: Child,
    lines: Receiver<(Instant, String)>,
}

impl Host {
    fn start(tminus: &Path, folder: &Path) -> Result<Host, String> {
        let mut child = Command::new(tminus)
            .args(["--state", "state", "resume", "--all"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", tminus.display()))?;
        let out = child.stdout.take().ok_or("the process has no output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send((Instant::now(), line)).is_err() {
                    break;
                }
            }
        });
        Ok(Host { child, lines })
    }

    fn next(&self) -> Result<(Instant, String), String> {
        self.lines
            .recv_timeout(PATIENCE)
            .map_err(|error| format!("`tminus resume --all` says nothing: {error}"))
    }

    /// Waits until each release came to rest and nothing more is said. Returns the seconds that it
    /// took, and how many lines told of it: a release may be looked at more than once.
    fn settle(&self, ids: usize) -> Result<(f64, usize), String> {
        let started = Instant::now();
        let mut rested = BTreeSet::new();
        let (mut last, mut lines) = (started, 0);
        while rested.len() < ids {
            let (at, line) = self.next()?;
            // A line is the time of day, the release, and what it does.
            rested.extend(line.split_whitespace().nth(1).map(ToOwned::to_owned));
            (last, lines) = (at, lines + 1);
        }
        while let Ok((at, _)) = self.lines.recv_timeout(QUIET) {
            (last, lines) = (at, lines + 1);
        }
        Ok((last.duration_since(started).as_secs_f64(), lines))
    }

    /// Waits for the line that names a release, from `since` on.
    fn line_of(&self, release: &str, since: Instant) -> Result<Instant, String> {
        loop {
            let (at, line) = self.next()?;
            if at >= since && line.contains(release) {
                return Ok(at);
            }
        }
    }

    /// The time that all threads were on a processor.
    fn cpu_nanoseconds(&self) -> Result<u64, String> {
        let folder = format!("/proc/{}/task", self.child.id());
        let threads = fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
        let time = |thread: fs::DirEntry| -> Option<u64> {
            fs::read_to_string(thread.path().join("schedstat")).ok()?.split(' ').next()?.parse().ok()
        };
        Ok(threads.flatten().filter_map(time).sum())
    }

    /// A line of the process's status, in megabytes.
    fn memory(&self, name: &str) -> Result<f64, String> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kilobytes.map(|kilobytes| kilobytes / 1000.0).ok_or(format!("{path} has no {name}"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
