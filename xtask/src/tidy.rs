//! House rules that a compiler does not know: sizes, words, marks.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file; about 500 is asking to be split by meaning, this is the wall.
const FILE_LINES: usize = 640;

/// Marks that stand for work not done.
const MARKS: [&str; 6] = ["// TODO", "// FIXME", "TODO:", "todo!(", "unimplemented!(", "#[ignore]"];

/// Checks all source files and tells all faults at once.
pub(crate) fn run() -> Result<(), String> {
    let mut files = Vec::new();
    for folder in ["crates", "fuzz", "xtask"] {
        collect(Path::new(folder), &mut files);
    }
    let mut faults = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        check(file, &text, &mut faults);
    }
    if faults.is_empty() {
        eprintln!("tidy: {} files", files.len());
        return Ok(());
    }
    Err(faults.join("\n"))
}

fn check(file: &Path, text: &str, faults: &mut Vec<String>) {
    let name = file.display();
    let lines = text.lines().count();
    if lines > FILE_LINES {
        faults.push(format!("{name}: {lines} lines, the limit is {FILE_LINES}; split it by meaning"));
    }
    if !text.starts_with("//!") {
        faults.push(format!("{name}: does not begin with a module comment"));
    }
    if file.ends_with("xtask/src/tidy.rs") {
        return;
    }
    for (line, number) in text.lines().zip(1..) {
        if let Some(mark) = MARKS.iter().find(|mark| line.contains(*mark)) {
            faults.push(format!("{name}:{number}: `{mark}` is work not done"));
        }
        let code = line.split("//").next().unwrap_or_default();
        if code.contains("thread::sleep") && file.components().any(|part| part.as_os_str() == "tests") {
            faults.push(format!("{name}:{number}: a test does not sleep; wait for what it is waiting for"));
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}
