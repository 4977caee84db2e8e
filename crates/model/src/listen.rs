//! The address and the options of a `listen`.
//!
//! Source: `ngx_parse_url`, src/core/ngx_inet.c; `ngx_http_core_listen`, src/http/ngx_http_core_module.c

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::NodeId;
use crate::number::atoi;

/// A `listen` of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where it listens.
    pub address: ListenAddress,
    /// How.
    pub options: Options,
    /// The directive; `None` when nginx supplies its default (`*:80`, for a master that is not root `*:8000`).
    pub node: Option<NodeId>,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListenAddress {
    /// An IP address and a port, or the first and the last of a range.
    Inet {
        /// The address; the unspecified one means all.
        ip: IpAddr,
        /// The port, or the first of a range.
        port: u16,
        /// The last of the range; `port` when there is one only.
        last: u16,
    },
    /// A Unix socket.
    Unix(Vec<u8>),
    /// A name, which nginx resolves when it starts.
    Name {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
}

impl ListenAddress {
    /// An address with one port.
    pub fn inet(ip: IpAddr, port: u16) -> ListenAddress {
        ListenAddress::Inet { ip, port, last: port }
    }

    /// Whether it is the unspecified address of IPv4 or IPv6.
    pub fn is_wildcard(&self) -> bool {
        matches!(self, ListenAddress::Inet { ip, .. } if ip.is_unspecified())
    }
}

impl fmt::Display for ListenAddress {
    /// As nginx prints it in its messages, a range as its ends.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddress::Inet { ip, port, last } => {
                match ip {
                    IpAddr::V4(ip) => write!(f, "{ip}:{port}")?,
                    IpAddr::V6(ip) => write!(f, "[{ip}]:{port}")?,
                }
                if last == port { Ok(()) } else { write!(f, "-{last}") }
            }
            ListenAddress::Unix(path) => write!(f, "unix:{}", String::from_utf8_lossy(path)),
            ListenAddress::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// The options of a `listen`, with nginx's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `default_server`, or `default` as it was called before 0.8.21.
    pub default_server: bool,
    /// `ssl`
    pub ssl: bool,
    /// `http2`
    pub http2: bool,
    /// `quic`
    pub quic: bool,
    /// `udp`, in stream
    pub udp: bool,
    /// `proxy_protocol`
    pub proxy_protocol: bool,
    /// `reuseport`
    pub reuseport: bool,
    /// `ipv6only`; on by default since 1.3.4, so `[::]:80` does not take `0.0.0.0:80`.
    pub ipv6only: Option<bool>,
    /// `backlog`; 511 by default on Linux.
    pub backlog: Option<u32>,
    /// Whether it has a socket of its own even when a wildcard with the same port exists.
    pub bind: bool,
    /// Whether options are set that may be set once only for an address.
    pub set: bool,
}

impl Options {
    /// Reads the parameters after the address; what is not understood is left out (`validate` speaks of it).
    pub(crate) fn parse<'a>(parameters: impl Iterator<Item = &'a [u8]>) -> Options {
        let mut options = Options::default();
        for parameter in parameters {
            let text = std::str::from_utf8(parameter).unwrap_or("");
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            match name {
                "default_server" | "default" => options.default_server = true,
                "ssl" => options.ssl = true,
                "http2" => options.http2 = true,
                "quic" => options.quic = true,
                "udp" => options.udp = true,
                "proxy_protocol" => options.proxy_protocol = true,
                "reuseport" => options.reuseport = true,
                "ipv6only" => options.ipv6only = Some(value == "on"),
                "backlog" => options.backlog = value.parse().ok(),
                _ => {}
            }
            let sets =
                ["bind", "setfib", "fastopen", "backlog", "rcvbuf", "sndbuf", "accept_filter", "deferred"];
            if sets.contains(&name) || matches!(name, "ipv6only" | "reuseport" | "so_keepalive") {
                (options.bind, options.set) = (true, true);
            }
        }
        options
    }
}

/// What is wrong with an address, in nginx's words.
pub(crate) type AddressError = &'static str;

/// Reads the address of a `listen`. In stream there is no default port: nginx then takes 0, any free one.
pub(crate) fn parse_address(text: &[u8], default_port: u16) -> Result<ListenAddress, AddressError> {
    if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"unix:")) {
        return unix(&text[5..]);
    }
    if let Some(rest) = text.strip_prefix(b"[") {
        return inet6(rest, default_port);
    }
    if text.iter().any(|byte| matches!(byte, b'/' | b'?')) {
        return Err("invalid host");
    }
    let (host, ports) = match text.iter().position(|&byte| byte == b':') {
        Some(colon) => (&text[..colon], Some(port_range(&text[colon + 1..])?)),
        None => match port_only(text)? {
            Some((port, last)) => {
                return Ok(ListenAddress::Inet { ip: Ipv4Addr::UNSPECIFIED.into(), port, last });
            }
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err("no host");
    }
    let (port, last) = ports.unwrap_or((default_port, default_port));
    if host == b"*" {
        return Ok(ListenAddress::Inet { ip: Ipv4Addr::UNSPECIFIED.into(), port, last });
    }
    match ipv4(host) {
        Some(ip) => Ok(ListenAddress::Inet { ip: ip.into(), port, last }),
        None => Ok(ListenAddress::Name { host: String::from_utf8_lossy(host).into_owned(), port }),
    }
}

/// The longest path of a Unix socket, with its NUL.
const UNIX_PATH_MAX: usize = 108;

fn unix(path: &[u8]) -> Result<ListenAddress, AddressError> {
    match path.len() {
        0 => Err("no path in the unix domain socket"),
        UNIX_PATH_MAX.. => Err("too long path in the unix domain socket"),
        _ => Ok(ListenAddress::Unix(path.to_vec())),
    }
}

fn inet6(rest: &[u8], default_port: u16) -> Result<ListenAddress, AddressError> {
    let end = rest.iter().position(|&byte| byte == b']').ok_or("invalid host")?;
    let (host, after) = (&rest[..end], &rest[end + 1..]);
    let ports = match after {
        [] => None,
        [b':', ports @ ..] if !ports.contains(&b'/') => Some(port_range(ports)?),
        _ => return Err("invalid host"),
    };
    if host.is_empty() {
        return Err("no host");
    }
    let ip: Option<Ipv6Addr> = std::str::from_utf8(host).ok().and_then(|text| text.parse().ok());
    let ip = ip.ok_or("invalid IPv6 address")?;
    let (port, last) = ports.unwrap_or((default_port, default_port));
    Ok(ListenAddress::Inet { ip: ip.into(), port, last })
}

/// `80` or `8000-8010`.
fn port_range(text: &[u8]) -> Result<(u16, u16), AddressError> {
    match text.iter().position(|&byte| byte == b'-') {
        None => one_port(text).map(|port| (port, port)),
        Some(dash) => {
            let last = one_port(&text[dash + 1..])?;
            let first = one_port(&text[..dash])?;
            if first > last { Err("invalid port range") } else { Ok((first, last)) }
        }
    }
}

fn one_port(text: &[u8]) -> Result<u16, AddressError> {
    atoi(text).and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0).ok_or("invalid port")
}

/// The whole value as a port or a range of ports; `None` when it is no number, so a host.
fn port_only(text: &[u8]) -> Result<Option<(u16, u16)>, AddressError> {
    let mut parts = text.splitn(2, |&byte| byte == b'-');
    let numeric = parts.all(|part| atoi(part).is_some());
    if numeric { port_range(text).map(Some) } else { Ok(None) }
}

/// nginx's own reading of a dotted quad: four decimal numbers, leading zeros allowed.
///
/// Source: `ngx_inet_addr`, src/core/ngx_inet.c
pub(crate) fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let parts: Vec<&[u8]> = text.split(|&byte| byte == b'.').collect();
    let mut octets = [0_u8; 4];
    if parts.len() != octets.len() {
        return None;
    }
    for (octet, part) in octets.iter_mut().zip(parts) {
        // An empty part is read as 0, a trailing one too.
        *octet = if part.is_empty() { 0 } else { u8::try_from(atoi(part)?).ok()? };
    }
    Some(octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse_address(text.as_bytes(), 80) {
            Ok(address) => address.to_string(),
            Err(error) => error.to_owned(),
        }
    }

    #[test]
    fn addresses_are_read_as_nginx_reads_them() {
        for (text, expected) in [
            ("8080", "0.0.0.0:8080"),
            ("*:81", "0.0.0.0:81"),
            ("*", "0.0.0.0:80"),
            ("127.0.0.1", "127.0.0.1:80"),
            ("127.0.0.1:8000-8010", "127.0.0.1:8000-8010"),
            ("8000-8010", "0.0.0.0:8000-8010"),
            ("8010-8000", "invalid port range"),
            ("[::1]:443", "[::1]:443"),
            ("[::]", "[::]:80"),
            ("[::1", "invalid host"),
            ("[x]:1", "invalid IPv6 address"),
            ("[::1]x", "invalid host"),
            ("unix:/run/a.sock", "unix:/run/a.sock"),
            ("unix:", "no path in the unix domain socket"),
            ("localhost:8080", "localhost:8080"),
            ("host-name", "host-name:80"),
            ("0", "invalid port"),
            ("65536", "invalid port"),
            ("127.0.0.1:", "invalid port"),
            ("127.0.0.1:http", "invalid port"),
            (":80", "no host"),
            ("a/b", "invalid host"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn stream_has_no_default_port() {
        assert_eq!(parse_address(b"127.0.0.1", 0).unwrap().to_string(), "127.0.0.1:0");
    }

    #[test]
    fn options_that_may_be_set_once_mark_the_listen() {
        let parse = |text: &'static str| Options::parse(text.split(' ').map(str::as_bytes));
        assert!(!parse("ssl http2 default_server").set);
        assert!(parse("ssl backlog=100").set);
        assert_eq!(parse("ipv6only=off").ipv6only, Some(false));
    }
}
