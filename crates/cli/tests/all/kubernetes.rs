//! Deployments to Kubernetes, on a real API server with its controllers.

use std::process::Command;

use tminus_testkit::kubernetes::Kubernetes;

use crate::support::{Desk, Ran};

const SETTINGS: &str =
    "[environments.production.kubernetes]\ncontext = \"production\"\nnamespace = \"shop\"\n";

const SET: &str = "```yaml {#deploy .deploy}\ntarget: kubernetes\nset: { web: { web: shop/web:$VERSION } }\nwithin: 12s\n```\n\n```bash {#smoke .check}\n./smoke\n```\n";

pub(crate) const APPLY: &str = "```yaml {#deploy .deploy}\ntarget: kubernetes\napply: k8s/\nservices: [statefulset/queue, daemonset/agent, web]\nset: { web: { web: shop/web:$VERSION } }\nwithin: 12s\n```\n\n```bash {#smoke .check}\n./smoke\n```\n";

/// A workload of two pods; its selector and labels are its name.
pub(crate) fn workload(kind: &str, name: &str, image: &str, more: &str) -> String {
    let copies = if kind == "DaemonSet" { "" } else { "  replicas: 2\n" };
    format!(
        "---\napiVersion: apps/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec:\n{copies}{more}  selector: {{ matchLabels: {{ app: {name} }} }}\n  template:\n    metadata: {{ labels: {{ app: {name} }} }}\n    spec: {{ containers: [ {{ name: {name}, image: '{image}' }} ] }}\n"
    )
}

/// A desk whose releases go to a cluster of its own, into the namespace `shop`.
pub(crate) struct Town {
    pub(crate) desk: Desk,
    pub(crate) cluster: Kubernetes,
}

impl Town {
    pub(crate) fn open(body: &str) -> Option<Town> {
        let cluster = Kubernetes::start()?;
        cluster.kubectl(&["create", "namespace", "shop"]);
        let desk = Desk::new();
        desk.write("tminus.toml", SETTINGS);
        desk.write("r.md", format!("---\nrunbook: 1\nenvironments: [production]\non_failure: rollback\n---\n# Shop\n\n## 1. Ship\n\n**Environment**: production\n\n{body}"));
        desk.program("../smoke", "#!/bin/sh\n");
        Some(Town { desk, cluster })
    }

    /// Makes a workload by hand, as a team has it before its first release by tminus.
    pub(crate) fn has(&self, manifest: &str) {
        self.cluster.make("shop", manifest);
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        let path = format!(
            "{}:{}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            self.desk.path("bin").display(),
            self.cluster.programs().display()
        );
        command.env("PATH", path).env("KUBECONFIG", self.cluster.config());
        command
    }

    pub(crate) fn ran(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = Ran::of(self.command(arguments).output().expect("it starts"));
        assert_eq!(ran.code, code, "{arguments:?}\n{}\n{}", ran.out, ran.err);
        ran
    }

    fn release(&self, code: i32, version: &str) -> Ran {
        self.ran(code, &["run", "r.md", "--no-wait", "--again", "--version", version])
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.cluster.kubectl(&[&["--namespace=shop"], arguments].concat())
    }

    /// What a rollback has to bring back: each object's labels and all that it says, and which
    /// ReplicaSet each Deployment runs, which is its revision by another name.
    pub(crate) fn state(&self) -> String {
        self.state_of("shop")
    }

    pub(crate) fn state_of(&self, namespace: &str) -> String {
        let namespace = format!("--namespace={namespace}");
        let kinds = "deployments,statefulsets,daemonsets,services,configmaps";
        let objects = self.cluster.kubectl(&["get", &namespace, kinds, "--output=jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.labels} {.spec} {.data}{\"\\n\"}{end}"]);
        let running = self.cluster.kubectl(&[
            "get",
            &namespace,
            "replicasets",
            "--output=jsonpath={range .items[*]}{.spec.replicas} {.metadata.name}{\"\\n\"}{end}",
        ]);
        let running: Vec<&str> = running.lines().filter(|line| !line.starts_with("0 ")).collect();
        // The cluster's own, made when it comes to it.
        let objects: Vec<&str> =
            objects.lines().filter(|line| !line.starts_with("ConfigMap kube-root-ca.crt")).collect();
        format!("{}\n{}", objects.join("\n"), running.join("\n"))
    }

    pub(crate) fn image(&self, workload: &str) -> String {
        self.kubectl(&["get", workload, "--output=jsonpath={.spec.template.spec.containers[*].image}"])
    }

    /// Runs the way back of a release once more, as a person would who pastes it.
    fn goes_back_again(&self, ran: &Ran, version: &str) {
        let release =
            ran.out.split("release ").nth(1).and_then(|rest| rest.split(' ').next()).expect("its id");
        let plan = self.ran(0, &["plan", "r.md", "--json", "--version", version]);
        let plan: serde_json::Value = serde_json::from_str(&plan.out).expect("JSON");
        let steps = plan["steps"].as_array().expect("steps");
        let back = steps.iter().find(|step| step["id"] == "deploy/undo").expect("a way back");
        let script = back["command"].as_str().expect("a script");
        let mut command = Command::new("bash");
        command
            .args(["-eEo", "pipefail", "-O", "inherit_errexit", "-c", script])
            .current_dir(&self.desk.folder);
        command.env("RELEASE_ID", release).env("KUBECONFIG", self.cluster.config());
        command.env("PATH", format!("{}:/usr/bin:/bin", self.cluster.programs().display()));
        let again = Ran::of(command.output().expect("bash starts"));
        assert_eq!(again.code, 0, "{}{}", again.out, again.err);
    }

    /// The step waits before the first call of kubectl whose arguments fit, until the test lets it go.
    pub(crate) fn waits_at(&self, pattern: &str, when: &str) {
        let wait =
            "if [ -p reached ]; then ps -o pgid= -p $$ >group; echo >reached; cat go; rm -f reached; fi";
        self.desk.program(
            "kubectl",
            &format!(
                "#!/bin/sh\nPATH=${{PATH#*:}}\ncase \"$*\" in {pattern}) {} ;; esac\nexec kubectl \"$@\"\n",
                when.replace("WAIT", wait)
            ),
        );
    }
}

#[test]
fn releases_to_kubernetes_go_out_and_come_back_as_one() {
    let Some(town) = Town::open(APPLY) else { return };
    town.desk.write("k8s/1-settings.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { greeting: hello }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { selector: { app: web }, ports: [ { port: 80, protocol: TCP } ] }\n");
    let web = workload("Deployment", "web", "shop/web:unset", "");
    town.desk.write("k8s/2-web.yaml", &web);
    town.desk.write(
        "k8s/3-others.yaml",
        workload("StatefulSet", "queue", "shop/queue:v1", "  serviceName: queue\n")
            + &workload("DaemonSet", "agent", "shop/agent:v1", ""),
    );
    let empty = town.state();
    // A first release that fails leaves nothing.
    town.desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    let ran = town.release(3, "v1");
    ran.says("deployment/web was not there before, and is gone again");
    assert_eq!(town.state(), empty);
    town.goes_back_again(&ran, "v1");
    assert_eq!(town.state(), empty);

    town.desk.program("../smoke", "#!/bin/sh\n");
    town.release(0, "v1").says("rolled out: deployment/web: web=shop/web:v1, 2 replicas, revision 1");
    let first = town.state();

    // Everything changes, and is caught after all has moved; meanwhile the manifests change as well.
    let of_first = ["k8s/1-settings.yaml", "k8s/2-web.yaml", "k8s/3-others.yaml"]
        .map(|name| (name, town.desk.read(name)));
    town.desk.write(
        "k8s/1-settings.yaml",
        of_first[0].1.replace("hello", "good day").replace("spec: {", "spec: { sessionAffinity: ClientIP,"),
    );
    town.desk.write(
        "k8s/2-web.yaml",
        web.replace("replicas: 2", "replicas: 3")
            .replace("app: web }, ", "app: web, new: label }, ")
            .replace("name: web }\nspec", "name: web, labels: { a: b } }\nspec"),
    );
    town.desk.write("k8s/3-others.yaml", of_first[2].1.replace(":v1", ":v2"));
    town.desk.program("../smoke", "#!/bin/sh\nrm k8s/2-web.yaml\nexit 1\n");
    let ran = town.release(3, "v2");
    ran.says("-      - image: shop/web:v1")
        .says("+      - image: shop/web:v2")
        .says("rolled out: statefulset/queue");
    ran.says("as before: deployment/web: web=shop/web:v1, 2 replicas");
    assert_eq!(town.state(), first);
    town.goes_back_again(&ran, "v2");
    assert_eq!(town.state(), first);
    // Copies that the manifest leaves to others (an autoscaler) are not taken back with the rest.
    town.desk.write("k8s/2-web.yaml", web.replace("  replicas: 2\n", ""));
    town.desk.program(
        "../smoke",
        "#!/bin/sh\nkubectl --namespace=shop scale deployment/web --replicas=4\nexit 1\n",
    );
    town.release(3, "v2").says("as before: deployment/web: web=shop/web:v1, 4 replicas");
    town.kubectl(&["scale", "deployment/web", "--replicas=2"]);
    assert_eq!(town.state(), first);
    town.desk.program("../smoke", "#!/bin/sh\n");

    // And goes out again over what the way back wrote.
    town.desk.write("k8s/2-web.yaml", &web);
    town.release(0, "v2").says("rolled out: deployment/web: web=shop/web:v2, 2 replicas");
    assert_eq!(
        (town.image("deployment/web"), town.image("daemonset/agent")),
        ("shop/web:v2".to_owned(), "shop/agent:v2".to_owned())
    );
}

#[test]
fn what_others_manage_and_what_is_not_listed_is_left_alone() {
    let Some(town) = Town::open(&APPLY.replace("statefulset/queue, daemonset/agent, ", "")) else { return };
    town.desk.write("k8s/web.yaml", workload("Deployment", "web", "shop/web:unset", ""));
    town.release(0, "v1");
    let first = town.state();
    town.kubectl(&["set", "image", "deployment/web", "web=shop/web:by-hand"]);
    town.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]);
    let by_hand = town.state();
    let words = "fields of deployment/web that this would change are managed by others: \"kubectl-set\"";
    town.release(3, "v2").says(words);
    assert_eq!(town.state(), by_hand, "a conflict moves nothing");
    town.kubectl(&["set", "image", "deployment/web", "web=shop/web:v1", "--field-manager=tminus"]);
    town.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]);
    assert_eq!(town.state(), first);

    // What the documents do not say together is refused before anything is asked.
    town.desk.write("k8s/more.yaml", workload("Deployment", "worker", "shop/worker:v1", ""));
    town.release(3, "v2").says("the manifests have deployment/worker, and `services` does not");
    std::fs::remove_file(town.desk.path("k8s/more.yaml")).expect("it is there");
    let text = town.desk.read("r.md");
    town.desk.write("r.md", text.replace("services: [web]", "services: [web, daemonset/agent]"));
    town.release(3, "v2").says("`services` has daemonset/agent, and no manifest has");
    town.desk.write("r.md", text.replace("set: { web: { web:", "set: { web: { wbe:"));
    town.release(3, "v2").says("unable to find container named \"wbe\"");
    town.desk.write("r.md", text.replace("apply: k8s/", "apply: k9s/"));
    town.release(3, "v2").says("the path \"k9s/\" does not exist");
    assert_eq!(town.state(), first);

    // A folder with a kustomization is built by it.
    town.desk.write(
        "k9s/kustomization.yaml",
        "resources: [web.yaml]\nnameSuffix: ''\ncommonAnnotations: { by: kustomize }\n",
    );
    town.desk.write("k9s/web.yaml", workload("Deployment", "web", "shop/web:unset", ""));
    town.release(0, "v2");
    assert_eq!(
        town.kubectl(&["get", "deployment/web", "--output=jsonpath={.metadata.annotations.by}"]),
        "kustomize"
    );
    town.release(3, "v3-missing");
    assert_eq!(town.image("deployment/web"), "shop/web:v2");

    // A manifest that is mended while the step is on hold counts on the next try.
    let holds = text.replace("{#deploy .deploy}", "{#deploy .deploy on_failure=hold}");
    town.desk.write("r.md", holds.replace("services: [web]", "services: [web, worker]"));
    town.release(5, "v2").says("`services` has deployment/worker, and no manifest has");
    town.desk.write("k8s/worker.yaml", workload("Deployment", "worker", "shop/worker:v1", ""));
    town.ran(0, &["answer", "deploy", "retry"]);
    town.ran(0, &["resume", "--no-wait"]).says("rolled out: deployment/worker");
}

#[test]
fn a_version_that_does_not_come_up_is_told_why_and_taken_back() {
    let Some(town) = Town::open(SET) else { return };
    town.release(3, "v1").says("there is no deployment/web in the namespace shop of production");
    town.has(&workload("Deployment", "web", "shop/web:v1", "  progressDeadlineSeconds: 600\n"));
    town.release(0, "v2");
    let before = town.state();
    let mut count = 2;
    let mut fails = |version: &str, words: &[&str]| {
        let ran = town.release(3, version);
        for words in words {
            ran.says(words);
        }
        ran.says("rolled back").says("as before: deployment/web: web=shop/web:v2, 2 replicas");
        assert_eq!(town.state(), before, "{version}");
        // There and back: one revision each, and not one more.
        count += 2;
        let revision = "--output=jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}";
        assert_eq!(town.kubectl(&["get", "deployment/web", revision]), count.to_string(), "{version}");
    };
    fails("v3-missing", &["does not come up: web of pod web-", "ImagePullBackOff", "manifest unknown"]);
    fails(
        "v3-crashing",
        &[
            "exited with 1: deployment/web does not come up: web of pod web-",
            "ends again and again",
            "exit code 2",
            "its last line: ERROR: cannot read /etc/app/config.json",
        ],
    );
    fails(
        "v3-unready",
        &[
            "was not rolled out within 12 s",
            "runs, and is not ready",
            "Readiness probe failed: HTTP probe failed with statuscode: 503",
        ],
    );
    town.kubectl(&["create", "quota", "few", "--hard=pods=2"]);
    fails("v3", &["no further pod of it can be made", "exceeded quota: few"]);
    town.kubectl(&["delete", "quota", "few"]);
}

#[test]
fn a_version_that_the_cluster_gives_up_or_has_no_room_for_is_told_why() {
    let Some(town) = Town::open(SET) else { return };
    town.has(&workload("Deployment", "web", "shop/web:v1", "  progressDeadlineSeconds: 3\n"));
    let before = town.state();
    town.release(3, "v4-unready").says("exceeded its progress deadline").says("Readiness probe failed");
    assert_eq!(town.state(), before);
    // No node has room; and paused by somebody.
    let long = r#"{"spec":{"progressDeadlineSeconds":600}}"#;
    town.kubectl(&["patch", "deployment/web", "--patch", long]);
    town.kubectl(&["set", "resources", "deployment/web", "--requests=cpu=1500m"]);
    town.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]);
    town.release(3, "v4").says("has no node: \"0/1 nodes are available: 1 Insufficient cpu.\"");
    town.kubectl(&["rollout", "pause", "deployment/web"]);
    town.release(3, "v4").says("deployment/web is paused, so it would not move");
    // Moved by the hands of people alone.
    town.has(&workload("DaemonSet", "agent", "shop/agent:v1", "  updateStrategy: { type: OnDelete }\n"));
    let text = town.desk.read("r.md").replace("{ web: { web: shop/web", "{ ds/agent: { agent: shop/agent");
    town.desk.write("r.md", text);
    town.release(3, "v4").says("daemonset/agent moves only when its pods are deleted by hand");
}

#[test]
fn a_release_goes_nowhere_but_where_its_environment_is() {
    let Some(mut town) = Town::open(SET) else { return };
    town.has(&workload("Deployment", "web", "shop/web:v1", ""));
    let before = town.state();
    let config = town.cluster.config();
    let text = std::fs::read_to_string(&config).expect("it was written");
    std::fs::write(&config, text.replace("current-context: production", "current-context: elsewhere"))
        .expect("a file");
    town.release(3, "v2")
        .says("the current context of kubectl is elsewhere, and this release acts in production")
        .says("kubectl config use-context production");
    // Nothing is current: nobody stands elsewhere.
    std::fs::write(&config, text.replace("current-context: production\n", "")).expect("a file");
    // Each call names both, whatever the configuration says.
    town.desk.program(
        "kubectl",
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >>calls\nPATH=${PATH#*:} exec kubectl \"$@\"\n",
    );
    town.release(0, "v2");
    let calls = town.desk.calls();
    let stray: Vec<&String> =
        calls.iter().filter(|call| !call.starts_with("--context=production --namespace=shop ")).collect();
    assert_eq!(stray, ["config get-contexts --output=name", "config current-context"]);
    assert!(calls.len() > 8, "{calls:?}");
    std::fs::write(&config, &text).expect("a file");

    let after = town.state();
    let settings = |from: &str, to: &str| town.desk.write("tminus.toml", SETTINGS.replace(from, to));
    settings("\"production\"", "\"prod\"");
    town.release(3, "v3")
        .says("kubectl knows no context prod, in which this release acts")
        .says("it knows: elsewhere, production");
    settings("\"shop\"", "\"stop\"");
    town.release(3, "v3").says("there is no namespace stop in production");
    settings("namespace = \"shop\"", "namespace = \"shop\"\nkubeconfig = \"none\"");
    town.release(3, "v3").says("kubectl knows no context production");
    town.desk.write("tminus.toml", "[environments.production]\n");
    town.release(2, "v3").says("T912: nothing says in which cluster production is");
    town.ran(1, &["check", "r.md"]).says("[environments.production.kubernetes]");
    settings("", "");
    town.cluster.stop_api();
    town.release(3, "v3").says("the API server of production does not answer").says("refused");
    town.cluster.start_api();
    assert_eq!(town.state(), after);
    assert_ne!(after, before);
}

#[test]
fn a_cluster_that_is_lost_in_the_middle_is_a_question_until_it_is_back() {
    let Some(mut town) = Town::open(SET) else { return };
    town.has(&workload("Deployment", "web", "shop/web:v1", ""));
    let before = town.state();
    let stop = town.cluster.stop_line();
    town.waits_at("*\"rollout status\"*", &format!("if [ -e lose ]; then rm lose; {stop}; fi"));
    town.desk.write("lose", "");
    let ran = town.release(6, "v2");
    ran.says("nobody can say how far deployment/web is").says("the API server of production does not answer");
    town.cluster.stop_api();
    town.cluster.start_api();
    // What the message says to type.
    let said = format!("{}\n{}", ran.out, ran.err);
    let line = said.lines().find(|line| line.contains("tminus answer") && line.contains("retry"));
    let words: Vec<&str> = line.expect("a way on").split_whitespace().skip(1).collect();
    town.ran(0, &words);
    town.ran(3, &["resume", "--no-wait"]).says("as before: deployment/web: web=shop/web:v1");
    assert_eq!(town.state(), before);
}

#[test]
fn crash_everywhere_in_the_middle_of_a_rollout_there_is_one() {
    let Some(town) = Town::open(SET) else { return };
    town.has(&workload("Deployment", "web", "shop/web:v1", ""));
    let revision = || {
        town.kubectl(&[
            "get",
            "deployment/web",
            "--output=jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}",
        ])
    };
    // The machine goes down after the cluster was told, and before it was asked how far it is.
    town.waits_at("*\"rollout status\"*", "WAIT");
    town.desk.kill_while_waiting(town.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
    town.desk.kill_step();
    std::fs::remove_file(town.desk.path("reached")).expect("a pipe");
    std::fs::remove_file(town.desk.path("go")).expect("a pipe");
    town.ran(0, &["resume", "--no-wait"])
        .says("rolled out: deployment/web: web=shop/web:v2, 2 replicas, revision 2");
    assert_eq!(revision(), "2");
    let second = town.state();

    // In the middle of the way back, and that once more.
    town.desk.program("../smoke", "#!/bin/sh\nexit 1\n");
    town.waits_at("*\" patch deployment/web\"*", "PATH=$PATH kubectl \"$@\"; WAIT; exit 0");
    town.desk.kill_while_waiting(town.command(&["run", "r.md", "--no-wait", "--version", "v3"]));
    town.desk.kill_step();
    std::fs::remove_file(town.desk.path("reached")).expect("a pipe");
    town.ran(3, &["resume", "--no-wait"]).says("as before: deployment/web: web=shop/web:v2");
    assert_eq!((town.state(), revision()), (second, "4".to_owned()));
}

pub(crate) const TURNS: &str = "```yaml {#deploy .deploy}\ntarget: kubernetes\nstrategy: blue-green\nservice: web\nblue_green: [web-blue, web-green]\nset: { web: shop/web:$VERSION }\nwithin: 12s\n```\n\n```bash {#smoke .check}\n./smoke\n```\n";

/// Two Deployments whose pods differ by their colour, the second one without a copy; the Service
/// sends to the first.
pub(crate) fn two_colours() -> String {
    let colour = |colour: &str, image: &str| {
        workload("Deployment", "web", image, "")
            .replace("{ name: web }\nspec", &format!("{{ name: web-{colour} }}\nspec"))
            .replace("app: web }", &format!("app: web, colour: {colour} }}"))
    };
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { selector: { app: web, colour: blue }, ports: [ { port: 80 } ] }\n";
    colour("blue", "shop/web:v1")
        + &colour("green", "shop/web:v0").replace("replicas: 2", "replicas: 0")
        + service
}

#[test]
fn two_colours_take_turns_and_traffic_moves_when_all_of_it_can() {
    let Some(town) = Town::open(TURNS) else { return };
    town.has(&two_colours());
    let before = town.state();
    let sends = || {
        let pods = town.kubectl(&[
            "get",
            "endpoints",
            "web",
            "--output=jsonpath={.subsets[*].addresses[*].targetRef.name}",
        ]);
        pods.split(' ')
            .map(|pod| {
                pod.rsplit_once('-').and_then(|(set, _)| set.rsplit_once('-')).expect("a pod").0.to_owned()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(sends(), ["web-blue"; 2]);

    // The other one does not come up: nobody was ever sent to it.
    town.release(3, "v2-missing")
        .says("deployment/web-green does not come up")
        .says("as before: deployment/web-green: web=shop/web:v0, 0 replicas");
    assert_eq!((town.state(), sends()), (before.clone(), vec!["web-blue".to_owned(); 2]));
    // Found out after the switch, and the machine goes down on the way back, after the first write.
    town.desk.program("../smoke", "#!/bin/sh\ntouch smoked\nexit 1\n");
    town.waits_at("*\" patch service/web\"*", "if [ -e smoked ]; then kubectl \"$@\"; WAIT; exit 0; fi");
    town.desk.kill_while_waiting(town.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
    town.desk.kill_step();
    std::fs::remove_file(town.desk.path("reached")).expect("a pipe");
    town.ran(3, &["resume", "--no-wait"]).says("the service web sends to 2 pods of web-blue");
    assert_eq!((town.state(), sends()), (before, vec!["web-blue".to_owned(); 2]));

    // There, and with the next release back again; the one that is left stays as it is.
    town.desk.program("../smoke", "#!/bin/sh\n");
    town.desk.program("kubectl", "#!/bin/sh\nPATH=${PATH#*:} exec kubectl \"$@\"\n");
    town.release(0, "v2")
        .says("the service web sends to 2 pods of web-green")
        .says("web-blue goes on running");
    assert_eq!(
        (sends(), town.image("deployment/web-blue")),
        (vec!["web-green".to_owned(); 2], "shop/web:v1".to_owned())
    );
    town.release(0, "v3").says("the service web sends to 2 pods of web-blue");
    assert_eq!(
        (sends(), town.image("deployment/web-green")),
        (vec!["web-blue".to_owned(); 2], "shop/web:v2".to_owned())
    );

    // What cannot be switched is said.
    let select = |selector: &str| {
        drop(town.kubectl(&[
            "patch",
            "service",
            "web",
            "--type=json",
            "--patch",
            &format!("[{{\"op\":\"replace\",\"path\":\"/spec/selector\",\"value\":{selector}}}]"),
        ]))
    };
    select("{\"app\":\"web\"}");
    town.release(3, "v4").says("the service web sends to both of web-blue web-green");
    select("{\"app\":\"shop\"}");
    town.release(3, "v4").says("the service web sends to neither of web-blue web-green");
    let text = town.desk.read("r.md");
    town.desk.write("r.md", text.replace("service: web", "service: wbe"));
    town.release(3, "v4").says("services \"wbe\" not found");
}
