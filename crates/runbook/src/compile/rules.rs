//! Thresholds become rules with a source, or a fault that says which source is missing.

use std::collections::{BTreeMap, BTreeSet};

use tminus_release::plan::{Comparison, Mode, OnFailure, Rule, Source, Usage, Work};
use tminus_release::time::Span;

use super::bind::Dollars;
use super::drafts::Compiler;
use crate::diagnostic::Severity;
use crate::outline::FoundThreshold;
use crate::rules::{Op, ParsedRule, Value};
use crate::settings::{PROBE_METRICS, Sources, scoped};

/// Rules that a soak or watch asks for.
#[derive(Clone, Debug)]
pub(super) struct OwnRule {
    pub(super) step: usize,
    pub(super) environment: Option<String>,
    /// None: the document's service-level rules.
    pub(super) rules: Option<Vec<(String, ParsedRule)>>,
    pub(super) line: u32,
}

/// A rule before it has a source.
#[derive(Clone, Debug)]
struct Candidate {
    text: String,
    key: String,
    op: Comparison,
    limit: f64,
    unit: Option<String>,
    duration: Span,
    usage: Usage,
    line: u32,
    /// Whether a missing source stops an unattended release.
    is_needed: bool,
    written: Written,
}

/// How a limit is written, and so how sure it is that a machine was to measure it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// As a rule, for a machine.
    Rule,
    /// In a sentence, with a name that may be one of a metric.
    Sentence,
    /// In a row of a table, which a person watches as well.
    Row,
    /// In a sentence of which no part is a metric's name.
    Words,
}

/// Rules and sources of the plan.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) rules: Vec<Rule>,
    pub(super) sources: BTreeMap<String, Source>,
    /// (candidate, metric with its scope) to rule id.
    made: BTreeMap<(usize, String), String>,
    /// Candidates that were said to have several sources. Several watches may ask for one.
    unclear: BTreeSet<usize>,
    /// What the settings offer in the environments of this document.
    offered: Sources,
}

/// Where the values of a rule come from.
enum Origin {
    /// The key in the plan, and what is asked.
    One(String, Source),
    /// Probes between which nothing decides: to take one of them would be to watch the wrong place.
    Several(Vec<String>),
}

impl Rules {
    /// Finds where a metric comes from: that of the environment, that of all, that of the last.
    fn origin(&self, key: &str, environment: Option<&str>, environments: &[String]) -> Option<Origin> {
        let at = |key: String| match (self.offered.several.get(&key), self.offered.by_metric.get(&key)) {
            (Some(probes), _) => Some(Origin::Several(probes.clone())),
            (None, Some(source)) => Some(Origin::One(key, source.clone())),
            (None, None) => None,
        };
        let last = || environments.iter().rev().find_map(|name| at(scoped(key, Some(name))));
        let own = environment.and_then(|name| at(scoped(key, Some(name))));
        let found = own.or_else(|| at(key.to_owned()));
        if environment.is_none() { found.or_else(last) } else { found }
    }
}

impl Compiler<'_> {
    /// Makes the rules and gives soaks and watches theirs.
    pub(super) fn rules(&mut self, environments: &[String]) -> Rules {
        let watches_slo = self.own_rules.iter().any(|own| own.rules.is_none());
        let mut candidates = self.candidates(watches_slo);
        let offered = self.request.settings.sources(environments);
        let mut rules = Rules { offered, ..Rules::default() };
        for (at, candidate) in candidates.iter().enumerate() {
            if matches!(candidate.usage, Usage::Rollback | Usage::Alert) {
                self.make(&mut rules, at, candidate, None, environments);
            }
        }
        for own in std::mem::take(&mut self.own_rules) {
            let wanted: Vec<usize> = match &own.rules {
                None => (0..candidates.len()).filter(|at| candidates[*at].usage == Usage::Slo).collect(),
                Some(written) => {
                    let from = candidates.len();
                    candidates.extend(written.iter().map(|(text, rule)| of_rule(text, rule, own.line)));
                    (from..candidates.len()).collect()
                }
            };
            let mut ids = Vec::new();
            let mut is_unclear = false;
            let place = own.environment.as_deref();
            for at in wanted {
                let candidate = candidates[at].clone();
                let origin = rules.origin(&candidate.key, place, environments);
                is_unclear |= matches!(origin, Some(Origin::Several(_)));
                ids.extend(self.make(&mut rules, at, &candidate, place, environments));
            }
            if ids.is_empty() && !is_unclear {
                let message =
                    "this watches no rule: `slo` is empty, or none of its metrics has a source here";
                let severity = self.strict();
                self.faults
                    .add_at_line("T915", severity, own.line, message)
                    .help("add `slo:` to the front matter and its sources to tminus.toml");
            }
            if let Work::Soak(soak) | Work::Watch(soak) = &mut self.drafts[own.step].step.work {
                soak.rules = ids;
            }
        }
        // Service-level rules that nothing watches are still shown with the plan.
        for (at, candidate) in candidates.iter().enumerate() {
            let is_made = rules.made.keys().any(|(made, _)| *made == at);
            let has_source = rules.origin(&candidate.key, None, environments).is_some();
            if candidate.usage == Usage::Slo && !is_made && has_source {
                self.make(&mut rules, at, candidate, None, environments);
            }
        }
        rules
    }

    fn strict(&self) -> Severity {
        if self.request.mode == Mode::Assisted { Severity::Warning } else { Severity::Error }
    }

    fn candidates(&mut self, watches_slo: bool) -> Vec<Candidate> {
        let outline = self.outline;
        let mut candidates: Vec<Candidate> = outline
            .front_matter
            .slo
            .iter()
            .map(|declared| of_rule(&declared.text, &declared.rule, self.markdown.lines.line(declared.start)))
            .collect();
        for found in &outline.thresholds {
            if found.usage == Usage::Acceptance || found.in_item {
                continue;
            }
            match read(found, watches_slo) {
                Ok(mut candidate) => {
                    let line = self.markdown.lines.text_of(self.faults.document(), found.line);
                    if line.trim_start().starts_with('|') {
                        candidate.written = Written::Row;
                    }
                    let same = |other: &Candidate| {
                        (&other.key, other.op, other.usage, other.duration)
                            == (&candidate.key, candidate.op, candidate.usage, candidate.duration)
                            && other.limit == candidate.limit
                            && other.unit == candidate.unit
                    };
                    if !candidates.iter().any(same) {
                        candidates.push(candidate);
                    }
                }
                Err(reason) if found.usage == Usage::Rollback && self.request.mode == Mode::Unattended => {
                    let message = format!("`{}` cannot be watched: {reason}", found.threshold.text);
                    self.faults.add_at_line("T914", Severity::Warning, found.line, message);
                }
                Err(_) => {}
            }
        }
        candidates
    }

    /// Makes a rule for an environment; returns its id. None when its metric has no source.
    fn make(
        &mut self,
        rules: &mut Rules,
        at: usize,
        candidate: &Candidate,
        environment: Option<&str>,
        environments: &[String],
    ) -> Option<String> {
        let (key, source) = match rules.origin(&candidate.key, environment, environments) {
            Some(Origin::One(key, source)) => (key, source),
            Some(Origin::Several(probes)) => {
                if rules.unclear.insert(at) {
                    self.several_sources(candidate, &probes);
                }
                return None;
            }
            None => {
                self.no_source(candidate);
                return None;
            }
        };
        if let Some(id) = rules.made.get(&(at, key.clone())) {
            return Some(id.clone());
        }
        let (limit, unit) = in_unit_of(&candidate.key, &source, candidate);
        let id = format!("r{}", rules.rules.len() + 1);
        rules.rules.push(Rule {
            id: id.clone(),
            text: candidate.text.clone(),
            metric: key.clone(),
            op: candidate.op,
            limit,
            unit,
            duration: candidate.duration,
            usage: candidate.usage,
            line: candidate.line,
        });
        rules.made.insert((at, key.clone()), id.clone());
        let scope =
            key.split_once('@').map(|(_, name)| name.to_owned()).or_else(|| environment.map(str::to_owned));
        let bound = self.bind_source(
            source,
            scope.or_else(|| environments.last().cloned()).as_deref(),
            candidate.line,
        );
        rules.sources.insert(key, bound);
        Some(id)
    }

    fn no_source(&mut self, candidate: &Candidate) {
        let severity = match (self.request.mode, candidate.written) {
            // A limit in words alone is for whoever reads it.
            (Mode::Assisted, Written::Words) => return,
            (Mode::Assisted, _) => Severity::Note,
            (Mode::Unattended, Written::Words) => Severity::Warning,
            // A row that takes the release back stops it like any other rule that nobody could keep.
            (Mode::Unattended, Written::Row) if candidate.usage != Usage::Rollback => Severity::Warning,
            (Mode::Unattended, _) if candidate.is_needed => Severity::Error,
            (Mode::Unattended, _) => Severity::Warning,
        };
        let message = format!(
            "nothing here measures `{}`, so `{}` can never be seen to hold or break",
            candidate.key, candidate.text
        );
        let help = if PROBE_METRICS.contains(&candidate.key.as_str()) {
            "add a probe to tminus.toml: [probe.web] url = \"https://…/health\"".to_owned()
        } else {
            format!("add a source to tminus.toml: [metrics.{}] url = \"…\", value = \"…\"", candidate.key)
        };
        self.faults.add_at_line("T915", severity, candidate.line, message).help(help);
    }

    fn several_sources(&mut self, candidate: &Candidate, probes: &[String]) {
        let severity = if candidate.is_needed { Severity::Error } else { Severity::Warning };
        let named: Vec<String> = probes.iter().map(|name| format!("[probe.{name}]")).collect();
        let message = format!(
            "{} would each measure `{}` here, and nothing says which of them `{}` is about",
            named.join(" and "),
            candidate.key,
            candidate.text
        );
        let help = format!(
            "in tminus.toml, give each the `environment = \"…\"` that it is about, keep one, or say where \
             this metric comes from: [metrics.{}]",
            candidate.key
        );
        self.faults.add_at_line("T915", severity, candidate.line, message).help(help);
    }

    /// Puts the environment's variables into a source's address.
    fn bind_source(&mut self, source: Source, environment: Option<&str>, line: u32) -> Source {
        let own = self.variables(environment);
        let mut missing = Vec::new();
        let mut bind = |text: &str| {
            let (bound, unbound) = self.values.text(text, &own, Dollars::Kept);
            missing.extend(unbound);
            bound
        };
        let bound = match source {
            Source::Http { url, value, headers, every } => {
                let headers = headers.into_iter().map(|(name, text)| (name, bind(&text))).collect();
                Source::Http { url: bind(&url), value, headers, every }
            }
            Source::Probe { url, every, timeout, window } => {
                Source::Probe { url: bind(&url), every, timeout, window }
            }
        };
        if !missing.is_empty() {
            let message = format!("the source of this rule needs {}, which has no value", missing.join(", "));
            let severity = self.strict();
            self.faults.add_at_line("T903", severity, line, message);
        }
        bound
    }
}

fn of_rule(text: &str, rule: &ParsedRule, line: u32) -> Candidate {
    Candidate {
        text: text.to_owned(),
        key: rule.key.clone(),
        op: rule.op,
        limit: rule.limit,
        unit: rule.unit.clone(),
        duration: rule.duration,
        usage: Usage::Slo,
        line,
        is_needed: true,
        written: Written::Rule,
    }
}

fn read(found: &FoundThreshold, watches_slo: bool) -> Result<Candidate, &'static str> {
    let threshold = &found.threshold;
    let Op::Compare(op) = threshold.op else { return Err("it names no number to compare with") };
    if threshold.needs_baseline {
        return Err("it needs a baseline, which this version cannot measure");
    }
    let limit = match &threshold.value {
        Some(Value::Number(number)) => *number,
        Some(Value::Numbers(_)) => return Err("it holds several numbers for one metric"),
        Some(Value::Text(_)) | None => return Err("it names no number to compare with"),
    };
    Ok(Candidate {
        text: threshold.text.clone(),
        key: threshold.key.clone(),
        op,
        limit,
        unit: threshold.unit.clone(),
        duration: threshold.duration.unwrap_or_default(),
        usage: found.usage,
        line: found.line,
        is_needed: found.usage != Usage::Slo || watches_slo,
        written: if is_name(&threshold.key) { Written::Sentence } else { Written::Words },
    })
}

/// Tells whether the normal name of a metric is one: a few words, of which none joins others to a sentence.
///
/// What stands before a number in a sentence may be anything: `der Buchungen scheitern > 4 %`.
fn is_name(key: &str) -> bool {
    #[rustfmt::skip]
    const JOINS: [&str; 96] = [
        "we", "you", "they", "it", "that", "this", "these", "those", "should", "must", "will", "can", "be", "been", "was", "were", "have", "has", "had",
        "then", "than", "which", "who", "where", "while", "because", "after", "before", "until", "roll", "rollback", "revert", "abort", "go", "goes",
        "der", "die", "das", "den", "dem", "des", "ein", "eine", "einer", "und", "oder", "wenn", "falls", "sobald", "wird", "werden", "ist", "sind", "mehr",
        "als", "auf", "mit", "von", "bei", "nach", "nicht", "scheitern", "zurückgerollt", "zurück", "si", "se", "le", "la", "les", "du", "des", "et", "ou", "que",
        "qui", "el", "los", "las", "del", "y", "cuando", "o", "os", "da", "do", "dos", "em", "quando", "reverter", "revertir", "revenir", "retour", "ab",
        "bis", "más", "mais",
    ];
    let words = key.split('_').filter(|word| !word.is_empty());
    words.clone().count() <= 4 && !words.clone().any(|word| JOINS.contains(&word))
}

/// The prober gives milliseconds and per cent; a limit in seconds is turned into them.
fn in_unit_of(key: &str, source: &Source, candidate: &Candidate) -> (f64, Option<String>) {
    let is_latency = key.starts_with('p') && key[1..].chars().all(|c| c.is_ascii_digit());
    let unit = candidate.unit.as_deref();
    match (source, unit) {
        (Source::Probe { .. }, Some("s")) if is_latency => (candidate.limit * 1000.0, Some("ms".to_owned())),
        (Source::Probe { .. }, None) if is_latency => (candidate.limit, Some("ms".to_owned())),
        (Source::Probe { .. }, None) => (candidate.limit, Some("%".to_owned())),
        _ => (candidate.limit, candidate.unit.clone()),
    }
}

/// Of two policies the tighter one holds: going back beats waiting.
pub(super) fn tighter(
    settings: Option<OnFailure>,
    document: Option<OnFailure>,
    default: OnFailure,
) -> OnFailure {
    match (settings, document) {
        (None, None) => default,
        (Some(one), None) | (None, Some(one)) => one,
        (Some(OnFailure::Hold), Some(OnFailure::Hold)) => OnFailure::Hold,
        _ => OnFailure::Rollback,
    }
}
