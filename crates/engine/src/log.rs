//! A release's log as one process sees it: the folded state and what is not yet on disk.
//!
//! Events are applied to the state when they are pushed and become durable together in `flush`.
//! Nothing acts between a push and its flush. When another process wrote meanwhile, the state is
//! read anew and only *outcomes* are pushed again: what was decided on the old state is decided
//! again on the new one.

use std::sync::Arc;

use tminus_release::audit::Entry;
use tminus_release::event::{self, Actor, Event, Recorded};
use tminus_release::time::Moment;
use tminus_release::{ReleaseId, State};
use tminus_store::{Lease, Store, StoreError, Writer};

use crate::EngineError;

/// The log of one release, held by the process that drives it.
pub(crate) struct Log {
    store: Arc<dyn Store>,
    release: ReleaseId,
    lease: Lease,
    pub(crate) state: State,
    pending: Vec<Entry>,
    outcomes: Vec<(Moment, Event)>,
    fresh: Vec<Recorded>,
}

/// What came of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Everything is on disk.
    Durable,
    /// Another process wrote; the state is new, and decisions must be made again.
    Changed,
}

impl Log {
    /// Takes the lease of a release and reads its log, or what of it is behind a `known` state: to
    /// read a long plan once more takes as long as a dozen steps.
    pub(crate) async fn take(
        store: Arc<dyn Store>,
        release: ReleaseId,
        known: Option<State>,
    ) -> Result<Log, EngineError> {
        let lease = store.acquire(&release).await?;
        let entries = store.read(&release, known.as_ref().map_or(0, |state| state.length)).await?;
        let state = match known {
            Some(mut state) => state.take_all(&entries).map(|()| state)?,
            None => State::fold(&entries)?,
        };
        Ok(Log { store, release, lease, state, pending: Vec::new(), outcomes: Vec::new(), fresh: Vec::new() })
    }

    /// Adds a decision: it is dropped when the log turns out to have changed.
    pub(crate) fn push(&mut self, at: Moment, by: Actor, event: Event) -> Result<(), EngineError> {
        let (entry, recorded) = event::seal(self.state.length, &self.state.head, at, by, event);
        self.state.take(&recorded, &entry.hash)?;
        self.pending.push(entry);
        self.fresh.push(recorded);
        Ok(())
    }

    /// Adds an observation: it is kept whatever else happened.
    pub(crate) fn push_outcome(&mut self, at: Moment, event: Event) -> Result<(), EngineError> {
        self.outcomes.push((at, event.clone()));
        self.push(at, Actor::Engine, event)
    }

    /// Makes everything pushed durable. Events that became durable are handed to `seen`.
    pub(crate) async fn flush(
        &mut self,
        seen: &mut (dyn FnMut(&State, &Recorded) + Send),
    ) -> Result<Flushed, EngineError> {
        let mut changed = false;
        while !self.pending.is_empty() {
            let expected = self.pending[0].sequence;
            let entries = std::mem::take(&mut self.pending);
            match self.store.append(&self.release, Writer::Lease(&self.lease), expected, entries).await {
                Ok(()) => {
                    self.outcomes.clear();
                    for recorded in self.fresh.drain(..) {
                        seen(&self.state, &recorded);
                    }
                }
                Err(StoreError::Conflict { .. }) => {
                    changed = true;
                    self.reload(expected, seen).await?;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Ok(if changed { Flushed::Changed } else { Flushed::Durable })
    }

    /// Reads what others wrote from `known` on and pushes our observations after it.
    async fn reload(
        &mut self,
        known: u64,
        seen: &mut (dyn FnMut(&State, &Recorded) + Send),
    ) -> Result<(), EngineError> {
        let entries = self.store.read(&self.release, 0).await?;
        self.state = State::fold(&entries)?;
        self.fresh.clear();
        for entry in entries.iter().filter(|entry| entry.sequence >= known) {
            seen(&self.state, &event::open(entry).map_err(tminus_release::state::FoldError::Read)?);
        }
        for (at, event) in std::mem::take(&mut self.outcomes) {
            self.push_outcome(at, event)?;
        }
        Ok(())
    }

    /// Takes in what others wrote. Returns whether there was anything.
    pub(crate) async fn catch_up(
        &mut self,
        seen: &mut (dyn FnMut(&State, &Recorded) + Send),
    ) -> Result<bool, EngineError> {
        debug_assert!(self.pending.is_empty(), "pushed events are flushed before reading on");
        let entries = self.store.read(&self.release, self.state.length).await?;
        for entry in &entries {
            let recorded = event::open(entry).map_err(tminus_release::state::FoldError::Read)?;
            self.state.take(&recorded, &entry.hash)?;
            seen(&self.state, &recorded);
        }
        Ok(!entries.is_empty())
    }
}
