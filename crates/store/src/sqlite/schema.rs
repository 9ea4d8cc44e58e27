//! The tables, how they come to be, and what is asserted of a database before it is used.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior};
use rustix::fs::FlockOperation;

use crate::StoreError;

/// The schema that this version writes, and the newest that it reads.
const VERSION: i64 = 1;

/// "tmin": what `file` shows, and how we know our own.
const APPLICATION: i64 = 0x746D_696E;

/// Another process's transaction takes milliseconds; after this long something is wrong.
const BUSY: Duration = Duration::from_secs(10);

/// The smallest page that SQLite has; all others are multiples of it. Ours are larger, but the
/// file may be another program's, which is to be told apart from a cut one.
const PAGE_BYTES: u64 = 512;

/// Pages in the write-ahead log after which SQLite copies them into the file and writes the log from its
/// beginning again. With SQLite's own 1000, most releases only ever let the log grow, and a commit that
/// makes a file longer has the file system commit as well.
const CHECKPOINT_PAGES: i64 = 150;

/// What must hold is in the schema itself, so that no mistake of ours or of a person with an
/// SQLite shell can put two entries in one place or change one. Row numbers grow in the order of
/// commits, because only one transaction writes at a time: they serve as cursors.
const TABLES: &str = "
CREATE TABLE schema (version INTEGER NOT NULL) STRICT;
CREATE TABLE release (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    lease_token INTEGER NOT NULL DEFAULT 0,
    lease_holder TEXT
) STRICT;
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    release INTEGER NOT NULL REFERENCES release (id),
    sequence INTEGER NOT NULL,
    once TEXT,
    hash TEXT NOT NULL,
    line TEXT NOT NULL,
    UNIQUE (release, sequence)
) STRICT;
CREATE UNIQUE INDEX entry_once ON entry (release, once) WHERE once IS NOT NULL;
CREATE TRIGGER entry_is_final BEFORE UPDATE ON entry BEGIN SELECT raise(ABORT, 'the log only grows'); END;
CREATE TRIGGER entry_stays BEFORE DELETE ON entry BEGIN SELECT raise(ABORT, 'the log only grows'); END;
-- A cache of what lists show. It can be emptied at any time.
CREATE TABLE summary (release INTEGER PRIMARY KEY REFERENCES release (id), text TEXT NOT NULL) STRICT;
";

/// Opens the connection for writing, and creates the tables in a new file.
pub(super) fn open(folder: &Path, file: &Path) -> Result<Connection, StoreError> {
    refuse_cut(folder, file)?;
    let failed = |error: &rusqlite::Error| named(file, error);
    let mut connection = Connection::open(file).map_err(|error| failed(&error))?;
    connection.busy_timeout(BUSY).map_err(|error| failed(&error))?;
    if !is_present(file, &connection)? {
        create(folder, file, &mut connection)?;
    }
    if connection.is_readonly("main").map_err(|error| failed(&error))? {
        return Err(StoreError::ReadOnly {
            path: file.to_owned(),
            detail: "it opens only for reading".to_owned(),
        });
    }
    be_durable(file, &connection)?;
    // A partial index makes SQLite look at the values of parameters, and plan every statement anew
    // when they change: a tenth of what a commit costs, for the same plan each time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(|error| failed(&error))?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(|error| failed(&error))?;
    Ok(connection)
}

/// Opens the connection for reading. The tables are there.
pub(super) fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    // Not opened read-only: a reader of a WAL file must be able to write the shared index.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(file, flags).and_then(|connection| {
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    });
    opened.map_err(|error| named(file, &error))
}

/// Refuses what SQLite itself would take without a word: an empty file, which it takes for a new
/// database though blobs or a write-ahead log beside it say that there was an old one; and a last
/// page that was cut, which it fills with zeros.
fn refuse_cut(folder: &Path, file: &Path) -> Result<(), StoreError> {
    let length = fs::metadata(file).map_or(0, |found| found.len());
    let wal = fs::metadata(folder.join(format!("{}-wal", super::FILE))).map_or(0, |found| found.len());
    let damaged =
        |detail: &str| Err(StoreError::Damaged { path: file.to_owned(), detail: detail.to_owned() });
    if length == 0 && file.exists() && (wal > 0 || folder.join("blobs").exists()) {
        return damaged("the file is empty");
    }
    // While pages wait in the log, a crash may have left the last one here half-copied.
    if !length.is_multiple_of(PAGE_BYTES) && wal == 0 {
        return damaged("the end of the file is missing");
    }
    Ok(())
}

/// Tells whether the tables are there, and refuses a database that is not ours to use.
fn is_present(file: &Path, connection: &Connection) -> Result<bool, StoreError> {
    let failed = |error: rusqlite::Error| named(file, &error);
    let number = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0));
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(failed)?;
    if tables == 0 {
        return Ok(false);
    }
    if number("PRAGMA application_id").map_err(failed)? != APPLICATION {
        return Err(StoreError::NotOurs { path: file.to_owned() });
    }
    let found = connection.query_row("SELECT max(version) FROM schema", (), |row| row.get(0)).optional();
    let found: Option<i64> = found.map_err(failed)?.flatten();
    match found {
        None => {
            Err(StoreError::Damaged { path: file.to_owned(), detail: "it has no schema version".to_owned() })
        }
        Some(found) if found > VERSION => {
            Err(StoreError::NewerSchema { path: file.to_owned(), found, known: VERSION })
        }
        Some(_) => Ok(true),
    }
}

/// Creates the tables, once: processes that start together wait for each other here, because
/// SQLite does not make them wait while it changes to write-ahead logging.
fn create(folder: &Path, file: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| named(file, &error);
    let turn = folder.join(".creating");
    let lock = File::create(&turn).map_err(|error| StoreError::from_io(&turn, &error))?;
    rustix::fs::flock(&lock, FlockOperation::LockExclusive)
        .map_err(|error| StoreError::from_io(&turn, &error.into()))?;
    if is_present(file, connection)? {
        return Ok(());
    }
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        let detail = format!("write-ahead logging is not possible there (it answered `{mode}`)");
        return Err(StoreError::Database { path: file.to_owned(), detail });
    }
    let mut tables = || -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.execute("INSERT INTO schema VALUES (?1)", [VERSION])?;
        transaction.commit()
    };
    tables().map_err(failed)
}

/// Makes commits durable, and reads back that they are: a compile-time option or a pragma that was
/// spelled wrong would otherwise only show after a power cut.
fn be_durable(file: &Path, connection: &Connection) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| named(file, &error);
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    let level: i64 = connection.query_row("PRAGMA synchronous", (), |row| row.get(0)).map_err(failed)?;
    let mode: String = connection.query_row("PRAGMA journal_mode", (), |row| row.get(0)).map_err(failed)?;
    if level < 2 || mode != "wal" {
        let detail =
            format!("its commits would not be durable (synchronous = {level}, journal_mode = {mode})");
        return Err(StoreError::Database { path: file.to_owned(), detail });
    }
    Ok(())
}

/// Names a database error by what a person can do about it.
pub(super) fn named(file: &Path, error: &rusqlite::Error) -> StoreError {
    let path = file.to_owned();
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            StoreError::ReadOnly { path, detail }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged { path, detail },
        // Where the shared index of the log finds no room, SQLite speaks of the disk's failure.
        Some(ErrorCode::SystemIoFailure) if is_full(file) => StoreError::Full { path },
        Some(ErrorCode::SystemIoFailure) => StoreError::Io { path, detail },
        _ => StoreError::Database { path, detail },
    }
}

/// Tells whether the disk has less room than the smallest piece that SQLite asks for at once.
fn is_full(file: &Path) -> bool {
    const PIECE_BYTES: u64 = 64 * 1024;
    let folder = file.parent().unwrap_or(Path::new("."));
    rustix::fs::statvfs(folder).is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) < PIECE_BYTES)
}
