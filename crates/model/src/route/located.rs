//! The variables of `geo` and `split_clients`.
//!
//! Source: `ngx_http_geo_addr`, src/http/modules/ngx_http_geo_module.c; `ngx_http_split_clients_variable`,
//! src/http/modules/ngx_http_split_clients_module.c

use std::net::IpAddr;

use super::address::{Peer, parse};
use super::geo::Geo;
use super::question::{Answered, Atom, Input, Is, Piece, Template, Test};
use super::traced::Traced;
use super::walk::{Walk, shown};
use crate::choice::Chosen;
use crate::config::NodeId;

impl Walk<'_, '_> {
    /// The value of the variable of a `geo`; `None`, and a dependence, where it cannot be known.
    pub(super) fn located(&mut self, name: &str, node: NodeId) -> Option<Traced> {
        let router = self.router;
        let Some(geo) = router.tables().geos.get(&node) else {
            self.depend("geo");
            return None;
        };
        let directive = router.config.node(node);
        let line = if directive.args().len() > 1 {
            let source = self.eval(directive.arg(0).unwrap_or(b""));
            if !source.known {
                return None;
            }
            let address = parse(&source.text);
            let address = self.behind_proxies(geo, Peer::Unknown, address);
            let line = geo.find(address);
            let subject = source.text.template();
            self.asks(|_| (subject, Test::Map(node)), chosen(line));
            line
        } else {
            let peer = self.beside.peer;
            let own = match peer {
                Peer::Unknown => {
                    self.remote_addr()?;
                    return None;
                }
                Peer::Unix => None,
                Peer::Ip(address) => Some(address),
            };
            let address = self.behind_proxies(geo, peer, own);
            let line = geo.find(address);
            if address == own && address.is_some() && !self.beside.is_forwarded {
                let client = Template(vec![Piece::Input(Input::Client)]);
                self.asks(|_| (client, Test::Map(node)), chosen(line));
            }
            line
        };
        let value = line.and_then(|line| router.config.node(line).arg(0)).unwrap_or(b"");
        let value = Traced::text(value);
        self.step("geo", format!("${name} = {}", shown(&value)), line.or(Some(node)));
        if !geo.volatile {
            self.variables.insert(name.as_bytes().to_vec(), value.clone());
        }
        Some(value)
    }

    /// The address that the proxies of a `geo` speak for.
    fn behind_proxies(&mut self, geo: &Geo, peer: Peer, address: Option<IpAddr>) -> Option<IpAddr> {
        if geo.proxies.is_empty() || (address.is_none() && peer != Peer::Unix) {
            return address;
        }
        let lines = self.lines_of(b"X-Forwarded-For");
        let header = Template(vec![Piece::Input(Input::Header(b"x_forwarded_for".to_vec()))]);
        let value = Template(vec![Piece::Text(lines.join(&b", "[..]))]);
        self.asks(|_| (header, Test::Equals(value)), Answered::Holds(true));
        let proxies: Vec<&[u8]> = geo.proxies.iter().map(|(_, text)| &text[..]).collect();
        let peer = address.map_or(peer, Peer::Ip);
        self.forwarded(peer, &lines, &proxies, geo.recursive).or(address)
    }

    /// The value of the variable of a `split_clients`; `None`, and a dependence, where it cannot be known.
    pub(super) fn shared(&mut self, name: &str, node: NodeId) -> Option<Traced> {
        let router = self.router;
        let shares = router.tables().shares.get(&node)?;
        let source = self.eval(router.config.node(node).arg(0).unwrap_or(b""));
        let line = if source.known {
            let line = shares.line(&source.text);
            let subject = source.text.template();
            self.asks(|_| (subject, Test::Map(node)), chosen(line));
            line
        } else {
            match self.atom(|| Atom::Share(name.to_owned()), Is::Nth(0))? {
                Is::Nth(at) => shares.lines().nth(at),
                _ => None,
            }
        };
        let value = line.and_then(|line| router.config.node(line).arg(0)).unwrap_or(b"");
        let value = Traced::text(value);
        self.step("split_clients", format!("${name} = {}", shown(&value)), line.or(Some(node)));
        self.variables.insert(name.as_bytes().to_vec(), value.clone());
        Some(value)
    }
}

fn chosen(line: Option<NodeId>) -> Answered {
    Answered::Chosen(line.map_or(Chosen::Nothing, Chosen::Rule))
}
