//! Every way that requests can take through one configuration, or through two side by side.

use std::ops::ControlFlow;

mod aim;
mod back;
mod changed;
pub(crate) mod class;
mod domain;
pub(crate) mod doors;
mod fan;
pub(crate) mod lift;
mod narrow;
pub(crate) mod probe;
mod rules;
mod same;
pub(crate) mod search;
mod trail;
mod values;
mod worlds;

use crate::language::Formula;
use crate::request::Request;
use crate::route::{Input, Observed, Router, World};

/// One way, with a request that takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The request.
    pub request: Request,
    /// What is assumed.
    pub world: World,
    /// What each configuration does with it.
    pub seen: Vec<Observed>,
    /// The class of requests that take it, for people.
    pub class: String,
    /// Every such request has a control character in it.
    pub only_odd: bool,
}

/// How far to look.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How many steps the searches may take together.
    pub budget: u64,
    /// How many ways may be walked.
    pub ways: usize,
    /// Only requests of which these inputs are so.
    pub scope: Vec<(Input, Formula)>,
    /// Only connections with TLS, or without; `None`: both.
    pub tls: Option<bool>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { budget: 50_000_000, ways: 200_000, scope: Vec::new(), tls: None }
    }
}

/// Walks every way once and shows it to `visit`. With two routers ways are told apart where either tells them apart, and
/// ways on which both can do nothing but the same are left out. Gives why ways may be missing.
pub fn explore(
    routers: &[&Router<'_>],
    limits: &Limits,
    visit: &mut dyn FnMut(&Way) -> ControlFlow<()>,
) -> Vec<String> {
    search::Search::new(routers, limits).all(&mut |_, _, way| visit(way))
}
