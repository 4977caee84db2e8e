//! Clients that no rule tells apart: their requests are one.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::wanted::looks_at_clients;
use crate::config::Config;
use crate::route::address::{Cidr, mask4};

/// The addresses of IPv4, cut wherever a network of an `allow` or a `deny` begins or has ended.
#[derive(Debug)]
pub(super) struct Clients(Vec<u32>);

impl Clients {
    /// The networks of two configurations; `None` when they look at a client in another way, so that each address may be
    /// one of its own.
    pub(super) fn of(configs: [&Config; 2]) -> Option<Clients> {
        if looks_at_clients(&configs) {
            return None;
        }
        let mut borders = BTreeSet::from([0]);
        let rules = configs.iter().flat_map(|config| config.named("allow").chain(config.named("deny")));
        for text in rules.filter_map(|rule| rule.arg(0)) {
            if let Some(Cidr::V4 { network, bits }) = Cidr::of(text) {
                borders.insert(network);
                borders.extend((network | !mask4(bits)).checked_add(1));
            }
        }
        Some(Clients(borders.into_iter().collect()))
    }

    /// What stands for an address in a fingerprint: bytes that are no address.
    pub(super) fn class(&self, address: &[u8]) -> Option<[u8; 5]> {
        let address: Ipv4Addr = std::str::from_utf8(address).ok()?.parse().ok()?;
        let at = self.0.partition_point(|border| *border <= u32::from(address)) - 1;
        let [a, b, c, d] = self.0[at].to_be_bytes();
        Some([0xff, a, b, c, d])
    }
}
