//! One release at a time in an environment: who has it, who waits, freezes, what was taken back.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::support::{Desk, Ran, runbook};

const BODY: &str = r#"
**Environment**: production

```bash {#deploy undo=take-back}
cp served before
echo "$VERSION" >served
```

```bash {#take-back .undo}
cp before served
```

- [ ] It serves what it should
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("r.md", runbook(BODY));
    desk.write("served", "v0\n");
    desk
}

/// Starts a release that waits at the item; returns its id.
fn started(desk: &Desk, version: &str) -> String {
    let ran = desk.expect(5, &["run", "r.md", "--version", version, "--no-wait"]);
    let line = ran.out.lines().find(|line| line.starts_with("release ")).expect("it says its id");
    line.split_whitespace().nth(1).expect("an id").to_owned()
}

/// Starts a release that waits in the queue; returns it when it has said for whom it waits.
fn waiting(desk: &Desk, version: &str, whom: &str) -> (Child, BufReader<ChildStderr>) {
    waiting_because(desk, version, &format!("production has another one, Test {whom}"))
}

fn waiting_because(desk: &Desk, version: &str, why: &str) -> (Child, BufReader<ChildStderr>) {
    let mut command = desk.command(&["run", "r.md", "--version", version, "--wait", "--no-wait"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut said = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("it says what it waits for");
    assert!(line.contains(&format!("waits: {why}")), "{line}");
    (child, said)
}

fn ticked(desk: &Desk) -> Ran {
    let held = desk.expect(0, &["status", "production"]).out;
    let release =
        held.split("· release ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a release has it");
    let status = desk.expect(0, &["status", release]);
    let step = status.out.lines().find_map(|line| line.split("tminus tick ").nth(1)).expect("an item waits");
    desk.expect(0, &["tick", step.split_whitespace().next().expect("its id")]);
    desk.expect(0, &["resume", "--no-wait"])
}

#[test]
fn pain_08_a_newer_release_does_not_overtake_one_that_waits_and_says_who_has_the_environment() {
    let desk = desk();
    let first = started(&desk, "v1");
    let refused = desk.expect(7, &["run", "r.md", "--version", "v2", "--no-wait"]);
    refused
        .says("production has another one, Test v1")
        .says(&format!("tminus rollback -r {first}"))
        .says("--wait");
    assert_eq!(desk.read("served"), "v1\n");
    // One that changes nothing there is in nobody's way, and a rollback needs no lock.
    desk.write("look.md", runbook("**Environment**: production\n\n```bash {#look .check}\ncat served\n```"));
    desk.expect(0, &["run", "look.md"]);
    let status = desk.expect(0, &["status", "production"]);
    status.says("held by   Test v1").says("sam").says("waits for It serves what it should");
    ticked(&desk);
    desk.expect(0, &["status", "production"]).says("free").says("last good v1");
    started(&desk, "v2");
    assert_eq!(desk.read("served"), "v2\n");
}

#[test]
fn who_waits_comes_in_order_and_one_who_left_is_passed_over() {
    let desk = desk();
    started(&desk, "v1");
    // The first one in the queue is killed while it waits; the second gets its turn.
    let (mut gone, _) = waiting(&desk, "v2", "v1");
    let (second, _said) = waiting(&desk, "v3", "v1");
    desk.expect(0, &["status", "production"]).says("waits 1   Test v2").says("waits 2   Test v3");
    gone.kill().expect("SIGKILL");
    gone.wait().expect("it is gone");
    desk.expect(0, &["status", "production"]).says("waits 1   Test v3").never_says("Test v2");
    ticked(&desk);
    let ran = Ran::of(second.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert_eq!(desk.read("served"), "v3\n");
    desk.expect(0, &["status", "production"]).says("held by   Test v3").never_says("waits 1");
}

#[test]
fn a_rollback_is_not_held_up_by_who_waits_and_hands_the_environment_on() {
    let desk = desk();
    started(&desk, "v1");
    ticked(&desk);
    started(&desk, "v2");
    let (next, _said) = waiting(&desk, "v3", "v2");
    desk.expect(0, &["status", "production"]).says("held by   Test v2").says("waits 1   Test v3");
    // As somebody types it who does not know of the queue.
    desk.expect(3, &["rollback", "--reason", "orders are lost"]).says("rolled back");
    let ran = Ran::of(next.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    // Not before the way back was done: what it found there is what was there before v2.
    assert_eq!((desk.read("before"), desk.read("served")), ("v1\n".to_owned(), "v3\n".to_owned()));
    let status = desk.expect(0, &["status", "production"]);
    status.says("held by   Test v3").says("last good v1").says("went back v2").never_says("waits 1");

    // A way back that stands still keeps the environment, and whoever waits is told so.
    desk.program(
        "cp",
        "#!/bin/sh\nif [ \"$1\" = before ] && [ -e no-way-back ]; then exit 1; fi\nexec /bin/cp \"$@\"\n",
    );
    desk.write("no-way-back", "");
    let (next, _said) = waiting(&desk, "v4", "v3");
    let ran = desk.expect(6, &["rollback", "--no-wait", "--reason", "it is slow"]);
    ran.says("tminus answer deploy retry");
    desk.expect(0, &["status", "production"]).says("held by   Test v3").says("waits 1   Test v4");
    assert_eq!(desk.read("served"), "v3\n");
    std::fs::remove_file(desk.path("no-way-back")).expect("it is there");
    desk.expect(0, &["answer", "deploy", "retry"]);
    desk.expect(3, &["resume", "--no-wait"]);
    let ran = Ran::of(next.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert_eq!((desk.read("before"), desk.read("served")), ("v1\n".to_owned(), "v4\n".to_owned()));
}

#[test]
fn pain_14_a_freeze_stops_new_releases_and_a_hotfix_has_its_exception() {
    let desk = desk();
    desk.expect(0, &["freeze", "production", "--reason", "sale until Monday", "--as", "ana"]);
    let refused = desk.expect(7, &["run", "r.md", "--version", "v1", "--no-wait"]);
    refused.says("production is frozen by ana: sale until Monday").says("--despite-freeze");
    assert_eq!(desk.read("served"), "v0\n");
    let hotfix =
        ["run", "r.md", "--version", "v1.0.1", "--no-wait", "--despite-freeze", "payments fail without it"];
    desk.expect(5, &hotfix);
    ticked(&desk);
    desk.expect(0, &["thaw", "production", "--reason", "the sale is over"]);
    desk.expect(2, &["thaw", "production", "--reason", "again"]).says("it is not frozen");
    started(&desk, "v2");
    // A freeze of the past is none; a time that cannot be read is said.
    desk.expect(0, &["freeze", "staging", "--reason", "a moment", "--for", "1ms"]);
    desk.expect(0, &["status", "staging"]).never_says("frozen");
    desk.expect(2, &["freeze", "staging", "--reason", "x", "--for", "soon"]).says("--for 4h");
}

#[test]
fn a_correction_in_a_freeze_does_not_stand_behind_who_waits_for_its_end() {
    let desk = desk();
    desk.expect(0, &["freeze", "production", "--reason", "sale until Monday", "--as", "ana"]);
    let (mut next, _said) = waiting_because(&desk, "v2", "production is frozen by ana");
    let status = desk.expect(0, &["status", "production"]);
    status.says("waits 1   Test v2").says("for the end of the freeze (sale until Monday)");
    desk.expect(7, &["run", "r.md", "--version", "v3", "--no-wait"]).says("production is frozen");
    let despite = ["--no-wait", "--wait", "--despite-freeze", "payments fail without it"];
    desk.expect(5, &[&["run", "r.md", "--version", "v1.0.1"][..], &despite].concat());
    assert_eq!(desk.read("served"), "v1.0.1\n");
    ticked(&desk);

    // It is free and not frozen, and somebody waits who has not looked yet: nobody overtakes.
    let pid = next.id().to_string();
    let signal =
        |name: &str| assert!(Command::new("kill").args([name, &pid]).status().expect("kill").success());
    signal("-STOP");
    desk.expect(0, &["thaw", "production", "--reason", "the sale is over"]);
    let refused = desk.expect(7, &["run", "r.md", "--version", "v3", "--no-wait"]);
    refused.says("others wait for production").says("Test v2");
    signal("-CONT");
    assert_eq!(next.wait().expect("it ends").code(), Some(5));
    assert_eq!(desk.read("served"), "v2\n");
}

#[test]
fn pain_02_what_was_taken_back_is_not_released_again_by_whatever_does_not_know() {
    let desk = desk();
    started(&desk, "v1");
    ticked(&desk);
    let second = started(&desk, "v2");
    desk.expect(3, &["rollback", "--reason", "orders are lost"]);
    assert_eq!(desk.read("served"), "v1\n");
    let status = desk.expect(0, &["status", "production"]);
    status.says("last good v1").says("went back v2").says("orders are lost");
    // A pipeline that starts the newest tag does it again.
    let refused = desk.expect(7, &["run", "r.md", "--version", "v2", "--no-wait"]);
    refused.says("v2 was taken back in production: ").says("orders are lost").says(&second).says("--again");
    assert_eq!(desk.read("served"), "v1\n");
    desk.expect(5, &["run", "r.md", "--version", "v2", "--no-wait", "--again"]);
    ticked(&desk);
    desk.expect(0, &["status", "production"]).says("last good v2").never_says("went back");
    // What failed before anything of it stood says nothing about the version.
    let broken = BODY.replace("cp served before", "exit 1");
    desk.write("r.md", format!("---\nrunbook: 1\non_failure: rollback\n---\n# Test\n\n## 1. Work\n{broken}"));
    desk.expect(3, &["run", "r.md", "--version", "v3", "--no-wait"]);
    desk.expect(3, &["run", "r.md", "--version", "v3", "--no-wait"]);
}

#[test]
fn crash_everywhere_a_release_that_ended_has_given_its_environment_back() {
    let desk = desk();
    let first = started(&desk, "v1");
    // Ended, and killed before it could say so in the environment's log: that line is taken away.
    ticked(&desk);
    let script = "drop trigger entry_stays; delete from entry where release = (select id from release where name = \
                  'environment/production') and sequence = (select max(sequence) from entry where release = (select id \
                  from release where name = 'environment/production'));";
    let python =
        format!("import sqlite3; c = sqlite3.connect('.tminus/tminus.db'); c.executescript(\"{script}\")");
    let edited =
        Command::new("python3").args(["-c", &python]).current_dir(&desk.folder).status().expect("python3");
    assert!(edited.success());
    desk.expect(0, &["status", "production"]).says("free");
    started(&desk, "v2");
    desk.expect(0, &["status", "production"])
        .says("held by   Test v2")
        .says(&format!("last good v1 · release {first}"));
}

#[test]
fn what_a_step_said_in_one_environment_does_not_hide_what_it_said_in_another() {
    let desk = Desk::new();
    let body = r#"
## Deploy

**Environment**: staging → production

```bash {#note .check}
echo "before=v1-of-$ENVIRONMENT" >>"$RUN_OUT"
```

```bash {#deploy undo=take-back}
echo v2 >"$ENVIRONMENT"
```

```bash {#take-back .undo}
echo "$before" >"$ENVIRONMENT"
```

## Smoke

```bash {#smoke .check}
echo "$before" >smoked
false
```
"#;
    desk.write("r.md", runbook(body));
    desk.expect(5, &["run", "r.md", "--no-wait"]);
    assert_eq!(desk.read("smoked"), "v1-of-production\n", "a step of no environment has the last");
    desk.expect(3, &["rollback", "--no-wait", "--reason", "smoke failed"]);
    assert_eq!(
        (desk.read("staging"), desk.read("production")),
        ("v1-of-staging\n".into(), "v1-of-production\n".into())
    );
}
