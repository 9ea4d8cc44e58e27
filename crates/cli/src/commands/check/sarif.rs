//! Findings as SARIF 2.1.0, as code scanning takes it.
//!
//! The format is OASIS's (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/>); what an upload needs
//! of it, GitHub's (<https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::{Value, json};
use tminus_runbook::check::{self, SilencePlace, Silenced};
use tminus_runbook::diagnostic::{Diagnostic, FixEffect, Severity};
use tminus_runbook::lines::LineIndex;

use super::sheet::Sheet;

/// Descriptions are cut here; hosts refuse longer ones.
const DESCRIPTION_CHARACTERS: usize = 1000;

/// Writes one run with everything that was found.
pub(super) fn log(sheets: &[Sheet]) -> Value {
    let worst = worst_by_code(sheets);
    let index: HashMap<&str, usize> = worst.keys().zip(0..).map(|(code, index)| (*code, index)).collect();
    let rules: Vec<Value> = worst.iter().map(|(code, severity)| rule(code, *severity)).collect();
    let results: Vec<Value> = sheets.iter().flat_map(|sheet| results(sheet, &index)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tminus",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{ "executionSuccessful": true }],
            // What a diagnostic's column counts: characters, not bytes and not UTF-16 units.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// The codes that were found, with the worst severity of each, in order.
fn worst_by_code(sheets: &[Sheet]) -> BTreeMap<&'static str, Severity> {
    let mut worst = BTreeMap::new();
    let silenced = sheets.iter().flat_map(|sheet| &sheet.silenced).map(|silenced| &silenced.finding);
    for found in sheets.iter().flat_map(|sheet| &sheet.found).chain(silenced) {
        let severity = worst.entry(found.code).or_insert(found.severity);
        *severity = found.severity.max(*severity);
    }
    worst
}

fn rule(code: &str, worst: Severity) -> Value {
    let page = check::explain(code);
    let title = page.map_or(code, |page| page.title);
    let why = page.map_or(title, |page| page.why);
    let mut text = format!("{why}\n");
    let mut markdown = format!("{why}\n");
    if let Some(page) = page {
        for (word, example) in [("Wrong", page.wrong), ("Right", page.right)] {
            if example.is_empty() {
                continue;
            }
            text.push_str(&format!("\n{word}:\n\n{}\n", example.trim_end()));
            let fence = fence_for(example);
            markdown.push_str(&format!("\n**{word}**\n\n{fence}markdown\n{}\n{fence}\n", example.trim_end()));
        }
        if !page.source.is_empty() {
            text.push_str(&format!("\nSource: {}\n", page.source));
            markdown.push_str(&format!("\nSource: {}\n", page.source));
        }
    }
    let problem = if worst == Severity::Note { "recommendation" } else { worst.word() };
    json!({
        "id": code,
        "shortDescription": { "text": cut(title) },
        "fullDescription": { "text": cut(why) },
        "help": { "text": text, "markdown": markdown },
        "properties": { "tags": ["runbook", group(code)], "problem.severity": problem },
    })
}

/// A fence that is longer than any in the example.
fn fence_for(example: &str) -> String {
    let longest = example.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn cut(text: &str) -> String {
    text.chars().take(DESCRIPTION_CHARACTERS).collect()
}

/// What a code's first digit says.
fn group(code: &str) -> &'static str {
    match code.as_bytes().get(1) {
        Some(b'1') => "document",
        Some(b'2') => "shell",
        Some(b'3') => "database",
        Some(b'4') => "deployment",
        Some(b'5') => "numbers",
        Some(b'6') => "people",
        Some(b'7') => "safety",
        Some(b'8') => "tools",
        _ => "plan",
    }
}

fn results(sheet: &Sheet, index: &HashMap<&str, usize>) -> Vec<Value> {
    let lines = LineIndex::new(&sheet.text);
    let artifact = artifact(&sheet.name);
    let mut seen: HashMap<String, u32> = HashMap::new();
    // What is silenced comes last, so that it takes no fingerprint from what is shown.
    let shown = sheet.found.iter().map(|found| (found, None));
    let accepted = sheet.silenced.iter().map(|silenced| (&silenced.finding, Some(silenced)));
    shown
        .chain(accepted)
        .map(|(found, silenced)| {
            // The same finding on the same words is the same alert, wherever the line moves to.
            let words: String = lines.text_of(&sheet.text, found.line).split_whitespace().collect();
            let mut hash = tminus_engine::export::text_hash(&format!("{}\n{words}", found.code));
            hash.truncate(16);
            let count = seen.entry(hash.clone()).and_modify(|count| *count += 1).or_insert(1);
            let fingerprint = format!("{hash}:{count}");
            let message = match &found.help {
                Some(help) => format!("{}\nNow: {help}", found.message),
                None => found.message.clone(),
            };
            let mut result = json!({
                "ruleId": found.code,
                "ruleIndex": index[found.code],
                "level": found.severity.word(),
                "message": { "text": message },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": artifact,
                    "region": region(sheet, (found.line, found.column), (found.end_line, found.end_column)),
                }}],
                "partialFingerprints": { "primaryLocationLineHash": fingerprint },
            });
            if let Some(fix) = fix(sheet, &lines, found, &artifact) {
                result["fixes"] = json!([fix]);
            }
            if let Some(silenced) = silenced {
                result["suppressions"] = json!([suppression(silenced)]);
            }
            result
        })
        .collect()
}

/// A silence: a person accepted the finding and said why.
fn suppression(silenced: &Silenced) -> Value {
    let kind = match silenced.place {
        SilencePlace::Document => "inSource",
        SilencePlace::Settings => "external",
    };
    json!({ "kind": kind, "status": "accepted", "justification": silenced.because })
}

/// A place. The byte-order mark is no character of the text, so the first line begins after it.
fn region(sheet: &Sheet, start: (u32, u32), end: (u32, u32)) -> Value {
    let marked = sheet.text.starts_with('\u{feff}');
    let column = |(line, column): (u32, u32)| {
        if marked && line == 1 { column.saturating_sub(1).max(1) } else { column.max(1) }
    };
    json!({
        "startLine": start.0.max(1),
        "startColumn": column(start),
        "endLine": end.0.max(1),
        "endColumn": column(end),
    })
}

fn fix(sheet: &Sheet, lines: &LineIndex, found: &Diagnostic, artifact: &Value) -> Option<Value> {
    let fix = found.fix.as_ref()?;
    let start = lines.position(&sheet.text, fix.start);
    let end = lines.position(&sheet.text, fix.end);
    let description = match found.fix_effect {
        FixEffect::KeepsMeaning => "Removes the fault; the step does what was meant all along.",
        FixEffect::ChangesMeaning => "Removes the fault, and the step does something else than before.",
    };
    Some(json!({
        "description": { "text": description },
        "artifactChanges": [{
            "artifactLocation": artifact,
            "replacements": [{
                "deletedRegion": region(sheet, start, end),
                "insertedContent": { "text": fix.replacement },
            }],
        }],
    }))
}

/// Writes a path as a URI: relative to the repository's root, or a `file:` one.
fn artifact(name: &str) -> Value {
    let path = name.strip_prefix("./").unwrap_or(name);
    // RFC 3986: everything but what is unreserved, `/` and a few that a path segment may hold.
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'@' | b'+' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    if Path::new(path).is_absolute() {
        json!({ "uri": format!("file://{uri}") })
    } else {
        json!({ "uri": uri, "uriBaseId": "%SRCROOT%" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tminus_runbook::diagnostic::Fix;

    fn sheet(text: &str, found: Vec<Diagnostic>) -> Sheet {
        Sheet { name: "docs/my runbook.md".into(), text: text.into(), found, silenced: Vec::new() }
    }

    #[test]
    fn places_are_those_of_an_editor() {
        let found = Diagnostic::new("T201", Severity::Error, (1, 3), (1, 4), "m").with_fix(Fix {
            start: 4,
            end: 8,
            replacement: "x".into(),
        });
        let log = log(&[sheet("\u{feff}a😀b\n", vec![found])]);
        let result = &log["runs"][0]["results"][0];
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "docs/my%20runbook.md");
        // The mark does not count, and the emoji is one code point.
        let region = json!({ "startLine": 1, "startColumn": 2, "endLine": 1, "endColumn": 3 });
        assert_eq!(place["region"], region);
        assert_eq!(
            result["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"],
            json!({ "startLine": 1, "startColumn": 2, "endLine": 1, "endColumn": 3 })
        );
    }

    #[test]
    fn a_finding_keeps_its_fingerprint_when_lines_move() {
        let found = |line| Diagnostic::new("T204", Severity::Warning, (line, 1), (line, 9), "m");
        let prints = |text: &str, lines: &[u32]| -> Vec<String> {
            let log = log(&[sheet(text, lines.iter().map(|line| found(*line)).collect())]);
            let results = log["runs"][0]["results"].as_array().unwrap().clone();
            results
                .iter()
                .map(|result| result["partialFingerprints"]["primaryLocationLineHash"].to_string())
                .collect()
        };
        let before = prints("sleep 30\nsleep 30\n", &[1, 2]);
        assert_ne!(before[0], before[1]);
        assert_eq!(prints("new\n  sleep 30\nsleep 30\n", &[2, 3]), before);
    }

    #[test]
    fn every_code_has_what_a_rule_needs() {
        for code in check::codes() {
            let rule = rule(code, Severity::Warning);
            for key in ["shortDescription", "fullDescription", "help"] {
                let text = rule[key]["text"].as_str().unwrap();
                assert!(!text.is_empty(), "{code}: {key}");
                assert!(key == "help" || text.chars().count() <= DESCRIPTION_CHARACTERS, "{code}: {key}");
            }
        }
    }
}
