//! The table: what is asked, and the class that the answer must have.

use evenkeel_fleet::watch::{Answer, CertificateFault, Failure};
use evenkeel_host::probe::dns::{Dns, Family};
use evenkeel_host::probe::http::{Expect, Http};
use evenkeel_host::probe::tcp::Tcp;
use evenkeel_host::probe::tls::{Tls, Version};
use evenkeel_host::probe::{Ask, Limits, Spec};

/// A case: its name, the question, and the answer in the words of [`told`].
pub(crate) type Row = (String, Spec, &'static str);

/// An answer as the table writes it: its class, then its evidence.
pub(crate) fn told(answer: &Answer) -> String {
    let Answer::Down(failure) = answer else { return "up".to_owned() };
    let class = failure.class();
    match failure {
        Failure::Rejected(icmp) | Failure::Unreachable(icmp) => {
            format!("{class} {}/{} {}", icmp.kind, icmp.code, icmp.from)
        }
        Failure::TlsAlert(number) => format!("{class} {number}"),
        Failure::Status(status) => format!("{class} {status}"),
        Failure::Dns(fault) => format!("{class} {fault:?}"),
        Failure::Certificate(fault) => format!(
            "{class} {}",
            match fault {
                CertificateFault::Expired(_) => "expired",
                CertificateFault::NotYetValid(_) => "not yet",
                CertificateFault::OtherName(_) => "other name",
                CertificateFault::UnknownIssuer => "unknown issuer",
                CertificateFault::SelfSigned => "self-signed",
                CertificateFault::Other(_) => "other",
            }
        ),
        _ => class.to_owned(),
    }
}

/// Silence is waited for this long where nothing else is to come.
const SILENCE: Limits = Limits { connect_ms: 1_500, whole_ms: 2_500 };

fn spec(target: &str, ask: Ask, limits: Limits) -> Spec {
    Spec { target: target.parse().unwrap(), ask, limits, proxy_protocol: false }
}

/// Whether a connection can be made.
const TRANSPORT: &[(&str, &str, &str)] = &[
    ("a listener", "10.0.0.2:1000", "up"),
    ("a listener", "[fd00::2]:1000", "up"),
    ("no listener", "10.0.0.2:1001", "refused"),
    ("no listener", "[fd00::2]:1001", "refused"),
    ("a listener on loopback only", "10.0.0.2:1002", "refused"),
    ("a listener on IPv4", "10.0.0.2:1003", "up"),
    ("a listener on IPv4 only", "[fd00::2]:1003", "refused"),
    ("reject with tcp reset", "10.0.0.2:1010", "refused"),
    ("reject with tcp reset", "[fd00::2]:1010", "refused"),
    ("reject", "10.0.0.2:1011", "rejected 3/3 10.0.0.2"),
    ("reject", "[fd00::2]:1011", "rejected 1/4 fd00::2"),
    ("admin-prohibited", "10.0.0.2:1012", "rejected 3/13 10.0.0.2"),
    ("admin-prohibited", "[fd00::2]:1012", "rejected 1/1 fd00::2"),
    ("host-prohibited", "10.0.0.2:1013", "rejected 3/10 10.0.0.2"),
    ("policy-fail", "[fd00::2]:1013", "rejected 1/5 fd00::2"),
    ("net-prohibited", "10.0.0.2:1014", "rejected 3/9 10.0.0.2"),
    ("reject-route", "[fd00::2]:1014", "rejected 1/6 fd00::2"),
    ("net-unreachable", "10.0.0.2:1015", "unreachable 3/0 10.0.0.2"),
    ("no-route", "[fd00::2]:1015", "unreachable 1/0 fd00::2"),
    ("host-unreachable", "10.0.0.2:1016", "unreachable 3/1 10.0.0.2"),
    ("addr-unreachable", "[fd00::2]:1016", "unreachable 1/3 fd00::2"),
    ("prot-unreachable", "10.0.0.2:1017", "rejected 3/2 10.0.0.2"),
    ("drop on input", "10.0.0.2:1020", "filtered"),
    ("drop on input", "[fd00::2]:1020", "filtered"),
    ("the target's own output drop", "10.0.0.2:1021", "filtered"),
    ("the target's own output drop", "[fd00::2]:1021", "filtered"),
    ("the prober's own output drop", "10.0.0.2:1022", "filtered"),
    ("the prober's own output reject", "10.0.0.2:1023", "own-side"),
    ("the prober's own output reject", "[fd00::2]:1023", "own-side"),
    ("a full accept queue", "10.0.0.2:1024", "filtered"),
    ("beyond a rate limit", "10.0.0.2:1025", "filtered"),
    ("beyond ct count, reset", "10.0.0.2:1026", "refused"),
    ("a stateful hole, as far as a connection goes", "10.0.0.2:1027", "up"),
    ("no route from the prober", "203.0.113.1:80", "own-side"),
    ("no route from the prober", "[2001:db8::1]:80", "own-side"),
    ("a router: unreachable", "10.0.9.2:80", "unreachable 3/1 10.0.1.2"),
    ("a router: unreachable", "[fd09::2]:80", "unreachable 1/0 fd01::2"),
    ("a router: prohibited", "10.0.8.2:80", "rejected 3/13 10.0.1.2"),
    ("a router: prohibited", "[fd08::2]:80", "rejected 1/1 fd01::2"),
    ("a router without a route", "10.0.7.2:80", "unreachable 3/0 10.0.1.2"),
    ("a router without a route", "[fd07::2]:80", "unreachable 1/0 fd01::2"),
    ("a router that drops", "10.0.6.2:80", "filtered"),
];

/// Needs three seconds of silence on a link.
const ABSENT: &[(&str, &str, &str)] = &[
    ("a host that is not there", "10.0.0.77:80", "host-down"),
    ("a host that is not there", "[fd00::77]:80", "host-down"),
    ("a host that is not there, behind a router", "10.0.5.77:80", "unreachable 3/1 10.0.1.2"),
    ("a host that is not there, behind a router", "[fd05::77]:80", "unreachable 1/3 fd01::2"),
];

/// What is asked by HTTP without TLS: the path and the answer.
const PLAIN: &[(&str, &str, &str)] = &[
    ("welcome", "10.0.0.2:2001/", "up"),
    ("welcome", "[fd00::2]:2001/", "up"),
    ("return 502", "10.0.0.2:2001/502", "status 502"),
    ("return 444", "10.0.0.2:2001/444", "closed-empty"),
    ("a redirect is not followed", "10.0.0.2:2001/moved", "up"),
    ("plain HTTP to a TLS port", "10.0.0.2:2002/", "status 400"),
    ("a stateful hole", "10.0.0.2:1027/", "silent"),
    ("no listener", "10.0.0.2:1001/", "refused"),
    ("silent", "10.0.0.2:3001/", "silent"),
    ("truncated", "10.0.0.2:3002/", "truncated"),
    ("a byte now and then", "10.0.0.2:3003/", "slow"),
    ("reset", "10.0.0.2:3004/", "reset"),
    ("another protocol", "10.0.0.2:3005/", "not-http"),
    ("endless headers", "10.0.0.2:3006/", "not-http"),
    ("an endless body is cut", "10.0.0.2:3007/", "up"),
    ("a connection that is never read", "10.0.0.2:3008/", "silent"),
    ("endless garbage", "10.0.0.2:3012/", "not-http"),
    ("chunks that are none", "10.0.0.2:3013/", "not-http"),
];

/// What is asked over TLS: the port, the name, and the answer.
const TLS: &[(&str, u16, &str, &str)] = &[
    ("good", 2_002, "shop.test", "up"),
    ("another name", 2_002, "bank.test", "certificate other name"),
    ("an address that is no name of it", 2_002, "10.0.0.2", "certificate other name"),
    ("expired", 2_003, "shop.test", "certificate expired"),
    ("not yet valid", 2_004, "shop.test", "certificate not yet"),
    ("self-signed", 2_005, "shop.test", "certificate self-signed"),
    ("unknown authority", 2_006, "shop.test", "certificate unknown issuer"),
    ("ssl_reject_handshake", 2_007, "shop.test", "tls-alert 112"),
    ("no common cipher", 2_009, "shop.test", "tls-alert 40"),
    ("TLS to a plain port", 2_001, "shop.test", "not-tls"),
    ("TLS to another protocol", 3_005, "shop.test", "not-tls"),
    ("TLS, and silence", 3_001, "shop.test", "silent"),
    ("TLS, and a byte now and then", 3_011, "shop.test", "slow"),
    ("TLS, and closed", 3_014, "shop.test", "closed-empty"),
    ("a chain without end", 3_009, "shop.test", "tls"),
    ("a record that is none", 3_010, "shop.test", "tls"),
    ("TLS to endless garbage", 3_012, "shop.test", "not-tls"),
    ("TLS to a rejecting firewall", 1_012, "shop.test", "rejected 3/13 10.0.0.2"),
];

/// Names asked of the server on the port.
const NAMES: &[(&str, u16, &str)] = &[
    ("ok.test", 5_301, "up"),
    ("big.test", 5_301, "up"),
    ("nx.test", 5_301, "dns NoSuchName"),
    ("empty.test", 5_301, "dns NoAddress"),
    ("fail.test", 5_301, "dns ServerFailed"),
    ("refused.test", 5_301, "dns Refused"),
    ("silent.test", 5_301, "dns TimedOut"),
    ("garbage.test", 5_301, "dns TimedOut"),
    ("other.test", 5_301, "dns TimedOut"),
    ("closed.test", 5_399, "refused"),
    ("rejected.test", 5_398, "rejected 3/13 10.0.0.2"),
    ("dropped.test", 5_397, "dns TimedOut"),
];

/// All of it; `ca` is the authority that is trusted.
pub(crate) fn all(ca: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (name, target, want) in TRANSPORT {
        rows.push((format!("{name}, {target}"), spec(target, Ask::Tcp(Tcp {}), SILENCE), want));
    }
    for (name, target, want) in ABSENT {
        // Three seconds of silence on the link, and room for a busy machine.
        let limits = Limits { connect_ms: 8_000, whole_ms: 10_000 };
        rows.push((format!("{name}, {target}"), spec(target, Ask::Tcp(Tcp {}), limits), want));
    }
    for (name, target, want) in PLAIN {
        let (address, path) = target.split_once('/').unwrap();
        let http = Http::get(&format!("http://shop.test/{path}")).unwrap();
        rows.push((format!("http: {name}, {target}"), spec(address, Ask::Http(http), SILENCE), want));
    }
    rows.extend(contents());
    for (name, port, host, want) in TLS {
        let tls = Tls { ca: Some(ca.to_owned()), ..Tls::new(host) };
        let target = format!("10.0.0.2:{port}");
        let limits = if want.starts_with("s") { SILENCE } else { Limits::default() };
        rows.push((format!("tls: {name}, {port}"), spec(&target, Ask::Tls(tls), limits), want));
    }
    let old = Tls { ca: Some(ca.to_owned()), version: Some(Version::Tls12), ..Tls::new("shop.test") };
    rows.push((
        "tls: only 1.3 there, only 1.2 here".to_owned(),
        spec("10.0.0.2:2008", Ask::Tls(old), Limits::default()),
        "tls-alert 70",
    ));
    let lax = Tls { ca: Some(ca.to_owned()), verify: false, ..Tls::new("bank.test") };
    rows.push((
        "tls: expired, and not verified".to_owned(),
        spec("10.0.0.2:2003", Ask::Tls(lax), Limits::default()),
        "up",
    ));
    for (name, target, want) in [
        ("good", "10.0.0.2:2002", "up"),
        ("good", "[fd00::2]:2002", "up"),
        ("expired", "10.0.0.2:2003", "certificate expired"),
        ("a client certificate is asked for", "10.0.0.2:2010", "status 400"),
        ("https to a plain port", "10.0.0.2:2001", "not-tls"),
    ] {
        let mut http = Http::get("https://shop.test/").unwrap();
        http.request.tls = Some(Tls { ca: Some(ca.to_owned()), ..Tls::new("shop.test") });
        rows.push((
            format!("https: {name}, {target}"),
            spec(target, Ask::Http(http), Limits::default()),
            want,
        ));
    }
    for (name, port, want) in NAMES {
        let dns = Dns { name: (*name).to_owned(), family: Family::Ipv4, expect: Vec::new() };
        rows.push((format!("dns: {name}"), spec(&format!("10.0.0.2:{port}"), Ask::Dns(dns), SILENCE), want));
    }
    for (address, want) in [("10.0.0.9", "up"), ("10.0.0.8", "dns OtherAddresses([10.0.0.9])")] {
        let expect = vec![address.parse().unwrap()];
        let dns = Dns { name: "ok.test".to_owned(), family: Family::Ipv4, expect };
        rows.push((format!("dns: must be {address}"), spec("10.0.0.2:5301", Ask::Dns(dns), SILENCE), want));
    }
    rows
}

fn contents() -> Vec<Row> {
    let texts = |text: &str| vec![text.to_owned()];
    let header = |value: &str| vec![("X-App".to_owned(), value.to_owned())];
    let cases = [
        ("/", Expect { contains: texts("welcome"), ..Expect::default() }, "up"),
        ("/", Expect { contains: texts("goodbye"), ..Expect::default() }, "content"),
        ("/", Expect { lacks: texts("welcome"), ..Expect::default() }, "content"),
        ("/", Expect { headers: header("shop"), ..Expect::default() }, "up"),
        ("/", Expect { headers: header("bank"), ..Expect::default() }, "content"),
        ("/moved", Expect { status: vec![200], ..Expect::default() }, "status 301"),
        ("/502", Expect { status: vec![502], ..Expect::default() }, "up"),
    ];
    let mut rows: Vec<Row> = Vec::new();
    for (path, expect, want) in cases {
        let name = format!("contents: {path}, {expect:?}");
        let http = Http { expect, ..Http::get(&format!("http://shop.test{path}")).unwrap() };
        rows.push((name, spec("10.0.0.2:2001", Ask::Http(http), Limits::default()), want));
    }
    let expect = Expect { contains: texts("for 10.0.0.1"), ..Expect::default() };
    let http = Http { expect, ..Http::get("http://shop.test/").unwrap() };
    let mut proxied = spec("10.0.0.2:2011", Ask::Http(http), Limits::default());
    proxied.proxy_protocol = true;
    rows.push(("PROXY protocol".to_owned(), proxied, "up"));
    rows
}
