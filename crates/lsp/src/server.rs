//! The server: open documents, and what is answered to each message.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;
use serde_json::{Value, json};
use tminus_runbook::check::{self, Checked};
use tminus_runbook::diagnostic::{Diagnostic, Severity};
use tminus_runbook::lines::LineIndex;
use tminus_runbook::memory::Memory;
use tminus_runbook::settings::{self, Settings};

use crate::place::Page;
use crate::text::{Position, Stretch, Text};
use crate::{actions, complete, definition, hover, uri};

/// What stands beside a document, from whoever may read files.
pub trait Beside {
    /// Returns the text of `tminus.toml` in a folder, if there is one.
    fn settings(&self, folder: &str) -> Option<String>;
}

/// The name of the place's settings.
const SETTINGS: &str = "tminus.toml";

/// Words in a path that say that a Markdown file is a runbook, when its front matter does not.
const RUNBOOK_WORDS: [&str; 8] =
    ["runbook", "playbook", "release", "deploy", "rollback", "rollout", "hotfix", "incident"];

/// Words that say that it is none of them.
const OTHER_WORDS: [&str; 3] = ["notes", "changelog", "readme"];

/// Error codes of JSON-RPC and the protocol.
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const INVALID_REQUEST: i32 = -32600;
const NOT_INITIALIZED: i32 = -32002;

/// A language server: open documents and what is known about them.
#[derive(Debug)]
pub struct Server<B> {
    beside: B,
    documents: BTreeMap<String, Document>,
    initialized: bool,
    shut_down: bool,
    exited: bool,
    /// Every Markdown file counts as a runbook.
    all: bool,
}

/// An open document.
#[derive(Debug)]
struct Document {
    text: Text,
    version: Option<i64>,
    kind: Kind,
    /// What was found in the text as it is. None: it has changed since.
    checked: Option<Seen>,
    /// What was found before that. To take it apart takes a while, and somebody types.
    outdated: Option<Seen>,
    /// Whether the editor has been told.
    told: bool,
    /// What its scripts are: most of them are the same after a keystroke.
    memory: Memory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Runbook,
    Settings,
    /// Some other Markdown: nothing is said about it.
    Other,
}

/// What was found in a text.
#[derive(Debug)]
enum Seen {
    Settings(Vec<Diagnostic>),
    /// In a runbook, with the settings that it was read with.
    Runbook(Box<(Checked, Settings)>),
}

impl Seen {
    fn found(&self) -> &[Diagnostic] {
        match self {
            Seen::Settings(found) => found,
            Seen::Runbook(page) => &page.0.found,
        }
    }
}

impl<B: Beside> Server<B> {
    /// Starts without documents.
    pub fn new(beside: B) -> Server<B> {
        Server {
            beside,
            documents: BTreeMap::new(),
            initialized: false,
            shut_down: false,
            exited: false,
            all: false,
        }
    }

    /// Tells whether the editor has said `exit`, and whether it said `shutdown` before.
    pub fn ended(&self) -> Option<bool> {
        self.exited.then_some(self.shut_down)
    }

    /// Takes a message and returns what is to be sent back at once.
    pub fn take(&mut self, message: &Value) -> Vec<Value> {
        let Some(method) = message.get("method").and_then(Value::as_str) else { return Vec::new() };
        let nothing = Value::Null;
        let params = message.get("params").unwrap_or(&nothing);
        match message.get("id") {
            Some(id) => vec![self.request(id, method, params)],
            None => self.notification(method, params),
        }
    }

    fn request(&mut self, id: &Value, method: &str, params: &Value) -> Value {
        let answer = match method {
            "initialize" => Ok(self.initialize(params)),
            _ if !self.initialized => Err((NOT_INITIALIZED, "`initialize` comes first")),
            _ if self.shut_down => Err((INVALID_REQUEST, "the server has been shut down")),
            "shutdown" => {
                self.shut_down = true;
                Ok(Value::Null)
            }
            "textDocument/hover" => self.at_position(params, |page, _, _, _, offset| {
                let (text, bytes) = hover::hover(page, offset)?;
                Some((json!({ "contents": { "kind": "markdown", "value": text } }), Some(bytes)))
            }),
            "textDocument/definition" => self.at_position(params, |page, _, uri, text, offset| {
                let bytes = definition::definition(page, offset)?;
                Some((json!({ "uri": uri, "range": text.range(bytes) }), None))
            }),
            "textDocument/completion" => self.at_position(params, |page, settings, _, text, offset| {
                let start = text.as_str()[..offset].rfind('\n').map_or(0, |at| at + 1);
                let line = &text.as_str()[start..offset];
                Some((json!(complete::complete(page, settings, line, offset)), None))
            }),
            "textDocument/codeAction" => self.actions(params),
            _ => Err((METHOD_NOT_FOUND, "this server does not know the method")),
        };
        match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err((code, message)) => {
                json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
            }
        }
    }

    fn initialize(&mut self, params: &Value) -> Value {
        self.initialized = true;
        self.all = params["initializationOptions"]["documents"] == "all";
        json!({
            "capabilities": {
                "positionEncoding": "utf-16",
                "textDocumentSync": { "openClose": true, "change": 2, "save": true },
                "hoverProvider": true,
                "definitionProvider": true,
                "completionProvider": { "triggerCharacters": ["#", ".", "=", ",", "@", "`", "{", " "] },
                "codeActionProvider": { "codeActionKinds": ["quickfix", "source.fixAll.tminus"] },
            },
            "serverInfo": { "name": "tminus", "version": env!("CARGO_PKG_VERSION") },
        })
    }

    fn notification(&mut self, method: &str, params: &Value) -> Vec<Value> {
        let document = &params["textDocument"];
        let uri = document["uri"].as_str().unwrap_or_default().to_owned();
        match method {
            "exit" => self.exited = true,
            "textDocument/didOpen" => {
                let text = document["text"].as_str().unwrap_or_default().to_owned();
                let kind = self.kind(&uri, document["languageId"].as_str().unwrap_or(""), &text);
                let version = document["version"].as_i64();
                let text = Text::new(text);
                let memory = Memory::default();
                let opened =
                    Document { text, version, kind, checked: None, outdated: None, told: false, memory };
                self.documents.insert(uri.clone(), opened);
                self.settings_changed(&uri);
            }
            "textDocument/didChange" => {
                if let Some(open) = self.documents.get_mut(&uri) {
                    open.version = document["version"].as_i64().or(open.version);
                    for change in params["contentChanges"].as_array().into_iter().flatten() {
                        change_text(&mut open.text, change);
                    }
                    open.told = false;
                    open.outdated = open.checked.take().or(open.outdated.take());
                    if open.kind == Kind::Other && check::declares_runbook(open.text.as_str()) {
                        open.kind = Kind::Runbook;
                    }
                }
                self.settings_changed(&uri);
            }
            // What stands beside may have changed on disk, by whatever was saved.
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => self.look_again(|_| true),
            "textDocument/didClose" => {
                let closed = self.documents.remove(&uri);
                self.settings_changed(&uri);
                if closed.is_some_and(|closed| closed.kind != Kind::Other) {
                    // Faults of a file that nobody looks at are not left on the screen.
                    return vec![json!(publish(&uri, None, Vec::new()))];
                }
            }
            _ => {}
        }
        Vec::new()
    }

    /// What a document is, by its address and its first lines.
    fn kind(&self, uri: &str, language: &str, text: &str) -> Kind {
        let path = uri::path_of(uri).unwrap_or_else(|| uri.to_owned()).to_lowercase();
        let name = path.rsplit(['/', '\\']).next().unwrap_or("");
        if name == SETTINGS {
            return Kind::Settings;
        }
        let is_markdown = language == "markdown" || name.ends_with(".md") || name.ends_with(".markdown");
        let says_so = RUNBOOK_WORDS.iter().any(|word| name.contains(word))
            && !OTHER_WORDS.iter().any(|word| name.contains(word));
        let in_folder = path.split(['/', '\\']).any(|part| matches!(part, "runbooks" | "runbook"));
        if is_markdown && (self.all || check::declares_runbook(text) || says_so || in_folder) {
            Kind::Runbook
        } else {
            Kind::Other
        }
    }

    /// After a change of settings every runbook beside them is looked at again.
    fn settings_changed(&mut self, uri: &str) {
        if uri.ends_with(&format!("/{SETTINGS}")) {
            let folder = folder(uri).to_owned();
            self.look_again(|other| other != uri && self::folder(other) == folder);
        }
    }

    fn look_again(&mut self, is_meant: impl Fn(&str) -> bool) {
        for (uri, document) in &mut self.documents {
            if is_meant(uri) {
                (document.checked, document.told) = (None, false);
            }
        }
    }

    /// Tells whether `work` has something to do.
    pub fn has_work(&self) -> bool {
        self.initialized
            && self.documents.values().any(|document| !document.told && document.kind != Kind::Other)
    }

    /// Looks through one document that has changed, and returns the message of what its editor is to show.
    /// It is written without the detour of a value: of a long document with many faults that would take as
    /// long as finding them.
    pub fn work(&mut self) -> Option<String> {
        let waiting = |document: &Document| !document.told && document.kind != Kind::Other;
        let uri = self.documents.iter().find(|(_, document)| waiting(document))?.0.clone();
        self.see(&uri);
        let document = self.documents.get_mut(&uri)?;
        document.told = true;
        let lines = LineIndex::new(document.text.as_str());
        let found = document.checked.as_ref()?.found();
        let shown = found.iter().map(|found| diagnostic(&document.text, &lines, found)).collect();
        serde_json::to_string(&publish(&uri, document.version, shown)).ok()
    }

    /// Clears away what nobody will ask for again: to be called while no message waits.
    pub fn rest(&mut self) {
        self.documents.values_mut().for_each(|document| document.outdated = None);
    }

    /// Makes sure that a document has been looked through as it is.
    fn see(&mut self, uri: &str) -> Option<()> {
        if self.documents.get(uri)?.checked.is_some() {
            return Some(());
        }
        let settings = self.settings_of(uri);
        let document = self.documents.get_mut(uri)?;
        let text = document.text.as_str();
        let seen = if document.kind == Kind::Settings {
            Seen::Settings(settings::read(text).1)
        } else {
            let name = uri.rsplit('/').next().unwrap_or(uri);
            let checked = document.memory.during(|| check::check_whole(text, name, settings.clone()));
            Seen::Runbook(Box::new((checked, settings)))
        };
        document.checked = Some(seen);
        Some(())
    }

    /// The settings of a document: as they stand in the editor, else on disk.
    fn settings_of(&self, uri: &str) -> Settings {
        let beside = format!("{}/{SETTINGS}", folder(uri));
        let open = self.documents.get(&beside).map(|document| document.text.as_str().to_owned());
        let path = uri::path_of(uri);
        let text = open.or_else(|| self.beside.settings(folder(path.as_deref()?)));
        text.map(|text| settings::read(&text).0).unwrap_or_default()
    }

    /// Answers a question about a place of a runbook. What `answer` gives may come with bytes,
    /// which become its range.
    fn at_position(
        &mut self,
        params: &Value,
        answer: impl FnOnce(&Page<'_>, &Settings, &str, &Text, usize) -> Option<(Value, Option<Range<usize>>)>,
    ) -> Result<Value, (i32, &'static str)> {
        let uri = params["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
        let position = Position::from_json(&params["position"])
            .ok_or((INVALID_PARAMS, "`position` needs `line` and `character`, from 0"))?;
        if self.documents.get(&uri).is_none_or(|document| document.kind != Kind::Runbook) {
            return Ok(Value::Null);
        }
        self.see(&uri);
        let document = &self.documents[&uri];
        let Some(Seen::Runbook(page)) = &document.checked else { return Ok(Value::Null) };
        let (checked, settings) = page.as_ref();
        let page = Page { text: document.text.as_str(), checked };
        let offset = document.text.offset(position);
        let Some((mut value, bytes)) = answer(&page, settings, &uri, &document.text, offset) else {
            return Ok(Value::Null);
        };
        if let Some(bytes) = bytes {
            value["range"] = document.text.range(bytes);
        }
        Ok(value)
    }

    fn actions(&mut self, params: &Value) -> Result<Value, (i32, &'static str)> {
        let uri = params["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
        let end = |key: &str| Position::from_json(&params["range"][key]);
        let range =
            end("start").zip(end("end")).ok_or((INVALID_PARAMS, "`range` needs `start` and `end`"))?;
        if self.documents.get(&uri).is_none_or(|document| document.kind == Kind::Other) {
            return Ok(json!([]));
        }
        self.see(&uri);
        let document = &self.documents[&uri];
        let Some(seen) = &document.checked else { return Ok(json!([])) };
        let bytes = document.text.offset(range.0)..document.text.offset(range.1);
        let only = params["context"]["only"].as_array();
        // A kind is asked for by itself or by a part of its name before a dot.
        let wanted = |kind: &str| {
            only.is_none_or(|only| {
                only.iter().filter_map(Value::as_str).any(|asked| {
                    kind == asked || kind.strip_prefix(asked).is_some_and(|rest| rest.starts_with('.'))
                })
            })
        };
        let lines = LineIndex::new(document.text.as_str());
        let shown = |found: &Diagnostic| json!(diagnostic(&document.text, &lines, found));
        Ok(json!(actions::actions(&uri, &document.text, seen.found(), bytes, wanted, shown)))
    }
}

/// Takes one change: a piece, or the whole text.
fn change_text(text: &mut Text, change: &Value) {
    let new = change["text"].as_str().unwrap_or_default();
    let end = |key: &str| Position::from_json(&change["range"][key]);
    match end("start").zip(end("end")) {
        Some((from, to)) => text.edit(from, to, new),
        None => *text = Text::new(new.to_owned()),
    }
}

/// Everything before the last `/` of an address or path.
fn folder(address: &str) -> &str {
    address.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder)
}

/// `textDocument/publishDiagnostics`
#[derive(Serialize)]
struct Publish<'a> {
    jsonrpc: &'static str,
    method: &'static str,
    params: Faults<'a>,
}

#[derive(Serialize)]
struct Faults<'a> {
    uri: &'a str,
    diagnostics: Vec<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
}

/// A fault as an editor shows it.
#[derive(Serialize)]
struct Shown<'a> {
    range: Stretch,
    severity: u8,
    code: &'a str,
    source: &'static str,
    message: Cow<'a, str>,
}

fn publish<'a>(uri: &'a str, version: Option<i64>, diagnostics: Vec<Shown<'a>>) -> Publish<'a> {
    let params = Faults { uri, diagnostics, version };
    Publish { jsonrpc: "2.0", method: "textDocument/publishDiagnostics", params }
}

fn diagnostic<'a>(text: &Text, lines: &LineIndex, found: &'a Diagnostic) -> Shown<'a> {
    let severity = match found.severity {
        Severity::Error => 1,
        Severity::Warning => 2,
        Severity::Note => 3,
    };
    let message = match &found.help {
        Some(help) => Cow::Owned(format!("{}\nnow: {help}", found.message)),
        None => Cow::Borrowed(found.message.as_str()),
    };
    Shown {
        range: text.stretch(found.bytes(text.as_str(), lines)),
        severity,
        code: found.code,
        source: "tminus",
        message,
    }
}
