//! What the engine does by itself: durable transitions a second, without processes.

use std::fs;

use serde_json::Value;

use super::Place;
use super::measure::{RUNS, spread};
use super::page::Section;
use crate::shell;

const RELEASES: &str = "100";
const STEPS: &str = "50";

/// Runs the benchmark.
pub(super) fn run(place: &Place) -> Result<Section, String> {
    let program = place.example("transitions").display().to_string();
    let (mut rates, mut transitions) = (Vec::new(), 0);
    for turn in 0..=RUNS {
        let folder = place.empty("engine")?;
        let text = shell::read(&program, &[&folder.display().to_string(), RELEASES, STEPS])?;
        let figures: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        let (Some(count), Some(seconds)) = (figures["transitions"].as_u64(), figures["seconds"].as_f64())
        else {
            return Err(format!("the example printed {text}"));
        };
        let rate = count as f64 / seconds;
        eprintln!("  {turn}: {count} transitions in {seconds:.3} s, {rate:.0} a second");
        transitions = count;
        if turn > 0 {
            rates.push(rate);
        }
        let _ = fs::remove_dir_all(&folder);
    }
    let what = format!(
        "{RELEASES} releases of {STEPS} steps driven by one process over SQLite with `synchronous=FULL`; \
         the hands are a rehearsal's, so no process is started. A transition is an entry of a log."
    );
    let columns = ["", "a second"];
    let mut section = Section::new("The engine alone", &what, "cargo xtask bench engine", &columns);
    let rates = spread(rates);
    section.row(&[&format!("{transitions} durable transitions"), &rates.cell(1.0, 0)]);
    section.at_least("durable transitions", rates.median, 10_000.0, "/s");
    Ok(section)
}
