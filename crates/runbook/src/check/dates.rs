//! T503: dates that are not on the weekday that stands beside them.
//!
//! Read in the languages that runbooks are written in, and only where the text says all of it: day,
//! month, year and weekday.

use crate::diagnostic::Severity;
use crate::lines::floor_boundary;
use crate::pattern::Pattern;

use super::page::Page;

/// English weekdays without their `day`, and the number of the day, Sunday 0. All that knows
/// weekdays is made of these two tables.
macro_rules! english {
    ($make:ident) => {
        $make![
            "sun" 0, "mon" 1, "tues" 2, "tue" 2, "wednes" 3, "wed" 3, "thurs" 4, "thu" 4, "fri" 5, "satur" 6, "sat" 6
        ]
    };
}
/// Those of other languages, without `-feira`. Patterns fold the case of ASCII alone, so capitals
/// with a mark have rows of their own.
macro_rules! others {
    ($make:ident) => {
        $make![
            "sonntag" 0, "montag" 1, "dienstag" 2, "mittwoch" 3, "donnerstag" 4, "freitag" 5, "samstag" 6, "sonnabend" 6,
            "dimanche" 0, "lundi" 1, "mardi" 2, "mercredi" 3, "jeudi" 4, "vendredi" 5, "samedi" 6,
            "domingo" 0, "lunes" 1, "martes" 2, "miércoles" 3, "miercoles" 3, "jueves" 4, "viernes" 5, "sábado" 6, "sabado" 6, "miÉrcoles" 3, "sÁbado" 6,
            "segunda" 1, "terça" 2, "terca" 2, "terÇa" 2, "quarta" 3, "quinta" 4, "sexta" 5
        ]
    };
}
/// `sun|mon|…`
macro_rules! one_of {
    ($first:literal $sunday:literal $(, $name:literal $day:literal)*) => { concat!($first $(, "|", $name)*) };
}
macro_rules! rows {
    ($($name:literal $day:literal),*) => { &[$(($name, $day)),*] };
}
pub(super) const ENGLISH: &[(&str, usize)] = english!(rows);
pub(super) const OTHERS: &[(&str, usize)] = others!(rows);

/// The signs of the days in Chinese and Japanese, Sunday first.
pub(super) const SIGNS_OF_DAYS: [&str; 7] = ["日天", "一月", "二火", "三水", "四木", "五金", "六土"];

macro_rules! day {
    () => {
        concat!(r"(?P<day>", english!(one_of), "|", others!(one_of), r")(?:day|-feira)?")
    };
}
macro_rules! other_day {
    () => {
        concat!(r"(?P<other>", others!(one_of), r")(?:-feira)?")
    };
}
macro_rules! month {
    () => {
        r"(?P<month>Jan|Ene|Feb|F[ée]v|Mar|Mär|Apr|Avr|Abr|Ma[iy]|Jun|Juin|Juil|Jul|Aug|Aoû|Ago|Sep|Set|O[ck]t|Out|Nov|D[eé][cz]|Dic)[a-zçéû]*\.?"
    };
}

const SIGNS: &[&str] = &["20"];

/// A date with its weekday, in the orders that people write them.
static DATED: [Pattern; 6] = [
    Pattern::new(SIGNS, concat!(r"(?i)\b", day!(), r",?\s+(?P<y>20\d\d)-(?P<m>\d\d)-(?P<d>\d\d)\b")),
    Pattern::new(SIGNS, concat!(r"(?i)\b(?P<y>20\d\d)-(?P<m>\d\d)-(?P<d>\d\d)\s*[,(]\s*", day!(), r"\b")),
    Pattern::new(
        SIGNS,
        concat!(
            r"(?i)\b",
            day!(),
            r",?\s+",
            month!(),
            r"\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>20\d\d)\b"
        ),
    ),
    Pattern::new(
        SIGNS,
        concat!(
            r"(?i)\b",
            day!(),
            r",?\s+(?:(?:den|le|el|dia|día|the)\s+)?(?P<d>\d{1,2})(?:st|nd|rd|th|er)?\.?\s+(?:(?:de|of)\s+)?",
            month!(),
            r",?\s+(?:(?:de|del)\s+)?(?P<y>20\d\d)\b"
        ),
    ),
    // Day before month, as everywhere but in English.
    Pattern::new(
        SIGNS,
        concat!(
            r"(?i)\b",
            other_day!(),
            r",?\s+(?:(?:den|le|el|dia|día)\s+)?(?P<d>\d{1,2})[./](?P<m>\d{1,2})[./](?P<y>20\d\d)\b"
        ),
    ),
    Pattern::new(
        SIGNS,
        r"(?P<y>20\d\d)年\s*(?P<m>\d{1,2})月\s*(?P<d>\d{1,2})日\s*[（(]?(?:(?:星期|周|週|礼拜)(?P<day>[一二三四五六日天])|(?P<other>[月火水木金土日])(?:曜日?)?[）)])",
    ),
];

fn names_a_weekday(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|word| {
        let word = word.to_lowercase();
        day_named(word.strip_suffix("day").unwrap_or(&word)).is_some()
    })
}

/// The number of a day by its name in small letters, as the tables have it.
fn day_named(name: &str) -> Option<usize> {
    ENGLISH.iter().chain(OTHERS).find(|(known, _)| *known == name).map(|(_, day)| *day)
}

/// A weekday and its date stand this near to each other, however they are written.
const NEAR_BYTES: usize = 64;

/// Returns the parts of a text that hold a year of this century with a weekday near it: whole
/// documents are searched, and most hold neither.
fn dated(document: &str) -> Vec<std::ops::Range<usize>> {
    let mut parts: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, _) in document.match_indices("20") {
        let is_year =
            document.as_bytes().get(at + 2..at + 4).is_some_and(|two| two.iter().all(u8::is_ascii_digit));
        if !is_year {
            continue;
        }
        let start = floor_boundary(document, at.saturating_sub(NEAR_BYTES));
        let end = floor_boundary(document, at + NEAR_BYTES);
        match parts.last_mut() {
            Some(last) if last.end >= start => last.end = end,
            _ => parts.push(start..end),
        }
    }
    parts.retain(|part| {
        let text = &document[part.clone()];
        names_a_weekday(text) || text.contains('年')
    });
    parts
}

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Runs the check.
pub(super) fn check(page: &mut Page<'_>) {
    let mut found = Vec::new();
    for (part, pattern) in
        dated(page.document).iter().flat_map(|part| DATED.iter().map(move |one| (part, one)))
    {
        for captures in pattern.captures_iter(&page.document[part.clone()]) {
            let number = |name: &str| captures.name(name).and_then(|n| n.as_str().parse::<u32>().ok());
            let month = number("m").or_else(|| captures.name("month").and_then(|name| month(name.as_str())));
            let (Some(year), Some(month), Some(day)) = (number("y"), month, number("d")) else { continue };
            let named = captures.name("day").or_else(|| captures.name("other")).map(|name| name.as_str());
            let (Some(right), Some(named)) = (weekday(year, month, day), named.and_then(day_of_week)) else {
                continue;
            };
            if let (Some(whole), true) = (captures.get(0), right != named) {
                found.push((
                    part.start + whole.start()..part.start + whole.end(),
                    format!("{year}-{month:02}-{day:02} is a {}, not a {}", DAYS[right], DAYS[named]),
                ));
            }
        }
    }
    for (range, message) in found {
        page.add("T503", Severity::Warning, range, message)
            .help("people come on the weekday or on the date: make them agree");
    }
}

fn day_of_week(name: &str) -> Option<usize> {
    let by_sign = || SIGNS_OF_DAYS.iter().position(|signs| signs.contains(name));
    day_named(&name.to_lowercase()).or_else(by_sign)
}

/// The first letters of the months, in each language.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene"],
    &["feb", "fév", "fev"],
    &["mar", "mär"],
    &["apr", "avr", "abr"],
    &["may", "mai"],
    &["jun", "juin"],
    &["jul", "juil"],
    &["aug", "aoû", "ago"],
    &["sep", "set"],
    &["oct", "okt", "out"],
    &["nov"],
    &["dec", "dez", "déc", "dic"],
];

fn month(name: &str) -> Option<u32> {
    let name = name.to_lowercase();
    let at = MONTHS.iter().position(|names| names.iter().any(|known| name.starts_with(known)))?;
    u32::try_from(at + 1).ok()
}

/// Day of the week, Sunday 0, by Sakamoto's method; `None` for a date that is none.
fn weekday(year: u32, month: u32, day: u32) -> Option<usize> {
    const OFFSETS: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let at = usize::try_from(month.checked_sub(1)?).ok().filter(|at| *at < 12)?;
    if day == 0 || day > LENGTHS[at] {
        return None;
    }
    let year = if month < 3 { year - 1 } else { year };
    usize::try_from((year + year / 4 - year / 100 + year / 400 + OFFSETS[at] + day) % 7).ok()
}
