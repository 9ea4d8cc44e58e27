//! Deployments by docker compose, on a real engine with a real registry.

use std::process::Stdio;

use crate::support::{Ran, STOPS, interrupted_twice};
use crate::yard::{ENV, Yard};

#[test]
fn pain_05_services_go_out_and_come_back_as_one() {
    let Some(mut yard) = Yard::open() else { return };
    // A first release that fails leaves nothing.
    yard.desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    yard.release(3, "v1").says("api was not there before, and is gone again");
    assert_eq!(yard.state(), (Vec::new(), ENV.to_owned()));

    yard.desk.program("../smoke", "#!/bin/sh\n");
    yard.release(0, "v1");
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v1".to_owned(), "v1".to_owned()));
    assert_eq!(yard.desk.read(".env"), ENV.replace("TAG=v0", "TAG=v1") + "\n");
    let first = yard.state();

    // Caught after both have moved. Meanwhile the registry goes away, and the old tag is given to
    // another image: neither is needed for the way back.
    let (api, stop) = (yard.docker.image("api"), yard.docker.stop_registry_line());
    yard.desk.program(
        "../smoke",
        &format!("#!/bin/sh\ndocker tag {api}:v2 {api}:v1\n{stop}\ndocker pull {api}:v1 2>caught\nexit 1\n"),
    );
    let ran = yard.release(3, "v2");
    ran.says("rolled back").says("api runs").says("again").never_says("the settings that it had");
    let caught = yard.desk.read("caught");
    assert!(caught.contains("connection refused"), "the registry was away: {caught}");
    assert_eq!(yard.state(), first);
    yard.docker.stop_registry();
    yard.docker.start_registry();

    // The registry is down from the start: nothing moves, no container is touched.
    yard.desk.program("../smoke", "#!/bin/sh\n");
    let ids = yard.docker.docker(&["ps", "--quiet"]);
    yard.docker.stop_registry();
    yard.release(3, "v2").says("connection refused");
    assert_eq!((yard.docker.docker(&["ps", "--quiet"]), yard.state()), (ids.clone(), first.clone()));
    yard.docker.start_registry();
    // An image that does not exist.
    yard.release(3, "v9").says("not found");
    assert_eq!((yard.docker.docker(&["ps", "--quiet"]), yard.state()), (ids, first.clone()));

    // One whose second service never becomes healthy.
    yard.docker.publish(&yard.docker.image("api:v3"), Some("v3"));
    yard.docker.publish(&yard.docker.image("web:v3"), None);
    yard.release(3, "v3").says("web did not become healthy within 20 s").says("unhealthy").says("404");
    assert_eq!(yard.state(), first);

    yard.release(0, "v2");
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2".to_owned(), "v2".to_owned()));
    // A compose file that came with the release stays, and with it what is more than the image.
    let file = yard.desk.read("compose.yml");
    yard.desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    yard.desk.write(
        "compose.yml",
        file.replacen("    init: true\n", "    init: true\n    environment: { COLOUR: new }\n", 1),
    );
    let ran = yard.release(3, "v1");
    ran.says("note: api does not have the settings that it had before").never_says("note: web does not have");
    yard.desk.write("compose.yml", &file);
    yard.desk.program("../smoke", "#!/bin/sh\n");
    // What is built on the target is refused.
    yard.desk.write("compose.yml", file.replace("    init: true\n", "    init: true\n    build: .\n"));
    yard.release(3, "v1").says("api is built on the machine that it runs on");
    assert_eq!(yard.serves("api"), "v2");
}

/// Counts the calls of `up`, and stops before that of the second service, or behind it.
const UP: &str = "#!/bin/sh\nPATH=${PATH#*:}\nfor service; do :; done\ncase \"$*\" in *' up '*) is_up=yes; if [ $service = web ]; then BEFORE; fi; echo $service >>\"$HOME/ups\" ;; esac\ndocker \"$@\" || exit\nif [ \"$is_up\" ] && [ $service = web ]; then BEHIND; fi\n";

#[test]
fn crash_everywhere_in_the_middle_of_a_deployment_it_moves_once() {
    let Some(yard) = Yard::open() else { return };
    yard.release(0, "v1");
    // tminus alone is killed, and its step goes on without it.
    yard.desk.program("docker", &UP.replace("BEFORE", STOPS).replace("BEHIND", ":"));
    yard.desk.kill_while_waiting(yard.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
    yard.desk.let_go();
    yard.desk.clear_pipes();
    yard.resume(0);
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2".to_owned(), "v2".to_owned()));
    assert_eq!(yard.docker.docker(&["ps", "--all", "--quiet"]).lines().count(), 2);
    assert_eq!(yard.desk.read("ups"), "api\nweb\n");
}

#[test]
fn crash_everywhere_a_deployment_that_is_cut_off_is_looked_at_and_moves_once() {
    let Some(yard) = Yard::open() else { return };
    yard.release(0, "v1");
    let ids = || yard.docker.docker(&["ps", "--all", "--quiet", "--no-trunc"]);
    let cut =
        |version| yard.desk.cut_power(yard.command(&["run", "r.md", "--no-wait", "--version", version]));
    // The first service has moved, and the second has not.
    yard.desk.program("docker", &UP.replace("BEFORE", STOPS).replace("BEHIND", ":"));
    let first = ids();
    cut("v2");
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2".to_owned(), "v1".to_owned()));
    let moved: Vec<String> = ids().lines().filter(|id| !first.contains(*id)).map(str::to_owned).collect();
    yard.resume(0).says("before:\n").says("api runs ");
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2".to_owned(), "v2".to_owned()));
    assert_eq!((moved.len(), ids().contains(&moved[0])), (1, true), "what had moved was left alone");
    assert_eq!(yard.desk.read("ups"), "api\napi\nweb\n");

    // Both have moved, and nobody has heard of the second. What was before is what the first attempt found.
    yard.desk.program("docker", &UP.replace("BEFORE", ":").replace("BEHIND", STOPS));
    let second = yard.state();
    cut("v1");
    let moved = ids();
    yard.desk.program("../smoke", "#!/bin/sh\ndocker ps --all --quiet --no-trunc >seen\nexit 1\n");
    yard.resume(3).says("rolled back");
    assert_eq!(yard.desk.read("seen").trim(), moved);
    assert_eq!(yard.state(), second);
}

#[test]
fn a_service_that_ends_again_and_again_is_found_when_it_was_up_for_a_moment() {
    let Some(yard) = Yard::open() else { return };
    yard.release(0, "v1");
    // It has no healthcheck, and is up whenever somebody looks; the other one takes its time.
    let service = format!(
        "  api:\n    image: {}:${{TAG}}\n    network_mode: none\n    restart: always\n    command: [/bin/busybox, sh, -c, 'sleep 0.2; exit 7']\n",
        yard.docker.image("api")
    );
    let text = yard.desk.read("compose.yml");
    let web = text.find("  web:").expect("the second service");
    yard.desk.write("compose.yml", format!("services:\n{service}{}", &text[web..]));
    let ran = yard.release(3, "v2");
    ran.says("note: api has no healthcheck")
        .says("api has not stayed as it was when it came up: ")
        .says("rolled back");
    assert_eq!(yard.serves("web"), "v1");
}

#[test]
fn images_are_pulled_by_digest_whatever_a_tag_means_by_then() {
    let Some(yard) = Yard::open() else { return };
    let digest = |version: &str| {
        let name = yard.docker.image(&format!("api:{version}"));
        yard.docker.docker(&["pull", "--quiet", &name]);
        let digest = yard.docker.docker(&["image", "inspect", "--format", "{{index .RepoDigests 0}}", &name]);
        yard.docker.docker(&["rmi", "--force", &name]);
        digest
    };
    let (first, second) = (digest("v1"), digest("v2"));
    let text = yard.desk.read("compose.yml");
    let name = format!("image: {}:${{TAG}}", yard.docker.image("api"));
    yard.desk.write("compose.yml", text.replace(&name, "image: ${API}"));
    let text = yard.desk.read("r.md").replace("{ TAG: $VERSION }", "{ TAG: $VERSION, API: $API }");
    yard.desk
        .write("r.md", text.replace("runbook: 1", "runbook: 1\ninputs: { API: '.+@sha256:[0-9a-f]{64}' }"));
    let release = |code: i32, version: &str, image: &str| {
        let set = format!("API={image}");
        let mut command = yard.command(&["run", "r.md", "--no-wait", "--version", version, "--set", &set]);
        let ran = Ran::of(command.output().expect("it starts"));
        assert_eq!(ran.code, code, "{version}\n{}\n{}", ran.out, ran.err);
    };
    release(0, "v1", &first);
    let before = yard.state();
    // Somebody gives the tag to another image.
    yard.docker.publish(&yard.docker.image("api:v2"), Some("another one"));
    yard.desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    release(3, "v2", &second);
    assert_eq!(yard.state(), before);
    yard.desk.program("../smoke", "#!/bin/sh\n");
    release(0, "v2", &second);
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2".to_owned(), "v2".to_owned()));
    release(2, "v2", "127.0.0.1/api:v2");
}

#[test]
fn what_somebody_added_to_the_file_of_variables_stays_when_the_services_go_back() {
    let Some(yard) = Yard::open() else { return };
    yard.release(0, "v1");
    let (services, file) = yard.state();
    // Between the deployment and its way back, by hand: a line more, one less, and one that is edited.
    let edit = "sed -i -e '1d' -e 's/^OTHER=.*/OTHER=mended/' .env && echo ADDED=x >>.env";
    yard.desk.program("../smoke", &format!("#!/bin/sh\n{edit}\nexit 1\n"));
    yard.release(3, "v2").says(".env was changed by somebody since").says("rolled back");
    let mended = file.replace("# written by the team\n", "").replace("keep me", "mended") + "ADDED=x\n";
    assert_eq!(yard.state(), (services.clone(), mended));
    // The very line that has to go back is theirs: a question, and their line stays.
    let edit = "sed -i 's/^TAG=.*/TAG=v2-mended/' .env; docker pull -q IMAGE:v2; docker tag IMAGE:v2 IMAGE:v2-mended";
    let edit = ["api", "web"].map(|name| edit.replace("IMAGE", &yard.docker.image(name))).join("\n");
    yard.desk.program("../smoke", &format!("#!/bin/sh\n{edit}\nexit 1\n"));
    yard.release(6, "v2").says("as before").says("tminus answer deploy retry");
    assert!(yard.desk.read(".env").contains("TAG=v2-mended"));
    yard.desk.write(".env", yard.desk.read(".env").replace("v2-mended", "v1"));
    yard.ran(0, &["answer", "deploy", "retry"]);
    yard.resume(3);
    assert_eq!(yard.state().0, services);
}

#[test]
fn pain_25_ctrl_c_twice_in_the_middle_of_compose_leaves_nothing_locked() {
    let Some(yard) = Yard::open() else { return };
    let text = yard.desk.read("r.md").replace("## 1. Ship", "## 1. Ship\n\n**Environment**: production");
    yard.desk.write("r.md", text);
    yard.release(0, "v1");
    let before = yard.state();
    yard.desk.program("docker", &UP.replace("BEFORE", STOPS).replace("BEHIND", ":"));
    yard.desk.make_pipes();
    let mut command = yard.command(&["run", "r.md", "--no-input", "--version", "v2"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    yard.desk.in_the_middle(&mut child);
    let _said = interrupted_twice(&mut child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    yard.desk.clear_pipes();
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2".to_owned(), "v1".to_owned()));
    // Production is that release's until somebody says what becomes of it: that is one command.
    let refused = yard.ran(7, &["run", "r.md", "--no-wait", "--version", "v2"]);
    refused.says("production has another one").says("tminus rollback -r ");
    yard.ran(3, &["rollback", "--reason", "it was the wrong one"]).says("rolled back");
    assert_eq!(yard.state(), before);
    yard.release(0, "v2");
    assert_eq!((yard.serves("api"), yard.serves("web")), ("v2".to_owned(), "v2".to_owned()));
}

#[test]
fn pain_03_a_rollback_ends_a_deployment_that_is_still_at_work() {
    let Some(yard) = Yard::open() else { return };
    yard.release(0, "v1");
    let before = yard.state();
    yard.desk.program("docker", &UP.replace("BEFORE", STOPS).replace("BEHIND", ":"));
    for driver_is_there in [true, false] {
        yard.desk.make_pipes();
        let mut command = yard.command(&["run", "r.md", "--no-input", "--version", "v2"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        yard.desk.in_the_middle(&mut child);
        yard.desk.clear_pipes();
        // Nobody lets the step go on.
        if driver_is_there {
            yard.ran(0, &["rollback", "--reason", "orders are lost"])
                .says("another process drives this release");
            let ran = Ran::of(child.wait_with_output().expect("it ends"));
            assert_eq!(ran.code, 3, "{}\n{}", ran.out, ran.err);
        } else {
            child.kill().expect("SIGKILL");
            child.wait().expect("it is gone");
            yard.ran(3, &["rollback", "--reason", "orders are lost"]).says("rolled back");
        }
        assert_eq!(yard.state(), before, "the driver is there: {driver_is_there}");
    }
}
