//! T302: a backup that is written over the database in use.
//!
//! Into which database a command restores is told by its options. Whoever looks into a backup, or rescues
//! rows, restores into another one: by its name, because it was just made, or because the dump that is
//! read came from elsewhere.

use tminus_release::plan::Lane;

use crate::diagnostic::Severity;
use crate::outline::Outline;
use crate::shell::{CommandUse, RedirectKind, Redirection};
use crate::words::Words;

use super::database::LONGEST_PIPE;
use super::kinds;
use super::page::{Finding, Given, Page, Script, has_option, short};

/// The file that a pipe brings to a command: `gunzip -c dump.sql.gz | psql app`.
fn piped_file(script: &Script<'_>, at: usize) -> Option<String> {
    let command = &script.commands()[at];
    let first = script.commands()[..at].iter().rev().take(LONGEST_PIPE).find(|other| {
        other.list == command.list && other.pipe.1 == command.pipe.1 && other.pipe.1 > 1 && other.pipe.0 == 0
    })?;
    let unpacks = matches!(
        first.program.as_str(),
        "gunzip" | "zcat" | "gzip" | "cat" | "pv" | "xz" | "xzcat" | "zstd" | "zstdcat" | "bzcat" | "bunzip2"
    );
    let read = first.redirects.iter().find(|redirect| redirect.kind == RedirectKind::Read);
    let named = || first.arguments.iter().rev().find(|argument| !argument.starts_with('-')).cloned();
    read.map(|redirect| redirect.target.clone()).or_else(named).filter(|_| unpacks)
}

/// T302: a restore into a database that is in use.
pub(super) fn over_live(script: &Script<'_>, at: usize, moved: &[String], found: &mut Vec<Finding>) {
    let command = &script.commands()[at];
    let file = match command.program.as_str() {
        "psql" | "mysql" | "mariadb" => command
            .redirects
            .iter()
            .find(|redirect| redirect.kind == RedirectKind::Read)
            .map(|redirect| redirect.target.clone())
            .or_else(|| piped_file(script, at)),
        // Without a database pg_restore writes a script, and `--list` only reads the file.
        "pg_restore" if !has_option(command, &["-d", "--dbname"]) && !is_joined_option(command) => None,
        "pg_restore" | "mongorestore" => command.arguments.last().cloned(),
        // It empties nothing first, and takes the place of every table that the file has.
        "heroku" => {
            let words = kinds::words(command);
            let restores = words.first() == Some(&"pg:backups:restore");
            words.get(1).filter(|_| restores).map(|backup| (*backup).to_owned())
        }
        "wp" if kinds::has_words(command, &["db", "import"]) => {
            kinds::words(command).last().map(|file| (*file).to_owned())
        }
        _ => None,
    };
    let Some(file) = file else { return };
    let name = file.to_lowercase();
    // A dump that this page takes for a move into a new server goes into one that is empty.
    if moved.iter().any(|dump| dump == file_name(&file)) {
        return;
    }
    let is_backup = ["backup", "dump", "snapshot", "restore"].iter().any(|word| name.contains(word))
        || script.lane == Lane::Rollback
        || matches!(command.program.as_str(), "wp" | "heroku");
    let mut target = command.arguments.join(" ").to_lowercase();
    if command.program == "wp" {
        target = target.replace(&name, "");
    }
    if script.lane == Lane::Rollback {
        // On the way back the host itself is the one that serves.
        target = target.replace("localhost", "");
    }
    let elsewhere = ELSEWHERE.any_in(&target)
        || made_before(&script.commands()[..at], &target)
        || came_from_another(&script.commands()[..at], command, &file);
    // A mention in a sentence says by its words where it goes.
    if is_backup && !elsewhere && script.given != Given::Mentioned {
        found.push(script.on(
            "T302",
            Severity::Warning,
            command,
            format!("`{}` is written over the database in use: what came in since the backup is lost, and a failure halfway leaves neither", short(&file)),
            "stop the writers, restore into a new database, check it, then switch; and say how much data may be lost",
        ));
    }
}

/// Parts of the names of databases and servers that nobody works with.
static ELSEWHERE: Words = Words::new(&[
    "test",
    "verif",
    "vérif",
    "scratch",
    "tmp",
    "temp",
    "copy",
    "copia",
    "kopie",
    "local",
    "sandbox",
    "check",
    "_new",
    "new_",
    "restored",
    "recovered",
    "clone",
    "shadow",
    "replica",
    "spare",
    "throwaway",
    "throw-away",
    "disposable",
    "rescue",
    "rescat",
    "resgate",
    "salvage",
    "drill",
    "probe",
    "prueba",
    "comprob",
    "ensayo",
    "essai",
    "ersatz",
    "pruef",
    "prüf",
    "rettung",
    "secours",
    "staging",
    "inspect",
]);

/// `CREATE DATABASE x`, `createdb x` and `addons:create … --as X` in the same block: `x` is empty.
fn made_before(before: &[CommandUse], target: &str) -> bool {
    let mut near = before.iter().rev().take(LONGEST_PIPE);
    near.any(|other| {
        let name = match other.program.as_str() {
            "createdb" => kinds::words(other).last().map(|name| name.to_lowercase()),
            "heroku" if kinds::words(other).first().is_some_and(|verb| verb.starts_with("addons:create")) => {
                let mut options = other.arguments.iter().skip_while(|argument| *argument != "--as");
                options.nth(1).map(|name| name.to_lowercase())
            }
            "psql" | "mysql" | "mariadb" => other.arguments.iter().find_map(|argument| {
                let lower = argument.to_lowercase();
                let (_, behind) = lower.split_once("create database ")?;
                let name = behind.trim_start_matches("if not exists ").split([' ', ';']).next()?;
                Some(name.trim_matches(['"', '`', '\'']).to_owned())
            }),
            _ => None,
        };
        name.is_some_and(|name| name.len() > 1 && target.contains(&name))
    })
}

/// A dump that the same block has just made, and that goes to another server or another database: it is
/// looked into. Into the one that it came from it would be a restore.
fn came_from_another(before: &[CommandUse], command: &CommandUse, file: &str) -> bool {
    let holds = |other: &&CommandUse| {
        other.arguments.iter().chain(other.redirects.iter().map(|redirect| &redirect.target)).any(
            |argument| argument == file || argument.rsplit_once('=').is_some_and(|(_, value)| value == file),
        )
    };
    let mut near = before.iter().rev().take(LONGEST_PIPE).filter(|other| kinds::dumps(other));
    let Some(dump) = near.find(holds) else { return false };
    // What is asked of both: the server, and the database by whatever option.
    let place = |command: &CommandUse, options: &[&str]| {
        let arguments = &command.arguments;
        arguments.iter().enumerate().find_map(|(at, argument)| {
            let joined = argument.split_once('=').filter(|(option, _)| options.contains(option));
            let next = || arguments.get(at + 1).filter(|_| options.contains(&argument.as_str()));
            joined.map(|(_, value)| value.to_owned()).or_else(|| next().cloned())
        })
    };
    let differs = |options: &[&str]| match (place(dump, options), place(command, options)) {
        (Some(from), Some(to)) => from != to,
        _ => false,
    };
    let database = place(command, &["-d", "--dbname"]);
    differs(&["-h", "--host"])
        || differs(&["-d", "--dbname"])
        || database.is_some_and(|to| {
            let named = dump.arguments.contains(&to);
            !named && !to.contains('$') && place(dump, &["-d", "--dbname"]).is_none()
        })
}

/// Tells whether a page, or the section, is about another version of the server or another machine for it.
pub(super) fn moves_to_a_new_server(outline: &Outline, script: &Script<'_>) -> bool {
    static MOVES: Words = Words::new(&[
        "upgrad",
        "migrat",
        "major version",
        "aktualisier",
        "mise à jour",
        "actualiz",
        "升级",
        "アップグレード",
    ]);
    let about = |at: usize| MOVES.any_in(&outline.sections[at].title.to_lowercase());
    script.lane != Lane::Rollback && outline.chain(script.section).any(about)
}

/// Names of the dumps that commands of the page write.
pub(super) fn dumps(page: &Page<'_>) -> Vec<String> {
    let commands = page.scripts.iter().flat_map(|script| script.commands());
    let dumps = commands.filter(|command| kinds::dumps(command));
    let written = |redirect: &&Redirection| redirect.kind == RedirectKind::Write;
    dumps
        .flat_map(|command| {
            let sent = command.redirects.iter().filter(written).map(|redirect| redirect.target.as_str());
            sent.chain(command.arguments.iter().map(String::as_str))
        })
        .map(|file| file_name(file).to_owned())
        .filter(|name| name.contains('.'))
        .take(64)
        .collect()
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '=']).next().unwrap_or(path)
}

/// `-dapp`
fn is_joined_option(command: &CommandUse) -> bool {
    command.arguments.iter().any(|argument| argument.starts_with("-d") && argument.len() > 2)
}
