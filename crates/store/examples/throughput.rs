//! Measures durable appends a second: `cargo run --release -p tminus-store --example throughput [FOLDER]`.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tminus_store::conformance::throughput;
use tminus_store::sqlite::SqliteStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = parent.join(format!("tminus-throughput-{}", std::process::id()));
    let mut out = std::io::stdout().lock();
    for (releases, each) in [(1, 2000), (100, 500), (1000, 50)] {
        let started = Instant::now();
        let store = Arc::new(SqliteStore::open(&folder.join(releases.to_string()))?);
        let opened = started.elapsed();
        let (count, took) = throughput(store, releases, each).await;
        let rate = count as f64 / took.as_secs_f64();
        writeln!(
            out,
            "{releases} releases: {count} appends in {took:.2?}, {rate:.0}/s; created in {opened:.2?}"
        )?;
        let started = Instant::now();
        let again = SqliteStore::open(&folder.join(releases.to_string()))?;
        writeln!(out, "  opened again in {:.2?}", started.elapsed())?;
        drop(again);
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
