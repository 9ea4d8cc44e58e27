//! Deployments by docker compose, on a real engine with a real registry.

use std::process::Command;

use tminus_testkit::docker::Docker;

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
                "  {name}:\n    image: {}:${{TAG}}\n    init: true\n    stop_grace_period: 1s\n    network_mode: none\n    healthcheck:\n      test: [CMD, /bin/busybox, wget, -q, -O, /dev/null, 'http://127.0.0.1:8080/index.html']\n      interval: 0.3s\n      retries: 2\n",
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
            "http://127.0.0.1:8080/index.html",
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
