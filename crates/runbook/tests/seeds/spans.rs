//! Compares the times that a document names with those that are labelled.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use super::tally::Tally;

/// Each time that was found stands for one label, so that two labels need two of them.
pub(super) fn compare(tally: &mut Tally, found: &[Value], labels: &[String]) {
    let texts: Vec<&str> = found.iter().map(|one| one["text"].as_str().unwrap_or("")).collect();
    let mut left: BTreeSet<usize> = (0..found.len()).collect();
    for label in labels {
        let wanted = spans(label);
        let met = if wanted.is_empty() {
            let words = words(label);
            left.iter().find(|at| words.is_subset(&self::words(texts[**at]))).map(|at| vec![*at])
        } else {
            let alone = left.iter().find(|at| spans(texts[**at]) == wanted).map(|at| vec![*at]);
            alone.or_else(|| on_one_line(found, &texts, &left, &wanted))
        };
        tally.item("durations", label, met.is_some(), ());
        met.into_iter().flatten().for_each(|at| {
            left.remove(&at);
        });
    }
}

/// A label that names several times of one line, each of which was found by itself.
fn on_one_line(
    found: &[Value],
    texts: &[&str],
    left: &BTreeSet<usize>,
    wanted: &BTreeSet<String>,
) -> Option<Vec<usize>> {
    let line = |at: usize| found[at]["line"].as_u64();
    left.iter().find_map(|first| {
        let together: Vec<usize> = left.iter().copied().filter(|at| line(*at) == line(*first)).collect();
        let all: BTreeSet<String> = together.iter().flat_map(|at| spans(texts[*at])).collect();
        (all == *wanted).then_some(together)
    })
}

/// The times in a text, each with its unit: `5 minutes`, `2-4 hours`, `02:00-04:00 utc`. A number
/// without a unit of time is none, but for what `sleep` is given.
fn spans(text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(
        r"(?P<sleep>sleep )?(?P<number>\d[\d:.]*(?:-\d[\d:.]*)?)[\s-]*(?P<unit>(?:business )?[a-z]+)?",
    )
    .expect("a constant pattern");
    let text = text.to_lowercase();
    let span = |found: regex::Captures<'_>| {
        let written = found.name("unit").map_or("", |unit| unit.as_str());
        let unit = match written.strip_suffix('s').filter(|one| !one.is_empty()).unwrap_or(written) {
            "second" | "sec" | "s" => "second",
            "minute" | "min" | "m" => "minute",
            "hour" | "hr" | "h" => "hour",
            "day" | "d" => "day",
            "business day" => "business day",
            "week" | "w" => "week",
            "month" => "month",
            "utc" => "utc",
            _ if found.name("sleep").is_some() => "second",
            _ => return None,
        };
        Some(format!("{} {unit}", &found["number"]))
    };
    pattern.captures_iter(&text).filter_map(span).collect()
}

/// The words of a time without a number, but for those that only join them.
fn words(text: &str) -> BTreeSet<String> {
    const JOINS: [&str; 4] = ["of", "the", "for", "in"];
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !JOINS.contains(word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn times_are_the_same_only_with_the_same_unit() {
    for (left, right, same) in [
        ("5 minutes", "after 5 min", true),
        ("5 minutes", "5 months", false),
        ("Minimum 4 hours (24 hours for major releases)", "24 hours", false),
        ("T-2 days before release", "2 days", true),
        ("5 business days", "5 days", false),
        ("sleep 10", "10 seconds", true),
        ("P1 30 minutes", "P1 (High): 30 minutes", true),
    ] {
        assert_eq!(spans(left) == spans(right), same, "{left} / {right}");
    }
}
