use evenkeel_model::Message::{ConnectFailed, NoLiveUpstreams, NoResolver, NotResolved, ResolverUnreachable, UpstreamClosedEarly, UpstreamDisabled, UpstreamHeaderTooBig, UpstreamTimedOut, RecvFailed};

use super::upstream_connect::BAD_GATEWAY;
use crate::Fact::{All, AllServersDown, Any, DirectUp, MaxConns, NameGone, Not, Said, SaidWith};
use crate::evidence::ChangeKind::{Application, Dns, Edit, Firewall, Package, Release};
use crate::row::Shape::Status as Got;
use crate::row::{PLAIN, Row};

const FAILURES: crate::Fact =
    Any(&[Said(UpstreamDisabled), Said(ConnectFailed), Said(UpstreamTimedOut), Said(UpstreamClosedEarly), Said(UpstreamHeaderTooBig), Said(RecvFailed)]);

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "group-disabled",
        says: "nginx has taken every server of {upstream} out for fail_timeout, because some requests failed; then all requests fail",
        seen: BAD_GATEWAY,
        shows: &[Said(NoLiveUpstreams)],
        // That a server is taken out is said at the level of warnings, which most logs leave out.
        settles: &[All(&[DirectUp, Any(&[FAILURES, All(&[Not(&AllServersDown), Not(&MaxConns)])])])],
        excludes: &[AllServersDown],
        changes: &[Application, Release, Edit],
        follows: &[
            "application-down", "upstream-address-wrong", "upstream-address-changed", "upstream-firewall-rejects", "upstream-host-down",
            "no-way-to-upstream", "upstream-filtered", "application-queue-full", "upstream-name-moved", "application-slow",
            "application-closes", "application-resets", "upstream-data-dropped", "socket-missing", "socket-forbidden",
            "upstream-certificate-bad", "upstream-certificate-other-name", "upstream-speaks-no-tls", "answer-header-too-big",
            "answer-header-invalid", "upstream-protocol-rejected", "upstream-tls-versions-apart", "fastcgi-to-http",
        ],
        check: "the first failure before it: one bad URL can take the group out",
        fix: "mend that one; max_fails=0, or less in proxy_next_upstream",
        ..PLAIN
    },
    Row {
        id: "group-empty",
        says: "every server of {upstream} is marked down in the configuration",
        seen: BAD_GATEWAY,
        shows: &[Said(NoLiveUpstreams)],
        settles: &[AllServersDown],
        excludes: &[FAILURES],
        changes: &[Release, Edit],
        check: "the upstream block",
        fix: "put a server back",
        ..PLAIN
    },
    Row {
        id: "resolver-missing",
        says: "proxy_pass has a variable with a name in it ({0}), and there is no resolver",
        seen: BAD_GATEWAY,
        shows: &[Said(NoResolver)],
        changes: &[Release, Edit],
        check: "resolver where the request goes",
        fix: "say resolver, or name an upstream block",
        ..PLAIN
    },
    Row {
        id: "resolver-down",
        says: "the resolver does not answer nginx, which wants to know {0}",
        seen: BAD_GATEWAY,
        shows: &[Any(&[
            SaidWith(NotResolved, "(110:"),
            SaidWith(NotResolved, "(2:"),
            SaidWith(NotResolved, "(5:"),
            Said(ResolverUnreachable),
        ])],
        changes: &[Dns, Firewall, Package],
        check: "dig @RESOLVER NAME from this host; whether port 53 may go out",
        fix: "a second address in resolver; let port 53 out",
        ..PLAIN
    },
    Row {
        id: "upstream-name-gone",
        says: "the name {0} does not exist",
        seen: BAD_GATEWAY,
        shows: &[SaidWith(NotResolved, "(3:")],
        settles: &[NameGone],
        changes: &[Dns, Release, Edit, Application],
        check: "dig NAME",
        fix: "put the record back, or mend the name",
        ..PLAIN
    },
    Row {
        id: "group-busy",
        says: "every server of {upstream} has as many connections as max_conns allows",
        seen: &[Got(502), Got(503)],
        shows: &[Said(NoLiveUpstreams), MaxConns],
        settles: &[DirectUp],
        excludes: &[FAILURES, AllServersDown],
        changes: &[Release, Edit],
        check: "max_conns of the servers",
        fix: "a larger max_conns, or more servers",
        ..PLAIN
    },
];
