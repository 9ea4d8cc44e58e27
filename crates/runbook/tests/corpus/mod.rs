//! Documents as teams write them, each with planted faults and a twin without them.
//!
//! `NAME.md` has the faults that `planted.tsv` lists with their lines; `NAME.clean.md` is the same
//! document without them. What is planted must be found at its line, and nothing that hurts may be
//! said about a twin. The documents are examples of what the checker is for, not a list of what it
//! knows: a check that needs the words of one of them is wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tminus_runbook::check::{check, check_with, settle};
use tminus_runbook::compile::{Request, compile};
use tminus_runbook::diagnostic::{Diagnostic, Severity};
use tminus_runbook::settings::Settings;
use tminus_runbook::{markdown, outline};

/// Share of the planted faults that must be found.
const NEEDED: f64 = 0.95;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Everything that `tminus check` says about a document, but for what belongs to its plan.
fn found_in(name: &str) -> (String, Vec<Diagnostic>) {
    let text = std::fs::read_to_string(folder().join(name)).expect("a document of the corpus can be read");
    let mut found = check(&text, name);
    let compiled =
        compile(&text, &Request { name: name.to_owned(), inputs_come_later: true, ..Request::default() });
    found.extend(compiled.diagnostics.into_iter().filter(|d| d.code < "T900"));
    found.dedup_by(|a, b| (a.line, a.column, a.code) == (b.line, b.column, b.code));
    (text, found)
}

fn planted() -> Vec<(String, u32, String)> {
    let table = std::fs::read_to_string(folder().join("planted.tsv")).expect("the table of faults is there");
    let rows = table.lines().skip(1).map(|row| {
        let fields: Vec<&str> = row.split('\t').collect();
        let [name, line, code] = fields[..] else { panic!("a row has three fields: {row}") };
        (name.to_owned(), line.parse().expect("a line number"), code.to_owned())
    });
    rows.collect()
}

#[test]
fn planted_faults_are_found_and_twins_are_clean() {
    let planted = planted();
    let mut names: Vec<&str> = planted.iter().map(|(name, _, _)| name.as_str()).collect();
    names.dedup();
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let mut faults = Vec::new();
    for name in &names {
        let (text, found) = found_in(&format!("{name}.md"));
        for (_, line, code) in planted.iter().filter(|(document, _, _)| document == name) {
            let hit = found.iter().any(|d| d.code == code && d.line <= *line && *line <= d.end_line);
            counts.entry(code).or_default()[usize::from(!hit)] += 1;
            if !hit {
                println!(
                    "missed: {name}.md:{line} {code} {}",
                    text.lines().nth(*line as usize - 1).unwrap_or("")
                );
            }
        }
        // What else is said about the faulty twin must be planted as well.
        let (_, clean) = found_in(&format!("{name}.clean.md"));
        let other = found.iter().filter(|d| {
            !planted.iter().any(|(document, line, code)| {
                document == name && d.code == code && d.line <= *line && *line <= d.end_line
            })
        });
        let said = other.map(|d| ("", d)).chain(clean.iter().map(|d| (".clean", d)));
        for (twin, wrong) in said.filter(|(_, d)| d.severity > Severity::Note) {
            counts.entry(wrong.code).or_default()[2] += 1;
            faults.push(format!("{name}{twin}.md:{} {} {}", wrong.line, wrong.code, wrong.message));
        }
    }
    println!("code   found  missed  false");
    for (code, [found, missed, wrong]) in &counts {
        println!("{code}  {found:>6}  {missed:>6}  {wrong:>5}");
    }
    let found: usize = counts.values().map(|count| count[0]).sum();
    println!("{found} of {} found in {} documents", planted.len(), names.len());
    assert!(names.len() >= 60, "{} documents", names.len());
    assert!(found as f64 >= NEEDED * planted.len() as f64);
    assert!(faults.is_empty(), "said about what is in order: {faults:#?}");
}

#[test]
fn every_document_has_its_twin() {
    let entries = std::fs::read_dir(folder()).expect("the corpus is there").flatten();
    let names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let planted = planted();
    for name in names.iter().filter_map(|name| name.strip_suffix(".md")) {
        let other = match name.strip_suffix(".clean") {
            Some(faulty) => faulty.to_owned(),
            None => {
                assert!(
                    planted.iter().any(|(document, _, _)| document == name),
                    "{name} has no planted fault"
                );
                format!("{name}.clean")
            }
        };
        assert!(names.contains(&format!("{other}.md")), "{name} has no twin");
    }
}

/// Document, code, and how many findings are left and silenced.
#[test]
fn silences_need_a_reason_and_a_fault() {
    let sleep = "```bash\nsystemctl restart api\nsleep 30\ncurl -fsS http://x.test/ready\n```\n";
    let because = "because the vendor has no readiness endpoint";
    let table: [(String, &[&str], usize); 9] = [
        (sleep.to_owned(), &["T204"], 0),
        (format!("<!-- tminus: ignore T204 {because} -->\n\n{sleep}"), &[], 1),
        (format!("<!-- tminus: ignore T201, T204 {because} -->\n{sleep}"), &[], 1),
        (format!("<!-- tminus: ignore T204 -->\n\n{sleep}"), &["T116", "T204"], 0),
        (format!("<!-- tminus: ignore {because} -->\n\n{sleep}"), &["T116", "T204"], 0),
        (format!("<!-- tminus: ignore T114 {because} -->\n\n{sleep}"), &["T116", "T204"], 0),
        (format!("<!-- tminus: ignore T205 {because} -->\n\n{sleep}"), &["T117", "T204"], 0),
        (sleep.replace("sleep 30", &format!("sleep 30 # tminus: ignore T204 {because}")), &[], 1),
        (sleep.replace("sleep 30", &format!("# tminus: ignore T204 {because}\nsleep 30")), &[], 1),
    ];
    for (body, expected, silenced) in table {
        let text = format!("# R\n\n## Restart\n\n{body}");
        let blocks = markdown::parse(&text);
        let (outline, _) = outline::read(&text, &blocks, "x.md");
        let settings = Settings::default();
        let found = check_with(&text, &blocks, &outline, &settings);
        let settled = settle(&text, &blocks, found, &settings.checks);
        let mut codes: Vec<&str> = settled.findings.iter().map(|d| d.code).collect();
        codes.sort_unstable();
        assert_eq!(codes, expected, "{text}");
        assert_eq!(settled.silenced.len(), silenced, "{text}");
        assert!(
            settled
                .silenced
                .iter()
                .all(|silenced| silenced.because == "the vendor has no readiness endpoint")
        );
    }
}

/// A document with a silence that nothing needs, and the document without it.
#[test]
fn a_silence_that_nothing_needs_is_taken_out() {
    let because = "because the vendor has no readiness endpoint";
    let code = "```bash\necho a\n```\n";
    for (written, left) in [
        (format!("<!-- tminus: ignore T204 {because} -->\n{code}"), code.to_owned()),
        (code.replace("echo", &format!("# tminus: ignore T204 {because}\necho")), code.to_owned()),
        (
            code.replace("a\n", &format!("a   # tminus: ignore T204 {because}\n")).replace('\n', "\r\n"),
            code.replace('\n', "\r\n"),
        ),
    ] {
        let found = tminus_runbook::check::check(&format!("# R\n\n## Work\n\n{written}"), "x.md");
        let fix = found.iter().find(|d| d.code == "T117").and_then(|d| d.fix.clone()).expect("a fix");
        let mut text = format!("# R\n\n## Work\n\n{written}");
        text.replace_range(fix.start..fix.end, &fix.replacement);
        assert_eq!(text, format!("# R\n\n## Work\n\n{left}"));
    }
}

#[test]
fn settings_say_how_a_code_is_taken_here() {
    let text = "# R\n\n## Restart\n\n```bash\nsystemctl restart api\nsleep 30\nls\n```\n";
    for (toml, faults, severity) in [
        ("", 0, Some(Severity::Warning)),
        ("[checks]\nT204 = { severity = \"off\", because = \"old boxes\" }\n", 0, None),
        ("[checks]\nT204 = { severity = \"error\", because = \"we agreed\" }\n", 0, Some(Severity::Error)),
        ("[checks]\nT204 = { severity = \"off\" }\n", 1, Some(Severity::Warning)),
        ("[checks]\nT204 = { severity = \"loud\", because = \"x\" }\n", 1, Some(Severity::Warning)),
        ("[checks]\nT999 = { severity = \"off\", because = \"x\" }\n", 1, Some(Severity::Warning)),
        ("[checks]\nT114 = { severity = \"off\", because = \"x\" }\n", 1, Some(Severity::Warning)),
        ("[checks]\nT204 = { severty = \"off\", because = \"x\" }\n", 2, Some(Severity::Warning)),
    ] {
        let (settings, found) = tminus_runbook::settings::read(toml);
        assert_eq!(found.len(), faults, "{toml}: {found:#?}");
        let blocks = markdown::parse(text);
        let (outline, _) = outline::read(text, &blocks, "x.md");
        let found = check_with(text, &blocks, &outline, &settings);
        let settled = settle(text, &blocks, found, &settings.checks);
        let left = settled.findings.iter().find(|d| d.code == "T204").map(|d| d.severity);
        assert_eq!(left, severity, "{toml}");
        assert_eq!(settled.silenced.len(), usize::from(severity.is_none()), "{toml}");
    }
}
