//! The one thread that writes, and the link to it.
//!
//! Everything that waits is put into one transaction, so that a hundred releases share one
//! synchronisation of the disk. A process that drives one release has nobody to share with: it
//! writes where it stands, because waking a thread and being woken by it costs as much as the
//! commit's own work. Each request is checked before it writes, so a refused one leaves
//! nothing behind that could spoil the others; when the transaction itself fails, all of its
//! requests are told so, and none was written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};
use tminus_release::ReleaseId;
use tminus_release::audit::Entry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::holder::Holders;
use super::{number_of, schema};
use crate::blobs::Folder;
use crate::lease::{Dropped, Lease, Returns};
use crate::{StoreError, Summary};

/// Requests that may wait. More than fit into a few transactions would only use memory; whoever
/// comes later waits outside.
const QUEUE: usize = 4096;

/// Requests in one transaction: beyond this the share of each in one synchronisation is nothing.
const GROUP: usize = 1024;

/// How long a summary may wait for a transaction that is written anyway.
const SUMMARY_DELAY: Duration = Duration::from_millis(250);

/// What the thread is asked to do.
pub(super) enum Request {
    /// Appends entries.
    Append { release: ReleaseId, token: Option<u64>, expected: u64, entries: Vec<Entry> },
    /// Takes a lease.
    Acquire { release: ReleaseId },
}

/// What it answers when it did.
pub(super) enum Granted {
    /// The entries are on the disk.
    Written,
    /// The lease.
    Lease(Lease),
}

/// A request with the way back. The permit keeps its place in the queue counted.
struct Waiting {
    request: Request,
    reply: oneshot::Sender<Result<Granted, StoreError>>,
    _permit: Option<OwnedSemaphorePermit>,
}

enum Message {
    Ask(Waiting),
    /// Something that nobody waits for: a dropped lease or a summary.
    Look,
    /// The store is closed: what waits is still written. Said aloud, because leases that outlive
    /// the store keep the channel open.
    Close,
}

/// What both sides see without a message.
struct Shared {
    summaries: Mutex<BTreeMap<ReleaseId, String>>,
    dropped: Dropped,
    sender: Sender<Message>,
    /// Leases of this process that nobody has given back.
    leases: AtomicUsize,
    /// Gone when the store is closed: leases may outlive it.
    writing: Mutex<Option<Writing>>,
}

impl Shared {
    /// Writes a request here and now when that keeps nobody waiting but who asks.
    fn write_alone(self: &Arc<Shared>, request: Request) -> Result<Result<Granted, StoreError>, Request> {
        if self.leases.load(Ordering::Relaxed) > 1 {
            return Err(request);
        }
        let Ok(mut writing) = self.writing.try_lock() else { return Err(request) };
        let Some(writing) = writing.as_mut() else { return Err(request) };
        let (reply, mut answer) = oneshot::channel();
        writing.settle(self, vec![Waiting { request, reply, _permit: None }], true);
        Ok(answer.try_recv().unwrap_or(Err(StoreError::Closed)))
    }

    fn summaries(&self) -> MutexGuard<'_, BTreeMap<ReleaseId, String>> {
        self.summaries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Returns for Shared {
    fn give_back(&self, release: &ReleaseId, token: u64) {
        self.leases.fetch_sub(1, Ordering::Relaxed);
        self.dropped.add(release, token);
        // When the thread is gone, so is the lock that the lease was worth something by.
        let _ = self.sender.send(Message::Look);
    }
}

/// The way to the thread. Dropping it ends the thread, after everything that waits is written.
pub(super) struct Link {
    permits: Arc<Semaphore>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Link {
    pub(super) fn start(
        locks: &Path,
        file: &Path,
        connection: Connection,
        blobs: Folder,
    ) -> Result<Link, StoreError> {
        let (sender, receiver) = channel();
        let holders = Holders::new(locks.to_owned());
        let shared = Arc::new(Shared {
            summaries: Mutex::default(),
            dropped: Dropped::default(),
            sender,
            leases: AtomicUsize::new(0),
            writing: Mutex::new(Some(Writing { file: file.to_owned(), connection, blobs, holders })),
        });
        let thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("tminus-store".to_owned())
            .spawn(move || run(&thread, &receiver))
            .map_err(|error| StoreError::from_io(file, &error))?;
        Ok(Link { permits: Arc::new(Semaphore::new(QUEUE)), shared, thread: Some(thread) })
    }

    /// Hands a request to the thread and waits until its transaction is on the disk.
    pub(super) async fn ask(&self, request: Request) -> Result<Granted, StoreError> {
        let request = match self.shared.write_alone(request) {
            Ok(answer) => return answer,
            Err(request) => request,
        };
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { request, reply, _permit: Some(permit) };
        self.shared.sender.send(Message::Ask(waiting)).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Keeps a summary until it can be written along with something else.
    pub(super) fn summarise(&self, release: &ReleaseId, text: String) -> Result<(), StoreError> {
        let mut summaries = self.shared.summaries();
        let first = summaries.is_empty();
        summaries.insert(release.clone(), text);
        drop(summaries);
        if first {
            self.shared.sender.send(Message::Look).map_err(|_| StoreError::Closed)?;
        }
        Ok(())
    }

    /// Replaces summaries by those that are not written yet.
    pub(super) fn overlay(&self, summaries: &mut [Summary]) {
        let waiting = self.shared.summaries();
        for summary in summaries {
            if let Some(text) = waiting.get(&summary.release) {
                summary.text.clone_from(text);
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = self.shared.sender.send(Message::Close);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been seen by everyone who waited for an answer.
            let _ = thread.join();
        }
    }
}

/// What it takes to write.
struct Writing {
    file: PathBuf,
    connection: Connection,
    blobs: Folder,
    holders: Holders,
}

/// What a request was granted before the commit.
enum Pending {
    Written,
    Leased(u64),
}

/// The life of the thread.
fn run(shared: &Arc<Shared>, receiver: &Receiver<Message>) {
    let mut open = true;
    while open {
        let patience = if shared.summaries().is_empty() { None } else { Some(SUMMARY_DELAY) };
        let (first, waited) = match patience {
            None => (receiver.recv().ok(), false),
            Some(patience) => match receiver.recv_timeout(patience) {
                Err(RecvTimeoutError::Timeout) => (None, true),
                received => (received.ok(), false),
            },
        };
        let mut group = Vec::new();
        for message in first.into_iter().chain(receiver.try_iter().take(GROUP - 1)) {
            match message {
                Message::Ask(waiting) => group.push(waiting),
                Message::Look => {}
                Message::Close => open = false,
            }
        }
        // Summaries alone are worth a transaction only when they waited, or never will again.
        let with_summaries = !group.is_empty() || waited || !open;
        let mut writing = shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writing) = writing.as_mut() {
            writing.settle(shared, group, with_summaries);
        }
        if !open {
            *writing = None;
        }
    }
}

impl Writing {
    /// Writes a group in one transaction and answers each of its requests.
    fn settle(&mut self, shared: &Arc<Shared>, group: Vec<Waiting>, with_summaries: bool) {
        let dropped = shared.dropped.take();
        let summaries =
            if with_summaries { std::mem::take(&mut *shared.summaries()) } else { BTreeMap::new() };
        if group.is_empty() && dropped.is_empty() && summaries.is_empty() {
            return;
        }
        match self.transaction(&group, &dropped, &summaries) {
            Ok(results) => {
                for (waiting, result) in group.into_iter().zip(results) {
                    answer(shared, waiting, result);
                }
            }
            Err(error) => {
                for (release, token) in dropped {
                    shared.dropped.add(&release, token);
                }
                for waiting in group {
                    let _ = waiting.reply.send(Err(error.clone()));
                }
            }
        }
    }

    fn transaction(
        &mut self,
        group: &[Waiting],
        dropped: &[(ReleaseId, u64)],
        summaries: &BTreeMap<ReleaseId, String>,
    ) -> Result<Vec<Result<Pending, StoreError>>, StoreError> {
        let Writing { file, connection, blobs, holders } = self;
        let failed = |error: rusqlite::Error| schema::named(file, &error);
        let transaction = Open::begin(connection).map_err(failed)?;
        give_back(&transaction, dropped).map_err(failed)?;
        let mut results = Vec::with_capacity(group.len());
        for waiting in group {
            let done = match &waiting.request {
                Request::Append { release, token, expected, entries } => {
                    append(&transaction, release, *token, *expected, entries).map(|()| Pending::Written)
                }
                Request::Acquire { release } => {
                    acquire(&transaction, release, holders, blobs).map(Pending::Leased)
                }
            };
            match done {
                Ok(pending) => results.push(Ok(pending)),
                Err(Problem::Refused(error)) => results.push(Err(error)),
                Err(Problem::Sqlite(error)) => return Err(failed(error)),
                Err(Problem::Io(error)) => return Err(StoreError::from_io(file, &error)),
            }
        }
        summarise(&transaction, summaries).map_err(failed)?;
        // Dropped without this, the transaction is rolled back: nothing half-written stays.
        transaction.commit().map_err(failed)?;
        Ok(results)
    }
}

/// A transaction. Its two statements are kept prepared, as all others are: two are parsed for each step
/// of each release otherwise.
struct Open<'a>(&'a Connection);

impl Open<'_> {
    fn begin(connection: &Connection) -> rusqlite::Result<Open<'_>> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        Ok(Open(connection))
    }

    /// Where this fails, dropping takes everything back.
    fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute(()).map(drop)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // Only a database that cannot be read any more refuses, and says so at the next use.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

impl std::ops::Deref for Open<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

/// Sends an answer. Nobody may be waiting for it any more: a lease then frees itself.
fn answer(shared: &Arc<Shared>, waiting: Waiting, result: Result<Pending, StoreError>) {
    let granted = result.map(|pending| match (pending, &waiting.request) {
        (Pending::Leased(token), Request::Acquire { release } | Request::Append { release, .. }) => {
            shared.leases.fetch_add(1, Ordering::Relaxed);
            let shared: Arc<Shared> = Arc::clone(shared);
            Granted::Lease(Lease::new(release.clone(), token, shared))
        }
        (Pending::Written, _) => Granted::Written,
    });
    let _ = waiting.reply.send(granted);
}

/// Why one request did not go through. Only a refusal leaves the transaction whole.
enum Problem {
    Refused(StoreError),
    Sqlite(rusqlite::Error),
    Io(std::io::Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Problem {
        Problem::Sqlite(error)
    }
}

/// Appends entries after checking everything that could refuse them: the write lock is held, so
/// what was checked still holds when the rows go in.
fn append(
    transaction: &Connection,
    release: &ReleaseId,
    token: Option<u64>,
    expected: u64,
    entries: &[Entry],
) -> Result<(), Problem> {
    // One statement and not three: this is done for each step of each release.
    let sql = "SELECT id, lease_token, lease_holder IS NOT NULL, \
               (SELECT max(sequence) + 1 FROM entry WHERE entry.release = release.id) \
               FROM release WHERE name = ?1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let found: Option<(i64, u64, bool, Option<u64>)> =
        transaction.prepare_cached(sql)?.query_row([release.as_str()], read).optional()?;
    let is_held_by = |token: u64| matches!(found, Some((_, current, true, _)) if current == token);
    if token.is_some_and(|token| !is_held_by(token)) {
        return Err(Problem::Refused(StoreError::LeaseLost { release: release.clone() }));
    }
    let number = found.map(|(number, ..)| number);
    let actual = found.and_then(|(.., next)| next).unwrap_or(0);
    if actual != expected {
        return Err(Problem::Refused(StoreError::Conflict { release: release.clone(), expected, actual }));
    }
    let keys: Vec<&String> = entries.iter().filter_map(|entry| entry.once.as_ref()).collect();
    for (position, key) in keys.iter().enumerate() {
        let mut taken = transaction.prepare_cached("SELECT 1 FROM entry WHERE release = ?1 AND once = ?2")?;
        if keys[..position].contains(key) || taken.exists((number, key))? {
            let refused = StoreError::AlreadyThere { release: release.clone(), key: (*key).clone() };
            return Err(Problem::Refused(refused));
        }
    }
    if entries.is_empty() {
        return Ok(());
    }
    let number = ensure(transaction, release, number)?;
    let sql = "INSERT INTO entry (release, sequence, once, hash, line) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut insert = transaction.prepare_cached(sql)?;
    for entry in entries {
        insert.execute((number, entry.sequence, &entry.once, &entry.hash, &entry.line))?;
    }
    Ok(())
}

/// Takes a lease unless its holder is alive. Returns the new fencing token.
fn acquire(
    transaction: &Connection,
    release: &ReleaseId,
    holders: &mut Holders,
    blobs: &Folder,
) -> Result<u64, Problem> {
    let number = number_of(transaction, release)?;
    let (token, holder) = lease_of(transaction, number)?.unwrap_or((0, None));
    let held_by = |by: String| Problem::Refused(StoreError::Held { release: release.clone(), by });
    if let Some(holder) = holder {
        if holders.is_own(&holder) {
            return Err(held_by("this process".to_owned()));
        }
        if let Some(by) = holders.alive(&holder).map_err(Problem::Io)? {
            return Err(held_by(by));
        }
    }
    let number = ensure(transaction, release, number)?;
    let own = holders.own(blobs).map_err(Problem::Io)?;
    transaction
        .prepare_cached("UPDATE release SET lease_token = ?2, lease_holder = ?3 WHERE id = ?1")?
        .execute((number, token + 1, own))?;
    Ok(token + 1)
}

/// Marks dropped leases as free, unless somebody has taken them since.
fn give_back(transaction: &Connection, dropped: &[(ReleaseId, u64)]) -> rusqlite::Result<()> {
    let sql = "UPDATE release SET lease_holder = NULL WHERE name = ?1 AND lease_token = ?2";
    for (release, token) in dropped {
        transaction.prepare_cached(sql)?.execute((release.as_str(), token))?;
    }
    Ok(())
}

fn summarise(transaction: &Connection, summaries: &BTreeMap<ReleaseId, String>) -> rusqlite::Result<()> {
    let sql = "INSERT INTO summary (release, text) SELECT id, ?2 FROM release WHERE name = ?1 \
               ON CONFLICT (release) DO UPDATE SET text = excluded.text";
    for (release, text) in summaries {
        transaction.prepare_cached(sql)?.execute((release.as_str(), text))?;
    }
    Ok(())
}

/// Reads the fencing token and the holder of a release's lease.
fn lease_of(
    transaction: &Connection,
    number: Option<i64>,
) -> rusqlite::Result<Option<(u64, Option<String>)>> {
    let sql = "SELECT lease_token, lease_holder FROM release WHERE id = ?1";
    transaction.prepare_cached(sql)?.query_row([number], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

fn ensure(transaction: &Connection, release: &ReleaseId, number: Option<i64>) -> rusqlite::Result<i64> {
    if let Some(number) = number {
        return Ok(number);
    }
    transaction.prepare_cached("INSERT INTO release (name) VALUES (?1)")?.execute([release.as_str()])?;
    Ok(transaction.last_insert_rowid())
}
