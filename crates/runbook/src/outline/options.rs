//! Several ways to do one thing: sibling headings or bold lines titled as options.

use super::{GroupKind, OptionGroup, Outline, Remark, Section, UnitKind};

use crate::pattern::Pattern;

/// `Option A`, `Strategy 2:`, `Method 1`
static NUMBERED: Pattern = Pattern::new(
    &["option", "strategy", "approach", "method", "variant", "way", "path"],
    r"(?i)^(?:\d+(?:\.\d+)*[.)]?\s+)?(option|strategy|approach|method|variant|way|path)\s+(?:[a-z]|\d+|one|two|three)\b",
);
/// `Alternative`, `Alternatively`, `Or:`, `Or manually`
static ALTERNATIVE: Pattern =
    Pattern::new(&["alternative", "or"], r"(?i)^(?:alternative(?:ly)?\b|or\b(?:\s*[:,]|\s+\w+|$))");
/// The same in other languages. `O` is an article in Portuguese, so it takes the word behind it.
static ALTERNATIVE_THERE: Pattern = Pattern::new(
    &["oder", "ou", "o ", "alternativ", "或者", "または", "もしくは", "あるいは"],
    r"(?i)^(?:alternativ(?:e|ement|amente|a)?\b|oder\b|ou\b(?:\s*[:,]|\s+\w+|$)|o\s+(?:si|bien|también|en\s+su\s+lugar|mediante|con)\b|或者|または|もしくは|あるいは)",
);
/// `For Supabase`, `For Docker deployments (API)`
static PARTS: Pattern = Pattern::new(&["for"], r"(?i)^for\s+([\w./()& -]{1,60})$");
static NO_PART: Pattern = Pattern::new(
    &["for"],
    r"(?i)^for\s+(?:each|every|all|any|more|example|details?|reference|instance|the following|these|those|now)\b",
);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Title {
    Numbered,
    Alternative,
    Part,
}

fn classify(title: &str) -> Option<Title> {
    let title = title.trim();
    // Titles are many and options few: the first word decides which pattern is tried at all.
    let first = title.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("").to_ascii_lowercase();
    match first.as_str() {
        "alternative" | "alternatively" | "or" => ALTERNATIVE.is_match(title).then_some(Title::Alternative),
        "for" => (PARTS.is_match(title) && !NO_PART.is_match(title)).then_some(Title::Part),
        "option" | "strategy" | "approach" | "method" | "variant" | "way" | "path" => {
            NUMBERED.is_match(title).then_some(Title::Numbered)
        }
        "oder" | "ou" | "o" | "alternativ" | "alternativement" | "alternativamente" | "alternativa" => {
            ALTERNATIVE_THERE.is_match(title).then_some(Title::Alternative)
        }
        _ if title.starts_with(['或', 'ま', 'も', 'あ']) => {
            ALTERNATIVE_THERE.is_match(title).then_some(Title::Alternative)
        }
        _ if first.starts_with(|c: char| c.is_ascii_digit()) => {
            NUMBERED.is_match(title).then_some(Title::Numbered)
        }
        _ => None,
    }
}

/// Tells whether a line is the title of one of several ways, by its number or letter.
pub(super) fn names_a_way(line: &str) -> bool {
    classify(line) == Some(Title::Numbered)
}

/// Finds options while the document is read.
#[derive(Default)]
pub(super) struct Finder {
    /// The group whose last way is open, with the section that holds its headings or leads.
    open: Option<(usize, usize, Place)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Headings,
    Leads,
}

impl Finder {
    /// Takes a heading; returns the option that its section is part of.
    pub(super) fn heading(
        &mut self,
        outline: &mut Outline,
        section: usize,
        title: &str,
    ) -> Option<(usize, usize)> {
        let parent = outline.sections[section].parent;
        let inherited = outline.sections[parent].option;
        let line = outline.sections[section].line;
        let way = match classify(super::sections::without_number(title)).or_else(|| classify(title)) {
            Some(Title::Alternative) if self.group_at(parent, Place::Headings).is_none() => {
                self.after_previous_sibling(outline, section)
            }
            Some(kind) => Some(self.add(outline, parent, Place::Headings, kind, title, line)),
            None => None,
        };
        if way.is_none() && self.open.is_some_and(|(_, at, place)| place == Place::Leads || at == parent) {
            self.open = None;
        }
        outline.sections[section].option = way.or(inherited);
        outline.sections[section].option
    }

    /// Takes a line that introduces what follows in a section.
    pub(super) fn lead(
        &mut self,
        outline: &mut Outline,
        section: usize,
        lead: &str,
        line: u32,
    ) -> Option<(usize, usize)> {
        let Some(kind) = classify(lead) else {
            // Labels inside an option (`**Acceptance Criteria**:`) belong to it or to what follows;
            // only another option's title or a heading ends it.
            return None;
        };
        if kind == Title::Alternative && self.group_at(section, Place::Leads).is_none() {
            return self.after_previous_units(outline, section, lead, line);
        }
        Some(self.add(outline, section, Place::Leads, kind, lead, line))
    }

    fn group_at(&self, section: usize, place: Place) -> Option<usize> {
        self.open.filter(|(_, at, open)| *at == section && *open == place).map(|(group, ..)| group)
    }

    fn add(
        &mut self,
        outline: &mut Outline,
        section: usize,
        place: Place,
        title: Title,
        text: &str,
        line: u32,
    ) -> (usize, usize) {
        let kind = if title == Title::Part { GroupKind::Parts } else { GroupKind::Choice };
        let open = self
            .group_at(section, place)
            .filter(|group| outline.groups[*group].kind == kind || title == Title::Alternative);
        let group = open.unwrap_or_else(|| new_group(outline, section, line, kind));
        self.open = Some((group, section, place));
        outline.groups[group].ways.push(Remark { text: text.trim().to_owned(), line, section });
        (group, outline.groups[group].ways.len() - 1)
    }

    /// "Alternative: …" as a heading: the heading before it is the first way.
    fn after_previous_sibling(&mut self, outline: &mut Outline, section: usize) -> Option<(usize, usize)> {
        let parent = outline.sections[section].parent;
        let previous = (1..section).rev().find(|at| outline.sections[*at].parent == parent)?;
        let line = outline.sections[previous].line;
        let title = outline.sections[previous].title.clone();
        let first = self.add(outline, parent, Place::Headings, Title::Numbered, &title, line);
        mark(outline, first, previous, |outline, at| outline.chain(at).any(|outer| outer == previous));
        outline.sections[previous].option = Some(first);
        let (title, line) = (outline.sections[section].title.clone(), outline.sections[section].line);
        Some(self.add(outline, parent, Place::Headings, Title::Alternative, &title, line))
    }

    /// "**Alternative: …**" in a section: the work before it in the section is the first way.
    fn after_previous_units(
        &mut self,
        outline: &mut Outline,
        section: usize,
        lead: &str,
        line: u32,
    ) -> Option<(usize, usize)> {
        let previous = outline
            .units
            .iter()
            .rev()
            .find(|unit| unit.section == section && !matches!(unit.kind, UnitKind::Prose(_)))?;
        let (title, first_line) = (previous.title.clone(), previous.line);
        let first = self.add(outline, section, Place::Leads, Title::Numbered, &title, first_line);
        mark(outline, first, section, |_, at| at == section);
        Some(self.add(outline, section, Place::Leads, Title::Alternative, lead, line))
    }
}

/// Makes the units from a section on part of an option. Units stand in the order of their sections.
fn mark(outline: &mut Outline, option: (usize, usize), from: usize, holds: impl Fn(&Outline, usize) -> bool) {
    let first = outline.units.partition_point(|unit| unit.section < from);
    for at in first..outline.units.len() {
        if outline.units[at].option.is_none() && holds(outline, outline.units[at].section) {
            outline.units[at].option = Some(option);
        }
    }
}

fn new_group(outline: &mut Outline, section: usize, line: u32, kind: GroupKind) -> usize {
    let id = next_id(outline, section);
    let ask = format!("{}: which way?", outline.sections[section].title);
    outline.groups.push(OptionGroup { id, ask, ways: Vec::new(), section, line, kind });
    outline.groups.len() - 1
}

/// The id of the next group of a section: its path, with a number from the second one on.
pub(super) fn next_id(outline: &Outline, section: usize) -> String {
    let Section { path, line, .. } = &outline.sections[section];
    // Groups stand in the order of their lines, so those of a section are behind its heading.
    let mut behind = outline.groups.iter().rev().take_while(|group| group.line >= *line);
    let Some(last) = behind.find(|group| group.section == section) else { return path.clone() };
    let number = last.id.strip_prefix(path.as_str()).and_then(|rest| rest.strip_prefix('-')?.parse().ok());
    format!("{path}-{}", number.unwrap_or(1_usize) + 1)
}

/// Drops groups of one way: `Option A` without a second is a title like any other.
pub(super) fn settle(outline: &mut Outline) {
    let keeps: Vec<bool> = outline
        .groups
        .iter()
        .map(|group| group.kind == GroupKind::InOneFence || group.ways.len() > 1)
        .collect();
    let mut new_index = Vec::with_capacity(keeps.len());
    let mut next = 0;
    for keep in &keeps {
        new_index.push(keep.then_some(next));
        next += usize::from(*keep);
    }
    let remap =
        |option: Option<(usize, usize)>| option.and_then(|(group, way)| Some((new_index[group]?, way)));
    outline.units.iter_mut().for_each(|unit| unit.option = remap(unit.option));
    outline.sections.iter_mut().for_each(|section| section.option = remap(section.option));
    let mut keep = keeps.into_iter();
    outline.groups.retain(|_| keep.next().unwrap_or(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_of_options_are_told_from_others() {
        let table = [
            ("Option A: GitHub Actions", Some(Title::Numbered)),
            ("Strategy 2: Restore from Snapshot (if no DOWN script)", Some(Title::Numbered)),
            ("Alternative: Rollback Specific Migration", Some(Title::Alternative)),
            ("Or manual", Some(Title::Alternative)),
            ("For Vercel Deployments (PWA/Web)", Some(Title::Part)),
            ("For each service", None),
            ("Options", None),
            ("Orders", None),
            ("Optional checks", None),
            ("Acceptance Criteria", None),
        ];
        for (title, expected) in table {
            assert!(classify(title) == expected, "{title}");
        }
    }
}
