//! The table over evidence as real parts give it: failure classes of probes, lines as nginx and HAProxy wrote them.

mod double;
mod healthy;
mod misled;
mod one;

use std::net::{IpAddr, SocketAddr};

use evenkeel_diagnosis::evidence::{
    Certificate, Change, ChangeKind, Direct, Firewall, Listening, Nginx, Seen, Session, Verdict,
};
use evenkeel_diagnosis::{Confidence, Diagnosis, Evidence, diagnose};
use evenkeel_fleet::Timestamp;
use evenkeel_fleet::watch::{Failure, Icmp};
use evenkeel_model::ErrorLine;

/// Where users ask.
pub(crate) fn site() -> SocketAddr {
    "192.0.2.10:443".parse().unwrap()
}

/// One probe that fails in this way.
pub(crate) fn failing(failure: Failure) -> Evidence {
    Evidence { samples: vec![seen("one", site(), Some(failure))], ..Evidence::default() }
}

pub(crate) fn well() -> Evidence {
    Evidence { samples: vec![seen("one", site(), None)], ..Evidence::default() }
}

pub(crate) fn seen(vantage: &str, at: SocketAddr, failure: Option<Failure>) -> Seen {
    Seen {
        vantage: vantage.to_owned(),
        host: String::from("web-1"),
        address: Some(at),
        url: String::from("https://shop.test/cart"),
        failure,
        redirect: None,
        reply: None,
        took_ms: 3,
    }
}

pub(crate) fn icmp(code: u8) -> Icmp {
    Icmp { kind: 3, code, from: site().ip() }
}

/// Adds lines of an error log, in the order in which they stand; a second passes between two.
pub(crate) fn log(evidence: &mut Evidence, lines: &[&str]) {
    evidence.lines.get_or_insert_default();
    for line in lines {
        let whole = format!("2026/11/21 09:37:36 {line}");
        let line = ErrorLine::read(whole.as_bytes()).unwrap_or_else(|| panic!("no line: {whole}"));
        let second = u64::try_from(evidence.lines.as_ref().unwrap().len()).unwrap();
        evidence.note_line(&line, at(second));
    }
}

/// `[error]` of a request to the shop, at this upstream.
pub(crate) fn upstream(message: &str) -> String {
    format!(
        "[error] 12#12: *7 {message}, client: 198.51.100.7, server: shop.test, request: \"GET /cart HTTP/1.1\", upstream: \
         \"http://10.0.0.5:9000/cart\", host: \"shop.test\""
    )
}

pub(crate) fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(1_795_253_856_000 + second * 1_000)
}

pub(crate) fn direct(failure: Option<Failure>) -> Option<Vec<Direct>> {
    Some(vec![Direct {
        at: String::from("http://10.0.0.5:9000"),
        configured: true,
        because: None,
        failure,
        answers_all: false,
        took_ms: 2,
    }])
}

pub(crate) fn nginx(runs: bool) -> Option<Nginx> {
    Some(Nginx { runs, generations: usize::from(runs), ..Nginx::default() })
}

pub(crate) fn listens(all: &[(&str, &str)]) -> Option<Vec<Listening>> {
    let socket = |(at, program): &(&str, &str)| Listening {
        at: at.parse().unwrap(),
        program: Some((*program).to_owned()),
        full: Some(false),
    };
    Some(all.iter().map(socket).collect())
}

pub(crate) fn firewall(to: &str, verdict: Verdict) -> Option<Vec<Firewall>> {
    Some(vec![Firewall { host: String::from("app-1"), to: to.parse().unwrap(), verdict }])
}

pub(crate) fn blocked() -> Verdict {
    Verdict::Blocked { rule: String::from("inet filter input policy drop"), rejects: false }
}

pub(crate) fn change(kind: ChangeKind, second: u64) -> Change {
    Change {
        at: at(second),
        kind,
        what: String::from("what was changed"),
        author: None,
        meaning: Vec::new(),
        touches: Vec::new(),
        rollback: Some(String::from("evenkeel rollback")),
    }
}

pub(crate) fn certificate(disk: &str, disk_until: u64) -> Option<Vec<Certificate>> {
    Some(vec![Certificate {
        name: String::from("shop.test"),
        served: String::from("01"),
        served_until: Some(at(0)),
        disk: Some(disk.to_owned()),
        disk_until: Some(at(disk_until)),
        path: Some(String::from("/etc/ssl/shop.pem")),
    }])
}

pub(crate) fn session(
    code: &str,
    status: u16,
    server: Option<&str>,
    check: Option<&str>,
) -> Option<Vec<Session>> {
    Some(vec![Session {
        code: code.to_owned(),
        status,
        server: server.map(str::to_owned),
        check: check.map(str::to_owned),
        count: 7,
    }])
}

/// Expects this cause first, and confidently.
pub(crate) fn is(evidence: &Evidence, cause: &str) -> Diagnosis {
    let diagnosis = diagnose(evidence);
    let first = diagnosis.first().unwrap_or_else(|| panic!("{cause}: no cause: {diagnosis:#?}"));
    assert_eq!((first.id, first.confidence), (cause, Confidence::Confident), "{diagnosis:#?}");
    diagnosis
}

pub(crate) fn v6() -> SocketAddr {
    SocketAddr::new(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 10]), 443)
}
