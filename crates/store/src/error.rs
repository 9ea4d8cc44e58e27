//! Everything that can go wrong in the cellar, said so that a tired person can act on it.

use std::path::PathBuf;

use tminus_release::ReleaseId;

/// Why the store refused or failed. Reads after "cannot …:".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote first; the caller must read on and decide again.
    #[error("the log of {release} has {actual} entries, not {expected}: somebody else wrote meanwhile")]
    Conflict {
        /// Which release.
        release: ReleaseId,
        /// The length that the writer had seen.
        expected: u64,
        /// The length that the log has.
        actual: u64,
    },
    /// An entry with this key exists already.
    #[error("the log of {release} already has an entry `{key}`, and there may be only one")]
    AlreadyThere {
        /// Which release.
        release: ReleaseId,
        /// The key that is taken.
        key: String,
    },
    /// The writer's lease is not the current one.
    #[error("the lease of {release} was lost: another process drives it now, and this one must stop")]
    LeaseLost {
        /// Which release.
        release: ReleaseId,
    },
    /// Another live holder drives the release.
    #[error(
        "{release} is driven by {by}; look at it with `tminus status {release}`, or end that process first"
    )]
    Held {
        /// Which release.
        release: ReleaseId,
        /// Who, such as `process 4711 on web-1 since 2026-11-20T21:00:00.000Z`.
        by: String,
    },
    /// Entries were handed over with a gap or in the wrong order.
    #[error("entries of {release} are out of order: position {position} was to hold entry {sequence}")]
    OutOfOrder {
        /// Which release.
        release: ReleaseId,
        /// Where the entry would have gone.
        position: u64,
        /// What the entry says of itself.
        sequence: u64,
    },
    /// The file was written by a newer version.
    #[error(
        "{path} was written by a newer tminus (schema {found}, this one knows {known}); \
         upgrade tminus, or use --state with another folder"
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// The schema it has.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
    /// The file belongs to another program.
    #[error(
        "{path} is an SQLite file, but not one of tminus; use --state with another folder, or move that file away"
    )]
    NotOurs {
        /// The database file.
        path: PathBuf,
    },
    /// The database file is not what was written.
    #[error(
        "{path} is damaged ({detail}); nothing was changed. Copy the whole folder first, then restore it from a \
         backup, or save what can be read with `sqlite3 {path} .recover`"
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite or we found.
        detail: String,
    },
    /// File locks cannot be trusted where the folder is.
    #[error(
        "{path} is on a network file system ({kind}), where file locks cannot be trusted; \
         use --state with a folder on a local disk"
    )]
    NetworkFileSystem {
        /// The folder.
        path: PathBuf,
        /// Its kind, such as `NFS`.
        kind: &'static str,
    },
    /// No space is left.
    #[error("the disk of {path} is full; nothing was written. Free some space and run the command again")]
    Full {
        /// The file or folder.
        path: PathBuf,
    },
    /// Writing is not permitted.
    #[error(
        "{path} cannot be written ({detail}); make the folder writable for this user, or use --state with another"
    )]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// Another process kept the database locked for too long.
    #[error("{path} is kept locked by another process; find it with `fuser {path}`, then try again")]
    Busy {
        /// The database file.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error("{path}: {detail}; nothing was written. Check the disk, then run the command again")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// A database operation failed in a way that has no name above.
    #[error("{path}: {detail}")]
    Database {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// A blob is not what was kept under its hash.
    #[error("the kept file {path} was changed since it was written; restore it from a backup")]
    BlobChanged {
        /// The blob's file.
        path: PathBuf,
        /// The hash it should have.
        hash: String,
    },
    /// What was given is not a SHA-256 in hex.
    #[error("`{hash}` does not name a kept file: 64 hexadecimal digits are needed")]
    NotAHash {
        /// What was given.
        hash: String,
    },
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Names a failed file operation by what a person can do about it.
    pub(crate) fn from_io(path: &std::path::Path, error: &std::io::Error) -> StoreError {
        use std::io::ErrorKind;
        let path = path.to_owned();
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                StoreError::Full { path }
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                StoreError::ReadOnly { path, detail: error.to_string() }
            }
            _ => StoreError::Io { path, detail: error.to_string() },
        }
    }
}
