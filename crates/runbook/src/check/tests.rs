//! Tables of texts that must fire and, longer, of texts that must not.

use super::*;
use crate::diagnostic::Severity;
use crate::{adopt, settings};
use proptest::prelude::*;

mod numbers;
mod people;
mod prose;
mod said;

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
        "vercel rollback x",
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
