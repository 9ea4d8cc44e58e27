//! Which block of a rollback section takes which step back, where that is certain.
//!
//! A wrong undo is worse than none: it runs at three in the morning, by itself. So a pair is only
//! made where there is one candidate on either side, or where the commands are each other's
//! reverse; everything else becomes a question.

use std::collections::BTreeMap;

use tminus_release::plan::Lane;

use crate::outline::Outline;
use crate::shell::CommandUse;

use super::blocks::{Block, Class};

/// Writes the undo of each step that has one for certain.
pub(super) fn pair(outline: &Outline, blocks: &mut [Block]) {
    let lane = |block: &Block| outline.sections[block.section].lane;
    let of_lane = |blocks: &[Block], wanted: Lane| -> Vec<usize> {
        let indices = 0..blocks.len();
        indices
            .filter(|at| {
                let block = &blocks[*at];
                lane(block) == wanted && block.class.is_none() && block.changes_something()
            })
            .collect()
    };
    let (forward, back) = (of_lane(blocks, Lane::Main), of_lane(blocks, Lane::Rollback));
    let mut candidates: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for from in &forward {
        for to in &back {
            let (step, undo) = (&blocks[*from], &blocks[*to]);
            if same_place(outline, step, undo)
                && (reverses(step, undo) || alone(outline, blocks, &forward, &back, *from, *to))
            {
                candidates.entry(*from).or_default().push(*to);
            }
        }
    }
    let mut used: BTreeMap<usize, usize> = BTreeMap::new();
    candidates.values().flatten().for_each(|to| *used.entry(*to).or_default() += 1);
    for (from, to) in candidates {
        // One on either side.
        let [to] = to.as_slice() else { continue };
        if used[to] != 1 {
            continue;
        }
        blocks[from].undo = Some(blocks[*to].id.clone());
        blocks[*to].class = Some(Class::Undo);
    }
}

/// Steps of different environments never take each other back.
fn same_place(outline: &Outline, step: &Block, undo: &Block) -> bool {
    let places = |block: &Block| {
        outline
            .chain(block.section)
            .map(|at| &outline.sections[at].environments)
            .find(|names| !names.is_empty())
    };
    match (places(step), places(undo)) {
        (Some(step), Some(undo)) => step == undo,
        _ => true,
    }
}

/// The only step of its phase and the only way back in it; or the only ones of the whole document.
fn alone(
    outline: &Outline,
    blocks: &[Block],
    forward: &[usize],
    back: &[usize],
    from: usize,
    to: usize,
) -> bool {
    let phase = |at: usize| outline.sections[blocks[at].section].phase;
    let in_phase = |all: &[usize]| all.iter().filter(|at| phase(**at) == phase(from)).count();
    let own_phase = phase(from) == phase(to) && in_phase(forward) == 1 && in_phase(back) == 1;
    own_phase || forward.len() == 1 && back.len() == 1
}

/// Tells whether commands are each other's reverse: the same tool on the same thing.
fn reverses(step: &Block, undo: &Block) -> bool {
    let (Some(step), Some(undo)) = (&step.survey, &undo.survey) else { return false };
    undo.commands.iter().filter_map(taken_back).any(|back| {
        let done: Vec<_> = step.commands.iter().filter_map(done).collect();
        done.contains(&back)
    })
}

/// Tool, namespace and thing that a command changes.
type Thing = (&'static str, Option<String>, String);

fn done(command: &CommandUse) -> Option<Thing> {
    let words = words(command);
    match (command.program.as_str(), words.as_slice()) {
        ("kubectl", ["set", "image", thing, ..]) => {
            Some(("kubectl", namespace(command), (*thing).to_owned()))
        }
        ("helm", ["upgrade" | "install", release, ..]) => {
            Some(("helm", namespace(command), (*release).to_owned()))
        }
        _ => None,
    }
}

fn taken_back(command: &CommandUse) -> Option<Thing> {
    let words = words(command);
    match (command.program.as_str(), words.as_slice()) {
        ("kubectl", ["rollout", "undo", thing]) => Some(("kubectl", namespace(command), (*thing).to_owned())),
        ("helm", ["rollback", release, ..]) => Some(("helm", namespace(command), (*release).to_owned())),
        _ => None,
    }
}

const NAMESPACE: [&str; 2] = ["-n", "--namespace"];

/// The words of a command that are no options and not the namespace.
fn words(command: &CommandUse) -> Vec<&str> {
    let mut words = Vec::new();
    let mut arguments = command.arguments.iter();
    while let Some(word) = arguments.next() {
        if NAMESPACE.contains(&word.as_str()) {
            arguments.next();
        } else if !word.starts_with('-') {
            words.push(word.as_str());
        }
    }
    words
}

fn namespace(command: &CommandUse) -> Option<String> {
    let mut pairs = command.arguments.windows(2);
    let apart = pairs.find(|pair| NAMESPACE.contains(&pair[0].as_str())).map(|pair| pair[1].clone());
    apart.or_else(|| {
        command.arguments.iter().find_map(|word| word.strip_prefix("--namespace=").map(str::to_owned))
    })
}
