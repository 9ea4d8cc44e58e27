//! The exact command as a value: what `plan` prints is what runs.
//!
//! A pure function of the action. Secrets are never part of it: they go by the environment, or to
//! another machine by standard input, and into a request at the last moment.

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

/// Tells how an action is carried out; code for other hosts, how it would be here.
pub fn invocation(action: &Action) -> Invocation {
    match action {
        Action::Shell(shell) => here(shell),
        Action::Http(http) => Invocation::Request(request(http)),
        Action::Notify(notify) => {
            Invocation::Message { to: notify.to.clone(), template: notify.template.clone() }
        }
        Action::Unavailable(unavailable) => Invocation::Unavailable(unavailable.kind.clone()),
    }
}

/// The program and its arguments up to the code.
pub(crate) fn interpreter(interpreter: Interpreter) -> (&'static str, &'static [&'static str]) {
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
pub(crate) fn own_name(interpreter: Interpreter) -> Option<&'static str> {
    matches!(interpreter, Interpreter::Bash | Interpreter::Sh | Interpreter::Zsh).then_some("tminus")
}

fn here(shell: &Shell) -> Invocation {
    let (program, flags) = interpreter(shell.interpreter);
    let mut arguments: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
    arguments.push(shell.script.clone());
    arguments.extend(own_name(shell.interpreter).map(str::to_owned));
    Invocation::Process { program: program.to_owned(), arguments }
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
            Invocation::Process { program, arguments } => {
                f.write_str(program)?;
                for argument in arguments {
                    write!(f, " {}", quote(argument))?;
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

    #[test]
    fn commands_read_as_they_run() {
        let bash = "bash --noprofile --norc -eEo pipefail -O inherit_errexit -c";
        for (interpreter, script, expected) in [
            (Interpreter::Bash, "npm ci", format!("{bash} 'npm ci' tminus")),
            (Interpreter::Sh, "true", "sh -e -c true tminus".to_owned()),
            (Interpreter::Python, "print(1)", "python3 -c 'print(1)'".to_owned()),
        ] {
            let action = Action::Shell(Shell {
                interpreter,
                script: script.to_owned(),
                folder: None,
                ok: vec![0],
                host: None,
                database: None,
                recipe: None,
                group: None,
            });
            assert_eq!(invocation(&action).to_string(), expected);
        }
    }
}
