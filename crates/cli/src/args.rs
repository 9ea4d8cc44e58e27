//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Your release runbook, running.
#[derive(Debug, Parser)]
#[command(
    name = "tminus",
    version,
    about,
    max_term_width = 100,
    after_help = "Start here: `tminus demo`, or `tminus check RUNBOOK.md` on your own document.\nExit codes: 0 done · 1 findings · 2 usage · 3 rolled back · 4 declined or aborted · 5 waits for people · 6 stuck · 7 refused · 70 failed · 130 interrupted"
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Folder of the store [default: the nearest .tminus here or above].
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) state: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a first runbook and its tminus.toml.
    Init(Init),
    /// Find the faults of a runbook, all at once.
    Check(Check),
    /// Show what a release would do: each command, gate, person, timer and undo.
    Plan(PlanArgs),
    /// Go through the whole plan over a fake world; nothing is run.
    Rehearse(Rehearse),
    /// Start a release and drive it.
    Run(Run),
    /// Go on with a release where it was.
    Resume(Resume),
    /// Show where releases stand and what they wait for.
    Status(Status),
    /// Follow a release that another process drives.
    Watch(Which),
    /// Show what happened, line by line.
    Log(Log),
    /// Tick a checklist item.
    Tick(Tick),
    /// Say yes to an approval.
    Approve(Step),
    /// Say no to an approval; the release stops.
    Decline(StepReason),
    /// Answer a question, a failure or an unknown outcome.
    Answer(AnswerArgs),
    /// Hold a release: nothing new starts, rules stay armed.
    Hold(Reason),
    /// Let a held release go on.
    Continue(Noted),
    /// End a release where it stands, without undoing anything.
    Abort(Reason),
    /// Turn a release back: undo what was done, in reverse order.
    Rollback(Rollback),
    /// Let no new release start in an environment; those under way go on, or back.
    Freeze(FreezeArgs),
    /// Lift a freeze.
    Thaw(ThawArgs),
    /// Write the record of a release as files.
    Record(Record),
    /// Verify a record, offline, with nothing else.
    Verify(Verify),
    /// Write RUNBOOK.adopt.yaml: what each block of a verbatim document is to do.
    Adopt(Adopt),
    /// Show what to write into a verbatim document so that it runs unattended, as a patch.
    Suggest(Suggest),
    /// Explain a code of `tminus check`.
    Explain(Explain),
    /// Serve an editor over standard input and output (Language Server Protocol).
    Lsp(Lsp),
    /// Print a JSON schema for editors: control steps, front matter or tminus.toml.
    Schema(SchemaArgs),
    /// Two releases of a sample service, for real, in under a minute.
    Demo(Demo),
    /// Write completions for a shell.
    Completions(Completions),
}

/// The document and what it is compiled for.
#[derive(Args, Clone, Debug)]
pub(crate) struct Source {
    /// The runbook.
    #[arg(value_name = "RUNBOOK.md")]
    pub(crate) runbook: PathBuf,
    /// Run a verbatim document: each block is proposed and asked about.
    #[arg(long)]
    pub(crate) assisted: bool,
    /// The lane to take.
    #[arg(long, value_enum, default_value_t = LaneArg::Main)]
    pub(crate) lane: LaneArg,
    /// Bind an input or placeholder.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// What is released.
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// What to go back to.
    #[arg(long, value_name = "VERSION")]
    pub(crate) previous_version: Option<String>,
    /// Release to this environment only.
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Pick between options of the document.
    #[arg(long = "choose", value_name = "QUESTION=OPTION")]
    pub(crate) choices: Vec<String>,
    /// The place's settings [default: tminus.toml beside the runbook].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Lanes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LaneArg {
    /// The normal way.
    Main,
    /// For critical fixes.
    Hotfix,
    /// For incidents.
    Incident,
    /// The document's rollback section by itself.
    Rollback,
}

/// Output of `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: docs/check-json.md.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// A comment on a pull request.
    Markdown,
    /// Workflow commands: GitHub shows them beside the lines.
    Github,
}

/// From which severity on `check` ends with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// An error.
    Error,
    /// A warning or an error.
    Warning,
    /// Anything at all.
    Note,
    /// Nothing that is found.
    Never,
}

/// Which fixes `check --fix` offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FixLevel {
    /// Those after which a step does what was meant all along.
    Safe,
    /// Also those that change what a step does.
    Unsafe,
}

impl From<FixLevel> for tminus_runbook::patch::Level {
    fn from(level: FixLevel) -> Self {
        match level {
            FixLevel::Safe => Self::Safe,
            FixLevel::Unsafe => Self::Unsafe,
        }
    }
}

/// `init`
#[derive(Args, Debug)]
pub(crate) struct Init {
    /// Where to write it.
    #[arg(default_value = "release-runbook.md")]
    pub(crate) runbook: PathBuf,
}

/// `check`
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The runbooks.
    #[arg(required = true, value_name = "RUNBOOK.md")]
    pub(crate) runbooks: Vec<PathBuf>,
    /// How to show what is found.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// End with 1 from this severity on.
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "SEVERITY")]
    pub(crate) fail_on: FailOn,
    /// Leave out what is silenced: for readers of SARIF that do not know suppressions.
    #[arg(long)]
    pub(crate) without_silenced: bool,
    /// Ask the tools that the facts T8 are about for their version, and say whether each applies here.
    #[arg(long, conflicts_with = "fix")]
    pub(crate) installed: bool,
    /// Ask `bash -n` and shellcheck as well; shellcheck's findings keep their codes (SC…).
    #[arg(long, conflicts_with = "fix")]
    pub(crate) shellcheck: bool,
    /// Show the known fixes as a patch, and apply it on yes.
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "safe", value_name = "LEVEL", conflicts_with = "format")]
    pub(crate) fix: Option<FixLevel>,
    /// Apply the patch without asking.
    #[arg(long, requires = "fix")]
    pub(crate) yes: bool,
}

/// `plan`
#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) source: Source,
    /// As JSON: docs/plan-json.md.
    #[arg(long)]
    pub(crate) json: bool,
    /// Every line of long commands.
    #[arg(long)]
    pub(crate) full: bool,
}

/// `rehearse`
#[derive(Args, Debug)]
pub(crate) struct Rehearse {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Once for each step, with that step failing.
    #[arg(long)]
    pub(crate) fail_each: bool,
    /// Answers to questions [default: yes to everything, back on failure].
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `run`
#[derive(Args, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) driving: Driving,
    /// Show the plan and stop.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Wait in the queue while another release has an environment, or it is frozen.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Start although an environment is frozen; the reason is recorded.
    #[arg(long, value_name = "REASON")]
    pub(crate) despite_freeze: Option<String>,
    /// Release a version to where it was taken back.
    #[arg(long)]
    pub(crate) again: bool,
}

/// `freeze`
#[derive(Args, Debug)]
pub(crate) struct FreezeArgs {
    /// Which environment.
    pub(crate) environment: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    /// For how long (`4h`, `2 days`) [default: until `tminus thaw`].
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) span: Option<String>,
    /// Who says it [default: the operating system's user].
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) by: Option<String>,
}

/// `thaw`
#[derive(Args, Debug)]
pub(crate) struct ThawArgs {
    /// Which environment.
    pub(crate) environment: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    /// Who says it [default: the operating system's user].
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) by: Option<String>,
}

/// How a release is driven.
#[derive(Args, Clone, Debug)]
pub(crate) struct Driving {
    /// Written answers, for rehearsals and tests.
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,
    /// Leave when only people can go on, instead of waiting for them.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Do not ask at this terminal; others answer with `tminus approve` and so on.
    #[arg(long)]
    pub(crate) no_input: bool,
    /// One JSON event a line instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Who you are [default: the operating system's user].
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) by: Option<String>,
}

/// `resume`
#[derive(Args, Debug)]
pub(crate) struct Resume {
    /// The release [default: the newest that has not ended].
    pub(crate) release: Option<String>,
    #[command(flatten)]
    pub(crate) driving: Driving,
    /// Drive every release that has not ended, in this one process.
    #[arg(long, conflicts_with = "release")]
    pub(crate) all: bool,
}

/// `status`
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// A release, or an environment: who has it, who waits, what it was left with [default: all releases].
    pub(crate) release: Option<String>,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A release.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// The release: its id, a unique beginning or ending, or `last`.
    #[arg(default_value = "last")]
    pub(crate) release: String,
}

/// `log`
#[derive(Args, Debug)]
pub(crate) struct Log {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The exact lines of the log.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show the output of this step.
    #[arg(long, value_name = "STEP")]
    pub(crate) output: Option<String>,
}

/// Which release, who, in which role.
#[derive(Args, Clone, Debug)]
pub(crate) struct Speaker {
    /// The release [default: the newest that has not ended].
    #[arg(long = "release", short = 'r', value_name = "RELEASE")]
    pub(crate) release: Option<String>,
    /// Who you are [default: the operating system's user].
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// The role you speak in.
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
}

/// `tick`
#[derive(Args, Debug)]
pub(crate) struct Tick {
    /// The item's id or its ending.
    pub(crate) step: String,
    /// Proof or remark.
    #[arg(long)]
    pub(crate) note: Option<String>,
    /// Take the tick back, for this reason.
    #[arg(long, value_name = "REASON")]
    pub(crate) undo: Option<String>,
    /// Also tick the box in the document (exactly that byte).
    #[arg(long, value_name = "RUNBOOK.md")]
    pub(crate) write: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) speaker: Speaker,
}

/// A step and a remark.
#[derive(Args, Debug)]
pub(crate) struct Step {
    /// The step's id or its ending.
    pub(crate) step: String,
    /// A remark.
    #[arg(long)]
    pub(crate) note: Option<String>,
    #[command(flatten)]
    pub(crate) speaker: Speaker,
}

/// A step and a reason.
#[derive(Args, Debug)]
pub(crate) struct StepReason {
    /// The step's id or its ending.
    pub(crate) step: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) speaker: Speaker,
}

/// `answer`
#[derive(Args, Debug)]
pub(crate) struct AnswerArgs {
    /// The step's id or its ending.
    pub(crate) step: String,
    /// What you say.
    #[arg(value_enum)]
    pub(crate) say: SayArg,
    /// Why: needed for skip and stop; a remark for done.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) speaker: Speaker,
}

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SayArg {
    /// Run it.
    Run,
    /// It is done, by hand or as it turned out.
    Done,
    /// Leave it out; needs --reason.
    Skip,
    /// Run it again.
    Retry,
    /// No: the release stops; needs --reason.
    Stop,
}

/// A reason.
#[derive(Args, Debug)]
pub(crate) struct Reason {
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) speaker: Speaker,
}

/// A remark.
#[derive(Args, Debug)]
pub(crate) struct Noted {
    /// A remark.
    #[arg(long)]
    pub(crate) note: Option<String>,
    #[command(flatten)]
    pub(crate) speaker: Speaker,
}

/// `rollback`
#[derive(Args, Debug)]
pub(crate) struct Rollback {
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    /// Take back only this step, and end the release with that; may be given several times.
    #[arg(long, value_name = "STEP")]
    pub(crate) only: Vec<String>,
    /// Why what came after these steps, and stands, may stay; it is recorded.
    #[arg(long, value_name = "REASON", requires = "only")]
    pub(crate) despite_dependents: Option<String>,
    /// Only say it; another process drives the release.
    #[arg(long)]
    pub(crate) no_drive: bool,
    /// Leave when only people can go on, instead of waiting for them.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Show what would be undone, and stop.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) speaker: Speaker,
}

/// `record`
#[derive(Args, Debug)]
pub(crate) struct Record {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Folder to write into [default: record-RELEASE].
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Print record.json instead of writing files.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `verify`
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The record's folder, or an events.jsonl.
    pub(crate) record: PathBuf,
}

/// `adopt`
#[derive(Args, Debug)]
pub(crate) struct Adopt {
    /// The document.
    #[arg(value_name = "RUNBOOK.md")]
    pub(crate) runbook: PathBuf,
    /// Print it instead of writing the file.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `suggest`
#[derive(Args, Debug)]
pub(crate) struct Suggest {
    /// The document.
    #[arg(value_name = "RUNBOOK.md")]
    pub(crate) runbook: PathBuf,
    /// Only this phase: its number, or a part of its title.
    #[arg(long, value_name = "PHASE")]
    pub(crate) phase: Option<String>,
    /// Apply the patch without asking.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// `explain`
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The code, such as T201. Without it: the list.
    pub(crate) code: Option<String>,
}

/// `lsp`
#[derive(Args, Debug)]
pub(crate) struct Lsp {
    /// Taken because editors give it; there is no other way.
    #[arg(long, hide = true)]
    pub(crate) stdio: bool,
}

/// `schema`
#[derive(Args, Debug)]
pub(crate) struct SchemaArgs {
    /// What the schema is for.
    #[arg(value_enum)]
    pub(crate) of: SchemaOf,
}

/// What a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The body of a control step, by its class.
    Control,
    /// The front matter of a runbook.
    FrontMatter,
    /// tminus.toml.
    Settings,
}

impl From<SchemaOf> for tminus_runbook::schema::Schema {
    fn from(of: SchemaOf) -> Self {
        match of {
            SchemaOf::Control => Self::Control,
            SchemaOf::FrontMatter => Self::FrontMatter,
            SchemaOf::Settings => Self::Settings,
        }
    }
}

/// `demo`
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// You answer, instead of a script.
    #[arg(long)]
    pub(crate) interactive: bool,
    /// Keep everything in this folder [default: tminus-demo in the temporary folder].
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Serve as an instance of the sample service (used by the demo itself).
    #[arg(long, hide = true, value_name = "ADDRESS")]
    pub(crate) serve: Option<String>,
    /// Folder of the instance.
    #[arg(long, hide = true, value_name = "FOLDER")]
    pub(crate) instance: Option<PathBuf>,
}

/// `completions`
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// Which shell.
    pub(crate) shell: clap_complete::Shell,
}
