//! T602 by who somebody is: the table of roles, or a sentence, says who runs the release, and the
//! line that asks for a yes names nobody but them, or nobody at all.

use std::collections::BTreeSet;

use crate::markdown::Table;
use crate::words::Words;

use super::duties::Found;
use super::labels::{About, Labelled};
use super::own_yes::FORBIDDEN;
use super::page::{Page, short};
use super::people::is_role;

/// Titles of those who run a release.
#[rustfmt::skip]
static RUNNERS: Words = Words::new(&[
    "releaser", "release driver", "release operator", "release runner", "release executor", "deployer", "deploy driver", "deployment driver", "deploy operator",
    "deployment operator", "executor", "implementer", "auslieferung", "auslieferer", "ausführend", "durchführ", "ausroller", "déployeur", "exécutant",
    "opérateur de la mise", "opératrice de la mise", "mise en production", "despliega", "desplegador", "despliegue", "ejecutor", "implantador", "implantação", "executa",
    "执行人", "发布人", "操作人", "上线人", "实施人", "リリース担当", "リリース実施", "作業者", "実施者", "デプロイ担当",
]);

/// What one does who runs a release, right behind their name.
#[rustfmt::skip]
const RUNS: &[&str] = &[
    "executes", "runs the", "runs it", "runs this", "runs sections", "runs all", "performs", "carries out", "carries the", "carries it", "drives", "starts the", "starts it",
    "deploys", "does the release", "does the deploy", "does the rollout", "rolls out", "presses the button", "types the commands", "works through",
    "führt", "startet", "rollt", "liefert aus", "spielt", "exécute", "lance", "déploie", "déroule", "ejecuta", "lanza", "despliega", "executa", "lança", "implanta", "roda",
    "执行", "发布", "操作", "负责执行", "が実施", "が実行", "がリリース", "が作業",
];

/// May, in front of giving a yes.
#[rustfmt::skip]
const MAY: &[&str] = &[
    "may ", "can ", "could ", "is allowed to ", "is free to ", "is entitled to ", "darf ", "kann ", "peut ", "pourra ", "puede ", "podrá ", "pode ", "poderá ", "可以", "可", "也可", "が代わりに",
];

/// Giving a yes.
#[rustfmt::skip]
static GIVES: Words = Words::new(&[
    "approv", "sign", "give", "giving", "mark", "tick", "set it to", "sets it", "stand in", "step in", "gets ahead", "say yes", "says yes", "decid", "click",
    "erteil", "gibt", "geben", "genehmig", "freig", "zeichn", "unterschreib", "setzt", "einspring", "approuv", "valid", "donne", "signe",
    "aprueb", "aprob", "firma", " da ", "darl", "marca", "aprov", " dá ", "assina", " dar ", "批准", "审批", "签字", "同意", "承認", "許可",
]);

/// Somebody else gives it.
#[rustfmt::skip]
static ASKS: Words = Words::new(&[
    "ask", "request", "wait", "collect", "obtain", "get ", "gets ", "seek", " from ", "holt", "bittet", "fragt", "wartet", "einhol", " bei ", "demande", "attend", "obtient",
    "auprès", "pide", "solicita", "espera", "pede", "aguarda", "obtém", "obtiene", "申请", "等待", "依頼", "もら", "得て", "受け", "countersign", "gegenzeich", "contresign",
    "without", "ohne ", "sans ", "sin ", "sem ", "four eyes", "four-eyes", "vier augen", "vier-augen", "double",
]);

/// A role with those who have it, in small letters.
struct Member {
    title: String,
    names: Vec<String>,
}

/// Runs the checks of this file.
pub(super) fn check(page: &Page<'_>, tables: &[&Table], lines: &[Labelled<'_>], found: &mut Found) {
    let mut asked =
        lines.iter().filter(|line| line.about == About::Approval && !line.value.is_empty()).peekable();
    if asked.peek().is_none() {
        return;
    }
    let cast = cast(tables);
    let mut told: BTreeSet<u32> = found.iter().map(|(line, ..)| *line).collect();
    for line in asked {
        let lower = line.value.to_lowercase();
        let own = cast
            .iter()
            .find(|member| gives_it_alone(page, &cast, member, &lower) || may_stand_in(page, member, &lower));
        let message = match own {
            Some(member) => format!(
                "`{}` runs the release, and this yes may be theirs: nobody else looks",
                member.title.trim()
            ),
            None if !cast.is_empty() && is_anyones(&cast, line.value, &lower) => {
                format!(
                    "`{}` says neither whose yes this is nor how many: anyone's will do",
                    short(line.value)
                )
            }
            None => continue,
        };
        if told.insert(line.line) {
            found.push((
                line.line,
                "T602",
                message,
                "name the role and the number, and let it be somebody who does not run the release: `**Approval**: 1 engineering manager and 1 SRE`",
            ));
        }
    }
}

/// The rows of tables of roles; a table of that kind has a header that says so.
fn cast(tables: &[&Table]) -> Vec<Member> {
    let is_cast = |table: &&&Table| {
        let first = table.header.first().map(|cell| cell.plain().trim().to_lowercase()).unwrap_or_default();
        is_role(&first) || matches!(first.as_str(), "hat" | "hats" | "duty" | "seat" | "part" | "who")
    };
    let rows = tables.iter().filter(is_cast).flat_map(|table| &table.rows).take(64);
    let member = |row: &crate::markdown::TableRow| {
        let title = row.cells.first()?.plain().trim().to_lowercase();
        let name = row.cells.get(1)?.plain().trim().to_owned();
        let is_name = name.starts_with(char::is_uppercase) && name.split(' ').count() <= 4;
        let first = name.split(' ').next().filter(|first| first.chars().count() > 2).map(str::to_lowercase);
        let names = if is_name {
            [Some(name.to_lowercase()), first].into_iter().flatten().collect()
        } else {
            Vec::new()
        };
        (title.chars().count() > 1).then_some(Member { title, names })
    };
    rows.filter_map(member).collect()
}

impl Member {
    /// Where the text names them: the end of the first mention.
    fn in_text(&self, lower: &str) -> Option<(usize, usize)> {
        let mut words = self.names.iter().chain([&self.title]);
        words.find_map(|word| {
            let is_whole = |at: usize| {
                !lower[..at].ends_with(char::is_alphanumeric)
                    && !lower[at + word.len()..].starts_with(|c: char| c.is_ascii_alphanumeric())
                    || !word.is_ascii()
            };
            let at = lower.match_indices(word.as_str()).map(|(at, _)| at).find(|at| is_whole(*at))?;
            Some((at, at + word.len()))
        })
    }

    /// Their title says that they run releases, or a sentence does.
    fn runs(&self, page: &Page<'_>) -> bool {
        RUNNERS.any_in(&self.title)
            || page.prose().iter().filter(|(_, text)| !text.starts_with('|')).any(|(_, text)| {
                let lower = text.to_lowercase();
                let Some((_, end)) = self.in_text(&lower) else { return false };
                let behind = lower[end..].trim_start();
                RUNS.iter().any(|verb| behind.starts_with(verb))
            })
    }
}

/// `Approval: the release driver marks the ticket as approved`, and nobody else is named.
fn gives_it_alone(page: &Page<'_>, cast: &[Member], member: &Member, lower: &str) -> bool {
    let Some((start, end)) = member.in_text(lower) else { return false };
    let others = || cast.iter().any(|other| other.title != member.title && other.in_text(lower).is_some());
    let article = lower[..start].trim();
    let begins = matches!(
        article,
        "" | "the"
            | "der"
            | "die"
            | "das"
            | "le"
            | "la"
            | "el"
            | "o"
            | "a"
            | "由"
            | "our"
            | "by"
            | "durch"
            | "von"
            | "par"
            | "por"
    );
    let behind = lower[end..].split(['.', '。', ';']).next().unwrap_or_default();
    begins
        && (behind.trim().is_empty() || GIVES.any_in(behind))
        && !FORBIDDEN.any_in(lower)
        && !ASKS.any_in(lower)
        && !others()
        && member.runs(page)
}

/// `If Greta is out, Tendai may give it`: the one who runs the release may stand in.
fn may_stand_in(page: &Page<'_>, member: &Member, lower: &str) -> bool {
    lower.split(['.', '。', ';', '；', '\n']).any(|sentence| {
        let Some((_, end)) = member.in_text(sentence) else { return false };
        let behind = sentence[end..].trim_start_matches([' ', '*', ')']);
        let may = MAY.iter().find_map(|may| behind.strip_prefix(may));
        may.is_some_and(|what| GIVES.any_in(what.get(..48).unwrap_or(what)))
            && !FORBIDDEN.any_in(sentence)
            && !ASKS.any_in(sentence)
            && member.runs(page)
    })
}

/// `Approval: a thumbs-up in #releases`: a sign, a place, and nobody.
fn is_anyones(cast: &[Member], value: &str, lower: &str) -> bool {
    #[rustfmt::skip]
    const SIGNS: [&str; 31] = [
        "thumbs-up", "thumbs up", "thumb", "👍", "✅", "ok ", "okay", "yes", "lgtm", "reaction", "comment", "reply", "message", "emoji", "tick", "check mark",
        "daumen", "häkchen", "ein ja", "kommentar", "nachricht", "pouce", "réaction", "pulgar", "un sí", "joinha", "polegar", "点赞", "回复", "いいね", "スタンプ",
    ];
    #[rustfmt::skip]
    const ONE: [&str; 13] = ["a ", "an ", "one ", "ein ", "eine ", "un ", "une ", "uno ", "una ", "um ", "uma ", "👍", "✅"];
    #[rustfmt::skip]
    static WHOSE: Words = Words::new(&[
        " of ", " by ", " from ", " each", "@", "von ", "durch ", "vom ", " der ", " du ", " de ", " des ", " par ", " por ", " del ", " da ", " do ", "who ", "wer ", "qui ", "quien", "quem",
        "人", "者", "の", "owner", "lead", "manager", "on-call", "team", "engineer", "review",
    ]);
    let is_one = ONE.iter().any(|one| lower.starts_with(one)) || lower.starts_with(['点', '回', 'い', 'ス']);
    let short_one = value.chars().count() <= 60 && value.trim_end_matches('.').matches(". ").next().is_none();
    // A name has a capital; a place in a chat has none.
    let names = value.split(' ').skip(1).any(|word| {
        let word = word.trim_matches(['(', ')', '*', '"']);
        word.starts_with(char::is_uppercase)
            && !matches!(
                word,
                "OK" | "Slack"
                    | "Teams"
                    | "Jira"
                    | "Daumen"
                    | "Häkchen"
                    | "Ja"
                    | "Kanal"
                    | "Ticket"
                    | "Chat"
                    | "Kommentar"
                    | "Nachricht"
            )
    });
    is_one
        && short_one
        && SIGNS.iter().any(|sign| lower.contains(sign))
        && !WHOSE.any_in(lower)
        && !names
        && !cast.iter().any(|member| member.in_text(lower).is_some())
}
