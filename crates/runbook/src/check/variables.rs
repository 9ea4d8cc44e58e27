//! T211, T214, T216: variables that are empty, split, or never looked at.

use std::collections::{BTreeSet, HashMap};

use crate::diagnostic::Severity;
use crate::faults::nearest;
use crate::names;
use crate::shell::{CommandUse, VariableSet};

use super::flow::Flow;
use super::hosts;
use super::page::{Finding, Given, Page, Script, position, short};

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>, flow: &Flow) {
    let mut found = Vec::new();
    let mut told = BTreeSet::new();
    for (at, script) in page.scripts.iter().enumerate().filter(|(_, script)| !script.inline) {
        split_paths(script, &mut found);
        hosts::check(page, flow, at, &mut told, &mut found);
        never_set(page, flow, at, &mut told, &mut found);
        unused_loop_variable(script, &mut found);
        same_each_turn(script, &mut found);
        unread_status(script, flow, &mut found);
    }
    for script in page.scripts.iter().filter(|script| script.given == Given::Person) {
        hosts::folder_of_a_session(script, &mut found);
    }
    hosts::behind_prompts(page, flow, &mut found);
    found.into_iter().for_each(|finding| page.report(finding));
}

/// The first path of a command that a shell splits, and the variable in it.
pub(super) fn split_path<'s>(script: &Script<'_>, command: &'s CommandUse) -> Option<(&'s str, &'s str)> {
    command.unquoted.iter().find_map(|(at, name)| {
        let argument = command.arguments.get(*at).filter(|argument| is_path(argument, name))?;
        (!stays_one_word(script, name)).then_some((argument.as_str(), name.as_str()))
    })
}

/// T211: a path that falls apart at a blank, or is gone when the variable is empty.
fn split_paths(script: &Script<'_>, found: &mut Vec<Finding>) {
    for command in script.commands() {
        let severity = match command.program.as_str() {
            "rm" | "mv" | "rsync" | "chown" | "chmod" | "dd" | "truncate" | "shred" => Severity::Warning,
            "cp" | "tar" | "cd" | "ln" | "gzip" | "unzip" | "scp" | "mkdir" | "rmdir" => Severity::Note,
            _ => continue,
        };
        let Some((argument, name)) = split_path(script, command) else { continue };
        found.push(script.on(
            "T211",
            severity,
            command,
            if command.program == "rm" && argument.contains('/') {
                format!("`{}` is split at every blank in `${name}`, and names the folder around it when `${name}` is empty", short(argument))
            } else {
                format!(
                    "`{}` is split at every blank in `${name}`: `{}` then acts on other paths than this one",
                    short(argument),
                    command.program
                )
            },
            "put it between double quotes; `\"${NAME:?}\"` also stops when it is empty",
        ));
    }
}

/// A path, or for what deletes, anything: `$DIR/x`, `/srv/$APP`, `$DIR`.
fn is_path(argument: &str, name: &str) -> bool {
    let folder = ["DIR", "PATH", "FILE", "FOLDER", "ROOT", "HOME"];
    !argument.starts_with('-')
        && (argument.contains('/') || folder.iter().any(|part| name.to_uppercase().contains(part)))
}

/// As [`is_one_word`], told once for each name.
fn stays_one_word(script: &Script<'_>, name: &str) -> bool {
    let known = script.one_word.borrow().get(name).copied();
    known.unwrap_or_else(|| {
        let stays = is_one_word(script, name);
        script.one_word.borrow_mut().insert(name.to_owned(), stays);
        stays
    })
}

/// Numbers, versions, times and literals without blanks stay one word.
fn is_one_word(script: &Script<'_>, name: &str) -> bool {
    let upper = name.to_uppercase();
    let known = [
        "VERSION",
        "STAMP",
        "TAG",
        "SHA",
        "DATE",
        "TIME",
        "COUNT",
        "NUM",
        "PORT",
        "PID",
        "ID",
        "ENV",
        "ENVIRONMENT",
    ];
    if known.iter().any(|part| upper.split('_').any(|word| word == *part)) || name == "HOME" {
        return true;
    }
    let values: Vec<&VariableSet> = script.survey.assigned.iter().filter(|set| set.name == name).collect();
    let literal = |value: &str| {
        !value.is_empty()
            && !value.contains(char::is_whitespace)
            && (!value.contains(['$', '`']) || value.contains("$(date"))
    };
    let in_loop = script.survey.loops.iter().any(|l| {
        l.variable.as_deref() == Some(name) && l.values.iter().all(|value| !value.contains(['*', '$', '`']))
    });
    in_loop
        || (!values.is_empty() && values.iter().all(|set| literal(&set.value) || without_blanks(&set.value)))
}

/// A value made of words that are one word each: `/srv/$APP/$(date +%s)`.
fn without_blanks(value: &str) -> bool {
    let outside = value.split("$(").map(|part| part.rsplit(')').next().unwrap_or(part)).collect::<String>();
    value.contains("$(date") && !outside.contains(char::is_whitespace)
}

/// What tminus gives to the steps that it runs here.
pub(super) const GIVEN: [&str; 9] = [
    "RELEASE_ID",
    "RUN_STAMP",
    "RUN_OUT",
    "VERSION",
    "PREVIOUS_VERSION",
    "ENVIRONMENT",
    "URL",
    "TAKEN_BACK",
    "STANDING",
];

/// Variables that a shell or tminus always has.
#[rustfmt::skip]
pub(super) const ALWAYS: [&str; 40] = [
    "HOME", "PATH", "USER", "PWD", "OLDPWD", "SHELL", "HOSTNAME", "RANDOM", "SECONDS", "LINENO", "UID", "EUID",
    "LANG", "TERM", "TMPDIR", "EDITOR", "LOGNAME", "IFS", "PIPESTATUS", "BASH_SOURCE", "FUNCNAME", "REPLY", "PPID",
    "RELEASE_ID", "RUN_STAMP", "RUN_OUT", "VERSION", "PREVIOUS_VERSION", "ENVIRONMENT", "URL", "TAKEN_BACK", "STANDING",
    "OPTARG", "OPTIND", "CI", "DISPLAY", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "EPOCHSECONDS", "BASH_VERSION",
];

/// Names that come from outside by custom: credentials, addresses, what a build server sets.
pub(super) fn comes_from_outside(name: &str) -> bool {
    // What says where, and not as whom, comes from outside when the name ends with it: `AWS_REGION`.
    const LAST: [&str; 6] = ["HOST", "PORT", "REGION", "PROFILE", "ACCOUNT", "EMAIL"];
    const PARTS: [&str; 15] = [
        "TOKEN",
        "KEY",
        "SECRET",
        "PASSWORD",
        "PASS",
        "PASSWD",
        "URL",
        "URI",
        "DSN",
        "USER",
        "DB",
        "DATABASE",
        "CREDENTIALS",
        "WEBHOOK",
        "KUBECONFIG",
    ];
    const FRONTS: [&str; 17] = [
        "AWS_", "GITHUB_", "GITLAB_", "CI_", "AZURE_", "ARM_", "GCP_", "GOOGLE_", "TF_", "DOCKER_", "NPM_",
        "PG", "CIRCLE_", "BUILD_", "RUNNER_", "VAULT_", "HEROKU_",
    ];
    ALWAYS.contains(&name)
        || FRONTS.iter().any(|front| name.starts_with(front))
        || name.split('_').any(|part| PARTS.contains(&part))
        || name.rsplit('_').next().is_some_and(|last| LAST.contains(&last))
        || name.chars().any(|c| c.is_ascii_lowercase()) && name.len() == 1
}

/// How many names are looked for in the text; each one costs a reading of it.
pub(super) const MOST_NAMES: usize = 300;

/// T214: a variable that nothing in the document sets.
fn never_set(page: &Page<'_>, flow: &Flow, at: usize, told: &mut BTreeSet<String>, found: &mut Vec<Finding>) {
    let script = &page.scripts[at];
    for read in &script.survey.uses {
        let name = read.name.as_str();
        if read.has_default
            || read.remote
            || read.contained
            || read.set_before
            || comes_from_outside(name)
            || page.bound.contains(name)
            || page.known.contains(name)
            || script.survey.ssh_host.is_some()
            || flow.set.contains_key(name)
            || told.contains(name)
        {
            continue;
        }
        // Each name is looked for once; a document with more names than this is none that people wrote.
        if told.len() >= MOST_NAMES {
            return;
        }
        told.insert(name.to_owned());
        let defaulted = script.survey.variables_defaulted.iter().any(|defaulted| defaulted == name);
        if defaulted || said_in_prose(page, name) {
            continue;
        }
        let near = nearest(name, flow.set.keys().map(String::as_str))
            .filter(|near| is_slip(name, near) && !flow.read.contains(*near));
        let (severity, message) = match near {
            Some(near) => {
                (Severity::Warning, format!("`${name}` is never set; `{near}` is, and nothing reads it"))
            }
            None => (
                Severity::Note,
                format!(
                    "`${name}` is set nowhere in this document: whether it is there depends on who runs it"
                ),
            ),
        };
        found.push(script.at(
            "T214",
            severity,
            read.position,
            message,
            format!("declare it (`inputs: {{ {name}: '…' }}`), set it in a block before, or write `${{{name}:?}}` so that the step stops when it is missing"),
        ));
    }
}

/// A long name and one that differs in a letter or two.
fn is_slip(name: &str, near: &str) -> bool {
    name.len() >= 5
        && !name.eq_ignore_ascii_case("")
        && name.split('_').count() == near.split('_').count()
        && name.chars().next() == near.chars().next()
        && name.chars().last().is_some_and(|last| !last.is_ascii_digit())
}

/// The text says something about the variable, such as that it must be exported before.
pub(super) fn said_in_prose(page: &Page<'_>, name: &str) -> bool {
    let mut from = 0;
    while let Some(offset) = page.document.get(from..).and_then(|rest| rest.find(name)) {
        let start = from + offset;
        from = start + name.len();
        let before = page.document[..start].chars().next_back();
        let after = page.document[from..].chars().next();
        let whole = !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$' || c == '{')
            && !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        if whole {
            return true;
        }
    }
    false
}

/// T216: a loop that does the same thing each time.
fn unused_loop_variable(script: &Script<'_>, found: &mut Vec<Finding>) {
    for repeated in &script.survey.loops {
        let Some(variable) = &repeated.variable else { continue };
        let counts = repeated.values.iter().all(|value| {
            value.chars().all(|c| c.is_ascii_digit()) || value.starts_with('{') || value.contains("seq ")
        });
        let commands = &script.commands()[repeated.commands.clone()];
        let uses = &script.survey.uses;
        let first = uses.partition_point(|read| read.position.start < repeated.position.start);
        let reads = uses[first..]
            .iter()
            .take_while(|read| read.position.start <= repeated.position.end)
            .any(|read| read.name == *variable && read.position.end <= repeated.position.end);
        // A script inside a word may read it in a way that is not seen here.
        let hidden = commands.iter().any(|command| {
            command.text.contains(&format!("${variable}"))
                || command.text.contains(&format!("{{{variable}"))
                || command.program == "eval"
        });
        let whole = repeated.position.end > repeated.position.start;
        if whole
            && !counts
            && !reads
            && !hidden
            && !commands.is_empty()
            && variable != "_"
            && repeated.values.len() > 1
        {
            found.push(script.on(
                "T216",
                Severity::Warning,
                &commands[0],
                format!(
                    "the loop never reads `${variable}`: the same is done {} times",
                    repeated.values.len()
                ),
                format!("use `\"${variable}\"` in the body"),
            ));
        }
    }
}

/// T216: one line of a loop over hosts names one of them and not the variable: each turn does it there.
fn same_each_turn(script: &Script<'_>, found: &mut Vec<Finding>) {
    for repeated in &script.survey.loops {
        let Some(variable) = &repeated.variable else { continue };
        let values = &repeated.values;
        // Numbers and short words may mean something else in a command.
        let named = |value: &String| {
            value.len() > 2
                && !value.contains(['$', '*', '{', ' '])
                && value.contains(|c: char| c.is_ascii_alphabetic())
        };
        if !(2..=MOST_NAMES).contains(&values.len()) || !values.iter().all(named) {
            continue;
        }
        let body = &script.commands()[repeated.commands.clone()];
        let reads = [format!("${variable}"), format!("${{{variable}")];
        let reads = |command: &CommandUse| reads.iter().any(|form| command.text.contains(form.as_str()));
        // Who compares the variable does something else for one of them on purpose.
        let compares = body
            .iter()
            .any(|command| reads(command) && matches!(command.program.as_str(), "test" | "[" | "[["))
            || script.text.contains("case ");
        if compares || !body.iter().any(reads) {
            continue;
        }
        let of = |text: &str| {
            text.split(['@', ':', '/', '=', ',']).any(|part| values.iter().any(|value| value == part))
        };
        let fixed = body.iter().find(|command| {
            let acts = matches!(
                command.program.as_str(),
                "ssh"
                    | "scp"
                    | "rsync"
                    | "curl"
                    | "kubectl"
                    | "oc"
                    | "helm"
                    | "docker"
                    | "systemctl"
                    | "ansible"
                    | "aws"
                    | "gcloud"
                    | "az"
                    | "fly"
                    | "heroku"
                    | "psql"
                    | "mysql"
            ) || command.host.is_some();
            acts && !reads(command)
                && !command.place.condition
                && (command.host.as_deref().is_some_and(of)
                    || command.arguments.iter().any(|argument| of(argument)))
        });
        if let Some(command) = fixed {
            found.push(script.on(
                "T216",
                Severity::Warning,
                command,
                format!("this line of the loop never reads `${variable}`: each of the {} turns does the same here, and the others are left out", values.len()),
                format!("use `${{{variable}}}` here as well"),
            ));
        }
    }
}

/// T216: a status that was kept and that nobody looks at.
fn unread_status(script: &Script<'_>, flow: &Flow, found: &mut Vec<Finding>) {
    let mut read: HashMap<&str, bool> = HashMap::new();
    for set in script.survey.assigned.iter().filter(|set| set.value == "$?" || set.value == "${?}") {
        if flow.read.contains(&set.name) || set.remote || read.len() >= MOST_NAMES {
            continue;
        }
        if *read.entry(&set.name).or_insert_with(|| page_name_is_read(script, &set.name)) {
            continue;
        }
        found.push(script.on_line(
            "T216",
            Severity::Warning,
            set.line,
            format!(
                "the status is kept in `{}`, and nothing looks at it: a failure goes by unseen",
                set.name
            ),
            format!("`[ \"${}\" -eq 0 ] || exit 1`, or let the command itself end the step", set.name),
        ));
    }
}

/// Read inside text that the grammar does not open, such as arithmetic.
fn page_name_is_read(script: &Script<'_>, name: &str) -> bool {
    let assigned = script.text.matches(&format!("{name}=")).count();
    script.text.matches(name).count() > assigned
}

impl Script<'_> {
    /// Tells whether what is not handed on to later phases is lost between two blocks.
    pub(super) fn shell_differs(&self, later: &Script<'_>) -> bool {
        self.phase.is_some()
            && later.phase.is_some()
            && self.phase != later.phase
            && self.annotated
            && later.annotated
    }

    /// The place of a command, for other files of the checker.
    pub(super) fn lines_of(&self, command: &CommandUse) -> u32 {
        self.place(position(command).line, 1).0
    }
}

/// Names that settings give to steps.
pub(super) fn known_names(settings: &crate::settings::Settings) -> BTreeSet<String> {
    let variables = settings.environments.iter().flat_map(|e| e.variables.keys().chain(e.secrets.keys()));
    let inputs = settings.inputs.iter().map(|input| &input.name);
    let choices = settings.choices.keys().map(|name| names::variable(name));
    variables.chain(settings.secrets.keys()).chain(inputs).cloned().chain(choices).collect()
}
