//! Files that hosts get and give: `.send` and `.fetch`, as shell steps here that call the user's ssh. A
//! file of this machine is sent the same way, without ssh.
//!
//! A file arrives beside the one that it replaces, is compared, and takes its name in one moment: no
//! program there ever reads half of it. What was in its place is kept there, for the way back, which
//! replaces nothing that somebody changed since.

use tminus_release::plan::{Resume, Undo};
use tminus_release::time::Span;

use super::database::quote;
use super::drafts::{Compiler, Place};
use super::hosts::Where;
use super::recipe::{BothWays, Recipe, shell};
use crate::control::Transfer;
use crate::diagnostic::Severity;
use crate::outline::FenceUnit;

const HEAD: &str = include_str!("recipes/files_head.sh");
const SEND: &str = include_str!("recipes/files_send.sh");
const SEND_THERE: &str = include_str!("recipes/files_send_there.sh");
const UNDO: &str = include_str!("recipes/files_undo.sh");
/// What is told apart: sent by this release, or changed by somebody since.
pub(super) const SENT: &str = include_str!("recipes/sent.sh");
const UNDO_THERE: &str = include_str!("recipes/files_undo_there.sh");
const FETCH: &str = include_str!("recipes/files_fetch.sh");
const FETCH_THERE: &str = include_str!("recipes/files_fetch_there.sh");

/// What `on=` says of the machine that tminus runs on, unless hosts of that name are in `tminus.toml`.
const THIS_MACHINE: &str = "here";

/// Some megabytes, to many hosts.
const TIMEOUT: Span = Span::minutes(30);

impl Compiler<'_> {
    pub(super) fn send(&mut self, place: &Place<'_>, fence: &FenceUnit, send: &Transfer) {
        if !self.is_no_check(place, fence, "send") {
            return;
        }
        let Some((head, said)) = self.files_head(place, fence, send) else { return };
        let recipe = |title: String, there: &str, script: &str| Recipe {
            title,
            script: format!("{head}{HEAD}\nthere={}\n{script}", quote(there)),
        };
        let forward = recipe(format!("Send {} to {said}", send.from), SEND_THERE, SEND);
        let undo_there = format!("{SENT}{UNDO_THERE}");
        let back = recipe(format!("Put back what was before this release: {said}"), &undo_there, UNDO);
        let folder = self.recipe_folder(place, fence);
        let own = Where::default();
        self.with_way_back(
            place,
            fence,
            BothWays { kind: "send", timeout: TIMEOUT, own, folder, forward, back },
        );
    }

    pub(super) fn fetch(&mut self, place: &Place<'_>, fence: &FenceUnit, fetch: &Transfer) {
        if self.is_here(place, fence) {
            let message = "`.fetch` brings files of other hosts, and this one is here";
            self.faults
                .add_at_line("T909", Severity::Error, place.unit.line, message)
                .help("copy it in a `bash` block");
            return;
        }
        let Some((head, said)) = self.files_head(place, fence, fetch) else { return };
        let script = format!("{head}{HEAD}\nthere={}\n{FETCH}", quote(FETCH_THERE));
        let work = shell("fetch", script, self.recipe_folder(place, fence), Where::default());
        let (id, title) = (self.default_ids[place.index].clone(), format!("Fetch {} to {said}", fetch.from));
        let at = self.add_step(place, id, title, work);
        let step = &mut self.drafts[at].step;
        // It changes nothing but copies here, so it may be repeated, and nothing is to be taken back.
        (step.check, step.resume, step.undo, step.timeout) = (true, Resume::Rerun, Undo::NotNeeded, TIMEOUT);
        self.attributes(at, fence, place);
    }

    fn is_here(&self, place: &Place<'_>, fence: &FenceUnit) -> bool {
        self.value(fence, "on", place).is_some_and(|word| word.text == THIS_MACHINE)
            && !self.request.settings.hosts.contains_key(THIS_MACHINE)
    }

    /// The values of the document as a script has them, and where, in words. None: a fault was reported.
    fn files_head(
        &mut self,
        place: &Place<'_>,
        fence: &FenceUnit,
        files: &Transfer,
    ) -> Option<(String, String)> {
        let (from, to) =
            (self.bound_path(place, "from", &files.from)?, self.bound_path(place, "to", &files.to)?);
        let here = self.is_here(place, fence);
        let own = if here {
            Where { host: Some(THIS_MACHINE.to_owned()), group: None }
        } else {
            self.hosts(place, fence)
        };
        let (label, hosts, batch, failures) = match own {
            Where { host: Some(host), .. } if here => ("this machine".to_owned(), vec![host], 1, 0),
            Where { host: Some(host), .. } => (host.clone(), vec![host], 1, 0),
            Where { group: Some(group), .. } => (
                format!("{} ({})", group.name, group.hosts.join(", ")),
                group.hosts,
                group.batch,
                group.failures,
            ),
            Where { host: None, group: None } => {
                if self.value(fence, "on", place).is_none() {
                    let message = "nothing says which hosts";
                    self.faults
                        .add_at_line("T909", Severity::Error, place.unit.line, message)
                        .help("add `on=NAME`, one of those that a line `**Hosts**: NAME` above it shows; `.send` takes `on=here` for this machine");
                }
                return None;
            }
        };
        let hosts: Vec<String> = hosts.iter().map(|host| quote(host)).collect();
        let head = format!(
            "name={}\nfrom={}\nto={}\nmode='{}'\nhere={}\nhosts=({})\nbatch={batch}\nallowed={failures}\n",
            quote(&self.record_name(place.index, place.run.as_deref())),
            quote(&from),
            quote(&to),
            files.mode.as_deref().unwrap_or_default(),
            if here { "yes" } else { "" },
            hosts.join(" "),
        );
        Some((head, format!("{to}, {label}")))
    }
}
