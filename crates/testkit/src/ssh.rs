//! Hosts that are reached over ssh: a real sshd for each, on loopback, with keys of its own.
//!
//! Root is not needed: each runs as whoever runs the tests. Nothing of that user's own ssh is read
//! or changed, because the `ssh` that the tests put first in `PATH` names its own configuration.

use std::fs;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::TemporaryFolder;

/// How long an sshd may take to greet.
const START: Duration = Duration::from_secs(20);

/// Some hosts, and the client that knows them. All are ended on drop.
#[derive(Debug)]
pub struct SshHosts {
    folder: TemporaryFolder,
    daemons: Vec<Child>,
}

impl SshHosts {
    /// Starts a host for each name. `None`, said on standard error: there is no sshd here.
    ///
    /// # Panics
    /// When an sshd does not start, or where `CI=true` and there is none.
    pub fn start(names: &[&str]) -> Option<SshHosts> {
        let Some(program) = find("sshd") else {
            let is_required = std::env::vars().any(|(name, value)| name == "CI" && value == "true");
            assert!(!is_required, "sshd is missing, and CI=true: `cargo xtask testbed up` installs it");
            eprintln!("skipped: there is no sshd here; `cargo xtask testbed up` installs it");
            return None;
        };
        let folder = TemporaryFolder::new();
        make_key(&folder.join("user"));
        fs::copy(folder.join("user.pub"), folder.join("authorized")).expect("the folder can be written");
        let mut hosts = SshHosts { folder, daemons: Vec::new() };
        for name in names {
            hosts.add(&program, name);
        }
        hosts.write_client();
        Some(hosts)
    }

    /// The folder with an `ssh` that knows these hosts, for the front of `PATH`.
    pub fn bin(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// The home folder of whoever logs in there: hosts on one machine must not share what they keep.
    pub fn home(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.home"))
    }

    /// Lets the client expect another key of a host, as after a machine was replaced.
    ///
    /// # Panics
    /// When the files cannot be written.
    pub fn expect_another_key(&self, name: &str) {
        let other = self.folder.join(format!("{name}.other"));
        make_key(&other);
        let path = self.folder.join("known_hosts");
        let known = fs::read_to_string(&path).expect("it was written at the start");
        let key = fs::read_to_string(other.with_extension("other.pub")).expect("it was just made");
        let mark = format!("{name} ");
        let kept: String =
            known.lines().filter(|line| !line.starts_with(&mark)).map(|line| format!("{line}\n")).collect();
        fs::write(path, format!("{kept}{name} {key}")).expect("the folder can be written");
    }

    fn add(&mut self, program: &Path, name: &str) {
        let own = |end: &str| self.folder.join(format!("{name}.{end}"));
        make_key(&own("key"));
        // The port is free again when the listener is dropped; another may take it before sshd
        // does, which then says so in its log and ends.
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has spare ports");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             UsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin yes\nMaxStartups 200\nSetEnv HOST_NAME={name} HOME={}\n",
            own("key").display(),
            self.folder.join("authorized").display(),
            self.home(name).display(),
        );
        fs::create_dir(self.home(name)).expect("the folder can be written");
        fs::write(own("config"), config).expect("the folder can be written");
        if program.starts_with("/usr/sbin") {
            // Started as root, sshd wants this folder; elsewhere it does without.
            let _ = fs::DirBuilder::new().recursive(true).mode(0o755).create("/run/sshd");
        }
        let daemon = Command::new(program)
            .arg("-D")
            .arg("-f")
            .arg(own("config"))
            .arg("-E")
            .arg(own("log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sshd can be started");
        self.daemons.push(daemon);
        self.wait_for(port, name);
        let key = fs::read_to_string(self.folder.join(format!("{name}.key.pub"))).expect("it was made");
        append(&self.folder.join("known_hosts"), &format!("{name} {key}"));
        append(
            &self.folder.join("client"),
            &format!("Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  HostKeyAlias {name}\n"),
        );
    }

    /// Waits for the greeting: a port that is open may still be another's.
    fn wait_for(&mut self, port: u16, name: &str) {
        let begun = Instant::now();
        loop {
            let mut greeting = [0; 4];
            let greets = TcpStream::connect(("127.0.0.1", port))
                .and_then(|mut stream| stream.read_exact(&mut greeting))
                .is_ok();
            if greets && &greeting == b"SSH-" {
                return;
            }
            let ended = self.daemons.last_mut().is_some_and(|last| !matches!(last.try_wait(), Ok(None)));
            if ended || begun.elapsed() > START {
                let log = fs::read_to_string(self.folder.join(format!("{name}.log"))).unwrap_or_default();
                panic!("the sshd of {name} does not answer: {log}");
            }
            std::thread::yield_now();
        }
    }

    /// Writes the rest of the client's configuration, and the `ssh` that reads it and nothing else.
    fn write_client(&self) {
        // A host that is named but was never started: its port refuses.
        append(
            &self.folder.join("client"),
            &format!(
                "Host gone\n  HostName 127.0.0.1\n  Port 1\nHost *\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
                 UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n",
                self.folder.join("user").display(),
                self.folder.join("known_hosts").display(),
            ),
        );
        let real = find("ssh").expect("an ssh client is installed where an sshd is");
        let text = format!(
            "#!/bin/sh\nexec {} -F {} \"$@\"\n",
            real.display(),
            self.folder.join("client").display()
        );
        fs::create_dir(self.bin()).expect("the folder can be written");
        fs::write(self.bin().join("ssh"), text).expect("the folder can be written");
        fs::set_permissions(self.bin().join("ssh"), fs::Permissions::from_mode(0o755))
            .expect("it was just written");
    }
}

impl Drop for SshHosts {
    fn drop(&mut self) {
        for daemon in &mut self.daemons {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, before + text).expect("the folder can be written");
}

pub(crate) fn make_key(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .status()
        .expect("ssh-keygen comes with the ssh client");
    assert!(made.success(), "ssh-keygen fails");
}

/// Looks where daemons are as well; an ordinary user's `PATH` leaves those folders out. sshd insists
/// on being started by its full path.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::vars().find(|(name, _)| name == "PATH").map(|(_, value)| value).unwrap_or_default();
    let places = path.split(':').chain(["/usr/sbin", "/usr/local/sbin"]);
    places.map(|place| Path::new(place).join(program)).find(|found| found.is_file())
}
