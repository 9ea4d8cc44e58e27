//! `.deploy` as written.

use std::collections::BTreeMap;

use tminus_release::time::Span;

use super::{Body, Deploy, Healthy, Turns, kubernetes};
use crate::data::{Keys, Value};

/// How long one service may take to become healthy.
const PATIENCE: Span = Span::minutes(2);

/// The keys of all targets.
const KEYS: [&str; 21] = [
    "services",
    "strategy",
    "files",
    "env_file",
    "set",
    "within",
    "folder",
    "project",
    "healthy",
    "apply",
    "service",
    "blue_green",
    "serving",
    "switch",
    "drain",
    "admit",
    "deploy",
    "rollback",
    "verify",
    "live",
    "version",
];

pub(super) fn deploy(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let target = keys.value("target");
    match target.map(|value| (value, value.text())) {
        Some((_, Some("compose"))) => return compose(keys),
        Some((_, Some("kubernetes"))) => return kubernetes::deploy(keys),
        Some((_, Some("static"))) => return super::site::site(keys),
        Some((_, Some("bucket"))) => return super::site::bucket(keys),
        Some((_, Some("command"))) => return super::vendor::vendor(keys),
        Some((value, _)) => {
            keys.fault(
                value,
                "`target` is what is deployed to: `compose`, `kubernetes`, `static`, `bucket` or `command`",
            );
        }
        None => {
            super::site::known(keys);
            keys.missing(
                "target",
                "what is deployed to: `target: compose`, `kubernetes`, `static` or `bucket`",
            );
        }
    }
    // What the others mean is not known without it; that a key is none of any, is.
    for key in KEYS {
        keys.value(key);
    }
    None
}

fn compose(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let given = keys.value("services");
    let services = given.map(|value| texts(keys, value)).unwrap_or_default();
    let is_name = |name: &String| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    match given {
        Some(value) if services.is_empty() || !services.iter().all(is_name) => {
            keys.fault(
                value,
                "`services` are the names of the compose file, in the order in which they move",
            );
        }
        Some(_) => {}
        None => keys.missing("services", "in the order in which they move, such as `services: [api, web]`"),
    }
    let takes_turns = keys.parsed("strategy", |text| match text {
        "rolling" | "blue-green" => Ok(text == "blue-green"),
        other => Err(format!("`{other}` is not available here; there are `rolling` and `blue-green`")),
    });
    let turns = (takes_turns == Some(true)).then(|| turns(keys));
    let files = match keys.value("files") {
        Some(value) => texts(keys, value),
        None => Vec::new(),
    };
    let env_file = keys.text("env_file").map(str::to_owned);
    let set = keys.value("set").map(|value| changes(keys, value, env_file.is_some())).unwrap_or_default();
    let within = keys.duration("within").unwrap_or(PATIENCE);
    let folder = keys.text("folder").map(str::to_owned);
    let project = keys.text("project").map(str::to_owned);
    let healthy = healthy(keys, &services, turns.is_some());
    let drain = command(keys, "drain");
    // With two projects nothing of the one that serves is touched, so there is nothing to let in again.
    let admit = if turns.is_none() { command(keys, "admit") } else { None };
    let turns = match turns {
        Some(read) => Some(read?),
        None => None,
    };
    (!services.is_empty()).then_some(Body::Deploy(Deploy {
        services,
        files,
        env_file,
        set,
        within,
        folder,
        project,
        healthy,
        drain,
        admit,
        turns,
    }))
}

/// What says that the services serve. An address is told from the id of a check by how it begins.
fn healthy(keys: &mut Keys<'_, '_>, services: &[String], takes_turns: bool) -> Option<Healthy> {
    let is_address = |text: &str| {
        ["http://", "https://"]
            .iter()
            .any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
            || is_port_of_container(text)
    };
    let value = keys.value("healthy")?;
    let given: Vec<(&str, &Value)> = match (value.text(), value.entries()) {
        (Some(text), _) if !is_address(text) => return Some(Healthy::Check(text.to_owned())),
        // One for all of them is asked when all have moved.
        (Some(_), _) => services.last().map(|last| (last.as_str(), value)).into_iter().collect(),
        (None, Some(entries)) => entries.iter().map(|(key, value)| (key.text.as_str(), value)).collect(),
        (None, None) => {
            keys.fault(
                value,
                "`healthy` is the id of a check below, an address, or services and their addresses",
            );
            return None;
        }
    };
    let mut addresses = BTreeMap::new();
    for (service, value) in given {
        let text = value.text().filter(|text| is_address(text));
        if !services.iter().any(|known| known == service) {
            keys.fault(value, format!("`{service}` is none of the services that move"));
        } else if text.is_none() {
            keys.fault(
                value,
                "what a service answers at: `http://127.0.0.1:8080/health`, or `:8080/health` for a port of its container",
            );
        } else if takes_turns && text.is_some_and(|text| !text.starts_with(':')) {
            // A fixed address is that of the proxy or of one project, and the other one is to be asked.
            keys.fault(
                value,
                "two projects take turns: name the port of the container, such as `:8080/health`",
            );
        } else if let Some(text) = text {
            addresses.insert(service.to_owned(), text.to_owned());
        }
    }
    Some(Healthy::Addresses(addresses))
}

/// `:8080/health`.
fn is_port_of_container(text: &str) -> bool {
    let port = text.strip_prefix(':').map(|rest| rest.split('/').next().unwrap_or_default());
    port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// What blue-green needs. None: a fault was reported.
fn turns(keys: &mut Keys<'_, '_>) -> Option<Turns> {
    let pair = keys.value("blue_green");
    let names = pair.map(|value| texts(keys, value)).unwrap_or_default();
    // Compose makes other names from what is not written like this.
    let is_project = |name: &String| {
        name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
            && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let read = match (pair, <[String; 2]>::try_from(names)) {
        (Some(_), Ok(pair)) if pair[0] != pair[1] && pair.iter().all(is_project) => Some(pair),
        (Some(value), _) => {
            keys.fault(
                value,
                "`blue_green` is the names of two projects, such as `[shop-blue, shop-green]`: small letters, \
                 digits, `-` and `_`",
            );
            None
        }
        (None, _) => {
            keys.missing(
                "blue_green",
                "the names of two projects, such as `blue_green: [shop-blue, shop-green]`",
            );
            None
        }
    };
    if let Some(value) = keys.value("project") {
        keys.fault(value, "`project` names one project, and `blue_green` the two that take turns");
    }
    let serving =
        wanted(keys, "serving", "a command that prints the name of the project that has the traffic");
    let switch = wanted(keys, "switch", "a command that sends the traffic to `$PROJECT`");
    Some(Turns { pair: read?, serving: serving?, switch: switch? })
}

/// A command of the document that has to be there.
pub(super) fn wanted(keys: &mut Keys<'_, '_>, key: &'static str, help: &str) -> Option<String> {
    if keys.value(key).is_none() {
        keys.missing(key, help);
    }
    command(keys, key)
}

/// A command of the document. One that is empty would be a promise that nobody keeps.
pub(super) fn command(keys: &mut Keys<'_, '_>, key: &'static str) -> Option<String> {
    let value = keys.value(key)?;
    let text = value.text().filter(|text| !text.trim().is_empty());
    if text.is_none() {
        keys.fault(value, format!("`{key}` is a command: one line of shell"));
    }
    text.map(str::to_owned)
}

pub(super) fn texts(keys: &mut Keys<'_, '_>, value: &Value) -> Vec<String> {
    let texts = value.texts().or_else(|| value.text().map(|one| vec![one]));
    if texts.is_none() {
        keys.fault(value, format!("a list of names is wanted, such as `[api, web]`, not {}", value.kind()));
    }
    texts.unwrap_or_default().into_iter().map(str::to_owned).collect()
}

fn changes(keys: &mut Keys<'_, '_>, value: &Value, has_file: bool) -> BTreeMap<String, String> {
    if !has_file {
        keys.fault(value, "`set` changes a file: name it, such as `env_file: .env`");
    }
    let mut set = BTreeMap::new();
    let entries = value.entries();
    if entries.is_none() {
        keys.fault(value, "`set` is variables and their values, such as `{ TAG: $VERSION }`");
    }
    for (key, value) in entries.unwrap_or_default() {
        match value.text() {
            Some(text) if crate::names::is_variable(&key.text) => {
                drop(set.insert(key.text.clone(), text.to_owned()))
            }
            Some(_) => keys.fault(value, format!("`{}` is no name of a variable", key.text)),
            None => keys.fault(value, format!("`{}` must be a text, not {}", key.text, value.kind())),
        }
    }
    set
}
