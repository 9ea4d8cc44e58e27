//! T601, T602, T604, T605: roles that nobody has, approvals that anyone gives, chains that end.

use std::collections::{BTreeMap, BTreeSet};

use tminus_release::plan::Lane;

use crate::control::{self, Body};
use crate::diagnostic::Severity;
use crate::markdown::{Block, Table, TableRow};
use crate::names;
use crate::outline::{FenceClass, FoundOwner, SectionKind, UnitKind, split_roles};
use crate::pattern::Pattern;

use super::flow::Flow;
use super::page::Page;
use super::people::is_blank;

/// Labels of lines that name an owner, beside those that the outline knows.
const OWNER: [&str; 13] = [
    "verantwortlich",
    "verantwortliche",
    "verantwortlicher",
    "zuständig",
    "responsable",
    "propietario",
    "dueño",
    "responsável",
    "dono",
    "负责人",
    "担当者",
    "担当",
    "責任者",
];

/// Labels of lines that ask for a yes.
const APPROVAL: [&str; 14] = [
    "approval",
    "approvals",
    "approval required",
    "approver",
    "approvers",
    "approved by",
    "go/no-go",
    "freigabe",
    "freigabe durch",
    "approbation",
    "aprobación",
    "aprovação",
    "审批",
    "承認",
];

/// Answers that say that a yes is needed, and not whose.
#[rustfmt::skip]
const ANSWERS: [&str; 19] = [
    "yes", "required", "needed", "mandatory", "ja", "erforderlich", "nötig", "oui", "requise", "obligatoire", "sí", "si", "requerida", "sim", "necessária", "是", "需要", "必要", "要",
];

type Found = Vec<(u32, &'static str, String, &'static str)>;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>, flow: &Flow) {
    let mut tables = Vec::new();
    page.markdown.walk(|block| {
        if let Block::Table(table) = block {
            tables.push(table);
        }
    });
    let mut found = Vec::new();
    let owners = owners(page);
    in_no_table(page, &tables, &owners, &mut found);
    without_owner(page, flow, &owners, &mut found);
    approvals(page, &owners, &mut found);
    escalation(page, flow, &tables, &mut found);
    for (line, code, message, help) in found {
        page.add_at_line(code, Severity::Warning, line, message).help(help);
    }
}

/// Owners as the outline has them, and those of lines in other languages.
fn owners(page: &Page<'_>) -> Vec<FoundOwner> {
    let other = page.outline.facts.iter().filter(|fact| OWNER.contains(&fact.label.to_lowercase().as_str()));
    let other =
        other.map(|fact| FoundOwner { text: fact.value.clone(), section: fact.section, line: fact.line });
    page.outline.owners.iter().cloned().chain(other).collect()
}

static ROLES: Pattern = Pattern::new(
    &[
        "role", "team", "position", "function", "rolle", "rôle", "equipo", "função", "papel", "角色", "役割",
        "担当",
    ],
    r"(?i)^(?:roles?|teams?|positions?|functions?|rollen?|rôles?|equipos?|roles|função|papel|角色|役割|担当)$",
);
static PEOPLE: Pattern = Pattern::new(
    &[
        "name",
        "contact",
        "primary",
        "backup",
        "phone",
        "person",
        "people",
        "on",
        "mail",
        "who",
        "slack",
        "kontakt",
        "telefon",
        "nom",
        "contato",
        "respons",
        "verantwort",
        "姓名",
        "联系",
        "氏名",
        "連絡",
    ],
    r"(?i)\b(?:names?|contacts?|primary|backup|phone|persons?|people|on-?call|e-?mail|who|slack|kontakt|telefon|nom|nombre|contacto|nome|contato)\b|responsab|responsib|verantwort|姓名|联系|氏名|連絡",
);

/// How many roles are looked for in the tables; no team has that many.
const MOST_ROLES: usize = 200;

/// T601: an owner who stands in no table of roles, although there is one.
fn in_no_table(page: &Page<'_>, tables: &[&Table], owners: &[FoundOwner], found: &mut Found) {
    let roles: Vec<&&Table> =
        tables.iter().filter(|table| is_roles(table) && table.rows.len() >= 2).collect();
    if roles.is_empty() {
        return;
    }
    let cells: Vec<String> = roles
        .iter()
        .flat_map(|table| &table.rows)
        .flat_map(|row| &row.cells)
        .map(|cell| cell.plain().to_lowercase())
        .collect();
    let declared = page.outline.front_matter.roles.iter().map(|role| role.to_lowercase().replace('-', " "));
    let known: Vec<String> = cells.into_iter().chain(declared).collect();
    let approvers =
        page.outline.facts.iter().filter(|fact| APPROVAL.contains(&fact.label.to_lowercase().as_str()));
    // Who owns the whole document keeps the page; nobody calls them at night for that.
    let needed = owners
        .iter()
        .filter(|owner| owner.section != 0)
        .map(|owner| (owner.line, owner.text.as_str()))
        .chain(approvers.map(|fact| (fact.line, fact.value.as_str())));
    let (mut told, mut there, mut missing) = (BTreeSet::new(), 0, Vec::new());
    for (line, text) in needed {
        for role in split_roles(text) {
            let name = names::role(&role);
            let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-');
            let is_name = role.split_whitespace().count() <= 3 && role.chars().all(plain);
            let numbered = role.chars().any(|c| c.is_ascii_digit());
            if !is_name || numbered || is_word(&role) || told.len() >= MOST_ROLES || !told.insert(name) {
                continue;
            }
            if known.iter().any(|cell| same_role(cell, &role.to_lowercase())) {
                there += 1;
            } else {
                missing.push((line, role));
            }
        }
    }
    // A table that has few of the owners is a table of something else.
    if there < 2 || missing.len() >= there {
        return;
    }
    for (line, role) in missing {
        found.push((
            line,
            "T601",
            format!(
                "`{role}` owns or approves this, and stands in none of the tables of roles: nobody knows whom to call"
            ),
            "add a row for the role, or use the name that the table has",
        ));
    }
}

fn is_roles(table: &Table) -> bool {
    let mut header = table.header.iter().map(|cell| cell.plain().trim().to_lowercase());
    header.next().is_some_and(|first| ROLES.is_match(&first)) && header.any(|cell| PEOPLE.is_match(&cell))
}

/// Answers that name nobody, machines, and everyone who writes code.
fn is_word(role: &str) -> bool {
    let lower = role.to_lowercase();
    let machine =
        ["actions", "pipeline", "system", "bot", "automation", "jenkins", "codeowners", "developer"];
    if machine.iter().any(|word| lower.contains(word)) || ANSWERS.contains(&lower.as_str()) {
        return true;
    }
    matches!(
        role.to_lowercase().as_str(),
        "yes"
            | "no"
            | "required"
            | "none"
            | "n/a"
            | "all"
            | "everyone"
            | "tbd"
            | "team"
            | "needed"
            | "optional"
            | "automatic"
            | "automated"
            | "ci"
    )
}

/// One holds the other, or both share a word that is not in every role's name.
fn same_role(cell: &str, role: &str) -> bool {
    let common = [
        "manager",
        "lead",
        "engineer",
        "team",
        "the",
        "of",
        "and",
        "senior",
        "head",
        "leiter",
        "primary",
        "secondary",
    ];
    if cell.trim().len() >= 2 && (cell.contains(role) || role.contains(cell.trim())) {
        return true;
    }
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() > 1 && !common.contains(word))
            .map(str::to_owned)
            .collect()
    };
    let initials = |text: &str| -> String {
        text.split(|c: char| !c.is_alphanumeric()).filter_map(|word| word.chars().next()).collect()
    };
    let theirs = words(cell);
    words(role).iter().any(|word| theirs.contains(word))
        || initials(cell) == role
        || initials(role) == cell.trim()
}

/// T605: phases have owners, and this one has none.
fn without_owner(page: &Page<'_>, flow: &Flow, owners: &[FoundOwner], found: &mut Found) {
    if owners.iter().any(|owner| owner.section == 0) {
        return;
    }
    let phases: Vec<(usize, u32)> = page
        .outline
        .phases()
        .filter(|(_, section)| section.kind == SectionKind::Phase && section.lane == Lane::Main)
        .filter(|(at, _)| !flow.is_way_back(page, *at))
        .map(|(at, section)| (at, section.line))
        .collect();
    let mut owned_lines: Vec<u32> = owners.iter().map(|owner| owner.line).collect();
    owned_lines.sort_unstable();
    let says_so = |at: usize| {
        let lines = flow.lines(page, at);
        let next = owned_lines.partition_point(|line| line < lines.start());
        owned_lines.get(next).is_some_and(|line| lines.contains(line))
            || page.outline.sections[at].title.contains('@')
    };
    // A parenthesis in a heading may name somebody: enough to ask for no more, not to count.
    let has = |at: usize| says_so(at) || page.outline.sections[at].title.contains('(');
    let owned = phases.iter().filter(|(at, _)| says_so(*at)).count();
    if owned < 2 || owned * 3 < phases.len() * 2 {
        return;
    }
    for (at, line) in phases.iter().filter(|(at, _)| !has(*at)) {
        // Items that name who does them have owners each.
        let lines = flow.lines(page, *at);
        let by_item = flow
            .units_in(page, lines.clone())
            .any(|unit| matches!(&unit.kind, UnitKind::Item(item) if item.role.is_some()));
        let acts = flow.units_in(page, lines).any(|unit| match &unit.kind {
            UnitKind::Item(_) => true,
            UnitKind::Fence(fence) => fence.is_shell_like(),
            _ => false,
        });
        if acts && !by_item {
            let title = &page.outline.sections[*at].title;
            found.push((
                *line,
                "T605",
                format!(
                    "`{title}` has no owner, and {owned} other phases have one: who starts it, who is asked?"
                ),
                "add a line `**Owner**: …`",
            ));
        }
    }
}

/// T602: a yes that anybody gives, or the one who asks.
fn approvals(page: &Page<'_>, owners: &[FoundOwner], found: &mut Found) {
    let mut first: BTreeMap<usize, &FoundOwner> = BTreeMap::new();
    owners.iter().for_each(|owner| _ = first.entry(owner.section).or_insert(owner));
    for fact in
        page.outline.facts.iter().filter(|fact| APPROVAL.contains(&fact.label.to_lowercase().as_str()))
    {
        let value = fact.value.trim().trim_end_matches('.').to_lowercase();
        if ANSWERS.contains(&value.as_str()) {
            found.push((fact.line, "T602", format!("`{}: {}` does not say whose yes, or how many: anyone's will do", fact.label, fact.value.trim()), "name the role and the number: `**Approval**: 1 engineering manager and 1 SRE`, or an `.approval` block with a quorum"));
            continue;
        }
        let owner = first.get(&fact.section).filter(|owner| owner.section != 0);
        if let Some(owner) =
            owner.filter(|owner| !value.is_empty() && names::role(&owner.text) == names::role(&fact.value))
        {
            found.push((
                fact.line,
                "T602",
                format!("`{}` does this and approves it: nobody else looks", owner.text.trim()),
                "let somebody else give the yes",
            ));
        }
    }
    for unit in &page.outline.units {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        if fence.class != FenceClass::Control("approval") {
            continue;
        }
        let (Some(control), _) = control::parse("approval", &fence.body, 0..0, None) else { continue };
        let Body::Approval { quorum, starter_may_approve, .. } = control.body else { continue };
        if starter_may_approve && quorum.values().sum::<u32>() == 1 {
            found.push((unit.line, "T602", "one yes is enough, and whoever started the release may give it: it is no second pair of eyes".to_owned(), "leave out `starter_may_approve`, or ask two people"));
        }
    }
}

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

/// T604: the last one of the chain is nobody.
fn escalation(page: &Page<'_>, flow: &Flow, tables: &[&Table], found: &mut Found) {
    let sections = &page.outline.sections;
    let section_of = |line: u32| sections.partition_point(|section| section.line <= line).saturating_sub(1);
    for table in tables {
        let titled =
            page.outline.chain(section_of(table.line)).any(|at| ESCALATION.is_match(&sections[at].title));
        let header: Vec<String> = table.header.iter().map(|cell| cell.plain().to_lowercase()).collect();
        let is_chain = titled || header.iter().any(|cell| ESCALATION.is_match(cell));
        let Some(column) = header
            .iter()
            .position(|cell| PEOPLE.is_match(cell) || ESCALATION.is_match(cell))
            .filter(|_| is_chain)
        else {
            continue;
        };
        for row in &table.rows {
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
                    || !PEOPLE.is_match(header.get(at).map_or("", String::as_str))
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
    for (line, text) in page.prose() {
        let in_chain =
            || page.outline.chain(section_of(line)).any(|at| ESCALATION.is_match(&sections[at].title));
        let bare = text.trim_start().starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '*'))
            && text.trim_end().to_lowercase().trim_end_matches(['*', '.']).ends_with("tbd");
        if !text.trim_start().starts_with('|') && (TO_NOBODY.is_match(text) || (bare && in_chain())) {
            found.push((
                line,
                "T604",
                "the escalation leads to nobody".to_owned(),
                "write who it is and how to reach them at night",
            ));
        }
    }
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
