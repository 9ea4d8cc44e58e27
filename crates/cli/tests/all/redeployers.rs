//! Whatever deploys again after a release went back by itself: a pipeline that releases the newest tag, and
//! something that goes past tminus.

use std::process::Command;

use crate::support::Ran;
use crate::yard::Yard;

/// Services of compose in production, a look that fails what is bad, and a look at what came back.
const RUNBOOK: &str = "---
runbook: 1
on_failure: rollback
---
# Shop

## 1. Ship

**Environment**: production

```yaml {#deploy .deploy}
target: compose
services: [api, web]
env_file: .env
set: { TAG: $VERSION }
within: 20s
```

```bash {#smoke .check}
./smoke
```

## Rollback

**Environment**: production

```bash {#as-before .check}
./as-before
```
";

/// What a hook of the repository starts after each push: the newest tag is what production must have.
const PIPELINE: &str = "#!/bin/sh
unset GIT_DIR
cd DESK
newest=$(git -C origin.git tag --list 'v*' --sort=-version:refname | head -n 1)
TMINUS run r.md --no-wait --version \"$newest\" >pipeline.log 2>&1
echo \"$newest $?\" >>pipeline.runs
";

fn open() -> Option<Yard> {
    let yard = Yard::open()?;
    yard.desk.write("r.md", RUNBOOK);
    yard.desk.program("../as-before", "#!/bin/sh\n");
    Some(yard)
}

#[test]
fn pain_02_a_pipeline_that_releases_the_newest_tag_does_not_undo_what_went_back_by_itself() {
    let Some(yard) = open() else { return };
    let containers = || yard.docker.docker(&["ps", "--all", "--quiet", "--no-trunc"]);
    let desk = &yard.desk;
    let git = |arguments: &[&str]| {
        // With the environment of a desk: it is that of the hook, and of tminus there.
        let as_desk = yard.command(&[]);
        let mut git = Command::new("git");
        git.env_clear().envs(as_desk.get_envs().filter_map(|(name, value)| Some((name, value?))));
        git.args(["-c", "user.name=sam", "-c", "user.email=sam@example.com"]).args(arguments);
        let output = git.current_dir(&desk.folder).output().expect("git is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "--quiet", "--bare", "origin.git"]);
    git(&["clone", "--quiet", "origin.git", "work"]);
    let hook = PIPELINE.replace("DESK", &desk.folder.to_string_lossy());
    desk.program("../origin.git/hooks/post-receive", &hook.replace("TMINUS", env!("CARGO_BIN_EXE_tminus")));
    // Somebody commits, and perhaps gives it a version; the push returns when the pipeline has ended.
    let push = |tag: Option<&str>, message: &str| {
        git(&["-C", "work", "commit", "--quiet", "--allow-empty", "--message", message]);
        if let Some(tag) = tag {
            git(&["-C", "work", "tag", tag]);
        }
        git(&["-C", "work", "push", "--quiet", "--tags", "origin", "HEAD:main"]);
        desk.read("pipeline.runs").lines().last().expect("the pipeline ran").to_owned()
    };
    assert_eq!(push(Some("v1"), "first"), "v1 0");
    let before = yard.state();
    desk.program("../smoke", "#!/bin/sh\necho 'error: orders are lost'\nexit 1\n");
    assert_eq!(push(Some("v2"), "second"), "v2 3");
    assert_eq!(yard.state(), before, "it went back by itself");
    let first = containers();
    // The source of truth says v2, whatever was pushed.
    desk.program("../smoke", "#!/bin/sh\n");
    for _ in 0..2 {
        assert_eq!(push(None, "words in the manual"), "v2 7");
        assert_eq!((containers(), yard.state()), (first.clone(), before.clone()), "nothing was touched");
        let told = desk.read("pipeline.log");
        for words in ["v2 was taken back in production", "smoke", "tminus log ", "--again"] {
            assert!(told.contains(words), "`{words}` is not in: {told}");
        }
    }
    let status = yard.ran(0, &["status", "production"]);
    status.says("free").says("last good v1").says("went back v2").says("smoke");
    // A version that mends it goes out by the same pipeline.
    for name in ["api", "web"] {
        yard.docker.publish(&yard.docker.image(&format!("{name}:v2.1")), Some("v2.1"));
    }
    assert_eq!(push(Some("v2.1"), "third"), "v2.1 0");
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2.1".to_owned(), "v2.1".to_owned()));
}

/// What does not ask tminus: it has the compose file, and brings up the version that it was told.
const PAST_TMINUS: &str = "#!/bin/sh\nTAG=v2 docker compose up --detach --wait api web\n";

/// Compares what is served with the version that came back.
const AS_BEFORE: &str = "#!/bin/sh
if [ -e redeploys ]; then ./redeployer >redeployed 2>&1; fi
for service in api web; do
  found=$(docker compose exec -T $service /bin/busybox wget -q -O - http://127.0.0.1:8080/version)
  if [ \"$found\" != v1 ]; then echo \"error: $service serves $found, and not v1 as before\"; exit 1; fi
done
";

#[test]
fn pain_02_a_deployment_past_tminus_during_a_rollback_is_found_and_never_told_as_rolled_back() {
    let Some(yard) = open() else { return };
    yard.release(0, "v1");
    let before = yard.state();
    yard.desk.program("../redeployer", PAST_TMINUS);
    yard.desk.program("../as-before", AS_BEFORE);
    yard.desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    yard.desk.write("redeploys", "");
    let ran: Ran = yard.release(6, "v2");
    ran.says("api runs").says("api serves v2, and not v1 as before").never_says("rolled back after");
    assert_eq!(yard.serves("api"), "v2", "{}", yard.desk.read("redeployed"));
    // It holds production until that is settled.
    yard.ran(0, &["status", "production"]).says("held by").says("as-before").never_says("last good v2");
    yard.ran(7, &["run", "r.md", "--no-wait", "--version", "v1"]).says("production has another one");
    // The other one is stopped, what it did is put back, and the look is taken again.
    std::fs::remove_file(yard.desk.path("redeploys")).expect("it is there");
    let mut up = Command::new("docker");
    up.args(["compose", "up", "--detach", "--wait"]).current_dir(&yard.desk.folder);
    assert!(up.env("DOCKER_HOST", yard.docker.host()).output().expect("docker").status.success());
    yard.ran(0, &["answer", "as-before", "retry"]);
    yard.resume(3).says("rolled back");
    assert_eq!(yard.state(), before);
    yard.ran(0, &["status", "production"]).says("last good v1").says("went back v2");

    // And after it had ended: the next release tells what it found there, and who did not leave it so.
    yard.desk.program("../smoke", "#!/bin/sh\n");
    let mut past = Command::new(yard.desk.path("redeployer"));
    past.current_dir(&yard.desk.folder).env("DOCKER_HOST", yard.docker.host());
    assert!(past.output().expect("it starts").status.success());
    for name in ["api", "web"] {
        yard.docker.publish(&yard.docker.image(&format!("{name}:v3")), Some("v3"));
    }
    let ran = yard.release(0, "v3");
    ran.says("note: api runs").says("api:v1, which tminus left here: somebody deployed it since");
    yard.desk.program("../smoke", "#!/bin/sh\n");
    yard.release(0, "v1").never_says("which tminus left here");
}
