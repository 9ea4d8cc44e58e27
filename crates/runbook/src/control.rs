//! Control steps: a `yaml` fence whose class says what it is.

mod database;
mod deploy;
mod files;
mod flag;
mod gate;
mod image;
mod kubernetes;
mod site;
mod tag;
mod vendor;
mod workflow;

pub use files::Transfer;
pub use flag::{Flag, Provider};
pub use gate::{EnvKeys, Gate};
pub use image::Image;
pub use site::{Bucket, Serve, Site};
pub use tag::Tag;
pub use vendor::Vendor;
pub use workflow::{Dispatch, Forge, Workflow};

use std::collections::BTreeMap;
use std::ops::Range;

use tminus_release::plan::OnFailure;
use tminus_release::time::Span;

use crate::data::{Fault, Keys, Node, Value, parse_yaml};
use crate::front_matter::on_failure_word;
use crate::names;
use crate::rules::{ParsedRule, parse_duration, parse_rule};

/// A control step as written, inputs not yet bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// The one environment that it is for.
    pub only: Option<String>,
    /// What it is.
    pub body: Body,
}

/// What a control step is.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A recorded yes of several people.
    Approval {
        /// The question.
        ask: String,
        /// Role to number of people.
        quorum: BTreeMap<String, u32>,
        /// An answer is asked for again after this time.
        expires: Option<Span>,
        /// False unless the author lets whoever started the release say yes as well.
        starter_may_approve: bool,
    },
    /// A timed wait, or rules that are armed for a time.
    Timed {
        /// How long, by environment or release type.
        durations: Durations,
        /// Rules that must hold meanwhile.
        rules: WatchedRules,
        /// What a breach leads to.
        on_breach: Option<OnFailure>,
    },
    /// One of several ways.
    Choice {
        /// The question.
        ask: String,
        /// The answers.
        options: Vec<String>,
    },
    /// A copy of a database, checked.
    Backup(Backup),
    /// A database that is put back to a backup.
    Restore(Restore),
    /// Files of SQL that change a database, each once.
    Migrate(Migrate),
    /// Services of a compose file that move to another version.
    Deploy(Deploy),
    /// Workloads of a Kubernetes cluster that move to another version.
    Kubernetes(Kubernetes),
    /// A Job of a Kubernetes cluster, run once.
    Job(Job),
    /// A feature flag that changes.
    Flag(Flag),
    /// A static site that is published.
    Site(Site),
    /// A run of a workflow elsewhere, followed to its end.
    Workflow(Workflow),
    /// An annotated tag, pushed.
    Tag(Tag),
    /// A container image that is built and pushed.
    Image(Image),
    /// A static site that is published in a bucket.
    Bucket(Bucket),
    /// What a vendor's own program puts live.
    Vendor(Vendor),
    /// A file that hosts get.
    Send(Transfer),
    /// A file that hosts give.
    Fetch(Transfer),
    /// Conditions that are looked at.
    Gate(Gate),
    /// A kind that this version recognises and cannot run.
    Unavailable,
}

/// A copy of a database, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The database's name.
    pub db: String,
    /// The folder, or `s3://BUCKET/PREFIX`, that keeps copies.
    pub to: String,
    /// Whether the copy is restored into a scratch database, and not only read.
    pub restore: bool,
    /// How many copies stay; None: all.
    pub keep: Option<u32>,
    /// The secret with the key of age that encrypts it.
    pub encrypt: Option<String>,
}

/// A database that is put back to a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// The database's name.
    pub db: String,
    /// The backup, inputs not yet bound; None: that of this release.
    pub file: Option<String>,
    /// The secret with the key of age that the file was encrypted with.
    pub encrypt: Option<String>,
    /// Who has to say yes: role to number of people.
    pub quorum: BTreeMap<String, u32>,
    /// An answer is asked for again after this time.
    pub expires: Option<Span>,
    /// Whether whoever started the release may say yes as well.
    pub starter_may_approve: bool,
}

/// What changes a database, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrate {
    /// The database's name.
    pub db: String,
    /// Which files, such as `db/*.up.sql`.
    pub apply: String,
    /// The team's own tool that applies them; None: tminus, as SQL.
    pub tool: Option<Tool>,
    /// Questions whose answers it must not change, or only so.
    pub integrity: Vec<Integrity>,
    /// What takes them back.
    pub undo: MigrateUndo,
    /// PostgreSQL's `lock_timeout`.
    pub lock_timeout: Span,
    /// PostgreSQL's `statement_timeout`; 0: none.
    pub statement_timeout: Span,
    /// The environment in whose database the files are tried first, and taken back.
    pub dry_run_on: Option<String>,
    /// Files up to this name were applied before there was a ledger.
    pub baseline: Option<String>,
    /// Whether a file may come late that sorts before applied ones.
    pub out_of_order: bool,
}

/// A team's own tool that changes a database, and where it says what it applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// `prisma`, `supabase` or `command`.
    pub name: &'static str,
    /// The command.
    pub run: String,
    /// A query that names what is applied, one a row; empty where the tool's table is known.
    pub history: String,
}

/// A question to a database, before and after it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integrity {
    /// What it is about.
    pub name: String,
    /// The question.
    pub query: String,
    /// `same`, `grows`, `shrinks`, or the answer that it must have.
    pub rule: String,
}

/// Services of a compose file that move to another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deploy {
    /// In the order in which they move.
    pub services: Vec<String>,
    /// The compose files; none: what compose looks for itself.
    pub files: Vec<String>,
    /// The file of variables that `set` changes.
    pub env_file: Option<String>,
    /// Variables of the file and their new values, inputs not yet bound.
    pub set: BTreeMap<String, String>,
    /// How long one service may take to become healthy.
    pub within: Span,
    /// Where the compose file is; none: beside the runbook.
    pub folder: Option<String>,
    /// The name of the compose project.
    pub project: Option<String>,
    /// What says whether it serves what it should.
    pub healthy: Option<Healthy>,
    /// A command that takes `$SERVICE` out of the traffic and waits until its last request has ended.
    pub drain: Option<String>,
    /// A command that gives `$SERVICE` its traffic again.
    pub admit: Option<String>,
    /// Two projects that take turns; None: the services of one are replaced where they are.
    pub turns: Option<Turns>,
}

/// What says whether services of compose serve what they should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Healthy {
    /// The id of a check below.
    Check(String),
    /// Of services the address that must answer, on the machine where they run, before anything else moves:
    /// `http://127.0.0.1:8080/health`, or `:8080/health` for a port of the container. Inputs are not yet bound.
    Addresses(BTreeMap<String, String>),
}

/// Two compose projects that take turns behind a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turns {
    /// Their names.
    pub pair: [String; 2],
    /// A command that prints the name of the one that has the traffic.
    pub serving: String,
    /// A command that sends the traffic to `$PROJECT`.
    pub switch: String,
}

/// Workloads of a Kubernetes cluster that move to another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    /// Manifests: files, folders, or folders with a kustomization. None: only images are set.
    pub apply: Vec<String>,
    /// `deployment/web` and the like, in the order in which they move.
    pub services: Vec<String>,
    /// New images, inputs not yet bound.
    pub images: Vec<ContainerImage>,
    /// How long one workload may take to be rolled out.
    pub within: Span,
    /// The check below that says whether it serves what it should.
    pub healthy: Option<String>,
    /// Two Deployments that take turns; None: the workloads are replaced pod by pod.
    pub blue_green: Option<BlueGreen>,
}

/// The image that a container is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerImage {
    /// `deployment/web`. Empty where there is only one that can be meant.
    pub workload: String,
    /// The container's name.
    pub container: String,
    /// The image, inputs not yet bound.
    pub image: String,
}

/// Two Deployments that take turns behind a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlueGreen {
    /// The Service whose selector is switched.
    pub service: String,
    /// Their names.
    pub pair: [String; 2],
}

/// A Job of a Kubernetes cluster, run once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The manifest.
    pub file: String,
    /// New images of its containers, inputs not yet bound.
    pub images: Vec<ContainerImage>,
    /// How long it may take.
    pub within: Span,
}

/// What takes migrations back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrateUndo {
    /// The document does not say.
    Unstated,
    /// Files that pair with those of `apply`, such as `db/*.down.sql`.
    Files(String),
    /// `undo: restore`: the database is put back to the backup of this release.
    Restore,
    /// `undo: keep`: the version before works with the new schema, which stays.
    Keep,
    /// `undo: none`: a point of no return.
    Impossible,
}

/// How long something takes, by environment or release type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// Where nothing else holds.
    pub default: Option<Span>,
    /// By the name of an environment or a release type.
    pub by_name: Vec<(String, Span)>,
}

/// Rules that must hold during a soak or watch.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchedRules {
    /// None are named: the wait is only a wait.
    None,
    /// `while: slo`: those of the document.
    Slo,
    /// Written out, with their text.
    Own(Vec<(String, ParsedRule)>),
}

impl Durations {
    /// Returns the duration for an environment or, failing that, one of the release types.
    pub fn pick<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Option<Span> {
        let by_name = names.into_iter().find_map(|name| {
            self.by_name
                .iter()
                .find(|(known, _)| crate::attributes::is_environment(known, name))
                .map(|(_, span)| *span)
        });
        by_name.or(self.default)
    }
}

/// Classes whose fences have a body of keys.
pub const CONTROL_KINDS: [&str; 21] = [
    "approval", "soak", "watch", "choice", "backup", "restore", "migrate", "deploy", "job", "workflow",
    "tag", "image", "send", "fetch", "rollout", "flag", "gate", "attest", "handoff", "report", "incident",
];

/// Keys of the kinds that this version recognises and cannot run.
pub(crate) fn unavailable_keys(kind: &str) -> &'static [&'static str] {
    match kind {
        "rollout" => &["shift", "steps", "waves", "hold", "compare", "rules", "on_breach"],
        "gate" => &["evidence", "format", "require", "github", "window"],
        _ => &[],
    }
}

/// Reads the body of a control step. `place` is where a fault about the whole of it is shown, and
/// `base` the byte offset of the body, or None when the body's indentation was removed.
pub fn parse(
    kind: &str,
    body: &str,
    place: Range<usize>,
    base: Option<usize>,
) -> (Option<Control>, Vec<Fault>) {
    let mut faults = Vec::new();
    let value = match parse_yaml(body, base.unwrap_or(0)) {
        Ok(value) => value,
        Err(fault) => return (None, vec![placed(fault, &place, base)]),
    };
    let control = read(kind, &value, &mut faults);
    let faults = faults.into_iter().map(|fault| placed(fault, &place, base)).collect();
    (control, faults)
}

/// Without a true offset, a fault is shown at the block.
fn placed(fault: Fault, place: &Range<usize>, base: Option<usize>) -> Fault {
    match base {
        Some(_) if !fault.bytes.is_empty() || fault.bytes.start > 0 => fault,
        _ => Fault { bytes: place.clone(), near: None, ..fault },
    }
}

fn read(kind: &str, value: &Value, faults: &mut Vec<Fault>) -> Option<Control> {
    let what = format!("`.{kind}`");
    let mut keys = Keys::of(value, &what, faults);
    let only = keys.text("only").map(str::to_owned);
    let body = match kind {
        "approval" => approval(&mut keys),
        "soak" | "watch" => timed(&mut keys),
        "choice" => choice(&mut keys),
        "backup" => database::backup(&mut keys),
        "restore" => database::restore(&mut keys),
        "migrate" => database::migrate(&mut keys),
        "deploy" => deploy::deploy(&mut keys),
        "job" => kubernetes::job(&mut keys),
        "flag" => flag::flag(&mut keys),
        "workflow" => workflow::workflow(&mut keys),
        "tag" => tag::tag(&mut keys),
        "image" => image::image(&mut keys),
        "send" => files::send(&mut keys),
        "fetch" => files::fetch(&mut keys),
        "gate" => gate::gate(&mut keys),
        _ => {
            for key in unavailable_keys(kind) {
                keys.value(key);
            }
            if matches!(kind, "attest" | "handoff" | "report" | "incident") {
                // Their keys come with the version that can run them.
                return Some(Control { only, body: Body::Unavailable });
            }
            Some(Body::Unavailable)
        }
    };
    keys.finish();
    Some(Control { only, body: body? })
}

fn approval(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let ask = keys.text("ask");
    if ask.is_none() {
        keys.missing("ask", "the question that the approver reads, such as `ask: Promote $VERSION?`");
    }
    let (quorum, expires, starter_may_approve) = yes(keys);
    Some(Body::Approval { ask: ask?.to_owned(), quorum, expires, starter_may_approve })
}

/// Reads who has to say yes, how long it holds, and whether the starter may.
fn yes(keys: &mut Keys<'_, '_>) -> (BTreeMap<String, u32>, Option<Span>, bool) {
    let mut quorum = BTreeMap::new();
    match keys.value("quorum") {
        Some(value) => read_quorum(keys, value, &mut quorum),
        None => keys.missing("quorum", "how many of which role, such as `quorum: { qa-lead: 1 }`"),
    }
    let expires = keys.duration("expires");
    let not = keys.texts("not");
    let starter_may_approve = keys
        .parsed("starter_may_approve", |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(format!("`{other}` is neither `true` nor `false`")),
        })
        .unwrap_or(false)
        && !not.iter().any(|who| who == "starter")
        || not.iter().any(|who| who == "nobody");
    (quorum, expires, starter_may_approve)
}

fn read_quorum(keys: &mut Keys<'_, '_>, value: &Value, quorum: &mut BTreeMap<String, u32>) {
    let Some(entries) = value.entries() else {
        keys.fault(value, "`quorum` says how many of which role, such as `{ qa-lead: 1 }`");
        return;
    };
    for (role, count) in entries {
        match count.text().and_then(|text| text.parse::<u32>().ok()).filter(|count| *count > 0) {
            Some(count) => drop(quorum.insert(names::role(&role.text), count)),
            None => keys.fault(count, format!("`{}` needs a number of people, from 1", role.text)),
        }
    }
    if quorum.is_empty() {
        keys.fault(value, "an approval that nobody has to give is none");
    }
}

fn timed(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let durations = match keys.value("for") {
        Some(value) => read_durations(keys, value),
        None => {
            keys.missing("for", "how long, such as `for: 4h` or `for: { staging: 4h, production: 30m }`");
            Durations::default()
        }
    };
    let rules = match (keys.value("while"), keys.value("rules")) {
        (Some(value), None) if value.text() == Some("slo") => WatchedRules::Slo,
        (Some(value), None) | (None, Some(value)) => read_rules(keys, value),
        (None, None) => WatchedRules::None,
        (Some(_), Some(value)) => {
            keys.fault(value, "`while` and `rules` say the same thing; one is enough");
            WatchedRules::None
        }
    };
    let on_breach = keys.parsed("on_breach", on_failure_word);
    Some(Body::Timed { durations, rules, on_breach })
}

fn read_durations(keys: &mut Keys<'_, '_>, value: &Value) -> Durations {
    let mut durations = Durations::default();
    let read = |keys: &mut Keys<'_, '_>, value: &Value| match parse_duration(value.text().unwrap_or("")) {
        Ok(span) => Some(span),
        Err(error) => {
            keys.fault(value, error.to_string());
            None
        }
    };
    match &value.node {
        Node::Map(entries) => {
            for (name, value) in entries {
                // `hotfix: 0` needs no unit.
                let span = if value.text() == Some("0") { Some(Span(0)) } else { read(keys, value) };
                match span {
                    Some(span) if name.text == "default" => durations.default = Some(span),
                    Some(span) => durations.by_name.push((name.text.clone(), span)),
                    None => {}
                }
            }
        }
        _ => durations.default = read(keys, value),
    }
    durations
}

fn read_rules(keys: &mut Keys<'_, '_>, value: &Value) -> WatchedRules {
    let texts: Vec<(String, &Value)> = match &value.node {
        Node::Map(entries) => entries
            .iter()
            .map(|(key, value)| (format!("{} {}", key.text, value.text().unwrap_or("")), value))
            .collect(),
        Node::List(values) => {
            values.iter().map(|value| (value.text().unwrap_or("").to_owned(), value)).collect()
        }
        Node::Scalar(text) => vec![(text.clone(), value)],
        Node::Nothing => Vec::new(),
    };
    let mut rules = Vec::new();
    for (text, value) in texts {
        match parse_rule(&text) {
            Ok(rule) => rules.push((text, rule)),
            Err(error) => keys.fault(value, error.to_string()),
        }
    }
    WatchedRules::Own(rules)
}

fn choice(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let ask = keys.text("ask");
    if ask.is_none() {
        keys.missing("ask", "the question");
    }
    let options = keys.texts("options");
    if options.len() < 2 {
        keys.missing("options", "a list of at least two answers");
    }
    Some(Body::Choice { ask: ask?.to_owned(), options })
}
