//! The proof that a process may drive a release.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tminus_release::ReleaseId;

/// The right to drive one release. Functions that act on a release demand one; only
/// [`crate::Store::acquire`] makes them. Dropping it gives the right back.
pub struct Lease {
    release: ReleaseId,
    token: u64,
    returned: Arc<dyn Returns>,
}

impl Lease {
    pub(crate) fn new(release: ReleaseId, token: u64, returned: Arc<dyn Returns>) -> Lease {
        Lease { release, token, returned }
    }

    /// Returns which release it is for.
    pub fn release(&self) -> &ReleaseId {
        &self.release
    }

    /// Returns the fencing token: each lease of a release has a higher one than all before it.
    pub fn token(&self) -> u64 {
        self.token
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.returned.give_back(&self.release, self.token);
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({}, {})", self.release, self.token)
    }
}

/// Takes back leases that were dropped. It must not wait for anything: it is called from `drop`.
pub(crate) trait Returns: Send + Sync + 'static {
    /// Notes that the lease with this token is over.
    fn give_back(&self, release: &ReleaseId, token: u64);
}

/// Leases that were dropped and are not yet marked as free in the store. It holds at most one
/// item for each lease that was handed out, so it needs no further limit.
#[derive(Default)]
pub(crate) struct Dropped(Mutex<Vec<(ReleaseId, u64)>>);

impl Dropped {
    pub(crate) fn add(&self, release: &ReleaseId, token: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((release.clone(), token));
    }

    pub(crate) fn take(&self) -> Vec<(ReleaseId, u64)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
