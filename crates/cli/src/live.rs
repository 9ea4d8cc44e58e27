//! What a person or a pipe sees while a release runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tminus_engine::drive::Observer;
use tminus_engine::open::Engine;
use tminus_release::event::{Actor, Event, Purpose, Recorded, RuleVerdict, Verdict};
use tminus_release::plan::{Action, Work};
use tminus_release::record;
use tminus_release::standing::{Standing, Wait, standing};
use tminus_release::{ReleaseId, State, StepId, gates};

use crate::screen::{self, Tone, paint};

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Lines of text, with the output of steps.
    Text,
    /// One event of the log a line.
    Json,
}

/// Shows events as they become durable.
pub(crate) struct Live {
    style: Style,
    phase: Option<usize>,
    shared: Option<(Shared, Wanted)>,
    partial: Vec<u8>,
    quiet: BTreeSet<StepId>,
    printed: BTreeMap<StepId, Printed>,
}

/// What came of a step's output.
#[derive(Default)]
struct Printed {
    bytes: usize,
    /// What was not shown since the last that was.
    hidden: usize,
    /// The last lines of that.
    last: Vec<u8>,
}

/// What of a step's output is shown whole, and how much comes before a few lines are shown again. Nobody can
/// read more, or find anything in a log of it; what is kept is in the record.
const SHOWN_BYTES: usize = 1 << 20;

/// So many lines are shown again.
const LAST_LINES: usize = 10;

/// Where a release stands, for those who ask, and for those who tell what it waits for.
pub(crate) type Shared = Arc<Mutex<Option<Standing>>>;

/// What of it is wanted. To gather it takes longer than a short step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Where it stands after each event.
    All,
    /// What it waits for; nothing while a step follows a step.
    Waits,
}

impl Live {
    /// Makes a view. `shared` gets the standing after each event, as far as it is wanted.
    pub(crate) fn new(style: Style, shared: Option<(Shared, Wanted)>) -> Live {
        Live {
            style,
            phase: None,
            shared,
            partial: Vec::new(),
            quiet: BTreeSet::new(),
            printed: BTreeMap::new(),
        }
    }

    fn heading(&mut self, state: &State, event: &Event, lines: &mut Vec<String>) {
        let (Event::StepStarted { step, purpose: Purpose::Forward, .. }
        | Event::StepAsked { step, purpose: Purpose::Forward }
        | Event::TimerStarted { step, .. }) = event
        else {
            return;
        };
        let Some(step) = state.program.step(step) else { return };
        if self.phase == Some(step.phase) {
            return;
        }
        self.phase = Some(step.phase);
        let phase = &state.program.plan.phases[step.phase];
        let place =
            phase.environment.as_deref().map_or_else(String::new, |environment| format!(" · {environment}"));
        let owner = phase.owner.as_deref().map_or_else(String::new, |owner| format!(" · {owner}"));
        lines.push(String::new());
        lines.push(format!(
            "{}{}",
            paint(Tone::Strong, &phase.title),
            paint(Tone::Faint, &format!("{place}{owner}"))
        ));
    }

    /// Shows an event in one write: a terminal would draw each line by itself, and a pipe's reader
    /// would be woken for each.
    fn text(&mut self, state: &State, recorded: &Recorded) {
        let mut lines = Vec::new();
        // What a step said last is what tells why it failed.
        if let Event::StepFinished { step, .. } = &recorded.event
            && let Some(mut printed) = self.printed.remove(step)
            && printed.hidden > 0
        {
            lines.extend(printed.take_last());
        }
        lines.extend(self.take_partial());
        self.event_lines(state, recorded, &mut lines);
        if !lines.is_empty() {
            screen::line(&lines.join("\n"));
        }
    }

    fn event_lines(&mut self, state: &State, recorded: &Recorded, lines: &mut Vec<String>) {
        self.heading(state, &recorded.event, lines);
        let tone = match &recorded.event {
            // Said once at the top, or shown by what follows.
            Event::ReleaseCreated { .. } | Event::EngineStarted | Event::ApprovalGranted { .. } => return,
            Event::StepFinished { result, .. } => match result.verdict {
                Verdict::Passed => Tone::Good,
                Verdict::Cancelled | Verdict::NoAnswer => Tone::Warn,
                Verdict::Failed | Verdict::TimedOut => Tone::Bad,
            },
            Event::RuleChanged { verdict: RuleVerdict::Fired, .. }
            | Event::RollbackStarted { .. }
            | Event::PartialRollbackStarted { .. }
            | Event::Declined { .. } => Tone::Bad,
            Event::RuleChanged { verdict: RuleVerdict::Breaching | RuleVerdict::NoData, .. }
            | Event::HoldPlaced { .. }
            | Event::OutcomeUnknown { .. }
            | Event::ApprovalLapsed { .. } => Tone::Warn,
            Event::StepAsked { .. } => Tone::Ask,
            Event::ItemTicked { .. } | Event::Approved { .. } => Tone::Good,
            Event::ReleaseFinished { outcome, .. }
                if *outcome == tminus_release::event::Outcome::Succeeded =>
            {
                Tone::Good
            }
            Event::ReleaseFinished { .. } => Tone::Bad,
            _ => Tone::Plain,
        };
        if let Event::StepStarted { step, .. } = &recorded.event
            && let Some(Work::Act(Action::Http(_))) = state.program.step(step).map(|step| &step.work)
        {
            // The transcript of a request is in the record; here its verdict is enough.
            self.quiet.insert(step.clone());
        }
        let sign = match (&recorded.event, tone) {
            (Event::StepStarted { .. } | Event::TimerStarted { .. }, _) => "▶",
            (_, Tone::Good) => "✓",
            (_, Tone::Bad) => "✗",
            (_, Tone::Warn) => "!",
            (_, Tone::Ask) => "?",
            _ => "·",
        };
        let sentence = record::sentence(&state.program, recorded);
        lines.push(format!(
            "{} {}",
            paint(Tone::Faint, &recorded.at.time_of_day()),
            paint(tone, &format!("{sign} {sentence}"))
        ));
        match &recorded.event {
            // Who says yes has seen all of it; what runs by itself is recalled in a few lines.
            Event::StepAsked { step, purpose } => show_command(state, step, *purpose, 60, lines),
            Event::StepStarted { step, purpose, .. } => show_command(state, step, *purpose, 3, lines),
            _ => {}
        }
    }

    /// The line of output that has no end yet.
    fn take_partial(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.partial);
        (!rest.is_empty()).then(|| format!("         {} {}", paint(Tone::Faint, "│"), screen::tame(&rest)))
    }
}

impl Printed {
    /// Shows the last of what was not shown, and how much stands before it.
    fn take_last(&mut self) -> Vec<String> {
        let last = std::mem::take(&mut self.last);
        let left_out = std::mem::take(&mut self.hidden) - last.len();
        let why = "there is much of it; the record has both ends";
        let bar = paint(Tone::Faint, "│");
        let mut lines = vec![format!("         {bar} … {left_out} bytes are not shown: {why}")];
        lines.extend(beside_bar(&last));
        lines
    }
}

fn beside_bar(whole: &[u8]) -> Vec<String> {
    let bar = paint(Tone::Faint, "│");
    screen::tame(whole).lines().map(|line| format!("         {bar} {}", line.trim_end())).collect()
}

/// Returns the last few of these lines.
fn last_lines(whole: &[u8]) -> &[u8] {
    let mut ends = whole.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    &whole[ends.nth(LAST_LINES).map_or(0, |(at, _)| at + 1)..]
}

/// Shows the first lines of what runs, exactly as it runs.
fn show_command(state: &State, id: &StepId, purpose: Purpose, most: usize, shown: &mut Vec<String>) {
    let Some(index) = state.program.index(id) else { return };
    let step = match purpose {
        Purpose::Undo => state.program.undo_of(index).map(|undo| &state.program.plan.steps[undo]),
        _ => state.program.plan.steps.get(index),
    };
    if let Some(Work::Approval(_)) = step.map(|step| &step.work) {
        for told in gates::told(state, index) {
            shown.push(format!("         {told}"));
        }
    }
    let Some(Work::Act(action)) = step.map(|step| &step.work) else { return };
    let text = match action {
        Action::Shell(shell) => shell.script.clone(),
        Action::Http(http) => format!("{} {}", http.method, http.url),
        Action::Notify(_) | Action::Unavailable(_) => return,
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    // Cut for a terminal; a file or another program gets the whole line.
    let width = if screen::is_terminal() { screen::width().max(60) - 12 } else { usize::MAX };
    for line in lines.iter().take(most) {
        shown.push(paint(Tone::Faint, &format!("         $ {}", screen::cut(line, width))));
    }
    if lines.len() > most {
        shown.push(paint(Tone::Faint, &format!("         $ … {} more lines", lines.len() - most)));
    }
}

/// Tells whether nothing is asked after an event, or another event comes that says so.
fn goes_on(event: &Event) -> bool {
    match event {
        Event::StepStarted { .. } => true,
        Event::StepFinished { result, .. } => result.verdict == Verdict::Passed,
        _ => false,
    }
}

impl Observer for Live {
    fn event(&mut self, state: &State, recorded: &Recorded) {
        match self.style {
            Style::Text => self.text(state, recorded),
            Style::Json => {
                if let Ok(text) = serde_json::to_string(recorded) {
                    screen::data(&text);
                }
            }
        }
        if let Some((shared, wanted)) = &self.shared {
            let is_wanted = *wanted == Wanted::All || !goes_on(&recorded.event);
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = is_wanted.then(|| standing(state));
        }
    }

    fn output(&mut self, step: &StepId, bytes: &[u8]) {
        if self.style == Style::Json || self.quiet.contains(step) {
            return;
        }
        self.partial.extend_from_slice(bytes);
        // All whole lines at once: a step may print millions of them.
        if let Some(end) = self.partial.iter().rposition(|byte| *byte == b'\n') {
            let rest = self.partial.split_off(end + 1);
            let whole = std::mem::replace(&mut self.partial, rest);
            let printed = self.printed.entry(step.clone()).or_default();
            printed.bytes += whole.len();
            let lines = if printed.bytes <= SHOWN_BYTES {
                beside_bar(&whole)
            } else {
                printed.hidden += whole.len();
                printed.last = last_lines(&whole).to_vec();
                if printed.hidden < SHOWN_BYTES {
                    return;
                }
                printed.take_last()
            };
            screen::line(&lines.join("\n"));
        }
        // A line without an end must not grow for ever.
        if self.partial.len() > 64 * 1024
            && let Some(line) = self.take_partial()
        {
            screen::line(&line);
        }
    }
}

/// Keeps a status line at the bottom of the terminal: what runs or is waited for, and for how long.
/// A long step that prints nothing must not look like a program that hangs.
pub(crate) async fn tick(engine: Engine, shared: Shared) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let here = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(here) = here else { continue };
        let now = engine.clock.now();
        let done = format!("{} of {} settled", here.settled, here.total);
        if let Some(running) = here.running.first() {
            let since =
                here.running_since.map_or_else(String::new, |since| format!(" for {}", now.since(since)));
            screen::status(&format!("… {running} runs{since} · {done}"));
        } else if here.waits.iter().any(|wait| !wait.commands.is_empty()) {
            // A question stands there; the answer is being typed behind it.
        } else if let Some((wait, until)) = here.waits.iter().find_map(|wait| Some((wait, wait.until?))) {
            screen::status(&format!("… {} ends in {} · {done}", wait.title, until.since(now)));
        }
    }
}

/// Tells what is asked where nobody can type an answer, with the commands that answer it: whoever
/// reads a log of CI has nothing else. A second later, as much is answered by others or by itself.
pub(crate) async fn tell(engine: Engine, release: ReleaseId, shared: Shared) {
    let mut told: Vec<Wait> = Vec::new();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let here = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(here) = here.filter(|here| here.running.is_empty()) else { continue };
        let asked: Vec<Wait> = here.waits.into_iter().filter(|wait| !wait.commands.is_empty()).collect();
        if asked != told {
            show_waits(&release.0, &asked, engine.clock.now());
            told = asked;
        }
    }
}

/// Writes what a release waits for, with the commands that end the wait.
pub(crate) fn show_waits(release: &str, waits: &[Wait], now: tminus_release::time::Moment) {
    for wait in waits {
        let age = now.since(wait.since);
        let until = wait.until.map_or_else(String::new, |until| format!(", ends in {}", until.since(now)));
        screen::line(&format!("  {} {}", paint(Tone::Ask, "waits for"), paint(Tone::Strong, &wait.title)));
        if wait.why != wait.title {
            screen::line(&format!("    why    {}", wait.why));
        }
        screen::line(&format!("    who    {} · for {age}{until}", wait.who));
        for command in &wait.commands {
            screen::line(&format!("    {}", paint(Tone::Faint, &format!("tminus {command} -r {release}"))));
        }
    }
}

/// Tells who caused an event, when that was a person.
pub(crate) fn is_person(actor: &Actor) -> bool {
    matches!(actor, Actor::Person { .. })
}
