//! Taking back only a part of a release: two sites beside each other, and a flag on top of one.

use crate::support::{Desk, Ran};

const BOOK: &str = "---
runbook: 1
---
# Shop

## 1. Ship

```yaml {#docs .deploy}
target: static
from: docs
to: srv/docs
name: $VERSION
```

```yaml {#shop .deploy needs=start}
target: static
from: shop
to: srv/shop
name: $VERSION
```

```yaml {#checkout .flag needs=shop}
flag: checkout
to: on
provider: flagd
file: flags.json
```

- [ ] It looks well

## Rollback

```bash {#smoke .check}
echo \"taken back: $TAKEN_BACK; stands: $STANDING\"
! test -e ill || { echo 'error: people see an error'; exit 1; }
```
";

const FLAGS: &str = r#"{"flags":{"checkout":{"state":"DISABLED","variants":{"on":true,"off":false},"defaultVariant":"off"}}}"#;

/// A desk whose v1 is out, and whose v2 waits for somebody to look at it.
fn desk() -> Desk {
    let desk = Desk::new();
    let start = "```bash {#start .check}\ntest -d docs\n```\n\n```yaml {#docs";
    desk.write("r.md", BOOK.replacen("```yaml {#docs", start, 1));
    desk.write("flags.json", FLAGS);
    build(&desk, "v1");
    desk.write("yes.yaml", "otherwise: yes\n");
    desk.expect(0, &["run", "r.md", "--version", "v1", "--answers", "yes.yaml"]);
    desk.write("flags.json", FLAGS);
    build(&desk, "v2");
    desk.expect(5, &["run", "r.md", "--version", "v2", "--no-wait"]);
    desk
}

fn build(desk: &Desk, version: &str) {
    for site in ["docs", "shop"] {
        desk.write(&format!("{site}/index.html"), version);
    }
}

/// What is served: both sites, and whether the flag is on.
fn served(desk: &Desk) -> (String, String, bool) {
    let site = |name: &str| desk.read(&format!("srv/{name}/current/index.html"));
    (site("docs"), site("shop"), desk.read("flags.json").contains("ENABLED"))
}

fn back(desk: &Desk, code: i32, words: &[&str]) -> Ran {
    let mut all = vec!["rollback", "--reason", "it is slow"];
    all.extend(words);
    desk.expect(code, &all)
}

#[test]
fn one_site_goes_back_and_the_verdict_tells_what_stands() {
    let desk = desk();
    let (old, new) = ("v1".to_owned(), "v2".to_owned());
    assert_eq!(served(&desk), (new.clone(), new.clone(), true));

    // The flag shows what only the new shop has.
    let ran = back(&desk, 7, &["--only", "shop"]);
    ran.says("cannot take back only `shop`: `checkout` came after it and still stands");
    ran.says("`tminus rollback --only shop --only checkout --reason \"…\"`").says("--despite-dependents");
    assert_eq!(served(&desk), (new.clone(), new.clone(), true), "nothing has begun");
    back(&desk, 2, &["--despite-dependents", "it works without"]).says("--only");

    let ran = back(&desk, 0, &["--only", "shop", "--only", "checkout", "--dry-run"]);
    ran.says("Publish docs below srv/docs  stays").says("undone by `shop/undo`");
    let ran = back(&desk, 3, &["--only", "shop", "--only", "checkout"]);
    ran.says("sam takes back only Publish shop below srv/shop, Set the flag checkout to on: it is slow");
    ran.says("taken back: checkout shop; stands: docs").says("partly rolled back").says("not undone docs");
    assert_eq!(served(&desk), (new, old, false));
    desk.expect(0, &["status", "last"]).says("partly rolled back");
    desk.expect(0, &["record", "--out", "record"]);
    desk.expect(0, &["verify", "record"]).says("nothing changed");
}

#[test]
fn somebody_says_why_what_came_after_may_stay_and_smoke_has_the_last_word() {
    let desk = desk();
    desk.write("ill", "");
    let why = ["--only", "shop", "--despite-dependents", "the old shop ignores it", "--no-drive"];
    let ran = back(&desk, 0, &why);
    ran.says("; what came after it may stay, because: the old shop ignores it");
    let ran = desk.expect(6, &["resume", "--no-wait"]);
    ran.says("error: people see an error").says("tminus answer smoke retry");
    assert_eq!(served(&desk), ("v2".to_owned(), "v1".to_owned(), true));
    // The part was not enough: the rest goes back as well.
    std::fs::remove_file(desk.path("ill")).expect("it is there");
    back(&desk, 3, &[]).says("taken back").says("rolled back");
    assert_eq!(served(&desk), ("v1".to_owned(), "v1".to_owned(), false));
}
