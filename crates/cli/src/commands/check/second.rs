//! Second opinions from programs of this machine: bash and shellcheck about the scripts of a
//! document, and installed tools about their own version.
//!
//! Nothing of a document is run. Scripts go to `bash -n` and shellcheck, which only read them;
//! tools are asked for their version under names that stand in tminus, never in the document. Each
//! has two seconds, so that a tool that waits for something takes nothing from the findings.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tminus_release::plan::Interpreter;
use tminus_runbook::check;
use tminus_runbook::diagnostic::{Diagnostic, Severity};
use tminus_runbook::lines::LineIndex;
use tminus_runbook::outline::{FenceClass, FenceUnit, Outline, UnitKind};

/// How long one program may take.
const LIMIT: Duration = Duration::from_secs(2);

/// More output than this is not read.
const OUTPUT_BYTES: u64 = 4 * 1024 * 1024;

/// What shellcheck cannot know about a block: variables come from the release and go on to later
/// blocks (SC2154, SC2034), files are not here (SC1091), a failed `cd` ends the block (SC2164).
const NOT_ASKED: &str = "SC1091,SC2034,SC2148,SC2154,SC2164";

/// Which opinions are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// `--installed`
    pub(super) installed: bool,
    /// `--shellcheck`
    pub(super) shellcheck: bool,
}

/// Adds what the programs say; the findings stay in document order.
pub(super) fn ask(wanted: Wanted, text: &str, outline: &Outline, found: &mut Vec<Diagnostic>) {
    if wanted.installed {
        versions(found);
    }
    if wanted.shellcheck {
        scripts(text, outline, found);
        found.sort_by(|a, b| (a.line, a.column, a.code).cmp(&(b.line, b.column, b.code)));
    }
}

/// Says beside each fact about a tool which version is installed, and whether the fact applies.
fn versions(found: &mut [Diagnostic]) {
    let mut known: HashMap<&str, Option<Vec<u64>>> = HashMap::new();
    for finding in found {
        let Some(fact) = check::tool_fact(finding) else { continue };
        let installed = known.entry(fact.program).or_insert_with(|| {
            // Helm is the one that has no `--version`.
            let arguments: &[&str] =
                if fact.program == "helm" { &["version", "--short"] } else { &["--version"] };
            version_in(&run(fact.program, arguments, "")?)
        });
        let Some(installed) = installed else {
            finding.message.push_str(&format!("; {} did not tell its version here", fact.program));
            continue;
        };
        let shown: Vec<String> = installed.iter().map(u64::to_string).collect();
        let shown = shown.join(".");
        if version_in(fact.since).is_some_and(|since| *installed < since) {
            finding.severity = Severity::Note;
            finding.message.push_str(&format!(
                "; {shown} is installed here, so this begins with the update to {}",
                fact.since
            ));
        } else {
            finding.message.push_str(&format!("; {shown} is installed here, so this applies"));
        }
    }
}

/// Returns the first thing in a text that looks like a version.
fn version_in(text: &str) -> Option<Vec<u64>> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let parts: Option<Vec<u64>> =
            word.trim_matches('.').split('.').map(|part| part.parse().ok()).collect();
        parts.filter(|parts| parts.len() >= 2)
    })
}

fn scripts(text: &str, outline: &Outline, found: &mut Vec<Diagnostic>) {
    let lines = LineIndex::new(text);
    for unit in &outline.units {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        let dialect = match fence.class {
            FenceClass::Shell(Interpreter::Bash) => "bash",
            FenceClass::Shell(Interpreter::Sh) => "sh",
            _ => continue,
        };
        let code = neutral(fence);
        let script = Script { fence, text, lines: &lines };
        let is_refused = found
            .iter()
            .any(|known| known.code == "T212" && (unit.line..=unit.end_line).contains(&known.line));
        if !is_refused && dialect == "bash" {
            found.extend(refused(&script, &code));
        }
        found.extend(shellcheck(&script, &code, dialect));
    }
}

/// A block and where it stands.
struct Script<'a> {
    fence: &'a FenceUnit,
    text: &'a str,
    lines: &'a LineIndex,
}

impl Script<'_> {
    /// Turns a line and a column of the block into those of the document.
    fn place(&self, line: u64, column: u64) -> (u32, u32) {
        let line = u32::try_from(line.max(1)).unwrap_or(1);
        let number = self.fence.body_line + line - 1;
        let body = self.fence.body.split('\n').nth(line as usize - 1).unwrap_or("").trim_end_matches('\r');
        let whole = self.lines.text_of(self.text, number);
        let indent = whole.chars().count().saturating_sub(body.chars().count());
        (number, u32::try_from(column.max(1) + indent as u64).unwrap_or(1))
    }
}

/// The block with a word of the same length for each place to fill in, so that lines and columns
/// stay where they are.
fn neutral(fence: &FenceUnit) -> String {
    let mut code = fence.body.clone();
    let places = fence.survey.as_ref().map_or(&[][..], |survey| &survey.placeholders);
    // From the end, because bytes in front of a place must stay where they are.
    for place in places.iter().rev() {
        if let Some(written) = code.get(place.start..place.end) {
            let word = "x".repeat(written.chars().count());
            code.replace_range(place.start..place.end, &word);
        }
    }
    code
}

/// T212, as bash itself tells it.
fn refused(script: &Script<'_>, code: &str) -> Option<Diagnostic> {
    let said = run("bash", &["-n", "/dev/stdin"], code)?;
    let (_, rest) = said.lines().next()?.split_once("line ")?;
    let (number, reason) = rest.split_once(": ")?;
    let at = script.place(number.parse().ok()?, 1);
    let message = format!("bash refuses this: {reason}");
    let help = "mend it; a block that is not meant to run can be marked `.example` or `text`";
    Some(Diagnostic::new("T212", Severity::Error, at, (at.0, at.1 + 1), message).with_help(help))
}

fn shellcheck(script: &Script<'_>, code: &str, dialect: &str) -> Vec<Diagnostic> {
    let shell = format!("--shell={dialect}");
    let exclude = format!("--exclude={NOT_ASKED}");
    let Some(said) = run("shellcheck", &["--norc", "--format=json1", &shell, &exclude, "-"], code) else {
        return Vec::new();
    };
    let Ok(said) = serde_json::from_str::<Value>(&said) else { return Vec::new() };
    let comments = said["comments"].as_array().map_or(&[][..], Vec::as_slice);
    comments.iter().filter_map(|comment| finding(script, comment)).collect()
}

fn finding(script: &Script<'_>, comment: &Value) -> Option<Diagnostic> {
    let number = |key: &str| comment[key].as_u64();
    let code = format!("SC{}", number("code")?);
    // What is an error of style elsewhere need not stop a release: nothing here is more than a warning.
    let severity = match comment["level"].as_str()? {
        "error" | "warning" => Severity::Warning,
        _ => Severity::Note,
    };
    let at = script.place(number("line")?, number("column")?);
    let end = script.place(number("endLine")?, number("endColumn")?);
    let message = comment["message"].as_str()?;
    let help = format!("https://www.shellcheck.net/wiki/{code}");
    Some(Diagnostic::new(interned(code), severity, at, end, message).with_help(help))
}

/// A code as findings hold it. shellcheck has some hundreds, and each is kept once.
fn interned(code: String) -> &'static str {
    static CODES: std::sync::Mutex<Vec<&'static str>> = std::sync::Mutex::new(Vec::new());
    let mut codes = CODES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = codes.iter().find(|known| **known == code) {
        return known;
    }
    let kept: &'static str = Box::leak(code.into_boxed_str());
    codes.push(kept);
    kept
}

/// Tells whether shellcheck can be asked.
pub(super) fn has_shellcheck() -> bool {
    run("shellcheck", &["--version"], "").is_some()
}

/// Runs a program and returns what it wrote, its errors behind its output; none when it is not
/// there or took too long.
fn run(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let (mut stdin, stdout, stderr) = (child.stdin.take()?, child.stdout.take()?, child.stderr.take()?);
    let (sender, receiver) = mpsc::sync_channel(1);
    let input = input.to_owned();
    // Threads of their own, because a program may write before it has read everything. They end
    // with the program, which is ended below at the latest.
    std::thread::spawn(move || {
        let _ = stdin.write_all(input.as_bytes());
    });
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stdout.take(OUTPUT_BYTES).read_to_end(&mut text);
        let _ = stderr.take(OUTPUT_BYTES).read_to_end(&mut text);
        let _ = sender.send(text);
    });
    let said = receiver.recv_timeout(LIMIT).ok();
    if said.is_none() {
        let _ = child.kill();
    }
    let _ = child.wait();
    said.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_tools_write_them() {
        let table: [(&str, Option<&[u64]>); 7] = [
            ("v3.14.2+gc309b6f", Some(&[3, 14, 2])),
            ("aws-cli/2.15.30 Python/3.11.8 Linux/6", Some(&[2, 15, 30])),
            ("Terraform v1.7.5\non linux_amd64", Some(&[1, 7, 5])),
            ("10.2.4\n", Some(&[10, 2, 4])),
            ("unknown flag: --version", None),
            ("2023-07", None),
            ("a service", None),
        ];
        for (text, expected) in table {
            assert_eq!(version_in(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_program_that_waits_is_ended() {
        assert_eq!(run("no-such-program", &[], ""), None);
        assert_eq!(run("bash", &["-c", "cat; echo e >&2"], "in\n").as_deref(), Some("in\ne\n"));
        let begun = std::time::Instant::now();
        assert_eq!(run("bash", &["-c", "exec tail -f /dev/null"], ""), None);
        assert!(begun.elapsed() < LIMIT * 5, "{:?}", begun.elapsed());
    }
}
