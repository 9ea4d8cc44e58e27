//! Who is named: owners, roles, teams, approvers.

use super::build::Reader;
use super::{Outline, Remark};
use crate::encoding::repair;
use crate::pattern::Pattern;

/// A phrase that ends in a word for a role or a team.
static ROLE: Pattern = Pattern::new(
    &[
        "manager",
        "engineer",
        "lead",
        "commander",
        "admin",
        "squad",
        "director",
        "officer",
        "master",
        "cto",
        "dba",
        "sre",
        "codeowners",
        "team",
    ],
    r"(?x)\b(?:(?:[A-Z][\w&]*(?:[/-][A-Za-z]\w*)*)\ ){0,2}
        (?:[A-Z][\w/-]*[/-])?(?:Manager|Engineer|Lead|Leads|Commander|Admin|Administrator|Squad|Director|Officer|Master)\b
        | \bCTO\b | \bDBA\b | \bSRE\b | \bCODEOWNERS\b | \b[A-Z]\w+\ Team\b",
);

/// A whole text that is a role: an entry of a list of people.
static ONLY_ROLE: Pattern = Pattern::new(
    &[
        "manager",
        "engineer",
        "lead",
        "commander",
        "admin",
        "owner",
        "team",
        "squad",
        "director",
        "officer",
        "dba",
        "sre",
        "cto",
        "ceo",
        "cio",
        "qa",
        "devops",
        "on-call",
        "oncall",
        "developer",
        "product",
        "security",
        "support",
        "operations",
        "ops",
    ],
    r"(?ix)^\W*(?:[\w&/-]+\s+){0,3}(?:manager|engineer|lead|leads|commander|admin(?:istrator)?|owner|team|squad|director|officer|dba|sre|cto|ceo|cio|qa|devops|on-?call|developer|product|security|support|operations|ops)\W*(?:\(.*\))?\W*$",
);

static APPROVAL: Pattern = Pattern::new(
    &["approval", "sign-off", "signoff", "review"],
    r"(?i)\b(?:approvals?|sign-?off|reviews?|request review)\s+(?:\w+\s+)?(?:from|by)\s+(?P<who>[^.;()]+?)(?:\s+(?:per|before|prior|after|via|in|for|to)\b|[.;(]|$)",
);
static OWNS: Pattern = Pattern::new(
    &["owns", "acknowledges", "approves", "signs off", "responsible"],
    r"(?i)^(?P<who>[\w/ -]{2,40}?)\s+(?:owns|acknowledges|approves|signs off|is responsible)\b",
);

/// Labels whose value names people.
const LABELS: [&str; 14] = [
    "owner",
    "owners",
    "decision maker",
    "sign-off",
    "signoff",
    "sign off",
    "approval required",
    "approver",
    "approvers",
    "approval",
    "maintained by",
    "reviewers",
    "responsible",
    "reviewed by",
];

/// Splits what people write into roles: `QA Lead + Engineering Manager`, `A → B`, `X, Y and Z`.
pub fn split_roles(text: &str) -> Vec<String> {
    let mut depth = 0_u32;
    let mut outside = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    let joined = outside.replace("->", "+").replace(" and ", "+").replace(" or ", "+").replace(" / ", "+");
    joined
        .split(['+', '→', ',', '&', ';'])
        .map(|part| part.trim().trim_start_matches('@').trim_matches(['*', '`', '.']).trim())
        .filter(|part| !part.is_empty() && part.chars().count() <= 60)
        .map(str::to_owned)
        .collect()
}

/// Tells whether a text names nobody but people: at least one role, and nothing longer than one.
pub(super) fn are_roles(text: &str) -> bool {
    let roles = split_roles(text);
    roles.iter().any(|role| ONLY_ROLE.is_match(role))
        && roles.iter().all(|role| role.split_whitespace().count() <= 3)
}

/// Takes a `Label: value` line.
pub(super) fn in_fact(reader: &mut Reader<'_>, label: &str, value: &str, line: u32) {
    let lower = label.to_lowercase();
    if LABELS.contains(&lower.as_str()) {
        for role in split_roles(value) {
            // "Minimum 1 approving review from CODEOWNERS" is a sentence; its names are found there.
            if role.split_whitespace().count() <= 4 {
                note(reader, role, line);
            }
        }
    } else if ONLY_ROLE.is_match(label) {
        note(reader, label.to_owned(), line);
    }
}

/// Takes a heading: `1. Local Validation (Developer)`.
pub(super) fn in_heading(reader: &mut Reader<'_>, title: &str, line: u32) {
    if let (Some(open), Some(close)) = (title.rfind('('), title.rfind(')'))
        && open < close
        && ONLY_ROLE.is_match(&title[open + 1..close])
    {
        note(reader, title[open + 1..close].to_owned(), line);
    }
}

/// Takes running text.
pub(super) fn in_prose(reader: &mut Reader<'_>, text: &str, line: u32) {
    let plain = text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '@');
    if plain.chars().count() <= 48 && ONLY_ROLE.is_match(plain) {
        note(reader, plain.trim_end_matches(['.', ':']).to_owned(), line);
    }
    if let Some(found) = APPROVAL.captures(text) {
        for role in split_roles(&found["who"]) {
            note(reader, role, line);
        }
    }
    if let Some(found) = OWNS.captures(plain) {
        note(reader, found["who"].to_owned(), line);
    }
    for found in ROLE.find_iter(text) {
        note(reader, found.as_str().to_owned(), line);
    }
}

/// Takes a template or the comments of code: `Release Manager: [Name]`, `# Assign Incident Commander`.
pub(super) fn in_code(reader: &mut Reader<'_>, body: &str, body_line: u32) {
    for (offset, raw) in body.lines().enumerate() {
        let line = body_line + u32::try_from(offset).unwrap_or(0);
        let shown = repair(raw).text;
        let text = shown.trim();
        if let Some((label, value)) = text.split_once(':')
            && value.trim_start().starts_with('[')
            && ONLY_ROLE.is_match(label)
        {
            note(reader, label.trim_start_matches(['-', ' ']).to_owned(), line);
        } else if let Some(comment) = text.strip_prefix('#') {
            for found in ROLE.find_iter(comment) {
                note(reader, found.as_str().to_owned(), line);
            }
        }
    }
}

/// Takes a cell of a column of roles.
pub(super) fn in_cell(reader: &mut Reader<'_>, text: &str, line: u32) {
    for role in split_roles(text) {
        note(reader, role, line);
    }
}

fn note(reader: &mut Reader<'_>, text: String, line: u32) {
    let section = reader.section;
    reader.outline.roles.push(Remark { text: text.trim().to_owned(), line, section });
}

/// Keeps each role once, at its first line.
pub(super) fn settle(outline: &mut Outline) {
    let verbs = [
        "escalate", "notify", "request", "confirm", "get", "obtain", "schedule", "assign", "post", "ping",
        "contact", "rotate",
    ];
    for role in &mut outline.roles {
        // "Assign Incident Commander" names the commander, not the assigning.
        let mut words = role.text.split_whitespace();
        if let Some(first) = words.next()
            && verbs.contains(&first.to_lowercase().as_str())
        {
            role.text = words.collect::<Vec<_>>().join(" ");
        }
    }
    let mut seen = std::collections::HashSet::new();
    outline.roles.retain(|role| !role.text.is_empty() && seen.insert(role.text.to_lowercase()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_split_as_written() {
        let table: [(&str, &[&str]); 7] = [
            ("QA Lead + Engineering Manager", &["QA Lead", "Engineering Manager"]),
            ("Release Manager → On-Call Engineer", &["Release Manager", "On-Call Engineer"]),
            ("CODEOWNERS (Platform/Frontend/Ops Squad)", &["CODEOWNERS"]),
            ("Security, DevOps, Product", &["Security", "DevOps", "Product"]),
            ("@qa-lead", &["qa-lead"]),
            ("QA Team / Automated Tests", &["QA Team", "Automated Tests"]),
            ("", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(split_roles(text), expected, "{text}");
        }
    }

    #[test]
    fn role_phrases_are_told_from_others() {
        for text in ["Team Lead", "On-Call Engineer", "CTO", "Platform Lead", "QA Lead", "Developer"] {
            assert!(ONLY_ROLE.is_match(text), "{text}");
        }
        for text in ["Check logs", "Error rate", "All tests passing for the product in use today"] {
            assert!(!ONLY_ROLE.is_match(text), "{text}");
        }
    }
}
