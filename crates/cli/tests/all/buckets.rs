//! Static sites in a bucket: whole before they are served, pages last, and back to the byte.

use tminus_testkit::s3::S3;

use crate::support::{Desk, Ran, runbook};

const SMOKE: &str = "```bash {#smoke .check}\n./smoke\n```";

/// A desk with a site that was built, and a release that publishes it and looks with `./smoke`.
struct Site {
    desk: Desk,
    store: S3,
}

impl Site {
    fn new(serve: &str) -> Option<Site> {
        let store = S3::start()?;
        store.publish();
        let desk = Desk::new();
        let step = format!(
            "```yaml {{#site .deploy}}\ntarget: bucket\nfrom: dist/\nto: s3://backups/www\nserve: {serve}\nname: $VERSION\nkeep: 2\n```"
        );
        let body = runbook(&format!("{step}\n\n{SMOKE}"));
        desk.write("r.md", body.replace("runbook: 1", "runbook: 1\non_failure: rollback"));
        desk.write("tminus.toml", "[secrets]\nAWS_SECRET_ACCESS_KEY = \"file:key\"\n");
        desk.write("key", "tests-secret");
        desk.program("real-aws", &store.program());
        desk.program("aws", "#!/bin/sh\nexec real-aws \"$@\"\n");
        desk.program("../smoke", "#!/bin/sh\n");
        let site = Site { desk, store };
        site.build("v1");
        Some(site)
    }

    /// A page that names a file of its own version, as bundlers write them.
    fn build(&self, version: &str) {
        let _ = std::fs::remove_dir_all(self.desk.path("dist"));
        self.desk.write("dist/index.html", page(version));
        self.desk.write(&format!("dist/assets/app.{version}.js"), format!("let v = '{version}';\n"));
        self.desk.write("dist/assets/[odd] na*me.js", "\0\u{1}");
        self.desk.write(&format!("dist/only-{version}.html"), version);
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.desk.command(arguments);
        command.envs(self.store.variables().into_iter().filter(|(name, _)| *name != "AWS_SECRET_ACCESS_KEY"));
        command
    }

    fn expect(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = Ran::of(self.command(arguments).output().expect("it starts"));
        assert_eq!(ran.code, code, "{arguments:?}\n{}{}", ran.out, ran.err);
        ran.never_says("tests-secret");
        ran
    }

    fn release(&self, code: i32, version: &str) -> Ran {
        self.expect(code, &["run", "r.md", "--no-wait", "--version", version, "--again"])
    }

    fn edit(&self, old: &str, new: &str) {
        let written = self.desk.read("r.md");
        assert!(written.contains(old), "{written}");
        self.desk.write("r.md", written.replace(old, new));
    }

    fn type_of(&self, name: &str) -> String {
        self.store.aws(&[
            "head-object",
            "--bucket",
            "backups",
            "--key",
            name,
            "--query",
            "ContentType",
            "--output",
            "text",
        ])
    }

    fn again(&self) {
        for name in ["reached", "go"] {
            std::fs::remove_file(self.desk.path(name)).expect("the pipe");
        }
    }
}

fn page(version: &str) -> String {
    format!("<script src=\"assets/app.{version}.js\"></script>\n")
}

#[test]
fn pain_05_a_bucket_that_is_served_gets_its_files_before_its_pages_and_comes_back_byte_for_byte() {
    let Some(site) = Site::new("files") else { return };
    let (desk, store) = (&site.desk, &site.store);
    // A file of no type that is known.
    desk.write("dist/CNAME", "www.example.com\n");
    site.edit("keep: 2", &format!("keep: 2\nurl: {}\nwithin: 5s", store.url("www/index.html")));
    // What others put there: a page that is overwritten, one beside it, one elsewhere.
    for name in ["www/index.html", "www/robots.txt", "elsewhere.txt"] {
        desk.write(&format!("old/{name}"), format!("by hand: {name}"));
    }
    store.fill(&desk.path("old"), "");
    let by_hand = store.state();
    // Before each call of aws a reader comes, and follows the page to what it names.
    let base = store.url("www/");
    desk.program("aws", &format!("#!/bin/bash\nfor asset in $(curl --silent '{base}index.html' | grep -o 'assets/[a-z0-9.]*'); do\n  echo \"$asset\" >>\"$HOME/followed\"\n  curl --silent --fail --output /dev/null \"{base}$asset\" || echo \"$asset\" >>\"$HOME/broken\"\ndone\nexec real-aws \"$@\"\n"));

    desk.program("../smoke", &format!("#!/bin/sh\ncurl --silent --fail --globoff -o seen '{base}index.html' && curl --silent --fail --globoff -o odd '{base}assets/%5Bodd%5D%20na*me.js'\nexit 1\n"));
    site.release(3, "v1")
        .says("before: s3://backups/www/current is not there")
        .says("serves what it did before");
    assert_eq!((desk.read("seen"), desk.read("odd")), (page("v1"), "\0\u{1}".to_owned()));
    assert_eq!(store.state(), by_hand, "the first release left nothing");

    desk.program("../smoke", "#!/bin/sh\n");
    site.release(0, "v1").says("read back, the same as dist, files: 5").says("serves index.html of v1");
    assert_eq!(store.served("www/index.html"), Some(page("v1")));
    for (name, kind) in [
        ("www/index.html", "text/html; charset=utf-8"),
        ("www/assets/app.v1.js", "text/javascript; charset=utf-8"),
        ("www/assets/[odd] na*me.js", "text/javascript; charset=utf-8"),
        ("www/CNAME", "application/octet-stream"),
        ("www/releases/v1/index.html", "text/html; charset=utf-8"),
    ] {
        assert_eq!(site.type_of(name), kind, "{name}");
    }
    // What the first release saved for its own way back goes with the next one.
    let kept = |state: String| {
        state.lines().filter(|line| !line.contains("/.before-")).map(str::to_owned).collect::<Vec<_>>()
    };
    let first = kept(store.state());

    site.build("v2");
    desk.program("../smoke", &format!("#!/bin/sh\ncurl --silent --fail -o seen '{base}index.html'\ncurl --silent --fail '{base}assets/app.v1.js' >old.js\ncurl --silent --fail '{base}only-v1.html' >old.html\nexit 1\n"));
    site.release(3, "v2")
        .says("pages that are gone: 1")
        .says("current names v1 again, whose files are what its manifest says");
    assert_eq!((desk.read("seen"), desk.read("old.html")), (page("v2"), String::new()));
    assert_eq!(desk.read("old.js"), "let v = 'v1';\n", "who has the old page open still gets its files");
    assert_eq!(store.state().lines().collect::<Vec<_>>(), first);
    assert_eq!(site.type_of("www/index.html"), "text/html; charset=utf-8");

    desk.program("../smoke", "#!/bin/sh\n");
    site.release(0, "v2");
    assert!(desk.read("followed").contains("app.v2.js") && desk.read("followed").contains("app.v1.js"));
    assert_eq!(desk.read("broken"), "", "no page ever named a file that was not there");
    assert_eq!(store.served("www/robots.txt").as_deref(), Some("by hand: www/robots.txt"));
    // What was published under a name stays what it is.
    desk.write("dist/only-v2.html", "another\n");
    site.release(3, "v2").says("what was published under a name is never changed");
}

#[test]
fn a_pointer_names_one_release_or_the_other_and_old_ones_go() {
    let Some(site) = Site::new("pointer") else { return };
    let (desk, store) = (&site.desk, &site.store);
    desk.write("old/by-hand/index.html", "mine");
    store.fill(&desk.path("old"), "www/releases/");
    for version in ["v1", "v2", "v3"] {
        site.build(version);
        site.release(0, version).says(&format!("now: s3://backups/www/current names {version}"));
        assert_eq!(store.served("www/current"), Some(format!("{version}\n")));
        assert_eq!(store.served(&format!("www/releases/{version}/index.html")), Some(page(version)));
    }
    let releases = |state: &str| {
        let name = |line: &str| {
            Some(line.rsplit('\t').next()?.strip_prefix("www/releases/")?.split('/').next()?.to_owned())
        };
        let mut names: Vec<String> = state.lines().filter_map(name).collect();
        names.dedup();
        names
    };
    let before = store.state();
    assert_eq!(releases(&before), ["by-hand", "v1.manifest", "v1", "v2.manifest", "v2", "v3.manifest", "v3"]);
    site.build("v4");
    desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    site.release(3, "v4")
        .says("removed (keep: 2): s3://backups/www/releases/v1")
        .says("names v3 again, whose files are");
    let after: Vec<&str> = before.lines().filter(|line| !line.contains("/v1")).collect();
    assert_eq!(store.state().lines().collect::<Vec<_>>(), after, "only what retention takes is gone");

    // A way back to what somebody broke is told, and still taken.
    desk.program(
        "../smoke",
        "#!/bin/sh\naws s3api delete-object --bucket backups --key www/releases/v3/index.html\nexit 1\n",
    );
    site.release(6, "v4").says("the files of v3 are not what its manifest says");
    assert_eq!(store.served("www/current"), Some("v3\n".to_owned()));
}

#[test]
fn what_cannot_be_published_is_refused_with_its_reason_and_nothing_is_served() {
    let Some(site) = Site::new("pointer") else { return };
    let (desk, store) = (&site.desk, &site.store);
    let written = desk.read("r.md");
    site.edit("s3://backups/www", "s3://no-such-bucket");
    site.release(3, "v1").says("NoSuchBucket").says("make the bucket, or correct its name in the runbook");
    desk.write("r.md", &written);
    let mut command = desk.command(&["run", "r.md", "--no-wait", "--version", "v1", "--again"]);
    let (name, address) = store.variables()[0];
    let ran = Ran::of(
        command
            .env(name, address)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .output()
            .expect("it starts"),
    );
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    ran.says("redentials")
        .says("name who may write there under [secrets] in tminus.toml")
        .never_says("tests-secret");
    // Somebody builds into the folder while it is sent.
    desk.program(
        "aws",
        "#!/bin/sh\ncase \"$2 $*\" in cp*dist*) echo changed >dist/only-v1.html ;; esac\nexec real-aws \"$@\"\n",
    );
    site.release(3, "v1").says("is not what dist was when this step began; nothing of it is served");
    assert_eq!(store.state(), "None", "nothing is left");
    // What comes back from the store is another byte.
    desk.program("aws", "#!/bin/sh\nreal-aws \"$@\" || exit\ncase \"$*\" in *'/releases/v1/ .tminus'*) echo x >>\"$(find .tminus -path '*back/index.html')\" ;; esac\n");
    site.build("v1");
    site.release(3, "v1").says("is not what dist was when this step began");
    desk.program("aws", "#!/bin/sh\nexec real-aws \"$@\"\n");
    desk.pipe("dist/pipe");
    site.release(3, "v1").says("dist/pipe is neither a file, a folder nor a link to one");
    std::fs::remove_file(desk.path("dist/pipe")).expect("the pipe");
    // The address serves something else.
    site.edit("keep: 2", &format!("keep: 2\nurl: {}\nwithin: 1s", store.url("www/index.html")));
    site.release(3, "v1").says("does not serve index.html of this release after 1 s");
    desk.write("r.md", written.replace("serve: pointer", "serve: files"));
    desk.write("dist/current", "mine");
    site.release(3, "v1").says("dist/current has the place of what this step keeps");
    assert_eq!(store.state(), "None", "nothing is left");

    for (old, new, words) in [
        ("from: dist/\n", "", "`.deploy` needs `from`"),
        ("serve: pointer\n", "", "`.deploy` needs `serve`"),
        ("serve: pointer", "serve: all", "`all` is neither `pointer` nor `files`"),
        ("to: s3://backups/www", "to: srv/www", "`to` is `s3://BUCKET`"),
        ("to: s3://backups/www", "to: s3://", "`to` is `s3://BUCKET`"),
        (
            "to: s3://backups/www",
            "to: s3://backups/a b",
            "`to` would be `s3://backups/a b`, which is no `s3://BUCKET",
        ),
        ("to: s3://backups/www", "to: s3://backups/$SHOP", "`to` is not known: SHOP"),
        ("keep: 2", "keep: 0", "the way back needs one"),
        ("keep: 2", "expect: a.html", "`expect` belongs to `url`"),
        ("keep: 2", "url: www.example.com", "is no address"),
        ("keep: 2", "url: $SHOP", "`url` is not known: "),
        ("name: $VERSION", "name: ../x", "is no name of a folder"),
        (".deploy}", ".deploy .check}", "it is no `.check`"),
    ] {
        desk.write("r.md", written.replace(old, new));
        site.expect(2, &["run", "r.md", "--version", "v1"]).says(words);
    }
}

/// A stand-in before aws that stops once, where a call looks like this.
fn stop_at(pattern: &str) -> String {
    format!(
        "#!/bin/sh\ncase \"$*\" in {pattern}) if [ -p \"$HOME/reached\" ]; then ps -o pgid= -p $$ >\"$HOME/group\"; echo >\"$HOME/reached\"; read -r _ <\"$HOME/go\"; fi ;; esac\nexec real-aws \"$@\"\n"
    )
}

#[test]
fn crash_everywhere_in_the_middle_of_a_bucket_the_old_release_is_served_until_the_new_one_is_whole() {
    for serve in ["files", "pointer"] {
        let Some(site) = Site::new(serve) else { return };
        let (desk, store) = (&site.desk, &site.store);
        site.release(0, "v1");
        site.build("v2");
        // The power is cut with half of the files sent, and again just before the pointer.
        desk.program("aws", &stop_at("*text/javascript*"));
        desk.kill_while_waiting(site.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
        desk.kill_step();
        site.again();
        let half = store.state();
        assert!(half.contains("www/releases/v2/index.html") && !half.contains("v2.manifest"), "{half}");
        desk.program("aws", &stop_at("*put-object*www/current*"));
        desk.kill_while_waiting(site.command(&["resume", "--no-wait"]));
        desk.kill_step();
        site.again();
        assert_eq!(store.served("www/current").as_deref(), Some("v1\n"), "it is one or the other");
        site.expect(0, &["resume", "--no-wait"]).says("now: s3://backups/www/current names v2");
        assert_eq!(store.served("www/releases/v2/index.html"), Some(page("v2")));
        let served = store.served("www/index.html");
        assert_eq!(served, (serve == "files").then(|| page("v2")));
    }
}

#[test]
fn crash_everywhere_on_the_way_back_of_a_bucket_a_second_undo_comes_to_the_same() {
    for serve in ["files", "pointer"] {
        let Some(site) = Site::new(serve) else { return };
        let (desk, store) = (&site.desk, &site.store);
        site.release(0, "v1");
        let first = store.state();
        site.build("v2");
        desk.program("../smoke", "#!/bin/sh\ntouch looked\nexit 1\n");
        // The power is cut before the pointer leads back, and again before the release is removed.
        desk.program(
            "aws",
            &stop_at("*put-object*www/current*").replace("if [ -p", "if [ -e looked ] && [ -p"),
        );
        desk.kill_while_waiting(site.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
        desk.kill_step();
        site.again();
        desk.program("aws", &stop_at("*rm*v2.manifest*"));
        desk.kill_while_waiting(site.command(&["resume", "--no-wait"]));
        desk.kill_step();
        site.again();
        site.expect(3, &["resume", "--no-wait"]).says("current names v1 again, whose files are");
        assert_eq!(store.state(), first, "{serve}");
    }
}
