//! The runbook of `runbooks/go-live`, released and broken in front of a real certificate: a site, a
//! service in docker compose, PostgreSQL, and a flag.

use std::collections::BTreeMap;
use std::process::Command;

use tminus_testkit::docker::Docker;
use tminus_testkit::folder::SmallDisk;
use tminus_testkit::front::{Front, spare_port};
use tminus_testkit::postgres::Postgres;

use crate::crashes;
use crate::failures;
use crate::sites::tree;
use crate::support::{Desk, Ran};
use crate::trials::{self, Goes, PATIENT, Team as _};
use crate::yard::Yard;

const FLAGS: &str = r#"{ "flags": {
  "new-checkout": {"state": "DISABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"},
  "new-search":   {"state": "DISABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}
} }"#;

struct Team {
    // The front ends before what it stands in front of, and the disk before its folder.
    front: Front,
    _disk: SmallDisk,
    yard: Yard,
    server: Postgres,
}

impl Team {
    /// A team whose v1 is out, and whose v2 brings a migration, another site, and another flag.
    fn open() -> Option<Team> {
        Team::with(Yard::open()?)
    }

    fn with(yard: Yard) -> Option<Team> {
        let server = Postgres::start()?;
        let (desk, port) = (&yard.desk, spare_port());
        std::fs::create_dir(desk.path("site")).expect("a folder");
        let disk = SmallDisk::on(&desk.path("site"), 256 << 10);
        let front = Front::start(&desk.path("site"), port)?;
        server.sql("postgres", "create database shop");
        trials::lay_out(desk, "go-live", &["RUNBOOK.md", "tminus.toml"]);
        let settings = desk.read("tminus.toml").replace("https://shop.example.com", &front.url());
        desk.write("tminus.toml", settings.replace("203.0.113.10", "127.0.0.1"));
        // A version that does not come is not waited for so long.
        desk.write("RUNBOOK.md", desk.read("RUNBOOK.md").replace("within=20s", "within=2s"));
        desk.write("compose.yml", format!("services:\n  api:\n    image: {}:${{TAG}}\n    init: true\n    stop_grace_period: 1s\n    network_mode: host\n    command: [/bin/busybox, httpd, -f, -p, '127.0.0.1:{port}', -h, /www]\n    healthcheck:\n      test: [CMD, /bin/busybox, wget, -q, -O, /dev/null, 'http://127.0.0.1:{port}/version']\n      interval: 0.3s\n      retries: 2\n", yard.docker.image("api")));
        desk.write(".env", "# ours\nMAIL=x\nTAG=v0");
        desk.write(".env.example", "MAIL=\nTAG=\n");
        desk.write("flags.json", FLAGS);
        desk.write("yes.yaml", "otherwise: yes\n");
        trials::write_orders(desk);
        let team = Team { front, _disk: disk, yard, server };
        for version in ["v1", "v2"] {
            team.publish(version, Some(version));
        }
        team.build("v1");
        team.release(0, "v1").says("SITE_WAS=").says("succeeded");
        trials::write_paid(&team.yard.desk);
        team.build("v2");
        team.yard
            .desk
            .write("RUNBOOK.md", team.yard.desk.read("RUNBOOK.md").replace("new-checkout", "new-search"));
        Some(team)
    }

    /// Pushes an image whose service says that it is another version, or has nothing to say.
    fn publish(&self, version: &str, says: Option<&str>) {
        let answer = says.map(|says| format!("{{\"version\": \"{says}\"}}\n"));
        self.yard.docker.publish(&self.yard.docker.image(&format!("api:{version}")), answer.as_deref());
    }

    fn build(&self, version: &str) {
        self.yard.desk.write("dist/version.json", format!("{{\"version\": \"{version}\"}}\n"));
        self.yard.desk.write("dist/index.html", format!("<html>The shop, {version}</html>\n"));
    }
}

impl trials::FromRegistry for Team {
    fn registry(&mut self, goes: Goes) {
        goes.with(&mut self.yard.docker);
    }
}

impl trials::Team for Team {
    /// Containers and `.env`, the schema, the site's folders and link, the flags.
    type Everything = ((Vec<String>, String), String, BTreeMap<String, Vec<u8>>, String);

    fn desk(&self) -> &Desk {
        &self.yard.desk
    }

    fn server(&self) -> &Postgres {
        &self.server
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.yard.command(arguments);
        command.env("SHOP_DATABASE_URL", self.server.url("shop"));
        command.env("SSL_CERT_FILE", self.front.authority());
        command
    }

    fn is_back(&self, ran: &Ran) {
        ran.says("site again: ").never_says("error: before this release people got");
    }

    fn everything(&self) -> Self::Everything {
        let site = tree(&self.yard.desk.path("site"));
        (self.yard.state(), self.server.dump("shop"), site, self.yard.desk.read("flags.json"))
    }
}

#[test]
fn runbooks_go_live_stops_at_what_the_list_finds_and_has_changed_nothing() {
    let Some(mut team) = Team::open() else { return };
    let before = team.everything();
    let stops = |team: &Team, words: &str| {
        team.release(3, "v2")
            .says(words)
            .says("site again: {\"version\": \"v1\"}")
            .never_says("starts: Back up");
        assert_eq!(team.everything(), before, "{words}");
    };
    let settings = team.yard.desk.read("tminus.toml");
    team.yard.desk.write("tminus.toml", settings.replace("\"127.0.0.1\"", "\"203.0.113.10\""));
    stops(&team, "localhost should lead to 203.0.113.10");
    team.yard.desk.write("tminus.toml", settings);

    team.front.start_again(7);
    stops(&team, "Certificate will expire");
    team.front.start_again(60);

    team.yard.desk.write(".env.example", "MAIL=\nTAG=\nPAYMENT_KEY=\n");
    stops(&team, ".env lacks: PAYMENT_KEY");
    team.yard.desk.write(".env.example", "MAIL=\nTAG=\n");

    team.build("v1");
    stops(&team, "dist was not built from v2");
    team.build("v2");

    let first = team.yard.desk.read("db/001_orders.up.sql");
    team.yard.desk.write("db/001_orders.up.sql", format!("{first}-- edited\n"));
    stops(&team, "001_orders.up.sql");
    team.yard.desk.write("db/001_orders.up.sql", first);

    // Nothing answers from the start: nothing can be worse than before.
    team.front.stop();
    team.release(3, "v2").says("SITE_WAS=nothing answers").says("site again: nothing answers");
    team.front.start_again(60);
    assert_eq!(team.everything(), before, "nothing answers");

    // One of three says no.
    team.yard.desk.write("yes.yaml", "answers:\n  - { step: go, say: decline, as: ria, reason: the review is not done, times: 1 }\notherwise: yes\n");
    team.release(4, "v2").says("the review is not done").never_says("starts: Back up");
    assert_eq!(team.everything(), before, "a no");
    team.yard.desk.write("yes.yaml", "otherwise: yes\n");

    team.release(0, "v2").says("succeeded");
    assert_eq!(
        team.front.get("/api/version") + &team.front.get("/"),
        "{\"version\": \"v2\"}\n<html>The shop, v2</html>\n"
    );
    let flags = team.yard.desk.read("flags.json");
    assert_eq!(flags, FLAGS.replace("DISABLED", "ENABLED").replace(": \"off\"}", ": \"on\"}"));
    assert!(team.yard.desk.read("change-ticket.log").contains("v2 went live"));
}

#[test]
fn runbooks_go_live_comes_back_when_the_database_is_in_the_way() {
    let Some(team) = Team::open() else { return };
    trials::the_database_is_in_the_way(&team, "Connection refused");
    trials::a_total_is_negative(&team);
    team.release(0, "v2").says("succeeded");
}

#[test]
fn runbooks_go_live_comes_back_from_what_people_would_have_met() {
    let Some(docker) = Docker::start_on_small_disk(96 << 20) else { return };
    let Some(mut team) = Team::with(Yard::with(docker)) else { return };
    let before = team.everything();
    let comes_back = |team: &Team, version: &str, words: &str| {
        team.build(version);
        let ran = team.release(3, version);
        ran.says(words).says("undo 002_paid.up.sql").says("service again: {\"version\": \"v1\"}  (200)");
        assert_eq!(team.everything(), before, "{words}");
    };
    comes_back(&team, "v9", "not found");
    team.publish("v3", None);
    comes_back(&team, "v3", "api did not become healthy");
    team.publish("v4", Some("v3"));
    comes_back(&team, "v4", "service-serves");
    team.yard.docker.fill();
    comes_back(&team, "v2", "no space left on device");
    team.yard.docker.make_room();
    trials::the_registry_is_down(&mut team);

    team.release(0, "v2").says("succeeded");
}

#[test]
fn runbooks_go_live_comes_back_from_a_site_and_a_flag_that_do_not_move() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    // The site: one for which the disk has no room, one that people get as another version, and one
    // whose home page is half there.
    team.yard.desk.write("dist/film.mp4", vec![7; 300 << 10]);
    team.release(3, "v2").says("No space left on device").says("api runs").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "the disk is full");
    std::fs::remove_file(team.yard.desk.path("dist/film.mp4")).expect("it is there");
    team.yard.desk.write("dist/version.json", "{\"version\": \"v1\", \"next\": \"v2\"}\n");
    let ran = team.release(3, "v2");
    ran.says("FAILED: 3.1 Smoke: site-serves")
        .says("leads to releases/v1 again")
        .says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "a site that says that it is another version");
    team.build("v2");
    team.yard.desk.write("dist/index.html", "<html>The sh");
    let ran = team.release(3, "v2");
    ran.says("leads to releases/v1 again").says("api runs").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "a home page that is half there");
    team.build("v2");

    // The flag of this release is not there: everything else stands by then.
    team.yard.desk.write("flags.json", before.3.replace("new-search", "new-serach"));
    team.release(3, "v2").says("new-serach").says("leads to releases/v1 again");
    team.yard.desk.write("flags.json", &before.3);
    assert_eq!(team.everything(), before, "a flag that is not there");

    // What is new does not work: somebody sees it, and says no.
    team.yard.desk.write("yes.yaml", "answers:\n  - { step: '3-go-live/3-2-switch-on/item-1', say: rollback, reason: nothing is found }\notherwise: yes\n");
    let ran = team.release(3, "v2");
    ran.says("new-search is off, variant off again").says("nothing is found").says("site again: ");
    assert_eq!(team.everything(), before, "somebody turned it back");
    team.yard.desk.write("yes.yaml", "otherwise: yes\n");

    trials::v2_goes_out_unheard(&team).says("FAILED: ticket").says("not sent to change-ticket (");
}

#[test]
fn runbooks_go_live_asks_when_people_do_not_get_what_they_got_before() {
    let Some(mut team) = Team::open() else { return };
    let before = team.everything();
    team.yard.desk.program("mv", "#!/bin/sh\n/bin/mv \"$@\" || exit\ncase \"$*\" in */current) if [ -e lose ]; then /bin/mv lose lost; . ./lost; fi ;; esac\n");
    // The front is lost when the site has moved: nothing that is taken back brings it back.
    team.yard.desk.write("lose", team.front.stop_line());
    team.yard.desk.write("yes.yaml", PATIENT);
    let ran = team.release(6, "v2");
    ran.says("error: before this release people got from the site: {\"version\": \"v1\"}")
        .says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "everything is back, and nobody can see it");
    team.front.start_again(60);
    team.goes_on(3, "as-before", "kim").says("site again: {\"version\": \"v1\"}").says("rolled back");
    assert_eq!(team.everything(), before);

    // The database is lost at that moment: all goes back but the schema, which waits for it.
    team.yard.desk.write("lose", format!("{} >/dev/null\n", team.server.stop_line()));
    let ran = team.release(6, "v2");
    ran.says("FAILED: 3.1 Smoke: no-negative-totals")
        .says("leads to releases/v1 again")
        .says("Connection refused");
    ran.says("tminus answer migrate retry").never_says("rolled back after");
    assert_eq!(team.yard.state(), before.0, "the service is back");
    team.server.start_again();
    team.goes_on(3, "migrate", "kim").says("undo 002_paid.up.sql").says("rolled back");
    assert_eq!(team.everything(), before, "the database was lost in the middle");
}

#[test]
fn runbooks_go_live_asks_when_the_engine_is_lost_in_the_middle() {
    let Some(mut team) = Team::open() else { return };
    let before = team.everything();
    let desk = &team.yard.desk;
    let lose = team.yard.docker.lose_engine_line();
    desk.program("docker", &format!("#!/bin/sh\nif [ -e lose ]; then case \"$*\" in *\" up \"*) rm lose; {lose} ;; esac; fi\nPATH=${{PATH#*:}} exec docker \"$@\"\n"));
    desk.write("lose", "");
    desk.write("yes.yaml", PATIENT);
    let ran = team.release(6, "v2");
    ran.says("Cannot connect to the Docker daemon").says("tminus answer service retry");
    ran.never_says("starts: Publish").never_says("rolled back after");
    team.yard.docker.start_engine();
    team.goes_on(3, "service", "kim").says("undo 002_paid.up.sql").says("rolled back after");
    assert_eq!(team.everything(), before, "the engine was lost in the middle");
}

#[test]
fn crash_everywhere_of_runbooks_go_live() {
    let Some(team) = Team::open() else { return };
    team.yard.desk.program("docker", &crashes::counts("docker", "*\" up \"*"));
    crashes::everywhere(&team);
    assert_eq!(team.front.get("/version.json"), "{\"version\": \"v2\"}\n");
}

#[test]
fn fail_at_every_step_of_runbooks_go_live() {
    let Some(team) = Team::open() else { return };
    failures::at_every_step(&team);
}

#[test]
fn repeat_every_undo_of_runbooks_go_live() {
    let Some(team) = Team::open() else { return };
    failures::of_every_undo(&team);
}
