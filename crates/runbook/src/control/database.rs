//! `.backup`, `.restore` and `.migrate` as written.

use tminus_release::time::Span;

use super::{Backup, Body, Integrity, Migrate, MigrateUndo, Restore, Tool};
use crate::data::{Keys, Value};

/// A migration that waits longer for a lock holds up everything that comes after it in the queue.
const LOCK_TIMEOUT: Span = Span::seconds(5);

pub(super) fn backup(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let db = required(keys, "db", "the database's name under [databases], such as `db: app`");
    let to = required(keys, "to", "the folder that keeps the copies, such as `to: backups/`");
    let restore = keys.parsed("verify", |text| match text {
        "list" => Ok(false),
        "restore" => Ok(true),
        other => Err(format!("`{other}` is neither `list` nor `restore`")),
    });
    let keep = keys.parsed("keep", |text| match text.parse() {
        Ok(0) | Err(_) => Err(format!("`{text}` is no number of copies from 1")),
        Ok(count) => Ok(count),
    });
    let encrypt = keys.parsed("encrypt", secret);
    let (db, to) = (text(db?), to?);
    if !is_place(&text(to)) {
        keys.fault(to, "`to` is a folder, or `s3://BUCKET/PREFIX` with letters, digits and `. _ - /`");
        return None;
    }
    Some(Body::Backup(Backup { db, to: text(to), restore: restore.unwrap_or(false), keep, encrypt }))
}

/// Tells whether it is a folder, or a bucket that can be named in a command.
fn is_place(to: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    match to.strip_prefix("s3://") {
        Some(rest) => !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(plain),
        None => !to.contains("://") && !to.is_empty(),
    }
}

/// Reads the name of a secret.
pub(super) fn secret(text: &str) -> Result<String, String> {
    let named = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if named {
        Ok(text.to_owned())
    } else {
        Err("wants the name of a secret under [secrets], such as BACKUP_KEY, and never the value itself"
            .to_owned())
    }
}

pub(super) fn restore(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let db = required(keys, "db", "the database's name under [databases], such as `db: app`");
    let file = keys.text("file").map(str::to_owned);
    let encrypt = keys.parsed("encrypt", secret);
    let (quorum, expires, starter_may_approve) = super::yes(keys);
    if encrypt.is_some() && file.is_none() {
        let value = keys.value("encrypt")?;
        keys.fault(value, "`encrypt` belongs to `file`; the backup of this release says it itself");
        return None;
    }
    (!quorum.is_empty()).then_some(())?;
    Some(Body::Restore(Restore { db: text(db?), file, encrypt, quorum, expires, starter_may_approve }))
}

pub(super) fn migrate(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let db = required(keys, "db", "the database's name under [databases], such as `db: app`");
    let known = keys.parsed("tool", |text| match text {
        "sql" => Ok(None),
        "prisma" => Ok(Some(PRISMA)),
        "supabase" => Ok(Some(SUPABASE)),
        "command" => Ok(Some(("command", "", ""))),
        other => Err(format!("`{other}` is none of `sql`, `prisma`, `supabase` and `command`")),
    });
    let tool = known.flatten();
    let apply = match tool {
        Some((_, usual, _)) if !usual.is_empty() => keys.value("apply"),
        _ => required(keys, "apply", "which files, such as `apply: db/migrations/*.up.sql`"),
    };
    let undo = keys.value("undo");
    let tool_keys = ToolKeys::read(keys, tool.is_some());
    let integrity = integrity(keys);
    let lock_timeout = keys.duration("lock_timeout").unwrap_or(LOCK_TIMEOUT);
    let statement_timeout = keys.duration("statement_timeout").unwrap_or(Span(0));
    let dry_run_on = keys.text("dry_run_on").map(str::to_owned);
    let baseline = keys.parsed("baseline", |text| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+@-".contains(&b);
        if text.bytes().all(plain) { Ok(text.to_owned()) } else { Err(format!("`{text}` is no file's name")) }
    });
    let out_of_order = keys.parsed("out_of_order", |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("`{other}` is neither `true` nor `false`")),
    });
    let db = db?;
    let apply = match (apply, tool) {
        (Some(value), Some(("prisma", ..))) => (folder(keys, value)?, 0),
        (Some(value), _) => pattern(keys, value)?,
        (None, Some((_, usual, _))) => (usual.to_owned(), 0),
        (None, None) => return None,
    };
    let tool = match tool {
        Some((name, _, usual)) => Some(tool_keys.tool(keys, name, usual)?),
        None => None,
    };
    let undo = match undo {
        None => MigrateUndo::Unstated,
        Some(value) => match value.text() {
            Some("keep") => MigrateUndo::Keep,
            Some("restore") => MigrateUndo::Restore,
            Some("none") => MigrateUndo::Impossible,
            Some(_) if tool.is_some() => {
                keys.fault(
                    value,
                    "what a tool of your own did is taken back by `restore`, or not: `keep`, `none`",
                );
                return None;
            }
            Some(_) => match pattern(keys, value)? {
                (glob, 1) => MigrateUndo::Files(glob),
                _ => {
                    keys.fault(
                        value,
                        "`undo` has one `*`, which stands for the same text as that of `apply`",
                    );
                    return None;
                }
            },
            None => {
                keys.fault(value, "`undo` is the files that take these back, `restore`, `keep` or `none`");
                return None;
            }
        },
    };
    if matches!(undo, MigrateUndo::Files(_)) && apply.1 != 1 {
        let value = keys.value("apply")?;
        keys.fault(value, "with `undo`, `apply` has one `*`, so that each file finds its pair");
        return None;
    }
    if matches!(&undo, MigrateUndo::Files(files) if *files == apply.0) {
        let value = keys.value("undo")?;
        keys.fault(value, "`undo` names the same files as `apply`: a file does not take itself back");
        return None;
    }
    Some(Body::Migrate(Migrate {
        db: text(db),
        apply: apply.0,
        tool,
        integrity,
        undo,
        lock_timeout,
        statement_timeout,
        dry_run_on,
        baseline,
        out_of_order: out_of_order.unwrap_or(false),
    }))
}

/// Name, files and command of a tool.
type Usual = (&'static str, &'static str, &'static str);

const PRISMA: Usual =
    ("prisma", "prisma/migrations/*/migration.sql", "npx --no-install prisma migrate deploy");

/// The password comes by PGPASSWORD, so that it is on no command line.
const SUPABASE: Usual = (
    "supabase",
    "supabase/migrations/*.sql",
    "supabase migration up --yes --remote=\"postgresql://$PGUSER@$PGHOST:$PGPORT/$PGDATABASE\"",
);

/// The keys that belong to tools of one's own.
struct ToolKeys<'v> {
    run: Option<&'v Value>,
    history: Option<&'v Value>,
}

impl<'v> ToolKeys<'v> {
    /// Reads them, and reports the ones that would mean nothing.
    fn read(keys: &mut Keys<'v, '_>, is_own: bool) -> ToolKeys<'v> {
        let (run, history) = (keys.value("run"), keys.value("history"));
        let own = vec![("run", run), ("history", history)];
        let ours = ["lock_timeout", "statement_timeout", "dry_run_on", "baseline", "out_of_order"];
        let ours = ours.into_iter().map(|key| (key, keys.value(key))).collect();
        let useless: Vec<(&str, Option<&Value>)> = if is_own { ours } else { own };
        for (key, value) in useless {
            let Some(value) = value else { continue };
            let whose = if is_own { "`tool: sql`" } else { "a tool of your own (`tool: command`)" };
            keys.fault(value, format!("`{key}` belongs to {whose}"));
        }
        ToolKeys { run, history }
    }

    fn tool(&self, keys: &mut Keys<'_, '_>, name: &'static str, usual: &str) -> Option<Tool> {
        let said =
            |value: Option<&Value>| value.and_then(Value::text).map(str::trim).unwrap_or_default().to_owned();
        let (run, history) = (said(self.run), said(self.history));
        let run = if run.is_empty() { usual.to_owned() } else { run };
        if run.is_empty() {
            keys.missing("run", "the command that applies them, such as `run: bin/rails db:migrate`");
            return None;
        }
        if name == "command" && history.is_empty() {
            let help = "a query that names what is applied: `history: select version from schema_migrations`";
            keys.missing("history", help);
            return None;
        }
        if let Some(value) = self.history.filter(|_| name != "command") {
            keys.fault(value, format!("where {name} keeps its history is known"));
            return None;
        }
        Some(Tool { name, run, history })
    }
}

/// Reads `integrity: { orders: select count(*) from orders, orphans: { query: …, rule: 0 } }`.
fn integrity(keys: &mut Keys<'_, '_>) -> Vec<Integrity> {
    let Some(value) = keys.value("integrity") else { return Vec::new() };
    let Some(entries) = value.entries() else {
        keys.fault(value, "`integrity` gives names to queries: `{ orders: select count(*) from orders }`");
        return Vec::new();
    };
    let mut all = Vec::new();
    for (name, value) in entries {
        let what = format!("`{}`", name.text);
        let (query, rule) = match value.text() {
            Some(query) => (Some(query), None),
            None => {
                let mut inner = keys.inner(value, &what);
                let found = (inner.text("query"), inner.text("rule"));
                if found.0.is_none() {
                    inner.missing("query", "the question, such as `query: select count(*) from orders`");
                }
                inner.finish();
                found
            }
        };
        if let Some(query) = query {
            let (name, query) = (name.text.clone(), query.trim().to_owned());
            all.push(Integrity { name, query, rule: rule.unwrap_or("same").to_owned() });
        }
    }
    all
}

/// Prisma's migrations are folders, so their folder is what is named.
fn folder(keys: &mut Keys<'_, '_>, value: &Value) -> Option<String> {
    let (glob, stars) = pattern(keys, value)?;
    if stars > 0 {
        keys.fault(value, "`apply` is the folder of Prisma's migrations, such as `prisma/migrations`");
        return None;
    }
    Some(format!("{}/*/migration.sql", glob.trim_end_matches('/')))
}

fn required<'v>(keys: &mut Keys<'v, '_>, key: &'static str, help: &str) -> Option<&'v Value> {
    let value = keys.value(key);
    match value {
        None => keys.missing(key, help),
        Some(value) if value.text().is_none() => {
            keys.fault(value, format!("`{key}` must be a text, not {}", value.kind()));
            return None;
        }
        Some(_) => {}
    }
    value
}

fn text(value: &Value) -> String {
    value.text().unwrap_or_default().to_owned()
}

/// Reads a pattern of file names, with the number of its `*`. It stands unquoted in a command, so
/// it may have nothing in it that a shell would take for more.
pub(super) fn pattern(keys: &mut Keys<'_, '_>, value: &Value) -> Option<(String, usize)> {
    let glob = text(value);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./@%+,=*".contains(&b);
    if glob.is_empty() || !glob.bytes().all(plain) {
        keys.fault(value, "a pattern of files has letters, digits, `/ . _ - @ % + , =` and `*`");
        return None;
    }
    if glob.rsplit_once('/').is_some_and(|(folder, _)| folder.contains('*')) {
        keys.fault(value, "`*` stands in the name of the files, not of their folder");
        return None;
    }
    let stars = glob.matches('*').count();
    Some((glob, stars))
}
