//! Rules exactly as a runbook writes them: `metric op limit for duration`.
//!
//! A rule with a duration fires when every sample over that time breaches. A missing sample makes
//! it inconclusive, which never passes and never fires by itself, and the count starts anew after
//! it: time that nobody measured is not time in which something was shown.

use serde::{Deserialize, Serialize};

/// What is known after a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Measured, and fine.
    Holding,
    /// Measured and breaching, not yet for the whole duration.
    Breaching,
    /// Breaching for the whole duration.
    Fired,
    /// No value.
    NoData,
}

/// Follows one rule over its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracker {
    duration_ms: u64,
    breaching_since_ms: Option<i64>,
    verdict: Option<Verdict>,
}

impl Tracker {
    /// Follows a rule that fires after `duration_ms` milliseconds of breach; 0: at the first one.
    pub fn new(duration_ms: u64) -> Tracker {
        Tracker { duration_ms, breaching_since_ms: None, verdict: None }
    }

    /// Goes on from what a log remembers: the rule was breaching since `since_ms`.
    pub fn resume_breaching(mut self, since_ms: i64) -> Tracker {
        self.breaching_since_ms = Some(since_ms);
        self.verdict = Some(Verdict::Breaching);
        self
    }

    /// Takes a sample at `at_ms`. `breaches` is None when there was no value. Returns the verdict
    /// and whether it differs from the one before.
    ///
    /// Samples older than the start of the present breach (late ones, a clock set back) count as
    /// samples at that start: they cannot lengthen the breach.
    pub fn take(&mut self, at_ms: i64, breaches: Option<bool>) -> (Verdict, bool) {
        let verdict = match breaches {
            None => {
                self.breaching_since_ms = None;
                Verdict::NoData
            }
            Some(false) => {
                self.breaching_since_ms = None;
                Verdict::Holding
            }
            Some(true) => {
                let since = *self.breaching_since_ms.get_or_insert(at_ms);
                let lasted = u64::try_from(at_ms.saturating_sub(since)).unwrap_or(0);
                if lasted >= self.duration_ms { Verdict::Fired } else { Verdict::Breaching }
            }
        };
        let changed = self.verdict != Some(verdict);
        self.verdict = Some(verdict);
        (verdict, changed)
    }

    /// Returns since when the rule breaches, in the clock of the samples.
    pub fn breaching_since_ms(&self) -> Option<i64> {
        self.breaching_since_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Breaching, Fired, Holding, NoData};

    fn check(duration_ms: u64, samples: &[(i64, Option<bool>)], expected: &[Verdict]) {
        let mut tracker = Tracker::new(duration_ms);
        let verdicts: Vec<Verdict> =
            samples.iter().map(|(at, breaches)| tracker.take(*at, *breaches).0).collect();
        assert_eq!(verdicts, expected, "{samples:?}");
    }

    #[test]
    fn a_rule_fires_when_every_sample_over_its_time_breaches() {
        check(0, &[(0, Some(false)), (1, Some(true))], &[Holding, Fired]);
        check(
            120,
            &[(0, Some(true)), (60, Some(true)), (119, Some(true)), (120, Some(true))],
            &[Breaching, Breaching, Breaching, Fired],
        );
        check(
            120,
            &[(0, Some(true)), (60, Some(false)), (120, Some(true)), (180, Some(true))],
            &[Breaching, Holding, Breaching, Breaching],
        );
    }

    #[test]
    fn a_missing_sample_is_neither_yes_nor_no_and_starts_the_count_anew() {
        check(
            100,
            &[(0, Some(true)), (50, None), (100, Some(true)), (150, Some(true)), (200, Some(true))],
            &[Breaching, NoData, Breaching, Breaching, Fired],
        );
        check(0, &[(0, None), (1, None)], &[NoData, NoData]);
    }

    #[test]
    fn a_clock_set_back_does_not_fire() {
        check(
            100,
            &[(1000, Some(true)), (-86_400_000, Some(true)), (1050, Some(true))],
            &[Breaching, Breaching, Breaching],
        );
    }

    #[test]
    fn resuming_goes_on_counting_from_the_log() {
        let mut tracker = Tracker::new(100).resume_breaching(0);
        assert_eq!(tracker.take(100, Some(true)), (Fired, true));
    }
}
