//! The runbook of `runbooks/kubernetes`, released and broken on a real API server, with a real
//! PostgreSQL behind the Jobs.
//!
//! It runs as it is written, but for the time that somebody stays to watch or waits in vain. What
//! stands behind its addresses says what the cluster was told to run: no container of it exists. The
//! Jobs are the exception: what they call is run.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tminus_testkit::http::{Reply, Request, serve_beside};
use tminus_testkit::postgres::Postgres;

use crate::crashes;
use crate::failures;
use crate::kubernetes::{Town, workload};
use crate::support::{Desk, Ran};
use crate::trials::{self, NOBODY, PATIENT, Team as _};

/// What the team has in its image of `api`: `up` applies what is not there yet, `down` takes back what
/// this version applied. `then-NAMESPACE-WORD` is what else happens at that very moment, once.
const MIGRATE: &str = r#"#!/bin/bash
set -eEuo pipefail
version=${IMAGE##*:}
echo "migrate $1 in $NAMESPACE" >>DESK/calls
case $NAMESPACE in staging) url='STAGING' ;; production) url='PRODUCTION' ;; esac
export PGOPTIONS='-c lock_timeout=2s -c client_min_messages=warning'
ask() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$url" "$@"; }
if [ "$1" = up ]; then
  ask -c 'create table if not exists applied (name text primary key, version text not null)'
  for file in DESK/db/*.up.sql; do
    name=$(basename "$file" .up.sql)
    if [ -z "$(ask -c "select 1 from applied where name = '$name'")" ]; then
      ask -1 -f "$file" -c "insert into applied values ('$name', '$version')"
      echo "applied $name.up.sql"
    fi
  done
else
  names=$(ask -c "select name from applied where version = '$version' order by name desc")
  for name in $names; do
    ask -1 -f "DESK/db/$name.down.sql" -c "delete from applied where name = '$name'"
    echo "undo $name.up.sql"
  done
fi
if [ -e "DESK/then-$NAMESPACE-$1" ]; then
  mv "DESK/then-$NAMESPACE-$1" DESK/then
  . DESK/then
fi
"#;

/// While this file is there, the home page of production is gone, whatever runs.
const NO_HOME: &str = "no-home";

const PLACES: [(&str, &str); 2] = [("staging", "shop_staging"), ("production", "shop")];

struct Team {
    town: Town,
    server: Postgres,
    /// v2 in production says that it is well when it is looked at, and fails half of what people ask.
    ails: Arc<AtomicBool>,
}

impl Team {
    /// A team whose v1 is out, and whose v2 brings a migration.
    fn open() -> Option<Team> {
        let (town, server) = (Town::open("")?, Postgres::start()?);
        let files = ["RUNBOOK.md", "tminus.toml", "served", "k8s/migrate.yaml", "k8s/migrate-back.yaml"];
        trials::lay_out(&town.desk, "kubernetes", &files);
        town.desk.program("../served", &town.desk.read("served"));
        let migrate = MIGRATE
            .replace("STAGING", &server.url("shop_staging"))
            .replace("PRODUCTION", &server.url("shop"))
            .replace("DESK", &town.desk.folder.display().to_string());
        town.cluster.put_program("migrate", &migrate);
        let team = Team { town, server, ails: Arc::default() };
        let mut settings = team.town.desk.read("tminus.toml");
        for ((namespace, database), address) in PLACES.into_iter().zip(["127.0.0.1:8080", "127.0.0.1:8081"]) {
            team.server.sql("postgres", &format!("create database {database}"));
            team.town.cluster.kubectl(&["create", "namespace", namespace]);
            team.town.cluster.make(
                namespace,
                &["api", "web"].map(|name| workload("Deployment", name, &image(name, "v0"), "")).concat(),
            );
            let served = team.serve(namespace);
            settings = settings.replace(address, served.trim_start_matches("http://"));
        }
        let desk = &team.town.desk;
        desk.write("tminus.toml", settings.replace("\"15s\"", "\"100ms\"").replace("\"2m\"", "\"5s\""));
        let mut shorter = desk
            .read("RUNBOOK.md")
            .replace("for: 2h", "for: 2s")
            .replace("> 5% for > 1 minute", "> 5% for > 1 second");
        for (long, short) in [
            ("within: 2m", "within: 12s"),
            ("within: 5m", "within: 12s"),
            ("within: 10m", "within: 12s"),
            ("within: 30m", "within: 12s"),
            ("within=30s", "within=3s"),
            ("within=1m", "within=3s"),
        ] {
            shorter = shorter.replace(long, short);
        }
        desk.write("RUNBOOK.md", shorter);
        desk.write("yes.yaml", "otherwise: yes\n");
        trials::write_orders(desk);
        team.release(0, "v1").says("SERVED=api: \"status\": \"ok\" \"version\": \"v0\"").says("succeeded");
        trials::write_paid(&team.town.desk);
        Some(team)
    }

    /// What a namespace serves, at the address that is returned: on `/healthz` the version that its
    /// Deployment `api` was told to run, unless the image has another one in it than its tag says.
    fn serve(&self, namespace: &'static str) -> String {
        let image = self.town.cluster.image_of(namespace, "api");
        let (ails, serves_v2) = (Arc::clone(&self.ails), AtomicBool::new(false));
        let no_home = self.town.desk.path(NO_HOME);
        let last = Mutex::new(String::new());
        let answer = move |number: usize, request: &Request| {
            if request.path == "/" && namespace == "production" && no_home.exists() {
                return Reply::new(503, "");
            }
            if request.path != "/healthz" {
                let fails = number.is_multiple_of(2)
                    && serves_v2.load(Ordering::SeqCst)
                    && ails.load(Ordering::SeqCst);
                return Reply::new(if fails { 500 } else { 200 }, "{}");
            }
            // What runs goes on while the API server is away.
            let mut runs = last.lock().expect("nobody panicked");
            *runs = Some(image()).filter(|image| !image.is_empty()).unwrap_or_else(|| runs.clone());
            let version = runs.rsplit(':').next().unwrap_or_default();
            serves_v2.store(namespace == "production" && version == "v2", Ordering::SeqCst);
            let version = version.replace(&format!("-wrong.{namespace}"), "-other");
            Reply::new(200, format!("{{\"status\": \"ok\", \"version\": \"{version}\", \"at\": {number}}}"))
        };
        serve_beside(answer)
    }

    /// Does what the message says when a Job that failed may run once more.
    fn lets_run_again(&self, ran: &Ran, job: &str) {
        let told = format!("delete job {job}-");
        let line = ran.out.lines().chain(ran.err.lines()).find(|line| line.contains(&told));
        let words = line.expect("a way on").split_whitespace().skip_while(|word| *word != "kubectl");
        self.town.cluster.kubectl(&words.skip(1).collect::<Vec<_>>());
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

impl trials::Team for Team {
    /// Of each environment: what the cluster runs, and the schema.
    type Everything = [(String, String); 2];

    fn desk(&self) -> &Desk {
        &self.town.desk
    }

    fn server(&self) -> &Postgres {
        &self.server
    }

    fn command(&self, words: &[&str]) -> Command {
        self.town.command(words)
    }

    fn is_back(&self, ran: &Ran) {
        for (place, _) in PLACES {
            ran.says(&format!("{place} serves again: api: \"status\": \"ok\" \"version\": \"v1\" web: 200"));
        }
        ran.never_says("error: before this release");
    }

    fn everything(&self) -> Self::Everything {
        PLACES.map(|(namespace, database)| (self.town.state_of(namespace), self.server.dump(database)))
    }
}

fn image(name: &str, version: &str) -> String {
    format!("registry.example.com/{name}:{version}")
}

#[test]
fn runbooks_kubernetes_releases_and_comes_back_from_a_version_that_ails() {
    let Some(team) = Team::open() else { return };
    let desk = &team.town.desk;
    for (namespace, _) in PLACES {
        assert_eq!(team.images(namespace), format!("{} {}", image("api", "v1"), image("web", "v1")));
        assert_eq!(team.jobs(namespace), ["migrate Complete"]);
    }
    let said = desk.read("on-call.log");
    assert!(said.contains("Handover: v1 is in production"), "{said}");
    let before = team.everything();

    // Well when it is looked at, and not when people use it: found by a rule, taken back everywhere.
    team.ails.store(true, Ordering::SeqCst);
    let ran = team.release(3, "v2");
    ran.says("rule FIRED in production").says("undo 002_paid.up.sql").says("rolled back");
    assert_eq!(team.everything(), before, "the numbers say that it is bad");
    assert_eq!(team.jobs("production"), ["migrate Complete", "migrate Complete", "migrate-back Complete"]);
    assert_eq!(team.jobs("staging"), team.jobs("production"));
    assert!(desk.read("messages.log").contains("v2: rolled back"));
    team.ails.store(false, Ordering::SeqCst);

    // Whoever is to take over does so, or says no. That the team cannot be told changes nothing.
    let settings = desk.read("tminus.toml");
    let refused = settings.replace("team = { file = \"messages.log\" }", &format!("team = {NOBODY}"));
    desk.write("tminus.toml", &refused);
    desk.write(
        "yes.yaml",
        "answers:\n  - { step: '5-*/item-1', say: rollback, reason: the logs are full }\notherwise: yes\n",
    );
    let ran = team.release(3, "v2");
    ran.says("sent to on-call").says("the logs are full").says("not sent to team (Connection refused");
    assert_eq!(team.everything(), before, "nobody takes over");
    desk.write("yes.yaml", "otherwise: yes\n");

    // The same once more, when it is mended. The handover reaches nobody: it is said, and stops nothing.
    desk.write("tminus.toml", refused.replace("{ file = \"on-call.log\" }", NOBODY));
    let ran = team.release(0, "v2");
    ran.says("FAILED: handover").says("not sent to on-call (Connection refused").says("succeeded");
    desk.write("tminus.toml", settings);
    for (namespace, database) in PLACES {
        assert_eq!(team.images(namespace), format!("{} {}", image("api", "v2"), image("web", "v2")));
        assert!(team.server.dump(database).contains("paid boolean"), "{database}");
    }
}

#[test]
fn runbooks_kubernetes_comes_back_from_what_does_not_start_in_production() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    // Nobody can see in staging how much room production has: here none for the Job.
    let few = ["create", "quota", "few", "--namespace=production", "--hard=pods=4"];
    team.town.cluster.kubectl(&few);
    let ran = team.release(3, "v2");
    ran.says("cannot start: no pod of it can be made").says("exceeded quota: few");
    ran.says("nothing to take back: no container of the Job of migrate ever started");
    assert_eq!(team.everything(), before, "no room for the Job");
    team.town.cluster.kubectl(&["delete", "quota", "few", "--namespace=production"]);
    // And here none for the second workload, when the first has moved, until the way back begins.
    let set = few.join(" ");
    team.town.desk.program("kubectl", &format!("#!/bin/sh\nPATH=${{PATH#*:}}\ncase \"$*\" in *production*\"set image deployment/web\"*--dry-run*) ;; *=production*=production*\"set image deployment/web\"*) kubectl {set} ;; *=production*=production*\" patch deployment/web\"*) kubectl delete quota few --namespace=production ;; esac\nexec kubectl \"$@\"\n"));
    let ran = team.release(3, "v2");
    ran.says("rolled out: deployment/api: api=registry.example.com/api:v2");
    ran.says("deployment/web does not come up: no further pod of it can be made").says("exceeded quota: few");
    assert_eq!(team.everything(), before, "no room for the second workload");
    let ends = ["migrate Complete", "migrate Complete", "migrate-back Complete"];
    assert_eq!(team.jobs("production"), ends);
    team.town.desk.program("kubectl", "#!/bin/sh\nPATH=${PATH#*:} exec kubectl \"$@\"\n");

    // All of it runs, and something else answers than was released.
    team.release(3, "v3-wrong.production").says("smoke").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "the wrong thing is served");
}

#[test]
fn runbooks_kubernetes_comes_back_from_images_that_are_well_in_staging_alone() {
    let Some(team) = Team::open() else { return };
    let (desk, before) = (&team.town.desk, team.everything());
    let comes_back = |version: &str, words: &[&str]| {
        let ran = team.release(3, version);
        ran.says("passed: smoke-staging").says("undo 002_paid.up.sql");
        words.iter().for_each(|words| {
            ran.says(words);
        });
        assert_eq!(team.everything(), before, "{words:?}");
    };
    comes_back(
        "v2-missing.production",
        &[
            "cannot start: migrate of pod migrate-",
            "nothing to take back: no container of the Job of migrate",
        ],
    );
    comes_back("v3-crashing.production", &["deployment/api does not come up", "ends again and again"]);
    comes_back(
        "v4-unready.production",
        &["deployment/api was not rolled out within 12 s", "Readiness probe failed"],
    );
    // When the schema of production has moved, what pulls there does not get what the Job did not need.
    let gone = team.town.cluster.no_registry();
    for why in ["connection refused", "no space left on device"] {
        desk.write("then-production-up", format!("echo '{why}' >'{}'", gone.display()));
        comes_back("v5", &["rolled out: deployment/api", "deployment/web does not come up", why]);
        std::fs::remove_file(&gone).expect("it was made");
    }
}

#[test]
fn runbooks_kubernetes_stops_in_staging_at_what_can_be_seen_there() {
    let Some(team) = Team::open() else { return };
    let (desk, before) = (&team.town.desk, team.everything());
    let stops = |version: &str, words: &[&str]| {
        let ran = team.release(3, version);
        words.iter().for_each(|words| {
            ran.says(words);
        });
        assert_eq!(team.everything(), before, "{words:?}");
    };
    // The image is not there: not for the Job either, which never ran, so nothing takes it back.
    stops("v2-missing", &["cannot start: migrate of pod migrate-", "nothing to take back: no container"]);
    assert_eq!(team.jobs("staging"), ["migrate Complete"]);
    stops("v3-crashing", &["ends again and again", "undo 002_paid.up.sql"]);
    stops("v4-unready", &["Readiness probe failed", "undo 002_paid.up.sql"]);
    stops("v5-wrong.staging", &["smoke-staging", "undo 002_paid.up.sql"]);
    // The registry goes away when the schema has moved: one image is on the node by then.
    let gone = team.town.cluster.no_registry();
    desk.write("then-staging-up", format!("touch '{}'", gone.display()));
    stops("v2", &["deployment/web does not come up", "connection refused", "undo 002_paid.up.sql"]);
    std::fs::remove_file(gone).expect("it was made");
    // Somebody sees what no check does.
    desk.write("yes.yaml", "answers:\n  - { step: '2-staging/item-2', say: rollback, reason: it is not escalated }\notherwise: yes\n");
    stops("v2", &["it is not escalated", "undo 002_paid.up.sql"]);
    assert_eq!(team.jobs("production"), ["migrate Complete"], "production was never touched");
}

#[test]
fn runbooks_kubernetes_comes_back_when_the_database_is_in_the_way() {
    let Some(team) = Team::open() else { return };
    let (desk, before) = (&team.town.desk, team.everything());
    trials::the_migration_is_in_the_way(&team);
    // Half-way in production alone, where the data is another.
    desk.write(
        "db/003_bad.up.sql",
        "create table more (id int);\nselect 1 / (current_database() <> 'shop')::int;\n",
    );
    desk.write("db/003_bad.down.sql", "drop table more;\n");
    team.release(3, "v2").says("division by zero").says("undo 003_bad.up.sql");
    assert_eq!(team.everything(), before, "half-way in production");
    trials::remove_migration(desk, "003_bad");

    // The database is down: neither the Job nor the one that takes it back reaches it.
    desk.write("yes.yaml", PATIENT);
    team.server.stop();
    let ran = team.release(6, "v2");
    ran.says("failed: BackoffLimitExceeded").says("Connection refused");
    team.server.start_again();
    team.lets_run_again(&ran, "migrate-back");
    team.goes_on(3, "migrate-staging", "ria");
    assert_eq!(team.everything(), before, "the database was down");
}

#[test]
fn runbooks_kubernetes_finds_out_what_became_of_a_job_that_lost_what_it_needs() {
    let Some(mut team) = Team::open() else { return };
    let before = team.everything();
    team.town.desk.write("yes.yaml", PATIENT);

    // The database is lost in production in the middle of the second file, when the first one is in:
    // what is half-way is nobody's guess, and the Job that takes it back does not reach it either.
    let stop = team.server.stop_line();
    team.town.desk.write(
        "db/003_more.up.sql",
        format!("create table more (id int);\nselect current_database() = 'shop' as here \\gset\n\\if :here\n\\! {stop} >/dev/null\n\\endif\ninsert into more values (1);\n"),
    );
    team.town.desk.write("db/003_more.down.sql", "drop table more;\n");
    let ran = team.release(6, "v2");
    ran.says("applied 002_paid.up.sql").says("failed: BackoffLimitExceeded").says("Connection refused");
    ran.never_says("rolled back after");
    team.server.start_again();
    assert!(team.server.dump("shop").contains("paid boolean"), "the first file stays in");
    team.lets_run_again(&ran, "migrate-back");
    team.goes_on(3, "migrate", "kim").says("undo 002_paid.up.sql").says("undo 003_more.up.sql");
    assert_eq!(team.everything(), before, "the database was lost while the Job ran");
    trials::remove_migration(&team.town.desk, "003_more");

    // The API server is lost while the Job runs, which ends meanwhile. It is asked again and again
    // what became of it, and nothing is made a second time.
    let (jobs, stop) = (team.jobs("production"), team.town.cluster.stop_line());
    team.town.desk.write("yes.yaml", "otherwise: yes\n");
    let reached = team.town.desk.pipe("reached");
    team.town.desk.write("then-production-up", format!("{stop}\necho >'{}'\n", reached.display()));
    // Time enough for a new API server, on a machine that does other things as well.
    let text = team.town.desk.read("RUNBOOK.md");
    let (job, longer) =
        ("within: 12s\n```\n\n```yaml {#deploy .deploy}", "within: 1m\n```\n\n```yaml {#deploy .deploy}");
    assert!(text.contains(job), "{text}");
    team.town.desk.write("RUNBOOK.md", text.replace(job, longer));
    let mut command = team.command(&trials::begin("v3-wrong.production"));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    std::fs::read_to_string(reached).expect("the Job runs");
    team.town.cluster.stop_api();
    team.town.cluster.start_api();
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 3, "{}\n{}", ran.out, ran.err);
    team.is_back(&ran);
    ran.says("has done its work").says("rolled out: deployment/api").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "the API server was lost while the Job ran");
    let ends = ["migrate Complete".to_owned(), "migrate-back Complete".to_owned()];
    assert_eq!(team.jobs("production")[jobs.len()..], ends);
}

#[test]
fn runbooks_kubernetes_asks_while_the_cluster_is_another_one_or_none() {
    let Some(mut team) = Team::open() else { return };
    let before = team.everything();
    // Somebody looks at another cluster, and so from the start: nothing has moved.
    let config = team.town.cluster.config();
    let settings = std::fs::read_to_string(&config).expect("it was written");
    let elsewhere = settings.replace("current-context: production", "current-context: elsewhere");
    std::fs::write(&config, &elsewhere).expect("a file");
    team.release(3, "v2").says("the current context of kubectl is elsewhere");
    std::fs::write(&config, &settings).expect("a file");
    assert_eq!(team.everything(), before, "another cluster from the start");

    // Or from the middle on: nothing goes on there, and what stands goes back to where it came from.
    team.town.desk.write("yes.yaml", PATIENT);
    let other = team.town.desk.write("elsewhere", &elsewhere);
    team.town.desk.write("then-production-up", format!("cp '{}' '{}'", other.display(), config.display()));
    let ran = team.release(3, "v2");
    ran.says("the current context of kubectl is elsewhere").says("kubectl config use-context production");
    ran.says("undo 002_paid.up.sql");
    assert!(std::fs::read_to_string(&config).expect("a file").contains("current-context: elsewhere"));
    std::fs::write(&config, &settings).expect("a file");
    assert_eq!(team.everything(), before, "another cluster in the middle");

    // It is lost when the first workload has moved in production.
    trials::lose_the_api_server(&team.town);
    team.release(6, "v2").says("the API server of production does not answer");
    team.town.cluster.stop_api();
    team.town.cluster.start_api();
    team.goes_on(3, "deploy", "kim").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "the cluster was lost in the middle");
}

#[test]
fn runbooks_kubernetes_asks_when_somebody_says_no_or_people_get_something_else() {
    let Some(team) = Team::open() else { return };
    let (desk, before) = (&team.town.desk, team.everything());

    // A no when staging stands: production is not touched, and nothing goes on or back by itself.
    desk.write("yes.yaml", trials::declined_by("max", "the load test is missing"));
    let ran = team.release(5, "v2");
    ran.says("max declines").says("the load test is missing; what was done so far still stands");
    ran.says("tminus rollback --reason").says("tminus abort --reason").never_says("starts: now [production]");
    let [staging, production] = team.everything();
    assert!(staging.0.contains(&image("web", "v2")) && staging.1.contains("paid boolean"), "{staging:?}");
    assert_eq!(production, before[1], "a no touches nothing in production");
    team.ran(7, &["approve", "go", "--as", "max"]);
    let ran = team.came(3, &["rollback", "--reason", "the load test is missing", "--as", "kim"]);
    ran.says("undo 002_paid.up.sql").says("rolled back after");
    assert_eq!(team.everything(), before, "a no when staging stands");

    // Everything goes back, and people get something else all the same: the last look says so.
    desk.write("yes.yaml", PATIENT);
    let gone = desk.path(NO_HOME);
    desk.write("then-production-down", format!("touch '{}'\n", gone.display()));
    let version = "v3-wrong.production";
    let ran = team.release(6, version);
    ran.says("production serves again: api: \"status\": \"ok\" \"version\": \"v1\" web: 503");
    ran.says(
        "error: before this release production served api: \"status\": \"ok\" \"version\": \"v1\" web: 200",
    );
    ran.says("tminus answer as-before retry").never_says("rolled back after");
    team.ran(0, &["status"]).says("stuck").says("waits for Production as before");
    assert!(!desk.read("messages.log").contains(&format!("{version}: rolled back")), "nobody is told so");
    assert_eq!(team.everything(), before, "everything is back, and it is not enough");
    // Asked again while it is so, it says so again.
    team.goes_on(6, "as-before", "kim").says("error: before this release production served");
    std::fs::remove_file(gone).expect("it was made");
    team.goes_on(3, "as-before", "kim").says("rolled back after");
    assert!(desk.read("messages.log").contains(&format!("{version}: rolled back")));
}

#[test]
fn crash_everywhere_of_runbooks_kubernetes() {
    let Some(team) = Team::open() else { return };
    team.town.desk.program("kubectl", &crashes::counts("kubectl", crashes::KUBECTL));
    crashes::everywhere(&team);
}

#[test]
fn fail_at_every_step_of_runbooks_kubernetes() {
    let Some(team) = Team::open() else { return };
    failures::at_every_step(&team);
}

#[test]
fn repeat_every_undo_of_runbooks_kubernetes() {
    let Some(team) = Team::open() else { return };
    failures::of_every_undo(&team);
}
