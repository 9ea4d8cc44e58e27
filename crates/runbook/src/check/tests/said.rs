//! What is said and what is not, one row each.

use super::*;

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
    for fact in tools::all() {
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
    ("T201", "## A\n\n```bash\ncurl -s https://x.test/page\n```\n"),
    ("T201", "## A\n\n```bash {#look .check match=ok}\ncurl -s https://x.test/health\n```\n"),
    ("T201", "## A\n\n```bash {#look .check}\ncurl -s https://x.test/health > page\ngrep -q ok page\n```\n"),
    ("T201", "## A\n\n```bash {#look .check}\ncurl -s https://x.test/health | grep -q ok\n```\n"),
    ("T201", "## A\n\n```bash\nif ! git diff --quiet; then\n  echo \"there are changes\"\nfi\n```\n"),
    ("T201", "## A\n\n```bash\nif ! pg_isready; then\n  echo down\n  exit 1\nfi\n```\n"),
    ("T201", "## A\n\n```bash\naws s3 cp a.tar s3://b/ &\nrsync -a x h:y/ &\nwait\n```\n"),
    ("T201", "## A\n\n```bash\nkubectl port-forward svc/backup 9000:80 &\ncurl -f localhost:9000\n```\n"),
    ("T201", "## A\n\n```bash\nkubectl port-forward svc/db 5432 &\npg_dump -h localhost app >a.sql\n```\n"),
    ("T201", "## A\n\n```bash\ndocker compose up api &\n./watch.sh\n```\n"),
    ("T201", "## Verify\n\n```bash\nif curl -s https://x.test/healthz; then echo up; fi\n```\n"),
    ("T201", "## A\n\n```bash\nssh a 'test -e busy' && { echo busy; exit 1; } || echo free\n```\n"),
    ("T401", "## Rollback\n\n```bash\ndocker tag shop:v1 shop:latest\n```\n"),
    ("T201", "## Verify\n\n```bash\ndocker logs api | grep -i 'error' || echo \"no errors\"\n```\n"),
    (
        "T302",
        "## Upgrade PostgreSQL 16 to 17\n\n```bash\npg_dumpall > all-16.backup.sql\nmv data data-16\npsql -v ON_ERROR_STOP=1 < all-16.backup.sql\n```\n",
    ),
    ("T205", "## A\n\n```bash\nvercel rollback https://a.test\n```\n"),
    ("T501", "## Watch\n\n- Alert if error rate > 2%; roll back if error rate > 5%\n"),
    ("T205", "## A\n\n```bash\ngit tag -a v1.2.3 -m v1.2.3\ngit tag -am v1 v1\ngit tag v1.2.3\n```\n"),
    ("T210", "## Staging\n\n```bash\nnpx prisma migrate dev\n```\n"),
    ("T210", "## Production\n\n```bash\nnpx prisma migrate deploy\nphp artisan migrate --force\n```\n"),
    ("T701", "Set `API_TOKEN=your-token-goes-here-1234567890`, or API_KEY=${API_KEY}.\n"),
    ("T701", "SECRET_NAME=projects/12345678/secrets/database-password-production\n"),
    ("T701", "Image sha256:2f1e9c0d7b6a5948372615049f8e7d6c5b4a39281706f5e4d3c2b1a098f7e6d5\n"),
    ("T704", "## Staging\n\n```bash\npg_dump \"$PROD_DATABASE_URL\" | psql \"$STAGING_DATABASE_URL\"\n```\n"),
    (
        "T201",
        "## A\n\n```yaml {.deploy}\ntarget: compose\ndrain: 'curl -f x.test/out || { echo no; exit 1; }'\nserving: ./proxy serving\n```\n",
    ),
    ("T201", "## A\n\n```bash\ngh run watch 7 --exit-status\n```\n"),
    ("T201", "## A\n\n```bash\nset -e\ncurl -f https://x.test/; true\n```\n"),
    ("T201", "## A\n\n```bash\ntest -f a.tar || exit 0\nrm a.tar\n```\n"),
    ("T204", "## A\n\n```bash\nfor i in 1 2 3; do\n  systemctl restart app\n  sleep 20\ndone\n```\n"),
    (
        "T205",
        "## A\n\n```bash\nssh h bash -s <<'EOF'\nuptime\nEOF\nssh h 'bash -s' < deploy.sh\ncat deploy.sh | ssh h 'sudo bash -s'\n```\n",
    ),
    (
        "T205",
        "## A\n\n```bash\ngcloud run deploy a --image a:1 --no-traffic\ngh release create v1 --notes-file n.md\nprintf x | vercel env add A production\n```\n",
    ),
    ("T205", "## Production\n\n```bash\nphp artisan migrate --force\n```\n"),
    ("T205", "## Staging\n\n```bash\nphp artisan migrate\n```\n"),
    (
        "T208",
        "## A\n\n```bash\n# Open the rails console\nrails runner 'x'\n# Shows the UI's version\ncurl -f https://x.test/\n```\n",
    ),
    ("T210", "## Production\n\n```bash\nhelm uninstall api-canary\ngcloud projects delete a\n```\n"),
    ("T210", "## A\n\n```bash\nOLD=1.2\nrm -rf \"/srv/$OLD/\"\nssh h \"rm -rf /srv/$OLD/\"\n```\n"),
    (
        "T215",
        "## A\n\n```bash\nTAG_NAME=v1\nssh h \"git checkout $TAG_NAME\"\nssh h bash -s <<EOF\ngit checkout $TAG_NAME\nEOF\n```\n",
    ),
    (
        "T215",
        "## A\n\n```bash\nTAG_NAME=v1\nssh h TAG_NAME=\"$TAG_NAME\" bash -s <<'EOF'\ngit checkout $TAG_NAME\nEOF\n```\n",
    ),
    ("T215", "## A\n\n```bash\nssh h <<'EOF'\ncd /srv\nls\nEOF\nssh h uptime\n```\n"),
    ("T305", "## A\n\n```bash\nfor f in sql/views/*.sql; do mysql app < \"$f\"; done\n```\n"),
    ("T307", "## A\n\nMySQL 8.\n\n```sql\nALTER TABLE t MODIFY a INT, ALGORITHM=INPLACE, LOCK=NONE;\n```\n"),
    ("T401", "## Publish\n\n```bash\nnpm publish --tag=latest\n```\n"),
    (
        "T404",
        "## Deploy\n\n```bash\nheroku container:release web --app a-prod\n```\n\n## Rollback\n\n```bash\nheroku rollback --app a-prod\n```\n",
    ),
    (
        "T407",
        "## Switch traffic\n\nSet the weight in the dashboard.\n\n```bash\ncurl -fsS https://x.test/\n```\n",
    ),
    ("T408", "## A\n\n```bash\ntouch /etc/haproxy/maintenance.on\n```\n"),
    (
        "T410",
        "## A\n\n```bash\ntouch /etc/haproxy/maintenance.on\n./deploy\nrm -f /etc/haproxy/maintenance.on\n```\n",
    ),
    ("T702", "## A\n\n```bash\npsql \"host=db dbname=a\" -c 'select 1'\n```\n"),
    ("T803", "## A\n\n```bash\nU=$(vercel deploy --prod --skip-domain)\nvercel promote \"$U\" --yes\n```\n"),
    ("T210", "## A\n\n```bash\nkubectl delete ns preview-17\nmysql -e 'DELETE FROM a WHERE b = 1'\n```\n"),
    ("T201", "## A\n\n```bash\ncurl -f https://x.test/; echo\n```\n"),
];

/// Documents in which a code must be said.
const SAID: &[(&str, &str)] = &[
    ("T202", "## A\n\n```bash\nmake\necho made\nrc=$?\nexit $rc\n```\n"),
    ("T201", "## A\n\n```bash\nnomad job validate api.hcl || true\nnomad job run api.hcl\n```\n"),
    ("T202", "## A\n\n```bash\nmake\ndate >> log\nrc=\"$?\"\n[ $rc = 0 ]\n```\n"),
    ("T307", "## Production\n\n```bash\npsql --command='CREATE INDEX i ON entries (at)' shop\n```\n"),
    ("T201", "## A\n\n```bash\ncurl -s https://x.test/health > /dev/null\n```\n"),
    ("T201", "## A\n\n```bash {#look .check}\ncurl -s https://x.test/health\n```\n"),
    ("T201", "## A\n\n```bash\nif ! pg_isready -h db; then\n  echo \"database is down\"\nfi\n```\n"),
    ("T201", "## A\n\n```bash\nif ! make migrate; then\n  echo 'Migration FAILED'\nfi\n```\n"),
    (
        "T201",
        "## A\n\n```bash\nif [ \"$(curl -s -w '%{http_code}' -o /dev/null x.test)\" = 200 ]; then\n  echo OK\nelse\n  echo FAILED\nfi\n```\n",
    ),
    ("T401", "## Rollback\n\n```bash\ndocker tag shop:latest shop:now\n```\n"),
    ("T201", "## Verify\n\n```bash\ndocker logs api | grep -q 'listening' || echo \"not listening\"\n```\n"),
    ("T210", "## Production\n\n```bash\nkubectl delete all --all -n shop\n```\n"),
    ("T210", "## Production\n\n```bash\nkubectl delete sts/db -n shop\n```\n"),
    ("T201", "## Verify\n\n```bash\ncurl -s https://x.test/healthz\n```\n"),
    ("T210", "## Production\n\n```bash\nkubectl -n shop delete pvc,statefulset -l app=a\n```\n"),
    (
        "T305",
        "## A\n\n```bash\nfor f in migrations/*_up.sql; do psql -v ON_ERROR_STOP=1 -f \"$f\"; done\n```\n",
    ),
    ("T201", "## A\n\n```bash\ngzip a.tar\naws s3 cp a.tar.gz s3://backups/ &\necho uploaded\n```\n"),
    ("T201", "## A\n\n```bash\nfor h in a b; do\n  scp app.jar \"$h:/srv/\" &\ndone\n```\n"),
    ("T205", "## A\n\n```bash\ngit tag -a v1.2.3\n```\n"),
    ("T210", "## Production\n\n```bash\nnpx prisma migrate dev\n```\n"),
    ("T210", "## Production\n\n```bash\nphp artisan migrate:fresh --force\n```\n"),
    ("T210", "## Production\n\n```bash\npython manage.py flush --no-input\n```\n"),
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
    ("T501", "## Watch\n\n- Alert if error rate > 5%; roll back if error rate > 2%\n"),
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
    ("T201", "## A\n\n```bash\ngh run watch 7\n```\n"),
    ("T201", "## A\n\n```bash\ncurl -f https://x.test/; true\n```\n"),
    ("T201", "## A\n\n```bash\nkubectl rollout status deploy/a || exit 0\n```\n"),
    ("T201", "## A\n\n```bash\nssh h 'curl -fsS localhost/health | tee h.json'\n```\n"),
    ("T201", "## A\n\n```bash\nssh h <<'EOF'\ncurl -f localhost/health || echo bad\nEOF\n```\n"),
    (
        "T204",
        "## A\n\n```bash\nfor h in a b; do\n  ssh \"$h\" sudo systemctl restart app\n  sleep 20\ndone\n```\n",
    ),
    ("T205", "## A\n\n```bash\ngh release create v1\n```\n"),
    ("T205", "## A\n\n```bash\nvercel env add A production\n```\n"),
    ("T205", "## Production\n\n```bash\nphp artisan migrate\n```\n"),
    ("T205", "## A\n\n```\nansible-playbook -i hosts site.yml -K\n```\n"),
    ("T206", "## A\n\n```bash\nsudo -u app sh <<EOF\ntail -f /var/log/app.log\nEOF\n```\n"),
    ("T208", "## A\n\n```bash\n# Take a snapshot in the console\n./deploy.sh\n```\n"),
    ("T208", "## A\n\n```bash\n# Snapshot in der Proxmox-Oberfläche anlegen\n./deploy.sh\n```\n"),
    ("T208", "## A\n\n```bash\n# 在控制台创建快照\n./deploy.sh\n```\n"),
    ("T210", "## Production\n\n```bash\nterraform -chdir=prod destroy -auto-approve\n```\n"),
    ("T210", "## Production\n\n```bash\nhelm uninstall api\n```\n"),
    ("T210", "## Production\n\n```bash\naws cloudformation delete-stack --stack-name a\n```\n"),
    ("T210", "## Production\n\n```bash\nssh h 'sudo rm -rf /var/cache/$OLD/'\n```\n"),
    ("T214", "## A\n\n```bash\nnomad job run -region $NOMAD_REGION_PROD a.hcl\n```\n"),
    ("T215", "## A\n\n```bash\nTAG_NAME=v1\nssh h 'git checkout $TAG_NAME'\n```\n"),
    ("T215", "## A\n\n```bash\nTAG_NAME=v1\nssh h <<'EOF'\ngit checkout $TAG_NAME\nEOF\n```\n"),
    ("T215", "## A\n\n```bash\nssh h <<EOF\nOLD_TAG=1.2\ngit checkout $OLD_TAG\nEOF\n```\n"),
    (
        "T215",
        "## A\n\n```bash\nTAG_NAME=v1\n```\n\n```console\n$ ssh me@web-1.test\nme@web-1:~$ git checkout $TAG_NAME\n```\n",
    ),
    ("T302", "## A\n\n```bash\nwp db import /srv/a.sql\n```\n"),
    ("T305", "## A\n\n```bash\nfor f in sql/*.sql; do mysql app < \"$f\"; done\n```\n"),
    ("T306", "## A\n\nOn the host:\n\n    set -eu\n    pg_dump app > a.sql.gz\n"),
    ("T307", "## A\n\nMySQL 8.\n\n```bash\nmysql app -e 'ALTER TABLE t MODIFY a INT, ALGORITHM=COPY'\n```\n"),
    ("T401", "## Deploy\n\n```bash\nhelm upgrade a ./a --set image.tag=latest\n```\n"),
    ("T401", "## Deploy\n\n```bash {#up on=web-1}\ndocker compose up -d --build\n```\n"),
    (
        "T404",
        "## Deploy\n\n```bash\nheroku container:release web --app a-prod\n```\n\n## Rollback\n\n```bash\nheroku rollback --app a-staging\n```\n",
    ),
    ("T407", "## Switch traffic\n\nWatch the dashboard.\n\n```bash\ncurl -fsS https://x.test/\n```\n"),
    ("T410", "## A\n\n```bash\nphp artisan down\n```\n\n## Rollback\n\n```bash\nphp artisan up\n```\n"),
    ("T410", "## A\n\n```bash\nssh lb 'touch /etc/haproxy/maintenance.on'\n```\n"),
    ("T702", "## A\n\n```bash\npsql \"host=db password=$DB_PASSWORD\" -c 'select 1'\n```\n"),
    (
        "T704",
        "## Staging\n\n```bash\nansible-playbook -i inventories/staging a.yml --vault-id prod@/secure/p\n```\n",
    ),
    ("T210", "## Production\n\n```bash\ndropdb shop\n```\n"),
    ("T210", "## A\n\n```bash\nkafka-topics.sh --bootstrap-server k:9092 --delete --topic a\n```\n"),
    ("T210", "## A\n\n```bash\nmongosh --eval 'db.sessions.deleteMany({})'\n```\n"),
    ("T210", "## A\n\n```bash\nmysql -e 'DELETE FROM sessions'\n```\n"),
    ("T201", "## A\n\n```bash\ncurl -f https://x.test/; echo ok\n```\n"),
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

#[test]
fn every_row_of_destruction_is_found_in_production_alone() {
    for row in destroy_rows::ROWS {
        let command =
            format!("{} {} {} x", row.program, row.verbs.join(" "), row.with.first().unwrap_or(&""));
        let at = |heading: &str| {
            codes_of(&format!("# Release\n\n## {heading}\n\n```bash\n{command}\n```\n")).contains(&"T210")
        };
        assert!(at("Production") && !at("Local setup"), "{command}");
        assert!(!codes_of(&bash(&format!("{command}-canary --dry-run"))).contains(&"T210"), "{command}");
    }
}
