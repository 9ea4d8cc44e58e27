//! A folder of its own, the real binary, and stand-ins for other people's tools.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use tminus_testkit::fleet::Fleet;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A folder that is removed at the end, with a `bin` first in the PATH.
pub(crate) struct Desk {
    pub(crate) folder: PathBuf,
}

/// What a run of the program came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("tminus-test-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("bin")).expect("a temporary folder");
        Desk { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("inside the desk")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        // Shown only for a test that fails or hangs: it says where.
        eprintln!("$ tminus {}", arguments.join(" "));
        let mut command = Command::new(env!("CARGO_BIN_EXE_tminus"));
        let path = format!(
            "{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            self.path("bin").display()
        );
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", &self.folder)
            .env("USER", "sam")
            .env("LANG", "C.UTF-8");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("the program starts"))
    }

    /// Runs and insists on an exit code.
    pub(crate) fn expect(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "tminus {}\n{}\n{}", arguments.join(" "), ran.out, ran.err);
        ran
    }

    /// Insists that the record of the newest release can be written and verifies.
    pub(crate) fn record_verifies(&self) {
        let _ = fs::remove_dir_all(self.path("record"));
        self.expect(0, &["record", "last", "--out", "record"]);
        self.expect(0, &["verify", "record"]).says("nothing changed, nothing missing");
    }

    /// Puts a program into the PATH.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let path = self.write(&format!("bin/{name}"), script);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// Makes a named pipe: opening it waits for the other side, so nobody has to sleep.
    pub(crate) fn pipe(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo is there");
        assert!(made.success());
        path
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What stands in a pipe, without waiting for its end.
fn output_so_far(pipe: Option<impl Read + AsFd>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    fcntl_setfl(&pipe, OFlags::NONBLOCK).expect("a pipe");
    let mut bytes = Vec::new();
    let _ = pipe.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Ran {
    pub(crate) fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Insists on words in either output.
    pub(crate) fn says(&self, words: &str) -> &Ran {
        assert!(
            self.out.contains(words) || self.err.contains(words),
            "`{words}` is not in:\n{}\n{}",
            self.out,
            self.err
        );
        self
    }

    /// Insists that words are in neither output.
    pub(crate) fn never_says(&self, words: &str) -> &Ran {
        assert!(
            !self.out.contains(words) && !self.err.contains(words),
            "`{words}` is in:\n{}\n{}",
            self.out,
            self.err
        );
        self
    }
}

/// The folder of inputs that are shared with other work; None where it is absent.
pub(crate) fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    if folder.join("seeds").is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none_or(|value| value != "true"),
        "{} is needed when CI=true",
        folder.display()
    );
    eprintln!("skipped: {} is not there", folder.display());
    None
}

/// Front matter and title for a small unattended runbook.
pub(crate) fn runbook(body: &str) -> String {
    format!("---\nrunbook: 1\n---\n# Test\n\n## 1. Work\n\n{body}\n")
}

/// What a stand-in does: writes down how it was called; makes the dump that it was told to write;
/// fails or waits when the files `fails` and `waits` say so. Files and not variables, because a
/// step's variables go on to the steps after it.
const STAND_IN: &str = r#"#!/bin/sh
call="$(basename "$0") $*"
if [ "${0##*/}" = ssh ]; then
    # Says what the far side would: that it is there, and that the command ended well.
    while [ "$1" != -- ]; do shift; done
    call="ssh $2"
    key=${3% run *}
    echo 'tminus hello'
    cat > /dev/null
    echo "tminus ${key##* } end 0" >&2
fi
printf '%s\n' "$call" >> "$HOME/calls"
previous=
for word in "$@"; do
    case "${0##*/} $previous $word" in "supabase -f "*.sql) : > "$word" ;; esac
    previous=$word
done
fails=$(cat "$HOME/fails")
waits=$(cat "$HOME/waits")
case "$call" in $fails) echo "stand-in: told to fail" >&2; exit 1 ;; esac
case "$call" in $waits)
    ps -o pgid= -p $$ > "$HOME/group"
    echo reached > "$HOME/reached"
    read -r _ < "$HOME/go" ;;
esac
exit 0
"#;

/// A line of shell at which a step stops while the test has made its pipes, and says which it is. `HOME`
/// is the desk.
pub(crate) const STOPS: &str = "if [ -p \"$HOME/reached\" ]; then ps -o pgid= -p $$ >\"$HOME/group\"; echo >\"$HOME/reached\"; read -r _ <\"$HOME/go\"; fi";

impl Desk {
    /// Puts stand-ins for these programs into the PATH. They write to `calls`.
    pub(crate) fn stand_ins(&self, names: &[&str]) {
        for name in names {
            self.program(name, STAND_IN);
        }
    }

    /// A command whose steps meet stand-ins. `fails` and `waits` are shell patterns over
    /// `program arguments`.
    pub(crate) fn with_stand_ins(&self, arguments: &[&str], fails: &str, waits: &str) -> Command {
        self.write("fails", fails);
        self.write("waits", waits);
        self.command(arguments)
    }

    /// How the stand-ins were called, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.read("calls").lines().map(str::to_owned).collect()
    }

    /// Makes the pipes at which a step says that it is there, and waits to go on.
    pub(crate) fn make_pipes(&self) {
        self.pipe("reached");
        self.pipe("go");
    }

    /// Waits until a step of this process says at `reached` that it is there. A process that ends
    /// without, or that is at it for minutes, fails the test with what it said.
    pub(crate) fn in_the_middle(&self, child: &mut Child) {
        let mut options = fs::OpenOptions::new();
        let flags = OFlags::NONBLOCK.bits().try_into().expect("a few bits");
        let pipe = options.read(true).custom_flags(flags).open(self.path("reached")).expect("the pipe");
        for _ in 0..800 {
            let mut ends = [PollFd::new(&pipe, PollFlags::IN)];
            let limit = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
            if poll(&mut ends, Some(&limit)).expect("poll") > 0 {
                return;
            }
            if child.try_wait().expect("its state").is_some() {
                break;
            }
        }
        // What it started may hold its outputs open: they are read as far as they were written.
        let (ended, said) =
            (child.try_wait(), [output_so_far(child.stdout.take()), output_so_far(child.stderr.take())]);
        let _ = child.kill();
        panic!("it never came to the middle ({ended:?}):\n{}", said.join("\n"));
    }

    /// Starts a command, waits until a stand-in waits, and kills the command with SIGKILL.
    /// Returns once the process is gone; the stand-in still waits.
    pub(crate) fn kill_while_waiting(&self, mut command: Command) {
        self.make_pipes();
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        self.in_the_middle(&mut child);
        child.kill().expect("SIGKILL");
        child.wait().expect("the process is gone");
    }

    /// Kills the waiting stand-in with everything in its process group, as a power cut would.
    pub(crate) fn kill_step(&self) {
        let group = self.read("group");
        let killed = Command::new("kill").args(["-KILL", "--", &format!("-{}", group.trim())]).status();
        assert!(killed.expect("kill").success(), "the step's processes were there");
    }

    /// Starts a command, waits until its step stops at [`STOPS`], and kills both, as a power cut would.
    pub(crate) fn cut_power(&self, command: Command) {
        self.kill_while_waiting(command);
        self.kill_step();
        self.clear_pipes();
    }

    /// The same for a step on a host that goes down as well.
    pub(crate) fn cut_power_with(&self, fleet: &Fleet, host: &str, command: Command) {
        self.kill_while_waiting(command);
        self.kill_step_of("ssh");
        fleet.end_steps(host);
        self.clear_pipes();
    }

    /// The step goes past [`STOPS`] from here on.
    pub(crate) fn clear_pipes(&self) {
        for name in ["reached", "go"] {
            fs::remove_file(self.path(name)).expect("the pipe");
        }
    }

    /// Kills the step that runs this program here, with everything in its process group.
    pub(crate) fn kill_step_of(&self, program: &str) {
        let here = self.folder.canonicalize().expect("it is there");
        let found = fs::read_dir("/proc").expect("Linux").flatten().find(|entry| {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            name.trim_end() == program && fs::read_link(entry.path().join("cwd")).is_ok_and(|at| at == here)
        });
        let process = found.expect("the program runs").file_name().into_string().expect("a number");
        let group = Command::new("ps").args(["-o", "pgid=", "-p", &process]).output().expect("ps").stdout;
        self.write("group", group);
        self.kill_step();
    }

    /// Lets the waiting stand-in go on.
    pub(crate) fn let_go(&self) {
        fs::write(self.path("go"), "go\n").expect("the stand-in still waits");
    }
}

/// Presses Ctrl-C, and once more when that was heard. Returns what it still says, to be kept until it has
/// ended.
pub(crate) fn interrupted_twice(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let interrupt = || {
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    };
    interrupt();
    assert!(said.any(|line| line.contains("nothing new starts")), "it ended without a word");
    interrupt();
    said
}
