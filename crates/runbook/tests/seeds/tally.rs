//! Counts what matched, by category, and keeps each difference for printing.

use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Tally {
    document: String,
    wrong: Vec<&'static str>,
    /// Words of a label and why it is not met.
    known: Vec<(&'static str, &'static str)>,
    /// What may be found and is not labelled: category, words, reason.
    extras: Vec<(&'static str, &'static str, &'static str)>,
    /// Rows of the tables that something was explained by.
    used: BTreeSet<&'static str>,
    unexplained: Vec<String>,
    categories: BTreeMap<&'static str, (usize, usize)>,
    differences: Vec<String>,
}

impl Tally {
    pub(super) fn new(
        document: &str,
        wrong: Vec<&'static str>,
        known: Vec<(&'static str, &'static str)>,
        extras: Vec<(&'static str, &'static str, &'static str)>,
    ) -> Tally {
        Tally {
            document: document.to_owned(),
            wrong,
            known,
            extras,
            used: BTreeSet::new(),
            unexplained: Vec::new(),
            categories: BTreeMap::new(),
            differences: Vec::new(),
        }
    }

    /// Counts one labelled item. `what` names it when it does not match.
    pub(super) fn item(
        &mut self,
        category: &'static str,
        what: &str,
        matched: bool,
        found: impl std::fmt::Debug,
    ) {
        if self.wrong.iter().any(|label| what.contains(label)) {
            return;
        }
        let count = self.categories.entry(category).or_default();
        count.0 += usize::from(matched);
        count.1 += 1;
        if !matched {
            let row = self.known.iter().find(|(label, _)| what.contains(label)).copied();
            match row {
                Some((label, _)) => _ = self.used.insert(label),
                None => self.unexplained.push(format!("{category}: {what}")),
            }
            let reason = row.map_or("no reason known", |(_, reason)| reason);
            self.differences.push(format!("  {category}: {what} · {reason} · found: {found:?}"));
        }
    }

    /// Notes something that was found and is not labelled. It is not counted, but needs a reason.
    pub(super) fn extra(&mut self, category: &'static str, what: &str) {
        let row = self.extras.iter().find(|(of, words, _)| *of == category && what.contains(words)).copied();
        match row {
            Some((_, words, _)) => _ = self.used.insert(words),
            None => self.unexplained.push(format!("extra {category}: {what}")),
        }
        let reason = row.map_or("no reason known", |(_, _, reason)| reason);
        self.differences.push(format!("  extra {category}: {what} · {reason}"));
    }

    /// Rows of the tables that nothing needs any more.
    pub(super) fn unused(&self) -> Vec<&'static str> {
        let known = self.known.iter().map(|(words, _)| *words);
        let rows = known.chain(self.extras.iter().map(|(_, words, _)| *words));
        rows.filter(|words| !self.used.contains(words)).collect()
    }

    /// Differences that no table explains.
    pub(super) fn unexplained(&self) -> &[String] {
        &self.unexplained
    }

    pub(super) fn share(&self) -> f64 {
        let (matched, total) = self.sum();
        if total == 0 { 0.0 } else { matched as f64 / total as f64 }
    }

    fn sum(&self) -> (usize, usize) {
        self.categories.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
    }

    pub(super) fn print(&self) {
        let (matched, total) = self.sum();
        println!("seed {}: {matched}/{total} ({:.1} %)", self.document, self.share() * 100.0);
        for (category, (matched, total)) in &self.categories {
            println!("  {category}: {matched}/{total}");
        }
        for difference in &self.differences {
            println!("{difference}");
        }
    }
}
