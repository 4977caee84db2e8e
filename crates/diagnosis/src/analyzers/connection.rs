use crate::Fact::{
    Any, FirewallBlocks, FirewallConditional, FirewallOpen, ListenUnnamed, ListensElsewhere, ListensThere, NginxRuns, NginxStopped,
    OneVantage, OnlyIpv6, Probe, QueueFull,
};
use crate::evidence::ChangeKind::{Edit, Firewall, Package, Release, Restart};
use crate::row::Shape::Class;
use crate::row::{PLAIN, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "nginx-not-running",
        says: "nginx does not run",
        seen: &[Class("refused")],
        shows: &[Probe("refused")],
        settles: &[NginxStopped],
        excludes: &[NginxRuns],
        changes: &[Restart, Package, Release, Edit],
        follows: &[
            "port-taken", "address-not-here", "directive-unknown", "module-not-loaded", "module-incompatible",
            "certificate-not-loaded", "key-mismatch", "hash-not-built", "zone-missing", "buffers-disagree",
            "name-gone-at-start", "syntax-broken", "file-missing-at-start", "bind-forbidden", "directory-missing",
        ],
        check: "systemctl status nginx, and the last [emerg] of the error log",
        fix: "mend what the last [emerg] says, then start nginx",
        ..PLAIN
    },
    Row {
        id: "listens-elsewhere",
        says: "nginx runs, and does not listen at the address and port that clients ask",
        seen: &[Class("refused")],
        shows: &[Probe("refused")],
        settles: &[ListensElsewhere],
        excludes: &[NginxStopped, ListensThere],
        doubts: &[ListenUnnamed],
        changes: &[Release, Edit, Package],
        check: "the listen directives of the last change, for IPv4 and IPv6",
        fix: "put the listen directive back and reload",
        ..PLAIN
    },
    Row {
        id: "firewall-resets",
        says: "a firewall on the host refuses the connection as a closed port would",
        seen: &[Class("refused")],
        shows: &[Probe("refused")],
        settles: &[FirewallBlocks],
        excludes: &[FirewallOpen, NginxStopped],
        changes: &[Firewall, Package, Restart],
        check: "nft list ruleset: the rule that rejects with tcp reset",
        fix: "accept the port, in the running rules and in the saved ones",
        ..PLAIN
    },
    Row {
        id: "ipv6-refused",
        says: "a firewall refuses IPv6 and lets IPv4 through",
        seen: &[Class("rejected")],
        shows: &[Probe("rejected"), OnlyIpv6],
        changes: &[Firewall, Package, Restart],
        check: "ip6tables-save, nft list ruleset: what inet and ip6 tables do with the port",
        fix: "give IPv6 the rule that IPv4 has, in the running rules and in the saved ones",
        ..PLAIN
    },
    Row {
        id: "firewall-rejects",
        says: "a firewall refuses the connection, and says so by ICMP",
        seen: &[Class("rejected")],
        shows: &[Probe("rejected")],
        changes: &[Firewall, Package, Restart],
        check: "the rules of the host that sent the ICMP message: nft list ruleset, firewall-cmd --list-all",
        fix: "accept the port, in the running rules and in the saved ones",
        ..PLAIN
    },
    Row {
        id: "firewall-drops",
        says: "a firewall drops connections to this port",
        seen: &[Class("filtered")],
        shows: &[Probe("filtered")],
        settles: &[FirewallBlocks],
        excludes: &[FirewallOpen],
        changes: &[Firewall, Package, Restart],
        check: "nft list ruleset on the host: the rule or policy, and whether its counter grows",
        fix: "accept the port, in the running rules and in the saved ones",
        ..PLAIN
    },
    Row {
        id: "accept-queue-full",
        says: "nginx does not take connections as fast as they come: the queue of its socket is full",
        seen: &[Class("filtered"), Class("silent")],
        shows: &[Any(&[Probe("filtered"), Probe("silent")])],
        settles: &[QueueFull],
        excludes: &[FirewallBlocks],
        check: "ss -ltn: Recv-Q against Send-Q; what the workers are doing",
        fix: "free the workers; then backlog of listen and net.core.somaxconn",
        ..PLAIN
    },
    Row {
        id: "firewall-drops-data",
        says: "a firewall lets connections begin, and drops what is sent on them",
        seen: &[Class("silent"), Class("slow"), Class("reset")],
        shows: &[Any(&[Probe("silent"), Probe("slow"), Probe("reset")])],
        settles: &[FirewallBlocks],
        excludes: &[FirewallOpen],
        changes: &[Firewall, Package, Restart],
        check: "nft list ruleset: whether established connections are accepted, both ways",
        fix: "accept established connections",
        ..PLAIN
    },
    Row {
        id: "firewall-limits",
        says: "a firewall lets some connections through and then no more",
        seen: &[Class("filtered"), Class("refused"), Class("silent"), Class("reset")],
        shows: &[Any(&[Probe("filtered"), Probe("refused"), Probe("silent"), Probe("reset")])],
        settles: &[FirewallConditional],
        excludes: &[FirewallOpen],
        changes: &[Firewall, Package],
        check: "the rules with a limit, a count or a connection state",
        fix: "widen the limit, count by source, or accept established connections",
        ..PLAIN
    },
    Row {
        id: "host-down",
        says: "no machine answers for the address: the host is down, or it has another address",
        seen: &[Class("host-down")],
        shows: &[Probe("host-down")],
        check: "the console of the host; another machine on its link",
        fix: "bring the host back, or take it out of service",
        ..PLAIN
    },
    Row {
        id: "no-way-to-host",
        says: "a router knows no way to the host",
        seen: &[Class("unreachable")],
        shows: &[Probe("unreachable")],
        check: "ip route get ADDRESS on the router that answered",
        fix: "mend the route",
        ..PLAIN
    },
    Row {
        id: "vantage-cannot-see",
        says: "the one who asks cannot reach anything: its own network or firewall stops it",
        seen: &[Class("own-side")],
        shows: &[Probe("own-side")],
        check: "ip route, and the firewall of the vantage itself",
        fix: "mend the vantage, and do not believe it until then",
        ..PLAIN
    },
    Row {
        id: "one-vantage-only",
        says: "one vantage sees it alone: the way from there, and not the host",
        seen: &[Class("filtered"), Class("host-down"), Class("unreachable"), Class("rejected"), Class("dns"), Class("own-side")],
        shows: &[OneVantage],
        check: "what else that vantage reaches",
        fix: "mend the way from that vantage",
        ..PLAIN
    },
    Row {
        id: "name-does-not-resolve",
        says: "the name does not resolve",
        seen: &[Class("dns")],
        shows: &[Probe("dns")],
        changes: &[crate::evidence::ChangeKind::Dns],
        check: "dig NAME at the servers of its zone",
        fix: "put the record back, or mend the server of the zone",
        ..PLAIN
    },
];
