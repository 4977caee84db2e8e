//! The time of a watch: a wall clock that does not jump. Small differences are followed; a jump is believed once it has held.

use std::time::{Duration, Instant};

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

    /// Looks at the wall clock, and gives the time.
    pub(super) fn follow(&mut self) -> Timestamp {
        let (steady, wall) = (self.now(), now());
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
    fn a_jump_is_not_believed_at_once() {
        let mut clock = Clock::new();
        clock.base = clock.base + Span::from_secs(3_600);
        assert!(clock.follow() > now() + Span::from_secs(3_500));
        assert!(clock.jumped.is_some());
    }
}
