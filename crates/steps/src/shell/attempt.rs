//! The scratch folder of an attempt: what is on the disk before, while and after it runs, and what
//! a recovery can conclude from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::prelude::ATTEMPT;
use crate::invocation::is_name;

/// More than this in the file of outputs is no set of outputs.
const OUTPUTS_LIMIT_BYTES: u64 = 1 << 20;

/// Tells machine starts apart. What is not on the disk proves nothing once the machine was
/// restarted: it may have been in memory only.
#[derive(Debug, Default)]
pub(crate) struct Boots {
    /// This start of the machine; `None` where the system does not tell.
    current: Option<String>,
    /// Releases whose folder names this start, durably.
    noted: Mutex<BTreeSet<PathBuf>>,
}

impl Boots {
    pub(crate) fn new() -> Boots {
        let current = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        Boots { current: current.map(|id| id.trim().to_owned()), noted: Mutex::default() }
    }

    /// Notes this start in the release's folder, before anything of the release acts. Once for
    /// each release, so its synchronisation of the disk costs nothing for each step.
    fn note(&self, release: &Path) -> io::Result<()> {
        let known = |noted: &mut BTreeSet<PathBuf>| noted.contains(release);
        if known(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        private_folder(release)?;
        let mut file = File::create(release.join("boot"))?;
        file.write_all(self.current.as_deref().unwrap_or("unknown").as_bytes())?;
        file.sync_all()?;
        for folder in release.ancestors().take(3) {
            File::open(folder)?.sync_all()?;
        }
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(release.to_owned());
        Ok(())
    }

    /// Tells whether a file that is not there was never written. No note at all means that
    /// nothing of the release ever acted.
    fn absence_is_proof(&self, release: &Path) -> bool {
        match fs::read_to_string(release.join("boot")) {
            Ok(noted) => self.current.as_ref().is_some_and(|current| *current == noted),
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
    folder: PathBuf,
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
    pub(crate) fn at(folder: &Path) -> Attempt {
        Attempt { folder: folder.to_owned() }
    }

    /// Makes the scratch folder.
    pub(crate) fn prepare(&self, boots: &Boots) -> io::Result<()> {
        if let Some(release) = self.folder.parent() {
            boots.note(release)?;
        }
        private_folder(&self.folder)
    }

    /// Marks the attempt as begun, for what does not do so itself. Fails when it was begun before.
    pub(crate) fn begin(&self) -> io::Result<()> {
        File::create_new(self.folder.join(ATTEMPT)).map(drop)
    }

    /// The file that `$RUN_OUT` names.
    pub(crate) fn outputs_path(&self) -> PathBuf {
        self.folder.join("out")
    }

    /// Reads the record of a bash step that has ended, or ended without one.
    pub(crate) fn record(&self) -> Option<Record> {
        let mut bytes = Vec::new();
        File::open(self.folder.join(ATTEMPT)).ok()?.read_to_end(&mut bytes).ok()?;
        parse(&bytes).1
    }

    /// Looks at what is there. When nothing is, takes the attempt, so that a process which was
    /// slow to begin finds it taken.
    pub(crate) fn trace(&self, boots: &Boots) -> io::Result<Trace> {
        const TAKEN: &[u8] = b"given up\n";
        let release = self.folder.parent().unwrap_or(&self.folder);
        let proof = boots.absence_is_proof(release);
        let nothing = if proof { Trace::NotStarted } else { Trace::Lost };
        match File::create_new(self.folder.join(ATTEMPT)) {
            Ok(mut file) => {
                file.write_all(TAKEN)?;
                Ok(nothing)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(nothing),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let bytes = fs::read(self.folder.join(ATTEMPT))?;
                if bytes == TAKEN {
                    return Ok(nothing);
                }
                let (process, record) = parse(&bytes);
                Ok(Trace::Began { process, record })
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the `key=value` lines that the step wrote, and a sentence about those that are none.
    pub(crate) fn outputs(&self) -> (BTreeMap<String, String>, Option<String>) {
        let mut outputs = BTreeMap::new();
        let Ok(file) = File::open(self.outputs_path()) else { return (outputs, None) };
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

/// Reads the file of an attempt: the process on the first line, then the record if it is whole.
fn parse(bytes: &[u8]) -> (Option<i32>, Option<Record>) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let process = std::str::from_utf8(&bytes[..end]).ok().and_then(|text| text.parse().ok());
    let record = bytes.get(end + 1..).and_then(parse_record);
    (process, record)
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
        let whole = b"4711\ntminus-1\x001\x00/tmp/a b\x001 7 psql -c x\x00declare -x A=\"1\"\n\0end\0";
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
        assert_eq!(parse(b"4711\ntminus-1\x000\x00/\x00\0end\0").1.unwrap().failed, None);
    }

    #[test]
    fn absence_proves_something_only_within_one_start_of_the_machine() {
        let folder = tminus_testkit::TemporaryFolder::new();
        let boots = Boots { current: Some("one".to_owned()), noted: Mutex::default() };
        let attempt = Attempt::at(&folder.join("release/attempt"));
        assert_eq!(attempt.trace(&boots).unwrap(), Trace::NotStarted, "nothing of the release ever acted");
        attempt.prepare(&boots).unwrap();
        assert_eq!(attempt.trace(&boots).unwrap(), Trace::NotStarted);
        assert!(attempt.begin().is_err(), "what was given up cannot begin");
        assert_eq!(attempt.trace(&boots).unwrap(), Trace::NotStarted, "and stays so");
        let other = Boots { current: Some("two".to_owned()), noted: Mutex::default() };
        assert_eq!(Attempt::at(&folder.join("release/another")).trace(&other).unwrap(), Trace::Lost);
        let begun = Attempt::at(&folder.join("release/begun"));
        begun.prepare(&other).unwrap();
        begun.begin().unwrap();
        assert_eq!(begun.trace(&other).unwrap(), Trace::Began { process: None, record: None });
    }
}
