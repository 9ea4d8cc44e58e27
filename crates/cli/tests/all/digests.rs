//! What a tag means may change at any time; what is deployed and what comes back does not.

use crate::fleet::{self, HOSTS, RUNBOOK};
use crate::yard::Yard;

/// Gives a tag of the registry to another image, and takes from this machine whatever no container needs.
fn move_tags(image: impl Fn(&str) -> String) -> String {
    let line = |name: &str| format!("docker tag {0}:v2 {0}:v1\ndocker push --quiet {0}:v1\n", image(name));
    format!(
        "set -e\n{}{}docker image prune --all --force >pruned\nfor id in $(cat ran-before); do if docker image inspect $id >/dev/null 2>&1; then echo \"$id is still here\"; fi; done\n",
        line("api"),
        line("web")
    )
}

#[test]
fn what_ran_before_comes_back_by_its_digest_when_its_tag_was_pushed_anew_meanwhile() {
    let Some(yard) = Yard::open() else { return };
    yard.release(0, "v1");
    let before = yard.state();
    let ids = yard.docker.docker(&["ps", "--quiet"]);
    let mut inspect = vec!["inspect", "--format", "{{.Image}}"];
    inspect.extend(ids.lines());
    yard.desk.write("ran-before", yard.docker.docker(&inspect));
    let moves = move_tags(|name| yard.docker.image(name));
    yard.desk.program("../smoke", &format!("#!/bin/sh\n{moves}exit 1\n"));
    let ran = yard.release(3, "v2");
    ran.says("before:\n").says("@sha256:").says("rolled back").never_says("is still here");
    assert_eq!(yard.state(), before);
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v1".to_owned(), "v1".to_owned()));
    // The tag of the registry means the other one, and whoever asks for it gets that.
    yard.desk.program("../smoke", "#!/bin/sh\n");
    yard.release(0, "v1");
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2".to_owned(), "v2".to_owned()));
}

#[test]
fn every_host_gets_back_the_bytes_that_it_had_when_a_tag_was_pushed_anew_meanwhile() {
    let Some(yard) = fleet::Yard::open() else { return };
    let before = yard.state();
    let moves = move_tags(|name| yard.fleet.image(name));
    let own = yard.desk.write("moves", format!("{moves}exit 1\n"));
    for host in HOSTS {
        yard.fleet.on(
            host,
            &format!(
                "cp {} moves; docker ps --quiet | xargs docker inspect --format '{{{{.Image}}}}' >ran-before",
                own.display()
            ),
        );
    }
    let check = "```bash {#moved .check on=shop}\nsh moves\n```\n";
    yard.desk.write("r.md", format!("{RUNBOOK}\n{check}"));
    let ran = yard.release(3, "v2");
    ran.says("h2: web runs").says("@sha256:").says("rolled back").never_says("is still here");
    assert_eq!(yard.state(), before);
    assert_eq!((yard.serves("h1"), yard.serves("h2")), ("v1\nv1".to_owned(), "v1\nv1".to_owned()));
}
