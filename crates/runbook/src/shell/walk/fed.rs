//! What a command is given to read: a shell that is given a text runs it, here or on another host.
//!
//! `ssh host <<'EOF'`, `ssh host 'bash -s' < deploy.sh`, `sudo -u app sh <<EOF`.

use std::cell::Cell;
use std::rc::Rc;

use brush_parser::ast::{CommandPrefixOrSuffixItem as Item, IoHereDocument, IoRedirect, SimpleCommand};

use super::super::unwrap::{shell_that_reads, ssh_target};
use super::super::{Link, Position, RedirectKind, Redirection, placeholder, tree};
use super::{DEEPEST, Outer, Surroundings, Text, Walker};

/// What stands on the standard input of a command, and of what that command runs.
pub(super) struct Fed {
    redirects: Vec<Redirection>,
    document: Option<Document>,
    /// It comes out of a pipe.
    piped: bool,
    /// The first command that reads takes all of it.
    taken: Cell<bool>,
}

/// The text of a here-document and where it stands.
struct Document {
    original: String,
    neutral: String,
    outer: Outer,
    /// Variables are filled in before the text is handed over: its delimiter is not quoted.
    expanded: bool,
}

/// Programs that leave the input to those behind them.
const PASS_ON: [&str; 16] = [
    "cd", "set", "export", "echo", "printf", "mkdir", "test", "[", "[[", "source", ".", "umask", "true",
    "rm", "touch", "sleep",
];

fn is_input(redirect: &Redirection) -> bool {
    matches!(redirect.kind, RedirectKind::Read | RedirectKind::HereDocument | RedirectKind::HereString)
}

/// Says what a command reads, and gives it the redirections of what it reads from further out.
pub(super) fn input(
    command: &SimpleCommand,
    words: &[String],
    redirects: &mut Vec<Redirection>,
    text: &Text<'_>,
    around: &Surroundings,
) -> Option<Rc<Fed>> {
    if redirects.iter().any(is_input) {
        let mut documents =
            command.suffix.iter().flat_map(|suffix| &suffix.0).filter_map(|item| match item {
                Item::IoRedirect(IoRedirect::HereDocument(_, document)) => Some(document),
                _ => None,
            });
        let redirects = redirects.iter().filter(|redirect| is_input(redirect)).cloned().collect();
        let document = documents.next_back().and_then(|document| read(document, text));
        return Some(Rc::new(Fed { redirects, document, piped: false, taken: Cell::new(false) }));
    }
    if around.pipe.0 > 0 {
        let (redirects, document) = (Vec::new(), None);
        return Some(Rc::new(Fed { redirects, document, piped: true, taken: Cell::new(false) }));
    }
    let fed = around.fed.clone().filter(|fed| !fed.taken.get())?;
    let program = words.first().map(String::as_str).unwrap_or_default();
    if PASS_ON.contains(&program) {
        return None;
    }
    fed.taken.set(true);
    redirects.extend(fed.redirects.iter().cloned());
    if fed.piped && (0..words.len()).any(|at| shell_that_reads(&words[at..])) {
        redirects.push(Redirection { kind: RedirectKind::Read, target: String::new() });
    }
    // Another one that begins anew: what this command runs may take it.
    let document = fed.document.as_ref().map(|document| Document {
        original: document.original.clone(),
        neutral: document.neutral.clone(),
        outer: document.outer,
        expanded: document.expanded,
    });
    let redirects = fed.redirects.clone();
    Some(Rc::new(Fed { redirects, document, piped: fed.piped, taken: Cell::new(false) }))
}

/// Finds the text of a here-document: it begins on the line below the one that names its end.
fn read(document: &IoHereDocument, text: &Text<'_>) -> Option<Document> {
    let neutral = document.doc.value.clone();
    let expanded = document.requires_expansion;
    let span = document.here_end.loc.as_ref()?;
    let behind = text.byte(span.end.index);
    let start = text.neutral.get(behind..).and_then(|rest| rest.find('\n')).map(|at| behind + at + 1)?;
    let named = text.position(span);
    if text.neutral[start..].starts_with(&neutral) {
        let original = text.original.get(start..start + neutral.len()).unwrap_or(&neutral).to_owned();
        let outer = match text.outer {
            None => Outer::Text { lines: named.line, bytes: start },
            Some(Outer::Text { bytes, .. }) => Outer::Text { lines: named.line, bytes: bytes + start },
            Some(word @ Outer::Word(_)) => word,
        };
        return Some(Document { original, neutral, outer, expanded });
    }
    // Tabs were taken off, or another text comes first: the lines are right, the columns are not.
    let count = u32::try_from(neutral.lines().count()).unwrap_or(0);
    let first = Position { line: named.line + 1, column: 1, end_line: named.line + count, ..named };
    Some(Document { original: neutral.clone(), neutral, outer: Outer::Word(first), expanded })
}

impl Walker {
    /// Walks the text that a shell is given: it is code like any other, and runs where that shell is.
    pub(super) fn fed(&mut self, words: &[String], around: &Surroundings) {
        let Some(document) = around.fed.as_ref().and_then(|fed| fed.document.as_ref()) else { return };
        let host = match words.first().map(String::as_str) {
            Some("ssh") => match ssh_target(words) {
                // Its options may stand behind the host as well; what is no option is a command.
                Some((at, target)) if words[at + 1..].iter().all(|word| word.starts_with('-')) => {
                    Some(target.to_owned())
                }
                _ => return,
            },
            _ if shell_that_reads(words) => None,
            _ => return,
        };
        if around.depth >= DEEPEST {
            return;
        }
        let mut inner = around.clone();
        inner.depth += 1;
        inner.fed = None;
        inner.expanded |= document.expanded;
        inner.wrappers.push(words[0].clone());
        if host.is_some() {
            self.sessions += 1;
            inner.session = self.sessions;
        }
        inner.host = host.or(inner.host);
        (inner.link, inner.pipe) = (Link::First, (0, 1));
        let tree = tree::parse(&document.neutral);
        let text = Text::new(&document.original, &document.neutral, Some(document.outer));
        for list in tree.program.iter().flat_map(|program| &program.complete_commands) {
            self.compound_list(list, &text, &inner);
        }
    }

    /// Walks a script that stands inside a word.
    pub(super) fn script(&mut self, script: &str, position: Position, around: &Surroundings) {
        let placeholders = placeholder::find(script, placeholder::Place::Code);
        let neutral = placeholder::neutral(script, &placeholders);
        let tree = tree::parse(&neutral);
        let text = Text::new(script, &neutral, Some(Outer::Word(position)));
        for list in tree.program.iter().flat_map(|program| &program.complete_commands) {
            self.compound_list(list, &text, around);
        }
    }
}
