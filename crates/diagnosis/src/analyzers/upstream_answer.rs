use evenkeel_model::LogPhase::{HandshakingWithUpstream, ReadingHeader, ReadingUpstream, SendingToUpstream};
use evenkeel_model::Message::{
    FastCgiVersion, HandshakeFailed, RecvFailed, UpstreamCertificate, UpstreamCertificateName, UpstreamChunksInvalid, UpstreamClosedEarly,
    UpstreamHeaderInvalid, UpstreamHeaderTooBig, UpstreamHeaderTwice, UpstreamNotHttp, UpstreamTimedOut, UpstreamTooMuch, SendFailed,
};

use super::upstream_connect::BAD_GATEWAY;
use crate::Fact::{All, AnswersTls, Any, Direct, DirectSlow, DirectUp, Not, NotUpgraded, Said, SaidIn, SaidInErrno, SaidInWith, SaidWith, Status, UpstreamBlocked, UpstreamConditional, UpstreamStatus, UpgradeDropped};
use crate::evidence::ChangeKind::{Application, Edit, Firewall, Package, Release};
use crate::row::Shape::{Class, Status as Got};
use crate::row::{PLAIN, Row, Shape};

const CUT: &[Shape] = &[Class("truncated"), Class("closed-empty"), Class("reset"), Class("content"), Class("slow")];

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "application-slow",
        says: "the application at {upstream} takes the request and does not answer within the time-out",
        seen: &[Got(504), Class("slow"), Class("silent")],
        shows: &[SaidIn(UpstreamTimedOut, ReadingHeader)],
        settles: &[Direct("slow"), Direct("silent"), DirectSlow],
        excludes: &[UpstreamConditional, UpstreamBlocked],
        doubts: &[All(&[DirectUp, Not(&DirectSlow)])],
        changes: &[Application, Release, Edit],
        check: "what the application waits for: its database, a lock, another service",
        fix: "mend the application; proxy_read_timeout only hides it",
        ..PLAIN
    },
    Row {
        id: "upstream-data-dropped",
        says: "a firewall lets nginx connect to {upstream} and drops what it then sends",
        seen: &[Got(504), Class("slow"), Class("silent")],
        shows: &[SaidIn(UpstreamTimedOut, ReadingHeader)],
        settles: &[UpstreamConditional, UpstreamBlocked],
        excludes: &[DirectUp],
        changes: &[Firewall, Package],
        check: "whether the application ever logged the request; a rule for established connections",
        fix: "accept established connections",
        ..PLAIN
    },
    Row {
        id: "answer-stalls",
        says: "the application at {upstream} stops in the middle of its answer",
        seen: CUT,
        shows: &[SaidIn(UpstreamTimedOut, ReadingUpstream)],
        changes: &[Application],
        check: "the log of the application at that time",
        fix: "mend the application",
        ..PLAIN
    },
    Row {
        id: "answer-cut",
        says: "the application at {upstream} closes the connection in the middle of its answer",
        seen: CUT,
        shows: &[Any(&[
            SaidIn(UpstreamClosedEarly, ReadingUpstream),
            SaidIn(RecvFailed, ReadingUpstream),
            SaidIn(UpstreamClosedEarly, evenkeel_model::LogPhase::SendingToClient),
        ])],
        changes: &[Application],
        check: "the log of the application: a crash, or a Content-Length that is too large",
        fix: "mend the application",
        ..PLAIN
    },
    Row {
        id: "answer-chunks-invalid",
        says: "the application at {upstream} sends chunks that are none",
        seen: &[Class("truncated"), Class("closed-empty"), Class("reset"), Class("content"), Class("not-http"), Got(502)],
        shows: &[Any(&[Said(UpstreamChunksInvalid), Said(UpstreamTooMuch)])],
        changes: &[Application, Package],
        check: "the version of the application and of its framework",
        fix: "take the application's release back",
        ..PLAIN
    },
    Row {
        id: "application-closes",
        says: "the application at {upstream} closes the connection before it answers: it crashes, or closes idle connections before nginx does",
        seen: BAD_GATEWAY,
        shows: &[Any(&[SaidIn(UpstreamClosedEarly, ReadingHeader), SaidIn(UpstreamClosedEarly, SendingToUpstream)])],
        doubts: &[DirectUp],
        changes: &[Application, Package],
        check: "the log of the application; its time-out for idle connections against keepalive_timeout of the upstream",
        fix: "mend the crash; let the application keep idle connections longer than nginx does",
        ..PLAIN
    },
    Row {
        id: "application-resets",
        says: "the application at {upstream} resets the connection instead of answering",
        seen: BAD_GATEWAY,
        shows: &[Any(&[
            SaidInErrno(RecvFailed, ReadingHeader, &[104]),
            SaidInErrno(SendFailed, SendingToUpstream, &[104, 32]),
            SaidInErrno(RecvFailed, SendingToUpstream, &[104]),
        ])],
        doubts: &[DirectUp],
        changes: &[Application, Package],
        check: "the log of the application, dmesg on its host; which protocol the port speaks",
        fix: "mend the application",
        ..PLAIN
    },
    Row {
        id: "answer-header-too-big",
        says: "the header of the answer of {upstream} is larger than proxy_buffer_size",
        seen: BAD_GATEWAY,
        shows: &[Said(UpstreamHeaderTooBig)],
        changes: &[Application, Release, Edit],
        check: "the size of the answer's header: curl -sD- -o/dev/null; most often cookies",
        fix: "larger proxy_buffer_size, with proxy_busy_buffers_size; smaller cookies",
        ..PLAIN
    },
    Row {
        id: "answer-header-invalid",
        says: "{upstream} sends a header that is none",
        seen: BAD_GATEWAY,
        shows: &[Any(&[Said(UpstreamHeaderInvalid), Said(UpstreamHeaderTwice)])],
        changes: &[Application, Package],
        check: "the header that the line quotes",
        fix: "mend the application",
        ..PLAIN
    },
    Row {
        id: "upstream-speaks-no-http",
        says: "{upstream} does not speak HTTP",
        seen: &[Class("not-http"), Got(502), Got(9), Class("content"), Class("truncated"), Class("closed-empty")],
        shows: &[Said(UpstreamNotHttp)],
        changes: &[Release, Edit, Application],
        check: "which program holds the port: ss -ltnp",
        fix: "the right port, or the directive for its protocol (fastcgi_pass, uwsgi_pass, grpc_pass)",
        ..PLAIN
    },
    Row {
        id: "upstream-wants-tls",
        says: "{upstream} wants TLS, and proxy_pass speaks plain HTTP to it",
        seen: &[Got(400), Got(502), Class("not-http")],
        shows: &[Any(&[UpstreamStatus(400), Status(400), Said(UpstreamNotHttp)]), AnswersTls],
        changes: &[Release, Edit, Application],
        check: "the scheme of proxy_pass",
        fix: "proxy_pass https://",
        ..PLAIN
    },
    Row {
        id: "upstream-speaks-no-tls",
        says: "proxy_pass speaks TLS to {upstream}, which does not",
        seen: BAD_GATEWAY,
        shows: &[Any(&[
            SaidInWith(HandshakeFailed, HandshakingWithUpstream, "wrong version number"),
            SaidInWith(HandshakeFailed, HandshakingWithUpstream, "packet length too long"),
            SaidInWith(HandshakeFailed, HandshakingWithUpstream, "unexpected message"),
            SaidInWith(HandshakeFailed, HandshakingWithUpstream, "unknown protocol"),
        ])],
        changes: &[Release, Edit, Application],
        check: "the scheme of proxy_pass",
        fix: "proxy_pass http://, or the right port",
        ..PLAIN
    },
    Row {
        id: "upstream-tls-versions-apart",
        says: "nginx and {upstream} have no version or cipher of TLS in common",
        seen: BAD_GATEWAY,
        shows: &[Any(&[
            SaidInWith(HandshakeFailed, HandshakingWithUpstream, "alert protocol version"),
            SaidInWith(HandshakeFailed, HandshakingWithUpstream, "handshake failure"),
            SaidInWith(HandshakeFailed, HandshakingWithUpstream, "unsupported protocol"),
            SaidInWith(HandshakeFailed, HandshakingWithUpstream, "no protocols available"),
        ])],
        changes: &[Release, Edit, Package, Application],
        check: "proxy_ssl_protocols and proxy_ssl_ciphers against what the application offers",
        fix: "allow what both speak",
        ..PLAIN
    },
    Row {
        id: "upstream-name-unknown-to-it",
        says: "{upstream} has no server for the name that nginx sends in the handshake",
        seen: BAD_GATEWAY,
        shows: &[Any(&[
            SaidInWith(HandshakeFailed, HandshakingWithUpstream, "unrecognized name"),
            SaidInWith(HandshakeFailed, HandshakingWithUpstream, "internal error"),
        ])],
        changes: &[Release, Edit, Application],
        check: "proxy_ssl_server_name and proxy_ssl_name",
        fix: "proxy_ssl_server_name on, with the name that the application has",
        ..PLAIN
    },
    Row {
        id: "upstream-certificate-bad",
        says: "nginx does not take the certificate of {upstream}: {1}",
        seen: BAD_GATEWAY,
        shows: &[Any(&[Said(UpstreamCertificate), SaidWith(HandshakeFailed, "certificate verify failed")])],
        changes: &[crate::evidence::ChangeKind::Certificate, Release, Edit, Application],
        check: "the certificate of the application: its end, its issuer; proxy_ssl_trusted_certificate",
        fix: "renew it, or name the authority that signed it",
        ..PLAIN
    },
    Row {
        id: "upstream-certificate-other-name",
        says: "the certificate of {upstream} is not for {0}",
        seen: BAD_GATEWAY,
        shows: &[Said(UpstreamCertificateName)],
        changes: &[crate::evidence::ChangeKind::Certificate, Release, Edit, Application],
        check: "proxy_ssl_name against the names of the certificate",
        fix: "proxy_ssl_name with a name that it has",
        ..PLAIN
    },
    Row {
        id: "upgrade-not-passed",
        says: "{upstream} would change the protocol, and nginx does not pass the wish on",
        seen: &[Got(200), Got(400), Got(403), Got(404), Got(426), Got(501)],
        shows: &[NotUpgraded, UpgradeDropped],
        settles: &[DirectUp],
        changes: &[Release, Edit],
        check: "proxy_http_version, and proxy_set_header Upgrade and Connection, where the request goes",
        fix: "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade",
        ..PLAIN
    },
    Row {
        id: "fastcgi-to-http",
        says: "fastcgi_pass names {upstream}, which speaks another protocol",
        seen: BAD_GATEWAY,
        shows: &[Said(FastCgiVersion)],
        changes: &[Release, Edit, Application],
        check: "which program holds the port; 72 is the H of HTTP",
        fix: "proxy_pass, or the port of the FastCGI server",
        ..PLAIN
    },
];
