//! Hosts of a test's own, each with its network, disk, sshd and Docker engine, behind one switch, and
//! a registry that they all reach.
//!
//! A host is a set of namespaces: network, mounts, processes, name. What runs on one is a real
//! program; only the kernel is shared. The switch has a network namespace as well, so several
//! fleets have the same addresses without seeing each other, and nothing of this machine's own
//! network is changed. Needs root.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::docker::{is_there, until};
use crate::ssh::make_key;
use crate::{TemporaryFolder, docker};

const HOST: &str = include_str!("fleet/host.bash");

/// The switch, where the registry and whatever a test runs beside the hosts listen.
pub const SWITCH: &str = "10.77.0.1";

/// What a host can hold.
const DISK: &str = "192m";

/// The hosts, and the registry.
#[derive(Debug)]
pub struct Fleet {
    folder: TemporaryFolder,
    hosts: Vec<Host>,
    registry: Option<Child>,
    switch: Child,
    /// Held so that the switch stays.
    _input: ChildStdin,
}

#[derive(Debug)]
struct Host {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    /// The first process of the host, as it is numbered here.
    first: String,
}

impl Fleet {
    /// Starts a host for each name, at 10.77.0.11 and up. None, with a line that says so: something is
    /// not installed, or this is not root.
    ///
    /// # Panics
    /// When everything is there and does not start, or is missing where CI=true.
    pub fn start(names: &[&str]) -> Option<Fleet> {
        let missing = ["sshd", "ssh", "ip", "nsenter", "unshare"].into_iter().find(|name| !is_there(name));
        if !docker::are_there() || missing.is_some() || !is_root() {
            assert!(std::env::var_os("CI").is_none(), "hosts must be there in CI: cargo xtask testbed up");
            eprintln!("skipped: hosts of one's own need docker, sshd, ip and root (cargo xtask testbed up)");
            return None;
        }
        let folder = TemporaryFolder::new();
        let mut switch = Command::new("unshare");
        switch.args(["--net", "sh", "-c", "echo there >&2; exec cat"]);
        let mut switch = switch
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        read_line(&mut switch, "there");
        let input = switch.stdin.take().expect("piped");
        let mut fleet = Fleet { folder, hosts: Vec::new(), registry: None, switch, _input: input };
        fleet.inside(&format!(
            "ip link set lo up && ip link add br0 type bridge && ip address add {SWITCH}/24 dev br0 && ip link set br0 up"
        ));
        make_key(&fleet.folder.join("user"));
        std::fs::create_dir(fleet.bin()).expect("the folder can be written");
        for (at, name) in names.iter().enumerate() {
            fleet.add(name, &format!("10.77.0.{}", 11 + at));
        }
        fleet.write_client();
        // All start at once, and then each is waited for.
        for host in &mut fleet.hosts {
            docker::read_until(&mut host.child, "API listen on");
        }
        fleet.start_registry();
        Some(fleet)
    }

    fn add(&mut self, name: &str, address: &str) {
        let own = self.folder.join(name);
        std::fs::create_dir_all(own.join("disk")).expect("the folder can be written");
        make_key(&own.join("key"));
        let config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin yes\nMaxStartups 200\nSetEnv HOST_NAME={name} HOME=/root PATH=/root/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
            own.join("key").display(),
            self.folder.join("user.pub").display()
        );
        std::fs::write(own.join("sshd"), config).expect("the folder can be written");
        let mut start = Command::new("unshare");
        start
            .args(["--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["bash", "-c", HOST, "host"])
            .arg(&own)
            .args([name, address, DISK])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = start.spawn().expect("it starts");
        read_line(&mut child, "the namespaces are there");
        let list = format!("/proc/{0}/task/{0}/children", child.id());
        let first = std::fs::read_to_string(list).expect("it has a child").trim().to_owned();
        self.inside(&format!(
            "ip link add to-{name} type veth peer name eth0 netns {first} && ip link set to-{name} master br0 up"
        ));
        let mut input = child.stdin.take().expect("piped");
        input.write_all(b"go\n").expect("it waits for this");
        self.hosts.push(Host { name: name.to_owned(), child, input: Some(input), first });
    }

    fn write_client(&self) {
        let mut client = String::new();
        let mut known = String::new();
        for (at, host) in self.hosts.iter().enumerate() {
            let (name, address) = (&host.name, 11 + at);
            let key =
                std::fs::read_to_string(self.folder.join(format!("{name}/key.pub"))).expect("it was made");
            known.push_str(&format!("{name} {key}"));
            client.push_str(&format!("Host {name}\n  HostName 10.77.0.{address}\n  HostKeyAlias {name}\n"));
        }
        client.push_str(&format!(
            "Host *\n  User root\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  \
             GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n",
            self.folder.join("user").display(),
            self.folder.join("known").display()
        ));
        std::fs::write(self.folder.join("known"), known).expect("the folder can be written");
        std::fs::write(self.folder.join("client"), client).expect("the folder can be written");
        for program in ["ssh", "scp"] {
            let text = format!(
                "#!/bin/sh\nexec /usr/bin/{program} -F {} \"$@\"\n",
                self.folder.join("client").display()
            );
            let path = self.bin().join(program);
            std::fs::write(&path, text).expect("the folder can be written");
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        }
    }

    /// The folder with an `ssh` and a `scp` that know these hosts, for the front of `PATH`.
    pub fn bin(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Makes a command run where the hosts can be reached: at the switch. Environment and folder of the
    /// command are kept.
    pub fn beside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--net=/proc/{}/ns/net", self.switch.id())).arg("--").arg(command.get_program());
        inside.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            inside.current_dir(folder);
        }
        inside
    }

    /// Runs a line of shell at the switch and returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn inside(&self, line: &str) -> String {
        let mut command = Command::new("bash");
        command.args(["-eEuo", "pipefail", "-c", line]);
        printed(&mut self.beside(&command), line)
    }

    /// Runs a line of shell on a host, also on one that is cut off, and returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn on(&self, name: &str, line: &str) -> String {
        printed(&mut self.command_on(name, line), line)
    }

    /// Kills what a step runs on a host, and what watches over it there, as when the host goes down.
    ///
    /// # Panics
    /// When none runs there.
    pub fn end_steps(&self, name: &str) {
        // One that was killed before goes on being noted as running.
        let line = "for at in $(find .tminus/steps -type l); do if grep -q ^running \"$at/status\" && kill -KILL \"$(cat \"$at/supervisor\")\" 2>/dev/null; then kill -KILL -- \"-$(cat \"$at/group\")\"; echo ended; fi; done";
        assert_eq!(self.on(name, line), "ended", "one step runs on {name}");
    }

    /// A line of shell on a host, in the home folder there, as a command.
    pub fn command_on(&self, name: &str, line: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "--target",
            &self.host(name).first,
            "--net",
            "--mount",
            "--uts",
            "--ipc",
            "--pid",
            "--",
        ]);
        command.args(["bash", "-eEuo", "pipefail", "-c", &format!("cd /root\n{line}")]);
        command
            .env_clear()
            .env("HOME", "/root")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOST_NAME", name);
        command
    }

    fn host(&self, name: &str) -> &Host {
        self.hosts.iter().find(|host| host.name == name).expect("a host of this fleet")
    }

    /// Pulls the plug of a host at the switch. The host itself sees nothing.
    ///
    /// # Panics
    /// When that fails.
    pub fn cut_off(&self, name: &str) {
        self.inside(&format!("ip link set to-{name} down"));
    }

    /// Puts the plug back. The switch has not forgotten the address meanwhile, so it is told to.
    ///
    /// # Panics
    /// When that fails.
    pub fn join(&self, name: &str) {
        self.inside(&format!("ip link set to-{name} up && ip neigh flush dev br0"));
    }

    /// Fills the disk of a host until nothing can be written any more.
    ///
    /// # Panics
    /// When that fails.
    pub fn fill(&self, name: &str) {
        self.on(name, "cat /dev/zero >full 2>/dev/null || test -s full");
    }

    /// Makes room again.
    ///
    /// # Panics
    /// When that fails.
    pub fn make_room(&self, name: &str) {
        self.on(name, "rm full");
    }

    /// Starts the registry, again after it was stopped, with what it had.
    pub fn start_registry(&mut self) {
        let settings = docker::registry_settings(&self.folder.join("registry"), &format!("{SWITCH}:5000"));
        let file = self.folder.join("registry.yml");
        std::fs::write(&file, settings).expect("a file");
        let mut serve = Command::new("docker-registry");
        self.registry = Some(until(&mut self.beside(serve.arg("serve").arg(file)), "listening on"));
    }

    /// Stops the registry.
    pub fn stop_registry(&mut self) {
        if let Some(mut registry) = self.registry.take() {
            let _ = registry.kill();
            let _ = registry.wait();
        }
    }

    /// Returns the name of an image in the registry.
    pub fn image(&self, name: &str) -> String {
        format!("{SWITCH}:5000/{name}")
    }

    /// Makes the image of a small web service and pushes it; it serves `/version` and `/page` on port 8080.
    ///
    /// # Panics
    /// When that fails.
    pub fn publish(&self, image: &str, version: Option<&str>) {
        self.push(image, version, |_| ());
    }

    /// The same, with so many bytes in it that do not compress.
    ///
    /// # Panics
    /// When that fails.
    pub fn publish_with(&self, image: &str, version: &str, bytes: u64) {
        self.push(image, Some(version), |root| {
            let random = std::fs::File::open("/dev/urandom").expect("Linux");
            let mut ballast = std::fs::File::create(root.join("ballast")).expect("a file");
            std::io::copy(&mut random.take(bytes), &mut ballast).expect("room");
        });
    }

    /// The same, but without `/page`, which people come for: its checks pass.
    ///
    /// # Panics
    /// When that fails.
    pub fn publish_faulty(&self, image: &str, version: &str) {
        self.push(image, Some(version), |root| {
            std::fs::remove_file(root.join("www/page")).expect("it was just written");
        });
    }

    /// The same, but `/cgi-bin/health` answers that it is ill; everything else is as it should be.
    ///
    /// # Panics
    /// When that fails.
    pub fn publish_ill(&self, image: &str, version: &str) {
        self.push(image, Some(version), |root| {
            docker::write_health(root, "500 Internal Server Error", "no database");
        });
    }

    fn push(&self, image: &str, version: Option<&str>, change: impl FnOnce(&Path)) {
        let root = self.folder.join("image");
        let archive = self.folder.join("image.tar");
        docker::write_service(&root, version);
        change(&root);
        docker::pack(&root, &archive);
        let (change, archive, first) = (docker::SERVE, archive.display(), &self.hosts[0].name);
        self.on(
            first,
            &format!("docker import --change '{change}' '{archive}' {image}; docker push --quiet {image}; docker rmi --force {image}"),
        );
        let _ = std::fs::remove_dir_all(root);
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop_registry();
        for host in &mut self.hosts {
            drop(host.input.take());
            let _ = host.child.wait();
        }
        let _ = self.switch.kill();
        let _ = self.switch.wait();
    }
}

fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("\nUid:\t0\t"))
}

/// Reads a first line without taking more than it, because others will read what follows.
fn read_line(child: &mut Child, wanted: &str) {
    let stream = child.stderr.as_mut().expect("piped");
    let (mut line, mut byte) = (Vec::new(), [0]);
    while stream.read(&mut byte).is_ok_and(|count| count == 1) && byte != *b"\n" {
        line.push(byte[0]);
    }
    let line = String::from_utf8_lossy(&line).into_owned();
    assert_eq!(line, wanted, "the host did not start");
}

fn printed(command: &mut Command, line: &str) -> String {
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{line}\n{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}
