//! Measures durable transitions a second of the engine alone:
//! `cargo run --release -p tminus-engine --example transitions -- FOLDER RELEASES STEPS`.
//!
//! The hands are those of a rehearsal, so no process is started; the store, the clock and the host
//! are the real ones. Every entry of every log is on the disk before the loop acts on it. Prints
//! one line of JSON: `{"transitions": entries, "seconds": wall time, "releases": count}`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tminus_engine::clock::SystemClock;
use tminus_engine::drive::Stop;
use tminus_engine::host;
use tminus_engine::open::Engine;
use tminus_engine::rehearse::FakeWorld;
use tminus_release::event::{Actor, Outcome};
use tminus_store::sqlite::SqliteStore;
use tminus_testkit::plan::PlanBuilder;
use tokio::sync::watch;

type Failure = Box<dyn std::error::Error>;

// One thread, as in the command line.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, releases, steps] = arguments.as_slice() else {
        return Err("give FOLDER RELEASES STEPS".into());
    };
    let (releases, steps): (usize, usize) = (releases.parse()?, steps.parse()?);
    let folder = PathBuf::from(folder);
    let engine = Engine {
        store: Arc::new(SqliteStore::open(&folder)?),
        hands: Arc::new(FakeWorld::default()),
        clock: Arc::new(SystemClock),
        folder: folder.clone(),
    };
    create(&engine, releases, steps).await?;
    let before = entries(&engine).await?;
    let started = Instant::now();
    drive(&engine, &folder, releases).await?;
    let seconds = started.elapsed().as_secs_f64();
    let transitions = entries(&engine).await? - before;
    writeln!(
        std::io::stdout(),
        r#"{{"transitions": {transitions}, "seconds": {seconds}, "releases": {releases}}}"#
    )?;
    Ok(())
}

async fn create(engine: &Engine, releases: usize, steps: usize) -> Result<(), Failure> {
    let mut builder = PlanBuilder::new();
    for number in 0..steps {
        builder.shell(&format!("s{number}"), "true");
    }
    let starter = Actor::Person { name: "sam".to_owned(), proof: "benchmark".to_owned() };
    for _ in 0..releases {
        engine.create(builder.plan.clone(), Vec::new(), starter.clone()).await?;
    }
    Ok(())
}

/// Counts what is in the logs, by asking the store: what it lists is on the disk.
async fn entries(engine: &Engine) -> Result<u64, Failure> {
    Ok(engine.store.releases().await?.iter().map(|summary| summary.length).sum())
}

async fn drive(engine: &Engine, folder: &Path, releases: usize) -> Result<(), Failure> {
    let (stopper, stop) = watch::channel(Stop::No);
    let mut succeeded = 0;
    let counts = host::run(engine, folder, stop, &mut |_, state| {
        let ended = state.outcome.as_ref().map(|(outcome, _)| *outcome);
        succeeded += usize::from(ended == Some(Outcome::Succeeded));
        if succeeded == releases {
            let _ = stopper.send(Stop::Gently);
        }
    })
    .await?;
    if counts.ended != releases || counts.open != 0 {
        return Err(format!("{} of {releases} releases ended, {} are open", counts.ended, counts.open).into());
    }
    Ok(())
}
