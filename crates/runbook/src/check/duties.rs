//! T601 and T605: roles that nobody has, phases without an owner.

use std::collections::BTreeSet;

use tminus_release::plan::Lane;

use crate::control::{self, Body};
use crate::diagnostic::Severity;
use crate::markdown::{Block, Table};
use crate::names;
use crate::outline::{FenceClass, FoundOwner, SectionKind, UnitKind, split_roles};

use super::flow::Flow;
use super::labels::{self, About, Labelled};
use super::page::Page;
use super::people::{is_person, is_role};
use super::{escalation, nobody, own_role, own_yes, phrases, signers, yeses};

pub(super) type Found = Vec<(u32, &'static str, String, &'static str)>;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>, flow: &Flow) {
    let mut tables = Vec::new();
    page.markdown.walk(|block| {
        if let Block::Table(table) = block {
            tables.push(table);
        }
    });
    let mut found = Vec::new();
    let lines = labels::read(page);
    let owners = owners(page, &lines);
    in_no_table(page, &tables, &owners, &lines, &mut found);
    without_owner(page, flow, &owners, &tables, &mut found);
    signers::check(page, &tables, &lines, &mut found);
    yeses::check(page, &owners, &mut found);
    escalation::check(page, flow, &tables, &mut found);
    own_yes::check(page, &tables, &lines, &mut found);
    own_role::check(page, &tables, &lines, &mut found);
    nobody::check(page, &tables, &lines, &mut found);
    for (line, code, message, help) in found {
        page.add_at_line(code, Severity::Warning, line, message).help(help);
    }
}

/// Owners as the outline has them, and those of lines that are not bold, or in other languages.
fn owners(page: &Page<'_>, lines: &[Labelled<'_>]) -> Vec<FoundOwner> {
    let known = &page.outline.owners;
    let other = lines.iter().filter(|line| {
        line.about == About::Owner
            && !line.value.is_empty()
            && !known.iter().any(|owner| owner.line == line.line)
    });
    let other =
        other.map(|line| FoundOwner { text: line.value.to_owned(), section: line.section, line: line.line });
    known.iter().cloned().chain(other).collect()
}

/// How many roles are looked for in the tables; no team has that many.
pub(super) const MOST_ROLES: usize = 200;

/// T601: an owner who stands in no table of roles, although there is one.
fn in_no_table(
    page: &Page<'_>,
    tables: &[&Table],
    owners: &[FoundOwner],
    lines: &[Labelled<'_>],
    found: &mut Found,
) {
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
    let approvers = lines.iter().filter(|line| line.about == About::Approval && !labels::is_open(line.value));
    // Who owns the whole document keeps the page; nobody calls them at night for that.
    let needed = owners
        .iter()
        .filter(|owner| owner.section != 0)
        .map(|owner| (owner.line, owner.text.as_str()))
        .chain(approvers.map(|line| (line.line, line.value)));
    let (mut told, mut there, mut missing) = (BTreeSet::new(), 0, Vec::new());
    let quorums = quorums(page);
    let needed = needed.chain(quorums.iter().map(|(line, role)| (*line, role.as_str())));
    let rows = roles.iter().flat_map(|table| &table.rows);
    let titles: Vec<String> = rows.filter_map(|row| Some(row.cells.first()?.plain())).collect();
    for (line, text) in needed {
        for role in split_roles(text) {
            let role = without_count(&role).to_owned();
            let name = names::role(&role);
            let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-');
            let is_name = role.split_whitespace().count() <= 3 && role.chars().all(plain);
            let numbered = role.chars().any(|c| c.is_ascii_digit());
            let is_other = numbered || is_word(&role) || phrases::is_no_role(&role);
            if !is_name || is_other || told.len() >= MOST_ROLES || !told.insert(name) {
                continue;
            }
            if let Some(meant) = misspelt(&role, &titles) {
                found.push((
                    line,
                    "T601",
                    format!("`{role}` owns or approves this, and the table of roles has `{meant}`: nobody who looks for the one finds the other"),
                    "use the name that the table has",
                ));
            } else if known.iter().any(|cell| same_role(cell, &role.to_lowercase())) {
                there += 1;
            } else {
                missing.push((line, role));
            }
        }
    }
    // A table that has few of the owners is a table of something else.
    if there == 0 || missing.len() > there {
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

/// Roles of blocks that ask for a yes, as words, with the line of the block.
fn quorums(page: &Page<'_>) -> Vec<(u32, String)> {
    let blocks = page.outline.units.iter().filter_map(|unit| match &unit.kind {
        UnitKind::Fence(fence) if fence.class == FenceClass::Control("approval") => {
            Some((unit.line, &fence.body))
        }
        _ => None,
    });
    let mut roles = Vec::new();
    for (line, body) in blocks {
        let Some(Body::Approval { quorum, .. }) =
            control::parse("approval", body, 0..0, None).0.map(|c| c.body)
        else {
            continue;
        };
        roles.extend(quorum.keys().map(|role| (line, role.replace('-', " "))));
    }
    roles
}

/// `2 of SREs`, `1 x DBA`, `at least one release manager`: the role alone.
pub(super) fn without_count(role: &str) -> &str {
    let mut rest = role.trim();
    loop {
        let (first, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        let is_count = first.bytes().all(|byte| byte.is_ascii_digit())
            || matches!(
                first.to_lowercase().as_str(),
                "x" | "×"
                    | "of"
                    | "at"
                    | "least"
                    | "any"
                    | "one"
                    | "two"
                    | "three"
                    | "both"
                    | "the"
                    | "von"
                    | "zwei"
                    | "ein"
                    | "eine"
                    | "de"
                    | "un"
                    | "une"
                    | "deux"
                    | "una"
                    | "dos"
                    | "uma"
                    | "dois"
                    | "duas"
            );
        if !is_count || behind.is_empty() {
            return rest;
        }
        rest = behind.trim_start();
    }
}

/// The title in a table of roles that is meant by one that differs in a letter or two.
fn misspelt<'t>(role: &str, titles: &'t [String]) -> Option<&'t str> {
    if titles.iter().any(|title| title.eq_ignore_ascii_case(role)) {
        return None;
    }
    let title = crate::faults::nearest(role, titles.iter().map(String::as_str))?;
    let letters = role.chars().count();
    // Two short names, and two that differ in a word, are two roles.
    let words = |text: &str| text.split_whitespace().count();
    let (left, right) = (role.to_lowercase(), title.to_lowercase());
    let mut differ = left.split_whitespace().zip(right.split_whitespace()).filter(|(a, b)| a != b);
    let (Some((wrong, meant)), None) = (differ.next(), differ.next()) else { return None };
    let stem = |word: &str| word.trim_end_matches(['s', 'n', 'e', 'r', 'x']).to_owned();
    let long = wrong.chars().count() > 4 || !wrong.is_ascii() && wrong.chars().count() > 3;
    let slip = long && stem(wrong) != stem(meant) && crate::faults::nearest(wrong, [meant]).is_some();
    (letters > 3 && slip && words(role) == words(title)).then_some(title)
}

/// Tells whether a column, by its header in small letters, says who somebody is or what they do.
pub(super) fn is_contact(header: &str) -> bool {
    is_person(header) || ["responsab", "responsib", "people", "mail"].iter().any(|word| header.contains(word))
}

pub(super) fn is_roles(table: &Table) -> bool {
    let mut header = table.header.iter().map(|cell| cell.plain().trim().to_lowercase());
    header.next().is_some_and(|first| is_role(&first)) && header.any(|cell| is_contact(&cell))
}

/// Answers that name nobody, machines, and everyone who writes code.
fn is_word(role: &str) -> bool {
    let lower = role.to_lowercase();
    let machine =
        ["actions", "pipeline", "system", "bot", "automation", "jenkins", "codeowners", "developer"];
    if machine.iter().any(|word| lower.contains(word)) || yeses::says_only_yes(&lower) {
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
pub(super) fn same_role(cell: &str, role: &str) -> bool {
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
    // "Ana" is in "manager" and is none.
    let begins_a_word = |at: usize| !role[..at].ends_with(char::is_alphanumeric);
    let cell_in_role = || role.find(cell.trim()).is_some_and(begins_a_word);
    if cell.trim().len() >= 2 && (cell.contains(role) || cell_in_role()) {
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
fn without_owner(page: &Page<'_>, flow: &Flow, owners: &[FoundOwner], tables: &[&Table], found: &mut Found) {
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
            || nobody::table_names_owner(tables, &page.outline.sections[at].title)
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
        // A checklist is for whoever begins.
        let is_checklist = page.outline.sections[*at].title.to_lowercase().ends_with("checklist");
        if acts && !by_item && !is_checklist {
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
