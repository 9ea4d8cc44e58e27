//! Comments that tell what no command can do, whatever stands below them: to speak with somebody, to wait
//! for an answer, to press something.

use crate::pattern::Pattern;

static FOR_PEOPLE: Pattern = Pattern::new(
    &[
        "wait for",
        "wait until",
        "wait till",
        "hold on",
        "pause ",
        "press ",
        "click ",
        "tap ",
        "tick ",
        "phone",
        "ring ",
        "ask ",
        "button",
        "warten",
        "anruf",
        "telefon",
        "bescheid",
        "klick",
        "drück",
        "abwarten",
        "attend",
        "appel",
        "téléphon",
        "prévenir",
        "demander",
        "cliqu",
        "appuy",
        "espera",
        "avis",
        "llam",
        "teléfono",
        "puls",
        "clic",
        "aguard",
        "ligar",
        "telefone",
        "apert",
        "電話",
        "承認",
        "クリック",
        "押",
        "打电话",
        "等待",
        "等",
        "点击",
        "通知",
    ],
    r#"(?xi)
        \b(?:wait|hold\s+on|pause)\s+(?:for|until|till)\b.*\b(?:e-?mails?|approv\w*|sign-?off|review|repl(?:y|ies)|answers?|phones?|calls?|confirm\w*|go-ahead|thumbs|green\s+light|ok\s+(?:from|of)|says?|agrees?|somebody|someone|colleague)\b
      | \b(?:press|click|tap|tick|hit)\s+(?:on\s+)?(?:the\s+[\w\s-]*(?:button|link|box|switch|tab)\b|["“'«`*])
      | \b(?:phone|telephone|ring)\s+(?:up\s+)?(?:the|our|your|them|him|her|@?[A-Z]\w+)\b | \b(?:by|over\s+the)\s+phone\b
      | \bask\s+(?:the\s+)?[\w\s-]{2,30}\s(?:to|whether|if|for)\s
      | \b(?:warten|abwarten),?\s+bis\b.*\b(?:bestätig\w*|freigib\w*|freigegeben|zustimm\w*|zugestimmt|antwort\w*|meldet|sagt|grünes\s+licht)\b
      | \b(?:anrufen|telefonisch|telefonieren|bescheid\s+(?:geben|sagen))\b | \b(?:knopf|schaltfläche|button|taste)\b.*\b(?:drücken|klicken|betätigen)\b | \bauf\s.*\bklicken\b
      | \battendre\s.*(?:confirm|valid|accord|réponse|courriel|e-?mail|feu\s+vert|appel) | \b(?:appeler|prévenir|téléphoner|demander)\s+(?:à|au\b|aux\b|le\b|la\b|les\b|l['’]) | \b(?:cliquer|appuyer)\s+sur\b
      | \besperar\s.*(?:confirm|aprob|aprueb|respuesta|correo|llamad|contest|visto\s+bueno|que\s+(?:paren|pare|digan|diga|terminen)) | \b(?:avisar|llamar|telefonear|preguntar|pedir)\s+(?:a|al|a\s+la|a\s+los)\s | \bpor\s+teléfono\b | \b(?:pulsar|hacer\s+clic)\b
      | \baguardar\s.*(?:confirma|aprova|resposta|e-?mail|ligaç) | \b(?:avisar|ligar)\s+(?:para|ao|à|o|a|os|as)\s | \bpor\s+telefone\b | \b(?:clicar|apertar)\s+(?:em|no|na|o|a)\b
      | 電話(?:する|して|で) | 承認(?:を|が).{0,6}待 | (?:クリック|押)(?:する|して|す) | 打电话 | 等待?.{0,12}(?:确认|批准|审批|回复|邮件) | 点击 | 通知.{0,8}(?:团队|同事|值班|仓库|客户)
    "#,
);

/// Tells whether a comment is addressed to a person. Who describes what the command below it does, or what
/// somebody may do, is not meant.
pub(super) fn is_for_people(text: &str) -> bool {
    let lower = text.to_lowercase();
    let described = [
        "if ",
        "this ",
        "no need",
        "nobody ",
        "without ",
        "instead of",
        "don't",
        "do not",
        "you can ",
        "may ",
    ];
    FOR_PEOPLE.is_match(text)
        && !described.iter().any(|word| lower.starts_with(word))
        && !lower.contains("no need")
}
