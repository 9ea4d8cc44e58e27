//! Who has an environment: taking it before a release starts, waiting for it in order, giving it
//! back when the release has ended.
//!
//! What is known stands in each environment's own log; this file only reads it and appends to it. A
//! release that ended without giving back (its process was killed at that moment) has given back: its
//! own log says that it ended.

use std::time::Duration;

use tminus_release::environment::{Change, Environment, Freeze, Holder, Left, Waiter, log_of};
use tminus_release::event::Actor;
use tminus_release::plan::Plan;
use tminus_release::time::Moment;
use tminus_release::{ReleaseId, State};
use tminus_store::{Lease, Store, StoreError, Writer};

use crate::EngineError;
use crate::open::Engine;

/// How often somebody who waits looks. Releases take minutes; a second lost is nothing.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often a change is tried again when others write at the same time.
const TRIES: usize = 50;

/// What a release is started with.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Why it may start although an environment is frozen.
    pub despite_freeze: Option<String>,
    /// Whether a version may be released to where it was taken back.
    pub again: Again,
}

/// Whether a version may be released to where it was taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Again {
    /// Refused: whatever started it may not know that it was taken back.
    #[default]
    Refuse,
    /// Somebody knows, and wants it.
    Allow,
}

/// A place in the queues of some environments. It is given up when this is dropped or its process
/// ends.
pub struct Ticket {
    name: String,
    _alive: Lease,
}

/// Why a release cannot start now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// Another release has the environment.
    #[error("start the release: {environment} has another one, {} (release {}, started by {})", named(&.holder.title, .holder.version.as_deref()), .holder.release, .holder.by)]
    Held {
        /// Which environment.
        environment: String,
        /// Who has it.
        holder: Holder,
    },
    /// Others wait for it and come first.
    #[error("start the release: others wait for {environment}, first {} ({})", named(&.first.title, .first.version.as_deref()), .first.by)]
    Queued {
        /// Which environment.
        environment: String,
        /// Who is first.
        first: Waiter,
    },
    /// It is frozen.
    #[error("start the release: {environment} is frozen by {}: {}", .freeze.by, .freeze.reason)]
    Frozen {
        /// Which environment.
        environment: String,
        /// Who froze it, why and until when.
        freeze: Freeze,
    },
    /// The version was taken back there.
    #[error("start the release: {} was taken back in {environment}{}", .left.version, .left.why.as_ref().map_or(String::new(), |why| format!(": {why}")))]
    TakenBack {
        /// Which environment.
        environment: String,
        /// When, and why.
        left: Left,
    },
}

fn named(title: &str, version: Option<&str>) -> String {
    version.map_or_else(|| title.to_owned(), |version| format!("{title} {version}"))
}

/// Names the environments that a plan changes, in order of their names, so that two releases which
/// need the same ones never each have what the other waits for.
pub fn changed_by(plan: &Plan) -> Vec<String> {
    let changes = plan.steps.iter().filter(|step| step.has_effect() && plan.lane_of(step) == plan.lane);
    let mut names: Vec<String> = changes.filter_map(|step| step.environment.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// Gives back what a release has, when it has ended.
pub(crate) async fn give_back(
    store: &dyn Store,
    now: Moment,
    release: &ReleaseId,
    state: &State,
) -> Result<(), EngineError> {
    let Some((outcome, _)) = &state.outcome else { return Ok(()) };
    let plan = &state.program.plan;
    for name in changed_by(plan) {
        let mut steps = plan.steps.iter().zip(&state.steps);
        let stood = steps.any(|(step, here)| {
            step.has_effect() && step.environment.as_ref() == Some(&name) && here.forward.life.is_done()
        });
        let freed = Change::Freed {
            release: release.clone(),
            version: plan.version.clone(),
            outcome: *outcome,
            stood,
            why: state.rollback.as_ref().map(|rollback| rollback.detail.clone()),
        };
        change(store, now, &Actor::Engine, &name, &mut |environment| {
            let has = environment.holder.as_ref().is_some_and(|holder| holder.release == *release);
            if has { vec![freed.clone()] } else { Vec::new() }
        })
        .await?;
    }
    Ok(())
}

/// Appends what `decide` makes of the log as it is, again when somebody else was faster.
async fn change(
    store: &dyn Store,
    now: Moment,
    by: &Actor,
    name: &str,
    decide: &mut (dyn FnMut(&Environment) -> Vec<Change> + Send),
) -> Result<Environment, EngineError> {
    let log = log_of(name);
    let mut tries = 0;
    loop {
        let mut environment = Environment::fold(&store.read(&log, 0).await?)?;
        let expected = environment.length;
        let changes = decide(&environment);
        if changes.is_empty() {
            return Ok(environment);
        }
        let entries = changes.into_iter().map(|change| environment.seal(now, by.clone(), change)).collect();
        match store.append(&log, Writer::Person, expected, entries).await {
            Err(StoreError::Conflict { .. }) if tries < TRIES => tries += 1,
            done => return Ok(done.map(|()| environment)?),
        }
    }
}

impl Engine {
    /// Reads what is known of an environment. One that nobody ever released to is empty.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub async fn environment(&self, name: &str) -> Result<Environment, EngineError> {
        let mut environment = Environment::fold(&self.store.read(&log_of(name), 0).await?)?;
        let mut queue = Vec::new();
        for waiter in std::mem::take(&mut environment.queue) {
            if self.store.holder(&lease_of(&waiter.ticket)).await?.is_some() {
                queue.push(waiter);
            }
        }
        environment.queue = queue;
        if let Some(holder) = &environment.holder
            && self.is_over(&holder.release).await?
        {
            environment.holder = None;
        }
        Ok(environment)
    }

    /// Records what holds whatever stands in the log, such as a freeze.
    ///
    /// # Errors
    /// When the log cannot be read or written.
    pub async fn note(&self, name: &str, by: &Actor, noted: Change) -> Result<Environment, EngineError> {
        let mut as_noted = |_: &Environment| vec![noted.clone()];
        change(self.store.as_ref(), self.clock.now(), by, name, &mut as_noted).await
    }

    /// Creates a release and takes the environments that it changes.
    ///
    /// # Errors
    /// As [`Engine::create`], and [`Obstacle`] when an environment is not to be had.
    pub async fn start(
        &self,
        plan: Plan,
        document: Vec<u8>,
        by: Actor,
        terms: &Terms,
        ticket: Option<&Ticket>,
    ) -> Result<(ReleaseId, State), EngineError> {
        let names = changed_by(&plan);
        self.look(&names, plan.version.as_deref(), terms, ticket).await?;
        let (version, title) = (plan.version.clone(), plan.title.clone());
        let (release, state) = self.create(plan, document, by.clone()).await?;
        let taken = Change::Taken {
            release: release.clone(),
            version,
            title,
            despite_freeze: terms.despite_freeze.clone(),
        };
        for name in &names {
            if let Some(obstacle) = self.take(name, &by, &taken, ticket).await? {
                // Somebody was faster by a moment. The release that was just made is given up.
                let reason = obstacle.to_string();
                self.say(&release, &by, |state| tminus_release::people::abort(state, reason.clone())).await?;
                let mut reins = crate::drive::Reins::new().0;
                let driver = self.driver(&self.folder, crate::drive::WhenIdle::Leave);
                driver.drive(&release, &mut reins, &mut crate::drive::Blind, None).await?;
                return Err(EngineError::Obstacle(Box::new(obstacle)));
            }
        }
        Ok((release, state))
    }

    /// Takes one environment unless another has it by now.
    async fn take(
        &self,
        name: &str,
        by: &Actor,
        taken: &Change,
        ticket: Option<&Ticket>,
    ) -> Result<Option<Obstacle>, EngineError> {
        // A holder that ended without giving back has still to say how it left the environment.
        let known = Environment::fold(&self.store.read(&log_of(name), 0).await?)?;
        if let Some(holder) = &known.holder
            && let Ok(state) = self.state(&holder.release).await
        {
            give_back(self.store.as_ref(), self.clock.now(), &holder.release, &state).await?;
        }
        let mut obstacle = None;
        let mut decide = |environment: &Environment| match &environment.holder {
            Some(holder) => {
                obstacle = Some(Obstacle::Held { environment: name.to_owned(), holder: holder.clone() });
                Vec::new()
            }
            None => {
                let unqueued = ticket.map(|ticket| Change::Unqueued { ticket: ticket.name.clone() });
                unqueued.into_iter().chain([taken.clone()]).collect()
            }
        };
        change(self.store.as_ref(), self.clock.now(), by, name, &mut decide).await?;
        Ok(obstacle)
    }

    async fn is_over(&self, release: &ReleaseId) -> Result<bool, EngineError> {
        match self.state(release).await {
            Ok(state) => Ok(state.outcome.is_some()),
            Err(EngineError::NoRelease(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Tells what stands in the way of a release.
    async fn look(
        &self,
        names: &[String],
        version: Option<&str>,
        terms: &Terms,
        ticket: Option<&Ticket>,
    ) -> Result<(), EngineError> {
        for name in names {
            let here = self.environment(name).await?;
            let environment = name.clone();
            let left = version.and_then(|version| here.taken_back(version));
            let now = self.clock.now();
            let first = here.in_line(now).next();
            let first = first.filter(|first| Some(&first.ticket) != ticket.map(|own| &own.name)).cloned();
            let obstacle =
                if let Some(freeze) = here.freeze_at(now).filter(|_| terms.despite_freeze.is_none()) {
                    Obstacle::Frozen { environment, freeze: freeze.clone() }
                } else if let Some(left) = left.filter(|_| terms.again == Again::Refuse) {
                    Obstacle::TakenBack { environment, left: left.clone() }
                } else if let Some(holder) = here.holder {
                    Obstacle::Held { environment, holder }
                } else if let Some(first) = first {
                    Obstacle::Queued { environment, first }
                } else {
                    continue;
                };
            return Err(EngineError::Obstacle(Box::new(obstacle)));
        }
        Ok(())
    }

    /// Waits in the queues of a plan's environments until none has another release. `said` is told
    /// what is waited for, each time it is something else.
    ///
    /// # Errors
    /// What time does not mend: a version that was taken back, a store that fails.
    pub async fn wait_for_turn(
        &self,
        plan: &Plan,
        by: &Actor,
        terms: &Terms,
        said: &mut (dyn FnMut(&Obstacle) + Send),
    ) -> Result<Ticket, EngineError> {
        let names = changed_by(plan);
        let seed = format!("{}{:?}{}", plan.title, self.clock.steady(), std::process::id());
        let ending = tminus_release::audit::line_hash(&seed);
        let name = format!("{}-{}", self.clock.now().stamp(), &ending[..8]);
        let ticket = Ticket { _alive: self.store.acquire(&lease_of(&name)).await?, name };
        let queued = Change::Queued {
            ticket: ticket.name.clone(),
            version: plan.version.clone(),
            title: plan.title.clone(),
            despite_freeze: terms.despite_freeze.clone(),
        };
        for name in &names {
            self.note(name, by, queued.clone()).await?;
        }
        let mut last = None;
        loop {
            match self.look(&names, plan.version.as_deref(), terms, Some(&ticket)).await {
                Ok(()) => return Ok(ticket),
                Err(EngineError::Obstacle(obstacle)) if !matches!(*obstacle, Obstacle::TakenBack { .. }) => {
                    if last.as_ref() != Some(&*obstacle) {
                        said(&obstacle);
                        last = Some(*obstacle);
                    }
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// The lease that tells whether somebody still waits.
fn lease_of(ticket: &str) -> ReleaseId {
    ReleaseId(format!("waits/{ticket}"))
}
