//! A Docker engine and an image registry of a test's own, ended with the test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::TemporaryFolder;
use crate::folder::{SmallDisk, testbed};

/// What this needs, and what `cargo xtask testbed up` installs.
const PROGRAMS: [&str; 4] = ["docker", "dockerd", "docker-registry", "busybox"];

/// A running engine with a registry.
#[derive(Debug)]
pub struct Docker {
    engine: Option<Child>,
    /// An engine that is not the machine's.
    newer: Option<PathBuf>,
    registry: Option<Child>,
    port: u16,
    /// Where the engine keeps everything, if it has one of its own. It goes before its folder.
    disk: Option<SmallDisk>,
    folder: TemporaryFolder,
}

impl Docker {
    /// Starts both. None, with a line that says so, where they are not installed or this is not root.
    ///
    /// # Panics
    /// When they are there and do not start, or are missing where CI=true.
    pub fn start() -> Option<Docker> {
        Docker::with(|_| None, None)
    }

    /// The same, with an engine that keeps images as containerd does, and so builds for several platforms at
    /// once. Debian 12 has none that can.
    ///
    /// # Panics
    /// When they are there and do not start, or are missing where CI=true.
    pub fn start_for_platforms() -> Option<Docker> {
        let programs = testbed("docker-26");
        if !programs.join("complete").exists() {
            assert!(
                std::env::var_os("CI").is_none(),
                "Docker 26 must be there in CI: cargo xtask testbed up"
            );
            eprintln!("skipped: Docker 26 is not installed (cargo xtask testbed up)");
            return None;
        }
        Docker::with(|_| None, Some(&programs))
    }

    /// The same, with so many bytes on a disk of its own for what the engine keeps.
    ///
    /// # Panics
    /// When they are there and do not start, or are missing where CI=true.
    pub fn start_on_small_disk(bytes: u64) -> Option<Docker> {
        Docker::with(|data| Some(SmallDisk::on(data, bytes)), None)
    }

    fn with(disk: impl FnOnce(&Path) -> Option<SmallDisk>, newer: Option<&Path>) -> Option<Docker> {
        if !are_there() {
            assert!(std::env::var_os("CI").is_none(), "Docker must be there in CI: cargo xtask testbed up");
            eprintln!("skipped: docker, compose or a registry is not installed (cargo xtask testbed up)");
            return None;
        }
        let folder = TemporaryFolder::new();
        std::fs::create_dir_all(folder.join("data")).expect("a folder");
        let disk = disk(&folder.join("data"));
        let spare = std::net::TcpListener::bind("127.0.0.1:0").and_then(|found| found.local_addr());
        let port = spare.expect("a spare port").port();
        let newer = newer.map(Path::to_path_buf);
        let mut docker = Docker { engine: None, newer, registry: None, port, disk, folder };
        docker.start_engine();
        docker.start_registry();
        Some(docker)
    }

    /// Starts the engine, again after it was lost, with what it had.
    pub fn start_engine(&mut self) {
        // It may have been killed from outside, and then is still to be waited for.
        if let Some(mut lost) = self.engine.take() {
            let _ = lost.wait();
            // Its containerd ended with it. Where nobody reads that, an engine takes it for a running one.
            let _ = std::fs::remove_file(self.folder.join("exec/containerd/containerd.pid"));
        }
        let newer = self.newer.as_ref();
        let mut engine =
            newer.map_or_else(|| Command::new("dockerd"), |programs| newer_engine(programs, &self.folder));
        for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            engine.arg(option).arg(self.folder.join(name));
        }
        engine.arg("--host").arg(address(self.folder.path()));
        // Several engines share one network here, and their services need none.
        let engine =
            engine.args(["--bridge=none", "--iptables=false", "--ip6tables=false", "--log-level=info"]);
        self.engine = Some(until(engine, "API listen on"));
    }

    /// Returns a line of shell that kills the engine. What runs in containers is not asked.
    ///
    /// # Panics
    /// When it is lost already.
    pub fn lose_engine_line(&self) -> String {
        format!("kill -KILL {}", self.engine.as_ref().expect("it runs").id())
    }

    /// Starts the registry, again after it was stopped, with what it had.
    pub fn start_registry(&mut self) {
        let settings = registry_settings(&self.folder.join("registry"), &format!("127.0.0.1:{}", self.port));
        let file = self.folder.join("registry.yml");
        std::fs::write(&file, settings).expect("a file");
        self.registry = Some(until(Command::new("docker-registry").arg("serve").arg(file), "listening on"));
    }

    /// Stops the registry.
    pub fn stop_registry(&mut self) {
        if let Some(mut registry) = self.registry.take() {
            let _ = registry.kill();
            let _ = registry.wait();
        }
    }

    /// Returns a line of shell that stops the registry in the same way.
    ///
    /// # Panics
    /// When it is stopped already.
    pub fn stop_registry_line(&self) -> String {
        format!("kill -KILL {}", self.registry.as_ref().expect("it runs").id())
    }

    /// Fills the engine's own disk until nothing can be written any more.
    ///
    /// # Panics
    /// When it has none.
    pub fn fill(&self) {
        assert!(self.disk.is_some(), "the disk of this machine is not filled");
        let mut full = std::fs::File::create(self.folder.join("data/full")).expect("a file");
        let ended = std::io::copy(&mut std::io::repeat(0), &mut full).expect_err("it has an end");
        assert_eq!(ended.kind(), std::io::ErrorKind::StorageFull);
    }

    /// Returns a line of shell that fills it in the same way.
    ///
    /// # Panics
    /// When the engine has no disk of its own.
    pub fn fill_line(&self) -> String {
        assert!(self.disk.is_some(), "the disk of this machine is not filled");
        format!("! cat /dev/zero >'{}' 2>/dev/null", self.folder.join("data/full").display())
    }

    /// Makes room again.
    ///
    /// # Panics
    /// When it was not full.
    pub fn make_room(&self) {
        std::fs::remove_file(self.folder.join("data/full")).expect("it was filled");
    }

    /// Tells whether docker can build by buildx, and says so when it cannot.
    ///
    /// # Panics
    /// When it cannot and CI=true.
    pub fn has_buildx(&self) -> bool {
        let output = Command::new("docker").args(["buildx", "version"]).output();
        let is_there = output.is_ok_and(|output| output.status.success());
        assert!(
            is_there || std::env::var_os("CI").is_none(),
            "buildx must be there in CI: cargo xtask testbed up"
        );
        if !is_there {
            eprintln!("skipped: docker buildx is not installed (cargo xtask testbed up)");
        }
        is_there
    }

    /// Returns what `DOCKER_HOST` must be.
    pub fn host(&self) -> String {
        address(self.folder.path())
    }

    /// Returns the name of an image in the registry: `127.0.0.1:PORT/NAME`.
    pub fn image(&self, name: &str) -> String {
        format!("127.0.0.1:{}/{name}", self.port)
    }

    /// Makes an image that serves `/version` on port 8080 (none: that is answered by 404), pushes
    /// it, and removes it here, so that it has to be pulled.
    ///
    /// # Panics
    /// When that fails.
    pub fn publish(&self, image: &str, version: Option<&str>) {
        let root = TemporaryFolder::new();
        let archive = self.folder.join("image.tar");
        write_service(root.path(), version);
        pack(root.path(), &archive);
        self.docker(&["import", "--change", SERVE, &archive.to_string_lossy(), image]);
        self.docker(&["push", "--quiet", image]);
        self.docker(&["rmi", "--force", image]);
    }

    /// Runs `docker` and returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker").args(arguments).env("DOCKER_HOST", self.host()).output();
        let output = output.expect("docker starts");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(
            output.status.success(),
            "docker {arguments:?}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        self.stop_registry();
        let all =
            Command::new("docker").args(["ps", "--all", "--quiet"]).env("DOCKER_HOST", self.host()).output();
        let ids = all.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        if !ids.trim().is_empty() {
            let mut remove = Command::new("docker");
            remove.args(["rm", "--force"]).args(ids.split_whitespace()).env("DOCKER_HOST", self.host());
            let _ = remove.output();
        }
        // Asked and not killed: it has processes of its own to end.
        if let Some(mut engine) = self.engine.take() {
            let _ = Command::new("kill").args(["-TERM", &engine.id().to_string()]).status();
            let _ = engine.wait();
        }
    }
}

/// An engine that is not the machine's, with what it starts, and the store of images that this is for.
fn newer_engine(programs: &Path, folder: &TemporaryFolder) -> Command {
    let settings = folder.join("daemon.json");
    std::fs::write(&settings, r#"{"features":{"containerd-snapshotter":true}}"#).expect("a file");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        [programs.join("usr/sbin"), programs.join("usr/bin")].into_iter().chain(std::env::split_paths(&path));
    let mut engine = Command::new(programs.join("usr/sbin/dockerd"));
    engine.arg("--config-file").arg(settings);
    engine.env("PATH", std::env::join_paths(path).expect("no colon in a path"));
    engine
}

fn address(folder: &Path) -> String {
    format!("unix://{}", folder.join("docker.sock").display())
}

/// Tells whether an engine, compose and a registry are installed.
pub(crate) fn are_there() -> bool {
    let has_compose = Command::new("docker").args(["compose", "version"]).output();
    PROGRAMS.iter().all(|program| is_there(program))
        && has_compose.is_ok_and(|output| output.status.success())
}

pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .any(|folder| folder.join(program).is_file())
}

pub(crate) fn registry_settings(folder: &Path, address: &str) -> String {
    format!(
        "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{address}'}}\n",
        folder.display()
    )
}

/// What an image of [`write_service`] runs.
pub(crate) const SERVE: &str =
    "CMD [\"/bin/busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]";

/// Writes the root folder of an image that serves `/version`, `/page` and `/cgi-bin/health`; without a
/// version all are answered by 404.
pub(crate) fn write_service(root: &Path, version: Option<&str>) {
    for folder in ["bin", "www", "tmp"] {
        std::fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    std::fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox is there");
    for name in ["wget", "sh"] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).expect("a link");
    }
    if let Some(version) = version {
        std::fs::write(root.join("www/version"), version).expect("a file");
        std::fs::write(root.join("www/page"), "what people come for\n").expect("a file");
        write_health(root, "200 OK", "well");
    }
}

/// Writes what `/cgi-bin/health` of such an image answers.
pub(crate) fn write_health(root: &Path, status: &str, body: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    let path = root.join("www/cgi-bin/health");
    std::fs::create_dir_all(root.join("www/cgi-bin")).expect("a folder");
    let script = format!("#!/bin/sh\nprintf 'Status: {status}\\r\\n\\r\\n{body}\\n'\n");
    std::fs::write(&path, script).expect("a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
}

pub(crate) fn pack(root: &Path, archive: &Path) {
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(root).arg("-cf").arg(archive).arg(".");
    assert!(tar.status().expect("tar").success());
}

/// Starts a program and returns when it has said the words.
pub(crate) fn until(command: &mut Command, words: &str) -> Child {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    read_until(&mut child, words);
    child
}

/// Waits for words on the standard error of a program. What it says later is read and dropped, or
/// it would stop at a full pipe.
pub(crate) fn read_until(child: &mut Child, words: &str) {
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let mut said = Vec::new();
    let found = lines.by_ref().take(2000).any(|line| {
        let found = line.contains(words);
        said.push(line);
        found
    });
    assert!(found, "it never said `{words}`:\n{}", said.join("\n"));
    std::thread::spawn(move || lines.for_each(drop));
}
