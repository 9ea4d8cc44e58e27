//! A release in memory: events are sealed and folded as the engine does it.

use tminus_release::audit::{Entry, GENESIS};
use tminus_release::decide::{Command, Decision, decide};
use tminus_release::event::{self, Actor, Event, Finished, Purpose, Verdict};
use tminus_release::life::Life;
use tminus_release::people::{Person, Refusal};
use tminus_release::plan::{Plan, Role};
use tminus_release::time::{Moment, Span};
use tminus_release::{State, StepId};

pub(crate) struct Release {
    pub(crate) entries: Vec<Entry>,
    pub(crate) state: State,
    pub(crate) now: Moment,
}

pub(crate) fn person(name: &str) -> Person {
    Person { name: name.to_owned(), role: None }
}

pub(crate) fn in_role(name: &str, role: &str) -> Person {
    Person { name: name.to_owned(), role: Some(Role::from(role)) }
}

pub(crate) fn actor(name: &str) -> Actor {
    Actor::Person { name: name.to_owned(), proof: "test".to_owned() }
}

impl Release {
    pub(crate) fn start(plan: Plan) -> Release {
        let now = Moment(1_000_000);
        let plan_digest = plan.digest();
        let created = Event::ReleaseCreated { plan: Box::new(plan), plan_digest, kernel: "test".to_owned() };
        let (entry, recorded) = event::seal(0, GENESIS, now, actor("sam"), created);
        let state = State::begin(recorded, &entry.hash).expect("plan can be followed");
        Release { entries: vec![entry], state, now }
    }

    pub(crate) fn take(&mut self, by: Actor, event: Event) {
        let (entry, recorded) = event::seal(self.state.length, &self.state.head, self.now, by, event);
        self.state.take(&recorded, &entry.hash).expect("the event follows");
        self.entries.push(entry);
    }

    pub(crate) fn say(
        &mut self,
        name: &str,
        said: impl FnOnce(&State) -> Result<Vec<Event>, Refusal>,
    ) -> Result<(), Refusal> {
        for event in said(&self.state)? {
            self.take(actor(name), event);
        }
        Ok(())
    }

    pub(crate) fn decide(&self) -> Decision {
        let decision = decide(&self.state, self.now);
        assert_eq!(decision, decide(&self.state, self.now), "deciding twice gives the same");
        decision
    }

    /// Runs everything that needs nobody, `passes` telling how attempts end, until only people or
    /// time can go on. Returns what was started, in order.
    pub(crate) fn run(&mut self, passes: impl Fn(&str, Purpose, u32) -> bool) -> Vec<String> {
        let mut started = Vec::new();
        for _ in 0..10_000 {
            let decision = self.decide();
            if decision.commands.is_empty() {
                return started;
            }
            // As the engine does it: the whole batch first, then the acts.
            let mut acts = Vec::new();
            for command in decision.commands {
                match command {
                    Command::Record(event) => self.take(Actor::Engine, event),
                    Command::Start { step, purpose, attempt } => {
                        let id = self.state.program.plan.steps[step].id.clone();
                        started.push(format!("{} {id}", purpose.word()));
                        self.take(Actor::Engine, Event::StepStarted { step: id.clone(), purpose, attempt });
                        acts.push((id, purpose, attempt));
                    }
                    Command::Cancel { .. } => {}
                }
            }
            for (id, purpose, attempt) in acts {
                let passed = passes(id.as_str(), purpose, attempt);
                self.finish(id, purpose, attempt, if passed { Verdict::Passed } else { Verdict::Failed });
            }
        }
        panic!("the release never comes to rest");
    }

    pub(crate) fn finish(&mut self, step: StepId, purpose: Purpose, attempt: u32, verdict: Verdict) {
        self.finish_with(step, purpose, attempt, verdict, &[]);
    }

    pub(crate) fn finish_with(
        &mut self,
        step: StepId,
        purpose: Purpose,
        attempt: u32,
        verdict: Verdict,
        outputs: &[(&str, &str)],
    ) {
        let outputs = outputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let result = Finished { outputs, ..ended(verdict) };
        self.take(Actor::Engine, Event::StepFinished { step, purpose, attempt, result });
    }

    /// A crash came between the intent and the act.
    pub(crate) fn never_began(&mut self, step: StepId, purpose: Purpose, attempt: u32) {
        let result = Finished { never_began: true, ..ended(Verdict::Cancelled) };
        self.take(Actor::Engine, Event::StepFinished { step, purpose, attempt, result });
    }

    pub(crate) fn wait(&mut self, span: Span) {
        self.now = self.now.plus(span);
    }

    pub(crate) fn life(&self, id: &str) -> Life {
        self.state.life(self.state.program.index(&StepId::from(id)).expect("a step of the plan"))
    }

    pub(crate) fn undo_life(&self, id: &str) -> Life {
        self.state.steps[self.state.program.index(&StepId::from(id)).expect("a step of the plan")].undo.life
    }
}

pub(crate) fn all_pass(_: &str, _: Purpose, _: u32) -> bool {
    true
}

fn ended(verdict: Verdict) -> Finished {
    Finished {
        verdict,
        detail: "in a test".to_owned(),
        exit_code: None,
        output: None,
        carried: None,
        outputs: std::collections::BTreeMap::new(),
        leftovers: 0,
        never_began: false,
    }
}
