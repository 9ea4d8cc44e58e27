//! Flags behind scripts that the same release sends to the host, with a real sshd.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tminus_testkit::ssh::SshHosts;

use crate::support::{Desk, runbook};

const BODY: &str = "**Hosts**: web-1

```yaml {#script .send on=web-1}
from: flags
to: ~/flags
```

```yaml {#flag .flag on=web-1 cwd=HOME}
flag: checkout
to: on
provider: command
get: ./flags get
set: ./flags set \"$FLAG_VALUE\"
```

```bash {#smoke .check}
./smoke
```";

/// The script as it was and as it is meant; what it does is told in `told` under its own name.
const SCRIPT: &str = "#!/bin/sh
case $1 in
  get) cat flag ;;
  set) echo \"NAME sets $2\" >>told; echo \"$2\" >flag ;;
esac
";

struct Far {
    desk: Desk,
    hosts: SshHosts,
}

impl Far {
    /// A host with a flag that is off, and a release that sends a new script and sets it by that.
    fn open() -> Option<Far> {
        let hosts = SshHosts::start(&["web-1"])?;
        let desk = Desk::new();
        desk.program("ssh", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", hosts.bin().join("ssh").display()));
        desk.program("../smoke", "#!/bin/sh\nexit 1\n");
        let body = BODY.replace("HOME", &hosts.home("web-1").to_string_lossy());
        desk.write("r.md", runbook(&body).replace("runbook: 1", "runbook: 1\non_failure: rollback"));
        desk.write("flags", named("new"));
        let far = Far { desk, hosts };
        fs::write(far.there("flag"), "off\n").expect("the home of the host");
        far.puts(&named("old"), 0o750);
        Some(far)
    }

    fn there(&self, name: &str) -> PathBuf {
        self.hosts.home("web-1").join(name)
    }

    /// Somebody writes the script on the host by hand.
    fn puts(&self, text: &str, mode: u32) {
        fs::write(self.there("flags"), text).expect("the home of the host");
        fs::set_permissions(self.there("flags"), fs::Permissions::from_mode(mode)).expect("its mode");
    }

    /// The script, its mode, and the flag.
    fn has(&self) -> (String, u32, String) {
        let read = |name| fs::read_to_string(self.there(name)).expect("it is there");
        let mode = fs::metadata(self.there("flags")).expect("it is there").permissions().mode() & 0o777;
        (read("flags"), mode, read("flag"))
    }

    fn told(&self) -> String {
        fs::read_to_string(self.there("told")).unwrap_or_default()
    }
}

fn named(name: &str) -> String {
    SCRIPT.replace("NAME", name)
}

const RUN: [&str; 4] = ["run", "r.md", "--no-wait", "--again"];

#[test]
fn a_flag_goes_back_by_the_script_from_before_when_the_new_one_is_faulty() {
    let Some(far) = Far::open() else { return };
    let before = far.has();
    for (faulty, words) in [
        // It changes the flag, and says that it did not: it would say so on the way back as well.
        (
            named("new").replace(">flag ;;", ">flag; exit 3 ;;"),
            "`set` did not change the flag checkout to on",
        ),
        // It tells what the flag was: the way back would believe that there is nothing to do.
        (named("new").replace("cat flag", "echo off"), "the flag checkout is off after the change"),
    ] {
        far.desk.write("flags", &faulty);
        let ran = far.desk.expect(3, &RUN);
        ran.says(words).says("checkout is off again").says("rolled back").never_says("not undone");
        ran.says("flags is what it was before this release while the flag goes back");
        assert_eq!(far.has(), before, "{faulty}");
    }
    assert_eq!(far.told(), "new sets on\nold sets off\n".repeat(2));
}

/// A runbook that sends a script which nobody may run; the flag itself is a file.
fn without_a_mode(text: &str) -> String {
    text.replace("to: ~/flags", "to: ~/flags\nmode: 640")
        .replace("get: ./flags get", "get: cat flag")
        .replace("set: ./flags", "set: echo \"$FLAG_VALUE\" >flag; ./flags")
}

#[test]
fn a_flag_goes_back_by_the_script_from_before_when_the_new_one_cannot_be_run() {
    let Some(far) = Far::open() else { return };
    let before = far.has();
    far.desk.write("r.md", without_a_mode(&far.desk.read("r.md")));
    let ran = far.desk.expect(3, &RUN);
    ran.says("it ended with 126").says("checkout is off again").says("rolled back").never_says("not undone");
    assert_eq!(far.has(), before);
    assert_eq!(far.told(), "old sets off\n");
}

#[test]
fn a_script_that_somebody_mended_meanwhile_stays_and_is_what_the_flag_goes_back_by() {
    let Some(far) = Far::open() else { return };
    let before = far.has();
    let held = far.desk.read("r.md").replace("on_failure: rollback", "on_failure: hold");
    let goes_back = |mended: &str, mode| {
        far.desk.expect(5, &RUN);
        far.puts(mended, mode);
        let ran = far.desk.expect(3, &["rollback", "--only", "flag", "--reason", "it is faulty"]);
        ran.says("flags is not as this release sent it, and stays").says("checkout is off again");
        assert_eq!(far.has(), (mended.to_owned(), mode, "off\n".to_owned()));
        far.puts(&before.0, before.1);
    };
    far.desk.write("r.md", &held);
    far.desk.write("flags", named("new").replace(">flag ;;", ">flag; exit 3 ;;"));
    goes_back(&named("mended"), 0o755);
    // What was sent is right, and its mode was not.
    far.desk.write("r.md", without_a_mode(&held));
    far.desk.write("flags", named("new"));
    goes_back(&named("new"), 0o750);
    assert_eq!(far.told(), "new sets on\nmended sets off\nnew sets off\n");
}

#[test]
fn a_flag_alone_goes_back_and_the_script_that_was_sent_stands() {
    let Some(far) = Far::open() else { return };
    let sent = named("new").replace("cat flag", "cat flag; touch new-was-asked");
    far.desk.write("flags", &sent);
    far.desk.program("../smoke", "#!/bin/sh\n");
    let text = far.desk.read("r.md").replace("```bash {#smoke", "- [ ] It looks well\n\n```bash {#smoke");
    far.desk.write("r.md", text);
    far.desk.expect(5, &RUN);
    assert_eq!(far.has(), (sent.clone(), 0o750, "on\n".to_owned()));
    fs::remove_file(far.there("new-was-asked")).expect("it was asked");
    far.desk.expect(3, &["rollback", "--only", "flag", "--reason", "test"]).says("partly rolled back");
    assert_eq!(far.has(), (sent, 0o750, "off\n".to_owned()));
    assert!(!far.there("new-was-asked").exists(), "the script from before is asked as well");
    assert_eq!(far.told(), "new sets on\nold sets off\n");
}

#[test]
fn crash_everywhere_on_the_way_back_of_a_flag_what_was_lent_is_given_back() {
    let Some(far) = Far::open() else { return };
    let desk = far.desk.folder.display().to_string();
    // The host goes down when the script from before is in its place and sets the flag.
    let wait = format!(
        "if [ -p {desk}/reached ]; then ps -o pgid= -p $$ >{desk}/group; echo >{desk}/reached; read -r _ <{desk}/go; fi"
    );
    far.puts(&named("old").replace("  set) ", &format!("  set) {wait}; ")), 0o750);
    far.desk.program("../smoke", "#!/bin/sh\n");
    let text = far.desk.read("r.md").replace("```bash {#smoke", "- [ ] It looks well\n\n```bash {#smoke");
    far.desk.write("r.md", text);
    far.desk.expect(5, &RUN);
    let back = ["rollback", "--only", "flag", "--reason", "test"];
    far.desk.kill_while_waiting(far.desk.command(&back));
    far.desk.kill_step();
    assert!(far.has().0.contains("old sets"), "it is lent");
    for name in ["reached", "go"] {
        fs::remove_file(far.desk.path(name)).expect("the pipe");
    }
    far.desk.expect(6, &["resume", "--no-wait"]);
    far.desk.expect(0, &["answer", "flag", "retry"]);
    far.desk.expect(3, &["resume", "--no-wait"]).says("partly rolled back");
    assert_eq!(far.has(), (named("new"), 0o750, "off\n".to_owned()));
}
