//! Choices: which of several ways is taken, settled before the release starts.

use super::Request;
use crate::outline::{GroupKind, OptionGroup, Outline};

/// A choice that nobody has made yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenChoice {
    /// Under this name an option is given.
    pub id: String,
    /// The question.
    pub ask: String,
    /// The answers.
    pub options: Vec<String>,
    /// Line of the first option, from 1.
    pub line: u32,
}

/// What is to be done with a unit that is part of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is part of no choice, or of the chosen way.
    Taken,
    /// Another way was chosen.
    NotTaken,
    /// Nobody has chosen.
    Open,
}

/// Finds the option that was given for a choice.
pub(super) fn given<'a>(request: &'a Request, id: &str) -> Option<&'a str> {
    let found = request.choices.get(id).or_else(|| request.settings.choices.get(id));
    found.map(String::as_str)
}

/// Returns the index of the option that an answer means: its whole text, its label (`A` of
/// `Option A: …`), its number, or words that stand in only one of them.
pub(super) fn matching<S: AsRef<str>>(options: &[S], answer: &str) -> Option<usize> {
    let answer = answer.trim().to_lowercase();
    let lower: Vec<String> = options.iter().map(|option| option.as_ref().trim().to_lowercase()).collect();
    if let Some(exact) = lower.iter().position(|option| *option == answer) {
        return Some(exact);
    }
    let labelled = |option: &String| {
        let label = option.split([':', '-', '(']).next().unwrap_or("").trim();
        label == answer || label.split_whitespace().nth(1) == Some(answer.as_str())
    };
    if let Some(by_label) = lower.iter().position(labelled) {
        return Some(by_label);
    }
    // Two letters stand in too many words to mean one of them.
    let is_word = answer.chars().count() >= 3;
    let holding: Vec<usize> = lower
        .iter()
        .enumerate()
        .filter(|(_, option)| is_word && option.contains(&answer))
        .map(|(at, _)| at)
        .collect();
    match holding.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

/// Tells whether a way is taken.
pub(super) fn way(request: &Request, outline: &Outline, option: Option<(usize, usize)>) -> Way {
    let Some((group, way)) = option else { return Way::Taken };
    let group = &outline.groups[group];
    if group.kind != GroupKind::Choice {
        return Way::Taken;
    }
    match given(request, &group.id).and_then(|answer| matching(&texts(group), answer)) {
        Some(chosen) if chosen == way => Way::Taken,
        Some(_) => Way::NotTaken,
        None => Way::Open,
    }
}

/// Returns the ways of a group as texts.
pub(super) fn texts(group: &OptionGroup) -> Vec<String> {
    group.ways.iter().map(|way| way.text.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_finds_its_option() {
        let options = ["Option A: GitHub Actions Workflow", "Option B: Manual SSH Deployment"];
        let table = [
            ("A", Some(0)),
            ("option b", Some(1)),
            ("manual", Some(1)),
            ("Option A: GitHub Actions Workflow", Some(0)),
            ("deploy", Some(1)),
            ("option", None),
            ("", None),
            ("C", None),
        ];
        for (answer, expected) in table {
            assert_eq!(matching(&options, answer), expected, "{answer}");
        }
    }
}
