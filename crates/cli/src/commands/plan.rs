//! `plan` and `rehearse`: what a release would do.

use tminus_engine::rehearse::{self, Case};
use tminus_release::event::Outcome;
use tminus_release::plan::{Action, Danger, Group, Lane, Plan, Resume, Step, Undo, When, Work};

use crate::args::{PlanArgs, Rehearse};
use crate::commands::source::{self, Compiled};
use crate::exit_code::ExitCode;
use crate::screen::{self, Tone, paint};

/// `tminus plan`
pub(crate) fn run(args: &PlanArgs) -> super::Result {
    let compiled = source::compile(&args.source)?;
    if args.json {
        screen::data(&format!("{:#}", tminus_runbook::view::plan_json(&compiled.compiled)));
        return Ok(if compiled.compiled.plan.is_some() { ExitCode::Success } else { ExitCode::Findings });
    }
    let plan = source::usable(&compiled, &args.source)?;
    let length = if args.full { usize::MAX } else { SHORT };
    show(&compiled, &plan, length);
    Ok(ExitCode::Success)
}

/// Lines of a command that `plan` shows: what a document says fits, what a recipe brings does not.
const SHORT: usize = 24;

/// Shows a plan for people, of each command so many lines.
pub(crate) fn show(compiled: &Compiled, plan: &Plan, length: usize) {
    let version = plan.version.as_deref().map_or_else(String::new, |version| format!(" · {version}"));
    screen::line(&paint(Tone::Strong, &format!("{}{version}", plan.title)));
    screen::line(&paint(Tone::Faint, &format!("{} · plan {}", compiled.name, &plan.digest()[..12])));
    for input in &compiled.compiled.inputs {
        let value = input.value.as_deref().unwrap_or("(not bound)");
        screen::line(&format!("  {} = {value}", input.name));
    }
    let mut phase = None;
    for step in plan.steps.iter().filter(|step| !step.on_demand) {
        if phase != Some(step.phase) {
            phase = Some(step.phase);
            let here = &plan.phases[step.phase];
            let facts = [
                here.environment.clone(),
                here.owner.clone(),
                here.duration.clone(),
                (here.lane != plan.lane).then(|| format!("{:?} lane", here.lane).to_lowercase()),
            ];
            let facts: Vec<String> = facts.into_iter().flatten().collect();
            screen::line("");
            screen::line(&format!(
                "{} {}",
                paint(Tone::Strong, &here.title),
                paint(Tone::Faint, &facts.join(" · "))
            ));
        }
        show_step(plan, step, length);
    }
    show_on_demand(plan, length);
    show_rules(plan);
    for choice in &compiled.compiled.open_choices {
        screen::line("");
        screen::line(&paint(Tone::Ask, &format!("to be picked: {} (line {})", choice.ask, choice.line)));
        for option in &choice.options {
            screen::line(&format!("  --choose \"{}={option}\"", choice.id));
        }
    }
    let no_return: Vec<&str> = plan
        .steps
        .iter()
        .filter(|step| step.undo == Undo::Impossible)
        .map(|step| step.title.as_str())
        .collect();
    if !no_return.is_empty() {
        screen::line("");
        screen::line(&paint(Tone::Warn, &format!("points of no return: {}", no_return.join(", "))));
    }
}

/// Undos, verifications and messages with a time of their own: they run, so they are shown.
fn show_on_demand(plan: &Plan, length: usize) {
    let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.on_demand).collect();
    if steps.is_empty() {
        return;
    }
    screen::line("");
    screen::line(&format!(
        "{} {}",
        paint(Tone::Strong, "Only when needed"),
        paint(Tone::Faint, "undos, looks after a crash, messages at the end")
    ));
    steps.into_iter().for_each(|step| show_step(plan, step, length));
}

fn show_rules(plan: &Plan) {
    if plan.rules.is_empty() {
        return;
    }
    screen::line("");
    screen::line(&paint(Tone::Strong, "Rules"));
    for rule in &plan.rules {
        let usage = format!("{:?}", rule.usage).to_lowercase();
        screen::line(&format!(
            "  {} {usage}: {} {}",
            rule.id,
            rule.text,
            paint(Tone::Faint, &format!("line {}", rule.line))
        ));
    }
}

fn show_step(plan: &Plan, step: &Step, length: usize) {
    let place =
        step.environment.as_deref().map_or_else(String::new, |environment| format!(" [{environment}]"));
    let sign = match &step.work {
        Work::Item(_) => "☐",
        Work::Task(_) => "✋",
        Work::Approval(_) => "⚖",
        Work::Soak(_) | Work::Watch(_) => "⏳",
        Work::Choice(_) => "⑂",
        Work::Act(_) if step.check => "✓",
        Work::Act(_) => "▶",
    };
    screen::line(&format!(
        "  {sign} {}{place} {}",
        step.title,
        paint(Tone::Faint, &format!("{} · line {}", step.id, step.line))
    ));
    for line in details(plan, step, length) {
        screen::line(&format!("      {line}"));
    }
}

/// The first lines of a command, and how many there are more.
fn shortened(script: &str, length: usize) -> Vec<String> {
    let count = script.lines().count();
    // One line more is no longer than the line that says so.
    let shown = if count <= length.saturating_add(1) { count } else { length };
    let written = script.lines().take(shown);
    let mut lines: Vec<String> = written.map(|line| format!("{} {line}", paint(Tone::Faint, "$"))).collect();
    if shown < count {
        lines.push(paint(Tone::Faint, &format!("… {} more lines: --full shows them", count - shown)));
    }
    lines
}

fn on_hosts(group: &Group) -> String {
    let at_once = match group.batch as usize {
        1 => "one after the other".to_owned(),
        batch if batch >= group.hosts.len() => "all at once".to_owned(),
        batch => format!("{batch} at once"),
    };
    let may_fail = if group.failures == 0 {
        "stops at the first failure".to_owned()
    } else {
        format!("{} may fail", group.failures)
    };
    format!("on {} ({}), {at_once}, {may_fail}", group.name, group.hosts.join(", "))
}

fn details(plan: &Plan, step: &Step, length: usize) -> Vec<String> {
    let mut lines = Vec::new();
    match &step.work {
        Work::Act(Action::Shell(shell)) => {
            if let Some(host) = &shell.host {
                lines.push(format!("on {host}"));
            }
            lines.extend(shell.group.as_ref().map(on_hosts));
            lines.extend(shell.database.as_ref().map(|name| format!("on the database {name}")));
            let own = |line: &str| !line.starts_with('#');
            let head = shell.script.lines().take_while(|line| own(line)).count();
            // Of a recipe the values of the document; the text below is the same in each.
            let length = if shell.recipe.is_some() && length < usize::MAX { head } else { length };
            lines.extend(shortened(&shell.script, length));
        }
        Work::Act(Action::Http(http)) => {
            lines.push(format!("{} {}", http.method, http.url));
            lines.extend(http.json.as_ref().map(|json| format!("must hold: {json}")));
            lines.extend(http.body.as_ref().map(|body| format!("body: {body}")));
            let status: Vec<String> = http.status.iter().map(u16::to_string).collect();
            lines.extend((!status.is_empty()).then(|| format!("status: {}", status.join(" or "))));
            lines.extend(http.matches.as_ref().map(|pattern| format!("must match: {pattern}")));
            lines.extend(http.max_response.map(|span| format!("within {span}")));
            lines.extend(
                http.burst.map(|count| format!("{count} at once; one of the last answers must be so")),
            );
            lines.extend(http.must_fail.then(|| "passes when this does NOT hold".to_owned()));
            lines.extend(http.poll.map(|poll| format!("each {} for at most {}", poll.every, poll.within)));
        }
        Work::Act(Action::Notify(notify)) => {
            let when = match notify.when {
                When::InOrder => "here",
                When::Always => "at the end, always",
                When::Success => "at the end, on success",
                When::Failure => "at the end, unless it succeeded",
                When::Rollback => "when a rollback begins",
            };
            lines.push(format!("to {} {when}", notify.to.join(", ")));
            lines.extend(notify.template.lines().map(str::to_owned));
        }
        Work::Act(Action::Unavailable(unavailable)) => {
            lines.push(paint(
                Tone::Warn,
                &format!("`{}` is not available yet: a release with it does not start", unavailable.kind),
            ));
        }
        Work::Item(item) => lines.extend(item.auto.as_ref().map(|check| format!("ticked by {check}"))),
        Work::Task(task) => {
            lines.push(format!("a person has to: {}", task.reason));
            lines.extend(task.instructions.lines().take(8).map(str::to_owned));
        }
        Work::Approval(approval) => {
            let quorum: Vec<String> =
                approval.quorum.iter().map(|(role, count)| format!("{count} × {role}")).collect();
            let expires = approval.expires.map_or_else(String::new, |span| format!(", lapses after {span}"));
            lines.push(format!(
                "{} ({}{expires})",
                approval.ask,
                if quorum.is_empty() { "anyone".to_owned() } else { quorum.join(", ") }
            ));
        }
        Work::Soak(soak) | Work::Watch(soak) => lines.push(format!(
            "for {} under {}",
            soak.duration,
            if soak.rules.is_empty() { "no rule".to_owned() } else { soak.rules.join(", ") }
        )),
        Work::Choice(choice) => lines.push(format!("{} ({})", choice.ask, choice.options.join(" · "))),
    }
    lines.extend(limits(plan, step));
    lines
}

fn limits(plan: &Plan, step: &Step) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(confirm) = &step.confirm {
        let tone = if confirm.danger == Danger::Dangerous { Tone::Bad } else { Tone::Ask };
        lines.push(paint(tone, &format!("asks first: {}", confirm.reason)));
    }
    if !step.roles.is_empty() {
        let roles: Vec<&str> = step.roles.iter().map(|role| role.as_str()).collect();
        lines.push(format!("by {}", roles.join(" or ")));
    }
    if !matches!(step.work, Work::Act(_)) {
        return lines;
    }
    let undo = match &step.undo {
        _ if step.check => None,
        Undo::NotNeeded => None,
        Undo::Kept => Some("stays in a rollback".to_owned()),
        Undo::Step(undo) if step.undo_last => Some(format!("undo {undo}, after all others")),
        Undo::Step(undo) => Some(format!("undo {undo}")),
        Undo::Impossible => Some(paint(Tone::Warn, "point of no return")),
        Undo::Unstated => Some("no undo stated".to_owned()).filter(|_| plan.lane_of(step) == Lane::Main),
    };
    let retry = (step.retry.times > 0).then(|| format!("{} more tries", step.retry.times));
    let resume = match &step.resume {
        Resume::Rerun => None,
        Resume::Verify(check) => Some(format!("after a crash looks with {check}")),
        Resume::Ask => None,
    };
    let facts: Vec<String> =
        [Some(format!("at most {}", step.timeout)), retry, undo, resume].into_iter().flatten().collect();
    lines.push(paint(Tone::Faint, &facts.join(" · ")));
    lines
}

/// `tminus rehearse`
pub(crate) async fn rehearse(args: &Rehearse) -> super::Result {
    let compiled = source::compile(&args.source)?;
    let plan = source::usable(&compiled, &args.source)?;
    let script = args.answers.as_deref().map(source::script).transpose()?.unwrap_or_default();
    let cases = if args.fail_each {
        rehearse::fail_each(&plan, &script).await?
    } else {
        vec![rehearse::rehearse(&plan, None, &script).await?]
    };
    // A failure that ends neither well nor rolled back leaves people in the middle.
    let stranded = cases.iter().filter(|case| case.outcome.is_none()).count();
    if args.json {
        screen::data(&format!("{:#}", serde_json::json!({ "cases": cases })));
    } else {
        cases.iter().for_each(|case| show_case(&plan, case));
        screen::line("");
        screen::line(&format!(
            "{} rehearsed, nothing was run; {stranded} end without a way out",
            cases.len()
        ));
    }
    Ok(if stranded == 0 { ExitCode::Success } else { ExitCode::Findings })
}

fn show_case(plan: &Plan, case: &Case) {
    let title = |id: &tminus_release::StepId| {
        plan.step(id).map_or_else(
            || id.0.clone(),
            |step| match &step.environment {
                Some(environment) => format!("{} [{environment}]", step.title),
                None => step.title.clone(),
            },
        )
    };
    let (tone, outcome) = match case.outcome {
        Some(Outcome::Succeeded) => (Tone::Good, "succeeded"),
        Some(outcome) => (Tone::Warn, outcome.words()),
        None => (Tone::Bad, "waits for a person"),
    };
    let what = case
        .failing
        .as_ref()
        .map_or_else(|| "nothing fails".to_owned(), |id| format!("fails: {}", title(id)));
    screen::line(&format!("{} → {}", paint(Tone::Strong, &what), paint(tone, outcome)));
    let list = |ids: &[tminus_release::StepId]| ids.iter().map(&title).collect::<Vec<_>>().join(", ");
    if !case.undone.is_empty() {
        screen::line(&format!("    undone  {}", list(&case.undone)));
    }
    if !case.afterwards.is_empty() {
        screen::line(&format!("    then    {}", list(&case.afterwards)));
    }
    if !case.left.is_empty() {
        screen::line(&format!("    {}  {}", paint(Tone::Warn, "left  "), list(&case.left)));
    }
    for person in &case.people {
        screen::line(&format!("    person  {person}"));
    }
    if case.failing.is_none() {
        screen::line(&format!("    waits   {} at least", case.waits));
    }
}
