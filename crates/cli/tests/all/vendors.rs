//! Deployments by vendors' own programs. Their services cannot be reached from here, so stand-ins take
//! their commands as documented (vercel.com/docs/cli, cli.netlify.com, supabase.com/docs/reference/cli)
//! and write them down; what is live is served by a real server, which the release asks.

use std::path::PathBuf;
use std::process::Command;

use tminus_testkit::http::{Reply, serve_beside};

use crate::support::{Desk, Ran, runbook};

const SMOKE: &str = "```bash {#smoke .check}\n./smoke\n```";

const VERCEL: &str = r#"deploy: vercel deploy --prebuilt --prod --yes
rollback: vercel rollback "$LIVE_BEFORE" --yes
live: vercel inspect www.example.com 2>&1 | awk 'match($0, /dpl_[A-Za-z0-9]+/) && !n++ { print substr($0, RSTART, RLENGTH) }'
"#;

const NETLIFY: &str = r#"deploy: netlify deploy --prod --no-build --dir=dist
rollback: |
  netlify api restoreSiteDeploy --data "{\"site_id\": \"$NETLIFY_SITE_ID\", \"deploy_id\": \"$LIVE_BEFORE\"}"
live: |
  netlify api getSite --data "{\"site_id\": \"$NETLIFY_SITE_ID\"}" | node -p 'JSON.parse(require("fs").readFileSync(0)).published_deploy.id'
"#;

const SUPABASE: &str = r#"deploy: supabase functions deploy hello --project-ref "$PROJECT_REF"
rollback: |
  before=$(mktemp -d)
  trap 'git worktree remove --force "$before"' EXIT
  git worktree add --quiet --detach "$before" "$SERVED_BEFORE"
  supabase functions deploy hello --project-ref "$PROJECT_REF" --workdir "$before"
"#;

/// Keeps each deployment under a number. What is live changes when the server was asked once more:
/// edges are late. `lost`: it says that it deployed, and did not (a preview). `fails`: it says so.
const STAND_IN: &str = r#"#!/bin/bash
set -eu
printf '%s %s\n' "${0##*/}" "$*" >>"$HOME/calls"
[ "$VENDOR_TOKEN" = hunter2-hunter2 ] || { echo "no token" >&2; exit 4; }
echo "signed in with $VENDOR_TOKEN" >&2
edge=$HOME/edge
put() { # a folder with version.txt
  if [ -e "$HOME/fails" ]; then echo "the build failed" >&2; exit 1; fi
  if [ -e "$HOME/lost" ]; then echo "deployed to a preview"; return 0; fi
  number=$(find "$edge" -name 'dpl_*' | wc -l)
  cp "$1/version.txt" "$edge/dpl_$number"
  printf 'dpl_%s' "$number" >"$edge/next"
  if [ -p "$HOME/reached" ]; then ps -o pgid= -p $$ >"$HOME/group"; echo >"$HOME/reached"; read -r _ <"$HOME/go"; fi
}
back() { [ -e "$edge/$1" ]; printf %s "$1" >"$edge/next"; }
case "${0##*/} $*" in
  'vercel deploy --prebuilt --prod --yes') put dist ;;
  'vercel rollback '*' --yes') back "$2" ;;
  'vercel inspect www.example.com') printf '  General\n\n    id\t\t%s\n    target\tproduction\n' "$(cat "$edge/live")" >&2 ;;
  'netlify deploy --prod --no-build --dir=dist') put dist ;;
  'netlify api getSite --data {"site_id": "site-1"}') printf '{"id": "site-1", "published_deploy": {"id": "%s"}}\n' "$(cat "$edge/live")" ;;
  'netlify api restoreSiteDeploy --data {"site_id": "site-1", "deploy_id": "dpl_'*) id=${4##*: \"}; back "${id%\"*}" ;;
  'supabase functions deploy hello --project-ref shop') put supabase/functions/hello ;;
  'supabase functions deploy hello --project-ref shop --workdir '*) put "$7/supabase/functions/hello" ;;
  *) echo "unknown: $*" >&2; exit 2 ;;
esac
"#;

/// The vendor's edge: serves what is live, and only then takes what is next.
fn edge(folder: PathBuf) -> String {
    serve_beside(move |_, _| {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let body = std::fs::read(folder.join(read("live")));
        let _ = std::fs::rename(folder.join("next"), folder.join("live"));
        body.map_or_else(|_| Reply::new(404, ""), |body| Reply::new(200, body))
    })
}

/// A desk whose release deploys by one of them; v1 is live.
fn desk(keys: &str) -> Desk {
    let desk = Desk::new();
    let step = format!(
        "```yaml {{#site .deploy}}\ntarget: command\n{keys}verify: curl -fsS \"$URL/version.txt\"\nversion: $VERSION\nwithin: 3s\n```"
    );
    let body = runbook(&format!("{step}\n\n{SMOKE}"))
        .replace("## 1. Work\n", "## 1. Work\n\n**Environment**: production\n");
    desk.write("r.md", body.replace("runbook: 1", "runbook: 1\non_failure: rollback"));
    let url = edge(desk.path("edge"));
    desk.write(
        "tminus.toml",
        format!("[secrets]\nVENDOR_TOKEN = \"file:token\"\n[environments.production]\nurl = \"{url}\"\nvariables = {{ NETLIFY_SITE_ID = \"site-1\", PROJECT_REF = \"shop\" }}\n"),
    );
    desk.write("token", "hunter2-hunter2");
    for name in ["vercel", "netlify", "supabase"] {
        desk.program(name, STAND_IN);
    }
    desk.program("../smoke", "#!/bin/sh\n");
    desk.write("edge/dpl_0", "v1\n");
    desk.write("edge/live", "dpl_0");
    git(&desk, &["init", "--quiet"]);
    for version in ["v1", "v2"] {
        desk.write("dist/version.txt", format!("{version}\n"));
        desk.write("supabase/functions/hello/version.txt", format!("{version}\n"));
        git(&desk, &["add", "supabase"]);
        git(&desk, &["commit", "--quiet", "--message", version]);
        git(&desk, &["tag", version]);
    }
    desk
}

fn git(desk: &Desk, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]);
    let done = command.args(arguments).current_dir(&desk.folder).output().expect("git");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn release(desk: &Desk, code: i32) -> Ran {
    let ran = desk.expect(code, &["run", "r.md", "--no-wait", "--version", "v2", "--again"]);
    ran.never_says("hunter2");
    ran
}

/// What is live, by its version; late or not.
fn live(desk: &Desk) -> String {
    let at = if desk.path("edge/next").exists() { desk.read("edge/next") } else { desk.read("edge/live") };
    desk.read(&format!("edge/{at}"))
}

#[test]
fn pain_05_what_a_vendor_deploys_is_asked_of_the_address_and_comes_back() {
    for (keys, name) in [(VERCEL, "dpl_0"), (NETLIFY, "dpl_0"), (SUPABASE, "")] {
        let desk = desk(keys);
        desk.program("../smoke", "#!/bin/sh\ncurl -fsS \"$URL/version.txt\" >seen\nexit 1\n");
        let ran = release(&desk, 3);
        ran.says(&format!(
            "before: the address serves v1{}",
            if name.is_empty() { "" } else { ", which is dpl_0" }
        ));
        ran.says("now: the address serves v2").says("the address serves v1 again");
        assert_eq!((desk.read("seen"), live(&desk)), ("v2\n".to_owned(), "v1\n".to_owned()), "{keys}");
        let calls = desk.calls();
        assert_eq!(
            calls.iter().filter(|call| call.contains(" deploy ") && !call.contains("--workdir")).count(),
            1,
            "{calls:?}"
        );

        // The other way: it goes out, and a second release of it has nothing to do.
        desk.program("../smoke", "#!/bin/sh\n");
        release(&desk, 0).says("now: the address serves v2");
        let before = desk.calls().len();
        release(&desk, 0).says("v2 is served already");
        assert!(desk.calls()[before..].iter().all(|call| !call.contains(" deploy ")));
        assert_eq!(live(&desk), "v2\n");
    }
}

#[test]
fn what_a_vendors_program_says_is_not_believed() {
    let desk = desk(VERCEL);
    desk.write("lost", "");
    release(&desk, 3)
        .says("`deploy` passed, and after 3 s the address serves v1, not v2")
        .says("did it go to production")
        .says("the address serves v1, as before this release");
    assert_eq!(live(&desk), "v1\n");
    std::fs::remove_file(desk.path("lost")).expect("it is there");
    desk.write("fails", "");
    release(&desk, 3).says("`deploy` ended with 1");
    assert!(!desk.calls().iter().any(|call| call.contains("rollback")), "going back twice is one too far");
    std::fs::remove_file(desk.path("fails")).expect("it is there");
    // A way back that does not arrive is told.
    desk.program("../smoke", "#!/bin/sh\nrm edge/dpl_0\nexit 1\n");
    release(&desk, 6).says("`rollback` ended with 1");

    let gone = self::desk(VERCEL);
    gone.write("edge/live", "nothing");
    release(&gone, 3).says("what is served before cannot be told: `verify` ended with 22");
    assert_eq!(gone.calls(), Vec::<String>::new());

    let written = desk.read("r.md");
    for (old, new, words) in [
        ("deploy: vercel deploy --prebuilt --prod --yes\n", "", "`.deploy` needs `deploy`"),
        ("version: $VERSION\n", "", "`.deploy` needs `version`"),
        ("version: $VERSION", "version: $COLOUR", "`version` is not known: "),
        ("within: 3s", "services: [web]", "`.deploy` has no key `services`"),
        (".deploy}", ".deploy .check}", "it is no `.check`"),
    ] {
        assert!(written.contains(old));
        desk.write("r.md", written.replace(old, new));
        desk.expect(2, &["run", "r.md", "--version", "v2"]).says(words);
    }
}

#[test]
fn the_facts_about_vendors_tools_hold_inside_of_a_deploy_too() {
    let desk = desk(VERCEL);
    let written = desk.read("r.md");
    for (old, new, code) in [
        ("vercel deploy --prebuilt --prod --yes", "vercel promote \"$PREVIEW\" --yes", "T803"),
        (
            "vercel deploy --prebuilt --prod --yes",
            "vercel env add KEY production && vercel deploy --prod --yes",
            "T205",
        ),
        ("vercel deploy --prebuilt --prod --yes", "supabase db push && vercel deploy --prod --yes", "T801"),
        ("vercel deploy --prebuilt --prod --yes", "supabase db remote commit", "T802"),
    ] {
        desk.write("r.md", &written);
        let says = |ran: &Ran| ran.out.contains(code) || ran.err.contains(code);
        assert!(!says(&desk.run(&["check", "r.md"])), "{code} without cause");
        desk.write("r.md", written.replace(old, new));
        let ran = desk.run(&["check", "r.md"]);
        assert!(says(&ran), "{code} is not in:\n{}{}", ran.out, ran.err);
    }
}

#[test]
fn crash_everywhere_after_a_vendor_deployed_it_is_not_deployed_again() {
    let desk = desk(VERCEL);
    // The power is cut when the deployment is on its way and nobody was told.
    desk.kill_while_waiting(desk.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
    desk.kill_step();
    for name in ["reached", "go"] {
        std::fs::remove_file(desk.path(name)).expect("the pipe");
    }
    // A reader comes meanwhile, and the edge follows.
    std::fs::rename(desk.path("edge/next"), desk.path("edge/live")).expect("it is on its way");
    let ran = desk.expect(0, &["resume", "--no-wait"]);
    ran.says("before: the address serves v1, which is dpl_0").says("v2 is served already");
    let calls = desk.calls();
    assert_eq!(calls.iter().filter(|call| call.contains(" deploy ")).count(), 1, "{calls:?}");

    // On the way back: the power is cut after the vendor took it back.
    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    std::fs::write(desk.path("edge/live"), "dpl_0").expect("v1 again");
    desk.program("vercel", "#!/bin/bash\nreal-vercel \"$@\" || exit\nif [ \"$1\" = rollback ] && [ -p \"$HOME/reached\" ]; then ps -o pgid= -p $$ >\"$HOME/group\"; echo >\"$HOME/reached\"; read -r _ <\"$HOME/go\"; fi\n");
    // The stand-in's own stop is that of the deployment.
    let passes = STAND_IN.replace("${0##*/}", "vercel").replace("-p \"$HOME/reached\"", "-p \"$HOME/never\"");
    desk.program("real-vercel", &passes);
    desk.kill_while_waiting(desk.command(&["run", "r.md", "--no-wait", "--version", "v2", "--again"]));
    desk.kill_step();
    for name in ["reached", "go"] {
        std::fs::remove_file(desk.path(name)).expect("the pipe");
    }
    std::fs::rename(desk.path("edge/next"), desk.path("edge/live")).expect("it is on its way");
    desk.expect(3, &["resume", "--no-wait"]).says("the address serves v1, as before this release");
    let calls = desk.calls();
    assert_eq!(calls.iter().filter(|call| call.contains("rollback")).count(), 1, "{calls:?}");
}
