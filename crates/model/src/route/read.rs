//! Request line and header, and the server that they choose.
//!
//! Source: `ngx_http_process_request_line`, `ngx_http_process_request_headers`, `ngx_http_set_virtual_server`,
//! `ngx_http_process_request_header`, `ngx_http_process_request`, src/http/ngx_http_request.c

use std::borrow::Cow;

use super::blocks::Role;
use super::entry::Handshake;
use super::error_page::PLAIN_TO_TLS;
use super::headers;
use super::line::{self, Line};
use super::name::Found;
use super::question::{Atom, Input, Is};
use super::uri::{Target, normalize};
use super::walk::{Turn, Walk, shown};
use crate::catalog::Version;
use crate::number::atoi;
use crate::request::{HttpVersion, Outcome};

/// The headers of which nginx takes one only.
const UNIQUE: &[&str] = &[
    "content-length",
    "transfer-encoding",
    "if-modified-since",
    "if-unmodified-since",
    "if-match",
    "if-none-match",
    "expect",
    "authorization",
    "if-range",
];

/// A client without a certificate; it sees 400.
const NO_CERTIFICATE: u16 = 496;

/// The largest request line or header line when nothing is said.
const LINE_BYTES_DEFAULT: i64 = 8192;

/// Releases before this one know nothing of CONNECT but its name.
const CONNECT_FROM: Version = Version { major: 1, minor: 29, patch: 0 };
/// Releases from this one on take HTTP/1 and HTTP/2 on the same socket without TLS.
const EITHER_SINCE: Version = Version { major: 1, minor: 25, patch: 1 };
/// Releases from this one on read its target as a host and a port. Between the two, nobody asked.
const CONNECT_SINCE: Version = Version { major: 1, minor: 31, patch: 3 };

impl<'r> Walk<'r, '_> {
    /// Reads request line and header and chooses the server.
    pub(super) fn read(&mut self, handshake: &Handshake) -> Result<(), Turn> {
        self.check_protocol()?;
        self.check_line_length()?;
        let connects = self.router.version().is_none_or(|version| version >= CONNECT_SINCE);
        let Some(line) = line::parse(self.request, connects) else {
            return Err(self.bad("the request line is broken"));
        };
        if self.request.version == HttpVersion::V2 && !self.request.target.starts_with(b"/") {
            return Err(self.bad("a path of HTTP/2 begins with a slash"));
        }
        self.version = line.version;
        self.beside.has_line = true;
        self.read_uri(&line)?;
        if let Some(host) = &line.host {
            self.take_host(Cow::Borrowed(host), handshake, "the host of the request line is broken")?;
        }
        if self.version >= HttpVersion::V1_0 {
            self.read_headers(handshake)?;
        }
        if self.host.is_empty() {
            self.choose_server(b"", handshake)?;
        }
        if self.version >= HttpVersion::V1_0 {
            self.check_header()?;
        }
        if self.socket.tls && !self.request.tls {
            return Err(self.error(PLAIN_TO_TLS, "a plain HTTP request on a TLS port"));
        }
        self.check_certificate()
    }

    /// A client that brings none is refused here; one that brings a bad one is not thought of.
    fn check_certificate(&mut self) -> Result<(), Turn> {
        let server = self.server_node().id();
        let verify = self.router.blocks.effective(server, Role::SslVerifyClient);
        if !self.request.tls || verify.and_then(|node| node.arg(0)) != Some(b"on") {
            return Ok(());
        }
        match self.ask_atom(Atom::Other(String::from("ssl_verify_client")), Is::Yes) {
            Is::No => Err(self.error(NO_CERTIFICATE, "the client has no certificate")),
            _ => Ok(()),
        }
    }

    fn bad(&mut self, why: impl Into<Cow<'static, str>>) -> Turn {
        self.error(400, why)
    }

    /// The longest line that fits into one buffer.
    fn line_limit(&self) -> usize {
        let server = self.server_node().id();
        let limit = self.router.blocks.size(server, Role::LargeHeaderBuffers, 1, LINE_BYTES_DEFAULT);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    fn check_line_length(&mut self) -> Result<(), Turn> {
        let version = if self.request.version == HttpVersion::V0_9 { 0 } else { " HTTP/1.1".len() };
        let length = self.request.method.len() + 1 + self.request.target.len() + version + 2;
        let limit = self.line_limit();
        let header: usize =
            self.request.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        if length + header > limit.saturating_mul(3) {
            // It may still fit: that depends on how the lines fall into the buffers.
            self.depend("large_client_header_buffers");
        }
        if length > limit {
            if !self.is_plain() {
                // What is wrong in the part that fits is seen first.
                self.depend("large_client_header_buffers");
            }
            return Err(self.error(414, format!("the request line does not fit into {limit} bytes")));
        }
        Ok(())
    }

    /// What a release knows of HTTP/2 without TLS, and of CONNECT.
    fn check_protocol(&mut self) -> Result<(), Turn> {
        let version = self.router.version();
        let between = |version: &Version| (CONNECT_FROM..CONNECT_SINCE).contains(version);
        if *self.method == *b"CONNECT" && version.as_ref().is_some_and(between) {
            self.depend("connect");
        }
        if self.request.tls || self.socket.tls {
            return Ok(());
        }
        let either = version.is_none_or(|version| version >= EITHER_SINCE);
        if self.request.version == HttpVersion::V2 {
            let default = self.server_node().id();
            if !self.socket.http2 && !self.router.blocks.flag(default, Role::Http2, false) {
                return Err(self.bad("HTTP/2 on a socket that does not speak it"));
            }
        } else if self.socket.http2 && !either {
            let reason = String::from("HTTP/1 on a socket that speaks HTTP/2 alone");
            return Err(Turn::Done(Outcome::Close { reason }, None));
        }
        Ok(())
    }

    /// Whether nothing in the request line makes nginx refuse it before it is at its end.
    fn is_plain(&self) -> bool {
        let (method, target) = (&self.request.method, &self.request.target);
        // What follows a CONNECT is no URI for newer releases.
        let letters = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase) && method != b"CONNECT";
        let printable = target.starts_with(b"/") && target.iter().all(|&byte| byte > b' ' && byte != 0x7f);
        letters && printable && self.request.version > HttpVersion::V0_9
    }

    fn read_uri(&mut self, line: &Line<'r>) -> Result<(), Turn> {
        let server = self.server_node().id();
        let merge = self.router.blocks.flag(server, Role::MergeSlashes, true);
        let target =
            if line.has_path { line.target.into() } else { Cow::Owned([b"/", line.target].concat()) };
        let Some(Target { uri, args, quoted, plus }) = normalize(&target, merge) else {
            return Err(self.bad("the URI is broken or leads above the root"));
        };
        (self.uri, self.args) = (self.given(uri, || Input::Uri), self.given(args, || Input::Args));
        (self.quoted_uri, self.plus_in_uri) = (quoted, plus);
        (self.unparsed_uri, self.valid_unparsed_uri) = (line.target.into(), line.has_path);
        Ok(())
    }

    /// Checks a host and chooses its server.
    fn take_host(
        &mut self,
        host: Cow<'r, [u8]>,
        handshake: &Handshake,
        why: &'static str,
    ) -> Result<(), Turn> {
        let version = self.router.version();
        let host = match &host {
            Cow::Borrowed(host) => headers::host(host, version),
            Cow::Owned(host) => headers::host(host, version).map(|host| Cow::Owned(host.into_owned())),
        };
        let Some(host) = host else { return Err(self.bad(why)) };
        self.choose_server(&host, handshake)?;
        self.host = host;
        Ok(())
    }

    fn choose_server(&mut self, host: &[u8], handshake: &Handshake) -> Result<(), Turn> {
        let router = self.router;
        if self.is_name_of_handshake(handshake.name.as_deref(), host) {
            if let Some((captured, claim)) = handshake.captured.clone() {
                self.capture_name(captured, &claim, host, Input::Sni);
            }
            let server = self.server_node();
            self.step("server", || format!("{} as in the handshake", shown(host)), Some(server.id()));
            return Ok(());
        }
        let names = self.socket.names(router.config, &router.patterns);
        let found = names.map_or(Found::Nobody, |names| names.find(host));
        if names.is_some() {
            self.ask_server(host, &found, &Input::Host);
        }
        let mut server = None;
        match found {
            Found::Server(claim, captured) => {
                if let Some(captured) = captured {
                    self.capture_name(captured, &claim, host, Input::Host);
                }
                let node = claim.node.unwrap_or_else(|| router.config.servers()[claim.server].node);
                let text = || match (claim.node, host) {
                    (Some(_), b"") => String::from("no name was sent, and it has the name \"\""),
                    (Some(_), _) => format!("{}: {}", shown(host), claim.how),
                    (None, _) => String::from("no name was sent, and it has none"),
                };
                self.step("server", text, Some(node));
                server = Some(claim.server);
            }
            Found::Nobody | Found::Unknown(_) => {
                let default = router.config.servers()[self.socket.default].node;
                if names.is_some() && handshake.name.is_none() {
                    self.step(
                        "server",
                        || format!("no server has the name \"{}\": the default", shown(host)),
                        Some(default),
                    );
                } else if names.is_none() {
                    self.step("server", "the only one on this address", Some(default));
                }
                if let Found::Unknown(pattern) = found {
                    self.step(
                        "server",
                        || format!("whether ~{} matches cannot be told", shown(pattern.text())),
                        None,
                    );
                    self.depend("regex");
                }
            }
        }
        if handshake.name.is_some() {
            let target = server.unwrap_or(self.socket.default);
            server = Some(target);
            let verify = router.blocks.effective(router.config.servers()[target].node, Role::SslVerifyClient);
            if verify.and_then(|node| node.arg(0)).is_some_and(|value| value != b"off") {
                return Err(self
                    .error(421, "the handshake was for another name, and this server wants a certificate"));
            }
        }
        if let Some(server) = server {
            self.server = server;
            self.block = self.server_node().id();
        }
        Ok(())
    }

    fn read_headers(&mut self, handshake: &Handshake) -> Result<(), Turn> {
        let (parsed, good) = headers::parse(self.request);
        self.headers.reserve_exact(parsed.len());
        let mut host_seen = false;
        for header in parsed {
            let server = self.server_node().id();
            let blocks = &self.router.blocks;
            let underscores = blocks.flag(server, Role::UnderscoresInHeaders, false);
            let invalid = header.invalid || (header.underscore && !underscores);
            if header.name.len() + header.value.len() + ": \r\n".len() > self.line_limit() {
                return Err(self.error(494, "a header line is too long"));
            }
            if invalid && blocks.flag(server, Role::IgnoreInvalidHeaders, true) {
                continue;
            }
            if header.name.eq_ignore_ascii_case(b"host") {
                if host_seen {
                    return Err(self.bad("there are two Host headers"));
                }
                host_seen = true;
                // Pages of an error see it, broken or not.
                self.headers.push((header.name, header.value.clone()));
                if self.host.is_empty() {
                    self.take_host(header.value, handshake, "the Host header is broken")?;
                } else if headers::host(&header.value, self.router.version()).is_none() {
                    return Err(self.bad("the Host header is broken"));
                }
                continue;
            }
            let is_unique = |name: &&str| header.name.eq_ignore_ascii_case(name.as_bytes());
            if UNIQUE.iter().any(|name| is_unique(name) && self.header(name).is_some()) {
                return Err(self.bad(format!("there are two {} headers", shown(&header.name))));
            }
            self.headers.push((header.name, header.value));
        }
        if good { Ok(()) } else { Err(self.bad("a header line is broken")) }
    }

    fn check_header(&mut self) -> Result<(), Turn> {
        if self.version > HttpVersion::V1_0 && self.header("host").is_none() {
            return Err(self.bad("HTTP/1.1 without a Host header"));
        }
        if let Some(length) = self.header("content-length") {
            self.content_length = atoi(length);
            if self.content_length.is_none() {
                return Err(self.bad("the Content-Length is no number"));
            }
        }
        if let Some(encoding) = self.header("transfer-encoding") {
            let chunked = encoding.eq_ignore_ascii_case(b"chunked");
            if self.version < HttpVersion::V1_1 {
                return Err(self.bad("HTTP/1.0 with a Transfer-Encoding"));
            }
            if !chunked {
                return Err(self.error(501, "the Transfer-Encoding is not known"));
            }
            if self.content_length.is_some() {
                return Err(self.bad("both Content-Length and Transfer-Encoding"));
            }
        }
        if matches!(&self.method[..], b"CONNECT" | b"TRACE") {
            return Err(self.error(405, format!("{} is not for nginx", shown(&self.method))));
        }
        Ok(())
    }
}
