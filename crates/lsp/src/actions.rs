//! Fixes as an editor offers them: one at a time, or all that keep the meaning at once.

use serde_json::{Value, json};
use tminus_runbook::diagnostic::{Diagnostic, FixEffect};
use tminus_runbook::edit::Splice;
use tminus_runbook::lines::LineIndex;
use tminus_runbook::patch::{self, Level};

use crate::text::Text;

/// Returns the actions for a range of bytes of a document. `wanted` tells whether a kind of action
/// was asked for.
pub(crate) fn actions(
    uri: &str,
    text: &Text,
    found: &[Diagnostic],
    range: std::ops::Range<usize>,
    wanted: impl Fn(&str) -> bool,
    diagnostic: impl Fn(&Diagnostic) -> Value,
) -> Vec<Value> {
    let mut actions = Vec::new();
    let lines = LineIndex::new(text.as_str());
    if wanted("quickfix") {
        for found in found {
            let bytes = found.bytes(text.as_str(), &lines);
            let Some(fix) =
                found.fix.as_ref().filter(|_| bytes.start <= range.end && range.start <= bytes.end)
            else {
                continue;
            };
            let splice = Splice { start: fix.start, end: fix.end, replacement: fix.replacement.clone() };
            let changes = found.fix_effect == FixEffect::ChangesMeaning;
            let mut action = json!({
                "title": title(text, &splice, found, changes),
                "kind": "quickfix",
                "diagnostics": [diagnostic(found)],
                "edit": edit(uri, text, &[splice]),
            });
            if !changes {
                action["isPreferred"] = json!(true);
            }
            actions.push(action);
        }
    }
    let all = patch::splices(found, Level::Safe);
    if wanted("source.fixAll.tminus") && !all.is_empty() {
        actions.push(json!({
            "title": format!("Mend what can be mended without changing what a step does ({})", all.len()),
            "kind": "source.fixAll.tminus",
            "edit": edit(uri, text, &all),
        }));
    }
    actions
}

fn title(text: &Text, splice: &Splice, found: &Diagnostic, changes: bool) -> String {
    let short = |text: &str| {
        let line = text.trim().lines().next().unwrap_or("").to_owned();
        if line.chars().count() <= 40 { line } else { line.chars().take(39).chain(['…']).collect() }
    };
    let before = short(&text.as_str()[splice.start..splice.end]);
    let after = short(&splice.replacement);
    let what = match (before.is_empty(), after.is_empty()) {
        (true, false) => format!("insert `{after}`"),
        (false, true) => format!("take out `{before}`"),
        (false, false) => format!("write `{after}` instead of `{before}`"),
        (true, true) => "mend the white space".to_owned(),
    };
    let warning = if changes { " (changes what the step does)" } else { "" };
    format!("{}: {what}{warning}", found.code)
}

fn edit(uri: &str, text: &Text, splices: &[Splice]) -> Value {
    let edits: Vec<Value> = splices
        .iter()
        .map(|splice| json!({ "range": text.range(splice.start..splice.end), "newText": splice.replacement }))
        .collect();
    json!({ "changes": { uri: edits } })
}
