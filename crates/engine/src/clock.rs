//! The only place that reads the time.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tminus_release::time::{Moment, Span};

/// Time as an input.
pub trait Clock: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Moment;
    /// Time since some fixed point, which nobody can set and which goes on while the machine
    /// sleeps. Comparing it with [`Clock::now`] shows that the clock was set.
    fn steady(&self) -> Span;
    /// Returns at `at` or a little later.
    fn sleep_until(&self, at: Moment) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one home of the time of day")]
    fn now(&self) -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn steady(&self) -> Span {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let milliseconds = u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000;
        Span(seconds * 1000 + milliseconds)
    }

    fn sleep_until(&self, at: Moment) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // Looks again at least once a minute: a clock that was set, or a machine that slept,
        // would otherwise make one long sleep end at the wrong time.
        let wait = at.since(self.now()).0.min(60_000);
        Box::pin(tokio::time::sleep(Duration::from_millis(wait)))
    }
}

/// A clock that stands still until somebody waits, and then jumps there. For rehearsals and
/// simulations: a soak of a day takes no time.
#[derive(Debug)]
pub struct JumpClock(AtomicI64);

impl JumpClock {
    /// Starts at a moment.
    pub fn at(moment: Moment) -> JumpClock {
        JumpClock(AtomicI64::new(moment.0))
    }

    /// Sets the clock.
    pub fn set(&self, moment: Moment) {
        self.0.store(moment.0, Ordering::SeqCst);
    }
}

impl Clock for JumpClock {
    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::SeqCst))
    }

    fn steady(&self) -> Span {
        Span(u64::try_from(self.now().0).unwrap_or(0))
    }

    fn sleep_until(&self, at: Moment) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // Whatever is ready to run goes first; time passes only when nothing else does.
            for _ in 0..16 {
                tokio::task::yield_now().await;
            }
            self.0.fetch_max(at.0, Ordering::SeqCst);
        })
    }
}
