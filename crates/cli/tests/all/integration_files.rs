//! The files by which other programs call tminus: they are read here as those programs read them,
//! and what they run is run.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Desk, Ran};

fn yaml(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    let text = std::fs::read_to_string(path).expect("the file is there");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// Runs the action's script for a list of files, as a runner does.
fn act(desk: &Desk, files: &str, fail_on: &str) -> Ran {
    let action = yaml("action.yml");
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let check = steps.iter().find(|step| step["id"] == "check").expect("the step that checks");
    let script = check["run"].as_str().expect("a script");
    assert!(!script.contains("${{"), "an input inside of a script would be code");
    desk.write("script.sh", script);
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "script.sh"]).current_dir(&desk.folder);
    let binary = Path::new(env!("CARGO_BIN_EXE_tminus"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().expect("a folder").display());
    command.env_clear().env("PATH", path).env("LANG", "C.UTF-8");
    command.env("FILES", files).env("FAIL_ON", fail_on).env("RUNNER_TEMP", &desk.folder);
    for name in ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"] {
        command.env(name, desk.path(name));
    }
    Ran::of(command.output().expect("bash starts"))
}

#[test]
fn the_action_annotates_summarises_and_writes_sarif() {
    let desk = Desk::new();
    let faulty = "# Release\n\n## Deploy\n\n```bash\npsql -f a.sql\n```\n";
    desk.write("docs/deep/release one.md", faulty);
    desk.write("docs/b.md", faulty.replace("psql", "echo"));
    desk.write("docs/c.md", faulty.replace("psql", "# tminus: ignore T301 because it is a test\npsql"));
    let ran = act(&desk, "docs/**/*.md\n", "error");
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    ran.says("::error file=docs/deep/release one.md,line=6");
    assert!(desk.read("GITHUB_STEP_SUMMARY").contains("### tminus check: 1 error"));
    assert!(desk.read("GITHUB_OUTPUT").contains("sarif="));
    let sarif: Value = serde_json::from_str(&desk.read("tminus.sarif")).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    assert!(!sarif.to_string().contains("suppressions"), "code scanning would show them as open: {sarif}");
    for (files, fail_on, code) in [
        ("docs/**/*.md", "never", 0),
        ("docs/b.md", "error", 0),
        ("docs/none-*.md", "error", 2),
        ("\n", "error", 2),
        ("$(touch hacked); `touch hacked`*", "error", 2),
    ] {
        assert_eq!(act(&desk, files, fail_on).code, code, "{files}");
    }
    assert!(!desk.path("hacked").exists(), "a name is no code");
}

#[test]
fn the_hooks_pick_runbooks_and_run() {
    let desk = Desk::new();
    desk.write("release.md", "# Release\n\n## Deploy\n\n```bash\npsql -f a.sql\n```\n");
    for (hook, code) in [("tminus-check", 1), ("tminus-fix", 0)] {
        let hooks = yaml(".pre-commit-hooks.yaml");
        let hook = hooks.as_array().expect("hooks").iter().find(|one| one["id"] == hook).expect("the hook");
        let words: Vec<&str> = hook["entry"].as_str().expect("a command").split(' ').collect();
        assert_eq!(words[0], "tminus");
        let arguments: Vec<&str> = words[1..].iter().copied().chain(["release.md"]).collect();
        desk.expect(code, &arguments);
        let names = [
            ("docs/release-runbook.md", true),
            ("RELEASE.md", true),
            ("runbooks/web.markdown", true),
            ("docs/deploy.txt", false),
            ("README.md", false),
            ("docs/release-notes.md", false),
        ];
        // The patterns are Python's, so Python judges them.
        let script = "import re, sys; files, exclude, *names = sys.argv[1:]\n\
                      for name in names: print(bool(re.search(files, name) and not re.search(exclude, name)))";
        let mut python = Command::new("python3");
        python
            .args(["-c", script])
            .args(["files", "exclude"].map(|key| hook[key].as_str().expect("a pattern")));
        let said = Ran::of(python.args(names.map(|(name, _)| name)).output().expect("python3 is there"));
        let judged: Vec<bool> = said.out.lines().map(|line| line == "True").collect();
        assert_eq!(judged, names.map(|(_, expected)| expected), "{}", said.err);
    }
}
