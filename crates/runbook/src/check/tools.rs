//! T8: commands that mean something else, or nothing, in the current version of their tool.
//!
//! Each fact is one row with its source and date; adding one is one row here and one of the test.
//! A row whose page others share leaves `wrong` and `right` empty.

use crate::data::{Key, Value, parse_yaml};
use crate::diagnostic::{Diagnostic, Severity};
use crate::outline::{FenceUnit, UnitKind};
use crate::shell::{self, CommandUse};

use super::explain::Explanation;
use super::kinds;
use super::page::{Page, short};
use super::passes;
use super::words;

/// One thing that changed.
pub(super) struct Fact {
    pub(super) code: &'static str,
    /// The tool as people call it.
    pub(super) tool: &'static str,
    /// First version that has the change; a date for services.
    pub(super) since: &'static str,
    /// Words that a command begins with, options left out.
    pub(super) command: &'static [&'static str],
    /// One of these arguments must be there, as a whole or before `=`; empty: no condition.
    pub(super) with: &'static [&'static str],
    /// Any of these options makes the command say what it means.
    pub(super) unless: &'static [&'static str],
    pub(super) severity: Severity,
    pub(super) title: &'static str,
    pub(super) message: &'static str,
    pub(super) help: &'static str,
    /// Where the fact is written, without `https://`.
    pub(super) source: &'static str,
    /// When the source says that it happened.
    pub(super) date: &'static str,
    pub(super) wrong: &'static str,
    pub(super) right: &'static str,
}

/// A row whose page another one has: what is not said of it stays empty.
pub(super) const NO_PAGE: Fact = Fact {
    code: "",
    tool: "",
    since: "",
    command: &[],
    with: &[],
    unless: &[],
    severity: Severity::Warning,
    title: "",
    message: "",
    help: "",
    source: "",
    date: "",
    wrong: "",
    right: "",
};

const SUPABASE_TARGETS: &[&str] = &["--remote", "--linked", "--local", "--db-url"];

/// The facts.
#[rustfmt::skip]
pub(super) const FACTS: &[Fact] = &[
    Fact { code: "T801", tool: "Supabase CLI", since: "3.0.0", command: &["supabase", "db", "push"], with: &[], unless: SUPABASE_TARGETS, severity: Severity::Warning,
        title: "Supabase acts on the local stack",
        message: "since Supabase CLI 3, `db push` acts on the local stack: production stays as it was, and the step passes",
        help: "say where: `supabase db push --remote --yes`; and check the ledger on the target afterwards",
        source: "supabase.com/docs/guides/local-development/cli/migrating-to-v3", date: "2026-11-02",
        wrong: "supabase db push", right: "supabase db push --remote --yes" },
    Fact { code: "T801", tool: "Supabase CLI", since: "3.0.0", command: &["supabase", "db", "dump"], with: &[], unless: SUPABASE_TARGETS, severity: Severity::Warning,
        title: "", message: "since Supabase CLI 3, `db dump` reads the local stack: this is a backup of the wrong database",
        help: "say where: `supabase db dump --remote -f …`; and look into the backup",
        source: "supabase.com/docs/guides/local-development/cli/migrating-to-v3", date: "2026-11-02", wrong: "supabase db dump -f a.sql", right: "supabase db dump --remote -f a.sql" },
    Fact { code: "T801", tool: "Supabase CLI", since: "3.0.0", command: &["supabase", "migration", "list"], with: &[], unless: SUPABASE_TARGETS, severity: Severity::Note,
        title: "", message: "since Supabase CLI 3, `migration list` shows the local stack",
        help: "say where: `supabase migration list --remote`",
        source: "supabase.com/docs/guides/local-development/cli/migrating-to-v3", date: "2026-11-02", wrong: "supabase migration list", right: "supabase migration list --remote" },
    Fact { code: "T802", tool: "Supabase CLI", since: "3.0.0", command: &["supabase", "db", "remote", "commit"], with: &[], unless: &[], severity: Severity::Error,
        title: "a Supabase command that is gone", message: "`supabase db remote commit` was removed in CLI 3 and fails",
        help: "use `supabase db pull` for schema, or a migration for data",
        source: "github.com/supabase/cli/releases/tag/v3.0.0", date: "2026-11-02", wrong: "supabase db remote commit", right: "supabase db pull --remote" },
    Fact { code: "T803", tool: "Vercel", since: "a service", command: &["vercel", "promote"], with: &[], unless: &[], severity: Severity::Warning,
        title: "promoting a preview builds it again",
        message: "promoting a preview deployment builds it again and asks: what goes live was not tested, and without `--yes` the step waits",
        help: "promote a staged production deployment (`vercel deploy --prod --skip-domain`), with `--yes`",
        source: "vercel.com/docs/deployments/promoting-a-deployment", date: "2026-11-20", wrong: "vercel promote \"$URL\"", right: "vercel deploy --prod --skip-domain" },
    Fact { code: "T804", tool: "Docker Compose", since: "2023-07", command: &["docker-compose"], with: &[], unless: &[], severity: Severity::Warning,
        title: "docker-compose version 1",
        message: "`docker-compose` is the name of version 1, which has had no fixes since July 2023; current installations only have `docker compose`",
        help: "write `docker compose`", source: "docs.docker.com/compose/releases/migrate", date: "2023-07", wrong: "docker-compose ps", right: "docker compose ps" },
    Fact { code: "T805", tool: "Helm", since: "3.0.0", command: &["helm", "delete"], with: &["--purge"], unless: &[], severity: Severity::Error,
        title: "helm delete", message: "Helm 3 has no `--purge`: the command fails, and the release stays",
        help: "write `helm uninstall`", source: "helm.sh/docs/topics/v2_v3_migration", date: "2019-11-13", wrong: "helm delete --purge api", right: "helm uninstall api" },
    Fact { code: "T805", tool: "Helm", since: "3.0.0", command: &["helm", "delete"], with: &[], unless: &[], severity: Severity::Note,
        title: "", message: "`helm delete` is Helm 2's name; Helm 3 still takes it for `uninstall`",
        help: "write `helm uninstall`", source: "helm.sh/docs/topics/v2_v3_migration", date: "2019-11-13", wrong: "helm delete api", right: "helm uninstall api" },
    Fact { code: "T806", tool: "Helm", since: "3.0.0", command: &["helm", "init"], with: &[], unless: &[], severity: Severity::Error,
        title: "Helm 2 and its Tiller", message: "`helm init` was removed with Tiller in Helm 3: the command fails",
        help: "leave it out; Helm 3 needs nothing in the cluster", source: "helm.sh/docs/topics/v2_v3_migration", date: "2019-11-13", wrong: "helm init --upgrade", right: "helm version" },
    Fact { code: "T807", tool: "AWS CLI", since: "2.0.0", command: &["aws", "ecr", "get-login"], with: &[], unless: &[], severity: Severity::Error,
        title: "aws ecr get-login is gone", message: "AWS CLI 2 has no `ecr get-login`: the command fails, and the push after it as well",
        help: "`aws ecr get-login-password | docker login --username AWS --password-stdin REGISTRY`",
        source: "docs.aws.amazon.com/cli/latest/userguide/cliv2-migration-changes.html", date: "2020-02-10", wrong: "aws ecr get-login --no-include-email", right: "aws ecr get-login-password | docker login --username AWS --password-stdin x.test" },
    Fact { code: "T808", tool: "Visual Studio App Center", since: "2025-03-31", command: &["appcenter"], with: &[], unless: &[], severity: Severity::Error,
        title: "App Center is retired", message: "Visual Studio App Center was retired on 2025-03-31: builds and distribution no longer answer",
        help: "distribute with TestFlight, Google Play's tracks or Firebase App Distribution",
        source: "learn.microsoft.com/appcenter/retirement", date: "2025-03-31", wrong: "appcenter distribute release --app team/app --file app.ipa", right: "fastlane pilot upload --ipa app.ipa" },
    Fact { code: "T809", tool: "Next.js", since: "14.0.0", command: &["next", "export"], with: &[], unless: &[], severity: Severity::Error,
        title: "next export is gone", message: "Next.js 14 removed `next export`: the command fails",
        help: "set `output: 'export'` in next.config.js; `next build` then writes the files",
        source: "nextjs.org/docs/14/pages/building-your-application/upgrading/version-14", date: "2023-10-26", wrong: "npx next export", right: "npx next build" },
    Fact { code: "T810", tool: "Apple's notary service", since: "2023-11-01", command: &["xcrun", "altool"], with: &["--notarize-app", "--notarization-info"], unless: &[], severity: Severity::Error,
        title: "notarising with altool", message: "Apple's notary service takes no uploads from `altool` since 2023-11-01",
        help: "`xcrun notarytool submit APP.zip --keychain-profile PROFILE --wait`",
        source: "developer.apple.com/documentation/security/notarizing_macos_software_before_distribution", date: "2023-11-01", wrong: "xcrun altool --notarize-app --file app.zip", right: "xcrun notarytool submit app.zip --keychain-profile release --wait" },
    Fact { code: "T811", tool: "Terraform", since: "0.15.2", command: &["terraform", "taint"], with: &[], unless: &[], severity: Severity::Note,
        title: "terraform taint", message: "`terraform taint` is deprecated since 0.15.2: another run may plan with the mark before anybody has reviewed it",
        help: "`terraform apply -replace=ADDRESS` shows the replacement in the plan", source: "developer.hashicorp.com/terraform/cli/commands/taint", date: "2021-04", wrong: "terraform taint aws_instance.web", right: "terraform plan -replace=aws_instance.web" },
    Fact { code: "T812", tool: "APT", since: "Debian 13", command: &["apt-key"], with: &[], unless: &[], severity: Severity::Warning,
        title: "apt-key", message: "`apt-key` is deprecated and gone after Debian 12 and Ubuntu 24.04; a key added with it is trusted for every repository",
        help: "put the key into /etc/apt/keyrings and name it by `Signed-By` in the source", source: "manpages.ubuntu.com/manpages/noble/en/man8/apt-key.8.html", date: "2024-04", wrong: "apt-key add key.asc", right: "install -m 644 key.asc /etc/apt/keyrings/vendor.asc" },
    Fact { code: "T813", tool: "npm", since: "9.0.0", command: &["npm", "bin"], with: &[], unless: &[], severity: Severity::Error,
        title: "npm commands that are gone", message: "npm 9 removed `npm bin`: the command fails",
        help: "`npx NAME` runs a package's program; `npm root` tells the folder", source: "github.com/npm/cli/releases/tag/v9.0.0-pre.0", date: "2022-09-08", wrong: "npm bin", right: "npm root" },
    Fact { code: "T813", tool: "npm", since: "9.0.0", command: &["npm", "set-script"], with: &[], unless: &[], severity: Severity::Error,
        title: "", message: "npm 9 removed `npm set-script`: the command fails",
        help: "`npm pkg set scripts.NAME=COMMAND`", source: "github.com/npm/cli/releases/tag/v9.0.0-pre.0", date: "2022-09-08", wrong: "npm set-script a b", right: "npm pkg set scripts.a=b" },
];

/// The facts about commands, in the order in which they are tried.
pub(super) fn all() -> impl Iterator<Item = &'static Fact> {
    FACTS.iter().chain(super::more_tools::FACTS)
}

/// The page of each code, made of its first fact.
pub(super) fn pages() -> impl Iterator<Item = &'static Explanation> {
    static PAGES: std::sync::LazyLock<Vec<Explanation>> = std::sync::LazyLock::new(|| {
        let addresses = super::retired::ADDRESSES.iter().map(|address| &address.fact);
        let all = FACTS.iter().chain(super::more_tools::FACTS).chain(addresses);
        all.filter(|fact| !fact.title.is_empty()).map(page).collect()
    });
    PAGES.iter()
}

fn page(fact: &Fact) -> Explanation {
    // Made once for each run of the program, of rows that live as long as it does.
    let keep = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    Explanation {
        code: fact.code,
        title: fact.title,
        why: keep(format!("{}, since {} ({}): {}.", fact.tool, fact.since, fact.date, fact.message)),
        wrong: keep(format!("```bash\n{}\n```", fact.wrong)),
        right: keep(format!("```bash\n{}\n```", fact.right)),
        source: fact.source,
    }
}

/// The tool that a finding is about, for those who can ask which version is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolFact {
    /// The program, as a command.
    pub program: &'static str,
    /// The first version that has the change: `3.0.0`.
    pub since: &'static str,
}

/// Returns the tool of a finding of T8 whose fact begins with a version; facts about services and
/// dates hold whatever is installed.
pub fn tool_fact(finding: &Diagnostic) -> Option<ToolFact> {
    let fact = all().find(|fact| fact.code == finding.code && fact.message == finding.message)?;
    let is_version =
        fact.since.split('.').count() > 1 && fact.since.split('.').all(|part| part.parse::<u64>().is_ok());
    is_version.then_some(ToolFact { program: fact.command.first()?, since: fact.since })
}

/// `URL=$(vercel deploy --prod --skip-domain)` and `vercel promote "$URL"`.
fn is_staged(staged: &[&str], command: &CommandUse) -> bool {
    let promoted = command.arguments.iter().find_map(|argument| argument.strip_prefix('$'));
    promoted
        .map(|name| name.trim_matches(['{', '}']))
        .is_some_and(|name| staged.iter().any(|line| line.contains(&format!("{name}="))))
}

/// What is left to say of `vercel promote … --yes`.
const REBUILT: &str = "promoting a preview deployment builds it again: what goes live was not tested";

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    // A tool that is gone is told once, not at each of its lines.
    let mut told: Vec<&str> = Vec::new();
    let (document, lines) = (page.document, &page.markdown.lines);
    let staged: Vec<&str> = document.lines().filter(|line| line.contains("--skip-domain")).take(20).collect();
    page.each_script(|script, found| {
        // `eval "$(tool …)"` holds the command twice: in the word, and as what is evaluated.
        let mut last = ("", 0);
        for command in script.commands() {
            let fact = all().find(|fact| fits(fact, command));
            let Some(fact) = fact.filter(|fact| !told.contains(&fact.code)) else { continue };
            // A sentence that says itself that the command is gone tells nobody to run it.
            let line = script.place(1, 1).0;
            if script.inline && words::GONE.any_in(&lines.text_of(document, line).to_lowercase()) {
                continue;
            }
            if std::mem::replace(&mut last, (fact.message, command.line)) == (fact.message, command.line) {
                continue;
            }
            if fact.command.len() == 1 {
                told.push(fact.code);
            }
            // What was deployed with `--skip-domain` is a production deployment: it is promoted as it is.
            let promotes = fact.code == "T803";
            if promotes && is_staged(&staged, command) {
                continue;
            }
            let answered = command.arguments.iter().any(|argument| argument == "--yes" || argument == "-y");
            let message = if promotes && answered { REBUILT } else { fact.message };
            found.push(script.on(fact.code, fact.severity, command, message, fact.help));
        }
    });
    held(page);
}

/// Where a control step holds commands.
struct Place {
    class: &'static str,
    /// A key and its value, by which it is known.
    kind: (&'static str, &'static str),
    /// Keys of commands that do something.
    acts: &'static [&'static str],
    /// Keys of commands whose answer counts.
    asks: &'static [&'static str],
}

const PLACES: [Place; 3] = [
    Place {
        class: "deploy",
        kind: ("target", "command"),
        acts: &["deploy", "rollback"],
        asks: &["verify", "live"],
    },
    Place {
        class: "deploy",
        kind: ("target", "compose"),
        acts: &["drain", "admit", "switch"],
        asks: &["serving"],
    },
    Place { class: "flag", kind: ("provider", "command"), acts: &["set"], asks: &["get"] },
];

/// A command in a control step.
struct Held {
    value: Value,
    /// Where it stands in the document, when the block was not indented.
    place: Option<std::ops::Range<usize>>,
    answers: bool,
}

/// The same, and what would wait for a person or hide that it failed, of the commands that a control
/// step holds.
fn held(page: &mut Page<'_>) {
    let outline = page.outline;
    for unit in &outline.units {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        for command in held_commands(page, fence) {
            let survey = shell::survey(command.value.text().unwrap_or_default());
            let facts = survey.commands.iter().filter_map(|c| all().find(|fact| fits(fact, c)));
            let mut found: Vec<(&'static str, Severity, String, &'static str)> =
                facts.map(|fact| (fact.code, fact.severity, fact.message.to_owned(), fact.help)).collect();
            let waits = survey.interactive.iter().chain(&survey.prompts).map(|(_, reason)| {
                (
                    "T205",
                    Severity::Warning,
                    format!("{reason}, and nobody answers"),
                    "give the flag that answers",
                )
            });
            found.extend(waits);
            found.extend(hidden(&survey, command.answers));
            for (code, severity, message, help) in found {
                let added = match &command.place {
                    Some(bytes) => page.add(code, severity, bytes.clone(), message),
                    None => page.add_at_line(code, severity, unit.line, message),
                };
                added.help(help);
            }
        }
    }
}

/// T201: a step that goes on when its command failed, or believes an answer that was made up.
fn hidden(survey: &shell::Survey, answers: bool) -> Vec<(&'static str, Severity, String, &'static str)> {
    let each = passes::hidden_failures(survey).into_iter();
    each.map(|(checked, by, severity)| {
        if answers {
            // A word for "nothing is there yet" is asked for, so it may be meant.
            let message =
                format!("when `{}` fails, `{}` answers in its place", short(&checked.text), by.program);
            return (
                "T201",
                Severity::Warning,
                message,
                "let it fail: what it says is recorded and believed",
            );
        }
        ("T201", severity, passes::passes_anyway(checked, by), passes::FAIL_AS_WELL)
    })
    .collect()
}

fn held_commands(page: &Page<'_>, fence: &FenceUnit) -> Vec<Held> {
    let classes = fence.info.attributes.iter().flat_map(|attributes| &attributes.classes);
    let classes: Vec<&str> = classes.map(|class| class.text.as_str()).collect();
    if !PLACES.iter().any(|place| classes.contains(&place.class)) {
        return Vec::new();
    }
    let base = page.markdown.lines.start_of(fence.body_line);
    let exact = page.document.get(base..).is_some_and(|rest| rest.starts_with(&fence.body));
    let Ok(body) = parse_yaml(&fence.body, base) else { return Vec::new() };
    let entries = body.entries().unwrap_or_default();
    let is_kind = |place: &&Place| {
        let says =
            |(key, value): &(Key, Value)| key.text == place.kind.0 && value.text() == Some(place.kind.1);
        classes.contains(&place.class) && entries.iter().any(says)
    };
    let Some(place) = PLACES.iter().find(is_kind) else { return Vec::new() };
    let held = entries.iter().filter_map(|(key, value)| {
        let answers = place.asks.contains(&key.text.as_str());
        let bytes = exact.then_some(value.start..value.end);
        (answers || place.acts.contains(&key.text.as_str())).then(|| Held {
            value: value.clone(),
            place: bytes,
            answers,
        })
    });
    held.collect()
}

pub(super) fn fits(fact: &Fact, command: &CommandUse) -> bool {
    // Most rows are another program's.
    let program = kinds::tool(command);
    if fact.command.first() != Some(&program) {
        return false;
    }
    let words = std::iter::once(program)
        .chain(command.arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')));
    let begins = words.take(fact.command.len()).eq(fact.command.iter().copied());
    let has = |options: &[&str]| {
        command
            .arguments
            .iter()
            .any(|argument| options.iter().any(|option| argument.split('=').next() == Some(*option)))
    };
    begins && (fact.with.is_empty() || has(fact.with)) && !has(fact.unless)
}
