//! The desk: what an editor shows about a runbook while somebody writes it.
//!
//! ```text
//! message ─▶ Server::take ─▶ answers        Server::work ─▶ diagnostics of what has changed
//! ```
//!
//! The Language Server Protocol 3.17 as values: messages in, messages out. Pure: nothing here reads
//! a file, a clock or standard input; whoever carries the messages does, and hands in the settings
//! that stand beside a document. Nothing is checked while messages wait: `work` is for the moment
//! when there are none, so that a fast typist never waits for the faults of an older text.

mod actions;
mod complete;
mod definition;
mod hover;
mod place;
mod server;
mod text;
mod uri;
mod words;

pub use server::{Beside, Server};
pub use text::{Position, Text};
pub use uri::{path_of, uri_of};
