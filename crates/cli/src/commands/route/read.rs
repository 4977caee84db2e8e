//! A line of `--batch`: a method and a URL, a connection, or a JSON document of either.

use std::net::{IpAddr, SocketAddr};

use evenkeel_model::{Connection, HttpVersion, LocalAddress, Request};
use serde::Deserialize;

use super::stream;

/// Why a line is no request. The text completes "failed to …".
#[derive(Debug)]
pub(super) struct Unread(pub(super) String);

/// What a line asks.
#[derive(Debug)]
pub(super) enum Asked {
    Request(Request),
    /// A connection to a server of stream.
    Connection(Connection),
}

/// A request as a JSON document. Keys that it does not name are passed over.
#[derive(Debug, Deserialize)]
struct Document {
    method: Bytes,
    target: Bytes,
    version: Option<String>,
    #[serde(default)]
    headers: Vec<(Bytes, Bytes)>,
    listen: Option<String>,
    port: Option<u16>,
    #[serde(default)]
    tls: bool,
    sni: Option<Bytes>,
    client: Option<String>,
}

/// Text, or, where the bytes are no UTF-8, an array of them.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "text, or an array of bytes, was expected")]
pub(super) enum Bytes {
    Text(String),
    Raw(Vec<u8>),
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Vec<u8> {
        match bytes {
            Bytes::Text(text) => text.into_bytes(),
            Bytes::Raw(bytes) => bytes,
        }
    }
}

/// Reads one line, without its end.
pub(super) fn line(line: &[u8]) -> Result<Asked, Unread> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Err(Unread("find a request: the line is empty".to_owned()));
    }
    if line.starts_with(b"{") {
        let connection = stream::document_of(line)?.map(Asked::Connection);
        return connection.map_or_else(|| document(line).map(Asked::Request), Ok);
    }
    let text = std::str::from_utf8(line).map_err(|_| {
        Unread(
            "read the line as text: it is no UTF-8; in the JSON form, such bytes are an array of numbers"
                .to_owned(),
        )
    })?;
    if Connection::is_meant(text) {
        return Connection::parse(text).map(Asked::Connection).map_err(|error| Unread(error.to_string()));
    }
    Request::parse(text).map(Asked::Request).map_err(|error| Unread(error.to_string()))
}

fn document(line: &[u8]) -> Result<Request, Unread> {
    let document: Document =
        serde_json::from_slice(line).map_err(|error| Unread(format!("read the JSON: {error}")))?;
    let version = match document.version.as_deref().map(|version| version.trim_start_matches("HTTP/")) {
        None | Some("1.1") => HttpVersion::V1_1,
        Some("1.0") => HttpVersion::V1_0,
        Some("0.9") => HttpVersion::V0_9,
        Some("2" | "2.0") => HttpVersion::V2,
        Some(other) => {
            return Err(Unread(format!("read \"{other}\" as a version: it is one of 0.9, 1.0, 1.1, 2")));
        }
    };
    let client = document.client.map(|client| address(&client)).transpose()?;
    Ok(Request {
        method: document.method.into(),
        target: document.target.into(),
        version,
        headers: document.headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        listen: document.listen.as_deref().map(listen).transpose()?,
        port: document.port,
        tls: document.tls,
        sni: document.sni.map(Vec::from),
        client,
    })
}

pub(super) fn address(text: &str) -> Result<IpAddr, Unread> {
    text.parse()
        .map_err(|_| Unread(format!("read \"{}\" as the IP address of a client", text.escape_debug())))
}

/// Reads the local address of a connection: `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/nginx.sock`.
pub(super) fn listen(text: &str) -> Result<LocalAddress, Unread> {
    if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
        return Ok(LocalAddress::Unix(path.as_bytes().to_vec()));
    }
    text.parse::<SocketAddr>().map(LocalAddress::Inet).map_err(|_| {
        let shown = text.escape_debug();
        Unread(format!(
            "read \"{shown}\" as an address and a port, such as 127.0.0.1:8080 or unix:/run/nginx.sock"
        ))
    })
}

/// Reads a header as curl takes it: `NAME: VALUE`.
pub(super) fn header(text: &str) -> Result<(Vec<u8>, Vec<u8>), Unread> {
    let (name, value) = text
        .split_once(':')
        .filter(|(name, _)| !name.is_empty() && !text.contains(['\r', '\n', '\0']))
        .ok_or_else(|| {
            Unread(format!("read \"{}\" as a header, such as 'Accept: text/html'", text.escape_debug()))
        })?;
    Ok((name.as_bytes().to_vec(), value.trim_matches([' ', '\t']).as_bytes().to_vec()))
}
