//! Interfaces, addresses and routes, as `ip -j` tells them.

use std::net::IpAddr;

use serde_json::Value as Json;

use super::ask;

/// What a verdict has to know of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its interfaces.
    pub links: Vec<Link>,
    /// The routes of its main tables.
    pub routes: Vec<Route>,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Whether it is the loopback.
    pub loopback: bool,
    /// Whether it is a bridge.
    pub bridge: bool,
    /// Its addresses.
    pub addresses: Vec<Address>,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// The length of its prefix.
    pub prefix: u8,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub destination: IpAddr,
    /// The length of its prefix; 0 is everywhere.
    pub prefix: u8,
    /// By which interface.
    pub interface: String,
    /// The lower, the better.
    pub metric: u32,
}

/// Reads them.
///
/// # Errors
/// What `ip` said, for people.
pub fn facts() -> Result<Facts, String> {
    let read = |args: &[&str]| -> Result<Vec<Json>, String> {
        let output = ask("ip", args).map_err(|error| format!("ip {}: {error}", args.join(" ")))?;
        if output.trim_ascii().is_empty() {
            return Ok(Vec::new());
        }
        serde_json::from_slice(&output).map_err(|error| format!("ip {}: {error}", args.join(" ")))
    };
    let links = read(&["-j", "-d", "address", "show"])?.iter().filter_map(link).collect();
    let mut routes = Vec::new();
    for (family, any) in [("-4", "0.0.0.0"), ("-6", "::")] {
        // A kernel without this family has no routes of it.
        for json in read(&["-j", family, "route", "show", "table", "main"]).unwrap_or_default() {
            routes.extend(ways(&json, any));
        }
    }
    Ok(Facts { links, routes })
}

fn link(json: &Json) -> Option<Link> {
    let flags = json.get("flags").and_then(Json::as_array);
    let has = |flag: &str| flags.is_some_and(|flags| flags.iter().any(|one| one.as_str() == Some(flag)));
    let kind = json.get("linkinfo").and_then(|info| info.get("info_kind")).and_then(Json::as_str);
    let addresses = json.get("addr_info").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    Some(Link {
        name: json.get("ifname")?.as_str()?.to_owned(),
        loopback: has("LOOPBACK"),
        bridge: kind == Some("bridge"),
        addresses: addresses.iter().filter_map(address).collect(),
    })
}

fn address(json: &Json) -> Option<Address> {
    Some(Address {
        address: json.get("local")?.as_str()?.parse().ok()?,
        prefix: u8::try_from(json.get("prefixlen")?.as_u64()?).ok()?,
    })
}

/// A route; one over several hops is one for each.
fn ways(json: &Json, any: &str) -> Vec<Route> {
    let destination = json.get("dst").and_then(Json::as_str).unwrap_or_default();
    let (destination, prefix) = match destination {
        "default" => (any, Some(0)),
        other => match other.split_once('/') {
            Some((address, prefix)) => (address, prefix.parse().ok()),
            None => (other, None),
        },
    };
    let Ok(destination) = destination.parse::<IpAddr>() else { return Vec::new() };
    let prefix = prefix.unwrap_or(if destination.is_ipv4() { 32 } else { 128 });
    let metric =
        json.get("metric").and_then(Json::as_u64).and_then(|metric| metric.try_into().ok()).unwrap_or(0);
    let hops = json.get("nexthops").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    std::iter::once(json)
        .chain(hops)
        .filter_map(|hop| hop.get("dev").and_then(Json::as_str))
        .map(|interface| Route { destination, prefix, interface: interface.to_owned(), metric })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_machine_has_a_loopback() {
        let facts = facts().unwrap();
        assert!(facts.links.iter().any(|link| link.loopback && link.name == "lo"));
    }

    #[test]
    fn routes_of_ip_are_read() {
        let json = serde_json::json!({"dst": "default", "gateway": "192.0.2.1", "dev": "eth0", "metric": 100, "flags": []});
        let route = &ways(&json, "0.0.0.0")[0];
        assert_eq!((route.prefix, route.interface.as_str(), route.metric), (0, "eth0", 100));
        let json = serde_json::json!({"dst": "10.0.0.0/8", "nexthops": [{"dev": "a"}, {"dev": "b"}]});
        assert_eq!(ways(&json, "0.0.0.0").len(), 2);
        assert_eq!(ways(&serde_json::json!({"dst": "192.0.2.7", "dev": "a"}), "0.0.0.0")[0].prefix, 32);
    }
}
