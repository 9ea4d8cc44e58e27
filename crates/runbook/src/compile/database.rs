//! Work on databases: queries, copies, and `db=` of other steps.
//!
//! Each becomes a shell step that calls the database's own tools, so that the plan shows, and its
//! digest covers, the very commands that run; and so that a crash, a limit or a cancellation is
//! handled as for every other command. They may be repeated: each looks first at what is there.

use tminus_release::plan::{Action, Confirm, Danger, Interpreter, Resume, Shell, Undo, Work};
use tminus_release::time::Span;

use super::drafts::{Compiler, Place};
use crate::control::Backup;
use crate::diagnostic::Severity;
use crate::outline::FenceUnit;
use crate::pattern::Pattern;

pub(super) const SQL: &str = include_str!("recipes/sql.sh");
pub(super) const PSQL: &str = concat!(include_str!("recipes/sql.sh"), include_str!("recipes/psql.sh"));
const BACKUP: &str = include_str!("recipes/backup.sh");
pub(super) const STORE: &str = include_str!("recipes/store.sh");

/// A copy or a change of a large table takes its time.
pub(super) const TIMEOUT: Span = Span::minutes(60);

/// A variable of psql: `:'NAME'` or `:"NAME"`.
static VARIABLE: Pattern = Pattern::new(&[":'", ":\""], r#":['"]([A-Za-z_]\w*)['"]"#);

impl Compiler<'_> {
    /// Returns the database that `db=` picks from those that the page shows.
    pub(super) fn database(&mut self, place: &Place<'_>, fence: &FenceUnit) -> Option<String> {
        let word = fence.info.attributes.as_ref()?.value("db", place.environment.as_deref())?.clone();
        if !self.is_visible(place, &["databases", "database"], &word.text) {
            let message = format!("`db={}` names a database that the page does not show", word.text);
            self.word_fault("T909", &word, message);
            return None;
        }
        self.known_database(place, &word.text).then_some(word.text)
    }

    /// Reports a database that has no address here.
    pub(super) fn known_database(&mut self, place: &Place<'_>, name: &str) -> bool {
        let settings = &self.request.settings;
        let own = settings.environments.iter().find(|known| Some(&known.name) == place.environment.as_ref());
        let known = settings.databases.contains_key(name)
            || own.is_some_and(|environment| environment.databases.contains_key(name));
        if !known {
            let wherever = place.environment.as_ref().map_or(String::new(), |name| format!(" for {name}"));
            let message = format!("the database `{name}` has no address here{wherever}");
            self.faults
                .add_at_line("T912", Severity::Error, place.unit.line, message)
                .help(format!("add to tminus.toml, under [databases]: {name} = \"env:DATABASE_URL\""));
        }
        known
    }

    /// A block of SQL runs on the database that it names, or on the only one that the page shows.
    pub(super) fn sql(&mut self, place: &Place<'_>, fence: &FenceUnit, asks: bool) {
        let named = fence
            .info
            .attributes
            .as_ref()
            .is_some_and(|attributes| attributes.value("db", place.environment.as_deref()).is_some());
        let database = if named {
            match self.database(place, fence) {
                Some(database) => Some(database),
                None => return,
            }
        } else {
            self.only_database(place)
        };
        let Some(database) = database else {
            let reason = "SQL without a database".to_owned();
            if asks {
                self.task(place, &fence.body, reason);
            } else {
                self.faults
                    .add_at_line("T909", Severity::Error, place.unit.line, "the block does not say on which database it runs")
                    .help("add a line `**Database**: name` below the heading, and `db=name` if there are several");
            }
            return;
        };
        let check = self.has_class(fence, "check");
        let wanted = fence.info.attributes.as_ref().and_then(|attributes| {
            attributes.value("match", place.environment.as_deref()).map(|word| word.text.clone())
        });
        let script = query(&fence.body, check, wanted.as_deref());
        let base = self.default_ids[place.index].clone();
        let at = self.add_step(place, base, place.unit.title.clone(), shell("sql", &database, script));
        self.drafts[at].step.undo = Undo::Unstated;
        if asks {
            let reason = format!("proposed from line {}: SQL on {database}", place.unit.line);
            self.drafts[at].step.confirm = Some(Confirm { danger: Danger::Confirm, reason });
        }
        self.attributes(at, fence, place);
    }

    /// The only database of the section's line, if it has an address here.
    fn only_database(&self, place: &Place<'_>) -> Option<String> {
        let own = self.request.settings.environments.iter();
        let own = own.filter(|known| Some(&known.name) == place.environment.as_ref());
        let mut names: Vec<&String> = self
            .request
            .settings
            .databases
            .keys()
            .chain(own.flat_map(|known| known.databases.keys()))
            .collect();
        names.sort();
        names.dedup();
        names.retain(|name| self.is_visible(place, &["databases", "database"], name));
        match names[..] {
            [one] => Some(one.clone()),
            _ => None,
        }
    }

    pub(super) fn backup(&mut self, place: &Place<'_>, fence: &FenceUnit, backup: &Backup) {
        if !self.known_database(place, &backup.db) {
            return;
        }
        self.known_secrets(place, backup.encrypt.clone());
        if !self.is_no_command(place, "to", &backup.to) {
            return;
        }
        let id = self.default_ids[place.index].clone();
        // Another one of the same database is a copy of another moment, so it has another name.
        let again = if self.copies.has(backup, place.environment.as_deref()) { id.as_str() } else { "" };
        let script = format!(
            "{}again={}\nverify={}\nkeep={}\n{PSQL}\n{STORE}\n{BACKUP}",
            backup_head(backup, place.environment.as_deref()),
            quote(again),
            if backup.restore { "restore" } else { "list" },
            backup.keep.map_or(String::new(), |keep| keep.to_string()),
        );
        self.copies.saved(backup, place.environment.as_deref());
        let title = format!("Back up the database {} to {}", backup.db, backup.to);
        let at = self.add_step(place, id, title, shell("backup", &backup.db, script));
        self.repeatable(at, fence, place);
    }

    pub(super) fn repeatable(&mut self, at: usize, fence: &FenceUnit, place: &Place<'_>) {
        let step = &mut self.drafts[at].step;
        (step.resume, step.timeout) = (Resume::Rerun, TIMEOUT);
        self.attributes(at, fence, place);
    }
}

/// Where a backup is, as the head of a script.
pub(super) fn backup_head(backup: &Backup, environment: Option<&str>) -> String {
    format!(
        "database={}\nenvironment={}\nto={}\nencrypt={}\n",
        quote(&backup.db),
        quote(environment.unwrap_or_default()),
        quote(backup.to.trim_end_matches('/')),
        quote(backup.encrypt.as_deref().unwrap_or_default()),
    )
}

pub(super) fn shell(kind: &str, database: &str, script: String) -> Work {
    Work::Act(Action::Shell(Shell {
        interpreter: Interpreter::Bash,
        script,
        // Paths are those of the runbook, wherever an earlier step of the phase went.
        folder: Some(".".to_owned()),
        ok: vec![0],
        host: None,
        database: Some(database.to_owned()),
        recipe: Some(kind.to_owned()),
        group: None,
    }))
}

/// Writes a query. Inputs reach it as variables of psql, which quotes them as SQL wants it.
fn query(body: &str, check: bool, wanted: Option<&str>) -> String {
    let mut names: Vec<String> = VARIABLE.captures_iter(body).map(|found| found[1].to_owned()).collect();
    names.sort();
    names.dedup();
    let variables: String = names.iter().map(|name| format!(" -v {name}=\"${name}\"")).collect();
    let mut end = "SQL".to_owned();
    while body.lines().any(|line| line == end) {
        end.push('_');
    }
    let body = body.trim_end();
    if !check {
        return format!(
            "psql -X -v ON_ERROR_STOP=1 --single-transaction{variables} -f - <<'{end}'\n{body}\n{end}\n"
        );
    }
    let judged = match wanted {
        Some(pattern) => format!(
            "wanted={}\nif ! grep -Eq -- \"$wanted\" <<<\"$found\"; then\n  printf 'error: the check wants a line that matches %s\\n' \"$wanted\" >&2\n  exit 1\nfi\n",
            quote(pattern)
        ),
        None => "if [ \"$found\" != t ]; then\n  printf 'error: the check wants one row with the one value true, or a line that match= names, and this is not it\\n' >&2\n  exit 1\nfi\n".to_owned(),
    };
    format!(
        "found=$(psql -X -q -A -t -v ON_ERROR_STOP=1{variables} -c 'set default_transaction_read_only = on' -f - <<'{end}'\n{body}\n{end}\n)\nprintf '%s\\n' \"$found\"\n{judged}"
    )
}

pub(super) fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
