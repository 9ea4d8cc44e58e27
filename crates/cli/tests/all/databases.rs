//! Queries, copies and migrations on a real PostgreSQL.

use std::process::{Command, Stdio};

use crate::shop::{MIGRATE, SETTINGS, Session, Shop};
use crate::support::{Desk, Ran, STOPS, runbook};

const RELEASE: &str = r#"
```yaml {#backup .backup}
db: shop
to: backups/
verify: restore
keep: 2
```

```yaml {#migrate .migrate}
db: shop
apply: db/*.up.sql
undo: db/*.down.sql
```

**Database**: shop

```sql {#no-orphans .check}
select count(*) = 0 from items where price < :'LEAST'::int
```

```bash {#smoke .check db=shop}
test "$(psql -At -c 'select count(*) from items')" = 100
test ! -e broken
```
"#;

fn release() -> String {
    format!(
        "---\nrunbook: 1\non_failure: rollback\ninputs: {{ LEAST: '\\d+' }}\n---\n# Shop\n\n## 1. Ship\n{RELEASE}"
    )
}

#[test]
fn pain_01_a_rollback_brings_the_database_back_with_the_release() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let before = shop.server.dump("shop");
    shop.desk.write("db/002_price.up.sql", "alter table items add column price int not null default 3;\n");
    shop.desk.write("db/002_price.down.sql", "alter table items drop column price;\n");
    shop.desk.write("db/003_views.up.sql", "create view cheap as select * from items where price < 5;\n");
    shop.desk.write("db/003_views.down.sql", "drop view cheap;\n");
    shop.desk.write("r.md", release());
    shop.desk.write("broken", "");
    let ran = shop.expect(3, &["run", "r.md", "--no-wait", "--set", "LEAST=1"]);
    ran.says("rolled back")
        .says("undo of Migrate the database shop")
        .says("undo 003_views.up.sql by")
        .never_says("item 1");
    assert_eq!(shop.server.dump("shop"), before, "every byte as before");

    std::fs::remove_file(shop.desk.path("broken")).expect("it is there");
    shop.expect(0, &["run", "r.md", "--no-wait", "--set", "LEAST=1"])
        .says("restored into a scratch database");
    assert_eq!(shop.names(), "001_items 002_price 003_views");
    assert_eq!(
        shop.server.sql("postgres", "select count(*) from pg_database where datname like 'tminus%'"),
        "0"
    );
    let kept = std::fs::read_dir(shop.desk.path("backups")).expect("a folder").count();
    assert_eq!(kept, 6, "two copies, their checksums and their records");
}

#[test]
fn migrations_that_cannot_be_trusted_change_nothing() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let before = shop.server.dump("shop");
    for (what, name, sql, words) in [
        (
            "fails half-way",
            "002_half.up.sql",
            "create table half (id int);\nselect no_such_column from items;\n",
            &["no_such_column", "002_half.up.sql:2"][..],
        ),
        (
            "own transaction",
            "002_own.up.sql",
            "create table own (id int);\ncommit;\n",
            &["line 2: commit", "no-transaction"],
        ),
        (
            "ends it behind a statement",
            "002_own.up.sql",
            "create table own (id int); COMMIT ;\nselect no_such_column from items;\n",
            &["line 1: commit"],
        ),
        ("END is COMMIT", "002_own.up.sql", "create table own (id int);\nend;\n", &["line 2: end"]),
        (
            "leaves the database behind a statement",
            "002_out.up.sql",
            "create table own (id int); \\connect postgres\ncreate table out (id int);\n",
            &["leaves this database", "line 1: \\connect"],
        ),
        (
            "leaves the database",
            "002_out.up.sql",
            "\\connect postgres\ncreate table out (id int);\n",
            &["leaves this database", "line 1"],
        ),
        (
            "too early",
            "000_late.up.sql",
            "select 1;\n",
            &["000_late.up.sql comes before 001_items.up.sql", "out_of_order"],
        ),
        ("a name with a space", "002 items.up.sql", "select 1;\n", &["characters other than"]),
    ] {
        let file = format!("db/{name}");
        shop.desk.write(&file, sql);
        let ran = shop.migrate(5);
        for words in words {
            ran.says(words);
        }
        assert_eq!(shop.server.dump("shop"), before, "{what}");
        std::fs::remove_file(shop.desk.path(&file)).expect("it is there");
    }
    // A file that was applied and is edited afterwards.
    let text = shop.desk.read("db/001_items.up.sql");
    shop.desk.write("db/001_items.up.sql", format!("{text}-- one more byte\n"));
    shop.migrate(5).says("001_items.up.sql was changed after it was applied");
    shop.desk.write("db/001_items.up.sql", text);
    shop.migrate(0).says("nothing is pending");
    // A database that is away.
    shop.server.stop();
    shop.migrate(5).says("Connection refused").says("127.0.0.1");
    shop.server.start_again();
    shop.migrate(0);
}

/// What only looks like an end is none; an end that only shows when it runs is one, and is told.
#[test]
fn what_ends_a_transaction_is_told_from_what_looks_like_it() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let sql = "-- commit;\n/* end; /* rollback; */ */\ncreate table log (line text, \"commit;\" text);\n\
        create function f() returns int language plpgsql as $f$ begin perform 1; return 2; end; $f$;\n\
        create function g() returns int language sql begin atomic select 1; select 2; end;\n\
        insert into log values ('it''s; commit;', E'\\'; commit;');\ncopy log from stdin;\ncommit;\tend;\n\\.\n\
        savepoint a;\nrollback to savepoint a;\ninsert into log values ('last', '');\n";
    shop.desk.write("db/002_log.up.sql", sql);
    shop.migrate(0);
    assert_eq!(shop.server.sql("shop", "select count(*) from log"), "3");

    shop.desk.write("db/more/end.sql", "commit;\n");
    shop.desk.write("db/003_far.up.sql", "create table far (id int);\n\\ir more/end.sql\n");
    shop.migrate(5).says("the file ended its transaction or changed the database: what it did before stays");
    shop.migrate(5).says("003_far.up.sql was begun outside a transaction, or ended its own");
}

#[test]
fn a_migration_that_would_lock_others_out_gives_up_in_time() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    shop.desk.write("db/002_price.up.sql", "alter table items add column price int;\n");
    {
        let _reader = Session::hold(&shop.server, "begin; select count(*) from items;");
        shop.migrate(5).says("why    exited with 3: psql:db/002_price.up.sql:1: ERROR: canceling statement due to lock timeout");
        assert_eq!(shop.names(), "001_items");
    }
    {
        let _other =
            Session::hold(&shop.server, "select pg_advisory_lock(hashtextextended('tminus_migrations', 0));");
        shop.migrate(5).says("another migration is running on this database");
    }
    // A statement that takes too long is ended, and leaves nothing.
    let patient = MIGRATE.replace("lock_timeout: 1s", "statement_timeout: 300ms");
    shop.desk.write("slow.md", runbook(&patient));
    shop.desk.write("db/002_price.up.sql", "alter table items add column price int;\nselect pg_sleep(60);\n");
    shop.expect(5, &["run", "slow.md", "--no-wait"]).says("canceling statement due to statement timeout");
    shop.expect(0, &["abort", "--reason", "test"]);
    assert_eq!(shop.names(), "001_items");
    shop.desk.write("db/002_price.up.sql", "alter table items add column price int;\n");

    // Nor does one go back while another goes forward.
    shop.desk.write("db/002_price.down.sql", "alter table items drop column price;\n");
    shop.desk.write("r.md", runbook(&format!("{MIGRATE}\n\n- [ ] It is fast {{#fast}}")));
    shop.expect(5, &["run", "r.md", "--no-wait"]);
    assert_eq!(shop.names(), "001_items 002_price");
    let told = "select count(*) from tminus_migrations where applied_by = 'postgres' and finished_at >= started_at \
                and started_at > now() - interval '1 hour' and checksum ~ '^[0-9a-f]{64}$'";
    assert_eq!(shop.server.sql("shop", told), "2", "who, from when to when, and which bytes");
    {
        let _other =
            Session::hold(&shop.server, "select pg_advisory_lock(hashtextextended('tminus_migrations', 0));");
        let ran = shop.expect(6, &["rollback", "--no-wait", "--reason", "it is slow"]);
        ran.says("another migration is running on this database").says("tminus answer m retry");
        assert_eq!(shop.names(), "001_items 002_price");
    }
    shop.expect(0, &["answer", "m", "retry"]);
    shop.expect(3, &["resume", "--no-wait"]);
    assert_eq!(shop.names(), "001_items");
}

#[test]
fn a_migration_outside_a_transaction_is_marked_and_never_guessed() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    shop.desk.write(
        "db/002_index.up.sql",
        "-- tminus: no-transaction\ncreate unique index concurrently by_name on items (name);\n",
    );
    shop.desk.write("db/002_index.down.sql", "-- tminus: no-transaction\ndrop index concurrently by_name;\n");
    shop.server.sql("shop", "insert into items values (101, 'item 1')");
    shop.migrate(5).says("could not create unique index");
    shop.migrate(5).says("nothing says how it ended").says("update public.tminus_migrations").says("INVALID");
    shop.server.sql("shop", "delete from items where id = 101; drop index by_name; delete from tminus_migrations where name = '002_index.up.sql'");
    shop.migrate(0);
    assert_eq!(
        shop.server.sql("shop", "select indisvalid from pg_index where indexrelid = 'by_name'::regclass"),
        "t"
    );
}

/// One query that ends when a migration waits: the server itself looks, and it looks often.
const WAITS: &str = "do $$ begin for at in 1..3000 loop perform pg_stat_clear_snapshot(); if exists (select from pg_locks where locktype = 'advisory' and not granted) then return; end if; perform pg_sleep(0.01); end loop; raise exception 'it never waited'; end $$";

#[test]
fn crash_everywhere_in_the_middle_of_a_migration_it_is_applied_once() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    // Waits for the test's session in the middle of the file; without the limit that other tests have.
    shop.desk.write("db/002_twice.up.sql", "insert into items values (101, 'once');\nselect pg_advisory_xact_lock(7);\ninsert into items values (102, 'once');\n");
    shop.desk.write(
        "m.md",
        runbook("```yaml {#m .migrate}\ndb: shop\napply: db/*.up.sql\nlock_timeout: 10m\n```"),
    );
    for kill_the_step in [false, true] {
        let holder = Session::hold(&shop.server, "select pg_advisory_lock(7);");
        let mut child =
            shop.command(&["run", "m.md", "--no-wait"]).stdout(Stdio::null()).spawn().expect("it starts");
        shop.server.sql("shop", WAITS);
        child.kill().expect("SIGKILL");
        child.wait().expect("it is gone");
        if kill_the_step {
            shop.server.sql(
                "shop",
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted",
            );
        }
        drop(holder);
        shop.expect(if kill_the_step { 5 } else { 0 }, &["resume", "--no-wait"]);
        if kill_the_step {
            shop.expect(0, &["answer", "m", "retry"]);
            shop.expect(0, &["resume", "--no-wait"]);
        }
        assert_eq!(shop.server.sql("shop", "select count(*) from items where name = 'once'"), "2");
        assert_eq!(shop.server.sql("shop", "select count(*) from tminus_migrations"), "2");
        shop.server.sql(
            "shop",
            "delete from items where id > 100; delete from tminus_migrations where name = '002_twice.up.sql'",
        );
    }
}

/// Stops behind the file that is applied: the server has it, and nobody has heard of it.
fn psql_that_stops() -> String {
    format!("#!/bin/sh\nPATH=${{PATH#*:}}\npsql \"$@\" || exit\ncase \"$*\" in *STOPS*) {STOPS} ;; esac\n")
}

#[test]
fn crash_everywhere_a_migration_that_is_cut_off_is_found_in_the_ledger() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    shop.desk.write("db/002_once.up.sql", "insert into items values (101, 'once');\nselect pg_advisory_xact_lock(7);\ninsert into items values (102, 'once');\n");
    shop.desk.write("db/002_once.down.sql", "delete from items where name = 'once';\n");
    let before = shop.server.dump("shop");
    let once = || shop.server.sql("shop", "select count(*) from items where name = 'once'");
    let text = "```yaml {#m .migrate}\ndb: shop\napply: db/*.up.sql\nundo: db/*.down.sql\nlock_timeout: 10m\n```\n\n```bash {#smoke .check}\n./smoke\n```";
    shop.desk.write("m.md", runbook(text).replace("runbook: 1", "runbook: 1\non_failure: rollback"));
    shop.desk.program("../smoke", "#!/bin/sh\nexit 1\n");

    // In the middle of the file. The server does not know yet that nobody waits for it.
    let holder = Session::hold(&shop.server, "select pg_advisory_lock(7);");
    let mut command = shop.command(&["run", "m.md", "--no-wait"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    shop.server.sql("shop", WAITS);
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
    shop.desk.kill_step_of("psql");
    shop.expect(3, &["resume", "--no-wait"])
        .says("another migration is running on this database")
        .says("this release applied nothing to this database");
    drop(holder);
    shop.server.sql("shop", "do $$ begin for at in 1..3000 loop perform pg_stat_clear_snapshot(); if not exists (select from pg_stat_activity where application_name like 'tminus %') then return; end if; perform pg_sleep(0.01); end loop; raise exception 'it never ended'; end $$");
    assert_eq!(shop.server.dump("shop"), before, "half a file is none");

    // When it is all there, and the step has not heard of it.
    shop.desk.program("psql", &psql_that_stops().replace("STOPS", "002_once.up.sql"));
    shop.desk.cut_power(shop.command(&["run", "m.md", "--no-wait", "--again"]));
    assert_eq!((once(), shop.names()), ("2".to_owned(), "001_items 002_once".to_owned()));
    // It counts as this release's own, so it is taken back with it.
    shop.expect(3, &["resume", "--no-wait"])
        .says("nothing is pending: 2 applied, 1 of them by this release")
        .says("undo 002_once.up.sql");
    assert_eq!(shop.server.dump("shop"), before);
}

#[test]
fn crash_everywhere_a_statement_that_is_cut_off_is_a_question_and_is_not_sent_again() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    shop.desk.write(
        "q.md",
        runbook(
            "**Database**: shop\n\n```sql {#add undo=none}\ninsert into items values (101, 'once');\n```",
        ),
    );
    let count = || shop.server.sql("shop", "select count(*) from items");
    shop.desk.program("psql", &psql_that_stops().replace("*STOPS*", "*"));
    for (answer, code, rows) in [("done", 0, "101"), ("retry", 5, "101")] {
        shop.server.sql("shop", "delete from items where id > 100");
        shop.desk.cut_power(shop.command(&["run", "q.md", "--no-wait"]));
        let ran = shop.expect(6, &["resume", "--no-wait"]);
        ran.says("nobody knows whether attempt 1 took effect").says("tminus answer add done");
        assert_eq!(count(), "101", "it is not sent again");
        shop.expect(0, &["answer", "add", answer]);
        let ran = shop.expect(code, &["resume", "--no-wait"]);
        if code != 0 {
            ran.says("duplicate key");
        }
        assert_eq!(count(), rows);
    }
}

#[test]
fn queries_are_checks_that_cannot_change_anything() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    for (code, attributes, sql, words) in [
        (0, ".check", "select count(*) = 100 from items;", ""),
        (5, ".check", "select count(*) from items where id < 3;", "one row with the one value true"),
        (0, ".check match='^(9|100)$'", "select count(*) from items;", "100"),
        (5, ".check match='^9$'", "select count(*) from items;", "a line that matches ^9$"),
        (5, ".check", "delete from items returning true;", "read-only transaction"),
        (5, ".check", "select no_such from items;", "no_such"),
        (5, "undo=none", "delete from items;\nselect no_such from items;", "no_such"),
        (0, "undo=none", "update items set name = :'WHO' where id = 1;", "UPDATE 1"),
    ] {
        let body = format!("**Database**: shop\n\n```sql {{#q {attributes}}}\n{sql}\n```");
        shop.desk.write(
            "q.md",
            format!("---\nrunbook: 1\ninputs: {{ WHO: '.*' }}\n---\n# Q\n\n## 1. Work\n\n{body}\n"),
        );
        shop.expect(code, &["run", "q.md", "--no-wait", "--set", "WHO=O'Hara $(date)"]).says(words);
        if code != 0 {
            shop.expect(0, &["abort", "--reason", "test"]);
        }
    }
    assert_eq!(
        shop.server.sql("shop", "select count(*), min(name) from items where id = 1"),
        "1|O'Hara $(date)"
    );
}

#[test]
fn migrations_are_tried_in_another_environments_database_first() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    shop.server.sql("postgres", "create database rehearsal template shop");
    shop.desk.write("tminus.toml", format!("{SETTINGS}[environments.staging.databases]\nshop = \"env:STAGING_URL\"\n[environments.production]\nurl = \"http://127.0.0.1\"\n"));
    shop.desk.write("r.md", "---\nrunbook: 1\n---\n# R\n\n## 1. Ship\n\n**Environment**: production\n\n```yaml {#m .migrate}\ndb: shop\napply: db/*.up.sql\nundo: none\ndry_run_on: staging\n```\n");
    let before = (shop.server.dump("shop"), shop.server.dump("rehearsal"));
    let release = |code| {
        let mut command = shop.command(&["run", "r.md", "--no-wait"]);
        let ran =
            Ran::of(command.env("STAGING_URL", shop.server.url("rehearsal")).output().expect("it starts"));
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        ran
    };
    shop.desk
        .write("db/002_bad.up.sql", "alter table items add column price int;\nselect no_such from items;\n");
    release(5).says("002_bad.up.sql:2");
    assert_eq!((shop.server.dump("shop"), shop.server.dump("rehearsal")), before);
    shop.expect(0, &["abort", "--reason", "test"]);
    shop.desk.write("db/002_bad.up.sql", "alter table items add column price int;\n");
    release(0).says("tried and taken back: 1 of 1 pending files");
    assert_eq!(shop.server.dump("rehearsal"), before.1);
    assert_eq!(shop.names(), "001_items 002_bad");
}

#[test]
fn the_scripts_of_recipes_are_clean_by_shellcheck() {
    if Command::new("shellcheck").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "shellcheck must be there in CI");
        eprintln!("skipped: shellcheck is not installed (cargo xtask testbed up)");
        return;
    }
    let desk = Desk::new();
    desk.write(
        "tminus.toml",
        "[databases]\nshop = \"env:A\"\n[environments.staging.databases]\nshop = \"env:B\"\n[secrets]\nKEY = \"env:C\"\n",
    );
    let look = "```yaml {#look .migrate .check}\ndb: shop\napply: db/*.sql\n```";
    let tried = RELEASE.replace("undo: db/*.down.sql", "undo: db/*.down.sql\ndry_run_on: staging");
    let cluster = "[environments.production.kubernetes]\ncontext = \"a\"\nnamespace = \"b\"\n";
    desk.write("tminus.toml", desk.read("tminus.toml") + cluster);
    let kubernetes = "\n## 2. Cluster\n\n**Environment**: production\n\n```yaml {#k .deploy}\ntarget: kubernetes\napply: k8s/\nservices: [web]\nset: { web: { web: 'a:1' } }\n```\n\n```yaml {#b .deploy}\ntarget: kubernetes\nstrategy: blue-green\nservice: web\nblue_green: [a, b]\nset: { web: 'a:1' }\n```\n\n```yaml {#j .job}\nfile: j.yaml\n```\n";
    let deploy = "```yaml {#d .deploy}\ntarget: compose\nservices: [web]\nenv_file: .env\nset: { A: b }\nhealthy: ':80/x'\n```";
    let flags = "```yaml {#f .flag}\nflag: a\nto: on\nprovider: flagd\nfile: f.json\n```\n```yaml {#g .flag}\nflag: a\nto: on\nprovider: command\nget: a\nset: b\n```\n```yaml {#h .deploy}\ntarget: static\nfrom: a\nto: b\n```\n```yaml {#c .backup}\ndb: shop\nto: s3://a/b\nencrypt: KEY\n```\n```yaml {#t .migrate}\ndb: shop\ntool: supabase\nintegrity: { a: select 1 }\n```\n```yaml {#u .migrate}\ndb: shop\ntool: prisma\n```\n```yaml {#v .migrate .check}\ndb: shop\ntool: command\napply: a/*\nrun: b\nhistory: c\n```\n```yaml {#w .gate}\ndb: shop\nrls: [public]\npgtap: t/*.sql\n```\n```yaml {#e .restore}\ndb: shop\nfile: s3://a/b/c.dump\nquorum: { dba: 1 }\n```\n```yaml {#i .gate}\ngit: clean\nenv_keys: { example: a, file: b }\n```\n```yaml {#n .workflow}\nrepo: a/b\nworkflow: c.yml\nref: main\ninputs: { x: 'it''s' }\nundo: { ref: d }\ntoken: KEY\n```\n```yaml {#o .workflow}\nprovider: gitlab\nrepo: a/b\nref: main\nundo: { ref: d }\ntoken: KEY\n```\n```yaml {#p .tag}\ntag: v1\n```\n```yaml {#q .image}\ntags: a/b:1\n```";
    desk.write(
        "r.md",
        release().replace(RELEASE, &format!("{look}\n{tried}\n{deploy}\n{flags}")) + kubernetes,
    );
    let plan = desk.expect(0, &["plan", "r.md", "--json", "--set", "LEAST=1"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.out).expect("JSON");
    let mut scripts = Vec::new();
    let mut left = vec![&plan];
    while let Some(value) = left.pop() {
        match value {
            serde_json::Value::Object(map) => {
                scripts.extend(map.get("command").and_then(|script| script.as_str()));
                left.extend(map.values());
            }
            serde_json::Value::Array(list) => left.extend(list),
            _ => {}
        }
    }
    assert!(scripts.len() >= 28, "{}", scripts.len());
    for (at, script) in scripts.iter().enumerate() {
        let path = desk.write(&format!("{at}.sh"), script);
        // Values of the document stand at the head; a script need not use each of them. The dollars in
        // single quotes are those of kubectl's templates.
        let mut command = Command::new("shellcheck");
        command.args(["--shell=bash", "--severity=info", "--exclude=SC2034,SC2154,SC2016"]).arg(path);
        let output = command.output().expect("it was there");
        assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stdout));
    }
}
