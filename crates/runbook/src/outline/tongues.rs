//! Words of German, French, Spanish, Portuguese, Chinese and Japanese that carry meaning: labels,
//! environments, headings that hold data, and what a list of numbers is for.
//!
//! Only words that release runbooks use, each brought to the English one that the rest of the
//! outline knows. A word that means something else as well is left out: the text then counts as
//! text, which is what it was before.

use crate::words::Words;

/// Labels of facts, in lower case, with their English name.
const LABELS: [(&str, &[&str]); 6] = [
    (
        "Owner",
        &[
            "verantwortlich",
            "verantwortliche",
            "verantwortlicher",
            "zuständig",
            "responsable",
            "responsables",
            "responsável",
            "responsáveis",
            "负责人",
            "責任者",
            "担当",
            "担当者",
        ],
    ),
    ("Environment", &["umgebung", "environnement", "entorno", "ambiente", "环境", "環境"]),
    ("Duration", &["dauer", "durée", "duración", "duração", "时长", "耗时", "所要時間"]),
    (
        "Wait Time",
        &["wartezeit", "temps d'attente", "tiempo de espera", "tempo de espera", "等待时间", "待機時間"],
    ),
    ("Sign-Off", &["freigabe durch", "abnahme", "validation par", "aprobación", "aprovação", "审批", "承認"]),
    ("Hosts", &["server", "serveurs", "servidores", "主机", "ホスト"]),
];

/// Titles of sections in which nobody works; what follows behind a space may be anything.
const DATA: [&str; 30] = [
    "anhang",
    "inhalt",
    "inhaltsverzeichnis",
    "überblick",
    "glossar",
    "ansprechpartner",
    "annexe",
    "annexes",
    "sommaire",
    "table des matières",
    "glossaire",
    "anexo",
    "anexos",
    "apéndice",
    "apêndice",
    "índice",
    "glosario",
    "glossário",
    "contactos",
    "contatos",
    "附录",
    "目录",
    "概述",
    "联系人",
    "术语表",
    "付録",
    "目次",
    "概要",
    "連絡先",
    "用語集",
];

/// Words for environments that stand alone, and parts of words where a script has no spaces.
const PRODUCTION: [&str; 8] = [
    "produktion",
    "produktionsumgebung",
    "produktivumgebung",
    "produktivsystem",
    "producción",
    "produção",
    "echtsystem",
    "prod-umgebung",
];
const PRODUCTION_PARTS: [&str; 3] = ["生产", "本番", "正式环境"];
const STAGING_PARTS: [&str; 3] = ["预发布", "预生产", "ステージング"];

/// What a heading or a line before a list is about, in the words that `purpose` knows. Each row:
/// all parts of one of these must be there.
const PURPOSES: [(&str, &[&[&str]]); 4] = [
    (
        "do not roll back if",
        &[&["kein", "rollback"], &["ne pas", "arrière"], &["no revertir"], &["não reverter"]],
    ),
    (
        "rollback criteria",
        &[
            &["kriterien", "rollback"],
            &["kriterien", "rück"],
            &["critères", "arrière"],
            &["critères", "rollback"],
            &["criterios", "revers"],
            &["criterios", "rollback"],
            &["critérios", "revers"],
            &["critérios", "rollback"],
            &["回滚", "条件"],
            &["回滚", "标准"],
            &["回退", "条件"],
            &["ロールバック", "基準"],
            &["ロールバック", "条件"],
            &["切り戻し", "基準"],
            &["切り戻し", "条件"],
            &["rollback bei"],
            &["rollback wenn"],
            &["zurückrollen bei"],
            &["zurückrollen wenn"],
            &["zurückrollen, wenn"],
            &["retour arrière si"],
            &["retour en arrière si"],
            &["revertir si"],
            &["revertir cuando"],
            &["vuelta atrás si"],
            &["reverter se"],
            &["reverter quando"],
        ],
    ),
    (
        "alerts",
        &[
            &["alarme"],
            &["alarm bei"],
            &["alarm wenn"],
            &["alarmieren"],
            &["alertes"],
            &["alerter si"],
            &["alertas"],
            &["alertar"],
            &["avisar si"],
            &["告警"],
            &["警报"],
            &["アラート"],
        ],
    ),
    (
        "monitoring targets",
        &[
            &["überwachung"],
            &["surveillance"],
            &["monitoreo"],
            &["supervisión"],
            &["monitoramento"],
            &["监控"],
            &["監視"],
        ],
    ),
];

/// The first words of the rows above that are written in ASCII; a test holds them against those.
static PLAIN: Words = Words::new(&[
    "kein",
    "no revertir",
    "kriterien",
    "criterios",
    "alarm",
    "alerte",
    "alerta",
    "avisar si",
    "rollback bei",
    "rollback wenn",
    "revertir",
    "reverter",
    "surveillance",
    "monitoreo",
    "monitoramento",
]);

/// Returns the English name of a label, when it is one of these.
pub(super) fn label(written: &str) -> Option<&'static str> {
    // The longest has 17 characters; a longer text is a sentence in bold.
    if written.chars().nth(24).is_some() {
        return None;
    }
    let lower = written.to_lowercase();
    LABELS.iter().find(|(_, words)| words.contains(&lower.as_str())).map(|(name, _)| *name)
}

/// Tells whether a heading's name, without its number, says that it holds data only.
pub(super) fn is_data(title: &str) -> bool {
    let lower = title.to_lowercase();
    DATA.iter().any(|word| {
        lower.strip_prefix(word).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with([' ', ':', '：']) && word.starts_with(['a', '附', '付'])
        })
    })
}

/// Returns the environments that a text names.
pub(super) fn environments(text: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let has = |parts: &[&str]| !text.is_ascii() && parts.iter().any(|part| text.contains(part));
    if has(&STAGING_PARTS) {
        found.push("staging");
    }
    // Every text of a document comes here, and hardly one has such a word.
    static IN_PRODUCTION: Words = Words::new(&["produ", "echtsys", "prod-u"]);
    let may_hold = IN_PRODUCTION.any_in(text);
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '-').filter(|_| may_hold);
    // 预生产 is what comes before production, and holds its word.
    let production = has(&PRODUCTION_PARTS) && !text.contains("预生产");
    if production || words.any(|word| word.len() > 8 && PRODUCTION.contains(&word.to_lowercase().as_str())) {
        found.push("production");
    }
    found
}

/// Returns what a heading or line is about, in English words, when it says so in another language.
pub(super) fn purpose(lower: &str) -> Option<&'static str> {
    // Every lead of a document comes here. What is ASCII can hold only a few of these words.
    if lower.is_ascii() && !PLAIN.any_in(lower) {
        return None;
    }
    let fits = |rows: &[&[&str]]| rows.iter().any(|parts| parts.iter().all(|part| lower.contains(part)));
    PURPOSES.iter().find(|(_, rows)| fits(rows)).map(|(words, _)| *words)
}

#[cfg(test)]
mod tests {
    use crate::compile::{Request, compile};
    use tminus_release::plan::Mode;

    /// What a document gives: phases with lane, owner and environments; rules with key, use and time.
    fn check(document: &str, phases: &[(&str, &str)], rules: &[&str]) {
        let request = Request { name: "r.md".into(), mode: Mode::Assisted, ..Request::default() };
        let outline = compile(document, &request).outline;
        let shown: Vec<(String, String)> = outline
            .phases()
            .map(|(_, section)| {
                (section.title.clone(), format!("{:?} {}", section.lane, section.environments.join(",")))
            })
            .collect();
        let expected: Vec<(String, String)> =
            phases.iter().map(|(title, what)| ((*title).to_owned(), (*what).to_owned())).collect();
        assert_eq!(shown, expected, "{document}");
        let shown: Vec<String> = outline
            .thresholds
            .iter()
            .map(|found| {
                let seconds = found.threshold.duration.map_or(0, |span| span.0 / 1000);
                format!("{} {:?} {seconds}", found.threshold.key, found.usage)
            })
            .collect();
        assert_eq!(shown, rules, "{document}");
        let owners: Vec<&str> = outline.owners.iter().map(|owner| owner.text.as_str()).collect();
        assert_eq!(owners, ["QA Lead"], "{document}");
    }

    /// Headings and lines of one small document, in six languages.
    #[rustfmt::skip]
    const DOCUMENTS: [[&str; 8]; 6] = [
        ["Vorbereitung", "**Verantwortlich**: QA Lead", "Auslieferung", "**Umgebung**: Produktion",
         "Kriterien für den Rollback", "Fehlerrate > 5 % für 2 Minuten", "Zurückrollen", "Anhang A"],
        ["Préparation", "**Responsable** : QA Lead", "Livraison", "**Environnement** : production",
         "Critères de retour arrière", "Taux d'erreur > 5 % pendant 2 minutes", "Retour arrière", "Annexe"],
        ["Preparación", "**Responsable**: QA Lead", "Despliegue", "**Entorno**: producción",
         "Criterios de reversión", "Tasa de errores > 5 % durante 2 minutos", "Reversión", "Anexo A"],
        ["Preparação", "**Responsável:** QA Lead", "Implantação", "**Ambiente**: produção",
         "Critérios de reversão", "Taxa de erros > 5% por 2 minutos", "Reversão", "Anexo"],
        ["准备", "**负责人**：QA Lead", "部署", "**环境**：生产", "回滚条件", "错误率 > 5% 持续 2 分钟", "回滚", "附录"],
        ["準備", "**担当者**：QA Lead", "デプロイ", "**環境**：本番", "ロールバック基準", "エラー率 > 5% が 2分間",
         "ロールバック", "付録 A"],
    ];

    #[test]
    fn six_languages() {
        for [prepare, owner, deploy, environment, criteria, rule, back, appendix] in DOCUMENTS {
            let document = format!(
                "# R\n\n## {prepare}\n\n{owner}\n\n- [ ] x\n\n## {deploy}\n\n{environment}\n\n```bash\n./a\n```\n\n\
                 ## {criteria}\n\n- {rule}\n\n## {back}\n\n```bash\n./b\n```\n\n## {appendix}\n\n```bash\n./c\n```\n"
            );
            let lanes: Vec<(&str, &str)> = vec![
                (prepare, "Main "),
                (deploy, "Main production"),
                (criteria, "Rollback "),
                (back, "Rollback "),
            ];
            check(&document, &lanes, &["error_rate Rollback 120"]);
        }
    }

    #[test]
    fn what_is_ascii_is_looked_for_in_ascii() {
        let rows = super::PURPOSES.iter().flat_map(|(_, rows)| rows.iter());
        for parts in rows.filter(|parts| parts.iter().all(|part| part.is_ascii())) {
            assert!(super::purpose(&parts.join(" ")).is_some(), "{parts:?}");
        }
    }

    #[test]
    fn words_inside_of_others_mean_nothing() {
        for text in ["Reproduktion des Fehlers", "预生产验证", "Produktivität", "producto"] {
            assert!(!super::environments(text).contains(&"production"), "{text}");
        }
        for title in ["Annexation", "概要を確認する", "Indices", "Inhalte prüfen"] {
            assert!(!super::is_data(title), "{title}");
        }
        assert_eq!(super::label("Notes"), None);
    }
}
