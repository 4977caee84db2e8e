//! Two servers for `shop.example.com` on one address.

use std::collections::HashMap;

use evenkeel_model::{
    Budget, Choice, Chosen, Config, Formula, Language, ListenAddress, NameKind, NodeId, Server, Sought,
};

use super::pairs::http_servers;
use super::{Holes, SHOWN_MAX};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a server that no request gets to, because others take all of its names wherever it listens.
    ///
    /// ## Why is this bad?
    /// nginx looks for the server of a host among those of one address and port. The first that has a name keeps it; a
    /// server whose names are all taken, and which is nowhere the default, is never used: its certificate, its redirects
    /// and its access rules have no effect. `nginx -t` says `conflicting server name … ignored`, one line a name, and
    /// does not say that nothing is left of the server.
    ///
    /// It is proven: no host, and no request without one, finds the server on any address that it listens on.
    ///
    /// ## Example
    /// ```nginx
    /// server { listen 80; server_name shop.example.com; }
    /// server { listen 80; server_name shop.example.com; return 301 https://shop.example.com$request_uri; }   # never
    /// ```
    ///
    /// Source: `ngx_http_server_names`, src/http/ngx_http.c; `ngx_http_find_virtual_server`, src/http/ngx_http_request.c
    "unreachable-server", Warning, since "0.1", routes check
}

/// How many steps the proofs for a whole tree may take; what is not proven by then is not reported.
const STEPS_MAX: u64 = 1_000_000;

/// Who has a name at an address, and by which directive.
type Owners<'c> = HashMap<(&'c ListenAddress, Vec<u8>), (NodeId, NodeId)>;

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let (config, router) = (routes.config, &routes.router);
    let owners = owners(config);
    let holes = Holes::of(config);
    let suspects: Vec<&Server> = http_servers(config)
        .filter(|server| is_suspect(config, server, &owners) && !holes.is_in(config.node(server.node)))
        .collect();
    if suspects.is_empty() {
        return;
    }
    let sockets: Vec<(Choice, Vec<NodeId>)> = Choice::of_every_socket(router)
        .into_iter()
        .map(|choice| {
            let servers = choice.rules();
            (choice, servers)
        })
        .collect();
    let anyone =
        Formula::Any(vec![Formula::In(Language::host(false)), Formula::In(Language::one_of(&[b""]))]);
    let mut budget = Budget(STEPS_MAX);
    for server in suspects {
        let mut by: Option<Vec<NodeId>> = None;
        let mut is_dead = true;
        for (choice, _) in sockets.iter().filter(|(_, servers)| servers.contains(&server.node)) {
            match choice.find(Chosen::Rule(server.node), &anyone, &mut budget) {
                Sought::Shadowed(more) => by.get_or_insert_default().extend(more),
                Sought::Found { .. } | Sought::Undecided(_) => is_dead = false,
            }
        }
        if let (Some(by), true) = (by, is_dead) {
            report(config, server, &owners, by, findings);
        }
    }
}

fn report(
    config: &Config,
    server: &Server,
    owners: &Owners<'_>,
    by: Vec<NodeId>,
    findings: &mut Findings<'_>,
) {
    let mut takers: Vec<(NodeId, String)> = Vec::new();
    for (address, name) in keys(server) {
        let Some((_, node)) = owners.get(&(address, name.clone())) else { continue };
        if !takers.iter().any(|(known, _)| known == node) {
            takers.push((*node, format!("takes `{}` on {address}", String::from_utf8_lossy(&name))));
        }
    }
    for node in by {
        if !takers.iter().any(|(known, _)| *known == node) {
            takers.push((node, "takes hosts that its names match".to_owned()));
        }
    }
    let draft = findings.at(
        config.node(server.node),
        "no request gets to this server: others take its names wherever it listens",
    );
    for (node, words) in takers.iter().take(SHOWN_MAX) {
        draft.related(config.node(*node), words.clone());
    }
    draft.help("take it out, or give it a name or an address of its own");
}

/// The first that has each name, as nginx keeps them.
fn owners(config: &Config) -> Owners<'_> {
    let mut owners = Owners::new();
    for server in http_servers(config) {
        for listen in &server.listens {
            for name in &server.names {
                for text in texts(name.kind, &name.text) {
                    owners.entry((&listen.address, text)).or_insert((server.node, name.node));
                }
            }
            if server.names.is_empty() {
                owners.entry((&listen.address, Vec::new())).or_insert((server.node, server.node));
            }
        }
    }
    owners
}

/// The names of a server that are texts, at each of its addresses.
fn keys(server: &Server) -> impl Iterator<Item = (&ListenAddress, Vec<u8>)> {
    let texts: Vec<Vec<u8>> = match server.names.is_empty() {
        true => vec![Vec::new()],
        false => server.names.iter().flat_map(|name| texts(name.kind, &name.text)).collect(),
    };
    server
        .listens
        .iter()
        .flat_map(move |listen| texts.clone().into_iter().map(|text| (&listen.address, text)))
}

/// What nginx puts into its tables for a name.
fn texts(kind: NameKind, text: &[u8]) -> Vec<Vec<u8>> {
    match kind {
        NameKind::Regex => Vec::new(),
        NameKind::Dot => vec![text[1..].to_vec(), [b"*", text].concat()],
        NameKind::Exact | NameKind::LeadingWildcard | NameKind::TrailingWildcard => vec![text.to_vec()],
    }
}

/// Whether all names of a server that are texts are another's. One that is the very same text, read twice, is not meant,
/// nor one that has regexes only (`shadowed-server-name`).
fn is_suspect(config: &Config, server: &Server, owners: &Owners<'_>) -> bool {
    let place = |node: NodeId| (config.node(node).file(), config.node(node).span());
    let is_quic = server.listens.iter().any(|listen| listen.options.quic);
    let has_texts = keys(server).next().is_some();
    !is_quic
        && has_texts
        && keys(server).all(|key| {
            let owner = owners.get(&key).map(|(owner, _)| *owner);
            owner.is_some_and(|owner| owner != server.node && place(owner) != place(server.node))
        })
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn servers_whose_names_are_all_taken_are_found() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name shop.example.com *.example.org; }
server { listen 80; server_name blog.example.com; }
  server { listen 80; server_name blog.example.com shop.example.com; }
# ^^^^^^ no request gets to this server: others take its names wherever it listens
  server { listen 80; server_name ~^a\d+\.example\.org$ blog.example.com; }
# ^^^^^^ no request gets to this server
server { listen 81; }
  server { listen 81; }
# ^^^^^^ no request gets to this server
",
        );
    }

    #[test]
    fn servers_that_something_gets_to_are_silent() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name shop.example.com; }
server { listen 80; server_name shop.example.com www.example.com; }
server { listen 80; listen 81; server_name shop.example.com; }
server { listen 80 default_server; server_name shop.example.com; }
server { listen 80; server_name shop.example.com ~^www\d; }
server { listen 80; server_name .example.com; }
server { listen 80; server_name *.example.com example.net; }
server { listen 82; server_name a.test; }
server { listen 82; server_name a.test; include /elsewhere/names.conf; }
",
        );
    }

    #[test]
    fn a_file_that_is_read_twice_is_another_finding() {
        check_rule(
            &super::RULE,
            r"
#- nginx.conf
events { }
http { include a.conf; include a.conf; }
#- a.conf
server { listen 80; server_name a.test; }
",
        );
    }
}
