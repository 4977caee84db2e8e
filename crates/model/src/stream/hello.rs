//! The TLS handshake: done by nginx (`ssl`), or only looked at (`ssl_preread`). Either may choose another server.
//!
//! Source: `ngx_stream_ssl_servername`, src/stream/ngx_stream_ssl_module.c; `ngx_stream_ssl_preread_handler`,
//! src/stream/ngx_stream_ssl_preread_module.c

use super::session::{Session, Tls, Turn, shown};
use crate::catalog::Version;
use crate::choice::Chosen;
use crate::request::Dependence;
use crate::route::headers::lax_host;
use crate::route::name::{Claim, Found};
use crate::route::question::{Answered, Input, Piece, Template, Test};
use crate::route::traced::Traced;

/// The release from which names choose servers of stream.
const NAMES_SINCE: Version = Version { major: 1, minor: 25, patch: 5 };

/// A buffer that is smaller may not take a whole first message: newer key exchanges alone have more than a kilobyte.
const HELLO_BYTES: i64 = 4096;

impl Session<'_, '_> {
    /// Does the handshake, where the socket wants one.
    pub(super) fn handshake(&mut self) -> Turn {
        if !self.socket.tls || self.tls == Tls::Done {
            return Turn::On;
        }
        if !self.sees_hello() {
            return self.close("no TLS handshake comes while SSL handshaking");
        }
        if let Some(turn) = self.by_name() {
            return turn;
        }
        self.tls = Tls::Done;
        if let Some(node) = self.router.flag(self.server, "ssl_reject_handshake") {
            self.step("ssl_reject_handshake", "the handshake is rejected", Some(node));
            return self.close("handshake rejected while SSL handshaking");
        }
        self.protocol_of_application()
    }

    /// The protocol that `ssl_alpn` and the client agree on. A client that offers none is not asked.
    fn protocol_of_application(&mut self) -> Turn {
        let offered = self.connection.hello.as_ref().map_or(&[][..], |hello| &hello.alpn[..]);
        let Some(node) = self.router.in_force(self.server, "ssl_alpn").pop() else {
            return self.verified();
        };
        if !offered.is_empty() && !node.args().any(|known| offered.iter().any(|offer| offer == known)) {
            self.step("ssl_alpn", "none of the client's protocols is known", Some(node.id()));
            return self.close("no application protocol while SSL handshaking");
        }
        self.verified()
    }

    fn verified(&mut self) -> Turn {
        let verify = self.router.in_force(self.server, "ssl_verify_client").pop();
        if verify.and_then(|node| node.arg(0)).is_some_and(|value| value == b"on" || value == b"optional") {
            self.depend("ssl_verify_client");
        }
        Turn::On
    }

    /// Looks at the first message of a handshake that the upstream will do.
    pub(super) fn preread(&mut self) -> Turn {
        let Some(node) = self.router.flag(self.server, "ssl_preread") else { return Turn::On };
        if self.connection.udp {
            return Turn::On;
        }
        if self.tls == Tls::Done {
            self.step("ssl_preread", "what comes inside of TLS is looked at, not the handshake", Some(node));
            return Turn::On;
        }
        let Some(hello) = self.connection.hello.as_ref().filter(|_| self.sees_hello()) else {
            self.step("ssl_preread", "the client does not begin with a TLS handshake", Some(node));
            return Turn::On;
        };
        let size = self.router.in_force(self.server, "preread_buffer_size").pop();
        let size = size.and_then(|node| node.arg(0)).and_then(crate::number::size);
        if size.is_some_and(|size| size < HELLO_BYTES) {
            self.depend("preread_buffer_size");
        }
        let name = hello.sni.as_deref().map_or_else(|| String::from("without a name"), shown);
        self.step("ssl_preread", format!("{} {name}", hello.version.name()), Some(node));
        self.tls = Tls::Read;
        self.by_name().unwrap_or(Turn::On)
    }

    /// Goes over to the server of the name that the client asks for.
    fn by_name(&mut self) -> Option<Turn> {
        let version = self.router.config.settings().version;
        if version.is_some_and(|version| version < NAMES_SINCE) {
            return None;
        }
        let (router, socket) = (self.router, self.socket);
        let names = socket.names(router.config, &router.patterns)?;
        let sni = self.sni();
        let host = lax_host(&sni).unwrap_or_default().into_owned();
        let found = if host.is_empty() { Found::Nobody } else { names.find(&host) };
        let place = router.tcp.all.iter().position(|other| other.key == socket.key).unwrap_or_default();
        let server = match &found {
            Found::Server(claim, _) => claim.server,
            _ => socket.default,
        };
        let subject = Piece::Changed { how: "host", of: sni.template() };
        let chosen = Chosen::Rule(router.config.servers()[server].node);
        self.asks(Template(vec![subject.clone()]), Test::Server(place), Answered::Chosen(chosen));
        match found {
            Found::Server(claim, captured) => {
                let text = format!("the handshake names {}: {}", shown(&host), claim.how);
                self.step("server", text, claim.node);
                self.server = claim.server;
                if let Some(captured) = captured {
                    let pattern = self.pattern_of(&claim);
                    self.capture(captured, &pattern, true, &Traced::piece(host, subject));
                }
            }
            Found::Nobody if socket.servers.len() > 1 => {
                let text = match &host[..] {
                    [] => String::from("the handshake names none: the default server"),
                    host => format!("nobody is called {}: the default server", shown(host)),
                };
                self.step("server", text, Some(router.server(self.server).id()));
            }
            Found::Nobody => {}
            Found::Unknown(_) => {
                self.depends_on.insert(Dependence::Module(String::from("regex")));
            }
        }
        None
    }

    /// The regex by which a server was found.
    fn pattern_of(&self, claim: &Claim) -> Vec<u8> {
        let name = claim.node.and_then(|node| self.router.config.node(node).arg(claim.arg));
        name.and_then(|name| name.strip_prefix(b"~")).unwrap_or_default().to_vec()
    }

    /// The name that the client asks for, as it is sent; empty: none.
    pub(super) fn sni(&self) -> Traced {
        let sni = self.connection.hello.as_ref().and_then(|hello| hello.sni.clone());
        Traced::piece(sni.unwrap_or_default(), Piece::Input(Input::Sni))
    }

    /// The protocols that the client offers, as `$ssl_preread_alpn_protocols` has them.
    pub(super) fn alpn(&self) -> Traced {
        let offered = self.connection.hello.as_ref().map_or(&[][..], |hello| &hello.alpn[..]);
        Traced::piece(offered.join(&b','), Piece::Opaque(String::from("alpn")))
    }

    /// The newest version that the client offers.
    pub(super) fn tls_version(&self) -> Traced {
        let version = self.connection.hello.as_ref().map_or("", |hello| hello.version.name());
        Traced::piece(version.as_bytes().to_vec(), Piece::Opaque(String::from("tls-version")))
    }
}
