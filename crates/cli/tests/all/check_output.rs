//! What `check` gives to programs and what it mends.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Desk, Ran};

/// One error that can be mended, one warning that cannot be without a change of meaning.
const FAULTY: &str = "# Release\n\n## Deploy\n\n```bash\npsql -f a.sql\nkubectl logs -f deploy/web\n```\n";

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).expect("JSON")
}

#[test]
fn exit_codes_follow_the_severity_that_counts() {
    let desk = Desk::new();
    desk.write("error.md", FAULTY);
    desk.write("warning.md", FAULTY.replace("psql -f a.sql\n", ""));
    desk.write("clean.md", "# R\n\n## Deploy\n\n- [ ] done (@sre)\n");
    let table = [("error.md", [1, 1, 1, 0]), ("warning.md", [0, 1, 1, 0]), ("clean.md", [0, 0, 0, 0])];
    for (file, codes) in table {
        for (severity, code) in ["error", "warning", "note", "never"].into_iter().zip(codes) {
            desk.expect(code, &["check", file, "--fail-on", severity]);
            desk.expect(code, &["check", file, "--fail-on", severity, "--format", "sarif"]);
        }
    }
    desk.expect(2, &["check", "error.md", "--fail-on", "always"]).says("never");
}

/// What the examples silence: document, code, and why that is right.
const SILENCED: [(&str, &str, &str); 1] = [(
    "release-runbook.md",
    "T602",
    "one person tries `init` out, and the document says what to change afterwards",
)];

/// The runbooks that people are shown as examples: nothing at all is said about them, notes and
/// settings included.
#[test]
fn what_the_project_gives_away_is_clean() {
    let desk = Desk::new();
    desk.expect(0, &["init"]);
    let mut documents = vec![desk.path("release-runbook.md")];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks");
    for entry in std::fs::read_dir(&folder).expect("runbooks/").flatten() {
        let path = entry.path();
        if path.is_dir() {
            documents.push(path.join("RUNBOOK.md"));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            documents.push(path);
        }
    }
    assert!(documents.len() >= 7, "the demo, a runbook a folder and what init writes: {documents:?}");
    for document in documents {
        assert!(document.with_file_name("tminus.toml").is_file(), "{} has settings", document.display());
        let path = document.to_str().expect("a path that is text");
        let ran = desk.run(&["check", path, "--format", "json", "--fail-on", "note"]);
        let said = json(&ran);
        assert_eq!(said["findings"], serde_json::json!([]), "{path}");
        assert_eq!(ran.code, 0, "{path}: {}", ran.err);
        let silenced = said["silenced"].as_array().expect("a list").iter();
        let silenced: Vec<&str> = silenced.filter_map(|one| one["code"].as_str()).collect();
        let reviewed: Vec<&str> =
            SILENCED.iter().filter(|(name, ..)| document.ends_with(name)).map(|row| row.1).collect();
        assert_eq!(silenced, reviewed, "{path}");
    }
}

#[test]
fn sarif_has_what_code_scanning_needs() {
    let desk = Desk::new();
    desk.write("my docs/release 😀.md", FAULTY);
    desk.write("my docs/tminus.toml", "[polcy]\n");
    let log = json(&desk.expect(1, &["check", "./my docs/release 😀.md", "--format", "sarif"]));
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "tminus");
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    assert!(results.len() >= 3, "{results:#?}");
    let mut files = std::collections::BTreeSet::new();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("a number")).expect("small");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(rules[index]["help"]["text"].as_str().is_some_and(|text| text.len() > 20), "{result}");
        assert!(result["partialFingerprints"]["primaryLocationLineHash"].is_string(), "{result}");
        let place = &result["locations"][0]["physicalLocation"];
        files.insert(place["artifactLocation"]["uri"].as_str().expect("an address").to_owned());
        for key in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][key].as_u64().is_some_and(|number| number > 0), "{result}");
        }
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(files, ["my%20docs/release%20%F0%9F%98%80.md", "my%20docs/tminus.toml"]);
    let fix = &results.iter().find(|result| result["ruleId"] == "T301").expect("T301")["fixes"][0];
    let change = &fix["artifactChanges"][0]["replacements"][0];
    assert_eq!(change["insertedContent"]["text"], " -v ON_ERROR_STOP=1");
    assert_eq!(change["deletedRegion"]["startColumn"], 5);
}

#[test]
fn what_is_silenced_is_counted_everywhere() {
    let desk = Desk::new();
    let silence = "# tminus: ignore T206 because a person ends it";
    desk.write("r.md", FAULTY.replace("web\n", &format!("web   {silence}\n")));
    desk.write("place/r.md", FAULTY);
    let settings = "[checks]\nT206 = { severity = \"off\", because = \"logs rotate\" }\n";
    desk.write("place/tminus.toml", settings);
    for (file, kind, because) in
        [("r.md", "inSource", "a person ends it"), ("place/r.md", "external", "logs rotate")]
    {
        for format in ["text", "markdown", "github"] {
            let ran = desk.expect(1, &["check", file, "--format", format]);
            ran.says("1 finding is silenced with a reason").never_says("T206");
            let ran = desk.expect(1, &["check", file, "--format", format, "--without-silenced"]);
            ran.never_says("silenced").says("T301");
        }
        let log = json(&desk.expect(1, &["check", file, "--format", "sarif"]));
        let results = log["runs"][0]["results"].as_array().expect("results");
        let silenced: Vec<&Value> = results.iter().filter(|one| !one["suppressions"].is_null()).collect();
        let suppression = &silenced[0]["suppressions"][0];
        assert_eq!((silenced.len(), &silenced[0]["ruleId"]), (1, &Value::from("T206")), "{results:#?}");
        assert_eq!((&suppression["kind"], &suppression["justification"]), (&kind.into(), &because.into()));
        let left = json(&desk.expect(1, &["check", file, "--format", "sarif", "--without-silenced"]));
        let print = |result: &Value| result["partialFingerprints"].clone();
        let left: Vec<Value> =
            left["runs"][0]["results"].as_array().expect("results").iter().map(print).collect();
        let whole: Vec<Value> = results.iter().map(print).collect();
        // The fingerprints of what is shown are the same with and without what is silenced.
        assert_eq!(left, whole[..whole.len() - 1]);
    }
}

/// A program of a folder of its own that says a version.
fn install(desk: &Desk, program: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    desk.write(&format!("bin/{program}"), format!("#!/bin/sh\n{script}\n"));
    let path = desk.path(&format!("bin/{program}"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
}

fn check_with_programs(desk: &Desk, arguments: &[&str]) -> Ran {
    let script = "PATH=\"$PWD/bin:$PATH\" exec \"$0\" check \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_tminus")]).args(arguments).current_dir(&desk.folder);
    Ran::of(command.output().expect("tminus starts"))
}

#[test]
fn a_fact_about_a_tool_is_held_against_the_installed_one() {
    let desk = Desk::new();
    desk.write(
        "r.md",
        "# R\n\n## Deploy\n\n```bash\nsupabase db remote commit\nhelm delete --purge a\n```\n",
    );
    install(&desk, "supabase", "echo 2.9.1");
    install(&desk, "helm", "[ \"$1\" = version ] && echo v3.14.2+gc309b6f");
    let ran = check_with_programs(&desk, &["r.md", "--installed"]);
    ran.says("2.9.1 is installed here, so this begins with the update to 3.0.0");
    ran.says("3.14.2 is installed here, so this applies");
    check_with_programs(&desk, &["r.md"]).never_says("is installed here");
    install(&desk, "supabase", "echo what?");
    check_with_programs(&desk, &["r.md", "--installed"]).says("supabase did not tell its version here");
}

#[test]
fn bash_and_shellcheck_are_asked_about_scripts() {
    let desk = Desk::new();
    // A place to fill in must not confuse them, nor where the block stands.
    let code =
        "1. Do:\n\n   ```bash\n   echo \"<tag>\"\n   for f in $(ls <folder>); do echo \"$f\"; done\n   ```\n";
    desk.write("r.md", format!("# R\n\n## Deploy\n\n{code}"));
    if Command::new("shellcheck").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "CI=true needs shellcheck");
        eprintln!("skipped: shellcheck is not installed");
        check_with_programs(&desk, &["r.md", "--shellcheck"]).says("shellcheck is not installed");
        return;
    }
    let found = json(&check_with_programs(&desk, &["r.md", "--shellcheck", "--format", "json"]));
    let found = found["findings"].as_array().expect("findings").clone();
    let told: Vec<&Value> = found.iter().filter(|one| one["code"] == "SC2045").collect();
    assert_eq!(told.len(), 1, "{found:#?}");
    assert_eq!((&told[0]["line"], &told[0]["column"]), (&Value::from(9), &Value::from(13)), "{told:#?}");
    desk.write("sarif.md", format!("# R\n\n## Deploy\n\n{code}"));
    let log = json(&check_with_programs(&desk, &["sarif.md", "--shellcheck", "--format", "sarif"]));
    assert!(log.to_string().contains("SC2045"), "{log}");
    check_with_programs(&desk, &["r.md", "--shellcheck", "--fix"]).says("--fix");
}

#[test]
fn comments_and_annotations_name_each_finding() {
    let desk = Desk::new();
    desk.write("r.md", FAULTY);
    desk.expect(1, &["check", "r.md", "--format", "markdown"])
        .says("### tminus check: 1 error")
        .says("error&nbsp;T301")
        .says("<code>r.md:6</code>");
    let ran = desk.expect(1, &["check", "r.md", "--format", "github"]);
    ran.says("::error file=r.md,line=6,endLine=6,col=1,endColumn=14,title=tminus T301::psql returns 0");
    let first = ran.out.lines().next().expect("a line");
    assert!(first.starts_with("::error "), "what hurts most comes first: {first}");
}

/// What is printed for `git apply` makes the same file as `--yes`.
fn check_fix(name: &str, before: &str, level: &str, after: &str) {
    let desk = Desk::new();
    desk.write(name, before);
    desk.write(&format!("copy/{name}"), before);
    let patch = desk.run(&["check", name, level]);
    assert_eq!(desk.read(name), before, "nothing is written without a yes");
    patch.says("--yes");
    let mut git = Command::new("git")
        .args(["apply", "--unsafe-paths", "--whitespace=nowarn", "--directory", "copy"])
        .current_dir(&desk.folder)
        .stdin(Stdio::piped())
        .spawn()
        .expect("git is there");
    std::io::Write::write_all(&mut git.stdin.take().expect("a pipe"), patch.out.as_bytes())
        .expect("git reads");
    assert!(git.wait().expect("git ends").success(), "{}", patch.out);
    desk.run(&["check", name, level, "--yes"]).says("before");
    assert_eq!(desk.read(name), after, "{level}");
    assert_eq!(desk.read(&format!("copy/{name}")), after, "{}", patch.out);
}

#[test]
fn a_fix_changes_exactly_the_bytes_that_its_patch_shows() {
    let safe = FAULTY.replace("psql", "psql -v ON_ERROR_STOP=1");
    check_fix("r.md", FAULTY, "--fix", &safe);
    check_fix("r.md", FAULTY, "--fix=unsafe", &safe.replace(" -f deploy", " deploy"));
    // Windows line ends, a byte-order mark, no line end at the end, spaces that end a line.
    let windows = format!("\u{feff}{}", FAULTY.replace('\n', "\r\n").replace("## Deploy", "## Deploy  "));
    let windows = windows.trim_end();
    check_fix("a b.md", windows, "--fix", &windows.replace("psql", "psql -v ON_ERROR_STOP=1"));
}

#[test]
fn a_fix_is_refused_where_it_cannot_be_made() {
    let desk = Desk::new();
    desk.write("clean.md", "# R\n\n## Deploy\n\n- [ ] done (@sre)\n");
    let ran = desk.expect(0, &["check", "clean.md", "--fix", "--yes"]);
    ran.says("nothing found").never_says("---");
    desk.expect(2, &["check", "clean.md", "--yes"]).says("--fix");
    desk.expect(2, &["check", "clean.md", "--fix", "--format", "json"]).says("--format");
    desk.expect(2, &["check", "clean.md", "--fix=all"]).says("unsafe");
    desk.write("tminus.toml", "[polcy]\nno_data = \"1m\"\n");
    desk.expect(0, &["check", "clean.md", "--fix", "--yes"]).says("[policy]");
    assert_eq!(desk.read("tminus.toml"), "[policy]\nno_data = \"1m\"\n");
}

#[test]
fn a_verbatim_document_becomes_unattended_phase_by_phase() {
    let desk = Desk::new();
    let verbatim = "# Web\n\n## Build\n\n```bash\necho built > built\n```\n\n## Ship to staging\n\n```bash\necho \"$VERSION\" > deployed\n```\n";
    desk.write("r.md", verbatim);
    let patch = desk.expect(0, &["suggest", "r.md"]);
    assert!(patch.out.starts_with("--- a/r.md\n+++ b/r.md\n@@"), "{}", patch.out);
    patch.says("nothing was changed").says("{#ship-to-staging}");
    assert_eq!(desk.read("r.md"), verbatim, "nothing is written without a yes");
    desk.expect(2, &["suggest", "r.md", "--phase", "fly"]).says("1  Build");
    desk.expect(0, &["suggest", "r.md", "--phase", "1", "--yes"]);
    assert!(desk.read("r.md").contains("```bash {#build}") && !desk.read("r.md").contains("runbook: 1"));
    desk.expect(2, &["run", "r.md", "--version", "v1.0.0"]).says("T901");
    desk.expect(0, &["suggest", "r.md", "--phase", "ship", "--yes"]);
    desk.expect(0, &["suggest", "r.md"]).says("there is nothing to write");
    desk.expect(0, &["check", "r.md"]);
    desk.expect(0, &["run", "r.md", "--version", "v1.0.0"]).says("succeeded");
    assert_eq!(desk.read("deployed"), "v1.0.0\n");
}
