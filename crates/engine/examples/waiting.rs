//! Fills a store with releases that wait, for measuring what waiting costs:
//! `cargo run --release -p tminus-engine --example waiting -- FOLDER RELEASES`.
//!
//! Half of them wait for a person to tick `reviewed`, half are in a soak of a day; each has a plan
//! of a dozen steps with undos behind that. Prints the ids of those that wait for a tick, one a line.

use std::io::Write as _;
use std::path::PathBuf;

use tminus_engine::open::Engine;
use tminus_release::event::Actor;
use tminus_release::plan::Plan;
use tminus_release::time::Span;
use tminus_testkit::plan::PlanBuilder;

type Failure = Box<dyn std::error::Error>;

/// Steps that a release has when its wait is over.
const STEPS: usize = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, releases] = arguments.as_slice() else {
        return Err("give FOLDER RELEASES".into());
    };
    let releases: usize = releases.parse()?;
    let engine = Engine::open(&PathBuf::from(folder), std::collections::BTreeMap::new()).await?;
    let (held, soaking) = (held(), soaking());
    let starter = Actor::Person { name: "sam".to_owned(), proof: "benchmark".to_owned() };
    let mut out = std::io::stdout().lock();
    for number in 0..releases {
        let plan = if number % 2 == 0 { &held } else { &soaking };
        let (release, _) = engine.create(plan.clone(), b"# Release\n".to_vec(), starter.clone()).await?;
        if number % 2 == 0 {
            writeln!(out, "{release}")?;
        }
    }
    Ok(())
}

fn held() -> Plan {
    let mut builder = PlanBuilder::new();
    builder.item("reviewed");
    rest(builder)
}

fn soaking() -> Plan {
    let mut builder = PlanBuilder::new();
    builder.soak("overnight", Span::hours(24), &[]);
    rest(builder)
}

/// After the tick comes one more question, so that a release that was woken comes to rest again.
fn rest(mut builder: PlanBuilder) -> Plan {
    builder.item("announced");
    for number in 0..STEPS {
        builder.undoable(&format!("step-{number}"), "./deploy --slowly", "./deploy --previous");
    }
    builder.plan
}
