//! The faults that a careful reader found in five real runbooks: each is found, at its line, and
//! no error is said that is not true.

use std::collections::BTreeSet;

use tminus_runbook::check::check_whole;
use tminus_runbook::diagnostic::{Diagnostic, Severity};
use tminus_runbook::settings::Settings;

use crate::seeds;

/// Number, text and all that `tminus check` prints of each document.
fn checked() -> Vec<(String, String, Vec<Diagnostic>)> {
    let looked = seeds::all().into_iter().map(|(name, text, _)| {
        let found = check_whole(&text, &name, Settings::default()).found;
        (name[..3].to_owned(), text, found)
    });
    looked.collect()
}

/// Faults that are rightly said of more than their line: document, line, code, and why.
const SAID_OF_A_BLOCK: [(&str, u32, &str, &str); 1] =
    [("004", 349, "T209", "two ways in one fence: it begins with the comment that names the first one")];

#[test]
fn faults_of_the_seeds_are_found_at_their_line() {
    let Some(folder) = seeds::folder() else { return };
    let documents = checked();
    let table = std::fs::read_to_string(folder.join("faults.tsv")).expect("the faults of the seeds");
    let mut missing = Vec::new();
    let mut total = 0;
    for row in table.lines().skip(1) {
        let fields: Vec<&str> = row.split('\t').collect();
        let [name, line, code, fact] = fields[..] else {
            panic!("a row of faults.tsv has four fields: {row}")
        };
        let line: u32 = line.parse().expect("a line number");
        let (_, _, found) = documents.iter().find(|(document, _, _)| document == name).expect("a seed");
        let exact = found.iter().any(|d| d.code == code && d.line == line);
        let covered = found.iter().any(|d| d.code == code && d.line <= line && line <= d.end_line);
        let of_a_block = SAID_OF_A_BLOCK.iter().any(|row| (row.0, row.1, row.2) == (name, line, code));
        assert!(!(of_a_block && exact), "{row}: it is said of its line, so no exception is needed");
        total += 1;
        let is_found = exact || of_a_block && covered;
        println!("{} {name}:{line} {code} {fact}", if is_found { "found  " } else { "MISSING" });
        if !is_found {
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

/// All errors of the five documents, and nothing in the table that is no longer said.
#[test]
fn faults_said_to_be_errors_are_true() {
    let documents = checked();
    if documents.is_empty() {
        return;
    }
    let mut said = BTreeSet::new();
    for (name, text, found) in &documents {
        for error in found.iter().filter(|d| d.severity == Severity::Error) {
            let line = text.lines().nth(error.line as usize - 1).unwrap_or_default().trim();
            said.insert((name.as_str(), error.code, error.line));
            println!("{name}:{} {} {line} — {}", error.line, error.code, error.message);
        }
    }
    let rows = REVIEWED_ERRORS.iter();
    let reviewed: BTreeSet<(&str, &str, u32)> = rows
        .flat_map(|(document, code, lines, _)| lines.iter().map(move |line| (*document, *code, *line)))
        .collect();
    let unknown: Vec<_> = said.difference(&reviewed).collect();
    assert!(unknown.is_empty(), "errors that nobody has reviewed: {unknown:#?}");
    let gone: Vec<_> = reviewed.difference(&said).collect();
    assert!(gone.is_empty(), "reviewed and no longer said: {gone:#?}");
}
