//! Consoles of frameworks, shells at a provider's and passwords that a client asks for: each opens unless
//! an option says what is to be done.

use super::super::CommandUse;
use super::super::danger::verbs;
use super::super::waiting::{has, has_input};

/// A command that waits, and the options with which it does not.
struct Opens {
    program: &'static str,
    verbs: &'static [&'static str],
    unless: &'static [&'static str],
}

const fn opens_for(
    program: &'static str,
    verbs: &'static [&'static str],
    unless: &'static [&'static str],
) -> Opens {
    Opens { program, verbs, unless }
}

const ALWAYS: &[&str] = &["--help", "--version"];
const COMMAND: &[&str] = &["-c", "--command", "-C"];

#[rustfmt::skip]
const OPENS: [Opens; 34] = [
    // Consoles of frameworks.
    opens_for("rails", &["console"], ALWAYS), opens_for("rails", &["c"], ALWAYS), opens_for("rails", &["dbconsole"], ALWAYS),
    opens_for("rails", &["db"], ALWAYS), opens_for("rails", &["credentials:edit"], ALWAYS), opens_for("rails", &["secrets:edit"], ALWAYS),
    opens_for("console", &[], ALWAYS), opens_for("php", &["artisan", "tinker"], &["--execute"]), opens_for("iex", &[], ALWAYS), opens_for("flask", &["shell"], ALWAYS),
    opens_for("wp", &["shell"], ALWAYS), opens_for("drush", &["sql-cli"], ALWAYS), opens_for("drush", &["sqlc"], ALWAYS),
    opens_for("drush", &["php"], ALWAYS),
    // Shells where the application runs.
    opens_for("fly", &["ssh", "console"], COMMAND), opens_for("flyctl", &["ssh", "console"], COMMAND), opens_for("heroku", &["ps:exec"], COMMAND),
    opens_for("heroku", &["pg:psql"], COMMAND), opens_for("heroku", &["redis:cli"], ALWAYS), opens_for("eb", &["ssh"], COMMAND),
    opens_for("gcloud", &["compute", "ssh"], COMMAND), opens_for("gcloud", &["sql", "connect"], ALWAYS), opens_for("az", &["ssh", "vm"], ALWAYS),
    // Port forwarding is a document of its own, and no shell.
    opens_for("aws", &["ssm", "start-session"], &["--document-name"]), opens_for("cf", &["ssh"], COMMAND), opens_for("railway", &["shell"], ALWAYS),
    opens_for("railway", &["connect"], ALWAYS),
    // Clients, and sign-in that opens a browser.
    opens_for("aws", &["sso", "login"], ALWAYS), opens_for("doctl", &["auth", "init"], &["-t", "--access-token"]), opens_for("npm", &["adduser"], ALWAYS),
    opens_for("gcloud", &["init"], ALWAYS), opens_for("eas", &["login"], ALWAYS), opens_for("expo", &["login"], &["-u", "--username"]),
    opens_for("dpkg-reconfigure", &[], &["-f", "--frontend", "-fnoninteractive"]),
];

/// Tells whether a command opens a console or a shell, or asks for a password.
pub(super) fn opens(command: &CommandUse) -> bool {
    if asks_for_password(command) || shell_in_task(command) || becomes_root(command) || encrypted(command) {
        return true;
    }
    let mut of_program = OPENS.iter().filter(|row| row.program == command.program).peekable();
    if of_program.peek().is_none() {
        return console_of_script(command);
    }
    let verbs = verbs(command);
    let answered = command.assignments.iter().any(|(name, _)| name == "DEBIAN_FRONTEND");
    of_program.any(|row| verbs.starts_with(row.verbs) && !has(command, row.unless) && !answered)
        && !has_input(command)
}

/// `python manage.py shell`, `bin/shop remote`.
fn console_of_script(command: &CommandUse) -> bool {
    let django = command.program.ends_with("manage.py") || command.program == "django-admin";
    let interpreted = matches!(command.program.as_str(), "python" | "python3");
    if !django && !interpreted && !command.program.contains("bin/") {
        return false;
    }
    let first = command.arguments.first().map_or("", String::as_str);
    let verb = if interpreted && first.ends_with("manage.py") {
        command.arguments.get(1).map_or("", String::as_str)
    } else if interpreted {
        ""
    } else {
        first
    };
    let waits = match verb {
        "shell" | "shell_plus" | "dbshell" => django || interpreted,
        // What a release of Erlang calls a shell at the running node.
        "remote" | "remote_console" => !django && command.arguments.len() == 1,
        _ => false,
    };
    waits && !has(command, &["-c", "--command", "--", "--help"]) && !has_input(command)
}

/// `mysql -p`: without a word joined to it the option means that the client asks, at the terminal also
/// where something else comes on its input.
fn asks_for_password(command: &CommandUse) -> bool {
    let exact = |options: &[&str]| command.arguments.iter().any(|a| options.contains(&a.as_str()));
    match command.program.as_str() {
        "mysql" | "mysqldump" | "mysqladmin" | "mysqlimport" | "mariadb" | "mariadb-dump"
        | "mariadb-admin" => exact(&["-p", "--password"]),
        "psql" | "pg_dump" | "pg_restore" | "pg_dumpall" | "createdb" | "dropdb" => {
            exact(&["-W", "--password"])
        }
        _ => false,
    }
}

/// `aws ecs execute-command … --command /bin/bash`.
fn shell_in_task(command: &CommandUse) -> bool {
    let is_shell = |text: &str| matches!(text.rsplit('/').next(), Some("bash" | "sh" | "zsh" | "ash"));
    command.program == "aws"
        && verbs(command).starts_with(&["ecs", "execute-command"])
        && command.arguments.windows(2).any(|pair| pair[0] == "--command" && is_shell(&pair[1]))
}

/// `sudo -i`: a shell of another user, in which the lines below do not run.
fn becomes_root(command: &CommandUse) -> bool {
    command.program == "sudo"
        && !has_input(command)
        && command.arguments.iter().any(|a| matches!(a.as_str(), "-i" | "-s" | "--login" | "--shell"))
}

/// `sops secrets.yaml` opens what it has decrypted in an editor.
fn encrypted(command: &CommandUse) -> bool {
    command.program == "sops"
        && matches!(&command.arguments[..], [file] if file.contains('.') && !file.starts_with('-'))
}
