//! Deployments by docker compose: `.deploy` as a shell step that calls it, with its way back.
//!
//! What ran before is recorded on the machine itself, by the id of the image, before anything
//! moves. So the way back needs neither a registry nor what a tag means by then.

use tminus_release::time::Span;

use super::bound::needs_no_late_values;
use super::database::quote;
use super::drafts::{Compiler, Place};
use super::files::SENT;
use super::recipe::{BothWays, Recipe};
use crate::control::{Deploy, Healthy, Turns};
use crate::diagnostic::Severity;
use crate::outline::{FenceUnit, UnitKind};

const COMPOSE: &str = include_str!("recipes/compose.sh");
const FORWARD: &str = include_str!("recipes/compose_forward.sh");
const BACK: &str = include_str!("recipes/compose_back.sh");
const DEPLOY: &str = include_str!("recipes/compose_deploy.sh");
const UNDO: &str = include_str!("recipes/compose_undo.sh");
const ALONE: &str = include_str!("recipes/compose_alone.sh");
const SWITCH: &str = include_str!("recipes/compose_switch.sh");
const SWITCH_DEPLOY: &str = include_str!("recipes/compose_switch_deploy.sh");
const SWITCH_UNDO: &str = include_str!("recipes/compose_switch_undo.sh");

const SWITCHES: &str = "blue-green by docker compose";

impl Compiler<'_> {
    pub(super) fn deploy(&mut self, place: &Place<'_>, fence: &FenceUnit, deploy: &Deploy) {
        let Some(head) = self.compose_head(place, deploy) else { return };
        if let Some(Healthy::Check(name)) = &deploy.healthy {
            self.healthy(place, Some(name));
        }
        let own = self.hosts(place, fence);
        let folder = deploy.folder.clone().unwrap_or_else(|| ".".to_owned());
        // Each service may take its time, and so may the pull before.
        let count = deploy.services.len() as u64 + 1;
        let timeout = Span(deploy.within.0.saturating_mul(count).saturating_add(Span::minutes(10).0));
        let services = deploy.services.join(", ");
        // Where others go on after a failure, the host that failed is not left half-way.
        let alone = own.group.as_ref().is_some_and(|group| group.failures > 0);
        let (how, forward, back): (_, &[&str], &[&str]) = match (&deploy.turns, alone) {
            (None, false) => ("by docker compose", &[FORWARD, DEPLOY], &[BACK, UNDO]),
            (None, true) => ("by docker compose", &[FORWARD, BACK, ALONE, DEPLOY], &[BACK, UNDO]),
            (Some(_), false) => (SWITCHES, &[FORWARD, SWITCH, SWITCH_DEPLOY], &[BACK, SWITCH, SWITCH_UNDO]),
            (Some(_), true) => {
                (SWITCHES, &[FORWARD, BACK, SWITCH, ALONE, SWITCH_DEPLOY], &[BACK, SWITCH, SWITCH_UNDO])
            }
        };
        let recipe = |title: String, head: &str, parts: &[&str]| Recipe {
            title,
            script: format!("{head}{COMPOSE}{SENT}\n{}", parts.join("\n")),
        };
        let forward = recipe(format!("Deploy {services} {how}"), &head, forward);
        let back = recipe(
            format!("Bring back {services} as they were before this release"),
            &needs_no_late_values(&head),
            back,
        );
        let both = BothWays { kind: "deploy", timeout, own, folder, forward, back };
        self.with_way_back(place, fence, both);
    }

    /// `healthy` promises a check; one that is not there, or comes before, would promise nothing.
    pub(super) fn healthy(&mut self, place: &Place<'_>, name: Option<&str>) {
        let Some(name) = name else { return };
        let found = self.outline.units.iter().find_map(|unit| match &unit.kind {
            UnitKind::Fence(fence) if fence.id() == Some(name) => {
                Some((unit.line, self.has_class(fence, "check")))
            }
            _ => None,
        });
        let message = match found {
            Some((line, true)) if line > place.unit.line => return,
            Some((_, true)) => format!("the check `{name}` comes before the deployment that it is to judge"),
            Some((_, false)) => format!("`{name}` is no check"),
            None => format!("`healthy: {name}` names no step"),
        };
        self.faults
            .add_at_line("T905", Severity::Error, place.unit.line, message)
            .help(format!("put a block with {{#{name} .check}} below this one"));
    }

    /// The values of the document, as the script has them.
    fn compose_head(&mut self, place: &Place<'_>, deploy: &Deploy) -> Option<String> {
        let mut changes = Vec::new();
        for (key, value) in &deploy.set {
            changes.push(self.bound_late(place, &format!("set: {key}"), &format!("{key}={value}"))?);
        }
        let mut asked = Vec::new();
        if let Some(Healthy::Addresses(addresses)) = &deploy.healthy {
            for (service, address) in addresses {
                let bound = self.bound_asked(place, address)?;
                asked.push(format!("[{}]={}", quote(service), quote(&bound)));
            }
        }
        let mut options: Vec<String> =
            deploy.files.iter().flat_map(|file| ["-f".to_owned(), quote(file)]).collect();
        options.extend(deploy.project.iter().flat_map(|name| ["-p".to_owned(), quote(name)]));
        let text = |text: &Option<String>| quote(text.as_deref().unwrap_or_default());
        let mut head = format!(
            "name={}\nservices=({})\noptions=({})\nenv_file={}\nchanges=({})\npatience={}\ndeclare -A healthy=({})\ndrain={}\nadmit={}\n",
            quote(&self.record_name(place.index, place.run.as_deref())),
            deploy.services.iter().map(|service| quote(service)).collect::<Vec<_>>().join(" "),
            options.join(" "),
            text(&deploy.env_file),
            changes.join(" "),
            deploy.within.0.div_ceil(1000),
            asked.join(" "),
            text(&deploy.drain),
            text(&deploy.admit),
        );
        if let Some(Turns { pair: [one, other], serving, switch }) = &deploy.turns {
            head += &format!(
                "pair=({} {})\nserving={}\nswitch={}\n",
                quote(one),
                quote(other),
                quote(serving),
                quote(switch)
            );
        }
        Some(head)
    }
}
