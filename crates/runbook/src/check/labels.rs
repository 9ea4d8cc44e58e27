//! Lines that say who owns, runs or approves something, bold or not, in the text, a list or a table of
//! two columns, in any of the languages that tminus knows.

use crate::words::Words;

use super::page::{Page, without_task};

/// Labels of lines that name an owner, beside those that the outline knows.
#[rustfmt::skip]
pub(super) const OWNER: [&str; 31] = [
    "owner", "owners", "owned by", "phase owner", "step owner", "responsible", "verantwortlich", "verantwortliche", "verantwortlicher",
    "verantwortung", "zuständig", "responsable", "responsables", "pilote", "propriétaire", "propietario", "dueño", "encargado",
    "encargada", "a cargo", "responsável", "responsáveis", "dono", "负责人", "负责", "责任人", "担当者", "担当", "責任者", "主担当", "担当チーム",
];

/// Labels of lines that ask for a yes.
#[rustfmt::skip]
pub(super) const APPROVAL: &[&str] = &[
    "approval", "approvals", "approval required", "approver", "approvers", "approved by", "approval by", "approves", "final approval",
    "go/no-go", "go/no-go decision", "go-ahead", "go ahead", "green light", "clearance", "permission", "grünes licht", "zustimmung", "feu vert",
    "autorisation", "accord", "luz verde", "autorización", "sinal verde", "autorização", "放行", "许可", "許可", "signed off by", "sign-off by",
    "freigabe", "freigabe durch", "freigegeben von", "genehmigung", "genehmigt von", "genehmiger", "approbation", "approbateur",
    "approuvé par", "validé par", "validation par", "aprobación", "aprobado por", "aprueba", "aprobador", "aprobadora", "visto bueno",
    "aprovação", "aprovado por", "aprova", "aprovador", "aprovadora", "审批", "审批人", "批准人", "批准", "承認", "承認者", "最終承認", "审核人",
];

/// Labels of lines that say who does it.
#[rustfmt::skip]
pub(super) const RUNNER: [&str; 46] = [
    "executor", "executed by", "execution", "executes", "run by", "runs the release", "performed by", "operator", "deployer",
    "deployed by", "driver", "release driver", "implementer", "implemented by", "started by", "runner",
    "durchführung", "durchgeführt von", "ausführung", "ausgeführt von", "ausführender", "ausführende", "exécution", "exécuté par",
    "exécutant", "opérateur", "ejecución", "ejecutado por", "ejecuta", "ejecutor", "operador", "execução", "executado por", "executa",
    "executor", "执行", "执行人", "操作人", "发布人", "实施人", "実施", "実施者", "作業者", "作業担当", "リリース担当", "担当作業者",
];

/// What a line with a label is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Owner,
    Approval,
    Runner,
    /// Somebody who is called, or an office.
    Contact,
}

/// A line with a label.
pub(super) struct Labelled<'p> {
    pub(super) line: u32,
    pub(super) section: usize,
    pub(super) about: About,
    pub(super) label: String,
    pub(super) value: &'p str,
    /// The lines around it are to be filled in as well: the whole is a form.
    pub(super) in_form: bool,
}

/// Tells what a label in small letters is about.
pub(super) fn about(label: &str) -> Option<About> {
    #[rustfmt::skip]
    const CONTACT: [&str; 45] = [
        "on-call", "oncall", "on call", "on-call engineer", "incident commander", "contact", "contacts", "escalation contact",
        "emergency contact", "release manager", "release captain", "rollback authority", "decision maker", "rollback owner", "backup contact", "phone",
        "telephone", "bridge lead", "dba on call", "bereitschaft", "rufbereitschaft", "ansprechpartner", "ansprechpartnerin", "kontakt", "telefon",
        "notfallkontakt", "einsatzleitung", "astreinte", "téléphone", "guardia", "contacto", "teléfono", "plantão", "contato", "telefone", "值班",
        "值班人", "值班人员", "联系人", "联系电话", "电话", "当番", "連絡先", "電話", "緊急連絡先",
    ];
    let is = |labels: &[&str]| labels.contains(&label);
    let runs = ["runs the ", "executes the ", "performs the ", "deploys the "]
        .iter()
        .any(|verb| label.starts_with(verb));
    let is_contact = || {
        [
            " contact",
            " phone",
            " telephone",
            " number",
            "-telefon",
            "-kontakt",
            " on call",
            " on-call",
            "联系人",
        ]
        .iter()
        .any(|end| label.ends_with(end))
    };
    match label {
        _ if runs => Some(About::Runner),
        _ if is_contact() => Some(About::Contact),
        "go / no-go" => Some(About::Approval),
        _ if label.starts_with("contact ") => Some(About::Contact),
        _ if is(&OWNER) => Some(About::Owner),
        _ if is(APPROVAL) => Some(About::Approval),
        _ if is(&RUNNER) => Some(About::Runner),
        _ if is(&CONTACT) => Some(About::Contact),
        _ => None,
    }
}

/// The lines of a document that are about people.
pub(super) fn read<'p>(page: &Page<'p>) -> Vec<Labelled<'p>> {
    let mut read = Vec::new();
    let sections = &page.outline.sections;
    let prose = page.prose();
    for (at, (line, text)) in prose.iter().enumerate() {
        let Some((label, value)) = split(text) else { continue };
        let section = sections.partition_point(|section| section.line <= *line).saturating_sub(1);
        let named = || {
            if value.len() > 60 || !is_open(value) {
                return None;
            }
            let office = label.split(' ').next_back().is_some_and(super::signers::is_office);
            let asks = ["sign-off", "approval", "freigabe"].iter().any(|end| label.ends_with(end));
            let is_about = office || asks || is_of_people(&sections[section].title);
            // Rows of tables are read by their columns.
            let is_row = text.trim_start().starts_with('|');
            (!is_row && is_about).then_some(About::Contact)
        };
        let Some(about) = about(&label).or_else(named) else { continue };
        let in_form = is_open(value) && is_form(prose, at);
        let line = *line;
        read.push(Labelled { line, section, about, label, value, in_form });
    }
    read
}

/// Tells whether a line stands among others that are all to be filled in.
fn is_form(prose: &[(u32, &str)], at: usize) -> bool {
    let is_blank = |at: &usize| prose[*at].1.trim().is_empty();
    let before = (0..at).rev().take(12).take_while(|at| !is_blank(at));
    let behind = (at + 1..prose.len()).take(12).take_while(|at| !is_blank(at));
    let is_rule =
        |at: usize| prose.get(at).is_some_and(|(_, text)| text.starts_with('|') && text.contains("--"));
    // The header of a table names no one.
    let lines = before.chain(behind).filter(|at| !is_rule(*at) && !is_rule(at + 1));
    let values: Vec<&str> = lines.filter_map(|at| split(prose[at].1)).map(|(_, value)| value).collect();
    let open = values.iter().filter(|value| is_open(value)).count();
    open > 0 && values.iter().all(|value| value.is_empty() || is_open(value))
}

/// Tells whether a heading stands over people.
fn is_of_people(title: &str) -> bool {
    #[rustfmt::skip]
    static PEOPLE: Words = Words::new(&[
        "who ", "contact", "people", "roles", "escalat", "approv", "sign-off", "on-call", "go/no-go", "ansprech", "kontakt", "rollen", "personen",
        "freigabe", "équipe", "rôles", "personnes", "equipo", "personas", "equipe", "contato", "papéis", "人员", "联系", "角色", "审批", "体制", "連絡", "承認",
    ]);
    PEOPLE.any_in(&title.to_lowercase())
}

/// The label, in small letters, and the value of a line; a row counts when it has two cells.
fn split(text: &str) -> Option<(String, &str)> {
    let is_bold = text.starts_with('*');
    let text = without_task(text.trim_start_matches([' ', '-', '*', '+', '>', '\t']));
    let text = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ')' | ' '));
    let (label, value) = match text.strip_prefix('|') {
        Some(row) => {
            let (label, rest) = row.split_once('|')?;
            let value = rest.trim_end().strip_suffix('|')?;
            (!value.contains('|')).then_some((label, value))?
        }
        None => is_bold.then(|| equated(text)).flatten().or_else(|| text.split_once([':', '：']))?,
    };
    // A longer one is a sentence.
    if label.len() > 48 || label.split(' ').nth(7).is_some() {
        return None;
    }
    let label = label.trim().trim_matches('*').trim().to_lowercase();
    Some((label, value.trim().trim_matches('*').trim()))
}

/// `**Green light** = two yeses`, without what it begins with.
fn equated(bold: &str) -> Option<(&str, &str)> {
    let (label, rest) = bold.split_once("**")?;
    let rest = rest.trim_start();
    let value = ["=", "– ", "— ", "→"].iter().find_map(|sign| rest.strip_prefix(sign))?;
    Some((label, value))
}

/// Places that somebody is to fill in: `[Name]`, `<name>`, `555-XXXX`, `???`.
pub(super) fn is_open(value: &str) -> bool {
    let value = value.trim().trim_matches(['*', '`', '"', ' ']).trim_end_matches(['.', '。']);
    if value.is_empty() || value.len() > 60 {
        return false;
    }
    let lower = value.to_lowercase();
    let within = |open: char, close: char| {
        let inner = value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        inner.is_some_and(|inner| {
            let is_address = inner.contains(['@', ':', '/', '#', ']', '>']);
            !is_address && !inner.trim().is_empty() && inner.trim() != "x" && inner.trim() != "X"
        })
    };
    super::people::says_nobody(&lower)
        || super::people::says_nobody(&format!("{lower}."))
        || within('[', ']')
        || within('<', '>')
        || within('{', '}')
        || is_no_number(&lower)
}

/// A number of a telephone that rings nowhere: `+49 170 XXXXXXX`, `000-0000`.
fn is_no_number(lower: &str) -> bool {
    let signs = lower.chars().all(|c| c.is_ascii_digit() || "x+-()/. ".contains(c));
    let count = |wanted: fn(char) -> bool| lower.chars().filter(|c| wanted(*c)).count();
    let zeros = count(|c| c == '0');
    signs && (count(|c| c == 'x') >= 3 || zeros >= 6 && zeros == count(|c| c.is_ascii_digit()))
}
