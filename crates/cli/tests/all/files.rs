//! `.send` and `.fetch`, with a real sshd for each host.

use std::os::unix::fs::PermissionsExt as _;

use tminus_testkit::ssh::SshHosts;

use crate::support::{Desk, STOPS, runbook};

/// Two hosts, one of which has the file already, and a runbook that sends it and looks.
fn desk() -> Option<(SshHosts, Desk)> {
    let hosts = SshHosts::start(&["h1", "h2"])?;
    let desk = Desk::new();
    desk.program("ssh", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", hosts.bin().join("ssh").display()));
    desk.write("tminus.toml", "[hosts]\nweb = [\"h1\", \"h2\"]\n");
    desk.write("app v2.toml", "it's \"new\"\n");
    std::fs::write(hosts.home("h1").join("app.toml"), "old\n").expect("the home of h1");
    let old = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(hosts.home("h1").join("app.toml"), old).expect("its mode");
    desk.write(
        "r.md",
        runbook("**Hosts**: web\n\n```yaml {#config .send on=web}\nfrom: app $VERSION.toml\nto: ~/app.toml\n```\n\n```bash {#smoke .check}\n./smoke\n```")
            .replace("runbook: 1", "runbook: 1\non_failure: rollback"),
    );
    desk.program("../smoke", "#!/bin/sh\n");
    Some((hosts, desk))
}

/// What a host has: content and mode; the folder must hold nothing else that is not hidden.
fn has(hosts: &SshHosts, host: &str) -> Option<(String, u32)> {
    let folder = hosts.home(host);
    let names: Vec<String> = std::fs::read_dir(&folder)
        .expect("a home")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    let path = folder.join("app.toml");
    let text = std::fs::read_to_string(&path).ok();
    assert_eq!(names.len(), usize::from(text.is_some()), "{names:?}");
    text.map(|text| (text, std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777))
}

#[test]
fn a_file_goes_to_every_host_and_comes_back_byte_for_byte() {
    let Some((hosts, desk)) = desk() else { return };
    let before = (Some(("old\n".to_owned(), 0o600)), None);
    assert_eq!((has(&hosts, "h1"), has(&hosts, "h2")), before);
    desk.expect(0, &["plan", "r.md", "--version", "v2"])
        .says("Send app $VERSION.toml to ~/app.toml, web (h1, h2)");
    desk.expect(0, &["run", "r.md", "--version", "v2"]).says("h2: before: there was no").says("h1: now:");
    let new = |mode| Some(("it's \"new\"\n".to_owned(), mode));
    assert_eq!((has(&hosts, "h1"), has(&hosts, "h2")), (new(0o600), new(0o644)));
    // The same again changes nothing, and its way back is to what is there now.
    desk.write("app v3.toml", "newer\n");
    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    desk.expect(3, &["run", "r.md", "--version", "v3"]).says("h1: ").says("again").says("rolled back");
    assert_eq!((has(&hosts, "h1"), has(&hosts, "h2")), (new(0o600), new(0o644)));
    // What was not there is not there again.
    std::fs::remove_file(hosts.home("h2").join("app.toml")).expect("it is there");
    desk.expect(3, &["run", "r.md", "--version", "v3"]).says("was not there before, and is gone again");
    assert_eq!((has(&hosts, "h1"), has(&hosts, "h2")), (new(0o600), None));
}

/// A runbook that sends a file to this machine, where one is already, beside one that is not.
fn desk_here() -> Desk {
    let desk = Desk::new();
    // Whatever spoke with a host would fail.
    desk.program("ssh", "#!/bin/sh\nexit 255\n");
    desk.write("app v2.toml", "it's \"new\"\n");
    desk.write("config/app.toml", "old\n");
    let old = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(desk.path("config/app.toml"), old).expect("its mode");
    desk.write(
        "r.md",
        runbook("```yaml {#config .send on=here}\nfrom: app $VERSION.toml\nto: config/app.toml\n```\n\n```yaml {#more .send on=here}\nfrom: app $VERSION.toml\nto: config/more.toml\nmode: 600\n```\n\n```bash {#smoke .check}\n./smoke\n```")
            .replace("runbook: 1", "runbook: 1\non_failure: rollback"),
    );
    desk.program("../smoke", "#!/bin/sh\n");
    desk
}

/// What stands in the folder of this machine's configuration: names, contents and modes.
fn has_here(desk: &Desk) -> Vec<(String, String, u32)> {
    let mut found: Vec<(String, String, u32)> = std::fs::read_dir(desk.path("config"))
        .expect("the folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let mode = std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("text"), mode)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn a_file_of_this_machine_is_replaced_and_comes_back_byte_for_byte() {
    let desk = desk_here();
    let before = has_here(&desk);
    assert_eq!(before, [("app.toml".to_owned(), "old\n".to_owned(), 0o640)]);
    desk.expect(0, &["plan", "r.md", "--version", "v2"])
        .says("Send app $VERSION.toml to config/app.toml, this machine");
    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    desk.expect(3, &["run", "r.md", "--version", "v2"])
        .says("here: now: config/app.toml")
        .says("config/more.toml was not there before, and is gone again")
        .says("rolled back");
    assert_eq!(has_here(&desk), before);
    // What is here already is not fetched; and a name in tminus.toml is that of its hosts.
    desk.write("f.md", runbook("```yaml {#logs .fetch on=here}\nfrom: a\nto: logs\n```"));
    desk.expect(2, &["plan", "f.md"]).says("this one is here");
    desk.write("tminus.toml", "[hosts]\nhere = [\"h1\"]\n");
    desk.expect(2, &["plan", "r.md", "--version", "v2"])
        .says("`on=here` names a host that the page does not show");
    std::fs::remove_file(desk.path("tminus.toml")).expect("it is there");
    // Somebody mends it between: it is asked about and never written over.
    desk.program("../smoke", "#!/bin/sh\necho mended >config/app.toml\nexit 1\n");
    desk.expect(6, &["run", "r.md", "--version", "v2", "--no-wait"])
        .says("config/app.toml is not as this release sent it: somebody changed it since, and it stays");
    assert_eq!(desk.read("config/app.toml"), "mended\n");
}

#[test]
fn a_file_that_somebody_mended_between_two_attempts_is_not_sent_over() {
    let desk = desk_here();
    desk.write("r.md", desk.read("r.md").replace("on_failure: rollback", "on_failure: hold"));
    // The first attempt fails when the file is in its place.
    desk.program("mv", "#!/bin/sh\n/bin/mv \"$@\" || exit\ncase \"$*\" in *config/app.toml) if ! [ -e once ]; then : >once; exit 1; fi ;; esac\n");
    desk.expect(5, &["run", "r.md", "--version", "v2", "--no-wait"]);
    assert_eq!(desk.read("config/app.toml"), "it's \"new\"\n");
    desk.write("config/app.toml", "mended\n");
    desk.expect(0, &["answer", "config", "retry"]);
    desk.expect(5, &["resume", "--no-wait"])
        .says("config/app.toml is not as this release sent it: somebody changed it since, and it stays")
        .says("rm -- config/app.toml");
    assert_eq!(desk.read("config/app.toml"), "mended\n");
    // Said to be in the way, it is sent; the way back is still to what was there at first.
    std::fs::remove_file(desk.path("config/app.toml")).expect("it is there");
    desk.expect(0, &["answer", "config", "retry"]);
    desk.expect(0, &["resume", "--no-wait"]);
    assert_eq!(desk.read("config/app.toml"), "it's \"new\"\n");
}

#[test]
fn crash_everywhere_a_file_of_this_machine_comes_back_to_what_it_was_at_first() {
    let desk = desk_here();
    let before = has_here(&desk);
    desk.program("../smoke", "#!/bin/sh\n: >failed\nexit 1\n");
    // Cut off before the file takes its place and behind that, on the way out and on the way back.
    for (out, behind) in [(true, false), (true, true), (false, false), (false, true)] {
        let when = if out { "! [ -e failed ]" } else { "[ -e failed ]" };
        let at = |here: bool| if here == behind { STOPS } else { ":" };
        desk.program("mv", &format!("#!/bin/sh\ncase \"$*\" in *config/app.toml) if {when}; then {}; fi ;; esac\n/bin/mv \"$@\" || exit\ncase \"$*\" in *config/app.toml) if {when}; then {}; fi ;; esac\n", at(false), at(true)));
        let _ = std::fs::remove_file(desk.path("failed"));
        desk.cut_power(desk.command(&["run", "r.md", "--version", "v2", "--no-wait"]));
        let text = desk.read("config/app.toml");
        assert_eq!(text == "old\n", out != behind, "{out} {behind}: {text}");
        desk.expect(3, &["resume", "--no-wait"]).says("rolled back");
        assert_eq!(has_here(&desk), before, "{out} {behind}");
    }
}

#[test]
fn what_does_not_arrive_whole_changes_nothing() {
    let Some((hosts, desk)) = desk() else { return };
    let before = (has(&hosts, "h1"), has(&hosts, "h2"));
    // The connection ends in the middle of the file.
    desk.write("app v2.toml", vec![b'x'; 1 << 20]);
    let ssh = hosts.bin().join("ssh");
    desk.program("ssh", &format!("#!/bin/sh\ncase \"$*\" in *'-- h2 '*'is not what was sent'*) head -c 1000 | '{0}' \"$@\" ;; *) exec '{0}' \"$@\" ;; esac\n", ssh.display()));
    desk.expect(3, &["run", "r.md", "--version", "v2"])
        .says("h2: error: what arrived is not what was sent")
        .says("failed on h2");
    assert_eq!((has(&hosts, "h1"), has(&hosts, "h2")), before);
    // A host that is away: the one after it is not begun, and what was sent is taken back.
    desk.write("tminus.toml", "[hosts]\nweb = [\"h1\", \"gone\", \"h2\"]\n");
    desk.program("ssh", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", ssh.display()));
    desk.expect(6, &["run", "r.md", "--version", "v2", "--no-wait"])
        .says("failed on gone, and was not begun on h2")
        .says("not every host is as before")
        .says("tminus answer config retry");
    assert_eq!((has(&hosts, "h1"), has(&hosts, "h2")), before);
    // Named wrongly.
    desk.write("tminus.toml", "[hosts]\nweb = [\"h1\", \"h2\"]\n");
    desk.expect(2, &["plan", "r.md"]).says("T903");
    let text = desk.read("r.md");
    desk.write("r.md", text.replace(" on=web", ""));
    desk.expect(2, &["plan", "r.md", "--version", "v2"]).says("nothing says which hosts");
    desk.write("r.md", text.replace("~/app.toml", "/no/such/folder/app.toml"));
    desk.expect(3, &["run", "r.md", "--version", "v2"]).says("there is no folder /no/such/folder");
}

#[test]
fn crash_everywhere_a_file_that_was_being_sent_is_sent_once_more_and_its_way_back_is_the_first_one() {
    let Some((hosts, desk)) = desk() else { return };
    let before = (has(&hosts, "h1"), has(&hosts, "h2"));
    // Stops when h1 has the file and h2 has not.
    let ssh = hosts.bin().join("ssh");
    desk.program("ssh", &format!("#!/bin/sh\ncase \"$*\" in *'-- h2 '*) if [ -p reached ]; then echo >reached; cat go; rm reached; fi ;; esac\nexec '{}' \"$@\"\n", ssh.display()));
    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    desk.kill_while_waiting(desk.command(&["run", "r.md", "--version", "v2"]));
    assert_eq!(has(&hosts, "h1").expect("sent").0, "it's \"new\"\n");
    desk.write("app v2.toml", "written meanwhile\n");
    desk.let_go();
    desk.expect(3, &["resume", "--no-wait"]).says("rolled back");
    assert_eq!((has(&hosts, "h1"), has(&hosts, "h2")), before);
}

#[test]
fn crash_everywhere_a_file_that_was_cut_off_is_sent_again_and_fetched_again() {
    let Some((hosts, desk)) = desk() else { return };
    let before = (has(&hosts, "h1"), has(&hosts, "h2"));
    let ssh = hosts.bin().join("ssh").display().to_string();
    let seen = hosts.home("h2").join("app.toml").display().to_string();
    // Cut off before the second host gets it, and when it has it and nobody has heard of that.
    for behind in [false, true] {
        let at = |here: bool| if here == behind { STOPS } else { ":" };
        desk.program("ssh", &format!("#!/bin/sh\ncase \"$*\" in *'-- h2 '*) {} ;; esac\n'{ssh}' \"$@\" || exit\ncase \"$*\" in *'-- h2 '*) {} ;; esac\n", at(false), at(true)));
        desk.cut_power(desk.command(&["run", "r.md", "--version", "v2", "--again"]));
        assert_eq!(has(&hosts, "h2").is_some(), behind);
        desk.program("../smoke", &format!("#!/bin/sh\ncp '{seen}' seen\nexit 1\n"));
        desk.write("app v2.toml", "written meanwhile\n");
        desk.expect(3, &["resume", "--no-wait"]).says("h1: now:").says("h2: now:").says("rolled back");
        assert_eq!(desk.read("seen"), "it's \"new\"\n", "what the first attempt sent");
        assert_eq!((has(&hosts, "h1"), has(&hosts, "h2")), before);
        desk.write("app v2.toml", "it's \"new\"\n");
    }

    // A copy from before is whole until the new one is.
    let text = "**Hosts**: web\n\n```yaml {#logs .fetch on=web}\nfrom: ~/app.toml\nto: logs\n```";
    desk.write("f.md", runbook(text));
    std::fs::write(&seen, "second\n").expect("the home of h2");
    desk.write("logs/h1/app.toml", "from before\n");
    desk.program("ssh", &format!("#!/bin/sh\ncase \"$*\" in *'-- h1 '*) '{ssh}' \"$@\" | {{ head -c 20; {STOPS}; cat; }} ;; *) exec '{ssh}' \"$@\" ;; esac\n"));
    desk.cut_power(desk.command(&["run", "f.md"]));
    assert_eq!(
        (desk.read("logs/h1/app.toml"), desk.path("logs/h2").exists()),
        ("from before\n".into(), false)
    );
    desk.expect(0, &["resume", "--no-wait"]);
    assert_eq!(
        (desk.read("logs/h1/app.toml"), desk.read("logs/h2/app.toml")),
        ("old\n".into(), "second\n".into())
    );
    let left = std::fs::read_dir(desk.path("logs/h1")).expect("a folder").count();
    assert_eq!(left, 1, "nothing lies beside it");
}

#[test]
fn a_file_is_fetched_from_every_host_into_a_folder_of_its_own() {
    let Some((hosts, desk)) = desk() else { return };
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    std::fs::write(hosts.home("h1").join("app.log"), &bytes).expect("the home of h1");
    std::fs::write(hosts.home("h2").join("app.log"), "").expect("the home of h2");
    desk.write(
        "r.md",
        runbook("**Hosts**: web\n\n```yaml {#logs .fetch on=web}\nfrom: ~/app.log\nto: logs\n```"),
    );
    desk.expect(0, &["run", "r.md"]).says("h1: logs/h1/app.log: 100000 bytes");
    assert_eq!(std::fs::read(desk.path("logs/h1/app.log")).expect("fetched"), bytes);
    assert_eq!(std::fs::read(desk.path("logs/h2/app.log")).expect("fetched"), b"");
    // A copy from before stays when there is nothing new, and the reason is told.
    std::fs::remove_file(hosts.home("h2").join("app.log")).expect("it is there");
    desk.expect(5, &["run", "r.md", "--no-wait", "--again"])
        .says("h2: error: there is no file")
        .says("failed on h2");
}

#[test]
fn a_file_that_somebody_mended_meanwhile_is_asked_about_and_never_written_over() {
    let Some((hosts, desk)) = desk() else { return };
    let before = (has(&hosts, "h1"), has(&hosts, "h2"));
    let path = |host| hosts.home(host).join("app.toml").display().to_string();
    let changed = "is not as this release sent it: somebody changed it since, and it stays";
    // By hand, between the release and its way back: what it does, what is told, what to paste.
    for (host, by_hand, words, paste) in [
        ("h1", "echo password=hunter2 >FILE", changed, "cp -p -- "),
        ("h1", "chmod 640 FILE", changed, "cp -p -- "),
        ("h1", "rm FILE", "is gone: somebody removed it since this release sent it", "cp -p -- "),
        ("h2", "echo password=hunter2 >FILE", changed, "rm -- "),
    ] {
        let by_hand = by_hand.replace("FILE", &path(host));
        desk.program("../smoke", &format!("#!/bin/sh\n{by_hand}\nexit 1\n"));
        let other = if host == "h1" { "h2" } else { "h1" };
        let other_before = if host == "h1" { &before.1 } else { &before.0 };
        for keeps in [true, false] {
            let ran = desk.expect(6, &["run", "r.md", "--version", "v2", "--no-wait"]);
            ran.says(&format!("{host}: error: {} {words}", path(host))).says(&format!("failed on {host}"));
            ran.says("not every host is as before").says("tminus answer config retry").never_says("hunter2");
            let mended = has(&hosts, host);
            assert_ne!(mended, Some(("it's \"new\"\n".to_owned(), 0o600)), "{by_hand}");
            assert_eq!(has(&hosts, other), *other_before, "{by_hand}: the other one is as before");
            if keeps {
                ran.says("to keep what somebody changed there, say that this undo is done");
                desk.expect(0, &["answer", "config", "done"]);
                desk.expect(3, &["resume", "--no-wait"]).says("rolled back");
                assert_eq!(has(&hosts, host), mended, "{by_hand}");
                put_back(&hosts);
            } else {
                let line = ran.out.lines().find_map(|line| line.split_once("put back what was before:  "));
                let (_, command) = line.expect("a command to paste");
                assert!(command.starts_with(paste), "{command}");
                let pasted = std::process::Command::new("sh").args(["-c", command]).status();
                assert!(pasted.expect("sh").success(), "{command}");
                desk.expect(0, &["answer", "config", "retry"]);
                desk.expect(3, &["resume", "--no-wait"]).says("as before this release").says("rolled back");
                assert_eq!((has(&hosts, "h1"), has(&hosts, "h2")), before, "{by_hand}");
            }
        }
    }
    // Whoever put it back by hand is asked nothing.
    let by_hand = format!("cp -p {} {}", desk.path("kept").display(), path("h1"));
    std::fs::copy(hosts.home("h1").join("app.toml"), desk.path("kept")).expect("a copy");
    desk.program("../smoke", &format!("#!/bin/sh\n{by_hand}\nrm {}\nexit 1\n", path("h2")));
    desk.expect(3, &["run", "r.md", "--version", "v2", "--no-wait"])
        .says("as before this release")
        .says("is not there, as before");
    assert_eq!((has(&hosts, "h1"), has(&hosts, "h2")), before);
}

/// Both hosts as [`desk`] made them.
fn put_back(hosts: &SshHosts) {
    let _ = std::fs::remove_file(hosts.home("h2").join("app.toml"));
    let path = hosts.home("h1").join("app.toml");
    std::fs::write(&path, "old\n").expect("the home of h1");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
}

#[test]
fn crash_everywhere_on_the_way_back_of_a_file_a_second_undo_comes_to_the_same() {
    let Some((hosts, desk)) = desk() else { return };
    let before = (has(&hosts, "h1"), has(&hosts, "h2"));
    let ssh = hosts.bin().join("ssh").display().to_string();
    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    // Cut off before the first host goes back, and when it has and nobody has heard of it.
    for behind in [false, true] {
        let at = |here: bool| if here == behind { STOPS } else { ":" };
        desk.program("ssh", &format!("#!/bin/sh\ncase \"$*\" in *'-- h1 '*'sent nothing here'*) {} ;; esac\n'{ssh}' \"$@\" || exit\ncase \"$*\" in *'-- h1 '*'sent nothing here'*) {} ;; esac\n", at(false), at(true)));
        desk.cut_power(desk.command(&["run", "r.md", "--version", "v2", "--no-wait"]));
        assert_eq!(has(&hosts, "h1") == before.0, behind);
        let ran = desk.run(&["resume", "--no-wait"]);
        assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
        assert_eq!((has(&hosts, "h1"), has(&hosts, "h2")), before);
    }
}
