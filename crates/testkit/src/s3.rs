//! An S3 store of a test's own (moto), and the real `aws` to reach it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::TemporaryFolder;

/// A running store.
#[derive(Debug)]
pub struct S3 {
    server: Child,
    aws: Child,
    door: PathBuf,
    python: PathBuf,
    address: String,
    _folder: TemporaryFolder,
}

const AWS_HERE: &str = include_str!("s3/aws_here.py");
const AWS_THERE: &str = include_str!("s3/aws_there.py");

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
        let folder = TemporaryFolder::new();
        let door = folder.join("aws");
        let mut command = Command::new(&python);
        command.args(["-X", "utf8", "-c", AWS_HERE]).arg(&door).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut aws = command.spawn().expect("python starts");
        let mut command = Command::new(&python);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]).stdin(Stdio::null());
        let mut server = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("moto starts");
        let mut lines = BufReader::new(server.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let address =
            lines.by_ref().find_map(|line| Some(line.split_once("Running on ")?.1.trim().to_owned()));
        // What it says later is read and dropped, or it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let mut ready = String::new();
        let told = BufReader::new(aws.stdout.take().expect("piped")).read_line(&mut ready);
        assert_eq!((told.expect("aws says that it is there"), ready.trim()), (6, "ready"));
        let address = address.expect("moto says where it is");
        let store = S3 { server, aws, door, python, address, _folder: folder };
        let bucket = format!("{}/backups", store.address);
        let made = Command::new("curl").args(["--silent", "--fail", "--request", "PUT", &bucket]).output();
        assert!(made.expect("curl").status.success(), "a bucket");
        Some(store)
    }

    /// Puts every file of a folder into the bucket.
    ///
    /// # Panics
    /// When that fails.
    pub fn fill(&self, folder: &Path, prefix: &str) {
        let mut command = self.call();
        command.args(["s3", "cp", "--quiet", "--recursive"]).arg(folder);
        let done = command.arg(format!("s3://backups/{prefix}")).output();
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

    /// A program for the PATH that is `aws`: the real one, loaded already.
    pub fn program(&self) -> String {
        format!("#!{} -IS\nDOOR = '{}'\n{AWS_THERE}", self.python.display(), self.door.display())
    }

    /// A call of it.
    fn call(&self) -> Command {
        let mut command = Command::new(&self.python);
        let program = format!("DOOR = '{}'\n{AWS_THERE}", self.door.display());
        command.args(["-IS", "-c", &program]).envs(self.variables()).stdin(Stdio::null());
        command
    }

    /// The names of all objects of the bucket, a line each.
    ///
    /// # Panics
    /// When they cannot be listed.
    pub fn names(&self) -> String {
        let what = ["list-objects-v2", "--bucket", "backups", "--query", "Contents[].[Key]"];
        self.aws(&[&what[..], &["--output", "text"]].concat())
    }

    /// Everything in the bucket: checksum, size and name of each object, a line each.
    ///
    /// # Panics
    /// When it cannot be listed.
    pub fn state(&self) -> String {
        let what = ["list-objects-v2", "--bucket", "backups", "--query", "Contents[].[ETag,Size,Key]"];
        self.aws(&[&what[..], &["--output", "text"]].concat())
    }

    /// Lets everybody read the bucket, as one that serves a site does.
    ///
    /// # Panics
    /// When the store refuses.
    pub fn publish(&self) {
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::backups/*"}]}"#;
        self.aws(&["put-bucket-policy", "--bucket", "backups", "--policy", policy]);
    }

    /// The address of an object, for whoever has no credentials.
    pub fn url(&self, name: &str) -> String {
        format!("{}/backups/{name}", self.address)
    }

    /// What an object holds, as the address serves it. None: nothing is served there.
    ///
    /// # Panics
    /// When the store does not answer.
    pub fn served(&self, name: &str) -> Option<String> {
        let mut command = Command::new("curl");
        command.args(["--silent", "--fail", "--globoff", &self.url(name)]);
        let output = command.output().expect("curl");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs `aws s3api` and returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn aws(&self, arguments: &[&str]) -> String {
        let output = self.call().arg("s3api").args(arguments).output().expect("aws starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        for process in [&mut self.server, &mut self.aws] {
            let _ = process.kill();
            let _ = process.wait();
        }
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
