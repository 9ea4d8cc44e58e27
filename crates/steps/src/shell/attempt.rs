//! The files of an attempt: what is on the disk before, while and after it runs, and what a
//! recovery can conclude from it.
//!
//! A *slot* is a file that one attempt after another writes into: making and removing a file for
//! each would cost a tenth of starting a shell. An attempt claims its slot by a line with its name;
//! a bash step adds its record when it ends. Only the process that acts writes claims, and it does so before anything can happen: what began nothing has no claim, and a
//! recovery, which comes when that process is gone, has only to read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::invocation::is_name;

/// More than this in the file of outputs is no set of outputs.
const OUTPUTS_LIMIT_BYTES: u64 = 1 << 20;

/// Slots kept open to be used again, of all releases together.
const SPARES: usize = 16;

/// A slot that holds more is not used again, so that a recovery never has much to read.
const SLOT_LIMIT_BYTES: u64 = 1 << 18;

/// Begins the claim of an attempt; its name and a zero byte follow.
const CLAIM: &[u8] = b"\0attempt\0";

/// Begins what a bash step writes at its end.
const RECORD: &[u8] = b"tminus-1\0";

/// Ends it. No part of a record can hold a zero byte.
const END: &[u8] = b"\0end\0";

/// The folders of releases, as far as this process has used them.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// This start of the machine; `None` where the system does not tell. What is not on the disk
    /// proves nothing once the machine was restarted: it may have been in memory only.
    boot: Option<String>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Folders that name this start, durably, each with the number of its next slot.
    releases: BTreeMap<PathBuf, u32>,
    /// Slots whose attempt has ended, by its stem, until its outcome is on the disk.
    ended: BTreeMap<PathBuf, Slot>,
    /// Slots to be used again.
    spares: Vec<Slot>,
}

/// A file for one attempt at a time.
#[derive(Debug)]
struct Slot {
    file: File,
    path: PathBuf,
    /// How much of it is of attempts before.
    size: u64,
    /// How long the claim is that stands behind that.
    claim: u64,
    /// True when the record behind that holds variables, which nobody needs for long.
    variables: bool,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        Scratch { boot: boot.map(|id| id.trim().to_owned()), kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a slot to the attempt whose files begin with a path.
    pub(crate) fn take(&self, stem: &Path) -> io::Result<Attempt> {
        let release = release_of(stem)?;
        let mut kept = self.kept();
        let spare = kept.spares.iter().position(|slot| slot.path.parent() == Some(release));
        let slot = match spare {
            Some(at) => kept.spares.swap_remove(at),
            None => self.make_slot(&mut kept, release)?,
        };
        Ok(Attempt { stem: stem.to_owned(), slot })
    }

    /// Makes the release's folder and notes this start in it, before anything of the release acts;
    /// once for each release, so its synchronisation of the disk costs nothing for each step. Then
    /// makes a file that no process ever used.
    fn make_slot(&self, kept: &mut Kept, release: &Path) -> io::Result<Slot> {
        if !kept.releases.contains_key(release) {
            private_folder(release)?;
            self.note_start(release)?;
            for folder in release.ancestors().take(3) {
                File::open(folder)?.sync_all()?;
            }
        }
        let next = kept.releases.entry(release.to_owned()).or_default();
        loop {
            let path = release.join(format!("{next}.slot"));
            *next += 1;
            match OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok(Slot { file, path, size: 0, claim: 0, variables: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Notes this start, which is there as a whole or not at all: a process that dies here must not leave
    /// behind what looks like another start of the machine.
    fn note_start(&self, release: &Path) -> io::Result<()> {
        let (note, new) = (release.join("boot"), release.join("boot.new"));
        let start = self.boot.as_deref().unwrap_or("unknown");
        if fs::read_to_string(&note).is_ok_and(|noted| noted == start) {
            return File::open(&note)?.sync_all();
        }
        let mut file = File::create(&new)?;
        file.write_all(start.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, note)
    }

    /// Keeps the slot of an attempt that has ended, until its outcome is on the disk.
    pub(crate) fn keep(&self, attempt: Attempt) {
        self.kept().ended.insert(attempt.stem, attempt.slot);
    }

    /// Lets go of an attempt whose outcome is on the disk. Failing to clean loses nothing: the rest
    /// goes with the release's folder.
    pub(crate) fn forget(&self, stem: &Path) {
        let _ = fs::remove_file(outputs_path(stem));
        let mut kept = self.kept();
        let Some(mut slot) = kept.ended.remove(stem) else { return };
        let whole = if slot.variables { slot.cut() } else { slot.advance() };
        if !whole.is_ok_and(|whole| whole) || slot.size > SLOT_LIMIT_BYTES {
            let _ = fs::remove_file(&slot.path);
            return;
        }
        if kept.spares.len() == SPARES {
            kept.spares.remove(0);
        }
        kept.spares.push(slot);
    }

    /// Removes the folder of a release that has ended.
    pub(crate) fn leave(&self, release: &Path) {
        let mut kept = self.kept();
        kept.releases.remove(release);
        kept.spares.retain(|slot| slot.path.parent() != Some(release));
        let _ = fs::remove_dir_all(release);
    }

    /// Looks at what is there of an attempt whose process is gone.
    pub(crate) fn trace(&self, stem: &Path) -> io::Result<Trace> {
        let release = release_of(stem)?;
        let name = name_of(stem);
        let proof = self.absence_is_proof(release);
        let nothing = if proof { Trace::NotStarted } else { Trace::Lost };
        let entries = match fs::read_dir(release) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(nothing),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|end| end != "slot") {
                continue;
            }
            if let Some(record) = find_claim(&fs::read(&path)?, name) {
                return Ok(Trace::Began { slot: path, record });
            }
        }
        Ok(nothing)
    }

    /// Tells whether a file that is not there was never written. No note at all means that
    /// nothing of the release ever acted.
    fn absence_is_proof(&self, release: &Path) -> bool {
        match fs::read_to_string(release.join("boot")) {
            Ok(noted) => self.boot.as_ref().is_some_and(|boot| *boot == noted),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

impl Slot {
    /// Reads what the attempt wrote, claim and all.
    fn read(&self) -> io::Result<Vec<u8>> {
        // Most is in the first piece, and one that is not full is the last.
        let mut bytes = vec![0; 1 << 10];
        let mut filled = 0;
        loop {
            let read = self.file.read_at(&mut bytes[filled..], self.size + filled as u64)?;
            filled += read;
            if filled < bytes.len() {
                bytes.truncate(filled);
                return Ok(bytes);
            }
            bytes.resize(bytes.len() * 4, 0);
        }
    }

    /// Takes the attempt out of the file.
    fn cut(&mut self) -> io::Result<bool> {
        self.file.set_len(self.size)?;
        (self.claim, self.variables) = (0, false);
        Ok(true)
    }

    /// Moves behind the attempt. Tells whether what it wrote can be told from what comes next: a
    /// record that was cut off cannot.
    fn advance(&mut self) -> io::Result<bool> {
        let size = self.file.metadata()?.len();
        let claimed = self.size + self.claim;
        let mut tail = [0; END.len()];
        let whole = size == claimed
            || size > claimed + END.len() as u64
                && self.file.read_at(&mut tail, size - END.len() as u64)? == END.len()
                && tail == END;
        (self.size, self.claim) = (size, 0);
        Ok(whole)
    }
}

/// Makes a folder that only its user can look into: snapshots may hold what should not be seen.
fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn release_of(stem: &Path) -> io::Result<&Path> {
    stem.parent().ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn name_of(stem: &Path) -> &[u8] {
    stem.file_name().map_or(b"", |name| name.as_bytes())
}

/// An attempt that is about to act.
#[derive(Debug)]
pub(crate) struct Attempt {
    stem: PathBuf,
    slot: Slot,
}

/// What the scratch folder says about an attempt whose supervisor is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    /// It never began, and cannot any more.
    NotStarted,
    /// Nothing is there, and that proves nothing.
    Lost,
    /// It began, or was about to.
    Began { slot: PathBuf, record: Option<Record> },
}

/// What a bash step wrote down when it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The exit status.
    pub(crate) status: i32,
    /// Where it ended.
    pub(crate) folder: PathBuf,
    /// Exit status, line and text of the last command that failed unexpectedly.
    pub(crate) failed: Option<(i32, u32, String)>,
    /// The output of `declare -px`; empty when nothing can have changed.
    pub(crate) variables: Vec<u8>,
}

impl Attempt {
    /// The file that tells the attempt's story.
    pub(crate) fn slot_path(&self) -> &Path {
        &self.slot.path
    }

    /// Claims the slot, after which the attempt counts as begun: to be done before it is started.
    pub(crate) fn claim(&mut self) -> io::Result<()> {
        let line = [CLAIM, name_of(&self.stem), b"\0"].concat();
        self.slot.claim = line.len() as u64;
        self.slot.file.write_all(&line)
    }

    /// Reads the record of a bash step that has ended, or ended without one.
    pub(crate) fn record(&mut self) -> Option<Record> {
        let record = find_claim(&self.slot.read().ok()?, name_of(&self.stem))??;
        self.slot.variables = !record.variables.is_empty();
        Some(record)
    }
}

/// The file that `$RUN_OUT` names. Steps make it; most do not.
pub(crate) fn outputs_path(stem: &Path) -> PathBuf {
    let mut name = OsString::from(stem);
    name.push(".out");
    PathBuf::from(name)
}

/// Reads the `key=value` lines that a step wrote, and a sentence about those that are none.
pub(crate) fn outputs(stem: &Path) -> (BTreeMap<String, String>, Option<String>) {
    let mut outputs = BTreeMap::new();
    let path = outputs_path(stem);
    let Ok(file) = File::open(&path) else { return (outputs, None) };
    let mut bytes = Vec::new();
    let read = file.take(OUTPUTS_LIMIT_BYTES + 1).read_to_end(&mut bytes);
    if read.is_err() || bytes.len() as u64 > OUTPUTS_LIMIT_BYTES {
        return (outputs, Some("the file of $RUN_OUT is larger than 1 MiB and was not read".to_owned()));
    }
    let mut bad = None;
    for (number, line) in (1..).zip(String::from_utf8_lossy(&bytes).lines()) {
        match line.split_once('=') {
            Some((key, value)) if is_name(key) => {
                outputs.insert(key.to_owned(), value.to_owned());
            }
            _ if line.trim().is_empty() => {}
            _ => bad = bad.or(Some(format!("line {number} of $RUN_OUT is not of the form key=value"))),
        }
    }
    (outputs, bad)
}

/// Reads a slot from its beginning: claims, each with the record that follows it. That is the only
/// way not to take for a claim what a user's variable holds. Nothing when there is no such claim.
fn find_claim(mut bytes: &[u8], name: &[u8]) -> Option<Option<Record>> {
    while let Some(rest) = bytes.strip_prefix(CLAIM) {
        let (claimed, rest) = until_zero(rest)?;
        let mut found = None;
        bytes = rest;
        if let Some(record) = rest.strip_prefix(RECORD) {
            let length = record.windows(END.len()).position(|bytes| bytes == END);
            let (record, rest) = record.split_at(length.unwrap_or(record.len()));
            // What was cut off is no record; nothing follows it.
            found = if length.is_some() { parse_record(record) } else { None };
            bytes = rest.strip_prefix(END).unwrap_or_default();
        }
        if claimed == name {
            return Some(found);
        }
    }
    None
}

fn until_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn parse_record(bytes: &[u8]) -> Option<Record> {
    let mut parts = bytes.splitn(4, |byte| *byte == 0);
    let status = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let folder = PathBuf::from(OsString::from_vec(parts.next()?.to_vec()));
    let note = String::from_utf8_lossy(parts.next()?).into_owned();
    // The lean record ends here.
    let variables = parts.next().unwrap_or_default().to_vec();
    let mut words = note.splitn(3, ' ');
    let mut failed =
        || Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.to_owned()));
    Some(Record { status, folder, failed: failed(), variables })
}

#[cfg(test)]
mod tests {
    use tminus_testkit::TemporaryFolder;

    use super::*;

    fn at(boot: &str) -> Scratch {
        Scratch { boot: Some(boot.to_owned()), kept: Mutex::default() }
    }

    fn write(attempt: &Attempt, bytes: &[u8]) {
        (&attempt.slot.file).write_all(bytes).unwrap();
    }

    #[test]
    fn a_record_counts_only_when_it_is_whole() {
        let whole =
            b"\0attempt\0deploy\0tminus-1\x001\x00/tmp/a b\x001 7 psql -c x\x00declare -x A=\"1\"\n\0end\0";
        let found = |bytes: &[u8]| find_claim(bytes, b"deploy").flatten();
        let record = Record {
            status: 1,
            folder: PathBuf::from("/tmp/a b"),
            failed: Some((1, 7, "psql -c x".to_owned())),
            variables: b"declare -x A=\"1\"\n".to_vec(),
        };
        assert_eq!(found(whole), Some(record));
        for length in 0..whole.len() {
            assert_eq!(found(&whole[..length]), None, "cut at {length}");
        }
        let lean = found(b"\0attempt\0deploy\0tminus-1\x000\x00/\x00\0end\0").unwrap();
        assert_eq!((lean.failed, lean.variables), (None, Vec::new()));
    }

    #[test]
    fn absence_proves_something_only_within_one_start_of_the_machine() {
        let folder = TemporaryFolder::new();
        let [early, begun, other] = ["early", "begun", "other"].map(|name| folder.join("release").join(name));
        let scratch = at("one");
        assert_eq!(scratch.trace(&early).unwrap(), Trace::NotStarted, "nothing of the release ever acted");
        let mut attempt = scratch.take(&begun).unwrap();
        assert_eq!(scratch.trace(&begun).unwrap(), Trace::NotStarted, "a slot alone is no claim");
        attempt.claim().unwrap();
        let slot = attempt.slot_path().to_owned();
        let traced = Trace::Began { slot, record: None };
        assert_eq!(at("one").trace(&begun).unwrap(), traced);
        assert_eq!(at("two").trace(&begun).unwrap(), traced, "what is there was written");
        assert_eq!(at("one").trace(&other).unwrap(), Trace::NotStarted);
        assert_eq!(at("two").trace(&other).unwrap(), Trace::Lost);
    }

    #[test]
    fn a_slot_is_used_again_and_each_attempt_finds_its_own_story() {
        let folder = TemporaryFolder::new();
        let scratch = Scratch::new();
        let [first, second, third] = ["a", "b", "c"].map(|name| folder.join("release").join(name));
        let mut attempt = scratch.take(&first).unwrap();
        let slot = attempt.slot_path().to_owned();
        attempt.claim().unwrap();
        // What a step says may look like a claim.
        write(&attempt, b"tminus-1\x007\x00/a\x007 1 attempt c 9\0end\0");
        assert_eq!(attempt.record().unwrap().status, 7);
        scratch.keep(attempt);
        assert_ne!(scratch.take(&second).unwrap().slot_path(), slot, "its outcome is not on the disk");
        scratch.forget(&first);
        let mut attempt = scratch.take(&second).unwrap();
        assert_eq!(attempt.slot_path(), slot);
        attempt.claim().unwrap();
        assert_eq!(attempt.record(), None, "the one before was another's");
        scratch.keep(attempt);
        scratch.forget(&second);
        let mut attempt = scratch.take(&third).unwrap();
        assert_eq!(attempt.slot_path(), slot, "what wrote nothing leaves a slot as good as before");
        attempt.claim().unwrap();
        write(&attempt, b"tminus-1\x000\x00/c\x00\0end\0");
        assert_eq!(attempt.record().unwrap().folder, Path::new("/c"));
        let Trace::Began { record: Some(found), .. } = scratch.trace(&first).unwrap() else {
            panic!("the first is still to be read")
        };
        assert_eq!(found.folder, Path::new("/a"));
        scratch.leave(&folder.join("release"));
        assert!(!folder.join("release").exists());
    }

    #[test]
    fn variables_do_not_stay_on_the_disk() {
        let folder = TemporaryFolder::new();
        let (scratch, stem) = (Scratch::new(), folder.join("release/a"));
        let mut attempt = scratch.take(&stem).unwrap();
        let slot = attempt.slot_path().to_owned();
        attempt.claim().unwrap();
        write(&attempt, b"tminus-1\x000\x00/a\x00\x00declare -x A=\"1\"\n\0end\0");
        assert_eq!(attempt.record().unwrap().variables, b"declare -x A=\"1\"\n");
        scratch.keep(attempt);
        scratch.forget(&stem);
        assert_eq!(fs::read(&slot).unwrap(), b"");
        assert_eq!(scratch.take(&stem).unwrap().slot_path(), slot);
    }

    #[test]
    fn a_slot_is_not_used_again_behind_what_was_cut_off_or_when_it_has_grown() {
        let folder = TemporaryFolder::new();
        let scratch = Scratch::new();
        for (number, bytes) in [b"tminus-1\x000\x00/".to_vec(), vec![b'x'; 1 << 19]].iter().enumerate() {
            let stem = folder.join("release").join(format!("{number}"));
            let mut attempt = scratch.take(&stem).unwrap();
            attempt.claim().unwrap();
            write(&attempt, bytes);
            assert_eq!(attempt.record(), None);
            let slot = attempt.slot_path().to_owned();
            scratch.keep(attempt);
            scratch.forget(&stem);
            assert!(!slot.exists());
        }
    }
}
