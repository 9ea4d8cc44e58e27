//! A step on fifty hosts at once, by ssh, against the slowest of them.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;

use super::Place;
use super::compose::{Yard, spare_ports};
use super::measure::{Cost, RUNS, cost, spread};
use super::page::Section;

const HOSTS: usize = 50;

/// What each host does: a tenth of a second longer than the one before it, so 10 s for the last one.
const WORK: &str = "number=${HOME##*/h}\nsleep \"$(printf '%d.%d' $((5 + number / 10)) $((number % 10)))\"\necho \"done on $number\"";

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
    let runbook = format!(
        "---\nrunbook: 1\n---\n# Fleet\n\n## Work\n\n**Hosts**: fleet\n\n```bash {{#work on=fleet batch=all undo=none}}\n{WORK}\n```\n"
    );
    fs::write(folder.join("tminus.toml"), settings).map_err(|error| error.to_string())?;
    fs::write(folder.join("r.md"), runbook).map_err(|error| error.to_string())?;
    fs::write(folder.join("work"), WORK).map_err(|error| error.to_string())?;

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
    for turn in 0..=RUNS {
        for ((name, words), costs) in NAMES.iter().zip(&contenders).zip(&mut costs) {
            let arguments: Vec<&OsStr> =
                ["-c", &script, "sh"].map(OsStr::new).into_iter().chain(words.iter().copied()).collect();
            let cost = cost(&folder, OsStr::new("sh"), &arguments)?;
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
    Ok(section(&costs))
}

fn section(costs: &[Vec<Cost>; 3]) -> Section {
    let what = format!(
        "{HOSTS} hosts, each an sshd on this machine, each with something to do that takes from 5.1 to 10 s. Everything \
         that both sides of all connections compute is computed here: on machines of their own the hosts would do their \
         part themselves."
    );
    let columns = ["", "wall s", "CPU s", "wall over the slowest host"];
    let mut section = Section::new("Fifty hosts in one batch", &what, "cargo xtask bench hosts", &columns);
    for (name, own) in NAMES.iter().zip(costs) {
        let ratio = spread(own.iter().zip(&costs[1]).map(|(own, slowest)| own.wall / slowest.wall));
        section.row(&[
            name,
            &spread(own.iter().map(|cost| cost.wall)).cell(1.0, 3),
            &spread(own.iter().map(|cost| cost.cpu)).cell(1.0, 3),
            &ratio.cell(1.0, 3),
        ]);
        if *name == NAMES[0] {
            section.at_most("wall, tminus over the slowest host", ratio.median, 1.3, "");
        }
    }
    section
}
