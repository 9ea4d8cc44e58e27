//! How long people and editors wait: start-up, and `check` of real documents.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::Place;
use super::growth::{KILOBYTE, KINDS, Kind};
use super::measure::{spread, wall};
use super::page::Section;

/// Real documents, beside the workspace where the machine has them.
const SEEDS: &str = "../shared/seeds";

/// Documents of the repository itself, for machines without the seeds.
const OWN: &str = "runbooks";

/// Runs are short, so there can be many.
const SHORT_RUNS: usize = 41;

/// Runs the benchmark.
pub(super) fn run(place: &Place) -> Result<Section, String> {
    let tminus = place.tminus();
    let documents = documents()?;
    let bytes: u64 =
        documents.iter().filter_map(|path| fs::metadata(path).ok()).map(|found| found.len()).sum();
    let as_json: Vec<&OsStr> = ["check", "--format", "json"]
        .map(OsStr::new)
        .into_iter()
        .chain(documents.iter().map(|d| d.as_os_str()))
        .collect();
    let as_text: Vec<&OsStr> = [OsStr::new("check")]
        .into_iter()
        .chain(documents.iter().map(|document| document.as_os_str()))
        .collect();
    let large = large(place)?;
    let version = [OsStr::new("--version")];
    let nothing: OsString = "true".into();
    let mut figures: [Vec<f64>; 4] = Default::default();
    let mut large_figures: [Vec<f64>; KINDS.len()] = Default::default();
    for turn in 0..=SHORT_RUNS {
        let turn_figures = [
            wall(Path::new(&nothing), &[], &[0])?,
            wall(&tminus, &version, &[0])?,
            wall(&tminus, &as_text, &[0, 1])?,
            wall(&tminus, &as_json, &[0, 1])?,
        ];
        let large_turn =
            large.iter().map(|path| wall(&tminus, &[OsStr::new("check"), path.as_os_str()], &[0, 1]));
        let large_turn = large_turn.collect::<Result<Vec<f64>, String>>()?;
        if turn > 0 {
            for (figures, figure) in figures.iter_mut().zip(turn_figures) {
                figures.push(figure);
            }
            for (figures, figure) in large_figures.iter_mut().zip(large_turn) {
                figures.push(figure);
            }
        }
    }
    let names = [
        "`true`, for comparison: starting any process".to_owned(),
        "`tminus --version`".to_owned(),
        format!("`tminus check` of {} documents, {} KB", documents.len(), bytes / 1000),
        "the same with `--format json`".to_owned(),
    ];
    let what = "Wall time of whole processes, from before they start until they ended.";
    let mut section = Section::new("Start-up and check", what, "cargo xtask bench check", &["", "ms"]);
    let figures = figures.map(spread);
    for (name, figure) in names.iter().zip(&figures) {
        section.row(&[name, &figure.cell(1000.0, 1)]);
    }
    let large_figures = large_figures.map(spread);
    for ((kind, _), figure) in KINDS.iter().zip(&large_figures) {
        section.row(&[&format!("`tminus check` of 250 KB, {kind}"), &figure.cell(1000.0, 1)]);
    }
    section.at_most("start-up", figures[1].median * 1000.0, 15.0, " ms");
    section.at_most("check", figures[2].median * 1000.0, 30.0, " ms");
    for ((kind, _), figure) in KINDS.iter().zip(&large_figures) {
        section.at_most(&format!("check of 250 KB, {kind}"), figure.median * 1000.0, 50.0, " ms");
    }
    Ok(section)
}

/// Writes a document of each kind, as large as the longest runbook that somebody may have.
fn large(place: &Place) -> Result<Vec<PathBuf>, String> {
    let folder = place.empty("check")?;
    let write = |(number, (_, make)): (usize, &Kind)| {
        let path = folder.join(format!("{number}.md"));
        fs::write(&path, make(250 * KILOBYTE)).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    };
    KINDS.iter().enumerate().map(write).collect()
}

/// Finds the documents to check.
fn documents() -> Result<Vec<PathBuf>, String> {
    for folder in [SEEDS, OWN] {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let mut found: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
            .filter(|path| path.file_name().is_some_and(|name| name != "README.md"))
            .collect();
        found.sort();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(format!("no documents in {SEEDS} or {OWN}; run this in the workspace's root"))
}
