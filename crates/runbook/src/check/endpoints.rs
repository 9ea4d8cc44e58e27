//! T507: one service is asked for its health in two ways.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Severity;
use crate::markdown::{Block, Table};
use crate::outline::{FenceClass, UnitKind};
use crate::pattern::Pattern;
use crate::words::Words;

use super::page::Page;

static ADDRESS: Pattern = Pattern::new(
    &["http", "$", "{{"],
    r#"(?P<origin>https?://[^\s/"'`|>)]+|(?:\$\{?[A-Z_]+\}?|\{\{ ?[A-Za-z_]+ ?\}\}))(?P<path>/[A-Za-z0-9_/.-]*)"#,
);

/// A host without a scheme: `web-1:8080/health`, as `curl` takes it.
static BARE: Pattern = Pattern::new(
    &["/"],
    r"^(?P<origin>[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*(?::\d{2,5})?)(?P<path>/[A-Za-z0-9_/.-]*)$",
);

/// A path alone, in a code span: `/healthz`, `GET /healthz`.
static ALONE: Pattern = Pattern::new(&["`/", "get /"], r"`(?:GET )?(?P<path>/[A-Za-z0-9_/-]+)`");

/// What a path asks: `health`, `ready`, `live`.
fn kind_of(path: &str) -> Option<&'static str> {
    let last = path.trim_end_matches('/').rsplit('/').next()?.to_lowercase();
    match last.trim_start_matches('_').replace(['-', '_'], "").as_str() {
        "health" | "healthz" | "healthcheck" | "healthy" | "up" | "alive" | "heartbeat" => Some("health"),
        "ready" | "readyz" | "readiness" => Some("ready"),
        "live" | "livez" | "liveness" => Some("live"),
        _ => None,
    }
}

/// `https://staging.example.com` and `https://example.com` are one service in two places.
fn service_of(origin: &str) -> String {
    let words: Vec<&str> = origin
        .split(|c: char| !c.is_ascii_alphanumeric() && c != ':')
        .filter(|word| {
            !matches!(
                word.to_lowercase().as_str(),
                "staging"
                    | "stage"
                    | "stg"
                    | "production"
                    | "prod"
                    | "www"
                    | "https:"
                    | "http:"
                    | "dev"
                    | "preview"
                    | "blue"
                    | "green"
                    | "canary"
            )
        })
        .collect();
    words.join(".").to_lowercase()
}

/// A place that says where a service is asked.
struct Asked {
    line: u32,
    service: String,
    host: String,
    port: Option<String>,
    kind: &'static str,
    path: String,
    /// The script, for a command; text and tables have none.
    script: Option<usize>,
}

impl Asked {
    fn new(line: u32, origin: &str, path: &str, script: Option<usize>) -> Option<Asked> {
        let kind = kind_of(path).filter(|_| !origin.contains('<'))?;
        let host = origin.split("://").last().unwrap_or(origin).to_lowercase();
        let host = host.rsplit('@').next().unwrap_or_default().to_owned();
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (host.to_owned(), Some(port.to_owned()))
            }
            _ => (host, None),
        };
        let path = path.trim_end_matches(['/', '.']).to_owned();
        Some(Asked { line, service: service_of(origin), host, port, kind, path, script })
    }
}

/// Runs the checks of this code.
pub(super) fn check(page: &mut Page<'_>) {
    let mut asked = in_commands(page);
    if asked.is_empty() {
        return;
    }
    let mut found = Vec::new();
    other_port(page, &asked, &mut found);
    in_text(page, &mut asked);
    asked.sort_by_key(|one| one.line);
    other_path(&asked, &mut found);
    slip_of_host(&asked, &mut found);
    two_ports(page, &asked, &mut found);
    let mut told = BTreeSet::new();
    for (line, severity, message) in found {
        if told.insert(line) {
            page.add_at_line("T507", severity, line, message).help(
                "use the same address everywhere; an input or a variable of the environment holds it once",
            );
        }
    }
}

fn in_commands(page: &Page<'_>) -> Vec<Asked> {
    let mut asked = Vec::new();
    for (at, script) in page.scripts.iter().enumerate().filter(|(_, script)| !script.inline) {
        for command in script.commands() {
            if !matches!(command.program.as_str(), "curl" | "wget" | "http") {
                continue;
            }
            let whole = command.arguments.iter().find_map(|argument| ADDRESS.captures(argument));
            let bare = || command.arguments.iter().find_map(|argument| BARE.captures(argument));
            let Some(address) = whole.or_else(bare) else { continue };
            asked.extend(Asked::new(
                script.lines_of(command),
                &address["origin"],
                &address["path"],
                Some(at),
            ));
        }
    }
    asked
}

/// What tables, sentences and requests say about the services that commands ask.
fn in_text(page: &Page<'_>, asked: &mut Vec<Asked>) {
    // Only one service is meant by a path alone, and only where there is no other.
    let services: BTreeSet<&str> = asked.iter().map(|one| one.service.as_str()).collect();
    let only = (services.len() == 1).then(|| asked[0].service.clone());
    for unit in &page.outline.units {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        if fence.class != FenceClass::Http {
            continue;
        }
        for (line, text) in (fence.body_line..).zip(fence.body.lines()) {
            let address = ADDRESS.captures(text);
            asked.extend(
                address.and_then(|address| Asked::new(line, &address["origin"], &address["path"], None)),
            );
        }
    }
    static KINDS: Words = Words::new(&["health", "ready", "readi", "live", "/up", "alive", "heartbeat"]);
    for &(line, text) in page.prose() {
        if !text.contains('/') || !KINDS.any_in(text) {
            continue;
        }
        for address in ADDRESS.captures_iter(text) {
            asked.extend(Asked::new(line, &address["origin"], &address["path"], None));
        }
        let alone = ALONE.captures(text).filter(|_| only.is_some() && !text.contains("://"));
        if let (Some(path), Some(service)) = (alone, &only) {
            let one = Asked::new(line, "", &path["path"], None);
            asked.extend(one.map(|one| Asked { service: service.clone(), ..one }));
        }
    }
}

type Said = Vec<(u32, Severity, String)>;

/// One service, two paths for one question.
fn other_path(asked: &[Asked], found: &mut Said) {
    let mut first: BTreeMap<(&str, &str), &Asked> = BTreeMap::new();
    for one in asked {
        let other = *first.entry((&one.service, one.kind)).or_insert(one);
        // A script that asks both says that there are two.
        let both = |other: &Asked| {
            let beside = |one: &&Asked| {
                one.script.is_some() && one.script == other.script && one.service == other.service
            };
            asked.iter().filter(beside).any(|beside| beside.path == one.path)
        };
        if other.path == one.path || both(other) || other.line == one.line {
            continue;
        }
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let severity = if last(&other.path) == last(&one.path) { Severity::Note } else { Severity::Warning };
        found.push((
            one.line,
            severity,
            format!(
                "`{}` here, `{}` on line {}, for the same service: one of them is probably a page that answers 404, or always 200",
                one.path, other.path, other.line
            ),
        ));
    }
}

/// Two hosts that differ in one letter of a long word, asked for the same: one of them is a slip.
fn slip_of_host(asked: &[Asked], found: &mut Said) {
    let count = |host: &str| asked.iter().filter(|one| one.host == host).count();
    for one in
        asked.iter().filter(|one| one.host.len() > 8 && one.host.contains('.') && count(&one.host) == 1)
    {
        let other = asked.iter().find(|other| is_slip(&one.host, &other.host) && count(&other.host) > 1);
        if let Some(other) = other {
            found.push((
                one.line,
                Severity::Warning,
                format!(
                    "`{}` here, `{}` on line {}: one of the two names is misspelt",
                    one.host, other.host, other.line
                ),
            ));
        }
    }
}

/// One host is asked for the same at two ports; where two versions run beside each other, they have two.
fn two_ports(page: &Page<'_>, asked: &[Asked], found: &mut Said) {
    static BESIDE: Words = Words::new(&[
        "blue",
        "green",
        "canary",
        "admin",
        "management",
        "slot",
        "instance",
        "replica",
        "sidecar",
    ]);
    let is_named = |one: &&Asked| {
        one.port.is_some() && one.host.contains(|c: char| c.is_ascii_alphabetic()) && one.host != "localhost"
    };
    let mut named = asked.iter().filter(is_named).filter(|one| one.script.is_some()).peekable();
    if named.peek().is_none() || BESIDE.any_in(page.lower()) {
        return;
    }
    let named: Vec<&Asked> = named.collect();
    for (at, one) in named.iter().enumerate() {
        let before = named[..at]
            .iter()
            .find(|other| other.host == one.host && other.path == one.path && other.script != one.script);
        let Some(other) = before.filter(|other| other.port != one.port) else { continue };
        let (Some(here), Some(there)) = (&one.port, &other.port) else { continue };
        found.push((
            one.line,
            Severity::Warning,
            format!(
                "port {here} here, {there} on line {}, for the same service: one of them answers nobody",
                other.line
            ),
        ));
    }
}

/// All labels are the same but one, which has the same letters but for one.
fn is_slip(one: &str, other: &str) -> bool {
    let (left, right): (Vec<&str>, Vec<&str>) = (one.split('.').collect(), other.split('.').collect());
    let mut differ = left.iter().zip(&right).filter(|(left, right)| left != right);
    let (Some((left, right)), None) = (differ.next(), differ.next()) else { return false };
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let names = one.split('.').count() == other.split('.').count() && digits(left) == digits(right);
    names && left.len() > 5 && left.len().abs_diff(right.len()) <= 1 && {
        let limit = crate::faults::nearest(left, [*right]).is_some();
        limit && letters_apart(left, right) <= 2
    }
}

/// How many letters one has that the other lacks, in both directions: a swap has none.
fn letters_apart(left: &str, right: &str) -> usize {
    let missing = |from: &str, of: &str| {
        let mut rest: Vec<char> = of.chars().collect();
        from.chars()
            .filter(|c| rest.iter().position(|other| other == c).map(|at| rest.remove(at)).is_none())
            .count()
    };
    missing(left, right) + missing(right, left)
}

/// A table of services says another port than a command for the service of that name.
fn other_port(page: &Page<'_>, asked: &[Asked], found: &mut Said) {
    let mut rows: Vec<(u32, String, String)> = Vec::new();
    page.markdown.walk(|block| {
        if let Block::Table(table) = block {
            ports(table, &mut rows);
        }
    });
    for one in asked {
        let Some(port) = &one.port else { continue };
        let label = one.host.split('.').next().unwrap_or_default();
        let named: Vec<_> = rows.iter().filter(|(_, name, _)| name == label || *name == one.host).collect();
        if let Some((line, _, said)) = named.first().filter(|_| named.iter().all(|(.., said)| said != port)) {
            found.push((
                one.line,
                Severity::Warning,
                format!("port {port} here, {said} for `{label}` in the table of line {line}: one of them answers nobody"),
            ));
        }
    }
}

/// Rows of a table with a column of ports: line, name, port.
fn ports(table: &Table, rows: &mut Vec<(u32, String, String)>) {
    const HEADERS: [&str; 6] = ["port", "ports", "puerto", "porta", "端口", "ポート"];
    let header = table.header.iter().map(|cell| cell.plain().trim().to_lowercase());
    let Some(column) = header.into_iter().position(|name| HEADERS.contains(&name.as_str())) else { return };
    for row in &table.rows {
        let (Some(name), Some(port)) = (row.cells.first(), row.cells.get(column)) else { continue };
        let (name, port) = (name.plain().trim().to_lowercase(), port.plain().trim().to_owned());
        if column > 0 && (2..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()) {
            rows.push((row.line, name, port));
        }
    }
}
