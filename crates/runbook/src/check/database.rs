//! T3: databases: errors that nobody sees, restores over live data, migrations without a ledger.

use crate::diagnostic::Severity;
use crate::shell::{CommandUse, RedirectKind};

use super::page::{Finding, Page, Script, short};
use super::restores;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    let (outline, made) = (page.outline, restores::dumps(page));
    page.each_script(|script, found| {
        let moves = !made.is_empty() && restores::moves_to_a_new_server(outline, script);
        for (at, command) in script.commands().iter().enumerate() {
            silent_errors(script, at, found);
            restores::over_live(script, at, if moves { &made } else { &[] }, found);
            not_compressed(script, command, found);
            tar_not_compressed(script, command, found);
        }
        all_migrations_again(script, found);
    });
}

fn reads_file(command: &CommandUse) -> Option<String> {
    let mut arguments = command.arguments.iter();
    while let Some(argument) = arguments.next() {
        if matches!(argument.as_str(), "-f" | "--file") {
            return arguments.next().cloned();
        }
        if let Some(file) = argument.strip_prefix("--file=") {
            return Some(file.to_owned());
        }
    }
    command
        .redirects
        .iter()
        .find(|redirect| redirect.kind == RedirectKind::Read)
        .map(|redirect| redirect.target.clone())
}

/// How far back a pipe's beginning is looked for.
pub(super) const LONGEST_PIPE: usize = 32;

/// T301: psql goes on after an SQL error and returns 0.
fn silent_errors(script: &Script<'_>, at: usize, found: &mut Vec<Finding>) {
    let command = &script.commands()[at];
    if command.program != "psql" {
        return;
    }
    let stops = command.arguments.iter().any(|argument| argument.contains("ON_ERROR_STOP"));
    let text = command.redirects.iter().find(|redirect| {
        redirect.kind == RedirectKind::HereDocument && !redirect.target.contains("ON_ERROR_STOP")
    });
    let document = text.is_some();
    // A pipe stands beside itself; only what its words run can come between.
    let unpacked = script.commands()[..at].iter().rev().take(LONGEST_PIPE).any(|other| {
        other.list == command.list
            && other.pipe.0 + 1 == command.pipe.0
            && other.pipe.1 > 1
            && matches!(
                other.program.as_str(),
                "gunzip" | "zcat" | "gzip" | "cat" | "xz" | "xzcat" | "zstd" | "zstdcat" | "bzcat"
            )
    });
    if stops || (reads_file(command).is_none() && !document && !unpacked) {
        return;
    }
    // What only asks leaves nothing half done: an empty answer is all that a failure costs.
    let (severity, what) = if text.is_some_and(|redirect| only_reads(&redirect.target)) {
        (Severity::Warning, "psql returns 0 when a query fails, so the step passes without an answer")
    } else {
        (
            Severity::Error,
            "psql returns 0 when a statement of the file fails, so the step passes and the rest of the file still runs",
        )
    };
    found.push(script.on(
        "T301",
        severity,
        command,
        what,
        "add `-v ON_ERROR_STOP=1` (psql then returns 3), and `--single-transaction` where the file allows it",
    ));
}

/// Whether each statement is a question. `WITH` may hold an `INSERT`, `EXPLAIN ANALYZE` runs what it
/// explains, `SELECT INTO` makes a table and `\gexec` runs the answer: all of them count as changes.
fn only_reads(sql: &str) -> bool {
    const QUESTIONS: [&str; 4] = ["select", "show", "table", "values"];
    const SETTINGS: [&str; 6] = ["\\l", "\\x", "\\timing", "\\pset", "\\echo", "\\q"];
    let mut begins = true;
    let mut asked = false;
    for line in sql.lines().map(|line| line.split("--").next().unwrap_or_default().trim()) {
        let first = line.split_whitespace().next().unwrap_or_default();
        if first.starts_with("\\d") || SETTINGS.contains(&first) {
            (begins, asked) = (true, true);
            continue;
        }
        for (nth, part) in line.split(';').enumerate() {
            begins |= nth > 0;
            let Some(word) = part.split_whitespace().next() else { continue };
            if part.split_whitespace().any(|word| word.eq_ignore_ascii_case("into") || word.starts_with('\\'))
            {
                return false;
            }
            if begins && !QUESTIONS.iter().any(|question| word.eq_ignore_ascii_case(question)) {
                return false;
            }
            (begins, asked) = (false, true);
        }
    }
    asked
}

/// `sql/*.sql`, `$(ls migrations/*.sql | sort)`: every file of the folder, and none that may be applied
/// again and again.
fn is_every_migration(value: &str) -> bool {
    const AGAIN: [&str; 16] = [
        "seed", "fixture", "view", "function", "proc", "trigger", "grant", "quer", "check", "report", "test",
        "verif", "pending", "new", "demo", "sample",
    ];
    let lower = value.to_lowercase();
    let some_of_them = ["| tail", "| head", "| grep", "-newer", "|tail", "|head"];
    let listed =
        ["$(ls ", "$(find ", "`ls "].iter().any(|list| lower.starts_with(list)) && lower.contains("*.sql");
    let file = lower.rsplit('/').next().unwrap_or_default();
    (file.ends_with(".sql") && file.contains('*') || listed)
        && !AGAIN.iter().any(|word| lower.contains(word))
        && !some_of_them.iter().any(|part| lower.contains(part))
}

const AGAIN: &str =
    "every file of the folder is applied again at each release: nothing remembers which ones have run";
const LEDGER: &str = "keep a ledger: a `.migrate` step, `supabase migration up`, `prisma migrate deploy`, or a table of names and checksums";

/// T305: every migration is applied again at each release.
fn all_migrations_again(script: &Script<'_>, found: &mut Vec<Finding>) {
    for pair in script.commands().windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        let joined = from.list == to.list && to.pipe.1 > 1 && to.pipe.0 == from.pipe.0 + 1;
        let lists = matches!(from.program.as_str(), "cat" | "ls" | "find");
        let all = lists
            && from
                .arguments
                .iter()
                .any(|argument| is_every_migration(argument) && argument.contains("migration"));
        if joined && all && matches!(to.program.as_str(), "psql" | "mysql" | "mariadb" | "sqlite3") {
            found.push(script.on("T305", Severity::Warning, from, AGAIN, LEDGER));
        }
    }
    for repeated in &script.survey.loops {
        let all = repeated.values.iter().any(|value| is_every_migration(value));
        let Some(variable) = repeated.variable.as_ref().filter(|_| all) else { continue };
        let commands = &script.commands()[repeated.commands.clone()];
        // A body that asks whether the migration is there already has a ledger of some kind.
        let asks = commands.iter().any(|command| command.place.condition || command.program == "continue");
        let applies = commands.iter().find(|command| {
            matches!(command.program.as_str(), "psql" | "mysql" | "mariadb" | "sqlite3")
                && reads_file(command).is_some_and(|file| file.contains(variable.as_str()))
        });
        if let Some(command) = applies.filter(|_| !asks) {
            // By its name the folder may hold what is there to be applied again.
            let named = repeated.values.iter().any(|value| value.to_lowercase().contains("migration"));
            found.push(script.on(
                "T305",
                if named { Severity::Warning } else { Severity::Note },
                command,
                AGAIN,
                LEDGER,
            ));
        }
    }
}

/// T306: `tar -cf x.tar.gz` is an archive that nothing has compressed.
fn tar_not_compressed(script: &Script<'_>, command: &CommandUse, found: &mut Vec<Finding>) {
    let Some(flags) = command.arguments.first().filter(|_| command.program == "tar") else { return };
    let letters = flags.trim_start_matches('-');
    let makes =
        !flags.starts_with("--") && letters.starts_with('c') || letters.ends_with("cf") || letters == "cvf";
    let named = command.arguments.get(1).is_some_and(|name| name.ends_with(".gz") || name.ends_with(".tgz"));
    let compresses = letters.contains(['z', 'a', 'j', 'J'])
        || command.arguments.iter().any(|a| {
            matches!(a.as_str(), "-z" | "--gzip" | "-a" | "--auto-compress")
                || a.starts_with("--use-compress")
        });
    if makes && named && !flags.starts_with("--") && letters.ends_with('f') && !compresses {
        found.push(script.on(
            "T306",
            Severity::Error,
            command,
            format!(
                "`{}` is not compressed: tar does so only with `z`, so `gunzip` refuses it",
                short(&command.arguments[1])
            ),
            "write `tar -czf`",
        ));
    }
}

/// T306: a name that promises compression.
fn not_compressed(script: &Script<'_>, command: &CommandUse, found: &mut Vec<Finding>) {
    if !matches!(command.program.as_str(), "pg_dump" | "pg_dumpall" | "mysqldump" | "mariadb-dump")
        || command.pipe.1 > 1
    {
        return;
    }
    let compresses = command.arguments.iter().any(|a| {
        a.starts_with("-Z")
            || a.starts_with("--compress")
            || a.starts_with("-Fc")
            || a == "--format=custom"
            || a == "-Fd"
    });
    let by_option = command
        .arguments
        .windows(2)
        .find(|pair| matches!(pair[0].as_str(), "-f" | "--file"))
        .map(|pair| pair[1].clone());
    let target = command
        .redirects
        .iter()
        .find(|redirect| redirect.kind == RedirectKind::Write)
        .map(|redirect| redirect.target.clone())
        .or(by_option);
    let promises = |target: &String| {
        [".gz", ".tgz", ".bz2", ".xz", ".zst"].iter().any(|ending| target.ends_with(ending))
    };
    if let Some(target) = target.filter(|target| promises(target) && !compresses) {
        found.push(script.on(
            "T306",
            Severity::Error,
            command,
            format!("`{}` is plain text: {} does not compress because of a name, so `gunzip` refuses it when it is needed", short(&target), command.program),
            "pipe it: `pg_dump … | gzip > file.sql.gz`, or use `pg_dump -Fc`",
        ));
    }
}
