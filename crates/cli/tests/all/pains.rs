//! What users of today's tools complain about, tried the way they describe it. Those about
//! approvals, watches and forgotten questions are also in `crates/release/tests`.

use tminus_testkit::http::{Reply, serve_beside};

use crate::support::{Desk, Ran, runbook};

#[test]
fn pain_01_a_rollback_brings_back_everything_that_was_changed_not_only_the_app() {
    let desk = Desk::new();
    for file in ["app", "config", "flag"] {
        desk.write(file, "old\n");
    }
    let mut body = String::new();
    for file in ["config", "app", "flag"] {
        body.push_str(&format!("```bash {{#change-{file} undo=restore-{file}}}\ncp {file} {file}.before\necho new > {file}\n```\n\n"));
        body.push_str(&format!("```bash {{#restore-{file} .undo}}\nmv {file}.before {file}\n```\n\n"));
    }
    body.push_str("```bash {#smoke .check}\nfalse\n```\n");
    desk.write("r.md", runbook(&body).replace("runbook: 1", "runbook: 1\non_failure: rollback"));
    desk.expect(3, &["run", "r.md"]).says("rolled back");
    for file in ["app", "config", "flag"] {
        assert_eq!(desk.read(file), "old\n", "{file}");
    }
}

#[test]
fn pain_03_asking_for_help_takes_no_lock_and_a_rollback_is_one_command() {
    let desk = Desk::new();
    desk.stand_ins(&["deploy"]);
    desk.write("r.md", runbook("```bash {#out undo=back}\ndeploy new\n```\n\n```bash {#back .undo}\ndeploy old\n```\n\n- [ ] looks good"));
    desk.pipe("reached");
    desk.pipe("go");
    let mut child = desk
        .with_stand_ins(&["run", "r.md", "--no-input"], "-", "deploy new")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    desk.in_the_middle(&mut child);
    // While another process drives and a step runs: help, status, log, rollback all answer at once.
    desk.expect(0, &["--help"]);
    desk.expect(0, &["status", "last"]).says("running");
    desk.expect(0, &["log", "last"]);
    desk.expect(0, &["rollback", "--dry-run", "--reason", "-"]).says("undone by `back`");
    desk.expect(0, &["rollback", "--reason", "errors on the phone"])
        .says("another process drives this release");
    let ran = Ran::of(child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert_eq!(desk.calls(), ["deploy new", "deploy old"]);
}

#[test]
fn pain_09_a_killed_process_leaves_a_release_that_goes_on_and_can_be_ended() {
    let desk = Desk::new();
    desk.stand_ins(&["deploy"]);
    desk.write("r.md", runbook("```bash {#out undo=none}\ndeploy new\n```"));
    desk.kill_while_waiting(desk.with_stand_ins(&["run", "r.md"], "-", "deploy new"));
    desk.kill_step();
    desk.expect(6, &["resume", "--no-wait"]);
    desk.expect(0, &["abort", "--reason", "by hand from here"]);
    desk.expect(0, &["status", "last"]).says("aborted");
    desk.expect(7, &["answer", "out", "retry"]).says("already ended");
    desk.expect(4, &["resume", "last"]);
    assert_eq!(desk.calls(), ["deploy new"], "an ended release never goes back to running");
}

#[test]
fn pain_10_it_resumes_at_the_failed_step() {
    let desk = Desk::new();
    desk.stand_ins(&["deploy"]);
    desk.write("r.md", runbook("```bash {#a undo=none}\ndeploy a\n```\n\n```bash {#b undo=none}\ndeploy b\n```\n\n```bash {#c undo=none}\ndeploy c\n```"));
    let ran = Ran::of(
        desk.with_stand_ins(&["run", "r.md", "--no-wait"], "deploy b", "-").output().expect("starts"),
    );
    assert_eq!(ran.code, 5, "{}", ran.out);
    ran.says("answer b retry");
    desk.expect(0, &["answer", "b", "retry"]);
    let ran = Ran::of(desk.with_stand_ins(&["resume", "--no-wait"], "-", "-").output().expect("starts"));
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert_eq!(desk.calls(), ["deploy a", "deploy b", "deploy b", "deploy c"]);
}

#[test]
fn pain_11_a_retry_runs_the_failing_step_and_is_not_green_while_it_fails() {
    let desk = Desk::new();
    desk.stand_ins(&["deploy"]);
    desk.write("r.md", runbook("```bash {#a undo=none retry=2 backoff=10ms}\ndeploy a\n```\n\n```bash {#b undo=none}\ndeploy b\n```"));
    let ran = Ran::of(
        desk.with_stand_ins(&["run", "r.md", "--no-wait"], "deploy a", "-").output().expect("starts"),
    );
    assert_eq!(ran.code, 5);
    for _ in 0..2 {
        desk.expect(0, &["answer", "a", "retry"]);
        let ran =
            Ran::of(desk.with_stand_ins(&["resume", "--no-wait"], "deploy a", "-").output().expect("starts"));
        assert_eq!(ran.code, 5, "it still fails: {}", ran.out);
    }
    assert!(!desk.calls().contains(&"deploy b".to_owned()), "nothing after it ran");
    assert_eq!(desk.calls().len(), 9, "three attempts each time");
}

#[test]
fn pain_12_a_human_step_stands_between_automated_ones() {
    let desk = Desk::new();
    desk.stand_ins(&["deploy"]);
    desk.write("r.md", runbook("```bash {#a undo=none}\ndeploy a\n```\n\n- [ ] the screen in the lobby shows the new page\n\n```bash {#b undo=none}\ndeploy b\n```"));
    let ran = Ran::of(desk.with_stand_ins(&["run", "r.md", "--no-wait"], "-", "-").output().expect("starts"));
    assert_eq!((ran.code, desk.calls()), (5, vec!["deploy a".to_owned()]));
    desk.expect(0, &["tick", "item-1", "--note", "seen by me"]);
    let ran = Ran::of(desk.with_stand_ins(&["resume"], "-", "-").output().expect("starts"));
    assert_eq!((ran.code, desk.calls().len()), (0, 2));
    desk.expect(0, &["record", "--out", "record"]);
    assert!(desk.read("record/record.md").contains("- [x] the screen in the lobby"), "the page is ticked");
    assert!(desk.read("record/record.md").contains("seen by me"));
}

#[test]
fn pain_15_it_says_why_it_stopped_with_the_command_and_the_line() {
    let desk = Desk::new();
    desk.write(
        "r.md",
        runbook("```bash {#a undo=none}\necho fine\nls /no/such/folder | cat\necho never\n```"),
    );
    let ran = desk.expect(5, &["run", "r.md", "--no-wait"]);
    ran.says("line 2").says("No such file").never_says("│ never");
    desk.expect(0, &["status", "last"]).says("line 2").says("tminus answer a retry");
    desk.expect(0, &["log", "last", "--output", "a"]).says("No such file");
}

#[test]
fn pain_16_crash_everywhere_a_message_is_sent_once_also_when_the_process_is_killed_around_it() {
    let desk = Desk::new();
    desk.stand_ins(&["deploy"]);
    desk.write("tminus.toml", "[channels]\nteam = { file = \"messages.log\" }\n");
    desk.write("r.md", runbook("```text {#start .notify to=team}\ngoing out\n```\n\n```bash {#a undo=none}\ndeploy a\n```\n\n```text {#end .notify to=team when=always}\n{{ release.outcome }}\n```"));
    desk.kill_while_waiting(desk.with_stand_ins(&["run", "r.md"], "-", "deploy a"));
    let child = desk.with_stand_ins(&["resume", "--no-wait"], "-", "-").spawn().expect("starts");
    desk.let_go();
    child.wait_with_output().expect("ends");
    assert_eq!(
        desk.read("messages.log").lines().filter(|line| !line.is_empty()).collect::<Vec<_>>(),
        ["going out", "succeeded"]
    );
}

#[test]
fn pain_16_crash_everywhere_a_message_under_way_when_the_process_is_killed_is_not_sent_a_second_time() {
    let desk = Desk::new();
    let (arrived, arrivals) = std::sync::mpsc::channel();
    let hook = serve_beside(move |number, request| {
        arrived.send(request.text()).expect("the test listens");
        // The first one has it and has not said so.
        if number == 0 { Reply::Stall } else { Reply::new(200, "ok") }
    });
    desk.write("tminus.toml", format!("[channels]\nteam = {{ webhook = \"{hook}/hook\" }}\n"));
    desk.write("r.md", runbook("```text {#start .notify to=team}\ngoing out\n```\n\n```bash {#a undo=none}\necho a >> done\n```\n\n```text {#end .notify to=team when=always}\nover\n```"));
    let mut child =
        desk.command(&["run", "r.md"]).stdout(std::process::Stdio::null()).spawn().expect("starts");
    assert!(arrivals.recv().expect("it arrives").contains("going out"));
    child.kill().expect("SIGKILL");
    child.wait().expect("gone");
    // Whether it came through is nothing to guess, and nothing to send twice for.
    desk.expect(6, &["resume", "--no-wait"]).says("the message may have been sent");
    assert!(arrivals.try_recv().is_err(), "it is not sent again unasked");
    desk.expect(0, &["answer", "start", "done"]);
    desk.expect(0, &["resume", "--no-wait"]);
    assert!(arrivals.recv().expect("the last one").contains("over"), "nothing is sent twice");
    assert!(arrivals.try_recv().is_err(), "and nothing after it");
    assert_eq!(desk.read("done"), "a\n");
}

#[test]
fn pain_18_a_secret_is_nowhere_in_no_encoding() {
    let desk = Desk::new();
    let secret = "hunter2-käse/&+ trüffel";
    desk.write("tminus.toml", "[secrets]\nTOKEN = \"env:REAL_TOKEN\"\n");
    let body = "```bash {#leak undo=none}\necho \"$TOKEN\"\nprintf %s \"$TOKEN\" | base64\nprintf %s \"x$TOKEN\" | base64 -w0; echo\nprintf %s \"$TOKEN\" | od -An -tx1 | tr -d ' \\n'; echo\necho \"$TOKEN\" >&2\nexport COPY=\"$TOKEN\" PART=\"a-$TOKEN\"\necho \"out=$TOKEN\" >> \"$RUN_OUT\"\nexport BASIC=\"$(printf %s \"u:$TOKEN\" | base64)\" HEX=\"$(printf %s \"$TOKEN\" | od -An -tx1 | tr -d ' \\n')\"\nexport QUOTED=\"$(python3 -c 'import os,urllib.parse; print(urllib.parse.quote(os.environ[\"TOKEN\"]))')\"\nexport JSON=\"$(python3 -c 'import os,json; print(json.dumps(dict(token=os.environ[\"TOKEN\"])))')\"\nfor name in BASIC HEX QUOTED JSON; do echo \"out_$name=${!name}\" >> \"$RUN_OUT\"; echo \"${!name}\"; done\n```\n\n```bash {#uses undo=none}\ntest \"$COPY\" = \"$TOKEN\" && echo same\necho \"basic: ${BASIC-gone} ${out_BASIC-gone}\"\n```";
    desk.write("r.md", runbook(body));
    let ran = Ran::of(desk.command(&["run", "r.md"]).env("REAL_TOKEN", secret).output().expect("starts"));
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    ran.says("same").says("basic: gone gone");
    ran.says("out_BASIC was not kept because it contains a secret");
    ran.says("HEX was not carried on because it holds a secret");
    desk.expect(0, &["record", "--out", "record"]);
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut files = vec![desk.path("record"), desk.path(".tminus")];
    let mut everything = format!("{}{}", ran.out, ran.err).into_bytes();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).expect("a folder").flatten().map(|entry| entry.path()));
        } else {
            everything.extend(std::fs::read(path).expect("a file"));
        }
    }
    let everything = String::from_utf8_lossy(&everything);
    // Base64 behind none, two and one other characters; `quote`; JSON with escapes.
    let shapes =
        [secret, "aHVudGVyMi1r", &hex, "odW50ZXIyLW", "h1bnRlcjIta", "k%C3%A4se", "k\\u00e4se", "käse"];
    for shape in shapes {
        assert!(!everything.contains(shape), "`{shape}` leaked");
    }
}

#[test]
fn pain_20_the_document_is_what_runs_and_an_edit_while_it_runs_changes_nothing() {
    let desk = Desk::new();
    desk.write("r.md", runbook("- [ ] go\n\n```bash {#a undo=none}\necho as planned\n```"));
    desk.expect(5, &["run", "r.md", "--no-wait"]);
    desk.expect(0, &["status", "last"]).never_says("note");
    // Somebody adds what was forgotten while the release waits, and would think that it runs now.
    desk.write("r.md", runbook("- [ ] go\n\n```bash {#a undo=none}\necho another\n```\n\n```bash {#b undo=none}\necho forgotten\n```"));
    let note = "r.md was edited since this release was planned. It goes on as planned";
    desk.expect(0, &["status", "last"]).says(note);
    desk.expect(0, &["tick", "item-1"]);
    desk.expect(0, &["resume"]).says(note).says("as planned").never_says("another").never_says("forgotten");
    desk.expect(0, &["status", "last"]).never_says("note");
    // The record is of what ran, and the next release is of what stands there.
    desk.record_verifies();
    assert!(desk.read("record/record.md").contains("as planned"));
    desk.expect(5, &["run", "r.md", "--no-wait"]);
    desk.expect(0, &["tick", "item-1"]);
    desk.expect(0, &["resume"]).says("another").says("forgotten").never_says(note);
}

#[test]
fn pain_21_a_failed_block_stops_the_run_a_no_is_not_a_skip_and_silence_is_not_a_yes() {
    let desk = Desk::new();
    desk.stand_ins(&["deploy"]);
    let body = "```bash\ndeploy a\n```\n\n```bash\ndeploy b\n```";
    desk.write("r.md", format!("# Old runbook\n\n## Deploy\n\n{body}\n"));
    // Nobody answers: nothing runs.
    let ran = Ran::of(
        desk.with_stand_ins(&["run", "r.md", "--assisted", "--no-wait"], "-", "-").output().expect("starts"),
    );
    assert_eq!((ran.code, desk.calls().len()), (5, 0), "{}", ran.out);
    // No is stop.
    let standing: serde_json::Value =
        serde_json::from_str(&desk.expect(0, &["status", "last", "--json"]).out).expect("JSON");
    let step = standing["standing"]["waits"][0]["step"].as_str().expect("it waits at a step").to_owned();
    desk.expect(0, &["answer", &step, "stop", "--reason", "not today"]);
    desk.expect(4, &["resume"]).says("declined");
    assert!(desk.calls().is_empty());
    // A failure stops.
    desk.write("yes.yaml", format!("answers:\n  - {{ step: \"{step}\", say: yes, times: 1 }}\n  - {{ step: \"{step}\", say: nothing }}\n"));
    let ran = Ran::of(
        desk.with_stand_ins(&["run", "r.md", "--assisted", "--answers", "yes.yaml"], "deploy a", "-")
            .output()
            .expect("starts"),
    );
    assert_eq!((ran.code, desk.calls()), (5, vec!["deploy a".to_owned()]), "{}", ran.out);
}

#[test]
fn pain_22_nothing_is_written_into_the_document() {
    let desk = Desk::new();
    let text = runbook("- [ ] one\n\n```bash {#a undo=none}\ntrue\n```");
    desk.write("r.md", &text);
    desk.write("answers.yaml", "otherwise: yes\n");
    desk.expect(0, &["check", "r.md"]);
    desk.expect(0, &["plan", "r.md"]);
    desk.expect(0, &["run", "r.md", "--answers", "answers.yaml"]);
    assert_eq!(desk.read("r.md"), text);
}

#[test]
fn pain_23_variables_come_the_same_way_everywhere_and_can_be_set_twice() {
    let desk = Desk::new();
    let body = r#"
```bash {#a undo=none}
export COLOUR=red
export COLOUR=blue WITH='a "quoted" $dollar'
cd sub
```

- [ ] first

```bash {#b undo=none}
printf '%s|%s|%s' "$COLOUR" "$WITH" "${PWD##*/}" >../seen
unset COLOUR
```

- [ ] second

```bash {#c undo=none}
printf '|%s|' "${COLOUR-unset}" >>../seen
```
"#;
    desk.write("sub/file", "");
    desk.write("r.md", runbook(body));
    desk.write("yes.yaml", "otherwise: yes\n");
    let seen = |way: &str| {
        assert_eq!(desk.read("seen"), "blue|a \"quoted\" $dollar|sub|unset|", "{way}");
        desk.write("seen", "");
    };
    for way in [&[][..], &["--json"]] {
        desk.expect(0, &[&["run", "r.md", "--answers", "yes.yaml"], way].concat());
        seen(&way.concat());
    }
    // Each part by another process, as when people answer from their own shells.
    desk.expect(5, &["run", "r.md", "--no-wait"]);
    for (item, code) in [("item-1", 5), ("item-2", 0)] {
        desk.expect(0, &["tick", item]);
        desk.expect(code, &["resume", "--no-wait"]);
    }
    seen("in parts");
}

#[test]
fn pain_24_a_block_runs_only_when_the_document_or_a_person_says_so() {
    let desk = Desk::new();
    desk.stand_ins(&["deploy"]);
    let body = "```bash {#a undo=none}\ndeploy a\n```\n\n```bash {.example}\ndeploy example\n```\n\n```bash {.manual}\ndeploy by hand\n```\n\n```\ndeploy output\n```\n\n```json\n{}\n```";
    desk.write("r.md", runbook(body));
    desk.write("answers.yaml", "otherwise: yes\n");
    let ran = Ran::of(
        desk.with_stand_ins(&["run", "r.md", "--answers", "answers.yaml"], "-", "-")
            .output()
            .expect("starts"),
    );
    assert_eq!((ran.code, desk.calls()), (0, vec!["deploy a".to_owned()]), "{}\n{}", ran.out, ran.err);
    desk.write("r.md", runbook("```bash\ndeploy unmarked\n```"));
    desk.expect(2, &["run", "r.md"]).says("--assisted");
}

#[test]
fn pain_25_no_stale_lock_after_a_kill_and_no_hang_without_output() {
    let desk = Desk::new();
    desk.stand_ins(&["deploy"]);
    desk.write("r.md", runbook("```bash {#a undo=none}\ndeploy a\n```"));
    desk.kill_while_waiting(desk.with_stand_ins(&["run", "r.md"], "-", "deploy a"));
    desk.kill_step();
    // Nothing has to be removed by hand: the next process takes the release up at once.
    desk.expect(6, &["resume", "--no-wait"]);
    desk.expect(0, &["answer", "a", "done"]);
    desk.expect(0, &["resume", "--no-wait"]);
    desk.write("slow.md", runbook("```bash {#a undo=none timeout=200ms}\nsleep 600\n```"));
    desk.expect(5, &["run", "slow.md", "--no-wait"]).says("TIMED OUT");
}
