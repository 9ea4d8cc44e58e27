//! Sends requests and judges the answers.

mod client;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use regex::Regex;
use tminus_release::plan::{Http, Poll};
use tminus_release::time::Span;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::condition::{Condition, Facts, beginning};
use crate::output::Capture;
use crate::redact::Redactor;
use crate::secret::Secrets;
use crate::{Job, Report, Verdict};
pub(crate) use client::{Answer, BODY_LIMIT_BYTES, Clients, NoAnswer, Request};

/// One try of a poll may take this long: a server that hangs must not use up the whole time.
const TRY_LIMIT: Duration = Duration::from_secs(30);

/// Requests of a burst that are in flight at once: more would exhaust open files before a server.
const AT_ONCE: usize = 256;

/// What an answer must be, compiled.
struct Expectation<'a> {
    http: &'a Http,
    env: &'a BTreeMap<String, String>,
    matches: Option<Regex>,
    json: Option<Condition>,
}

impl Clients {
    /// Carries out an HTTP step.
    pub(crate) async fn perform(
        &self,
        job: &Job,
        http: &Http,
        environment: &BTreeMap<String, String>,
        mut cancel: watch::Receiver<bool>,
        progress: mpsc::Sender<Vec<u8>>,
    ) -> Report {
        let prepared = match resolved(http, &job.secrets, environment).await {
            Ok((request, secrets)) => {
                Expectation::new(http, &job.variables).map(|wanted| (request, secrets, wanted))
            }
            Err(why) => Err(why),
        };
        let (request, secrets, wanted) = match prepared {
            Ok(prepared) => prepared,
            Err(why) => return Report::failed(why),
        };
        let mut capture = Capture::new(Redactor::new(&secrets), job.output_limit_bytes, progress);
        let limit = Duration::from_millis(job.timeout.0);
        let (verdict, detail) = {
            let work = self.ask(&request, &wanted, limit, &mut capture);
            tokio::select! {
                done = tokio::time::timeout(limit, work) => match done {
                    Ok(Ok(detail)) => (Verdict::Passed, detail),
                    // A look that heard nothing says neither yes nor no.
                    Ok(Err(Problem::Unheard(why))) if job.purpose == "verify" => (Verdict::Unknown, why),
                    Ok(Err(problem)) => (Verdict::Failed, problem.text().to_owned()),
                    Err(_) => (Verdict::TimedOut, format!("took longer than its limit of {}", job.timeout)),
                },
                Ok(_) = cancel.wait_for(|said| *said) => (Verdict::Cancelled, "was cancelled".to_owned()),
            }
        };
        capture.note(&detail);
        let (output, output_bytes) = capture.finish();
        Report { output, output_bytes, ..Report::new(verdict, capture.redact(&detail)) }
    }

    async fn ask(
        &self,
        request: &Request,
        wanted: &Expectation<'_>,
        limit: Duration,
        capture: &mut Capture,
    ) -> Result<String, Problem> {
        if let Some(count) = wanted.http.burst {
            write_request(request, capture);
            return self.burst(request, wanted, count, limit, capture).await.map_err(Problem::Unmet);
        }
        match wanted.http.poll {
            None => {
                write_request(request, capture);
                let answer = self.send(request, limit).await;
                write_answer(&answer, capture);
                wanted.judge(&answer)
            }
            Some(poll) => self.poll(request, wanted, poll, limit, capture).await,
        }
    }

    /// Asks again until the answer is as wanted. Every try leaves a line, the last one everything.
    async fn poll(
        &self,
        request: &Request,
        wanted: &Expectation<'_>,
        poll: Poll,
        limit: Duration,
        capture: &mut Capture,
    ) -> Result<String, Problem> {
        let started = Instant::now();
        let within = Duration::from_millis(poll.within.0).min(limit);
        let mut tries = 0_u32;
        loop {
            tries += 1;
            let left = within.saturating_sub(started.elapsed());
            let begun = Instant::now();
            let answer = self.send(request, left.min(TRY_LIMIT).max(Duration::from_millis(1))).await;
            let judged = wanted.judge(&answer);
            let pause = Duration::from_millis(poll.every.0).saturating_sub(begun.elapsed());
            let over = started.elapsed() + pause >= within;
            if let Err(Problem::Unmet(why) | Problem::Unheard(why)) = &judged
                && !over
            {
                capture.note(&format!("try {tries} after {}: {why}", span(started.elapsed())));
                tokio::time::sleep(pause).await;
                continue;
            }
            write_request(request, capture);
            write_answer(&answer, capture);
            return match judged {
                Ok(detail) if tries == 1 => Ok(detail),
                Ok(detail) => Ok(format!("{detail}, at try {tries} after {}", span(started.elapsed()))),
                Err(problem @ Problem::Broken(_)) => Err(problem),
                Err(problem) => {
                    let why = problem.text();
                    let why = format!("did not hold within {} ({tries} tries); at last: {why}", poll.within);
                    let unheard = matches!(problem, Problem::Unheard(_));
                    Err(if unheard { Problem::Unheard(why) } else { Problem::Unmet(why) })
                }
            };
        }
    }

    /// Sends many at once. The wanted status must be among the answers to the last quarter of them
    /// in the order of sending: a limit that is reached stays reached for a burst's length.
    async fn burst(
        &self,
        request: &Request,
        wanted: &Expectation<'_>,
        count: u32,
        limit: Duration,
        capture: &mut Capture,
    ) -> Result<String, String> {
        let count = count.max(1) as usize;
        let mut answers: Vec<Option<Result<u16, NoAnswer>>> = vec![None; count];
        let mut flights = JoinSet::new();
        let mut next = 0;
        while next < count || !flights.is_empty() {
            if next < count && flights.len() < AT_ONCE {
                let (clients, request) = (self.clone(), request.clone());
                flights.spawn(async move {
                    (next, clients.send(&request, limit).await.map(|answer| answer.status))
                });
                next += 1;
            } else if let Some(Ok((number, answer))) = flights.join_next().await {
                answers[number] = Some(answer);
            }
        }
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for answer in answers.iter().flatten() {
            let what = match answer {
                Ok(status) => status.to_string(),
                Err(NoAnswer::Wrong(why)) => return Err(why.clone()),
                Err(NoAnswer::Nothing(why)) => why.clone(),
            };
            *counts.entry(what).or_default() += 1;
        }
        let counted: Vec<String> = counts.iter().map(|(what, count)| format!("{count} × {what}")).collect();
        let counted = counted.join(", ");
        capture.note(&format!("< {counted}"));
        let last = &answers[count - count.div_ceil(4)..];
        let reached =
            last.iter().flatten().any(|answer| matches!(answer, Ok(status) if wanted.has_status(*status)));
        let unanswered = last.iter().flatten().any(Result::is_err);
        match (reached, wanted.http.must_fail) {
            (false, true) if unanswered => Err(format!("a burst of {count}: {counted}; {ONLY_AN_ANSWER}")),
            (true, false) | (false, true) => Ok(format!("a burst of {count}: {counted}")),
            (true, true) => Err(format!(
                "a burst of {count} ended in {}, which it must not: {counted}",
                wanted.statuses()
            )),
            (false, false) => {
                Err(format!("a burst of {count} did not end in {}: {counted}", wanted.statuses()))
            }
        }
    }
}

/// What a check that must fail says of silence.
const ONLY_AN_ANSWER: &str = "only an answer can show that this fails as it must";

/// Why an answer does not do.
enum Problem {
    /// It is not as wanted.
    Unmet(String),
    /// There was none.
    Unheard(String),
    /// It cannot be asked for or judged at all. Asking again does not help, and it satisfies
    /// nothing, not even a check that must fail.
    Broken(String),
}

impl Problem {
    fn text(&self) -> &str {
        let (Problem::Unmet(text) | Problem::Unheard(text) | Problem::Broken(text)) = self;
        text
    }
}

impl<'a> Expectation<'a> {
    /// Compiles what is wanted. The error is a sentence.
    fn new(http: &'a Http, env: &'a BTreeMap<String, String>) -> Result<Expectation<'a>, String> {
        let matches = http.matches.as_deref().map(Regex::new).transpose();
        let matches = matches.map_err(|error| {
            let error = error.to_string();
            format!("`match` is no valid regular expression: {}", error.lines().last().unwrap_or_default())
        })?;
        let json = http.json.as_deref().map(Condition::new).transpose()?;
        Ok(Expectation { http, env, matches, json })
    }

    /// Judges an answer, or that there was none.
    fn judge(&self, answer: &Result<Answer, NoAnswer>) -> Result<String, Problem> {
        let met = match answer {
            Err(NoAnswer::Wrong(why)) => return Err(Problem::Broken(why.clone())),
            // A service that is down, or a slip in its name, looks like one that is closed.
            Err(NoAnswer::Nothing(why)) if self.http.must_fail => {
                return Err(Problem::Unheard(format!("{why}; {ONLY_AN_ANSWER}")));
            }
            Err(NoAnswer::Nothing(why)) => return Err(Problem::Unheard(why.clone())),
            Ok(answer) => {
                self.meets(answer).map(|()| format!("answered {} in {}", answer.status, span(answer.elapsed)))
            }
        };
        match (met, self.http.must_fail) {
            (Ok(detail), false) => Ok(detail),
            (Err(why), false) => Err(Problem::Unmet(why)),
            (Ok(detail), true) => Err(Problem::Unmet(format!("{detail}, and it must not"))),
            (Err(why), true) => Ok(format!("failed as it must: {why}")),
        }
    }

    fn meets(&self, answer: &Answer) -> Result<(), String> {
        if !self.has_status(answer.status) {
            let body = String::from_utf8_lossy(&answer.body);
            return Err(format!(
                "status {}, wanted {}; the body begins with {}",
                answer.status,
                self.statuses(),
                beginning(&body)
            ));
        }
        if let Some(most) = self.http.max_response
            && answer.elapsed > Duration::from_millis(most.0)
        {
            return Err(format!("answered only after {}, and the limit is {most}", span(answer.elapsed)));
        }
        if answer.cut && (self.matches.is_some() || self.json.is_some()) {
            return Err(format!(
                "the body is longer than {} MiB and cannot be judged",
                BODY_LIMIT_BYTES >> 20
            ));
        }
        let body = String::from_utf8_lossy(&answer.body);
        if let Some(matches) = &self.matches
            && !matches.is_match(&body)
        {
            return Err(format!("the body does not match `{matches}`; it begins with {}", beginning(&body)));
        }
        if let Some(json) = &self.json {
            let elapsed_ms = u64::try_from(answer.elapsed.as_millis()).unwrap_or(u64::MAX);
            let facts = Facts {
                body: &body,
                status: answer.status,
                headers: &answer.headers,
                env: self.env,
                elapsed_ms,
            };
            json.holds(&facts)?;
        }
        Ok(())
    }

    fn has_status(&self, status: u16) -> bool {
        if self.http.status.is_empty() {
            (200..300).contains(&status)
        } else {
            self.http.status.contains(&status)
        }
    }

    fn statuses(&self) -> String {
        if self.http.status.is_empty() {
            return "200 to 299".to_owned();
        }
        self.http.status.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ")
    }
}

/// Resolves the secrets of a request. Those that it names must have a value; of the others, those
/// that have one are kept out of the output all the same.
async fn resolved(
    http: &Http,
    references: &BTreeMap<String, String>,
    environment: &BTreeMap<String, String>,
) -> Result<(Request, Secrets), String> {
    let texts = http.headers.iter().map(|(_, value)| value.as_str()).chain(http.body.as_deref());
    let secrets = named_secrets(texts, references, environment).await?;
    let mut headers = Vec::new();
    for (name, value) in &http.headers {
        headers.push((name.clone(), secrets.expand(value)?));
    }
    let body = http.body.as_deref().map(|body| secrets.expand(body)).transpose()?;
    Ok((Request { method: http.method.clone(), url: http.url.clone(), headers, body }, secrets))
}

/// Resolves the secrets that some texts name, and of the others those that can be.
pub(crate) async fn named_secrets(
    texts: impl Iterator<Item = &str>,
    references: &BTreeMap<String, String>,
    environment: &BTreeMap<String, String>,
) -> Result<Secrets, String> {
    let texts: Vec<&str> = texts.collect();
    let is_named = |name: &String| texts.iter().any(|text| text.contains(&format!("${{secret:{name}}}")));
    Ok(Secrets::resolve_needed(references, environment, is_named).await?.0)
}

fn write_request(request: &Request, capture: &mut Capture) {
    capture.note(&format!("> {} {}", request.method, request.url));
    for (name, value) in &request.headers {
        capture.note(&format!("> {name}: {value}"));
    }
    if let Some(body) = &request.body {
        capture.note(">");
        capture.note(body);
    }
}

fn write_answer(answer: &Result<Answer, NoAnswer>, capture: &mut Capture) {
    match answer {
        Err(NoAnswer::Wrong(why) | NoAnswer::Nothing(why)) => capture.note(&format!("< no answer: {why}")),
        Ok(answer) => {
            capture.note(&format!("< {} in {}", answer.status, span(answer.elapsed)));
            for (name, value) in &answer.headers {
                capture.note(&format!("< {name}: {value}"));
            }
            capture.note("<");
            capture.take(&answer.body);
            if !answer.body.is_empty() && !answer.body.ends_with(b"\n") {
                capture.take(b"\n");
            }
            if answer.cut {
                capture.note(&format!(
                    "[… the body is longer than {} MiB; the rest was not read …]",
                    BODY_LIMIT_BYTES >> 20
                ));
            }
        }
    }
}

fn span(duration: Duration) -> Span {
    Span(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
