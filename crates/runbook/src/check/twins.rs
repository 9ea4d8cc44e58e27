//! Pairs of texts that differ in one thing: one has the fault, its twin has not. Each stands for a
//! class of false alarms that documents in the wild have shown, in words of our own.

use super::*;
use crate::diagnostic::Severity;

/// Tells whether a finding of this code, worse than a note, is made about a text.
fn is_said(code: &str, text: &str) -> bool {
    let found = check(&format!("# Release\n\n## Setup\n\n{text}\n"), "x.md");
    found.iter().any(|d| d.code == code && d.severity > Severity::Note)
}

fn pairs(code: &str, table: &[(&str, &str)]) {
    for (fault, twin) in table {
        assert!(is_said(code, fault), "{code} is missing: {fault}");
        assert!(!is_said(code, twin), "{code} is said: {twin}");
    }
}

fn bash(script: &str) -> String {
    format!("```bash\n{script}\n```")
}

#[test]
fn what_a_program_prints_is_no_code() {
    let blocks = [
        ("cd a (b", "node demo.js --size=3\n{ _: [], size: 3, name: 'a b' }"),
        ("if true; then\n{ ls; }", "{ 'a-b': 1, c: 2 }"),
        ("demo (7)", "Usage: demo [-vf] first second\n  --depth N   levels (three\n              at most)"),
        ("ours (90 runs)", "# sort:\n  ours x 1,200 ops/sec ±0.51% (90 runs sampled)"),
        ("model (7)", "model      : unit (7)"),
        ("item = pair (1)", "item ::= pair {\n  left (1)\n}"),
        ("demo --help (all", "% demo --help\n\n  -q   be quiet (no\n       lines at all)"),
        ("echo 'a", "$ echo '\n> a\n> '\n\na"),
    ];
    for (fault, twin) in blocks {
        pairs("T212", &[(&bash(fault), &bash(twin))]);
    }
}

#[test]
fn output_behind_a_prompt_may_begin_like_a_second_prompt() {
    let text = "```console\n$ npm run build\n> shop@1.0.0 build (all\n```";
    assert!(!is_said("T212", text));
}

#[test]
fn sql_among_commands_is_no_command() {
    let blocks = [
        ("cd /opt\nDROP TABLE old_jobs;", "psql app\nDROP TABLE old_jobs;"),
        ("UPDATE jobs SET state = 'new';", "psql app <<'SQL'\nUPDATE jobs SET state = 'new';\nSQL"),
        ("SELECT version FROM releases;", "SELECT=1 ./report FROM releases"),
        ("CREATE INDEX on_time ON jobs;", "psql -v ON_ERROR_STOP=1 app -c 'CREATE INDEX on_time ON jobs'"),
    ];
    for (fault, twin) in blocks {
        pairs("T212", &[(&bash(fault), &bash(twin))]);
    }
}

#[test]
fn places_to_fill_in_are_those_of_commands() {
    let blocks = [
        ("demo <file> out", "Usage: demo <file> out"),
        ("./demo\nsocket opened <address>", "./demo\n\nSOCKET 12: opened <address>"),
        ("demo copy <file> <folder>", "demo copy <file> [<folder>] [...options]"),
        ("[ -n <name> ] && ./demo", "demo <name> [--force]"),
    ];
    for (fault, twin) in blocks {
        pairs("T207", &[(&bash(fault), &bash(twin))]);
    }
}

#[test]
fn who_asks_for_a_tool_does_not_start_it() {
    let blocks = [
        ("node", "cp $(command -v node) tool"),
        ("command psql", "command -v psql"),
        ("su - app", "su - app -c './migrate'"),
        ("sudo adduser app", "sudo adduser app www-data"),
        ("adduser app", "adduser --system app"),
        ("fly postgres connect -a shop-db", "fly postgres list"),
        ("sudo mysql_secure_installation", "sudo mysql -e 'SELECT 1'"),
    ];
    for (fault, twin) in blocks {
        pairs("T205", &[(&bash(fault), &bash(twin))]);
    }
}

#[test]
fn a_comment_above_its_command_is_a_heading() {
    let fault = "# Delete the old jobs manually\nkubectl get jobs";
    pairs("T208", &[(&bash(fault), &bash("# Delete the old jobs manually\nkubectl delete job old"))]);
}

#[test]
fn a_page_for_users_is_no_lock() {
    let twin = bash("echo 'Back soon' > public/maintenance.html");
    pairs("T408", &[(&bash("echo closed > /opt/shop/.maintenance"), &twin)]);
}

#[test]
fn what_everyone_is_shown_is_no_secret() {
    let value = "q9X2mK7vT4pLw8Zr1Nc6Jh3D";
    let badge = format!("[![state](https://ci.test/shop.svg?access-token={value})](https://ci.test/shop)");
    pairs("T701", &[(&format!("[state](https://ci.test/shop?access_token={value})"), "See the page.")]);
    assert!(!is_said("T701", &badge.replace("access-token", "access_token")));
    let key = |body: &str| format!("`KEY=\"-----BEGIN {}-----\\n{body}\\n-----END\"`", "PRIVATE KEY");
    pairs("T701", &[(&key(&value.repeat(3)), &key("Qw3r..."))]);
}
