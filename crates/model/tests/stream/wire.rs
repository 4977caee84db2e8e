//! Bytes of clients: the first message of a TLS handshake, PROXY protocol headers, something plain.

use evenkeel_model::{Connection, Hello, Preface, TlsVersion};

/// What a client sends that does not speak TLS. An http server could answer it.
pub(crate) const PLAIN: &[u8] = b"GET /plain HTTP/1.0\r\n\r\n";

/// What the client of a connection sends first.
pub(crate) fn first(connection: &Connection) -> Vec<u8> {
    let mut bytes = preface(&connection.preface);
    match &connection.hello {
        Some(hello) => bytes.extend(client_hello(hello)),
        None => bytes.extend_from_slice(PLAIN),
    }
    bytes
}

pub(crate) fn preface(preface: &Preface) -> Vec<u8> {
    match preface {
        Preface::Of { source, destination } => {
            let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
            let (from, to) = (source.ip(), destination.ip());
            let line = format!("PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port());
            line.into_bytes()
        }
        Preface::Nameless => b"PROXY UNKNOWN\r\n".to_vec(),
        Preface::AsWanted | Preface::Absent => Vec::new(),
    }
}

fn with_length(width: usize, inside: &[u8]) -> Vec<u8> {
    let length = u32::try_from(inside.len()).unwrap().to_be_bytes();
    [&length[4 - width..], inside].concat()
}

fn extension(kind: u16, inside: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &with_length(2, inside)].concat()
}

/// The first record of a handshake, as RFC 8446 and RFC 5246 have it.
fn client_hello(hello: &Hello) -> Vec<u8> {
    let version: [u8; 2] = match hello.version {
        TlsVersion::V1_0 => [3, 1],
        TlsVersion::V1_1 => [3, 2],
        TlsVersion::V1_2 | TlsVersion::V1_3 => [3, 3],
    };
    let mut extensions = extension(10, &with_length(2, &[0, 29]));
    if let Some(name) = &hello.sni {
        extensions.extend(extension(0, &with_length(2, &[&[0], &with_length(2, name)[..]].concat())));
    }
    if !hello.alpn.is_empty() {
        let names: Vec<u8> = hello.alpn.iter().flat_map(|name| with_length(1, name)).collect();
        extensions.extend(extension(16, &with_length(2, &names)));
    }
    if hello.version == TlsVersion::V1_3 {
        extensions.extend(extension(43, &with_length(1, &[3, 4, 3, 3])));
    }
    let body = [
        &version[..],
        &[7; 32],
        &with_length(1, &[9; 32]),
        &with_length(2, &[0x13, 0x01, 0xc0, 0x2f]),
        &with_length(1, &[0]),
        &with_length(2, &extensions),
    ];
    let message = [&[1][..], &with_length(3, &body.concat())].concat();
    [&[0x16, 3, 1][..], &with_length(2, &message)].concat()
}
