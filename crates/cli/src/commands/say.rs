//! What people say to a release: each command is one entry in its log, and takes no lock.

use std::path::Path;

use tminus_engine::drive::{Blind, Reins, WhenIdle};
use tminus_engine::open::Engine;
use tminus_engine::{EngineError, StoreError};
use tminus_release::State;
use tminus_release::event::{Answer, Event};
use tminus_release::partial;
use tminus_release::people::{self, Person, Refusal};
use tminus_release::plan::{Role, StepId, Undo};

use crate::args::{Command, Driving, Reason, Rollback, SayArg, Speaker};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::place;
use crate::screen::{self, Tone, paint};

/// All commands that say something but `rollback`.
pub(crate) async fn say(command: &Command, state: Option<&Path>) -> super::Result {
    match command {
        Command::Tick(args) => {
            let place = place::place(state)?;
            let engine = place::existing_engine(&place).await?;
            let mut speak = |state: &State, person: &Person| {
                let step = people::find_step(state, &args.step)?;
                match &args.undo {
                    Some(reason) => people::untick(state, person, &step, reason.clone()),
                    None => people::tick(state, person, &step, args.note.clone()),
                }
            };
            let said = said(&engine, &args.speaker, &mut speak).await?;
            match &args.write {
                Some(runbook) => {
                    super::planned::tick(&engine, &said, &args.step, runbook, args.undo.is_none()).await
                }
                None => Ok(ExitCode::Success),
            }
        }
        Command::Approve(args) => done(
            spoken(&args.speaker, state, |state, person| {
                people::approve(state, person, &people::find_step(state, &args.step)?, args.note.clone())
            })
            .await,
        ),
        Command::Decline(args) => done(
            spoken(&args.speaker, state, |state, person| {
                people::decline(state, person, &people::find_step(state, &args.step)?, args.reason.clone())
            })
            .await,
        ),
        Command::Answer(args) => done(
            spoken(&args.speaker, state, |state, person| {
                let reason = args.reason.clone().unwrap_or_default();
                let answer = match args.say {
                    SayArg::Run => Answer::Run,
                    SayArg::Done => Answer::Done { note: args.reason.clone() },
                    SayArg::Skip => Answer::Skip { reason },
                    SayArg::Retry => Answer::Retry,
                    SayArg::Stop => Answer::Stop { reason },
                };
                people::answer(state, person, &people::find_step(state, &args.step)?, answer)
            })
            .await,
        ),
        Command::Hold(args) => {
            done(spoken(&args.speaker, state, |state, _| people::hold(state, args.reason.clone())).await)
        }
        Command::Continue(args) => {
            done(spoken(&args.speaker, state, |state, _| people::lift(state, args.note.clone())).await)
        }
        Command::Abort(args) => abort(args, state).await,
        _ => Err(Failure::usage(
            "do that: the command is not known here",
            "`tminus --help` lists the commands",
        )),
    }
}

/// Says it, and brings the release to its end when nobody else drives it: its environments are free
/// only then.
async fn abort(args: &Reason, state: Option<&Path>) -> super::Result {
    let place = place::place(state)?;
    let engine = place::existing_engine(&place).await?;
    let release = super::status::open_release(&engine, args.speaker.release.as_deref()).await?;
    said(&engine, &args.speaker, &mut |state: &State, _: &Person| people::abort(state, args.reason.clone()))
        .await?;
    let (mut reins, _waker, _stopper) = Reins::new();
    let driver = engine.driver(&place.work, WhenIdle::Leave);
    match driver.drive(&release, &mut reins, &mut Blind, None).await {
        Ok(_) | Err(EngineError::Store(StoreError::Held { .. })) => Ok(ExitCode::Success),
        Err(error) => Err(error.into()),
    }
}

fn done(said: Result<State, Failure>) -> super::Result {
    said.map(|_| ExitCode::Success)
}

async fn spoken(
    speaker: &Speaker,
    state: Option<&Path>,
    mut speak: impl FnMut(&State, &Person) -> Result<Vec<Event>, Refusal>,
) -> Result<State, Failure> {
    let place = place::place(state)?;
    let engine = place::existing_engine(&place).await?;
    said(&engine, speaker, &mut speak).await
}

async fn said(
    engine: &Engine,
    speaker: &Speaker,
    speak: &mut impl FnMut(&State, &Person) -> Result<Vec<Event>, Refusal>,
) -> Result<State, Failure> {
    let release = super::status::open_release(engine, speaker.release.as_deref()).await?;
    let by = place::person(speaker.by.as_deref());
    let person = Person { name: by.name().to_owned(), role: speaker.role.as_deref().map(Role::from) };
    let before = engine.state(&release).await?;
    let after = engine.say(&release, &by, |state| speak(state, &person)).await?;
    show_new(engine, &release, &before, &after).await?;
    Ok(after)
}

/// Shows what was recorded: the same sentences as everywhere.
async fn show_new(
    engine: &Engine,
    release: &tminus_release::ReleaseId,
    before: &State,
    after: &State,
) -> Result<(), Failure> {
    let entries =
        engine.store.read(release, before.length).await.map_err(tminus_engine::EngineError::from)?;
    for entry in entries.iter().filter(|entry| entry.sequence < after.length) {
        if let Ok(recorded) = tminus_release::event::open(entry)
            && crate::live::is_person(&recorded.by)
        {
            let sentence = tminus_release::record::sentence(&after.program, &recorded);
            screen::line(&format!("{} {sentence}", paint(Tone::Good, "recorded:")));
        }
    }
    Ok(())
}

/// `tminus rollback`: says it, and drives it when nobody else does.
pub(crate) async fn rollback(args: &Rollback, state: Option<&Path>) -> super::Result {
    let place = place::place(state)?;
    let engine = place::existing_engine(&place).await?;
    let release = super::status::open_release(&engine, args.speaker.release.as_deref()).await?;
    if let Some(failure) = crate::failure::succeeded_already(&engine.state(&release).await?, &release) {
        return Err(failure);
    }
    let speak = |state: &State| {
        if args.only.is_empty() {
            return people::rollback(state, args.reason.clone());
        }
        let steps = args.only.iter().map(|text| people::find_step(state, text));
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        partial::roll_back(state, args.reason.clone(), &steps, args.despite_dependents.clone())
    };
    if args.dry_run {
        let state = engine.state(&release).await?;
        let events = speak(&state).map_err(tminus_engine::EngineError::from)?;
        let part = events.iter().find_map(|event| match event {
            Event::PartialRollbackStarted { steps, .. } => Some(steps.as_slice()),
            _ => None,
        });
        show_undos(&state, part);
        return Ok(ExitCode::Success);
    }
    said(&engine, &args.speaker, &mut |state: &State, _: &Person| speak(state)).await?;
    if args.no_drive {
        return Ok(ExitCode::Success);
    }
    let no_wait = args.no_wait;
    let driving =
        Driving { answers: None, no_wait, no_input: false, json: false, by: args.speaker.by.clone() };
    match super::drive::drive(&engine, &place, &release, None, &driving).await {
        // Another process drives the release: it has seen the entry and does the work.
        Err(failure) if failure.code == ExitCode::Refused => {
            screen::line("another process drives this release and rolls it back; `tminus watch` follows it");
            Ok(ExitCode::Success)
        }
        other => other,
    }
}

/// Shows what a rollback would undo, in its order: all of it, or a part.
fn show_undos(state: &State, part: Option<&[StepId]>) {
    if state.undo_stack.is_empty() {
        screen::line("nothing was done yet that would need undoing");
    }
    for index in state.undo_order() {
        let step = &state.program.plan.steps[index];
        let how = match &step.undo {
            _ if part.is_some_and(|part| !part.contains(&step.id)) => "stays".to_owned(),
            Undo::Step(undo) => format!("undone by `{undo}`"),
            Undo::Impossible => "cannot be undone: asked about first".to_owned(),
            Undo::Unstated => "no undo stated: it stays as it is".to_owned(),
            Undo::NotNeeded => "needs no undo".to_owned(),
            Undo::Kept => "stays, as the runbook says".to_owned(),
        };
        screen::line(&format!("{}  {}", step.title, paint(Tone::Faint, &how)));
    }
}
