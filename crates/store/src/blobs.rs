//! Bytes by content hash, in a folder: `blobs/ab/cdef…`.
//!
//! A blob is written under another name, synchronised, and renamed; so under its own name it is
//! whole or not there at all, whatever happens in between. The folder can be copied by any tool,
//! and each file checked with `sha256sum`.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::StoreError;

/// Half-written files of crashed processes are removed once they are this much older than the
/// process that looks: nobody writes one blob for a day.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Computes the name of a blob: its SHA-256 in hex.
pub fn content_hash(bytes: &[u8]) -> String {
    tminus_release::plan::hex(&Sha256::digest(bytes))
}

/// A folder of blobs.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Names the folder; it is made with the first blob.
    pub fn new(root: PathBuf) -> Folder {
        Folder { root }
    }

    fn path(&self, hash: &str) -> Result<PathBuf, StoreError> {
        let is_hash = hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hash {
            return Err(StoreError::NotAHash { hash: hash.to_owned() });
        }
        Ok(self.root.join(&hash[..2]).join(&hash[2..]))
    }

    /// Keeps bytes, durably, and returns their hash. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk is full, read-only or failing. Then there is no blob, or the old one.
    pub fn put(&self, bytes: &[u8]) -> Result<String, StoreError> {
        let hash = content_hash(bytes);
        let path = self.path(&hash)?;
        let folder = path.parent().unwrap_or(&self.root);
        match fs::read(&path) {
            // Whoever wrote it may not have come to synchronise the folder, so that is done below.
            Ok(there) if there == bytes => {}
            // A blob that was changed is put right: its name says what it must hold.
            Ok(_) | Err(_) => {
                self.make(folder)?;
                write_renamed(folder, &path, bytes).map_err(|error| StoreError::from_io(&path, &error))?;
            }
        }
        sync_folder(folder).map_err(|error| StoreError::from_io(folder, &error))?;
        Ok(hash)
    }

    /// Makes the two levels of folders, so that they are still there after a power cut.
    fn make(&self, folder: &Path) -> Result<(), StoreError> {
        if folder.is_dir() {
            return Ok(());
        }
        let made = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            sync_folder(&self.root)?;
            self.root.parent().map_or(Ok(()), sync_folder)
        };
        made().map_err(|error| StoreError::from_io(folder, &error))
    }

    /// Fetches bytes and checks that they have the hash. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError::BlobChanged`] when they do not, or what the disk says.
    pub fn get(&self, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(hash)?;
        match fs::read(&path) {
            Ok(bytes) if content_hash(&bytes) == hash => Ok(Some(bytes)),
            Ok(_) => Err(StoreError::BlobChanged { path, hash: hash.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::from_io(&path, &error)),
        }
    }

    /// Removes half-written files that a crash left behind a day or more before `then`.
    pub(crate) fn sweep(&self, then: SystemTime) {
        let Ok(folders) = fs::read_dir(&self.root) else { return };
        for folder in folders.flatten() {
            let Ok(files) = fs::read_dir(folder.path()) else { continue };
            for file in files.flatten() {
                let old = || then.duration_since(file.metadata().ok()?.modified().ok()?).ok();
                let is_half = file.file_name().to_string_lossy().starts_with(HALF);
                if is_half && old().is_some_and(|age| age > ABANDONED_AFTER) {
                    // What cannot be removed now is found again next time.
                    let _ = fs::remove_file(file.path());
                }
            }
        }
    }
}

/// How the names of half-written files begin. A blob's name never does.
const HALF: &str = ".half-";

fn write_renamed(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let half = folder.join(format!("{HALF}{:016x}", random()));
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).open(&half)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&half, path)
    })();
    if written.is_err() {
        // On a full disk the half would keep the very space that is missing.
        let _ = fs::remove_file(&half);
    }
    written
}

pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Draws a number that no other process and no earlier call has: the standard library's hash
/// keys are random for each process and counted up for each use.
pub(crate) fn random() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hash_names_a_blob() {
        let folder = Folder::new(PathBuf::from("/nowhere"));
        for bad in ["", "../../etc/passwd", &"g".repeat(64), &"A".repeat(64), &"a".repeat(63)] {
            assert_eq!(folder.get(bad), Err(StoreError::NotAHash { hash: bad.to_owned() }));
        }
    }

    #[test]
    fn random_numbers_differ() {
        let drawn: std::collections::BTreeSet<u64> = (0..1000).map(|_| random()).collect();
        assert_eq!(drawn.len(), 1000);
    }
}
