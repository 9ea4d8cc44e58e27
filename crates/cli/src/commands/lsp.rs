//! `lsp`: carries messages between an editor and the desk, over standard input and output.
//!
//! One thread reads, this one answers. Documents are looked through only while no message waits:
//! whatever was typed meanwhile makes an older text's faults worthless, so they are never computed.

use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use serde_json::{Value, json};
use tminus_lsp::{Beside, Server};

use crate::args::Lsp;
use crate::commands::source;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::screen;

/// Messages that may wait: an editor that is faster than this waits itself.
const WAITING: usize = 256;

/// Bytes of one message: a document of the largest size, each byte escaped.
const MESSAGE_LIMIT: usize = 6 * 64 * 1024 * 1024;

/// Bytes of one header line; longer ones are no header.
const HEADER_LIMIT: u64 = 8 * 1024;

/// Files beside a document, on this machine.
struct Files;

impl Beside for Files {
    fn settings(&self, folder: &str) -> Option<String> {
        // A file that cannot be read is told by `check`; an editor goes on without it.
        source::read_beside(&Path::new(folder).join("tminus.toml")).ok().flatten()
    }
}

/// What the reading thread hands over.
enum Came {
    Message(Value),
    /// Bytes that are no JSON.
    Garbage(String),
}

/// `tminus lsp`
pub(crate) fn run(_: &Lsp) -> super::Result {
    if source::is_interactive() {
        return Err(Failure::usage(
            "serve a person: an editor starts this command and talks to it",
            "see docs/editors.md for the lines that your editor needs; `tminus check` is for terminals",
        ));
    }
    let (sender, inbox) = sync_channel(WAITING);
    std::thread::spawn(move || {
        let mut input = BufReader::new(std::io::stdin());
        while let Some(came) = read(&mut input) {
            if sender.send(came).is_err() {
                return;
            }
        }
    });
    Ok(serve(&inbox, &mut Server::new(Files)))
}

/// Answers until the editor ends.
fn serve(inbox: &Receiver<Came>, server: &mut Server<Files>) -> ExitCode {
    loop {
        let came = match inbox.try_recv() {
            Ok(came) => came,
            Err(TryRecvError::Empty) if server.has_work() => {
                server.work().iter().for_each(|body| send(body));
                continue;
            }
            Err(_) => {
                server.rest();
                match inbox.recv() {
                    Ok(came) => came,
                    // The editor went away without a word.
                    Err(_) => return ExitCode::Findings,
                }
            }
        };
        match came {
            Came::Message(message) => server.take(&message).iter().for_each(write),
            Came::Garbage(why) => write(&json!({
                "jsonrpc": "2.0",
                "id": null,
                "error": { "code": -32700, "message": why },
            })),
        }
        if let Some(properly) = server.ended() {
            return if properly { ExitCode::Success } else { ExitCode::Findings };
        }
    }
}

/// Reads one message; None at the end of input, or when nobody can tell where the next one begins.
fn read(input: &mut impl BufRead) -> Option<Came> {
    let mut length = None;
    loop {
        let mut line = String::new();
        let read = input.by_ref().take(HEADER_LIMIT).read_line(&mut line).ok()?;
        if read == 0 || !line.ends_with('\n') {
            return None;
        }
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let length = length.filter(|length| *length <= MESSAGE_LIMIT)?;
    let mut body = Vec::new();
    let taken = input.by_ref().take(length as u64).read_to_end(&mut body).ok()?;
    if taken < length {
        return None;
    }
    Some(match serde_json::from_slice(&body) {
        Ok(message) => Came::Message(message),
        Err(error) => Came::Garbage(format!("this is not JSON: {error}")),
    })
}

fn write(message: &Value) {
    send(&message.to_string());
}

fn send(body: &str) {
    screen::raw(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
}
