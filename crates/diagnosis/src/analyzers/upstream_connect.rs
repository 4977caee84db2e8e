use evenkeel_model::LogPhase::ConnectingToUpstream;
use evenkeel_model::Message::{ConnectFailed, UpstreamTimedOut};

use crate::Fact::{
    AnswersElsewhere, Any, LogUnread, Not, MayAnswerElsewhere, Direct, DirectUp, NameMoved, Recent, SaidIn, SaidInErrno, Status, UpstreamBlocked, UpstreamConditional,
    UpstreamQueueFull,
};
use crate::evidence::ChangeKind::{Application, Dns, Edit, Firewall, Package, Release, Restart};
use crate::row::Shape::{Class, Status as Got};
use crate::row::{PLAIN, Row, Shape};

pub(super) const BAD_GATEWAY: &[Shape] = &[Got(502), Got(500), Got(504), Class("reset"), Class("closed-empty")];
const REFUSED: crate::Fact = SaidInErrno(ConnectFailed, ConnectingToUpstream, &[111]);

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "application-down",
        says: "nothing listens at {upstream}: the application is down",
        seen: BAD_GATEWAY,
        shows: &[REFUSED],
        settles: &[Direct("refused")],
        excludes: &[DirectUp, AnswersElsewhere, UpstreamBlocked, NameMoved],
        doubts: &[MayAnswerElsewhere, Recent(Release), Recent(Edit)],
        changes: &[Application, Package, Restart],
        check: "systemctl status of the application; ss -ltn on its host",
        fix: "start the application",
        ..PLAIN
    },
    Row {
        id: "upstream-address-wrong",
        says: "nginx connects to {upstream}, where nothing listens; the application answers at {elsewhere}",
        seen: BAD_GATEWAY,
        shows: &[REFUSED, Any(&[AnswersElsewhere, MayAnswerElsewhere])],
        settles: &[AnswersElsewhere],
        excludes: &[DirectUp, NameMoved],
        changes: &[Release, Edit, Package, Application],
        check: "the address in proxy_pass or upstream against the one of the application, in the last change",
        fix: "put the address back: take the release back, or edit and reload",
        ..PLAIN
    },
    Row {
        id: "upstream-address-changed",
        says: "the configuration sends requests to {upstream} since the last change, and nothing listens there",
        seen: BAD_GATEWAY,
        shows: &[REFUSED, Any(&[Recent(Release), Recent(Edit)])],
        settles: &[AnswersElsewhere],
        excludes: &[DirectUp, AnswersElsewhere, NameMoved],
        changes: &[Release, Edit],
        check: "what the last change did to the upstream: evenkeel diff",
        fix: "take the change back",
        ..PLAIN
    },
    Row {
        id: "application-was-restarted",
        says: "{upstream} refused connections for a moment and answers again: it was restarted",
        seen: BAD_GATEWAY,
        shows: &[REFUSED, DirectUp],
        settles: &[Recent(Application)],
        changes: &[Application],
        check: "when the application was deployed, against the times of the lines",
        fix: "let the application take connections before the old one goes; proxy_next_upstream",
        ..PLAIN
    },
    Row {
        id: "upstream-firewall-rejects",
        says: "a firewall before {upstream} refuses the connections of nginx",
        seen: BAD_GATEWAY,
        shows: &[SaidInErrno(ConnectFailed, ConnectingToUpstream, &[111, 113, 13, 1])],
        settles: &[UpstreamBlocked, Direct("rejected")],
        excludes: &[DirectUp, Direct("host-down"), AnswersElsewhere, NameMoved],
        changes: &[Firewall, Package, Restart],
        check: "the rules on the host of the application, and on the way out of this one",
        fix: "accept the address of nginx there",
        ..PLAIN
    },
    Row {
        id: "upstream-host-down",
        says: "the machine of {upstream} does not answer on its link",
        seen: BAD_GATEWAY,
        shows: &[SaidInErrno(ConnectFailed, ConnectingToUpstream, &[113])],
        settles: &[Direct("host-down")],
        excludes: &[DirectUp, UpstreamBlocked, Direct("rejected"), NameMoved],
        changes: &[Restart],
        check: "the console of that machine; ip neigh",
        fix: "bring the machine back, or take it out of the upstream",
        ..PLAIN
    },
    Row {
        id: "no-way-to-upstream",
        says: "there is no way to {upstream} from here: a route is missing, or a firewall says that the network cannot be reached",
        seen: BAD_GATEWAY,
        shows: &[SaidInErrno(ConnectFailed, ConnectingToUpstream, &[101])],
        changes: &[Firewall, Restart, Release, Edit],
        check: "ip route get ADDRESS on this host",
        fix: "put the route back",
        ..PLAIN
    },
    Row {
        id: "upstream-protocol-rejected",
        says: "a firewall before {upstream} says that the protocol is not there",
        seen: BAD_GATEWAY,
        shows: &[SaidInErrno(ConnectFailed, ConnectingToUpstream, &[92, 71])],
        changes: &[Firewall, Package],
        check: "the rules on the host of the application",
        fix: "accept the address of nginx there",
        ..PLAIN
    },
    Row {
        id: "upstream-name-moved",
        says: "nginx connects to an address that the name of the upstream no longer has: it resolved the name once, at its start",
        seen: BAD_GATEWAY,
        shows: &[
            Any(&[
                SaidIn(ConnectFailed, ConnectingToUpstream),
                SaidIn(UpstreamTimedOut, ConnectingToUpstream),
                SaidIn(UpstreamTimedOut, evenkeel_model::LogPhase::ReadingHeader),
            ]),
            NameMoved,
        ],
        changes: &[Dns, Application],
        check: "the address in the line against dig NAME",
        fix: "reload now; then resolver with a variable in proxy_pass, or resolve in the upstream",
        ..PLAIN
    },
    Row {
        id: "socket-missing",
        says: "the socket of the application is not there: {0}",
        seen: BAD_GATEWAY,
        shows: &[SaidInErrno(ConnectFailed, ConnectingToUpstream, &[2])],
        changes: &[Package, Application, Release, Edit],
        check: "ls -l of the socket; whether an upgrade gave it another name",
        fix: "start the application, or name its socket as it is now",
        ..PLAIN
    },
    Row {
        id: "socket-forbidden",
        says: "nginx may not connect to the socket of the application: {0}",
        seen: BAD_GATEWAY,
        shows: &[SaidInErrno(ConnectFailed, ConnectingToUpstream, &[13])],
        excludes: &[Direct("rejected")],
        changes: &[Package, Application, Edit],
        check: "ls -l of the socket, and of its directories, against the user of the workers",
        fix: "owner and mode of the socket: listen.owner, listen.mode, SocketUser",
        ..PLAIN
    },
    Row {
        id: "socket-queue-full",
        says: "the queue of the application's socket is full: {0}",
        seen: BAD_GATEWAY,
        shows: &[SaidInErrno(ConnectFailed, ConnectingToUpstream, &[11])],
        changes: &[Application],
        check: "ss -lx: Recv-Q against Send-Q",
        fix: "more workers of the application; then its backlog",
        ..PLAIN
    },
    Row {
        id: "upstream-filtered",
        says: "something drops the connections of nginx to {upstream}",
        seen: &[Got(504), Got(502), Class("slow"), Class("silent")],
        shows: &[SaidIn(UpstreamTimedOut, ConnectingToUpstream)],
        settles: &[UpstreamBlocked, UpstreamConditional],
        excludes: &[UpstreamQueueFull, NameMoved],
        doubts: &[DirectUp],
        changes: &[Firewall, Package, Restart],
        check: "the rules on both hosts: in at the application, out of this one, and the answers back in",
        fix: "accept the connection, and established ones",
        ..PLAIN
    },
    Row {
        id: "application-queue-full",
        says: "the application at {upstream} does not take connections: its queue is full",
        seen: &[Got(504), Got(502), Class("slow"), Class("silent")],
        shows: &[SaidIn(UpstreamTimedOut, ConnectingToUpstream)],
        settles: &[UpstreamQueueFull],
        excludes: &[UpstreamBlocked, NameMoved],
        changes: &[Application],
        check: "ss -ltn on its host: Recv-Q against Send-Q",
        fix: "more workers of the application, or fewer requests at once",
        ..PLAIN
    },
    Row {
        id: "application-down-by-direct-question",
        says: "the application refuses connections, with nginx and without",
        seen: &[Got(502)],
        shows: &[Status(502), Direct("refused"), Any(&[LogUnread, Not(&SaidIn(ConnectFailed, ConnectingToUpstream))])],
        excludes: &[AnswersElsewhere],
        doubts: &[Recent(Release), Recent(Edit)],
        changes: &[Application, Package, Restart],
        check: "systemctl status of the application; ss -ltn on its host",
        fix: "start the application",
        ..PLAIN
    },
];
