//! Flags: `.flag`, as a shell step that changes one value, with its way back.
//!
//! Of a file only the bytes of that value are replaced. A tool that reads JSON and writes it anew
//! would change numbers, order and layout of flags that are not ours, and would have to be there.

use tminus_release::time::Span;

use super::database::quote;
use super::drafts::{Compiler, Place};
use super::files::SENT;
use super::recipe::{BothWays, Recipe};
use crate::attributes::is_environment;
use crate::control::{Flag, Provider};
use crate::diagnostic::Severity;
use crate::outline::FenceUnit;

const HEAD: &str = include_str!("recipes/flag_head.sh");
const FLAGD: &str = include_str!("recipes/flag_flagd.sh");
const UNLEASH: &str = include_str!("recipes/flag_unleash.sh");
const COMMAND: &str = include_str!("recipes/flag_command.sh");
const UNDO_SENT: &str = include_str!("recipes/flag_undo_sent.sh");
const SET: &str = include_str!("recipes/flag_set.sh");
const UNDO: &str = include_str!("recipes/flag_undo.sh");

/// A file, or a request to a service.
const TIMEOUT: Span = Span::minutes(5);

impl Compiler<'_> {
    pub(super) fn flag(&mut self, place: &Place<'_>, fence: &FenceUnit, flag: &Flag) {
        let Some(to) = self.flag_value(place, flag) else { return };
        let (values, provider) = match &flag.provider {
            Provider::Flagd { file } => (format!("file={}", quote(file)), FLAGD),
            Provider::Unleash { url, token, project, environment } => {
                let own = environment.as_deref().or(place.environment.as_deref());
                let Some(values) = self.unleash(place, url, token, project, own) else { return };
                (values, UNLEASH)
            }
            Provider::Command { get, set } => (format!("get={}\nset={}", quote(get), quote(set)), COMMAND),
        };
        let head = format!(
            "name={}\nflag={}\nto={}\n{values}\n{HEAD}\n{provider}\n",
            quote(&self.record_name(place.index, place.run.as_deref())),
            quote(&flag.flag),
            quote(&to)
        );
        let name = &flag.flag;
        let forward =
            Recipe { title: format!("Set the flag {name} to {to}"), script: format!("{head}{SET}") };
        if !self.is_no_check(place, fence, "flag") {
            return;
        }
        let (own, folder) = (self.hosts(place, fence), self.recipe_folder(place, fence));
        // Only there can a step before it have sent what the commands call.
        let is_there = own.host.is_some() || own.group.is_some();
        let by_scripts = matches!(flag.provider, Provider::Command { .. }) && is_there;
        let back = Recipe {
            title: format!("Set the flag {name} back to what it was before this release"),
            script: format!(
                "{head}{}{UNDO}",
                if by_scripts { format!("{SENT}{UNDO_SENT}") } else { String::new() }
            ),
        };
        let both = BothWays { kind: "flag", timeout: TIMEOUT, own, folder, forward, back };
        self.with_way_back(place, fence, both);
    }

    /// Where the flag is. None: a fault was reported.
    fn unleash(
        &mut self,
        place: &Place<'_>,
        url: &str,
        token: &str,
        project: &str,
        environment: Option<&str>,
    ) -> Option<String> {
        let url = self.bound_address(place, Some(url))?;
        self.known_secrets(place, [token.to_owned()]);
        let Some(environment) = environment else {
            self.faults
                .add_at_line(
                    "T907",
                    Severity::Error,
                    place.unit.line,
                    "Unleash keeps a flag by environment, and neither the phase nor the step names one",
                )
                .help("add `environment: production`, or a line `**Environment**: production` below the heading");
            return None;
        };
        Some(format!(
            "url={}\ntoken={token}\nproject={}\nenvironment={}",
            quote(&url),
            quote(project),
            quote(environment)
        ))
    }

    /// The value that holds here. None: the step is not for here, or a fault was reported.
    fn flag_value(&mut self, place: &Place<'_>, flag: &Flag) -> Option<String> {
        if place.environment.is_none() && !flag.by_name.is_empty() {
            self.faults
                .add_at_line(
                    "T907",
                    Severity::Error,
                    place.unit.line,
                    "`to` names environments in a phase that names none",
                )
                .help("add a line `**Environment**: production` below the heading");
            return None;
        }
        let here = place.environment.as_deref().unwrap_or_default();
        let own = flag.by_name.iter().find(|(name, _)| is_environment(name, here)).map(|(_, value)| value);
        let written = own.or(flag.default.as_ref())?;
        let bound = self.bound_line(place, "to", written)?;
        if bound.is_empty() {
            self.not_bound(place, "`to` would be empty, which is no value".to_owned());
            return None;
        }
        Some(bound)
    }
}
