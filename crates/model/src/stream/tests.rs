//! What surprises people about stream.

use crate::language::Budget;
use crate::route::tests::of_text;
use crate::{
    Config, Connection, Preface, StreamChange, StreamOutcome, StreamRoute, StreamRouter, stream_diff,
};

fn config(stream: &str) -> Config {
    of_text(&format!("events {{ }}\n{stream}"))
}

fn asked(stream: &str, connection: &Connection) -> StreamRoute {
    let config = config(&format!("stream {{ {stream} }}"));
    StreamRouter::new(&config).route(connection)
}

fn tls(name: &str) -> Connection {
    Connection {
        client: "198.51.100.7".parse().ok(),
        ..Connection::parse(&format!("tls://{name}:443")).unwrap()
    }
}

/// The outcome in a few words.
fn brief(route: &StreamRoute) -> String {
    let depends: String = route.depends_on.iter().map(|dependence| format!(" [{dependence}]")).collect();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match &route.outcome {
        StreamOutcome::Proxy { pass, .. } => format!("proxy {}{depends}", text(pass)),
        StreamOutcome::Return { text: said } => format!("return {}{depends}", text(said)),
        StreamOutcome::Handed { to, .. } => format!("pass {to:?}{depends}"),
        StreamOutcome::Close { reason } => format!("close: {reason}{depends}"),
    }
}

fn goes(stream: &str, name: &str) -> String {
    brief(&asked(stream, &tls(name)))
}

#[test]
fn without_ssl_preread_the_name_is_empty() {
    let map = "map $ssl_preread_server_name $to { a.test 10.0.0.1:1; default 10.0.0.2:2; }";
    let server = |preread: &str| format!("{map} server {{ listen 443; {preread} proxy_pass $to; }}");
    assert_eq!(goes(&server("ssl_preread on;"), "a.test"), "proxy 10.0.0.1:1");
    assert_eq!(goes(&server(""), "a.test"), "proxy 10.0.0.2:2");
}

#[test]
fn names_choose_a_server_only_where_the_default_server_looks_at_the_handshake() {
    let servers = |first: &str, second: &str| {
        format!(
            "server {{ listen 443; {first} return one; }}
             server {{ listen 443; server_name a.test; {second} return two; }}"
        )
    };
    assert_eq!(goes(&servers("ssl_preread on;", ""), "a.test"), "return two");
    assert_eq!(goes(&servers("", "ssl_preread on;"), "a.test"), "return one");
}

#[test]
fn set_and_deny_are_those_of_the_default_server() {
    let servers = "server { listen 443; ssl_preread on; set $who default; return $who; }
                   server { listen 443; server_name a.test; set $who named; deny all; return $who; }";
    assert_eq!(goes(servers, "a.test"), "return default");
    let servers = "server { listen 443; ssl_preread on; deny all; return x; }
                   server { listen 443; server_name a.test; allow all; return y; }";
    assert_eq!(goes(servers, "a.test"), "close: access forbidden by rule");
}

#[test]
fn name_that_is_asked_for_too_early_stays_empty() {
    let server = "server { listen 443; ssl_preread on; set $early $ssl_preread_server_name;
                  return \"<$early> <$ssl_preread_server_name>\"; }";
    assert_eq!(goes(server, "a.test"), "return <> <>");
    let volatile = |word: &str| {
        format!(
            "map $server_port$protocol $m {{ {word} default $remote_addr; }}
             server {{ listen 443; ssl_preread on; set $early $m; return $m; }}"
        )
    };
    assert_eq!(goes(&volatile("volatile;"), "a.test"), "return 198.51.100.7");
}

#[test]
fn map_without_default_closes_whoever_it_does_not_know() {
    let stream = "map $ssl_preread_server_name $to { a.test 10.0.0.1:1; }
                  server { listen 443; ssl_preread on; proxy_pass $to; }";
    assert_eq!(goes(stream, "b.test"), "close: no host in upstream \"\"");
}

#[test]
fn name_is_compared_in_any_case_but_kept_as_it_was_sent() {
    let stream = "map $ssl_preread_server_name $to { a.test known; ~^A upper; default other; }
                  server { listen 443; ssl_preread on; return \"$to $ssl_preread_server_name\"; }";
    assert_eq!(goes(stream, "A.TEST"), "return known A.TEST");
    assert_eq!(goes(stream, "A.org"), "return upper A.org");
    assert_eq!(goes(stream, "a.org"), "return other a.org");
}

#[test]
fn name_of_an_upstream_in_a_variable_must_have_no_port() {
    let stream = |to: &str| {
        format!(
            "upstream app {{ server 10.0.0.1:1; }} map $protocol $to {{ default {to}; }}
             server {{ listen 443; proxy_pass $to; }}"
        )
    };
    assert_eq!(goes(&stream("app"), "a"), "proxy app");
    assert_eq!(goes(&stream("app:80"), "a"), "close: no resolver defined to resolve app");
    assert_eq!(goes(&stream("nobody"), "a"), "close: no port in upstream \"nobody\"");
    assert_eq!(goes(&stream("10.0.0.1"), "a"), "close: no port in upstream \"10.0.0.1\"");
    assert_eq!(goes(&stream("http://app/"), "a"), "close: invalid host in upstream \"http://app/\"");
}

#[test]
fn upstream_with_nobody_up_closes() {
    let stream = "upstream app { server 10.0.0.1:1 down; } server { listen 443; proxy_pass app; }";
    assert_eq!(goes(stream, "a"), "close: no live upstreams while connecting to upstream");
}

#[test]
fn tls_socket_answers_a_handshake_of_any_name_with_the_default_server_unless_it_rejects() {
    let stream = "server { listen 443 ssl; ssl_reject_handshake on; return no; }
                  server { listen 443 ssl; server_name a.test; return yes; }";
    assert_eq!(goes(stream, "a.test"), "return yes");
    assert_eq!(goes(stream, "b.test"), "close: handshake rejected while SSL handshaking");
    let plain = Connection::parse("tcp://127.0.0.1:443").unwrap();
    assert_eq!(brief(&asked(stream, &plain)), "close: no TLS handshake comes while SSL handshaking");
}

#[test]
fn ssl_alpn_refuses_who_offers_only_other_protocols() {
    let stream = "server { listen 443 ssl; ssl_alpn h2 xmpp-client; return yes; }";
    let offering = |protocols: &[&str]| {
        let mut connection = tls("a");
        connection.hello.as_mut().unwrap().alpn =
            protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        brief(&asked(stream, &connection))
    };
    assert_eq!(offering(&["http/1.1", "h2"]), "return yes");
    assert_eq!(offering(&[]), "return yes");
    assert_eq!(offering(&["http/1.1"]), "close: no application protocol while SSL handshaking");
}

#[test]
fn pass_takes_a_connection_to_another_socket_and_gives_up_after_ten() {
    let stream = "server { listen 443; ssl_preread on; pass 127.0.0.1:1443; }
                  server { listen 127.0.0.1:1443; return $server_port; }";
    assert_eq!(goes(stream, "a"), "return 1443");
    let stream = "server { listen 443; pass 127.0.0.1:443; }";
    assert_eq!(goes(stream, "a"), "close: stream pass cycle");
    let stream = "server { listen 443; pass 127.0.0.1:444; }";
    assert_eq!(goes(stream, "a"), "close: port not found for \"127.0.0.1:444\"");
    let both = config(
        "http { server { listen 127.0.0.1:8443; } } stream { server { listen 443; pass 127.0.0.1:8443; } }",
    );
    let route = StreamRouter::new(&both).route(&tls("a"));
    assert!(matches!(route.outcome, StreamOutcome::Handed { server: Some(_), .. }));
}

#[test]
fn proxy_protocol_header_names_the_client_only_for_trusted_peers() {
    let stream = |trusted: &str| {
        format!(
            "server {{ listen 443 proxy_protocol; set_real_ip_from {trusted}; deny 10.0.0.0/8;
             return \"$remote_addr $proxy_protocol_addr\"; }}"
        )
    };
    let from = Preface::Of {
        source: "10.1.2.3:4711".parse().unwrap(),
        destination: "10.0.0.1:443".parse().unwrap(),
    };
    let connection = |preface| Connection { preface, ..tls("a") };
    let trusted = stream("198.51.100.0/24");
    assert_eq!(brief(&asked(&trusted, &connection(from))), "close: access forbidden by rule");
    let distrusted = stream("192.0.2.1");
    assert_eq!(brief(&asked(&distrusted, &connection(from))), "return 198.51.100.7 10.1.2.3");
    let missing = asked(&trusted, &connection(Preface::Absent));
    assert_eq!(brief(&missing), "close: broken header while reading PROXY protocol");
}

#[test]
fn tcp_and_udp_are_two_sockets() {
    let stream = "server { listen 53 udp; return udp; } server { listen 53; return tcp; }";
    let route = |url: &str| brief(&asked(stream, &Connection::parse(url).unwrap()));
    assert_eq!(route("udp://127.0.0.1:53"), "return udp");
    assert_eq!(route("tcp://127.0.0.1:53"), "return tcp");
    assert_eq!(route("udp://*:54"), "close: no server of stream listens on port 54 for UDP");
}

#[test]
fn what_nobody_has_told_is_said() {
    let stream = "server { listen 443; deny 10.0.0.0/8; return x; }";
    let untold = Connection::parse("tls://a:443").unwrap();
    assert_eq!(brief(&asked(stream, &untold)), "return x [client-address]");
    let stream = "server { listen 443; js_preread main.check; return x; }";
    assert_eq!(goes(stream, "a"), "return x [module:njs]");
    let stream = "server { listen 443; return $msec; }";
    assert_eq!(goes(stream, "a"), "return $msec [time]");
}

#[test]
fn limits_are_told_and_change_nothing() {
    let stream = "limit_conn_zone $binary_remote_addr zone=per:1m;
                  server { listen 443; limit_conn per 2; return x; }";
    let route = asked(stream, &tls("a"));
    assert_eq!(brief(&route), "return x");
    let limit = &route.limits[0];
    assert_eq!(
        (limit.zone.as_str(), &limit.key[..], limit.allows.as_str()),
        ("per", &b"$binary_remote_addr"[..], "2")
    );
    assert_eq!(limit.value.as_deref(), Some(&[198, 51, 100, 7][..]));
}

fn differs(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let [old, new] = [old, new].map(|stream| config(&format!("stream {{ {stream} }}")));
    let (changes, incomplete) = stream_diff(&old, &new, &mut Budget(1_000_000));
    let [one, two] = [&old, &new].map(StreamRouter::new);
    for change in &changes {
        assert_eq!(
            (one.route(&change.witness), two.route(&change.witness)),
            (change.old.clone(), change.new.clone())
        );
    }
    let told =
        |change: &StreamChange| format!("{}: {} -> {}", change.class, brief(&change.old), brief(&change.new));
    (changes.iter().map(told).collect(), incomplete)
}

const ROUTED: &str = "server { listen 443; ssl_preread on; proxy_pass $to; }";

fn routed(lines: &str) -> String {
    format!("map $ssl_preread_server_name $to {{ hostnames; {lines} }} {ROUTED}")
}

#[test]
fn line_of_a_map_that_changes_is_one_class() {
    let (changes, incomplete) = differs(
        &routed("a.test 10.0.0.1:1; *.b.test 10.0.0.2:2; default 10.0.0.3:3;"),
        &routed("a.test 10.0.0.9:1; *.b.test 10.0.0.2:2; default 10.0.0.3:3;"),
    );
    assert_eq!(changes, ["tls a.test on 0.0.0.0:443: proxy 10.0.0.1:1 -> proxy 10.0.0.9:1"]);
    assert!(incomplete.is_empty(), "{incomplete:?}");
}

#[test]
fn other_words_for_the_same_change_nothing() {
    let old = routed("a.test 10.0.0.1:1; b.test 10.0.0.2:2; .c.test 10.0.0.4:4; default 10.0.0.3:3;");
    let new = routed(
        r"default 10.0.0.3:3; b.test 10.0.0.2:2; ~^a\.test$ 10.0.0.1:1; c.test 10.0.0.4:4; *.c.test 10.0.0.4:4;",
    );
    assert_eq!(differs(&old, &new), (Vec::new(), Vec::new()));
}

#[test]
fn wildcard_that_is_added_takes_names_that_nobody_has_written_down() {
    let (changes, incomplete) =
        differs(&routed("default 10.0.0.3:3;"), &routed("*.b.test 10.0.0.2:2; default 10.0.0.3:3;"));
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(changes[0].starts_with("tls names such as ") && changes[0].contains(".b.test on"), "{changes:?}");
    assert!(incomplete.is_empty(), "{incomplete:?}");
    let (changes, _) = differs(
        "server { listen 443; ssl_preread on; return one; }",
        "server { listen 443; ssl_preread on; return one; }
         server { listen 443; server_name *.a.test ~^x; return two; }",
    );
    assert_eq!(changes.len(), 1, "{changes:?}");
}

#[test]
fn name_that_is_passed_on_is_the_same_for_every_name_or_told() {
    let old =
        "server { listen 443; ssl_preread on; resolver 10.0.0.1; proxy_pass $ssl_preread_server_name:443; }";
    assert_eq!(differs(old, old), (Vec::new(), Vec::new()));
    let new = old.replace(":443;", ":444;");
    let (changes, _) = differs(old, &new);
    assert!(!changes.is_empty());
}

#[test]
fn client_that_is_denied_is_found_at_the_border_of_a_network() {
    let stream = |deny: &str| format!("server {{ listen 443; deny {deny}; return x; }}");
    let (changes, incomplete) = differs(&stream("10.0.0.0/8"), &stream("10.0.0.0/9"));
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(changes[0].ends_with("close: access forbidden by rule -> return x"), "{changes:?}");
    assert!(incomplete.is_empty(), "{incomplete:?}");
}

#[test]
fn clients_that_are_asked_the_same_are_one_cell() {
    let stream = |to: &str| {
        format!(
            "map $ssl_preread_server_name $to {{ a.test {to}; default 10.0.0.3:3; }} {ROUTED}
             server {{ listen 53 udp; allow 10.0.0.0/8; deny all; return x; }}"
        )
    };
    let (changes, _) = differs(&stream("10.0.0.1:1"), &stream("10.0.0.9:1"));
    assert_eq!(changes, ["tls a.test on 0.0.0.0:443: proxy 10.0.0.1:1 -> proxy 10.0.0.9:1"]);
}

#[test]
fn protocols_and_versions_are_turned_round_too() {
    let stream = |h2: &str, old: &str| {
        format!(
            "map $ssl_preread_alpn_protocols $to {{ ~\\bh2\\b {h2}; default 10.0.0.1:1; }}
             map $ssl_preread_protocol $by {{ TLSv1.2 {old}; default $to; }}
             server {{ listen 443; ssl_preread on; proxy_pass $by; }}"
        )
    };
    let (changes, incomplete) =
        differs(&stream("10.0.0.2:2", "10.0.0.3:3"), &stream("10.0.0.9:2", "10.0.0.3:3"));
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(incomplete.is_empty(), "{incomplete:?}");
    let (changes, _) = differs(&stream("10.0.0.2:2", "10.0.0.3:3"), &stream("10.0.0.2:2", "10.0.0.9:3"));
    assert_eq!(changes.len(), 1, "{changes:?}");
}

#[test]
fn socket_that_is_gone_changes_everything_on_it() {
    let both = "server { listen 443; return x; } server { listen 53 udp; return y; }";
    let (changes, _) = differs(both, "server { listen 443; return x; }");
    assert_eq!(
        changes,
        ["udp on 0.0.0.0:53: return y -> close: no server of stream listens on 192.0.2.10:53 for UDP"]
    );
}

#[test]
fn thousand_names_are_compared_soon() {
    let lines = |port: u16| {
        let lines =
            (0..1_000).map(|name| format!("n{name}.test 10.0.0.1:{};", if name == 500 { port } else { 1 }));
        routed(&lines.collect::<String>())
    };
    let (changes, incomplete) = differs(&lines(1), &lines(2));
    assert_eq!(changes, ["tls n500.test on 0.0.0.0:443: proxy 10.0.0.1:1 -> proxy 10.0.0.1:2"]);
    assert!(incomplete.is_empty(), "{incomplete:?}");
}
