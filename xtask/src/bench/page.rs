//! docs/benchmarks.md: one section for each benchmark, each with the machine and the day of its
//! own run, so that running one of them leaves the others' figures as they were measured.

use std::fmt::Write as _;
use std::fs;

use super::measure;
use crate::shell;

const PAGE: &str = "docs/benchmarks.md";

const HEAD: &str = "# Benchmarks

Written by `cargo xtask bench`; do not edit. Whole processes measured from outside, release profile.
Figures are `min / median / max` over the counted runs, after one run that is not counted. Contenders
take turns within one run, and a ratio is taken within each turn. *Load* is the number of processes
that wanted to run in the minute before and after: more than 1 means that something else was going on.
";

/// The figures of one benchmark.
pub(super) struct Section {
    title: String,
    what: String,
    command: String,
    measured: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    targets: Vec<[String; 3]>,
    missed: bool,
}

impl Section {
    /// Starts a section. `command` is what to type to measure it again.
    pub(super) fn new(title: &str, what: &str, command: &str, columns: &[&str]) -> Section {
        Section {
            title: title.to_owned(),
            what: what.to_owned(),
            command: command.to_owned(),
            measured: String::new(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            rows: Vec::new(),
            targets: Vec::new(),
            missed: false,
        }
    }

    /// Adds a row of the table.
    pub(super) fn row(&mut self, cells: &[&str]) {
        self.rows.push(cells.iter().map(|&cell| cell.to_owned()).collect());
    }

    /// Adds a target with the figure that is held against it.
    pub(super) fn at_most(&mut self, name: &str, figure: f64, limit: f64, unit: &str) {
        self.target(name, figure, "at most", limit, unit, figure <= limit);
    }

    /// Adds a target that more is better for.
    pub(super) fn at_least(&mut self, name: &str, figure: f64, limit: f64, unit: &str) {
        self.target(name, figure, "at least", limit, unit, figure >= limit);
    }

    fn target(&mut self, name: &str, figure: f64, word: &str, limit: f64, unit: &str, met: bool) {
        let figure = if figure >= 1000.0 { format!("{figure:.0}") } else { format!("{figure:.2}") };
        let verdict = if met { "met" } else { "**missed**" };
        self.missed |= !met;
        self.targets.push([
            name.to_owned(),
            format!("{word} {limit}{unit}"),
            format!("{figure}{unit}, {verdict}"),
        ]);
    }

    /// Adds when, where and how busy the machine was.
    pub(super) fn measured(mut self, load_before: &str) -> Result<Section, String> {
        let date = shell::read("date", &["-u", "+%Y-%m-%d %H:%M UTC"])?;
        let revision = shell::read("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_default();
        // Untracked files count as well: a new source file is a change.
        let changes = shell::read("git", &["status", "--porcelain", "--", "crates", "Cargo.lock"]);
        let changed = if changes.is_ok_and(|text| text.is_empty()) { "" } else { " with changes" };
        self.measured = format!(
            "{} · revision {}{changed} · {} · load {load_before} before, {} after",
            date.trim(),
            revision.trim(),
            machine()?,
            measure::load()
        );
        Ok(self)
    }

    /// Writes the section.
    pub(super) fn text(&self) -> String {
        let mut text =
            format!("## {}\n\n{}\n\n`{}` · {}\n", self.title, self.what, self.command, self.measured);
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        table(&mut text, &columns, self.rows.iter().map(Vec::as_slice));
        if !self.targets.is_empty() {
            table(
                &mut text,
                &["target", "limit", "figure"],
                self.targets.iter().map(<[String; 3]>::as_slice),
            );
        }
        text
    }
}

fn table<'a>(text: &mut String, columns: &[&str], rows: impl Iterator<Item = &'a [String]>) {
    let _ = write!(text, "\n| {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
}

/// The processor, its cores, the kernel, the compiler, the file system.
fn machine() -> Result<String, String> {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = shell::read("uname", &["-sr"])?;
    let compiler = shell::read("rustc", &["--version"])?;
    Ok(format!("{model}, {cores} cores, {}, {}", kernel.trim(), compiler.trim()))
}

/// Puts a section into the page, in the place of its older self.
pub(super) fn write(section: &Section) -> Result<(), String> {
    let old = fs::read_to_string(PAGE).unwrap_or_default();
    fs::write(PAGE, replaced(&old, section)).map_err(|error| format!("{PAGE}: {error}"))
}

fn replaced(old: &str, section: &Section) -> String {
    let heading = format!("## {}\n", section.title);
    let mut sections: Vec<String> = Vec::new();
    let mut found = false;
    for part in old.split_inclusive("\n## ").scan("", |mark, part| {
        let text = format!("{mark}{}", part.strip_suffix("## ").unwrap_or(part));
        *mark = "## ";
        Some(text)
    }) {
        if part.starts_with(&heading) {
            sections.push(section.text());
            found = true;
        } else if part.starts_with("## ") {
            sections.push(format!("{}\n", part.trim_end()));
        }
    }
    if !found {
        sections.push(section.text());
    }
    format!("{HEAD}\n{}", sections.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_its_older_self_and_of_nothing_else() {
        let section = |title: &str, cell: &str| {
            let mut section = Section::new(title, "What.", "cargo xtask bench", &["a", "b"]);
            section.row(&[cell, "2"]);
            section
        };
        let mut page = String::new();
        for (title, cell) in [("One", "old"), ("Two", "stays"), ("Three", "stays")] {
            page = replaced(&page, &section(title, cell));
        }
        let again = replaced(&page, &section("One", "new"));
        assert_eq!(again, page.replace("old", "new"));
        assert_eq!(again.matches("## ").count(), 3);
        assert!(again.starts_with(HEAD));
    }
}
