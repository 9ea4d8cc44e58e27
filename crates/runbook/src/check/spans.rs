//! T506: a time that nobody can count: without a unit, undecided, or "a while".

use std::collections::BTreeSet;

use crate::diagnostic::Severity;
use crate::markdown::{Block, Table};
use crate::rules::{DurationError, parse_duration};
use crate::words::Words;

use super::marks::Mark;
use super::page::{Page, short, without_task};
use super::people;
use super::windows::Found;

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
const LABELS: [&str; 90] = [
    "duration", "wait time", "timeout", "soak", "soak time", "soak period", "bake", "bake time", "bake period",
    "rollback window", "wait", "watch time", "observation time", "observation period", "monitoring time", "monitoring period",
    "grace period", "drain time", "dauer", "wartezeit", "beobachtungszeit", "beobachtungsdauer", "zeitlimit", "einwirkzeit",
    "durée", "attente", "temps d'attente", "durée d'observation", "délai", "délai d'attente", "duración",
    "espera", "tiempo de espera", "tiempo de observación", "duração", "tempo de espera", "tempo de observação", "所要時間",
    "待機時間", "監視時間", "観察時間", "タイムアウト", "时长", "等待时间", "观察时间", "观察时长", "监控时间", "超时", "超时时间", "待ち時間",
    "période d'observation",
    "estimated time", "estimated duration", "expected duration", "expected time", "time needed", "time required", "downtime",
    "expected downtime", "maintenance window length", "soak duration", "bake duration", "watch", "observation window", "monitoring window", "observation",
    "geschätzte dauer", "ausfallzeit", "zeitbedarf", "durée estimée", "temps estimé", "duración estimada", "tiempo estimado",
    "duração estimada", "tempo estimado", "预计时间", "预计耗时", "耗时", "等待", "持续时间", "待機", "想定時間", "作業時間", "janela de observação", "ventana de observación", "fenêtre d'observation", "beobachtungsfenster", "观察窗口", "監視期間", "beobachtung",
];

/// An amount of time without a number. Only looked for in what a label, a column or a verb says is one.
#[rustfmt::skip]
static AMOUNT: Words = Words::new(&[
    "feels right", "feels good", "see fit", "as you like", "jiffy", "depend", "not too long", "solange", "nach bauchgefühl", "je nach", "à voir", "sur le moment", "selon ", "petit moment", "según ", "a ver", "depende", "conforme ", "稍",
    "a while", "awhile", "a bit", "a moment", "a little", "some time", "some minutes", "some hours", "some seconds", "a few", "few min",
    "several min", "several hour", "couple of", "feels right", "feels good", "see fit", "as you like", "jiffy", "depend", "not too long", "long enough", "as long as it takes", "as long as needed", "as long as necessary", "not long",
    "short", "brief", "quick", "reasonable", "appropriate", "sufficient", "the usual time", "or so",
    "eine weile", "ein weilchen", "ein bisschen", "ein wenig", "kurz", "einige", "ein paar", "mehrere", "angemessen", "ausreichend",
    "stündchen", "nach gefühl", "lange genug", "solange nötig", "so lange wie", "einen moment", "ein moment", "eine zeit lang",
    "un moment", "certain temps", "quelques", "un peu", "un instant", "peu de temps", "assez longtemps", "suffisamment", "raisonnable",
    "qu'il fau", "un bon moment", "plusieurs", "un rat", "un momento", "unos minutos", "unas horas", "unos segundos", "un poco", "algunos", "algunas",
    "varios", "varias", "lo necesario", "lo que tard", "lo que dure", "lo que sea", "poco", "bastante", "que haga falta", "suficiente", "razonable", "poco tiempo", "breve", "cierto tiempo", "un tiempo",
    "um pouco", "um tempo", "um tempinho", "um instante", "um momento", "alguns", "algumas", "uns minutos", "umas horas", "vários", "várias",
    "o necessário", "que for preciso", "razoável", "pouco tempo", "pouquinho", "一会", "片刻", "一段时间", "若干", "几分", "几个小时", "几小时",
    "数分钟", "数小时", "稍等", "适当", "足够", "看情况", "视情况", "看心情", "不定", "尽快", "酌情", "不久", "しばらく", "少し", "少々", "ちょっと", "数分", "数時間", "数秒", "適当", "適宜", "なるべく",
    "一定時間", "ある程度", "できるだけ", "十分な時間", "次第", "状況による", "場合による", "臨機応変",
]);

/// What has somebody wait, in front of the amount.
#[rustfmt::skip]
static WAITS: Words = Words::new(&[
    "give it ", "give the ", "pause", "abwart", "patienter", "稍等",
    "wait", "let it soak", "let the ", "leave the ", "leave it ", "keep the ", "only after", "settle", "let it bake", "let it sit", "let it run", "let the canary run", "let the canary soak", "soak for", "soak it for", "watch for", "monitor for", "observe for",
    "warte", "beobachte", "etwas wart", "nachdem", "attend", "patient", "laisser tourner", "laissez tourner", "dejar correr", "dejar pasar", "deixar rodar", "observer pendant", "surveiller pendant", "espera", "observar durante", "aguard",
    "observar por", "等待", "等上", "等一", "等几", "観察", "观察", "監視", "监控", "等", "待つ", "様子", "置いて", "待機", "待っ", "待ち",
]);

/// The same where a verb says that somebody waits; shorter words mean something else there.
#[rustfmt::skip]
pub(super) const WHILE_WORDS: &[&str] = &[
    "part of the", "part of an", "most of the", "rest of the", "guten teil", "großteil", "bonne partie", "buena parte", "gran parte", "boa parte", "grande parte", "bom tempo", "大半天", "半天",
    "breathing room", "some room", "some rest", "briefly", "kurz abwart", "kurz wart", "kurze zeit", "petit moment", "petit peu", "brièvement", "brevemente", "稍等",
    "a while", "awhile", " a bit", "good while", "a moment", "some time", "some minutes", "some hours", "a few minutes", "a few hours", "several minutes",
    "several hours", "couple of minutes", "couple of hours", "long enough", "eine weile", "ein weilchen", "ein bisschen", "ein wenig",
    "einige minuten", "einige zeit", "ein paar minuten", "mehrere minuten", "etwas wart", "lange genug", "einen moment", "eine zeit lang", "un moment",
    "un bon moment", "un certain temps", "quelques minutes", "quelques heures", "un peu", "un instant", "assez longtemps", "plusieurs minutes", "un rat",
    "un momento", "unos minutos", "algunos minutos", "varios minutos", "un poco", "un tiempo", "um pouco", "um tempo", "um tempinho", "alguns minutos",
    "algumas horas", "uns minutos", "vários minutos", "um momento", "um instante", "一会", "片刻", "一段时间", "若干分", "几分钟", "几个小时",
    "数分钟", "しばらく", "少し", "少々", "ちょっと", "数分", "数時間", "一定時間",
];
static WHILE: Words = Words::new(WHILE_WORDS);

/// It ends with something that can be seen, or the amount is said in another way.
#[rustfmt::skip]
static ENDS: Words = Words::new(&[
    "until", "till ", "will ", "waits", "would ", " for the ", "bis ", "jusqu", "hasta", " até ", "直到", "为止", "まで", "may ", "can take", "might", "kann ",
    "peut ", "puede", "pode ", "可能", "場合", " if ", "wenn", "don't wait", "do not wait",
]);

/// Finds the times of the document that nobody can count.
pub(super) fn check(page: &Page<'_>, found: &mut Found) {
    let facts: Vec<(u32, &str)> = page
        .outline
        .facts
        .iter()
        .filter(|fact| is_label(&fact.label.to_lowercase()))
        .map(|fact| (fact.line, fact.value.as_str()))
        .collect();
    let read: BTreeSet<u32> = facts.iter().map(|(line, _)| *line).collect();
    for (line, value) in facts {
        if let Some(message) = unreadable(value).or_else(|| uncountable(value)) {
            found.push(as_fault(line, message));
        }
    }
    let waits: BTreeSet<u32> = page.marked(Mark::While).iter().map(|(line, _)| *line).collect();
    for &(line, text) in page.prose() {
        if read.contains(&line) {
            continue;
        }
        let labelled = labelled(text).filter(|(_, row, _)| !row || !header_has_unit(page, line));
        let message = match labelled {
            Some((_, _, value)) => bare(value).or_else(|| uncountable(value)),
            None if waits.contains(&line) => waits_vaguely(text).or_else(|| looks_vaguely(text)),
            None => None,
        };
        found.extend(message.map(|message| as_fault(line, message)));
    }
    let mut told: BTreeSet<u32> = found.iter().filter(|one| one.1 == "T506").map(|one| one.0).collect();
    page.markdown.walk(|block| {
        if let Block::Table(table) = block {
            in_table(table, &mut told, found);
        }
    });
}

fn as_fault(line: u32, message: String) -> (u32, &'static str, Severity, String, &'static str) {
    (line, "T506", Severity::Warning, message, "write it like `90s`, `15 min`, `4 hours` or `1h 30m`")
}

fn is_label(lower: &str) -> bool {
    let lower = lower.trim();
    // `Timeout for the smoke run`, `Durée de la surveillance`
    #[rustfmt::skip]
    const WHAT_FOR: [&str; 14] =
        [" for ", " before ", " after ", " of ", " für ", " vor ", " nach ", " der ", " des ", " de ", " del ", " da ", " do ", " ("];
    let cut = || WHAT_FOR.iter().filter_map(|word| lower.find(word)).min();
    LABELS.contains(&lower) || cut().is_some_and(|at| LABELS.contains(&&lower[..at]))
}

/// A line `Label: value` without bold, in the text, a list or a row; whether it is a row.
fn labelled(text: &str) -> Option<(String, bool, &str)> {
    let text = text.trim_start_matches([' ', '-', '*', '+', '>']);
    let text = without_task(text);
    let row = text.strip_prefix('|');
    let (label, value) = row.map_or_else(|| text.split_once([':', '：']), |row| row.split_once('|'))?;
    // A longer one is a sentence.
    if label.len() > 60 {
        return None;
    }
    // Nearly all labels are about something else.
    #[rustfmt::skip]
    static PARTS: Words = Words::new(&[
        "duration", "time", "soak", "bake", "wait", "watch", "window", "period", "observation", "dauer", "zeit", "dur", "attente", "temps", "dela",
        "tiempo", "tempo", "espera", "ventana", "janela", "downtime", "beobachtung",
    ]);
    if label.is_ascii() && !PARTS.any_in(label) {
        return None;
    }
    let label = label.trim().trim_matches('*').trim().to_lowercase().replace('’', "'");
    let value = value.trim_start_matches(['*', ' ']).trim();
    is_label(&label).then_some((label, row.is_some(), value))
}

/// `30`, and nothing that says of what; more may follow behind a comma.
fn bare(value: &str) -> Option<String> {
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let behind = value[end..].trim_start_matches('*').trim_end_matches(['|', ' ']);
    let goes_on = [", ", "; ", "，", "；", "。", "、"].iter().any(|sign| behind.starts_with(sign));
    let ends = behind.trim().is_empty() || behind.trim() == ".";
    ((1..=4).contains(&end) && (ends || goes_on) && &value[..end] != "0")
        .then(|| format!("`{}` of what? Without a unit one waits minutes, another hours", &value[..end]))
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

/// A bold value that is no duration although it was to be one.
fn unreadable(value: &str) -> Option<String> {
    let value = value.trim().trim_matches(['`', '*', '~', '.']).trim();
    let error = parse_duration(value).err()?;
    let word =
        value.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '.' | '-' | '–' | '+'));
    let lower = word.to_lowercase();
    let near = word != value
        && !NOT_UNITS.contains(&lower.as_str())
        && lower.len() >= 3
        && lower.chars().all(|c| c.is_ascii_alphabetic())
        && crate::faults::nearest(&lower, UNITS).is_some();
    match error {
        DurationError::NoUnit(_) => {
            Some(format!("`{value}` of what? Without a unit one waits minutes, another hours"))
        }
        _ if near => Some(format!("`{value}` is no duration that can be read")),
        _ => None,
    }
}

/// A value in which nobody has decided how long, or says so that nobody can count it.
fn uncountable(value: &str) -> Option<String> {
    let value = value.trim_end_matches(['|', ' ']).split('|').next().unwrap_or_default();
    let value = value.trim().trim_matches(['`', '*', '.', '。', ' ']);
    if value.is_empty() || value.chars().count() > 60 {
        return None;
    }
    let lower = value.to_lowercase();
    if is_undecided(&lower) {
        return Some(format!("`{value}`: nobody has decided how long"));
    }
    if is_about(&lower) {
        return Some(format!("`{value}` is no duration that can be read"));
    }
    let counted = lower.bytes().any(|byte| byte.is_ascii_digit()) || ENDS.any_in(&lower);
    let vague = !counted && AMOUNT.any_in(&lower);
    (vague || falls(&lower))
        .then(|| format!("`{}`: nobody can count that: one waits a minute, another an hour", short(value)))
}

/// `TBD`, `xx minutes`, `__ min`, `[N] hours`
fn is_undecided(lower: &str) -> bool {
    let bare = lower.trim_start_matches(['~', '<', '≥', '≤', ' ']);
    let (number, unit) = bare.split_once(' ').unwrap_or((bare, ""));
    let number = number.trim_matches(['[', ']', '<', '>', '{', '}']);
    let open = matches!(
        number,
        "x" | "xx" | "n" | "nn" | "y" | "?" | "??" | "__" | "___" | "____" | "tbd" | "…" | "..."
    );
    let is_unit =
        UNITS.contains(&unit) || NOT_UNITS.contains(&unit) || matches!(unit, "min" | "h" | "s" | "hrs" | "m");
    open && is_unit || people::says_nobody(lower)
}

/// `5-ish mins`, `10ish minutes`
fn is_about(lower: &str) -> bool {
    lower.match_indices("ish").any(|(at, _)| {
        lower[..at].trim_end_matches('-').ends_with(|c: char| c.is_ascii_digit())
            && !lower[at + 3..].starts_with(char::is_alphabetic)
    })
}

/// `30-15 minutes` says neither.
fn falls(lower: &str) -> bool {
    let Some((first, rest)) = lower.split_once(['-', '–']) else { return false };
    let rest = rest.trim_start();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let unit = rest[digits..].trim_start();
    let (Ok(first), Ok(second)) = (first.trim().parse::<u32>(), rest[..digits].parse::<u32>()) else {
        return false;
    };
    first > second && unit.starts_with(['m', 's', 'h']) && !unit.starts_with("mo")
}

/// `Wait a while before going on.`
fn waits_vaguely(text: &str) -> Option<String> {
    if text.len() > 240 || text.starts_with('#') {
        return None;
    }
    let lower = text.to_lowercase();
    if !WAITS.any_in(&lower) || !WHILE.any_in(&lower) {
        return None;
    }
    let vague = lower.split(['.', '。', ';', '；']).find(|part| {
        WAITS.any_in(part)
            && WHILE.any_in(part)
            && !ENDS.any_in(part)
            && !part.bytes().any(|byte| byte.is_ascii_digit())
    })?;
    let said = vague.trim_start_matches(|c: char| !c.is_alphabetic()).trim();
    Some(format!("`{}`: nobody can count that: one waits a minute, another an hour", short(said)))
}

/// How long somebody looks, where nothing but the words themselves says it; a number behind them does.
#[rustfmt::skip]
static LOOKED_FOR: Words = Words::new(&[
    "for a good part of", "for a large part of", "for a big part of", "for part of the", "for most of the", "for the better part of", "for the rest of the", "for a while", "for a good while", "for a bit", "for some time",
    "for some minutes", "for a few minutes", "for a few hours", "for several minutes", "for several hours", "eine weile", "ein weilchen", "eine zeit lang", "einen guten teil",
    "den großteil", "pendant un moment", "pendant un bon moment", "pendant un certain temps", "pendant quelques minutes", "pendant quelques heures", "une bonne partie d", "durante un rat",
    "durante un buen rato", "durante un tiempo", "durante unos minutos", "durante buena parte", "buena parte de la", "gran parte de la", "por um tempo", "por um tempinho", "por um bom tempo", "durante um tempo",
    "durante alguns minutos", "boa parte d", "grande parte d", "一段时间", "大半天", "一会", "しばらく",
]);

/// Somebody looks, or leaves something open to look at.
#[rustfmt::skip]
static LOOKING: Words = Words::new(&[
    "watch", "monitor", "observ", "keep ", "look", " eye", "beobacht", "im auge", "im blick", "schau", "geöffnet", "offen", "surveill", "garde", "mira", "vigil", "acompanh", "观察", "监控", "盯",
    "観察", "監視", "様子",
]);

/// `Keep the board open for most of the morning, a look every 5 minutes.`
fn looks_vaguely(text: &str) -> Option<String> {
    if text.len() > 400 || text.starts_with('#') || !LOOKED_FOR.any_in(&text.to_lowercase()) {
        return None;
    }
    static UNTIL: Words = Words::new(&[
        "until", "till ", "unless", " if ", "bis ", "jusqu", "hasta", " até ", "直到", "为止", "まで",
    ]);
    let lower = text.to_lowercase();
    let vague = lower.split(['.', '。', ';', '；']).find(|part| {
        let end = LOOKED_FOR.iter().find_map(|word| part.find(word).map(|at| at + word.len()));
        // "for a while (20 minutes)"
        let counted = |end: usize| part[end..].chars().take(14).any(|c| c.is_ascii_digit());
        end.is_some_and(|end| !counted(end)) && LOOKING.any_in(part) && !UNTIL.any_in(part)
    })?;
    let said = vague.trim_start_matches(|c: char| !c.is_alphabetic()).trim();
    Some(format!("`{}`: nobody can count that: one looks for a minute, another for an hour", short(said)))
}

/// Headers of a column that says how long, or at what time of the day.
const TIMES: [&str; 9] = ["time", "takes", "how long", "zeit", "temps", "tiempo", "tempo", "时间", "時間"];

/// Cells of a column that says how long.
fn in_table(table: &Table, told: &mut BTreeSet<u32>, found: &mut Found) {
    let header: Vec<String> = table.header.iter().map(|cell| cell.plain().to_lowercase()).collect();
    for (column, _) in
        header.iter().enumerate().skip(1).filter(|(_, name)| is_label(name) || TIMES.contains(&name.trim()))
    {
        for row in &table.rows {
            let Some(cell) = row.cells.get(column) else { continue };
            if let Some(message) = uncountable(&cell.plain()).filter(|_| told.insert(row.line)) {
                found.push(as_fault(row.line, message));
            }
        }
    }
}
