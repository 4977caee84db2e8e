//! Addresses and networks as nginx reads them, which is more lenient than the standard here and stricter there.
//!
//! Source: `ngx_inet_addr`, `ngx_inet6_addr`, `ngx_ptocidr`, `ngx_cidr_match`, `ngx_parse_addr`, `ngx_parse_addr_port`,
//! src/core/ngx_inet.c

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::number::atoi;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Nobody has said it.
    Unknown,
    /// A Unix socket.
    Unix,
    /// An address. One of IPv4 that is written as one of IPv6 is kept as it is.
    Ip(IpAddr),
}

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cidr {
    V4 {
        network: u32,
        bits: u32,
    },
    V6 {
        network: u128,
        bits: u32,
    },
    /// `unix:`
    Unix,
}

impl Cidr {
    /// Reads `10.0.0.0/8`, `::1`, `unix:`.
    pub(crate) fn of(text: &[u8]) -> Option<Cidr> {
        if text == b"unix:" {
            return Some(Cidr::Unix);
        }
        let (address, bits) = match text.iter().position(|&byte| byte == b'/') {
            Some(slash) => (&text[..slash], Some(u32::try_from(atoi(&text[slash + 1..])?).ok()?)),
            None => (text, None),
        };
        match v4(address) {
            Some(address) => {
                let bits = bits.unwrap_or(32);
                (bits <= 32).then(|| Cidr::V4 { network: u32::from(address) & mask4(bits), bits })
            }
            None => {
                let address = v6(address)?;
                let bits = bits.unwrap_or(128);
                (bits <= 128).then(|| Cidr::V6 { network: u128::from(address) & mask6(bits), bits })
            }
        }
    }

    /// Whether an address of IPv6 is in the network as it is written.
    pub(crate) fn has_v6(self, address: Ipv6Addr) -> bool {
        matches!(self, Cidr::V6 { network, bits } if u128::from(address) & mask6(bits) == network)
    }

    /// Whether an address is in the network.
    pub(crate) fn has(self, peer: IpAddr) -> bool {
        match (self, plain(peer)) {
            (Cidr::V4 { network, bits }, IpAddr::V4(address)) => u32::from(address) & mask4(bits) == network,
            (Cidr::V6 { network, bits }, IpAddr::V6(address)) => u128::from(address) & mask6(bits) == network,
            _ => false,
        }
    }
}

/// An address of IPv4 that is written as one of IPv6 is one of IPv4.
pub(crate) fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        v4 => v4,
    }
}

pub(crate) fn mask4(bits: u32) -> u32 {
    u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0)
}

pub(crate) fn mask6(bits: u32) -> u128 {
    u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0)
}

/// Four numbers with three dots; a number may be left out, and all ones are no address.
fn v4(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut address, mut octet, mut dots) = (0_u32, 0_u32, 0);
    for &byte in text {
        match byte {
            b'0'..=b'9' => {
                octet = octet * 10 + u32::from(byte - b'0');
                if octet > 255 {
                    return None;
                }
            }
            b'.' if dots < 3 => (address, octet, dots) = ((address << 8) + octet, 0, dots + 1),
            _ => return None,
        }
    }
    let address = (address << 8) + octet;
    (dots == 3 && address != u32::MAX).then(|| Ipv4Addr::from(address))
}

fn v6(text: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// An address without a port.
pub(crate) fn parse(text: &[u8]) -> Option<IpAddr> {
    v4(text).map(IpAddr::V4).or_else(|| v6(text).map(IpAddr::V6))
}

/// An address, with a port or without.
pub(crate) fn parse_with_port(text: &[u8]) -> Option<IpAddr> {
    if let Some(address) = parse(text) {
        return Some(address);
    }
    let (address, port) = match text {
        [b'[', rest @ ..] => {
            let end = rest.iter().position(|&byte| byte == b']')?;
            (&rest[..end], rest[end + 1..].strip_prefix(b":")?)
        }
        _ => {
            let colon = text.iter().position(|&byte| byte == b':')?;
            (&text[..colon], &text[colon + 1..])
        }
    };
    atoi(port).filter(|port| (1..=65535).contains(port))?;
    parse(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(network: &str, address: &str) -> Option<bool> {
        Cidr::of(network.as_bytes()).map(|cidr| cidr.has(address.parse().unwrap()))
    }

    #[test]
    fn networks_are_read_as_nginx_reads_them() {
        assert_eq!(has("10.0.0.0/8", "10.1.2.3"), Some(true));
        assert_eq!(has("10.1.2.3/8", "10.9.9.9"), Some(true), "the bits of the host are dropped");
        assert_eq!(has("10.0.0.1", "10.0.0.2"), Some(false));
        assert_eq!(has("0.0.0.0/0", "1.2.3.4"), Some(true));
        assert_eq!(has("0.0.0.0/0", "::1"), Some(false));
        assert_eq!(has("2001:db8::/32", "2001:db8::1"), Some(true));
        assert_eq!(has("10.0.0.0/8", "::ffff:10.0.0.1"), Some(true));
        assert_eq!(has("x", "10.0.0.1"), None);
        assert_eq!(has("10.0.0.0/33", "10.0.0.1"), None);
        assert_eq!(Cidr::of(b"unix:"), Some(Cidr::Unix));
    }

    #[test]
    fn addresses_are_read_as_nginx_reads_them() {
        let text = |text: &str| parse_with_port(text.as_bytes()).map(|address| address.to_string());
        for (given, expected) in [
            ("1.2.3.4", Some("1.2.3.4")),
            ("1.2.3.4:80", Some("1.2.3.4")),
            ("1.2.3.4:0", None),
            ("1.2.3.4:", None),
            ("1..2.3", Some("1.0.2.3")),
            ("255.255.255.255", None),
            ("1.2.3", None),
            ("::1", Some("::1")),
            ("[::1]:8", Some("::1")),
            ("[::1]", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(text(given).as_deref(), expected, "{given}");
        }
    }
}
