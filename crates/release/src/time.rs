//! Points in time and spans of time, as plain numbers that only the engine may produce.

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
///
/// Milliseconds are enough for people and timers, and an integer keeps the log exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub u64);

impl Moment {
    /// Returns the moment `span` later; saturates at the end of representable time.
    pub fn plus(self, span: Span) -> Moment {
        Moment(self.0.saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX)))
    }

    /// Returns the time from `earlier` to this moment; zero when `earlier` is later.
    pub fn since(self, earlier: Moment) -> Span {
        Span(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Writes the moment as RFC 3339 in UTC with milliseconds, such as `2026-11-20T09:30:00.000Z`.
    pub fn rfc3339(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => format!("{timestamp:.3}"),
            Err(_) => format!("{} ms", self.0),
        }
    }
}

impl Moment {
    /// Writes the moment for file names, `20261120-093000`, in UTC: one such stamp serves a whole release.
    pub fn stamp(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => timestamp.strftime("%Y%m%d-%H%M%S").to_string(),
            Err(_) => self.0.to_string(),
        }
    }

    /// Writes the time of day in UTC: `09:30:00`.
    pub fn time_of_day(self) -> String {
        let seconds = self.0.div_euclid(1000).rem_euclid(24 * 60 * 60);
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

impl Span {
    /// A span that means "no limit was needed": about 292 million years.
    pub const FOREVER: Span = Span(i64::MAX as u64);

    /// Builds a span from whole seconds.
    pub const fn seconds(seconds: u64) -> Span {
        Span(seconds.saturating_mul(1000))
    }

    /// Builds a span from whole minutes.
    pub const fn minutes(minutes: u64) -> Span {
        Span::seconds(minutes.saturating_mul(60))
    }

    /// Builds a span from whole hours.
    pub const fn hours(hours: u64) -> Span {
        Span::minutes(hours.saturating_mul(60))
    }
}

impl std::fmt::Display for Span {
    /// Writes the span the way people write it in a runbook: `4h`, `1h 30m`, `2m 5s`, `1.5s`, `30ms`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = self.0;
        if milliseconds < 1000 {
            return write!(f, "{milliseconds}ms");
        }
        let seconds = milliseconds / 1000;
        if seconds < 10 && !milliseconds.is_multiple_of(1000) {
            return write!(f, "{:.1}s", milliseconds as f64 / 1000.0);
        }
        let parts = [
            (seconds / 86400, "d"),
            (seconds / 3600 % 24, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
        ];
        let text: Vec<String> = parts
            .iter()
            .skip_while(|(n, _)| *n == 0)
            .take(2)
            .filter(|(n, _)| *n > 0)
            .map(|(n, unit)| format!("{n}{unit}"))
            .collect();
        f.write_str(&text.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        let table = [
            (0, "0ms"),
            (30, "30ms"),
            (1500, "1.5s"),
            (2000, "2s"),
            (125_000, "2m 5s"),
            (14_400_000, "4h"),
            (5_400_000, "1h 30m"),
            (86_400_000, "1d"),
            (90_061_000, "1d 1h"),
        ];
        for (milliseconds, text) in table {
            assert_eq!(Span(milliseconds).to_string(), text);
        }
    }

    #[test]
    fn time_never_overflows() {
        assert_eq!(Moment(i64::MAX).plus(Span::FOREVER), Moment(i64::MAX));
        assert_eq!(Moment(5).since(Moment(9)), Span(0));
        assert_eq!(Moment(0).rfc3339(), "1970-01-01T00:00:00.000Z");
        for moment in [-1, 0, 999, 1000, 86_399_999, 86_400_000, 1_795_000_000_123] {
            assert_eq!(Moment(moment).time_of_day(), Moment(moment).rfc3339()[11..19], "{moment}");
        }
    }
}
