//! Where a step runs: the hosts that the page shows, how many at once, how many may fail.

use tminus_release::plan::Group;

use super::drafts::{Compiler, Place};
use crate::attributes::Word;
use crate::outline::FenceUnit;

/// The hosts of a step. Neither: here.
#[derive(Clone, Debug, Default)]
pub(super) struct Where {
    pub(super) host: Option<String>,
    pub(super) group: Option<Group>,
}

impl Compiler<'_> {
    /// Reads `on=`, which picks from what the section's visible `Hosts` line names.
    pub(super) fn hosts(&mut self, place: &Place<'_>, fence: &FenceUnit) -> Where {
        let found = self.value(fence, "on", place).cloned();
        let Some(word) = found else {
            for key in ["batch", "failures"] {
                if let Some(word) = self.value(fence, key, place).cloned() {
                    self.word_fault("T103", &word, format!("`{key}=` means nothing without `on=`"));
                }
            }
            return Where::default();
        };
        if !self.is_visible(place, &["hosts", "host"], &word.text) {
            let message = format!("`on={}` names a host that the page does not show", word.text);
            self.word_fault("T909", &word, message);
            return Where::default();
        }
        let Some(hosts) = self.request.settings.hosts.get(&word.text).cloned() else {
            self.is_host(&word, &word.text.clone());
            return Where { host: Some(word.text), group: None };
        };
        if hosts.is_empty() {
            self.word_fault("T909", &word, format!("`{}` has no hosts in tminus.toml", word.text));
            return Where::default();
        }
        if !hosts.iter().all(|host| self.is_host(&word, host)) {
            return Where::default();
        }
        if let [one] = hosts.as_slice() {
            return Where { host: Some(one.clone()), group: None };
        }
        let is_check = self.has_class(fence, "check");
        // A check changes nothing, so all at once; what changes something goes one by one unless the
        // document says more, so that the first failure is the only one.
        let batch = match self.value(fence, "batch", place).cloned() {
            Some(word) => self.share(&word, hosts.len()),
            None if is_check => Some(hosts.len()),
            None => Some(1),
        };
        let failures = match self.value(fence, "failures", place).cloned() {
            Some(word) if word.text == "0" => Some(0),
            Some(word) => self.share(&word, hosts.len()),
            None => Some(0),
        };
        let count = |count: Option<usize>| u32::try_from(count.unwrap_or(1)).unwrap_or(u32::MAX);
        let group =
            Group { name: word.text, batch: count(batch), failures: count(failures), once: !is_check, hosts };
        Where { host: None, group: Some(group) }
    }

    /// What is reached from everywhere is told from one place; `why` says so.
    pub(super) fn one_host(&mut self, place: &Place<'_>, fence: &FenceUnit, why: &str) -> Where {
        let found = self.hosts(place, fence);
        if let (Some(_), Some(word)) = (&found.group, self.value(fence, "on", place).cloned()) {
            let message = format!("`{}` stands for several hosts, and {why}", word.text);
            self.word_fault("T909", &word, message);
        }
        found
    }

    /// Reads `3`, `25%` or `all` of some hosts. At least one.
    fn share(&mut self, word: &Word, of: usize) -> Option<usize> {
        let share = match word.text.strip_suffix('%') {
            Some(percent) => percent
                .parse::<usize>()
                .ok()
                .filter(|percent| (1..=100).contains(percent))
                .map(|percent| of * percent / 100),
            None if word.text == "all" => Some(of),
            None => word.text.parse().ok().filter(|&count| count > 0),
        };
        if share.is_none() {
            let message =
                format!("`{}` is neither a number of hosts, nor a share such as `25%`, nor `all`", word.text);
            self.word_fault("T103", word, message);
        }
        share.map(|share| share.clamp(1, of))
    }

    /// What ssh is given must be the name of a host and nothing else.
    fn is_host(&mut self, word: &Word, host: &str) -> bool {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-@:/[]%".contains(&b);
        let is_host = !host.is_empty() && !host.starts_with('-') && host.bytes().all(plain);
        if !is_host {
            self.word_fault("T909", word, format!("`{host}` is no name of a host"));
        }
        is_host
    }
}
