//! Migrations by other people's tools, with questions around them, and checks of what they left.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tminus_testkit::folder::testbed;

use crate::shop::{Session, Shop};
use crate::support::{Ran, STOPS, runbook};

/// Prisma's and Supabase's own programs; None where they are not installed.
pub(crate) fn node() -> Option<PathBuf> {
    let folder = testbed("node");
    if folder.join("complete").exists() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "prisma must be there in CI: cargo xtask testbed up");
    eprintln!("skipped: prisma and supabase are not installed (cargo xtask testbed up)");
    None
}

const PRISMA: &str = "```yaml {#m .migrate}\ndb: shop\ntool: prisma\nundo: keep\n```";

/// A shop whose schema Prisma keeps.
pub(crate) fn prisma() -> Option<Shop> {
    let (shop, node) = (Shop::open()?, node()?);
    std::os::unix::fs::symlink(node.join("node_modules"), shop.desk.path("node_modules")).expect("a link");
    shop.desk.write("package.json", "{ \"private\": true }");
    shop.desk.write(
        "prisma/schema.prisma",
        "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n",
    );
    shop.desk.write("prisma/migrations/migration_lock.toml", "provider = \"postgresql\"\n");
    shop.desk.write("prisma.config.ts", "import { defineConfig } from \"prisma/config\";\nimport { PrismaPg } from \"@prisma/adapter-pg\";\nexport default defineConfig({ experimental: { adapter: true }, engine: \"js\", schema: \"prisma/schema.prisma\", adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL }) } as any);\n");
    shop.desk.write("m.md", runbook(PRISMA));
    Some(shop)
}

pub(crate) fn prisma_command(shop: &Shop, words: &[&str]) -> Command {
    let engine = testbed("node/no-engine");
    let mut command = shop.command(words);
    command.env("CHECKPOINT_DISABLE", "1").env("PRISMA_HIDE_UPDATE_MESSAGE", "1");
    command.env("PRISMA_QUERY_ENGINE_LIBRARY", &engine).env("PRISMA_SCHEMA_ENGINE_BINARY", &engine);
    command
}

pub(crate) fn by_prisma(shop: &Shop, code: i32) -> Ran {
    let output = prisma_command(shop, &["run", "m.md", "--no-wait"]).output();
    let ran = Ran::of(output.expect("it starts"));
    assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    ran.never_says(tminus_testkit::postgres::PASSWORD);
    if code != 0 {
        shop.expect(0, &["abort", "--reason", "test"]);
    }
    ran
}

#[test]
fn prisma_migrates_and_its_history_is_what_counts() {
    let Some(shop) = prisma() else { return };
    by_prisma(&shop, 5).says("no file matches prisma/migrations/*/migration.sql");
    let first = "prisma/migrations/20240101000000_a/migration.sql";
    shop.desk.write(first, "create table a (id int);\n");
    by_prisma(&shop, 0).says("applied: prisma/migrations/20240101000000_a").says("1 applied now");
    by_prisma(&shop, 0).says("nothing is pending: 1 in the history").never_says("migrations found in");
    // One that was edited afterwards.
    shop.desk.write(first, "create table a (id bigint);\n");
    by_prisma(&shop, 5).says("20240101000000_a/migration.sql was changed after it was applied");
    shop.desk.write(first, "create table a (id int);\n");
    // One that fails half-way stays in the history as begun, and the next run asks clearly.
    let second = "prisma/migrations/20240102000000_b/migration.sql";
    shop.desk.write(second, "create table b (id int);\nselect nope from b;\n");
    by_prisma(&shop, 5).says("prisma ended with 1, and 0 of 1 pending migrations are in its history");
    let ran = by_prisma(&shop, 5);
    ran.says("20240102000000_b was begun and not finished")
        .says("migrate resolve --rolled-back 20240102000000_b");
    shop.server.sql(
        "shop",
        "drop table b; update _prisma_migrations set rolled_back_at = now() where finished_at is null",
    );
    shop.desk.write(second, "create table b (id int);\n");
    by_prisma(&shop, 0).says("applied: prisma/migrations/20240102000000_b");
    // A tool that says that all went well, and did nothing.
    shop.desk.write("prisma/migrations/20240103000000_c/migration.sql", "create table c (id int);\n");
    shop.desk.write(
        "m.md",
        runbook(&PRISMA.replace("undo:", "run: echo All migrations have been successfully applied.\nundo:")),
    );
    by_prisma(&shop, 5)
        .says("prisma reported success, and its history does not have: prisma/migrations/20240103000000_c");
    shop.desk.write("m.md", runbook(&PRISMA.replace(".migrate}", ".migrate .check}")));
    by_prisma(&shop, 0).says("2 in the history, 1 pending");
}

#[test]
fn supabase_migrates_and_its_history_is_what_counts() {
    let (Some(shop), Some(node)) = (Shop::open(), node()) else { return };
    shop.desk.program("supabase", &format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >> \"$HOME/calls\"\nexec '{}/node_modules/.bin/supabase' \"$@\"\n", node.display()));
    shop.desk.write("supabase/migrations/20240101000000_a.sql", "create table a (id int);\n");
    shop.desk.write("m.md", runbook("```yaml {#m .migrate}\ndb: shop\ntool: supabase\nundo: none\n```"));
    shop.expect(0, &["run", "m.md", "--no-wait"]).says("applied: supabase/migrations/20240101000000_a.sql");
    assert!(!shop.desk.read("calls").contains("s3cret"), "the password is on no command line");
    shop.expect(0, &["run", "m.md", "--no-wait"]).says("nothing is pending");
    assert_eq!(shop.desk.calls().len(), 1, "with nothing pending it is not called");
    let before = shop.server.dump("shop");
    shop.desk
        .write("supabase/migrations/20240102000000_b.sql", "create table b (id int);\nselect nope from b;\n");
    shop.expect(5, &["run", "m.md", "--no-wait"])
        .says("supabase ended with 1, and 0 of 1 pending")
        .says("not there: supabase/migrations/20240102000000_b.sql");
    assert_eq!(shop.server.dump("shop"), before);
}

/// A tool of a team's own: it applies files in a way, and writes down their numbers.
const OWN: &str = "#!/bin/bash\nset -e\npsql -q -c 'create table if not exists versions (version text primary key)'\nfor file in db/*.rb; do\n  number=${file##*/} number=${number%%_*}\n  case $(psql -At -c \"select count(*) from versions where version = '$number'\") in 0) ;; *) continue ;; esac\n  if [ -e waits ]; then rm waits; ps -o pgid= -p $$ > group; echo reached > reached; read -r _ < go; fi\n  psql -q --single-transaction -v ON_ERROR_STOP=1 -f \"$file\" -c \"insert into versions values ('$number')\"\ndone\necho done\n";

const COMMAND: &str = "```yaml {#m .migrate}\ndb: shop\ntool: command\napply: db/*.rb\nrun: own-migrate\nhistory: select version from versions\nundo: none\n```";

#[test]
fn a_tool_of_ones_own_is_believed_by_its_history() {
    let Some(shop) = Shop::open() else { return };
    shop.desk.program("own-migrate", OWN);
    shop.desk.write("db/001_a.rb", "create table a (id int);\n");
    shop.desk.write("m.md", runbook(COMMAND));
    shop.expect(0, &["run", "m.md", "--no-wait"]).says("applied: db/001_a.rb");
    shop.expect(0, &["run", "m.md", "--no-wait"]).says("nothing is pending: 1 in the history");
    shop.desk.write("db/002_b.rb", "create table b (id int);\n");
    for (history, run, words) in [
        ("select version from no_such", "own-migrate", "cannot be answered"),
        ("select nope from versions", "own-migrate", "cannot be answered"),
        ("delete from versions returning version", "own-migrate", "cannot be answered"),
        (
            "select version from versions",
            "echo done",
            "reported success, and its history does not have: db/002_b.rb",
        ),
        (
            "select version from versions",
            "psql -X -q -f db/003_no_such.rb || echo fine",
            "reported success, and its history does not have: db/002_b.rb",
        ),
        ("select version from versions", "own-migrate; exit 3", "ended with 3, and 1 of 1 pending"),
    ] {
        shop.desk.write(
            "m.md",
            runbook(&COMMAND.replace("select version from versions", history).replace("own-migrate", run)),
        );
        shop.expect(5, &["run", "m.md", "--no-wait"]).says(words);
        shop.expect(0, &["abort", "--reason", "test"]);
        shop.server.sql("shop", "drop table if exists b; delete from versions where version = '002'");
    }
    for (old, new, words) in [
        ("apply: db/*.rb\n", "", "`.migrate` needs `apply`"),
        ("run: own-migrate\n", "", "`.migrate` needs `run`"),
        ("history: select version from versions\n", "", "`.migrate` needs `history`"),
        ("undo: none", "undo: db/*.down.rb", "taken back by `restore`"),
        ("undo: none", "lock_timeout: 1s", "`lock_timeout` belongs to `tool: sql`"),
        ("tool: command\n", "", "`run` belongs to a tool of your own"),
        ("tool: command\n", "tool: flyway\n", "none of `sql`, `prisma`, `supabase` and `command`"),
    ] {
        shop.desk.write("m.md", runbook(&COMMAND.replace(old, new)));
        shop.expect(1, &["check", "m.md"]).says(words);
    }
}

#[test]
fn crash_everywhere_in_the_middle_of_a_tool_nothing_is_applied_twice() {
    let Some(shop) = Shop::open() else { return };
    shop.desk.program("own-migrate", OWN);
    for (at, kill_the_step) in [(1, false), (2, true)] {
        shop.desk.write(&format!("db/00{at}_a.rb"), format!("create table a{at} (id int);\n"));
        shop.desk.write("waits", "");
        shop.desk.write("m.md", runbook(COMMAND));
        shop.desk.kill_while_waiting(shop.command(&["run", "m.md", "--no-wait"]));
        if kill_the_step {
            shop.desk.kill_step();
        } else {
            shop.desk.let_go();
        }
        shop.expect(0, &["resume", "--no-wait"]);
        assert_eq!(
            shop.server.sql("shop", "select count(*), max(version) from versions"),
            format!("{at}|00{at}")
        );
        for pipe in ["reached", "go"] {
            std::fs::remove_file(shop.desk.path(pipe)).expect("it is there");
        }
    }
}

#[test]
fn questions_around_a_migration_have_the_answers_that_they_must() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    shop.desk.write("db/001_items.down.sql", "select 1;\n");
    let body = |rules: &str| {
        format!(
            "---\nrunbook: 1\non_failure: rollback\n---\n# Test\n\n## 1. Work\n\n```yaml {{#m .migrate}}\ndb: shop\napply: db/*.up.sql\nundo: db/*.down.sql\nintegrity:\n{rules}\n```\n"
        )
    };
    let before = shop.server.dump("shop");
    shop.desk.write(
        "db/002_less.up.sql",
        "delete from items where id > 90;\nalter table items add column price int;\n",
    );
    shop.desk.write("db/002_less.down.sql", "alter table items drop column price;\ninsert into items select n, 'item ' || n from generate_series(91, 100) n;\n");
    for (rules, code, words) in [
        ("  items: select count(*) from items", 3, "items (same): was 100, is 90"),
        ("  items: { query: select count(*) from items, rule: grows }", 3, "items (grows): was 100, is 90"),
        (
            "  orphans: { query: select count(*) from items where name is null, rule: 1 }",
            3,
            "must be 1, and is 0 already before the migration; nothing was changed",
        ),
        ("  items: { query: delete from items returning 1, rule: grows }", 3, "read-only transaction"),
        (
            "  a: { query: select count(*) from items, rule: shrinks }\n  b: { query: 'select count(*) from items where name is null', rule: 0 }\n  c: select min(id) from items",
            0,
            "after: c: 1",
        ),
    ] {
        shop.desk.write("m.md", body(rules));
        shop.expect(code, &["run", "m.md", "--no-wait"]).says(words);
        if code == 3 {
            assert_eq!(shop.server.dump("shop").len(), before.len(), "{rules}");
            assert_eq!(
                shop.server.sql("shop", "select count(*), min(name), max(id) from items"),
                "100|item 1|100"
            );
        }
    }
    assert_eq!(shop.names(), "001_items 002_less");
}

#[test]
fn gates_look_at_row_level_security_and_run_pgtap() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let gate = |keys: &str, code: i32, words: &str| {
        shop.desk.write("g.md", runbook(&format!("```yaml {{#g .gate}}\ndb: shop\n{keys}\n```")));
        shop.expect(code, &["run", "g.md", "--no-wait"]).says(words);
        if code != 0 {
            shop.expect(0, &["abort", "--reason", "test"]);
        }
    };
    gate("rls: [public]", 5, "public.items has no row-level security");
    gate("rls: { schemas: [public], allow: [tminus_migrations, public.items] }", 5, "no table was found");
    gate("rls: [no_such]", 5, "no table was found in the schemas: no_such");
    shop.server.sql("shop", "alter table items enable row level security");
    let allowed = "rls: { schemas: [public], allow: [tminus_migrations] }";
    gate(allowed, 5, "public.items has row-level security and no policy");
    shop.server.sql("shop", "create policy all_of_it on items using (true)");
    gate(allowed, 0, "row-level security and a policy on every table: 1");

    let tests = "pgtap: t/*.sql";
    gate(tests, 5, "no file matches t/*.sql");
    shop.desk.write("t/a.sql", "begin;\nselect plan(2);\nselect has_table('items');\nselect ok(true, 'fine');\nselect * from finish();\nrollback;\n");
    gate(tests, 5, "function plan(integer) does not exist");
    let there = shop.server.sql("shop", "select count(*) from pg_available_extensions where name = 'pgtap'");
    if there == "0" {
        assert!(std::env::var_os("CI").is_none(), "pgTAP must be there in CI: cargo xtask testbed up");
        eprintln!("skipped: pgTAP is not installed (cargo xtask testbed up)");
        return;
    }
    shop.server.sql("shop", "create extension pgtap");
    gate(tests, 0, "t/a.sql: 2 tests passed");
    let before = shop.server.dump("shop");
    for (body, words) in [
        (
            "select plan(2);\nselect ok(true);\nselect has_table('no_such');\n",
            "1 of 2 tests failed: not ok 2 - Table no_such should exist",
        ),
        ("select plan(3);\nselect ok(true);\n", "3 tests were planned, and 1 ran"),
        ("create table left_behind (id int);\n", "says of no test that it runs"),
        ("select plan(1);\nselect ok(true);\ncommit;\n", "would leave something behind: line 3"),
        ("select plan(1);\nselect ok(nope);\n", "column \"nope\" does not exist"),
        ("select 'Bail out! no fixtures';\n", "Bail out! no fixtures"),
    ] {
        shop.desk.write("t/b.sql", body);
        gate(tests, 5, words);
        assert_eq!(shop.server.dump("shop"), before, "{words}");
    }
    shop.desk.write(
        "t/b.sql",
        "select plan(1);\nselect todo('later', 1);\nselect ok(false);\nselect * from finish();\n",
    );
    gate(tests, 0, "t/b.sql: 1 tests passed");
    shop.desk.write("g.md", runbook("```yaml {#g .gate}\nrls: [public]\n```"));
    shop.expect(1, &["check", "g.md"]).says("`.gate` needs `db`");
}

#[test]
fn squawk_says_what_it_finds_where_it_is_installed() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    shop.desk.write("db/002_more.up.sql", "-- truncate is only spoken of here\nalter table items add constraint positive check (id > 0);\ncreate index by_name on items (name);\n");
    shop.desk.write("l.md", runbook("```yaml {#l .migrate .check}\ndb: shop\napply: db/*.up.sql\n```"));
    shop.expect(0, &["run", "l.md", "--no-wait"])
        .says("note: 002_more.up.sql: CREATE INDEX without CONCURRENTLY")
        .says("note: 002_more.up.sql: a constraint without NOT VALID")
        .never_says("TRUNCATE removes");
    let squawk = testbed("python/bin/squawk");
    if !squawk.exists() {
        assert!(std::env::var_os("CI").is_none(), "squawk must be there in CI: cargo xtask testbed up");
        eprintln!("skipped: squawk is not installed (cargo xtask testbed up)");
        return;
    }
    shop.desk.program("squawk", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", squawk.display()));
    shop.expect(0, &["run", "l.md", "--no-wait"]).says("require-concurrent-index-creation");
}

#[test]
fn a_tool_that_fails_half_way_is_taken_back_by_a_restore() {
    let Some(shop) = Shop::open() else { return };
    shop.desk.program("own-migrate", OWN);
    shop.desk.write("db/001_a.rb", "create table a (id int);\n");
    shop.desk.write("m.md", runbook(COMMAND));
    shop.expect(0, &["run", "m.md", "--no-wait"]);
    let before = shop.server.dump("shop");
    // Without a transaction around it, as many tools do it.
    shop.desk.program("own-migrate", &OWN.replace(" --single-transaction", ""));
    shop.desk.write("db/002_b.rb", "drop table a;\nselect nope from versions;\n");
    let migrate = COMMAND.replace("undo: none", "undo: restore");
    shop.desk.write("r.md", format!("---\nrunbook: 1\non_failure: rollback\n---\n# R\n\n## 1. Ship\n\n```yaml {{#backup .backup}}\ndb: shop\nto: backups\nverify: restore\n```\n\n{migrate}\n\n## Rollback\n\n```yaml {{#restore .restore .undo}}\ndb: shop\nquorum: {{ dba: 1 }}\n```\n"));
    shop.expect(6, &["run", "r.md", "--no-wait"])
        .says("command ended with 3, and 0 of 1 pending")
        .says("public.a: is gone since, and comes back")
        .says("Since then no row was changed");
    shop.expect(0, &["approve", "restore/approve", "--as", "ana"]);
    shop.expect(3, &["resume", "--no-wait"]).says("rolled back");
    assert_eq!(shop.server.dump("shop"), before);
}

/// A migration that fails, waits for a lock for too long, or meets a server that is gone, ends with
/// the schema as it was.
#[test]
fn bad_days_of_a_migration_leave_the_schema_as_it_was() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let schema = || {
        let output = shop.server.client("pg_dump", "shop").arg("--schema-only").output().expect("pg_dump");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|line| !line.contains("restrict "))
            .fold(String::new(), |all, line| all + line + "\n")
    };
    let before = schema();
    shop.desk.write("r.md", "---\nrunbook: 1\non_failure: rollback\n---\n# R\n\n## 1. Ship\n\n```yaml {#m .migrate}\ndb: shop\napply: db/*.up.sql\nundo: db/*.down.sql\nlock_timeout: 1s\n```\n\n```bash {#after .check}\ntest ! -e broken\n```\n");
    shop.desk.write("db/002_price.up.sql", "alter table items add column price int;\n");
    shop.desk.write("db/002_price.down.sql", "alter table items drop column price;\n");
    shop.desk.write("db/003_half.up.sql", "create table half (id int);\nselect no_such from items;\n");
    shop.desk.write("db/003_half.down.sql", "drop table half;\n");
    // The second of two files fails: the first is taken back.
    shop.expect(3, &["run", "r.md", "--no-wait"]).says("no_such").says("undone: 1");
    assert_eq!(schema(), before, "fails half-way");
    // It locks: gives up in time, and what was applied before is taken back.
    shop.desk.write("db/003_half.up.sql", "lock table items;\ncreate table half (id int);\n");
    shop.desk.write("db/002_price.up.sql", "create table price (id int);\n");
    shop.desk.write("db/002_price.down.sql", "drop table price;\n");
    {
        let _reader = Session::hold(&shop.server, "begin; select count(*) from items;");
        shop.expect(3, &["run", "r.md", "--no-wait"])
            .says("canceling statement due to lock timeout")
            .says("undone: 1");
        assert_eq!(schema(), before, "locks");
    }
    // The server goes away in the middle: nobody guesses, the question is clear, and a retry mends it.
    shop.desk.write("broken", "");
    shop.desk.write("db/003_half.up.sql", "create table half (id int);\nselect pg_advisory_xact_lock(7);\n");
    shop.desk.write("r.md", shop.desk.read("r.md").replace("lock_timeout: 1s", "lock_timeout: 10m"));
    let holder = Session::hold(&shop.server, "select pg_advisory_lock(7);");
    let child = shop
        .command(&["run", "r.md", "--no-wait"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    shop.server.sql("shop", "do $$ begin for at in 1..3000 loop perform pg_stat_clear_snapshot(); if exists (select from pg_locks where locktype = 'advisory' and not granted) then return; end if; perform pg_sleep(0.01); end loop; raise exception 'it never waited'; end $$");
    shop.server.stop();
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    drop(holder);
    assert_eq!(ran.code, 6, "{}{}", ran.out, ran.err);
    ran.says("its undo `m/undo` failed").says("answer m retry");
    shop.server.start_again();
    shop.expect(0, &["answer", "m", "retry"]);
    shop.expect(3, &["resume", "--no-wait"]).says("undone: 1").says("rolled back");
    assert_eq!(schema(), before, "the server was gone");
}

#[test]
fn pain_01_rollback_files_take_back_what_they_are_paired_with_wherever_they_lie() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let before = shop.server.dump("shop");
    let write = |apply: &str, undo: &str| {
        for (name, up, down) in [
            ("2_price", "alter table items add price int not null default 3", "alter table items drop price"),
            ("10_cheap", "create view cheap as select * from items where price < 5", "drop view cheap"),
        ] {
            shop.desk.write(&apply.replace('*', name), format!("{up};\n"));
            shop.desk.write(&undo.replace('*', name), format!("{down};\n"));
        }
        let migrate = format!("```yaml {{#m .migrate}}\ndb: shop\napply: {apply}\nundo: {undo}\n```");
        let smoke =
            "```bash {#smoke .check db=shop}\npsql -At -c 'select count(*) from cheap' >seen\nfalse\n```";
        let text = runbook(&format!("**Database**: shop\n\n{migrate}\n\n{smoke}"));
        shop.desk.write("r.md", text.replace("runbook: 1", "runbook: 1\non_failure: rollback"));
    };
    for (apply, undo) in [
        ("a/*.sql", "a/*_rollback.sql"),
        ("b/*.sql", "b/rollbacks/*_rollback.sql"),
        ("c/*.up.sql", "c/*_rollback.sql"),
        ("d/*.sql", "d/*.down.sql"),
        ("e/V*.sql", "e/V*_rollback.sql"),
    ] {
        write(apply, undo);
        let (first, last) = (undo.replace('*', "2_price"), undo.replace('*', "10_cheap"));
        shop.expect(3, &["run", "r.md", "--no-wait"])
            .says(&format!("by {last}"))
            .says(&format!("by {first}"))
            .says("undone: 2")
            .says("rolled back");
        assert_eq!(shop.desk.read("seen"), "100\n", "{undo}: it was applied, and not taken back at once");
        assert_eq!(shop.server.dump("shop"), before, "{undo}: every byte as before");
        std::fs::remove_file(shop.desk.path("seen")).expect("the check has looked");
    }
    // A pair that is missing is found before anything is taken back.
    std::fs::remove_file(shop.desk.path("a/2_price_rollback.sql")).expect("it is there");
    shop.desk.write("r.md", shop.desk.read("r.md").replace("e/V", "a/"));
    shop.expect(6, &["run", "r.md", "--no-wait"])
        .says("2_price.sql has no way back: a/2_price_rollback.sql does not exist")
        .says("nothing was undone");
    assert_eq!(shop.server.sql("shop", "select count(*) from cheap"), "100");
    write("a/*.sql", "a/*_rollback.sql");
    shop.expect(0, &["answer", "m", "retry"]);
    shop.expect(3, &["resume", "--no-wait"]).says("undone: 2").says("rolled back");
    assert_eq!(shop.server.dump("shop"), before);
    // Nothing says that they are pairs.
    let text = shop.desk.read("r.md");
    shop.desk.write("r.md", text.replace("undo: a/*_rollback.sql", "undo: none"));
    shop.expect(6, &["run", "r.md", "--no-wait"])
        .says("2_price_rollback.sql would be applied, and by its name it takes another file back")
        .says("undo: a/*_rollback.sql");
    assert_eq!(shop.server.dump("shop"), before);
    shop.desk.write("r.md", text.replace("*_rollback.sql", "*.sql"));
    shop.expect(1, &["check", "r.md"]).says("a file does not take itself back");
}

#[test]
fn crash_everywhere_on_the_way_back_of_a_migration_each_file_is_taken_back_once() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let before = shop.server.dump("shop");
    for (name, up, down) in [
        ("2_a", "create table a (id int)", "drop table a"),
        ("3_b", "create table b (id int)", "drop table b"),
    ] {
        shop.desk.write(&format!("m/{name}.sql"), format!("{up};\n"));
        shop.desk.write(&format!("m/{name}_rollback.sql"), format!("{down};\n"));
    }
    let migrate = "```yaml {#m .migrate}\ndb: shop\napply: m/*.sql\nundo: m/*_rollback.sql\n```\n\n```bash {#smoke .check}\nfalse\n```";
    shop.desk.write("r.md", runbook(migrate).replace("runbook: 1", "runbook: 1\non_failure: rollback"));
    // Cut off before the first file, behind it, and behind the last one: nobody has heard of what was done.
    for (file, behind, words) in [
        ("3_b_rollback.sql", false, "undone: 2"),
        ("3_b_rollback.sql", true, "undone: 1"),
        ("2_a_rollback.sql", true, "this release applied nothing to this database"),
    ] {
        let at = |here: bool| if here == behind { STOPS } else { ":" };
        shop.desk.program("psql", &format!("#!/bin/sh\nPATH=${{PATH#*:}}\ncase \"$*\" in *{file}*) {} ;; esac\npsql \"$@\" || exit\ncase \"$*\" in *{file}*) {} ;; esac\n", at(false), at(true)));
        shop.desk.cut_power(shop.command(&["run", "r.md", "--no-wait"]));
        shop.expect(3, &["resume", "--no-wait"]).says(words).says("rolled back");
        assert_eq!(shop.server.dump("shop"), before, "{file}, behind: {behind}");
    }
}
