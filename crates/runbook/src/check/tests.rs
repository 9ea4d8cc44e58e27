//! Tables of texts that must fire and, longer, of texts that must not.

use super::*;
use crate::diagnostic::Severity;
use proptest::prelude::*;

fn codes_of(document: &str) -> Vec<&'static str> {
    check(document, "x.md").into_iter().map(|found| found.code).collect()
}

fn bash(script: &str) -> String {
    format!("# R\n\n## Deploy\n\n```bash\n{script}\n```\n")
}

#[test]
fn every_page_shows_its_fault_and_its_cure() {
    for page in explain::PAGES {
        let document = |example: &str| {
            if example.starts_with("---") || example.starts_with("# ") {
                example.to_owned()
            } else {
                format!("# R\n\n## Step\n\n{example}\n")
            }
        };
        let wrong = codes_of(&document(page.wrong));
        assert!(wrong.contains(&page.code), "{}: the wrong example has only {wrong:?}", page.code);
        let right = codes_of(&document(page.right));
        assert!(!right.contains(&page.code), "{}: the right example has it too", page.code);
        assert!(!page.why.is_empty() && !page.source.is_empty());
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
        "for i in 1 2 3; do curl -f x.test && break; sleep 10; done",
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
    ] {
        let found = check(&bash(script), "x.md");
        let found: Vec<_> = found.iter().filter(|d| d.severity > Severity::Note).collect();
        // That a document has no way back or no check is about more than its one script.
        let found: Vec<_> = found.iter().filter(|d| !matches!(d.code, "T303" | "T304" | "T403" | "T405")).collect();
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
    ] {
        assert_eq!(codes_of(&format!("# R\n\n{text}\n")).contains(&"T503"), fires, "{text}");
    }
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
