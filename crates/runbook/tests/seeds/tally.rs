//! Counts what matched, by category, and keeps each difference for printing.

use std::collections::BTreeMap;

pub(super) struct Tally {
    document: String,
    wrong: Vec<&'static str>,
    /// Words of a label and why it is not met.
    known: Vec<(&'static str, &'static str)>,
    unexplained: Vec<String>,
    categories: BTreeMap<&'static str, (usize, usize)>,
    differences: Vec<String>,
}

impl Tally {
    pub(super) fn new(
        document: &str,
        wrong: Vec<&'static str>,
        known: Vec<(&'static str, &'static str)>,
    ) -> Tally {
        Tally {
            document: document.to_owned(),
            wrong,
            known,
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
            let reason = self.known.iter().find(|(label, _)| what.contains(label)).map(|(_, reason)| *reason);
            if reason.is_none() {
                self.unexplained.push(format!("{category}: {what}"));
            }
            let reason = reason.unwrap_or("no reason known");
            self.differences.push(format!("  {category}: {what} · {reason} · found: {found:?}"));
        }
    }

    /// Notes something that was found and is not labelled. It is not counted, only shown.
    pub(super) fn extra(&mut self, category: &'static str, what: &str) {
        self.differences.push(format!("  extra {category}: {what}"));
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
