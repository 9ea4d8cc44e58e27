//! Deployments by docker compose on other hosts: each with its own network, disk, sshd and engine.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use tminus_testkit::fleet::Fleet;

use crate::support::{Desk, Ran, interrupted_twice};

/// What the hosts are called. The second one is the one that things happen to.
pub(crate) const HOSTS: [&str; 2] = ["h1", "h2"];

const ENV: &str = "# written by the team\nOTHER=keep me\nTAG=v0\n\nLAST=x";

/// A runbook that deploys to both hosts, one after the other, and looks at what they serve.
pub(crate) const RUNBOOK: &str = "---
runbook: 1
on_failure: rollback
---
# Shop

## 1. Ship

**Hosts**: shop

```yaml {#deploy .deploy on=shop}
target: compose
folder: shop
services: [api, web]
env_file: .env
set: { TAG: $VERSION }
within: 10s
healthy: serves
```

```bash {#serves .check on=shop}
for port in 8080 8081; do test \"$(wget -q -O - http://127.0.0.1:$port/version)\" = \"$VERSION\"; done
```
";

/// A desk with two hosts that serve v1.
pub(crate) struct Yard {
    pub(crate) desk: Desk,
    pub(crate) fleet: Fleet,
}

/// Of each host: containers with their images, and the file of variables.
pub(crate) type State = Vec<(String, String)>;

impl Yard {
    pub(crate) fn open() -> Option<Yard> {
        let fleet = Fleet::start(&HOSTS)?;
        let desk = Desk::new();
        desk.write("r.md", RUNBOOK);
        desk.write("tminus.toml", "[hosts]\nshop = [\"h1\", \"h2\"]\n");
        for (at, host) in HOSTS.iter().enumerate() {
            let own = desk.write("compose.yml", compose(&fleet, at == 1));
            fleet.on(host, &format!("mkdir shop; cp {} shop/compose.yml", own.display()));
            let own = desk.write("env", ENV);
            fleet.on(host, &format!("cp {} shop/.env", own.display()));
        }
        for version in ["v1", "v2", "v3"] {
            for name in ["api", "web"] {
                fleet.publish(&fleet.image(&format!("{name}:{version}")), Some(version));
            }
        }
        let yard = Yard { desk, fleet };
        yard.release(0, "v1");
        Some(yard)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let (own, ssh) = (self.desk.path("bin"), self.fleet.bin());
        command.env("PATH", format!("{}:{}:{path}", own.display(), ssh.display()));
        self.fleet.beside(&command)
    }

    pub(crate) fn tminus(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = Ran::of(self.command(arguments).output().expect("it starts"));
        assert_eq!(ran.code, code, "tminus {}\n{}\n{}", arguments.join(" "), ran.out, ran.err);
        ran
    }

    pub(crate) fn release(&self, code: i32, version: &str) -> Ran {
        self.tminus(code, &["run", "r.md", "--no-wait", "--version", version])
    }

    pub(crate) fn state(&self) -> State {
        let look = "docker ps --all --quiet --no-trunc | xargs --no-run-if-empty docker inspect --format \
                    '{{index .Config.Labels \"com.docker.compose.service\"}} {{.Config.Image}} {{.Image}} {{with .State.Health}}{{.Status}}{{end}}' | sort; \
                    printf -- --; cat shop/.env; printf x";
        HOSTS.iter().map(|host| ((*host).to_owned(), self.fleet.on(host, look))).collect()
    }

    /// What a host serves: api and web.
    pub(crate) fn serves(&self, host: &str) -> String {
        self.fleet
            .on(host, "for port in 8080 8081; do wget -q -O - http://127.0.0.1:$port/version; echo; done")
    }
}

/// Two services; on one of the hosts v3 never becomes healthy.
fn compose(fleet: &Fleet, is_picky: bool) -> String {
    let unless = if is_picky { "v3" } else { "-" };
    let service = |name: &str, port: u16| {
        format!(
            "  {name}:\n    image: {}:${{TAG}}\n    init: true\n    stop_grace_period: 1s\n    ports: ['{port}:8080']\n    healthcheck:\n      test: [CMD, sh, -c, 'test \"$$(wget -q -O - http://127.0.0.1:8080/version)\" != {unless}']\n      interval: 0.3s\n      retries: 2\n",
            fleet.image(name)
        )
    };
    format!("services:\n{}{}", service("web", 8080), service("api", 8081))
}

#[test]
fn a_release_on_two_hosts_goes_back_on_both_when_one_fails() {
    let Some(mut yard) = Yard::open() else { return };
    yard.release(0, "v2").says("h1: before:").says("h2: web runs");
    assert_eq!((yard.serves("h1"), yard.serves("h2")), ("v2\nv2".to_owned(), "v2\nv2".to_owned()));
    let before = yard.state();

    yard.release(3, "v3")
        .says("h1: web runs")
        .says("h2: error: api did not become healthy")
        .says("rolled back");
    assert_eq!(yard.state(), before, "failing health on one host");
    yard.release(3, "v9").says("h1: ").says("not found");
    assert_eq!(yard.state(), before, "no such image");
    yard.fleet.stop_registry();
    yard.release(3, "v1").says("connection refused");
    assert_eq!(yard.state(), before, "the registry is down");
    yard.fleet.start_registry();

    // An image that has no room.
    yard.fleet.publish(&yard.fleet.image("api:v5"), Some("v5"));
    yard.fleet.publish_with(&yard.fleet.image("web:v5"), "v5", 100 << 20);
    yard.release(3, "v5").says("no space left on device");
    assert_eq!(yard.state(), before, "no room for an image");
}

#[test]
fn a_full_disk_on_a_host_is_a_question_that_can_be_answered() {
    let Some(yard) = Yard::open() else { return };
    let before = yard.state();
    yard.fleet.fill("h2");
    yard.release(6, "v2").says("h2 could not be begun: cannot be written").says("0 KiB free");
    yard.fleet.make_room("h2");
    yard.tminus(0, &["answer", "deploy", "retry"]);
    yard.tminus(3, &["resume", "--no-wait"]).says("rolled back");
    assert_eq!(yard.state(), before);
}

/// Stops before `up` of a service on a host until it is let go. What goes up is counted on both.
fn stop_before(yard: &Yard, host: &str, service: &str) {
    let stops = format!(
        "*\" up \"*{service}) if [ -p {0} ]; then echo >{0}; cat {1}; rm {0}; fi ;;",
        yard.desk.path("reached").display(),
        yard.desk.path("go").display()
    );
    for name in HOSTS {
        let stops = if name == host { stops.as_str() } else { "" };
        let wrapper = format!(
            "#!/bin/sh\ncase \"$*\" in {stops} esac\ncase \"$*\" in *\" up \"*) for service; do :; done; echo $service >>ups ;; esac\nexec /usr/bin/docker \"$@\"\n"
        );
        let own = yard.desk.write("wrapper", wrapper);
        yard.fleet.on(name, &format!("mkdir -p bin; cp {} bin/docker; chmod +x bin/docker", own.display()));
    }
}

#[test]
fn a_host_that_is_cut_off_in_the_middle_goes_on_and_is_asked_when_it_is_back() {
    let Some(yard) = Yard::open() else { return };
    stop_before(&yard, "h2", "web");
    yard.desk.make_pipes();
    let mut command = yard.command(&["run", "r.md", "--no-wait", "--version", "v2"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    yard.desk.in_the_middle(&mut child);
    yard.fleet.cut_off("h2");
    yard.desk.let_go();
    let mut said = String::new();
    let out = BufReader::new(child.stdout.take().expect("piped"));
    for line in out.lines().map_while(Result::ok) {
        if line.contains("the connection to h2 is lost") && !said.contains("is lost") {
            yard.fleet.join("h2");
        }
        said.push_str(&line);
        said.push('\n');
    }
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{said}");
    assert_eq!((yard.serves("h1"), yard.serves("h2")), ("v2\nv2".to_owned(), "v2\nv2".to_owned()));
    for host in HOSTS {
        assert_eq!(yard.fleet.on(host, "cat shop/ups"), "api\nweb", "it moved once on {host}");
    }
}

#[test]
fn crash_everywhere_on_the_second_host_every_service_moves_once() {
    let Some(yard) = Yard::open() else { return };
    stop_before(&yard, "h2", "web");
    yard.desk.kill_while_waiting(yard.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
    yard.desk.let_go();
    yard.tminus(0, &["resume", "--no-wait"]).says("h1, h2 exited with 0");
    assert_eq!((yard.serves("h1"), yard.serves("h2")), ("v2\nv2".to_owned(), "v2\nv2".to_owned()));
    for host in HOSTS {
        assert_eq!(yard.fleet.on(host, "cat shop/ups"), "api\nweb", "it moved once on {host}");
    }
}

#[test]
fn crash_everywhere_when_this_machine_goes_down_the_host_goes_on_and_is_asked() {
    let Some(yard) = Yard::open() else { return };
    stop_before(&yard, "h2", "web");
    yard.desk.kill_while_waiting(yard.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
    yard.desk.kill_step_of("ssh");
    yard.desk.let_go();
    yard.tminus(0, &["resume", "--no-wait"])
        .says("docker compose: h1, h2 exited with 0")
        .never_says("starts: Deploy");
    assert_eq!((yard.serves("h1"), yard.serves("h2")), ("v2\nv2".to_owned(), "v2\nv2".to_owned()));
    for host in HOSTS {
        assert_eq!(yard.fleet.on(host, "cat shop/ups"), "api\nweb", "it moved once on {host}");
    }
}

#[test]
fn crash_everywhere_when_the_second_host_goes_down_too_it_is_looked_at() {
    let Some(yard) = Yard::open() else { return };
    stop_before(&yard, "h2", "web");
    let ids = |host| yard.fleet.on(host, "docker ps --all --quiet --no-trunc | sort");
    let before = ids("h2");
    yard.desk.cut_power_with(
        &yard.fleet,
        "h2",
        yard.command(&["run", "r.md", "--no-wait", "--version", "v2"]),
    );
    assert_eq!((yard.serves("h1"), yard.serves("h2")), ("v2\nv2".to_owned(), "v1\nv2".to_owned()));
    let (first, half) = (ids("h1"), ids("h2"));
    yard.tminus(0, &["resume", "--no-wait"]).says("h1 had passed before");
    assert_eq!((yard.serves("h1"), yard.serves("h2")), ("v2\nv2".to_owned(), "v2\nv2".to_owned()));
    assert_eq!(ids("h1"), first, "nothing moved there a second time");
    let (moved, after) = (half.lines().find(|id| !before.contains(*id)), ids("h2"));
    assert!(after.contains(moved.expect("api has moved")), "it was left alone");
    assert_eq!(yard.fleet.on("h1", "cat shop/ups"), "api\nweb");
    assert_eq!(yard.fleet.on("h2", "cat shop/ups"), "api\napi\nweb");
}

#[test]
fn a_host_that_stays_cut_off_is_a_question_and_comes_back_with_the_others() {
    let Some(yard) = Yard::open() else { return };
    let before = yard.state();
    yard.desk.write("r.md", RUNBOOK.replace("on=shop}\ntarget", "on=shop timeout=40s}\ntarget"));
    stop_before(&yard, "h2", "web");
    yard.desk.make_pipes();
    let mut command = yard.command(&["run", "r.md", "--no-wait", "--version", "v2"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    yard.desk.in_the_middle(&mut child);
    yard.fleet.cut_off("h2");
    yard.desk.let_go();
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 6, "{}\n{}", ran.out, ran.err);
    // Never counted as done there, and never as not begun: it had moved.
    ran.says("h2 unknown (the connection was lost")
        .says("No route to host")
        .says("tminus answer deploy retry");
    yard.fleet.join("h2");
    yard.tminus(0, &["answer", "deploy", "retry"]);
    yard.tminus(3, &["resume", "--no-wait"]).says("h1 had passed before");
    assert_eq!(yard.state(), before);
}

/// What a watch does to the runbook above: every port is asked all the time, and a message is sent.
const WATCH: &str = "
```yaml {#watch .soak}
for: 10s
rules:
  - error rate < 20%
on_breach: rollback
```

```text {#tell .notify to=team when=always}
{{ VERSION }}: {{ release.outcome }}. {{ release.reason }}
```
";

#[test]
fn pain_13_freeze_rollback_by_itself_and_messages_are_in_the_one_free_program() {
    let Some(yard) = Yard::open() else { return };
    yard.desk.write("tminus.toml", "[hosts]\nshop = [\"h1\", \"h2\"]\n[probe.production]\nurl = \"http://10.77.0.12:8080/fine\"\nevery = \"50ms\"\ntimeout = \"2s\"\nwindow = \"2s\"\n[channels]\nteam = { file = \"messages.log\" }\n");
    let runbook = RUNBOOK.replace("**Hosts**", "**Environment**: production\n\n**Hosts**") + WATCH;
    yard.desk.write("r.md", runbook);
    let before = yard.state();
    yard.tminus(0, &["freeze", "production", "--reason", "the sale", "--as", "ana"]);
    yard.tminus(7, &["run", "r.md", "--no-wait", "--version", "v2"])
        .says("production is frozen by ana: the sale");
    yard.tminus(0, &["thaw", "production", "--reason", "it is over"]);
    // Every step passes; the numbers say that it is bad.
    yard.release(3, "v2").says("h2: web runs").says("rule FIRED").says("rolled back");
    assert_eq!(yard.state(), before);
    let told = yard.desk.read("messages.log");
    assert!(told.contains("v2: rolled back") && told.contains("error_rate"), "{told}");
}

#[test]
fn pain_19_a_tenant_that_fails_is_as_before_and_the_others_go_on() {
    let Some(yard) = Yard::open() else { return };
    yard.release(0, "v2");
    let before = yard.state();
    // Two tenants; v3 does not come up for the second one. That one is first here, so a cap that
    // waited for it would let nobody through.
    yard.desk.write("tminus.toml", "[hosts]\nshop = [\"h2\", \"h1\"]\n");
    yard.desk.write("r.md", RUNBOOK.replace("on=shop}", "on=shop failures=1}"));
    let ran = yard.release(0, "v3");
    ran.says("h2: error: api did not become healthy").says("h2: this host goes back by itself");
    ran.says("h2 exited with 1; h1 exited with 0; 1 may fail");
    let after = yard.state();
    assert_eq!(after[1], before[1], "the tenant that failed is as before");
    assert_eq!(yard.serves("h1"), "v3\nv3");
    // Taken back, both are as before.
    yard.release(3, "v9").says("h1: this host goes back by itself").says("rolled back");
    assert_eq!(yard.state(), after);
}

/// Blue-green as well: the traffic stays where it was, and the project that did not come up is as before.
#[test]
fn pain_19_a_host_whose_switch_fails_is_as_before_and_the_others_go_on() {
    let Some(yard) = Yard::open() else { return };
    for host in HOSTS {
        yard.fleet
            .on(host, "cd shop; echo shop-blue >traffic; sed -i 's/ports: .*/ports: [8080]/' compose.yml");
    }
    let turns = "strategy: blue-green\nblue_green: [shop-blue, shop-green]\nserving: cat traffic\nswitch: echo $PROJECT >traffic; test $PROJECT = shop-green || test ! -e stuck\n";
    let text = RUNBOOK
        .replace("healthy: serves\n", turns)
        .replace("on=shop}\ntarget", "on=shop failures=1}\ntarget");
    let (text, _check) = text.split_once("\n```bash").expect("a check");
    yard.desk.write("r.md", text);
    yard.release(0, "v1").says("h1: shop-green has the traffic").says("h2: shop-green has the traffic");
    let state = |host| {
        yard.fleet.on(
            host,
            "docker ps --format '{{.Names}} {{.Image}}' | sort; cat shop/.env shop/traffic; ls shop/.tminus",
        )
    };
    let before = state("h2");
    // It does not become healthy there.
    let ran = yard.release(0, "v3");
    ran.says("h2: error: api did not become healthy").says("h2: this host goes back by itself");
    ran.says("h1: shop-blue has the traffic").says("h1 exited with 0");
    let of_images =
        |state: &str| state.lines().filter(|line| !line.contains("20")).collect::<Vec<_>>().join("\n");
    assert_eq!(of_images(&state("h2")), of_images(&before));
    assert!(yard.fleet.on("h1", "cat shop/traffic").contains("shop-blue"));
    // The proxy takes the switch and says that it failed: the traffic goes back.
    yard.fleet.on("h2", "touch shop/stuck");
    let ran = yard.release(0, "v2");
    ran.says("h2: error: `switch` failed with shop-blue").says("h2: this host goes back by itself");
    assert_eq!(of_images(&state("h2")), of_images(&before));
}

#[test]
fn a_host_that_went_back_by_itself_has_what_was_sent_when_it_is_tried_again() {
    let Some(yard) = Yard::open() else { return };
    let colours = |host| {
        yard.fleet.on(
            host,
            "docker ps --quiet | xargs docker inspect --format '{{.Config.Image}} {{.Config.Env}}' | sort -u",
        )
    };
    let image = |name: &str| yard.fleet.image(&format!("{name}:v4"));
    let send = "```yaml {#file .send on=shop batch=all}\nfrom: compose.yml\nto: ~/shop/compose.yml\n```\n\n```yaml {#deploy";
    let text =
        RUNBOOK.replace("```yaml {#deploy", send).replace("on=shop}\ntarget", "on=shop failures=1}\ntarget");
    yard.desk.write("r.md", text.replace("on_failure: rollback", "on_failure: hold"));
    let text = compose(&yard.fleet, false)
        .replace(" != -'", " = v4'")
        .replace("    init: true\n", "    init: true\n    environment: { COLOUR: new }\n");
    yard.desk.write("compose.yml", text);
    let (before, file) = (yard.state(), yard.fleet.on("h1", "cat shop/compose.yml"));
    for name in ["api", "web"] {
        yard.fleet.publish(&image(name), None);
    }
    yard.tminus(5, &["run", "r.md", "--no-wait", "--version", "v4"])
        .says("h2: this host goes back by itself");
    assert_eq!((yard.state(), yard.fleet.on("h1", "cat shop/compose.yml")), (before, file));
    for name in ["api", "web"] {
        yard.fleet.publish(&image(name), Some("v4"));
    }
    yard.tminus(0, &["answer", "deploy", "retry"]);
    yard.tminus(0, &["resume", "--no-wait"])
        .says("h1: /root/shop/compose.yml is what this release sent again");
    for host in HOSTS {
        assert_eq!(colours(host), format!("{} [COLOUR=new]\n{} [COLOUR=new]", image("api"), image("web")));
    }
}

#[test]
fn a_compose_file_that_somebody_mended_on_a_host_stays_when_the_services_go_back() {
    let Some(yard) = Yard::open() else { return };
    let send = "```yaml {#file .send on=shop batch=all}\nfrom: compose.yml\nto: ~/shop/compose.yml\n```\n\n```yaml {#deploy";
    let text = RUNBOOK.replace("```yaml {#deploy", send);
    // Between the deployment and its way back somebody mends the file of one host by hand.
    let mended = "```bash {#mended .check on=shop}\nif [ -e by-hand ]; then sh by-hand; false; fi\n```";
    yard.desk.write("r.md", text + "\n" + mended + "\n");
    yard.desk.write("compose.yml", compose(&yard.fleet, false) + "# sent\n");
    yard.fleet.on("h2", "echo \"echo '# mended' >>shop/compose.yml\" >by-hand");
    let before = yard.state();
    let file = |host| yard.fleet.on(host, "cat shop/compose.yml");
    let first = file("h1");
    let ran = yard.release(6, "v2");
    ran.says("h1: /root/shop/compose.yml is what it was before this release again")
        .says("h2: /root/shop/compose.yml was changed by somebody since this release sent it, and stays")
        .says("h1: /root/shop/compose.yml is ")
        .says("h2: error: /root/shop/compose.yml is not as this release sent it")
        .says("tminus answer file retry");
    // The services are back all the same, by the file that is there.
    assert_eq!(yard.state(), before);
    assert_eq!(file("h1"), first);
    assert!(file("h2").ends_with("# sent\n# mended"), "{}", file("h2"));
    yard.tminus(0, &["answer", "file", "done"]);
    yard.tminus(3, &["resume", "--no-wait"]).says("rolled back");
    assert!(file("h2").ends_with("# sent\n# mended"), "{}", file("h2"));
}

/// A deployment that stands in the middle of the second host. Nothing lets it go on.
fn in_the_middle(yard: &Yard) -> std::process::Child {
    stop_before(yard, "h2", "web");
    yard.desk.make_pipes();
    let mut command = yard.command(&["run", "r.md", "--no-input", "--version", "v2"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    yard.desk.in_the_middle(&mut child);
    assert_eq!((yard.serves("h1"), yard.serves("h2")), ("v2\nv2".to_owned(), "v1\nv2".to_owned()));
    child
}

/// Removes what [`stop_before`] stopped at, so that the way back does not stop as well.
fn nothing_stops(yard: &Yard) {
    for name in ["reached", "go"] {
        std::fs::remove_file(yard.desk.path(name)).expect("the pipe");
    }
}

#[test]
fn pain_03_a_rollback_ends_a_deployment_on_a_host_that_is_still_at_work() {
    let Some(yard) = Yard::open() else { return };
    let before = yard.state();
    // Another process drives it; that one was killed; its whole machine went down.
    for driver in ["drives", "was killed", "went down"] {
        let mut child = in_the_middle(&yard);
        nothing_stops(&yard);
        if driver == "drives" {
            yard.tminus(0, &["rollback", "--reason", "orders are lost"])
                .says("another process drives this release");
            let ran = Ran::of(child.wait_with_output().expect("it ends"));
            assert_eq!(ran.code, 3, "{}\n{}", ran.out, ran.err);
            ran.says("orders are lost").says("rolled back");
        } else {
            child.kill().expect("SIGKILL");
            child.wait().expect("it is gone");
            if driver == "went down" {
                yard.desk.kill_step_of("ssh");
            }
            yard.tminus(3, &["rollback", "--reason", "orders are lost"])
                .says("was cancelled: h2 exited with 143; h1 exited with 0")
                .says("rolled back");
        }
        assert_eq!(yard.state(), before, "the driver {driver}");
        assert_eq!(yard.fleet.on("h2", "pgrep -f '[d]ocker compose' || echo none"), "none", "{driver}");
    }
}

#[test]
fn pain_25_ctrl_c_twice_in_the_middle_of_a_host_leaves_nothing_locked() {
    let Some(yard) = Yard::open() else { return };
    let before = yard.state();
    for goes_back in [true, false] {
        let mut child = in_the_middle(&yard);
        nothing_stops(&yard);
        let _said = interrupted_twice(&mut child);
        let ran = Ran::of(child.wait_with_output().expect("it ends"));
        assert_eq!(ran.code, 130, "{}", ran.out);
        if goes_back {
            yard.tminus(3, &["rollback", "--reason", "it was the wrong one"]).says("rolled back");
            assert_eq!(yard.state(), before);
        } else {
            // It looks before it acts, so going on needs no answer.
            yard.tminus(0, &["resume", "--no-wait"]).says("h1 had passed before");
            assert_eq!((yard.serves("h1"), yard.serves("h2")), ("v2\nv2".to_owned(), "v2\nv2".to_owned()));
        }
        // The next one is in nobody's way.
        yard.release(0, "v1");
    }
}
