//! Steps on another host, by a real sshd.

use tminus_release::plan::Action;
use tminus_steps::{Job, Verdict};
use tminus_testkit::ssh::SshHosts;

use crate::common::{Ground, bash};

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
        ("web-2", "echo \"$VERSION\"; cat; echo end", Verdict::Passed, Some(0), "it's v1\nend\n"),
        ("web-1", "false | true; echo no", Verdict::Failed, Some(1), ""),
        ("web-1", "echo out; exit 3", Verdict::Failed, Some(3), "out\n"),
        ("web-1", "echo \"${INHERITED-nothing}\"", Verdict::Passed, Some(0), "nothing\n"),
    ] {
        let mut job = job_on(&ground, host, script);
        job.variables.insert("VERSION".to_owned(), "it's v1".to_owned());
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
        assert_eq!((report.verdict, report.exit_code), (Verdict::Failed, Some(255)));
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
