//! Views of the log for people: one sentence for each event, and the runbook's page with its
//! boxes ticked and results under the commands. Everything is derived; nothing is added.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::event::{Answer, Cause, Event, Outcome, Purpose, Recorded, RuleVerdict, Verdict};
use crate::life::Life;
use crate::plan::{Interpreter, StepId, Work};
use crate::program::Program;
use crate::quorum;
use crate::state::State;
use crate::time::Moment;

/// Writes what happened as one sentence, without the time.
pub fn sentence(program: &Program, recorded: &Recorded) -> String {
    let by = recorded.by.name();
    match &recorded.event {
        Event::ReleaseCreated { plan, plan_digest, .. } => {
            let version =
                plan.version.as_deref().map_or_else(String::new, |version| format!(" of {version}"));
            format!(
                "{by} created the release{version} from {} (plan {})",
                plan.document.name,
                &plan_digest[..plan_digest.len().min(12)]
            )
        }
        Event::EngineStarted => "a process took up the release".to_owned(),
        Event::TimeUnobserved { from, to } => {
            format!("nobody watched for {}; soaks are extended by it", to.since(*from))
        }
        Event::ClockStepped { by_ms } => format!("the clock was set by {by_ms} ms; timers moved with it"),
        Event::RuleChanged { verdict, detail, environment, .. } => {
            rule_sentence(*verdict, detail, environment.as_deref())
        }
        Event::HoldPlaced { reason } => format!("{by} holds the release: {reason}"),
        Event::HoldLifted { note } => format!("{by} lets the release go on{}", after(note.as_deref())),
        Event::RollbackStarted { cause, detail } => match cause {
            Cause::Person => format!("{by} rolls back: {detail}"),
            Cause::Failure { .. } => format!("rolls back by itself, a step failed: {detail}"),
            Cause::Breach { .. } => format!("rolls back by itself, a rule fired: {detail}"),
        },
        Event::PartialRollbackStarted { steps, despite, detail } => {
            let titles: Vec<String> = steps.iter().map(|id| title_of(program, id)).collect();
            let despite = despite.as_ref().map_or_else(String::new, |despite| {
                format!("; what came after it may stay, because: {despite}")
            });
            format!("{by} takes back only {}: {detail}{despite}", titles.join(", "))
        }
        Event::AbortStarted { reason } => format!("{by} ends the release where it stands: {reason}"),
        Event::ReleaseFinished { outcome, left } => {
            let left: Vec<String> = left.iter().map(|id| title_of(program, id)).collect();
            let standing = if left.is_empty() {
                String::new()
            } else {
                format!("; still standing: {}", left.join(", "))
            };
            format!("the release {}{standing}", outcome.words())
        }
        event => step_sentence(program, event, by),
    }
}

fn rule_sentence(verdict: RuleVerdict, detail: &str, environment: Option<&str>) -> String {
    let place = environment.map_or_else(String::new, |environment| format!(" in {environment}"));
    let word = match verdict {
        RuleVerdict::Holding => "rule holds",
        RuleVerdict::Breaching => "rule is breached, not yet for long enough",
        RuleVerdict::Fired => "rule FIRED",
        RuleVerdict::NoData => "rule has no data",
    };
    format!("{word}{place}: {detail}")
}

/// What happened to one step. Events of the release as a whole have no sentence here.
fn step_sentence(program: &Program, event: &Event, by: &str) -> String {
    let title = |id: &StepId| title_of(program, id);
    match event {
        Event::StepAsked { step, purpose: Purpose::Undo } => format!("asks about undoing: {}", title(step)),
        Event::StepAsked { step, .. } => format!("asks: {}", title(step)),
        Event::StepAnswered { step, purpose, answer } => {
            let undo = if *purpose == Purpose::Undo { "undo of " } else { "" };
            let title = title(step);
            match answer {
                Answer::Run => format!("{by} lets it run: {undo}{title}"),
                Answer::Done { note } => {
                    format!("{by} marks as done: {undo}{title}{}", after(note.as_deref()))
                }
                Answer::Skip { reason } => format!("{by} skips: {undo}{title}: {reason}"),
                Answer::Retry => format!("{by} has it tried again: {undo}{title}"),
                Answer::Stop { reason } => format!("{by} stops at: {title}: {reason}"),
            }
        }
        Event::ItemTicked { step, note } => format!("{by} ticks: {}{}", title(step), after(note.as_deref())),
        Event::ItemUnticked { step, reason } => format!("{by} takes back: {}: {reason}", title(step)),
        Event::Approved { step, role, note, .. } => {
            format!("{by} approves as {role}: {}{}", title(step), after(note.as_deref()))
        }
        Event::Declined { step, reason } => format!("{by} declines: {}: {reason}", title(step)),
        Event::ApprovalGranted { step } => format!("approved: {}", title(step)),
        Event::ApprovalLapsed { step, reason } => format!("the approval lapsed: {}: {reason}", title(step)),
        Event::TimerStarted { step, until } => {
            format!("waits: {}, until {} UTC", title(step), until.time_of_day())
        }
        Event::TimerElapsed { step } => format!("the wait is over: {}", title(step)),
        Event::StepStarted { step, purpose, attempt } => {
            let again = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
            match purpose {
                Purpose::Forward => format!("starts: {}{again}", title(step)),
                Purpose::Undo => format!("undoes: {}{again}", title(step)),
                Purpose::Verify => format!("looks whether it took effect: {}{again}", title(step)),
            }
        }
        Event::StepFinished { step, purpose, result, .. } => {
            let what = match purpose {
                Purpose::Forward => "",
                Purpose::Undo => "undo of ",
                Purpose::Verify => "look at ",
            };
            format!("{}: {what}{}: {}", verdict_word(result.verdict), title(step), result.detail)
        }
        Event::OutcomeUnknown { step, detail, .. } => format!("unknown: {}: {detail}", title(step)),
        _ => String::new(),
    }
}

/// The step's title with its environment; its id when the plan does not have it.
fn title_of(program: &Program, id: &StepId) -> String {
    match program.step(id) {
        Some(step) => match &step.environment {
            Some(environment) => format!("{} [{environment}]", step.title),
            None => step.title.clone(),
        },
        None => id.0.clone(),
    }
}

fn after(note: Option<&str>) -> String {
    note.map_or_else(String::new, |note| format!(": {note}"))
}

/// Returns the word for a verdict.
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "FAILED",
        Verdict::TimedOut => "TIMED OUT",
        Verdict::Cancelled => "ended",
        Verdict::NoAnswer => "NO ANSWER",
    }
}

/// Writes the record as Markdown: facts, the runbook's own page with results, the whole log.
/// `outputs` maps blob hashes to the text that is shown of them.
pub fn markdown(
    state: &State,
    release: &str,
    document: &str,
    log: &[Recorded],
    outputs: &BTreeMap<String, String>,
) -> String {
    let plan = &state.program.plan;
    let mut page = String::new();
    let outcome = state.outcome.as_ref().map_or("not finished", |(outcome, _)| outcome.words());
    let _ = writeln!(page, "# Record of release {release}: {outcome}\n");
    let _ = writeln!(page, "| fact | value |\n|---|---|");
    let facts = [
        ("runbook", format!("{} ({})", plan.title, plan.document.name)),
        ("runbook SHA-256", plan.document.sha256.clone()),
        ("version", plan.version.clone().unwrap_or_default()),
        ("previous version", plan.previous_version.clone().unwrap_or_default()),
        ("started", format!("{} by {}", state.created_at.rfc3339(), state.starter.name())),
        ("ended", state.finished_at.map(Moment::rfc3339).unwrap_or_default()),
        (
            "duration",
            state.finished_at.map(|end| end.since(state.created_at).to_string()).unwrap_or_default(),
        ),
        ("plan digest", state.program.digest().to_owned()),
        ("log", format!("{} lines, head {}", state.length, state.head)),
    ];
    for (fact, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(page, "| {fact} | {} |", value.replace('|', "\\|"));
    }
    if let Some((_, left)) = &state.outcome
        && !left.is_empty()
    {
        let left: Vec<String> = left.iter().map(|id| format!("`{id}`")).collect();
        let _ = writeln!(page, "\n**Still standing, not reversed:** {}", left.join(", "));
    }
    let kept = state.kept();
    if state.outcome.as_ref().is_some_and(|(outcome, _)| *outcome != Outcome::Succeeded) && !kept.is_empty() {
        let kept: Vec<String> =
            kept.iter().map(|&index| format!("`{}`", state.program.plan.steps[index].id)).collect();
        let _ = writeln!(page, "\n**Stays, as the runbook says:** {}", kept.join(", "));
    }
    let _ = writeln!(page, "\n---\n");
    page.push_str(&annotated(state, document, outputs));
    let _ = writeln!(page, "\n---\n\n## Log\n");
    let _ = writeln!(page, "| time (UTC) | what happened |\n|---|---|");
    for recorded in log {
        let text = sentence(&state.program, recorded).replace('|', "\\|").replace(['\n', '\r'], " ");
        let _ = writeln!(page, "| {} | {text} |", recorded.at.rfc3339());
    }
    page
}

/// The document with boxes ticked and a result under each step. Line by line: the text itself is
/// never written anew, so what people know of their page they find again.
fn annotated(state: &State, document: &str, outputs: &BTreeMap<String, String>) -> String {
    let plan = &state.program.plan;
    let mut results: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut ticked: BTreeMap<u32, bool> = BTreeMap::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let life = state.life(index);
        if let Work::Item(_) = &step.work {
            // A box is ticked when its item holds in every environment.
            let holds = matches!(life, Life::Passed | Life::ByHand);
            ticked.entry(step.line).and_modify(|all| *all &= holds).or_insert(holds);
        }
        let text = result_text(state, index, outputs);
        if !text.is_empty() {
            results.entry(step.end_line).or_default().push(text);
        }
    }
    let mut page = String::new();
    // On the page, front matter is shown as what it is; its own dashes would draw lines.
    let front_matter = document
        .starts_with("---")
        .then(|| document.lines().skip(1).position(|line| line.trim_end() == "---"))
        .flatten();
    let fence_lines =
        front_matter.map(|length| (1, u32::try_from(length).unwrap_or(u32::MAX).saturating_add(2)));
    for (line, number) in document.split_inclusive('\n').zip(1_u32..) {
        if let Some((first, last)) = fence_lines
            && (number == first || number == last)
        {
            page.push_str(if number == first { "```yaml\n" } else { "```\n" });
            continue;
        }
        let line = match ticked.get(&number) {
            Some(true) => line.replacen("[ ]", "[x]", 1),
            Some(false) => line.replacen("[x]", "[ ]", 1).replacen("[X]", "[ ]", 1),
            None => line.to_owned(),
        };
        page.push_str(&line);
        if let Some(texts) = results.get(&number) {
            let indent: String = line.chars().take_while(|c| *c == ' ').collect();
            if !line.ends_with('\n') {
                page.push('\n');
            }
            for text in texts {
                page.push('\n');
                for line in text.lines() {
                    let _ = writeln!(page, "{indent}> {line}");
                }
            }
            page.push('\n');
        }
    }
    page
}

fn result_text(state: &State, index: usize, outputs: &BTreeMap<String, String>) -> String {
    let step = &state.program.plan.steps[index];
    let here = &state.steps[index];
    let track = &here.forward;
    let mut text = String::new();
    if track.life != Life::Pending {
        let place =
            step.environment.as_deref().map_or_else(String::new, |environment| format!(" in {environment}"));
        let by = track.by.as_deref().map_or_else(String::new, |by| format!(" by {by}"));
        let _ = write!(text, "**{}**{place}{by}, {}", track.life, track.since.rfc3339());
        if let Some(result) = &track.result {
            let _ = write!(text, " · {}", result.detail);
        }
        if let Some(note) = &track.note {
            let _ = write!(text, " · {note}");
        }
        let counted = quorum::count(state, index).roles;
        for (vote, role) in here.votes.iter().zip(counted) {
            let _ = write!(
                text,
                "\n- {} as {}, {}{}",
                vote.by,
                role.as_ref().unwrap_or(&vote.role),
                vote.at.rfc3339(),
                after(vote.note.as_deref())
            );
        }
        text.push('\n');
        push_output(&mut text, track.result.as_ref(), outputs);
    }
    if here.undo.life != Life::Pending {
        let detail =
            here.undo.result.as_ref().map_or_else(String::new, |result| format!(" · {}", result.detail));
        let _ = writeln!(text, "\n**undo: {}**, {}{detail}", here.undo.life, here.undo.since.rfc3339());
        push_output(&mut text, here.undo.result.as_ref(), outputs);
    }
    text
}

fn push_output(
    text: &mut String,
    result: Option<&crate::event::Finished>,
    outputs: &BTreeMap<String, String>,
) {
    let Some(output) = result.and_then(|result| result.output.as_ref()) else { return };
    let Some(shown) = outputs.get(&output.blob) else { return };
    // A fence longer than any run of backticks inside it cannot be closed by the output.
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(text, "\n{fence}text\n{}\n{fence}", shown.trim_end());
}

/// Returns the name of the program behind an interpreter, as people know it.
pub fn interpreter_name(interpreter: Interpreter) -> &'static str {
    match interpreter {
        Interpreter::Bash => "bash",
        Interpreter::Sh => "sh",
        Interpreter::Zsh => "zsh",
        Interpreter::Python => "python",
        Interpreter::Node => "node",
        Interpreter::Powershell => "powershell",
    }
}
