//! Deployments behind a proxy, under load from another process: which requests are lost.
//!
//! The proxy hides nothing: it tries a request once, and answers with an error when that fails.

use std::process::{Child, Command, Stdio};

use tminus_testkit::fleet::{Fleet, SWITCH};
use tminus_testkit::proxy::Proxy;

use crate::support::{Desk, Ran};

/// What a team has on its hosts to speak with its proxy. `until` asks it again and again.
const PROXY: &str = r#"#!/bin/bash
# drain SERVER | admit SERVER | empty SERVER | serving | to PROJECT
set -eEuo pipefail
ask() { printf '%s\n' "$*" | socat - "tcp:PROXY"; }
stat() { ask show stat | awk -F, -v server="$1" -v wanted="$2" 'NR == 1 { for (at = 1; at <= NF; at++) if ($at == wanted) column = at } $1 == "shop" && $2 == server { print $column }'; }
until_is() { until [[ $(stat "$1" "$2") == "$3"* ]]; do sleep 0.1; done; }
case $1 in
  drain) ask set server "shop/$2" state drain; until_is "$2" scur 0 ;;
  admit) ask set server "shop/$2" state ready; until_is "$2" status UP ;;
  empty) until_is "$2" scur 0 ;;
  serving) for name in shop-blue shop-green; do if [[ $(stat $name status) != MAINT* ]]; then echo $name; fi; done ;;
  to)
    other=shop-blue
    if [[ $2 == shop-blue ]]; then other=shop-green; fi
    # Before the first release nothing is there, and afterwards it may be so again.
    if port=$(docker compose -p "$2" port web 8080); then ask set server "shop/$2" addr ADDRESS port "${port##*:}"; fi
    ask set server "shop/$2" state ready
    ask set server "shop/$other" state maint
    ;;
esac
"#;

/// A desk, its hosts, and a proxy before them.
struct Yard {
    desk: Desk,
    fleet: Fleet,
    proxy: Proxy,
}

impl Yard {
    /// `servers` are lines of the proxy's backend; `deploy` are the keys that differ.
    fn open(hosts: &[&str], servers: &str, deploy: &str, ports: &str) -> Option<Yard> {
        let fleet = Fleet::start(hosts)?;
        let proxy = Proxy::start(&fleet, "shop", servers)?;
        let desk = Desk::new();
        let image = fleet.image("web");
        let own = format!(
            "services:\n  web:\n    image: {image}:${{TAG}}\n    init: true\n    stop_grace_period: 1s\n    ports: ['{ports}']\n    healthcheck:\n      test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:8080/version']\n      interval: 0.3s\n"
        );
        let (own, env) = (desk.write("compose.yml", own), desk.write("env", "TAG=v0\n"));
        for (at, host) in hosts.iter().enumerate() {
            let script =
                PROXY.replace("PROXY", &proxy.control()).replace("ADDRESS", &format!("10.77.0.{}", 11 + at));
            let script = desk.write("proxy", script);
            fleet.on(host, &format!(
                "mkdir shop; cp {} shop/compose.yml; cp {} shop/.env; cp {} shop/proxy; chmod +x shop/proxy",
                own.display(), env.display(), script.display()
            ));
        }
        for version in ["v1", "v2", "v3"] {
            fleet.publish(&format!("{image}:{version}"), Some(version));
        }
        let yard = Yard { desk, fleet, proxy };
        yard.write(deploy, "");
        yard.desk.write("tminus.toml", format!("[hosts]\nshop = [\"{}\"]\n", hosts.join("\", \"")));
        Some(yard)
    }

    fn write(&self, deploy: &str, more: &str) {
        self.desk.write("r.md", format!(
            "---\nrunbook: 1\non_failure: rollback\n---\n# Shop\n\n## 1. Ship\n\n**Hosts**: shop\n\n{more}```yaml {{#deploy .deploy on=shop}}\ntarget: compose\nfolder: shop\nservices: [web]\nenv_file: .env\nset: {{ TAG: $VERSION }}\nwithin: 20s\n{deploy}```\n\n```bash {{#smoke .check}}\ntest \"$VERSION\" != v3\n```\n"
        ));
    }

    fn tminus(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        command.env("PATH", format!("{}:{path}", self.fleet.bin().display()));
        self.fleet.beside(&command)
    }

    fn release(&self, code: i32, version: &str) -> Ran {
        let mut command = self.tminus(&["run", "r.md", "--no-wait", "--version", version]);
        let ran = Ran::of(command.output().expect("it starts"));
        assert_eq!(ran.code, code, "{version}\n{}\n{}", ran.out, ran.err);
        ran
    }

    /// What the proxy serves.
    fn serves(&self) -> String {
        self.fleet.inside(&format!("curl --silent --show-error http://{SWITCH}/version"))
    }

    /// Asks without pause from here on.
    fn load(&self) -> Load {
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads", "1", "--connections", "6", "--duration", "10m", "--timeout", "20s"]);
        wrk.arg(format!("http://{SWITCH}/version"));
        Load(Some(self.fleet.beside(&wrk).stdout(Stdio::piped()).spawn().expect("wrk is installed")))
    }
}

/// The load while it lasts; also a test that fails ends it.
struct Load(Option<Child>);

impl Load {
    /// Ends it. Returns how many requests were answered, and what was said of lost ones.
    fn lost(mut self) -> (u64, Vec<String>) {
        let child = self.0.take().expect("it runs");
        let ended = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(ended.expect("kill").success());
        let said = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let answered = said.lines().find_map(|line| line.trim().split_once(" requests in "));
        let answered = answered.and_then(|(count, _)| count.parse().ok());
        let bad = |line: &&str| line.contains("Non-2xx") || line.contains("Socket errors");
        (answered.unwrap_or_else(|| panic!("{said}")), said.lines().filter(bad).map(str::to_owned).collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const DRAINS: &str = "drain: ./proxy drain $HOST_NAME\nadmit: ./proxy admit $HOST_NAME\n";

#[test]
fn a_rolling_release_and_its_rollback_lose_no_request_of_a_service_that_drains() {
    let servers = "server h1 10.77.0.11:8080 check inter 1s fall 10 rise 1\n  server h2 10.77.0.12:8080 check inter 1s fall 10 rise 1";
    let Some(yard) = Yard::open(&["h1", "h2"], servers, DRAINS, "8080:8080") else { return };
    yard.release(0, "v1");
    let load = yard.load();
    yard.release(0, "v2");
    assert_eq!(yard.serves(), "v2");
    yard.release(3, "v3").says("h1: web runs").says("h2: web runs").says("rolled back");
    assert_eq!(yard.serves(), "v2");
    let (answered, lost_ones) = load.lost();
    assert!(answered > 1000 && lost_ones.is_empty(), "{answered} answered; {lost_ones:?}");

    // The same without draining: what was looked at above can be seen.
    yard.write("", "");
    let load = yard.load();
    yard.release(0, "v1");
    let (_, lost_ones) = load.lost();
    assert!(!lost_ones.is_empty(), "without draining nothing was lost either");
}

const TURNS: &str = "strategy: blue-green\nblue_green: [shop-blue, shop-green]\nserving: ./proxy serving\nswitch: ./proxy to $PROJECT\ndrain: ./proxy empty $PROJECT\n";

#[test]
fn a_blue_green_switch_and_its_rollback_lose_no_request() {
    let servers = "server shop-blue 10.77.0.11:1 check inter 1s fall 10 rise 1\n  server shop-green 10.77.0.11:1 check inter 1s fall 10 rise 1 disabled";
    let Some(yard) = Yard::open(&["h1"], servers, TURNS, "8080") else { return };
    let projects =
        || yard.fleet.on("h1", "docker ps --all --format '{{.Names}} {{.Image}}' | sort; cat shop/.env");
    // The first release has nothing to go back to but what the proxy says.
    yard.release(3, "v3").says("web was not there before, and is gone again");
    assert_eq!(
        (projects().as_str(), yard.fleet.on("h1", "cd shop; ./proxy serving").as_str()),
        ("TAG=v0", "shop-blue")
    );

    yard.release(0, "v1").says("shop-green has the traffic");
    let load = yard.load();
    yard.release(0, "v2").says("shop-blue has the traffic; shop-green goes on running as it was");
    assert_eq!(yard.serves(), "v2");
    let before = projects();
    let image = yard.fleet.image("web");
    assert_eq!(before, format!("shop-blue-web-1 {image}:v2\nshop-green-web-1 {image}:v1\nTAG=v2"));
    // Caught after the switch: the traffic goes back, and the other project as well.
    yard.release(3, "v3").says("shop-green has the traffic; shop-blue").says("rolled back");
    assert_eq!((yard.serves(), projects()), ("v2".to_owned(), before));
    let (answered, lost_ones) = load.lost();
    assert!(answered > 1000 && lost_ones.is_empty(), "{answered} answered; {lost_ones:?}");

    // The same by a switch that takes the traffic from one before the other has it: it can be seen.
    let gap = "sed -i 's|    # Before the first release.*|    ask set server shop/$other state maint|' shop/proxy; grep -c 'state maint' shop/proxy";
    assert_eq!(yard.fleet.on("h1", gap), "2");
    let load = yard.load();
    yard.release(0, "v1");
    let (_, lost_ones) = load.lost();
    assert!(!lost_ones.is_empty(), "with a gap nothing was lost either");
}

#[test]
fn crash_everywhere_in_the_middle_of_a_switch_the_traffic_goes_one_way_once() {
    let servers = "server shop-blue 10.77.0.11:1\n  server shop-green 10.77.0.11:1 disabled";
    let Some(yard) = Yard::open(&["h1"], servers, TURNS, "8080") else { return };
    yard.release(0, "v1");
    // Stops when the other project is up and the proxy does not know it yet.
    let (reached, go) = (yard.desk.pipe("reached"), yard.desk.pipe("go"));
    let wrapper = format!(
        "#!/bin/sh\ncase \"$*\" in *' port '*) echo switch >>switches; if [ -p {0} ]; then echo >{0}; cat {1}; rm {0}; fi ;; esac\nexec /usr/bin/docker \"$@\"\n",
        reached.display(),
        go.display()
    );
    let own = yard.desk.write("wrapper", wrapper);
    yard.fleet.on("h1", &format!("mkdir bin; cp {} bin/docker; chmod +x bin/docker", own.display()));
    let mut child =
        yard.tminus(&["run", "r.md", "--no-wait", "--version", "v2"]).stdout(Stdio::null()).spawn();
    let child = child.as_mut().expect("it starts");
    std::fs::read_to_string(&reached).expect("it is in the middle");
    assert_eq!(yard.serves(), "v1");
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
    yard.desk.let_go();
    let ran = Ran::of(yard.tminus(&["resume", "--no-wait"]).output().expect("it starts"));
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    assert_eq!(
        (yard.serves(), yard.fleet.on("h1", "cat shop/switches").as_str()),
        ("v2".to_owned(), "switch")
    );
}

#[test]
fn crash_everywhere_a_switch_that_is_cut_off_is_asked_for_and_the_traffic_goes_one_way_once() {
    let servers = "server shop-blue 10.77.0.11:1\n  server shop-green 10.77.0.11:1 disabled";
    let Some(yard) = Yard::open(&["h1"], servers, TURNS, "8080") else { return };
    yard.release(0, "v1");
    let pipes = [yard.desk.path("reached"), yard.desk.path("go")].map(|path| path.display().to_string());
    let stop = format!("if [ -p {0} ]; then echo >{0}; cat {1}; fi", pipes[0], pipes[1]);
    yard.fleet.on("h1", "mv shop/proxy shop/real");
    let cut = |version: &str, before: &str, behind: &str| {
        let script = format!(
            "#!/bin/sh\nif [ $1 = to ]; then {before}; echo \"$2\" >>switches; fi\n./real \"$@\" || exit\nif [ $1 = to ]; then {behind}; fi\n"
        );
        let own = yard.desk.write("wrapper", script);
        yard.fleet.on("h1", &format!("cp {} shop/proxy; chmod +x shop/proxy", own.display()));
        let run = yard.tminus(&["run", "r.md", "--no-wait", "--version", version]);
        yard.desk.cut_power_with(&yard.fleet, "h1", run);
    };
    let resume = |code: i32| {
        let ran = Ran::of(yard.tminus(&["resume", "--no-wait"]).output().expect("it starts"));
        assert_eq!(ran.code, code, "{}\n{}", ran.out, ran.err);
        ran
    };
    let blue = || yard.fleet.on("h1", "docker ps --all --no-trunc --quiet --filter name=shop-blue");

    // The host goes down before the proxy is told.
    cut("v2", &stop, ":");
    assert_eq!(yard.serves(), "v1");
    let up = blue();
    resume(0).says("shop-blue has the traffic; ");
    assert_eq!((yard.serves(), blue()), ("v2".to_owned(), up), "what was up was left alone");
    // And when it was told. The last look is what fails v3: it goes back to what the first attempt found.
    cut("v3", ":", &stop);
    assert_eq!(yard.serves(), "v3");
    resume(3).says("shop-green has the traffic; ").says("rolled back");
    assert_eq!(yard.serves(), "v2");
    let image = yard.fleet.image("web");
    assert_eq!(
        yard.fleet
            .on("h1", "docker ps --all --format '{{.Names}} {{.Image}}' | sort; cat shop/.env shop/switches"),
        format!(
            "shop-blue-web-1 {image}:v2\nshop-green-web-1 {image}:v1\nTAG=v2\nshop-blue\nshop-green\nshop-blue"
        )
    );
}

/// Shows a page instead of the service, and the service again; the last look is what fails v3.
const MAINTENANCE: &str = "```yaml {#page-on .flag}\nflag: maintenance\nto: on\nprovider: command\nget: ./page get\nset: ./page set \"$FLAG_VALUE\"\n```\n\n```bash {#what-is-served .check}\ncurl --silent --write-out ' %{http_code}' http://10.77.0.1/version >>seen; echo >>seen\n```\n\n";

#[test]
fn a_maintenance_page_goes_on_and_off_and_a_rollback_takes_it_away() {
    let servers = "server h1 10.77.0.11:8080 check inter 1s fall 10 rise 1";
    let Some(yard) = Yard::open(&["h1"], servers, DRAINS, "8080:8080") else { return };
    yard.release(0, "v1");
    let script = format!(
        "#!/bin/sh\nask() {{ echo \"$1\" | socat - tcp:{0}; }}\ncase $1 in\n  get) ask 'show map {1}' | awk '{{ print $3 }}' | grep . ;;\n  set) ask \"set map {1} maintenance $2\" ;;\nesac\n",
        yard.proxy.control(),
        yard.proxy.map().display()
    );
    yard.desk.program("../page", &script);
    let off = MAINTENANCE
        .replace("page-on", "page-off")
        .replace("to: on", "to: off")
        .replace("what-is-served", "after");
    yard.write(DRAINS, MAINTENANCE);
    let text = yard.desk.read("r.md").replace("```bash {#smoke", &format!("{off}```bash {{#smoke"));
    yard.desk.write("r.md", text);
    yard.release(0, "v2");
    assert_eq!(yard.desk.read("seen"), "We are back soon.\n 503\nv2 200\n");
    // One that fails after the page was taken away: it is there again while the service goes back.
    yard.release(3, "v3").says("maintenance is on again").says("maintenance is off again");
    assert_eq!(yard.serves(), "v2");
}
