//! Which process holds a lease, and whether it is still alive.
//!
//! A process that drives releases has one file in `locks/`, on which it holds a lock of the
//! operating system until it ends, in whatever way. A lease names that file. When the file is not
//! locked any more, its process is gone and the lease is free at once: no expiry to wait for after
//! a kill -9, and no clock to trust.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use tminus_release::time::Moment;

use crate::blobs::{Folder, random};

/// The locks of one store.
pub(super) struct Holders {
    folder: PathBuf,
    own: Option<Own>,
}

/// The lock of this process. The lock lasts as long as the file is open.
struct Own {
    name: String,
    path: PathBuf,
    _locked: File,
}

impl Holders {
    pub(super) fn new(folder: PathBuf) -> Holders {
        Holders { folder, own: None }
    }

    /// Returns the name of this process's lock, which is taken when it is first needed: a command
    /// that only looks leaves no trace.
    pub(super) fn own(&mut self, blobs: &Folder) -> io::Result<&str> {
        if self.own.is_none() {
            fs::create_dir_all(&self.folder)?;
            let own = Own::lock(&self.folder)?;
            self.sweep();
            if let Ok(started) = fs::metadata(&own.path).and_then(|found| found.modified()) {
                blobs.sweep(started);
            }
            self.own = Some(own);
        }
        Ok(self.own.as_ref().map_or("", |own| own.name.as_str()))
    }

    /// Tells whether a holder is this process.
    pub(super) fn is_own(&self, name: &str) -> bool {
        self.own.as_ref().is_some_and(|own| own.name == name)
    }

    /// Describes a holder that is alive; `None` when it is gone.
    pub(super) fn alive(&self, name: &str) -> io::Result<Option<String>> {
        alive(&self.folder, name)
    }

    /// Removes the files of processes that are gone. Names are never used twice, so a lease that
    /// still names one stays free.
    fn sweep(&self) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        for file in files.flatten() {
            let is_lock = file.path().extension().is_some_and(|extension| extension == "lock");
            if is_lock
                && File::open(file.path()).and_then(|file| is_locked(&file)).is_ok_and(|locked| !locked)
            {
                let _ = fs::remove_file(file.path());
            }
        }
    }
}

impl Own {
    /// Makes and locks a file. It gets its final name when it is locked: a file with that name
    /// which is not locked always belongs to a process that is gone.
    fn lock(folder: &Path) -> io::Result<Own> {
        let name = format!("{}-{:016x}.lock", std::process::id(), random());
        let path = folder.join(&name);
        let early = folder.join(format!("{name}.new"));
        let mut file = File::options().write(true).create_new(true).open(&early)?;
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        write!(file, "process {} on {host}", std::process::id())?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        fs::rename(&early, &path)?;
        Ok(Own { name, path, _locked: file })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Describes a holder that is alive; `None` when it is gone.
pub(super) fn alive(folder: &Path, name: &str) -> io::Result<Option<String>> {
    match File::open(folder.join(name)) {
        Ok(file) if is_locked(&file)? => Ok(Some(describe(file))),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tells whether another open file has the lock. A shared lock is asked for, so that two processes
/// that look at once do not take each other for the holder.
fn is_locked(file: &File) -> io::Result<bool> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Reads who a lock file belongs to. Its time of writing is when that process first took a lease.
fn describe(mut file: File) -> String {
    let mut text = String::new();
    if file.read_to_string(&mut text).is_err() || text.is_empty() {
        return "another process".to_owned();
    }
    let modified = file.metadata().and_then(|found| found.modified());
    let since = modified.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    match since.and_then(|since| i64::try_from(since.as_millis()).ok()) {
        Some(milliseconds) => format!("{text} since {}", Moment(milliseconds).rfc3339()),
        None => text,
    }
}
