use evenkeel_model::Message::{
    AcceptFailed, ConnectionsExhausted, LimitedConnections, LimitedRequests, LocalBindFailed, RegexFailed, SocketFailed, WorkerKilled,
    WriteFailed, ZoneFull,
};

use crate::Fact::{All, Any, FewClients, Not, Said, SaidErrno, SaidInErrno, SaidWith, Status};
use crate::evidence::ChangeKind::{Application, Edit, Package, Release};
use crate::row::Shape::{Class, Status as Got};
use crate::row::{PLAIN, Row, Shape};
use evenkeel_model::LogPhase::ConnectingToUpstream;

const CONNECTIONS: &[Shape] =
    &[Class("reset"), Class("closed-empty"), Class("silent"), Class("slow"), Class("filtered"), Class("tls"), Class("truncated"), Got(500), Got(502)];

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "limit-key-is-balancer",
        says: "the limit of zone {1} counts by the address of the balancer: all clients share it",
        seen: &[Got(503), Got(429)],
        shows: &[Said(LimitedRequests), FewClients],
        changes: &[Release, Edit, crate::evidence::ChangeKind::Dns],
        check: "which addresses the access log has; set_real_ip_from against the addresses of the balancer",
        fix: "set_real_ip_from for every address of the balancer",
        ..PLAIN
    },
    Row {
        id: "requests-limited",
        says: "requests are over the limit of zone {1}",
        seen: &[Got(503), Got(429)],
        shows: &[Said(LimitedRequests)],
        settles: &[Not(&FewClients)],
        excludes: &[FewClients],
        changes: &[Release, Edit, Application],
        check: "how many requests an address sends, and whether many people share it",
        fix: "a larger rate or burst, or a key that tells people apart",
        ..PLAIN
    },
    Row {
        id: "connections-limited",
        says: "connections are over the limit of zone {0}",
        seen: &[Got(503), Got(429)],
        shows: &[Said(LimitedConnections)],
        changes: &[Release, Edit, Application],
        check: "limit_conn where the request goes",
        fix: "a larger number, or a key that tells people apart",
        ..PLAIN
    },
    Row {
        id: "proxy-bind-not-here",
        says: "proxy_bind names {0}, which this host does not have",
        seen: &[Got(500)],
        shows: &[SaidErrno(LocalBindFailed, &[99])],
        changes: &[Release, Edit],
        check: "ip address",
        fix: "name an address of the host, or drop proxy_bind",
        ..PLAIN
    },
    Row {
        id: "disk-full",
        says: "the disk is full: {0} cannot be written",
        seen: &[Got(500), Got(502), Class("truncated")],
        shows: &[SaidErrno(WriteFailed, &[28, 122])],
        check: "df, and df -i, for the directory of the file",
        fix: "free space; bodies and answers are buffered there",
        ..PLAIN
    },
    Row {
        id: "temp-directory-not-writable",
        says: "nginx may not write {0}",
        seen: &[Got(500), Got(502), Class("truncated")],
        shows: &[Any(&[
            SaidErrno(WriteFailed, &[13, 30, 2]),
            All(&[SaidErrno(evenkeel_model::Message::OpenFailed, &[2, 13, 30]), Status(500)]),
        ])],
        changes: &[Package, Release, Edit],
        check: "the owner of the directory against the user of the workers",
        fix: "give the directory to the user of the workers",
        ..PLAIN
    },
    Row {
        id: "regex-explodes",
        says: "matching the expression {2} takes more steps than the limit allows",
        seen: &[Got(500)],
        shows: &[Said(RegexFailed)],
        changes: &[Release, Edit],
        check: "repetitions within repetitions in the expression",
        fix: "write the expression without them",
        ..PLAIN
    },
    Row {
        id: "worker-connections-exhausted",
        says: "all worker_connections are taken ({0})",
        seen: CONNECTIONS,
        shows: &[Said(ConnectionsExhausted)],
        changes: &[Release, Edit],
        check: "stub_status: active and waiting; slow or idle clients",
        fix: "larger worker_connections, shorter keepalive_timeout",
        ..PLAIN
    },
    Row {
        id: "descriptors-exhausted",
        says: "the workers have no descriptors left",
        seen: CONNECTIONS,
        shows: &[Any(&[
            SaidErrno(AcceptFailed, &[24, 23]),
            SaidErrno(SocketFailed, &[24, 23]),
            SaidErrno(evenkeel_model::Message::OpenFailed, &[24, 23]),
        ])],
        changes: &[Release, Edit, Package],
        check: "/proc/PID/limits of a worker: open files",
        fix: "larger worker_rlimit_nofile, and LimitNOFILE of the unit",
        ..PLAIN
    },
    Row {
        id: "local-ports-exhausted",
        says: "no local port is left to connect to {upstream}: each request opens a connection of its own",
        seen: &[Got(502), Got(500), Got(504)],
        shows: &[SaidInErrno(evenkeel_model::Message::ConnectFailed, ConnectingToUpstream, &[99])],
        changes: &[Release, Edit],
        check: "ss -s: connections in timewait against net.ipv4.ip_local_port_range",
        fix: "keepalive in the upstream, proxy_http_version 1.1 and an empty Connection header",
        ..PLAIN
    },
    Row {
        id: "worker-killed",
        says: "workers of nginx die of signal {1}",
        seen: &[Class("reset"), Class("closed-empty"), Class("truncated"), Class("refused"), Got(502)],
        shows: &[Said(WorkerKilled)],
        changes: &[Package, Release],
        check: "dmesg: the killer of whoever takes too much memory (9), or a crash in a module (11)",
        fix: "more memory, or the module's version that fits this nginx",
        ..PLAIN
    },
    Row {
        id: "zone-full",
        says: "a shared zone is full: {line}",
        seen: &[Got(503), Got(500)],
        shows: &[Said(ZoneFull), Any(&[Status(503), Status(500)])],
        changes: &[Release, Edit],
        check: "the size of the zone against how many keys it must hold",
        fix: "a larger zone",
        ..PLAIN
    },
    Row {
        id: "lua-fails",
        says: "code in the configuration fails: {line}",
        seen: &[Got(500)],
        shows: &[Any(&[SaidWith(evenkeel_model::Message::LuaFailed, "")])],
        changes: &[Release, Edit, Package],
        check: "the line that the message names",
        fix: "mend the code, or take it back",
        ..PLAIN
    },
];
