//! The machine's clock is set by a day: while a release soaks, and while nobody drives it. What tminus
//! and its steps are told the time by is a library before the system's own; the time that nobody can
//! set goes on as it does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tminus_testkit::http::{Reply, serve_beside};

use crate::support::{Desk, Ran};

const DAY: i64 = 24 * 3600 * 1000;
const SOAK: i64 = 3000;

const RUNBOOK: &str = r#"---
runbook: 1
environments: [production]
roles: [on-call, product]
---
# Test

## 1. Work

**Environment**: production

```yaml {#go .approval}
ask: Go?
quorum: { on-call: 1, product: 1 }
expires: 4h
```

```yaml {#soak .soak}
for: 3s
rules: [ error_rate < 1% for 1 second ]
```

```bash {#after undo=none}
echo done >done
```
"#;

struct Place {
    desk: Desk,
    preload: String,
}

impl Place {
    fn open() -> Option<Place> {
        let found = Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output();
        let Ok(found) = found else {
            assert!(std::env::var_os("CI").is_none(), "faketime must be there in CI: cargo xtask testbed up");
            eprintln!("skipped: a clock that is set needs faketime (cargo xtask testbed up)");
            return None;
        };
        let preload = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        let (desk, url) = (Desk::new(), serve_beside(|_, _| Reply::new(200, "")));
        desk.write("r.md", RUNBOOK);
        desk.write("tminus.toml", format!("[roles]\non-call = [\"kim\"]\nproduct = [\"ana\"]\n\n[environments.production]\nurl = \"{url}\"\n\n[probe.production]\nurl = \"{url}\"\nevery = \"100ms\"\nwindow = \"2s\"\n"));
        let place = Place { desk, preload };
        place.set("+0");
        Some(place)
    }

    /// Sets the clock, for those that run as well.
    fn set(&self, offset: &str) {
        let new = self.desk.write("clock.new", offset);
        std::fs::rename(new, self.desk.path("clock")).expect("a file");
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.desk.command(words);
        command.env("LD_PRELOAD", &self.preload).env("FAKETIME_TIMESTAMP_FILE", self.desk.path("clock"));
        for name in
            ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "FAKETIME_DISABLE_SHM", "NO_FAKE_STAT"]
        {
            command.env(name, "1");
        }
        command
    }

    fn ran(&self, code: i32, words: &[&str]) -> Ran {
        let ran = Ran::of(self.command(words).output().expect("it starts"));
        assert_eq!(ran.code, code, "{words:?}\n{}\n{}", ran.out, ran.err);
        ran
    }

    fn approve(&self, person: &str) {
        self.ran(0, &["approve", "go", "--as", person]);
    }

    /// Begins a release with every yes, and returns when its soak has begun.
    fn soaks(&self) -> Child {
        self.ran(5, &["run", "r.md", "--no-wait"]);
        ["kim", "ana"].iter().for_each(|person| self.approve(person));
        let mut command = self.command(&["resume", "--no-wait", "--json"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.as_mut().expect("piped")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("timer_started")), "it soaks");
        child
    }

    /// What the newest release tells of events of a kind: when each was written, and the rest of it.
    fn events(&self, kind: &str) -> Vec<(i64, Value)> {
        let log = self.ran(0, &["log", "last", "--json"]).out;
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let event = |mut line: Value| {
            let at = line["at"].as_i64().expect("a moment");
            line["event"].get_mut(kind).map(|event| (at, event.take()))
        };
        lines.filter_map(event).collect()
    }

    fn at(&self, kind: &str) -> i64 {
        self.events(kind).last().unwrap_or_else(|| panic!("{kind} happened")).0
    }

    /// By how much the log says that the clock was set.
    fn steps(&self) -> Vec<i64> {
        self.events("clock_stepped")
            .iter()
            .map(|(_, event)| event["by_ms"].as_i64().expect("a number"))
            .collect()
    }

    fn ended_well(&self) {
        assert_eq!(self.desk.read("done"), "done\n");
        self.desk.record_verifies();
    }
}

/// What was measured is this much, but for what the machine had to do meanwhile.
fn is_about(found: i64, wanted: i64) -> bool {
    (wanted..wanted + 20_000).contains(&found)
}

#[test]
fn a_clock_that_is_set_while_a_release_soaks_neither_ends_the_soak_early_nor_makes_it_hang() {
    for (offset, day) in [("+1d", DAY), ("-1d", -DAY)] {
        let Some(place) = Place::open() else { return };
        let mut child = place.soaks();
        place.set(offset);
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{offset}");
        let steps = place.steps();
        assert!(steps.len() == 1 && (steps[0] - day).abs() < 1000, "{steps:?}");
        let took = place.at("timer_elapsed") - place.at("timer_started") - steps[0];
        assert!(is_about(took, SOAK - 10), "{offset}: the soak took {took} ms");
        place.ended_well();
    }
}

#[test]
fn a_clock_that_was_set_while_nobody_drove_neither_ends_a_soak_early_nor_makes_it_hang() {
    for (offset, day) in [("+1d", DAY), ("-1d", -DAY)] {
        let Some(place) = Place::open() else { return };
        let mut child = place.soaks();
        child.kill().expect("SIGKILL");
        child.wait().expect("it is gone");
        place.set(offset);
        place.ran(0, &["resume", "--no-wait"]);
        // Ahead, and a day that went by, are the same to who finds the clock so.
        let (kind, told) = if day > 0 { ("time_unobserved", day) } else { ("clock_stepped", day) };
        let (found, event) = place.events(kind).pop().expect("the log says it");
        let by = if day > 0 {
            event["to"].as_i64().expect("a moment") - event["from"].as_i64().expect("a moment")
        } else {
            event["by_ms"].as_i64().expect("a number")
        };
        assert!(is_about(by, told - 10), "{offset}: {event}");
        let took = place.at("timer_elapsed") - found;
        assert!(is_about(took, SOAK - 10), "{offset}: the soak took {took} ms");
        place.ended_well();
    }
}

#[test]
fn a_clock_that_was_set_back_while_nobody_drove_lets_a_yes_hold_and_a_day_later_it_has_lapsed() {
    let Some(place) = Place::open() else { return };
    place.ran(5, &["run", "r.md", "--no-wait"]);
    place.approve("kim");
    place.ran(5, &["resume", "--no-wait"]);
    place.set("+1d");
    place.ran(5, &["resume", "--no-wait"]).says("on-call");
    assert_eq!(place.events("approval_lapsed").len(), 1, "a yes of yesterday is asked for again");
    place.approve("kim");
    // It was wrong, and is put right. The yes holds, and lapses no later than it would have.
    place.set("+0");
    place.ran(5, &["resume", "--no-wait"]);
    assert!(is_about(place.steps()[0], -DAY), "{:?}", place.steps());
    place.set("+3h");
    place.ran(5, &["resume", "--no-wait"]);
    assert_eq!(place.events("approval_lapsed").len(), 1, "the yes holds");
    place.set("+5h");
    place.ran(5, &["resume", "--no-wait"]);
    assert_eq!(place.events("approval_lapsed").len(), 2, "four hours have gone by");
    ["kim", "ana"].iter().for_each(|person| place.approve(person));
    place.ran(0, &["resume", "--no-wait"]);
    place.ended_well();
}
