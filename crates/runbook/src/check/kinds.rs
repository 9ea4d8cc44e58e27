//! What a command is for in a release: it deploys, migrates, saves, looks.
//!
//! Read from the program and its verbs. What is not known is none of these, so that a check
//! that rests on it stays silent.

use crate::shell::CommandUse;
pub(super) use crate::shell::only_reads;
use crate::words::Words;

/// What is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deploys {
    /// Something that answers requests afterwards.
    Service,
    /// Machines, networks, permissions.
    Infrastructure,
    /// Files or packages that others fetch.
    Package,
}

use Deploys::{Infrastructure, Package, Service};

/// Program, verbs that stand together, and what is deployed.
#[rustfmt::skip]
const DEPLOYS: &[(&str, &[&str], Deploys)] = &[
    ("kubectl", &["apply"], Service), ("kubectl", &["set", "image"], Service), ("kubectl", &["rollout", "restart"], Service),
    ("oc", &["apply"], Service), ("oc", &["rollout", "latest"], Service),
    ("helm", &["upgrade"], Service), ("helm", &["install"], Service), ("helmfile", &["apply"], Service), ("helmfile", &["sync"], Service),
    ("docker", &["stack", "deploy"], Service), ("docker", &["service", "update"], Service),
    ("firebase", &["deploy"], Service), ("fly", &["deploy"], Service), ("flyctl", &["deploy"], Service),
    ("gcloud", &["run", "deploy"], Service), ("gcloud", &["app", "deploy"], Service), ("gcloud", &["functions", "deploy"], Service),
    ("aws", &["ecs", "update-service"], Service), ("aws", &["lambda", "update-function-code"], Service),
    ("aws", &["lambda", "update-alias"], Service), ("aws", &["deploy", "create-deployment"], Service),
    ("aws", &["elasticbeanstalk", "update-environment"], Service), ("aws", &["s3", "sync"], Package),
    ("serverless", &["deploy"], Service), ("sls", &["deploy"], Service), ("sam", &["deploy"], Service), ("eb", &["deploy"], Service),
    ("az", &["webapp", "deploy"], Service), ("az", &["containerapp", "update"], Service), ("az", &["functionapp", "deployment"], Service),
    ("wrangler", &["deploy"], Service), ("wrangler", &["publish"], Service), ("nomad", &["job", "run"], Service), ("nomad", &["run"], Service),
    ("argocd", &["app", "sync"], Service), ("git", &["push", "heroku"], Service), ("heroku", &["container:release"], Service),
    ("heroku", &["pipelines:promote"], Service), ("cap", &["production", "deploy"], Service), ("vercel", &["promote"], Service),
    ("terraform", &["apply"], Infrastructure), ("tofu", &["apply"], Infrastructure), ("pulumi", &["up"], Infrastructure), ("cdk", &["deploy"], Infrastructure),
    ("npm", &["publish"], Package), ("cargo", &["publish"], Package), ("twine", &["upload"], Package), ("gem", &["push"], Package),
    ("kubectl", &["argo", "rollouts", "promote"], Service), ("kubectl", &["argo", "rollouts", "set", "image"], Service),
    ("kamal", &["deploy"], Service), ("kamal", &["redeploy"], Service), ("cf", &["push"], Service), ("railway", &["up"], Service),
    ("mina", &["deploy"], Service), ("dep", &["deploy"], Service), ("cap", &["deploy"], Service), ("dokku", &["ps:rebuild"], Service),
    ("dokku", &["git:from-image"], Service), ("git", &["push", "dokku"], Service), ("gcloud", &["run", "services", "update"], Service),
    ("gcloud", &["run", "services", "replace"], Service), ("az", &["webapp", "deployment", "slot", "swap"], Service), ("az", &["webapp", "up"], Service),
    ("aws", &["amplify", "start-job"], Service), ("doctl", &["apps", "create-deployment"], Service), ("skaffold", &["run"], Service),
    ("supabase", &["functions", "deploy"], Service), ("func", &["azure", "functionapp", "publish"], Service), ("faas-cli", &["deploy"], Service),
    ("faas-cli", &["up"], Service), ("chalice", &["deploy"], Service), ("zappa", &["update"], Service), ("zappa", &["deploy"], Service),
    ("sst", &["deploy"], Service), ("copilot", &["deploy"], Service), ("copilot", &["svc", "deploy"], Service), ("amplify", &["publish"], Service),
    ("deployctl", &["deploy"], Service), ("modal", &["deploy"], Service), ("convex", &["deploy"], Service), ("clever", &["deploy"], Service),
    ("scalingo", &["deploy"], Service), ("render", &["deploys", "create"], Service), ("databricks", &["bundle", "deploy"], Service),
    ("gcloud", &["deploy", "releases", "promote"], Service), ("pm2", &["deploy"], Service), ("nixos-rebuild", &["switch"], Service),
    ("eas", &["submit"], Package), ("fastlane", &["release"], Package), ("fastlane", &["deploy"], Package),
];

/// Returns the words of a command that are no options, at most the first twelve.
pub(super) fn words(command: &CommandUse) -> Vec<&str> {
    command.arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).take(12).collect()
}

/// Tells whether verbs stand together near the beginning: behind values of global options at most.
pub(super) fn has_words(command: &CommandUse, verbs: &[&str]) -> bool {
    // Most commands do not have the first of them, and need no list.
    let begins = verbs.first().is_some_and(|verb| command.arguments.iter().any(|word| word == verb));
    begins && words(command).windows(verbs.len()).take(4).any(|window| window == verbs)
}

/// The program without the folder that it was installed into: `vendor/bin/dep`.
pub(super) fn tool(command: &CommandUse) -> &str {
    command.program.rsplit('/').next().unwrap_or_default()
}

fn only_shows(command: &CommandUse) -> bool {
    command.arguments.iter().filter(|argument| argument.starts_with("--")).any(|argument| {
        ["--dry-run", "--help", "--check", "--diff", "--plan", "--no-execute-changeset", "--whatif"]
            .iter()
            .any(|option| argument.starts_with(option))
    })
}

/// Returns the action of a compose command: `up`, `down`, `pull`.
pub(super) fn compose(command: &CommandUse) -> Option<&str> {
    let is_compose = command.program == "docker-compose"
        || (matches!(command.program.as_str(), "docker" | "podman")
            && command.arguments.first().is_some_and(|a| a == "compose"));
    let actions =
        ["up", "down", "pull", "build", "stop", "start", "restart", "run", "exec", "logs", "ps", "rm"];
    is_compose
        .then(|| command.arguments.iter().find(|a| actions.contains(&a.as_str())).map(String::as_str))
        .flatten()
}

/// Returns what a command deploys.
pub(super) fn deploys(command: &CommandUse) -> Option<Deploys> {
    if only_shows(command) || command.place.quoted_program {
        return None;
    }
    if compose(command) == Some("up") {
        return Some(Service);
    }
    let to_production = command.arguments.iter().any(|a| a == "--prod" || a == "--production");
    if matches!(command.program.as_str(), "vercel" | "netlify") && to_production {
        return Some(Service);
    }
    if into_web_root(command) {
        return Some(Service);
    }
    if pushes_to_host(command) {
        return Some(Service);
    }
    let tool = tool(command);
    let row = DEPLOYS.iter().find(|(program, verbs, _)| tool == *program && has_words(command, verbs));
    if let Some((_, _, what)) = row {
        return Some(*what);
    }
    let playbook = command.program == "ansible-playbook";
    let name = own_name(command).or_else(|| playbook.then(|| words(command).join(" ")))?;
    let parts = parts(&name);
    let has = |list: &[&str]| parts.iter().any(|part| list.contains(&part.as_str()));
    let looks = has(&[
        "check",
        "checks",
        "test",
        "verify",
        "status",
        "rollback",
        "undo",
        "revert",
        "dry",
        "plan",
        "build",
        "logs",
        "notes",
        "list",
        "prepare",
        "preflight",
        "pre",
        "validate",
        "docs",
        "notify",
    ]);
    (has(&["deploy", "deployment", "rollout"]) && !looks).then_some(Service)
}

/// `git push https://git.heroku.com/app.git main`: the remote is written out.
fn pushes_to_host(command: &CommandUse) -> bool {
    const HOSTS: [&str; 5] =
        ["git.heroku.com", "heroku.com:", "dokku@", "scm.azurewebsites.net", "git.scalingo"];
    command.program == "git"
        && words(command).first() == Some(&"push")
        && command.arguments.iter().any(|remote| HOSTS.iter().any(|host| remote.contains(host)))
}

/// What is copied into the folder of a web server on another host is served at once; other copies
/// may be backups.
fn into_web_root(command: &CommandUse) -> bool {
    let remote = command.arguments.last().and_then(|target| target.split_once(':')).map(|(_, path)| path);
    command.program == "rsync"
        && !command.arguments.iter().any(|argument| argument == "-n")
        && remote.is_some_and(|path| {
            let mut folders = path.split('/');
            folders.any(|folder| matches!(folder, "www" | "html" | "htdocs" | "public_html"))
                && !["backup", "archive", "old"].iter().any(|word| path.contains(word))
        })
}

const INTERPRETERS: [&str; 7] = ["bash", "sh", "python", "python3", "node", "ruby", "php"];

/// Returns the name that a team gave to what runs: a script, a package script, a make target.
pub(super) fn own_name(command: &CommandUse) -> Option<String> {
    let first = || words(command).first().map(|word| (*word).to_owned());
    match command.program.as_str() {
        "npm" | "pnpm" | "yarn" | "bun" => {
            let words = words(command);
            let at = usize::from(words.first().is_some_and(|word| matches!(*word, "run" | "run-script")));
            words.get(at).map(|word| (*word).to_owned())
        }
        "make" | "just" | "task" | "rake" | "mage" | "invoke" | "composer" => first(),
        program if INTERPRETERS.contains(&program.rsplit('/').next().unwrap_or(program)) => {
            let file = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
            let script = first().filter(|word| word.contains(['/', '.']) || word == "artisan");
            script.map(|word| file(&word)).map(|word| {
                words(command)
                    .get(1)
                    .filter(|_| word.ends_with("manage.py") || word == "artisan")
                    .map_or(word.clone(), |verb| format!("{word} {verb}"))
            })
        }
        "rails" => first(),
        program if program.contains('/') || program.ends_with(".sh") => {
            Some(program.rsplit('/').next().unwrap_or(program).to_owned())
        }
        _ => None,
    }
}

fn parts(name: &str) -> Vec<String> {
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    parts.filter(|part| !part.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// Tools whose verbs apply migrations.
#[rustfmt::skip]
const MIGRATES: &[(&str, &[&str])] = &[
    ("prisma", &["migrate", "deploy"]), ("alembic", &["upgrade"]), ("flyway", &["migrate"]), ("liquibase", &["update"]),
    ("dbmate", &["up"]), ("goose", &["up"]), ("knex", &["migrate:latest"]), ("sequelize", &["db:migrate"]),
    ("sequelize-cli", &["db:migrate"]), ("typeorm", &["migration:run"]), ("sqlx", &["migrate", "run"]), ("atlas", &["migrate", "apply"]),
    ("supabase", &["db", "push"]), ("supabase", &["migration", "up"]), ("diesel", &["migration", "run"]), ("mix", &["ecto.migrate"]),
    ("rails", &["db:migrate"]), ("rake", &["db:migrate"]), ("dotnet", &["ef", "database", "update"]), ("drizzle-kit", &["migrate"]),
    ("flask", &["db", "upgrade"]), ("doctrine", &["migrations:migrate"]), ("migrate", &["up"]), ("php", &["artisan", "migrate"]),
    ("wp", &["core", "update-db"]), ("prisma", &["db", "push"]), ("drizzle-kit", &["push"]), ("phinx", &["migrate"]),
    ("drush", &["updatedb"]), ("drush", &["updb"]), ("node-pg-migrate", &["up"]), ("sqitch", &["deploy"]), ("hanami", &["db", "migrate"]),
    ("knex", &["migrate:up"]), ("rails", &["db:prepare"]), ("db-migrate", &["up"]), ("umzug", &["up"]),
];

/// Verbs that frameworks give to nothing else, whatever runs them: `bin/console`, `mvn`, `./gradlew`, `cap`.
#[rustfmt::skip]
static VERBS: Words = Words::new(&[
    "db:migrate", "migrations:migrate", "ecto.migrate", "migrate:latest", "migration:run", "migration:up", "deploy:migrate",
    "flyway:migrate", "flywaymigrate", "liquibase:update", "setup:upgrade", "release.migrate",
]);

/// A word that is one of them as a whole, or with a prefix or a suffix of its own: `doctrine:migrations:migrate`.
fn has_own_verb(command: &CommandUse) -> bool {
    const SPEAK: [&str; 14] = [
        "echo",
        "printf",
        "git",
        "grep",
        "cat",
        "ssh",
        "docker",
        "docker-compose",
        "kubectl",
        "bash",
        "sh",
        "heroku",
        "gh",
        "",
    ];
    const LOOKS: [&str; 10] = [
        "status",
        "rollback",
        "undo",
        "down",
        "revert",
        "redo",
        "reset",
        "list",
        "version",
        "abort_if_pending",
    ];
    !SPEAK.contains(&command.program.as_str())
        && command.arguments.iter().take(12).any(|argument| {
            // Each of them has a colon or a dot but one.
            (argument.contains([':', '.']) || argument.eq_ignore_ascii_case("flywayMigrate"))
                && VERBS.any_in(argument)
                && !LOOKS.iter().any(|look| argument.contains(look))
                && !argument.starts_with("--")
        })
}

/// Tells whether a command applies migrations to a database.
pub(super) fn migrates(command: &CommandUse) -> bool {
    applies(command) && !only_shows(command)
}

fn applies(command: &CommandUse) -> bool {
    let tool = tool(command);
    if MIGRATES.iter().any(|(program, verbs)| tool == *program && has_words(command, verbs))
        || has_own_verb(command)
        || starts_job(command)
        || is_own_manager(command)
    {
        return true;
    }
    if matches!(command.program.as_str(), "psql" | "mysql" | "mariadb" | "sqlcmd") {
        let files = command.arguments.iter().chain(command.redirects.iter().map(|redirect| &redirect.target));
        return files
            .filter(|file| file.ends_with(".sql"))
            .any(|file| file.to_lowercase().contains("migration"));
    }
    let Some(name) = own_name(command) else { return false };
    let parts = parts(&name);
    let looks = [
        "status", "check", "list", "plan", "create", "generate", "test", "rollback", "down", "undo", "make",
        "dry", "dev", "verify", "validate", "revert", "reset",
    ];
    parts.iter().any(|part| matches!(part.as_str(), "migrate" | "migrations" | "migration"))
        && !parts.iter().any(|part| looks.contains(&part.as_str()))
        && !words(command).iter().any(|word| matches!(*word, "status" | "down" | "rollback" | "list"))
}

/// `venv/bin/shop-manage migrate`: the application's own program with the verb that frameworks have for it.
fn is_own_manager(command: &CommandUse) -> bool {
    const LOOKS: [&str; 8] = ["--check", "--plan", "--list", "status", "down", "rollback", "zero", "--fake"];
    let tool = tool(command);
    let own = command.program.contains('/')
        || ["manage", "admin", "ctl", "-cli"].iter().any(|ending| tool.ends_with(ending));
    own && command.arguments.first().is_some_and(|verb| matches!(verb.as_str(), "migrate" | "migrations:run"))
        && !command.arguments.iter().any(|argument| LOOKS.contains(&argument.as_str()))
}

/// A job or a task of the cluster that is called after a migration.
fn starts_job(command: &CommandUse) -> bool {
    let starts = match command.program.as_str() {
        "kubectl" | "oc" => has_words(command, &["apply"]) || has_words(command, &["create", "job"]),
        "aws" => has_words(command, &["ecs", "run-task"]),
        "gcloud" => has_words(command, &["run", "jobs", "execute"]),
        _ => false,
    };
    let mut names = command.arguments.iter().filter(|argument| starts && !argument.starts_with('-'));
    names.any(|name| {
        parts(name).iter().any(|part| matches!(part.as_str(), "migrate" | "migration" | "migrations"))
    })
}

/// Tells whether a command makes a copy of data.
pub(super) fn saves(command: &CommandUse) -> bool {
    let text = command.text.to_lowercase();
    dumps(command)
        || text.contains("snapshot")
        || text.contains("backup")
        || (command.program == "supabase" && has_words(command, &["db", "dump"]))
        || (command.program == "wp" && has_words(command, &["db", "export"]))
}

/// Tells whether a program is there for nothing but copies of data.
pub(super) fn dumps(command: &CommandUse) -> bool {
    matches!(
        command.program.as_str(),
        "pg_dump"
            | "pg_dumpall"
            | "mysqldump"
            | "mariadb-dump"
            | "mongodump"
            | "pg_basebackup"
            | "xtrabackup"
            | "pgbackrest"
            | "wal-g"
            | "barman"
            | "velero"
            | "restic"
            | "borg"
            | "sqlpackage"
    )
}

/// Tells whether a command brings files to another place.
pub(super) fn copies(command: &CommandUse) -> bool {
    match command.program.as_str() {
        "scp" | "rsync" | "rclone" | "azcopy" => true,
        "aws" => {
            has_words(command, &["s3", "cp"])
                || has_words(command, &["s3", "mv"])
                || has_words(command, &["s3", "sync"])
        }
        "gsutil" => words(command).iter().any(|word| matches!(*word, "cp" | "mv" | "rsync")),
        "docker" | "podman" => has_words(command, &["push"]),
        _ => false,
    }
}

/// Tells whether a command looks whether what was deployed works.
pub(super) fn looks(command: &CommandUse) -> bool {
    let waits = ["--wait", "--atomic", "--wait-for-jobs"];
    if command.arguments.iter().any(|argument| waits.contains(&argument.as_str())) {
        return true;
    }
    match command.program.as_str() {
        // What is sent to a chat or a purge looks at nothing.
        "curl" => only_reads(command),
        "systemctl" => ["status", "is-active", "is-failed", "show", "list-units"]
            .iter()
            .any(|verb| words(command).contains(verb)),
        "wget" | "http" | "nc" | "k6" | "hey" | "ab" | "newman" | "cypress" | "playwright" | "openssl"
        | "journalctl" => true,
        "kubectl" | "oc" => ["get", "describe", "logs", "wait", "status", "top"]
            .iter()
            .any(|verb| words(command).contains(verb)),
        "docker" | "docker-compose" | "podman" => {
            ["ps", "logs", "inspect", "exec"].iter().any(|verb| words(command).contains(verb))
        }
        "grpcurl" | "xh" | "https" | "hurl" | "pg_isready" | "artillery" | "wscat" | "pytest" => true,
        "pm2" => ["status", "list", "ls", "show", "describe", "logs", "jlist"]
            .iter()
            .any(|verb| words(command).contains(verb)),
        "heroku" => matches!(words(command).first(), Some(&"ps" | &"logs" | &"run")),
        "fly" | "flyctl" | "vercel" | "netlify" | "eb" | "cf" | "railway" => {
            ["status", "checks", "logs", "health", "inspect", "app"]
                .iter()
                .any(|verb| words(command).contains(verb))
        }
        "gcloud" | "az" | "doctl" => ["describe", "show", "list", "read", "tail", "get"]
            .iter()
            .any(|verb| words(command).contains(verb)),
        "helm" => ["status", "test"].iter().any(|verb| words(command).contains(verb)),
        "aws" => words(command).iter().any(|word| {
            ["describe", "get-", "list", "wait", "invoke", "logs"].iter().any(|look| word.starts_with(look))
        }),
        _ if words(command).contains(&"status") => true,
        _ => own_name(command).is_some_and(|name| {
            parts(&name).iter().any(|part| {
                [
                    "check",
                    "checks",
                    "test",
                    "tests",
                    "verify",
                    "health",
                    "healthcheck",
                    "smoke",
                    "status",
                    "validate",
                    "e2e",
                    "monitor",
                ]
                .contains(&part.as_str())
            })
        }),
    }
}
