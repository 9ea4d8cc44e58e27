//! T210: destruction that nothing guards.

use crate::diagnostic::Severity;
use crate::outline::{FenceClass, UnitKind};
use crate::pattern::Pattern;
use crate::shell::{CommandUse, RedirectKind};

use super::destroy_files;
use super::destroy_rows::{HISTORY, ROWS};
use super::flow::{self, Flow};
use super::hosts;
use super::kinds;
use super::page::{Finding, Given, Page, Script, has_option};
use super::words;

/// Runs the check.
pub(super) fn check(page: &mut Page<'_>, flow: &Flow) {
    let mut found = Vec::new();
    let last_start = last_start(page);
    for script in page.scripts.iter().filter(|script| script.given != Given::Mentioned) {
        without_guard(page, flow, script, last_start, &mut found);
    }
    in_sql(page, &mut found);
    found.into_iter().for_each(|finding| page.report(finding));
}

/// T210: destruction that one empty variable or one slip away is everything.
fn without_guard(
    page: &Page<'_>,
    flow: &Flow,
    script: &Script<'_>,
    last_start: u32,
    found: &mut Vec<Finding>,
) {
    let asked = script.commands().iter().position(|command| command.program == "read");
    for (at, command) in script.commands().iter().enumerate() {
        let asks_first = asked.is_some_and(|asked| asked < at);
        if command.place.quoted_program || asks_first || only_shows(command) {
            continue;
        }
        let reason = match command.program.as_str() {
            "rm" => {
                let recursive = command
                    .arguments
                    .iter()
                    .any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(['r', 'R']));
                let open = command.arguments.iter().find(|a| recursive && is_open_path(a));
                let anywhere = recursive && is_after_loose_cd(&script.commands()[..at], command);
                let emptied = || {
                    // Each one costs a reading of the text.
                    let paths = command.arguments.iter().filter(|_| recursive && found.len() < MOST);
                    paths.filter_map(|path| ends_in_variable(path)).find_map(|(folder, name)| {
                        let place = hosts::unset(page, flow, script, command, name)?;
                        Some(format!(
                            "`${name}` is set nowhere {place}: when it is empty, all of `{folder}` is deleted"
                        ))
                    })
                };
                let whole = || {
                    let far = flow::is_elsewhere(command) || !flow::is_live(page, script);
                    destroy_files::loss(command).filter(|_| !far).map(str::to_owned)
                };
                open.map(|path| format!("`{path}` is `/` or everything when the variable is empty"))
                    .or_else(|| {
                        anywhere.then(|| {
                            "where `cd` fails, this deletes what the folder before it holds".to_owned()
                        })
                    })
                    .or_else(emptied)
                    .or_else(whole)
            }
            "git"
                if command.arguments.first().is_some_and(|a| a == "push")
                    && has_option(command, &["--force", "-f"]) =>
            {
                Some("`--force` overwrites what others pushed in the meantime".to_owned())
            }
            "docker" | "docker-compose"
                if command.arguments.iter().any(|a| a == "down")
                    && has_option(command, &["-v", "--volumes"])
                    && flow::is_live(page, script)
                    && !flow::is_elsewhere(command) =>
            {
                Some("`-v` deletes the volumes, the database's among them".to_owned())
            }
            _ if flow::is_elsewhere(command) || !flow::is_live(page, script) => None,
            "helm" if uninstalls(page, script, command) => Some(HISTORY.to_owned()),
            _ if scales_to_none(command) && script.place(command.line, 1).0 > last_start => {
                Some("nobody answers any more, and nothing in this document starts it again".to_owned())
            }
            _ => {
                let after = &script.commands()[at + 1..];
                let lost = destroys(command)
                    .or_else(|| destroy_files::loss(command))
                    .or_else(|| destroy_files::out_of_service(command, after));
                lost.filter(|_| !made_here(&script.commands()[..at], command)).map(str::to_owned)
            }
        };
        if let Some(reason) = reason {
            let help = match command.program.as_str() {
                "rm" if command.arguments.iter().any(|a| is_everything_here(a)) => {
                    "name the folder (`rm -rf build/*`), or join the two: `cd build && rm -rf *`"
                }
                "rm" => "write `${NAME:?}`: the shell then stops when it is empty",
                "git" => "use `--force-with-lease`, or better a new commit",
                "prisma" if kinds::has_words(command, &["migrate", "dev"]) => "use `prisma migrate deploy`",
                _ => "ask before it: a `.approval` step with a quorum, and a backup that was verified",
            };
            // A mirror may be what is meant; only who knows the place can tell.
            let mirrors = matches!(command.program.as_str(), "rsync" | "rclone" | "gsutil")
                || kinds::has_words(command, &["s3", "sync"]);
            let severity = if mirrors { Severity::Note } else { Severity::Warning };
            let help = if mirrors {
                "name what has to stay (`--exclude`), or keep what is taken away (`--backup-dir`, versions)"
            } else {
                help
            };
            found.push(script.on("T210", severity, command, reason, help));
        }
    }
}

fn scales(command: &CommandUse) -> bool {
    matches!(command.program.as_str(), "kubectl" | "oc") && kinds::has_words(command, &["scale"])
}

pub(super) fn scales_to_none(command: &CommandUse) -> bool {
    scales(command)
        && (has_option(command, &["--replicas=0"])
            || command.arguments.windows(2).any(|pair| pair[0] == "--replicas" && pair[1] == "0"))
}

/// The last line on which something is scaled up or brought anew. Where nothing is scaled to nothing
/// it is not looked for.
fn last_start(page: &Page<'_>) -> u32 {
    let steps = || page.scripts.iter().filter(|script| script.given != Given::Mentioned);
    if !steps().any(|script| script.commands().iter().any(scales_to_none)) {
        return 0;
    }
    let starts = |command: &&CommandUse| {
        scales(command) && !scales_to_none(command) || kinds::deploys(command).is_some()
    };
    let lines = steps().flat_map(|script| {
        script.commands().iter().filter(starts).map(|command| script.place(command.line, 1).0)
    });
    lines.max().unwrap_or(0)
}

/// How many findings of one document are told one by one.
const MOST: usize = 300;

/// How far back the beginning of what is deleted is looked for.
const NEAR: usize = 64;

/// What the same block made before is no loss.
fn made_here(before: &[CommandUse], command: &CommandUse) -> bool {
    let Some(name) = command.arguments.iter().rev().find(|argument| !argument.starts_with('-')) else {
        return false;
    };
    before.iter().rev().take(NEAR).any(|other| {
        other.program == command.program
            && other.arguments.iter().any(|a| matches!(a.as_str(), "create" | "run" | "mb"))
            && other.arguments.contains(name)
    })
}

/// `cd folder; rm -rf *`: joined by `;`, what follows runs in either folder. Lines below each other
/// are left alone: a step ends at the first that fails.
fn is_after_loose_cd(before: &[CommandUse], command: &CommandUse) -> bool {
    command.arguments.iter().any(|argument| is_everything_here(argument))
        && before
            .iter()
            .rev()
            .take_while(|other| other.end_line >= command.line)
            .any(|other| other.program == "cd" && other.end <= command.start && other.list != command.list)
}

/// Every file of the folder that one happens to be in.
fn is_everything_here(argument: &str) -> bool {
    matches!(argument, "*" | "./*" | "." | "./")
}

/// `"$DIR"/`, `$DIR/*` and `${DIR}/` without `:?`.
fn is_open_path(argument: &str) -> bool {
    let Some(rest) = argument.strip_prefix('$') else { return false };
    if rest.contains(":?") || rest.starts_with('(') {
        return false;
    }
    let rest = rest.trim_start_matches('{');
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    matches!(rest[end..].trim_start_matches('}'), "/" | "/*" | "/.")
}

/// `/srv/$NAME`, `/srv/${NAME}/` and `/srv/$NAME/*`: the folder before the variable, and its name.
fn ends_in_variable(argument: &str) -> Option<(&str, &str)> {
    // `/srv/$OLD*` is everything in the folder as well.
    let path = argument.trim_end_matches("/*").trim_end_matches('/').trim_end_matches('*');
    let (folder, last) = path.rsplit_once('/')?;
    let name = last.strip_prefix('$')?;
    let name = name.strip_prefix('{').map_or(Some(name), |name| name.strip_suffix('}'))?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && !folder.is_empty()).then(|| (&argument[..=folder.len()], name))
}

/// A run that changes nothing.
fn only_shows(command: &CommandUse) -> bool {
    command.arguments.iter().any(|argument| argument.starts_with("--dry-run") || argument == "--dryrun")
}

static DESTROYS: Pattern = Pattern::new(
    &["drop", "truncate", "flush", "delete"],
    r"(?i)\b(?:drop (?:table|database|schema|keyspace|catalog|tablespace|warehouse|dataset)|truncate (?:table )?[a-z]\w*|flushall|flushdb|dropdatabase)\b|\bdb\.\w+\.drop\(\)|\bdeletemany\(\s*\{\s*\}|\bdelete from [\w.]+\s*(?:;|$)",
);

/// `helm uninstall` where the heading or the command itself says that it is production.
fn uninstalls(page: &Page<'_>, script: &Script<'_>, command: &CommandUse) -> bool {
    let removes = ["uninstall", "delete"].iter().any(|verb| kinds::has_words(command, &[verb]));
    let names_it = flow::environment_of(&command.text) == Some("production");
    removes && (names_it || page.acts_on(script.section, "production")) && !is_for_a_while(command)
}

/// What was only made for the release, by its name, and a release whose history is kept.
fn is_for_a_while(command: &CommandUse) -> bool {
    const NAMES: [&str; 13] = [
        "canary",
        "preview",
        "temp",
        "tmp",
        "test",
        "old",
        "smoke",
        "scratch",
        "green",
        "blue",
        "ephemeral",
        "replica",
        "pr",
    ];
    // What serves may have a colour as well; a release of Helm can be installed again.
    let of = |word: &str| {
        let mut parts = word.split(|c: char| !c.is_ascii_alphanumeric());
        parts.any(|part| {
            NAMES.contains(&part) && (command.program == "helm" || part != "blue" && part != "green")
        })
    };
    has_option(command, &["--keep-history"])
        || command.arguments.iter().filter(|argument| !argument.starts_with('-')).any(|word| of(word))
}

/// What a command takes away for good; `None` when it can be made again, or is not known.
fn destroys(command: &CommandUse) -> Option<&'static str> {
    let has = |verbs: &[&str]| kinds::has_words(command, verbs);
    let says = |word: &str| command.arguments.iter().any(|argument| argument == word);
    let program = command.program.rsplit('/').next().unwrap_or_default();
    let row = ROWS.iter().find(|row| {
        row.program == program
            && (row.verbs.is_empty() || has(row.verbs))
            && (row.with.is_empty() || has_option(command, row.with))
    });
    if let Some(row) = row.filter(|_| !is_for_a_while(command)) {
        return Some(row.loss);
    }
    match program {
        "psql" | "mysql" | "mariadb" | "redis-cli" | "mongosh" | "mongo" | "sqlite3" | "cockroach"
        | "clickhouse-client" | "sqlcmd" | "cqlsh" | "wp" | "snow" | "snowsql" | "bq" | "duckdb"
        | "trino" | "presto" | "beeline" | "hive" | "spark-sql" | "sqlplus" | "turso" | "vsql" | "usql"
        | "mycli" | "pgcli" | "wrangler" | "databricks" | "bigquery" | "osql" | "isql" => {
            let fed = command
                .redirects
                .iter()
                .filter(|r| matches!(r.kind, RedirectKind::HereDocument | RedirectKind::HereString));
            let all = command.arguments.iter().chain(fed.map(|r| &r.target));
            all.into_iter()
                .any(|text| DESTROYS.is_match(text))
                .then_some("data is deleted, and no statement brings it back")
        }
        "kubectl" | "oc" if says("delete") && !is_for_a_while(command) => {
            let kinds =
                ["ns", "namespace", "namespaces", "project", "pvc", "persistentvolumeclaim", "pv", "crd"];
            let names =
                |kinds: &[&str]| {
                    // `pvc,sts` are two of them.
                    command.arguments.iter().flat_map(|a| a.split(',')).any(|a| {
                        kinds.contains(&a) || kinds.contains(&a.split('/').next().unwrap_or_default())
                    })
                };
            if names(&kinds) {
                Some("what hangs on it is deleted as well, volumes and their data among it")
            } else if names(&["statefulset", "statefulsets", "sts"]) {
                Some(
                    "its pods end and nobody answers; their volumes stay, and nothing says to whom they belong",
                )
            } else {
                says("--all").then_some("every one of them in the namespace is deleted, whoever made it")
            }
        }
        "kubectl" | "oc"
            if says("scale") && command.arguments.iter().any(|a| a == "--replicas=0") && says("--all") =>
        {
            Some("everything is stopped: nobody answers any more")
        }
        _ => None,
    }
}

/// The same in blocks of SQL.
fn in_sql(page: &Page<'_>, found: &mut Vec<Finding>) {
    for unit in &page.outline.units {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        let section = &page.outline.sections[unit.section];
        let elsewhere = words::has(
            &section.title.to_lowercase(),
            &[
                "local", "develop", "setup", "example", "staging", "test", "rollback", "undo", "down",
                "revert",
            ],
        );
        if fence.class != FenceClass::Sql || elsewhere || section.lane == tminus_release::plan::Lane::Rollback
        {
            continue;
        }
        for (line, text) in (0u32..).zip(fence.body.lines()) {
            let code = text.split("--").next().unwrap_or_default();
            let safe = words::has(&code.to_lowercase(), &["if exists tmp", "temp", "tmp_"]);
            if DESTROYS.is_match(code) && !code.contains('\'') && !safe {
                let at = (fence.body_line + line, 1);
                let width = u32::try_from(page.markdown.lines.text_of(page.document, at.0).chars().count())
                    .unwrap_or(1);
                found.push(Finding {
                    code: "T210",
                    severity: Severity::Warning,
                    at,
                    end: (at.0, width + 1),
                    message: "data is deleted, and no statement brings it back".to_owned(),
                    help: "rename it first, and delete it in a later release; or make a backup that was looked into, and ask before".to_owned(),
                });
            }
        }
    }
}
