//! T501 in words: limits that contradict each other in one sentence, in two of them, or between what a
//! release must reach to go on and what takes it back.

use std::collections::BTreeSet;

use tminus_release::plan::{Comparison, Usage};

use crate::diagnostic::Severity;
use crate::outline::FoundThreshold;
use crate::rules::Value;
use crate::words::Words;

use super::marks::Mark;
use super::numbers::{Limit, limit, shown};
use super::page::Page;
use super::{rows, words};

/// Runs the checks of this file.
pub(super) fn check(page: &mut Page<'_>, told: &BTreeSet<u32>) {
    let mut found = Vec::new();
    passes_and_goes_back(page, &mut found);
    other_unit(page, &mut found);
    in_one_sentence(page, told, &mut found);
    rows::contradictions(page, told, &mut found);
    let mut told = BTreeSet::new();
    for (line, severity, message, help) in found {
        if told.insert(line) {
            page.add_at_line("T501", severity, line, message).help(help);
        }
    }
}

type Said = Vec<(u32, Severity, String, &'static str)>;

/// A limit that is no grade, no change and not turned around.
fn plain(found: &FoundThreshold) -> bool {
    let threshold = &found.threshold;
    threshold.grade.is_none() && !threshold.inverted && !threshold.needs_baseline
}

/// What passes at one number and goes back at a smaller one is let through to be taken back.
fn passes_and_goes_back(page: &Page<'_>, found: &mut Said) {
    let thresholds = &page.outline.thresholds;
    let places = |at: &FoundThreshold| &page.outline.sections[at.section].environments;
    let backs: Vec<(&FoundThreshold, Limit)> = thresholds
        .iter()
        .filter(|one| one.usage == Usage::Rollback && plain(one))
        .filter_map(|one| Some((one, limit(one)?)))
        .take(64)
        .collect();
    if backs.is_empty() {
        return;
    }
    let wanted =
        thresholds.iter().filter(|one| matches!(one.usage, Usage::Acceptance | Usage::Slo) && plain(one));
    for target in wanted {
        let Some(aim) = limit(target) else { continue };
        let crossed = backs.iter().find(|(back, limit)| {
            back.threshold.key == target.threshold.key
                && limit.unit == aim.unit
                && places(back) == places(target)
                && qualifiers(page, back).is_subset(&qualifiers(page, target))
                && match (aim.op, limit.op) {
                    (Comparison::Less | Comparison::AtMost, Comparison::Greater | Comparison::AtLeast) => {
                        limit.number < aim.number
                    }
                    (Comparison::Greater | Comparison::AtLeast, Comparison::Less | Comparison::AtMost) => {
                        limit.number > aim.number
                    }
                    _ => false,
                }
        });
        if let Some((back, _)) = crossed {
            found.push((
                target.line,
                Severity::Warning,
                format!(
                    "{} is good enough up to {} here, and takes the release back at {} (line {}): between the two it is both",
                    target.threshold.metric, shown(target), shown(back), back.line
                ),
                "let what is good enough lie on the better side of the limit for rollback",
            ));
        }
    }
}

/// `500 ms` in one place and `500 s` in another.
fn other_unit(page: &Page<'_>, found: &mut Said) {
    let thresholds = &page.outline.thresholds;
    for (at, later) in thresholds.iter().enumerate().filter(|(_, one)| plain(one)) {
        let unit = |one: &FoundThreshold| one.threshold.unit.clone().unwrap_or_default();
        let number = |one: &FoundThreshold| match one.threshold.value {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        };
        let other = thresholds[..at].iter().rev().take(64).find(|earlier| {
            let units = (unit(earlier), unit(later));
            earlier.threshold.key == later.threshold.key
                && plain(earlier)
                && number(earlier).is_some()
                && number(earlier) == number(later)
                && matches!((units.0.as_str(), units.1.as_str()), ("ms", "s") | ("s", "ms"))
        });
        if let Some(other) = other {
            found.push((
                later.line,
                Severity::Warning,
                format!(
                    "{} is {} here and {} on line {}: one of the two units is a slip",
                    later.threshold.metric,
                    shown(later),
                    shown(other),
                    other.line
                ),
                "write both in the same unit",
            ));
        }
    }
}

/// Words that say what is done and how numbers are compared, and nothing about which limit it is.
#[rustfmt::skip]
const PLAIN_WORDS: [&str; 131] = [
    "roll", "back", "rollback", "rolled", "if", "when", "whenever", "the", "is", "are", "exceeds", "exceed", "above", "over", "than", "more", "greater",
    "goes", "go", "rises", "at", "to", "of", "for", "a", "an", "we", "or", "and", "it", "on", "immediately", "in", "release", "percent", "ms", "s",
    "minutes", "minute", "min", "revert", "abort", "alert", "page", "threshold", "limit", "stays", "reaches", "any", "by", "once", "should", "be", "trigger",
    "triggers", "must", "below", "under", "stay", "less", "least", "most", "as", "soon", "gets", "condition", "criteria", "wenn", "über", "die", "der", "das",
    "bei", "unter", "liegt", "steigt", "zurückrollen", "zurück", "rollen", "abbruch", "si", "le", "la", "les", "taux", "dépasse", "de", "d", "du", "plus", "retour",
    "arrière", "supérieur", "à", "el", "los", "supera", "más", "revertir", "cuando", "mayor", "que", "se", "o", "da", "do", "for", "maior", "ultrapassar", "passar",
    "reverter", "acima", "exceder", "sobrepasa", "then", "will", "this", "that", "go", "value", "target", "smoke", "ok", "good", "success", "acceptable", "healthy",
    "remains", "keep", "kept", "production",
];

/// What a limit's line says beside its metric, its number and what is done; of a table, the whole row.
fn qualifiers(page: &Page<'_>, found: &FoundThreshold) -> BTreeSet<String> {
    let metric =
        format!("{} {}", found.threshold.metric, found.threshold.key.replace('_', " ")).to_lowercase();
    let of_metric: Vec<&str> = metric.split_whitespace().collect();
    let lower = page.markdown.lines.text_of(page.document, found.line).to_lowercase();
    lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !word.bytes().any(|byte| byte.is_ascii_digit()))
        .filter(|word| !PLAIN_WORDS.contains(word) && !of_metric.contains(word))
        .map(str::to_owned)
        .collect()
}

/// Tells whether two limits have one metric, and their lines say the same but for the number.
///
/// Rows of one table differ in what they are about, also where their words do not say so.
pub(super) fn are_about_one(page: &Page<'_>, one: &FoundThreshold, other: &FoundThreshold) -> bool {
    let is_row = |found: &FoundThreshold| {
        page.markdown.lines.text_of(page.document, found.line).trim_start().starts_with('|')
    };
    one.threshold.key == other.threshold.key
        && one.line != other.line
        && !(is_row(one) && is_row(other))
        && qualifiers(page, one) == qualifiers(page, other)
}

/// Telling somebody.
#[rustfmt::skip]
static TELL: Words = Words::new(&[
    "pager", "call the", "angerufen", "anrufen", "informier", "verständig", "appeler", "se llama", "llamar",
    "alert", "page ", "paged", "tell ", "inform", "ping ", "warn", "notify", "alarm", "benachrichtig", "alerter", "prévenir", "avertir", "avisa", "alerta", "notifica", "告警", "报警", "通知",
    "アラート", "警告", "警報",
]);

/// Going back, in words that are too short for other places.
static BACK_AS_WELL: Words = Words::new(&[
    "zurückgeroll",
    "vuelve",
    "volver atrás",
    "on revient",
    "halt the",
    "abort",
    "volta-se",
    "voltamos",
    "back to the old",
    "切り戻",
]);

pub(super) fn goes_back(lower: &str) -> bool {
    words::BACK.any_in(lower) || BACK_AS_WELL.any_in(lower)
}

/// What a part of a sentence is.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Part {
    Tell,
    Back,
    Number(f64),
}

/// `Alert at 5 %, roll back at 2 %`, also where it says that without a metric.
fn in_one_sentence(page: &Page<'_>, told: &BTreeSet<u32>, found: &mut Said) {
    static UNIT: Words = Words::new(&["%", "％", "percent", " ms", "0ms", "prozent", "per cent"]);
    for (line, text) in page.marked(Mark::Acts) {
        if text.len() > 300
            || told.contains(&line)
            || text.trim_start().starts_with('|')
            || !UNIT.any_in(text)
        {
            continue;
        }
        let lower = text.to_lowercase();
        if TELL.any_in(&lower)
            && goes_back(&lower)
            && let Some((tell, back)) = contradiction(&lower)
        {
            found.push((
                line,
                Severity::Warning,
                format!(
                    "people are told at {tell}, but the release goes back at {back}: the alert can never warn"
                ),
                "let the alert come before the limit for rollback",
            ));
        }
    }
}

/// The number at which people are told and the one at which the release goes back, where the latter comes first.
fn contradiction(lower: &str) -> Option<(f64, f64)> {
    let mut parts: Vec<(usize, Part)> = Vec::new();
    let mut units = BTreeSet::new();
    let places = |words: &Words, part: Part| -> Vec<(usize, Part)> {
        words.iter().flat_map(|word| lower.match_indices(word)).map(|(at, _)| (at, part)).collect()
    };
    parts.extend(places(&TELL, Part::Tell));
    parts.extend(places(&words::BACK, Part::Back));
    parts.extend(places(&BACK_AS_WELL, Part::Back));
    for (at, number, unit) in numbers(lower) {
        units.insert(unit);
        parts.push((at, Part::Number(number)));
    }
    parts.sort_by_key(|(at, _)| *at);
    let mut parts: Vec<Part> = parts.into_iter().map(|(_, part)| part).collect();
    parts.dedup();
    let (tell, back) = match parts[..] {
        [Part::Tell, Part::Number(tell), Part::Back, Part::Number(back)]
        | [Part::Back, Part::Number(back), Part::Tell, Part::Number(tell)]
        | [Part::Number(tell), Part::Tell, Part::Number(back), Part::Back]
        | [Part::Number(back), Part::Back, Part::Number(tell), Part::Tell] => (tell, back),
        _ => return None,
    };
    static FALLS: Words = Words::new(&[
        "below",
        "under",
        "drop",
        " fall",
        "success",
        "availab",
        "unter",
        "verfügbar",
        "sinkt",
        "fällt",
        "sous",
        "moins de",
        "disponib",
        "menos de",
        "por debajo",
        "cae",
        "éxito",
        "abaixo",
        "cai",
        "sucesso",
        "低于",
        "成功率",
        "可用",
        "下回",
        "成功",
        "可用性",
        "未満",
        "以下",
    ]);
    let comes_first = if FALLS.any_in(lower) { back > tell } else { back < tell };
    (units.len() == 1 && comes_first).then_some((tell, back))
}

/// Numbers with a unit of a limit: where, how much, and of what.
fn numbers(lower: &str) -> Vec<(usize, f64, &'static str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = lower[at..].find(|c: char| c.is_ascii_digit()).map(|from| at + from) {
        let rest = &lower[start..];
        let length =
            rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',')).unwrap_or(rest.len());
        let digits = rest[..length].trim_end_matches(['.', ',']);
        let behind = rest[digits.len()..].trim_start_matches([' ', '\u{a0}']);
        let units = ["%", "％", "percent", "per cent", "prozent", "ms"];
        let unit = units
            .iter()
            .find(|unit| behind.starts_with(**unit))
            .map(|unit| if *unit == "ms" { "ms" } else { "%" });
        let is_word = lower[..start].ends_with(|c: char| c.is_ascii_alphabetic());
        if let (Some(unit), Ok(number), false) = (unit, digits.replace(',', ".").parse(), is_word) {
            found.push((start, number, unit));
        }
        at = start + length.max(1);
    }
    found
}
