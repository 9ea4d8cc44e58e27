//! The runbook of `runbooks/kubernetes`, released and broken on a real API server.
//!
//! It runs as it is written, but for the time that somebody stays to watch. What stands behind its
//! addresses says what the cluster was told to run: no container of it exists.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tminus_testkit::http::{Reply, Request, serve_beside};

use crate::kubernetes::{Town, workload};
use crate::support::Ran;
use crate::trials;

struct Team {
    town: Town,
    /// v2 in production says that it is well when it is looked at, and fails half of what people ask.
    ails: Arc<AtomicBool>,
}

impl Team {
    fn open() -> Option<Team> {
        let town = Town::open("")?;
        trials::lay_out(
            &town.desk,
            "kubernetes",
            &["RUNBOOK.md", "tminus.toml", "k8s/migrate.yaml", "k8s/migrate-back.yaml"],
        );
        let team = Team { town, ails: Arc::default() };
        let mut settings = team.town.desk.read("tminus.toml");
        for (namespace, address) in [("staging", "127.0.0.1:8080"), ("production", "127.0.0.1:8081")] {
            team.town.cluster.kubectl(&["create", "namespace", namespace]);
            team.town.cluster.make(
                namespace,
                &["api", "web"].map(|name| workload("Deployment", name, &image(name, "v0"), "")).concat(),
            );
            let served = team.serve(namespace);
            settings = settings.replace(address, served.trim_start_matches("http://"));
        }
        team.town
            .desk
            .write("tminus.toml", settings.replace("\"15s\"", "\"100ms\"").replace("\"2m\"", "\"5s\""));
        let text = team.town.desk.read("RUNBOOK.md");
        let shorter =
            text.replace("for: 2h", "for: 2s").replace("> 5% for > 1 minute", "> 5% for > 1 second");
        team.town.desk.write("RUNBOOK.md", shorter);
        team.town.desk.write("yes.yaml", "otherwise: yes\n");
        Some(team)
    }

    /// What a namespace serves, at the address that is returned: on `/healthz` the version that its
    /// Deployment `api` was told to run.
    fn serve(&self, namespace: &'static str) -> String {
        let image = self.town.cluster.image_of(namespace, "api");
        let (ails, serves_v2) = (Arc::clone(&self.ails), AtomicBool::new(false));
        let answer = move |number: usize, request: &Request| {
            if request.path != "/healthz" {
                let fails = number.is_multiple_of(2)
                    && serves_v2.load(Ordering::SeqCst)
                    && ails.load(Ordering::SeqCst);
                return Reply::new(if fails { 500 } else { 200 }, "{}");
            }
            let text = image();
            let version = text.rsplit(':').next().unwrap_or_default();
            serves_v2.store(namespace == "production" && version == "v2", Ordering::SeqCst);
            Reply::new(200, format!("{{\"status\": \"ok\", \"version\": \"{version}\"}}"))
        };
        serve_beside(answer)
    }

    fn release(&self, code: i32, version: &str) -> Ran {
        self.town.ran(code, &["run", "RUNBOOK.md", "--again", "--version", version, "--answers", "yes.yaml"])
    }

    /// Both environments, byte for byte.
    fn state(&self) -> [String; 2] {
        ["staging", "production"].map(|namespace| self.town.state_of(namespace))
    }

    fn images(&self, namespace: &str) -> String {
        let path = "--output=jsonpath={.items[*].spec.template.spec.containers[*].image}";
        self.town.cluster.kubectl(&["get", "deployments", path, &format!("--namespace={namespace}")])
    }

    /// The Jobs of a namespace, without the part of their names that is a release's own, and how each ended.
    fn jobs(&self, namespace: &str) -> Vec<String> {
        let path =
            "--output=jsonpath={range .items[*]}{.metadata.name} {.status.conditions[0].type}{\"\\n\"}{end}";
        let text = self.town.cluster.kubectl(&[
            "get",
            "jobs",
            path,
            &format!("--namespace={namespace}"),
            "--sort-by=.metadata.creationTimestamp",
        ]);
        text.lines()
            .map(|line| {
                let (name, end) = line.split_once(' ').expect("two words");
                format!("{} {end}", name.rsplit_once('-').expect("a release's own part").0)
            })
            .collect()
    }
}

fn image(name: &str, version: &str) -> String {
    format!("registry.example.com/{name}:{version}")
}

#[test]
fn runbooks_kubernetes_releases_and_comes_back_from_a_version_that_ails() {
    let Some(team) = Team::open() else { return };
    team.release(0, "v1").says("succeeded");
    for namespace in ["staging", "production"] {
        assert_eq!(team.images(namespace), format!("{} {}", image("api", "v1"), image("web", "v1")));
        assert_eq!(team.jobs(namespace), ["migrate Complete"]);
    }
    let said = team.town.desk.read("on-call.log");
    assert!(said.contains("Handover: v1 is in production"), "{said}");
    let before = team.state();

    // Well when it is looked at, and not when people use it: found by a rule, taken back everywhere.
    team.ails.store(true, Ordering::SeqCst);
    let ran = team.release(3, "v2");
    ran.says("rule FIRED in production").says("rolled back");
    assert_eq!(team.state(), before);
    assert_eq!(team.jobs("production"), ["migrate Complete", "migrate Complete", "migrate-back Complete"]);
    assert_eq!(team.jobs("staging"), team.jobs("production"));
    assert!(team.town.desk.read("messages.log").contains("v2: rolled back"));

    // The same once more, when it is mended.
    team.ails.store(false, Ordering::SeqCst);
    team.release(0, "v2").says("succeeded");
    assert_eq!(team.images("production"), format!("{} {}", image("api", "v2"), image("web", "v2")));
}

#[test]
fn runbooks_kubernetes_comes_back_from_what_does_not_start_in_production() {
    let Some(team) = Team::open() else { return };
    team.release(0, "v1").says("succeeded");
    let before = team.state();
    let text = team.town.desk.read("RUNBOOK.md");
    team.town
        .desk
        .write("RUNBOOK.md", text.replace("within: 5m", "within: 12s").replace("within: 30m", "within: 12s"));
    // Nobody can see in staging how much room production has: here none for the Job.
    let few = ["create", "quota", "few", "--namespace=production", "--hard=pods=4"];
    team.town.cluster.kubectl(&few);
    let ran = team.release(3, "v2");
    ran.says("cannot start: no pod of it can be made").says("exceeded quota: few");
    ran.says("nothing to take back: no container of the Job of migrate ever started");
    assert_eq!(team.state(), before);
    team.town.cluster.kubectl(&["delete", "quota", "few", "--namespace=production"]);
    // And here none for the second workload, when the first has moved, until the way back begins.
    let set = few.join(" ");
    team.town.desk.program("kubectl", &format!("#!/bin/sh\nPATH=${{PATH#*:}}\ncase \"$*\" in *production*\"set image deployment/web\"*--dry-run*) ;; *=production*=production*\"set image deployment/web\"*) kubectl {set} ;; *=production*=production*\" patch deployment/web\"*) kubectl delete quota few --namespace=production ;; esac\nexec kubectl \"$@\"\n"));
    let ran = team.release(3, "v2");
    ran.says("rolled out: deployment/api: api=registry.example.com/api:v2");
    ran.says("deployment/web does not come up: no further pod of it can be made").says("exceeded quota: few");
    assert_eq!(team.state(), before);
    let ends = ["migrate Complete", "migrate Complete", "migrate-back Complete"];
    assert_eq!(team.jobs("production"), ends);
}

#[test]
fn runbooks_kubernetes_stops_in_staging_at_what_can_be_seen_there() {
    let Some(team) = Team::open() else { return };
    team.release(0, "v1").says("succeeded");
    let before = team.state();
    let text = team.town.desk.read("RUNBOOK.md");
    team.town
        .desk
        .write("RUNBOOK.md", text.replace("within: 10m", "within: 12s").replace("within: 2m", "within: 12s"));
    // The image is not there: not for the Job either, which never ran, so nothing takes it back.
    team.release(3, "v2-missing")
        .says("cannot start: migrate of pod migrate-")
        .says("nothing to take back: no container");
    assert_eq!((team.state(), team.jobs("staging")), (before.clone(), vec!["migrate Complete".to_owned()]));
    // The migration fails half-way, and so does its way back: a person is asked.
    let patient = "answers:\n  - { step: '1-*', say: yes }\notherwise: nothing\n";
    team.town.desk.write("yes.yaml", patient);
    let ran = team.release(6, "v2-failing");
    ran.says("failed: BackoffLimitExceeded")
        .says("column \"paid\" exists already")
        .says("tminus answer migrate-staging retry");
    assert_eq!(team.state(), before);
    team.town.ran(0, &["abort", "--reason", "test"]);
    team.town.desk.write("yes.yaml", "otherwise: yes\n");
    // Somebody looks at another cluster in the middle of the day.
    let config = team.town.cluster.config();
    let settings = std::fs::read_to_string(&config).expect("it was written");
    std::fs::write(&config, settings.replace("current-context: production", "current-context: elsewhere"))
        .expect("a file");
    team.release(3, "v2").says("the current context of kubectl is elsewhere");
    std::fs::write(&config, settings).expect("a file");
    assert_eq!(team.state(), before);
    assert_eq!(team.jobs("production"), ["migrate Complete"], "production was never touched");
}
