//! A store in one SQLite file, for one machine: `tminus.db` in a folder, with the blobs beside it.
//!
//! All writes go through one thread that puts everything that waits into one transaction (group
//! commit); reads have a connection of their own and, in WAL mode, never wait for a write. Reads
//! are done where they are asked for instead of on another thread: they take microseconds, and a
//! change of threads would cost more than most of them.
//!
//! Several processes may have the file open. SQLite's own locks order their transactions; driving
//! a release is exclusive by [`holder`].

mod holder;
mod place;
mod schema;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _};
use tminus_release::ReleaseId;
use tminus_release::audit::Entry;
use tminus_release::environment::is_log;

use crate::blobs::Folder;
use crate::lease::Lease;
use crate::{Answer, Cursor, Store, StoreError, Summary, Writer, check_order};
use writer::{Granted, Link, Request};

/// The name of the database file in the store's folder.
pub const FILE: &str = "tminus.db";

/// A store in one SQLite file.
pub struct SqliteStore {
    file: PathBuf,
    reader: Mutex<Reader>,
    blobs: Folder,
    locks: PathBuf,
    link: Link,
}

/// The connection for reads, with what makes asking for changes cheap.
struct Reader {
    connection: Connection,
    /// SQLite's counter of commits by other connections, when `newest` was read. The writing
    /// thread has another connection, so the counter covers this process's writes too.
    version: Option<i64>,
    /// The row number of the newest entry at that time.
    newest: u64,
}

impl SqliteStore {
    /// Opens the store in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder is on a network file system or cannot be written, or when the file is
    /// damaged, of another program, or of a newer version.
    pub fn open(folder: &Path) -> Result<SqliteStore, StoreError> {
        let file = place::prepare(folder)?;
        let writing = schema::open(folder, &file)?;
        let reading = schema::open_reader(&file)?;
        let blobs = Folder::new(folder.join("blobs"));
        let locks = folder.join("locks");
        let link = Link::start(&locks, &file, writing, blobs.clone())?;
        let reader = Mutex::new(Reader { connection: reading, version: None, newest: 0 });
        Ok(SqliteStore { file, reader, blobs, locks, link })
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        schema::named(&self.file, error)
    }
}

impl Store for SqliteStore {
    fn append<'a>(
        &'a self,
        release: &'a ReleaseId,
        writer: Writer<'a>,
        expected: u64,
        entries: Vec<Entry>,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            check_order(release, expected, &entries)?;
            let token = match writer {
                Writer::Person => None,
                Writer::Lease(lease) => Some(lease.token()),
            };
            let release = release.clone();
            self.link.ask(Request::Append { release, token, expected, entries }).await.map(drop)
        })
    }

    fn read<'a>(&'a self, release: &'a ReleaseId, from: u64) -> Answer<'a, Vec<Entry>> {
        Box::pin(async move { self.reader().entries(release, from).map_err(|error| self.failed(&error)) })
    }

    fn releases<'a>(&'a self) -> Answer<'a, Vec<Summary>> {
        Box::pin(async move {
            let mut summaries = self.reader().summaries().map_err(|error| self.failed(&error))?;
            // Summaries are written late; this process should see its own at once.
            self.link.overlay(&mut summaries);
            summaries.retain(|summary| !is_log(&summary.release));
            Ok(summaries)
        })
    }

    fn summarise<'a>(&'a self, release: &'a ReleaseId, text: String) -> Answer<'a, ()> {
        Box::pin(async move { self.link.summarise(release, text) })
    }

    fn changes<'a>(&'a self, since: Cursor) -> Answer<'a, (Cursor, Vec<ReleaseId>)> {
        Box::pin(async move { self.reader().changes(since).map_err(|error| self.failed(&error)) })
    }

    fn acquire<'a>(&'a self, release: &'a ReleaseId) -> Answer<'a, Lease> {
        Box::pin(async move {
            match self.link.ask(Request::Acquire { release: release.clone() }).await? {
                Granted::Lease(lease) => Ok(lease),
                Granted::Written => unreachable!("the writer answers a request for a lease with a lease"),
            }
        })
    }

    fn holder<'a>(&'a self, release: &'a ReleaseId) -> Answer<'a, Option<String>> {
        Box::pin(async move {
            let named = self.reader().holder(release).map_err(|error| self.failed(&error))?;
            let Some(name) = named else { return Ok(None) };
            holder::alive(&self.locks, &name)
                .map_err(|error| StoreError::from_io(&self.locks.join(name), &error))
        })
    }

    fn put_blob<'a>(&'a self, bytes: Vec<u8>) -> Answer<'a, String> {
        let blobs = self.blobs.clone();
        Box::pin(off_the_loop(move || blobs.put(&bytes)))
    }

    fn get_blob<'a>(&'a self, hash: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        let (blobs, hash) = (self.blobs.clone(), hash.to_owned());
        Box::pin(off_the_loop(move || blobs.get(&hash)))
    }
}

/// Runs something that waits for the disk on a thread where waiting harms nobody.
async fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(StoreError::Closed),
    }
}

impl Reader {
    fn entries(&mut self, release: &ReleaseId, from: u64) -> rusqlite::Result<Vec<Entry>> {
        let sql = "SELECT sequence, once, hash, line FROM entry \
                   WHERE release = (SELECT id FROM release WHERE name = ?1) AND sequence >= ?2 ORDER BY sequence";
        let mut statement = self.connection.prepare_cached(sql)?;
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let rows = statement.query_map((release.as_str(), from), |row| {
            Ok(Entry { sequence: row.get(0)?, once: row.get(1)?, hash: row.get(2)?, line: row.get(3)? })
        })?;
        rows.collect()
    }

    fn summaries(&mut self) -> rusqlite::Result<Vec<Summary>> {
        let sql = "SELECT name, (SELECT max(sequence) + 1 FROM entry WHERE entry.release = release.id) AS length, \
                   coalesce(summary.text, '') FROM release LEFT JOIN summary ON summary.release = release.id \
                   WHERE length IS NOT NULL ORDER BY release.id DESC";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map((), |row| {
            Ok(Summary { release: ReleaseId(row.get(0)?), length: row.get(1)?, text: row.get(2)? })
        })?;
        rows.collect()
    }

    fn holder(&mut self, release: &ReleaseId) -> rusqlite::Result<Option<String>> {
        let mut statement =
            self.connection.prepare_cached("SELECT lease_holder FROM release WHERE name = ?1")?;
        Ok(statement.query_row([release.as_str()], |row| row.get(0)).optional()?.flatten())
    }

    fn changes(&mut self, since: Cursor) -> rusqlite::Result<(Cursor, Vec<ReleaseId>)> {
        // The counter must be read before the rows: a commit in between then shows next time.
        let version =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row((), |row| row.get(0))?;
        if self.version != Some(version) {
            let newest: Option<u64> = self
                .connection
                .prepare_cached("SELECT max(id) FROM entry")?
                .query_row((), |row| row.get(0))?;
            self.newest = newest.unwrap_or(0);
            self.version = Some(version);
        }
        if self.newest <= since.0 {
            return Ok((since, Vec::new()));
        }
        // From the beginning, asking for each release whether it has entries spares reading all.
        let sql = if since == Cursor::default() {
            "SELECT name FROM release WHERE EXISTS (SELECT 1 FROM entry WHERE entry.release = release.id) AND ?1 < ?2"
        } else {
            "SELECT name FROM release WHERE id IN (SELECT release FROM entry WHERE id > ?1 AND id <= ?2)"
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map((since.0, self.newest), |row| Ok(ReleaseId(row.get(0)?)))?;
        let mut changed: Vec<ReleaseId> = rows.collect::<rusqlite::Result<_>>()?;
        changed.retain(|name| !is_log(name));
        Ok((Cursor(self.newest), changed))
    }
}

/// Finds the number of a release in the database.
fn number_of(connection: &Connection, release: &ReleaseId) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM release WHERE name = ?1")?;
    statement.query_row([release.as_str()], |row| row.get(0)).optional()
}
