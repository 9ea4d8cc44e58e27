//! New code without a tool for deploying: files that are copied or fetched, and the restart that puts them
//! into service; and what is built where it runs.

use crate::shell::CommandUse;

use super::kinds::{self, compose, own_name, words};
use super::page::has_option;

/// Tells whether a command makes a service start again.
pub(super) fn restarts(command: &CommandUse) -> bool {
    let words = words(command);
    let has = |verbs: &[&str]| words.iter().any(|word| verbs.contains(word));
    match command.program.as_str() {
        "systemctl" => has(&["restart", "reload", "reload-or-restart", "try-restart"]),
        "service" | "rc-service" | "supervisorctl" | "monit" | "apachectl" | "apache2ctl" | "initctl" => {
            has(&["restart", "reload", "graceful"])
        }
        "pm2" => has(&["reload", "restart", "startOrReload", "startOrRestart", "gracefulReload"]),
        "docker" | "podman" | "docker-compose" => {
            compose(command) == Some("restart")
                || words.first() == Some(&"restart")
                || words.first() == Some(&"run") && has_option(command, &["-d", "--detach"])
        }
        "passenger-config" => has(&["restart-app"]),
        "touch" => command.arguments.iter().any(|argument| argument.ends_with("tmp/restart.txt")),
        "nginx" => command.arguments.windows(2).any(|pair| pair[0] == "-s" && pair[1] == "reload"),
        "heroku" => has(&["restart", "ps:restart"]),
        "fly" | "flyctl" => kinds::has_words(command, &["apps", "restart"]),
        _ => false,
    }
}

/// Tells whether a command brings something to the place where a restart takes it up.
pub(super) fn brings(command: &CommandUse) -> bool {
    let words = words(command);
    let first = words.first().copied().unwrap_or_default();
    let far = || command.arguments.last().is_some_and(|target| target.contains(':'));
    match command.program.as_str() {
        "scp" | "rsync" => far(),
        "git" => {
            matches!(first, "pull" | "checkout" | "switch" | "merge")
                || first == "reset" && words.contains(&"--hard")
        }
        "tar" => command.arguments.first().is_some_and(|flags| flags.trim_start_matches('-').contains('x')),
        "ln" => has_option(command, &["-sfn", "-sfT", "-nsf", "-snf", "-sf"]),
        "unzip" | "dpkg" => true,
        "apt-get" | "apt" | "dnf" | "yum" => matches!(first, "install" | "upgrade"),
        "npm" | "pnpm" | "yarn" | "bundle" | "composer" | "pip" | "pip3" | "poetry" | "uv" => {
            matches!(first, "ci" | "install" | "sync")
        }
        "docker" | "podman" => matches!(first, "pull" | "load"),
        _ => builds(command),
    }
}

/// Tells whether a command makes the application out of its sources.
pub(super) fn builds(command: &CommandUse) -> bool {
    let words = words(command);
    let has = |verbs: &[&str]| words.iter().any(|word| verbs.contains(word));
    match command.program.as_str() {
        "npm" | "pnpm" | "yarn" | "bun" => {
            own_name(command).is_some_and(|name| name == "build" || name.starts_with("build:"))
        }
        "mvn" | "./mvnw" => has(&["package", "install", "verify"]),
        "gradle" | "./gradlew" => has(&["build", "assemble", "bootJar", "shadowJar"]),
        "go" | "cargo" => words.first() == Some(&"build"),
        "dotnet" => words.first() == Some(&"publish"),
        "rails" | "rake" => has(&["assets:precompile"]),
        "make" => matches!(words.first(), Some(&"build")),
        "docker" | "podman" => words.first() == Some(&"build"),
        _ => compose(command) == Some("build"),
    }
}

/// Tells whether a deployment builds what it deploys, out of the folder that it is called in.
pub(super) fn deploys_sources(command: &CommandUse) -> bool {
    let named = |options: &[&str]| has_option(command, options);
    match command.program.as_str() {
        "fly" | "flyctl" => kinds::has_words(command, &["deploy"]) && !named(&["--image", "-i"]),
        "gcloud" => kinds::has_words(command, &["run", "deploy"]) && named(&["--source"]),
        "vercel" => {
            let first = words(command).first().copied().unwrap_or("deploy");
            first == "deploy" && !named(&["--prebuilt"])
        }
        "railway" => words(command).first() == Some(&"up"),
        "netlify" => words(command).first() == Some(&"deploy") && named(&["--build"]),
        "kamal" => {
            words(command).first() == Some(&"deploy")
                && !named(&["--version", "--skip-push", "-P", "--skip_push"])
        }
        "eb" => words(command).first() == Some(&"deploy") && !named(&["--version", "--label", "-l"]),
        "git" => {
            let remote = words(command).get(1).copied().unwrap_or_default();
            let is_host = ["heroku", "dokku"].iter().any(|host| remote.contains(host));
            // Remotes that are called after where they lead to.
            words(command).first() == Some(&"push")
                && (is_host || matches!(remote, "staging" | "production" | "prod"))
        }
        _ => false,
    }
}
