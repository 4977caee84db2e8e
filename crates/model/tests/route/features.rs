//! What the random test met: which directives, outcomes and kinds of requests exact predictions were about, how often.

use std::collections::{BTreeMap, HashMap};

use evenkeel_model::{Config, HttpVersion, LocalAddress, Node, NodeId, Outcome, Route};

use crate::compare::Seen;
use crate::nginx::Binary;
use crate::requests::{Origin, Question};

/// How often each was met.
#[derive(Debug, Default)]
pub(crate) struct Features {
    met: BTreeMap<String, usize>,
    /// What is in force in the blocks of the configuration that is played.
    in_force: HashMap<NodeId, Vec<&'static str>>,
}

/// What must be met in every run that is long enough; after `:` the module without which it cannot.
const EXPECTED: &[&str] = &[
    "answer: closed",
    "answer: error",
    "answer: file",
    "answer: listing",
    "answer: passed on",
    "answer: redirect",
    "answer: text",
    "block: if",
    "block: limit_except",
    "block: location",
    "block: location = in location",
    "block: location ^~",
    "block: location @",
    "block: location =",
    "block: location ~",
    "block: location ~*",
    "block: location in location",
    "block: location in location in location",
    "block: location ~ in location",
    "block: location ~ in location ~",
    "block: server",
    "code: break",
    "code: if !-d",
    "code: if !-e",
    "code: if !-f",
    "code: if !-x",
    "code: if !=",
    "code: if !~",
    "code: if !~*",
    "code: if -d",
    "code: if -e",
    "code: if -f",
    "code: if -x",
    "code: if =",
    "code: if holds",
    "code: if truth",
    "code: if ~",
    "code: if ~*",
    "code: return status",
    "code: return text",
    "code: return url",
    "code: rewrite",
    "code: rewrite ?",
    "code: rewrite break",
    "code: rewrite last",
    "code: rewrite permanent",
    "code: rewrite redirect",
    "code: set",
    "error_page: =",
    "error_page: =N",
    "error_page: @",
    "error_page: uri",
    "error_page: url",
    "handler: empty_gif",
    "handler: fastcgi_pass",
    "handler: grpc_pass:http_grpc_module",
    "handler: memcached_pass",
    "handler: proxy_pass",
    "handler: proxy_pass uri",
    "handler: proxy_pass variables",
    "handler: scgi_pass",
    "handler: uwsgi_pass",
    "in force: absolute_redirect",
    "in force: add_header",
    "in force: alias",
    "in force: allow",
    "in force: auth_basic",
    "in force: auth_request:http_auth_request_module",
    "in force: autoindex",
    "in force: client_max_body_size",
    "in force: deny",
    "in force: error_page",
    "in force: index",
    "in force: internal",
    "in force: limit_conn",
    "in force: limit_req",
    "in force: merge_slashes",
    "in force: port_in_redirect",
    "in force: proxy_intercept_errors",
    "in force: recursive_error_pages",
    "in force: root",
    "in force: satisfy",
    "in force: server_name_in_redirect",
    "in force: set_real_ip_from:http_realip_module",
    "in force: try_files",
    "listen: *",
    "listen: address",
    "listen: default_server",
    "listen: dual",
    "listen: ipv6",
    "listen: unix",
    "request: Host is not the SNI",
    "request: HTTP/0.9",
    "request: HTTP/1.0",
    "request: absolute target",
    "request: args",
    "request: beside a witness",
    "request: body",
    "request: escape",
    "request: no SNI",
    "request: of another client",
    "request: plain to TLS",
    "request: SNI",
    "request: witness",
    "server: *.x",
    "server: .x",
    "server: default",
    "server: exact",
    "server: regex",
    "server: x.*",
    "status: 200",
    "status: 204",
    "status: 301",
    "status: 302",
    "status: 303",
    "status: 307",
    "status: 308",
    "status: 400",
    "status: 401",
    "status: 403",
    "status: 404",
    "status: 405",
    "status: 413",
    "status: 414",
    "status: 421",
    "status: 500",
    "status: 502",
    "status: 503",
    "step: handshake",
    "step: internal redirect",
    "step: map",
    "try_files: =N",
    "try_files: @",
    "try_files: found",
    "try_files: uri",
    "variable: geo",
    "variable: geo of an argument",
    "variable: map of hostnames",
    "variable: map, volatile",
    "variable: split_clients",
];

/// The directives that are told when they stand in the block that answers or around it.
const IN_FORCE: &[&str] = &[
    "absolute_redirect",
    "add_header",
    "add_header_inherit",
    "alias",
    "allow",
    "auth_basic",
    "auth_request",
    "autoindex",
    "client_max_body_size",
    "deny",
    "error_page",
    "fastcgi_intercept_errors",
    "index",
    "internal",
    "limit_conn",
    "limit_req",
    "merge_slashes",
    "port_in_redirect",
    "proxy_intercept_errors",
    "real_ip_header",
    "real_ip_recursive",
    "recursive_error_pages",
    "root",
    "satisfy",
    "server_name_in_redirect",
    "set_real_ip_from",
    "ssl_verify_client",
    "try_files",
];

impl Features {
    fn note(&mut self, what: impl Into<String>) {
        *self.met.entry(what.into()).or_default() += 1;
    }

    /// Takes over what another met.
    pub(crate) fn add(&mut self, other: Features) {
        for (what, times) in other.met {
            *self.met.entry(what).or_default() += times;
        }
    }

    /// What this nginx could have met, and did not.
    pub(crate) fn missed(&self, binary: &Binary) -> Vec<&'static str> {
        let split = |name: &'static str| {
            name.rsplit_once(':').filter(|(_, module)| module.starts_with("http_")).unwrap_or((name, ""))
        };
        let possible = EXPECTED.iter().map(|name| split(name));
        let possible = possible.filter(|(_, module)| module.is_empty() || binary.has(module));
        possible.map(|(name, _)| name).filter(|&name| !self.met.contains_key(name)).collect()
    }

    /// Notes what one exact prediction was about.
    pub(crate) fn meet(&mut self, config: &Config, route: &Route, question: &Question, seen: &Seen) {
        self.request(question);
        self.listen(config, route, question);
        self.answer(route, question, seen);
        self.block(config, route);
        for step in &route.steps {
            match (step.what, step.node.map(|node| config.node(node))) {
                (what @ ("handshake" | "internal redirect" | "map"), node) => {
                    self.note(format!("step: {what}"));
                    if let Some(map) = node {
                        self.variable(map);
                    }
                }
                ("if", Some(node)) => {
                    self.note(format!("code: if {}", test(node)));
                    if step.text.ends_with(" holds") {
                        self.note("code: if holds");
                    }
                }
                ("server", Some(node)) => self.note(format!("server: {}", name(&step.text, node))),
                ("try_files", _) if step.text.ends_with("is there") => self.note("try_files: found"),
                ("try_files", Some(node)) => {
                    let last = node.args().next_back().unwrap_or_default();
                    self.note(match last.first() {
                        Some(b'=') => "try_files: =N",
                        Some(b'@') => "try_files: @",
                        _ => "try_files: uri",
                    });
                }
                ("error_page", Some(node)) => self.error_page(node),
                (_, Some(node)) => self.directive(node),
                _ => {}
            }
        }
    }

    fn request(&mut self, question: &Question) {
        let request = &question.request;
        match question.origin {
            Origin::Chance => {}
            Origin::Witness => self.note("request: witness"),
            Origin::Beside => self.note("request: beside a witness"),
        }
        match request.version {
            HttpVersion::V0_9 => self.note("request: HTTP/0.9"),
            HttpVersion::V1_0 => self.note("request: HTTP/1.0"),
            HttpVersion::V1_1 | HttpVersion::V2 => {}
        }
        for (byte, what) in [(b'%', "escape"), (b'?', "args")] {
            if request.target.contains(&byte) {
                self.note(format!("request: {what}"));
            }
        }
        if !request.target.starts_with(b"/") {
            self.note("request: absolute target");
        }
        if !question.body.is_empty() {
            self.note("request: body");
        }
        if request.client.is_some_and(|client| client.is_ipv4() && client.to_string() != "127.0.0.1") {
            self.note("request: of another client");
        }
        if request.tls {
            let host = request.header("host").unwrap_or_default();
            self.note(if request.sni.is_some() { "request: SNI" } else { "request: no SNI" });
            if request.sni.as_ref().is_some_and(|name| name != host) {
                self.note("request: Host is not the SNI");
            }
        }
    }

    fn listen(&mut self, config: &Config, route: &Route, question: &Question) {
        let at = question.request.listen.as_ref();
        match (&route.listen, at) {
            (Some(LocalAddress::Unix(_)), _) => self.note("listen: unix"),
            (Some(LocalAddress::Inet(listen)), Some(LocalAddress::Inet(at))) => {
                let wildcard = listen.ip().is_unspecified();
                self.note(match (wildcard, listen.is_ipv6(), at.is_ipv4()) {
                    (true, true, true) => "listen: dual",
                    (_, true, _) => "listen: ipv6",
                    (true, ..) => "listen: *",
                    (false, ..) => "listen: address",
                });
            }
            _ => {}
        }
        let first = route.steps.iter().find(|step| step.what == "listen");
        let listen = first.and_then(|step| step.node).map(|node| config.node(node));
        if let (Some(step), Some(listen)) = (first, listen) {
            if listen.args().any(|word| word == b"default_server") {
                self.note("listen: default_server");
            }
            if step.text.contains(" ssl:") && !question.request.tls {
                self.note("request: plain to TLS");
            }
        }
    }

    fn answer(&mut self, route: &Route, question: &Question, seen: &Seen) {
        self.note(match &route.outcome {
            Outcome::Pass { .. } => "answer: passed on",
            Outcome::File { path } if path.ends_with(b"/") => "answer: listing",
            Outcome::File { .. } | Outcome::Files { .. } => "answer: file",
            Outcome::Redirect { .. } => "answer: redirect",
            Outcome::Return { .. } => "answer: text",
            Outcome::Close { .. } => "answer: closed",
            Outcome::Error { .. } => "answer: error",
        });
        if question.request.version != HttpVersion::V0_9 && seen.answer.status != 0 {
            self.note(format!("status: {}", seen.answer.status));
        }
    }

    /// What stands around the place where a request ends.
    fn block(&mut self, config: &Config, route: &Route) {
        let Some(place) = route.location.or(route.server) else { return };
        let node = config.node(place);
        let around: Vec<Node<'_>> = std::iter::once(node).chain(node.ancestors()).collect();
        let locations: Vec<Vec<u8>> =
            around.iter().filter(|node| node.is("location")).map(|node| modifier(*node)).collect();
        let names: Vec<String> =
            locations.iter().map(|kind| String::from_utf8_lossy(kind).into_owned()).collect();
        let named =
            |kind: &str| if kind.is_empty() { "location".to_owned() } else { format!("location {kind}") };
        match &names[..] {
            [] => self.note("block: server"),
            [kind] => self.note(format!("block: {}", named(kind))),
            [kind, outer, rest @ ..] => {
                self.note("block: location in location");
                self.note(format!("block: {} in location", named(kind)));
                self.note(format!("block: {} in {}", named(kind), named(outer)));
                if !rest.is_empty() {
                    self.note("block: location in location in location");
                }
            }
        }
        let in_force = self.in_force.entry(place).or_insert_with(|| {
            let stands =
                |name: &str| around.iter().any(|block| block.children().any(|inside| inside.is(name)));
            IN_FORCE.iter().copied().filter(|name| stands(name)).collect()
        });
        for name in in_force.clone() {
            self.note(format!("in force: {name}"));
        }
        let has = |step: &evenkeel_model::Step, what: &str| step.what == what;
        if route.steps.iter().any(|step| has(step, "if") && step.text.ends_with(" holds")) {
            self.note("block: if");
        }
        if route.steps.iter().any(|step| has(step, "limit_except")) {
            self.note("block: limit_except");
        }
    }

    /// A directive on the way.
    fn directive(&mut self, node: Node<'_>) {
        let name = node.name();
        let first = node.arg(0).unwrap_or_default();
        match name {
            "rewrite" => {
                let flag = node.arg(2).map(|flag| format!(" {}", String::from_utf8_lossy(flag)));
                self.note(format!("code: rewrite{}", flag.unwrap_or_default()));
                if node.arg(1).is_some_and(|to| to.ends_with(b"?")) {
                    self.note("code: rewrite ?");
                }
            }
            "return" => {
                let is_status = first.iter().all(u8::is_ascii_digit);
                let url = first.starts_with(b"3") || !is_status;
                self.note(match (url, node.arg(1)) {
                    (true, _) => "code: return url",
                    (false, Some(_)) => "code: return text",
                    (false, None) => "code: return status",
                });
            }
            "set" | "break" => self.note(format!("code: {name}")),
            "proxy_pass" => {
                let rest = first.splitn(3, |&byte| byte == b'/').nth(2).unwrap_or_default();
                self.note("handler: proxy_pass");
                if first.contains(&b'$') {
                    self.note("handler: proxy_pass variables");
                } else if rest.contains(&b'/') {
                    self.note("handler: proxy_pass uri");
                }
            }
            "empty_gif" | "stub_status" => self.note(format!("handler: {name}")),
            _ if name.ends_with("_pass") => self.note(format!("handler: {name}")),
            "map" | "geo" | "split_clients" => self.variable(node),
            _ => {}
        }
    }

    fn variable(&mut self, node: Node<'_>) {
        let has = |word: &str| node.children().any(|line| line.is(word) && line.args().len() == 0);
        match node.name() {
            "map" if has("hostnames") => self.note("variable: map of hostnames"),
            "map" if has("volatile") => self.note("variable: map, volatile"),
            "map" => self.note("variable: map"),
            "geo" if node.args().len() > 1 => self.note("variable: geo of an argument"),
            "geo" => self.note("variable: geo"),
            "split_clients" => self.note("variable: split_clients"),
            _ => {}
        }
    }

    fn error_page(&mut self, node: Node<'_>) {
        let args: Vec<&[u8]> = node.args().collect();
        let Some((to, before)) = args.split_last() else { return };
        self.note(match to.first() {
            Some(b'/' | b'$') => "error_page: uri",
            Some(b'@') => "error_page: @",
            _ => "error_page: url",
        });
        match before.last() {
            Some([b'=']) => self.note("error_page: ="),
            Some([b'=', ..]) => self.note("error_page: =N"),
            _ => {}
        }
    }
}

/// What stands between `location` and its pattern; `@` for a named one.
fn modifier(location: Node<'_>) -> Vec<u8> {
    match (location.args().len(), location.arg(0)) {
        (2, Some(modifier)) => modifier.to_vec(),
        (_, Some([b'@', ..])) => b"@".to_vec(),
        _ => Vec::new(),
    }
}

/// What an `if` asks.
fn test(node: Node<'_>) -> String {
    let words: Vec<String> = node
        .args()
        .map(|word| String::from_utf8_lossy(word).trim_matches(['(', ')']).to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    let is_test = |word: &&String| {
        ["=", "!=", "~", "~*", "!~", "!~*"].contains(&word.as_str())
            || word.starts_with('-')
            || word.starts_with("!-")
    };
    words.iter().find(is_test).map_or_else(|| String::from("truth"), Clone::clone)
}

/// By what kind of name a server was chosen.
fn name(text: &str, node: Node<'_>) -> &'static str {
    if !node.is("server_name") {
        return "default";
    }
    let host = text.split(": ").next().unwrap_or_default();
    let names: Vec<String> =
        node.args().map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).collect();
    let ends = |name: &String| {
        name.strip_prefix(['*', '.']).is_some_and(|end| host.ends_with(end.trim_start_matches('.')))
    };
    if text.ends_with("regex") {
        "regex"
    } else if text.ends_with("exact name") {
        if names.iter().any(|name| name.as_str() == host) { "exact" } else { ".x" }
    } else {
        match names.iter().find(|name| ends(name)) {
            Some(name) if name.starts_with('.') => ".x",
            Some(_) => "*.x",
            None => "x.*",
        }
    }
}

impl std::fmt::Display for Features {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut group = "";
        for (what, times) in &self.met {
            let (of, name) = what.split_once(": ").unwrap_or(("", what));
            if of != group {
                write!(f, "{}  {of}:", if group.is_empty() { "" } else { "\n" })?;
                group = of;
            }
            write!(f, "  {name} {times}")?;
        }
        Ok(())
    }
}
