//! What running commands under tminus costs over running them: a runbook of a thousand steps
//! against a shell loop, one script, and other runners.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::Place;
use super::measure::{Cost, Spread, cost, spread};
use super::page::Section;
use crate::shell;

const STEPS: usize = 1000;

/// One run of a pair may meet a busier machine than the other: pairs lie a tenth apart and more.
const RUNS: usize = 15;

/// One way to run a thousand commands.
struct Contender {
    name: &'static str,
    program: OsString,
    arguments: Vec<OsString>,
}

/// Runs the benchmark.
pub(super) fn run(place: &Place) -> Result<Section, String> {
    let folder = place.empty("steps")?;
    let contenders = contenders(place, &folder)?;
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); contenders.len()];
    for turn in 0..=RUNS {
        // Every release is the first of its store: a store that grew would be another matter.
        let _ = fs::remove_dir_all(folder.join("state"));
        for (contender, costs) in contenders.iter().zip(&mut costs) {
            let arguments: Vec<&OsStr> = contender.arguments.iter().map(OsString::as_os_str).collect();
            let cost = cost(&folder, &contender.program, &arguments)?;
            eprintln!("  {turn} {}: wall {:.3} s, CPU {:.3} s", contender.name, cost.wall, cost.cpu);
            if turn > 0 {
                costs.push(cost);
            }
        }
        prove_logged(place, &folder)?;
    }
    Ok(section(&contenders, &costs))
}

fn section(contenders: &[Contender], costs: &[Vec<Cost>]) -> Section {
    let what = format!(
        "{STEPS} commands `true`, one after the other: as a runbook with one annotated fence each, run unattended \
         with every event synchronised to the disk, against the same commands run in other ways. CPU is user and \
         system time with all children. Ratios are tminus over the other. The runner of Markdown is mdsh, which writes \
         what a command prints below it; Runme's package holds a loader only, which fetches the \
         program from its vendor's server."
    );
    let columns = ["", "wall s", "CPU s", "wall ratio", "CPU ratio"];
    let mut section = Section::new("A thousand steps", &what, "cargo xtask bench steps", &columns);
    let ours = &costs[0];
    for (contender, theirs) in contenders.iter().zip(costs) {
        let ratio = |figure: fn(&Cost) -> f64| {
            spread(ours.iter().zip(theirs).map(|(ours, theirs)| figure(ours) / figure(theirs)))
        };
        let (wall, cpu) = (ratio(|cost| cost.wall), ratio(|cost| cost.cpu));
        section.row(&[
            contender.name,
            &spread(theirs.iter().map(|cost| cost.wall)).cell(1.0, 3),
            &spread(theirs.iter().map(|cost| cost.cpu)).cell(1.0, 3),
            &wall.cell(1.0, digits(wall)),
            &cpu.cell(1.0, digits(cpu)),
        ]);
        if contender.name == LOOP {
            section.at_most("CPU, tminus over the shell loop", cpu.median, 1.25, "");
            section.at_most("wall, tminus over the shell loop", wall.median, 1.5, "");
        }
    }
    section
}

/// The script ends within the milliseconds that bash measures in: its ratios have no fine part.
fn digits(ratio: Spread) -> usize {
    if ratio.median < 100.0 { 2 } else { 0 }
}

const LOOP: &str = "shell loop over `bash -c true`";

fn contenders(place: &Place, folder: &Path) -> Result<Vec<Contender>, String> {
    let mut runbook = "---\nrunbook: 1\n---\n# A thousand steps\n\n## Work\n".to_owned();
    let (mut names, mut recipes, mut page) = (String::new(), String::new(), String::new());
    for number in 1..=STEPS {
        let _ = write!(runbook, "\n```bash {{#s{number} undo=none}}\ntrue\n```\n");
        let _ = write!(names, " s{number}");
        let _ = write!(recipes, "\ns{number}:\n\t@true\n");
        page.push_str("`$ true`\n\n");
    }
    // A shell that is not make's default keeps make from running the program without a shell.
    let makefile = format!("SHELL := /bin/bash\n.PHONY: all{names}\nall:{names}\n{recipes}");
    let justfile = format!("set shell := [\"bash\", \"-c\"]\nall:{names}\n{recipes}");
    let script = "true\n".repeat(STEPS);
    let files = [
        ("runbook.md", runbook),
        ("script.sh", script),
        ("Makefile", makefile),
        ("justfile", justfile),
        ("page.md", page),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).map_err(|error| format!("{name}: {error}"))?;
    }
    let looped = format!("for i in {{1..{STEPS}}}; do bash -c true; done");
    let mut contenders = vec![
        contender("tminus run", place.tminus(), &["--state", "state", "run", "runbook.md", "--no-input"]),
        contender(LOOP, "bash", &["-c", &looped]),
        contender("one bash script", "bash", &["script.sh"]),
    ];
    // Each runs one shell for each recipe or command, as the loop does; none keeps a log.
    if shell::has("make") {
        contenders.push(contender("make, one target each", "make", &["--silent", "all"]));
    }
    if shell::has("just") {
        contenders.push(contender("just, one recipe each", "just", &["all"]));
    }
    if shell::has("mdsh") {
        let words = ["--inputs", "page.md", "--output", "filled.md"];
        contenders.push(contender("mdsh, one command each", "mdsh", &words));
    }
    Ok(contenders)
}

fn contender(name: &'static str, program: impl Into<PathBuf>, arguments: &[&str]) -> Contender {
    Contender {
        name,
        program: program.into().into(),
        arguments: arguments.iter().map(OsString::from).collect(),
    }
}

/// Reads back from the store that each step was run and logged: a runner that skipped its work
/// would be very fast.
fn prove_logged(place: &Place, folder: &Path) -> Result<(), String> {
    let tminus = place.tminus().display().to_string();
    let state = folder.join("state").display().to_string();
    let log = shell::read(&tminus, &["--state", &state, "log", "--json"])?;
    let finished = log.lines().filter(|line| line.contains("step_finished")).count();
    if finished == STEPS {
        return Ok(());
    }
    Err(format!("the log holds {finished} finished steps instead of {STEPS}"))
}
