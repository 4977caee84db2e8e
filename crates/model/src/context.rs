//! Where a directive stands: nginx's contexts.

use std::fmt;

/// The block that a directive stands in, as nginx tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Context {
    /// The top of the main file.
    Main = 0,
    /// `events { }`
    Events = 1,
    /// `http { }`
    Http = 2,
    /// `http { server { } }`
    Server = 3,
    /// `location { }`
    Location = 4,
    /// `http { upstream { } }`
    Upstream = 5,
    /// `server { if { } }`
    ServerIf = 6,
    /// `location { if { } }`
    LocationIf = 7,
    /// `limit_except { }`
    LimitExcept = 8,
    /// `mail { }`
    Mail = 9,
    /// `mail { server { } }`
    MailServer = 10,
    /// `stream { }`
    Stream = 11,
    /// `stream { server { } }`
    StreamServer = 12,
    /// `stream { upstream { } }`
    StreamUpstream = 13,
    /// `types { }`: its lines are not directives.
    Types = 14,
    /// `map { }` of http or stream: its lines are not directives.
    Map = 15,
    /// `geo { }` of http or stream: its lines are not directives.
    Geo = 16,
    /// `split_clients { }` of http or stream: its lines are not directives.
    SplitClients = 17,
    /// `charset_map { }`: its lines are not directives.
    CharsetMap = 18,
    /// A block of which nothing is known.
    Unknown = 19,
}

impl Context {
    /// Whether the lines of this block are read by a handler of their own, not as directives.
    pub fn is_raw(self) -> bool {
        matches!(
            self,
            Context::Types | Context::Map | Context::Geo | Context::SplitClients | Context::CharsetMap
        )
    }

    /// Whether `include` works here. Where it does not, the word is a line like any other.
    pub fn includes(self) -> bool {
        !matches!(self, Context::SplitClients | Context::CharsetMap)
    }

    /// Whether it lies in `http { }`.
    pub fn is_http(self) -> bool {
        matches!(
            self,
            Context::Http
                | Context::Server
                | Context::Location
                | Context::Upstream
                | Context::ServerIf
                | Context::LocationIf
                | Context::LimitExcept
        )
    }

    /// Whether it lies in `stream { }`.
    pub fn is_stream(self) -> bool {
        matches!(self, Context::Stream | Context::StreamServer | Context::StreamUpstream)
    }

    /// The context inside the block of the directive `name` that stands here.
    pub fn inside(self, name: &str) -> Context {
        use Context as C;
        match (self, name) {
            (C::Main, "events") => C::Events,
            (C::Main, "http") => C::Http,
            (C::Main, "mail") => C::Mail,
            (C::Main, "stream") => C::Stream,
            (C::Http, "server") => C::Server,
            (C::Mail, "server") => C::MailServer,
            (C::Stream, "server") => C::StreamServer,
            (C::Http, "upstream") => C::Upstream,
            (C::Stream, "upstream") => C::StreamUpstream,
            (C::Server | C::Location, "location") => C::Location,
            (C::Server, "if") => C::ServerIf,
            (C::Location, "if") => C::LocationIf,
            (C::Location, "limit_except") => C::LimitExcept,
            (C::Http | C::Server | C::Location, "types") => C::Types,
            (C::Http | C::Stream, "map") => C::Map,
            (C::Http | C::Stream, "geo") => C::Geo,
            (C::Http | C::Stream, "split_clients") => C::SplitClients,
            (C::Http, "charset_map") => C::CharsetMap,
            _ => C::Unknown,
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Context::Main => "main",
            Context::Events => "events",
            Context::Http => "http",
            Context::Server | Context::MailServer | Context::StreamServer => "server",
            Context::Location => "location",
            Context::Upstream | Context::StreamUpstream => "upstream",
            Context::ServerIf => "if in server",
            Context::LocationIf => "if in location",
            Context::LimitExcept => "limit_except",
            Context::Mail => "mail",
            Context::Stream => "stream",
            Context::Types => "types",
            Context::Map => "map",
            Context::Geo => "geo",
            Context::SplitClients => "split_clients",
            Context::CharsetMap => "charset_map",
            Context::Unknown => "unknown block",
        })
    }
}

/// A set of contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contexts(pub(crate) u32);

impl Contexts {
    /// Whether a directive with this set may stand in `context`. In a block of its own handler nothing may.
    pub fn allows(self, context: Context) -> bool {
        !context.is_raw() && self.0 & (1 << context as u8) != 0
    }
}
