//! The fold: a release's log, read from the start, becomes its state.
//!
//! There is no other state. What the engine, the command line or a page shows is computed from
//! this, and this is computed from the log, so a crash cannot leave the two in disagreement.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::audit::{Entry, GENESIS};
use crate::event::{
    Actor, Answer, Cause, Event, Finished, Outcome, Purpose, ReadError, Recorded, RuleVerdict, Verdict,
};
use crate::life::{self, Happening, Illegal, Life};
use crate::partial::Part;
use crate::plan::{Role, StepId, Undo, Work};
use crate::program::{PlanError, Program, Track};
use crate::time::{Moment, Span};

/// Everything that is known about a release.
#[derive(Clone, Debug)]
pub struct State {
    /// The plan that it follows.
    pub program: Arc<Program>,
    /// Who started it.
    pub starter: Actor,
    /// When it was created; its stamp is made from this.
    pub created_at: Moment,
    /// Number of entries read.
    pub length: u64,
    /// Hash of the last entry.
    pub head: String,
    /// Time of the last entry.
    pub last_at: Moment,
    /// Time of the last entry that was written by whoever drove the release.
    pub driven_at: Moment,
    /// Each step, as in the plan.
    pub steps: Vec<StepState>,
    /// How many steps at the front of the program's order need no more thought: they are settled, or
    /// not on the way forward. Deciding begins behind them, so that a long plan does not get slower.
    pub done: usize,
    /// Behind how many steps at the front of the order nothing has happened to any.
    pub reached: usize,
    /// Steps whose results left outputs, a folder or variables for others.
    pub contributors: Vec<usize>,
    /// Steps that began and have or may have had an effect, in the order in which they began.
    pub undo_stack: Vec<usize>,
    /// Armed rules by id and environment.
    pub rules: BTreeMap<RuleKey, RuleState>,
    /// The reason for a hold, and who placed it.
    pub hold: Option<Hold>,
    /// When a hold of the engine's was last lifted.
    judged_until: Option<Moment>,
    /// Set once the release turns back.
    pub rollback: Option<Rollback>,
    /// Set once a person ends it where it stands.
    pub abort: Option<String>,
    /// Set at the end.
    pub outcome: Option<(Outcome, Vec<StepId>)>,
    /// When it ended.
    pub finished_at: Option<Moment>,
}

/// One step.
#[derive(Clone, Debug, Default)]
pub struct StepState {
    /// Doing it.
    pub forward: TrackState,
    /// Reversing it.
    pub undo: TrackState,
    /// Yes votes of an approval.
    pub votes: Vec<Vote>,
    /// When a soak or watch ends.
    pub until: Option<Moment>,
}

/// One track of a step.
#[derive(Clone, Debug, Default)]
pub struct TrackState {
    /// Where it stands.
    pub life: Life,
    /// Attempts so far, all purposes of this track.
    pub attempts: u32,
    /// Attempts that do not count among the retries: those before a person said "again", and those that
    /// never began.
    pub forgiven: u32,
    /// When its life last changed.
    pub since: Moment,
    /// When it was first started.
    pub started_at: Option<Moment>,
    /// The last result.
    pub result: Option<Finished>,
    /// Who settled it, when that was a person or a check.
    pub by: Option<String>,
    /// Note or reason given.
    pub note: Option<String>,
}

/// One person's yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Who.
    pub by: String,
    /// How it is known that it was that person.
    pub proof: String,
    /// In which role.
    pub role: Role,
    /// No role was said: it counts as whatever it is needed as.
    pub any_role: bool,
    /// For which gate results.
    pub gates_digest: String,
    /// When.
    pub at: Moment,
    /// A remark.
    pub note: Option<String>,
}

/// A rule and where it is measured.
pub type RuleKey = (String, Option<String>);

/// What is known of an armed rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleState {
    /// The last verdict.
    pub verdict: RuleVerdict,
    /// Since when.
    pub since: Moment,
    /// The last value recorded.
    pub value: Option<f64>,
    /// The sentence for people.
    pub detail: String,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Who placed it.
    pub by: Actor,
    /// Since when.
    pub since: Moment,
}

/// A rollback under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// What set it off.
    pub cause: Cause,
    /// The sentence for people.
    pub detail: String,
    /// Since when.
    pub since: Moment,
    /// What goes back, when that is not everything.
    pub part: Option<Part>,
}

/// Why a log does not fold.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// A line cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The plan in event 0 cannot be followed.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The log is empty or does not begin with the creation.
    #[error("read the log: it does not begin with the release's creation")]
    NoBeginning,
    /// An event about a step that the plan does not have.
    #[error("read line {sequence} of the log: the plan has no step `{step}`")]
    NoStep {
        /// Position in the log.
        sequence: u64,
        /// The step named.
        step: StepId,
    },
    /// An event that cannot happen there.
    #[error("read line {sequence} of the log: `{step}` cannot {illegal}")]
    Illegal {
        /// Position in the log.
        sequence: u64,
        /// The step named.
        step: StepId,
        /// The pair.
        illegal: Illegal,
    },
    /// Lines are missing or doubled.
    #[error("read the log: line {expected} is missing, the next one there is {found}")]
    Gap {
        /// The line that should come next.
        expected: u64,
        /// The line that comes.
        found: u64,
    },
}

impl State {
    /// Folds a whole log.
    ///
    /// # Errors
    /// The first line that cannot be read or cannot have happened.
    pub fn fold(entries: &[Entry]) -> Result<State, FoldError> {
        let (first, rest) = entries.split_first().ok_or(FoldError::NoBeginning)?;
        let mut state = State::begin(crate::event::open(first)?, &first.hash)?;
        state.take_all(rest)?;
        Ok(state)
    }

    /// Takes in what follows in the log.
    ///
    /// # Errors
    /// As [`State::fold`]; what was before that line is taken in.
    pub fn take_all(&mut self, entries: &[Entry]) -> Result<(), FoldError> {
        entries.iter().try_for_each(|entry| self.take(&crate::event::open(entry)?, &entry.hash))
    }

    /// Starts from the creation of a release.
    ///
    /// # Errors
    /// When the event is not a creation, or its plan cannot be followed.
    pub fn begin(recorded: Recorded, hash: &str) -> Result<State, FoldError> {
        let Event::ReleaseCreated { plan, .. } = recorded.event else { return Err(FoldError::NoBeginning) };
        Ok(State::of(Arc::new(Program::new(*plan)?), recorded.by, recorded.at, hash))
    }

    /// Begins with the program of the created plan, for whoever has it.
    pub fn of(program: Arc<Program>, starter: Actor, created_at: Moment, hash: &str) -> State {
        let steps = vec![StepState::default(); program.plan.steps.len()];
        State {
            program,
            starter,
            created_at,
            length: 1,
            head: hash.to_owned(),
            last_at: created_at,
            driven_at: created_at,
            steps,
            done: 0,
            reached: 0,
            contributors: Vec::new(),
            undo_stack: Vec::new(),
            rules: BTreeMap::new(),
            hold: None,
            judged_until: None,
            rollback: None,
            abort: None,
            outcome: None,
            finished_at: None,
        }
    }

    /// Returns the hash that the next entry must name: that of the last one.
    pub fn previous(&self) -> &str {
        if self.length == 0 { GENESIS } else { &self.head }
    }

    /// Applies the next event.
    ///
    /// # Errors
    /// When it does not follow from the state. The state is then unusable.
    pub fn take(&mut self, recorded: &Recorded, hash: &str) -> Result<(), FoldError> {
        if recorded.sequence != self.length {
            return Err(FoldError::Gap { expected: self.length, found: recorded.sequence });
        }
        self.length += 1;
        hash.clone_into(&mut self.head);
        self.last_at = recorded.at;
        if recorded.by == Actor::Engine {
            self.driven_at = recorded.at;
        }
        match &recorded.event {
            Event::ReleaseCreated { .. } => return Err(FoldError::NoBeginning),
            Event::EngineStarted => {}
            Event::TimeUnobserved { from, to } => self.extend_by_unobserved(*from, *to),
            Event::ClockStepped { by_ms } => self.shift_timers(*by_ms),
            Event::RuleChanged { rule, environment, verdict, value, detail, .. } => {
                let state = RuleState {
                    verdict: *verdict,
                    since: recorded.at,
                    value: *value,
                    detail: detail.clone(),
                };
                self.rules.insert((rule.clone(), environment.clone()), state);
            }
            Event::HoldPlaced { reason } => {
                self.hold =
                    Some(Hold { reason: reason.clone(), by: recorded.by.clone(), since: recorded.at });
            }
            Event::HoldLifted { .. } => {
                if let Some(hold) = self.hold.take()
                    && hold.by == Actor::Engine
                {
                    self.extend_watched_soaks(recorded.at.since(hold.since));
                    self.judged_until = Some(recorded.at);
                }
                // What made the engine hold is to be judged anew, not remembered.
                self.rules
                    .retain(|_, rule| !matches!(rule.verdict, RuleVerdict::NoData | RuleVerdict::Fired));
            }
            Event::RollbackStarted { cause, detail } => {
                self.turn_back(cause.clone(), detail, recorded.at, None);
            }
            Event::PartialRollbackStarted { steps, despite, detail } => {
                let find = |id: &StepId| {
                    let missing = FoldError::NoStep { sequence: recorded.sequence, step: id.clone() };
                    self.program.index(id).ok_or(missing)
                };
                let steps = steps.iter().map(find).collect::<Result<Vec<_>, _>>()?;
                let part = Part { steps, despite: despite.clone() };
                self.turn_back(Cause::Person, detail, recorded.at, Some(part));
            }
            Event::AbortStarted { reason } => self.abort = Some(reason.clone()),
            Event::ReleaseFinished { outcome, left } => {
                self.outcome = Some((*outcome, left.clone()));
                self.finished_at = Some(recorded.at);
            }
            event => self.take_step_event(event, recorded)?,
        }
        Ok(())
    }

    /// Tells whether a rollback can still be begun: none is under way, or one of only a part.
    pub fn can_turn_back(&self) -> bool {
        self.rollback.as_ref().is_none_or(|rollback| rollback.part.is_some())
    }

    fn turn_back(&mut self, cause: Cause, detail: &str, since: Moment, part: Option<Part>) {
        if self.rollback.is_some() {
            self.ask_rollback_lane_anew();
        }
        self.rollback = Some(Rollback { cause, detail: detail.to_owned(), since, part });
        self.hold = None;
        self.abort = None;
    }

    /// A part went back, and now the rest does: what was looked at after the part says nothing of that.
    fn ask_rollback_lane_anew(&mut self) {
        for (index, step) in self.steps.iter_mut().enumerate() {
            if self.program.track(index) == Track::Rollback && !step.forward.life.is_active() {
                let attempts = step.forward.attempts;
                step.forward = TrackState { attempts, forgiven: attempts, ..TrackState::default() };
                step.votes.clear();
            }
        }
    }

    fn take_step_event(&mut self, event: &Event, recorded: &Recorded) -> Result<(), FoldError> {
        let Some((id, purpose, happening)) = happening(event) else { return Ok(()) };
        let index = self
            .program
            .index(id)
            .ok_or_else(|| FoldError::NoStep { sequence: recorded.sequence, step: id.clone() })?;
        let program = Arc::clone(&self.program);
        self.reached = self.reached.max(program.place(index) + 1);
        let step = &mut self.steps[index];
        if let Event::Approved { role, any_role, gates_digest, note, .. } = event {
            let (by, proof) = match &recorded.by {
                Actor::Person { name, proof } => (name.clone(), proof.clone()),
                Actor::Engine => ("tminus".to_owned(), String::new()),
            };
            let vote = Vote {
                by,
                proof,
                role: role.clone(),
                any_role: *any_role,
                gates_digest: gates_digest.clone(),
                at: recorded.at,
                note: note.clone(),
            };
            step.votes.push(vote);
            return Ok(());
        }
        let track = if purpose == Purpose::Undo { &mut step.undo } else { &mut step.forward };
        if let Some(happening) = happening {
            let before = track.life;
            track.life = life::next(before, happening).map_err(|illegal| FoldError::Illegal {
                sequence: recorded.sequence,
                step: id.clone(),
                illegal,
            })?;
            track.since = recorded.at;
        }
        if let Actor::Person { name, .. } = &recorded.by {
            track.by = Some(name.clone());
        }
        track.remember(event, recorded.at);
        if let Event::StepFinished { result, .. } = event
            && (result.carried.is_some() || !result.outputs.is_empty())
            && !self.contributors.contains(&index)
        {
            self.contributors.push(index);
            self.contributors.sort_unstable();
        }
        match event {
            Event::TimerStarted { until, .. } => step.until = Some(*until),
            Event::ApprovalLapsed { .. } => step.votes.clear(),
            Event::StepStarted { purpose: Purpose::Forward, .. }
            | Event::StepAnswered { answer: Answer::Done { .. }, purpose: Purpose::Forward, .. }
                if program.track(index) == Track::Forward
                    && program.plan.steps[index].has_effect()
                    // A copy is nothing that was left behind.
                    && program.plan.steps[index].undo != crate::plan::Undo::NotNeeded
                    && !self.undo_stack.contains(&index) =>
            {
                // Registered when it starts, not when it succeeds: a step that dies half-way has
                // an effect too. A repeated attempt keeps the place of the first one.
                self.undo_stack.push(index);
            }
            _ => {}
        }
        self.count_done(happening);
        Ok(())
    }

    fn count_done(&mut self, happening: Option<Happening>) {
        // Both take a settled step back.
        if matches!(happening, Some(Happening::Lapsed | Happening::SaidRetry)) {
            self.done = 0;
        }
        let order = self.program.order();
        while let Some(&next) = order.get(self.done)
            && (self.program.track(next) != Track::Forward || self.steps[next].forward.life.is_settled())
        {
            self.done += 1;
        }
    }

    /// Time on a hold of the engine's is added when the hold is lifted, whoever watched meanwhile: it is
    /// not added here as well.
    fn extend_by_unobserved(&mut self, from: Moment, to: Moment) {
        // Who did not ask has not heard silence: the patience with a source begins where it was left.
        for rule in self.rules.values_mut().filter(|rule| rule.verdict == RuleVerdict::NoData) {
            rule.since = rule.since.plus(to.since(from.max(rule.since)));
        }
        let to =
            self.hold.as_ref().filter(|hold| hold.by == Actor::Engine).map_or(to, |hold| hold.since.min(to));
        let from = self.judged_until.map_or(from, |lifted| lifted.max(from));
        if from < to {
            self.extend_watched_soaks(to.since(from));
        }
    }

    /// A soak counts only time in which its rules were watched, and none in which the release was held
    /// for what they said.
    fn extend_watched_soaks(&mut self, gap: Span) {
        for (index, step) in self.steps.iter_mut().enumerate() {
            let watched = match &self.program.plan.steps[index].work {
                Work::Soak(soak) | Work::Watch(soak) => !soak.rules.is_empty(),
                _ => false,
            };
            if watched && step.forward.life == Life::Waiting {
                step.until = step.until.map(|until| until.plus(gap));
            }
        }
    }

    /// Everything that is counted from a moment is counted from the moved one: a clock that was set
    /// a day ahead ends no soak, no approval and no wait between two tries.
    fn shift_timers(&mut self, by_ms: i64) {
        let shift = |moment: &mut Moment| moment.0 = moment.0.saturating_add(by_ms);
        for step in &mut self.steps {
            step.until.iter_mut().for_each(shift);
            for track in [&mut step.forward, &mut step.undo] {
                if track.life != Life::Pending && !track.life.is_settled() {
                    shift(&mut track.since);
                }
            }
        }
        self.rules.values_mut().for_each(|rule| shift(&mut rule.since));
    }

    /// Returns the life of a step on its forward track.
    pub fn life(&self, index: usize) -> Life {
        self.steps[index].forward.life
    }

    /// Tells whether the release has ended.
    pub fn is_finished(&self) -> bool {
        self.outcome.is_some()
    }

    /// Returns the steps, in order, at which something may have happened that is not settled.
    pub fn open(&self) -> &[usize] {
        self.program.order().get(self.done..self.reached).unwrap_or_default()
    }

    /// Finds the step at which a person said no.
    pub fn declined(&self) -> Option<usize> {
        let declined = |index: &usize| self.steps[*index].forward.life == Life::Declined;
        self.open().iter().copied().filter(declined).min()
    }

    /// Returns the steps in the order in which they are taken back: the last first, but those that bear
    /// on nothing that runs behind the others. None of them passes a point of no return, which may
    /// be where the way back ends.
    pub fn undo_order(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.undo_stack.len());
        let mut last = Vec::new();
        for &index in self.undo_stack.iter().rev() {
            let step = &self.program.plan.steps[index];
            if step.undo_last {
                last.push(index);
                continue;
            }
            if step.undo == Undo::Impossible {
                order.append(&mut last);
            }
            order.push(index);
        }
        order.append(&mut last);
        order
    }

    /// Returns the steps whose effect stays in a rollback because the runbook says so.
    pub fn kept(&self) -> Vec<usize> {
        self.undo_stack.iter().copied().filter(|&index| self.is_kept(index)).collect()
    }

    fn is_kept(&self, index: usize) -> bool {
        self.program.plan.steps[index].undo == Undo::Kept
    }

    /// Returns the steps whose effect stands: begun and not reversed. What stays by the runbook's own word is
    /// none of them: nobody has to look after it.
    pub fn standing_effects(&self) -> Vec<usize> {
        let reversed = |index: &&usize| {
            self.steps[**index].undo.life.is_done() && self.program.undo_of(**index).is_some()
        };
        let stands = |index: &&usize| !reversed(index) && !self.is_kept(**index);
        self.undo_stack.iter().filter(stands).copied().collect()
    }
}

impl TrackState {
    fn remember(&mut self, event: &Event, at: Moment) {
        match event {
            Event::StepStarted { attempt, .. } => {
                self.attempts = self.attempts.max(*attempt);
                self.started_at.get_or_insert(at);
            }
            Event::StepFinished { result, .. } => {
                // Nothing was tried, so it counts among the tries of `retry` no more than what a person forgave.
                self.forgiven += u32::from(result.never_began);
                self.result = Some(result.clone());
            }
            Event::OutcomeUnknown { detail, .. } => self.note = Some(detail.clone()),
            Event::StepAnswered { answer, .. } => match answer {
                Answer::Done { note } => self.note.clone_from(note),
                Answer::Skip { reason } | Answer::Stop { reason } => self.note = Some(reason.clone()),
                Answer::Retry => self.forgiven = self.attempts,
                Answer::Run => {}
            },
            Event::ItemTicked { note, .. } => self.note.clone_from(note),
            Event::ItemUnticked { reason, .. }
            | Event::Declined { reason, .. }
            | Event::ApprovalLapsed { reason, .. } => {
                self.note = Some(reason.clone());
            }
            _ => {}
        }
    }
}

/// Reads the step, the track and the happening off an event. Votes have no happening of their own.
fn happening(event: &Event) -> Option<(&StepId, Purpose, Option<Happening>)> {
    use Happening as H;
    let forward = |step, happening| Some((step, Purpose::Forward, Some(happening)));
    match event {
        Event::StepAsked { step, purpose } => Some((step, *purpose, Some(H::Asked))),
        Event::StepAnswered { step, purpose, answer } => {
            let said = match answer {
                Answer::Run => H::SaidRun,
                Answer::Done { .. } => H::SaidDone,
                Answer::Skip { .. } => H::SaidSkip,
                Answer::Retry => H::SaidRetry,
                Answer::Stop { .. } => H::SaidStop,
            };
            Some((step, *purpose, Some(said)))
        }
        Event::ItemTicked { step, .. } | Event::ApprovalGranted { step } => forward(step, H::Granted),
        Event::ItemUnticked { step, .. } | Event::ApprovalLapsed { step, .. } => forward(step, H::Lapsed),
        Event::Declined { step, .. } => forward(step, H::SaidStop),
        Event::Approved { step, .. } => Some((step, Purpose::Forward, None)),
        Event::TimerStarted { step, .. } => forward(step, H::TimerStarted),
        Event::TimerElapsed { step } => forward(step, H::TimerElapsed),
        Event::StepStarted { step, purpose: Purpose::Verify, .. } => forward(step, H::VerifyStarted),
        Event::StepStarted { step, purpose, .. } => Some((step, *purpose, Some(H::Started))),
        Event::OutcomeUnknown { step, purpose, .. } => {
            let track = if *purpose == Purpose::Undo { Purpose::Undo } else { Purpose::Forward };
            Some((step, track, Some(H::Lost)))
        }
        Event::StepFinished { step, purpose, result, .. } => {
            let passed = result.verdict == Verdict::Passed;
            let (track, said) = match purpose {
                Purpose::Verify if passed => (Purpose::Forward, H::VerifyPassed),
                // Only a clear no of the check means "no effect"; a check that was ended or ran
                // out of time tells nothing.
                Purpose::Verify if result.verdict == Verdict::Failed => (Purpose::Forward, H::VerifyFailed),
                Purpose::Verify => (Purpose::Forward, H::Lost),
                track if passed => (*track, H::Passed),
                track => (*track, H::Failed),
            };
            Some((step, track, Some(said)))
        }
        _ => None,
    }
}
