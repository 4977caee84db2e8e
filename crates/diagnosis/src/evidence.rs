//! What goes in. Plain values; whoever gathers them says so, and says where nobody looked (`None`).

use std::net::SocketAddr;

use evenkeel_fleet::watch::Failure;
use evenkeel_fleet::{Span, Timestamp};
use evenkeel_model::{LogLevel, LogPhase, Message};

/// Everything that is known about a failure, or about health.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// When it began to fail, as far as known.
    pub onset: Option<Timestamp>,
    /// The last answer to each probe from each vantage.
    pub samples: Vec<Seen>,
    /// What the error logs say; `None`: nobody could read them.
    pub lines: Option<Vec<Lines>>,
    /// What the access logs say of the requests that are asked about; `None`: nobody could read them.
    pub access: Option<Vec<Answers>>,
    /// What the firewalls decide.
    pub firewall: Option<Vec<Firewall>>,
    /// The listening sockets of the host.
    pub listening: Option<Vec<Listening>>,
    /// The nginx of the host.
    pub nginx: Option<Nginx>,
    /// Where the configuration sends the request.
    pub route: Option<Routed>,
    /// Where the configuration before the last change sent it.
    pub former: Option<Routed>,
    /// Whether the configuration, or the one before the last change, listens at the address that is asked; `None`: neither was read.
    pub listen_named: Option<bool>,
    /// Files of the configuration that a package replaced lately; what stood there lies beside them.
    pub replaced: Option<Vec<String>>,
    /// Certificates, served and on disk.
    pub certificates: Option<Vec<Certificate>>,
    /// The applications, asked without nginx.
    pub direct: Option<Vec<Direct>>,
    /// Names of upstreams, resolved now.
    pub names: Option<Vec<Name>>,
    /// What changed lately.
    pub changes: Vec<Change>,
    /// Other hosts with the same configuration.
    pub peers: Option<Vec<Peer>>,
    /// What a balancer in front says.
    pub balancer: Option<Vec<Session>>,
}

/// How the vantage is called where several others see the same: nobody counted them.
pub const OTHERS: &str = "others";

/// An answer to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// From where.
    pub vantage: String,
    /// The host that was asked.
    pub host: String,
    /// The address that was asked.
    pub address: Option<SocketAddr>,
    /// What was asked for.
    pub url: String,
    /// How it failed; `None`: it did not.
    pub failure: Option<Failure>,
    /// Where the answer sends the client.
    pub redirect: Option<String>,
    /// What came back; `None`: no whole answer, or nobody says.
    pub reply: Option<Reply>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What is known of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// What it says of its contents: `text/html`.
    pub kind: Option<String>,
    /// The names of its headers, in lower case.
    pub headers: Vec<String>,
    /// The host that it redirects to, when that has no address.
    pub leads_nowhere: Option<String>,
    /// Whether another client got the same cookie a moment later.
    pub same_cookie: bool,
}

/// Lines of an error log that say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// The class.
    pub message: Message,
    /// What nginx was at.
    pub phase: Option<LogPhase>,
    /// How bad.
    pub level: LogLevel,
    /// The error of the operating system.
    pub errno: Option<u32>,
    /// The upstream: scheme and address.
    pub upstream: Option<String>,
    /// The server block.
    pub server: Option<String>,
    /// The first request.
    pub request: Option<String>,
    /// What stood at the places of the message that differ, in the first line.
    pub names: [Option<String>; 3],
    /// The first line's message.
    pub text: String,
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
}

/// Who made a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// nginx: no upstream was asked.
    Nginx,
    /// An upstream was asked and gave none.
    NoAnswer,
    /// The upstream.
    Upstream(u16),
    /// The log does not say.
    Unknown,
}

/// Answers of the access log that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The class of routes.
    pub route: String,
    /// The status that clients got.
    pub status: u16,
    /// Who made it.
    pub origin: Origin,
    /// The upstream's address.
    pub upstream: Option<String>,
    /// How many.
    pub count: u64,
    /// From how many different addresses, as far as counted.
    pub clients: u64,
}

/// What a firewall decides of new connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firewall {
    /// On which host.
    pub host: String,
    /// For which address and port.
    pub to: SocketAddr,
    /// What.
    pub verdict: Verdict,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Connections come through.
    Reachable,
    /// This rule stops them.
    Blocked {
        /// As the firewall prints it.
        rule: String,
        /// Whether the sender is told.
        rejects: bool,
    },
    /// They come through at first; what follows is dropped, or too many are.
    Conditional {
        /// On what it depends.
        on: String,
    },
    /// It cannot be said.
    Unknown {
        /// Because of what.
        because: String,
    },
}

/// A listening socket; one that takes IPv4 and IPv6 is told of twice, as `0.0.0.0` and as `[::]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// Where.
    pub at: SocketAddr,
    /// The program that holds it, when known.
    pub program: Option<String>,
    /// Whether its queue of connections is full; `None`: nobody looked.
    pub full: Option<bool>,
}

/// The nginx of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nginx {
    /// Whether there is a master.
    pub runs: bool,
    /// How many generations of workers live.
    pub generations: usize,
    /// When the youngest worker started.
    pub youngest_worker: Option<Timestamp>,
    /// When the configuration last changed on disk.
    pub config_changed: Option<Timestamp>,
    /// Whether nginx would start with what is on disk; what it says if not.
    pub disk: Option<Result<(), String>>,
}

/// How much younger than a worker a change may look that it has read, in milliseconds: the kernel counts the start of a process
/// in hundredths of a second and stamps files by a clock that ticks, and a reload follows its edit at once.
const CLOCKS_DIFFER_MS: u64 = 20;

impl Nginx {
    /// Whether the workers may have read what changed at a moment; `None` when it is not known when they started.
    #[must_use]
    pub fn may_have_read(&self, changed: Timestamp) -> Option<bool> {
        self.youngest_worker.map(|started| changed <= started + Span::from_millis(CLOCKS_DIFFER_MS))
    }
}

/// Where the configuration sends the request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routed {
    /// The server block: its first name, or its address.
    pub server: String,
    /// Whether the server block was chosen only because no other has the name.
    pub by_default: bool,
    /// The location; `None`: the server itself.
    pub location: Option<String>,
    /// The statuses that the configuration answers with by itself: `return`, `=404`.
    pub returns: Option<u16>,
    /// The upstream, as the configuration writes it.
    pub upstream: Option<String>,
    /// The servers of the upstream.
    pub servers: Vec<String>,
    /// The file that it would open.
    pub file: Option<String>,
    /// Headers that an outer block adds and this one drops, because it adds some of its own; in lower case.
    pub dropped: Vec<String>,
    /// Whether cookies of the upstream's answers are kept in a cache.
    pub caches_cookies: bool,
    /// Whether `Upgrade` is passed on to the upstream.
    pub upgrades: bool,
    /// Whether a server of the upstream takes only so many connections (`max_conns`).
    pub max_conns: bool,
    /// Whether it wants a password (`auth_basic`).
    pub wants_password: bool,
    /// Where it stands: file and line.
    pub place: Option<String>,
}

/// A certificate, as it is served and as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The name that was asked for.
    pub name: String,
    /// The serial that is served.
    pub served: String,
    /// When that one ends.
    pub served_until: Option<Timestamp>,
    /// The serial on disk.
    pub disk: Option<String>,
    /// When that one ends.
    pub disk_until: Option<Timestamp>,
    /// The file.
    pub path: Option<String>,
}

/// An application, asked without nginx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Direct {
    /// Its address.
    pub at: String,
    /// Whether the configuration sends requests there today.
    pub configured: bool,
    /// Why it is asked if not: `the release before had it`. `None`: a guess, it merely listens on the same machine.
    pub because: Option<String>,
    /// How it failed; `None`: it answered.
    pub failure: Option<Failure>,
    /// Whether it answers a path that cannot exist too, so that its answer says nothing of the path that was asked for.
    pub answers_all: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A name, resolved now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// Its addresses; empty: it does not resolve.
    pub addresses: Vec<String>,
    /// The addresses that nginx connects to, as its log says.
    pub connected: Vec<String>,
}

/// What kind of thing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// A release of ours.
    Release,
    /// Somebody edited the configuration.
    Edit,
    /// A package was installed, upgraded or removed.
    Package,
    /// The firewall.
    Firewall,
    /// A certificate.
    Certificate,
    /// Names and addresses.
    Dns,
    /// An application was started, stopped or deployed.
    Application,
    /// nginx was restarted, or the host.
    Restart,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// What kind.
    pub kind: ChangeKind,
    /// What, in a line.
    pub what: String,
    /// By whom or what.
    pub author: Option<String>,
    /// What it means, when a comparison says.
    pub meaning: Vec<String>,
    /// The servers, locations, upstreams and files that it touches; empty: not known.
    pub touches: Vec<String>,
    /// The command that takes it back.
    pub rollback: Option<String>,
}

/// Another host with the same configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub host: String,
    /// Whether it answers as it should.
    pub healthy: bool,
}

/// Sessions of a balancer that ended alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// HAProxy's four letters.
    pub code: String,
    /// The status that the client got.
    pub status: u16,
    /// The server; `None`: none was chosen.
    pub server: Option<String>,
    /// The last result of its check: `L4CON`.
    pub check: Option<String>,
    /// How many.
    pub count: u64,
}

impl Evidence {
    /// The samples that failed.
    pub fn down(&self) -> impl Iterator<Item = (&Seen, &Failure)> {
        self.samples.iter().filter_map(|seen| Some((seen, seen.failure.as_ref()?)))
    }
}

/// Endings of what no browser takes as a page.
const ASSETS: [&str; 14] =
    ["js", "mjs", "css", "map", "json", "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "woff", "woff2"];

/// The kind of file that a URL asks for by its ending, where that is no page: `js`.
#[must_use]
pub fn asset(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    ASSETS.contains(&ending).then_some(ending)
}
