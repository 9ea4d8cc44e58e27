//! A real proxy (HAProxy) before the hosts of a fleet, with its runtime socket.
//!
//! It tries each request once, so that what a deployment loses is seen and not mended.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::TemporaryFolder;
use crate::docker::{is_there, read_until};
use crate::fleet::{Fleet, SWITCH};

/// A running proxy, on port 80 of the switch. It ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    folder: TemporaryFolder,
    child: Child,
}

impl Proxy {
    /// Starts it with its only backend: a name, and lines. None, with a line that says so: a program
    /// is not installed.
    ///
    /// # Panics
    /// When everything is there and it does not start, or is missing where CI=true.
    pub fn start(fleet: &Fleet, backend: &str, servers: &str) -> Option<Proxy> {
        if let Some(missing) = ["haproxy", "socat", "wrk"].into_iter().find(|program| !is_there(program)) {
            assert!(
                std::env::var_os("CI").is_none(),
                "{missing} must be there in CI: cargo xtask testbed up"
            );
            eprintln!("skipped: {missing} is not installed (cargo xtask testbed up)");
            return None;
        }
        let folder = TemporaryFolder::new();
        std::fs::write(folder.join("map"), "maintenance off\n").expect("the folder can be written");
        std::fs::write(folder.join("page"), "We are back soon.\n").expect("the folder can be written");
        let settings = format!(
            "global\n  maxconn 1000\n  stats socket ipv4@{SWITCH}:9999 level admin\n  log stderr format raw local0 notice\n\
             defaults\n  mode http\n  retries 0\n  timeout connect 10s\n  timeout client 30s\n  timeout server 30s\n\
             frontend web\n  bind {SWITCH}:80\n  http-request return status 503 content-type text/plain file {} if {{ str(maintenance),map({}) -m str on }}\n  default_backend {backend}\n\
             backend {backend}\n  {servers}\n",
            folder.join("page").display(),
            folder.join("map").display()
        );
        std::fs::write(folder.join("settings"), settings).expect("the folder can be written");
        let mut command = Command::new("haproxy");
        command.arg("-W").arg("-db").arg("-f").arg(folder.join("settings"));
        let mut command = fleet.beside(&command);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it is installed");
        read_until(&mut child, "Loading success");
        Some(Proxy { folder, child })
    }

    /// Where its runtime commands are taken: address and port.
    pub fn control(&self) -> String {
        format!("{SWITCH}:9999")
    }

    /// The file that says whether its page is shown instead of the backend; what the running proxy
    /// makes of it is told by its runtime commands.
    pub fn map(&self) -> PathBuf {
        self.folder.join("map")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Asked and not killed: it ends its worker first.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}
