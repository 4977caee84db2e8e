//! What must become of a request.

use super::glob;
use crate::config::Config;
use crate::expect::{Kind, describe};
use crate::language::{Budget, Formula, Language, Solution, solve};
use crate::request::{Dependence, GuardKind, Outcome, Route, Says};
use crate::route::{Observed, Piece, Template};

/// How many steps a comparison of a value with a glob may take.
const STEPS_MAX: u64 = 100_000;

/// What must become of the requests of an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// Every one must end so.
    Always(Part),
    /// None may end so.
    Never(Part),
    /// None may be served without one of these guards. What the configuration refuses or redirects is not served.
    NeverWithout(Vec<Guarded>),
}

/// What guards a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guarded {
    /// Credentials are asked for: `auth_basic`, `auth_request`, or another module that may refuse.
    Auth,
    /// `allow` and `deny` keep somebody out.
    Deny,
}

/// Any part of an outcome, by globs. What is `None` may be anything; together they must all fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// What kind of end.
    pub kind: Option<Kind>,
    /// The name of the upstream, or one of its addresses.
    pub upstream: Option<String>,
    /// The URL that is asked.
    pub pass: Option<String>,
    /// The status.
    pub status: Option<u16>,
    /// The `Location` of a redirect.
    pub location: Option<String>,
    /// The path of the file.
    pub path: Option<String>,
}

/// What one way says.
pub(super) enum Verdict {
    Good,
    Bad(String),
    /// It cannot be told, and why.
    Open(String),
}

/// How something fits every request of a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fits {
    No,
    /// Some, as far as is known; the witness is not one of them, or is the only one known.
    Maybe,
    Yes,
}

impl Demand {
    pub(super) fn judge(&self, config: &Config, seen: &Observed) -> Verdict {
        let route = &seen.route;
        let end = || format!("it ends with {}", describe(&route.outcome));
        let open = |what: &str| Verdict::Open(format!("{what}: {}", rests_on(route)));
        let certain = route.depends_on.iter().all(is_harmless);
        match self {
            Demand::Always(part) => match (part.fits(seen), part.fits_witness(route)) {
                (Fits::Yes, _) if certain => Verdict::Good,
                (_, false) if certain => Verdict::Bad(end()),
                (Fits::Yes, _) | (_, false) => open("where it ends is not known"),
                _ => Verdict::Open(format!("{}: it may not fit for every request", describe(&route.outcome))),
            },
            Demand::Never(part) => match (part.fits(seen), part.fits_witness(route)) {
                (Fits::No, _) if certain => Verdict::Good,
                (_, true) if certain => Verdict::Bad(end()),
                (Fits::No, _) | (_, true) => open("where it ends is not known"),
                _ => Verdict::Open(format!("{}: it may fit for some request", describe(&route.outcome))),
            },
            Demand::NeverWithout(guards) => {
                if !is_served(route) || guards.iter().any(|guard| guard.stands(config, route)) {
                    Verdict::Good
                } else if certain {
                    let names: Vec<&str> = guards.iter().map(|guard| guard.name()).collect();
                    Verdict::Bad(format!("{}, without {}", end(), names.join(" or ")))
                } else {
                    open("whether it is guarded is not known")
                }
            }
        }
    }
}

/// Which answer an upstream gives does not change that it is asked, nor whether a file is there that it is looked for.
fn is_harmless(dependence: &Dependence) -> bool {
    matches!(dependence, Dependence::UpstreamResponse | Dependence::FileExists(_))
}

fn rests_on(route: &Route) -> String {
    let named: Vec<String> = route.depends_on.iter().map(ToString::to_string).collect();
    named.join(", ")
}

/// Whether somebody gets something.
fn is_served(route: &Route) -> bool {
    match &route.outcome {
        Outcome::Pass { .. } | Outcome::File { .. } | Outcome::Files { .. } => true,
        Outcome::Return { status, .. } => *status < 300,
        Outcome::Redirect { .. } | Outcome::Close { .. } | Outcome::Error { .. } => false,
    }
}

impl Guarded {
    /// The names that `routes.toml` takes.
    pub const NAMES: [&'static str; 2] = ["auth", "deny"];

    /// The guard with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Guarded> {
        match name {
            "auth" => Some(Guarded::Auth),
            "deny" => Some(Guarded::Deny),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Guarded::Auth => "auth",
            Guarded::Deny => "deny",
        }
    }

    fn stands(self, config: &Config, route: &Route) -> bool {
        route.facts.guards.iter().any(|guard| match (self, guard.kind) {
            (Guarded::Auth, GuardKind::AuthBasic | GuardKind::AuthRequest | GuardKind::Other) => {
                guard.says != Says::Nothing
            }
            (Guarded::Deny, GuardKind::Rules) => {
                // `allow all` keeps nobody out.
                let all = |node| config.node(node).arg(0) == Some(b"all");
                guard.says == Says::Refuses || (guard.says == Says::Passes && !guard.node.is_some_and(all))
            }
            _ => false,
        })
    }
}

impl Part {
    /// Whether the witness itself fits.
    fn fits_witness(&self, route: &Route) -> bool {
        let value = main_value(&route.outcome);
        let glob = |wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| glob::fits(wanted.as_bytes(), value))
        };
        self.fixed(route) && self.globs().into_iter().all(glob)
    }

    /// Whether every, some or no request of a way fits.
    fn fits(&self, seen: &Observed) -> Fits {
        if !self.fixed(&seen.route) {
            return Fits::No;
        }
        let value = seen.shape.values.first();
        self.globs().into_iter().flatten().map(|wanted| fits(wanted, value)).min().unwrap_or(Fits::Yes)
    }

    fn globs(&self) -> [&Option<String>; 3] {
        [&self.pass, &self.location, &self.path]
    }

    /// What is the same for every request of a way.
    fn fixed(&self, route: &Route) -> bool {
        let outcome = &route.outcome;
        let status = match outcome {
            Outcome::Redirect { status, .. }
            | Outcome::Return { status, .. }
            | Outcome::Error { status, .. } => Some(*status),
            _ => route.status,
        };
        let named = |wanted: &String| match outcome {
            Outcome::Pass { upstream, servers, .. } => {
                upstream.iter().chain(servers).any(|name| glob::fits(wanted.as_bytes(), name.as_bytes()))
            }
            _ => false,
        };
        let can_have = (self.pass.is_none() || matches!(outcome, Outcome::Pass { .. }))
            && (self.location.is_none() || matches!(outcome, Outcome::Redirect { .. }))
            && (self.path.is_none() || matches!(outcome, Outcome::File { .. } | Outcome::Files { .. }));
        can_have
            && self.kind.is_none_or(|kind| kind == Kind::of(outcome))
            && self.status.is_none_or(|wanted| status == Some(wanted))
            && self.upstream.as_ref().is_none_or(named)
    }
}

/// What a request decides of an outcome.
fn main_value(outcome: &Outcome) -> &[u8] {
    match outcome {
        Outcome::Pass { pass, .. } => pass,
        Outcome::File { path } => path,
        Outcome::Files { candidates } => candidates.first().map_or(&[], Vec::as_slice),
        Outcome::Redirect { location, .. } => location,
        Outcome::Return { body, .. } => body.as_deref().unwrap_or_default(),
        Outcome::Close { .. } | Outcome::Error { .. } => &[],
    }
}

/// Holds what a value can be against a glob: what the request decides of it may be anything.
fn fits(wanted: &str, value: Option<&Template>) -> Fits {
    let Some(value) = value else { return Fits::Maybe };
    let mut around = Vec::new();
    for piece in &value.0 {
        match piece {
            Piece::Text(text) => around.extend(text.iter().map(|&byte| Some(byte))),
            _ => around.push(None),
        }
    }
    if around.iter().all(Option::is_some) {
        let text: Vec<u8> = around.into_iter().flatten().collect();
        return if glob::fits(wanted.as_bytes(), &text) { Fits::Yes } else { Fits::No };
    }
    let could_be = glob::regex_of(&around);
    let languages =
        (Language::pattern(&could_be, false), Language::pattern(&glob::regex(wanted.as_bytes()), false));
    let (Ok(could_be), Ok(wanted)) = languages else { return Fits::Maybe };
    let is_empty = |formula| solve(&formula, &mut Budget(STEPS_MAX)) == Solution::Empty;
    let inside = Formula::In(could_be);
    if is_empty(Formula::All(vec![inside.clone(), Formula::Not(Box::new(Formula::In(wanted.clone())))])) {
        Fits::Yes
    } else if is_empty(Formula::All(vec![inside, Formula::In(wanted)])) {
        Fits::No
    } else {
        Fits::Maybe
    }
}
