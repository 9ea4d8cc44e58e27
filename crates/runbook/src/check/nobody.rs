//! T603: nobody is named where somebody has to be: `TBD`, `[Name]`, a number that rings nowhere.

use std::collections::BTreeSet;

use crate::markdown::Table;

use super::duties::Found;
use super::labels::{self, About, Labelled};
use super::page::Page;
use super::people::is_person;

/// Runs the checks of this code, behind all others that are about people.
pub(super) fn check(page: &Page<'_>, tables: &[&Table], lines: &[Labelled<'_>], found: &mut Found) {
    let mut told: BTreeSet<u32> = found.iter().map(|(line, ..)| *line).collect();
    for line in
        lines.iter().filter(|line| labels::is_open(line.value) && !line.in_form && !page.is_bound(line.value))
    {
        if told.insert(line.line) {
            let what = match line.about {
                About::Owner => "owns this",
                About::Approval => "has to say yes here",
                About::Runner => "does this",
                About::Contact => "is called here",
            };
            found.push((
                line.line,
                "T603",
                format!("`{}: {}`: nobody is named who {what}", line.label, line.value),
                "write who it is and how to reach them, or put them into `[roles]` of tminus.toml",
            ));
        }
    }
    for table in tables {
        in_table(page, table, &mut told, found);
    }
    without_owner(tables, &mut told, found);
}

/// Tells whether a header in small letters is one of a column of people.
fn is_of_people(header: &str) -> bool {
    #[rustfmt::skip]
    const OTHERS: [&str; 14] = [
        "owner", "approver", "approved by", "assignee", "assigned", "executor", "freigeber", "genehmig", "aprobador", "aprovador", "审批人",
        "执行人", "承認者", "実施者",
    ];
    let header = header.trim();
    // Hosts and files have names as well.
    let named = header == "name" || header == "names" || !header.contains("name");
    named && is_person(header) && !header.contains("backup")
        || OTHERS.iter().any(|word| header.contains(word))
        || matches!(header, "qui" | "quien" | "quién" | "quem" | "wer")
}

/// A row that leaves open what the other rows say.
fn in_table(page: &Page<'_>, table: &Table, told: &mut BTreeSet<u32>, found: &mut Found) {
    let header: Vec<String> = table.header.iter().map(|cell| cell.plain().to_lowercase()).collect();
    for (column, _) in header.iter().enumerate().skip(1).filter(|(_, name)| is_of_people(name)) {
        let cells = || table.rows.iter().filter_map(|row| Some((row, row.cells.get(column)?.plain())));
        let open = |cell: &str| labels::is_open(cell) && !page.is_bound(cell);
        // Where all are open the table is a form, and whoever releases fills it in.
        let named = cells().filter(|(_, cell)| !cell.trim().is_empty() && !open(cell)).count();
        if named == 0 {
            continue;
        }
        for (row, cell) in cells().filter(|(_, cell)| open(cell)) {
            let first = row.cells.first().map(|cell| cell.plain()).unwrap_or_default();
            if told.insert(row.line) {
                found.push((
                    row.line,
                    "T603",
                    format!(
                        "`{}` has `{}` for `{}`: at night there is no one to call",
                        first.trim(),
                        cell.trim(),
                        header[column].trim()
                    ),
                    "write who it is and how to reach them, or put them into `[roles]` of tminus.toml",
                ));
            }
        }
    }
}

#[rustfmt::skip]
const OWNERS: [&str; 14] = [
    "owner", "owners", "responsible", "assignee", "who", "verantwortlich", "zuständig", "responsable", "responsável", "负责人", "担当", "担当者", "wer",
    "qui",
];

fn owner_column(table: &Table) -> Option<usize> {
    table
        .header
        .iter()
        .position(|cell| OWNERS.contains(&cell.plain().trim().to_lowercase().as_str()))
        .filter(|at| *at > 0)
}

fn is_empty(cell: &str) -> bool {
    matches!(cell.trim(), "" | "-" | "–" | "—")
}

/// Tells whether a table of phases has a row of this title that names somebody.
pub(super) fn table_names_owner(tables: &[&Table], title: &str) -> bool {
    let title = title.trim().to_lowercase();
    tables.iter().any(|table| {
        let Some(column) = owner_column(table) else { return false };
        table.rows.iter().any(|row| {
            let name = row.cells.first().map(|cell| cell.plain().trim().to_lowercase()).unwrap_or_default();
            name.len() > 2
                && title.ends_with(&name)
                && row.cells.get(column).is_some_and(|cell| !is_empty(&cell.plain()))
        })
    })
}

/// T605: a table gives each phase an owner, but for one.
fn without_owner(tables: &[&Table], told: &mut BTreeSet<u32>, found: &mut Found) {
    #[rustfmt::skip]
    const PHASES: [&str; 22] = [
        "phase", "phases", "step", "steps", "stage", "task", "tasks", "gate", "activity", "schritt", "aufgabe", "étape", "tâche", "paso", "tarea",
        "etapa", "tarefa", "阶段", "步骤", "フェーズ", "手順", "作業",
    ];
    for table in tables {
        let header: Vec<String> =
            table.header.iter().map(|cell| cell.plain().trim().to_lowercase()).collect();
        let Some(column) = owner_column(table) else { continue };
        let is_of_phases = header.iter().any(|name| PHASES.contains(&name.as_str()));
        let (without, with): (Vec<_>, Vec<_>) = table
            .rows
            .iter()
            .partition(|row| row.cells.get(column).is_none_or(|cell| is_empty(&cell.plain())));
        if !is_of_phases || with.len() < 2 || without.len() * 2 > with.len() {
            continue;
        }
        for row in without.into_iter().filter(|row| told.insert(row.line)) {
            let title =
                row.cells.iter().map(|cell| cell.plain()).find(|cell| cell.chars().any(char::is_alphabetic));
            found.push((
                row.line,
                "T605",
                format!(
                    "`{}` has no owner, and {} other rows have one: who starts it, who is asked?",
                    title.unwrap_or_default().trim(),
                    with.len()
                ),
                "write who owns it",
            ));
        }
    }
}
