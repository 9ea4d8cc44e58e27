//! T701 by entropy and T704: secrets that have no known shape, and those of another environment.

use crate::diagnostic::Severity;
use crate::pattern::Pattern;
use crate::shell::CommandUse;

use super::flow::environment_of;
use super::kinds::only_reads;
use super::page::{Finding, Given, Page, Script, short};
use super::places;
use super::safety::{SECRETS, is_no_word};

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    by_entropy(page);
    in_prose(page);
    page.each_script(by_name);
    of_production(page);
}

static NAMED: Pattern = Pattern::new(
    &["secret", "token", "passw", "key", "authorization"],
    r#"(?i)\b(?P<name>[A-Z0-9_.-]*(?:SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SIGNING_?KEY|ENCRYPTION_?KEY)[A-Z0-9_]*)["']?\s?[=:]\s?["']?(?P<value>[A-Za-z0-9+/_=.~!@#%^&*-]{8,})|(?i)\bauthorization:\s*(?:bearer|basic|token)\s+(?P<bearer>[A-Za-z0-9+/_=.~-]{16,})"#,
);

/// Tells cheaply that no text holds what [`NAMED`] finds: most documents speak of secrets, and few set one.
fn may_be_named(lower: &str) -> bool {
    let is_set = |behind: &str| {
        let behind = behind.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let behind = behind.strip_prefix(['"', '\'']).unwrap_or(behind);
        let value = behind.trim_start().strip_prefix(['=', ':']).map(|value| value.trim_start());
        let value = value.map(|value| value.strip_prefix(['"', '\'']).unwrap_or(value));
        value.is_some_and(|value| value.bytes().take_while(u8::is_ascii_graphic).nth(7).is_some())
    };
    lower.contains("authorization:")
        || ["secret", "token", "passw", "key"]
            .iter()
            .any(|sign| lower.match_indices(sign).any(|(at, _)| is_set(&lower[at + sign.len()..])))
}

/// T701: a value behind a secret's name that looks like chance. Never repeats it.
fn by_entropy(page: &mut Page<'_>) {
    if !may_be_named(page.lower()) {
        return;
    }
    let mut found = Vec::new();
    for captures in NAMED.captures_iter(page.document) {
        let Some(value) = captures.name("value").or_else(|| captures.name("bearer")) else { continue };
        let next = page.document[value.end()..].chars().next();
        let open = next.is_some_and(|c| matches!(c, '$' | '<' | '{' | '(' | '[' | '`' | '…'));
        if !open && !is_in_image(&page.document[..value.start()]) && looks_random(value.as_str()) {
            found.push(value.range());
        }
    }
    for range in found {
        page.add("T701", Severity::Error, range, "by its name and its letters a secret stands here, where everyone who can read the document has it")
            .help("revoke it now, it is in the history as well; then refer to it: `[secrets] NAME = \"env:NAME\"`");
    }
}

static SAID: Pattern = Pattern::new(
    &[
        "password",
        "passphrase",
        "passwd",
        "passcode",
        "kennwort",
        "passwort",
        "mot de passe",
        "contraseña",
        "senha",
        "wachtwoord",
        "lösenord",
        "hasło",
        "密码",
        "口令",
        "パスワード",
    ],
    r"(?i)(?:password|passphrase|passwd|passcode|kennwort|passwort|mot de passe|contraseña|senha|wachtwoord|lösenord|hasło|密码|口令|パスワード)(?:[ \t\n]*(?:is|ist|lautet|heißt|est|es|é|était|era|remains|bleibt|stays|for now|[:=,(]|：|は|是|为))*[ \t\n]*[`“„«‘「](?P<value>[^ \t\r\n`”“»’」]{8,64})[`”“»’」]",
);

/// T701: a sentence gives a password away: right behind the word, in a code span or between quotes, stands
/// what has three kinds of characters and is no name of anything.
fn in_prose(page: &mut Page<'_>) {
    let is_password = |value: &str| {
        let has = |kind: fn(char) -> bool| value.contains(kind);
        let sign = |c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.' | ':');
        let kinds = [
            has(|c| c.is_ascii_uppercase()),
            has(|c| c.is_ascii_lowercase()),
            has(|c| c.is_ascii_digit()),
            has(sign),
        ];
        let open = value.contains(['$', '<', '{', '[', '/', '(', '*'])
            || value.starts_with('-')
            || value.contains("...");
        kinds.iter().filter(|has| **has).count() > 2 && !open && is_no_word(value) && !looks_random(value)
    };
    let said =
        SAID.captures_iter(page.document).filter_map(|found| found.name("value").map(|value| value.range()));
    let found: Vec<_> = said.filter(|range| is_password(&page.document[range.clone()])).collect();
    for range in found {
        page.add("T701", Severity::Error, range, "a password stands in the document, where everyone who can read it has it")
            .help("change it now, it is in the history as well; then say where it is kept: `[secrets] NAME = \"env:NAME\"`");
    }
}

/// T701: `export DB_PASSWORD=…`: too short for chance to be told, and named so that it can be nothing else.
fn by_name(script: &Script<'_>, found: &mut Vec<Finding>) {
    let is_secret = |name: &str, value: &str| {
        let name = name.to_lowercase();
        let named = SECRETS.iter().any(|word| name.ends_with(word))
            || matches!(name.as_str(), "pgpassword" | "mysql_pwd" | "rediscli_auth" | "sshpass");
        let open = value.contains(['$', '<', '{', '[', '`', '/', ' ', ':']) || value.ends_with("...");
        // What chance has made was told by its letters.
        named && !open && value.len() >= 6 && is_no_word(value) && !looks_random(value)
    };
    const OPEN: &str = "a secret stands in the document, where everyone who can read it has it";
    const HELP: &str =
        "revoke it now, it is in the history as well; then refer to it: `[secrets] NAME = \"env:NAME\"`";
    for set in script.survey.assigned.iter().filter(|set| is_secret(&set.name, &set.value)) {
        found.push(script.on_line("T701", Severity::Warning, set.line, OPEN, HELP));
    }
    for command in script.commands() {
        if command.assignments.iter().any(|(name, value)| is_secret(name, value)) {
            found.push(script.on("T701", Severity::Warning, command, OPEN, HELP));
        }
    }
}

/// Tells whether the text before a place leaves the address of an image open: the token of a badge
/// is sent by the browser of everyone who reads the page, and made for that.
fn is_in_image(before: &str) -> bool {
    let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let Some(at) = line.rfind("](") else { return false };
    let address = &line[at + 2..];
    let text = line[..at].rfind('[').is_some_and(|open| line[..open].ends_with('!'));
    text && !address.contains([')', ' '])
}

/// Long enough, of several kinds of characters, and close to chance; no word, path, digest or sample.
pub(super) fn looks_random(value: &str) -> bool {
    const SAMPLES: [&str; 26] = [
        "example",
        "your",
        "changeme",
        "change_me",
        "change-me",
        "xxx",
        "dummy",
        "sample",
        "placeholder",
        "secret",
        "password",
        "token",
        "insert",
        "replace",
        "todo",
        "redacted",
        "fake",
        "test",
        "foo",
        "1234",
        "abcd",
        "vault",
        "env.",
        "process.",
        "secrets.",
        "...",
    ];
    let lower = value.to_lowercase();
    let count = value.chars().count();
    let has = |kind: fn(&char) -> bool| value.chars().filter(kind).count();
    let digits = has(char::is_ascii_digit);
    let (upper, small) = (has(char::is_ascii_uppercase), has(char::is_ascii_lowercase));
    // Names are words with separators; what is made by chance has digits among letters.
    let parts = value.split(['-', '_', '.', '/']).filter(|part| part.len() > 2).count();
    let is_name =
        parts > 3 && digits < 4 || value.contains("//") || value.starts_with('/') || value.starts_with("./");
    let is_secret_id = value.starts_with("arn:") || value.contains("::");
    count >= 20
        && digits >= 3
        && (upper > 0 || small > 0)
        && !is_name
        && !is_secret_id
        && !SAMPLES.iter().any(|sample| lower.contains(sample))
        && !(value.contains('.') && !value.contains("eyJ") && parts >= 2 && digits < 6)
        && entropy(value) >= 3.5
}

/// Shannon's entropy, bits for each character (A Mathematical Theory of Communication, 1948).
fn entropy(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    for character in text.chars() {
        *counts.entry(character).or_insert(0_u32) += 1;
    }
    let total = f64::from(counts.values().sum::<u32>());
    counts.values().map(|count| f64::from(*count) / total).map(|share| -share * share.log2()).sum()
}

static OF_PRODUCTION: Pattern = Pattern::new(
    &["prod", "live", "--", "source", "use-context"],
    r"\$\{?(?P<variable>(?:[A-Z0-9]+_)*(?:PROD|PRODUCTION|LIVE)(?:_[A-Z0-9]+)*)\b|--(?:profile|context|kube-context|kubeconfig|env-file|project)[ =](?P<value>\S+)|--vault-id[ =](?P<vault>\S+)|\buse-context (?P<context>\S+)|\b(?:AWS_PROFILE|AWS_VAULT|CLOUDSDK_ACTIVE_CONFIG_NAME)=(?P<profile>\S+)|\bsource +(?P<file>\S*\.env\S*)",
);

/// A secret, a database or an address of one that by its name is production's, whatever the option is
/// called that gives it: `--set-secrets URL=projects/shop-prod/secrets/db`, `--secret-id shop/prod/db`.
fn named_secret(command: &CommandUse) -> Option<String> {
    const KINDS: [&str; 12] = [
        "secret",
        "secrets",
        "database",
        "db",
        "password",
        "credentials",
        "dsn",
        "token",
        "rds",
        "vault",
        "sql",
        "postgres",
    ];
    if environment_of(&command.text) != Some("production") || only_reads(command) {
        return None;
    }
    let given = command.arguments.iter().enumerate().find(|(at, argument)| {
        let option = if argument.starts_with("--") {
            argument.as_str()
        } else {
            at.checked_sub(1).map_or("", |before| command.arguments[before].as_str())
        };
        // Images and packages are the same everywhere, and lie where they were built.
        let is_image = argument.contains("@sha256")
            || argument.contains('@')
            || option.contains("image")
            || argument.contains(".dev/")
            || argument.contains("amazonaws.com/");
        let parts = || argument.split(|c: char| !c.is_ascii_alphanumeric());
        !is_image
            && environment_of(argument) == Some("production")
            && parts().any(|part| KINDS.iter().any(|kind| part.eq_ignore_ascii_case(kind)))
    });
    given.map(|(_, argument)| short(argument.rsplit('=').next().unwrap_or(argument)))
}

/// T704: what only production may have, in a section about staging.
fn of_production(page: &mut Page<'_>) {
    let mut found = Vec::new();
    let steps = |script: &&Script<'_>| script.given != Given::Mentioned || script.is_row;
    for script in page.scripts.iter().filter(steps) {
        let environments = &page.outline.sections[script.section].environments;
        let title = &page.outline.sections[script.section].title;
        let here = match &environments[..] {
            [one] => one == "staging" || one != "production" && places::is_elsewhere(one),
            [] => places::is_elsewhere(title),
            _ => false,
        };
        // Comparing or copying names both on purpose.
        if !here
            || script.text.to_lowercase().contains("staging") && script.text.to_lowercase().contains("dump")
        {
            continue;
        }
        for command in script
            .commands()
            .iter()
            .filter(|command| !command.place.quoted_program && command.program != "echo")
        {
            let mut is_own = false;
            let secret = OF_PRODUCTION.captures_iter(&command.text).find_map(|found| {
                if let Some(name) = found.name("variable") {
                    is_own = name.as_str().split('_').any(|part| matches!(part, "PROD" | "PRODUCTION"));
                    let parts = [
                        "TOKEN",
                        "KEY",
                        "SECRET",
                        "PASSWORD",
                        "URL",
                        "DATABASE",
                        "DB",
                        "CREDENTIALS",
                        "KUBECONFIG",
                        "DSN",
                        "PROFILE",
                    ];
                    return name
                        .as_str()
                        .split('_')
                        .any(|part| parts.contains(&part))
                        .then(|| format!("${}", name.as_str()));
                }
                // Beside the inventory of staging they say themselves whose they are.
                if let Some(own) =
                    found.name("vault").or_else(|| found.name("profile")).or_else(|| found.name("context"))
                {
                    let label = own.as_str().split('@').next().unwrap_or_default();
                    is_own = environment_of(label) == Some("production");
                    return is_own.then(|| own.as_str().to_owned());
                }
                let value = found.name("value").or_else(|| found.name("file"))?.as_str();
                (environment_of(value) == Some("production")).then(|| value.to_owned())
            });
            let secret = secret.or_else(|| named_secret(command).inspect(|_| is_own = true));
            if let Some(secret) = secret.filter(|_| {
                is_own || environment_of(&command.text).is_some() || command.text.contains("LIVE")
            }) {
                found.push(script.on(
                    "T704",
                    Severity::Warning,
                    command,
                    format!("this is the section about staging, and `{secret}` is production's: a slip here changes what users see"),
                    "use staging's own; give each environment its secrets in tminus.toml (`[environments.staging] secrets = { … }`)",
                ));
            }
        }
    }
    found.into_iter().for_each(|finding| page.report(finding));
}
