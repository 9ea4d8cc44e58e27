//! Control steps, and what steps say about the place: hosts, channels, secrets, variables.

use std::collections::{BTreeMap, BTreeSet};
use tminus_release::plan::{Action, Approval, Choice, Mode, Role, Soak, Task, Unavailable, Undo, Work};
use tminus_release::time::Span;

use super::OpenChoice;
use super::bind::Dollars;
use super::choices;
use super::drafts::{Compiler, Place, Placement};
use super::rules::OwnRule;
use crate::control::{self, Body, Control, WatchedRules};
use crate::diagnostic::Severity;
use crate::names;
use crate::outline::FenceUnit;
use crate::pattern::Pattern;

static SECRET: Pattern = Pattern::new(&["${secret:"], r"\$\{secret:([A-Za-z_]\w*)\}");

impl Compiler<'_> {
    pub(super) fn control(&mut self, place: &Place<'_>, fence: &FenceUnit, kind: &'static str) {
        let base = self.markdown.lines.start_of(fence.body_line);
        let exact = self.document.get(base..).is_some_and(|rest| rest.starts_with(&fence.body));
        let (control, faults) =
            control::parse(kind, &fence.body, fence.start..fence.end, exact.then_some(base));
        faults.into_iter().for_each(|fault| self.data_fault("T907", fault));
        let Some(Control { only, body }) = control else { return };
        if let Some(only) = &only
            && !self.is_for(place, only)
        {
            return;
        }
        let id = self.default_ids[place.index].clone();
        let title = place.unit.title.clone();
        match body {
            Body::Approval { ask, quorum, expires, starter_may_approve } => {
                let ask = self.question(place, &ask);
                let quorum = self.quorum(place, quorum);
                let at = self.approval(place, id, Approval { ask, quorum, expires, starter_may_approve });
                self.attributes(at, fence, place);
                self.drafts[at].step.timeout = Span::FOREVER;
            }
            Body::Timed { durations, rules, on_breach } => {
                if durations == control::Durations::default() {
                    // What is wrong with `for` was reported when it was read.
                    return;
                }
                let kinds: Vec<String> = self.values.inputs.values().cloned().collect();
                let names = place.environment.iter().chain(&kinds).map(String::as_str);
                let Some(duration) = durations.pick(names) else {
                    let message =
                        "no duration holds here: neither the environment nor a release type is named";
                    self.faults
                        .add_at_line("T907", Severity::Error, place.unit.line, message)
                        .help("add `default: 4h` to `for`");
                    return;
                };
                let title = if title.ends_with(kind) {
                    format!("{title} for {duration}")
                } else {
                    format!("{title}: {kind} for {duration}")
                };
                let soak = Soak { duration, rules: Vec::new(), on_breach };
                let work = if kind == "soak" { Work::Soak(soak) } else { Work::Watch(soak) };
                let at = self.add_step(place, id, title, work);
                self.watched(at, place, rules);
                self.attributes(at, fence, place);
                self.drafts[at].step.timeout = Span::FOREVER;
            }
            Body::Choice { ask, options } => self.choice(place, fence, id, ask, options),
            Body::Backup(backup) => self.backup(place, fence, &backup),
            Body::Restore(restore) => self.restore(place, fence, &restore),
            Body::Migrate(migrate) => self.migrate(place, fence, &migrate),
            Body::Deploy(deploy) => self.deploy(place, fence, &deploy),
            Body::Kubernetes(deploy) => self.kubernetes(place, fence, &deploy),
            Body::Job(job) => self.job(place, fence, &job),
            Body::Flag(flag) => self.flag(place, fence, &flag),
            Body::Workflow(workflow) => self.workflow(place, fence, &workflow),
            Body::Tag(tag) => self.tag(place, fence, &tag),
            Body::Image(image) => self.image(place, fence, &image),
            Body::Site(site) => self.site(place, fence, &site),
            Body::Bucket(bucket) => self.bucket(place, fence, &bucket),
            Body::Vendor(vendor) => self.vendor(place, fence, &vendor),
            Body::Send(send) => self.send(place, fence, &send),
            Body::Fetch(fetch) => self.fetch(place, fence, &fetch),
            Body::Gate(gate) => self.gate(place, fence, &gate),
            Body::Unavailable => self.unavailable(place, fence, kind),
        }
    }

    /// Adds a question to the people of its quorum.
    pub(super) fn approval(&mut self, place: &Place<'_>, id: String, approval: Approval) -> usize {
        let roles = approval.quorum.keys().cloned().collect();
        let at = self.add_step(place, id, approval.ask.clone(), Work::Approval(approval));
        self.drafts[at].step.roles = roles;
        at
    }

    fn unavailable(&mut self, place: &Place<'_>, fence: &FenceUnit, kind: &str) {
        let work = Action::Unavailable(Unavailable { kind: kind.to_owned(), body: fence.body.clone() });
        let (id, title) = (self.default_ids[place.index].clone(), place.unit.title.clone());
        let at = self.add_step(place, id, title, Work::Act(work));
        self.drafts[at].step.undo = Undo::Unstated;
        self.attributes(at, fence, place);
    }

    /// `only: production` in a phase that runs for staging leaves the step out.
    fn is_for(&mut self, place: &Place<'_>, only: &str) -> bool {
        let Some(environment) = &place.environment else {
            let message = format!("`only: {only}` in a phase that names no environment");
            self.faults
                .add_at_line("T907", Severity::Error, place.unit.line, message)
                .help("add a line `**Environment**: staging → production` below the heading");
            return false;
        };
        crate::attributes::is_environment(only, environment)
    }

    fn question(&mut self, place: &Place<'_>, ask: &str) -> String {
        let own = self.variables(place.environment.as_deref());
        let (bound, missing) = self.values.text(ask, &own, Dollars::Bound);
        if !missing.is_empty() {
            let message = format!("the question names {}, which has no value yet", missing.join(", "));
            self.faults.add_at_line("T903", Severity::Warning, place.unit.line, message);
        }
        bound
    }

    /// The document may ask for more people than the policy, never for fewer.
    pub(super) fn quorum(
        &mut self,
        place: &Place<'_>,
        written: BTreeMap<String, u32>,
    ) -> BTreeMap<Role, u32> {
        let mut quorum: BTreeMap<Role, u32> =
            written.into_iter().map(|(role, count)| (Role(role), count)).collect();
        let total: u32 = quorum.values().sum();
        let minimum = self.request.settings.policy.minimum_quorum.unwrap_or(0);
        if total < minimum
            && let Some(first) = quorum.values_mut().next()
        {
            *first += minimum - total;
            let message = format!(
                "the policy asks for {minimum} approvals, the document for {total}; {minimum} are needed"
            );
            self.faults.add_at_line("T910", Severity::Warning, place.unit.line, message);
        }
        quorum
    }

    fn watched(&mut self, step: usize, place: &Place<'_>, rules: WatchedRules) {
        let (environment, line) = (place.environment.clone(), place.unit.line);
        match rules {
            WatchedRules::None => {}
            WatchedRules::Slo => self.own_rules.push(OwnRule { step, environment, rules: None, line }),
            // Rules that could not be read were reported one by one.
            WatchedRules::Own(rules) if rules.is_empty() => {}
            WatchedRules::Own(rules) => {
                self.own_rules.push(OwnRule { step, environment, rules: Some(rules), line })
            }
        }
    }

    fn choice(
        &mut self,
        place: &Place<'_>,
        fence: &FenceUnit,
        id: String,
        ask: String,
        options: Vec<String>,
    ) {
        let input = names::variable(&id);
        let answer = choices::given(self.request, &id)
            .map(str::to_owned)
            .or_else(|| self.values.inputs.get(&input).cloned());
        let chosen = answer.as_deref().and_then(|answer| choices::matching(&options, answer));
        let Some(chosen) = chosen else {
            let severity =
                if self.request.mode == Mode::Assisted { Severity::Warning } else { Severity::Error };
            let message = match &answer {
                Some(answer) => format!("`{answer}` is none of: {}", options.join(", ")),
                None => format!("nobody has answered: {ask}"),
            };
            self.faults
                .add_at_line("T908", severity, place.unit.line, message)
                .help(format!("choose: `--choose {id}=…` ({})", options.join(" | ")));
            self.open_choices.push(OpenChoice {
                id: id.clone(),
                ask: ask.clone(),
                options: options.clone(),
                line: place.unit.line,
            });
            let task = Task {
                instructions: format!("{ask} ({})", options.join(" | ")),
                reason: "a choice that nobody has made".to_owned(),
            };
            self.add_step(place, id, ask, Work::Task(task));
            return;
        };
        self.choice_inputs.insert(input.clone(), options[chosen].clone());
        let title = format!("{ask} {}", options[chosen]);
        let at = self.add_step(place, id, title, Work::Choice(Choice { ask, options, input }));
        self.attributes(at, fence, place);
    }

    /// Returns the variables of an environment, `ENVIRONMENT` included.
    pub(super) fn variables(&self, environment: Option<&str>) -> BTreeMap<String, String> {
        let Some(name) = environment else { return BTreeMap::new() };
        let settings = self.request.settings.environments.iter().find(|known| known.name == name);
        let mut variables = settings.map(|known| known.variables.clone()).unwrap_or_default();
        if !variables.contains_key("URL")
            && let Some(url) = self
                .outline
                .environments
                .iter()
                .find(|known| known.name == name)
                .and_then(|known| known.url.clone())
        {
            variables.insert("URL".to_owned(), url.trim_end_matches('/').to_owned());
        }
        variables.insert("ENVIRONMENT".to_owned(), name.to_owned());
        variables
    }

    pub(super) fn secrets_are_known(&mut self, place: &Place<'_>, headers: &[(String, String)]) {
        let named: BTreeSet<String> = headers
            .iter()
            .flat_map(|(_, value)| {
                SECRET.captures_iter(value).map(|found| found[1].to_owned()).collect::<Vec<_>>()
            })
            .collect();
        self.known_secrets(place, named);
    }

    /// Reports secrets that have no reference here.
    pub(super) fn known_secrets(&mut self, place: &Place<'_>, names: impl IntoIterator<Item = String>) {
        let environment = place.environment.as_deref();
        let own =
            self.request.settings.environments.iter().find(|known| Some(known.name.as_str()) == environment);
        for name in names {
            let known = self.request.settings.secrets.contains_key(&name)
                || own.is_some_and(|own| own.secrets.contains_key(&name));
            if !known {
                let severity =
                    if self.request.mode == Mode::Assisted { Severity::Warning } else { Severity::Error };
                self.faults
                    .add_at_line(
                        "T912",
                        severity,
                        place.unit.line,
                        format!("the secret `{name}` has no reference here"),
                    )
                    .help(format!("add to tminus.toml, under [secrets]: {name} = \"env:{name}\""));
            }
        }
    }

    pub(super) fn known_channels(&mut self, place: &Place<'_>, to: &[String]) {
        for name in to {
            if name == "log" || self.request.settings.channels.contains_key(name) {
                continue;
            }
            let severity =
                if self.request.mode == Mode::Assisted { Severity::Warning } else { Severity::Error };
            self.faults
                .add_at_line(
                    "T911",
                    severity,
                    place.unit.line,
                    format!("the channel `{name}` leads nowhere here"),
                )
                .help(format!(
                    "add to tminus.toml, under [channels]: \"{name}\" = {{ webhook = \"secret:NAME\" }}"
                ));
        }
    }

    /// A first line `ssh host` in an unattended release needs a `Hosts` line that shows the host.
    pub(super) fn visible_host(&mut self, place: &Place<'_>, target: &str) {
        let host = target.rsplit('@').next().unwrap_or(target);
        if !self.is_visible(place, &["hosts", "host"], host)
            && !self.is_visible(place, &["hosts", "host"], target)
        {
            let message = format!("the block runs on {target}, which the section does not show");
            self.faults
                .add_at_line("T909", Severity::Error, place.unit.line, message)
                .help(format!("add a line `**Hosts**: {target}` below the heading"));
        }
    }

    pub(super) fn is_visible(&self, place: &Place<'_>, labels: &[&str], name: &str) -> bool {
        self.outline.fact(place.unit.section, labels).is_some_and(|fact| {
            fact.value
                .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '·' | '`'))
                .any(|word| word == name)
        })
    }

    /// Notifications at the end of a release are in nobody's way.
    pub(super) fn is_in_order(&self, at: usize) -> bool {
        self.drafts[at].placement != Placement::OnDemand
    }
}
