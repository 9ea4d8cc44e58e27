//! T504 to T507: windows, waits and addresses that do not fit together.

use crate::control::{self, Body, WatchedRules};
use crate::diagnostic::Severity;
use crate::outline::{FenceClass, UnitKind};
use crate::pattern::Pattern;
use crate::rules::parse_duration;

use super::flow::Flow;
use super::page::Page;
use super::{endpoints, lanes, looks, spans, vague, watched, words};

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>, flow: &Flow) {
    let mut found: Found = Vec::new();
    cadences(page, &mut found);
    looks::check(page, &mut found);
    watched::check(page, &mut found);
    soaks(page, &mut found);
    lanes::check(page, flow, &mut found);
    spans::check(page, &mut found);
    vague::check(page, &mut found);
    for (line, code, severity, message, help) in found {
        page.add_at_line(code, severity, line, message).help(help);
    }
    endpoints::check(page);
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
    for &(line, text) in page.prose() {
        if !text.bytes().any(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let Some(parts) = CADENCE.iter().find_map(|pattern| pattern.captures(text)) else { continue };
        if looks::MACHINE.any_in(text) {
            continue;
        }
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
