//! What one vantage sees of one probe of one host.

use std::collections::VecDeque;

use super::{Answer, Sample, about_host};
use crate::journal::Health;
use crate::watch::Failure;
use crate::{Span, Timestamp};

/// More turns than this within [`FLIPS_WITHIN`] are not written down one by one.
const FLIPS_MAX: usize = 6;
/// See [`FLIPS_MAX`].
const FLIPS_WITHIN: Span = Span::from_secs(60);
/// How long it must stay the same to be written down again.
const STEADY: Span = Span::from_secs(30);

#[derive(Debug, Clone)]
pub(super) struct Lane {
    /// When the last sample was asked for, whatever it said.
    asked: Timestamp,
    /// When the last one that says something of the host was asked for.
    heard: Timestamp,
    /// The last answer, whatever it said.
    last: Answer,
    answer: Answer,
    took: Span,
    /// How many in a row went like the last one.
    run: u32,
    /// When the first of them was asked for.
    since: Timestamp,
    /// What was written down last.
    written: Option<Health>,
    /// How many answers came since, with the one that it was written down for.
    answers: u64,
    /// When it turned.
    flips: VecDeque<Timestamp>,
    /// Since when it says the same, own failures included.
    steady_since: Timestamp,
    steady: Option<Health>,
}

impl Lane {
    pub(super) fn new(at: Timestamp) -> Self {
        Self {
            asked: at,
            heard: at,
            last: Answer::Up,
            answer: Answer::Up,
            took: Span::ZERO,
            run: 0,
            since: at,
            written: None,
            answers: 0,
            flips: VecDeque::new(),
            steady_since: at,
            steady: None,
        }
    }

    /// Takes a sample. `None` when it is an old one; else what is to be written down, if anything is, and how many answers came since
    /// something was written down before.
    pub(super) fn take(&mut self, sample: &Sample) -> Option<Option<(Health, Option<u64>)>> {
        if sample.at < self.asked {
            return None;
        }
        self.asked = sample.at;
        self.last = sample.answer.clone();
        if about_host(&sample.answer) {
            let same = self.run > 0 && (sample.answer == Answer::Up) == (self.answer == Answer::Up);
            self.run = if same { self.run.saturating_add(1) } else { 1 };
            if !same {
                self.since = sample.at;
            }
            self.heard = sample.at;
            self.took = sample.took;
            self.answer = sample.answer.clone();
        }
        let had_any = self.written.is_some();
        let turned = self.write(sample).map(|health| {
            let before = std::mem::take(&mut self.answers);
            (health, had_any.then_some(before))
        });
        self.answers = self.answers.saturating_add(1);
        Some(turned)
    }

    pub(super) fn set_back(&mut self, now: Timestamp) {
        let times = [&mut self.asked, &mut self.heard, &mut self.since, &mut self.steady_since];
        times.into_iter().chain(&mut self.flips).for_each(|time| *time = (*time).min(now));
    }

    fn write(&mut self, sample: &Sample) -> Option<Health> {
        let health = match &sample.answer {
            Answer::Up => Health::Up,
            Answer::Down(failure) => {
                Health::Down { class: failure.class().to_owned(), says: failure.to_string() }
            }
        };
        if !self.steady.as_ref().is_some_and(|steady| alike(steady, &health)) {
            self.steady = Some(health.clone());
            self.steady_since = sample.at;
        }
        let written = match &self.written {
            Some(written) if alike(written, &health) => return None,
            Some(Health::Flapping) if sample.at.since(self.steady_since) < STEADY => return None,
            Some(Health::Flapping) => {
                self.flips.clear();
                health
            }
            _ => {
                while self.flips.front().is_some_and(|at| sample.at.since(*at) > FLIPS_WITHIN) {
                    self.flips.pop_front();
                }
                self.flips.push_back(sample.at);
                if self.flips.len() > FLIPS_MAX { Health::Flapping } else { health }
            }
        };
        self.written = Some(written.clone());
        Some(written)
    }

    pub(super) fn heard_at(&self) -> Timestamp {
        self.heard
    }

    pub(super) fn run(&self) -> u32 {
        self.run
    }

    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    pub(super) fn took(&self) -> Span {
        self.took
    }

    pub(super) fn answer(&self) -> &Answer {
        &self.answer
    }

    pub(super) fn last(&self) -> &Answer {
        &self.last
    }

    pub(super) fn fails(&self) -> bool {
        self.answer != Answer::Up
    }

    pub(super) fn failure(&self) -> Option<&Failure> {
        match &self.answer {
            Answer::Up => None,
            Answer::Down(failure) => Some(failure),
        }
    }

    pub(super) fn class(&self) -> Option<&'static str> {
        self.failure().map(Failure::class)
    }
}

/// The same class of failure; another status is another failure.
fn alike(one: &Health, other: &Health) -> bool {
    match (one, other) {
        (Health::Down { class: a, says: said_a }, Health::Down { class: b, says: said_b }) => {
            a == b && (a != "status" || said_a == said_b)
        }
        (one, other) => one == other,
    }
}
