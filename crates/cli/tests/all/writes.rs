//! The real process is killed at a system call by which it writes, before that call is made.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use crate::crash_everywhere::resumed_to_its_end;
use crate::support::Desk;

/// What the store calls, on one thread: pages of a transaction, then the word that they are on the disk.
pub(crate) const OF_THE_STORE: &str = "pwrite64,fdatasync";

/// Whether processes can be killed so.
pub(crate) fn available() -> bool {
    let found = Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok_and(|it| it.success());
    if !found {
        assert!(std::env::var_os("CI").is_none(), "strace must be there in CI: cargo xtask testbed up");
        eprintln!("skipped: a process that is killed at a write needs strace (cargo xtask testbed up)");
    }
    found
}

/// The same command, killed before one of its threads makes the n-th of these calls, from 1. Programs that it
/// starts are left alone.
pub(crate) fn killed_at(command: &Command, calls: &str, number: usize) -> Command {
    let words: Vec<&OsStr> = [command.get_program()].into_iter().chain(command.get_args()).collect();
    let own = words.iter().position(|word| *word == env!("CARGO_BIN_EXE_tminus")).expect("it runs tminus");
    let (kill, trace) = (format!("inject={calls}:signal=KILL:when={number}"), format!("trace={calls}"));
    let strace = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-b",
        "execve",
        "-qqq",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &kill,
    ];
    let mut all =
        words[..own].iter().copied().chain(strace.map(OsStr::new)).chain(words[own..].iter().copied());
    let mut killed = Command::new(all.next().expect("a program"));
    killed.args(all).env_clear().current_dir(command.get_current_dir().expect("a desk"));
    killed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    killed
}

/// Runs it; tells whether it was killed.
fn was_killed(mut command: Command) -> bool {
    let ran = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it starts");
    ran.signal() == Some(9)
}

#[test]
fn crash_everywhere_before_and_after_every_write_of_the_runbook_that_init_writes() {
    if !available() {
        return;
    }
    let run = ["run", "release-runbook.md", "--version", "v2.0.0", "--answers", "answers.yaml", "--json"];
    // What stands between two of these calls is pages of the transaction that the second one ends: each third
    // of them is enough. Blobs, folders and locks are written by the other calls.
    let mut kills = 0;
    for (calls, each) in [("fdatasync", 1), ("pwrite64", 3), ("fsync,rename,ftruncate,unlink", 1)] {
        for number in (1..).step_by(each) {
            let desk = Desk::new();
            desk.expect(0, &["init"]);
            desk.write(
                "answers.yaml",
                "answers:\n  - { step: \"*\", say: retry, times: 0 }\notherwise: yes\n",
            );
            desk.write("deployed-staging", "v1.0.0\n");
            desk.write("deployed-production", "v1.0.0\n");
            let killed = was_killed(killed_at(&desk.command(&run), calls, number));
            kills += usize::from(killed);
            // A release that was never begun is begun by who sees that there is none.
            let begun = desk.run(&["status", "last"]).code == 0;
            let ran = if begun {
                resumed_to_its_end(&desk, &["kim"], &|step| {
                    let environment = step.split_once('@').map_or("", |(_, environment)| environment);
                    desk.read(&format!("deployed-{environment}")) == "v2.0.0\n"
                })
            } else {
                desk.run(&run)
            };
            let context = format!("killed at {calls} {number}\n{}\n{}", ran.out, ran.err);
            assert_eq!(ran.code, 0, "{context}");
            for environment in ["staging", "production"] {
                let file = format!("deployed-{environment}");
                assert_eq!(desk.read(&file), "v2.0.0\n", "{context}");
                assert_eq!(desk.read(&format!("{file}.before")), "v1.0.0\n", "deployed once: {context}");
            }
            desk.record_verifies();
            if !killed {
                break;
            }
        }
    }
    assert!(kills > 60, "killed {kills} times only");
}
