//! The cellar: the log of every release, who may write to it, and its blobs by content hash.
//!
//! Nobody imports this room for its SQL. What the engine needs is the trait below, and what
//! correctness needs of it are three methods:
//!
//! - [`Store::append`]: "no write, no action" holds only if an answer means that the entries are
//!   on the disk, if they went in as a whole, and if two writers can never both get one position.
//! - [`Store::read`]: the state of a release is nothing but the fold of what this gives back.
//! - [`Store::acquire`]: two processes that drive one release would act twice.
//!
//! The others are for speed and for people: blobs hold what is too large for the log, `changes`
//! only wakes (a change that is noticed late costs time, never truth), and a summary is a cache
//! that can be rebuilt from the log.

pub mod blobs;
pub mod conformance;
mod error;
pub mod lease;
pub mod memory;
pub mod sqlite;

use std::pin::Pin;

use tminus_release::ReleaseId;
use tminus_release::audit::Entry;

pub use error::StoreError;
pub use lease::Lease;

/// The future of an answer, boxed so that a store can be a trait object.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Who appends.
#[derive(Clone, Copy, Debug)]
pub enum Writer<'a> {
    /// A person who says something (approve, tick, roll back), perhaps from another process. The
    /// expected position is all that is needed: it proves that they saw the newest state.
    Person,
    /// The process that drives the release. Its appends carry the lease's fencing token, so a
    /// holder that lost the lease cannot write any more, however late it notices.
    Lease(&'a Lease),
}

/// What lists show of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Which release.
    pub release: ReleaseId,
    /// Number of entries in its log.
    pub length: u64,
    /// What [`Store::summarise`] wrote last; empty when nothing did.
    pub text: String,
}

/// A position in the sequence of all appends of a store. The default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub(crate) u64);

/// Keeps logs, leases and blobs.
///
/// A future that is dropped before it is done may or may not have had its effect.
pub trait Store: Send + Sync + 'static {
    /// Appends entries as a whole, and answers when they are durable. `expected` is the length of
    /// the log that the writer has seen, and the position of the first entry.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the log has another length, [`StoreError::AlreadyThere`] when
    /// a `once` key is taken, [`StoreError::LeaseLost`] when the writer's lease is not the current
    /// one. In every case nothing was written.
    fn append<'a>(
        &'a self,
        release: &'a ReleaseId,
        writer: Writer<'a>,
        expected: u64,
        entries: Vec<Entry>,
    ) -> Answer<'a, ()>;

    /// Reads the entries of a release from position `from` on, in order. A release that nobody
    /// ever wrote to has none.
    fn read<'a>(&'a self, release: &'a ReleaseId, from: u64) -> Answer<'a, Vec<Entry>>;

    /// Lists all releases that have entries, newest first. Logs of environments
    /// ([`tminus_release::environment`]) are kept the same way and left out here.
    fn releases<'a>(&'a self) -> Answer<'a, Vec<Summary>>;

    /// Keeps a short text for lists. A cache: it need not survive a crash.
    fn summarise<'a>(&'a self, release: &'a ReleaseId, text: String) -> Answer<'a, ()>;

    /// Names the releases that got entries after the cursor, from any process, each once; as above,
    /// without logs of environments. Cheap
    /// enough to be asked many times a second while nothing happens.
    fn changes<'a>(&'a self, since: Cursor) -> Answer<'a, (Cursor, Vec<ReleaseId>)>;

    /// Takes the right to drive a release. It ends when the lease is dropped or its process dies.
    ///
    /// # Errors
    /// [`StoreError::Held`] when another live holder has it.
    fn acquire<'a>(&'a self, release: &'a ReleaseId) -> Answer<'a, Lease>;

    /// Describes who drives a release; `None` when nobody does, as after a kill -9. By the time of
    /// the answer it may be another's.
    fn holder<'a>(&'a self, release: &'a ReleaseId) -> Answer<'a, Option<String>>;

    /// Keeps bytes under their SHA-256, which it answers in hex when they are durable. Doing it
    /// again changes nothing.
    fn put_blob<'a>(&'a self, bytes: Vec<u8>) -> Answer<'a, String>;

    /// Fetches bytes by their SHA-256 in hex; `None` when there are none.
    ///
    /// # Errors
    /// [`StoreError::BlobChanged`] when the bytes do not have that hash any more.
    fn get_blob<'a>(&'a self, hash: &'a str) -> Answer<'a, Option<Vec<u8>>>;
}

/// Checks that entries are consecutive from `expected` on: a gap would be a fault of the caller
/// that must never reach a disk.
pub(crate) fn check_order(release: &ReleaseId, expected: u64, entries: &[Entry]) -> Result<(), StoreError> {
    for (position, entry) in (expected..).zip(entries) {
        if entry.sequence != position {
            return Err(StoreError::OutOfOrder {
                release: release.clone(),
                position,
                sequence: entry.sequence,
            });
        }
    }
    Ok(())
}
