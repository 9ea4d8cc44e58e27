//! `status`, `watch`, `log`: looking at releases. None of them takes a lock.

use std::path::Path;

use serde_json::json;
use tminus_engine::EngineError;
use tminus_engine::drive::Observer as _;
use tminus_engine::open::{Card, Engine, card};
use tminus_release::event;
use tminus_release::people;
use tminus_release::record;
use tminus_release::standing::standing;
use tminus_release::{ReleaseId, State};

use crate::args;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::live::{Live, Style, show_waits};
use crate::place;
use crate::screen::{self, Tone, paint};

/// Finds a release: the one named, or the newest that has not ended, or the newest.
pub(crate) async fn open_release(engine: &Engine, name: Option<&str>) -> Result<ReleaseId, Failure> {
    if let Some(name) = name {
        return Ok(engine.find(name).await?);
    }
    let summaries = engine.store.releases().await.map_err(EngineError::from)?;
    let open = summaries.iter().find(|summary| {
        serde_json::from_str::<Card>(&summary.text).map_or(true, |card| card.outcome.is_none())
    });
    match open.or(summaries.first()) {
        Some(summary) => Ok(summary.release.clone()),
        None => Err(Failure::usage(
            "find a release: none was started here yet",
            "`tminus run RUNBOOK.md` starts one",
        )),
    }
}

/// `tminus status`
pub(crate) async fn status(args: &args::Status, state: Option<&Path>) -> super::Result {
    let place = place::place(state)?;
    let engine = place::existing_engine(&place).await?;
    match &args.release {
        Some(name) => {
            let environment = engine.environment(name).await?;
            if environment.length > 0 {
                return super::environment::show(&engine, name, &environment, args.json).await;
            }
            one(&engine, name, args.json).await
        }
        None => list(&engine, args.json).await,
    }
}

async fn one(engine: &Engine, name: &str, as_json: bool) -> super::Result {
    let release = engine.find(name).await?;
    let state = engine.state(&release).await?;
    let here = standing(&state);
    let now = engine.clock.now();
    let driver = engine.store.holder(&release).await.map_err(EngineError::from)?;
    if as_json {
        let value = json!({
            "release": release, "card": card(&state, now), "standing": here, "driver": driver,
            "rollback": state.rollback.as_ref().map(|rollback| &rollback.detail),
        });
        screen::data(&value.to_string());
        return Ok(ExitCode::Success);
    }
    let plan = &state.program.plan;
    let version = plan.version.as_deref().map_or_else(String::new, |version| format!(" {version}"));
    screen::line(&paint(Tone::Strong, &format!("{}{version}", plan.title)));
    screen::line(&format!("  release   {release}"));
    screen::line(&format!(
        "  status    {} · {} of {} steps settled",
        here.status.words(),
        here.settled,
        here.total
    ));
    let took = state.finished_at.unwrap_or(now).since(state.created_at);
    screen::line(&format!("  started   {} by {} · {took}", state.created_at.rfc3339(), state.starter.name()));
    if state.outcome.is_none() {
        // A log says what was under way; only the lease says whether anybody is still at it.
        let drives = match &driver {
            Some(driver) => driver.clone(),
            None => paint(Tone::Warn, &format!("nobody: nothing moves until `tminus resume {release}`")),
        };
        screen::line(&format!("  driven by {drives}"));
    }
    if let Some(edited) = super::planned::edited(engine, &state).await {
        screen::line(&paint(Tone::Warn, &format!("  note      {edited}")));
    }
    if let Some(rollback) = &state.rollback {
        screen::line(&format!("  back      {}", rollback.detail));
    }
    for step in &here.running {
        let title = plan.step(step).map_or("", |step| step.title.as_str());
        screen::line(&format!("  runs      {title} ({step})"));
    }
    for ((rule, environment), seen) in &state.rules {
        let place =
            environment.as_deref().map_or_else(String::new, |environment| format!(" [{environment}]"));
        screen::line(&format!("  rule {rule}{place}  {}", seen.detail));
    }
    show_waits(&release.0, &here.waits, now);
    Ok(ExitCode::Success)
}

async fn list(engine: &Engine, as_json: bool) -> super::Result {
    let summaries = engine.store.releases().await.map_err(EngineError::from)?;
    let now = engine.clock.now();
    let mut cards = Vec::new();
    for summary in summaries {
        let known = serde_json::from_str::<Card>(&summary.text).ok().filter(|card| card.outcome.is_some());
        // The summary of an open release may be behind its log: ask the log.
        let card = match known {
            Some(card) => card,
            None => card(&engine.state(&summary.release).await?, now),
        };
        let driver = match card.outcome {
            Some(_) => None,
            None => engine.store.holder(&summary.release).await.map_err(EngineError::from)?,
        };
        cards.push((summary.release, card, driver));
    }
    if as_json {
        let all: Vec<_> = cards
            .iter()
            .map(|(release, card, driver)| json!({"release": release, "card": card, "driver": driver}))
            .collect();
        screen::data(&json!(all).to_string());
        return Ok(ExitCode::Success);
    }
    if cards.is_empty() {
        screen::line("no releases yet; `tminus run RUNBOOK.md` starts one");
    }
    for (release, card, driver) in &cards {
        let version = card.version.as_deref().unwrap_or("");
        let age = now.since(card.created_at);
        let waits =
            card.waits_for.as_deref().map_or_else(String::new, |waits| format!(" · waits for {waits}"));
        let left = if card.outcome.is_none() && driver.is_none() { " · nobody drives it" } else { "" };
        let text = format!(
            "{release}  {:<12} {:>3}/{:<3} {} {version} · {age} ago{waits}{left}",
            card.status, card.settled, card.total, card.title
        );
        screen::line(&if screen::is_terminal() { screen::cut(&text, screen::width()) } else { text });
    }
    Ok(ExitCode::Success)
}

/// `tminus watch`: follows the log until the release ends.
pub(crate) async fn watch(args: &args::Which, state: Option<&Path>) -> super::Result {
    let place = place::place(state)?;
    let engine = place::existing_engine(&place).await?;
    let release = engine.find(&args.release).await?;
    let mut live = Live::new(Style::Text, None);
    let (waker, mut wake) = tokio::sync::watch::channel(0);
    let listening = tokio::spawn({
        let (engine, release) = (engine.clone(), release.clone());
        async move { engine.listen(release, waker).await }
    });
    let mut seen = 0;
    let ended = loop {
        let entries = engine.store.read(&release, 0).await.map_err(EngineError::from)?;
        let state = State::fold(&entries).map_err(EngineError::from)?;
        for entry in entries.iter().filter(|entry| entry.sequence >= seen) {
            if let Ok(recorded) = event::open(entry) {
                live.event(&state, &recorded);
            }
        }
        seen = state.length;
        if let Some((outcome, _)) = &state.outcome {
            break super::drive::code(&state, &tminus_engine::drive::Left::Finished(*outcome));
        }
        if wake.changed().await.is_err() {
            break ExitCode::Success;
        }
    };
    listening.abort();
    Ok(ended)
}

/// `tminus log`
pub(crate) async fn log(args: &args::Log, state: Option<&Path>) -> super::Result {
    let place = place::place(state)?;
    let engine = place::existing_engine(&place).await?;
    let release = engine.find(&args.which.release).await?;
    let entries = engine.store.read(&release, 0).await.map_err(EngineError::from)?;
    if args.json {
        for entry in &entries {
            screen::data(&entry.line);
        }
        return Ok(ExitCode::Success);
    }
    let state = State::fold(&entries).map_err(EngineError::from)?;
    if let Some(step) = &args.output {
        return output(&engine, &state, step).await;
    }
    for entry in &entries {
        let recorded = event::open(entry).map_err(|error| EngineError::Fold(error.into()))?;
        screen::line(&format!(
            "{} {}",
            paint(Tone::Faint, &recorded.at.rfc3339()),
            record::sentence(&state.program, &recorded)
        ));
    }
    Ok(ExitCode::Success)
}

async fn output(engine: &Engine, state: &State, step: &str) -> super::Result {
    let id = people::find_step(state, step).map_err(EngineError::from)?;
    let index = state.program.index(&id).unwrap_or_default();
    for (name, track) in [("", &state.steps[index].forward), ("undo: ", &state.steps[index].undo)] {
        let Some(result) = &track.result else { continue };
        screen::note(&format!("{name}{}", result.detail));
        if let Some(output) = &result.output {
            let bytes =
                engine.store.get_blob(&output.blob).await.map_err(EngineError::from)?.unwrap_or_default();
            screen::raw(&if screen::is_terminal() {
                screen::tame(&bytes)
            } else {
                String::from_utf8_lossy(&bytes).into_owned()
            });
        }
    }
    Ok(ExitCode::Success)
}
