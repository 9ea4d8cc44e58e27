//! The exact command as a value: what `plan` prints is what runs.
//!
//! A pure function of the action and its variables. Secrets are never part of it: they go by the
//! environment, or to another machine by standard input, and into a request at the last moment.

use std::collections::BTreeMap;
use std::fmt;

use tminus_release::plan::{Action, Http, Interpreter, Shell};

/// What will be done, exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// A program with its arguments, one by one.
    Process {
        /// Looked up in the `PATH` of the step.
        program: String,
        /// After the program's name.
        arguments: Vec<String>,
        /// The names of the secrets that standard input carries to another machine; here they are
        /// in the environment.
        secrets_on_stdin: Vec<String>,
    },
    /// A request: its line, headers and body as written, references to secrets unresolved.
    Request(String),
    /// A message to some channels.
    Message {
        /// Names of channels.
        to: Vec<String>,
        /// As written.
        template: String,
    },
    /// A kind that cannot run yet.
    Unavailable(String),
}

/// Tells how an action is carried out. `secrets` are the names that the step is given.
pub fn invocation(action: &Action, variables: &BTreeMap<String, String>, secrets: &[&str]) -> Invocation {
    match action {
        Action::Shell(shell) => match &shell.host {
            None => here(shell),
            Some(host) => there(shell, host, variables, secrets),
        },
        Action::Http(http) => Invocation::Request(request(http)),
        Action::Notify(notify) => {
            Invocation::Message { to: notify.to.clone(), template: notify.template.clone() }
        }
        Action::Unavailable(unavailable) => Invocation::Unavailable(unavailable.kind.clone()),
    }
}

/// The program and its arguments up to the code.
fn interpreter(interpreter: Interpreter) -> (&'static str, &'static [&'static str]) {
    match interpreter {
        Interpreter::Bash => {
            ("bash", &["--noprofile", "--norc", "-eEo", "pipefail", "-O", "inherit_errexit", "-c"])
        }
        Interpreter::Sh => ("sh", &["-e", "-c"]),
        Interpreter::Zsh => ("zsh", &["-f", "-e", "-o", "pipefail", "-c"]),
        Interpreter::Python => ("python3", &["-c"]),
        Interpreter::Node => ("node", &["-e"]),
        Interpreter::Powershell => ("pwsh", &["-NoProfile", "-NonInteractive", "-Command"]),
    }
}

/// What stands for `$0` in messages of the shells.
fn own_name(interpreter: Interpreter) -> Option<&'static str> {
    matches!(interpreter, Interpreter::Bash | Interpreter::Sh | Interpreter::Zsh).then_some("tminus")
}

fn here(shell: &Shell) -> Invocation {
    let (program, flags) = interpreter(shell.interpreter);
    let mut arguments: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
    arguments.push(shell.script.clone());
    arguments.extend(own_name(shell.interpreter).map(str::to_owned));
    Invocation::Process { program: program.to_owned(), arguments, secrets_on_stdin: Vec::new() }
}

/// By the user's own `ssh`, so that their configuration, keys, agents and jump hosts apply. The
/// code is an argument and not standard input: a command in it that reads would eat the rest.
fn there(shell: &Shell, host: &str, variables: &BTreeMap<String, String>, secrets: &[&str]) -> Invocation {
    let mut preamble = String::new();
    for (name, value) in variables.iter().filter(|(name, _)| is_name(name)) {
        preamble.push_str(&format!("export {name}={}; ", quote_on_one_line(value)));
    }
    if !secrets.is_empty() {
        // Arguments can be seen by every user of both machines; standard input cannot.
        preamble.push_str("while IFS= read -r -d '' pair; do export \"$pair\"; done; unset pair; ");
    }
    preamble.push_str("exec </dev/null; ");
    if let Some(folder) = &shell.folder {
        preamble.push_str(&format!("cd -- {}; ", quote(folder)));
    }
    // The first line of the code stays on the first line, so that the numbers in messages are right.
    let (program, flags) = interpreter(shell.interpreter);
    let code = if shell.interpreter == Interpreter::Bash {
        format!("{preamble}{}", shell.script)
    } else {
        let words = flags.iter().map(|&flag| flag.to_owned()).chain([shell.script.clone()]);
        let words: Vec<String> = words.chain(own_name(shell.interpreter).map(str::to_owned)).collect();
        format!(
            "{preamble}exec {program} {}",
            words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
        )
    };
    let (bash, flags) = interpreter(Interpreter::Bash);
    let remote = format!("{bash} {} {} tminus", flags.join(" "), quote(&code));
    let arguments = ["-o", "BatchMode=yes", "-T", "--", host, &remote];
    Invocation::Process {
        program: "ssh".to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        secrets_on_stdin: secrets.iter().map(|&name| name.to_owned()).collect(),
    }
}

/// Tells whether a shell can have a variable of this name.
pub(crate) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Writes a word so that a POSIX shell reads it as this word.
pub(crate) fn quote(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Writes a word so that bash reads it as this word, without a line end: the lines of the code
/// after it keep their numbers.
fn quote_on_one_line(word: &str) -> String {
    if !word.contains('\n') {
        return quote(word);
    }
    let escaped = word.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
    format!("$'{escaped}'")
}

fn request(http: &Http) -> String {
    let mut text = format!("{} {}", http.method, http.url);
    for (name, value) in &http.headers {
        text.push_str(&format!("\n{name}: {value}"));
    }
    if let Some(body) = &http.body {
        text.push_str(&format!("\n\n{body}"));
    }
    if let Some(burst) = http.burst {
        text.push_str(&format!("\n(sent {burst} times at once)"));
    }
    if let Some(poll) = http.poll {
        text.push_str(&format!("\n(every {} until it holds, for at most {})", poll.every, poll.within));
    }
    text
}

impl fmt::Display for Invocation {
    /// Writes a command so that it can be pasted into a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Invocation::Process { program, arguments, secrets_on_stdin } => {
                f.write_str(program)?;
                for argument in arguments {
                    write!(f, " {}", quote(argument))?;
                }
                if !secrets_on_stdin.is_empty() {
                    write!(f, "\n(standard input carries the secrets {})", secrets_on_stdin.join(", "))?;
                }
                Ok(())
            }
            Invocation::Request(text) => f.write_str(text),
            Invocation::Message { to, template } => write!(f, "send to {}:\n{template}", to.join(", ")),
            Invocation::Unavailable(kind) => write!(f, "`{kind}` is not available yet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(interpreter: Interpreter, script: &str, host: Option<&str>) -> Action {
        let host = host.map(str::to_owned);
        Action::Shell(Shell {
            interpreter,
            script: script.to_owned(),
            folder: None,
            ok: vec![0],
            host,
            database: None,
            recipe: None,
        })
    }

    #[test]
    fn commands_read_as_they_run() {
        let variables =
            BTreeMap::from([("V".to_owned(), "it's 1".to_owned()), ("not a name".to_owned(), String::new())]);
        let bash = "bash --noprofile --norc -eEo pipefail -O inherit_errexit -c";
        for (action, secrets, expected) in [
            (shell(Interpreter::Bash, "npm ci", None), vec!["S"], format!("{bash} 'npm ci' tminus")),
            (shell(Interpreter::Sh, "true", None), vec![], "sh -e -c true tminus".to_owned()),
            (shell(Interpreter::Python, "print(1)", None), vec![], "python3 -c 'print(1)'".to_owned()),
        ] {
            assert_eq!(invocation(&action, &variables, &secrets).to_string(), expected);
        }
    }

    /// What a remote shell would make of the words, seen by a shell here.
    fn remote_output(
        action: &Action,
        variables: &BTreeMap<String, String>,
        secrets: &[&str],
        input: &str,
    ) -> String {
        let Invocation::Process { program, arguments, .. } = invocation(action, variables, secrets) else {
            panic!("a shell step is a process")
        };
        assert_eq!(
            (program.as_str(), &arguments[..5]),
            ("ssh", &["-o", "BatchMode=yes", "-T", "--", "web-1"].map(String::from)[..])
        );
        let folder = tminus_testkit::TemporaryFolder::new();
        std::fs::write(folder.join("input"), input).unwrap();
        let output = std::process::Command::new("sh")
            .args(["-c", &arguments[5]])
            .stdin(std::fs::File::open(folder.join("input")).unwrap())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    #[test]
    fn what_goes_over_ssh_arrives_as_written() {
        let value = "it's $HOME \"x\"\n`y`\\";
        let variables = BTreeMap::from([("V".to_owned(), value.to_owned())]);
        let script =
            "printf '%s|' \"$V\" \"$S\" \"$0\"; cat; echo $LINENO\necho 'a b'; false | true\necho no";
        let found = remote_output(
            &shell(Interpreter::Bash, script, Some("web-1")),
            &variables,
            &["S"],
            "S=a 'secret'\0",
        );
        assert_eq!(found, format!("{value}|a 'secret'|tminus|1\na b\n"));
        let python = shell(
            Interpreter::Python,
            "import os, sys; print(os.environ['S'], sys.stdin.read() == '')",
            Some("web-1"),
        );
        assert_eq!(remote_output(&python, &variables, &["S"], "S=x=y\0"), "x=y True\n");
    }
}
