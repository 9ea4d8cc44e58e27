//! Turns document order into edges.
//!
//! Steps of a lane form a chain. Items beside each other are open at once, and what follows waits
//! for all of them. A step that names what it waits for (`needs=`, an item with its check, an item
//! with items below it) is taken out of the chain: it starts after those, and what follows its
//! place waits for it. When what it names stands later in the document, its place is after that,
//! so an item before its check is no deadlock.

use std::collections::{BTreeMap, BTreeSet};

use tminus_release::plan::{Lane, StepId};

use super::drafts::{Compiler, Placement};
use super::links::Names;
use crate::diagnostic::Severity;

/// A step's place among those of its lane.
#[derive(Clone, Debug)]
struct Slot {
    draft: usize,
    /// Steps that are open together have the same group.
    group: usize,
    /// What it starts after, instead of what stands before it.
    anchors: Vec<usize>,
}

impl Compiler<'_> {
    /// Fills `after` of every step.
    pub(super) fn connect(&mut self, names: &Names) {
        let needs = self.needs(names);
        for forward in [true, false] {
            let slots = self.slots(forward, &needs);
            self.connect_lane(&slots);
        }
    }

    /// Resolves `needs=` to drafts; reports what is missing.
    fn needs(&mut self, names: &Names) -> BTreeMap<usize, Vec<usize>> {
        let mut needs = BTreeMap::new();
        for at in 0..self.drafts.len() {
            for reference in self.drafts[at].needs.clone() {
                let Some(target) = self.target(at, &reference, names, "needs") else { continue };
                if !self.is_in_order(target) {
                    let message =
                        format!("`{}` runs only on demand, so nothing can wait for it", reference.name);
                    self.faults.add("T905", Severity::Error, reference.bytes, message);
                    continue;
                }
                let lanes = [at, target].map(|draft| self.lane(draft) == Lane::Rollback);
                if lanes[0] != lanes[1] {
                    let message = format!("`{}` is in another lane, so it may never run", reference.name);
                    self.faults.add("T905", Severity::Error, reference.bytes, message);
                    continue;
                }
                needs.entry(at).or_insert_with(Vec::new).push(target);
            }
            if let Some(auto) = self.drafts[at].auto.clone()
                && let Some(target) = names.find(&auto.name, self.drafts[at].run.as_deref())
                && (self.lane(at) == Lane::Rollback) == (self.lane(target) == Lane::Rollback)
            {
                needs.entry(at).or_insert_with(Vec::new).push(target);
            }
        }
        for (at, draft) in self.drafts.iter().enumerate() {
            if let Placement::Item(children) = &draft.placement
                && !children.is_empty()
            {
                needs.entry(at).or_insert_with(Vec::new).extend(children);
            }
        }
        self.refuse_cycles(&mut needs);
        needs
    }

    fn lane(&self, draft: usize) -> Lane {
        self.phases.all[self.drafts[draft].step.phase].lane
    }

    /// Reports each circle of `needs` once and opens it.
    fn refuse_cycles(&mut self, needs: &mut BTreeMap<usize, Vec<usize>>) {
        while let Some(cycle) = find_cycle(needs) {
            let ids: Vec<&str> =
                cycle.iter().chain(cycle.first()).map(|at| self.drafts[*at].step.id.as_str()).collect();
            let message = format!("these steps wait for each other and none can start: {}", ids.join(" → "));
            let line = self.drafts[cycle[0]].step.line;
            self.faults
                .add_at_line("T913", Severity::Error, line, message)
                .help("take one of the names out of `needs`");
            needs.remove(&cycle[0]);
        }
    }

    /// Lists the steps of the forward lanes or of the rollback lane, in document order.
    fn slots(&self, forward: bool, needs: &BTreeMap<usize, Vec<usize>>) -> Vec<Slot> {
        let mut slots: Vec<Slot> = Vec::new();
        let mut previous: Option<usize> = None;
        let mut group = 0;
        for at in 0..self.drafts.len() {
            if (self.lane(at) == Lane::Rollback) == forward || !self.is_in_order(at) {
                continue;
            }
            if previous.is_none_or(|before| !self.are_open_together(before, at)) {
                group += 1;
            }
            previous = Some(at);
            let anchors = needs.get(&at).cloned().unwrap_or_default();
            slots.push(Slot { draft: at, group, anchors });
        }
        slots
    }

    fn are_open_together(&self, before: usize, at: usize) -> bool {
        let (left, right) = (&self.drafts[before], &self.drafts[at]);
        let same_place = left.section == right.section && left.run == right.run;
        let lists = matches!((&left.placement, &right.placement), (Placement::Item(_), Placement::Item(_)));
        let parallel = left.placement == Placement::Parallel && right.placement == Placement::Parallel;
        // A code block between two items divides them, and it would stand between them here too.
        same_place && (lists || parallel)
    }

    fn connect_lane(&mut self, slots: &[Slot]) {
        let mut lane: Vec<Option<&Slot>> = vec![None; self.drafts.len()];
        slots.iter().for_each(|slot| lane[slot.draft] = Some(slot));
        let latest = |own: &Slot, needed: Option<usize>| needed.map_or(own.group, |at| at.max(own.group));
        let effective = settle(&lane, latest);
        // How many anchored steps stand between a step and the chain.
        let depths = settle(&lane, |_, needed| needed.map_or(0, |depth| depth + 1));
        let mut order: Vec<&Slot> = slots.iter().collect();
        // At one place the chain comes first; then those that wait for something, deepest last.
        order.sort_by_key(|slot| {
            (effective[slot.draft], !slot.anchors.is_empty(), depths[slot.draft], slot.draft)
        });
        let mut tail: BTreeSet<usize> = BTreeSet::new();
        let mut phase_tail: BTreeSet<usize> = BTreeSet::new();
        let mut phase = None;
        let mut at = 0;
        while at < order.len() {
            let here = effective[order[at].draft];
            let end = at + order[at..].iter().take_while(|slot| effective[slot.draft] == here).count();
            let own_phase = self.drafts[order[at].draft].step.phase;
            if phase != Some(own_phase) {
                phase = Some(own_phase);
                phase_tail = tail.clone();
            }
            let (chained, anchored): (Vec<&Slot>, Vec<&Slot>) =
                order[at..end].iter().partition(|slot| slot.anchors.is_empty());
            if !chained.is_empty() {
                for slot in &chained {
                    self.set_after(slot.draft, tail.iter().copied());
                }
                tail = chained.iter().map(|slot| slot.draft).collect();
            }
            for slot in anchored {
                let after: BTreeSet<usize> = slot.anchors.iter().chain(&phase_tail).copied().collect();
                // What its anchors wait for is waited for already.
                let direct =
                    |step: &usize| slot.anchors.contains(step) || !self.is_awaited(&slot.anchors, *step);
                let after: Vec<usize> = after.into_iter().filter(direct).collect();
                self.set_after(slot.draft, after.into_iter());
                slot.anchors.iter().for_each(|anchor| _ = tail.remove(anchor));
                tail.insert(slot.draft);
            }
            at = end;
        }
    }

    /// Tells whether one of the anchors waits for a step directly; then naming it again adds nothing.
    fn is_awaited(&self, anchors: &[usize], step: usize) -> bool {
        let id = &self.drafts[step].step.id;
        anchors.iter().any(|anchor| self.drafts[*anchor].step.after.contains(id))
    }

    fn set_after(&mut self, draft: usize, after: impl Iterator<Item = usize>) {
        let ids: Vec<StepId> =
            after.filter(|step| *step != draft).map(|step| self.drafts[step].step.id.clone()).collect();
        self.drafts[draft].step.after = ids;
    }
}

/// Gives each step of a lane a number by its slot and the largest number of those it waits for there. The
/// lane has a place for each draft.
fn settle(lane: &[Option<&Slot>], number: impl Fn(&Slot, Option<usize>) -> usize) -> Vec<Option<usize>> {
    let mut settled: Vec<Option<usize>> = vec![None; lane.len()];
    for slot in lane.iter().flatten() {
        // Explicit stack: a chain of needs may be as long as the document.
        let mut stack = vec![*slot];
        while let Some(top) = stack.last().copied() {
            if settled[top.draft].is_some() {
                stack.pop();
                continue;
            }
            let open = top.anchors.iter().filter(|step| settled[**step].is_none());
            let pending: Vec<&Slot> = open.filter_map(|step| lane[*step]).collect();
            if pending.is_empty() {
                let largest = top.anchors.iter().filter_map(|step| settled[*step]).max();
                settled[top.draft] = Some(number(top, largest));
                stack.pop();
            } else {
                stack.extend(pending);
            }
        }
    }
    settled
}

/// Finds a circle, as the drafts on it in order.
fn find_cycle(needs: &BTreeMap<usize, Vec<usize>>) -> Option<Vec<usize>> {
    let mut done: BTreeSet<usize> = BTreeSet::new();
    for start in needs.keys() {
        let mut path: Vec<usize> = Vec::new();
        let mut on_path: BTreeSet<usize> = BTreeSet::new();
        let mut stack: Vec<(usize, usize)> = vec![(*start, 0)];
        while let Some((at, next)) = stack.pop() {
            if next == 0 {
                if done.contains(&at) {
                    continue;
                }
                path.push(at);
                on_path.insert(at);
            }
            let targets = needs.get(&at).map_or(&[][..], Vec::as_slice);
            match targets.get(next) {
                Some(target) if on_path.contains(target) => {
                    let from = path.iter().position(|step| step == target).unwrap_or(0);
                    return Some(path[from..].to_vec());
                }
                Some(target) => {
                    stack.push((at, next + 1));
                    stack.push((*target, 0));
                }
                None => {
                    done.insert(at);
                    on_path.remove(&at);
                    path.pop();
                }
            }
        }
    }
    None
}
