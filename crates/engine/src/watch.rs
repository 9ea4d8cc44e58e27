//! Measures armed rules: takes samples from their sources and follows the verdicts.
//!
//! Samples are kept in memory and become evidence when a verdict changes. Only changes are
//! recorded: a watch of a day writes a handful of lines, not thousands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tminus_analysis::rules::{Tracker, Verdict};
use tminus_release::State;
use tminus_release::event::RuleVerdict;
use tminus_release::plan::{Rule, Source, Usage};
use tminus_release::state::RuleKey;
use tminus_release::time::{Moment, Span};
use tminus_steps::{Hands, Sampler};
use tokio::task::JoinSet;

/// Samples kept for each rule as evidence: an hour at one a second is more than anyone reads.
const SAMPLES_KEPT: usize = 600;

type SourceKey = (String, Option<String>);

/// A value, or why there was none, and when.
type Sample = (Moment, Result<f64, String>);

/// Follows the armed rules of one release.
#[derive(Default)]
pub struct Watcher {
    samplers: BTreeMap<SourceKey, Slot>,
    flights: JoinSet<Sampled>,
    trackers: BTreeMap<RuleKey, (Tracker, VecDeque<Sample>)>,
}

struct Slot {
    sampler: Option<Box<dyn Sampler>>,
    due: Moment,
    every: Span,
}

/// The values that one source gave at one time.
pub struct Sampled {
    source: SourceKey,
    sampler: Box<dyn Sampler>,
    values: BTreeMap<String, Result<f64, String>>,
}

/// A verdict that changed.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) key: RuleKey,
    pub(crate) verdict: RuleVerdict,
    pub(crate) value: Option<f64>,
    pub(crate) detail: String,
    pub(crate) evidence: Option<Vec<u8>>,
}

impl Watcher {
    /// Goes on from what the log knows: a breach that had begun goes on being counted.
    pub(crate) fn remember(&mut self, state: &State) {
        for (key, seen) in &state.rules {
            let Some(rule) = state.program.plan.rules.iter().find(|rule| rule.id == key.0) else { continue };
            let tracker = Tracker::new(rule.duration.0);
            let tracker = match seen.verdict {
                RuleVerdict::Breaching => tracker.resume_breaching(seen.since.0),
                _ => tracker,
            };
            self.trackers.insert(key.clone(), (tracker, VecDeque::new()));
        }
    }

    /// Moves along with a clock that was set by `by_ms`: a breach gets neither longer nor shorter by
    /// it, and the next sample is taken when it would have been.
    pub(crate) fn shift(&mut self, by_ms: i64) {
        for slot in self.samplers.values_mut() {
            slot.due = Moment(slot.due.0.saturating_add(by_ms));
        }
        for (tracker, _) in self.trackers.values_mut() {
            if let Some(since) = tracker.breaching_since_ms() {
                *tracker = tracker.clone().resume_breaching(since.saturating_add(by_ms));
            }
        }
    }

    /// Tells whether no sample is being taken.
    pub(crate) fn is_idle(&self) -> bool {
        self.flights.is_empty()
    }

    /// Starts the samples that are due for the armed rules. Returns when the next one is.
    pub(crate) fn sample_due(
        &mut self,
        state: &State,
        armed: &[RuleKey],
        now: Moment,
        hands: &dyn Hands,
    ) -> Option<Moment> {
        let plan = &state.program.plan;
        let mut wanted: BTreeSet<SourceKey> = BTreeSet::new();
        for (id, environment) in armed {
            if let Some(rule) = plan.rules.iter().find(|rule| rule.id == *id)
                && let Some((key, source)) = source_of(state, rule, environment.as_deref())
            {
                let every = match source {
                    Source::Http { every, .. } | Source::Probe { every, .. } => *every,
                };
                self.samplers.entry(key.clone()).or_insert_with(|| Slot {
                    sampler: Some(hands.sampler(source.clone(), secrets_of(state, environment.as_deref()))),
                    due: now,
                    every,
                });
                wanted.insert(key);
            }
        }
        self.samplers.retain(|key, _| wanted.contains(key));
        self.trackers.retain(|key, _| armed.contains(key));
        let mut next: Option<Moment> = None;
        for (key, slot) in &mut self.samplers {
            if now >= slot.due
                && let Some(mut sampler) = slot.sampler.take()
            {
                slot.due = now.plus(Span(slot.every.0.max(10)));
                let source = key.clone();
                self.flights.spawn(async move {
                    let values = sampler.sample().await;
                    Sampled { source, sampler, values }
                });
            }
            if slot.sampler.is_some() {
                next = Some(next.map_or(slot.due, |other| other.min(slot.due)));
            }
        }
        next
    }

    /// Waits for the next sample.
    pub(crate) async fn next(&mut self) -> Sampled {
        match self.flights.join_next().await {
            Some(Ok(sampled)) => sampled,
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => std::future::pending().await,
        }
    }

    /// Judges the armed rules by a sample. Returns the verdicts that changed.
    pub(crate) fn judge(&mut self, state: &State, sampled: Sampled, now: Moment) -> Vec<Change> {
        let mut changes = Vec::new();
        let armed = tminus_release::decide::decide(state, now).armed;
        for key in armed {
            let Some(rule) = state.program.plan.rules.iter().find(|rule| rule.id == key.0) else { continue };
            let Some((source, _)) = source_of(state, rule, key.1.as_deref()) else { continue };
            if source != sampled.source {
                continue;
            }
            // A source that gives one number only does not know what it is called.
            let value = sampled.values.get(rule.measure()).or_else(|| sampled.values.get("value")).cloned();
            let value = value.unwrap_or_else(|| Err(format!("the source gives no `{}`", rule.measure())));
            let (tracker, samples) = self
                .trackers
                .entry(key.clone())
                .or_insert_with(|| (Tracker::new(rule.duration.0), VecDeque::new()));
            if samples.len() == SAMPLES_KEPT {
                samples.pop_front();
            }
            samples.push_back((now, value.clone()));
            let breaches = value.as_ref().ok().map(|value| breaches(rule, *value));
            let (verdict, _) = tracker.take(now.0, breaches);
            // The log's own verdict counts, and not that of this process: it may be its first.
            let known = state.rules.get(&key).map(|seen| seen.verdict);
            if known != Some(recorded(verdict)) {
                let since = tracker.breaching_since_ms().map(|since| now.since(Moment(since)));
                changes.push(Change {
                    detail: sentence(rule, &value, verdict, since),
                    verdict: recorded(verdict),
                    value: value.ok(),
                    evidence: (verdict == Verdict::Fired).then(|| evidence(samples)),
                    key,
                });
            }
        }
        if let Some(slot) = self.samplers.get_mut(&sampled.source) {
            slot.sampler = Some(sampled.sampler);
        }
        changes
    }
}

fn recorded(verdict: Verdict) -> RuleVerdict {
    match verdict {
        Verdict::Holding => RuleVerdict::Holding,
        Verdict::Breaching => RuleVerdict::Breaching,
        Verdict::Fired => RuleVerdict::Fired,
        Verdict::NoData => RuleVerdict::NoData,
    }
}

/// Rollback and alert rules name what is bad; targets name what is good.
fn breaches(rule: &Rule, value: f64) -> bool {
    let holds = rule.op.holds(value, rule.limit);
    match rule.usage {
        Usage::Rollback | Usage::Alert => holds,
        Usage::Acceptance | Usage::Slo => !holds,
    }
}

fn sentence(rule: &Rule, value: &Result<f64, String>, verdict: Verdict, since: Option<Span>) -> String {
    let unit = rule.unit.as_deref().unwrap_or("");
    match value {
        Err(why) => format!("{}: no data ({why})", rule.measure()),
        Ok(value) => {
            let lasting = match (verdict, since) {
                (Verdict::Fired | Verdict::Breaching, Some(since)) if rule.duration.0 > 0 => {
                    format!(" for {since}")
                }
                _ => String::new(),
            };
            let said = if verdict == Verdict::Holding { "within" } else { "against" };
            format!("{} is {}{unit}{lasting}, {said} `{}`", rule.measure(), round(*value), rule.text)
        }
    }
}

fn round(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn evidence(samples: &VecDeque<Sample>) -> Vec<u8> {
    let lines: Vec<String> = samples
        .iter()
        .map(|(at, value)| match value {
            Ok(value) => format!("{} {value}", at.rfc3339()),
            Err(why) => format!("{} no data: {why}", at.rfc3339()),
        })
        .collect();
    lines.join("\n").into_bytes()
}

fn source_of<'a>(
    state: &'a State,
    rule: &Rule,
    environment: Option<&str>,
) -> Option<(SourceKey, &'a Source)> {
    let sources = &state.program.plan.sources;
    let own = environment.and_then(|environment| sources.get(&format!("{}@{environment}", rule.measure())));
    let source = own.or_else(|| sources.get(rule.measure()))?;
    // Metrics that one prober gives share it: the key is the source itself, not the metric.
    let name = match source {
        Source::Http { url, value, .. } => format!("{url} {value}"),
        Source::Probe { url, .. } => format!("probe {url}"),
    };
    Some(((name, environment.map(str::to_owned)), source))
}

fn secrets_of(state: &State, environment: Option<&str>) -> BTreeMap<String, String> {
    let plan = &state.program.plan;
    let mut secrets = plan.secrets.clone();
    if let Some(own) = plan.environments.iter().find(|one| Some(one.name.as_str()) == environment) {
        secrets.extend(own.secrets.clone());
    }
    secrets
}
