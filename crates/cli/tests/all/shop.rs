//! A desk whose runbooks reach a database of a real PostgreSQL.

use std::process::Command;

use tminus_testkit::postgres::{PASSWORD, Postgres};

use crate::support::{Desk, Ran, runbook};

/// The settings of a desk: the address of the database `shop`.
pub(crate) const SETTINGS: &str = "[databases]\nshop = \"env:SHOP_URL\"\n";

/// The migrations that lie there, which give up soon where others have the lock.
pub(crate) const MIGRATE: &str =
    "```yaml {#m .migrate}\ndb: shop\napply: db/*.up.sql\nundo: db/*.down.sql\nlock_timeout: 1s\n```";

/// A desk whose runbooks reach the database `shop` of a server.
pub(crate) struct Shop {
    pub(crate) desk: Desk,
    pub(crate) server: Postgres,
}

impl Shop {
    pub(crate) fn open() -> Option<Shop> {
        let server = Postgres::start()?;
        server.sql("postgres", "create database shop");
        let desk = Desk::new();
        desk.write("tminus.toml", SETTINGS);
        desk.write("db/001_items.up.sql", "create table items (id int primary key, name text not null);\ninsert into items select n, 'item ' || n from generate_series(1, 100) n;\n");
        desk.write("db/001_items.down.sql", "drop table items;\n");
        Some(Shop { desk, server })
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        command.env("SHOP_URL", self.server.url("shop"));
        // What another project's shell left behind must not matter.
        command.env("PGDATABASE", "postgres").env("PGHOST", "/nowhere");
        command
    }

    pub(crate) fn expect(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = Ran::of(self.command(arguments).output().expect("the program starts"));
        assert_eq!(ran.code, code, "tminus {}\n{}\n{}", arguments.join(" "), ran.out, ran.err);
        ran.never_says(PASSWORD).never_says(&PASSWORD.replace('/', "%2F"));
        ran
    }

    /// Runs the migrations that are there now, as a release of their own.
    pub(crate) fn migrate(&self, code: i32) -> Ran {
        self.desk.write("m.md", runbook(MIGRATE));
        let ran = self.expect(code, &["run", "m.md", "--no-wait"]);
        if code != 0 {
            self.expect(0, &["abort", "--reason", "test"]);
        }
        ran
    }

    pub(crate) fn names(&self) -> String {
        self.server
            .sql("shop", "select string_agg(name, ' ' order by name) from tminus_migrations")
            .replace(".up.sql", "")
    }
}

/// A session that holds something until it is dropped.
pub(crate) struct Session {
    child: std::process::Child,
}

impl Session {
    /// Returns when the SQL has been run.
    pub(crate) fn hold(server: &Postgres, sql: &str) -> Session {
        use std::io::{BufRead as _, Write as _};
        let mut command = server.client("psql", "shop");
        command
            .args(["-X", "-q", "-A", "-t"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = command.spawn().expect("psql");
        writeln!(child.stdin.as_mut().expect("piped"), "{sql}\n\\echo held").expect("psql reads");
        let lines = std::io::BufReader::new(child.stdout.as_mut().expect("piped")).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "held"), "psql says that it has it");
        Session { child }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
