//! tminus and its step end together, as when the power is cut: what came of it is asked, of whoever
//! knows, and nothing is done twice.
//!
//! Here are the kinds of steps that have no room beside their other tests, or need none.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use tminus_testkit::http::{Reply, serve_beside};

use crate::kubernetes::{TURNS, Town, two_colours};
use crate::shop::Shop;
use crate::support::{Desk, STOPS, interrupted_twice, runbook};

#[test]
fn crash_everywhere_a_request_that_was_cut_off_is_a_question_and_is_not_sent_again() {
    let (tell, told) = channel();
    // The first one arrives, and its answer never does; the others are answered.
    let url = serve_beside(move |count, request| {
        tell.send(format!("{} {}", request.method, request.text())).expect("the test is there");
        if count == 0 { Reply::Stall } else { Reply::new(201, "made") }
    });
    let desk = Desk::new();
    let text = format!(
        "```http {{#create status=201 undo=none}}\nPOST {url}/orders\n\none coat\n```\n\n```http {{#look .check}}\nGET {url}/orders\n```"
    );
    desk.write("r.md", runbook(&text));
    let cut = || {
        let mut command = desk.command(&["run", "r.md", "--no-wait"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let sent = told.recv().expect("it arrives");
        child.kill().expect("SIGKILL");
        child.wait().expect("it is gone");
        sent
    };
    assert_eq!(cut(), "POST one coat");
    let ran = desk.expect(6, &["resume", "--no-wait"]);
    ran.says("nobody knows whether attempt 1 took effect").says("tminus answer create done");
    assert!(told.try_recv().is_err(), "it is not sent again");
    // Somebody has looked: the order is there.
    desk.expect(0, &["answer", "create", "done"]);
    desk.expect(0, &["resume", "--no-wait"]);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["GET "]);
}

#[test]
fn crash_everywhere_two_colours_take_turns_once() {
    let Some(town) = Town::open(TURNS) else { return };
    town.has(&two_colours());
    let sends = || town.kubectl(&["get", "service/web", "--output=jsonpath={.spec.selector.colour}"]);
    let before = town.state();
    // The machine goes down when the other colour is up and the traffic has not moved.
    town.waits_at("*\" patch service/web\"*", "WAIT");
    town.desk.cut_power(town.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
    assert_eq!((sends(), town.image("deployment/web-green")), ("blue".to_owned(), "shop/web:v2".to_owned()));
    // And once more when it has, and nobody has heard of it.
    town.waits_at("*\" patch service/web\"*", "kubectl \"$@\"; WAIT; exit 0");
    town.desk.cut_power(town.command(&["resume", "--no-wait"]));
    assert_eq!(sends(), "green");
    // The last look fails it, and sees how often each was told to move.
    town.desk.program("../smoke", "#!/bin/sh\nkubectl --context=production --namespace=shop get deployment/web-green --output='jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}' >revision\ncp patches seen\nexit 1\n");
    town.waits_at("*\" patch service/web\"*", "echo patch >>patches");
    town.desk.write("patches", "");
    town.ran(3, &["resume", "--no-wait"])
        .says("the service web sends to 2 pods of web-green")
        .says("rolled back");
    assert_eq!((town.desk.read("revision"), town.desk.read("seen")), ("2".to_owned(), String::new()));
    assert_eq!((sends(), town.state()), ("blue".to_owned(), before));
    assert_eq!(town.desk.read("patches"), "patch\n", "the one of the way back");
}

/// Runs git in the folder `shop` of a desk.
fn git(desk: &Desk, arguments: &[&str]) {
    let mut command = Command::new("/usr/bin/git");
    command.args(["-c", "user.name=sam", "-c", "user.email=sam@example.com", "-C", "shop"]).args(arguments);
    let output = command.current_dir(&desk.folder).output().expect("git is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn crash_everywhere_a_gate_that_was_cut_off_looks_anew_and_its_old_answer_is_not_believed() {
    // Cut off before git looks, and when it has looked and the gate has the answer. It passed then and does
    // not hold any more, or the other way round.
    for (behind, was_clean) in [(false, true), (true, true), (false, false), (true, false)] {
        let desk = Desk::new();
        let gate = "env_keys: { example: .env.example, file: .env }\ngit: clean";
        desk.write("r.md", runbook(&format!("```yaml {{#ready .gate cwd=shop}}\n{gate}\n```\n\n```bash {{#out undo=none}}\necho out >>\"$HOME/shipped\"\n```")));
        desk.write("shop/.gitignore", ".env\n.tminus\n");
        desk.write("shop/.env.example", "KEY=\n");
        git(&desk, &["init", "--quiet"]);
        git(&desk, &["add", "--all"]);
        git(&desk, &["commit", "--quiet", "--message", "first"]);
        let make = |is_clean: bool| {
            desk.write("shop/.env", if is_clean { "KEY=x\n" } else { "OTHER=x\n" });
            desk.write("shop/.env.example", if is_clean { "KEY=\n" } else { "KEY=\n# edited\n" });
        };
        let at = |here: bool| if here == behind { STOPS } else { ":" };
        desk.program("git", &format!("#!/bin/sh\ncase \"$*\" in *' status '*) echo looks >>\"$HOME/looks\"; {} ;; esac\n/usr/bin/git \"$@\" || exit\ncase \"$*\" in *' status '*) {} ;; esac\n", at(false), at(true)));
        make(was_clean);
        desk.cut_power(desk.command(&["run", "r.md", "--no-wait"]));
        make(!was_clean);
        if was_clean {
            let ran = desk.expect(5, &["resume", "--no-wait"]);
            ran.says(".env lacks: KEY").says("git is not clean: 1 changed").says("tminus answer ready retry");
            ran.never_says("every key");
            assert_eq!(desk.read("shipped"), "", "behind: {behind}");
            // It is asked again for each answer, and goes on by what is true then.
            desk.expect(0, &["answer", "ready", "retry"]);
            desk.expect(5, &["resume", "--no-wait"]).says("git is not clean");
            make(true);
            desk.expect(0, &["answer", "ready", "retry"]);
        }
        desk.expect(0, &["resume", "--no-wait"]).says(".env has every key").says("git is clean");
        let looks = if was_clean { 4 } else { 2 };
        assert_eq!((desk.read("looks").lines().count(), desk.read("shipped").as_str()), (looks, "out\n"));
    }
}

#[test]
fn crash_everywhere_a_look_by_http_that_was_cut_off_is_asked_anew() {
    let (tell, told) = channel();
    // What is served was well when it was first asked, and that answer never came.
    let url = serve_beside(move |count, request| {
        tell.send(request.path.clone()).expect("the test is there");
        match count {
            0 => Reply::Stall,
            1 => Reply::new(503, "no database"),
            _ => Reply::new(200, "well"),
        }
    });
    let desk = Desk::new();
    desk.write("r.md", runbook(&format!("```http {{#well .check}}\nGET {url}/health\n```\n\n```bash {{#out undo=none}}\necho out >>shipped\n```")));
    let mut command = desk.command(&["run", "r.md", "--no-wait"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    told.recv().expect("it arrives");
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
    desk.expect(5, &["resume", "--no-wait"]).says("503").says("tminus answer well retry");
    assert_eq!(desk.read("shipped"), "");
    desk.expect(0, &["answer", "well", "retry"]);
    desk.expect(0, &["resume", "--no-wait"]);
    assert_eq!(
        (told.try_iter().collect::<Vec<_>>(), desk.read("shipped").as_str()),
        (vec!["/health".to_owned(); 2], "out\n")
    );
}

#[test]
fn crash_everywhere_questions_to_a_database_that_were_cut_off_are_asked_anew() {
    let Some(shop) = Shop::open() else { return };
    shop.migrate(0);
    shop.desk.program("psql", &format!("#!/bin/sh\nPATH=${{PATH#*:}}\npsql \"$@\" || exit\n{STOPS}\n"));
    for (step, mend, spoil, words) in [
        (
            "```sql {#look .check}\nselect count(*) = 100 from items\n```",
            "delete from items where id > 100",
            "insert into items values (101, 'late')",
            "one row with the one value true",
        ),
        (
            "```yaml {#look .gate}\ndb: shop\nrls: { schemas: [public], allow: [tminus_migrations] }\n```",
            "drop table if exists late; alter table items enable row level security; drop policy if exists p on items; create policy p on items using (true)",
            "create table late (id int)",
            "public.late has no row-level security",
        ),
    ] {
        let out = "```bash {#out undo=none}\necho out >>shipped\n```";
        shop.desk.write("g.md", runbook(&format!("**Database**: shop\n\n{step}\n\n{out}")));
        shop.server.sql("shop", mend);
        // It has the answer, and nobody has heard of it.
        shop.desk.cut_power(shop.command(&["run", "g.md", "--no-wait"]));
        shop.server.sql("shop", spoil);
        shop.expect(5, &["resume", "--no-wait"]).says(words).says("tminus answer look retry");
        assert_eq!(shop.desk.read("shipped"), "", "{step}");
        shop.server.sql("shop", mend);
        shop.expect(0, &["answer", "look", "retry"]);
        shop.expect(0, &["resume", "--no-wait"]);
        assert_eq!(shop.desk.read("shipped"), "out\n", "{step}");
        std::fs::remove_file(shop.desk.path("shipped")).expect("it went on");
    }
}

/// A release that waits for a person, killed while it waits. Returns what it said until then.
fn killed_while_it_asks(desk: &Desk, arguments: &[&str], words: &str) {
    let mut command = desk.command(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut said = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains(words)), "it never said `{words}`");
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
}

#[test]
fn crash_everywhere_while_people_are_waited_for_nothing_is_lost_and_nothing_is_taken_for_a_yes() {
    let desk = Desk::new();
    let body = "- [ ] The screen is new\n\n```yaml {#go .approval}\nask: Does it go out?\nquorum: { qa: 1, dba: 1 }\n```\n\n```yaml {#settle .soak}\nfor: 2s\n```\n\n```bash {#out undo=none}\necho out >>shipped\n```";
    desk.write("r.md", runbook(body));
    killed_while_it_asks(&desk, &["run", "r.md"], "waits for The screen is new");
    killed_while_it_asks(&desk, &["resume"], "waits for The screen is new");
    desk.expect(5, &["resume", "--no-wait"]);
    // Said while nobody drives it, and while it is killed again.
    desk.expect(0, &["tick", "item-1"]);
    killed_while_it_asks(&desk, &["resume"], "waits for Does it go out?");
    desk.expect(0, &["approve", "go", "--as", "ana", "--role", "qa"]);
    killed_while_it_asks(&desk, &["resume"], "waits for Does it go out?");
    desk.expect(5, &["resume", "--no-wait"]).says("dba");
    assert_eq!(desk.read("shipped"), "", "half of a quorum is no yes");
    desk.expect(7, &["approve", "go", "--as", "ana", "--role", "qa"]);
    desk.expect(0, &["approve", "go", "--as", "bo", "--role", "dba"]);
    killed_while_it_asks(&desk, &["resume"], "waits: settle");
    assert_eq!(desk.read("shipped"), "", "the soak was not over");
    desk.expect(0, &["resume"]);
    assert_eq!(desk.read("shipped"), "out\n");
    desk.expect(0, &["record", "--out", "record"]);
    let record = desk.read("record/record.md");
    assert!(record.contains("- [x] The screen is new") && record.contains("ana") && record.contains("bo"));
    // A no that was said meanwhile is a no.
    killed_while_it_asks(&desk, &["run", "r.md"], "waits for The screen is new");
    desk.expect(0, &["tick", "item-1"]);
    desk.expect(5, &["resume", "--no-wait"]);
    desk.expect(0, &["decline", "go", "--reason", "not today", "--as", "ana", "--role", "qa"]);
    desk.expect(4, &["resume"]).says("declined");
    desk.expect(0, &["log"]).says("not today");
    assert_eq!(desk.read("shipped"), "out\n");
}

#[test]
fn crash_everywhere_a_soak_that_was_cut_off_is_armed_again_and_still_takes_back() {
    let is_bad = Arc::new(AtomicBool::new(false));
    let source = Arc::clone(&is_bad);
    let url =
        serve_beside(move |_, _| Reply::new(200, if source.load(Ordering::SeqCst) { "90" } else { "1" }));
    let desk = Desk::new();
    let body = "**Environment**: production\n\n```bash {#out undo=back}\ncp served before\necho v2 >served\n```\n\n```bash {#back .undo}\ncp before served\n```\n\n```yaml {#settle .soak}\nfor: 10m\nrules: [ error rate < 20% ]\non_breach: rollback\n```";
    desk.write("r.md", runbook(body));
    desk.write("served", "v1\n");
    desk.write(
        "tminus.toml",
        format!("[metrics.error_rate]\nurl = \"{url}\"\nvalue = \"double(body)\"\nevery = \"50ms\"\n"),
    );
    killed_while_it_asks(&desk, &["run", "r.md"], "waits: settle");
    assert_eq!(desk.read("served"), "v2\n");
    // It goes bad while nobody looks.
    is_bad.store(true, Ordering::SeqCst);
    desk.expect(3, &["resume", "--no-wait"]).says("error rate < 20%").says("rolled back");
    assert_eq!(desk.read("served"), "v1\n");
}

#[test]
fn pain_06_rules_are_measured_while_a_step_of_before_is_waited_for() {
    let is_bad = Arc::new(AtomicBool::new(false));
    let source = Arc::clone(&is_bad);
    let url =
        serve_beside(move |_, _| Reply::new(200, if source.load(Ordering::SeqCst) { "90" } else { "1" }));
    let desk = Desk::new();
    // Its second step goes on without tminus, and would do so for as long as it likes.
    let body = format!(
        "**Environment**: production\n\n```bash {{#out undo=back}}\ncp served before\necho v2 >served\n```\n\n```bash {{#back .undo}}\ncp before served\n```\n\n```bash {{#long .check timeout=1h}}\n{STOPS}\n```\n\n## When to roll back\n\n- error rate > 20%\n"
    );
    desk.write("r.md", runbook(&body));
    desk.write("served", "v1\n");
    desk.write(
        "tminus.toml",
        format!("[metrics.error_rate]\nurl = \"{url}\"\nvalue = \"double(body)\"\nevery = \"50ms\"\n"),
    );
    desk.kill_while_waiting(desk.command(&["run", "r.md"]));
    assert_eq!(desk.read("served"), "v2\n");
    is_bad.store(true, Ordering::SeqCst);
    desk.expect(3, &["resume", "--no-wait"]).says("error rate > 20%").says("rolled back");
    assert_eq!(desk.read("served"), "v1\n");
}

#[test]
fn pain_25_a_resume_that_waits_for_a_step_of_before_hears_ctrl_c_and_a_rollback() {
    for says in ["ctrl-c", "rollback"] {
        let desk = Desk::new();
        let body = format!(
            "```bash {{#out undo=back}}\n{STOPS}\necho out >>shipped\n```\n\n```bash {{#back .undo}}\necho back >>shipped\n```"
        );
        desk.write("r.md", runbook(&body));
        desk.kill_while_waiting(desk.command(&["run", "r.md"]));
        let mut command = desk.command(&["resume", "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut told = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        assert!(told.any(|line| line.contains("engine_started")), "it takes the release up");
        if says == "rollback" {
            desk.expect(0, &["rollback", "--reason", "orders are lost"]);
            assert_eq!(child.wait().expect("it ends").code(), Some(3));
            assert_eq!(desk.read("shipped"), "back\n");
        } else {
            let _said = interrupted_twice(&mut child);
            assert_eq!(child.wait().expect("it ends").code(), Some(130));
            desk.expect(5, &["resume", "--no-wait"]).says("cancelled").says("tminus answer out retry");
            assert_eq!(desk.read("shipped"), "");
        }
        // Gone, or waits only for somebody to read how it ended.
        let group = desk.read("group");
        let left = Command::new("ps").args(["-o", "stat=", "-p", group.trim()]).output().expect("ps").stdout;
        assert!(left.is_empty() || left.starts_with(b"Z"), "{says}: the step is still at work");
    }
}
