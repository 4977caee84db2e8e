//! Time as a place on paper.

use evenkeel_fleet::{Span, Timestamp};

/// The distances between two ticks that people read easily, in seconds.
const STEPS: [u64; 21] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
    172_800, 604_800, 2_592_000,
];
/// At most so many ticks.
const TICKS_MAX: u64 = 8;

/// A time axis: from a moment at one place to a moment at another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    from: Timestamp,
    until: Timestamp,
    left: f64,
    right: f64,
}

impl Axis {
    /// The axis between two moments. One that would be empty is made a second long.
    #[must_use]
    pub fn new(from: Timestamp, until: Timestamp, left: f64, right: f64) -> Self {
        let until = until.max(from + Span::from_secs(1));
        Self { from, until, left, right }
    }

    /// Where a moment stands; a moment outside stands at the end that it is beyond.
    #[must_use]
    pub fn x(&self, at: Timestamp) -> f64 {
        let at = at.clamp(self.from, self.until);
        let part = millis(at.since(self.from)) / millis(self.until.since(self.from));
        self.left + part * (self.right - self.left)
    }

    /// Whether a moment is on it.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        (self.from..=self.until).contains(&at)
    }

    /// Where ticks stand: on whole steps, eight at most.
    #[must_use]
    pub fn ticks(&self) -> Vec<Timestamp> {
        let length = self.until.since(self.from).as_millis();
        let fits = |step: &&u64| length / (**step * 1_000) < TICKS_MAX;
        let step = STEPS.iter().find(fits).map_or(length.max(1), |step| step * 1_000);
        let first = self.from.as_millis().div_ceil(step);
        let last = self.until.as_millis() / step;
        (first..=last).map(|tick| Timestamp::from_millis(tick * step)).collect()
    }
}

/// Exact for every span below 285,000 years.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of an incident are far below 2^53")]
fn millis(span: Span) -> f64 {
    span.as_millis() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000)
    }

    #[test]
    fn moment_stands_where_its_share_of_the_time_is() {
        let axis = Axis::new(at(0), at(100), 200.0, 1_000.0);
        assert_eq!(axis.x(at(0)), 200.0);
        assert_eq!(axis.x(at(25)), 400.0);
        assert_eq!(axis.x(at(100)), 1_000.0);
        assert_eq!(axis.x(at(7_000)), 1_000.0, "what is beyond the end stands at the end");
        assert!(!axis.holds(at(101)) && axis.holds(at(100)));
    }

    #[test]
    fn ticks_are_few_whole_and_on_the_axis() {
        for length in [1, 3, 20, 61, 3_599, 7_200, 100_000, 10_000_000] {
            let axis = Axis::new(at(7), at(7 + length), 0.0, 100.0);
            let ticks = axis.ticks();
            assert!((1..=9).contains(&ticks.len()), "{length} s: {} ticks", ticks.len());
            assert!(
                ticks.iter().all(|tick| axis.holds(*tick) && tick.as_millis() % 1_000 == 0),
                "{length} s"
            );
            assert!(ticks.is_sorted());
        }
    }

    #[test]
    fn axis_without_length_is_still_one() {
        let axis = Axis::new(at(5), at(5), 0.0, 10.0);
        assert_eq!(axis.x(at(5)), 0.0);
        assert!(axis.x(at(6)).is_finite());
    }
}
