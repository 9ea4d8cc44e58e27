//! What may be written at a place: ids, keys, classes, roles and the values that a key can have.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tminus_runbook::attributes::{KEYS, KIND_CLASSES, RUN_CLASSES};
use tminus_runbook::names;
use tminus_runbook::outline::{FenceClass, UnitKind};
use tminus_runbook::settings::Settings;

use crate::place::Page;
use crate::words;

/// Kinds of an item, as the protocol numbers them.
#[derive(Clone, Copy)]
enum Kind {
    Class = 7,
    Property = 10,
    Value = 12,
    Reference = 18,
    Person = 21,
}

/// Returns the items for the end of `line`, which is the text before the cursor, at byte `offset`.
pub(crate) fn complete(page: &Page<'_>, settings: &Settings, line: &str, offset: usize) -> Vec<Value> {
    let fence = page.fence_at(offset);
    let opens = line.trim_start_matches([' ', '\t', '>']);
    if opens.starts_with("```") || opens.starts_with("~~~") {
        return match open_brace(opens) {
            Some(inner) => in_braces(page, settings, inner, offset),
            None => Vec::new(),
        };
    }
    if let Some((_, fence)) = fence {
        return match fence.class {
            FenceClass::Control(kind) => in_body(page, settings, kind, line),
            _ => Vec::new(),
        };
    }
    if in_front_matter(page.text, offset) {
        return keys_or_values(line, &words::FRONT_MATTER);
    }
    if let Some(at) = line.rfind("(auto:")
        && !line[at..].contains(')')
    {
        return ids(page, |_| true);
    }
    match line.rfind('@') {
        Some(at) if line[at + 1..].chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_')) => {
            roles(page, settings)
        }
        _ => Vec::new(),
    }
}

/// Returns what stands after the brace that is still open.
fn open_brace(line: &str) -> Option<&str> {
    let mut quote = None;
    let mut open = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '{') => open = open.or(Some(at + 1)),
            (None, '}') => open = None,
            _ => {}
        }
    }
    open.map(|at| &line[at..])
}

fn in_braces(page: &Page<'_>, settings: &Settings, inner: &str, offset: usize) -> Vec<Value> {
    let token = inner.rsplit(char::is_whitespace).next().unwrap_or("");
    if token.starts_with('#') {
        return Vec::new();
    }
    if token.starts_with('.') {
        let classes = RUN_CLASSES.into_iter().chain(KIND_CLASSES);
        return classes.map(|name| item(name, Kind::Class, words::class(name))).collect();
    }
    let Some((key, value)) = token.split_once('=') else { return keys(page, token) };
    let key = key.rsplit('.').next().unwrap_or(key);
    let own = page.fence_at(offset).and_then(|(_, fence)| fence.id());
    match key {
        "undo" => {
            let mut items = vec![item("none", Kind::Value, "it cannot be reversed: a point of no return")];
            items.extend(ids(page, |id| Some(id) != own));
            items
        }
        "needs" | "verify" => ids(page, |id| Some(id) != own && !value.split(',').any(|named| named == id)),
        "on" => hosts(page, offset).iter().map(|host| item(host, Kind::Value, "")).collect(),
        "to" => {
            let channels = settings.channels.keys().map(String::as_str).chain(["log"]);
            channels.map(|name| item(name, Kind::Value, "")).collect()
        }
        "db" => settings.databases.keys().map(|name| item(name, Kind::Value, "")).collect(),
        _ => words::values(key).iter().map(|value| item(value, Kind::Value, "")).collect(),
    }
}

/// Keys; for an environment when its name and a dot stand before them.
fn keys(page: &Page<'_>, token: &str) -> Vec<Value> {
    let mut items: Vec<Value> = KEYS
        .into_iter()
        .map(|name| {
            let mut item = item(name, Kind::Property, words::key(name));
            item["insertText"] = json!(format!("{name}="));
            item
        })
        .collect();
    if !token.contains('.') {
        let environments = &page.outline().front_matter.environments;
        items.extend(environments.iter().map(|name| {
            let mut item = item(name, Kind::Property, "a key for this environment only");
            item["insertText"] = json!(format!("{name}."));
            item
        }));
    }
    items
}

/// The body of a control step.
fn in_body(page: &Page<'_>, settings: &Settings, kind: &str, line: &str) -> Vec<Value> {
    let in_quorum = line.trim_start().starts_with("quorum:") && !line.contains('}');
    if in_quorum {
        return roles(page, settings);
    }
    if line.trim_start().starts_with("only:") {
        let environments = &page.outline().front_matter.environments;
        return environments.iter().map(|name| item(name, Kind::Value, "")).collect();
    }
    keys_or_values(line, words::control_keys(kind))
}

/// Keys at the beginning of a line of YAML, values after its colon.
fn keys_or_values(line: &str, known: &[(&str, &str)]) -> Vec<Value> {
    if let Some((key, _)) = line.split_once(':') {
        return words::values(key.trim()).iter().map(|value| item(value, Kind::Value, "")).collect();
    }
    if line.starts_with([' ', '\t', '-']) {
        return Vec::new();
    }
    let keys = known.iter().map(|(name, meaning)| {
        let mut item = item(name, Kind::Property, meaning);
        item["insertText"] = json!(format!("{name}: "));
        item
    });
    keys.collect()
}

fn in_front_matter(text: &str, offset: usize) -> bool {
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !rest.starts_with("---") {
        return false;
    }
    let mut at = text.len() - rest.len();
    for (line, number) in rest.split_inclusive('\n').zip(0..) {
        if number > 0 && line.trim_end() == "---" {
            return offset < at;
        }
        at += line.len();
    }
    // Not closed yet: it is being written.
    offset <= at
}

fn ids(page: &Page<'_>, is_wanted: impl Fn(&str) -> bool) -> Vec<Value> {
    let wanted = page.ids().into_iter().filter(|id| is_wanted(id));
    wanted
        .map(|id| {
            let title = page.fence_called(id).map_or("", |(unit, _)| unit.title.as_str());
            item(id, Kind::Reference, title)
        })
        .collect()
}

/// Roles that the place, the front matter or the text name.
fn roles(page: &Page<'_>, settings: &Settings) -> Vec<Value> {
    let outline = page.outline();
    let mut roles: BTreeSet<String> = outline.front_matter.roles.iter().cloned().collect();
    roles.extend(settings.roles.keys().cloned());
    for unit in &outline.units {
        if let UnitKind::Item(item) = &unit.kind {
            roles.extend(item.role.as_deref().map(names::role));
        }
    }
    for fact in outline.facts.iter().filter(|fact| fact.label.eq_ignore_ascii_case("owner")) {
        roles.extend(tminus_runbook::outline::split_roles(&fact.value).iter().map(|role| names::role(role)));
    }
    roles
        .iter()
        .map(|role| {
            let people = settings.roles.get(role).map_or(String::new(), |people| people.join(", "));
            item(role, Kind::Person, &people)
        })
        .collect()
}

fn hosts(page: &Page<'_>, offset: usize) -> Vec<String> {
    let Some((unit, _)) = page.fence_at(offset) else { return Vec::new() };
    let fact = page.outline().fact(unit.section, &["Hosts", "Host"]);
    let names = fact.map_or("", |fact| fact.value.as_str()).split([',', '·', ' ']);
    names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn item(label: &str, kind: Kind, detail: &str) -> Value {
    let mut item = json!({ "label": label, "kind": kind as u32 });
    if !detail.is_empty() {
        item["detail"] = json!(detail);
    }
    item
}
