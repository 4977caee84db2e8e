//! Time as the caller tells it. Nothing here reads a clock.

use std::fmt;
use std::ops::{Add, Sub};

/// Clocks of two processes of one machine, and what a clock is corrected by, are not as far apart as this.
const SET_BACK: Span = Span::from_secs(60);

/// A moment: milliseconds since 1970-01-01 00:00 UTC.
///
/// A wall clock may jump. Where a promise hangs on time the host counts on a clock that does not
/// ([`crate::apply::Boottime`]); a loop should pass in its start time plus what a steady clock has counted since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `ms` milliseconds after the epoch.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whether so long has passed since then. What lies ahead by more than a minute is of a clock that was set back since: nobody
    /// knows how long ago it was, and it has passed.
    #[must_use]
    pub const fn has_passed(self, span: Span, now: Self) -> bool {
        self.is_of_another_clock(now) || now.since(self).0 >= span.0
    }

    /// Whether it lies so far ahead that the clock was set back since.
    #[must_use]
    pub const fn is_of_another_clock(self, now: Self) -> bool {
        self.since(now).0 > SET_BACK.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `ms` milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// A span of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Its milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Both together, or the longest span there is.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// As people say it: `340 ms`, `2.5 s`, `4 min 10 s`, `2 h 30 min`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ms, secs) = (self.0, self.0 / 1000);
        match ms {
            0..1_000 => write!(f, "{ms} ms"),
            1_000..60_000 if (ms / 100).is_multiple_of(10) => write!(f, "{secs} s"),
            1_000..60_000 => write!(f, "{secs}.{} s", ms / 100 % 10),
            60_000..3_600_000 if secs.is_multiple_of(60) => write!(f, "{} min", secs / 60),
            60_000..3_600_000 => write!(f, "{} min {} s", secs / 60, secs % 60),
            _ if (secs / 60).is_multiple_of(60) => write!(f, "{} h", secs / 3600),
            _ => write!(f, "{} h {} min", secs / 3600, secs / 60 % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_reads_as_people_say_it() {
        let shown = |ms| Span::from_millis(ms).to_string();
        assert_eq!(shown(0), "0 ms");
        assert_eq!(shown(999), "999 ms");
        assert_eq!(shown(1_000), "1 s");
        assert_eq!(shown(2_540), "2.5 s");
        assert_eq!(shown(59_999), "59.9 s");
        assert_eq!(shown(60_000), "1 min");
        assert_eq!(shown(250_000), "4 min 10 s");
        assert_eq!(shown(7_200_000), "2 h");
        assert_eq!(shown(9_000_000), "2 h 30 min");
    }

    #[test]
    fn a_clock_that_jumped_back_gives_no_negative_time() {
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Span::ZERO);
        assert_eq!(Timestamp::from_millis(5) - Span::from_secs(1), Timestamp::from_millis(0));
        assert_eq!(Timestamp::from_millis(u64::MAX) + Span::from_secs(1), Timestamp::from_millis(u64::MAX));
    }
}
