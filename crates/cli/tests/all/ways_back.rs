//! tminus and its step end together, as when the power is cut: on the way back, and in other people's tools.

use std::process::Command;

use tminus_testkit::postgres::Postgres;

use crate::images::Shipyard;
use crate::kubernetes::{APPLY, Town, workload};
use crate::migrations::{by_prisma, node, prisma, prisma_command};
use crate::shop::{Session, Shop};
use crate::support::{STOPS, runbook};
use crate::yard::Yard;

#[test]
fn crash_everywhere_on_the_way_back_of_services_each_is_back_once() {
    let Some(yard) = Yard::open() else { return };
    yard.release(0, "v1");
    let before = yard.state();
    let ids = || yard.docker.docker(&["ps", "--all", "--quiet", "--no-trunc"]);
    let at = |before: &str, behind: &str| {
        format!(
            "#!/bin/sh\nPATH=${{PATH#*:}}\nfor service; do :; done\nmoves=\ncase \"$*\" in *' up '*) if [ -e back ]; then moves=yes; fi ;; esac\nif [ \"$moves\" ] && [ $service = api ]; then {before}; fi\nif [ \"$moves\" ]; then echo $service >>\"$HOME/ups\"; fi\ndocker \"$@\" || exit\nif [ \"$moves\" ] && [ $service = api ]; then {behind}; fi\n"
        )
    };
    yard.desk.program("../smoke", "#!/bin/sh\ntouch back\nexit 1\n");
    // The first service that moved has not been told to go back; or it has, and nobody has heard of it.
    for (wrapper, there_already, ups) in
        [(at(STOPS, ":"), 1, "web\nweb\napi\n"), (at(":", STOPS), 2, "web\napi\nweb\napi\n")]
    {
        yard.desk.program("docker", &wrapper);
        yard.desk.write("ups", "");
        yard.desk.cut_power(yard.command(&["run", "r.md", "--no-wait", "--again", "--version", "v2"]));
        let there = ids();
        assert_eq!(yard.serves("web"), "v1");
        yard.resume(3).says("web runs ").says("api runs ").says("rolled back");
        assert_eq!(yard.state(), before);
        let left_alone = there.lines().filter(|id| ids().contains(*id)).count();
        assert_eq!((left_alone, yard.desk.read("ups").as_str()), (there_already, ups));
        std::fs::remove_file(yard.desk.path("back")).expect("it was made");
    }
}

#[test]
fn crash_everywhere_on_the_way_back_of_two_colours_the_traffic_goes_back_once() {
    let Some(yard) = Yard::open() else { return };
    let turns =
        "strategy: blue-green\nblue_green: [shop-blue, shop-green]\nserving: cat traffic\nswitch: ./switch\n";
    let text = yard.desk.read("r.md").replace("within: 20s\n", &format!("within: 20s\n{turns}"));
    yard.desk.write("r.md", text);
    yard.desk.write("traffic", "shop-blue\n");
    let switch = |before: &str, behind: &str| {
        yard.desk.program("../switch", &format!("#!/bin/sh\nif [ -e back ]; then {before}; fi\necho $PROJECT >>switches\necho $PROJECT >traffic\nif [ -e back ]; then {behind}; fi\n"));
    };
    switch(":", ":");
    yard.release(0, "v1").says("shop-green has the traffic");
    yard.release(0, "v2").says("shop-blue has the traffic");
    let state = || (yard.state(), yard.desk.read("traffic"), yard.desk.read(".tminus/shop-green.env"));
    let before = state();
    yard.desk.program("../smoke", "#!/bin/sh\ntouch back\nexit 1\n");
    // Before the proxy is told, when it was told, and when the other colour is about to be as it was.
    let stops = format!(
        "#!/bin/sh\nPATH=${{PATH#*:}}\ncase \"$*\" in *' up '*api) if [ -e back ]; then {STOPS}; fi ;; esac\nexec docker \"$@\"\n"
    );
    let plain = "#!/bin/sh\nPATH=${PATH#*:} exec docker \"$@\"\n";
    for (at_switch, behind_it, docker) in
        [(STOPS, ":", plain), (":", STOPS, plain), (":", ":", stops.as_str())]
    {
        switch(at_switch, behind_it);
        yard.desk.program("docker", docker);
        yard.desk.write("switches", "");
        yard.desk.cut_power(yard.command(&["run", "r.md", "--no-wait", "--again", "--version", "v1"]));
        yard.resume(3).says("shop-blue has the traffic").says("rolled back");
        assert_eq!(state(), before);
        assert_eq!(yard.desk.read("switches"), "shop-green\nshop-blue\n", "out once, and back once");
        std::fs::remove_file(yard.desk.path("back")).expect("it was made");
    }
}

#[test]
fn crash_everywhere_while_manifests_are_applied_each_is_applied_once() {
    let Some(town) = Town::open(&APPLY.replace("statefulset/queue, daemonset/agent, ", "")) else { return };
    let manifests = |greeting: &str| {
        town.desk.write("k8s/1.yaml", format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: settings }}\ndata: {{ greeting: {greeting} }}\n"));
    };
    manifests("hello");
    town.desk.write("k8s/2.yaml", workload("Deployment", "web", "shop/web:unset", ""));
    town.ran(0, &["run", "r.md", "--no-wait", "--version", "v1"]);
    let before = town.state();
    let revision = || {
        town.kubectl(&[
            "get",
            "deployment/web",
            "--output=jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}",
        ])
    };
    manifests("good-day");
    let cut = |words: &[&str], when: &str| {
        town.waits_at("*--dry-run*) ;; *\" apply \"*/102", when);
        town.desk.cut_power(town.command(words));
    };
    // The settings are in, and the workload is not; and once more when it is, and nobody has heard of it.
    cut(&["run", "r.md", "--no-wait", "--version", "v2"], "WAIT");
    assert_eq!(town.image("deployment/web"), "shop/web:v1");
    cut(&["resume", "--no-wait"], "kubectl \"$@\"; WAIT; exit 0");
    assert_eq!(town.image("deployment/web"), "shop/web:v2");
    // The last look fails it; its way back is cut off as well, before and behind what brings the workload back.
    town.desk.program("../smoke", "#!/bin/sh\nkubectl --namespace=shop get deployment/web --output='jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}' >revision\nexit 1\n");
    town.waits_at("*\" patch deployment/web\"*", "WAIT");
    town.desk.cut_power(town.command(&["resume", "--no-wait"]));
    assert_eq!(town.desk.read("revision"), "2", "it was rolled out once");
    town.waits_at("*\" patch deployment/web\"*", "kubectl \"$@\"; WAIT; exit 0");
    town.desk.cut_power(town.command(&["resume", "--no-wait"]));
    town.waits_at("*\" patch deployment/web\"*", ":");
    town.ran(3, &["resume", "--no-wait"]).says("as before: deployment/web: web=shop/web:v1");
    assert_eq!((town.state(), revision()), (before, "3".to_owned()), "and back once");
}

#[test]
fn crash_everywhere_while_an_image_is_pushed_there_is_one_in_the_end() {
    let Some(yard) = Shipyard::open() else { return };
    // The registry hangs while the image is on its way to it.
    let hangs = yard.docker.stop_registry_line().replace("-KILL", "-STOP");
    yard.desk.program("docker", &format!("#!/bin/sh\nPATH=${{PATH#*:}}\ncase \"$*\" in *--push*) ;; *) exec docker \"$@\" ;; esac\necho push >>\"$HOME/pushes\"\nif [ ! -p \"$HOME/reached\" ]; then exec docker \"$@\"; fi\n{hangs}\ndocker \"$@\" >\"$HOME/told\" 2>&1 &\nuntil grep -q pushing \"$HOME/told\"; do sleep 0.05; done\n{STOPS}\n"));
    yard.desk.cut_power(yard.command(&["run", "r.md", "--no-wait", "--version", "v1"]));
    let goes_on = Command::new("sh").args(["-c", &hangs.replace("-STOP", "-CONT")]).status();
    assert!(goes_on.expect("kill").success());
    let ran = yard.ran(0, &["resume", "--no-wait"]);
    let digest = yard.digest("v1");
    ran.says(&format!("later steps have {}@{digest} and {digest}", yard.docker.image("web")));
    assert_eq!(
        (digest.len(), yard.digest("v1-again"), yard.desk.read("pushes").as_str()),
        (71, digest, "push\npush\n")
    );
}

#[test]
fn crash_everywhere_in_the_tools_of_others_nothing_is_applied_twice() {
    let Some(shop) = prisma() else { return };
    let history = |server: &Postgres| {
        server.sql(
            "shop",
            "select count(*), count(finished_at) from _prisma_migrations where rolled_back_at is null",
        )
    };
    shop.desk.write("prisma/migrations/20240101000000_a/migration.sql", "create table a (id int);\n");
    by_prisma(&shop, 0);
    let npx = |before: &str, behind: &str| {
        shop.desk.program("npx", &format!("#!/bin/sh\necho called >>\"$HOME/calls\"\n{before}\nPATH=${{PATH#*:}} npx \"$@\" || exit\n{behind}\n"));
    };
    // It has not begun.
    shop.desk.write("prisma/migrations/20240102000000_b/migration.sql", "create table b (id int);\n");
    npx(STOPS, ":");
    shop.desk.cut_power(prisma_command(&shop, &["run", "m.md", "--no-wait"]));
    assert_eq!(history(&shop.server), "1|1");
    let resume = |code: i32| {
        let ran = crate::support::Ran::of(
            prisma_command(&shop, &["resume", "--no-wait"]).output().expect("it starts"),
        );
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        ran
    };
    resume(0).says("applied: prisma/migrations/20240102000000_b");
    assert_eq!(
        (history(&shop.server).as_str(), shop.desk.read("calls").as_str()),
        ("2|2", "called\ncalled\n")
    );
    // All of it is in, and nobody has heard of it: it is not called again.
    shop.desk.write("prisma/migrations/20240103000000_c/migration.sql", "create table c (id int);\n");
    npx(":", STOPS);
    shop.desk.write("calls", "");
    shop.desk.cut_power(prisma_command(&shop, &["run", "m.md", "--no-wait"]));
    assert_eq!(history(&shop.server), "3|3");
    resume(0).says("nothing is pending: 3 in the history");
    assert_eq!(shop.desk.read("calls"), "called\n");
    // In the middle of a statement, which waits for somebody's lock.
    shop.desk
        .write("prisma/migrations/20240104000000_d/migration.sql", "alter table a add column more int;\n");
    let holder = Session::hold(&shop.server, "begin; lock table a in access share mode;");
    let waits = "select count(*) from pg_locks where relation = 'a'::regclass and not granted";
    shop.desk.program("npx", &format!("#!/bin/sh\nif [ -p \"$HOME/reached\" ]; then PATH=${{PATH#*:}} npx \"$@\" & until [ \"$(psql -X -A -t -c \"{waits}\")\" = 1 ]; do sleep 0.05; done; fi\n{STOPS}\nPATH=${{PATH#*:}} exec npx \"$@\"\n"));
    shop.desk.cut_power(prisma_command(&shop, &["run", "m.md", "--no-wait"]));
    drop(holder);
    let ran = resume(5);
    ran.says("20240104000000_d was begun and not finished").says("tminus answer m retry");
    assert_eq!(history(&shop.server), "4|3");
}

#[test]
fn crash_everywhere_in_supabase_nothing_is_applied_twice() {
    let (Some(shop), Some(node)) = (Shop::open(), node()) else { return };
    shop.desk.write("m.md", runbook("```yaml {#m .migrate}\ndb: shop\ntool: supabase\nundo: none\n```"));
    let supabase = |before: &str, behind: &str| {
        shop.desk.program("supabase", &format!("#!/bin/sh\necho called >>\"$HOME/calls\"\n{before}\n'{}/node_modules/.bin/supabase' \"$@\" || exit\n{behind}\n", node.display()));
    };
    for (at, (before, behind, calls)) in
        [(STOPS, ":", "called\ncalled\n"), (":", STOPS, "called\n")].into_iter().enumerate()
    {
        shop.desk.write(
            &format!("supabase/migrations/2024010{at}000000_a.sql"),
            format!("create table a{at} (id int);\n"),
        );
        supabase(before, behind);
        shop.desk.write("calls", "");
        shop.desk.cut_power(shop.command(&["run", "m.md", "--no-wait"]));
        shop.expect(0, &["resume", "--no-wait"]);
        let known = shop.server.sql("shop", "select count(*) from supabase_migrations.schema_migrations");
        assert_eq!((known, shop.desk.read("calls").as_str()), ((at + 1).to_string(), calls));
    }
}
