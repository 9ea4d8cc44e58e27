//! Errors as a tired person needs them: what, why, what now.

use tminus_engine::environments::Obstacle;
use tminus_engine::{EngineError, StoreError};
use tminus_release::event::Outcome;
use tminus_release::people::Refusal;
use tminus_release::{ReleaseId, State, StepId};

use crate::exit_code::ExitCode;

/// A command that could not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What was wanted and why it cannot be, after "cannot".
    pub(crate) what: String,
    /// What to do now, a line each; commands as they can be pasted.
    pub(crate) now: Vec<String>,
    /// The exit code.
    pub(crate) code: ExitCode,
}

impl Failure {
    /// A failure of the call itself.
    pub(crate) fn usage(what: impl Into<String>, now: impl Into<String>) -> Failure {
        Failure { what: what.into(), now: vec![now.into()], code: ExitCode::Usage }
    }

    /// Writes it to standard error.
    pub(crate) fn show(&self) {
        crate::screen::error(&format!("cannot {}", self.what));
        for now in &self.now {
            crate::screen::hint(now);
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Failure {
        if let EngineError::Obstacle(obstacle) = &error {
            return in_the_way(obstacle);
        }
        if let EngineError::Refused(Refusal::Dependents { steps, dependents }) = &error {
            return left_standing(&error, steps, dependents);
        }
        let (now, code): (&[&str], ExitCode) = match &error {
            EngineError::Refused(Refusal::Over { .. }) => (
                &["`tminus status last` shows how it ended; `tminus run` starts another release"],
                ExitCode::Refused,
            ),
            EngineError::Refused(_) => {
                (&["`tminus status` shows what each step waits for, and who may answer"], ExitCode::Refused)
            }
            EngineError::NoRelease(_) => {
                (&["`tminus status` lists all releases; `last` names the newest one"], ExitCode::Usage)
            }
            EngineError::ManyReleases { .. } => {
                (&["give more of its id; `last` names the newest one"], ExitCode::Usage)
            }
            EngineError::NoBlob { .. } | EngineError::Store(StoreError::BlobChanged { .. }) => (
                &[
                    "restore that file from a backup of the store's folder; its name is the SHA-256 of its bytes",
                    "the log itself is whole: `tminus log` and `tminus record --json` still tell what happened",
                ],
                ExitCode::Failed,
            ),
            EngineError::NotAvailable(_) => (
                &[
                    "these kinds come with a later version; until then do the step by hand: mark its fence {.manual}",
                    "`tminus rehearse` shows the whole plan without running anything",
                ],
                ExitCode::Usage,
            ),
            EngineError::Plan(_) => (&["`tminus check` shows where in the document"], ExitCode::Usage),
            // Handled above, with commands that name what is in the way.
            EngineError::Obstacle(_) => (&[], ExitCode::Refused),
            EngineError::Environment(_) => {
                (&["nothing was changed; other environments can be released to meanwhile"], ExitCode::Failed)
            }
            EngineError::Fold(_) => (
                &["nothing was changed; `tminus verify` on the record tells which line is damaged"],
                ExitCode::Failed,
            ),
            EngineError::Store(StoreError::Held { .. }) => (
                &[
                    "answers, holds and rollbacks need no lock: `tminus rollback --reason \"…\"` works meanwhile",
                ],
                ExitCode::Refused,
            ),
            EngineError::Store(StoreError::Damaged { .. }) => {
                (&["records that were written before still verify: `tminus verify FOLDER`"], ExitCode::Failed)
            }
            EngineError::Store(
                StoreError::NewerSchema { .. }
                | StoreError::NotOurs { .. }
                | StoreError::NetworkFileSystem { .. }
                | StoreError::ReadOnly { .. },
            ) => (&["nothing was changed there"], ExitCode::Failed),
            EngineError::Store(_) | EngineError::File { .. } => {
                (&["nothing is lost: `tminus resume` goes on where it was"], ExitCode::Failed)
            }
        };
        let what = match &error {
            EngineError::Store(store) => format!("use the store: {store}"),
            other => other.to_string(),
        };
        Failure { what, now: now.iter().map(|line| (*line).to_owned()).collect(), code }
    }
}

/// A part cannot go back by itself: what to type for each way on.
fn left_standing(error: &EngineError, steps: &[StepId], dependents: &[StepId]) -> Failure {
    let only = |steps: &mut dyn Iterator<Item = &StepId>| -> String {
        steps.map(|id| format!(" --only {id}")).collect()
    };
    let now = vec![
        format!(
            "take back both: `tminus rollback{} --reason \"…\"`",
            only(&mut steps.iter().chain(dependents))
        ),
        "or everything: `tminus rollback --reason \"…\"`".to_owned(),
        format!(
            "or, where what stands works without it: `tminus rollback{} --reason \"…\" --despite-dependents \"…\"`; the record says why",
            only(&mut steps.iter())
        ),
    ];
    Failure { what: error.to_string(), now, code: ExitCode::Refused }
}

/// What succeeded is over and cannot be turned back: what one does instead.
pub(crate) fn succeeded_already(state: &State, release: &ReleaseId) -> Option<Failure> {
    let plan = &state.program.plan;
    let (Outcome::Succeeded, _) = state.outcome.as_ref()? else { return None };
    let error = EngineError::Refused(Refusal::Over { outcome: Outcome::Succeeded.words() });
    let previous = plan.previous_version.as_deref().unwrap_or("PREVIOUS");
    let mut run = format!("tminus run {} --version {previous}", plan.document.name);
    if let Some(version) = &plan.version {
        run.push_str(&format!(" --previous-version {version}"));
    }
    let now = vec![
        format!("release the version before again: `{run}`, with the other options as they were"),
        format!("what this one did: `tminus status {release}`"),
    ];
    Some(Failure { what: error.to_string(), now, code: ExitCode::Refused })
}

/// Something stands in the way of a release: who can clear it, and how.
fn in_the_way(obstacle: &Obstacle) -> Failure {
    let now = match obstacle {
        Obstacle::Held { environment, holder } => vec![
            format!("see what it waits for: `tminus status {}`", holder.release),
            format!(
                "or end it: `tminus rollback -r {0} --reason \"…\"`, `tminus abort -r {0} --reason \"…\"`",
                holder.release
            ),
            format!("or start this one with `--wait`: it begins when {environment} is free"),
        ],
        Obstacle::Queued { environment, .. } => vec![
            format!("see who waits: `tminus status {environment}`"),
            "or wait behind them: the same command with `--wait`".to_owned(),
        ],
        Obstacle::Frozen { environment, freeze } => vec![
            match freeze.until {
                Some(until) => format!("it ends at {}; `--wait` waits for that", until.rfc3339()),
                None => format!("it ends with `tminus thaw {environment} --reason \"…\"`"),
            },
            "a hotfix may go out all the same, and the record says why: `--despite-freeze \"…\"`".to_owned(),
        ],
        Obstacle::TakenBack { left, .. } => vec![
            format!("what happened then: `tminus log {}`", left.release),
            "if the cause is gone, release it all the same with `--again`".to_owned(),
        ],
    };
    Failure { what: obstacle.to_string(), now, code: ExitCode::Refused }
}

/// A file that cannot be read or written.
pub(crate) fn file(verb: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
    let now = match error.kind() {
        std::io::ErrorKind::NotFound => "look for the name with `ls`; `tminus init` writes a first runbook",
        std::io::ErrorKind::PermissionDenied => "look at the owner and mode with `ls -l`",
        std::io::ErrorKind::IsADirectory => "it is a folder; a file is needed under that name",
        std::io::ErrorKind::InvalidData => "save the file as UTF-8, or restore it from a backup",
        std::io::ErrorKind::StorageFull => "free some space, then run the command again",
        _ => "nothing was changed",
    };
    Failure::usage(format!("{verb} {}: {error}", path.display()), now)
}
