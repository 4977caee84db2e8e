//! The addresses at which clients are tried: every border between networks that a configuration names.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Config;
use crate::context::Context;
use crate::route::address::{Cidr, mask4, mask6, parse};

/// How many addresses of a family are tried.
const ADDRESSES_MAX: usize = 64;

/// A client that no configuration names.
const NOBODY: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77)),
];

/// The addresses of each family; the flag says whether some had to be left out.
pub(super) fn clients(configs: [&Config; 2]) -> ([Vec<IpAddr>; 2], bool) {
    let mut borders: BTreeSet<IpAddr> = BTreeSet::new();
    for config in configs {
        for name in ["allow", "deny", "set_real_ip_from"] {
            for node in config.named(name).filter(|node| node.context().is_stream()) {
                borders.extend(node.arg(0).map(ends).unwrap_or_default());
            }
        }
        for geo in config.named("geo").filter(|node| node.context() == Context::Stream) {
            for line in geo.children() {
                borders.extend(ends(line.name_bytes()));
            }
        }
    }
    let mut cut = false;
    let clients = NOBODY.map(|nobody| {
        let same = borders.iter().filter(|address| address.is_ipv4() == nobody.is_ipv4());
        let mut all: Vec<IpAddr> = std::iter::once(nobody).chain(same.copied()).collect();
        cut |= all.len() > ADDRESSES_MAX;
        all.truncate(ADDRESSES_MAX);
        all
    });
    (clients, cut)
}

/// The first address of a network or a range, and the one behind its last.
fn ends(text: &[u8]) -> Vec<IpAddr> {
    let after = |address: IpAddr| match address {
        IpAddr::V4(v4) => u32::from(v4).checked_add(1).map(|next| IpAddr::V4(next.into())),
        IpAddr::V6(v6) => u128::from(v6).checked_add(1).map(|next| IpAddr::V6(next.into())),
    };
    let (first, last) = match (Cidr::of(text), text.iter().position(|&byte| byte == b'-')) {
        (Some(Cidr::V4 { network, bits }), _) => {
            (IpAddr::V4(network.into()), IpAddr::V4((network | !mask4(bits)).into()))
        }
        (Some(Cidr::V6 { network, bits }), _) => {
            (IpAddr::V6(network.into()), IpAddr::V6((network | !mask6(bits)).into()))
        }
        (Some(Cidr::Unix), _) | (None, None) => return Vec::new(),
        (None, Some(dash)) => match (parse(&text[..dash]), parse(&text[dash + 1..])) {
            (Some(first), Some(last)) => (first, last),
            _ => return Vec::new(),
        },
    };
    std::iter::once(first).chain(after(last)).collect()
}
