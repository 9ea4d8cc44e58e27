//! What the names of a team's own scripts say: `pnpm db:rollback`, `./scripts/deploy.sh`,
//! `make release`.
//!
//! A name is a guess; it is only used where the command itself says nothing.

use tminus_release::plan::Danger;

use super::CommandUse;
use super::unwrap::skip_options;

/// Words in a script's name that mean loss.
const DESTROYS: [&str; 20] = [
    "rollback",
    "revert",
    "downgrade",
    "drop",
    "reset",
    "destroy",
    "wipe",
    "purge",
    "truncate",
    "delete",
    "nuke",
    "restore",
    "teardown",
    "rotate",
    "erase",
    "uninstall",
    "remove",
    "undeploy",
    "shutdown",
    "stop",
];

/// Words that mean a change of something shared.
const CHANGES: [&str; 27] = [
    "migrate",
    "migration",
    "migrations",
    "deploy",
    "deployment",
    "provision",
    "publish",
    "release",
    "promote",
    "push",
    "seed",
    "secrets",
    "enable",
    "disable",
    "sync",
    "rollout",
    "upgrade",
    "apply",
    "backfill",
    "import",
    "failover",
    "cutover",
    "switch",
    "restart",
    "scale",
    "bootstrap",
    "toggle",
];

/// Words that mean that it only looks. They win: `check:migrations`, `deployment-preflight`.
const LOOKS: [&str; 33] = [
    "check",
    "checks",
    "test",
    "tests",
    "verify",
    "validate",
    "validation",
    "lint",
    "preflight",
    "status",
    "list",
    "show",
    "plan",
    "dry",
    "smoke",
    "healthz",
    "health",
    "audit",
    "report",
    "view",
    "diff",
    "typecheck",
    "coverage",
    "bench",
    "build",
    "generate",
    "logs",
    "info",
    "version",
    "doctor",
    "ping",
    "scan",
    "inspect",
];

/// Judges a command by the name of the script that it runs.
pub(super) fn judge(command: &CommandUse) -> Option<(Danger, String)> {
    let name = script_name(command)?;
    let words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let holds = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    // Words of the folder say little; those of the last part decide what it does.
    let is_rotation = !holds(&["rotate"])
        || holds(&["secrets", "secret", "keys", "key", "credentials", "password", "passwords", "certs"]);
    if holds(&LOOKS) {
        return None;
    }
    if holds(&DESTROYS) && is_rotation {
        return Some((
            Danger::Dangerous,
            format!("by its name, `{name}` takes something away or replaces it"),
        ));
    }
    if holds(&CHANGES) {
        return Some((Danger::Confirm, format!("by its name, `{name}` changes a shared system")));
    }
    None
}

/// The name that a team gave to what runs: of a package script, a make target or a file.
fn script_name(command: &CommandUse) -> Option<String> {
    let arguments = &command.arguments;
    let first = |with_value: &[&str]| arguments.get(skip_options(arguments, 0, with_value)).cloned();
    match command.program.as_str() {
        "npm" | "pnpm" | "yarn" | "bun" => {
            let at = skip_options(
                arguments,
                0,
                &["--filter", "-F", "-C", "--dir", "--workspace", "-w", "--prefix", "--cwd"],
            );
            let word = arguments.get(at)?;
            let name = if matches!(word.as_str(), "run" | "run-script") {
                arguments.get(skip_options(arguments, at + 1, &["--filter", "-F"]))?
            } else {
                word
            };
            let own = [
                "install", "i", "ci", "add", "test", "audit", "remove", "update", "why", "exec", "init",
                "pack", "link", "version",
            ];
            (!own.contains(&name.as_str()) || word == "run").then(|| name.clone())
        }
        "make" | "just" | "task" | "rake" | "gmake" | "mage" | "invoke" | "nox" | "tox" | "turbo" | "nx"
        | "mise" | "mix" => first(&["-C", "-f", "-j"]),
        "rails" | "php" | "artisan" | "django-admin" => first(&[])
            .map(|word| if word == "artisan" { arguments.get(1).cloned().unwrap_or_default() } else { word }),
        "node" | "python" | "python3" | "ruby" | "perl" | "deno" | "ts-node" | "tsx" | "bash" | "sh"
        | "zsh" => {
            let file = first(&["-m", "-r", "--require", "-e", "-c"])?;
            (file.contains(['/', '.'])).then(|| last_part(&file, arguments))
        }
        program if program.contains('/') => Some(last_part(program, arguments)),
        program if program.ends_with(".sh") => Some(program.to_owned()),
        _ => None,
    }
}

/// The file's name without its ending, and for `manage.py migrate` its first word as well.
fn last_part(file: &str, arguments: &[String]) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if matches!(name, "manage" | "artisan" | "cli" | "console" | "ctl") {
        let verb =
            arguments.iter().find(|argument| !argument.starts_with('-') && !argument.contains(['/', '.']));
        return verb.cloned().unwrap_or_else(|| name.to_owned());
    }
    name.to_owned()
}

/// Tells whether a path is a flag that other programs look at: `.maintenance`, `deploy.lock`.
pub(super) fn is_flag_file(path: &str) -> bool {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let name = name.trim_start_matches('.');
    ["maintenance", "freeze", "lock", "deploying", "do_not_deploy", "readonly", "read-only"]
        .iter()
        .any(|word| name == *word || name.split(['.', '-', '_']).any(|part| part == *word))
}
