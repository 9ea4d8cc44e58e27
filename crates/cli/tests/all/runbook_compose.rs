//! The runbook of `runbooks/compose`, released and broken on a real engine, a real registry and
//! PostgreSQL.

use tminus_testkit::postgres::Postgres;

use crate::support::{Desk, Ran};
use crate::trials::{self, Goes, Team as _};
use crate::yard::Yard;

/// The team of `runbooks/compose`: the services, and a database.
struct Team {
    yard: Yard,
    server: Postgres,
}

impl Team {
    /// A team whose v1 is out, and whose v2 brings a migration.
    fn open() -> Option<Team> {
        let (yard, server) = (Yard::open()?, Postgres::start()?);
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

    fn release(&self, code: i32, version: &str) -> Ran {
        let mut command = self.yard.command(&[
            "run",
            "RUNBOOK.md",
            "--version",
            version,
            "--answers",
            "yes.yaml",
            "--again",
        ]);
        let ran =
            Ran::of(command.env("SHOP_DATABASE_URL", self.server.url("shop")).output().expect("it starts"));
        assert_eq!(ran.code, code, "{version}\n{}\n{}", ran.out, ran.err);
        if code == 3 {
            // Everything went back, and the last look saw it: written answers would go past both.
            ran.says("served again: ").never_says("error: before this release").never_says("not undone");
        }
        ran
    }

    fn everything(&self) -> Self::Everything {
        (self.yard.state(), self.server.dump("shop"))
    }
}

#[test]
fn runbooks_compose_comes_back_when_the_database_is_in_the_way() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    let desk = &team.yard.desk;

    trials::the_database_is_in_the_way(&team, "Connection refused");

    // Data that is not as it should be after the migration.
    desk.write("db/003_minus.up.sql", "update orders set total = -total where id = 2;\n");
    desk.write("db/003_minus.down.sql", "update orders set total = -total where id = 2;\n");
    team.release(3, "v2").says("one row with the one value true");
    assert_eq!(team.everything(), before, "a failing integrity check");
    for name in ["db/003_minus.up.sql", "db/003_minus.down.sql"] {
        std::fs::remove_file(desk.path(name)).expect("it is there");
    }
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
    team.release(3, "v4").says("web serves an older build").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "the wrong thing is served");

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
    team.yard.desk.program("docker", &format!("#!/bin/sh\nif [ -e lose ] && grep -q TAG=v2 .env; then case \"$*\" in *\" exec \"*) rm lose; {stop} >/dev/null ;; esac; fi\nPATH=${{PATH#*:}} exec docker \"$@\"\n"));
    team.yard.desk.write("lose", "");
    team.yard.desk.write("yes.yaml", "answers:\n  - { step: go, say: yes }\n  - { step: 'go@*', say: yes }\n  - { step: '1-*', say: yes }\notherwise: nothing\n");
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
    let mut resume = team.yard.command(&["resume", "--no-wait"]);
    let ran = Ran::of(resume.env("SHOP_DATABASE_URL", team.server.url("shop")).output().expect("it starts"));
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert_eq!(team.everything(), before);
}
