//! Steps on other hosts: by the user's own ssh, in batches, with an end that is known even when the
//! connection is lost in the middle.
//!
//! Two scripts speak with each other. The one here is a step like any other, so it outlives tminus
//! and writes down how it ended; the one there starts the command apart from the connection and keeps
//! its status beside it. This file makes the first one's arguments and reads what each host said. It
//! never concludes anything from silence: a host that does not answer makes the outcome unknown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tminus_release::plan::{Interpreter, Shell};
use tminus_release::time::Span;

use super::attempt::outputs_path;
use crate::invocation::{interpreter, is_name, own_name, quote};
use crate::{Job, Verdict};

/// What runs here.
pub(super) const HERE: &str = include_str!("far/here.bash");

/// What runs on the other host, below its head.
const THERE: &str = include_str!("far/there.bash");

/// How long a host may be out of reach before the outcome is unknown. A step with a short limit has
/// less: half of its time, so that there is some left to say so.
const PATIENCE: Span = Span::minutes(2);

/// Bytes of output that are kept on the host; what comes after is thrown away there.
const LIMIT_BYTES: u64 = 64 << 20;

/// Whether to begin, only to find out what came of it, or to end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Run,
    Look,
    End,
}

/// Makes the arguments of bash. `names` are the variables that go by standard input.
pub(super) fn arguments(job: &Job, shell: &Shell, mode: Mode, names: &[&str]) -> Vec<String> {
    let hosts = shell.hosts();
    let (batch, failures) = match (mode, &shell.group) {
        (Mode::Run, Some(group)) => (group.batch.max(1) as usize, group.failures),
        // Looking has no effect that could be too much at once.
        _ => (hosts.len(), 0),
    };
    let patience = PATIENCE.0.min(job.timeout.0 / 2).div_ceil(1000).max(1);
    let passing: Vec<String> = shell.ok.iter().map(i32::to_string).collect();
    let (_, flags) = interpreter(Interpreter::Bash);
    let mut arguments: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
    arguments.extend([HERE.to_owned(), "tminus".to_owned(), there(job, shell), key(job)]);
    let mode = match mode {
        Mode::Run => "run",
        Mode::Look => "look",
        Mode::End => "end",
    };
    arguments.push(mode.to_owned());
    arguments.extend([batch.to_string(), failures.to_string(), patience.to_string()]);
    arguments.extend([passing.join(" "), names.join(" ")]);
    arguments.extend(hosts.iter().map(|&host| host.to_owned()));
    arguments
}

/// The command for the far side, but for its own arguments. Its code is an argument and not standard
/// input: a command in it that reads would eat the rest.
fn there(job: &Job, shell: &Shell) -> String {
    let mut enter = String::new();
    for (name, value) in job.variables.iter().filter(|(name, _)| is_name(name)) {
        enter.push_str(&format!("export {name}={}\n", quote(value)));
    }
    // Secrets come later and win, as they do here.
    enter.push_str("if ((${#pairs[@]})); then export \"${pairs[@]}\"; fi\n");
    if let Some(folder) = &shell.folder {
        enter.push_str(&format!("cd -- {} || exit\n", far_folder(folder)));
    }
    let (program, flags) = interpreter(shell.interpreter);
    let words = [program].into_iter().chain(flags.iter().copied()).chain([shell.script.as_str()]);
    let words: Vec<String> = words.chain(own_name(shell.interpreter)).map(quote).collect();
    // A step that changes something is not done again where an earlier attempt did it.
    let once = if shell.group.as_ref().is_some_and(|group| group.once) { "yes" } else { "no" };
    let script = format!(
        "limit={LIMIT_BYTES} once={once}\n__tminus_enter() {{\n{enter}}}\n__tminus_run=({})\n{THERE}",
        words.join(" ")
    );
    format!("bash --noprofile --norc -c {} tminus", quote(&script))
}

/// `~` means the home of the user there.
fn far_folder(folder: &str) -> String {
    match folder.strip_prefix('~') {
        Some("") => "~".to_owned(),
        Some(rest) if rest.starts_with('/') => format!("~/{}", quote(rest.trim_start_matches('/'))),
        _ => quote(folder),
    }
}

/// Names the attempt on the host: release, step and purpose, number.
fn key(job: &Job) -> String {
    let clean = |text: &str| -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
        let name: String = text.chars().map(|c| if plain(c) { c } else { '_' }).collect();
        if name == text && name.len() <= 100 {
            return name;
        }
        let hash = tminus_release::audit::line_hash(text);
        format!("{}-{}", name.chars().take(60).collect::<String>(), &hash[..16])
    };
    format!("{}/{}.{}/{}", clean(&job.release.0), clean(&job.step), job.purpose, job.attempt)
}

/// What a host said at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// It ended with this status, maybe leaving processes that were ended.
    Ended { status: i32, left: bool },
    /// An earlier attempt had passed there; it was left as it is.
    Before,
    /// It was not begun there, and cannot be any more.
    Never,
    /// It could not be begun there; why.
    NotBegun(String),
    /// Nobody knows; why.
    Unknown(String),
    /// Its turn did not come.
    NoTurn,
}

/// Where the script here keeps what the hosts said.
fn folder(stem: &Path) -> PathBuf {
    let mut name = outputs_path(stem).into_os_string();
    name.push(".hosts");
    PathBuf::from(name)
}

fn one(folder: &Path, at: usize) -> Said {
    let read = |end: &str| std::fs::read_to_string(folder.join(format!("{at}.{end}")));
    let Ok(result) = read("result") else {
        // Begun, and the script was ended before it heard more; or not begun at all.
        let begun = read("out").is_ok();
        return if begun { Said::Unknown("it was cut off".to_owned()) } else { Said::NoTurn };
    };
    let (word, rest) = result.trim().split_once(' ').unwrap_or((result.trim(), ""));
    match word {
        "end" => match rest.split(' ').next().and_then(|status| status.parse().ok()) {
            Some(status) => Said::Ended { status, left: rest.ends_with("left") },
            None => Said::Unknown("its status cannot be read".to_owned()),
        },
        "before" => Said::Before,
        "never" => Said::Never,
        "cannot" => Said::NotBegun(rest.to_owned()),
        "unreached" if rest.is_empty() => Said::NotBegun("ssh ended without a word".to_owned()),
        "unreached" => Said::NotBegun(rest.to_owned()),
        "lost" if rest.is_empty() => {
            Said::Unknown("the connection was lost, and it does not answer".to_owned())
        }
        "lost" => Said::Unknown(format!("the connection was lost, and it does not answer: {rest}")),
        _ => Said::Unknown(rest.to_owned()),
    }
}

/// Everything that the hosts' words amount to.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// Of the only host, when it ended.
    pub(super) exit_code: Option<i32>,
    pub(super) detail: String,
    /// Nothing was begun anywhere.
    pub(super) never: bool,
    pub(super) leftovers: u32,
}

/// Reads what the hosts of an attempt said, and makes one outcome of it.
pub(super) fn judge(shell: &Shell, stem: &Path) -> Judged {
    let (hosts, folder) = (shell.hosts(), folder(stem));
    let said: Vec<Said> = (0..hosts.len()).map(|at| one(&folder, at)).collect();
    let passes = |said: &Said| match said {
        Said::Ended { status, .. } => shell.ok.contains(status),
        Said::Before => true,
        _ => false,
    };
    let failures = said.iter().filter(|said| !passes(said)).count();
    let allowed = shell.group.as_ref().map_or(0, |group| group.failures) as usize;
    let unknown = said.iter().any(|said| matches!(said, Said::Unknown(_)));
    // One that had no turn shows that it was stopped before, for more failures than are allowed.
    let stopped = said.contains(&Said::NoTurn);
    let verdict = match () {
        () if unknown => Verdict::Unknown,
        () if failures > allowed || stopped => Verdict::Failed,
        () => Verdict::Passed,
    };
    let exit_code = match said.as_slice() {
        [Said::Ended { status, .. }] => Some(*status),
        _ => None,
    };
    let left = said.iter().filter(|said| matches!(said, Said::Ended { left: true, .. })).count();
    Judged {
        verdict,
        exit_code,
        detail: sentence(&hosts, &said, allowed),
        never: said.iter().all(|said| *said == Said::Never),
        leftovers: u32::try_from(left).unwrap_or(u32::MAX),
    }
}

/// Groups the hosts by what came of it there, what needs a person first.
fn sentence(hosts: &[&str], said: &[Said], allowed: usize) -> String {
    let mut groups: BTreeMap<(u8, String), Vec<&str>> = BTreeMap::new();
    let none_began = said.iter().all(|said| *said == Said::NoTurn);
    for (host, said) in hosts.iter().zip(said) {
        let words = match said {
            Said::Unknown(why) => (0, format!("unknown ({why})")),
            Said::NotBegun(why) => (1, format!("could not be begun: {why}")),
            Said::Ended { status, .. } if *status != 0 => {
                (2, format!("exited with {status}{}", super::cause(*status)))
            }
            Said::Never => (3, "not begun".to_owned()),
            Said::Ended { status, .. } => (4, format!("exited with {status}")),
            Said::Before => (5, "had passed before".to_owned()),
            // Nobody else failed when none had its turn: the script here ended first, and says why.
            Said::NoTurn if none_began => {
                (6, "not begun: the step failed here before it spoke with any host".to_owned())
            }
            Said::NoTurn => (6, "not begun, because of the others".to_owned()),
        };
        groups.entry(words).or_default().push(host);
    }
    if let ([host], Some(((rank, words), _))) = (hosts, groups.first_key_value()) {
        return if matches!(rank, 2 | 4) { words.clone() } else { format!("{host}: {words}") };
    }
    let mut parts: Vec<String> =
        groups.iter().map(|((_, words), hosts)| format!("{} {words}", names(hosts))).collect();
    if allowed > 0 {
        parts.push(format!("{allowed} may fail"));
    }
    parts.join("; ")
}

/// Names a few hosts, and counts the rest.
fn names(hosts: &[&str]) -> String {
    const SHOWN: usize = 5;
    let first = hosts.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match hosts.len() {
        0..=SHOWN => first,
        count => format!("{first} and {} more", count - SHOWN),
    }
}
