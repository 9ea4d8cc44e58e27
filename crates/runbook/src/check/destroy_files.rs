//! T210: files, folders and mirrors that are deleted by what a command is given to act on.

use crate::shell::{CommandUse, RedirectKind};

use super::kinds;
use super::page::has_option;

/// Folders in which systems keep what nobody can make again.
const DATA: [&str; 12] = [
    "/var/lib",
    "/var/backups",
    "/backups",
    "/backup",
    "/data",
    "/mnt",
    "/var/opt",
    "/home",
    "/etc",
    "/root",
    "/var/spool",
    "/var/mail",
];

/// What belongs to them and can be made again all the same.
const MADE_AGAIN: [&str; 12] = [
    "/apt/lists",
    "cache",
    "tmp",
    "temp",
    "/nginx/proxy",
    "/log",
    "/dist",
    "/build",
    "releases/",
    "/old",
    "/staging",
    ".bak",
];

/// Folders of an application that its users fill.
const FILLED: [&str; 9] = [
    "uploads",
    "media",
    "attachments",
    "storage",
    "pgdata",
    "postgres_data",
    "mysql_data",
    "db_data",
    "shared",
];

/// Tells what is lost; `None` when it can be made again, or is not known.
pub(super) fn loss(command: &CommandUse) -> Option<&'static str> {
    // Asked of every command: a list is made only for those that may lose something.
    let words = || kinds::words(command);
    let says = |word: &str| command.arguments.iter().any(|argument| argument == word);
    let short = |letter: char| {
        command.arguments.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(letter))
    };
    match command.program.rsplit('/').next().unwrap_or_default() {
        "rm" if (short('r') || short('R') || has_option(command, &["--recursive"])) && of_data(command) => {
            Some("what users or the database have put there is deleted, and nothing brings it back")
        }
        "git" if says("clean") && short('x') && short('f') => {
            Some("`-x` deletes what Git ignores too: `.env`, uploads and what was configured by hand")
        }
        "git" if says("push") => of_branch(command),
        "find" if has_option(command, &["-delete"]) || by_exec(command) => searched(command),
        "rsync" if command.arguments.iter().any(|a| a.starts_with("--del")) && is_remote(command) => Some(
            "`--delete` takes away what the source does not have: uploads, settings, files of other jobs",
        ),
        "mkfs" | "wipefs" => Some("the file system is deleted with everything on it"),
        program if program.starts_with("mkfs.") => Some("the file system is deleted with everything on it"),
        "dd" => command
            .arguments
            .iter()
            .any(|a| a.starts_with("of=/dev/") && !a.starts_with("of=/dev/null"))
            .then_some("the device is overwritten"),
        "truncate" => words()
            .iter()
            .any(|word| is_database(word))
            .then_some("the file is emptied, and the data in it is gone"),
        "" | ":" | "true" | "cat" | "echo" => command
            .redirects
            .iter()
            .any(|r| r.kind == RedirectKind::Write && is_database(&r.target) && command.program != "cat")
            .then_some("the file is emptied, and the data in it is gone"),
        "curl" => deletes_index(command),
        "crontab" if command.arguments.iter().any(|a| a == "-r") => {
            Some("`-r` deletes every job of the user without a question")
        }
        "pm2" if says("delete") && says("all") => {
            Some("every process is stopped and forgotten, whoever started it")
        }
        "apt-get" | "apt" if says("purge") && words().iter().any(|word| is_server(word)) => {
            Some("`purge` deletes the settings, and of some databases the data as well")
        }
        "npm" if says("unpublish") => Some("others can no longer install what they depend on"),
        "aws" => bucket_or_service(command),
        "gsutil" | "gcloud" if says("rsync") && short('d') => {
            Some("`-d` takes away what the source does not have, without versions for good")
        }
        "gsutil" if says("rm") && short('r') => {
            Some("the whole folder is deleted; without versions nothing brings it back")
        }
        "rclone" if words().first() == Some(&"sync") => {
            Some("`sync` takes away what the source does not have; `copy` would only add")
        }
        "terraform" | "tofu" => by_plan(command),
        _ => None,
    }
}

/// A folder of data as a whole.
fn of_data(command: &CommandUse) -> bool {
    command.arguments.iter().filter(|a| !a.starts_with('-')).any(|path| {
        let lower = path.to_lowercase();
        let folder = lower.trim_end_matches("/*").trim_end_matches('/');
        let in_data = DATA.iter().any(|data| {
            folder == *data || folder.strip_prefix(data).is_some_and(|rest| rest.starts_with('/'))
        });
        let filled =
            folder.starts_with('/') && FILLED.contains(&folder.rsplit('/').next().unwrap_or_default());
        (in_data || filled)
            && !MADE_AGAIN.iter().any(|part| lower.contains(part))
            && !is_place_for_releases(folder)
    })
}

/// `/home/deploy/shop/releases/41` and `/var/www/…` are brought by the release itself.
fn is_place_for_releases(folder: &str) -> bool {
    folder.contains("release") || folder.contains('$') || folder.contains("{{") || folder.contains('<')
}

/// Overwrites or deletes what others have: `+main`, `:main`, `--delete main`. A tag that is taken back
/// belongs to the release.
fn of_branch(command: &CommandUse) -> Option<&'static str> {
    let words = kinds::words(command);
    let main = |name: &str| {
        matches!(name.rsplit('/').next(), Some("main" | "master" | "production" | "develop" | "release"))
    };
    let forced = words.iter().skip(2).any(|word| {
        let by_sign = word.strip_prefix('+').or_else(|| word.strip_prefix(':'));
        by_sign.is_some_and(|name| main(name.rsplit(':').next().unwrap_or(name)))
    });
    let deleted = has_option(command, &["--delete", "-d"]) && words.iter().skip(2).any(|word| main(word));
    (forced || deleted).then_some("what others have pushed there is overwritten or deleted")
}

/// `-exec rm`, where the command itself has no name of a folder to judge by.
fn by_exec(command: &CommandUse) -> bool {
    command
        .arguments
        .windows(2)
        .any(|pair| matches!(pair[0].as_str(), "-exec" | "-execdir") && pair[1] == "rm")
}

/// `find DIR … -delete`: of logs, caches and old releases it is how they are kept small.
fn searched(command: &CommandUse) -> Option<&'static str> {
    let roots: Vec<&str> = command
        .arguments
        .iter()
        .map(String::as_str)
        .take_while(|a| !a.starts_with(['-', '!', '(']))
        .collect();
    let text = command.arguments.join(" ").to_lowercase();
    let harmless =
        ["log", "cache", "tmp", "temp", "pyc", "release", ".map", "old", "sess", "artifact", "build", "dist"];
    let named =
        roots.iter().any(|root| root.starts_with('/') || root.contains('$') || *root == "." || *root == "~");
    // By age a backup is deleted everywhere; without any condition it is a folder that is emptied.
    let aged = text.contains("-mtime") || text.contains("-mmin") || text.contains("-ctime");
    let backups = text.contains("backup") || text.contains("dump");
    (named && !harmless.iter().any(|word| text.contains(word)) && !(aged && backups))
        .then_some("what the search finds is deleted at once: one condition too few, and it is everything")
}

/// What a build has made, brought to a place that holds nothing else: a mirror is meant there.
fn is_of_a_site(source: &str, target: &str) -> bool {
    let last = source.trim_end_matches(['/', '.', '*']).rsplit('/').next().unwrap_or_default();
    let built = ["dist", "build", "out", "public", "_site", "site", "www", "html", "export"].contains(&last);
    let mut parts = target.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    built
        && parts.any(|part| {
            matches!(
                part,
                "www"
                    | "html"
                    | "htdocs"
                    | "public_html"
                    | "docs"
                    | "site"
                    | "web"
                    | "website"
                    | "static"
                    | "blog"
            )
        })
}

fn is_remote(command: &CommandUse) -> bool {
    let target = command.arguments.last().map_or("", String::as_str);
    let (host, path) = target.split_once(':').unwrap_or(("", target));
    let source = command.arguments.iter().rev().nth(1).map_or("", String::as_str);
    if is_of_a_site(source, path) {
        return false;
    }
    // What keeps some of it says that somebody has thought about the rest.
    let kept = command
        .arguments
        .iter()
        .any(|a| a.starts_with("--exclude") || a.starts_with("--filter") || a.starts_with("--backup"));
    let new = ["release", "backup", "stage", "staging", "$", "tmp", "archive"]
        .iter()
        .any(|word| path.contains(word));
    !kept
        && !new
        && (!host.is_empty()
            || path.starts_with("/srv")
            || path.starts_with("/var/www")
            || path.starts_with("/opt"))
}

fn is_database(path: &str) -> bool {
    [".db", ".sqlite", ".sqlite3", ".rdb", ".aof", ".mdb"].iter().any(|ending| path.ends_with(ending))
}

fn is_server(package: &str) -> bool {
    ["postgresql", "mysql-server", "mariadb-server", "mongodb", "redis-server", "rabbitmq-server"]
        .iter()
        .any(|server| package.starts_with(server))
}

/// `DELETE` on an index of Elasticsearch, or on all of them.
fn deletes_index(command: &CommandUse) -> Option<&'static str> {
    let arguments = &command.arguments;
    let deletes = arguments.iter().any(|a| a == "-XDELETE")
        || arguments
            .windows(2)
            .any(|pair| matches!(pair[0].as_str(), "-X" | "--request") && pair[1] == "DELETE");
    let at_index = arguments.iter().any(|a| {
        let address = a.split_once("://").map_or(a.as_str(), |(_, rest)| rest);
        let path = address.split_once('/').map_or("", |(_, path)| path);
        (address.contains(":9200/") || address.contains("elastic") || address.contains("opensearch"))
            && !path.contains('/')
            && !path.contains("_alias")
    });
    (deletes && at_index).then_some("the index is deleted with every document in it")
}

/// `aws s3 sync --delete` over a bucket that holds more than the build, and a service without a task.
fn bucket_or_service(command: &CommandUse) -> Option<&'static str> {
    let stops = kinds::has_words(command, &["ecs", "update-service"])
        && (has_option(command, &["--desired-count=0"])
            || command.arguments.windows(2).any(|pair| pair[0] == "--desired-count" && pair[1] == "0"));
    if stops {
        return Some("no task is left: nobody answers any more");
    }
    let kept = has_option(command, &["--exclude", "--include"]);
    let words = kinds::words(command);
    let site = words.windows(2).any(|pair| pair[1].starts_with("s3://") && is_of_a_site(pair[0], pair[1]));
    (!site && kinds::has_words(command, &["s3", "sync"]) && has_option(command, &["--delete"]) && !kept)
        .then_some("`--delete` takes away what the source does not have: files that older pages still ask for, and what others put there")
}

/// Without a plan that somebody has looked at, or with `-destroy`.
fn by_plan(command: &CommandUse) -> Option<&'static str> {
    let unasked = has_option(command, &["-auto-approve", "--auto-approve"]);
    let words = kinds::words(command);
    match words.first() {
        Some(&"apply") if has_option(command, &["-destroy", "--destroy"]) => Some("everything is destroyed"),
        // A saved plan was looked at before.
        Some(&"apply") if unasked && words.len() == 1 => {
            Some("what the plan replaces is destroyed, and nobody has seen the plan")
        }
        Some(&"state") if words.get(1) == Some(&"rm") => {
            Some("it is forgotten, not deleted: the next run makes a second one beside it")
        }
        _ => None,
    }
}

/// `kubectl delete deployment`, `docker rm -f db`: what serves, and nothing in the block makes it anew.
pub(super) fn out_of_service(command: &CommandUse, after: &[CommandUse]) -> Option<&'static str> {
    const KINDS: [&str; 10] = [
        "deployment",
        "deployments",
        "deploy",
        "service",
        "services",
        "svc",
        "ingress",
        "ing",
        "daemonset",
        "secret",
    ];
    let words = kinds::words(command);
    let again = after.iter().any(|other| {
        other.program == command.program
            && kinds::words(other).iter().any(|word| matches!(*word, "apply" | "create" | "run" | "up"))
    });
    let named =
        |words: &[&str]| words.iter().any(|word| KINDS.contains(&word.split('/').next().unwrap_or_default()));
    let old = words.iter().any(|word| {
        let mut parts = word.split(|c: char| !c.is_ascii_alphanumeric());
        parts.any(|part| {
            matches!(
                part,
                "old" | "canary" | "blue" | "green" | "test" | "tmp" | "debug" | "previous" | "preview"
            )
        })
    });
    let taken = match command.program.as_str() {
        "kubectl" | "oc" => words.first() == Some(&"delete") && named(&words),
        "docker" | "podman" => {
            words.first() == Some(&"rm")
                && has_option(command, &["-f", "--force", "-fv", "-vf"])
                && words.iter().any(|word| {
                    ["db", "database", "postgres", "mysql", "redis", "mongo"]
                        .iter()
                        .any(|name| word.contains(name))
                })
        }
        _ => false,
    };
    (taken && !again && !old).then_some("what serves is deleted at once, and nothing here makes it anew")
}
