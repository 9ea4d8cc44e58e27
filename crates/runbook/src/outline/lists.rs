//! Lists: checklist items, numbered instructions, bullets with commands or numbers.

use super::build::Reader;
use super::{ItemUnit, PointUnit, UnitKind, durations, facts, fences, purpose, tables};
use crate::diagnostic::Severity;
use crate::encoding::repair;
use crate::markdown::{Block, List, ListItem, Text};
use crate::names;
use crate::pattern::Pattern;

/// `(@role)` or ``(auto: `id`)`` at the end of an item.
static TAIL: Pattern = Pattern::new(
    &["(@", "(auto"],
    r"\s*\((?:(?:@(?P<role>[\w./-]+))|(?:auto:\s*`?(?P<auto>[\w./@-]+)`?))\)\s*$",
);

/// Words that begin an instruction. A list of what release runbooks use, not of English.
const VERBS: [&str; 108] = [
    "acknowledge",
    "add",
    "adjust",
    "alert",
    "announce",
    "apply",
    "approve",
    "archive",
    "ask",
    "assign",
    "assess",
    "attach",
    "await",
    "back",
    "backup",
    "build",
    "bump",
    "call",
    "cancel",
    "capture",
    "check",
    "choose",
    "clear",
    "click",
    "close",
    "collect",
    "commit",
    "communicate",
    "compare",
    "complete",
    "configure",
    "confirm",
    "copy",
    "create",
    "cut",
    "decide",
    "delete",
    "deploy",
    "disable",
    "document",
    "download",
    "drain",
    "edit",
    "enable",
    "enter",
    "ensure",
    "escalate",
    "execute",
    "export",
    "fill",
    "fix",
    "follow",
    "generate",
    "get",
    "identify",
    "inform",
    "inspect",
    "install",
    "invite",
    "investigate",
    "launch",
    "load",
    "log",
    "lock",
    "make",
    "mark",
    "merge",
    "monitor",
    "navigate",
    "notify",
    "obtain",
    "open",
    "pause",
    "perform",
    "ping",
    "post",
    "promote",
    "publish",
    "pull",
    "push",
    "query",
    "raise",
    "record",
    "redeploy",
    "re-run",
    "remove",
    "request",
    "restart",
    "restore",
    "resume",
    "review",
    "revert",
    "roll",
    "rollback",
    "run",
    "schedule",
    "scale",
    "select",
    "send",
    "set",
    "sign",
    "stop",
    "submit",
    "switch",
    "tag",
    "test",
    "toggle",
    "trigger",
];
const MORE_VERBS: [&str; 14] = [
    "turn", "unlock", "update", "upload", "use", "validate", "verify", "wait", "watch", "write", "tell",
    "start", "register", "rerun",
];

/// Verbs that are nouns as well: "Document upload" tells nobody to do anything.
const NOUNS_TOO: [&str; 7] = ["document", "rollback", "backup", "test", "log", "alert", "back"];
/// Words after which such a word is a verb.
const AFTER_A_VERB: [&str; 20] = [
    "the", "a", "an", "all", "any", "each", "every", "your", "it", "this", "that", "these", "up", "to", "in",
    "with", "lessons", "findings", "results", "outcomes",
];

/// What holds an item.
#[derive(Clone, Copy, Default)]
struct Inside {
    depth: usize,
    /// The unit of the checklist item that holds it.
    item: Option<usize>,
}

impl<'a> Reader<'a> {
    /// Reads a list at the top of a section.
    pub(super) fn list(&mut self, list: &'a List) {
        self.list_inside(list, Inside::default());
    }

    fn list_inside(&mut self, list: &'a List, inside: Inside) {
        let outer_option = self.option;
        for (offset, item) in list.items.iter().enumerate() {
            let number = list.first_number.map(|first| first + offset as u64);
            self.item(item, number, inside);
            self.option = outer_option;
        }
    }

    fn item(&mut self, item: &'a ListItem, number: Option<u64>, inside: Inside) {
        let shown = item.text().map(|text| repair(&text.with_ticks()).text).unwrap_or_default();
        if let Some(text) = item.text() {
            self.common(text, &shown);
        }
        let unit = match item.task {
            Some(task) => self.task(item, &shown, task.ticked, task.start, inside),
            None => self.point(item, &shown, number, inside),
        };
        let outer_lead = self.lead.clone();
        let title = title(item, &shown, number);
        let lead = item.text().and_then(facts::lead).or_else(|| Some(plain_words(&shown)));
        if item.blocks.len() > 1 {
            self.lead = lead.filter(|lead| !lead.is_empty()).or(outer_lead.clone());
        }
        let next = Inside { depth: inside.depth + 1, item: item.task.map(|_| unit).or(inside.item) };
        for block in item.blocks.iter().skip(usize::from(item.text().is_some())) {
            match block {
                Block::Fence(fence) => {
                    fences::read(self, fence, Some(&title));
                }
                Block::List(list) => self.list_inside(list, next),
                Block::Paragraph(text) => self.paragraph(text),
                Block::Table(table) => tables::read(self, table),
                Block::Quote(_) | Block::Heading(_) | Block::Rule | Block::Html(_) => {}
            }
        }
        self.lead = outer_lead;
    }

    fn task(
        &mut self,
        item: &ListItem,
        shown: &str,
        ticked: bool,
        box_start: usize,
        inside: Inside,
    ) -> usize {
        self.work_here();
        let mut text = shown.trim_end_matches(':').to_owned();
        let (mut role, mut auto) = (None, None);
        while let Some(tail) =
            Some(&text).filter(|text| text.trim_end().ends_with(')')).and_then(|text| TAIL.captures(text))
        {
            role = tail.name("role").map(|name| names::role(name.as_str())).or(role);
            auto = tail.name("auto").map(|name| name.as_str().to_owned()).or(auto);
            let end = tail.get(0).map_or(0, |whole| whole.start());
            text.truncate(end);
        }
        if text.trim().is_empty() {
            self.faults
                .add(
                    "T110",
                    Severity::Warning,
                    box_start..box_start + 3,
                    "a checklist item without text: nobody can tell what is ticked",
                )
                .help("say what must hold");
        }
        purpose::thresholds(self, &text, item.line, None, purpose::Place::Item);
        let text = text.replace("**", "");
        let kind = ItemUnit {
            text: text.clone(),
            ticked,
            role,
            auto,
            depth: inside.depth,
            children: Vec::new(),
            parent: inside.item,
            box_start,
        };
        let at = self.unit(item.line, text, UnitKind::Item(kind));
        if let Some(parent) = inside.item
            && let UnitKind::Item(parent) = &mut self.outline.units[parent].kind
        {
            parent.children.push(at);
        }
        at
    }

    fn point(&mut self, item: &ListItem, shown: &str, number: Option<u64>, inside: Inside) -> usize {
        let holds_work = holds_work(&item.blocks);
        for labelled in item.text().map(facts::read).unwrap_or_default() {
            if !labelled.value.is_empty() {
                self.item_fact(&labelled);
            }
        }
        if let Some(lead) = item.text().and_then(facts::lead)
            && item.blocks.len() > 1
        {
            self.option =
                self.options.lead(&mut self.outline, self.section, &lead, item.line).or(self.option);
        }
        let only = item.text().and_then(Text::only_code_span).map(|piece| piece.text.clone());
        let command = only.filter(|code| self.command(code).is_some());
        // `limit=1` in a command's address is no threshold.
        if command.is_none() {
            purpose::thresholds(self, shown, item.line, None, purpose::Place::Point);
            purpose::trigger(self, shown, item.line);
        }
        let unboxed = without_box(shown);
        let imperative = unboxed.is_some() || is_imperative(shown);
        let shown = unboxed.unwrap_or(shown);
        // Any list is something to act on, unless the heading's name says otherwise.
        self.work_here();
        let kind = PointUnit {
            text: shown.to_owned(),
            number,
            depth: inside.depth,
            command,
            imperative,
            holds_work,
        };
        self.unit(item.line, shown.to_owned(), UnitKind::Point(kind))
    }

    fn item_fact(&mut self, labelled: &facts::Labelled) {
        let line = self.markdown.lines.line(labelled.start);
        super::people::in_fact(self, &labelled.label, &labelled.value, line);
        durations::cadence(self, &labelled.label, &labelled.value, line);
        let fact = super::Fact {
            label: labelled.label.clone(),
            value: labelled.value.clone(),
            section: self.section,
            line,
        };
        self.outline.facts.push(fact);
    }
}

/// Boxes as characters. No one byte ticks them, so they are told as tasks and not as checklist items.
const BOXES: [&str; 9] = ["☐", "☑", "☒", "⬜", "□", "[ ]", "[x]", "[X]", "✅"];

/// Returns the text of a line behind its box.
pub(super) fn without_box(shown: &str) -> Option<&str> {
    let rest = BOXES[..5].iter().find_map(|mark| shown.trim_start().strip_prefix(mark))?;
    let rest = rest.trim_start_matches('\u{fe0f}').trim();
    (!rest.is_empty()).then_some(rest)
}

/// Tells whether a cell of a table is a box and nothing else, and an empty or ticked one of a list
/// of work: a bare `✅` may compare features.
pub(super) fn is_box(cell: &str) -> bool {
    BOXES[..8].contains(&cell.trim_matches(['`', ' ', '\u{fe0f}']))
}

/// Tells a person what stands beside a box.
pub(super) fn boxed(reader: &mut Reader<'_>, text: String, line: u32) {
    reader.work_here();
    let point = PointUnit {
        text: text.clone(),
        number: None,
        depth: 0,
        command: None,
        imperative: true,
        holds_work: false,
    };
    reader.unit(line, text, UnitKind::Point(point));
}

fn holds_work(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match block {
        Block::Fence(_) => true,
        Block::List(list) => list.items.iter().any(|item| item.task.is_some() || holds_work(&item.blocks)),
        _ => false,
    })
}

/// What a person would call the item: its first words, with its number in an ordered list.
fn title(item: &ListItem, shown: &str, number: Option<u64>) -> String {
    let bold: String = item
        .text()
        .map(|text| {
            text.pieces.iter().take_while(|piece| piece.strong).map(|piece| piece.text.as_str()).collect()
        })
        .unwrap_or_default();
    let words = if bold.is_empty() { plain_words(shown) } else { repair(bold.trim_end_matches(':')).text };
    match number {
        Some(number) => format!("{number}. {words}"),
        None => words,
    }
}

fn plain_words(shown: &str) -> String {
    shown.trim_end_matches(':').replace("**", "")
}

/// Tells whether a text begins with an instruction.
fn is_imperative(shown: &str) -> bool {
    let first = shown.split(|c: char| c.is_whitespace() || matches!(c, ':' | ',')).next().unwrap_or("");
    let first = first.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    if NOUNS_TOO.contains(&first.as_str()) {
        let second = shown.split_whitespace().nth(1).unwrap_or("").to_lowercase();
        return second.starts_with(['`', '#'])
            || second.ends_with("ly")
            || AFTER_A_VERB.contains(&second.as_str());
    }
    VERBS.contains(&first.as_str()) || MORE_VERBS.contains(&first.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_begin_with_a_verb() {
        for text in [
            "Confirm P0 issues closed",
            "Run `npm ci`",
            "**Verify** the hosts",
            "Post to #incidents",
            "Document findings in the report",
            "Back up the database",
        ] {
            assert!(is_imperative(text), "{text}");
        }
        for text in [
            "Platforms: linux/amd64",
            "`apps/web` (Next.js)",
            "Error rate > 5%",
            "Deployment time",
            "Document upload/download",
            "Rollback steps documented",
            "",
        ] {
            assert!(!is_imperative(text), "{text}");
        }
    }
}
