//! What a piece of shell code is and would do, from the shell's own grammar.
//!
//! This room reads; it never runs anything and never decides whether something may run.

mod ahead;
mod comment;
mod danger;
mod danger_rows;
mod for_people;
mod hosted;
mod inline;
mod interactive;
mod names;
mod placeholder;
mod program;
mod reads;
#[cfg(test)]
mod tests;
mod tree;
mod unclosed;
mod unwrap;
mod waiting;
mod walk;
mod word;

use std::ops::Range;
use std::sync::Arc;

use tminus_release::plan::Danger;

pub(crate) use ahead::Ahead;
pub use comment::Alternative;
pub use inline::looks_like_command;
pub(crate) use reads::{leaves_nothing, only_reads};
pub use waiting::{YesFlag, yes_flag};

/// What a script is, what it would do and why it may not run by itself. Lines count from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// What kind of text the script is.
    pub nature: Nature,
    /// Every simple command in the order of the text, those in loops and subshells too.
    pub commands: Vec<CommandUse>,
    /// The worst of `danger_reasons`.
    pub danger: Danger,
    /// Line, danger and one reason for a person, for each command that is not ordinary.
    pub danger_reasons: Vec<(u32, Danger, String)>,
    /// Line and reason of each command that waits for a person at a terminal.
    pub interactive: Vec<(u32, String)>,
    /// Line and reason of each command that does not end by itself.
    pub endless: Vec<(u32, String)>,
    /// Line and text of each comment that tells a person to do something.
    pub manual_comments: Vec<(u32, String)>,
    /// Line and question of each command that asks something unless a flag answers.
    pub prompts: Vec<(u32, String)>,
    /// True when comments offer several ways (`# Option 1 … # Option 2`, `# Or …`).
    pub alternatives: bool,
    /// Those ways.
    pub ways: Vec<Alternative>,
    /// The first command, when it only opens a session on another host.
    pub ssh_host: Option<SshStart>,
    /// Places that must be filled in before a shell sees the text.
    pub placeholders: Vec<Placeholder>,
    /// Names of variables that are read and not set before in the script, sorted.
    pub variables_read: Vec<String>,
    /// Names of variables that are read with a default (`${URL:-http://localhost}`), sorted.
    pub variables_defaulted: Vec<String>,
    /// Names of variables that the script sets, sorted.
    pub variables_set: Vec<String>,
    /// Every place where a variable is read, in the order of the text.
    pub uses: Vec<VariableUse>,
    /// Every place where a variable is given a value, in the order of the text.
    pub assigned: Vec<VariableSet>,
    /// Checks whose failure is taken away by what follows.
    pub swallowed: Vec<Swallowed>,
    /// Loops, in the order in which they end.
    pub loops: Vec<Loop>,
    /// Words that hold the time at which they are read.
    pub clocks: Vec<ClockName>,
    /// Line, column and reason when the shell refuses the script (placeholders filled in).
    pub syntax_error: Option<(u32, u32, String)>,
}

/// What kind of text a script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// At least one command that a shell would execute.
    Runnable,
    /// Only comments: instructions for a person.
    CommentsOnly,
    /// Only assignments: nothing happens.
    AssignmentsOnly,
    /// Only quoted strings and comments: a message to be posted by hand.
    MessageOnly,
    /// The text of a script file: begins with `#!`.
    Listing,
    /// Nothing.
    Empty,
}

/// Where something stands in a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Line of the first character, from 1.
    pub line: u32,
    /// Its column, from 1, in characters.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column just after the last character.
    pub end_column: u32,
    /// First byte in the script.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// One simple command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandUse {
    /// Line of its first word in the script, from 1.
    pub line: u32,
    /// Column of its first word, from 1, in characters.
    pub column: u32,
    /// Line of its last word or redirection.
    pub end_line: u32,
    /// Column just after it.
    pub end_column: u32,
    /// First byte in the script. For a command inside a word: that of the whole command.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// The command as written, placeholders, quotes and redirections included.
    pub text: String,
    /// The program, seen through `sudo`, `env`, `xargs` and the like; system folders taken off.
    pub program: String,
    /// Its arguments with quotes removed and expansions as written.
    pub arguments: Vec<String>,
    /// `NAME=value` in front of it.
    pub assignments: Vec<(String, String)>,
    /// Files and texts that it reads or writes.
    pub redirects: Vec<Redirection>,
    /// What it is run by, outermost first: `sudo`, `docker run`, `ssh`, `bash -c`.
    pub wrappers: Vec<String>,
    /// The host of `ssh host command`.
    pub host: Option<String>,
    /// Number of the session on that host; 0 where there is none.
    pub session: u32,
    /// What surrounds it.
    pub place: Place,
    /// Number of its chain of `&&` and `||`.
    pub list: u32,
    /// What joins it to the part of the chain before it.
    pub link: Link,
    /// Its place in a pipeline and how many commands that has.
    pub pipe: (u16, u16),
    /// True when it reads `$?`.
    pub reads_status: bool,
    /// Index in `arguments` and name of each variable that stands there without quotes.
    pub unquoted: Vec<(usize, String)>,
}

/// What surrounds a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// In the body of a loop.
    pub in_loop: bool,
    /// In the condition of `if`, `while` or `until`.
    pub condition: bool,
    /// Its failure decides what runs next, so it does not end the script.
    pub guarded: bool,
    /// In the body of a function.
    pub function: bool,
    /// In `$(…)` or `<(…)`.
    pub substituted: bool,
    /// Followed by `&`.
    pub background: bool,
    /// The program is a quoted text: a message, most likely.
    pub quoted_program: bool,
}

/// What joins a command to the part of its chain before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// It is the first.
    #[default]
    First,
    /// `&&`
    And,
    /// `||`
    Or,
}

/// A redirection of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// Which way.
    pub kind: RedirectKind,
    /// File name or text, quotes removed.
    pub target: String,
}

/// Which way a redirection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// `< file`
    Read,
    /// `> file`
    Write,
    /// `>> file`
    Append,
    /// `<<END`
    HereDocument,
    /// `<<< text`
    HereString,
}

/// A chain whose last part always succeeds: `check || echo failed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swallowed {
    /// Index in `commands` of what may fail.
    pub checked: usize,
    /// Index in `commands` of what hides it.
    pub by: usize,
    /// `if ! check; then echo …; fi`: something is said where it fails, and nothing where it does not.
    pub alone: bool,
}

/// A loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// From `for` or `while` to `done`.
    pub position: Position,
    /// The variable of a `for`.
    pub variable: Option<String>,
    /// The words of a `for`; the commands of another loop's condition.
    pub values: Vec<String>,
    /// Which of `commands` stand in its body.
    pub commands: Range<usize>,
}

/// A place where a variable is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableUse {
    /// Its name.
    pub name: String,
    /// The word that holds it.
    pub position: Position,
    /// `${NAME:-value}` or `${NAME:?}`: the script does without it, or stops by itself.
    pub has_default: bool,
    /// Read on another host, by `ssh host '…'`.
    pub remote: bool,
    /// Read in a container, by `docker exec app sh -c '…'`.
    pub contained: bool,
    /// The script has given it a value before.
    pub set_before: bool,
}

/// A place where a variable is given a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableSet {
    /// Its name.
    pub name: String,
    /// The value, quotes removed; empty where it is read from input.
    pub value: String,
    /// Line in the script, from 1.
    pub line: u32,
    /// Number of commands that stand before it.
    pub after: usize,
    /// Handed on to programs and to the next blocks.
    pub exported: bool,
    /// Set on another host, by `ssh host '…'`.
    pub remote: bool,
}

/// A word that holds the time at which it is read: `dump-$(date +%s).sql`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockName {
    /// The word, or the whole assignment.
    pub position: Position,
    /// The word, quotes removed.
    pub word: String,
    /// `+%Y%m%d`, or nothing.
    pub format: String,
    /// The variable that it is kept in; none when it is used right away.
    pub assigned: Option<String>,
}

/// A first line that only opens a session: the rest of the script is meant for that host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshStart {
    /// Line in the script, from 1.
    pub line: u32,
    /// `user@host` or the host's name.
    pub target: String,
}

/// A place in a text that a person has to fill in, or a sample value that stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// Line in the text, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
    /// First byte in the text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// As written: `<new_migration>`, `[Name]`, `{{version}}`, `YYYYMMDD-HHMM`, `v1.2.3`.
    pub text: String,
    /// How it is written.
    pub kind: PlaceholderKind,
}

/// How a placeholder is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlaceholderKind {
    /// `<name>`
    Angle,
    /// `[Name]`
    Bracket,
    /// `{{name}}`
    Mustache,
    /// `YYYYMMDD-HHMMSS`, `YYYY-MM-DD`, `HH:MM`
    Date,
    /// `vX.Y.Z`
    VersionPattern,
    /// `TBD`, `+1-XXX-XXX-XXXX`
    Blank,
    /// `v1.2.3`: a sample, bound to the version when it is repeated. May also be a fact.
    SampleVersion,
    /// `staging.example.com`: a host that cannot exist.
    SampleHost,
    /// `your-feature-name`, `NEW_*`
    SampleName,
}

impl PlaceholderKind {
    /// Tells whether code with it cannot run as written. The others are samples that may be meant.
    pub fn must_be_bound(self) -> bool {
        !matches!(self, Self::SampleVersion | Self::SampleHost | Self::SampleName)
    }
}

/// Reads a script. Never fails: what the shell refuses is in `syntax_error`, and what can be told
/// without its grammar (placeholders, comments) is told all the same.
pub fn survey(script: &str) -> Arc<Survey> {
    crate::memory::survey(script, || survey_anew(script))
}

/// Reads a script that nobody remembers.
fn survey_anew(script: &str) -> Survey {
    let placeholders = placeholder::find(script, placeholder::Place::Code);
    let neutral = placeholder::neutral(script, &placeholders);
    let tree = tree::parse(&neutral);
    let found = walk::walk(script, &neutral, &tree);
    let comments = comment::find(script, tree.tokenized.then_some(&tree.tokens[..]));
    let lines: Vec<(u32, u32)> = match &tree.program {
        Some(_) => found.commands.iter().map(|command| (command.line, command.end_line)).collect(),
        None => lines_of_code(script),
    };
    let starts: Vec<u32> = lines.iter().map(|line| line.0).collect();
    let ways = comment::alternatives(&comments, lines);
    let mut survey = Survey {
        nature: nature(script, &found, &tree),
        danger: Danger::Ordinary,
        danger_reasons: Vec::new(),
        interactive: Vec::new(),
        endless: Vec::new(),
        prompts: Vec::new(),
        manual_comments: comment::manual(&comments, script, &starts),
        alternatives: !ways.is_empty(),
        ways,
        ssh_host: ssh_start(&found.commands),
        placeholders,
        variables_read: found.reads.into_iter().collect(),
        variables_defaulted: found.defaulted.into_iter().collect(),
        variables_set: found.sets.union(&found.sets_there).cloned().collect(),
        uses: found.uses,
        assigned: found.assigned,
        swallowed: found.swallowed,
        loops: found.loops,
        clocks: found.clocks,
        syntax_error: tree.error,
        commands: found.commands,
    };
    waiting::judge(&mut survey);
    for command in &survey.commands {
        if let Some((danger, reason)) = danger::judge(command) {
            survey.danger = survey.danger.max(danger);
            survey.danger_reasons.push((command.line, danger, reason));
        }
    }
    survey
}

/// Finds placeholders in prose and templates.
pub fn placeholders_in_text(text: &str) -> Vec<Placeholder> {
    placeholder::find(text, placeholder::Place::Prose)
}

/// Lines that are neither empty nor comments, for a script that the shell refuses.
fn lines_of_code(script: &str) -> Vec<(u32, u32)> {
    let is_code = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    (1u32..)
        .zip(script.lines())
        .filter(|(_, line)| is_code(line))
        .map(|(number, _)| (number, number))
        .collect()
}

fn nature(script: &str, found: &walk::Findings, tree: &tree::Tree) -> Nature {
    if script.trim().is_empty() {
        return Nature::Empty;
    }
    if script.trim_start().starts_with("#!") {
        return Nature::Listing;
    }
    if tree.program.is_none() {
        return if lines_of_code(script).is_empty() { Nature::CommentsOnly } else { Nature::Runnable };
    }
    if found.commands.is_empty() {
        return if found.assignments > 0 { Nature::AssignmentsOnly } else { Nature::CommentsOnly };
    }
    // A quoted text with spaces is no program's name: it is what somebody is to write.
    let is_message = |command: &CommandUse| {
        command.place.quoted_program && command.program.contains(' ') && command.arguments.is_empty()
    };
    if found.commands.iter().all(is_message) { Nature::MessageOnly } else { Nature::Runnable }
}

fn ssh_start(commands: &[CommandUse]) -> Option<SshStart> {
    let first = commands.first().filter(|command| command.program == "ssh" && command.host.is_none())?;
    let words: Vec<String> =
        std::iter::once(first.program.clone()).chain(first.arguments.iter().cloned()).collect();
    let (at, target) = unwrap::ssh_target(&words)?;
    let no_command = at + 1 >= words.len() || unwrap::skip_options(&words, at + 1, &[]) >= words.len();
    let fed = !first.redirects.is_empty();
    (no_command && !fed).then(|| SshStart { line: first.line, target: target.to_owned() })
}
