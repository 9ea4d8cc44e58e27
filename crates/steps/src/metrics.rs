//! Where numbers come from: an HTTP endpoint, or requests of our own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tminus_release::plan::Source;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::condition::{Condition, Facts};
use crate::http::{Clients, NoAnswer, Request, named_secrets};
use crate::redact::Redactor;
use crate::{Sampler, Work};

/// An endpoint that gives numbers answers fast, or something is wrong with it.
const ENDPOINT_LIMIT: Duration = Duration::from_secs(10);

/// Requests of a prober that may be waiting: a site that hangs must not make us open sockets
/// without end. The requests beyond count as errors, which they would have been.
const IN_FLIGHT: usize = 64;

/// Results that are kept, whatever the window: at ten requests a second, almost three hours.
const KEPT: usize = 100_000;

/// Makes the sampler of a source.
pub(crate) fn sampler(
    source: Source,
    secrets: BTreeMap<String, String>,
    clients: Clients,
    environment: BTreeMap<String, String>,
) -> Box<dyn Sampler> {
    match source {
        Source::Http { url, value, headers, .. } => {
            Box::new(Endpoint { url, value: Condition::new(&value), headers, secrets, clients, environment })
        }
        Source::Probe { url, every, timeout, window } => Box::new(Prober {
            probe: Probe {
                request: Request { method: "GET".to_owned(), url, headers: Vec::new(), body: None },
                every: Duration::from_millis(every.0.max(1)),
                timeout: Duration::from_millis(timeout.0.max(1)),
                clients,
            },
            window: Duration::from_millis(window.0.max(1)),
            results: Arc::default(),
            task: None,
        }),
    }
}

/// An HTTP endpoint that answers JSON.
struct Endpoint {
    url: String,
    value: Result<Condition, String>,
    headers: Vec<(String, String)>,
    secrets: BTreeMap<String, String>,
    clients: Clients,
    environment: BTreeMap<String, String>,
}

impl Endpoint {
    async fn ask(&self) -> Result<f64, String> {
        let value = self.value.as_ref().map_err(Clone::clone)?;
        let texts = self.headers.iter().map(|(_, value)| value.as_str());
        let mut named = self.secrets.clone();
        named.retain(|name, _| {
            self.headers.iter().any(|(_, value)| value.contains(&format!("${{secret:{name}}}")))
        });
        let secrets = named_secrets(texts, &named, &self.environment).await?;
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            headers.push((name.clone(), secrets.expand(value)?));
        }
        let request = Request { method: "GET".to_owned(), url: self.url.clone(), headers, body: None };
        let found = self.number(&request, value).await;
        // The reason may show the beginning of the body, and a body may show what it was sent.
        found.map_err(|why| Redactor::new(&secrets).text(&why))
    }

    async fn number(&self, request: &Request, value: &Condition) -> Result<f64, String> {
        let answer = self.clients.send(request, ENDPOINT_LIMIT).await.map_err(|none| match none {
            NoAnswer::Wrong(why) | NoAnswer::Nothing(why) => format!("{}: {why}", self.url),
        })?;
        if !(200..300).contains(&answer.status) {
            return Err(format!("{} answered {}", self.url, answer.status));
        }
        if answer.cut {
            return Err(format!("{} answered more than can be read", self.url));
        }
        let elapsed_ms = u64::try_from(answer.elapsed.as_millis()).unwrap_or(u64::MAX);
        let none = BTreeMap::new();
        let body = String::from_utf8_lossy(&answer.body);
        value.number(&Facts {
            body: &body,
            status: answer.status,
            headers: &answer.headers,
            env: &none,
            elapsed_ms,
        })
    }
}

impl Sampler for Endpoint {
    fn sample(&mut self) -> Work<'_, BTreeMap<String, Result<f64, String>>> {
        Box::pin(async { BTreeMap::from([("value".to_owned(), self.ask().await)]) })
    }
}

/// Requests of our own, sent at fixed times whatever becomes of the earlier ones: a prober that
/// waited for a slow answer would ask least just when it matters.
struct Prober {
    probe: Probe,
    window: Duration,
    results: Arc<Mutex<VecDeque<Hit>>>,
    task: Option<AbortHandle>,
}

#[derive(Clone)]
struct Probe {
    request: Request,
    every: Duration,
    timeout: Duration,
    clients: Clients,
}

/// One answered or failed request.
#[derive(Clone, Copy, Debug)]
struct Hit {
    at: Instant,
    /// `None`: an error.
    latency: Option<Duration>,
}

impl Probe {
    async fn run(self, results: Arc<Mutex<VecDeque<Hit>>>) {
        let mut ticks = tokio::time::interval(self.every);
        // After a pause of the whole machine, one request and not a flood.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut flights = JoinSet::new();
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    if flights.len() >= IN_FLIGHT {
                        keep(&results, Hit { at: Instant::now(), latency: None });
                        continue;
                    }
                    let probe = self.clone();
                    flights.spawn(async move { probe.hit().await });
                }
                Some(Ok(hit)) = flights.join_next() => keep(&results, hit),
            }
        }
    }

    async fn hit(&self) -> Hit {
        let answer = self.clients.send(&self.request, self.timeout).await;
        let good = answer.ok().filter(|answer| (200..400).contains(&answer.status));
        Hit { at: Instant::now(), latency: good.map(|answer| answer.elapsed) }
    }
}

fn keep(results: &Mutex<VecDeque<Hit>>, hit: Hit) {
    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
    if results.len() == KEPT {
        results.pop_front();
    }
    results.push_back(hit);
}

impl Sampler for Prober {
    fn sample(&mut self) -> Work<'_, BTreeMap<String, Result<f64, String>>> {
        Box::pin(async {
            // The first sample starts the requests: only now is there surely a runtime.
            if self.task.is_none() {
                let task = tokio::spawn(self.probe.clone().run(Arc::clone(&self.results)));
                self.task = Some(task.abort_handle());
            }
            let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            while results.front().is_some_and(|hit| now.duration_since(hit.at) > self.window) {
                results.pop_front();
            }
            numbers(results.iter().map(|hit| hit.latency))
        })
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Computes the numbers of a window from the latencies of its requests; `None` is an error.
fn numbers(hits: impl Iterator<Item = Option<Duration>>) -> BTreeMap<String, Result<f64, String>> {
    let mut total = 0_u32;
    let mut latencies: Vec<f64> = Vec::new();
    for hit in hits {
        total += 1;
        latencies.extend(hit.map(|latency| latency.as_secs_f64() * 1000.0));
    }
    latencies.sort_by(f64::total_cmp);
    let share = |count: usize| {
        if total == 0 { Err("no data yet".to_owned()) } else { Ok(count as f64 * 100.0 / f64::from(total)) }
    };
    // The nearest-rank percentile: a latency that a request really had.
    let percentile = |percent: usize| {
        let rank = (latencies.len() * percent).div_ceil(100).max(1);
        match latencies.get(rank - 1) {
            Some(latency) => Ok(*latency),
            None if total == 0 => Err("no data yet".to_owned()),
            None => Err("no request succeeded".to_owned()),
        }
    };
    BTreeMap::from([
        ("availability".to_owned(), share(latencies.len())),
        ("error_rate".to_owned(), share(total as usize - latencies.len())),
        ("p50".to_owned(), percentile(50)),
        ("p95".to_owned(), percentile(95)),
        ("p99".to_owned(), percentile(99)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_give_numbers_or_say_that_they_cannot() {
        let milliseconds = |n: u64| Some(Duration::from_millis(n));
        let none: Result<f64, String> = Err("no data yet".to_owned());
        for value in numbers(std::iter::empty()).values() {
            assert_eq!(value, &none);
        }
        let mixed = numbers((1..=100).rev().map(|n| if n > 90 { None } else { milliseconds(n) }));
        for (metric, value) in
            [("error_rate", 10.0), ("availability", 90.0), ("p50", 45.0), ("p95", 86.0), ("p99", 90.0)]
        {
            assert_eq!(mixed[metric], Ok(value), "{metric}");
        }
        let one = numbers([milliseconds(7)].into_iter());
        assert_eq!((&one["p50"], &one["p99"], &one["error_rate"]), (&Ok(7.0), &Ok(7.0), &Ok(0.0)));
        let failed = numbers([None].into_iter());
        assert_eq!(failed["error_rate"], Ok(100.0));
        assert_eq!(failed["p95"], Err("no request succeeded".to_owned()));
    }
}
