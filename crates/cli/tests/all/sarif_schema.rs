//! What `check --format sarif` writes against OASIS's own schema of SARIF 2.1.0, by a validator that
//! knows nothing of tminus. The schema comes with the crate `serde-sarif`, which is only here for it.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::Desk;

/// Every kind of finding: errors and notes, with fixes that keep the meaning and that change it, over
/// several lines, silenced in the document and by settings, in a file with a name that needs escaping.
const DOCUMENT: &str = "# Release\n\n## Deploy to production\n\n```bash\npsql -f a.sql\ncurl -f https://x.test/health \\\n  || echo no\nkubectl logs -f deploy/web\n# tminus: ignore T204 because the vendor has no readiness endpoint\nsleep 30\ndocker-compose ps\n```\n\n- [ ] \n";

/// The schema in the sources of the crate, where cargo has put them.
fn schema() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be started");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == "serde-sarif").expect("a dev-dependency");
    let manifest = PathBuf::from(package["manifest_path"].as_str().expect("a path"));
    manifest.with_file_name("src").join("schema.json")
}

/// Returns what the validator says about a file: nothing when it fits.
fn faults(desk: &Desk, file: &str) -> Option<String> {
    let output = Command::new("jsonschema")
        .arg("--instance")
        .arg(desk.path(file))
        .arg(schema())
        .output()
        .expect("jsonschema is there; `cargo xtask testbed up` installs it");
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn sarif_fits_the_schema_of_2_1_0() {
    let desk = Desk::new();
    desk.write("my docs/release 😀.md", DOCUMENT);
    desk.write("my docs/tminus.toml", "[polcy]\n[checks]\nT206 = { because = \"logs are read by hand\" }\n");
    desk.write("empty.md", "# R\n\n## Work\n\n- [ ] done\n");
    let tables: [&[&str]; 3] = [
        &["check", "my docs/release 😀.md", "--format", "sarif"],
        &["check", "my docs/release 😀.md", "--format", "sarif", "--without-silenced"],
        &["check", "empty.md", "--format", "sarif"],
    ];
    for arguments in tables {
        let ran = desk.run(arguments);
        desk.write("log.sarif", &ran.out);
        assert_eq!(faults(&desk, "log.sarif"), None, "{arguments:?}: {}", ran.out);
    }
    // The validator would say so if it were not.
    let ran = desk.run(&["check", "my docs/release 😀.md", "--format", "sarif"]);
    let mut log: Value = serde_json::from_str(&ran.out).expect("JSON");
    log["runs"][0]["results"][0]["level"] = "dreadful".into();
    desk.write("log.sarif", log.to_string());
    assert!(faults(&desk, "log.sarif").is_some_and(|said| said.contains("dreadful")));
}
