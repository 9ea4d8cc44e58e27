//! Runs of workflows elsewhere: `.workflow`, as a shell step that dispatches one by curl, finds it
//! again by its marker, and follows it to its end.
//!
//! What was asked for once is looked at and never asked for again: a deployment that runs twice at the
//! same time is worse than one that nobody started.

use tminus_release::plan::{Resume, Undo};
use tminus_release::time::Span;

use super::database::quote;
use super::drafts::{Compiler, Place};
use super::recipe::{BothWays, Recipe, shell};
use crate::control::{Dispatch, Forge, Workflow};
use crate::outline::FenceUnit;

const HEAD: &str = include_str!("recipes/workflow_head.sh");
const GITHUB: &str = include_str!("recipes/workflow_github.sh");
const GITLAB: &str = include_str!("recipes/workflow_gitlab.sh");
const RUN: &str = include_str!("recipes/workflow_run.sh");
const FORWARD: &str = include_str!("recipes/workflow_forward.sh");
const UNDO: &str = include_str!("recipes/workflow_undo.sh");

/// Beside the time of the run: until it is found, and until it is over when it was cancelled.
const AROUND: Span = Span::minutes(10);

impl Compiler<'_> {
    pub(super) fn workflow(&mut self, place: &Place<'_>, fence: &FenceUnit, workflow: &Workflow) {
        if !self.is_no_check(place, fence, "workflow") {
            return;
        }
        self.known_secrets(place, [workflow.token.clone()]);
        let Some(forward) = self.dispatched(place, workflow, &workflow.forward) else { return };
        let own = self.one_host(place, fence, "one dispatches it");
        let folder = self.recipe_folder(place, fence);
        // The way back waits for the run that it takes back, and then for its own.
        let timeout =
            |runs: u64| Span(workflow.within.0.saturating_mul(runs).saturating_add(AROUND.0 * runs));
        let forward =
            Recipe { title: format!("Run {}", said(workflow, &workflow.forward)), script: forward + FORWARD };
        let Some(undo) = &workflow.undo else {
            let id = self.default_ids[place.index].clone();
            let work = shell("workflow", forward.script, folder, own);
            let at = self.add_step(place, id, forward.title, work);
            let step = &mut self.drafts[at].step;
            (step.resume, step.timeout, step.undo) = (Resume::Rerun, timeout(1), Undo::Unstated);
            self.attributes(at, fence, place);
            return;
        };
        let Some(back) = self.dispatched(place, workflow, undo) else { return };
        let back = Recipe {
            title: format!("Take back by {}", said(workflow, undo)),
            script: format!("{back}forward={}\n{UNDO}", quote(&workflow.forward.workflow)),
        };
        let both = BothWays { kind: "workflow", timeout: timeout(2), own, folder, forward, back };
        self.with_way_back(place, fence, both);
    }

    /// The values of the document and what both ways do. None: a fault was reported.
    fn dispatched(&mut self, place: &Place<'_>, workflow: &Workflow, way: &Dispatch) -> Option<String> {
        let reference = self.bound_word(place, "ref", &way.reference)?;
        let mut inputs = Vec::new();
        for (name, written) in &way.inputs {
            inputs.push(quote(&format!("{name}={}", self.bound_text(place, name, written)?)));
        }
        let (provider, functions) = match workflow.forge {
            Forge::GitHub => ("github", GITHUB),
            Forge::GitLab => ("gitlab", GITLAB),
        };
        // What differs between two such steps comes first: a screen shows the first lines.
        Some(format!(
            "inputs=({})\nref={}\nrepo={}\nworkflow={}\nprovider={provider}\nmarker={}\ntoken={}\nwithin={}\nname={}\n{HEAD}\n{functions}\n{RUN}\n",
            inputs.join(" "),
            quote(&reference),
            quote(&workflow.repo),
            quote(&way.workflow),
            quote(&workflow.marker),
            quote(&workflow.token),
            workflow.within.0.div_ceil(1000),
            quote(&self.record_name(place.index, place.run.as_deref())),
        ))
    }
}

fn said(workflow: &Workflow, way: &Dispatch) -> String {
    match workflow.forge {
        Forge::GitHub => format!("the workflow {} of {}", way.workflow, workflow.repo),
        Forge::GitLab => format!("a pipeline of {}", workflow.repo),
    }
}
