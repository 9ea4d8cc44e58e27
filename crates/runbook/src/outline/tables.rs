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
    Other,
}

/// Names of a column that says how long a threshold must be crossed.
const HOLDS: [&str; 7] = ["duration", "for", "sustained", "time window", "dauer", "durée", "持续时间"];

/// Reads a table.
pub(super) fn read(reader: &mut Reader<'_>, table: &Table) {
    let names: Vec<String> = table.header.iter().map(|cell| shown(cell).to_lowercase()).collect();
    let mut columns: Vec<Column> = names.iter().enumerate().map(|(at, name)| column(at, name)).collect();
    let uses = uses(&names);
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
                    let outer =
                        reader.lead.replace(uses[at].map_or_else(|| names[at].clone(), str::to_owned));
                    // How long it must hold may stand in a column of its own.
                    let holds = names.iter().position(|name| HOLDS.contains(&name.as_str()));
                    let time = holds
                        .and_then(|at| cells.get(at))
                        .filter(|time| crate::rules::parse_duration(time).is_ok());
                    let cell = &time.map_or_else(|| cell.clone(), |time| format!("{cell} for {time}"));
                    // `| Phase | Metric | Alert | Rollback |` names what is measured second.
                    let named =
                        cells.get(measured).map_or_else(|| first.clone(), |cell| cell.replace("**", ""));
                    let metric = super::measures::name(&named).unwrap_or(named);
                    purpose::thresholds(reader, cell, row.line, Some(&metric), purpose::Place::Cell);
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

/// Words of a header over limits at which people are told, and at which the release goes back.
#[rustfmt::skip]
static TELLS: Words = Words::new(&[
    "alert", "warn", "page ", "notify", "alarm", "meldung", "melden", "avertis", "aviso", "avisar", "告警", "报警", "警报", "预警",
    "通知", "アラート", "警告",
]);
#[rustfmt::skip]
static GOES_BACK: Words = Words::new(&[
    "roll back", "rollback", "roll-back", "revert", "go back", "abort", "halt", "zurück", "rückfall", "retour", "revers",
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
