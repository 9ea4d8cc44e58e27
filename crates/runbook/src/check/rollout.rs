//! T405, T407, T409: nobody looks after a deployment, traffic that stays, services left out.

use std::collections::BTreeSet;

use tminus_release::plan::Lane;

use crate::diagnostic::Severity;
use crate::markdown::Block;
use crate::outline::{FenceClass, UnitKind};
use crate::pattern::Pattern;
use crate::shell::Nature;

use super::back;
use super::flow::Flow;
use super::kinds::{self, Deploys};
use super::page::{Finding, Page, Script, short};
use super::words;
use crate::words::Words;

/// Runs the checks of this group.
pub(super) fn check(page: &mut Page<'_>, flow: &Flow) {
    let mut found = Vec::new();
    nobody_looks(page, flow, &mut found);
    traffic_stays(page, flow, &mut found);
    announced(page, flow, &mut found);
    found.into_iter().for_each(|finding| page.report(finding));
    for (line, name) in left_out(page, flow) {
        page.add_at_line("T409", Severity::Warning, line, format!("`{name}` stands in the list of services, and no command here builds or deploys it: it stays at the old version"))
            .help("deploy it as well, or say in its row that it is not part of this release");
    }
}

/// T405: nothing after the last deployment asks whether it works.
fn nobody_looks(page: &Page<'_>, flow: &Flow, found: &mut Vec<Finding>) {
    let deployed = flow.deploys.iter().filter(|(_, _, what)| *what == Deploys::Service);
    let deployed = deployed.map(|(at, index, _)| (*at, *index));
    // A restart in a page about something else is none of a release.
    let restarted =
        flow.restarts.iter().filter(|(at, _)| back::is_release(page, &page.scripts[*at])).copied();
    let mut services: Vec<(usize, usize)> = deployed.chain(restarted).collect();
    services.retain(|(at, _)| matches!(page.scripts[*at].lane, Lane::Main | Lane::Hotfix));
    services.sort_unstable();
    // The last one of the release itself; scaling or a repair further down is none.
    let of_release = services.iter().rfind(|(at, _)| back::is_about_release(page, &page.scripts[*at]));
    // Without a word about releasing, the section that deploys first tells what is done to each host in turn.
    let first = || {
        let (first, _) = services.first()?;
        let section = page.scripts[*first].section;
        services.iter().rfind(|(at, _)| page.scripts[*at].section == section)
    };
    let Some(&(at, index)) = of_release.or_else(first) else { return };
    let (script, command) = (&page.scripts[at], &page.scripts[at].commands()[index]);
    let line = script.lines_of(command);
    let lane = script.lane;
    let in_lane =
        |section: usize| page.outline.sections[section].lane == lane && !flow.is_way_back(page, section);
    let own = kinds::looks(command) || script.commands()[index + 1..].iter().any(kinds::looks);
    let later = page.scripts[at + 1..]
        .iter()
        .any(|other| in_lane(other.section) && other.commands().iter().any(kinds::looks));
    let told = told_to_look(page, &in_lane, line);
    let in_script =
        script.text.lines().skip(command.line as usize).any(|text| words::LOOK.any_in(&text.to_lowercase()));
    let told = if own || later || in_script { Told::Looks } else { told };
    if told == Told::Watches {
        found.push(script.on(
            "T405",
            Severity::Note,
            command,
            format!("after `{}` somebody watches numbers, and nothing asks whether it answers at all", short(&command.text)),
            "add a check that fails right behind it: `curl -fsS https://…/health`, a `status` of the tool, or an `http` block",
        ));
    }
    if told == Told::Nothing {
        found.push(script.on(
            "T405",
            Severity::Warning,
            command,
            format!("nothing after `{}` asks whether it works: users notice first", short(&command.text)),
            "add a check that fails: `curl -fsS https://…/health`, `kubectl rollout status …`, or an `http` block",
        ));
    }
}

/// What a page tells people to do after a deployment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    /// Only to watch what is measured: without users nothing is.
    Watches,
    Looks,
}

/// Of the words for looking, what is said of watching numbers.
static WATCHES: Words = Words::new(&[
    "monitor",
    "watch",
    "observ",
    "metrics",
    "dashboard",
    "beobacht",
    "überwach",
    "surveill",
    "vigil",
    "acompanh",
    "监控",
    "观察",
    "監視",
]);

/// Reads what units, headings and facts below a line tell of looking.
fn told_to_look(page: &Page<'_>, in_lane: &impl Fn(usize) -> bool, line: u32) -> Told {
    let of = |text: &str| {
        let lower = text.to_lowercase();
        if !words::LOOK.any_in(&lower) {
            return Told::Nothing;
        }
        let looks = words::LOOK.iter().any(|word| !WATCHES.any_in(word) && lower.contains(word));
        if looks { Told::Looks } else { Told::Watches }
    };
    let units = page.outline.units.iter().filter(|unit| unit.end_line > line && in_lane(unit.section));
    let units = units.map(|unit| match &unit.kind {
        UnitKind::Fence(fence) => {
            let checks = fence.class == FenceClass::Http
                || fence.info.attributes.as_ref().is_some_and(|a| {
                    a.classes.iter().any(|class| matches!(class.text.as_str(), "check" | "soak" | "watch"))
                });
            // What a comment there is about is another matter than what is done.
            let commands = fence.body.lines().filter(|text| !text.trim_start().starts_with('#'));
            let body = || commands.map(of).max().unwrap_or(Told::Nothing);
            match checks {
                true => Told::Looks,
                false if unit.line > line => of(unit.lead.as_deref().unwrap_or_default()).max(body()),
                false => of(unit.lead.as_deref().unwrap_or_default()),
            }
        }
        UnitKind::Item(item) => of(&item.text),
        UnitKind::Point(point) => of(&point.text),
        UnitKind::Prose(text) => of(text),
    });
    let headings = page.outline.sections.iter().enumerate();
    let headings = headings
        .filter(|(at, section)| section.line > line && in_lane(*at))
        .map(|(_, section)| of(&section.title));
    let facts = page.outline.facts.iter().filter(|fact| fact.line > line);
    let facts = facts.map(|fact| of(&format!("{} {}", fact.label, fact.value)));
    let mut most = Told::Nothing;
    for told in units.chain(headings).chain(facts) {
        most = most.max(told);
        if most == Told::Looks {
            break;
        }
    }
    most
}

static TRAFFIC: Pattern = Pattern::new(
    &[
        "verkehr",
        "umschaltung",
        "canary",
        "rollout",
        "cut",
        "流量",
        "切流",
        "トラフィック",
        "traffic",
        "trafic",
        "tráfi",
        "tráfe",
    ],
    r"(?i)\b(?:shift|switch|route|move|send|give|ramp|direct|cut ?over|increase)\b.*\btraffic\b|\btraffic (?:shift|switch|cut-?over|split)|\b(?:canary|rollout)\b.*\b\d+ ?%|\bcut-?over to\b|\b(?:verkehr|traffic) (?:umschalten|umleiten|umlegen|verlagern)|(?:verkehrs|traffic)umschaltung|\b(?:basculer|bascule|donne|donner|envoyer|commutation|redirection)\b.*\btrafic\b|\b(?:cambiar|cambio|mover|desviar|desvio|migrar|pasar|redirigir|virar|trocar|mudar|redirecionar) .*\b(?:tráfico|tráfego)\b|切换流量|流量切换|切流|流量切到|トラフィック.*(?:切|移行)",
);
static ONLY_ABOUT: Pattern = Pattern::new(
    &["verif", "check", "confirm", "monitor", "before", "after", "prepar", "plan", "test", "watch", "prereq"],
    r"(?i)\b(?:verif|check|confirm|monitor|before|after|prepar|plan|test|watch|prereq)",
);

/// T407: a step is called a shift of traffic, and its commands only look.
fn traffic_stays(page: &Page<'_>, flow: &Flow, found: &mut Vec<Finding>) {
    let sections = &page.outline.sections;
    for (at, section) in sections.iter().enumerate().skip(1) {
        if section.lane != Lane::Main
            || !TRAFFIC.is_match(&section.title)
            || ONLY_ABOUT.is_match(&section.title)
        {
            continue;
        }
        let lines = flow.lines(page, at);
        let scripts: Vec<&Script<'_>> = flow.scripts_in(page, lines.clone()).collect();
        let by_hand = flow.units_in(page, lines).any(|unit| match &unit.kind {
            UnitKind::Item(_) => true,
            UnitKind::Point(point) => point.imperative || point.command.is_some(),
            UnitKind::Fence(fence) => {
                fence.survey.is_none() && !matches!(fence.class, FenceClass::Text | FenceClass::Commands)
            }
            UnitKind::Prose(text) => text.split(['.', '!', '\n', '。']).any(is_done_there),
        });
        let only_reads = scripts.iter().all(|script| only_looks(script));
        let first =
            scripts.first().and_then(|script| script.commands().first().map(|command| (script, command)));
        if let Some((script, command)) = first.filter(|_| only_reads && !by_hand) {
            found.push(script.on(
                "T407",
                Severity::Warning,
                command,
                format!("`{}` moves no traffic: its commands only look and print, so everyone stays where they are", short(&section.title)),
                MOVE,
            ));
        }
    }
}

/// Longer lines above a block do not announce it.
const LONGEST_LEAD: usize = 100;

/// T407 below a line that announces the shift: what stands in its block only looks.
fn announced(page: &Page<'_>, flow: &Flow, found: &mut Vec<Finding>) {
    for script in page.scripts.iter().filter(|script| !script.inline && script.lane == Lane::Main) {
        // One sentence right above; more of them tell about the whole.
        let is_one = |lead: &&str| lead.chars().count() <= LONGEST_LEAD && !lead.contains(['.', '。']);
        let Some(lead) = script.lead.as_deref().filter(is_one) else { continue };
        let shifts = TRAFFIC.is_match(lead) && !ONLY_ABOUT.is_match(lead) && !is_done_there(lead);
        if !shifts || flow.is_way_back(page, script.section) || !only_looks(script) {
            continue;
        }
        let Some(command) = script.commands().first() else { continue };
        let finding = script.on(
            "T407",
            Severity::Warning,
            command,
            format!(
                "`{}` moves no traffic: its commands only look and print, so everyone stays where they are",
                short(lead.trim_end_matches([':', '：', ' ']))
            ),
            MOVE,
        );
        if !found.iter().any(|other| other.code == "T407" && other.at == finding.at) {
            found.push(finding);
        }
    }
}

const MOVE: &str = "write the command that changes the weight (`kubectl patch`, `aws elbv2 modify-listener`, the proxy's reload), or make it a task for a person";

fn only_looks(script: &Script<'_>) -> bool {
    script.survey.nature == Nature::Runnable
        && script.survey.manual_comments.is_empty()
        && script.survey.syntax_error.is_none()
        && script.commands().iter().all(kinds::only_reads)
}

/// Tells whether a sentence says that a person does it in some page; who only watches one moves nothing.
fn is_done_there(sentence: &str) -> bool {
    static LOOKS: Words = Words::new(&[
        "watch",
        "monitor",
        "observ",
        "look at",
        "keep an eye",
        "check",
        "verif",
        "beobacht",
        "überwach",
        "surveill",
        "vigil",
        "acompanh",
    ]);
    let lower = sentence.to_lowercase();
    ["console", "dashboard", "load balancer", "dns", "flag", "slider", "click", "set the", " ui"]
        .iter()
        .any(|word| lower.contains(word))
        && !LOOKS.any_in(&lower)
}

static SERVICE: Pattern = Pattern::new(
    &["service", "component", "app", "module", "dienst", "komponente", "servi", "服务", "サービス"],
    r"(?i)^(?:micro)?(?:services?|components?|applications?|apps?|modules?|dienste?|komponenten?|servicios?|serviços?)$|^服务$|^サービス$",
);

/// A service of a list, with what else is said about it.
struct Listed {
    line: u32,
    name: String,
    rest: String,
}

/// More lists of services than a document has; each one costs a reading of all commands.
const MOST_LISTS: usize = 20;

/// More rows than that are no list of what one document releases.
const MOST_SERVICES: usize = 200;

/// T409: services of a list that no command names, while others of it are deployed by name.
fn left_out(page: &Page<'_>, flow: &Flow) -> Vec<(u32, String)> {
    let lists = lists(page, flow);
    if lists.is_empty() || flow.deploys.is_empty() {
        return Vec::new();
    }
    let scripts: String = page.scripts.iter().map(|script| script.text.to_lowercase() + "\n").collect();
    let mut found = Vec::new();
    for rows in lists.iter().take(MOST_LISTS) {
        let Some(deployed) = deployed(page, flow, rows) else { continue };
        let missing = rows.iter().filter(|row| {
            !deployed.contains(row.name.as_str()) && !stays(row) && !names(&scripts, &row.name)
        });
        found.extend(missing.map(|row| (row.line, row.name.clone())));
    }
    found
}

/// Tables whose first column is the service, and bullets below a heading that says so.
fn lists(page: &Page<'_>, flow: &Flow) -> Vec<Vec<Listed>> {
    let plain = |name: &str| name.trim().trim_matches(['`', '*']).trim().to_lowercase();
    let is_name = |name: &str| !name.is_empty() && !name.contains(' ');
    let mut lists = Vec::new();
    page.markdown.walk(|block| {
        let Block::Table(table) = block else { return };
        if table.header.first().is_some_and(|cell| SERVICE.is_match(cell.plain().trim())) {
            let rows = table.rows.iter().filter_map(|row| {
                let name = plain(&row.cells.first()?.plain());
                let rest = row.cells.iter().skip(1).map(|cell| cell.plain().to_lowercase() + " ").collect();
                is_name(&name).then_some(Listed { line: row.line, name, rest })
            });
            lists.push(rows.collect());
        }
    });
    for (at, section) in page.outline.sections.iter().enumerate().skip(1) {
        if !SERVICE.is_match(section.title.trim()) {
            continue;
        }
        let points = flow.units_in(page, flow.lines(page, at)).filter_map(|unit| {
            let UnitKind::Point(point) = &unit.kind else { return None };
            let end = point.text.find([' ', ':', '(', '–']).unwrap_or(point.text.len());
            let (name, rest) = point.text.split_at(end);
            let name = plain(name);
            (is_name(&name) && point.depth == 0).then(|| Listed {
                line: unit.line,
                name,
                rest: rest.to_lowercase(),
            })
        });
        lists.push(points.collect());
    }
    lists.retain(|rows: &Vec<Listed>| (3..=MOST_SERVICES).contains(&rows.len()));
    lists
}

/// Names of a list that deployments name; none when one of them deploys without naming any, or
/// when too few are named for the list to be what is released here.
fn deployed<'l>(page: &Page<'_>, flow: &Flow, rows: &'l [Listed]) -> Option<BTreeSet<&'l str>> {
    let mut deployed: BTreeSet<&str> = BTreeSet::new();
    for (at, index, _) in &flow.deploys {
        let script = &page.scripts[*at];
        let mut text = script.commands()[*index].text.to_lowercase();
        for repeated in script.survey.loops.iter().filter(|l| l.commands.contains(index)) {
            text.push(' ');
            text.push_str(&repeated.values.join(" ").to_lowercase());
        }
        let named: Vec<&str> =
            rows.iter().map(|row| row.name.as_str()).filter(|name| names(&text, name)).collect();
        if named.is_empty() {
            return None;
        }
        deployed.extend(named);
    }
    (deployed.len() >= 2 && deployed.len() * 2 >= rows.len()).then_some(deployed)
}

/// Databases and the like, and what its row says is not released here.
fn stays(row: &Listed) -> bool {
    static SAID: Words = Words::new(&[
        "external",
        "managed",
        "third",
        "saas",
        "not deployed",
        "not part",
        "deprecated",
        "retired",
        "database",
        "cache",
        "queue",
        "broker",
        "unchanged",
        "extern",
        "datenbank",
    ]);
    const INFRASTRUCTURE: [&str; 19] = [
        "postgres",
        "postgresql",
        "mysql",
        "redis",
        "rabbitmq",
        "kafka",
        "nginx",
        "traefik",
        "elasticsearch",
        "opensearch",
        "mongo",
        "mongodb",
        "memcached",
        "minio",
        "vault",
        "consul",
        "db",
        "database",
        "s3",
    ];
    SAID.any_in(&row.rest) || INFRASTRUCTURE.iter().any(|known| names(&row.name, known))
}

/// Tells whether a text holds a name as a word of its own.
fn names(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}
