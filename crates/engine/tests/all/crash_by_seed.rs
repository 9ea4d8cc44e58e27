//! Several crashes in one release, placed by a seed: on the way forward, and on the way back from every
//! step that can fail.

use std::collections::BTreeSet;

use tminus_release::plan::{OnFailure, Plan, Undo};
use tminus_testkit::runbooks;
use tminus_testkit::sim::Crash;

use crate::crash_everywhere::{Undisturbed, crashed, everything, lighten, runtime, undisturbed};

/// xorshift64: good enough to place crashes, and the seed tells the run again.
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// One to five crashes, each somewhere in the first half of what a process has to do. One that comes
    /// later than a process's end does not happen.
    fn crashes(&mut self, expected: &Undisturbed) -> Vec<Crash> {
        (0..1 + self.below(5))
            .map(|_| {
                let write = 1 + self.below(expected.2.div_ceil(2));
                let act = 1 + self.below(expected.3.div_ceil(2));
                match self.below(4) {
                    0 => Crash::BeforeWrite(write),
                    1 => Crash::AfterWrite(write),
                    2 => Crash::BeforeEffect(act),
                    _ => Crash::AfterEffect(act),
                }
            })
            .collect()
    }
}

async fn by_seeds(plan: &Plan, failing: &BTreeSet<String>, seeds: std::ops::Range<u64>) {
    let expected = undisturbed(plan, failing).await;
    for seed in seeds {
        let mut chance = Chance::new(seed);
        let crashes = chance.crashes(&expected);
        crashed(plan, failing, &crashes, chance.below(2) == 0, &expected).await;
    }
}

/// From every step with an effect, alone and with an undo that fails as well.
async fn back_by_seeds(plan: &Plan, seeds: u64) {
    let mut plan = plan.clone();
    plan.policy.on_failure = OnFailure::Rollback;
    let undoable = |undo: &Undo| matches!(undo, Undo::Step(_));
    let steps: Vec<_> = plan.steps.iter().filter(|step| step.has_effect() && !step.on_demand).collect();
    for (number, step) in (0..).zip(&steps) {
        let mut failing = BTreeSet::from([format!("forward {}", step.id)]);
        by_seeds(&plan, &failing, number * seeds..(number + 1) * seeds).await;
        if let Some(stuck) =
            steps[..=usize::try_from(number).expect("small")].iter().find(|step| undoable(&step.undo))
        {
            failing.insert(format!("undo {}", stuck.id));
            by_seeds(&plan, &failing, number * seeds..(number + 1) * seeds).await;
        }
    }
}

#[test]
fn crash_everywhere_several_times_by_seed() {
    runtime().block_on(async {
        by_seeds(&everything(), &BTreeSet::new(), 0..300).await;
        back_by_seeds(&everything(), 40).await;
    });
}

#[test]
fn crash_everywhere_several_times_by_seed_in_each_runbook_of_the_project() {
    std::thread::scope(|scope| {
        for (name, mut plan) in runbooks::all() {
            lighten(&mut plan);
            let crash = move || {
                runtime().block_on(async {
                    by_seeds(&plan, &BTreeSet::new(), 0..40).await;
                    back_by_seeds(&plan, 6).await;
                });
            };
            std::thread::Builder::new().name(name).spawn_scoped(scope, crash).expect("a thread");
        }
    });
}
