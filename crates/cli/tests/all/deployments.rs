//! Deployments by docker compose, on a real engine with a real registry.

use std::process::Command;

use tminus_testkit::docker::Docker;
use tminus_testkit::postgres::Postgres;

use crate::support::{Desk, Ran};

/// A desk with two services whose images are in a registry.
struct Yard {
    desk: Desk,
    docker: Docker,
}

const ENV: &str = "# written by the team\nOTHER=keep me\nTAG=v0\n\nLAST=x";

impl Yard {
    fn open() -> Option<Yard> {
        let docker = Docker::start()?;
        let desk = Desk::new();
        let service = |name: &str| {
            format!(
                "  {name}:\n    image: {}:${{TAG}}\n    init: true\n    stop_grace_period: 1s\n    network_mode: none\n    healthcheck:\n      test: [CMD, /bin/busybox, wget, -q, -O, /dev/null, 'http://127.0.0.1:8080/version']\n      interval: 0.3s\n      retries: 2\n",
                docker.image(name)
            )
        };
        desk.write("compose.yml", format!("services:\n{}{}", service("api"), service("web")));
        desk.write(".env", ENV);
        desk.write("r.md", "---\nrunbook: 1\non_failure: rollback\n---\n# Shop\n\n## 1. Ship\n\n```yaml {#deploy .deploy}\ntarget: compose\nservices: [api, web]\nenv_file: .env\nset: { TAG: $VERSION }\nwithin: 20s\n```\n\n```bash {#smoke .check}\n./smoke\n```\n");
        desk.program("../smoke", "#!/bin/sh\n");
        for version in ["v1", "v2"] {
            for name in ["api", "web"] {
                docker.publish(&docker.image(&format!("{name}:{version}")), Some(version));
            }
        }
        Some(Yard { desk, docker })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        command.env("DOCKER_HOST", self.docker.host());
        command
    }

    fn release(&self, code: i32, version: &str) -> Ran {
        let ran = Ran::of(
            self.command(&["run", "r.md", "--no-wait", "--version", version]).output().expect("it starts"),
        );
        assert_eq!(ran.code, code, "{version}\n{}\n{}", ran.out, ran.err);
        ran
    }

    /// What runs: containers, their images, and the file of variables.
    fn state(&self) -> (Vec<String>, String) {
        let ids = self.docker.docker(&["ps", "--all", "--quiet", "--no-trunc"]);
        let mut running: Vec<String> = ids
            .lines()
            .map(|id| self.docker.docker(&["inspect", "--format", "{{index .Config.Labels \"com.docker.compose.service\"}} {{.Config.Image}} {{.Image}} {{.State.Health.Status}}", id]))
            .collect();
        running.sort();
        (running, self.desk.read(".env"))
    }

    fn serves(&self, service: &str) -> String {
        let id = self.docker.docker(&[
            "ps",
            "--quiet",
            "--filter",
            &format!("label=com.docker.compose.service={service}"),
        ]);
        self.docker.docker(&[
            "exec",
            &id,
            "/bin/busybox",
            "wget",
            "-q",
            "-O",
            "-",
            "http://127.0.0.1:8080/version",
        ])
    }
}

#[test]
fn pain_05_services_go_out_and_come_back_as_one() {
    let Some(mut yard) = Yard::open() else { return };
    // A first release that fails leaves nothing.
    yard.desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    yard.release(3, "v1").says("api was not there before, and is gone again");
    assert_eq!(yard.state(), (Vec::new(), ENV.to_owned()));

    yard.desk.program("../smoke", "#!/bin/sh\n");
    yard.release(0, "v1");
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v1".to_owned(), "v1".to_owned()));
    assert_eq!(yard.desk.read(".env"), ENV.replace("TAG=v0", "TAG=v1") + "\n");
    let first = yard.state();

    // Caught after both have moved. Meanwhile the registry goes away, and the old tag is given to
    // another image: neither is needed for the way back.
    let api = yard.docker.image("api");
    yard.desk
        .program("../smoke", &format!("#!/bin/sh\ndocker tag {api}:v2 {api}:v1\ntouch caught\nexit 1\n"));
    yard.release(3, "v2").says("rolled back").says("api runs").says("again");
    assert_eq!((yard.state(), yard.desk.path("caught").exists()), (first.clone(), true));

    // The registry is down from the start: nothing moves, no container is touched.
    yard.desk.program("../smoke", "#!/bin/sh\n");
    let ids = yard.docker.docker(&["ps", "--quiet"]);
    yard.docker.stop_registry();
    yard.release(3, "v2").says("connection refused");
    assert_eq!((yard.docker.docker(&["ps", "--quiet"]), yard.state()), (ids.clone(), first.clone()));
    yard.docker.start_registry();
    // An image that does not exist.
    yard.release(3, "v9").says("not found");
    assert_eq!((yard.docker.docker(&["ps", "--quiet"]), yard.state()), (ids, first.clone()));

    // One whose second service never becomes healthy.
    yard.docker.publish(&yard.docker.image("api:v3"), Some("v3"));
    yard.docker.publish(&yard.docker.image("web:v3"), None);
    yard.release(3, "v3").says("web did not become healthy within 20 s").says("unhealthy").says("404");
    assert_eq!(yard.state(), first);

    yard.release(0, "v2");
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2".to_owned(), "v2".to_owned()));
    // What is built on the target is refused.
    let file = yard.desk.read("compose.yml");
    yard.desk.write("compose.yml", file.replace("    init: true\n", "    init: true\n    build: .\n"));
    yard.release(3, "v1").says("api is built on the machine that it runs on");
    assert_eq!(yard.serves("api"), "v2");
}

#[test]
fn crash_everywhere_in_the_middle_of_a_deployment_it_moves_once() {
    let Some(yard) = Yard::open() else { return };
    yard.release(0, "v1");
    // Stops before `up` of the second service until the test lets it go.
    yard.desk.program("docker", "#!/bin/sh\ncase \"$*\" in *\"up \"*web*) if [ -p reached ]; then echo >reached; cat go; rm reached; fi ;; esac\nPATH=${PATH#*:} exec docker \"$@\"\n");
    yard.desk.kill_while_waiting(yard.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
    yard.desk.let_go();
    let ran = Ran::of(yard.command(&["resume", "--no-wait"]).output().expect("it starts"));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2".to_owned(), "v2".to_owned()));
    assert_eq!(yard.docker.docker(&["ps", "--all", "--quiet"]).lines().count(), 2);
}

#[test]
fn a_service_that_ends_again_and_again_is_found_when_it_was_up_for_a_moment() {
    let Some(yard) = Yard::open() else { return };
    yard.release(0, "v1");
    // It has no healthcheck, and is up whenever somebody looks; the other one takes its time.
    let service = format!(
        "  api:\n    image: {}:${{TAG}}\n    network_mode: none\n    restart: always\n    command: [/bin/busybox, sh, -c, 'sleep 0.2; exit 7']\n",
        yard.docker.image("api")
    );
    let text = yard.desk.read("compose.yml");
    let web = text.find("  web:").expect("the second service");
    yard.desk.write("compose.yml", format!("services:\n{service}{}", &text[web..]));
    let ran = yard.release(3, "v2");
    ran.says("note: api has no healthcheck")
        .says("api has not stayed as it was when it came up: ")
        .says("rolled back");
    assert_eq!(yard.serves("web"), "v1");
}

#[test]
fn images_are_pulled_by_digest_whatever_a_tag_means_by_then() {
    let Some(yard) = Yard::open() else { return };
    let digest = |version: &str| {
        let name = yard.docker.image(&format!("api:{version}"));
        yard.docker.docker(&["pull", "--quiet", &name]);
        let digest = yard.docker.docker(&["image", "inspect", "--format", "{{index .RepoDigests 0}}", &name]);
        yard.docker.docker(&["rmi", "--force", &name]);
        digest
    };
    let (first, second) = (digest("v1"), digest("v2"));
    let text = yard.desk.read("compose.yml");
    let name = format!("image: {}:${{TAG}}", yard.docker.image("api"));
    yard.desk.write("compose.yml", text.replace(&name, "image: ${API}"));
    let text = yard.desk.read("r.md").replace("{ TAG: $VERSION }", "{ TAG: $VERSION, API: $API }");
    yard.desk
        .write("r.md", text.replace("runbook: 1", "runbook: 1\ninputs: { API: '.+@sha256:[0-9a-f]{64}' }"));
    let release = |code: i32, version: &str, image: &str| {
        let set = format!("API={image}");
        let mut command = yard.command(&["run", "r.md", "--no-wait", "--version", version, "--set", &set]);
        let ran = Ran::of(command.output().expect("it starts"));
        assert_eq!(ran.code, code, "{version}\n{}\n{}", ran.out, ran.err);
    };
    release(0, "v1", &first);
    let before = yard.state();
    // Somebody gives the tag to another image.
    yard.docker.publish(&yard.docker.image("api:v2"), Some("another one"));
    yard.desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    release(3, "v2", &second);
    assert_eq!(yard.state(), before);
    yard.desk.program("../smoke", "#!/bin/sh\n");
    release(0, "v2", &second);
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2".to_owned(), "v2".to_owned()));
    release(2, "v2", "127.0.0.1/api:v2");
}

/// The team of `runbooks/compose`: the services, and a database.
struct Team {
    yard: Yard,
    server: Postgres,
}

/// Everything that a rollback has to bring back.
type Everything = ((Vec<String>, String), String);

impl Team {
    fn open() -> Option<Team> {
        let (yard, server) = (Yard::open()?, Postgres::start()?);
        server.sql("postgres", "create database shop");
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks/compose");
        for name in ["RUNBOOK.md", "tminus.toml"] {
            yard.desk.write(name, std::fs::read(folder.join(name)).expect("runbooks/compose"));
        }
        yard.desk.write("yes.yaml", "otherwise: yes\n");
        yard.desk.write("db/001_orders.up.sql", "create table orders (id int primary key, total int not null);\ninsert into orders values (1, 10), (2, 20);\n");
        yard.desk.write("db/001_orders.down.sql", "drop table orders;\n");
        Some(Team { yard, server })
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
        ran
    }

    /// Releases v1, and writes the migration that v2 brings. Returns how it was before that.
    fn first(&self) -> Everything {
        self.release(0, "v1").says("succeeded");
        self.yard.desk.write(
            "db/002_paid.up.sql",
            "alter table orders add column paid boolean not null default false;\n",
        );
        self.yard.desk.write("db/002_paid.down.sql", "alter table orders drop column paid;\n");
        self.everything()
    }

    fn everything(&self) -> Everything {
        (self.yard.state(), self.server.dump("shop"))
    }

    /// Runs SQL outside of the release, as a stranger would.
    fn sql(&self, sql: &str) {
        self.server.sql("shop", sql);
    }
}

#[test]
fn runbooks_compose_comes_back_when_the_database_is_in_the_way() {
    let Some(team) = Team::open() else { return };
    let before = team.first();
    let desk = &team.yard.desk;

    // A migration that fails half-way, with an earlier one of the same release applied.
    desk.write("db/003_bad.up.sql", "create table more (id int);\nselect nothing from nowhere;\n");
    desk.write("db/003_bad.down.sql", "drop table more;\n");
    team.release(3, "v2").says("nowhere").says("undo 002_paid.up.sql");
    assert_eq!(team.everything(), before, "a migration that fails half-way");

    // A migration that waits for a lock: the session below is ended by the server itself.
    desk.write("db/003_bad.up.sql", "alter table orders add column note text;\n");
    desk.write("db/003_bad.down.sql", "alter table orders drop column note;\n");
    let hold = "begin; lock table orders in access share mode; select pg_sleep(60)";
    let mut holder = team.server.client("psql", "shop").args(["-X", "-q", "-c", hold]).spawn().expect("psql");
    // The dump of the backup reads beside it; the migration does not get in.
    team.sql("do $$ begin for at in 1..3000 loop perform pg_stat_clear_snapshot(); if exists (select from pg_locks where relation = 'orders'::regclass and pid <> pg_backend_pid()) then return; end if; perform pg_sleep(0.01); end loop; raise exception 'it never held'; end $$");
    let ran = team.release(3, "v2");
    team.server.sql(
        "postgres",
        "select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock%'",
    );
    holder.wait().expect("it was ended");
    ran.says("lock timeout");
    assert_eq!(team.everything(), before, "a migration that waits for a lock");
    std::fs::remove_file(desk.path("db/003_bad.up.sql")).expect("it is there");

    // Data that is not as it should be after the migration.
    desk.write("db/003_minus.up.sql", "update orders set total = -total where id = 2;\n");
    desk.write("db/003_minus.down.sql", "update orders set total = -total where id = 2;\n");
    team.release(3, "v2").says("one row with the one value true");
    assert_eq!(team.everything(), before, "a failing integrity check");
    for name in ["db/003_minus.up.sql", "db/003_minus.down.sql"] {
        std::fs::remove_file(desk.path(name)).expect("it is there");
    }

    // The disk is full where the copy goes.
    let full = desk.path("backups");
    std::fs::remove_dir_all(&full).expect("copies were made");
    std::os::unix::fs::symlink("/dev/full", &full).expect("a link");
    team.release(3, "v2").says("backups");
    assert_eq!(team.everything(), before, "nowhere to put the copy");
    std::fs::remove_file(&full).expect("the link");
    team.server.stop();
    team.release(3, "v2").says("Connection refused");
    team.server.start_again();
    assert_eq!(team.everything(), before, "the database is down");
    team.release(0, "v2").says("succeeded");
}

#[test]
fn runbooks_compose_comes_back_when_the_services_do_not_start() {
    let Some(mut team) = Team::open() else { return };
    let before = team.first();
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

    // The registry is away.
    team.yard.docker.stop_registry();
    team.release(3, "v2").says("connection refused");
    assert_eq!(team.everything(), before, "the registry is down");
    team.yard.docker.start_registry();
    team.release(0, "v2").says("succeeded");
    assert_eq!(team.yard.serves("web"), "v2");
}

#[test]
fn runbooks_compose_asks_when_the_way_back_itself_is_cut_off() {
    let Some(team) = Team::open() else { return };
    let before = team.first();
    // The database is lost while the services are looked at, after both have moved.
    let stop = team.server.stop_line();
    team.yard.desk.program("docker", &format!("#!/bin/sh\nif [ -e lose ]; then case \"$*\" in *\" exec \"*) rm lose; {stop} >/dev/null ;; esac; fi\nPATH=${{PATH#*:}} exec docker \"$@\"\n"));
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
