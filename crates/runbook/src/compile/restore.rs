//! `.restore`: a look that tells what would be lost, a yes for what was told, and the restore.
//!
//! Three steps, because who says yes must have seen the numbers. They stand where the block stands,
//! or, as the undo of a migration, run when its turn comes on the way back.

use tminus_release::plan::{Action, Approval, Resume, StepId, Undo, Work};

use super::database::{PSQL, STORE, TIMEOUT, backup_head, quote, shell};
use super::drafts::{CHECK_TIMEOUT, Compiler, Place, Placement};
use crate::control::{Backup, Restore};
use crate::diagnostic::Severity;
use crate::names;
use crate::outline::FenceUnit;

const RESTORE: &str = include_str!("recipes/restore.sh");
const LOOK: &str = include_str!("recipes/restore_look.sh");
const RUN: &str = include_str!("recipes/restore_run.sh");

/// The line of the look that says whether the ledger tells if there is anything to take back.
const LEDGER: [&str; 2] = ["ledger=false\n", "ledger=true\n"];

/// Backups that were seen, restores, and what they take back.
#[derive(Debug, Default)]
pub(super) struct Copies {
    backups: Vec<(Option<String>, Backup)>,
    restores: Vec<Restoring>,
    taken_back: Vec<TakenBack>,
}

#[derive(Debug)]
struct Restoring {
    db: String,
    environment: Option<String>,
    line: u32,
    look: usize,
    yes: usize,
    step: usize,
}

/// A migration that a restore takes back.
#[derive(Debug)]
struct TakenBack {
    step: usize,
    db: String,
    has_ledger: bool,
}

impl Copies {
    pub(super) fn saved(&mut self, backup: &Backup, environment: Option<&str>) {
        self.backups.push((environment.map(str::to_owned), backup.clone()));
    }

    /// Tells whether a backup stands before this one that would have its name.
    pub(super) fn has(&self, backup: &Backup, environment: Option<&str>) -> bool {
        let same = |(place, other): &(Option<String>, Backup)| {
            (&other.db, &other.to) == (&backup.db, &backup.to) && place.as_deref() == environment
        };
        self.backups.iter().any(same)
    }

    pub(super) fn taken_back(&mut self, step: usize, db: &str, has_ledger: bool) {
        self.taken_back.push(TakenBack { step, db: db.to_owned(), has_ledger });
    }
}

impl Compiler<'_> {
    pub(super) fn restore(&mut self, place: &Place<'_>, fence: &FenceUnit, restore: &Restore) {
        let is_known = self.known_database(place, &restore.db);
        if !self.is_no_check(place, fence, "restore") || !is_known {
            return;
        }
        let environment = place.environment.as_deref();
        let Some((head, from)) = self.backup_of(place, restore) else { return };
        let again = |known: &&Restoring| known.db == restore.db && known.environment == place.environment;
        if let Some(known) = self.copies.restores.iter().find(again) {
            let message =
                format!("the database {} is restored by the step on line {} already", restore.db, known.line);
            self.faults
                .add_at_line("T907", Severity::Error, place.unit.line, message)
                .help("one of them is enough: several migrations may say `undo: restore`");
            return;
        }
        let wherever = environment.map_or(String::new(), |name| format!(" of {name}"));
        let id = self.default_ids[place.index].clone();
        // Two environments may be restored in one rollback, and each has its own.
        let mark =
            format!("RESTORE_{}", names::variable(&format!("{id}_{}", environment.unwrap_or_default())));
        let run = place.run.as_ref().map_or(String::new(), |run| format!("@{run}"));
        let head = format!("{head}mark={mark}\nlook={}\n", quote(&format!("{id}/loss{run}")));
        // The step itself comes last: it is what the block's id and prose belong to.
        let notes = std::mem::take(&mut self.notes);
        let script = format!("{head}{}{PSQL}\n{STORE}\n{RESTORE}\n{LOOK}", LEDGER[0]);
        let title = format!("Look what restoring the database {}{wherever} would lose", restore.db);
        let look = self.add_step(place, format!("{id}/loss"), title, shell("restore", &restore.db, script));
        let step = &mut self.drafts[look].step;
        (step.check, step.resume, step.undo, step.timeout) =
            (true, Resume::Rerun, Undo::NotNeeded, CHECK_TIMEOUT);
        let ask = format!(
            "Restore the database {}{wherever} from {from}? It loses what came in after that.",
            restore.db
        );
        let approval = Approval {
            ask,
            quorum: self.quorum(place, restore.quorum.clone()),
            expires: restore.expires,
            starter_may_approve: restore.starter_may_approve,
        };
        let yes = self.approval(place, format!("{id}/approve"), approval);
        self.notes = notes;
        let script = format!("{head}{PSQL}\n{STORE}\n{RESTORE}\n{RUN}");
        let title = format!("Restore the database {}{wherever}", restore.db);
        let at = self.add_step(place, id, title, shell("restore", &restore.db, script));
        let step = &mut self.drafts[at].step;
        (step.resume, step.timeout, step.undo) = (Resume::Rerun, TIMEOUT, Undo::Unstated);
        self.attributes(at, fence, place);
        let (db, environment, line) = (restore.db.clone(), place.environment.clone(), place.unit.line);
        self.copies.restores.push(Restoring { db, environment, line, look, yes, step: at });
    }

    /// Returns the head of the scripts, which says where the backup is, and its name for people.
    fn backup_of(&mut self, place: &Place<'_>, restore: &Restore) -> Option<(String, String)> {
        let environment = place.environment.as_deref();
        if let Some(written) = &restore.file {
            let file = self.bound_path(place, "file", written)?;
            self.known_secrets(place, restore.encrypt.clone());
            let (to, name) = file.rsplit_once('/').unwrap_or((".", &file));
            let (to, encrypt) = (to.to_owned(), restore.encrypt.clone());
            let backup = Backup { db: restore.db.clone(), to, restore: false, keep: None, encrypt };
            let head = format!("{}file={}\n", backup_head(&backup, environment), quote(name));
            return Some((head, file.clone()));
        }
        let of_this = |(place, backup): &&(Option<String>, Backup)| {
            backup.db == restore.db && place.as_deref() == environment
        };
        let found = self.copies.backups.iter().find(of_this);
        if let Some((_, backup)) = found {
            return Some((
                format!("{}file=\n", backup_head(backup, environment)),
                "the backup of this release".to_owned(),
            ));
        }
        let wherever =
            environment.map_or_else(|| " for no environment".to_owned(), |name| format!(" for {name}"));
        let message =
            format!("no `.backup` of the database {}{wherever} stands before its `.restore`", restore.db);
        let fault = self.faults.add_at_line("T905", Severity::Error, place.unit.line, message);
        if self.copies.backups.iter().any(|(_, backup)| backup.db == restore.db) {
            fault.help("the section needs the line `**Environment**` of the backup's section");
        } else {
            fault.help("add a `.backup` before what changes the database, or name a backup: `file: backups/app-20261120-120000-41c7.dump`");
        }
        None
    }

    /// Finds for each migration that says `undo: restore` the restore of its database.
    pub(super) fn link_restores(&mut self) {
        for taken in std::mem::take(&mut self.copies.taken_back) {
            let step = &self.drafts[taken.step].step;
            let of_this = |known: &&Restoring| known.db == taken.db && known.environment == step.environment;
            let Some(known) = self.copies.restores.iter().find(of_this) else {
                let wherever = step.environment.as_ref().map_or(String::new(), |name| format!(" for {name}"));
                let message = format!(
                    "`undo: restore`, and no `.restore` of the database {}{wherever} is on the page",
                    taken.db
                );
                let line = step.line;
                self.faults.add_at_line("T905", Severity::Error, line, message).help(format!(
                    "add to the rollback section: ```yaml {{#restore .restore .undo}} with db: {} and quorum: {{ on-call: 1 }}",
                    taken.db
                ));
                continue;
            };
            let (look, restore) = (known.look, known.step);
            self.drafts[taken.step].step.undo = Undo::Step(self.drafts[restore].step.id.clone());
            self.drafts[restore].placement = Placement::OnDemand;
            if taken.has_ledger
                && let Work::Act(Action::Shell(shell)) = &mut self.drafts[look].step.work
            {
                shell.script = shell.script.replacen(LEDGER[0], LEDGER[1], 1);
            }
        }
    }

    /// What an undo waits for is on demand as the undo is.
    pub(super) fn prepare_restores(&mut self) {
        for known in &self.copies.restores {
            if self.drafts[known.step].placement != Placement::OnDemand {
                continue;
            }
            for (step, before) in
                [(known.look, None), (known.yes, Some(known.look)), (known.step, Some(known.yes))]
            {
                let before: Vec<StepId> =
                    before.map(|at| self.drafts[at].step.id.clone()).into_iter().collect();
                let draft = &mut self.drafts[step];
                (draft.placement, draft.step.after) = (Placement::OnDemand, before);
            }
        }
    }

    /// Whatever the page says of the order (`needs=`, `.parallel`), a restore comes after its yes, and
    /// the yes after what was told.
    pub(super) fn guard_restores(&mut self) {
        for known in &self.copies.restores {
            for (step, before) in [(known.yes, known.look), (known.step, known.yes)] {
                let before = self.drafts[before].step.id.clone();
                let after = &mut self.drafts[step].step.after;
                if !after.contains(&before) {
                    after.push(before);
                }
            }
        }
    }
}
