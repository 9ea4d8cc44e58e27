//! Silencing in the document: a finding that a team has looked at and accepts, with the reason.
//!
//! `<!-- tminus: ignore T204 because … -->` above a block, or `# tminus: ignore T204 because …` above or
//! behind a command. What is silenced is still counted, and only what the checker says about the
//! content can be (T2 to T8): nothing here changes what runs, so a comment that a code host hides
//! decides nothing.

use crate::diagnostic::{Diagnostic, Fix, Severity};
use crate::markdown::{Block, Markdown};
use crate::pattern::Pattern;
use crate::settings::CheckSetting;

use super::explain;

/// What is left of the findings, and what was silenced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// What people are shown, with the faults of the silences themselves.
    pub findings: Vec<Diagnostic>,
    /// What was silenced, each with the reason.
    pub silenced: Vec<Silenced>,
}

/// A finding that a team has looked at and accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Silenced {
    /// What would have been told.
    pub finding: Diagnostic,
    /// Why it is accepted, in the team's words.
    pub because: String,
    /// Who reviews the silence: those who review the document, or those who review the place.
    pub place: SilencePlace,
}

/// Where a silence is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilencePlace {
    /// A comment in the document.
    Document,
    /// `[checks]` of `tminus.toml`.
    Settings,
}

/// A silence as written.
struct Silence {
    codes: Vec<String>,
    reason: String,
    /// Bytes of the comment.
    start: usize,
    end: usize,
    /// Lines that it is about.
    lines: std::ops::RangeInclusive<u32>,
    used: bool,
}

static SILENCE: Pattern = Pattern::new(
    &["tminus"],
    r"(?m)(?:<!--[ \t]*tminus:[ \t]*ignore\b(?P<html>[^\n]*?)-->|^(?P<front>[^\n]*?)#[ \t]*tminus:[ \t]*ignore\b(?P<code>[^\n]*)$)",
);

/// Applies the silences of a document and the severities of the settings.
///
/// `found` must be everything that is known about the document: a silence that fits none of it is
/// a fault.
pub fn settle(
    document: &str,
    markdown: &Markdown,
    found: Vec<Diagnostic>,
    settings: &std::collections::BTreeMap<String, CheckSetting>,
) -> Settled {
    let mut silences = if document.contains("tminus:") { read(document, markdown) } else { Vec::new() };
    let mut settled = Settled::default();
    for mut finding in found {
        if let Some(setting) = settings.get(finding.code).filter(|_| may_be_silenced(finding.code)) {
            match setting.severity {
                None => {
                    settled.silenced.push(Silenced {
                        finding,
                        because: setting.because.clone(),
                        place: SilencePlace::Settings,
                    });
                    continue;
                }
                Some(severity) => finding.severity = severity,
            }
        }
        // They are in the order of the lines that they are about: those about one line stand together.
        let behind = silences.partition_point(|silence| *silence.lines.start() <= finding.line);
        let about =
            silences[..behind].iter().rev().take_while(|silence| *silence.lines.end() >= finding.line);
        let from = behind - about.count();
        let fits = silences[from..behind]
            .iter_mut()
            .find(|silence| silence.codes.iter().any(|code| code == finding.code));
        match fits.filter(|_| may_be_silenced(finding.code)) {
            Some(silence) => {
                silence.used = true;
                // Without a reason it counts as used, is told as a fault, and silences nothing.
                if silence.reason.is_empty() {
                    settled.findings.push(finding);
                } else {
                    settled.silenced.push(Silenced {
                        finding,
                        because: silence.reason.clone(),
                        place: SilencePlace::Document,
                    });
                }
            }
            None => settled.findings.push(finding),
        }
    }
    let faults: Vec<Diagnostic> =
        silences.iter().filter_map(|silence| fault(document, markdown, silence)).collect();
    settled.findings.extend(faults);
    settled.findings.sort_by(|a, b| (a.line, a.column, a.code).cmp(&(b.line, b.column, b.code)));
    settled
}

/// Only what is said about the content: the structure and the plan decide what runs.
pub(crate) fn may_be_silenced(code: &str) -> bool {
    code.len() == 4 && code.starts_with('T') && matches!(code.as_bytes()[1], b'2'..=b'8')
}

fn fault(document: &str, markdown: &Markdown, silence: &Silence) -> Option<Diagnostic> {
    let at = markdown.lines.position(document, silence.start);
    let end = markdown.lines.position(document, silence.end);
    let unknown = silence.codes.iter().find(|code| explain(code).is_none() || !may_be_silenced(code));
    let (code, message, help) = if silence.codes.is_empty() {
        (
            "T116",
            "this silence names no code, so it silences nothing".to_owned(),
            "name what is accepted: `tminus: ignore T204 because …`",
        )
    } else if let Some(code) = unknown {
        (
            "T116",
            format!("`{code}` cannot be silenced: only codes T2 to T8 of `tminus explain` can"),
            "mend it, or leave the comment out",
        )
    } else if silence.reason.is_empty() {
        (
            "T116",
            "a silence without a reason silences nothing: the next reader cannot tell whether it still holds"
                .to_owned(),
            "add the reason: `tminus: ignore T204 because the vendor has no readiness endpoint`",
        )
    } else if !silence.used {
        (
            "T117",
            format!("nothing to silence here: {} is not found in what follows", silence.codes.join(", ")),
            "leave the comment out, or put it right above the block that it is about",
        )
    } else {
        return None;
    };
    let fault = Diagnostic::new(code, Severity::Warning, at, end, message).with_help(help);
    Some(if code == "T117" { fault.with_fix(leave_out(document, silence)) } else { fault })
}

/// Takes a silence out, with its line when it stands alone there.
fn leave_out(document: &str, silence: &Silence) -> Fix {
    let line_start = document[..silence.start].rfind('\n').map_or(0, |at| at + 1);
    let before = document[line_start..silence.start].trim_end();
    let after = &document[silence.end..];
    let rest = after.find('\n').map_or(after, |at| &after[..=at]);
    let (start, end) = if before.is_empty() && rest.trim().is_empty() {
        (line_start, silence.end + rest.len())
    } else {
        // A carriage return belongs to the end of the line.
        let written = document[silence.start..silence.end].trim_end();
        (line_start + before.len(), silence.start + written.len())
    };
    Fix { start, end, replacement: String::new() }
}

fn read(document: &str, markdown: &Markdown) -> Vec<Silence> {
    let mut fences: Vec<(u32, u32)> = Vec::new();
    markdown.walk(|block| {
        if let Block::Fence(fence) = block {
            fences.push((fence.line, fence.end_line));
        }
    });
    fences.sort_unstable();
    let around = |line: u32| {
        let at = fences.partition_point(|fence| fence.0 <= line);
        at.checked_sub(1).and_then(|at| fences.get(at)).copied().filter(|fence| line <= fence.1)
    };
    let mut silences = Vec::new();
    for captures in SILENCE.captures_iter(document) {
        let (Some(whole), Some(text)) =
            (captures.get(0), captures.name("html").or_else(|| captures.name("code")))
        else {
            continue;
        };
        let in_code = captures.name("code").is_some();
        let front = captures.name("front").map_or("", |front| front.as_str());
        let start = if in_code { whole.start() + front.len() } else { whole.start() };
        let line = markdown.lines.line(start);
        // A comment of code counts in code, and one of HTML outside: elsewhere they are text.
        let fence = around(line);
        if in_code != fence.is_some() || front.contains(['"', '\'', '`']) {
            continue;
        }
        let lines = match fence {
            Some(_) if !front.trim().is_empty() => line..=line,
            Some(fence) => command_below(document, markdown, line, fence.1),
            None => block_below(document, markdown, line, &fences),
        };
        let (codes, reason) = match text.as_str().split_once("because") {
            Some((codes, reason)) => (codes, reason.trim().trim_matches('-').trim().to_owned()),
            None => (text.as_str(), String::new()),
        };
        let codes = codes
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|word| !word.is_empty() && *word != "and");
        let codes = codes.map(str::to_uppercase).collect();
        silences.push(Silence { codes, reason, start, end: whole.end(), lines, used: false });
    }
    silences
}

/// The next command of a block: to its last continued line.
fn command_below(document: &str, markdown: &Markdown, line: u32, last: u32) -> std::ops::RangeInclusive<u32> {
    let text = |line: u32| markdown.lines.text_of(document, line).trim();
    let first = (line + 1..=last)
        .find(|line| !text(*line).is_empty() && !text(*line).starts_with('#'))
        .unwrap_or(last);
    let end = (first..=last).find(|line| !text(*line).ends_with('\\')).unwrap_or(last);
    first..=end
}

/// How many lines below a silence its block begins at the latest: each is read for each silence.
const MOST_BETWEEN: usize = 50;

/// The next block of the page: a whole fence, or the lines up to the next blank one.
fn block_below(
    document: &str,
    markdown: &Markdown,
    line: u32,
    fences: &[(u32, u32)],
) -> std::ops::RangeInclusive<u32> {
    let last = markdown.lines.count();
    let text = |line: u32| markdown.lines.text_of(document, line).trim();
    let is_comment = |line: u32| text(line).starts_with("<!--") && text(line).ends_with("-->");
    // Behind text on the same line it is about that line.
    if !is_comment(line) {
        return line..=line;
    }
    let mut below = (line + 1..=last).take(MOST_BETWEEN);
    let Some(first) = below.find(|line| !text(*line).is_empty() && !is_comment(*line)) else {
        return line..=line;
    };
    if let Ok(at) = fences.binary_search_by_key(&first, |fence| fence.0) {
        return first..=fences[at].1;
    }
    let end = (first..=last).find(|line| text(*line).is_empty()).unwrap_or(last + 1);
    first..=end.saturating_sub(1).max(first)
}
