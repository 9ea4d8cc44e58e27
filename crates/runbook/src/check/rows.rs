//! T501 and T502 in one row of a table of limits: what is wished for, what warns and what takes the
//! release back stand side by side, so they are compared without knowing what is measured.

use std::collections::BTreeSet;

use crate::diagnostic::Severity;
use crate::markdown::{Block, Table};

use super::marks::Mark;
use super::page::Page;

/// What a column of limits is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Target,
    Alert,
    Back,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    rises: bool,
    number: f64,
    kind: Kind,
}

/// What a number counts, so that hours and minutes compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Time,
    Share,
    Bare,
}

#[rustfmt::skip]
const COLUMNS: [(For, &[&str]); 3] = [
    (For::Back, &[
        "roll back", "rollback", "roll-back", "go back", "going back", "halt", "abort", "revert", "undo", "to 0", "switch off", "zurück", "abbruch", "retour",
        "vuelta", "revertir", "reversión", "volta", "reversão", "回滚", "回退", "切り戻", "ロールバック",
    ]),
    (For::Alert, &[
        "alarm", "alert", "page", "warn", "aviso", "avis", "alerta", "告警", "报警", "警告", "警報", "アラート",
    ]),
    (For::Target, &["target", "goal", "ziel", "soll", "cible", "objectif", "objetivo", "meta", "alvo", "目标", "目標"]),
];

#[rustfmt::skip]
const RISES: [&str; 24] = [
    "over", "above", "more than", "greater than", "exceeds", "from", ">", "≥", "über", "mehr als", "ab ", "au-dessus de", "plus de", "supérieur à", "más de",
    "por encima de", "mayor que", "acima de", "mais de", "maior que", "超过", "高于", "大于", "超",
];
#[rustfmt::skip]
const FALLS: [&str; 20] = [
    "under", "below", "less than", "fewer than", "<", "≤", "unter", "weniger als", "sous", "en dessous de", "moins de", "menos de", "por debajo de", "menor que", "abaixo de",
    "低于", "小于", "少于", "inférieur à", "at most",
];

pub(super) type Said = Vec<(u32, Severity, String, &'static str)>;

/// Says where a row contradicts itself, or a sentence that says the same of what it measures.
pub(super) fn contradictions(page: &Page<'_>, told: &BTreeSet<u32>, found: &mut Said) {
    page.markdown.walk(|block| {
        let Block::Table(table) = block else { return };
        let columns = columns(table);
        if columns.is_empty() {
            return;
        }
        for row in table.rows.iter().filter(|row| !told.contains(&row.line)) {
            let limits: Vec<(For, Cell, String)> = columns
                .iter()
                .filter_map(|(what, at)| {
                    let text = row.cells.get(*at)?.plain().trim().to_lowercase();
                    Some((*what, read(&text)?, text))
                })
                .collect();
            let Some(message) = within(&limits).or_else(|| {
                let metric = row.cells.first()?.plain().to_lowercase();
                against_sentences(page, &metric, &limits)
            }) else {
                continue;
            };
            found.push((row.line, Severity::Warning, message, "let the target come first, then the alert, then the limit for rollback, and say each number in one place"));
        }
    });
}

/// The columns of limits; a table that has only one of them says nothing beside it.
fn columns(table: &Table) -> Vec<(For, usize)> {
    let what = |header: &str| {
        let is = |words: &[&str]| words.iter().any(|word| header.contains(word));
        COLUMNS.iter().find(|(_, words)| is(words)).map(|(what, _)| *what)
    };
    let headers = table.header.iter().enumerate().skip(1);
    headers.filter_map(|(at, cell)| Some((what(&cell.plain().to_lowercase())?, at))).collect()
}

/// `over 0.5 %`; one with a second number says for how long as well, and compares with none.
fn read(lower: &str) -> Option<Cell> {
    let starts = |words: &[&str]| words.iter().find_map(|word| lower.strip_prefix(word));
    let (rises, rest) = starts(&RISES).map(|rest| (true, rest)).or_else(|| Some((false, starts(&FALLS)?)))?;
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',')).unwrap_or(rest.len());
    let number: f64 = rest[..end].replace(',', ".").parse().ok()?;
    let behind = rest[end..].trim();
    if behind.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (factor, kind) = unit(behind)?;
    Some(Cell { rises, number: number * factor, kind })
}

fn unit(word: &str) -> Option<(f64, Kind)> {
    let word = word.split([' ', ')', ',']).next().unwrap_or_default();
    match word {
        "" => Some((1.0, Kind::Bare)),
        "%" | "％" | "percent" | "prozent" => Some((1.0, Kind::Share)),
        "ms" => Some((0.001, Kind::Time)),
        "s" | "sec" | "seconds" | "sekunden" | "secondes" | "segundos" | "秒" => Some((1.0, Kind::Time)),
        "min" | "minute" | "minutes" | "minuten" | "minutos" | "分钟" | "分" => Some((60.0, Kind::Time)),
        "h" | "hour" | "hours" | "stunde" | "stunden" | "heure" | "heures" | "hora" | "horas" | "小时"
        | "時間" => Some((3600.0, Kind::Time)),
        _ => None,
    }
}

fn within(limits: &[(For, Cell, String)]) -> Option<String> {
    let of = |what: For| limits.iter().find(|one| one.0 == what);
    let crossed = |first: &(For, Cell, String), then: &(For, Cell, String)| {
        let (first, then) = (first.1, then.1);
        let rises = then.rises;
        // A target lies on the other side of its number.
        first.kind == then.kind && if rises { then.number < first.number } else { then.number > first.number }
    };
    let (target, alert, back) = (of(For::Target), of(For::Alert), of(For::Back));
    for (then, does) in [(alert, "people are told"), (back, "the release goes back")] {
        if let (Some(target), Some(then)) = (target, then)
            && target.1.rises != then.1.rises
            && crossed(target, then)
        {
            return Some(format!(
                "`{}` is good enough here, and {does} at `{}`: between the two it is both",
                target.2, then.2
            ));
        }
    }
    let (alert, back) = (alert?, back?);
    (alert.1.rises == back.1.rises && crossed(alert, back)).then(|| {
        format!(
            "people are told at `{}`, but the release goes back at `{}`: the alert can never warn",
            alert.2, back.2
        )
    })
}

/// `Halt if the lag of orders is worse than 2 hours`, and the row of that says 6.
fn against_sentences(page: &Page<'_>, metric: &str, limits: &[(For, Cell, String)]) -> Option<String> {
    let (_, back, said) = limits.iter().find(|one| one.0 == For::Back && one.1.kind == Kind::Time)?;
    let words: Vec<&str> =
        metric.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| word.len() > 2).collect();
    if words.len() < 2 {
        return None;
    }
    page.marked(Mark::Acts).iter().find_map(|(line, text)| {
        if text.len() > 300 || text.trim_start().starts_with('|') {
            return None;
        }
        let lower = text.to_lowercase();
        let has = |word: &&str| {
            lower.split(|c: char| !c.is_alphanumeric() && c != '_').any(|other| other == *word)
        };
        if !words.iter().all(has) || !super::limits::goes_back(&lower) {
            return None;
        }
        let [time] = &super::watched::times(&lower)[..] else { return None };
        let seconds = time.seconds as f64;
        let differs = (seconds - back.number).abs() > f64::EPSILON;
        differs.then(|| {
            format!(
                "the release goes back at `{said}` here, and at `{}` on line {line} for the same: people will act on one of the two",
                &lower[time.start..time.end]
            )
        })
    })
}

/// T502: `over 300` of something slow, in a column where others say their unit.
pub(super) fn without_unit(page: &Page<'_>, found: &mut Vec<(u32, String)>) {
    #[rustfmt::skip]
    const SLOW: [&str; 15] = [
        "slow", "sluggish", "speed", "load time", "langsam", "ladezeit", "lenteur", "temps de chargement", "lentitud", "tiempo de carga", "lentid", "tempo de carga", "慢",
        "加载时间", "読み込み時間",
    ];
    page.markdown.walk(|block| {
        let Block::Table(table) = block else { return };
        let columns = columns(table);
        for row in table.rows.iter().filter(|_| !columns.is_empty()) {
            let metric = row.cells.first().map(|cell| cell.plain().to_lowercase()).unwrap_or_default();
            if !SLOW.iter().any(|word| metric.contains(word)) || metric.contains(['(', ',', '[', '（']) {
                continue;
            }
            let bare = columns.iter().find_map(|(_, at)| {
                let header = table.header.get(*at)?.plain();
                let text = row.cells.get(*at)?.plain();
                let cell = read(&text.trim().to_lowercase())?;
                (cell.kind == Kind::Bare && cell.number > 1.0 && !header.contains('(')).then_some(text)
            });
            if let Some(text) = bare {
                found.push((
                    row.line,
                    format!(
                        "`{}` of what? Milliseconds or seconds decide whether anybody is called",
                        text.trim()
                    ),
                ));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_whose_limits_cross_says_so() {
        for (target, alert, back, expected) in [
            ("under 1 %", "over 0.4 %", "over 2 %", true),
            ("under 0.2 %", "over 0.4 %", "over 2 %", false),
            ("", "below 98.5 %", "below 99.2 %", true),
            ("", "below 99.5 %", "below 99.2 %", false),
            ("unter 2 s", "über 900 ms", "über 4 s", true),
            ("", "más de 2 minutos", "más de 90 s", true),
            ("", "超过5%", "超过2%", true),
            ("", "over 5 % for 1 min", "over 2 % for 10 min", false),
            ("99.9 %", "below 99.5 %", "below 99 %", false),
        ] {
            let cells = [(For::Target, target), (For::Alert, alert), (For::Back, back)];
            let limits: Vec<_> = cells
                .iter()
                .filter_map(|(what, text)| Some((*what, read(text)?, (*text).to_owned())))
                .collect();
            assert_eq!(within(&limits).is_some(), expected, "{target} | {alert} | {back}");
        }
    }
}
