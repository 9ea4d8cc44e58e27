//! Steps on other hosts, by the program as people call it and a real sshd.

use std::process::Command;

use tminus_testkit::ssh::SshHosts;

use crate::support::{Desk, runbook};

#[test]
fn a_folder_that_only_the_other_host_has_is_no_hindrance() {
    let Some(hosts) = SshHosts::start(&["web-1"]) else { return };
    let desk = Desk::new();
    let far = desk.path("far");
    // Both are one machine here, so the folder comes to be only when the client was started.
    let client = format!(
        "#!/bin/sh\nmkdir '{}'\nexec '{}' \"$@\"\n",
        far.display(),
        hosts.bin().join("ssh").display()
    );
    desk.program("ssh", &client);
    let body = format!(
        "**Hosts**: web-1\n\n```bash {{#a on=web-1 undo=none cwd={}}}\npwd > \"$HOST_NAME\"\n```",
        far.display()
    );
    desk.write("r.md", runbook(&body));
    desk.expect(0, &["run", "r.md"]);
    assert_eq!(desk.read("far/web-1").trim_end(), far.to_string_lossy());
}

const GROUP: &str = r#"
**Hosts**: web

```bash {#deploy on=web undo=take-back}
printf '%s\n' "$HOST_NAME $VERSION" >>"$DESK/ran"
if [ "$HOST_NAME" = web-2 ] && [ ! -e "$DESK/mended" ]; then echo "no room on $HOST_NAME"; exit 5; fi
```

```bash {#take-back .undo on=web batch=all}
printf '%s\n' "$HOST_NAME back" >>"$DESK/back"
```

```bash {#serves .check on=web failures=1}
test "$HOST_NAME" != web-3
```
"#;

/// A runbook for three hosts, and a desk that knows them.
fn three_hosts() -> Option<(SshHosts, Desk)> {
    let hosts = SshHosts::start(&["web-1", "web-2", "web-3"])?;
    let desk = Desk::new();
    desk.program("ssh", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", hosts.bin().join("ssh").display()));
    let group = GROUP.replace("$DESK", &desk.folder.to_string_lossy());
    desk.write("r.md", runbook(&group));
    desk.write("tminus.toml", "[hosts]\nweb = [\"web-1\", \"web-2\", \"web-3\"]\n");
    Some((hosts, desk))
}

#[test]
fn a_group_of_hosts_goes_one_by_one_and_a_retry_leaves_those_alone_that_passed() {
    let Some((_hosts, desk)) = three_hosts() else { return };
    desk.expect(0, &["plan", "r.md", "--version", "v2"])
        .says("on web (web-1, web-2, web-3), one after the other, stops at the first failure")
        .says("on web (web-1, web-2, web-3), all at once, 1 may fail");
    let ran = desk.expect(5, &["run", "r.md", "--version", "v2", "--no-wait"]);
    ran.says("web-2: no room on web-2").says("web-2 exited with 5").says("web-3 not begun");
    assert_eq!(desk.read("ran"), "web-1 v2\nweb-2 v2\n");
    desk.write("mended", "");
    desk.expect(0, &["answer", "deploy", "retry"]);
    let ran = desk.expect(0, &["resume", "--no-wait"]);
    ran.says("web-1 had passed before").says("web-3 exited with 1").says("1 may fail");
    assert_eq!(desk.read("ran"), "web-1 v2\nweb-2 v2\nweb-2 v2\nweb-3 v2\n");
}

#[test]
fn a_quarter_of_the_hosts_goes_at_once_and_the_rest_waits_for_it() {
    let names = ["web-1", "web-2", "web-3", "web-4", "web-5", "web-6", "web-7", "web-8"];
    let Some(hosts) = SshHosts::start(&names) else { return };
    let desk = Desk::new();
    desk.program("ssh", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", hosts.bin().join("ssh").display()));
    desk.write("tminus.toml", format!("[hosts]\nweb = {names:?}\n"));
    // Two are there together, or neither goes on: each waits for the other one.
    let (own, batch) = (desk.folder.display(), "batch=25%");
    let body = format!(
        "**Hosts**: web\n\n```bash {{#a on=web {batch} undo=none timeout=30s}}\ncd '{own}'\nnumber=${{HOST_NAME#web-}}\ntouch \"came-$number\"\nother=$((number % 2 ? number + 1 : number - 1))\nuntil [ -e \"came-$other\" ]; do sleep 0.05; done\ntest \"$number\" != 3 -o -e mended\n```"
    );
    desk.write("r.md", runbook(&body));
    desk.expect(0, &["plan", "r.md"]).says("2 at once");
    let ran = desk.expect(5, &["run", "r.md", "--no-wait"]);
    ran.says("web-3 exited with 1").says("web-5, web-6, web-7, web-8 not begun");
    let came = || names.map(|name| desk.path(&name.replace("web", "came")).exists());
    assert_eq!(came(), [true, true, true, true, false, false, false, false]);
    desk.write("mended", "");
    desk.expect(0, &["answer", "a", "retry"]);
    desk.expect(0, &["resume", "--no-wait"]).says("web-1, web-2, web-4 had passed before");
    assert_eq!(came(), [true; 8]);
}

#[test]
fn a_rollback_goes_to_the_whole_group_and_a_host_that_is_away_is_a_question() {
    let Some((hosts, desk)) = three_hosts() else { return };
    desk.expect(5, &["run", "r.md", "--version", "v2", "--no-wait"]);
    // One host cannot be reached while it goes back; the others do.
    let away = format!(
        "#!/bin/sh\ncase \"$*\" in *'-- web-3 '*) echo 'ssh: connect to host web-3: No route to host' >&2; exit 255;; esac\n\
         exec '{}' \"$@\"\n",
        hosts.bin().join("ssh").display()
    );
    desk.program("ssh", &away);
    desk.expect(0, &["rollback", "--reason", "no room", "--no-drive"]);
    let ran = desk.expect(6, &["resume", "--no-wait"]);
    ran.says("web-3 could not be begun").says("No route to host").says("tminus answer deploy retry");
    let sorted = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(desk.read("back")), ["web-1 back", "web-2 back"]);
    desk.program("ssh", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", hosts.bin().join("ssh").display()));
    desk.expect(0, &["answer", "deploy", "retry"]);
    desk.expect(3, &["resume", "--no-wait"]).says("web-1, web-2 had passed before");
    assert_eq!(sorted(desk.read("back")), ["web-1 back", "web-2 back", "web-3 back"]);
}

#[test]
fn crash_everywhere_on_another_host_the_step_goes_on_and_is_not_done_again() {
    let Some(hosts) = SshHosts::start(&["web-1"]) else { return };
    for power_cut in [false, true] {
        let desk = Desk::new();
        desk.program("ssh", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", hosts.bin().join("ssh").display()));
        let own = desk.folder.display();
        let body = format!(
            "**Hosts**: web-1\n\n```bash {{#a on=web-1 undo=none}}\necho ran >>'{own}/ran'\necho >'{own}/reached'\n\
             read -r _ <'{own}/go'\necho \"at the end\"\n```"
        );
        desk.write("r.md", runbook(&body));
        desk.kill_while_waiting(desk.command(&["run", "r.md", "--no-wait"]));
        if power_cut {
            // Everything of tminus here is gone as well; only the host knows.
            end_local_processes(&desk);
        }
        let ran = std::thread::scope(|scope| {
            scope.spawn(|| desk.let_go());
            desk.expect(0, &["resume", "--no-wait"])
        });
        ran.says("exited with 0");
        assert_eq!(desk.read("ran"), "ran\n", "power cut: {power_cut}");
    }
}

/// Kills what the killed program had started here, the connection among it.
fn end_local_processes(desk: &Desk) {
    let mark = format!("RUN_OUT={}/", desk.folder.display());
    let mut found = true;
    while found {
        found = false;
        for entry in std::fs::read_dir("/proc").expect("Linux").flatten() {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|one| one.starts_with(mark.as_bytes())) {
                found = true;
                let id = entry.file_name().to_string_lossy().into_owned();
                let _ = Command::new("kill").args(["-KILL", &id]).status();
            }
        }
    }
}
