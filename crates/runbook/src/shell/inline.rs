//! Inline code spans: which of them are commands that a person would run.

use super::tree;

/// Programs whose name alone, or with any word after it, is a command.
#[rustfmt::skip]
const PROGRAMS: &[&str] = &[
    "alembic", "ansible", "ansible-playbook", "apt", "apt-get", "argocd", "artillery", "aws", "az", "bash", "brew", "bun", "bundle", "bunx",
    "cargo", "cat", "cd", "chmod", "chown", "cosign", "cp", "createdb", "crontab", "curl", "cyclonedx-py", "dbmate", "deno", "df", "diff", "dig",
    "dnf", "docker", "docker-compose", "dotnet", "dropdb", "du", "echo", "eb", "export", "find", "firebase", "fly", "flyctl", "flyway", "free", "gcloud",
    "gem", "gh", "git", "glab", "go", "gradle", "grep", "gsutil", "gunzip", "gzip", "helm", "heroku", "journalctl", "just", "k6", "kamal", "kill",
    "kubectl", "kustomize", "liquibase", "ln", "ls", "make", "mix", "mkdir", "mv", "mvn", "mysql", "mysqldump", "nano", "netlify", "netstat",
    "nginx", "node", "npm", "npx", "openssl", "pg_dump", "pg_isready", "pg_restore", "php", "ping", "pip", "pip-audit", "pip3", "pipenv", "pkill",
    "playwright", "pm2", "pnpm", "poetry", "prisma", "ps", "psql", "pulumi", "pytest", "python", "python3", "rails", "rake", "redis-cli",
    "rm", "rsync", "ruby", "rustup", "sbt", "scp", "sed", "serverless", "service", "sh", "sleep", "snyk", "sops", "source", "ssh", "sudo", "supabase",
    "supervisorctl", "systemctl", "tail", "tar", "terraform", "tofu", "touch", "trivy", "turbo", "uv", "vault", "vercel", "vi", "vim",
    "wget", "wrangler", "yarn", "yum", "zip",
];

/// Programs whose name is also an ordinary word or a thing: they need a word behind them.
#[rustfmt::skip]
const NEED_WORDS: &[&str] = &[
    "apt", "artillery", "aws", "az", "bash", "bun", "bundle", "cargo", "cat", "cd", "cosign", "cp", "curl", "deno", "diff", "docker", "docker-compose",
    "echo", "eb", "export", "find", "firebase", "fly", "gem", "gh", "git", "go", "grep", "gradle", "helm", "heroku", "just", "k6", "kill", "kubectl", "ln",
    "mix", "mkdir", "mv", "mysql", "nginx", "node", "npm", "npx", "openssl", "php", "ping", "pip", "playwright", "pnpm", "poetry", "prisma",
    "psql", "python", "python3", "rails", "rake", "rm", "ruby", "sed", "service", "sh", "sleep", "snyk", "sops", "source", "ssh", "sudo", "supabase",
    "tail", "tar", "terraform", "tofu", "touch", "trivy", "turbo", "uv", "vault", "vercel", "vi", "vim", "wget", "wrangler", "yarn", "zip",
    "pulumi", "serverless", "netlify", "pm2", "nano", "make", "mvn", "sbt", "pg_dump",
];

/// Tells whether an inline code span is a command that a person would run: `npm ci` is one,
/// `dist/`, `VITE_ENABLE_PWA=true`, `POST /v1/jobs`, `select * from t` and `--dry-run` are none.
pub fn looks_like_command(code_span: &str) -> bool {
    let text = code_span.trim().trim_start_matches("$ ");
    if text.is_empty()
        || text.len() > 4096
        || text.starts_with(['-', '#', '@', '{', '[', '(', '"', '\'', '<', '*', '|'])
    {
        return false;
    }
    let words: Vec<&str> = text.split_whitespace().skip_while(|word| is_assignment(word)).collect();
    let Some(first) = words.first() else { return false };
    let known = PROGRAMS.contains(first) && (words.len() > 1 || !NEED_WORDS.contains(first));
    let script = is_script(first, words.len());
    // `test environment` is prose; a question of the shell has an option or a negation behind it.
    let asks = *first == "test" && words.get(1).is_some_and(|word| word.starts_with('-') || *word == "!");
    let known = known || asks;
    if !known && !script {
        return false;
    }
    // `go/no-go` words such as `make sure` are prose; what the shell refuses is no command.
    let neutral =
        super::placeholder::neutral(text, &super::placeholder::find(text, super::placeholder::Place::Code));
    tree::parse(&neutral).program.is_some()
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

/// `./scripts/smoke.sh` and `scripts/deploy.sh production` run; `scripts/deploy.sh` is a file's name.
fn is_script(first: &str, words: usize) -> bool {
    let file = first.strip_prefix("./").unwrap_or(first);
    let runs = [".sh", ".bash", ".py", ".mjs", ".rb", ".pl"].iter().any(|ending| file.ends_with(ending));
    first.starts_with("./")
        && !first.ends_with('/')
        && (runs || !file.rsplit('/').next().unwrap_or_default().contains('.'))
        || runs && words > 1 && file.contains('/')
}
