//! Bad days: steps that misbehave, signals, full and read-only disks, damaged stores. The state is
//! true afterwards, nothing is lost, and the message says what, why, and what now.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tminus_testkit::http::{Reply, serve_beside};

use crate::support::{Desk, Ran, runbook};

const TWO: &str = "```bash {#a undo=none}\ndeploy a\n```\n\n```bash {#b undo=none}\ndeploy b\n```";

fn desk(body: &str) -> Desk {
    let desk = Desk::new();
    desk.stand_ins(&["deploy"]);
    desk.write("r.md", runbook(body));
    desk
}

/// Runs a command whose stand-ins neither fail nor wait.
fn go_on(desk: &Desk, arguments: &[&str]) -> Ran {
    Ran::of(desk.with_stand_ins(arguments, "-", "-").output().expect("the program starts"))
}

/// The record of the newest release can be written and verifies.
fn verifies(desk: &Desk) {
    let _ = fs::remove_dir_all(desk.path("record"));
    desk.expect(0, &["record", "--out", "record"]);
    desk.expect(0, &["verify", "record"]).says("nothing changed, nothing missing");
}

/// Tells whether a process is alive: a zombie is not, it waits only for somebody to read it.
fn is_alive(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, after)| after.split_whitespace().next());
    !matches!(state, None | Some("Z" | "X"))
}

#[test]
fn bad_days_children_that_a_step_leaves_behind_are_ended_and_counted() {
    let body = "```bash {#a undo=none}\nsleep 600 & echo $! > one\n(trap '' TERM; sleep 600 & echo $! > three; wait) & echo $! > two\nwhile ! test -s three; do :; done\n```";
    let desk = desk(body);
    desk.expect(0, &["run", "r.md"]).says("3 processes that it left running were ended");
    for file in ["one", "two", "three"] {
        assert!(!desk.read(file).is_empty() && !is_alive(&desk.read(file)), "{file} is still there");
    }
    verifies(&desk);
}

#[test]
fn bad_days_ten_gigabytes_of_output_take_neither_memory_nor_disk() {
    let desk = desk("```bash {#a undo=none}\nflood\n```\n\n```bash {#b undo=none}\ndeploy b\n```");
    desk.program(
        "flood",
        "#!/bin/sh\necho first\nyes \"$(printf %0999d 7)\" | head -c 10000000000\necho last\n",
    );
    desk.make_pipes();
    let mut command = desk.with_stand_ins(&["run", "r.md"], "-", "deploy b");
    let child = command.stdout(Stdio::piped()).spawn().expect("starts");
    let (process, reached) = (child.id(), desk.path("reached"));
    let at_the_end = std::thread::spawn(move || {
        fs::read_to_string(reached).expect("the second step waits");
        fs::read_to_string(format!("/proc/{process}/status")).expect("it is alive")
    });
    // What is shown is read meanwhile: it would stand in the way of the rest.
    let desk_of = desk.path("go");
    let reads = std::thread::spawn(move || Ran::of(child.wait_with_output().expect("it ends")));
    let status = at_the_end.join().expect("it came there");
    fs::write(desk_of, "go\n").expect("the stand-in still waits");
    let shown = reads.join().expect("it ended");
    assert_eq!(shown.code, 0, "{}", shown.err);
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
    assert!(peak < 120 * 1024, "{peak} KiB were in memory");
    let blobs = size(&desk.path(".tminus"));
    assert!(blobs < 24 << 20, "{blobs} bytes are on the disk");
    shown.says("bytes are not shown: there is much of it; the record has both ends");
    assert!(shown.out.len() < 200 << 20, "{} bytes were shown", shown.out.len());
    let kept = desk.expect(0, &["log", "--output", "a"]);
    kept.says("first\n0000").says("bytes of output were left out here").says("0007\nlast\n");
    verifies(&desk);
}

fn let_go(desk: &Desk, child: Child) -> Ran {
    desk.let_go();
    Ran::of(child.wait_with_output().expect("it ends"))
}

fn size(path: &Path) -> u64 {
    let entries = fs::read_dir(path).expect("a folder").flatten();
    entries
        .map(|entry| {
            if entry.path().is_dir() {
                size(&entry.path())
            } else {
                entry.metadata().map_or(0, |found| found.len())
            }
        })
        .sum()
}

#[test]
fn bad_days_what_never_ends_or_does_not_want_to_end_is_ended_at_its_limit() {
    // Programs of their own: a loop without a way out in the runbook itself would not be planned.
    for (script, words) in [
        ("exec sleep 600", "took longer than its limit of 300ms and was ended"),
        ("while :; do echo a line; done", "took longer than its limit of 300ms and was ended"),
        ("trap '' TERM\nwhile :; do read -rt 1 < <(sleep 1); done", "by force because it ignored SIGTERM"),
    ] {
        let desk = desk("```bash {#a undo=none timeout=300ms}\necho $$ > process\nexec endless\n```");
        desk.program("endless", &format!("#!/bin/bash\n{script}\n"));
        let mut command = desk.command(&["run", "r.md", "--no-wait"]);
        let ran = command.stdout(Stdio::null()).status().expect("starts");
        assert_eq!(ran.code(), Some(5), "{script}");
        desk.expect(0, &["log"]).says("TIMED OUT").says(words);
        assert!(!is_alive(&desk.read("process")), "{script}");
        desk.expect(0, &["status", "last"]).says("tminus answer a retry");
        verifies(&desk);
    }
}

#[test]
fn bad_days_output_that_is_no_text_or_would_change_the_terminal_is_tamed_and_kept() {
    let desk = desk(
        "```bash {#a undo=none}\nprintf 'b\\377\\376d\\n\\033[2J\\033]0;title\\007\\r\\302\\233tame\\n'\n```",
    );
    let ran = desk.expect(0, &["run", "r.md"]);
    ran.says("b\u{fffd}\u{fffd}d").says("tame").never_says("\u{1b}").never_says("\u{7}").never_says("\u{9b}");
    let kept = desk.command(&["log", "--output", "a"]).output().expect("starts").stdout;
    assert!(kept.windows(4).any(|bytes| bytes == b"\x1b[2J"), "what is piped is what was printed");
    verifies(&desk);
    assert!(!desk.read("record/record.md").contains('\u{1b}'), "the page is safe to `cat`");
}

/// Sends a signal to a process that was started here.
fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success(), "{name}");
}

/// Starts `run r.md`, whose first step waits. Returns the process and its standard error.
fn start_waiting(desk: &Desk) -> (Child, BufReader<std::process::ChildStderr>) {
    desk.pipe("reached");
    desk.pipe("go");
    let mut command = desk.with_stand_ins(&["run", "r.md"], "-", "deploy a");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
    desk.in_the_middle(&mut child);
    let errors = BufReader::new(child.stderr.take().expect("it was asked for"));
    (child, errors)
}

/// Reads until the program says that it has heard the first Ctrl-C.
fn wait_until_heard(errors: &mut impl std::io::BufRead) {
    let heard = errors.lines().map_while(Result::ok).any(|line| line.contains("nothing new starts"));
    assert!(heard, "it ended without a word");
}

#[test]
fn bad_days_ctrl_c_once_lets_the_step_end_and_starts_nothing_new() {
    let desk = desk(TWO);
    let (mut child, mut errors) = start_waiting(&desk);
    signal(&child, "INT");
    wait_until_heard(&mut errors);
    desk.let_go();
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(desk.calls(), ["deploy a"]);
    desk.expect(0, &["log"]).says("passed").never_says("cancelled");
    assert_eq!(go_on(&desk, &["resume"]).code, 0);
    assert_eq!(desk.calls(), ["deploy a", "deploy b"], "nothing twice");
    verifies(&desk);
}

#[test]
fn bad_days_ctrl_c_twice_or_a_closed_terminal_ends_the_step_and_says_so() {
    for signals in [&["INT", "INT"][..], &["HUP"], &["TERM"], &["INT", "HUP"]] {
        let desk = desk(TWO);
        let (mut child, mut errors) = start_waiting(&desk);
        for (at, name) in signals.iter().enumerate() {
            signal(&child, name);
            if at + 1 < signals.len() {
                wait_until_heard(&mut errors);
            }
        }
        let mut rest = String::new();
        errors.read_to_string(&mut rest).expect("text until it ends");
        assert_eq!(child.wait().expect("it ends").code(), Some(130), "{signals:?} {rest}");
        desk.expect(0, &["log"]).says("was cancelled");
        // What was ended in the middle may have had half its effect: a person says what now.
        let ran = go_on(&desk, &["resume", "--no-wait"]);
        assert_eq!(ran.code, 5, "{signals:?} {}", ran.out);
        ran.says("answer a retry").says("cancelled");
        assert_eq!(desk.calls(), ["deploy a"], "{signals:?}: nothing was repeated unasked");
        desk.expect(0, &["answer", "a", "retry"]);
        assert_eq!(go_on(&desk, &["resume"]).code, 0);
        assert_eq!(desk.calls(), ["deploy a", "deploy a", "deploy b"]);
        verifies(&desk);
    }
}

#[test]
fn bad_days_a_second_tminus_is_told_who_drives_the_release() {
    let desk = desk(TWO);
    let (child, _errors) = start_waiting(&desk);
    let ran = desk.expect(7, &["resume"]);
    ran.says(&format!("is driven by process {} on ", child.id())).says("tminus rollback").says("now:");
    let ran = let_go(&desk, child);
    assert_eq!((ran.code, desk.calls().len()), (0, 2));
    desk.expect(0, &["resume", "last"]).says("succeeded");
}

#[test]
fn bad_days_the_runbook_is_edited_or_deleted_while_the_release_runs() {
    for harm in [
        |path: &Path| fs::write(path, "# Something else\n").expect("a file"),
        |path: &Path| fs::remove_file(path).expect("it is there"),
    ] {
        let desk = desk(&format!("- [ ] go\n\n{TWO}"));
        assert_eq!(go_on(&desk, &["run", "r.md", "--no-wait"]).code, 5);
        harm(&desk.path("r.md"));
        desk.expect(0, &["tick", "item-1"]);
        assert_eq!(go_on(&desk, &["resume"]).code, 0);
        assert_eq!(desk.calls(), ["deploy a", "deploy b"], "the plan runs as it was made");
        verifies(&desk);
        assert!(desk.read("record/record.md").contains("- [x] go"), "the record has the page as it was");
    }
}

#[test]
fn bad_days_a_damaged_database_is_named_and_left_as_it_is() {
    type Harm = fn(&Path);
    let table: [(&str, Harm, &str); 5] = [
        ("cut", |file| cut(file, 5000), "is damaged"),
        ("emptied", |file| cut(file, 0), "is damaged (the file is empty)"),
        ("overwritten", |file| fs::write(file, "no database. ".repeat(4096)).expect("a file"), "is damaged"),
        ("pages overwritten", |file| overwrite(file, 4096), "is damaged"),
        ("newer", newer, "was written by a newer tminus (schema 99, this one knows "),
    ];
    for (name, harm, words) in table {
        let desk = desk("- [ ] go");
        desk.expect(5, &["run", "r.md", "--no-wait"]);
        let file = desk.path(".tminus/tminus.db");
        harm(&file);
        let before = fs::read(&file).expect("a file");
        for arguments in [
            &["status"][..],
            &["status", "last"],
            &["tick", "item-1"],
            &["resume", "--no-wait"],
            &["run", "r.md", "--no-wait"],
        ] {
            let ran = desk.expect(70, arguments);
            ran.says("tminus.db")
                .says(words)
                .says("now:")
                .never_says("panicked")
                .never_says("nothing is lost");
        }
        assert!(fs::read(&file).expect("a file") == before, "{name}: it was changed");
    }
}

fn cut(file: &Path, length: u64) {
    fs::File::options().write(true).open(file).and_then(|file| file.set_len(length)).expect("cut");
}

fn overwrite(file: &Path, from: usize) {
    let mut bytes = fs::read(file).expect("a file");
    bytes[from..].fill(0xA5);
    fs::write(file, bytes).expect("a file");
}

fn newer(file: &Path) {
    let connection = rusqlite::Connection::open(file).expect("a database");
    connection.execute("UPDATE schema SET version = 99", ()).expect("the table is there");
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn bad_days_a_changed_or_lost_output_is_named_by_record_and_verify() {
    let desk = desk("```bash {#a undo=none}\necho the output\n```");
    desk.expect(0, &["run", "r.md"]);
    verifies(&desk);
    let kept = |folder: &str| {
        let found = files(&desk.path(folder))
            .into_iter()
            .find(|file| fs::read(file).is_ok_and(|bytes| bytes == b"the output\n"));
        found.expect("the output is kept")
    };
    let (store, record) = (kept(".tminus/blobs"), kept("record/blobs"));
    fs::write(&record, "the 0utput\n").expect("a file");
    let hash = record.file_name().expect("a name").to_string_lossy().into_owned();
    desk.expect(1, &["verify", "record"]).says(&hash).says("its bytes were changed").says("now:");
    fs::remove_file(&record).expect("it is there");
    desk.expect(1, &["verify", "record"]).says(&hash).says("it is missing").says("now:");
    fs::set_permissions(&store, fs::Permissions::from_mode(0o644)).expect("a mode");
    fs::write(&store, "the 0utput\n").expect("a file");
    let ran = desk.expect(70, &["record", "--out", "again"]);
    ran.says(&store.file_name().expect("a name").to_string_lossy())
        .says("was changed since it was written")
        .says("backup");
    fs::remove_file(&store).expect("it is there");
    desk.expect(70, &["record", "--out", "again"]).says(&hash).says("removed").says("backup");
    // The log itself is whole.
    desk.expect(0, &["log"]).says("the release succeeded");
    desk.expect(0, &["status", "last"]).says("succeeded");
}

/// Runs the ignored test `name` of this file on a disk of one megabyte: in a mount namespace, which
/// needs no rights where user namespaces are allowed, and is gone with its last process.
fn on_a_small_disk(name: &str) {
    let desk = Desk::new();
    let script = format!(
        "mount -t tmpfs -o size=1m tmpfs \"$0\" && touch \"$0/small-disk\" || exit 77\n\
         TMINUS_SMALL_DISK=\"$0\" exec \"$1\" --exact bad_days::{name} --ignored --nocapture"
    );
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .arg(&desk.folder)
        .arg(std::env::current_exe().expect("this test"))
        .output();
    let Ok(output) = run else { return skip("there is no `unshare` here") };
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || text.contains("unshare failed") {
        return skip("a small disk cannot be mounted here");
    }
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "required when CI=true: {why}");
    eprintln!("skipped: {why}");
}

/// A desk whose store is on the small disk.
fn small_disk(body: &str) -> (Desk, PathBuf) {
    let disk = PathBuf::from(std::env::var_os("TMINUS_SMALL_DISK").expect("only on the small disk"));
    assert!(disk.join("small-disk").exists(), "only on the small disk");
    (desk(body), disk)
}

/// Writes until nothing fits any more.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("filler");
    let mut file = fs::File::create(&path).expect("a file");
    let block = [0x55; 512];
    for _ in 0..10_000 {
        if std::io::Write::write_all(&mut file, &block).is_err() {
            return path;
        }
    }
    panic!("the disk never fills");
}

fn mount(disk: &Path, how: &str) {
    let done = Command::new("mount").args(["-o", how]).arg(disk).status();
    assert!(done.expect("mount is there").success(), "{how}");
}

#[test]
fn bad_days_a_full_disk_is_said_so_and_the_release_goes_on_when_there_is_space() {
    on_a_small_disk("a_full_disk");
}

#[test]
#[ignore = "runs on a disk of one megabyte that the test above makes"]
fn a_full_disk() {
    let (desk, disk) = small_disk(&format!("- [ ] go\n\n{TWO}"));
    let state = disk.join("state");
    let at = ["--state", state.to_str().expect("a name in plain letters")];
    let run = |arguments: &[&str]| go_on(&desk, &[arguments, &at].concat());
    let log = || run(&["log", "--json"]).out;
    assert_eq!(run(&["run", "r.md", "--no-wait"]).code, 5);
    let before = log();
    let filler = fill(&disk);
    for arguments in
        [&["tick", "item-1"][..], &["run", "r.md", "--no-wait"], &["resume", "--no-wait"], &["status"]]
    {
        let ran = run(arguments);
        assert_eq!(ran.code, 70, "{arguments:?} {}", ran.out);
        ran.says("the disk of ").says(" is full; nothing was written. Free some space").says("now:");
    }
    fs::remove_file(&filler).expect("it is there");
    assert_eq!(log(), before, "nothing was lost, nothing is half-written, nothing was begun");
    assert_eq!(run(&["tick", "item-1"]).code, 0);
    // And in the middle of a step: what it did is done, only the word about it finds no room.
    desk.pipe("reached");
    desk.pipe("go");
    let resume = [&["resume", "--no-wait"][..], &at].concat();
    let mut command = desk.with_stand_ins(&resume, "-", "deploy a");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    desk.in_the_middle(&mut child);
    let filler = fill(&disk);
    let ran = let_go(&desk, child);
    assert_eq!(ran.code, 70, "{} {}", ran.out, ran.err);
    ran.says("is full").says("`tminus resume` goes on");
    fs::remove_file(&filler).expect("it is there");
    let ran = run(&["resume", "--no-wait"]);
    if ran.code == 6 {
        // The step's own note found no room either: a person says that it was done.
        ran.says("nobody knows whether attempt 1 took effect");
        assert_eq!(run(&["answer", "a", "done"]).code, 0);
        assert_eq!(run(&["resume", "--no-wait"]).code, 0);
    } else {
        assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    }
    assert_eq!(desk.calls(), ["deploy a", "deploy b"], "nothing was repeated");
    assert_eq!(run(&["record", "--out", "record"]).code, 0);
    desk.expect(0, &["verify", "record"]).says("nothing changed, nothing missing");
}

#[test]
fn bad_days_a_read_only_store_is_said_so() {
    on_a_small_disk("a_read_only_store");
}

#[test]
#[ignore = "runs on a disk of one megabyte that the test above makes"]
fn a_read_only_store() {
    let (desk, disk) = small_disk("- [ ] go");
    let state = disk.join("state");
    let at = ["--state", state.to_str().expect("a name in plain letters")];
    let run = |arguments: &[&str]| desk.run(&[arguments, &at].concat());
    assert_eq!(run(&["run", "r.md", "--no-wait"]).code, 5);
    let before = run(&["log", "--json"]).out;
    mount(&disk, "remount,ro");
    for arguments in
        [&["tick", "item-1"][..], &["run", "r.md", "--no-wait"], &["resume", "--no-wait"], &["status"]]
    {
        let ran = run(arguments);
        assert_eq!(ran.code, 70, "{arguments:?} {}", ran.out);
        ran.says("cannot be written (")
            .says("make the folder writable for this user, or use --state")
            .says("now:");
    }
    mount(&disk, "remount,rw");
    assert_eq!(run(&["log", "--json"]).out, before, "nothing was lost");
    assert_eq!(run(&["tick", "item-1"]).code, 0);
    assert_eq!(run(&["resume", "--no-wait"]).code, 0);
}

/// A rule over numbers that somebody else's service has, and a way back that does not need it.
const WATCHED: &str = "**Environment**: production\n\n```bash {#deploy undo=take-back}\ncp served before\necho v2 >served\n```\n\n```bash {#take-back .undo}\ncp before served\n```\n\n```yaml {#watch .watch}\nfor: 10m\nrules: [ error rate < 20% ]\n```\n\n- [ ] It looks well";

#[test]
fn bad_days_the_metric_source_is_away_and_a_rollback_does_not_ask_it() {
    for (away, hold) in [(Reply::Close, false), (Reply::Stall, false), (Reply::new(503, ""), true)] {
        let is_away = Arc::new(AtomicBool::new(false));
        let (tell, told) = std::sync::mpsc::channel();
        let source = (Arc::clone(&is_away), away.clone());
        let url = serve_beside(move |_, _| {
            let is_away = source.0.load(Ordering::SeqCst);
            tell.send(is_away).expect("the test is there");
            if is_away { source.1.clone() } else { Reply::new(200, "1") }
        });
        let desk = desk(WATCHED);
        desk.write("served", "v1\n");
        let no_data = if hold { "no_data = \"200ms\"\n" } else { "" };
        desk.write("tminus.toml", format!("[policy]\n{no_data}[metrics.error_rate]\nurl = \"{url}\"\nvalue = \"double(body)\"\nevery = \"50ms\"\n"));
        let mut command = desk.command(&["run", "r.md"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
        let mut said = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        assert!(said.any(|line| line.contains("asks: It looks well")));
        assert!(told.iter().any(|is_away| !is_away), "it is asked while it is there");
        is_away.store(true, Ordering::SeqCst);
        assert!(told.iter().any(|is_away| is_away), "and when it is away");
        if hold {
            assert!(said.any(|line| line.contains("no data for `error rate < 20%`")));
        }
        desk.expect(0, &["rollback", "--reason", "orders are lost"]).says("rolls it back");
        // A way back that failed would be a question, for which it would wait.
        let end = said.find(|line| line.contains("FAILED") || line.contains("rolled back after"));
        if !end.as_ref().is_some_and(|line| line.contains("rolled back")) {
            child.kill().expect("SIGKILL");
        }
        assert_eq!(child.wait().expect("it ends").code(), Some(3), "{away:?}: {end:?}");
        assert_eq!(desk.read("served"), "v1\n", "{away:?}");
        verifies(&desk);
    }
}

#[test]
fn bad_days_a_vault_that_is_away_keeps_no_version_in_place() {
    let desk = Desk::new();
    desk.write("tminus.toml", "[secrets]\nAPI_TOKEN = \"file:vault/api\"\nGIT_TOKEN = \"file:vault/git\"\n");
    desk.write("vault/api", "a-token-of-the-api\n");
    desk.write("vault/git", "a-token-of-the-host\n");
    let body = "```bash {#a undo=back-a}\necho v2 > a\n```\n\n```bash {#b undo=back-b}\necho v2 > b\n```\n\n- [ ] It is fine {#fine}\n\n\
        ## Rollback\n\n```bash {#back-a}\necho v1 > a\n```\n\n```bash {#back-b}\ntest -n \"$API_TOKEN\"\necho v1 > b\n```\n\n\
        ```bash {#as-before .check}\ncat a b\n```";
    desk.write("r.md", runbook(body));
    desk.expect(5, &["run", "r.md", "--no-wait"]);
    fs::remove_file(desk.path("vault/git")).expect("it is there");
    fs::remove_file(desk.path("vault/api")).expect("it is there");
    // What names a secret cannot do without it, and says so.
    let ran = desk.expect(6, &["rollback", "--no-wait", "--reason", "it is slow"]);
    ran.says("secret `API_TOKEN`").says("vault/api cannot be read").says("tminus answer b retry");
    desk.write("vault/api", "a-token-of-the-api\n");
    desk.expect(0, &["answer", "b", "retry"]);
    let ran = desk.expect(3, &["resume", "--no-wait"]);
    ran.says("secret `GIT_TOKEN`").says("goes back without it").says("rolled back");
    assert_eq!((desk.read("a"), desk.read("b")), ("v1\n".to_owned(), "v1\n".to_owned()));
    // Forward nothing begins without all of them: what a script of the team's needs, nobody can see.
    desk.expect(5, &["run", "r.md", "--no-wait"]).says("secret `GIT_TOKEN`");
    assert_eq!(desk.read("a"), "v1\n");
    verifies(&desk);
}
