//! T1: damaged encoding and hidden characters. The other faults of structure are told by the
//! modules that read the structure.

use crate::diagnostic::{Fix, Severity};
use crate::encoding;
use crate::markdown::{Block, PieceKind};

use super::page::Page;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    damaged(page);
    hidden(page);
}

/// T112 and T113: one fault for each line that is damaged.
fn damaged(page: &mut Page<'_>) {
    let repaired = encoding::repair(page.document);
    let mut rest = &repaired.repairs[..];
    while let Some(first) = rest.first() {
        let line = page.markdown.lines.line(first.start);
        let count = rest.iter().take_while(|repair| page.markdown.lines.line(repair.start) == line).count();
        let (on_line, after) = rest.split_at(count);
        rest = after;
        let last = &on_line[count - 1];
        let written = &page.document[first.start..last.end];
        if on_line.iter().all(|repair| repair.lossless) {
            let replacement = encoding::repair(written).text;
            let shown: String = on_line.iter().map(|repair| repair.shown.as_str()).take(8).collect();
            page.add(
                "T112",
                Severity::Warning,
                first.start..last.end,
                format!("damaged encoding: this was `{shown}` before it was saved in the wrong code page"),
            )
            .help("`tminus check --fix` writes the characters back")
            .fix(Fix { start: first.start, end: last.end, replacement });
        } else {
            let lost = on_line.iter().filter(|repair| !repair.lossless).count();
            page.add("T113", Severity::Warning, first.start..last.end, format!("damaged encoding: bytes of {lost} characters are gone, so they cannot be told for certain"))
                .help("write the line again; what is shown meanwhile is a guess");
        }
    }
}

/// T114: characters that a person does not see and a shell does.
fn hidden(page: &mut Page<'_>) {
    if page.document.is_ascii() {
        return;
    }
    let mut code: Vec<std::ops::Range<usize>> = Vec::new();
    page.markdown.walk(|block| match block {
        Block::Fence(fence) => code.push(fence.start..fence.end),
        Block::Paragraph(text) => {
            code.extend(
                text.pieces
                    .iter()
                    .filter(|piece| piece.kind == PieceKind::Code)
                    .map(|piece| piece.start..piece.end),
            );
        }
        _ => {}
    });
    for range in code {
        let Some(text) = page.document.get(range.clone()) else { continue };
        let found: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| is_hidden(*c)).collect();
        for (at, character) in found {
            let start = range.start + at;
            let end = start + character.len_utf8();
            page.add(
                "T114",
                Severity::Error,
                start..end,
                format!(
                    "a hidden character (U+{:04X}) in code: what runs is not what is seen",
                    u32::from(character)
                ),
            )
            .help("delete it")
            .fix_that_changes(Fix { start, end, replacement: String::new() });
        }
    }
}

/// Bidirectional controls and characters without width. U+200C and U+200D join letters and emoji
/// in ordinary text, but have no place between the letters of a command either; only the joiner
/// is let through, because messages in code hold emoji.
fn is_hidden(character: char) -> bool {
    matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{200C}' | '\u{200E}' | '\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}')
}
