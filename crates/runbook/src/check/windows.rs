//! T504 to T507: windows, waits and addresses that do not fit together.

use std::collections::{BTreeMap, BTreeSet};

use tminus_release::plan::Lane;

use crate::control::{self, Body, WatchedRules};
use crate::diagnostic::Severity;
use crate::outline::{FenceClass, Unit, UnitKind};
use crate::pattern::Pattern;
use crate::rules::{DurationError, parse_duration};
use crate::words::Words;

use super::flow::Flow;
use super::page::{Finding, Page};
use super::watched;
use super::words;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>, flow: &Flow) {
    let mut found: Found = Vec::new();
    cadences(page, &mut found);
    watched::check(page, &mut found);
    soaks(page, &mut found);
    skipped_soak(page, flow, &mut found);
    unreadable(page, &mut found);
    for (line, code, severity, message, help) in found {
        page.add_at_line(code, severity, line, message).help(help);
    }
    let endpoints = other_endpoint(page);
    endpoints.into_iter().for_each(|finding| page.report(finding));
}

/// `every 10 minutes … for 5 minutes`, in the languages that runbooks are written in: the words
/// that a text must hold, and the pattern.
static CADENCE: [Pattern; 6] = [
    Pattern::made(
        &["every"],
        r"(?i)\bevery A\b[^.;|\d]{0,30}?\b(?:for|during|over|within) (?:at least )?(?:(?:the )?(?:first |next |last )?(?P<b>\d+) ?|(?:the (?:first|next|last)|an?) )(?P<bu>UNIT)\b",
        of_times,
    ),
    Pattern::made(
        &["alle"],
        r"(?i)\balle A\b[^.;|\d]{0,30}?(?:für|lang|während|über|in den ersten|innerhalb von) (?:der ersten |die ersten |die nächsten )?B\b",
        of_times,
    ),
    Pattern::made(
        &["toutes"],
        r"(?i)\btoutes les A\b[^.;|\d]{0,30}?(?:pendant|durant|sur) (?:les )?(?P<b>\d+) ?(?:premières )?(?P<bu>UNIT)\b",
        of_times,
    ),
    Pattern::made(
        &["cada"],
        r"(?i)\bcada A\b[^.;|\d]{0,30}?(?:durante|por|en|nos) (?:los |os )?(?:primeros |primeiros |próximos )?B\b",
        of_times,
    ),
    Pattern::new(
        &["每"],
        r"每(?:隔)?\s?(?P<a>\d+)\s?(?P<au>秒|分钟|小时)[^。;|\d]{0,12}?(?P<b>\d+)\s?(?P<bu>秒|分钟|小时)",
    ),
    Pattern::new(
        &["ごと", "おき", "毎"],
        r"(?P<a>\d+)\s?(?P<au>秒|分|時間)(?:ごと|おき|毎)[^。;|\d]{0,12}?(?P<b>\d+)\s?(?P<bu>秒|分|時間)",
    ),
];

/// Writes a pattern in which `A` and `B` are times, and `UNIT` what they are counted in.
fn of_times(pattern: &str) -> String {
    const UNIT: &str = r"(?:s(?:ec(?:ond)?s?)?|sekunden?|secondes?|segundos?|m(?:in(?:ute)?s?)?|minuten|minutos?|h(?:ours?|rs?)?|stunden?|heures?|horas?)";
    let times = pattern
        .replace(" A\\b", r" (?P<a>\d+) ?(?P<au>UNIT)\b")
        .replace("B\\b", r"(?P<b>\d+) ?(?P<bu>UNIT)\b");
    times.replace("UNIT", UNIT)
}

fn seconds(number: &str, unit: &str) -> u64 {
    let factor = match unit.to_lowercase().chars().next() {
        Some('m' | '分') => 60,
        Some('h' | '小' | '時') => 3600,
        Some('s') if unit.to_lowercase().starts_with("st") => 3600,
        _ => 1,
    };
    number.parse::<u64>().unwrap_or(0).saturating_mul(factor)
}

pub(super) type Found = Vec<(u32, &'static str, Severity, String, &'static str)>;

/// T504: whoever looks that rarely looks once, or never.
fn cadences(page: &Page<'_>, found: &mut Found) {
    let signs = ["every", "alle ", "toutes", "cada", "每", "ごと", "おき", "毎"];
    if !words::has(page.lower(), &signs) {
        return;
    }
    for (line, text) in page.prose() {
        if !text.bytes().any(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let Some(parts) = CADENCE.iter().find_map(|pattern| pattern.captures(text)) else { continue };
        // "the first hour" is one.
        let window = parts.name("b").map_or("1", |number| number.as_str());
        if seconds(&parts["a"], &parts["au"]) > seconds(window, &parts["bu"]) {
            let message = format!(
                "every {} {} is longer than the {window} {} in which somebody looks: the window ends before the second look",
                &parts["a"], &parts["au"], &parts["bu"]
            );
            found.push((line, "T504", Severity::Warning, message, "look several times inside the window"));
        }
    }
    for unit in &page.outline.units {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        let Some(attributes) = &fence.info.attributes else { continue };
        let value = |key: &str| {
            let pair = attributes.pairs.iter().find(|pair| pair.key.text == key)?;
            parse_duration(&pair.value.text).ok()
        };
        if let (Some(every), Some(within)) = (value("every"), value("within"))
            && every > within
        {
            found.push((
                unit.line,
                "T504",
                Severity::Warning,
                "`every` is longer than `within`: the check is tried once".to_owned(),
                "let `within` be several times `every`",
            ));
        }
    }
}

/// T504: a rule that needs longer than the wait that watches it.
fn soaks(page: &Page<'_>, found: &mut Found) {
    for unit in &page.outline.units {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        let FenceClass::Control(kind) = fence.class else { continue };
        let (Some(control), _) = control::parse(kind, &fence.body, 0..0, None) else { continue };
        let Body::Timed { durations, rules: WatchedRules::Own(rules), .. } = control.body else { continue };
        let longest = durations.by_name.iter().map(|(_, span)| *span).chain(durations.default).max();
        let late = longest.and_then(|wait| rules.iter().find(|(_, rule)| rule.duration > wait));
        if let Some((text, _)) = late {
            found.push((
                unit.line,
                "T504",
                Severity::Warning,
                format!("`{text}` needs longer than this wait lasts: it can never be broken here"),
                "wait longer, or let the rule fire sooner",
            ));
        }
    }
}

/// T505: the main lane waits, the hotfix lane goes to production without a word about it.
fn skipped_soak(page: &Page<'_>, flow: &Flow, found: &mut Found) {
    let waits_by_fact = page.outline.facts.iter().find(|fact| {
        let label = fact.label.to_lowercase();
        let is_wait = ["wait", "soak", "bake", "wartezeit", "attente", "espera", "等待", "待機"]
            .iter()
            .any(|word| label.contains(word));
        is_wait
            && page.outline.sections[fact.section].lane == Lane::Main
            && fact.value.chars().any(|c| c.is_ascii_digit())
    });
    let waits_by_step = page.outline.units.iter().find(|unit| {
        matches!(&unit.kind, UnitKind::Fence(fence) if fence.class == FenceClass::Control("soak"))
            && page.outline.sections[unit.section].lane == Lane::Main
    });
    let by_title = page.outline.sections.iter().find(|section| {
        let title = section.title.to_lowercase();
        section.lane == Lane::Main && (title.contains("soak") || title.contains("bake time"))
    });
    let in_words = || page.outline.units.iter().find(|unit| soaks_in_words(page, unit));
    let Some(line) = waits_by_fact
        .map(|fact| fact.line)
        .or(waits_by_step.map(|unit| unit.line))
        .or(by_title.map(|section| section.line))
        .or_else(|| in_words().map(|unit| unit.line))
    else {
        return;
    };
    let lane_of = |section: usize| {
        let lane = |at: &usize| page.outline.sections[*at].lane == Lane::Hotfix;
        page.outline.chain(section).filter(lane).last()
    };
    let deploys = flow.deploys.iter().map(|(script, _, _)| page.scripts[*script].section);
    let told = page.outline.units.iter().filter(|unit| is_told_to_deploy(unit)).map(|unit| unit.section);
    let lanes: BTreeSet<usize> = deploys.chain(told).filter_map(lane_of).collect();
    for at in lanes {
        let section = &page.outline.sections[at];
        // How long it all takes says nothing about a wait.
        let text = page.text_of(flow.lines(page, at));
        let lines = text.lines().filter(|line| !words::has(line, &TAKES));
        let text = lines.collect::<Vec<_>>().join("\n");
        if !words::WAIT.any_in(&text)
            && !words::has(&text, &ALL_OF_IT)
            && !page.text_of(line..=line).contains("hotfix")
        {
            let message = format!(
                "this lane goes to production without the wait of line {line}, and does not say so: was it forgotten, or left out on purpose?"
            );
            found.push((
                section.line,
                "T505",
                Severity::Warning,
                message,
                "say how long a hotfix is watched, or that the wait is left out, and who decides",
            ));
        }
    }
}

/// Words of a line that says how long a lane takes.
const TAKES: [&str; 8] = [
    "expected time",
    "estimated",
    "expected duration",
    "total time",
    " takes ",
    "dauer insgesamt",
    "durée totale",
    "eta:",
];
/// A lane that is like the other one waits as that one does.
#[rustfmt::skip]
const ALL_OF_IT: [&str; 9] = [
    "all steps", "same steps as", "every step", "follow the normal", "follow the standard", "as usual", "alle schritte",
    "toutes les étapes", "todos los pasos",
];

/// `Let the preview soak for 2 hours.`
fn soaks_in_words(page: &Page<'_>, unit: &Unit) -> bool {
    static SOAKS: Words = Words::new(&["soak", "bake for", "bake at least", "let it bake"]);
    let text = match &unit.kind {
        UnitKind::Item(item) => &item.text,
        UnitKind::Point(point) => &point.text,
        UnitKind::Prose(text) => text,
        UnitKind::Fence(_) => return false,
    };
    SOAKS.any_in(text)
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.len() < 300
        && page.outline.sections[unit.section].lane == Lane::Main
}

/// A line that has a person release.
fn is_told_to_deploy(unit: &Unit) -> bool {
    let text = match &unit.kind {
        UnitKind::Item(item) => item.text.to_lowercase(),
        UnitKind::Point(point) => point.text.to_lowercase(),
        UnitKind::Prose(_) | UnitKind::Fence(_) => return false,
    };
    ["deploy to prod", "go live", "deploy as in", "release to prod", "promote to prod", "ship to prod"]
        .iter()
        .any(|words| text.starts_with(words))
}

/// Units of time that people misspell.
const UNITS: [&str; 13] = [
    "seconds", "second", "secs", "minutes", "minute", "mins", "hours", "hour", "days", "day", "weeks",
    "week", "months",
];
/// Words behind a number that are right in some language, or count something else.
const NOT_UNITS: [&str; 22] = [
    "minuten", "stunden", "sekunden", "tage", "tag", "wochen", "heures", "heure", "jours", "semaines",
    "secondes", "minutos", "horas", "días", "dias", "segundos", "hosts", "users", "pods", "weekdays",
    "monate", "stunde",
];

/// Labels of lines that say how long.
#[rustfmt::skip]
const LABELS: [&str; 51] = [
    "duration", "wait time", "timeout", "soak", "soak time", "soak period", "bake", "bake time", "bake period",
    "rollback window", "wait", "watch time", "observation time", "observation period", "monitoring time", "monitoring period",
    "grace period", "drain time", "dauer", "wartezeit", "beobachtungszeit", "beobachtungsdauer", "zeitlimit", "einwirkzeit",
    "durée", "attente", "temps d'attente", "durée d'observation", "délai", "délai d'attente", "duración",
    "espera", "tiempo de espera", "tiempo de observación", "duração", "tempo de espera", "tempo de observação", "所要時間",
    "待機時間", "監視時間", "観察時間", "タイムアウト", "时长", "等待时间", "观察时间", "观察时长", "监控时间", "超时", "超时时间", "待ち時間",
    "période d'observation",
];

/// Lines `Label: 30` without bold and without a unit, in the text or a list; more may follow behind a comma.
fn bare_times(page: &Page<'_>) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for (line, text) in page.prose() {
        let text = text.trim_start_matches([' ', '-', '*', '+', '>']);
        let text = super::page::without_task(text);
        let row = text.strip_prefix('|');
        let parts = row.map_or_else(|| text.split_once([':', '：']), |row| row.split_once('|'));
        let Some((label, value)) = parts else { continue };
        // A longer one is a sentence.
        let begins = value.trim_start_matches(['*', ' ']).starts_with(|c: char| c.is_ascii_digit());
        if label.len() > 60 || !begins {
            continue;
        }
        let label = label.trim().trim_matches('*').trim().to_lowercase().replace('’', "'");
        let value = value.trim_start_matches(['*', ' ']).trim();
        let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
        let behind = value[end..].trim_start_matches('*').trim_end_matches(['|', ' ']);
        let goes_on = [", ", "; ", "，", "；", "。", "、"].iter().any(|sign| behind.starts_with(sign));
        let ends = behind.trim().is_empty() || behind.trim() == ".";
        if (1..=4).contains(&end)
            && (ends || goes_on)
            && &value[..end] != "0"
            && LABELS.contains(&label.as_str())
            && (row.is_none() || !header_has_unit(page, line))
        {
            found.push((line, value[..end].to_owned()));
        }
    }
    found
}

/// The header of a table may say what its column is counted in.
fn header_has_unit(page: &Page<'_>, row: u32) -> bool {
    let text_of = |line: u32| page.markdown.lines.text_of(page.document, line);
    let above = (row.saturating_sub(40)..row)
        .rev()
        .map(text_of)
        .take_while(|text| text.trim_start().starts_with('|'));
    let header = above.last().unwrap_or_default().to_lowercase();
    [
        "min", "sec", "sek", "hour", "stund", "heure", "hora", "unit", "einheit", "unité", "unidad", "分",
        "秒", "时", "時", "(s)", "(h)",
    ]
    .iter()
    .any(|unit| header.contains(unit))
}

/// T506: nobody can tell how long.
fn unreadable(page: &Page<'_>, found: &mut Found) {
    let facts =
        || page.outline.facts.iter().filter(|fact| LABELS.contains(&fact.label.to_lowercase().as_str()));
    let read: BTreeSet<u32> = facts().map(|fact| fact.line).collect();
    for (line, value) in bare_times(page) {
        if !read.contains(&line) {
            let message = format!("`{value}` of what? Without a unit one waits minutes, another hours");
            found.push((
                line,
                "T506",
                Severity::Warning,
                message,
                "write it like `90s`, `15 min`, `4 hours` or `1h 30m`",
            ));
        }
    }
    for fact in facts() {
        let value = fact.value.trim().trim_matches(['`', '*', '~', '.']).trim();
        let Err(error) = parse_duration(value) else { continue };
        let word = value
            .trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '.' | '-' | '–' | '+'));
        let lower = word.to_lowercase();
        let near = word != value
            && !NOT_UNITS.contains(&lower.as_str())
            && lower.len() >= 3
            && lower.chars().all(|c| c.is_ascii_alphabetic())
            && crate::faults::nearest(&lower, UNITS).is_some();
        let message = match error {
            DurationError::NoUnit(_) => {
                format!("`{value}` of what? Without a unit one waits minutes, another hours")
            }
            _ if near => format!("`{value}` is no duration that can be read"),
            _ if ["tbd", "tba", "?", "??", "???", "x minutes", "x hours", "xx minutes", "n minutes"]
                .contains(&value.to_lowercase().as_str()) =>
            {
                format!("`{value}`: nobody has decided how long")
            }
            _ => continue,
        };
        found.push((
            fact.line,
            "T506",
            Severity::Warning,
            message,
            "write it like `90s`, `15 min`, `4 hours` or `1h 30m`",
        ));
    }
}

static ADDRESS: Pattern = Pattern::new(
    &["http", "$", "{{"],
    r#"(?P<origin>https?://[^\s/"'`|>)]+|(?:\$\{?[A-Z_]+\}?|\{\{ ?[A-Za-z_]+ ?\}\}))(?P<path>/[A-Za-z0-9_/.-]*)"#,
);

/// What a path asks: `health`, `ready`, `live`.
fn kind_of(path: &str) -> Option<&'static str> {
    let last = path.trim_end_matches('/').rsplit('/').next()?.to_lowercase();
    match last.trim_start_matches('_').replace(['-', '_'], "").as_str() {
        "health" | "healthz" | "healthcheck" | "healthy" => Some("health"),
        "ready" | "readyz" | "readiness" => Some("ready"),
        "live" | "livez" | "liveness" => Some("live"),
        _ => None,
    }
}

/// `https://staging.example.com` and `https://example.com` are one service in two places.
fn service_of(origin: &str) -> String {
    let words: Vec<&str> = origin
        .split(|c: char| !c.is_ascii_alphanumeric() && c != ':')
        .filter(|word| {
            !matches!(
                word.to_lowercase().as_str(),
                "staging"
                    | "stage"
                    | "stg"
                    | "production"
                    | "prod"
                    | "www"
                    | "https:"
                    | "http:"
                    | "dev"
                    | "preview"
                    | "blue"
                    | "green"
                    | "canary"
            )
        })
        .collect();
    words.join(".").to_lowercase()
}

/// T507: one service is asked for its health in two ways.
fn other_endpoint(page: &Page<'_>) -> Vec<Finding> {
    let mut first: BTreeMap<(String, &'static str), (String, u32, usize)> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, script) in page.scripts.iter().enumerate().filter(|(_, script)| !script.inline) {
        for command in
            script.commands().iter().filter(|c| matches!(c.program.as_str(), "curl" | "wget" | "http"))
        {
            let address = command.arguments.iter().find_map(|argument| ADDRESS.captures(argument));
            let Some(address) = address.filter(|address| !address["origin"].contains('<')) else { continue };
            let Some(kind) = kind_of(&address["path"]) else { continue };
            let path = address["path"].trim_end_matches('/').to_owned();
            let line = script.lines_of(command);
            let key = (service_of(&address["origin"]), kind);
            match first.get(&key) {
                None => {
                    first.insert(key, (path, line, at));
                }
                Some((other, other_line, other_script)) if *other != path && *other_script != at => {
                    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
                    let severity =
                        if last(other) == last(&path) { Severity::Note } else { Severity::Warning };
                    found.push(script.on(
                        "T507",
                        severity,
                        command,
                        format!("`{path}` here, `{other}` on line {other_line}, for the same service: one of them is probably a page that answers 404, or always 200"),
                        "use the same address everywhere; an input or a variable of the environment holds it once",
                    ));
                }
                Some(_) => {}
            }
        }
    }
    found
}
