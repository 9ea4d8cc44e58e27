//! Environments: who has one, waiting for it, `freeze` and `thaw`.

use std::path::Path;

use serde_json::json;
use tminus_engine::environments::{Again, Obstacle, Terms, Ticket};
use tminus_engine::open::Engine;
use tminus_release::environment::{Change, Environment, Waiter};
use tminus_release::event::Actor;
use tminus_release::plan::Plan;
use tminus_release::standing::standing;
use tminus_release::time::Moment;

use crate::args::{FreezeArgs, Run, ThawArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::place;
use crate::screen::{self, Tone, paint};

/// What the command line says about the start of a release.
pub(crate) fn terms(args: &Run) -> Terms {
    Terms {
        despite_freeze: args.despite_freeze.clone(),
        again: if args.again { Again::Allow } else { Again::Refuse },
    }
}

/// Waits until the plan's environments are free, and says what for.
pub(crate) async fn wait(engine: &Engine, plan: &Plan, by: &Actor, terms: &Terms) -> Result<Ticket, Failure> {
    let mut said = |obstacle: &Obstacle| {
        let why = obstacle.to_string();
        let why = why.strip_prefix("start the release: ").unwrap_or(&why);
        screen::note(&format!("waits: {why}; Ctrl-C gives the place up"));
    };
    Ok(engine.wait_for_turn(plan, by, terms, &mut said).await?)
}

/// `tminus freeze`
pub(crate) async fn freeze(args: &FreezeArgs, state: Option<&Path>) -> super::Result {
    let engine = place::engine(&place::place(state)?).await?;
    let span =
        args.span.as_deref().map(tminus_runbook::rules::parse_duration).transpose().map_err(|error| {
            Failure::usage(
                format!("use `--for`: {error}"),
                "write a time such as `--for 4h` or `--for '2 days'`",
            )
        })?;
    let until = span.map(|span| engine.clock.now().plus(span));
    let frozen = Change::Frozen { reason: args.reason.clone(), until };
    let after = engine.note(&args.environment, &place::person(args.by.as_deref()), frozen).await?;
    let ends = until.map_or("until `tminus thaw`".to_owned(), |until| format!("until {}", until.rfc3339()));
    screen::line(&format!("{} is frozen {ends}", args.environment));
    if let Some(holder) = after.holder {
        screen::line(&format!("release {} is under way there and may go on, or back", holder.release));
    }
    Ok(ExitCode::Success)
}

/// `tminus thaw`
pub(crate) async fn thaw(args: &ThawArgs, state: Option<&Path>) -> super::Result {
    let engine = place::existing_engine(&place::place(state)?).await?;
    if engine.environment(&args.environment).await?.freeze.is_none() {
        return Err(Failure::usage(
            format!("thaw {}: it is not frozen", args.environment),
            format!("`tminus status {}` shows how it stands", args.environment),
        ));
    }
    let thawed = Change::Thawed { reason: args.reason.clone() };
    engine.note(&args.environment, &place::person(args.by.as_deref()), thawed).await?;
    screen::line(&format!("{} is not frozen any more", args.environment));
    Ok(ExitCode::Success)
}

/// `tminus status ENVIRONMENT`
pub(crate) async fn show(
    engine: &Engine,
    name: &str,
    environment: &Environment,
    as_json: bool,
) -> super::Result {
    let now = engine.clock.now();
    if as_json {
        screen::data(&json!({ "environment": name, "standing": environment }).to_string());
        return Ok(ExitCode::Success);
    }
    let version = |version: Option<&str>| version.map_or_else(String::new, |version| format!(" {version}"));
    screen::line(&paint(Tone::Strong, name));
    match &environment.holder {
        None => screen::line("  free"),
        Some(holder) => {
            screen::line(&format!(
                "  held by   {}{} · release {} · {} · {}",
                holder.title,
                version(holder.version.as_deref()),
                holder.release,
                holder.by,
                now.since(holder.since)
            ));
            let state = engine.state(&holder.release).await?;
            let here = standing(&state);
            let waits = here
                .waits
                .first()
                .map_or_else(String::new, |wait| format!(", waits for {} ({})", wait.title, wait.who));
            screen::line(&format!("            {}{waits}", here.status.words()));
        }
    }
    if let Some(freeze) = environment.freeze_at(now) {
        let until = freeze.until.map_or_else(String::new, |until| format!(", until {}", until.rfc3339()));
        screen::line(&paint(Tone::Warn, &format!("  frozen    by {}{until}: {}", freeze.by, freeze.reason)));
    }
    for (waiter, place) in environment.queue.iter().zip(1..) {
        screen::line(&format!(
            "  waits {place}   {}{} · {} · {}, {}",
            waiter.title,
            version(waiter.version.as_deref()),
            waiter.by,
            now.since(waiter.since),
            waits_for(environment, waiter, now)
        ));
    }
    if let Some(good) = &environment.good {
        screen::line(&format!(
            "  last good {} · release {} · {} ago",
            good.version,
            good.release,
            now.since(good.at)
        ));
    }
    for bad in environment.bad.iter().rev() {
        let why = bad.why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
        screen::line(&format!("  went back {} · release {}{why}", bad.version, bad.release));
    }
    Ok(ExitCode::Success)
}

/// What somebody in the queue waits for, here.
fn waits_for(environment: &Environment, waiter: &Waiter, now: Moment) -> String {
    let frozen = environment.freeze_at(now).filter(|_| waiter.despite_freeze.is_none());
    let before: Vec<&str> = environment
        .in_line(now)
        .take_while(|other| other.ticket != waiter.ticket)
        .filter_map(|other| other.version.as_deref().or(Some(&other.title)))
        .collect();
    match (&environment.holder, frozen) {
        (_, Some(freeze)) => format!("for the end of the freeze ({})", freeze.reason),
        (_, None) if !before.is_empty() => format!("behind {}", before.join(", ")),
        (Some(holder), None) => format!("for the release {} to end", holder.release),
        // It looks every few moments.
        (None, None) => "its turn comes".to_owned(),
    }
}
