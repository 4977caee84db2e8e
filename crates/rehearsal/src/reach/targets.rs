//! What a configuration may connect to.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use evenkeel_model::{Config, Context, Node, Pass, Upstream, UpstreamServer};

use super::{Address, Target, TargetKind};

/// The port of a server of an `upstream` that names none, whatever it is spoken to in.
const UPSTREAM_PORT: u16 = 80;
const RESOLVER_PORT: u16 = 53;
const SYSLOG_PORT: u16 = 514;

/// Everything that nginx may connect to with this configuration, in the order in which it reads it. What variables
/// decide is among it only when it is an `upstream` of the tree.
///
/// Source: `ngx_parse_url`, src/core/ngx_inet.c; `ngx_http_upstream_server`, src/http/ngx_http_upstream.c
pub fn targets(config: &Config) -> Vec<Target> {
    let passes: Vec<Passed<'_>> = config.passes().into_iter().map(|pass| Passed::of(config, pass)).collect();
    let direct = passes.iter().filter_map(|passed| passed.target(config));
    let mut targets: Vec<Target> = direct.collect();
    for upstream in config.upstreams() {
        let mut kinds: Vec<TargetKind> =
            passes.iter().filter(|passed| passed.names(upstream)).map(|passed| passed.kind).collect();
        let mut used = true;
        if kinds.is_empty() {
            // Variables may lead to it.
            kinds.extend(passes.iter().find(|passed| passed.may_name(upstream)).map(|passed| passed.kind));
        }
        if kinds.is_empty() {
            used = false;
            kinds.push(if upstream.stream {
                TargetKind::Tcp { tls: false }
            } else {
                TargetKind::Http { tls: false }
            });
        }
        kinds.sort_unstable();
        kinds.dedup();
        let servers = upstream.servers.iter();
        targets.extend(servers.flat_map(|server| {
            kinds.iter().filter_map(move |&kind| server_target(config, upstream, server, kind, used))
        }));
    }
    targets.extend(others(config));
    targets.sort_by_key(|target| target.node);
    targets
}

fn server_target(
    config: &Config,
    upstream: &Upstream,
    server: &UpstreamServer,
    kind: TargetKind,
    used: bool,
) -> Option<Target> {
    let port = (!upstream.stream).then_some(UPSTREAM_PORT);
    let target = target(config.node(server.node), address(&server.address, port)?, kind);
    let name = Some(String::from_utf8_lossy(&upstream.name).into_owned());
    Some(Target { upstream: name, backup: server.backup, down: server.down, used, ..target })
}

fn target(node: Node<'_>, address: Address, kind: TargetKind) -> Target {
    Target {
        address,
        kind,
        node: node.id(),
        file: node.source().display.clone(),
        line: node.line(),
        upstream: None,
        backup: false,
        down: false,
        used: true,
    }
}

/// A directive that passes on, and what is spoken there.
struct Passed<'c> {
    pass: Pass,
    node: Node<'c>,
    kind: TargetKind,
    stream: bool,
}

impl<'c> Passed<'c> {
    fn of(config: &'c Config, pass: Pass) -> Passed<'c> {
        let node = config.node(pass.node);
        let stream = node.context() == Context::StreamServer;
        let scheme =
            |name: &str| pass.scheme.as_deref().is_some_and(|scheme| scheme.eq_ignore_ascii_case(name));
        let kind = match node.name() {
            "fastcgi_pass" => TargetKind::Fastcgi,
            "scgi_pass" => TargetKind::Scgi,
            "memcached_pass" => TargetKind::Memcached,
            "uwsgi_pass" => TargetKind::Uwsgi { tls: scheme("suwsgi") },
            "grpc_pass" => TargetKind::Grpc { tls: scheme("grpcs") },
            _ if stream && takes_datagrams(node) => TargetKind::Udp,
            _ if stream => TargetKind::Tcp { tls: inherited(node, "proxy_ssl") },
            _ => TargetKind::Http { tls: scheme("https") },
        };
        Passed { pass, node, kind, stream }
    }

    /// What stands before the first variable of the host; all of it where there is none.
    fn literal(&self) -> (&[u8], bool) {
        let host = &self.pass.host[..];
        match host.iter().position(|&byte| byte == b'$') {
            Some(dollar) => (&host[..dollar], true),
            None => (host, false),
        }
    }

    /// Whether it surely leads to this upstream: it names it, or it names it before the variables of the URI.
    fn names(&self, upstream: &Upstream) -> bool {
        let (literal, _) = self.literal();
        self.stream == upstream.stream
            && self.pass.port.is_none()
            && !literal.is_empty()
            && literal.eq_ignore_ascii_case(&upstream.name)
    }

    fn may_name(&self, upstream: &Upstream) -> bool {
        let (literal, variable) = self.literal();
        self.stream == upstream.stream && variable && upstream.name.starts_with(literal)
    }

    /// What it leads to without an upstream.
    fn target(&self, config: &Config) -> Option<Target> {
        let (_, variable) = self.literal();
        if variable || config.upstreams().iter().any(|upstream| self.names(upstream)) {
            return None;
        }
        let port = match self.kind {
            TargetKind::Http { tls: true } | TargetKind::Grpc { tls: true } => Some(443),
            TargetKind::Http { .. } | TargetKind::Grpc { .. } => Some(80),
            _ => None,
        };
        let address = address(&self.pass.host, self.pass.port.or(port))?;
        Some(target(self.node, address, self.kind))
    }
}

fn takes_datagrams(pass: Node<'_>) -> bool {
    let server = pass.parent().expect("a directive stands somewhere");
    server
        .children()
        .filter(|child| child.is("listen"))
        .any(|listen| listen.args().any(|word| word == b"udp"))
}

/// Whether a flag is on here, or in the nearest block around that says.
fn inherited(node: Node<'_>, flag: &str) -> bool {
    let mut around = node.ancestors().flat_map(|block| block.children().filter(|child| child.is(flag)));
    around.next().is_some_and(|found| found.arg(0) == Some(b"on"))
}

/// Name servers, log servers, and those who are asked over HTTP on nginx's own behalf.
fn others(config: &Config) -> impl Iterator<Item = Target> + '_ {
    config.nodes().filter(|node| !node.context().is_raw()).flat_map(|node| {
        let found: Vec<(Option<Address>, TargetKind)> = match node.name() {
            "resolver" => {
                let servers = node.args().filter(|word| !word.contains(&b'='));
                servers.map(|server| (address(server, Some(RESOLVER_PORT)), TargetKind::Dns)).collect()
            }
            "access_log" | "error_log" => {
                let server =
                    node.arg(0).and_then(|value| value.strip_prefix(b"syslog:")).and_then(syslog_server);
                let server = server.map(|server| address(server, Some(SYSLOG_PORT)));
                server.into_iter().map(|server| (server, TargetKind::Syslog)).collect()
            }
            "auth_http" | "ssl_stapling_responder" | "ssl_ocsp_responder" => {
                let url = node.arg(0).unwrap_or(b"");
                let rest = url.strip_prefix(b"http://").unwrap_or(url);
                let host = rest.split(|&byte| byte == b'/').next().unwrap_or(b"");
                vec![(address(host, Some(80)), TargetKind::Http { tls: false })]
            }
            _ => Vec::new(),
        };
        found.into_iter().filter_map(move |(address, kind)| Some(target(node, address?, kind)))
    })
}

fn syslog_server(parameters: &[u8]) -> Option<&[u8]> {
    parameters.split(|&byte| byte == b',').find_map(|parameter| parameter.strip_prefix(b"server="))
}

/// An address as it stands; `None` where nginx would refuse it, or variables decide.
fn address(text: &[u8], port: Option<u16>) -> Option<Address> {
    if let Some(path) = text.strip_prefix(b"unix:") {
        return (!path.is_empty() && !path.contains(&b'$')).then(|| Address::Unix(path.to_vec()));
    }
    let text = std::str::from_utf8(text).ok().filter(|text| !text.is_empty() && !text.contains('$'))?;
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        let port = if after.is_empty() { port? } else { after.strip_prefix(':')?.parse().ok()? };
        let ip: Ipv6Addr = host.parse().ok()?;
        return Some(Address::Inet(SocketAddr::new(ip.into(), port)));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (text, port?),
    };
    match host.parse::<IpAddr>() {
        Ok(ip) => Some(Address::Inet(SocketAddr::new(ip, port))),
        Err(_) if host.is_empty() || port == 0 => None,
        Err(_) => Some(Address::Name { host: host.to_owned(), port }),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::config;

    use super::*;

    fn found(text: &str) -> Vec<String> {
        let shown = |target: Target| {
            let mut text = format!("{}: {} {:?}", target.line, target.address, target.kind);
            text.extend(target.upstream.map(|name| format!(" in {name}")));
            let flags = [(target.backup, " backup"), (target.down, " down"), (!target.used, " unused")];
            flags.iter().filter(|(is, _)| *is).for_each(|(_, flag)| text.push_str(flag));
            text
        };
        targets(&config(text)).into_iter().map(shown).collect()
    }

    #[test]
    fn literal_passes_are_targets() {
        let text = "http { server {
            location /1 { proxy_pass http://10.0.0.5; }
            location /2 { proxy_pass https://app.test/x?y; }
            location /3 { proxy_pass http://[2001:db8::50]:8080/; }
            location /4 { fastcgi_pass unix:/run/php.sock; }
            location /5 { proxy_pass http://unix:/run/app.sock:/uri; }
            location /6 { grpc_pass grpcs://10.0.0.6; }
            location /7 { uwsgi_pass suwsgi://10.0.0.7:3031; }
            location /8 { proxy_pass http://$host; }
            location /9 { memcached_pass 10.0.0.8:11211; }
            location /10 { proxy_pass http://10.0.0.9:81$request_uri; }
        } }";
        let expected = [
            "2: 10.0.0.5:80 Http { tls: false }",
            "3: app.test:443 Http { tls: true }",
            "4: [2001:db8::50]:8080 Http { tls: false }",
            "5: unix:/run/php.sock Fastcgi",
            "6: unix:/run/app.sock Http { tls: false }",
            "7: 10.0.0.6:443 Grpc { tls: true }",
            "8: 10.0.0.7:3031 Uwsgi { tls: true }",
            "10: 10.0.0.8:11211 Memcached",
        ];
        assert_eq!(found(text), expected);
    }

    #[test]
    fn servers_of_an_upstream_are_spoken_to_as_those_who_pass_there_say() {
        let text = "http {
            upstream app {
                server 10.0.0.1;
                server 10.0.0.2:8080 backup;
                server app.test:81 down;
                server unix:/run/app.sock;
            }
            upstream both { server 10.0.1.1; }
            upstream idle { server 10.0.2.1; }
            server {
                location /a { proxy_pass https://APP/x; }
                location /b { proxy_pass http://both$request_uri; }
                location /c { fastcgi_pass both; }
            }
        }";
        let expected = [
            "3: 10.0.0.1:80 Http { tls: true } in app",
            "4: 10.0.0.2:8080 Http { tls: true } in app backup",
            "5: app.test:81 Http { tls: true } in app down",
            "6: unix:/run/app.sock Http { tls: true } in app",
            "8: 10.0.1.1:80 Http { tls: false } in both",
            "8: 10.0.1.1:80 Fastcgi in both",
            "9: 10.0.2.1:80 Http { tls: false } in idle unused",
        ];
        assert_eq!(found(text), expected);
    }

    #[test]
    fn upstream_that_variables_may_name_is_used() {
        let text = "http {
            upstream blue { server 10.0.0.1; }
            upstream red { server 10.0.0.2; }
            server { location / { proxy_pass http://b$color; } }
        }";
        let expected = [
            "2: 10.0.0.1:80 Http { tls: false } in blue",
            "3: 10.0.0.2:80 Http { tls: false } in red unused",
        ];
        assert_eq!(found(text), expected);
    }

    #[test]
    fn stream_has_its_own_upstreams_and_datagrams() {
        let text = "stream {
            upstream app { server 10.0.0.1:9000; server 10.0.0.2; }
            server { listen 1; proxy_pass app; }
            server { listen 53 udp; proxy_pass 10.0.0.3:53; }
            server { listen 2; proxy_ssl on; proxy_pass db.test:5432; }
        }
        http { upstream app { server 10.0.9.1; } }";
        let expected = [
            "2: 10.0.0.1:9000 Tcp { tls: false } in app",
            "4: 10.0.0.3:53 Udp",
            "5: db.test:5432 Tcp { tls: true }",
            "7: 10.0.9.1:80 Http { tls: false } in app unused",
        ];
        assert_eq!(found(text), expected);
    }

    #[test]
    fn name_servers_and_log_servers_are_targets() {
        let text = "error_log syslog:server=unix:/dev/log,nohostname;
        http {
            resolver 10.0.0.53 [2001:db8::53]:54 dns.test valid=30s ipv6=off;
            access_log syslog:server=10.0.0.9,facility=local7 main;
            access_log /var/log/a.log;
            ssl_stapling_responder http://ocsp.test/x;
        }
        mail { auth_http 127.0.0.1:9000/auth; }";
        let expected = [
            "1: unix:/dev/log Syslog",
            "3: 10.0.0.53:53 Dns",
            "3: [2001:db8::53]:54 Dns",
            "3: dns.test:53 Dns",
            "4: 10.0.0.9:514 Syslog",
            "6: ocsp.test:80 Http { tls: false }",
            "8: 127.0.0.1:9000 Http { tls: false }",
        ];
        assert_eq!(found(text), expected);
    }
}
