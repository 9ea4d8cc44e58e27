//! A session of an editor with the language server: the real binary, over its standard streams.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::support::Desk;

/// A runbook with an undo, an item that a check ticks, and room for faults.
const RUNBOOK: &str = "---
runbook: 1
roles: [qa-lead, sre]
inputs: { VERSION: 'v\\d+' }
environments: [staging, production]
---
# Release 😀

## Ship
**Hosts**: web-1, web-2

- [ ] Tests pass (auto: `unit`)

```bash {#unit .check}
make test
```
```bash {#deploy undo=redeploy timeout=5m}
./deploy.sh \"$VERSION\"
```
```http {#healthy .check every=2s within=2m}
GET https://shop.example.com/health
```
```bash {#redeploy .undo}
./deploy.sh \"$PREVIOUS_VERSION\"
```
";

/// An editor.
struct Editor {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    next: u64,
    text: String,
    version: i64,
    uri: String,
}

impl Editor {
    /// Starts the server in a folder and says hello.
    fn start(desk: &Desk, name: &str) -> Editor {
        let mut child = desk
            .command(&["lsp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the server starts");
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().expect("a pipe"));
        let uri = format!("file://{}", desk.path(name).display());
        let mut editor = Editor { child, to, from, next: 0, text: String::new(), version: 0, uri };
        let answer = editor.ask("initialize", json!({ "processId": null, "capabilities": {} }));
        assert_eq!(answer["capabilities"]["textDocumentSync"]["change"], 2);
        assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
        editor.tell("initialized", json!({}));
        editor
    }

    fn raw(&mut self, body: &str) {
        let to = self.to.as_mut().expect("still open");
        write!(to, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("the server reads");
        to.flush().expect("the server reads");
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.raw(&json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string());
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).expect("text") > 0, "the server went away");
            match line.trim().split_once(": ") {
                Some((_, value)) => length = value.parse().expect("a number"),
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).expect("the whole message");
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Asks and returns the whole answer; diagnostics that come before it are passed over.
    fn answer(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.raw(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        loop {
            let message = self.receive();
            if message["id"] == id {
                return message;
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    fn open(&mut self, text: &str) -> Vec<Value> {
        self.text = text.to_owned();
        self.version = 1;
        let document = json!({ "uri": self.uri, "languageId": "markdown", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
        self.diagnostics()
    }

    /// Replaces the first `from` by `to`, as a person types it: one piece.
    fn type_over(&mut self, from: &str, to: &str) {
        let start = self.text.find(from).expect("the text is there");
        let range = json!({ "start": self.position(start), "end": self.position(start + from.len()) });
        self.text.replace_range(start..start + from.len(), to);
        self.version += 1;
        let document = json!({ "uri": self.uri, "version": self.version });
        let changes = json!([{ "range": range, "text": to }]);
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// Waits for the faults of the text as it is now; those of older versions never count.
    fn diagnostics(&mut self) -> Vec<Value> {
        loop {
            let message = self.receive();
            assert_eq!(message["method"], "textDocument/publishDiagnostics", "{message}");
            if message["params"]["uri"] == self.uri.as_str() && message["params"]["version"] == self.version {
                return message["params"]["diagnostics"].as_array().expect("a list").clone();
            }
        }
    }

    fn position(&self, offset: usize) -> Value {
        let before = &self.text[..offset];
        let line = before.matches('\n').count();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        json!({ "line": line, "character": self.text[start..offset].encode_utf16().count() })
    }

    /// Asks about the place just after `words`.
    fn at(&mut self, method: &str, words: &str) -> Value {
        let offset = self.text.find(words).expect("the words are there") + words.len();
        let position = self.position(offset);
        self.ask(method, json!({ "textDocument": { "uri": self.uri }, "position": position }))
    }

    fn labels(&mut self, words: &str) -> Vec<String> {
        let items = self.at("textDocument/completion", words);
        let items = items.as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["label"].as_str().expect("a label").to_owned()).collect()
    }

    /// Applies the edits of a code action, as an editor does.
    fn apply(&mut self, action: &Value) {
        let edits = action["edit"]["changes"][&self.uri].as_array().expect("edits").clone();
        for edit in edits.iter().rev() {
            let offset = |end: &Value| {
                let line = end["line"].as_u64().expect("a line");
                let line = usize::try_from(line).expect("a small number");
                let start: usize = self.text.split_inclusive('\n').take(line).map(str::len).sum();
                let units = end["character"].as_u64().expect("a column");
                let mut seen = 0;
                let inside = self.text[start..].char_indices().find(|(_, c)| {
                    let here = seen == units;
                    seen += c.len_utf16() as u64;
                    here
                });
                inside.map_or(self.text.len(), |(at, _)| start + at)
            };
            let (from, to) = (offset(&edit["range"]["start"]), offset(&edit["range"]["end"]));
            self.text.replace_range(from..to, edit["newText"].as_str().expect("a text"));
        }
    }

    fn end(mut self) -> i32 {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        self.tell("exit", Value::Null);
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }
}

fn codes(found: &[Value]) -> Vec<&str> {
    found.iter().map(|found| found["code"].as_str().expect("a code")).collect()
}

#[test]
fn faults_come_and_go_while_somebody_types() {
    let desk = Desk::new();
    let mut editor = Editor::start(&desk, "release.md");
    assert_eq!(codes(&editor.open(RUNBOOK)), [""; 0]);
    editor.type_over("timeout=5m", "tiemout=5m");
    let found = editor.diagnostics();
    assert_eq!(codes(&found), ["T103"]);
    let start = editor.text.find("tiemout").expect("it is there");
    assert_eq!(found[0]["range"]["start"], editor.position(start));
    assert_eq!(found[0]["range"]["end"], editor.position(start + 7));
    // A fast typist: only the faults of the last text count, however many texts there were.
    for _ in 0..20 {
        editor.type_over("tiemout", "timeout");
        editor.type_over("timeout", "tiemout");
    }
    editor.type_over("tiemout", "timeout");
    assert_eq!(codes(&editor.diagnostics()), [""; 0]);
    // Columns behind an emoji are UTF-16 units.
    editor.type_over("make test", "echo '😀'; curl -f http://x/ || echo bad");
    let found = editor.diagnostics();
    assert_eq!(codes(&found), ["T201"]);
    assert_eq!(found[0]["range"]["start"]["character"], 11);
    assert_eq!(editor.end(), 0);
}

#[test]
fn hover_definition_and_completion_know_the_plan() {
    let desk = Desk::new();
    desk.write("tminus.toml", "[roles]\non-call = [\"kim\"]\n");
    let mut editor = Editor::start(&desk, "release.md");
    editor.open(RUNBOOK);
    let hover = editor.at("textDocument/hover", "./deploy.sh \"$VER");
    let text = hover["contents"]["value"].as_str().expect("Markdown");
    assert!(text.contains("**deploy**") && text.contains("undo: redeploy"), "{text}");
    let hover = editor.at("textDocument/hover", " undo=redeploy time");
    assert!(
        hover["contents"]["value"].as_str().expect("Markdown").contains("limit of one attempt"),
        "{hover}"
    );
    let redeploy = editor.text.find("{#redeploy").expect("there") + 2;
    for words in ["undo=rede", "./deploy.sh \"$V"] {
        let place = editor.at("textDocument/definition", words);
        assert_eq!(place["range"]["start"], editor.position(redeploy), "{words}");
    }
    let unit = editor.text.find("{#unit").expect("there") + 2;
    let place = editor.at("textDocument/definition", "(auto: `un");
    assert_eq!(place["range"]["start"], editor.position(unit));
    assert_eq!(editor.at("textDocument/definition", "# Release"), Value::Null);
    let table: [(&str, &str, &[&str]); 6] = [
        ("undo=redeploy", "undo=", &["none", "unit", "redeploy"]),
        ("{#unit .check", "{#unit .", &["check", "approval", "notify"]),
        ("undo=redeploy timeout=5m", "undo=redeploy ti", &["timeout", "undo", "staging"]),
        ("make test", "make test\n```\n\n- [ ] x (@", &["qa-lead", "sre", "on-call"]),
        ("(auto: `unit`)", "(auto: `", &["unit", "deploy"]),
        ("roles: [", "on_failure: \nroles: [", &["hold", "rollback"]),
    ];
    for (from, to, expected) in table {
        editor.open(RUNBOOK);
        editor.type_over(from, to);
        let words = if to.starts_with("on_failure") { "on_failure: " } else { to };
        let labels = editor.labels(words);
        for label in expected {
            assert!(labels.iter().any(|found| found == label), "{to}: {label} is not in {labels:?}");
        }
    }
    assert_eq!(editor.end(), 0);
}

#[test]
fn code_actions_mend_what_check_finds() {
    let desk = Desk::new();
    let mut editor = Editor::start(&desk, "release.md");
    let faulty = RUNBOOK
        .replace("make test", "psql -f 😀.sql\ncurl -f http://x/ || echo bad")
        .replace("timeout=", "tiemout=");
    let found = editor.open(&faulty);
    assert_eq!(codes(&found), ["T301", "T201", "T103"]);
    let hover = editor.at("textDocument/hover", "psql -f");
    assert!(hover["contents"]["value"].as_str().expect("Markdown").contains("T301"), "{hover}");
    let request = |editor: &Editor, range: &Value, context: Value| json!({ "textDocument": { "uri": editor.uri }, "range": range, "context": context });
    let params = request(&editor, &found[1]["range"], json!({ "diagnostics": [] }));
    let actions = editor.ask("textDocument/codeAction", params);
    let action = &actions[0];
    assert!(action["title"].as_str().expect("a title").contains("changes what the step does"), "{action}");
    assert!(action.get("isPreferred").is_none(), "{action}");
    let everything =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 999, "character": 0 } });
    let params = request(&editor, &everything, json!({ "diagnostics": [], "only": ["source.fixAll"] }));
    let all = editor.ask("textDocument/codeAction", params);
    assert_eq!(all.as_array().expect("a list").len(), 1, "{all}");
    editor.apply(&all[0]);
    assert!(editor.text.contains("psql -v ON_ERROR_STOP=1 -f 😀.sql"), "{}", editor.text);
    assert!(editor.text.contains("timeout=5m") && editor.text.contains("|| echo bad"), "{}", editor.text);
    let mended = editor.text.clone();
    assert_eq!(codes(&editor.open(&mended)), ["T201"]);
    assert_eq!(editor.end(), 0);
}

#[test]
fn settings_beside_a_runbook_count_as_they_stand_in_the_editor() {
    let desk = Desk::new();
    let mut editor = Editor::start(&desk, "release.md");
    editor.open(RUNBOOK);
    let beside = format!("file://{}", desk.path("tminus.toml").display());
    let document = json!({ "uri": beside, "languageId": "toml", "version": 1, "text": "[polcy]\n" });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
    let (mut in_settings, mut again) = (None, false);
    while in_settings.is_none() || !again {
        let message = editor.receive();
        let found = message["params"]["diagnostics"].as_array().expect("a list").clone();
        if message["params"]["uri"] == beside.as_str() {
            in_settings = Some(found);
        } else {
            again = true;
        }
    }
    assert_eq!(codes(&in_settings.expect("faults")), ["T108"]);
    assert_eq!(editor.end(), 0);
}

#[test]
fn an_editor_that_misbehaves_gets_an_answer_and_no_crash() {
    let desk = Desk::new();
    let mut editor = Editor::start(&desk, "README.md");
    editor.raw("{ this is no JSON");
    assert_eq!(editor.receive()["error"]["code"], -32700);
    assert_eq!(editor.answer("textDocument/rename", json!({}))["error"]["code"], -32601);
    assert_eq!(editor.answer("textDocument/hover", json!({}))["error"]["code"], -32602);
    // A README is no runbook, and nothing is said about it.
    let document = json!({ "uri": editor.uri, "languageId": "markdown", "version": 1, "text": "# Hello\n" });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
    editor.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": "file:///nowhere" }, "contentChanges": [{}] }),
    );
    let position = json!({ "line": 9, "character": 9 });
    let params = json!({ "textDocument": { "uri": editor.uri }, "position": position });
    assert_eq!(editor.ask("textDocument/hover", params), Value::Null);
    // Gone without a word: the server goes as well.
    editor.to = None;
    assert_eq!(editor.child.wait().expect("it ends").code(), Some(1));
}
