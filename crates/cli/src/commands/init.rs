//! `init`: a first runbook that checks clean and runs as it is.

use crate::args::Init;
use crate::exit_code::ExitCode;
use crate::failure::{self, Failure};
use crate::screen;

/// The runbook that `init` writes: it runs as it is, so that the first try succeeds.
const RUNBOOK: &str = include_str!("../../templates/release-runbook.md");
/// The settings that `init` writes.
const SETTINGS: &str = include_str!("../../templates/tminus.toml");

/// `tminus init`
pub(crate) fn run(args: &Init) -> super::Result {
    let settings = args.runbook.with_file_name("tminus.toml");
    for path in [&args.runbook, &settings] {
        if path.exists() {
            let what = format!("write {}: it is there already", path.display());
            return Err(Failure::usage(what, "name another file: `tminus init docs/release.md`"));
        }
    }
    if let Some(folder) = args.runbook.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| failure::file("write", folder, &error))?;
    }
    std::fs::write(&args.runbook, RUNBOOK).map_err(|error| failure::file("write", &args.runbook, &error))?;
    std::fs::write(&settings, SETTINGS).map_err(|error| failure::file("write", &settings, &error))?;
    let runbook = args.runbook.display();
    screen::line(&format!("{runbook}   a first runbook; make it yours"));
    screen::line(&format!("{}        people, addresses, channels of this place", settings.display()));
    screen::line("");
    screen::line(&format!("tminus check {runbook}"));
    screen::line(&format!("tminus plan {runbook} --version v1.0.0"));
    screen::line(&format!("tminus run {runbook} --version v1.0.0"));
    Ok(ExitCode::Success)
}
