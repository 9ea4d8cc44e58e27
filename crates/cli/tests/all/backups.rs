//! Backups: where they go, what they are locked with, which of them stay.

use std::process::{Command, Stdio};

use tminus_testkit::s3::S3;

use crate::shop::{SETTINGS, Session, Shop};
use crate::support::Ran;

/// Makes a key of age; None where age is not installed.
fn key() -> Option<String> {
    let made = Command::new("age-keygen").output();
    let Ok(output) = made else {
        assert!(std::env::var_os("CI").is_none(), "age must be there in CI: cargo xtask testbed up");
        eprintln!("skipped: age is not installed (cargo xtask testbed up)");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).expect("a key").to_owned())
}

fn runbook(keys: &str) -> String {
    format!(
        "---\nrunbook: 1\n---\n# B\n\n## 1. Work\n\n```yaml {{#backup .backup}}\ndb: shop\n{keys}\n```\n\n```bash {{#after .check}}\necho \"at $BACKUP_FILE\"; test ! -e broken\n```\n"
    )
}

fn restoring(to: &str, more: &str) -> String {
    format!(
        "---\nrunbook: 1\ninputs: {{ BACKUP: '.*' }}\n---\n# I\n\n## 1. Restore\n\n```yaml {{#restore .restore}}\ndb: shop\nfile: {to}/$BACKUP\n{more}quorum: {{ dba: 1 }}\n```\n"
    )
}

/// Each copy is of its own moment, and what looks like a copy of this release and is none is left alone.
#[test]
fn two_backups_of_a_release_are_two_files_and_retention_leaves_the_last() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let names = || {
        let folder = std::fs::read_dir(shop.desk.path("backups")).expect("a folder");
        let mut names: Vec<String> =
            folder.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.retain(|name| name.ends_with(".dump"));
        names.sort();
        names
    };
    let second = "```yaml {#after-load .backup}\ndb: shop\nto: backups\nverify: restore\n```";
    let load = "**Database**: shop\n\n```bash {#load db=shop undo=none}\npsql -c \"insert into items values (101, 'late')\"\n```";
    let page = runbook("to: backups\nkeep: 1");
    shop.desk.write("b.md", format!("{page}\n{load}\n\n{second}\n"));
    let ran = shop.expect(0, &["run", "b.md", "--no-wait"]);
    ran.says("restored into a scratch database").never_says("made before the interruption");
    let both = names();
    assert_eq!(both.len(), 2, "{both:?}");
    let rows = |name: &str| {
        shop.server.sql("postgres", "create database look");
        let restored = shop
            .server
            .client("pg_restore", "look")
            .args(["--dbname=look", "--no-owner"])
            .arg(shop.desk.path("backups").join(name))
            .status();
        assert!(restored.expect("pg_restore").success());
        let rows = shop.server.sql("look", "select count(*) from items");
        shop.server.sql("postgres", "drop database look");
        rows
    };
    let is_second = |name: &&String| name.starts_with("shop-after-load-");
    assert_eq!(both.iter().find(is_second).map(|name| rows(name)).as_deref(), Some("101"));
    let first = both.iter().find(|name| !is_second(name)).expect("the first").clone();
    assert_eq!(rows(&first), "100");

    // Only those of its own name are counted, and the last one stays.
    let ran = shop.expect(5, &["run", "b.md", "--no-wait"]);
    ran.says("removed by retention (keep: 1): backups/shop-2").says("duplicate key");
    let left = names();
    assert!(!left.contains(&first) && left.iter().any(|name| is_second(&name)), "{left:?}");
    assert_eq!(left.len(), 2, "{left:?}");
}

/// A dump that cannot be restored is no backup: nothing is kept under its name, and nothing goes on.
#[test]
fn a_backup_that_cannot_be_read_or_restored_is_none() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let kept = || std::fs::read_dir(shop.desk.path("backups")).map_or(0, Iterator::count);
    // What arrives on the disk is not what was sent.
    shop.desk.program("pg_dump", "#!/bin/sh\nPATH=${PATH#*:}\npg_dump \"$@\" || exit\nfor file; do case $file in --file=*) truncate -s 100 \"${file#--file=}\" ;; esac; done\n");
    shop.desk.write("b.md", runbook("to: backups\nverify: list"));
    let ran = shop.expect(5, &["run", "b.md", "--no-wait"]);
    ran.says("what pg_dump wrote cannot be read: this is no backup").never_says("at backups/");
    shop.expect(0, &["abort", "--reason", "test"]);
    assert_eq!(kept(), 0);
    // It can be listed, and its rows break a rule that only holds in the database they come from.
    std::fs::remove_file(shop.desk.path("bin/pg_dump")).expect("it is there");
    let rule = "create table least (n int); insert into least values (1); \
                create function is_fine(id int) returns boolean language plpgsql as $$ begin return id >= coalesce((select n from public.least), 1000); end $$; \
                alter table items add constraint fine check (is_fine(id))";
    shop.server.sql("shop", rule);
    shop.expect(0, &["run", "b.md", "--no-wait"]).says("3 tables with data");
    assert_eq!(kept(), 3, "the copy, its checksum and its record");
    shop.desk.write("b.md", runbook("to: restored\nverify: restore"));
    let ran = shop.expect(5, &["run", "b.md", "--no-wait"]);
    ran.says("violates check constraint").never_says("at restored/");
    assert_eq!(std::fs::read_dir(shop.desk.path("restored")).map_or(0, Iterator::count), 0);
    assert_eq!(
        shop.server.sql("postgres", "select count(*) from pg_database where datname like 'tminus%'"),
        "0"
    );
}

#[test]
fn an_encrypted_backup_is_readable_with_its_key_alone() {
    let (Some(shop), Some(key)) = (Shop::open(), key()) else { return };
    shop.migrate(0);
    shop.desk.write("tminus.toml", format!("{SETTINGS}[secrets]\nBACKUP_KEY = \"env:KEY\"\n"));
    shop.desk.write("b.md", runbook("to: backups\nverify: restore\nencrypt: BACKUP_KEY"));
    shop.desk.write("i.md", restoring("backups", "encrypt: BACKUP_KEY\n"));
    let run = |key: &str, code: i32, arguments: &[&str]| {
        let ran = Ran::of(shop.command(arguments).env("KEY", key).output().expect("it starts"));
        assert_eq!(ran.code, code, "{arguments:?}\n{}{}", ran.out, ran.err);
        ran.never_says("AGE-SECRET-KEY");
        ran
    };
    run("no key at all", 5, &["run", "b.md", "--no-wait"]).says("the secret BACKUP_KEY is no key of age");
    assert_eq!(std::fs::read_dir(shop.desk.path("backups")).map_or(0, Iterator::count), 0);
    run(&key, 0, &["abort", "--reason", "test"]);
    run(&key, 0, &["run", "b.md", "--no-wait"]).says("restored into a scratch database").says(".dump.age: ");
    let name = std::fs::read_dir(shop.desk.path("backups")).expect("a folder").map(|entry| {
        let entry = entry.expect("an entry");
        let bytes = std::fs::read(entry.path()).expect("a file");
        assert!(!bytes.windows(5).any(|found| found == b"PGDMP"), "{entry:?} is not encrypted");
        entry.file_name().into_string().expect("text")
    });
    let name = name.into_iter().find(|name| name.ends_with(".age")).expect("the backup");
    let before = shop.server.dump("shop");
    shop.server.sql("shop", "drop table items");
    let other = self::key().expect("age is there");
    for (key, code) in [(&other, 5), (&key, 0)] {
        run(key, 5, &["run", "i.md", "--no-wait", "--set", &format!("BACKUP={name}")])
            .says("public.items: is gone since, and comes back");
        run(key, 0, &["approve", "restore/approve", "--as", "ana"]);
        let ran = run(key, code, &["resume", "--no-wait"]);
        if code == 5 {
            ran.says("no identity matched");
            run(key, 0, &["abort", "--reason", "test"]);
        }
    }
    assert_eq!(shop.server.dump("shop"), before);
    let left =
        Command::new("find").arg(shop.desk.path(".tminus")).args(["-name", "dump"]).output().expect("find");
    assert!(left.stdout.is_empty(), "nothing readable is left");
}

#[test]
fn backups_go_to_s3_once_and_the_newest_stay() {
    let (Some(shop), Some(store)) = (Shop::open(), S3::start()) else { return };
    shop.migrate(0);
    shop.desk.program("aws", &store.program());
    shop.desk.write("b.md", runbook("to: s3://backups/shop/\nverify: restore\nkeep: 2"));
    shop.desk.write("i.md", restoring("s3://backups/shop", ""));
    let run = |code: i32, arguments: &[&str]| {
        let ran = Ran::of(shop.command(arguments).envs(store.variables()).output().expect("it starts"));
        assert_eq!(ran.code, code, "{arguments:?}\n{}{}", ran.out, ran.err);
        ran
    };
    let names = || store.names().lines().map(str::to_owned).collect::<Vec<_>>();
    // Others' objects beside ours, and old ones of ours.
    let others = ["shop-notes.txt", "shop-20200101-000000.dump.bak", "shopping-20200101-000000.dump"];
    for name in others.into_iter().chain(["shop-20200101-000000.dump", "shop-20200102-000000.dump"]) {
        shop.desk.write(&format!("old/{name}"), "");
    }
    store.fill(&shop.desk.path("old"), "shop/");
    let ran = run(0, &["run", "b.md", "--no-wait"]);
    ran.says("sent, and its checksum there is the one here").says("at s3://backups/shop/shop-2");
    ran.says("removed by retention (keep: 2): s3://backups/shop/shop-20200101-000000.dump");
    let kept = names();
    for there in others.into_iter().chain(["shop-20200102-000000.dump"]) {
        assert!(kept.iter().any(|name| name.strip_prefix("shop/") == Some(there)), "{there} in {kept:?}");
    }
    let is_new = |name: &&String| name.ends_with(".dump") && !name.contains("-20200");
    let mine = kept.iter().find(is_new).and_then(|name| name.strip_prefix("shop/")).expect("this release's");
    assert_eq!(kept.len(), 7, "four, and three of this release: {kept:?}");
    assert_eq!(spool(&shop), Vec::<String>::new(), "the copy here is gone");

    let before = shop.server.dump("shop");
    shop.server.sql("shop", "delete from items where id < 3");
    run(5, &["run", "i.md", "--no-wait", "--set", &format!("BACKUP={mine}")])
        .says("public.items: 0 inserted, 0 updated, 2 deleted");
    run(0, &["approve", "restore/approve", "--as", "ana"]);
    run(0, &["resume", "--no-wait"]);
    assert_eq!(shop.server.dump("shop"), before);
}

/// What lies in the folder from which backups are sent.
fn spool(shop: &Shop) -> Vec<String> {
    let found = Command::new("find").arg(shop.desk.path(".tminus")).args(["-path", "*/backups/*"]).output();
    String::from_utf8_lossy(&found.expect("find").stdout).lines().map(str::to_owned).collect()
}

#[test]
fn an_object_of_somebody_else_is_never_overwritten() {
    let (Some(shop), Some(store)) = (Shop::open(), S3::start()) else { return };
    shop.migrate(0);
    shop.desk.program("real-aws", &store.program());
    // Somebody is faster: another object takes the name before ours arrives.
    shop.desk.program("aws", "#!/bin/bash\nif [ \"$2\" = put-object ] && [ -e \"$HOME/faster\" ]; then\n  rm \"$HOME/faster\"\n  echo theirs > \"$HOME/theirs\"\n  real-aws s3api put-object --bucket backups --key \"$6\" --body \"$HOME/theirs\"\nfi\nexec real-aws \"$@\"\n");
    shop.desk.write("faster", "");
    shop.desk.write("b.md", runbook("to: s3://backups\nverify: list"));
    let mut command = shop.command(&["run", "b.md", "--no-wait"]);
    let ran = Ran::of(command.envs(store.variables()).output().expect("it starts"));
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    ran.says("is not what was made here, and was not overwritten");
    let listed = store.names();
    let back = shop.desk.path("back");
    store.aws(&["get-object", "--bucket", "backups", "--key", listed.trim(), &back.to_string_lossy()]);
    assert_eq!(shop.desk.read("back"), "theirs\n");
}

#[test]
fn crash_everywhere_in_the_middle_of_sending_a_backup_it_is_sent_once() {
    let (Some(shop), Some(store)) = (Shop::open(), S3::start()) else { return };
    shop.migrate(0);
    shop.desk.program("real-aws", &store.program());
    shop.desk.program("aws", "#!/bin/bash\nif [ \"$2\" = put-object ] && [ -e \"$HOME/waits\" ]; then\n  case $6 in $(cat \"$HOME/waits\"))\n    rm \"$HOME/waits\"\n    ps -o pgid= -p $$ > \"$HOME/group\"\n    echo reached > \"$HOME/reached\"\n    read -r _ < \"$HOME/go\" ;;\n  esac\nfi\nexec real-aws \"$@\"\n");
    for (prefix, kill_the_step, waits) in [("goes-on", false, "*.dump"), ("cut-off", true, "*.record")] {
        shop.desk.write("waits", waits);
        shop.desk.write("b.md", runbook(&format!("to: s3://backups/{prefix}\nverify: list")));
        let mut command = shop.command(&["run", "b.md", "--no-wait"]);
        command.envs(store.variables());
        shop.desk.kill_while_waiting(command);
        if kill_the_step {
            shop.desk.kill_step();
        } else {
            shop.desk.let_go();
        }
        let mut resume = shop.command(&["resume", "--no-wait"]);
        let ran = Ran::of(resume.envs(store.variables()).output().expect("it starts"));
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        if kill_the_step {
            ran.says("made before the interruption");
        }
        let of_this =
            ["list-objects-v2", "--bucket", "backups", "--prefix", prefix, "--query", "length(Contents)"];
        assert_eq!(store.aws(&of_this), "3", "the dump, its checksum and its record");
        for pipe in ["reached", "go"] {
            std::fs::remove_file(shop.desk.path(pipe)).expect("it is there");
        }
    }
}

/// The names in the folder of backups, without the release's.
fn folder(shop: &Shop) -> Vec<String> {
    let names = std::fs::read_dir(shop.desk.path("backups")).into_iter().flatten();
    let without = |name: String| {
        let (stem, rest) = name.split_once('-').expect("whose it is, and of which release");
        format!("{stem}{}", &rest[rest.find('.').expect("what it is")..])
    };
    let mut names: Vec<String> = names
        .map(|entry| without(entry.expect("an entry").file_name().into_string().expect("text")))
        .collect();
    names.sort();
    names
}

#[test]
fn crash_everywhere_in_the_middle_of_a_backup_there_is_one_whole_one() {
    for what in ["goes on", "is killed", "loses the server"] {
        let Some(shop) = Shop::open() else { return };
        shop.migrate(0);
        shop.desk.write("b.md", runbook("to: backups\nverify: restore"));
        // pg_dump waits for whoever changes a table.
        let holder = Session::hold(&shop.server, "begin; lock table items;");
        let mut child = shop
            .command(&["run", "b.md", "--no-wait"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        shop.server.sql("shop", "do $$ begin for at in 1..3000 loop perform pg_stat_clear_snapshot(); if exists (select from pg_locks where not granted) then return; end if; perform pg_sleep(0.01); end loop; raise exception 'it never waited'; end $$");
        match what {
            "loses the server" => {
                shop.server.stop();
                assert_eq!(child.wait().expect("it ends").code(), Some(5));
                assert_eq!(folder(&shop), Vec::<String>::new(), "half a backup is none");
                drop(holder);
                shop.server.start_again();
                shop.expect(0, &["answer", "backup", "retry"]);
            }
            _ => {
                child.kill().expect("SIGKILL");
                child.wait().expect("it is gone");
                if what == "is killed" {
                    shop.desk.kill_step_of("pg_dump");
                }
                drop(holder);
            }
        }
        shop.expect(0, &["resume", "--no-wait"]);
        assert_eq!(folder(&shop), ["shop.dump", "shop.dump.record", "shop.dump.sha256"], "{what}");
        let scratch = "select count(*) from pg_database where datname like 'tminus%'";
        assert_eq!(shop.server.sql("postgres", scratch), "0", "{what}");
    }
}
