//! Sees through programs that only run another one: `sudo`, `env`, `ssh host`, `bash -c`,
//! `docker compose run`, `npx`, `xargs`, …

/// What stands behind a wrapper.
pub(super) enum Inside {
    /// Nothing: the command itself acts.
    Itself,
    /// The same command with the wrapper taken off; the wrapper alone means nothing.
    Rest {
        /// As shown to a person: `sudo`, `timeout`.
        wrapper: String,
        /// Index of the first word of the inner command.
        from: usize,
    },
    /// A command that runs elsewhere or later; the wrapper is a command as well.
    Also {
        /// `docker compose run`, `kubectl exec`, `find -exec`.
        wrapper: String,
        /// Index of the first word of the inner command.
        from: usize,
    },
    /// A script in one word or several: `bash -c`, `ssh host`.
    Script {
        /// `bash -c` or `ssh`.
        wrapper: String,
        /// The text.
        script: String,
        /// The host that it runs on.
        host: Option<String>,
    },
}

/// Takes one wrapper off. `words[0]` is the program without its folder.
pub(super) fn unwrap(words: &[String]) -> Inside {
    let Some(program) = words.first().map(String::as_str) else { return Inside::Itself };
    match program {
        "sudo" | "doas" => rest(words, &["-u", "-g", "-h", "-p", "-C", "-r", "-t", "-U"]),
        "env" => rest(words, &["-u", "-C", "-S"]),
        "nice" => rest(words, &["-n"]),
        "ionice" => rest(words, &["-c", "-n"]),
        "stdbuf" => rest(words, &["-i", "-o", "-e"]),
        "flock" => counted(words, &["-w", "-E", "--timeout"], 1),
        // `command -v tool` only asks where it is.
        "command" if words.get(1).is_some_and(|word| matches!(word.as_str(), "-v" | "-V")) => Inside::Itself,
        "time" | "nohup" | "command" | "exec" | "builtin" | "setsid" | "caffeinate" | "unbuffer" => {
            rest(words, &["-f", "-o", "-a"])
        }
        "timeout" | "gtimeout" => counted(words, &["-s", "-k", "--signal", "--kill-after"], 1),
        "chroot" => counted(words, &[], 1),
        "xargs" => rest(
            words,
            &["-I", "-n", "-P", "-L", "-d", "-s", "-E", "-a", "--max-args", "--max-procs", "--delimiter"],
        ),
        "watch" => rest(words, &["-n", "--interval"]),
        "npx" | "bunx" | "pipx" | "uvx" => runner(words, 1),
        "op" | "doppler" | "dotenv" | "infisical" | "aws-vault" | "chamber" | "sops" | "vault" => {
            after_dashes(words)
        }
        "bundle" | "poetry" | "uv" | "pipenv" | "hatch" | "rye" | "mise" | "direnv" | "pixi" => {
            verb(words, &["exec", "run"])
        }
        // `pnpm prisma …` and `yarn prisma …` run the program of a package.
        "pnpm" | "yarn" if words.get(1).is_some_and(|word| TOOLS.contains(&word.as_str())) => {
            Inside::Rest { wrapper: words[0].clone(), from: 1 }
        }
        "pnpm" | "npm" | "yarn" | "bun" => verb(words, &["exec", "dlx", "x"]),
        "bash" | "sh" | "zsh" | "dash" | "ksh" | "su" => script(words),
        "eval" => Inside::Script { wrapper: "eval".to_owned(), script: words[1..].join(" "), host: None },
        "ssh" => ssh(words),
        "docker" | "podman" | "docker-compose" | "nerdctl" => container(words),
        "kubectl" | "oc" => after_dashes_of(words, &["exec", "run", "debug"]),
        "heroku" | "fly" | "flyctl" | "railway" | "dokku" | "kamal" | "cf" | "eb" | "gcloud" => {
            super::hosted::unwrap(words)
        }
        // `python -m alembic` is Alembic's own program.
        "python" | "python3"
            if words.get(1).is_some_and(|word| word == "-m")
                && words.get(2).is_some_and(|word| MODULES.contains(&word.as_str())) =>
        {
            Inside::Rest { wrapper: words[0].clone(), from: 2 }
        }
        "find" => find(words),
        _ => Inside::Itself,
    }
}

/// Programs that packages bring and that no script of a project is called after.
const TOOLS: [&str; 10] = [
    "prisma",
    "next",
    "vercel",
    "wrangler",
    "supabase",
    "drizzle-kit",
    "knex",
    "sequelize",
    "typeorm",
    "firebase",
];

/// Modules of Python that are programs of their own.
const MODULES: [&str; 6] = ["alembic", "twine", "flask", "celery", "gunicorn", "uvicorn"];

/// Options that take a value in the next word, for `ssh`.
const SSH_VALUES: [&str; 20] = [
    "-b", "-c", "-D", "-E", "-e", "-F", "-I", "-i", "-J", "-L", "-l", "-m", "-O", "-o", "-p", "-Q", "-R",
    "-S", "-W", "-w",
];

/// Splits an `ssh` command into the target and the index after it.
pub(super) fn ssh_target(words: &[String]) -> Option<(usize, &str)> {
    let at = skip_options(words, 1, &SSH_VALUES);
    words.get(at).map(|target| (at, target.as_str()))
}

fn ssh(words: &[String]) -> Inside {
    let Some((at, target)) = ssh_target(words) else { return Inside::Itself };
    // A command may follow directly or after options that stand behind the host.
    let from = skip_options(words, at + 1, &SSH_VALUES);
    if from >= words.len() {
        return Inside::Itself;
    }
    Inside::Script {
        wrapper: "ssh".to_owned(),
        script: words[from..].join(" "),
        host: Some(target.to_owned()),
    }
}

fn script(words: &[String]) -> Inside {
    let flag =
        words.iter().position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'));
    match flag.and_then(|at| words.get(at + 1)) {
        Some(text) => {
            Inside::Script { wrapper: format!("{} -c", words[0]), script: text.clone(), host: None }
        }
        None => Inside::Itself,
    }
}

/// Tells whether a command is a shell without a script of its own: it runs what it is given to read.
pub(super) fn shell_that_reads(words: &[String]) -> bool {
    let Some((program, arguments)) = words.split_first() else { return false };
    match program.as_str() {
        "bash" | "sh" | "zsh" | "dash" | "ksh" => {
            // What stands behind `-s` is given to the script.
            let mut own = arguments.iter().take_while(|word| *word != "-s");
            own.all(|word| word.starts_with(['-', '+']) || word == "/dev/stdin" || word == "pipefail")
                && !arguments.iter().any(|word| word == "--version")
        }
        "su" => true,
        _ => false,
    }
}

fn rest(words: &[String], with_value: &[&str]) -> Inside {
    counted(words, with_value, 0)
}

/// Skips options, assignments and `positional` words.
fn counted(words: &[String], with_value: &[&str], positional: usize) -> Inside {
    let from = skip_options(words, 1, with_value);
    let from = skip_options(words, from + positional, with_value);
    let from = from + words.iter().skip(from).take_while(|word| is_assignment(word)).count();
    if from >= words.len() {
        return Inside::Itself;
    }
    Inside::Rest { wrapper: words[0].clone(), from }
}

fn runner(words: &[String], start: usize) -> Inside {
    let from = skip_options(words, start, &["-p", "--package", "-c"]);
    if from < words.len() { Inside::Rest { wrapper: words[0].clone(), from } } else { Inside::Itself }
}

fn verb(words: &[String], verbs: &[&str]) -> Inside {
    let at = skip_options(words, 1, &["--filter", "-F", "-C", "--dir", "--workspace", "-w", "--prefix"]);
    let is_verb = words.get(at).is_some_and(|word| verbs.contains(&word.as_str()));
    let Some(from) = is_verb.then(|| skip_options(words, at + 1, &["--group", "--with", "--python"])) else {
        return Inside::Itself;
    };
    // `uv run x` and `poetry run x` run programs; so does `npm exec -- x`.
    let from = from + usize::from(words.get(from).is_some_and(|word| word == "--"));
    if from < words.len() {
        Inside::Rest { wrapper: format!("{} {}", words[0], words[at]), from }
    } else {
        Inside::Itself
    }
}

pub(super) fn after_dashes(words: &[String]) -> Inside {
    match words.iter().position(|word| word == "--") {
        Some(at) if at + 1 < words.len() => Inside::Also { wrapper: words[0].clone(), from: at + 1 },
        _ => Inside::Itself,
    }
}

fn after_dashes_of(words: &[String], verbs: &[&str]) -> Inside {
    if words.iter().skip(1).take(6).any(|word| verbs.contains(&word.as_str())) {
        after_dashes(words)
    } else {
        Inside::Itself
    }
}

/// `docker [compose …] run|exec [options] NAME COMMAND…`
fn container(words: &[String]) -> Inside {
    const VALUES: [&str; 30] = [
        "-f",
        "--file",
        "-p",
        "--project-name",
        "--profile",
        "--env-file",
        "--project-directory",
        "-c",
        "--context",
        "-H",
        "--host",
        "-e",
        "--env",
        "-u",
        "--user",
        "-w",
        "--workdir",
        "-v",
        "--volume",
        "--name",
        "--network",
        "--entrypoint",
        "--platform",
        "-l",
        "--label",
        "--mount",
        "--publish",
        "--index",
        "-m",
        "--memory",
    ];
    let mut at = skip_options(words, 1, &VALUES);
    if words.get(at).is_some_and(|word| word == "compose") {
        at = skip_options(words, at + 1, &VALUES);
    }
    if words.get(at).is_some_and(|word| word == "container") {
        at += 1;
    }
    let Some(action) = words.get(at).filter(|word| matches!(word.as_str(), "run" | "exec")) else {
        return Inside::Itself;
    };
    let name = skip_options(words, at + 1, &VALUES);
    let from = name + 1;
    if from >= words.len() {
        return Inside::Itself;
    }
    Inside::Also { wrapper: format!("{} {action}", words[0]), from }
}

fn find(words: &[String]) -> Inside {
    match words.iter().position(|word| matches!(word.as_str(), "-exec" | "-execdir" | "-ok")) {
        Some(at) if at + 1 < words.len() => Inside::Also { wrapper: "find -exec".to_owned(), from: at + 1 },
        _ => Inside::Itself,
    }
}

/// Returns the index of the first word from `at` that is no option and no option's value.
pub(super) fn skip_options(words: &[String], mut at: usize, with_value: &[&str]) -> usize {
    while let Some(word) = words.get(at) {
        if word == "--" {
            return at + 1;
        }
        if !word.starts_with('-') || word == "-" {
            return at;
        }
        at += if with_value.contains(&word.as_str()) { 2 } else { 1 };
    }
    at.min(words.len())
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    })
}
