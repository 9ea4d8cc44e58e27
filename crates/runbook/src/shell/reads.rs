//! Commands that leave nothing which a way back would have to do with.
//!
//! What is not known to be one of them is not: an effect that nobody tells of is worse than a line too many.

use super::{CommandUse, RedirectKind, Survey};

/// Tells whether a command changes nothing, for certain.
pub(crate) fn only_reads(command: &CommandUse) -> bool {
    let has = |list: &[&str]| list.iter().any(|verb| words(command).any(|word| word == *verb));
    let writes = !has_no_file(command);
    match command.program.as_str() {
        _ if writes => false,
        "echo" | "printf" | "sleep" | "date" | "grep" | "cat" | "head" | "tail" | "jq" | "ping" | "dig"
        | "nslookup" | "true" | ":" | "test" | "[" | "[[" | "watch" | "wc" | "sort" | "exit" => true,
        "curl" => !command.arguments.iter().any(|argument| {
            ["-X", "--request", "-d", "--data", "-T", "--upload-file", "-F", "--form", "--json"]
                .iter()
                .any(|option| argument.starts_with(option))
        }),
        "kubectl" | "oc" => has(&["get", "describe", "logs", "top", "status"]),
        "docker" | "docker-compose" => has(&["ps", "logs", "inspect", "images"]),
        "helm" => has(&["status", "list", "history", "get"]),
        "gcloud" | "az" => has(&["list", "describe", "show"]),
        "aws" => {
            words(command).any(|word| ["describe", "get-", "list"].iter().any(|look| word.starts_with(look)))
        }
        _ => false,
    }
}

/// Tells whether nothing that a script does would have to be taken back: it reads, builds, tests, or changes
/// where its own next lines stand.
pub(crate) fn leaves_nothing(survey: &Survey) -> bool {
    survey.commands.iter().all(|command| {
        let stays_here = command.host.is_none() && command.wrappers.is_empty();
        only_reads(command)
            || stays_here && (stands(command) || builds_or_tests(command) || copies_data(command))
    })
}

/// A copy that is left is not in the way of anything.
fn copies_data(command: &CommandUse) -> bool {
    matches!(
        command.program.as_str(),
        "pg_dump" | "pg_dumpall" | "mysqldump" | "mariadb-dump" | "mongodump" | "gzip" | "mkdir"
    )
}

fn words(command: &CommandUse) -> impl Iterator<Item = &str> {
    command.arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-'))
}

fn has_no_file(command: &CommandUse) -> bool {
    command.redirects.iter().all(|redirect| {
        !matches!(redirect.kind, RedirectKind::Write | RedirectKind::Append) || redirect.target == "/dev/null"
    })
}

/// What changes the shell itself, or only shows.
fn stands(command: &CommandUse) -> bool {
    let has = |option: &str| command.arguments.iter().any(|argument| argument.starts_with(option));
    let first = words(command).next().unwrap_or_default();
    has_no_file(command)
        && match command.program.as_str() {
            "" | "cd" | "pushd" | "popd" | "export" | "unset" | "set" | "local" | "declare" | "readonly"
            | "read" | "wait" | "type" | "which" | "command" | "ls" | "pwd" | "whoami" | "hostname"
            | "env" | "printenv" | "uname" | "df" | "du" | "free" | "ps" | "uptime" | "id" | "diff"
            | "cmp" | "uniq" | "cut" | "tr" | "false" | "return" | "break" | "continue" | "let" | "shift"
            | "trap" | "clear" | "file" | "stat" | "md5sum" | "sha256sum" | "shasum" | "host" | "nc"
            | "pg_isready" | "pg_restore" | "column" | "less" | "more" => true,
            "awk" | "sed" | "yq" => !has("-i") && !has("--in-place"),
            "find" => !has("-delete") && !has("-exec"),
            "git" => matches!(
                first,
                "status"
                    | "log"
                    | "diff"
                    | "show"
                    | "fetch"
                    | "branch"
                    | "describe"
                    | "rev-parse"
                    | "ls-remote"
                    | "blame"
            ),
            "gh" => words(command)
                .any(|word| matches!(word, "list" | "view" | "status" | "checks" | "watch" | "diff")),
            "supabase" | "vercel" | "netlify" | "fly" | "flyctl" | "heroku" | "gcloud" | "az" | "argocd" => {
                words(command).any(|word| {
                    matches!(
                        word,
                        "list" | "ls" | "status" | "inspect" | "logs" | "describe" | "show" | "whoami"
                    )
                })
            }
            _ => false,
        }
}

/// What is made on this machine and nowhere else.
fn builds_or_tests(command: &CommandUse) -> bool {
    const VERBS: [&str; 21] = [
        "test",
        "tests",
        "build",
        "lint",
        "check",
        "typecheck",
        "type-check",
        "format",
        "fmt",
        "clippy",
        "vet",
        "verify",
        "compile",
        "package",
        "audit",
        "outdated",
        "ci",
        "install",
        "e2e",
        "coverage",
        "clean",
    ];
    let is_verb = |word: &str| {
        let mut parts = word.split([':', '-', '_']);
        VERBS.contains(&word) || parts.next().is_some_and(|first| VERBS.contains(&first))
    };
    let mut words = words(command).filter(|word| !matches!(*word, "run" | "exec"));
    let first = words.next().unwrap_or_default();
    has_no_file(command)
        && match command.program.as_str() {
            "npm" | "pnpm" | "yarn" | "bun" | "cargo" | "go" | "make" | "just" | "mvn" | "gradle"
            | "./gradlew" | "./mvnw" | "dotnet" | "poetry" | "uv" | "bundle" | "composer" | "mix"
            | "turbo" | "nx" => is_verb(first),
            "pytest" | "jest" | "vitest" | "tox" | "phpunit" | "rspec" | "eslint" | "tsc" | "prettier"
            | "ruff" | "mypy" | "shellcheck" | "hadolint" | "trivy" | "snyk" | "k6" | "newman"
            | "playwright" | "cypress" | "lighthouse" | "terraform-docs" | "gitleaks" | "semgrep" => true,
            "terraform" | "tofu" => {
                matches!(
                    first,
                    "plan" | "validate" | "fmt" | "init" | "show" | "output" | "version" | "providers"
                )
            }
            "docker" | "podman" => matches!(
                (first, words.next()),
                ("build" | "pull" | "ps" | "images" | "logs" | "inspect" | "version" | "info" | "login", _)
                    | ("compose", Some("config" | "ps" | "logs" | "pull" | "build" | "images"))
            ),
            "helm" => matches!(first, "lint" | "template" | "diff" | "repo" | "version" | "dependency"),
            "kubectl" | "oc" => {
                matches!(
                    first,
                    "config"
                        | "version"
                        | "cluster-info"
                        | "diff"
                        | "explain"
                        | "auth"
                        | "wait"
                        | "kustomize"
                )
            }
            _ => false,
        }
}
