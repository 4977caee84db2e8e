//! Watching a host that fails must not be what keeps it down.

/// How many failures of each probe, in a row, make a host be asked less often.
const FAILURES_EACH: u32 = 5;
/// How many times less often, at most.
const STRETCH_MAX: u64 = 4;

/// How a host has answered lately.
#[derive(Debug)]
pub(super) struct Breaker {
    failures: u32,
    stretch: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 0, stretch: 1 }
    }
}

impl Breaker {
    /// Notes an answer of a host that has so many probes. Gives whether that ends a slower cadence.
    pub(super) fn heard(&mut self, well: bool, probes: usize) -> bool {
        if well {
            self.failures = 0;
            return std::mem::replace(&mut self.stretch, 1) > 1;
        }
        self.failures = self.failures.saturating_add(1);
        let enough = FAILURES_EACH.saturating_mul(u32::try_from(probes).unwrap_or(u32::MAX));
        if self.failures >= enough && self.stretch < STRETCH_MAX {
            self.stretch *= 2;
            self.failures = 0;
        }
        false
    }

    pub(super) fn stretch(&self) -> u64 {
        self.stretch
    }

    /// The cadence of a probe now: a multiple of its own, so that it stays on its grid.
    pub(super) fn cadence(&self, every_ms: u64, slowest_ms: u64) -> u64 {
        let most = (slowest_ms / every_ms).max(1);
        every_ms * self.stretch.min(most)
    }
}
