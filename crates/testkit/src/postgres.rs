//! A PostgreSQL server of a test's own: on a spare port of loopback, ended with the test.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::TemporaryFolder;

/// The superuser's password; it has characters that an address must write as `%…`.
pub const PASSWORD: &str = "s3cret/p@ss:word";

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    folder: TemporaryFolder,
    programs: PathBuf,
    owner: Option<(u32, u32)>,
    port: u16,
}

impl Postgres {
    /// Starts a server. None, with a line that says so, where PostgreSQL is not installed.
    ///
    /// # Panics
    /// When it is there and does not start, or is missing where CI=true.
    pub fn start() -> Option<Postgres> {
        let Some(programs) = programs() else {
            assert!(
                std::env::var_os("CI").is_none(),
                "PostgreSQL must be there in CI: cargo xtask testbed up"
            );
            eprintln!("skipped: PostgreSQL is not installed (cargo xtask testbed up)");
            return None;
        };
        let folder = TemporaryFolder::new();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|found| found.local_addr());
        let port = port.expect("a spare port").port();
        let mut server = Postgres { owner: owner(folder.path()), folder, programs, port };
        server.initialise();
        server.start_again();
        Some(server)
    }

    fn initialise(&mut self) {
        let words = self.folder.join("password");
        std::fs::write(&words, PASSWORD).expect("a file");
        for path in [self.folder.path(), &words] {
            if let Some((user, group)) = self.owner {
                chown(path, Some(user), Some(group)).expect("root may give files away");
            }
        }
        let data = self.data();
        let mut command = self.program("initdb");
        command.arg("-D").arg(&data).arg("--pwfile").arg(&words);
        command.args(["-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]);
        succeed(&mut command);
    }

    /// Starts the server that was stopped, on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c fsync=off",
            self.port,
            self.folder.path().display()
        );
        let mut command = self.program("pg_ctl");
        command.arg("-D").arg(self.data()).arg("-l").arg(self.folder.join("log"));
        succeed(command.args(["-w", "-o", &options, "start"]));
    }

    /// Stops the server as a lost machine would: connections break at once.
    pub fn stop(&self) {
        let _ = self.stopping().output();
    }

    /// Returns a line of shell that stops the server in the same way.
    pub fn stop_line(&self) -> String {
        let command = self.stopping();
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| format!("'{}'", word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    }

    fn stopping(&self) -> Command {
        let mut command = self.program("pg_ctl");
        command.arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]);
        command
    }

    /// Returns the address of a database, with the password.
    pub fn url(&self, database: &str) -> String {
        let password = PASSWORD.replace('/', "%2F").replace('@', "%40").replace(':', "%3A");
        format!("postgres://postgres:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// The same by its socket, for programs in another network.
    pub fn socket_url(&self, database: &str) -> String {
        let at = format!("@/{database}?host={}&port={}", self.folder.path().display(), self.port);
        self.url(database).replace(&format!("@127.0.0.1:{}/{database}", self.port), &at)
    }

    /// Runs SQL and returns what psql prints, columns separated by `|`.
    ///
    /// # Panics
    /// When the SQL fails.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut command = self.client("psql", database);
        succeed(command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]))
    }

    /// Returns everything that the database holds, as text: equal texts are equal databases.
    pub fn dump(&self, database: &str) -> String {
        self.dump_with(database, &[])
    }

    /// The same with options of pg_dump; `--create` adds the database's own rights and settings.
    pub fn dump_with(&self, database: &str, options: &[&str]) -> String {
        let text = succeed(self.client("pg_dump", database).args(options));
        // Newer versions put a word of chance into each dump.
        text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")).fold(
            String::new(),
            |mut all, line| {
                all.push_str(line);
                all.push('\n');
                all
            },
        )
    }

    /// Makes a command of one of PostgreSQL's clients, connected to a database.
    pub fn client(&self, program: &str, database: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env("PGPASSWORD", PASSWORD).env("PGHOST", "127.0.0.1").env("PGUSER", "postgres");
        command.env("PGPORT", self.port.to_string()).env("PGDATABASE", database).stdin(Stdio::null());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The server refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = match self.owner {
            None => Command::new(path),
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.args([
                    format!("--reuid={user}"),
                    format!("--regid={group}"),
                    "--clear-groups".to_owned(),
                ]);
                command.arg(path);
                command
            }
        };
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The newest server that is installed.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    found.extend(versions.into_iter().rev());
    found.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("pg_dump").is_file())
}

/// Root gives the server to the user that the package made for it.
fn owner(folder: &Path) -> Option<(u32, u32)> {
    if std::fs::metadata(folder).expect("it was just made").uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("root can read it");
    let line = users.lines().find(|line| line.starts_with("postgres:")).expect("the package makes the user");
    let mut numbers = line.split(':').skip(2).map(|number| number.parse().expect("a number"));
    Some((numbers.next()?, numbers.next()?))
}

/// Output goes to a file and not to a pipe: the server would hold the pipe open for ever.
fn succeed(command: &mut Command) -> String {
    let folder = TemporaryFolder::new();
    let file = |name: &str| std::fs::File::create(folder.join(name)).expect("a file");
    let status = command.stdout(file("out")).stderr(file("err")).status().expect("the program starts");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    assert!(status.success(), "{command:?}: {}{}", read("out"), read("err"));
    read("out").trim_end_matches('\n').to_owned()
}
