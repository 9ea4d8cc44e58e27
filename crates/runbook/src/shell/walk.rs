//! Walks a script's tree and writes down what runs, in the order of the text.

mod fed;
mod says;
mod text;
mod words;

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use brush_parser::SourceSpan;
use brush_parser::ast::{
    AndOr, AndOrList, Command, CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList,
    ExtendedTestExpr, IoFileRedirectTarget, IoRedirect, Pipeline, SeparatorOperator, SimpleCommand,
    SourceLocation as _,
};

use super::program::base_name;
use super::tree;
use super::unwrap::{Inside, unwrap};
use super::{
    ClockName, CommandUse, Link, Loop, Place, Position, Redirection, Swallowed, VariableSet, VariableUse,
};
use says::{always_succeeds, is_negated, list_says, only_question};
use text::{Outer, Text};

/// Scripts inside scripts (`bash -c`, `$(…)`) are followed this far.
const DEEPEST: u8 = 4;

/// What a walk finds.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) commands: Vec<CommandUse>,
    pub(super) swallowed: Vec<Swallowed>,
    pub(super) loops: Vec<Loop>,
    pub(super) clocks: Vec<ClockName>,
    pub(super) reads: BTreeSet<String>,
    pub(super) defaulted: BTreeSet<String>,
    pub(super) sets: BTreeSet<String>,
    /// The same of what runs on another host or in a container.
    pub(super) sets_there: BTreeSet<String>,
    pub(super) uses: Vec<VariableUse>,
    pub(super) assigned: Vec<VariableSet>,
    pub(super) assignments: usize,
}

#[derive(Clone, Default)]
struct Surroundings {
    place: Place,
    wrappers: Vec<String>,
    host: Option<String>,
    session: u32,
    list: u32,
    link: Link,
    pipe: (u16, u16),
    depth: u8,
    /// What its commands find on their standard input.
    fed: Option<Rc<fed::Fed>>,
    /// Its variables were filled in where the text was handed over.
    expanded: bool,
    /// In a container, which has variables of its own.
    contained: bool,
    /// Variables that were filled in further out.
    filled: Rc<BTreeSet<String>>,
}

/// Walks a whole script. `neutral` is the text with placeholders replaced, of the same length.
pub(super) fn walk(original: &str, neutral: &str, tree: &tree::Tree) -> Findings {
    let mut walker = Walker { findings: Findings::default(), lists: 0, sessions: 0, kept: HashMap::new() };
    let text = Text::new(original, neutral, None);
    if let Some(program) = &tree.program {
        for list in &program.complete_commands {
            walker.compound_list(list, &text, &Surroundings::default());
        }
    }
    walker.findings
}

/// The words of a command, and the place among them of each variable without quotes.
struct Words {
    words: Vec<String>,
    unquoted: Vec<(usize, String)>,
    /// Variables that are filled in here, before what the words hold runs elsewhere.
    reads: Vec<String>,
}

struct Walker {
    findings: Findings,
    lists: u32,
    /// How many sessions on other hosts there were.
    sessions: u32,
    /// Places in `assigned` of what was not handed on yet, by name.
    kept: HashMap<String, Vec<usize>>,
}

impl Walker {
    fn compound_list(&mut self, list: &CompoundList, text: &Text<'_>, around: &Surroundings) {
        for item in &list.0 {
            let mut around = around.clone();
            around.place.background |= matches!(item.1, SeparatorOperator::Async);
            self.and_or(&item.0, text, &around);
        }
    }

    fn and_or(&mut self, list: &AndOrList, text: &Text<'_>, around: &Surroundings) {
        self.lists += 1;
        let mut around = Surroundings { list: self.lists, link: Link::First, ..around.clone() };
        let first = self.findings.commands.len();
        around.place.guarded |= !list.additional.is_empty();
        self.pipeline(&list.first, text, &around);
        let mut last_or = None;
        for (index, additional) in list.additional.iter().enumerate() {
            let (pipeline, link) = match additional {
                AndOr::And(pipeline) => (pipeline, Link::And),
                AndOr::Or(pipeline) => (pipeline, Link::Or),
            };
            around.link = link;
            around.place.guarded = index + 1 < list.additional.len();
            if link == Link::Or {
                last_or = Some((index, self.findings.commands.len()));
            }
            self.pipeline(pipeline, text, &around);
        }
        if let Some((index, by)) = last_or
            && index + 1 == list.additional.len()
            && (first + 1..self.findings.commands.len()).contains(&by)
            && !around.place.condition
            && let AndOr::Or(pipeline) = &list.additional[index]
            && always_succeeds(pipeline)
        {
            // In `check && echo yes || echo no` it is the check that may fail.
            let says = |at: &usize| matches!(self.findings.commands[*at].program.as_str(), "echo" | "printf");
            let checked = (first..by).rev().take(LONGEST_CHAIN).find(|at| !says(at)).unwrap_or(by - 1);
            self.findings.swallowed.push(Swallowed { checked, by, alone: false });
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, text: &Text<'_>, around: &Surroundings) {
        let length = u16::try_from(pipeline.seq.len()).unwrap_or(u16::MAX);
        for (index, command) in pipeline.seq.iter().enumerate() {
            let mut around = around.clone();
            around.pipe = (u16::try_from(index).unwrap_or(u16::MAX), length);
            around.place.guarded |= pipeline.bang;
            self.command(command, text, &around);
        }
    }

    fn command(&mut self, command: &Command, text: &Text<'_>, around: &Surroundings) {
        match command {
            Command::Simple(simple) => self.simple(simple, text, around),
            Command::Compound(compound, redirects) => {
                self.compound(compound, text, around);
                for redirect in redirects.iter().flat_map(|list| &list.0) {
                    let _ = self.redirect(redirect, text, around);
                }
            }
            Command::Function(function) => {
                let mut around = around.clone();
                around.place.function = true;
                self.findings.sets.insert(function.fname.value.clone());
                self.compound(&function.body.0, text, &around);
            }
            Command::ExtendedTest(test, _) => {
                let mut words = vec!["[[".to_owned()];
                let mut status = false;
                self.test(&test.expr, text, around, &mut words, &mut status);
                let position = text.position(&test.loc);
                let written = text.written(position);
                let words = Words { words, unquoted: Vec::new(), reads: Vec::new() };
                self.push(words, written, position, around, Vec::new(), Vec::new(), status);
            }
        }
    }

    fn compound(&mut self, compound: &CompoundCommand, text: &Text<'_>, around: &Surroundings) {
        match compound {
            CompoundCommand::BraceGroup(group) => self.compound_list(&group.list, text, around),
            CompoundCommand::Subshell(shell) => self.compound_list(&shell.list, text, around),
            CompoundCommand::ForClause(clause) => {
                let values =
                    clause.values.iter().flatten().map(|word| self.word(word, text, around).value).collect();
                let position = text.position(&clause.loc);
                self.set(clause.variable_name.clone(), String::new(), position.line, false, around);
                self.in_loop(
                    &clause.body.list,
                    text,
                    around,
                    position,
                    Some(clause.variable_name.clone()),
                    values,
                );
            }
            CompoundCommand::ArithmeticForClause(clause) => {
                let position = text.position(&clause.loc);
                self.in_loop(&clause.body.list, text, around, position, None, vec!["((".to_owned()]);
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                let before = self.findings.commands.len();
                self.condition(&clause.0, text, around);
                let condition = self.findings.commands[before..].iter().map(|c| c.text.clone()).collect();
                self.in_loop(&clause.1.list, text, around, text.position(&clause.2), None, condition);
            }
            CompoundCommand::IfClause(clause) => {
                let first = self.findings.commands.len();
                self.condition(&clause.condition, text, around);
                let checked = self.findings.commands.len();
                self.compound_list(&clause.then, text, around);
                for branch in clause.elses.iter().flatten() {
                    if let Some(condition) = &branch.condition {
                        self.condition(condition, text, around);
                    }
                    self.compound_list(&branch.body, text, around);
                }
                // `if check; then echo ok; else echo failed; fi` says it and passes all the same, and so does
                // `if ! check; then echo failed; fi`.
                let alone = clause.elses.as_ref().is_none_or(Vec::is_empty);
                let only_says = match clause.elses.as_deref() {
                    Some([last]) => {
                        last.condition.is_none() && list_says(&last.body) && list_says(&clause.then)
                    }
                    _ => alone && is_negated(&clause.condition) && list_says(&clause.then),
                };
                // What a function prints of an answer that it kept is a value for whoever called it.
                let asked = &self.findings.commands[first..checked];
                let is_value = asked.iter().all(|asked| asked.place.substituted);
                if only_says
                    && !(around.place.function && is_value)
                    && let Some(at) = only_question(asked)
                {
                    let (checked, by) = (first + at, self.findings.commands.len() - 1);
                    self.findings.swallowed.push(Swallowed { checked, by, alone });
                }
            }
            CompoundCommand::CaseClause(clause) => {
                let _ = self.word(&clause.value, text, around);
                for case in &clause.cases {
                    if let Some(list) = &case.cmd {
                        self.compound_list(list, text, around);
                    }
                }
            }
            CompoundCommand::Coprocess(process) => self.command(&process.body, text, around),
            CompoundCommand::Arithmetic(_) => self.findings.assignments += 1,
        }
    }

    fn condition(&mut self, list: &CompoundList, text: &Text<'_>, around: &Surroundings) {
        let mut around = around.clone();
        around.place.condition = true;
        around.place.guarded = true;
        self.compound_list(list, text, &around);
    }

    fn in_loop(
        &mut self,
        body: &CompoundList,
        text: &Text<'_>,
        around: &Surroundings,
        position: Position,
        variable: Option<String>,
        values: Vec<String>,
    ) {
        let mut around = around.clone();
        around.place.in_loop = true;
        let first = self.findings.commands.len();
        self.compound_list(body, text, &around);
        let commands = first..self.findings.commands.len();
        self.findings.loops.push(Loop { position, variable, values, commands });
    }

    fn test(
        &mut self,
        test: &ExtendedTestExpr,
        text: &Text<'_>,
        around: &Surroundings,
        words: &mut Vec<String>,
        status: &mut bool,
    ) {
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.test(left, text, around, words, status);
                self.test(right, text, around, words, status);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => {
                self.test(inner, text, around, words, status)
            }
            ExtendedTestExpr::UnaryTest(_, word) => {
                let facts = self.word(word, text, around);
                *status |= facts.status;
                words.push(facts.value);
            }
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                for word in [left, right] {
                    let facts = self.word(word, text, around);
                    *status |= facts.status;
                    words.push(facts.value);
                }
            }
        }
    }

    fn simple(&mut self, command: &SimpleCommand, text: &Text<'_>, around: &Surroundings) {
        let mut redirects = Vec::new();
        let mut assignments = Vec::new();
        let mut words = Vec::new();
        let (mut unquoted, mut reads) = (Vec::new(), Vec::new());
        let mut prefix_assignments = Vec::new();
        let mut status = false;
        let prefix = command.prefix.iter().flat_map(|prefix| &prefix.0);
        let suffix = command.suffix.iter().flat_map(|suffix| &suffix.0);
        for item in prefix {
            match item {
                Item::AssignmentWord(assignment, _) => {
                    assignments.push(self.assignment(assignment, text, around));
                    prefix_assignments.push(assignment);
                }
                Item::IoRedirect(redirect) => redirects.extend(self.redirect(redirect, text, around)),
                _ => {}
            }
        }
        let Some(name) = &command.word_or_name else {
            self.findings.assignments += assignments.len();
            for (assignment, (name, value)) in prefix_assignments.into_iter().zip(assignments) {
                self.set(name, value, text.position(&assignment.loc).line, false, around);
            }
            return;
        };
        let program = self.word(name, text, around);
        let quoted_program = program.quoted;
        status |= program.status;
        words.push(program.value);
        for item in suffix {
            match item {
                Item::Word(word) | Item::AssignmentWord(_, word) => {
                    let facts = self.word(word, text, around);
                    status |= facts.status;
                    reads.extend(facts.reads.iter().map(|read| read.name.clone()));
                    let open = facts.reads.into_iter().filter(|read| !read.quoted);
                    unquoted.extend(open.map(|read| (words.len(), read.name)));
                    words.push(facts.value);
                }
                Item::IoRedirect(redirect) => redirects.extend(self.redirect(redirect, text, around)),
                Item::ProcessSubstitution(_, shell) => {
                    let mut around = around.clone();
                    around.place.substituted = true;
                    self.compound_list(&shell.list, text, &around);
                }
            }
        }
        let position = self.whole(command, text);
        self.builtins_that_set(&words, position.line, around);
        let written = text.written(position);
        let fed = fed::input(command, &words, &mut redirects, text, around);
        let mut around = around.clone();
        around.fed = fed;
        around.place.quoted_program = quoted_program;
        if around.host.is_some() || around.contained {
            self.findings.sets_there.extend(assignments.iter().map(|(name, _)| name.clone()));
        }
        self.push(
            Words { words, unquoted, reads },
            written,
            position,
            &around,
            assignments,
            redirects,
            status,
        );
    }

    /// The place of a command: from its first word to the end of its last word or redirection.
    fn whole(&self, command: &SimpleCommand, text: &Text<'_>) -> Position {
        let mut spans: Vec<SourceSpan> =
            command.word_or_name.iter().filter_map(|word| word.loc.clone()).collect();
        let items = command.prefix.iter().flat_map(|p| &p.0).chain(command.suffix.iter().flat_map(|s| &s.0));
        for item in items {
            match item {
                Item::Word(word) | Item::AssignmentWord(_, word) => spans.extend(word.loc.clone()),
                Item::IoRedirect(
                    IoRedirect::File(
                        _,
                        _,
                        IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word),
                    )
                    | IoRedirect::HereString(_, word)
                    | IoRedirect::OutputAndError(word, _),
                ) => spans.extend(word.loc.clone()),
                Item::IoRedirect(IoRedirect::HereDocument(_, document)) => {
                    spans.extend(document.here_end.loc.clone())
                }
                Item::ProcessSubstitution(_, shell) => spans.extend(shell.location()),
                Item::IoRedirect(_) => {}
            }
        }
        let Some(first) = spans.iter().min_by_key(|span| span.start.index).cloned() else {
            return Position::default();
        };
        let last = spans.iter().max_by_key(|span| span.end.index).cloned().unwrap_or_else(|| first.clone());
        text.position(&SourceSpan { start: first.start, end: last.end })
    }

    #[expect(clippy::too_many_arguments, reason = "one private place where a command is put together")]
    fn push(
        &mut self,
        words: Words,
        written: String,
        position: Position,
        around: &Surroundings,
        assignments: Vec<(String, String)>,
        redirects: Vec<Redirection>,
        reads_status: bool,
    ) {
        let Words { mut words, mut unquoted, reads } = words;
        let mut around = around.clone();
        // A wrapper that means nothing by itself is taken off before the command is written down.
        for _ in 0..DEEPEST * 2 {
            words[0] = base_name(&words[0]);
            match unwrap(&words) {
                Inside::Rest { wrapper, from } => {
                    around.wrappers.push(wrapper);
                    words.drain(..from);
                    unquoted.retain(|(at, _)| *at >= from);
                    unquoted.iter_mut().for_each(|(at, _)| *at -= from);
                }
                _ => break,
            }
        }
        words[0] = base_name(&words[0]);
        let inside = unwrap(&words);
        let text = if written.is_empty() { words.join(" ") } else { written };
        self.findings.commands.push(CommandUse {
            line: position.line,
            column: position.column,
            end_line: position.end_line,
            end_column: position.end_column,
            start: position.start,
            end: position.end,
            text: text.clone(),
            program: words[0].clone(),
            arguments: words[1..].to_vec(),
            assignments: assignments.clone(),
            redirects: redirects.clone(),
            wrappers: around.wrappers.clone(),
            host: around.host.clone(),
            session: around.session,
            place: around.place,
            list: around.list,
            link: around.link,
            pipe: around.pipe,
            reads_status,
            unquoted: unquoted
                .iter()
                .filter(|(at, _)| *at > 0)
                .map(|(at, name)| (at - 1, name.clone()))
                .collect(),
        });
        if around.depth >= DEEPEST {
            return;
        }
        around.depth += 1;
        match inside {
            Inside::Also { wrapper, from } => {
                around.contained |= CONTAINERS.iter().any(|program| wrapper.starts_with(program));
                around.wrappers.push(wrapper);
                unquoted.retain(|(at, _)| *at >= from);
                unquoted.iter_mut().for_each(|(at, _)| *at -= from);
                let words = Words { words: words[from..].to_vec(), unquoted, reads };
                self.push(words, text, position, &around, assignments, redirects, false);
            }
            Inside::Script { wrapper, script, host } => {
                around.wrappers.push(wrapper);
                if host.is_some() {
                    self.sessions += 1;
                    around.session = self.sessions;
                }
                around.host = host.or(around.host);
                if !reads.is_empty() {
                    around.filled = Rc::new(around.filled.iter().cloned().chain(reads).collect());
                }
                self.script(&script, position, &around);
            }
            Inside::Itself | Inside::Rest { .. } => self.fed(&words, &around),
        }
    }
}

/// Programs that run a command in a container.
const CONTAINERS: [&str; 9] =
    ["docker", "podman", "nerdctl", "kubectl", "oc", "heroku", "fly", "crictl", "lxc"];

/// How far back in a chain the command that may fail is looked for.
const LONGEST_CHAIN: usize = 16;
