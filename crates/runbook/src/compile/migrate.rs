//! `.migrate`: files of SQL with a ledger of ours, or a team's own tool and its history.

use tminus_release::plan::{Resume, Undo};

use super::database::{PSQL, TIMEOUT, quote, shell};
use super::drafts::{Compiler, Place, Placement};
use crate::control::{Migrate, MigrateUndo, Tool};
use crate::diagnostic::Severity;
use crate::outline::FenceUnit;

const MIGRATE: &str = include_str!("recipes/migrate.sh");
const MIGRATE_LOOK: &str = include_str!("recipes/migrate_look.sh");
const MIGRATE_TRY: &str = include_str!("recipes/migrate_try.sh");
const MIGRATE_APPLY: &str = include_str!("recipes/migrate_apply.sh");
const MIGRATE_UNDO: &str = include_str!("recipes/migrate_undo.sh");
const TOOL: &str = include_str!("recipes/migrate_tool.sh");
const TOOL_LOOK: &str = include_str!("recipes/migrate_tool_look.sh");
const TOOL_RUN: &str = include_str!("recipes/migrate_tool_run.sh");
const INTEGRITY: &str = include_str!("recipes/integrity.sh");

impl Compiler<'_> {
    pub(super) fn migrate(&mut self, place: &Place<'_>, fence: &FenceUnit, migrate: &Migrate) {
        if !self.known_database(place, &migrate.db) {
            return;
        }
        let id = self.default_ids[place.index].clone();
        let check = self.has_class(fence, "check");
        // The step itself comes last: it is what the block's id and prose belong to.
        let notes = std::mem::take(&mut self.notes);
        if let Some(environment) = migrate.dry_run_on.as_ref().filter(|_| !check) {
            self.dry_run(place, migrate, environment, &id);
        }
        let mut undo = match &migrate.undo {
            MigrateUndo::Unstated => Undo::Unstated,
            MigrateUndo::Keep => Undo::Kept,
            // Which one is found when all of the page was read.
            MigrateUndo::Restore => Undo::Unstated,
            MigrateUndo::Impossible => Undo::Impossible,
            MigrateUndo::Files(_) if check => Undo::NotNeeded,
            MigrateUndo::Files(files) => {
                let title = format!("Take back what this release changed in the database {}", migrate.db);
                let script = undo_script(migrate, files);
                let at =
                    self.add_step(place, format!("{id}/undo"), title, shell("migrate", &migrate.db, script));
                let draft = &mut self.drafts[at];
                draft.placement = Placement::OnDemand;
                (draft.step.resume, draft.step.timeout) = (Resume::Rerun, TIMEOUT);
                Undo::Step(draft.step.id.clone())
            }
        };
        self.notes = notes;
        if check {
            undo = Undo::NotNeeded;
        }
        let (what, tail) = match (check, &migrate.tool) {
            (true, None) => ("Look what would change in", MIGRATE_LOOK),
            (true, Some(_)) => ("Look what would change in", TOOL_LOOK),
            (false, None) => ("Migrate", MIGRATE_APPLY),
            (false, Some(_)) => ("Migrate", TOOL_RUN),
        };
        let by = migrate.tool.as_ref().map_or(String::new(), |tool| format!(" by {}", tool.name));
        let title = format!("{what} the database {}{by}: {}", migrate.db, migrate.apply);
        let script = self.migrate_script(place, migrate, tail);
        let at = self.add_step(place, id, title, shell("migrate", &migrate.db, script));
        self.repeatable(at, fence, place);
        if !matches!(self.drafts[at].step.undo, Undo::Impossible) {
            self.drafts[at].step.undo = undo;
        }
        if migrate.undo == MigrateUndo::Restore && !check {
            self.copies.taken_back(at, &migrate.db, migrate.tool.is_none());
        }
    }

    /// Tries the files in the database of another environment.
    fn dry_run(&mut self, place: &Place<'_>, migrate: &Migrate, environment: &str, id: &str) {
        let names = self.request.settings.environments.iter().map(|known| &known.name);
        let found = names.clone().find(|name| crate::attributes::is_environment(environment, name));
        let Some(found) = found.cloned() else {
            let message =
                format!("`dry_run_on: {environment}` names an environment that tminus.toml does not have");
            self.faults.add_at_line("T907", Severity::Error, place.unit.line, message).help(format!(
                "add to tminus.toml: [environments.{environment}.databases] with {} = \"env:NAME\"",
                migrate.db
            ));
            return;
        };
        let title =
            format!("Try the migrations in the database {} of {found}, and take them back", migrate.db);
        let script = format!("{}{PSQL}\n{MIGRATE}\n{MIGRATE_TRY}", own_head(migrate));
        let at = self.add_step(place, format!("{id}/dry-run"), title, shell("migrate", &migrate.db, script));
        let step = &mut self.drafts[at].step;
        step.environment = Some(found);
        (step.check, step.resume, step.timeout) = (true, Resume::Rerun, TIMEOUT);
    }

    /// Writes what looks or applies, with the questions around it.
    fn migrate_script(&self, place: &Place<'_>, migrate: &Migrate, tail: &str) -> String {
        let mut head = match &migrate.tool {
            Some(tool) => tool_head(migrate, tool),
            None => own_head(migrate),
        };
        let body = if migrate.tool.is_some() { TOOL } else { MIGRATE };
        if migrate.integrity.is_empty() || tail == MIGRATE_LOOK || tail == TOOL_LOOK {
            return format!("{head}{PSQL}\n{body}\n{tail}");
        }
        let mark = self.record_name(place.index, place.run.as_deref());
        head.push_str(&format!("mark={}\nintegrity=(\n", quote(&mark)));
        for one in &migrate.integrity {
            head.push_str(&format!("  {} {} {}\n", quote(&one.name), quote(&one.rule), quote(&one.query)));
        }
        format!("{head})\n{PSQL}\n{INTEGRITY}\n{body}\nintegrity_before\n{tail}integrity_after\n")
    }
}

/// The head of a script of ours.
fn own_head(migrate: &Migrate) -> String {
    let mut head = format!(
        "{}baseline={}\nout_of_order={}\nshopt -s nullglob\nfiles=({})\n",
        limits(migrate),
        quote(migrate.baseline.as_deref().unwrap_or_default()),
        migrate.out_of_order,
        migrate.apply
    );
    // `db/*.sql` has `db/1_rollback.sql` as well: applied, it would take `db/1.sql` back at once.
    if let MigrateUndo::Files(files) = &migrate.undo
        && has_all_of(&migrate.apply, files)
    {
        head.push_str(&format!(
            "for at in \"${{!files[@]}}\"; do case ${{files[at]}} in {files}) unset \"files[at]\" ;; esac; done\n"
        ));
    }
    head
}

/// Tells whether a pattern with one `*` also has each file of another one that has it in the same folder.
fn has_all_of(wide: &str, narrow: &str) -> bool {
    let (Some((head, tail)), Some((other_head, other_tail))) = (wide.split_once('*'), narrow.split_once('*'))
    else {
        return false;
    };
    other_head.starts_with(head) && !other_head[head.len()..].contains('/') && other_tail.ends_with(tail)
}

/// The head of a script that calls a tool.
fn tool_head(migrate: &Migrate, tool: &Tool) -> String {
    format!(
        "tool={}\napply={}\nrun={}\nhistory={}\nshopt -s nullglob\nfiles=({})\n",
        quote(tool.name),
        quote(&migrate.apply),
        quote(&tool.run),
        quote(&tool.history),
        migrate.apply
    )
}

fn limits(migrate: &Migrate) -> String {
    format!(
        "apply={}\nlock_timeout={}ms\nstatement_timeout={}ms\n",
        quote(&migrate.apply),
        migrate.lock_timeout.0,
        migrate.statement_timeout.0
    )
}

/// Writes what takes back the files that this release applied.
fn undo_script(migrate: &Migrate, files: &str) -> String {
    let name = migrate.apply.rsplit('/').next().unwrap_or_default();
    let (apply_head, apply_tail) = name.split_once('*').unwrap_or((name, ""));
    let (undo_head, undo_tail) = files.split_once('*').unwrap_or((files, ""));
    let mut head = limits(migrate);
    for (key, value) in [
        ("apply_head", apply_head),
        ("apply_tail", apply_tail),
        ("undo_head", undo_head),
        ("undo_tail", undo_tail),
    ] {
        head.push_str(&format!("{key}={}\n", quote(value)));
    }
    format!("{head}{PSQL}\n{MIGRATE}\n{MIGRATE_UNDO}")
}
