//! Many releases in one process: each is taken up when there is something to do, and let go of
//! while it waits, so that ten thousand waiting releases cost a list of ids and times.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use tminus_release::time::{Moment, Span};
use tminus_release::{ReleaseId, State};
use tminus_store::{Cursor, StoreError};
use tokio::sync::watch as signal;
use tokio::task::JoinSet;

use crate::EngineError;
use crate::drive::{Blind, Left, Reins, Stop, WhenIdle};
use crate::open::{Card, Engine};

/// Releases driven at the same time. Those that wait are not among them; those that are watched are,
/// because their rules are measured all the while.
const DRIVEN_AT_ONCE: usize = 4096;

/// Releases begun at the same time: each holds its plan and state until it is known how it stands,
/// and thousands come at once when a machine starts again.
const BEGUN_AT_ONCE: usize = 128;

/// How often other processes' writes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How the releases stand when the host leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ended while the host ran.
    pub ended: usize,
    /// Not ended.
    pub open: usize,
}

/// Drives every release that has not ended, and those that are created meanwhile, until told to
/// stop. `seen` is told each time a release comes to rest.
///
/// # Errors
/// When the store fails.
pub async fn run(
    engine: &Engine,
    work: &Path,
    mut stop: signal::Receiver<Stop>,
    seen: &mut dyn FnMut(&ReleaseId, &State),
) -> Result<Counts, EngineError> {
    let mut host = Host::default();
    for summary in engine.store.releases().await? {
        let over = serde_json::from_str::<Card>(&summary.text).is_ok_and(|card| card.outcome.is_some());
        if over {
            host.ended.insert(summary.release)
        } else {
            host.ready.insert(summary.release)
        };
    }
    (host.cursor, _) = engine.store.changes(host.cursor).await?;
    loop {
        let stopping = *stop.borrow_and_update() != Stop::No;
        if stopping && host.tasks.is_empty() {
            host.counts.open = host.waiting.len() + host.ready.len();
            return Ok(host.counts);
        }
        let now = engine.clock.now();
        if !stopping {
            host.start_due(engine, work, now, &stop);
        }
        let next = host.due.first().map_or(now.plus(Span::minutes(1)), |(at, _)| *at);
        tokio::select! {
            Some(done) = host.tasks.join_next(), if !host.tasks.is_empty() => {
                host.begun = host.begun.saturating_sub(1);
                let (release, left) = match done {
                    Ok(done) => done,
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                };
                if host.rest(&release, left, now)? {
                    seen(&release, &engine.state(&release).await?);
                }
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                // None came to rest meanwhile: what was begun is at work and will stay for long.
                host.begun = 0;
                let (cursor, changed) = engine.store.changes(host.cursor).await?;
                host.cursor = cursor;
                host.wake(changed);
            }
            () = engine.clock.sleep_until(next) => {}
            _ = stop.changed() => {}
        }
    }
}

/// What the host knows of the releases: only who waits until when.
#[derive(Default)]
struct Host {
    cursor: Cursor,
    ready: BTreeSet<ReleaseId>,
    waiting: BTreeMap<ReleaseId, Option<Moment>>,
    due: BTreeSet<(Moment, ReleaseId)>,
    driven: BTreeMap<ReleaseId, signal::Sender<u64>>,
    tasks: JoinSet<(ReleaseId, Result<Left, EngineError>)>,
    ended: BTreeSet<ReleaseId>,
    /// How many of the tasks were begun and neither came to rest nor showed that they stay.
    begun: usize,
    counts: Counts,
}

impl Host {
    fn start_due(&mut self, engine: &Engine, work: &Path, now: Moment, stop: &signal::Receiver<Stop>) {
        while let Some((_, release)) = self.due.first().filter(|(at, _)| *at <= now).cloned() {
            self.due.pop_first();
            self.waiting.remove(&release);
            self.ready.insert(release);
        }
        while self.tasks.len() < DRIVEN_AT_ONCE && self.begun < BEGUN_AT_ONCE {
            let Some(release) = self.ready.pop_first() else { break };
            self.begun += 1;
            let (mut reins, waker, _) = Reins::new();
            reins.stop = stop.clone();
            self.driven.insert(release.clone(), waker);
            let driver = engine.driver(work, WhenIdle::Leave);
            self.tasks.spawn(async move {
                let left = driver.drive(&release, &mut reins, &mut Blind, None).await;
                (release, left)
            });
        }
    }

    /// Notes how a release came to rest. Returns whether there is something to tell.
    fn rest(
        &mut self,
        release: &ReleaseId,
        left: Result<Left, EngineError>,
        now: Moment,
    ) -> Result<bool, EngineError> {
        self.driven.remove(release);
        match left {
            Ok(Left::Finished(_)) => {
                self.counts.ended += 1;
                self.ended.insert(release.clone());
            }
            Ok(Left::Idle(at)) => self.wait(release, at),
            Ok(Left::Stopped) => self.wait(release, None),
            // Another process drives it: look again in a while, it may go away.
            Err(EngineError::Store(StoreError::Held { .. })) => {
                self.wait(release, Some(now.plus(Span::seconds(5))));
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn wait(&mut self, release: &ReleaseId, at: Option<Moment>) {
        self.waiting.insert(release.clone(), at);
        self.due.extend(at.map(|at| (at, release.clone())));
    }

    fn wake(&mut self, changed: Vec<ReleaseId>) {
        for release in changed {
            if let Some(waker) = self.driven.get(&release) {
                waker.send_modify(|count| *count += 1);
            } else if !self.ended.contains(&release) {
                if let Some(Some(at)) = self.waiting.remove(&release) {
                    self.due.remove(&(at, release.clone()));
                }
                self.ready.insert(release);
            }
        }
    }
}
