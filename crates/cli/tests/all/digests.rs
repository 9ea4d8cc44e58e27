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

#[test]
fn an_image_that_is_built_in_a_release_is_deployed_by_its_digest_and_the_one_before_comes_back_by_its_own() {
    let Some(yard) = Yard::open().filter(|yard| yard.docker.has_buildx()) else { return };
    let desk = &yard.desk;
    desk.write("api/bin/busybox", std::fs::read("/bin/busybox").expect("busybox is there"));
    let serve = "[\"/bin/busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]";
    desk.write(
        "api/Dockerfile",
        format!("FROM scratch\nCOPY --chmod=755 bin /bin\nCOPY www /www\nCMD {serve}\n"),
    );
    let name = yard.docker.image("api");
    desk.write(
        "compose.yml",
        desk.read("compose.yml").replace(&format!("image: {name}:${{TAG}}"), "image: ${API}"),
    );
    let build = format!(
        "```yaml {{#image .image}}\ntags: '{name}:$VERSION'\ncontext: api\nexisting: use\n```\n\n```yaml {{#deploy"
    );
    let text = desk.read("r.md").replace("```yaml {#deploy", &build);
    desk.write("r.md", text.replace("set: { TAG: $VERSION }", "set: { TAG: v1, API: $IMAGE }"));
    let runs = || {
        let id = yard.docker.docker(&["ps", "--quiet", "--filter", "label=com.docker.compose.service=api"]);
        yard.docker.docker(&["inspect", "--format", "{{.Config.Image}}", &id])
    };
    desk.write("api/www/version", "one");
    let ran = yard.release(0, "v3");
    let first = runs();
    assert!(first.starts_with(&format!("{name}@sha256:")), "{first}");
    ran.says(&format!("api runs {first}"));
    assert!(desk.read(".env").contains(&format!("API={first}\n")), "{}", desk.read(".env"));
    let before = yard.state();

    // The second one fails when both of its tags mean something else already.
    desk.write("api/www/version", "two");
    desk.program("../smoke", &format!("#!/bin/sh\nset -e\nfor tag in v3 v4; do docker tag {name}:v1 {name}:$tag; docker push --quiet {name}:$tag; done\ndocker inspect --format '{{{{.Config.Image}}}}' $(docker ps --quiet) >seen\nexit 1\n"));
    yard.docker.docker(&["pull", "--quiet", &format!("{name}:v1")]);
    yard.release(3, "v4").says("rolled back");
    let seen = desk.read("seen");
    assert!(seen.contains(&format!("{name}@sha256:")) && !seen.contains(&first), "{seen}");
    assert_eq!((runs(), yard.serves("api"), yard.state()), (first, "one".to_owned(), before));
}
