//! Tables whose header is known are data: environments, roles, contacts, severities, release types,
//! metrics.

use super::build::Reader;
use super::{durations, people, purpose};
use crate::encoding::repair;
use crate::markdown::{Table, Text};

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Environment,
    Address,
    Role,
    Approval,
    Time,
    Metric,
    Target,
    Other,
}

/// Names of a column that says how long a threshold must be crossed.
const HOLDS: [&str; 7] = ["duration", "for", "sustained", "time window", "dauer", "durée", "持续时间"];

/// Reads a table.
pub(super) fn read(reader: &mut Reader<'_>, table: &Table) {
    let names: Vec<String> = table.header.iter().map(|cell| shown(cell).to_lowercase()).collect();
    let columns: Vec<Column> = names.iter().enumerate().map(|(at, name)| column(at, name)).collect();
    for row in &table.rows {
        let cells: Vec<String> = row.cells.iter().map(shown).collect();
        if cells.iter().any(|cell| super::lists::is_box(cell)) {
            // What is left of a row without its box and its number is what to do, and who.
            let words = cells.iter().map(|cell| cell.replace("**", ""));
            let words: Vec<String> = words
                .filter(|cell| !super::lists::is_box(cell) && cell.chars().any(char::is_alphabetic))
                .collect();
            if !words.is_empty() {
                super::lists::boxed(reader, words.join(" · "), row.line);
            }
        }
        let first = cells.first().map(|cell| cell.replace("**", "")).unwrap_or_default();
        let address =
            columns.iter().position(|column| *column == Column::Address).and_then(|at| cells.get(at));
        for (at, cell) in cells.iter().enumerate() {
            let text = &row.cells[at];
            match columns.get(at) {
                Some(Column::Environment) => {
                    reader.environments.row(cell, address.map_or("", |url| url), row.line)
                }
                Some(Column::Role) => people::in_cell(reader, &cell.replace("**", ""), row.line),
                Some(Column::Approval) => people::in_cell(reader, cell, row.line),
                Some(Column::Time) => durations::cell(reader, &first, cell, row.line),
                Some(Column::Target) => {
                    let outer = reader.lead.replace(names[at].clone());
                    // How long it must hold may stand in a column of its own.
                    let holds = names.iter().position(|name| HOLDS.contains(&name.as_str()));
                    let time = holds
                        .and_then(|at| cells.get(at))
                        .filter(|time| crate::rules::parse_duration(time).is_ok());
                    let cell = &time.map_or_else(|| cell.clone(), |time| format!("{cell} for {time}"));
                    purpose::thresholds(reader, cell, row.line, Some(&first), purpose::Place::Cell);
                    reader.lead = outer;
                }
                Some(Column::Metric | Column::Address | Column::Other) | None => {}
            }
            super::commands::inline(reader, text, cell);
            reader.placeholders_in(cell, row.line);
        }
    }
}

fn shown(cell: &Text) -> String {
    repair(&cell.with_ticks()).text
}

fn column(at: usize, name: &str) -> Column {
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if at == 0 && has(&["environment"]) {
        Column::Environment
    } else if at == 0 && has(&["metric", "indicator", "sli", "signal", "measure"]) {
        Column::Metric
    } else if at == 0 && has(&["role", "team"]) {
        Column::Role
    } else if has(&["url", "endpoint", "address", "host"]) {
        Column::Address
    } else if has(&["approv", "sign-off", "signoff", "escalation"]) {
        Column::Approval
    } else if has(&["response time", "respond", "cadence", "frequency", "deadline", "sla"])
        && !has(&["target"])
    {
        Column::Time
    } else if at > 0
        && has(&["target", "threshold", "slo", "limit", "alert", "warning", "critical", "rollback"])
    {
        Column::Target
    } else {
        Column::Other
    }
}
