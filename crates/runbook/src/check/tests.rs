//! Tables of texts that must fire and, longer, of texts that must not.

use super::*;
use crate::diagnostic::Severity;
use crate::{adopt, settings};
use proptest::prelude::*;

fn codes_of(document: &str) -> Vec<&'static str> {
    check(document, "x.md").into_iter().map(|found| found.code).collect()
}

fn bash(script: &str) -> String {
    format!("# R\n\n## Deploy\n\n```bash\n{script}\n```\n")
}

/// Codes whose fault or cure stands in `tminus.toml` beside the document, so that none shows both.
const WITHOUT_EXAMPLE: [&str; 2] = ["T910", "T912"];

/// All that is said about the example of a page: a document, or what its code is about.
fn codes_of_example(code: &str, example: &str) -> Vec<&'static str> {
    let found = match code {
        "T108" => settings::read(example).1,
        "T115" => adopt::read(example).1,
        _ if example.starts_with("---") || example.starts_with("# ") => {
            check_whole(example, "x.md", Settings::default()).found
        }
        _ => check_whole(&format!("# R\n\n## Step\n\n{example}\n"), "x.md", Settings::default()).found,
    };
    found.into_iter().map(|found| found.code).collect()
}

#[test]
fn every_page_shows_its_fault_and_its_cure() {
    for page in explain::pages() {
        assert!(!page.why.is_empty() && !page.source.is_empty(), "{}", page.code);
        if WITHOUT_EXAMPLE.contains(&page.code) {
            assert!(page.wrong.is_empty() && page.right.is_empty(), "{} has an example", page.code);
            continue;
        }
        let wrong = codes_of_example(page.code, page.wrong);
        assert!(wrong.contains(&page.code), "{}: the wrong example has only {wrong:?}", page.code);
        let right = codes_of_example(page.code, page.right);
        assert!(!page.right.is_empty(), "{} shows no cure", page.code);
        assert!(!right.contains(&page.code), "{}: the right example has it too", page.code);
    }
    assert_eq!(explain("t201").map(|page| page.code), Some("T201"));
    assert_eq!(explain("T999"), None);
    let mut once = codes();
    once.dedup();
    assert_eq!(once, codes(), "a code is never used twice");
}

#[test]
fn sound_scripts_have_no_fault() {
    for script in [
        "if ! curl -fsS https://x.test/health; then exit 1; fi",
        "mkdir -p a || true",
        "docker rm -f old || true",
        "grep -q x file && echo found",
        "curl -f x.test || { echo bad; exit 1; }",
        "until curl -fs x.test; do sleep 5; done",
        "for i in 1 2 3; do curl -f x.test && break; sleep 10; done; curl -f x.test",
        "for i in 1 2 3; do curl -f x.test && break; [ $i = 3 ] && exit 1; sleep 10; done",
        "for i in 1 2 3; do if curl -f x.test; then ok=1; break; fi; sleep 10; done; [ -n \"$ok\" ]",
        "for f in a b; do ./load $f; sleep 1; done",
        "sleep 1; ls",
        "STAMP=$(date +%Y%m%d%H%M%S)\npg_dump app > b-$STAMP.sql\ngzip b-$STAMP.sql",
        "echo \"started at $(date)\"",
        "echo \"done $(date +%H:%M:%S)\" >> release.log",
        "ssh deploy@host 'cd /opt && git pull'",
        "ssh deploy@host <<'EOF'\ncd /opt\nEOF",
        "psql -v ON_ERROR_STOP=1 \"$DATABASE_URL\" -f a.sql",
        "psql \"$DATABASE_URL\" -c 'select 1'",
        "timeout 30 docker compose logs -f",
        "kubectl logs deploy/api --tail=100",
        "docker compose -f docker-compose.prod.yml ps",
        "# Check disk space\ndf -h",
        "# Restart the service\nsystemctl restart api",
        "cat <<EOF\n<html>\nnano\nEOF",
        "echo \"use <name> here\"",
        "git commit -m \"Release <b>\"",
        "sort <in >out",
        "diff <(ls a) <(ls b)",
        "rm -rf node_modules",
        "rm -rf \"${DIR:?}/cache\"",
        "rm -rf \"$DIR/build\"",
        "git push --force-with-lease",
        "docker compose down",
        "pg_dump app | gzip > app.sql.gz",
        "pg_dump -Z 9 app > app.sql.gz",
        "docker tag app:v1 app:v2",
        "curl --cacert ca.pem https://x.test",
        "curl -sSfL https://x.test/file -o file",
        "postgres://user:$PASSWORD@host/db",
        "export DATABASE_URL=postgres://user:password@localhost/db",
        "touch build/output.txt",
        "touch app.log",
        "status=$?\nif [ $status -ne 0 ]; then exit 1; fi",
        "make test\nif [ $? -ne 0 ]; then exit 1; fi",
        "terraform apply -auto-approve plan.out",
        "read -r line < version.txt",
        "while read -r l; do echo \"$l\"; done < hosts.txt",
        "supabase db push --linked",
        "vercel rollback --yes",
        "mysqldump --password-stdin app",
        "openssl s_client -connect x:443 </dev/null",
        "python3 -c 'print(1)'",
        "docker run --rm -i app ./migrate < a.txt",
        "[ -f .env ] || cp .env.example .env",
        "command -v jq >/dev/null || { echo 'install jq'; exit 1; }",
        "helm uninstall api",
        "for f in sql/*.sql; do psql -v ON_ERROR_STOP=1 -f \"$f\"; done",
        "npm ci --no-audit",
        "mc alias set local http://minio:9000",
        "docker compose exec minio mc ls --recursive local/data/",
        "git checkout v20.x\ngit push upstream v20.x-staging",
        "# SSH and check by hand\nssh deploy@host uptime",
        "curl -fsS https://x.test/health > /dev/null",
        "curl -s -o /dev/null -w '%{http_code}' https://x.test/health",
        "curl -sI -o /dev/null -D headers.txt https://x.test/health",
        "curl -s -X POST https://x.test/warm > /dev/null",
        "ansible-playbook -i hosts --vault-password-file ~/.vault deploy.yml",
        "ansible-vault view vars.yml",
        "ansible-vault encrypt vars.yml",
        "twine upload -u __token__ dist/*",
        "cd build && rm -rf *",
        "python manage.py createsuperuser --noinput",
        "grep createsuperuser README.md",
        "gcloud sql instances delete replica-1 --quiet",
        "gunicorn app:app --daemon",
        "celery -A config inspect ping",
        "celery -A config worker --detach",
        "sudo systemctl restart gunicorn",
        "echo 'select 1' | psql app",
        "node --test --test-shard=1/3",
        "grep -q 'a=b' app.conf || echo 'a=b' >> app.conf",
        "grep -q x /etc/hosts || echo x | sudo tee -a /etc/hosts",
        "sed -i 's|<Preset />|<Preset>auto</Preset>|' encoding.xml",
        "kubectl create namespace try-out\nkubectl delete namespace try-out",
        "kubectl scale deploy/a --replicas=0\n./migrate.sh\nkubectl scale deploy/a --replicas=2",
        "helm upgrade a ./a --set db.password=changeme1 --set image.token=v1.2.3",
        "# Call the API\ncurl -fsS https://x.test/api",
        "node --completion-bash > node.bash",
        "curl -s http://localhost/status | python3 -m json.tool",
        "pm2 logs api --nostream --lines 50",
        "zcat b.sql.gz | psql -v ON_ERROR_STOP=1 staging",
        "cd build\nrm -rf *",
        "cd build; rm -rf ./cache",
    ] {
        let found = check(&bash(script), "x.md");
        let found: Vec<_> = found.iter().filter(|d| d.severity > Severity::Note).collect();
        // That a document has no way back or no check is about more than its one script.
        let found: Vec<_> =
            found.iter().filter(|d| !matches!(d.code, "T303" | "T304" | "T403" | "T405")).collect();
        assert!(found.is_empty(), "{script}: {found:#?}");
    }
}

#[test]
fn faults_stand_at_their_place() {
    let document =
        "# R\n\n## Deploy\n\n1. Do it:\n\n   ```bash\n   # é\n   psql \"$DB\" -f <new>.sql\n   ```\n";
    let found = check(document, "x.md");
    let places: Vec<_> = found.iter().map(|d| (d.code, d.line, d.column, d.end_line, d.end_column)).collect();
    assert_eq!(places, [("T301", 9, 4, 9, 27), ("T207", 9, 18, 9, 23)]);
}

#[test]
fn declared_inputs_are_no_gaps() {
    let document = "---\nrunbook: 1\ninputs: { PROD_REF: '[a-z]+' }\n---\n# R\n\n## D\n\n```bash {#a}\nsupabase link --project-ref <prod-ref>\n```\n";
    assert!(!codes_of(document).contains(&"T207"), "{:?}", check(document, "x.md"));
}

#[test]
fn examples_and_other_languages_are_left_alone() {
    for document in [
        "# R\n\n## D\n\n```bash {.example}\nnano x\n```\n",
        "# R\n\n## D\n\n```\nssh host\nnano x\n```\n",
        "# R\n\n## D\n\n```yaml\nrun: docker compose logs -f\n```\n",
        "# R\n\n## D\n\n```diff\n- rm -rf $X/\n```\n",
    ] {
        let codes = codes_of(document);
        assert!(!codes.iter().any(|code| code.starts_with("T2")), "{document}: {codes:?}");
    }
}

#[test]
fn secrets_are_not_repeated() {
    let secret = format!("gh{}", "p_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ");
    let found = check(&format!("# R\n\nToken {secret}\n"), "x.md");
    let told = found.iter().find(|d| d.code == "T701").unwrap();
    assert!(!told.to_json("x.md").to_string().contains(&secret));
    assert_eq!(told.severity, Severity::Error);
}

#[test]
fn repairs_are_offered_byte_by_byte() {
    let document = "# R\n\n## A\n\n- [ ] coverage â‰¥ 45 % â†’ go\n";
    let found = check(document, "x.md");
    let fix = found.iter().find(|d| d.code == "T112").and_then(|d| d.fix.clone()).unwrap();
    let mut fixed = document.to_owned();
    fixed.replace_range(fix.start..fix.end, &fix.replacement);
    assert_eq!(fixed, "# R\n\n## A\n\n- [ ] coverage ≥ 45 % → go\n");
}

#[test]
fn weekdays_of_dates() {
    for (text, fires) in [
        ("Wednesday 2025-11-05", false),
        ("Tuesday 2025-11-05", true),
        ("2025-11-05 (Tue)", true),
        ("Thu, 29 Oct 2025", true),
        ("Wednesday, October 29th, 2025", false),
        ("Sunday 2025-13-40", false),
        ("Monday 2024-02-29", true),
        ("Thursday 2024-02-29", false),
        ("Thursday, Oct 29 at 10:00", false),
        ("am Montag, den 24. Dezember 2026", true),
        ("Donnerstag, 24. Dezember 2026", false),
        ("Freitag, 24.12.2026", true),
        ("Sonnabend 26.12.2026", false),
        ("le jeudi 24 décembre 2026", false),
        ("le mardi 1er décembre 2026 et le lundi 3 décembre 2026", true),
        ("viernes, 24 de diciembre de 2026", true),
        ("quinta-feira, 24 de dezembro de 2026", false),
        ("2026年12月24日（星期一）", true),
        ("2026年12月24日（木）", false),
        ("2026年12月24日(金)", true),
        ("Monday 24/12/2026", false),
        ("MIÉRCOLES, 24 DE DICIEMBRE DE 2026", true),
        ("SEGUNDA-FEIRA, 24.12.2026", true),
    ] {
        assert_eq!(codes_of(&format!("# R\n\n{text}\n")).contains(&"T503"), fires, "{text}");
    }
}

/// Each name of a weekday is found in a text, known to the patterns, and means its day.
#[test]
fn weekdays_are_known_by_all_their_names() {
    let rows = dates::ENGLISH.iter().chain(dates::OTHERS).map(|(name, day)| (*name, *day));
    let signs = dates::SIGNS_OF_DAYS.iter().enumerate();
    let signs =
        signs.flat_map(|(day, signs)| signs.split("").filter(|s| !s.is_empty()).map(move |s| (s, day)));
    let is_english = |name: &str| dates::ENGLISH.iter().any(|row| row.0 == name);
    let mut seen = 0;
    for (name, day) in rows.chain(signs) {
        // The first of November 2026 is a Sunday.
        for date in 1..=7 {
            let texts = match name.chars().next() {
                Some('一'..='龥') => {
                    vec![format!("2026年11月{date}日（{name}）"), format!("2026年11月{date}日 星期{name}")]
                }
                _ if is_english(name) => {
                    vec![format!("{name} 2026-11-0{date}"), format!("2026-11-0{date} ({name})")]
                }
                _ => vec![format!("{name} 2026-11-0{date}"), format!("{name}, {date}.11.2026")],
            };
            let said =
                texts.iter().filter(|text| codes_of(&format!("# R\n\n{text}\n")).contains(&"T503")).count();
            let is_sign = !name.is_ascii() && name.chars().count() == 1;
            let wanted = match (date - 1 == day, is_sign) {
                (true, _) => 0,
                // Chinese and Japanese signs stand in one form each, but for the one that both have.
                (false, true) => 1 + usize::from(name == "日"),
                (false, false) => texts.len(),
            };
            assert_eq!(said, wanted, "{texts:?}");
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen}");
}

#[test]
fn time_grows_with_the_text() {
    let part = "## Step\n\n- [ ] error rate < 5% (@sre)\n\n```bash\npsql \"$DB\" -f <m>.sql || echo bad\nsleep 10\ndocker compose logs -f\n```\n\n| Role | Name |\n|---|---|\n| SRE | TBD |\n\n";
    // Counted in faults, not in seconds: each part has the same ones, and none depends on the rest.
    let of = |n: usize| check(&format!("# R\n\n{}", part.repeat(n)), "x.md").len();
    let (one, many) = (of(10), of(200));
    assert_eq!(many, one * 20);
}

proptest! {
    #[test]
    fn any_document_is_checked(text in "\\PC{0,200}|([#`\n >*|<\\[\\]-]|```bash\n|\n```\n|echo|psql -f|<x>|\\$\\(date\\)|â†’|\u{202e}|- \\[ \\] |é| ){0,60}") {
        for found in check(&text, "x.md") {
            prop_assert!(found.line >= 1 && found.column >= 1);
            prop_assert!((found.line, found.column) <= (found.end_line, found.end_column), "{:?}", found);
            if let Some(fix) = found.fix {
                prop_assert!(text.get(fix.start..fix.end).is_some());
            }
            prop_assert!(explain(found.code).is_some(), "{} has no page", found.code);
        }
    }
}

/// One row for each fact of `tools.rs`: a command that it is about, and one that it is not.
const FACT_ROWS: &[(&str, &str, &str)] = &[
    ("T801", "supabase db push", "supabase db push --linked"),
    ("T801", "supabase db dump -f a.sql", "supabase db dump --db-url x -f a.sql"),
    ("T801", "supabase migration list", "supabase migration new x"),
    ("T802", "supabase db remote commit", "supabase db pull"),
    ("T803", "vercel promote x", "vercel list"),
    ("T804", "docker-compose -f a.yml ps", "docker compose -f docker-compose.yml ps"),
    ("T805", "helm delete api --purge", "helm uninstall api"),
    ("T805", "helm delete api", "helm list"),
    ("T806", "helm init --client-only", "terraform init"),
    ("T807", "aws ecr get-login --region x", "aws ecr get-login-password --region x"),
    ("T808", "appcenter codepush release-react", "fastlane pilot"),
    ("T809", "npx next export -o out", "npx next build"),
    ("T810", "xcrun altool --notarize-app -f a.zip", "xcrun altool --upload-app -f a.ipa"),
    ("T811", "terraform taint a.b", "terraform untaint a.b"),
    ("T812", "sudo apt-key add k.asc", "sudo apt-get update"),
    ("T813", "npm bin", "npm run bin"),
    ("T813", "npm set-script a b", "npm pkg set scripts.a=b"),
];

#[test]
fn every_fact_is_found_and_nothing_beside_it() {
    for (code, wrong, right) in FACT_ROWS {
        assert!(codes_of(&bash(wrong)).contains(code), "{wrong}");
        let other = codes_of(&bash(right));
        assert!(!other.iter().any(|found| found.starts_with("T8")), "{right}: {other:?}");
    }
    assert_eq!(FACT_ROWS.len(), tools::FACTS.len(), "each fact has its row");
    for fact in tools::FACTS {
        assert!(
            fact.source.contains('.') && !fact.date.is_empty() && !fact.since.is_empty(),
            "{}",
            fact.code
        );
        assert!(codes_of(&bash(fact.wrong)).contains(&fact.code), "{}", fact.wrong);
        assert!(!codes_of(&bash(fact.right)).contains(&fact.code), "{}", fact.right);
    }
}

/// Documents in which a code must not be said, because the text answers it.
const SILENT: &[(&str, &str)] = &[
    ("T211", "## A\n\n```bash\nBUILD=out\nrm -rf $BUILD/tmp\n```\n"),
    ("T211", "## A\n\n```bash\nfor d in a b; do rm -rf /srv/$d; done\n```\n"),
    ("T211", "## A\n\n```bash\nmv app-$VERSION.tar /srv/\n```\n"),
    ("T214", "## A\n\n`IMAGE_NAME` is printed by the build.\n\n```bash\ndocker pull \"$IMAGE_NAME\"\n```\n"),
    ("T214", "## A\n\n```bash\necho \"$HOME $RUN_STAMP $GITHUB_SHA $DATABASE_URL\"\n```\n"),
    ("T214", "## A\n\n```bash\nssh web-1 'echo $APP_ROOT'\n```\n"),
    ("T214", "## A\n\n```bash\nread -r ANSWER_TEXT\necho \"$ANSWER_TEXT\"\n```\n"),
    ("T215", "## A\n\n```bash\nTAG_NAME=v1\n```\n\n```bash\necho \"$TAG_NAME\"\n```\n"),
    ("T215", "## A\n\n```bash\nssh web-1 'cd /srv && ls'\nssh web-1 uptime\n```\n"),
    ("T216", "## A\n\n```bash\nfor i in 1 2 3; do curl -f x.test && break; done\n```\n"),
    ("T216", "## A\n\n```bash\nfor try in {1..5}; do curl -f x.test; done\n```\n"),
    ("T216", "## A\n\n```bash\nmake\nRC=$?\nexit $RC\n```\n"),
    ("T216", "## A\n\n```bash\nfor h in a b; do ssh \"$h\" uptime; done\n```\n"),
    ("T202", "## A\n\n```bash\nmake\nrc=$?\necho made\nexit $rc\n```\n"),
    ("T202", "## A\n\n```bash\nsay() {\n  echo \"$1\"\n}\nrc=$?\nexit $rc\n```\n"),
    ("T202", "## A\n\n```bash\nmake\necho made\nrc=$?\nls\n```\n"),
    ("T303", "## Local setup\n\n```bash\nnpx prisma migrate deploy\n```\n"),
    ("T303", "## A\n\n- [ ] Snapshot taken\n\n```bash\nalembic upgrade head\n```\n"),
    ("T304", "## A\n\nElse restore the dump.\n\n```bash\nalembic upgrade head\n```\n"),
    ("T304", "## A\n\nMigrations only ever add.\n\n```bash\nalembic upgrade head\n```\n"),
    ("T304", "## A\n\nMigrations are backwards compatible.\n\n```bash\nalembic upgrade head\n```\n"),
    ("T307", "## A\n\n```sql\nCREATE TABLE t (a int);\nCREATE INDEX ON t (a);\n```\n"),
    ("T307", "## A\n\n```sql\nSET lock_timeout = '2s';\nALTER TABLE t ALTER COLUMN a TYPE bigint;\n```\n"),
    ("T307", "## A\n\nMySQL 8.\n\n```sql\nCREATE INDEX i ON t (a);\n```\n"),
    ("T307", "## A\n\n```sql\nSELECT 'create index i on t (a)';\n-- CREATE INDEX i ON t (a);\n```\n"),
    (
        "T403",
        "## Release\n\nTo go back, roll back the release in the console.\n\n```bash\nhelm upgrade a ./a\n```\n",
    ),
    (
        "T403",
        "## Release\n\n```bash\ndocker compose up -d\n\ndocker compose logs\n\ndocker compose down\n```\n",
    ),
    ("T406", "## Release\n\n2. If it fails, look at the logs.\n\n```bash\nhelm upgrade a ./a\n```\n"),
    (
        "T404",
        "## Verify\n\n```bash\nkubectl rollout status deploy/a -n shop\n```\n\n## Rollback\n\n```bash\nkubectl rollout undo deploy/a -n shop\nkubectl rollout undo deploy/b -n other\n```\n",
    ),
    (
        "T404",
        "## Verify\n\n```bash\nkubectl get deploy/a -n shop\nkubectl get deploy/a -n test\n```\n\n## Rollback\n\n```bash\nkubectl rollout undo deploy/a -n test2\n```\n",
    ),
    (
        "T406",
        "## Release\n\n- **Bug** → look at the commits, consider rolling back:\n\n  ```bash\n  ./switch.sh blue\n  ```\n\n```bash\nhelm upgrade a ./a\n```\n",
    ),
    ("T410", "## A\n\n```bash\nphp artisan down\n```\n\nThen disable maintenance mode.\n"),
    ("T410", "## A\n\n```bash\nkubectl drain node-1\n```\n\n```bash\nkubectl delete node node-1\n```\n"),
    ("T410", "## A\n\n```bash\nkubectl drain node-1 --dry-run=client\n```\n"),
    ("T401", "## Local development\n\n```bash\ndocker run -d app:latest\n```\n"),
    ("T403", "## Local development\n\n```bash\ndocker compose up -d\n```\n"),
    (
        "T404",
        "## Deploy\n\n```bash\nkubectl apply -f k8s/\n```\n\n## Rollback\n\n```bash\nkubectl rollout undo deployment/a\n```\n",
    ),
    (
        "T404",
        "## Deploy\n\n```bash\ndocker compose -f a.yml up -d\n```\n\n## Rollback\n\n```bash\ndocker compose -f ./a.yml up -d\n```\n",
    ),
    ("T405", "## Deploy\n\n```bash\nhelm upgrade a ./a --wait\n```\n"),
    ("T405", "## Deploy\n\n```bash\nrsync -a dumps/ web@a.test:/var/www/backups/\n```\n"),
    ("T405", "## Deploy\n\n```bash\nrsync -an site/ web@a.test:/srv/site/\n```\n"),
    ("T405", "## Deploy\n\n```bash\nhelm upgrade a ./a\n```\n\nLook at the dashboard.\n"),
    (
        "T406",
        "## Deploy\n\n```bash\nhelm upgrade a ./a\n```\n\n## Rollback\n\nSee [rollback](rollback.md).\n",
    ),
    (
        "T407",
        "## Switch traffic\n\nIn the console, set the weight to 100.\n\n```bash\ncurl -fsS https://x.test/\n```\n",
    ),
    ("T407", "## Verify that traffic is switched\n\n```bash\ncurl -fsS https://x.test/\n```\n"),
    (
        "T409",
        "| Service | Port |\n|---|---|\n| a | 1 |\n| b | 2 |\n| c | 3 |\n\n## Deploy\n\n```bash\ndocker compose up -d\n```\n",
    ),
    ("T504", "Check every 5 minutes for 30 minutes. A release every 2 weeks for 3 months.\n"),
    ("T505", "## Production\n\n**Wait Time**: 4 hours\n\n- [ ] done\n\n## Hotfix\n\n- [ ] done\n"),
    ("T506", "## A\n\n**Duration**: 15 min per host\n\n**Wait Time**: 2 Stunden\n\n- [ ] done\n"),
    (
        "T507",
        "## A\n\n```bash\ncurl -f http://a.test/health\n```\n\n```bash\ncurl -f http://b.test/healthz\n```\n",
    ),
    (
        "T507",
        "## A\n\n```bash\ncurl -f http://a.test/healthz\n```\n\n```bash\ncurl -f http://a.test/readyz\n```\n",
    ),
    (
        "T601",
        "## A\n\n**Owner**: Pilot\n\n- [ ] done\n\n| Role | Name |\n|---|---|\n| SRE | A |\n| QA | B |\n",
    ),
    ("T602", "## A\n\n**Owner**: SRE\n**Approval**: QA lead\n\n- [ ] done\n"),
    ("T604", "## Escalation\n\n1. On-call\n2. Head of platform\n"),
    (
        "T605",
        "**Owner**: SRE\n\n## A\n\n- [ ] a\n\n## B\n\n**Owner**: QA\n\n- [ ] b\n\n## C\n\n**Owner**: QA\n\n- [ ] c\n",
    ),
    ("T701", "Set `API_TOKEN=your-token-goes-here-1234567890`, or API_KEY=${API_KEY}.\n"),
    ("T701", "SECRET_NAME=projects/12345678/secrets/database-password-production\n"),
    ("T701", "Image sha256:2f1e9c0d7b6a5948372615049f8e7d6c5b4a39281706f5e4d3c2b1a098f7e6d5\n"),
    ("T704", "## Staging\n\n```bash\npg_dump \"$PROD_DATABASE_URL\" | psql \"$STAGING_DATABASE_URL\"\n```\n"),
    (
        "T201",
        "## A\n\n```yaml {.deploy}\ntarget: compose\ndrain: 'curl -f x.test/out || { echo no; exit 1; }'\nserving: ./proxy serving\n```\n",
    ),
];

/// Documents in which a code must be said.
const SAID: &[(&str, &str)] = &[
    ("T202", "## A\n\n```bash\nmake\necho made\nrc=$?\nexit $rc\n```\n"),
    ("T202", "## A\n\n```bash\nmake\ndate >> log\nrc=\"$?\"\n[ $rc = 0 ]\n```\n"),
    ("T201", "## A\n\n```bash\ncurl -s https://x.test/health > /dev/null\n```\n"),
    ("T201", "## A\n\n```bash\ncurl -sS -o /dev/null https://x.test/health\n```\n"),
    ("T201", "## A\n\n```bash\nfor i in 1 2 3; do curl -f x.test && break; sleep 10; done\n```\n"),
    (
        "T201",
        "## A\n\n```bash\nfor i in $(seq 9); do\n  curl -fs x.test && break\n  sleep 5\ndone\necho done\n```\n",
    ),
    ("T201", "## A\n\n```yaml {.deploy}\ntarget: compose\ndrain: curl -f x.test/out || echo failed\n```\n"),
    ("T201", "## A\n\n```yaml {.deploy}\ntarget: compose\nserving: curl -f x.test || echo blue\n```\n"),
    ("T201", "## A\n\n```yaml {.flag}\nprovider: command\nset: |\n  curl -f x.test || true\n```\n"),
    ("T205", "## A\n\n```yaml {.flag}\nprovider: command\nget: read -r value\n```\n"),
    ("T205", "## A\n\n```bash\npython manage.py createsuperuser\n```\n"),
    ("T205", "## A\n\n```bash\ngcloud sql instances delete replica-1\n```\n"),
    ("T206", "## A\n\n```bash\ngunicorn app:app --bind 0.0.0.0:80\n```\n"),
    ("T206", "## A\n\n```bash\ncelery -A config worker -l info\n```\n"),
    ("T301", "## A\n\n```bash\ngunzip < b.sql.gz | psql -U app app\n```\n"),
    ("T205", "## A\n\n```bash\nmc\n```\n"),
    ("T205", "## A\n\n```bash\nmc /srv /backup\n```\n"),
    ("T205", "## A\n\n```bash\nansible-playbook -i hosts --ask-vault-pass deploy.yml\n```\n"),
    ("T205", "## A\n\n```bash\nansible-playbook deploy.yml -K\n```\n"),
    ("T205", "## A\n\n```bash\nansible-vault edit vars/main.yml\n```\n"),
    ("T205", "## A\n\n```console\n% vim notes.txt\nsaved\n```\n"),
    ("T205", "## A\n\n```bash\ntop\n```\n"),
    ("T207", "## A\n\n```bash\ndocker pull app:v1.x\n```\n"),
    ("T207", "## A\n\n```bash\ngit tag vX.Y.Z\n```\n"),
    ("T208", "## A\n\n```bash\n# SSH and check manually\nuptime\n```\n"),
    ("T212", "## A\n\n```bash\nif [ -f a ]; then\n  ls\n```\n"),
    ("T208", "## A\n\n```bash\n# In the hosting panel: take a snapshot\nmake deploy\n```\n"),
    ("T408", "## A\n\n```bash\ntouch /var/lock/release\n```\n"),
    ("T302", "## A\n\n```bash\ngunzip -c shop-backup.sql.gz | mysql shop\n```\n"),
    ("T302", "## Rollback\n\n```bash\nzcat last.sql.gz | psql -v ON_ERROR_STOP=1 -h localhost shop\n```\n"),
    ("T206", "## A\n\n```bash\npm2 logs api\n```\n"),
    ("T201", "## A\n\n```bash\ncurl -fsS https://x.test/up && echo up || echo down\n```\n"),
    ("T208", "## A\n\n```bash\n# En el panel -> Avanzado: activar\ngit stash\n```\n"),
    ("T504", "## A\n\n- Look at the report every 2 hours during the first hour\n"),
    ("T205", "## A\n\n```bash\npnpm prisma migrate reset\n```\n"),
    ("T208", "## A\n\n```bash\n# Ask the DBA for more connections\nkubectl rollout restart deploy/a\n```\n"),
    (
        "T210",
        "## A\n\n```bash\nkubectl scale deploy/a --replicas=3\nkubectl scale deploy/b --replicas=0\n```\n",
    ),
    (
        "T501",
        "## When we alert\n\n- Roll back when error rate > 2%\n- Alert the grower when error rate > 5%\n",
    ),
    ("T501", "## Alerts\n\n- Error rate > 5%: roll back\n- Alert when error rate > 10%\n"),
    ("T702", "## A\n\n```bash\nhelm upgrade a ./a --set db.password=Tr0ub4dor7x9Qm\n```\n"),
    ("T206", "## A\n\nCommands:\n\n- `docker compose logs -f api`\n- `docker compose ps`\n"),
    ("T210", "## A\n\nCommands:\n\n- `docker compose down -v`\n- `docker compose ps`\n"),
    ("T210", "## A\n\n```\ndocker compose down -v\n```\n"),
    ("T306", "## A\n\n    mysqldump shop > shop.sql.gz\n"),
    ("T813", "## A\n\n1. Run `npm bin` and add the folder.\n"),
    ("T401", "## Rollback\n\n```bash\ndocker run -d app:latest\n```\n"),
    ("T210", "## A\n\n```bash\ncd build; rm -rf *\n```\n"),
    (
        "T404",
        "## Verify\n\n```bash\nkubectl rollout status deploy/a -n shop\n```\n\n## Rollback\n\n```bash\nkubectl rollout undo deploy/a -n other\n```\n",
    ),
    ("T410", "## A\n\n```bash\nkubectl drain node-1 --ignore-daemonsets\nreboot\n```\n"),
    ("T403", "## Release\n\n```bash\ndocker compose down\ndocker compose up -d\n```\n"),
    ("T406", "## Release\n\nIf it fails, roll back.\n\n```bash\nhelm upgrade a ./a\n```\n"),
    (
        "T406",
        "## Release\n\n```bash\nrsync -a site/ web@a.test:/var/www/a/\n```\n\n## Rollback\n\nPut the old pages back.\n",
    ),
    (
        "T601",
        "## A\n\n**Owner**: SRE\n\n## B\n\n**Owner**: QA\n\n## C\n\n**Owner**: Pilot\n\n| Role | Responsibility |\n|---|---|\n| SRE | Watches |\n| QA | Tests |\n",
    ),
    ("T702", "## A\n\n```bash\ntwine upload -u __token__ -p pypi-AgEIcHlwaS5vcmc dist/*\n```\n"),
];

#[test]
fn what_hurts_is_said() {
    for (code, text) in SAID {
        let found = check(&format!("# Release\n\n{text}"), "x.md");
        assert!(found.iter().any(|d| d.code == *code), "{code}: {text}: {found:#?}");
    }
}

#[test]
fn what_a_program_printed_is_no_fault_of_a_script() {
    for (text, severity) in [
        ("```console\nEnter passphrase for key 'id_rsa':\ndist's password:\n```", Severity::Note),
        ("```bash\nError: read ECONNRESET\n    at Wrap.read (node:internal/x:217:20)\n```", Severity::Note),
        ("```bash\ngdb a core\n(gdb) backtrace\n```", Severity::Note),
        ("```bash\nerror[E0433]: no `x` in (y\n --> src/a.rs:1:19\n  |\n1 | use x;\n```", Severity::Note),
        ("```bash\n+-- a@1.0 (linked)\n|   `-- b@2.0\n`-- c@3.0\n```", Severity::Note),
        ("```bash\ncurl -s x.test/v1 | jq .\n{\n  \"id\": \"a\",\n```", Severity::Note),
        ("```bash\n# each night:\n1. Back up (all of it)\n2. Stop the writers\n```", Severity::Note),
        ("```bash\ncd a (b\n```", Severity::Error),
        ("```bash\nat (midnight\n```", Severity::Error),
    ] {
        let found = check(&format!("# R\n\n## A\n\n{text}\n"), "x.md");
        let refused: Vec<_> = found.iter().filter(|d| d.code == "T212").map(|d| d.severity).collect();
        assert_eq!(refused, [severity], "{text}: {found:#?}");
    }
    // What follows `% ` runs, what the program answered does not.
    let transcript = "# R\n\n## A\n\n```console\n% perl -v\n\nThis is perl (v5\n\n% diff a b\n< one\n```\n";
    let found = check(transcript, "x.md");
    assert!(!found.iter().any(|d| d.code == "T212"), "{found:#?}");
}

#[test]
fn what_waits_and_never_ends_is_said_once() {
    assert_eq!(codes_of(&bash("top")).iter().filter(|code| code.starts_with("T2")).count(), 1);
}

#[test]
fn what_the_text_answers_is_not_asked() {
    for (code, text) in SILENT {
        let found = check(&format!("# Release\n\n{text}"), "x.md");
        assert!(!found.iter().any(|d| d.code == *code), "{text}: {found:#?}");
    }
}

/// Pages as they are, and what must not be said about them.
#[test]
fn what_a_page_only_tells_is_no_fault() {
    let table = [
        ("T813", "## Notes\n\n- `npm set-script` has been removed; use `npm pkg set`.\n"),
        ("T206", "## Logs\n\nWith `kubectl logs -f deploy/api` one sees them.\n"),
        ("T206", "## Logs\n\n```\nkubectl logs -f deploy/api\n```\n"),
        ("T205", "## Setup\n\n```\nnano .env\n```\n"),
        ("T302", "## Restore\n\n- Data: `gunzip -c dump.sql.gz | mysql` into a clean database.\n"),
        (
            "T103",
            "## A\n\n```bash {\"name\": \"start\"}\nls\n```\n\n```sh {run: false}\nls\n```\n\n```bash {cmd=true}\nls\n```\n",
        ),
        (
            "T103",
            "## A\n\n```bash {{ title: \"x\" }}\nls\n```\n\n```sh {data-line=\"2\" highlight=1}\nls\n```\n",
        ),
        ("T504", "## A\n\n- Look every 10 minutes during the first hour\n"),
        ("T210", "## Reset (lokal)\n\n```bash\ndocker compose down -v\n```\n"),
        ("T403", "## 部署到开发环境\n\n```bash\ndocker compose up -d\n```\n"),
        (
            "T302",
            "## Practice\n\n```bash\nzcat backup.sql.gz | psql -v ON_ERROR_STOP=1 -h localhost shop\n```\n",
        ),
        ("T605", "## a()\n\n- [ ] x\n\n## b()\n\n- [ ] x\n\n## c()\n\n- [ ] x\n\n## Snapshots\n\n- [ ] x\n"),
        ("T703", "## A\n\n```js\nconst at = new URL('http://abc:xyz@example.com');\n```\n"),
        ("T701", "## A\n\n`key=\"-----BEGIN PRIVATE KEY-----\\nXXXX\\nXXXX\\n-----END PRIVATE KEY-----\"`\n"),
        ("T101", "---\nlayout: page\n# where this goes\nfolder: ops\n---\n\n## A\n\n- [ ] x\n"),
    ];
    for (code, text) in table {
        let document = if text.starts_with("---") { text.to_owned() } else { format!("# R\n\n{text}") };
        assert!(!codes_of(&document).contains(&code), "{code}: {document}");
    }
}

#[test]
fn one_habit_of_headings_is_told_once() {
    let document = "# Changes\n\n### 1.2\n\ntext\n\n### 1.1\n\ntext\n\n#### Fixed\n\n### 1.0\n";
    let jumps = check(document, "x.md").into_iter().filter(|found| found.code == "T106");
    assert_eq!(jumps.map(|found| found.line).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_query_that_fails_is_less_than_a_change_that_fails() {
    let severity = |sql: &str| {
        let document = format!("## A\n\n```bash\npsql app <<'SQL'\n{sql}\nSQL\n```\n");
        check(&document, "x.md").iter().find(|found| found.code == "T301").map(|found| found.severity)
    };
    for asks in
        ["SELECT 1;", "\\x\nselect id\n  from jobs -- all;\n where id > 3; SHOW server_version;", "\\dt"]
    {
        assert_eq!(severity(asks), Some(Severity::Warning), "{asks}");
    }
    for changes in [
        "UPDATE jobs SET state = 'new';",
        "SELECT 1; DELETE FROM jobs;",
        "SELECT * INTO old_jobs FROM jobs;",
        "SELECT 'drop table ' || name FROM t \\gexec",
        "WITH gone AS (DELETE FROM jobs RETURNING id) SELECT * FROM gone;",
        "\\i change.sql",
    ] {
        assert_eq!(severity(changes), Some(Severity::Error), "{changes}");
    }
}
