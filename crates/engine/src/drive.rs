//! Drives one release: from its log to its next outcome, again and again.

mod take_up;
mod unwatched;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tminus_release::decide::{Command, Decision, decide};
use tminus_release::event::{Actor, Event, Outcome, Purpose, Recorded};
use tminus_release::standing::standing;
use tminus_release::time::{Moment, Span};
use tminus_release::{ReleaseId, State, StepId};
use tminus_steps::{Hands, Recovered, Report};
use tminus_store::Store;
use tokio::sync::{mpsc, watch as signal};
use tokio::task::JoinSet;

use crate::EngineError;
use crate::clock::Clock;
use crate::job::{self, Places};
use crate::log::{Flushed, Log};
use crate::operator::Operator;
use crate::watch::Watcher;

/// Attempts of one release that may be under way at once. More would not finish sooner on the
/// machines that runbooks are run from, and each holds pipes and output in memory.
const ATTEMPTS_AT_ONCE: usize = 16;

/// What a driver is told from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// Go on.
    #[default]
    No,
    /// Start nothing new; leave when what runs has ended.
    Gently,
    /// End what runs, record it, and leave.
    Now,
}

/// When a driver leaves a release that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenIdle {
    /// Stays, for other processes may answer.
    Stay,
    /// Leaves when only people can end the wait.
    LeaveForPeople,
    /// Leaves as soon as nothing runs and nothing is measured.
    Leave,
}

/// Why a driver left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// The release ended.
    Finished(Outcome),
    /// It waits; time alone changes that at this moment, if at all.
    Idle(Option<Moment>),
    /// It was told to stop.
    Stopped,
}

/// Sees what happens while it happens.
pub trait Observer: Send {
    /// An event became durable; `state` already includes it.
    fn event(&mut self, state: &State, recorded: &Recorded);
    /// A step printed something; secrets are cut out.
    fn output(&mut self, step: &StepId, bytes: &[u8]);
}

/// Sees nothing.
#[derive(Debug)]
pub struct Blind;

impl Observer for Blind {
    fn event(&mut self, _: &State, _: &Recorded) {}
    fn output(&mut self, _: &StepId, _: &[u8]) {}
}

/// Everything a driver needs.
pub struct Driver {
    /// Where logs and blobs are.
    pub store: Arc<dyn Store>,
    /// What acts.
    pub hands: Arc<dyn Hands>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where steps run.
    pub places: Places,
    /// When to leave a release that waits.
    pub idle: WhenIdle,
}

/// How a driver is reached while it drives.
pub struct Reins {
    /// Someone wrote to the release: a lost wake-up costs time, never truth.
    pub wake: signal::Receiver<u64>,
    /// Told to stop.
    pub stop: signal::Receiver<Stop>,
}

impl Reins {
    /// Reins that nobody holds, with the ends to hold them by.
    pub fn new() -> (Reins, signal::Sender<u64>, signal::Sender<Stop>) {
        let (waker, wake) = signal::channel(0);
        let (stopper, stop) = signal::channel(Stop::No);
        (Reins { wake, stop }, waker, stopper)
    }
}

type Key = (usize, Purpose);

/// A piece of a step's output on its way to the observer.
type Chunk = (StepId, Vec<u8>);

/// What became of an attempt when it was begun.
#[derive(PartialEq, Eq)]
enum Began {
    /// It is under way.
    Works,
    /// There was nothing to do, and its outcome waits to be written.
    Ended,
}

struct Done {
    key: Key,
    attempt: u32,
    scratch: PathBuf,
    came: Recovered,
}

struct Round<'a> {
    driver: &'a Driver,
    release: ReleaseId,
    log: Log,
    running: JoinSet<Done>,
    cancels: BTreeMap<Key, signal::Sender<bool>>,
    watcher: Watcher,
    observer: &'a mut dyn Observer,
    operator: Option<&'a mut dyn Operator>,
    output: (mpsc::Sender<Chunk>, mpsc::Receiver<Chunk>),
    offset: Option<i64>,
    /// Until when, in steady time, this process meant to wait at most.
    next_look: Option<Span>,
    to_clean: Vec<PathBuf>,
}

impl Driver {
    /// Drives a release until it ends, waits, or is told to stop.
    ///
    /// # Errors
    /// When the store fails or the log cannot be read. Nothing is lost: driving again goes on.
    pub async fn drive<'a>(
        &'a self,
        release: &ReleaseId,
        reins: &mut Reins,
        observer: &'a mut dyn Observer,
        operator: Option<&'a mut dyn Operator>,
    ) -> Result<Left, EngineError> {
        self.drive_to(release, None, reins, observer, operator).await.map(|(left, _)| left)
    }

    /// The same, and tells the state in which the release was left. `known` is an earlier state of the
    /// release, for whoever has one: only what came after it is read.
    ///
    /// # Errors
    /// As [`Driver::drive`].
    pub async fn drive_to<'a>(
        &'a self,
        release: &ReleaseId,
        known: Option<State>,
        reins: &mut Reins,
        observer: &'a mut dyn Observer,
        operator: Option<&'a mut dyn Operator>,
    ) -> Result<(Left, State), EngineError> {
        let log = Log::take(Arc::clone(&self.store), release.clone(), known).await?;
        if let Some((outcome, _)) = &log.state.outcome {
            return Ok((Left::Finished(*outcome), log.state));
        }
        let mut round = Round {
            driver: self,
            release: release.clone(),
            log,
            running: JoinSet::new(),
            cancels: BTreeMap::new(),
            watcher: Watcher::default(),
            observer,
            operator,
            // Bounded, and never waited for by a step: a slow terminal loses live output, not
            // the captured one.
            output: mpsc::channel(256),
            offset: None,
            next_look: None,
            to_clean: Vec::new(),
        };
        round.take_up().await?;
        // The lease is given back when the log is dropped; a crash gives it back as well.
        let left = round.turn(reins).await?;
        Ok((left, round.log.state))
    }
}

impl Round<'_> {
    async fn turn(&mut self, reins: &mut Reins) -> Result<Left, EngineError> {
        loop {
            let stop = *reins.stop.borrow_and_update();
            let now = self.driver.clock.now();
            self.notice_clock(now)?;
            self.notice_sleep(now)?;
            let mut decision = decide(&self.log.state, now);
            let mut starts = Vec::new();
            let mut moved = false;
            for command in std::mem::take(&mut decision.commands) {
                match command {
                    Command::Record(event) => {
                        self.log.push(now, Actor::Engine, event)?;
                        moved = true;
                    }
                    Command::Start { step, purpose, attempt } => {
                        if stop != Stop::No || self.running.len() + starts.len() >= ATTEMPTS_AT_ONCE {
                            continue;
                        }
                        let id = self.log.state.program.plan.steps[step].id.clone();
                        self.log.push(
                            now,
                            Actor::Engine,
                            Event::StepStarted { step: id, purpose, attempt },
                        )?;
                        starts.push((step, purpose, attempt));
                    }
                    Command::Cancel { step, purpose } => self.cancel((step, purpose)),
                }
            }
            if self.flush().await? == Flushed::Changed {
                // Intents that lost against another writer were never written: decide again.
                continue;
            }
            for (step, purpose, attempt) in starts {
                // What ended where it began has an outcome to write before anybody leaves.
                moved |= self.act(step, purpose, attempt, now).await? == Began::Ended;
            }
            if moved {
                continue;
            }
            if let Some((outcome, _)) = &self.log.state.outcome {
                let outcome = *outcome;
                self.summarise().await?;
                let store = self.driver.store.as_ref();
                crate::environments::give_back(store, now, &self.release, &self.log.state).await?;
                self.driver.hands.leave(&job::scratch(&self.driver.places, &self.release));
                return Ok(Left::Finished(outcome));
            }
            if stop == Stop::Now {
                let keys: Vec<Key> = self.cancels.keys().copied().collect();
                keys.into_iter().for_each(|key| self.cancel(key));
            }
            if stop != Stop::No && self.running.is_empty() {
                self.summarise().await?;
                return Ok(Left::Stopped);
            }
            if self.running.is_empty() && self.ask_operator().await? {
                continue;
            }
            let next = [decision.wake_at, decision.lapse_at].into_iter().flatten().min();
            if let Some(left) = self.may_leave(&decision, next) {
                self.summarise().await?;
                return Ok(left);
            }
            self.wait(reins, now, next, &decision.armed).await?;
        }
    }

    /// Tells whether to leave now. Who leaves for people leaves the watch to the next driver: that
    /// is what was asked for, and what is said on leaving.
    fn may_leave(&self, decision: &Decision, next: Option<Moment>) -> Option<Left> {
        if !self.running.is_empty() {
            return None;
        }
        let leave = match self.driver.idle {
            WhenIdle::Stay => false,
            WhenIdle::LeaveForPeople => {
                let goes_on = decision.wake_at.is_some() || decision.measures;
                !goes_on && !standing(&self.log.state).waits.is_empty()
            }
            WhenIdle::Leave => decision.armed.is_empty() && self.watcher.is_idle(),
        };
        leave.then_some(Left::Idle(next))
    }

    async fn wait(
        &mut self,
        reins: &mut Reins,
        now: Moment,
        wake_at: Option<Moment>,
        armed: &[tminus_release::state::RuleKey],
    ) -> Result<(), EngineError> {
        let next_sample = self.watcher.sample_due(&self.log.state, armed, now, self.driver.hands.as_ref());
        let at = [wake_at, next_sample].into_iter().flatten().min();
        // Even with nothing to wait for, look now and then: the state of the clock, heartbeats.
        let at = at.unwrap_or(Moment(i64::MAX)).min(now.plus(Span::seconds(30)));
        let planned = self.driver.clock.steady().0.saturating_add(at.since(now).0);
        self.next_look = Some(Span(planned));
        let nothing_runs = self.running.is_empty();
        tokio::select! {
            biased;
            Some(done) = self.running.join_next(), if !nothing_runs => self.take_done(done).await?,
            Some((step, bytes)) = self.output.1.recv() => self.observer.output(&step, &bytes),
            sampled = self.watcher.next(), if !self.watcher.is_idle() => self.take_sample(sampled, now).await?,
            _ = reins.stop.changed() => {}
            _ = reins.wake.changed() => { self.catch_up().await?; }
            () = self.driver.clock.sleep_until(at) => {
                if !armed.is_empty() { self.summarise().await?; }
            }
        }
        Ok(())
    }

    async fn take_done(&mut self, done: Result<Done, tokio::task::JoinError>) -> Result<(), EngineError> {
        match done {
            Ok(done) => {
                self.drain_output();
                self.cancels.remove(&done.key);
                self.to_clean.push(done.scratch);
                self.settle(done.key, done.attempt, done.came).await
            }
            // A hand that panicked left its outcome unknown; the log says so after a restart.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn drain_output(&mut self) {
        while let Ok((step, bytes)) = self.output.1.try_recv() {
            self.observer.output(&step, &bytes);
        }
    }

    async fn take_sample(&mut self, sampled: crate::watch::Sampled, now: Moment) -> Result<(), EngineError> {
        let changes = self.watcher.judge(&self.log.state, sampled, now);
        for change in changes {
            let evidence = match change.evidence {
                Some(bytes) => Some(self.driver.store.put_blob(bytes).await?),
                None => None,
            };
            let at = self.driver.clock.now();
            self.log.push_outcome(
                at,
                Event::RuleChanged {
                    rule: change.key.0,
                    environment: change.key.1,
                    verdict: change.verdict,
                    value: change.value,
                    detail: change.detail,
                    evidence,
                },
            )?;
        }
        Ok(())
    }

    async fn finish(&mut self, key: Key, attempt: u32, mut report: Report) -> Result<(), EngineError> {
        let looks = key.1 == Purpose::Verify;
        if report.verdict == tminus_steps::Verdict::Unknown && !looks {
            return self.is_unknown(key, attempt, report.detail);
        }
        let output = std::mem::take(&mut report.output);
        let blob = if output.is_empty() { None } else { Some(self.driver.store.put_blob(output).await?) };
        let step = self.log.state.program.plan.steps[key.0].id.clone();
        let says_nothing = looks && job::says_nothing(&report);
        let mut result = job::finished(report, blob);
        if says_nothing {
            result.verdict = tminus_release::event::Verdict::NoAnswer;
        }
        let now = self.driver.clock.now();
        self.log.push_outcome(now, Event::StepFinished { step, purpose: key.1, attempt, result })
    }

    async fn act(
        &mut self,
        index: usize,
        purpose: Purpose,
        attempt: u32,
        now: Moment,
    ) -> Result<Began, EngineError> {
        let key = (index, purpose);
        let job =
            job::build(&self.log.state, &self.release, &self.driver.places, index, purpose, attempt, now);
        let Some(job) = job else {
            let report = Report::failed("there is no action behind this step; a person has to do it");
            return self.finish(key, attempt, report).await.map(|()| Began::Ended);
        };
        let (cancel, cancelled) = signal::channel(false);
        self.cancels.insert(key, cancel);
        let hands = Arc::clone(&self.driver.hands);
        let (progress, mut chunks) = mpsc::channel::<Vec<u8>>(64);
        let sender = self.output.0.clone();
        let step = StepId(job.step.clone());
        self.running.spawn(async move {
            let scratch = job.scratch.clone();
            let mut work = hands.perform(job, cancelled, progress);
            let report = loop {
                tokio::select! {
                    report = &mut work => break report,
                    Some(bytes) = chunks.recv() => { let _ = sender.try_send((step.clone(), bytes)); }
                }
            };
            while let Ok(bytes) = chunks.try_recv() {
                let _ = sender.try_send((step.clone(), bytes));
            }
            Done { key, attempt, scratch, came: Recovered::Finished(report) }
        });
        Ok(Began::Works)
    }

    fn cancel(&mut self, key: Key) {
        if let Some(cancel) = self.cancels.get(&key) {
            let _ = cancel.send(true);
        }
    }

    async fn flush(&mut self) -> Result<Flushed, EngineError> {
        let observer = &mut *self.observer;
        let flushed = self.log.flush(&mut |state, recorded| observer.event(state, recorded)).await?;
        for scratch in self.to_clean.drain(..) {
            self.driver.hands.forget(&scratch);
        }
        Ok(flushed)
    }

    async fn catch_up(&mut self) -> Result<(), EngineError> {
        self.flush().await?;
        let observer = &mut *self.observer;
        self.log.catch_up(&mut |state, recorded| observer.event(state, recorded)).await.map(drop)
    }

    /// Lets the operator of this process answer what waits. Returns whether something was said.
    async fn ask_operator(&mut self) -> Result<bool, EngineError> {
        let Some(operator) = self.operator.as_mut() else { return Ok(false) };
        let Some((person, events)) = operator.answer(&self.log.state) else { return Ok(false) };
        let now = self.driver.clock.now();
        for event in events {
            self.log.push(now, person.clone(), event)?;
        }
        self.flush().await?;
        Ok(true)
    }

    /// Writes the summary that lists show, with the last moment at which rules were watched.
    async fn summarise(&mut self) -> Result<(), EngineError> {
        let now = self.driver.clock.now();
        let text = crate::open::summary(&self.log.state, now);
        Ok(self.driver.store.summarise(&self.release, text).await?)
    }
}
