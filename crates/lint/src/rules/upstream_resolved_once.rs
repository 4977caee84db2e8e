//! `proxy_pass http://app.example.com;`

use std::collections::HashSet;

use evenkeel_model::{Config, Context, Node};

use crate::check::Findings;
use crate::rules::Holes;
rule! {
    /// Finds a host name that nginx resolves once, when it loads its configuration.
    ///
    /// ## Why is this bad?
    /// A literal name in `proxy_pass`, or in a `server` of an `upstream`, is looked up at start and
    /// at each reload, never in between. When the address moves (a load balancer of a cloud, a
    /// container that was made anew) nginx goes on sending requests to the old one: 502 or 504 until
    /// somebody thinks of a reload. And while the name does not resolve, nginx does not start:
    /// `host not found in upstream`, after a reboot without DNS for example.
    ///
    /// It is a warning, not a note, because the outage comes without any change that would explain
    /// it. A name that never moves (`/etc/hosts`, an address that is promised for good) is a reason
    /// to write into an `evenkeel:allow` comment. Addresses, sockets, `localhost`, names of an
    /// `upstream`, names with a variable and servers with `resolve` are not reported; neither is a
    /// name that may be an `upstream` of an included file that is not here.
    ///
    /// ## Example
    /// ```nginx
    /// proxy_pass http://app.example.com;     # resolved once
    ///
    /// resolver 127.0.0.53;                   # resolved again when its time to live is over:
    /// set $app app.example.com;
    /// proxy_pass http://$app;
    ///
    /// upstream app {                         # or so, in nginx >= 1.27.3
    ///     zone app 64k;
    ///     server app.example.com resolve;
    /// }
    /// ```
    ///
    /// Source: `ngx_http_upstream_add`, src/http/ngx_http_upstream.c; `ngx_parse_inet_url`,
    /// src/core/ngx_inet.c;
    /// <https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolve>
    "upstream-resolved-once", Warning, since "0.1", check
}

fn check(config: &Config, findings: &mut Findings<'_>) {
    let holes = Holes::of(config);
    let [http, stream] = ["http", "stream"].map(|block| upstream_names(config, block, &holes));
    for node in config.nodes() {
        let host = match node.name() {
            "server" => server_host(node),
            "proxy_pass" if node.context() == Context::StreamServer => pass_host(node, stream.as_ref()),
            "proxy_pass" | "fastcgi_pass" | "uwsgi_pass" | "scgi_pass" | "grpc_pass" | "memcached_pass"
                if node.context().is_http() =>
            {
                pass_host(node, http.as_ref())
            }
            _ => None,
        };
        if let Some(host) = host {
            findings
                .at_arg(node, 0, format!("`{host}` is resolved only when nginx loads its configuration"))
                .help(
                    "when its address changes, requests go to the old one until the next reload; \
                     `resolve` or a variable with a `resolver` looks it up again",
                );
        }
    }
}

/// Returns the names of all upstreams, or `None` when some may not be here.
fn upstream_names(config: &Config, block: &str, holes: &Holes) -> Option<HashSet<Vec<u8>>> {
    if holes.is_in(config.root()) || config.root().find(block).any(|block| holes.is_in(block)) {
        return None;
    }
    let upstreams = config.root().find(block).flat_map(|block| block.find("upstream"));
    Some(upstreams.filter_map(|upstream| Some(upstream.arg(0)?.to_ascii_lowercase())).collect())
}

/// Returns the name that a server of an `upstream` has, where nginx resolves it once.
fn server_host(server: Node<'_>) -> Option<String> {
    if !matches!(server.context(), Context::Upstream | Context::StreamUpstream) {
        return None;
    }
    let host = host_of(server.arg(0)?)?;
    (!server.args().any(|arg| arg == b"resolve")).then_some(host)
}

/// Returns the name that a `*_pass` leads to, where it is not an `upstream` and nginx resolves it once.
fn pass_host(pass: Node<'_>, upstreams: Option<&HashSet<Vec<u8>>>) -> Option<String> {
    let host = host_of(pass.arg(0)?)?;
    (!upstreams?.contains(host.to_ascii_lowercase().as_bytes())).then_some(host)
}

/// Returns the host of `[scheme://]host[:port][/uri]` when it is a name and nothing in it is a variable.
fn host_of(url: &[u8]) -> Option<String> {
    if url.contains(&b'$') {
        return None;
    }
    let rest = match url.windows(3).position(|window| window == b"://") {
        Some(at) => &url[at + 3..],
        None => url,
    };
    let end = rest.iter().position(|byte| matches!(byte, b':' | b'/' | b'?')).unwrap_or(rest.len());
    let host = std::str::from_utf8(&rest[..end]).ok()?;
    let is_socket = host == "unix" && rest[end..].starts_with(b":");
    let is_address = host.starts_with('[') || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_local = host.eq_ignore_ascii_case("localhost");
    (!is_socket && !is_address && !is_local).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn literal_host_names_are_found() {
        check_rule(
            &super::RULE,
            r"
upstream app {
    server app1.example.com:8080 max_fails=3;
         # ^^^^^^^^^^^^^^^^^^^^^ `app1.example.com` is resolved only when
    server 10.0.0.1:8080;
}
server {
    location / { proxy_pass http://backend:9000/x/; }
                          # ^^^^^^^^^^^^^^^^^^^^^^ `backend` is resolved only when
    location /f { fastcgi_pass php:9000; }
                             # ^^^^^^^^ `php` is resolved
    location /g { grpc_pass grpcs://grpc.example.com; }
                          # ^^^^^^^^^^^^^^^^^^^^^^^^ `grpc.example.com` is resolved
}
",
        );
    }

    #[test]
    fn names_in_stream_are_found_with_the_upstreams_of_stream() {
        check_rule(
            &super::RULE,
            r"
#- nginx.conf
events { }
http { upstream db { server 127.0.0.1:1; } }
stream {
    upstream pool { server 127.0.0.1:5432; }
    server { listen 1; proxy_pass pool; }
    server { listen 2; proxy_pass db:5432; }
                                # ^^^^^^^ `db` is resolved
}
",
        );
    }

    #[test]
    fn a_name_that_may_be_an_upstream_of_a_file_that_is_not_here_is_silent() {
        check_rule(
            &super::RULE,
            r"
include /elsewhere/upstreams.conf;
upstream app { server app.example.com; }
                    # ^^^^^^^^^^^^^^^ `app.example.com` is resolved
server { location / { proxy_pass http://backend; } }
",
        );
    }

    #[test]
    fn what_is_not_resolved_or_resolved_again_is_silent() {
        check_rule(
            &super::RULE,
            r"
upstream App {
    zone app 64k;
    server app.example.com resolve;
    server 127.0.0.1:80;
    server [::1]:80;
    server unix:/run/app.sock;
    server localhost:8080;
}
map $uri $target { server backend; proxy_pass http://backend; }
server {
    listen 80;
    location / { proxy_pass http://app; }
    location /a { proxy_pass http://$host; }
    location /b { proxy_pass http://backend$request_uri; }
    location /c { proxy_pass http://192.0.2.1:8080/; }
    location /d { proxy_pass http://[2001:db8::1]/; }
    location /e { fastcgi_pass unix:/run/php.sock; }
    location /f { proxy_pass http://unix:/run/app.sock:/x/; }
    location /g { proxy_pass http://localhost:3000; }
}
",
        );
    }
}
