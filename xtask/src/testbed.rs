//! Programs and services that tests use. Installs what is missing; starts and ends what is named.

use crate::{shell, targets, web};

/// Program and the Debian package that has it.
const PROGRAMS: [(&str, &str); 26] = [
    ("bash", "bash"),
    ("python3", "python3"),
    ("node", "nodejs"),
    ("curl", "curl"),
    ("jq", "jq"),
    ("ssh", "openssh-client"),
    ("sshd", "openssh-server"),
    ("setsid", "util-linux"),
    // Only the wrapper of the package is in the PATH; it comes with the server.
    ("pg_ctlcluster", "postgresql"),
    ("dockerd", "docker.io"),
    ("docker", "docker.io"),
    ("docker-registry", "docker-registry"),
    ("busybox", "busybox-static"),
    ("shellcheck", "shellcheck"),
    // A validator of JSON schemas that knows nothing of tminus.
    ("jsonschema", "python3-jsonschema"),
    ("openssl", "openssl"),
    ("age", "age"),
    // A clock that a test may set.
    ("faketime", "faketime"),
    // A process that is killed at one of its own writes.
    ("strace", "strace"),
    // Hosts of one's own, and load on the proxy before them.
    ("ip", "iproute2"),
    ("haproxy", "haproxy"),
    ("socat", "socat"),
    ("wrk", "wrk"),
    // These three for Kubernetes, which copies its own source tree while it is built.
    ("make", "make"),
    ("dpkg-source", "dpkg-dev"),
    ("rsync", "rsync"),
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
    compose()?;
    newer_docker();
    kubernetes()?;
    python();
    node("node", NODE);
    node("unleash", UNLEASH);
    pgtap();
    browser();
    targets::add();
    Ok(())
}

/// An S3 store, the program that talks to it, and a linter of SQL, in a folder of their own. The tests
/// that need them say when they are missing, or fail where CI=true.
fn python() {
    let place = "${XDG_CACHE_HOME:-$HOME/.cache}/tminus/testbed/python";
    let has = "import moto.server, awscli";
    let make = format!(
        "\"{place}/bin/python3\" -c '{has}' 2>/dev/null && test -x \"{place}/bin/squawk\" || {{ python3 -m venv \"{place}\" && \"{place}/bin/pip\" install --quiet 'moto[server]' awscli squawk-cli; }}"
    );
    let _ = shell::run("sh", &["-c", &make]);
}

/// What other people migrate with.
const NODE: &str = include_str!("testbed/node.sh");

/// What keeps flags.
const UNLEASH: &str = include_str!("testbed/unleash.sh");

/// Programs from npm, in a folder of their own.
fn node(name: &str, install: &str) {
    let place = format!("${{XDG_CACHE_HOME:-$HOME/.cache}}/tminus/testbed/{name}");
    if shell::run("sh", &["-c", &format!("test -e \"{place}/complete\"")]).is_err()
        && let Ok(kept) = shell::read("sh", &["-c", &format!("printf %s \"{place}\"")])
    {
        let _ = shell::read("sh", &["-c", install, "install.sh", &kept]);
    }
}

/// An extension of the server that is there, so its package has the server's version in its name.
fn pgtap() {
    let install = "for there in /usr/lib/postgresql/*; do version=${there##*/}; test -e /usr/share/postgresql/$version/extension/pgtap.control || apt-get install --yes --quiet --no-install-recommends postgresql-$version-pgtap; done";
    if shell::has("apt-get") {
        let _ = shell::run("sh", &["-c", install]);
    }
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

/// Downloads packages of the next version of Debian, which need nothing that 12 has not, and unpacks them into
/// a folder `tree`. A package list of its own keeps it from mixing with the machine's.
const UNPACK: &str = r#"set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/lists/partial"
echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >"$folder/sources"
cd "$folder"
trixie() {
  apt-get --quiet --quiet -o Dir::Etc::sourcelist="$folder/sources" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$folder/lists" "$@"
}
unpack() {
  trixie update
  trixie download "$@"
  for package in ./*.deb; do dpkg -x "$package" tree; done
}
"#;

/// Compose version 2 and buildx are not in Debian 12.
const COMPOSE: &str = r#"unpack docker-compose docker-buildx
mkdir -p /usr/local/lib/docker/cli-plugins
find tree -type f -path '*cli-plugins/docker-*' -exec cp {} /usr/local/lib/docker/cli-plugins/ \;
"#;

/// Debian 12's engine builds for one platform only. This one is kept beside it and never installed.
const NEWER_DOCKER: &str = r#"unpack docker.io containerd runc
rm -rf "$1"
mkdir -p "${1%/*}"
cp -a tree "$1"
touch "$1/complete"
"#;

fn compose() -> Result<(), String> {
    if shell::run(
        "sh",
        &["-c", "docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1"],
    )
    .is_ok()
        || !shell::has("apt-get")
    {
        return Ok(());
    }
    shell::run("sh", &["-c", &format!("{UNPACK}{COMPOSE}")])
}

/// Without it one test says that it was skipped, or fails where CI=true.
fn newer_docker() {
    let place = "${XDG_CACHE_HOME:-$HOME/.cache}/tminus/testbed/docker-26";
    if shell::has("apt-get")
        && shell::run("sh", &["-c", &format!("test -e \"{place}/complete\"")]).is_err()
        && let Ok(kept) = shell::read("sh", &["-c", &format!("printf %s \"{place}\"")])
    {
        let _ = shell::read("sh", &["-c", &format!("{UNPACK}{NEWER_DOCKER}"), "docker.sh", &kept]);
    }
}

/// Builds the programs of a Kubernetes control plane, once for each machine: it takes minutes, and
/// what is built does not depend on the checkout. Where the tests look for them: `testkit::kubernetes`.
const KUBERNETES: &str = include_str!("testbed/kubernetes.sh");

fn kubernetes() -> Result<(), String> {
    let place = "${XDG_CACHE_HOME:-$HOME/.cache}/tminus/testbed/kubernetes-1.20";
    let is_there = shell::run("sh", &["-c", &format!("test -x \"{place}/kube-apiserver\"")]).is_ok();
    if is_there || !shell::has("apt-get") {
        return Ok(());
    }
    eprintln!("Kubernetes is built from Debian's source, once for this machine: some minutes");
    let kept = shell::read("sh", &["-c", &format!("printf %s \"{place}\"")])?;
    // Not shown whole, as `run` would.
    shell::read("sh", &["-c", KUBERNETES, "kubernetes.sh", &kept]).map(drop)
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
