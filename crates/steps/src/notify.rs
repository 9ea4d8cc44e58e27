//! Sends messages, each to several channels, and tells for each what came of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use minijinja::{Environment, UndefinedBehavior};
use tminus_release::plan::{Channel, Notify};
use tokio::sync::watch;

use crate::http::{Clients, NoAnswer, Request, named_secrets};
use crate::redact::Redactor;
use crate::secret::Secrets;
use crate::{Job, Report, Verdict};

/// One channel that hangs must not keep the message from the others for longer.
const CHANNEL_LIMIT: Duration = Duration::from_secs(30);

/// Renders a message and sends it to every channel, whatever becomes of the others.
pub(crate) async fn perform(
    job: &Job,
    notify: &Notify,
    clients: &Clients,
    environment: &BTreeMap<String, String>,
    mut cancel: watch::Receiver<bool>,
) -> Report {
    let text = match render(&notify.template, &job.message) {
        Ok(text) => text,
        Err(why) => return Report::failed(why),
    };
    let addresses = notify.to.iter().filter_map(|name| match job.channels.get(name) {
        Some(Channel::Webhook(url)) => Some(url.as_str()),
        _ => None,
    });
    // The secrets of other steps are no business of a message; only those of its addresses are.
    let mut named = job.secrets.clone();
    let addresses: Vec<&str> = addresses.collect();
    named.retain(|name, _| addresses.iter().any(|url| url.contains(&format!("${{secret:{name}}}"))));
    let secrets = match named_secrets(addresses.iter().copied(), &named, environment).await {
        Ok(secrets) => secrets,
        Err(why) => return Report::failed(why),
    };
    let mut results = Vec::new();
    for name in &notify.to {
        let limit = CHANNEL_LIMIT.min(Duration::from_millis(job.timeout.0));
        let result = tokio::select! {
            result = send(job, name, &text, clients, &secrets, limit) => result,
            Ok(_) = cancel.wait_for(|said| *said) => Err("was cancelled before it was answered".to_owned()),
        };
        results.push((name, result));
    }
    report(&text, &results, &secrets, *cancel.borrow())
}

/// Renders a template. A name that does not exist is an error: a message with a hole in it
/// misleads its readers.
fn render(template: &str, facts: &serde_json::Value) -> Result<String, String> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.render_str(template, minijinja::value::Serde(facts)).map_err(|error| {
        let line = error.line().map_or(String::new(), |line| format!(" (line {line} of the template)"));
        let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        format!("the message cannot be rendered: {what}{line}; nothing was sent")
    })
}

async fn send(
    job: &Job,
    name: &str,
    text: &str,
    clients: &Clients,
    secrets: &Secrets,
    limit: Duration,
) -> Result<String, String> {
    match job.channels.get(name) {
        None => Err("there is no such channel in tminus.toml".to_owned()),
        Some(Channel::File(path)) => {
            let path = job.folder.join(path);
            append(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(format!("written to {}", path.display()))
        }
        Some(Channel::Webhook(url)) => {
            let request = Request {
                method: "POST".to_owned(),
                url: secrets.expand(url)?,
                headers: vec![
                    ("content-type".to_owned(), "application/json".to_owned()),
                    ("idempotency-key".to_owned(), key(job, name)),
                ],
                body: Some(serde_json::json!({ "text": text }).to_string()),
            };
            match clients.send(&request, limit).await {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    Ok(format!("answered {}", answer.status))
                }
                Ok(answer) => Err(format!("answered {}", answer.status)),
                Err(NoAnswer::Wrong(why) | NoAnswer::Nothing(why)) => Err(why),
            }
        }
    }
}

/// Appends a message as one write, so that two processes never mix theirs.
fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut text = text.to_owned();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    File::options().create(true).append(true).open(path)?.write_all(text.as_bytes())
}

/// Names this message to a receiver that can tell a repetition. Header values are plain ASCII.
fn key(job: &Job, channel: &str) -> String {
    let key = format!("{}/{}/{}/{}/{channel}", job.release, job.step, job.purpose, job.attempt);
    key.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect()
}

fn report(
    text: &str,
    results: &[(&String, Result<String, String>)],
    secrets: &Secrets,
    cancelled: bool,
) -> Report {
    let list = |wanted: bool| -> Vec<String> {
        let told = results.iter().filter(|(_, result)| result.is_ok() == wanted);
        told.map(|(name, result)| {
            let (Ok(what) | Err(what)) = result;
            format!("{name} ({what})")
        })
        .collect()
    };
    let (sent, failed) = (list(true), list(false));
    let verdict = match (failed.is_empty(), cancelled) {
        (true, _) => Verdict::Passed,
        (false, true) => Verdict::Cancelled,
        (false, false) => Verdict::Failed,
    };
    let detail = match (sent.is_empty(), failed.is_empty()) {
        (_, true) => format!("sent to {}", sent.join(", ")),
        (true, false) => format!("not sent to {}", failed.join(", ")),
        (false, false) => format!("not sent to {}, but sent to {}", failed.join(", "), sent.join(", ")),
    };
    let mut redactor = Redactor::new(secrets);
    let output = redactor.text(&format!("{text}\n---\n{detail}\n")).into_bytes();
    Report { output_bytes: output.len() as u64, output, ..Report::new(verdict, redactor.text(&detail)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_render_or_say_what_is_missing() {
        let facts =
            serde_json::json!({ "VERSION": "v1", "release": { "outcome": "passed", "n": 3 }, "html": "<&>" });
        for (template, expected) in [
            ("{{ VERSION }} {{ release.outcome }}{% if release.n > 2 %}!{% endif %}", Ok("v1 passed!")),
            ("{{ html }} {{ VERSION | upper }}", Ok("<&> V1")),
            ("a\n{{ missing }}", Err("line 2 of the template")),
            ("{{ release.missing }}", Err("undefined value")),
            ("{{ VERSION ", Err("cannot be rendered")),
            ("{{ missing.deeper }}", Err("nothing was sent")),
        ] {
            match (render(template, &facts), expected) {
                (Ok(found), Ok(text)) => assert_eq!(found, text),
                (Err(found), Err(part)) => assert!(found.contains(part), "{template}: {found}"),
                (found, expected) => panic!("{template}: {found:?} instead of {expected:?}"),
            }
        }
    }
}
