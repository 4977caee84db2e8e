//! An expectation held against a predicted route.

use super::{Dependence, Expectation, Judgement};
use crate::config::Config;
use crate::request::Route;

pub(super) fn judge(expectation: &Expectation, route: &Route, config: &Config) -> Judgement {
    let _ = (expectation, config);
    Judgement::Undecided(route.depends_on.iter().map(Dependence::to_string).collect())
}
