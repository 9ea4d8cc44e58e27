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
                    is_v2.store(version == "v2", Ordering::SeqCst);
                    Reply::new(200, format!("{{\"version\": \"{version}\"}}"))
                }
                "/agents/sample" => {
                    let bad = number.is_multiple_of(2) && is_v2.load(Ordering::SeqCst);
                    Reply::new(if bad && ails.load(Ordering::SeqCst) { 500 } else { 200 }, "{}")
                }
                "/functions/version" => file(format!("live-{place}-ref")),
                path => file(format!("www/{place}/current{path}")),
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
        self.town.desk.write("dist/version.json", format!("{{\"version\": \"{version}\"}}\n"));
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

    fn release(&self, code: i32, version: &str) -> Ran {
        let words = ["run", "RUNBOOK.md", "--again", "--version", version, "--answers", "yes.yaml"];
        let ran = self.ran(code, &words);
        if code == 3 {
            serves_v1_again(&ran);
        }
        ran
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

/// Everything went back, which written answers do not insist on: they go past an undo that
/// failed. The last looks saw it, and without that no release ends.
fn serves_v1_again(ran: &Ran) {
    for place in PLACES {
        ran.says(&format!("{place} serves again: web app v1, service v1, functions v1"));
    }
    ran.never_says("error: before this release").never_says("not undone");
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
    team.town.desk.write("dist/version.json", "{\"version\": \"v1\"}\n");
    team.release(3, "v2").says("dist was not built from v2").never_says("starts: Migrate");
    team.town.desk.write("dist/version.json", "{\"version\": \"v2\"}\n");
    team.release(3, "v7").says("there is no tag v7");
    assert_eq!(team.everything(), before, "nothing has begun");

    team.release(0, "v2").says("succeeded");
    let (places, _, flags) = team.everything();
    assert!(places.iter().all(|(cluster, _, live)| live == "v2" && cluster.contains(&image("v2"))));
    assert!(flags.contains("ENABLED") && flags.contains("\"defaultVariant\": \"all\""), "{flags}");
}

#[test]
fn runbooks_web_comes_back_when_the_database_is_in_the_way() {
    let Some(team) = Team::open() else { return };
    trials::the_database_is_in_the_way(&team, "Connection refused");

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

    team.release(0, "v2").says("succeeded");
}

#[test]
fn runbooks_web_comes_back_from_functions_and_a_service_that_do_not_move() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    let desk = &team.town.desk;
    let comes_back = |version: &str, words: &[&str]| {
        let ran = team.release(3, version);
        words.iter().chain(&["undo 002_paid.up.sql"]).for_each(|words| {
            ran.says(words);
        });
        assert_eq!(team.everything(), before, "{words:?}");
        ran
    };
    // The functions: their vendor is away in staging; in production; and says yes, and nothing has moved.
    desk.write("fails", "staging-ref");
    let text = desk.read("functions");
    let refused = ["unexpected deploy status 500", "live in staging: v1, as before this release"];
    comes_back("v2", &refused).never_says("starts: Back up");
    desk.write("fails", "production-ref");
    // The way back finds them as they were, and has nothing to ask the vendor.
    comes_back("v2", &["unexpected deploy status 500", "live in staging: v1"]);
    desk.write("fails", "nobody");
    desk.write("lies", "production-ref");
    comes_back("v2", &["the functions of v2 were deployed, and v1 is live"]);
    desk.write("lies", "nobody");
    assert_eq!(desk.read("functions"), text);

    // The service: an image that is not there; somebody looks at another cluster.
    team.cut("v3-missing");
    comes_back("v3-missing", &["registry.example.com/agents:v3-missing", "live in staging: v1"]);
    team.cut("v4-crashing");
    comes_back("v4-crashing", &["live in staging: v1"]);
    desk.write("dist/version.json", "{\"version\": \"v2\"}\n");
    let config = team.town.cluster.config();
    let settings = std::fs::read_to_string(&config).expect("it was written");
    std::fs::write(&config, settings.replace("current-context: production", "current-context: elsewhere"))
        .expect("a file");
    comes_back("v2", &["the current context of kubectl is elsewhere"]);
    std::fs::write(&config, settings).expect("a file");
}

#[test]
fn runbooks_web_comes_back_from_a_site_and_a_flag_that_do_not_move() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    let desk = &team.town.desk;
    // The site: no room for it in production.
    desk.write("dist/film.mp4", vec![7; 300 << 10]);
    let ran = team.release(3, "v2");
    ran.says("No space left on device").says("live in production: v1").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "the disk is full");
    std::fs::remove_file(desk.path("dist/film.mp4")).expect("it is there");

    // The flag is not there: everything else stands by then.
    desk.write("flags.json", FLAGS.replace("new-menu", "new-mneu"));
    let ran = team.release(3, "v2");
    ran.says("new-mneu").says("leads to releases/v1 again").says("undo 002_paid.up.sql");
    desk.write("flags.json", FLAGS);
    assert_eq!(team.everything(), before, "a flag that is not there");

    // Somebody publishes the site by hand meanwhile: what is taken back does not bring that back.
    let page = "www/production/current/version.json";
    desk.write("then-production-ref", format!("echo '{{\"version\": \"v0\"}}' >{page}\n"));
    desk.write("fails", "production-ref");
    desk.write("yes.yaml", PATIENT);
    let ran = team.release(6, "v2");
    ran.says("undo 002_paid.up.sql").says("production serves again: web app v0, service v1, functions v1");
    ran.says("error: before this release production served web app v1, service v1, functions v1");
    ran.says("tminus answer as-before retry").never_says("rolled back");
    desk.write(page, "{\"version\": \"v1\"}\n");
    team.ran(0, &["answer", "as-before", "retry", "--as", "kim"]);
    let ran = team.ran(3, &["resume", "--no-wait"]);
    serves_v1_again(ran.says("rolled back"));
    assert_eq!(team.everything(), before, "somebody published meanwhile");
}
