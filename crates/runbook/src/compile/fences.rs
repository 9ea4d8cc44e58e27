//! Code blocks become steps: run, proposed, done by a person, or refused with the ways out.

use tminus_release::plan::{
    Action, Confirm, Danger, Interpreter, Mode, Notify, Resume, Shell, Task, Undo, When, Work,
};
use tminus_release::time::Span;

use super::bind::Dollars;
use super::choices;
use super::drafts::{CHECK_TIMEOUT, Compiler, Place, Placement};
use crate::adopt::Decision;
use crate::diagnostic::Severity;
use crate::http_fence;
use crate::outline::{FenceClass, FenceUnit};
use crate::shell::{Nature, Survey, leaves_nothing};

/// What is to be done with a block.
enum Verdict {
    /// It runs; `true` when a person must say yes first.
    Run { asks: bool },
    /// A person does it.
    Manual(&'static str),
    /// Nothing.
    Skip,
}

impl Compiler<'_> {
    pub(super) fn fence(&mut self, place: &Place<'_>, fence: &FenceUnit) {
        match fence.class {
            FenceClass::Text => {
                if fence.is_annotated() && !self.has_class(fence, "example") {
                    let message = format!(
                        "a block in `{}` never runs, so its attributes mean nothing",
                        fence.info.language
                    );
                    self.faults.add_at_line("T105", Severity::Warning, place.unit.line, message);
                }
            }
            FenceClass::Template => self.template(place, fence),
            FenceClass::Commands => {
                if self.request.mode == Mode::Assisted {
                    self.task(
                        place,
                        &fence.body,
                        "commands that the document gives to no shell here".to_owned(),
                    );
                }
            }
            FenceClass::Control(kind) => self.control(place, fence, kind),
            FenceClass::Notify => self.notify(place, fence),
            FenceClass::Shell(_) | FenceClass::Http | FenceClass::Sql => self.runnable(place, fence),
        }
    }

    pub(super) fn has_class(&self, fence: &FenceUnit, class: &str) -> bool {
        fence.info.attributes.as_ref().is_some_and(|attributes| attributes.has(class))
    }

    fn verdict(&mut self, place: &Place<'_>, fence: &FenceUnit) -> Verdict {
        let assisted = self.request.mode == Mode::Assisted;
        if self.has_class(fence, "example") {
            return Verdict::Skip;
        }
        if self.has_class(fence, "manual") {
            return Verdict::Manual("marked as done by hand");
        }
        let adopted = self.request.adoption.as_ref().and_then(|adoption| adoption.decision_for(fence));
        match adopted {
            Some(Decision::Run) => return Verdict::Run { asks: assisted },
            Some(Decision::Choice(option)) => return self.adopted_choice(place, &option),
            Some(Decision::Manual) => return Verdict::Manual("adopted as done by hand"),
            Some(Decision::Example) => return Verdict::Skip,
            None => {}
        }
        if fence.is_annotated() {
            return Verdict::Run { asks: assisted };
        }
        if assisted {
            return Verdict::Run { asks: true };
        }
        let changed = self.request.adoption.as_ref().is_some_and(|adoption| {
            adoption.blocks.iter().any(|block| block.id == self.default_ids[place.index])
        });
        let message = if changed {
            "the block was changed after it was adopted, so it is only proposed again"
        } else {
            "an unattended release runs only what is annotated or adopted, and this block is neither"
        };
        self.faults
            .add_at_line("T901", Severity::Error, place.unit.line, message)
            .help("give it an id, `{#name}` (or `.example`, `.manual`), or run `tminus adopt` and decide in the sidecar");
        Verdict::Skip
    }

    /// A block that was adopted for one option runs when that option is chosen.
    fn adopted_choice(&mut self, place: &Place<'_>, option: &str) -> Verdict {
        let assisted = self.request.mode == Mode::Assisted;
        let id = match place.unit.option {
            Some((group, _)) => self.outline.groups[group].id.clone(),
            None => self.outline.sections[place.unit.section].path.clone(),
        };
        match choices::given(self.request, &id) {
            Some(answer) if choices::matching(&[option], answer).is_some() => Verdict::Run { asks: assisted },
            Some(_) => Verdict::Skip,
            None => {
                let severity = if assisted { Severity::Warning } else { Severity::Error };
                self.faults
                    .add_at_line(
                        "T908",
                        severity,
                        place.unit.line,
                        format!("adopted for the option `{option}`, and none is chosen"),
                    )
                    .help(format!("choose one: `--choose {id}={option}`"));
                if assisted { Verdict::Run { asks: true } } else { Verdict::Skip }
            }
        }
    }

    fn runnable(&mut self, place: &Place<'_>, fence: &FenceUnit) {
        match self.verdict(place, fence) {
            Verdict::Skip => {}
            Verdict::Manual(reason) => {
                let reason = reason.to_owned();
                let at = self.task(place, &fence.body, reason);
                if matches!(fence.class, FenceClass::Shell(_)) && !self.has_class(fence, "check") {
                    self.effect_of_task(at, fence.survey.as_deref());
                }
                self.attributes(at, fence, place);
            }
            Verdict::Run { asks } => match fence.class {
                FenceClass::Http => self.http(place, fence, asks),
                FenceClass::Sql => self.sql(place, fence, asks),
                FenceClass::Shell(interpreter) => self.shell(place, fence, interpreter, asks),
                _ => {}
            },
        }
    }

    pub(super) fn task(&mut self, place: &Place<'_>, instructions: &str, reason: String) -> usize {
        let task = Task { instructions: instructions.trim_end().to_owned(), reason };
        let base = self.default_ids[place.index].clone();
        self.add_step(place, base, place.unit.title.clone(), Work::Task(task))
    }

    fn shell(&mut self, place: &Place<'_>, fence: &FenceUnit, interpreter: Interpreter, asks: bool) {
        let survey = fence.survey.as_deref();
        let (script, host) = without_ssh_line(&fence.body, survey);
        // The placeholders' places hold for the whole body; those of a shortened script are read anew.
        let shortened = host.is_some().then(|| crate::shell::survey(&script));
        let placeholders =
            shortened.as_deref().or(survey).map_or(&[][..], |survey| survey.placeholders.as_slice());
        let (bound, mut unbound) = self.values.code(&script, placeholders);
        if let Some(survey) = survey {
            let unset = self.values.unset_declared(&survey.variables_read);
            unbound.extend(unset.into_iter().map(|name| format!("`${name}`")));
        }
        if let Some(reason) = by_hand(survey, &script, host.as_deref(), &unbound) {
            if asks {
                let at = self.task(place, &fence.body, reason);
                self.confirm_task(at, survey);
                self.attributes(at, fence, place);
                return;
            }
            self.cannot_run(place, &reason, !unbound.is_empty());
        }
        let own = self.hosts(place, fence);
        if let (Some(target), Mode::Unattended) = (&host, self.request.mode) {
            self.visible_host(place, target);
        }
        let shell = Shell {
            interpreter: self.interpreter(fence, interpreter, place),
            script: bound,
            folder: self.value(fence, "cwd", place).map(|word| word.text.clone()),
            ok: self.exit_codes(fence, place),
            host: if own.group.is_some() { None } else { own.host.or(host) },
            database: self.database(place, fence),
            recipe: None,
            group: own.group,
        };
        let base = self.default_ids[place.index].clone();
        let at = self.add_step(place, base, place.unit.title.clone(), Work::Act(Action::Shell(shell)));
        let worst = survey.map_or(Danger::Confirm, |survey| survey.danger);
        // What is only proposed and reads, builds or tests needs no undo; an author's own step says so.
        let harmless = asks && worst == Danger::Ordinary && survey.is_some_and(leaves_nothing);
        self.drafts[at].step.undo = if harmless { Undo::NotNeeded } else { Undo::Unstated };
        self.attributes(at, fence, place);
        if asks {
            self.drafts[at].step.confirm = Some(confirm(survey, place));
        }
    }

    /// What a person does by hand has an effect as well.
    fn effect_of_task(&mut self, at: usize, survey: Option<&Survey>) {
        if survey.is_some_and(|survey| !leaves_nothing(survey)) {
            self.drafts[at].step.undo = Undo::Unstated;
        }
    }

    /// A dangerous block that a person does by hand says so as well.
    fn confirm_task(&mut self, at: usize, survey: Option<&Survey>) {
        self.effect_of_task(at, survey);
        if let Some(survey) = survey.filter(|survey| survey.danger == Danger::Dangerous) {
            self.drafts[at].step.confirm = Some(Confirm { danger: survey.danger, reason: reasons(survey) });
        }
    }

    pub(super) fn cannot_run(&mut self, place: &Place<'_>, reason: &str, is_unbound: bool) {
        let (code, help) = if is_unbound {
            ("T903", "bind it: `--set NAME=value`, an input in the front matter, or a binding in the sidecar")
        } else {
            ("T904", "mark it `.manual`, or change it so that it can run by itself")
        };
        self.faults
            .add_at_line(
                code,
                Severity::Error,
                place.unit.line,
                format!("the block cannot run unattended: {reason}"),
            )
            .help(help);
    }

    fn http(&mut self, place: &Place<'_>, fence: &FenceUnit, asks: bool) {
        let bytes = fence.start..fence.end;
        let mut http = match http_fence::parse(&fence.body, bytes) {
            Ok(http) => http,
            Err(fault) => return self.data_fault("T906", fault),
        };
        let mut faults = Vec::new();
        if let Some(attributes) = &fence.info.attributes {
            http_fence::apply(&mut http, attributes, place.environment.as_deref(), &mut faults);
        }
        faults.into_iter().for_each(|fault| self.data_fault("T906", fault));
        let own = self.variables(place.environment.as_deref());
        let mut missing = Vec::new();
        for text in std::iter::once(&mut http.url)
            .chain(http.headers.iter_mut().map(|(_, value)| value))
            .chain(http.body.as_mut())
        {
            let (bound, unbound) = self.values.text(text, &own, Dollars::Kept);
            *text = bound;
            missing.extend(unbound);
        }
        missing.sort();
        missing.dedup();
        self.secrets_are_known(place, &http.headers);
        if !missing.is_empty() {
            let names = missing.iter().map(|name| format!("`{{{{{name}}}}}`")).collect::<Vec<_>>().join(", ");
            let wherever = place.environment.as_ref().map_or(String::new(), |name| format!(" for {name}"));
            let reason = format!("{names} not bound{wherever}");
            if asks {
                self.task(place, &fence.body, reason);
                return;
            }
            self.cannot_run(place, &reason, true);
        }
        let reads_only = matches!(http.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let within = http.poll.map_or(Span(0), |poll| poll.within);
        let request = format!("{} {}", http.method, http.url);
        let base = self.default_ids[place.index].clone();
        let at = self.add_step(place, base, place.unit.title.clone(), Work::Act(Action::Http(http)));
        let step = &mut self.drafts[at].step;
        step.check = reads_only;
        step.undo = if reads_only { Undo::NotNeeded } else { Undo::Unstated };
        step.resume = if reads_only { Resume::Rerun } else { Resume::Ask };
        // A check that polls for longer than the usual limit needs that long.
        step.timeout = CHECK_TIMEOUT.max(Span(within.0.saturating_add(60_000)));
        if asks {
            let danger = if reads_only { Danger::Ordinary } else { Danger::Confirm };
            step.confirm = Some(Confirm {
                danger,
                reason: format!("proposed from line {}: {request}", place.unit.line),
            });
        }
        self.attributes(at, fence, place);
    }

    fn notify(&mut self, place: &Place<'_>, fence: &FenceUnit) {
        if self.has_class(fence, "example") {
            return;
        }
        let to: Vec<String> = self
            .value(fence, "to", place)
            .map(|word| word.text.split(',').map(|name| name.trim().to_owned()).collect())
            .unwrap_or_default();
        if to.is_empty() {
            self.faults
                .add_at_line("T911", Severity::Error, place.unit.line, "a message to nobody")
                .help("say where it goes, such as `to=\"slack:#releases\"`");
        }
        let when = match self.value(fence, "when", place).map(|word| word.text.as_str()) {
            None | Some("in_order") => When::InOrder,
            Some("always") => When::Always,
            Some("success") => When::Success,
            Some("failure") => When::Failure,
            Some("rollback") => When::Rollback,
            Some(other) => {
                let message = format!("`when={other}` is none of always, success, failure, rollback");
                self.faults.add_at_line("T103", Severity::Error, place.unit.line, message);
                When::InOrder
            }
        };
        self.known_channels(place, &to);
        let notify = Notify { to, template: fence.body.trim_end().to_owned(), when };
        let base = self.default_ids[place.index].clone();
        let at = self.add_step(place, base, place.unit.title.clone(), Work::Act(Action::Notify(notify)));
        self.drafts[at].step.timeout = Span::minutes(2);
        if when != When::InOrder {
            self.drafts[at].placement = Placement::OnDemand;
        }
        self.attributes(at, fence, place);
    }

    /// A template in a verbatim document is something that a person sends.
    fn template(&mut self, place: &Place<'_>, fence: &FenceUnit) {
        if self.request.mode == Mode::Assisted && !self.has_class(fence, "example") {
            self.task(place, &fence.body, "a message or form that a person fills in and sends".to_owned());
        }
    }
}

/// Takes the first line `ssh host` off a script: the rest is meant for that host.
fn without_ssh_line(body: &str, survey: Option<&Survey>) -> (String, Option<String>) {
    let Some(start) = survey.and_then(|survey| survey.ssh_host.as_ref()) else {
        return (body.to_owned(), None);
    };
    let rest: String = body.split_inclusive('\n').skip(start.line as usize).collect();
    (rest.trim_start_matches('\n').to_owned(), Some(start.target.clone()))
}

/// Returns why a block cannot run by itself.
fn by_hand(survey: Option<&Survey>, script: &str, host: Option<&str>, unbound: &[String]) -> Option<String> {
    let reason = match survey.map_or(Nature::Runnable, |survey| survey.nature) {
        Nature::CommentsOnly => Some("only comments: a person is told what to do"),
        Nature::MessageOnly => Some("a message to be posted by hand"),
        Nature::AssignmentsOnly => Some("only sets variables: by itself it does nothing"),
        Nature::Empty => Some("the block is empty"),
        Nature::Runnable | Nature::Listing => None,
    };
    if let Some(reason) = reason {
        return Some(reason.to_owned());
    }
    if !unbound.is_empty() {
        let are = if unbound.len() == 1 { "is" } else { "are" };
        return Some(format!("{} {are} not bound", unbound.join(", ")));
    }
    let survey = survey?;
    if let Some(host) = host
        && crate::shell::survey(script).nature != Nature::Runnable
    {
        return Some(format!("opens a session on {host}"));
    }
    if let Some((line, column, reason)) = &survey.syntax_error {
        return Some(format!(
            "the shell does not understand it (line {line}, column {column} of the block: {reason})"
        ));
    }
    let ssh_line = survey.ssh_host.as_ref().map(|start| start.line);
    let waits = survey.interactive.iter().filter(|(line, _)| Some(*line) != ssh_line).chain(&survey.endless);
    if let Some((line, reason)) = waits.min_by_key(|(line, _)| *line) {
        return Some(format!("line {line} of the block: {reason}"));
    }
    survey.alternatives.then(|| "the block holds several ways; one has to be picked".to_owned())
}

/// Says why a proposed block asks first.
fn confirm(survey: Option<&Survey>, place: &Place<'_>) -> Confirm {
    let mut confirm = match survey {
        Some(survey) if survey.danger > Danger::Ordinary => {
            Confirm { danger: survey.danger, reason: reasons(survey) }
        }
        Some(_) => {
            Confirm { danger: Danger::Ordinary, reason: format!("proposed from line {}", place.unit.line) }
        }
        None => {
            let reason = "written in a language that is not read for what it does".to_owned();
            Confirm { danger: Danger::Confirm, reason }
        }
    };
    if let Some((_, first)) = survey.and_then(|survey| survey.manual_comments.first()) {
        confirm.reason =
            format!("{}; a comment asks for something by hand: {}", confirm.reason, first.trim());
    }
    confirm
}

fn reasons(survey: &Survey) -> String {
    const SHOWN: usize = 3;
    let mut worst: Vec<&(u32, Danger, String)> =
        survey.danger_reasons.iter().filter(|(_, danger, _)| *danger > Danger::Ordinary).collect();
    worst.sort_by_key(|(line, danger, _)| (std::cmp::Reverse(*danger), *line));
    let mut texts: Vec<String> = worst
        .iter()
        .take(SHOWN)
        .map(|(line, _, reason)| format!("line {line} of the block: {reason}"))
        .collect();
    if worst.len() > SHOWN {
        texts.push(format!("and {} more", worst.len() - SHOWN));
    }
    texts.join("; ")
}
