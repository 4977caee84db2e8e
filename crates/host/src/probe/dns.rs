//! What a name server says of a name.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::time::Duration;

use evenkeel_fleet::watch::{DnsFault, Failure};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use nix::sys::socket::{setsockopt, sockopt};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;

use super::visit::{Prober, Visit};
use super::{Limits, Target, connect};

/// What is to be known of this kind.
pub(super) const PAGE: &str = "Asks a name server for the addresses of a name, by UDP, and by TCP where the answer is too long. Up: it \
has addresses, and they are those that are expected, if any are.";

/// How long until a question is sent again: a packet may get lost.
const AGAIN_AFTER: Duration = Duration::from_millis(1_500);
/// The longest answer by UDP that is read.
const ANSWER_BYTES_MAX: usize = 4_096;
/// How many addresses of a name are kept.
const ADDRESSES_MAX: usize = 64;

/// A question to a name server; the target of the probe is the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dns {
    /// The whole name.
    pub name: String,
    /// Which addresses.
    #[serde(default)]
    pub family: Family,
    /// All the addresses that it must have, in any order; any will do when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<IpAddr>,
}

/// Which addresses of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Those of IPv4 (A).
    #[default]
    Ipv4,
    /// Those of IPv6 (AAAA).
    Ipv6,
}

impl Dns {
    pub(super) async fn ask(&self, visit: &mut Visit<'_>) -> Result<(), Failure> {
        let Target::Tcp(server) = *visit.target else {
            return Err(Failure::OwnSide { reason: "a name server has an address".to_owned() });
        };
        let query = query(&self.name, self.family)?;
        let asked = visit.within(by_udp(server, &query)).await;
        let mut answer = asked.unwrap_or(Err(Failure::Dns(DnsFault::TimedOut)))?;
        if answer.metadata.truncation {
            let asked = visit.within(by_tcp(server, &query)).await;
            answer = asked.unwrap_or(Err(Failure::Dns(DnsFault::TimedOut)))?;
        }
        visit.phases.first_byte = Some(visit.started.elapsed());
        visit.seen.addresses = addresses(&answer, self.family)?;
        let mut found = visit.seen.addresses.clone();
        let mut expected = self.expect.clone();
        found.sort_unstable();
        expected.sort_unstable();
        expected.dedup();
        if expected.is_empty() || found == expected {
            return Ok(());
        }
        Err(Failure::Dns(DnsFault::OtherAddresses(found)))
    }
}

/// The addresses of a name, as one server says.
pub(super) async fn resolve(server: SocketAddr, name: &str, family: Family, limits: Limits) -> Result<Vec<IpAddr>, Failure> {
    let (prober, target) = (Prober::default(), Target::Tcp(server));
    let mut visit = Visit::new(&prober, &target, limits);
    Dns { name: name.to_owned(), family, expect: Vec::new() }.ask(&mut visit).await?;
    Ok(visit.seen.addresses)
}

pub(super) fn query(name: &str, family: Family) -> Result<Message, Failure> {
    let bad = |reason: String| Failure::OwnSide { reason };
    let mut whole = Name::from_utf8(name).map_err(|error| bad(format!("\"{}\" is no name: {error}", name.escape_debug())))?;
    whole.set_fqdn(true);
    let kind = match family {
        Family::Ipv4 => RecordType::A,
        Family::Ipv6 => RecordType::AAAA,
    };
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(whole, kind));
    Ok(message)
}

fn bytes(query: &Message) -> Result<Vec<u8>, Failure> {
    query.to_vec().map_err(|error| Failure::OwnSide { reason: error.to_string() })
}

/// Whether `answer` belongs to `query`.
fn belongs(query: &Message, answer: &Message) -> bool {
    answer.metadata.id == query.metadata.id && (answer.queries.is_empty() || answer.queries == query.queries)
}

async fn by_udp(server: SocketAddr, query: &Message) -> Result<Message, Failure> {
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let failed = |error: &std::io::Error, socket: &UdpSocket| {
        match connect::because(error, socket.as_fd(), server.ip()) {
            // What a host says of a UDP port on which nobody listens.
            Failure::Rejected(icmp) if matches!((icmp.kind, icmp.code), (3, 3) | (1, 4)) && icmp.from == server.ip() => {
                Failure::Refused
            }
            other => other,
        }
    };
    let socket = UdpSocket::bind((any, 0)).await.map_err(|error| Failure::OwnSide { reason: error.to_string() })?;
    let _no_evidence_then = match server {
        SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4RecvErr, &true),
        SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvErr, &true),
    };
    socket.connect(server).await.map_err(|error| failed(&error, &socket))?;
    let question = bytes(query)?;
    let mut buffer = vec![0; ANSWER_BYTES_MAX];
    loop {
        socket.send(&question).await.map_err(|error| failed(&error, &socket))?;
        let heard = async {
            loop {
                let length = socket.recv(&mut buffer).await.map_err(|error| failed(&error, &socket))?;
                // Anything may arrive here; what is no answer to this question is none.
                if let Ok(answer) = Message::from_vec(&buffer[..length])
                    && belongs(query, &answer)
                {
                    return Ok(answer);
                }
            }
        };
        if let Ok(heard) = tokio::time::timeout(AGAIN_AFTER, heard).await {
            return heard;
        }
    }
}

async fn by_tcp(server: SocketAddr, query: &Message) -> Result<Message, Failure> {
    let failed = || Failure::Dns(DnsFault::ServerFailed);
    let mut stream = connect::tcp(server).await?;
    let question = bytes(query)?;
    let length = u16::try_from(question.len()).map_err(|_| failed())?;
    let sent = [&length.to_be_bytes()[..], &question].concat();
    stream.write_all(&sent).await.map_err(|_| failed())?;
    let length = stream.read_u16().await.map_err(|_| failed())?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.map_err(|_| failed())?;
    let answer = Message::from_vec(&answer).map_err(|_| failed())?;
    if belongs(query, &answer) { Ok(answer) } else { Err(failed()) }
}

fn addresses(answer: &Message, family: Family) -> Result<Vec<IpAddr>, Failure> {
    let fault = match answer.metadata.response_code {
        ResponseCode::NoError => None,
        ResponseCode::NXDomain => Some(DnsFault::NoSuchName),
        ResponseCode::Refused => Some(DnsFault::Refused),
        _ => Some(DnsFault::ServerFailed),
    };
    if let Some(fault) = fault {
        return Err(Failure::Dns(fault));
    }
    let found = answer.answers.iter().filter_map(|record| match (&record.data, family) {
        (RData::A(address), Family::Ipv4) => Some(IpAddr::V4(address.0)),
        (RData::AAAA(address), Family::Ipv6) => Some(IpAddr::V6(address.0)),
        _ => None,
    });
    let mut found: Vec<IpAddr> = found.take(ADDRESSES_MAX).collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() { Err(Failure::Dns(DnsFault::NoAddress)) } else { Ok(found) }
}
