//! Secrets: references in the plan, values only here and only for as long as a job takes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// A shorter value cannot be told from ordinary text, so it could not be cut out of output.
const SHORTEST: usize = 4;

/// A vault that does not answer by then will not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// For a secret that may be missing.
const SHORT_PATIENCE: Duration = Duration::from_secs(5);

/// The value of a secret. It prints as `‹redacted›`, and there is no way to serialise it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    ///
    /// # Errors
    /// When it is too short to be recognised in output.
    pub fn new(value: String) -> Result<Secret, SecretProblem> {
        if value.trim().chars().count() < SHORTEST { Err(SecretProblem::TooShort) } else { Ok(Secret(value)) }
    }

    /// Gives the value away: to the environment of a child or into a request, and nowhere else.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹redacted›")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹redacted›")
    }
}

/// Why a secret has no value. Reads after "secret `NAME`:".
#[derive(Debug, thiserror::Error)]
pub enum SecretProblem {
    /// Its value could not be recognised.
    #[error(
        "its value has fewer than {SHORTEST} characters and could not be kept out of the output; use a longer one"
    )]
    TooShort,
    /// The variable is missing.
    #[error("the environment variable {0} is not set; set it and start tminus again")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("the file {path} cannot be read: {error}")]
    NoFile {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The bytes are no text.
    #[error("its value is not UTF-8 text")]
    NotText,
    /// The command failed. Its output is not shown, because it may hold the value.
    #[error("the command `{command}` {what}; run it by hand to see why")]
    Command {
        /// As written in the reference.
        command: String,
        /// What happened.
        what: String,
    },
    /// The reference has a form that nobody knows.
    #[error("`{0}` is no reference; write env:NAME, file:PATH or exec:COMMAND")]
    NoReference(String),
}

/// The secrets of a job, resolved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(pub(crate) BTreeMap<String, Secret>);

impl Secrets {
    /// Resolves references. The error is a sentence that names the secret.
    pub(crate) async fn resolve(
        references: &BTreeMap<String, String>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Secrets, String> {
        let mut values = BTreeMap::new();
        for (name, reference) in references {
            let value = resolve(reference, environment).await.and_then(Secret::new);
            values.insert(name.clone(), value.map_err(|problem| format!("secret `{name}`: {problem}"))?);
        }
        Ok(Secrets(values))
    }

    /// Resolves references, of which those that are needed must have a value. Returns a sentence for each of
    /// the others that has none. The error is a sentence that names the secret.
    pub(crate) async fn resolve_needed(
        references: &BTreeMap<String, String>,
        environment: &BTreeMap<String, String>,
        is_needed: impl Fn(&String) -> bool,
    ) -> Result<(Secrets, Vec<String>), String> {
        let (needed, others) = references.clone().into_iter().partition(|(name, _)| is_needed(name));
        let mut secrets = Secrets::resolve(&needed, environment).await?;
        let missing = secrets.add_what_there_is(others, environment).await;
        Ok((secrets, missing))
    }

    /// Resolves those that nothing depends on, all at once and not for long.
    async fn add_what_there_is(
        &mut self,
        references: BTreeMap<String, String>,
        environment: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let mut looks = tokio::task::JoinSet::new();
        for (name, reference) in references {
            let environment = environment.clone();
            looks.spawn(async move {
                let one = BTreeMap::from([(name.clone(), reference)]);
                let found = tokio::time::timeout(SHORT_PATIENCE, Secrets::resolve(&one, &environment)).await;
                found.unwrap_or_else(|_| Err(format!("secret `{name}`: no answer after {SHORT_PATIENCE:?}")))
            });
        }
        let mut missing = Vec::new();
        while let Some(found) = looks.join_next().await {
            match found {
                Ok(Ok(found)) => self.0.extend(found.0),
                Ok(Err(why)) => missing.push(why),
                Err(error) => missing.push(error.to_string()),
            }
        }
        missing.sort();
        missing
    }

    /// Replaces each `${secret:NAME}`. The error names a secret that is not declared.
    pub(crate) fn expand(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${secret:") {
            let Some((name, after)) = after.split_once('}') else { break };
            let secret = self.0.get(name).ok_or_else(|| {
                format!("secret `{name}` is not declared; add it under [secrets] in tminus.toml")
            })?;
            expanded.push_str(before);
            expanded.push_str(secret.reveal());
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// Finds the secret whose value is exactly this.
    pub(crate) fn name_of(&self, value: &str) -> Option<&str> {
        self.0.iter().find(|(_, secret)| secret.reveal() == value).map(|(name, _)| name.as_str())
    }
}

async fn resolve(reference: &str, environment: &BTreeMap<String, String>) -> Result<String, SecretProblem> {
    match reference.split_once(':') {
        Some(("env", name)) => {
            environment.get(name).cloned().ok_or_else(|| SecretProblem::NoVariable(name.to_owned()))
        }
        Some(("file", path)) => read(&expand_home(path, environment)),
        Some(("exec", command)) => run(command.trim(), environment).await,
        _ => Err(SecretProblem::NoReference(reference.to_owned())),
    }
}

fn expand_home(path: &str, environment: &BTreeMap<String, String>) -> PathBuf {
    match (path.strip_prefix("~/"), environment.get("HOME")) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(path),
    }
}

fn read(path: &Path) -> Result<String, SecretProblem> {
    let bytes =
        std::fs::read(path).map_err(|error| SecretProblem::NoFile { path: path.to_owned(), error })?;
    text(bytes)
}

/// Editors and commands end a text with a line end that is no part of the secret.
fn text(bytes: Vec<u8>) -> Result<String, SecretProblem> {
    let mut text = String::from_utf8(bytes).map_err(|_| SecretProblem::NotText)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// Runs a command without a shell, in the folder that tminus was started in.
async fn run(command: &str, environment: &BTreeMap<String, String>) -> Result<String, SecretProblem> {
    let problem = |what: String| SecretProblem::Command { command: command.to_owned(), what };
    let words = split_words(command).ok_or_else(|| problem("has an unclosed quote".to_owned()))?;
    let (program, arguments) = words.split_first().ok_or_else(|| problem("is empty".to_owned()))?;
    let child = tokio::process::Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(PATIENCE, child).await {
        Err(_) => return Err(problem(format!("did not answer within {} seconds", PATIENCE.as_secs()))),
        Ok(Err(error)) => return Err(problem(format!("cannot be started: {error}"))),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        return Err(problem(format!("failed ({})", output.status)));
    }
    text(output.stdout)
}

/// Splits a command line at blanks; quotes keep blanks, and nothing else has a meaning.
fn split_words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        end if end == character => break,
                        inside => word.push(inside),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("hunter2-hunter2".to_owned()).unwrap();
        let secrets = Secrets(BTreeMap::from([("A".to_owned(), secret.clone())]));
        assert_eq!(format!("{secret} {secret:?} {secrets:?}").matches("hunter2").count(), 0);
    }

    #[test]
    fn words_are_split_as_written() {
        let table = [
            ("sops -d  s.yaml", Some(vec!["sops", "-d", "s.yaml"])),
            ("op read 'op://a b/c' x", Some(vec!["op", "read", "op://a b/c", "x"])),
            (r#"a "it's" ''"#, Some(vec!["a", "it's", ""])),
            ("a 'b", None),
            ("$HOME `id` ; x", Some(vec!["$HOME", "`id`", ";", "x"])),
        ];
        for (line, words) in table {
            let expected: Option<Vec<String>> =
                words.map(|words| words.iter().map(|&w| w.to_owned()).collect());
            assert_eq!(split_words(line), expected, "{line}");
        }
    }

    #[tokio::test]
    async fn references_resolve_or_say_why_not() {
        let folder = tminus_testkit::TemporaryFolder::new();
        std::fs::write(folder.join("token"), "from-file\n").unwrap();
        std::fs::write(folder.join("binary"), [0xff, 0xfe, 0, 1, 2]).unwrap();
        let environment = BTreeMap::from([
            ("TOKEN".to_owned(), "from-env".to_owned()),
            ("HOME".to_owned(), folder.path().to_string_lossy().into_owned()),
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("PIN".to_owned(), "123".to_owned()),
        ]);
        for (reference, expected) in [
            ("env:TOKEN", Ok("from-env")),
            ("file:~/token", Ok("from-file")),
            ("exec:printf %s 'from exec'", Ok("from exec")),
            ("env:PIN", Err("fewer than 4 characters")),
            ("env:MISSING", Err("MISSING is not set")),
            ("file:/no/such/file", Err("/no/such/file cannot be read")),
            ("file:~/binary", Err("not UTF-8")),
            ("exec:false", Err("`false` failed")),
            ("exec:no-such-program x", Err("cannot be started")),
            ("exec:", Err("is empty")),
            ("plain", Err("is no reference")),
            ("vault:x", Err("is no reference")),
        ] {
            let references = BTreeMap::from([("NAME".to_owned(), reference.to_owned())]);
            let found = Secrets::resolve(&references, &environment).await;
            match (found, expected) {
                (Ok(found), Ok(value)) => assert_eq!(found.0["NAME"].reveal(), value),
                (Err(error), Err(part)) => {
                    assert!(
                        error.starts_with("secret `NAME`: ") && error.contains(part),
                        "{reference}: {error}"
                    );
                }
                (found, expected) => panic!("{reference}: {found:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn placeholders_are_filled_once() {
        let secrets = Secrets(BTreeMap::from([
            ("A".to_owned(), Secret("${secret:B}".to_owned())),
            ("B".to_owned(), Secret("inner".to_owned())),
        ]));
        assert_eq!(secrets.expand("Bearer ${secret:A}!").unwrap(), "Bearer ${secret:B}!");
        assert_eq!(secrets.expand("${secret:B}${secret:B} $x ${y}").unwrap(), "innerinner $x ${y}");
        assert_eq!(secrets.expand("${secret:open").unwrap(), "${secret:open");
        assert!(secrets.expand("${secret:C}").unwrap_err().contains("`C` is not declared"));
    }
}
