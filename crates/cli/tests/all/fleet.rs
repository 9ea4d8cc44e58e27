//! Deployments by docker compose on other hosts: each with its own network, disk, sshd and engine.

use std::process::Command;

use tminus_testkit::fleet::Fleet;

use crate::support::{Desk, Ran};

/// What the hosts are called. The second one is the one that things happen to.
const HOSTS: [&str; 2] = ["h1", "h2"];

const ENV: &str = "# written by the team\nOTHER=keep me\nTAG=v0\n\nLAST=x";

/// A runbook that deploys to both hosts, one after the other, and looks at what they serve.
const RUNBOOK: &str = "---
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
struct Yard {
    desk: Desk,
    fleet: Fleet,
}

/// Of each host: containers with their images, and the file of variables.
type State = Vec<(String, String)>;

impl Yard {
    fn open() -> Option<Yard> {
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

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let (own, ssh) = (self.desk.path("bin"), self.fleet.bin());
        command.env("PATH", format!("{}:{}:{path}", own.display(), ssh.display()));
        self.fleet.beside(&command)
    }

    fn tminus(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = Ran::of(self.command(arguments).output().expect("it starts"));
        assert_eq!(ran.code, code, "tminus {}\n{}\n{}", arguments.join(" "), ran.out, ran.err);
        ran
    }

    fn release(&self, code: i32, version: &str) -> Ran {
        self.tminus(code, &["run", "r.md", "--no-wait", "--version", version])
    }

    fn state(&self) -> State {
        let look = "docker ps --all --quiet --no-trunc | xargs --no-run-if-empty docker inspect --format \
                    '{{index .Config.Labels \"com.docker.compose.service\"}} {{.Config.Image}} {{.Image}} {{.State.Health.Status}}' | sort; \
                    printf -- --; cat shop/.env; printf x";
        HOSTS.iter().map(|host| ((*host).to_owned(), self.fleet.on(host, look))).collect()
    }

    /// What a host serves: api and web.
    fn serves(&self, host: &str) -> String {
        self.fleet.on(host, "for port in 8080 8081; do wget -q -O - http://127.0.0.1:$port/version; echo; done")
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

    yard.release(3, "v3").says("h1: web runs").says("h2: error: api did not become healthy").says("rolled back");
    assert_eq!(yard.state(), before, "failing health on one host");
    yard.release(3, "v9").says("h1: ").says("not found");
    assert_eq!(yard.state(), before, "no such image");
    yard.fleet.stop_registry();
    yard.release(3, "v1").says("connection refused");
    assert_eq!(yard.state(), before, "the registry is down");
    yard.fleet.start_registry();

    // An image that has no room on either host.
    for name in ["api", "web"] {
        yard.fleet.publish(&yard.fleet.image(&format!("{name}:v4")), Some("v4"));
    }
    yard.fleet.publish_with(&yard.fleet.image("web:v5"), Some("v5"), 100 << 20);
    yard.release(3, "v5");
    assert_eq!(yard.state(), before);
}
