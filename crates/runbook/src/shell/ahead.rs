//! Surveys of a document's scripts, made by another thread while the document is read.
//!
//! To survey the scripts takes a third of the time that a long document takes, and a survey depends
//! on its script alone. Whoever comes to a script first reads it; the other one takes what came out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::{Survey, survey, survey_anew};
use crate::memory;

/// What is surveyed, each script once.
#[derive(Debug, Default)]
pub(crate) struct Ahead<'a> {
    scripts: Vec<Script<'a>>,
    places: HashMap<&'a str, usize>,
    /// How many scripts from the first one on nobody took while waiting.
    left: AtomicUsize,
}

#[derive(Debug)]
struct Script<'a> {
    text: &'a str,
    /// Somebody reads it or has read it.
    is_taken: AtomicBool,
    made: OnceLock<Arc<Survey>>,
}

impl Script<'_> {
    fn take(&self) {
        if !self.is_taken.swap(true, Ordering::Relaxed) {
            self.survey();
        }
    }

    /// Waits where another thread reads the script.
    fn survey(&self) -> &Arc<Survey> {
        self.made.get_or_init(|| Arc::new(survey_anew(self.text)))
    }
}

impl<'a> Ahead<'a> {
    /// Takes scripts in the order in which they will be asked for. Where scripts are remembered,
    /// there is nothing to gain.
    pub(crate) fn new(scripts: impl Iterator<Item = &'a str>) -> Ahead<'a> {
        let mut ahead = Ahead::default();
        if memory::is_in_use() {
            return ahead;
        }
        for text in scripts {
            ahead.places.entry(text).or_insert_with(|| {
                let script = Script { text, is_taken: AtomicBool::new(false), made: OnceLock::new() };
                ahead.scripts.push(script);
                ahead.scripts.len() - 1
            });
        }
        ahead.left = AtomicUsize::new(ahead.scripts.len());
        ahead
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    /// Surveys every script that nobody has taken yet.
    pub(crate) fn make(&self) {
        self.scripts.iter().for_each(Script::take);
    }

    /// Returns the survey of a script, one of these or any other.
    pub(crate) fn survey(&self, script: &str) -> Arc<Survey> {
        let Some(at) = self.places.get(script) else { return survey(script) };
        let wanted = &self.scripts[*at];
        wanted.take();
        // Reading is faster than surveying: it would wait for nearly each script. What it takes from the
        // end meanwhile is never waited for.
        while wanted.made.get().is_none()
            && let Some(last) = self.last()
        {
            last.take();
        }
        Arc::clone(wanted.survey())
    }

    /// The last script that nobody took while waiting.
    fn last(&self) -> Option<&Script<'a>> {
        let one_less = |left: usize| left.checked_sub(1);
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).ok()?;
        self.scripts.get(left - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_ahead_is_what_is_read() {
        let scripts = ["curl -f http://a/ || echo no", "nano x", "if", "nano x"];
        let ahead = Ahead::new(scripts.into_iter());
        assert_eq!(ahead.scripts.len(), 3);
        // One is read by whoever asks first, the others ahead; a further one is read all the same.
        let first = ahead.survey(scripts[0]);
        ahead.make();
        assert_eq!(*first, survey_anew(scripts[0]));
        for script in scripts.into_iter().chain(["ls"]) {
            assert_eq!(*ahead.survey(script), survey_anew(script));
        }
        let mut memory = memory::Memory::default();
        assert!(memory.during(|| Ahead::new(scripts.into_iter()).is_empty()), "memory has them already");
    }
}
