//! Compares steps with plain shells: `cargo run --release -p tminus-steps --example overhead [COUNT]`.
//!
//! Wall time and CPU time of the process with its children, for the same number of `bash -c true`
//! started by a shell loop, started plainly, and performed as steps.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tminus_release::ReleaseId;
use tminus_release::plan::{Action, Interpreter, Shell};
use tminus_release::time::Span;
use tminus_steps::{Hands as _, Job, Verdict, World};
use tokio::sync::{mpsc, watch};

/// CPU time of this process and its ended children, from /proc, in ticks of 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, after)| after).split_ascii_whitespace();
    let ticks: u64 = fields.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Time of one, in microseconds: on the wall, and on the processor.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

fn measure(count: u32, best: &mut Cost, work: impl FnOnce()) {
    let (before, started) = (cpu(), Instant::now());
    work();
    let (wall, used) = (started.elapsed(), cpu() - before);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
    // The least of several rounds is what the work costs; the rest is what else runs here.
    *best = Cost { wall: best.wall.min(each(wall)), cpu: best.cpu.min(each(used)) };
}

/// Starts and performs one step.
fn step(runtime: &tokio::runtime::Runtime, world: &World, folder: &Path, attempt: u32, script: &str) {
    let shell = Shell {
        interpreter: Interpreter::Bash,
        script: script.to_owned(),
        folder: None,
        ok: vec![0],
        host: None,
        database: None,
        recipe: None,
        group: None,
    };
    let scratch = folder.join(format!("scratch/r/{attempt}"));
    let job = Job {
        release: ReleaseId::from("r"),
        step: "s".to_owned(),
        purpose: "forward",
        attempt,
        action: Action::Shell(shell),
        variables: BTreeMap::from([("VERSION".to_owned(), "v1".to_owned())]),
        removed: Vec::new(),
        is_way_back: false,
        secrets: BTreeMap::new(),
        folder: folder.to_owned(),
        scratch: scratch.clone(),
        timeout: Span::minutes(1),
        output_limit_bytes: 1 << 20,
        channels: BTreeMap::new(),
        message: serde_json::Value::Null,
    };
    let (_keep, cancelled) = watch::channel(false);
    let report = runtime.block_on(world.perform(job, cancelled, mpsc::channel(16).0));
    assert_eq!(report.verdict, Verdict::Passed, "{}", report.detail);
    world.forget(&scratch);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u32 = std::env::args().nth(1).map_or(Ok(1000), |text| text.parse())?;
    let each = count.div_ceil(5);
    let folder = std::env::temp_dir().join(format!("tminus-overhead-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let world = World::new(std::env::vars().collect(), folder.join("scratch"));
    let mut attempt = 0;
    let mut best = [Cost { wall: f64::INFINITY, cpu: f64::INFINITY }; 4];
    let looped = format!("for ((i = 0; i < {each}; i++)); do bash -c true; done");
    for _ in 0..5 {
        measure(each, &mut best[0], || {
            let _ = Command::new("bash").args(["-c", &looped]).status();
        });
        measure(each, &mut best[1], || {
            for _ in 0..each {
                let _ = Command::new("/usr/bin/bash").args(["-c", "true"]).status();
            }
        });
        for (place, script) in [(2, "true"), (3, "A=1; true")] {
            measure(each, &mut best[place], || {
                for _ in 0..each {
                    attempt += 1;
                    step(&runtime, &world, &folder, attempt, script);
                }
            });
        }
    }
    let names =
        ["shell loop over bash -c true", "bash -c true, spawned", "perform(`true`)", "perform(`A=1; true`)"];
    for (name, cost) in names.iter().zip(best) {
        let (wall, cpu) = (cost.wall / best[0].wall, cost.cpu / best[0].cpu);
        writeln!(
            std::io::stdout(),
            "{name:28} wall {:5.0} µs ({wall:.2} of the loop), cpu {:5.0} µs ({cpu:.2})",
            cost.wall,
            cost.cpu
        )?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
