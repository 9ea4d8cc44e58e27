//! Rooms and edges: what ARCHITECTURE.md allows, compared with `cargo metadata`; and the limits on
//! dependencies: how many, and under which licences.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::shell;

/// Which room may use which. `testkit` may use anything and is used by tests alone.
const ALLOWED: [(&str, &[&str]); 11] = [
    ("release", &["analysis"]),
    ("analysis", &[]),
    ("runbook", &["release"]),
    ("steps", &["release"]),
    ("store", &["release"]),
    ("engine", &["release", "analysis", "steps", "store"]),
    ("server", &["release", "runbook", "engine"]),
    ("lsp", &["release", "runbook"]),
    ("browser", &["runbook"]),
    ("cli", &["release", "runbook", "engine", "server", "lsp"]),
    ("testkit", &["release", "analysis", "runbook", "steps", "store", "engine"]),
];

/// Packages in Cargo.lock, our own included. Raising it needs a reason in the commit.
const LOCK_LIMIT: usize = 420;

/// Licences that may be linked into a binary under MIT or Apache-2.0.
const LICENCES: [&str; 13] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "Unlicense",
    "0BSD",
    "CDLA-Permissive-2.0",
    "MIT-0",
];

/// Checks everything and tells all faults at once.
pub(crate) fn run() -> Result<(), String> {
    let text = shell::read("cargo", &["metadata", "--format-version", "1", "--locked"])?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata has no packages")?;
    let mut faults = Vec::new();
    for package in packages {
        match package["name"]
            .as_str()
            .and_then(|name| name.strip_prefix("tminus-"))
            .filter(|_| package["source"].is_null())
        {
            Some(room) => check_room(room, package, &mut faults),
            None => check_licence(package, &mut faults),
        }
    }
    if packages.len() > LOCK_LIMIT {
        faults.push(format!("{} packages are locked, the limit is {LOCK_LIMIT}", packages.len()));
    }
    if faults.is_empty() {
        eprintln!("edges: {} packages, all rooms and licences as they should be", packages.len());
        return Ok(());
    }
    Err(faults.join("\n"))
}

fn check_room(room: &str, package: &Value, faults: &mut Vec<String>) {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let Some(allowed) = allowed.get(room) else {
        faults.push(format!("`{room}` is no room of ARCHITECTURE.md"));
        return;
    };
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let Some(used) = dependency["name"].as_str().and_then(|name| name.strip_prefix("tminus-")) else {
            continue;
        };
        let for_tests = dependency["kind"] == "dev";
        if !(allowed.contains(&used) || for_tests && used == "testkit") {
            faults.push(format!("`{room}` may not use `{used}`"));
        }
    }
}

fn check_licence(package: &Value, faults: &mut Vec<String>) {
    let name = package["name"].as_str().unwrap_or("?");
    if name == "xtask" {
        return;
    }
    let licence = package["license"].as_str().unwrap_or("");
    // `A OR B`: one is enough; `A AND B`: all are needed. Old manifests write `A/B`.
    let licence = licence.replace('/', " OR ").replace(['(', ')'], "");
    let fine =
        licence.split(" OR ").any(|choice| choice.split(" AND ").all(|one| LICENCES.contains(&one.trim())));
    if !fine {
        faults.push(format!("{name} is under `{licence}`, which is not on the list"));
    }
}
