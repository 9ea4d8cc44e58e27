//! From a state to the value that the hands act on, and from their report back to an event.

use std::path::PathBuf;

use tminus_release::event::{Carried, Finished, Output, Purpose, Verdict};
use tminus_release::plan::{Action, Resume, Step, Work};
use tminus_release::program::Track;
use tminus_release::time::Moment;
use tminus_release::{ReleaseId, State, context};
use tminus_steps::{Job, Report};

/// Where a process keeps things and runs steps.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder that steps start in: the runbook's own.
    pub work: PathBuf,
    /// The folder for what attempts leave until their outcomes are on the disk.
    pub scratch: PathBuf,
}

/// Finds the step whose action an attempt performs.
pub(crate) fn acting_step(state: &State, index: usize, purpose: Purpose) -> Option<&Step> {
    let plan = &state.program.plan;
    let step = &plan.steps[index];
    match purpose {
        Purpose::Forward => Some(step),
        Purpose::Undo => state.program.undo_of(index).map(|undo| &plan.steps[undo]),
        Purpose::Verify => match &step.resume {
            Resume::Verify(check) => plan.step(check),
            _ => None,
        },
    }
}

/// Builds the job of an attempt. None when there is nothing that the hands could do.
pub(crate) fn build(
    state: &State,
    release: &ReleaseId,
    places: &Places,
    index: usize,
    purpose: Purpose,
    attempt: u32,
    now: Moment,
) -> Option<Job> {
    let step = acting_step(state, index, purpose)?;
    let Work::Act(action) = &step.work else { return None };
    let context = context::of_step(state, release, index);
    let name: String = format!("{}.{}.{attempt}", state.program.plan.steps[index].id, purpose.word())
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@') { c } else { '_' })
        .collect();
    let mut folder = context.folder.map_or_else(|| places.work.clone(), PathBuf::from);
    if matches!(action, Action::Notify(_)) {
        // A message's file is named in the settings, which do not know where a step went.
        folder.clone_from(&places.work);
    }
    let mut secrets = context.secrets;
    if let Action::Shell(shell) = action {
        // The folder of a step on another host is there; `ssh` itself starts where the phase stands.
        if let Some(own) = shell.folder.as_ref().filter(|_| !shell.is_far()) {
            folder = places.work.join(own);
        }
        if let Some(address) = shell.database.as_ref().and_then(|name| state.program.plan.address(step, name))
        {
            secrets.insert(tminus_steps::database::ADDRESS.to_owned(), address.to_owned());
        }
    }
    Some(Job {
        release: release.clone(),
        step: state.program.plan.steps[index].id.0.clone(),
        purpose: purpose.word(),
        attempt,
        action: action.clone(),
        variables: context.variables,
        removed: context.removed,
        is_way_back: purpose == Purpose::Undo || state.program.track(index) == Track::Rollback,
        secrets,
        folder,
        scratch: scratch(places, release).join(shorten(name)),
        timeout: step.timeout,
        output_limit_bytes: step.output_limit_bytes,
        channels: state.program.plan.channels.clone(),
        message: match action {
            Action::Notify(_) => context::facts(state, release, index, now),
            _ => serde_json::Value::Null,
        },
    })
}

/// The folder for the files of all attempts of a release.
pub(crate) fn scratch(places: &Places, release: &ReleaseId) -> PathBuf {
    places.scratch.join(&release.0)
}

/// File names are limited to 255 bytes; ids made of long headings are not.
fn shorten(name: String) -> String {
    if name.len() <= 150 {
        return name;
    }
    let hash = tminus_release::audit::line_hash(&name);
    format!("{}-{}", &name[..100], &hash[..16])
}

/// Tells whether a look at what came of a step says neither yes nor no. Programs say no with 1, and curl's `-f`
/// with 22; everything else is a look that could not look (curl's 7 for no connection, psql's 2, 127 for a
/// program that is not there). Taken for a no, it would have an effect repeated that took place.
pub(crate) fn says_nothing(report: &Report) -> bool {
    match report.verdict {
        tminus_steps::Verdict::Unknown => true,
        tminus_steps::Verdict::Failed => report.exit_code.is_some_and(|code| !matches!(code, 1 | 22)),
        _ => false,
    }
}

/// Turns a report into what is recorded; the output has become a blob already.
pub(crate) fn finished(report: Report, blob: Option<String>) -> Finished {
    Finished {
        verdict: match report.verdict {
            tminus_steps::Verdict::Passed => Verdict::Passed,
            tminus_steps::Verdict::Failed => Verdict::Failed,
            tminus_steps::Verdict::TimedOut => Verdict::TimedOut,
            // The log has an event of its own for what nobody knows.
            tminus_steps::Verdict::Cancelled | tminus_steps::Verdict::Unknown => Verdict::Cancelled,
        },
        detail: report.detail,
        exit_code: report.exit_code,
        output: blob.map(|blob| Output { blob, bytes: report.output_bytes }),
        carried: report.carried.map(|carried| Carried {
            folder: carried.folder.map(|folder| folder.to_string_lossy().into_owned()),
            set: carried.set,
            removed: carried.removed,
        }),
        outputs: report.outputs,
        leftovers: report.leftovers,
        never_began: false,
    }
}
