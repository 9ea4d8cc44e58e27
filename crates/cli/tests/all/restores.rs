//! Putting a database back: told first, approved, beside the old one, and never half.

use std::process::Stdio;

use crate::shop::Shop;
use crate::support::Ran;

/// A release whose migration is taken back by a restore; it fails while the file `broken` is there.
const RELEASE: &str = r#"---
runbook: 1
on_failure: rollback
---
# Shop

## 1. Ship

```yaml {#backup .backup}
db: shop
to: backups/
VERIFY
```

```yaml {#migrate .migrate}
db: shop
apply: db/*.up.sql
undo: restore
```

```bash {#smoke .check}
test ! -e broken
```

## Rollback

```yaml {#restore .restore .undo}
db: shop
quorum: { dba: 1 }
```
"#;

/// What the database is, with its rights and settings.
fn whole(shop: &Shop) -> String {
    shop.server.dump_with("shop", &["--create"])
}

fn databases(shop: &Shop) -> String {
    shop.server.sql(
        "postgres",
        "select string_agg(regexp_replace(datname, '[0-9]{8}_[0-9]{6}_[0-9a-f]{4}', 'RELEASE'), ' ' order by datname) from pg_database where datname ~ 'shop|tminus'",
    )
}

/// A shop with a first migration, and a release that fails after a second one.
fn failing(verify: &str) -> Option<Shop> {
    let shop = Shop::open()?;
    shop.migrate(0);
    shop.server.sql("postgres", "create role app; grant connect on database shop to app; alter database shop set statement_timeout = '7s'; alter role app in database shop set search_path = 'public', 'Own'; comment on database shop is 'it''s ours'; alter database shop connection limit 50");
    shop.desk.write("db/002_price.up.sql", "alter table items add column price int;\nupdate items set price = id where id <= 10;\ninsert into items values (101, 'new', 7);\ndelete from items where id = 100;\n");
    shop.desk.write("r.md", RELEASE.replace("VERIFY", verify));
    shop.desk.write("broken", "");
    Some(shop)
}

#[test]
fn pain_01_a_restore_takes_a_migration_back_and_keeps_what_was_there() {
    let Some(shop) = failing("verify: restore") else { return };
    let before = whole(&shop);
    shop.expect(0, &["plan", "r.md"])
        .says("Restore the database shop from the backup of this release?")
        .says("undo restore");
    let ran = shop.expect(6, &["run", "r.md", "--no-wait"]);
    ran.says("public.items: 1 inserted, 10 updated, 1 deleted");
    ran.says("Since then 1 rows were inserted, 10 updated and 1 deleted, in 1 table").says("shop loses them");
    ran.says("Still needed: 1 × dba").says("approve restore/approve");
    assert_eq!(databases(&shop), "shop", "nothing happens without a yes");

    // Somebody goes on writing after the yes: more would be lost than was told.
    shop.expect(0, &["approve", "restore/approve", "--as", "ana"]);
    shop.server.sql("shop", "insert into items values (200, 'late', 1)");
    let ran = shop.expect(6, &["resume", "--no-wait"]);
    ran.says("more would be lost than was told").says("tminus answer restore/loss retry");
    assert_eq!(databases(&shop), "shop");
    shop.expect(0, &["answer", "restore/loss", "retry"]);
    shop.expect(6, &["resume", "--no-wait"])
        .says("2 inserted, 10 updated, 1 deleted")
        .says("Still needed: 1 × dba");
    shop.expect(0, &["approve", "restore/approve", "--as", "ana"]);
    shop.expect(0, &["answer", "migrate", "retry"]);
    // An application that comes back at once each time does not stop it.
    let psql = shop.server.client("psql", "shop");
    let mut app = std::process::Command::new("bash");
    app.envs(psql.get_envs().filter_map(|(name, value)| Some((name, value?))));
    app.args(["-c", "while :; do \"$0\" -X -q -c 'select pg_sleep(5)' >/dev/null 2>&1 || :; done"])
        .arg(psql.get_program());
    let mut app = app.spawn().expect("bash");
    let ran = shop.expect(3, &["resume", "--no-wait"]);
    app.kill().expect("it runs");
    app.wait().expect("it is gone");
    ran.says("restored: shop is as it was in the backup").says("rolled back");
    assert_eq!(whole(&shop), before, "every byte as before, rights and settings too");
    assert_eq!(databases(&shop), "shop shop_before_RELEASE");
    let kept =
        shop.server.sql("postgres", "select datname from pg_database where datname like 'shop_before%'");
    assert_eq!(shop.server.sql(&kept, "select count(*) from items where id >= 101"), "2");
}

#[test]
fn a_migration_that_changed_nothing_asks_for_no_restore() {
    let Some(shop) = failing("verify: list") else { return };
    let before = whole(&shop);
    shop.desk.write(
        "db/002_price.up.sql",
        "alter table items add column price int;\nselect no_such from items;\n",
    );
    let ran = shop.expect(3, &["run", "r.md", "--no-wait"]);
    ran.says("this release applied nothing to shop").never_says("Still needed").says("rolled back");
    assert_eq!(whole(&shop), before);
    assert_eq!(databases(&shop), "shop");
}

#[test]
fn a_no_to_a_restore_leaves_the_migration_and_says_so() {
    let Some(shop) = failing("verify: list") else { return };
    shop.expect(6, &["run", "r.md", "--no-wait"]);
    shop.expect(0, &["decline", "restore/approve", "--as", "ana", "--reason", "we mend it forward"]);
    shop.expect(3, &["resume", "--no-wait"])
        .says("we mend it forward")
        .says("still standing: Migrate the database shop");
    assert_eq!(databases(&shop), "shop");
}

#[test]
fn a_restore_that_fails_in_the_middle_leaves_the_old_database() {
    let Some(shop) = failing("verify: list") else { return };
    shop.server
        .sql("shop", "create role gone; create table theirs (id int); alter table theirs owner to gone");
    shop.expect(6, &["run", "r.md", "--no-wait"]);
    shop.server.sql("shop", "alter table theirs owner to postgres; drop role gone");
    let before = whole(&shop);
    shop.expect(0, &["approve", "restore/approve", "--as", "ana"]);
    shop.expect(6, &["resume", "--no-wait"]).says("role \"gone\" does not exist");
    assert_eq!((whole(&shop), databases(&shop)), (before.clone(), "shop".to_owned()));
    // A backup that was changed is none.
    let file = shop.desk.path("backups").join(backup(&shop));
    let good = std::fs::read(&file).expect("the backup");
    std::fs::write(&file, &good[..good.len() / 2]).expect("a file");
    shop.expect(0, &["answer", "migrate", "retry"]);
    shop.expect(6, &["resume", "--no-wait"]).says("its checksum is another");
    assert_eq!((whole(&shop), databases(&shop)), (before, "shop".to_owned()));
    // With both mended it goes on where it was.
    std::fs::write(&file, good).expect("a file");
    shop.server.sql("shop", "create role gone");
    shop.expect(0, &["answer", "migrate", "retry"]);
    shop.expect(3, &["resume", "--no-wait"]).says("restored: shop is as it was in the backup");
}

/// The only backup in a folder.
fn backup(shop: &Shop) -> String {
    let mut names = std::fs::read_dir(shop.desk.path("backups")).expect("a folder").filter_map(|entry| {
        let name = entry.expect("an entry").file_name().into_string().expect("text");
        (name.ends_with(".dump") || name.ends_with(".age")).then_some(name)
    });
    names.next().expect("a backup")
}

/// An index whose building waits, so that a restore can be met in its middle.
const SLOW: &str = "create function slow(int) returns int immutable language plpgsql as $$ begin perform pg_sleep(1); return $1; end $$; create table slow (id int); insert into slow values (1), (2); create index on slow (slow(id));";

/// A query that ends when a restore is in its middle.
const IN_THE_MIDDLE: &str = "do $$ begin for at in 1..3000 loop perform pg_stat_clear_snapshot(); if exists (select from pg_stat_activity where datname like 'tminus_restore%' and wait_event = 'PgSleep') then return; end if; perform pg_sleep(0.01); end loop; raise exception 'it never came there'; end $$";

#[test]
fn crash_everywhere_in_the_middle_of_a_restore_it_is_made_once() {
    for kill_the_step in [false, true] {
        let Some(shop) = failing("verify: list") else { return };
        shop.server.sql("shop", SLOW);
        let before = whole(&shop);
        shop.expect(6, &["run", "r.md", "--no-wait"]);
        shop.expect(0, &["approve", "restore/approve", "--as", "ana"]);
        let mut child =
            shop.command(&["resume", "--no-wait"]).stdout(Stdio::null()).spawn().expect("it starts");
        shop.server.sql("postgres", IN_THE_MIDDLE);
        child.kill().expect("SIGKILL");
        child.wait().expect("it is gone");
        if kill_the_step {
            shop.desk.kill_step_of("pg_restore");
        }
        shop.expect(3, &["resume", "--no-wait"]);
        assert_eq!(whole(&shop), before, "kill_the_step: {kill_the_step}");
        assert_eq!(databases(&shop), "shop shop_before_RELEASE");
    }
}

#[test]
fn bad_days_of_a_restore_leave_the_old_database() {
    let Some(shop) = failing("verify: restore") else { return };
    shop.server.sql("shop", SLOW);
    let before = whole(&shop);
    shop.expect(6, &["run", "r.md", "--no-wait"]);
    let migrated = whole(&shop);
    shop.expect(0, &["approve", "restore/approve", "--as", "ana"]);
    let child = shop.command(&["resume", "--no-wait"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("it starts");
    shop.server.sql("postgres", IN_THE_MIDDLE);
    shop.server.stop();
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 6, "{}{}", ran.out, ran.err);
    ran.says("its undo `restore` failed");
    shop.server.start_again();
    assert_eq!(whole(&shop), migrated);
    // The counters are gone with the server, so what was told no longer holds: told and asked anew.
    shop.expect(0, &["answer", "migrate", "retry"]);
    shop.expect(6, &["resume", "--no-wait"]).says("more would be lost than was told");
    shop.expect(0, &["answer", "restore/loss", "retry"]);
    shop.expect(6, &["resume", "--no-wait"]).says("By their number at least 0 rows").says("Still needed");
    shop.expect(0, &["approve", "restore/approve", "--as", "ana"]);
    shop.expect(0, &["answer", "migrate", "retry"]);
    shop.expect(3, &["resume", "--no-wait"]).says("restored: shop is as it was in the backup");
    assert_eq!(whole(&shop), before);
    assert_eq!(databases(&shop), "shop shop_before_RELEASE", "what the crash left is removed");
}

#[test]
fn what_cannot_be_known_is_said() {
    let Some(shop) = failing("verify: restore") else { return };
    shop.server.sql("shop", SLOW);
    let before = whole(&shop);
    shop.desk.write("b.md", "---\nrunbook: 1\n---\n# B\n\n## 1. Work\n\n```yaml {#b .backup}\ndb: shop\nto: backups\nverify: restore\n```\n");
    shop.expect(0, &["run", "b.md", "--no-wait"]);
    let file = backup(&shop);
    shop.desk.write("i.md", "---\nrunbook: 1\ninputs: { BACKUP: '.*' }\n---\n# I\n\n## 1. Restore\n\n```yaml {#restore .restore}\ndb: shop\nfile: backups/$BACKUP\nquorum: { dba: 1 }\n```\n");
    let look = |expected: &str| {
        shop.expect(5, &["run", "i.md", "--no-wait", "--set", &format!("BACKUP={file}")]).says(expected);
        shop.expect(0, &["abort", "--reason", "test"]);
    };
    shop.server.sql("shop", "truncate slow");
    look("Since then no row was changed");
    shop.server.sql("shop", "delete from items where id < 3");
    look("public.items: 0 inserted, 0 updated, 2 deleted");
    shop.server.stop();
    shop.server.start_again();
    look(
        "The server was started again, or its counters were set back. By their number at least 4 rows came or went",
    );
    std::fs::remove_file(shop.desk.path("backups").join(format!("{file}.record"))).expect("it is there");
    look("How old the backup is cannot be known");
    shop.server.sql("postgres", "drop database shop");
    look("is not there any more");
    // A database that somebody dropped comes back.
    shop.expect(5, &["run", "i.md", "--no-wait", "--set", &format!("BACKUP={file}")]);
    shop.expect(0, &["approve", "restore/approve", "--as", "ana"]);
    shop.expect(0, &["resume", "--no-wait"]);
    assert_eq!(shop.server.sql("shop", "select count(*) from items"), "100");
    assert_eq!(databases(&shop), "shop");
    assert!(before.contains("CREATE TABLE public.slow"));
    shop.expect(2, &["run", "i.md", "--no-wait"]).says("BACKUP");
}

#[test]
fn two_environments_are_restored_each_to_its_own_backup() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    shop.server.sql("postgres", "create database staging template shop");
    shop.server.sql("staging", "delete from items where id > 50");
    shop.desk.write("tminus.toml", "[environments.staging.databases]\nshop = \"env:STAGING_URL\"\n[environments.production.databases]\nshop = \"env:SHOP_URL\"\n");
    let text = RELEASE
        .replace("VERIFY", "keep: 1")
        .replace("## 1. Ship\n", "## 1. Ship\n\n**Environment**: staging → production\n");
    let text = text.replace("## Rollback\n", "## Rollback\n\n**Environment**: staging → production\n");
    shop.desk.write("r.md", text.replace("test ! -e broken", "test \"$ENVIRONMENT\" = staging"));
    shop.desk.write(
        "db/002_price.up.sql",
        "alter table items add column price int;\nupdate items set price = id;\n",
    );
    let before = (shop.server.dump("shop"), shop.server.dump("staging"));
    let run = |code: i32, arguments: &[&str]| {
        let mut command = shop.command(arguments);
        let ran =
            Ran::of(command.env("STAGING_URL", shop.server.url("staging")).output().expect("it starts"));
        assert_eq!(ran.code, code, "{arguments:?}\n{}{}", ran.out, ran.err);
        ran
    };
    run(6, &["run", "r.md", "--no-wait"]).says("0 inserted, 100 updated").says("database shop of production");
    run(0, &["approve", "restore/approve@production", "--as", "ana"]);
    run(6, &["resume", "--no-wait"]).says("0 inserted, 50 updated").says("database shop of staging");
    run(0, &["approve", "restore/approve@staging", "--as", "ana"]);
    run(3, &["resume", "--no-wait"]).says("rolled back");
    assert_eq!((shop.server.dump("shop"), shop.server.dump("staging")), before);
    // Each keeps its own newest backup.
    let names = std::fs::read_dir(shop.desk.path("backups")).expect("a folder");
    let mut names: Vec<String> =
        names.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
    names.retain(|name| name.ends_with(".dump"));
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].starts_with("shop-production-2") && names[1].starts_with("shop-staging-2"), "{names:?}");
}

#[test]
fn an_owner_who_is_no_superuser_can_restore() {
    let Some(shop) = failing("verify: restore") else { return };
    // Settings of other roles are a superuser's business; the rest an owner may do.
    shop.server.sql("postgres", "alter role app in database shop reset search_path; create role boss login createdb password 'boss-secret'; grant app to boss; alter database shop owner to boss");
    shop.server.sql("shop", "alter table items owner to boss; alter table tminus_migrations owner to boss");
    let url = shop.server.url("shop");
    let (_, place) = url.split_once('@').expect("an address");
    let run = |code: i32, arguments: &[&str]| {
        let mut command = shop.command(arguments);
        command.env("SHOP_URL", format!("postgres://boss:boss-secret@{place}"));
        let ran = Ran::of(command.output().expect("it starts"));
        assert_eq!(ran.code, code, "{arguments:?}\n{}{}", ran.out, ran.err);
        ran
    };
    let before = whole(&shop);
    run(6, &["run", "r.md", "--no-wait"]);
    run(0, &["approve", "restore/approve", "--as", "ana"]);
    // A superuser's session is not his to end: the old database stays, and the reason is told.
    {
        let _session = crate::shop::Session::hold(&shop.server, "select 1;");
        run(6, &["resume", "--no-wait"]).says("must be a superuser to terminate superuser process");
        assert_eq!(databases(&shop), "shop");
    }
    run(0, &["answer", "migrate", "retry"]);
    run(3, &["resume", "--no-wait"]).says("restored: shop is as it was in the backup");
    assert_eq!(whole(&shop), before);
}

#[test]
fn a_restore_in_the_rollback_lane_comes_after_the_undos() {
    for says_yes in [true, false] {
        let Some(shop) = failing("verify: list") else { return };
        let before = shop.server.dump("shop");
        let text = shop
            .desk
            .read("r.md")
            .replace("undo: restore\n", "")
            .replace("{#restore .restore .undo}", "{#restore .restore}");
        shop.desk.write("r.md", text + "\n```bash {#behind}\ntouch behind\n```\n");
        shop.expect(6, &["run", "r.md", "--no-wait"]).says("Still needed: 1 × dba");
        if says_yes {
            shop.expect(0, &["approve", "restore/approve", "--as", "ana"]);
            // Told anew before it began: asked anew.
            shop.server.sql("shop", "delete from items where id = 50");
            shop.expect(0, &["answer", "restore/loss", "retry"]);
            shop.expect(6, &["resume", "--no-wait"]).says("2 deleted").says("Still needed: 1 × dba");
            shop.expect(0, &["approve", "restore/approve", "--as", "ana"]);
            shop.expect(3, &["resume", "--no-wait"]).says("rolled back");
            assert_eq!(shop.server.dump("shop"), before);
        } else {
            shop.expect(0, &["decline", "restore/approve", "--as", "ana", "--reason", "not now"]);
            shop.expect(3, &["resume", "--no-wait"]).says("what stands before it was declined");
            assert_eq!(databases(&shop), "shop");
        }
        assert_eq!(shop.desk.path("behind").exists(), says_yes);
    }
}

#[test]
fn a_block_of_ones_own_is_taken_back_by_a_restore() {
    let Some(shop) = failing("verify: list") else { return };
    let before = whole(&shop);
    let text = shop.desk.read("r.md");
    let (from, to) = (
        text.find("```yaml {#migrate").expect("it is there"),
        text.find("```bash {#smoke").expect("it is there"),
    );
    let own = "**Database**: shop\n\n```bash {#migrate db=shop undo=restore}\npsql -X -q -c 'drop table items'\nfalse\n```\n\n";
    shop.desk.write("r.md", format!("{}{own}{}", &text[..from], &text[to..]));
    shop.expect(6, &["run", "r.md", "--no-wait"]).says("public.items: is gone since, and comes back");
    shop.expect(0, &["approve", "restore/approve", "--as", "ana"]);
    shop.expect(3, &["resume", "--no-wait"]);
    assert_eq!(whole(&shop), before);
}

#[test]
fn an_address_that_is_none_of_postgresql_reaches_no_server() {
    let Some(shop) = failing("verify: list") else { return };
    let before = shop.server.dump("shop");
    for (url, words) in [
        ("mysql://root@127.0.0.1/shop".to_owned(), "is not one of PostgreSQL"),
        (shop.server.url(""), "names no database"),
    ] {
        shop.desk.write("i.md", "---\nrunbook: 1\n---\n# I\n\n## 1. Restore\n\n```yaml {#restore .restore}\ndb: shop\nfile: backups/a.dump\nquorum: { dba: 1 }\n```\n");
        let mut command = shop.command(&["run", "i.md", "--no-wait"]);
        // What tminus was started with would lead somewhere.
        command
            .env("SHOP_URL", url)
            .env("PGDATABASE", "shop")
            .env("PGHOST", "127.0.0.1")
            .env("PGUSER", "postgres");
        let ran = Ran::of(command.output().expect("it starts"));
        assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
        ran.says(words);
        shop.expect(0, &["abort", "--reason", "test"]);
    }
    assert_eq!(shop.server.dump("shop"), before);
}

#[test]
fn a_restore_needs_its_backup_and_a_migration_its_restore() {
    let Some(shop) = failing("verify: list") else { return };
    let text = shop.desk.read("r.md");
    for (old, new, words) in [
        (
            "```yaml {#restore .restore .undo}\ndb: shop\nquorum: { dba: 1 }\n```",
            "Nothing.",
            "no `.restore` of the database shop is on the page",
        ),
        (
            "```yaml {#backup .backup}\ndb: shop\nto: backups/\nverify: list\n```",
            "Nothing.",
            "no `.backup` of the database shop for no environment stands before its `.restore`",
        ),
        ("quorum: { dba: 1 }\n", "", "`.restore` needs `quorum`"),
        ("{ dba: 1 }\n", "{ dba: 1 }\nencrypt: KEY\n", "`encrypt` belongs to `file`"),
        ("{#restore .restore .undo}", "{#restore .restore .check}", "`.restore` changes something"),
    ] {
        assert!(text.contains(old), "{old}");
        shop.desk.write("r.md", text.replace(old, new));
        shop.expect(2, &["plan", "r.md"]).says(words);
    }
}
