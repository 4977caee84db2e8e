//! Requests as people write them: `GET https://shop.example.com/cart?x=1`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{HttpVersion, Request};

/// Why a text is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is nothing before the URL, or nothing at all.
    #[error("find a method and a URL, as in \"GET https://example.com/\"")]
    Empty,
    /// The method is no word of letters.
    #[error("read the method")]
    Method,
    /// The URL does not begin with `http://` or `https://`.
    #[error("find \"http://\" or \"https://\" at the beginning of the URL")]
    Scheme,
    /// The URL has no host, or one that cannot be written into a `Host` header.
    #[error("read the host of the URL")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("read the port of the URL")]
    Port,
    /// The URL has a space or a control character in it.
    #[error("read the URL: a space or a control character must be written as %XX")]
    Space,
}

impl Request {
    /// Reads a method and a URL, as a client would send them: the host goes into the `Host` header (with its port where it
    /// is not the scheme's own) and, over TLS, into the handshake; a fragment is not sent. A URL alone is a `GET`.
    ///
    /// # Errors
    /// [`RequestError`] when the text is no such thing.
    pub fn parse(text: &str) -> Result<Request, RequestError> {
        let text = text.trim_matches(|c: char| c == ' ' || c == '\t' || c == '\r' || c == '\n');
        let (method, url) = match text.split_once([' ', '\t']) {
            Some((method, url)) => (method, url.trim_start_matches([' ', '\t'])),
            None if text.contains("://") => ("GET", text),
            None => return Err(RequestError::Empty),
        };
        if method.is_empty()
            || !method.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-".contains(&byte))
        {
            return Err(RequestError::Method);
        }
        if url.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(RequestError::Space);
        }
        let (tls, rest) = scheme(url).ok_or(RequestError::Scheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (host, port) = authority_parts(authority)?;
        let default_port = if tls { 443 } else { 80 };
        let port = port.unwrap_or(default_port);
        let header = if port == default_port { host.to_owned() } else { format!("{host}:{port}") };
        let target = target.split('#').next().unwrap_or("");
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let name = host.strip_suffix('.').unwrap_or(host);
        let is_address = name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok();
        Ok(Request {
            method: method.as_bytes().to_vec(),
            target: target.into_bytes(),
            version: HttpVersion::V1_1,
            headers: vec![(b"Host".to_vec(), header.into_bytes())],
            listen: None,
            port: Some(port),
            tls,
            sni: (tls && !is_address).then(|| name.as_bytes().to_vec()),
            client: None,
        })
    }

    /// The first value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let named = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| &value[..])
    }

    /// Method and URL, for people and for [`Request::parse`]; bytes that are not printable as `%XX`.
    pub fn url(&self) -> String {
        let (scheme, default_port) = if self.tls { ("https", 443) } else { ("http", 80) };
        let port = self.port.filter(|&port| port != default_port);
        let host = match self.header("host") {
            Some(host) => printable(host),
            None => self.sni.as_ref().map_or_else(|| String::from("localhost"), |name| printable(name)),
        };
        let has_port =
            host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let port = match port {
            Some(port) if !has_port => format!(":{port}"),
            _ => String::new(),
        };
        let target = printable(&self.target);
        let slash = if target.starts_with('/') { "" } else { "/" };
        format!("{} {scheme}://{host}{port}{slash}{target}", printable(&self.method))
    }
}

fn scheme(url: &str) -> Option<(bool, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Some((false, rest)),
        "https" => Some((true, rest)),
        _ => None,
    }
}

/// Host and port of `host`, `host:port`, `[::1]`, `[::1]:port`.
fn authority_parts(authority: &str) -> Result<(&str, Option<u16>), RequestError> {
    let after_host = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, _) = rest.split_once(']').ok_or(RequestError::Host)?;
            address.parse::<Ipv6Addr>().map_err(|_| RequestError::Host)?;
            address.len() + 2
        }
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(after_host);
    if host.is_empty() || host.contains(['@', '\\']) {
        return Err(RequestError::Host);
    }
    let port = match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|&port| port > 0).ok_or(RequestError::Port)?)
        }
        Some(_) => return Err(RequestError::Port),
        None if port.is_empty() => None,
        None => return Err(RequestError::Host),
    };
    Ok((host, port))
}

/// Bytes as text, those that a URL cannot show as `%XX`.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'!'..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_read_as_a_client_sends_it() {
        let request = Request::parse("GET https://shop.example.com:8443/cart?x=1#top").unwrap();
        assert_eq!(request.target, b"/cart?x=1");
        assert_eq!(request.headers, [(b"Host".to_vec(), b"shop.example.com:8443".to_vec())]);
        assert_eq!((request.port, request.tls), (Some(8443), true));
        assert_eq!(request.sni.as_deref(), Some(&b"shop.example.com"[..]));
        assert_eq!(request.url(), "GET https://shop.example.com:8443/cart?x=1");
    }

    #[test]
    fn url_comes_back_as_it_was() {
        for url in [
            "GET http://a/",
            "HEAD https://a.example/x%20y?z",
            "POST http://[::1]:8080/",
            "PROPFIND http://10.0.0.1/a",
        ] {
            assert_eq!(Request::parse(url).unwrap().url(), url);
        }
        assert_eq!(Request::parse("http://a?x").unwrap().url(), "GET http://a/?x");
        assert_eq!(Request::parse("https://10.0.0.1/").unwrap().sni, None, "an address is no server name");
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_reason() {
        for (text, error) in [
            ("", RequestError::Empty),
            ("GET", RequestError::Empty),
            ("GET /a", RequestError::Scheme),
            ("GET ftp://a/", RequestError::Scheme),
            ("GET http:///a", RequestError::Host),
            ("GET http://u@a/", RequestError::Host),
            ("GET http://[::g]/", RequestError::Host),
            ("GET http://a:0/", RequestError::Port),
            ("GET http://a:99999/", RequestError::Port),
            ("GET http://a:/", RequestError::Port),
            ("GET http://a/b c", RequestError::Space),
            ("G3T http://a/", RequestError::Method),
        ] {
            assert_eq!(Request::parse(text), Err(error), "{text}");
        }
    }
}
