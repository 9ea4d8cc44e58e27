//! Tells what stands in the place of a role and is none: a count, a negation, a part of a sentence.
//!
//! Owners and approvers are read up to the next comma, so what is said behind them comes along. A
//! word too many in these lists costs a finding, one too few an alarm that is false.

/// How many, without of whom: `two`, `dos de dos`, `beide`.
#[rustfmt::skip]
const COUNTS: &[&str] = &[
    "one", "two", "three", "four", "five", "both", "either", "each", "all", "any", "half", "of", "out", "at", "least", "most", "the", "a", "an", "more", "than", "majority",
    "yes", "yeses", "votes", "in", "person", "together", "separately", "independently", "jointly",
    "ein", "eine", "einer", "eins", "zwei", "drei", "vier", "fünf", "beide", "beiden", "alle", "von", "mindestens", "je", "gemeinsam", "zusammen", "mehrheit",
    "un", "une", "deux", "trois", "quatre", "cinq", "tous", "toutes", "les", "sur", "au", "moins", "ensemble", "majorité",
    "uno", "una", "dos", "tres", "cuatro", "cinco", "ambos", "ambas", "todos", "todas", "los", "las", "de", "por", "lo", "menos", "al", "mayoría", "juntos",
    "um", "uma", "dois", "duas", "três", "quatro", "os", "as", "pelo", "ao", "maioria", "entre", "und", "and", "y", "et", "e", "für", "jeweils",
];

/// Words that no name of a role has: verbs that help others, negations, and what begins a clause.
#[rustfmt::skip]
const OF_SENTENCES: &[&str] = &[
    "not", "never", "cannot", "can", "can't", "may", "must", "should", "shall", "will", "would", "could", "is", "are", "was", "were", "be", "been", "has", "have",
    "had", "does", "doesn't", "don't", "isn't", "aren't", "who", "whom", "whose", "which", "that", "if", "unless", "until", "before", "after", "when",
    "where", "because", "but", "nobody", "nothing", "none", "without", "only", "then", "also", "too", "their", "his", "her", "they", "she", "we", "you",
    "this", "recorded", "signed", "given", "approves", "approve", "gives", "starts", "runs",
    "nicht", "kein", "keine", "keiner", "keinen", "niemand", "nie", "darf", "dürfen", "kann", "können", "muss", "müssen", "soll", "wird", "werden", "ist", "sind", "hat", "haben", "bevor",
    "sobald", "wenn", "falls", "oder", "aber", "nur", "auch", "sie", "es", "er", "gibt", "geben", "ohne", "schriftlich",
    "ne", "pas", "n'est", "jamais", "aucun", "aucune", "peut", "peuvent", "doit", "doivent", "est", "sont", "ont", "qui", "avant", "après", "quand", "mais",
    "il", "elle", "ils", "donne", "donnent", "sans", "seulement", "aussi", "puis",
    "no", "nunca", "nadie", "ningún", "ninguna", "puede", "pueden", "debe", "deben", "es", "son", "hay", "ha", "han", "quien", "antes", "después", "cuando", "pero", "solo", "también",
    "luego", "sin", "está", "están", "tiene", "lleva",
    "não", "ninguém", "nenhum", "nenhuma", "pode", "podem", "deve", "devem", "é", "são", "tem", "têm", "há", "quem", "depois", "mas", "só", "também",
];

/// The same in scripts without spaces, anywhere in the words.
const IN_SCRIPTS: [&str; 18] = [
    "不得",
    "不能",
    "不可",
    "没有",
    "不会",
    "必须",
    "可以",
    "之前",
    "之后",
    "ない",
    "ません",
    "する",
    "した",
    "して",
    "です",
    "ます",
    "まで",
    "から",
];

/// Tells whether words that stand where a role was expected cannot be one.
pub(super) fn is_no_role(words: &str) -> bool {
    let lower = words.to_lowercase();
    let mut parts = lower.split(|c: char| c.is_whitespace() || c == '-').filter(|part| !part.is_empty());
    // "On-call" has a word that is a preposition; only a whole of counts is one.
    lower.split_whitespace().all(|word| COUNTS.contains(&word))
        || parts.any(|word| OF_SENTENCES.contains(&word))
        || IN_SCRIPTS.iter().any(|word| lower.contains(word))
        || matches!(
            lower.trim(),
            "两人" | "两名" | "双人" | "二人" | "2人" | "两位" | "二名" | "全员" | "両方" | "両名" | "双方"
        )
}

#[cfg(test)]
mod tests {
    use super::is_no_role;

    #[test]
    fn a_count_and_a_part_of_a_sentence_are_no_role() {
        for (words, expected) in [
            ("two", true),
            ("two of two", true),
            ("dos de dos", true),
            ("alle beide", true),
            ("tous les deux", true),
            ("ambas", true),
            ("pelo menos duas", true),
            ("两名", true),
            ("cannot approve", true),
            ("no hay corte", true),
            ("gibt nicht frei", true),
            ("ne peut pas", true),
            ("quem executa", true),
            ("承認できない", true),
            ("On-call SRE", false),
            ("Head of Platform", false),
            ("Leitung Betrieb", false),
            ("Jefatura de producto", false),
            ("Responsable des données", false),
            ("Service Owner", false),
            ("运维组", false),
            ("リリース担当", false),
        ] {
            assert_eq!(is_no_role(words), expected, "{words}");
        }
    }
}
