//! Go to: from the name of a step to the step, and from a step to what takes it back.

use std::ops::Range;

use tminus_runbook::outline::FenceUnit;

use crate::place::{Page, Part, part_at};

/// Keys whose values name steps.
const REFERENCES: [&str; 3] = ["undo", "verify", "needs"];

/// Returns the bytes of the step that the word at a byte leads to.
pub(crate) fn definition(page: &Page<'_>, offset: usize) -> Option<Range<usize>> {
    if let Some((_, fence)) = page.fence_at(offset) {
        let attributes = fence.info.attributes.as_ref()?;
        let named = match part_at(attributes, offset) {
            Some(Part::Value(key, word)) if REFERENCES.contains(&key) => {
                name_in_list(&word.text, offset - word.start)
            }
            // Anywhere else in a step, the way leads to its undo.
            _ => attributes.value("undo", None).map(|word| word.text.as_str()),
        };
        return target(page, named?);
    }
    let item = page.item_at(offset)?;
    target(page, item.auto.as_deref()?)
}

fn target(page: &Page<'_>, id: &str) -> Option<Range<usize>> {
    page.fence_called(id).map(|(_, fence)| id_bytes(fence).unwrap_or(fence.start..fence.start))
}

fn id_bytes(fence: &FenceUnit) -> Option<Range<usize>> {
    let id = fence.info.attributes.as_ref()?.id.as_ref()?;
    Some(id.start..id.end)
}

/// Returns the name of a list `a,b` at a byte of it.
fn name_in_list(list: &str, at: usize) -> Option<&str> {
    let mut start = 0;
    for name in list.split(',') {
        if at <= start + name.len() {
            return Some(name.trim());
        }
        start += name.len() + 1;
    }
    None
}
