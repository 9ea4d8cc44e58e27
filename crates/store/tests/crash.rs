//! Real processes that are killed with SIGKILL while they write.
#![allow(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use tminus_release::ReleaseId;
use tminus_store::conformance::entry;
use tminus_store::sqlite::SqliteStore;
use tminus_store::{Store, StoreError, Writer};
use tminus_testkit::TemporaryFolder;

/// Releases that the child writes to at once.
const RELEASES: u64 = 4;

fn release(number: u64) -> ReleaseId {
    ReleaseId(format!("r{number}"))
}

/// Starts the process below in a folder.
fn start(folder: &TemporaryFolder) -> (Child, BufReader<ChildStdout>) {
    fs::write(folder.join("for-the-crash-test"), "").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "write_until_killed", "--ignored", "--nocapture"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// Appends for ever and says each append that was acknowledged.
#[tokio::test]
#[ignore = "is the process that the tests below kill"]
async fn write_until_killed() {
    let folder = std::env::current_dir().unwrap();
    assert!(folder.join("for-the-crash-test").exists(), "only where a test waits for it");
    let store = Arc::new(SqliteStore::open(&folder).unwrap());
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..RELEASES {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let release = release(number);
            let lease = store.acquire(&release).await.unwrap();
            let mut at = store.read(&release, 0).await.unwrap().len() as u64;
            loop {
                let both = vec![entry(at, "first of two"), entry(at + 1, "second of two")];
                store.append(&release, Writer::Lease(&lease), at, both).await.unwrap();
                at += 2;
                let blob = store.put_blob(format!("{number}/{at}").into_bytes()).await.unwrap();
                // One write for a line: a line that was read is whole, or lacks its end.
                std::io::stdout().write_all(format!("ack {number} {at} {blob}\n").as_bytes()).unwrap();
            }
        });
    }
    writers.join_next().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = TemporaryFolder::new();
    let mut acknowledged: BTreeMap<u64, u64> = BTreeMap::new();
    for round in 0..8 {
        let (mut child, mut output) = start(&folder);
        let mut blobs = Vec::new();
        let mut heard = 0;
        let mut line = String::new();
        let mut killed = false;
        // After the kill, what the process said before is still in the pipe and counts as well.
        while output.read_line(&mut line).unwrap() > 0 {
            let words: Vec<&str> = line.trim_end().split(' ').collect();
            if let (["ack", number, length, blob], true) = (&words[..], line.ends_with('\n')) {
                acknowledged.insert(number.parse().unwrap(), length.parse().unwrap());
                blobs.push(((*blob).to_owned(), format!("{number}/{length}")));
                heard += 1;
            }
            line.clear();
            if heard >= 20 + round * 7 && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        assert!(killed, "the child ended by itself after {heard} appends");

        let store = SqliteStore::open(folder.path()).unwrap();
        for number in 0..RELEASES {
            let entries = store.read(&release(number), 0).await.unwrap();
            let least = acknowledged.get(&number).copied().unwrap_or(0);
            assert!(
                entries.len() as u64 >= least,
                "round {round}: {least} acknowledged, {} there",
                entries.len()
            );
            assert_eq!(entries.len() % 2, 0, "an append of two is there as a whole or not at all");
            for (at, found) in entries.iter().enumerate() {
                let text = if at % 2 == 0 { "first of two" } else { "second of two" };
                assert_eq!(*found, entry(at as u64, text));
            }
            store.acquire(&release(number)).await.expect("a killed process leaves no lease behind");
        }
        for (hash, text) in blobs {
            assert_eq!(store.get_blob(&hash).await.unwrap().unwrap(), text.as_bytes());
        }
    }
}

#[tokio::test]
async fn a_living_process_keeps_its_leases_and_others_see_its_writes() {
    let folder = TemporaryFolder::new();
    let (mut child, mut output) = start(&folder);
    let mut line = String::new();
    while !line.starts_with("ack 0") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "the child ended");
    }
    let store = SqliteStore::open(folder.path()).unwrap();
    let Err(StoreError::Held { by, .. }) = store.acquire(&release(0)).await else {
        panic!("the child has it")
    };
    assert!(by.starts_with(&format!("process {} on ", child.id())), "{by}");
    let (mut cursor, changed) = store.changes(tminus_store::Cursor::default()).await.unwrap();
    assert!(changed.contains(&release(0)));
    // The child goes on writing while its output has room; each acknowledged write shows at once.
    for _ in 0..20 {
        line.clear();
        while !line.starts_with("ack 0") {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the child ended");
        }
        let length: usize = line.split(' ').nth(2).unwrap().parse().unwrap();
        assert!(store.read(&release(0), 0).await.unwrap().len() >= length);
        cursor = store.changes(cursor).await.unwrap().0;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let locks = || fs::read_dir(folder.join("locks")).unwrap().count();
    assert_eq!(locks(), 1, "the killed process could not remove its file");
    drop(store.acquire(&release(0)).await.expect("free at once"));
    assert_eq!(locks(), 1, "the dead one's file was swept, ours is there");
}
