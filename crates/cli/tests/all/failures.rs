//! Each step of a real runbook fails, by real processes: before it did anything, and when all of it is
//! done. And each undo is done once more than it needs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::trials::{PATIENT, Team};

/// Stands in front of bash, so that each step meets it. What `broken` names fails, as `STEP.PURPOSE HOW`:
/// `before` instead of its code, `after` behind it, `once` the same and then no more. The code is the
/// eighth argument; a step on other hosts has theirs in the tenth, quoted once more. Code that
/// exits by itself does so in a shell of its own.
const BASH: &str = r#"#!/bin/bash -p
step=${RUN_OUT##*/}
step=${step%.*.out}
how=$(sed -n "s|^$step ||p" DESK/broken)
words=("$@")
end=$'\n)\necho "broken behind its code"\nexit 7'
case $how in
before) words[7]='echo "broken before its code"; exit 7' ;;
after | once)
  if [[ $# -lt 10 ]]; then
    words[7]="( ${words[7]}$end"
  else
    words[9]=${words[9]/"inherit_errexit -c '\\''"/"inherit_errexit -c '\\''( "}
    words[9]=${words[9]/"'\\'' tminus)"/"$end'\\'' tminus)"}
  fi ;;
esac
if [[ $how == once ]]; then sed -i "\|^$step |d" DESK/broken; fi
exec /bin/bash "${words[@]}"
"#;

/// What is added as the last step: it fails, and everything goes back.
const LAST: &str = "\n```bash {#last .check}\nexit 7\n```\n";

fn stand_before_bash(team: &impl Team) {
    let desk = team.desk();
    desk.write("broken", "");
    desk.program("bash", &BASH.replace("DESK", &desk.folder.display().to_string()));
}

/// The steps of the way forward, as `plan` shows them.
fn steps(team: &impl Team) -> Vec<Value> {
    let plan = team.ran(0, &["plan", "RUNBOOK.md", "--version", "v2", "--json"]).out;
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    let all = plan["steps"].as_array().expect("steps");
    let undoes = |id: &Value| all.iter().any(|step| step["undo"]["step"] == *id);
    let forward =
        |step: &&Value| step["lane"] == "main" && step["on_demand"] == false && !undoes(&step["id"]);
    all.iter().filter(forward).cloned().collect()
}

/// The runbook with a status asked for that no answer has.
fn with_broken_request(text: &str, id: &str) -> String {
    let (before, rest) = text.split_once(&format!("{{#{id} ")).expect("a request");
    assert!(before.ends_with("```http ") && rest.contains("status=200"), "{id}");
    format!("{before}{{#{id} {}", rest.replacen("status=200", "status=418", 1))
}

/// v2 fails at each step that a machine or a person does, and everything is as before each time. A soak
/// fails by its rules and a message is in the way of nothing: each runbook has a trial of its own of these.
pub(crate) fn at_every_step(team: &impl Team) {
    let (desk, before, all) = (team.desk(), team.everything(), steps(team));
    let text = desk.read("RUNBOOK.md");
    stand_before_bash(team);
    let fails = |code, id: &str, how: &str| {
        let ran = team.release(code, "v2");
        assert_eq!(team.everything(), before, "{id} {how}\n{}", ran.out);
        desk.record_verifies();
        ran
    };
    let says_no = |id: &str, say: &str, code: i32| {
        let no = format!("answers:\n  - {{ step: '{id}', say: {say}, reason: not today }}\n");
        desk.write("yes.yaml", format!("{no}otherwise: yes\n"));
        if code == 5 {
            team.release(5, "v2").says("not today");
            team.came(3, &["rollback", "--reason", "not today"]);
            assert_eq!(team.everything(), before, "{id} {say}");
        } else {
            fails(code, id, say).says("not today");
        }
        desk.write("yes.yaml", "otherwise: yes\n");
    };
    let (mut was_item, mut did_something, mut kinds) = (false, false, BTreeSet::new());
    for step in &all {
        let (id, kind) = (step["id"].as_str().expect("an id"), step["kind"].as_str().expect("a kind"));
        kinds.insert(kind);
        match kind {
            "shell" => {
                let hows: &[&str] = if step["check"] == true { &["after"] } else { &["before", "after"] };
                for how in hows {
                    desk.write("broken", format!("{}.forward {how}\n", id.replace('/', "_")));
                    let place = if *how == "before" { "before" } else { "behind" };
                    fails(3, id, how).says(&format!("broken {place} its code"));
                }
                desk.write("broken", "");
            }
            "http" => {
                desk.write("RUNBOOK.md", with_broken_request(&text, id));
                fails(3, id, "answers otherwise").says("418");
                desk.write("RUNBOOK.md", &text);
            }
            "item" if !was_item && step["auto"].is_null() => says_no(id, "rollback", 3),
            // It stands as it is until somebody says more, unless nothing was done so far.
            "approval" => says_no(id, "decline", if did_something { 5 } else { 4 }),
            "item" | "soak" | "notify" => {}
            other => panic!("{id}: nobody breaks {other}"),
        }
        // Nothing happens between one item of a list and the next: a no to each is a no to the first.
        was_item = kind == "item";
        did_something |= step["undo"]["kind"] == "step";
    }
    assert!(kinds.contains("shell") && kinds.contains("approval"), "{kinds:?}");
    team.release(0, "v2").says("succeeded");
}

/// v2 goes back from its last step. Each undo does its work, fails, is asked about, and does it again.
pub(crate) fn of_every_undo(team: &impl Team) {
    let (desk, before, all) = (team.desk(), team.everything(), steps(team));
    let text = desk.read("RUNBOOK.md");
    let end = ["\n## When to roll back", "\n## Rollback"].into_iter().find_map(|title| text.find(title));
    let (forward, rest) = text.split_at(end.expect("it has a way back"));
    desk.write("RUNBOOK.md", format!("{forward}{LAST}{rest}"));
    desk.write("yes.yaml", PATIENT);
    stand_before_bash(team);
    let undone: Vec<&str> = all
        .iter()
        .filter(|step| step["undo"]["kind"] == "step")
        .map(|step| step["id"].as_str().expect("an id"))
        .collect();
    assert!(undone.len() > 1, "{undone:?}");
    let broken = undone.iter().map(|id| format!("{}.undo once\n", id.replace('/', "_")));
    desk.write("broken", broken.collect::<String>());

    let mut ran = team.release(6, "v2");
    // The last one that was done is the first one to go back.
    for (at, id) in undone.iter().rev().enumerate() {
        ran.says("exited with 7").says(&format!("tminus answer {id} retry")).never_says("rolled back after");
        team.answers(id, "retry");
        let code = if at + 1 == undone.len() { 3 } else { 6 };
        ran = team.came(code, &["resume", "--no-wait"]);
    }
    assert_eq!(team.everything(), before, "each undo was done twice");
    assert_eq!(desk.read("broken"), "", "each of them failed");
    team.ran(7, &["rollback", "--reason", "once more"]);
    assert_eq!(team.everything(), before, "what is back is not taken back again");
    desk.record_verifies();
}
