//! A simulated world: steps have effects that are counted, and the process can be ended at any
//! write of the log and in the middle of any step. Everything is decided by a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tminus_release::ReleaseId;
use tminus_release::audit::Entry;
use tminus_release::plan::Source;
use tminus_steps::{Hands, Job, Recovered, Report, Sampler, Work};
use tminus_store::memory::MemoryStore;
use tminus_store::{Answer, Cursor, Lease, Store, Summary, Writer};
use tokio::sync::{Notify, mpsc, watch};

/// When the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Never.
    No,
    /// Just before the n-th write reaches the disk, from 1.
    BeforeWrite(u64),
    /// Just after the n-th write reached the disk.
    AfterWrite(u64),
    /// When the n-th act began, before it had any effect.
    BeforeEffect(u64),
    /// When the n-th act had its effect, before anybody was told.
    AfterEffect(u64),
}

/// The power switch that a crashing process and its test share.
#[derive(Debug, Default)]
pub struct Switch {
    /// Told when the process ends.
    pub ended: Notify,
}

/// A memory store behind a switch.
pub struct CrashingStore {
    inner: Arc<MemoryStore>,
    crash: Crash,
    writes: AtomicU64,
    switch: Arc<Switch>,
}

impl CrashingStore {
    /// Puts a switch before a store that outlives the process.
    pub fn new(inner: Arc<MemoryStore>, crash: Crash, switch: Arc<Switch>) -> CrashingStore {
        CrashingStore { inner, crash, writes: AtomicU64::new(0), switch }
    }

    /// Returns how many writes there were.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    /// Lets one write through, unless the process ends before or after it.
    async fn write<T>(&self, write: impl Future<Output = T>) -> T {
        let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        if self.crash == Crash::BeforeWrite(number) {
            self.switch.ended.notify_one();
            return std::future::pending().await;
        }
        let answer = write.await;
        if self.crash == Crash::AfterWrite(number) {
            self.switch.ended.notify_one();
            return std::future::pending().await;
        }
        answer
    }
}

impl Store for CrashingStore {
    fn append<'a>(
        &'a self,
        release: &'a ReleaseId,
        writer: Writer<'a>,
        expected: u64,
        entries: Vec<Entry>,
    ) -> Answer<'a, ()> {
        Box::pin(self.write(self.inner.append(release, writer, expected, entries)))
    }

    fn read<'a>(&'a self, release: &'a ReleaseId, from: u64) -> Answer<'a, Vec<Entry>> {
        self.inner.read(release, from)
    }

    fn releases<'a>(&'a self) -> Answer<'a, Vec<Summary>> {
        self.inner.releases()
    }

    fn summarise<'a>(&'a self, release: &'a ReleaseId, text: String) -> Answer<'a, ()> {
        Box::pin(self.write(self.inner.summarise(release, text)))
    }

    fn changes<'a>(&'a self, since: Cursor) -> Answer<'a, (Cursor, Vec<ReleaseId>)> {
        self.inner.changes(since)
    }

    fn acquire<'a>(&'a self, release: &'a ReleaseId) -> Answer<'a, Lease> {
        self.inner.acquire(release)
    }

    fn holder<'a>(&'a self, release: &'a ReleaseId) -> Answer<'a, Option<String>> {
        self.inner.holder(release)
    }

    fn put_blob<'a>(&'a self, bytes: Vec<u8>) -> Answer<'a, String> {
        Box::pin(self.write(self.inner.put_blob(bytes)))
    }

    fn get_blob<'a>(&'a self, hash: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        self.inner.get_blob(hash)
    }
}

/// What is true in the world, whatever any log says.
#[derive(Debug, Default)]
pub struct Truth {
    effects: Mutex<Vec<String>>,
    traces: Mutex<BTreeSet<String>>,
}

impl Truth {
    /// Returns the effects in their order: `purpose step`.
    pub fn effects(&self) -> Vec<String> {
        self.effects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts how often something took effect.
    pub fn count(&self, effect: &str) -> usize {
        self.effects().iter().filter(|other| *other == effect).count()
    }
}

/// Hands in the simulated world.
pub struct SimHands {
    /// The world.
    pub truth: Arc<Truth>,
    /// Acts that fail, by `purpose step`.
    pub failing: BTreeSet<String>,
    /// Acts that fail the first time only.
    pub failing_once: BTreeSet<String>,
    /// When the process ends.
    pub crash: Crash,
    /// Whether an attempt leaves a trace by which its outcome is known after a crash.
    pub leaves_trace: bool,
    /// The power switch.
    pub switch: Arc<Switch>,
    acts: AtomicU64,
}

impl SimHands {
    /// Hands that never fail.
    pub fn new(truth: Arc<Truth>, crash: Crash, leaves_trace: bool, switch: Arc<Switch>) -> SimHands {
        SimHands {
            truth,
            failing: BTreeSet::new(),
            failing_once: BTreeSet::new(),
            crash,
            leaves_trace,
            switch,
            acts: AtomicU64::new(0),
        }
    }

    /// Returns how many acts there were.
    pub fn acts(&self) -> u64 {
        self.acts.load(Ordering::SeqCst)
    }

    fn report(&self, job: &Job, deed: &str) -> Report {
        // A verification looks at the world.
        let forward = format!("forward {}", job.step);
        if job.purpose == "verify" && (self.truth.count(&forward) == 0 || self.failing.contains(&forward)) {
            return Report::failed("it is not as it should be");
        }
        let fails_now = self.failing_once.contains(deed) && self.truth.count(deed) == 1;
        if fails_now || self.failing.contains(deed) {
            Report::failed("made to fail")
        } else {
            Report { verdict: tminus_steps::Verdict::Passed, ..Report::failed("done") }
        }
    }
}

impl Hands for SimHands {
    fn perform(
        &self,
        job: Job,
        _cancel: watch::Receiver<bool>,
        _progress: mpsc::Sender<Vec<u8>>,
    ) -> Work<'_, Report> {
        Box::pin(async move {
            let act = self.acts.fetch_add(1, Ordering::SeqCst) + 1;
            let deed = format!("{} {}", job.purpose, job.step);
            if self.crash == Crash::BeforeEffect(act) {
                self.switch.ended.notify_one();
                return std::future::pending().await;
            }
            self.truth.effects.lock().unwrap_or_else(PoisonError::into_inner).push(deed.clone());
            if self.leaves_trace {
                self.truth
                    .traces
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(format!("{deed} {}", job.attempt));
            }
            if self.crash == Crash::AfterEffect(act) {
                self.switch.ended.notify_one();
                return std::future::pending().await;
            }
            self.report(&job, &deed)
        })
    }

    fn recover(&self, job: Job, _cancel: watch::Receiver<bool>) -> Work<'_, Recovered> {
        Box::pin(async move {
            let deed = format!("{} {}", job.purpose, job.step);
            let trace = self
                .truth
                .traces
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(&format!("{deed} {}", job.attempt));
            if trace {
                Recovered::Finished(self.report(&job, &deed))
            } else {
                Recovered::Unknown("no trace".to_owned())
            }
        })
    }

    fn forget(&self, _: &std::path::Path) {}

    fn leave(&self, _: &std::path::Path) {}

    fn sampler(&self, _source: Source, _secrets: BTreeMap<String, String>) -> Box<dyn Sampler> {
        Box::new(Calm)
    }
}

/// A source whose every metric is zero, and nothing is wrong.
struct Calm;

impl Sampler for Calm {
    fn sample(&mut self) -> Work<'_, BTreeMap<String, Result<f64, String>>> {
        let names = ["error_rate", "p50", "p95", "p99", "latency"];
        Box::pin(async move { names.into_iter().map(|name| (name.to_owned(), Ok(0.0))).collect() })
    }
}
