//! Where requests come in: every address that one side listens on, with TLS and without.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::values::{Door, Sni, Values};
use crate::lower::NameKind;
use crate::request::{HttpVersion, LocalAddress, Request};
use crate::route::Router;
use crate::route::listen::{Key, Socket};

/// All doors; the flag says whether requests at one differ. And why doors may be missing.
pub(super) struct Doors {
    pub(super) doors: Vec<(Door, bool)>,
    pub(super) notes: Vec<String>,
}

/// Where a client comes from when it does not matter.
const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);

pub(super) fn doors(routers: &[&Router<'_>], tls: Option<bool>) -> Doors {
    let mut made = Doors { doors: Vec::new(), notes: Vec::new() };
    let mut known = BTreeSet::new();
    for router in routers {
        for socket in &router.sockets.all {
            for (address, port) in addresses(routers, &socket.key) {
                let text = format!("{address:?} {port:?}");
                if !known.insert(text) {
                    continue;
                }
                if address.is_none() {
                    made.notes
                        .push(format!("{}: it is a name that is resolved when nginx starts", socket.key));
                    continue;
                }
                add(routers, &address, port, tls, &mut made.doors);
            }
        }
    }
    made
}

fn add(
    routers: &[&Router<'_>],
    address: &Option<LocalAddress>,
    port: Option<u16>,
    wanted: Option<bool>,
    doors: &mut Vec<(Door, bool)>,
) {
    let sockets: Vec<Option<&Socket>> = routers
        .iter()
        .map(|router| {
            let at = router.sockets.at(address.as_ref()?)?;
            Some(&router.sockets.all[at])
        })
        .collect();
    let with_tls: Vec<bool> = sockets.iter().flatten().map(|socket| socket.tls).collect();
    let alike = with_tls.len() == sockets.len() && with_tls.windows(2).all(|two| two[0] == two[1]);
    let any_tls = with_tls.contains(&true);
    for tls in [true, false] {
        if tls && !any_tls || wanted.is_some_and(|wanted| wanted != tls) {
            continue;
        }
        // Whoever asks for connections without TLS does not mean the error for those where TLS is wanted.
        if wanted == Some(false) && alike && any_tls {
            continue;
        }
        let door = |sni: Sni| Door { listen: address.clone(), port, tls, sni };
        doors.push((door(Sni::Host), alike));
        if tls && alike {
            let special =
                |name: &str| routers.iter().any(|router| router.config().named(name).next().is_some());
            if special("ssl_reject_handshake") || special("ssl_verify_client") {
                doors.push((door(Sni::Nothing), alike));
                let names = routers.iter().zip(&sockets).flat_map(|(router, socket)| {
                    let servers = socket.iter().flat_map(|socket| socket.servers.iter());
                    let special = servers.filter(|&&server| {
                        let node = router.config().node(router.config().servers()[server].node);
                        ["ssl_reject_handshake", "ssl_verify_client", "merge_slashes"]
                            .iter()
                            .any(|name| node.find(name).next().is_some())
                    });
                    special.filter_map(|&server| name_of(router, server)).collect::<Vec<_>>()
                });
                let names: BTreeSet<Vec<u8>> = names.collect();
                doors.extend(names.into_iter().map(|name| (door(Sni::Name(name)), alike)));
            }
        }
    }
}

/// An exact name of a server.
fn name_of(router: &Router<'_>, server: usize) -> Option<Vec<u8>> {
    let names = router.config().servers()[server].names.iter();
    let mut exact = names.filter(|name| name.kind == NameKind::Exact && !name.text.is_empty());
    exact.next().map(|name| name.text.clone())
}

/// The local addresses by which a socket is reached.
fn addresses(routers: &[&Router<'_>], key: &Key) -> Vec<(Option<LocalAddress>, Option<u16>)> {
    let inet = |ip: IpAddr, port: u16| Some(LocalAddress::Inet(SocketAddr::new(ip, port)));
    match key {
        Key::Unix(path) => vec![(Some(LocalAddress::Unix(path.clone())), None)],
        Key::Name(_, port) => vec![(None, Some(*port))],
        Key::Inet(address) if !address.ip().is_unspecified() => {
            vec![(inet(address.ip(), address.port()), Some(address.port()))]
        }
        Key::Inet(address) => {
            let port = address.port();
            let taken = |ip: IpAddr| {
                let exact = Key::Inet(SocketAddr::new(ip, port));
                routers.iter().any(|router| router.sockets.all.iter().any(|socket| socket.key == exact))
            };
            let v4 = (1..=254).map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)));
            let v6 = std::iter::once(Ipv6Addr::LOCALHOST)
                .chain((1..=254).map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, last)));
            let free = |mut ips: Box<dyn Iterator<Item = IpAddr>>| ips.find(|&ip| !taken(ip));
            let mut found = Vec::new();
            let is_v4 = address.is_ipv4();
            let v4_too = !is_v4
                && routers.iter().any(|router| {
                    let any = LocalAddress::Inet(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port));
                    router.sockets.at(&any).is_some()
                });
            if is_v4 || v4_too {
                found.extend(free(Box::new(v4)).map(|ip| (inet(ip, port), Some(port))));
            }
            if !is_v4 {
                found.extend(free(Box::new(v6.map(IpAddr::V6))).map(|ip| (inet(ip, port), Some(port))));
            }
            found
        }
    }
}

/// The request that a search begins with.
pub(super) fn first(routers: &[&Router<'_>], door: &Door) -> Values {
    let named = routers.iter().find_map(|router| {
        let socket = &router.sockets.all[router.sockets.at(door.listen.as_ref()?)?];
        name_of(router, socket.default)
    });
    let said = named.filter(|name| name.iter().any(u8::is_ascii_alphanumeric) && !name.contains(&b'$'));
    let mut values = Values::plain(&said.unwrap_or_else(|| b"localhost".to_vec()));
    values.client = match &door.listen {
        Some(LocalAddress::Inet(SocketAddr::V6(_))) => Some(CLIENT_V6.into()),
        Some(LocalAddress::Unix(_)) => None,
        _ => Some(CLIENT_V4.into()),
    };
    values
}

/// A request as it is asked for without an address, where that leads to the same place on all sides.
pub(crate) fn plainer(request: &Request) -> Option<Request> {
    let plain = Request { listen: None, ..request.clone() };
    (request.port.is_some() && request.version != HttpVersion::V0_9).then_some(plain)
}
