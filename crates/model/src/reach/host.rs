//! What a verdict has to know of the machine: its interfaces, addresses and routes.

use std::net::IpAddr;

use super::ruleset::Family;
use super::value::Value;

/// What is known of the machine whose firewall it is. Empty: nothing is known, and what asks for it is unknown.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
    /// Its routes, as its main table has them.
    pub routes: Vec<HostRoute>,
}

/// An interface.
#[derive(Debug, Clone, Default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its addresses, each with the length of its prefix.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Whether it is the loopback.
    pub loopback: bool,
    /// Whether it is a bridge, whose ports have a firewall of their own.
    pub bridge: bool,
}

/// A route.
#[derive(Debug, Clone)]
pub struct HostRoute {
    /// Where to.
    pub destination: IpAddr,
    /// The length of its prefix; 0 is the way to everywhere.
    pub prefix: u8,
    /// By which interface.
    pub interface: String,
    /// The lower, the better.
    pub metric: u32,
}

impl Host {
    /// Whether anything is known.
    pub(super) fn is_known(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// Gives the interface by which an address is reached: that of the most exact route.
    pub fn interface_to(&self, address: IpAddr) -> Option<&str> {
        let (family, number) = split(address);
        self.route_interface(family, number)
    }

    /// Gives the addresses of an interface's own in one family that others may use: not link-local.
    pub fn addresses(&self, interface: Option<&str>, v6: bool) -> Vec<IpAddr> {
        let here = self.interfaces.iter().filter(|one| match interface {
            Some(name) => one.name == name,
            None => !one.loopback,
        });
        let addresses = here.flat_map(|one| one.addresses.iter().map(|(address, _)| *address));
        addresses.filter(|address| address.is_ipv6() == v6 && !is_link_local(*address)).collect()
    }

    /// The kind of an address, as `fib … type` says it. `interface`: seen from this one (`Some(None)`: from one that
    /// is not known). Source: `__inet_dev_addr_type`, net/ipv4/fib_frontend.c
    pub(super) fn address_type(
        &self,
        family: Family,
        address: u128,
        interface: Option<Option<&str>>,
    ) -> Value {
        const UNICAST: u128 = 1;
        const LOCAL: u128 = 2;
        let of_v4 = |from: u32, to: u32| (u128::from(from)..=u128::from(to)).contains(&address);
        if family == Family::V4 && of_v4(0xe000_0000, 0xefff_ffff)
            || family == Family::V6 && address >> 120 == 0xff
        {
            return Value::Number(5);
        }
        if !self.is_known() {
            return Value::Unknown;
        }
        let mut owners = self
            .interfaces
            .iter()
            .filter(|one| one.addresses.iter().any(|(own, _)| split(*own) == (family, address)));
        if let Some(owner) = owners.next() {
            return match interface {
                None => Value::Number(LOCAL),
                Some(Some(name)) => Value::Number(if owner.name == name { LOCAL } else { UNICAST }),
                Some(None) => Value::Unknown,
            };
        }
        if family == Family::V6 {
            // Without a route it is unreachable, and from another interface it may be.
            let reached = interface.is_none() && self.route_interface(family, address).is_some();
            return if reached { Value::Number(UNICAST) } else { Value::Unknown };
        }
        let broadcast = self.interfaces.iter().flat_map(|one| &one.addresses).any(|(own, prefix)| {
            let (_, network) = split(*own);
            let host = u128::from(u32::MAX.checked_shr(u32::from(*prefix)).unwrap_or_default());
            own.is_ipv4() && *prefix < 31 && (network | host == address || network & !host == address)
        });
        if broadcast || of_v4(0x7f00_0000, 0x7fff_ffff) || of_v4(0, 0x00ff_ffff) {
            return Value::Unknown;
        }
        Value::Number(UNICAST)
    }

    /// The interface of the most exact route to an address.
    pub(super) fn route_interface(&self, family: Family, address: u128) -> Option<&str> {
        let width: u8 = if family == Family::V4 { 32 } else { 128 };
        let fits = |way: &&HostRoute| {
            let (of, network) = split(way.destination);
            let free = u32::from(width.saturating_sub(way.prefix));
            of == family && (address ^ network).checked_shr(free).unwrap_or_default() == 0
        };
        let best =
            self.routes.iter().filter(fits).max_by_key(|way| (way.prefix, std::cmp::Reverse(way.metric)))?;
        Some(&best.interface)
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_loopback(),
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80 || address.is_loopback(),
    }
}

/// An address as its family and its number.
pub(super) fn split(address: IpAddr) -> (Family, u128) {
    match address {
        IpAddr::V4(address) => (Family::V4, u128::from(u32::from(address))),
        IpAddr::V6(address) => (Family::V6, u128::from(address)),
    }
}
