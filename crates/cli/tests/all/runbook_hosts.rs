//! The runbook of `runbooks/hosts`, released and broken on hosts of its own: network, disk, sshd and
//! engine for each, a proxy before them, and PostgreSQL.
//!
//! It runs as it is written, but for the time that somebody stays to watch.

use std::process::Command;

use tminus_testkit::fleet::{Fleet, SWITCH};
use tminus_testkit::postgres::Postgres;
use tminus_testkit::proxy::Proxy;

use crate::support::{Desk, Ran};
use crate::trials;

const HOSTS: [&str; 2] = ["h1", "h2"];

struct Team {
    desk: Desk,
    // The proxy ends before what it stands in front of.
    _proxy: Proxy,
    fleet: Fleet,
    server: Postgres,
}

impl Team {
    /// A team whose v1 is out, and whose v2 brings a migration and another compose file.
    fn open() -> Option<Team> {
        let (fleet, server) = (Fleet::start(&HOSTS)?, Postgres::start()?);
        let desk = Desk::new();
        trials::lay_out(&desk, "hosts", &["RUNBOOK.md", "tminus.toml", "proxy"]);
        let text = desk.read("RUNBOOK.md");
        desk.write(
            "RUNBOOK.md",
            text.replace("for: 30m", "for: 3s")
                .replace("for > 1 minute", "for > 1 second")
                .replace("< 1% for 1 minute", "< 1% for 1 second"),
        );
        let settings = desk.read("tminus.toml").replace("10.0.0.1", SWITCH).replace("/version", "/page");
        desk.write("tminus.toml", settings.replace("\"1s\"", "\"100ms\"").replace("\"1m\"", "\"2s\""));
        desk.write("yes.yaml", "otherwise: yes\n");
        server.sql("postgres", "create database shop");
        for version in ["v0", "v1", "v2"] {
            for name in ["api", "web"] {
                fleet.publish(&fleet.image(&format!("{name}:{version}")), Some(version));
            }
        }
        desk.write("compose.yml", compose_file(&fleet, "first", "-"));
        for host in HOSTS {
            let own = desk.path("compose.yml");
            fleet.on(host, &format!("mkdir shop; cd shop; printf 'TAG=v0\\nOTHER=keep me' >.env; cp {} compose.yml; docker compose up --quiet-pull --wait 2>&1", own.display()));
        }
        let check = "check inter 1s fall 10 rise 1";
        let servers = format!("server h1 10.77.0.11:8080 {check}\n  server h2 10.77.0.12:8080 {check}");
        let proxy = Proxy::start(&fleet, "web", &servers)?;
        let team = Team { desk, _proxy: proxy, fleet, server };
        team.desk.write("db/001_orders.up.sql", "create table orders (id int primary key, total int not null);\ninsert into orders values (1, 10);\n");
        team.desk.write("db/001_orders.down.sql", "drop table orders;\n");
        team.release(0, "v1").says("web of h1 has its traffic again").says("succeeded");
        team.desk.write(
            "db/002_paid.up.sql",
            "alter table orders add column paid boolean not null default false;\n",
        );
        team.desk.write("db/002_paid.down.sql", "alter table orders drop column paid;\n");
        team.compose_file("second", "-");
        Some(team)
    }

    fn compose_file(&self, colour: &str, ill: &str) {
        self.desk.write("compose.yml", compose_file(&self.fleet, colour, ill));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        command.env("PATH", format!("{}:{path}", self.fleet.bin().display()));
        command.env("SHOP_DATABASE_URL", self.server.socket_url("shop"));
        self.fleet.beside(&command)
    }

    fn release(&self, code: i32, version: &str) -> Ran {
        let mut command =
            self.command(&["run", "RUNBOOK.md", "--version", version, "--answers", "yes.yaml", "--again"]);
        let ran = Ran::of(command.output().expect("it starts"));
        assert_eq!(ran.code, code, "{version}\n{}\n{}", ran.out, ran.err);
        ran
    }

    /// Everything that a rollback has to bring back: containers with images and variables, the files
    /// of the folder, whether the proxy sends there, the schema.
    fn everything(&self) -> Vec<String> {
        let look = "docker ps --all --quiet --no-trunc | xargs docker inspect --format \
                    '{{.Name}} {{.Config.Image}} {{.Image}} {{.State.Health.Status}}{{println}}{{range .Config.Env}}{{println .}}{{end}}' | sort; \
                    cd shop; ls -l --time-style=+ .env compose.yml proxy; md5sum .env compose.yml proxy";
        let mut all: Vec<String> = HOSTS.iter().map(|host| self.fleet.on(host, look)).collect();
        all.push(self.fleet.inside(&format!(
            "echo 'show servers state web' | socat - tcp:{SWITCH}:9999 | awk '$4 ~ /^h/ {{ print $4, $7 }}'"
        )));
        all.push(self.server.dump("shop"));
        all
    }
}

/// The compose file that is sent. A version that is named is never healthy on the second host.
fn compose_file(fleet: &Fleet, colour: &str, ill: &str) -> String {
    let service = |name: &str, port: u16| {
        let image = fleet.image(name);
        format!(
            "  {name}:
    image: {image}:${{TAG}}
    init: true
    stop_grace_period: 1s
    environment: {{ COLOUR: {colour}, WHERE: '${{HOST_NAME}}' }}
    ports: ['{port}:8080']
    healthcheck:
      test: [CMD, sh, -c, 'test \"$$WHERE $$(wget -q -O - http://127.0.0.1:8080/version)\" != \"h2 {ill}\"']
      interval: 0.3s
      retries: 2
"
        )
    };
    format!("services:\n{}{}", service("web", 8080), service("api", 8081))
}

#[test]
fn runbooks_hosts_releases_and_comes_back_when_a_host_or_the_schema_fails() {
    let Some(mut team) = Team::open() else { return };
    let before = team.everything();

    // The second host does not start it; the first one has it by then.
    for name in ["api", "web"] {
        team.fleet.publish(&team.fleet.image(&format!("{name}:v3")), Some("v3"));
    }
    team.compose_file("third", "v3");
    let ran = team.release(3, "v3");
    ran.says("h1: web runs").says("h2: error: api did not become healthy").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "failing health on one host");
    team.compose_file("second", "-");

    // A migration that fails half-way.
    team.desk.write("db/003_bad.up.sql", "create table more (id int);\nselect nothing from nowhere;\n");
    team.desk.write("db/003_bad.down.sql", "drop table more;\n");
    team.release(3, "v2").says("nowhere").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "a migration that fails half-way");
    std::fs::remove_file(team.desk.path("db/003_bad.up.sql")).expect("it is there");

    team.fleet.stop_registry();
    team.release(3, "v2").says("connection refused");
    assert_eq!(team.everything(), before, "the registry is down");
    team.fleet.start_registry();

    team.server.stop();
    team.release(3, "v2").says("connection to server on socket");
    team.server.start_again();
    assert_eq!(team.everything(), before, "the database is down");

    team.release(0, "v2").says("running/h1/running.txt").says("succeeded");
    assert!(team.desk.read("running/h2/running.txt").contains("web:v2"), "what the second host runs");
    assert_eq!(team.fleet.inside(&format!("curl --silent http://{SWITCH}/version")), "v2");
}

#[test]
fn runbooks_hosts_goes_back_by_its_numbers_and_asks_about_a_host_that_is_away() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    // Every check passes, and what people ask for is gone.
    for name in ["api", "web"] {
        team.fleet.publish_faulty(&team.fleet.image(&format!("{name}:v3")), "v3");
    }
    let ran = team.release(3, "v3");
    ran.says("h1: web runs").says("rule FIRED").says("undo 002_paid.up.sql").says("rolled back");
    assert_eq!(team.everything(), before, "the numbers say that it is bad");

    // A host that is away from the start: nothing has moved.
    team.fleet.cut_off("h2");
    team.release(3, "v2").says("h2 could not be begun");
    team.fleet.join("h2");
    assert_eq!(team.everything(), before, "a host is away");
}
