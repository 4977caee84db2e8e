//! An expectation held against what a real nginx answered.

use super::{Difference, Expectation, Judgement, Kind};
use crate::config::Config;
use crate::request::{Outcome, Route};

/// What a real nginx answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen<'a> {
    /// The status; `None` when there was no answer.
    pub status: Option<u16>,
    /// The `Location` header.
    pub location: Option<&'a str>,
    /// The upstream address that was reached, as it stands in the configuration.
    pub upstream: Option<&'a str>,
    /// The request target that reached it.
    pub target: Option<&'a str>,
    /// The body; `None` when nobody kept it.
    pub body: Option<&'a [u8]>,
}

pub(super) fn judge(expectation: &Expectation, seen: &Seen<'_>, route: &Route, config: &Config) -> Judgement {
    let _ = (expectation, seen, route, config, Kind::File);
    let _: Option<(Difference, Outcome)> = None;
    Judgement::Undecided(vec!["not written yet".to_owned()])
}
