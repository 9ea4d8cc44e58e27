//! The person at this terminal: questions are shown as they come, answers are read while the
//! release is watched. Reading never blocks the driver.

use std::io::BufRead as _;
use std::sync::PoisonError;
use std::time::Duration;

use tminus_engine::EngineError;
use tminus_engine::open::Engine;
use tminus_release::event::{Actor, Answer, Event};
use tminus_release::people::{self, Person, Refusal};
use tminus_release::plan::Work;
use tminus_release::standing::Wait;
use tminus_release::{ReleaseId, State, gates};
use tokio::sync::{mpsc, watch as signal};

use crate::live::Shared;
use crate::place;
use crate::screen::{self, Tone, paint};

/// Reads lines of standard input on a thread of its own: a read cannot be given up.
pub(crate) fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(8);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Asks what waits and records what the person says, until the future is dropped.
pub(crate) async fn ask(
    engine: Engine,
    release: ReleaseId,
    mut by: Actor,
    shared: Shared,
    waker: signal::Sender<u64>,
) {
    let mut lines = lines();
    let mut shown: Option<String> = None;
    loop {
        let wait = first_question(&shared);
        let key = wait.as_ref().map(|wait| format!("{:?}{}{}", wait.step, wait.since.0, wait.why));
        if key != shown {
            if let Some(wait) = &wait {
                // Lines typed before the question was shown are no answer to it.
                while lines.try_recv().is_ok() {}
                prompt(wait);
            }
            shown = key;
        }
        let line = tokio::select! {
            line = lines.recv() => line,
            () = tokio::time::sleep(Duration::from_millis(50)) => continue,
        };
        // End of input: nobody is there any more. The release waits for others.
        let Some(line) = line else { return std::future::pending().await };
        let Some(wait) = wait else { continue };
        match said(&line, &wait) {
            Ok(None) => {}
            Ok(Some(Speech::As(name))) => {
                by = place::person(Some(&name));
                prompt(&wait);
            }
            Ok(Some(speech)) => {
                let spoken = engine.say(&release, &by, |state| speak(state, &by, &wait, &speech)).await;
                match spoken {
                    // What came of it is shown by whoever drives, and then the next question.
                    Ok(_) => waker.send_modify(|count| *count += 1),
                    Err(error) => {
                        complain(&error);
                        if let (EngineError::Refused(refusal), Ok(state)) =
                            (&error, engine.state(&release).await)
                        {
                            suggest_others(refusal, &state, &wait, by.name());
                        }
                        prompt_line(&wait);
                    }
                }
            }
            Err(help) => {
                screen::line(&format!("    {}", paint(Tone::Warn, help)));
                prompt_line(&wait);
            }
        }
    }
}

fn complain(error: &EngineError) {
    screen::line(&format!("    {}", paint(Tone::Warn, &format!("cannot {error}"))));
}

/// Names those who may say what this person may not: they are asked at this keyboard or at their own.
fn suggest_others(refusal: &Refusal, state: &State, wait: &Wait, by: &str) {
    let is_somebody_elses = matches!(
        refusal,
        Refusal::NotInRole { .. } | Refusal::OwnRelease { .. } | Refusal::VotedAlready { .. }
    );
    let Some(index) = wait.step.as_ref().and_then(|id| state.program.index(id)).filter(|_| is_somebody_elses)
    else {
        return;
    };
    let (plan, votes) = (&state.program.plan, &state.steps[index].votes);
    let roles = gates::roles_wanted(state, index);
    let people = roles.iter().filter_map(|role| plan.roles.get(role)).flatten();
    let others: Vec<String> = people
        .filter(|name| *name != by && votes.iter().all(|vote| vote.by != **name))
        .map(|name| format!("`as {name}`"))
        .collect();
    if !others.is_empty() {
        screen::line(&format!(
            "    to speak as somebody else at this keyboard, type {}",
            others.join(" or ")
        ));
    }
}

fn first_question(shared: &Shared) -> Option<Wait> {
    let here = shared.lock().unwrap_or_else(PoisonError::into_inner);
    here.as_ref()?.waits.iter().find(|wait| !wait.commands.is_empty()).cloned()
}

/// What a person can say in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Speech {
    Yes,
    Done(Option<String>),
    Skip(String),
    Retry,
    Stop(String),
    Rollback(String),
    Abort(String),
    /// From now on, somebody else speaks here.
    As(String),
}

fn prompt(wait: &Wait) {
    screen::line("");
    screen::line(&format!("  {} {}", paint(Tone::Ask, "?"), paint(Tone::Strong, &wait.title)));
    let why = wait.why.strip_prefix(wait.title.as_str()).unwrap_or(&wait.why).trim();
    if !why.is_empty() {
        screen::line(&format!("    {why}"));
    }
    if wait.who != "anyone" {
        screen::line(&format!("    {}", paint(Tone::Faint, &format!("for {}", wait.who))));
    }
    prompt_line(wait);
}

fn prompt_line(wait: &Wait) {
    let words: Vec<&str> = choices(wait);
    screen::raw(&format!("    {} › ", words.join(" · ")));
}

fn choices(wait: &Wait) -> Vec<&'static str> {
    let table: [(&str, &'static str); 11] = [
        ("approve", "[y]es"),
        ("tick", "[y]es, it holds"),
        ("run", "[r]un"),
        ("continue", "[y]es, go on"),
        ("retry", "[r]etry"),
        ("done", "[d]one by hand"),
        ("skip", "[s]kip REASON"),
        ("stop", "[q]uit REASON"),
        ("decline", "[n]o REASON"),
        ("rollback", "[b]ack REASON"),
        ("abort", "[a]bort REASON"),
    ];
    table.into_iter().filter(|(word, _)| takes(wait, word)).map(|(_, shown)| shown).collect()
}

/// Tells whether a question takes an answer. The step's id in the command may hold any word.
fn takes(wait: &Wait, word: &str) -> bool {
    wait.commands.iter().any(|command| {
        let mut words = command.split_whitespace();
        match words.next() {
            Some("answer") => words.nth(1) == Some(word),
            first => first == Some(word),
        }
    })
}

fn said(line: &str, wait: &Wait) -> Result<Option<Speech>, &'static str> {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let reason = rest.trim().to_owned();
    let needs = |make: fn(String) -> Speech| {
        if reason.is_empty() {
            Err("say why, in the same line: it goes into the record")
        } else {
            Ok(Some(make(reason.clone())))
        }
    };
    match word.to_lowercase().as_str() {
        "" => Ok(None),
        "y" | "yes" => Ok(Some(Speech::Yes)),
        "r" | "run" | "retry" if takes(wait, "retry") => Ok(Some(Speech::Retry)),
        "r" | "run" => Ok(Some(Speech::Yes)),
        "d" | "done" => Ok(Some(Speech::Done((!reason.is_empty()).then_some(reason)))),
        "s" | "skip" => needs(Speech::Skip),
        "q" | "quit" | "stop" | "n" | "no" => needs(Speech::Stop),
        "b" | "back" | "rollback" => needs(Speech::Rollback),
        "a" | "abort" => needs(Speech::Abort),
        "as" if reason.is_empty() => Err("say as whom: `as NAME`"),
        "as" => Ok(Some(Speech::As(reason))),
        _ => Err("that is none of the answers; the first letter is enough"),
    }
}

fn speak(state: &State, by: &Actor, wait: &Wait, speech: &Speech) -> Result<Vec<Event>, Refusal> {
    let person = Person { name: by.name().to_owned(), role: None };
    match speech {
        Speech::Rollback(reason) => return people::rollback(state, reason.clone()),
        Speech::Abort(reason) => return people::abort(state, reason.clone()),
        _ => {}
    }
    let Some(step) = &wait.step else { return people::lift(state, None) };
    let planned = state.program.plan.step(step);
    let answer = match speech {
        Speech::Yes => match planned.map(|step| &step.work) {
            Some(Work::Approval(_)) => return people::approve(state, &person, step, None),
            Some(Work::Item(_)) => return people::tick(state, &person, step, None),
            // The same for a task and for an undo that a person does.
            _ if takes(wait, "done") && !takes(wait, "run") && !takes(wait, "retry") => {
                Answer::Done { note: None }
            }
            _ => Answer::Run,
        },
        Speech::Done(note) => Answer::Done { note: note.clone() },
        Speech::Skip(reason) => Answer::Skip { reason: reason.clone() },
        Speech::Retry => Answer::Retry,
        Speech::Stop(reason) => Answer::Stop { reason: reason.clone() },
        Speech::Rollback(_) | Speech::Abort(_) | Speech::As(_) => return Ok(Vec::new()),
    };
    people::answer(state, &person, step, answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_holds_the_name_of_an_answer_offers_none() {
        let wait = |commands: &[&str]| Wait {
            step: None,
            title: String::new(),
            why: String::new(),
            who: "anyone".to_owned(),
            since: tminus_release::time::Moment(0),
            until: None,
            commands: commands.iter().map(|command| (*command).to_owned()).collect(),
        };
        let asked = wait(&["answer rollback/retry run", "answer rollback/retry skip --reason \"…\""]);
        assert_eq!(choices(&asked), ["[r]un", "[s]kip REASON"]);
        assert_eq!(said("r", &asked), Ok(Some(Speech::Yes)));
        let held = wait(&["continue", "rollback --reason \"…\""]);
        assert_eq!(choices(&held), ["[y]es, go on", "[b]ack REASON"]);
    }
}
