//! T502: a reason to go back, or to call somebody, that nobody can measure: "much too slow".
//!
//! A word alone is no fault. It counts where the line, the heading or the column says that something is
//! decided by it, and where no number, and no reference to one, stands beside it.

use std::collections::BTreeSet;

use crate::diagnostic::Severity;
use crate::markdown::{Block, Table};
use crate::words::Words;

use super::changes::DECIDES;
use super::marks::Mark;
use super::page::{Page, lowered};
use super::windows::Found;

/// Too much of something, or something that looks wrong: each reader draws another line.
#[rustfmt::skip]
static TOO_MUCH: Words = Words::new(&[
    "quite a ", "by far", "for ages", "forever", "plummet", "nosedive", " tank", "übermäßig", "viel zu", "allzu", "unmäßig", " trop", "rame",
    "too high", "too many", "too much", "too slow", "too long", "too low", "too often", "too large", "too big", "too few",
    "way up", "much higher", "much slower", "much worse", "a lot of", "lots of", "loads of", "noticeabl", "through the roof",
    "out of control", "out of hand", "skyrocket", "look bad", "looks bad", "looking bad", "look wrong", "looks wrong", "look off",
    "looks off", "look odd", "looks odd", "look weird", "looks weird", "look strange", "looks strange", "look funny", "looks funny",
    "look ugly", "looks ugly", "look unhealthy", "looks unhealthy", "look suspicious", "looks suspicious", "look worrying",
    "looks worrying", "seem off", "seems off", "seem wrong", "seems wrong", "seem slow", "seems slow", "feel slow", "feels slow",
    "feel wrong", "feels wrong", "feel off", "feels off", "sluggish", "not look right", "not look good", "n't look right",
    "n't look good", "not feel right", "n't feel right", "feels bad", "gut feeling", "ridiculous", "painful", "choppy", "unbearable", "annoying", "crazy", "insane", "terrible", "awful", "horrible", "shaky", "fail a lot", "fails a lot", "very often", "all the time", "gets bad", "get bad", "goes bad",
    "zu hoch", "zu viele", "zu langsam", "zu lange", "zu niedrig", "zu groß", "zu oft", "zu häufig", "zu wenig", "spürbar", "merklich",
    "auffällig", "auffallend", "häufig", "dauernd", "unerträglich", "nervig", "schlecht aus", "komisch", "seltsam", "merkwürdig", "nicht gut aus", "durch die decke", "in die höhe",
    "trop élevé", "trop de ", "trop d'", "trop lent", "trop long", "trop haut", "trop souvent", "trop bas", "sensiblement", "bizarre", "gênant", "très souvent", "insupportable", "pénible",
    "s'envole", "explose", "mauvaise mine", "ne va pas bien",
    "demasiad", "fallar mucho", "fallan mucho", "falla mucho", "con frecuencia", "molest", "insoportable", "muy alt", "muy lent", "muchos error", "notable", "se dispar", "mala pinta", "pinta mal", "mal aspecto", "se ve mal",
    "se ven mal", "raro", "extrañ",
    "muito alt", "muito lent", "muitos erro", "alta demais", "alto demais", "lento demais", "lenta demais", "erros demais", "disparar",
    "dispara", "estranh", "falhar muito", "falham muito", "falha muito", "com frequência", "insuportáve", "parecer ruim", "parece ruim", "esquisit",
    "过高", "太高", "太多", "过多", "太慢", "过慢", "太长", "过长", "过低", "太低", "偏高", "飙升", "激增", "猛增", "暴涨", "明显", "不太正常",
    "不对劲", "大量", "频繁", "难以忍受", "卡顿", "高すぎ", "多すぎ", "遅すぎ", "長すぎ", "低すぎ", "著しく", "明らかに", "急増", "急上昇", "目立つ", "おかしい", "やばい",
    "かなり", "あまりに", "多い場合", "多ければ", "ひどい", "ひどく", "頻発", "頻繁",
]);

/// The same of what is measured, and only of that: much is elevated or unusual that needs no number.
#[rustfmt::skip]
static MUCH: Words = Words::new(&[
    "significant", "considerabl", "substantial", "dramatic", "unusual", "abnormal", "anomal", "excessive", "unacceptabl",
    "acceptable", "unreasonabl", "elevated", "spike", "spiking", "surge", "jumps", "jump up", "shoots up", "shoot up", "climb",
    "degrad", "deteriorat", "look ", "looks ", "feel ", "feels ", "seem ", "seems ", "become", "turn sour", "clearly above", "well above", "far above", "what we normally", "get worse", "gets worse", "worsen", "is high", "are high", "is slow", "are slow", "is bad", "are bad",
    "is poor", "are poor", "suffer", "high error", "high latency", "high cpu", "high memory", "high load", "many errors", "than usual",
    "than normal", "above normal", "than expected", "above usual", "out of the ordinary", "not normal", "goes up", "go up", "rises",
    "increases", "increasing", "grows", "growing", "piles up", "pile up", "piling up", "backs up", "tanks", "drops", "dips", "slows down",
    "erhöht", "ungewöhnlich", "deutlich", "erheblich", "stark", "massiv", "unnormal", "inakzeptabel", "steigt", "steigen", "ansteig",
    "verschlechter", "schlechter wird", "schlecht", "höher als", "einbricht", "sinkt", "hohe", "viele fehler",
    "anormal", "inhabituel", "inacceptable", "excessi", "grimp", "augment", "nettement", "fortement", "dégrad", "élevé", "chute",
    "beaucoup", "anómal", "elevad", "inaceptable", "excesiv", "sube", "suben", "aument", "degrad", "consider", "cae", "empeor", "alta", "alto",
    "anormal", "inaceitáve", "excessiv", "sobe", "subir", "piora", "cair", "cai ", "异常", "较高", "很高", "较大", "升高", "上升", "变慢", "变差",
    "恶化", "不正常", "下降", "高い", "遅い", "増え", "上がっ", "悪化", "異常", "重い", "重く", "遅く", "上昇",
]);

/// What is measured.
#[rustfmt::skip]
static MEASURED: Words = Words::new(&[
    "error", "latenc", "respon", "cpu", "memory", "queue", "lag", "load", "traffic", "throughput", "timeout", "crash", "conversion",
    "performance", "complaint", "ticket", "p95", "p99", "5xx", "backlog", "rate", "failure", "sales", "orders", "sessions", "quote", "fehler", "antwort", "speicher", "warteschlange", "last",
    "absturz", "abstürz", "beschwerde", "erreur", "temps de", "mémoire", "file d", "plantage", "réclamation", "plainte", "errores", "memoria",
    "cola", "carga", "queja", "tiempo de", "erro", "latência", "memória", "fila", "tempo de", "reclama", "desempenho", "rendimiento",
    "错误", "延迟", "响应", "内存", "队列", "负载", "失败", "崩溃", "流量", "报错", "投诉", "耗时", "エラー", "レイテンシ", "遅延", "応答", "メモリ",
    "キュー", "負荷", "クラッシュ", "レスポンス", "問い合わせ", "使用率",
]);

/// The line itself says at what something happens.
#[rustfmt::skip]
static CONDITION: Words = Words::new(&[
    "if ", "when", "once ", "as soon as", "in case", "should the", ":", "→", "->", "=>", "wenn", "falls", "sobald", "bei ", " si ",
    "lorsque", "quand", "dès que", "en cas d", "cuando", "en caso", "tan pronto", " se ", "quando", "caso ", "assim que", "如果", "若", "当",
    "时", "就", "一旦", "：", "場合", "たら", "とき", "なれば", "すれば",
]);

/// Where a number is, or why none is needed.
#[rustfmt::skip]
static ELSEWHERE: Words = Words::new(&[
    "](", "see ", "above the", "below the", "the threshold", "the limit", "the table", "thresholds in", "limits in", "defined", "listed",
    "baseline", "slo ", "slos", "slo:", "slo.", "alert fires", "alarm fires", "double", "twice", "half ", "siehe", "schwellwert", "grenzwert", "definiert",
    "verdoppel", "voir ", "seuil", "défini", "véase", " ver la", " ver el", " ver los", "umbral", "definid", "doble", "limite", "参见", "见", "阈值", "翻倍", "参照",
    "閾値", "しきい値", "倍", "not significant", "no significant", "do not roll", "don't roll", "not a reason",
]);

/// What is done, where nothing but the line itself says that it gives a reason.
#[rustfmt::skip]
pub(super) const ACTS_WORDS: &[&str] = &[
    "rückfall", "back to the", "volta-se", "voltamos",
    "pull the release", "pull it", "stop the release", "stop the rollout", "kill the release",
    "roll back", "rollback", "roll-back", "rolling back", "back out", "pull the plug", "bail out", "go back", "going back", "revert the", "revert if", "revert when", "we revert", "abort", "halt",
    "page ", "escalat", "alert the", "alert if", "alert when", "zurück", "abbrech", "abbruch", "eskalier", "retour arrière", "retour en arrière", "revenir",
    "revien", "annuler", "alerter", "arrêter le dé", "revertir", "reversión", "vuelta atrás", "volver", "vuelve", "abortar", "reverter", "reversão",
    "voltar", "回滚", "回退", "中止", "终止", "ロールバック", "切り戻", "中止", "中断",
];
static ACTS: Words = Words::new(ACTS_WORDS);

/// Headers of a column that says when something is done.
#[rustfmt::skip]
static LIMIT_HEADER: Words = Words::new(&[
    "roll back", "rollback", "roll-back", "revert", "abort", "alert", "threshold", "limit", "trigger", "condition", "page when",
    "schwell", "grenzwert", "auslöser", "bedingung", "abbruch", "seuil", "condition", "retour", "déclench", "umbral", "condición",
    "reversión", "límite", "limite", "condição", "reversão", "gatilho", "阈值", "条件", "回滚", "告警", "閾値", "しきい値", "基準", "切り戻し",
]);

/// Says which reasons nobody can measure.
pub(super) fn check(page: &Page<'_>, found: &mut Found) {
    let acts: BTreeSet<u32> = page.marked(Mark::Acts).iter().map(|(line, _)| *line).collect();
    if acts.is_empty() && page.outline.triggers_without_number.is_empty() {
        return;
    }
    let reasons: BTreeSet<u32> =
        page.outline.triggers_without_number.iter().map(|reason| reason.line).collect();
    let mut rows = Vec::new();
    page.markdown.walk(|block| {
        if let Block::Table(table) = block {
            in_table(table, &mut rows);
        }
    });
    let about_reasons: Vec<bool> =
        page.outline.sections.iter().map(|section| gives_reasons(&section.title)).collect();
    for &(line, text) in page.prose() {
        let is_row = text.trim_start().starts_with('|');
        if is_row || text.len() > 300 || text.starts_with('#') {
            continue;
        }
        let section = page.outline.sections.partition_point(|section| section.line <= line).saturating_sub(1);
        let in_list = about_reasons[section] && text.trim_start().starts_with(['-', '*', '+']);
        // What is decided is rarer than a degree, so it is asked first.
        let is_reason = in_list || reasons.contains(&line);
        if !is_reason && !acts.contains(&line) {
            continue;
        }
        let lower = lowered(text);
        let vague = lower.split_inclusive(['.', '。', ';', '；']).find(|part| {
            (is_reason || ACTS.any_in(part) && CONDITION.any_in(part)) && is_vague(&part.to_lowercase())
        });
        if let Some(part) = vague.filter(|_| !ELSEWHERE.any_in(&lower)) {
            let at = lower.find(part).unwrap_or(0);
            let said = text.get(at..at + part.len()).unwrap_or(part);
            rows.push((line, said.trim().to_owned()));
        }
    }
    for (line, text) in rows {
        found.push((
            line,
            "T502",
            Severity::Warning,
            format!(
                "`{}`: nobody can measure that, and at night each reader draws the line elsewhere",
                said(&text)
            ),
            "name the metric, the number and for how long: `error rate > 2% for 5 minutes`",
        ));
    }
}

/// Tells whether a heading stands over reasons to go back: "Abort conditions", "When we pull the plug".
fn gives_reasons(title: &str) -> bool {
    #[rustfmt::skip]
    static REASONS: Words = Words::new(&[
        "condition", "criteri", "trigger", "reason", "when ", "if ", "kriteri", "bedingung", "auslöser", "gründe", "wann", "wenn", "critère", "condition",
        "raison", "quand", "cuándo", "motivo", "condicion", "quando", "condiç", "critério", "条件", "标准", "何时", "基準", "判断",
    ]);
    let lower = lowered(title);
    REASONS.any_in(&lower) && DECIDES.any_in(&lower)
}

/// Tells whether a text in small letters has a degree and no number.
fn is_vague(lower: &str) -> bool {
    (TOO_MUCH.any_in(lower) || MUCH.any_in(lower) && MEASURED.any_in(lower)) && !has_number(lower)
}

/// Numbers that are no names: `p95`, `5xx`, `HTTP 500`, the number of a list.
fn has_number(lower: &str) -> bool {
    let body = lower.trim_start_matches(|c: char| !c.is_alphabetic());
    let mut before = "";
    for word in body.split(|c: char| !c.is_alphanumeric()) {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let is_name = word.starts_with(['p', 'v', 's', 'l', 'k']) || word.ends_with("xx");
        let is_status = matches!(before, "http" | "status" | "code") && digits == 3;
        if digits > 0 && !is_name && !is_status {
            return true;
        }
        before = word;
    }
    false
}

/// Cells of a column of limits.
fn in_table(table: &Table, found: &mut Vec<(u32, String)>) {
    let columns: Vec<usize> = table
        .header
        .iter()
        .enumerate()
        .filter(|(_, cell)| LIMIT_HEADER.any_in(&cell.plain().to_lowercase()))
        .map(|(at, _)| at)
        .collect();
    for row in &table.rows {
        let vague =
            columns.iter().filter_map(|at| row.cells.get(*at)).map(|cell| cell.plain()).find(|cell| {
                let lower = cell.to_lowercase();
                // Here the row says what is measured.
                let first = row.cells.first().map(|cell| cell.plain().to_lowercase()).unwrap_or_default();
                let much = MUCH.any_in(&lower) && (MEASURED.any_in(&lower) || MEASURED.any_in(&first))
                    || matches!(
                        lower.trim(),
                        "high" | "slow" | "hoch" | "élevé" | "alto" | "alta" | "高" | "高い"
                    );
                (TOO_MUCH.any_in(&lower) || much) && !has_number(&lower) && !ELSEWHERE.any_in(&lower)
            });
        if let Some(cell) = vague {
            found.push((row.line, cell));
        }
    }
}

/// The words without what makes them a list item or bold.
fn said(text: &str) -> String {
    let text = text.trim_start_matches(|c: char| !c.is_alphabetic()).replace(['*', '`'], "");
    super::page::short(text.trim_end_matches(['.', '。', ';', '；']))
}
