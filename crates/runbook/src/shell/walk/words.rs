//! Words of commands: variables they read and set, files they redirect, scripts inside them.

use brush_parser::ast::{
    Assignment, AssignmentName, AssignmentValue, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, Word,
};

use super::super::word::WordFacts;
use super::super::{ClockName, Position, RedirectKind, Redirection, VariableSet, VariableUse};
use super::{DEEPEST, Outer, Surroundings, Text, Walker};

impl Walker {
    pub(super) fn assignment(
        &mut self,
        assignment: &Assignment,
        text: &Text<'_>,
        around: &Surroundings,
    ) -> (String, String) {
        let name = match &assignment.name {
            AssignmentName::VariableName(name) | AssignmentName::ArrayElementName(name, _) => name.clone(),
        };
        let value = match &assignment.value {
            AssignmentValue::Scalar(word) => {
                self.word_at(word, text, around, Some(text.position(&assignment.loc)), Some(&name)).value
            }
            AssignmentValue::Array(words) => {
                // The grammar keeps no places inside an array: that of the whole stands for them.
                let whole = text.position(&assignment.loc);
                let values: Vec<String> = words
                    .iter()
                    .map(|(_, word)| self.word_at(word, text, around, Some(whole), None).value)
                    .collect();
                values.join(" ")
            }
        };
        (name, value)
    }

    pub(super) fn redirect(
        &mut self,
        redirect: &IoRedirect,
        text: &Text<'_>,
        around: &Surroundings,
    ) -> Option<Redirection> {
        let (kind, word) = match redirect {
            IoRedirect::File(_, kind, IoFileRedirectTarget::Filename(word)) => (file_kind(kind)?, word),
            IoRedirect::OutputAndError(word, _) => (RedirectKind::Write, word),
            IoRedirect::HereString(_, word) => (RedirectKind::HereString, word),
            IoRedirect::HereDocument(_, document) => {
                // The body's variables are read like those of a quoted word.
                let body = if document.requires_expansion {
                    self.word(&document.doc, text, around).value
                } else {
                    document.doc.value.clone()
                };
                return Some(Redirection { kind: RedirectKind::HereDocument, target: body });
            }
            IoRedirect::File(_, _, IoFileRedirectTarget::ProcessSubstitution(_, shell)) => {
                let mut around = around.clone();
                around.place.substituted = true;
                self.compound_list(&shell.list, text, &around);
                return None;
            }
            IoRedirect::File(..) => return None,
        };
        let target = self.word(word, text, around).value;
        Some(Redirection { kind, target })
    }

    pub(super) fn word(&mut self, word: &Word, text: &Text<'_>, around: &Surroundings) -> WordFacts {
        let position = word.loc.as_ref().map(|span| text.position(span));
        self.word_at(word, text, around, position, None)
    }

    fn word_at(
        &mut self,
        word: &Word,
        text: &Text<'_>,
        around: &Surroundings,
        position: Option<Position>,
        assigned: Option<&str>,
    ) -> WordFacts {
        let facts = text.facts(word);
        // What was filled in before the text was handed over was read where that was done.
        if around.expanded {
            return facts;
        }
        let outer = text.outer.map(|outer| match outer {
            Outer::Word(position) => position,
            Outer::Text { lines, bytes } => {
                let line = lines + 1;
                Position { line, column: 1, end_line: line, end_column: 1, start: bytes, end: bytes }
            }
        });
        let place = position.or(outer).unwrap_or_default();
        let there = around.host.is_some() || around.contained;
        // In `ssh host "echo $A"` it is read here, and that is written down already.
        let is_filled = |name: &String| there && around.filled.contains(name);
        for read in facts.reads.iter().filter(|read| !is_filled(&read.name)) {
            let (here, far) = (&self.findings.sets, &self.findings.sets_there);
            let set_before = if there { far.contains(&read.name) } else { here.contains(&read.name) };
            let set_anywhere = here.contains(&read.name) || far.contains(&read.name);
            self.findings.uses.push(VariableUse {
                name: read.name.clone(),
                position: place,
                has_default: read.has_default || read.stops,
                remote: around.host.is_some(),
                contained: around.contained,
                set_before,
            });
            if read.has_default {
                self.findings.defaulted.insert(read.name.clone());
            } else if !set_anywhere {
                self.findings.reads.insert(read.name.clone());
            }
        }
        let first = Position { line: 1, column: 1, end_line: 1, end_column: 1, start: 0, end: 0 };
        let position = position.or(outer).unwrap_or(first);
        for (_, script) in facts.inner.iter().filter(|_| around.depth < DEEPEST) {
            let mut around = around.clone();
            around.depth += 1;
            around.place.substituted = true;
            around.fed = None;
            let before = self.findings.commands.len();
            self.script(script, position, &around);
            let reads_clock = self.findings.commands.get(before).is_some_and(|command| {
                command.program == "date"
                    && !command.arguments.iter().any(|a| a == "-d" || a.starts_with("--date"))
            });
            if reads_clock {
                let format = self.findings.commands[before]
                    .arguments
                    .iter()
                    .find(|a| a.starts_with('+'))
                    .cloned()
                    .unwrap_or_default();
                self.findings.clocks.push(ClockName {
                    position,
                    word: facts.value.clone(),
                    format,
                    assigned: assigned.map(str::to_owned),
                });
            }
        }
        facts
    }

    /// Notes that a variable gets a value.
    pub(super) fn set(
        &mut self,
        name: String,
        value: String,
        line: u32,
        exported: bool,
        around: &Surroundings,
    ) {
        let there = around.host.is_some() || around.contained;
        let sets = if there { &mut self.findings.sets_there } else { &mut self.findings.sets };
        sets.insert(name.clone());
        if !exported {
            self.kept.entry(name.clone()).or_default().push(self.findings.assigned.len());
        }
        let (after, remote) = (self.findings.commands.len(), around.host.is_some());
        self.findings.assigned.push(VariableSet { name, value, line, after, exported, remote });
    }

    /// Variables that builtins set: `export X=1`, `read -r a b`, `local x`, `mapfile lines`.
    pub(super) fn builtins_that_set(&mut self, words: &[String], line: u32, around: &Surroundings) {
        let exported = words[0] == "export";
        let found: Vec<(&str, &str)> = match words[0].as_str() {
            // `export NAME` alone hands on what is set elsewhere.
            "export" | "declare" | "typeset" | "local" | "readonly" => {
                if exported {
                    self.hand_on(&words[1..]);
                }
                words[1..].iter().filter_map(|word| word.split_once('=')).collect()
            }
            "read" | "mapfile" | "readarray" | "getopts" => words[1..]
                .iter()
                .filter(|word| !word.starts_with('-'))
                .map(|word| (word.split('=').next().unwrap_or(word), ""))
                .collect(),
            "printf" => {
                let after_v = words.iter().position(|word| word == "-v").and_then(|at| words.get(at + 1));
                after_v.map(|name| (name.as_str(), "")).into_iter().collect()
            }
            _ => return,
        };
        for (name, value) in found {
            self.set(name.to_owned(), value.to_owned(), line, exported, around);
        }
    }

    /// `export NAME` after `NAME=…`.
    fn hand_on(&mut self, names: &[String]) {
        for name in names {
            for at in self.kept.remove(name).into_iter().flatten() {
                self.findings.assigned[at].exported = true;
            }
        }
    }
}

fn file_kind(kind: &IoFileRedirectKind) -> Option<RedirectKind> {
    match kind {
        IoFileRedirectKind::Read | IoFileRedirectKind::ReadAndWrite => Some(RedirectKind::Read),
        IoFileRedirectKind::Write | IoFileRedirectKind::Clobber => Some(RedirectKind::Write),
        IoFileRedirectKind::Append => Some(RedirectKind::Append),
        IoFileRedirectKind::DuplicateInput | IoFileRedirectKind::DuplicateOutput => None,
    }
}
