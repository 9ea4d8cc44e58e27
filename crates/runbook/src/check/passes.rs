//! T201: what passes although it failed.

use crate::diagnostic::Severity;
use crate::shell::{CommandUse, Link, RedirectKind, Survey, Swallowed};
use crate::words::Words;

use super::kinds;
use super::lenient;
use super::page::{Finding, Script, has_option, position, short};
use super::words;

/// Runs the checks of this code.
pub(super) fn check(script: &Script<'_>, found: &mut Vec<Finding>) {
    cannot_fail(script, found);
    unseen_answer(script, found);
    tries_without_end(script, found);
    unheard_end(script, found);
    hidden_by_pipe(script, found);
    hidden_by_next(script, found);
    unheard_run(script, found);
    lenient::check(script, found);
}

/// T201: a check that cannot fail.
fn cannot_fail(script: &Script<'_>, found: &mut Vec<Finding>) {
    for (checked, by, severity) in hidden_failures(&script.survey) {
        let mut place = position(checked);
        (place.end_line, place.end_column, place.end) = (by.end_line, by.end_column, by.end);
        let help = if checked.place.condition { FAIL_IN_BRANCH } else { FAIL_AS_WELL };
        found.push(script.at("T201", severity, place, passes_anyway(checked, by), help));
    }
}

/// How a command may say that something failed, and fail.
pub(super) const FAIL_AS_WELL: &str =
    "leave out what follows `||`, or end it with `exit 1`: `|| { echo \"…\"; exit 1; }`";

const FAIL_IN_BRANCH: &str = "end the branch in which it has failed with `exit 1`";

/// What is printed of something that failed. A branch that only says what it found may be no check.
static FAILED: Words = Words::new(&[
    "fail",
    "error",
    "unhealthy",
    "unreachable",
    "down",
    "missing",
    "mismatch",
    "broken",
    "wrong",
    "abort",
    "not ",
    "fehl",
    "échec",
    "erreur",
    "falla",
    "falha",
    "❌",
    "✗",
    "🚨",
]);

/// What is said of a failure that is hidden.
pub(super) fn passes_anyway(checked: &CommandUse, by: &CommandUse) -> String {
    let by = if leaves(by) { short(&by.text) } else { by.program.clone() };
    format!("this passes even when `{}` fails, because `{by}` always succeeds", short(&checked.text))
}

fn leaves(command: &CommandUse) -> bool {
    matches!(command.program.as_str(), "exit" | "return")
}

/// Behind `|| exit 0` a question may be asked whether there is anything to do: then more follows. A
/// request, and a wait for what was deployed, are no such question.
fn is_question(commands: &[CommandUse], swallowed: Swallowed) -> bool {
    let (checked, by) = (&commands[swallowed.checked], &commands[swallowed.by]);
    let waits = matches!(checked.program.as_str(), "kubectl" | "oc")
        && kinds::words(checked).iter().any(|word| matches!(*word, "rollout" | "wait"));
    let asks = matches!(checked.program.as_str(), "test" | "[" | "[[" | "grep" | "command" | "diff" | "cmp");
    let more = swallowed.by + 1 < commands.len();
    leaves(by) && !waits && checked.program != "curl" && (asks || more || by.program == "return")
}

/// Commands whose failure is hidden, what hides it, and an error where that cannot be meant.
pub(super) fn hidden_failures(survey: &Survey) -> Vec<(&CommandUse, &CommandUse, Severity)> {
    let commands = &survey.commands;
    let mut hidden = Vec::new();
    for swallowed in &survey.swallowed {
        let (checked, by) = (&commands[swallowed.checked], &commands[swallowed.by]);
        let looks =
            is_check(&checked.program) || kinds::own_name(checked).is_some_and(|name| is_check(&name));
        let silent = matches!(by.program.as_str(), "true" | ":");
        // `rm x || true` and `mkdir x || true` are deliberate.
        if (silent || leaves(by)) && !looks && !lenient::is_test(checked)
            || adds_what_is_missing(commands, *swallowed)
            || is_question(commands, *swallowed)
            // `x && { echo busy; exit 1; } || echo free`: what ends the script hides nothing behind it.
            || leaves(checked)
            || finds_nothing(checked, by)
        {
            continue;
        }
        let said = &commands[swallowed.checked + 1..=swallowed.by];
        if swallowed.alone && !said.iter().any(|said| FAILED.any_in(&said.text)) {
            continue;
        }
        let certain = looks && !silent && !leaves(by) && !checked.place.condition;
        hidden.push((checked, by, if certain { Severity::Error } else { Severity::Warning }));
    }
    hidden
}

/// `logs | grep -i error || echo "no errors"`: that nothing is found is the good end, and no failure.
fn finds_nothing(checked: &CommandUse, by: &CommandUse) -> bool {
    static BAD: Words =
        Words::new(&["error", "fail", "fatal", "exception", "panic", "critical", "warn", "traceback"]);
    let says_no = || {
        by.text.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| {
            matches!(
                word,
                "no" | "none" | "nothing" | "sem" | "sin" | "kein" | "keine" | "aucun" | "aucune" | "ok"
            )
        })
    };
    matches!(checked.program.as_str(), "grep" | "egrep" | "zgrep" | "rg")
        && (BAD.any_in(&checked.arguments.join(" ")) || says_no())
}

/// `grep -q line file || echo line >> file`: the second part does what the first one missed.
fn adds_what_is_missing(commands: &[CommandUse], swallowed: Swallowed) -> bool {
    let (checked, by) = (&commands[swallowed.checked], &commands[swallowed.by]);
    let asked = |file: &str| !file.is_empty() && checked.arguments.iter().any(|argument| argument == file);
    commands[swallowed.by..].iter().take_while(|command| command.list == by.list).any(|command| {
        command.redirects.iter().any(|redirect| {
            matches!(redirect.kind, RedirectKind::Write | RedirectKind::Append) && asked(&redirect.target)
        }) || command.program == "tee" && command.arguments.iter().any(|argument| asked(argument))
    })
}

/// T201: curl without `-f` succeeds on any answer; where the answer is thrown away as well, or printed
/// by a check that runs by itself, nothing can notice a service that says 500.
fn unseen_answer(script: &Script<'_>, found: &mut Vec<Finding>) {
    for command in script.commands().iter().filter(|command| command.program == "curl") {
        let thrown_away =
            command.redirects.iter().any(|r| r.kind == RedirectKind::Write && r.target == "/dev/null")
                || command
                    .arguments
                    .windows(2)
                    .any(|pair| pair[1] == "/dev/null" && matches!(pair[0].as_str(), "-o" | "--output"))
                || command.arguments.iter().any(|a| a == "--output=/dev/null" || a == "-o/dev/null");
        let judged = command.arguments.iter().any(|argument| {
            let cluster = argument.starts_with('-') && !argument.starts_with("--");
            cluster && argument.contains(['f', 'w', 'v', 'D'])
                || ["--fail", "--write-out", "--verbose", "--dump-header", "--trace"]
                    .iter()
                    .any(|option| argument.starts_with(option))
        });
        let asks = kinds::only_reads(command) && command.pipe.1 <= 1;
        let told = thrown_away || is_only_printed(script, command);
        // Whoever types it sees the answer; a run does not.
        let seen = is_shown(command) && !is_looked_at(script);
        if (told || asks_for_health(command) && seen) && !judged && asks {
            found.push(script.on(
                "T201",
                if told { Severity::Warning } else { Severity::Note },
                command,
                "this passes whatever the service answers, a 500 too: curl only fails when nothing answers at all",
                "add `-f` (or `--fail-with-body`): then an answer of 400 and above fails the step",
            ));
        }
    }
}

/// Tells whether the answer goes nowhere but into the log of a `.check` that looks for nothing in it.
fn is_only_printed(script: &Script<'_>, command: &CommandUse) -> bool {
    let attributes = script.fence.and_then(|fence| fence.info.attributes.as_ref());
    let is_check = attributes.is_some_and(|attributes| attributes.has("check"));
    is_check && !is_looked_at(script) && is_shown(command)
}

/// Tells whether a check says what must stand in its output.
fn is_looked_at(script: &Script<'_>) -> bool {
    let attributes = script.fence.and_then(|fence| fence.info.attributes.as_ref());
    attributes.is_some_and(|attributes| {
        attributes.pairs.iter().any(|pair| matches!(&*pair.key.text, "match" | "json"))
    })
}

/// Tells whether an answer is printed, and its status decides nothing further on.
fn is_shown(command: &CommandUse) -> bool {
    let kept = command.redirects.iter().any(|r| matches!(r.kind, RedirectKind::Write | RedirectKind::Append))
        || command.arguments.iter().any(|a| matches!(a.as_str(), "-o" | "-O" | "--output" | "--remote-name"));
    !kept && !command.place.substituted && !command.place.guarded
}

/// Tells whether an address is one that says how a service is.
fn asks_for_health(command: &CommandUse) -> bool {
    command.arguments.iter().any(|argument| {
        let path = argument.trim_end_matches(['/', '"', '\'']).rsplit('/').next().unwrap_or_default();
        argument.contains('/')
            && matches!(
                path,
                "health"
                    | "healthz"
                    | "healthcheck"
                    | "health-check"
                    | "ready"
                    | "readyz"
                    | "readiness"
                    | "live"
                    | "livez"
                    | "liveness"
                    | "status"
                    | "ping"
                    | "up"
            )
    })
}

/// T201: `for … do check && break; sleep 5; done` ends with the status of `sleep` when no try
/// succeeded, unless something asks once more behind it.
fn tries_without_end(script: &Script<'_>, found: &mut Vec<Finding>) {
    for repeated in script.survey.loops.iter().filter(|repeated| repeated.variable.is_some()) {
        let commands = script.commands();
        let body = &commands[repeated.commands.clone()];
        let Some(last) =
            body.last().filter(|last| matches!(last.program.as_str(), "sleep" | "echo" | "printf"))
        else {
            continue;
        };
        let asked = body.windows(2).find(|pair| {
            pair[1].program == "break" && pair[1].list == pair[0].list && is_check(&pair[0].program)
        });
        let Some([check, _]) = asked else { continue };
        // A loop that keeps what it saw, or gives up by itself, is read by somebody.
        let assigned = &script.survey.assigned;
        let first = assigned.partition_point(|set| set.line < repeated.position.line);
        let keeps = assigned[first..]
            .iter()
            .take_while(|set| set.line <= repeated.position.end_line)
            .any(|set| Some(&set.name) != repeated.variable.as_ref());
        let gives_up = body.iter().any(|c| matches!(c.program.as_str(), "exit" | "return" | "false"));
        let decides = keeps || gives_up;
        let read_after = commands[repeated.commands.end..].iter().any(|command| {
            is_check(&command.program)
                || kinds::looks(command)
                || matches!(command.program.as_str(), "exit" | "return")
        });
        if !decides && !read_after {
            found.push(script.on(
                "T201",
                Severity::Warning,
                check,
                format!(
                    "when every try fails the loop ends with `{}`, which succeeds: the step passes all the same",
                    last.program
                ),
                "ask once more behind `done`, or count the tries and `exit 1` after the last",
            ));
        }
    }
}

fn is_check(program: &str) -> bool {
    matches!(
        program,
        "curl"
            | "wget"
            | "test"
            | "["
            | "[["
            | "grep"
            | "nc"
            | "ping"
            | "pg_isready"
            | "diff"
            | "cmp"
            | "jq"
            | "dig"
            | "nslookup"
            | "openssl"
            | "kubectl"
            | "http"
            | "systemctl"
            | "sha256sum"
            | "cosign"
            | "trivy"
    ) || ["check", "test", "verify", "health", "smoke"]
        .iter()
        .any(|word| program.to_lowercase().contains(word))
}

/// T201: what was sent to the background has a status that only `wait` with its number hears.
fn unheard_end(script: &Script<'_>, found: &mut Vec<Finding>) {
    let commands = script.commands();
    if !commands.iter().any(|command| command.place.background) {
        return;
    }
    let last_wait = commands.iter().rposition(|command| command.program == "wait");
    for (at, command) in commands.iter().enumerate() {
        // What the background itself looks at, or what a function is called for later, is not judged.
        let alone = command.place.background && command.pipe.1 <= 1 && !command.place.guarded;
        let matters = kinds::copies(command)
            || kinds::dumps(command)
            || kinds::migrates(command)
            // `docker compose up &` is a start, and ends with what it started.
            || (kinds::compose(command).is_none() && kinds::deploys(command).is_some());
        let heard = command.place.function || last_wait.is_some_and(|wait| at < wait);
        if alone && matters && !heard {
            found.push(script.on(
                "T201",
                Severity::Warning,
                command,
                format!("nothing waits for `{}`: the step passes before it has ended, and also when it fails", short(&command.text)),
                "leave out the `&`; or keep its number and ask for its end: `job=$!` here, `wait \"$job\"` below",
            ));
        }
    }
}

/// T201: without `pipefail` a pipe has the status of its last command. Here it is set; where the
/// same lines are pasted into a terminal it is not.
fn hidden_by_pipe(script: &Script<'_>, found: &mut Vec<Finding>) {
    if script.text.contains("pipefail") {
        return;
    }
    for pair in script.commands().windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        let joined = from.list == to.list
            && from.pipe.1 > 1
            && to.pipe.0 == from.pipe.0 + 1
            && to.pipe.0 + 1 == to.pipe.1;
        let passes = matches!(to.program.as_str(), "tee" | "cat" | "tail" | "head" | "ts");
        // What picks lines out of a report finds some in that of a failure as well. A question that is
        // asked of an answer is another matter: `kubectl get … | grep -q Running`.
        let picks = matches!(
            to.program.as_str(),
            "grep" | "egrep" | "rg" | "awk" | "sed" | "cut" | "column" | "sort"
        ) && !has_option(to, &["-q", "-v", "--quiet"])
            && from.program != "curl";
        if !joined || !(passes || picks) {
            continue;
        }
        let name = kinds::own_name(from).unwrap_or_else(|| from.program.clone()).to_lowercase();
        let tests = words::has(&name, &["test", "check", "verify", "smoke", "lint", "migrate", "deploy"])
            || matches!(from.program.as_str(), "pytest" | "jest" | "tox" | "phpunit" | "terraform")
            || (matches!(from.program.as_str(), "go" | "cargo" | "npm" | "mvn" | "gradle" | "dotnet")
                && from.arguments.iter().any(|a| a == "test"));
        let asked_to_fail = from.program == "curl" && fails_on_errors(from) && to.program != "head";
        let waits = kinds::has_words(from, &["rollout", "status"]);
        let counts =
            asked_to_fail || (tests || lenient::is_test(from)) && (waits || !kinds::only_reads(from));
        if counts && !from.place.condition && !from.place.substituted {
            found.push(script.on(
                "T201",
                // The shell of another host has what the text sets there, and nothing else.
                if from.host.is_some() { Severity::Warning } else { Severity::Note },
                from,
                format!("in a shell without `pipefail` this passes even when `{}` fails: the pipe has the status of `{}`", short(&from.text), to.program),
                "begin with `set -o pipefail`; steps that tminus runs have it",
            ));
        }
    }
}

/// `curl -f`
pub(super) fn fails_on_errors(command: &CommandUse) -> bool {
    command.arguments.iter().any(|argument| {
        argument.starts_with("--fail")
            || argument.starts_with('-') && !argument.starts_with("--") && argument.contains('f')
    })
}

/// T201: `check; true` has the status of `true` in every shell that does not end at the first failure.
fn hidden_by_next(script: &Script<'_>, found: &mut Vec<Finding>) {
    let commands = script.commands();
    if script.text.contains("set -e") || script.text.contains("errexit") {
        return;
    }
    for (at, pair) in commands.windows(2).enumerate() {
        let (checked, by) = (&pair[0], &pair[1]);
        let is_last = at + 2 == commands.len();
        let ends_well = by.program == "exit" && by.arguments.first().is_some_and(|status| status == "0");
        let silent = matches!(by.program.as_str(), "true" | ":") || ends_well;
        let hides = match by.program.as_str() {
            _ if silent => true,
            // `curl …; echo` only ends the line.
            "echo" | "printf" => {
                let says = by
                    .arguments
                    .iter()
                    .any(|argument| argument.contains(|c: char| c.is_alphabetic() && c != 'n'));
                is_last && says && !by.reads_status && !by.text.contains("$?")
            }
            _ => false,
        };
        let beside = checked.end_line == by.line
            && checked.list != by.list
            && by.link == Link::First
            && by.pipe.1 <= 1
            && checked.pipe.0 + 1 >= checked.pipe.1;
        let plain = |command: &CommandUse| {
            let place = command.place;
            !(place.condition || place.in_loop || place.function || place.substituted || place.background)
        };
        if hides
            && beside
            && plain(checked)
            && plain(by)
            && (is_check(&checked.program) || lenient::is_test(checked))
        {
            found.push(script.on(
                "T201",
                if is_last && silent { Severity::Warning } else { Severity::Note },
                checked,
                format!(
                    "`{}` behind it throws the status of `{}` away in a shell without `set -e`: it passes whatever the check says",
                    short(&by.text),
                    checked.program
                ),
                "let the check stand last, or join the two with `&&`",
            ));
        }
    }
}

/// T201: `gh run watch` ends with 0 also when the run has failed.
fn unheard_run(script: &Script<'_>, found: &mut Vec<Finding>) {
    let watches =
        |command: &&CommandUse| command.program == "gh" && kinds::has_words(command, &["run", "watch"]);
    let mut watching = script.commands().iter().filter(watches).peekable();
    let hears = |text: &str| text.contains("--exit-status") || text.contains("conclusion");
    if watching.peek().is_none() || hears(script.text) {
        return;
    }
    for command in watching {
        {
            found.push(script.on(
                "T201",
                Severity::Warning,
                command,
                "`gh run watch` ends with 0 also when the run has failed: the step passes all the same",
                "add `--exit-status`",
            ));
        }
    }
}
