//! When to ask what: a cadence that is kept, without herds, piles or drift.
//!
//! Pure: whoever calls passes the time in, in milliseconds of a clock that never jumps, and does the asking. Its invariants:
//!
//! * A probe is due at `phase + n * every`, for ever the same phase: a late one makes none of its followers late.
//! * One question of a probe is under way at a time. What falls due meanwhile is counted as skipped and not made up for.
//! * Never more under way than [`Rules`] allow: in all, to one host, and in a moment to one host.
//! * Where a host only fails, its probes come less often, never more often; one good answer ends that.

mod breaker;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use breaker::Breaker;

/// How much may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Questions under way, in all.
    pub in_flight_max: usize,
    /// Questions under way to one host.
    pub per_host_max: usize,
    /// How long after a question to a host the next one to it may begin, in milliseconds.
    pub host_spacing_ms: u64,
    /// The slowest cadence that a failing host is asked at, in milliseconds; a probe that is slower by itself keeps its own.
    pub slowest_ms: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { in_flight_max: 512, per_host_max: 32, host_spacing_ms: 5, slowest_ms: 30_000 }
    }
}

/// How often something is asked, and of which host (any number that names it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed {
    /// The host.
    pub host: usize,
    /// The cadence, in milliseconds; at least one.
    pub every_ms: u64,
}

/// A question that begins now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Which probe, by its place in the list.
    pub probe: usize,
    /// When it was due.
    pub due_ms: u64,
    /// How much later it begins.
    pub late_ms: u64,
}

/// What happened so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Questions begun.
    pub started: u64,
    /// Questions that fell due while the one before was still under way, or had to wait.
    pub skipped: u64,
}

#[derive(Debug)]
struct Probe {
    host: usize,
    every_ms: u64,
    phase_ms: u64,
    due_ms: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Waiting { due_ms: u64 },
    UnderWay,
}

#[derive(Debug)]
struct Host {
    probes: Vec<usize>,
    waiting: VecDeque<usize>,
    under_way: usize,
    free_at_ms: u64,
    /// Whether it stands in the queue of hosts that may be asked.
    queued: bool,
    breaker: Breaker,
}

/// A list of probes and when they are due.
#[derive(Debug)]
pub struct Schedule {
    rules: Rules,
    probes: Vec<Probe>,
    hosts: Vec<Host>,
    due: BinaryHeap<Reverse<(u64, usize)>>,
    ready: BinaryHeap<Reverse<(u64, usize)>>,
    under_way: usize,
    counts: Counts,
}

impl Schedule {
    /// Spreads `probes` over their cadence, beginning now. `seed` shifts all of it, so that two vantages do not ask at once.
    #[must_use]
    pub fn new(rules: Rules, probes: &[Timed], seed: u64, now_ms: u64) -> Schedule {
        let hosts = probes.iter().map(|probe| probe.host + 1).max().unwrap_or(0);
        let mut schedule = Schedule {
            rules,
            probes: Vec::with_capacity(probes.len()),
            hosts: (0..hosts).map(|_| Host::new()).collect(),
            due: BinaryHeap::with_capacity(probes.len()),
            ready: BinaryHeap::new(),
            under_way: 0,
            counts: Counts::default(),
        };
        for (at, timed) in probes.iter().enumerate() {
            let every_ms = timed.every_ms.max(1);
            let phase_ms = now_ms + phase(seed, at as u64, every_ms);
            schedule.hosts[timed.host].probes.push(at);
            schedule.probes.push(Probe {
                host: timed.host,
                every_ms,
                phase_ms,
                due_ms: phase_ms,
                state: State::Idle,
            });
            schedule.due.push(Reverse((phase_ms, at)));
        }
        schedule
    }

    /// When to call [`Schedule::start`] again, unless a question ends before. `None`: only an end can bring something.
    #[must_use]
    pub fn wake_at_ms(&self) -> Option<u64> {
        let due = self.due.peek().map(|Reverse((at, _))| *at);
        let room = self.under_way < self.rules.in_flight_max;
        let ready = self.ready.peek().map(|Reverse((at, _))| *at).filter(|_| room);
        due.into_iter().chain(ready).min()
    }

    /// The next question to begin now; call it until there is none.
    pub fn start(&mut self, now_ms: u64) -> Option<Start> {
        self.collect_due(now_ms);
        if self.under_way >= self.rules.in_flight_max {
            return None;
        }
        let Reverse((_, host)) = *self.ready.peek().filter(|Reverse((at, _))| *at <= now_ms)?;
        self.ready.pop();
        self.hosts[host].queued = false;
        let probe =
            self.hosts[host].waiting.pop_front().expect("a host is ready only while something waits for it");
        let State::Waiting { due_ms } = self.probes[probe].state else { unreachable!("it waits") };
        self.probes[probe].state = State::UnderWay;
        self.under_way += 1;
        self.counts.started += 1;
        self.hosts[host].under_way += 1;
        self.hosts[host].free_at_ms = now_ms + self.rules.host_spacing_ms;
        self.queue(host);
        Some(Start { probe, due_ms, late_ms: now_ms - due_ms })
    }

    /// A question has ended; `well` unless the host is to blame.
    pub fn ended(&mut self, probe: usize, now_ms: u64, well: bool) {
        assert_eq!(self.probes[probe].state, State::UnderWay, "only what has begun can end");
        self.probes[probe].state = State::Idle;
        self.under_way -= 1;
        let at = self.probes[probe].host;
        let host = &mut self.hosts[at];
        host.under_way -= 1;
        let closed = host.breaker.heard(well, host.probes.len());
        if closed {
            for probe in self.hosts[at].probes.clone() {
                self.schedule(probe, now_ms);
            }
        }
        self.queue(at);
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many times less often than usual a host is asked now; 1: as usual.
    #[must_use]
    pub fn stretch(&self, host: usize) -> u64 {
        self.hosts[host].breaker.stretch()
    }

    fn collect_due(&mut self, now_ms: u64) {
        while let Some(Reverse((due_ms, at))) =
            self.due.peek().copied().filter(|Reverse((due, _))| *due <= now_ms)
        {
            self.due.pop();
            if self.probes[at].due_ms != due_ms {
                // It was put on another moment since.
                continue;
            }
            let host = self.probes[at].host;
            if self.probes[at].state == State::Idle {
                self.probes[at].state = State::Waiting { due_ms };
                self.hosts[host].waiting.push_back(at);
                self.queue(host);
            } else {
                self.counts.skipped += 1;
            }
            self.schedule(at, now_ms);
        }
    }

    /// Puts a probe on the next moment of its own grid after now.
    fn schedule(&mut self, at: usize, now_ms: u64) {
        let probe = &mut self.probes[at];
        let every_ms = self.hosts[probe.host].breaker.cadence(probe.every_ms, self.rules.slowest_ms);
        let passed = now_ms.saturating_sub(probe.phase_ms) / every_ms;
        let mut due_ms = probe.phase_ms + passed * every_ms;
        if due_ms <= now_ms {
            due_ms += every_ms;
        }
        if due_ms != probe.due_ms {
            probe.due_ms = due_ms;
            self.due.push(Reverse((due_ms, at)));
        }
    }

    fn queue(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        if !host.queued && !host.waiting.is_empty() && host.under_way < self.rules.per_host_max {
            host.queued = true;
            self.ready.push(Reverse((host.free_at_ms, at)));
        }
    }
}

impl Host {
    fn new() -> Host {
        Host {
            probes: Vec::new(),
            waiting: VecDeque::new(),
            under_way: 0,
            free_at_ms: 0,
            queued: false,
            breaker: Breaker::default(),
        }
    }
}

/// Where in its cadence a probe falls: steps by the golden ratio spread any number of them evenly, from any beginning.
fn phase(seed: u64, at: u64, every_ms: u64) -> u64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let turn = at.wrapping_add(1).wrapping_mul(GOLDEN).wrapping_add(seed.wrapping_mul(0xd134_2543_de82_ef95));
    let scaled = (u128::from(turn) * u128::from(every_ms)) >> 64;
    u64::try_from(scaled).expect("less than the cadence")
}

#[cfg(test)]
mod tests;
