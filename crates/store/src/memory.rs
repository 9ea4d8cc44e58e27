//! A store in memory: for rehearsals, simulation and tests. It keeps everything that the trait
//! promises except durability beyond the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tminus_release::ReleaseId;
use tminus_release::audit::Entry;
use tminus_release::environment::is_log;

use crate::blobs::content_hash;
use crate::lease::{Lease, Returns};
use crate::{Answer, Cursor, Store, StoreError, Summary, Writer, check_order};

/// Logs, leases and blobs in memory. Clones share them, like processes share a file.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    logs: BTreeMap<ReleaseId, Log>,
    /// The release of each entry in order of arrival: what a cursor counts.
    arrivals: Vec<ReleaseId>,
    /// Number of logs so far, so that lists can be newest first.
    created: u64,
    blobs: BTreeMap<String, Vec<u8>>,
}

#[derive(Default)]
struct Log {
    created: u64,
    entries: Vec<Entry>,
    once: BTreeSet<String>,
    summary: String,
    token: u64,
    held: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn log(&mut self, release: &ReleaseId) -> &mut Log {
        let created = &mut self.created;
        self.logs.entry(release.clone()).or_insert_with(|| {
            *created += 1;
            Log { created: *created, ..Log::default() }
        })
    }

    fn append(
        &mut self,
        release: &ReleaseId,
        token: Option<u64>,
        expected: u64,
        entries: Vec<Entry>,
    ) -> Result<(), StoreError> {
        check_order(release, expected, &entries)?;
        let log = self.log(release);
        if token.is_some_and(|token| !log.held || log.token != token) {
            return Err(StoreError::LeaseLost { release: release.clone() });
        }
        let actual = log.entries.len() as u64;
        if actual != expected {
            return Err(StoreError::Conflict { release: release.clone(), expected, actual });
        }
        let mut keys = BTreeSet::new();
        for key in entries.iter().filter_map(|entry| entry.once.as_ref()) {
            if log.once.contains(key) || !keys.insert(key.clone()) {
                return Err(StoreError::AlreadyThere { release: release.clone(), key: key.clone() });
            }
        }
        log.once.extend(keys);
        let count = entries.len();
        log.entries.extend(entries);
        self.arrivals.extend(std::iter::repeat_n(release.clone(), count));
        Ok(())
    }
}

impl Returns for Shared {
    fn give_back(&self, release: &ReleaseId, token: u64) {
        let mut inner = self.lock();
        let log = inner.log(release);
        if log.token == token {
            log.held = false;
        }
    }
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// Takes the lease of a release away from its holder, as another process may do that found
    /// the holder dead: for tests of what a holder does that was only slow.
    pub fn usurp(&self, release: &ReleaseId) {
        let mut inner = self.shared.lock();
        let log = inner.log(release);
        log.token += 1;
        log.held = true;
    }
}

impl Store for MemoryStore {
    fn append<'a>(
        &'a self,
        release: &'a ReleaseId,
        writer: Writer<'a>,
        expected: u64,
        entries: Vec<Entry>,
    ) -> Answer<'a, ()> {
        let token = match writer {
            Writer::Person => None,
            Writer::Lease(lease) => Some(lease.token()),
        };
        Box::pin(async move { self.shared.lock().append(release, token, expected, entries) })
    }

    fn read<'a>(&'a self, release: &'a ReleaseId, from: u64) -> Answer<'a, Vec<Entry>> {
        Box::pin(async move {
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            let inner = self.shared.lock();
            let entries = inner.logs.get(release).and_then(|log| log.entries.get(from..));
            Ok(entries.map(<[Entry]>::to_vec).unwrap_or_default())
        })
    }

    fn releases<'a>(&'a self) -> Answer<'a, Vec<Summary>> {
        Box::pin(async move {
            let inner = self.shared.lock();
            let mut logs: Vec<_> =
                inner.logs.iter().filter(|(name, log)| !log.entries.is_empty() && !is_log(name)).collect();
            logs.sort_by_key(|(_, log)| std::cmp::Reverse(log.created));
            let summary = |(release, log): (&ReleaseId, &Log)| Summary {
                release: release.clone(),
                length: log.entries.len() as u64,
                text: log.summary.clone(),
            };
            Ok(logs.into_iter().map(summary).collect())
        })
    }

    fn summarise<'a>(&'a self, release: &'a ReleaseId, text: String) -> Answer<'a, ()> {
        Box::pin(async move {
            self.shared.lock().log(release).summary = text;
            Ok(())
        })
    }

    fn changes<'a>(&'a self, since: Cursor) -> Answer<'a, (Cursor, Vec<ReleaseId>)> {
        Box::pin(async move {
            let inner = self.shared.lock();
            let from = usize::try_from(since.0).unwrap_or(usize::MAX).min(inner.arrivals.len());
            let changed: BTreeSet<&ReleaseId> =
                inner.arrivals[from..].iter().filter(|name| !is_log(name)).collect();
            Ok((Cursor(inner.arrivals.len() as u64), changed.into_iter().cloned().collect()))
        })
    }

    fn acquire<'a>(&'a self, release: &'a ReleaseId) -> Answer<'a, Lease> {
        Box::pin(async move {
            let mut inner = self.shared.lock();
            let log = inner.log(release);
            if log.held {
                return Err(StoreError::Held { release: release.clone(), by: "this process".to_owned() });
            }
            log.held = true;
            log.token += 1;
            let shared: Arc<Shared> = Arc::clone(&self.shared);
            Ok(Lease::new(release.clone(), log.token, shared))
        })
    }

    fn holder<'a>(&'a self, release: &'a ReleaseId) -> Answer<'a, Option<String>> {
        Box::pin(async move {
            let held = self.shared.lock().log(release).held;
            Ok(held.then(|| "this process".to_owned()))
        })
    }

    fn put_blob<'a>(&'a self, bytes: Vec<u8>) -> Answer<'a, String> {
        Box::pin(async move {
            let hash = content_hash(&bytes);
            self.shared.lock().blobs.entry(hash.clone()).or_insert(bytes);
            Ok(hash)
        })
    }

    fn get_blob<'a>(&'a self, hash: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move { Ok(self.shared.lock().blobs.get(hash).cloned()) })
    }
}
