use crate::Fact::{Any, Check, Not, Session, SessionWithoutServer};
use crate::evidence::ChangeKind::{Application, Edit, Firewall, Release};
use crate::row::Shape::{Class, Status as Got};
use crate::row::{PLAIN, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "balancer-check-outdated",
        says: "the balancer's check asks for something that no longer answers as it wants, and takes every server out",
        seen: &[Got(503)],
        shows: &[Session("SC--", 503), Check("L7STS")],
        changes: &[Application, Release, Edit],
        check: "the request of the check, by hand, with its Host",
        fix: "let the check ask for what is there",
        ..PLAIN
    },
    Row {
        id: "balancer-check-tls-apart",
        says: "the balancer checks its servers by TLS and they do not speak it, or the other way round",
        seen: &[Got(503)],
        shows: &[Session("SC--", 503), Any(&[Check("L6RSP"), Check("L6TOUT")])],
        changes: &[Release, Edit],
        check: "ssl and check-ssl of the server lines",
        fix: "let both speak the same",
        ..PLAIN
    },
    Row {
        id: "balancer-server-refuses",
        says: "the servers behind the balancer refuse connections",
        seen: &[Got(503)],
        shows: &[Session("SC--", 503), Any(&[Check("L4CON"), Not(&SessionWithoutServer)])],
        changes: &[Application, Release, Edit, Firewall],
        check: "the port of the servers: ss -ltn on them",
        fix: "start what listens there, or mend the port",
        ..PLAIN
    },
    Row {
        id: "balancer-has-no-server",
        says: "the balancer has no server left for the backend",
        seen: &[Got(503)],
        shows: &[Session("SC--", 503), SessionWithoutServer],
        excludes: &[Check("L4CON"), Check("L7STS"), Check("L6RSP"), Check("L6TOUT")],
        changes: &[Release, Edit],
        check: "show stat: the state and the last check of each server",
        fix: "mend the checks, or put servers back",
        ..PLAIN
    },
    Row {
        id: "balancer-connect-times-out",
        says: "the servers behind the balancer do not answer connections: something drops them",
        seen: &[Got(503)],
        shows: &[Session("sC--", 503)],
        changes: &[Firewall],
        check: "the firewall between them",
        fix: "accept the balancer there",
        ..PLAIN
    },
    Row {
        id: "balancer-server-slow",
        says: "the servers behind the balancer do not answer within its time-out",
        seen: &[Got(504)],
        shows: &[Session("sH--", 504)],
        changes: &[Application, Release],
        check: "the servers, asked without the balancer",
        fix: "mend the servers; timeout server only hides it",
        ..PLAIN
    },
    Row {
        id: "balancer-server-closes",
        says: "the servers behind the balancer close the connection before they answer",
        seen: &[Got(502)],
        shows: &[Session("SH--", 502)],
        changes: &[Application],
        check: "the log of the server",
        fix: "mend the crash",
        ..PLAIN
    },
    Row {
        id: "balancer-answer-invalid",
        says: "the balancer does not take the answer of its servers: invalid, or larger than its buffer",
        seen: &[Got(502), Got(500)],
        shows: &[Any(&[Session("PH--", 502), Session("PH--", 500)])],
        changes: &[Application, Release],
        check: "show errors on the socket of the balancer",
        fix: "mend the header; tune.bufsize",
        ..PLAIN
    },
    Row {
        id: "balancer-queue-full",
        says: "requests wait in the balancer longer than its time-out: maxconn of the servers is reached",
        seen: &[Got(503)],
        shows: &[Session("sQ--", 503)],
        changes: &[Application, Release],
        check: "show stat: qcur and scur of the servers",
        fix: "more servers or a larger maxconn",
        ..PLAIN
    },
    Row {
        id: "balancer-answer-cut",
        says: "the servers behind the balancer end or stall in the middle of their answer",
        seen: &[Class("truncated"), Class("slow"), Class("content")],
        shows: &[Any(&[Session("SD--", 200), Session("sD--", 200)])],
        changes: &[Application],
        check: "the log of the server",
        fix: "mend the server",
        ..PLAIN
    },
    Row {
        id: "balancer-refuses-request",
        says: "the balancer itself refuses the request: it is none, or a rule denies it",
        seen: &[Got(400), Got(403), Got(408)],
        shows: &[Any(&[Session("PR--", 400), Session("PR--", 403), Session("cR--", 408)])],
        changes: &[Release, Edit],
        check: "http-request deny rules; the request itself",
        fix: "mend the rule or the client",
        ..PLAIN
    },
];
