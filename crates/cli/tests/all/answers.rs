//! Written answers, where a release goes back.

use crate::support::{Desk, runbook};

/// A release whose smoke test fails, and which has an undo and a look at its end.
const BODY: &str = "```bash {#deploy undo=take-back}
cp r.md out
```

```bash {#smoke .check}
false
```

## Rollback

```bash {#take-back .undo}
rm out \"$(cat trouble)\"
```

```bash {#look .check}
test -e served || { echo 'error: people do not get what they got before'; exit 1; }
```

```bash {#tidy}
touch tidy
```
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("r.md", runbook(BODY).replace("runbook: 1", "runbook: 1\non_failure: rollback"));
    desk.write("yes.yaml", "otherwise: yes\n");
    desk.write("trouble", "trouble");
    desk
}

const RUN: [&str; 5] = ["run", "r.md", "--again", "--answers", "yes.yaml"];

#[test]
fn a_yes_to_everything_never_goes_past_a_look_that_fails_on_the_way_back() {
    let desk = desk();
    let ran = desk.expect(6, &RUN);
    ran.says("error: people do not get what they got before").says("tminus answer look retry");
    ran.never_says("rolled back after");
    assert!(!desk.path("out").exists() && !desk.path("tidy").exists());
    // Whoever goes on with the same answers comes no further, and the look decides.
    desk.expect(6, &["resume", "--answers", "yes.yaml"]);
    desk.write("served", "");
    desk.expect(0, &["answer", "look", "retry"]);
    desk.expect(3, &["resume", "--answers", "yes.yaml"]).says("rolled back");
    assert!(desk.path("tidy").exists());

    // A line that names it does go past it, and says so.
    std::fs::remove_file(desk.path("served")).expect("it is there");
    desk.write("trouble", "trouble");
    desk.write("yes.yaml", "answers:\n  - { step: look, say: skip, reason: nobody is there at night }\n");
    desk.expect(3, &RUN).says("nobody is there at night").says("rolled back");
}

#[test]
fn a_yes_to_everything_goes_past_an_undo_that_fails_and_the_record_tells_what_is_left() {
    let desk = desk();
    desk.write("served", "");
    desk.write("trouble", "none");
    let ran = desk.expect(3, &RUN);
    ran.says("as written in the answers").says("rolled back").says("not undone").says("deploy");
    assert!(desk.path("tidy").exists());
}

#[test]
fn a_yes_to_everything_is_a_yes_to_the_undo_of_the_step_that_failed() {
    let desk = desk();
    desk.write("served", "");
    let text =
        desk.read("r.md").replace("cp r.md out", "cp r.md out; false").replace(".undo}", ".undo .manual}");
    desk.write("r.md", text);
    desk.expect(3, &RUN).says("marks as done: undo of deploy").says("rolled back").never_says("not undone");
}

/// What a verbatim page had done is told, whatever program did it; what only looked is not.
#[test]
fn what_was_done_in_assisted_mode_stands_in_the_record_until_it_is_taken_back() {
    let desk = Desk::new();
    let page = "# Release\n\n## 1. Production\n\n```bash\nls -l\n```\n\n```bash\nln -sfn v2 current\n```\n\n```bash\nmytool --push || echo pushed >pushed\n```\n\n\
        Look at it:\n\n```bash\ncat pushed\n```\n\n```bash\nfalse\n```\n";
    desk.write("r.md", page);
    desk.write("yes.yaml", "otherwise: yes\n");
    let run = ["run", "r.md", "--assisted", "--answers", "yes.yaml", "--no-wait"];
    let ran = desk.expect(3, &run);
    ran.says("rolled back").says("not undone").says("1-production/2").says("1-production/3");
    let left = ran.out.lines().find(|line| line.contains("not undone")).expect("it is told").to_owned();
    assert!(!left.contains("1-production,") && !left.contains("1-production/4"), "only looked: {left}");

    // A stop does not end it while something stands: a person says whether to go back.
    let stop = "answers:\n  - { step: '1-production/3', say: stop, reason: not today }\notherwise: yes\n";
    desk.write("yes.yaml", stop);
    desk.expect(5, &run).says("tminus rollback").never_says("declined after");
    desk.expect(3, &["rollback", "--reason", "not today"]).says("not undone").says("1-production/2");
}

/// A release that is to go back past a step whose undo a person does.
fn goes_back_by_hand() -> Desk {
    let desk = Desk::new();
    let body = "```bash {#switch undo=switch-back}\ntouch out\n```\n\n```bash {#smoke .check}\nfalse\n```\n\n## Rollback\n\n```bash {#switch-back .undo .manual}\n# set the record of shop.example.com back\n```";
    desk.write("r.md", runbook(body).replace("runbook: 1", "runbook: 1\non_failure: rollback"));
    desk
}

#[test]
fn an_undo_that_a_person_does_is_offered_as_that_and_what_is_offered_works() {
    let desk = goes_back_by_hand();
    let run = ["run", "r.md", "--again", "--no-wait"];
    for (word, told) in [("done", "marks as done: undo of switch"), ("skip", "nobody has the password")] {
        desk.expect(6, &run).says("answer switch done").says("answer switch skip");
        let asked = desk.expect(0, &["status", "last"]);
        asked.says("a person undoes it, as `switch-back` says").never_says("answer switch run");
        // What nothing would come of is refused, and the question stays what it was.
        for nothing in ["run", "retry"] {
            desk.expect(7, &["answer", "switch", nothing]).says("a person does its undo").says("`done`");
        }
        desk.expect(6, &["resume", "--no-wait"]).says("answer switch done");
        let reason = ["--reason", "nobody has the password"];
        let said =
            ["answer", "switch", word].into_iter().chain(reason.into_iter().filter(|_| word == "skip"));
        desk.expect(0, &said.collect::<Vec<_>>()).says(told);
        let ended = desk.expect(3, &["resume", "--no-wait"]);
        ended.says("rolled back");
        if word == "done" {
            ended.never_says("not undone")
        } else {
            ended.says("not undone")
        };
        desk.record_verifies();
    }
}

#[test]
fn a_rehearsal_lists_what_a_person_undoes_as_undone() {
    let desk = goes_back_by_hand();
    let told = desk.expect(0, &["rehearse", "r.md", "--fail-each"]);
    told.says("a person undoes it, as `switch-back` says").never_says("asked before going back past it");
}
