//! A plan made ready for deciding: ids turned into indexes, digest computed when it is first asked for.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::plan::{Action, Lane, PLAN_FORMAT, Plan, Resume, Step, StepId, Undo, When, Work};

/// A plan with its indexes. Built once for each release that is driven.
#[derive(Debug)]
pub struct Program {
    /// The plan as it was recorded.
    pub plan: Plan,
    digest: OnceLock<String>,
    by_id: HashMap<StepId, usize>,
    after: Vec<Vec<usize>>,
    order: Vec<usize>,
    places: Vec<usize>,
    narrow: Vec<bool>,
    dependents: Vec<Vec<usize>>,
    approvals: Vec<usize>,
    timed: Vec<usize>,
    tracks: Vec<Track>,
}

/// When a step gets its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// On the way forward.
    Forward,
    /// After the undos of a rollback.
    Rollback,
    /// At the end or when a rollback begins: a message with its own time.
    Message(When),
    /// Only as the undo or the verification of another step, or in a lane not taken.
    OnDemand,
}

/// A plan that cannot be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It may say what this version would not do.
    #[error("use the plan: it is of format {0}, and this tminus knows up to {PLAN_FORMAT}; use a newer one")]
    Newer(u32),
    /// Two steps with one id.
    #[error("use the plan: the id `{0}` is given to two steps")]
    Duplicate(StepId),
    /// A reference to a step that is not there.
    #[error("use the plan: `{from}` refers to `{to}`, which is no step of it")]
    Missing {
        /// The step with the reference.
        from: StepId,
        /// What it refers to.
        to: StepId,
    },
    /// Steps that wait for each other.
    #[error("use the plan: these steps wait for each other: {}", .0.iter().map(|id| id.0.as_str()).collect::<Vec<_>>().join(" → "))]
    Cycle(Vec<StepId>),
    /// A step names a phase that is not there.
    #[error("use the plan: `{0}` belongs to a phase that is not in the plan")]
    NoPhase(StepId),
    /// A step undoes itself.
    #[error("use the plan: `{0}` is its own undo")]
    OwnUndo(StepId),
}

impl Program {
    /// Checks a plan's references and indexes it.
    ///
    /// # Errors
    /// The first thing that makes the plan impossible to follow.
    pub fn new(plan: Plan) -> Result<Program, PlanError> {
        if plan.format > PLAN_FORMAT {
            return Err(PlanError::Newer(plan.format));
        }
        let mut by_id = HashMap::with_capacity(plan.steps.len());
        for (index, step) in plan.steps.iter().enumerate() {
            if by_id.insert(step.id.clone(), index).is_some() {
                return Err(PlanError::Duplicate(step.id.clone()));
            }
            if step.phase >= plan.phases.len() {
                return Err(PlanError::NoPhase(step.id.clone()));
            }
        }
        let mut after = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            let find = |id: &StepId| {
                by_id
                    .get(id)
                    .copied()
                    .ok_or_else(|| PlanError::Missing { from: step.id.clone(), to: id.clone() })
            };
            after.push(step.after.iter().map(find).collect::<Result<Vec<_>, _>>()?);
            if let Undo::Step(undo) = &step.undo
                && find(undo)? == by_id[&step.id]
            {
                return Err(PlanError::OwnUndo(step.id.clone()));
            }
            if let Resume::Verify(check) = &step.resume {
                find(check)?;
            }
            if let Work::Item(item) = &step.work {
                item.auto.iter().chain(&item.children).try_for_each(|id| find(id).map(drop))?;
            }
        }
        let tracks: Vec<Track> = plan.steps.iter().map(|step| track(&plan, step)).collect();
        let order = order(&plan, &after)?;
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &index)| places[index] = place);
        let narrow = narrow(&order, &places, &after, &tracks);
        let mut dependents = vec![Vec::new(); after.len()];
        for (step, before) in after.iter().enumerate() {
            before.iter().for_each(|&before| dependents[before].push(step));
        }
        let of_kind = |is: fn(&Work) -> bool| -> Vec<usize> {
            plan.steps.iter().enumerate().filter(|(_, step)| is(&step.work)).map(|(index, _)| index).collect()
        };
        let approvals = of_kind(|work| matches!(work, Work::Approval(_)));
        let timed = of_kind(|work| matches!(work, Work::Soak(_) | Work::Watch(_)));
        Ok(Program {
            plan,
            digest: OnceLock::new(),
            by_id,
            after,
            order,
            places,
            narrow,
            dependents,
            approvals,
            timed,
            tracks,
        })
    }

    /// Returns the plan's digest. It takes as long as writing the whole plan, and who only looks at a
    /// release does without.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| self.plan.digest())
    }

    /// Finds the index of a step.
    pub fn index(&self, id: &StepId) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Finds a step.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.index(id).map(|index| &self.plan.steps[index])
    }

    /// Returns the indexes of the steps that must be settled first.
    pub fn after(&self, index: usize) -> &[usize] {
        &self.after[index]
    }

    /// Tells when a step gets its turn.
    pub fn track(&self, index: usize) -> Track {
        self.tracks[index]
    }

    /// Returns the index of the step whose action reverses this one.
    pub fn undo_of(&self, index: usize) -> Option<usize> {
        match &self.plan.steps[index].undo {
            Undo::Step(id) => self.index(id),
            _ => None,
        }
    }

    /// Tells whether a person reverses this step: nothing can be run for that.
    pub fn is_undone_by_hand(&self, index: usize) -> bool {
        self.undo_of(index).is_some_and(|undo| !matches!(self.plan.steps[undo].work, Work::Act(_)))
    }

    /// Returns the indexes of the steps that wait for this one.
    pub fn dependents(&self, index: usize) -> &[usize] {
        &self.dependents[index]
    }

    /// Returns the indexes of the approvals.
    pub fn approvals(&self) -> &[usize] {
        &self.approvals
    }

    /// Returns the indexes of the soaks and watches.
    pub fn timed(&self) -> &[usize] {
        &self.timed
    }

    /// Returns the indexes so that each step comes after those it waits for.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Returns where in the order a step is.
    pub fn place(&self, index: usize) -> usize {
        self.places[index]
    }

    /// Tells whether every later step of the way forward waits for this one, itself or through others.
    pub fn is_narrow(&self, index: usize) -> bool {
        self.narrow[index]
    }
}

/// Finds the steps that the whole rest of the way forward waits for. By induction along the order:
/// it does when each later step waits for some step that is not before this one.
fn narrow(order: &[usize], places: &[usize], after: &[Vec<usize>], tracks: &[Track]) -> Vec<bool> {
    let is_forward = |index: usize| tracks[index] == Track::Forward;
    let mut narrow = vec![false; order.len()];
    // The earliest end of the edges that lead to later steps, counted from 1; 0 for a step without any.
    let mut earliest = usize::MAX;
    for (place, &index) in order.iter().enumerate().rev().filter(|(_, index)| is_forward(**index)) {
        narrow[index] = earliest > place;
        let before = after[index].iter().filter(|before| is_forward(**before));
        earliest = earliest.min(before.map(|&before| places[before] + 1).max().unwrap_or(0));
    }
    narrow
}

/// Sorts the steps by their edges, without recursion: plans of 10,000 chained steps are normal.
fn order(plan: &Plan, after: &[Vec<usize>]) -> Result<Vec<usize>, PlanError> {
    let mut order = Vec::with_capacity(after.len());
    let mut open = vec![0_usize; after.len()];
    let mut on_path = vec![false; after.len()];
    for root in 0..after.len() {
        let mut path = vec![root];
        while let Some(&step) = path.last() {
            on_path[step] = true;
            let Some(&before) = after[step].get(open[step]) else {
                // A step is reached once for each edge to it, and sorted the first time.
                if open[step] != usize::MAX {
                    open[step] = usize::MAX;
                    order.push(step);
                }
                on_path[step] = false;
                path.pop();
                continue;
            };
            open[step] += 1;
            if on_path[before] {
                let start = path.iter().position(|&other| other == before).unwrap_or(0);
                let mut ids: Vec<StepId> =
                    path[start..].iter().rev().map(|&index| plan.steps[index].id.clone()).collect();
                ids.push(ids[0].clone());
                return Err(PlanError::Cycle(ids));
            }
            if open[before] != usize::MAX {
                path.push(before);
            }
        }
    }
    Ok(order)
}

fn track(plan: &Plan, step: &Step) -> Track {
    if let Work::Act(Action::Notify(notify)) = &step.work
        && notify.when != When::InOrder
    {
        return Track::Message(notify.when);
    }
    match plan.lane_of(step) {
        _ if step.on_demand => Track::OnDemand,
        lane if lane == plan.lane => Track::Forward,
        Lane::Rollback => Track::Rollback,
        _ => Track::OnDemand,
    }
}
