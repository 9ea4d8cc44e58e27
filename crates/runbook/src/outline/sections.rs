//! Headings: which hold work, which are data, and which lane they feed.

use tminus_release::plan::Lane;

use super::{Section, SectionKind};
use crate::names::slug;
use crate::pattern::Pattern;

/// Whole titles of sections that hold data: nobody works in them.
const DATA: [&str; 37] = [
    "table of contents",
    "contents",
    "toc",
    "overview",
    "introduction",
    "intro",
    "purpose",
    "scope",
    "background",
    "summary",
    "glossary",
    "definitions",
    "terminology",
    "reference",
    "references",
    "see also",
    "further reading",
    "useful links",
    "links",
    "changelog",
    "history",
    "license",
    "faq",
    "roles",
    "roles and responsibilities",
    "roles & responsibilities",
    "contact",
    "contacts",
    "contact list",
    "contacts list",
    "emergency contacts",
    "severity levels",
    "resources",
    "architecture",
    "architecture overview",
    "tooling",
    "audience",
];

/// `Revision History`, `Change Log`, `Document Control`: one of these, then one of those.
const HISTORY_OF: [&str; 4] = ["revision ", "version ", "document ", "change "];
const HISTORY: [&str; 3] = ["history", "control", "log"];

static ROLLBACK: Pattern = Pattern::new(
    &[
        "roll",
        "back",
        "revert",
        "rückna",
        "rückgä",
        "retour",
        "vuelta",
        "marcha",
        "reverter",
        "reversão",
        "reversión",
        "回滚",
        "回退",
        "ロールバック",
        "切り戻し",
        "zurück",
        "rückfall",
    ],
    r"(?i)\broll(?:ing)?[\s-]?backs?\b|\bback[\s-]?out\b|\brevert(?:ing)?\b|\b(?:going|go) back\b|\bback to (?:the )?(?:previous|last|old|former|earlier)\b|zurückrollen|zurück (?:zu[rm]?|auf) |^\W*(?:\d\W*)?zurück$|rückfall|rücknahme|rückgängig|retour (?:en )?arrière|vuelta atrás|marcha atrás|\brevertir\b|\breverter\b|reversão|reversión|回滚|回退|ロールバック|切り戻し",
);
static HOTFIX: Pattern = Pattern::new(
    &["hot", "emergency", "notfall", "correctif", "correc", "修复", "ホットフィックス", "緊急"],
    r"(?i)\bhot[\s-]?fix(?:es)?\b|\bemergency (?:patch|fix|change|release|deploy\w*)\b|notfall(?:korrektur|patch|fix)|correctif urgent|correctif d['’]urgence|corrección urgente|correção urgente|热修复|紧急修复|ホットフィックス|緊急修正",
);
static INCIDENT: Pattern = Pattern::new(
    &[
        "incident",
        "emergency",
        "outage",
        "disaster",
        "störung",
        "vorfall",
        "incidente",
        "事故",
        "故障",
        "インシデント",
        "障害",
    ],
    r"(?i)\bincidents?\b|\bemergency response\b|\boutages?\b|\bdisaster recovery\b|störung|\bvorf[aä]ll|\bincidentes?\b|事故|故障|インシデント|障害",
);
/// A heading inside a phase that opens another lane: it begins with the word.
static INNER_ROLLBACK: Pattern = Pattern::new(
    &["roll", "back", "revert", "zurück", "retour", "revers", "回", "ロールバック", "切り戻し"],
    r"(?i)^(?:zurückrollen|retour arrière|reversión|reversão|回滚|回退|ロールバック|切り戻し)|^(?:how to |when to |if (?:it|something|this) fails|emergency )?(?:roll(?:ing)?[\s-]?backs?|back[\s-]?out|revert(?:ing)?)\b",
);

/// Returns a heading without the number in front of it.
pub(super) fn without_number(title: &str) -> &str {
    let rest = after_number(title).unwrap_or(title).trim();
    if rest.is_empty() { title.trim() } else { rest }
}

/// Tells whether a heading's name says that it holds data only.
pub(super) fn is_data(title: &str) -> bool {
    let title = without_number(title).trim_end_matches(':').to_ascii_lowercase();
    let behind = |words: &[&str]| words.iter().find_map(|word| title.strip_prefix(word));
    // Behind these anything may stand: `Appendix A: Hosts`, `Related Documentation`.
    let related = behind(&["about", "related"]).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let appendix =
        behind(&["appendix", "appendices"]).is_some_and(|rest| !rest.starts_with(|c: char| is_word(c)));
    DATA.contains(&title.as_str())
        || super::tongues::is_data(&title)
        || behind(&HISTORY_OF).is_some_and(|rest| HISTORY.contains(&rest))
        || related
        || appendix
}

/// Returns what follows a number or letter in front of a heading: `1.`, `2.3`, `A.`, `Phase 4:`,
/// `Step 2 -`. None when there is none.
fn after_number(title: &str) -> Option<&str> {
    let title = title.trim_ascii_start();
    let first = title.split(|c: char| !is_word(c)).next().unwrap_or_default();
    let rest = &title[first.len()..];
    if ["phase", "step", "part", "stage"].iter().any(|word| first.eq_ignore_ascii_case(word)) {
        let name = rest.trim_ascii_start();
        let end = name.find(|c: char| !is_word(c)).filter(|end| *end > 0 && name.len() < rest.len())?;
        let after = name[end..].trim_ascii_start();
        return after.strip_prefix([':', '.', ')', '–', '-']).map(str::trim_ascii_start);
    }
    let digits = title.len() - title.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let letter = usize::from(first.len() == 1 && digits == 0 && first != "_");
    let mut rest = &title[digits + letter..];
    if digits > 0 {
        while let Some(inner) = rest.strip_prefix('.').filter(|rest| starts_with_digit(rest)) {
            rest = inner.trim_start_matches(|c: char| c.is_ascii_digit());
        }
    }
    // A number stands apart by itself; a letter only with a sign behind it: "A plan" has none.
    let after = rest.trim_ascii_start();
    match after.strip_prefix(['.', ':', ')']) {
        Some(signed) if digits + letter > 0 && signed.starts_with(|c: char| c.is_ascii_whitespace()) => {
            Some(signed.trim_ascii_start())
        }
        _ => (digits > 0 && after.len() < rest.len()).then_some(after),
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
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
            "ROLES & RESPONSIBILITIES",
            "Version history",
            "About",
            "2. About us:",
        ];
        let work = [
            "Pre-flight",
            "Deploy",
            "Release Checklist",
            "Contents of the release",
            "Rollback Procedures",
            "Emergency Response",
            "Overview of checks to run",
            "Aboutness",
            "Appendix1",
            "Change hosts",
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
            ("Zurückrollen", Lane::Rollback),
            ("5. Going back", Lane::Rollback),
            ("Back to the previous version", Lane::Rollback),
            ("Zurück zur alten Version", Lane::Rollback),
            ("5. Rückfall", Lane::Rollback),
            ("Back to the office", Lane::Main),
            ("Zurücksetzen der Testdaten", Lane::Main),
            ("Retour arrière", Lane::Rollback),
            ("Vuelta atrás", Lane::Rollback),
            ("四、回滚", Lane::Rollback),
            ("切り戻し", Lane::Rollback),
            ("热修复", Lane::Hotfix),
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
            ("b ) Contacts", "Contacts"),
            ("A plan", "A plan"),
            ("Step two – Build", "Build"),
            ("Phase 4", "Phase 4"),
            ("Phases: 4", "Phases: 4"),
            ("Part 3-4: x", "4: x"),
            ("1.2x", "1.2x"),
            ("10.2.3: x", "x"),
            ("3  :x", ":x"),
            ("_. x", "_. x"),
            ("E2E tests", "E2E tests"),
            ("1.", "1."),
        ];
        for (title, expected) in table {
            assert_eq!(without_number(title), expected, "{title}");
        }
    }
}
