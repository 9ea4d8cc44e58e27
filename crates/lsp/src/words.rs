//! One line about each word of the language: what completion and hover show beside it.
//!
//! The lists themselves are the parser's (`runbook::attributes`); a test holds the two together.

/// Says what a class of a fence means.
pub(crate) fn class(name: &str) -> &'static str {
    match name {
        "check" => "changes nothing, may be repeated; limit 10 minutes; run again after a crash",
        "undo" => "runs only as the undo of another step",
        "manual" => "a person does it",
        "example" => "never runs",
        "parallel" => "open together with the .parallel fences beside it",
        "must-fail" => "HTTP: passes when an answer comes that does not meet the conditions",
        "approval" => "a recorded yes of several people: ask, quorum, expires, only",
        "soak" => "a timed wait while rules are watched: for, while, rules, on_breach",
        "watch" => "rules are watched for a time; the steps after it go on: for, while, rules, on_breach",
        "choice" => "one of several ways, answered before the release starts: ask, options",
        "notify" => "a message: to, when",
        "backup" => "a checked copy of a database: db, to, verify, keep, encrypt",
        "restore" => {
            "a database put back to a backup, after a yes for what is lost: db, file, encrypt, quorum, expires, starter_may_approve"
        }
        "migrate" => {
            "what changes a database, each once: db, apply, undo, tool, run, history, integrity, lock_timeout, statement_timeout, dry_run_on, baseline"
        }
        "deploy" => {
            "services or a site that move to another version, with their way back: target, services, apply, env_file, set, within, strategy, drain, admit; blue_green, serving, switch; from, to, name, keep, serve, url, expect; deploy, rollback, verify, live, version"
        }
        "job" => "a Job of a Kubernetes cluster, made once for each release: file, set, within",
        "workflow" => {
            "a run of GitHub Actions or a pipeline of GitLab, dispatched once and followed: provider, repo, workflow, ref, inputs, undo, marker, within, token, only"
        }
        "tag" => "an annotated tag of git, pushed, with its way back: tag, at, message, remote, only",
        "image" => {
            "a container image, built by docker buildx and pushed: tags, platforms, context, file, target, build_args, builder, existing, output, only"
        }
        "send" => "a file that hosts get, with its way back: from, to, mode, only",
        "fetch" => "a file that hosts give: from, to, only",
        "flag" => {
            "a feature flag that changes, with its way back: flag, to, provider, file, url, token, project, environment, get, set, only"
        }
        "gate" => {
            "conditions that are looked at: env_keys, git, db with rls and pgtap; others are not available yet in a release"
        }
        "rollout" | "attest" | "handoff" | "report" | "incident" => {
            "a control step that is planned and rehearsed; not available yet in a release"
        }
        _ => "",
    }
}

/// Says what a key of a fence means.
pub(crate) fn key(name: &str) -> &'static str {
    match name {
        "timeout" => "limit of one attempt: 30s, 15m, 1h 30m",
        "retry" => "attempts after the first, 0 to 100",
        "backoff" => "wait before the second attempt, doubled each time",
        "undo" => "the step that reverses it, or none: a point of no return",
        "resume" => "after a crash with the outcome unknown: rerun, ask, verify",
        "verify" => "the check that tells whether it took effect",
        "needs" => "starts after these steps instead of after what stands before it",
        "on" => {
            "runs on this host or group of hosts, over ssh; the section's Hosts line must name it; `here` for a .send to this machine"
        }
        "batch" => "how many hosts of the group at once: a number, a share such as 25%, or all",
        "failures" => "how many hosts may fail before the rest is left alone",
        "db" => "gets the address of this database as $DATABASE_URL and PG* variables",
        "cwd" => "folder to start in, from the release's own",
        "shell" => "what reads the fence: bash sh zsh python node powershell",
        "ok" => "exit codes that pass",
        "status" => "HTTP status codes that pass: 200,204 or 2xx",
        "match" => "regular expression that the body must match",
        "json" => "CEL expression that must be true: body, status, headers, env, elapsed_ms",
        "within" => "gives up after this time",
        "every" => "time between two tries",
        "max" => "the answer must come within this time",
        "burst" => "that many requests are sent at once",
        "to" => "channels of tminus.toml; log is always there",
        "when" => "in_order, always, success, failure, rollback",
        "on_failure" => "after the last attempt: hold or rollback",
        _ => "",
    }
}

/// Values that a key may have, where there are only some.
pub(crate) fn values(key: &str) -> &'static [&'static str] {
    match key {
        "resume" => &["rerun", "ask", "verify"],
        "on_failure" | "on_breach" => &["hold", "rollback"],
        "shell" => &["bash", "sh", "zsh", "python", "node", "powershell"],
        "when" => &["in_order", "always", "success", "failure", "rollback"],
        "while" => &["slo"],
        _ => &[],
    }
}

/// Keys of a control step's body.
pub(crate) fn control_keys(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind {
        "approval" => &[
            ("ask", "the question that the approver reads"),
            ("quorum", "how many of which role: { qa-lead: 1 }"),
            ("expires", "answers lapse after this time"),
            ("starter_may_approve", "true lets whoever started the release say yes"),
            ("not", "starter, or nobody"),
            ("only", "left out in other environments"),
        ],
        "soak" | "watch" => &[
            ("for", "how long: 4h, or { staging: 4h, default: 30m }"),
            ("while", "slo: the document's service-level rules"),
            ("rules", "its own rules: [ error_rate < 2% for 1m ]"),
            ("on_breach", "hold or rollback"),
            ("only", "left out in other environments"),
        ],
        "choice" => &[("ask", "the question"), ("options", "at least two answers")],
        "gate" => &[
            ("env_keys", "keys of an env file: { example: .env.example, file: .env.production, allow: [] }"),
            ("git", "clean: the work tree has no change"),
            ("only", "left out in other environments"),
        ],
        "workflow" => &[
            ("provider", "github or gitlab; github"),
            ("repo", "owner and name"),
            ("workflow", "its file in .github/workflows"),
            ("ref", "the branch or tag whose workflow runs"),
            ("inputs", "names and values"),
            ("undo", "what takes it back: workflow, ref and inputs that differ"),
            ("marker", "the input by which its own run is found"),
            ("within", "how long a run may take; 30m"),
            ("token", "the secret with the token; GITHUB_TOKEN"),
            ("only", "left out in other environments"),
        ],
        "tag" => &[
            ("tag", "its name: $VERSION"),
            ("at", "the commit; HEAD"),
            ("message", "what it says"),
            ("remote", "the remote that gets it; origin"),
            ("only", "left out in other environments"),
        ],
        "image" => &[
            ("tags", "its names in the registry: registry.example.com/web:$VERSION"),
            ("platforms", "[linux/amd64, linux/arm64]; that of the builder"),
            ("context", "the folder that is built"),
            ("file", "the Dockerfile"),
            ("target", "the stage of it"),
            ("build_args", "arguments of the build"),
            ("builder", "the builder of buildx"),
            ("existing", "refuse, or use what the registry has under that name"),
            ("output", "the variable of later steps with the image and its digest; IMAGE"),
            ("only", "left out in other environments"),
        ],
        "flag" => &[
            ("flag", "the flag's name"),
            ("to", "on, off, a variant, a share such as 25% (Unleash), or { production: on }"),
            ("provider", "flagd: a file; unleash: a server; command: your own commands"),
            ("file", "the file in flagd's format"),
            ("url", "the address of Unleash"),
            ("token", "the secret with a token of Unleash's Admin API"),
            ("project", "the flag's project in Unleash"),
            ("environment", "the environment in Unleash, when it is not that of the phase"),
            ("get", "a command that prints the value of $FLAG"),
            ("set", "a command that makes $FLAG_VALUE the value of $FLAG"),
            ("only", "left out in other environments"),
        ],
        _ => &[],
    }
}

/// Keys of the front matter.
pub(crate) const FRONT_MATTER: [(&str, &str); 7] = [
    ("runbook", "the language version: 1"),
    ("inputs", "name to a pattern, a list of values, or { pattern, values, default }"),
    ("environments", "in the order in which they are released to"),
    ("roles", "roles that are named"),
    ("slo", "service-level rules: { error_rate: < 1% }"),
    ("on_failure", "hold or rollback"),
    ("on_breach", "hold or rollback"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use tminus_runbook::attributes::{KEYS, KIND_CLASSES, RUN_CLASSES};

    #[test]
    fn every_word_of_the_language_is_explained() {
        for name in KEYS {
            assert!(!key(name).is_empty(), "{name}");
        }
        for name in RUN_CLASSES.iter().chain(&KIND_CLASSES) {
            assert!(!class(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn the_keys_that_are_offered_are_those_that_are_read() {
        let body = |kind: &str, keys: &[(&str, &str)]| {
            let lines: Vec<String> = keys.iter().map(|(key, _)| format!("{key}: x\n")).collect();
            let (_, faults) = tminus_runbook::control::parse(kind, &lines.concat(), 0..0, Some(0));
            faults.into_iter().filter(|fault| fault.message.contains("has no key")).collect::<Vec<_>>()
        };
        for kind in ["approval", "soak", "watch", "choice", "workflow", "tag", "image", "flag", "gate"] {
            assert_eq!(body(kind, control_keys(kind)), [], "{kind}");
            assert_eq!(body(kind, &[("askk", "")]).len(), 1, "{kind}");
        }
        let text: String = FRONT_MATTER.iter().map(|(key, _)| format!("{key}: 1\n")).collect();
        let found = tminus_runbook::check::check(&format!("---\n{text}---\n# R\n"), "r.md");
        assert!(found.iter().all(|found| !found.message.contains("has no key")), "{found:?}");
    }
}
