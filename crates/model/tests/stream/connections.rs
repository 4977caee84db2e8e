//! Random connections for a configuration of stream.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use evenkeel_model::{
    Config, Connection, Hello, ListenAddress, LocalAddress, Preface, Server, ServerKind, TlsVersion,
};

use crate::nginx::PORTS;
use crate::random::Random;

/// The names that clients ask for.
const ASKED: &[&str] = &[
    "a.test",
    "b.a.test",
    "x.a.test",
    "x.y.a.test",
    "b.test",
    "q.b.test",
    "www.a.test",
    "www.a.b.c",
    "www.zz",
    "c.test",
    "bob.c.test",
    "B.A.TEST",
    "A.test",
    "a.test.",
    "a.test:443",
    "a..test",
    "a/test",
    "127.0.0.1",
    "localhost",
    "",
    "a test",
    "[::1]:443",
    ".a.test",
];

/// A random connection, mostly to a socket of the configuration.
pub(crate) fn connection(random: &mut Random, ports: &[u16; PORTS], config: &Config) -> Connection {
    let (mut listen, mut udp) = somewhere(random, ports);
    let (mut tls, mut wants_preface) = (false, false);
    let servers: Vec<&Server> =
        config.servers().iter().filter(|server| server.kind == ServerKind::Stream).skip(1).collect();
    if random.percent(85) {
        let server = random.pick(&servers);
        let chosen = &server.listens[random.below(server.listens.len())];
        udp = chosen.options.udp;
        (tls, wants_preface) = (chosen.options.ssl, chosen.options.proxy_protocol);
        match &chosen.address {
            ListenAddress::Unix(path) => listen = LocalAddress::Unix(path.clone()),
            ListenAddress::Inet { ip, port, last } => {
                let ip = match ip {
                    IpAddr::V4(ip) if ip.is_unspecified() => {
                        Ipv4Addr::new(127, 0, 0, random.pick(&[1, 2, 3])).into()
                    }
                    ip => *ip,
                };
                listen = LocalAddress::Inet(SocketAddr::new(ip, random.pick(&[*port, *last])));
            }
            ListenAddress::Name { .. } => {}
        }
    }
    let (unix, ip) = match &listen {
        LocalAddress::Unix(_) => (true, Ipv4Addr::LOCALHOST.into()),
        LocalAddress::Inet(address) => (false, address.ip()),
    };
    let client = match (unix, ip) {
        (true, _) => None,
        (_, IpAddr::V6(ip)) => Some(ip.into()),
        _ => Some(Ipv4Addr::new(127, 0, 0, random.pick(&[1, 1, 1, 2, 3, 4])).into()),
    };
    let hello = (!udp && random.percent(if tls { 92 } else { 75 })).then(|| hello(random));
    let preface = match random.below(if wants_preface { 5 } else { 20 }) {
        0 => Preface::Nameless,
        1 => Preface::Of {
            source: "[2001:db8::7]:4711".parse().unwrap(),
            destination: "[2001:db8::8]:443".parse().unwrap(),
        },
        2..=3 => Preface::Of {
            source: SocketAddr::new(Ipv4Addr::new(10, 0, 0, random.pick(&[1, 2])).into(), 4711),
            destination: "10.9.9.9:443".parse().unwrap(),
        },
        _ => Preface::Absent,
    };
    let preface = if udp { Preface::Absent } else { preface };
    Connection { listen: Some(listen), port: None, udp, hello, preface, client }
}

/// An address at which a configuration could listen, and whether by UDP.
fn somewhere(random: &mut Random, ports: &[u16; PORTS]) -> (LocalAddress, bool) {
    let port = ports[random.pick(&[0, 0, 0, 1, 1, 3, 4])];
    let ip: IpAddr = match random.below(10) {
        9 => std::net::Ipv6Addr::LOCALHOST.into(),
        last => Ipv4Addr::new(127, 0, 0, [1, 1, 1, 1, 1, 2, 2, 2, 3][last]).into(),
    };
    (LocalAddress::Inet(SocketAddr::new(ip, port)), ip.is_ipv4() && random.percent(5))
}

fn hello(random: &mut Random) -> Hello {
    let sni = random.percent(88).then(|| random.pick(ASKED).as_bytes().to_vec());
    let alpn: &[&[&[u8]]] = &[&[], &[], &[b"h2"], &[b"h2", b"http/1.1"], &[b"http/1.1"], &[b"x"]];
    let alpn = random.pick(alpn).iter().map(|name| name.to_vec()).collect();
    let versions = [TlsVersion::V1_3, TlsVersion::V1_3, TlsVersion::V1_2, TlsVersion::V1_0, TlsVersion::V1_1];
    Hello { sni, alpn, version: random.pick(&versions) }
}
