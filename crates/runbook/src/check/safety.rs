//! T7: secrets in the open.

use crate::pattern::Pattern;

use crate::diagnostic::Severity;
use crate::shell::CommandUse;

use super::doors;
use super::page::{Finding, Page, Script};

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    secrets_by_shape(page);
    page.each_script(|script, found| {
        for command in script.commands() {
            on_command_line(script, command, found);
            doors::check(script, command, found);
        }
    });
}

/// A shape that only a secret has.
struct Shape {
    what: &'static str,
    /// No match is without one of these, in this case: cheap to look for in a whole document.
    signs: &'static [&'static str],
    pattern: Pattern,
}

const fn shape(what: &'static str, signs: &'static [&'static str], pattern: &'static str) -> Shape {
    Shape { what, signs, pattern: Pattern::new(&[], pattern) }
}

static SHAPES: [Shape; 11] = [
    shape("an AWS access key", &["AKIA", "ASIA"], r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    shape(
        "a GitHub token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b",
    ),
    shape("a GitLab token", &["glpat-"], r"\bglpat-[A-Za-z0-9_-]{20,}\b"),
    shape("a Slack token", &["xox"], r"\bxox[abprs]-[0-9A-Za-z-]{20,}\b"),
    shape(
        "a Slack webhook",
        &["hooks.slack.com"],
        r"https://hooks\.slack\.com/services/T[0-9A-Z]{6,}/B[0-9A-Z]{6,}/[0-9A-Za-z]{20,}",
    ),
    shape("a Stripe key", &["k_live_"], r"\b[sr]k_live_[0-9A-Za-z]{20,}\b"),
    shape("a Google key", &["AIza"], r"\bAIza[0-9A-Za-z_-]{35}\b"),
    shape("an npm token", &["npm_"], r"\bnpm_[0-9A-Za-z]{36}\b"),
    shape("a private key", &["PRIVATE KEY-----"], r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    shape("a signed token", &["eyJ"], r"\beyJ[0-9A-Za-z_-]{15,}\.eyJ[0-9A-Za-z_-]{15,}\.[0-9A-Za-z_-]{20,}"),
    shape(
        "credentials in an address",
        &["://"],
        r"\b[a-z][a-z0-9+.-]*://[^\s/:@<>{}\[\]$`]+:(?P<word>[^\s/:@<>{}\[\]$`]{3,})@[A-Za-z0-9]",
    ),
];

/// T701 and T703: never repeats the secret itself.
fn secrets_by_shape(page: &mut Page<'_>) {
    let mut found = Vec::new();
    let document = page.document;
    let possible = SHAPES.iter().filter(|shape| shape.signs.iter().any(|sign| document.contains(sign)));
    for shape in possible {
        for captures in shape.pattern.captures_iter(document) {
            let Some(whole) = captures.get(0) else { continue };
            let sample = ["EXAMPLE", "example", "xxxx", "XXXX", "0000000", "1234567890"]
                .iter()
                .any(|word| whole.as_str().contains(word));
            let word = captures.name("word").map(|word| word.as_str());
            let sample = sample || shape.what == "a private key" && is_too_short(&document[whole.end()..]);
            let dummy = word.is_some_and(|word| is_sample(word, whole.as_str()));
            if !sample && !dummy && !is_shown(&document[whole.end() - 1..], word.is_some()) {
                found.push((whole.range(), shape.what, word.is_some()));
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

/// Tells the beginning of a key from a whole one: that of Ed25519, the shortest in use, has 64
/// characters between its lines (RFC 8410, 10.3).
fn is_too_short(behind: &str) -> bool {
    const SHORTEST: usize = 60;
    behind.find("-----END").is_some_and(|end| {
        behind[..end].bytes().filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')).count()
            < SHORTEST
    })
}

/// Tells by what stands behind it that a secret is only shown: an address at a name that is reserved
/// for examples (RFC 2606), or a key of dots or crosses.
fn is_shown(behind: &str, is_address: bool) -> bool {
    if is_address {
        let end = behind.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.'));
        let host = &behind[..end.unwrap_or(behind.len())];
        return ["example.com", "example.org", "example.net"].iter().any(|name| host.ends_with(name));
    }
    let body: String =
        behind.chars().filter(|c| !matches!(c, '-' | '\\' | 'n') && !c.is_whitespace()).take(4).collect();
    matches!(body.as_str(), "XXXX" | "xxxx" | "...." | "****")
        || body.starts_with('…')
        || body.starts_with("...")
}

/// A password that stands for one: `PASSWORD`, `your_db_password`, the user's own name again.
fn is_sample(word: &str, address: &str) -> bool {
    const WORDS: [&str; 12] = [
        "pass",
        "passw",
        "pwd",
        "secret",
        "token",
        "credential",
        "your",
        "change",
        "example",
        "replace",
        "***",
        "...",
    ];
    let lower = word.to_lowercase();
    let user = address.split("://").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or_default();
    // A name in capitals is a place to fill in, and a short word beside the user's name is its like.
    let is_name = word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let has_digits = word.contains(|c: char| c.is_ascii_digit());
    is_name
        || lower == user.to_lowercase()
        || matches!(lower.as_str(), "pw" | "postgres" | "guest" | "admin" | "root" | "key")
        || !has_digits && WORDS.iter().any(|known| lower.contains(known))
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
    // What only this machine answers is a sample more often than a secret.
    let here = command.arguments.iter().any(|a| a.contains("localhost") || a.contains("127.0.0.1"));
    let user = command.program == "curl"
        && !here
        && command.arguments.windows(2).any(|pair| {
            matches!(pair[0].as_str(), "-u" | "--user")
                && pair[1].split_once(':').is_some_and(|(_, word)| is_secret_value(word))
        });
    let login = command.arguments.iter().any(|a| a == "login");
    let letters: &[&str] = match command.program.as_str() {
        "docker" | "podman" | "helm" | "az" | "oc" if login => &["-p"],
        "redis-cli" => &["-a", "--pass"],
        "sshpass" | "twine" | "mongosh" | "mongo" | "mongodump" | "mongorestore" | "sqlplus" => &["-p"],
        "sqlcmd" | "zip" | "bcp" => &["-P"],
        "keytool" | "jarsigner" => &["-storepass", "-keypass"],
        "openssl" => &["-k"],
        "gh" | "glab" if command.arguments.iter().any(|a| a == "secret") => &["--body", "-b"],
        _ => &[],
    };
    let lettered = command
        .arguments
        .windows(2)
        .any(|pair| letters.contains(&pair[0].as_str()) && is_secret_value(&pair[1]));
    // libpq's own way to write where to: `"host=db user=app password=…"`.
    let to_postgres =
        command.program.starts_with("pg_") || matches!(command.program.as_str(), "psql" | "createdb");
    let in_conninfo = to_postgres
        && command.arguments.iter().flat_map(|argument| argument.split_whitespace()).any(|part| {
            part.strip_prefix("password=").is_some_and(|word| is_secret_value(word.trim_matches('\'')))
        });
    if by_option
        || mysql
        || user
        || lettered
        || in_conninfo
        || names_a_secret(command)
        || in_header(command)
        || printed(script, command)
    {
        found.push(script.on(
            "T702",
            Severity::Warning,
            command,
            "a secret on the command line: everyone on the host sees it in `ps`, and it stays in histories and logs",
            "hand it over by environment, standard input or a file (`PGPASSWORD`, `--password-stdin`, `--netrc`)",
        ));
    }
}

/// `--set db.password=…`, `-e API_TOKEN=…`: what is given by name, with a value that is no word.
fn names_a_secret(command: &CommandUse) -> bool {
    if matches!(command.program.as_str(), "export" | "env" | "echo" | "printf" | "git" | "grep" | "sed") {
        return false;
    }
    // `aws configure set aws_secret_access_key …`: the name stands in the word before.
    let apart = command.arguments.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str()));
    let apart = apart.filter(|(name, _)| name.contains('_') && !name.starts_with('-'));
    let joined = command.arguments.iter().filter_map(|argument| argument.rsplit_once('='));
    joined.chain(apart).any(|(name, value)| {
        let name = name.rsplit(['.', '=', ',']).next().unwrap_or_default().to_lowercase();
        let secret = SECRETS.iter().any(|word| name.ends_with(word));
        secret && value.len() >= 8 && !value.contains(['$', '<', '{', '[', '/', ' ']) && is_no_word(value)
    })
}

/// What names of secrets end with.
pub(super) const SECRETS: [&str; 12] = [
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "secret_key",
    "secret_key_base",
    "private_key",
    "passphrase",
    "_pass",
];

/// `-H 'X-Api-Key: …'` with a value that is no word.
fn in_header(command: &CommandUse) -> bool {
    let headers = command.arguments.windows(2).filter(|pair| matches!(pair[0].as_str(), "-H" | "--header"));
    headers.filter_map(|pair| pair[1].split_once(':')).any(|(name, value)| {
        let name = name.to_lowercase();
        let secret = ["key", "token", "secret", "authorization"].iter().any(|word| name.contains(word));
        let value = value.split_whitespace().last().unwrap_or_default();
        // What chance has made is told by its letters, as T701.
        let told = || super::credentials::looks_random(value);
        secret && value.len() >= 12 && !value.contains(['$', '<', '{', '[']) && is_no_word(value) && !told()
    })
}

/// `echo WORD | docker login --password-stdin`: what was to be kept from the command line stands on it.
fn printed(script: &Script<'_>, command: &CommandUse) -> bool {
    let printed = matches!(command.program.as_str(), "echo" | "printf") && command.pipe.1 > 1;
    let [value] = &command.arguments[..] else { return false };
    let reader = || {
        script.commands().iter().find(|other| {
            other.list == command.list && other.pipe.0 == command.pipe.0 + 1 && other.start > command.start
        })
    };
    printed
        && !value.contains(['$', '<', '{', '[', ' '])
        && is_no_word(value)
        && reader().is_some_and(|reader| {
            let reads = ["--password-stdin", "--with-token", "--pass-stdin"];
            reader.arguments.iter().any(|a| reads.contains(&a.as_str())) || reader.text.starts_with("sudo -S")
        })
}

/// Tells a secret from a word that stands for one: letters and digits among each other.
pub(super) fn is_no_word(value: &str) -> bool {
    const SAMPLES: [&str; 9] =
        ["your", "example", "change", "test", "sample", "dummy", "1234", "xxx", "pass"];
    let lower = value.to_lowercase();
    value.contains(|c: char| c.is_ascii_digit())
        && value.contains(|c: char| c.is_ascii_alphabetic())
        && !SAMPLES.iter().any(|sample| lower.contains(sample))
}

fn is_secret_value(value: &str) -> bool {
    !value.is_empty() && !value.starts_with(['<', '-', '[']) && value != "stdin"
}
