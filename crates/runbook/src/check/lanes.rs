//! T505: a lane for haste that leaves out what protects the release, and does not say who decides it.

use std::collections::BTreeSet;

use tminus_release::plan::Lane;

use crate::diagnostic::Severity;
use crate::markdown::Block;
use crate::outline::{FenceClass, Unit, UnitKind};
use crate::words::Words;

use super::flow::Flow;
use super::marks::Mark;
use super::page::{Page, short};
use super::windows::Found;
use super::words;

/// Runs the checks of this code.
pub(super) fn check(page: &Page<'_>, flow: &Flow, found: &mut Found) {
    skipped_soak(page, flow, found);
    dropped(page, found);
    in_tables(page, found);
}

/// A release in haste.
#[rustfmt::skip]
pub(super) const HASTE_WORDS: &[&str] = &[
    "p1 ", "p0 ", "sev1", "sev-1", "sev 1", "notfäll",
    "hotfix", "hot fix", "hot-fix", "emergency", "urgent", "in a hurry", "in a rush", "expedite", "fast track", "fast-track", "fast lane",
    "quick fix", "critical fix", "critical patch", "security patch", "time is short", "under time pressure", "small change", "trivial change",
    "notfall", "dringend", "eilig", "eilt", "unter zeitdruck", "correctif urgent", "urgence", "en cas d'urgence", "pressé", "urgencia", "urgente",
    "emergência", "urgência", "parche crítico", "紧急", "热修复", "加急", "緊急", "急ぎ", "ホットフィックス", "至急",
];
static HASTE: Words = Words::new(HASTE_WORDS);

/// Something is left out.
#[rustfmt::skip]
static LEFT_OUT: Words = Words::new(&[
    "without ", "sauté",
    "skip", "bypass", "dropped", "no snapshot", "no test", "no wait", "no sign", "no observation", "do without", "dispense", "omit", "leave out", "left out", "drop the", "without the", "without a ", "without any", "without wait", "no soak",
    "no approval", "no backup", "no staging", "no canary", "no review", "no need", "not needed", "not required", "not necessary", "straight to prod",
    "directly to prod", "waive", "forgo", "entfällt", "fällt weg", "bleibt weg", "kein", "aufgespart", "entfallen", "überspr", "auslassen", "weglassen", "weggelassen", "verzicht", "ohne ", "nicht nötig",
    "nicht erforderlich", "direkt in produktion", "direkt nach produktion", "saute", "se passe de", "pas de ", "on se passe", "sans ", "on passe", "pas besoin", "inutile",
    "directement en prod", "omet", "omit", "se salta", "prescind", "queda fuera", "quedan fuera", "saltar", "sáltese", "salta ", "sin ", "no hace falta", "no es necesari", "directo a prod",
    "pula", "fica de fora", "ficam de fora", "dispensa", "pular", "pule", "sem ", "dispens", "não é necessári", "não precisa", "direto para prod", "direto em prod", "跳过", "省略", "免去", "不走", "不做", "不等", "可免", "免于", "无需",
    "不需要", "不用", "直接上", "スキップ", "省略", "飛ば", "不要", "なしで", "省い",
]);

/// What protects those who use it.
#[rustfmt::skip]
static GUARD: Words = Words::new(&[
    "soak", "bake", "wait", "observation", "approv", "sign-off", "sign off", "backup", "back-up", "snapshot", "staging", "canary", "code review",
    "review", "smoke test", "regression", "tests", "testing", "freeze", "wartezeit", "beobachtung", "freigabe", "sicherung", "abnahme",
    "vier-augen", "attente", "observation", "approbation", "validation", "sauvegarde", "préproduction", "recette", "espera", "observación",
    "aprobación", "copia de seguridad", "respaldo", "preproducción", "pruebas", "observação", "aprovação", "cópia de segurança", "homologação",
    "testes", "观察", "审批", "备份", "预发", "灰度", "测试", "等待", "観察", "承認", "バックアップ", "ステージング", "カナリア", "テスト", "待機",
    "レビュー", "監視",
]);

/// Who decides it, what stands in its place, or that it is not allowed.
#[rustfmt::skip]
static ANSWERED: Words = Words::new(&[
    "decid", "decision", "instead", "at least", "reduced", "shorten", "shorter", "afterwards", "retroactive", "post-hoc", "within ", "never",
    "do not", "don't", "must not", "may not", "not allowed", "cannot", "can't", "even ", "also for", "unless", "with the approval", "with approval",
    "approved by", "approval of", "approval from", "sign-off from", "incident commander", "on-call", "oncall", "cto", "manager", "director",
    "head of", " lead", "duty officer", "entscheid", "stattdessen", "verkürzt", "mindestens", "nachgeholt", "nachträglich", "niemals", "nie ",
    "nicht übersprungen", "auch bei", "auch für", "auch im", "leitung", "leiter", "décid", "à la place", "réduit", "au moins", "jamais", "même ",
    "accord d", "responsable", "astreinte", "decide", "en su lugar", "reduc", "al menos", "nunca", "incluso", "jamás", "también", "con la aprobación",
    "em vez", "reduz", "pelo menos", "mesmo ", "também", "com a aprovação", "com aprovação", "gerente", "决定", "批准后", "缩短", "至少", "不得", "不能", "不可", "也",
    "事后", "同意", "负责人", "判断", "代わり", "短縮", "少なくとも", "しない", "せず", "不跳过", "必ず", "場合でも", "禁止", "責任者", "事後",
]);

/// One sentence that leaves out a wait, a yes or a copy of the data for a release in haste.
///
/// That it is left out on purpose is plain; whose purpose it is, is not.
fn dropped(page: &Page<'_>, found: &mut Found) {
    let marked = page.marked(Mark::Haste);
    if marked.is_empty() {
        return;
    }
    let told: BTreeSet<u32> = found.iter().filter(|one| one.1 == "T505").map(|one| one.0).collect();
    for unit in &page.outline.units {
        let text = match &unit.kind {
            UnitKind::Item(item) => &item.text,
            UnitKind::Point(point) => &point.text,
            UnitKind::Prose(text) => text,
            UnitKind::Fence(_) => continue,
        };
        let next = marked.partition_point(|(line, _)| *line < unit.line);
        let lines = text.matches('\n').count();
        let is_marked = marked.get(next).is_some_and(|(line, _)| (line - unit.line) as usize <= lines);
        if text.len() > 600 || !is_marked {
            continue;
        }
        let lower = text.to_lowercase();
        let in_lane = || page.outline.sections[unit.section].lane == Lane::Hotfix;
        let sentence = lower
            .split(['.', '。', '\n'])
            .find(|sentence| LEFT_OUT.any_in(sentence) && GUARD.any_in(sentence) && HASTE.any_in(sentence));
        let Some(sentence) = sentence.filter(|_| !ANSWERED.any_in(&lower) && !told.contains(&unit.line))
        else {
            continue;
        };
        // Where the section says who decides, all of it is decided.
        let section = &page.outline.sections[unit.section];
        let end = page.outline.sections.get(unit.section + 1).map_or(u32::MAX, |next| next.line - 1);
        let decided =
            in_lane() && ANSWERED.any_in(&page.text_of(section.line..=end.min(page.markdown.lines.count())));
        if decided {
            continue;
        }
        let line = unit.line + line_of(text, sentence);
        found.push((
            line,
            "T505",
            Severity::Warning,
            format!("`{}`: in haste this leaves out what protects the release, and does not say who decides that", short(sentence.trim())),
            "say who decides it and what is done instead: `the incident commander decides; watch for 10 minutes`",
        ));
    }
}

/// A row of a table of lanes that has a dash where the other lanes wait, and no word about it.
fn in_tables(page: &Page<'_>, found: &mut Found) {
    let marked = page.marked(Mark::Haste);
    let is_row = |line: u32| marked.iter().any(|(at, _)| *at == line);
    // A sentence that leaves something out says that it is on purpose.
    let said = || {
        let sentences = marked.iter().filter(|(_, text)| !text.trim_start().starts_with(['|', '#']));
        sentences.map(|(_, text)| text.to_lowercase()).any(|lower| LEFT_OUT.any_in(&lower))
    };
    let mut rows = Vec::new();
    page.markdown.walk(|block| {
        let Block::Table(table) = block else { return };
        let fast = table.rows.iter().filter(|row| is_row(row.line));
        for row in fast.filter(|_| table.rows.len() >= 2) {
            let cells: Vec<String> =
                row.cells.iter().map(|cell| cell.plain().trim().to_lowercase()).collect();
            let of_haste =
                cells.first().is_some_and(|name| HASTE.any_in(name) && name.split(' ').count() <= 3);
            let whole = cells.join(" ");
            if !of_haste || LEFT_OUT.any_in(&whole) || ANSWERED.any_in(&whole) {
                continue;
            }
            let waits = |at: usize| {
                let mut others = table.rows.iter().filter(|other| other.line != row.line).peekable();
                others.peek().is_some()
                    && others.all(|other| {
                        let cell =
                            other.cells.get(at).map(|cell| cell.plain().to_lowercase()).unwrap_or_default();
                        words::WAIT.any_in(&cell) && cell.bytes().any(|byte| byte.is_ascii_digit())
                    })
            };
            let dash = (1..cells.len())
                .find(|at| matches!(cells[*at].as_str(), "" | "-" | "–" | "—" | "/") && waits(*at));
            rows.extend(dash.map(|_| (row.line, cells[0].clone())));
        }
    });
    for (line, lane) in rows {
        if !said() {
            found.push((
                line,
                "T505",
                Severity::Warning,
                format!("`{lane}` has nothing where the other lanes wait, and no word about it: was it forgotten, or left out on purpose?"),
                "say how long a hotfix is watched, or that the wait is left out, and who decides",
            ));
        }
    }
}

/// How many lines below the first one of a text a part of it stands, when both are the same but for case.
fn line_of(text: &str, part: &str) -> u32 {
    let at = text.to_lowercase().find(part).unwrap_or(0);
    let lines = text.to_lowercase()[..at].matches('\n').count();
    u32::try_from(lines).unwrap_or(0)
}

/// T505: the main lane waits, the hotfix lane goes to production without a word about it.
fn skipped_soak(page: &Page<'_>, flow: &Flow, found: &mut Found) {
    let waits_by_fact = page.outline.facts.iter().find(|fact| {
        let label = fact.label.to_lowercase();
        let is_wait = ["wait", "soak", "bake", "wartezeit", "attente", "espera", "等待", "待機"]
            .iter()
            .any(|word| label.contains(word));
        is_wait
            && page.outline.sections[fact.section].lane == Lane::Main
            && fact.value.chars().any(|c| c.is_ascii_digit())
    });
    let waits_by_step = page.outline.units.iter().find(|unit| {
        matches!(&unit.kind, UnitKind::Fence(fence) if fence.class == FenceClass::Control("soak"))
            && page.outline.sections[unit.section].lane == Lane::Main
    });
    let by_title = page.outline.sections.iter().find(|section| {
        let title = section.title.to_lowercase();
        section.lane == Lane::Main && (title.contains("soak") || title.contains("bake time"))
    });
    let in_words = || page.outline.units.iter().find(|unit| soaks_in_words(page, unit));
    let Some(line) = waits_by_fact
        .map(|fact| fact.line)
        .or(waits_by_step.map(|unit| unit.line))
        .or(by_title.map(|section| section.line))
        .or_else(|| in_words().map(|unit| unit.line))
    else {
        return;
    };
    let lane_of = |section: usize| {
        let lane = |at: &usize| page.outline.sections[*at].lane == Lane::Hotfix;
        page.outline.chain(section).filter(lane).last()
    };
    let deploys = flow.deploys.iter().map(|(script, _, _)| page.scripts[*script].section);
    let told = page.outline.units.iter().filter(|unit| is_told_to_deploy(unit)).map(|unit| unit.section);
    let lanes: BTreeSet<usize> = deploys.chain(told).filter_map(lane_of).collect();
    for at in lanes {
        let section = &page.outline.sections[at];
        // How long it all takes says nothing about a wait.
        let text = page.text_of(flow.lines(page, at));
        let lines = text.lines().filter(|line| !words::has(line, &TAKES));
        let text = lines.collect::<Vec<_>>().join("\n");
        if !words::WAIT.any_in(&text)
            && !words::has(&text, &ALL_OF_IT)
            && !page.text_of(line..=line).contains("hotfix")
        {
            let message = format!(
                "this lane goes to production without the wait of line {line}, and does not say so: was it forgotten, or left out on purpose?"
            );
            found.push((
                section.line,
                "T505",
                Severity::Warning,
                message,
                "say how long a hotfix is watched, or that the wait is left out, and who decides",
            ));
        }
    }
}

/// Words of a line that says how long a lane takes.
const TAKES: [&str; 8] = [
    "expected time",
    "estimated",
    "expected duration",
    "total time",
    " takes ",
    "dauer insgesamt",
    "durée totale",
    "eta:",
];
/// A lane that is like the other one waits as that one does.
#[rustfmt::skip]
const ALL_OF_IT: [&str; 9] = [
    "all steps", "same steps as", "every step", "follow the normal", "follow the standard", "as usual", "alle schritte",
    "toutes les étapes", "todos los pasos",
];

/// `Let the preview soak for 2 hours.`
fn soaks_in_words(page: &Page<'_>, unit: &Unit) -> bool {
    static SOAKS: Words = Words::new(&["soak", "bake for", "bake at least", "let it bake"]);
    let text = match &unit.kind {
        UnitKind::Item(item) => &item.text,
        UnitKind::Point(point) => &point.text,
        UnitKind::Prose(text) => text,
        UnitKind::Fence(_) => return false,
    };
    SOAKS.any_in(text)
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.len() < 300
        && page.outline.sections[unit.section].lane == Lane::Main
}

/// A line that has a person release.
fn is_told_to_deploy(unit: &Unit) -> bool {
    let text = match &unit.kind {
        UnitKind::Item(item) => item.text.to_lowercase(),
        UnitKind::Point(point) => point.text.to_lowercase(),
        UnitKind::Prose(_) | UnitKind::Fence(_) => return false,
    };
    ["deploy to prod", "go live", "deploy as in", "release to prod", "promote to prod", "ship to prod"]
        .iter()
        .any(|words| text.starts_with(words))
}
