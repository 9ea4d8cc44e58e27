//! Words by which a text says what it is about, in the languages that runbooks are written in.
//!
//! They are only ever used to stay silent: a check that misses a word says one thing too many, and
//! one that finds a word too many says nothing. No fault is made from a word alone.

/// Of `BACK`, what speaks of failing, not of what is done then.
pub(super) const FAILING: &[&str] = &["goes wrong", "if it fails", "if something fails"];

/// What is said of commands that are no more.
pub(super) const GONE: &[&str] = &[
    "removed",
    "deprecated",
    "no longer",
    "replaced",
    "instead of",
    "obsolete",
    "renamed",
    "dropped",
    "entfernt",
    "ersetzt",
    "veraltet",
    "supprimé",
    "remplacé",
    "obsolète",
    "eliminad",
    "reemplaz",
    "obsolet",
    "removid",
    "substituíd",
    "已移除",
    "已废弃",
    "弃用",
    "廃止",
    "削除された",
    "非推奨",
];

/// Going back.
pub(super) const BACK: &[&str] = &[
    "rollback",
    "roll back",
    "roll-back",
    "rolling back",
    "rolled back",
    "revert",
    "backout",
    "back out",
    "back-out",
    "undo",
    "recover",
    "goes wrong",
    "if it fails",
    "if something fails",
    "fall back",
    "fallback",
    "zurückroll",
    "zurücksetz",
    "rückgängig",
    "rücknahme",
    "retour arrière",
    "retour en arrière",
    "annuler",
    "annulation",
    "revenir",
    "revertir",
    "reversión",
    "deshacer",
    "vuelta atrás",
    "marcha atrás",
    "reverter",
    "reversão",
    "desfazer",
    "回滚",
    "回退",
    "撤销",
    "ロールバック",
    "切り戻し",
    "巻き戻",
];

/// A copy of the data.
pub(super) const BACKUP: &[&str] = &[
    "backup",
    "back up",
    "back-up",
    "backed up",
    "snapshot",
    "pitr",
    "point-in-time",
    "point in time",
    "dump",
    "sicherung",
    "sichern",
    "gesichert",
    "sauvegard",
    "copia de seguridad",
    "respald",
    "cópia de segurança",
    "备份",
    "快照",
    "バックアップ",
    "スナップショット",
];

/// A migration that can be taken back, or that says that it cannot.
pub(super) const REVERSIBLE: &[&str] = &[
    "down.sql",
    "migrate:down",
    "migrate down",
    "downgrade",
    "db:rollback",
    "migrate:rollback",
    "migrate:undo",
    "migration rollback",
    "rollback migration",
    "point of no return",
    "reversible",
    "cannot be undone",
    "cannot be rolled back",
    "cannot be reversed",
    "can't be undone",
    "can't be rolled back",
    "no way back",
    "forward-only",
    "forward only",
    "roll forward",
    "roll-forward",
    "fix forward",
    "fix-forward",
    "backward compat",
    "backward-compat",
    "backwards compat",
    "backwards-compat",
    "expand",
    "additive",
    "restor",
    "pitr",
    "point-in-time",
    "undo=",
    "undo:",
    "umkehrbar",
    "abwärtskompatib",
    "rückwärtskompatib",
    "wiederherstell",
    "zurückspiel",
    "irréversible",
    "réversible",
    "rétrocompat",
    "restaur",
    "irreversible",
    "retrocompat",
    "compatible hacia atrás",
    "irreversível",
    "reversível",
    "不可逆",
    "可逆",
    "向后兼容",
    "恢复",
    "还原",
    "後方互換",
    "復元",
    "リストア",
    "戻せ",
];

/// Looking whether it worked.
pub(super) const LOOK: &[&str] = &[
    "verif",
    "check",
    "confirm",
    "monitor",
    "health",
    "smoke",
    "test",
    "watch",
    "validat",
    "observ",
    "look at",
    "make sure",
    "ensure",
    "metrics",
    "dashboard",
    "prüf",
    "kontroll",
    "beobacht",
    "überwach",
    "vérif",
    "contrôl",
    "surveill",
    "valid",
    "comprob",
    "comprueb",
    "revis",
    "acompanh",
    "检查",
    "验证",
    "确认",
    "监控",
    "观察",
    "测试",
    "確認",
    "検証",
    "監視",
    "チェック",
    "テスト",
];

/// Waiting before going on, and leaving the wait out.
pub(super) const WAIT: &[&str] = &[
    "soak",
    "bake",
    "wait",
    "monitor",
    "observ",
    "watch",
    "skip",
    "no canary",
    "minutes",
    "hours",
    "wart",
    "beobacht",
    "entfällt",
    "übersprungen",
    "attend",
    "observ",
    "saute",
    "espera",
    "omit",
    "aguard",
    "pula",
    "等待",
    "观察",
    "跳过",
    "待機",
    "観察",
    "省略",
];

/// Bringing something to those who use it.
pub(super) const RELEASE: &[&str] = &[
    "release",
    "deploy",
    "runbook",
    "rollout",
    "roll-out",
    "go live",
    "go-live",
    "ship",
    "production",
    "hotfix",
    "cutover",
    "veröffentlich",
    "ausroll",
    "auslieferung",
    "produktion",
    "mise en production",
    "déploiement",
    "livraison",
    "despliegue",
    "lanzamiento",
    "publicación",
    "producción",
    "implantação",
    "publicação",
    "lançamento",
    "produção",
    "发布",
    "上线",
    "部署",
    "リリース",
    "デプロイ",
    "本番",
];

/// Tells whether a text in lower case has one of the words. None may be empty.
///
/// Lists are long and texts many: one reading of the text for all words, not one for each.
pub(super) fn has(text: &str, words: &[&str]) -> bool {
    let (mut begins, mut follows) = ([false; 256], [false; 256]);
    for word in words.iter().map(|word| word.as_bytes()) {
        begins[usize::from(word[0])] = true;
        match word.get(1) {
            Some(second) => follows[usize::from(*second)] = true,
            None => follows = [true; 256],
        }
    }
    let bytes = text.as_bytes();
    let may_begin = |at: usize| {
        begins[usize::from(bytes[at])] && bytes.get(at + 1).is_none_or(|next| follows[usize::from(*next)])
    };
    (0..bytes.len())
        .filter(|at| may_begin(*at))
        .any(|at| words.iter().any(|word| bytes[at..].starts_with(word.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_words_is_there_or_none() {
        let table: [(&str, &[&str], bool); 8] = [
            ("roll back now", &["undo", "back"], true),
            ("roll bac", &["undo", "back"], false),
            ("x", &["x"], true),
            ("", &["x"], false),
            ("ab", &["b", "cd"], true),
            ("zurückgerollt", &["rückg"], true),
            ("回滚到上一版", &["回退", "回滚"], true),
            ("回", &["回退"], false),
        ];
        for (text, words, expected) in table {
            assert_eq!(has(text, words), expected, "{text}: {words:?}");
            assert_eq!(words.iter().any(|word| text.contains(word)), expected, "{text}: {words:?}");
        }
    }
}
