//! What must hold for every request of a kind: proven over all ways, or a request against it.
//!
//! An [`Invariant`] names the requests by globs (`*` stands for any text, everything else for itself) and says what must
//! always, or never, become of them. [`prove`] walks every way that such a request can take.

use std::ops::ControlFlow;

use crate::explore::{Limits, Way, explore};
use crate::language::{Formula, Language};
use crate::request::{Request, Route};
use crate::route::{Input, Router, World};

mod demand;
mod glob;

pub use demand::{Demand, Guarded, Part};

/// One `[[invariant]]` of `routes.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invariant {
    /// Its name, for people.
    pub name: String,
    /// The requests that it speaks of.
    pub requests: Requests,
    /// What must become of them.
    pub demand: Demand,
    /// The line of the file where it begins.
    pub line: u32,
}

/// Requests, by globs. What is `None` may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests {
    /// The normalized path: `/admin/*`.
    pub path: Option<String>,
    /// The host, in lower case: `*.example.com`.
    pub host: Option<String>,
    /// The method: `GET`.
    pub method: Option<String>,
    /// Whether the connection is TLS.
    pub tls: Option<bool>,
}

/// What became of an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It holds for every such request.
    Holds,
    /// It does not hold for this one.
    Fails(Box<Counterexample>),
    /// No request against it was found, but not every one could be looked at: why.
    Undecided(Vec<String>),
}

/// A request against an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// The request.
    pub request: Request,
    /// What is assumed of files, upstreams and credentials.
    pub world: World,
    /// Its way.
    pub route: Route,
    /// What is wrong with it, for people.
    pub why: String,
}

/// Looks at every way that these requests can take.
#[must_use]
pub fn prove(router: &Router<'_>, invariant: &Invariant, limits: &Limits) -> Proof {
    let mut limits = limits.clone();
    let globs = [
        (Input::Uri, &invariant.requests.path),
        (Input::Host, &invariant.requests.host),
        (Input::Method, &invariant.requests.method),
    ];
    for (input, text) in globs {
        let Some(text) = text else { continue };
        let text = if input == Input::Host { text.to_ascii_lowercase() } else { text.clone() };
        limits.scope.push((input, Formula::In(language(&text))));
    }
    limits.tls = invariant.requests.tls;
    let (mut against, mut open) = (None, Vec::new());
    let incomplete = explore(&[router], &limits, &mut |way: &Way| match invariant
        .demand
        .judge(router.config(), &way.seen[0])
    {
        demand::Verdict::Good => ControlFlow::Continue(()),
        demand::Verdict::Open(why) => {
            if !open.contains(&why) {
                open.push(why);
            }
            ControlFlow::Continue(())
        }
        demand::Verdict::Bad(why) => {
            let (request, world) = (way.request.clone(), way.world.clone());
            let route = way.seen[0].route.clone();
            against = Some(Box::new(Counterexample { request, world, route, why }));
            ControlFlow::Break(())
        }
    });
    if let Some(against) = against {
        return Proof::Fails(against);
    }
    open.extend(incomplete);
    if open.is_empty() { Proof::Holds } else { Proof::Undecided(open) }
}

/// What a glob stands for.
fn language(text: &str) -> Language {
    let regex = glob::regex(text.as_bytes());
    Language::pattern(&regex, false).unwrap_or_else(|_| Language::everything())
}
