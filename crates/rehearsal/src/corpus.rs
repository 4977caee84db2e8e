//! Which requests are asked, and through which door of a configuration.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use evenkeel_model::{Config, ListenAddress, LocalAddress, Options, Request, ServerKind, Witness};

use crate::machine::Machine;
use crate::rehearse::{Predicted, Question};
use crate::report::Origin;
use crate::sandbox::{CLIENT_V4, CLIENT_V6};

/// How many witnesses are asked at most.
pub(crate) const WITNESSES_MAX: usize = 1500;

/// How many predicted changes are asked at most.
const CHANGES_MAX: usize = 200;

/// A request to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Item<'q> {
    pub(crate) name: String,
    pub(crate) request: Request,
    pub(crate) origin: Origin,
    /// What `routes.toml` wants to hear.
    pub(crate) question: Option<&'q Question>,
}

/// The questions of `routes.toml`, then what is predicted to change, then a witness of every server and location of both
/// trees, each request once.
pub(crate) fn corpus<'q>(
    questions: &'q [Question],
    changes: &[Predicted],
    trees: &[(&Config, Vec<Witness>)],
) -> (Vec<Item<'q>>, usize) {
    let mut items: Vec<Item<'q>> = questions
        .iter()
        .map(|question| Item {
            name: question.name.clone(),
            request: question.request.clone(),
            origin: Origin::Routes,
            question: Some(question),
        })
        .collect();
    let written: BTreeSet<_> = questions.iter().map(|question| key(&question.request)).collect();
    let mut known = BTreeSet::new();
    let mut left_out = 0;
    for change in changes.iter().take(CHANGES_MAX) {
        let key = key(&change.request);
        if !written.contains(&key) && known.insert(key) {
            let (name, request) = (change.class.clone(), change.request.clone());
            items.push(Item { name, request, origin: Origin::Change, question: None });
        }
    }
    let changes = known.len();
    for (config, witnesses) in trees {
        for witness in witnesses {
            let Some(request) = &witness.request else { continue };
            let key = key(request);
            if written.contains(&key) || !known.insert(key) {
                continue;
            }
            if known.len() - changes > WITNESSES_MAX {
                left_out += 1;
                continue;
            }
            let node = config.node(witness.node);
            let arguments: Vec<_> =
                node.args().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
            let what = [vec![node.name().to_owned()], arguments].concat().join(" ");
            let name = format!("{what} ({}:{})", node.source().display, node.line());
            items.push(Item { name, request: request.clone(), origin: Origin::Witness, question: None });
        }
    }
    (items, left_out)
}

fn key(request: &Request) -> (Vec<u8>, String) {
    let mut rest =
        format!("{:?} {:?} {:?} {:?}", request.method, request.headers, request.listen, request.port);
    rest.push_str(&format!("{} {:?} {:?}", request.tls, request.sni, request.client));
    (request.target.clone(), rest)
}

/// The way into a configuration: where a client connects to, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Door {
    /// An address and a port.
    Inet {
        /// Where the client is; `None` where it is a process of the host itself.
        from: Option<IpAddr>,
        /// What it connects to.
        to: SocketAddr,
    },
    /// A unix socket.
    Unix(Vec<u8>),
}

/// Why there is no way in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoDoor {
    /// Whoever asks would find nobody.
    #[error("nothing listens on port {0}")]
    Nobody(u16),
    /// It cannot be asked in a rehearsal.
    #[error("not asked: {0}")]
    NotAsked(&'static str),
}

/// Finds the way into a configuration for a request, and makes the request say it, so that the model and the client
/// mean the same connection.
///
/// # Errors
/// [`NoDoor`]
pub(crate) fn door(config: &Config, request: &Request, machine: &Machine) -> Result<(Door, Request), NoDoor> {
    let to = match &request.listen {
        Some(LocalAddress::Unix(path)) => return Ok((Door::Unix(path.clone()), request.clone())),
        Some(LocalAddress::Inet(at)) => SocketAddr::new(concrete(at.ip(), machine), at.port()),
        None => match listen_for(config, request)? {
            ListenAddress::Inet { ip, port, last } => {
                let port = request.port.filter(|wanted| (port..=last).contains(wanted)).unwrap_or(port);
                SocketAddr::new(concrete(ip, machine), port)
            }
            ListenAddress::Unix(path) => {
                let listen = Some(LocalAddress::Unix(path.clone()));
                return Ok((Door::Unix(path), Request { listen, ..request.clone() }));
            }
            ListenAddress::Name { host, port } => {
                let ip = machine.host(&host).first().copied();
                let ip = ip.ok_or(NoDoor::NotAsked("it listens on a name that is not known here"))?;
                SocketAddr::new(ip, port)
            }
        },
    };
    if listen_options(config, to).any(|options| options.proxy_protocol) {
        return Err(NoDoor::NotAsked("the PROXY protocol is not spoken in a rehearsal"));
    }
    let from = if to.ip().is_loopback() {
        None
    } else {
        let usual = if to.is_ipv4() { CLIENT_V4 } else { CLIENT_V6 };
        let client = request.client.filter(|client| client.is_ipv4() == to.is_ipv4()).unwrap_or(usual);
        if client.is_loopback() {
            // The clients of a rehearsal are on another machine: from there the kernel sends nothing from such an address.
            return Err(NoDoor::NotAsked("only this host itself asks from a loopback address"));
        }
        Some(client)
    };
    let client = Some(from.unwrap_or(to.ip()));
    let listen = Some(LocalAddress::Inet(to));
    Ok((Door::Inet { from, to }, Request { listen, client, ..request.clone() }))
}

/// The first listen of an http server with the request's port, of its kind where there is one.
fn listen_for(config: &Config, request: &Request) -> Result<ListenAddress, NoDoor> {
    let port = request.port.unwrap_or(if request.tls { 443 } else { 80 });
    let servers = config.servers().iter().filter(|server| server.kind == ServerKind::Http);
    let listens: Vec<_> = servers
        .flat_map(|server| &server.listens)
        .filter(|listen| !listen.options.quic)
        .filter(|listen| match &listen.address {
            ListenAddress::Inet { port: first, last, .. } => (*first..=*last).contains(&port),
            ListenAddress::Name { port: own, .. } => *own == port,
            ListenAddress::Unix(_) => false,
        })
        .collect();
    let of_kind = listens.iter().find(|listen| listen.options.ssl == request.tls);
    let found = of_kind.or(listens.first()).ok_or(NoDoor::Nobody(port))?;
    Ok(found.address.clone())
}

fn listen_options(config: &Config, at: SocketAddr) -> impl Iterator<Item = &Options> {
    let listens = config.servers().iter().flat_map(|server| &server.listens);
    listens.filter(move |listen| crate::inventory::covers(&listen.address, at)).map(|listen| &listen.options)
}

/// An address that a client can connect to in place of the unspecified one: from outside where this machine has one.
fn concrete(ip: IpAddr, machine: &Machine) -> IpAddr {
    if !ip.is_unspecified() {
        return ip;
    }
    let own = if ip.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    machine.outward(ip).unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    fn request(text: &str) -> Request {
        Request::parse(text).unwrap()
    }

    fn through(text: &str, asked: &str) -> Result<String, NoDoor> {
        let machine = Machine { addresses: vec!["10.0.0.2".parse().unwrap()], ..Machine::default() };
        let (door, request) = door(&config(text), &request(asked), &machine)?;
        let Door::Inet { from, to } = door else { return Ok("unix".to_owned()) };
        assert_eq!(request.listen, Some(LocalAddress::Inet(to)));
        Ok(format!("{} -> {to}", from.map_or("here".to_owned(), |from| from.to_string())))
    }

    const TEXT: &str = "events {}\nhttp {\n server { listen 80; listen 443 ssl; }\n \
                        server { listen 127.0.0.1:81; }\n server { listen 82 proxy_protocol; }\n \
                        server { listen [::]:83; }\n}";

    #[test]
    fn client_comes_from_outside_where_it_can() {
        assert_eq!(through(TEXT, "GET http://a/").unwrap(), "198.51.100.7 -> 10.0.0.2:80");
        assert_eq!(through(TEXT, "GET https://a/").unwrap(), "198.51.100.7 -> 10.0.0.2:443");
        assert_eq!(through(TEXT, "GET http://a:81/").unwrap(), "here -> 127.0.0.1:81");
        assert_eq!(through(TEXT, "GET http://a:83/").unwrap(), "here -> [::1]:83");
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        assert!(matches!(through(TEXT, "GET http://a:82/"), Err(NoDoor::NotAsked(_))));
        assert_eq!(through(TEXT, "GET http://a:99/"), Err(NoDoor::Nobody(99)));
    }

    #[test]
    fn each_request_is_asked_once() {
        let config = config(TEXT);
        let node = config.servers()[0].node;
        let witness = |url: &str| Witness { node, request: Some(request(url)), why_not: None };
        let witnesses = vec![witness("GET http://a/"), witness("GET http://a/"), witness("GET http://a/b")];
        let (items, left_out) = corpus(&[], &[], &[(&config, witnesses.clone()), (&config, witnesses)]);
        assert_eq!((items.len(), left_out), (2, 0));
        assert_eq!(items[0].name, "server (nginx.conf:3)");
    }
}
