//! What a driver does not see: a clock that was set, a machine that slept, time in which nobody watched.

use tminus_release::event::{Actor, Event, RuleVerdict};
use tminus_release::life::Life;
use tminus_release::plan::Work;
use tminus_release::time::{Moment, Span};

use super::Round;
use crate::EngineError;

/// A gap between the clock and the steady time that is worth a line in the log.
const CLOCK_STEP: u64 = 2_000;

/// A look that came this much later than planned was none in between: the machine slept, or the
/// process was stopped. Rules that nobody measured meanwhile do not make a soak shorter.
pub(super) const UNWATCHED: Span = Span::seconds(5);

impl Round<'_> {
    /// Compares the clock with time that nobody can set. The first look only notes the offset.
    pub(super) fn notice_clock(&mut self, now: Moment) -> Result<(), EngineError> {
        let steady = i64::try_from(self.driver.clock.steady().0).unwrap_or(i64::MAX);
        let offset = now.0.saturating_sub(steady);
        let before = *self.offset.get_or_insert(offset);
        let by_ms = offset.saturating_sub(before);
        if by_ms.unsigned_abs() >= CLOCK_STEP {
            self.offset = Some(offset);
            self.watcher.shift(by_ms);
            self.log.push(now, Actor::Engine, Event::ClockStepped { by_ms })?;
        }
        Ok(())
    }

    /// A clock that is behind the log was set back while nobody drove: no timer may wait for that time
    /// once more. By how much it was set is not known, only that it was by no less.
    pub(super) fn notice_set_back(&mut self, now: Moment) -> Result<(), EngineError> {
        let behind = self.log.state.driven_at.since(now).0;
        if behind < CLOCK_STEP {
            return Ok(());
        }
        let by_ms = i64::try_from(behind).map_or(i64::MIN, |behind| -behind);
        self.log.push(now, Actor::Engine, Event::ClockStepped { by_ms })
    }

    /// Compares when this look was planned with when it came. Steady time goes on while the machine
    /// sleeps, so time in which nothing was sampled shows here.
    pub(super) fn notice_sleep(&mut self, now: Moment) -> Result<(), EngineError> {
        let steady = self.driver.clock.steady();
        let Some(planned) = self.next_look else { return Ok(()) };
        let late = Span(steady.0.saturating_sub(planned.0));
        if late <= UNWATCHED || !self.counts_watched_time() {
            return Ok(());
        }
        self.next_look = Some(steady);
        let from = Moment(now.0.saturating_sub(i64::try_from(late.0).unwrap_or(i64::MAX)));
        self.log.push(now, Actor::Engine, Event::TimeUnobserved { from, to: now })
    }

    /// Tells whether a soak or watch under rules is open, or a rule waits for its first data.
    fn counts_watched_time(&self) -> bool {
        let state = &self.log.state;
        let soaks = state.steps.iter().zip(&state.program.plan.steps).any(|(step, planned)| {
            step.forward.life == Life::Waiting
                && matches!(&planned.work, Work::Soak(soak) | Work::Watch(soak) if !soak.rules.is_empty())
        });
        soaks || state.rules.values().any(|rule| rule.verdict == RuleVerdict::NoData)
    }

    /// When what is to be watched last was: what is in the log was written by a process that watched, and
    /// the summary may be from long before.
    pub(super) async fn last_seen(&mut self) -> Option<Moment> {
        if !self.counts_watched_time() {
            return None;
        }
        let driven = self.log.state.driven_at;
        let summaries = self.driver.store.releases().await.ok()?;
        let text = summaries.into_iter().find(|summary| summary.release == self.release)?.text;
        Some(crate::open::seen_at(&text).map_or(driven, |seen| seen.max(driven)))
    }
}
