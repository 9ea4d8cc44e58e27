//! T504 across the lines of a section: who watches for so long looks more rarely than that, or waits
//! for a rule that needs longer.
//!
//! All other times of the section count for whoever looks: where one of them is long enough, nothing
//! is said.

use crate::diagnostic::Severity;
use crate::words::Words;

use tminus_release::plan::Usage;

use super::looks;
use super::marks::Mark;
use super::page::Page;

/// A time in a text, with the bytes at which it begins and ends.
pub(super) struct Time {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) seconds: u64,
}

/// Units with their seconds. Of two that begin alike, the longer one comes first.
#[rustfmt::skip]
const UNITS: [(&str, u64); 35] = [
    ("seconds", 1), ("second", 1), ("secs", 1), ("sec", 1), ("s", 1), ("sekunden", 1), ("secondes", 1), ("segundos", 1),
    ("minutes", 60), ("minute", 60), ("mins", 60), ("min", 60), ("minuten", 60), ("minutos", 60),
    ("hours", 3600), ("hour", 3600), ("hrs", 3600), ("hr", 3600), ("h", 3600), ("stunden", 3600), ("stunde", 3600),
    ("heures", 3600), ("heure", 3600), ("horas", 3600), ("hora", 3600),
    ("days", 86_400), ("day", 86_400), ("tage", 86_400), ("tag", 86_400), ("jours", 86_400), ("jour", 86_400),
    ("días", 86_400), ("día", 86_400), ("dias", 86_400), ("dia", 86_400),
];
const SIGNS: [(&str, u64); 8] = [
    ("分钟", 60),
    ("分間", 60),
    ("分", 60),
    ("小时", 3600),
    ("時間", 3600),
    ("秒", 1),
    ("天", 86_400),
    ("日間", 86_400),
];
#[rustfmt::skip]
const NUMBERS: [(&str, u64); 20] = [
    ("an", 1), ("a", 1), ("one", 1), ("two", 2), ("three", 3), ("four", 4), ("five", 5), ("ten", 10), ("fifteen", 15),
    ("twenty", 20), ("thirty", 30), ("eine", 1), ("einer", 1), ("zwei", 2), ("une", 1), ("deux", 2), ("una", 1),
    ("dos", 2), ("uma", 1), ("duas", 2),
];

/// Parts of an hour in words.
#[rustfmt::skip]
const PARTS: [(&str, u64); 25] = [
    ("first hour", 3600), ("ersten stunde", 3600), ("première heure", 3600), ("primera hora", 3600), ("primeira hora", 3600), ("第一个小时", 3600),
    ("half an hour", 1800), ("half hour", 1800), ("half-hour", 1800), ("quarter of an hour", 900), ("quarter hour", 900),
    ("halbe stunde", 1800), ("halben stunde", 1800), ("viertelstunde", 900), ("demi-heure", 1800), ("demi heure", 1800),
    ("quart d'heure", 900), ("quart d’heure", 900), ("media hora", 1800), ("cuarto de hora", 900), ("meia hora", 1800),
    ("quarto de hora", 900), ("半小时", 1800), ("半个小时", 1800), ("半時間", 1800),
];

/// Finds the times of a text in small letters.
pub(super) fn times(text: &str) -> Vec<Time> {
    static PART: Words = Words::new(&[
        "first h",
        "ersten s",
        "première h",
        "primera h",
        "primeira h",
        "第一个",
        "half",
        "quarter",
        "halbe",
        "viertel",
        "demi",
        "quart",
        "media",
        "meia",
        "cuarto",
        "半",
    ]);
    let mut found = Vec::new();
    if PART.any_in(text) {
        for (part, seconds) in PARTS {
            let at = text.match_indices(part).map(|(at, _)| at);
            found.extend(at.map(|start| Time { start, end: start + part.len(), seconds }));
        }
    }
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        // Where a script has no spaces, a number ends a word: `监控30分钟`.
        let apart = rest.starts_with(|c: char| !c.is_ascii());
        let ends = |c: char| !c.is_alphanumeric() || apart && c.is_ascii_digit();
        let word = rest.find(ends).unwrap_or(rest.len());
        let (length, number) = match digits {
            0 => (word, NUMBERS.iter().find(|(name, _)| *name == &rest[..word]).map(|(_, number)| *number)),
            _ => (digits, rest[..digits].parse().ok()),
        };
        if let Some(number) = number {
            let behind = rest[length..].trim_start_matches([' ', '-', '\u{a0}']);
            let end = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
            let by_word = UNITS
                .iter()
                .find(|(unit, _)| *unit == &behind[..end])
                .map(|(unit, factor)| (unit.len(), *factor));
            let by_sign = || {
                SIGNS
                    .iter()
                    .find(|(unit, _)| behind.starts_with(unit))
                    .map(|(unit, factor)| (unit.len(), *factor))
            };
            if let Some((unit, factor)) = by_word.or_else(by_sign) {
                let end = text.len() - behind.len() + unit;
                found.push(Time { start: at, end, seconds: factor.saturating_mul(number) });
            }
        }
        let step = if length > 0 { length } else { rest.chars().next().map_or(1, char::len_utf8) };
        at += step;
    }
    // "half an hour" is one time, and so are the words in it.
    let parts: Vec<(usize, usize)> = found
        .iter()
        .filter(|time| text[time.start..time.end].contains(['h', '小', '時', 's']))
        .map(|time| (time.start, time.end))
        .collect();
    found.retain(|time| {
        !parts.iter().any(|(start, end)| {
            (*start, *end) != (time.start, time.end) && *start <= time.start && time.end <= *end
        })
    });
    found.sort_by_key(|time| time.start);
    found
}

/// Somebody stays and watches.
#[rustfmt::skip]
pub(super) static WATCH: Words = Words::new(&[
    "monitor", "watch", "observe", "soak", "bake", "let it run", "let it sit", "keep an eye", "leave the canary", "stay on", "verification window",
    "beobacht", "überwach", "surveill", "observer", "observar", "vigil", "supervis", "acompanh", "观察", "监控", "监视", "監視",
    "観察", "様子", "見守",
]);
/// Waits, of which those are meant after which somebody looks.
#[rustfmt::skip]
static WAIT: Words = Words::new(&["wait ", "warten", "warte ", "attendre", "esperar", "aguardar", "等待", "待機", "待つ"]);
/// Looking, at the beginning of a line, or anywhere behind how often it is done.
#[rustfmt::skip]
pub(super) const LOOKS: [&str; 36] = [
    "check", "look", "watch", "verify", "refresh", "poll", "review", "inspect", "monitor", "sample", "glance", "prüf",
    "kontroll", "schau", "blick", "ansehen", "vérifi", "contrôl", "regard", "consult", "revis", "comprob", "comprueb",
    "mirar", "verific", "olhar", "conferir", "查看", "检查", "看一", "确认", "观察", "確認", "見る", "チェック", "点検",
];
/// How often, in front of the time and behind it.
const OFTEN: [&str; 7] = ["every", "alle", "toutes les", "cada", "每隔", "每", "jede"];
static OFTEN_SAID: Words =
    Words::new(&["every ", "alle ", "toutes les", "cada ", "每", "jede ", "ごと", "おき", "毎"]);
const OFTEN_BEHIND: [&str; 3] = ["ごと", "おき", "毎"];
/// It goes on for longer than the section says, or the machine does it.
#[rustfmt::skip]
static LONGER: Words = Words::new(&[
    " rest of", "until", "overnight", "tomorrow", "next day", "next week", "afterwards", "later", "first day", " that ",
    "whether", " runs", " run ", "cron", "backup", " job", " bis ", "danach", "jusqu", "ensuite", "hasta", "después", "até ",
    "depois", "直到", "之后", "以后", "まで", "その後", "翌日",
]);

/// How often a line has somebody look, in seconds, with the words for it.
fn cadence<'t>(line: &'t str, times: &[Time]) -> Option<(u64, &'t str)> {
    let [time] = times else {
        let (often, ..) = looks::in_words(line).filter(|_| times.is_empty())?;
        let looks = WATCH.any_in(line) || LOOKS.iter().any(|look| line.contains(look));
        return (looks && !LONGER.any_in(line)).then(|| (often.seconds, &line[often.start..often.end]));
    };
    let before = line[..time.start].trim_end();
    let behind = line[time.end..].trim_start();
    let often = OFTEN.iter().find(|word| before.ends_with(**word));
    if often.is_none() && !OFTEN_BEHIND.iter().any(|word| behind.starts_with(word)) {
        return None;
    }
    let words = line.trim_start_matches(|c: char| !c.is_alphabetic() && !c.is_ascii_digit());
    let words = words.trim_start_matches(|c: char| !c.is_alphabetic());
    let begins = LOOKS.iter().any(|look| words.starts_with(look));
    let first = before.trim_start_matches(|c: char| !c.is_alphabetic());
    let often_first = OFTEN.contains(&first) || first.is_empty() || !first.is_ascii();
    // "The on-call checks the board every 2 hours."
    let somebody = || {
        before.is_ascii()
            && before.len() < 70
            && before
                .split(|c: char| !c.is_alphabetic())
                .any(|word| LOOKS[..11].iter().any(|look| word.starts_with(look)))
    };
    let looks = begins || somebody() || often_first && LOOKS.iter().any(|look| line.contains(look));
    let from = often.map_or(time.start, |word| before.len() - word.len());
    (looks && !LONGER.any_in(line)).then(|| (time.seconds, line[from..time.end].trim()))
}

/// What a section says about watching.
#[derive(Default)]
struct Watched {
    /// The line that says for how long, and what it says.
    window: Option<(u32, String)>,
    /// The longest time of the section, but for those of looks and limits.
    longest: u64,
    looks: Vec<(u32, u64, String)>,
}

/// Says which looks and rules no watch is long enough for.
pub(super) fn check(page: &Page<'_>, found: &mut super::windows::Found) {
    // Most documents say nothing of how often one looks, or for how long a limit must be passed.
    let lasts = |found: &&crate::outline::FoundThreshold| {
        found.usage == Usage::Rollback && found.threshold.duration.is_some()
    };
    let often = OFTEN_SAID.any_in(page.lower())
        || page.marked(Mark::Often).iter().any(|(_, text)| looks::SAID_IN_WORDS.any_in(text));
    if !often && !page.outline.thresholds.iter().any(|found| lasts(&found)) {
        return;
    }
    let sections = &page.outline.sections;
    let mut limits = page.outline.thresholds.iter().peekable();
    let mut lines = page.prose().iter().copied().peekable();
    for (at, section) in sections.iter().enumerate() {
        let end = sections.get(at + 1).map_or(u32::MAX, |next| next.line);
        let longest = times(&section.title.to_lowercase()).iter().map(|time| time.seconds).max().unwrap_or(0);
        let mut watched = Watched { longest, ..Watched::default() };
        let in_title = WATCH.any_in(&section.title.to_lowercase());
        let mut rules = Vec::new();
        while let Some((line, text)) = lines.next_if(|(line, _)| *line < end) {
            let mut is_limit = false;
            while let Some(limit) = limits.next_if(|limit| limit.line <= line) {
                is_limit |= limit.line == line && limit.threshold.duration.is_some();
                if limit.line == line && limit.usage == Usage::Rollback {
                    rules.push(limit);
                }
            }
            if !is_limit && text.len() < 1000 {
                read_line(line, text, in_title, &mut watched);
            }
        }
        let Some((window, shown)) = &watched.window else { continue };
        for (line, seconds, often) in &watched.looks {
            if line > window && *seconds > watched.longest {
                let message = format!(
                    "{often} is longer than the {shown} of line {window} in which somebody looks: the window ends before the second look"
                );
                found.push((
                    *line,
                    "T504",
                    Severity::Warning,
                    message,
                    "look several times inside the window",
                ));
            }
        }
        for rule in rules.iter().filter(|rule| rule.line > *window) {
            let needed = rule.threshold.duration.unwrap_or_default().0 / 1000;
            if needed > watched.longest {
                let message = format!(
                    "`{}` needs longer than the {shown} of line {window} in which somebody looks: it can never be broken here",
                    rule.threshold.text.trim()
                );
                found.push((
                    rule.line,
                    "T504",
                    Severity::Warning,
                    message,
                    "watch for longer, or let the rule fire sooner",
                ));
            }
        }
    }
}

fn read_line(line: u32, text: &str, in_title: bool, watched: &mut Watched) {
    static NAMED: Words = Words::new(&["hour", "minute", "stunde", "heure", "hora", "minuto", "día", " dia"]);
    if !text.bytes().any(|byte| byte.is_ascii_digit())
        && !NAMED.any_in(text)
        && !looks::SAID_IN_WORDS.any_in(text)
    {
        return;
    }
    let lower = text.to_lowercase();
    let times = times(&lower);
    if let Some((seconds, often)) = cadence(&lower, &times) {
        watched.looks.push((line, seconds, often.to_owned()));
        return;
    }
    let Some(longest) = times.iter().max_by_key(|time| time.seconds) else { return };
    watched.longest = watched.longest.max(longest.seconds);
    let every =
        times.iter().any(|time| OFTEN.iter().any(|word| lower[..time.start].trim_end().ends_with(word)));
    let waits = || WAIT.any_in(&lower) && LOOKS.iter().any(|look| lower[longest.end..].contains(look));
    let says_how_long = || {
        let label = lower.trim_start_matches(|c: char| !c.is_alphabetic());
        in_title
            && ["duration", "dauer", "durée", "duración", "duração", "时长", "所要時間"]
                .iter()
                .any(|word| label.starts_with(word))
    };
    if !every && (WATCH.any_in(&lower) || waits() || says_how_long()) && watched.window.is_none() {
        watched.window = Some((line, lower[longest.start..longest.end].to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::times;

    #[test]
    fn times_are_read_in_all_languages() {
        for (text, seconds) in [
            ("monitor for 20 minutes.", vec![1200]),
            ("let it run for two hours, or 90 min", vec![7200, 5400]),
            ("watch an hour", vec![3600]),
            ("10-15 minutes", vec![900]),
            ("30 minuten beobachten", vec![1800]),
            ("观察 30 分钟", vec![1800]),
            ("上线后监控30分钟", vec![1800]),
            ("監視 (30分間)、40 分ごと", vec![1800, 2400]),
            ("release 2026.11 of 3 hosts", vec![]),
        ] {
            assert_eq!(times(text).iter().map(|time| time.seconds).collect::<Vec<_>>(), seconds, "{text}");
        }
    }
}
