//! The runbook of `runbooks/compose`, released and broken on a real engine, a real registry and
//! PostgreSQL.

use std::process::Command;

use tminus_testkit::docker::Docker;
use tminus_testkit::postgres::Postgres;

use crate::crashes;
use crate::failures;
use crate::support::{Desk, Ran};
use crate::trials::{self, Goes, NOBODY, PATIENT, Team as _};
use crate::yard::Yard;

/// The team of `runbooks/compose`: the services, and a database.
struct Team {
    yard: Yard,
    server: Postgres,
}

impl Team {
    /// A team whose v1 is out, and whose v2 brings a migration.
    fn open() -> Option<Team> {
        Team::with(Yard::open()?)
    }

    fn with(yard: Yard) -> Option<Team> {
        let server = Postgres::start()?;
        server.sql("postgres", "create database shop");
        trials::lay_out(&yard.desk, "compose", &["RUNBOOK.md", "tminus.toml"]);
        yard.desk.write("yes.yaml", "otherwise: yes\n");
        trials::write_orders(&yard.desk);
        let team = Team { yard, server };
        team.release(0, "v1").says("succeeded");
        trials::write_paid(&team.yard.desk);
        Some(team)
    }
}

impl trials::FromRegistry for Team {
    fn registry(&mut self, goes: Goes) {
        goes.with(&mut self.yard.docker);
    }
}

impl trials::Team for Team {
    type Everything = ((Vec<String>, String), String);

    fn desk(&self) -> &Desk {
        &self.yard.desk
    }

    fn server(&self) -> &Postgres {
        &self.server
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.yard.command(words);
        command.env("SHOP_DATABASE_URL", self.server.url("shop"));
        command
    }

    fn is_back(&self, ran: &Ran) {
        ran.says("served again: ").never_says("error: before this release");
    }

    fn everything(&self) -> Self::Everything {
        (self.yard.state(), self.server.dump("shop"))
    }
}

#[test]
fn runbooks_compose_comes_back_when_the_database_is_in_the_way() {
    let Some(team) = Team::open() else { return };
    trials::the_database_is_in_the_way(&team, "Connection refused");
    trials::a_total_is_negative(&team);
    team.release(0, "v2").says("succeeded");
}

#[test]
fn runbooks_compose_comes_back_when_the_services_do_not_start() {
    let Some(mut team) = Team::open() else { return };
    let before = team.everything();
    let docker = &team.yard.docker;

    // An image that does not exist; one that never becomes healthy; one that serves something else.
    team.release(3, "v9").says("not found").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "no such image");
    docker.publish(&docker.image("api:v3"), Some("v3"));
    docker.publish(&docker.image("web:v3"), None);
    team.release(3, "v3").says("web did not become healthy");
    assert_eq!(team.everything(), before, "failing health");
    docker.publish(&docker.image("api:v4"), Some("v4"));
    docker.publish(&docker.image("web:v4"), Some("an older build"));
    // And the registry is lost when the first service moves: what ran before is still here.
    team.yard.strikes_once("v4", "*\" up \"*", &docker.stop_registry_line());
    team.release(3, "v4").says("web serves an older build").says("undo 002_paid.up.sql");
    assert!(!team.yard.desk.path("lose").exists(), "the registry was lost");
    assert_eq!(team.everything(), before, "the wrong thing is served, and there is no registry");

    trials::the_registry_is_down(&mut team);
    team.release(0, "v2").says("succeeded");
    assert_eq!(team.yard.serves("web"), "v2");
}

#[test]
fn runbooks_compose_asks_when_the_way_back_itself_is_cut_off() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    // The database is lost while the services are looked at, after both have moved.
    let stop = team.server.stop_line();
    team.yard.strikes_once("v2", "*\" exec \"*", &format!("{stop} >/dev/null"));
    team.yard.desk.write("yes.yaml", PATIENT);
    let ran = team.release(6, "v2");
    ran.says("api runs").says("again").says("Connection refused").says("migrate");
    assert_eq!(team.yard.state(), before.0, "the services are back");
    team.server.start_again();
    // What the message says to type.
    let line = ran
        .out
        .lines()
        .chain(ran.err.lines())
        .find(|line| line.contains("tminus answer") && line.contains("retry"));
    let mut words: Vec<&str> = line.expect("a way on").split_whitespace().skip(1).collect();
    words.extend(["--as", "ana"]);
    team.yard.desk.expect(0, &words);
    team.ran(3, &["resume", "--no-wait"]);
    assert_eq!(team.everything(), before);

    // What people got was put into a container by hand: the way back, which makes it anew from its
    // image, does not bring it, and says so.
    let by_hand = || {
        let id =
            team.yard.docker.docker(&["ps", "--quiet", "--filter", "label=com.docker.compose.service=web"]);
        let write = ["exec", &id, "/bin/busybox", "sh", "-c", "printf 'a hotfix' >/www/version"];
        team.yard.docker.docker(&write);
    };
    by_hand();
    trials::write_minus(&team.yard.desk);
    let told = team.yard.desk.read("messages.log");
    let ran = team.release(6, "v2");
    ran.says("served again: api=v1,web=v1,");
    ran.says("error: before this release there was api=v1,web=a hotfix,").never_says("rolled back after");
    ran.says("tminus answer as-before retry");
    assert_eq!(team.yard.desk.read("messages.log"), told, "nobody is told that all is well");
    assert_eq!(team.everything(), before, "everything is back that the release changed");
    by_hand();
    let ran = team.goes_on(3, "as-before", "kim");
    ran.says("served again: api=v1,web=a hotfix,").says("rolled back after");
}

#[test]
fn runbooks_compose_stops_at_a_no_and_at_what_was_edited() {
    let Some(team) = Team::open() else { return };
    let (desk, before) = (&team.yard.desk, team.everything());

    // That nobody can be told is said, and is in the way of nothing.
    let settings = desk.read("tminus.toml");
    desk.write("tminus.toml", settings.replace("{ file = \"messages.log\" }", NOBODY));
    trials::an_applied_migration_was_edited(&team).says("not sent to team (Connection refused");

    // A no: there is a copy by then, and nothing that somebody would have to take back.
    desk.write(
        "yes.yaml",
        "answers:\n  - { step: 'go*', say: decline, reason: too many are in the shop }\notherwise: yes\n",
    );
    let ran = team.release(4, "v2");
    ran.says("kim declines").says("too many are in the shop").never_says("starts: Migrate");
    ran.says("declined after").says("not sent to team (Connection refused");
    assert_eq!(team.everything(), before, "a no");
    desk.write("yes.yaml", "otherwise: yes\n");

    team.release(0, "v2").says("not sent to team (Connection refused").says("succeeded");
    assert_eq!(team.yard.serves("web"), "v2");
}

/// What cannot wait takes the chapter of that name, out and back; a major one waits for a day.
#[test]
fn runbooks_compose_sends_a_hotfix_by_its_own_lane() {
    let Some(team) = Team::open() else { return };
    let (desk, docker, before) = (&team.yard.desk, &team.yard.docker, team.everything());
    let hotfix =
        |code, version| team.ran(code, &[&trials::begin(version)[..], &["--lane", "hotfix"]].concat());
    docker.publish(&docker.image("api:v3"), Some("v3"));
    docker.publish(&docker.image("web:v3"), None);
    let ran = hotfix(3, "v3");
    ran.says("web did not become healthy").says("undo 002_paid.up.sql").never_says("Release notes");
    team.is_back(&ran);
    assert_eq!(team.everything(), before, "the hotfix is broken");
    hotfix(0, "v2").says("The fix is on the main branch as well");
    assert!(desk.read("messages.log").contains("hotfix v2 in production: succeeded"));
    assert_eq!(team.yard.serves("web"), "v2");
    assert!(team.server.dump("shop").contains("paid"), "its migration is there");

    desk.write("yes.yaml", "otherwise: yes\n");
    let settle = |kind: &str| {
        let kind = format!("TYPE={kind}");
        team.ran(0, &["plan", "RUNBOOK.md", "--version", "v3", "--set", &kind])
    };
    settle("major").says("1d");
    settle("patch").never_says("1d");
    team.ran(2, &["plan", "RUNBOOK.md", "--version", "v3", "--set", "TYPE=huge"]).says("TYPE");
}

#[test]
fn runbooks_compose_comes_back_when_the_disk_of_the_engine_is_full() {
    let Some(docker) = Docker::start_on_small_disk(96 << 20) else { return };
    let Some(team) = Team::with(Yard::with(docker)) else { return };
    let before = team.everything();
    team.yard.docker.fill();
    team.release(3, "v2").says("no space left on device").says("undo 002_paid.up.sql");
    team.yard.docker.make_room();
    assert_eq!(team.everything(), before, "the disk is full");

    // Or in the middle, when the first service has moved: no container can be made on the way back
    // either, and that is a question.
    let desk = &team.yard.desk;
    team.yard.strikes_once("v2", "*\" up \"*web*", &team.yard.docker.fill_line());
    desk.write("yes.yaml", PATIENT);
    let ran = team.release(6, "v2");
    ran.says("api runs").says("no space left on device").never_says("rolled back after");
    ran.says("tminus answer deploy retry");
    team.yard.docker.make_room();
    let ran = team.goes_on(3, "deploy", "ana");
    ran.says("undo 002_paid.up.sql").says("served again: api=v1,web=v1,").says("rolled back after");
    assert_eq!(team.everything(), before, "the disk is full in the middle");
}

#[test]
fn runbooks_compose_asks_when_the_engine_is_lost_in_the_middle() {
    let Some(yard) = Yard::open() else { return };
    // As on a machine of a team: what ran when the engine was lost runs when it is there again.
    let text = yard.desk.read("compose.yml");
    yard.desk.write("compose.yml", text.replace("    init: true\n", "    init: true\n    restart: always\n"));
    let Some(mut team) = Team::with(yard) else { return };
    let before = team.everything();
    let desk = &team.yard.desk;
    let lose = team.yard.docker.lose_engine_line();
    team.yard.strikes_once("v2", "*\" up \"*web*", &lose);
    desk.write("yes.yaml", PATIENT);
    let ran = team.release(6, "v2");
    ran.says("api runs").says("Cannot connect to the Docker daemon").never_says("rolled back after");
    ran.says("tminus answer deploy retry");
    team.yard.docker.start_engine();
    let ran = team.goes_on(3, "deploy", "ana");
    ran.says("undo 002_paid.up.sql").says("served again: api=v1,web=v1,").says("rolled back after");
    assert_eq!(team.everything(), before, "the engine was lost in the middle");
    team.release(0, "v2").says("succeeded");
}

#[test]
fn crash_everywhere_of_runbooks_compose() {
    let Some(team) = Team::open() else { return };
    team.yard.desk.program("docker", &crashes::counts("docker", "*\" up \"*"));
    crashes::everywhere(&team);
    assert_eq!(team.yard.serves("web"), "v2");
}

#[test]
fn fail_at_every_step_of_runbooks_compose() {
    let Some(team) = Team::open() else { return };
    failures::at_every_step(&team);
}

#[test]
fn repeat_every_undo_of_runbooks_compose() {
    let Some(team) = Team::open() else { return };
    failures::of_every_undo(&team);
}
