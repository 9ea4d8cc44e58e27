//! Jobs of a Kubernetes cluster as steps, on a real API server with its controllers.

use std::process::Stdio;

use crate::kubernetes::Town;
use crate::support::Ran;

const JOB: &str = "```yaml {#migrate .job undo=none on_failure=hold}\nfile: k8s/migrate.yaml\nset: { migrate: shop/migrate:$VERSION }\nwithin: 20s\n```\n";

const MANIFEST: &str = "apiVersion: batch/v1\nkind: Job\nmetadata: { name: migrate }\nspec:\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [ { name: migrate, image: unset } ]\n";

fn open() -> Option<Town> {
    let town = Town::open(JOB)?;
    town.desk.write("k8s/migrate.yaml", MANIFEST);
    Some(town)
}

impl Town {
    fn job(&self, code: i32, version: &str) -> Ran {
        self.ran(code, &["run", "r.md", "--no-wait", "--again", "--version", version])
    }

    /// Jobs and their pods there are.
    fn count(&self) -> (usize, usize) {
        let lines = |kind: &str| self.kubectl(&["get", kind, "--output=name"]).lines().count();
        (lines("jobs"), lines("pods"))
    }
}

#[test]
fn a_job_runs_once_for_a_release_and_says_what_became_of_it() {
    let Some(town) = open() else { return };
    town.job(0, "v1")
        .says("made job/migrate-")
        .says("starting shop/migrate:v1")
        .says("done")
        .says("has done its work");
    assert_eq!(town.count(), (1, 1));
    // Another release, another Job.
    town.job(0, "v1");
    assert_eq!(town.count(), (2, 2));
    let ran = town.job(5, "v2-failing");
    ran.says("failed: BackoffLimitExceeded")
        .says("column \"paid\" exists already")
        .says("delete job migrate-");
    // A retry looks at what is there, until somebody says that it may run once more.
    town.ran(0, &["answer", "migrate", "retry"]);
    town.ran(5, &["resume", "--no-wait"]).says("is there already").says("failed: BackoffLimitExceeded");
    assert_eq!(town.count(), (3, 3));
}

#[test]
fn a_job_that_cannot_end_is_ended_by_the_cluster() {
    let Some(town) = open() else { return };
    // It must not begin later, when nobody expects it any more.
    town.job(5, "v1-missing")
        .says("cannot start: migrate of pod migrate-")
        .says("ImagePullBackOff")
        .says("manifest unknown");
    assert_eq!(town.count(), (0, 0));
    // So a retry makes it anew.
    town.ran(0, &["answer", "migrate", "retry"]);
    town.ran(5, &["resume", "--no-wait"])
        .says("cannot start: migrate of pod migrate-")
        .never_says("is there already");
    let text = town.desk.read("r.md");
    town.desk.write("r.md", text.replace("within: 20s", "within: 2s"));
    town.ran(0, &["abort", "--reason", "test"]);
    town.job(5, "v1-slow")
        .says("for at most 2 s")
        .says("starting shop/migrate:v1-slow")
        .says("failed: DeadlineExceeded")
        .never_says("did not answer");
    town.ran(0, &["abort", "--reason", "test"]);
    // Its own deadline is the author's.
    town.desk.write(
        "k8s/migrate.yaml",
        MANIFEST.replace("backoffLimit: 0", "backoffLimit: 0\n  activeDeadlineSeconds: 3"),
    );
    town.job(5, "v1-slow").says("for at most 3 s").says("failed: DeadlineExceeded");
    town.ran(0, &["abort", "--reason", "test"]);
    town.desk.write("k8s/migrate.yaml", format!("{MANIFEST}---\n{MANIFEST}"));
    town.job(5, "v1").says("k8s/migrate.yaml is to hold one Job and nothing else");
    town.ran(0, &["abort", "--reason", "test"]);
    town.desk.write("k8s/migrate.yaml", MANIFEST.replace("name: migrate, image", "name: other, image"));
    town.job(5, "v1").says("unable to find container named \"migrate\"");
    assert_eq!(town.count().0, 2);
}

/// Loses the API server when a pod was seen to run, and tells when the Job was asked for in vain for
/// longer than its limit of ten seconds: once a second.
const LOSES_THE_SERVER: &str = r#"#!/bin/sh
PATH=${PATH#*:}
case "$*" in
  *" get pods "*status.phase*)
    found=$(kubectl "$@") || exit
    case $found in *Running*) if [ -p reached ]; then STOP; echo >reached; cat go; rm reached; : >away; fi ;; esac
    printf '%s\n' "$found"
    exit ;;
  *" get job "*conditions*)
    if [ -e away ]; then echo >>asked; if [ "$(wc -l <asked)" = 12 ]; then rm away; echo >passed; fi; fi ;;
esac
exec kubectl "$@"
"#;

#[test]
fn a_job_whose_limit_passes_while_the_api_server_is_away_may_have_done_its_work() {
    let Some(mut town) = open() else { return };
    let text = town.desk.read("r.md");
    town.desk.write("r.md", text.replace("within: 20s", "within: 10s"));
    town.desk.program("kubectl", &LOSES_THE_SERVER.replace("STOP", &town.cluster.stop_line()));
    for name in ["reached", "go", "passed"] {
        town.desk.pipe(name);
    }
    let mut command = town.command(&["run", "r.md", "--no-wait", "--version", "v1-slow"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    town.desk.in_the_middle(&mut child);
    // Its container ends, and nobody can be told.
    town.cluster.let_go();
    town.desk.let_go();
    std::fs::read_to_string(town.desk.path("passed")).expect("the limit has passed");
    town.cluster.stop_api();
    town.cluster.start_api();
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 5, "{}\n{}", ran.out, ran.err);
    let words = "so its work may have been done";
    ran.says("failed: DeadlineExceeded").says("the API server of production did not answer for").says(words);
    // Whoever looks again is told the same.
    town.ran(0, &["answer", "migrate", "retry"]);
    town.ran(5, &["resume", "--no-wait"]).says("is there already").says(words);
    assert_eq!(town.count().0, 1);
}

#[test]
fn crash_everywhere_in_the_middle_of_a_job_it_is_not_begun_again() {
    let Some(town) = open() else { return };
    // The machine goes down when the cluster has taken the Job and nobody has heard of it yet.
    town.waits_at("*\" create \"*--field-manager*", "kubectl \"$@\" >/dev/null; WAIT; exit 0");
    town.desk.kill_while_waiting(town.command(&["run", "r.md", "--no-wait", "--version", "v1-slow"]));
    town.desk.kill_step();
    std::fs::remove_file(town.desk.path("go")).expect("a pipe");
    std::fs::remove_file(town.desk.path("reached")).expect("a pipe");
    assert_eq!(town.count().0, 1);
    // And once more while it runs.
    town.waits_at("*\" get job \"*conditions*", "WAIT");
    town.desk.kill_while_waiting(town.command(&["resume", "--no-wait"]));
    town.desk.kill_step();
    std::fs::remove_file(town.desk.path("reached")).expect("a pipe");
    town.cluster.let_go();
    town.ran(0, &["resume", "--no-wait"])
        .says("is there already: this release made it before")
        .says("has done its work");
    assert_eq!(town.count(), (1, 1));
}
