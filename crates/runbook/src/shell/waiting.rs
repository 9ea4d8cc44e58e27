//! Commands that ask a question or never end; those that wait for a person are told beside.

use super::interactive;
use super::{CommandUse, Link, RedirectKind, Survey};

/// Says what waits and why, in the words that a person reads.
pub(super) fn judge(survey: &mut Survey) {
    let commands = std::mem::take(&mut survey.commands);
    for (index, command) in commands.iter().enumerate() {
        // A wrapped command is seen once, at its inner program.
        if let Some(reason) = interactive::judge(command) {
            push_once(&mut survey.interactive, command.line, reason);
        }
        if let Some(reason) = asks(command, commands.get(index.wrapping_sub(1))) {
            push_once(&mut survey.prompts, command.line, reason);
        }
        if !command.place.background
            && let Some(reason) = endless(command)
            && !ends_early(command, &commands[index + 1..])
        {
            push_once(&mut survey.endless, command.line, reason);
        }
    }
    for repeated in &survey.loops {
        let forever = repeated.variable.is_none()
            && matches!(repeated.values.first().map(String::as_str), Some("true" | ":" | "[ 1 ]" | "(("));
        let leaves = commands[repeated.commands.clone()]
            .iter()
            .any(|c| matches!(c.program.as_str(), "break" | "exit" | "return"));
        if forever && !leaves && repeated.values[0] != "((" {
            survey.endless.push((repeated.position.line, "this loop has no way out".to_owned()));
        }
    }
    survey.commands = commands;
}

fn push_once(list: &mut Vec<(u32, String)>, line: u32, reason: String) {
    // What stands on one line comes one after the other.
    if !list.iter().rev().take(16).any(|(known, _)| *known == line) {
        list.push((line, reason));
    }
}

pub(super) fn has(command: &CommandUse, options: &[&str]) -> bool {
    command.arguments.iter().any(|argument| options.iter().any(|option| matches_option(argument, option)))
}

/// `-f` is found in `-f`, `-tfn` and `-f=x`; `--follow` in `--follow` and `--follow=true`.
fn matches_option(argument: &str, option: &str) -> bool {
    if argument == option || argument.strip_prefix(option).is_some_and(|rest| rest.starts_with('=')) {
        return argument != format!("{option}=false");
    }
    let short = option.len() == 2 && !option.starts_with("--");
    let cluster = argument.starts_with('-') && !argument.starts_with("--") && argument.len() <= 5;
    short
        && cluster
        && argument[1..].chars().all(|c| c.is_ascii_alphabetic())
        && argument[1..].contains(&option[1..])
}

fn verbs(command: &CommandUse) -> Vec<&str> {
    super::danger::verbs(command)
}

pub(super) fn has_input(command: &CommandUse) -> bool {
    command.pipe.0 > 0
        || command.redirects.iter().any(|r| {
            matches!(r.kind, RedirectKind::Read | RedirectKind::HereDocument | RedirectKind::HereString)
        })
}

/// Commands that ask a question unless a flag answers it.
struct Asks {
    program: &'static str,
    verbs: &'static [&'static str],
    answered_by: &'static [&'static str],
    question: &'static str,
}

/// What no flag gives, but what is piped in.
const ON_INPUT: &str = "a value on standard input";

// `--no-traffic` is refused for a service that is new, and only for that one is anything asked.
#[rustfmt::skip]
const ASKS: [Asks; 38] = [
    Asks { program: "apt", verbs: &["install"], answered_by: &["-y", "--yes", "--assume-yes", "-qq"], question: "whether to install" },
    Asks { program: "apt-get", verbs: &["install"], answered_by: &["-y", "--yes", "--assume-yes", "-qq"], question: "whether to install" },
    Asks { program: "apt", verbs: &["upgrade"], answered_by: &["-y", "--yes", "--assume-yes", "-qq"], question: "whether to upgrade" },
    Asks { program: "apt-get", verbs: &["upgrade"], answered_by: &["-y", "--yes", "--assume-yes", "-qq"], question: "whether to upgrade" },
    Asks { program: "yum", verbs: &["install"], answered_by: &["-y", "--assumeyes"], question: "whether to install" },
    Asks { program: "dnf", verbs: &["install"], answered_by: &["-y", "--assumeyes"], question: "whether to install" },
    Asks { program: "terraform", verbs: &["apply"], answered_by: &["-auto-approve", "--auto-approve", "-input=false"], question: "whether to apply the plan" },
    Asks { program: "terraform", verbs: &["destroy"], answered_by: &["-auto-approve", "--auto-approve"], question: "whether to destroy everything" },
    Asks { program: "tofu", verbs: &["apply"], answered_by: &["-auto-approve", "--auto-approve"], question: "whether to apply the plan" },
    Asks { program: "pulumi", verbs: &["up"], answered_by: &["--yes", "-y", "--skip-preview"], question: "whether to update" },
    Asks { program: "docker", verbs: &["system", "prune"], answered_by: &["-f", "--force"], question: "whether to delete" },
    Asks { program: "npm", verbs: &["init"], answered_by: &["-y", "--yes"], question: "for the package's data" },
    Asks { program: "cdk", verbs: &["deploy"], answered_by: &["--require-approval"], question: "whether to change permissions" },
    Asks { program: "prisma", verbs: &["migrate", "reset"], answered_by: &["-f", "--force"], question: "whether to drop the database" },
    Asks { program: "gcloud", verbs: &["app", "deploy"], answered_by: &["-q", "--quiet"], question: "whether to deploy" },
    Asks { program: "gcloud", verbs: &["run", "deploy"], answered_by: &["-q", "--quiet", "--allow-unauthenticated", "--no-allow-unauthenticated", "--no-traffic"], question: "whether to allow anyone" },
    Asks { program: "gcloud", verbs: &["sql", "instances", "delete"], answered_by: &["-q", "--quiet"], question: "whether to delete the database" },
    Asks { program: "gcloud", verbs: &["sql", "backups", "restore"], answered_by: &["-q", "--quiet"], question: "whether to restore over what is there" },
    Asks { program: "gcloud", verbs: &["compute", "instances", "delete"], answered_by: &["-q", "--quiet"], question: "whether to delete the machine" },
    Asks { program: "gcloud", verbs: &["container", "clusters", "delete"], answered_by: &["-q", "--quiet"], question: "whether to delete the cluster" },
    Asks { program: "apt", verbs: &["full-upgrade"], answered_by: &["-y", "--yes", "--assume-yes", "-qq"], question: "whether to upgrade" },
    Asks { program: "apt-get", verbs: &["dist-upgrade"], answered_by: &["-y", "--yes", "--assume-yes", "-qq"], question: "whether to upgrade" },
    Asks { program: "apt", verbs: &["remove"], answered_by: &["-y", "--yes", "--assume-yes", "-qq"], question: "whether to remove" },
    Asks { program: "apt-get", verbs: &["remove"], answered_by: &["-y", "--yes", "--assume-yes", "-qq"], question: "whether to remove" },
    Asks { program: "pip", verbs: &["uninstall"], answered_by: &["-y", "--yes"], question: "whether to remove" },
    Asks { program: "pulumi", verbs: &["destroy"], answered_by: &["--yes", "-y", "--skip-preview"], question: "whether to destroy everything" },
    Asks { program: "cdk", verbs: &["destroy"], answered_by: &["--force", "-f"], question: "whether to destroy everything" },
    Asks { program: "docker", verbs: &["volume", "prune"], answered_by: &["-f", "--force"], question: "whether to delete" },
    Asks { program: "docker", verbs: &["image", "prune"], answered_by: &["-f", "--force", "-af", "-fa"], question: "whether to delete" },
    Asks { program: "az", verbs: &["group", "delete"], answered_by: &["--yes", "-y"], question: "whether to delete the group" },
    Asks { program: "gh", verbs: &["release", "create"], answered_by: &["--generate-notes", "--notes", "-n", "--notes-file", "-F", "--notes-from-tag"], question: "for the title and the notes" },
    Asks { program: "gh", verbs: &["secret", "set"], answered_by: &["--body", "-b", "--env-file", "-f"], question: "for the value" },
    Asks { program: "vercel", verbs: &["env", "add"], answered_by: &[ON_INPUT, "--value"], question: "for the value" },
    Asks { program: "vercel", verbs: &["env", "rm"], answered_by: &["--yes", "-y"], question: "whether to remove it" },
    Asks { program: "wrangler", verbs: &["secret", "put"], answered_by: &[ON_INPUT], question: "for the value" },
    Asks { program: "heroku", verbs: &["pg:reset"], answered_by: &["--confirm", "-c"], question: "for the app's name" },
    Asks { program: "docker", verbs: &["login"], answered_by: &[ON_INPUT, "--password-stdin", "-p", "--password", "-u", "--username"], question: "for the name and the password" },
    Asks { program: "heroku", verbs: &["apps:destroy"], answered_by: &["--confirm", "-c"], question: "for the app's name" },
];

/// The flag with which a command asks nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YesFlag {
    /// `-y`.
    pub flag: &'static str,
    /// The word behind which it stands well.
    pub behind: &'static str,
    /// Whether the step then does what was meant all along; otherwise a person has seen less than
    /// before: a plan, what is deleted, who gets in.
    pub keeps_meaning: bool,
}

/// Returns the flag that answers a command's question with yes, where it is certain that it does.
pub fn yes_flag(command: &CommandUse) -> Option<YesFlag> {
    let verbs = verbs(command);
    let row = ASKS.iter().find(|row| row.program == command.program && verbs.starts_with(row.verbs))?;
    // `--require-approval` wants a value that only a person can choose.
    // The like holds for what is typed or piped in.
    let valued = ["--require-approval", ON_INPUT, "--confirm", "--body"];
    let flag = *row.answered_by.first().filter(|flag| !valued.contains(flag))?;
    let keeps_meaning = matches!(row.program, "apt" | "apt-get" | "yum" | "dnf" | "npm");
    Some(YesFlag { flag, behind: row.verbs.last()?, keeps_meaning })
}

fn asks(command: &CommandUse, before: Option<&CommandUse>) -> Option<String> {
    // `yes | command` answers.
    let answered = has_input(command) || before.is_some_and(|c| c.program == "yes" && c.list == command.list);
    let verbs = verbs(command);
    let row = ASKS.iter().find(|row| row.program == command.program && verbs.starts_with(row.verbs))?;
    // A saved plan is applied without a question.
    let saved_plan = matches!(row.program, "terraform" | "tofu") && row.verbs == ["apply"] && verbs.len() > 1;
    let silent = answered || saved_plan || has(command, row.answered_by);
    (!silent).then(|| {
        format!(
            "`{} {}` asks {} unless {} is given",
            row.program,
            row.verbs.join(" "),
            row.question,
            row.answered_by[0]
        )
    })
}

/// How far along a pipe its end is looked for.
const LONGEST_PIPE: usize = 64;

/// `tail -f x | head`, `| grep -m1` and `timeout 30 …` end.
fn ends_early(command: &CommandUse, after: &[CommandUse]) -> bool {
    let limited = command.wrappers.iter().any(|wrapper| wrapper == "timeout" || wrapper == "gtimeout");
    let cut = after
        .iter()
        .take(LONGEST_PIPE)
        .take_while(|next| {
            next.list == command.list && next.pipe.0 > command.pipe.0 && next.link == command.link
        })
        .any(|next| {
            next.program == "head"
                || (next.program == "grep" && has(next, &["-m", "-q", "--max-count", "--quiet"]))
                || next.arguments.iter().any(|a| a.starts_with("-m1"))
        });
    limited || cut || command.link == Link::And && command.place.condition
}

fn endless(command: &CommandUse) -> Option<String> {
    let verbs = verbs(command);
    let verb = |index: usize| verbs.get(index).copied().unwrap_or_default();
    let follows = |options: &[&str]| has(command, options);
    if command.wrappers.iter().any(|wrapper| wrapper == "watch") {
        return Some("`watch` repeats for ever".to_owned());
    }
    let reason = match command.program.as_str() {
        "watch" => !follows(&["-g", "--chgexit", "-e", "--errexit"]),
        "tail" | "journalctl" => follows(&["-f", "-F", "--follow"]),
        "docker" | "podman" | "nerdctl" | "docker-compose" => return container(command, &verbs),
        "kubectl" | "oc" => match verb(0) {
            "logs" => follows(&["-f", "--follow"]),
            "get" => follows(&["-w", "--watch", "--watch-only"]),
            "port-forward" | "proxy" => true,
            // The plugin of Argo Rollouts.
            "argo" => verbs.contains(&"rollout") && follows(&["-w", "--watch"]),
            _ => false,
        },
        program if PROVIDERS.contains(&program) => provider(command, &verbs),
        "less" => command.arguments.iter().any(|argument| argument == "+F"),
        "sidekiq" => !follows(&["--version", "-V", "--help", "-d", "--daemon"]),
        "puma" | "unicorn" => {
            !follows(&["-D", "--daemonize", "--version", "-v"]) && command.arguments.len() > 1
        }
        "ping" => !follows(&["-c", "-w"]),
        "yes" => command.pipe.1 <= 1,
        "sleep" => verb(0) == "infinity",
        "nc" | "ncat" => follows(&["-l", "-k"]),
        "ssh" => follows(&["-N"]) && !follows(&["-f"]),
        "npm" | "pnpm" | "yarn" | "bun" => {
            matches!((verb(0), verb(1)), ("dev", _) | ("run", "dev") | ("run", "watch"))
        }
        "pm2" => matches!(verb(0), "logs" | "log" | "monit" | "attach") && !follows(&["--nostream"]),
        "supabase" => verb(0) == "functions" && verb(1) == "serve",
        "rails" => matches!(verb(0), "server" | "s") && !follows(&["-d", "--daemon"]),
        "php" => {
            verb(0).ends_with("artisan")
                && matches!(verb(1), "serve" | "queue:work" | "queue:listen" | "horizon")
        }
        "flask" => verbs.contains(&"run"),
        "mkdocs" | "hugo" | "jekyll" => matches!(verb(0), "serve" | "server"),
        "redis-cli" => verbs.contains(&"monitor") || verbs.contains(&"MONITOR"),
        "dmesg" => follows(&["-w", "-W", "--follow", "--follow-new"]),
        "tcpdump" => !follows(&["-c", "-r"]) && !command.arguments.iter().any(|a| a.starts_with("-c")),
        "python" | "python3" => {
            follows(&["-m"]) && command.arguments.iter().any(|a| a == "http.server")
                || verb(0).ends_with("manage.py") && verb(1) == "runserver"
        }
        "stripe" => verb(0) == "listen",
        "gunicorn" => !follows(&["-D", "--daemon", "--check-config", "--version", "--print-config"]),
        "uvicorn" => !verb(0).is_empty() && !follows(&["--version", "--help"]),
        "celery" => {
            verbs.iter().any(|verb| matches!(*verb, "worker" | "beat" | "flower"))
                && !verbs.contains(&"inspect")
                && !follows(&["-D", "--detach", "--help"])
        }
        "ngrok" | "top" | "htop" | "iotop" | "nethogs" => {
            command.program == "ngrok" || !follows(&["-b", "-n", "-l"])
        }
        _ => false,
    };
    reason.then(|| match command.program.as_str() {
        "watch" => "`watch` repeats for ever".to_owned(),
        "tail" | "journalctl" | "kubectl" | "oc" if verb(0) != "port-forward" && verb(0) != "proxy" => {
            format!("`{}` follows without an end", command.program)
        }
        program => format!("`{program}` runs until it is stopped"),
    })
}

/// Whose logs follow, each in its own way.
#[rustfmt::skip]
const PROVIDERS: [&str; 18] = [
    "aws", "gcloud", "az", "cf", "dokku", "kamal", "argocd", "eb", "heroku", "fly", "flyctl", "railway", "vercel", "wrangler", "stern", "kail", "nomad",
    "kafka-console-consumer",
];

/// The logs of a provider's tool, which follow by an option or unless one says not to.
fn provider(command: &CommandUse, verbs: &[&str]) -> bool {
    let verb = |index: usize| verbs.get(index).copied().unwrap_or_default();
    let follows = |options: &[&str]| has(command, options);
    match command.program.as_str() {
        "aws" => verb(0) == "logs" && verb(1) == "tail" && follows(&["--follow"]),
        "gcloud" => verbs.contains(&"logs") && verbs.contains(&"tail"),
        "az" => {
            verbs.contains(&"log") && verbs.contains(&"tail")
                || verbs.contains(&"logs") && follows(&["--follow"])
        }
        // It reads on where nothing says how much, or how long it waits for more.
        "kafka-console-consumer" => !follows(&["--max-messages", "--timeout-ms"]),
        "nomad" => verbs.contains(&"logs") && follows(&["-f", "--follow"]) || verb(0) == "monitor",
        "cf" => verb(0) == "logs" && !follows(&["--recent"]),
        "dokku" | "kamal" => verbs.contains(&"logs") && follows(&["-t", "--tail", "-f", "--follow"]),
        "argocd" => verb(0) == "app" && verb(1) == "logs" && follows(&["-f", "--follow"]),
        "eb" => {
            verb(0) == "logs" && follows(&["--stream"]) || verb(0) == "events" && follows(&["-f", "--follow"])
        }
        _ => {
            (verb(0) == "logs" && follows(&["-t", "--tail", "-f", "--follow"]))
                // Fly's own follow unless told not to.
                || matches!(command.program.as_str(), "fly" | "flyctl") && verb(0) == "logs" && !follows(&["-n", "--no-tail"])
                || matches!(command.program.as_str(), "stern" | "kail")
                || verb(0) == "tail"
                || verb(0) == "dev"
        }
    }
}

fn container(command: &CommandUse, verbs: &[&str]) -> Option<String> {
    let action = match verbs.first() {
        Some(&("compose" | "container" | "service")) => verbs.get(1),
        first => first,
    };
    let compose = verbs.first() == Some(&"compose") || command.program == "docker-compose";
    match action.copied().unwrap_or_default() {
        "logs" if has(command, &["-f", "--follow"]) && follow_is_option(command) => {
            Some("`logs -f` follows without an end".to_owned())
        }
        "stats" if !has(command, &["--no-stream"]) => Some("`stats` repeats for ever".to_owned()),
        "events" if !has(command, &["--until"]) => Some("`events` follows without an end".to_owned()),
        "up" if compose
            && !has(
                command,
                &["-d", "--detach", "--wait", "--no-start", "--abort-on-container-exit", "--exit-code-from"],
            ) =>
        {
            Some("`up` without `-d` stays in the foreground".to_owned())
        }
        _ => None,
    }
}

/// In `docker compose -f file logs` the `-f` names a file; only one behind `logs` follows.
fn follow_is_option(command: &CommandUse) -> bool {
    let at = command.arguments.iter().position(|argument| argument == "logs").unwrap_or(0);
    command.arguments[at..]
        .iter()
        .any(|argument| matches_option(argument, "-f") || matches_option(argument, "--follow"))
}
