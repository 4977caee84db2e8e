use evenkeel_model::Message::{
    BodyTooLarge, ClientGone, ClientHeaderTooLong, ClientHostInvalid, ClientRequestInvalid, ClientUriTooLong, ProxyProtocolBroken,
};

use crate::Fact::{Any, Probe, Said, Status};
use crate::evidence::ChangeKind::{Application, Edit, Release};
use crate::row::Shape::{Class, Status as Got};
use crate::row::{PLAIN, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "closed-by-444",
        says: "a server block closes the connection on purpose (return 444): the name is in no other",
        seen: &[Class("closed-empty")],
        shows: &[Any(&[Probe("closed-empty")]), Status(444)],
        changes: &[Release, Edit],
        check: "evenkeel route URL: which server block takes the name",
        fix: "add the name to its server block",
        ..PLAIN
    },
    Row {
        id: "proxy-protocol-apart",
        says: "listen wants the PROXY protocol, and who connects does not speak it",
        seen: &[Class("closed-empty"), Class("reset"), Class("silent"), Class("tls"), Class("not-http")],
        shows: &[Said(ProxyProtocolBroken)],
        changes: &[Release, Edit],
        check: "proxy_protocol in listen, and send-proxy at the balancer",
        fix: "let both speak it, or neither",
        ..PLAIN
    },
    Row {
        id: "host-header-bad",
        says: "whoever asks sends no Host header, or one that is none",
        seen: &[Got(400)],
        shows: &[Status(400), Said(ClientHostInvalid)],
        check: "the request of the balancer's check, by its user agent in the access log",
        fix: "send a Host header with the check",
        ..PLAIN
    },
    Row {
        id: "request-header-too-long",
        says: "a header of the request is longer than large_client_header_buffers: most often cookies",
        seen: &[Got(400), Got(494), Got(431)],
        shows: &[Said(ClientHeaderTooLong)],
        changes: &[Application, Release, Edit],
        check: "how long the cookies are that the application sets",
        fix: "fewer cookies; larger large_client_header_buffers",
        ..PLAIN
    },
    Row {
        id: "uri-too-long",
        says: "the request line is longer than large_client_header_buffers",
        seen: &[Got(414)],
        shows: &[Said(ClientUriTooLong)],
        changes: &[Application, Release, Edit],
        check: "the request line in the log",
        fix: "shorter queries; larger large_client_header_buffers",
        ..PLAIN
    },
    Row {
        id: "request-not-http",
        says: "whoever asks does not speak HTTP",
        seen: &[Got(400)],
        shows: &[Status(400), Said(ClientRequestInvalid)],
        check: "the first bytes in the access log",
        fix: "find out who sends it; uncross the ports",
        ..PLAIN
    },
    Row {
        id: "body-too-large",
        says: "the body of the request is larger than client_max_body_size ({0} bytes)",
        seen: &[Got(413)],
        shows: &[Said(BodyTooLarge)],
        changes: &[Release, Edit, Application],
        check: "client_max_body_size where the request goes; 1m where nothing is said",
        fix: "set client_max_body_size to what the application takes",
        ..PLAIN
    },
    Row {
        id: "clients-give-up",
        says: "clients close the connection before the answer is there: the application is slower than they wait",
        seen: &[Got(499)],
        shows: &[Status(499)],
        settles: &[Said(ClientGone)],
        changes: &[Application, Release],
        check: "$upstream_response_time against the time-out of whoever asks",
        fix: "a faster application; time-outs that grow from the inside out",
        ..PLAIN
    },
];
