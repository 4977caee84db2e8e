//! An address that nobody listens on any more.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use evenkeel_model::{Config, ListenAddress, Node, Server, ServerKind};

use crate::check::Findings;
use crate::rules::Holes;
use crate::rules::unknown_hosts::title;

rule! {
    /// Finds a change after which nothing listens on an address and port that the live tree listens on.
    ///
    /// ## Why is this bad?
    /// nginx closes the socket, and clients get a refused connection. It is easily lost: `listen [::]:80;` beside
    /// `listen 80;` looks like saying a thing twice, and without it everybody who comes over IPv6 is turned away,
    /// which is the last thing that a monitor notices.
    ///
    /// The rule needs the live tree (`--against DIR`). An address is not missed when a wildcard of the same family and
    /// port listens in its place.
    ///
    /// ## Example
    /// ```nginx
    /// server { listen 80; listen [::]:80; }   # live
    /// server { listen 80; }                   # new: nobody answers over IPv6
    /// ```
    ///
    /// Source: `ngx_init_cycle` (sockets that no new one equals are closed), src/core/ngx_cycle.c
    "listen-gone", Warning, since "0.1", between compare
}

fn compare(live: &Config, new: &Config, findings: &mut Findings<'_>) {
    if has_holes(new) {
        return;
    }
    let now: HashSet<Socket<'_>> = new.servers().iter().flat_map(sockets).map(|(socket, _)| socket).collect();
    let wildcards: HashSet<(bool, bool, u16)> = now.iter().filter_map(Socket::wildcard).collect();
    let mut said = HashSet::new();
    let mut named: Option<HashMap<&[u8], &Server>> = None;
    for server in live.servers() {
        for (socket, text) in sockets(server) {
            let covered = socket.family().is_some_and(|family| wildcards.contains(&family));
            if now.contains(&socket) || covered || !said.insert(socket.clone()) {
                continue;
            }
            let named = named.get_or_insert_with(|| by_name(new));
            let heir = server.names.iter().find_map(|name| named.get(name.text.as_slice()));
            let at = heir.map(|heir| new.node(heir.node)).or_else(|| block(new, server.kind));
            let Some(at) = at else { continue };
            let place = live.node(server.node);
            findings.at(at, format!("nothing listens on {text} any more")).help(format!(
                "in the live tree {} does ({}:{})",
                title(server),
                place.source().display,
                place.line()
            ));
        }
    }
}

/// A socket, as nginx compares them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Socket<'c> {
    Inet { udp: bool, ip: IpAddr, port: u16 },
    Unix(&'c [u8]),
    Name(&'c str, u16),
}

impl Socket<'_> {
    /// Protocol, family and port.
    fn family(&self) -> Option<(bool, bool, u16)> {
        match self {
            Socket::Inet { udp, ip, port } => Some((*udp, ip.is_ipv6(), *port)),
            Socket::Unix(_) | Socket::Name(..) => None,
        }
    }

    fn wildcard(&self) -> Option<(bool, bool, u16)> {
        let is_wildcard = matches!(self, Socket::Inet { ip, .. } if ip.is_unspecified());
        self.family().filter(|_| is_wildcard)
    }
}

/// The sockets of a server with their names for people. Of a range, the first and the last stand for all.
fn sockets(server: &Server) -> Vec<(Socket<'_>, String)> {
    let mut sockets = Vec::new();
    for listen in &server.listens {
        let text = listen.address.to_string();
        match &listen.address {
            ListenAddress::Inet { ip, port, last } => {
                let udp = listen.options.quic || listen.options.udp;
                // `[::]` takes IPv4 too when it is told to.
                let both = listen.options.ipv6only == Some(false) && *ip == IpAddr::from([0_u16; 8]);
                let ips = [Some(*ip), both.then_some(IpAddr::from([0_u8; 4]))];
                for ip in ips.into_iter().flatten() {
                    sockets.push((Socket::Inet { udp, ip, port: *port }, text.clone()));
                    if last != port {
                        sockets.push((Socket::Inet { udp, ip, port: *last }, text.clone()));
                    }
                }
            }
            ListenAddress::Unix(path) => sockets.push((Socket::Unix(path), text)),
            ListenAddress::Name { host, port } => sockets.push((Socket::Name(host, *port), text)),
        }
    }
    sockets
}

fn by_name(config: &Config) -> HashMap<&[u8], &Server> {
    let mut servers = HashMap::new();
    for server in config.servers() {
        for name in &server.names {
            servers.entry(name.text.as_slice()).or_insert(server);
        }
    }
    servers
}

/// The block that servers of a kind stand in; the first directive of all where there is none any more.
fn block(config: &Config, kind: ServerKind) -> Option<Node<'_>> {
    let block = match kind {
        ServerKind::Http => config.http(),
        ServerKind::Stream => config.stream(),
        ServerKind::Mail => config.mail(),
    };
    block.or_else(|| config.root().children().next())
}

/// Whether a listen may stand in a file that is not here.
fn has_holes(config: &Config) -> bool {
    let holes = Holes::of(config);
    let blocks = [Some(config.root()), config.http(), config.stream(), config.mail()];
    blocks.into_iter().flatten().any(|block| holes.is_in(block))
        || config.servers().iter().any(|server| holes.is_in(config.node(server.node)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_change, check_rule};

    #[test]
    fn an_address_that_is_lost_is_found() {
        check_change(
            &super::RULE,
            "server { listen 80; listen [::]:80; server_name a.test; return 200 ok; }",
            r"
  server { listen 80; server_name a.test; return 200 ok; }
# ^^^^^^ nothing listens on [::]:80 any more
",
        );
    }

    #[test]
    fn the_last_server_of_an_address_is_missed() {
        check_change(
            &super::RULE,
            "server { listen 80; } server { listen 8080; server_name x.test; } server { listen unix:/run/a.sock; }",
            r"
#- nginx.conf
events { }
  http { server { listen 80; } }
# ^^^^ nothing listens on 0.0.0.0:8080 any more
# ^^^^ nothing listens on unix:/run/a.sock any more
",
        );
    }

    #[test]
    fn addresses_that_are_still_served_are_silent() {
        let live =
            "server { listen 127.0.0.1:80; listen [::1]:81; } server { listen 80; server_name b.test; }
                    server { listen 82; listen [::]:82; }";
        check_change(
            &super::RULE,
            live,
            "server { listen 80; listen [::]:81; listen 443 ssl; ssl_certificate c; ssl_certificate_key k; }
             server { listen [::]:82 ipv6only=off; }",
        );
        check_change(&super::RULE, live, "include /elsewhere/more.conf; server { listen 80; }");
        check_rule(&super::RULE, live);
    }
}
