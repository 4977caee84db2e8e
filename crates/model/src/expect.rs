//! What `routes.toml` says of a request: where it must end, and what a real answer must hold.

use std::fmt;

use crate::config::Config;
use crate::request::{Dependence, Outcome, PassKind, Request, Route};

mod judge;
mod live;
mod seen;

pub(crate) use judge::describe;
pub use live::Live;
pub use seen::Seen;

/// One `[[route]]` of `routes.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSpec {
    /// Its name, for people; the request where the file gives none.
    pub name: String,
    /// The request.
    pub request: Request,
    /// Where it must end; `None`: the file does not say.
    pub expect: Option<Expectation>,
    /// What a real answer must hold; `None`: the file does not say.
    pub live: Option<Live>,
    /// Whether a real nginx may be asked although the method may change something.
    pub is_unsafe: bool,
    /// The line of the file where it begins.
    pub line: u32,
}

/// What kind of end a request has, as `outcome.kind` of `evenkeel route --json` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It is passed on.
    Pass(PassKind),
    /// A file is served.
    File,
    /// The client is sent elsewhere.
    Redirect,
    /// The configuration itself answers.
    Return,
    /// The connection is closed without an answer.
    Close,
    /// nginx answers with an error of its own.
    Error,
}

/// Any part of an outcome, and of the way to it. What is `None` is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    /// What kind of end.
    pub kind: Option<Kind>,
    /// The name of the `upstream` block, or host and port as they stand.
    pub upstream: Option<String>,
    /// The addresses of the upstream, in any order.
    pub servers: Option<Vec<String>>,
    /// The URL that is asked, with the upstream's name as host.
    pub pass: Option<String>,
    /// The path of the file.
    pub path: Option<String>,
    /// The paths that are looked for, in order.
    pub candidates: Option<Vec<String>>,
    /// The status.
    pub status: Option<u16>,
    /// The `Location` header of a redirect.
    pub location: Option<String>,
    /// The body that the configuration gives.
    pub body: Option<String>,
    /// The server that answers: one of its names, or `file:line`.
    pub server: Option<String>,
    /// The location that answers: its pattern (with or without its modifier), or `file:line`.
    pub pattern: Option<String>,
}

/// What becomes of an expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It holds.
    Holds,
    /// It does not, and where.
    Fails(Vec<Difference>),
    /// Nobody can know here; what it rests on.
    Undecided(Vec<String>),
}

/// One part of an outcome that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The key in `routes.toml`: `upstream`.
    pub key: &'static str,
    /// What was expected, for people.
    pub expected: String,
    /// What there is, for people.
    pub found: String,
}

impl Kind {
    /// Every kind, in the order in which people are told of them.
    pub const ALL: [Kind; 11] = [
        Kind::Pass(PassKind::Proxy),
        Kind::Pass(PassKind::Fastcgi),
        Kind::Pass(PassKind::Uwsgi),
        Kind::Pass(PassKind::Scgi),
        Kind::Pass(PassKind::Grpc),
        Kind::Pass(PassKind::Memcached),
        Kind::File,
        Kind::Redirect,
        Kind::Return,
        Kind::Close,
        Kind::Error,
    ];

    /// The kind of an outcome.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Kind {
        match outcome {
            Outcome::Pass { kind, .. } => Kind::Pass(*kind),
            Outcome::File { .. } | Outcome::Files { .. } => Kind::File,
            Outcome::Redirect { .. } => Kind::Redirect,
            Outcome::Return { .. } => Kind::Return,
            Outcome::Close { .. } => Kind::Close,
            Outcome::Error { .. } => Kind::Error,
        }
    }

    /// As `outcome.kind` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Pass(pass) => pass.name(),
            Kind::File => "file",
            Kind::Redirect => "redirect",
            Kind::Return => "return",
            Kind::Close => "close",
            Kind::Error => "error",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Expectation {
    /// Holds a predicted route against this.
    #[must_use]
    pub fn judge(&self, route: &Route, config: &Config) -> Judgement {
        judge::judge(self, route, config)
    }

    /// What a predicted route lacks, in words for people; `None`: nothing, or nobody can know without asking nginx.
    #[must_use]
    pub fn lacks(&self, route: &Route, config: &Config) -> Option<String> {
        self.judge(route, config).fails()
    }

    /// Holds what was seen on a real nginx against this. `route` is what the model predicted: what no answer shows (which
    /// block it came from) is taken from there.
    #[must_use]
    pub fn judge_seen(&self, seen: &Seen<'_>, route: &Route, config: &Config) -> Judgement {
        seen::judge(self, seen, route, config)
    }
}

/// What is unknown and may change the way of a request.
pub(crate) fn unknown(route: &Route) -> impl Iterator<Item = &Dependence> {
    judge::rests_on(None, route)
}

impl Judgement {
    /// Why it fails, in words for people; `None`: it holds, or nobody can know.
    #[must_use]
    pub fn fails(&self) -> Option<String> {
        match self {
            Judgement::Fails(differences) => {
                let said: Vec<String> = differences.iter().map(ToString::to_string).collect();
                Some(said.join("; "))
            }
            Judgement::Holds | Judgement::Undecided(_) => None,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.key, self.expected, self.found)
    }
}
