//! Health, with all the noise that it makes: no cause is named.

use evenkeel_diagnosis::evidence::{ChangeKind, Name, Origin, Routed, Verdict};
use evenkeel_diagnosis::{Evidence, diagnose};
use evenkeel_fleet::Span;

use crate::{
    at, blocked, certificate, change, direct, firewall, listens, log, nginx, seen, session, site, upstream,
    v6, well,
};

#[test]
fn health_has_no_cause_whatever_stands_in_its_logs() {
    let request =
        "client: 198.51.100.7, server: shop.test, request: \"GET /x HTTP/1.1\", host: \"shop.test\"";
    let line = |level: &str, message: &str| format!("[{level}] 12#12: *7 {message}, {request}");
    let with = |lines: &[String]| {
        let mut evidence = well();
        log(&mut evidence, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        evidence
    };
    let mut all: Vec<(&str, Evidence)> = vec![
        ("nothing but an answer", well()),
        (
            "a file that robots ask for",
            with(&[line("error", "open() \"/srv/favicon.ico\" failed (2: No such file or directory)")]),
        ),
        ("a scanner is refused", with(&[line("error", "access forbidden by rule")])),
        ("a client went away", with(&[line("info", "client prematurely closed connection")])),
        (
            "a worker was restarted by a reload",
            with(&[
                String::from("[notice] 1#1: signal 1 (SIGHUP) received from 9, reconfiguring"),
                String::from("[notice] 1#1: start worker process 44"),
            ]),
        ),
        (
            "one slow answer",
            with(&[upstream(
                "upstream timed out (110: Connection timed out) while reading response header from upstream",
            )]),
        ),
        (
            "the application was restarted once",
            with(&[upstream("connect() failed (111: Connection refused) while connecting to upstream")]),
        ),
        ("a wrong password", with(&[line("error", "user \"root\" was not found in \"/etc/nginx/users\"")])),
        ("somebody is limited", with(&[line("error", "limiting requests, excess: 5.040 by zone \"one\"")])),
        (
            "a large upload is refused",
            with(&[line("error", "client intended to send too large body: 20000000 bytes")]),
        ),
        (
            "a handshake of a scanner",
            with(&[line(
                "info",
                "SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking",
            )]),
        ),
        (
            "an answer was buffered to disk",
            with(&[line(
                "warn",
                "an upstream response is buffered to a temporary file /var/lib/nginx/proxy/1 while reading upstream",
            )]),
        ),
        (
            "an [emerg] that the next reload mended",
            with(&[
                String::from("[emerg] 1#1: unknown directive \"lissten\" in /etc/nginx/nginx.conf:3"),
                String::from("[notice] 1#1: signal 1 (SIGHUP) received from 9, reconfiguring"),
                String::from("[notice] 1#1: start worker process 44"),
            ]),
        ),
    ];
    let mut changed = well();
    changed.changes.push(change(ChangeKind::Release, 1));
    all.push(("a release a minute ago", changed));
    let mut loaded = well();
    loaded.nginx = nginx(true);
    let state = loaded.nginx.as_mut().unwrap();
    (state.config_changed, state.youngest_worker, state.disk) = (Some(at(10)), Some(at(90)), Some(Ok(())));
    state.generations = 2;
    let mut at_once = loaded.clone();
    let changed = at(90) + Span::from_millis(9);
    at_once.nginx.as_mut().unwrap().config_changed = Some(changed);
    all.push(("a reload right after its edit, by clocks that tick", at_once));
    all.push(("a reload just now, with old workers that end", loaded));
    let mut renewed = well();
    renewed.certificates = certificate("01", 9_000_000);
    all.push(("a certificate that is served as it lies on disk", renewed));
    let mut firewalled = well();
    firewalled.firewall = firewall("10.0.0.5:9000", blocked());
    firewalled.listening = listens(&[("0.0.0.0:443", "nginx"), ("127.0.0.1:5432", "postgres")]);
    all.push(("a firewall that is closed elsewhere", firewalled));
    let mut open = well();
    open.firewall = firewall(&site().to_string(), Verdict::Reachable);
    open.direct = direct(None);
    open.names = Some(vec![Name {
        name: String::from("app"),
        addresses: vec![String::from("10.0.0.5")],
        connected: vec![],
    }]);
    all.push(("everything was looked at", open));
    let mut two = well();
    two.samples.push(seen("two", v6(), None));
    two.route = Some(Routed { server: String::from("shop.test"), by_default: true, ..Routed::default() });
    all.push(("two vantages, both kinds of address, a default server", two));
    let mut balanced = well();
    balanced.balancer = session("----", 200, Some("web1"), Some("L7OK"));
    all.push(("a balancer whose sessions end well", balanced));
    let mut counted = Evidence::default();
    for _ in 0..1_000 {
        counted.note_answer("/", 200, Origin::Upstream(200), None);
    }
    for _ in 0..5 {
        counted.note_answer("/", 404, Origin::Nginx, None);
    }
    log(
        &mut counted,
        &[
            "[error] 12#12: *7 open() \"/srv/x\" failed (2: No such file or directory), client: 198.51.100.7, server: a, request: \"GET /x HTTP/1.1\"",
        ],
    );
    all.push(("five of a thousand ask for what is not there, and nobody probes", counted));
    assert!(all.len() >= 20);
    for (what, evidence) in all {
        let diagnosis = diagnose(&evidence);
        assert!(diagnosis.causes.is_empty() && !diagnosis.failing, "{what}: {diagnosis:#?}");
    }
}
