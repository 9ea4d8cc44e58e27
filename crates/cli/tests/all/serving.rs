//! Services that are healthy for docker and answer wrongly: `healthy` with addresses, asked of each service
//! on its host before anything else moves.

use crate::fleet::{HOSTS, RUNBOOK, Yard};

/// Both ways to write an address.
const ADDRESSES: &str =
    "healthy: { api: 'http://127.0.0.1:8081/cgi-bin/health', web: ':8080/cgi-bin/health' }\n";

impl Yard {
    /// Two hosts with v1, whose runbook asks these addresses, and counts what comes up on each.
    fn asking(addresses: &str) -> Option<Yard> {
        let yard = Yard::open()?;
        let text = RUNBOOK.replace("healthy: serves\n", addresses);
        yard.desk.write("r.md", text);
        let counts = "#!/bin/sh\ncase \"$*\" in *\" up \"*) for service; do :; done; echo $service >>ups ;; esac\nexec /usr/bin/docker \"$@\"\n";
        let own = yard.desk.write("counts", counts);
        for host in HOSTS {
            let line = format!("mkdir -p bin; cp {} bin/docker; chmod +x bin/docker", own.display());
            yard.fleet.on(host, &line);
        }
        Some(yard)
    }

    /// Publishes a version of which these services are ill.
    fn publish(&self, version: &str, ill: &[&str]) {
        for name in ["api", "web"] {
            let image = self.fleet.image(&format!("{name}:{version}"));
            if ill.contains(&name) {
                self.fleet.publish_ill(&image, version);
            } else {
                self.fleet.publish(&image, Some(version));
            }
        }
    }

    /// What came up on a host, in order, since this was asked before.
    fn ups(&self, host: &str) -> String {
        self.fleet.on(host, "cd shop; touch ups; paste -s -d ' ' ups; rm ups")
    }
}

#[test]
fn a_host_that_is_healthy_for_docker_and_answers_wrongly_stops_the_rollout_there() {
    let Some(yard) = Yard::asking(ADDRESSES) else { return };
    let ran = yard.release(0, "v2");
    ran.says("h1: api answers: http://127.0.0.1:8081/cgi-bin/health: HTTP/1.1 200 OK");
    ran.says("h2: web answers: http://127.0.0.1:8080/cgi-bin/health: HTTP/1.1 200 OK");
    let before = yard.state();
    assert_eq!(HOSTS.map(|host| yard.ups(host)), ["api web", "api web"]);

    // The first service of the first host: the second one does not move there, and the other host not at all.
    yard.publish("v4", &["api"]);
    let ran = yard.release(3, "v4");
    ran.says("h1: api runs").says("500 Internal Server Error").says("h1: no database");
    ran.says("h1: error: api is up, and did not answer well within 10 s: http://127.0.0.1:8081/cgi-bin/health: HTTP/1.1 500");
    ran.never_says("h2: before").says("h2: this release moved nothing here").says("rolled back");
    assert_eq!(yard.state(), before);
    assert_eq!(HOSTS.map(|host| yard.ups(host)), ["api api", ""], "out and back on one host");

    // The last one of the first host.
    yard.publish("v5", &["web"]);
    let ran = yard.release(3, "v5");
    ran.says("h1: api answers").says("h1: error: web is up, and did not answer well").says("rolled back");
    assert_eq!(yard.state(), before);
    assert_eq!(HOSTS.map(|host| yard.ups(host)), ["api web web api", ""]);
}

#[test]
fn a_service_is_waited_for_until_it_answers_and_on_the_way_back_if_it_answered_before() {
    let address = "healthy: http://127.0.0.1:8080/cgi-bin/health\n";
    let Some(yard) = Yard::asking(address) else { return };
    // Docker knows nothing of their health, and they take their time.
    let service = |name: &str, port: u16| {
        let image = yard.fleet.image(name);
        format!(
            "  {name}:\n    image: {image}:${{TAG}}\n    init: true\n    stop_grace_period: 1s\n    ports: ['{port}:8080']\n    command: [/bin/busybox, sh, -c, 'sleep 1; exec /bin/busybox httpd -f -p 8080 -h /www']\n"
        )
    };
    let own = yard.desk.write("own", format!("services:\n{}{}", service("web", 8080), service("api", 8081)));
    for host in HOSTS {
        yard.fleet.on(host, &format!("cp {} shop/compose.yml", own.display()));
    }
    // One address is that of the last service.
    let ran = yard.release(0, "v2");
    ran.says("note: api has no healthcheck").never_says("note: web has no healthcheck");
    ran.says("h2: web answers: http://127.0.0.1:8080/cgi-bin/health: HTTP/1.1 200 OK");
    ran.never_says("api answers");

    // What was ill before this release is back when it runs.
    let text = yard.desk.read("r.md");
    yard.desk.write("r.md", text.replace(address, ""));
    yard.publish("v4", &["web"]);
    yard.release(0, "v4");
    let before = yard.state();
    yard.desk.write("r.md", &text);
    yard.publish("v5", &["web"]);
    let ran = yard.release(3, "v5");
    ran.says("h1: error: web is up, and did not answer well").never_says("web answers").says("rolled back");
    assert_eq!(yard.state(), before);
}

#[test]
fn a_colour_that_answers_wrongly_never_gets_the_traffic() {
    let turns = "strategy: blue-green\nblue_green: [shop-blue, shop-green]\nserving: cat traffic\nswitch: echo $PROJECT >traffic\nhealthy: { web: ':8080/cgi-bin/health' }\n";
    let Some(yard) = Yard::asking(turns) else { return };
    for host in HOSTS {
        let ports = "sed -i -e 's/.8080:8080./8080/' -e '/8081:8080/d' compose.yml";
        yard.fleet.on(host, &format!("cd shop; echo shop-blue >traffic; {ports}"));
    }
    // The ports of a colour are not known, so nothing is asked by them.
    let text = yard.desk.read("r.md");
    yard.desk.write("r.md", text.split("\n```bash").next().expect("its beginning"));
    let traffic = || HOSTS.map(|host| yard.fleet.on(host, "cat shop/traffic"));
    let ran = yard.release(0, "v2");
    ran.says("h1: web answers: http://127.0.0.1:").says("h2: shop-green has the traffic");
    assert_eq!(traffic(), ["shop-green"; 2]);
    yard.publish("v4", &["web"]);
    let ran = yard.release(3, "v4");
    ran.says("h1: error: web is up, and did not answer well")
        .says("h1: web was not there before, and is gone");
    ran.never_says("h1: shop-blue has the traffic").never_says("h2: before").says("rolled back");
    assert_eq!(traffic(), ["shop-green"; 2]);
    // A port that is published nowhere is asked at the container.
    for host in HOSTS {
        yard.fleet.on(host, "cd shop; sed -i '/ports:/d' compose.yml");
    }
    yard.publish("v6", &[]);
    yard.release(0, "v6").says("h2: web answers: http://172.").says("h2: shop-blue has the traffic");
}
