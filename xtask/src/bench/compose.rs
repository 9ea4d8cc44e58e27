//! What a release by docker compose costs over its commands, and how soon its rollback begins.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::Place;
use super::measure::{Cost, RUNS, Spread, cost, spread};
use super::page::Section;
use crate::shell;

const RUNBOOK: &str = "---
runbook: 1
---
# Shop

## Ship

```yaml {#deploy .deploy}
target: compose
services: [gateway, api, web, worker]
env_file: .env
set: { TAG: $VERSION }
```
";

/// What the release waits for, so that there is something to take back.
const QUESTION: &str = "\n- [ ] It is as it should be\n";

/// Ways to release: tminus, the same commands by hand, and what people often write.
const NAMES: [&str; 3] =
    ["tminus run", "the same commands, a shell script", "pull, and `up --wait` one by one"];

const SHORT: &str = "sed -i \"s/^TAG=.*/TAG=$1/\" .env && docker compose pull --quiet && \
                     for service in gateway api web worker; do docker compose up --detach --no-deps --wait \"$service\" || exit; done";

/// Runs the benchmark.
pub(super) fn run(place: &Place) -> Result<Section, String> {
    let folder = place.empty("compose")?;
    let versions = NAMES.len() * (RUNS + 1) + 2;
    let port = spare_ports(1)?[0].to_string();
    let _yard = Yard::start(
        include_str!("compose.sh"),
        &[folder.as_os_str(), port.as_ref(), versions.to_string().as_ref()],
    )?;
    fs::write(folder.join("r.md"), RUNBOOK).map_err(|error| error.to_string())?;
    fs::write(folder.join("asks.md"), format!("{RUNBOOK}{QUESTION}")).map_err(|error| error.to_string())?;
    fs::write(folder.join("script.sh"), include_str!("script.sh")).map_err(|error| error.to_string())?;
    let host = format!("DOCKER_HOST=unix://{}", folder.join("docker.sock").display());

    let mut costs: [Vec<Cost>; 3] = Default::default();
    let mut version = 0;
    for turn in 0..=RUNS {
        for (at, costs) in costs.iter_mut().enumerate() {
            version += 1;
            let tag = format!("v{version}");
            let tminus = place.tminus();
            let words: Vec<&OsStr> = match at {
                0 => vec![
                    tminus.as_ref(),
                    "run".as_ref(),
                    "r.md".as_ref(),
                    "--no-input".as_ref(),
                    "--version".as_ref(),
                ],
                1 => vec!["bash".as_ref(), "script.sh".as_ref()],
                _ => vec!["bash".as_ref(), "-c".as_ref(), SHORT.as_ref(), "bash".as_ref()],
            };
            let arguments: Vec<&OsStr> =
                [host.as_ref()].into_iter().chain(words).chain([tag.as_ref()]).collect();
            let cost = cost(&folder, OsStr::new("env"), &arguments)?;
            eprintln!("  {turn} {}: wall {:.3} s, CPU {:.3} s", NAMES[at], cost.wall, cost.cpu);
            if turn > 0 {
                costs.push(cost);
            }
            prove(&folder, &host, &tag)?;
        }
    }
    let begins = rollbacks(place, &folder, &host, version)?;
    Ok(section(&costs, begins))
}

fn section(costs: &[Vec<Cost>; 3], begins: Spread) -> Section {
    let what = "Four services move to another version, each waited for by its health (which is looked at each \
                second), images pulled from a registry on this machine. *The same commands* makes each call of docker \
                that the recipe makes, and keeps no log. CPU leaves out the engine. A rollback begins when the first \
                `docker compose up` of the way back does, from the start of `tminus rollback` on.";
    let mut section = Section::new(
        "A compose release",
        what,
        "cargo xtask bench compose",
        &["", "wall s", "CPU s", "wall, tminus over it"],
    );
    for (name, theirs) in NAMES.iter().zip(costs) {
        let ratio = spread(costs[0].iter().zip(theirs).map(|(ours, theirs)| ours.wall / theirs.wall));
        section.row(&[
            name,
            &spread(theirs.iter().map(|cost| cost.wall)).cell(1.0, 3),
            &spread(theirs.iter().map(|cost| cost.cpu)).cell(1.0, 3),
            &ratio.cell(1.0, 3),
        ]);
        if *name == NAMES[1] {
            section.at_most("wall, tminus over the same commands", ratio.median, 1.05, "");
        }
    }
    section.row(&["`tminus rollback` until the first service goes back", &begins.cell(1.0, 3), "", ""]);
    section.at_most("until a rollback begins", begins.median, 1.0, " s");
    section
}

/// How long it takes from the command to the first service that goes back, in seconds.
fn rollbacks(place: &Place, folder: &Path, host: &str, version: usize) -> Result<Spread, String> {
    let before = format!("v{version}");
    let tag = format!("v{}", version + 1);
    let (bin, note) = (folder.join("bin"), folder.join("begun"));
    fs::create_dir_all(&bin).map_err(|error| error.to_string())?;
    // Notes when the first service is told to move, and passes everything on.
    let wrapper = format!(
        "#!/bin/sh\ncase \" $* \" in *' up '*) if [ ! -e '{0}' ]; then date +%s%N >'{0}'; fi ;; esac\nPATH=${{PATH#*:}} exec docker \"$@\"\n",
        note.display()
    );
    fs::write(bin.join("docker"), wrapper).map_err(|error| error.to_string())?;
    shell::read("chmod", &["+x", &bin.join("docker").display().to_string()])?;
    // The clock is read by what is measured, a moment before it starts.
    let script = format!("date +%s%N >started; PATH='{}':$PATH exec \"$@\"", bin.display());
    let read = |name: &str| -> Result<u128, String> {
        let text = fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
        text.trim().parse().map_err(|error| format!("{name}: {error}"))
    };
    let tminus = |words: &[&str], wanted: i32| -> Result<(), String> {
        let mut command = Command::new("env");
        command.arg(host).args(["sh", "-c", &script, "sh"]).arg(place.tminus()).args(words);
        let output = command.current_dir(folder).stdin(Stdio::null()).output();
        let output = output.map_err(|error| error.to_string())?;
        if output.status.code() == Some(wanted) {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Err(format!("tminus {words:?}: {} instead of {wanted}\n{said}", output.status))
    };
    let mut begins = Vec::new();
    for turn in 0..=RUNS {
        tminus(&["run", "asks.md", "--no-wait", "--version", &tag], 5)?;
        let _ = fs::remove_file(&note);
        tminus(&["rollback", "--reason", "measured"], 3)?;
        let took = read("begun")?.saturating_sub(read("started")?) as f64 / 1e9;
        eprintln!("  {turn} rollback begins after {took:.3} s");
        if turn > 0 {
            begins.push(took);
        }
        prove(folder, host, &before)?;
    }
    Ok(spread(begins))
}

/// All four services must run the version: a release that does nothing would be very fast.
fn prove(folder: &Path, host: &str, tag: &str) -> Result<(), String> {
    let script = format!(
        "cd '{}' && env '{host}' docker ps --format '{{{{.Image}}}} {{{{.Status}}}}'",
        folder.display()
    );
    let running = shell::read("sh", &["-c", &script])?;
    let mark = format!(":{tag} ");
    if running.lines().filter(|line| line.contains(&mark) && line.contains("(healthy)")).count() == 4 {
        return Ok(());
    }
    Err(format!("not all services run {tag}:\n{running}"))
}

/// Services of a benchmark, which live as long as the script that started them has an input.
pub(super) struct Yard(Child);

impl Yard {
    /// Starts the script and waits until it says that everything is there.
    pub(super) fn start(script: &str, arguments: &[&OsStr]) -> Result<Yard, String> {
        let mut words: Vec<OsString> = ["-c", script, "bash"].map(OsString::from).to_vec();
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        let mut command = Command::new("bash");
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("bash: {error}"))?;
        let out = child.stdout.take().ok_or("it has an output")?;
        let is_ready = BufReader::new(out).lines().map_while(Result::ok).any(|line| line == "ready");
        let yard = Yard(child);
        if is_ready { Ok(yard) } else { Err("the services of the benchmark did not start".to_owned()) }
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Finds ports that nobody listens on.
pub(super) fn spare_ports(count: usize) -> Result<Vec<u16>, String> {
    let listeners: Result<Vec<_>, _> =
        (0..count).map(|_| std::net::TcpListener::bind("127.0.0.1:0")).collect();
    let listeners = listeners.map_err(|error| error.to_string())?;
    listeners
        .iter()
        .map(|one| one.local_addr().map(|at| at.port()).map_err(|error| error.to_string()))
        .collect()
}
