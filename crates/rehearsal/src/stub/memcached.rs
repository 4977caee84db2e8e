//! memcached: every key has a value, which tells what was asked.
//!
//! Source: <https://github.com/memcached/memcached/blob/master/doc/protocol.txt>

use std::io;

use super::Behaviour;
use super::speak::{Asked, Exchange};
use crate::stream::{Reader, Stream};

/// The longest line: a key has at most 250 bytes, but nginx does not count.
const LINE_BYTES_MAX: usize = 8192;

pub(super) async fn serve(stream: impl Stream, exchange: &Exchange) -> io::Result<()> {
    let mut reader = Reader::new(stream);
    while let Some(line) = reader.until(b"\r\n", LINE_BYTES_MAX).await? {
        let text = String::from_utf8_lossy(&line[..line.len() - 2]).into_owned();
        let (command, key) = text.split_once(' ').unwrap_or((&text, ""));
        let (method, target) = (command.to_owned(), key.to_owned());
        let told = exchange.reached(Asked { protocol: "memcached", method, target, ..Asked::default() });
        let answer = match exchange.served.behaviour() {
            Behaviour::Close => return Ok(()),
            Behaviour::Silent => return reader.discard_all().await,
            _ if command != "get" => b"ERROR\r\n".to_vec(),
            Behaviour::Status(404) => b"END\r\n".to_vec(),
            Behaviour::Status(status) => format!("SERVER_ERROR {status}\r\n").into_bytes(),
            Behaviour::Echo | Behaviour::Headers(_) => {
                let mut answer = format!("VALUE {key} 0 {}\r\n", told.len()).into_bytes();
                answer.extend_from_slice(&told);
                answer.extend_from_slice(b"\r\nEND\r\n");
                answer
            }
        };
        reader.write(&answer).await?;
    }
    Ok(())
}
