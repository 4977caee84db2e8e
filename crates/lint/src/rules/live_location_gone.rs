//! A location of the live tree that is gone, and what its requests get now.

use std::collections::HashSet;
use std::net::SocketAddr;

use evenkeel_model::{
    Config, Dependence, HttpVersion, ListenAddress, LocalAddress, Location, LocationKind, NameKind, NodeId,
    Outcome, Request, Route, Router, Server,
};

use crate::check::Findings;
use crate::rules::pairs::{Heirs, http_servers, walk};
use crate::rules::{Holes, literal_regex, unknown_hosts};

rule! {
    /// Finds a `location` or a `server` of the live tree that is gone, when its requests now end elsewhere.
    ///
    /// ## Why is this bad?
    /// nginx has nothing to say about a block that is not there: the requests that it took fall to what is left, a
    /// `location /` that knows nothing of them, the default server, a 404. A merge that went wrong, a file that another
    /// file replaced, a location renamed on one side only look like this.
    ///
    /// The rule needs the live tree (`--against DIR`). For each server and location that the new tree does not have it
    /// takes a request that the live tree answers there, and asks the new tree what becomes of it. It reports what is an
    /// error now, is passed to another upstream, is redirected or comes from another file; it is silent where another
    /// block answers the same, and where rewrites, variables or modules decide.
    ///
    /// ## Example
    /// ```nginx
    /// location /v2/ { proxy_pass http://shop-v2; }   # live
    /// location /    { proxy_pass http://shop; }      # now takes /v2/ as well
    /// ```
    ///
    /// Source: `ngx_http_core_find_location`, src/http/ngx_http_core_module.c; `ngx_http_find_virtual_server`,
    /// src/http/ngx_http_request.c
    "live-location-gone", Warning, since "0.1", between compare
}

/// How many requests are followed at most. A tree that lost more is another tree.
const REQUESTS_MAX: usize = 2_000;

fn compare(live: &Config, new: &Config, findings: &mut Findings<'_>) {
    if has_holes(new) {
        return;
    }
    let lost: Vec<Lost<'_>> = lost(live, &mut Heirs::of(new)).into_iter().take(REQUESTS_MAX).collect();
    if lost.is_empty() {
        return;
    }
    let (before, after) = (Router::new(live), Router::new(new));
    let mut said = HashSet::new();
    for lost in lost {
        let was = before.route(&lost.request);
        let is_witness = match lost.location {
            Some(location) => {
                was.location == Some(location) || was.steps.iter().any(|step| step.node == Some(location))
            }
            None => was.server == Some(lost.server.node),
        };
        if !is_witness || !is_certain(&was) {
            continue;
        }
        let is = after.route(&lost.request);
        let Some(change) = change(&was.outcome, &is.outcome).filter(|_| is_certain(&is)) else { continue };
        let gone = live.node(lost.location.unwrap_or(lost.server.node));
        let at =
            lost.heir.map(|heir| heir.node).or(is.server).map(|node| new.node(node)).or_else(|| new.http());
        let Some(at) = at else { continue };
        let what = match lost.location {
            Some(_) => {
                let words: Vec<_> = gone.args().map(String::from_utf8_lossy).collect();
                format!("the location `{}` of the live tree", words.join(" "))
            }
            None if lost.server.names.is_empty() => "a server without a name of the live tree".to_owned(),
            None => format!("the server {} of the live tree", unknown_hosts::title(lost.server)),
        };
        if said.insert((at.id(), gone.id())) {
            findings.at(at, format!("{what} is gone: `{}` {change}", lost.request.url())).help(format!(
                "it stood at {}:{}",
                gone.source().display,
                gone.line()
            ));
        }
    }
}

/// Something that the new tree lacks, and a request that the live tree answers there.
struct Lost<'c> {
    server: &'c Server,
    location: Option<NodeId>,
    heir: Option<&'c Server>,
    request: Request,
}

fn lost<'c>(live: &'c Config, heirs: &mut Heirs<'c>) -> Vec<Lost<'c>> {
    let mut lost = Vec::new();
    for server in http_servers(live) {
        let Some(heir) = heirs.server(server) else {
            lost.extend(request(server, b"/").map(|request| Lost {
                server,
                location: None,
                heir: None,
                request,
            }));
            continue;
        };
        walk(&server.locations, &mut |location| {
            if heirs.location(heir, location).is_some() {
                return;
            }
            let request = target(location).and_then(|target| request(server, &target));
            let location = Some(location.node);
            lost.extend(request.map(|request| Lost { server, location, heir: Some(heir), request }));
        });
    }
    lost
}

/// A plain target that a location should take.
fn target(location: &Location) -> Option<Vec<u8>> {
    let text = match location.kind {
        LocationKind::Prefix | LocationKind::PrefixNoRegex | LocationKind::Exact => location.pattern.clone(),
        LocationKind::Regex { .. } => {
            let literal = literal_regex::example(&location.pattern)?;
            if literal.starts_with(b"/") { literal } else { [b"/x", literal.as_slice()].concat() }
        }
        LocationKind::Named => return None,
    };
    let is_plain = text.starts_with(b"/")
        && text.iter().all(|byte| byte.is_ascii_graphic() && !b"?#%\"\\".contains(byte));
    is_plain.then_some(text)
}

/// A request for a target of a server, to one of its addresses.
fn request(server: &Server, target: &[u8]) -> Option<Request> {
    let host = match server.names.first() {
        None => b"unknown.invalid".to_vec(),
        Some(name) => match name.kind {
            NameKind::Exact => name.text.clone(),
            NameKind::Dot => name.text[1..].to_vec(),
            NameKind::LeadingWildcard => [b"www", &name.text[1..]].concat(),
            NameKind::TrailingWildcard => [&name.text[..name.text.len() - 1], b"example"].concat(),
            NameKind::Regex => return None,
        },
    };
    let listen = server.listens.iter().find(|listen| matches!(listen.address, ListenAddress::Inet { .. }))?;
    let ListenAddress::Inet { ip, port, .. } = listen.address else { return None };
    let tls = listen.options.ssl;
    // An address that only a wildcard takes, from a range for documentation.
    let ip = match ip {
        ip if !ip.is_unspecified() => ip,
        ip if ip.is_ipv6() => [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into(),
        _ => [192, 0, 2, 1].into(),
    };
    Some(Request {
        method: b"GET".to_vec(),
        target: target.to_vec(),
        version: HttpVersion::V1_1,
        headers: vec![(b"Host".to_vec(), host.clone())],
        listen: Some(LocalAddress::Inet(SocketAddr::new(ip, port))),
        port: Some(port),
        tls,
        sni: tls.then_some(host),
        client: None,
    })
}

/// Whether nothing decides over the way that is not known here. Where files are looked for, which of them lie there may
/// be open.
fn is_certain(route: &Route) -> bool {
    let ends_in_files = matches!(route.outcome, Outcome::File { .. } | Outcome::Files { .. });
    route.depends_on.iter().all(|dependence| match dependence {
        Dependence::UpstreamResponse => true,
        Dependence::FileExists(_) => ends_in_files,
        _ => false,
    })
}

/// What became worse of a request, as the end of "this request …"; `None` when nothing did.
fn change(was: &Outcome, is: &Outcome) -> Option<String> {
    if is_refusal(was) || was == is {
        return None;
    }
    match is {
        Outcome::Error { status, reason } => Some(format!("is now answered with {status} ({reason})")),
        Outcome::Return { status, .. } => Some(format!("is now answered with {status}")),
        Outcome::Close { reason } => Some(format!("now ends with a closed connection ({reason})")),
        Outcome::Redirect { location, .. } => {
            Some(format!("is now redirected to `{}`", String::from_utf8_lossy(location)))
        }
        Outcome::Pass { kind, upstream, pass, .. } => match was {
            Outcome::Pass { kind: was_kind, upstream: was_upstream, .. }
                if was_kind == kind && was_upstream == upstream =>
            {
                None
            }
            _ => Some(format!("is now passed to `{}`", String::from_utf8_lossy(pass))),
        },
        Outcome::File { .. } | Outcome::Files { .. } => {
            let (before, now) = (paths(was), paths(is));
            let first = String::from_utf8_lossy(now.first()?).into_owned();
            (before.is_empty() || !before.iter().any(|path| now.contains(path)))
                .then(|| format!("is now looked for in files, as `{first}`"))
        }
    }
}

fn is_refusal(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Error { .. } | Outcome::Close { .. } => true,
        Outcome::Return { status, .. } => *status >= 400,
        _ => false,
    }
}

fn paths(outcome: &Outcome) -> &[Vec<u8>] {
    match outcome {
        Outcome::File { path } => std::slice::from_ref(path),
        Outcome::Files { candidates } => candidates,
        _ => &[],
    }
}

/// Whether a server or a location may stand in a file that is not here.
fn has_holes(config: &Config) -> bool {
    let holes = Holes::of(config);
    holes.is_in(config.root())
        || config.http().is_some_and(|http| holes.is_in(http))
        || config.servers().iter().any(|server| holes.is_in(config.node(server.node)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_change, check_rule};

    const LIVE: &str = r"
upstream v1 { server 127.0.0.1:9001; }
upstream v2 { server 127.0.0.1:9002; }
server {
    listen 80;
    server_name shop.test;
    location / { proxy_pass http://v1; }
    location /v2/ { proxy_pass http://v2; }
    location = /robots.txt { root /srv; }
    location ~ \.(jpg|png)$ { root /srv; }
    location /private/ { return 404; }
}
";

    #[test]
    fn requests_of_a_lost_location_that_end_elsewhere_are_found() {
        check_change(
            &super::RULE,
            LIVE,
            r"
upstream v1 { server 127.0.0.1:9001; }
  server {
# ^^^^^^ the location `/v2/` of the live tree is gone: `GET http://shop.test/v2/` is now passed to `http://v1/v2/`
# ^^^^^^ the location `= /robots.txt` of the live tree is gone: `GET http://shop.test/robots.txt` is now passed to
# ^^^^^^ the location `~ \.(jpg|png)$` of the live tree is gone: `GET http://shop.test/x.jpg` is now passed to
    listen 80;
    server_name shop.test;
    location / { proxy_pass http://v1; }
}
",
        );
    }

    #[test]
    fn requests_that_are_refused_now_are_found() {
        check_change(
            &super::RULE,
            "server { listen 80; server_name a.test; location /v2/ { proxy_pass http://127.0.0.1:9002; } }",
            r"
  server { listen 80; server_name a.test; location / { return 404; } }
# ^^^^^^ the location `/v2/` of the live tree is gone: `GET http://a.test/v2/` is now answered with 404
",
        );
    }

    #[test]
    fn a_server_that_is_gone_is_found_by_what_its_requests_get() {
        check_change(
            &super::RULE,
            "server { listen 80 default_server; return 444; }
             server { listen 80; server_name a.test; location / { proxy_pass http://127.0.0.1:9002; } }",
            r"
  server { listen 80 default_server; return 444; }
# ^^^^^^ the server `a.test` of the live tree is gone: `GET http://a.test/` now ends with a closed connection
",
        );
    }

    #[test]
    fn what_ends_where_it_did_is_silent() {
        check_change(
            &super::RULE,
            LIVE,
            r"
upstream v1 { server 127.0.0.1:9001; }
upstream v2 { server 127.0.0.1:9002; }
server {
    listen 80;
    server_name www.shop.test shop.test;
    root /srv;
    location ^~ /v2 { proxy_pass http://v2; }
    location ~ \.(jpg|png|gif)$ { }
    location /robots.txt { }
    location / { proxy_pass http://v1; }
}
",
        );
        check_rule(&super::RULE, LIVE);
    }

    #[test]
    fn what_may_stand_in_a_file_that_is_not_here_is_silent() {
        check_change(
            &super::RULE,
            LIVE,
            "server { listen 80; server_name shop.test; include /elsewhere/v2.conf; }",
        );
        check_change(&super::RULE, LIVE, "include /elsewhere/shop.conf;");
    }

    #[test]
    fn what_files_decide_is_silent() {
        check_change(
            &super::RULE,
            "server { listen 80; root /srv; location /assets/ { try_files $uri =404; } location / { try_files $uri /index.html; } }",
            "server { listen 80; root /srv; location / { try_files $uri /index.html; } }",
        );
    }
}
