//! Gates that look before a release goes on: keys of env files, a clean work tree.

use std::process::Command;

use crate::support::{Desk, runbook};

const KEYS: &str =
    "```yaml {#keys .gate}\nenv_keys: { example: .env.example, file: .env.production, allow: [DEBUG] }\n```";
const CLEAN: &str = "```yaml {#clean .gate}\ngit: clean\n```";
const STEP: &str = "```bash {#step undo=none}\necho \"it went on\"\n```";

const EXAMPLE: &str =
    "# What the service needs\nexport DATABASE_URL=postgres://…\nAPI_KEY=\nCERT=\nDEBUG=1\n#OPTIONAL=\n";

fn desk(gate: &str) -> Desk {
    let desk = Desk::new();
    desk.write("r.md", runbook(&format!("{gate}\n\n{STEP}")));
    desk
}

#[test]
fn a_missing_key_stops_the_release_and_no_value_is_ever_shown() {
    let desk = desk(KEYS);
    desk.write(".env.example", EXAMPLE);
    // Values that look like keys: inside of quotes over several lines, and in a key block.
    desk.write(
        ".env.production",
        "DATABASE_URL='first\nHUNTER2_quoted=x\n'\r\nCERT=-----BEGIN PRIVATE KEY-----\nHUNTER2_block=\n-----END PRIVATE KEY-----\nNEW_FLAG=hunter2\nHUNTER2_a_very_long_line_of_something_that_is_no_name_of_a_key_at_all=\n",
    );
    let ran = desk.expect(5, &["run", "r.md", "--no-wait"]);
    ran.says(".env.production lacks: API_KEY").says("keys that .env.example has not: NEW_FLAG");
    ran.never_says("HUNTER2").never_says("hunter2").never_says("it went on");
    let found = desk.read(".env.production");
    desk.write(".env.production", found + "API_KEY=\"hunter2\n");
    // The mended file; a quote that never ends hides nothing that was read before it.
    desk.expect(0, &["answer", "keys", "retry"]);
    let ran = desk.expect(0, &["resume", "--no-wait"]);
    ran.says(".env.production has every key of .env.example: 4").says("it went on").never_says("hunter2");
}

#[test]
fn files_that_are_not_there_are_no_pass() {
    let desk = desk(KEYS);
    let run = |words: &str| {
        desk.expect(5, &["run", "r.md", "--no-wait"]).says(words).never_says("it went on");
        desk.expect(0, &["abort", "--reason", "test"]);
    };
    run("there is no .env.example in");
    desk.write(".env.example", "# nothing yet\n");
    run("there is no .env.production in");
    desk.write(".env.production", "A=1\n");
    run(".env.example names no key");
    desk.write(".env.example", "A=\n");
    desk.expect(0, &["run", "r.md", "--no-wait"]).says("it went on");
}

#[test]
fn a_work_tree_with_changes_stops_the_release_and_its_files_are_told() {
    let desk = desk(CLEAN);
    desk.expect(5, &["run", "r.md", "--no-wait"]).says("not a git repository");
    desk.expect(0, &["abort", "--reason", "test"]);
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=sam", "-c", "user.email=sam@example.com"]).args(arguments);
        let output = command.current_dir(&desk.folder).output().expect("git is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "--quiet"]);
    desk.write("täst.txt", "one\n");
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "first"]);
    // What tminus itself keeps there is no change.
    desk.expect(0, &["run", "r.md", "--no-wait"]).says("git is clean").says("it went on");

    desk.write("täst.txt", "two\n");
    desk.write("new/file.txt", "");
    let ran = desk.expect(5, &["run", "r.md", "--no-wait"]);
    ran.says("git is not clean: 2 changed or new").says(" M täst.txt").says("?? new/file.txt");
    ran.never_says("it went on");
    for at in 0..30 {
        desk.write(&format!("new/{at}.txt"), "");
    }
    desk.expect(0, &["answer", "clean", "retry"]);
    desk.expect(5, &["resume", "--no-wait"]).says("and 12 more");
}

#[test]
fn gates_that_cannot_be_read_are_faults() {
    for (body, words) in [
        ("git: dirty", "`git` knows one condition: `clean`"),
        ("env_keys: { example: a }", "`env_keys` needs `file`"),
        ("env_keys: [a, b]", "`env_keys` must be keys and values, not a list"),
        ("env_keys: { example: a, file: b, alow: [X] }", "`env_keys` has no key `alow`"),
        ("gti: clean", "`.gate` has no key `gti`"),
    ] {
        let desk = desk(&format!("```yaml {{#g .gate}}\n{body}\n```"));
        desk.expect(2, &["run", "r.md"]).says(words);
    }
}
