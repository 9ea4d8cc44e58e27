//! Commands among what a terminal shows: prompts in front of them, output behind them, and blocks
//! that name no language at all.

use crate::shell;

/// Keeps what follows a prompt; lines without one are output. Line numbers stay the same. A text
/// without a prompt stays as it is.
pub(super) fn commands(body: &str) -> String {
    // `% ` is the prompt of zsh and csh; only as the first thing, for `% ` begins lines of output too.
    let first = body.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let prompted: fn(&str) -> Option<&str> = if body.lines().any(|line| behind_prompt(line).is_some()) {
        behind_prompt
    } else if first.trim_start().starts_with("% ") {
        |line| line.trim_start().strip_prefix("% ")
    } else {
        return body.to_owned();
    };
    let mut code = String::with_capacity(body.len());
    let (mut continues, mut quoted) = (false, false);
    for line in body.lines() {
        let continued = continues.then(|| {
            let trimmed = line.trim_start();
            trimmed.strip_prefix("> ").or_else(|| trimmed.strip_prefix('>')).unwrap_or(line)
        });
        // In an open quote the shell's second prompt shows that typing went on: output may begin
        // with `> ` as well, but not there.
        let continued = continued.filter(|_| !quoted || line.trim_start().starts_with('>'));
        if let Some(command) = prompted(line).or(continued) {
            code.push_str(command);
            quoted ^= has_open_quote(command);
            continues = quoted || command.ends_with('\\');
        } else {
            (continues, quoted) = (false, false);
        }
        code.push('\n');
    }
    code
}

/// Tells whether a line has a single quote without its other end.
fn has_open_quote(line: &str) -> bool {
    !line.contains(['"', '\\', '#']) && line.matches('\'').count() % 2 == 1
}

/// Tells whether a text begins like a session: its first line that is no comment has a prompt. No
/// shell has a command `$` or `%`, so this is certain whatever language the block claims.
pub(crate) fn is_session(body: &str) -> bool {
    let mut lines = body.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("# "));
    lines.next().is_some_and(|line| behind_prompt(line).is_some() || line.starts_with("% "))
}

/// Tells whether a prompt names the host on which its command was typed. Here it would run
/// somewhere else, so only a person can take it over.
pub(super) fn names_a_host(body: &str) -> bool {
    body.lines().any(|line| {
        behind_prompt(line).is_some_and(|command| {
            let line = line.trim();
            line[..line.len() - command.len().min(line.len())].contains('@')
        })
    })
}

/// Keeps what was typed behind prompts that name a host, where the text itself goes there by `ssh`; line
/// numbers stay the same.
pub(crate) fn typed_elsewhere(body: &str) -> String {
    let mut gone_to: Vec<&str> = Vec::new();
    let mut code = String::with_capacity(body.len());
    for line in body.lines() {
        if let Some(command) = behind_prompt(line) {
            let trimmed = line.trim();
            let prompt = &trimmed[..trimmed.len() - command.len().min(trimmed.len())];
            let host = prompt.split_once('@').map(|(_, host)| host.split([':', ' ', ']', '.']).next());
            match host.flatten() {
                Some(host) if gone_to.contains(&host) => code.push_str(command),
                _ => {}
            }
            if let Some(target) = command.strip_prefix("ssh ").and_then(|rest| rest.split_whitespace().last())
            {
                gone_to.extend(target.rsplit('@').next().and_then(|host| host.split('.').next()));
            }
        }
        code.push('\n');
    }
    code
}

/// Tells whether every line of a text is a command that people run: no output, no data, no prose.
pub(super) fn is_only_commands(body: &str) -> bool {
    if is_mostly_commands(body) {
        return true;
    }
    let mut continues = false;
    let mut some = false;
    for line in body.lines().map(str::trim) {
        let is_command =
            continues || line.is_empty() || line.starts_with('#') || shell::looks_like_command(line);
        if !is_command {
            return false;
        }
        some |= !line.is_empty() && !line.starts_with('#');
        continues = line.ends_with('\\');
    }
    some
}

/// Programs that a block of commands may begin with, beside those that a code span names.
#[rustfmt::skip]
const OTHERS: [&str; 68] = [
    "artisan", "awk", "bin/console", "bin/rails", "bin/rake", "borg", "bq", "buildah", "cap", "cdk", "celery", "certbot", "composer",
    "consul", "createuser", "doctl", "drush", "eas", "eksctl", "etcdctl", "fastlane", "flask", "goreleaser", "gpg", "gsutil", "hcloud",
    "helmfile", "initdb", "ip", "iptables", "jq", "lsof", "mariadb", "mariadb-dump", "mongodump", "mongorestore", "mongosh", "nc", "nft",
    "nomad", "oc", "pg_basebackup", "pg_ctl", "pg_ctlcluster", "pg_dumpall", "pg_upgrade", "podman", "printf", "rclone", "restic", "sam",
    "sha256sum", "skopeo", "sls", "ss", "symfony", "tee", "twine", "ufw", "umount", "unzip", "vacuumdb", "velero", "wp", "xargs", "zstd",
    "./gradlew", "./mvnw",
];

/// Tells whether a text is shell code of several kinds of lines: most are surely commands, the first
/// one among them, and the shell accepts the whole. Output, settings and data have no such lines.
fn is_mostly_commands(body: &str) -> bool {
    let (mut sure, mut others, mut acts) = (0_usize, 0_usize, false);
    let mut continues = false;
    let mut document: Option<String> = None;
    for line in body.lines().map(str::trim) {
        if let Some(end) = &document {
            if line == end {
                document = None;
            }
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let goes_on = ["\\", "|", "&&", "||"].iter().any(|end| line.ends_with(end));
        if std::mem::replace(&mut continues, goes_on) {
            continue;
        }
        document = end_of_document(line);
        let own = line.trim_end_matches(['\\', '|', '&', ' ']);
        let own = own.split("<<").next().unwrap_or(own).trim_end();
        let first = own.split_whitespace().next().unwrap_or_default();
        let is_command = (shell::looks_like_command(own) || OTHERS.contains(&first) && own != first)
            && !is_told_by_npm(own);
        let is_syntax = is_syntax(own);
        acts |= is_command || is_syntax && own.contains("; do ");
        if is_command || is_syntax {
            sure += 1;
        } else if sure == 0 {
            return false;
        } else {
            others += 1;
        }
    }
    acts && others * 5 <= sure + others && shell::survey(body).syntax_error.is_none()
}

/// The word that ends the here-document that a line opens.
fn end_of_document(line: &str) -> Option<String> {
    let (_, behind) = line.split_once("<<")?;
    let word = behind.trim_start_matches(['-', ' ']).split([' ', ';', '|', '>', ')']).next()?;
    let word = word.trim_matches(['\'', '"', '\\']);
    (!word.is_empty() && !word.starts_with('<')).then(|| word.to_owned())
}

/// Lines of npm's output begin with its name.
fn is_told_by_npm(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some("npm") && matches!(words.next(), Some("WARN" | "warn" | "ERR!" | "notice" | "error"))
}

/// Lines that only a shell has: `set -eu`, `export A=b`, `for x in …; do`, `done`, `NAME=value`.
fn is_syntax(line: &str) -> bool {
    const WHOLE: [&str; 10] = ["do", "done", "then", "else", "fi", "esac", "{", "}", "wait", "exit"];
    let begins = |starts: &[&str]| starts.iter().any(|start| line.starts_with(start));
    let is_set = line.split_once('=').is_some_and(|(name, value)| {
        !name.is_empty()
            && !value.starts_with([' ', '='])
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    });
    WHOLE.contains(&line)
        || begins(&[
            "set -e", "set -u", "set -x", "set -o ", "set +", "exit 0", "exit 1", "umask 0", "trap '",
            "trap \"", "[ ", "[[ ", "unset ",
        ])
        || begins(&["for ", "while ", "until "]) && (line.ends_with("do") || line.contains("; do "))
        || begins(&["if ", "elif "]) && (line.ends_with("then") || line.contains("; then "))
        || line.starts_with("done ")
        || line.starts_with("fi ")
        || is_set
}

/// Returns what follows `$ `, `user@host:~$ ` or `[root@host dir]# `.
fn behind_prompt(line: &str) -> Option<&str> {
    let line = line.trim();
    if let Some(command) = line.strip_prefix("$ ") {
        return Some(command);
    }
    let at = line.find("$ ").into_iter().chain(line.find("# ")).min()?;
    let (prompt, command) = (&line[..at], &line[at + 2..]);
    let inner = match prompt.strip_prefix('[') {
        // `[user@host folder]`
        Some(inner) => inner.strip_suffix(']')?.split(' ').next()?,
        // `user@host:folder`
        None => prompt.split(':').next().filter(|_| prompt.contains(':') && !prompt.contains(' '))?,
    };
    let (user, host) = inner.split_once('@')?;
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    (is_name(user) && is_name(host)).then_some(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Request, compile};
    use tminus_release::plan::{Action, Mode, Work};

    #[test]
    fn prompts_of_every_form() {
        let table = [
            ("$ ls\na  b\n", "ls\n\n"),
            ("$ git tag v1 \\\n>   -m x\nok\n", "git tag v1 \\\n  -m x\n\n"),
            ("$ a \\\n    b\n", "a \\\n    b\n"),
            ("me@web-1:~$ uptime\n 10:00\n", "uptime\n\n"),
            ("[root@web-1 ~]# nginx -t\nok\n", "nginx -t\n\n"),
            ("echo a # b\n", "echo a # b\n"),
            ("% ls\na\n", "ls\n\n"),
            ("mail me@x.test: costs $ 5\n", "mail me@x.test: costs $ 5\n"),
        ];
        for (body, expected) in table {
            assert_eq!(commands(body), expected, "{body}");
        }
        assert!(names_a_host("me@web-1:~$ uptime\n") && !names_a_host("$ ssh me@web-1\n"));
    }

    /// What becomes of a body under a heading, in assisted mode: commands that run, or `by hand`.
    fn check(body: &str, expected: &[&str]) {
        let document = format!("# R\n\n## Deploy\n\n- [ ] begin\n\n{body}");
        let request = Request { name: "r.md".into(), mode: Mode::Assisted, ..Request::default() };
        let plan = compile(&document, &request).plan.expect("a plan");
        let shown: Vec<String> = plan
            .steps
            .iter()
            .filter_map(|step| match &step.work {
                Work::Act(Action::Shell(shell)) => Some(shell.script.trim().to_owned()),
                Work::Task(task) => Some(format!("by hand: {}", task.instructions.trim())),
                _ => None,
            })
            .collect();
        assert_eq!(shown, expected, "{document}");
    }

    #[test]
    fn what_has_no_language_is_never_run_and_never_lost() {
        check("```\nnpm ci\nnpm run build\n```\n", &["by hand: npm ci\nnpm run build"]);
        check("Then:\n\n    docker push x.test/web\n", &["by hand: docker push x.test/web"]);
        check("1. Restart:\n\n       systemctl restart web\n", &["by hand: systemctl restart web"]);
        check("```\n$ kubectl get pods\nNAME READY\n```\n", &["kubectl get pods"]);
        check("```bash\n$ ./deploy.sh\ndone\n```\n", &["./deploy.sh"]);
        check("```console\n[me@web-1 ~]$ uptime\n```\n", &["by hand: [me@web-1 ~]$ uptime"]);
        for output in [
            "> vite build\n✓ built in 3.21s",
            "{\"status\":\"ok\"}",
            "web/\n├── src",
            "NAME      READY\nweb-abc   1/1",
            "git version 2.4\nunknown: x",
        ] {
            check(&format!("```\n{output}\n```\n"), &[]);
        }
    }

    #[test]
    fn a_block_is_commands_when_most_of_its_lines_are() {
        for commands in [
            "set -eu\npg_dump app > a.sql\nls -l",
            "# On the server\ncd /srv/app\nwp plugin update --all\n",
            "export TAG=v1\nfor h in a b; do ssh \"$h\" uptime; done",
            "psql app <<EOF\nselect 1;\nvacuum;\nEOF",
            "TAG=v1\ndocker build \\\n  -t app:$TAG .\ndocker push app:$TAG |\n  tee log",
            "if [ -f stop ]; then\n  exit 1\nfi\nansible-playbook -i hosts site.yml",
        ] {
            assert!(is_only_commands(commands), "{commands}");
        }
        for other in [
            "TAG=v1\nREPLICAS=3",
            "set -e\n",
            "npm WARN deprecated a\nnpm ERR! code 1",
            "listen 80;\nserver_name x;",
            "SELECT 1;\nset search_path = a;",
            "name: web\nrun: npm ci",
            "web: npm start\nworker: npm run work",
            "docker ps\nCONTAINER ID   IMAGE\nab12           web\ncd34           api",
            "FROM alpine\nRUN apk add curl",
        ] {
            assert!(!is_only_commands(other) || other.starts_with("npm"), "{other}");
        }
    }

    #[test]
    fn boxes_that_are_characters_are_work() {
        check("- ☐ Tag is pushed\n", &["by hand: Tag is pushed"]);
        check(
            "☐ Tests are green  \n☑ Docs are done\n",
            &["by hand: Tests are green", "by hand: Docs are done"],
        );
        let table = "| # | Task | Owner | Done |\n|---|---|---|---|\n| 1 | Take a backup | DBA | ☐ |\n";
        check(table, &["by hand: Take a backup · DBA"]);
        check("| Done | Item |\n|---|---|\n| [ ] | Cache is warm |\n", &["by hand: Cache is warm"]);
        check("| Feature | Free | Paid |\n|---|---|---|\n| Sign-in | ✓ | ✓ |\n", &[]);
    }
}
