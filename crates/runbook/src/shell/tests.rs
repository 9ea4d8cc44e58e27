//! Tables of real lines: what a script is, how much is at stake, what waits, what never ends.

use super::*;

mod hostile;

fn danger(script: &str) -> Danger {
    survey(script).danger
}

#[track_caller]
fn check_danger(expected: Danger, scripts: &[&str]) {
    for script in scripts {
        let survey = survey(script);
        assert_eq!(
            survey.danger, expected,
            "{script}: {:?} {:?}",
            survey.danger_reasons, survey.syntax_error
        );
        assert_eq!(survey.syntax_error, None, "{script}");
    }
}

#[test]
fn what_destroys_is_dangerous() {
    check_danger(
        Danger::Dangerous,
        &[
            "psql \"$DATABASE_URL\" < backups/prisma-YYYYMMDD-HHMM.sql",
            "psql \"$DATABASE_URL\" -f migrations/rollback/<migration>_down.sql",
            "psql \"$DATABASE_URL\" -f supabase/rollbacks/<migration>_rollback.sql",
            "supabase db push",
            "pnpm supabase:migrate:web-cache && supabase db push",
            "gunzip prod-backup-YYYYMMDD-HHMMSS.sql.gz",
            "docker compose --env-file .env.compose --profile web -f docker-compose.prod.yml down",
            "docker-compose down -v",
            "supabase db remote commit --file supabase/seed/backfill.sql",
            "SUPABASE_DB_URL=$SUPABASE_PRODUCTION_DB_URL pnpm db:rollback",
            "pnpm ops:rotate-secrets",
            "rm -rf \"$RELEASE_DIR\"/",
            "sudo rm -r /var/lib/app",
            "psql \"$X\" -c 'DROP TABLE users'",
            "psql \"$X\" -c 'DELETE FROM users'",
            "psql \"$X\" <<SQL\nTRUNCATE users;\nSQL",
            "git push --force origin main",
            "git push -f",
            "git push origin +main",
            "kubectl delete pod api-0",
            "kubectl -n prod scale deployment/api --replicas=0",
            "terraform destroy",
            "ssh deploy@host 'docker compose down'",
            "bash -c \"rm -rf data\"",
            "for s in a b; do (kubectl delete svc $s); done",
            "ls | xargs rm -rf",
            "docker compose run --rm web npx prisma migrate reset --force",
            "find . -name '*.sql' -delete",
            "dropdb app",
            "X=$(git push --force)",
            "if true; then systemctl stop api; fi",
            "gunzip -c x.sql.gz | psql \"$DATABASE_URL\"",
            "aws s3 rm s3://bucket --recursive",
            "kubectl exec -i pg-0 -- psql app < dump.sql",
            "doppler run -- terraform destroy -auto-approve",
            "timeout 60 dropdb app",
        ],
    );
}

#[test]
fn what_changes_and_can_be_undone_asks() {
    check_danger(
        Danger::Confirm,
        &[
            "git push origin v1.2.3",
            "psql \"$DATABASE_URL\" -f supabase/migrations/<migration>.sql",
            "pnpm run prisma:migrate:deploy",
            "docker compose --profile web -f docker-compose.prod.yml up -d --no-deps web",
            "cosign sign --key cosign.key ghcr.io/x/web:v1.2.3",
            "docker compose restart gateway",
            "curl -H \"Authorization: Bearer <jwt>\" -X POST \"$API_BASE_URL/v1/mark-all\" -d '{\"orgSlug\":\"<slug>\"}'",
            "curl -d x https://api.example.com",
            "pnpm openai:file-search:secrets",
            "docker push ghcr.io/x/gateway:${SERVICE_VERSION}",
            "docker compose --profile web run --rm web npx prisma migrate deploy",
            "sed -i 's/:v1.2.3/:v1.2.2/g' .env.compose",
            "touch /opt/prisma-glow/.maintenance",
            "git merge hotfix/critical-bug-fix",
            "supabase link --project-ref <prod-ref>",
            "./scripts/supabase/deploy-functions.sh --project <prod-ref> --verify-jwt",
            "kubectl apply -f deployments/prod/agents-service.yaml",
            "kubectl set image deployment/api api=r/x:v1 --namespace=production",
            "kubectl rollout undo deployment/api --namespace=production",
            "vercel promote <deployment-url>",
            "vercel deploy --prebuilt --env=staging",
            "vercel --prod",
            "pnpm ops:provision",
            "aws s3 cp x.sql.gz s3://backups/",
            "make release",
            "npm publish",
            "helm upgrade api ./chart",
            "psql \"$X\" -c 'UPDATE users SET a = 1 WHERE id = 2'",
        ],
    );
}

#[test]
fn what_reads_builds_and_tests_is_ordinary() {
    check_danger(
        Danger::Ordinary,
        &[
            "git status -sb",
            "git pull origin main",
            "git tag -a v1.2.3 -m \"Release v1.2.3: <description>\"",
            "docker compose ps",
            "docker build -t x .",
            "docker compose logs --tail=50",
            "psql \"$DATABASE_URL\" -c \"SELECT * FROM _prisma_migrations ORDER BY finished_at DESC LIMIT 5;\"",
            "curl -f http://localhost:8000/health",
            "curl -H 'Authorization: Bearer x' -X GET http://localhost/",
            "pnpm supabase:migrate:web-cache --dry-run",
            "terraform plan",
            "kubectl get pods -n production",
            "kubectl rollout status deployment/api",
            "pnpm check:migrations",
            "node scripts/deployment-preflight.mjs",
            "pg_dump \"$X\" > backup.sql",
            "gzip backup.sql",
            "gunzip -k backup.sql.gz",
            "rm -rf node_modules dist",
            "kubectl apply --dry-run=server -f x.yaml",
            "echo 'rm -rf /'",
            "# git push --force",
            "grep -r 'DROP TABLE' migrations",
            "cat <<EOF\nterraform destroy\nEOF",
            "git merge --abort",
            "vercel ls",
            "kill -0 $PID",
            "git commit -m 'docs: git push --force is bad'",
        ],
    );
    assert_eq!(danger(""), Danger::Ordinary);
}

#[test]
fn natures() {
    for (script, expected) in [
        ("npm ci", Nature::Runnable),
        ("# Enable at load balancer", Nature::CommentsOnly),
        ("FEAT_NEW_FEATURE_ROLLOUT_PERCENTAGE=10\n# x", Nature::AssignmentsOnly),
        ("# Post in #incidents:\n\"INCIDENT: rolling back due to [reason]\"", Nature::MessageOnly),
        ("#!/bin/bash\necho hi", Nature::Listing),
        ("  \n\n", Nature::Empty),
        ("echo 'not closed", Nature::Runnable),
        ("VERSION=$(git rev-parse HEAD)", Nature::Runnable),
        ("cd /opt/app", Nature::Runnable),
    ] {
        assert_eq!(survey(script).nature, expected, "{script}");
    }
}

#[track_caller]
fn check_lines(found: &[(u32, String)], expected: &[u32], script: &str) {
    let lines: Vec<u32> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, expected, "{script}: {found:?}");
}

#[test]
fn what_waits_for_a_person() {
    for script in [
        "nano .env",
        "ssh deploy@host",
        "ssh -i key -p 22 host",
        "psql \"$DATABASE_URL\"",
        "docker exec -it web bash",
        "kubectl edit deploy/api",
        "git rebase -i main",
        "git commit",
        "gh auth login",
        "read -r answer",
        "python3",
        "sudo vim /etc/hosts",
        "less x.log",
        "kubectl exec -it pod -- sh",
        "mysql -u root",
        "crontab -e",
    ] {
        check_lines(&survey(script).interactive, &[1], script);
    }
    for script in [
        "ssh host 'uptime'",
        "ssh host <<EOF\nuptime\nEOF",
        "psql -c 'select 1'",
        "psql < x.sql",
        "psql -f x.sql",
        "git commit -m x",
        "git log | less | head -1; true",
        "python3 x.py",
        "cat x | while read -r line; do echo; done",
        "docker run --rm x y",
        "kubectl exec pod -- ls",
        "ssh -N -f host",
        "echo nano",
        "# nano x",
        "gh auth login --with-token < t",
        "bash smoke.sh",
        "node -e '1'",
        "redis-cli ping",
    ] {
        check_lines(&survey(script).interactive, &[], script);
    }
}

#[test]
fn what_never_ends() {
    for script in [
        "docker compose logs -f --tail=100",
        "watch -n 2 'docker compose ps'",
        "kubectl logs -f deployment/api --tail=100",
        "tail -f x.log",
        "tail -n 5 -F x",
        "nomad alloc logs -f -job api",
        "kafka-console-consumer --bootstrap-server k:9092 --topic orders",
        "journalctl -fu api",
        "docker compose -f a.yml up",
        "kubectl get pods -w",
        "kubectl port-forward svc/a 80",
        "while true; do echo; sleep 1; done",
        "pnpm run dev",
        "docker stats",
        "ping host",
        "docker compose -f a.yml logs -f web",
        "tail -f x | grep error",
    ] {
        check_lines(&survey(script).endless, &[1], script);
    }
    for script in [
        "docker compose -f a.yml logs --tail=100",
        "docker compose -f a.yml up -d",
        "timeout 30 docker compose logs -f",
        "tail -f x | head -1",
        "kubectl logs deploy/a",
        "kubectl apply -f x.yaml",
        "while true; do curl x && break; done",
        "tail -f x &",
        "ping -c 3 host",
        "kubectl rollout status deployment/api",
        "tail -5 x",
        "docker stats --no-stream",
        "while ! curl -f x; do sleep 1; done",
        "docker compose up -d --wait",
        "nomad alloc logs -job api",
        "kafka-console-consumer --bootstrap-server k:9092 --topic orders --max-messages 10",
    ] {
        check_lines(&survey(script).endless, &[], script);
    }
}

#[test]
fn what_asks() {
    for script in ["apt-get install curl", "terraform apply", "sudo yum install x"] {
        check_lines(&survey(script).prompts, &[1], script);
    }
    for script in [
        "apt-get install -y curl",
        "terraform apply -auto-approve",
        "terraform apply plan.out",
        "yes | apt-get install curl",
        "terraform plan",
    ] {
        check_lines(&survey(script).prompts, &[], script);
    }
}

#[test]
fn checks_that_cannot_fail() {
    for (script, count) in [
        ("curl -f x || echo bad", 1),
        ("curl -f x || true", 1),
        ("a && b || printf no", 1),
        ("curl -f x || { echo bad; }", 1),
        ("curl -f x || { echo bad; exit 1; }", 0),
        ("curl -f x || exit 1", 0),
        ("echo 'a || echo b'", 0),
        ("# curl || echo", 0),
        ("if curl -f x || true; then y; fi", 0),
        ("curl -f x || echo bad && exit 1", 0),
        ("if curl -f x; then echo up; else echo down; fi", 1),
        ("if a=$(curl -f x); then echo up; else echo down; fi", 1),
        ("if [ \"$(curl -s x)\" = ok ]; then echo up; else echo down; fi", 1),
        ("if ! curl -f x; then echo down; fi", 1),
        ("if curl -f x; then echo up; fi", 0),
        ("if ! curl -f x; then echo down; exit 1; fi", 0),
        ("if ! curl -f x && curl -f y; then echo down; fi", 0),
        ("if ! curl -f x; then echo down; elif curl -f y; then echo up; fi", 0),
        ("f() { if curl -f x; then echo up; else echo down; fi; }; f", 1),
        ("f() { if a=$(curl -f x); then echo \"$a\"; else echo nothing; fi; }; [ \"$(f)\" = 1 ]", 0),
    ] {
        assert_eq!(survey(script).swallowed.len(), count, "{script}");
    }
}

#[test]
fn sessions_on_other_hosts() {
    let start =
        survey("# SSH to staging\nssh deploy@staging.example.com\ncd /opt\n").ssh_host.clone().unwrap();
    assert_eq!((start.line, start.target.as_str()), (2, "deploy@staging.example.com"));
    assert_eq!(survey("cd x\nssh host").ssh_host, None);
    assert_eq!(survey("ssh host uptime").ssh_host, None);
    assert_eq!(survey("ssh -i key host").ssh_host.clone().unwrap().target, "host");
    assert_eq!(survey("ssh host 'rm -rf x'").commands[1].host.as_deref(), Some("host"));
}

#[test]
fn steps_for_people_in_comments() {
    for (script, lines) in [
        (
            "# 1. Backup staging database (manual snapshot)\n# Via Supabase dashboard: Settings -> Database -> Create snapshot\n\nls",
            &[1, 2][..],
        ),
        ("# Post in #status: \"Migration\"\n\nls", &[1]),
        ("# Check disk space\ndf -h", &[]),
        ("# Update the tags\nnano x\n\n# Set image tags to new version\n# Example:\n# A=b", &[4]),
        ("# Manual verification of critical features", &[1]),
        ("# Journeys typically include:\n# - User login", &[]),
        ("# psql \"$X\" -f x.sql", &[]),
        ("echo '# Post in #status'", &[]),
        ("cat <<EOF\n# Restore from snapshot now\nEOF", &[]),
        ("# Run migrations\nfor m in *.sql; do\n  psql -f $m\ndone", &[]),
    ] {
        check_lines(&survey(script).manual_comments, lines, script);
    }
}

#[test]
fn several_ways_in_one_script() {
    for (script, count) in [
        ("# Option 1: a\nx\n\n# Option 2: b\ny", 1),
        ("# Blue-Green (TBD):\nkubectl apply -f x\n\n# Or Rolling Update:\nkubectl set image y", 1),
        ("# Trigger (automatic)\n# Or manual:\nvercel deploy", 0),
        ("kubectl set image y\n# Or via deployment pipeline tool", 0),
        ("# Check order\nls\n# Original\nx", 0),
        ("# For Supabase\na\n# For Prisma\nb", 0),
    ] {
        let survey = survey(script);
        assert_eq!(survey.ways.len(), count, "{script}: {:?}", survey.ways);
        assert_eq!(survey.alternatives, count > 0);
    }
}

#[test]
fn variables() {
    let found = survey(
        "export A=1\nB=2\necho $A $B $C \"${D:-x}\" '$E'\nfor f in $G; do echo $f; done\nread -r h\necho $h ${I:?must}\nF=1 cmd $F\n",
    );
    assert_eq!(found.variables_read, ["C", "F", "G", "I"]);
    assert_eq!(found.variables_defaulted, ["D"]);
    assert_eq!(found.variables_set, ["A", "B", "f", "h"]);
}

#[test]
fn names_made_by_the_clock() {
    let found =
        survey("pg_dump x > b-$(date +%Y%m%d).sql\nS=$(date +%s)\ncp a b-$S\ndate -d yesterday\necho `date`");
    let clocks: Vec<(u32, Option<&str>)> =
        found.clocks.iter().map(|c| (c.position.line, c.assigned.as_deref())).collect();
    assert_eq!(clocks, [(1, None), (2, Some("S")), (5, None)]);
}

#[test]
fn syntax_errors_have_a_place() {
    assert_eq!(survey("psql -f <new>.sql").syntax_error, None);
    assert_eq!(survey("echo ok\nif true; then\n").syntax_error.as_ref().map(|e| e.0), Some(2));
    assert!(survey("a | | b").syntax_error.is_some());
    assert!(survey("echo 'x").syntax_error.is_some());
    assert_eq!(survey("echo \"é\" )").syntax_error.as_ref().map(|e| (e.0, e.1)), Some((1, 10)));
}

#[test]
fn commands_keep_their_text_and_place() {
    let found = survey(
        "# ü\nFOO=é docker push <registry>/a:<sha> # note\nPLAYWRIGHT=x \\\n  pnpm test 2>&1 > \"log ü.txt\"\n",
    );
    assert_eq!(found.commands[0].text, "FOO=é docker push <registry>/a:<sha>");
    assert_eq!(found.commands[0].arguments, ["push", "<registry>/a:<sha>"]);
    assert_eq!((found.commands[0].line, found.commands[0].column), (2, 1));
    assert_eq!(found.commands[1].text, "PLAYWRIGHT=x \\\n  pnpm test 2>&1 > \"log ü.txt\"");
    assert_eq!((found.commands[1].line, found.commands[1].end_line), (3, 4));
    assert_eq!(found.commands[1].redirects[0].target, "log ü.txt");
}

#[test]
fn code_spans() {
    for span in [
        "git status -sb",
        "npm ci",
        "npm test",
        "npm run test:playwright",
        "supabase db push",
        "pnpm openai:file-search:secrets",
        "gh auth login",
        "curl \"$API_BASE_URL/health\"",
        "SUPABASE_PROJECTS=\"preview=<ref>,production=<ref>\" pnpm supabase:migrate:web-cache --dry-run",
        "./scripts/smoke/functions-smoke.sh",
        "pnpm test:e2e -- --grep \"smoke\"",
        "pnpm flags:enable ...",
        "docker compose logs -f",
        "ALLOW_SUPABASE_MIGRATIONS=1 pnpm check:migrations",
        "pytest",
        "pip-audit",
    ] {
        assert!(looks_like_command(span), "{span}");
    }
    for span in [
        "GO-LIVE/OPEN_ISSUES.md",
        "API_ALLOWED_ORIGINS",
        "VITE_ENABLE_PWA=true",
        "POST /v1/autopilot/jobs/run",
        "select * from web_fetch_cache_metrics;",
        "--dry-run",
        "scope=rag_file_search",
        "dist/",
        "scripts/deploy.sh",
        "web",
        "npm",
        "main",
        "v1.2.3",
        "environment.mfa.state == \"satisfied\"",
        "/metrics/governance?orgId=<test-org>",
        "",
        "docker",
        "<ref>",
        "production",
        "FEAT_ADMIN_PANEL=1",
        "_rollback.sql",
        ".env",
    ] {
        assert!(!looks_like_command(span), "{span}");
    }
}

#[test]
fn what_a_shell_is_given_is_code_of_its_host() {
    let told = |script: &str| -> Vec<String> {
        let survey = survey(script);
        let commands = survey.commands.iter().map(|c| {
            let host = c.host.as_deref().unwrap_or("-");
            format!("{}:{} {host} {}", c.line, c.column, c.program)
        });
        commands.collect()
    };
    let table: [(&str, &[&str]); 9] = [
        ("ssh a <<'EOF'\ncd /x\n  ls\nEOF\npwd", &["1:1 - ssh", "2:1 a cd", "3:3 a ls", "5:1 - pwd"]),
        ("ssh -p 22 a bash -s <<EOF\nls\nEOF", &["1:1 - ssh", "1:1 a bash", "2:1 a ls"]),
        ("sudo -u x sh <<EOF\nls\nEOF", &["1:1 - sh", "2:1 - ls"]),
        ("docker exec -i x sh <<EOF\nls\nEOF", &["1:1 - docker", "1:1 - sh", "2:1 - ls"]),
        ("ssh a <<-'EOF'\n\tls\n\tEOF", &["1:1 - ssh", "2:1 a ls"]),
        ("ssh a 'cat > b' <<EOF\nls\nEOF", &["1:1 - ssh", "1:1 a cat"]),
        ("cat <<EOF\nls\nEOF", &["1:1 - cat"]),
        ("bash deploy.sh <<EOF\nls\nEOF", &["1:1 - bash"]),
        ("ssh a <<'X'\nbash <<'Y'\nls\nY\nX", &["1:1 - ssh", "2:1 a bash", "3:1 a ls"]),
    ];
    for (script, expected) in table {
        let found = told(script);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, expected, "{script}");
    }
    let reads = |script: &str| -> Vec<(String, bool)> {
        survey(script).uses.iter().map(|read| (read.name.clone(), read.remote)).collect()
    };
    let (here, there) = ([("A".to_owned(), false)], [("A".to_owned(), true)]);
    assert_eq!(reads("ssh a <<EOF\necho $A\nEOF"), here);
    assert_eq!(reads("ssh a <<'EOF'\necho $A\nEOF"), there);
    assert_eq!(reads("ssh a \"echo $A\""), here);
    assert_eq!(reads("ssh a 'echo $A'"), there);
    let piped = survey("cat d.sh | ssh a 'sudo bash -s'\nssh a 'bash -s' <d.sh\nssh a bash");
    assert_eq!(piped.interactive.len(), 1, "{:?}", piped.interactive);
}
