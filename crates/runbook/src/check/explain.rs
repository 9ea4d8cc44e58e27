//! `tminus explain CODE`: one page for each code, with a wrong and a right example.
//!
//! The examples are documents: a test checks that the wrong one has the fault and the right one
//! has none of it, so that a page cannot drift away from its check.

use super::explain_flow::FLOW_PAGES;
use super::explain_plan::PLAN_PAGES;

/// The page of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// `T201`
    pub code: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// Why it hurts.
    pub why: &'static str,
    /// A document that has the fault, or settings, or a sidecar; empty where two of them make it.
    pub wrong: &'static str,
    /// The same document without it.
    pub right: &'static str,
    /// Where the fact comes from.
    pub source: &'static str,
}

/// Returns the page of a code, in any case of letters.
pub fn explain(code: &str) -> Option<&'static Explanation> {
    pages().find(|page| page.code.eq_ignore_ascii_case(code.trim()))
}

/// Returns all codes, in order.
pub fn codes() -> Vec<&'static str> {
    let mut codes: Vec<&'static str> = pages().map(|page| page.code).collect();
    codes.sort_unstable();
    codes
}

pub(super) fn pages() -> impl Iterator<Item = &'static Explanation> {
    PAGES.iter().chain(FLOW_PAGES).chain(PLAN_PAGES).chain(super::tools::pages())
}

#[rustfmt::skip]
const PAGES: &[Explanation] = &[
    Explanation {
        code: "T101",
        title: "front matter is not closed",
        why: "Without the second `---` line nobody can tell where the settings end and the runbook begins.",
        wrong: "---\nrunbook: 1\nroles: [sre]\n\n# Release\n",
        right: "---\nrunbook: 1\nroles: [sre]\n---\n\n# Release\n",
        source: "the runbook language, front matter",
    },
    Explanation {
        code: "T102",
        title: "front matter cannot be read",
        why: "A key that is misspelt, given twice or of the wrong kind would silently mean something else, so nothing is guessed.",
        wrong: "---\nrunbook: 1\nenviroments: [staging]\n---\n# Release\n",
        right: "---\nrunbook: 1\nenvironments: [staging]\n---\n# Release\n",
        source: "the runbook language, front matter",
    },
    Explanation {
        code: "T103",
        title: "unknown id, class or key of a block",
        why: "What is not known would be ignored, and a limit or an undo that is ignored is worse than none. Keys: timeout, retry, backoff, undo, resume, verify, needs, on, db, cwd, shell, ok, status, match, json, within, every, to, when; classes: check, undo, manual, example, parallel and the control steps.",
        wrong: "```bash {#a timout=5m}\ntrue\n```",
        right: "```bash {#a timeout=5m}\ntrue\n```",
        source: "the runbook language, attributes",
    },
    Explanation {
        code: "T104",
        title: "an id is used twice",
        why: "Whatever refers to the id could mean either step.",
        wrong: "```bash {#a}\ntrue\n```\n\n```bash {#a}\ntrue\n```",
        right: "```bash {#a}\ntrue\n```\n\n```bash {#b}\ntrue\n```",
        source: "the runbook language, attributes",
    },
    Explanation {
        code: "T106",
        title: "a heading skips a level",
        why: "The outline decides which steps belong together; a skipped level is usually a section that was lost.",
        wrong: "# R\n\n## Deploy\n\n##### Database\n\n- [ ] done\n",
        right: "# R\n\n## Deploy\n\n### Database\n\n- [ ] done\n",
        source: "WCAG technique G141",
    },
    Explanation {
        code: "T107",
        title: "no space before the attributes",
        why: "Code hosts take `bash{#a}` for the name of a language and lose the highlighting.",
        wrong: "```bash{#a}\ntrue\n```",
        right: "```bash {#a}\ntrue\n```",
        source: "CommonMark, info strings",
    },
    Explanation {
        code: "T109",
        title: "a code block is not closed",
        why: "Everything below it is code, so the steps below it are gone.",
        wrong: "```bash\ntrue\n\n## Next\n\n- [ ] done\n",
        right: "```bash\ntrue\n```\n\n## Next\n\n- [ ] done\n",
        source: "CommonMark, fenced code blocks",
    },
    Explanation {
        code: "T110",
        title: "a checklist item without text",
        why: "Nobody can tell what is ticked.",
        wrong: "- [ ] \n- [ ] backup is there\n",
        right: "- [ ] release notes are out\n- [ ] backup is there\n",
        source: "GitHub task lists",
    },
    Explanation {
        code: "T112",
        title: "damaged encoding",
        why: "The text was saved in the wrong code page, so signs such as `→` and `≥` became letters. It can be written back exactly.",
        wrong: "- error rate â‰¥ 5 %\n",
        right: "- error rate ≥ 5 %\n",
        source: "Unicode 17, UTF-8; Windows-1252",
    },
    Explanation {
        code: "T113",
        title: "damaged encoding with lost bytes",
        why: "Some bytes have no character in the wrong code page and are gone. What is shown is the most likely sign, or U+FFFD.",
        wrong: "- âŒ failed, then â†’ roll back\n",
        right: "- ❌ failed, then → roll back\n",
        source: "Windows-1252: 0x81, 0x8D, 0x8F, 0x90 and 0x9D are undefined",
    },
    Explanation {
        code: "T114",
        title: "a hidden character in code",
        why: "Bidirectional controls show code in another order than it runs; characters without width make two names look the same.",
        wrong: "```bash\necho a\u{200b}b\n```",
        right: "```bash\necho ab\n```",
        source: "Boucher and Anderson, Trojan Source, CVE-2021-42574",
    },
    Explanation {
        code: "T201",
        title: "a check that cannot fail",
        why: "`check || echo` is true whatever the check says, so the release goes on over a failure.",
        wrong: "```bash\ncurl -f https://x.test/health || echo \"unhealthy\"\n```",
        right: "```bash\ncurl -f https://x.test/health || { echo unhealthy; exit 1; }\n```",
        source: "POSIX shell: the status of a list is that of its last command",
    },
    Explanation {
        code: "T202",
        title: "a status read too late",
        why: "`$?` is the status of the last command, which is the message and not the step.",
        wrong: "```bash\npnpm deploy:web\necho \"deployed\"\nif [ $? -ne 0 ]; then exit 1; fi\n```",
        right: "```bash\nif ! pnpm deploy:web; then exit 1; fi\necho \"deployed\"\n```",
        source: "POSIX shell, special parameter `?`",
    },
    Explanation {
        code: "T203",
        title: "a name made from the clock more than once",
        why: "Each `$(date …)` is read anew. A second later it names another file: the backup is made, and never compressed or uploaded.",
        wrong: "```bash\npg_dump app > b-$(date +%H%M%S).sql\ngzip b-$(date +%H%M%S).sql\n```",
        right: "```bash\npg_dump app > \"b-$RUN_STAMP.sql\"\ngzip \"b-$RUN_STAMP.sql\"\n```",
        source: "the runbook language: `$RUN_STAMP` is one time for each release",
    },
    Explanation {
        code: "T204",
        title: "a fixed sleep stands for readiness",
        why: "Too short on a slow day, and then the next step hits a service that is not there; wasted on every other day.",
        wrong: "```bash\ndocker compose up -d\nsleep 30\ncurl -f http://localhost/health\n```",
        right: "```bash\ndocker compose up -d --wait\ncurl -f http://localhost/health\n```",
        source: "docker compose up, option --wait",
    },
    Explanation {
        code: "T205",
        title: "a program that waits for a person",
        why: "Nobody sits at the terminal of a release that runs by itself, and a session on another host is not part of the script.",
        wrong: "```bash\nnano .env\ndocker compose pull\n```",
        right: "```bash\nsed -i 's/v1/v2/' .env\ndocker compose pull\n```",
        source: "the manual pages of the programs",
    },
    Explanation {
        code: "T206",
        title: "a command that never ends",
        why: "The release waits until its time limit, and then it has failed.",
        wrong: "```bash\ndocker compose logs -f --tail=100\n```",
        right: "```bash\ndocker compose logs --tail=100\n```",
        source: "the manual pages of the programs",
    },
    Explanation {
        code: "T207",
        title: "a placeholder in code",
        why: "To a shell, `<name>` is two redirections: it reads a file that is not there, or writes one that nobody wants.",
        wrong: "```bash\nsupabase link --project-ref <prod-ref> --debug\n```",
        right: "```bash\nsupabase link --project-ref \"$PROD_REF\" --debug\n```",
        source: "POSIX shell, redirection",
    },
    Explanation {
        code: "T208",
        title: "a human step in a comment",
        why: "A comment is not run, not asked and not recorded: the snapshot that the next step relies on may never have been made.",
        wrong: "```bash\n# Via the dashboard: Settings -> Database -> Create snapshot\n\npnpm db:status\n```",
        right: "- [ ] Snapshot created in the dashboard (@dba)\n\n```bash\npnpm db:status\n```",
        source: "the runbook language, checklist items",
    },
    Explanation {
        code: "T209",
        title: "several ways in one block",
        why: "Run as written, the first way is done and then the second.",
        wrong: "```bash\n# Option 1: promote\nvercel promote x\n\n# Option 2: deploy\nvercel deploy --prod\n```",
        right: "**Option 1**\n\n```bash\nvercel rollback x\n```\n\n**Option 2**\n\n```bash\nvercel deploy --prod\n```",
        source: "the runbook language, options",
    },
    Explanation {
        code: "T210",
        title: "destruction without a guard",
        why: "One empty variable, or one colleague who was a minute faster, and what is deleted is everything.",
        wrong: "```bash\nrm -rf \"$RELEASE_DIR\"/\n```",
        right: "```bash\nrm -rf \"${RELEASE_DIR:?}\"/\n```",
        source: "POSIX shell, parameter expansion `:?`",
    },
    Explanation {
        code: "T212",
        title: "a syntax error",
        why: "The shell refuses the block, some of it perhaps after the lines above have run.",
        wrong: "```bash\nif true; then\n  echo ok\n```",
        right: "```bash\nif true; then\n  echo ok\nfi\n```",
        source: "bash, shell grammar",
    },
    Explanation {
        code: "T213",
        title: "a download that runs unseen",
        why: "What the server sends today runs with your rights; half a download runs too.",
        wrong: "```bash\ncurl -fsSL https://x.test/install.sh | bash\n```",
        right: "```bash\ncurl -fsSLo install.sh https://x.test/install.sh\nsha256sum -c install.sh.sha256\nbash install.sh\n```",
        source: "OWASP, software integrity failures",
    },
    Explanation {
        code: "T301",
        title: "psql hides SQL errors",
        why: "psql goes on after a failed statement and returns 0. With ON_ERROR_STOP it stops and returns 3.",
        wrong: "```bash\npsql \"$DATABASE_URL\" -f migration.sql\n```",
        right: "```bash\npsql \"$DATABASE_URL\" -v ON_ERROR_STOP=1 -f migration.sql\n```",
        source: "PostgreSQL, psql, Exit Status",
    },
    Explanation {
        code: "T302",
        title: "a restore over the database in use",
        why: "What came in since the backup is gone, and a failure halfway leaves neither the old nor the new state.",
        wrong: "```bash\npsql -v ON_ERROR_STOP=1 \"$DATABASE_URL\" < backup.sql\n```",
        right: "```bash\npsql -v ON_ERROR_STOP=1 \"$RESTORE_TEST_URL\" < backup.sql\n```",
        source: "PostgreSQL, backup and restore",
    },
    Explanation {
        code: "T305",
        title: "all migrations again each time",
        why: "Without a ledger every file runs at every release; the first one that cannot run twice stops the release or changes data again.",
        wrong: "```bash\nfor migration in migrations/*.sql; do\n  psql -v ON_ERROR_STOP=1 \"$DATABASE_URL\" -f \"$migration\"\ndone\n```",
        right: "```bash\nnpx prisma migrate deploy\n```",
        source: "the runbook language, `.migrate`",
    },
    Explanation {
        code: "T306",
        title: "a dump that is not compressed",
        why: "The name ends in .gz, the content is plain text. It is noticed when the backup is needed.",
        wrong: "```bash\npg_dump app > app.sql.gz\n```",
        right: "```bash\npg_dump app | gzip > app.sql.gz\n```",
        source: "PostgreSQL, pg_dump, option --compress",
    },
    Explanation {
        code: "T401",
        title: "what runs is not what was tested",
        why: "A build on the serving host, or a tag that moves, gives another image than the one that passed the tests.",
        wrong: "```bash\ndocker compose pull\ndocker compose up -d --build web\n```",
        right: "```bash\ndocker compose pull\ndocker compose up -d --wait web\n```",
        source: "OCI image specification, digests",
    },
    Explanation {
        code: "T402",
        title: "downtime on the way",
        why: "Between `down` and the moment when the new containers are ready there is nobody to answer.",
        wrong: "```bash\ndocker compose down\ndocker compose up -d\n```",
        right: "```bash\ndocker compose up -d --wait\n```",
        source: "docker compose down",
    },
    Explanation {
        code: "T408",
        title: "a file as a lock",
        why: "Creating a file that exists succeeds, so two people hold the lock; and it stays when the one who made it dies.",
        wrong: "```bash\ntouch /opt/app/.maintenance\n```",
        right: "```bash\nflock -n /run/app.flock ./scripts/switch.sh\n```",
        source: "flock(1)",
    },
    Explanation {
        code: "T501",
        title: "an alert that comes after the rollback",
        why: "The release goes back before people are told that something is wrong. Two limits of one metric for one purpose are told as well: people act on one of the two; and so is what is good enough at a number that calls people or takes the release back, and a row of a table whose sentence says another time.",
        wrong: "## When to roll back\n\nRoll back if:\n\n- Error rate > 1%\n\n## Monitoring\n\n**Alert thresholds**:\n\n- Error rate > 5%\n",
        right: "## When to roll back\n\nRoll back if:\n\n- Error rate > 5%\n\n## Monitoring\n\n**Alert thresholds**:\n\n- Error rate > 1%\n",
        source: "the runbook language, rules",
    },
    Explanation {
        code: "T502",
        title: "a limit that nobody can measure",
        why: "\"Degradation > 50 %\" or \"30 % slower\" needs a value to compare with, and a time, a share or a size a unit; \"much too slow\" needs a number at all, and a row for what is slow a unit. At night two people take two different ones.",
        wrong: "## When to roll back\n\n- Performance degradation > 50%\n",
        right: "## When to roll back\n\n- p95 latency > 2000ms\n",
        source: "the runbook language, rules",
    },
    Explanation {
        code: "T503",
        title: "weekday and date disagree",
        why: "Half of the people come on the weekday, half on the date.",
        wrong: "The release is on Thursday, Oct 29, 2025.\n",
        right: "The release is on Wednesday, Oct 29, 2025.\n",
        source: "the Gregorian calendar",
    },
    Explanation {
        code: "T603",
        title: "an owner whom nobody can call",
        why: "A role owns part of the release, and its row in the contact table is empty; or a line or a row has a place to fill in where the others have a name: `TBD`, `[Name]`, `555-XXXX`. A form in which all is open is left alone.",
        wrong: "## Deploy\n\n**Owner**: Release Manager\n\n- [ ] done\n\n## Contacts\n\n| Role | Name |\n|---|---|\n| Release Manager | TBD |\n",
        right: "## Deploy\n\n**Owner**: Release Manager\n\n- [ ] done\n\n## Contacts\n\n| Role | Name |\n|---|---|\n| Release Manager | Ana |\n",
        source: "the runbook language, roles",
    },
    Explanation {
        code: "T701",
        title: "a secret in the document",
        why: "Everyone who can read the repository has it, and so has its history.",
        wrong: concat!("The token is gh", "p_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ\n"),
        right: "The token is `env:GITHUB_TOKEN`.\n",
        source: "OWASP, secrets management",
    },
    Explanation {
        code: "T702",
        title: "a secret on a command line",
        why: "`ps` shows command lines to every user of the host.",
        wrong: "```bash\nmysqldump --password=\"$DB_PASSWORD\" app > app.sql\n```",
        right: "```bash\nMYSQL_PWD=\"$DB_PASSWORD\" mysqldump app > app.sql\n```",
        source: "proc(5)",
    },
    Explanation {
        code: "T703",
        title: "credentials in an address",
        why: "Addresses are printed in logs, histories and error messages.",
        wrong: concat!("```bash\ncurl https://admin:", "hunter22@x.test/status\n```"),
        right: "```bash\ncurl --netrc https://x.test/status\n```",
        source: "RFC 3986, section 3.2.1",
    },
    Explanation {
        code: "T705",
        title: "a door that is held open",
        why: "Without the host's key or the certificate, by an option or a variable, whoever answers is trusted; with `chmod 777` whoever is on the host may write.",
        wrong: "```bash\ncurl -k https://x.test/health\n```",
        right: "```bash\ncurl --cacert ca.pem https://x.test/health\n```",
        source: "curl, option --insecure; ssh_config, StrictHostKeyChecking",
    },
];
