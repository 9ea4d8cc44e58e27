//! The five real runbooks, verbatim, run from start to end in assisted mode: a scripted operator
//! answers, and stand-ins take the place of the tools that the documents call.

use std::process::Command;

use crate::support::{Desk, Ran, shared};

const TOOLS: &[&str] = &[
    "pnpm",
    "npm",
    "npx",
    "supabase",
    "vercel",
    "kubectl",
    "psql",
    "pg_dump",
    "docker",
    "ssh",
    "curl",
    "git",
    "gh",
    "aws",
    "k6",
    "pip",
    "cyclonedx-py",
    "cosign",
    "node",
    "pytest",
    "watch",
    "nano",
    "gunzip",
    "gzip",
    "tar",
    "df",
    "free",
    "sleep",
    "touch",
];

/// A desk with the document, its tools and the files that its commands expect.
fn desk(number: &str) -> Option<Desk> {
    let seeds = shared()?.join("seeds");
    let document =
        std::fs::read_dir(seeds).expect("the folder").flatten().map(|entry| entry.path()).find(|path| {
            path.extension().is_some_and(|extension| extension == "md")
                && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(number))
        });
    let desk = Desk::new();
    desk.stand_ins(TOOLS);
    desk.write("runbook.md", std::fs::read(document.expect("the document")).expect("readable"));
    for file in [".env.production", ".env.production.example", ".env.example"] {
        desk.write(file, "KEY=value\n");
    }
    for file in [
        ".env.compose",
        "docker-compose.prod.yml",
        ".venv/bin/activate",
        "apps/web/package.json",
        "agents-service/package.json",
    ] {
        desk.write(file, "");
    }
    for script in [
        "scripts/perf/run_k6.sh",
        "scripts/smoke/healthz-checks.sh",
        "scripts/supabase/deploy-functions.sh",
        // 003 goes into this folder in one block and calls the script from there in a later one.
        "agents-service/scripts/supabase/deploy-functions.sh",
        "smoke-test.sh",
    ] {
        let path = desk.write(script, "#!/bin/sh\necho \"$0 $*\" >> \"$HOME/calls\"\n");
        let made = Command::new("chmod").arg("+x").arg(path).status().expect("chmod");
        assert!(made.success());
    }
    desk.write("backups/prisma-20261120-0900.sql", "");
    desk.write("docs/sbom/readme", "");
    desk.write("answers.yaml", "otherwise: yes\n");
    Some(desk)
}

const SETS: &[&str] = &[
    "--set",
    "staging-org=acme-staging",
    "--set",
    "prod-org=acme",
    "--set",
    "test-org=acme-test",
    "--set",
    "tag=v2.0.0",
    "--set",
    "staging-ref=abcdefghij",
    "--set",
    "prod-ref=klmnopqrst",
    "--set",
    "sha=0123abc",
    "--set",
    "registry=registry.local/acme",
    "--set",
    "deployment-url=web-abc.local",
    "--set",
    "previous-deployment-url=web-aaa.local",
    "--set",
    "service-user=svc",
    "--version",
    "v2.0.0",
    "--previous-version",
    "v1.9.0",
];

const CHOICES_002: &[&str] = &[
    "--choose",
    "production-deployment/5-deploy-using-github-actions=Option B: Manual SSH Deployment",
    "--choose",
    "rollback-procedures/rollback-process/3-rollback-application=Option B: Manual Rollback",
    "--choose",
    "rollback-procedures/rollback-process/4-rollback-database-if-needed=Alternative: Rollback Specific Migration",
];

const CHOICES_004: &[&str] = &[
    "--choose",
    "phase-4-rollback-procedures/4-3-database-migration-rollback=Strategy 1: Revert Migration (if migration includes DOWN script)",
];

fn arguments<'a>(choices: &'a [&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["run", "runbook.md", "--assisted", "--answers", "answers.yaml"];
    arguments.extend_from_slice(SETS);
    arguments.extend_from_slice(choices);
    arguments
}

fn run(desk: &Desk, choices: &[&str], fails: &str) -> Ran {
    Ran::of(
        desk.with_stand_ins(&arguments(choices), fails, "no call at all")
            .output()
            .expect("the program starts"),
    )
}

fn record_verifies(desk: &Desk) {
    desk.expect(0, &["record", "--out", "record"]);
    desk.expect(0, &["verify", "record"]).says("nothing changed");
}

#[test]
fn each_document_runs_from_start_to_end() {
    for (number, choices, called) in [
        ("000", &[][..], &["docker compose --profile web", "pnpm run test:playwright"][..]),
        ("001", &[], &["npm ci", "npm run build"]),
        ("002", CHOICES_002, &["docker compose --env-file .env.compose", "pnpm run load:test"]),
        (
            "003",
            &[],
            &["supabase db push", "vercel promote", "kubectl apply -f deployments/prod/agents-service.yaml"],
        ),
        ("004", CHOICES_004, &["pnpm db:migrate", "docker push"]),
    ] {
        let Some(desk) = desk(number) else { return };
        let ran = run(&desk, choices, "nothing fails");
        assert_eq!(ran.code, 0, "{number}\n{}\n{}", ran.out, ran.err);
        let calls = desk.calls();
        for call in called {
            assert!(
                calls.iter().any(|made| made.contains(call)),
                "{number}: `{call}` was not called:\n{}",
                calls.join("\n")
            );
        }
        assert!(
            !calls.iter().any(|made| made.contains('<') && made.contains('>')),
            "{number}: a placeholder reached a tool"
        );
        record_verifies(&desk);
    }
}

#[test]
fn a_no_stops_and_nothing_after_it_is_called() {
    let Some(desk) = desk("004") else { return };
    desk.write("answers.yaml", "answers:\n  - { step: \"phase-3*\", say: stop, reason: no-go }\n");
    let ran = run(&desk, CHOICES_004, "nothing fails");
    let calls = desk.calls();
    assert!(!calls.iter().any(|call| call.contains("production")), "{}", calls.join("\n"));
    ran.says("no-go");
    // Staging stands, and whether it goes back is a person's decision.
    assert_eq!(ran.code, 5, "{}", ran.out);
    assert_eq!(calls.last().map(String::as_str), Some("pnpm test:staging-smoke"), "{}", calls.join("\n"));
}

#[test]
fn a_failure_in_production_goes_back_by_the_documents_own_section() {
    let Some(desk) = desk("004") else { return };
    let ran = run(&desk, CHOICES_004, "curl https://api.example.com/healthz");
    assert_eq!(ran.code, 3, "{}\n{}", ran.out, ran.err);
    ran.says("rolled back");
    // What was under way failed, and from there on only the document's rollback section spoke.
    let calls = desk.calls();
    let failed =
        calls.iter().position(|call| call == "curl https://api.example.com/healthz").expect("it failed");
    let back = [
        "vercel ls",
        "vercel promote web-aaa.local --prod",
        "curl -I https://app.example.com",
        "pnpm db:rollback",
        "pnpm ops:check --org acme",
    ];
    assert_eq!(calls[failed + 1..], back, "{}", calls.join("\n"));
    record_verifies(&desk);
}

#[test]
fn killed_in_the_middle_of_a_document_it_goes_on_where_it_was() {
    let Some(desk) = desk("003") else { return };
    desk.kill_while_waiting(desk.with_stand_ins(&arguments(&[]), "nothing fails", "supabase db test*"));
    let before = desk.calls();
    assert_eq!(before.last().map(String::as_str), Some("supabase db test"));
    let resumed = desk
        .with_stand_ins(&["resume", "--answers", "answers.yaml"], "nothing fails", "nothing waits")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    desk.let_go();
    let ran = Ran::of(resumed.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    let calls = desk.calls();
    for call in ["supabase link --project-ref abcdefghij", "supabase db test"] {
        assert_eq!(calls.iter().filter(|made| *made == call).count(), 1, "`{call}`:\n{}", calls.join("\n"));
    }
    record_verifies(&desk);
}
