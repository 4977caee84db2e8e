//! The values of everything that a request is made of, and the request that they make.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::request::{HttpVersion, LocalAddress, Request};
use crate::route::Input;
use crate::route::uri::{Escape, escape};

/// How the handshake names the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sni {
    /// As the header does.
    Host,
    /// Not at all.
    Nothing,
    /// By a name of its own.
    Name(Vec<u8>),
}

/// A place where requests come in: nothing of it is chosen while one search goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Door {
    /// The local address; `None`: whoever asks by the port gets there.
    pub(super) listen: Option<LocalAddress>,
    pub(super) port: Option<u16>,
    pub(super) tls: bool,
    pub(super) sni: Sni,
}

/// The values of all inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) method: Vec<u8>,
    /// Empty: no header is sent.
    pub(super) host: Vec<u8>,
    pub(super) uri: Vec<u8>,
    pub(super) args: Vec<u8>,
    /// The target as it is spelled, where not in the plainest way.
    pub(super) target: Option<Vec<u8>>,
    pub(super) headers: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) cookies: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) client: Option<IpAddr>,
    pub(super) version: HttpVersion,
    pub(super) length: Option<i64>,
}

impl Door {
    /// `:8080`, where a client would say the port.
    pub(super) fn port_said(&self) -> Option<u16> {
        self.port.filter(|&port| port != if self.tls { 443 } else { 80 })
    }

    /// What stands behind the name in a `Host` header.
    pub(super) fn host_tail(&self) -> Vec<u8> {
        self.port_said().map_or_else(Vec::new, |port| format!(":{port}").into_bytes())
    }
}

impl Values {
    /// The plainest request to a name.
    pub(super) fn plain(host: &[u8]) -> Values {
        Values {
            method: b"GET".to_vec(),
            host: host.to_vec(),
            uri: b"/".to_vec(),
            args: Vec::new(),
            target: None,
            headers: BTreeMap::new(),
            cookies: BTreeMap::new(),
            client: None,
            version: HttpVersion::V1_1,
            length: None,
        }
    }

    /// The target as it is sent.
    pub(super) fn target(&self) -> Vec<u8> {
        if let Some(target) = &self.target {
            return target.clone();
        }
        let mut target = escape(&self.uri, Escape::Uri);
        if !self.args.is_empty() {
            target.push(b'?');
            target.extend_from_slice(&self.args);
        }
        target
    }

    /// The request.
    pub(super) fn request(&self, door: &Door) -> Request {
        let version = match self.version {
            HttpVersion::V1_1 if self.host.is_empty() => HttpVersion::V1_0,
            version => version,
        };
        let mut headers: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        if !self.host.is_empty() {
            headers.push((b"Host".to_vec(), [&self.host[..], &door.host_tail()].concat()));
        }
        for (name, value) in self.headers.iter().filter(|(_, value)| !value.is_empty()) {
            headers.push((written(name), value.clone()));
        }
        let cookies: Vec<Vec<u8>> = self
            .cookies
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| [&name[..], b"=", value].concat())
            .collect();
        if !cookies.is_empty() {
            headers.push((b"Cookie".to_vec(), cookies.join(&b"; "[..])));
        }
        if let Some(length) = self.length {
            headers.push((b"Content-Length".to_vec(), length.to_string().into_bytes()));
        }
        let sni = match &door.sni {
            Sni::Host => Some(self.host.clone()).filter(|host| is_name(host)),
            Sni::Nothing => None,
            Sni::Name(name) => Some(name.clone()),
        };
        Request {
            method: self.method.clone(),
            target: self.target(),
            version,
            headers,
            listen: door.listen.clone(),
            port: door.port,
            tls: door.tls,
            sni: sni.filter(|_| door.tls),
            client: self.client,
        }
    }

    /// The value of an input.
    pub(super) fn get(&self, input: &Input, door: &Door) -> Vec<u8> {
        match input {
            Input::Host => self.host.clone(),
            Input::Sni => match &door.sni {
                Sni::Host => self.host.clone(),
                Sni::Nothing => Vec::new(),
                Sni::Name(name) => name.clone(),
            },
            Input::Uri => self.uri.clone(),
            Input::Args => self.args.clone(),
            Input::Target => self.target(),
            Input::Method => self.method.clone(),
            Input::Header(name) => match &name[..] {
                b"host" => [&self.host[..], &door.host_tail()].concat(),
                b"content_length" => self.length.map_or_else(Vec::new, |n| n.to_string().into_bytes()),
                _ => self.headers.get(name).cloned().unwrap_or_default(),
            },
            Input::Cookie(name) => self.cookies.get(name).cloned().unwrap_or_default(),
            Input::Argument(name) => argument(&self.args, name).to_vec(),
            Input::Client => self.client.map_or_else(Vec::new, |ip| ip.to_string().into_bytes()),
            Input::Protocol => version_text(self.version).to_vec(),
            Input::ContentLength => self.length.map_or_else(Vec::new, |n| n.to_string().into_bytes()),
        }
    }
}

/// Versions of HTTP, the usual first.
pub(super) const VERSIONS: [HttpVersion; 3] = [HttpVersion::V1_1, HttpVersion::V1_0, HttpVersion::V2];

/// `$server_protocol`
pub(super) fn version_text(version: HttpVersion) -> &'static [u8] {
    match version {
        HttpVersion::V0_9 => b"",
        HttpVersion::V1_0 => b"HTTP/1.0",
        HttpVersion::V1_1 => b"HTTP/1.1",
        HttpVersion::V2 => b"HTTP/2.0",
    }
}

/// The name of a header as clients write it.
fn written(name: &[u8]) -> Vec<u8> {
    let mut start = true;
    let byte = |&byte: &u8| {
        let written = if byte == b'_' {
            b'-'
        } else if start {
            byte.to_ascii_uppercase()
        } else {
            byte
        };
        start = byte == b'_';
        written
    };
    name.iter().map(byte).collect()
}

/// The first value of an argument, as `$arg_x` has it; empty when it is not there.
fn argument<'a>(args: &'a [u8], name: &[u8]) -> &'a [u8] {
    let value = args.split(|&byte| byte == b'&').find_map(|pair| {
        let at = pair.iter().position(|&byte| byte == b'=')?;
        pair[..at].eq_ignore_ascii_case(name).then_some(&pair[at + 1..])
    });
    value.unwrap_or(b"")
}

/// Whether a host can be named in a handshake: an address cannot.
fn is_name(host: &[u8]) -> bool {
    let text = std::str::from_utf8(host).unwrap_or("[");
    !text.is_empty() && !text.starts_with('[') && text.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_the_request_that_has_them() {
        let door = Door { listen: None, port: Some(8080), tls: false, sni: Sni::Host };
        let mut values = Values::plain(b"a.test");
        values.uri = b"/a b".to_vec();
        values.args = b"x=1".to_vec();
        values.headers.insert(b"x_forwarded_proto".to_vec(), b"http".to_vec());
        values.cookies.insert(b"s".to_vec(), b"1".to_vec());
        let request = values.request(&door);
        assert_eq!(request.url(), "GET http://a.test:8080/a%20b?x=1");
        assert_eq!(request.header("x-forwarded-proto"), Some(&b"http"[..]));
        assert_eq!(request.headers[1].0, b"X-Forwarded-Proto");
        assert_eq!(request.header("cookie"), Some(&b"s=1"[..]));
        values.host.clear();
        assert_eq!(values.request(&door).version, HttpVersion::V1_0);
    }
}
