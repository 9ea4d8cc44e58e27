//! `suggest`: the annotated version of a verbatim document, as a patch that is applied on a yes.

use tminus_runbook::edit;
use tminus_runbook::patch;
use tminus_runbook::suggest::{SuggestError, Suggestion, suggest};

use crate::args::Suggest;
use crate::commands::check::{fix, settings_beside};
use crate::commands::source;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::screen;

/// `tminus suggest`
pub(crate) fn run(args: &Suggest) -> super::Result {
    let text = source::read(&args.runbook)?;
    let (settings, _) = settings_beside(&args.runbook)?;
    let name = args.runbook.display().to_string();
    let suggestion = suggest(&text, &name, &settings, args.phase.as_deref()).map_err(|error| {
        let SuggestError::NoPhase { phases, .. } = &error;
        let mut now = vec!["name one of these by its number or a part of its title:".to_owned()];
        now.extend(phases.iter().cloned());
        Failure { what: format!("suggest for {name}: {error}"), now, code: ExitCode::Usage }
    })?;
    let shown = patch::unified(&text, &suggestion.splices, &name);
    if shown.is_empty() {
        say(&format!("{name}: there is nothing to write; every block is decided about"));
        remain(&name, &suggestion);
        return Ok(exit_code(&suggestion));
    }
    let blocks = suggestion.blocks;
    let question = format!("Annotate {blocks} block{} of {name}?", if blocks == 1 { "" } else { "s" });
    if fix::offer(&shown, &question, args.yes) {
        fix::write(&args.runbook, &text, &edit::apply(&text, &suggestion.splices))?;
    }
    remain(&name, &suggestion);
    Ok(exit_code(&suggestion))
}

/// Tells what only a person can settle. Beside a patch that is piped somewhere this goes to
/// standard error.
fn remain(name: &str, suggestion: &Suggestion) {
    for question in &suggestion.questions {
        say(&format!("{name}:{}: {}", question.line, question.text));
    }
    for found in &suggestion.left {
        let line = source::one_line(&format!("{name} (as suggested)"), found);
        say(&match &found.help {
            Some(help) => format!("{line}\n    now: {help}"),
            None => line,
        });
    }
    say(&match suggestion.left.len() {
        0 => "with this, nothing that was looked at is in the way of an unattended plan".to_owned(),
        1 => "one fault is then still in the way of an unattended plan".to_owned(),
        many => format!("{many} faults are then still in the way of an unattended plan"),
    });
    say("`tminus check` tells what would hurt besides; `tminus rehearse` goes through the whole of it");
}

fn say(text: &str) {
    if screen::is_terminal() {
        screen::line(text);
    } else {
        screen::note(text);
    }
}

fn exit_code(suggestion: &Suggestion) -> ExitCode {
    if suggestion.left.is_empty() { ExitCode::Success } else { ExitCode::Findings }
}
