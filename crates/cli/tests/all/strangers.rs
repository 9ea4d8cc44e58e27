//! What goes wrong in commands that people copy cannot go wrong in steps of a kind: `psql -f` that goes on after
//! an error, a look that says yes because `echo` does, and a name that the clock gives twice.

use crate::shop::Shop;

const SHIP: &str = "---
runbook: 1
on_failure: rollback
---
# Shop

## 1. Ship

```yaml {#backup .backup}
db: shop
to: backups
```

```yaml {#migrate .migrate}
db: shop
apply: db/*.up.sql
undo: db/*.down.sql
```

**Database**: shop

```sql {#priced .check}
select count(*) = 0 from items where price is null
```
";

#[test]
fn a_strangers_psql_file_stops_at_its_first_error_and_leaves_nothing() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let before = shop.server.dump("shop");
    // `psql -f` would say the error, go on, and exit with 0.
    let up = "alter table items add column price int;\nselect nothing from nowhere;\nupdate items set price = 3;\n";
    shop.desk.write("db/002_price.up.sql", up);
    shop.desk.write("db/002_price.down.sql", "alter table items drop column price;\n");
    shop.desk.write("r.md", SHIP);
    shop.expect(3, &["run", "r.md", "--no-wait"]).says("nowhere").never_says("starts: priced");
    assert_eq!(shop.server.dump("shop"), before, "every byte as before");
}

#[test]
fn a_strangers_look_says_no_when_what_it_asks_is_wrong() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    let before = shop.server.dump("shop");
    shop.desk.write("db/002_price.up.sql", "alter table items add column price int;\n");
    shop.desk.write("db/002_price.down.sql", "alter table items drop column price;\n");
    shop.desk.write("r.md", SHIP);
    // `psql -c` would print `f` and exit with 0, and so would a `curl` behind which `echo` stands.
    shop.expect(3, &["run", "r.md", "--no-wait"]).says("FAILED: priced").says("undo 002_price.up.sql");
    assert_eq!(shop.server.dump("shop"), before, "every byte as before");
    // Nor does a request that nobody answers pass, or one with another status.
    let request = "---\nrunbook: 1\n---\n# A\n\n## 1. Look\n\n```http {#look .check status=200}\nGET http://127.0.0.1:1/\n```\n";
    shop.desk.write("look.md", request);
    shop.expect(5, &["run", "look.md", "--no-wait"]).says("FAILED: look");
    // A command of one's own in such a step is judged before it can be believed.
    let drains = "---\nrunbook: 1\n---\n# A\n\n## 1. Ship\n\n```yaml {#deploy .deploy}\ntarget: compose\nservices: [api]\nenv_file: .env\nset: { TAG: v2 }\ndrain: curl -f http://127.0.0.1:1/drain || echo not drained\n```\n";
    shop.desk.write("drains.md", drains);
    shop.expect(1, &["check", "drains.md"]).says("error[T201]").says("because `echo` always succeeds");
}

#[test]
fn a_strangers_clock_names_nothing_twice() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    shop.desk.write("r.md", SHIP.replace("to: backups", "to: backups-$(date +%s)"));
    let ran = shop.expect(2, &["run", "r.md", "--no-wait"]);
    ran.says("`to` has a command in it").says("$RUN_OUT").never_says("starts");
    // The name of a copy is the release's: what comes later finds it, however long that takes.
    shop.desk.write("r.md", SHIP);
    shop.desk.write("db/002_price.up.sql", "alter table items add column price int default 3;\n");
    shop.desk.write("db/002_price.down.sql", "alter table items drop column price;\n");
    let ran = shop.expect(0, &["run", "r.md", "--no-wait"]);
    let copies = std::fs::read_dir(shop.desk.path("backups")).expect("a folder").flatten();
    let copies: Vec<String> = copies.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let dumps: Vec<&String> = copies.iter().filter(|name| name.ends_with(".dump")).collect();
    assert_eq!(dumps.len(), 1, "{copies:?}");
    ran.says(dumps[0]);
}
