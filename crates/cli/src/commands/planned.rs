//! The document as it stands here, beside the one that a release was planned from and goes by.

use std::path::Path;

use tminus_engine::EngineError;
use tminus_engine::export::text_hash;
use tminus_engine::open::Engine;
use tminus_release::{State, people};

use super::source;
use crate::exit_code::ExitCode;
use crate::failure::{self, Failure};
use crate::screen;

/// Tells whether a text is what a release was planned from. Boxes may have been ticked since: by
/// `tick --write`, or by somebody who works with the page.
async fn is_as_planned(engine: &Engine, state: &State, text: &str) -> Result<bool, Failure> {
    let planned = &state.program.plan.document.sha256;
    if text_hash(text) == *planned {
        return Ok(true);
    }
    let kept = engine.store.get_blob(planned).await.map_err(EngineError::from)?;
    let cleared = |text: &str| text.replace("[x]", "[ ]").replace("[X]", "[ ]");
    Ok(kept.is_some_and(|kept| cleared(&String::from_utf8_lossy(&kept)) == cleared(text)))
}

/// Says so when somebody has edited the document meanwhile, who may wait for that to take effect. Nothing
/// when it is not in this folder, or the release has ended.
pub(crate) async fn edited(engine: &Engine, state: &State) -> Option<String> {
    let name = &state.program.plan.document.name;
    if state.outcome.is_some() {
        return None;
    }
    let text = source::read_beside(Path::new(name)).ok().flatten()?;
    let is_edited = !is_as_planned(engine, state, &text).await.ok()?;
    is_edited.then(|| {
        format!(
            "{name} was edited since this release was planned. It goes on as planned; the edit counts from the next `tminus run` on."
        )
    })
}

/// Ticks or unticks exactly one box of the document: the byte between the brackets.
pub(crate) async fn tick(
    engine: &Engine,
    state: &State,
    step: &str,
    runbook: &Path,
    ticked: bool,
) -> super::Result {
    let id = people::find_step(state, step).map_err(EngineError::from)?;
    let line = state.program.plan.step(&id).map_or(0, |step| step.line);
    let text = source::read(runbook)?;
    if !is_as_planned(engine, state, &text).await? {
        let what = format!(
            "tick the box in {}: the file has changed since the release was planned",
            runbook.display()
        );
        return Err(Failure::usage(
            what,
            "the tick is in the release's log all the same; tick the box by hand if you want it in the file",
        ));
    }
    let start = text.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum::<usize>();
    let end = text[start..].find('\n').map_or(text.len(), |end| start + end);
    let (from, to) = if ticked { ("[ ]", "x") } else { ("[x]", " ") };
    let Some(at) = text[start..end].find(from).map(|at| start + at + 1) else { return Ok(ExitCode::Success) };
    let mut changed = text;
    changed.replace_range(at..=at, to);
    std::fs::write(runbook, changed).map_err(|error| failure::file("write", runbook, &error))?;
    screen::line(&format!("{}:{line}: box {}", runbook.display(), if ticked { "ticked" } else { "cleared" }));
    Ok(ExitCode::Success)
}
