//! The socket of a connection, and what stands before everything else on it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::connection::{Connection, Preface, StreamOutcome, StreamRoute};
use super::session::{Session, Tls, Turn, shown};
use super::{StreamObserved, StreamRouter};
use crate::request::{Dependence, LocalAddress, Step};
use crate::route::listen::{Key, Socket};
use crate::route::question::Shape;

/// The socket that takes a connection.
pub(super) fn socket<'r>(router: &'r StreamRouter<'_>, connection: &Connection) -> Option<&'r Socket> {
    let sockets = router.sockets(connection.udp);
    let at = match &connection.listen {
        Some(address) => sockets.at(address)?,
        None => guess(&sockets.all, connection.port)?,
    };
    Some(&sockets.all[at])
}

/// The socket for a connection that says a port but no address: the first that others than this machine can reach, else
/// the first.
fn guess(sockets: &[Socket], port: Option<u16>) -> Option<usize> {
    let fits = |at: &usize| port.is_none_or(|port| sockets[*at].key.port() == Some(port));
    let open = |at: &usize| match &sockets[*at].key {
        Key::Inet(address) => !address.ip().is_loopback(),
        Key::Name(name, _) => name != "localhost",
        Key::Unix(_) => false,
    };
    let fitting = || (0..sockets.len()).filter(fits);
    fitting().find(open).or_else(|| fitting().next())
}

/// The same, with the local address as far as it is known.
pub(super) fn find<'r>(
    router: &'r StreamRouter<'_>,
    connection: &Connection,
    depends_on: &mut BTreeSet<Dependence>,
) -> Option<(&'r Socket, Option<SocketAddr>)> {
    if let Some(LocalAddress::Inet(address)) = &connection.listen
        && router.sockets(connection.udp).named_with_port(address.port())
    {
        depends_on.insert(Dependence::Module(String::from("dns")));
    }
    let socket = socket(router, connection)?;
    let local = match (&connection.listen, &socket.key) {
        (Some(LocalAddress::Inet(address)), _) => Some(*address),
        (None, Key::Inet(address)) if !address.ip().is_unspecified() => Some(*address),
        _ => None,
    };
    Some((socket, local))
}

/// The way of a connection that no socket takes.
pub(super) fn nowhere(connection: &Connection, depends_on: BTreeSet<Dependence>) -> StreamObserved {
    let at = match (&connection.listen, connection.port) {
        (Some(LocalAddress::Inet(address)), _) => address.to_string(),
        (Some(LocalAddress::Unix(path)), _) => format!("unix:{}", shown(path)),
        (None, Some(port)) => format!("port {port}"),
        (None, None) => String::from("any address"),
    };
    let udp = if connection.udp { " for UDP" } else { "" };
    let reason = format!("no server of stream listens on {at}{udp}");
    let route = StreamRoute {
        outcome: StreamOutcome::Close { reason },
        listen: None,
        server: None,
        limits: Vec::new(),
        steps: Vec::new(),
        depends_on: depends_on.into_iter().collect(),
    };
    let shape = Shape { words: vec![String::from("nothing listens")], values: Vec::new() };
    StreamObserved { route, questions: Vec::new(), shape }
}

impl Session<'_, '_> {
    pub(super) fn accept(&mut self) -> Turn {
        let (router, socket) = (self.router, self.socket);
        let default = router.server(socket.default);
        let (file, line) = (&default.source().display, default.line());
        let why = if socket.default_is_marked { "marked default_server" } else { "the first" };
        let rest = match socket.servers.len() {
            1 => String::from("one server, whatever the name"),
            servers => format!("{servers} servers, {file}:{line} is the default ({why})"),
        };
        let options =
            [(self.connection.udp, " udp"), (socket.tls, " ssl"), (socket.proxy_protocol, " proxy_protocol")];
        let options: String = options.iter().filter(|(on, _)| *on).map(|(_, option)| *option).collect();
        let text = format!("{}{options}: {rest}", socket.key);
        self.steps.push(Step { what: "listen", text, node: socket.listen });
        Turn::On
    }

    /// Reads the PROXY protocol header. A later socket of the same connection would want another one.
    ///
    /// Source: `ngx_stream_proxy_protocol_handler`, src/stream/ngx_stream_handler.c
    pub(super) fn preface(&mut self) -> Turn {
        if !self.socket.proxy_protocol {
            return Turn::On;
        }
        let again = self.source.preface_read && self.connection.preface != Preface::AsWanted;
        if again || self.tls == Tls::Done || self.connection.preface == Preface::Absent {
            self.source.preface_lost = true;
            return self.close("broken header while reading PROXY protocol");
        }
        self.source.preface_read = true;
        let text = match self.connection.preface {
            Preface::Of { source, destination } => format!("{source} asks {destination}"),
            Preface::Nameless => String::from("it names no addresses"),
            Preface::AsWanted | Preface::Absent => String::from("a header comes first"),
        };
        self.step("proxy_protocol", text, self.socket.listen);
        Turn::On
    }

    /// Whether the client's own first bytes are those of a handshake: a header that nobody reads stands before them.
    pub(super) fn sees_hello(&self) -> bool {
        let header = matches!(self.connection.preface, Preface::Of { .. } | Preface::Nameless);
        self.connection.hello.is_some() && (!header || self.source.preface_read)
    }
}
