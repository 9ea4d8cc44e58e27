//! Takes up a release: what was under way when the last driver went away is looked into first.

use std::collections::BTreeMap;
use std::sync::Arc;

use tminus_release::decide::{Command, decide};
use tminus_release::event::{Actor, Event, Finished, Purpose, Verdict};
use tminus_release::life::Life;
use tminus_steps::Recovered;
use tokio::sync::watch as signal;

use super::unwatched::UNWATCHED;
use super::{Key, Reins, Round, Stop};
use crate::EngineError;
use crate::job;

impl Round<'_> {
    /// Looks into what was under way when the last driver went away.
    pub(super) async fn take_up(&mut self, reins: &mut Reins) -> Result<(), EngineError> {
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
            self.look_into(index, purpose, reins).await?;
        }
        self.flush().await.map(drop)
    }

    async fn look_into(
        &mut self,
        index: usize,
        purpose: Purpose,
        reins: &mut Reins,
    ) -> Result<(), EngineError> {
        let state = &self.log.state;
        let track =
            if purpose == Purpose::Undo { &state.steps[index].undo } else { &state.steps[index].forward };
        let attempt = track.attempts;
        let step = state.program.plan.steps[index].id.clone();
        let now = self.driver.clock.now();
        let job = job::build(state, &self.release, &self.driver.places, index, purpose, attempt, now);
        let recovered = match job {
            Some(job) => {
                self.to_clean.push(job.scratch.clone());
                self.recover((index, purpose), job, reins).await?
            }
            None => Recovered::Unknown("there is nothing to look at".to_owned()),
        };
        let now = self.driver.clock.now();
        match recovered {
            Recovered::Finished(report) => self.finish((index, purpose), attempt, report).await,
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
                self.log.push_outcome(now, Event::StepFinished { step, purpose, attempt, result })
            }
            Recovered::Unknown(detail) => {
                self.log.push_outcome(now, Event::OutcomeUnknown { step, purpose, attempt, detail })
            }
        }
    }

    /// Waits for what may still be at work, and ends it as soon as somebody says so: a release that goes
    /// back does not wait for what it takes back.
    async fn recover(
        &mut self,
        (step, purpose): Key,
        job: tminus_steps::Job,
        reins: &mut Reins,
    ) -> Result<Recovered, EngineError> {
        let hands = Arc::clone(&self.driver.hands);
        let (cancel, cancelled) = signal::channel(false);
        let mut work = hands.recover(job, cancelled);
        loop {
            let decision = decide(&self.log.state, self.driver.clock.now());
            let is_to_end = decision.commands.contains(&Command::Cancel { step, purpose });
            if is_to_end || *reins.stop.borrow_and_update() == Stop::Now {
                cancel.send_replace(true);
            }
            tokio::select! {
                recovered = &mut work => return Ok(recovered),
                Ok(()) = reins.wake.changed() => self.catch_up().await?,
                Ok(()) = reins.stop.changed() => {}
            }
        }
    }
}
