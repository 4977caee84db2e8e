//! What a `proxy_pass` with variables may come to, as far as the text shows it.

use std::net::SocketAddr;

use evenkeel_model::{Config, Node};

/// A socket that something with variables may want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    /// An address that stands in the text.
    At(SocketAddr),
    /// Any address, at this port.
    Port(u16),
}

/// The directives whose value is often an upstream's address.
const VALUES: [&str; 1] = ["set"];
/// The blocks whose lines have such values.
const TABLES: [&str; 3] = ["map", "split_clients", "geo"];

/// Everything that the passes with variables of a configuration may want; nothing when it has none.
pub(super) fn wanted(config: &Config) -> Vec<Wanted> {
    let passes: Vec<Vec<u8>> = config
        .passes()
        .into_iter()
        .filter(|pass| pass.variables)
        .filter_map(|pass| Some(config.node(pass.node).arg(0)?.to_vec()))
        .collect();
    if passes.is_empty() {
        return Vec::new();
    }
    let set = VALUES.iter().flat_map(|name| config.named(name)).filter_map(|node| node.arg(1));
    let tables = TABLES.iter().flat_map(|name| config.named(name)).filter(|node| node.is_block());
    let lines = tables.flat_map(Node::children).filter_map(|line| line.args().next_back());
    let values = passes.iter().map(Vec::as_slice).chain(set).chain(lines);
    let mut wanted: Vec<Wanted> = values.filter_map(from_text).collect();
    wanted.extend([Wanted::Port(80), Wanted::Port(443)]);
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// Reads `http://10.0.0.5:8080/x`, `app:9000`, `http://$host:8080`.
fn from_text(value: &[u8]) -> Option<Wanted> {
    let text = std::str::from_utf8(value).ok()?;
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next()?;
    if let Ok(address) = authority.parse() {
        return Some(Wanted::At(address));
    }
    let port = authority.rsplit_once(':')?.1;
    let digits = port.split('$').next()?;
    digits.parse().ok().filter(|port| *port > 0).map(Wanted::Port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    #[test]
    fn addresses_that_variables_may_hold_are_found_in_the_text() {
        let text = "events {}\nhttp {\n map $host $up { default 10.0.0.7:7000; a app:7001; }\n server {\n \
                    set $one http://127.0.0.1:3000;\n location / { proxy_pass $one; }\n \
                    location /b { proxy_pass http://$host:8080$request_uri; }\n }\n}";
        let found = wanted(&config(text));
        for expected in [
            Wanted::At("10.0.0.7:7000".parse().unwrap()),
            Wanted::At("127.0.0.1:3000".parse().unwrap()),
            Wanted::Port(7001),
            Wanted::Port(8080),
            Wanted::Port(443),
        ] {
            assert!(found.contains(&expected), "{expected:?} in {found:?}");
        }
    }

    #[test]
    fn tree_without_variables_wants_nothing_more() {
        let text = "events {}\nhttp { server { set $x 1:2; location / { proxy_pass http://a; } } }";
        assert!(wanted(&config(text)).is_empty());
    }
}
