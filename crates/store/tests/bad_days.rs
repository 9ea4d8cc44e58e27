//! Files that are not what they should be, disks that are full or read-only, several at once.
#![allow(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Barrier};

use tminus_release::ReleaseId;
use tminus_store::conformance::entry;
use tminus_store::sqlite::{FILE, SqliteStore};
use tminus_store::{Lease, Store, StoreError, Writer};
use tminus_testkit::TemporaryFolder;

fn release(name: &str) -> ReleaseId {
    ReleaseId(name.to_owned())
}

/// Fills a store with some entries and closes it.
async fn filled() -> TemporaryFolder {
    let folder = TemporaryFolder::new();
    let store = SqliteStore::open(folder.path()).unwrap();
    for at in 0..200 {
        let text = "x".repeat(500);
        store.append(&release("a"), Writer::Person, at, vec![entry(at, &text)]).await.unwrap();
    }
    store.put_blob(b"kept".to_vec()).await.unwrap();
    folder
}

/// Opens and reads everything. Returns the first error.
async fn use_all(folder: &Path) -> Result<usize, StoreError> {
    let store = SqliteStore::open(folder)?;
    let count = store.read(&release("a"), 0).await?.len();
    store.append(&release("b"), Writer::Person, 0, vec![entry(0, "more")]).await?;
    Ok(count)
}

#[tokio::test]
async fn a_damaged_file_is_named_with_what_to_do() {
    type Harm = fn(&Path);
    let table: [(&str, Harm); 6] = [
        ("cut in the middle", |file| cut(file, fs::metadata(file).unwrap().len() / 2)),
        ("cut within a page", |file| cut(file, fs::metadata(file).unwrap().len() - 100)),
        ("cut within the header", |file| cut(file, 50)),
        ("emptied", |file| cut(file, 0)),
        ("overwritten", |file| fs::write(file, "this is a text file. ".repeat(500)).unwrap()),
        ("its pages overwritten", |file| {
            let mut bytes = fs::read(file).unwrap();
            bytes[4096..].fill(0xA5);
            fs::write(file, bytes).unwrap();
        }),
    ];
    for (what, harm) in table {
        let folder = filled().await;
        harm(&folder.join(FILE));
        let before = fs::read(folder.join(FILE)).unwrap();
        let Err(error) = use_all(folder.path()).await else { panic!("{what}: it was not noticed") };
        assert!(matches!(error, StoreError::Damaged { .. }), "{what}: {error}");
        assert!(error.to_string().contains("backup"), "{what}: {error}");
        assert_eq!(fs::read(folder.join(FILE)).unwrap(), before, "{what}: nothing may be changed");
    }
}

fn cut(file: &Path, length: u64) {
    File::options().write(true).open(file).unwrap().set_len(length).unwrap();
}

#[tokio::test]
async fn an_empty_file_without_a_past_is_a_fresh_start() {
    let folder = TemporaryFolder::new();
    File::create(folder.join(FILE)).unwrap();
    assert_eq!(use_all(folder.path()).await, Ok(0));
}

#[tokio::test]
async fn a_newer_file_is_refused_by_name() {
    let folder = filled().await;
    let connection = rusqlite::Connection::open(folder.join(FILE)).unwrap();
    connection.execute("UPDATE schema SET version = 3", ()).unwrap();
    drop(connection);
    let error = use_all(folder.path()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("written by a newer tminus (schema 3, this one knows 1)"), "{text}");
    assert!(text.contains("upgrade") && text.contains("--state"), "{text}");
}

#[tokio::test]
async fn another_programs_file_is_left_alone() {
    let folder = TemporaryFolder::new();
    let connection = rusqlite::Connection::open(folder.join(FILE)).unwrap();
    connection.execute_batch("CREATE TABLE entry (id INTEGER)").unwrap();
    drop(connection);
    let error = use_all(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotOurs { .. }), "{error}");
}

#[tokio::test]
async fn the_schema_itself_keeps_the_log_whole() {
    let folder = filled().await;
    let connection = rusqlite::Connection::open(folder.join(FILE)).unwrap();
    let row = "INSERT INTO entry (release, sequence, once, hash, line) VALUES (1, ?1, ?2, '', '')";
    connection.execute(row, (200, "key")).unwrap();
    for (what, sql) in [
        (
            "a position is used twice",
            "INSERT INTO entry (release, sequence, hash, line) VALUES (1, 0, '', '')",
        ),
        (
            "a key is used twice",
            "INSERT INTO entry (release, sequence, once, hash, line) VALUES (1, 201, 'key', '', '')",
        ),
        ("an entry is changed", "UPDATE entry SET line = 'other' WHERE sequence = 0"),
        ("an entry is removed", "DELETE FROM entry WHERE sequence = 200"),
    ] {
        assert!(connection.execute(sql, ()).is_err(), "{what}");
    }
}

#[tokio::test]
async fn a_changed_blob_is_named_and_put_right() {
    let folder = filled().await;
    let store = SqliteStore::open(folder.path()).unwrap();
    let hash = store.put_blob(b"kept".to_vec()).await.unwrap();
    let path = folder.join("blobs").join(&hash[..2]).join(&hash[2..]);
    assert_eq!(fs::read(&path).unwrap(), b"kept");
    fs::write(&path, "kepT").unwrap();
    let error = store.get_blob(&hash).await.unwrap_err();
    assert_eq!(error, StoreError::BlobChanged { path, hash: hash.clone() });
    store.put_blob(b"kept".to_vec()).await.unwrap();
    assert_eq!(store.get_blob(&hash).await.unwrap().unwrap(), b"kept");
}

#[tokio::test]
async fn the_folder_is_made_and_ignored_by_git() {
    let folder = TemporaryFolder::new();
    let state = folder.join("deep/er/state");
    drop(SqliteStore::open(&state).unwrap());
    assert_eq!(fs::read_to_string(state.join(".gitignore")).unwrap(), "*\n");
    fs::write(state.join(".gitignore"), "mine").unwrap();
    drop(SqliteStore::open(&state).unwrap());
    assert_eq!(fs::read_to_string(state.join(".gitignore")).unwrap(), "mine", "what users wrote stays");
}

#[test]
fn many_may_create_it_at_once() {
    const MANY: usize = 8;
    for _ in 0..5 {
        let folder = TemporaryFolder::new();
        let barrier = Arc::new(Barrier::new(MANY));
        let threads: Vec<_> = (0..MANY)
            .map(|_| {
                let (path, barrier) = (folder.path().to_owned(), Arc::clone(&barrier));
                std::thread::spawn(move || {
                    barrier.wait();
                    SqliteStore::open(&path).map(drop)
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Ok(()));
        }
    }
}

#[tokio::test]
async fn looking_leaves_no_lock_and_driving_one() {
    let folder = filled().await;
    let locks = || fs::read_dir(folder.join("locks")).map_or(0, Iterator::count);
    let store = SqliteStore::open(folder.path()).unwrap();
    store.releases().await.unwrap();
    assert_eq!(locks(), 0, "asking takes no lock");
    let leases: Vec<Lease> =
        vec![store.acquire(&release("a")).await.unwrap(), store.acquire(&release("b")).await.unwrap()];
    assert_eq!(locks(), 1, "one for the process, however many releases it drives");
    let other = SqliteStore::open(folder.path()).unwrap();
    let Err(StoreError::Held { by, .. }) = other.acquire(&release("a")).await else { panic!("it is held") };
    assert!(
        by.starts_with(&format!("process {} on ", std::process::id())) && by.contains(" since 20"),
        "{by}"
    );
    drop(store);
    assert_eq!(locks(), 0);
    other.acquire(&release("a")).await.expect("a lease is worth nothing without the lock of its process");
    drop(leases);
}

#[tokio::test]
async fn a_cancelled_wait_for_a_lease_frees_it() {
    let folder = TemporaryFolder::new();
    let store = SqliteStore::open(folder.path()).unwrap();
    for _ in 0..50 {
        let release = release("a");
        let mut waiting = store.acquire(&release);
        // Polled once, so that the request is sent, and then given up.
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(waiting.as_mut().poll(context))).await;
        drop((waiting, polled));
        // Requests are taken in order: this one comes after the one that was given up.
        store.append(&release, Writer::Person, 0, Vec::new()).await.unwrap();
        drop(store.acquire(&release).await.expect("nobody holds it"));
    }
}

/// Runs the ignored test `name` of this file on a small disk of its own: in a mount namespace,
/// which needs no rights where user namespaces are allowed. The command `before` runs there first.
fn on_a_small_disk(name: &str, before: &str) {
    let folder = TemporaryFolder::new();
    let script = format!(
        "mount -t tmpfs -o size=400k tmpfs \"$0\" && cd \"$0\" && touch small-disk || exit 77; {before}\n\
         exec \"$1\" --exact {name} --ignored --nocapture"
    );
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .output();
    let Ok(output) = run else { return skip("there is no `unshare` here") };
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || text.contains("unshare failed") {
        return skip("a small disk cannot be mounted here");
    }
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "required in CI: {why}");
    eprintln!("skipped: {why}");
}

#[test]
fn a_full_disk_loses_nothing() {
    on_a_small_disk("fill_the_disk", "");
}

#[tokio::test]
#[ignore = "runs on a disk of 400 KB that the test above makes"]
async fn fill_the_disk() {
    let folder = std::env::current_dir().unwrap();
    assert!(folder.join("small-disk").exists(), "only on the small disk");
    let store = SqliteStore::open(&folder).unwrap();
    let text = "x".repeat(3000);
    let mut written = 0;
    let error = loop {
        let both = vec![entry(written, &text), entry(written + 1, &text)];
        match store.append(&release("a"), Writer::Person, written, both).await {
            Ok(()) => written += 2,
            Err(error) => break error,
        }
        assert!(written < 1000, "the disk never fills");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let error = store.put_blob(vec![1; 300_000]).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let found = store.read(&release("a"), 0).await.unwrap();
    assert_eq!(found.len() as u64, written, "what was acknowledged, and not half an append more");
    drop(store);
    // Space is freed, and it goes on where it was.
    fs::remove_dir_all(folder.join("blobs")).unwrap();
    let again = SqliteStore::open(&folder).unwrap();
    assert_eq!(again.read(&release("a"), 0).await.unwrap().len() as u64, written);
}

#[test]
fn a_read_only_folder_is_said_so() {
    on_a_small_disk("open_read_only", "mount -o remount,ro \"$0\"");
}

#[tokio::test]
#[ignore = "runs on a read-only disk that the test above makes"]
async fn open_read_only() {
    let folder = std::env::current_dir().unwrap();
    assert!(folder.join("small-disk").exists(), "only on the small disk");
    for state in [folder.clone(), folder.join("state")] {
        let Err(error) = SqliteStore::open(&state) else { panic!("it cannot be written") };
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
        assert!(error.to_string().contains("--state"), "{error}");
    }
}
