//! What was read before: an editor asks for the same hundred blocks and items at every keystroke, of
//! which one has changed.
//!
//! What a script or a sentence says depends on it alone, so remembering it changes nothing but the time.
//! What a document no longer holds is forgotten with the next look at it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::rules::{Context, Threshold};
use crate::shell::Survey;

/// What scripts are and which thresholds sentences have, of the last look and of this one.
#[derive(Debug, Default)]
pub struct Memory {
    surveys: Kept<Survey>,
    thresholds: Kept<Vec<Threshold>>,
}

thread_local! {
    /// The memory of whoever looks through a document on this thread. None: nobody remembers.
    static IN_USE: RefCell<Option<Memory>> = const { RefCell::new(None) };
}

impl Memory {
    /// Looks through a document with this memory. Inside, what was read before is not read again.
    pub fn during<T>(&mut self, look: impl FnOnce() -> T) -> T {
        self.surveys.turn();
        self.thresholds.turn();
        let outer = IN_USE.replace(Some(std::mem::take(self)));
        let result = look();
        if let Some(memory) = IN_USE.replace(outer) {
            *self = memory;
        }
        result
    }
}

/// Tells whether what is read on this thread is remembered.
pub(crate) fn is_in_use() -> bool {
    IN_USE.with_borrow(Option::is_some)
}

/// Reads a script, or remembers what it is.
pub(crate) fn survey(script: &str, read: impl FnOnce() -> Survey) -> Arc<Survey> {
    remembered(script, |memory| &mut memory.surveys, read)
}

/// Finds the thresholds of a text in its place, or remembers them.
pub(crate) fn thresholds(
    text: &str,
    place: &Context<'_>,
    read: impl FnOnce() -> Vec<Threshold>,
) -> Arc<Vec<Threshold>> {
    if !is_in_use() {
        return Arc::new(read());
    }
    let Context { metric, inverted, target_cell } = place;
    let key = format!("{inverted} {target_cell} {}\n{text}", metric.unwrap_or_default());
    remembered(&key, |memory| &mut memory.thresholds, read)
}

fn remembered<T>(key: &str, of: impl Fn(&mut Memory) -> &mut Kept<T>, read: impl FnOnce() -> T) -> Arc<T> {
    let known = IN_USE.with_borrow_mut(|memory| of(memory.as_mut()?).get(key));
    known.unwrap_or_else(|| {
        let new = Arc::new(read());
        IN_USE.with_borrow_mut(|memory| {
            if let Some(memory) = memory {
                of(memory).now.insert(key.to_owned(), Arc::clone(&new));
            }
        });
        new
    })
}

/// Things by the text that they were read from.
#[derive(Debug)]
struct Kept<T> {
    before: HashMap<String, Arc<T>>,
    now: HashMap<String, Arc<T>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept { before: HashMap::new(), now: HashMap::new() }
    }
}

impl<T> Kept<T> {
    fn get(&mut self, key: &str) -> Option<Arc<T>> {
        if let Some(known) = self.now.get(key) {
            return Some(Arc::clone(known));
        }
        let (key, known) = self.before.remove_entry(key)?;
        self.now.insert(key, Arc::clone(&known));
        Some(known)
    }

    /// Begins another look.
    fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rules, shell};

    #[test]
    fn what_is_remembered_is_what_is_read() {
        let mut memory = Memory::default();
        let scripts = ["curl -f http://a/ || echo no", "nano x", "if", "psql -f <name>.sql", "nano x"];
        let texts = ["error rate < 1% for 5 minutes", "< 2 s", "error rate < 1% for 5 minutes"];
        let places = [
            Context::default(),
            Context { inverted: true, ..Context::default() },
            Context { target_cell: true, ..Context::default() },
            Context { metric: Some("p95 latency"), ..Context::default() },
        ];
        let read = || -> (Vec<Arc<Survey>>, Vec<Vec<Threshold>>) {
            let surveys = scripts.iter().map(|script| shell::survey(script)).collect();
            let found = |place: &Context<'_>| texts.map(|text| rules::thresholds(text, place).to_vec());
            (surveys, places.iter().flat_map(found).collect())
        };
        let anew = read();
        for round in 0..3 {
            assert_eq!(memory.during(read), anew, "round {round}");
            assert_eq!((memory.surveys.now.len(), memory.thresholds.now.len()), (4, 8));
        }
        memory.during(|| shell::survey("ls"));
        assert_eq!((memory.surveys.now.len(), memory.surveys.before.len()), (1, 4));
        memory.during(|| ());
        let left = (memory.surveys.now.len(), memory.surveys.before.len(), memory.thresholds.before.len());
        assert_eq!(left, (0, 1, 0), "what is gone is forgotten");
    }
}
