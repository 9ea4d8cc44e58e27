//! The life of a step: one total function from (life, happening) to the next life.
//!
//! Doing a step and undoing it live by the same table, each on a track of its own. Every pair
//! that is not in the table is an error that names both, because it would mean that the log and
//! this program disagree about what happened, which nobody may paper over.

use std::fmt;

/// Where a step stands on one track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Life {
    /// Nothing happened yet.
    #[default]
    Pending,
    /// A person was asked.
    Asked,
    /// Cleared to start.
    Ready,
    /// An attempt is under way.
    Running,
    /// A soak or watch is open.
    Waiting,
    /// The last attempt failed.
    Failed,
    /// An attempt began and nobody knows how it ended.
    Unknown,
    /// The verification of an unknown outcome is under way.
    Verifying,
    /// Done.
    Passed,
    /// Done by a person.
    ByHand,
    /// Left out, with a reason.
    Skipped,
    /// A person said no.
    Declined,
}

/// What can happen on a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// A person was asked.
    Asked,
    /// A person said: run it.
    SaidRun,
    /// A person said: it is done.
    SaidDone,
    /// A person said: leave it out.
    SaidSkip,
    /// A person said: again.
    SaidRetry,
    /// A person said no.
    SaidStop,
    /// The item holds or the quorum is complete.
    Granted,
    /// What was granted no longer counts.
    Lapsed,
    /// A timer began.
    TimerStarted,
    /// A timer ended well.
    TimerElapsed,
    /// An attempt began.
    Started,
    /// The attempt passed.
    Passed,
    /// The attempt failed, ran out of time or was ended.
    Failed,
    /// The outcome of the attempt is unknown.
    Lost,
    /// A verification began.
    VerifyStarted,
    /// The verification found the effect.
    VerifyPassed,
    /// The verification found that there was no effect.
    VerifyFailed,
}

/// A happening that a track cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("take {happening:?} while the step is {life:?}")]
pub struct Illegal {
    /// Where the track stood.
    pub life: Life,
    /// What was said to have happened.
    pub happening: Happening,
}

/// Returns the life after `happening`.
///
/// # Errors
/// The pair, when it is not in the table.
pub fn next(life: Life, happening: Happening) -> Result<Life, Illegal> {
    use Happening as H;
    use Life as L;
    Ok(match (life, happening) {
        (L::Pending, H::Asked) => L::Asked,
        (L::Asked, H::SaidRun) => L::Ready,
        (L::Pending | L::Asked | L::Ready | L::Failed | L::Unknown, H::SaidDone) => L::ByHand,
        (L::Pending | L::Asked | L::Ready | L::Failed | L::Unknown | L::Waiting, H::SaidSkip) => L::Skipped,
        // A passed check may be run again: its new result replaces the old one.
        (L::Failed | L::Unknown | L::Passed, H::SaidRetry) => L::Ready,
        (L::Pending | L::Asked | L::Ready | L::Failed | L::Unknown | L::Waiting, H::SaidStop) => L::Declined,
        (L::Pending | L::Asked, H::Granted) => L::Passed,
        (L::Asked | L::Passed, H::Lapsed) => L::Pending,
        (L::Pending, H::TimerStarted) => L::Waiting,
        (L::Waiting, H::TimerElapsed) => L::Passed,
        // Failed and Unknown start again by the step's retry and resume rules.
        (L::Pending | L::Ready | L::Failed | L::Unknown, H::Started) => L::Running,
        (L::Running, H::Passed) => L::Passed,
        (L::Running, H::Failed) => L::Failed,
        (L::Running, H::Lost) => L::Unknown,
        (L::Unknown, H::VerifyStarted) => L::Verifying,
        (L::Verifying, H::VerifyPassed) => L::Passed,
        (L::Verifying, H::VerifyFailed) => L::Ready,
        (L::Verifying, H::Lost) => L::Unknown,
        (life, happening) => return Err(Illegal { life, happening }),
    })
}

impl Life {
    /// Every life, for tables and tests.
    pub const ALL: [Life; 12] = [
        Life::Pending,
        Life::Asked,
        Life::Ready,
        Life::Running,
        Life::Waiting,
        Life::Failed,
        Life::Unknown,
        Life::Verifying,
        Life::Passed,
        Life::ByHand,
        Life::Skipped,
        Life::Declined,
    ];

    /// Tells whether the steps after this one may start.
    pub fn is_settled(self) -> bool {
        matches!(self, Life::Passed | Life::ByHand | Life::Skipped)
    }

    /// Tells whether it was done, by tminus or by a person.
    pub fn is_done(self) -> bool {
        matches!(self, Life::Passed | Life::ByHand)
    }

    /// Tells whether an attempt is under way.
    pub fn is_active(self) -> bool {
        matches!(self, Life::Running | Life::Verifying)
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Life::Pending => "pending",
            Life::Asked => "waiting for a person",
            Life::Ready => "ready",
            Life::Running => "running",
            Life::Waiting => "waiting for time",
            Life::Failed => "failed",
            Life::Unknown => "unknown",
            Life::Verifying => "verifying",
            Life::Passed => "done",
            Life::ByHand => "done by hand",
            Life::Skipped => "skipped",
            Life::Declined => "declined",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Happening as H;

    const HAPPENINGS: [H; 17] = [
        H::Asked,
        H::SaidRun,
        H::SaidDone,
        H::SaidSkip,
        H::SaidRetry,
        H::SaidStop,
        H::Granted,
        H::Lapsed,
        H::TimerStarted,
        H::TimerElapsed,
        H::Started,
        H::Passed,
        H::Failed,
        H::Lost,
        H::VerifyStarted,
        H::VerifyPassed,
        H::VerifyFailed,
    ];

    #[test]
    fn nothing_starts_twice_and_nothing_undecided_starts() {
        for life in Life::ALL {
            let starts = next(life, H::Started).is_ok();
            let may = matches!(life, Life::Pending | Life::Ready | Life::Failed | Life::Unknown);
            assert_eq!(starts, may, "{life:?}");
        }
    }

    #[test]
    fn a_no_is_final() {
        for happening in HAPPENINGS {
            assert!(next(Life::Declined, happening).is_err(), "{happening:?}");
        }
    }

    #[test]
    fn every_life_but_a_settled_or_declined_one_has_a_way_on() {
        for life in Life::ALL {
            let ways = HAPPENINGS.iter().filter(|happening| next(life, **happening).is_ok()).count();
            let end = matches!(life, Life::ByHand | Life::Skipped | Life::Declined);
            assert_eq!(ways == 0, end, "{life:?} has {ways} ways on");
        }
    }

    #[test]
    fn an_illegal_pair_names_both() {
        let error = next(Life::Skipped, H::Started).expect_err("not in the table");
        assert_eq!(error.to_string(), "take Started while the step is Skipped");
    }
}
