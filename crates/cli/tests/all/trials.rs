//! What goes wrong with a version, the same for every runbook that comes with the project.
//!
//! Each trial breaks one thing, releases, and compares everything with how it was before: versions,
//! schema, files and flags, byte for byte.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::process::Command;

use tminus_testkit::docker::Docker;
use tminus_testkit::postgres::Postgres;

use crate::kubernetes::Town;
use crate::support::{Desk, Ran};

/// Everybody says yes, and nobody has an answer to what nobody expected.
pub(crate) const PATIENT: &str =
    "answers:\n  - { step: '*item-*', say: yes }\n  - { step: go, say: yes }\notherwise: nothing\n";

/// A channel where nobody listens: a port that only root may open, and that nothing here does.
pub(crate) const NOBODY: &str = "{ webhook = \"http://127.0.0.1:1/hook\" }";

/// The same, but for one who says no at the go.
pub(crate) fn declined_by(person: &str, reason: &str) -> String {
    let no = format!("say: decline, as: {person}, reason: {reason}, times: 1 }}\notherwise");
    PATIENT.replace("say: yes }\notherwise", &no)
}

/// Whose v1 is out, and whose v2 brings a migration of a table `orders`.
pub(crate) trait Team {
    /// What a rollback has to bring back.
    type Everything: PartialEq + Debug;

    fn desk(&self) -> &Desk;
    /// Has the database `shop`.
    fn server(&self) -> &Postgres;

    /// The program with these words, and with what the team's steps need.
    fn command(&self, words: &[&str]) -> Command;

    /// Runs it and insists on an exit code.
    fn ran(&self, code: i32, words: &[&str]) -> Ran {
        let ran = Ran::of(self.command(words).output().expect("it starts"));
        assert_eq!(ran.code, code, "tminus {}\n{}\n{}", words.join(" "), ran.out, ran.err);
        ran
    }

    /// Releases a version, with people saying what `yes.yaml` says, and insists on an exit code.
    fn release(&self, code: i32, version: &str) -> Ran {
        self.came(code, &begin(version))
    }

    /// Goes on with a release, by one of the people who were asked.
    fn goes_on(&self, code: i32, step: &str, person: &str) -> Ran {
        self.ran(0, &["answer", step, "retry", "--as", person]);
        self.came(code, &["resume", "--no-wait"])
    }

    /// Answers for a step as the first of all people who may.
    fn answers(&self, step: &str, answer: &str) {
        let may = |person: &&str| self.command(&["answer", step, answer, "--as", person]).output();
        let said = ["ana", "kim", "max", "ria"]
            .iter()
            .any(|person| may(person).expect("it starts").status.success());
        assert!(said, "nobody may answer {step} {answer}");
    }

    /// Insists on an exit code, and on all of it when everything went back.
    fn came(&self, code: i32, words: &[&str]) -> Ran {
        let ran = self.ran(code, words);
        if code == 3 {
            self.is_back(&ran);
            ran.never_says("not undone");
        }
        ran
    }

    /// Insists that the last look saw everything as before. Written answers do not insist on that: they
    /// go past an undo that failed. Without that look no release ends.
    fn is_back(&self, ran: &Ran);

    /// Releases a version that fails, in these words, when the schema has moved; all is as before then.
    fn comes_back(&self, version: &str, words: &[&str], before: &Self::Everything) -> Ran {
        let ran = self.release(3, version);
        words.iter().chain(&["undo 002_paid.up.sql"]).for_each(|words| {
            ran.says(words);
        });
        assert_eq!(&self.everything(), before, "{words:?}");
        ran
    }

    fn everything(&self) -> Self::Everything;

    /// How often each thing was really done to what the team has: by the lines that its tools left in
    /// `calls`, unless there is a better witness.
    fn done(&self) -> BTreeMap<String, usize> {
        counted(&self.desk().read("calls"))
    }
}

/// How often each line is there.
pub(crate) fn counted(lines: &str) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for line in lines.lines() {
        *counted.entry(line.to_owned()).or_default() += 1;
    }
    counted
}

/// What a release of a version is begun with.
pub(crate) fn begin(version: &str) -> [&str; 7] {
    ["run", "RUNBOOK.md", "--again", "--version", version, "--answers", "yes.yaml"]
}

/// One whose images come from a registry.
pub(crate) trait FromRegistry: Team {
    fn registry(&mut self, goes: Goes);
}

/// Where the registry goes. It has what it had when it is up again.
pub(crate) enum Goes {
    Down,
    Up,
}

impl Goes {
    /// The same for an engine of this machine and its registry.
    pub(crate) fn with(self, docker: &mut Docker) {
        match self {
            Goes::Down => docker.stop_registry(),
            Goes::Up => docker.start_registry(),
        }
    }
}

/// Puts the files of `runbooks/NAME` onto a desk.
pub(crate) fn lay_out(desk: &Desk, name: &str, files: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks").join(name);
    for file in files {
        let path = folder.join(file);
        desk.write(file, std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
    }
}

/// Writes the migrations of v1, with which there are two orders.
pub(crate) fn write_orders(desk: &Desk) {
    desk.write("db/001_orders.up.sql", "create table orders (id int primary key, total int not null);\ninsert into orders values (1, 10), (2, 20);\n");
    desk.write("db/001_orders.down.sql", "drop table orders;\n");
}

/// Writes the migration that v2 brings.
pub(crate) fn write_paid(desk: &Desk) {
    desk.write("db/002_paid.up.sql", "alter table orders add column paid boolean not null default false;\n");
    desk.write("db/002_paid.down.sql", "alter table orders drop column paid;\n");
}

/// Writes a migration that fits every schema, and after which a total is not as it should be.
pub(crate) fn write_minus(desk: &Desk) {
    for way in ["up", "down"] {
        desk.write(&format!("db/003_minus.{way}.sql"), "update orders set total = -total where id = 2;\n");
    }
}

/// Takes a migration away that no release has applied.
pub(crate) fn remove_migration(desk: &Desk, name: &str) {
    for way in ["up", "down"] {
        std::fs::remove_file(desk.path(&format!("db/{name}.{way}.sql"))).expect("it is there");
    }
}

/// A migration that does not end well, a disk without room for the backup, and a database that is
/// away, which is told in these words.
pub(crate) fn the_database_is_in_the_way(team: &impl Team, away: &str) {
    the_migration_is_in_the_way(team);
    the_server_is_in_the_way(team, away);
}

/// A disk without room for the backup, and a database that is away, which is told in these words.
pub(crate) fn the_server_is_in_the_way(team: &impl Team, away: &str) {
    let (desk, server, before) = (team.desk(), team.server(), team.everything());

    let full = desk.path("backups");
    std::fs::remove_dir_all(&full).expect("copies were made");
    std::os::unix::fs::symlink("/dev/full", &full).expect("a link");
    team.release(3, "v2").says("backups");
    assert_eq!(team.everything(), before, "nowhere to put the copy");
    std::fs::remove_file(&full).expect("the link");

    server.stop();
    team.release(3, "v2").says(away);
    server.start_again();
    assert_eq!(team.everything(), before, "the database is down");
}

/// A migration that fails half-way, and one that waits for a lock.
pub(crate) fn the_migration_is_in_the_way(team: &impl Team) {
    let (desk, server, before) = (team.desk(), team.server(), team.everything());

    // An earlier one of the same release is applied by then.
    desk.write("db/003_bad.up.sql", "create table more (id int);\nselect nothing from nowhere;\n");
    desk.write("db/003_bad.down.sql", "drop table more;\n");
    team.release(3, "v2").says("nowhere").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "a migration that fails half-way");

    // The session below is ended by the server itself.
    desk.write("db/003_bad.up.sql", "alter table orders add column note text;\n");
    desk.write("db/003_bad.down.sql", "alter table orders drop column note;\n");
    let hold = "begin; lock table orders in access share mode; select pg_sleep(60)";
    let mut holder = server.client("psql", "shop").args(["-X", "-q", "-c", hold]).spawn().expect("psql");
    // The dump of the backup reads beside it; the migration does not get in.
    server.sql("shop", "do $$ begin for at in 1..3000 loop perform pg_stat_clear_snapshot(); if exists (select from pg_locks where relation = 'orders'::regclass and pid <> pg_backend_pid()) then return; end if; perform pg_sleep(0.01); end loop; raise exception 'it never held'; end $$");
    let ran = team.release(3, "v2");
    server.sql(
        "postgres",
        "select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock%'",
    );
    holder.wait().expect("it was ended");
    ran.says("lock timeout");
    assert_eq!(team.everything(), before, "a migration that waits for a lock");
    remove_migration(desk, "003_bad");
}

/// Nobody can be told of v2: that is said, and is in the way of nothing.
pub(crate) fn v2_goes_out_unheard(team: &impl Team) -> Ran {
    let desk = team.desk();
    let settings = desk.read("tminus.toml");
    let (told, unheard) = settings.split_once("[channels]").expect("it has channels");
    let unheard: String = unheard
        .lines()
        .map(|line| line.split_once(" = ").map_or(String::new(), |(name, _)| format!("{name} = {NOBODY}\n")))
        .collect();
    desk.write("tminus.toml", format!("{told}[channels]\n{unheard}"));
    let ran = team.release(0, "v2");
    ran.says("FAILED: announce").says("not sent to team (Connection refused").says("succeeded");
    desk.write("tminus.toml", settings);
    ran
}

/// Loses the API server when a workload of production was told to move and is waited for, once.
pub(crate) fn lose_the_api_server(town: &Town) {
    let stop = town.cluster.stop_line();
    town.desk.program("kubectl", &format!("#!/bin/sh\nPATH=${{PATH#*:}}\ncase \"$*\" in *=production*=production*\"rollout status\"*) if [ -e lose ]; then rm lose; {stop}; fi ;; esac\nexec kubectl \"$@\"\n"));
    town.desk.write("lose", "");
}

/// A migration that was edited after it was applied: found before anything is begun.
pub(crate) fn an_applied_migration_was_edited(team: &impl Team) -> Ran {
    let (desk, before) = (team.desk(), team.everything());
    let first = desk.read("db/001_orders.up.sql");
    desk.write("db/001_orders.up.sql", format!("{first}-- edited\n"));
    let ran = team.release(3, "v2");
    ran.says("001_orders.up.sql").never_says("starts: Back up").never_says("starts: Migrate");
    desk.write("db/001_orders.up.sql", first);
    assert_eq!(team.everything(), before, "an edited migration");
    ran
}

/// Data that is not as it should be after the migration.
pub(crate) fn a_total_is_negative(team: &impl Team) {
    let before = team.everything();
    write_minus(team.desk());
    team.release(3, "v2").says("one row with the one value true").says("undo 003_minus.up.sql");
    assert_eq!(team.everything(), before, "a failing integrity check");
    remove_migration(team.desk(), "003_minus");
}

/// A registry that is down, after which it is there again.
pub(crate) fn the_registry_is_down(team: &mut impl FromRegistry) {
    let before = team.everything();
    team.registry(Goes::Down);
    team.release(3, "v2").says("connection refused");
    assert_eq!(team.everything(), before, "the registry is down");
    team.registry(Goes::Up);
}
