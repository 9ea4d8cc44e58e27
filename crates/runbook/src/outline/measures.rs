//! Limits in German, French, Spanish, Portuguese, Chinese and Japanese, brought to the words and
//! signs that [`crate::rules`] reads.
//!
//! A sentence without a measure or a verb of such a language is left as it is: "plus de" and "über"
//! stand before all sorts of numbers.

use std::borrow::Cow;

use crate::words::Words;

/// Measures with the English ones, longest first where one holds another.
#[rustfmt::skip]
const MEASURES: [(&str, &str); 56] = [
    ("fehlerrate", "error rate"), ("fehlerquote", "error rate"), ("erfolgsrate", "success rate"),
    ("erfolgsquote", "success rate"), ("antwortzeit", "response time"), ("verfügbarkeit", "availability"),
    ("speicherauslastung", "memory"), ("arbeitsspeicher", "memory"),
    ("taux d'erreurs", "error rate"), ("taux d'erreur", "error rate"), ("taux d’erreurs", "error rate"),
    ("taux d’erreur", "error rate"), ("taux de succès", "success rate"), ("temps de réponse", "response time"),
    ("disponibilité", "availability"), ("mémoire", "memory"),
    ("tasa de errores", "error rate"), ("tasa de error", "error rate"), ("tasa de éxito", "success rate"),
    ("tiempo de respuesta", "response time"), ("taxa de erros", "error rate"), ("taxa de erro", "error rate"),
    ("taxa de sucesso", "success rate"), ("tempo de resposta", "response time"), ("disponibilidade", "availability"),
    ("disponibilidad", "availability"), ("memoria", "memory"), ("memória", "memory"),
    ("错误率", "error rate"), ("失败率", "error rate"), ("成功率", "success rate"), ("响应时间", "response time"),
    ("可用性", "availability"), ("可用率", "availability"), ("内存使用率", "memory"), ("内存", "memory"),
    ("エラー率", "error rate"), ("失敗率", "error rate"), ("応答時間", "response time"),
    ("レスポンスタイム", "response time"), ("稼働率", "availability"), ("メモリ使用率", "memory"), ("メモリ", "memory"),
    ("-latenz", " latency"), ("latenz", "latency"), ("latence", "latency"), ("latencia", "latency"),
    ("latência", "latency"), ("延迟", "latency"), ("レイテンシ", "latency"), ("时延", "latency"), ("遅延", "latency"),
    ("cpu-auslastung", "cpu"), ("cpu 使用率", "cpu"), ("cpu使用率", "cpu"), ("charge cpu", "cpu"),
];

/// Words that stand before a measure and are no part of it.
#[rustfmt::skip]
const ARTICLES: [&str; 16] = [
    "die", "der", "das", "dass die", "le", "la", "les", "el", "los", "las", "o", "a", "os", "as", "l'", "l’",
];

/// Comparisons that stand before a number. Of two that begin alike, the longer one comes first.
#[rustfmt::skip]
const BEFORE: [(&str, &str); 72] = [
    ("mehr als", ">"), ("höher als", ">"), ("größer als", ">"), ("oberhalb von", ">"), ("übersteigt", ">"),
    ("überschreitet", ">"), ("über", ">"), ("weniger als", "<"), ("niedriger als", "<"), ("kleiner als", "<"),
    ("unterhalb von", "<"), ("unterschreitet", "<"), ("unter", "<"),
    ("supérieure à", ">"), ("supérieur à", ">"), ("plus de", ">"), ("au-dessus de", ">"), ("au dessus de", ">"),
    ("dépassent", ">"), ("dépasse", ">"), ("excède", ">"), ("inférieure à", "<"), ("inférieur à", "<"),
    ("moins de", "<"), ("en dessous de", "<"), ("au-dessous de", "<"), ("en-dessous de", "<"), ("sous", "<"),
    ("supera el", ">"), ("supera los", ">"), ("superan", ">"), ("supera", ">"), ("mayor que", ">"), ("mayor a", ">"),
    ("mayor de", ">"), ("superior al", ">"), ("superior a", ">"), ("más de", ">"), ("por encima del", ">"),
    ("por encima de", ">"), ("excede", ">"), ("sobrepasa", ">"), ("inferior al", "<"), ("inferior a", "<"),
    ("menor que", "<"), ("menor a", "<"), ("menor de", "<"), ("menos de", "<"), ("por debajo del", "<"),
    ("por debajo de", "<"), ("ultrapassar", ">"), ("ultrapassa", ">"), ("maior do que", ">"), ("maior que", ">"),
    ("mais de", ">"), ("acima de", ">"), ("passar de", ">"), ("menor do que", "<"), ("abaixo de", "<"),
    ("不超过", "<="), ("不高于", "<="), ("不低于", ">="), ("超过", ">"), ("超出", ">"), ("高于", ">"), ("大于", ">"),
    ("多于", ">"), ("达到", ">="), ("低于", "<"), ("小于", "<"), ("少于", "<"), ("不足", "<"),
];

/// Comparisons that stand behind a number.
#[rustfmt::skip]
const BEHIND: [(&str, &str); 14] = [
    ("を超え", ">"), ("が超え", ">"), ("を上回", ">"), ("超", ">"), ("以上", ">="), ("以下", "<="), ("未満", "<"),
    ("を下回", "<"), ("を切", "<"), ("überschreitet", ">"), ("übersteigt", ">"), ("unterschreitet", "<"),
    ("überschritten", ">"), ("unterschritten", "<"),
];

/// A comparison of another language, or a sign: what every limit that is read here has.
#[rustfmt::skip]
static COMPARES: Words = Words::new(&[
    "<", ">", "≥", "≤", "＞", "＜", " als ", "über", "oberhalb", "unter", "supéri", "plus de", "dessus", "dépass",
    "excède", "inféri", "moins", "dessous", "sous", "supera", "mayor", "superior", "más de", "por encima", "sobrepasa",
    "inferior", "menor", "menos", "por debajo", "ultrapass", "maior", "mais de", "acima", "passar", "abaixo", "超",
    "高于", "大于", "多于", "达到", "低于", "小于", "少于", "不足", "不低于", "上回", "下回", "以上", "以下", "未満", "を切",
]);

/// The words of a table, to be looked for all at once.
const fn firsts<const N: usize>(pairs: &[(&'static str, &'static str); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut at = 0;
    while at < N {
        words[at] = pairs[at].0;
        at += 1;
    }
    words
}

static MEASURED: Words = Words::new(&firsts(&MEASURES));
static COMPARED: Words = {
    const BOTH: [&str; 86] = {
        let (before, behind) = (firsts(&BEFORE), firsts(&BEHIND));
        let mut words = [""; 86];
        let mut at = 0;
        while at < words.len() {
            words[at] = if at < before.len() { before[at] } else { behind[at - before.len()] };
            at += 1;
        }
        words
    };
    Words::new(&BOTH)
};

/// Small words, with what they mean beside a limit.
const SMALL: [(&str, &str); 17] = [
    (" wenn ", " if "),
    (" falls ", " if "),
    (" sobald ", " if "),
    (" si ", " if "),
    (" cuando ", " if "),
    (" quando ", " if "),
    (" für ", " for "),
    (" über ", " for "),
    (" pendant ", " for "),
    (" durante ", " for "),
    (" por ", " for "),
    ("持续", " for "),
    ("が ", " for "),
    ("minuten", "minutes"),
    ("minutos", "minutes"),
    ("sekunden", "seconds"),
    ("secondes", "seconds"),
];
/// Counters behind a number, most of them where a script has no spaces.
const COUNTERS: [(&str, &str); 10] = [
    ("segundos", "seconds"),
    ("毫秒", " ms "),
    ("ミリ秒", " ms "),
    ("分钟", " minutes "),
    ("分間", " minutes "),
    ("秒間", " seconds "),
    ("秒", " seconds "),
    ("小时", " hours "),
    ("時間", " hours "),
    ("％", "%"),
];

/// Going back and telling somebody, in other languages.
#[rustfmt::skip]
pub(super) static BACK: Words = Words::new(&[
    "zurückroll", "zurückgeroll", "zurücksetz", "rückfall", "rolle zurück", "rollen zurück", "retour arrière",
    "retour en arrière", "revenir à", "vuelta atrás", "volver a la versión", "revertir", "reversión", "reverter",
    "reversão", "voltar à versão", "voltar para a versão", "回滚", "回退", "ロールバック", "切り戻",
]);
#[rustfmt::skip]
pub(super) static TELL: Words = Words::new(&[
    "alarm", "benachrichtig", "warnen", "warnung", "anrufen", "informier", "verständig", "alerte", "alerter", "avertir",
    "prévenir", "appeler", "alerta", "avisar", "aviso", "llamar", "ligar para", "告警", "报警", "警报", "预警", "通知", "アラート",
    "警告", "連絡",
]);

/// A longer text tells a story; its words would be looked for one by one.
const LONGEST_BYTES: usize = 1000;

/// Returns a line with the words of its limits in English, when there are any to bring over.
///
/// `is_limit` says that the place holds nothing but limits, so that the line needs no other word.
pub(super) fn in_english(text: &str, is_limit: bool) -> Option<String> {
    if text.len() > LONGEST_BYTES || !text.bytes().any(|byte| byte.is_ascii_digit()) || !COMPARES.any_in(text)
    {
        return None;
    }
    // Small words alone prove nothing: there must be a measure or a verb of another language. Most texts are
    // English, and have neither.
    let asked = if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) };
    let is_foreign = MEASURED.any_in(&asked);
    let is_worth_it = if is_limit {
        asked.contains(',') || COMPARED.any_in(&asked)
    } else {
        BACK.any_in(&asked) || TELL.any_in(&asked)
    };
    if !is_foreign && !is_worth_it {
        return None;
    }
    let lower = format!(" {} ", text.to_lowercase());
    let mut english = lower.replace('＞', ">").replace('＜', "<");
    let compares = signs(&mut english);
    let has_comma = is_limit && lower.contains(',') && with_points(&lower) != lower;
    let says_what = compares && (BACK.any_in(&lower) || TELL.any_in(&lower) || is_limit) || has_comma;
    if !is_foreign && !says_what {
        return None;
    }
    for (word, known) in &MEASURES {
        measure(&mut english, word, known);
    }
    for (word, known) in COUNTERS.iter().chain(&SMALL) {
        if english.contains(word) {
            english = english.replace(word, known);
        }
    }
    let english = with_points(&english);
    Some(english.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Returns the English name of what a cell or a label measures, when it says so in another language.
pub(super) fn name(text: &str) -> Option<String> {
    if text.len() > 60 {
        return None;
    }
    let lower = text.to_lowercase();
    if !MEASURED.any_in(&lower) {
        return None;
    }
    let mut english = format!(" {lower} ");
    for (word, known) in &MEASURES {
        measure(&mut english, word, known);
    }
    Some(english.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Puts the English name of a measure for its own, and leaves out the article.
fn measure(text: &mut String, word: &str, known: &str) {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(word)).map(|at| at + from) {
        let before = text[..at].trim_end();
        let article = ARTICLES.iter().find(|article| {
            before
                .strip_suffix(**article)
                .is_some_and(|rest| rest.ends_with([' ', '\'', '’']) || rest.is_empty())
        });
        let begin = article.map_or(at, |article| before.len() - article.len());
        text.replace_range(begin..at + word.len(), &format!(" {known} "));
        from = begin + known.len() + 2;
    }
}

/// Writes comparisons as signs; tells whether there was one.
fn signs(text: &mut String) -> bool {
    let mut found = false;
    for (word, sign) in &BEFORE {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(word)).map(|at| at + from) {
            from = at + word.len();
            let behind = text[from..].trim_start();
            let latin = word.starts_with(|c: char| c.is_ascii() || c == 'ü');
            let is_word = !latin || text[..at].ends_with(|c: char| !c.is_alphabetic());
            if is_word && behind.starts_with(|c: char| c.is_ascii_digit()) && !is_time(behind) {
                text.replace_range(at..from, &format!(" {sign} "));
                from = at + sign.len() + 2;
                found = true;
            }
        }
    }
    for (word, sign) in &BEHIND {
        let Some(at) = text.find(word) else { continue };
        let unit = text[..at].trim_end();
        let number = unit.trim_end_matches(|c: char| {
            matches!(c, '%' | '％' | '秒' | '毫' | 'ミ' | 'リ' | ' ') || c.is_ascii_alphabetic()
        });
        let begin = number.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',')).len();
        if begin < number.len() && !number[..begin].trim_end().ends_with(['<', '>', '=', '≥', '≤']) {
            text.replace_range(at..at + word.len(), " ");
            text.insert_str(begin, &format!(" {sign} "));
            found = true;
        }
    }
    found
}

/// Tells whether a number counts minutes or longer: how long something lasts is no limit.
fn is_time(number: &str) -> bool {
    let unit = number.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ' '));
    ["min", "h ", "stunde", "heure", "hora", "jour", "tag", "día", "dia", "分", "小时", "時間", "天", "日"]
        .iter()
        .any(|word| unit.starts_with(word))
}

/// Writes `0,5` as `0.5`: only English parts thousands by a comma.
fn with_points(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_comma = |at: usize| {
        let digits = (at + 1..bytes.len()).take_while(|next| digit(*next)).count();
        bytes[at] == b',' && at > 0 && digit(at - 1) && (1..=2).contains(&digits)
    };
    text.char_indices().map(|(at, c)| if is_comma(at) { '.' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::in_english;

    #[test]
    fn limits_are_read_in_six_languages() {
        for (text, english) in [
            ("Fehlerrate über 2 % (5 Minuten): zurückrollen", "error rate > 2 % (5 minutes): zurückrollen"),
            ("Fehlerrate > 2,5 % über 5 Minuten", "error rate > 2.5 % for 5 minutes"),
            ("alerte si le taux d'erreur dépasse 0,5 %", "alerte if error rate > 0.5 %"),
            ("alerta si la tasa de errores supera el 5 %", "alerta if error rate > 5 %"),
            ("reverter se a taxa de erro ficar acima de 5%", "reverter se error rate ficar > 5%"),
            ("错误率超过 1% 时告警", "error rate > 1% 时告警"),
            ("成功率低于 99% 时回滚", "success rate < 99% 时回滚"),
            ("エラー率が 5% を超えたら切り戻す", "error rate for > 5% たら切り戻す"),
        ] {
            assert_eq!(in_english(text, false).as_deref(), Some(english), "{text}");
        }
        assert_eq!(in_english("3% 以上", true).as_deref(), Some(">= 3%"));
        assert_eq!(in_english("> 0,5 %", true).as_deref(), Some("> 0.5 %"));
        assert_eq!(in_english("> 1,500 ms", true), None);
        for text in
            ["error rate > 5% for 2 minutes", "Attendre plus de 5 minutes", "Counter 5 > 3", "3% 以上"]
        {
            assert_eq!(in_english(text, false), None, "{text}");
        }
    }
}
