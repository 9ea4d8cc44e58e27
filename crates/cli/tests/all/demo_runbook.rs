//! The demo's runbook with its sample service, by real processes: killed after its events, failing at each
//! of its steps, and with each undo repeated.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use tminus_testkit::front::spare_port;

use crate::crash_everywhere::{killed_after, resumed_to_its_end};
use crate::support::Desk;

const RUNBOOK: &str = include_str!("../../../../runbooks/demo.md");
const SETTINGS: &str = include_str!("../../../../runbooks/tminus.toml");
const INSTANCES: [&str; 4] = ["staging-1", "production-1", "production-2", "production-3"];

/// `run` of a version, with what people say written down.
const RUN: [&str; 9] = [
    "run",
    "demo.md",
    "--version",
    "v1.1.0",
    "--previous-version",
    "v1.0.0",
    "--answers",
    "answers.yaml",
    "--json",
];

/// The demo's folder and its running instances, which end with it.
struct Sample {
    desk: Desk,
    instances: Vec<Child>,
}

impl Sample {
    fn start() -> Sample {
        let mut sample = Sample { desk: Desk::new(), instances: Vec::new() };
        let mut settings = SETTINGS.to_owned();
        for (index, instance) in INSTANCES.into_iter().enumerate() {
            let address = format!("127.0.0.1:{}", spare_port());
            settings = settings.replace(&format!("127.0.0.1:710{index}"), &address);
            settings = settings
                .replace(&format!("\"710{index}\""), &format!("\"{}\"", &address["127.0.0.1:".len()..]));
            let folder = sample.desk.path("instances").join(instance);
            let mut serve = sample.desk.command(&["demo", "--serve", &address, "--instance"]);
            serve.arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = serve.spawn().expect("starts");
            let mut first = String::new();
            BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("it says so");
            sample.instances.push(child);
            assert!(first.starts_with("serves "), "{first}");
        }
        sample.desk.write("tminus.toml", settings);
        sample.desk.write("answers.yaml", "otherwise: yes\n");
        for (version, fails_percent) in [("v1.1.0", 0), ("v1.2.0", 40)] {
            sample.desk.write(&format!("artifacts/{version}.json"), artifact(version, fails_percent));
        }
        sample.lay_out(RUNBOOK);
        sample
    }

    /// As before any release, with this runbook. Its waits are shortened: what is tried here is not how
    /// long they are.
    fn lay_out(&self, runbook: &str) {
        let _ = std::fs::remove_dir_all(self.desk.path(".tminus"));
        let _ = std::fs::remove_file(self.desk.path("failed-once"));
        self.desk.write("demo.md", runbook.replace("for: 3s", "for: 200ms").replace("for: 6s", "for: 300ms"));
        for instance in INSTANCES {
            self.desk.write(&format!("instances/{instance}/app.json"), artifact("v1.0.0", 0));
            let _ = std::fs::remove_file(self.desk.path(&format!("instances/{instance}/app.json.before")));
        }
    }

    fn has(&self, file: &str, version: &str) -> bool {
        self.desk.read(file).contains(&format!("\"{version}\""))
    }

    fn each_has(&self, file: &str, version: &str, context: &str) {
        for instance in INSTANCES {
            let file = format!("instances/{instance}/{file}");
            assert!(
                self.has(&file, version),
                "{context}: {file} is not {version}: {}",
                self.desk.read(&file)
            );
        }
    }

    /// Is killed after so many events of the run, and resumed to its end by people who look whether a step
    /// has brought `version`. Returns whether there were so many.
    fn killed_after(&self, lines: usize, code: i32, version: &str) -> bool {
        let read = killed_after(&self.desk, &RUN, lines);
        let ran = resumed_to_its_end(&self.desk, &["ana", "max", "kim"], &|step| {
            self.has(&format!("instances/{}/app.json", instance_of(step)), version)
        });
        let context = format!("killed after {lines} events");
        assert_eq!(ran.code, code, "{context}\n{}\n{}", ran.out, ran.err);
        self.each_has("app.json", version, &context);
        self.desk.record_verifies();
        read == lines
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        for child in &mut self.instances {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn artifact(version: &str, fails_percent: u64) -> String {
    format!("{{ \"version\": \"{version}\", \"commit\": \"0\", \"fails_percent\": {fails_percent} }}\n")
}

/// The instance that a step is about: `deploy-2` or `deploy-staging`.
fn instance_of(step: &str) -> String {
    match step.rsplit_once('-').map_or("", |(_, end)| end) {
        "staging" => "staging-1".to_owned(),
        number => format!("production-{number}"),
    }
}

#[test]
fn crash_everywhere_after_events_of_the_demo() {
    let sample = Sample::start();
    // Each third event is a place to be killed at.
    for lines in (1..).step_by(3) {
        sample.lay_out(RUNBOOK);
        let goes_on = sample.killed_after(lines, 0, "v1.1.0");
        // A second deployment would have kept the new one as the one before.
        sample.each_has("app.json.before", "v1.0.0", &format!("killed after {lines} events"));
        if !goes_on {
            return;
        }
    }
}

#[test]
fn crash_everywhere_on_the_way_back_of_the_demo() {
    let sample = Sample::start();
    let broken = broken_at("version-3");
    // Where the way back begins is read from a run that nothing disturbs.
    sample.lay_out(&broken);
    let ran = sample.desk.expect(3, &RUN);
    let began = ran.out.lines().position(|line| line.contains("rollback_started")).expect("it goes back");
    for lines in (began + 1..).step_by(2) {
        sample.lay_out(&broken);
        if !sample.killed_after(lines, 3, "v1.0.0") {
            return;
        }
    }
}

/// Steps of the way forward that run something, in their order.
fn steps() -> Vec<&'static str> {
    let forward = &RUNBOOK[..RUNBOOK.find("## Rollback").expect("it has one")];
    let fences =
        forward.lines().filter(|line| line.starts_with("```bash {#") || line.starts_with("```http {#"));
    fences.filter_map(|line| line.split("{#").nth(1)?.split(' ').next()).collect()
}

/// The runbook whose step fails: a command after its last line, a status that no answer has.
fn broken_at(step: &str) -> String {
    let begin = RUNBOOK.find(&format!("{{#{step} ")).expect("a step");
    let end = begin + RUNBOOK[begin..].find("\n```").expect("it ends");
    let (before, block, after) = (&RUNBOOK[..begin], &RUNBOOK[begin..end], &RUNBOOK[end..]);
    let block = if before.ends_with("```http ") {
        block.replace("status=200", "status=418").replace("within=10s", "within=300ms")
    } else {
        format!("{block}\nexit 7")
    };
    format!("{before}{block}{after}")
}

#[test]
fn fail_at_every_step_of_the_demo() {
    let sample = Sample::start();
    assert!(steps().len() > 10, "{:?}", steps());
    for step in steps() {
        sample.lay_out(&broken_at(step));
        let ran = sample.desk.expect(3, &RUN);
        ran.says("rolled_back");
        sample.each_has("app.json", "v1.0.0", step);
        sample.desk.record_verifies();
        assert!(sample.desk.read("record/record.md").contains(step), "the record names {step}");
    }
}

#[test]
fn a_watch_lets_the_steps_after_it_go_on_and_holds_the_release_when_its_own_rule_is_breached() {
    let sample = Sample::start();
    let long = "for: 5s\nrules: [ error_rate < 2% for 1s ]\non_breach: hold\n```\n\n```bash {#meanwhile .check}\ntouch meanwhile\n";
    let runbook = RUNBOOK.replace("- Error rate > 5% for > 1 second\n", "");
    let runbook = runbook.replace("{#watch-production .soak}", "{#watch-production .watch}");
    sample.lay_out(&runbook.replace("for: 6s\nwhile: slo\n", long));
    sample.desk.write("answers.yaml", "answers:\n  - { step: hold, say: nothing }\notherwise: yes\n");
    let faulty = RUN.map(|word| if word == "v1.1.0" { "v1.2.0" } else { word });
    sample.desk.expect(5, &[&faulty[..], &["--no-wait"]].concat());
    assert!(sample.desk.path("meanwhile").exists(), "what stands after the watch has run");
    let status = sample.desk.expect(0, &["status", "last"]);
    status.says("on hold").says("error_rate").says("tminus continue");
    sample.each_has("app.json", "v1.2.0", "on hold, nothing goes back by itself");
    // A person says to go on. The time of the watch is over by now, and its rule has to hold all the
    // same: it is measured again, is still breached, and the release is held again.
    sample.desk.expect(0, &["continue", "--note", "we look at it"]);
    sample.desk.expect(5, &["resume", "--no-wait"]);
    sample.desk.expect(0, &["status", "last"]).says("on hold");
    sample.desk.expect(3, &["rollback", "--reason", "it does not become better"]);
    sample.each_has("app.json", "v1.0.0", "taken back");
    sample.desk.record_verifies();
}

#[test]
fn repeat_every_undo_of_the_demo() {
    let sample = Sample::start();
    let broken = broken_at("version-3");
    for step in steps().into_iter().filter(|step| step.starts_with("deploy-")) {
        let undo = format!("{{#{} .undo timeout=20s}}\n", step.replace("deploy", "undo"));
        assert!(broken.contains(&undo), "{undo}");
        let fails_once = format!("{undo}test -e failed-once || {{ touch failed-once; exit 7; }}\n");
        sample.lay_out(&broken.replace(&undo, &fails_once));
        let written = format!(
            "answers:\n  - {{ step: {step}, say: rollback, times: 0 }}\n  - {{ step: {step}, say: nothing, times: 1 }}\notherwise: yes\n"
        );
        sample.desk.write("answers.yaml", written);
        sample.desk.expect(6, &[&RUN[..], &["--no-wait"]].concat());
        sample.desk.expect(0, &["status", "last"]).says("stuck").says(&format!("answer {step} retry"));
        sample.desk.expect(0, &["answer", step, "retry", "--as", "kim"]);
        sample.desk.expect(3, &["resume", "--no-wait"]);
        sample.each_has("app.json", "v1.0.0", step);
        sample.desk.expect(7, &["rollback", "--reason", "once more"]);
        sample.each_has("app.json", "v1.0.0", step);
        sample.desk.record_verifies();
    }
}
