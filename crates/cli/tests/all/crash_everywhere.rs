//! The real process is killed with SIGKILL in the middle of steps, and resumed.

use crate::support::{Desk, Ran, runbook};

const BODY: &str = r#"
```bash {#before undo=none}
deploy before
```

```bash {#middle resume=ask undo=none}
deploy middle one
deploy middle two
```

```bash {#after undo=none}
deploy after
```
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.stand_ins(&["deploy", "looks"]);
    desk.write("r.md", runbook(BODY));
    desk
}

fn resume(desk: &Desk, arguments: &[&str]) -> Ran {
    let all: Vec<&str> = ["resume"].iter().chain(arguments).copied().collect();
    let child = desk
        .with_stand_ins(&all, "-", "-")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    desk.let_go();
    Ran::of(child.wait_with_output().expect("ends"))
}

#[test]
fn crash_everywhere_a_step_that_goes_on_without_us_is_waited_for_and_counted_once() {
    let desk = desk();
    desk.kill_while_waiting(desk.with_stand_ins(&["run", "r.md"], "-", "deploy middle one"));
    let ran = resume(&desk, &["--no-wait"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    assert_eq!(desk.calls(), ["deploy before", "deploy middle one", "deploy middle two", "deploy after"]);
}

#[test]
fn crash_everywhere_a_step_that_died_with_us_is_a_question_and_never_a_guess() {
    let desk = desk();
    desk.kill_while_waiting(desk.with_stand_ins(&["run", "r.md"], "-", "deploy middle one"));
    // The machine went down: the step's own processes are gone as well, and left no word.
    desk.kill_step();
    let ran = desk.run(&["resume", "--no-wait"]);
    assert_eq!(ran.code, 6, "{}\n{}", ran.out, ran.err);
    ran.says("nobody knows whether attempt 1 took effect");
    assert_eq!(desk.calls(), ["deploy before", "deploy middle one"], "nothing was repeated");
    let mut go_on = desk.with_stand_ins(&["answer", "middle", "retry"], "-", "-");
    assert!(go_on.status().expect("starts").success());
    let ran = Ran::of(desk.with_stand_ins(&["resume", "--no-wait"], "-", "-").output().expect("starts"));
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    assert_eq!(desk.calls().iter().filter(|call| *call == "deploy after").count(), 1);
}

#[test]
fn crash_everywhere_killed_again_and_again_it_still_ends_once() {
    let desk = desk();
    desk.kill_while_waiting(desk.with_stand_ins(&["run", "r.md"], "-", "deploy before"));
    let child = desk
        .with_stand_ins(&["resume", "--no-wait"], "-", "deploy middle two")
        .stdout(std::process::Stdio::null())
        .spawn();
    let mut child = child.expect("starts");
    desk.let_go();
    std::fs::read_to_string(desk.path("reached")).expect("the second stand-in waits");
    child.kill().expect("SIGKILL");
    child.wait().expect("gone");
    let ran = resume(&desk, &["--no-wait"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    assert_eq!(desk.calls(), ["deploy before", "deploy middle one", "deploy middle two", "deploy after"]);
}
