//! What every store must do, as one suite that runs against all of them.
//!
//! It is part of the library, so that a store written elsewhere can be held to the same. Each case
//! starts with an empty place and panics, naming the case, when the store is wrong.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tminus_release::ReleaseId;
use tminus_release::audit::{Entry, line_hash};
use tokio::task::JoinSet;

use crate::{Cursor, Lease, Store, StoreError, Writer};

/// Where a store keeps its things, empty at first.
pub trait Place {
    /// Opens the store that is there, as a further process would. All that were opened see the
    /// same data.
    fn open(&self) -> Arc<dyn Store>;

    /// Takes a lease away from its holder, as happens to one that seemed dead and was only slow.
    fn usurp(&self, release: &ReleaseId);
}

/// Runs every case, each in a fresh place.
///
/// # Panics
/// When the store does not do what it must.
pub async fn suite<P: Place>(make: impl Fn() -> P) {
    entries_come_back(&make()).await;
    refused_appends_write_nothing(&make()).await;
    keys_are_taken_once(&make()).await;
    one_writer_wins_each_position(&make()).await;
    leases_exclude_and_fence(&make()).await;
    changes_are_seen_once(&make()).await;
    lists_are_newest_first(&make()).await;
    blobs_are_kept_by_content(&make()).await;
    two_that_are_open_share_everything(&make()).await;
}

/// Builds the entry for a position.
pub fn entry(sequence: u64, text: &str) -> Entry {
    let line = format!("{{\"sequence\":{sequence},\"text\":\"{text}\"}}");
    Entry { sequence, hash: line_hash(&line), line, once: None }
}

fn keyed(sequence: u64, key: &str) -> Entry {
    Entry { once: Some(key.to_owned()), ..entry(sequence, key) }
}

fn release(name: &str) -> ReleaseId {
    ReleaseId(name.to_owned())
}

async fn append(
    store: &dyn Store,
    release: &ReleaseId,
    expected: u64,
    entries: &[Entry],
) -> Result<(), StoreError> {
    store.append(release, Writer::Person, expected, entries.to_vec()).await
}

async fn must<T>(what: &str, answer: crate::Answer<'_, T>) -> T {
    match answer.await {
        Ok(value) => value,
        Err(error) => panic!("cannot {what}: {error}"),
    }
}

async fn all(store: &dyn Store, release: &ReleaseId) -> Vec<Entry> {
    must("read", store.read(release, 0)).await
}

async fn entries_come_back(place: &impl Place) {
    let (store, a, b) = (place.open(), release("a"), release("b"));
    assert_eq!(all(&*store, &a).await, [], "a release that nobody wrote to is empty");
    let entries = [entry(0, "zero"), keyed(1, "üñí \u{1F680} \"quoted\""), entry(2, "two")];
    append(&*store, &a, 0, &entries[..1]).await.expect("the first position is free");
    append(&*store, &a, 1, &entries[1..]).await.expect("two more follow");
    append(&*store, &b, 0, &[entry(0, "other")]).await.expect("another release has its own positions");
    assert_eq!(all(&*store, &a).await, entries);
    assert_eq!(must("read on", store.read(&a, 2)).await, entries[2..]);
    assert_eq!(must("read past the end", store.read(&a, 3)).await, []);
    assert_eq!(must("read far past the end", store.read(&a, u64::MAX)).await, []);
    append(&*store, &a, 3, &[]).await.expect("appending nothing to the known end is fine");
    assert_eq!(all(&*store, &a).await.len(), 3);
}

async fn refused_appends_write_nothing(place: &impl Place) {
    let (store, a) = (place.open(), release("a"));
    append(&*store, &a, 0, &[entry(0, "zero"), entry(1, "one")]).await.expect("the log is empty");
    for expected in [0, 1, 3, 100] {
        let entries = [entry(expected, "late"), entry(expected + 1, "later")];
        let refused = append(&*store, &a, expected, &entries).await;
        assert_eq!(refused, Err(StoreError::Conflict { release: a.clone(), expected, actual: 2 }));
    }
    let refused = append(&*store, &a, 1, &[]).await;
    assert_eq!(refused, Err(StoreError::Conflict { release: a.clone(), expected: 1, actual: 2 }));
    for gap in
        [vec![entry(3, "gap")], vec![entry(2, "two"), entry(4, "four")], vec![entry(2, "x"), entry(2, "x")]]
    {
        let refused = append(&*store, &a, 2, &gap).await;
        assert!(matches!(refused, Err(StoreError::OutOfOrder { .. })), "{refused:?}");
    }
    assert_eq!(all(&*store, &a).await, [entry(0, "zero"), entry(1, "one")]);
}

async fn keys_are_taken_once(place: &impl Place) {
    let (store, a, b) = (place.open(), release("a"), release("b"));
    append(&*store, &a, 0, &[keyed(0, "start/1"), keyed(1, "start/2")]).await.expect("the keys are free");
    append(&*store, &b, 0, &[keyed(0, "start/1")]).await.expect("keys are of one release");
    let taken = |key: &str| Err(StoreError::AlreadyThere { release: a.clone(), key: key.to_owned() });
    for (entries, key) in [
        (vec![keyed(2, "start/1")], "start/1"),
        (vec![entry(2, "fine"), keyed(3, "start/2")], "start/2"),
        (vec![keyed(2, "twice"), keyed(3, "twice")], "twice"),
    ] {
        assert_eq!(append(&*store, &a, 2, &entries).await, taken(key));
        assert_eq!(all(&*store, &a).await.len(), 2, "nothing of a refused append is written");
    }
    append(&*store, &a, 2, &[keyed(2, "twice")]).await.expect("a refused key was not used up");
}

/// Many writers want each position; the losers read on and try again.
async fn one_writer_wins_each_position(place: &impl Place) {
    const WRITERS: u64 = 16;
    const EACH: u64 = 12;
    let (store, a) = (place.open(), release("contended"));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        // Half of them come in through a handle of their own.
        let store = if writer % 2 == 0 { Arc::clone(&store) } else { place.open() };
        let a = a.clone();
        writers.spawn(async move {
            let mut expected = 0;
            let mut won = Vec::new();
            while (won.len() as u64) < EACH {
                let mine = entry(expected, &format!("writer {writer}"));
                match append(&*store, &a, expected, &[mine]).await {
                    Ok(()) => won.push(expected),
                    Err(StoreError::Conflict { actual, .. }) => {
                        expected = actual;
                        continue;
                    }
                    Err(other) => panic!("a conflict is the only refusal here: {other}"),
                }
                expected += 1;
            }
            (writer, won)
        });
    }
    let mut owner = vec![None; usize::try_from(WRITERS * EACH).unwrap_or(0)];
    while let Some(done) = writers.join_next().await {
        let (writer, won) = done.expect("a writer panicked");
        for position in won {
            let slot =
                usize::try_from(position).ok().and_then(|at| owner.get_mut(at)).expect("there are no gaps");
            assert_eq!(slot.replace(writer), None, "two writers won position {position}");
        }
    }
    for (position, found) in all(&*store, &a).await.into_iter().enumerate() {
        let writer = owner[position].expect("each position was won by one");
        assert_eq!(
            found,
            entry(position as u64, &format!("writer {writer}")),
            "what was acknowledged is there"
        );
    }
}

async fn leases_exclude_and_fence(place: &impl Place) {
    let (store, a, b) = (place.open(), release("a"), release("b"));
    assert_eq!(must("ask for the holder", store.holder(&a)).await, None, "nobody ever drove it");
    let first = must("take the lease", store.acquire(&a)).await;
    assert_eq!(first.release(), &a);
    for asked in [&store, &place.open()] {
        assert!(must("ask for the holder", asked.holder(&a)).await.is_some_and(|holder| !holder.is_empty()));
    }
    assert_held(store.acquire(&a).await);
    assert_held(place.open().acquire(&a).await);
    let other = must("take the lease of another release", store.acquire(&b)).await;
    store.append(&a, Writer::Lease(&first), 0, vec![entry(0, "held")]).await.expect("the lease holds");
    append(&*store, &a, 1, &[entry(1, "person")]).await.expect("a person needs no lease");
    let token = first.token();
    drop(first);
    let second = must("take the free lease", store.acquire(&a)).await;
    assert!(second.token() > token, "fencing tokens grow: {token}, then {}", second.token());
    place.usurp(&a);
    let refused = store.append(&a, Writer::Lease(&second), 2, vec![entry(2, "too late")]).await;
    assert_eq!(refused, Err(StoreError::LeaseLost { release: a.clone() }));
    assert_eq!(all(&*store, &a).await.len(), 2);
    store
        .append(&b, Writer::Lease(&other), 0, vec![entry(0, "held")])
        .await
        .expect("the other one still holds");
}

fn assert_held(answer: Result<Lease, StoreError>) {
    match answer {
        Err(StoreError::Held { by, .. }) => assert!(!by.is_empty(), "a person must learn who has it"),
        other => panic!("a lease was given out twice: {other:?}"),
    }
}

async fn changes_are_seen_once(place: &impl Place) {
    let (store, other) = (place.open(), place.open());
    let (start, names) = must("look", store.changes(Cursor::default())).await;
    assert!(names.is_empty(), "nothing has happened: {names:?}");
    for (name, through) in [("a", &store), ("b", &other), ("a", &other)] {
        let release = release(name);
        let length = all(&**through, &release).await.len() as u64;
        append(&**through, &release, length, &[entry(length, "x"), entry(length + 1, "y")])
            .await
            .expect("it is free");
    }
    for seen_by in [&store, &other] {
        let (cursor, names) = must("look", seen_by.changes(start)).await;
        let names: Vec<_> = names.iter().map(ReleaseId::as_str).collect();
        assert_eq!(names.len(), 2, "each once: {names:?}");
        assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["a", "b"]));
        for _ in 0..3 {
            assert_eq!(must("look again", seen_by.changes(cursor)).await, (cursor, Vec::new()));
        }
        // A summary is no entry, and must wake nobody.
        must("summarise", seen_by.summarise(&release("a"), "text".to_owned())).await;
        assert_eq!(must("look again", seen_by.changes(cursor)).await, (cursor, Vec::new()));
    }
    let (cursor, _) = must("look", store.changes(start)).await;
    append(&*other, &release("b"), 2, &[entry(2, "z")]).await.expect("it is free");
    let (later, names) = must("look", store.changes(cursor)).await;
    assert_eq!(names, [release("b")]);
    assert!(later > cursor);
}

async fn lists_are_newest_first(place: &impl Place) {
    let store = place.open();
    // The ids' own order must not matter, and a release that was never written to is none.
    let lease = must("take a lease", store.acquire(&release("never written"))).await;
    for (name, count) in [("m", 1), ("z", 3), ("a", 2)] {
        let entries: Vec<_> = (0..count).map(|at| entry(at, name)).collect();
        append(&*store, &release(name), 0, &entries).await.expect("it is free");
    }
    must("summarise", store.summarise(&release("z"), "first".to_owned())).await;
    must("summarise", store.summarise(&release("z"), "second".to_owned())).await;
    let found = must("list", store.releases()).await;
    let found: Vec<_> =
        found.iter().map(|one| (one.release.as_str(), one.length, one.text.as_str())).collect();
    assert_eq!(found, [("a", 2, ""), ("z", 3, "second"), ("m", 1, "")]);
    drop(lease);
}

async fn blobs_are_kept_by_content(place: &impl Place) {
    let (store, other) = (place.open(), place.open());
    for bytes in [Vec::new(), b"\xff\xfe\x00 not text".to_vec(), vec![7; 1 << 20]] {
        let hash = must("keep", store.put_blob(bytes.clone())).await;
        assert_eq!(hash, crate::blobs::content_hash(&bytes));
        assert_eq!(must("keep again", other.put_blob(bytes.clone())).await, hash);
        assert_eq!(must("fetch", other.get_blob(&hash)).await, Some(bytes));
    }
    assert_eq!(must("fetch", store.get_blob(&line_hash("was never kept"))).await, None);
}

async fn two_that_are_open_share_everything(place: &impl Place) {
    let first = place.open();
    append(&*first, &release("a"), 0, &[entry(0, "zero")]).await.expect("it is free");
    let lease = must("take the lease", first.acquire(&release("a"))).await;
    let hash = must("keep", first.put_blob(b"kept".to_vec())).await;
    let second = place.open();
    assert_eq!(all(&*second, &release("a")).await, [entry(0, "zero")]);
    append(&*second, &release("a"), 1, &[entry(1, "one")]).await.expect("it sees the end");
    let refused = first.append(&release("a"), Writer::Lease(&lease), 1, vec![entry(1, "old")]).await;
    assert_eq!(refused, Err(StoreError::Conflict { release: release("a"), expected: 1, actual: 2 }));
    drop((lease, first, second));
    let third = place.open();
    assert_eq!(all(&*third, &release("a")).await.len(), 2, "closing and opening loses nothing");
    assert_eq!(must("fetch", third.get_blob(&hash)).await.as_deref(), Some(&b"kept"[..]));
    must("take the lease of a closed store", third.acquire(&release("a"))).await;
}

/// Measures single appends to many releases at once. Returns how many there were and how long
/// they took; each was acknowledged before the next one to the same release was sent.
///
/// # Panics
/// When an append fails.
pub async fn throughput(store: Arc<dyn Store>, releases: u64, each: u64) -> (u64, Duration) {
    let mut writers = JoinSet::new();
    let started = Instant::now();
    for number in 0..releases {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let release = ReleaseId(format!("throughput-{number}"));
            let lease = must("take the lease", store.acquire(&release)).await;
            for at in 0..each {
                let one = Entry {
                    once: Some(format!("start/{at}")),
                    ..entry(at, "a line of about the usual length")
                };
                must("append", store.append(&release, Writer::Lease(&lease), at, vec![one])).await;
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.expect("a writer panicked");
    }
    (releases * each, started.elapsed())
}
