//! A change on trial: what was answered since it went live, held against what others answer that do not have it, or, where there are
//! none, against the time before.
//!
//! Each interval after the change is paired with one of the other side. When nothing became worse, an error of a pair falls to the
//! changed side with that side's share of the pair's requests: what a [`Judge`] bets against. The time before gives each of its
//! intervals once, so a trial against it ends when it is used up.

use std::collections::{BTreeMap, VecDeque};

use super::judge::{Arm, Judge, Judgement};
use crate::{Span, Timestamp};

/// How likely a change that made nothing worse is to be blamed, at most, over all looks at it and all kinds of failures.
pub const ALPHA: f64 = 1e-4;
/// How many intervals before a change are kept.
pub const BEFORE_MAX: usize = 300;
/// The kinds of failures that are judged: who made it, and two hundreds.
const KINDS: f64 = 6.0;
/// Failures of one interval come together (one upstream restarts, and all who wait fail): beyond so many they say nothing new.
const ERRORS_MAX: u64 = 4;
/// How many intervals in a row must be well again.
const CALM: u32 = 15;

/// Who made an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The server itself.
    Server,
    /// An upstream.
    Upstream,
    /// The log does not say.
    Unknown,
}

/// A kind of failure: who made it, and the hundred of its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Who.
    pub by: By,
    /// 4 or 5.
    pub hundred: u16,
}

/// What failed in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failed {
    /// How many answers.
    pub count: u64,
    /// To how many clients.
    pub clients: u64,
}

/// What was answered in an interval.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interval {
    /// When it began.
    pub at: Timestamp,
    /// How long it was.
    pub span: Span,
    /// How many requests were answered.
    pub answered: u64,
    /// Those of them that failed.
    pub failed: BTreeMap<Kind, Failed>,
}

impl Interval {
    /// How many failures of a kind count: each client once, and not more than say something.
    fn errors(&self, kind: Kind) -> u64 {
        let of_kind = self.failed.get(&kind).copied().unwrap_or_default();
        let clients = if of_kind.clients == 0 { of_kind.count } else { of_kind.clients };
        clients.min(of_kind.count).min(ERRORS_MAX)
    }

    /// What two hosts answered in the same interval.
    pub fn add(&mut self, other: &Interval) {
        self.answered += other.answered;
        for (kind, failed) in &other.failed {
            let has = self.failed.entry(*kind).or_default();
            has.count += failed.count;
            has.clients += failed.clients;
        }
    }
}

/// Sums of both sides, of one kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Requests with the change.
    pub changed: u64,
    /// And those that failed.
    pub changed_failed: u64,
    /// Requests without it.
    pub unchanged: u64,
    /// And those that failed.
    pub unchanged_failed: u64,
}

/// What a trial says of a kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blame {
    /// The kind.
    pub kind: Kind,
    /// What it rests on.
    pub figures: Figures,
    /// Whether it is over: the failures are as rare as before.
    pub over: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Lane {
    judge: Judge,
    failed: (u64, u64),
    calm: u32,
}

/// A change on trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    since: Timestamp,
    before: VecDeque<Interval>,
    answered: (u64, u64),
    lanes: BTreeMap<Kind, Lane>,
    /// Whether it was held against others, against the time before, or both.
    beside: bool,
}

impl Trial {
    /// A change that went live at `since`, with the intervals before it, the newest last.
    pub fn new(since: Timestamp, before: impl IntoIterator<Item = Interval>) -> Trial {
        let before = before.into_iter().filter(|it| it.answered > 0).collect();
        Trial { since, before, answered: (0, 0), lanes: BTreeMap::new(), beside: false }
    }

    /// When the change went live.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Whether others served beside it, without the change.
    pub fn beside(&self) -> bool {
        self.beside
    }

    /// Whether there is nothing left to hold it against; `others`: whether somebody serves without it.
    pub fn is_over(&self, others: bool) -> bool {
        !others && self.before.is_empty()
    }

    /// Takes an interval with the change, and what others answered in it without. Gives what it says of every kind of failure that
    /// is worse, as long as that is not over.
    pub fn take(&mut self, after: &Interval, others: Option<&Interval>) -> Vec<Blame> {
        if after.answered == 0 {
            return self.blames();
        }
        let others = others.filter(|it| it.answered > 0);
        self.beside |= others.is_some();
        // The nearest in time first.
        let pair = others.cloned().or_else(|| self.before.pop_back());
        if let Some(unchanged) = &pair {
            self.answered.0 += after.answered;
            self.answered.1 += unchanged.answered;
        }
        let kinds: Vec<Kind> =
            after.failed.keys().chain(pair.iter().flat_map(|it| it.failed.keys())).copied().collect();
        for kind in kinds {
            let fresh = || Lane { judge: Judge::new(ALPHA / KINDS), failed: (0, 0), calm: 0 };
            self.lanes.entry(kind).or_insert_with(fresh);
        }
        for (kind, lane) in &mut self.lanes {
            if let Some(unchanged) = &pair {
                let share = part(after.answered, after.answered + unchanged.answered);
                for _ in 0..unchanged.errors(*kind) {
                    lane.judge.error(Arm::Unchanged, share);
                }
                for _ in 0..after.errors(*kind) {
                    lane.judge.error(Arm::Changed, share);
                }
                let of = |it: &Interval| it.failed.get(kind).map_or(0, |failed| failed.count);
                lane.failed.0 += of(after);
                lane.failed.1 += of(unchanged);
            }
            let usual = part(lane.failed.1, self.answered.1);
            let now = part(after.failed.get(kind).map_or(0, |failed| failed.count), after.answered);
            lane.calm = if now <= usual * 2.0 { lane.calm.saturating_add(1) } else { 0 };
        }
        self.blames()
    }

    fn blames(&self) -> Vec<Blame> {
        let worse = self.lanes.iter().filter(|(_, lane)| lane.judge.judgement() == Judgement::Worse);
        let blame = |(kind, lane): (&Kind, &Lane)| Blame {
            kind: *kind,
            figures: Figures {
                changed: self.answered.0,
                changed_failed: lane.failed.0,
                unchanged: self.answered.1,
                unchanged_failed: lane.failed.1,
            },
            over: lane.calm >= CALM,
        };
        worse.map(blame).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "requests of minutes are far fewer than 2^52")]
fn part(of: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { of as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: Kind = Kind { by: By::Server, hundred: 5 };

    fn interval(second: u64, answered: u64, failed: u64) -> Interval {
        let failed = BTreeMap::from([(LOST, Failed { count: failed, clients: failed })]);
        Interval { at: Timestamp::from_millis(second * 1_000), span: Span::from_secs(1), answered, failed }
    }

    fn before(failed: u64) -> Vec<Interval> {
        (0..300).map(|second| interval(second, 100, failed)).collect()
    }

    fn trial(failed: u64) -> Trial {
        Trial::new(Timestamp::from_millis(300_000), before(failed))
    }

    /// After how many intervals it is blamed.
    fn blamed(trial: &mut Trial, failed: u64, others: Option<u64>) -> Option<usize> {
        (0..300)
            .find(|second| {
                let others = others.map(|failed| interval(300 + second, 100, failed));
                !trial.take(&interval(300 + second, 100, failed), others.as_ref()).is_empty()
            })
            .map(|at| usize::try_from(at).unwrap() + 1)
    }

    #[test]
    fn change_that_loses_requests_is_blamed_within_seconds_with_figures() {
        let mut lost = trial(0);
        let after = blamed(&mut lost, 20, None).unwrap();
        assert!(after <= 6, "{after}");
        let blame = lost.take(&interval(310, 100, 20), None)[0];
        assert_eq!(blame.figures.unchanged_failed, 0);
        assert_eq!(blame.figures.changed_failed, 20 * (u64::try_from(after).unwrap() + 1));
        assert!(!blame.over);
    }

    #[test]
    fn change_that_fails_as_often_as_before_or_less_is_never_blamed() {
        for (was, is) in [(0, 0), (2, 2), (4, 4), (3, 0)] {
            assert_eq!(blamed(&mut trial(was), is, None), None, "{was} {is}");
        }
        // Everybody has it: an upstream is down for all.
        assert_eq!(blamed(&mut trial(0), 3, Some(3)), None);
        assert!(blamed(&mut trial(3), 3, Some(0)).is_some(), "others fail no longer, and this one does");
    }

    #[test]
    fn one_bad_moment_blames_nobody() {
        let mut calm = trial(0);
        assert_eq!(calm.take(&interval(300, 100, 90), None), []);
        assert_eq!(calm.take(&interval(301, 100, 90), None), []);
        assert_eq!(blamed(&mut calm, 0, None), None);
    }

    #[test]
    fn blame_is_over_when_it_is_well_again_and_a_trial_when_the_time_before_is_used_up() {
        let mut lost = trial(0);
        blamed(&mut lost, 10, None).unwrap();
        let mut well = (0..).position(|_| lost.take(&interval(400, 100, 0), None)[0].over).unwrap();
        well += 1;
        assert_eq!(well, usize::try_from(CALM).unwrap());
        let mut short = Trial::new(Timestamp::from_millis(0), before(0).into_iter().take(2));
        assert!(!short.is_over(false));
        // Nobody asks: nothing is used up.
        short.take(&interval(300, 0, 0), None);
        assert!(!short.is_over(false));
        short.take(&interval(301, 1, 0), None);
        short.take(&interval(302, 1, 0), None);
        assert!(short.is_over(false) && !short.is_over(true));
    }
}
