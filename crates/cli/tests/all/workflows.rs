//! Runs of GitHub Actions and pipelines of GitLab: dispatched once, followed to the end, taken back.

use std::process::{Command, Stdio};

use tminus_testkit::forge::{Asked, Forge, TOKEN};

use crate::support::{Desk, Ran, runbook};

const DEPLOY: &str = "```yaml {#deploy .workflow}\nrepo: acme/shop\nworkflow: deploy.yml\nref: main\ninputs: { profile: web, deploy_path: /opt/shop, rollback_tag: }\nundo: { inputs: { rollback_tag: $PREVIOUS_VERSION } }\nwithin: 5m\n```";
const SMOKE: &str = "```bash {#smoke .check}\n./smoke \"$WORKFLOW_RUN\" \"$WORKFLOW_URL\"\n```";

/// Writes down each call with all of its arguments, and how a list of processes would show it.
const CURL: &str = "#!/bin/sh\nprintf '%s\\n' \"$*\" >>\"$HOME/curls\"\nexec /usr/bin/curl \"$@\"\n";

/// A desk with a service, and a release that dispatches and then looks with `./smoke`.
struct Team {
    desk: Desk,
    forge: Forge,
}

impl Team {
    fn new(step: &str) -> Team {
        let (desk, forge) = (Desk::new(), Forge::start());
        desk.write(
            "r.md",
            runbook(&format!("{step}\n\n{SMOKE}")).replace("runbook: 1", "runbook: 1\non_failure: rollback"),
        );
        desk.write(
            "tminus.toml",
            "[secrets]\nGITHUB_TOKEN = \"file:token\"\nGITLAB_TOKEN = \"file:token\"\n",
        );
        desk.write("token", TOKEN);
        desk.program("../smoke", "#!/bin/sh\necho \"serves what run $1 deployed, $2\"\n");
        desk.program("curl", CURL);
        // The script waits between two looks; how long is not what is tested.
        desk.program("sleep", "#!/bin/sh\nexit 0\n");
        Team { desk, forge }
    }

    /// Holds instead of going back, so that a person may retry.
    fn that_holds(step: &str) -> Team {
        let team = Team::new(step);
        team.desk.write("r.md", team.desk.read("r.md").replace("on_failure: rollback", "on_failure: hold"));
        team
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        command.envs(self.forge.variables());
        command
    }

    fn ran(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = Ran::of(self.command(arguments).output().expect("it starts"));
        assert_eq!(ran.code, code, "tminus {arguments:?}\n{}\n{}", ran.out, ran.err);
        ran.never_says(TOKEN);
        ran
    }

    fn release(&self, code: i32) -> Ran {
        self.ran(code, &["run", "r.md", "--no-wait", "--version", "v2", "--previous-version", "v1"])
    }

    fn resume(&self, code: i32) -> Ran {
        self.ran(code, &["resume", "--no-wait"])
    }

    fn retry(&self, code: i32) -> Ran {
        self.ran(0, &["answer", "deploy", "retry"]);
        self.resume(code)
    }

    /// The last part of each run's marker: which step's, and which of its runs.
    fn markers(&self, input: &str) -> Vec<String> {
        let runs = self.forge.runs();
        runs.iter()
            .map(|run| {
                let parts: Vec<&str> = run.inputs[input].as_str().expect("a marker").split('/').collect();
                assert_eq!(parts[0], "tminus");
                parts[2..].join("/")
            })
            .collect()
    }

    /// How often a run was asked for, whatever came of it.
    fn dispatches(&self) -> usize {
        let requests = self.forge.requests();
        requests
            .iter()
            .filter(|one| {
                one.method == "POST" && (one.path.ends_with("/dispatches") || one.path.ends_with("/pipeline"))
            })
            .count()
    }
}

#[test]
fn a_workflow_is_dispatched_once_and_followed_with_its_lines() {
    let team = Team::new(DEPLOY);
    let plan = team.ran(0, &["plan", "r.md", "--version", "v2", "--previous-version", "v1"]);
    plan.says("workflow='deploy.yml'").says("'rollback_tag=v1'").says("Take back by the workflow deploy.yml");
    let ran = team.release(0);
    ran.says("run 1: in_progress").says("--- build: success").says("  deployed").says("run 1: success");
    ran.says("serves what run 1 deployed, https://github.com/acme/shop/actions/runs/1");
    ran.never_says("2026-11-20T09:30:01");
    let runs = team.forge.runs();
    assert_eq!((runs.len(), team.markers("tminus_marker")), (1, vec!["deploy/1".to_owned()]));
    let mut inputs = runs[0].inputs.clone();
    inputs.as_object_mut().expect("inputs").remove("tminus_marker");
    assert_eq!(
        inputs,
        serde_json::json!({ "profile": "web", "deploy_path": "/opt/shop", "rollback_tag": "" })
    );

    // The token goes to the API by a header, and nowhere else.
    let requests = team.forge.requests();
    let kept: Vec<_> = requests.iter().filter(|one| one.path.starts_with("/kept/")).collect();
    assert_eq!(kept.len(), 2, "the lines of two jobs");
    assert!(kept.iter().all(|one| one.header("authorization").is_none()));
    assert!(requests.iter().all(|one| !one.path.contains(TOKEN) && !one.text().contains(TOKEN)));
    assert!(team.desk.read("curls").lines().count() > 5 && !team.desk.read("curls").contains(TOKEN));
    team.ran(0, &["log"]);
    let left = Command::new("grep").args(["-rlF", TOKEN, ".tminus"]).current_dir(&team.desk.folder).output();
    assert_eq!(String::from_utf8_lossy(&left.expect("grep").stdout), "", "no file of the release has it");
}

#[test]
fn a_run_is_found_by_its_marker_where_the_answer_does_not_say_it() {
    for asked in [Asked::Accepted, Asked::Lost] {
        let team = Team::new(DEPLOY);
        team.forge.behave(|manners| (manners.asked, manners.lists_late) = (asked, 3));
        team.release(0).says("looking for a run that shows tminus/").says("run 1: success");
        assert_eq!(team.forge.runs().len(), 1);
    }
}

#[test]
fn what_may_have_begun_and_is_not_found_is_never_dispatched_again() {
    let team = Team::that_holds(&DEPLOY.replace("within: 5m", "within: 2s"));
    team.forge.behave(|manners| (manners.asked, manners.shows_marker) = (Asked::Lost, false));
    let ran = team.release(5);
    ran.says("nobody can say whether the run tminus/").says("when it did not begin:  rm .tminus/");
    team.retry(5).says("was asked for before").says("nobody can say whether");
    assert_eq!(team.dispatches(), 1);
    // A person has looked, and says so.
    let rm = Command::new("sh")
        .args(["-c", "rm .tminus/*/deploy/asked-1"])
        .current_dir(&team.desk.folder)
        .status();
    assert!(rm.expect("rm").success());
    team.forge.behave(|manners| (manners.asked, manners.looks) = (Asked::Told, 0));
    team.retry(0).says("note: this run does not show its marker");
    assert_eq!(team.dispatches(), 2);
}

/// Stops right behind the request for a run, once.
const CUT: &str = "#!/bin/sh\n/usr/bin/curl \"$@\"\ncode=$?\ncase \"$*\" in *dispatches* | */pipeline) if [ -p \"$HOME/reached\" ]; then ps -o pgid= -p $$ >\"$HOME/group\"; echo >\"$HOME/reached\"; read -r _ <\"$HOME/go\"; fi ;; esac\nexit $code\n";

#[test]
fn crash_everywhere_between_the_dispatch_and_its_answer_there_is_one_run() {
    // tminus is killed, and the step goes on without it; then the power is cut for both.
    for power_cut in [false, true] {
        let team = Team::new(DEPLOY);
        team.desk.program("curl", CUT);
        let arguments = ["run", "r.md", "--no-wait", "--version", "v2", "--previous-version", "v1"];
        team.desk.kill_while_waiting(team.command(&arguments));
        if power_cut {
            team.desk.kill_step();
        } else {
            team.desk.let_go();
        }
        std::fs::remove_file(team.desk.path("reached")).expect("the pipe");
        team.forge.behave(|manners| manners.lists_late = 2);
        let ran = team.resume(0);
        ran.says("serves what run 1 deployed");
        if power_cut {
            ran.says("run 1: success");
            ran.says("was asked for before: it is looked at, and not dispatched again");
        }
        assert_eq!((team.dispatches(), team.forge.runs().len()), (1, 1), "{power_cut}");
    }
}

#[test]
fn crash_everywhere_while_a_run_is_followed_its_end_is_still_learned() {
    let team = Team::that_holds(DEPLOY);
    team.forge.behave(|manners| (manners.end, manners.looks) = ("failure", 4));
    let wait = "#!/bin/sh\nif [ -p \"$HOME/reached\" ]; then ps -o pgid= -p $$ >\"$HOME/group\"; echo >\"$HOME/reached\"; read -r _ <\"$HOME/go\"; fi\n";
    team.desk.program("sleep", wait);
    let arguments = ["run", "r.md", "--no-wait", "--version", "v2", "--previous-version", "v1"];
    team.desk.kill_while_waiting(team.command(&arguments));
    team.desk.kill_step();
    std::fs::remove_file(team.desk.path("reached")).expect("the pipe");
    // It has failed meanwhile, and nobody was told yet: that is told first.
    team.resume(5).says("the run 1 ended with failure");
    assert_eq!(team.dispatches(), 1);
}

#[test]
fn a_failed_run_names_job_step_and_line_and_a_retry_is_a_run_of_its_own() {
    let team = Team::that_holds(DEPLOY);
    team.forge.behave(|manners| manners.end = "failure");
    let ran = team.release(5);
    ran.says(
        "the run 1 ended with failure: job deploy, Compose up (failure): Process completed with exit code 7.",
    );
    ran.says("  web-1 does not answer");
    team.retry(5).says("another one is dispatched").says("the run 2 ended with failure");
    assert_eq!(team.markers("tminus_marker"), ["deploy/1", "deploy/2"]);
    // Somebody presses "Re-run" there: that one counts, and no third is dispatched.
    team.forge.begin_again();
    team.retry(0).says("the run 2 was begun again there").says("run 2: success");
    assert_eq!(team.dispatches(), 2);
}

#[test]
fn a_run_that_is_cancelled_or_takes_too_long_is_over_before_the_step_is() {
    let team = Team::that_holds(&DEPLOY.replace("within: 5m", "within: 1s"));
    team.forge.behave(|manners| manners.looks = usize::MAX);
    team.release(5).says("the run 1 took longer than 1 s and was cancelled: job deploy");
    let runs = team.forge.runs();
    assert!(runs.len() == 1 && runs[0].is_cancelled);

    // The limit of the step itself, which cannot wait for the end.
    let team = Team::that_holds(&DEPLOY.replace(".workflow}", ".workflow timeout=5s}"));
    team.desk.program("sleep", STAYS);
    team.forge.behave(|manners| manners.looks = usize::MAX);
    team.release(5).says("took longer than its limit of 5s").says("the run 1 was asked to cancel");
    assert!(team.forge.runs()[0].is_cancelled);

    // Somebody there cancels it, seen by the smoke test's own service.
    let team = Team::that_holds(DEPLOY);
    team.forge.behave(|manners| manners.looks = 3);
    team.desk.program("sleep", "#!/bin/sh\n/usr/bin/curl --silent --request POST --header \"Authorization: Bearer $GITHUB_TOKEN\" \"$GITHUB_API_URL/repos/acme/shop/actions/runs/1/cancel\" >/dev/null\n");
    team.release(5).says("the run 1 was cancelled by somebody there: job deploy, Compose up (cancelled)");
}

/// The first pause is only ended by force.
const STAYS: &str =
    "#!/bin/sh\nif [ ! -e \"$HOME/slept\" ]; then : >\"$HOME/slept\"; exec /bin/sleep 600; fi\n";

#[test]
fn a_step_that_is_cancelled_here_cancels_its_run_and_going_on_tells_of_it() {
    let team = Team::that_holds(DEPLOY);
    team.forge.behave(|manners| manners.looks = usize::MAX);
    team.desk.program(
        "sleep",
        "#!/bin/sh\nif [ -p \"$HOME/reached\" ]; then echo >\"$HOME/reached\"; exec /bin/sleep 600; fi\n",
    );
    team.desk.pipe("reached");
    let mut command =
        team.command(&["run", "r.md", "--no-wait", "--version", "v2", "--previous-version", "v1"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    team.desk.in_the_middle(&mut child);
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(told.expect("kill").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(team.forge.runs()[0].is_cancelled);
    std::fs::remove_file(team.desk.path("reached")).expect("the pipe");
    // Going on looks at that run; another one is dispatched only when somebody says so.
    team.resume(5).says("the run 1 was cancelled by somebody there");
    assert_eq!(team.dispatches(), 1);
    team.forge.behave(|manners| manners.looks = 1);
    team.retry(0).says("run 2: success");
}

#[test]
fn what_is_refused_says_why_and_nothing_is_dispatched() {
    let table = [
        (
            "deploy.yml",
            "deplyo.yml",
            "404: Not Found",
            "no workflow deplyo.yml in acme/shop that the token GITHUB_TOKEN can see",
        ),
        ("ref: main", "ref: mian", "422: No ref found for: mian", "is there mian"),
        (
            "profile: web",
            "prifile: web",
            "422: Unexpected inputs provided: [\"prifile\"]",
            "with all of these inputs, tminus_marker too",
        ),
        ("within:", "marker: mark\nwithin:", "Unexpected inputs provided: [\"mark\"]", "mark too"),
    ];
    for (old, new, said, why) in table {
        let team = Team::new(&DEPLOY.replace(old, new));
        let ran = team.release(3);
        ran.says("nothing was dispatched: ")
            .says(said)
            .says(why)
            .says("this release dispatched nothing here");
        assert_eq!(team.forge.runs(), []);
    }
    let team = Team::new(DEPLOY);
    team.desk.write("token", "another-token-than-that");
    team.release(3).says("401: Bad credentials").says("the token GITHUB_TOKEN is not taken");
    let mut command =
        team.command(&["run", "r.md", "--no-wait", "--version", "v2", "--previous-version", "v1"]);
    let ran = Ran::of(command.env("GITHUB_API_URL", "http://api.example.com").output().expect("it starts"));
    ran.says("http://api.example.com is not https: the token GITHUB_TOKEN does not go there");
    std::fs::remove_file(team.desk.path("token")).expect("it is there");
    team.release(6).says("secret `GITHUB_TOKEN`: the file token cannot be read");
    team.desk.write("tminus.toml", "");
    team.release(2).says("the secret `GITHUB_TOKEN` has no reference here");
    assert_eq!(team.dispatches(), 0);
}

#[test]
fn a_service_that_is_away_is_waited_for_when_something_runs_and_not_before() {
    // Before: nothing is dispatched, and it can be tried again.
    let team = Team::that_holds(DEPLOY);
    team.forge.behave(|manners| manners.down = 1);
    team.release(5)
        .says("nothing was dispatched: the runs that are there cannot be listed: Empty reply from server");
    assert_eq!(team.dispatches(), 0);
    team.retry(0).says("run 1: success");
    // While it is asked for: it may have begun or not, and it has not.
    let team = Team::that_holds(&DEPLOY.replace("within: 5m", "within: 2s"));
    team.forge.behave(|manners| manners.asked = Asked::Dropped);
    team.release(5).says("nobody can say whether").says("the answer was: Empty reply from server");
    assert_eq!((team.dispatches(), team.forge.runs().len()), (1, 0));
    // While it runs.
    let team = Team::new(DEPLOY);
    team.desk.program("sleep", "#!/bin/sh\n[ -e \"$HOME/slept\" ] || { : >\"$HOME/slept\"; echo down; }\n");
    let away = "#!/bin/sh\ncase \"$*\" in */runs/1) if [ \"$(cat \"$HOME/away\" 2>/dev/null)\" != xxx ]; then printf x >>\"$HOME/away\"; echo 'curl: (7) Failed to connect' >&2; exit 7; fi ;; esac\nexec /usr/bin/curl \"$@\"\n";
    team.desk.program("curl", away);
    let ran = team.release(0);
    ran.says("does not answer (Failed to connect): the run goes on")
        .says("answers again")
        .says("run 1: success");
    assert_eq!(team.dispatches(), 1);
}

#[test]
fn a_rollback_dispatches_the_way_back_with_the_version_before() {
    let team = Team::new(DEPLOY);
    team.desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    team.release(3).says("the run 1: success").says("run 2: success");
    let runs = team.forge.runs();
    assert_eq!(team.markers("tminus_marker"), ["deploy/1", "deploy/undo/1"]);
    assert_eq!(
        (&runs[0].inputs["rollback_tag"], &runs[1].inputs["rollback_tag"]),
        (&"".into(), &"v1".into())
    );
    assert_eq!(runs[1].inputs["profile"], "web");

    // Another workflow, after the one that is still at work was cancelled.
    let other = DEPLOY
        .replace("undo: {", "undo: { workflow: restore.yml,")
        .replace(".workflow}", ".workflow timeout=5s}");
    let team = Team::new(&other);
    team.desk.program("sleep", STAYS);
    // The request to cancel at the limit is lost; the way back sends it again.
    team.desk.program("curl", "#!/bin/sh\ncase \"$*\" in *cancel) if [ ! -e \"$HOME/lost\" ]; then : >\"$HOME/lost\"; exit 7; fi ;; esac\nexec /usr/bin/curl \"$@\"\n");
    team.forge.behave(|manners| manners.looks = 6);
    let ran = team.release(3);
    ran.says("could not be cancelled")
        .says("the run 1 is still at work: it is cancelled first")
        .says("the run 1: cancelled")
        .says("run 2: success");
    let runs = team.forge.runs();
    assert_eq!((runs.len(), runs[1].workflow.as_str(), runs[0].is_cancelled), (2, "restore.yml", true));
}

#[test]
fn a_rollback_while_the_service_is_away_dispatches_nothing_and_asks() {
    let team = Team::new(&format!("{DEPLOY}\n\n- [ ] It looks well"));
    team.release(5).says("run 1: success");
    team.forge.behave(|manners| manners.down = usize::MAX);
    team.ran(6, &["rollback", "--no-wait", "--reason", "orders are lost"])
        .says("nothing was dispatched: whether the run before is over cannot be asked")
        .says("tminus answer deploy retry");
    assert_eq!(team.markers("tminus_marker"), ["deploy/1"]);
    team.forge.behave(|manners| manners.down = 0);
    team.retry(3).says("run 2: success").says("rolled back");
    assert_eq!(team.markers("tminus_marker"), ["deploy/1", "deploy/undo/1"]);
}

const PIPELINE: &str = "```yaml {#deploy .workflow}\nprovider: gitlab\nrepo: acme/shop\nref: main\ninputs: { PROFILE: web, ROLLBACK_TAG: }\nundo: { inputs: { ROLLBACK_TAG: $PREVIOUS_VERSION } }\nwithin: 5m\n```";

#[test]
fn a_pipeline_of_gitlab_is_dispatched_once_followed_and_taken_back() {
    let team = Team::new(PIPELINE);
    let ran = team.release(0);
    ran.says("pipeline 1: running")
        .says("--- lint: allowed to fail")
        .says("--- deploy: success")
        .says("  deployed");
    ran.says("pipeline 1: success")
        .says("https://gitlab.com/acme/shop/-/pipelines/1")
        .never_says("section_start");
    assert_eq!(team.markers("TMINUS_MARKER"), ["deploy/1"]);
    assert!(!team.desk.read("curls").contains(TOKEN));

    let team = Team::new(PIPELINE);
    team.desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    team.release(3).says("pipeline 2: success");
    let runs = team.forge.runs();
    assert_eq!(team.markers("TMINUS_MARKER"), ["deploy/1", "deploy/undo/1"]);
    assert_eq!(
        (&runs[0].inputs["ROLLBACK_TAG"], &runs[1].inputs["ROLLBACK_TAG"]),
        (&"".into(), &"v1".into())
    );
}

#[test]
fn a_pipeline_of_gitlab_fails_is_lost_and_takes_too_long_as_a_workflow_does() {
    let team = Team::that_holds(PIPELINE);
    team.forge.behave(|manners| manners.end = "failed");
    let ran = team.release(5);
    ran.says(
        "the pipeline 1 ended with failed: job deploy, script_failure (failed): Job failed: exit code 7",
    );
    team.forge
        .behave(|manners| (manners.end, manners.asked, manners.lists_late) = ("success", Asked::Lost, 2));
    team.retry(0).says("looking for a pipeline that shows tminus/").says("pipeline 2: success");
    assert_eq!(
        (team.dispatches(), team.markers("TMINUS_MARKER")),
        (2, vec!["deploy/1".to_owned(), "deploy/2".to_owned()])
    );

    let team = Team::that_holds(&PIPELINE.replace("within: 5m", "within: 1s"));
    team.forge.behave(|manners| manners.looks = usize::MAX);
    team.release(5).says("the pipeline 1 took longer than 1 s and was cancelled");
    assert!(team.forge.runs()[0].is_cancelled);

    let team = Team::new(&PIPELINE.replace("ref: main", "ref: mian"));
    team.release(3)
        .says("400: {\"base\":[\"Reference not found\"]}")
        .says("is there mian with a pipeline for it");

    let team = Team::new(PIPELINE);
    team.desk.program("curl", CUT);
    let arguments = ["run", "r.md", "--no-wait", "--version", "v2", "--previous-version", "v1"];
    team.desk.kill_while_waiting(team.command(&arguments));
    team.desk.kill_step();
    std::fs::remove_file(team.desk.path("reached")).expect("the pipe");
    team.resume(0).says("pipeline 1: success");
    assert_eq!(team.dispatches(), 1);
}

#[test]
fn a_workflow_that_cannot_be_meant_is_refused_with_its_reason() {
    let team = Team::new(DEPLOY);
    let written = team.desk.read("r.md");
    for (old, new, words) in [
        ("repo: acme/shop", "repo: acme", "`acme` is not `owner/name`"),
        ("repo: acme/shop", "repo: ../shop", "is not `owner/name`"),
        ("deploy.yml", "deploy", "is no file of a workflow"),
        ("ref: main", "ref: a b", "is no branch or tag"),
        ("ref: main\n", "", "`.workflow` needs `ref`"),
        ("within:", "token: ghp_12-3\nwithin:", "wants the name of a secret"),
        ("within:", "provider: jenkins\nwithin:", "`jenkins` is not available"),
        ("within:", "provider: gitlab\nwithin:", "a project of GitLab has one pipeline"),
        (
            "undo: { inputs: { rollback_tag: $PREVIOUS_VERSION } }",
            "undo: { ref: main }",
            "`undo` is the same run again",
        ),
        ("within:", "witin:", "has no key `witin`"),
        ("profile: web", "tminus_marker: x", "`tminus_marker` is the marker"),
        ("$PREVIOUS_VERSION", "$NO_SUCH", "`rollback_tag` is not known: "),
        (".workflow}", ".workflow .check}", "it is no `.check`"),
    ] {
        assert!(written.contains(old), "{old}");
        team.desk.write("r.md", written.replace(old, new));
        team.release(2).says(words);
    }
}
