//! Surveys of a document's scripts, made by another thread while the document is read.
//!
//! To survey the scripts takes a third of the time that a long document takes, and a survey depends
//! on its script alone. Whoever comes to a script first reads it; the other one takes what came out.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::{Survey, survey, survey_anew};
use crate::memory;

/// What is surveyed, each script once.
#[derive(Debug, Default)]
pub(crate) struct Ahead<'a> {
    scripts: Vec<&'a str>,
    made: HashMap<&'a str, OnceLock<Arc<Survey>>>,
}

impl<'a> Ahead<'a> {
    /// Takes scripts in the order in which they will be asked for. Where scripts are remembered,
    /// there is nothing to gain.
    pub(crate) fn new(scripts: impl Iterator<Item = &'a str>) -> Ahead<'a> {
        let mut ahead = Ahead::default();
        if memory::is_in_use() {
            return ahead;
        }
        for script in scripts {
            ahead.made.entry(script).or_insert_with(|| {
                ahead.scripts.push(script);
                OnceLock::new()
            });
        }
        ahead
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    /// Surveys every script that nobody has read yet.
    pub(crate) fn make(&self) {
        for script in &self.scripts {
            self.made[script].get_or_init(|| Arc::new(survey_anew(script)));
        }
    }

    /// Returns the survey of a script, one of these or any other.
    pub(crate) fn survey(&self, script: &str) -> Arc<Survey> {
        match self.made.get(script) {
            Some(made) => Arc::clone(made.get_or_init(|| Arc::new(survey_anew(script)))),
            None => survey(script),
        }
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
