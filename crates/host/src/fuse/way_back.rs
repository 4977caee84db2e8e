//! What the fuse must know of nginx to bring the old configuration back and to prove it. Written down with the plan,
//! so that it needs nobody to ask.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::codec::{Garbled, Reader, Writer};
use crate::nginx::generation::{Expected, Workers};
use crate::nginx::sockets::Listen;
use crate::place::Place;

/// How nginx looks when the old configuration serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    /// The host's nginx and its tree.
    pub place: Place,
    /// The error logs of the old and the new configuration.
    pub error_logs: Vec<PathBuf>,
    /// What the old configuration looks like from outside.
    pub expected: Expected,
    /// What the one confirmed before it looks like, in case nginx does not take the old one any more.
    pub good: Option<Expected>,
}

impl WayBack {
    /// Gives the bytes to hand to [`stage`](crate::install::stage()) as `extra`.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        let Place { config_dir, main, nginx, pid, state_dir } = &self.place;
        for part in [config_dir, main, nginx, pid, state_dir] {
            path(&mut to, part);
        }
        to.u32(count(self.error_logs.len()));
        for log in &self.error_logs {
            path(&mut to, log);
        }
        expected(&mut to, &self.expected);
        to.option(self.good.as_ref(), expected);
        to.0
    }

    /// Reads them back; `None` when they are not what was written, or nothing was.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        read(&mut Reader(bytes)).ok()
    }
}

fn read(from: &mut Reader<'_>) -> Result<WayBack, Garbled> {
    let place = Place {
        config_dir: read_path(from)?,
        main: read_path(from)?,
        nginx: read_path(from)?,
        pid: read_path(from)?,
        state_dir: read_path(from)?,
    };
    let mut error_logs = Vec::new();
    for _ in 0..from.u32()? {
        error_logs.push(read_path(from)?);
    }
    let expected = read_expected(from)?;
    Ok(WayBack { place, error_logs, expected, good: from.option(read_expected)? })
}

fn expected(to: &mut Writer, expected: &Expected) {
    to.option(
        match expected.workers {
            Workers::Fixed(workers) => Some(workers),
            Workers::Auto => None,
        },
        Writer::u32,
    );
    to.u32(count(expected.listens.len()));
    for listen in &expected.listens {
        match listen {
            Listen::Tcp(address) => text(to, 0, address),
            Listen::Udp(address) => text(to, 1, address),
            Listen::Unix(socket) => {
                to.u8(2);
                path(to, socket);
            }
        }
    }
    to.u64(ms(expected.stay));
    to.u64(ms(expected.limit));
}

fn read_expected(from: &mut Reader<'_>) -> Result<Expected, Garbled> {
    let workers = from.option(Reader::u32)?.map_or(Workers::Auto, Workers::Fixed);
    let mut listens = Vec::new();
    for _ in 0..from.u32()? {
        listens.push(match from.u8()? {
            0 => Listen::Tcp(address(from)?),
            1 => Listen::Udp(address(from)?),
            2 => Listen::Unix(read_path(from)?),
            _ => return Err(Garbled),
        });
    }
    let (stay, limit) = (Duration::from_millis(from.u64()?), Duration::from_millis(from.u64()?));
    Ok(Expected { workers, listens, stay, limit })
}

fn path(to: &mut Writer, path: &Path) {
    to.bytes(path.as_os_str().as_bytes());
}

fn read_path(from: &mut Reader<'_>) -> Result<PathBuf, Garbled> {
    from.bytes().map(|bytes| PathBuf::from(OsStr::from_bytes(bytes)))
}

fn text(to: &mut Writer, kind: u8, address: &SocketAddr) {
    to.u8(kind);
    to.bytes(address.to_string().as_bytes());
}

fn address(from: &mut Reader<'_>) -> Result<SocketAddr, Garbled> {
    std::str::from_utf8(from.bytes()?).ok().and_then(|text| text.parse().ok()).ok_or(Garbled)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("nobody has 4 billion logs or addresses")
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nginx::generation::{LIMIT, STAY};

    #[test]
    fn way_back_reads_as_it_was_written() {
        let way_back = WayBack {
            place: Place::new("/etc/nginx", "/var/lib/evenkeel"),
            error_logs: vec![PathBuf::from("/var/log/nginx/error.log")],
            expected: Expected {
                workers: Workers::Fixed(3),
                listens: vec![
                    Listen::Tcp("127.0.0.1:80".parse().unwrap()),
                    Listen::Udp("[::1]:443".parse().unwrap()),
                    Listen::Unix(PathBuf::from("/run/x.sock")),
                ],
                stay: STAY,
                limit: LIMIT,
            },
            good: Some(Expected { workers: Workers::Auto, listens: Vec::new(), stay: STAY, limit: LIMIT }),
        };
        let bytes = way_back.encode();
        assert_eq!(WayBack::decode(&bytes), Some(way_back));
        for end in 0..bytes.len() {
            assert_eq!(WayBack::decode(&bytes[..end]), None);
        }
    }
}
