//! Tables whose header is known are data: environments, roles, contacts, severities, release types,
//! metrics.

use super::build::Reader;
use super::{durations, people, purpose};
use crate::encoding::repair;
use crate::markdown::{Table, Text};
use crate::words::Words;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Environment,
    Address,
    Role,
    Approval,
    Time,
    Metric,
    Target,
    /// A whole condition, whose row says in another column what is done.
    Limit,
    Other,
}

/// Names of a column that says how long a threshold must be crossed.
const HOLDS: [&str; 7] = ["duration", "for", "sustained", "time window", "dauer", "durée", "持续时间"];

/// Reads a table.
pub(super) fn read(reader: &mut Reader<'_>, table: &Table) {
    let names: Vec<String> = table.header.iter().map(|cell| shown(cell).to_lowercase()).collect();
    let mut columns: Vec<Column> = names.iter().enumerate().map(|(at, name)| column(at, name)).collect();
    let uses = uses(&names);
    let acts = names.iter().position(|name| is_one(name, &ACTS));
    // `| Condition | Action |`: the first column holds limits where the second says what follows.
    for (column, name) in columns.iter_mut().zip(&names).filter(|_| acts.is_some()) {
        if *column != Column::Target && is_one(name, &LIMITS) {
            *column = Column::Limit;
        }
    }
    let is_metric = |name: &String| METRICS.contains(&name.trim());
    let measured = names.iter().position(is_metric).unwrap_or(0);
    for (column, _) in columns.iter_mut().zip(&uses).filter(|(_, purpose)| purpose.is_some()) {
        *column = Column::Target;
    }
    for row in &table.rows {
        let cells: Vec<String> = row.cells.iter().map(shown).collect();
        if cells.iter().any(|cell| super::lists::is_box(cell)) {
            // What is left of a row without its box and its number is what to do, and who.
            let words = cells.iter().map(|cell| cell.replace("**", ""));
            let words: Vec<String> = words
                .filter(|cell| !super::lists::is_box(cell) && cell.chars().any(char::is_alphabetic))
                .collect();
            if !words.is_empty() {
                super::lists::boxed(reader, words.join(" · "), row.line);
            }
        }
        let first = cells.first().map(|cell| cell.replace("**", "")).unwrap_or_default();
        let address =
            columns.iter().position(|column| *column == Column::Address).and_then(|at| cells.get(at));
        // `| Phase | Metric | Alert | Rollback |` names what is measured second.
        let named = cells.get(measured).map_or_else(|| first.clone(), |cell| cell.replace("**", ""));
        let metric = super::measures::name(&named).unwrap_or(named);
        for (at, cell) in cells.iter().enumerate() {
            let text = &row.cells[at];
            match columns.get(at) {
                Some(Column::Environment) => {
                    reader.environments.row(cell, address.map_or("", |url| url), row.line)
                }
                Some(Column::Role) => people::in_cell(reader, &cell.replace("**", ""), row.line),
                Some(Column::Approval) => people::in_cell(reader, cell, row.line),
                Some(Column::Time) => durations::cell(reader, &first, cell, row.line),
                Some(Column::Target) => {
                    let header = || acts.and_then(|at| cells.get(at)).and_then(|act| use_of(act));
                    let purpose = uses[at].or_else(header);
                    let outer = reader.lead.replace(purpose.map_or_else(|| names[at].clone(), str::to_owned));
                    // How long it must hold may stand in a column of its own.
                    let holds = names.iter().position(|name| HOLDS.contains(&name.as_str()));
                    let time = holds
                        .and_then(|at| cells.get(at))
                        .filter(|time| crate::rules::parse_duration(time).is_ok());
                    let cell = &time.map_or_else(|| cell.clone(), |time| format!("{cell} for {time}"));
                    purpose::thresholds(reader, cell, row.line, Some(&metric), purpose::Place::Cell);
                    reader.lead = outer;
                }
                Some(Column::Limit) => {
                    let purpose = acts.and_then(|at| cells.get(at)).and_then(|act| use_of(act));
                    let outer = reader.lead.clone();
                    if let Some(purpose) = purpose {
                        reader.lead = Some(purpose.to_owned());
                        let (metric, place) = match at == measured {
                            true => (None, purpose::Place::Point),
                            false => (Some(metric.as_str()), purpose::Place::Cell),
                        };
                        purpose::thresholds(reader, cell, row.line, metric, place);
                    }
                    reader.lead = outer;
                }
                Some(Column::Metric | Column::Address | Column::Other) | None => {}
            }
            super::commands::inline(reader, text, cell);
            reader.placeholders_in(cell, row.line);
        }
    }
}

/// Headers of the column that says what is measured.
#[rustfmt::skip]
const METRICS: [&str; 18] = [
    "metric", "metrics", "indicator", "signal", "sli", "kpi", "measure", "metrik", "kennzahl", "indicateur", "métrique",
    "métrica", "indicador", "indicadores", "指标", "監視項目", "指標", "メトリクス",
];

/// Headers of the column that says what is done, and of one that says when.
#[rustfmt::skip]
const ACTS: [&str; 16] = [
    "action", "actions", "response", "reaction", "what to do", "then", "maßnahme", "aktion", "reaktion", "acción", "ação",
    "动作", "处理", "措施", "対応", "アクション",
];
#[rustfmt::skip]
const LIMITS: [&str; 18] = [
    "condition", "trigger", "if", "when", "threshold", "limit", "kriterium", "bedingung", "grenze", "schwelle", "seuil",
    "umbral", "límite", "limite", "阈值", "条件", "閾値", "しきい値",
];

fn is_one(name: &str, words: &[&str]) -> bool {
    words.contains(&name.trim())
}

/// What a row says is done at its limit; going back comes with telling people.
fn use_of(act: &str) -> Option<&'static str> {
    let act = act.to_lowercase();
    if GOES_BACK.any_in(&act) {
        return Some("rollback criteria");
    }
    TELLS.any_in(&act).then_some("alerts")
}

/// Words of a header over limits at which people are told, and at which the release goes back.
#[rustfmt::skip]
static TELLS: Words = Words::new(&[
    "alert", "warn", "page ", "notify", "alarm", "meldung", "melden", "avertis", "aviso", "avisar", "告警", "报警", "警报", "预警",
    "通知", "アラート", "警告",
]);
#[rustfmt::skip]
static GOES_BACK: Words = Words::new(&[
    "roll back", "rollback", "roll-back", "revert", "go back", "abort", "halt the", "zurück", "rückfall", "retour", "reversi", "reversã",
    "vuelta", "marcha atrás", "voltar", "回滚", "回退", "ロールバック", "切り戻",
]);

/// What the columns are for, in words that `purpose` knows, in a table that has limits of both kinds.
///
/// One such column alone may hold anything: pages of a book, commands that roll back.
fn uses(names: &[String]) -> Vec<Option<&'static str>> {
    let of = |(at, name): (usize, &String)| {
        let tells = name == "page" || TELLS.any_in(name);
        match (at > 0 && tells, at > 0 && GOES_BACK.any_in(name)) {
            (true, false) => Some("alerts"),
            (false, true) => Some("rollback criteria"),
            _ => None,
        }
    };
    let uses: Vec<Option<&str>> = names.iter().enumerate().map(of).collect();
    let has = |purpose| uses.contains(&Some(purpose));
    if has("alerts") && has("rollback criteria") { uses } else { vec![None; names.len()] }
}

fn shown(cell: &Text) -> String {
    repair(&cell.with_ticks()).text
}

fn column(at: usize, name: &str) -> Column {
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if at == 0 && has(&["environment"]) {
        Column::Environment
    } else if at == 0 && has(&["metric", "indicator", "sli", "signal", "measure"]) {
        Column::Metric
    } else if at == 0 && has(&["role", "team"]) {
        Column::Role
    } else if has(&["url", "endpoint", "address", "host"]) {
        Column::Address
    } else if has(&["approv", "sign-off", "signoff", "escalation"]) {
        Column::Approval
    } else if has(&["response time", "respond", "cadence", "frequency", "deadline", "sla"])
        && !has(&["target"])
    {
        Column::Time
    } else if at > 0
        && has(&["target", "threshold", "slo", "limit", "alert", "warning", "critical", "rollback"])
    {
        Column::Target
    } else {
        Column::Other
    }
}
