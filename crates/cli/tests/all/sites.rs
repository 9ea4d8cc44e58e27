//! Static sites: a folder a release, and a link that moves in one moment.

use std::collections::BTreeMap;
use std::path::Path;

use tminus_testkit::ssh::SshHosts;

use crate::support::{Desk, Ran, runbook};

const SITE: &str =
    "```yaml {#site .deploy}\ntarget: static\nfrom: dist/\nto: srv/www\nname: $VERSION\nkeep: 2\n```";
const SMOKE: &str = "```bash {#smoke .check}\n./smoke\n```";

/// A desk with a site that was built, and a release that publishes it and looks with `./smoke`.
fn desk(step: &str) -> Desk {
    let desk = Desk::new();
    let body = runbook(&format!("{step}\n\n{SMOKE}"));
    desk.write("r.md", body.replace("runbook: 1", "runbook: 1\non_failure: rollback"));
    desk.program("../smoke", "#!/bin/sh\n");
    desk.write("dist/assets/a b.js", "let x = 1;\n");
    desk.write("dist/assets/\\odd\n", "\0\u{1}");
    std::os::unix::fs::symlink("index.html", desk.path("dist/home.html")).expect("a link");
    build(&desk, "v1");
    desk
}

fn build(desk: &Desk, text: &str) {
    desk.write("dist/index.html", text);
}

fn release(desk: &Desk, code: i32, version: &str) -> Ran {
    desk.expect(code, &["run", "r.md", "--no-wait", "--version", version, "--again"])
}

/// Everything below a folder: what files hold, where links lead.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(at) = left.pop() {
        for entry in std::fs::read_dir(&at).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
            if path.is_symlink() {
                let to = std::fs::read_link(&path).expect("a link");
                found.insert(name, to.to_string_lossy().into_owned().into_bytes());
            } else if path.is_dir() {
                found.insert(name + "/", Vec::new());
                left.push(path);
            } else {
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

fn served(desk: &Desk) -> String {
    desk.read("srv/www/current/index.html")
}

#[test]
fn pain_05_a_site_goes_out_and_comes_back_byte_for_byte() {
    let desk = desk(SITE);
    // A first release that fails leaves no link.
    desk.program("../smoke", "#!/bin/sh\ncp srv/www/current/index.html seen\nexit 1\n");
    let ran = release(&desk, 3, "v1");
    ran.says("before: srv/www/current is not there")
        .says("srv/www/current was not there before, and is gone again");
    assert_eq!(
        (desk.read("seen"), tree(&desk.path("srv/www"))),
        ("v1".to_owned(), BTreeMap::from([("releases/".to_owned(), Vec::new())]))
    );

    desk.program("../smoke", "#!/bin/sh\n");
    release(&desk, 0, "v1").says("srv/www/releases/v1: the same as dist, files: 3");
    assert_eq!(tree(&desk.path("srv/www/releases/v1")), tree(&desk.path("dist")));
    let first = tree(&desk.path("srv/www"));

    build(&desk, "v2");
    desk.program("../smoke", "#!/bin/sh\ncp srv/www/current/index.html seen\nexit 1\n");
    release(&desk, 3, "v2").says("leads to releases/v1 again");
    assert_eq!((desk.read("seen"), served(&desk)), ("v2".to_owned(), "v1".to_owned()));
    assert_eq!(tree(&desk.path("srv/www")), first);

    // A link to what was built is followed: the next build must not reach what is served.
    std::fs::rename(desk.path("dist"), desk.path("built")).expect("renamed");
    std::os::unix::fs::symlink("built", desk.path("dist")).expect("a link");

    // The same name again after it was taken back, now with what it should have been.
    build(&desk, "v2, mended");
    desk.program("../smoke", "#!/bin/sh\n");
    release(&desk, 0, "v2");
    assert_eq!(served(&desk), "v2, mended");
    assert!(!desk.path("srv/www/releases/v2").is_symlink());
    // What was published under a name stays what it is.
    build(&desk, "another v2");
    release(&desk, 3, "v2").says("what was published under a name is never changed");
    assert_eq!(served(&desk), "v2, mended");
}

#[test]
fn old_releases_go_and_the_way_back_stays() {
    let desk = desk(SITE);
    // Whatever else lies there is not ours.
    desk.write("srv/www/releases/by-hand/index.html", "mine");
    for version in ["v1", "v2", "v3", "v4"] {
        build(&desk, version);
        release(&desk, 0, version);
    }
    let names = || {
        let mut names: Vec<String> = std::fs::read_dir(desk.path("srv/www/releases"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["by-hand", "v2", "v3", "v4"]);
    // Going back by hand to the oldest, and on from there: it is what a rollback would need.
    let link = desk.path("srv/www/current");
    std::fs::remove_file(&link).expect("the link");
    std::os::unix::fs::symlink("releases/v2", &link).expect("a link");
    build(&desk, "v5");
    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    release(&desk, 3, "v5").says("removed (keep: 2): srv/www/releases/v3").says("leads to releases/v2 again");
    assert_eq!(
        (names(), served(&desk)),
        (vec!["by-hand".to_owned(), "v2".to_owned(), "v4".to_owned()], "v2".to_owned())
    );
}

#[test]
fn what_is_no_site_and_no_place_for_one_is_refused_and_nothing_is_changed() {
    let desk = desk(SITE);
    desk.write("srv/www/current/index.html", "made by hand");
    let before = tree(&desk.path("srv"));
    release(&desk, 3, "v1").says("srv/www/current is a real folder or file").says("ln -s releases/NAME");
    assert_eq!(tree(&desk.path("srv")), before);
    std::fs::remove_dir_all(desk.path("srv")).expect("it is there");

    let written = desk.read("r.md");
    desk.write("r.md", written.replace("srv/www", "dist/www"));
    release(&desk, 3, "v1").says("dist/www lies inside of dist");
    desk.write("r.md", written.replace("from: dist/", "from: empty"));
    release(&desk, 3, "v1").says("there is no folder empty");
    std::fs::create_dir(desk.path("empty")).expect("a folder");
    release(&desk, 3, "v1").says("empty has no files");
    desk.write("r.md", &written);
    desk.pipe("dist/pipe");
    release(&desk, 3, "v1").says("dist/pipe is neither a file, a folder nor a link");
    std::fs::remove_file(desk.path("dist/pipe")).expect("the pipe");
    // A disk that loses a byte: the copy is compared before it is served.
    desk.program("cp", "#!/bin/sh\n/bin/cp \"$@\" || exit\ncase \"$*\" in *' dist/. '*) for last; do :; done; printf x >>\"$last/index.html\" ;; esac\n");
    release(&desk, 3, "v1").says("is not what dist is");
    assert!(!desk.path("srv/www/current").exists());
    assert!(!tree(&desk.path("srv")).keys().any(|name| name.contains("v1")), "the bad copy is gone");

    for (old, new, words) in [
        ("from: dist/\n", "", "`.deploy` needs `from`"),
        ("to: srv/www", "to: s3://bucket", "a bucket is `target: bucket`"),
        ("keep: 2", "keep: 0", "the way back needs one"),
        ("name: $VERSION", "name: ../x", "is no name of a folder"),
        ("name: $VERSION", "name: $COLOUR", "`name` is not known: COLOUR"),
        ("keep: 2", "services: [web]", "`.deploy` has no key `services`"),
        (".deploy}", ".deploy .check}", "it is no `.check`"),
    ] {
        desk.write("r.md", written.replace(old, new));
        desk.expect(2, &["run", "r.md", "--version", "v1"]).says(words);
    }
}

#[test]
fn each_environment_has_a_folder_of_its_own() {
    let step =
        format!("**Environment**: staging → production\n\n{}", SITE.replace("srv/www", "srv/$ENVIRONMENT"));
    let desk = desk(&step);
    release(&desk, 0, "v1");
    for environment in ["staging", "production"] {
        assert_eq!(desk.read(&format!("srv/{environment}/current/index.html")), "v1", "{environment}");
    }
}

#[test]
fn crash_everywhere_in_the_middle_of_a_site_there_is_one_folder_and_the_right_link() {
    let desk = desk(SITE);
    release(&desk, 0, "v1");
    build(&desk, "v2");
    // The power is cut with half a copy on the disk, and again just before the link moves.
    let stop = "if [ -p reached ]; then ps -o pgid= -p $$ >group; echo >reached; read -r _ <go; fi";
    desk.program("cp", &format!("#!/bin/sh\ncase \"$*\" in *' dist/. '*) for last; do :; done; mkdir -p \"$last\"; echo half >\"$last/index.html\"; echo half >\"$last/half\"\n{stop}\nrm -r \"$last\" ;; esac\nexec /bin/cp \"$@\"\n"));
    let version = ["run", "r.md", "--no-wait", "--version", "v2"];
    desk.kill_while_waiting(desk.command(&version));
    desk.kill_step();
    assert_eq!(served(&desk), "v1", "half a copy is not served");
    let again = |desk: &Desk| {
        for name in ["reached", "go"] {
            std::fs::remove_file(desk.path(name)).expect("the pipe");
        }
    };
    again(&desk);
    std::fs::remove_file(desk.path("bin/cp")).expect("the stand-in");
    desk.program(
        "mv",
        &format!("#!/bin/sh\ncase \"$*\" in */current) {stop} ;; esac\nexec /bin/mv \"$@\"\n"),
    );
    desk.kill_while_waiting(desk.command(&["resume", "--no-wait"]));
    desk.kill_step();
    assert_eq!(served(&desk), "v1", "it is one or the other");
    again(&desk);
    let ran = desk.expect(0, &["resume", "--no-wait"]);
    ran.says("now: srv/www/current leads to releases/v2");
    let www = tree(&desk.path("srv/www"));
    assert_eq!(served(&desk), "v2");
    let left: Vec<&String> =
        www.keys().filter(|name| name.trim_end_matches('/').matches('/').count() < 2).collect();
    let whole =
        ["current", "releases/", "releases/.v1.list", "releases/.v2.list", "releases/v1/", "releases/v2/"];
    assert_eq!(left, whole);
    assert_eq!(tree(&desk.path("srv/www/releases/v2")), tree(&desk.path("dist")));
}

#[test]
fn crash_everywhere_on_the_way_back_the_link_is_right_and_a_second_undo_harms_nothing() {
    let desk = desk(SITE);
    release(&desk, 0, "v1");
    let first = tree(&desk.path("srv/www"));
    build(&desk, "v2");
    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    // The power is cut when the link leads back and the folder is not yet gone.
    desk.program("rm", "#!/bin/sh\ncase \"$*\" in *releases/v2\\ *) if [ -p reached ]; then ps -o pgid= -p $$ >group; echo >reached; read -r _ <go; fi ;; esac\nexec /bin/rm \"$@\"\n");
    desk.kill_while_waiting(desk.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
    desk.kill_step();
    assert_eq!(served(&desk), "v1");
    for name in ["reached", "go"] {
        std::fs::remove_file(desk.path(name)).expect("the pipe");
    }
    desk.expect(3, &["resume", "--no-wait"]).says("leads to releases/v1 again");
    assert_eq!(tree(&desk.path("srv/www")), first);
}

#[test]
fn a_site_on_another_host_is_switched_there() {
    let Some(hosts) = SshHosts::start(&["web-1"]) else { return };
    let home = hosts.home("web-1");
    let class = format!(".deploy on=web-1 cwd={}}}", home.display());
    let step = SITE.replace(".deploy}", &class).replace("name: $VERSION\n", "");
    let desk = desk(&format!("**Hosts**: web-1\n\n{step}"));
    desk.program("ssh", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", hosts.bin().join("ssh").display()));
    std::fs::create_dir(home.join("dist")).expect("a folder");
    std::fs::write(home.join("dist/index.html"), "there").expect("a file");
    release(&desk, 0, "v1").says("the same as dist, files: 1");
    let served = || std::fs::read_to_string(home.join("srv/www/current/index.html")).expect("it is served");
    assert_eq!(served(), "there");
    assert!(!desk.path("srv").exists());

    // And back, there as well.
    let before = tree(&home.join("srv/www"));
    std::fs::write(home.join("dist/index.html"), "there, and new").expect("a file");
    let seen = home.join("srv/www/current/index.html");
    desk.program("../smoke", &format!("#!/bin/sh\ncp '{}' seen\nexit 1\n", seen.display()));
    release(&desk, 3, "v2").says("leads to releases/").says("rolled back");
    assert_eq!((desk.read("seen"), served()), ("there, and new".to_owned(), "there".to_owned()));
    assert_eq!(tree(&home.join("srv/www")), before);
}
