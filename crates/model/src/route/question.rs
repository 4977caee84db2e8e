//! What a walk asked of a request, and what its answer was put together from: what a proof needs to say for which requests
//! the same happens.

use std::collections::BTreeMap;

use super::FileKind;
use crate::choice::Chosen;
use crate::config::NodeId;
use crate::request::Route;

/// A part of a request that can be chosen freely. Everything else follows from these.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Input {
    /// The name that is asked for, in lower case and without port.
    Host,
    /// The name of the TLS handshake.
    Sni,
    /// The normalized URI that the client asks for.
    Uri,
    /// The arguments, without `?`.
    Args,
    /// The request target as it is sent.
    Target,
    /// The method.
    Method,
    /// The value of a header, by its name in lower case with `_` for `-`.
    Header(Vec<u8>),
    /// The value of a cookie.
    Cookie(Vec<u8>),
    /// The value of an argument, by its name in lower case.
    Argument(Vec<u8>),
    /// The address of the client, as text.
    Client,
    /// `HTTP/1.1`
    Protocol,
    /// The length of the body.
    ContentLength,
}

/// A piece of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Piece {
    /// What the configuration says.
    Text(Vec<u8>),
    /// What the request says.
    Input(Input),
    /// What a group of a regex found in a value.
    Group {
        /// The regex.
        pattern: Vec<u8>,
        /// Whether the case of letters is ignored.
        caseless: bool,
        /// The group, 0 for the whole match.
        group: usize,
        /// The value that it was asked of.
        of: Template,
    },
    /// A value written differently: `how` is `escape-uri`, `escape-args`, `unescape`, `lower`, …
    Changed {
        /// How.
        how: &'static str,
        /// The value before.
        of: Template,
    },
    /// What an [`Atom`] decides, or what nobody can follow: the same text means the same value.
    Opaque(String),
}

/// A value as its pieces, in order. Neighbouring texts are one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Template(pub Vec<Piece>);

/// Something outside the configuration and the request that decides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Atom {
    /// What lies at a path.
    File(Vec<u8>),
    /// The status that an upstream answers with, by what is asked.
    Upstream(Vec<u8>),
    /// The status that the subrequest of `auth_request` gets, by its URI.
    AuthRequest(Vec<u8>),
    /// Whether the credentials are good, by the file of users.
    Password(Vec<u8>),
    /// Whether a limit is exceeded, by directive and zone.
    Limit(String),
    /// Which line of a `split_clients` a value falls on, by the variable.
    Share(String),
    /// What another module or the machine does: named as in `depends_on`.
    Other(String),
}

/// What an [`Atom`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Is {
    /// It does not hold.
    No,
    /// It holds.
    Yes,
    /// What lies at a path.
    File(FileKind),
    /// A status.
    Status(u16),
    /// The n-th of several.
    Nth(usize),
}

/// What is taken as given: the answers of atoms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World(pub BTreeMap<Atom, Is>);

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Test {
    /// A regex finds something in it.
    Regex {
        /// The regex.
        pattern: Vec<u8>,
        /// Whether the case of letters is ignored.
        caseless: bool,
    },
    /// It is equal to another value.
    Equals(Template),
    /// It is neither empty nor `0`.
    Truth,
    /// It begins so.
    Begins(Vec<u8>),
    /// It ends so.
    Ends(Vec<u8>),
    /// It is one of these.
    OneOf(Vec<Vec<u8>>),
    /// It is an address in this range (`10.0.0.0/8`, `unix:`).
    Range(Vec<u8>),
    /// It is a number above this.
    MoreThan(i64),
    /// Which server of a socket (by its place) has this name.
    Server(usize),
    /// Which location of a server (by its place in `Config::servers`) takes this URI.
    Location(usize),
    /// Which line of a `map` or `geo` takes this value.
    Map(NodeId),
    /// What an atom is; the value is empty.
    Atom(Atom),
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answered {
    /// Yes or no.
    Holds(bool),
    /// One of many rules.
    Chosen(Chosen),
    /// An atom.
    Is(Is),
}

/// One question of a walk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// Of which value.
    pub subject: Template,
    /// What was asked.
    pub test: Test,
    /// What was answered.
    pub answer: Answered,
    /// The block in force when it was asked.
    pub block: NodeId,
}

/// The outcome as the pieces that it was put together from. Equal shapes are equal outcomes for every request that the
/// same questions get the same answers for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// What never changes: kind, status, addresses of the upstream, for people and for comparison.
    pub words: Vec<String>,
    /// What the request decides: the URL that is asked, the `Location`, the body, the path, header values.
    pub values: Vec<Template>,
}

/// The way of a request, and everything that it turned on. What is said of other requests holds for those of the same
/// socket and version that are no worse written: nginx takes their header, which names a host, no header comes twice, and the target is a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The way.
    pub route: Route,
    /// What was asked, in order. Another request for which all of them get the same answer goes the same way.
    pub questions: Vec<Question>,
    /// The outcome.
    pub shape: Shape,
    /// What is added to the answer and to what an upstream is asked: the headers, each with its value.
    pub beside: Shape,
}
