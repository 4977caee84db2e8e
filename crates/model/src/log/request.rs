//! A line as the request that it tells of.

use std::borrow::Cow;
use std::net::IpAddr;

use super::escape::value;
use super::field::Field;
use super::split::Spans;
use super::{Escape, LogFormat};
use crate::request::{HttpVersion, Request};

/// What is taken for true where the log says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assumed {
    /// The host, without port.
    pub host: Option<Vec<u8>>,
    /// The port that the client reached.
    pub port: Option<u16>,
    /// Whether it came by TLS.
    pub tls: Option<bool>,
    /// The ports on which only TLS is spoken.
    pub tls_ports: Vec<u16>,
}

/// What a log does not say of its requests, of what decides where they go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lacks {
    /// No `$host`, no `$http_host`.
    pub host: bool,
    /// No `$server_port`.
    pub port: bool,
    /// No `$scheme`, nothing of TLS.
    pub scheme: bool,
    /// No `$request_method`: all count as GET.
    pub method: bool,
    /// `$uri` instead of `$request_uri`: what the last rewrite left of the target.
    pub raw_target: bool,
    /// No `$args`.
    pub args: bool,
    /// No `$remote_addr`, where the trees ask for the client.
    pub client: bool,
    /// Headers that the trees ask for, in lower case.
    pub headers: Vec<String>,
}

/// A line that tells of something that was no HTTP request: TLS on a plain port, a connection without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotHttp;

/// What of a request decides where trees send it, beside method, target and host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Whether the client's address does.
    pub(crate) client: bool,
    /// The headers, by their names in lower case with `-`.
    pub(crate) headers: Vec<String>,
}

/// Where the wanted values of a format stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    headers: Vec<(String, usize)>,
    cookies: Vec<(String, usize)>,
    pub(crate) client: Option<usize>,
    /// Everything that a request is read from.
    pub(crate) all: Vec<usize>,
}

impl LogFormat {
    /// Where what is wanted stands in a line of this format.
    pub(crate) fn places(&self, wanted: &Wanted) -> Places {
        let slots = &self.slots;
        let wants = |name: &str| wanted.headers.iter().any(|header| header == name);
        let mut places = Places::default();
        for (slot, field) in self.fields.iter().enumerate() {
            match field {
                Field::Header(name) if name != "host" && wants(name) => {
                    places.headers.push((name.clone(), slot));
                }
                Field::Cookie(name) if wants("cookie") => places.cookies.push((name.clone(), slot)),
                _ => {}
            }
        }
        if wants("cookie") && places.headers.iter().any(|(name, _)| name == "cookie") {
            places.cookies.clear();
        }
        places.client = slots.peer.or(slots.client).filter(|_| wanted.client);
        let target = match (slots.request, slots.target) {
            (Some(_), _) => [slots.request, None, None],
            (None, Some(_)) => [slots.target, slots.method, slots.protocol],
            (None, None) => [slots.uri, slots.method, slots.protocol],
        };
        let args = slots.args.filter(|_| slots.request.or(slots.target).is_none());
        // Of two that say the same one is enough: fewer bytes make more lines alike.
        let host = if slots.http_host.is_some() {
            [slots.http_host, slots.host]
        } else {
            [slots.host, slots.server_name.filter(|_| slots.host.is_none())]
        };
        let scheme = slots.scheme.or(slots.https).or(slots.tls);
        let known =
            target.into_iter().chain(host).chain([args, scheme, slots.port, slots.sni, places.client]);
        places.all = known.flatten().collect();
        places.all.extend(places.headers.iter().chain(&places.cookies).map(|(_, slot)| *slot));
        places
    }

    /// What a value on a line is, as its bytes stand there.
    pub(crate) fn raw<'l>(&self, line: &'l [u8], spans: &Spans, slot: usize) -> &'l [u8] {
        spans.get(line, Some(slot)).unwrap_or_default()
    }

    fn field<'l>(&self, line: &'l [u8], spans: &Spans, slot: Option<usize>) -> Option<Cow<'l, [u8]>> {
        value(spans.get(line, slot)?, self.escape)
    }

    /// The status that the client got.
    pub fn status(&self, line: &[u8], spans: &Spans) -> Option<u16> {
        std::str::from_utf8(spans.get(line, self.slots.status)?).ok()?.parse().ok()
    }

    /// The client, as its bytes stand on the line.
    pub fn client<'l>(&self, line: &'l [u8], spans: &Spans) -> Option<&'l [u8]> {
        spans.get(line, self.slots.client.or(self.slots.peer)).filter(|client| !client.is_empty())
    }

    /// The path that was asked for, as its bytes stand on the line, without arguments.
    pub(crate) fn path<'l>(&self, line: &'l [u8], spans: &Spans) -> &'l [u8] {
        let slots = &self.slots;
        let target = match slots.request {
            Some(_) => {
                let request = spans.get(line, slots.request).unwrap_or_default();
                let target =
                    request.iter().position(|&byte| byte == b' ').map_or(request, |at| &request[at + 1..]);
                target.iter().rposition(|&byte| byte == b' ').map_or(target, |at| &target[..at])
            }
            None => spans.get(line, slots.target.or(slots.uri)).unwrap_or_default(),
        };
        target.iter().position(|&byte| byte == b'?').map_or(target, |at| &target[..at])
    }

    /// Whether the line says if the request came by TLS.
    pub(crate) fn tells_scheme(&self) -> bool {
        let slots = &self.slots;
        slots.scheme.or(slots.https).or(slots.tls).is_some()
    }

    /// The request of a line that was split.
    ///
    /// # Errors
    /// [`NotHttp`] when there was none.
    pub(crate) fn request(
        &self,
        line: &[u8],
        spans: &Spans,
        places: &Places,
        assumed: &Assumed,
    ) -> Result<Request, NotHttp> {
        let slots = &self.slots;
        let (method, target, version) = match slots.request {
            Some(_) => request_line(&self.field(line, spans, slots.request).ok_or(NotHttp)?)?,
            None => self.parts_of(line, spans)?,
        };
        let port = self.field(line, spans, slots.port);
        let port = port.and_then(|port| std::str::from_utf8(&port).ok()?.parse().ok()).or(assumed.port);
        let (host, is_sent) = self.host(line, spans, version, assumed);
        let sni = self.field(line, spans, slots.sni).map(Cow::into_owned);
        let tls = self.tls(line, spans, port, assumed).or(assumed.tls).unwrap_or(false);
        let is_name = |host: &Vec<u8>| {
            !host.starts_with(b"[")
                && std::str::from_utf8(host).is_ok_and(|host| host.parse::<IpAddr>().is_err())
        };
        // What the handshake said where the log does not: the same name, as browsers do.
        let sni = match (tls, slots.sni) {
            (false, _) => None,
            (true, Some(_)) => sni,
            (true, None) => host.as_deref().map(|host| without_port(host).to_vec()).filter(is_name),
        };
        let mut headers = Vec::with_capacity(1 + places.headers.len());
        if let Some(host) = host.filter(|_| is_sent) {
            headers.push((b"Host".to_vec(), host));
        }
        for (name, slot) in &places.headers {
            if let Some(value) = self.field(line, spans, Some(*slot)) {
                headers.push((name.clone().into_bytes(), value.into_owned()));
            }
        }
        let cookies = places.cookies.iter().filter_map(|(name, slot)| {
            Some([name.as_bytes(), b"=", &self.field(line, spans, Some(*slot))?].concat())
        });
        let cookies: Vec<Vec<u8>> = cookies.collect();
        if !cookies.is_empty() {
            headers.push((b"cookie".to_vec(), cookies.join(&b"; "[..])));
        }
        let client = self.field(line, spans, places.client);
        let client = client.and_then(|client| std::str::from_utf8(&client).ok()?.parse().ok());
        Ok(Request { method, target, version, headers, listen: None, port, tls, sni, client })
    }

    fn parts_of(&self, line: &[u8], spans: &Spans) -> Result<(Vec<u8>, Vec<u8>, HttpVersion), NotHttp> {
        let slots = &self.slots;
        let field = |slot| self.field(line, spans, slot);
        let method = match slots.method {
            Some(_) => field(slots.method).filter(|method| is_method(method)).ok_or(NotHttp)?.into_owned(),
            None => b"GET".to_vec(),
        };
        let target = match field(slots.target) {
            Some(target) => target.into_owned(),
            None => self.rebuilt(line, spans)?,
        };
        let version =
            field(slots.protocol).map_or(Some(HttpVersion::V1_1), |protocol| self::version(&protocol));
        Ok((method, target, version.ok_or(NotHttp)?))
    }

    /// A target from `$uri` and `$args`: what nginx decoded is encoded again.
    fn rebuilt(&self, line: &[u8], spans: &Spans) -> Result<Vec<u8>, NotHttp> {
        let slots = &self.slots;
        let mut uri = self.field(line, spans, slots.uri).ok_or(NotHttp)?.into_owned();
        let args = self.field(line, spans, slots.args);
        // `$uri$is_args$args` without arguments ends in the `-` of `$args`.
        if self.escape == Escape::Default && spans.get(line, slots.args) == Some(b"") {
            uri.pop_if(|last| *last == b'-');
        }
        let mut target = Vec::with_capacity(uri.len());
        for byte in uri {
            match byte {
                b'!'..=b'~' if !matches!(byte, b'%' | b'?' | b'#') => target.push(byte),
                _ => target.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            }
        }
        if let Some(args) = args {
            target.push(b'?');
            target.extend_from_slice(&args);
        }
        if target.is_empty() { Err(NotHttp) } else { Ok(target) }
    }

    /// The host, and whether it was sent.
    fn host(
        &self,
        line: &[u8],
        spans: &Spans,
        version: HttpVersion,
        assumed: &Assumed,
    ) -> (Option<Vec<u8>>, bool) {
        let slots = &self.slots;
        if let Some(host) = self.field(line, spans, slots.http_host) {
            return (Some(host.into_owned()), true);
        }
        let host = self.field(line, spans, slots.host).map(Cow::into_owned);
        if slots.http_host.is_some() && version < HttpVersion::V2 {
            // It says that none was sent. nginx takes the server's own name for `$host` then.
            return (host, false);
        }
        let name = || {
            let name = self.field(line, spans, slots.server_name)?;
            let plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
            plain.then(|| name.into_owned())
        };
        (host.or_else(name).or_else(|| assumed.host.clone()), true)
    }

    /// Whether it came by TLS, where the line tells.
    fn tls(&self, line: &[u8], spans: &Spans, port: Option<u16>, assumed: &Assumed) -> Option<bool> {
        let slots = &self.slots;
        let field = |slot| self.field(line, spans, slot);
        if let Some(scheme) = field(slots.scheme) {
            return Some(scheme.eq_ignore_ascii_case(b"https"));
        }
        if slots.https.is_some() || slots.tls.is_some() {
            return Some(field(slots.https).is_some() || field(slots.tls).is_some());
        }
        if field(slots.sni).is_some() {
            return Some(true);
        }
        port.map(|port| assumed.tls_ports.contains(&port))
    }

    /// What the log does not say of what decides.
    pub(crate) fn lacks(&self, wanted: &Wanted) -> Lacks {
        let slots = &self.slots;
        let has = |name: &String| {
            self.fields.iter().any(|field| match field {
                Field::Header(header) => header == name,
                Field::Cookie(_) => name == "cookie",
                _ => false,
            })
        };
        let line = slots.request.is_some();
        let raw_target = !line && slots.target.is_none();
        Lacks {
            host: slots.host.or(slots.http_host).is_none(),
            port: slots.port.is_none(),
            scheme: !self.tells_scheme(),
            method: !line && slots.method.is_none(),
            raw_target,
            args: raw_target && slots.args.is_none(),
            client: wanted.client && slots.client.or(slots.peer).is_none(),
            headers: wanted.headers.iter().filter(|name| !has(name)).cloned().collect(),
        }
    }
}

fn without_port(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|&byte| byte == b':') {
        Some(colon) if host[colon + 1..].iter().all(u8::is_ascii_digit) => &host[..colon],
        _ => host,
    }
}

fn is_method(method: &[u8]) -> bool {
    !method.is_empty() && method.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-'))
}

fn version(text: &[u8]) -> Option<HttpVersion> {
    Some(match text {
        b"HTTP/1.1" => HttpVersion::V1_1,
        b"HTTP/1.0" => HttpVersion::V1_0,
        b"HTTP/0.9" => HttpVersion::V0_9,
        b"HTTP/2.0" | b"HTTP/2" | b"HTTP/3.0" | b"HTTP/3" => HttpVersion::V2,
        // nginx takes any minor version for the one that it knows.
        _ if text.starts_with(b"HTTP/1.") => HttpVersion::V1_1,
        _ => return None,
    })
}

/// `GET /a HTTP/1.1`
fn request_line(line: &[u8]) -> Result<(Vec<u8>, Vec<u8>, HttpVersion), NotHttp> {
    let space = line.iter().position(|&byte| byte == b' ').ok_or(NotHttp)?;
    let (method, rest) = (&line[..space], &line[space + 1..]);
    if !is_method(method) || method == b"PRI" {
        return Err(NotHttp);
    }
    let last = rest.iter().rposition(|&byte| byte == b' ');
    let versioned = last.and_then(|at| Some((&rest[..at], version(&rest[at + 1..])?)));
    let (target, version) = match versioned {
        Some(found) => found,
        // Without a version it is HTTP/0.9, which knows only GET.
        None if method == b"GET" => (rest, HttpVersion::V0_9),
        None => return Err(NotHttp),
    };
    if target.is_empty() { Err(NotHttp) } else { Ok((method.to_vec(), target.to_vec(), version)) }
}
