//! T6: people who are needed and cannot be reached.

use crate::diagnostic::Severity;
use crate::markdown::{Block, Table};
use crate::names;
use crate::outline::{UnitKind, split_roles};

use super::labels::OWNER;
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
        .chain(named_bare(page).map(|role| names::role(&role)))
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

/// Owners in lines that are neither bold nor English: `担当: SRE`.
fn named_bare<'p>(page: &'p Page<'_>) -> impl Iterator<Item = String> + 'p {
    page.outline
        .units
        .iter()
        .filter_map(|unit| match &unit.kind {
            UnitKind::Prose(text) => Some(text.as_str()),
            UnitKind::Point(point) => Some(point.text.as_str()),
            _ => None,
        })
        .flat_map(str::lines)
        .filter_map(|line| line.split_once([':', '：']))
        .filter(|(label, _)| OWNER.contains(&label.trim().to_lowercase().as_str()))
        .flat_map(|(_, value)| split_roles(value))
}

/// T603: a row of a table of roles without anybody in it.
fn unnamed(table: &Table, needed: &[String], found: &mut Vec<(std::ops::Range<usize>, String)>) {
    let header: Vec<String> = table.header.iter().map(|cell| cell.plain().to_lowercase()).collect();
    if !header.first().is_some_and(|cell| is_role(cell)) || !header.iter().skip(1).any(|cell| is_person(cell))
    {
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

/// Headers of a column of roles, in the languages that runbooks are written in.
#[rustfmt::skip]
const ROLE_HEADERS: [&str; 22] = [
    "role", "roles", "team", "teams", "position", "function", "rolle", "rollen", "funktion", "rôle", "rôles", "fonction",
    "rol", "roles", "equipo", "función", "função", "papel", "角色", "岗位", "役割", "体制",
];
/// Parts of headers of a column that says who it is, or how to reach them.
#[rustfmt::skip]
const PERSON_HEADERS: [&str; 34] = [
    "name", "contact", "primary", "backup", "phone", "person", "on-call", "email", "who", "slack", "reach",
    "kontakt", "telefon", "verantwortlich", "vertretung", "nom", "téléphone", "responsable", "astreinte", "nombre",
    "contacto", "teléfono", "contato", "telefone", "responsável", "姓名", "联系", "电话", "负责人", "氏名", "担当", "連絡",
    "名前", "電話",
];

pub(super) fn is_role(header: &str) -> bool {
    ROLE_HEADERS.contains(&header.trim())
}

pub(super) fn is_person(header: &str) -> bool {
    PERSON_HEADERS.iter().any(|word| header.contains(word))
}

/// What stands where nobody has been found yet.
#[rustfmt::skip]
const NOBODY: [&str; 107] = [
    "wird nachgereicht", "wird ergänzt", "folgt noch", "sera communiqué", "se comunicará", "será informado",
    "n.n.", "n. n.", "nn", "tbd", "tba", "tbc", "t.b.d.", "t.b.d", "-", "–", "—", "n/a", "?", "??", "???", "????", "todo", "xxx", "to be defined",
    "to be decided", "to be determined", "to be confirmed", "to be announced", "to be named", "to be assigned", "to be filled", "to be filled in",
    "fill in", "fill me in", "fill this in", "please fill in", "name here", "insert name", "your name", "nobody", "nobody yet", "not assigned",
    "not yet assigned", "unassigned", "vacant", "offen", "noch offen", "unbesetzt", "folgt", "niemand", "noch zu klären", "zu klären",
    "noch zu benennen", "zu benennen", "wird noch benannt", "ausfüllen", "bitte ausfüllen", "à définir", "à déterminer", "à confirmer",
    "à compléter", "à renseigner", "à nommer", "à désigner", "personne", "a definir", "por definir", "por determinar", "por confirmar",
    "por asignar", "por completar", "por designar", "pendiente", "pendiente de asignar", "sin asignar", "rellenar", "nadie", "a confirmar",
    "a designar", "a indicar", "pendente", "a preencher", "preencher", "ninguém", "待定", "待确认", "待填写", "待指派", "待分配", "填写", "暂无",
    "a combinar", "a convenir", "à convenir", "nach absprache", "nach vereinbarung", "to be agreed", "另行通知", "要相談", "未定", "未決定", "未確定", "未指定", "調整中", "要記入", "待补充",
];

/// Tells whether a text in small letters says that nothing has been decided.
pub(super) fn says_nobody(lower: &str) -> bool {
    let bare = lower.trim_matches(['(', ')', '（', '）', '*', '_', '<', '>', '[', ']', ' ']);
    (bare.len() > 1 || bare == "?") && NOBODY.contains(&bare) && !matches!(bare, "n/a" | "folgt" | "nn")
}

/// Tells whether a cell names nobody: it is empty, or says so, if in parentheses.
pub(super) fn is_blank(cell: &str) -> bool {
    let cell = cell.trim();
    let bare = cell.trim_matches(['(', ')', '（', '）', '*', '_', '<', '>', ' ']).to_lowercase();
    bare.is_empty() || NOBODY.contains(&bare.as_str()) || (cell.starts_with('[') && cell.ends_with(']'))
}
