//! `tminus.toml`: what is about the place and the people.
//!
//! It stands beside the runbook and is reviewed by other people than the runbook is: a change of
//! the document cannot lower what is asked for here.

use std::collections::BTreeMap;

use tminus_release::plan::{Channel, OnFailure, Source};
use tminus_release::time::Span;

use crate::data::{Fault, Keys, Value, parse_toml};
use crate::diagnostic::{Diagnostic, Severity};
use crate::faults::Faults;
use crate::front_matter::{InputDeclaration, on_failure_word, read_inputs};
use crate::lines::LineIndex;
use crate::outline::canonical_environment;

/// What `tminus.toml` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Environments in order of writing.
    pub environments: Vec<EnvironmentSettings>,
    /// Role to people.
    pub roles: BTreeMap<String, Vec<String>>,
    /// Inputs that are declared here.
    pub inputs: Vec<InputDeclaration>,
    /// Metric name, with `@environment` where it holds for one only, to source. Those of probes are
    /// not among them: see [`Settings::sources`].
    pub metrics: BTreeMap<String, Source>,
    /// Probes in order of writing.
    pub probes: Vec<ProbeSettings>,
    /// Channel name to where messages go.
    pub channels: BTreeMap<String, Channel>,
    /// Secret name to reference. Never a value.
    pub secrets: BTreeMap<String, String>,
    /// Host group to hosts.
    pub hosts: BTreeMap<String, Vec<String>>,
    /// Database name to reference of its address.
    pub databases: BTreeMap<String, String>,
    /// What may not be lowered.
    pub policy: PolicySettings,
    /// Choice id to option.
    pub choices: BTreeMap<String, String>,
    /// Code of the checker to how it is taken here.
    pub checks: BTreeMap<String, CheckSetting>,
}

/// How a code of the checker is taken here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSetting {
    /// `None`: it is counted and not shown.
    pub severity: Option<Severity>,
    /// Why it is taken otherwise than everywhere else.
    pub because: String,
}

/// An environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentSettings {
    /// Its name.
    pub name: String,
    /// Its variables; `url` is there as `URL`.
    pub variables: BTreeMap<String, String>,
    /// Secret references that differ in this environment.
    pub secrets: BTreeMap<String, String>,
    /// References of the databases that have another address in this environment.
    pub databases: BTreeMap<String, String>,
    /// The cluster that it is in.
    pub kubernetes: Option<ClusterSettings>,
}

/// Where in which cluster an environment is: what kubectl would take by itself decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterSettings {
    /// The context of kubectl's configuration.
    pub context: String,
    /// The namespace.
    pub namespace: String,
    /// The configuration's file; None: what `KUBECONFIG` names, or `~/.kube/config`.
    pub kubeconfig: Option<String>,
}

/// tminus's own requests to an address.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeSettings {
    /// Its name: that of an environment, or any other.
    pub name: String,
    /// The environment that it is said to be about.
    pub environment: Option<String>,
    /// What is asked.
    pub source: Source,
}

/// Where the metrics of one document come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources {
    /// Metric name, with `@environment` where it holds for one only, to source.
    pub by_metric: BTreeMap<String, Source>,
    /// Keys that several probes would give, with the names of these: nothing says which is meant.
    pub several: BTreeMap<String, Vec<String>>,
}

/// What may not be lowered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicySettings {
    /// What a failed step leads to.
    pub on_failure: Option<OnFailure>,
    /// What a broken rule leads to.
    pub on_breach: Option<OnFailure>,
    /// How long a rule may be without data.
    pub no_data: Option<Span>,
    /// How many people an approval needs at least.
    pub minimum_quorum: Option<u32>,
}

/// The metrics that the built-in prober gives.
pub const PROBE_METRICS: [&str; 5] = ["error_rate", "p50", "p95", "p99", "availability"];

/// Reads `tminus.toml`. Faults are returned beside what could be read.
pub fn read(text: &str) -> (Settings, Vec<Diagnostic>) {
    let lines = LineIndex::new(text);
    let mut diagnostics = Faults::new(text, &lines);
    let mut faults = Vec::new();
    let settings = match parse_toml(text) {
        Ok(value) => read_all(&value, &mut faults),
        Err(fault) => {
            faults.push(fault);
            Settings::default()
        }
    };
    for fault in faults {
        diagnostics.add_fault("T108", fault);
    }
    (settings, diagnostics.into_sorted())
}

fn read_all(value: &Value, faults: &mut Vec<Fault>) -> Settings {
    let mut settings = Settings::default();
    let mut keys = Keys::of(value, "tminus.toml", faults);
    let environments = keys.value("environments");
    let roles = keys.value("roles");
    let inputs = keys.value("inputs");
    let metrics = keys.value("metrics");
    let probe = keys.value("probe");
    let channels = keys.value("channels");
    settings.secrets = keys.text_map("secrets");
    let hosts = keys.value("hosts");
    settings.databases = keys.text_map("databases");
    let policy = keys.value("policy");
    settings.choices = keys.text_map("choices");
    let checks = keys.value("checks");
    keys.finish();
    settings.inputs = inputs.map(|value| read_inputs(value, faults)).unwrap_or_default();
    settings.roles =
        lists(roles, "roles", faults).into_iter().map(|(k, v)| (crate::names::role(&k), v)).collect();
    settings.hosts = lists(hosts, "hosts", faults);
    for (name, value) in entries(environments, "environments", faults) {
        read_environment(name, value, &mut settings, faults);
    }
    for (name, value) in entries(metrics, "metrics", faults) {
        read_metric(name, value, &mut settings, faults);
    }
    for (name, value) in entries(probe, "probe", faults) {
        let probe = read_probe(name, value, faults);
        settings.probes.push(probe);
    }
    for (name, value) in entries(channels, "channels", faults) {
        if let Some(channel) = read_channel(name, value, faults) {
            settings.channels.insert(name.to_owned(), channel);
        }
    }
    if let Some(value) = policy {
        settings.policy = read_policy(value, faults);
    }
    for (code, value) in entries(checks, "checks", faults) {
        if let Some(setting) = read_check(code, value, faults) {
            settings.checks.insert(code.to_uppercase(), setting);
        }
    }
    check_secrets(&settings, value, faults);
    settings
}

/// `T204 = { severity = "off", because = "…" }`
fn read_check(code: &str, value: &Value, faults: &mut Vec<Fault>) -> Option<CheckSetting> {
    let known = crate::check::explain(code).is_some() && crate::check::may_be_silenced(&code.to_uppercase());
    if !known {
        let message = format!("`{code}` is no code that can be set here");
        faults.push(
            Fault::new(value.start..value.end, message)
                .with_help("codes T2 to T8 can; `tminus explain` lists them"),
        );
        return None;
    }
    let what = format!("check `{code}`");
    let mut keys = Keys::of(value, &what, faults);
    let severity = keys.parsed("severity", |text| match text {
        "off" => Ok(None),
        "note" => Ok(Some(Severity::Note)),
        "warning" => Ok(Some(Severity::Warning)),
        "error" => Ok(Some(Severity::Error)),
        other => Err(format!("`{other}` is none of `off`, `note`, `warning` and `error`")),
    });
    if severity.is_none() && keys.value("severity").is_none() {
        keys.missing("severity", "`off`, `note`, `warning` or `error`");
    }
    let because = keys.text("because").unwrap_or_default().trim().to_owned();
    if because.is_empty() {
        keys.missing("because", "why it is taken otherwise here");
    }
    keys.finish();
    (!because.is_empty()).then_some(CheckSetting { severity: severity?, because })
}

/// Returns the entries of a table of tables.
fn entries<'a>(value: Option<&'a Value>, what: &str, faults: &mut Vec<Fault>) -> Vec<(&'a str, &'a Value)> {
    let Some(value) = value else { return Vec::new() };
    let Some(entries) = value.entries() else {
        faults.push(Fault::new(value.start..value.end, format!("`{what}` must be a table")));
        return Vec::new();
    };
    entries.iter().map(|(key, value)| (key.text.as_str(), value)).collect()
}

fn lists(value: Option<&Value>, what: &str, faults: &mut Vec<Fault>) -> BTreeMap<String, Vec<String>> {
    let mut map = BTreeMap::new();
    for (name, value) in entries(value, what, faults) {
        match value.texts() {
            Some(texts) => drop(map.insert(name.to_owned(), texts.into_iter().map(str::to_owned).collect())),
            None => {
                faults.push(Fault::new(value.start..value.end, format!("`{name}` must be a list of texts")))
            }
        }
    }
    map
}

fn read_environment(name: &str, value: &Value, settings: &mut Settings, faults: &mut Vec<Fault>) {
    let what = format!("environment `{name}`");
    let mut keys = Keys::of(value, &what, faults);
    let url = keys.text("url");
    let mut variables = keys.text_map("variables");
    let secrets = keys.text_map("secrets");
    let databases = keys.text_map("databases");
    let kubernetes = keys.value("kubernetes");
    keys.finish();
    let kubernetes = kubernetes.and_then(|value| read_cluster(name, value, faults));
    if let Some(url) = url {
        variables.entry("URL".to_owned()).or_insert_with(|| url.trim_end_matches('/').to_owned());
    }
    settings.environments.push(EnvironmentSettings {
        name: canonical_environment(name),
        variables,
        secrets,
        databases,
        kubernetes,
    });
}

fn read_cluster(environment: &str, value: &Value, faults: &mut Vec<Fault>) -> Option<ClusterSettings> {
    let what = format!("`kubernetes` of environment `{environment}`");
    let mut keys = Keys::of(value, &what, faults);
    let (context, namespace) = (keys.text("context"), keys.text("namespace"));
    if context.is_none_or(str::is_empty) {
        keys.missing("context", "the name that `kubectl config get-contexts` shows");
    }
    if namespace.is_none_or(str::is_empty) {
        keys.missing("namespace", "the namespace that releases act in, even if it is `default`");
    }
    let kubeconfig = keys.text("kubeconfig").map(str::to_owned);
    keys.finish();
    Some(ClusterSettings { context: context?.to_owned(), namespace: namespace?.to_owned(), kubeconfig })
}

fn read_metric(name: &str, value: &Value, settings: &mut Settings, faults: &mut Vec<Fault>) {
    let what = format!("metric `{name}`");
    let mut keys = Keys::of(value, &what, faults);
    let url = keys.text("url");
    if url.is_none() {
        keys.missing("url", "the address that answers with JSON");
    }
    let expression = keys.text("value").unwrap_or("double(body)");
    let headers =
        keys.text_map("headers").into_iter().map(|(key, value)| (key, secret_reference(&value))).collect();
    let every = keys.duration("every").unwrap_or(Span::seconds(15));
    let environment = keys.text("environment");
    keys.finish();
    let key = scoped(name, environment);
    let source = Source::Http {
        url: url.unwrap_or_default().to_owned(),
        value: expression.to_owned(),
        headers,
        every,
    };
    settings.metrics.insert(key, source);
}

fn read_probe(name: &str, value: &Value, faults: &mut Vec<Fault>) -> ProbeSettings {
    let what = format!("probe `{name}`");
    let mut keys = Keys::of(value, &what, faults);
    let url = keys.text("url");
    if url.is_none() {
        keys.missing("url", "the address that is asked again and again");
    }
    let every = keys.duration("every").unwrap_or(Span::seconds(1));
    let timeout = keys.duration("timeout").unwrap_or(Span::seconds(5));
    let window = keys.duration("window").unwrap_or(Span::minutes(1));
    let environment = keys.text("environment").map(canonical_environment);
    keys.finish();
    if every.0 == 0 {
        faults.push(Fault::new(value.start..value.end, "`every` must be longer than nothing"));
    }
    let source = Source::Probe { url: url.unwrap_or_default().to_owned(), every, timeout, window };
    ProbeSettings { name: name.to_owned(), environment, source }
}

impl Settings {
    /// Tells where the metrics of a document come from. `environments` are all that it or these
    /// settings name: a probe of such a name is about that environment only.
    pub fn sources(&self, environments: &[String]) -> Sources {
        let mut given: BTreeMap<String, Vec<&ProbeSettings>> = BTreeMap::new();
        for probe in &self.probes {
            let own = canonical_environment(&probe.name);
            let named = environments.contains(&own).then_some(own);
            let environment = probe.environment.clone().or(named);
            for metric in PROBE_METRICS {
                given.entry(scoped(metric, environment.as_deref())).or_default().push(probe);
            }
        }
        // Whoever writes down where one metric comes from means it more than a probe, which gives all.
        given.retain(|key, _| !self.metrics.contains_key(key));
        let mut sources = Sources { by_metric: self.metrics.clone(), several: BTreeMap::new() };
        for (key, probes) in given {
            if let [probe] = probes.as_slice() {
                sources.by_metric.insert(key, probe.source.clone());
            } else {
                let names = probes.iter().map(|probe| probe.name.clone()).collect();
                sources.several.insert(key, names);
            }
        }
        sources
    }
}

/// Makes the key of a metric that holds for one environment only.
pub fn scoped(metric: &str, environment: Option<&str>) -> String {
    match environment {
        Some(environment) => format!("{metric}@{}", canonical_environment(environment)),
        None => metric.to_owned(),
    }
}

fn read_channel(name: &str, value: &Value, faults: &mut Vec<Fault>) -> Option<Channel> {
    let what = format!("channel `{name}`");
    let mut keys = Keys::of(value, &what, faults);
    let file = keys.text("file").map(|path| Channel::File(path.to_owned()));
    let webhook = keys.text("webhook").map(|address| Channel::Webhook(secret_reference(address)));
    if file.is_none() && webhook.is_none() {
        keys.missing("webhook", "or `file`: where its messages go");
    }
    keys.finish();
    webhook.or(file)
}

/// Turns `secret:NAME` into the form that is resolved at the last moment.
fn secret_reference(text: &str) -> String {
    match text.strip_prefix("secret:") {
        Some(name) => format!("${{secret:{name}}}"),
        None => text.to_owned(),
    }
}

fn read_policy(value: &Value, faults: &mut Vec<Fault>) -> PolicySettings {
    let mut keys = Keys::of(value, "`policy`", faults);
    let policy = PolicySettings {
        on_failure: keys.parsed("on_failure", on_failure_word),
        on_breach: keys.parsed("on_breach", on_failure_word),
        no_data: keys.duration("no_data"),
        minimum_quorum: keys.parsed("minimum_quorum", |text| {
            text.parse().map_err(|_| "must be a number of people".to_owned())
        }),
    };
    keys.finish();
    policy
}

/// Secrets are references; a value written here would be in version control.
fn check_secrets(settings: &Settings, value: &Value, faults: &mut Vec<Fault>) {
    let scoped = settings.environments.iter();
    let secrets = settings.secrets.iter().chain(scoped.clone().flat_map(|environment| &environment.secrets));
    let databases = settings.databases.iter().chain(scoped.flat_map(|environment| &environment.databases));
    let all = secrets.map(|(name, reference)| (format!("secret `{name}`"), reference));
    // The address of a database holds its password.
    let all = all
        .chain(databases.map(|(name, reference)| (format!("the address of database `{name}`"), reference)));
    for (what, reference) in all {
        let known = ["env:", "file:", "exec:", "vault:"].iter().any(|kind| reference.starts_with(kind));
        if !known {
            let message = format!("{what} must be a reference, not a value");
            faults.push(
                Fault::new(value.start..value.start, message)
                    .with_help("write `env:NAME`, `file:path` or `exec:command`"),
            );
        }
    }
}
