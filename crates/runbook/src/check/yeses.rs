//! T602: approvals that anyone gives, or the one who asks.

use std::collections::{BTreeMap, BTreeSet};

use crate::control::{self, Body};
use crate::names;
use crate::outline::{FenceClass, FoundOwner, UnitKind};
use crate::pattern::Pattern;
use crate::words::Words;

use super::duties::Found;
use super::labels::APPROVAL;
use super::page::Page;

/// Answers that say that a yes is needed, and not whose.
#[rustfmt::skip]
const ANSWERS: [&str; 19] = [
    "yes", "required", "needed", "mandatory", "ja", "erforderlich", "nötig", "oui", "requise", "obligatoire", "sí", "si", "requerida", "sim", "necessária", "是", "需要", "必要", "要",
];

fn is_about_approval(label: &str) -> bool {
    let lower = label.to_lowercase();
    APPROVAL.contains(&lower.as_str()) || matches!(lower.as_str(), "sign-off" | "sign off")
}

/// Tells whether an answer, in small letters, says that a yes is needed and not whose.
pub(super) fn says_only_yes(answer: &str) -> bool {
    ANSWERS.contains(&answer)
}

/// Tells whether an answer, in small letters, leaves it to whoever comes.
fn is_anyone(answer: &str) -> bool {
    #[rustfmt::skip]
    const ANYONE: [&str; 44] = [
        "anyone", "anybody", "everyone", "everybody", "someone", "somebody", "all", "team", "the team", "any engineer",
        "any developer", "any team member", "any member of the team", "any stakeholder", "everyone agrees",
        "jeder", "alle", "jemand", "irgendjemand", "das team", "beliebig", "tout le monde", "n'importe qui", "quelqu'un",
        "l'équipe", "cualquiera", "todos", "alguien", "el equipo", "qualquer um", "qualquer pessoa", "alguém", "a equipe",
        "任何人", "所有人", "大家", "谁都可以", "团队", "誰でも", "全員", "誰でもよい", "誰でも可", "チーム", "誰か",
    ];
    ANYONE.contains(&answer)
}

/// T602: a yes that anybody gives, or the one who asks.
pub(super) fn check(page: &Page<'_>, owners: &[FoundOwner], found: &mut Found) {
    let mut first: BTreeMap<usize, &FoundOwner> = BTreeMap::new();
    owners.iter().for_each(|owner| _ = first.entry(owner.section).or_insert(owner));
    for fact in page.outline.facts.iter().filter(|fact| is_about_approval(&fact.label)) {
        let value = fact.value.trim().trim_end_matches(['.', '。']).to_lowercase();
        if says_only_yes(&value) || is_anyone(&value) {
            found.push((fact.line, "T602", format!("`{}: {}` does not say whose yes, or how many: anyone's will do", fact.label, fact.value.trim()), "name the role and the number: `**Approval**: 1 engineering manager and 1 SRE`, or an `.approval` block with a quorum"));
            continue;
        }
        let owner = first.get(&fact.section).filter(|owner| owner.section != 0);
        if let Some(owner) =
            owner.filter(|owner| !value.is_empty() && names::role(&owner.text) == names::role(&fact.value))
        {
            found.push((
                fact.line,
                "T602",
                format!("`{}` does this and approves it: nobody else looks", owner.text.trim()),
                "let somebody else give the yes",
            ));
        }
    }
    for unit in &page.outline.units {
        let UnitKind::Fence(fence) = &unit.kind else { continue };
        if fence.class != FenceClass::Control("approval") {
            continue;
        }
        let (Some(control), _) = control::parse("approval", &fence.body, 0..0, None) else { continue };
        let Body::Approval { quorum, starter_may_approve, .. } = control.body else { continue };
        if starter_may_approve && quorum.values().sum::<u32>() == 1 {
            found.push((unit.line, "T602", "one yes is enough, and whoever started the release may give it: it is no second pair of eyes".to_owned(), "leave out `starter_may_approve`, or ask two people"));
        }
    }
    by_anyone(page, found);
}

/// Who is anyone, or the one who asks, and gives a yes; one pattern for each language.
static BY_ANYONE: [Pattern; 7] = [
    Pattern::of_both(
        &[
            "any", "every", "someone", "somebody", "engineer", "person", "one who", "author", "whoever",
            "you ",
        ],
        &[
            "approv",
            "sign off",
            "sign-off",
            "signs off",
            "signed off",
            "agree",
            "green light",
            "gives the go",
        ],
        r"(?i)\b(?:anyone|anybody|everyone|everybody|someone|somebody|any (?:stakeholder|engineer|developer|colleague|person|team member|member of the team|one)|whoever (?:runs|releases|deploys|starts)[a-z ]*?|(?:the )?(?:engineer|person|developer|operator|one|colleague) (?:who (?:is )?)?(?:running|runs|doing|does|performing|performs|executing|executes|starting|starts|deploying|deploys|releasing|releases)(?: the| this| it)?(?: release| deploy(?:ment)?| rollout| runbook| change)?|the author)(?: of the (?:change|release))?(?: can| may| could| must| should| has| have| also)? (?:approves?|approved|signs? off|signed off|agrees?|agreed|gives? the (?:green light|approval|go))\b|\b(?:approv(?:ed|al) (?:by|from)|sign(?:ed)?[- ]?off (?:by|from)) (?:anyone|anybody|everyone|everybody|someone|somebody|any (?:stakeholder|engineer|developer|colleague|person|team member)|the author|whoever)\b",
    ),
    Pattern::of_both(
        &["jeder", "jede ", "alle ", "jemand", "wer "],
        &["freig", "frei", "genehmig", "einverstanden", "zustimm", "stimmen zu", "stimmt zu"],
        r"(?i)\b(?:jeder|alle|irgendjemand|jemand)(?: aus dem team| im team)?(?: darf| kann| können| hat| haben| sind| muss| müssen)? ?(?:freigeben|freigegeben|gibt frei|geben frei|genehmigt|genehmigen|einverstanden|zugestimmt|zustimmen|stimmen zu|stimmt zu)|\bwer (?:das release |die auslieferung |es |den release )?(?:durchführt|ausführt|ausrollt|startet),? (?:gibt (?:es |das release |sie )?(?:selbst )?frei|genehmigt)",
    ),
    Pattern::of_both(
        &["tout le monde", "importe qui", "quelqu", "celui qui", "la personne qui", "toute l"],
        &["accord", "approuv", "valid", "donne son"],
        r"(?i)\b(?:tout le monde|n['’]importe qui|quelqu['’]un|toute l['’]équipe|(?:celui|celle|la personne) qui (?:déploie|lance|exécute|publie)[^.,;|]*?)(?: peut| doit| a| est)? ?(?:d['’]accord|approuver|approuve|approuvé|valider|valide|validé|donne son accord)",
    ),
    Pattern::of_both(
        &["cualquiera", "todos", "todo el mundo", "alguien", "quien "],
        &["aprueb", "aprob", "acuerdo", "autoriz", "visto bueno"],
        r"(?i)\b(?:cualquiera(?: del equipo)?|todos|todo el mundo|alguien|quien (?:ejecuta|despliega|lanza|publica)[^.,;|]*?)(?: puede| debe| ha| han| están| está| lo| la| el)* ?(?:de acuerdo|aprobar|aprueban?|aprobado|autorizan?|autorizar|da el visto bueno)",
    ),
    Pattern::of_both(
        &["qualquer", "todos", "todo mundo", "alguém", "quem "],
        &["aprov", "acordo", "concord", "autoriz"],
        r"(?i)\b(?:qualquer (?:um|pessoa)(?: da equipe| do time)?|todos|todo mundo|alguém|quem (?:executa|implanta|lança|publica|roda)[^.,;|]*?)(?: pode| deve| estão| está| o| a)* ?(?:de acordo|aprovar|aprovam?|aprovado|concordam?|autorizam?|autorizar)",
    ),
    Pattern::of_both(
        &["任何人", "所有人", "大家", "执行人", "发布人", "谁都"],
        &["审批", "批准", "同意", "通过"],
        r"(?:任何人|所有人|大家|谁都|(?:执行|发布|操作)人(?:员)?(?:自己|自行|本人))(?:都|均|可以|可|能|即可)*(?:审批|批准|同意|通过)",
    ),
    Pattern::of_both(
        &["誰でも", "全員", "誰か", "自身", "本人"],
        &["承認", "同意", "合意", "賛成"],
        r"(?:誰でも|全員|誰か|(?:実施|担当|作業|リリース)(?:者|担当)?(?:自身|本人))(?:が|も|の)?(?:承認できる|承認可|承認する|承認した|承認|同意|合意|賛成)",
    ),
];

/// Somebody else is meant, or one of a group that is named.
static NOT_ANYONE: Words = Words::new(&[
    "other than",
    "except",
    "but the",
    "not the",
    "else",
    "nobody",
    "no one",
    "außer",
    "anderer",
    "andere",
    "sauf",
    "autre",
    "menos",
    "otro",
    "otra",
    "exceto",
    "outro",
    "outra",
    "除",
    "以外",
    "他の",
    "另一",
]);

/// What each of the patterns about a yes has one of: asked once, before all of them.
#[rustfmt::skip]
pub(super) static YES: Words = Words::new(&["einverstanden", "stimmen zu", "stimmt zu", "donne son", "visto bueno", "concord", "合意", "賛成", 
    "approv", "sign off", "signs off", "sign-off", "signed off", "signs it off", "green light", "gives the go", "consent", "yes", "go ahead", "agree",
    "genehmig", "freig", "frei", "zustimm", "approuv", "approb", "valid", "accord", "aprueb", "aprob", "autoriz", "acuerdo", "aprov", "acordo", "审批", "批准",
    "审核", "自批", "自审", "同意", "通过", "承認",
]);

/// T602: the line that asks for a yes leaves it to anyone, or to the one who is to be checked.
fn by_anyone(page: &Page<'_>, found: &mut Found) {
    let told: BTreeSet<u32> =
        found.iter().filter(|(_, code, ..)| *code == "T602").map(|(line, ..)| *line).collect();
    for unit in &page.outline.units {
        let text = match &unit.kind {
            UnitKind::Item(item) => &item.text,
            UnitKind::Point(point) => &point.text,
            _ => continue,
        };
        // A sentence that long explains something.
        if text.len() > 160 || NOT_ANYONE.any_in(text) {
            continue;
        }
        let is_item = matches!(unit.kind, UnitKind::Item(_));
        let label = text.split_once([':', '：']).filter(|(label, who)| {
            APPROVAL.contains(&label.trim().to_lowercase().as_str())
                && is_anyone(who.trim().trim_end_matches(['.', '。']).to_lowercase().as_str())
        });
        // In a list without boxes only what is said first is an instruction.
        let says_yes = YES.any_in(text);
        let said = BY_ANYONE.iter().filter(|_| says_yes).find_map(|pattern| pattern.find(text));
        let said = said.filter(|said| is_item || said.start() < 24 && text.len() < 100);
        let Some(who) = label.map(|_| text.trim()).or_else(|| said.map(|said| said.as_str())) else {
            continue;
        };
        if told.contains(&unit.line) {
            continue;
        }
        found.push((
            unit.line,
            "T602",
            format!("`{who}`: this yes is anyone's, or that of the one who is to be checked; nobody else looks"),
            "name the role and the number, and let it be somebody who does not run the release: `**Approval**: 1 engineering manager and 1 SRE`",
        ));
    }
}
