//! T303, T304, T307: a migration that cannot be taken back, or that stops those who write.

use tminus_release::plan::Lane;

use crate::diagnostic::Severity;
use crate::outline::{FenceClass, UnitKind};
use crate::pattern::Pattern;
use crate::shell::{CommandUse, RedirectKind};

use super::flow::{self, Flow};
use super::kinds;
use super::page::{Finding, Page, short};
use super::words;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>, flow: &Flow) {
    let mut found = Vec::new();
    if let Some(&(at, index)) = flow.migrations.first() {
        let (script, command) = (&page.scripts[at], &page.scripts[at].commands()[index]);
        if let Some(finding) = without_backup(page, at, index) {
            found.push(finding);
        }
        let undone = script.fence.is_some_and(|fence| {
            fence.info.attributes.as_ref().is_some_and(|a| a.pairs.iter().any(|pair| pair.key.text == "undo"))
        });
        let said = words::REVERSIBLE.any_in(page.lower())
            || !page.document.is_ascii() && words::ADDS_ONLY.any_in(page.lower())
            || tells_of_restoring(page.lower())
            || page.links_to(&["rollback", "migration", "restore"])
            || in_words(page, flow)
            || undone_by_tool(page, command);
        // WordPress has no way back for its tables but the copy.
        if !undone && !said && command.program != "wp" {
            found.push(script.on(
                "T304",
                Severity::Warning,
                command,
                format!("nothing says how `{}` is taken back, or that it cannot be: whoever rolls back at night finds the old code on the new schema", short(&command.text)),
                "write its down migration into the rollback section, or say that this is the point of no return (`undo=none`), and that the old version works with the new schema",
            ));
        }
    }
    blocks_writers(page, &mut found);
    found.into_iter().for_each(|finding| page.report(finding));
}

/// The tool of the migration is called to take one back, if only in a sentence.
fn undone_by_tool(page: &Page<'_>, migration: &CommandUse) -> bool {
    // What starts a job takes back workloads, and no migration.
    if matches!(migration.program.as_str(), "kubectl" | "oc" | "aws" | "gcloud") {
        return false;
    }
    let verbs = ["rollback", "down", "undo", "revert", "downgrade"];
    page.scripts
        .iter()
        .flat_map(|script| script.commands())
        .filter(|command| command.program == migration.program)
        // `artisan down` takes the site out of service, and no migration back.
        .filter(|command| !kinds::has_words(command, &["artisan", "down"]))
        .any(|command| {
            kinds::words(command)
                .iter()
                .any(|word| verbs.iter().any(|verb| word.rsplit(':').next() == Some(verb)))
        })
}

/// Tells whether a text, in small letters, restores anything: that a backup is looked into by
/// `pg_restore --list` takes nothing back.
fn tells_of_restoring(lower: &str) -> bool {
    lower.match_indices("restor").any(|(at, _)| {
        let looks = ["restore --list", "restore -l"].iter().any(|look| lower[at..].starts_with(look));
        !(looks && lower[..at].ends_with("pg_"))
    })
}

/// A way back that touches the database in a section about going back.
fn in_words(page: &Page<'_>, flow: &Flow) -> bool {
    let about_data = [
        "migration",
        "database",
        "schema",
        "datenbank",
        "base de données",
        "base de datos",
        "banco de dados",
        "数据库",
        "データベース",
        "マイグレーション",
    ];
    page.scripts.iter().any(|script| {
        flow.is_way_back(page, script.section)
            && script.commands().iter().any(|command| {
                matches!(command.program.as_str(), "psql" | "pg_restore" | "mysql" | "mongorestore")
                    || kinds::migrates(command)
            })
    }) || page.outline.units.iter().any(|unit| {
        let back = flow.is_way_back(page, unit.section);
        let text = match &unit.kind {
            UnitKind::Item(item) => item.text.to_lowercase(),
            UnitKind::Point(point) => point.text.to_lowercase(),
            UnitKind::Prose(text) => text.to_lowercase(),
            UnitKind::Fence(_) => return false,
        };
        back && words::has(&text, &about_data)
    })
}

/// Tells whether a copy is spoken of: above the migration, or below it in words, which may be about one that
/// is made every night. A command below comes too late.
fn backup_before(page: &Page<'_>, line: u32) -> bool {
    words::BACKUP.any_in(page.lower())
        && (words::BACKUP.any_in(&page.text_of(1..=line))
            || page.prose().iter().any(|(at, text)| *at > line && words::BACKUP.any_in(text)))
}

/// T303: nothing was saved, or nobody looked into what was saved.
fn without_backup(page: &Page<'_>, at: usize, index: usize) -> Option<Finding> {
    let (script, command) = (&page.scripts[at], &page.scripts[at].commands()[index]);
    if !page.links_to(&["backup", "migration"]) && !backup_before(page, script.lines_of(command)) {
        return Some(script.on(
            "T303",
            Severity::Warning,
            command,
            format!("`{}` changes the database, and this document makes no backup: what a migration drops is gone", short(&command.text)),
            "make a backup before it and look into it: `pg_dump -Fc … && pg_restore --list …`, or a snapshot that is waited for",
        ));
    }
    let line = script.lines_of(command);
    let saved = page.scripts.iter().find_map(|other| {
        let saves = other.commands().iter().find(|c| kinds::saves(c) && !c.place.function)?;
        (other.lane != Lane::Rollback && other.lines_of(saves) < line).then_some((other, saves))
    })?;
    let checked = [
        "--list",
        "pg_restore -l",
        "gunzip -t",
        "gzip -t",
        "sha256sum",
        "ls -l",
        "du -h",
        "test -s",
        "[ -s",
        "wait ",
        "restore",
        "backups:info",
        "verif",
        "describe-",
        "stat ",
        "head ",
        "tail -",
        "dump completed",
        "check",
        "prüf",
        "vérif",
        "verific",
        "comprob",
        "確認",
        "检查",
        "验证",
        "確認する",
    ];
    let after = page.text_of(saved.0.lines_of(saved.1)..=line);
    if words::has(&after, &checked) {
        return None;
    }
    Some(saved.0.on(
        "T303",
        Severity::Note,
        saved.1,
        "nobody looks into this backup before the migration: one that is empty or cut off is noticed when it is needed",
        "`pg_restore --list` or `gzip -t` reads it through; restoring it into another database is better",
    ))
}

/// A statement, and why others have to wait for it.
struct Blocks {
    pattern: Pattern,
    unless: Option<Pattern>,
    why: &'static str,
    help: &'static str,
}

static BLOCKS: [Blocks; 8] = [
    Blocks {
        pattern: Pattern::new(&["create"], r"(?i)^create (?:unique )?index\b"),
        unless: Some(Pattern::new(&["concurrently"], r"(?i)\bconcurrently\b")),
        why: "building an index this way lets nobody write to the table until it is done",
        help: "`CREATE INDEX CONCURRENTLY`, outside of a transaction",
    },
    Blocks {
        pattern: Pattern::new(&["drop", "reindex"], r"(?i)^(?:drop index|reindex)\b"),
        unless: Some(Pattern::new(&["concurrently"], r"(?i)\bconcurrently\b")),
        why: "this takes a lock that everyone waits for who uses the table",
        help: "add `CONCURRENTLY`, outside of a transaction",
    },
    Blocks {
        pattern: Pattern::new(&["alter"], r"(?i)^alter table .*\balter (?:column )?\S+ (?:set data )?type\b"),
        unless: None,
        why: "changing a type writes the whole table anew, and nobody reads or writes it meanwhile",
        help: "add a column, fill it in parts, switch over, drop the old one in a later release",
    },
    Blocks {
        pattern: Pattern::new(&["alter"], r"(?i)^alter table .*\bset not null\b"),
        unless: None,
        why: "the whole table is read under a lock that stops everyone",
        help: "add a `CHECK (… IS NOT NULL) NOT VALID`, validate it, then set it",
    },
    Blocks {
        pattern: Pattern::new(
            &["alter"],
            r"(?i)^alter table .*\badd (?:column )?(?:if not exists )?\S+ .*\bnot null\b",
        ),
        unless: Some(Pattern::new(&["default", "generated"], r"(?i)\bdefault\b|\bgenerated\b")),
        why: "a column that may not be empty and has no default fails on a table with rows",
        help: "give it a default, or add it empty, fill it, and forbid empty values afterwards",
    },
    Blocks {
        pattern: Pattern::new(&["alter"], r"(?i)^alter table .*\badd constraint .*\b(?:foreign key|check)\b"),
        unless: Some(Pattern::new(&["not"], r"(?i)\bnot valid\b")),
        why: "every row is checked while nobody can write",
        help: "add it `NOT VALID`, then `VALIDATE CONSTRAINT` in a statement of its own",
    },
    Blocks {
        pattern: Pattern::new(
            &["alter"],
            r"(?i)^alter table .*\badd (?:constraint \S+ )?(?:unique|primary key)\b",
        ),
        unless: Some(Pattern::new(&["using"], r"(?i)\busing index\b")),
        why: "the index behind it is built while nobody can write",
        help: "build a unique index `CONCURRENTLY` and add the constraint `USING INDEX`",
    },
    Blocks {
        pattern: Pattern::new(
            &["vacuum", "cluster", "lock", "truncate"],
            r"(?i)^(?:vacuum \(?full|vacuum full|cluster|lock table|truncate)\b",
        ),
        unless: None,
        why: "this takes a lock that nobody gets past, readers included",
        help: "not while users are there; `pg_repack` does most of it without the lock",
    },
];

/// MySQL's own words for a lock; no other database has them.
static LOCKS: [Blocks; 1] = [Blocks {
    pattern: Pattern::new(
        &["algorithm", "lock"],
        r"(?i)^alter table .*\b(?:algorithm ?=? ?copy|lock ?=? ?(?:shared|exclusive))\b",
    ),
    unless: None,
    why: "the table is copied or locked, and nobody writes to it until that is done",
    help: "`ALGORITHM=INPLACE, LOCK=NONE` where MySQL allows it; else `gh-ost` or `pt-online-schema-change`",
}];

static CREATED: Pattern = Pattern::new(
    &["create"],
    r#"(?i)\bcreate (?:temp(?:orary)? |unlogged )?table (?:if not exists )?"?([\w.]+)"?"#,
);
static ON_TABLE: Pattern = Pattern::new(
    &["alter", "on", "truncate"],
    r#"(?i)\b(?:alter table (?:if exists |only )*|\bon (?:only )?|truncate (?:table )?)"?([\w.]+)"?"#,
);

/// T307: statements that stop those who write: PostgreSQL's, and MySQL's where they say so themselves.
fn blocks_writers(page: &Page<'_>, found: &mut Vec<Finding>) {
    let other = [
        "mysql",
        "mariadb",
        "sqlite",
        "sql server",
        "sqlcmd",
        "oracle",
        "mongodb",
        "clickhouse",
        "bigquery",
        "snowflake",
        "redshift",
        "spanner",
    ];
    let mentions_other = words::has(page.lower(), &other);
    let rows: &[&'static [Blocks]] = if mentions_other && !words::has(page.lower(), &["postgres", "psql"]) {
        &[&LOCKS]
    } else {
        &[&LOCKS, &BLOCKS]
    };
    in_clients(page, rows, found);
    for unit in &page.outline.units {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        if fence.class != FenceClass::Sql {
            continue;
        }
        let title = page.outline.sections[unit.section].title.to_lowercase();
        let skip = words::has(&title, &["local", "develop", "setup", "example", "staging", "test"])
            || page.outline.sections[unit.section].lane == Lane::Rollback
            || words::BACK.any_in(&title);
        if skip {
            continue;
        }
        for (line, row, statement) in statements(&fence.body, rows) {
            let at = (fence.body_line + line, 1);
            let width =
                u32::try_from(page.markdown.lines.text_of(page.document, at.0).chars().count()).unwrap_or(1);
            found.push(Finding {
                code: "T307",
                severity: Severity::Warning,
                at,
                end: (at.0, width + 1),
                message: format!("`{}`: {}", short(&statement), row.why),
                help: row.help.to_owned(),
            });
        }
    }
}

fn is_client(command: &CommandUse) -> bool {
    matches!(command.program.as_str(), "psql" | "mysql" | "mariadb")
}

/// The same in what a client is given on its command line or to read.
fn in_clients(page: &Page<'_>, rows: &[&'static [Blocks]], found: &mut Vec<Finding>) {
    for script in page.scripts.iter().filter(|script| !script.inline && flow::is_live(page, script)) {
        for command in script.commands().iter().filter(|command| is_client(command)) {
            let texts = command
                .arguments
                .windows(2)
                .filter(|pair| matches!(pair[0].as_str(), "-c" | "--command" | "-e" | "--execute"))
                .map(|pair| pair[1].clone());
            let here = command
                .redirects
                .iter()
                .filter(|r| matches!(r.kind, RedirectKind::HereDocument | RedirectKind::HereString));
            let joined = command.arguments.iter().filter_map(|argument| {
                argument.strip_prefix("--execute=").or_else(|| argument.strip_prefix("--command="))
            });
            let texts = texts.chain(joined.map(str::to_owned));
            let sql: String = texts.chain(here.map(|r| r.target.clone())).collect::<Vec<_>>().join(";\n");
            if let Some((_, row, statement)) = statements(&sql, rows).first() {
                found.push(script.on(
                    "T307",
                    Severity::Warning,
                    command,
                    format!("`{}`: {}", short(statement), row.why),
                    row.help,
                ));
            }
        }
    }
}

/// Splits SQL and returns, with its line from 0, each statement that blocks.
fn statements(sql: &str, rows: &[&'static [Blocks]]) -> Vec<(u32, &'static Blocks, String)> {
    if sql.to_lowercase().contains("lock_timeout") {
        // Whoever sets it knows about the lock and gives up in time.
        return Vec::new();
    }
    let created: Vec<String> = CREATED.captures_iter(sql).map(|found| found[1].to_lowercase()).collect();
    let mut found = Vec::new();
    for (line, statement) in split(sql) {
        let table = ON_TABLE.captures(&statement).map(|found| found[1].to_lowercase());
        if table.is_some_and(|table| created.contains(&table)) {
            continue;
        }
        let row = rows.iter().flat_map(|rows| rows.iter()).find(|row| {
            row.pattern.is_match(&statement)
                && !row.unless.as_ref().is_some_and(|unless| unless.is_match(&statement))
        });
        if let Some(row) = row {
            found.push((line, row, statement));
        }
    }
    found
}

/// Statements on one line each, without comments, with the line that they begin on.
fn split(sql: &str) -> Vec<(u32, String)> {
    let (mut statements, mut current, mut start) = (Vec::new(), String::new(), 0);
    let mut quoted = false;
    for (line, text) in (0u32..).zip(sql.lines()) {
        let mut characters = text.chars().peekable();
        if !current.is_empty() {
            current.push(' ');
        }
        while let Some(c) = characters.next() {
            match c {
                '\'' => quoted = !quoted,
                '-' if !quoted && characters.peek() == Some(&'-') => break,
                ';' if !quoted => {
                    statements.push((start, std::mem::take(&mut current)));
                    continue;
                }
                _ => {}
            }
            if current.trim().is_empty() && !c.is_whitespace() {
                current.clear();
                start = line;
            }
            current.push(c);
        }
    }
    statements.push((start, current));
    statements
        .into_iter()
        .map(|(line, text)| (line, text.split_whitespace().collect::<Vec<_>>().join(" ")))
        .filter(|(_, text)| !text.is_empty())
        .collect()
}
