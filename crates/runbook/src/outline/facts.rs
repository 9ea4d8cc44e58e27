//! `**Label**: value` lines, in both bold forms, several on a line with `·`.

use super::tongues;
use crate::encoding::repair;
use crate::markdown::{Piece, PieceKind, Text};
use crate::pattern::Pattern;

/// A label with what stands after it; an empty value introduces the block that follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) label: String,
    /// A parenthesis between label and colon: `**Checklist** (first 30 minutes):`
    pub(super) qualifier: Option<String>,
    pub(super) value: String,
    pub(super) start: usize,
}

/// Labels that count without bold as well, at the start of a line.
static BARE: Pattern = Pattern::of_both(
    &[
        "owner",
        "decision",
        "duration",
        "timeline",
        "environment",
        "host",
        "database",
        "wait time",
        "sign",
        "approval",
        "rollback",
    ],
    &[":"],
    r"(?i)^(owners?|decision maker|duration|timeline|environments?|hosts?|databases?|wait time|sign[- ]?off|approvals?(?: required)?|rollback plan|rollback window)\s*:\s+",
);

static QUALIFIER: Pattern = Pattern::new(&["("], r"^\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)\s*:?");

/// Reads the labels of a paragraph or list item.
pub(super) fn read(text: &Text) -> Vec<Labelled> {
    let mut found = Vec::new();
    for line in text.source_lines() {
        read_line(line, &mut found);
    }
    found
}

fn read_line(line: &[Piece], found: &mut Vec<Labelled>) {
    let mut at = 0;
    let before = found.len();
    while at < line.len() {
        if !line[at].strong {
            // Text before the first label means that this is a sentence with bold words.
            if found.len() == before && !line[at].text.trim().is_empty() {
                break;
            }
            at += 1;
            continue;
        }
        let Some((labelled, next)) = read_label(line, at) else { break };
        found.push(labelled);
        at = next;
    }
    if found.len() == before {
        read_bare(line, found);
    }
}

/// Reads one label and its value; returns where the next one may start.
fn read_label(line: &[Piece], at: usize) -> Option<(Labelled, usize)> {
    let mut next = at;
    let mut label = String::new();
    while next < line.len() && line[next].strong {
        label.push_str(&line[next].text);
        next += 1;
    }
    let rest: String = line[next..].iter().take_while(|piece| !piece.strong).map(shown).collect();
    let label = repair(label.trim()).text;
    let (label, mut rest, closed) = match label.strip_suffix([':', '：']) {
        Some(label) => (label.trim().to_owned(), rest.as_str(), true),
        None => (label, rest.as_str(), false),
    };
    let mut qualifier = None;
    let opens = !closed && rest.trim_start().starts_with('(');
    if let Some(found) = Some(rest)
        .filter(|_| opens)
        .and_then(|rest| QUALIFIER.captures(rest))
        .filter(|found| found[0].ends_with(':'))
    {
        qualifier = Some(repair(&found[1]).text);
        rest = &rest[found[0].len()..];
    } else if !closed {
        rest = rest.trim_start().strip_prefix([':', '：'])?;
    }
    let label = tongues::label(&label).map_or(label, str::to_owned);
    // A further label on the line stands behind a separator.
    let end = next + line[next..].iter().take_while(|piece| !piece.strong).count();
    let followed = end < line.len();
    let value = repair(rest.trim()).text;
    let separated = value.ends_with(['·', '|']);
    if followed && !separated {
        // Bold words inside the value belong to it.
        let value: String =
            rest.chars().chain(line[end..].iter().flat_map(|piece| piece.text.chars())).collect();
        let value = repair(value.trim()).text;
        return Some((Labelled { label, qualifier, value, start: line[at].start }, line.len()));
    }
    let value = value.trim_end_matches(['·', '|']).trim().to_owned();
    Some((Labelled { label, qualifier, value, start: line[at].start }, end))
}

fn read_bare(line: &[Piece], found: &mut Vec<Labelled>) {
    let plain: String = line.iter().map(shown).collect();
    if !plain.contains(": ") {
        return;
    }
    let plain = plain.trim();
    if let Some(parts) = BARE.captures(plain)
        && let Some(value) = parts.get(0).map(|label| &plain[label.end()..])
        && !value.contains('\n')
    {
        found.push(Labelled {
            label: parts[1].to_owned(),
            qualifier: None,
            value: repair(value.trim()).text,
            start: line.first().map_or(0, |piece| piece.start),
        });
    }
}

fn shown(piece: &Piece) -> String {
    match piece.kind {
        PieceKind::Code => format!("`{}`", piece.text),
        _ => piece.text.clone(),
    }
}

/// Returns the words that introduce what follows: a line that ends in a colon, or is wholly bold.
pub(super) fn lead(text: &Text) -> Option<String> {
    let last = text.source_lines().last()?;
    let plain: String = last.iter().map(|piece| piece.text.as_str()).collect();
    let plain = repair(plain.trim()).text;
    let bold = !plain.is_empty() && last.iter().all(|piece| piece.strong || piece.text.trim().is_empty());
    let bold_start = last.first().is_some_and(|piece| piece.strong);
    // `**Critical paths** (E2E tests):` and `**Option A: GitHub** (recommended)` both introduce.
    let introduces = plain.ends_with([':', '：']) || bold || (bold_start && plain.ends_with(')'));
    let words = plain.trim_end_matches([':', '：']).trim();
    (introduces && !words.is_empty() && words.chars().count() <= 160).then(|| words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::{Block, parse};

    fn labels(document: &str) -> Vec<(String, String)> {
        let markdown = parse(document);
        let mut found = Vec::new();
        markdown.walk(|block| {
            if let Block::Paragraph(text) = block {
                found.extend(read(text).into_iter().map(|fact| (fact.label, fact.value)));
            }
        });
        found
    }

    #[test]
    fn labels_are_read_in_every_form() {
        let table: [(&str, &[(&str, &str)]); 10] = [
            ("**Owner:** QA Lead", &[("Owner", "QA Lead")]),
            ("**Owner**: QA Lead  \n**Duration**: 30 min", &[("Owner", "QA Lead"), ("Duration", "30 min")]),
            ("**Owner**: @qa · **Duration**: 30 min", &[("Owner", "@qa"), ("Duration", "30 min")]),
            ("**Environment**: staging → production", &[("Environment", "staging → production")]),
            ("**Checklist** (first 30 minutes):", &[("Checklist", "")]),
            ("**Success Criteria**: all **green**", &[("Success Criteria", "all green")]),
            ("Owner: Platform", &[("Owner", "Platform")]),
            ("We say **never** and mean it: no", &[]),
            ("**Bold** words begin this sentence.", &[]),
            ("- **Tests:** `npm test` passes", &[("Tests", "`npm test` passes")]),
        ];
        for (document, expected) in table {
            let expected: Vec<_> = expected.iter().map(|(l, v)| ((*l).to_owned(), (*v).to_owned())).collect();
            assert_eq!(labels(document), expected, "{document}");
        }
    }
}
