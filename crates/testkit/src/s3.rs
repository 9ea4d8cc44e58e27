//! An S3 store of a test's own (moto), and the real `aws` to reach it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running store.
#[derive(Debug)]
pub struct S3 {
    server: Child,
    python: PathBuf,
    address: String,
}

impl S3 {
    /// Starts a store with a bucket `backups`. None, with a line that says so, where moto or aws are
    /// not installed.
    ///
    /// # Panics
    /// When they are there and do not start, or are missing where CI=true.
    pub fn start() -> Option<S3> {
        let Some(python) = python() else {
            assert!(std::env::var_os("CI").is_none(), "moto must be there in CI: cargo xtask testbed up");
            eprintln!("skipped: moto and awscli are not installed (cargo xtask testbed up)");
            return None;
        };
        let mut command = Command::new(&python);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]).stdin(Stdio::null());
        let mut server = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("moto starts");
        let mut lines = BufReader::new(server.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let address =
            lines.by_ref().find_map(|line| Some(line.split_once("Running on ")?.1.trim().to_owned()));
        // What it says later is read and dropped, or it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let store = S3 { server, python, address: address.expect("moto says where it is") };
        let bucket = format!("{}/backups", store.address);
        let made = Command::new("curl").args(["--silent", "--fail", "--request", "PUT", &bucket]).output();
        assert!(made.expect("curl").status.success(), "a bucket");
        Some(store)
    }

    /// Puts every file of a folder into the bucket. One call: `aws` takes a second to start.
    ///
    /// # Panics
    /// When that fails.
    pub fn fill(&self, folder: &Path, prefix: &str) {
        let mut command = Command::new(&self.python);
        command.args(["-m", "awscli", "s3", "cp", "--quiet", "--recursive"]).arg(folder);
        let done = command.arg(format!("s3://backups/{prefix}")).envs(self.variables()).output();
        assert!(done.expect("aws starts").status.success());
    }

    /// The variables by which `aws` finds the store.
    pub fn variables(&self) -> [(&'static str, &str); 4] {
        [
            ("AWS_ENDPOINT_URL", &self.address),
            ("AWS_ACCESS_KEY_ID", "tests"),
            ("AWS_SECRET_ACCESS_KEY", "tests-secret"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ]
    }

    /// A program for the PATH that is `aws`.
    pub fn program(&self) -> String {
        format!("#!/bin/sh\nexec '{}' -m awscli \"$@\"\n", self.python.display())
    }

    /// The names of all objects of the bucket, a line each.
    ///
    /// # Panics
    /// When they cannot be listed.
    pub fn names(&self) -> String {
        let what = ["list-objects-v2", "--bucket", "backups", "--query", "Contents[].[Key]"];
        self.aws(&[&what[..], &["--output", "text"]].concat())
    }

    /// Runs `aws s3api` and returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn aws(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.python);
        command.args(["-m", "awscli", "s3api"]).args(arguments).envs(self.variables());
        let output = command.output().expect("aws starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The Python that has both: that of the test bed, or the system's.
fn python() -> Option<PathBuf> {
    let own = crate::folder::testbed("python/bin/python3");
    [own, PathBuf::from("python3")].into_iter().find_map(|python| {
        let has = "import moto.server, awscli, sys; print(sys.executable)";
        let output = Command::new(python).args(["-c", has]).output().ok()?;
        output.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
    })
}
