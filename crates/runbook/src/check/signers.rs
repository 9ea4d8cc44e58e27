//! T601: a yes of somebody who stands in no table of roles, although there is one.

use std::collections::BTreeSet;

use crate::markdown::Table;
use crate::outline::UnitKind;
use crate::pattern::Pattern;
use crate::words::Words;

use super::duties::{Found, MOST_ROLES, is_roles, same_role, without_count};
use super::labels::{self, About, Labelled};
use super::page::Page;

/// Words that make a name a role's, with what may stand before them.
#[rustfmt::skip]
const OFFICES: [&str; 26] = [
    "officer", "manager", "lead", "leader", "director", "head", "owner", "architect", "captain", "coordinator", "dba",
    "cto", "cio", "ciso", "ceo", "counsel", "auditor", "board", "controller", "leitung", "leiter", "leiterin",
    "directeur", "directora", "gerente", "beauftragter",
];

static SIGNED: Pattern = Pattern::new(
    &[
        "sign off",
        "sign-off",
        "signed off",
        "signed-off",
        "signs off",
        "approv",
        "freigabe",
        "genehmigt",
        "approuvé",
        "aprobad",
        "aprovad",
        "aprobac",
        "aprovaç",
        "validation",
    ],
    r"(?i)\b(?:sign(?:ed)?[- ]?off (?:from|by|of)|approv(?:ed|al) (?:from|by|of)|approv(?:ers?|al):|freigabe (?:durch|von)|genehmigt (?:von|durch)|approuvé par|validation (?:par|du)|aprobado por|aprobación del?|aprovado por|aprovação d[aeo])(?: the| an?| der| die| dem| den| le| la| el| o| a| our)? (?P<who>[^.,;:()|]+)|^\W*(?:the )?(?P<he>[a-z][a-z -]+?) (?:signs off|approves|has signed off|has approved)\b",
);

pub(super) fn is_office(word: &str) -> bool {
    OFFICES.contains(&word)
        || ["beauftragte", "beauftragten", "leitung", "leiter"].iter().any(|end| word.ends_with(end))
}

/// The role at the beginning of words, up to the word that makes it one.
fn office(words: &str) -> Option<String> {
    let mut role = Vec::new();
    for word in words.split_whitespace().take(4) {
        role.push(word);
        if is_office(&word.to_lowercase()) {
            // "Head of Payments" goes on.
            let mut behind = words.split_whitespace().skip(role.len());
            if behind.next().is_some_and(|next| {
                matches!(next.to_lowercase().as_str(), "of" | "de" | "du" | "do" | "da" | "del")
            }) {
                let rest = words.split_whitespace().skip(role.len());
                // Its last words are those with a capital: "Head of Data Governance in the ticket".
                let is_name = |word: &&str| word.starts_with(char::is_uppercase);
                let more = rest.clone().skip(2).take(2).take_while(is_name);
                role.extend(rest.clone().take(2).chain(more));
            }
            return Some(role.join(" "));
        }
        if matches!(
            word.to_lowercase().as_str(),
            "and" | "or" | "is" | "in" | "for" | "the" | "one" | "und" | "et" | "y" | "e"
        ) {
            return None;
        }
    }
    None
}

/// Having to give a yes, right behind who has to: "If prices change, the Pricing Lead signs too."
#[rustfmt::skip]
const HAS_TO: &[&str] = &[
    "signs", "approves", "agrees in writing", "has to sign", "has to approve", "has to agree", "has to say yes", "needs to sign", "needs to approve", "must sign",
    "must approve", "must agree", "must say yes", "has to countersign", "countersigns", "is to approve", "is to sign", "unterschreibt", "zeichnet", "genehmigt", "muss unterschreiben",
    "muss zeichnen", "muss freigeben", "muss genehmigen", "muss zustimmen", "gibt frei", "signe", "approuve", "doit signer", "doit valider", "doit approuver",
    "firma", "aprueba", "debe firmar", "debe aprobar", "tiene que firmar", "tiene que aprobar", "assina", "aprova", "deve assinar", "deve aprovar", "tem de assinar", "tem que aprovar",
];

/// What all of those have one of.
#[rustfmt::skip]
static SIGN: Words = Words::new(&[
    "sign", "approve", "agree", "say yes", "unterschreib", "zeichne", "genehmig", "freigeben", "zustimmen", "gibt frei", "valider", "approuve", "firma", "aprueba",
    "aprobar", "assina", "aprova",
]);

/// Roles that have to give a yes, each with where its clause begins.
fn also_sign(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut from = 0;
    for clause in text.split_inclusive([',', '.', ';', ':', '\n']) {
        let start = from;
        from += clause.len();
        if !SIGN.any_in(clause) {
            continue;
        }
        let words = without_article(clause.trim());
        let Some(role) = office(words).filter(|role| is_title(role)) else { continue };
        let Some(behind) = words.strip_prefix(role.as_str()) else { continue };
        let mut behind = behind.trim_start();
        for also in ["also ", "too ", "auch ", "aussi ", "también ", "também ", "therefore "] {
            behind = behind.strip_prefix(also).unwrap_or(behind);
        }
        let behind =
            behind.replace("must also", "must").replace("has to also", "has to").replace(" auch ", " ");
        if HAS_TO.iter().any(|verb| behind.starts_with(verb)) {
            found.push((start, role));
        }
    }
    found
}

fn without_article(words: &str) -> &str {
    let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
    let articles = ["the", "der", "die", "den", "das", "le", "la", "el", "o", "a", "our", "then"];
    if articles.contains(&first.to_lowercase().as_str()) { rest } else { words }
}

/// Those whom a table of roles, another one or the front matter has.
struct Known {
    cells: Vec<String>,
}

impl Known {
    fn of(page: &Page<'_>, tables: &[&Table]) -> Option<Known> {
        tables.iter().find(|table| is_roles(table) && table.rows.len() >= 2)?;
        let cells = tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.cells);
        let declared =
            page.outline.front_matter.roles.iter().map(|name| name.to_lowercase().replace('-', " "));
        Some(Known { cells: cells.map(|cell| cell.plain().to_lowercase()).chain(declared).collect() })
    }

    /// Somebody who is named twice is known in some other way.
    fn has(&self, page: &Page<'_>, lower: &str) -> bool {
        self.cells.iter().any(|cell| same_role(cell, lower)) || page.lower().matches(lower).nth(1).is_some()
    }
}

/// Says whose yes is asked for although no table has them.
pub(super) fn check(page: &Page<'_>, tables: &[&Table], lines: &[Labelled<'_>], found: &mut Found) {
    let Some(known) = Known::of(page, tables) else { return };
    let mut told: BTreeSet<u32> = found.iter().map(|(line, ..)| *line).collect();
    let mut seen = BTreeSet::new();
    let mut tell = |line: u32, role: String, found: &mut Found| {
        let lower = role.to_lowercase();
        if told.contains(&line)
            || seen.len() >= MOST_ROLES
            || !seen.insert(lower.clone())
            || known.has(page, &lower)
        {
            return;
        }
        told.insert(line);
        found.push((
            line,
            "T601",
            format!("`{role}` has to say yes here, and stands in none of the tables of roles: nobody knows whom to ask"),
            "add a row for the role, or use the name that the table has",
        ));
    };
    for unit in &page.outline.units {
        let (text, in_text) = match &unit.kind {
            UnitKind::Item(item) => (&item.text, false),
            UnitKind::Point(point) => (&point.text, false),
            UnitKind::Prose(text) => (text, true),
            UnitKind::Fence(_) => continue,
        };
        let signed = if in_text { None } else { SIGNED.captures(text) };
        let words = signed.as_ref().and_then(|signed| signed.name("who").or_else(|| signed.name("he")));
        if let Some(role) = words.and_then(|words| office(words.as_str())) {
            tell(unit.line, role, found);
            continue;
        }
        if text.len() > 600 || !SIGN.any_in(text) {
            continue;
        }
        for (start, role) in also_sign(text) {
            let below = u32::try_from(text[..start].matches('\n').count()).unwrap_or(0);
            tell(unit.line + below, role, found);
        }
    }
    for line in lines.iter().filter(|line| line.about == About::Approval && !labels::is_open(line.value)) {
        for role in named_in(line.value) {
            tell(line.line, role, found);
        }
    }
}

/// The offices of a line that asks for several: "the Platform manager and the Head of Research".
fn named_in(value: &str) -> Vec<String> {
    let first = value.split(['.', ';', '。']).next().unwrap_or_default();
    let mut parts = vec![first];
    for sign in [",", " and ", " und ", " et ", " y ", " e ", " + ", " & ", " / "] {
        parts = parts.into_iter().flat_map(|part| part.split(sign)).collect();
    }
    parts
        .into_iter()
        .take(8)
        .map(|part| without_article(without_count(part)))
        .filter_map(|part| office(part).filter(|role| part.starts_with(role.as_str()) && is_title(role)))
        .collect()
}

/// A title begins with a capital: "Head of Research", not "head of the queue".
fn is_title(role: &str) -> bool {
    role.split(' ').count() > 1 && role.starts_with(char::is_uppercase) && !super::phrases::is_no_role(role)
}
