//! Exit codes, a documented part of the product (docs/exit-codes.md).

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    /// It did what was asked; a release succeeded; a check found no error.
    Success = 0,
    /// A check found errors, a record does not verify, a rehearsal found an end without a way out.
    Findings = 1,
    /// The command line or an input cannot be used.
    Usage = 2,
    /// The release was rolled back.
    RolledBack = 3,
    /// The release was declined or aborted.
    Declined = 4,
    /// The release waits for people and this process left it.
    OnHold = 5,
    /// The release is stuck: a person must decide.
    Stuck = 6,
    /// What a person wanted was refused.
    Refused = 7,
    /// The store or the system failed.
    Failed = 70,
    /// Ended by a signal; the release can be resumed.
    Interrupted = 130,
}

/// Ends the process: the one place that does.
#[expect(clippy::disallowed_methods, reason = "the one home of exit")]
pub(crate) fn leave(code: ExitCode) -> ! {
    std::process::exit(code as i32)
}
