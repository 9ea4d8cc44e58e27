//! A step on fifty hosts at once, by ssh, against the slowest of them.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Place;
use super::compose::{Yard, spare_ports};
use super::measure::{Cost, cost, spread};
use super::page::Section;

const HOSTS: usize = 50;

/// What each host does: a tenth of a second longer than the one before it, so five seconds more for
/// the last one than for the one before the first.
fn work(shortest: u64) -> String {
    format!(
        "number=${{HOME##*/h}}\nsleep \"$(printf '%d.%d' $(({shortest} + number / 10)) $((number % 10)))\"\necho \"done on $number\""
    )
}

/// Seconds that the work of the last host takes. Pulling an image and
/// waiting until a service is healthy takes half a minute, which is what a batch of hosts is for. The
/// shorter one shows what the connections cost.
const WORKS: [u64; 2] = [30, 10];

/// How often each is measured, after a first time that is not counted.
const TURNS: usize = 3;

const NAMES: [&str; 3] = [
    "tminus, all 50 in one batch",
    "`ssh` to the slowest host alone",
    "`ssh` to all 50 from a shell, at once",
];

/// Runs the benchmark.
pub(super) fn run(place: &Place) -> Result<Section, String> {
    let folder = place.empty("hosts")?;
    let mut ports = String::new();
    for port in spare_ports(HOSTS)? {
        let _ = writeln!(ports, "{port}");
    }
    fs::write(folder.join("ports"), ports).map_err(|error| error.to_string())?;
    let _yard = Yard::start(include_str!("hosts.sh"), &[folder.as_os_str(), HOSTS.to_string().as_ref()])?;
    let names: Vec<String> = (1..=HOSTS).map(|number| format!("\"h{number}\"")).collect();
    let settings = format!("[hosts]\nfleet = [{}]\n", names.join(", "));
    fs::write(folder.join("tminus.toml"), settings).map_err(|error| error.to_string())?;
    let mut section = Section::new(
        "Fifty hosts in one batch",
        &format!(
            "{HOSTS} hosts, each an sshd on this machine. The work of each takes a tenth of a second longer than that of \
             the one before it: the slowest one 30 s, and in a second series 10 s. Everything that both sides of all \
             connections compute is computed here, and costs the same however long the work is: on machines of their own \
             the hosts would do their part themselves."
        ),
        "cargo xtask bench hosts",
        &["", "wall s", "CPU s", "wall over the slowest host"],
    );
    for seconds in WORKS {
        let costs = measure(place, &folder, seconds)?;
        show(&mut section, seconds, &costs);
    }
    Ok(section)
}

fn measure(place: &Place, folder: &Path, seconds: u64) -> Result<[Vec<Cost>; 3], String> {
    let work = work(seconds - 5);
    let runbook = format!(
        "---\nrunbook: 1\n---\n# Fleet\n\n## Work\n\n**Hosts**: fleet\n\n```bash {{#work on=fleet batch=all undo=none}}\n{work}\n```\n"
    );
    fs::write(folder.join("r.md"), runbook).map_err(|error| error.to_string())?;
    fs::write(folder.join("work"), work).map_err(|error| error.to_string())?;
    let script = format!("PATH='{}':$PATH exec \"$@\"", folder.join("bin").display());
    let alone = format!("ssh h{HOSTS} bash -s <work");
    let all = format!("for number in {{1..{HOSTS}}}; do ssh h$number bash -s <work & done; wait");
    let tminus = place.tminus();
    let contenders: [Vec<&OsStr>; 3] = [
        vec![tminus.as_ref(), "run".as_ref(), "r.md".as_ref(), "--no-input".as_ref()],
        vec!["bash".as_ref(), "-c".as_ref(), alone.as_ref()],
        vec!["bash".as_ref(), "-c".as_ref(), all.as_ref()],
    ];
    let mut costs: [Vec<Cost>; 3] = Default::default();
    for turn in 0..=TURNS {
        for ((name, words), costs) in NAMES.iter().zip(&contenders).zip(&mut costs) {
            let arguments: Vec<&OsStr> =
                ["-c", &script, "sh"].map(OsStr::new).into_iter().chain(words.iter().copied()).collect();
            let cost = cost(folder, OsStr::new("sh"), &arguments)?;
            eprintln!("  {turn} {name}: wall {:.3} s, CPU {:.3} s", cost.wall, cost.cpu);
            let said = fs::read_to_string(folder.join("output.txt")).unwrap_or_default();
            let (did, wanted) = (said.matches("done on ").count(), if *name == NAMES[1] { 1 } else { HOSTS });
            // tminus shows the command as well.
            if did < wanted {
                return Err(format!("{name}: {did} hosts of {wanted} did their work"));
            }
            if turn > 0 {
                costs.push(cost);
            }
        }
    }
    Ok(costs)
}

fn show(section: &mut Section, seconds: u64, costs: &[Vec<Cost>; 3]) {
    for (name, own) in NAMES.iter().zip(costs) {
        let over =
            |other: usize| spread(own.iter().zip(&costs[other]).map(|(own, other)| own.wall / other.wall));
        let ratio = over(1);
        section.row(&[
            &format!("{name}, {seconds} s"),
            &spread(own.iter().map(|cost| cost.wall)).cell(1.0, 3),
            &spread(own.iter().map(|cost| cost.cpu)).cell(1.0, 3),
            &ratio.cell(1.0, 3),
        ]);
        if *name == NAMES[0] {
            let target = format!("wall, tminus over the slowest host, {seconds} s");
            section.at_most(&target, ratio.median, 1.3, "");
            // Where even plain `ssh` takes longer than that, what tminus adds is what can be judged.
            let target = format!("wall, tminus over `ssh` to all, {seconds} s");
            section.at_most(&target, over(2).median, 1.05, "");
        }
    }
}
