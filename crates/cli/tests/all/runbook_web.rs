//! The runbook of `runbooks/web`, released and broken with a real API server, PostgreSQL, git and a
//! site. The edge functions' vendor is played: its tool's documented arguments are what `functions`
//! calls (<https://supabase.com/docs/reference/cli/supabase-functions-deploy>).
//!
//! It runs as it is written, but for the time that somebody stays to watch or waits in vain.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tminus_testkit::folder::SmallDisk;
use tminus_testkit::http::{Reply, Request, serve_beside};
use tminus_testkit::postgres::Postgres;

use crate::crashes;
use crate::failures;
use crate::kubernetes::{Town, workload};
use crate::sites::tree;
use crate::support::{Desk, Ran};
use crate::trials::{self, PATIENT, Team as _};

const FLAGS: &str = r#"{ "flags": {
  "new-menu": { "state": "DISABLED", "variants": {"off": "off", "pilot": "pilot", "all": "all"}, "defaultVariant": "off" }
} }"#;

/// The tool of the edge functions: what it deploys is live at once. It fails for the project that
/// `fails` names, and says that all is well for the one that `lies` names. `then-PROJECT` is what
/// else happens at that very moment, once.
const SUPABASE: &str = r#"#!/bin/sh
[ "$1 $2 $3 $5" = "functions deploy --project-ref --workdir" ] || exit 2
if [ -e "then-$4" ]; then mv "then-$4" then; . ./then; fi
echo "functions of $4" >>calls
if [ "$4" = "$(cat fails)" ]; then echo "unexpected deploy status 500" >&2; exit 1; fi
if [ "$4" = "$(cat lies)" ]; then exit 0; fi
cp "$6/supabase/functions/version/index.txt" "live-$4.new" && mv "live-$4.new" "live-$4"
"#;

const PLACES: [&str; 2] = ["staging", "production"];

struct Team {
    // The disk ends before its folder.
    _disk: SmallDisk,
    town: Town,
    server: Postgres,
    /// v2 in production says that it is well when it is looked at, and fails half of what people ask.
    ails: Arc<AtomicBool>,
}

impl Team {
    /// A team whose v1 is out, and whose v2 brings a migration, functions and pages of its own.
    fn open() -> Option<Team> {
        let (town, server) = (Town::open("")?, Postgres::start()?);
        let desk = &town.desk;
        trials::lay_out(desk, "web", &["RUNBOOK.md", "tminus.toml", "functions", "served"]);
        for name in ["functions", "served"] {
            desk.program(&format!("../{name}"), &desk.read(name));
        }
        desk.program("supabase", SUPABASE);
        std::fs::create_dir_all(desk.path("www/production")).expect("a folder");
        let disk = SmallDisk::on(&desk.path("www/production"), 256 << 10);
        desk.write("flags.json", FLAGS);
        desk.write("yes.yaml", "otherwise: yes\n");
        for name in ["fails", "lies"] {
            desk.write(name, "nobody");
        }
        for database in ["shop_staging", "shop"] {
            server.sql("postgres", &format!("create database {database}"));
            server.sql(database, "create table tenants (name text); insert into tenants values ('a'), ('b')");
        }
        let team = Team { _disk: disk, town, server, ails: Arc::default() };
        team.git("init --quiet");
        team.cut("v0");
        for place in PLACES {
            team.town.desk.write(&format!("live-{place}-ref"), "v0");
            team.town.cluster.kubectl(&["create", "namespace", place]);
            team.town.cluster.make(place, &workload("Deployment", "agents", &image("v0"), ""));
        }
        team.shorten();
        trials::write_orders(&team.town.desk);
        team.cut("v1");
        team.release(0, "v1")
            .says("live before: v0")
            .says("SERVED=web app nothing answers, service v0, functions v0")
            .says("succeeded");
        team.town.desk.write("flags.json", FLAGS);
        trials::write_paid(&team.town.desk);
        team.cut("v2");
        Some(team)
    }

    /// Puts the addresses of this place into the settings, and makes waits short.
    fn shorten(&self) {
        let desk = &self.town.desk;
        let mut settings =
            desk.read("tminus.toml").replace("\"15s\"", "\"100ms\"").replace("\"2m\"", "\"5s\"");
        for (place, host) in [("staging", "staging"), ("production", "www")] {
            let address = self.serve(place);
            settings = settings.replace(
                &format!("https://{place}-ref.functions.example.com"),
                &format!("{address}/functions"),
            );
            settings = settings.replace(&format!("https://{host}.example.com"), &address);
        }
        desk.write("tminus.toml", settings);
        let text =
            desk.read("RUNBOOK.md").replace("for: 12h", "for: 2s").replace("> 2 minutes", "> 1 second");
        let text = text.replace("within: 2m", "within: 12s").replace("within: 5m", "within: 12s");
        desk.write("RUNBOOK.md", text.replace("within=30s", "within=3s").replace("within=1m", "within=3s"));
    }

    /// What a place answers, at the address that is returned: the site, the service that the cluster
    /// was told to run, and the functions that are live.
    fn serve(&self, place: &'static str) -> String {
        let (image, folder) = (self.town.cluster.image_of(place, "agents"), self.town.desk.folder.clone());
        let (ails, is_v2) = (Arc::clone(&self.ails), AtomicBool::new(false));
        let last = Mutex::new(String::new());
        serve_beside(move |number: usize, request: &Request| {
            let file = |path: String| match std::fs::read(folder.join(path)) {
                Ok(bytes) => Reply::new(200, bytes),
                Err(_) => Reply::new(404, ""),
            };
            match request.path.as_str() {
                "/agents/healthz" => {
                    // What runs goes on while the API server is away.
                    let mut runs = last.lock().expect("nobody panicked");
                    *runs = Some(image()).filter(|image| !image.is_empty()).unwrap_or_else(|| runs.clone());
                    let version = runs.rsplit(':').next().unwrap_or_default();
                    let version = version.replace(&format!("-wrong.{place}"), "-other");
                    is_v2.store(version == "v2", Ordering::SeqCst);
                    Reply::new(200, format!("{{\"version\": \"{version}\"}}"))
                }
                "/agents/sample" => {
                    let bad = number.is_multiple_of(2) && is_v2.load(Ordering::SeqCst);
                    Reply::new(if bad && ails.load(Ordering::SeqCst) { 500 } else { 200 }, "{}")
                }
                "/functions/version" => file(format!("live-{place}-ref")),
                path => {
                    // What something in front of the site keeps comes before the site's own.
                    let kept = format!("kept-{place}{path}");
                    file(if folder.join(&kept).exists() {
                        kept
                    } else {
                        format!("www/{place}/current{path}")
                    })
                }
            }
        })
    }

    fn git(&self, line: &str) {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=ana", "-c", "user.email=ana@example.com"]).args(line.split(' '));
        let output = command.current_dir(&self.town.desk.folder).output().expect("git starts");
        assert!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Tags a version, and builds the web app from it.
    fn cut(&self, version: &str) {
        self.town.desk.write("supabase/functions/version/index.txt", version);
        self.git("add supabase");
        self.git(&format!("commit --quiet --message {version}"));
        self.git(&format!("tag {version}"));
        self.town.desk.write("dist/version.json", page(version));
    }
}

impl trials::Team for Team {
    /// The cluster, the schemas, the sites, the functions that are live, the flags.
    type Everything = ([(String, String, String); 2], BTreeMap<String, Vec<u8>>, String);

    fn desk(&self) -> &Desk {
        &self.town.desk
    }

    fn server(&self) -> &Postgres {
        &self.server
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.town.command(words);
        command.env("DATABASE_URL", self.server.url("shop"));
        command.env("STAGING_DATABASE_URL", self.server.url("shop_staging"));
        command
    }

    fn is_back(&self, ran: &Ran) {
        for place in PLACES {
            ran.says(&format!("{place} serves again: web app v1, service v1, functions v1"));
        }
        ran.never_says("error: before this release");
    }

    fn everything(&self) -> Self::Everything {
        let desk = &self.town.desk;
        let places = [("staging", "shop_staging"), ("production", "shop")].map(|(place, database)| {
            let live = desk.read(&format!("live-{place}-ref"));
            (self.town.state_of(place), self.server.dump(database), live)
        });
        (places, tree(&desk.path("www")), desk.read("flags.json"))
    }
}

/// The page of a web app that says of which version it is.
fn page(version: &str) -> String {
    format!("{{\"version\": \"{version}\"}}\n")
}

fn image(version: &str) -> String {
    format!("registry.example.com/agents:{version}")
}

#[test]
fn runbooks_web_releases_and_comes_back_from_a_version_that_ails() {
    let Some(mut team) = Team::open() else { return };
    let before = team.everything();

    // The cluster is away when the schema and the functions have moved in staging.
    team.town.cluster.stop_api();
    let ran = team.release(3, "v2");
    ran.says("the API server of production does not answer").says("live in staging: v1");
    team.town.cluster.start_api();
    assert_eq!(team.everything(), before, "the cluster is away");

    // Well when it is looked at, and not when the pilot tenants use it.
    team.ails.store(true, Ordering::SeqCst);
    let ran = team.release(3, "v2");
    ran.says("rule FIRED in production").says("new-menu is off, variant off again");
    ran.says("live in staging: v1").says("rolled back");
    assert_eq!(team.everything(), before, "the numbers say that it is bad");

    // Built from another tag: nothing begins.
    team.ails.store(false, Ordering::SeqCst);
    team.town.desk.write("dist/version.json", page("v1"));
    team.release(3, "v2").says("dist was not built from v2").never_says("starts: Migrate");
    team.town.desk.write("dist/version.json", page("v2"));
    team.release(3, "v7").says("there is no tag v7");
    assert_eq!(team.everything(), before, "nothing has begun");

    trials::v2_goes_out_unheard(&team);
    let (places, _, flags) = team.everything();
    assert!(places.iter().all(|(cluster, _, live)| live == "v2" && cluster.contains(&image("v2"))));
    assert!(flags.contains("ENABLED") && flags.contains("\"defaultVariant\": \"all\""), "{flags}");
}

#[test]
fn runbooks_web_comes_back_when_the_database_is_in_the_way() {
    let Some(team) = Team::open() else { return };
    trials::the_database_is_in_the_way(&team, "Connection refused");
    trials::an_applied_migration_was_edited(&team);

    // A migration that fits the data of staging, and not what people have written in production.
    let desk = &team.town.desk;
    desk.write("db/003_small.up.sql", "alter table orders add constraint small check (total < 100);\n");
    desk.write("db/003_small.down.sql", "alter table orders drop constraint small;\n");
    team.server.sql("shop", "insert into orders values (3, 1000)");
    let before = team.everything();
    let ran = team.release(3, "v2");
    ran.says("check constraint \"small\" of relation \"orders\" is violated by some row");
    ran.says("live in staging: v1").says("undo 003_small.up.sql").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "a migration that fails in production only");
    team.server.sql("shop", "delete from orders where id = 3");
    trials::remove_migration(desk, "003_small");

    // One that runs, and after which production has not the tenants that it had.
    let before = team.everything();
    desk.write("db/003_few.up.sql", "delete from tenants where name = 'b';\n");
    desk.write("db/003_few.down.sql", "insert into tenants values ('b');\n");
    let differs = ["tenants (same): was 2, is 1", "undo 003_few.up.sql", "live in staging: v1"];
    team.comes_back("v2", &differs, &before).never_says("starts: functions [production]");
    trials::remove_migration(desk, "003_few");

    team.release(0, "v2").says("succeeded");
}

#[test]
fn runbooks_web_comes_back_from_functions_that_do_not_move() {
    let Some(team) = Team::open() else { return };
    let (desk, before) = (&team.town.desk, team.everything());
    // Their vendor is away in staging; in production; and says yes, and nothing has moved.
    desk.write("fails", "staging-ref");
    let refused = ["unexpected deploy status 500", "live in staging: v1, as before this release"];
    team.comes_back("v2", &refused, &before).never_says("starts: Back up");
    desk.write("fails", "production-ref");
    // The way back finds them as they were, and has nothing to ask the vendor.
    team.comes_back("v2", &["unexpected deploy status 500", "live in staging: v1"], &before);
    desk.write("fails", "nobody");
    desk.write("lies", "production-ref");
    team.comes_back("v2", &["the functions of v2 were deployed, and v1 is live"], &before);
}

#[test]
fn runbooks_web_comes_back_from_a_service_that_does_not_move() {
    let Some(team) = Team::open() else { return };
    let (desk, before) = (&team.town.desk, team.everything());
    // In staging: one that ends again and again, and one with something else in it. In production alone,
    // where all else has moved by then: an image that is not there, and one that is never ready.
    for (version, words, moved) in [
        ("v3-crashing", "ends again and again", "live in staging: v1"),
        ("v4-wrong.staging", "FAILED: staging-answers", "live in staging: v1"),
        ("v5-missing.production", "manifest unknown", "live in production: v5-missing.production"),
        ("v6-unready.production", "Readiness probe failed", "live in production: v6-unready.production"),
    ] {
        team.cut(version);
        team.comes_back(version, &[words, moved, "live in staging: v1"], &before);
    }
    // The registry goes away when the functions move in staging.
    team.cut("v7");
    let gone = team.town.cluster.no_registry();
    desk.write("then-staging-ref", format!("touch '{}'\n", gone.display()));
    team.comes_back("v7", &["connection refused", "live in staging: v1"], &before);
    std::fs::remove_file(gone).expect("it was made");
    // Somebody looks at another cluster.
    desk.write("dist/version.json", page("v2"));
    let config = team.town.cluster.config();
    let settings = std::fs::read_to_string(&config).expect("it was written");
    std::fs::write(&config, settings.replace("current-context: production", "current-context: elsewhere"))
        .expect("a file");
    team.comes_back("v2", &["the current context of kubectl is elsewhere"], &before);
    std::fs::write(&config, settings).expect("a file");
}

#[test]
fn runbooks_web_comes_back_from_a_site_and_a_flag_that_do_not_move() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    let desk = &team.town.desk;
    // The site: something else has its name in staging; no room for it in production; people get the old one.
    desk.write("www/staging/releases/v2/version.json", page("v0"));
    let found = team.everything();
    team.comes_back("v2", &["www/staging/releases/v2 is there already, and is not what dist is"], &found);
    std::fs::remove_dir_all(desk.path("www/staging/releases/v2")).expect("it is there");
    desk.write("dist/film.mp4", vec![7; 300 << 10]);
    team.comes_back("v2", &["No space left on device", "live in production: v1"], &before);
    std::fs::remove_file(desk.path("dist/film.mp4")).expect("it is there");
    for (place, step) in PLACES.into_iter().zip(["FAILED: staging-serves", "FAILED: serves"]) {
        desk.write(&format!("kept-{place}/version.json"), page("v1"));
        team.comes_back("v2", &[step, &format!("www/{place}/current leads to releases/v1 again")], &before);
        std::fs::remove_dir_all(desk.path(&format!("kept-{place}"))).expect("it is there");
    }

    // The flag is not there, or has nothing for all: everything else stands by then.
    for (flags, words) in [
        (FLAGS.replace("new-menu", "new-mneu"), "new-mneu"),
        (FLAGS.replace(", \"all\": \"all\"", ""), "the flag new-menu has no variant all"),
    ] {
        desk.write("flags.json", &flags);
        let found = team.everything();
        team.comes_back("v2", &[words, "leads to releases/v1 again"], &found);
    }
    desk.write("flags.json", FLAGS);

    // Somebody publishes the site by hand meanwhile: what is taken back does not bring that back.
    let public = "www/production/current/version.json";
    desk.write("then-production-ref", format!("echo '{{\"version\": \"v0\"}}' >{public}\n"));
    desk.write("fails", "production-ref");
    desk.write("yes.yaml", PATIENT);
    let ran = team.release(6, "v2");
    ran.says("undo 002_paid.up.sql").says("production serves again: web app v0, service v1, functions v1");
    ran.says("error: before this release production served web app v1, service v1, functions v1");
    ran.says("tminus answer as-before retry").never_says("rolled back");
    desk.write(public, page("v1"));
    team.goes_on(3, "as-before", "kim").says("rolled back");
    assert_eq!(team.everything(), before, "somebody published meanwhile");
}

#[test]
fn runbooks_web_asks_when_somebody_says_no_or_what_it_needs_is_lost() {
    let Some(mut team) = Team::open() else { return };
    let before = team.everything();
    // A no when staging stands: production is not touched, and nothing goes on or back by itself.
    team.town.desk.write("yes.yaml", trials::declined_by("max", "the load test is missing"));
    let ran = team.release(5, "v2");
    ran.says("max declines").says("the load test is missing; what was done so far still stands");
    ran.says("live in staging: v2").says("tminus rollback --reason").never_says("starts: Back up");
    assert_eq!(team.everything().0[1], before.0[1], "a no touches nothing in production");
    let ran = team.came(3, &["rollback", "--reason", "the load test is missing", "--as", "kim"]);
    ran.says("undo 002_paid.up.sql").says("rolled back after");
    assert_eq!(team.everything(), before, "a no when staging stands");

    // The database is lost while the functions move, and the service is not what it should be: all goes
    // back but the schema, which waits for it.
    let desk = &team.town.desk;
    desk.write("yes.yaml", PATIENT);
    desk.write("then-production-ref", format!("{} >/dev/null\n", team.server.stop_line()));
    team.cut("v3-wrong.production");
    let ran = team.release(6, "v3-wrong.production");
    ran.says("FAILED: answers").says("live in production: v1").says("Connection refused");
    ran.says("tminus answer schema retry").never_says("rolled back after");
    assert_eq!(team.town.state_of("production"), before.0[1].0, "the service is back");
    team.server.start_again();
    team.goes_on(3, "schema", "kim").says("undo 002_paid.up.sql").says("rolled back after");
    assert_eq!(team.everything(), before, "the database was lost in the middle");

    // The cluster is lost when it was told to move the service.
    desk.write("dist/version.json", page("v2"));
    trials::lose_the_api_server(&team.town);
    team.release(6, "v2")
        .says("the API server of production does not answer")
        .never_says("rolled back after");
    team.town.cluster.stop_api();
    team.town.cluster.start_api();
    team.goes_on(3, "service", "kim").says("undo 002_paid.up.sql").says("rolled back after");
    assert_eq!(team.everything(), before, "the cluster was lost in the middle");
}

#[test]
fn crash_everywhere_of_runbooks_web() {
    let Some(team) = Team::open() else { return };
    team.town.desk.program("kubectl", &crashes::counts("kubectl", crashes::KUBECTL));
    crashes::everywhere(&team);
}

#[test]
fn fail_at_every_step_of_runbooks_web() {
    let Some(team) = Team::open() else { return };
    failures::at_every_step(&team);
}

#[test]
fn repeat_every_undo_of_runbooks_web() {
    let Some(team) = Team::open() else { return };
    failures::of_every_undo(&team);
}
