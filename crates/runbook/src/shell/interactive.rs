//! Commands that wait for a person at a terminal.

mod sessions;

use super::CommandUse;
use super::danger::verbs;
use super::unwrap::{skip_options, ssh_target};
use super::waiting::{has, has_input};

/// Says why a command waits for a person; `None` when it does not.
pub(super) fn judge(command: &CommandUse) -> Option<String> {
    let program = command.program.as_str();
    if !(editor(command)
        || client(command)
        || interpreter(command)
        || session(command)
        || git(command)
        || login(command)
        || ansible(command)
        || sessions::opens(command))
    {
        return None;
    }
    Some(match program {
        "ssh" => "opens a session on another host and waits there".to_owned(),
        "git" => "opens an editor or asks for each part".to_owned(),
        "read" => "waits for an answer at the keyboard".to_owned(),
        "kubectl" | "docker" | "podman" | "oc" | "docker-compose" => {
            format!("`{program}` opens a session at a terminal")
        }
        "su" | "fly" | "flyctl" if !login(command) => format!("`{program}` opens a session at a terminal"),
        "gh" | "gcloud" | "az" | "vercel" | "npm" | "supabase" => {
            format!("`{program} … login` waits for a person")
        }
        "ansible" | "ansible-playbook" => {
            format!("`{program}` asks for a password (`--ask-…`) and waits for a person")
        }
        _ => format!("`{program}` waits for a person at a terminal"),
    })
}

fn verb(command: &CommandUse, index: usize) -> &str {
    verbs(command).get(index).copied().unwrap_or_default()
}

/// Editors, pagers and programs that fill the screen.
fn editor(command: &CommandUse) -> bool {
    match command.program.as_str() {
        "nano" | "vi" | "pico" | "micro" | "ed" | "visudo" | "vipw" => true,
        // Midnight Commander takes folders; with a verb it is the client of an object store.
        "mc" => verb(command, 0).is_empty() || verb(command, 0).contains('/'),
        "vim" | "nvim" | "emacs" => !has(command, &["-e", "-es", "-s", "--headless", "--batch", "-batch"]),
        "less" | "more" | "man" => command.pipe.1 <= 1 || command.pipe.0 + 1 == command.pipe.1,
        "code" | "subl" => has(command, &["-w", "--wait"]),
        // `-bn1` is how people write both.
        "top" => !command
            .arguments
            .iter()
            .any(|a| a.starts_with("-b") || a.starts_with("-n") || a.starts_with("-l")),
        "mysql_secure_installation" | "mariadb-secure-installation" => true,
        "select" | "passwd" | "fdisk" | "parted" | "htop" | "k9s" | "lazydocker" | "ncdu" => true,
        "crontab" => has(command, &["-e"]),
        _ => false,
    }
}

/// Clients of databases that open a prompt unless they are told what to do.
fn client(command: &CommandUse) -> bool {
    let starts = |prefix: &str| command.arguments.iter().any(|argument| argument.starts_with(prefix));
    let told = match command.program.as_str() {
        "psql" => {
            has(command, &["-c", "--command", "-f", "--file", "-l", "--list", "--version", "-V"])
                || starts("-c")
                || starts("-f")
        }
        "mysql" | "mariadb" => has(command, &["-e", "--execute", "--version", "-V"]) || starts("-e"),
        "sqlite3" => {
            command.arguments.iter().filter(|a| !a.starts_with('-')).count() > 1
                || has(command, &["-version"])
        }
        "mongosh" | "mongo" => {
            has(command, &["--eval", "--file", "-f"]) || command.arguments.iter().any(|a| a.ends_with(".js"))
        }
        "redis-cli" => {
            !verbs(command).is_empty() || has(command, &["--version", "-v", "--eval", "--pipe", "--scan"])
        }
        "sftp" | "ftp" | "telnet" => has(command, &["-b"]),
        _ => return false,
    };
    !told && !has_input(command)
}

/// Interpreters without a script, and `read`.
fn interpreter(command: &CommandUse) -> bool {
    let told = |argument: &String| {
        !argument.starts_with('-')
            || matches!(argument.as_str(), "-c" | "-e" | "-m" | "--version" | "-V" | "--help" | "-h" | "-v")
    };
    let django = command.program.starts_with("python")
        || matches!(command.program.as_str(), "manage.py" | "django-admin" | "./manage.py");
    let asks_for_password = django
        && command.arguments.iter().any(|argument| argument == "createsuperuser")
        && !has(command, &["--noinput", "--no-input"]);
    if asks_for_password && !has_input(command) {
        return true;
    }
    match command.program.as_str() {
        // Most of its options make it do something else and end.
        "node" => {
            (command.arguments.is_empty() || has(command, &["-i", "--interactive"])) && !has_input(command)
        }
        "python" | "python3" | "irb" | "ghci" | "bash" | "sh" | "zsh" => {
            !command.arguments.iter().any(told) && !has_input(command)
        }
        "read" => {
            !has_input(command)
                && !command.place.condition
                && !command.place.in_loop
                && !has(command, &["-t"])
        }
        _ => false,
    }
}

/// Sessions on hosts, in containers and in clusters.
fn session(command: &CommandUse) -> bool {
    let first = verb(command, 0);
    match command.program.as_str() {
        "ssh" => ssh_without_command(command),
        "kubectl" | "oc" => {
            first == "edit" || (matches!(first, "exec" | "run" | "attach" | "debug") && terminal(command))
        }
        "su" => !has(command, &["-c", "--command"]) && !has_input(command),
        "fly" | "flyctl" => {
            matches!(first, "postgres" | "pg")
                && verb(command, 1) == "connect"
                && !has(command, &["-c", "--command"])
                && !has_input(command)
        }
        "docker" | "podman" | "docker-compose" | "nerdctl" => {
            let action = if matches!(first, "compose" | "container") { verb(command, 1) } else { first };
            (matches!(action, "run" | "exec") && terminal(command)) || action == "attach"
        }
        _ => false,
    }
}

fn git(command: &CommandUse) -> bool {
    if command.program != "git" {
        return false;
    }
    const MESSAGE: [&str; 10] =
        ["-m", "--message", "-F", "--file", "--no-edit", "-C", "--fixup", "--squash", "--dry-run", "-c"];
    let without_message = || {
        let inline = command.arguments.iter().any(|a| a.starts_with("-m") || a.starts_with("-am"));
        !inline && !has_input(command) && !has(command, &MESSAGE)
    };
    match verb(command, 0) {
        "rebase" => has(command, &["-i", "--interactive"]),
        "add" | "checkout" | "stash" | "reset" | "restore" => {
            has(command, &["-p", "--patch", "-i", "--interactive"])
        }
        "commit" => without_message(),
        "tag" => has(command, &["-a", "-s", "--annotate", "--sign"]) && without_message(),
        _ => false,
    }
}

/// Sign-in that opens a browser or asks for a password.
fn login(command: &CommandUse) -> bool {
    let (first, second) = (verb(command, 0), verb(command, 1));
    match command.program.as_str() {
        "gh" | "glab" => {
            first == "auth" && second == "login" && !has(command, &["--with-token"]) && !has_input(command)
        }
        "gcloud" | "az" | "heroku" | "supabase" | "netlify" | "firebase" | "fly" | "flyctl" | "railway"
        | "wrangler" | "npm" | "vercel" => {
            let login = first == "login" || (first == "auth" && second == "login");
            login
                && !has(
                    command,
                    &["--service-principal", "--token", "--cred-file", "--identity", "-t", "--ci"],
                )
        }
        "aws" => first == "configure" && verbs(command).len() == 1,
        // Debian's `adduser` asks for the password and the full name; `useradd` does not.
        "adduser" => {
            command.arguments.len() == 1 && !command.arguments[0].starts_with('-') && !has_input(command)
        }
        _ => false,
    }
}

/// Passwords that are asked for, and vaults that open in an editor.
fn ansible(command: &CommandUse) -> bool {
    match command.program.as_str() {
        "ansible" | "ansible-playbook" => command.arguments.iter().any(|argument| {
            matches!(
                argument.as_str(),
                "--ask-vault-pass"
                    | "--ask-vault-password"
                    | "--ask-become-pass"
                    | "--ask-pass"
                    | "-K"
                    | "-k"
                    | "-J"
                    | "-kK"
                    | "-Kk"
            )
        }),
        "ansible-vault" => matches!(verb(command, 0), "edit" | "create") && !has_input(command),
        _ => false,
    }
}

fn ssh_without_command(command: &CommandUse) -> bool {
    let words: Vec<String> =
        std::iter::once(command.program.clone()).chain(command.arguments.iter().cloned()).collect();
    let never = has(command, &["-N", "-f", "-V", "-G", "-T", "-O", "-Q"]);
    ssh_target(&words).is_some_and(|(at, _)| skip_options(&words, at + 1, &[]) >= words.len())
        && !never
        && !has_input(command)
}

fn terminal(command: &CommandUse) -> bool {
    // `-it` only before the container's own command.
    command
        .arguments
        .iter()
        .take_while(|a| *a != "--")
        .any(|a| matches!(a.as_str(), "-it" | "-ti" | "-i" | "--interactive" | "--stdin" | "--tty=true"))
        && command
            .arguments
            .iter()
            .any(|a| matches!(a.as_str(), "-it" | "-ti" | "-t" | "--tty" | "--tty=true"))
}
