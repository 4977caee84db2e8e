//! Which server a name belongs to.
//!
//! Source: `ngx_http_server_names`, src/http/ngx_http.c; `ngx_http_find_virtual_server`, src/http/ngx_http_request.c

use std::sync::Arc;

use super::hash::Hash;
use super::regex::{Ask, Captured, Matched, Pattern, Patterns};
use crate::config::{Config, NodeId};

/// The names of the servers of one socket.
pub(crate) struct Names {
    pub(crate) hash: Hash<Claim>,
    pub(crate) regexes: Vec<(Arc<Pattern>, Claim)>,
}

/// A server and the name by which it is found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) server: usize,
    /// The `server_name`; `None` for a server without any.
    pub(crate) node: Option<NodeId>,
    /// Which argument of that, from 0.
    pub(crate) arg: usize,
    pub(crate) how: &'static str,
}

/// What a lookup gave.
pub(crate) enum Found {
    Server(Claim, Option<Captured>),
    Nobody,
    /// A regex that cannot be asked stands in the way.
    Unknown(Arc<Pattern>),
}

impl Names {
    pub(crate) fn of(config: &Config, servers: &[usize], patterns: &Patterns) -> Names {
        let mut names = Names { hash: Hash::new(), regexes: Vec::new() };
        for &server in servers {
            let node = config.node(config.servers()[server].node);
            let mut any = false;
            for directive in node.find("server_name") {
                for (arg, name) in directive.args().enumerate() {
                    any = true;
                    names.add(name, Claim { server, node: Some(directive.id()), arg, how: "" }, patterns);
                }
            }
            if !any {
                names.add(b"", Claim { server, node: None, arg: 0, how: "" }, patterns);
            }
        }
        names
    }

    fn add(&mut self, name: &[u8], claim: Claim, patterns: &Patterns) {
        if let [b'~', text @ ..] = name {
            let caseless = text.iter().any(u8::is_ascii_uppercase);
            return self.regexes.push((patterns.get(text, caseless), Claim { how: "regex", ..claim }));
        }
        self.hash.add(name, true, claim);
    }

    /// The server for a host, in lower case and without port.
    pub(crate) fn find(&self, host: &[u8]) -> Found {
        self.find_by(host, Pattern::of)
    }

    /// The same, where `ask` answers for the regexes.
    pub(crate) fn find_by(&self, host: &[u8], ask: Ask) -> Found {
        if let Some((claim, how)) = self.hash.find(host) {
            return Found::Server(Claim { how, ..claim }, None);
        }
        if host.is_empty() {
            return Found::Nobody;
        }
        for (pattern, claim) in &self.regexes {
            match ask(pattern, host) {
                Matched::Yes(captured) => return Found::Server(*claim, Some(captured)),
                Matched::No => {}
                Matched::Unknown => return Found::Unknown(pattern.clone()),
            }
        }
        Found::Nobody
    }
}
