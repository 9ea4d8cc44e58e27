//! The files of an attempt: what is on the disk before, while and after it runs, and what a
//! recovery can conclude from it.
//!
//! Whoever writes the first line of the attempt file has the attempt: the process that acts, with
//! its number, or a recovery that found nothing, with the words that it is given up. Both append
//! and then read that line, so they agree, whichever order they came in. Making a file that may not
//! exist would say the same; but making and removing one costs a tenth of starting a shell, and a
//! file that is appended to can be used again.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::invocation::is_name;

/// More than this in the file of outputs is no set of outputs.
const OUTPUTS_LIMIT_BYTES: u64 = 1 << 20;

/// Attempt files kept to be used again: as many as a release has attempts at once.
const SPARES: usize = 16;

/// What stands in a file before its first line. A file that is cut down to it keeps its place on
/// the disk; one that is emptied gives it back and must ask again, which costs another tenth.
const MARK: &[u8] = b"#";

/// The first line of a recovery that found nothing.
const GIVEN_UP: &[u8] = b"given up\n";

/// The first line of a step that is no bash here, written for it.
const BEGUN: &[u8] = b"begun\n";

/// The folders of releases, as far as this process has used them.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// This start of the machine; `None` where the system does not tell. What is not on the disk
    /// proves nothing once the machine was restarted: it may have been in memory only.
    boot: Option<String>,
    /// Folders that name this start, durably, each with its spare files.
    releases: Mutex<BTreeMap<PathBuf, BTreeSet<PathBuf>>>,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        Scratch { boot: boot.map(|id| id.trim().to_owned()), releases: Mutex::default() }
    }

    fn releases(&self) -> MutexGuard<'_, BTreeMap<PathBuf, BTreeSet<PathBuf>>> {
        self.releases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the release's folder and notes this start in it, before anything of the release acts.
    /// Once for each release, so its synchronisation of the disk costs nothing for each step.
    /// Returns a spare file, if there is one.
    fn enter(&self, release: &Path) -> io::Result<Option<PathBuf>> {
        if let Some(spares) = self.releases().get_mut(release) {
            return Ok(spares.pop_first());
        }
        private_folder(release)?;
        let mut file = File::create(release.join("boot"))?;
        file.write_all(self.boot.as_deref().unwrap_or("unknown").as_bytes())?;
        file.sync_all()?;
        for folder in release.ancestors().take(3) {
            File::open(folder)?.sync_all()?;
        }
        self.releases().entry(release.to_owned()).or_default();
        Ok(None)
    }

    /// Empties or removes the files of an attempt whose outcome is on the disk. Failing to clean
    /// loses nothing: the rest goes with the release's folder.
    pub(crate) fn forget(&self, attempt: &Attempt) {
        let _ = fs::remove_file(&attempt.outputs);
        let mut releases = self.releases();
        let spares = attempt.release().and_then(|release| releases.get_mut(release));
        let cut = |file: File| file.set_len(MARK.len() as u64);
        let emptied = || OpenOptions::new().write(true).open(&attempt.path).and_then(cut).is_ok();
        match spares.filter(|spares| spares.len() < SPARES) {
            Some(spares) if emptied() => drop(spares.insert(attempt.path.clone())),
            _ => drop(fs::remove_file(&attempt.path)),
        }
    }

    /// Removes the folder of a release that has ended.
    pub(crate) fn leave(&self, release: &Path) {
        self.releases().remove(release);
        let _ = fs::remove_dir_all(release);
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

/// Makes a folder that only its user can look into: snapshots may hold what should not be seen.
fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The files of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    path: PathBuf,
    outputs: PathBuf,
}

/// What the scratch folder says about an attempt whose supervisor is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    /// It never began, and from now on cannot.
    NotStarted,
    /// Nothing is there, and that proves nothing.
    Lost,
    /// It began. The process is that of a bash step.
    Began { process: Option<i32>, record: Option<Record> },
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
    /// The attempt whose files begin with a path.
    pub(crate) fn at(stem: &Path) -> Attempt {
        let with = |end: &str| {
            let mut name = OsString::from(stem);
            name.push(end);
            PathBuf::from(name)
        };
        Attempt { path: with(".attempt"), outputs: with(".out") }
    }

    /// The file that tells the attempt's story: the line of the one who has it, then, when a bash
    /// step ended by itself, its record.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file that `$RUN_OUT` names. Steps make it; most do not.
    pub(crate) fn outputs_path(&self) -> &Path {
        &self.outputs
    }

    fn release(&self) -> Option<&Path> {
        self.path.parent()
    }

    /// Makes the attempt file.
    pub(crate) fn prepare(&self, scratch: &Scratch) -> io::Result<()> {
        let Some(release) = self.release() else { return Err(io::ErrorKind::InvalidInput.into()) };
        if let Some(spare) = scratch.enter(release)? {
            if move_to_new(&spare, &self.path).is_ok() {
                return Ok(());
            }
            // The place is taken, or the file system cannot tell: then there is no use for it.
            let _ = fs::remove_file(spare);
        }
        self.open().map(drop)
    }

    /// Marks the attempt as begun, for what does not do so itself. Fails when somebody has it.
    pub(crate) fn begin(&self) -> io::Result<()> {
        if self.claim(BEGUN)? {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "it was begun or given up before"))
    }

    /// Opens the file with its mark.
    fn open(&self) -> io::Result<File> {
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        if file.metadata()?.len() == 0 {
            file.write_all(MARK)?;
        }
        Ok(file)
    }

    /// Writes a first line unless there is one. Tells whether it is ours.
    fn claim(&self, line: &[u8]) -> io::Result<bool> {
        let mut file = self.open()?;
        if file.metadata()?.len() > MARK.len() as u64 {
            return Ok(false);
        }
        file.write_all(line)?;
        Ok(first_line(&fs::read(&self.path)?).0 == line)
    }

    /// Reads the record of a bash step that has ended, or ended without one.
    pub(crate) fn record(&self) -> Option<Record> {
        parse(&fs::read(&self.path).ok()?).1
    }

    /// Looks at what is there. When nothing is, takes the attempt, so that a process which was
    /// slow to begin finds it taken.
    pub(crate) fn trace(&self, scratch: &Scratch) -> io::Result<Trace> {
        let proof = self.release().is_some_and(|release| scratch.absence_is_proof(release));
        let nothing = if proof { Trace::NotStarted } else { Trace::Lost };
        match self.claim(GIVEN_UP) {
            Ok(true) => return Ok(nothing),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(nothing),
            Err(error) => return Err(error),
        }
        let bytes = fs::read(&self.path)?;
        if first_line(&bytes).0 == GIVEN_UP {
            return Ok(nothing);
        }
        let (process, record) = parse(&bytes);
        Ok(Trace::Began { process, record })
    }

    /// Reads the `key=value` lines that the step wrote, and a sentence about those that are none.
    pub(crate) fn outputs(&self) -> (BTreeMap<String, String>, Option<String>) {
        let mut outputs = BTreeMap::new();
        let Ok(file) = File::open(&self.outputs) else { return (outputs, None) };
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
}

/// Moves a file to a name that nothing has.
#[cfg(target_os = "linux")]
fn move_to_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// Elsewhere there is no such call for every file system; each attempt then makes its own file.
#[cfg(not(target_os = "linux"))]
fn move_to_new(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Splits a file into its first line, with its end but without the mark, and the rest.
fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let bytes = bytes.strip_prefix(MARK).unwrap_or_default();
    bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1))
}

/// Reads the file of an attempt: the process on the first line, then the record if it is whole.
fn parse(bytes: &[u8]) -> (Option<i32>, Option<Record>) {
    let (first, mut rest) = first_line(bytes);
    let process = std::str::from_utf8(first).ok().and_then(|text| text.trim_end().parse().ok());
    // A recovery that came at the same moment, and too late.
    while let Some(after) = rest.strip_prefix(GIVEN_UP) {
        rest = after;
    }
    (process, parse_record(rest))
}

fn parse_record(bytes: &[u8]) -> Option<Record> {
    use std::os::unix::ffi::OsStringExt as _;
    let whole = bytes.strip_suffix(b"\0end\0")?;
    let mut parts = whole.splitn(5, |byte| *byte == 0);
    if parts.next()? != b"tminus-1" {
        return None;
    }
    let status = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let folder = PathBuf::from(std::ffi::OsString::from_vec(parts.next()?.to_vec()));
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
    use super::*;

    #[test]
    fn a_record_counts_only_when_it_is_whole() {
        let whole = b"#4711\ntminus-1\x001\x00/tmp/a b\x001 7 psql -c x\x00declare -x A=\"1\"\n\0end\0";
        let (process, record) = parse(whole);
        assert_eq!(process, Some(4711));
        assert_eq!(
            record,
            Some(Record {
                status: 1,
                folder: PathBuf::from("/tmp/a b"),
                failed: Some((1, 7, "psql -c x".to_owned())),
                variables: b"declare -x A=\"1\"\n".to_vec(),
            })
        );
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]).1, None, "cut at {length}");
        }
        assert_eq!(parse(b"#4711\ntminus-1\x000\x00/\x00\0end\0").1.unwrap().failed, None);
    }

    #[test]
    fn absence_proves_something_only_within_one_start_of_the_machine() {
        let folder = tminus_testkit::TemporaryFolder::new();
        let scratch = Scratch { boot: Some("one".to_owned()), releases: Mutex::default() };
        let attempt = Attempt::at(&folder.join("release/attempt"));
        assert_eq!(attempt.trace(&scratch).unwrap(), Trace::NotStarted, "nothing of the release ever acted");
        attempt.prepare(&scratch).unwrap();
        assert_eq!(attempt.trace(&scratch).unwrap(), Trace::NotStarted);
        assert!(attempt.begin().is_err(), "what was given up cannot begin");
        assert_eq!(attempt.trace(&scratch).unwrap(), Trace::NotStarted, "and stays so");
        let other = Scratch { boot: Some("two".to_owned()), releases: Mutex::default() };
        assert_eq!(Attempt::at(&folder.join("release/another")).trace(&other).unwrap(), Trace::Lost);
        let begun = Attempt::at(&folder.join("release/begun"));
        begun.prepare(&other).unwrap();
        begun.begin().unwrap();
        assert!(begun.begin().is_err(), "nothing begins twice");
        assert_eq!(begun.trace(&other).unwrap(), Trace::Began { process: None, record: None });
    }

    #[test]
    fn the_first_line_decides_who_has_an_attempt() {
        let folder = tminus_testkit::TemporaryFolder::new();
        let scratch = Scratch::new();
        let attempt = Attempt::at(&folder.join("release/attempt"));
        attempt.prepare(&scratch).unwrap();
        let record = b"tminus-1\x000\x00/\x00\0end\0";
        fs::write(attempt.path(), [MARK, b"4711\n", GIVEN_UP, record].concat()).unwrap();
        let Trace::Began { process: Some(4711), record: Some(found) } = attempt.trace(&scratch).unwrap()
        else {
            panic!("the process was first")
        };
        assert_eq!(found.status, 0);
        fs::write(attempt.path(), [MARK, GIVEN_UP, b"4711\n"].concat()).unwrap();
        assert_eq!(attempt.trace(&scratch).unwrap(), Trace::NotStarted);
    }

    #[test]
    fn a_file_is_used_again_and_never_takes_the_place_of_another() {
        let folder = tminus_testkit::TemporaryFolder::new();
        let scratch = Scratch::new();
        let [first, second, third] =
            ["a", "b", "c"].map(|name| Attempt::at(&folder.join("release").join(name)));
        first.prepare(&scratch).unwrap();
        first.begin().unwrap();
        scratch.forget(&first);
        assert_eq!(fs::read(first.path()).unwrap(), MARK, "nothing of it is kept");
        second.prepare(&scratch).unwrap();
        assert!(!first.path().exists() && second.path().exists());
        second.begin().unwrap();
        assert_eq!(third.trace(&scratch).unwrap(), Trace::NotStarted);
        scratch.forget(&second);
        third.prepare(&scratch).unwrap();
        assert!(third.begin().is_err(), "it was given up, and stays so");
        scratch.leave(&folder.join("release"));
        assert!(!folder.join("release").exists());
    }
}
