//! Container images: built and pushed by docker buildx, and looked at in a real registry.

use std::process::{Command, Stdio};

use tminus_testkit::docker::Docker;

use crate::support::{Desk, Ran, runbook};

const SMOKE: &str = "```bash {#smoke .check}\necho \"later steps have $IMAGE and $IMAGE_DIGEST\"\n```";

/// An engine with a registry, and a folder that can be built without any other image.
pub(crate) struct Shipyard {
    pub(crate) desk: Desk,
    pub(crate) docker: Docker,
}

impl Shipyard {
    pub(crate) fn open() -> Option<Shipyard> {
        Docker::start().and_then(Shipyard::with)
    }

    fn with(docker: Docker) -> Option<Shipyard> {
        if !docker.has_buildx() {
            return None;
        }
        let desk = Desk::new();
        let name = docker.image("web");
        let step = format!(
            "```yaml {{#image .image}}\ntags: ['{name}:$VERSION', '{name}:$VERSION-again']\ncontext: web\nbuild_args: {{ VERSION: $VERSION }}\n```"
        );
        desk.write("r.md", runbook(&format!("{step}\n\n{SMOKE}")));
        desk.write(
            "web/Dockerfile",
            "FROM scratch\nARG VERSION\nCOPY page /page\nLABEL version=$VERSION\nCMD [\"/page\"]\n",
        );
        desk.write("web/page", "what people come for\n");
        Some(Shipyard { desk, docker })
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        command.env("DOCKER_HOST", self.docker.host());
        command
    }

    fn release(&self, code: i32, version: &str) -> Ran {
        self.ran(code, &["run", "r.md", "--no-wait", "--version", version])
    }

    pub(crate) fn ran(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = Ran::of(self.command(arguments).output().expect("it starts"));
        assert_eq!(ran.code, code, "tminus {arguments:?}\n{}\n{}", ran.out, ran.err);
        ran
    }

    /// The digest that the registry itself says, past docker.
    pub(crate) fn digest(&self, tag: &str) -> String {
        let name = self.docker.image("web");
        let (host, path) = name.split_once('/').expect("a host");
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--head",
            "--header",
            "Accept: application/vnd.docker.distribution.manifest.v2+json",
        ]);
        let output = curl.arg(format!("http://{host}/v2/{path}/manifests/{tag}")).output().expect("curl");
        let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
        let line = text.lines().find_map(|line| line.strip_prefix("docker-content-digest: "));
        line.unwrap_or_default().trim().to_owned()
    }
}

#[test]
fn an_image_is_built_pushed_and_its_digest_is_that_of_the_registry() {
    let Some(yard) = Shipyard::open() else { return };
    let ran = yard.release(0, "v1");
    let digest = yard.digest("v1");
    assert!(digest.starts_with("sha256:") && digest == yard.digest("v1-again"), "{digest}");
    ran.says(&format!("later steps have {}@{digest} and {digest}", yard.docker.image("web")));
    yard.docker.docker(&["pull", "--quiet", &format!("{}@{digest}", yard.docker.image("web"))]);
    let label = yard.docker.docker(&[
        "inspect",
        "--format={{.Config.Labels.version}}",
        &format!("{}@{digest}", yard.docker.image("web")),
    ]);
    assert_eq!(label, "v1");

    // Another release of the same version is refused, or takes what is there; nothing is pushed.
    yard.desk.write("web/page", "something else\n");
    yard.release(5, "v1").says(&format!("web:v1 is in the registry already, with {digest}"));
    yard.ran(0, &["abort", "--reason", "test"]);
    yard.desk.write("r.md", yard.desk.read("r.md").replace("context: web", "context: web\nexisting: use"));
    yard.release(0, "v1").says("nothing is built").says(&format!("web@{digest} and {digest}"));
    assert_eq!(yard.digest("v1"), digest);
    yard.release(0, "v2").says("later steps have ");
    assert!(yard.digest("v2") != digest && !yard.digest("v2").is_empty());
}

#[test]
fn an_image_that_fails_anywhere_says_where() {
    let Some(mut yard) = Shipyard::open() else { return };
    let written = yard.desk.read("r.md");
    yard.desk.write("web/Dockerfile", "FROM scratch\nCOPY no-such /page\n");
    yard.release(5, "v1").says("no-such");
    assert_eq!(yard.digest("v1"), "");
    yard.ran(0, &["abort", "--reason", "test"]);
    yard.desk.write("web/Dockerfile", "FROM scratch\nCOPY page /page\n");

    // The builder of an engine builds for one platform; the command is that of the plan.
    yard.desk.write(
        "r.md",
        written.replace("context: web", "context: web\nplatforms: [linux/amd64, linux/arm64]"),
    );
    let ran = yard.release(5, "v1");
    ran.says("--platform linux/amd64,linux/arm64")
        .says("Multi-platform build is not supported for the docker driver");
    yard.ran(0, &["abort", "--reason", "test"]);

    yard.desk.write("r.md", &written);
    yard.docker.stop_registry();
    yard.release(5, "v1").says("the registry cannot be asked for ");
    yard.ran(0, &["abort", "--reason", "test"]);
    yard.docker.start_registry();
    yard.release(0, "v1");

    for (old, new, words) in [
        (":$VERSION'", "'", "has no tag of its own behind a colon"),
        ("context: web", "platforms: arm", "`arm` is no platform"),
        ("context: web", "existing: replace", "there are `refuse` and `use`"),
        ("context: web", "output: 1st", "is no name of a variable"),
        ("VERSION: $VERSION", "VERSION: $COLOUR", "`VERSION` is not known: "),
        (".image}", ".image .check}", "it is no `.check`"),
    ] {
        assert!(written.contains(old), "{old}");
        yard.desk.write("r.md", written.replace(old, new));
        yard.release(2, "v9").says(words);
    }
}

#[test]
fn crash_everywhere_behind_the_push_of_an_image_it_is_pushed_again_and_known() {
    let Some(yard) = Shipyard::open() else { return };
    yard.desk.program("docker", "#!/bin/sh\nenv PATH=\"${PATH#*:}\" docker \"$@\" || exit\nif [ -p \"$HOME/reached\" ]; then case \"$*\" in *--push*) rm -f .tminus/*/image/metadata.json; ps -o pgid= -p $$ >\"$HOME/group\"; echo >\"$HOME/reached\"; read -r _ <\"$HOME/go\" ;; esac; fi\n");
    yard.desk.kill_while_waiting(yard.command(&["run", "r.md", "--no-wait", "--version", "v1"]));
    yard.desk.kill_step();
    assert!(!yard.digest("v1").is_empty(), "it was pushed");
    std::fs::remove_file(yard.desk.path("reached")).expect("the pipe");
    let ran = yard.ran(0, &["resume", "--no-wait"]);
    ran.says(&format!("later steps have {}@{}", yard.docker.image("web"), yard.digest("v1")));
}

/// What the registry itself serves under a reference: the bytes, past docker.
fn manifest(yard: &Shipyard, reference: &str) -> String {
    let name = yard.docker.image("web");
    let (host, path) = name.split_once('/').expect("a host");
    let kinds = ["oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.list.v2"];
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail"]);
    for kind in kinds {
        curl.args(["--header", &format!("Accept: application/vnd.{kind}+json")]);
    }
    let output = curl.arg(format!("http://{host}/v2/{path}/manifests/{reference}")).output().expect("curl");
    assert!(output.status.success(), "{reference}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).expect("JSON")
}

#[test]
fn an_image_for_several_platforms_has_the_digest_of_its_index_and_is_there_for_each() {
    let Some(yard) = Docker::start_for_platforms().and_then(Shipyard::with) else { return };
    let written = yard.desk.read("r.md");
    let for_both = |keys: &str| {
        let keys = format!("context: web\nplatforms: [linux/amd64, linux/arm64]{keys}");
        yard.desk.write("r.md", written.replace("context: web", &keys));
    };
    for_both("");
    let ran = yard.release(0, "v1");
    ran.says("--platform linux/amd64,linux/arm64");
    let index = manifest(&yard, "v1");
    let digest = digest_of(&index);
    ran.says(&format!("later steps have {}@{digest} and {digest}", yard.docker.image("web")));
    assert_eq!(manifest(&yard, "v1-again"), index, "both names are one image");
    let parsed: serde_json::Value = serde_json::from_str(&index).expect("JSON");
    let mut platforms: Vec<String> = Vec::new();
    for one in parsed["manifests"].as_array().expect("an index") {
        let text = |key: &str| one["platform"][key].as_str().expect("a platform").to_owned();
        let own = one["digest"].as_str().expect("a digest");
        assert_eq!(digest_of(&manifest(&yard, own)), own, "it is whole");
        // Beside each image stands how it was made, for no platform.
        if text("architecture") != "unknown" {
            platforms.push(format!("{}/{}", text("os"), text("architecture")));
        }
    }
    platforms.sort();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);

    // Another release takes it as it is; one that wants a platform more than it has is refused.
    for_both("\nexisting: use");
    yard.release(0, "v1").says("nothing is built").says(&format!("web@{digest} and {digest}"));
    let more = yard.desk.read("r.md").replace("linux/arm64]", "linux/arm64, linux/riscv64]");
    yard.desk.write("r.md", more);
    yard.release(5, "v1").says("web:v1 has no image for linux/riscv64; it has: linux/amd64 linux/arm64");
    assert_eq!(manifest(&yard, "v1"), index);
}

fn digest_of(text: &str) -> String {
    use std::io::Write as _;
    let mut sum = Command::new("sha256sum");
    let mut sum = sum.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sha256sum");
    sum.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    let said = sum.wait_with_output().expect("it ends").stdout;
    format!("sha256:{}", String::from_utf8_lossy(&said).split(' ').next().unwrap_or_default())
}
