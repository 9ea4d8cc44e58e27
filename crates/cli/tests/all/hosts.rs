//! Steps on other hosts, by the program as people call it and a real sshd.

use tminus_testkit::ssh::SshHosts;

use crate::support::{Desk, runbook};

#[test]
fn a_folder_that_only_the_other_host_has_is_no_hindrance() {
    let Some(hosts) = SshHosts::start(&["web-1"]) else { return };
    let desk = Desk::new();
    let far = desk.path("far");
    // Both are one machine here, so the folder comes to be only when the client was started.
    let client = format!(
        "#!/bin/sh\nmkdir '{}'\nexec '{}' \"$@\"\n",
        far.display(),
        hosts.bin().join("ssh").display()
    );
    desk.program("ssh", &client);
    let body = format!(
        "**Hosts**: web-1\n\n```bash {{#a on=web-1 undo=none cwd={}}}\npwd > \"$HOST_NAME\"\n```",
        far.display()
    );
    desk.write("r.md", runbook(&body));
    desk.expect(0, &["run", "r.md"]);
    assert_eq!(desk.read("far/web-1").trim_end(), far.to_string_lossy());
}
