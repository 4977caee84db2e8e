//! What nginx says to a FastCGI, uwsgi, SCGI or gRPC server, as far as it matters here.

use std::io::{BufReader, Error, ErrorKind, Read, Result, Write as _};
use std::net::TcpStream;

use super::{Told, status_of};

type Reader<'a> = BufReader<&'a TcpStream>;

/// The parameter that configurations send the URI in.
const URI: &[u8] = b"U";
/// The header that asks for a status, as CGI names it.
const STATUS: &[u8] = b"HTTP_X_STATUS";

fn exactly<const N: usize>(reader: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn bytes(reader: &mut impl Read, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

impl Told {
    fn learn(&mut self, name: &[u8], value: &[u8]) {
        match name {
            URI => self.asked = value.to_vec(),
            STATUS => self.status = status_of(&String::from_utf8_lossy(value)),
            _ => {}
        }
    }
}

/// Reads to the end of the request.
pub(super) fn fastcgi(reader: &mut Reader<'_>) -> Result<Told> {
    const PARAMS: u8 = 4;
    const STDIN: u8 = 5;
    let mut params = Vec::new();
    loop {
        let [_, kind, _, _, high, low, padding, _] = exactly(reader)?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let content = bytes(reader, length)?;
        bytes(reader, usize::from(padding))?;
        match kind {
            PARAMS => params.extend(content),
            STDIN if length == 0 => break,
            _ => {}
        }
    }
    let mut told = Told { status: 200, ..Told::default() };
    let mut rest = &params[..];
    while !rest.is_empty() {
        let (name, value) = (length(&mut rest)?, length(&mut rest)?);
        let (name, value) = (bytes(&mut rest, name)?, bytes(&mut rest, value)?);
        told.learn(&name, &value);
    }
    Ok(told)
}

/// One byte, or four with the first bit set.
fn length(rest: &mut &[u8]) -> Result<usize> {
    let [first] = exactly(rest)?;
    if first < 0x80 {
        return Ok(usize::from(first));
    }
    let [a, b, c] = exactly(rest)?;
    Ok(u32::from_be_bytes([first & 0x7f, a, b, c]) as usize)
}

pub(super) fn fastcgi_answer(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("answers are short").to_be_bytes();
    let out = [&[1, 6, 0, 1, length[0], length[1], 0, 0], text.as_bytes()].concat();
    [&out[..], &[1, 3, 0, 1, 0, 8, 0, 0], &[0; 8]].concat()
}

/// Reads the variables.
pub(super) fn uwsgi(reader: &mut Reader<'_>) -> Result<Told> {
    let [_, low, high, _] = exactly(reader)?;
    let all = bytes(reader, usize::from(u16::from_le_bytes([low, high])))?;
    let mut told = Told { status: 200, ..Told::default() };
    let mut rest = &all[..];
    let text = |rest: &mut &[u8]| {
        let length = u16::from_le_bytes(exactly(rest)?);
        bytes(rest, usize::from(length))
    };
    while !rest.is_empty() {
        let (name, value) = (text(&mut rest)?, text(&mut rest)?);
        told.learn(&name, &value);
    }
    Ok(told)
}

/// Reads the headers: a netstring.
pub(super) fn scgi(reader: &mut Reader<'_>) -> Result<Told> {
    let mut length = 0_usize;
    loop {
        match exactly(reader)? {
            [b':'] => break,
            [digit @ b'0'..=b'9'] if length < 1 << 20 => length = length * 10 + usize::from(digit - b'0'),
            _ => return Err(Error::from(ErrorKind::InvalidData)),
        }
    }
    let all = bytes(reader, length + 1)?;
    let mut told = Told { status: 200, ..Told::default() };
    let mut words = all[..length].split(|&byte| byte == 0);
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        told.learn(name, value);
    }
    Ok(told)
}

/// Answers every request of a connection.
pub(super) fn grpc(reader: &mut Reader<'_>, port: u16) -> Result<()> {
    const PREFACE: usize = 24;
    const HEADERS: u8 = 1;
    bytes(reader, PREFACE)?;
    // Settings, and that those of nginx are taken.
    reader.get_mut().write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0])?;
    loop {
        let [a, b, c, kind, _, stream @ ..]: [u8; 9] = exactly(reader)?;
        bytes(reader, u32::from_be_bytes([0, a, b, c]) as usize)?;
        if kind == HEADERS {
            reader.get_mut().write_all(&grpc_answer(stream, port))?;
        }
    }
}

/// A header that ends the stream: `:status: 200` and the port.
fn grpc_answer(stream: [u8; 4], port: u16) -> Vec<u8> {
    let (name, port) = ("x-echo-port", port.to_string());
    let length = |text: &str| u8::try_from(text.len()).expect("it is short");
    let literal = [&[0, length(name)], name.as_bytes(), &[length(&port)], port.as_bytes()].concat();
    let block = [&[0x88], &literal[..]].concat();
    let head = [0, 0, u8::try_from(block.len()).expect("it is short"), 1, 5];
    [&head[..], &stream, &block].concat()
}
