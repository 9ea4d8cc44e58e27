//! `run` and `resume`: driving a release in the foreground.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tminus_engine::drive::{Driver, Left, Observer, Reins, Stop, WhenIdle};
use tminus_engine::open::Engine;
use tminus_engine::operator::{Operator, Script};
use tminus_engine::{export, host};
use tminus_release::event::Outcome;
use tminus_release::standing::{Status, standing};
use tminus_release::{ReleaseId, State};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::answers;
use crate::args::{Driving, Resume, Run};
use crate::commands::source;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::live::{Live, Shared, Style, Wanted, show_waits, tell, tick};
use crate::place::{self, Place};
use crate::screen::{self, Tone, paint};

/// `tminus run`
pub(crate) async fn run(args: &Run, state: Option<&Path>) -> super::Result {
    let mut compiled = source::compile(&args.source)?;
    if !compiled.compiled.open_choices.is_empty() && !args.dry_run && source::is_interactive() {
        let mut asked = args.source.clone();
        asked.choices.extend(source::ask_choices(&compiled));
        compiled = source::compile(&asked)?;
    }
    let plan = source::usable(&compiled, &args.source)?;
    if args.dry_run {
        super::plan::show(&compiled, &plan, usize::MAX);
        return Ok(ExitCode::Success);
    }
    source::refuse_open_choices(&compiled, &args.source)?;
    if let Some(answers) = &args.driving.answers {
        // Answers that cannot be read must not leave a release behind that nobody drives.
        source::script(answers)?;
    }
    let place = place::place(state)?;
    let engine = place::engine(&place).await?;
    let by = place::person(args.driving.by.as_deref());
    let terms = super::environment::terms(args);
    let ticket = match args.wait {
        true => Some(super::environment::wait(&engine, &plan, &by, &terms).await?),
        false => None,
    };
    let (release, state) =
        engine.start(plan, compiled.text.into_bytes(), by, &terms, ticket.as_ref()).await?;
    drop(ticket);
    drive(&engine, &place, &release, Some(state), &args.driving).await
}

/// `tminus resume`
pub(crate) async fn resume(args: &Resume, state: Option<&Path>) -> super::Result {
    let place = place::place(state)?;
    let engine = place::existing_engine(&place).await?;
    if args.all {
        return all(&engine, &place).await;
    }
    let release = super::status::open_release(&engine, args.release.as_deref()).await?;
    let before = engine.state(&release).await?;
    if let Some(edited) = super::planned::edited(&engine, &before).await {
        screen::note(&format!("note: {edited}"));
    }
    drive(&engine, &place, &release, Some(before), &args.driving).await
}

/// Drives one release at this terminal. `known` is its state, for whoever has just made it.
pub(crate) async fn drive(
    engine: &Engine,
    place: &Place,
    release: &ReleaseId,
    known: Option<State>,
    driving: &Driving,
) -> super::Result {
    let script = driving.answers.as_deref().map(source::script).transpose()?;
    let at_keyboard = !driving.json && !driving.no_input && script.is_none() && source::is_interactive();
    let style = if driving.json { Style::Json } else { Style::Text };
    let before = match known {
        Some(state) => state,
        None => engine.state(release).await?,
    };
    if style == Style::Text {
        greet(&before, release);
    }
    if style == Style::Json {
        screen::line(
            &serde_json::json!({ "release": release, "plan_digest": before.program.digest() }).to_string(),
        );
    }
    let ticks = style == Style::Text && screen::is_terminal();
    let shared: Shared = Arc::new(Mutex::new(Some(standing(&before))));
    let idle = if driving.no_wait || script.is_some() { WhenIdle::LeaveForPeople } else { WhenIdle::Stay };
    let tells = style == Style::Text && !at_keyboard && idle == WhenIdle::Stay;
    let wanted = if at_keyboard || ticks { Some(Wanted::All) } else { tells.then_some(Wanted::Waits) };
    let mut live = Live::new(style, wanted.map(|wanted| (Arc::clone(&shared), wanted)));
    let (mut reins, waker, stopper) = Reins::new();
    let listening = tokio::spawn({
        let (engine, release, waker) = (engine.clone(), release.clone(), waker.clone());
        async move { engine.listen(release, waker).await }
    });
    let ticking = ticks.then(|| tokio::spawn(tick(engine.clone(), Arc::clone(&shared))));
    let telling = tells.then(|| tokio::spawn(tell(engine.clone(), release.clone(), Arc::clone(&shared))));
    let asking = at_keyboard.then(|| {
        let by = place::person(driving.by.as_deref());
        tokio::spawn(answers::ask(engine.clone(), release.clone(), by, shared, waker))
    });
    let stopping = tokio::spawn(stop_on_signals(stopper));
    let driver = engine.driver(&place.work, idle);
    let left = turn(&driver, release, before, &mut reins, &mut live, script).await;
    listening.abort();
    stopping.abort();
    for task in asking.into_iter().chain(ticking).chain(telling) {
        task.abort();
    }
    screen::clear_status();
    let (left, after) = left?;
    if style == Style::Text {
        farewell(&after, release, &left);
    }
    Ok(code(&after, &left))
}

async fn turn(
    driver: &Driver,
    release: &ReleaseId,
    before: State,
    reins: &mut Reins,
    live: &mut dyn Observer,
    mut script: Option<Script>,
) -> Result<(Left, State), Failure> {
    let operator = script.as_mut().map(|script| script as &mut dyn Operator);
    Ok(driver.drive_to(release, Some(before), reins, live, operator).await?)
}

/// Ctrl-C once: nothing new starts, what runs may end. Twice, or a closed terminal: what runs is
/// ended, and the log says so. Signals are heard from the call on, before the first wait.
fn stop_on_signals(stopper: watch::Sender<Stop>) -> impl Future<Output = ()> + Send {
    let kinds = [SignalKind::interrupt(), SignalKind::hangup(), SignalKind::terminate()];
    let signals = kinds.map(signal);
    async move {
        let [Ok(mut interrupt), Ok(mut hangup), Ok(mut terminate)] = signals else { return };
        let mut pressed = false;
        loop {
            let stop = tokio::select! {
                _ = interrupt.recv() => if pressed { Stop::Now } else { Stop::Gently },
                _ = hangup.recv() => Stop::Now,
                _ = terminate.recv() => Stop::Now,
            };
            if stop == Stop::Gently {
                screen::note("\nstopping: nothing new starts; what runs may end. Once more to end it now.");
            }
            pressed = true;
            let _ = stopper.send(stop);
        }
    }
}

fn greet(state: &State, release: &ReleaseId) {
    let plan = &state.program.plan;
    let version = plan.version.as_deref().map_or_else(String::new, |version| format!(" {version}"));
    screen::line(&paint(Tone::Strong, &format!("{}{version}", plan.title)));
    screen::line(&paint(
        Tone::Faint,
        &format!(
            "release {release} · plan {} · {} steps",
            &state.program.digest()[..12],
            standing(state).total
        ),
    ));
}

fn farewell(state: &State, release: &ReleaseId, left: &Left) {
    let here = standing(state);
    screen::line("");
    match left {
        Left::Finished(outcome) => {
            let tone = if *outcome == Outcome::Succeeded { Tone::Good } else { Tone::Bad };
            let took = state.finished_at.unwrap_or(state.last_at).since(state.created_at);
            screen::line(&paint(tone, &format!("{} after {took}", outcome.words())));
            if let Some(rollback) = &state.rollback {
                screen::line(&format!("  why        {}", rollback.detail));
            }
            if let Some((_, standing)) = &state.outcome
                && !standing.is_empty()
            {
                let ids: Vec<&str> = standing.iter().map(|id| id.as_str()).collect();
                screen::line(&paint(Tone::Warn, &format!("  not undone {}", ids.join(", "))));
            }
            let kept: Vec<&str> =
                state.kept().into_iter().map(|index| state.program.plan.steps[index].id.as_str()).collect();
            if *outcome != Outcome::Succeeded && !kept.is_empty() {
                screen::line(&format!("  stays      {}, as the runbook says", kept.join(", ")));
            }
            screen::line(&format!("  record     tminus record {release}"));
        }
        Left::Idle(_) | Left::Stopped => {
            screen::line(&paint(
                Tone::Warn,
                &format!(
                    "left while {} ({} of {} steps settled)",
                    here.status.words(),
                    here.settled,
                    here.total
                ),
            ));
            show_waits(&release.0, &here.waits, state.last_at);
            screen::line(&format!("  go on      tminus resume {release}"));
            if state.can_turn_back() {
                screen::line(&format!("  go back    tminus rollback -r {release} --reason \"…\""));
            }
        }
    }
}

/// The exit code of a release.
pub(crate) fn code(state: &State, left: &Left) -> ExitCode {
    match left {
        Left::Finished(Outcome::Succeeded) => ExitCode::Success,
        Left::Finished(Outcome::RolledBack | Outcome::PartlyRolledBack) => ExitCode::RolledBack,
        Left::Finished(Outcome::Declined | Outcome::Aborted) => ExitCode::Declined,
        Left::Stopped => ExitCode::Interrupted,
        Left::Idle(_) if standing(state).status == Status::Stuck => ExitCode::Stuck,
        Left::Idle(_) => ExitCode::OnHold,
    }
}

/// Drives everything that has not ended, until told to stop.
async fn all(engine: &Engine, place: &Place) -> super::Result {
    let (stopper, stop) = watch::channel(Stop::No);
    let stopping = tokio::spawn(stop_on_signals(stopper));
    let counts = host::run(engine, &place.work, stop, &mut |release, state| {
        let here = standing(state);
        let waits = here.waits.first().map_or_else(String::new, |wait| format!(": waits for {}", wait.title));
        screen::line(&format!(
            "{} {release} {}{waits}",
            paint(Tone::Faint, &state.last_at.time_of_day()),
            here.status.words()
        ));
    })
    .await;
    stopping.abort();
    let counts = counts?;
    screen::line(&format!("{} ended, {} not", counts.ended, counts.open));
    Ok(if counts.open == 0 { ExitCode::Success } else { ExitCode::OnHold })
}

/// Where a record of a release goes when nobody says otherwise.
pub(crate) fn record_folder(release: &ReleaseId) -> std::path::PathBuf {
    export::folder_name(release)
}
