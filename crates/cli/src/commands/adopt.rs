//! `adopt`: the sidecar in which a team decides about the blocks of a verbatim document.

use tminus_release::plan::Mode;
use tminus_runbook::adopt;
use tminus_runbook::compile::{Request, compile};

use crate::args::Adopt;
use crate::commands::source;
use crate::exit_code::ExitCode;
use crate::failure::{self, Failure};
use crate::screen;

/// `tminus adopt`
pub(crate) fn run(args: &Adopt) -> super::Result {
    let text = source::read(&args.runbook)?;
    let name = args.runbook.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let compiled =
        compile(&text, &Request { name: name.clone(), mode: Mode::Assisted, ..Request::default() });
    let sidecar = adopt::write(&adopt::draft(&compiled.outline, &name));
    if args.dry_run {
        screen::raw(&sidecar);
        return Ok(ExitCode::Success);
    }
    let path = source::adoption_path(&args.runbook);
    if path.exists() {
        return Err(Failure::usage(
            format!("write {}: it is there already, with your decisions in it", path.display()),
            format!("compare with `tminus adopt {} --dry-run`", args.runbook.display()),
        ));
    }
    std::fs::write(&path, sidecar).map_err(|error| failure::file("write", &path, &error))?;
    screen::line(&format!("{}: look at each block and decide: run, manual, example", path.display()));
    screen::line("it is reviewed like code; one changed byte in a block drops that block back to proposed");
    Ok(ExitCode::Success)
}
