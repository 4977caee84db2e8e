//! A connection to a server of stream: read, answered, shown.

use std::net::SocketAddr;

use anyhow::{Context as _, anyhow};
use evenkeel_model::{
    Config, Connection, Hello, LocalAddress, Preface, ServerKind, StreamOutcome, StreamRoute, StreamRouter,
    TlsVersion,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::read::{self, Bytes, Unread};
use super::show::{bytes, readable, server, told, way};
use crate::args;
use crate::output::{Exit, Output};

/// The connection of the command line; `None`: what is asked is a request of http.
pub(super) fn asked(args: &args::Route) -> anyhow::Result<Option<Connection>> {
    let Some(text) = args.request.as_deref().filter(|text| Connection::is_meant(text)) else {
        return Ok(None);
    };
    let mut connection = Connection::parse(text)
        .with_context(|| format!("read the connection \"{}\"", text.escape_debug()))?;
    if let Some(listen) = &args.listen {
        connection.listen = Some(read::listen(listen).map_err(|unread| anyhow!(unread.0))?);
    }
    if args.sni.is_some() || !args.alpn.is_empty() {
        // Who says what the handshake asks for means one.
        let hello = connection.hello.get_or_insert_with(Hello::default);
        hello.sni = args.sni.clone().map(String::into_bytes).or(hello.sni.take());
        hello.alpn = args.alpn.iter().map(|name| name.clone().into_bytes()).collect();
    }
    if let Some(source) = args.proxy_protocol {
        connection.preface = Preface::Of { source, destination: destination(&connection, source) };
    }
    connection.client = args.client;
    Ok(Some(connection))
}

/// What a PROXY protocol header says that the client reached.
fn destination(connection: &Connection, source: SocketAddr) -> SocketAddr {
    match connection.listen {
        Some(LocalAddress::Inet(address)) => address,
        _ => SocketAddr::new(source.ip(), connection.port.unwrap_or_default()),
    }
}

/// A connection as a JSON document. Keys that it does not name are passed over.
#[derive(Debug, Deserialize)]
struct Document {
    stream: String,
    listen: Option<String>,
    port: Option<u16>,
    sni: Option<Bytes>,
    #[serde(default)]
    alpn: Vec<Bytes>,
    tls_version: Option<String>,
    client: Option<String>,
    proxy_protocol: Option<Value>,
}

/// Reads a document; `None`: it is none of a connection.
pub(super) fn document_of(line: &[u8]) -> Result<Option<Connection>, Unread> {
    let value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        // Whoever reads requests tells it better.
        Err(_) => return Ok(None),
    };
    if value.get("stream").is_none() {
        return Ok(None);
    }
    let document: Document =
        serde_json::from_value(value).map_err(|error| Unread(format!("read the JSON: {error}")))?;
    let (udp, tls) = match document.stream.as_str() {
        "tcp" => (false, false),
        "tls" => (false, true),
        "udp" => (true, false),
        other => {
            let shown = other.escape_debug();
            return Err(Unread(format!("read \"{shown}\" as a stream: it is one of tcp, tls, udp")));
        }
    };
    let version = match document.tls_version.as_deref() {
        None => TlsVersion::default(),
        Some(name) => TlsVersion::named(name).ok_or_else(|| {
            let shown = name.escape_debug();
            Unread(format!("read \"{shown}\" as a version: it is one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"))
        })?,
    };
    let hello = Hello {
        sni: document.sni.map(Vec::from),
        alpn: document.alpn.into_iter().map(Vec::from).collect(),
        version,
    };
    let mut connection = Connection {
        listen: document.listen.as_deref().map(read::listen).transpose()?,
        port: document.port,
        udp,
        hello: tls.then_some(hello),
        preface: Preface::AsWanted,
        client: document.client.as_deref().map(read::address).transpose()?,
    };
    connection.preface = match document.proxy_protocol {
        None | Some(Value::Null) => Preface::AsWanted,
        Some(Value::Bool(false)) => Preface::Absent,
        Some(Value::String(text)) if text == "unknown" => Preface::Nameless,
        Some(Value::String(text)) => {
            let source = text.parse().map_err(|_| {
                Unread(format!("read \"{}\" as the address and port of a client", text.escape_debug()))
            })?;
            Preface::Of { source, destination: destination(&connection, source) }
        }
        Some(other) => {
            return Err(Unread(format!(
                "read {other} as proxy_protocol: it is an address and a port, \"unknown\", or false"
            )));
        }
    };
    Ok(Some(connection))
}

/// Answers the one connection of the command line.
pub(super) fn print(config: &Config, connection: &Connection, output: Output) -> Exit {
    let route = StreamRouter::new(config).route(connection);
    output.print(|| text(config, connection, &route), || document(config, connection, &route));
    Exit::Yes
}

/// The JSON document of one route.
pub(in crate::commands) fn document(config: &Config, connection: &Connection, route: &StreamRoute) -> Value {
    let mut document = Map::new();
    document.insert("request".to_owned(), asks(connection));
    document.insert("outcome".to_owned(), outcome(config, &route.outcome));
    document.insert("server".to_owned(), server(config, route.server));
    let limits = route.limits.iter().map(|limit| {
        json!({"zone": limit.zone, "key": String::from_utf8_lossy(&limit.key), "allows": limit.allows})
    });
    document.insert("limits".to_owned(), limits.collect());
    way(&mut document, config, &route.steps, &route.depends_on);
    Value::Object(document)
}

pub(in crate::commands) fn asks(connection: &Connection) -> Value {
    let mut asks = Map::new();
    let scheme = match (connection.udp, &connection.hello) {
        (true, _) => "udp",
        (false, Some(_)) => "tls",
        (false, None) => "tcp",
    };
    asks.insert("stream".to_owned(), scheme.into());
    let port = match &connection.listen {
        Some(LocalAddress::Inet(address)) => Some(address.port()),
        Some(LocalAddress::Unix(_)) => None,
        None => connection.port,
    };
    asks.insert("port".to_owned(), port.into());
    if let Some(listen) = &connection.listen {
        asks.insert("listen".to_owned(), local(listen).into());
    }
    if let Some(hello) = &connection.hello {
        match &hello.sni {
            Some(name) => bytes(&mut asks, "sni", name),
            None => drop(asks.insert("sni".to_owned(), Value::Null)),
        }
        let alpn = hello.alpn.iter().map(|name| String::from_utf8_lossy(name).into_owned());
        asks.insert("alpn".to_owned(), alpn.collect());
        asks.insert("tls_version".to_owned(), hello.version.name().into());
    }
    Value::Object(asks)
}

fn local(address: &LocalAddress) -> String {
    match address {
        LocalAddress::Inet(address) => address.to_string(),
        LocalAddress::Unix(path) => format!("unix:{}", String::from_utf8_lossy(path)),
    }
}

pub(in crate::commands) fn outcome(config: &Config, outcome: &StreamOutcome) -> Value {
    let mut entry = Map::new();
    entry.insert("kind".to_owned(), outcome.kind().into());
    match outcome {
        StreamOutcome::Proxy { upstream, servers, pass, tls, preface } => {
            entry.insert("upstream".to_owned(), upstream.clone().into());
            entry.insert("servers".to_owned(), servers.clone().into());
            bytes(&mut entry, "pass", pass);
            entry.insert("ssl".to_owned(), (*tls).into());
            entry.insert("proxy_protocol".to_owned(), (*preface).into());
        }
        StreamOutcome::Return { text } => bytes(&mut entry, "text", text),
        StreamOutcome::Handed { to, server: first } => {
            entry.insert("listen".to_owned(), local(to).into());
            entry.insert("server".to_owned(), server(config, *first));
        }
        StreamOutcome::Close { reason } => drop(entry.insert("reason".to_owned(), reason.clone().into())),
    }
    Value::Object(entry)
}

/// What a connection asks, on one line.
pub(in crate::commands) fn witness(connection: &Connection) -> String {
    let mut words = connection.url();
    if let Some(hello) = &connection.hello {
        if let Some(name) = hello.sni.as_ref().filter(|_| connection.listen.is_some()) {
            words.push_str(&format!("  --sni {}", readable(name)));
        }
        if !hello.alpn.is_empty() {
            words.push_str(&format!("  --alpn {}", readable(&hello.alpn.join(&b','))));
        }
        if hello.version != TlsVersion::default() {
            words.push_str(&format!("  {}", hello.version.name()));
        }
    }
    if let Preface::Of { source, .. } = connection.preface {
        words.push_str(&format!("  --proxy-protocol {source}"));
    }
    if let Some(client) = connection.client {
        words.push_str(&format!("  --client {client}"));
    }
    words
}

fn text(config: &Config, connection: &Connection, route: &StreamRoute) -> String {
    let mut text = told(
        config,
        &format!("{} {}", connection.url(), headline(&route.outcome)),
        &route.steps,
        &route.depends_on,
    );
    if route.listen.is_none() && http_listens(config, connection) {
        text.push_str("\nA server of http listens there: ask with METHOD URL, as in 'GET https://…'.\n");
    }
    text
}

/// What a person reads first: where the connection ends.
pub(in crate::commands) fn headline(outcome: &StreamOutcome) -> String {
    match outcome {
        StreamOutcome::Proxy { servers, pass, tls, preface, .. } => {
            let to = match servers.join(", ") {
                list if list.is_empty() || list.as_bytes() == &pass[..] => String::new(),
                list => format!(" ({list})"),
            };
            let over = if *tls { " over TLS" } else { "" };
            let header = if *preface { ", behind a PROXY protocol header" } else { "" };
            format!("is passed on to {}{to}{over}{header}", readable(pass))
        }
        StreamOutcome::Return { text } if text.is_empty() => "is closed: return says nothing".to_owned(),
        StreamOutcome::Return { text } => format!("is answered with the text \"{}\"", readable(text)),
        StreamOutcome::Handed { to, .. } => {
            format!("is handed on to {}, where http or mail listens", readable(local(to).as_bytes()))
        }
        StreamOutcome::Close { reason } => format!("is closed: {}", readable(reason.as_bytes())),
    }
}

fn http_listens(config: &Config, connection: &Connection) -> bool {
    let port = match &connection.listen {
        Some(LocalAddress::Inet(address)) => Some(address.port()),
        _ => connection.port,
    };
    let http = config.servers().iter().filter(|server| server.kind == ServerKind::Http);
    let mut ports = http.flat_map(|server| &server.listens).filter_map(|listen| match listen.address {
        evenkeel_model::ListenAddress::Inet { port, last, .. } => Some(port..=last),
        _ => None,
    });
    !connection.udp && port.is_some_and(|port| ports.any(|range| range.contains(&port)))
}
