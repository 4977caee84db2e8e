//! DNS: as much as resolvers ask of an upstream's name.
//!
//! Source: RFC 1035, section 4; RFC 3596

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use super::speak::{Asked, Exchange};
use super::{Behaviour, Zone};
use crate::stream::{Reader, Stream};

const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;

const NO_ERROR: u8 = 0;
const FORMAT_ERROR: u8 = 1;
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;
const NOT_IMPLEMENTED: u8 = 4;

const HEADER_BYTES: usize = 12;

/// How long an answer may be kept, in seconds: a rehearsal changes what it answers.
const TTL: u32 = 1;

/// How many addresses one answer tells: they fit into the 512 bytes that every resolver reads.
const ADDRESSES_MAX: usize = 8;

impl Zone {
    /// The addresses of a name; `None` when it does not exist.
    pub fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        match self.names.get(&name) {
            Some(addresses) => Some(addresses.clone()),
            None if self.others_exist => Some(vec![ANY_NAME.into()]),
            None => None,
        }
    }
}

/// What every name is that nobody knows: of 198.18.0.0/15, which is kept for benchmarks (RFC 2544) and belongs to nobody.
pub(crate) const ANY_NAME: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 254);

/// Serves DNS over TCP: every message after its length in two bytes.
pub(super) async fn serve(stream: impl Stream, zone: &Zone, exchange: &Exchange) -> io::Result<()> {
    let mut reader = Reader::new(stream);
    while let Some(length) = reader.exact(2).await? {
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let Some(query) = reader.exact(length).await? else { return Ok(()) };
        let Some(answer) = answer(&query, zone, exchange) else { return Ok(()) };
        match exchange.served.behaviour() {
            Behaviour::Close => return Ok(()),
            Behaviour::Silent => return reader.discard_all().await,
            _ => {}
        }
        let length = u16::try_from(answer.len()).expect("an answer has at most 8 addresses");
        let mut message = length.to_be_bytes().to_vec();
        message.extend_from_slice(&answer);
        reader.write(&message).await?;
    }
    Ok(())
}

/// The answer to a message; `None` when it is no question.
pub(super) fn answer(query: &[u8], zone: &Zone, exchange: &Exchange) -> Option<Vec<u8>> {
    let question = Question::read(query)?;
    exchange.reached(Asked {
        protocol: "dns",
        method: match question.kind {
            TYPE_A => "A".to_owned(),
            TYPE_AAAA => "AAAA".to_owned(),
            other => format!("TYPE{other}"),
        },
        target: question.name.clone(),
        ..Asked::default()
    });
    let failing = matches!(exchange.served.behaviour(), Behaviour::Status(_));
    Some(message(query, &question, if failing { Err(SERVER_FAILURE) } else { found(&question, zone) }))
}

/// The answer to a message, from a zone alone.
pub(crate) fn reply(query: &[u8], zone: &Zone) -> Option<Vec<u8>> {
    let question = Question::read(query)?;
    Some(message(query, &question, found(&question, zone)))
}

fn found(question: &Question, zone: &Zone) -> Result<Vec<IpAddr>, u8> {
    if let Some(refused) = question.refused {
        return Err(refused);
    }
    let addresses = zone.addresses(&question.name).ok_or(NO_SUCH_NAME)?;
    let fits = |address: &IpAddr| match question.kind {
        TYPE_A => address.is_ipv4(),
        TYPE_AAAA => address.is_ipv6(),
        _ => false,
    };
    Ok(addresses.into_iter().filter(fits).take(ADDRESSES_MAX).collect())
}

/// The first question of a message.
struct Question {
    name: String,
    kind: u16,
    /// Where it ends.
    end: usize,
    /// Why it gets no answer.
    refused: Option<u8>,
}

impl Question {
    fn read(query: &[u8]) -> Option<Question> {
        let header = query.get(..HEADER_BYTES)?;
        if header[2] & 0x80 != 0 {
            // Answers get no answer: two servers would never stop.
            return None;
        }
        let broken =
            |refused| Question { name: String::new(), kind: 0, end: HEADER_BYTES, refused: Some(refused) };
        if header[2] & 0x78 != 0 {
            return Some(broken(NOT_IMPLEMENTED));
        }
        let Some((name, kind, end)) = name(query).filter(|_| header[4..6] == [0, 1]) else {
            return Some(broken(FORMAT_ERROR));
        };
        Some(Question { name, kind, end, refused: None })
    }
}

/// The name of the first question, its type, and where the question ends.
fn name(query: &[u8]) -> Option<(String, u16, usize)> {
    let (mut at, mut name) = (HEADER_BYTES, String::new());
    loop {
        let length = usize::from(*query.get(at)?);
        let label = query.get(at + 1..at + 1 + length)?;
        at += 1 + length;
        match length {
            0 => break,
            // The two highest bits are a pointer, which a first name cannot have.
            64.. => return None,
            _ if name.len() + length > 254 => return None,
            _ => {}
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
    }
    let kind = query.get(at..at + 4)?;
    Some((name, u16::from_be_bytes([kind[0], kind[1]]), at + 4))
}

fn message(query: &[u8], question: &Question, found: Result<Vec<IpAddr>, u8>) -> Vec<u8> {
    let (addresses, code) = match found {
        Ok(addresses) => (addresses, NO_ERROR),
        Err(code) => (Vec::new(), code),
    };
    let has_question = u8::from(question.end > HEADER_BYTES);
    let count = u8::try_from(addresses.len()).expect("they are at most 8");
    let mut message = query[..2].to_vec();
    // An answer, authoritative; recursion as it was wanted, and available.
    message.extend_from_slice(&[0x84 | query[2] & 0x01, 0x80 | code, 0, has_question, 0, count, 0, 0, 0, 0]);
    message.extend_from_slice(&query[HEADER_BYTES..question.end]);
    for address in addresses {
        // The name of the question, by its place; class IN.
        message.extend_from_slice(&[0xc0, HEADER_BYTES as u8]);
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let kind = if address.is_ipv4() { TYPE_A } else { TYPE_AAAA };
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&[0, 1]);
        message.extend_from_slice(&TTL.to_be_bytes());
        message.extend_from_slice(&[0, octets.len() as u8]);
        message.extend_from_slice(&octets);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut query = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(label.len() as u8);
            query.extend_from_slice(label.as_bytes());
        }
        query.extend_from_slice(&[0, 0, kind as u8, 0, 1]);
        query
    }

    fn asked(query: &[u8], zone: &Zone) -> Option<Vec<u8>> {
        reply(query, zone)
    }

    fn zone() -> Zone {
        let addresses = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        Zone { names: [("app.test".to_owned(), addresses)].into(), others_exist: false }
    }

    #[test]
    fn known_name_has_the_addresses_of_the_asked_kind() {
        let four = asked(&query("APP.test", TYPE_A), &zone()).unwrap();
        assert_eq!(four[..12], [7, 9, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert!(four.ends_with(&[0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 192, 0, 2, 1]), "{four:?}");
        let six = asked(&query("app.test", TYPE_AAAA), &zone()).unwrap();
        assert_eq!(six[7], 1);
        assert!(six.ends_with(&[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), "{six:?}");
        assert_eq!(asked(&query("app.test", 16), &zone()).unwrap()[7], 0, "no text record");
    }

    #[test]
    fn other_names_exist_or_not_by_choice() {
        let absent = asked(&query("b.test", TYPE_A), &zone()).unwrap();
        assert_eq!((absent[3] & 15, absent[7]), (NO_SUCH_NAME, 0));
        let all = Zone { others_exist: true, ..zone() };
        let address = all.addresses("b.test.").unwrap();
        assert_eq!(Some(address), all.addresses("B.test"));
        for name in ["b.test", "c.test", "a-very-long-name.internal.example.com"] {
            let Some(IpAddr::V4(address)) = all.addresses(name).map(|all| all[0]) else { panic!("{name}") };
            assert_eq!(address.octets()[0], 198);
            assert!(matches!(address.octets()[1], 18 | 19), "{address}");
        }
    }

    #[test]
    fn broken_questions_get_an_error_or_nothing() {
        assert_eq!(asked(b"", &zone()), None);
        assert_eq!(asked(b"short", &zone()), None);
        let mut answer = query("app.test", TYPE_A);
        answer[2] |= 0x80;
        assert_eq!(asked(&answer, &zone()), None);
        let whole = query("app.test", TYPE_A);
        for cut in HEADER_BYTES..whole.len() {
            assert_eq!(asked(&whole[..cut], &zone()).unwrap()[3] & 15, FORMAT_ERROR, "{cut}");
        }
        let mut pointer = query("app.test", TYPE_A);
        pointer[12] = 0xc0;
        assert_eq!(asked(&pointer, &zone()).unwrap()[3] & 15, FORMAT_ERROR);
    }
}
