//! What stands at a place of a document: a fence, a word in its braces, a word in running text.

use std::ops::Range;

use tminus_runbook::attributes::{Attributes, Word};
use tminus_runbook::check::Checked;
use tminus_runbook::outline::{FenceUnit, ItemUnit, Outline, Unit, UnitKind};

/// A document under an editor, looked through.
pub(crate) struct Page<'a> {
    pub(crate) text: &'a str,
    pub(crate) checked: &'a Checked,
}

impl<'a> Page<'a> {
    pub(crate) fn outline(&self) -> &'a Outline {
        &self.checked.compiled.outline
    }

    /// Returns every fence with its unit.
    pub(crate) fn fences(&self) -> impl Iterator<Item = (&'a Unit, &'a FenceUnit)> {
        self.outline().units.iter().filter_map(|unit| match &unit.kind {
            UnitKind::Fence(fence) => Some((unit, fence.as_ref())),
            _ => None,
        })
    }

    /// Returns the fence that holds a byte.
    pub(crate) fn fence_at(&self, offset: usize) -> Option<(&'a Unit, &'a FenceUnit)> {
        self.fences().find(|(_, fence)| fence.start <= offset && offset <= fence.end)
    }

    /// Returns the fence that has an id.
    pub(crate) fn fence_called(&self, id: &str) -> Option<(&'a Unit, &'a FenceUnit)> {
        self.fences().find(|(_, fence)| fence.id() == Some(id))
    }

    /// Returns the checklist item on the line that holds a byte.
    pub(crate) fn item_at(&self, offset: usize) -> Option<&'a ItemUnit> {
        let start = self.text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[offset..].find('\n').map_or(self.text.len(), |at| offset + at);
        self.outline().units.iter().find_map(|unit| match &unit.kind {
            UnitKind::Item(item) if (start..end).contains(&item.box_start) => Some(item),
            _ => None,
        })
    }

    /// Returns all ids that the author gave, in document order.
    pub(crate) fn ids(&self) -> Vec<&'a str> {
        self.fences().filter_map(|(_, fence)| fence.id()).collect()
    }
}

/// A word in the braces of a fence.
pub(crate) enum Part<'a> {
    /// The step's own id.
    Id(&'a Word),
    Class(&'a Word),
    Key(&'a Word),
    /// A key's value.
    Value(&'a str, &'a Word),
}

impl Part<'_> {
    /// The bytes of the word.
    pub(crate) fn bytes(&self) -> Range<usize> {
        let (Part::Id(word) | Part::Class(word) | Part::Key(word) | Part::Value(_, word)) = self;
        word.start..word.end
    }
}

/// Returns the word of a fence's braces at a byte.
pub(crate) fn part_at(attributes: &Attributes, offset: usize) -> Option<Part<'_>> {
    let here = |word: &&Word| word.start <= offset && offset <= word.end;
    if let Some(id) = attributes.id.as_ref().filter(here) {
        return Some(Part::Id(id));
    }
    if let Some(class) = attributes.classes.iter().find(here) {
        return Some(Part::Class(class));
    }
    attributes.pairs.iter().find_map(|pair| {
        if here(&&pair.key) {
            return Some(Part::Key(&pair.key));
        }
        here(&&pair.value).then_some(Part::Value(&pair.key.text, &pair.value))
    })
}
