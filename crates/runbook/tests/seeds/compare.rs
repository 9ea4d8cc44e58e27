//! Compares the plan's JSON with the labels of a document, category by category.

use serde_json::Value;

use super::spans;
use super::tally::Tally;
use tminus_runbook::encoding::repair;

pub(super) fn all(tally: &mut Tally, view: &Value, labels: &Value) {
    tally.item(
        "title",
        &text(&labels["title"]),
        text(&view["title"]) == text(&labels["title"]),
        &view["title"],
    );
    lists(tally, view, labels);
    counts(tally, view, labels);
    work(tally, view, labels);
    people(tally, view, labels);
    durations(tally, view, labels);
    thresholds(tally, view, labels);
    places(tally, view, labels);
    commands(tally, view, labels);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    array(value).iter().map(|entry| text(&entry[field])).collect()
}

fn strings(value: &Value) -> Vec<String> {
    array(value).iter().map(text).collect()
}

/// Lower-case words without punctuation; arrows are one sign.
fn plain(text: &str) -> String {
    let text = repair(text).text.to_lowercase().replace("->", "→").replace("**", "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_note(label: &str) -> &str {
    label.split(" (").next().unwrap_or(label).trim()
}

fn lists(tally: &mut Tally, view: &Value, labels: &Value) {
    let phases = texts(&view["phases"], "title");
    let wanted = strings(&labels["phases"]);
    for (at, phase) in wanted.iter().enumerate() {
        tally.item("phases", phase, phases.get(at) == Some(phase), &phases);
    }
    phases.iter().filter(|phase| !wanted.contains(phase)).for_each(|phase| tally.extra("phases", phase));
    let sections = strings(&view["non_phase_sections"]);
    let wanted = strings(&labels["non_phase_sections"]);
    for section in &wanted {
        tally.item("non_phase_sections", section, sections.contains(section), &sections);
    }
    sections
        .iter()
        .filter(|one| !wanted.contains(one))
        .for_each(|one| tally.extra("non_phase_sections", one));
    let headings: Vec<(String, String)> = array(&view["sections"])
        .iter()
        .map(|section| (text(&section["phase"]), text(&section["title"])))
        .collect();
    for step in strings(&labels["steps"]) {
        tally.item("steps", &step, headings.iter().any(|(_, title)| *title == step), ());
    }
    if let Some(by_phase) = labels["steps_by_phase"].as_object() {
        for (phase, steps) in by_phase {
            for step in strings(steps).iter().filter(|step| !step.contains("prose steps")) {
                let named = |title: &String| title == step || title == without_note(step);
                let found = headings.iter().any(|(of, title)| of == phase && named(title));
                tally.item("steps", &format!("{phase} / {step}"), found, ());
            }
        }
    }
}

fn counts(tally: &mut Tally, view: &Value, labels: &Value) {
    let lengths = [
        ("commands", array(&view["commands"]).len()),
        ("shell_fences", array(&view["shell_fences"]).len()),
        ("text_fences", array(&view["text_fences"]).len()),
        ("checklist_items", array(&view["checklist_items"]).len()),
        ("fences_total", view["fences_total"].as_u64().unwrap_or(0) as usize),
    ];
    for (name, found) in lengths {
        if let Some(wanted) = labels[name].as_u64() {
            tally.item("counts", &format!("{name} = {wanted}"), wanted as usize == found, found);
        }
    }
    if let Some(wanted) = labels["checklist_items_nested"].as_u64() {
        let found = array(&view["checklist_items"]).iter().filter(|item| item["nested"] == true).count();
        tally.item("counts", &format!("checklist_items_nested = {wanted}"), wanted as usize == found, found);
    }
}

fn work(tally: &mut Tally, view: &Value, labels: &Value) {
    let by = |list: &str, field: &str, wanted: &str| {
        array(&view[list]).iter().filter(|entry| text(&entry[field]).starts_with(wanted)).count()
    };
    let tables = [
        ("commands_by_phase", "commands", "phase"),
        ("checklist_by_phase", "checklist_items", "phase"),
        ("checklist_by_group", "checklist_items", "section"),
        ("checklist_by_step", "checklist_items", "section"),
    ];
    for (label, list, field) in tables {
        if let Some(wanted) = labels[label].as_object() {
            for (name, count) in wanted {
                let found = by(list, field, name);
                let matched = count.as_u64() == Some(found as u64);
                tally.item(
                    if list == "commands" { "commands" } else { "checklist" },
                    &format!("{name}: {count}"),
                    matched,
                    found,
                );
            }
        }
    }
    if let Some(wanted) = labels["commands_by_environment"].as_object() {
        for (name, count) in wanted {
            let found = array(&view["commands"])
                .iter()
                .filter(|command| match name.as_str() {
                    "local" => command["environment"].is_null(),
                    name => command["environment"] == *name,
                })
                .count();
            tally.item(
                "commands",
                &format!("in {name}: {count}"),
                count.as_u64() == Some(found as u64),
                found,
            );
        }
    }
    let inline = texts(&view["inline_commands"], "text");
    let wanted = strings(&labels["inline_commands"]);
    for command in &wanted {
        tally.item("inline_commands", command, inline.contains(command), ());
    }
    if labels["inline_commands"].is_array() {
        inline
            .iter()
            .filter(|found| !wanted.contains(found))
            .for_each(|found| tally.extra("inline_commands", found));
    }
    for code in strings(&labels["inline_code_not_commands"]) {
        let code = without_note(&code);
        tally.item("inline_code_not_commands", code, !inline.iter().any(|found| found == code), ());
    }
}

fn people(tally: &mut Tally, view: &Value, labels: &Value) {
    let mut known: Vec<String> = texts(&view["owners"], "text").iter().map(|owner| plain(owner)).collect();
    known.extend(texts(&view["roles"], "text").iter().map(|role| plain(role)));
    let find = |label: &str| {
        let whole = plain(label);
        let short = plain(without_note(label));
        known.iter().any(|found| *found == whole || *found == short || without_note(found) == short)
    };
    for label in ["owners", "roles_in_tables", "roles_elsewhere"] {
        for owner in strings(&labels[label]) {
            let matched = find(&owner);
            tally.item("owners", &owner, matched, ());
        }
    }
    for (label, field) in [("owners_by_phase", "phase"), ("owners_by_step", "section")] {
        let Some(wanted) = labels[label].as_object() else { continue };
        for (place, owner) in wanted {
            let matched = array(&view["owners"]).iter().any(|found| {
                let here = if place == "(document)" {
                    found["section"].is_null()
                } else {
                    text(&found[field]).starts_with(place.as_str())
                };
                let written = plain(&text(&found["text"]));
                here && (written == plain(&text(owner)) || written == plain(without_note(&text(owner))))
            });
            tally.item("owners", &format!("{place}: {owner}"), matched, ());
        }
    }
}

fn durations(tally: &mut Tally, view: &Value, labels: &Value) {
    let facts: Vec<(String, String, String)> = array(&view["facts"])
        .iter()
        .map(|fact| (text(&fact["phase"]), text(&fact["section"]), text(&fact["value"])))
        .collect();
    for (label, by_phase) in [("timelines_by_phase", true), ("durations_by_step", false)] {
        let Some(wanted) = labels[label].as_object() else { continue };
        for (place, value) in wanted {
            let value = text(value);
            let matched = facts.iter().any(|(phase, section, found)| {
                let here = if by_phase { phase == place } else { section.starts_with(place.as_str()) };
                here && *found == value
            });
            tally.item("durations", &format!("{place}: {value}"), matched, ());
        }
    }
    spans::compare(tally, array(&view["durations"]), &strings(&labels["durations"]));
}

fn thresholds(tally: &mut Tally, view: &Value, labels: &Value) {
    let mut left: Vec<&Value> = array(&view["thresholds"]).iter().collect();
    for label in array(&labels["thresholds"]) {
        let what = format!(
            "{} {} {} {} for {} ({})",
            label["metric"], label["op"], label["value"], label["unit"], label["for"], label["where"]
        );
        let found =
            left.iter().position(|found| same_threshold(found, label) && same_place(view, found, label));
        tally.item("thresholds", &what, found.is_some(), near(&left, label));
        if let Some(at) = found {
            left.remove(at);
        }
    }
    for found in left {
        tally.extra(
            "thresholds",
            &format!(
                "line {}: {} {} {} {} ({}) in {}",
                found["line"],
                found["metric"],
                found["op"],
                found["value"],
                found["unit"],
                found["where"],
                found["text"]
            ),
        );
    }
    let triggers = texts(&view["rollback_triggers_without_number"], "text");
    for trigger in strings(&labels["rollback_triggers_without_number"]) {
        tally.item("thresholds", &trigger, triggers.contains(&trigger), &triggers);
    }
    let all = texts(&view["thresholds"], "text");
    for not in strings(&labels["not_thresholds"]) {
        let words = without_note(&not).to_owned();
        tally.item("not_thresholds", &not, !all.iter().any(|found| found.contains(&words)), ());
    }
}

fn near(left: &[&Value], label: &Value) -> Vec<String> {
    let close = left.iter().filter(|found| number(&found["value"]) == number(&label["value"]));
    close
        .map(|found| {
            format!(
                "{} {} {} {} for {} ({})",
                found["metric"], found["op"], found["value"], found["unit"], found["for"], found["where"]
            )
        })
        .take(4)
        .collect()
}

fn number(value: &Value) -> String {
    match value {
        Value::Array(numbers) => numbers.iter().map(number).collect::<Vec<_>>().join("/"),
        Value::Number(one) => one.as_f64().map_or(String::new(), |one| format!("{one}")),
        other => text(other),
    }
}

fn same_threshold(found: &Value, label: &Value) -> bool {
    let op = |value: &Value| text(value).replace("==", "=");
    let unit = |value: &Value| {
        let unit = text(value).to_lowercase();
        if matches!(unit.as_str(), "count" | "http" | "warnings" | "reviewers" | "reviews" | "runs") {
            String::new()
        } else {
            unit
        }
    };
    let words = |value: &Value| -> Vec<String> {
        plain(without_note(&text(value)))
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() > 1)
            .map(|word| word.trim_end_matches('s').to_owned())
            .collect()
    };
    let (have, want) = (words(&found["metric"]), words(&label["metric"]));
    let key = text(&found["key"]).replace('_', " ");
    let shares = want
        .iter()
        .any(|word| have.contains(word) || key.split(' ').any(|part| part.trim_end_matches('s') == word));
    shares
        && op(&found["op"]) == op(&label["op"])
        && number(&found["value"]) == number(&label["value"])
        && unit(&found["unit"]) == unit(&label["unit"])
        && text(&found["for"]) == text(&label["for"])
        && found["where"] == label["where"]
}

/// Tells whether what was found stands where a label says: below headings with these titles, which
/// may be written without their number, their letter alone, or without what stands in brackets.
fn same_place(view: &Value, found: &Value, label: &Value) -> bool {
    let mut around: Vec<(u64, String)> = Vec::new();
    let line = found["line"].as_u64();
    for section in array(&view["sections"]).iter().take_while(|section| section["line"].as_u64() <= line) {
        let level = section["level"].as_u64().unwrap_or(1);
        around.retain(|(outer, _)| *outer < level);
        around.push((level, text(&section["title"])));
    }
    let names = |title: &str, part: &str| {
        let (number, rest) = title.split_once(". ").unwrap_or(("", title));
        title == part || number == part || without_note(rest) == part
    };
    text(&label["phase"])
        .split('/')
        .filter(|part| !part.is_empty())
        .all(|part| around.iter().any(|(_, title)| names(title, part)))
}

fn places(tally: &mut Tally, view: &Value, labels: &Value) {
    let known = texts(&view["placeholders"], "text");
    for placeholder in strings(&labels["placeholders"]) {
        let bare = placeholder.trim_start_matches("${").trim_end_matches('}');
        let variable = bare.split(":-").next().unwrap_or(bare);
        let is_variable = placeholder.starts_with("${");
        let matched = known
            .iter()
            .any(|found| *found == placeholder || is_variable && found.trim_start_matches('$') == variable)
            || is_made_of(&placeholder, &known);
        tally.item("placeholders", &placeholder, matched, ());
    }
    let known = array(&view["environments"]);
    for environment in strings(&labels["environments"]) {
        let name = without_note(&environment).to_lowercase();
        let url = environment
            .split('(')
            .nth(1)
            .filter(|url| url.starts_with("http"))
            .map(|url| url.trim_end_matches(')'));
        let matched = known
            .iter()
            .any(|found| text(&found["name"]) == name && url.is_none_or(|url| text(&found["url"]) == url));
        tally.item("environments", &environment, matched, known);
    }
}

/// Tells whether a label is a text around placeholders, such as the name of a file, and all of them
/// were found: nothing that looks like one is left when they are taken out.
fn is_made_of(label: &str, known: &[String]) -> bool {
    const SIGNS: [&str; 6] = ["<", "[", "{", "YY", "HH", "XX"];
    let signed = |text: &str| SIGNS.iter().any(|sign| text.contains(sign));
    let mut parts: Vec<&String> = known.iter().filter(|found| signed(found)).collect();
    parts.sort_by_key(|found| std::cmp::Reverse(found.len()));
    let rest = parts.iter().fold(label.to_owned(), |rest, part| rest.replace(part.as_str(), ""));
    rest != label && !signed(&rest)
}

fn commands(tally: &mut Tally, view: &Value, labels: &Value) {
    let lists = [
        ("dangerous_commands", "dangerous_commands"),
        ("confirm_commands", "confirm_commands"),
        ("never_terminating_or_interactive", "never_terminating_or_interactive"),
    ];
    for (label, list) in lists {
        let known = texts(&view[list], "text");
        let wanted = strings(&labels[label]);
        for command in &wanted {
            let matched = parts(command).iter().any(|part| known.iter().any(|found| holds(found, part)));
            tally.item(label, command, matched, ());
        }
        for found in &known {
            if !wanted.iter().any(|command| parts(command).iter().any(|part| holds(found, part)))
                && label == "dangerous_commands"
            {
                tally.extra(label, found);
            }
        }
    }
    let known = array(&view["alternatives"]).len();
    let wanted = array(&labels["alternatives"]).len();
    if wanted > 0 {
        tally.item(
            "alternatives",
            &format!("{wanted} or more"),
            known >= wanted,
            texts(&view["alternatives"], "id"),
        );
    }
}

/// The commands of a list of labels, notes in parentheses removed.
pub(super) fn commands_of(labels: &Value) -> Vec<String> {
    strings(labels).iter().flat_map(|label| parts(label)).filter(|part| !part.contains("dashboard")).collect()
}

/// `docker push registry/x:v1 / :latest` is one command and another's end; a note follows ` (`.
fn parts(label: &str) -> Vec<String> {
    let label = if label.starts_with("Supabase dashboard: ") {
        label.trim_start_matches("Supabase dashboard: ")
    } else {
        label
    };
    vec![without_note(label.split(" / :").next().unwrap_or(label)).to_owned()]
}

/// Tells whether a text holds a command in which `...` and `[...]` stand for anything.
pub(super) fn holds(text: &str, command: &str) -> bool {
    let fold = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let text = fold(text);
    let command = fold(&command.replace("[...]", "...").replace("<service>", "..."));
    let mut rest = text.as_str();
    for part in command.split("...").map(str::trim).filter(|part| !part.is_empty()) {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}
