//! A desk with services in docker compose, on a real engine with a real registry.

use std::process::Command;

use tminus_testkit::docker::Docker;

use crate::support::{Desk, Ran};

/// A desk with two services whose images are in a registry.
pub(crate) struct Yard {
    pub(crate) desk: Desk,
    pub(crate) docker: Docker,
}

pub(crate) const ENV: &str = "# written by the team\nOTHER=keep me\nTAG=v0\n\nLAST=x";

impl Yard {
    pub(crate) fn open() -> Option<Yard> {
        Docker::start().map(Yard::with)
    }

    pub(crate) fn with(docker: Docker) -> Yard {
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
        Yard { desk, docker }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        command.env("DOCKER_HOST", self.docker.host());
        command
    }

    pub(crate) fn release(&self, code: i32, version: &str) -> Ran {
        self.ran(code, &["run", "r.md", "--no-wait", "--version", version])
    }

    pub(crate) fn resume(&self, code: i32) -> Ran {
        self.ran(code, &["resume", "--no-wait"])
    }

    pub(crate) fn ran(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = Ran::of(self.command(arguments).output().expect("it starts"));
        assert_eq!(ran.code, code, "tminus {arguments:?}\n{}\n{}", ran.out, ran.err);
        ran
    }

    /// Once, when docker is called in this way for a tag that is being deployed, a line of shell runs first.
    pub(crate) fn strikes_once(&self, tag: &str, call: &str, line: &str) {
        let struck = format!(
            "if [ -e lose ] && grep -q TAG={tag} .env; then case \"$*\" in {call}) rm lose; {line} ;; esac; fi"
        );
        let wrapper = format!("#!/bin/sh\n{struck}\nPATH=${{PATH#*:}} exec docker \"$@\"\n");
        self.desk.program("docker", &wrapper);
        self.desk.write("lose", "");
    }

    /// What runs: containers, their images, and the file of variables.
    pub(crate) fn state(&self) -> (Vec<String>, String) {
        let ids = self.docker.docker(&["ps", "--all", "--quiet", "--no-trunc"]);
        let mut running: Vec<String> = ids
            .lines()
            .map(|id| self.docker.docker(&["inspect", "--format", "{{index .Config.Labels \"com.docker.compose.service\"}} {{.Config.Image}} {{.Image}} {{.State.Health.Status}}", id]))
            .collect();
        running.sort();
        (running, self.desk.read(".env"))
    }

    pub(crate) fn serves(&self, service: &str) -> String {
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
