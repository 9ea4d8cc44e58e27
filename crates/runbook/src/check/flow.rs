//! The data flow of a document: what its blocks hand to each other, where they run, and which
//! way back belongs to which step.
//!
//! Built once for each document from the scripts' syntax trees and the outline, before the checks
//! that need it. It says what is there; what of it is a fault is for the checks.

use std::collections::{BTreeMap, BTreeSet};

use tminus_release::plan::Lane;

use crate::outline::{SectionKind, Unit};
use crate::shell::CommandUse;

use super::brings;
use super::kinds::{self, Deploys};
use super::page::{Given, Page, Script};
use super::words;
use crate::words::Words;

/// What the scripts of a document do to each other. Scripts are named by their index in the page.
pub(super) struct Flow {
    /// Where each variable is given a value: script and index in its `assigned`.
    pub(super) set: BTreeMap<String, Vec<(usize, usize)>>,
    /// Names of variables that are read somewhere.
    pub(super) read: BTreeSet<String>,
    /// Host on which a script runs: its own `ssh host`, else its section's; empty: here.
    pub(super) hosts: Vec<String>,
    /// Last line of each section, those inside it included.
    pub(super) ends: Vec<u32>,
    /// Units with their lines, and scripts with theirs, in order: what stands in a section is a range.
    units: Vec<(u32, usize)>,
    scripts: Vec<(u32, usize)>,
    /// Commands that bring something to where users are: script and command.
    pub(super) deploys: Vec<(usize, usize, Deploys)>,
    /// Commands that only make a service start again: it may take up what it must not.
    pub(super) restarts: Vec<(usize, usize)>,
    /// Commands that migrate a database that somebody uses.
    pub(super) migrations: Vec<(usize, usize)>,
    /// Sections, inner ones left out, that say how to go back.
    pub(super) ways_back: Vec<usize>,
}

impl Flow {
    /// Reads the page once.
    pub(super) fn new(page: &Page<'_>) -> Flow {
        let mut flow = Flow {
            set: BTreeMap::new(),
            read: BTreeSet::new(),
            hosts: Vec::new(),
            ends: ends(page),
            units: in_order(page.outline.units.iter().map(|unit| unit.line)),
            scripts: in_order(page.scripts.iter().map(|script| script.place(1, 1).0)),
            deploys: Vec::new(),
            restarts: Vec::new(),
            migrations: Vec::new(),
            ways_back: ways_back(page),
        };
        // What was brought before the last restart: it goes into service by the next one.
        let mut brought = false;
        for (at, script) in page.scripts.iter().enumerate() {
            flow.hosts.push(host(page, script));
            flow.read.extend(script.survey.uses.iter().map(|read| read.name.clone()));
            if script.given != Given::Mentioned {
                for (index, set) in script.survey.assigned.iter().enumerate() {
                    flow.set.entry(set.name.clone()).or_default().push((at, index));
                }
            }
            if script.inline && !script.is_row {
                continue;
            }
            let undoes = script.fence.is_some_and(|fence| {
                fence.info.attributes.as_ref().is_some_and(|attributes| attributes.has("undo"))
            });
            if undoes
                || script.lane == Lane::Rollback
                || flow.is_way_back(page, script.section)
                || !is_live(page, script)
            {
                continue;
            }
            for (index, command) in script.commands().iter().enumerate() {
                if command.place.function {
                    continue;
                }
                if kinds::migrates(command) && !is_elsewhere(command) {
                    flow.migrations.push((at, index));
                } else if let Some(what) = kinds::deploys(command).filter(|_| !is_elsewhere(command)) {
                    flow.deploys.push((at, index, what));
                    brought = false;
                } else if brings::restarts(command) && !is_elsewhere(command) {
                    match std::mem::take(&mut brought) {
                        true => flow.deploys.push((at, index, Deploys::Service)),
                        false => flow.restarts.push((at, index)),
                    }
                } else {
                    brought |= brings::brings(command);
                }
            }
        }
        flow
    }

    /// Tells whether a section, or one that holds it, says how to go back.
    pub(super) fn is_way_back(&self, page: &Page<'_>, section: usize) -> bool {
        page.outline.chain(section).any(|at| self.ways_back.binary_search(&at).is_ok())
    }

    /// Returns the units that begin in a range of lines.
    pub(super) fn units_in<'p>(
        &'p self,
        page: &'p Page<'_>,
        lines: std::ops::RangeInclusive<u32>,
    ) -> impl Iterator<Item = &'p Unit> {
        within(&self.units, lines).map(|at| &page.outline.units[at])
    }

    /// Returns the fences of shell code that begin in a range of lines.
    pub(super) fn scripts_in<'p, 'a>(
        &'p self,
        page: &'p Page<'a>,
        lines: std::ops::RangeInclusive<u32>,
    ) -> impl Iterator<Item = &'p Script<'a>> {
        within(&self.scripts, lines).map(|at| &page.scripts[at]).filter(|script| !script.inline)
    }

    /// Returns the lines of a section, its heading and inner sections included.
    pub(super) fn lines(&self, page: &Page<'_>, section: usize) -> std::ops::RangeInclusive<u32> {
        page.outline.sections[section].line.max(1)..=self.ends[section]
    }
}

fn in_order(lines: impl Iterator<Item = u32>) -> Vec<(u32, usize)> {
    let mut places: Vec<(u32, usize)> = lines.enumerate().map(|(at, line)| (line, at)).collect();
    places.sort_unstable();
    places
}

/// What stands in a range of lines.
fn within(places: &[(u32, usize)], lines: std::ops::RangeInclusive<u32>) -> impl Iterator<Item = usize> {
    let from = places.partition_point(|place| place.0 < *lines.start());
    places[from..].iter().take_while(move |place| place.0 <= *lines.end()).map(|place| place.1)
}

/// Last line of each section: the one before the next heading of its level or above.
fn ends(page: &Page<'_>) -> Vec<u32> {
    let sections = &page.outline.sections;
    let last = page.markdown.lines.count();
    let mut ends = vec![last; sections.len()];
    let mut open: Vec<usize> = Vec::new();
    for (at, section) in sections.iter().enumerate().skip(1) {
        while open.last().is_some_and(|outer| sections[*outer].level >= section.level) {
            if let Some(closed) = open.pop() {
                ends[closed] = section.line.saturating_sub(1);
            }
        }
        open.push(at);
    }
    ends
}

/// Sections whose heading is about going back, without those inside them.
fn ways_back(page: &Page<'_>) -> Vec<usize> {
    let sections = &page.outline.sections;
    let says_so = |at: usize| {
        let section = &sections[at];
        section.kind != SectionKind::Document
            && (section.lane == Lane::Rollback || words::BACK.any_in(&section.title.to_lowercase()))
    };
    (1..sections.len()).filter(|at| says_so(*at) && !says_so(sections[*at].parent)).collect()
}

/// The host on which a script runs, as far as the page says.
pub(super) fn host(page: &Page<'_>, script: &Script<'_>) -> String {
    if let Some(start) = &script.survey.ssh_host {
        return start.target.clone();
    }
    page.outline.fact(script.section, &["hosts", "host"]).map(|fact| fact.value.clone()).unwrap_or_default()
}

/// Tells whether a script acts where users are: not on a laptop, in a test, or in staging only.
pub(super) fn is_live(page: &Page<'_>, script: &Script<'_>) -> bool {
    static ELSEWHERE: Words = Words::new(&[
        "local",
        "develop",
        "laptop",
        "install",
        "setup",
        "set up",
        "getting started",
        "quick start",
        "quickstart",
        "prerequisite",
        "contribut",
        "test",
        "staging",
        "stage",
        "preview",
        "sandbox",
        "ci ",
        "example",
        "build",
        "lokal",
        "entwicklung",
        "演示",
        "开发",
        "测试",
        "本地",
        "预发",
        "開発",
        "ローカル",
        "テスト",
        "ステージング",
        "検証環境",
        "desarrollo",
        "pruebas",
        "développement",
        "recette",
        "préproduction",
        "desenvolvimento",
        "homologação",
        "testes",
        "개발",
    ]);
    let sections = &page.outline.sections;
    let environments = &sections[script.section].environments;
    if !environments.is_empty() {
        return environments.iter().any(|name| name == "production");
    }
    let elsewhere = |title: &str| ELSEWHERE.any_in(&title.to_lowercase());
    // One heading holds many scripts, and each is asked for several times.
    let titles = page.live_titles.get_or_init(|| {
        let one_title = sections.iter().filter(|section| section.level == 1).take(2).count() == 1;
        let mut live: Vec<bool> = Vec::with_capacity(sections.len());
        for (at, section) in sections.iter().enumerate() {
            let outer = at == 0 || live.get(section.parent).copied().unwrap_or(true);
            let title = section.title.to_lowercase();
            // What the whole page is called after (`Build and release`, `docs.shop.example`) says less than a
            // heading in it.
            let is_elsewhere = if one_title && section.level == 1 {
                PAGE_ELSEWHERE.any_in(&title)
            } else {
                ELSEWHERE.any_in(&title)
            };
            live.push(outer && !is_elsewhere);
        }
        live
    });
    titles[script.section] && !script.lead.as_deref().is_some_and(elsewhere)
}

/// Words in the title of a page that is about no place where users are.
static PAGE_ELSEWHERE: Words = Words::new(&[
    "local",
    "develop",
    "laptop",
    "getting started",
    "quick start",
    "quickstart",
    "contribut",
    "staging",
    "sandbox",
    "lokal",
    "entwicklung",
    "本地",
    "开发",
    "開発",
    "ローカル",
    "desarrollo",
    "développement",
    "desenvolvimento",
]);

/// Verbs of programs that are also words for a place.
#[rustfmt::skip]
const VERBS: [(&str, &[&str]); 22] = [
    ("prisma", &["migrate", "dev"]), ("vercel", &["dev"]), ("wrangler", &["dev"]), ("netlify", &["dev"]), ("sst", &["dev"]),
    ("npm", &["run", "dev"]), ("npm", &["run", "test"]), ("npm", &["run", "preview"]), ("npm", &["test"]),
    ("pnpm", &["run", "dev"]), ("pnpm", &["dev"]), ("pnpm", &["test"]), ("yarn", &["dev"]), ("yarn", &["test"]),
    ("go", &["test"]), ("cargo", &["test"]), ("helm", &["test"]), ("make", &["test"]), ("terraform", &["test"]),
    ("dotnet", &["test"]), ("rails", &["test"]), ("mix", &["test"]),
];

/// Tells whether a command names a place where users are not.
pub(super) fn is_elsewhere(command: &CommandUse) -> bool {
    if command.host.as_deref().is_some_and(|host| environment_of(host) == Some("staging")) {
        return true;
    }
    let own =
        VERBS.iter().find(|(program, verbs)| command.program == *program && kinds::has_words(command, verbs));
    let past_verbs = own.map(|(_, verbs)| {
        let mut left = verbs.to_vec();
        let others = command.arguments.iter().filter(|argument| {
            let is_verb = left.first().is_some_and(|verb| verb == argument);
            is_verb.then(|| left.remove(0));
            !is_verb
        });
        others.cloned().collect::<Vec<_>>().join(" ")
    });
    names_elsewhere(past_verbs.as_deref().unwrap_or(&command.text))
}

fn names_elsewhere(text: &str) -> bool {
    if environment_of(text) == Some("staging") {
        return true;
    }
    static PLACES: Words =
        Words::new(&["dev", "development", "local", "localhost", "test", "preview", "sandbox", "minikube"]);
    if !PLACES.any_in(text) {
        return false;
    }
    let lower = text.to_lowercase();
    PLACES.iter().any(|place| {
        lower.match_indices(place).any(|(at, _)| {
            let before = lower[..at].chars().next_back();
            let after = lower[at + place.len()..].chars().next();
            // `/dev/null` is no place where anybody develops.
            let device = place == "dev" && before == Some('/') && after == Some('/');
            // Behind a dot it is a part of a host's name or the ending of a file.
            !device
                && !before.is_some_and(|c| c.is_alphanumeric() || c == '.')
                && !after.is_some_and(char::is_alphanumeric)
        })
    })
}

/// Returns the one environment that a text names by a word of its own: `staging` or `production`.
pub(super) fn environment_of(text: &str) -> Option<&'static str> {
    static NAMES: Words = Words::new(&["stag", "stg", "prod", "prd"]);
    if !NAMES.any_in(text) {
        return None;
    }
    let (mut staging, mut production) = (false, false);
    for word in text.to_lowercase().split(|c: char| !c.is_ascii_alphanumeric()) {
        staging |=
            matches!(word, "staging" | "stage" | "stg" | "preprod" | "preproduction" | "preproduccion");
        production |= matches!(word, "production" | "prod" | "prd");
    }
    match (staging, production) {
        (true, false) => Some("staging"),
        (false, true) => Some("production"),
        _ => None,
    }
}
