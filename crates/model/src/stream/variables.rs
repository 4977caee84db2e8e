//! The values of variables, as far as a connection and a configuration give them.
//!
//! Source: `ngx_stream_core_variables`, `ngx_stream_get_indexed_variable`, src/stream/ngx_stream_variables.c

use super::session::{Session, Tls};
use crate::request::{Dependence, LocalAddress};
use crate::route::address::Peer;
use crate::route::question::{Input, Piece};
use crate::route::script::{self, Part};
use crate::route::traced::Traced;

/// How long a value may get before it counts as unknown: a tree may double one again and again.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// A value put together.
pub(super) struct Value {
    /// What cannot be known stands in it as it is written (`$name`).
    pub(super) text: Traced,
    pub(super) known: bool,
}

impl Session<'_, '_> {
    /// A value with its variables filled in. What cannot be known becomes a dependence.
    ///
    /// nginx does it in two passes: the first asks every variable and counts the bytes, the second writes them. A variable
    /// that asks a regex leaves its groups to whatever stands before it, too.
    ///
    /// Source: `ngx_stream_complex_value`, src/stream/ngx_stream_script.c
    pub(super) fn eval(&mut self, value: &[u8]) -> Value {
        let parts = script::parts(value, false);
        let (mut values, mut counted, mut known) = (Vec::new(), 0, true);
        for part in &parts {
            counted += match part {
                Part::Text(text) => text.len(),
                Part::Capture(group) => self.captured.get(*group).map_or(0, |captured| captured.len()),
                Part::Args => 0,
                Part::Variable(name) => {
                    let value = self.variable(name).unwrap_or_else(|| {
                        known = false;
                        let name = format!("${}", String::from_utf8_lossy(name));
                        Traced::piece(name.clone().into_bytes(), Piece::Opaque(name))
                    });
                    let length = value.len();
                    values.push(value);
                    length
                }
            };
            if counted > VALUE_BYTES_MAX {
                self.depend("length");
                return Value { text: Traced::default(), known: false };
            }
        }
        let (mut text, mut values) = (Traced::default(), values.iter());
        for part in &parts {
            match part {
                Part::Text(own) => text.push_text(own),
                Part::Capture(group) => {
                    if let Some(captured) = self.captured.get(*group) {
                        text.push(captured);
                    }
                }
                Part::Args => {}
                Part::Variable(_) => values.by_ref().take(1).for_each(|value| text.push(value)),
            }
        }
        if known && text.len() > counted {
            // nginx has counted fewer bytes than it would write.
            self.depend("script");
            known = false;
        }
        Value { text, known }
    }

    /// The value of a variable; `None`, and a dependence, where nobody can know it.
    fn variable(&mut self, name: &[u8]) -> Option<Traced> {
        let name = name.to_ascii_lowercase();
        let text = std::str::from_utf8(&name).unwrap_or("?");
        if let Some(value) = self.variables.get(&name) {
            return Some(value.clone());
        }
        if let Some((module, node)) = self.router.defined.get(text).copied() {
            return self.defined(text, module, node);
        }
        if let Some(value) = self.builtin(text) {
            // What nobody has seen yet is asked for once and stays empty.
            self.variables.insert(name, value.clone());
            return Some(value);
        }
        if self.router.own_variables.contains(text) {
            return Some(Traced::default());
        }
        self.depends_on.insert(match text {
            "msec" | "session_time" => Dependence::Time,
            _ if text.starts_with("time_") => Dependence::Time,
            "remote_addr" | "binary_remote_addr" | "remote_port" | "realip_remote_addr"
            | "realip_remote_port" => Dependence::ClientAddress,
            _ if text.starts_with("proxy_protocol_") => Dependence::ClientAddress,
            "connection" | "pid" => Dependence::Random,
            _ if text.starts_with("upstream_") => Dependence::UpstreamResponse,
            _ if text.starts_with("ssl_") => Dependence::Module(String::from("ssl")),
            "server_addr" | "server_port" => Dependence::Module(String::from("local-address")),
            _ => Dependence::Module(format!("${text}")),
        });
        None
    }

    /// The variables that a connection alone decides.
    fn builtin(&mut self, name: &str) -> Option<Traced> {
        let opaque = |bytes: Vec<u8>| Traced::piece(bytes, Piece::Opaque(format!("${name}")));
        let value = match name {
            "ssl_preread_server_name" if self.tls == Tls::Read => self.sni(),
            "ssl_preread_alpn_protocols" if self.tls == Tls::Read => self.alpn(),
            "ssl_preread_protocol" if self.tls == Tls::Read => self.tls_version(),
            _ if name.starts_with("ssl_preread_") => Traced::default(),
            "ssl_server_name" if self.tls == Tls::Done => self.sni(),
            "ssl_protocol" | "ssl_cipher" | "ssl_alpn_protocol" if self.tls == Tls::Done => return None,
            _ if name.starts_with("ssl_") && self.tls != Tls::Done => Traced::default(),
            "protocol" => Traced::text(if self.connection.udp { &b"UDP"[..] } else { b"TCP" }),
            "remote_addr" => self.address_of(self.source.peer)?,
            "binary_remote_addr" => {
                let Peer::Ip(ip) = self.source.peer else { return None };
                opaque(match ip {
                    std::net::IpAddr::V4(v4) => v4.octets().to_vec(),
                    std::net::IpAddr::V6(v6) => v6.octets().to_vec(),
                })
            }
            "realip_remote_addr" => self.address_of(self.source.before.unwrap_or(self.source.peer))?,
            "server_addr" => Traced::text(self.local_text()?),
            "server_port" => match (self.local, &self.connection.listen) {
                (Some(local), _) => Traced::text(local.port().to_string()),
                (None, Some(LocalAddress::Unix(_))) => Traced::default(),
                _ => Traced::text(self.socket.key.port()?.to_string()),
            },
            "proxy_protocol_addr" => self.named(|source, _| source.ip().to_string())?,
            "proxy_protocol_port" => self.named(|source, _| source.port().to_string())?,
            "proxy_protocol_server_addr" => self.named(|_, to| to.ip().to_string())?,
            "proxy_protocol_server_port" => self.named(|_, to| to.port().to_string())?,
            "nginx_version" => {
                let version = self.router.config.settings().version?;
                Traced::text(format!("{}.{}.{}", version.major, version.minor, version.patch))
            }
            _ => return None,
        };
        Some(value)
    }

    fn address_of(&self, peer: Peer) -> Option<Traced> {
        let text = match peer {
            Peer::Ip(ip) => ip.to_string(),
            Peer::Unix => String::from("unix:"),
            Peer::Unknown => return None,
        };
        Some(Traced::piece(text.into_bytes(), Piece::Input(Input::Client)))
    }

    fn local_text(&self) -> Option<String> {
        match (self.local, &self.connection.listen) {
            (Some(local), _) => Some(local.ip().to_string()),
            (None, Some(LocalAddress::Unix(path))) => Some(format!("unix:{}", String::from_utf8_lossy(path))),
            (None, _) => None,
        }
    }

    /// A part of the PROXY protocol header; empty without one.
    fn named(&self, part: impl Fn(std::net::SocketAddr, std::net::SocketAddr) -> String) -> Option<Traced> {
        let named = self.named_addresses()?;
        let text = named.map_or_else(String::new, |(source, to)| part(source, to));
        Some(Traced::piece(text.into_bytes(), Piece::Opaque(String::from("proxy-protocol"))))
    }
}
