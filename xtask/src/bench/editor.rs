//! How long somebody who types waits for the faults of what was typed: from the last byte of the
//! keystroke's message to the last byte of the diagnostics, over the pipes of `tminus lsp`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::growth::KINDS;
use super::measure::spread;
use super::page::Section;
use super::{Place, growth};

/// Bytes of the documents: far more than any runbook of the seeds.
const BYTES: usize = 100 * growth::KILOBYTE;

/// Counted keystrokes of one document.
const KEYSTROKES: usize = 101;

/// What a person waits for without noticing.
const LIMIT_MILLISECONDS: f64 = 20.0;

/// Runs the benchmark.
pub(super) fn run(place: &Place) -> Result<Section, String> {
    let what = "`tminus lsp` over its pipes: one letter is typed in the middle of a generated document of 100 KB, \
                and the time is taken until its diagnostics have arrived. Generated documents have more \
                commands, thresholds and faults a page than those that people write.";
    let mut section =
        Section::new("Diagnostics after a keystroke", what, "cargo xtask bench editor", &["", "ms"]);
    for (kind, make) in KINDS {
        let figure = spread(keystrokes(place, &make(BYTES))?);
        section.row(&[kind, &figure.cell(1000.0, 1)]);
        section.at_most(kind, figure.median * 1000.0, LIMIT_MILLISECONDS, " ms");
    }
    Ok(section)
}

/// Types into the middle of a document; returns the seconds until each keystroke was answered.
fn keystrokes(place: &Place, text: &str) -> Result<Vec<f64>, String> {
    let mut editor = Editor::start(place)?;
    editor.ask("initialize", json!({ "processId": null, "capabilities": {} }))?;
    let uri = "file:///bench/release.md";
    let document = json!({ "uri": uri, "languageId": "markdown", "version": 0, "text": text });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }))?;
    editor.faults(0)?;
    let middle = text.matches('\n').count() / 2;
    // A place inside of the code of a block, where most work hangs on a letter.
    let line = text
        .lines()
        .enumerate()
        .skip(middle)
        .find(|(_, line)| line.contains("curl "))
        .map_or(middle, |(line, _)| line);
    let end = text.lines().nth(line).map_or(0, |line| line.encode_utf16().count());
    let mut seconds = Vec::with_capacity(KEYSTROKES);
    for version in 1..=KEYSTROKES + 1 {
        let at = json!({ "line": line, "character": end + version - 1 });
        let change = json!({ "range": { "start": at, "end": at }, "text": "x" });
        let document = json!({ "uri": uri, "version": version });
        let started = Instant::now();
        editor.tell(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        )?;
        editor.faults(version)?;
        if version > 1 {
            seconds.push(started.elapsed().as_secs_f64());
        }
    }
    editor.ask("shutdown", Value::Null)?;
    editor.tell("exit", Value::Null)?;
    editor.child.wait().map_err(|error| format!("tminus lsp: {error}"))?;
    Ok(seconds)
}

/// The editor's side of the pipes.
struct Editor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Editor {
    fn start(place: &Place) -> Result<Editor, String> {
        let mut command = Command::new(place.tminus());
        command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("tminus lsp: {error}"))?;
        let to = child.stdin.take().ok_or("no pipe to tminus lsp")?;
        let from = BufReader::new(child.stdout.take().ok_or("no pipe from tminus lsp")?);
        Ok(Editor { child, to, from })
    }

    fn send(&mut self, message: &Value) -> Result<(), String> {
        let body = message.to_string();
        let sent = write!(self.to, "Content-Length: {}\r\n\r\n{body}", body.len());
        sent.and_then(|()| self.to.flush()).map_err(|error| format!("tminus lsp: {error}"))
    }

    fn tell(&mut self, method: &str, params: Value) -> Result<(), String> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<(), String> {
        self.send(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))?;
        while self.receive()?["id"] != 1 {}
        Ok(())
    }

    /// Waits for the diagnostics of a version.
    fn faults(&mut self, version: usize) -> Result<(), String> {
        while self.receive()?["params"]["version"] != version {}
        Ok(())
    }

    fn receive(&mut self) -> Result<Value, String> {
        let failed = |error: std::io::Error| format!("tminus lsp: {error}");
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.from.read_line(&mut line).map_err(failed)? == 0 {
                return Err("tminus lsp went away".to_owned());
            }
            match line.trim().split_once(": ") {
                Some((_, value)) => length = value.parse().map_err(|error| format!("`{value}`: {error}"))?,
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).map_err(failed)?;
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    }
}
