//! T604: chains of people that end at nobody.

use crate::markdown::{Table, TableRow};
use crate::pattern::Pattern;
use crate::words::Words;

use super::duties::{Found, is_contact};
use super::flow::Flow;
use super::page::Page;
use super::people::is_blank;

static ESCALATION: Pattern = Pattern::new(
    &["escal", "eskal", "升级", "エスカレーション"],
    r"(?i)\bescalat|\beskalation|\bescalad|\bescalade|\bescalon|升级|エスカレーション",
);
static REACHED: Pattern = Pattern::new(
    &["contact", "phone", "reach", "mail", "slack", "kontakt", "telefon", "tel", "联系", "連絡"],
    r"(?i)\b(?:contacts?|phone|reach|e-?mail|slack|kontakt|telefon|tel|contacto|contato)\b|联系|連絡",
);
static TO_NOBODY: Pattern = Pattern::of_both(
    &["escal", "eskal", "page", "call", "contact"],
    &["tbd", "tba", "???", "[name", "[contact", "[person", "[phone", "[role"],
    r"(?i)\b(?:escalate|page|call|contact|escalation to|eskalieren an|escalader à|escalar a)\b[^.|]{0,30}?(?:\bTBD\b|\bTBA\b|\?\?\?|\[(?:name|contact|person|phone|role|tbd)[^\]]*\](?:[^(]|$))",
);

/// Tells whether a row leaves open how to reach whom it names.
fn cannot_be_reached(row: &TableRow, header: &[String]) -> bool {
    row.cells.iter().zip(header).skip(1).any(|(cell, header)| {
        let written = cell.plain();
        REACHED.is_match(header) && !written.trim().is_empty() && is_blank(&written)
    })
}

/// A row for the escalation itself, in any table, in which nobody is named.
fn is_last_and_nobody(row: &TableRow) -> bool {
    let mut cells = row.cells.iter().map(|cell| cell.plain());
    let is_escalation = cells.next().is_some_and(|first| ESCALATION.is_match(&first));
    let rest: Vec<String> = cells.collect();
    is_escalation
        && !rest.is_empty()
        && rest.iter().all(|cell| is_blank(cell))
        && rest.iter().any(|cell| !cell.trim().is_empty())
}

/// A line of a list that names nobody, or ends in nobody: `3. TBD`, `- Level 3: offen`.
fn ends_in_nobody(text: &str) -> bool {
    let text = text.trim();
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '*')) {
        return false;
    }
    let words =
        text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '*' | '.' | ')' | ' '));
    let last = words.rsplit([':', '：', '–', '—', ',']).next().unwrap_or_default();
    let last = last.trim().trim_end_matches(['.', '*']);
    // `[guide]` is a link.
    (1..=24).contains(&last.len())
        && !last.starts_with('[')
        && (is_blank(last) || last.to_lowercase().ends_with(" tbd"))
}

/// `Escalation: Ann → Bob → TBD`
fn leads_to_nobody(text: &str) -> bool {
    if !["→", "->", "=>"].iter().any(|arrow| text.contains(arrow)) {
        return false;
    }
    let chain = text.replace("->", "→").replace("=>", "→");
    let Some((before, last)) = chain.rsplit_once('→') else { return false };
    let last = last.trim().trim_end_matches(['.', '。', '*']);
    !last.is_empty() && is_blank(last) && ESCALATION.is_match(before)
}

/// T604: the last one of the chain is nobody.
pub(super) fn check(page: &Page<'_>, flow: &Flow, tables: &[&Table], found: &mut Found) {
    in_tables(page, tables, found);
    in_lines(page, found);
    empty_sections(page, flow, found);
}

fn section_of(page: &Page<'_>, line: u32) -> usize {
    page.outline.sections.partition_point(|section| section.line <= line).saturating_sub(1)
}

fn in_tables(page: &Page<'_>, tables: &[&Table], found: &mut Found) {
    let sections = &page.outline.sections;
    for table in tables {
        let titled = page
            .outline
            .chain(section_of(page, table.line))
            .any(|at| ESCALATION.is_match(&sections[at].title));
        let header: Vec<String> = table.header.iter().map(|cell| cell.plain().to_lowercase()).collect();
        for row in table.rows.iter().filter(|row| is_last_and_nobody(row)) {
            found.push((
                row.line,
                "T604",
                "the escalation ends here: nobody is named".to_owned(),
                "write who it is and how to reach them at night",
            ));
        }
        let is_chain = titled || header.iter().any(|cell| ESCALATION.is_match(cell));
        let Some(column) =
            header.iter().position(|cell| is_contact(cell) || ESCALATION.is_match(cell)).filter(|_| is_chain)
        else {
            continue;
        };
        for row in table.rows.iter().filter(|row| !is_last_and_nobody(row)) {
            if cannot_be_reached(row, &header) {
                found.push((
                    row.line,
                    "T604",
                    "the escalation ends here: nothing says how to reach them".to_owned(),
                    "write who it is and how to reach them at night",
                ));
                continue;
            }
            let nobody = row.cells.get(column).is_none_or(|cell| is_blank(&cell.plain()));
            let others = row.cells.iter().enumerate().skip(1).all(|(at, cell)| {
                at == column
                    || is_blank(&cell.plain())
                    || !is_contact(header.get(at).map_or("", String::as_str))
            });
            if nobody && others && row.cells.first().is_some_and(|cell| !cell.plain().trim().is_empty()) {
                found.push((
                    row.line,
                    "T604",
                    "the escalation ends here: nobody is named".to_owned(),
                    "write who it is and how to reach them at night",
                ));
            }
        }
    }
}

fn in_lines(page: &Page<'_>, found: &mut Found) {
    static CHAIN: Words = Words::new(&["escal", "eskal", "升级", "エスカレーション"]);
    let has_chain = CHAIN.any_in(page.lower());
    let sections = &page.outline.sections;
    let is_one = |at: usize| page.outline.chain(at).any(|at| ESCALATION.is_match(&sections[at].title));
    let inside: Vec<bool> = (0..sections.len()).map(|at| has_chain && is_one(at)).collect();
    for &(line, text) in page.prose() {
        let bare = has_chain && inside[section_of(page, line)] && ends_in_nobody(text);
        if !text.trim_start().starts_with('|')
            && (TO_NOBODY.is_match(text) || has_chain && leads_to_nobody(text) || bare)
        {
            found.push((
                line,
                "T604",
                "the escalation leads to nobody".to_owned(),
                "write who it is and how to reach them at night",
            ));
        }
    }
}

fn empty_sections(page: &Page<'_>, flow: &Flow, found: &mut Found) {
    let sections = &page.outline.sections;
    for (at, section) in
        sections.iter().enumerate().skip(1).filter(|(_, section)| ESCALATION.is_match(&section.title))
    {
        let lines = section.line + 1..=flow.ends[at];
        let empty =
            !lines.is_empty() && page.text_of(lines).trim().is_empty() || section.line == flow.ends[at];
        if empty {
            found.push((
                section.line,
                "T604",
                "this section says to whom to escalate, and is empty".to_owned(),
                "write who it is and how to reach them at night",
            ));
        }
    }
}
