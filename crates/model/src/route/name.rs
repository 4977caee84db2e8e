//! Which server a name belongs to.
//!
//! Source: `ngx_http_server_names`, src/http/ngx_http.c; `ngx_hash_add_key`, `ngx_hash_find_combined`, src/core/ngx_hash.c;
//! `ngx_http_find_virtual_server`, src/http/ngx_http_request.c

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::regex::{Captured, Matched, Pattern, Patterns};
use crate::config::{Config, NodeId};

/// The names of the servers of one socket.
pub(super) struct Names {
    /// `None`: the name is taken by one that lost to another, and belongs to nobody.
    exact: HashMap<Vec<u8>, Option<Claim>>,
    /// `*.example.com` and `.example.com` by what follows the first dot.
    below: HashMap<Vec<u8>, Claim>,
    /// `www.example.*` by what stands before the last dot.
    above: HashMap<Vec<u8>, Claim>,
    regexes: Vec<(Arc<Pattern>, Claim)>,
}

/// A server and the name by which it is found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) server: usize,
    /// The `server_name`; `None` for a server without any.
    pub(super) node: Option<NodeId>,
    pub(super) how: &'static str,
}

/// What a lookup gave.
pub(super) enum Found {
    Server(Claim, Option<Captured>),
    Nobody,
    /// A regex that cannot be asked stands in the way.
    Unknown(Arc<Pattern>),
}

impl Names {
    pub(super) fn of(config: &Config, servers: &[usize], patterns: &Patterns) -> Names {
        let mut names = Names {
            exact: HashMap::new(),
            below: HashMap::new(),
            above: HashMap::new(),
            regexes: Vec::new(),
        };
        for &server in servers {
            let node = config.node(config.servers()[server].node);
            let mut any = false;
            for directive in node.find("server_name") {
                for name in directive.args() {
                    any = true;
                    names.add(name, Claim { server, node: Some(directive.id()), how: "" }, patterns);
                }
            }
            if !any {
                names.add(b"", Claim { server, node: None, how: "" }, patterns);
            }
        }
        names
    }

    fn add(&mut self, name: &[u8], claim: Claim, patterns: &Patterns) {
        if let [b'~', text @ ..] = name {
            let caseless = text.iter().any(u8::is_ascii_uppercase);
            return self.regexes.push((patterns.get(text, caseless), Claim { how: "regex", ..claim }));
        }
        let name = name.to_ascii_lowercase();
        match &name[..] {
            [b'*', b'.', rest @ ..] => {
                self.below.entry(rest.to_vec()).or_insert(Claim { how: "wildcard", ..claim });
            }
            [rest @ .., b'.', b'*'] => {
                self.above.entry(rest.to_vec()).or_insert(Claim { how: "wildcard", ..claim });
            }
            [b'.', rest @ ..] if !rest.is_empty() => {
                let Entry::Vacant(exact) = self.exact.entry(rest.to_vec()) else { return };
                match self.below.entry(rest.to_vec()) {
                    Entry::Vacant(below) => {
                        below.insert(Claim { how: "wildcard", ..claim });
                        exact.insert(Some(Claim { how: "exact name", ..claim }));
                    }
                    Entry::Occupied(_) => {
                        exact.insert(None);
                    }
                }
            }
            _ => {
                self.exact.entry(name).or_insert(Some(Claim { how: "exact name", ..claim }));
            }
        }
    }

    /// The server for a host, in lower case and without port.
    pub(super) fn find(&self, host: &[u8]) -> Found {
        if let Some(Some(claim)) = self.exact.get(host) {
            return Found::Server(*claim, None);
        }
        let dots = || host.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
        let below = dots().find_map(|dot| self.below.get(&host[dot + 1..]));
        let above =
            || dots().collect::<Vec<_>>().into_iter().rev().find_map(|dot| self.above.get(&host[..dot]));
        if let Some(claim) = below.or_else(above) {
            return Found::Server(*claim, None);
        }
        if host.is_empty() {
            return Found::Nobody;
        }
        for (pattern, claim) in &self.regexes {
            match pattern.of(host) {
                Matched::Yes(captured) => return Found::Server(*claim, Some(captured)),
                Matched::No => {}
                Matched::Unknown => return Found::Unknown(pattern.clone()),
            }
        }
        Found::Nobody
    }
}
