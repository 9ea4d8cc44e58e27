//! Programs and services that tests use. Installs what is missing; starts and ends what is named.

use crate::{shell, web};

/// Program and the Debian package that has it.
const PROGRAMS: [(&str, &str); 8] = [
    ("bash", "bash"),
    ("python3", "python3"),
    ("node", "nodejs"),
    ("curl", "curl"),
    ("ssh", "openssh-client"),
    ("setsid", "util-linux"),
    // Only the wrapper of the package is in the PATH; it comes with the server.
    ("pg_ctlcluster", "postgresql"),
    ("shellcheck", "shellcheck"),
];

/// `up` makes sure that everything is there, `down` ends what `up` started.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    match arguments.first().map(String::as_str) {
        Some("up") => up(),
        // Nothing is left running yet: the tests start and end their own processes.
        Some("down") => Ok(()),
        _ => Err("testbed takes `up` or `down`".to_owned()),
    }
}

fn up() -> Result<(), String> {
    programs()?;
    browser();
    Ok(())
}

/// What the test of the page needs: a target of the compiler and a browser. Without them that test
/// says that it was skipped, or fails where CI=true, so nothing is decided here.
fn browser() {
    if shell::has("rustup") {
        let _ = shell::run("rustup", &["target", "add", "wasm32-unknown-unknown"]);
    }
    if !web::has_browser() && shell::has("apt-get") {
        let _ = shell::run("apt-get", &["update", "--quiet", "--quiet"]);
        let _ =
            shell::run("apt-get", &["install", "--yes", "--quiet", "--no-install-recommends", "chromium"]);
    }
}

fn programs() -> Result<(), String> {
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !shell::has(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !shell::has("apt-get") {
        return Err(format!("install these first: {}", missing.join(", ")));
    }
    shell::run("apt-get", &["update", "--quiet", "--quiet"])?;
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    arguments.extend(missing);
    shell::run("apt-get", &arguments)
}
