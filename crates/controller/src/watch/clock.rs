//! The time of a watch: a wall clock that does not jump. Small differences are followed; a jump is believed once it has held.

use std::time::{Duration, Instant};

use evenkeel_fleet::watch::Sample;
use evenkeel_fleet::{Span, Timestamp};

use crate::local::now;

/// A difference below this is drift, and followed.
const DRIFT: Span = Span::from_secs(2);
/// A jump that held for this long is the new time.
const HELD_FOR: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Clock {
    base: Timestamp,
    since: Instant,
    jumped: Option<Instant>,
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock { base: now(), since: Instant::now(), jumped: None }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.base + span(self.since.elapsed())
    }

    /// A sample that came now, by this clock: whoever asked went by the wall clock, which may have jumped.
    pub(super) fn stamped(&self, sample: Sample) -> Sample {
        Sample { at: self.now() - sample.took, ..sample }
    }

    /// Looks at the wall clock, and gives the time.
    pub(super) fn follow(&mut self) -> Timestamp {
        self.look(now())
    }

    fn look(&mut self, wall: Timestamp) -> Timestamp {
        let steady = self.now();
        let apart = wall.since(steady).max(steady.since(wall));
        let held = self.jumped.is_some_and(|at| at.elapsed() >= HELD_FOR);
        if apart < DRIFT || held {
            // Never backwards by drift alone: what comes later has a later time.
            let base = if held { wall } else { wall.max(steady) };
            (self.base, self.since, self.jumped) = (base, Instant::now(), None);
        } else {
            self.jumped.get_or_insert_with(Instant::now);
        }
        self.now()
    }
}

pub(super) fn span(duration: Duration) -> Span {
    Span::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back_while_nobody_sets_the_clock() {
        let mut clock = Clock::new();
        let mut last = clock.now();
        for _ in 0..1_000 {
            let next = clock.follow();
            assert!(next >= last);
            last = next;
        }
    }

    #[test]
    fn sample_has_the_time_of_this_clock_whatever_the_wall_clock_says() {
        use evenkeel_fleet::HostId;
        use evenkeel_fleet::watch::{Answer, ProbeId, VantageId};
        let clock = Clock::new();
        let sample = Sample {
            at: clock.now() + Span::from_secs(3_600),
            probe: ProbeId("home".to_owned()),
            host: HostId::new("web-1").unwrap(),
            vantage: VantageId("here".to_owned()),
            took: Span::from_millis(40),
            answer: Answer::Up,
        };
        let stamped = clock.stamped(sample.clone());
        assert!(stamped.at <= clock.now() - sample.took && stamped.at > clock.now() - Span::from_secs(60));
        assert_eq!(Sample { at: sample.at, ..stamped }, sample);
    }

    #[test]
    fn jump_that_holds_is_followed_also_back() {
        let mut clock = Clock::new();
        let there = clock.now();
        let back = there - Span::from_secs(3_600);
        assert!(clock.look(back) >= there);
        clock.jumped = clock.jumped.and_then(|at| at.checked_sub(HELD_FOR));
        assert!(clock.look(back) < there - Span::from_secs(3_000));
    }

    #[test]
    fn a_jump_is_not_believed_at_once() {
        let mut clock = Clock::new();
        clock.base = clock.base + Span::from_secs(3_600);
        assert!(clock.follow() > now() + Span::from_secs(3_500));
        assert!(clock.jumped.is_some());
    }
}
