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
    let status = desk.run(&["status"]);
    assert!(status.out.contains("nobody drives it"), "{}", status.out);
    let release = status.out.split_whitespace().next().expect("a release is listed").to_owned();
    let status = desk.run(&["status", &release]);
    assert!(
        status.out.contains(&format!("nobody: nothing moves until `tminus resume {release}`")),
        "{}",
        status.out
    );
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
    desk.in_the_middle(&mut child);
    child.kill().expect("SIGKILL");
    child.wait().expect("gone");
    let ran = resume(&desk, &["--no-wait"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    assert_eq!(desk.calls(), ["deploy before", "deploy middle one", "deploy middle two", "deploy after"]);
}

/// Reads `lines` events of a run, then kills it with SIGKILL: each event is printed when it is on
/// the disk, so this is a crash just after each write. Returns how many lines there were.
pub(crate) fn killed_after(desk: &Desk, arguments: &[&str], lines: usize) -> usize {
    use std::io::BufRead as _;
    let mut child = desk
        .command(arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    let out = std::io::BufReader::new(child.stdout.take().expect("piped"));
    let read = out.lines().take(lines).count();
    child.kill().expect("SIGKILL");
    child.wait().expect("gone");
    read
}

/// Resumes until the release has ended, as a person would: what nobody knows is looked at, and what is
/// asked is answered by the first of `people` who may. Returns the last run.
pub(crate) fn resumed_to_its_end(desk: &Desk, people: &[&str], happened: &dyn Fn(&str) -> bool) -> Ran {
    let mut ran = desk.run(&["resume", "--no-wait", "--json"]);
    for _ in 0..20 {
        let status: serde_json::Value =
            serde_json::from_str(&desk.expect(0, &["status", "last", "--json"]).out).expect("JSON");
        let Some(wait) = status["standing"]["waits"].get(0) else { break };
        let step = wait["step"].as_str().expect("a step");
        let command = wait["commands"][0].as_str().expect("a way on");
        let words: Vec<&str> = if command.starts_with("answer") {
            vec!["answer", step, if happened(step) { "done" } else { "retry" }]
        } else {
            command.split(' ').take(2).collect()
        };
        let may = |person: &&str| desk.run(&[&words[..], &["--as", *person]].concat()).code == 0;
        assert!(people.iter().any(may), "nobody may: {}", words.join(" "));
        ran = desk.run(&["resume", "--no-wait", "--json"]);
    }
    ran
}

#[test]
fn crash_everywhere_after_each_event_of_the_runbook_that_init_writes() {
    let run = ["run", "release-runbook.md", "--version", "v2.0.0", "--answers", "answers.yaml", "--json"];
    let mut lines = 1;
    loop {
        let desk = Desk::new();
        desk.expect(0, &["init"]);
        desk.write("answers.yaml", "answers:\n  - { step: \"*\", say: retry, times: 0 }\notherwise: yes\n");
        desk.write("deployed-staging", "v1.0.0\n");
        desk.write("deployed-production", "v1.0.0\n");
        let read = killed_after(&desk, &run, lines);
        // A step whose process died with us is asked about: the person looks at the file.
        let ran = resumed_to_its_end(&desk, &["kim"], &|step| {
            let environment = step.split_once('@').map_or("", |(_, environment)| environment);
            desk.read(&format!("deployed-{environment}")) == "v2.0.0\n"
        });
        assert_eq!(ran.code, 0, "killed after {lines} lines\n{}\n{}", ran.out, ran.err);
        for environment in ["staging", "production"] {
            assert_eq!(
                desk.read(&format!("deployed-{environment}")),
                "v2.0.0\n",
                "killed after {lines} lines"
            );
            assert_eq!(
                desk.read(&format!("deployed-{environment}.before")),
                "v1.0.0\n",
                "deployed once: killed after {lines} lines"
            );
        }
        desk.expect(0, &["record", "--out", "record"]);
        desk.expect(0, &["verify", "record"]);
        if read < lines {
            return;
        }
        lines += 1;
    }
}

#[test]
fn crash_everywhere_the_environment_of_another_shell_is_neither_carried_nor_recorded() {
    let desk = desk();
    desk.write("r.md", runbook("```bash {#a undo=none}\nexport MINE=1\ndeploy a\n```\n\n```bash {#b undo=none}\necho \"mine $MINE other $OTHER\"\n```"));
    let mut first = desk.with_stand_ins(&["run", "r.md"], "-", "deploy a");
    first.env("OTHER", "of-the-first-shell");
    desk.kill_while_waiting(first);
    let mut second = desk.with_stand_ins(&["resume", "--no-wait"], "-", "-");
    let child =
        second.env("OTHER", "of-the-second").stdout(std::process::Stdio::piped()).spawn().expect("starts");
    desk.let_go();
    let ran = Ran::of(child.wait_with_output().expect("ends"));
    ran.says("mine 1 other of-the-second");
    desk.expect(0, &["log", "last", "--json"]).never_says("of-the-first-shell");
}

/// A look that cannot look is no word that nothing happened: the effect would be had twice.
#[test]
fn crash_everywhere_a_look_without_an_answer_is_a_question() {
    let looks = [
        ("```http {#look .check}\nGET http://127.0.0.1:9/\n```", "NO ANSWER"),
        ("```bash {#look .check}\nexit 7\n```", "NO ANSWER"),
        ("```bash {#look .check}\ntest -s fx\n```", "passed"),
    ];
    for (look, word) in looks {
        let desk = Desk::new();
        let body = format!(
            "```bash {{#a undo=none resume=verify verify=look}}\necho a >>fx\nkill -9 $PPID\nkill -9 $$\n```\n\n{look}"
        );
        desk.write("r.md", runbook(&body));
        let ran = Ran::of(desk.command(&["run", "r.md", "--no-wait"]).output().expect("it starts"));
        assert_eq!(ran.code, -1, "it is killed: {}", ran.out);
        let code = if word == "passed" { 0 } else { 6 };
        let ran = desk.expect(code, &["resume", "--no-wait"]);
        ran.says(word);
        assert_eq!(desk.read("fx"), "a\n", "{look}: {}", ran.out);
    }
}
