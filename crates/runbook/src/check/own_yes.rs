//! T602: a yes of the one who is to be checked, or of nobody at all.

use std::collections::BTreeSet;

use crate::markdown::Table;
use crate::names;
use crate::outline::UnitKind;
use crate::pattern::Pattern;
use crate::words::Words;

use super::duties::Found;
use super::labels::{self, About, Labelled, RUNNER};
use super::page::{Page, short};
use super::yeses;

/// Who runs the release says yes to it; one pattern for each language.
static OWN: [Pattern; 7] = [
    Pattern::of_both(
        &[
            "approve",
            "sign off",
            "signs off",
            "sign-off",
            "signed off",
            "signs it off",
            "self-approv",
            "self approv",
            "green light",
            "gives the go",
        ],
        &[
            "runs",
            "run ",
            "running",
            "start",
            "deploys",
            "deploying",
            "execut",
            "trigger",
            "drives",
            "perform",
            "self",
            "own ",
            "same person",
            "whoever",
            "themsel",
        ],
        r"(?i)\b(?:starts?|runs?|deploys?|executes?|triggers?|performs?|drives?|kicks? off) (?:it|this|the (?:release|deploy(?:ment)?|rollout|change|migration|runbook|launch|cutover)|to production)\b[^.;:]{0,24}?\band (?:then |also |(?:him|her|it)self |themselves )*(?:approves?|signs? (?:it |that )?off|gives? the (?:go|green light|approval))\b|\b(?:approves?|signs? off)(?: (?:it|this|the (?:release|change|deployment)))? and (?:then |also )*(?:starts?|runs?|deploys?|executes?|triggers?)\b|\bself[- ]?approv|\bapproves? (?:his|her|their|your|my|its) own\b|\bsame person (?:may |can |who )?(?:both )?(?:runs?|deploys?|starts?|executes?|approves?)[^.;:]{0,40}?\b(?:approv|sign|run|deploy|start|execut)|\b(?:approv(?:ed|al)|sign(?:ed)?[- ]?off|(?:green light|go) (?:is )?(?:given|comes)) (?:is )?(?:given )?(?:by|from) (?:whoever|(?:the )?(?:person|engineer|one|operator|developer|colleague|member|same person)[a-z ]{0,12}? (?:who |that )?(?:is )?(?:runs?|running|deploys?|deploying|starts?|starting|executes?|executing|performs?|performing))|\bwhoever\b[^.;:]{0,40}?\b(?:approves|signs (?:it )?off|gives the (?:go|green light))\b|\bapprover is (?:also )?(?:whoever|the (?:person|engineer|one) (?:who|that))",
    ),
    Pattern::of_both(
        &["genehmig", "freig", "frei"],
        &["startet", "führt", "ausführ", "selbst", "eigene", "dieselbe person", "rollt", "durchführ", "wer "],
        r"(?i)\b(?:startet|rollt|führt)\b[^.;:]{0,40}?\bund (?:genehmigt|gibt)\b|\bgibt (?:sich |es |sie |das release |die änderung )?selbst frei\b|\bselbst (?:freigeben|genehmigen|freigegeben|genehmigt)\b|\bdieselbe person\b[^.;:]{0,40}?(?:frei|genehmig)|\bwer [^.;:]{3,40}?,? (?:gibt [^.;:]{0,20}?frei|genehmigt)\b|\b(?:freigabe|genehmigung) (?:durch|von) (?:den |die |der )?(?:ausführende|durchführende|person, die|wer )",
    ),
    Pattern::of_both(
        &["approuv", "approb", "valid"],
        &["lance", "déploie", "exécut", "même", "auto", "celui", "celle", "démarre"],
        r"(?i)\b(?:lance|déploie|exécute|démarre)\b[^.;:]{0,40}?\bet (?:l['’]|la |le |en )?(?:approuve|valide)\b|auto-?(?:approb|approuv|valid)|\b(?:approuve|valide) (?:lui|elle)-même\b|\bla même personne\b[^.;:]{0,40}?(?:approuv|valid)|\b(?:approbation|validation|approuvée?|validée?) par (?:celui|celle|la personne) qui\b",
    ),
    Pattern::of_both(
        &["aprueb", "aprob", "autoriz"],
        &["ejecut", "lanza", "despliega", "inicia", "auto", "mism", "propi", "quien "],
        r"(?i)\b(?:ejecuta|lanza|despliega|inicia)\b[^.;:]{0,40}?\by (?:también |la |lo |el )*(?:aprueba|autoriza)\b|auto-?aprob|aprueba su propi|\bla misma persona\b[^.;:]{0,40}?(?:aprueb|aprob|autoriz)|\b(?:aprobación de|aprobad[ao] por|autorizad[ao] por) quien\b",
    ),
    Pattern::of_both(
        &["aprov", "autoriz"],
        &["execut", "lança", "implanta", "inicia", "auto", "mesm", "própri", "quem "],
        r"(?i)\b(?:executa|lança|implanta|inicia)\b[^.;:]{0,40}?\be (?:também |a |o )*(?:aprova|autoriza)\b|auto-?aprov|aprova (?:a|o) própri|\ba mesma pessoa\b[^.;:]{0,40}?(?:aprov|autoriz)|\b(?:aprovação de|aprovad[ao] por|autorizad[ao] por) quem\b",
    ),
    Pattern::of_both(
        &["审批", "批准", "审核", "自批", "自审"],
        &["自行", "自己", "本人", "同一", "执行人", "发布人", "操作人", "自批", "自审"],
        r"(?:自行|自己|本人)(?:进行)?(?:审批|批准|审核)|自批|自审|由?(?:执行人|发布人|操作人)(?:员)?(?:本人)?(?:审批|批准)|同一人[^。；]{0,12}(?:审批|批准)|(?:审批|批准)[^。；]{0,8}同一人",
    ),
    Pattern::of_both(
        &["承認"],
        &["自己", "自分", "本人", "自身", "同一", "実施者", "作業者"],
        r"自己承認|(?:自分|本人|自身)(?:で|が)承認|(?:実施者|作業者|リリース担当者?)(?:自身|本人)?が(?:そのまま)?承認|同一人物?[^。；]{0,12}承認|承認[^。；]{0,10}同一人",
    ),
];

/// No answer counts as a yes.
static SILENCE: Pattern = Pattern::of_both(
    &[
        "silence",
        "no objection",
        "nobody answers",
        "nobody replies",
        "no one answers",
        "no one replies",
        "meldet sich niemand",
        "widerspricht niemand",
        "antwortet niemand",
        "personne ne répond",
        "nadie contesta",
        "nadie responde",
        "ninguém responde",
        "没人回复",
        "没人反对",
        "无人反对",
        "異議が無",
        "反対が無",
        "nobody objects",
        "no one objects",
        "no reply",
        "no answer",
        "no response",
        "schweigen",
        "keine einwände",
        "niemand widerspricht",
        "sans réponse",
        "sans objection",
        "silencio",
        "sin respuesta",
        "nadie se opone",
        "silêncio",
        "sem resposta",
        "ninguém se opõe",
        "无异议",
        "未回复",
        "默认同意",
        "異議",
        "返信がな",
        "返事がな",
        "反対がな",
    ],
    &[
        "approv", "consent", "yes", "go ahead", "agree", "genehmig", "freig", "zustimm", "accord", "approuv",
        "valid", "aprob", "acuerdo", "aprov", "acordo", "同意", "批准", "通过", "承認",
    ],
    r"(?i)\b(?:silence|no (?:objections?|reply|replies|answer|response)|(?:nobody|no one) (?:objects|answers|replies))\b[^.;]{0,60}?\b(?:approv\w+|consent|a yes|yes|agree\w*|go ahead)|\b(?:schweigen|keine einwände|niemand widerspricht|meldet sich niemand|antwortet niemand|widerspricht niemand)\b[^.;]{0,60}?(?:genehmig|freig|zustimm)|\b(?:silence|sans réponse|sans objection|personne ne répond)\b[^.;]{0,60}?(?:accord|approuv|valid)|(?:silencio|sin respuesta|nadie se opone|nadie contesta|nadie responde)[^.;]{0,60}?(?:aprob|acuerdo)|(?:silêncio|sem resposta|ninguém se opõe|ninguém responde)[^.;]{0,60}?(?:aprov|acordo)|(?:无异议|未回复|没人回复|没人反对|无人反对)[^。；]{0,12}(?:同意|批准|通过)|默认同意|(?:異議|返信|返事|反対)(?:が|も)(?:な|無)[^。；]{0,16}承認",
);

/// It is forbidden, or somebody else looks as well.
#[rustfmt::skip]
pub(super) static FORBIDDEN: Words = Words::new(&[
    "not ", "n't", "never", "nobody may", "no one may", "no self", "forbidden", "prohibit", "another", "second", "other than", "someone else",
    "somebody else", "different", "nicht", "nie ", "verboten", "andere", "zweite", "kein", "ne peut", "jamais", "interdit", "autre", "pas ", "nunca",
    "prohib", "no puede", "no debe", "otra", "otro", "segund", "não", "proibid", "outr", "不得", "不能", "不可", "禁止", "非发布人", "非执行人", "两名", "双人", "two ", "second", "zwei", "deux", "dos ", "dois ", "duas ", "另", "别的", "できない", "しない",
    "不可", "別の", "他の", "以外",
]);

/// Runs the checks of this file.
pub(super) fn check(page: &Page<'_>, tables: &[&Table], lines: &[Labelled<'_>], found: &mut Found) {
    let mut told: BTreeSet<u32> =
        found.iter().filter(|(_, code, ..)| *code == "T602").map(|(line, ..)| *line).collect();
    in_sentences(page, &mut told, found);
    by_labels(lines, &mut told, found);
    in_columns(tables, &mut told, found);
}

const SECOND: &str = "name the role and the number, and let it be somebody who does not run the release: `**Approval**: 1 engineering manager and 1 SRE`";

fn in_sentences(page: &Page<'_>, told: &mut BTreeSet<u32>, found: &mut Found) {
    for unit in &page.outline.units {
        let text = match &unit.kind {
            UnitKind::Item(item) => &item.text,
            UnitKind::Point(point) => &point.text,
            UnitKind::Prose(text) => text,
            UnitKind::Fence(_) => continue,
        };
        if text.len() > 800 || !yeses::YES.any_in(text) {
            continue;
        }
        let own = OWN.iter().find_map(|pattern| pattern.find(text)).map(|said| (said, Kind::Own));
        let silent = || SILENCE.find(text).map(|said| (said, Kind::Silence));
        let Some((said, kind)) = own.or_else(silent) else { continue };
        let start = text[..said.start()].rfind(['.', '。', '\n']).map_or(0, |at| at + 1);
        let end = text[said.end()..].find(['.', '。', '\n']).map_or(text.len(), |at| said.end() + at);
        let sentence = text.get(start..end).unwrap_or(text).to_lowercase();
        let forbidden = match kind {
            Kind::Own => FORBIDDEN.any_in(&sentence),
            Kind::Silence => {
                ["not ", "n't", "never", "nicht", "pas ", "nunca", "não", "不", "ない場合は承認しない"]
                    .iter()
                    .any(|word| sentence.contains(word))
                    && !sentence.contains("不同")
            }
        };
        let line = unit.line + u32::try_from(text[..said.start()].matches('\n').count()).unwrap_or(0);
        if !forbidden && told.insert(line) {
            let message = match kind {
                Kind::Own => format!(
                    "`{}`: this yes is that of the one who is to be checked; nobody else looks",
                    short(said.as_str())
                ),
                Kind::Silence => format!("`{}`: who has not read it has said yes", short(said.as_str())),
            };
            found.push((line, "T602", message, SECOND));
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Own,
    Silence,
}

/// `Executor: Ana` and `Approver: Ana`, or `Approver: whoever deploys`.
fn by_labels(lines: &[Labelled<'_>], told: &mut BTreeSet<u32>, found: &mut Found) {
    #[rustfmt::skip]
    static WHOEVER: Words = Words::new(&[
        "whoever", "person running", "engineer running", "person deploying", "engineer deploying", "who runs", "who deploys", "who starts", "who executes",
        "who is running", "who is deploying", "doing the release", "doing the deploy", "release author", "the author", "same as ", "same person", "oneself", "yourself", "themselves",
        "wer ", "wer das", "durchführende", "ausführende", "dieselbe person", "celui qui", "celle qui", "la personne qui", "la même personne", "quien ", "la misma persona",
        "quem ", "a mesma pessoa", "执行人", "发布人", "操作人", "本人", "自己", "同一人", "実施者", "作業者", "自身", "自分", "同上",
    ]);
    #[rustfmt::skip]
    const ANYONE: [&str; 18] = [
        "anyone", "anybody", "any engineer", "any developer", "any member", "everyone", "jeder ", "jede ", "irgendwer", "irgendjemand", "n'importe", "cualquier",
        "qualquer", "quien est", "任何", "谁", "誰でも", "誰か",
    ];
    for line in lines.iter().filter(|line| line.about == About::Approval && !line.value.is_empty()) {
        let lower = line.value.to_lowercase();
        let bare = lower.trim_start_matches("the ").trim_end_matches(['.', '。']);
        let is_runner =
            RUNNER.contains(&bare) || matches!(bare, "self" | "me" | "myself" | "author" | "deployer");
        let whoever = line.value.len() < 90 && WHOEVER.any_in(&lower) && !FORBIDDEN.any_in(&lower);
        let whoever = whoever
            || is_doer(bare)
            || ANYONE.iter().any(|word| lower.starts_with(word)) && !FORBIDDEN.any_in(&lower);
        let name = names::role(line.value);
        // The line for who does it stands in the same section, or is the only one.
        let runs = |other: &&Labelled<'_>| {
            (other.about == About::Runner || other.about == About::Owner && line.section != 0)
                && other.section == line.section
        };
        let same =
            lines.iter().filter(runs).any(|other| !name.is_empty() && names::role(other.value) == name);
        if (is_runner || whoever || same) && told.insert(line.line) {
            found.push((
                line.line,
                "T602",
                format!(
                    "`{}: {}`: this yes is that of the one who is to be checked; nobody else looks",
                    line.label,
                    short(line.value)
                ),
                SECOND,
            ));
        }
    }
}

/// `the person pushing the patch`, `engineer who deploys`
fn is_doer(words: &str) -> bool {
    #[rustfmt::skip]
    const DOES: [&str; 13] = [
        "run", "deploy", "start", "execut", "releas", "push", "ship", "merg", "perform", "do", "trigger", "launch", "roll",
    ];
    let mut words = words.split_whitespace();
    let is_one = words.next().is_some_and(|word| {
        matches!(word, "person" | "engineer" | "one" | "developer" | "colleague" | "operator" | "member")
    });
    let verb = words.find(|word| !matches!(*word, "who" | "that" | "is"));
    is_one
        && verb
            .is_some_and(|verb| DOES.iter().any(|stem| verb.starts_with(stem)) && !verb.starts_with("down"))
}

/// A row whose cell for who does it and cell for who approves it are the same.
fn in_columns(tables: &[&Table], told: &mut BTreeSet<u32>, found: &mut Found) {
    for table in tables {
        let column = |wanted: About| {
            table
                .header
                .iter()
                .position(|cell| labels::about(cell.plain().trim().to_lowercase().as_str()) == Some(wanted))
        };
        let (Some(approves), Some(runs)) =
            (column(About::Approval), column(About::Runner).or_else(|| column(About::Owner)))
        else {
            continue;
        };
        for row in &table.rows {
            let (Some(approver), Some(runner)) = (row.cells.get(approves), row.cells.get(runs)) else {
                continue;
            };
            let (approver, runner) = (approver.plain(), runner.plain());
            let name = names::role(&approver);
            let same = !name.is_empty() && name == names::role(&runner) && !labels::is_open(&approver);
            if same && told.insert(row.line) {
                found.push((
                    row.line,
                    "T602",
                    format!("`{}` does this and approves it: nobody else looks", approver.trim()),
                    "let somebody else give the yes",
                ));
            }
        }
    }
}
