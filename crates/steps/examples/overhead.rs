//! Compares steps with plain shells: `cargo run --release -p tminus-steps --example overhead [COUNT]`.
//!
//! Wall time and CPU time of the process with its children, for the same number of `bash -c true`
//! started by a shell loop, started plainly, and performed as steps.

use std::collections::BTreeMap;
use std::io::Write as _;
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

fn measure(name: &str, count: u32, work: impl FnOnce()) -> (f64, f64) {
    let (before, started) = (cpu(), Instant::now());
    work();
    let (wall, used) = (started.elapsed(), cpu() - before);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
    let _ = writeln!(std::io::stdout(), "{name:28} wall {:6.0} µs  cpu {:6.0} µs", each(wall), each(used));
    (each(wall), each(used))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u32 = std::env::args().nth(1).map_or(Ok(1000), |text| text.parse())?;
    let folder = std::env::temp_dir().join(format!("tminus-overhead-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let world = World::new(std::env::vars().collect(), folder.join("scratch"));
    let mut attempt = 0;
    for _ in 0..3 {
        let script = format!("for ((i = 0; i < {count}; i++)); do bash -c true; done");
        let looped = measure("shell loop over bash -c true", count, || {
            let _ = Command::new("bash").args(["-c", &script]).status();
        });
        measure("bash -c true, spawned", count, || {
            for _ in 0..count {
                let _ = Command::new("/usr/bin/bash").args(["-c", "true"]).status();
            }
        });
        for script in ["true", "A=1; true"] {
            let steps = measure(&format!("perform(`{script}`)"), count, || {
                for _ in 0..count {
                    attempt += 1;
                    let shell = Shell {
                        interpreter: Interpreter::Bash,
                        script: script.to_owned(),
                        folder: None,
                        ok: vec![0],
                        host: None,
                    };
                    let scratch = folder.join(format!("scratch/r/{attempt}"));
                    let job = Job {
                        release: ReleaseId::from("r"),
                        step: "s".to_owned(),
                        purpose: "forward",
                        attempt,
                        action: Action::Shell(shell),
                        variables: BTreeMap::from([("VERSION".to_owned(), "v1".to_owned())]),
                        secrets: BTreeMap::new(),
                        folder: folder.clone(),
                        scratch: scratch.clone(),
                        timeout: Span::minutes(1),
                        output_limit_bytes: 1 << 20,
                        channels: BTreeMap::new(),
                        message: serde_json::Value::Null,
                    };
                    let (_keep, cancelled) = watch::channel(false);
                    let report = runtime.block_on(world.perform(job, cancelled, mpsc::channel(16).0));
                    assert_eq!(report.verdict, Verdict::Passed, "{}", report.detail);
                    let _ = std::fs::remove_dir_all(scratch);
                }
            });
            let _ = writeln!(
                std::io::stdout(),
                "  against the loop: wall {:.2}, cpu {:.2}",
                steps.0 / looped.0,
                steps.1 / looped.1
            );
        }
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
