//! `explain`: the page of a code.

use tminus_runbook::check;

use crate::args::Explain;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::screen::{self, Tone, paint};

/// `tminus explain`
pub(crate) fn run(args: &Explain) -> super::Result {
    let Some(code) = &args.code else {
        for code in check::codes() {
            screen::line(&format!("{code}  {}", check::explain(code).map_or("", |page| page.title)));
        }
        return Ok(ExitCode::Success);
    };
    let code = code.to_uppercase();
    let Some(page) = check::explain(&code) else {
        return Err(Failure::usage(
            format!("explain {code}: there is no such code"),
            "`tminus explain` lists all codes",
        ));
    };
    screen::line(&paint(Tone::Strong, &format!("{code}: {}", page.title)));
    screen::line("");
    screen::line(page.why);
    for (word, tone, text) in [("wrong", Tone::Bad, page.wrong), ("right", Tone::Good, page.right)] {
        if !text.is_empty() {
            screen::line("");
            screen::line(&paint(tone, word));
            text.lines().for_each(|line| screen::line(&format!("    {line}")));
        }
    }
    if !page.source.is_empty() {
        screen::line("");
        screen::line(&paint(Tone::Faint, page.source));
    }
    Ok(ExitCode::Success)
}
