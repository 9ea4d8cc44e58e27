//! The only wiring: a folder becomes an engine with a store, hands and a clock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tminus_release::event::{self, Actor, Event, Outcome};
use tminus_release::people::Refusal;
use tminus_release::plan::{Action, Plan, Work};
use tminus_release::program::Program;
use tminus_release::standing::standing;
use tminus_release::time::Moment;
use tminus_release::{ReleaseId, State};
use tminus_steps::{Hands, World};
use tminus_store::sqlite::SqliteStore;
use tminus_store::{Cursor, Store, StoreError, Writer};
use tokio::sync::watch as signal;

use crate::EngineError;
use crate::clock::{Clock, SystemClock};
use crate::drive::{Driver, WhenIdle};
use crate::job::Places;

/// How often another process's writes are looked for, in milliseconds: well under the tenth of a
/// second after which people notice, and too seldom to warm a core.
const LOOK_EVERY_MS: u64 = 50;

/// How often a person's entry is tried again when others write at the same time.
const SAY_TRIES: usize = 50;

/// A store with hands and a clock.
#[derive(Clone)]
pub struct Engine {
    /// Where logs and blobs are.
    pub store: Arc<dyn Store>,
    /// What acts.
    pub hands: Arc<dyn Hands>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// Folder of the store, for scratch folders.
    pub folder: PathBuf,
}

/// What lists show of a release. A cache: it can be computed from the log at any time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// One word.
    pub status: String,
    /// The runbook's title.
    pub title: String,
    /// What is released.
    pub version: Option<String>,
    /// Where to, last environment.
    pub environment: Option<String>,
    /// When it was created.
    pub created_at: Moment,
    /// Last moment at which a process drove it.
    pub seen_at: Moment,
    /// Steps settled and in all.
    pub settled: usize,
    /// Steps in all.
    pub total: usize,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What it waits for, one line.
    pub waits_for: Option<String>,
}

/// Computes the card of a state.
pub fn card(state: &State, now: Moment) -> Card {
    let here = standing(state);
    let plan = &state.program.plan;
    Card {
        status: here.status.words().to_owned(),
        title: plan.title.clone(),
        version: plan.version.clone(),
        environment: plan.environments.last().map(|last| last.name.clone()),
        created_at: state.created_at,
        seen_at: now,
        settled: here.settled,
        total: here.total,
        outcome: state.outcome.as_ref().map(|(outcome, _)| *outcome),
        waits_for: here.waits.first().map(|wait| format!("{} ({})", wait.title, wait.who)),
    }
}

pub(crate) fn summary(state: &State, now: Moment) -> String {
    serde_json::to_string(&card(state, now)).expect("a card holds only plain values")
}

pub(crate) fn seen_at(text: &str) -> Option<Moment> {
    serde_json::from_str::<Card>(text).ok().map(|card| card.seen_at)
}

impl Engine {
    /// Opens the store in `folder`, which is made when it is missing, with real hands.
    /// `environment` is what steps inherit.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn open(folder: &Path, environment: BTreeMap<String, String>) -> Result<Engine, EngineError> {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder)?);
        let hands: Arc<dyn Hands> = Arc::new(World::new(environment, folder.join("scratch")));
        Ok(Engine { store, hands, clock: Arc::new(SystemClock), folder: folder.to_owned() })
    }

    /// Makes a driver whose steps start in `work`.
    pub fn driver(&self, work: &Path, idle: WhenIdle) -> Driver {
        Driver {
            store: Arc::clone(&self.store),
            hands: Arc::clone(&self.hands),
            clock: Arc::clone(&self.clock),
            places: Places { work: work.to_owned(), scratch: self.folder.join("scratch") },
            idle,
        }
    }

    /// Creates a release: its log holds the plan, and nothing has been done yet. Returns its state too,
    /// for whoever goes on with it.
    ///
    /// # Errors
    /// When the plan cannot be followed, or holds kinds of steps that cannot run yet.
    pub async fn create(
        &self,
        plan: Plan,
        document: Vec<u8>,
        starter: Actor,
    ) -> Result<(ReleaseId, State), EngineError> {
        refuse_unavailable(&plan)?;
        let program = Arc::new(Program::new(plan)?);
        self.store.put_blob(document).await?;
        let now = self.clock.now();
        let event = Event::ReleaseCreated {
            plan: Box::new(program.plan.clone()),
            plan_digest: program.digest().to_owned(),
            kernel: env!("CARGO_PKG_VERSION").to_owned(),
        };
        // The stamp sorts by time; the ending tells two releases of one second apart.
        for salt in 0_u32..100 {
            let genesis = tminus_release::audit::GENESIS;
            let (entry, _) = event::seal(0, genesis, now, starter.clone(), event.clone());
            let seed = format!("{}{salt}{:?}", entry.hash, self.clock.steady());
            let ending = &tminus_release::audit::line_hash(&seed)[..4];
            let release = ReleaseId(format!("{}-{ending}", now.stamp()));
            let state = State::of(Arc::clone(&program), starter.clone(), now, &entry.hash);
            match self.store.append(&release, Writer::Person, 0, vec![entry]).await {
                Err(StoreError::Conflict { .. } | StoreError::AlreadyThere { .. }) => continue,
                done => done?,
            }
            self.store.summarise(&release, summary(&state, now)).await?;
            return Ok((release, state));
        }
        Err(EngineError::NoRelease("a free id for a new release".to_owned()))
    }

    /// Reads a release's state. Takes no lock.
    ///
    /// # Errors
    /// When there is none, or its log cannot be read.
    pub async fn state(&self, release: &ReleaseId) -> Result<State, EngineError> {
        let entries = self.store.read(release, 0).await?;
        if entries.is_empty() {
            return Err(EngineError::NoRelease(release.0.clone()));
        }
        Ok(State::fold(&entries)?)
    }

    /// Records what a person says. `speak` sees the newest state; when another process wrote
    /// meanwhile, it is asked again with that.
    ///
    /// # Errors
    /// What `speak` refuses, and what the store refuses.
    pub async fn say(
        &self,
        release: &ReleaseId,
        by: &Actor,
        mut speak: impl FnMut(&State) -> Result<Vec<Event>, Refusal>,
    ) -> Result<State, EngineError> {
        let mut tries = 0;
        loop {
            let mut state = self.state(release).await?;
            let expected = state.length;
            let now = self.clock.now();
            let mut entries = Vec::new();
            for event in speak(&state)? {
                let (entry, recorded) = event::seal(state.length, &state.head, now, by.clone(), event);
                state.take(&recorded, &entry.hash)?;
                entries.push(entry);
            }
            match self.store.append(release, Writer::Person, expected, entries).await {
                Err(StoreError::Conflict { .. }) if tries < SAY_TRIES => tries += 1,
                done => return Ok(done.map(|()| state)?),
            }
        }
    }

    /// Finds the release that `text` names: its id, a beginning or ending of exactly one id, or
    /// the newest one when `text` is `last`.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn find(&self, text: &str) -> Result<ReleaseId, EngineError> {
        let releases = self.store.releases().await?;
        if text == "last" {
            // The list is newest first; ids of one second are not in order.
            let newest = releases.into_iter().map(|summary| summary.release).next();
            return newest.ok_or_else(|| EngineError::NoRelease("last".to_owned()));
        }
        let mut found: Vec<ReleaseId> = Vec::new();
        for summary in releases {
            let id = &summary.release.0;
            if id == text {
                return Ok(summary.release);
            }
            if !text.is_empty() && (id.starts_with(text) || id.ends_with(text)) {
                found.push(summary.release);
            }
        }
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(EngineError::NoRelease(text.to_owned())),
            _ => Err(EngineError::ManyReleases {
                text: text.to_owned(),
                found: found.into_iter().map(|release| release.0).collect(),
            }),
        }
    }

    /// Wakes `waker` when another process writes to `release`, until the future is dropped.
    pub async fn listen(&self, release: ReleaseId, waker: signal::Sender<u64>) {
        let mut cursor = Cursor::default();
        let mut count = 0;
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(LOOK_EVERY_MS)).await;
            // A look that fails is repeated: the driver meets the same trouble when it writes.
            if let Ok((next, changed)) = self.store.changes(cursor).await {
                cursor = next;
                if changed.contains(&release) {
                    count += 1;
                    let _ = waker.send(count);
                }
            }
        }
    }
}

/// Names every step of a kind that this version cannot run.
fn refuse_unavailable(plan: &Plan) -> Result<(), EngineError> {
    let name = |step: &tminus_release::Step| match &step.work {
        Work::Act(Action::Unavailable(unavailable)) => {
            Some(format!("`{}` (line {}, {})", step.id, step.line, unavailable.kind))
        }
        _ => None,
    };
    let found: Vec<String> = plan.steps.iter().filter_map(name).collect();
    if found.is_empty() { Ok(()) } else { Err(EngineError::NotAvailable(found)) }
}
