//! Default ids: the path of heading slugs and a position, for steps that the author did not name.
//!
//! They depend on the document alone, not on what of it runs, so that a sidecar and a plan name a
//! block the same way.

use std::collections::{HashMap, HashSet};

use super::{Outline, UnitKind};
use crate::names::slug;

/// Longest slug of an item's title in an id, in characters.
const LONGEST: usize = 48;

/// Returns an id for every unit, in the order of the units. Prose gets one as well; nobody sees it.
pub fn default_ids(outline: &Outline) -> Vec<String> {
    let mut fences_in: HashMap<usize, u32> = HashMap::new();
    for unit in &outline.units {
        if matches!(unit.kind, UnitKind::Fence(_)) {
            *fences_in.entry(unit.section).or_default() += 1;
        }
    }
    let mut positions: HashMap<(usize, u8), u32> = HashMap::new();
    let mut position = |section: usize, kind: u8| {
        let position = positions.entry((section, kind)).or_default();
        *position += 1;
        *position
    };
    let mut taken: HashSet<String> = outline
        .units
        .iter()
        .filter_map(|unit| match &unit.kind {
            UnitKind::Fence(fence) => fence.id().map(str::to_owned),
            _ => None,
        })
        .collect();
    let mut ids = Vec::with_capacity(outline.units.len());
    for unit in &outline.units {
        let path = &outline.sections[unit.section].path;
        let id = match &unit.kind {
            UnitKind::Fence(fence) => {
                let number = position(unit.section, 0);
                match (fence.id(), &unit.item_title) {
                    (Some(id), _) => {
                        ids.push(id.to_owned());
                        continue;
                    }
                    (None, Some(title)) => format!("{path}/{}", short(title)),
                    (None, None) if fences_in[&unit.section] == 1 => path.clone(),
                    (None, None) => format!("{path}/{number}"),
                }
            }
            UnitKind::Item(_) => format!("{path}/item-{}", position(unit.section, 1)),
            UnitKind::Point(_) => format!("{path}/step-{}", position(unit.section, 2)),
            UnitKind::Prose(_) => format!("{path}/text-{}", position(unit.section, 3)),
        };
        ids.push(unique(id, &mut taken));
    }
    ids
}

fn short(title: &str) -> String {
    let whole = slug(title);
    match whole.char_indices().nth(LONGEST) {
        Some((end, _)) => whole[..end].trim_end_matches('-').to_owned(),
        None => whole,
    }
}

fn unique(id: String, taken: &mut HashSet<String>) -> String {
    if taken.insert(id.clone()) {
        return id;
    }
    let mut number = 2;
    loop {
        let next = format!("{id}-{number}");
        if taken.insert(next.clone()) {
            return next;
        }
        number += 1;
    }
}
