//! T6: people who are needed and cannot be reached.

use crate::diagnostic::Severity;
use crate::markdown::{Block, Table};
use crate::names;
use crate::outline::split_roles;

use super::page::Page;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    let owners: Vec<String> = page
        .outline
        .owners
        .iter()
        .flat_map(|owner| split_roles(&owner.text))
        .map(|role| names::role(&role))
        .collect();
    let approvers = page.outline.facts.iter().filter(|fact| {
        matches!(
            fact.label.to_lowercase().as_str(),
            "sign-off" | "decision maker" | "approval required" | "approvers"
        )
    });
    let needed: Vec<String> = owners
        .into_iter()
        .chain(approvers.flat_map(|fact| split_roles(&fact.value)).map(|role| names::role(&role)))
        .collect();
    let mut found = Vec::new();
    page.markdown.walk(|block| {
        if let Block::Table(table) = block {
            unnamed(table, &needed, &mut found);
        }
    });
    for (range, role) in found {
        page.add(
            "T603",
            Severity::Warning,
            range,
            format!(
                "{role} owns a part of this runbook, and nobody is named: at night there is no one to call"
            ),
        )
        .help("write who it is and how to reach them, or put them into `[roles]` of tminus.toml");
    }
}

/// T603: a row of a table of roles without anybody in it.
fn unnamed(table: &Table, needed: &[String], found: &mut Vec<(std::ops::Range<usize>, String)>) {
    let header: Vec<String> = table.header.iter().map(|cell| cell.plain().to_lowercase()).collect();
    let is_roles =
        header.first().is_some_and(|cell| ["role", "team", "position", "function"].contains(&cell.as_str()));
    let contact = header.iter().skip(1).any(|cell| {
        ["name", "contact", "primary", "backup", "phone", "person", "on-call", "email", "who"]
            .iter()
            .any(|word| cell.contains(word))
    });
    if !is_roles || !contact {
        return;
    }
    for row in &table.rows {
        let Some(first) = row.cells.first() else { continue };
        let role = first.plain();
        let empty = row.cells.len() > 1 && row.cells[1..].iter().all(|cell| is_blank(&cell.plain()));
        if empty && needed.contains(&names::role(&role)) {
            let end = row.cells.last().map_or(first.end, |cell| cell.end.max(first.end));
            found.push((first.start..end, role));
        }
    }
}

pub(super) fn is_blank(cell: &str) -> bool {
    let cell = cell.trim();
    cell.is_empty()
        || matches!(
            cell.to_lowercase().as_str(),
            "tbd" | "tba" | "-" | "–" | "—" | "n/a" | "?" | "???" | "todo" | "xxx"
        )
        || (cell.starts_with('[') && cell.ends_with(']'))
}
