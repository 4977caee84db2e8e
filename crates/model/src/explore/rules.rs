//! The rules that a question is a choice of.

use std::net::IpAddr;

use crate::choice::{Choice, Chosen};
use crate::config::Node;
use crate::route::address::Cidr;
use crate::route::geo::Geo;

/// Rules of which a value gets one.
pub(super) enum Rules {
    /// Of a string.
    Strings(Choice),
    /// Of an address.
    Addresses(Addresses),
}

/// The lines of a `geo`.
pub(super) struct Addresses {
    geo: Geo,
    borders: Vec<IpAddr>,
}

impl Addresses {
    pub(super) fn of(node: Node<'_>) -> Addresses {
        let lines: Vec<Node<'_>> = node.children().filter(|line| line.args().len() == 1).collect();
        let borders = lines.iter().flat_map(|line| {
            let text = line.name_bytes();
            match text.iter().position(|&byte| byte == b'-') {
                Some(at) => [borders(&text[..at]), borders(&text[at + 1..])].concat(),
                None => borders(text),
            }
        });
        let borders = borders.collect();
        Addresses { geo: Geo::of(node), borders }
    }
}

impl Rules {
    /// What a value gets.
    pub(super) fn choose(&self, value: &[u8]) -> Chosen {
        match self {
            Rules::Strings(choice) => choice.choose(value),
            Rules::Addresses(all) => {
                let address = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                all.geo.find(address).map_or(Chosen::Nothing, Chosen::Rule)
            }
        }
    }

    /// The addresses at which something changes.
    pub(super) fn borders(&self) -> &[IpAddr] {
        match self {
            Rules::Strings(_) => &[],
            Rules::Addresses(all) => &all.borders,
        }
    }
}

/// An address in the middle of a range, its first, and those just outside.
pub(super) fn borders(range: &[u8]) -> Vec<IpAddr> {
    let (first, last) = match Cidr::of(range) {
        Some(Cidr::V4 { network, bits }) => {
            let last = network | u32::MAX.checked_shr(bits).unwrap_or(0);
            (IpAddr::V4(network.into()), IpAddr::V4(last.into()))
        }
        Some(Cidr::V6 { network, bits }) => {
            let last = network | u128::MAX.checked_shr(bits).unwrap_or(0);
            (IpAddr::V6(network.into()), IpAddr::V6(last.into()))
        }
        Some(Cidr::Unix) | None => return Vec::new(),
    };
    let inner = beside(first, true).filter(|_| first != last);
    inner.into_iter().chain([first]).chain(beside(last, true)).chain(beside(first, false)).collect()
}

fn beside(address: IpAddr, up: bool) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let bits = u32::from(address);
            let next = if up { bits.checked_add(1) } else { bits.checked_sub(1) };
            next.map(|bits| IpAddr::V4(bits.into()))
        }
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            let next = if up { bits.checked_add(1) } else { bits.checked_sub(1) };
            next.map(|bits| IpAddr::V6(bits.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_of_a_range_are_inside_and_just_outside() {
        let texts = |range: &str| {
            borders(range.as_bytes()).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(texts("10.0.0.0/8"), "10.0.0.1 10.0.0.0 11.0.0.0 9.255.255.255");
        assert_eq!(texts("10.0.0.1"), "10.0.0.1 10.0.0.2 10.0.0.0");
        assert_eq!(texts("0.0.0.0/0"), "0.0.0.1 0.0.0.0");
    }
}
