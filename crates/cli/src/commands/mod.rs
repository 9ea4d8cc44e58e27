//! One file for each command or family of commands. They hold no logic of their own: they read
//! arguments, call the rooms, and show what came of it.

mod adopt;
mod check;
mod demo;
mod drive;
mod environment;
mod explain;
mod init;
mod lsp;
mod plan;
mod planned;
mod record;
mod say;
mod schema;
mod source;
mod status;
mod suggest;

use clap::{CommandFactory as _, Parser as _};

use crate::args::{Cli, Command};
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// What a command comes to.
pub(crate) type Result = std::result::Result<ExitCode, Failure>;

/// Reads the command line and does what it says.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Success };
        }
    };
    match dispatch(&cli) {
        Ok(code) => code,
        Err(failure) => {
            failure.show();
            failure.code
        }
    }
}

fn dispatch(cli: &Cli) -> Result {
    let state = cli.state.as_deref();
    match &cli.command {
        Command::Init(args) => init::run(args),
        Command::Check(args) => check::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Adopt(args) => adopt::run(args),
        Command::Suggest(args) => suggest::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Lsp(args) => lsp::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Verify(args) => record::verify(args),
        Command::Completions(args) => {
            let mut out = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "tminus", &mut out);
            crate::screen::raw(&String::from_utf8_lossy(&out));
            Ok(ExitCode::Success)
        }
        Command::Rehearse(args) => wait_for(plan::rehearse(args)),
        Command::Run(args) => wait_for(drive::run(args, state)),
        Command::Resume(args) => wait_for(drive::resume(args, state)),
        Command::Status(args) => wait_for(status::status(args, state)),
        Command::Watch(args) => wait_for(status::watch(args, state)),
        Command::Log(args) => wait_for(status::log(args, state)),
        Command::Record(args) => wait_for(record::record(args, state)),
        Command::Freeze(args) => wait_for(environment::freeze(args, state)),
        Command::Thaw(args) => wait_for(environment::thaw(args, state)),
        Command::Rollback(args) => wait_for(say::rollback(args, state)),
        Command::Demo(args) => wait_for(demo::run(args)),
        other => wait_for(say::say(other, state)),
    }
}

/// Runs a future to its end on this thread. One thread is enough: steps are processes of their
/// own, and the store writes on its own thread.
fn wait_for(future: impl Future<Output = Result>) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure {
        what: format!("start: {error}"),
        now: vec!["the machine may be out of file handles; look at `ulimit -n`".to_owned()],
        code: ExitCode::Failed,
    })?;
    let result = runtime.block_on(future);
    // The thread that reads the keyboard cannot be ended; the process does not wait for it.
    runtime.shutdown_background();
    result
}
