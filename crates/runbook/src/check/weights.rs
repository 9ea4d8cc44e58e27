//! T407: shares of the traffic that a command gives out: none at all, more than there is, or another one
//! than the step is called after.

use tminus_release::plan::Lane;

use crate::diagnostic::Severity;
use crate::pattern::Pattern;
use crate::shell::CommandUse;

use super::flow::{self, Flow};
use super::kinds;
use super::page::{Page, Script, has_option};
use super::pairs;

/// Runs the check, over the way forward only: on the way back no traffic is what is wanted.
pub(super) fn check(page: &mut Page<'_>, flow: &Flow) {
    let mut found = Vec::new();
    for script in page.scripts.iter().filter(|script| !script.inline) {
        let forward =
            matches!(script.lane, Lane::Main | Lane::Hotfix) && !flow.is_way_back(page, script.section);
        if !forward || !flow::is_live(page, script) {
            continue;
        }
        for command in script.commands().iter().filter(|command| !command.place.quoted_program) {
            let wrong = weights(command).and_then(|weights| {
                wrong_in_itself(&weights)
                    .filter(|_| weights.iter().any(|share| *share > 0.0) || !is_over(page, script, command))
                    .or_else(|| another_share(page, script, &weights))
            });
            if let Some(reason) = wrong.or_else(|| held_back(page, flow, command)) {
                found.push(script.on(
                    "T407",
                    Severity::Warning,
                    command,
                    reason,
                    "give the new version its share, and let all of them be 100 %",
                ));
            }
        }
    }
    found.into_iter().for_each(|finding| page.report(finding));
}

static SHARE: Pattern =
    Pattern::new(&["weight"], r#"(?i)["']?\bweights?["']?\s*[:=]\s*(\d{1,3}(?:\.\d+)?)\b"#);

/// `--option value` and `--option=value`.
fn value_of<'c>(command: &'c CommandUse, options: &[&str]) -> Option<&'c str> {
    command.arguments.iter().enumerate().find_map(|(at, argument)| {
        let joined = argument.split_once('=').filter(|(option, _)| options.contains(option));
        let next = || command.arguments.get(at + 1).filter(|_| options.contains(&argument.as_str()));
        joined.map(|(_, value)| value).or_else(|| next().map(String::as_str))
    })
}

/// The shares that a command gives, in percent.
fn weights(command: &CommandUse) -> Option<Vec<f64>> {
    let listed = |value: &str, scale: f64| -> Option<Vec<f64>> {
        let parts =
            value.split(',').map(|part| part.rsplit('=').next()?.parse::<f64>().ok().map(|n| n * scale));
        parts.collect()
    };
    let has = |verbs: &[&str]| kinds::has_words(command, verbs);
    match command.program.as_str() {
        "gcloud" if has(&["run", "services", "update-traffic"]) => {
            listed(value_of(command, &["--to-revisions", "--to-tags"])?, 1.0)
        }
        "gcloud" if has(&["app", "services", "set-traffic"]) => {
            let parts = listed(value_of(command, &["--splits"])?, 1.0)?;
            // Parts of one or of a hundred, as one likes; other sums are shared out by themselves.
            let scale = if parts.iter().all(|part| *part <= 1.0) { 100.0 } else { 1.0 };
            Some(parts.iter().map(|part| part * scale).collect())
        }
        "az" if has(&["webapp", "traffic-routing", "set"]) => {
            listed(value_of(command, &["--distribution", "-d"])?, 1.0)
        }
        "az" if has(&["containerapp", "ingress", "traffic", "set"]) => {
            listed(value_of(command, &["--revision-weight", "--label-weight"])?, 1.0)
        }
        "kubectl" if has(&["argo", "rollouts", "set", "weight"]) => {
            Some(vec![kinds::words(command).last()?.parse().ok()?])
        }
        "kubectl" | "oc" | "aws" | "istioctl" | "linkerd" => {
            let texts =
                command.arguments.iter().chain(command.redirects.iter().map(|redirect| &redirect.target));
            let mut found = Vec::new();
            for text in texts.filter(|text| SHARE.is_match(text)) {
                found.extend(SHARE.captures_iter(text).filter_map(|found| found[1].parse::<f64>().ok()));
            }
            (!found.is_empty()).then_some(found)
        }
        _ => None,
    }
}

/// No traffic is what a canary gets when it is over: it had its share further up, or is removed below.
fn is_over(page: &Page<'_>, script: &Script<'_>, command: &CommandUse) -> bool {
    let line = script.lines_of(command);
    let steps = || page.scripts.iter().filter(|other| other.lane == script.lane);
    let had = |other: &CommandUse| {
        other.program == command.program
            && other
                .arguments
                .iter()
                .any(|argument| argument.len() > 3 && command.arguments.contains(argument))
            && weights(other).is_some_and(|weights| weights.iter().any(|share| *share > 0.0))
    };
    let removed = |other: &CommandUse| {
        matches!(other.program.as_str(), "helm" | "kubectl" | "oc" | "gcloud" | "aws")
            && kinds::words(other).iter().any(|word| {
                matches!(*word, "uninstall" | "delete")
                    || word.starts_with("delete-")
                    || word.starts_with("--replicas=0")
            })
    };
    steps()
        .flat_map(|other| other.commands().iter().map(move |command| (other.lines_of(command), command)))
        .any(
            |(at, other)| if at < line { had(other) } else { at > line && at <= line + 10 && removed(other) },
        )
}

/// No share at all, or more or less than there is by a slip. Some tools take shares in relation to each
/// other, so that 1 and 3 are as good as 25 and 75.
fn wrong_in_itself(weights: &[f64]) -> Option<String> {
    let sum: f64 = weights.iter().sum();
    if sum == 0.0 {
        return Some("this gives no traffic to anything: the new version serves nobody".to_owned());
    }
    let slip = weights.len() > 1 && (60.0..=160.0).contains(&sum) && (sum - 100.0).abs() > 0.5;
    let more = weights.len() == 1 && sum > 100.0 && sum <= 255.0;
    (slip || more).then(|| format!("the shares are {sum} % together, and not 100: which one is meant?"))
}

static PERCENT: Pattern = Pattern::new(&["%", "percent"], r"(?i)\b(\d{1,3})\s?(?:%|percent\b)");

/// The step says one share by its name, and the command gives another.
fn another_share(page: &Page<'_>, script: &Script<'_>, weights: &[f64]) -> Option<String> {
    let title = page.outline.sections[script.section].title.as_str();
    let lead = script.lead.as_deref().filter(|lead| lead.chars().count() <= 100);
    let name = lead.filter(|lead| PERCENT.is_match(lead)).unwrap_or(title);
    let mut said = PERCENT.captures_iter(name).filter_map(|found| found[1].parse::<f64>().ok());
    let (said, others) = (said.next()?, said.next());
    // "From 10 % to 50 %", and a block with all the steps in it, are left alone.
    let alone = script.commands().iter().filter(|other| self::weights(other).is_some()).count() == 1;
    let fits = weights.iter().any(|weight| *weight == said || 100.0 - *weight == said);
    // "10 % first, and all after an hour" is about more than one step.
    let lower = name.to_lowercase();
    let several = ["all", "every", "then", "after", "first", "rest", "until", "→", "->"]
        .iter()
        .any(|word| lower.contains(word));
    (alone && others.is_none() && !several && !fits && said <= 100.0).then(|| {
        let given: Vec<String> = weights.iter().map(f64::to_string).collect();
        format!("this step is about {said} % of the traffic, and its command gives {}", given.join(" and "))
    })
}

/// Cloud Run: deployed without traffic, and nothing on the page gives it any.
fn held_back(page: &Page<'_>, flow: &Flow, command: &CommandUse) -> Option<String> {
    let deploys = command.program == "gcloud" && kinds::has_words(command, &["run", "deploy"]);
    // What gives it traffic, or tells that a person does, names it.
    let given = || pairs::forward(page, flow).replace("--no-traffic", "").contains("traffic");
    (deploys && has_option(command, &["--no-traffic"]) && !given())
        .then(|| "`--no-traffic` keeps everyone on the old revision, and nothing on this page gives the new one any".to_owned())
}
