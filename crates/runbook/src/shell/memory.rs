//! Surveys of scripts that were read before: an editor asks for the same hundred blocks at every
//! keystroke, of which one has changed.
//!
//! A survey depends on its script alone, so remembering one changes nothing but the time. Scripts
//! that a document no longer holds are forgotten with the next look at it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Survey, survey_anew};

/// Surveys by script, those of the last look and those of this one.
#[derive(Debug, Default)]
pub struct Memory {
    before: HashMap<String, Arc<Survey>>,
    now: HashMap<String, Arc<Survey>>,
}

thread_local! {
    /// The memory of whoever looks through a document on this thread. None: nobody remembers.
    static IN_USE: RefCell<Option<Memory>> = const { RefCell::new(None) };
}

impl Memory {
    /// Looks through a document with this memory. Inside, a script that was read before is not read
    /// again.
    pub fn during<T>(&mut self, look: impl FnOnce() -> T) -> T {
        self.before = std::mem::take(&mut self.now);
        let outer = IN_USE.replace(Some(std::mem::take(self)));
        let result = look();
        if let Some(memory) = IN_USE.replace(outer) {
            *self = memory;
        }
        result
    }
}

/// Tells whether what is read on this thread is remembered.
pub(super) fn is_in_use() -> bool {
    IN_USE.with_borrow(Option::is_some)
}

/// Reads a script, or remembers what it is.
pub(super) fn survey(script: &str) -> Arc<Survey> {
    let known = IN_USE.with_borrow_mut(|memory| {
        let Memory { before, now } = memory.as_mut()?;
        if let Some(survey) = now.get(script) {
            return Some(Arc::clone(survey));
        }
        let (script, survey) = before.remove_entry(script)?;
        now.insert(script, Arc::clone(&survey));
        Some(survey)
    });
    known.unwrap_or_else(|| {
        let survey = Arc::new(survey_anew(script));
        IN_USE.with_borrow_mut(|memory| {
            if let Some(memory) = memory {
                memory.now.insert(script.to_owned(), Arc::clone(&survey));
            }
        });
        survey
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_is_read() {
        let mut memory = Memory::default();
        let scripts = ["curl -f http://a/ || echo no", "nano x", "if", "psql -f <name>.sql", "nano x"];
        for round in 0..3 {
            let seen: Vec<Arc<Survey>> =
                memory.during(|| scripts.iter().map(|script| super::survey(script)).collect());
            let read: Vec<Arc<Survey>> = scripts.iter().map(|script| Arc::new(survey_anew(script))).collect();
            assert_eq!(seen, read, "round {round}");
            assert_eq!(memory.now.len(), 4);
        }
        memory.during(|| super::survey("ls"));
        assert_eq!((memory.now.len(), memory.before.len()), (1, 4));
        memory.during(|| ());
        assert_eq!((memory.now.len(), memory.before.len()), (0, 1), "what is gone is forgotten");
    }
}
