//! Someone in this process who answers what a release waits for: a script, for rehearsals, tests
//! and demonstrations. What it says goes through the same checks as what a person says.

use std::collections::BTreeMap;

use serde::Deserialize;
use tminus_release::event::{Actor, Answer, Event};
use tminus_release::life::Life;
use tminus_release::people::{self, Person, Refusal};
use tminus_release::plan::Work;
use tminus_release::program::Track;
use tminus_release::standing::{Wait, standing};
use tminus_release::{State, StepId, gates};

/// Answers questions, one at a time.
pub trait Operator: Send {
    /// Looks at what waits and says something, or nothing.
    fn answer(&mut self, state: &State) -> Option<(Actor, Vec<Event>)>;
}

/// Written answers. The first line that fits a waiting step is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Who speaks for a role. A role that is not listed is spoken for by one of the plan's people
    /// with that role, or by a name made from the role's.
    #[serde(default)]
    pub people: BTreeMap<String, String>,
    /// Answers in order.
    #[serde(default)]
    pub answers: Vec<Line>,
    /// What is said when no line fits. Default: yes to questions, roll back on failures.
    #[serde(default)]
    pub otherwise: Otherwise,
    #[serde(skip)]
    used: BTreeMap<usize, u32>,
    #[serde(skip)]
    given: BTreeMap<String, u32>,
}

/// One written answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Id of the step; `*` stands for any text.
    pub step: String,
    /// What is said.
    pub say: Say,
    /// Reason or note.
    #[serde(default)]
    pub reason: Option<String>,
    /// Who says it; by default someone with the role.
    #[serde(default, rename = "as")]
    pub by: Option<String>,
    /// How often the line is used at most.
    #[serde(default)]
    pub times: Option<u32>,
}

/// What can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Say {
    /// Yes: run, tick, approve, done, whatever fits the question.
    Yes,
    /// It was done by hand.
    Done,
    /// Leave it out.
    Skip,
    /// Again.
    Retry,
    /// No.
    Stop,
    /// No to an approval.
    Decline,
    /// Turn the release back.
    Rollback,
    /// End the release where it stands.
    Abort,
    /// Say nothing: the release waits.
    Nothing,
}

/// What is said when no line fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// Yes to questions; roll back on a failure; skip an undo that failed, with that reason; nothing
    /// about another step that fails on the way back.
    #[default]
    Yes,
    /// Nothing: the release waits.
    Nothing,
}

/// How often one step is answered at most: a script cannot keep a failing step going for ever.
const ANSWERS_PER_STEP: u32 = 20;

impl Operator for Script {
    fn answer(&mut self, state: &State) -> Option<(Actor, Vec<Event>)> {
        let here = standing(state);
        here.waits.iter().find_map(|wait| self.answer_wait(state, wait))
    }
}

impl Script {
    fn answer_wait(&mut self, state: &State, wait: &Wait) -> Option<(Actor, Vec<Event>)> {
        if wait.commands.is_empty() {
            return None;
        }
        let name = wait.step.as_ref().map_or("hold", |step| step.as_str()).to_owned();
        let given = self.given.entry(name.clone()).or_default();
        *given += 1;
        if *given > ANSWERS_PER_STEP {
            return None;
        }
        let line = self.answers.iter().enumerate().find(|(index, line)| {
            matches(&line.step, &name)
                && line.times.is_none_or(|times| self.used.get(index).copied().unwrap_or(0) < times)
        });
        let (say, reason, by) = match line {
            Some((index, line)) => {
                *self.used.entry(index).or_default() += 1;
                (line.say, line.reason.clone(), line.by.clone())
            }
            None if self.otherwise == Otherwise::Nothing => return None,
            None => (usual(state, wait), None, None),
        };
        let reason = reason.unwrap_or_else(|| match say {
            // What went wrong is what the team must be told.
            Say::Rollback | Say::Abort | Say::Stop | Say::Decline => format!("{}: {}", wait.title, wait.why),
            _ => "as written in the answers".to_owned(),
        });
        let person = by.map_or_else(|| self.speaker(state, wait), |name| Person { name, role: None });
        let events = speak(state, wait, &person, say, reason).ok()?;
        let actor = Actor::Person { name: person.name, proof: "scripted answer".to_owned() };
        (!events.is_empty()).then_some((actor, events))
    }

    /// Picks someone who may answer: for an approval, someone with a role that is still missing.
    fn speaker(&self, state: &State, wait: &Wait) -> Person {
        let plan = &state.program.plan;
        let step = wait.step.as_ref().and_then(|id| state.program.index(id));
        let roles = step.map(|index| gates::roles_wanted(state, index)).unwrap_or_default();
        let Some(role) = roles.first() else {
            return Person { name: "operator".to_owned(), role: None };
        };
        let voted = |name: &&String| {
            step.is_some_and(|index| state.steps[index].votes.iter().any(|vote| vote.by == **name))
        };
        let listed = plan
            .roles
            .get(role)
            .and_then(|people| people.iter().find(|name| !voted(name) && *name != state.starter.name()));
        if let (None, Some(name)) = (self.people.get(&role.0), listed) {
            // Where they have several roles, they count where they are needed.
            return Person { name: name.clone(), role: None };
        }
        let name = self.people.get(&role.0).cloned().unwrap_or_else(|| format!("{role} (scripted)"));
        Person { name, role: Some(role.clone()) }
    }
}

/// What a willing person says: yes to questions, back on failures. On the way back an undo that did not
/// pass is skipped, which the record tells as left. What fails there and is no undo is mostly a look
/// whether people get what they got before, or what an undo would lose: a yes never goes past it.
fn usual(state: &State, wait: &Wait) -> Say {
    let Some(index) = wait.step.as_ref().and_then(|id| state.program.index(id)) else { return Say::Rollback };
    let is_asked = |life| life == Life::Asked;
    if state.rollback.is_none() {
        return if is_asked(state.life(index)) { Say::Yes } else { Say::Rollback };
    }
    match state.program.track(index) {
        Track::Forward if is_asked(state.steps[index].undo.life) => Say::Yes,
        Track::Forward => Say::Skip,
        _ if is_asked(state.life(index)) => Say::Yes,
        _ => Say::Nothing,
    }
}

fn speak(
    state: &State,
    wait: &Wait,
    person: &Person,
    say: Say,
    reason: String,
) -> Result<Vec<Event>, Refusal> {
    let step = match (&wait.step, say) {
        (_, Say::Nothing) => return Ok(Vec::new()),
        (_, Say::Rollback) => return people::rollback(state, reason),
        (_, Say::Abort) => return people::abort(state, reason),
        (Some(step), _) => step,
        (None, _) => return people::lift(state, Some(reason)),
    };
    let answer = |answer| people::answer(state, person, step, answer);
    match say {
        Say::Yes => yes(state, person, step),
        Say::Done => answer(Answer::Done { note: Some(reason) }),
        Say::Skip => answer(Answer::Skip { reason }),
        Say::Retry => answer(Answer::Retry),
        Say::Stop => answer(Answer::Stop { reason }),
        Say::Decline => people::decline(state, person, step, reason),
        Say::Rollback | Say::Abort | Say::Nothing => Ok(Vec::new()),
    }
}

fn yes(state: &State, person: &Person, step: &StepId) -> Result<Vec<Event>, Refusal> {
    let Some(index) = state.program.index(step) else { return Err(Refusal::NoStep(step.0.clone())) };
    let undoing = state.rollback.is_some() && state.steps[index].undo.life != Life::Pending;
    match &state.program.plan.steps[index].work {
        _ if undoing && state.program.is_undone_by_hand(index) => {
            people::answer(state, person, step, Answer::Done { note: None })
        }
        _ if undoing => people::answer(state, person, step, Answer::Run),
        Work::Item(_) => people::tick(state, person, step, None),
        Work::Approval(_) => people::approve(state, person, step, None),
        Work::Task(_) => people::answer(state, person, step, Answer::Done { note: None }),
        _ if state.life(index) == Life::Asked => people::answer(state, person, step, Answer::Run),
        _ => people::answer(state, person, step, Answer::Retry),
    }
}

/// Compares a pattern in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        let table = [
            ("go-live", "go-live", true),
            ("go-live", "go-live@production", false),
            ("go-live*", "go-live@production", true),
            ("*deploy*", "production/5-deploy/1", true),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b", "ab-", false),
        ];
        for (pattern, text, fits) in table {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
