//! What followed hosts answer: whether a change made it worse, what is drawn in a post-mortem, and what is measured now.
//!
//! A change is on trial from the moment in which other workers serve: that is when it is live, whoever made it. It is held against
//! the hosts that did not change meanwhile, or against the time before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use evenkeel_fleet::incident::{Incident, Input};
use evenkeel_fleet::journal::{Answers, AnswersOfStep, Clue, Seen, Severity, Source};
use evenkeel_fleet::postmortem::incident::RATE_STEP;
use evenkeel_fleet::watch::trial::{BEFORE_MAX, Blame, Interval, Kind, Trial};
use evenkeel_fleet::{HostId, Span, Timestamp};

use super::Loop;
use crate::rates::{Counts, Made};
use crate::when;

/// What was answered so long ago is no longer beside what is answered now.
const STALE: Span = Span::from_secs(30);
/// From this share of failures on, users notice: one in ten.
const CRITICAL_SHARE: u64 = 10;
/// The most steps that wait to be written down: what was counted before an incident opens is drawn with it.
const STEPS_MAX: usize = 60;

const PREFIX: &str = "judge:";

/// What is known of the hosts that are followed.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<HostId, Host>);

#[derive(Debug, Default)]
struct Host {
    before: VecDeque<Interval>,
    generation: Option<u64>,
    trial: Option<Trial>,
    last: Option<Counts>,
    steps: VecDeque<AnswersOfStep>,
}

impl Known {
    /// What each host answered the last time.
    pub(super) fn last(&self) -> impl Iterator<Item = (&HostId, &Counts)> {
        self.0.iter().filter_map(|(host, it)| Some((host, it.last.as_ref()?)))
    }

    /// What the others answered lately that are not on trial themselves.
    fn others(&self, host: &HostId, at: Timestamp) -> Option<Interval> {
        let lately = |it: &&Interval| at.since(it.at).max(it.at.since(at)) <= STALE;
        let others = self.0.iter().filter(|(other, it)| *other != host && it.trial.is_none());
        others.filter_map(|(_, it)| it.before.back().filter(lately)).cloned().reduce(|mut sum, other| {
            sum.add(&other);
            sum
        })
    }
}

impl Host {
    /// Takes what was counted. Gives what a trial says, and since when that change is live.
    fn take(&mut self, counts: &Counts, others: Option<&Interval>) -> Option<(Timestamp, bool, Vec<Blame>)> {
        let interval = counts.interval();
        self.step(counts);
        self.last = Some(counts.clone());
        let generation = counts.serves.map(|it| it.generation);
        if let (Some(serves), true) =
            (counts.serves, self.generation.is_some() && self.generation != generation)
        {
            // An interval in which both answered says nothing of either.
            self.trial = Some(Trial::new(serves.since, self.before.iter().cloned()));
            self.generation = generation;
            return Some((serves.since, false, Vec::new()));
        }
        self.generation = generation.or(self.generation);
        let blames =
            self.trial.as_mut().map(|trial| (trial.since(), trial.beside(), trial.take(&interval, others)));
        self.before.push_back(interval);
        if self.before.len() > BEFORE_MAX {
            self.before.pop_front();
        }
        let settled = |(_, _, blames): &(_, _, Vec<Blame>)| blames.iter().all(|blame| blame.over);
        if blames.as_ref().is_none_or(settled) {
            // What stands is looked at until it is over.
            self.trial.take_if(|trial| trial.is_over(others.is_some()));
        }
        blames
    }

    fn step(&mut self, counts: &Counts) {
        let step = RATE_STEP.as_millis();
        let at = Timestamp::from_millis(counts.at.as_millis() / step * step);
        let (server, upstream) = counts.broken();
        match self.steps.back_mut().filter(|last| last.at == at) {
            Some(last) => {
                last.all += counts.answered;
                last.server += server;
                last.upstream += upstream;
            }
            None => self.steps.push_back(AnswersOfStep { at, all: counts.answered, server, upstream }),
        }
        if self.steps.len() > STEPS_MAX {
            self.steps.pop_front();
        }
    }
}

/// The host that evidence of this kind is about.
pub(super) fn host_of(key: &str) -> Option<&str> {
    key.strip_prefix(PREFIX)?.split(':').next()
}

impl Loop<'_> {
    pub(super) async fn rates(&mut self, host: HostId, counts: Counts) {
        let others = self.rates.others(&host, counts.at);
        let said = self.rates.0.entry(host.clone()).or_default().take(&counts, others.as_ref());
        if let Some((since, beside, blames)) = said {
            let mut worse = BTreeSet::new();
            for blame in blames.iter().filter(|blame| !blame.over) {
                let clue = clue(&host, since, beside, blame, &counts);
                worse.insert(clue.key.clone());
                self.tell(Input::Report(clue)).await;
            }
            self.clear_but(&host, &worse, counts.at).await;
        }
        self.write_rates().await;
    }

    /// Another change, or being well again, ends what was said.
    async fn clear_but(&mut self, host: &HostId, worse: &BTreeSet<String>, at: Timestamp) {
        let standing = self.ledger.state().open().flat_map(Incident::standing);
        let gone = |clue: &&Clue| host_of(&clue.key) == Some(host.as_str()) && !worse.contains(&clue.key);
        let gone: Vec<String> = standing.filter(gone).map(|clue| clue.key.clone()).collect();
        for key in gone {
            let why = format!("{host} fails no more often than before");
            self.tell(Input::Clear { key, at, why }).await;
        }
    }

    /// Writes down what was counted, while users fail: for the chart of the post-mortem.
    async fn write_rates(&mut self) {
        let judged = |it: &Incident| it.standing().any(|clue| clue.source == Source::Judge);
        let fails = |it: &Incident| it.severity() == Severity::Critical || judged(it);
        if !self.ledger.state().open().any(fails) {
            return;
        }
        let mut answers = Vec::new();
        for (host, it) in &mut self.rates.0 {
            // The last step is not full yet.
            let whole = it.steps.len().saturating_sub(1);
            let steps: Vec<AnswersOfStep> = it.steps.drain(..whole).collect();
            if !steps.is_empty() {
                answers.push(Answers { host: host.clone(), step: RATE_STEP, steps });
            }
        }
        for answers in answers {
            self.tell(Input::Seen(Seen::Answered(answers))).await;
        }
    }
}

fn clue(host: &HostId, since: Timestamp, beside: bool, blame: &Blame, counts: &Counts) -> Clue {
    let Blame { kind: Kind { by, hundred }, figures, .. } = blame;
    let made = Made::from(*by);
    let unchanged = if beside { "without the change" } else { "in as many before" };
    let mut details = vec![format!(
        "{} of {} requests since, {} of {} {unchanged}; by chance once in 10,000 changes",
        figures.changed_failed, figures.changed, figures.unchanged_failed, figures.unchanged
    )];
    let of_kind = counts.failed.iter().find(|it| it.by == made && it.hundred == *hundred);
    details.extend(of_kind.iter().flat_map(|it| &it.upstreams).map(|(upstream, count)| {
        format!("{count} in the last {} s had asked {upstream}", counts.took_ms.div_ceil(1_000))
    }));
    let noticed = *hundred == 5 && figures.changed_failed * CRITICAL_SHARE >= figures.changed;
    Clue {
        key: format!("{PREFIX}{host}:{hundred}xx {}", made.said()),
        source: Source::Judge,
        host: Some(host.clone()),
        upstream: None,
        probe: None,
        class: None,
        says: format!(
            "{hundred}xx {} are more frequent since other workers serve, {}",
            made.said(),
            when::shown(since)
        ),
        details,
        since,
        severity: if noticed { Severity::Critical } else { Severity::Warning },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rates::{Failures, Serves};

    fn counts(second: u64, generation: u64, failed: u64) -> Counts {
        let since = Timestamp::from_millis(generation * 1_000);
        let failures = Failures {
            by: Made::Upstream,
            hundred: 5,
            count: failed,
            clients: failed,
            upstreams: Vec::new(),
        };
        Counts {
            at: Timestamp::from_millis(second * 1_000),
            took_ms: 1_000,
            answered: 50,
            failed: if failed == 0 { Vec::new() } else { vec![failures] },
            probes: 1,
            unread: 0,
            lost: false,
            serves: Some(Serves { generation, since }),
        }
    }

    #[test]
    fn change_is_on_trial_from_the_moment_in_which_other_workers_serve() {
        let mut host = Host::default();
        for second in 0..60 {
            assert_eq!(host.take(&counts(second, 1, 0), None), None, "nothing changed yet");
        }
        host.take(&counts(60, 60, 9), None);
        let blamed = (61..120).find(|second| {
            host.take(&counts(*second, 60, 9), None).is_some_and(|(_, _, blames)| !blames.is_empty())
        });
        assert!(blamed.is_some_and(|second| second < 70), "{blamed:?}");
        let (since, _, blames) = host.take(&counts(120, 60, 9), None).unwrap();
        assert_eq!(since, Timestamp::from_millis(60_000));
        let said = clue(&HostId::new("web1").unwrap(), since, false, &blames[0], &counts(120, 60, 9));
        assert!(
            said.says.starts_with("5xx of upstreams are more frequent since other workers serve, 1970-01-01")
        );
        assert!(said.details[0].contains("before; by chance once in 10,000"), "{said:?}");
        assert_eq!((said.severity, host_of(&said.key)), (Severity::Critical, Some("web1")));
        // The next change is judged anew.
        assert_eq!(host.take(&counts(121, 121, 0), None).unwrap().2, []);
    }

    #[test]
    fn reload_that_changes_nothing_is_never_blamed_and_its_trial_ends() {
        let mut host = Host::default();
        for second in 0..1_000 {
            let said = host.take(&counts(second, second / 100, second % 3), None);
            assert!(said.is_none_or(|(_, _, blames)| blames.is_empty()), "{second}");
        }
        for second in 1_000..1_400 {
            host.take(&counts(second, 9, second % 3), None);
        }
        assert_eq!(host.trial, None);
        assert!(host.before.len() <= BEFORE_MAX && host.steps.len() <= STEPS_MAX);
    }

    #[test]
    fn what_fails_everywhere_is_no_fault_of_the_change() {
        let mut host = Host::default();
        for second in 0..60 {
            host.take(&counts(second, 1, 0), None);
        }
        for second in 60..120 {
            let others = counts(second, 1, 9).interval();
            let said = host.take(&counts(second, 60, 9), Some(&others));
            assert!(said.is_some_and(|(_, _, blames)| blames.is_empty()), "{second}");
        }
    }
}
