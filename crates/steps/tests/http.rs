//! HTTP steps, messages and samplers against a real server on loopback.
#![allow(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use common::{Ground, never};
use tminus_release::plan::{Action, Channel, Http, Notify, Poll, Source, When};
use tminus_release::time::Span;
use tminus_steps::{Hands as _, Job, Recovered, Report, Verdict};
use tminus_testkit::http::{Reply, Request, Server};
use tokio::sync::{mpsc, watch};

fn get(url: String) -> Http {
    Http { method: "GET".to_owned(), url, ..Http::default() }
}

async fn perform(http: Http) -> Report {
    let ground = Ground::new();
    let mut job = ground.job(Action::Http(http));
    job.variables.insert("VERSION".to_owned(), "v2".to_owned());
    job.secrets.insert("TOKEN".to_owned(), "env:THE_TOKEN".to_owned());
    ground.perform(&job).await
}

fn text(report: &Report) -> String {
    String::from_utf8_lossy(&report.output).into_owned()
}

/// A server with one answer for each path.
async fn server() -> Server {
    Server::start(|_, request| match request.path.as_str() {
        "/ok" => Reply::Answer(
            200,
            vec![("x-thing", "yes".to_owned())],
            b"{\"version\": \"v2\", \"n\": 5}".to_vec(),
        ),
        "/text" => Reply::new(200, "plain text"),
        "/moved" => Reply::Answer(302, vec![("location", "/ok".to_owned())], Vec::new()),
        "/denied" => Reply::new(403, "no"),
        "/down" => Reply::new(503, "{\"error\": \"starting\"}"),
        "/slow" => Reply::After(Duration::from_millis(150), Box::new(Reply::new(200, "late"))),
        "/stall" => Reply::Stall,
        "/close" => Reply::Close,
        "/garbage" => Reply::Raw(b"this is not HTTP\r\n\r\n".to_vec()),
        "/echo" => {
            let headers: Vec<String> = request.headers.iter().map(|(n, v)| format!("{n}={v}")).collect();
            Reply::new(200, format!("{} {} {}", request.method, headers.join(" "), request.text()))
        }
        "/huge" => Reply::new(200, vec![b'x'; 5 << 20]),
        _ => Reply::new(404, "nothing here"),
    })
    .await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "it is one table")]
async fn answers_are_judged() {
    let server = server().await;
    let with = |path: &str, change: fn(&mut Http)| {
        let mut http = get(server.url(path));
        change(&mut http);
        http
    };
    for (http, verdict, part) in [
        (with("/ok", |_| ()), Verdict::Passed, "answered 200 in "),
        (
            with("/ok", |h| {
                h.json = Some("body.version == env.VERSION && status == 200 && headers['x-thing'] == 'yes' && elapsed_ms < 60000".into())
            }),
            Verdict::Passed,
            "answered 200",
        ),
        (
            with("/ok", |h| h.json = Some("body.n > 5".into())),
            Verdict::Failed,
            "`body.n > 5` is false; the body begins with `{\"version\"",
        ),
        (with("/ok", |h| h.json = Some("body.missing".into())), Verdict::Failed, "cannot be evaluated"),
        (with("/ok", |h| h.json = Some("body.(".into())), Verdict::Failed, "is no valid expression"),
        (
            with("/text", |h| h.json = Some("body.n == 5".into())),
            Verdict::Failed,
            "`plain text`, which is no JSON",
        ),
        (with("/text", |h| h.matches = Some("^plain".into())), Verdict::Passed, "answered 200"),
        (
            with("/text", |h| h.matches = Some("^text".into())),
            Verdict::Failed,
            "does not match `^text`; it begins with `plain text`",
        ),
        (with("/text", |h| h.matches = Some("(".into())), Verdict::Failed, "no valid regular expression"),
        (
            with("/down", |_| ()),
            Verdict::Failed,
            "status 503, wanted 200 to 299; the body begins with `{\"error\"",
        ),
        (with("/down", |h| h.status = vec![200, 503]), Verdict::Passed, "answered 503"),
        (with("/moved", |_| ()), Verdict::Failed, "status 302"),
        (with("/moved", |h| h.status = vec![302]), Verdict::Passed, "answered 302"),
        (with("/slow", |h| h.max_response = Some(Span(50))), Verdict::Failed, "and the limit is 50ms"),
        (with("/slow", |h| h.max_response = Some(Span(60_000))), Verdict::Passed, "answered 200"),
        (with("/close", |_| ()), Verdict::Failed, ""),
        (with("/garbage", |_| ()), Verdict::Failed, ""),
        (with("/huge", |_| ()), Verdict::Passed, "answered 200"),
        (with("/huge", |h| h.matches = Some("x".into())), Verdict::Failed, "longer than 4 MiB"),
        (with("/denied", |h| h.must_fail = true), Verdict::Passed, "failed as it must: status 403"),
        (with("/ok", |h| h.must_fail = true), Verdict::Failed, "and it must not"),
        (
            with("/denied", |h| {
                h.must_fail = true;
                h.json = Some("(".into());
            }),
            Verdict::Failed,
            "is no valid expression",
        ),
        (
            with("/ok", |h| {
                h.must_fail = true;
                h.url = "not an address".into();
            }),
            Verdict::Failed,
            "the address is wrong",
        ),
        (
            with("/ok", |h| {
                h.must_fail = true;
                h.url = "http://127.0.0.1:1/".into();
            }),
            Verdict::Failed,
            "only an answer can show that this fails as it must",
        ),
        (
            with("/ok", |h| {
                h.must_fail = true;
                h.url = "http://nowhere.invalid/".into();
            }),
            Verdict::Failed,
            "only an answer can show that this fails as it must",
        ),
        (
            with("/ok", |h| {
                h.must_fail = true;
                h.burst = Some(8);
                h.url = "http://127.0.0.1:1/".into();
            }),
            Verdict::Failed,
            "only an answer can show that this fails as it must",
        ),
        (
            with("/denied", |h| {
                h.must_fail = true;
                h.burst = Some(8);
            }),
            Verdict::Passed,
            "8 × 403",
        ),
        (with("/ok", |h| h.url = "http://127.0.0.1:1/".into()), Verdict::Failed, "refused"),
        (with("/ok", |h| h.url = "file:///etc/passwd".into()), Verdict::Failed, "only http and https"),
        (with("/ok", |h| h.method = "BAD METHOD".into()), Verdict::Failed, "is no HTTP method"),
        (
            with("/ok", |h| h.headers = vec![("bad name".into(), "x".into())]),
            Verdict::Failed,
            "the request is wrong",
        ),
        (
            with("/ok", |h| h.headers = vec![("a".into(), "${secret:OTHER}".into())]),
            Verdict::Failed,
            "`OTHER` is not declared",
        ),
    ] {
        let what = format!("{} {:?} {:?}", http.url, http.json, http.matches);
        let report = perform(http).await;
        assert_eq!(report.verdict, verdict, "{what}: {}", report.detail);
        assert!(report.detail.contains(part), "{what}: {}", report.detail);
    }
}

#[tokio::test]
async fn requests_go_out_as_written_and_come_back_without_secrets() {
    let server = server().await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let report = perform(Http {
            method: method.to_owned(),
            headers: vec![
                ("Authorization".into(), "Bearer ${secret:TOKEN}".into()),
                ("X-A".into(), "1".into()),
            ],
            body: Some("{\"a\": \"ü\", \"t\": \"${secret:TOKEN}\"}".into()),
            matches: Some("s3cret".into()),
            ..get(server.url("/echo"))
        })
        .await;
        assert_eq!(report.verdict, Verdict::Passed, "{}", report.detail);
        let arrived = server.requests().pop().unwrap();
        assert_eq!(arrived.method, method);
        assert_eq!(arrived.header("authorization"), Some("Bearer s3cret-t0ken-x1y"));
        assert_eq!(arrived.header("x-a"), Some("1"));
        assert_eq!(arrived.text(), "{\"a\": \"ü\", \"t\": \"s3cret-t0ken-x1y\"}");
        let found = text(&report);
        assert!(
            found.starts_with(&format!(
                "> {method} {}\n> Authorization: Bearer ‹redacted›\n",
                server.url("/echo")
            )),
            "{found}"
        );
        assert!(found.contains("authorization=Bearer ‹redacted›") && !found.contains("s3cret"), "{found}");
    }
}

#[tokio::test]
async fn polling_waits_until_it_holds() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Close,
        1 | 2 => Reply::new(503, "starting"),
        _ => Reply::new(200, "{\"ready\": true}"),
    })
    .await;
    let poll = |within: u64| Some(Poll { every: Span(20), within: Span(within) });
    let report =
        perform(Http { json: Some("body.ready".into()), poll: poll(60_000), ..get(server.url("/")) }).await;
    assert_eq!(report.verdict, Verdict::Passed, "{}", report.detail);
    assert!(report.detail.contains("at try 4 after"), "{}", report.detail);
    let found = text(&report);
    assert!(
        found.contains("\ntry 3 after") && found.contains("status 503") && found.contains("< 200 in"),
        "{found}"
    );
    assert_eq!(server.requests().len(), 4);

    let started = Instant::now();
    let report = perform(Http { status: vec![418], poll: poll(200), ..get(server.url("/")) }).await;
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(
        report.detail.starts_with("did not hold within 200ms (")
            && report.detail.contains("at last: status 200, wanted 418"),
        "{}",
        report.detail
    );
    assert!(started.elapsed() < Duration::from_secs(10));

    let before = server.requests().len();
    let report = perform(Http { url: "http://".into(), poll: poll(60_000), ..get(String::new()) }).await;
    assert!(
        report.detail.contains("the address is wrong"),
        "what can never hold is not repeated: {}",
        report.detail
    );
    assert_eq!(server.requests().len(), before);
}

#[tokio::test]
async fn a_burst_must_end_in_the_status() {
    let limited = Server::start(|number, _| Reply::new(if number < 20 { 200 } else { 429 }, "")).await;
    let burst = |server: &Server| Http { burst: Some(50), status: vec![429], ..get(server.url("/")) };
    let report = perform(burst(&limited)).await;
    assert_eq!(
        (report.verdict, report.detail.as_str()),
        (Verdict::Passed, "a burst of 50: 20 × 200, 30 × 429")
    );
    let unlimited = Server::start(|_, _| Reply::new(200, "")).await;
    let report = perform(burst(&unlimited)).await;
    assert_eq!(
        (report.verdict, report.detail.as_str()),
        (Verdict::Failed, "a burst of 50 did not end in 429: 50 × 200")
    );
    assert_eq!(unlimited.requests().len(), 50);
}

#[tokio::test]
async fn time_limit_and_cancel_end_a_request() {
    let server = server().await;
    let ground = Ground::new();
    let mut job = ground.job(Action::Http(get(server.url("/stall"))));
    job.timeout = Span(100);
    let report = ground.perform(&job).await;
    assert!(matches!(report.verdict, Verdict::TimedOut | Verdict::Failed), "{}", report.detail);
    assert!(report.detail.contains("100ms"), "{}", report.detail);

    let job = ground.job(Action::Http(get(server.url("/stall"))));
    let (cancel, cancelled) = watch::channel(false);
    let work = ground.world.perform(job, cancelled, mpsc::channel(8).0);
    let (report, ()) = tokio::join!(work, async {
        while server.requests().len() < 2 {
            tokio::task::yield_now().await;
        }
        cancel.send(true).unwrap();
    });
    assert_eq!((report.verdict, report.detail.as_str()), (Verdict::Cancelled, "was cancelled"));
}

#[tokio::test]
async fn a_proxy_is_used_except_for_this_machine() {
    let proxy = Server::start(|_, request| Reply::new(200, format!("proxied {}", request.path))).await;
    let direct = server().await;
    let mut environment: BTreeMap<String, String> = BTreeMap::new();
    environment.insert("http_proxy".to_owned(), proxy.url(""));
    environment.insert("NO_PROXY".to_owned(), "internal.invalid".to_owned());
    let mut ground = Ground::new();
    ground.live_in(environment);
    let ask = async |url: &str| {
        let mut http = get(url.to_owned());
        http.matches = Some("proxied".into());
        ground.perform(&ground.job(Action::Http(http))).await
    };
    let report = ask("http://example.invalid/x").await;
    assert_eq!(report.verdict, Verdict::Passed, "{}", report.detail);
    assert!(text(&report).contains("proxied http://example.invalid/x"), "{}", text(&report));
    let report = ask(&direct.url("/text")).await;
    assert!(report.detail.contains("it begins with `plain text`"), "{}", report.detail);
    let report = ask("http://internal.invalid/x").await;
    assert_eq!(report.verdict, Verdict::Failed, "there is no such host without the proxy");
    assert_eq!(proxy.requests().len(), 1);
}

#[tokio::test]
async fn after_a_crash_a_request_is_unknown_or_was_never_sent() {
    let server = server().await;
    let ground = Ground::new();
    let job = ground.job(Action::Http(get(server.url("/stall"))));
    assert_eq!(ground.world.recover(job, never()).await, Recovered::NotStarted);
    let job = ground.job(Action::Http(get(server.url("/stall"))));
    let (_keep, cancelled) = watch::channel(false);
    let work = ground.world.perform(job.clone(), cancelled, mpsc::channel(8).0);
    tokio::select! {
        report = work => panic!("it ended: {report:?}"),
        () = async { while server.requests().is_empty() { tokio::task::yield_now().await; } } => {}
    }
    let found = ground.another_world().recover(job, never()).await;
    assert!(matches!(&found, Recovered::Unknown(why) if why.contains("may have been sent")), "{found:?}");
}

fn message(ground: &Ground, template: &str, channels: &[(&str, Channel)]) -> Job {
    let mut job = ground.job(Action::Notify(Notify {
        to: channels.iter().map(|(name, _)| (*name).to_owned()).collect(),
        template: template.to_owned(),
        when: When::Always,
    }));
    job.message = serde_json::json!({ "VERSION": "v2", "release": { "outcome": "rolled \"back\"" } });
    job.channels = channels.iter().map(|(name, channel)| ((*name).to_owned(), channel.clone())).collect();
    job.secrets.insert("HOOK".to_owned(), "env:HOOK".to_owned());
    job.secrets.insert("UNUSED".to_owned(), "env:NOT_SET".to_owned());
    job
}

#[tokio::test]
async fn messages_reach_every_channel() {
    let hook = Server::start(|_, _| Reply::new(200, "ok")).await;
    let mut ground = Ground::new();
    ground.live_in(BTreeMap::from([("HOOK".to_owned(), hook.url("/T0KEN/path"))]));
    let channels = [
        ("log", Channel::File("messages.log".to_owned())),
        ("slack:#releases", Channel::Webhook("${secret:HOOK}".to_owned())),
    ];
    let job = message(&ground, "{{ VERSION }}: {{ release.outcome }}\nsecond line", &channels);
    for _ in 0..2 {
        let job = Job { scratch: ground.job(job.action.clone()).scratch, ..job.clone() };
        let report = ground.perform(&job).await;
        assert_eq!(report.verdict, Verdict::Passed, "{}", report.detail);
        assert!(
            !format!("{report:?}").contains("T0KEN") && !text(&report).contains("T0KEN"),
            "{}",
            text(&report)
        );
    }
    let line = "v2: rolled \"back\"\nsecond line\n";
    assert_eq!(fs::read_to_string(ground.folder.join("work/messages.log")).unwrap(), line.repeat(2));
    let arrived: Vec<Request> = hook.requests();
    assert_eq!((arrived[0].method.as_str(), arrived[0].path.as_str()), ("POST", "/T0KEN/path"));
    assert_eq!(arrived[0].header("content-type"), Some("application/json"));
    assert_eq!(arrived[0].header("idempotency-key"), Some("r1/deploy/forward/1/slack:#releases"));
    let body: serde_json::Value = serde_json::from_slice(&arrived[0].body).unwrap();
    assert_eq!(body, serde_json::json!({ "text": "v2: rolled \"back\"\nsecond line" }));
}

#[tokio::test]
async fn a_channel_that_fails_is_named_and_the_others_are_served() {
    let hook =
        Server::start(|_, request| Reply::new(if request.path == "/bad" { 500 } else { 204 }, "")).await;
    let ground = Ground::new();
    let channels = [
        ("gone", Channel::Webhook("http://127.0.0.1:1/".to_owned())),
        ("bad", Channel::Webhook(hook.url("/bad"))),
        ("log", Channel::File("no/such/folder/log".to_owned())),
        ("good", Channel::Webhook(hook.url("/good"))),
    ];
    let mut job = message(&ground, "text", &channels);
    if let Action::Notify(notify) = &mut job.action {
        notify.to.push("unheard-of".to_owned());
    }
    let report = ground.perform(&job).await;
    assert_eq!(report.verdict, Verdict::Failed);
    let parts = [
        "not sent to gone (",
        "refused",
        "bad (answered 500)",
        "log (",
        "unheard-of (there is no such channel",
        "but sent to good (answered 204)",
    ];
    for part in parts {
        assert!(report.detail.contains(part), "{part}: {}", report.detail);
    }
    let report = ground.perform(&message(&ground, "{{ nothing }}", &channels)).await;
    assert!(report.detail.contains("nothing was sent"), "{}", report.detail);
    assert_eq!(hook.requests().len(), 2);
}

#[tokio::test]
async fn an_endpoint_gives_a_number_or_a_reason() {
    let server = Server::start(|_, request| match request.path.as_str() {
        "/n" => Reply::new(200, "{\"data\": {\"rate\": 0.25, \"text\": \"x\"}}"),
        "/down" => Reply::new(500, "{}"),
        "/secret" => Reply::new(200, format!("{:?}", request.header("authorization"))),
        _ => Reply::Close,
    })
    .await;
    let ground = Ground::new();
    let sample = async |path: &str, value: &str| {
        let headers = vec![("Authorization".to_owned(), "Bearer ${secret:TOKEN}".to_owned())];
        let source =
            Source::Http { url: server.url(path), value: value.to_owned(), headers, every: Span(10) };
        let secrets = BTreeMap::from([("TOKEN".to_owned(), "env:THE_TOKEN".to_owned())]);
        ground.world.sampler(source, secrets).sample().await.remove("value").unwrap()
    };
    assert_eq!(sample("/n", "body.data.rate * 100.0").await, Ok(25.0));
    for (path, value, part) in [
        ("/n", "body.data.text", "not a number"),
        ("/n", "body.data.missing", "cannot be evaluated"),
        ("/n", "body.(", "no valid expression"),
        ("/down", "1", "answered 500"),
        ("/close", "1", "/close: "),
        ("/secret", "body.x", "‹redacted›"),
    ] {
        let why = sample(path, value).await.unwrap_err();
        assert!(why.contains(part) && !why.contains("s3cret"), "{path} {value}: {why}");
    }
    let source = Source::Http {
        url: server.url("/n"),
        value: "1".to_owned(),
        headers: vec![("a".into(), "${secret:NO}".into())],
        every: Span(10),
    };
    let why =
        ground.world.sampler(source, BTreeMap::new()).sample().await.remove("value").unwrap().unwrap_err();
    assert!(why.contains("`NO` is not declared"), "{why}");
}

#[tokio::test]
async fn a_prober_measures_what_users_would_see() {
    // Three of four answers are good, one is an error.
    let server = Server::start(|number, _| Reply::new(if number % 4 == 3 { 502 } else { 200 }, "")).await;
    let ground = Ground::new();
    let probe = |url: String, timeout: u64, window: Span| Source::Probe {
        url,
        every: Span(2),
        timeout: Span(timeout),
        window,
    };
    let mut sampler =
        ground.world.sampler(probe(server.url("/"), 60_000, Span::minutes(10)), BTreeMap::new());
    let first = sampler.sample().await;
    assert_eq!(
        first.keys().map(String::as_str).collect::<Vec<_>>(),
        ["availability", "error_rate", "p50", "p95", "p99"]
    );
    assert!(first.values().all(|value| *value == Err("no data yet".to_owned())), "{first:?}");
    while server.requests().len() < 60 {
        tokio::task::yield_now().await;
    }
    let sample = sampler.sample().await;
    let rate = *sample["error_rate"].as_ref().unwrap();
    assert!((20.0..30.0).contains(&rate), "{sample:?}");
    assert!((sample["availability"].as_ref().unwrap() + rate - 100.0).abs() < 1e-9);
    assert!(sample["p50"].as_ref().unwrap() <= sample["p99"].as_ref().unwrap());
    drop(sampler);

    // What never answers is an error after its time, and the others do not wait for it.
    let stalled = Server::start(|_, _| Reply::Stall).await;
    let mut sampler = ground.world.sampler(probe(stalled.url("/"), 20, Span::minutes(10)), BTreeMap::new());
    loop {
        let sample = sampler.sample().await;
        if let Ok(rate) = sample["error_rate"] {
            assert_eq!((rate, &sample["p95"]), (100.0, &Err("no request succeeded".to_owned())));
            break;
        }
        tokio::task::yield_now().await;
    }
}
