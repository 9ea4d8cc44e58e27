//! Figures of docs/benchmarks.md: whole processes, measured from outside, in pairs.
//!
//! Absolute times say more about the machine than about tminus, so whatever has a peer is shown as
//! a ratio to it, measured in one run, turn by turn. A figure that misses its target is shown as
//! missed; the command still succeeds, for a busy machine is no fault of the code.

mod check;
mod compose;
mod editor;
mod engine;
mod growth;
mod hosts;
mod measure;
mod page;
mod steps;
mod waiting;

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell;
use page::Section;

/// Where a benchmark finds what it measures, and where it may write.
struct Place {
    /// Binaries of the release profile.
    binaries: PathBuf,
    /// A folder of its own on the disk that holds the target folder. Not the temporary folder:
    /// that is often memory, where fsync costs nothing.
    scratch: PathBuf,
}

impl Place {
    fn tminus(&self) -> PathBuf {
        self.binaries.join("tminus")
    }

    fn example(&self, name: &str) -> PathBuf {
        self.binaries.join("examples").join(name)
    }

    /// Makes an empty folder.
    fn empty(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.scratch.join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }
}

type Bench = fn(&Place) -> Result<Section, String>;

const BENCHES: [(&str, Bench); 8] = [
    ("steps", steps::run),
    ("engine", engine::run),
    ("check", check::run),
    ("editor", editor::run),
    ("waiting", waiting::run),
    ("growth", growth::run),
    ("compose", compose::run),
    ("hosts", hosts::run),
];

/// Runs all benchmarks, or the one named, and puts their figures into docs/benchmarks.md.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let wanted: Vec<(&str, Bench)> = match arguments {
        [] => BENCHES.to_vec(),
        [name] => BENCHES.into_iter().filter(|(known, _)| known == name).collect(),
        _ => Vec::new(),
    };
    if wanted.is_empty() {
        let names: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
        return Err(format!("bench takes nothing, or one of: {}", names.join(", ")));
    }
    // Two of them measure inside of a process of their own.
    let place = build(wanted.iter().any(|(name, _)| ["engine", "waiting"].contains(name)))?;
    for (name, bench) in wanted {
        eprintln!("bench {name}");
        let load_before = measure::load();
        let section = bench(&place)?.measured(&load_before)?;
        eprintln!("\n{}", section.text());
        page::write(&section)?;
    }
    let _ = fs::remove_dir_all(&place.scratch);
    Ok(())
}

fn build(examples: bool) -> Result<Place, String> {
    shell::run("cargo", &["build", "--release", "--package", "tminus-cli"])?;
    if examples {
        shell::run("cargo", &["build", "--release", "--package", "tminus-engine", "--examples"])?;
    }
    let text = shell::read("cargo", &["metadata", "--format-version", "1", "--no-deps", "--locked"])?;
    let metadata: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata has no target folder")?;
    let target = Path::new(target);
    let scratch = target.join(format!("bench-{}", std::process::id()));
    Ok(Place { binaries: target.join("release"), scratch })
}
