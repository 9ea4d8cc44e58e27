//! tminus and its step end together, as when the power is cut: what came of it is asked, of whoever
//! knows, and nothing is done twice.
//!
//! Here are the kinds of steps that have no room beside their other tests, or need none.

use std::process::Stdio;
use std::sync::mpsc::channel;

use tminus_testkit::http::{Reply, serve_beside};

use crate::kubernetes::{TURNS, Town, two_colours};
use crate::support::{Desk, runbook};

#[test]
fn crash_everywhere_a_request_that_was_cut_off_is_a_question_and_is_not_sent_again() {
    let (tell, told) = channel();
    // The first one arrives, and its answer never does; the others are answered.
    let url = serve_beside(move |count, request| {
        tell.send(format!("{} {}", request.method, request.text())).expect("the test is there");
        if count == 0 { Reply::Stall } else { Reply::new(201, "made") }
    });
    let desk = Desk::new();
    let text = format!(
        "```http {{#create status=201 undo=none}}\nPOST {url}/orders\n\none coat\n```\n\n```http {{#look .check}}\nGET {url}/orders\n```"
    );
    desk.write("r.md", runbook(&text));
    let cut = || {
        let mut command = desk.command(&["run", "r.md", "--no-wait"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let sent = told.recv().expect("it arrives");
        child.kill().expect("SIGKILL");
        child.wait().expect("it is gone");
        sent
    };
    assert_eq!(cut(), "POST one coat");
    let ran = desk.expect(6, &["resume", "--no-wait"]);
    ran.says("nobody knows whether attempt 1 took effect").says("tminus answer create done");
    assert!(told.try_recv().is_err(), "it is not sent again");
    // Somebody has looked: the order is there.
    desk.expect(0, &["answer", "create", "done"]);
    desk.expect(0, &["resume", "--no-wait"]);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["GET "]);
}

#[test]
fn crash_everywhere_two_colours_take_turns_once() {
    let Some(town) = Town::open(TURNS) else { return };
    town.has(&two_colours());
    let sends = || town.kubectl(&["get", "service/web", "--output=jsonpath={.spec.selector.colour}"]);
    let before = town.state();
    // The machine goes down when the other colour is up and the traffic has not moved.
    town.waits_at("*\" patch service/web\"*", "WAIT");
    town.desk.cut_power(town.command(&["run", "r.md", "--no-wait", "--version", "v2"]));
    assert_eq!((sends(), town.image("deployment/web-green")), ("blue".to_owned(), "shop/web:v2".to_owned()));
    // And once more when it has, and nobody has heard of it.
    town.waits_at("*\" patch service/web\"*", "kubectl \"$@\"; WAIT; exit 0");
    town.desk.cut_power(town.command(&["resume", "--no-wait"]));
    assert_eq!(sends(), "green");
    // The last look fails it, and sees how often each was told to move.
    town.desk.program("../smoke", "#!/bin/sh\nkubectl --context=production --namespace=shop get deployment/web-green --output='jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}' >revision\ncp patches seen\nexit 1\n");
    town.waits_at("*\" patch service/web\"*", "echo patch >>patches");
    town.desk.write("patches", "");
    town.ran(3, &["resume", "--no-wait"])
        .says("the service web sends to 2 pods of web-green")
        .says("rolled back");
    assert_eq!((town.desk.read("revision"), town.desk.read("seen")), ("2".to_owned(), String::new()));
    assert_eq!((sends(), town.state()), ("blue".to_owned(), before));
    assert_eq!(town.desk.read("patches"), "patch\n", "the one of the way back");
}
