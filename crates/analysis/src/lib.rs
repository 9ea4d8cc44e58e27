//! Numbers in, verdict out. Knows nothing of releases, clocks or networks.

pub mod rules;
