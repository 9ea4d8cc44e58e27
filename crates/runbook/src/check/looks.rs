//! T504 in one sentence: how often somebody looks, and for how long, in whatever order and words.

use crate::diagnostic::Severity;
use crate::words::Words;

use super::marks::Mark;
use super::page::Page;
use super::watched::{LOOKS, Time, WATCH, times};
use super::windows::Found;

/// How often, in words of their own. Of two that begin alike, the longer one comes first.
#[rustfmt::skip]
const IN_WORDS: [(&str, u64); 53] = [
    ("half-hourly", 1800), ("twice a day", 43_200), ("twice daily", 43_200), ("halbstundentakt", 1800), ("stundentakt", 3600), ("zweimal am tag", 43_200), ("deux fois par jour", 43_200), ("dos veces al día", 43_200), ("duas vezes por dia", 43_200), ("每天两次", 43_200), ("hourly", 3600), ("every hour", 3600), ("each hour", 3600), ("once an hour", 3600), ("once per hour", 3600),
    ("once every hour", 3600), ("every other hour", 7200), ("twice an hour", 1800), ("twice per hour", 1800), ("every half hour", 1800),
    ("every half an hour", 1800), ("once a day", 86_400), ("once per day", 86_400), ("every day", 86_400), ("halbstündlich", 1800),
    ("stündlich", 3600), ("jede stunde", 3600), ("einmal pro stunde", 3600), ("einmal in der stunde", 3600), ("einmal je stunde", 3600),
    ("alle halbe stunde", 1800), ("jede halbe stunde", 1800), ("toutes les heures", 3600), ("chaque heure", 3600),
    ("une fois par heure", 3600), ("une fois par jour", 86_400), ("toutes les demi-heures", 1800), ("cada hora", 3600),
    ("una vez por hora", 3600), ("una vez a la hora", 3600), ("cada media hora", 1800), ("una vez al día", 86_400),
    ("uma vez por hora", 3600), ("de hora em hora", 3600), ("a cada hora", 3600), ("cada meia hora", 1800), ("uma vez por dia", 86_400),
    ("每小时", 3600), ("每个小时", 3600), ("每半小时", 1800), ("毎時", 3600), ("1時間に1回", 3600), ("一時間に一回", 3600),
];

/// The beginnings of those words.
#[rustfmt::skip]
pub(super) const OFTEN_WORDS: &[&str] = &[
    "hourly", "every ", "zweimal", "deux fois", "dos veces", "duas vezes", "each hour", "once ", "twice ", "stündlich", "jede ", "einmal ", "alle halbe", "toutes les", "chaque heure", "une fois", "cada ",
    "una vez", "uma vez", "de hora em", "每", "毎時", "時間に", "interval", "takt", "rhythmus", "间隔", "間隔", "に1回", "に一回", "alle ", "ごと", "おき",
];
pub(super) static OFTEN_IN_WORDS: Words = Words::new(OFTEN_WORDS);

/// Of them, what says it without a number.
#[rustfmt::skip]
pub(super) static SAID_IN_WORDS: Words = Words::new(&[
    "hourly", "every h", "every o", "every day", "each hour", "once an", "once per", "once a ", "once every", "twice a", "twice p", "twice d", "stündlich",
    "jede ", "einmal ", "zweimal ", "alle halbe", "stundentakt", "toutes les h", "toutes les d", "chaque heure", "une fois p", "deux fois p", "cada h", "cada m", "una vez ", "uma vez ", "dos veces",
    "duas vezes", "de hora em", "每", "毎時", "時間に",
]);

/// In front of how often.
const BEFORE: [&str; 13] = [
    "every",
    "alle",
    "toutes les",
    "cada",
    "每隔",
    "每",
    "jede",
    "intervalles de",
    "intervalos de",
    "间隔",
    "間隔",
    "once in",
    "once per",
];
/// Behind how often.
const BEHIND: [&str; 15] = [
    "ごと",
    "おき",
    "毎",
    "interval",
    "takt",
    "-takt",
    "rhythmus",
    "-rhythmus",
    "に1回",
    "に一回",
    "間隔",
    "隔で",
    "cadence",
    "minutentakt",
    "1回",
];
/// In front of for how long.
#[rustfmt::skip]
const FOR: &[&str] = &[
    "window of", "period of", "span of", "stretch of", "fenster von", "zeitraum von", "zeitspanne von", "fenêtre de", "période de", "ventana de", "período de", "periodo de", "janela de", "intervalo total de",
    "throughout", "for", "for the first", "for the next", "for at least", "for a", "for the", "during", "during the", "during the first", "over", "over the", "over the first",
    "within", "within the first", "für", "während", "während der ersten", "in den ersten", "die ersten", "die nächsten", "über", "lang",
    "pendant", "pendant les", "durant", "durant les", "durante", "durante los", "durante los primeros", "durante las", "por", "en los primeros",
    "nos primeiros", "durante os primeiros", "durante a primeira", "the first", "watch",
];
/// Behind for how long.
#[rustfmt::skip]
const LONG: [&str; 21] = [
    "window", "soak", "watch", "lang", "観察", "監視", "の間", "間", "内", "様子", "以内", "fenster", "bake", "warm-up", "warmup", "ramp", "period", "trial", "观察", "监控", "observation",
];
/// Looking, in words that mean something else at the beginning of a line.
#[rustfmt::skip]
static GLANCE: Words = Words::new(&[
    "peek", "glance", " eye", "dashboard", "graph", "grafana", " logs", "œil", "oeil", "tableau de bord", "vistazo", "echar un ojo", "panel", "olhada",
    "painel", "schau", "guck", "看", "見る", "見て", "確認",
]);
/// A machine does it, or it is no look at all.
pub(super) static MACHINE: Words =
    Words::new(&["cron", "backup", " job", "snapshot", "rotate", "retry", "retries", "定时任务"]);

/// Finds how often something is done where that is said without a number.
pub(super) fn in_words(line: &str) -> Option<(Time, &'static str)> {
    if !SAID_IN_WORDS.any_in(line) {
        return None;
    }
    let mut found = IN_WORDS.iter().filter_map(|(word, seconds)| {
        let start = line.find(word)?;
        Some((Time { start, end: start + word.len(), seconds: *seconds }, *word))
    });
    found.next()
}

/// Says where one look comes later than the time that it is for.
pub(super) fn check(page: &Page<'_>, found: &mut Found) {
    let told: Vec<u32> = found.iter().filter(|one| one.1 == "T504").map(|one| one.0).collect();
    for (line, text) in page.marked(Mark::Often) {
        if text.len() > 400 || told.contains(&line) {
            continue;
        }
        let lower = text.to_lowercase();
        let rare = lower.split(['.', '。', ';', '；']).find_map(rare);
        if let Some((often, window)) = rare {
            let message = format!(
                "{often} is longer than the {window} in which somebody looks: the window ends before the second look"
            );
            found.push((line, "T504", Severity::Warning, message, "look several times inside the window"));
        }
    }
}

/// How often and for how long, where the first is longer.
fn rare(sentence: &str) -> Option<(String, String)> {
    let looks =
        WATCH.any_in(sentence) || GLANCE.any_in(sentence) || LOOKS.iter().any(|look| sentence.contains(look));
    // "For ten minutes, then once a day" goes on.
    static LATER: Words = Words::new(&[
        " then ",
        "afterwards",
        "after that",
        "later",
        "danach",
        "anschließend",
        "puis ",
        "ensuite",
        "luego",
        "después",
        "depois",
        "之后",
        "然后",
        "以后",
        "その後",
        "以降",
    ]);
    if !OFTEN_IN_WORDS.any_in(sentence) || !looks || MACHINE.any_in(sentence) || LATER.any_in(sentence) {
        return None;
    }
    let mut times = times(sentence);
    let (often, from) = match in_words(sentence) {
        Some((often, _)) => {
            times.retain(|time| time.end <= often.start || time.start >= often.end);
            let from = often.start;
            (often, from)
        }
        None => {
            let at = times.iter().position(|time| {
                let (before, behind) = around(sentence, time);
                BEFORE.iter().any(|word| ends_in(before, word))
                    || BEHIND.iter().any(|word| behind.starts_with(word))
            })?;
            let often = times.remove(at);
            let (before, _) = around(sentence, &often);
            let word = BEFORE.iter().find(|word| ends_in(before, word)).map_or(0, |word| word.len());
            let from = before.len() - word;
            (often, from)
        }
    };
    let [window] = &times[..] else { return None };
    let (before, behind) = around(sentence, window);
    // "for the first", "pendant le premier": what stands between is no matter.
    let bare = without_order(before);
    let lasts = FOR.iter().any(|word| ends_in(before, word) || ends_in(bare, word))
        || LONG.iter().any(|word| behind.starts_with(word))
        // Scripts without spaces say it by the order of the words.
        || sentence[window.start..window.end].contains(|c: char| c > '\u{2e7f}');
    (lasts && often.seconds > window.seconds)
        .then(|| (sentence[from..often.end].trim().to_owned(), sentence[window.start..window.end].to_owned()))
}

/// A text without the articles and ordinal words that it ends in.
fn without_order(text: &str) -> &str {
    #[rustfmt::skip]
    const ORDER: [&str; 30] = [
        "the", "first", "next", "last", "a", "an", "den", "der", "die", "einer", "eine", "erste", "ersten", "le", "la", "les", "premier", "première",
        "premières", "los", "las", "el", "primer", "primera", "primeros", "os", "as", "o", "primeiro", "primeiros",
    ];
    let mut rest = text;
    while let Some(shorter) =
        ORDER.iter().find_map(|word| rest.strip_suffix(word).filter(|shorter| shorter.ends_with(' ')))
    {
        rest = shorter.trim_end();
    }
    rest
}

fn around<'t>(sentence: &'t str, time: &Time) -> (&'t str, &'t str) {
    let before = sentence[..time.start].trim_end().trim_end_matches(['(', '（']).trim_end();
    (before, sentence[time.end..].trim_start_matches([' ', '-']))
}

/// A text ends in these words, and not in the end of another one.
fn ends_in(text: &str, word: &str) -> bool {
    text.strip_suffix(word)
        .is_some_and(|rest| !word.is_ascii() || !rest.ends_with(|c: char| c.is_ascii_alphabetic()))
}
