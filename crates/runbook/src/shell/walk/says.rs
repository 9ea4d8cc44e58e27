//! Commands that only print, and so succeed whatever happened before them.

use brush_parser::ast::{
    Command, CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList, Pipeline, SimpleCommand,
};

use super::super::CommandUse;

/// Tells whether a pipeline only prints, so that it succeeds whatever happened before it.
pub(super) fn always_succeeds(pipeline: &Pipeline) -> bool {
    pipeline.seq.iter().all(|command| match command {
        Command::Simple(simple) => {
            simple.word_or_name.as_ref().is_some_and(|word| match word.value.as_str() {
                "echo" | "printf" | "true" | ":" | "logger" | "tee" | "cat" => true,
                "exit" | "return" => ends_well(simple),
                _ => false,
            })
        }
        Command::Compound(CompoundCommand::BraceGroup(group), _) => list_succeeds(&group.list),
        Command::Compound(CompoundCommand::Subshell(shell), _) => list_succeeds(&shell.list),
        _ => false,
    })
}

/// `exit 0`
fn ends_well(command: &SimpleCommand) -> bool {
    let mut items = command.suffix.iter().flat_map(|suffix| &suffix.0);
    matches!(items.next(), Some(Item::Word(word)) if word.value == "0")
}

/// Which of a condition's commands decides it: the only one, beside what it takes in by `$(…)`.
pub(super) fn only_question(asked: &[CommandUse]) -> Option<usize> {
    let mut plain = (0..asked.len()).filter(|at| !asked[*at].place.substituted);
    match (plain.next(), plain.next()) {
        (None, _) => (asked.len() == 1).then_some(0),
        (one, None) => one,
        _ => None,
    }
}

pub(super) fn is_negated(list: &CompoundList) -> bool {
    matches!(&list.0[..], [only] if only.0.additional.is_empty() && only.0.first.bang)
}

/// Tells whether all that a branch does is to print.
pub(super) fn list_says(list: &CompoundList) -> bool {
    !list.0.is_empty()
        && list.0.iter().all(|item| {
            let pipeline = &item.0.first;
            item.0.additional.is_empty()
                && !pipeline.bang
                && pipeline.seq.len() == 1
                && pipeline.seq.iter().all(|command| match command {
                    Command::Simple(simple) => simple
                        .word_or_name
                        .as_ref()
                        .is_some_and(|word| matches!(word.value.as_str(), "echo" | "printf")),
                    _ => false,
                })
        })
}

fn list_succeeds(list: &CompoundList) -> bool {
    !list.0.is_empty()
        && list.0.iter().all(|item| item.0.additional.is_empty() && always_succeeds(&item.0.first))
}
