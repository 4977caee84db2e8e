//! Where a request comes from: the connection, or what a proxy that is trusted says.
//!
//! Source: `ngx_http_realip_handler`, src/http/modules/ngx_http_realip_module.c; `ngx_http_get_forwarded_addr`,
//! src/http/ngx_http_core_module.c

use std::net::IpAddr;

use super::address::{Cidr, Peer, parse_with_port};
use super::blocks::Role;
use super::question::{Answered, Atom, Input, Is, Piece, Template, Test};
use super::walk::Walk;
use crate::config::Node;

impl Walk<'_, '_> {
    /// Takes the address of the client from where `real_ip_header` says, if the connection comes from a proxy that is
    /// trusted. It happens once.
    pub(super) fn real_ip(&mut self) {
        let blocks = &self.router.blocks;
        let Some(block) = blocks.nearest(self.block, Role::RealIp) else { return };
        if self.beside.connection.is_some() {
            return;
        }
        let trusted: Vec<Node<'_>> = blocks.own_with(block, Role::RealIp).collect();
        let trusted: Vec<&[u8]> = trusted.iter().filter_map(|node| node.arg(0)).collect();
        let directive = blocks.effective(self.block, Role::RealIpHeader);
        let name = directive.and_then(|node| node.arg(0)).unwrap_or(b"X-Real-IP");
        let recursive = blocks.flag(self.block, Role::RealIpRecursive, false);
        let node = directive.map(Node::id).or(Some(block));
        if name == b"proxy_protocol" {
            if !self.socket.proxy_protocol {
                return;
            }
            if self.is_trusted(self.beside.peer, &trusted, true)
                && let Some(address) = self.beside.proxied
            {
                self.beside.connection = Some(self.beside.peer);
                self.beside.peer = Peer::Ip(address);
                self.step("realip", format!("{address}, as the proxy says"), node);
            }
            return;
        }
        let lines = self.lines_of(name);
        let header = Template(vec![Piece::Input(Input::Header(underscored(name)))]);
        let value = Template(vec![Piece::Text(lines.join(&b", "[..]))]);
        self.asks(|_| (header, Test::Equals(value)), Answered::Holds(true));
        // Every line counts only where the name is written like this.
        let lines = if name == b"X-Forwarded-For" { &lines[..] } else { &lines[..lines.len().min(1)] };
        if let Some(address) = self.forwarded(self.beside.peer, lines, &trusted, recursive) {
            self.beside.connection = Some(self.beside.peer);
            (self.beside.peer, self.beside.is_forwarded) = (Peer::Ip(address), true);
            self.step("realip", format!("{address}, from {}", String::from_utf8_lossy(name)), node);
        }
    }

    /// The values of a header, in order.
    pub(super) fn lines_of(&self, name: &[u8]) -> Vec<Vec<u8>> {
        let named = self.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.to_vec()).collect()
    }

    /// The address that a list of proxies leads to; `None`: the one before stays.
    pub(super) fn forwarded(
        &mut self,
        peer: Peer,
        lines: &[Vec<u8>],
        trusted: &[&[u8]],
        recursive: bool,
    ) -> Option<IpAddr> {
        let mut found = None;
        for line in lines.iter().rev() {
            let mut rest = &line[..];
            loop {
                let asks = found.is_none() && !self.beside.is_forwarded;
                if !self.is_trusted(found.map_or(peer, Peer::Ip), trusted, asks) {
                    return found;
                }
                let (address, start) = last_address(rest);
                let Some(address) = address else { return found };
                found = Some(address);
                if !recursive || start == 0 {
                    break;
                }
                rest = &rest[..start - 1];
            }
            if !recursive {
                break;
            }
        }
        found
    }

    fn is_trusted(&mut self, peer: Peer, trusted: &[&[u8]], asks: bool) -> bool {
        trusted.iter().any(|network| self.is_in(peer, network, asks) == Some(true))
    }

    /// Whether the client is in a network; `None`: it cannot be known, which is a dependence then.
    pub(super) fn client_is_in(&mut self, network: &[u8]) -> Option<bool> {
        self.is_in(self.beside.peer, network, !self.beside.is_forwarded)
    }

    /// The same of any address; `asks` says whether the client's own decides it.
    fn is_in(&mut self, peer: Peer, network: &[u8], asks: bool) -> Option<bool> {
        let client = || Template(vec![Piece::Input(Input::Client)]);
        match (peer, Cidr::of(network)) {
            (_, None) => None,
            (Peer::Unix, Some(cidr)) => Some(cidr == Cidr::Unix),
            (_, Some(Cidr::Unix)) => Some(false),
            (Peer::Ip(address), Some(cidr)) => {
                let holds = cidr.has(address);
                if asks {
                    self.asks(|_| (client(), Test::Range(network.to_vec())), Answered::Holds(holds));
                }
                Some(holds)
            }
            (Peer::Unknown, Some(_)) => {
                let text = String::from_utf8_lossy(network).into_owned();
                let atom = || Atom::Other(format!("client-address:{text}"));
                self.atom_of(client(), atom, Is::No).map(|is| is == Is::Yes)
            }
        }
    }

    /// The address of the client as text; `None`, and a dependence, where nobody has said it.
    pub(super) fn remote_addr(&mut self) -> Option<Vec<u8>> {
        self.address_of(self.beside.peer)
    }

    /// `$realip_remote_addr`: the same as the connection has it.
    pub(super) fn connection_addr(&mut self) -> Option<Vec<u8>> {
        self.address_of(self.beside.connection.unwrap_or(self.beside.peer))
    }

    fn address_of(&mut self, peer: Peer) -> Option<Vec<u8>> {
        match peer {
            Peer::Ip(address) => Some(address.to_string().into_bytes()),
            Peer::Unix => Some(b"unix:".to_vec()),
            Peer::Unknown => {
                self.depends_on.insert(crate::request::Dependence::ClientAddress);
                None
            }
        }
    }

    /// `$proxy_protocol_addr`
    pub(super) fn proxied_addr(&mut self) -> Option<Vec<u8>> {
        match self.beside.proxied {
            Some(address) => Some(address.to_string().into_bytes()),
            None if self.socket.proxy_protocol => self.address_of(Peer::Unknown),
            None => Some(Vec::new()),
        }
    }

    /// `$proxy_add_x_forwarded_for`
    pub(super) fn forwarded_for(&mut self) -> Option<Vec<u8>> {
        let mut lines = self.lines_of(b"X-Forwarded-For");
        lines.push(self.remote_addr()?);
        Some(lines.join(&b", "[..]))
    }

    /// `$binary_remote_addr`
    pub(super) fn binary_addr(&mut self) -> Option<Vec<u8>> {
        match self.beside.peer {
            Peer::Ip(IpAddr::V4(address)) => Some(address.octets().to_vec()),
            Peer::Ip(IpAddr::V6(address)) => Some(address.octets().to_vec()),
            other => self.address_of(other),
        }
    }
}

/// The name of a header as variables have it.
pub(super) fn underscored(name: &[u8]) -> Vec<u8> {
    name.iter().map(|byte| if *byte == b'-' { b'_' } else { byte.to_ascii_lowercase() }).collect()
}

/// The last address of a list, and where it begins.
fn last_address(list: &[u8]) -> (Option<IpAddr>, usize) {
    let is_between = |at: usize| matches!(list[at], b' ' | b',');
    let Some(mut at) = list.len().checked_sub(1) else { return (None, 0) };
    while at > 0 && is_between(at) {
        at -= 1;
    }
    let end = at + 1;
    while at > 0 {
        if is_between(at) {
            at += 1;
            break;
        }
        at -= 1;
    }
    (parse_with_port(&list[at..end]), at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_address_of_a_list_counts() {
        let last = |list: &str| {
            let (address, at) = last_address(list.as_bytes());
            (address.map(|address| address.to_string()), at)
        };
        assert_eq!(last("1.2.3.4, 5.6.7.8"), (Some("5.6.7.8".to_owned()), 9));
        assert_eq!(last("1.2.3.4 ,, "), (Some("1.2.3.4".to_owned()), 0));
        assert_eq!(last("x, y"), (None, 3));
        assert_eq!(last(",1.2.3.4"), (None, 0), "nginx does not look at the first byte");
        assert_eq!(last(""), (None, 0));
    }
}
