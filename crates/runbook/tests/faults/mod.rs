//! The faults that a careful reader found in five real runbooks: each is found, at its line, and
//! no error is said that is not true.

use std::fs;
use std::path::{Path, PathBuf};

use tminus_runbook::check::check;
use tminus_runbook::diagnostic::{Diagnostic, Severity};

/// Finds the shared folder; its absence is an error only where everything must be there.
fn seeds() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seeds");
    if folder.join("faults.tsv").is_file() {
        return Some(folder);
    }
    let is_ci = std::env::vars().any(|(name, value)| name == "CI" && value == "true");
    assert!(!is_ci, "the seeds must be there in CI: {}", folder.display());
    println!("skipped: no seeds at {}", folder.display());
    None
}

fn read_all(folder: &Path) -> Vec<(String, String, Vec<Diagnostic>)> {
    let entries = fs::read_dir(folder).expect("the folder of the seeds can be read");
    let mut names: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    names.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    names.sort();
    names
        .iter()
        .filter_map(|path| {
            let name = path.file_stem()?.to_str()?.get(..3)?.to_owned();
            let text = fs::read_to_string(path).expect("a seed can be read");
            let found = check(&text, &name);
            name.starts_with('0').then_some((name, text, found))
        })
        .collect()
}

#[test]
fn faults_of_the_seeds_are_found_at_their_line() {
    let Some(folder) = seeds() else { return };
    let documents = read_all(&folder);
    let table = fs::read_to_string(folder.join("faults.tsv")).unwrap();
    let mut missing = Vec::new();
    let mut total = 0;
    for row in table.lines().skip(1) {
        let fields: Vec<&str> = row.split('\t').collect();
        let [name, line, code, fact] = fields[..] else {
            panic!("a row of faults.tsv has four fields: {row}")
        };
        let line: u32 = line.parse().unwrap();
        let (_, _, found) = documents.iter().find(|(document, _, _)| document == name).unwrap();
        let exact = found.iter().any(|d| d.code == code && d.line == line);
        let covered = found.iter().any(|d| d.code == code && d.line <= line && line <= d.end_line);
        total += 1;
        println!(
            "{} {name}:{line} {code} {fact}",
            if exact {
                "found  "
            } else if covered {
                "covered"
            } else {
                "MISSING"
            }
        );
        if !covered {
            missing.push(row);
        }
    }
    println!("{} of {total} found", total - missing.len());
    assert!(total >= 40);
    assert!(missing.is_empty(), "not found: {missing:#?}");
}

/// Every error of the five documents, reviewed: document, code, lines, and why it is true.
const REVIEWED_ERRORS: &[(&str, &str, &[u32], &str)] = &[
    ("000", "T201", &[324, 325], "`curl -f … || echo` returns 0 whatever curl returns"),
    (
        "000",
        "T207",
        &[218, 337, 510, 514],
        "unquoted `<…>` in front of `.sql`: bash takes the name as input and writes `.sql`",
    ),
    ("000", "T301", &[218, 337, 510, 514, 525], "psql without ON_ERROR_STOP returns 0 on SQL errors"),
    ("002", "T201", &[315, 316, 477, 478], "`curl -f … || echo` returns 0 whatever curl returns"),
    ("002", "T203", &[402], "three reads of the clock, to the second, with a dump between them"),
    ("002", "T301", &[282, 419, 651, 661], "psql without ON_ERROR_STOP returns 0 on SQL errors"),
    (
        "003",
        "T207",
        &[101, 112, 122, 123, 144, 150, 154, 159],
        "unquoted `<…>`: bash -n refuses the line, or the command writes a file",
    ),
    ("003", "T802", &[104, 146], "removed in Supabase CLI 3.0.0"),
    (
        "004",
        "T207",
        &[145, 165, 294, 297, 324, 349, 404, 407, 410, 413, 493, 527, 540, 701, 704, 705, 708, 711],
        "unquoted `<…>`: bash -n refuses the line, or the command writes a file",
    ),
];

#[test]
fn faults_said_to_be_errors_are_true() {
    let Some(folder) = seeds() else { return };
    let mut unknown = Vec::new();
    for (name, text, found) in read_all(&folder) {
        for error in found.iter().filter(|d| d.severity == Severity::Error) {
            let line = text.lines().nth(error.line as usize - 1).unwrap_or_default().trim();
            let reviewed = REVIEWED_ERRORS.iter().any(|(document, code, lines, _)| {
                *document == name && *code == error.code && lines.contains(&error.line)
            });
            if !reviewed {
                unknown.push(format!("{name}:{} {} {line} — {}", error.line, error.code, error.message));
            }
        }
    }
    assert!(unknown.is_empty(), "errors that nobody has reviewed: {unknown:#?}");
}
