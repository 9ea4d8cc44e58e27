//! A Kubernetes control plane of a test's own: a real API server with its store, its controllers and
//! its scheduler on spare ports of loopback, and one node that is played. Ended with the test.
//!
//! Deployments, rollouts, quotas and Jobs are those of the real controllers. No container runs: what
//! becomes of a pod is told by the tag of its image, and what a Job calls can be a program of the
//! test's, see `kubernetes/node.py`.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::TemporaryFolder;

const NODE: &str = include_str!("kubernetes/node.py");

/// What everybody of a test is to the API server.
const TOKEN: &str = "of-a-test";

/// The context that the tests' kubeconfig has as its current one. Beside it there is `elsewhere`.
pub const CONTEXT: &str = "production";

/// How long the control plane may take to be ready, on a machine that does other things as well.
const START: Duration = Duration::from_secs(120);

/// A running control plane.
#[derive(Debug)]
pub struct Kubernetes {
    programs: PathBuf,
    /// Ports of the store, of its peers, and of the API server.
    ports: [u16; 3],
    api: Option<Child>,
    others: Vec<Child>,
    folder: TemporaryFolder,
}

impl Kubernetes {
    /// Starts one. None, with a line that says so, where its programs were not built.
    ///
    /// # Panics
    /// When they are there and do not start, or are missing where CI=true.
    pub fn start() -> Option<Kubernetes> {
        let programs = programs();
        if !programs.join("kube-apiserver").is_file() {
            assert!(
                std::env::var_os("CI").is_none(),
                "Kubernetes must be there in CI: cargo xtask testbed up"
            );
            eprintln!("skipped: Kubernetes was not built (cargo xtask testbed up)");
            return None;
        }
        // Held together, so that they differ, and given up together.
        let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("loopback has spare ports"));
        let ports = listeners.each_ref().map(|found| found.local_addr().expect("it is bound").port());
        drop(listeners);
        let folder = TemporaryFolder::new();
        let mut cluster = Kubernetes { programs, ports, api: None, others: Vec::new(), folder };
        cluster.write_keys();
        cluster.start_store();
        cluster.start_api();
        cluster.start_others();
        Some(cluster)
    }

    /// Starts the API server, again after it was stopped, with what it had.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn start_api(&mut self) {
        let mut command = self.program("kube-apiserver");
        let in_folder = |name: &str| self.folder.join(name).display().to_string();
        command.args([
            format!("--etcd-servers=http://127.0.0.1:{}", self.ports[0]),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports[2]),
            format!("--tls-cert-file={}", in_folder("api.crt")),
            format!("--tls-private-key-file={}", in_folder("api.key")),
            format!("--token-auth-file={}", in_folder("tokens")),
            format!("--service-account-key-file={}", in_folder("api.key")),
            format!("--service-account-signing-key-file={}", in_folder("api.key")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
        ]);
        self.api = Some(self.spawn(command, "kube-apiserver"));
        self.until("the API server is not ready", |cluster| {
            cluster.client(&["get", "--raw=/readyz"]).output().is_ok_and(|output| output.status.success())
        });
    }

    /// Stops the API server as a lost machine would: connections break at once.
    pub fn stop_api(&mut self) {
        if let Some(mut api) = self.api.take() {
            end(&mut api);
        }
    }

    /// Returns a line of shell that stops the API server in the same way.
    ///
    /// # Panics
    /// When it is stopped already.
    pub fn stop_line(&self) -> String {
        format!("kill -KILL {}", self.api.as_ref().expect("it runs").id())
    }

    /// Lets what waits by its image `…:slow` go on.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn let_go(&self) {
        fs::write(self.folder.join("go"), "").expect("a file");
    }

    /// Makes Jobs whose container calls a program of this name run it.
    /// It gets IMAGE and NAMESPACE, and reaches what the test reaches.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn put_program(&self, name: &str, text: &str) {
        let path = self.folder.join("programs").join(name);
        fs::create_dir_all(self.folder.join("programs")).expect("a folder");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
    }

    /// The file that, while it is there, keeps the node from pulling what it did not pull before in a
    /// namespace; it may hold the reason.
    pub fn no_registry(&self) -> PathBuf {
        self.folder.join("no-registry")
    }

    /// Returns the folder with the client that fits, for the front of `PATH`.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// Returns the file that `KUBECONFIG` must name.
    pub fn config(&self) -> PathBuf {
        self.folder.join("config")
    }

    /// Runs `kubectl` and returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.client(arguments).output().expect("kubectl starts");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(
            output.status.success(),
            "kubectl {arguments:?}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// Returns what asks which image a Deployment is to run; nothing while nobody answers.
    pub fn image_of(&self, namespace: &str, name: &str) -> impl Fn() -> String + Send + Sync + use<> {
        let (program, config) = (self.programs().join("kubectl"), self.config());
        let (namespace, name) = (format!("--namespace={namespace}"), format!("deployment/{name}"));
        move || {
            let path = "--output=jsonpath={.spec.template.spec.containers[*].image}";
            let mut command = Command::new(&program);
            command.args(["get", &name, path, &namespace]).env("KUBECONFIG", &config);
            let output = command.output().expect("kubectl starts");
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
    }

    /// Makes what a manifest says and waits until the deployments in it are rolled out.
    ///
    /// # Panics
    /// When that fails.
    pub fn make(&self, namespace: &str, manifest: &str) {
        let file = self.folder.join("manifest.yaml");
        fs::write(&file, manifest).expect("a file");
        let namespace = format!("--namespace={namespace}");
        let names = self.kubectl(&["apply", &namespace, "-o", "name", "-f", &file.display().to_string()]);
        for name in names.lines().filter(|name| name.starts_with("deployment")) {
            self.kubectl(&["rollout", "status", &namespace, "--timeout=60s", name]);
        }
    }

    fn client(&self, arguments: &[&str]) -> Command {
        let mut command = self.program("kubectl");
        command.args(arguments).env("KUBECONFIG", self.config());
        command
    }

    /// A certificate for both servers, which is its own authority; and who may do what: everything.
    fn write_keys(&self) {
        for name in ["api", "node"] {
            let mut command = Command::new("openssl");
            command.args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=127.0.0.1",
            ]);
            command.args(["-addext", "subjectAltName=IP:127.0.0.1"]);
            command.arg("-keyout").arg(self.folder.join(format!("{name}.key")));
            command.arg("-out").arg(self.folder.join(format!("{name}.crt")));
            let output = command.output().expect("openssl is there");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let write = |name: &str, text: &str| fs::write(self.folder.join(name), text).expect("a file");
        write("token", TOKEN);
        write("tokens", &format!("{TOKEN},admin,admin,system:masters\n"));
        write("node.py", NODE);
        let contexts: String = [CONTEXT, "elsewhere"]
            .map(|name| format!("- {{ name: {name}, context: {{ cluster: here, user: admin }} }}\n"))
            .concat();
        write(
            "config",
            &format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: {CONTEXT}\nclusters:\n- name: here\n  cluster: {{ server: 'https://127.0.0.1:{}', certificate-authority: '{}' }}\nusers:\n- {{ name: admin, user: {{ token: {TOKEN} }} }}\ncontexts:\n{contexts}",
                self.ports[2],
                self.folder.join("api.crt").display()
            ),
        );
    }

    fn start_store(&mut self) {
        let mut command = self.program("etcd");
        let [clients, peers, _] = self.ports.map(|port| format!("http://127.0.0.1:{port}"));
        command.arg("--data-dir").arg(self.folder.join("etcd"));
        command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
        command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        command.args(["--initial-cluster", &format!("default={peers}")]);
        let child = self.spawn(command, "etcd");
        self.others.push(child);
    }

    fn start_others(&mut self) {
        let mut controllers = self.program("kube-controller-manager");
        controllers.arg(format!("--kubeconfig={}", self.config().display()));
        // The played node sends no sign of life after its first.
        controllers.args([
            "--leader-elect=false",
            "--port=0",
            "--secure-port=0",
            "--node-monitor-grace-period=24h",
        ]);
        let mut scheduler = self.program("kube-scheduler");
        scheduler.arg(format!("--kubeconfig={}", self.config().display()));
        scheduler.args(["--leader-elect=false", "--port=0", "--secure-port=0"]);
        let mut node = Command::new("python3");
        node.arg(self.folder.join("node.py"))
            .arg(self.folder.path())
            .arg(format!("https://127.0.0.1:{}", self.ports[2]));
        for (command, name) in
            [(controllers, "kube-controller-manager"), (scheduler, "kube-scheduler"), (node, "node")]
        {
            let child = self.spawn(command, name);
            self.others.push(child);
        }
        self.until("the node is not ready", |cluster| {
            let output = cluster
                .client(&[
                    "get",
                    "nodes",
                    "-o",
                    "jsonpath={.items[*].status.conditions[*].status} {.items[*].spec.taints}",
                ])
                .output();
            output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == "True")
        });
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Starts a program whose words go to a file: nobody has to read them for it to go on.
    fn spawn(&self, mut command: Command, name: &str) -> Child {
        let file = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{name}.log")))
            .expect("a file");
        let copy = file.try_clone().expect("a second handle");
        command.stdout(file).stderr(copy).stdin(Stdio::null());
        command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"))
    }

    /// Asks again and again until it is so.
    fn until(&self, otherwise: &str, mut holds: impl FnMut(&Kubernetes) -> bool) {
        let end = Instant::now() + START;
        while !holds(self) {
            assert!(Instant::now() < end, "{otherwise}:\n{}", self.last_words());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn last_words(&self) -> String {
        let mut words = String::new();
        for entry in fs::read_dir(self.folder.path()).expect("it is there").flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let lines: Vec<&str> = text.lines().rev().take(8).collect();
                words.push_str(&format!("--- {}\n", path.display()));
                lines.iter().rev().for_each(|line| words.push_str(&format!("{line}\n")));
            }
        }
        words
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        self.stop_api();
        // The store was started first and is ended last.
        self.others.iter_mut().rev().for_each(end);
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Where `cargo xtask testbed up` puts what it builds.
fn programs() -> PathBuf {
    crate::folder::testbed("kubernetes-1.20")
}
