//! FastCGI, as a responder.
//!
//! Source: the FastCGI specification 1.0, sections 3 to 6.

use std::io;

use super::Behaviour;
use super::http::{printable, reason};
use super::speak::{Asked, Exchange, HEAD_BYTES_MAX};
use crate::stream::{Reader, Stream};

const BEGIN_REQUEST: u8 = 1;
const ABORT_REQUEST: u8 = 2;
const END_REQUEST: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;

/// How much of an answer one record can hold.
const RECORD_BYTES_MAX: usize = 0xfff8;

pub(super) async fn serve(stream: impl Stream, exchange: &Exchange) -> io::Result<()> {
    let mut reader = Reader::new(stream);
    let (mut parameters, mut keep) = (Vec::new(), false);
    while let Some(header) = reader.exact(8).await? {
        let kind = header[1];
        let request = [header[2], header[3]];
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let Some(content) = reader.exact(length).await? else { return Ok(()) };
        if !reader.discard(u64::from(header[6])).await? {
            return Ok(());
        }
        match kind {
            BEGIN_REQUEST => {
                keep = content.get(2).is_some_and(|flags| flags & 1 != 0);
                parameters.clear();
            }
            PARAMS if parameters.len() + content.len() > HEAD_BYTES_MAX => return Ok(()),
            PARAMS => parameters.extend_from_slice(&content),
            STDIN if content.is_empty() => {
                let text = match answer(exchange, asked("fastcgi", pairs(&parameters))) {
                    Reply::Text(text) => text,
                    Reply::Close => return Ok(()),
                    Reply::Nothing => return reader.discard_all().await,
                };
                let mut records = Vec::new();
                text.chunks(RECORD_BYTES_MAX).for_each(|piece| record(&mut records, STDOUT, request, piece));
                record(&mut records, STDOUT, request, b"");
                record(&mut records, END_REQUEST, request, &[0; 8]);
                reader.write(&records).await?;
                if !keep {
                    return reader.finish().await;
                }
            }
            ABORT_REQUEST => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

fn record(into: &mut Vec<u8>, kind: u8, request: [u8; 2], content: &[u8]) {
    let length = u16::try_from(content.len()).expect("pieces are cut to fit").to_be_bytes();
    into.extend_from_slice(&[1, kind, request[0], request[1], length[0], length[1], 0, 0]);
    into.extend_from_slice(content);
}

/// Names and values, each length in one byte or in four with the highest bit set.
fn pairs(mut bytes: &[u8]) -> Vec<(String, String)> {
    fn length(bytes: &mut &[u8]) -> Option<usize> {
        let (&first, rest) = bytes.split_first()?;
        if first < 0x80 {
            *bytes = rest;
            return Some(usize::from(first));
        }
        let (four, rest) = bytes.split_first_chunk::<4>()?;
        *bytes = rest;
        Some((u32::from_be_bytes(*four) & 0x7fff_ffff) as usize)
    }
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (length(&mut bytes), length(&mut bytes)) {
        let Some((pair, rest)) = bytes.split_at_checked(name.saturating_add(value)) else { break };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        pairs.push((text(&pair[..name]), text(&pair[name..])));
        bytes = rest;
    }
    pairs
}

/// What a gateway's parameters say.
pub(super) fn asked(protocol: &'static str, parameters: Vec<(String, String)>) -> Asked {
    let value = |name: &str| {
        let found = parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    Asked {
        protocol,
        method: value("REQUEST_METHOD").unwrap_or_default(),
        target: value("REQUEST_URI").or_else(|| value("SCRIPT_NAME")).unwrap_or_default(),
        version: value("SERVER_PROTOCOL").unwrap_or_default(),
        host: value("HTTP_HOST"),
        headers: parameters,
    }
}

/// What is to be done after a request.
pub(super) enum Reply {
    /// Send this, in the form of CGI.
    Text(Vec<u8>),
    Close,
    Nothing,
}

/// Answers a request of a gateway.
pub(super) fn answer(exchange: &Exchange, asked: Asked) -> Reply {
    let is_head = asked.method == "HEAD";
    let body = exchange.reached(asked);
    let (status, fill) = match exchange.served.behaviour() {
        Behaviour::Close => return Reply::Close,
        Behaviour::Silent => return Reply::Nothing,
        Behaviour::Echo => (200, 0),
        Behaviour::Status(status) => (status, 0),
        Behaviour::Headers(bytes) => (200, bytes as usize),
    };
    let (reason, name) = (reason(status), printable(&exchange.served.name));
    let mut text = format!("Status: {status} {reason}\r\nX-Evenkeel-Stub: {name}\r\n");
    if fill > 0 {
        text.push_str(&format!("X-Evenkeel-Fill: {}\r\n", "x".repeat(fill)));
    }
    text.push_str("Content-Type: application/json\r\n\r\n");
    let mut text = text.into_bytes();
    if !is_head {
        text.extend_from_slice(&body);
    }
    Reply::Text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_short_and_long_lengths() {
        let mut bytes = b"\x01\x02abc".to_vec();
        bytes.extend_from_slice(b"\x02\x80\x00\x01\x00de");
        bytes.extend_from_slice(&[b'f'; 256]);
        let read = pairs(&bytes);
        assert_eq!(read[0], ("a".to_owned(), "bc".to_owned()));
        assert_eq!(read[1], ("de".to_owned(), "f".repeat(256)));
        assert!(pairs(b"\xff\xff\xff\xff\xff\xff\xff\xff").is_empty());
        assert!(pairs(b"\x05").is_empty());
    }
}
