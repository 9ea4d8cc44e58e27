//! T502: "30 % slower", and nobody says than what.

use crate::diagnostic::Severity;
use crate::outline::UnitKind;
use crate::pattern::Pattern;
use crate::words::Words;

use super::page::Page;

/// A change by so many percent; one pattern for each language.
static CHANGES: [Pattern; 7] = [
    Pattern::of_both(
        &[
            "slower", "faster", "higher", "lower", "more", "fewer", "less", "increase", "rise", "grow",
            "drop", "fall", "decrease", "worse", "go up", "goes up",
        ],
        &["%", "percent"],
        r"(?i)\b\d+(?:\.\d+)? ?(?:%|percent) (?:slower|worse|higher|lower|(?:more|fewer|less) [a-z]+)\b|\b(?:increases?|rises?|grows?|drops?|falls?|decreases?|goes up|go up|goes down|slows down)(?: by)? (?:more than |over |at least |> ?)?\d+(?:\.\d+)? ?(?:%|percent)",
    ),
    Pattern::of_both(
        &["langsamer", "schneller", "höher", "mehr", "weniger", "steig", "sink", "fäll", "wächst"],
        &["%", "prozent"],
        r"(?i)\b\d+(?:,\d+)? ?(?:%|prozent) (?:langsamer|schlechter|höher|niedriger|mehr|weniger)|\bum (?:mehr als |über )?\d+(?:,\d+)? ?(?:%|prozent) (?:steigt|steigen|sinkt|sinken|fällt|fallen|wächst)|(?:steigt|steigen|sinkt|fällt|wächst) um (?:mehr als |über )?\d+(?:,\d+)? ?(?:%|prozent)",
    ),
    Pattern::of_both(
        &["plus lent", "augment", "baiss", "diminu", "de plus", "hausse"],
        &["%", "pour cent"],
        r"(?i)\b\d+(?:,\d+)? ?% (?:plus lente?s?|de plus|de moins)|(?:augmente|augmentent|baisse|baissent|diminue|diminuent|en hausse) de (?:plus de )?\d+(?:,\d+)? ?%",
    ),
    Pattern::of_both(
        &["más lent", "aument", "sube", "baja", "disminuy", "más "],
        &["%", "por ciento"],
        r"(?i)\b\d+(?:,\d+)? ?% (?:más lent[oa]s?|más|menos)|(?:aumentan?|suben?|bajan?|disminuyen?|caen?) (?:un |en un |más de un )?\d+(?:,\d+)? ?%",
    ),
    Pattern::of_both(
        &["mais lent", "aument", "sobe", "cai", "diminu", "mais "],
        &["%", "por cento"],
        r"(?i)\b\d+(?:,\d+)? ?% (?:mais lent[oa]s?|a mais|a menos)|(?:aumentar?|aumentam|sobe|subir|cair?|caem|diminui|diminuir) (?:em )?(?:mais de )?\d+(?:,\d+)? ?%",
    ),
    Pattern::of_both(
        &["上升", "增加", "增长", "下降", "降低", "减少", "变慢", "慢", "升高"],
        &["%", "％"],
        r"(?:上升|增加|增长|下降|降低|减少|升高|变慢|慢)(?:了)?(?:超过)? ?\d+(?:\.\d+)? ?[%％]",
    ),
    Pattern::of_both(
        &["増加", "減少", "上昇", "低下", "悪化", "遅く", "増え", "減っ"],
        &["%", "％"],
        r"\d+(?:\.\d+)? ?[%％] ?(?:以上)?(?:の)?(?:増加|減少|上昇|低下|悪化|遅く|増え|減っ)",
    ),
];

/// Somebody decides something by it.
#[rustfmt::skip]
pub(super) static DECIDES: Words = Words::new(&[
    "pull the", "pull it", "kill the",
    "roll back", "rollback", "roll-back", "back out", "pull the plug", "bail out", "go back", "going back", "revert", "abort", "halt", "stop", "alert", "page ", "escalat",
    "call ", "notify", "warn", "pause", "zurück", "abbrech", "abbruch", "alarm", "anruf", "stopp", "retour", "revenir", "annul",
    "alert", "arrêt", "revert", "vuelta", "volver", "vuelve", "volta", "revien", "avis", "deten", "reverter", "reversão", "voltar", "parar", "回滚", "回退",
    "告警", "停止", "暂停", "ロールバック", "切り戻", "中止", "アラート", "通知",
]);

/// What it is compared with stands there, in a word or another.
#[rustfmt::skip]
static AGAINST: Words = Words::new(&[
    "than the", "than before", "than last", "than yesterday", "than usual", "than in", "than on", "compared", "baseline",
    "versus", " vs", "relative to", "against", "previous", "normal", "usual", "average", "yesterday", "last week", "week before",
    "day before", "same hour", "old version", "control group", "pre-release", "before the", "within", "traffic", "weight",
    "share", " from ", "als vor", "als im", "als in", "als die", "als der", "als üblich", "gegenüber", "verglichen", "vergleich",
    "vorwoche", "vortag", "normal", "ausgangswert", "referenz", "par rapport", "que la", "que le", "d'habitude", "référence",
    "veille", "semaine", "respecto", "comparad", "que la", "que el", "línea base", "anterior", "habitual", "em relação",
    "do que", "linha de base", "semana", "相比", "对比", "基线", "同比", "环比", "平时", "较", "比", "平均", "基準", "ベースライン",
    "前週", "前日", "通常", "平常", "比べ", "より",
]);

/// Says which lines decide by a change, where nothing in their section or the document is a baseline.
pub(super) fn check(page: &mut Page<'_>) {
    if !page.document.contains(['%', '％']) && !page.document.contains("percent") {
        return;
    }
    static BASELINE: Words = Words::new(&[
        "baseline",
        "ausgangswert",
        "référence",
        "línea base",
        "linha de base",
        "基线",
        "ベースライン",
    ]);
    let (mut found, mut prose) = (Vec::new(), None);
    let known: Vec<u32> =
        page.outline.thresholds.iter().filter(|t| t.threshold.needs_baseline).map(|t| t.line).collect();
    for unit in &page.outline.units {
        let text = match &unit.kind {
            UnitKind::Item(item) => &item.text,
            UnitKind::Point(point) => &point.text,
            UnitKind::Prose(text) => {
                prose = Some((unit.section, text));
                text
            }
            UnitKind::Fence(_) => continue,
        };
        if !text.contains(['%', '％']) && !text.contains("percent") || text.len() > 300 {
            continue;
        }
        let lower = text.to_lowercase();
        if !DECIDES.any_in(&lower) || AGAINST.any_in(&lower) || known.binary_search(&unit.line).is_ok() {
            continue;
        }
        if let Some(change) = CHANGES.iter().find_map(|pattern| pattern.find(text)) {
            // The heading, or what stands over the list, may name what all of it is compared with.
            let above = prose.filter(|(section, _)| *section == unit.section).map(|(_, text)| text.as_str());
            let lead = unit.lead.as_deref();
            let title = page.outline.sections[unit.section].title.as_str();
            if ![above, lead, Some(title)]
                .into_iter()
                .flatten()
                .any(|text| AGAINST.any_in(&text.to_lowercase()))
            {
                found.push((unit.line, change.as_str().to_owned()));
            }
        }
    }
    if found.is_empty() || BASELINE.any_in(page.lower()) {
        return;
    }
    for (line, change) in found {
        page.add_at_line(
            "T502",
            Severity::Note,
            line,
            format!(
                "`{change}`, and nothing says against what: the week before, the old version, the last hour?"
            ),
        )
        .help(
            "name the metric and what it is compared with: `p95 latency > 1.5x the hour before the release`",
        );
    }
}
