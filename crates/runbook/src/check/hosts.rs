//! T215: variables and folders that live in another shell than the one that needs them.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Severity;
use crate::outline::{FenceClass, UnitKind, is_session, typed_elsewhere};
use crate::shell::{self, CommandUse};

use super::flow::Flow;
use super::page::{Finding, Page, Script};
use super::variables::{ALWAYS, GIVEN, MOST_NAMES, comes_from_outside, said_in_prose};

/// Runs the checks for one script. `told` are names of which something was said already.
pub(super) fn check(
    page: &Page<'_>,
    flow: &Flow,
    at: usize,
    told: &mut BTreeSet<String>,
    found: &mut Vec<Finding>,
) {
    elsewhere(page, flow, at, told, found);
    unknown_there(page, flow, at, found);
    folder_of_a_session(&page.scripts[at], found);
}

/// T215: what another host or another shell has set.
fn elsewhere(page: &Page<'_>, flow: &Flow, at: usize, told: &mut BTreeSet<String>, found: &mut Vec<Finding>) {
    let script = &page.scripts[at];
    for read in &script.survey.uses {
        let name = read.name.as_str();
        if read.has_default
            || read.set_before
            || read.remote
            || told.contains(name)
            || ALWAYS.contains(&name)
            || page.bound.contains(name)
            || page.known.contains(name)
        {
            continue;
        }
        let Some(places) = flow.set.get(name) else { continue };
        // In the order of the scripts: when the last one stands before, all of them do. What the text of
        // a here-document sets there was filled in before it got there.
        let Some(last) = places.last().filter(|(other, _)| *other <= at) else { continue };
        if last.0 == at
            && places.iter().take(MOST_NAMES).any(|place| place.0 != at || passes_on(page, *place, name))
        {
            continue;
        }
        let set = |place: &(usize, usize)| &page.scripts[place.0].survey.assigned[place.1];
        let far = |place: &(usize, usize)| {
            set(place).remote || (flow.hosts[place.0] != flow.hosts[at] && opens_session(page, place.0, at))
        };
        let line = page.scripts[last.0].place(set(last).line, 1).0;
        if places.iter().all(far) {
            told.insert(name.to_owned());
            found.push(script.at(
                "T215",
                Severity::Warning,
                read.position,
                format!("`${name}` was set on line {line}, on another host: here it is empty"),
                "set it here as well, or bring it over: `NAME=$(ssh host 'cat file')`",
            ));
        } else if page.scripts[last.0].shell_differs(script) {
            told.insert(name.to_owned());
            found.push(script.at(
                "T215",
                Severity::Note,
                read.position,
                format!("`${name}` was set on line {line} in a block of another phase, which is another shell: here it is empty"),
                "write it to `$RUN_OUT` there (`echo \"name=$NAME\" >> \"$RUN_OUT\"`), or set it again",
            ));
        }
    }
}

/// Not set on another host, or from the variable of this one: `ssh host "A=$A ./run"`.
fn passes_on(page: &Page<'_>, place: (usize, usize), name: &str) -> bool {
    let set = &page.scripts[place.0].survey.assigned[place.1];
    !set.remote || set.value.contains(name)
}

/// Says where nothing sets a variable that a command reads, when that is certain: `here`, or `there`.
pub(super) fn unset(
    page: &Page<'_>,
    flow: &Flow,
    script: &Script<'_>,
    command: &CommandUse,
    name: &str,
) -> Option<&'static str> {
    let (line, end) = (command.line, command.end_line);
    let uses = &script.survey.uses;
    let near = uses[uses.partition_point(|read| read.position.line < line)..].iter();
    let mut reads =
        near.take_while(|read| read.position.line <= end).filter(|read| read.name == name && !read.contained);
    let read = reads.next()?;
    if read.has_default || read.set_before {
        return None;
    }
    if read.remote {
        let known = ALWAYS.contains(&name) && !GIVEN.contains(&name) || sources(script, command);
        return (!known).then_some("on that host");
    }
    let given = comes_from_outside(name) || page.bound.contains(name) || page.known.contains(name);
    let elsewhere = script.survey.ssh_host.is_some() || flow.set.contains_key(name);
    (!given && !elsewhere && !said_in_prose(page, name)).then_some("here")
}

/// Tells whether what runs on the same host before may bring variables with it.
fn sources(script: &Script<'_>, command: &CommandUse) -> bool {
    let on_host = |other: &&CommandUse| other.host == command.host;
    script.commands().iter().filter(on_host).any(brings_variables) || script.text.contains("SendEnv")
}

/// `. /etc/app.env`; what makes a Python environment active brings nothing of the kind.
fn brings_variables(command: &CommandUse) -> bool {
    matches!(command.program.as_str(), "." | "source" | "eval")
        && !command.arguments.first().is_some_and(|file| file.ends_with("/activate"))
}

/// Where a variable is set here, before a place that another host reads; none when it is also set there.
fn set_here(page: &Page<'_>, flow: &Flow, name: &str, before: u32) -> Option<u32> {
    // ssh hands on the language by custom.
    let given = comes_from_outside(name) && !GIVEN.contains(&name) || name.starts_with("LC_");
    let places = flow.set.get(name).filter(|_| !given && !page.bound.contains(name))?;
    let set = |place: &(usize, usize)| &page.scripts[place.0].survey.assigned[place.1];
    let line = |place: &(usize, usize)| page.scripts[place.0].place(set(place).line, 1).0;
    let far = |place: &(usize, usize)| set(place).remote || page.scripts[place.0].survey.ssh_host.is_some();
    (!places.iter().any(far)).then(|| places.iter().map(line).filter(|line| *line <= before).max())?
}

const GIVE_IT: &str = "let it be filled in here (`ssh host \"… $NAME\"`, a delimiter without quotes), or give it: `ssh host NAME=\"$NAME\" bash -s`";

/// T215: `ssh host '… $NAME'` reads what only this shell has set.
fn unknown_there(page: &Page<'_>, flow: &Flow, at: usize, found: &mut Vec<Finding>) {
    let script = &page.scripts[at];
    let mut told = BTreeSet::new();
    for read in script.survey.uses.iter().filter(|read| read.remote && !read.contained) {
        if read.has_default || read.set_before || told.len() >= MOST_NAMES || !told.insert(&read.name) {
            continue;
        }
        let place = script.place(read.position.line, 1).0;
        let Some(line) = set_here(page, flow, &read.name, place) else { continue };
        let line_there = read.position.line;
        let before = |command: &&CommandUse| command.host.is_some() && command.line <= line_there;
        let brings = script.commands().iter().filter(before).any(brings_variables);
        if !brings && !script.text.contains("SendEnv") {
            found.push(script.at(
                "T215",
                Severity::Warning,
                read.position,
                format!("`${}` was set on line {line}, here: on the other host it is empty", read.name),
                GIVE_IT,
            ));
        }
    }
}

/// T215: the same behind the prompt of a host that the page goes to.
pub(super) fn behind_prompts(page: &Page<'_>, flow: &Flow, found: &mut Vec<Finding>) {
    for unit in &page.outline.units {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        if fence.class != FenceClass::Commands || !is_session(&fence.body) {
            continue;
        }
        let there = typed_elsewhere(&fence.body);
        if !there.contains('$') {
            continue;
        }
        let survey = shell::survey(&there);
        let mut told = BTreeSet::new();
        for read in survey.uses.iter().filter(|read| !read.has_default && !read.set_before) {
            if !told.insert(read.name.as_str()) {
                continue;
            }
            let at = fence.body_line + read.position.line - 1;
            let Some(line) = set_here(page, flow, &read.name, at) else { continue };
            let text = page.markdown.lines.text_of(page.document, at);
            let written = [format!("${}", read.name), format!("${{{}}}", read.name)];
            let Some(byte) = written.iter().find_map(|written| text.rfind(written.as_str())) else {
                continue;
            };
            let column = u32::try_from(text[..byte].chars().count()).unwrap_or(0) + 1;
            let width = u32::try_from(read.name.len()).unwrap_or(0) + 1;
            found.push(Finding {
                code: "T215",
                severity: Severity::Warning,
                at: (at, column),
                end: (at, column + width),
                message: format!(
                    "`${}` was set on line {line}, here: on the host of this prompt it is empty",
                    read.name
                ),
                help: "set it there as well".to_owned(),
            });
        }
    }
}

/// One of the two blocks opens a session on a host of its own.
fn opens_session(page: &Page<'_>, one: usize, other: usize) -> bool {
    page.scripts[one].survey.ssh_host.is_some() || page.scripts[other].survey.ssh_host.is_some()
}

/// T215: `ssh host 'cd /srv/app'` changes the folder of a session that is over at once.
pub(super) fn folder_of_a_session(script: &Script<'_>, found: &mut Vec<Finding>) {
    let commands = script.commands();
    // Where something else than `cd` is last done on each host.
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, command) in commands.iter().enumerate().filter(|(_, command)| command.program != "cd") {
        last.extend(command.host.as_deref().map(|host| (host, at)));
    }
    for (at, command) in commands.iter().enumerate().filter(|(_, command)| command.program == "cd") {
        let Some(host) = command.host.as_deref() else { continue };
        // Commands of one session stand beside each other.
        let same = |other: &&CommandUse| other.session == command.session;
        let mut session =
            commands[..at].iter().rev().take_while(same).chain(commands[at + 1..].iter().take_while(same));
        let others = session.any(|other| other.program != "ssh");
        if !others && last.get(host).is_some_and(|last| *last > at) {
            found.push(script.on(
                "T215",
                Severity::Warning,
                command,
                "this folder is left when the session ends, right here: the next `ssh` starts in the home folder again",
                "one session for both: `ssh host 'cd /srv/app && …'`",
            ));
        }
    }
}
