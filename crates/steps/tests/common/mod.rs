//! Ground for tests of the hands: a folder, a world, jobs.
#![allow(clippy::unwrap_used, reason = "a test ends where its ground is missing")]
#![allow(dead_code, reason = "not every file of tests uses everything")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use tminus_release::ReleaseId;
use tminus_release::plan::{Action, Interpreter, Shell};
use tminus_release::time::Span;
use tminus_steps::{Hands as _, Job, Report, World};
use tminus_testkit::TemporaryFolder;
use tokio::sync::{mpsc, watch};

/// What nobody ever cancels.
pub(crate) fn never() -> watch::Receiver<bool> {
    watch::channel(false).1
}

/// Builds a step for bash.
pub(crate) fn bash(script: &str) -> Action {
    shell(Interpreter::Bash, script)
}

/// Builds a step for an interpreter.
pub(crate) fn shell(interpreter: Interpreter, script: &str) -> Action {
    Action::Shell(Shell {
        interpreter,
        script: script.to_owned(),
        folder: None,
        ok: vec![0],
        host: None,
        database: None,
        recipe: None,
        group: None,
    })
}

/// A folder with a world in it.
pub(crate) struct Ground {
    pub(crate) folder: TemporaryFolder,
    pub(crate) world: World,
    attempts: AtomicU32,
}

impl Ground {
    pub(crate) fn new() -> Ground {
        let folder = TemporaryFolder::new();
        fs::create_dir(folder.join("work")).unwrap();
        let world = World::new(environment(), folder.join("scratch"));
        Ground { folder, world, attempts: AtomicU32::new(0) }
    }

    /// What a new process has after the first one was killed.
    pub(crate) fn another_world(&self) -> World {
        World::new(environment(), self.folder.join("scratch"))
    }

    /// Puts a folder before the others in which programs are looked for.
    pub(crate) fn look_for_programs_in(&mut self, folder: &Path) {
        let path = format!("{}:{}", folder.display(), environment()["PATH"]);
        self.live_in(BTreeMap::from([("PATH".to_owned(), path)]));
    }

    /// Gives the world some variables more.
    pub(crate) fn live_in(&mut self, more: BTreeMap<String, String>) {
        let mut environment = environment();
        environment.extend(more);
        self.world = World::new(environment, self.folder.join("scratch"));
    }

    /// Builds a job with files that no other has.
    pub(crate) fn job(&self, action: Action) -> Job {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        Job {
            release: ReleaseId::from("r1"),
            step: "deploy".to_owned(),
            purpose: "forward",
            attempt,
            action,
            variables: BTreeMap::new(),
            removed: Vec::new(),
            is_way_back: false,
            secrets: BTreeMap::new(),
            folder: self.folder.join("work"),
            scratch: self.folder.join(format!("scratch/r1/deploy.forward.{attempt}")),
            timeout: Span::minutes(1),
            output_limit_bytes: 1 << 20,
            channels: BTreeMap::new(),
            message: serde_json::Value::Null,
        }
    }

    /// Performs a job that nobody watches or cancels.
    pub(crate) async fn perform(&self, job: &Job) -> Report {
        let (_keep, cancelled) = watch::channel(false);
        self.world.perform(job.clone(), cancelled, mpsc::channel(1).0).await
    }

    /// Counts the living processes that were given the job's file of outputs.
    pub(crate) fn processes_of(&self, job: &Job) -> usize {
        processes_of(job).len()
    }

    /// Kills them, and returns how many there were, those that only sleep for another not counted.
    pub(crate) fn end_processes_of(&self, job: &Job) -> usize {
        let mut seen = BTreeSet::new();
        // By groups: one that is just being started shows no variables, and would be overlooked.
        loop {
            let found = processes_of(job);
            if found.is_empty() {
                return seen.len();
            }
            for process in found {
                if !is_sleep(process) {
                    seen.insert(process);
                }
                let process = rustix::process::Pid::from_raw(process);
                if let Ok(group) = rustix::process::getpgid(process) {
                    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                }
            }
        }
    }

    /// Waits until none of them is left.
    pub(crate) fn wait_until_gone(&self, job: &Job) {
        while self.processes_of(job) > 0 {
            std::thread::yield_now();
        }
    }
}

fn is_sleep(process: i32) -> bool {
    fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name.trim() == "sleep")
}

fn processes_of(job: &Job) -> Vec<i32> {
    let mark = format!("RUN_OUT={}.out", job.scratch.display());
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<i32>().ok();
    let given = |process: &i32| {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(number).filter(given).collect()
}

/// What tminus was started with.
fn environment() -> BTreeMap<String, String> {
    let path = std::env::vars().find(|(name, _)| name == "PATH").map(|(_, value)| value).unwrap();
    [
        ("PATH", path.as_str()),
        ("INHERITED", "yes"),
        ("THE_TOKEN", "s3cret-t0ken-x1y"),
        ("TMINUS_STATE", "internal"),
        ("BASH_ENV", "/no/such/file"),
        ("LC_ALL", "C.UTF-8"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}
