//! `schema`: the JSON schema of a small language, for an editor.

use tminus_runbook::schema::schema;

use crate::args::SchemaArgs;
use crate::exit_code::ExitCode;
use crate::screen;

/// `tminus schema`
pub(crate) fn run(args: &SchemaArgs) -> super::Result {
    screen::data(&format!("{:#}", schema(args.of.into())));
    Ok(ExitCode::Success)
}
