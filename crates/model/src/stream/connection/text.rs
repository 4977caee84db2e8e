//! Connections as people write them: `tls://shop.example.com:443`, `tcp://127.0.0.1:5432`, `udp://*:53`.

use std::net::{IpAddr, SocketAddr};

use super::{Connection, Hello, Preface};
use crate::request::LocalAddress;

/// Why a text is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// It does not begin with `tcp://`, `tls://` or `udp://`.
    #[error("find \"tcp://\", \"tls://\" or \"udp://\" at the beginning")]
    Scheme,
    /// There is nothing between the scheme and the port, or something behind the port.
    #[error("read the address, as in \"tls://shop.example.com:443\"")]
    Host,
    /// The port is missing, or no number from 1 to 65535.
    #[error("read the port: a number from 1 to 65535 must stand behind the last \":\"")]
    Port,
}

impl Connection {
    /// Whether a text is meant to be a connection, not a request of http.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        ["tcp://", "tls://", "udp://"].iter().any(|scheme| text.trim().starts_with(scheme))
    }

    /// Reads a scheme, a host and a port. A host that is an address is the local address that the connection reaches; a name
    /// is, over TLS, the one that the handshake asks for. `tcp` begins without a handshake.
    ///
    /// # Errors
    /// [`ConnectionError`] when the text is no such thing.
    pub fn parse(text: &str) -> Result<Connection, ConnectionError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or(ConnectionError::Scheme)?;
        let (udp, tls) = match scheme {
            "tcp" => (false, false),
            "tls" => (false, true),
            "udp" => (true, false),
            _ => return Err(ConnectionError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let mut connection = Connection {
            listen: None,
            port: None,
            udp,
            hello: tls.then(Hello::default),
            preface: Preface::AsWanted,
            client: None,
        };
        if let Some(path) = rest.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            connection.listen = Some(LocalAddress::Unix(path.as_bytes().to_vec()));
            return Ok(connection);
        }
        let (host, port) = rest.rsplit_once(':').ok_or(ConnectionError::Port)?;
        let port: u16 = port.parse().ok().filter(|&port: &u16| port > 0).ok_or(ConnectionError::Port)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if bare.is_empty() || host.bytes().any(|byte| byte <= b' ' || b"/?#@".contains(&byte)) {
            return Err(ConnectionError::Host);
        }
        connection.port = Some(port);
        match bare.parse::<IpAddr>() {
            Ok(ip) if ip.is_ipv6() == host.starts_with('[') => {
                connection.listen = Some(LocalAddress::Inet(SocketAddr::new(ip, port)));
            }
            _ if host.contains(['[', ']', ':']) => return Err(ConnectionError::Host),
            _ if host != "*" => {
                if let Some(hello) = &mut connection.hello {
                    hello.sni = Some(bare.as_bytes().to_vec());
                }
            }
            _ => {}
        }
        Ok(connection)
    }

    /// Scheme, address and port, for people and for [`Connection::parse`].
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = match (self.udp, &self.hello) {
            (true, _) => "udp",
            (false, Some(_)) => "tls",
            (false, None) => "tcp",
        };
        let name = self.hello.as_ref().and_then(|hello| hello.sni.as_deref());
        let name = name.map_or_else(|| String::from("*"), |name| String::from_utf8_lossy(name).into_owned());
        match (&self.listen, self.port) {
            (Some(LocalAddress::Unix(path)), _) => {
                format!("{scheme}://unix:{}", String::from_utf8_lossy(path))
            }
            (Some(LocalAddress::Inet(address)), _) => format!("{scheme}://{address}"),
            (None, Some(port)) => format!("{scheme}://{name}:{port}"),
            (None, None) => format!("{scheme}://{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_reached_and_name_is_asked_for() {
        let connection = Connection::parse("tls://shop.example.com:443").unwrap();
        assert_eq!(connection.hello.as_ref().unwrap().sni.as_deref(), Some(&b"shop.example.com"[..]));
        assert_eq!((&connection.listen, connection.port), (&None, Some(443)));
        let connection = Connection::parse("tcp://[::1]:5432").unwrap();
        assert_eq!(connection.listen, Some(LocalAddress::Inet("[::1]:5432".parse().unwrap())));
        assert!(connection.hello.is_none() && !connection.udp);
        assert!(Connection::parse("udp://*:53").unwrap().udp);
        for url in ["tls://a.b:443", "tcp://127.0.0.1:1", "udp://*:53", "tcp://unix:/run/s"] {
            assert_eq!(Connection::parse(url).unwrap().url(), url);
        }
    }

    #[test]
    fn what_is_no_connection_is_refused_with_its_reason() {
        for (text, error) in [
            ("http://a:1", ConnectionError::Scheme),
            ("a:1", ConnectionError::Scheme),
            ("tcp://a", ConnectionError::Port),
            ("tcp://a:0", ConnectionError::Port),
            ("tcp://:1", ConnectionError::Host),
            ("tcp://a/b:1", ConnectionError::Host),
            ("tcp://::1:1", ConnectionError::Host),
        ] {
            assert_eq!(Connection::parse(text), Err(error), "{text}");
        }
    }
}
