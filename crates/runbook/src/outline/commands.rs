//! Commands in code spans, and dangerous things that people are told to do by hand.

use tminus_release::plan::Danger;

use super::build::Reader;
use super::{FoundDanger, InlineCommand, Remark};
use crate::markdown::Text;
use crate::pattern::Pattern;
use crate::shell::{Survey, survey};

/// Something done by hand that overwrites or destroys data.
static MANUAL_DANGER: Pattern = Pattern::new(
    &["restor", "drop", "truncate", "wipe", "purge"],
    r"(?i)\brestor(?:e|ing) (?:\w+ ){0,3}from (?:a |the |latest )?(?:snapshot|backup)|\b(?:drop|truncate|wipe|purge) (?:the )?(?:\w+ )?(?:database|tables?|schema|data|bucket|volume)",
);
/// A request named in prose: `POST /v1/jobs/run`.
static REQUEST: Pattern =
    Pattern::new(&["post", "put", "patch", "delete"], r"^(POST|PUT|PATCH|DELETE)\s+(?:/|https?://)\S*");
/// "then run it without `--dry-run`"
static WITHOUT: Pattern = Pattern::new(&["without"], r"(?i)\bwithout `(--[a-z][\w-]*)`");

/// Notes the commands of a text.
pub(super) fn inline(reader: &mut Reader<'_>, text: &Text, shown: &str) {
    for span in text.code_spans() {
        let line = reader.markdown.lines.line(span.start);
        if let Some(found) = reader.command(&span.text) {
            let section = reader.section;
            dangers(reader, &span.text, &found, line);
            reader.outline.inline_commands.push(InlineCommand {
                text: span.text.clone(),
                survey: found,
                line,
                section,
            });
            if shown.contains("without `")
                && let Some(flag) = WITHOUT.captures(shown).map(|found| found[1].to_owned())
                && span.text.contains(flag.as_str())
            {
                let real = span.text.replace(flag.as_str(), "").trim_end().to_owned();
                dangers(reader, &real, &survey(&real), line);
            }
        } else if span.text.starts_with(['P', 'D']) && REQUEST.is_match(&span.text) {
            let section = reader.section;
            let reason = "the request changes something on the server".to_owned();
            let danger =
                FoundDanger { text: span.text.clone(), line, section, danger: Danger::Confirm, reason };
            reader.outline.dangers.push(danger);
        }
    }
    manual_danger(reader, shown, text.line);
}

fn dangers(reader: &mut Reader<'_>, code: &str, survey: &Survey, line: u32) {
    let section = reader.section;
    for (_, danger, reason) in &survey.danger_reasons {
        if *danger > Danger::Ordinary {
            let found =
                FoundDanger { text: code.to_owned(), line, section, danger: *danger, reason: reason.clone() };
            reader.outline.dangers.push(found);
        }
    }
    for (_, reason) in survey.interactive.iter().chain(&survey.endless) {
        reader.outline.waits.push(Remark { text: format!("{code} ({reason})"), line, section });
    }
    for found in &survey.placeholders {
        reader.placeholder(found.text.clone(), line);
    }
    for name in &survey.variables_read {
        reader.placeholder(format!("${name}"), line);
    }
}

/// Notes something dangerous that a sentence or a comment tells a person to do.
pub(super) fn manual_danger(reader: &mut Reader<'_>, text: &str, line: u32) {
    let words = ["estor", "rop ", "runcate", "ipe ", "urge"];
    if !words.iter().any(|word| text.contains(word)) {
        return;
    }
    if let Some(found) = MANUAL_DANGER.find(text) {
        let section = reader.section;
        let reason = format!("done by hand: \"{}\" loses what was written since", found.as_str());
        let text = text.trim_start_matches(['#', ' ']).to_owned();
        reader.outline.dangers.push(FoundDanger { text, line, section, danger: Danger::Dangerous, reason });
    }
}
