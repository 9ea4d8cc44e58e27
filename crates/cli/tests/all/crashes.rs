//! One release of a real runbook, with tminus killed again and again: after the events that it writes, and in
//! the middle of its writes.
//!
//! Its steps go on without it, as they would. Each time it is taken up it comes a little further, so one
//! release passes through all of its events.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::trials::{PATIENT, Team, begin};
use crate::writes;

/// The last steps of the release: somebody looks at all of it, and what fails then takes all of it back.
const LAST: &str = "
```bash {#seen .manual}
look at all of it
```

```bash {#last .check}
test ! -e broken
```

";

/// A program that writes down what it changes before it does so, without what is a release's own.
pub(crate) fn counts(program: &str, changes: &str) -> String {
    format!(
        "#!/bin/sh\nPATH=${{PATH#*:}}\ncase \"$*\" in *--dry-run*|*--local*) ;; {changes}) echo \"{program} $*\" | sed 's|\\.tminus/[^/]*/||g' >>\"$HOME/calls\" ;; esac\nexec {program} \"$@\"\n"
    )
}

/// What `kubectl` changes a cluster by.
pub(crate) const KUBECTL: &str = r#"*" set image "*|*" patch "*|*" create "*|*" apply "*"#;

/// Far more than it takes.
const ROUNDS: usize = 400;

/// v2 goes out undisturbed as far as its last step, which fails: from there on tminus is killed all along
/// the way back. Then v2 goes out once more, and it is killed all along the way there.
pub(crate) fn everywhere(team: &impl Team) {
    let (desk, before) = (team.desk(), team.everything());
    let text = desk.read("RUNBOOK.md");
    let end = ["\n## When to roll back", "\n## Rollback"].into_iter().find_map(|title| text.find(title));
    let (steps, rest) = text.split_at(end.expect("it has a way back"));
    desk.write("RUNBOOK.md", format!("{steps}{LAST}{rest}"));
    desk.write("yes.yaml", PATIENT);
    let at_first = team.done();
    team.release(5, "v2");
    let (out, done_out) = (of_a_version(&team.everything()), since(&team.done(), &at_first));

    desk.write("broken", "");
    team.answers("seen", "done");
    let there = team.done();
    ends_although_killed(team, &["resume", "--answers", "yes.yaml"], "rolled_back");
    assert_eq!(team.everything(), before, "killed all along the way back");
    let done_back = since(&team.done(), &there);
    assert!(!done_out.is_empty() && !done_back.is_empty(), "{done_out:?} {done_back:?}");
    for (what, times) in done_back {
        assert_eq!(times, 1, "{what}, on the way back");
    }

    std::fs::remove_file(desk.path("broken")).expect("it was made");
    desk.write("yes.yaml", PATIENT.replace("answers:", "answers:\n  - { step: seen, say: yes }"));
    let at_first = team.done();
    ends_although_killed(team, &begin("v2"), "succeeded");
    assert_eq!(of_a_version(&team.everything()), out, "killed all along the way");
    assert_eq!(since(&team.done(), &at_first), done_out, "what was done on the way");
}

/// Begins or goes on, and is killed until the release has ended in this way.
fn ends_although_killed(team: &impl Team, words: &[&str], end: &str) {
    let desk = team.desk();
    let told = desk.read("messages.log").len();
    let (mut words, mut kills) = ([words, &["--json"]].concat(), 0);
    // What the last process came to, and how often others came to the same before.
    let (mut last, mut stuck) = (Vec::new(), 0);
    loop {
        let came = if kills % 4 == 3 && writes::available() {
            // To take a release up is a dozen calls, and an event five or six.
            writes(team.command(&words), 10 + kills * 7 % 24)
        } else {
            // The first event is that it takes the release up. So it is killed after each event that follows;
            // and further on where taking it up is more than that, as with messages at the end.
            events(team.command(&words), 2 + stuck)
        };
        match came {
            Came::Killed(seen) => {
                kills += 1;
                if !seen.is_empty() {
                    stuck = if seen == last { stuck + 1 } else { 0 };
                    last = seen;
                }
            }
            Came::ToItsEnd => break,
            // Its last event was written while it was killed for the one before.
            Came::Left if has_ended(team, end) => break,
            Came::Left => somebody_looks(team),
        }
        assert!(kills < ROUNDS, "it does not come to its end:\n{}", log(team));
        words = vec!["resume", "--answers", "yes.yaml", "--json"];
    }
    assert!(kills > 8, "killed {kills} times only");
    assert!(has_ended(team, end), "{}", log(team));
    is_true(&team.ran(0, &["log", "last", "--json"]).out);
    let told = desk.read("messages.log").split_off(told);
    let (times, log) = (told.matches(&end.replace('_', " ")).count(), log(team));
    // Better once, and marked as unknown, than twice.
    let unknown = log.contains("the message may have been sent");
    assert!(times == 1 || times == 0 && unknown, "people are told {times} times: {told}\n{log}");
    desk.record_verifies();
}

/// A request that looks, and was cut off again and again, is asked about: a person has it sent once more. So is
/// a message, which a person looks for and does not send again. Nothing else that has an effect is asked about.
fn somebody_looks(team: &impl Team) {
    let status: Value = serde_json::from_str(&team.ran(0, &["status", "last", "--json"]).out).expect("JSON");
    let wait = &status["standing"]["waits"][0];
    let (step, why) = (wait["step"].as_str().expect("a step"), wait["why"].as_str().unwrap_or_default());
    match () {
        () if why.contains("the request may have been sent") => team.answers(step, "retry"),
        () if why.contains("the message may have been sent") => team.answers(step, "done"),
        () => panic!("{wait}\n{}", log(team)),
    }
}

fn has_ended(team: &impl Team, end: &str) -> bool {
    team.ran(0, &["status", "last", "--json"]).out.contains(&format!("\"status\":\"{end}\""))
}

enum Came {
    /// After these events.
    Killed(Vec<String>),
    ToItsEnd,
    Left,
}

/// Reads so many events of a run, each of which is printed when it is on the disk, then kills it.
fn events(mut command: Command, number: usize) -> Came {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let (mut seen, mut came) = (Vec::new(), Came::Left);
    for line in BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok) {
        // The first line names the release and is no event. And rules get their first data from each process
        // anew: killed at that, none would ever hold for as long as it must.
        let event = line.split_once("\"event\":").filter(|_| !line.contains("\"rule_changed\":"));
        seen.extend(event.map(|(_, event)| event.split("\"attempt\"").next().unwrap_or_default().to_owned()));
        let last = line.contains("\"release_finished\":");
        if last || seen.len() == number {
            came = if last { Came::ToItsEnd } else { Came::Killed(seen) };
            break;
        }
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
    came
}

/// Runs it, and is killed when it makes the n-th call that writes its store.
fn writes(command: Command, number: usize) -> Came {
    let mut command = writes::killed_at(&command, writes::OF_THE_STORE, number);
    let ran = command.stderr(Stdio::null()).output().expect("it starts");
    match ran.status.signal() {
        Some(9) => Came::Killed(Vec::new()),
        _ if String::from_utf8_lossy(&ran.stdout).contains("\"release_finished\":") => Came::ToItsEnd,
        _ => Came::Left,
    }
}

fn log(team: &impl Team) -> String {
    team.ran(0, &["log", "last"]).out + &team.ran(0, &["status", "last"]).out
}

/// The log tells of no change of a rule that is none, and of no step that is gone: each goes on without
/// tminus, or never began.
fn is_true(log: &str) {
    assert!(!log.contains("the machine was restarted"), "it was not:\n{log}");
    let mut verdicts = BTreeMap::new();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let Some(rule) = line["event"].get("rule_changed") else { continue };
        let before = verdicts.insert(rule["rule"].to_string(), rule["verdict"].to_string());
        assert_ne!(before, Some(rule["verdict"].to_string()), "a change that is none: {rule}");
    }
}

/// How often each thing was done since.
fn since(now: &BTreeMap<String, usize>, before: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    let times = |(what, times): (&String, &usize)| (what.clone(), times - before.get(what).unwrap_or(&0));
    now.iter().map(times).filter(|(_, times)| *times > 0).collect()
}

/// What is the same each time a version is out: a ledger names the release that applied a file, and when.
fn of_a_version(everything: &impl Debug) -> String {
    let text = format!("{everything:?}").replace("\\n", "\n").replace("\\t", "\t");
    let line = |line: &str| match line.split_once(".up.sql\t") {
        Some((name, rest)) => format!("{name} {}", rest.split('\t').next().unwrap_or_default()),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
