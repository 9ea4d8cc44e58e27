//! A process and its group: started, watched, ended as one.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::output::Capture;

/// Time between the request to end and the force for what a step left behind, as init systems of old
/// have it.
const GRACE: Duration = Duration::from_secs(5);

/// What a step left running may end by itself within this time (`> >(tee log)` does).
const LINGER: Duration = Duration::from_millis(500);

/// From when on it is looked at whether what is left is alive at all.
const GLANCE: Duration = Duration::from_millis(5);

/// How long a process may stay after it was killed: one that hangs in the kernel stays for ever.
const UNKILLABLE: Duration = Duration::from_secs(10);

/// Bytes read at once from a step that prints much. A pipe holds four times as much.
const CHUNK: usize = 16 * 1024;

/// Bytes read at once at first: most steps print little or nothing, and a larger buffer costs each of them.
const FIRST_CHUNK: usize = 1024;

/// Why the wait for a process was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It ended by itself.
    Itself,
    /// Its time was up.
    TimeLimit,
    /// Somebody said so.
    Cancelled,
}

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) why: Why,
    /// `None`: it could not even be killed.
    pub(super) status: Option<ExitStatus>,
    /// True when asking was not enough.
    pub(super) forced: bool,
    /// Processes of its group that were left and ended.
    pub(super) leftovers: u32,
}

/// A process with the pipe that it writes to.
pub(super) struct Running {
    child: Child,
    group: Option<Pid>,
    output: Receiver,
}

/// Starts a process in a group of its own. Both its streams are one pipe, so their lines stay in
/// order of arrival.
pub(super) fn start(mut command: Command) -> io::Result<Running> {
    let (reading, writing) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    // The child can read the pipe as well. So when tminus is killed, the child is not killed by
    // its next word; it goes on, until the pipe is full or a recovery reads it.
    let end = both_ways(&writing).unwrap_or(writing);
    command.stdout(Stdio::from(end.try_clone()?)).stderr(Stdio::from(end));
    let child = command.process_group(0).spawn()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok(Running { child, group, output: Receiver::from_owned_fd(reading)? })
}

/// Opens an end of a pipe once more, for both directions, where the system can do that.
fn both_ways(end: &OwnedFd) -> Option<OwnedFd> {
    // Kept open: the way to it through /proc costs more than the pipe.
    static OPEN_FILES: OnceLock<Option<OwnedFd>> = OnceLock::new();
    let folder = OPEN_FILES.get_or_init(|| {
        rustix::fs::open("/proc/self/fd", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()
    });
    let name = end.as_raw_fd().to_string();
    rustix::fs::openat(folder.as_ref()?, name, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).ok()
}

impl Running {
    /// Waits until the process has ended, by itself or not, and nothing of its group is left. `grace`
    /// is the time between the request to end and the force.
    pub(super) async fn wait(
        mut self,
        limit: Duration,
        grace: Duration,
        mut cancel: watch::Receiver<bool>,
        capture: &mut Capture,
    ) -> Ended {
        let mut buffer = vec![0; FIRST_CHUNK];
        let mut ended = Ended { why: Why::Itself, status: None, forced: false, leftovers: 0 };
        let mut deadline = Instant::now().checked_add(limit);
        let mut open = true;
        loop {
            tokio::select! {
                status = self.child.wait() => {
                    ended.status = status.ok();
                    break;
                }
                read = self.output.read(&mut buffer), if open => match read {
                    Ok(0) | Err(_) => open = false,
                    Ok(count) => {
                        capture.take(&buffer[..count]);
                        if count == buffer.len() {
                            buffer.resize(CHUNK, 0);
                        }
                    }
                },
                () = until(deadline) => {
                    match (ended.why, ended.forced) {
                        (Why::Itself, _) => {
                            ended.why = Why::TimeLimit;
                            self.signal(Signal::TERM);
                            deadline = Some(Instant::now() + grace);
                        }
                        (_, false) => {
                            ended.forced = true;
                            self.signal(Signal::KILL);
                            deadline = Some(Instant::now() + UNKILLABLE);
                        }
                        (_, true) => break,
                    }
                }
                () = said(&mut cancel), if ended.why == Why::Itself => {
                    ended.why = Why::Cancelled;
                    self.signal(Signal::TERM);
                    deadline = Some(Instant::now() + grace);
                }
            }
        }
        // What it wrote is in the pipe by now. More may come for ever, from a process that left
        // the group, so only this much is taken.
        take_waiting(&self.output, &mut buffer, capture);
        if let Some(group) = self.group {
            ended.leftovers = end_leftovers(
                group,
                |buffered| {
                    take_waiting(&self.output, buffered, capture);
                },
                &mut buffer,
            )
            .await;
        }
        ended
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It may be gone already, which is what is wanted.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Waits until it is said; a sender that is gone will never say it.
async fn said(cancel: &mut watch::Receiver<bool>) {
    if cancel.wait_for(|said| *said).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Reads what waits in a pipe right now, past the runtime, which may not have heard of it yet.
fn take_waiting(output: &impl std::os::fd::AsFd, buffer: &mut [u8], capture: &mut Capture) {
    let mut left = rustix::io::ioctl_fionread(output).unwrap_or(0);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(buffer.len()).min(buffer.len());
        match rustix::io::read(output, &mut buffer[..most]) {
            Ok(0) => break,
            Ok(count) => {
                capture.take(&buffer[..count]);
                left -= count as u64;
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
}

/// Ends what is left of a group, and returns how many processes that were. They get a moment to
/// end by themselves, then are asked, then killed.
async fn end_leftovers(group: Pid, mut drain: impl FnMut(&mut [u8]), buffer: &mut [u8]) -> u32 {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(1);
    let mut count = 0;
    let mut asked = false;
    while rustix::process::test_kill_process_group(group).is_ok() {
        drain(buffer);
        let waited = begun.elapsed();
        // Looking at every process costs more than a moment's patience, so not at once.
        let left = if waited < GLANCE { 1 } else { members(group) };
        if left == 0 || waited >= LINGER + GRACE + UNKILLABLE {
            break;
        }
        if waited >= LINGER {
            count = count.max(left);
            if !asked {
                asked = true;
                let _ = rustix::process::kill_process_group(group, Signal::TERM);
            } else if waited >= LINGER + Duration::from_secs(1) {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    drain(buffer);
    count
}

/// Counts the processes of a group that are alive: zombies stay in it until somebody reads them.
fn members(group: Pid) -> u32 {
    u32::try_from(processes().filter(|process| is_member(process, group)).count()).unwrap_or(u32::MAX)
}

fn is_member(process: &Path, group: Pid) -> bool {
    group_and_session(process).is_some_and(|(found, _)| found == group)
}

/// Reads the group and the session of a process that is alive. A session that began outside this
/// container has the number 0 here, so it is only a number to compare.
fn group_and_session(process: &Path) -> Option<(Pid, i32)> {
    group_and_session_in(&fs::read_to_string(process.join("stat")).ok()?)
}

fn group_and_session_in(stat: &str) -> Option<(Pid, i32)> {
    // The name before it, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let alive = !matches!(fields.next(), None | Some("Z" | "X"));
    let _parent = fields.next();
    let mut next = || fields.next().and_then(|text| text.parse::<i32>().ok());
    // A process that is being taken away just now has -1 there, and that is everybody's group to `kill`.
    let group = next().filter(|group| *group > 0).and_then(Pid::from_raw)?;
    Some((group, next()?)).filter(|_| alive)
}

/// The folders of all processes; none where the system has no such folders.
fn processes() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit))
        .map(|entry| entry.path())
}

/// Describes how a process ended by a signal.
pub(super) fn signal_of(status: ExitStatus) -> Option<String> {
    let number = status.signal()?;
    let name = match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return Some(format!("signal {number}")),
    };
    Some(name.to_owned())
}

/// A process that an earlier tminus started, found again.
pub(super) struct Orphan {
    process: PathBuf,
    marks: [Vec<u8>; 2],
    group: Option<Pid>,
}

impl Orphan {
    /// Finds the process of an attempt. It was given the slot and the file of outputs as variables,
    /// which nothing else ever was, so a process that got the same number later is not taken for
    /// it; what it started itself knows nothing of the slot.
    pub(super) fn find(slot: &Path, outputs: &Path) -> Option<Orphan> {
        let marks = [mark("TMINUS_SLOT", slot), mark("RUN_OUT", outputs)];
        let found = processes().find(|process| is_marked(process, &marks))?;
        let number = found.file_name()?.to_str()?.parse().ok().and_then(Pid::from_raw);
        Some(Orphan { process: found, marks, group: number })
    }

    /// Waits until it has ended, by itself or not, and reads what it writes.
    pub(super) async fn wait(
        self,
        limit: Duration,
        grace: Duration,
        cancel: &watch::Receiver<bool>,
        capture: &mut Capture,
    ) -> Why {
        let mut deadline = Instant::now().checked_add(limit);
        let mut signals = [Signal::TERM, Signal::KILL].into_iter();
        let mut why = Why::Itself;
        let mut buffer = vec![0; CHUNK];
        // Opened anew, the pipe can be read without waiting.
        let output = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0))
            .open(self.process.join("fd/1"))
            .ok()
            .filter(|file| file.metadata().is_ok_and(|found| is_pipe(&found)));
        while is_marked(&self.process, &self.marks) {
            if let Some(output) = &output {
                take_waiting(output, &mut buffer, capture);
            }
            let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            let is_cancelled = why == Why::Itself && *cancel.borrow();
            if is_late || is_cancelled {
                if why == Why::Itself {
                    why = if is_cancelled { Why::Cancelled } else { Why::TimeLimit };
                }
                deadline = Some(Instant::now() + grace);
                match (signals.next(), self.group) {
                    (Some(signal), Some(group)) => drop(rustix::process::kill_process_group(group, signal)),
                    _ => break,
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
        if let Some(output) = &output {
            take_waiting(output, &mut buffer, capture);
        }
        why
    }
}

fn is_pipe(found: &fs::Metadata) -> bool {
    found.file_type().is_fifo()
}

/// A variable as it stands among those that a process was started with.
fn mark(name: &str, path: &Path) -> Vec<u8> {
    [name.as_bytes(), b"=", path.as_os_str().as_bytes()].concat()
}

/// Tells whether a process is alive and was started with these variables. A zombie has none.
fn is_marked(process: &Path, marks: &[Vec<u8>]) -> bool {
    let environment = fs::read(process.join("environ")).unwrap_or_default();
    marks.iter().all(|mark| environment.split(|byte| *byte == 0).any(|variable| variable == mark))
}

/// Ends what is left of the group of an attempt whose process is gone. Only what was given the
/// attempt's `RUN_OUT` can tell which that is: numbers are used again. A group that is a session is
/// none that we made, but of something that left ours.
pub(super) async fn end_group_of(outputs: &Path) -> u32 {
    let marks = [mark("RUN_OUT", outputs)];
    let left = processes().filter(|process| is_marked(process, &marks));
    let group = left
        .filter_map(|process| group_and_session(&process))
        .find(|(group, session)| group.as_raw_pid() != *session);
    match group {
        Some((group, _)) => end_leftovers(group, |_| {}, &mut []).await,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::group_and_session_in;

    #[test]
    fn a_group_is_read_whatever_the_name_and_never_from_a_process_that_is_going() {
        let read =
            |stat: &str| group_and_session_in(stat).map(|(group, session)| (group.as_raw_pid(), session));
        assert_eq!(read("812 (a) S 9 (b) R 1 811 800 0 -1"), Some((811, 800)));
        assert_eq!(read("812 (sh) S 1 811 0 0 -1"), Some((811, 0)));
        for gone in
            ["812 (sh) Z 1 811 800 0", "812 (sh) X 0 -1 -1 0", "812 (sh) R 0 -1 -1 0", "812 (sh) S 1", ""]
        {
            assert_eq!(read(gone), None, "{gone}");
        }
    }
}
