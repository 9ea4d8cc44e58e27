//! Takes up a release: what was under way when the last driver went away is looked into first.

use std::collections::BTreeMap;
use std::sync::Arc;

use tminus_release::event::{Actor, Event, Finished, Purpose, Verdict};
use tminus_release::life::Life;
use tminus_steps::Recovered;
use tokio::sync::watch as signal;

use super::unwatched::UNWATCHED;
use super::{Done, Key, Round};
use crate::EngineError;
use crate::job;

impl Round<'_> {
    /// Looks into what was under way when the last driver went away.
    pub(super) async fn take_up(&mut self) -> Result<(), EngineError> {
        let now = self.driver.clock.now();
        let under_way = self
            .log
            .state
            .steps
            .iter()
            .any(|step| step.forward.life.is_active() || step.undo.life.is_active());
        // Only a line when there is something to tell: looking at a release that waits must not
        // write to it, or it would wake itself for ever.
        if under_way {
            self.log.push(now, Actor::Engine, Event::EngineStarted)?;
        }
        self.notice_set_back(now)?;
        if let Some(from) = self.last_seen().await
            && now.since(from) > UNWATCHED
        {
            self.log.push(now, Actor::Engine, Event::TimeUnobserved { from, to: now })?;
        }
        self.flush().await?;
        self.watcher.remember(&self.log.state);
        for index in 0..self.log.state.steps.len() {
            let step = &self.log.state.steps[index];
            let purpose = match (step.forward.life, step.undo.life) {
                (Life::Running, _) => Purpose::Forward,
                (Life::Verifying, _) => Purpose::Verify,
                (_, Life::Running) => Purpose::Undo,
                _ => continue,
            };
            self.look_into((index, purpose))?;
        }
        self.flush().await.map(drop)
    }

    /// Looks into an attempt while everything else goes on: what is still at work may be so for hours, in
    /// which rules are measured, and the release may go back.
    fn look_into(&mut self, key: Key) -> Result<(), EngineError> {
        let ((index, purpose), state) = (key, &self.log.state);
        let track =
            if purpose == Purpose::Undo { &state.steps[index].undo } else { &state.steps[index].forward };
        let attempt = track.attempts;
        let now = self.driver.clock.now();
        let job = job::build(state, &self.release, &self.driver.places, index, purpose, attempt, now);
        let Some(job) = job else {
            return self.is_unknown(key, attempt, "there is nothing to look at".to_owned());
        };
        let (cancel, cancelled) = signal::channel(false);
        self.cancels.insert(key, cancel);
        let hands = Arc::clone(&self.driver.hands);
        self.running.spawn(async move {
            let scratch = job.scratch.clone();
            Done { key, attempt, scratch, came: hands.recover(job, cancelled).await }
        });
        Ok(())
    }

    /// Records what came of an attempt, of this driver's or of the last one's.
    pub(super) async fn settle(
        &mut self,
        key: Key,
        attempt: u32,
        came: Recovered,
    ) -> Result<(), EngineError> {
        match came {
            Recovered::Finished(report) => self.finish(key, attempt, report).await,
            Recovered::NotStarted => {
                let result = Finished {
                    verdict: Verdict::Cancelled,
                    detail: "it was never started: tminus ended between the intent and the act".to_owned(),
                    exit_code: None,
                    output: None,
                    carried: None,
                    outputs: BTreeMap::new(),
                    leftovers: 0,
                    never_began: true,
                };
                let (step, purpose) = (self.log.state.program.plan.steps[key.0].id.clone(), key.1);
                let event = Event::StepFinished { step, purpose, attempt, result };
                self.log.push_outcome(self.driver.clock.now(), event)
            }
            Recovered::Unknown(detail) => self.is_unknown(key, attempt, detail),
        }
    }

    pub(super) fn is_unknown(&mut self, key: Key, attempt: u32, detail: String) -> Result<(), EngineError> {
        let (step, purpose) = (self.log.state.program.plan.steps[key.0].id.clone(), key.1);
        let event = Event::OutcomeUnknown { step, purpose, attempt, detail };
        self.log.push_outcome(self.driver.clock.now(), event)
    }
}
