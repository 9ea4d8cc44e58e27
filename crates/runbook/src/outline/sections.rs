//! Headings: which hold work, which are data, and which lane they feed.

use std::sync::LazyLock;

use regex::Regex;
use tminus_release::plan::Lane;

use super::{Section, SectionKind};
use crate::names::slug;
use crate::pattern::compile;

/// Headings that hold data by their name, numbers in front removed.
static DATA: LazyLock<Regex> = LazyLock::new(|| {
    let words = [
        r"(table of )?contents",
        "toc",
        "overview",
        "introduction",
        "intro",
        "purpose",
        "scope",
        "about( .*)?",
        "background",
        "summary",
        "glossary",
        "definitions",
        "terminology",
        r"appendi(x|ces)\b.*",
        "references?",
        r"related( .*)?",
        "see also",
        "further reading",
        "useful links",
        "links",
        r"change ?log",
        r"history",
        r"(revision|version|document|change) (history|control|log)",
        "document control",
        "license",
        "faq",
        "roles( (and|&) responsibilities)?",
        "contacts?( list)?",
        "emergency contacts",
        "severity levels",
        "resources",
        "architecture( overview)?",
        "tooling",
        "audience",
    ];
    compile(&format!(r"(?i)^(?:{})$", words.join("|")))
});

/// A number or letter in front of a heading: `1.`, `2.3`, `A.`, `Phase 4:`, `Step 2 -`.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\s*(?:(?:phase|step|part|stage)\s+\w+\s*[:.)–-]\s*|\d+(?:\.\d+)*\s*[.:)]?\s+|[a-z]\s*[.:)]\s+)",
    )
});

static ROLLBACK: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?i)\broll(?:ing)?[\s-]?backs?\b|\bback[\s-]?out\b|\brevert(?:ing)?\b"));
static HOTFIX: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i)\bhot[\s-]?fix(?:es)?\b|\bemergency (?:patch|fix|change|release|deploy\w*)\b")
});
static INCIDENT: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i)\bincidents?\b|\bemergency response\b|\boutages?\b|\bdisaster recovery\b")
});
/// A heading inside a phase that opens another lane: it begins with the word.
static INNER_ROLLBACK: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^(?:how to |when to |if (?:it|something|this) fails|emergency )?(?:roll(?:ing)?[\s-]?backs?|back[\s-]?out|revert(?:ing)?)\b",
    )
});

/// Returns a heading without the number in front of it.
pub(super) fn without_number(title: &str) -> &str {
    let end = NUMBER.find(title).map_or(0, |found| found.end());
    let rest = title[end..].trim();
    if rest.is_empty() { title.trim() } else { rest }
}

/// Tells whether a heading's name says that it holds data only.
pub(super) fn is_data(title: &str) -> bool {
    DATA.is_match(without_number(title).trim_end_matches(':'))
}

/// Returns the lane of a top-level heading.
pub(super) fn lane(title: &str) -> Lane {
    // The first word that names a lane decides: "Rollback or hotfix" is about going back.
    [(&ROLLBACK, Lane::Rollback), (&HOTFIX, Lane::Hotfix), (&INCIDENT, Lane::Incident)]
        .into_iter()
        .filter_map(|(pattern, lane)| pattern.find(title).map(|found| (found.start(), lane)))
        .min_by_key(|(start, _)| *start)
        .map_or(Lane::Main, |(_, lane)| lane)
}

/// Returns the lane that a heading inside a phase opens, when it opens one.
pub(super) fn inner_lane(title: &str) -> Option<Lane> {
    INNER_ROLLBACK.is_match(without_number(title)).then_some(Lane::Rollback)
}

/// A heading as it was found.
pub(super) struct Found {
    pub(super) title: String,
    pub(super) level: u8,
    pub(super) line: u32,
}

/// Makes sections of headings: the document first, each heading with the one that holds it.
pub(super) fn tree(document_title: &str, headings: Vec<Found>) -> Vec<Section> {
    let first_levels = headings.iter().filter(|heading| heading.level == 1).count();
    // One H1 is the title, and the headings below it are phases; several H1 are the phases.
    let title_level = if first_levels == 1 { 1 } else { 0 };
    let mut sections = vec![new_section(document_title.to_owned(), 0, 0, 0)];
    let mut open: Vec<usize> = vec![0];
    for heading in headings {
        if heading.level <= title_level {
            open.truncate(1);
            let mut section = new_section(heading.title, heading.level, 0, heading.line);
            section.kind = SectionKind::Document;
            sections.push(section);
            open.push(sections.len() - 1);
            continue;
        }
        while open.len() > 1 && sections[open[open.len() - 1]].level >= heading.level {
            open.pop();
        }
        let parent = *open.last().expect("the document is always open");
        sections.push(new_section(heading.title, heading.level, parent, heading.line));
        open.push(sections.len() - 1);
    }
    set_paths(&mut sections);
    sections
}

fn new_section(title: String, level: u8, parent: usize, line: u32) -> Section {
    Section {
        title,
        level,
        parent,
        line,
        path: String::new(),
        kind: if level == 0 { SectionKind::Document } else { SectionKind::Inner },
        lane: Lane::Main,
        phase: None,
        environments: Vec::new(),
        option: None,
    }
}

/// Gives every section its path of slugs; two of one name get numbers.
fn set_paths(sections: &mut [Section]) {
    let mut seen = std::collections::HashMap::new();
    for at in 0..sections.len() {
        let own = slug(&sections[at].title);
        let parent = sections[at].parent;
        let top = at == 0 || sections[parent].kind == SectionKind::Document;
        let path = if top { own } else { format!("{}/{own}", sections[parent].path) };
        let count = seen.entry(path.clone()).or_insert(0_u32);
        *count += 1;
        sections[at].path = if *count == 1 { path } else { format!("{path}-{count}") };
    }
}

/// Decides which top-level sections are phases, and hands kind and lane down.
///
/// `has_work` says per section whether work stands directly in it, and `is_claimed` whether the
/// author annotated a block there, which makes any section a phase.
pub(super) fn classify(sections: &mut [Section], has_work: &[bool], is_claimed: &[bool]) {
    let mut work_below = has_work.to_vec();
    let mut claimed_below = is_claimed.to_vec();
    for at in (1..sections.len()).rev() {
        let parent = sections[at].parent;
        work_below[parent] |= work_below[at];
        claimed_below[parent] |= claimed_below[at];
    }
    let is_root: Vec<bool> = sections.iter().map(|section| section.kind == SectionKind::Document).collect();
    for at in 0..sections.len() {
        if is_root[at] {
            // Work that stands before the first phase makes the document itself a phase.
            sections[at].phase = has_work[at].then_some(at);
            continue;
        }
        let parent = sections[at].parent;
        if is_root[parent] {
            let is_phase = claimed_below[at] || (work_below[at] && !is_data(&sections[at].title));
            sections[at].kind = if is_phase { SectionKind::Phase } else { SectionKind::Data };
            sections[at].lane = lane(&sections[at].title);
            sections[at].phase = is_phase.then_some(at);
        } else {
            sections[at].kind = if sections[parent].kind == SectionKind::Data {
                SectionKind::Data
            } else {
                SectionKind::Inner
            };
            sections[at].phase = sections[parent].phase;
            sections[at].lane = match inner_lane(&sections[at].title) {
                Some(lane) if sections[parent].lane == Lane::Main => lane,
                _ => sections[parent].lane,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_between_work_and_data() {
        let data = [
            "Table of Contents",
            "Overview",
            "Appendices",
            "Appendix A: Hosts",
            "9. References",
            "Related Documentation",
            "Changelog",
            "Revision History",
            "Document Control",
        ];
        let work = [
            "Pre-flight",
            "Deploy",
            "Release Checklist",
            "Contents of the release",
            "Rollback Procedures",
            "Emergency Response",
            "Overview of checks to run",
        ];
        for title in data {
            assert!(is_data(title), "{title}");
        }
        for title in work {
            assert!(!is_data(title), "{title}");
        }
    }

    #[test]
    fn names_decide_the_lane() {
        let table = [
            ("Rollback Procedures", Lane::Rollback),
            ("Phase 4: Rolling back", Lane::Rollback),
            ("Backout plan", Lane::Rollback),
            ("Hotfix Process", Lane::Hotfix),
            ("Hotfix rollback", Lane::Hotfix),
            ("Emergency Response", Lane::Incident),
            ("Incident Response", Lane::Incident),
            ("Production Deployment", Lane::Main),
            ("Post-Deployment", Lane::Main),
        ];
        for (title, expected) in table {
            assert_eq!(lane(title), expected, "{title}");
        }
        assert_eq!(inner_lane("4.2 Rollback"), Some(Lane::Rollback));
        assert_eq!(inner_lane("Verify rollback plan"), None);
    }

    #[test]
    fn numbers_in_front_are_no_part_of_a_name() {
        let table = [
            ("1. Pre-flight", "Pre-flight"),
            ("2.3 Deploy", "Deploy"),
            ("Phase 4: Rollback", "Rollback"),
            ("A. Contacts", "Contacts"),
            ("E2E tests", "E2E tests"),
            ("1.", "1."),
        ];
        for (title, expected) in table {
            assert_eq!(without_number(title), expected, "{title}");
        }
    }
}
