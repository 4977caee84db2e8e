//! The line of a `geo` that an address falls on.
//!
//! Source: `ngx_http_geo_cidr_variable`, `ngx_http_geo_range_variable`, `ngx_http_geo_add_range`,
//! src/http/modules/ngx_http_geo_module.c

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::address::{Cidr, mask4, mask6, parse, plain};
use crate::config::{Config, Node, NodeId};

/// A `geo`, made ready.
#[derive(Default)]
pub(crate) struct Geo {
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) proxies: Vec<(Cidr, Vec<u8>)>,
    /// Whether the last address that is none of theirs is taken.
    pub(crate) recursive: bool,
    /// Whether the value is looked up anew each time.
    pub(crate) volatile: bool,
    lines: Lines,
}

enum Lines {
    /// By the number of bits, and the network.
    Networks { v4: BTreeMap<u32, HashMap<u32, NodeId>>, v6: BTreeMap<u32, HashMap<u128, NodeId>> },
    /// By the upper half of the address: the ranges of the lower half, none over another.
    Ranges { blocks: HashMap<u16, Vec<Range>>, default: Option<NodeId> },
}

#[derive(Clone, Copy)]
struct Range {
    first: u16,
    last: u16,
    line: NodeId,
}

impl Default for Lines {
    fn default() -> Lines {
        Lines::Networks { v4: BTreeMap::new(), v6: BTreeMap::new() }
    }
}

/// The `geo` blocks of a configuration, by their nodes.
pub(crate) type Geos = HashMap<NodeId, Geo>;

/// Those of http.
pub(crate) fn geos(config: &Config) -> Geos {
    let geos = config.named("geo").filter(|node| node.is_block() && node.context().is_http());
    geos.map(|node| (node.id(), Geo::of(node))).collect()
}

impl Geo {
    pub(crate) fn of(node: Node<'_>) -> Geo {
        let mut geo = Geo::default();
        for line in node.children() {
            match (line.name_bytes(), line.arg(0)) {
                (b"ranges", None) => {
                    geo.lines = Lines::Ranges { blocks: HashMap::new(), default: None };
                }
                (b"proxy_recursive", None) => geo.recursive = true,
                (b"volatile", None) => geo.volatile = true,
                (b"proxy", Some(network)) => {
                    geo.proxies.extend(Cidr::of(network).map(|cidr| (cidr, network.to_vec())));
                }
                (b"include", _) | (_, None) => {}
                (b"default", Some(_)) => geo.lines.default(line.id()),
                (b"delete", Some(what)) => geo.lines.delete(what),
                (what, Some(_)) => geo.lines.add(what, line.id()),
            }
        }
        geo
    }

    /// The line for an address; `None` as the address: what is none, or a Unix socket, which counts as all ones.
    pub(crate) fn find(&self, address: Option<IpAddr>) -> Option<NodeId> {
        let v4 = |address: Option<IpAddr>| match address.map(plain) {
            Some(IpAddr::V4(v4)) => u32::from(v4),
            _ => u32::MAX,
        };
        match &self.lines {
            Lines::Networks { v4: networks, v6 } => match address.map(plain) {
                Some(IpAddr::V6(address)) => {
                    let address = u128::from(address);
                    v6.iter().rev().find_map(|(&bits, known)| known.get(&(address & mask6(bits))).copied())
                }
                other => {
                    let address = v4(other);
                    networks
                        .iter()
                        .rev()
                        .find_map(|(&bits, known)| known.get(&(address & mask4(bits))).copied())
                }
            },
            Lines::Ranges { blocks, default } => {
                let (upper, lower) = halves(v4(address));
                let block = blocks.get(&upper).map_or(&[][..], Vec::as_slice);
                let range = block.iter().find(|range| (range.first..=range.last).contains(&lower));
                range.map(|range| range.line).or(*default)
            }
        }
    }
}

impl Lines {
    fn default(&mut self, line: NodeId) {
        match self {
            Lines::Networks { v4, v6 } => {
                v4.entry(0).or_default().insert(0, line);
                v6.entry(0).or_default().insert(0, line);
            }
            Lines::Ranges { default, .. } => *default = Some(line),
        }
    }

    fn add(&mut self, what: &[u8], line: NodeId) {
        match self {
            Lines::Networks { v4, v6 } => match Cidr::of(what) {
                Some(Cidr::V4 { network, bits }) => {
                    v4.entry(bits).or_default().insert(network, line);
                }
                Some(Cidr::V6 { network, bits }) => {
                    v6.entry(bits).or_default().insert(network, line);
                }
                _ => {}
            },
            Lines::Ranges { blocks, .. } => {
                for (upper, first, last) in pieces(what) {
                    lay(blocks.entry(upper).or_default(), Range { first, last, line });
                }
            }
        }
    }

    /// Takes away what was added with exactly these ends.
    fn delete(&mut self, what: &[u8]) {
        match self {
            Lines::Networks { v4, v6 } => match Cidr::of(what) {
                Some(Cidr::V4 { network, bits }) => {
                    v4.entry(bits).or_default().remove(&network);
                }
                Some(Cidr::V6 { network, bits }) => {
                    v6.entry(bits).or_default().remove(&network);
                }
                _ => {}
            },
            Lines::Ranges { blocks, .. } => {
                for (upper, first, last) in pieces(what) {
                    let block = blocks.entry(upper).or_default();
                    block.retain(|range| (range.first, range.last) != (first, last));
                }
            }
        }
    }
}

/// Lays a range over those that are there. nginx refuses one that is over a part of another and beside it.
fn lay(block: &mut Vec<Range>, new: Range) {
    let before = std::mem::take(block);
    for old in before {
        if old.last < new.first || old.first > new.last {
            block.push(old);
            continue;
        }
        if old.first < new.first {
            block.push(Range { last: new.first - 1, ..old });
        }
        if old.last > new.last {
            block.push(Range { first: new.last + 1, ..old });
        }
    }
    block.push(new);
}

fn halves(address: u32) -> (u16, u16) {
    let [a, b, c, d] = address.to_be_bytes();
    (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
}

/// A range (`10.0.0.0-10.1.255.255`) cut into upper halves, each with its first and last lower half.
fn pieces(range: &[u8]) -> Vec<(u16, u16, u16)> {
    let end = |text: &[u8]| match parse(text) {
        Some(IpAddr::V4(address)) => Some(halves(u32::from(address))),
        _ => None,
    };
    let dash = range.iter().position(|&byte| byte == b'-');
    let ends = dash.and_then(|dash| Some((end(&range[..dash])?, end(&range[dash + 1..])?)));
    let Some(((from, first), (to, last))) = ends else { return Vec::new() };
    let piece = |upper| {
        let first = if upper == from { first } else { 0 };
        (upper, first, if upper == to { last } else { u16::MAX })
    };
    (from..=to).map(piece).collect()
}
