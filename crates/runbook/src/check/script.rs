//! T2: shell code that reports success on failure, waits for ever, or does not do what it says.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::Severity;
use crate::encoding::repair;
use crate::markdown::{Block, FenceKind, Markdown};
use crate::shell::{ClockName, CommandUse, Link, RedirectKind};

use super::damaged;
use super::kinds;
use super::page::{Finding, Given, Page, Script, has_option, short};
use super::passes;
use super::placeholders;
use super::refused;
use super::words;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    let open = unclosed(page.markdown);
    page.each_script(|script, found| {
        if script.inline && script.given == Given::Mentioned {
            return;
        }
        passes::check(script, found);
        damaged::check(script, found);
        late_status(script, found);
        // Who types the commands waits, looks and answers; and hopes as much behind a start.
        fixed_sleep(script, found);
        if script.given != Given::Person {
            waits(script, found);
            by_hand(script, found);
        } else {
            asks_for_password(script, found);
        }
        several_ways(script, found);
        // That all the rest of the document is code was told where the block begins.
        if !script.fence.is_some_and(|fence| open.contains(&fence.body_line)) {
            refused::check(script, found);
        }
        piped_download(script, found);
    });
    clock_names(page);
    asks_in_production(page);
    placeholders::check(page);
}

/// Lines on which blocks begin that are never closed.
fn unclosed(markdown: &Markdown) -> Vec<u32> {
    let mut lines = Vec::new();
    markdown.walk(|block| {
        if let Block::Fence(fence) = block
            && fence.kind == FenceKind::Unclosed
        {
            lines.push(fence.body_line);
        }
    });
    lines
}

/// T202: `$?` read after another command has overwritten it.
fn late_status(script: &Script<'_>, found: &mut Vec<Finding>) {
    let says = |before: &CommandUse| {
        format!("`$?` here is the status of `{}`, not of the command before it", short(&before.text))
    };
    let help = "test the command itself: `if ! command; then …`, or keep its status at once: `status=$?`";
    let commands = script.commands();
    for pair in commands.windows(2) {
        let (before, test) = (&pair[0], &pair[1]);
        if test.reads_status
            && only_tells(before)
            && test.link == Link::First
            && !before.place.substituted
            && before.line < test.line
        {
            found.push(script.on("T202", Severity::Error, test, says(before), help));
        }
    }
    // `rc=$?` is no command of its own. One that nobody reads afterwards hurts nobody.
    for kept in script.survey.assigned.iter().filter(|kept| matches!(kept.value.as_str(), "$?" | "${?}")) {
        let Some(before) = kept.after.checked_sub(1).map(|at| &commands[at]) else { continue };
        let is_command = commands.get(kept.after).is_some_and(|next| next.reads_status);
        let mut uses = script.survey.uses.iter();
        let is_read = uses.any(|used| used.name == kept.name && used.position.line > kept.line);
        // The last command of a function is not what ran before the line below the function.
        let is_beside = !before.place.function && !before.place.substituted && before.host.is_none();
        if only_tells(before) && is_beside && is_read && !is_command && before.line < kept.line {
            found.push(script.on_line("T202", Severity::Error, kept.line, says(before), help));
        }
    }
}

/// Tells whether a command is a message or the like, whose status nobody wants to know.
fn only_tells(command: &CommandUse) -> bool {
    const TELLS: [&str; 12] =
        ["echo", "printf", "date", "sleep", "cd", "logger", "ls", "pwd", "cat", "export", "popd", "pushd"];
    TELLS.contains(&command.program.as_str()) && !command.reads_status
}

/// How many names are compared with all others of their script; no person writes that many.
const MOST_CLOCKS: usize = 200;

/// T203: names that are made from the clock, where they must agree.
fn clock_names(page: &mut Page<'_>) {
    page.each_script(|script, found| {
        let clocks = &script.survey.clocks;
        let mut told: HashSet<String> = HashSet::new();
        for clock in clocks.iter().filter(|clock| names_a_file(clock)).take(MOST_CLOCKS) {
            let stem = stem(&clock.word);
            if told.contains(&stem) {
                continue;
            }
            let uses = same_name(clocks, clock);
            told.extend(uses.iter().map(|other| self::stem(&other.word)));
            let makes = script.commands().iter().any(|command| command.start <= clock.position.start && clock.position.end <= command.end && makes_a_file(command));
            // What is printed, or kept as a message, names nothing.
            let spoken = is_in_statement(&clock.word) && script.commands().iter().any(|command| command.start <= clock.position.start && clock.position.end <= command.end && matches!(command.program.as_str(), "echo" | "printf" | "logger" | "git" | "curl"));
            if uses.len() < 2 && (!makes || is_in_statement(&clock.word)) || spoken {
                continue;
            }
            let fine = clock.format.is_empty() || ["%S", "%s", "%N", "%T", "%c"].iter().any(|part| clock.format.contains(part));
            let (severity, message) = if uses.len() > 1 {
                let lines: Vec<String> = uses[1..].iter().map(|other| script.place(other.position.line, 1).0.to_string()).collect();
                let severity = if fine { Severity::Error } else { Severity::Warning };
                (severity, format!("the clock is read again for this name on line {}: the names need not agree, and the file is missed", lines.join(", ")))
            } else {
                (Severity::Warning, "this name is made from the clock and kept nowhere: no later step can know it".to_owned())
            };
            found.push(script.at("T203", severity, clock.position, message, "read the clock once: `$RUN_STAMP` is one time for the whole release"));
        }
    });
}

/// The clocks that make one name, this one included, in the order of the text.
pub(super) fn same_name<'c>(clocks: &'c [ClockName], clock: &ClockName) -> Vec<&'c ClockName> {
    let stem = stem(&clock.word);
    let is_same = |other: &&ClockName| {
        let other = self::stem(&other.word);
        stem.starts_with(&other) || other.starts_with(&stem)
    };
    clocks.iter().filter(|other| names_a_file(other)).filter(is_same).collect()
}

fn names_a_file(clock: &ClockName) -> bool {
    let outside: String = stem(&clock.word);
    clock.assigned.is_none()
        && outside.contains(['.', '/', '-', '_'])
        && !outside.contains(' ')
        && !outside.starts_with("http")
}

/// Tells whether a name stands among others in one word: `"CREATE DATABASE copy_$(date +%s)"`.
fn is_in_statement(word: &str) -> bool {
    let (Some(start), Some(end)) = (word.find("$("), word.rfind(')')) else { return false };
    start < end && (word[..start].contains(' ') || word[end..].contains(' '))
}

/// The name with its `$(date …)` taken out; in a statement or a sentence, what no space parts from it.
fn stem(word: &str) -> String {
    const ENDS: [char; 9] = [' ', '\n', '\t', '"', '\'', '`', '(', ')', ';'];
    match (word.find("$("), word.rfind(')')) {
        (Some(start), Some(end)) if start < end => {
            let before = word[..start].rsplit(ENDS).next().unwrap_or_default();
            let after = word[end + 1..].split(ENDS).next().unwrap_or_default();
            format!("{before}\u{1}{after}")
        }
        _ => word.replace('`', "\u{1}"),
    }
}

fn makes_a_file(command: &crate::shell::CommandUse) -> bool {
    matches!(
        command.program.as_str(),
        "pg_dump" | "pg_dumpall" | "mysqldump" | "mongodump" | "tar" | "zip" | "cp" | "mv" | "supabase"
    ) || (command.program != "echo"
        && command.redirects.iter().any(|redirect| redirect.kind == RedirectKind::Write))
}

/// T204: a fixed wait that stands for readiness.
fn fixed_sleep(script: &Script<'_>, found: &mut Vec<Finding>) {
    let commands = script.commands();
    if commands.iter().all(|other| other.program == "sleep") {
        return;
    }
    for (at, command) in commands.iter().enumerate().filter(|(_, command)| command.program == "sleep") {
        // A loop over hosts or services does each of them once; any other one tries again.
        let in_loop = command.place.in_loop;
        if in_loop && !(goes_through(script, at) && follows_start(&commands[..at])) {
            continue;
        }
        let seconds = command.arguments.first().map_or("", String::as_str);
        let long = seconds
            .trim_end_matches(['s', 'm', 'h'])
            .parse::<f64>()
            .is_ok_and(|n| n >= 2.0 || seconds.ends_with(['m', 'h']));
        if long {
            // Behind a start it stands for readiness; elsewhere it may be a pause that is meant.
            let stands_for_ready = follows_start(&commands[..at]);
            if !stands_for_ready && script.given == Given::Person {
                continue;
            }
            let severity = if stands_for_ready { Severity::Warning } else { Severity::Note };
            found.push(script.on(
                "T204",
                severity,
                command,
                format!("`{}` hopes that the service is ready by then: too short on a bad day, wasted on a good one", short(&command.text)),
                "wait for what you need: a check with `every=2s within=5m`, `docker compose up --wait`, `kubectl rollout status`",
            ));
        }
    }
}

/// Tells whether the innermost loop around a command goes through things and not through tries.
fn goes_through(script: &Script<'_>, at: usize) -> bool {
    // Loops are in the order in which they end, so the first around it is the innermost.
    let loops = &script.survey.loops;
    let mut near = loops[loops.partition_point(|around| around.commands.end <= at)..].iter().take(NEAR);
    let Some(around) = near.find(|around| around.commands.contains(&at)) else {
        return false;
    };
    let counts = |value: &String| {
        value.contains("seq ") || value.starts_with('{') || value.chars().all(|c| c.is_ascii_digit())
    };
    let body = &script.commands()[around.commands.clone()];
    around.variable.is_some()
        && !around.values.iter().any(counts)
        && !body.iter().take(NEAR).any(|command| matches!(command.program.as_str(), "break" | "continue"))
}

/// How many commands back a wait is for.
const NEAR: usize = 32;

/// Tells whether the command before a wait starts something that others then use.
fn follows_start(before: &[CommandUse]) -> bool {
    let told = before.last();
    // Behind many messages nothing is waited for any more.
    let before = before
        .iter()
        .rev()
        .take(NEAR)
        .find(|other| !matches!(other.program.as_str(), "echo" | "printf" | "sleep"));
    let watches = told.is_some_and(|other| {
        matches!(other.program.as_str(), "echo" | "printf")
            && words::has(&other.text.to_lowercase(), &["monitor", "soak", "observ", "watch", "bake"])
    });
    let verbs = [
        "up", "start", "restart", "reload", "run", "apply", "deploy", "rollout", "scale", "enable",
        "upgrade", "set",
    ];
    let name = before.and_then(kinds::own_name).unwrap_or_default().to_lowercase();
    !watches
        && before.is_some_and(|other| {
            kinds::deploys(other).is_some()
                || kinds::words(other).iter().take(3).any(|word| verbs.contains(word))
                || words::has(&name, &["start", "deploy", "up"])
        })
}

/// T205 and T206: what waits for a person, and what never ends.
fn waits(script: &Script<'_>, found: &mut Vec<Finding>) {
    let survey = &script.survey;
    // The first command of each line.
    let mut on_line: HashMap<u32, &CommandUse> = HashMap::new();
    if !survey.interactive.is_empty() {
        script.commands().iter().rev().for_each(|command| _ = on_line.insert(command.line, command));
    }
    for (line, reason) in &survey.interactive {
        let command = on_line.get(line).copied();
        let others = script.commands().len() > 1;
        let (message, help) = match &survey.ssh_host {
            Some(start) if start.line == *line && others => (
                format!("`ssh {}` opens a session: the lines below run here, not there, and only after it ends", start.target),
                "say where the section runs in a **Hosts** line, or give ssh its commands: `ssh host 'cd /opt && …'`".to_owned(),
            ),
            _ => (format!("{reason}, and nobody is there"), "give it what it needs on the command line, or mark the block `.manual`".to_owned()),
        };
        match command {
            Some(command) => found.push(script.on("T205", Severity::Warning, command, message, help)),
            None => found.push(script.on_line("T205", Severity::Warning, *line, message, help)),
        }
    }
    for (line, reason) in &survey.prompts {
        found.push(script.on_line(
            "T205",
            Severity::Warning,
            *line,
            format!("{reason}, and nobody answers"),
            "give the flag that answers",
        ));
    }
    // `top` waits and never ends; one sentence about it is enough.
    let waits: HashSet<u32> = survey.interactive.iter().map(|(line, _)| *line).collect();
    for (line, reason) in survey.endless.iter().filter(|(line, _)| !waits.contains(line)) {
        found.push(script.on_line(
            "T206",
            Severity::Warning,
            *line,
            format!("{reason}: the release never gets past this line"),
            "take a part that ends (`--tail=100` without `-f`), put `timeout 60` in front, or wait with a check",
        ));
    }
}

/// T205: a password that is typed during the release, also where a person types the commands: from a
/// job it cannot run, and whoever has the password has to be there.
fn asks_for_password(script: &Script<'_>, found: &mut Vec<Finding>) {
    let asks = script.commands().iter().filter(|command| {
        matches!(command.program.as_str(), "ansible" | "ansible-playbook")
            && script.survey.interactive.iter().any(|(line, _)| *line == command.line)
    });
    found.extend(asks.map(|command| {
        script.on(
            "T205",
            Severity::Note,
            command,
            format!(
                "`{}` asks for a password: it waits for whoever knows it, and no job can run it",
                command.program
            ),
            "`--vault-password-file` and `--become-password-file` read it where it is kept",
        )
    }));
}

/// T205: Laravel asks in production whether it shall really be done.
fn asks_in_production(page: &mut Page<'_>) {
    let mut found = Vec::new();
    for script in page.scripts.iter().filter(|script| script.given == Given::Step) {
        for command in script.commands().iter().filter(|command| command.program == "php") {
            let asks = ["migrate", "migrate:rollback", "migrate:reset", "db:seed"]
                .iter()
                .any(|verb| kinds::has_words(command, &["artisan", verb]));
            let answered = has_option(command, &["--force", "--pretend"])
                || command.pipe.0 > 0
                || !command.redirects.is_empty();
            if asks && !answered && super::flow::is_live(page, script) && !super::flow::is_elsewhere(command)
            {
                found.push(script.on(
                    "T205",
                    Severity::Warning,
                    command,
                    format!(
                        "in production `{}` asks whether it shall really be done, and nobody answers",
                        short(&command.text)
                    ),
                    "add `--force`",
                ));
            }
        }
    }
    found.into_iter().for_each(|finding| page.report(finding));
}

/// T208: a step for a person inside a comment; one fault for comments that stand together.
fn by_hand(script: &Script<'_>, found: &mut Vec<Finding>) {
    let comments = &script.survey.manual_comments;
    if comments.is_empty() {
        return;
    }
    // Programs and their verbs: `# Delete it by hand` above `kubectl delete` is done below as well.
    let mut programs: HashMap<u32, Vec<&str>> = HashMap::new();
    for command in script.commands() {
        let words = programs.entry(command.line).or_default();
        words.push(&command.program);
        words.extend(kinds::words(command));
    }
    for (index, (line, text)) in comments.iter().enumerate() {
        let goes_on = comments.get(index + 1).is_some_and(|next| next.0 == line + 1);
        // `# SSH in and look` above `ssh host` is the heading of a command.
        let first = text.trim_start_matches(['#', ' ']).split_whitespace().next().unwrap_or_default();
        let done_below = programs
            .get(&(line + 1))
            .is_some_and(|programs| programs.iter().any(|program| program.eq_ignore_ascii_case(first)));
        if !goes_on && !done_below {
            found.push(script.on_line(
                "T208",
                Severity::Warning,
                *line,
                format!(
                    "`{}` is a step for a person, hidden in a comment: a run goes past it",
                    short(&repair(text).text)
                ),
                "make it a checklist item (`- [ ] … (@role)`), which a person must tick",
            ));
        }
    }
}

/// T209: several ways in one fence.
fn several_ways(script: &Script<'_>, found: &mut Vec<Finding>) {
    for way in &script.survey.ways {
        found.push(script.on_lines(
            "T209",
            Severity::Warning,
            (way.line, way.end_line),
            "several ways to do one thing stand in one block: run as written, all of them are done",
            "give each way a block of its own under `Option A` / `Option B`; the plan then asks which",
        ));
    }
}

/// T213: a download that runs unseen.
fn piped_download(script: &Script<'_>, found: &mut Vec<Finding>) {
    for command in script.commands() {
        let runs = matches!(command.program.as_str(), "bash" | "sh" | "zsh" | "eval" | "source" | ".");
        let fetched =
            ["$(curl ", "$(wget ", "<(curl ", "<(wget "].iter().any(|sign| command.text.contains(sign));
        if runs && fetched && !command.place.substituted {
            found.push(script.on(
                "T213",
                Severity::Warning,
                command,
                "what was downloaded runs at once: nobody has seen it, and half a download runs too",
                "download it, compare its SHA-256 with the one that was reviewed, then run it",
            ));
        }
    }
    for pair in script.commands().windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        let joined = from.list == to.list && from.pipe.1 > 1 && to.pipe.0 == from.pipe.0 + 1;
        if joined
            && matches!(from.program.as_str(), "curl" | "wget")
            && matches!(to.program.as_str(), "bash" | "sh" | "zsh" | "python" | "python3" | "node")
            // With a program of its own it only reads what was fetched.
            && !to.arguments.iter().any(|a| {
                matches!(a.as_str(), "-m" | "-c" | "-e" | "-p" | "--eval" | "--print")
                    || a.ends_with(".py") || a.ends_with(".js") || a.ends_with(".mjs") || a.ends_with(".sh")
            })
        {
            found.push(script.on(
                "T213",
                Severity::Warning,
                from,
                "what was downloaded runs at once: nobody has seen it, and half a download runs too",
                "download it, compare its SHA-256 with the one that was reviewed, then run it",
            ));
        }
    }
}
