//! What people see of one machine: HAProxy with a certificate, a site's `current` behind it, and a
//! service below `/api/`.
//!
//! The name is `localhost`, and an authority of its own has signed for it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::TemporaryFolder;
use crate::docker::{is_there, read_until};

/// A running front. It ends when it is dropped.
#[derive(Debug)]
pub struct Front {
    folder: TemporaryFolder,
    proxy: Option<Child>,
    site: Child,
    port: u16,
}

impl Front {
    /// Starts it, before the site of a folder that has `current`, and a service on a port of
    /// loopback. None, with a line that says so, where a program is not installed.
    ///
    /// # Panics
    /// When everything is there and it does not start, or is missing where CI=true.
    pub fn start(www: &Path, service: u16) -> Option<Front> {
        if let Some(missing) = ["haproxy", "openssl", "python3"].into_iter().find(|name| !is_there(name)) {
            assert!(
                std::env::var_os("CI").is_none(),
                "{missing} must be there in CI: cargo xtask testbed up"
            );
            eprintln!("skipped: {missing} is not installed (cargo xtask testbed up)");
            return None;
        }
        let folder = TemporaryFolder::new();
        let (site, files) = serve_files(www);
        let port = spare_port();
        let settings = format!(
            "global\n  maxconn 1000\n  log stderr format raw local0 notice\n\
             defaults\n  mode http\n  retries 0\n  timeout connect 10s\n  timeout client 30s\n  timeout server 30s\n\
             frontend people\n  bind 127.0.0.1:{port} ssl crt {}\n  use_backend api if {{ path_beg /api/ }}\n  default_backend site\n\
             backend api\n  http-request replace-path /api/(.*) /\\1\n  server api 127.0.0.1:{service}\n\
             backend site\n  http-request set-path /current%[path]\n  server site 127.0.0.1:{files}\n",
            folder.join("both.pem").display()
        );
        std::fs::write(folder.join("settings"), settings).expect("the folder can be written");
        let mut front = Front { folder, proxy: None, site, port };
        let [key, request] = ["authority.key", "authority.pem"].map(|name| front.path(name));
        front.openssl(&format!("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {key} -out {request} -days 90 -subj /CN=authority"));
        front.start_again(60);
        Some(front)
    }

    /// Starts it again after it was stopped, with a certificate for so many days.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self, days: u32) {
        self.stop();
        let at = |name| self.path(name);
        std::fs::write(at("names"), "subjectAltName = DNS:localhost\n").expect("the folder can be written");
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {} -out {} -subj /CN=localhost",
            at("site.key"),
            at("site.csr")
        ));
        self.openssl(&format!(
            "x509 -req -in {} -CA {} -CAkey {} -CAcreateserial -days {days} -extfile {} -out {}",
            at("site.csr"),
            at("authority.pem"),
            at("authority.key"),
            at("names"),
            at("site.pem")
        ));
        let both =
            ["site.pem", "site.key"].map(|name| std::fs::read_to_string(at(name)).expect("it was made"));
        std::fs::write(at("both.pem"), both.concat()).expect("the folder can be written");
        let mut command = Command::new("haproxy");
        command.arg("-W").arg("-db").arg("-f").arg(at("settings"));
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it is installed");
        read_until(&mut child, "Loading success");
        self.proxy = Some(child);
    }

    /// Stops what answers people; what stands behind it goes on.
    pub fn stop(&mut self) {
        if let Some(mut proxy) = self.proxy.take() {
            // Asked and not killed: it ends its worker first.
            let _ = Command::new("kill").args(["-TERM", &proxy.id().to_string()]).status();
            let _ = proxy.wait();
        }
    }

    /// A line of shell that does the same.
    pub fn stop_line(&self) -> String {
        format!("kill -TERM {}", self.proxy.as_ref().map(Child::id).unwrap_or_default())
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The certificate of the authority, for `SSL_CERT_FILE`.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// Returns what people get for a path.
    ///
    /// # Panics
    /// When nothing answers.
    pub fn get(&self, path: &str) -> String {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--cacert"]).arg(self.authority());
        let output = command.arg(format!("{}{path}", self.url())).output().expect("curl starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    fn openssl(&self, line: &str) {
        let output = Command::new("openssl").args(line.split(' ')).output().expect("openssl starts");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop();
        let _ = self.site.kill();
        let _ = self.site.wait();
    }
}

/// Serves the files of a folder on a port of loopback, which is returned.
fn serve_files(folder: &Path) -> (Child, u16) {
    let mut command = Command::new("python3");
    command.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory"]).arg(folder).arg("0");
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("python3 starts");
    let mut said = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    lines.read_line(&mut said).expect("it says where it is");
    let port = said.split(" port ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    (child, port.unwrap_or_else(|| panic!("no port in: {said}")))
}

/// Returns a port of loopback that nobody has.
///
/// # Panics
/// When there is none.
pub fn spare_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|found| found.local_addr()).expect("a spare port").port()
}
