//! Tags of git: made and pushed, and taken back only where this release made them.

use std::path::Path;
use std::process::Command;

use crate::support::{Desk, Ran, runbook};

const TAG: &str = "```yaml {#tag .tag}\ntag: $VERSION\nmessage: Shop $VERSION\n```";
const SMOKE: &str = "```bash {#smoke .check}\n./smoke \"$TAG\" \"$TAG_COMMIT\"\n```";

/// A work tree with one commit, and a bare repository as its `origin`.
fn desk(step: &str) -> Desk {
    let desk = Desk::new();
    git(&desk.folder, &["init", "--quiet", "--bare", "--initial-branch=main", "origin.git"]);
    git(&desk.folder, &["init", "--quiet", "--initial-branch=main", "."]);
    git(&desk.folder, &["config", "user.name", "Sam"]);
    git(&desk.folder, &["config", "user.email", "sam@example.com"]);
    git(&desk.folder, &["commit", "--quiet", "--allow-empty", "--message=one"]);
    git(&desk.folder, &["remote", "add", "origin", "origin.git"]);
    git(&desk.folder, &["push", "--quiet", "origin", "main"]);
    let text = runbook(&format!("{step}\n\n{SMOKE}"));
    desk.write("r.md", text.replace("runbook: 1", "runbook: 1\non_failure: rollback"));
    desk.program("../smoke", "#!/bin/sh\necho \"tagged as $1 on $2\"\n");
    desk
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().expect("git starts");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The tags of one of both repositories, each with its object.
fn tags(desk: &Desk, folder: &str) -> String {
    git(&desk.path(folder), &["for-each-ref", "--format=%(refname:short) %(objectname)", "refs/tags"])
}

fn release(desk: &Desk, code: i32) -> Ran {
    desk.expect(code, &["run", "r.md", "--no-wait", "--version", "v2"])
}

#[test]
fn a_tag_is_made_pushed_and_found_there() {
    let desk = desk(TAG);
    let commit = git(&desk.folder, &["rev-parse", "HEAD"]);
    let ran = release(&desk, 0);
    ran.says("made the tag v2 on ")
        .says("origin has the tag v2, on ")
        .says(&format!("tagged as v2 on {commit}"));
    assert_eq!(tags(&desk, "."), tags(&desk, "origin.git"));
    let shown = git(&desk.path("origin.git"), &["cat-file", "-p", "refs/tags/v2"]);
    for words in [&format!("object {commit}"), "type commit", "tagger Sam <sam@example.com>", "Shop v2"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // The same again: it is there, and nothing changes.
    let before = tags(&desk, ".");
    release(&desk, 0).says("origin has the tag v2 already, on the same commit");
    assert_eq!((tags(&desk, "."), tags(&desk, "origin.git")), (before.clone(), before));
}

#[test]
fn a_tag_on_another_commit_is_never_moved() {
    for folder in ["origin.git", "."] {
        let desk = desk(TAG);
        git(&desk.path(folder), &["tag", "v2", "main"]);
        git(&desk.folder, &["commit", "--quiet", "--allow-empty", "--message=two"]);
        let before = (tags(&desk, "."), tags(&desk, "origin.git"));
        let place = if folder == "." { "here" } else { "in origin" };
        let ran = release(&desk, 3);
        ran.says(&format!("the tag v2 is on another commit {place}: ")).says(" one, and not ").says(" two");
        assert_eq!((tags(&desk, "."), tags(&desk, "origin.git")), before, "nor by the way back");
    }
}

#[test]
fn a_rollback_removes_the_tag_that_this_release_made_and_no_other() {
    let desk = desk(TAG);
    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    release(&desk, 3).says("removed the tag v2 from origin").says("removed the tag v2 here");
    assert_eq!((tags(&desk, "."), tags(&desk, "origin.git")), (String::new(), String::new()));

    // Somebody's own tag here: what this release did was to push it.
    git(&desk.folder, &["tag", "--annotate", "--message=mine", "v2"]);
    let mine = tags(&desk, ".");
    release(&desk, 3).says("removed the tag v2 from origin");
    assert_eq!((tags(&desk, "."), tags(&desk, "origin.git")), (mine.clone(), String::new()));

    // It was there before.
    git(&desk.folder, &["push", "--quiet", "origin", "v2"]);
    release(&desk, 3).says("this release pushed no tag v2");
    assert_eq!((tags(&desk, "."), tags(&desk, "origin.git")), (mine.clone(), mine));

    // Somebody made another one of it meanwhile, on the same commit.
    git(&desk.folder, &["push", "--quiet", "origin", ":v2"]);
    git(&desk.folder, &["tag", "--delete", "v2"]);
    desk.program(
        "../smoke",
        "#!/bin/sh\ngit tag -f v2 >/dev/null\ngit push --quiet --force origin v2\nexit 1\n",
    );
    let ran = release(&desk, 3);
    ran.says("in origin is another one than this release pushed, and stays")
        .says("here is another one than this release made, and stays");
    assert_eq!(tags(&desk, ".").lines().count() + tags(&desk, "origin.git").lines().count(), 2);
}

#[test]
fn a_push_that_is_refused_or_lost_is_told_by_looking() {
    let desk = desk(TAG);
    let hook = |text: &str| desk.program("../origin.git/hooks/pre-receive", text);
    hook("#!/bin/sh\necho 'tags are for releases on Tuesdays' >&2\nexit 1\n");
    let ran = release(&desk, 3);
    ran.says("the tag v2 could not be pushed to origin: [remote rejected]");
    ran.says("remote: tags are for releases on Tuesdays").says("this release pushed no tag v2");
    assert_eq!((tags(&desk, "."), tags(&desk, "origin.git")), (String::new(), String::new()));
    std::fs::remove_file(desk.path("origin.git/hooks/pre-receive")).expect("the hook");

    // It arrives, and the answer does not.
    desk.program("git", "#!/bin/sh\n/usr/bin/env PATH=\"${PATH#*:}\" git \"$@\" || exit\ncase \"$*\" in push*) echo 'fatal: the remote end hung up unexpectedly' >&2; exit 128 ;; esac\n");
    release(&desk, 0).says("origin has the tag v2, on ");
    assert_eq!(tags(&desk, "."), tags(&desk, "origin.git"));

    git(&desk.folder, &["remote", "set-url", "origin", "/nowhere.git"]);
    release(&desk, 3).says("origin cannot be asked for the tag v2: ").says("nothing was changed");
}

#[test]
fn crash_everywhere_around_the_push_of_a_tag_there_is_one_and_it_is_known_whose() {
    for before in [true, false] {
        let desk = desk(TAG);
        let wait = "if [ -p \"$HOME/reached\" ]; then case \"$*\" in push*) ps -o pgid= -p $$ >\"$HOME/group\"; echo >\"$HOME/reached\"; read -r _ <\"$HOME/go\" ;; esac; fi\n";
        let real = "env PATH=\"${PATH#*:}\" git \"$@\"";
        let script = if before { format!("{wait}exec {real}\n") } else { format!("{real} || exit\n{wait}") };
        desk.program("git", &format!("#!/bin/sh\n{script}"));
        desk.kill_while_waiting(desk.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
        desk.kill_step();
        std::fs::remove_file(desk.path("reached")).expect("the pipe");
        let half = tags(&desk, ".");
        desk.program("../smoke", "#!/bin/sh\ngit ls-remote origin 'refs/tags/*' >seen\nexit 1\n");
        desk.expect(3, &["resume", "--no-wait"]).says("removed the tag v2 from origin");
        assert!(
            desk.read("seen").contains(half.split_once(' ').expect("an object").1),
            "the first object, {before}"
        );
        assert_eq!((tags(&desk, "."), tags(&desk, "origin.git")), (String::new(), String::new()));
    }
}

#[test]
fn a_rollback_while_the_remote_is_away_takes_everything_else_back_and_then_asks() {
    let release_with_service = || {
        let desk = desk(&format!(
            "```bash {{#deploy undo=take-back}}\ncp served before\necho \"$VERSION\" >served\n```\n\n```bash {{#take-back .undo}}\ncp before served\n```\n\n{TAG}\n\n- [ ] It looks well"
        ));
        desk.write("served", "v1\n");
        release(&desk, 5).says("origin has the tag v2, on ");
        std::fs::rename(desk.path("origin.git"), desk.path("away.git")).expect("it is there");
        let ran = desk.expect(6, &["rollback", "--no-wait", "--reason", "orders are lost"]);
        ran.says("origin cannot be asked for the tag v2: fatal: 'origin.git' does not appear to be a git repository");
        ran.says("tminus answer tag retry");
        // What people use is back already, although the tag came later.
        assert_eq!(desk.read("served"), "v1\n");
        desk
    };
    // Waited for: everything is as before.
    let desk = release_with_service();
    std::fs::rename(desk.path("away.git"), desk.path("origin.git")).expect("it is there");
    desk.expect(0, &["answer", "tag", "retry"]);
    desk.expect(3, &["resume", "--no-wait"]).says("removed the tag v2 from origin").says("rolled back");
    let left = (tags(&desk, "."), tags(&desk, "origin.git"), desk.read("served"));
    assert_eq!(left, (String::new(), String::new(), "v1\n".to_owned()));

    // Not waited for: the end says what did not.
    let desk = release_with_service();
    desk.expect(0, &["answer", "tag", "skip", "--reason", "the git host is away"]);
    desk.expect(3, &["resume", "--no-wait"]).says("still standing: Tag HEAD as v2 in origin");
    assert_eq!(desk.read("served"), "v1\n");
    assert_eq!(tags(&desk, "away.git").lines().count(), 1);
}

#[test]
fn a_tag_that_cannot_be_meant_is_refused_with_its_reason() {
    let desk = desk(TAG);
    let written = desk.read("r.md");
    for (code, old, new, words) in [
        (2, "tag: $VERSION\n", "", "`.tag` needs `tag`"),
        (2, "tag: $VERSION", "tag: a b", "`a b` is no name of a tag"),
        (2, "tag: $VERSION", "tag: $COLOUR", "`tag` is not known: "),
        (2, "message:", "remote: --mirror\nmessage:", "is no name of a remote"),
        (2, "message:", "sign: yes\nmessage:", "`.tag` has no key `sign`"),
        (3, "tag: $VERSION", "tag: v2..1", "v2..1 is no name that git takes for a tag"),
        (3, "message:", "at: nobody\nmessage:", "there is no commit nobody in "),
        (3, "{#tag .tag}", "{#tag .tag cwd=/tmp}", "/tmp is no repository of git"),
    ] {
        assert!(written.contains(old), "{old}");
        desk.write("r.md", written.replace(old, new));
        release(&desk, code).says(words);
    }
    assert_eq!(tags(&desk, "."), "");
}
