//! Steps on another host, by a real sshd.

use tminus_release::plan::{Action, Group, Interpreter};
use tminus_release::time::Span;
use tminus_steps::{Hands as _, Job, Recovered, Verdict};
use tminus_testkit::ssh::SshHosts;

use crate::common::{Ground, bash, never, shell};

fn text(report: &tminus_steps::Report) -> String {
    String::from_utf8_lossy(&report.output).into_owned()
}

fn job_on(ground: &Ground, host: &str, script: &str) -> Job {
    let mut job = ground.job(bash(script));
    if let Action::Shell(shell) = &mut job.action {
        shell.host = Some(host.to_owned());
    }
    job
}

#[tokio::test]
async fn steps_run_on_the_host_that_they_name() {
    let Some(hosts) = SshHosts::start(&["web-1", "web-2"]) else { return };
    let mut ground = Ground::new();
    ground.look_for_programs_in(&hosts.bin());
    for (host, script, verdict, code, expected) in [
        ("web-1", "echo \"$HOST_NAME\"", Verdict::Passed, Some(0), "web-1\n"),
        ("web-2", "echo \"$HOST_NAME\"", Verdict::Passed, Some(0), "web-2\n"),
        (
            "web-2",
            "echo \"$VERSION\"; cat; echo end",
            Verdict::Passed,
            Some(0),
            "it's $HOME \"x\"\n`y`\\\nend\n",
        ),
        ("web-2", "printf 'no end of line'", Verdict::Passed, Some(0), "no end of line"),
        ("web-2", "echo \"$0 $LINENO\"; exit 255", Verdict::Failed, Some(255), "tminus 1\n"),
        ("web-2", "echo 'tminus end 0' >&2; exit 7", Verdict::Failed, Some(7), "tminus end 0\n"),
        ("web-1", "false | true; echo no", Verdict::Failed, Some(1), ""),
        ("web-1", "echo out; exit 3", Verdict::Failed, Some(3), "out\n"),
        ("web-1", "echo \"${INHERITED-nothing}\"", Verdict::Passed, Some(0), "nothing\n"),
    ] {
        let mut job = job_on(&ground, host, script);
        job.variables.insert("VERSION".to_owned(), "it's $HOME \"x\"\n`y`\\".to_owned());
        let report = ground.perform(&job).await;
        let found = (report.verdict, report.exit_code, text(&report));
        assert_eq!(found, (verdict, code, expected.to_owned()), "{script}: {}", report.detail);
    }
}

#[tokio::test]
async fn a_secret_is_in_no_argument_on_either_side() {
    let Some(hosts) = SshHosts::start(&["web-1"]) else { return };
    let mut ground = Ground::new();
    ground.look_for_programs_in(&hosts.bin());
    // Every process of this machine is looked at, the client and the far shell among them. The
    // value is put together here, so that the code that looks does not hold it.
    let script = "echo ${#TOKEN}; part=${TOKEN#s}; \
                  for at in /proc/[0-9]*/cmdline; do \
                  found=$(tr '\\0' ' ' 2>/dev/null <\"$at\" || true); \
                  case $found in *\"s$part\"*) echo \"seen in $at\";; esac; done";
    // That it would be seen is shown by a plain variable of the same value.
    let mut plain = job_on(&ground, "web-1", script);
    plain.variables.insert("TOKEN".to_owned(), "s3cret-t0ken-x1y".to_owned());
    let report = ground.perform(&plain).await;
    assert!(text(&report).contains("seen in /proc/"), "{}", text(&report));
    let mut job = job_on(&ground, "web-1", script);
    job.secrets.insert("TOKEN".to_owned(), "env:THE_TOKEN".to_owned());
    let report = ground.perform(&job).await;
    assert_eq!((report.verdict, text(&report).as_str()), (Verdict::Passed, "16\n"), "{}", report.detail);
}

#[tokio::test]
async fn a_host_that_is_not_reached_or_not_trusted_runs_nothing_and_is_named() {
    let Some(hosts) = SshHosts::start(&["web-1", "web-2"]) else { return };
    hosts.expect_another_key("web-1");
    let mut ground = Ground::new();
    ground.look_for_programs_in(&hosts.bin());
    for (host, said) in [("gone", "Connection refused"), ("web-1", "Host key verification failed")] {
        let proof = ground.folder.join(format!("ran-on-{host}"));
        let report = ground.perform(&job_on(&ground, host, &format!("touch '{}'", proof.display()))).await;
        assert_eq!((report.verdict, report.exit_code), (Verdict::Failed, None));
        assert!(report.detail.contains(said), "{}", report.detail);
        assert!(text(&report).contains(said), "{host}: {}", text(&report));
        assert!(report.detail.contains(host), "{}", report.detail);
        assert!(!proof.exists(), "{host}");
    }
    // The other host is as it was.
    let report = ground.perform(&job_on(&ground, "web-2", "true")).await;
    assert_eq!(report.verdict, Verdict::Passed, "{}", text(&report));
}

#[tokio::test]
async fn the_folder_of_a_step_is_one_of_its_host() {
    let Some(hosts) = SshHosts::start(&["web-1"]) else { return };
    let mut ground = Ground::new();
    ground.look_for_programs_in(&hosts.bin());
    let there = ground.folder.join("it's there");
    std::fs::create_dir(&there).unwrap();
    for (folder, passes) in [(there.clone(), true), (ground.folder.join("missing"), false)] {
        let mut job = job_on(&ground, "web-1", "pwd; touch made");
        if let Action::Shell(shell) = &mut job.action {
            shell.folder = Some(folder.to_string_lossy().into_owned());
        }
        let report = ground.perform(&job).await;
        assert_eq!(report.verdict == Verdict::Passed, passes, "{}", text(&report));
        assert_eq!(folder.join("made").exists(), passes);
        assert_eq!(text(&report).trim_end() == folder.to_string_lossy(), passes, "{}", text(&report));
    }
    assert!(!ground.folder.join("work/made").exists());
}

#[tokio::test]
async fn other_interpreters_outputs_and_limits_are_as_they_are_here() {
    let Some(hosts) = SshHosts::start(&["web-1"]) else { return };
    let mut ground = Ground::new();
    ground.look_for_programs_in(&hosts.bin());
    let mut job = ground.job(shell(
        Interpreter::Python,
        "import os, sys; print(len(os.environ['TOKEN']), sys.stdin.read() == '')",
    ));
    on(&mut job, &["web-1"], 1, 0);
    job.secrets.insert("TOKEN".to_owned(), "env:THE_TOKEN".to_owned());
    let report = ground.perform(&job).await;
    assert_eq!((report.verdict, text(&report).as_str()), (Verdict::Passed, "16 True\n"), "{}", report.detail);
    let report = ground.perform(&job_on(&ground, "web-1", "echo \"at=$HOST_NAME\" >>\"$RUN_OUT\"")).await;
    assert_eq!(report.outputs.get("at").map(String::as_str), Some("web-1"), "{}", text(&report));
    // What it leaves running is ended, and told.
    let report = ground.perform(&job_on(&ground, "web-1", "sleep 300 & echo $!")).await;
    assert_eq!((report.verdict, report.leftovers), (Verdict::Passed, 1), "{}", report.detail);
    assert!(!is_alive(text(&report).trim()));
    // So is what takes too long.
    let mut job = job_on(&ground, "web-1", "echo $$; exec sleep 300");
    job.timeout = Span::seconds(1);
    let report = ground.perform(&job).await;
    assert_eq!(report.verdict, Verdict::TimedOut, "{} {}", report.detail, text(&report));
    assert!(!is_alive(text(&report).trim()), "{}", text(&report));
}

/// A client whose connection is cut as soon as the step on the other host has made `begun`. It
/// connects again when `again` is there; until then every connection is refused.
fn fragile_client(ground: &Ground, hosts: &SshHosts) -> std::path::PathBuf {
    let bin = ground.folder.join("fragile");
    std::fs::create_dir(&bin).unwrap();
    let own = ground.folder.join("");
    let text = format!(
        "#!/bin/bash\ncd '{}'\nif [ -e cut ] && [ ! -e again ]; then echo 'Connection refused' >&2; exit 255; fi\n\
         if [ -e cut ]; then exec '{ssh}' \"$@\"; fi\n\
         '{ssh}' \"$@\" <&0 & ssh=$!\nread -r _ <begun\n: >cut\nkill -KILL $ssh\nexit 255\n",
        own.display(),
        ssh = hosts.bin().join("ssh").display(),
    );
    std::fs::write(bin.join("ssh"), text).unwrap();
    std::fs::set_permissions(bin.join("ssh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for name in ["begun", "go"] {
        assert!(
            std::process::Command::new("mkfifo").arg(ground.folder.join(name)).status().unwrap().success()
        );
    }
    bin
}

#[tokio::test]
async fn a_lost_connection_is_answered_by_asking_the_host() {
    let Some(hosts) = SshHosts::start(&["web-1"]) else { return };
    let mut ground = Ground::new();
    let bin = fragile_client(&ground, &hosts);
    ground.look_for_programs_in(&bin);
    let own = ground.folder.join("");
    let own = own.display();
    // Goes on only after the connection was cut, and counts how often it ran.
    let script = format!(
        "echo before; echo ran >>'{own}/ran'; echo >'{own}/begun'; until [ -e '{own}/cut' ]; do sleep 0.01; done; \
         touch '{own}/again'; echo \"after $TOKEN\"; exit 3"
    );
    let mut job = job_on(&ground, "web-1", &script);
    job.secrets.insert("TOKEN".to_owned(), "env:THE_TOKEN".to_owned());
    let report = ground.perform(&job).await;
    assert_eq!((report.verdict, report.exit_code), (Verdict::Failed, Some(3)), "{}", report.detail);
    let text = text(&report);
    assert!(
        text.contains("the connection to web-1 is lost") && text.contains("after ‹redacted›\n"),
        "{text}"
    );
    assert_eq!(text.matches("before\n").count(), 1, "{text}");
    assert_eq!(std::fs::read_to_string(ground.folder.join("ran")).unwrap(), "ran\n");
}

#[tokio::test]
async fn a_host_that_stays_away_makes_the_outcome_unknown_and_is_asked_by_the_next_attempt() {
    let Some(hosts) = SshHosts::start(&["web-1"]) else { return };
    let mut ground = Ground::new();
    let bin = fragile_client(&ground, &hosts);
    ground.look_for_programs_in(&bin);
    let own = ground.folder.join("");
    let own = own.display();
    let script = format!("echo ran >>'{own}/ran'; echo >'{own}/begun'; read -r _ <'{own}/go'; echo done");
    let mut job = job_on(&ground, "web-1", &script);
    job.timeout = Span::seconds(16);
    let report = ground.perform(&job).await;
    assert_eq!(report.verdict, Verdict::Unknown, "{} {}", report.detail, text(&report));
    assert!(
        report.detail.contains("web-1") && report.detail.contains("Connection refused"),
        "{}",
        report.detail
    );
    // It is reached again; what began is still there. A new attempt follows it and begins nothing.
    std::fs::write(ground.folder.join("again"), "").unwrap();
    let mut again = job_on(&ground, "web-1", &script);
    again.attempt = job.attempt + 1;
    let go = ground.folder.join("go");
    let open = tokio::task::spawn_blocking(move || std::fs::write(go, "go\n").unwrap());
    let report = ground.perform(&again).await;
    open.await.unwrap();
    assert_eq!(
        (report.verdict, report.exit_code),
        (Verdict::Passed, Some(0)),
        "{} {}",
        report.detail,
        text(&report)
    );
    assert!(text(&report).ends_with("done\n"));
    assert_eq!(std::fs::read_to_string(ground.folder.join("ran")).unwrap(), "ran\n", "it ran once");
}

#[tokio::test]
async fn after_a_crash_the_host_says_what_came_of_it() {
    let Some(hosts) = SshHosts::start(&["web-1"]) else { return };
    let mut ground = Ground::new();
    ground.look_for_programs_in(&hosts.bin());
    let own = ground.folder.join("");
    for name in ["begun", "go"] {
        assert!(std::process::Command::new("mkfifo").arg(own.join(name)).status().unwrap().success());
    }
    let script = format!("echo >'{0}/begun'; read -r _ <'{0}/go'; echo done; exit 4", own.display());
    let job = job_on(&ground, "web-1", &script);
    let begun = own.join("begun");
    let began = tokio::task::spawn_blocking(move || std::fs::read_to_string(begun).unwrap());
    tokio::select! {
        _ = ground.perform(&job) => panic!("it waits"),
        _ = began => {}
    }
    // tminus is gone, and so is everything of it here; the command on the host is not.
    assert!(ground.end_processes_of(&job) > 0);
    let go = own.join("go");
    let open = tokio::task::spawn_blocking(move || std::fs::write(go, "go\n").unwrap());
    let mut world = Ground::another_world(&ground);
    std::mem::swap(&mut ground.world, &mut world);
    ground.look_for_programs_in(&hosts.bin());
    let Recovered::Finished(report) = ground.world.recover(job.clone(), never()).await else {
        panic!("it is known")
    };
    open.await.unwrap();
    assert_eq!((report.verdict, report.exit_code), (Verdict::Failed, Some(4)), "{}", report.detail);
    assert!(text(&report).ends_with("done\n"), "{}", text(&report));
    // One that never got as far as the host cannot begin any more.
    let mut other = job_on(&ground, "web-1", "touch never");
    other.attempt = 99;
    other.scratch = ground.folder.join("scratch/r1/deploy.forward.99");
    let claim = "\0attempt\0deploy.forward.99\x004711\0";
    std::fs::write(ground.folder.join("scratch/r1/99.slot"), claim).unwrap();
    assert_eq!(ground.world.recover(other.clone(), never()).await, Recovered::NotStarted);
    other.attempt = 99;
    other.scratch = ground.folder.join("scratch/r1/other");
    let report = ground.perform(&other).await;
    assert_eq!(report.verdict, Verdict::Failed, "{}", report.detail);
    assert!(report.detail.contains("not begun"), "{}", report.detail);
}

#[tokio::test]
async fn a_group_goes_in_batches_and_stops_at_the_first_failure_too_many() {
    let names = ["web-1", "web-2", "web-3", "web-4"];
    let Some(hosts) = SshHosts::start(&names) else { return };
    let mut ground = Ground::new();
    ground.look_for_programs_in(&hosts.bin());
    let own = ground.folder.join("");
    let script = format!(
        "echo \"$HOST_NAME\" >>'{0}/ran'; echo here; if [ \"$HOST_NAME\" = web-2 ] && [ ! -e '{0}/mended' ]; then exit 5; fi",
        own.display()
    );
    let ran = || std::fs::read_to_string(ground.folder.join("ran")).unwrap();
    let mut job = ground.job(bash(&script));
    on(&mut job, &names, 1, 0);
    let report = ground.perform(&job).await;
    assert_eq!((report.verdict, ran().as_str()), (Verdict::Failed, "web-1\nweb-2\n"), "{}", report.detail);
    assert_eq!(
        report.detail,
        "web-2 exited with 5; web-1 exited with 0; web-3, web-4 not begun, because of the others"
    );
    assert_eq!(text(&report), "web-1: here\nweb-2: here\n");
    // Again: those that passed are left as they are.
    std::fs::write(ground.folder.join("mended"), "").unwrap();
    let mut again = ground.job(bash(&script));
    on(&mut again, &names, 2, 0);
    let report = ground.perform(&again).await;
    assert_eq!(report.verdict, Verdict::Passed, "{} {}", report.detail, text(&report));
    let mut lines: Vec<String> = ran().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["web-1", "web-2", "web-2", "web-3", "web-4"]);
    assert!(report.detail.ends_with("web-1 had passed before"), "{}", report.detail);
    // One may fail: the one that is not reached is told, the others go on.
    let mut some = ground.job(bash("echo here"));
    some.step = "other".to_owned();
    on(&mut some, &["web-1", "gone", "web-3"], 3, 1);
    let report = ground.perform(&some).await;
    assert_eq!(report.verdict, Verdict::Passed, "{}", report.detail);
    assert!(report.detail.starts_with("gone could not be begun"), "{}", report.detail);
}

fn on(job: &mut Job, hosts: &[&str], batch: u32, failures: u32) {
    if let Action::Shell(shell) = &mut job.action {
        let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
        shell.group = Some(Group { name: "web".to_owned(), hosts, batch, failures, once: true });
    }
}

fn is_alive(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}
