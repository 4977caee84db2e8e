//! uwsgi and SCGI: a head with the parameters, a body, one answer.
//!
//! Source: <https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html>, <https://python.ca/scgi/protocol.txt>

use std::io;

use super::fastcgi::{Reply, answer, asked};
use super::speak::{Exchange, HEAD_BYTES_MAX};
use crate::stream::{Reader, Stream};

/// The longest number before a netstring.
const NUMBER_BYTES_MAX: usize = 12;

pub(super) async fn serve_uwsgi(stream: impl Stream, exchange: &Exchange) -> io::Result<()> {
    let mut reader = Reader::new(stream);
    let Some(header) = reader.exact(4).await? else { return Ok(()) };
    let length = usize::from(u16::from_le_bytes([header[1], header[2]]));
    let Some(block) = reader.exact(length).await? else { return Ok(()) };
    finish(reader, exchange, "uwsgi", uwsgi_pairs(&block)).await
}

pub(super) async fn serve_scgi(stream: impl Stream, exchange: &Exchange) -> io::Result<()> {
    let mut reader = Reader::new(stream);
    let Some(number) = reader.until(b":", NUMBER_BYTES_MAX).await? else { return Ok(()) };
    let number = std::str::from_utf8(&number[..number.len() - 1]).ok();
    let Some(length) = number.and_then(|number| number.parse::<usize>().ok()) else { return Ok(()) };
    if length > HEAD_BYTES_MAX {
        return Ok(());
    }
    // A comma ends the string.
    let Some(block) = reader.exact(length + 1).await? else { return Ok(()) };
    finish(reader, exchange, "scgi", scgi_pairs(&block[..length])).await
}

/// Reads the body, answers and closes.
async fn finish(
    mut reader: Reader<impl Stream>,
    exchange: &Exchange,
    protocol: &'static str,
    parameters: Vec<(String, String)>,
) -> io::Result<()> {
    let length = parameters.iter().find(|(name, _)| name == "CONTENT_LENGTH");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    if !reader.discard(length).await? {
        return Ok(());
    }
    match answer(exchange, asked(protocol, parameters)) {
        Reply::Text(text) => {
            reader.write(&text).await?;
            reader.finish().await
        }
        Reply::Close => Ok(()),
        Reply::Nothing => reader.discard_all().await,
    }
}

/// Names and values, each after its length in two bytes.
fn uwsgi_pairs(mut bytes: &[u8]) -> Vec<(String, String)> {
    fn text(bytes: &mut &[u8]) -> Option<String> {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        *bytes = rest;
        Some(String::from_utf8_lossy(text).into_owned())
    }
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (text(&mut bytes), text(&mut bytes)) {
        pairs.push((name, value));
    }
    pairs
}

/// Names and values, each before a NUL.
fn scgi_pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let texts: Vec<_> =
        bytes.split(|&byte| byte == 0).map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    texts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_garbage_ends_them() {
        let pair = ("a".to_owned(), "bc".to_owned());
        assert_eq!(uwsgi_pairs(b"\x01\x00a\x02\x00bc\xff\xff"), std::slice::from_ref(&pair));
        assert_eq!(scgi_pairs(b"a\0bc\0"), [pair]);
        assert!(uwsgi_pairs(b"\x01").is_empty());
        assert!(scgi_pairs(b"").is_empty());
    }
}
