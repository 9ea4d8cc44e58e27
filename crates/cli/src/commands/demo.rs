//! `demo`: two releases of a sample service on this machine, for real. The first one goes out; the
//! second one carries a fault, is caught by its watch, and goes back without a hand.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tminus_engine::export;

use crate::args::{Demo, Driving, LaneArg, Source};
use crate::commands::source;
use crate::exit_code::ExitCode;
use crate::failure::{self, Failure};
use crate::place::{self, Place};
use crate::sample;
use crate::screen::{self, Tone, paint};

const RUNBOOK: &str = include_str!("../../../../runbooks/demo.md");
const SETTINGS: &str = include_str!("../../../../runbooks/tminus.toml");
const INSTANCES: [&str; 4] = ["staging-1", "production-1", "production-2", "production-3"];

/// `tminus demo`
pub(crate) async fn run(args: &Demo) -> super::Result {
    if let (Some(address), Some(instance)) = (&args.serve, &args.instance) {
        return sample::serve(address, instance)
            .map(|()| ExitCode::Success)
            .map_err(|error| failure::file("serve", instance, &error));
    }
    let folder = args
        .folder
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("tminus-demo-{}", std::process::id())));
    let ports = lay_out(&folder)?;
    let _instances = Instances::start(&folder, &ports)?;
    screen::line(&paint(Tone::Strong, "A sample service is running on this machine"));
    screen::line(&paint(
        Tone::Faint,
        &format!(
            "  staging 127.0.0.1:{} · production 127.0.0.1:{} :{} :{} · {}",
            ports[0],
            ports[1],
            ports[2],
            ports[3],
            folder.display()
        ),
    ));
    let place = Place { state: folder.join(place::STATE_FOLDER), work: folder.clone() };
    let engine = place::engine(&place).await?;
    let mut records = Vec::new();
    for (title, version, previous, expected) in [
        ("First release: v1.1.0 is sound and goes out", "v1.1.0", "v1.0.0", ExitCode::Success),
        ("Second release: v1.2.0 fails once people use it", "v1.2.0", "v1.1.0", ExitCode::RolledBack),
    ] {
        screen::line("");
        screen::line(&paint(Tone::Strong, &format!("━━ {title}")));
        let (release, code) = release(&engine, &place, args.interactive, version, previous).await?;
        if code != expected && !args.interactive {
            return Err(Failure {
                what: format!("finish the demo: {version} ended with {code:?} instead of {expected:?}"),
                now: vec![format!(
                    "the log tells why: tminus --state {} log {release}",
                    place.state.display()
                )],
                code: ExitCode::Failed,
            });
        }
        let record = folder.join(export::folder_name(&release));
        export::export(&engine, &release, &record).await?;
        let sound = export::verify_record(&record).map_err(|error| Failure {
            what: error.to_string(),
            now: Vec::new(),
            code: ExitCode::Failed,
        })?;
        records.push((version, record, sound));
    }
    close(&folder, &records);
    Ok(ExitCode::Success)
}

async fn release(
    engine: &tminus_engine::open::Engine,
    place: &Place,
    interactive: bool,
    version: &str,
    previous: &str,
) -> Result<(tminus_release::ReleaseId, ExitCode), Failure> {
    let source = Source {
        runbook: place.work.join("demo.md"),
        assisted: false,
        lane: LaneArg::Main,
        set: Vec::new(),
        version: Some(version.to_owned()),
        previous_version: Some(previous.to_owned()),
        environment: None,
        choices: Vec::new(),
        config: None,
    };
    let compiled = source::compile(&source)?;
    let plan = source::usable(&compiled, &source)?;
    let (release, state) = engine.create(plan, compiled.text.into_bytes(), place::person(None)).await?;
    let answers = place.work.join("answers.yaml");
    let driving = Driving {
        answers: (!interactive).then_some(answers),
        no_wait: false,
        no_input: false,
        json: false,
        by: interactive.then(|| "ana".to_owned()),
    };
    let code = super::drive::drive(engine, place, &release, Some(state), &driving).await?;
    Ok((release, code))
}

fn close(folder: &Path, records: &[(&str, PathBuf, export::Sound)]) {
    screen::line("");
    screen::line(&paint(Tone::Strong, "━━ Both records, verified offline"));
    for (version, record, sound) in records {
        screen::line(&format!("  {version} {}: {} events, nothing changed", sound.outcome, sound.events));
        screen::line(&format!("    {}", record.join(export::PAGE).display()));
    }
    let messages = std::fs::read_to_string(folder.join("messages.log")).unwrap_or_default();
    screen::line("");
    screen::line(&paint(Tone::Strong, "━━ What the team was told"));
    messages.lines().for_each(|line| screen::line(&format!("  {line}")));
    let here = folder.display();
    screen::line("");
    screen::line(&paint(Tone::Strong, "━━ What to type next"));
    screen::line(&format!("  tminus verify {}", records[1].1.display()));
    screen::line(&format!("  tminus --state {here}/{} log last", place::STATE_FOLDER));
    screen::line(&format!(
        "  tminus rehearse {here}/demo.md --version v1.3.0 --previous-version v1.1.0 --fail-each"
    ));
    screen::line("  tminus check YOUR-RUNBOOK.md");
    screen::line("  tminus init");
    screen::line(&paint(Tone::Faint, &format!("  (tminus is {})", program().display())));
}

/// Writes the demo's folder: the runbook, its settings with free ports, artifacts, instances.
fn lay_out(folder: &Path) -> Result<[u16; 4], Failure> {
    let ports = free_ports().map_err(|error| failure::file("listen on", Path::new("127.0.0.1"), &error))?;
    let mut settings = SETTINGS.to_owned();
    for (index, port) in ports.iter().enumerate() {
        settings = settings.replace(&format!("710{index}"), &port.to_string());
    }
    let answers = "# What the people of the demo say: yes to everything.\notherwise: yes\n".to_owned();
    let mut files = vec![
        ("demo.md".to_owned(), RUNBOOK.to_owned()),
        ("tminus.toml".to_owned(), settings),
        ("answers.yaml".to_owned(), answers),
    ];
    for (version, fails_percent) in [("v1.0.0", 0), ("v1.1.0", 0), ("v1.2.0", 40), ("v1.3.0", 0)] {
        files.push((format!("artifacts/{version}.json"), sample::artifact(version, fails_percent)));
    }
    for instance in INSTANCES {
        files.push((format!("instances/{instance}/app.json"), sample::artifact("v1.0.0", 0)));
    }
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| failure::file("write", parent, &error))?;
        std::fs::write(&path, text).map_err(|error| failure::file("write", &path, &error))?;
    }
    Ok(ports)
}

/// Finds ports that nobody listens on, by listening on them all at once.
fn free_ports() -> std::io::Result<[u16; 4]> {
    let listeners = [
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    ];
    let mut ports = [0; 4];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tminus"))
}

/// The running instances; they end with the demo.
struct Instances(Vec<Child>);

impl Instances {
    fn start(folder: &Path, ports: &[u16; 4]) -> Result<Instances, Failure> {
        let mut instances = Instances(Vec::new());
        for (name, port) in INSTANCES.iter().zip(ports) {
            let child = Command::new(program())
                .args(["demo", "--serve", &format!("127.0.0.1:{port}"), "--instance"])
                .arg(folder.join("instances").join(name))
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .map_err(|error| failure::file("start", &program(), &error))?;
            instances.0.push(child);
            sample::wait_until_healthy(*port)
                .map_err(|error| failure::file("reach the instance", Path::new(name), &error))?;
        }
        Ok(instances)
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
