//! T201: what goes on although it failed, because somebody has told it to: an option of the test itself,
//! `set +e`, or a `;` between the look at a configuration and its use.

use crate::diagnostic::Severity;
use crate::shell::CommandUse;

use super::brings;
use super::kinds;
use super::page::{Finding, Script, short};

/// Runs the checks over one script.
pub(super) fn check(script: &Script<'_>, found: &mut Vec<Finding>) {
    for command in script.commands() {
        if let Some(option) = told_to_pass(command) {
            found.push(script.on(
                "T201",
                Severity::Warning,
                command,
                format!("with `{option}` this passes whatever it finds"),
                "leave the option out: then a finding fails the step",
            ));
        }
    }
    goes_on(script, found);
    uses_what_it_tested(script, found);
}

/// Programs whose answer is a verdict: they test, lint, scan, compare, build or wait.
pub(super) fn is_test(command: &CommandUse) -> bool {
    // Asked of every command: words are looked at only by the programs that have verbs.
    let words =
        || command.arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).take(12);
    let first = words().next().unwrap_or_default();
    let has = |verbs: &[&str]| words().any(|word| verbs.contains(&word));
    match command.program.rsplit('/').next().unwrap_or_default() {
        "pytest" | "jest" | "vitest" | "mocha" | "tox" | "nox" | "phpunit" | "pest" | "rspec"
        | "minitest" | "eslint" | "tsc" | "ruff" | "mypy" | "flake8" | "pylint" | "rubocop" | "brakeman"
        | "bandit" | "shellcheck" | "hadolint" | "yamllint" | "markdownlint" | "lychee" | "linkchecker"
        | "htmlproofer" | "muffet" | "trivy" | "grype" | "snyk" | "gitleaks" | "semgrep" | "checkov"
        | "tfsec" | "kubeconform" | "kubeval" | "pip-audit" | "bundle-audit" | "bundler-audit" | "newman"
        | "k6" | "cypress" | "playwright" | "lighthouse" | "lhci" | "golangci-lint" | "staticcheck"
        | "phpstan" | "psalm" | "pa11y" | "vale" | "codespell" | "dredd" | "schemathesis" | "locust"
        | "ansible-lint" | "actionlint" | "wait-for-it" | "wait-for-it.sh" | "wait-for" | "wait-on"
        | "dockerize" | "pg_isready" | "bats" | "ctest" | "behave" | "robot" | "artillery" | "conftest"
        | "kube-score" | "kube-linter" | "spectral" | "stylelint" | "sqlfluff" | "swiftlint" | "ktlint"
        | "detekt" => true,
        "aws" | "az" | "gcloud" | "argocd" => has(&["wait"]),
        "heroku" => matches!(first, "pg:wait" | "run"),
        "dbt" => matches!(first, "test" | "build"),
        "flutter" | "deno" | "swift" | "xcodebuild" => has(&["test", "analyze", "lint", "check"]),
        "fastlane" => has(&["test", "tests", "scan", "lint"]),
        "great_expectations" | "soda" => has(&["checkpoint", "scan"]),
        "terragrunt" => has(&["plan", "apply", "validate"]),
        "nomad" | "packer" | "consul" | "cue" | "sam" => has(&["validate", "vet", "plan"]),
        "npm" | "pnpm" | "yarn" | "bun" => {
            first == "audit" || first == "test" || kinds::own_name(command).is_some_and(|name| verdict(&name))
        }
        "mvn" | "mvnw" => has(&["verify", "test", "package", "install"]),
        "gradle" | "gradlew" => has(&["check", "test", "build"]),
        "cargo" | "go" | "dotnet" | "mix" | "sbt" => {
            has(&["test", "clippy", "vet", "build", "audit", "publish"])
        }
        "bundle" | "rails" | "rake" => has(&["audit", "test", "spec"]),
        "python" | "python3" => {
            has(&["check", "test"])
                || command
                    .arguments
                    .windows(2)
                    .any(|pair| pair[0] == "-m" && matches!(pair[1].as_str(), "pytest" | "unittest"))
        }
        "php" => has(&["test"]),
        "terraform" | "tofu" => matches!(first, "plan" | "apply" | "validate" | "test"),
        "ansible-playbook" => true,
        "helm" => matches!(first, "upgrade" | "install" | "test" | "lint" | "rollback"),
        "kubectl" | "oc" => matches!(first, "rollout" | "wait" | "apply"),
        "docker" | "podman" | "buildah" => matches!(first, "build" | "push" | "buildx"),
        "systemctl" => has(&["is-active", "is-failed", "status"]),
        "nginx" | "haproxy" | "sshd" | "apachectl" | "promtool" | "named-checkconf" => {
            tests_settings(command)
        }
        _ => kinds::own_name(command).is_some_and(|name| verdict(&name)),
    }
}

/// A team's own script that looks, by its name.
fn verdict(name: &str) -> bool {
    let lower = name.to_lowercase();
    let mut parts = lower.split(|c: char| !c.is_ascii_alphanumeric());
    parts.any(|part| {
        matches!(
            part,
            "test"
                | "tests"
                | "check"
                | "checks"
                | "verify"
                | "smoke"
                | "lint"
                | "preflight"
                | "validate"
                | "health"
                | "healthcheck"
                | "e2e"
                | "build"
                | "typecheck"
                | "audit"
        )
    })
}

/// A program that is asked whether its settings are in order.
fn tests_settings(command: &CommandUse) -> bool {
    let has =
        |options: &[&str]| command.arguments.iter().any(|argument| options.contains(&argument.as_str()));
    match command.program.rsplit('/').next().unwrap_or_default() {
        "nginx" | "sshd" => has(&["-t", "-T"]),
        "haproxy" => has(&["-c"]),
        "apachectl" | "apache2ctl" => has(&["configtest", "-t"]),
        "promtool" => has(&["check"]),
        "named-checkconf" | "visudo" => true,
        _ => false,
    }
}

/// The option with which a test passes whatever it finds.
fn told_to_pass(command: &CommandUse) -> Option<&str> {
    let pairs = || command.arguments.windows(2);
    let program = command.program.rsplit('/').next().unwrap_or_default();
    let joined = command.arguments.iter().find(|argument| match program {
        "mvn" | "mvnw" => {
            argument.starts_with("-Dmaven.test.failure.ignore") && !argument.ends_with("false")
                || matches!(argument.as_str(), "-fn" | "--fail-never")
        }
        "pylint" | "ruff" | "flake8" | "bandit" => argument.as_str() == "--exit-zero",
        "trivy" | "gitleaks" => argument.as_str() == "--exit-code=0",
        "checkov" | "tfsec" => matches!(argument.as_str(), "--soft-fail" | "-s"),
        "make" => matches!(argument.as_str(), "-i" | "--ignore-errors"),
        _ => false,
    });
    let apart = || {
        pairs()
            .find(|pair| program == "trivy" && pair[0] == "--exit-code" && pair[1] == "0")
            .map(|pair| &pair[0])
    };
    joined.or_else(apart).map(String::as_str)
}

/// `set +e`, and nobody switches it back, keeps a status or looks at one.
fn goes_on(script: &Script<'_>, found: &mut Vec<Finding>) {
    if !script.text.contains("set +e") {
        return;
    }
    let commands = script.commands();
    let switches = |command: &&CommandUse, sign: &str| {
        command.program == "set"
            && command.arguments.iter().any(|argument| argument.starts_with(sign) && argument.contains('e'))
    };
    let Some(at) = commands.iter().position(|command| switches(&command, "+")) else { return };
    let after = &commands[at + 1..];
    let matters = after.iter().any(|command| {
        is_test(command)
            || kinds::deploys(command).is_some()
            || kinds::migrates(command)
            || kinds::copies(command)
            || kinds::dumps(command)
    });
    let looked = after.iter().any(|command| command.reads_status || switches(&command, "-"))
        || script.text.contains("$?");
    if matters && !looked {
        found.push(script.on(
            "T201",
            Severity::Warning,
            &commands[at],
            "from here on the block goes on after every failure, and ends with the status of its last line",
            "leave it out, or keep the one status that may be bad: `if ! command; then …`",
        ));
    }
}

/// `nginx -t; systemctl reload nginx`
fn uses_what_it_tested(script: &Script<'_>, found: &mut Vec<Finding>) {
    for pair in script.commands().windows(2) {
        let (test, used) = (&pair[0], &pair[1]);
        let beside = test.end_line == used.line && test.list != used.list && !test.place.condition;
        if beside && tests_settings(test) && brings::restarts(used) {
            found.push(script.on(
                "T201",
                Severity::Warning,
                test,
                format!(
                    "`;` goes on when this fails: `{}` then uses settings that were refused",
                    short(&used.text)
                ),
                "join the two with `&&`",
            ));
        }
    }
}
