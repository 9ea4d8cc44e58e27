//! Every store against the one suite.
#![allow(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

use std::sync::Arc;

use tminus_release::ReleaseId;
use tminus_store::conformance::{Place, suite, throughput};
use tminus_store::memory::MemoryStore;
use tminus_store::sqlite::{FILE, SqliteStore};
use tminus_store::{Cursor, Store};
use tminus_testkit::TemporaryFolder;

impl Place for InMemory {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }

    fn usurp(&self, release: &ReleaseId) {
        self.0.usurp(release);
    }
}

struct InMemory(MemoryStore);

struct InFile(TemporaryFolder);

impl Place for InFile {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.0.path()).unwrap())
    }

    fn usurp(&self, release: &ReleaseId) {
        let connection = rusqlite::Connection::open(self.0.join(FILE)).unwrap();
        let sql =
            "UPDATE release SET lease_token = lease_token + 1, lease_holder = 'other.lock' WHERE name = ?1";
        assert_eq!(connection.execute(sql, [release.as_str()]).unwrap(), 1);
    }
}

#[tokio::test]
async fn memory_conforms() {
    suite(|| InMemory(MemoryStore::new())).await;
}

#[tokio::test]
async fn sqlite_conforms() {
    suite(|| InFile(TemporaryFolder::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_conforms_on_many_threads() {
    suite(|| InFile(TemporaryFolder::new())).await;
}

#[tokio::test]
async fn what_was_counted_as_durable_is_there() {
    let folder = TemporaryFolder::new();
    let (count, _) = throughput(Arc::new(SqliteStore::open(folder.path()).unwrap()), 50, 20).await;
    let again = SqliteStore::open(folder.path()).unwrap();
    let summaries = again.releases().await.unwrap();
    assert_eq!(summaries.iter().map(|summary| summary.length).sum::<u64>(), count);
    assert_eq!(again.changes(Cursor::default()).await.unwrap().1.len(), 50);
}
