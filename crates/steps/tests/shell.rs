//! Shell steps with real processes.
#![allow(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

mod common;
mod ssh;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Ground, bash, never, shell};
use tminus_release::plan::Interpreter;
use tminus_release::time::Span;
use tminus_steps::{Carried, Hands as _, Recovered, Report, Verdict};
use tokio::sync::{mpsc, watch};

const KILLED: &str = "it was killed before it could write down how it ended, or before it began";

fn text(report: &Report) -> String {
    String::from_utf8_lossy(&report.output).into_owned()
}

#[tokio::test]
async fn exit_codes_and_failures_are_told() {
    use Verdict::{Failed, Passed};
    let table = [
        ("true", Passed, Some(0), "exited with 0", ""),
        ("echo out; echo err >&2; echo again", Passed, Some(0), "exited with 0", "out\nerr\nagain\n"),
        (
            "echo a\n\nls /no/such/file | cat\necho b",
            Failed,
            Some(2),
            "exited with 2 at line 3: `ls /no/such/file | cat`",
            "No such file or directory\n",
        ),
        ("exit 7", Failed, Some(7), "exited with 7", ""),
        (
            "yes | head -n 1",
            Failed,
            Some(141),
            "exited with 141 at line 1: `yes | head -n 1` (SIGPIPE: what it wrote to had ended before",
            "y\n",
        ),
        ("false || true; exit 1", Failed, Some(1), "exited with 1", ""),
        (
            "f() {\n  grep -q x /dev/null\n}\nf",
            Failed,
            Some(1),
            "exited with 1 at line 2: `grep -q x /dev/null`",
            "",
        ),
        ("x=$(false; echo y)\necho $x", Failed, Some(1), "exited with 1 at line 1: `x=$(false; echo y)`", ""),
        (
            "no-such-command --flag",
            Failed,
            Some(127),
            "exited with 127 at line 1: `no-such-command --flag`",
            "command not found",
        ),
        ("kill -KILL $$", Failed, None, "was ended by SIGKILL", ""),
        ("if then fi", Failed, Some(2), "exited with 2", "syntax error"),
        (
            "echo \"$0 $#\"; read -r line || echo no input",
            Passed,
            Some(0),
            "exited with 0",
            "tminus 0\nno input\n",
        ),
        ("exec sh -c 'exit 4'", Failed, Some(4), "exited with 4", ""),
        ("set -x; : here", Passed, Some(0), "exited with 0", "+ : here\n"),
    ];
    for (script, verdict, code, detail, output) in table {
        let ground = Ground::new();
        let report = ground.perform(&ground.job(bash(script))).await;
        assert_eq!((report.verdict, report.exit_code), (verdict, code), "{script}: {}", report.detail);
        assert!(report.detail.starts_with(detail), "{script}: {}", report.detail);
        let found = text(&report);
        assert!(
            found.ends_with(output) || found.contains("command not found") || found.contains("syntax error"),
            "{script}: {found}"
        );
        assert!(!found.contains("__tminus"), "{script}: {found}");
    }
}

#[tokio::test]
async fn other_codes_may_pass() {
    let ground = Ground::new();
    for (code, verdict) in [(0, Verdict::Passed), (3, Verdict::Passed), (1, Verdict::Failed)] {
        let mut job = ground.job(bash(&format!("exit {code}")));
        if let tminus_release::plan::Action::Shell(shell) = &mut job.action {
            shell.ok = vec![0, 3];
        }
        let report = ground.perform(&job).await;
        assert_eq!((report.verdict, report.exit_code), (verdict, Some(code)));
    }
}

#[tokio::test]
async fn other_interpreters_run() {
    for (interpreter, program, script, output) in [
        (Interpreter::Sh, "sh", "echo $A; exit 0", "1\n"),
        (Interpreter::Python, "python3", "import os\nprint(os.environ['A'])", "1\n"),
        (Interpreter::Node, "node", "console.log(process.env.A)", "1\n"),
        (Interpreter::Zsh, "zsh", "echo $A", "1\n"),
    ] {
        let ground = Ground::new();
        let mut job = ground.job(shell(interpreter, script));
        job.variables.insert("A".to_owned(), "1".to_owned());
        let report = ground.perform(&job).await;
        if report.verdict == Verdict::Passed {
            assert_eq!(text(&report), output);
        } else {
            assert!(report.detail.contains(&format!("{program} is not in the PATH")), "{}", report.detail);
        }
    }
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let ground = Ground::new();
    let mut job = ground.job(bash("true"));
    job.folder = ground.folder.join("gone");
    let report = ground.perform(&job).await;
    assert!(report.detail.contains("gone does not exist"), "{}", report.detail);
    assert_eq!(report.verdict, Verdict::Failed);

    let mut job = ground.job(shell(Interpreter::Python, "1"));
    job.variables.insert("PATH".to_owned(), "/nowhere".to_owned());
    let report = ground.perform(&job).await;
    assert!(report.detail.contains("python3 is not in the PATH; install Python 3"), "{}", report.detail);

    let report = ground.perform(&ground.job(bash(&": ".repeat(100_000)))).await;
    assert!(report.detail.contains("longer than a command may be"), "{}", report.detail);

    let report = ground.perform(&ground.job(bash("echo \0"))).await;
    assert!(report.detail.contains("zero byte"), "{}", report.detail);

    let mut job = ground.job(bash("touch ran"));
    job.secrets.insert("TOKEN".to_owned(), "env:NOT_THERE".to_owned());
    let report = ground.perform(&job).await;
    assert!(
        report.detail.contains("secret `TOKEN`: the environment variable NOT_THERE is not set"),
        "{}",
        report.detail
    );
    assert!(!ground.folder.join("work/ran").exists(), "without its secrets nothing runs");
}

#[tokio::test]
async fn folder_and_exports_are_carried() {
    let ground = Ground::new();
    let work = ground.folder.join("work");
    fs::create_dir(work.join("web")).unwrap();
    let set = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let carried = |folder: &Path, pairs: &[(&str, &str)], removed: &[&str]| {
        Some(Carried {
            folder: Some(folder.to_owned()),
            set: set(pairs),
            removed: removed.iter().map(|&name| name.to_owned()).collect(),
        })
    };
    let web = work.join("web");
    for (script, expected) in [
        ("true", None),
        ("A=1; unexported=2; (cd web; export B=2)", None),
        ("cd web", carried(&web, &[], &[])),
        (
            "export NEW='a \"b\" $c\nd'\nGIVEN=changed",
            carried(&work, &[("NEW", "a \"b\" $c\nd"), ("GIVEN", "changed")], &[]),
        ),
        ("unset GIVEN; export -n INHERITED", carried(&work, &[], &["GIVEN", "INHERITED"])),
        ("cd web; cd ..; export GIVEN", None),
        ("trap 'echo bye' EXIT\ncd web; set -C", carried(&web, &[], &[])),
        ("exec 1>&- 2>&-; cd web", carried(&web, &[], &[])),
        ("pushd web >/dev/null; exit 0", carried(&web, &[], &[])),
    ] {
        let mut job = ground.job(bash(script));
        job.variables.insert("GIVEN".to_owned(), "given".to_owned());
        let report = ground.perform(&job).await;
        assert_eq!(report.verdict, Verdict::Passed, "{script}: {} {}", report.detail, text(&report));
        assert_eq!(report.carried, expected, "{script}");
    }
    let report = ground.perform(&ground.job(bash("cd web; export A=1; false"))).await;
    assert_eq!(report.carried, None, "what failed hands nothing down");
    let mut job = ground.job(bash("echo ${INHERITED-gone}"));
    job.removed = vec!["INHERITED".to_owned()];
    assert_eq!(ground.perform(&job).await.output, b"gone\n", "what was unset stays so");
}

#[tokio::test]
async fn a_steps_own_traps_run_with_the_right_status() {
    for (script, code, output) in [
        ("trap 'echo bye $?' EXIT; true", 0, "bye 0\n"),
        ("trap 'echo bye $?' EXIT; false", 1, "bye 1\n"),
        ("trap 'echo bye; exit 5' EXIT; true", 5, "bye\n"),
        ("trap 'echo bye' EXIT; trap - EXIT; true", 0, ""),
        ("trap 'echo err' ERR; false", 1, "err\n"),
        (
            "trap 'echo out' EXIT; (trap 'echo in' EXIT; true); x=$(trap 'echo sub' EXIT); echo $x",
            0,
            "in\nsub\nout\n",
        ),
        ("trap 'echo usr' USR1 EXIT; kill -USR1 $$; echo next", 0, "usr\nnext\nusr\n"),
        ("trap -- 'echo a' INT; trap -p INT", 0, "trap -- 'echo a' SIGINT\n"),
        ("cleanup() { echo clean $?; }; trap cleanup EXIT; exit 3", 3, "clean 3\n"),
    ] {
        let ground = Ground::new();
        let report = ground.perform(&ground.job(bash(script))).await;
        assert_eq!((report.exit_code, text(&report).as_str()), (Some(code), output), "{script}");
    }
}

#[tokio::test]
async fn a_steps_own_trap_still_has_the_secrets_that_cleaning_up_needs() {
    let ground = Ground::new();
    let mut job = ground.job(bash("trap 'sh -c \"echo left: \\${#TOKEN}\"' EXIT; true"));
    job.secrets.insert("TOKEN".to_owned(), "env:THE_TOKEN".to_owned());
    assert_eq!(text(&ground.perform(&job).await), "left: 16\n");
}

#[tokio::test]
async fn outputs_are_read() {
    let ground = Ground::new();
    let script =
        "echo url=https://x/?a=b >> \"$RUN_OUT\"\nprintf 'N=1\\n\\nnot an output\\nN=2\\n' >> $RUN_OUT";
    let report = ground.perform(&ground.job(bash(script))).await;
    let expected =
        BTreeMap::from([("url".to_owned(), "https://x/?a=b".to_owned()), ("N".to_owned(), "2".to_owned())]);
    assert_eq!(report.outputs, expected);
    assert!(report.detail.contains("line 4 of $RUN_OUT is not of the form key=value"), "{}", report.detail);
}

#[tokio::test]
async fn standard_input_is_nothing() {
    // A pipe, even a closed one, makes `rg` and others search it and not the folder.
    let ground = Ground::new();
    for code in ["[[ /dev/stdin -ef /dev/null ]]", "A=1; [[ /dev/stdin -ef /dev/null ]]"] {
        let report = ground.perform(&ground.job(bash(code))).await;
        assert_eq!(report.verdict, Verdict::Passed, "{code}: {}", report.detail);
    }
}

#[tokio::test]
async fn the_environment_is_tminuss_own_plus_the_steps() {
    let ground = Ground::new();
    let mut job = ground.job(bash("env"));
    job.variables.insert("VERSION".to_owned(), "v1".to_owned());
    let report = ground.perform(&job).await;
    let found = text(&report);
    assert!(found.contains("\nVERSION=v1\n") || found.starts_with("VERSION=v1\n"), "{found}");
    assert!(found.contains("INHERITED=yes"), "{found}");
    for name in ["TMINUS_", "BASH_ENV", "__tminus"] {
        assert!(!found.contains(name), "{name}: {found}");
    }
}

#[tokio::test]
async fn secrets_stay_out_of_everything() {
    let ground = Ground::new();
    let script = r#"echo "plain $TOKEN"
printf %s "user:$TOKEN" | base64
printf %s "$TOKEN" | od -An -tx1 | tr -d ' \n'; echo
printf '%s' "${TOKEN:0:7}"; printf '%s\n' "${TOKEN:7}"
export COPY=$TOKEN HEADER="Bearer $TOKEN" FINE=1
echo "leak=$TOKEN" >> "$RUN_OUT"
echo "fine=1" >> "$RUN_OUT"
"#;
    let mut job = ground.job(bash(script));
    job.secrets.insert("TOKEN".to_owned(), "env:THE_TOKEN".to_owned());
    let report = ground.perform(&job).await;
    assert_eq!(report.verdict, Verdict::Passed);
    let everything = format!("{report:?}{}", text(&report));
    assert!(!everything.contains("s3cret") && !everything.contains("czNjcmV0"), "{everything}");
    assert_eq!(text(&report).matches("‹redacted›").count(), 4, "{}", text(&report));
    let carried = report.carried.unwrap();
    let expected =
        BTreeMap::from([("COPY".to_owned(), "secret:TOKEN".to_owned()), ("FINE".to_owned(), "1".to_owned())]);
    assert_eq!(carried.set, expected);
    assert_eq!(report.outputs, BTreeMap::from([("fine".to_owned(), "1".to_owned())]));
    for name in ["HEADER", "leak"] {
        assert!(report.detail.contains(&format!("{name} was not")), "{}", report.detail);
    }
    let report = ground
        .perform(&{
            let mut job = ground.job(bash("grep -q \"$TOKEN\" /dev/null"));
            job.secrets.insert("TOKEN".to_owned(), "env:THE_TOKEN".to_owned());
            job
        })
        .await;
    assert!(!report.detail.contains("s3cret"), "{}", report.detail);
}

#[tokio::test]
async fn a_secret_is_not_left_on_the_disk() {
    let ground = Ground::new();
    let mut job = ground.job(bash("export A=1"));
    job.secrets.insert("TOKEN".to_owned(), "env:THE_TOKEN".to_owned());
    ground.perform(&job).await;
    let kept = fs::read_to_string(ground.folder.join("scratch/r1/0.slot")).unwrap();
    assert!(kept.contains("declare -x A=\"1\"") && !kept.contains("s3cret"), "{kept}");
}

#[tokio::test]
async fn output_without_end_is_bounded() {
    let ground = Ground::new();
    let mut job = ground.job(bash("echo first; { yes || true; } | head -c 200000000; echo; echo last"));
    job.output_limit_bytes = 100_000;
    let report = ground.perform(&job).await;
    assert_eq!((report.verdict, report.output_bytes), (Verdict::Passed, 200_000_012));
    let found = text(&report);
    assert!(found.len() < 100_200, "{}", found.len());
    assert!(found.starts_with("first\ny\n") && found.ends_with("\nlast\n"));
    assert!(found.contains("[… 199900012 bytes of output were left out here …]"));
}

#[tokio::test]
async fn bytes_that_are_no_text_are_kept() {
    let ground = Ground::new();
    let report = ground.perform(&ground.job(bash(r"printf 'a\xff\xfe\x00b\n'"))).await;
    assert_eq!(report.output, b"a\xff\xfe\x00b\n");
}

#[tokio::test]
async fn what_takes_too_long_is_ended() {
    let ground = Ground::new();
    for (script, detail) in [
        ("echo begun; sleep 1000", "took longer than its limit of 300ms and was ended"),
        ("sleep 1000 & sleep 1000 | sleep 1000", "took longer than its limit of 300ms and was ended"),
        ("while :; do :; done", "took longer than its limit of 300ms and was ended"),
    ] {
        let mut job = ground.job(bash(script));
        job.timeout = Span(300);
        let started = Instant::now();
        let report = ground.perform(&job).await;
        assert_eq!(report.verdict, Verdict::TimedOut, "{script}");
        assert_eq!(report.detail, detail, "{script}");
        assert!(started.elapsed() < Duration::from_secs(4), "SIGTERM was enough: {script}");
        assert_eq!(ground.processes_of(&job), 0, "{script}");
    }
}

#[tokio::test]
async fn what_ignores_sigterm_is_killed() {
    let ground = Ground::new();
    let mut job = ground.job(bash("trap '' TERM; echo begun; while :; do sleep 0.05; done"));
    job.timeout = Span(200);
    let report = ground.perform(&job).await;
    assert_eq!(report.verdict, Verdict::TimedOut);
    assert_eq!(
        report.detail,
        "took longer than its limit of 200ms and was ended, by force because it ignored SIGTERM"
    );
    assert_eq!(text(&report), "begun\n");
    assert_eq!(ground.processes_of(&job), 0);
}

#[tokio::test]
async fn cancelling_ends_the_whole_group() {
    let ground = Ground::new();
    let job = ground.job(bash("sleep 1000 & echo ready; sleep 1000"));
    let (cancel, cancelled) = watch::channel(false);
    let (progress, mut chunks) = mpsc::channel(8);
    let work = ground.world.perform(job.clone(), cancelled, progress);
    let (report, ()) = tokio::join!(work, async {
        assert_eq!(chunks.recv().await.unwrap(), b"ready\n");
        cancel.send(true).unwrap();
    });
    assert_eq!((report.verdict, report.detail.as_str()), (Verdict::Cancelled, "was cancelled"));
    assert_eq!(ground.processes_of(&job), 0);
}

#[tokio::test]
async fn what_is_left_behind_is_ended_and_counted() {
    let ground = Ground::new();
    let job = ground.job(bash("sleep 1000 & (sleep 1000; true) & echo done"));
    let report = ground.perform(&job).await;
    assert_eq!((report.verdict, text(&report).as_str()), (Verdict::Passed, "done\n"));
    assert_eq!(report.leftovers, 3, "{}", report.detail);
    assert_eq!(report.detail, "exited with 0; 3 processes that it left running were ended");
    assert_eq!(ground.processes_of(&job), 0);
}

#[tokio::test]
async fn what_only_takes_a_moment_longer_may_finish() {
    let ground = Ground::new();
    let script = "exec > >(while read -r line; do sleep 0.02; echo \"[$line]\"; done)\necho one; echo two";
    let report = ground.perform(&ground.job(bash(script))).await;
    assert_eq!((text(&report).as_str(), report.leftovers), ("[one]\n[two]\n", 0));
}

#[tokio::test]
async fn what_escapes_does_not_hold_us_up() {
    let ground = Ground::new();
    let job = ground
        .job(bash("setsid sh -c 'while :; do echo still here; sleep 0.01; done' & sleep 0.1; echo done"));
    let started = Instant::now();
    let report = ground.perform(&job).await;
    assert_eq!(report.verdict, Verdict::Passed);
    assert!(text(&report).contains("done\n") && started.elapsed() < Duration::from_secs(5));
    // It may be starting another at that moment, which then counts as well.
    assert!(ground.end_processes_of(&job) >= 1, "it is not in the group, so it goes on");
}

/// Starts a job, waits for its first output, and drops the supervisor.
async fn abandon(ground: &Ground, job: &tminus_steps::Job) {
    let (_keep, cancelled) = watch::channel(false);
    let (progress, mut chunks) = mpsc::channel(8);
    let work = ground.world.perform(job.clone(), cancelled, progress);
    tokio::select! {
        report = work => panic!("it ended: {report:?}"),
        first = chunks.recv() => assert_eq!(first.unwrap(), b"begun\n"),
    }
}

#[tokio::test]
async fn a_running_step_is_found_again() {
    let ground = Ground::new();
    // It prints far more than a pipe holds while nobody listens, and must not be hurt by that.
    let script = "echo begun; until [ -e go ]; do sleep 0.01; done; head -c 300000 /dev/zero | tr '\\0' x; echo; cd /; export A=1; echo k=v >>$RUN_OUT; exit 3";
    let mut job = ground.job(bash(script));
    if let tminus_release::plan::Action::Shell(shell) = &mut job.action {
        shell.ok = vec![3];
    }
    abandon(&ground, &job).await;
    fs::write(job.folder.join("go"), "").unwrap();
    let Recovered::Finished(report) = ground.another_world().recover(job.clone(), never()).await else {
        panic!("it finished")
    };
    assert_eq!((report.verdict, report.exit_code), (Verdict::Passed, Some(3)));
    assert_eq!(report.carried.unwrap().set, BTreeMap::from([("A".to_owned(), "1".to_owned())]));
    assert_eq!(report.outputs["k"], "v");
    let lost = "[… what was printed before tminus ended is not kept …]\n";
    assert_eq!(report.output_bytes, lost.len() as u64 + 300_001);
}

#[tokio::test]
async fn a_step_that_ended_meanwhile_tells_how() {
    let ground = Ground::new();
    for (script, verdict, detail) in [
        ("echo begun; sleep 0.1; false", Verdict::Failed, "exited with 1 at line 1: `false`"),
        ("echo begun; sleep 0.1", Verdict::Passed, "exited with 0"),
    ] {
        let job = ground.job(bash(script));
        abandon(&ground, &job).await;
        ground.wait_until_gone(&job);
        let Recovered::Finished(report) = ground.another_world().recover(job.clone(), never()).await else {
            panic!("it finished")
        };
        assert_eq!((report.verdict, report.detail.as_str()), (verdict, detail));
    }
}

#[tokio::test]
async fn a_killed_step_is_unknown() {
    let ground = Ground::new();
    let job = ground.job(bash("echo begun; sleep 1000"));
    abandon(&ground, &job).await;
    ground.end_processes_of(&job);
    ground.wait_until_gone(&job);
    let found = ground.another_world().recover(job.clone(), never()).await;
    assert_eq!(found, Recovered::Unknown(KILLED.to_owned()));
    let again = ground.another_world().recover(job, never()).await;
    assert_eq!(again, found, "asking twice changes nothing");
}

#[tokio::test]
async fn what_a_killed_step_left_is_ended_and_what_left_the_group_is_not() {
    let ground = Ground::new();
    let script =
        "sleep 1000 & setsid sleep 1001 & echo begun; until [ -e go ]; do sleep 0.01; done; kill -KILL $$";
    let job = ground.job(bash(script));
    abandon(&ground, &job).await;
    fs::write(job.folder.join("go"), "").unwrap();
    let found = ground.another_world().recover(job.clone(), never()).await;
    assert_eq!(found, Recovered::Unknown(KILLED.to_owned()));
    assert_eq!(ground.processes_of(&job), 1, "only what left the group");
    ground.end_processes_of(&job);
    ground.wait_until_gone(&job);
}

/// In a container the session that everything belongs to is often one from outside, number 0.
#[test]
fn in_a_container_what_is_left_is_ended_as_well() {
    let name = "what_a_killed_step_left_is_ended_and_what_left_the_group_is_not";
    let tests = [name, "what_is_left_behind_is_ended_and_counted"];
    let mut inside = std::process::Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        inside.args(["--user", "--map-root-user"]);
    }
    inside.args(["--pid", "--fork", "--mount-proc"]);
    inside.arg(std::env::current_exe().unwrap()).arg("--exact").args(tests);
    let ran = inside.output().expect("unshare is there");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(said.contains("2 passed"), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}

#[tokio::test]
async fn an_interrupted_step_never_looks_passed() {
    let ground = Ground::new();
    for signal in ["TERM", "HUP", "INT"] {
        // Alone, bash would end with the status of the last command, which is 0.
        let job = ground.job(bash(&format!(
            "echo begun; until [ -e {signal} ]; do sleep 0.01; done; kill -{signal} $$; sleep 1"
        )));
        abandon(&ground, &job).await;
        fs::write(job.folder.join(signal), "").unwrap();
        ground.wait_until_gone(&job);
        let Recovered::Finished(report) = ground.another_world().recover(job, never()).await else {
            panic!("it finished")
        };
        assert_eq!(report.verdict, Verdict::Failed, "{signal}: {}", report.detail);
    }
}

#[tokio::test]
async fn an_orphan_that_takes_too_long_is_ended() {
    let ground = Ground::new();
    let mut job = ground.job(bash("echo begun; sleep 1000"));
    abandon(&ground, &job).await;
    job.timeout = Span(100);
    let Recovered::Finished(report) = ground.another_world().recover(job.clone(), never()).await else {
        panic!("it finished")
    };
    assert_eq!(report.verdict, Verdict::TimedOut, "{}", report.detail);
    assert_eq!(ground.processes_of(&job), 0);
}

#[tokio::test]
async fn what_never_began_is_known() {
    let ground = Ground::new();
    let job = ground.job(bash("touch ran"));
    assert_eq!(ground.world.recover(job.clone(), never()).await, Recovered::NotStarted);
    fs::create_dir_all(job.scratch.parent().unwrap()).unwrap();
    assert_eq!(ground.world.recover(job, never()).await, Recovered::NotStarted);
}

#[tokio::test]
async fn other_interpreters_are_found_again_and_stay_unknown() {
    let ground = Ground::new();
    let job = ground.job(shell(Interpreter::Sh, "echo begun; sleep 0.1; touch ended"));
    abandon(&ground, &job).await;
    let found = ground.another_world().recover(job.clone(), never()).await;
    assert_eq!(found, Recovered::Unknown("it ended while tminus was away, and how was not seen".to_owned()));
    assert!(job.folder.join("ended").exists(), "it was waited for");
    let fresh = ground.job(shell(Interpreter::Sh, "true"));
    assert_eq!(ground.world.recover(fresh, never()).await, Recovered::NotStarted);
}
