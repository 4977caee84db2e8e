//! What the samples of several vantages add up to: whether a host answers a probe, and since when it does not.
//!
//! One failure is none: a verdict needs several vantages that agree, and each of them more than once, unless one more agrees
//! with them. A vantage that cannot be relied upon, or is not heard any more, has no voice. What goes to and fro is held to be down until it
//! stays up for a while.

mod lane;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lane::Lane;

use super::{Answer, Layer, Look, ProbeId, Sample, VantageId};
use crate::journal::Transition;
use crate::{HostId, Span, Timestamp};

/// When samples add up to a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How many vantages must agree; all of them where there are fewer.
    pub agree: u32,
    /// How often in a row each of them must fail. Where more of them than needed fail, they make up for each other.
    pub fall: u32,
    /// How many good answers in a row end it.
    pub rise: u32,
    /// A vantage whose last sample is older than this has no voice.
    pub stale_after: Span,
    /// What went down this often within `flap_within` goes to and fro.
    pub flaps: usize,
    /// See `flaps`.
    pub flap_within: Span,
    /// How long what goes to and fro must stay up to be held to be up.
    pub steady: Span,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            agree: 2,
            fall: 2,
            rise: 2,
            stale_after: Span::from_secs(15),
            flaps: 3,
            flap_within: Span::from_secs(600),
            steady: Span::from_secs(60),
        }
    }
}

/// Whether a host answers a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody who can be relied upon has been heard yet.
    Unknown,
    /// It does.
    Up,
    /// It does not.
    Down(Trouble),
}

/// In what way a host does not answer a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// When the first of the failures that it rests on was asked for.
    pub onset: Timestamp,
    /// The class of failure that most vantages see.
    pub class: &'static str,
    /// That failure with its evidence, for people.
    pub says: String,
    /// What each vantage sees, one line each.
    pub details: Vec<String>,
    /// How many vantages see it fail.
    pub failing: usize,
    /// How many have a voice.
    pub asked: usize,
    /// Whether it goes to and fro.
    pub flapping: bool,
}

/// The samples of all probes and what they add up to.
#[derive(Debug, Clone)]
pub struct Panel {
    rules: Rules,
    since: Timestamp,
    vantages: BTreeSet<VantageId>,
    rows: BTreeMap<(ProbeId, HostId), Row>,
}

#[derive(Debug, Clone)]
struct Row {
    lanes: BTreeMap<VantageId, Lane>,
    verdict: Verdict,
    downs: VecDeque<Timestamp>,
}

/// What one sample changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// What is to be written down of this vantage.
    pub transition: Option<Transition>,
    /// The verdict, when it is another one.
    pub verdict: Option<Verdict>,
}

impl Panel {
    /// Nothing has been heard yet from any of these vantages.
    pub fn new(rules: Rules, vantages: BTreeSet<VantageId>, now: Timestamp) -> Self {
        Self { rules, since: now, vantages, rows: BTreeMap::new() }
    }

    /// Takes a sample, without judging yet. One that is older than the last of its vantage changes nothing.
    pub fn hear(&mut self, sample: &Sample) -> Option<Transition> {
        let key = (sample.probe.clone(), sample.host.clone());
        let row = self.rows.entry(key).or_insert_with(|| Row {
            lanes: BTreeMap::new(),
            verdict: Verdict::Unknown,
            downs: VecDeque::new(),
        });
        let lane = row.lanes.entry(sample.vantage.clone()).or_insert_with(|| Lane::new(sample.at));
        let (health, after) = lane.take(sample)??;
        Some(Transition {
            probe: sample.probe.clone(),
            host: sample.host.clone(),
            vantage: sample.vantage.clone(),
            at: sample.at,
            took: sample.took,
            health,
            after,
        })
    }

    /// Judges one probe of one host. Gives the verdict, when it is another one.
    pub fn judge(
        &mut self,
        now: Timestamp,
        probe: &ProbeId,
        host: &HostId,
        unfit: &BTreeSet<VantageId>,
    ) -> Option<Verdict> {
        let row = self.rows.get_mut(&(probe.clone(), host.clone()))?;
        row.judge(now, &self.rules, self.since, &self.vantages, unfit)
    }

    /// Takes a sample that came back at `now`, and judges.
    pub fn take(&mut self, now: Timestamp, sample: &Sample, unfit: &BTreeSet<VantageId>) -> Taken {
        let transition = self.hear(sample);
        Taken { transition, verdict: self.judge(now, &sample.probe, &sample.host, unfit) }
    }

    /// The clock was set back: what was heard by the old one was heard by now, else it would hide what comes.
    pub fn set_back(&mut self, now: Timestamp) {
        self.since = self.since.min(now);
        for row in self.rows.values_mut() {
            row.lanes.values_mut().for_each(|lane| lane.set_back(now));
            row.downs.iter_mut().for_each(|down| *down = (*down).min(now));
        }
    }

    /// What a vantage sees now, of every host: what its fitness is judged by.
    pub fn looks(&self, vantage: &VantageId) -> Vec<Look> {
        let look = |((_, host), row): (&(ProbeId, HostId), &Row)| {
            let lane = row.lanes.get(vantage)?;
            Some(Look { host: host.clone(), anchor: false, since: lane.since(), answer: lane.last().clone() })
        };
        self.rows.iter().filter_map(look).collect()
    }

    /// Looks at every verdict again, because time has passed or other vantages are unfit now.
    pub fn look(&mut self, now: Timestamp, unfit: &BTreeSet<VantageId>) -> Vec<((ProbeId, HostId), Verdict)> {
        let Self { rules, since, vantages, rows } = self;
        let mut changed = Vec::new();
        for (key, row) in rows {
            if let Some(verdict) = row.judge(now, rules, *since, vantages, unfit) {
                changed.push((key.clone(), verdict));
            }
        }
        changed
    }

    /// Every probe of every host, and its verdict.
    pub fn verdicts(&self) -> impl Iterator<Item = (&ProbeId, &HostId, &Verdict)> {
        self.rows.iter().map(|((probe, host), row)| (probe, host, &row.verdict))
    }

    /// The last answer of each vantage to a probe, with its time.
    pub fn answers(
        &self,
        probe: &ProbeId,
        host: &HostId,
    ) -> impl Iterator<Item = (&VantageId, &Answer, Span)> {
        let row = self.rows.get(&(probe.clone(), host.clone()));
        let lanes = row.into_iter().flat_map(|row| &row.lanes);
        lanes.map(|(vantage, lane)| (vantage, lane.answer(), lane.took()))
    }
}

impl Row {
    fn judge(
        &mut self,
        now: Timestamp,
        rules: &Rules,
        since: Timestamp,
        vantages: &BTreeSet<VantageId>,
        unfit: &BTreeSet<VantageId>,
    ) -> Option<Verdict> {
        let stale = |at: Timestamp| now.since(at) > rules.stale_after;
        let heard = |it: &&VantageId| !stale(self.lanes.get(it).map_or(since, Lane::heard_at));
        let fit: Vec<&VantageId> = vantages.iter().filter(|it| !unfit.contains(it)).filter(heard).collect();
        let lanes: Vec<(&VantageId, &Lane)> = fit
            .iter()
            .filter_map(|id| Some((*id, self.lanes.get(*id)?)))
            .filter(|(_, it)| it.run() > 0)
            .collect();
        let agree = fit.len().min(usize::try_from(rules.agree.max(1)).unwrap_or(usize::MAX));
        if agree == 0 || lanes.is_empty() {
            return None;
        }
        while self.downs.front().is_some_and(|at| now.since(*at) > rules.flap_within) {
            self.downs.pop_front();
        }
        let flapping = self.downs.len() >= rules.flaps;
        let failing: Vec<_> = lanes.iter().copied().filter(|(_, lane)| lane.fails()).collect();
        let was_down = matches!(self.verdict, Verdict::Down(_));
        let verdict =
            if failing.len() >= agree && (was_down || weight(&failing, rules) >= needed(agree, rules)) {
                Verdict::Down(trouble(&failing, lanes.len(), flapping))
            } else {
                let recovered = |lane: &Lane| {
                    !lane.fails()
                        && (!was_down || lane.run() >= rules.rise)
                        && (!was_down || !flapping || now.since(lane.since()) >= rules.steady)
                };
                let good = lanes.iter().filter(|(_, lane)| recovered(lane)).count();
                // Up when those of whom that is not known could not agree on the contrary.
                if fit.len() - good >= agree {
                    return None;
                }
                Verdict::Up
            };
        let same = match (&self.verdict, &verdict) {
            (Verdict::Down(old), Verdict::Down(new)) => old.class == new.class && old.says == new.says,
            (old, new) => old == new,
        };
        if same {
            return None;
        }
        let mut verdict = verdict;
        match (&self.verdict, &mut verdict) {
            (Verdict::Down(old), Verdict::Down(new)) => new.onset = new.onset.min(old.onset),
            (_, Verdict::Down(_)) => self.downs.push_back(now),
            _ => {}
        }
        self.verdict = verdict.clone();
        Some(verdict)
    }
}

fn needed(agree: usize, rules: &Rules) -> u64 {
    u64::from(rules.fall.max(1)) * u64::try_from(agree).unwrap_or(u64::MAX)
}

/// How much the failures weigh together: none more than it needs for itself.
fn weight(failing: &[(&VantageId, &Lane)], rules: &Rules) -> u64 {
    failing.iter().map(|(_, lane)| u64::from(lane.run().min(rules.fall.max(1)))).sum()
}

fn trouble(failing: &[(&VantageId, &Lane)], asked: usize, flapping: bool) -> Trouble {
    let count = |class: &str| failing.iter().filter(|(_, lane)| lane.class() == Some(class)).count();
    let most =
        failing.iter().max_by_key(|(id, lane)| (lane.class().map_or(0, count), std::cmp::Reverse(*id)));
    let (class, says) = most
        .and_then(|(_, lane)| lane.failure())
        .map_or(("unknown", String::new()), |it| (it.class(), it.to_string()));
    let detail = |(id, lane): &(&VantageId, &Lane)| {
        let says = lane.failure().map(ToString::to_string).unwrap_or_default();
        format!("from {id}: {says}, {} in a row", lane.run())
    };
    Trouble {
        onset: failing.iter().map(|(_, lane)| lane.since()).min().unwrap_or_default(),
        class,
        says,
        details: failing.iter().map(detail).collect(),
        failing: failing.len(),
        asked,
        flapping,
    }
}

/// Whether a failure says something of the host, and not of whoever asks.
fn about_host(answer: &Answer) -> bool {
    !matches!(answer, Answer::Down(failure) if failure.layer() == Layer::Vantage)
}
