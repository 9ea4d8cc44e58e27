//! The runbook of `runbooks/hosts`, released and broken on hosts of its own: network, disk, sshd and
//! engine for each, a proxy before them, and PostgreSQL.
//!
//! It runs as it is written, but for the time that somebody stays to watch.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use tminus_testkit::fleet::{Fleet, SWITCH};
use tminus_testkit::postgres::Postgres;
use tminus_testkit::proxy::Proxy;

use crate::crashes;
use crate::failures;
use crate::support::{Desk, Ran};
use crate::trials::{self, FromRegistry as _, Goes, PATIENT, Team as _};

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
        trials::lay_out(&desk, "hosts", &["RUNBOOK.md", "tminus.toml", "proxy", "served"]);
        desk.program("../served", &desk.read("served"));
        let text = desk.read("RUNBOOK.md");
        desk.write(
            "RUNBOOK.md",
            text.replace("for: 30m", "for: 2s")
                .replace("within=30s", "within=3s")
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
        trials::write_orders(&team.desk);
        team.release(0, "v1")
            .says("SERVED=people get v0;web of h1 is sent requests;web of h2 is sent requests")
            .says("web of h1 has its traffic again")
            .says("succeeded");
        trials::write_paid(&team.desk);
        team.compose_file("second", "-");
        Some(team)
    }

    fn compose_file(&self, colour: &str, ill: &str) {
        self.desk.write("compose.yml", compose_file(&self.fleet, colour, ill));
    }

    /// Pushes images of a version whose services say that they are this one.
    fn publish(&self, version: &str, says: &str) {
        for name in ["api", "web"] {
            self.fleet.publish(&self.fleet.image(&format!("{name}:{version}")), Some(says));
        }
    }

    /// Begins a release, and says when its way to the second service of the second host is reached.
    fn up_to_the_second_host(&self, version: &str) -> std::process::Child {
        self.up_to(version, "\"up \"*web")
    }

    /// The same, when docker is called there in this way.
    fn up_to(&self, version: &str, call: &str) -> std::process::Child {
        let wrapper = format!(
            "#!/bin/sh\ncase \"$*\" in *{call}*) if [ -p {0} ]; then echo >{0}; cat {1}; rm {0} {1}; fi ;; esac\nexec /usr/bin/docker \"$@\"\n",
            self.desk.pipe("reached").display(),
            self.desk.pipe("go").display()
        );
        let own = self.desk.write("wrapper", wrapper);
        self.fleet.on("h2", &format!("mkdir -p bin; cp {} bin/docker; chmod +x bin/docker", own.display()));
        let mut command = self.command(&trials::begin(version));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        self.desk.in_the_middle(&mut child);
        child
    }

    /// Lets a release that was stopped there go on, and insists on its exit code.
    fn ends(&self, code: i32, child: std::process::Child) -> Ran {
        self.desk.let_go();
        let ran = Ran::of(child.wait_with_output().expect("it ends"));
        assert_eq!(ran.code, code, "{}\n{}", ran.out, ran.err);
        ran
    }

    /// The same, when it ends in a question.
    fn asks(&self, child: std::process::Child) -> Ran {
        let ran = self.ends(6, child);
        ran.never_says("rolled back");
        ran
    }
}

impl trials::FromRegistry for Team {
    fn registry(&mut self, goes: Goes) {
        match goes {
            Goes::Down => self.fleet.stop_registry(),
            Goes::Up => self.fleet.start_registry(),
        }
    }
}

impl trials::Team for Team {
    /// Of each host, of the proxy, and of the database.
    type Everything = Vec<String>;

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn server(&self) -> &Postgres {
        &self.server
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let own = self.desk.path("bin");
        command.env("PATH", format!("{}:{}:{path}", own.display(), self.fleet.bin().display()));
        command.env("SHOP_DATABASE_URL", self.server.socket_url("shop"));
        self.fleet.beside(&command)
    }

    fn is_back(&self, ran: &Ran) {
        ran.says("│ people get v1").says("│ web of h1 is sent requests").says("│ web of h2 is sent requests");
        ran.never_says("error: this was not so before this release");
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

    fn done(&self) -> BTreeMap<String, usize> {
        let calls = |host| self.fleet.on(host, &format!("touch calls; sed 's/^/{host}: /' calls")) + "\n";
        trials::counted(&HOSTS.map(calls).concat())
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
fn runbooks_hosts_comes_back_when_the_services_do_not_start() {
    let Some(mut team) = Team::open() else { return };
    let before = team.everything();
    team.comes_back("v9", &["h1: ", "not found"], &before);
    // The second host does not start it; the first one has it by then.
    team.publish("v3", "v3");
    team.compose_file("third", "v3");
    team.comes_back("v3", &["h1: web runs", "h2: error: api did not become healthy"], &before);
    team.compose_file("second", "-");
    // The registry is lost when the first host has moved: what both ran before is still on them.
    let child = team.up_to("v2", "\" pull \"");
    team.registry(Goes::Down);
    let ran = team.ends(3, child);
    team.is_back(ran.says("h1: web runs").says("connection refused").says("undo 002_paid.up.sql"));
    assert_eq!(team.everything(), before, "the registry was lost in the middle");
    trials::the_registry_is_down(&mut team);

    trials::v2_goes_out_unheard(&team).says("running/h1/running.txt");
    assert!(team.desk.read("running/h2/running.txt").contains("web:v2"), "what the second host runs");
    assert_eq!(team.fleet.inside(&format!("curl --silent http://{SWITCH}/version")), "v2");
}

#[test]
fn runbooks_hosts_comes_back_from_images_with_something_else_in_them() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    team.publish("v4", "an older build");
    team.comes_back("v4", &["port 8080 serves an older build"], &before);
    // So much that a host has no room for it.
    team.fleet.publish(&team.fleet.image("api:v5"), Some("v5"));
    team.fleet.publish_with(&team.fleet.image("web:v5"), "v5", 100 << 20);
    team.comes_back("v5", &["no space left on device"], &before);
    // Every check passes, and what people ask for is gone.
    for name in ["api", "web"] {
        team.fleet.publish_faulty(&team.fleet.image(&format!("{name}:v3")), "v3");
    }
    team.comes_back("v3", &["h1: web runs", "rule FIRED", "rolled back"], &before);
}

#[test]
fn runbooks_hosts_comes_back_when_the_migration_is_in_the_way() {
    let Some(team) = Team::open() else { return };
    trials::the_migration_is_in_the_way(&team);
}

#[test]
fn runbooks_hosts_comes_back_when_the_database_is_in_the_way() {
    let Some(team) = Team::open() else { return };
    let (desk, before) = (&team.desk, team.everything());
    trials::the_server_is_in_the_way(&team, "connection to server on socket");
    // Data that is not as it should be after the migration: all hosts have moved by then. And what people
    // got was put into the containers by hand: a way back that makes them anew does not bring it.
    trials::write_minus(desk);
    desk.write("yes.yaml", PATIENT);
    let by_hand = || {
        for host in HOSTS {
            team.fleet.on(host, "docker exec $(docker ps --quiet --filter label=com.docker.compose.service=web) /bin/busybox sh -c 'printf \"a hotfix\" >/www/version'");
        }
    };
    by_hand();
    let ran = team.release(6, "v2");
    ran.says("one row with the one value true").says("h2: web runs").says("people get v1");
    ran.says("error: this was not so before this release, when it was: people get a hotfix;");
    ran.says("tminus answer as-before retry").never_says("rolled back after");
    assert_eq!(team.everything(), before, "a failing integrity check: all is back that the release changed");
    by_hand();
    team.ran(0, &["answer", "as-before", "retry", "--as", "kim"]);
    team.ran(3, &["resume", "--no-wait"]).says("people get a hotfix").says("rolled back after");
}

#[test]
fn runbooks_hosts_comes_back_from_what_is_found_around_it() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    // A host that is away from the start: nothing has moved.
    team.fleet.cut_off("h2");
    team.release(3, "v2").says("h2 could not be begun");
    team.fleet.join("h2");
    assert_eq!(team.everything(), before, "a host is away");

    // One whose disk is nearly full.
    team.fleet.on("h2", "head -c \"$(df -Pk ~ | awk 'NR == 2 { print $4 - 12000 }')K\" /dev/zero >full");
    team.release(3, "v2").says("h2: 9").says("of the disk is used").never_says("starts: Back up");
    team.fleet.make_room("h2");
    assert_eq!(team.everything(), before, "little room");

    trials::an_applied_migration_was_edited(&team);

    // A no: there is a copy by then, and nothing that somebody would have to take back.
    team.desk.write("yes.yaml", trials::declined_by("kim", "too many are in the shop"));
    let ran = team.release(4, "v2");
    ran.says("kim declines").says("too many are in the shop").never_says("starts: Send");
    team.desk.write("yes.yaml", "otherwise: yes\n");
    assert_eq!(team.everything(), before, "a no");

    // The file that is to be sent is not there.
    let away = team.desk.path("away.yml");
    std::fs::rename(team.desk.path("compose.yml"), &away).expect("it is there");
    team.release(3, "v2").says("compose.yml").never_says("starts: Migrate");
    std::fs::rename(&away, team.desk.path("compose.yml")).expect("it is there");
    assert_eq!(team.everything(), before, "nothing to send");

    // All of it is out, and what the hosts run cannot be written down: on one of them, and here.
    team.fleet.on("h2", "rm shop/running.txt; mkdir shop/running.txt");
    team.comes_back("v2", &["h2: web runs", "running.txt: Is a directory"], &before);
    team.fleet.on("h2", "rmdir shop/running.txt");
    std::fs::remove_dir_all(team.desk.path("running")).expect("v1 wrote it");
    team.desk.write("running", "a file\n");
    team.comes_back("v2", &["h2: web runs", "FAILED: Fetch ~/shop/running.txt to running"], &before);
}

#[test]
fn runbooks_hosts_comes_back_by_the_script_for_the_proxy_that_was_there_before() {
    let Some(team) = Team::open() else { return };
    let (desk, before) = (&team.desk, team.everything());
    let (script, text) = (desk.read("proxy"), desk.read("RUNBOOK.md"));
    // The same script, and nobody may run it.
    desk.write("RUNBOOK.md", text.replace("mode: 755", "mode: 644"));
    team.comes_back("v2", &["Permission denied", "/root/shop/proxy is what it was before"], &before);
    desk.write("RUNBOOK.md", text);

    // One that fails where it should let the first host in again, and has taken the second one out. No
    // step of the release has been there, so none brings it back: whoever looks at the end sees it.
    let fault = "  admit)\n    ask set server \"$backend/h2\" state maint\n    exit 1\n";
    let faulty = script.replace("  admit)\n", fault);
    assert_ne!(faulty, script);
    desk.write("proxy", faulty);
    desk.write("yes.yaml", PATIENT);
    let ran = team.release(6, "v2");
    ran.says("`admit` failed for web").says("web of h1 has its traffic again").says("undo 002_paid.up.sql");
    ran.says("│ web of h2 is left out").says("error: this was not so before this release, when it was: people get v1;web of h1 is sent requests;web of h2 is sent requests");
    ran.says("tminus answer as-before retry").never_says("rolled back");
    assert_ne!(team.everything(), before, "the second host gets nothing");
    team.fleet.inside(&format!("echo 'set server web/h2 state ready' | socat - tcp:{SWITCH}:9999"));
    team.goes_on(3, "as-before", "kim").says("rolled back");
    assert_eq!(team.everything(), before, "somebody let the second host in again");
}

#[test]
fn runbooks_hosts_asks_when_a_host_is_lost_in_the_middle() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    let text = team.desk.read("RUNBOOK.md");
    team.desk.write(
        "RUNBOOK.md",
        text.replace("{#deploy .deploy on=shop batch=1}", "{#deploy .deploy on=shop batch=1 timeout=40s}"),
    );
    team.desk.write("yes.yaml", PATIENT);
    let child = team.up_to_the_second_host("v2");
    team.fleet.cut_off("h2");
    let ran = team.asks(child);
    // Never counted as done there, and never as not begun: it had moved.
    ran.says("h2 unknown (the connection was lost").says("tminus answer deploy retry");
    team.fleet.join("h2");
    team.goes_on(3, "deploy", "ana").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "a host was cut off in the middle");
}

#[test]
fn runbooks_hosts_asks_when_a_disk_is_full_or_the_database_lost_in_the_middle() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    team.desk.write("yes.yaml", PATIENT);

    // The disk of the second host is full.
    let child = team.up_to_the_second_host("v2");
    team.fleet.fill("h2");
    team.asks(child).says("o space left on device").says("tminus answer deploy retry");
    team.fleet.make_room("h2");
    team.goes_on(3, "deploy", "ana").says("undo 002_paid.up.sql").says("rolled back");
    assert_eq!(team.everything(), before, "a disk was full in the middle");

    // The database is lost: the hosts go back without it, and the schema waits for it.
    let child = team.up_to_the_second_host("v2");
    team.server.stop();
    let ran = team.asks(child);
    ran.says("h2: web runs").says("connection to server on socket").says("tminus answer migrate retry");
    assert_eq!(team.fleet.inside(&format!("curl --silent http://{SWITCH}/version")), "v1");
    team.server.start_again();
    team.goes_on(3, "migrate", "ana").says("undo 002_paid.up.sql").says("rolled back");
    assert_eq!(team.everything(), before, "the database was lost in the middle");
}

#[test]
fn runbooks_hosts_asks_when_the_proxy_is_out_of_reach_in_the_middle() {
    let Some(team) = Team::open() else { return };
    let before = team.everything();
    team.desk.write("yes.yaml", PATIENT);
    // The proxy takes no commands any more, from nobody. It goes on with what it was told.
    let child = team.up_to_the_second_host("v2");
    let refused = "INPUT --protocol tcp --dport 9999 --jump REJECT --reject-with tcp-reset";
    team.fleet.inside(&format!("iptables --insert {refused}"));
    let ran = team.asks(child);
    ran.says("h2: error: `admit` failed for web")
        .says("Connection refused")
        .says("tminus answer deploy retry");
    team.fleet.inside(&format!("iptables --delete {refused}"));
    team.goes_on(3, "deploy", "ana").says("undo 002_paid.up.sql").says("rolled back");
    assert_eq!(team.everything(), before, "the proxy took no commands");

    // Or people do not reach by it what they come for, and each host by itself is well.
    let child = team.up_to_the_second_host("v2");
    let refused = "INPUT --protocol tcp --dport 80 --match string --algo bm --string 'GET /version' --jump REJECT --reject-with tcp-reset";
    team.fleet.inside(&format!("iptables --insert {refused}"));
    let ran = team.asks(child);
    ran.says("h2: web runs").says("FAILED: 2.1 Is it so?: from-outside").says("undo 002_paid.up.sql");
    ran.says("│ people get no answer").says("tminus answer as-before retry");
    assert_eq!(team.everything(), before, "everything is back, and people do not reach it");
    team.fleet.inside(&format!("iptables --delete {refused}"));
    team.goes_on(3, "as-before", "kim").says("rolled back");
    assert_eq!(team.everything(), before, "they reach it again");
}

#[test]
fn crash_everywhere_of_runbooks_hosts() {
    let Some(team) = Team::open() else { return };
    let own = team.desk.write("wrapper", crashes::counts("/usr/bin/docker", "*\" up \"*"));
    for host in HOSTS {
        team.fleet.on(host, &format!("mkdir -p bin; cp {} bin/docker; chmod +x bin/docker", own.display()));
    }
    crashes::everywhere(&team);
    assert_eq!(team.fleet.inside(&format!("curl --silent http://{SWITCH}/version")), "v2");
}

#[test]
fn fail_at_every_step_of_runbooks_hosts() {
    let Some(team) = Team::open() else { return };
    failures::at_every_step(&team);
}

#[test]
fn repeat_every_undo_of_runbooks_hosts() {
    let Some(team) = Team::open() else { return };
    failures::of_every_undo(&team);
}
