//! Which server and location of a tree takes the place of one of another tree.

use std::collections::HashMap;

use evenkeel_model::{Config, ListenAddress, Location, LocationKind, NodeId, Server, ServerKind};

/// Address and name of a server.
type Key<'c> = (&'c ListenAddress, &'c [u8]);

/// The http servers of a tree, by where they listen and what they are called.
#[derive(Debug)]
pub(crate) struct Heirs<'c> {
    servers: HashMap<Key<'c>, &'c Server>,
    locations: HashMap<NodeId, HashMap<(LocationKind, &'c [u8]), NodeId>>,
}

impl<'c> Heirs<'c> {
    pub(crate) fn of(config: &'c Config) -> Self {
        let mut servers = HashMap::new();
        for server in http_servers(config) {
            for key in keys(server) {
                servers.entry(key).or_insert(server);
            }
        }
        Self { servers, locations: HashMap::new() }
    }

    /// The server that has an address and a name of this one.
    pub(crate) fn server<'a>(&self, server: &'a Server) -> Option<&'c Server>
    where
        'c: 'a,
    {
        keys(server).find_map(|key| self.servers.get(&key).copied())
    }

    /// The location of a server that is written like this one.
    pub(crate) fn location(&mut self, server: &'c Server, location: &Location) -> Option<NodeId> {
        let places = self.locations.entry(server.node).or_insert_with(|| {
            let mut places = HashMap::new();
            walk(&server.locations, &mut |location| {
                places.entry((location.kind, location.pattern.as_slice())).or_insert(location.node);
            });
            places
        });
        places.get(&(location.kind, location.pattern.as_slice())).copied()
    }
}

/// The servers of http.
pub(crate) fn http_servers(config: &Config) -> impl Iterator<Item = &Server> {
    config.servers().iter().filter(|server| server.kind == ServerKind::Http)
}

/// Visits locations and those inside them.
pub(crate) fn walk<'c>(locations: &'c [Location], visit: &mut impl FnMut(&'c Location)) {
    for location in locations {
        visit(location);
        walk(&location.children, visit);
    }
}

fn keys(server: &Server) -> impl Iterator<Item = Key<'_>> {
    let empty: &[u8] = b"";
    let nameless = server.names.is_empty().then_some(empty);
    let names = server.names.iter().map(|name| name.text.as_slice()).chain(nameless);
    names.flat_map(|name| server.listens.iter().map(move |listen| (&listen.address, name)))
}
