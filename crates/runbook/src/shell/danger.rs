//! How much is at stake when a command runs, by what it does and not by how it is spelled.
//!
//! *Dangerous* destroys or overwrites data or history, or stops production; *confirm* changes
//! a shared system and can be undone. What is not known is ordinary: in assisted mode a person
//! sees every command anyway.

use tminus_release::plan::Danger;

use super::danger_rows::{ROWS, WITH_VALUE};
use super::names;
use super::unwrap::skip_options;
use super::{CommandUse, RedirectKind};

/// Returns the words of a command that are neither options nor their values.
pub(super) fn verbs(command: &CommandUse) -> Vec<&str> {
    let with_value = WITH_VALUE
        .iter()
        .find(|(program, _)| *program == command.program)
        .map_or(&[][..], |(_, options)| options);
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        at = skip_options(&command.arguments, at, with_value);
        let Some(word) = command.arguments.get(at) else { return found };
        found.push(word.as_str());
        at += 1;
    }
}

/// Judges one command; `None` when nothing is at stake.
pub(super) fn judge(command: &CommandUse) -> Option<(Danger, String)> {
    // The wrapper of another command: that one is judged at its own place.
    let text_of_other = |wrapper: &str| command.program == wrapper && command.arguments.len() > 1;
    if text_of_other("ssh") || command.program == "eval" {
        return None;
    }
    if has_any(
        command,
        &[
            "--dry-run",
            "--dryrun",
            "--dry_run",
            "--plan",
            "--check",
            "--help",
            "--whatif",
            "--dry-run=client",
            "--dry-run=server",
            "--no-execute",
        ],
    ) && command.program != "git"
    {
        return None;
    }
    if keeps_everything(command) {
        return None;
    }
    special(command).or_else(|| table(command)).or_else(|| names::judge(command))
}

fn has_any(command: &CommandUse, options: &[&str]) -> bool {
    command.arguments.iter().any(|argument| {
        options.iter().any(|option| {
            argument == option
                || argument.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))
                || (option.len() == 2 && cluster(argument, option))
        })
    })
}

/// `-d` is in `-fd`, but not in `--delete` or `-Xdebug`.
fn cluster(argument: &str, option: &str) -> bool {
    argument.len() <= 4
        && argument.starts_with('-')
        && !argument.starts_with("--")
        && argument[1..].contains(&option[1..])
}

fn table(command: &CommandUse) -> Option<(Danger, String)> {
    let verbs = verbs(command);
    // `docker compose x` and `docker-compose x` are one program to the table.
    let (program, verbs) = match (command.program.as_str(), verbs.first()) {
        ("docker" | "podman" | "nerdctl", Some(&"compose")) => ("compose", &verbs[1..]),
        ("docker-compose", _) => ("compose", &verbs[..]),
        (program, _) => (program, &verbs[..]),
    };
    let row = ROWS.iter().find(|row| {
        // Most rows are another program's: that is told by the first letter, without a call.
        if row.command.as_bytes().first() != program.as_bytes().first() {
            return false;
        }
        let Some(rest) = row.command.strip_prefix(program) else { return false };
        (rest.is_empty() || rest.starts_with(' '))
            && rest
                .split(' ')
                .skip(1)
                .enumerate()
                .all(|(index, word)| verbs.get(index).is_some_and(|verb| verb.eq_ignore_ascii_case(word)))
            && (row.with.is_empty() || has_any(command, row.with))
    })?;
    Some((row.danger, format!("`{}` {}", row.command.replacen("compose", "docker compose", 1), row.reason)))
}

/// Commands whose stake lies in their operands.
fn special(command: &CommandUse) -> Option<(Danger, String)> {
    let found = |danger, reason: &str| Some((danger, reason.to_owned()));
    match command.program.as_str() {
        "rm" => remove(command),
        "dd" => command
            .arguments
            .iter()
            .any(|a| a.starts_with("of=/dev/"))
            .then(|| (Danger::Dangerous, "`dd` overwrites a device".to_owned())),
        "psql" | "mysql" | "mariadb" | "sqlite3" | "cockroach" | "clickhouse-client" | "sqlcmd" => {
            sql(command)
        }
        "curl" => curl(command),
        "http" | "https" | "xh" => {
            let writes = command
                .arguments
                .first()
                .is_some_and(|m| matches!(m.as_str(), "POST" | "PUT" | "PATCH" | "DELETE"));
            writes.then(|| (Danger::Confirm, format!("sends {} to a server", command.arguments[0])))
        }
        "touch" => {
            let flag = command.arguments.iter().find(|a| names::is_flag_file(a))?;
            found(Danger::Confirm, &format!("`{flag}` changes what others may do"))
        }
        "kubectl" if verbs(command).first() == Some(&"scale") && scale_to_zero(command) => {
            found(Danger::Dangerous, "`--replicas 0` stops every copy of a service")
        }
        "mv" | "cp" | "ln" | "chmod" | "chown" => system_file(command),
        "git" if force_refspec(command) => {
            found(Danger::Dangerous, "`+ref` or `:ref` overwrites or deletes what others have")
        }
        "find" if command.arguments.iter().any(|a| a == "-delete") => {
            found(Danger::Dangerous, "`find -delete` deletes files")
        }
        _ => None,
    }
}

/// Uses of a dangerous program that destroy nothing.
fn keeps_everything(command: &CommandUse) -> bool {
    match command.program.as_str() {
        "gunzip" | "gzip" | "bunzip2" | "unxz" => {
            has_any(command, &["-k", "--keep", "-c", "--stdout", "-t", "--test", "-l", "--list"])
                || command.arguments.iter().all(|a| a.starts_with('-'))
        }
        "kill" => has_any(command, &["-0", "-l"]),
        "crontab" | "iptables" => has_any(command, &["-l", "-L"]),
        "git" => has_any(command, &["--abort", "--dry-run"]),
        "vercel" => matches!(
            verbs(command).first(),
            Some(&("ls" | "list" | "inspect" | "logs" | "whoami" | "pull" | "build"))
        ),
        _ => false,
    }
}

fn scale_to_zero(command: &CommandUse) -> bool {
    command.arguments.windows(2).any(|pair| pair[0] == "--replicas" && pair[1] == "0")
        || command.arguments.iter().any(|a| a == "--replicas=0")
}

fn force_refspec(command: &CommandUse) -> bool {
    let verbs = verbs(command);
    verbs.first() == Some(&"push")
        && verbs.iter().skip(2).any(|reference| {
            reference.starts_with('+') || (reference.starts_with(':') && reference.len() > 1)
        })
}

fn remove(command: &CommandUse) -> Option<(Danger, String)> {
    let recursive = has_any(command, &["-r", "-R", "--recursive"]);
    let targets: Vec<&String> = command.arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let throwaway = |target: &&String| {
        let name = target.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        target.starts_with("/tmp/")
            || matches!(
                name,
                "node_modules"
                    | "dist"
                    | "build"
                    | "target"
                    | ".next"
                    | ".cache"
                    | "coverage"
                    | "__pycache__"
                    | ".turbo"
                    | "tmp"
                    | ".nuxt"
                    | "out"
            )
            || names::is_flag_file(target)
    };
    if !targets.is_empty() && targets.iter().all(throwaway) {
        let flag = targets.iter().any(|target| names::is_flag_file(target));
        return flag.then(|| (Danger::Confirm, "removes a flag that others wait for".to_owned()));
    }
    let what = if recursive { "deletes a folder with everything in it" } else { "deletes files" };
    Some((Danger::Dangerous, format!("`rm` {what}")))
}

fn system_file(command: &CommandUse) -> Option<(Danger, String)> {
    let target = command.arguments.last()?;
    let system =
        ["/etc/", "/usr/", "/var/www", "/var/lib/", "/srv/"].iter().any(|folder| target.starts_with(folder));
    system.then(|| (Danger::Confirm, format!("changes `{target}` of the host")))
}

fn curl(command: &CommandUse) -> Option<(Danger, String)> {
    let mut method = None;
    for (index, argument) in command.arguments.iter().enumerate() {
        if matches!(argument.as_str(), "-X" | "--request") {
            method = command.arguments.get(index + 1).cloned();
        } else if let Some(inline) =
            argument.strip_prefix("-X").or_else(|| argument.strip_prefix("--request="))
        {
            method = Some(inline.to_owned());
        }
    }
    let sends = has_exact(
        command,
        &[
            "-d",
            "--data",
            "--data-raw",
            "--data-binary",
            "--data-urlencode",
            "-F",
            "--form",
            "--json",
            "-T",
            "--upload-file",
        ],
    );
    let method = method.unwrap_or_else(|| if sends { "POST".to_owned() } else { "GET".to_owned() });
    match method.to_ascii_uppercase().as_str() {
        "GET" | "HEAD" | "OPTIONS" => None,
        "DELETE" => Some((Danger::Confirm, "sends DELETE to a server".to_owned())),
        other => Some((Danger::Confirm, format!("sends {other} to a server, which changes it"))),
    }
}

fn has_exact(command: &CommandUse, options: &[&str]) -> bool {
    command.arguments.iter().any(|argument| {
        options.iter().any(|option| {
            argument == option
                || argument
                    .strip_prefix(option)
                    .is_some_and(|rest| option.starts_with("--") && rest.starts_with('='))
        })
    })
}

fn sql(command: &CommandUse) -> Option<(Danger, String)> {
    let input = command.redirects.iter().find(|redirect| redirect.kind == RedirectKind::Read);
    if let Some(file) = input {
        return Some((Danger::Dangerous, format!("writes `{}` over a database", file.target)));
    }
    let mut worst = None;
    let mut arguments = command.arguments.iter();
    while let Some(argument) = arguments.next() {
        let value = |prefixes: &[&str], next: Option<&String>| {
            if prefixes.contains(&argument.as_str()) {
                return next.cloned();
            }
            prefixes.iter().find_map(|prefix| argument.strip_prefix(&format!("{prefix}=")).map(str::to_owned))
        };
        let next = arguments.clone().next();
        let judged = if let Some(file) = value(&["-f", "--file"], next) {
            Some(sql_file(&file))
        } else if let Some(text) = value(&["-c", "--command", "-e", "--execute", "--query", "-Q"], next) {
            sql_text(&text)
        } else {
            None
        };
        worst = worse(worst, judged);
    }
    for redirect in command
        .redirects
        .iter()
        .filter(|r| matches!(r.kind, RedirectKind::HereDocument | RedirectKind::HereString))
    {
        worst = worse(worst, sql_text(&redirect.target));
    }
    if worst.is_none() && command.pipe.0 > 0 {
        return Some((Danger::Dangerous, "runs the SQL of a pipe against a database".to_owned()));
    }
    worst
}

fn worse(left: Option<(Danger, String)>, right: Option<(Danger, String)>) -> Option<(Danger, String)> {
    match (left, right) {
        (Some(left), Some(right)) => Some(if right.0 > left.0 { right } else { left }),
        (left, right) => left.or(right),
    }
}

fn sql_file(file: &str) -> (Danger, String) {
    let name = file.to_ascii_lowercase();
    let back =
        ["rollback", "_down", ".down", "-down", "revert", "undo", "drop", "restore", "truncate", "delete"];
    if back.iter().any(|word| name.contains(word)) {
        return (Danger::Dangerous, format!("`{file}` takes changes of the database back, with their data"));
    }
    if ["backup", "dump"].iter().any(|word| name.contains(word)) {
        return (Danger::Dangerous, format!("writes `{file}` over a database"));
    }
    (Danger::Confirm, format!("runs the SQL of `{file}` against a database"))
}

/// Judges SQL by its statements' first words.
fn sql_text(text: &str) -> Option<(Danger, String)> {
    let mut worst = None;
    for statement in text.split(';') {
        let words: Vec<String> = statement.split_whitespace().map(str::to_ascii_lowercase).collect();
        let first = words.first().map_or("", String::as_str);
        let judged = match first {
            "drop" | "truncate" => {
                Some((Danger::Dangerous, format!("{} deletes data", first.to_ascii_uppercase())))
            }
            "delete" | "update" if !words.iter().any(|word| word == "where") => Some((
                Danger::Dangerous,
                format!("{} without WHERE changes every row", first.to_ascii_uppercase()),
            )),
            "alter" if words.iter().any(|word| word == "drop") => {
                Some((Danger::Dangerous, "ALTER … DROP deletes data".to_owned()))
            }
            "delete" | "update" | "insert" | "alter" | "create" | "grant" | "revoke" | "vacuum"
            | "reindex" | "call" | "merge" | "copy" => {
                Some((Danger::Confirm, format!("{} changes the database", first.to_ascii_uppercase())))
            }
            _ if statement.contains("pg_terminate_backend") || statement.contains("pg_cancel_backend") => {
                Some((Danger::Confirm, "ends connections of others".to_owned()))
            }
            _ => None,
        };
        worst = worse(worst, judged);
    }
    worst
}
