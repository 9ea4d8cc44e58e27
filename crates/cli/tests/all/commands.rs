//! The commands as a newcomer meets them.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::support::{Desk, Ran, runbook};

#[test]
fn init_writes_a_runbook_that_checks_plans_rehearses_and_runs() {
    let desk = Desk::new();
    desk.expect(0, &["init"]).says("release-runbook.md");
    desk.expect(0, &["check", "release-runbook.md"]).says("nothing found");
    desk.expect(0, &["plan", "release-runbook.md", "--version", "v1.0.0"]).says("redeploy-previous");
    desk.expect(0, &["rehearse", "release-runbook.md", "--version", "v1.0.0", "--fail-each"])
        .says("rolled back")
        .says("nothing was run");
    assert!(!desk.path("deployed-staging").exists(), "a rehearsal runs nothing");
    desk.write("answers.yaml", "otherwise: yes\n");
    desk.expect(0, &["run", "release-runbook.md", "--version", "v1.0.0", "--answers", "answers.yaml"])
        .says("succeeded");
    assert_eq!(desk.read("deployed-production"), "v1.0.0\n");
    assert!(desk.read("messages.log").contains("v1.0.0: succeeded"));
    desk.expect(2, &["init"]).says("is there already");
}

#[test]
fn a_record_is_written_verified_and_found_out_when_changed() {
    let desk = Desk::new();
    desk.write("r.md", runbook("```bash {#hello undo=none}\necho good morning\n```"));
    desk.expect(0, &["run", "r.md"]).says("good morning").says("succeeded");
    desk.expect(0, &["record", "--out", "record"]).says("verify it anywhere");
    desk.expect(0, &["verify", "record"]).says("nothing changed");
    desk.expect(0, &["verify", "record/events.jsonl"]);
    let page = desk.read("record/record.md");
    assert!(page.contains("good morning") && page.contains("# Test"), "{page}");
    for file in ["record/events.jsonl", "record/record.md"] {
        let text = desk.read(file);
        let changed =
            text.replacen("good morning", "good evening", 1).replacen("exited with 0", "exited with 1", 1);
        assert_ne!(text, changed, "{file}");
        desk.write(file, changed);
        desk.expect(1, &["verify", "record"]).says("line ");
        desk.write(file, text);
    }
    desk.expect(0, &["verify", "record"]);
}

/// Whoever reads a log of CI sees how to answer, and the release goes on when somebody does.
#[test]
fn a_release_that_stays_in_a_pipe_tells_how_it_is_answered() {
    let desk = Desk::new();
    desk.write("r.md", runbook("- [ ] go\n\n```bash {#hello undo=none}\necho good morning\n```"));
    let mut staying = desk.command(&["run", "r.md"]);
    let mut child = staying.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("tminus starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let command = lines.find(|line| line.contains("tminus tick")).expect("it says how to tick the item");
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    desk.expect(0, &words);
    let rest: Vec<String> = lines.collect();
    assert!(child.wait().expect("it ends").success(), "{rest:?}");
    assert!(!rest.iter().any(|line| line.contains("waits for")), "nothing is asked any more: {rest:?}");
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let desk = Desk::new();
    let help = desk.expect(0, &["--help"]);
    for command in [
        "init",
        "check",
        "plan",
        "rehearse",
        "run",
        "resume",
        "status",
        "watch",
        "log",
        "tick",
        "approve",
        "decline",
        "answer",
        "hold",
        "continue",
        "abort",
        "rollback",
        "record",
        "verify",
        "adopt",
        "explain",
        "suggest",
        "lsp",
        "schema",
        "demo",
        "completions",
    ] {
        help.says(&format!("  {command}"));
        desk.expect(0, &[command, "--help"]);
    }
    help.says("Exit codes");
    desk.expect(0, &["completions", "bash"]).says("tminus");
    desk.expect(2, &["chek"]).says("check");
}

#[test]
fn looking_takes_no_lock_and_works_without_releases() {
    let desk = Desk::new();
    desk.expect(2, &["status"]).says("there is no .tminus");
    assert!(!desk.path(".tminus").exists(), "asking leaves nothing behind");
    desk.write("r.md", runbook("- [ ] wait for me"));
    desk.expect(5, &["run", "r.md", "--no-wait"]).says("wait for me").says("tminus tick");
    desk.expect(0, &["status"]).says("on hold");
    desk.expect(0, &["status", "last"]).says("waits for").says("wait for me");
    desk.expect(0, &["status", "--json"]).says("\"status\":\"on hold\"");
    desk.expect(0, &["tick", "item-1"]).says("recorded: sam ticks");
    desk.expect(0, &["resume"]).says("succeeded");
    desk.expect(7, &["tick", "item-1"]).says("already ended").says("`tminus run` starts another");
}

#[test]
fn what_succeeded_is_over_and_who_wants_it_back_is_told_what_one_does() {
    let desk = Desk::new();
    let front = "runbook: 1\ninputs: { VERSION: 'v\\d', PREVIOUS_VERSION: 'v\\d' }";
    desk.write(
        "r.md",
        runbook("```bash {#a undo=none}\necho $VERSION > out\n```").replace("runbook: 1", front),
    );
    let run = ["run", "r.md", "--version", "v2", "--previous-version", "v1"];
    desk.expect(0, &run).says("succeeded");
    for dry in [&[][..], &["--dry-run"]] {
        let told = desk.expect(7, &[&["rollback", "--reason", "customers call"][..], dry].concat());
        told.says("already ended (succeeded)").never_says("what each step waits for");
        told.says("`tminus run r.md --version v1 --previous-version v2`");
    }
    // And that is a command that works.
    desk.expect(0, &["run", "r.md", "--version", "v1", "--previous-version", "v2"]);
    assert_eq!(desk.read("out"), "v1\n");
}

#[test]
fn a_record_with_a_missing_file_or_a_changed_line_end_is_told_as_that() {
    let desk = Desk::new();
    desk.write("r.md", runbook("```bash {#a undo=none}\necho hello\n```"));
    desk.expect(0, &["run", "r.md"]);
    desk.record_verifies();
    let whole = desk.read("record/events.jsonl");
    let table = [
        format!("{whole}\n"),
        whole.trim_end().to_owned(),
        whole.replacen('\n', "\r\n", 1),
        format!("{}\r\n", whole.trim_end()),
    ];
    for changed in table {
        desk.write("record/events.jsonl", &changed);
        desk.expect(1, &["verify", "record"]).says("line ");
    }
    desk.write("record/events.jsonl", &whole);
    desk.expect(0, &["verify", "record"]);
    for name in ["record.json", "record.md", "events.jsonl"] {
        std::fs::remove_file(desk.path(&format!("record/{name}"))).expect("it is there");
        let told = desk.expect(1, &["verify", "record"]);
        told.says(&format!("{name} is missing")).says("`tminus record RELEASE`").never_says("tminus init");
        desk.record_verifies();
    }
    desk.expect(2, &["verify", "nowhere"]);
}

#[test]
fn check_tells_all_faults_at_once_as_text_and_json() {
    let desk = Desk::new();
    desk.write(
        "r.md",
        runbook(
            "```bash {#a .chek tiemout=3s}\ntrue\n```\n\n```bash {#a}\ncurl -f http://x/ || echo failed\n```",
        ),
    );
    let text = desk.expect(1, &["check", "r.md"]);
    text.says("chek").says("tiemout").says("timeout").says("now:");
    let json: serde_json::Value =
        serde_json::from_str(&desk.expect(1, &["check", "r.md", "--format", "json"]).out).expect("JSON");
    let findings = json["findings"].as_array().expect("findings");
    assert!(findings.len() >= 3, "{findings:#?}");
    for finding in findings {
        for key in ["code", "severity", "document", "line", "column", "message"] {
            assert!(!finding[key].is_null(), "{key} is missing in {finding}");
        }
        desk.expect(0, &["explain", finding["code"].as_str().expect("a code")]);
    }
    desk.expect(2, &["explain", "T000"]).says("no such code");
}

#[test]
fn tick_write_changes_exactly_one_byte_of_the_document() {
    let desk = Desk::new();
    let text = runbook("- [ ] one\n- [ ] two\n- [ ] three\n");
    desk.write("r.md", &text);
    desk.expect(5, &["run", "r.md", "--no-wait"]);
    desk.expect(0, &["tick", "item-2", "--write", "r.md"]).says("box ticked");
    assert_eq!(desk.read("r.md"), text.replace("- [ ] two", "- [x] two"));
    // Boxes that were ticked in it, by whom ever, are no other document.
    desk.write("r.md", text.replace("- [ ] two", "- [X] two"));
    desk.expect(0, &["tick", "item-3", "--write", "r.md"]).says("box ticked");
    assert_eq!(
        desk.read("r.md"),
        text.replace("- [ ] two", "- [X] two").replace("- [ ] three", "- [x] three")
    );
    desk.expect(0, &["status", "last"]).never_says("edited");
    desk.write("r.md", format!("{text}\nedited"));
    desk.expect(2, &["tick", "item-1", "--write", "r.md"]).says("changed since");
}

#[test]
fn the_demo_releases_one_version_and_takes_a_faulty_one_back_by_itself() {
    let desk = Desk::new();
    // A machine has these and a Rust toolchain, and need not have more.
    for tool in ["bash", "cp", "grep"] {
        let found = ["/bin", "/usr/bin"].map(|folder| std::path::Path::new(folder).join(tool));
        let found = found.iter().find(|path| path.exists()).expect("it is on every machine");
        std::os::unix::fs::symlink(found, desk.path("bin").join(tool)).expect("a link");
    }
    let folder = desk.path("demo").display().to_string();
    let mut demo = desk.command(&["demo", "--folder", &folder]);
    let ran = Ran::of(demo.env("PATH", desk.path("bin")).output().expect("starts"));
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    ran.says("v1.1.0 succeeded")
        .says("v1.2.0 rolled back")
        .says("rolls back by itself, a rule fired: error_rate is");
    ran.says("passed: Staging: back-staging [staging]").says("What to type next");
    let pages: Vec<&str> =
        ran.out.lines().filter_map(|line| line.trim().strip_suffix("/record.md")).collect();
    assert_eq!(pages.len(), 2, "both records are named: {}", ran.out);
    for record in pages {
        desk.expect(0, &["verify", record]);
    }
    for instance in ["staging-1", "production-1", "production-2", "production-3"] {
        assert!(desk.read(&format!("demo/instances/{instance}/app.json")).contains("v1.1.0"), "{instance}");
    }
}

#[test]
fn an_adopted_block_runs_without_asking_until_one_byte_of_it_changes() {
    let desk = Desk::new();
    let text = "# Old runbook\n\n## Deploy\n\n```bash\necho deployed > out\n```\n";
    desk.write("old.md", text);
    desk.expect(2, &["run", "old.md"]).says("--assisted");
    desk.expect(0, &["adopt", "old.md"]).says("look at each block and decide");
    desk.expect(0, &["run", "old.md"]).says("succeeded");
    assert_eq!(desk.read("out"), "deployed\n");
    assert_eq!(desk.read("old.md"), text, "nothing is written into the document");
    desk.write("old.md", text.replace("deployed", "Deployed"));
    desk.expect(2, &["run", "old.md"]).says("changed after it was adopted");
}

/// What runs can be read and pasted before it runs: all of it, and nothing of it happens meanwhile.
#[test]
fn a_plan_in_full_and_a_dry_run_show_every_line_and_what_cannot_be_taken_back() {
    let desk = Desk::new();
    desk.write("tminus.toml", "[databases]\nshop = \"env:SHOP_URL\"\n");
    let lines: String = (1..=40).map(|number| format!("echo line {number} of it\n")).collect();
    let body = format!(
        "```bash {{#mail undo=none}}\n{lines}touch happened\n```\n\n```yaml {{#m .migrate}}\ndb: shop\napply: db/*.sql\nundo: keep\n```"
    );
    desk.write("r.md", runbook(&body));
    let short = desk.expect(0, &["plan", "r.md"]);
    short.says("more lines: --full shows them").never_says("line 40 of it").says("points of no return: mail");
    short.says("stays in a rollback");
    for words in [&["plan", "r.md", "--full"][..], &["run", "r.md", "--dry-run"]] {
        let ran = desk.expect(0, words);
        ran.says("$ echo line 1 of it").says("$ echo line 40 of it").says("$ touch happened");
        // Of a recipe as well.
        ran.says("insert into public.tminus_migrations").never_says("--full shows them");
    }
    assert!(!desk.path("happened").exists() && !desk.path(".tminus").exists());
}
