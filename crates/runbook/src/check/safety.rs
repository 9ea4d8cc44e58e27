//! T7: secrets in the open, and doors that are held open.

use std::sync::LazyLock;

use regex::Regex;

use crate::pattern::compile;

use crate::diagnostic::Severity;
use crate::shell::CommandUse;

use super::page::{Finding, Page, Script, has_option};

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    secrets_by_shape(page);
    page.each_script(|script, found| {
        for command in script.commands() {
            on_command_line(script, command, found);
            unverified(script, command, found);
        }
    });
}

/// Shapes that only a secret has, with who gave it.
static SHAPES: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    [
        ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b"),
        ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}\b"),
        ("a Slack token", r"\bxox[abprs]-[0-9A-Za-z-]{20,}\b"),
        (
            "a Slack webhook",
            r"https://hooks\.slack\.com/services/T[0-9A-Z]{6,}/B[0-9A-Z]{6,}/[0-9A-Za-z]{20,}",
        ),
        ("a Stripe key", r"\b[sr]k_live_[0-9A-Za-z]{20,}\b"),
        ("a Google key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
        ("an npm token", r"\bnpm_[0-9A-Za-z]{36}\b"),
        ("a private key", r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
        ("a signed token", r"\beyJ[0-9A-Za-z_-]{15,}\.eyJ[0-9A-Za-z_-]{15,}\.[0-9A-Za-z_-]{20,}"),
        (
            "credentials in an address",
            r"\b[a-z][a-z0-9+.-]*://[^\s/:@<>{}\[\]$`]+:(?P<word>[^\s/:@<>{}\[\]$`]{3,})@[A-Za-z0-9]",
        ),
    ]
    .into_iter()
    .map(|(what, text)| (what, compile(text)))
    .collect()
});

/// Signs without which no shape can be there.
const SIGNS: [&str; 11] =
    ["AKIA", "ASIA", "gh", "glpat-", "xox", "hooks.slack", "k_live_", "AIza", "npm_", "PRIVATE KEY", "://"];

/// T701 and T703: never repeats the secret itself.
fn secrets_by_shape(page: &mut Page<'_>) {
    if !SIGNS.iter().any(|sign| page.document.contains(sign)) && !page.document.contains("eyJ") {
        return;
    }
    let mut found = Vec::new();
    for (what, regex) in SHAPES.iter() {
        for captures in regex.captures_iter(page.document) {
            let Some(whole) = captures.get(0) else { continue };
            let sample = ["EXAMPLE", "example", "xxxx", "XXXX", "0000000", "1234567890"]
                .iter()
                .any(|word| whole.as_str().contains(word));
            let word = captures.name("word").map(|word| word.as_str());
            let dummy = word.is_some_and(|word| {
                matches!(
                    word,
                    "pass"
                        | "password"
                        | "secret"
                        | "pw"
                        | "pwd"
                        | "postgres"
                        | "token"
                        | "PASSWORD"
                        | "PASS"
                )
            });
            if !sample && !dummy {
                found.push((whole.range(), *what, word.is_some()));
            }
        }
    }
    for (range, what, address) in found {
        let code = if address { "T703" } else { "T701" };
        page.add(
            code,
            Severity::Error,
            range,
            format!("{what} stands in the document, where everyone who can read it has it"),
        )
        .help(
            "revoke it now, it is in the history as well; then refer to it: `[secrets] NAME = \"env:NAME\"`",
        );
    }
}

/// T702: a secret that every user of the host can read in `ps`.
fn on_command_line(script: &Script<'_>, command: &CommandUse, found: &mut Vec<Finding>) {
    let by_option = command.arguments.iter().enumerate().any(|(index, argument)| {
        let (option, value) = argument
            .split_once('=')
            .map_or((argument.as_str(), command.arguments.get(index + 1).map(String::as_str)), |(o, v)| {
                (o, Some(v))
            });
        matches!(option, "--password" | "--pass" | "--token" | "--secret" | "--api-key" | "--access-token")
            && value.is_some_and(is_secret_value)
    });
    let mysql = matches!(command.program.as_str(), "mysql" | "mysqldump" | "mariadb")
        && command
            .arguments
            .iter()
            .any(|a| a.len() > 2 && a.starts_with("-p") && !a.starts_with("-p=") && !a.starts_with("--"));
    let user = command.program == "curl"
        && command.arguments.windows(2).any(|pair| {
            matches!(pair[0].as_str(), "-u" | "--user")
                && pair[1].split_once(':').is_some_and(|(_, word)| is_secret_value(word))
        });
    if by_option || mysql || user {
        found.push(script.on(
            "T702",
            Severity::Warning,
            command,
            "a secret on the command line: everyone on the host sees it in `ps`, and it stays in histories and logs",
            "hand it over by environment, standard input or a file (`PGPASSWORD`, `--password-stdin`, `--netrc`)",
        ));
    }
}

fn is_secret_value(value: &str) -> bool {
    !value.is_empty() && !value.starts_with(['<', '-', '[']) && value != "stdin"
}

/// T705: identity is not checked.
fn unverified(script: &Script<'_>, command: &CommandUse, found: &mut Vec<Finding>) {
    let reason = match command.program.as_str() {
        "ssh" | "scp" | "sftp" | "rsync" => {
            let off = command
                .arguments
                .iter()
                .any(|a| a.to_lowercase().replace(' ', "").contains("stricthostkeychecking=no"));
            off.then_some("the host's key is not checked: whoever answers gets the commands")
        }
        "curl" => {
            let cluster = command.arguments.iter().any(|a| {
                a.starts_with('-')
                    && !a.starts_with("--")
                    && a.len() <= 6
                    && a[1..].chars().all(|c| "fsSkLiIv".contains(c))
                    && a.contains('k')
            });
            (cluster || has_option(command, &["--insecure"]))
                .then_some("the certificate is not checked: whoever answers passes the check")
        }
        "wget" => has_option(command, &["--no-check-certificate"])
            .then_some("the certificate is not checked: whoever answers passes the check"),
        _ => None,
    };
    if let Some(reason) = reason {
        found.push(script.on(
            "T705",
            Severity::Warning,
            command,
            reason,
            "give it the right key or certificate (`known_hosts`, `--cacert`) instead of looking away",
        ));
    }
}
