//! Environments: which there are, and which a section acts on.

use std::collections::BTreeMap;

use super::{FoundEnvironment, Outline, SectionKind};

use crate::pattern::Pattern;

/// Words for environments, in lower case. `qa` and `test` count only before "environment": alone
/// they are a team and an activity.
const WORDS: [&str; 11] = [
    "staging",
    "stage",
    "stg",
    "production",
    "prod",
    "preview",
    "development",
    "sandbox",
    "uat",
    "preprod",
    "qa",
];

static URL: Pattern = Pattern::new(&["http"], r"https?://[^\s`)>|]+");

/// Returns the one name of an environment: `prod` and `Production` are `production`.
pub fn canonical(word: &str) -> String {
    let lower = word.trim().trim_matches('`').to_lowercase();
    match lower.as_str() {
        "prod" | "live" => "production".to_owned(),
        "stage" | "stg" => "staging".to_owned(),
        "dev" => "development".to_owned(),
        _ => lower,
    }
}

/// Collects environments while the document is read.
#[derive(Default)]
pub(super) struct Finder {
    found: BTreeMap<String, FoundEnvironment>,
    /// What `Environment:` says, by section.
    facts: BTreeMap<usize, String>,
}

impl Finder {
    /// Notes the environments that a text mentions.
    pub(super) fn mention(&mut self, text: &str, line: u32) {
        for name in in_text(text) {
            self.add(name, None, line);
        }
    }

    /// Notes those in code, where names stand inside hosts, files and options.
    pub(super) fn in_code(&mut self, text: &str, line: u32) {
        self.mention(&text.replace(['_', '.', '-', '/', '='], " "), line);
    }

    /// Notes an environment with its address, from a table.
    pub(super) fn row(&mut self, name: &str, cell: &str, line: u32) {
        let url = URL.find(cell).map(|found| found.as_str().to_owned());
        self.add(canonical(name), url, line);
    }

    /// Notes a section's `Environment:` line.
    pub(super) fn fact(&mut self, section: usize, value: &str, line: u32) {
        self.mention(value, line);
        self.facts.insert(section, value.to_owned());
    }

    fn add(&mut self, name: String, url: Option<String>, line: u32) {
        let found = self.found.entry(name.clone()).or_insert(FoundEnvironment { name, url: None, line });
        if found.url.is_none() {
            found.url = url;
        }
    }

    /// Decides which environments each section acts on.
    pub(super) fn settle(&mut self, outline: &mut Outline) {
        for name in outline.front_matter.environments.clone() {
            self.add(canonical(&name), None, 1);
        }
        let facts = std::mem::take(&mut self.facts);
        for at in 0..outline.sections.len() {
            let section = &outline.sections[at];
            let named = match facts.get(&at) {
                Some(value) => self.of_fact(value),
                None => Vec::new(),
            };
            let environments = if !named.is_empty() {
                named
            } else if section.kind == SectionKind::Document {
                Vec::new()
            } else {
                // A heading acts on the one environment that it names; with two it compares them.
                let mut names: Vec<String> = self.known_in(&section.title);
                names.dedup();
                if names.len() == 1 { names } else { outline.sections[section.parent].environments.clone() }
            };
            outline.sections[at].environments = environments;
        }
        outline.environments = std::mem::take(&mut self.found).into_values().collect();
        outline.environments.sort_by_key(|found| found.line);
    }

    /// `staging → production`, `staging`, or a host that a table gives to an environment.
    fn of_fact(&self, value: &str) -> Vec<String> {
        let separators = ['→', ',', '+', '&'];
        let parts = value.replace("->", "→").replace(" then ", "→").replace(" and ", "→");
        let named = parts.split(separators).filter_map(|part| {
            let words = self.known_in(part);
            let exact = canonical(part);
            if self.found.contains_key(&exact) { Some(exact) } else { words.into_iter().next() }
        });
        // What is named twice is not released twice.
        let mut names: Vec<String> = Vec::new();
        for name in named {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if !names.is_empty() {
            return names;
        }
        let host = value.trim().trim_start_matches("https://").trim_end_matches('/');
        let by_host = self.found.values().find(|found| {
            found.url.as_deref().is_some_and(|url| {
                url.split("://").nth(1).is_some_and(|rest| rest.trim_end_matches('/') == host)
            })
        });
        by_host.map(|found| vec![found.name.clone()]).unwrap_or_default()
    }

    fn known_in(&self, text: &str) -> Vec<String> {
        let mut names = in_text(text);
        let lower = text.to_lowercase();
        for name in self.found.keys() {
            let is_word = lower.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == name);
            if is_word && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

/// Returns the environments that a text names. `pre-production` is what comes before production.
fn in_text(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut rest = text;
    let mut before = "";
    while let Some(start) = rest.bytes().position(|byte| byte.is_ascii_alphanumeric()) {
        let gap = &rest[..start];
        let word_end = end_of_word(rest, start);
        let word = &rest[start..word_end];
        rest = &rest[word_end..];
        let is_after_pre = gap == "-" && before.eq_ignore_ascii_case("pre");
        before = word;
        if is_after_pre || !(2..=11).contains(&word.len()) {
            continue;
        }
        let needs_noun = word.eq_ignore_ascii_case("qa") || word.eq_ignore_ascii_case("test");
        let has_noun = || rest.trim_start().get(..3).is_some_and(|next| next.eq_ignore_ascii_case("env"));
        // Most words are none, and their first letter tells.
        let first = word.as_bytes()[0].to_ascii_lowercase();
        let is = |known: &str| known.as_bytes()[0] == first && word.eq_ignore_ascii_case(known);
        let is_known = needs_noun || WORDS.iter().any(|known| is(known));
        if is_known && (!needs_noun || has_noun()) {
            let name = canonical(word);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    for name in super::tongues::environments(text) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Where the word ends that begins at a byte. Nearly all are ASCII, and need no tables.
fn end_of_word(text: &str, start: usize) -> usize {
    let bytes = &text.as_bytes()[start..];
    let plain = bytes.iter().position(|byte| !byte.is_ascii_alphanumeric());
    match plain.map(|length| start + length) {
        None => text.len(),
        Some(end) if text.as_bytes()[end].is_ascii() => end,
        Some(end) => text[end..].find(|c: char| !c.is_alphanumeric()).map_or(text.len(), |more| end + more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_environments_have_one_name() {
        let table: [(&str, &[&str]); 7] = [
            ("Staging Deployment", &["staging"]),
            ("deploy to PROD", &["production"]),
            ("Pre-Production Checklist", &[]),
            ("staging/production traffic", &["staging", "production"]),
            ("reproduction of a stagecoach", &[]),
            ("QA Team", &[]),
            ("the QA environment, then test env", &["qa", "test"]),
        ];
        for (text, expected) in table {
            assert_eq!(in_text(text), expected, "{text}");
        }
    }
}
