//! What is found in a database before and behind a migration: a schema or a ledger that somebody changed by
//! hand, and statements that hold up others.

use crate::shop::{MIGRATE, Shop};
use crate::support::runbook;

/// A statement that the recipe knows as one that holds up others, the beginning of its note, and how it is
/// written so that it does not.
const BLOCKING: [(&str, &str, &str); 23] = [
    (
        "create unique index items_name on items (name)",
        "CREATE INDEX without",
        "create index concurrently a on items (name)",
    ),
    (
        "create index colour on items (colour)",
        "CREATE INDEX without",
        "create unique index concurrently c on items (name)",
    ),
    (
        "alter table items alter column name type varchar(40)",
        "a changed column type",
        "alter table items alter column name set default 'x'",
    ),
    (
        "alter table items alter name set data type text",
        "a changed column type",
        "alter type mood add value 'calm'",
    ),
    (
        "alter table items\n  alter column note set not null",
        "SET NOT NULL",
        "alter table items alter column note drop not null",
    ),
    ("drop table if exists items", "what is dropped is gone", "drop view items_view"),
    ("alter table items drop column note", "what is dropped is gone", "alter table items drop constraint c"),
    ("alter table items rename to things", "a rename breaks", "alter table items set (fillfactor = 70)"),
    (
        "alter table items rename note to remark",
        "a rename breaks",
        "alter table items rename constraint c to d",
    ),
    ("truncate items", "TRUNCATE removes", "delete from items where id = 1"),
    (
        "alter table items add constraint c check (id > 0)",
        "a constraint without NOT VALID",
        "alter table items add constraint c check (id > 0) not valid",
    ),
    (
        "alter table items add foreign key (id) references a",
        "a constraint without NOT VALID",
        "alter table items validate constraint c",
    ),
    (
        "alter table items add primary key (id)",
        "a key without USING INDEX",
        "alter table items add constraint k primary key using index k",
    ),
    (
        "alter table items add column u uuid default gen_random_uuid()",
        "a default that is computed",
        "alter table items add column u uuid default null",
    ),
    ("drop index items_name", "DROP INDEX without", "drop index concurrently items_name"),
    ("drop index colour", "DROP INDEX without", "drop index concurrently if exists colour"),
    ("reindex table customers", "REINDEX without", "reindex table concurrently customers"),
    ("reindex (verbose) index colour", "REINDEX without", "reindex (verbose, concurrently) index colour"),
    ("vacuum (analyze, full) items", "VACUUM FULL and CLUSTER", "vacuum (analyze) items"),
    ("cluster items using items_pkey", "VACUUM FULL and CLUSTER", "analyze items"),
    ("lock table items in share mode", "LOCK TABLE", "select pg_advisory_xact_lock(1)"),
    ("lock items", "LOCK TABLE", "alter table items add column is_lock int"),
    (
        "refresh materialized view customers",
        "a materialized view is refreshed",
        "refresh materialized view concurrently customers",
    ),
];

/// The recipe's own list: its words, one a line.
fn known() -> Vec<&'static str> {
    let recipe = include_str!("../../../runbook/src/compile/recipes/migrate.sh");
    let (_, rest) = recipe.split_once("<<'LIST'\n").expect("the list");
    let (list, _) = rest.split_once("\nLIST\n").expect("its end");
    list.lines().map(|line| line.split('~').next().expect("its words")).collect()
}

#[test]
fn every_statement_that_holds_up_others_is_found_before_anything_is_applied() {
    let Some(shop) = Shop::open() else { return };
    let known = known();
    for known in &known {
        assert!(
            BLOCKING.iter().any(|(_, words, _)| known.starts_with(words)),
            "an example is missing: {known}"
        );
    }
    std::fs::remove_dir_all(shop.desk.path("db")).expect("it is there");
    for (at, (statement, words, other)) in BLOCKING.iter().enumerate() {
        let comment = statement.replace('\n', " ");
        assert_eq!(known.iter().filter(|known| known.starts_with(words)).count(), 1, "{words}");
        shop.desk.write(
            &format!("db/{at:02}_bad.up.sql"),
            format!("-- tminus: no-transaction\n-- {comment}\n{};\n", statement.to_uppercase()),
        );
        shop.desk.write(
            &format!("db/{at:02}_well.up.sql"),
            format!("-- tminus: no-transaction\n-- {comment}\n{other};\n"),
        );
    }
    shop.desk.write("m.md", runbook(&MIGRATE.replace(".migrate}", ".migrate .check}")));
    let ran = shop.expect(0, &["run", "m.md", "--no-wait"]);
    for (at, (statement, words, other)) in BLOCKING.iter().enumerate() {
        let notes = |kind: &str| {
            let name = format!("note: {at:02}_{kind}.up.sql: ");
            ran.out
                .lines()
                .filter_map(|line| line.split_once(&name))
                .map(|(_, note)| note.to_owned())
                .collect::<Vec<_>>()
        };
        let found = notes("bad");
        assert!(found.len() == 1 && found[0].starts_with(words), "{statement}: {found:?}\n{}", ran.out);
        assert_eq!(notes("well"), Vec::<String>::new(), "{other}");
    }
    assert_eq!(
        shop.server.sql("shop", "select to_regclass('tminus_migrations') is null"),
        "t",
        "it only looked"
    );
}

#[test]
fn a_schema_that_somebody_changed_by_hand_stops_the_migration_and_is_left_as_it_was() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    shop.desk.write(
        "db/002_paid.up.sql",
        "alter table items add column paid boolean;\nupdate items set paid = false;\n",
    );
    shop.desk.write("db/002_paid.down.sql", "alter table items drop column paid;\n");
    for (by_hand, words, back) in [
        // What the migration makes is there, or what it changes is not.
        (
            "alter table items add column paid int",
            "column \"paid\" of relation \"items\" already exists",
            "alter table items drop column paid",
        ),
        (
            "alter table items rename to things",
            "relation \"items\" does not exist",
            "alter table things rename to items",
        ),
        // The ledger says another file was applied, or one that nobody has, or that it was begun and no more.
        (
            "update tminus_migrations set checksum = md5('x')",
            "001_items.up.sql was changed after it was applied",
            "",
        ),
        (
            "update tminus_migrations set finished_at = null",
            "001_items.up.sql was begun outside a transaction",
            "",
        ),
        // A line was removed: its file would be applied a second time.
        ("delete from tminus_migrations", "relation \"items\" already exists", ""),
    ] {
        shop.server.sql("shop", "create table kept as table tminus_migrations");
        shop.server.sql("shop", by_hand);
        let before = shop.server.dump("shop");
        shop.migrate(5).says(words);
        assert_eq!(shop.server.dump("shop"), before, "{by_hand}");
        shop.server.sql("shop", &format!("truncate tminus_migrations; insert into tminus_migrations table kept; drop table kept; {back}"));
    }
    shop.server.sql("shop", "insert into tminus_migrations select '000_older.sql', checksum, release, applied_by, started_at, finished_at from tminus_migrations");
    shop.migrate(0).says("note: 000_older.sql is applied to this database and is not among these files");
    assert_eq!(shop.names(), "000_older.sql 001_items 002_paid");
}

#[test]
fn a_schema_that_somebody_changed_meanwhile_is_a_question_on_the_way_back() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let before = shop.server.dump("shop");
    shop.desk.write("db/002_paid.up.sql", "alter table items add column paid boolean;\n");
    shop.desk.write("db/002_paid.down.sql", "alter table items drop column paid;\n");
    let by_hand = "```bash {#hand .check}\npsql -X -q \"$SHOP_URL\" -c \"$(cat by-hand)\"\nexit 1\n```";
    shop.desk.write(
        "m.md",
        runbook(&format!("{MIGRATE}\n\n{by_hand}"))
            .replace("runbook: 1\n", "runbook: 1\non_failure: rollback\n"),
    );
    // The very column that goes back is gone.
    shop.desk.write("by-hand", "alter table items drop column paid");
    let ran = shop.expect(6, &["run", "m.md", "--no-wait"]);
    ran.says("column \"paid\" of relation \"items\" does not exist").says("tminus answer m retry");
    assert_eq!(shop.names(), "001_items 002_paid", "the ledger still has it");
    shop.server.sql("shop", "alter table items add column paid boolean");
    shop.expect(0, &["answer", "m", "retry"]);
    shop.expect(3, &["resume", "--no-wait"]).says("undo 002_paid.up.sql").says("rolled back");
    assert_eq!(shop.server.dump("shop"), before);
    // Its line is gone from the ledger: this release applied nothing that is known.
    shop.desk.write("by-hand", "delete from tminus_migrations where name like '002%'");
    shop.expect(3, &["run", "m.md", "--no-wait"]);
    assert_eq!(shop.names(), "001_items");
}
