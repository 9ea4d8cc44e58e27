//! Secrets that the services have, in files and in the cluster, are shown nowhere: not in output, not in the log,
//! not in the record.

use std::path::Path;

use crate::kubernetes::{APPLY, Town, workload};
use crate::support::{Desk, Ran};
use crate::yard::Yard;

/// Base64 of it is shown by nobody either.
const PASSWORD: &str = "Tr0ub4dor&3-horse";

const BASE64: &str = "VHIwdWI0ZG9yJjMtaG9yc2U";

/// As a program written in Go has it in JSON.
const OF_GO: &str = "Tr0ub4dor\\u00263-horse";

/// Looks into everything that was said and kept, but for the files that the team itself has the value in, and
/// the copies of them that a way back needs, which only their owner may read.
fn is_shown_nowhere(desk: &Desk, ran: &Ran) {
    desk.expect(0, &["record", "last", "--out", "record"]);
    let log = desk.expect(0, &["log", "last", "--json"]);
    let mut left = vec![desk.path("record"), desk.path(".tminus")];
    let mut looked = 0;
    let shows = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        [PASSWORD, BASE64, OF_GO].iter().any(|form| text.contains(form))
    };
    for text in [&ran.out, &ran.err, &log.out] {
        assert!(!shows(text.as_bytes()), "{text}");
    }
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(
                std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()),
            );
        } else if let Ok(bytes) = std::fs::read(&path) {
            looked += 1;
            let is_copy =
                is_kept_for_the_way_back(&path) && nobody_else_may(path.parent().expect("a folder"));
            assert!(is_copy || !shows(&bytes), "{} shows it", path.display());
        }
    }
    assert!(looked > 10, "only {looked} files");
    std::fs::remove_dir_all(desk.path("record")).expect("it was written");
}

/// Whether it or a folder around it is for its owner alone.
fn nobody_else_may(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = std::fs::metadata(folder).expect("it is there").permissions().mode();
    mode & 0o077 == 0 || !folder.ends_with(".tminus") && folder.parent().is_some_and(nobody_else_may)
}

fn is_kept_for_the_way_back(path: &Path) -> bool {
    let text = path.display().to_string();
    ["/env.before", "/env.after", "/before/", "/objects/", "/rendered"].iter().any(|part| text.contains(part))
}

#[test]
fn a_password_of_an_env_file_is_shown_by_no_command_that_prints_it() {
    let Some(yard) = Yard::open() else { return };
    let desk = &yard.desk;
    desk.write(".env", format!("OTHER=keep me\nDB_PASSWORD={PASSWORD}\nTAG=v0\n"));
    desk.write("tminus.toml", "[secrets]\nDB_PASSWORD = \"exec:sed -n s/^DB_PASSWORD=//p .env\"\n");
    let file = desk.read("compose.yml");
    // The service says it when it starts, and the second one never becomes healthy.
    desk.write("compose.yml", file.replace("    init: true\n", "    init: true\n    environment: { DB_PASSWORD: '${DB_PASSWORD}' }\n    command: [/bin/busybox, sh, -c, 'echo connecting with $$DB_PASSWORD; exec /bin/busybox httpd -f -p 8080 -h /www']\n"));
    let prints = "```bash {#prints .check}\nset -x\ndocker compose config\ncat .env\nprintf '%s' \"$DB_PASSWORD\" | base64\nexport URL=\"postgres://shop:$DB_PASSWORD@db/shop\"\necho \"url=$URL\" >>\"$RUN_OUT\"\ndocker inspect --format '{{json .Config.Env}}' $(docker ps --quiet)\n```\n";
    desk.write("r.md", desk.read("r.md") + prints);
    let ran = yard.release(0, "v1");
    ran.says("‹redacted›").says("DB_PASSWORD: ‹redacted›");
    is_shown_nowhere(desk, &ran);
    yard.docker.publish(&yard.docker.image("web:v3"), None);
    yard.docker.publish(&yard.docker.image("api:v3"), Some("v3"));
    let ran = yard.release(3, "v3");
    ran.says("web did not become healthy").says("connecting with ‹redacted›").says("rolled back");
    is_shown_nowhere(desk, &ran);
}

#[test]
fn a_secret_of_the_manifests_is_shown_by_no_step_of_its_deployment() {
    let Some(town) = Town::open(&APPLY.replace("statefulset/queue, daemonset/agent, ", "")) else { return };
    let desk = &town.desk;
    let secret = |more: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: db }}\nstringData:\n  password: {PASSWORD}\n{more}data:\n  again: {BASE64}=\n"
        )
    };
    // As a team has it before: by `kubectl apply`, which leaves a copy of all in an annotation.
    town.has(&secret(""));
    // A label stands beside that annotation.
    let labelled =
        secret("  more: later-comes-another\n").replace("name: db }", "name: db, labels: { of: ours } }");
    desk.write("k8s/1.yaml", labelled);
    desk.write("k8s/2.yaml", workload("Deployment", "web", "shop/web:unset", ""));
    let ran = town.ran(0, &["run", "r.md", "--no-wait", "--version", "v1"]);
    ran.says("  secret/db: other values").says("+      - image: shop/web:v1");
    is_shown_nowhere(desk, &ran);

    // What a step of the team prints is known when it is named; base64 is how a cluster shows it. And all of it
    // goes back.
    desk.write(
        "tminus.toml",
        desk.read("tminus.toml") + "[secrets]\nDB_PASSWORD = \"exec:sed -n s/..password:.//p k8s/1.yaml\"\n",
    );
    let prints = "\n```bash {#prints .check}\nset -x\nkubectl --namespace=shop get secret db --output=yaml\nkubectl --namespace=shop get secret db --output='jsonpath={.data.password}' | base64 --decode\nexit 1\n```\n";
    desk.write("r.md", desk.read("r.md") + prints);
    desk.write("k8s/1.yaml", secret("  more: yet-another\n"));
    let ran = town.ran(3, &["run", "r.md", "--no-wait", "--version", "v2"]);
    ran.says("password: ‹redacted›").says("secret/db is as before");
    is_shown_nowhere(desk, &ran);
}
