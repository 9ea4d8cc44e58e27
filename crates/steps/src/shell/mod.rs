//! Runs code in an interpreter: here, or on another machine by the user's own `ssh`.

pub(crate) mod attempt;
mod far;
mod prelude;
mod process;
mod snapshot;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tminus_release::plan::{Interpreter, Shell};
use tokio::process::Command;
use tokio::sync::{mpsc, watch};

use crate::invocation::{Invocation, invocation, is_name, quote};
use crate::output::Capture;
use crate::redact::Redactor;
use crate::secret::Secrets;
use crate::{Job, Recovered, Report, Verdict};
use attempt::{Attempt, Record, Scratch, Trace, outputs, outputs_path};
use prelude::Files;
use process::{Ended, Orphan, Running, Why, end_group_of, signal_of, start};

/// What all shell steps of a process share.
pub(crate) struct Shells {
    /// What steps inherit.
    environment: BTreeMap<String, String>,
    /// Where the prelude is kept.
    folder: PathBuf,
    files: OnceLock<Files>,
    /// Where bash was found, by the `PATH` and the folder it was looked for with.
    bash: Mutex<Option<(String, PathBuf, PathBuf)>>,
    /// True when the environment brings functions into every bash.
    functions: bool,
}

/// A job made ready: what to start, and what to compare with afterwards.
struct Ready {
    given: BTreeMap<String, String>,
    hidden: Vec<String>,
    secrets: Secrets,
    /// Knows the secrets in every form; made once for an attempt.
    redactor: Redactor,
    /// True when bash here writes down itself how it ended.
    tells: bool,
}

impl Shells {
    pub(crate) fn new(mut environment: BTreeMap<String, String>, folder: PathBuf) -> Shells {
        // `_` is of the program that started us; BASH_ENV and ENV would run before the step's code.
        let own = |name: &String| {
            name.starts_with("TMINUS_") || ["_", "BASH_ENV", "ENV", "OLDPWD"].contains(&name.as_str())
        };
        environment.retain(|name, _| !own(name));
        let functions = environment.keys().any(|name| name.starts_with("BASH_FUNC_"));
        Shells { environment, folder, files: OnceLock::new(), bash: Mutex::default(), functions }
    }

    pub(crate) async fn perform(
        &self,
        job: &Job,
        shell: &Shell,
        scratch: &Scratch,
        cancel: watch::Receiver<bool>,
        progress: mpsc::Sender<Vec<u8>>,
    ) -> Report {
        let (secrets, missing) = match self.secrets_to_begin(job, shell).await {
            Ok(found) => found,
            Err(why) => return Report::failed(why),
        };
        let ready = self.ready(job, shell, secrets);
        let (running, mut attempt) = match self.begin(job, shell, &ready, scratch) {
            Ok(begun) => begun,
            Err(why) => return Report::failed(ready.redactor.clone().text(&why)),
        };
        let mut capture = Capture::new(ready.redactor.clone(), job.output_limit_bytes, progress);
        for why in missing {
            capture.note(&format!("[{why}; the step does not name it, and goes back without it]"));
        }
        let ended =
            running.wait(Duration::from_millis(job.timeout.0), grace(shell), cancel, &mut capture).await;
        let record = if ready.tells { attempt.record() } else { None };
        // What could not even be killed may write into its slot at any time.
        if ended.status.is_some() {
            scratch.keep(attempt);
        }
        self.report(job, shell, &ready, ended, record, capture)
    }

    /// Finds out what came of an attempt, as far as its file and the processes tell.
    pub(crate) async fn recover(
        &self,
        job: &Job,
        shell: &Shell,
        scratch: &Scratch,
        cancel: watch::Receiver<bool>,
    ) -> Recovered {
        let (slot, record) = match scratch.trace(&job.scratch) {
            Ok(Trace::NotStarted) => return Recovered::NotStarted,
            Ok(Trace::Lost) if shell.is_far() => (PathBuf::new(), None),
            Ok(Trace::Lost) => {
                let why = "the machine was restarted, and what the step left on the disk is gone";
                return Recovered::Unknown(why.to_owned());
            }
            Ok(Trace::Began { slot, record }) => (slot, record),
            Err(error) => {
                let what = "what the attempt wrote down cannot be read";
                return Recovered::Unknown(format!("{what}: {}: {error}", job.scratch.display()));
            }
        };
        let resolved = self.secrets(job, shell).await;
        let withheld = resolved.as_ref().err().cloned();
        let ready = self.ready(job, shell, resolved.unwrap_or_default());
        // Without the secrets nothing could be cut out of the output, so none is kept.
        let limit = if withheld.is_some() { 0 } else { job.output_limit_bytes };
        let mut capture = Capture::new(ready.redactor.clone(), limit, mpsc::channel(1).0);
        capture.note("[… what was printed before tminus ended is not kept …]");
        let (mut why, outputs) = (Why::Itself, outputs_path(&job.scratch));
        if record.is_none()
            && let Some(orphan) = Orphan::find(&slot, &outputs)
        {
            let limit = Duration::from_millis(job.timeout.0);
            why = orphan.wait(limit, grace(shell), &cancel, &mut capture).await;
        }
        let leftovers = end_group_of(&outputs).await;
        // It may have written its record by now.
        let record = record.or_else(|| match scratch.trace(&job.scratch) {
            Ok(Trace::Began { record, .. }) => record,
            _ => None,
        });
        if shell.is_far() && record.is_none() {
            return self.ask_hosts(job, shell, &ready, cancel).await;
        }
        match record {
            Some(record) if ready.tells => {
                let status = exit_status(record.status);
                let ended = Ended { why, status: Some(status), forced: false, leftovers };
                let mut report = self.report(job, shell, &ready, ended, Some(record), capture);
                if let Some(carried) = &mut report.carried {
                    // This process's own environment may differ from the one that the step was
                    // given, and the difference may hold anything. Only what the code names is the
                    // step's doing for sure.
                    carried.set.retain(|name, _| shell.script.contains(name.as_str()));
                    carried.removed.retain(|name| shell.script.contains(name.as_str()));
                }
                if let Some(withheld) = withheld {
                    report.output = format!("the output is withheld: {withheld}\n").into_bytes();
                    report.carried = None;
                    report.outputs = BTreeMap::new();
                }
                match report.verdict {
                    Verdict::Unknown => Recovered::Unknown(report.detail),
                    _ => Recovered::Finished(report),
                }
            }
            None if why == Why::Cancelled => {
                let ended = Ended { why, status: Some(exit_status(143)), forced: false, leftovers };
                Recovered::Finished(self.report(job, shell, &ready, ended, None, capture))
            }
            _ => Recovered::Unknown(unknown(shell)),
        }
    }

    /// Resolves what an attempt is given. On the way back a vault that is away stops nothing that does
    /// not name what is in it; what has no value is told. The error is a sentence.
    async fn secrets_to_begin(&self, job: &Job, shell: &Shell) -> Result<(Secrets, Vec<String>), String> {
        if !job.is_way_back {
            return Ok((self.secrets(job, shell).await?, Vec::new()));
        }
        let is_needed =
            |name: &String| name == crate::database::ADDRESS || shell.script.contains(name.as_str());
        let (mut secrets, missing) =
            Secrets::resolve_needed(&job.secrets, &self.environment, is_needed).await?;
        if shell.database.is_some() {
            crate::database::add_password(&mut secrets)?;
        }
        Ok((secrets, missing))
    }

    async fn secrets(&self, job: &Job, shell: &Shell) -> Result<Secrets, String> {
        let mut secrets = Secrets::resolve(&job.secrets, &self.environment).await?;
        if shell.database.is_some() {
            crate::database::add_password(&mut secrets)?;
        }
        Ok(secrets)
    }

    /// Works out the environment, and what of it must not be in a snapshot.
    fn ready(&self, job: &Job, shell: &Shell, secrets: Secrets) -> Ready {
        let mut given = self.environment.clone();
        given.retain(|name, _| !job.removed.contains(name));
        // On another host they are exported there.
        if !shell.is_far() {
            given.extend(job.variables.clone());
        }
        if shell.database.is_some() {
            crate::database::give(&secrets, &mut given);
        }
        for (name, secret) in &secrets.0 {
            given.insert(name.clone(), secret.reveal().to_owned());
        }
        given.insert("RUN_OUT".to_owned(), outputs_path(&job.scratch).to_string_lossy().into_owned());
        given.insert("PWD".to_owned(), job.folder.to_string_lossy().into_owned());
        let redactor = Redactor::new(&secrets);
        let mut hidden = Vec::new();
        if !secrets.0.is_empty() {
            let holds = |(_, value): &(&String, &String)| redactor.finds_in(value);
            hidden = given.iter().filter(holds).map(|(name, _)| name.clone()).collect();
        }
        let tells = shell.interpreter == Interpreter::Bash || shell.is_far();
        Ready { given, hidden, secrets, redactor, tells }
    }

    /// Starts the process, so that what it may have done is on the disk before it can have done it.
    /// The error is a sentence.
    fn begin(
        &self,
        job: &Job,
        shell: &Shell,
        ready: &Ready,
        scratch: &Scratch,
    ) -> Result<(Running, Attempt), String> {
        let mut command = self.command(job, shell, ready, far::Mode::Run)?;
        let cannot =
            |error: io::Error| format!("the attempt {} cannot begin: {error}", job.scratch.display());
        let mut attempt = scratch.take(&job.scratch).map_err(cannot)?;
        command.env("TMINUS_SLOT", attempt.slot_path());
        if ready.tells {
            let files = self
                .files()
                .map_err(|error| format!("{} cannot be written: {error}", self.folder.display()))?;
            let code = if shell.is_far() { far::HERE } else { &shell.script };
            let (path, full) = files.bash_env(code, self.functions);
            command.env("BASH_ENV", path);
            if full && !ready.hidden.is_empty() {
                let hide = ready.hidden.iter().filter(|name| is_name(name));
                command.env("TMINUS_HIDE", hide.cloned().collect::<Vec<_>>().join(" "));
            }
        }
        attempt.claim().map_err(cannot)?;
        let running = start(command).map_err(|error| self.why_not_started(job, shell, ready, &error))?;
        Ok((running, attempt))
    }

    /// The program with its arguments and its environment.
    fn command(&self, job: &Job, shell: &Shell, ready: &Ready, mode: far::Mode) -> Result<Command, String> {
        let (program, arguments) = if shell.is_far() {
            let mut parts = BTreeMap::new();
            crate::database::give(&ready.secrets, &mut parts);
            let names = ready.secrets.0.keys().chain(parts.keys());
            let names: Vec<&str> = names.map(String::as_str).filter(|name| is_name(name)).collect();
            ("bash".to_owned(), far::arguments(job, shell, mode, &names))
        } else {
            let action = tminus_release::plan::Action::Shell(shell.clone());
            let Invocation::Process { program, arguments } = invocation(&action) else {
                unreachable!("a shell step is a process")
            };
            (program, arguments)
        };
        let path = ready.given.get("PATH").map_or("", String::as_str);
        if shell.is_far() && find("ssh", path, &job.folder).is_none() {
            return Err(not_found("ssh"));
        }
        let path = self.find(&program, path, &job.folder).ok_or_else(|| not_found(&program))?;
        let mut command = Command::new(path);
        command.args(arguments).current_dir(&job.folder).env_clear().envs(&ready.given);
        command.stdin(Stdio::null());
        Ok(command)
    }

    /// Asks the hosts what came of an attempt whose script here is gone, and ends it there when that is
    /// said. A look that was broken off tells nothing, so ending is another visit to each.
    async fn ask_hosts(
        &self,
        job: &Job,
        shell: &Shell,
        ready: &Ready,
        cancel: watch::Receiver<bool>,
    ) -> Recovered {
        let mut mode = if *cancel.borrow() { far::Mode::End } else { far::Mode::Look };
        let (mut ended, mut capture) = loop {
            let started = self.command(job, shell, ready, mode).and_then(|command| {
                start(command).map_err(|error| self.why_not_started(job, shell, ready, &error))
            });
            let running = match started {
                Ok(running) => running,
                Err(why) => return Recovered::Unknown(ready.redactor.clone().text(&why)),
            };
            let mut capture =
                Capture::new(ready.redactor.clone(), job.output_limit_bytes, mpsc::channel(1).0);
            let never = watch::channel(false).1;
            let heard = if mode == far::Mode::Look { cancel.clone() } else { never };
            let limit = Duration::from_millis(job.timeout.0);
            let ended = running.wait(limit, grace(shell), heard, &mut capture).await;
            if ended.why != Why::Cancelled {
                break (ended, capture);
            }
            mode = far::Mode::End;
        };
        if mode == far::Mode::End && ended.why == Why::Itself {
            ended.why = Why::Cancelled;
        }
        let judged = far::judge(shell, &job.scratch);
        if judged.never {
            return Recovered::NotStarted;
        }
        let report = self.far_report(job, shell, &ended, judged, &mut capture, ready);
        match report.verdict {
            Verdict::Unknown => Recovered::Unknown(report.detail),
            _ => Recovered::Finished(report),
        }
    }

    /// Makes a report of what the hosts said.
    fn far_report(
        &self,
        job: &Job,
        shell: &Shell,
        ended: &Ended,
        judged: far::Judged,
        capture: &mut Capture,
        ready: &Ready,
    ) -> Report {
        let (output, output_bytes) = capture.finish();
        let said = if shell.recipe.is_some() && judged.verdict == Verdict::Failed {
            error_line(&output)
        } else {
            None
        };
        // What was ended at its limit has failed, unless it is not even known that it was ended.
        let (verdict, began) = match (ended.why, judged.verdict) {
            (Why::Itself, verdict) => (verdict, None),
            (_, Verdict::Unknown) => (Verdict::Unknown, Some("its time was up, or it was cancelled")),
            (Why::TimeLimit, _) => (Verdict::TimedOut, Some("took longer than its limit and was ended")),
            (Why::Cancelled, _) => (Verdict::Cancelled, Some("was cancelled")),
        };
        let sentences = [began.map(str::to_owned), Some(judged.detail), said];
        let (outputs, bad) =
            if shell.hosts().len() == 1 { outputs(&job.scratch) } else { (BTreeMap::new(), None) };
        let (kept, left_out) = without_secrets(outputs, &ready.redactor);
        let sentences: Vec<String> = sentences.into_iter().flatten().chain(bad).chain(left_out).collect();
        Report {
            exit_code: judged.exit_code,
            output,
            output_bytes,
            leftovers: judged.leftovers,
            outputs: kept,
            ..Report::new(verdict, capture.redact(&sentences.join(": ")))
        }
    }

    /// Finds a program. Most steps are bash, and a `PATH` of ten folders takes as long to go through
    /// as the step's entry in the log takes to write.
    fn find(&self, program: &str, path: &str, folder: &Path) -> Option<PathBuf> {
        if program != "bash" {
            return find(program, path, folder);
        }
        let mut known = self.bash.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref() {
            Some((by, there, found)) if by == path && there == folder && may_run(found) => {
                Some(found.clone())
            }
            _ => {
                let found = find(program, path, folder)?;
                *known = Some((path.to_owned(), folder.to_owned(), found.clone()));
                Some(found)
            }
        }
    }

    fn files(&self) -> io::Result<&Files> {
        match self.files.get() {
            Some(files) => Ok(files),
            None => {
                let files = Files::write(&self.folder)?;
                Ok(self.files.get_or_init(|| files))
            }
        }
    }

    fn why_not_started(&self, job: &Job, shell: &Shell, ready: &Ready, error: &io::Error) -> String {
        if !job.folder.is_dir() {
            return format!(
                "the folder {} does not exist, so nothing was started there",
                job.folder.display()
            );
        }
        if error.kind() == io::ErrorKind::ArgumentListTooLong {
            let size = shell.script.len() + ready.given.values().map(String::len).sum::<usize>();
            return format!(
                "the code and its variables ({} KB) are longer than a command may be; put the code in a file and call that",
                size / 1024
            );
        }
        if shell.script.contains('\0') {
            return "the code contains a zero byte, which no command can".to_owned();
        }
        format!("it cannot be started: {error}")
    }

    /// Turns what happened into a report.
    fn report(
        &self,
        job: &Job,
        shell: &Shell,
        ready: &Ready,
        ended: Ended,
        record: Option<Record>,
        mut capture: Capture,
    ) -> Report {
        if shell.is_far() {
            let judged = far::judge(shell, &job.scratch);
            return self.far_report(job, shell, &ended, judged, &mut capture, ready);
        }
        let (output, output_bytes) = capture.finish();
        let code = ended.status.and_then(|status| status.code());
        let passed = code.is_some_and(|code| shell.ok.contains(&code));
        let verdict = match ended.why {
            Why::TimeLimit => Verdict::TimedOut,
            Why::Cancelled => Verdict::Cancelled,
            Why::Itself if passed => Verdict::Passed,
            Why::Itself => Verdict::Failed,
        };
        // Recipes and the tools that they call say in one line what is wrong; the line of the script
        // would mean nothing to anybody.
        let said = if shell.recipe.is_some() { error_line(&output) } else { None };
        let mut sentences = vec![match (verdict, said) {
            (Verdict::Failed, Some(said)) => format!("exited with {}: {said}", code.unwrap_or(-1)),
            _ => how(job, shell, &ended, record.as_ref()),
        }];
        if ended.leftovers > 0 {
            let (what, were) = if ended.leftovers == 1 { ("process", "was") } else { ("processes", "were") };
            sentences.push(format!("{} {what} that it left running {were} ended", ended.leftovers));
        }
        let mut report = Report {
            exit_code: code,
            output,
            output_bytes,
            leftovers: ended.leftovers,
            ..Report::new(verdict, "")
        };
        let (outputs, bad) = outputs(&job.scratch);
        sentences.extend(bad);
        let (kept, left_out) = without_secrets(outputs, &ready.redactor);
        report.outputs = kept;
        sentences.extend(left_out);
        if verdict == Verdict::Passed
            && let Some(record) = record
        {
            let hidden: Vec<&str> = ready.hidden.iter().map(String::as_str).collect();
            let difference = snapshot::difference(&record, &job.folder, &hidden, ready);
            report.carried = difference.carried;
            for name in difference.dropped {
                sentences.push(format!(
                    "{name} was not carried on because it holds a secret or bytes that are no text"
                ));
            }
        }
        report.detail = capture.redact(&sentences.join("; "));
        report
    }
}

/// Leaves out the outputs that hold a secret in any form. Returns the others, and a sentence for each
/// that is left out.
fn without_secrets(
    outputs: BTreeMap<String, String>,
    redactor: &Redactor,
) -> (BTreeMap<String, String>, Vec<String>) {
    let (secret, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
        outputs.into_iter().partition(|(_, value)| redactor.finds_in(value));
    let told = secret.into_keys().map(|name| format!("{name} was not kept because it contains a secret"));
    (kept, told.collect())
}

/// What a recipe says last of itself, or else the first line that names an error: what it shows
/// before its own words may be other people's lines, with errors of theirs.
fn error_line(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let own = text.lines().rfind(|line| line.starts_with("error: "));
    let names = |line: &&str| {
        ["ERROR:", "FATAL:", "error:", "Error response from daemon:", "Error: ", "Error from server"]
            .iter()
            .any(|word| line.contains(word))
    };
    let words = own.or_else(|| text.lines().find(names))?.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = words.strip_prefix("error: ").unwrap_or(&words);
    Some(words.chars().take(300).collect())
}

/// One sentence about how the process ended.
fn how(job: &Job, shell: &Shell, ended: &Ended, record: Option<&Record>) -> String {
    let force = match (ended.status, ended.forced) {
        (None, _) => ", and could not even be killed",
        (_, true) => ", by force because it ignored SIGTERM",
        _ => "",
    };
    match ended.why {
        Why::TimeLimit => format!("took longer than its limit of {} and was ended{force}", job.timeout),
        Why::Cancelled => format!("was cancelled{force}"),
        Why::Itself => {
            let Some(status) = ended.status else { return "ended, and its status cannot be read".to_owned() };
            if let Some(signal) = signal_of(status) {
                return format!("was ended by {signal}");
            }
            let code = status.code().unwrap_or(-1);
            if shell.ok.contains(&code) {
                return format!("exited with {code}");
            }
            // The note is of the last command that failed; another failure may have been handled.
            match record.and_then(|record| record.failed.as_ref()) {
                Some((noted, line, command)) if *noted == code => {
                    let shown = failed_line(shell, *line, command);
                    format!("exited with {code} at line {line}: `{shown}`{}", cause(code))
                }
                _ => format!("exited with {code}{}", cause(code)),
            }
        }
    }
}

/// What an exit code says beyond its number: a shell's code for a child that a signal ended is 128 and
/// the signal.
fn cause(code: i32) -> &'static str {
    match code {
        137 => " (SIGKILL: often because memory ran out)",
        // It fails some nights and not others, by how much was written, and nothing is printed.
        141 => " (SIGPIPE: what it wrote to had ended before, as `head` and `grep -q` do)",
        _ => "",
    }
}

/// What to show of the failure. Bash names the last command of a pipeline, which is seldom the one
/// to look at; so of a pipeline the line as written is shown, unless the number is of another file.
fn failed_line<'a>(shell: &'a Shell, line: u32, command: &'a str) -> &'a str {
    let command = command.lines().next().unwrap_or_default();
    let written = shell.script.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default().trim();
    let word = command.split_whitespace().next().unwrap_or_default();
    let is_pipeline = written.contains(" | ") && written.contains(word) && written.len() <= 200;
    if is_pipeline { written } else { command }
}

fn unknown(shell: &Shell) -> String {
    match shell.interpreter {
        Interpreter::Bash => {
            "it was killed before it could write down how it ended, or before it began".to_owned()
        }
        _ => "it ended while tminus was away, and how was not seen".to_owned(),
    }
}

/// Time between the request to end and the force. Other hosts have to be told first.
fn grace(shell: &Shell) -> Duration {
    Duration::from_secs(if shell.is_far() { 40 } else { 5 })
}

/// Builds a status from an exit code, as a process that ended by itself has it.
fn exit_status(code: i32) -> ExitStatus {
    use std::os::unix::process::ExitStatusExt as _;
    ExitStatus::from_raw((code & 0xFF) << 8)
}

/// Looks a program up as a shell would. Done here and not by the system, because with a full path
/// the standard library starts it without copying our whole address space.
fn find(program: &str, path: &str, folder: &Path) -> Option<PathBuf> {
    path.split(':').map(|place| folder.join(place).join(program)).find(|candidate| is_program(candidate))
}

fn is_program(path: &Path) -> bool {
    path.is_file() && may_run(path)
}

fn may_run(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

fn not_found(program: &str) -> String {
    let hint = match program {
        "python3" => "install Python 3",
        "node" => "install Node.js",
        "pwsh" => "install PowerShell",
        "ssh" => "install an SSH client",
        _ => "install it",
    };
    format!("{} is not in the PATH; {hint}, or change the PATH that tminus is started with", quote(program))
}
