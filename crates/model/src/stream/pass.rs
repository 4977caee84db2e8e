//! What answers: `proxy_pass`, `return`, `pass`.
//!
//! Source: `ngx_stream_proxy_handler`, src/stream/ngx_stream_proxy_module.c; `ngx_stream_return_handler`,
//! src/stream/ngx_stream_return_module.c; `ngx_stream_pass_handler`, src/stream/ngx_stream_pass_module.c

use std::net::SocketAddr;

use super::connection::StreamOutcome;
use super::session::{PASSES_MAX, Session, Tls, Turn, shown};
use crate::config::Node;
use crate::listen::ipv4;
use crate::number::atoi;
use crate::request::LocalAddress;
use crate::route::question::Shape;

/// An address of an upstream, taken apart.
struct Authority {
    /// As nginx compares it with the names of upstreams.
    host: Vec<u8>,
    port: Option<u16>,
    /// The address, where it is none that must be resolved; its port is 0 without one.
    address: Option<LocalAddress>,
}

impl<'c> Session<'_, 'c> {
    /// The last of the directives that answer counts.
    pub(super) fn content(&mut self) -> Turn {
        let server = self.router.server(self.server);
        let answers = ["proxy_pass", "return", "pass"];
        let answering = |node: &Node<'_>| answers.contains(&node.name());
        let Some(node) = server.children().filter(answering).last() else {
            if let Some(other) = server.children().find(|node| node.name() == "js_content") {
                self.depend(other.name());
            }
            return self.close("no handler for server");
        };
        match node.name() {
            "return" => self.returned(node),
            "pass" => self.handed(node),
            _ => self.proxied(node),
        }
    }

    fn returned(&mut self, node: Node<'c>) -> Turn {
        let value = self.eval(node.arg(0).unwrap_or(b""));
        self.step("return", shown(&value.text), Some(node.id()));
        self.shape = Shape { words: vec![String::from("return")], values: vec![value.text.template()] };
        Turn::Done(StreamOutcome::Return { text: value.text.into_bytes() })
    }

    fn proxied(&mut self, node: Node<'c>) -> Turn {
        let written = node.arg(0).unwrap_or(b"");
        let variables = written.contains(&b'$');
        let value = self.eval(written);
        let pass = value.text.clone();
        if !value.known {
            return self.passed_on(node, None, Vec::new(), pass);
        }
        let authority = match authority(&pass) {
            Ok(authority) => authority,
            Err(why) => return self.close(format!("{why} in upstream \"{}\"", shown(&pass))),
        };
        if authority.port.is_none()
            && let Some(upstream) = self.router.upstream(&authority.host)
        {
            let up = upstream.servers.iter().filter(|server| !server.down);
            let (backup, primary): (Vec<_>, Vec<_>) = up.partition(|server| server.backup);
            let servers: Vec<String> =
                primary.iter().chain(&backup).map(|server| shown(&server.address)).collect();
            if servers.is_empty() && !upstream.servers.is_empty() {
                self.step("proxy_pass", shown(&pass), Some(node.id()));
                return self.close("no live upstreams while connecting to upstream");
            }
            return self.passed_on(node, Some(shown(&pass)), servers, pass);
        }
        let unix = matches!(authority.address, Some(LocalAddress::Unix(_)));
        if authority.port.is_none() && !unix {
            return self.close(format!("no port in upstream \"{}\"", shown(&authority.host)));
        }
        let known = || self.router.resolved.contains(&pass.to_ascii_lowercase());
        let resolver = || !self.router.in_force(self.server, "resolver").is_empty();
        if variables && authority.address.is_none() && !known() && !resolver() {
            return self.close(format!("no resolver defined to resolve {}", shown(&authority.host)));
        }
        self.passed_on(node, Some(shown(&pass)), vec![shown(&pass)], pass)
    }

    fn passed_on(
        &mut self,
        node: Node<'c>,
        upstream: Option<String>,
        servers: Vec<String>,
        pass: crate::route::traced::Traced,
    ) -> Turn {
        let tls = !self.connection.udp && self.router.flag(self.server, "proxy_ssl").is_some();
        let preface = self.router.flag(self.server, "proxy_protocol").is_some();
        let text = match servers.join(", ") {
            list if list.is_empty() || list.as_bytes() == &pass[..] => shown(&pass),
            list => format!("{} ({list})", shown(&pass)),
        };
        self.step("proxy_pass", text, Some(node.id()));
        let mut words = vec![String::from("proxy"), format!("tls={tls} proxy_protocol={preface}")];
        if pass.is_text() {
            words.push(servers.join(" "));
        }
        self.shape = Shape { words, values: vec![pass.template()] };
        Turn::Done(StreamOutcome::Proxy { upstream, servers, pass: pass.into_bytes(), tls, preface })
    }

    fn handed(&mut self, node: Node<'c>) -> Turn {
        if self.connection.udp {
            return self.close("cannot pass udp connection");
        }
        if self.tls == Tls::Done && self.router.flag(self.server, "ssl_preread").is_some() {
            self.depend("ssl_preread");
            return self.close("cannot pass connection with preread data");
        }
        let value = self.eval(node.arg(0).unwrap_or(b""));
        self.step("pass", shown(&value.text), Some(node.id()));
        if !value.known {
            return self.close("passed on to where nobody knows");
        }
        let authority = match authority(&value.text) {
            Ok(authority) => authority,
            Err(why) => return self.close(format!("{why} in pass \"{}\"", shown(&value.text))),
        };
        let to = match authority.address {
            None => return self.close(format!("no addresses in pass \"{}\"", shown(&value.text))),
            Some(LocalAddress::Inet(address)) if address.port() == 0 => {
                return self.close(format!("no port in pass \"{}\"", shown(&value.text)));
            }
            Some(to) => to,
        };
        self.passes += 1;
        if self.passes > PASSES_MAX {
            return self.close("stream pass cycle");
        }
        if self.is_of_another_family(&to) {
            self.depend("pass");
        }
        let router = self.router;
        if router.listening(&router.tcp, &to, self.reached).is_some() {
            return Turn::Enter(to);
        }
        for sockets in &router.others {
            if let Some(socket) = router.listening(sockets, &to, self.reached) {
                let server = router.server(socket.default).id();
                self.shape =
                    Shape { words: vec![String::from("pass"), socket.key.to_string()], values: Vec::new() };
                return Turn::Done(StreamOutcome::Handed { to, server: Some(server) });
            }
        }
        self.close(format!("port not found for \"{}\"", shown(&value.text)))
    }
}

impl Session<'_, '_> {
    /// Whether `pass` names all addresses of one family, several listen there, and the connection is of the other family:
    /// nginx then looks for its address in a list of the wrong kind, and may crash (seen with 1.31.3).
    fn is_of_another_family(&self, to: &LocalAddress) -> bool {
        let LocalAddress::Inet(to) = to else { return false };
        let several =
            self.router.tcp.all.iter().filter(|socket| socket.key.port() == Some(to.port())).count() > 1;
        let same = self.reached.is_some_and(|reached| reached.is_ipv4() == to.is_ipv4());
        to.ip().is_unspecified() && several && !same
    }
}

/// Reads an address as nginx reads one that it does not resolve.
///
/// Source: `ngx_parse_url`, src/core/ngx_inet.c
fn authority(text: &[u8]) -> Result<Authority, &'static str> {
    if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"unix:")) {
        let path = &text[5..];
        if path.is_empty() {
            return Err("no path in the unix domain socket");
        }
        let address = Some(LocalAddress::Unix(path.to_vec()));
        return Ok(Authority { host: path.to_vec(), port: None, address });
    }
    let number = |text: &[u8]| {
        let number = atoi(text).and_then(|port| u16::try_from(port).ok());
        number.filter(|&port| port > 0).ok_or("invalid port")
    };
    if let Some(rest) = text.strip_prefix(b"[") {
        let end = rest.iter().position(|&byte| byte == b']').ok_or("invalid host")?;
        let port = match &rest[end + 1..] {
            [] => None,
            [b':', port @ ..] if !port.contains(&b'/') => Some(number(port)?),
            _ => return Err("invalid host"),
        };
        if end == 0 {
            return Err("no host");
        }
        let ip = std::str::from_utf8(&rest[..end]).ok().and_then(|text| text.parse().ok());
        let ip: std::net::Ipv6Addr = ip.ok_or("invalid IPv6 address")?;
        let address = SocketAddr::new(ip.into(), port.unwrap_or(0));
        return Ok(Authority {
            host: text[..end + 2].to_vec(),
            port,
            address: Some(LocalAddress::Inet(address)),
        });
    }
    if text.iter().any(|byte| matches!(byte, b'/' | b'?')) {
        return Err("invalid host");
    }
    let (host, port) = match text.iter().position(|&byte| byte == b':') {
        Some(colon) => (&text[..colon], Some(number(&text[colon + 1..])?)),
        None => (text, None),
    };
    if host.is_empty() {
        return Err("no host");
    }
    let address = ipv4(host).map(|ip| LocalAddress::Inet(SocketAddr::new(ip.into(), port.unwrap_or(0))));
    Ok(Authority { host: host.to_vec(), port, address })
}
