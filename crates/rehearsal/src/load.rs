//! A steady volume of requests: the live tree and the proposed one in turn, on the same machine, through the same sandbox.
//!
//! Open loop: every request has the moment at which it is due, whatever became of those before it, and its time counts from
//! that moment. A server that halts for a second is seen with all the requests that would have come in that second.
//!
//! The trees are asked in the order live, proposed, proposed, live, so that whatever the machine does beside it falls on both;
//! what differs less than the two rounds of one tree do is noise.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_model::Request;
use serde::Serialize;

mod drive;
mod judge;

pub(crate) use drive::{Shot, drive};
pub(crate) use judge::judge;

/// How many requests a second at most.
pub const RATE_MAX: u32 = 1_000;
/// How long each tree is asked at most, in seconds.
pub const SECONDS_MAX: u32 = 60;
/// How many requests are on their way at once; one more counts as failed.
pub(crate) const FLYING_MAX: usize = 128;
/// How many different requests are asked in turn.
pub(crate) const REQUESTS_MAX: usize = 100;
/// How many kinds of failure are told apart.
const KINDS_MAX: usize = 8;

/// How much is asked of each tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Requests a second.
    pub rate: u32,
    /// For so many seconds.
    pub seconds: u32,
}

impl Load {
    /// Reads `200,10`: 200 requests a second for 10 seconds.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Load, String> {
        let wanted = || format!("\"{text}\" is not RATE,SECONDS; write for example 200,10");
        let (rate, seconds) = text.split_once(',').ok_or_else(wanted)?;
        let number = |part: &str| part.trim().parse::<u32>().map_err(|_| wanted());
        let load = Load { rate: number(rate)?, seconds: number(seconds)? };
        match load {
            Load { rate: 1..=RATE_MAX, seconds: 2..=SECONDS_MAX } => Ok(load),
            Load { seconds: 2..=SECONDS_MAX, .. } => {
                Err(format!("1 to {RATE_MAX} requests a second are asked"))
            }
            _ => Err(format!("a load lasts 2 to {SECONDS_MAX} seconds")),
        }
    }

    /// How long one of so many rounds lasts.
    pub(crate) fn round(self, rounds: u32) -> Duration {
        Duration::from_secs(self.seconds.into()) / rounds
    }
}

/// What came of a load.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Loaded {
    /// Requests a second.
    pub rate: u32,
    /// How long each tree was asked, in seconds.
    pub seconds: u32,
    /// How many different requests were asked in turn.
    pub requests: usize,
    /// What the proposed tree did.
    pub new: Vec<Round>,
    /// What the live tree did; empty without one.
    pub old: Vec<Round>,
}

/// What came of one round.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Round {
    /// How many requests were due.
    pub asked: u32,
    /// How many had no answer, or one that turned them away (429, 500 and above).
    pub failed: u32,
    /// What became of those, and how often.
    pub failures: BTreeMap<String, u32>,
    /// Half of the answers came within so many milliseconds of the moment at which their request was due.
    pub p50_ms: Option<f64>,
    /// 99 of 100 of them.
    pub p99_ms: Option<f64>,
    /// How late 99 of 100 requests were sent at most: what the machine itself could not keep up with.
    pub sent_late_ms: f64,
}

impl Round {
    fn fail(&mut self, how: String) {
        self.failed += 1;
        let known = self.failures.len() < KINDS_MAX || self.failures.contains_key(&how);
        *self.failures.entry(if known { how } else { "otherwise".to_owned() }).or_default() += 1;
    }
}

/// What is asked in turn: what `routes.toml` asks, else everything.
pub(crate) fn chosen<'r>(routes: Vec<&'r Request>, others: Vec<&'r Request>) -> Vec<&'r Request> {
    let mut chosen = if routes.is_empty() { others } else { routes };
    chosen.truncate(REQUESTS_MAX);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_bounded() {
        assert_eq!(Load::parse("200,10"), Ok(Load { rate: 200, seconds: 10 }));
        for wrong in
            ["", "200", "200,", "a,b", "-1,10", "200;10", "0,10", "1001,10", "200,1", "200,61", "1,2,3"]
        {
            assert!(Load::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn kinds_of_failure_are_bounded() {
        let mut round = Round::default();
        (0..100).for_each(|n| round.fail(format!("status {n}")));
        assert_eq!((round.failed, round.failures.len()), (100, KINDS_MAX + 1));
        assert_eq!(round.failures["otherwise"], 92);
    }
}
