//! Work in a Kubernetes cluster: `.deploy` with `target: kubernetes`, and `.job`, as shell steps that
//! call kubectl.
//!
//! The environment says in which context and namespace, in `tminus.toml`, and every call names both:
//! which cluster somebody looked at last must never decide where a release goes.

use tminus_release::plan::{Resume, Undo};
use tminus_release::time::Span;

use super::database::quote;
use super::drafts::{Compiler, Place};
use super::phases::runs;
use super::recipe::{BothWays, Recipe, shell};
use crate::control::{BlueGreen, ContainerImage, Job, Kubernetes};
use crate::diagnostic::Severity;
use crate::outline::{FenceUnit, UnitKind};

const COMMON: &str = include_str!("recipes/kubernetes.sh");
const WATCH: &str = include_str!("recipes/kubernetes_watch.sh");
const DEPLOY: &str = include_str!("recipes/kubernetes_deploy.sh");
const UNDO: &str = include_str!("recipes/kubernetes_undo.sh");
const SWITCH: &str = include_str!("recipes/kubernetes_switch.sh");
const SWITCH_DEPLOY: &str = include_str!("recipes/kubernetes_switch_deploy.sh");
const SWITCH_UNDO: &str = include_str!("recipes/kubernetes_switch_undo.sh");
const JOB: &str = include_str!("recipes/kubernetes_job.sh");

/// Values at the head of a script. What moves stands between the two: a screen shows the first lines.
struct Head {
    place: String,
    rest: String,
}

impl Compiler<'_> {
    pub(super) fn kubernetes(&mut self, place: &Place<'_>, fence: &FenceUnit, deploy: &Kubernetes) {
        let (Some(head), Some(images)) =
            (self.cluster_head(place, deploy.within), self.images(place, &deploy.images))
        else {
            return;
        };
        self.healthy(place, deploy.healthy.as_deref());
        let (what, count, moves, forward, back) = match &deploy.blue_green {
            Some(BlueGreen { service, pair }) => {
                let moves = format!("service={}\npair=({})\n", quote(service), words(pair));
                (service.clone(), 2, moves, [SWITCH, SWITCH_DEPLOY], [SWITCH, SWITCH_UNDO])
            }
            None => {
                let (workloads, apply) = (words(&deploy.services), words(&deploy.apply));
                let moves = format!("workloads=({workloads})\napply=({apply})\n");
                let count = deploy.services.len() as u64;
                (deploy.services.join(", "), count, moves, [DEPLOY, ""], [UNDO, ""])
            }
        };
        let head = format!("{}{moves}images=({})\n{}", head.place, words(&images), head.rest);
        let own = self.one_host(place, fence, "one tells the cluster");
        let script = |parts: [&str; 2]| format!("{head}{COMMON}\n{WATCH}\n{}{}", parts[0], parts[1]);
        // Each workload may take its time, and the looks before and after take theirs.
        let timeout = Span(deploy.within.0.saturating_mul(count).saturating_add(Span::minutes(5).0));
        let how = if deploy.blue_green.is_some() { "blue-green by Kubernetes" } else { "by Kubernetes" };
        let forward = Recipe { title: format!("Deploy {what} {how}"), script: script(forward) };
        let back =
            Recipe { title: format!("Bring back {what} as before this release"), script: script(back) };
        let both = BothWays { kind: "deploy", timeout, own, folder: ".".to_owned(), forward, back };
        self.with_way_back(place, fence, both);
    }

    pub(super) fn job(&mut self, place: &Place<'_>, fence: &FenceUnit, job: &Job) {
        let (Some(head), Some(images)) =
            (self.cluster_head(place, job.within), self.images(place, &job.images))
        else {
            return;
        };
        let own = self.one_host(place, fence, "one tells the cluster");
        let script = format!(
            "{}file={}\nimages=({})\ntakes_back={}\n{}{COMMON}\n{WATCH}\n{JOB}",
            head.place,
            quote(&job.file),
            words(&images),
            quote(&self.taken_back(place, fence).unwrap_or_default()),
            head.rest,
        );
        let id = self.default_ids[place.index].clone();
        let title = format!("Run the Job of {} in Kubernetes", job.file);
        let at = self.add_step(place, id, title, shell("job", script, ".".to_owned(), own));
        let step = &mut self.drafts[at].step;
        step.resume = Resume::Rerun;
        // The cluster ends a Job that takes too long; this only outlives it.
        step.timeout = Span(job.within.0.saturating_add(Span::minutes(5).0));
        step.undo = Undo::Unstated;
        self.attributes(at, fence, place);
    }

    /// The Job that names this one as its undo, by the folder of its record: when no container of it
    /// ever started, there is nothing to take back.
    fn taken_back(&self, place: &Place<'_>, fence: &FenceUnit) -> Option<String> {
        let (id, environment) = (fence.id()?, place.environment.as_deref());
        let found = self.outline.units.iter().position(|unit| match &unit.kind {
            UnitKind::Fence(other) => other.info.attributes.as_ref().is_some_and(|attributes| {
                attributes.has("job")
                    && attributes.value("undo", environment).is_some_and(|word| word.text == id)
            }),
            _ => false,
        })?;
        let phase = self.outline.sections[self.outline.units[found].section].phase?;
        let beside = runs(self.outline, phase).contains(&place.run);
        beside.then(|| self.record_name(found, place.run.as_deref()))
    }

    /// Where, and for how long, as the scripts have it.
    fn cluster_head(&mut self, place: &Place<'_>, within: Span) -> Option<Head> {
        let environments = &self.request.settings.environments;
        let own = environments.iter().find(|known| Some(&known.name) == place.environment.as_ref());
        let Some(cluster) = own.and_then(|own| own.kubernetes.as_ref()) else {
            let (message, help) = match &place.environment {
                Some(name) => (
                    format!("nothing says in which cluster {name} is"),
                    format!(
                        "add to tminus.toml: [environments.{name}.kubernetes] with context = \"…\" (a name that `kubectl config get-contexts` shows) and namespace = \"…\""
                    ),
                ),
                None => (
                    "nothing says in which cluster this acts: its phase has no environment".to_owned(),
                    "add a line `**Environment**: production` below the heading; tminus.toml says where that is"
                        .to_owned(),
                ),
            };
            self.faults.add_at_line("T912", Severity::Error, place.unit.line, message).help(help);
            return None;
        };
        let config =
            cluster.kubeconfig.as_ref().map_or(String::new(), |file| format!("--kubeconfig={}", quote(file)));
        let within = within.0.div_ceil(1000);
        let name = self.record_name(place.index, place.run.as_deref());
        Some(Head {
            place: format!("context={}\nnamespace={}\n", quote(&cluster.context), quote(&cluster.namespace)),
            rest: format!("patience={within}\nname={}\nconfig=({config})\n", quote(&name)),
        })
    }

    /// `deployment/web web=example.com/web:v2`, one for each container; without a workload, only the
    /// container.
    fn images(&mut self, place: &Place<'_>, images: &[ContainerImage]) -> Option<Vec<String>> {
        let mut all = Vec::new();
        for ContainerImage { workload, container, image } in images {
            let bound = self.bound_word(place, &format!("images: {container}"), image)?;
            let space = if workload.is_empty() { "" } else { " " };
            all.push(format!("{workload}{space}{container}={bound}"));
        }
        Some(all)
    }
}

fn words(words: &[String]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}
