//! T8: commands that mean something else, or nothing, in the current version of their tool.
//!
//! Each fact is one row with its source; adding one is one row and one line of the test.

use crate::diagnostic::Severity;
use crate::shell::CommandUse;

use super::page::Page;

/// One thing that changed.
pub(super) struct Fact {
    pub(super) code: &'static str,
    /// Words that a command begins with, options left out.
    pub(super) command: &'static [&'static str],
    /// Any of these options makes the command say what it means.
    pub(super) unless: &'static [&'static str],
    pub(super) severity: Severity,
    pub(super) message: &'static str,
    pub(super) help: &'static str,
}

const SUPABASE_TARGETS: &[&str] = &["--remote", "--linked", "--local", "--db-url"];

/// The facts. The sources are on the pages of the codes.
#[rustfmt::skip]
pub(super) const FACTS: &[Fact] = &[
    Fact { code: "T801", command: &["supabase", "db", "push"], unless: SUPABASE_TARGETS, severity: Severity::Warning,
        message: "since Supabase CLI 3, `db push` acts on the local stack: production stays as it was, and the step passes",
        help: "say where: `supabase db push --remote --yes`; and check the ledger on the target afterwards" },
    Fact { code: "T801", command: &["supabase", "db", "dump"], unless: SUPABASE_TARGETS, severity: Severity::Warning,
        message: "since Supabase CLI 3, `db dump` reads the local stack: this is a backup of the wrong database",
        help: "say where: `supabase db dump --remote -f …`; and look into the backup" },
    Fact { code: "T801", command: &["supabase", "migration", "list"], unless: SUPABASE_TARGETS, severity: Severity::Note,
        message: "since Supabase CLI 3, `migration list` shows the local stack",
        help: "say where: `supabase migration list --remote`" },
    Fact { code: "T802", command: &["supabase", "db", "remote", "commit"], unless: &[], severity: Severity::Error,
        message: "`supabase db remote commit` was removed in CLI 3 and fails",
        help: "use `supabase db pull` for schema, or a migration for data" },
    Fact { code: "T803", command: &["vercel", "promote"], unless: &[], severity: Severity::Warning,
        message: "promoting a preview deployment builds it again and asks: what goes live was not tested, and without `--yes` the step waits",
        help: "promote a staged production deployment (`vercel deploy --prod --skip-domain`), with `--yes`" },
    Fact { code: "T804", command: &["docker-compose"], unless: &[], severity: Severity::Warning,
        message: "`docker-compose` is version 1, which has had no fixes since July 2023 and is gone from current installations",
        help: "write `docker compose`" },
    Fact { code: "T805", command: &["helm", "delete"], unless: &[], severity: Severity::Note,
        message: "`helm delete` is Helm 2's name; `--purge` is refused by Helm 3",
        help: "write `helm uninstall`" },
];

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>) {
    page.each_script(|script, found| {
        for command in script.commands() {
            let fact = FACTS.iter().find(|fact| fits(fact, command));
            let Some(fact) = fact else { continue };
            // A mention in running text is worth less than a line that runs.
            let severity = if script.inline { fact.severity.min(Severity::Warning) } else { fact.severity };
            found.push(script.on(fact.code, severity, command, fact.message, fact.help));
        }
    });
}

fn fits(fact: &Fact, command: &CommandUse) -> bool {
    let words = std::iter::once(command.program.as_str())
        .chain(command.arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')));
    let begins = words.take(fact.command.len()).eq(fact.command.iter().copied());
    begins
        && !command
            .arguments
            .iter()
            .any(|argument| fact.unless.iter().any(|option| argument.split('=').next() == Some(*option)))
}
