//! The hash chain: each line of the log carries the hash of the line before it.
//!
//! The exact bytes of a line are what is hashed, stored, exported and verified, so a record can be
//! checked with nothing but SHA-256 and a text editor. One changed byte breaks the link to the
//! next line; for the last line, the head printed in the record and in every notification.

use sha2::{Digest as _, Sha256};

use crate::plan::hex;

/// The `previous` of the first line: 64 zeros.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line of a release's log, as it is stored and exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Position in the release's log, from 0, without gaps.
    pub sequence: u64,
    /// JSON on one line, without the line end.
    pub line: String,
    /// SHA-256 of `line`, in hex: the `previous` of the next entry.
    pub hash: String,
    /// At most one entry of a release may have this key: the store refuses a second one. It is
    /// what makes "no step is started twice for one attempt" hold whatever the engine does.
    pub once: Option<String>,
}

/// Computes the hash of a line, in hex.
pub fn line_hash(line: &str) -> String {
    hex(&Sha256::digest(line.as_bytes()))
}
