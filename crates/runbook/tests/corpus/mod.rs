//! Documents as teams write them, each with planted faults and a twin without them.
//!
//! `NAME.md` has the faults that `planted.tsv` lists with their lines; `NAME.clean.md` is the same
//! document without them; settings and sidecars come in pairs as well. What is planted must be
//! found at its line, and nothing at all may be said about a twin but for the notes of a table
//! below. The documents are examples of what the checker is for, not a list of what it knows: a
//! check that needs the words of one of them is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tminus_runbook::check::{check_whole, check_with, codes, settle};
use tminus_runbook::diagnostic::{Diagnostic, Severity};
use tminus_runbook::settings::{self, Settings};
use tminus_runbook::{adopt, markdown, outline};

/// Share of the planted faults that must be found.
const NEEDED: f64 = 0.95;

/// What is read of a pair: a runbook, the settings of a place, a sidecar.
const ENDINGS: [&str; 3] = ["md", "toml", "yaml"];

/// Notes that are right about twins, and how many: document, code, number, and why.
#[rustfmt::skip]
const RIGHT_NOTES: [(&str, &str, usize, &str); 13] = [
    ("approval-self", "T214", 1, "who rolls back has to know the version before, and the page does not say from where"),
    ("apt-mirror", "T214", 1, "the snapshot before is named nowhere"),
    ("de-mostwerk", "T915", 1, "people read these numbers from a board: nothing here measures them"),
    ("orchard-scales", "T915", 1, "people read these numbers from a board: nothing here measures them"),
    ("docs-site", "T214", 1, "the network's id is named nowhere"),
    ("escalation-table", "T214", 1, "the revision before is named nowhere"),
    ("lambda-thumbs", "T214", 1, "the function's version before is named nowhere"),
    ("latency-units", "T214", 1, "the job's version before is named nowhere"),
    ("edge-proxy", "T212", 4, "nginx, Python and printed lines stand in blocks marked `bash`: nothing of them runs"),
    ("fr-mairie", "T210", 2, "`rsync --delete` into a folder that may hold more than the build: only who knows it can tell"),
    ("house-notes", "T212", 2, "printed lines and a list stand in blocks marked `bash`: nothing of them runs"),
    ("house-notes", "T106", 1, "an H4 stands below an H2"),
    ("supabase-club", "T303", 1, "`grep` finds a line in the backup; whether it is whole nobody has looked"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Reads a document of the corpus, named without its ending, and all that `tminus check` says about
/// it beside the `tminus.toml` of the corpus; of a settings file or a sidecar, what its reader says.
fn found_in(name: &str) -> (String, Vec<Diagnostic>) {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let there = ENDINGS.iter().find_map(|ending| {
        let text = read(&folder().join(format!("{name}.{ending}")))?;
        Some((*ending, text))
    });
    let (ending, text) = there.unwrap_or_else(|| panic!("{name} is in the corpus"));
    let found = match ending {
        "toml" => settings::read(&text).1,
        "yaml" => adopt::read(&text).1,
        _ => {
            let beside = read(&folder().join("tminus.toml")).expect("the settings of the corpus");
            let (settings, faults) = settings::read(&beside);
            assert_eq!(faults, [], "the settings of the corpus");
            check_whole(&text, name, settings).found
        }
    };
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
    let names: BTreeSet<&str> = planted.iter().map(|(name, _, _)| name.as_str()).collect();
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let mut faults = Vec::new();
    for name in &names {
        let (text, found) = found_in(name);
        for (_, line, code) in planted.iter().filter(|(document, _, _)| document == name) {
            let hit = found.iter().any(|d| d.code == code && d.line <= *line && *line <= d.end_line);
            counts.entry(code).or_default()[usize::from(!hit)] += 1;
            if !hit {
                println!(
                    "missed: {name}:{line} {code} {}",
                    text.lines().nth(*line as usize - 1).unwrap_or("")
                );
            }
        }
        // What else is said about the faulty twin must be planted as well.
        let (_, clean) = found_in(&format!("{name}.clean"));
        let other = found.iter().filter(|d| {
            !planted.iter().any(|(document, line, code)| {
                document == name && d.code == code && d.line <= *line && *line <= d.end_line
            })
        });
        let said = other.map(|d| ("", d)).chain(clean.iter().map(|d| (".clean", d)));
        for (twin, wrong) in said.filter(|(_, d)| !is_right(name, d)) {
            counts.entry(wrong.code).or_default()[2] += 1;
            faults.push(format!("{name}{twin}:{} {} {}", wrong.line, wrong.code, wrong.message));
        }
        faults.extend(notes_that_are_not_so(name, &clean));
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

/// Codes that no document of the corpus can have, and why.
const NOT_PLANTED: [(&str, &str); 1] = [("T910", "it takes a policy, which all of them would have")];

#[test]
fn every_code_is_planted() {
    let planted = planted();
    let missing: Vec<&str> = codes()
        .into_iter()
        .filter(|code| {
            planted.iter().any(|row| row.2 == *code) == NOT_PLANTED.iter().any(|row| row.0 == *code)
        })
        .collect();
    assert_eq!(missing, [""; 0], "neither planted nor excused, or both");
}

/// A note of the table, in either twin.
fn is_right(name: &str, found: &Diagnostic) -> bool {
    found.severity == Severity::Note && RIGHT_NOTES.iter().any(|row| (row.0, row.1) == (name, found.code))
}

/// Rows of the table that a twin has in another number.
fn notes_that_are_not_so(name: &str, clean: &[Diagnostic]) -> Vec<String> {
    let rows = RIGHT_NOTES.iter().filter(|row| row.0 == name);
    let wrong = rows.filter_map(|(_, code, number, _)| {
        let said = clean.iter().filter(|d| d.code == *code).count();
        (said != *number).then(|| format!("{name}.clean: {said} of {number} notes {code}"))
    });
    wrong.collect()
}

#[test]
fn every_document_has_its_twin() {
    let entries = std::fs::read_dir(folder()).expect("the corpus is there").flatten();
    let names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let planted = planted();
    let mut pairs = BTreeSet::new();
    for name in names.iter().filter(|name| name.as_str() != "tminus.toml") {
        let Some((stem, ending)) = name.rsplit_once('.').filter(|(_, ending)| ENDINGS.contains(ending))
        else {
            continue;
        };
        let faulty = stem.strip_suffix(".clean").unwrap_or(stem);
        assert!(planted.iter().any(|(document, _, _)| document == faulty), "{faulty} has no planted fault");
        for twin in [format!("{faulty}.{ending}"), format!("{faulty}.clean.{ending}")] {
            assert!(names.contains(&twin), "{twin} is not there");
        }
        pairs.insert(faulty);
    }
    for (document, ..) in &planted {
        assert!(pairs.contains(document.as_str()), "{document} is planted and not there");
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
