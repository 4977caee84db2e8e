//! The network: a prober P, a target T, a router R, and a target Q whose ICMP messages are rationed as usual.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// P has .1 on every link. What R leads to is not there, in five ways.
const LINKS: &str = r"
set -e
mount -t tmpfs tmpfs /run
mkdir /run/netns
for name in P T R Q; do ip netns add $name; ip -n $name link set lo up; done
link() {
    ip link add $1 netns $2 type veth peer name $3 netns $4
    ip -n $2 addr add $5.1/24 dev $1; ip -n $4 addr add $5.2/24 dev $3
    ip -n $2 addr add $6::1/64 dev $1 nodad; ip -n $4 addr add $6::2/64 dev $3 nodad
    ip -n $2 link set $1 up; ip -n $4 link set $3 up
}
link pt P tp T 10.0.0 fd00
link pr P rp R 10.0.1 fd01
link pq P qp Q 10.0.2 fd02
link rt R tr T 10.0.5 fd05
for net in 5 6 7 8 9; do
    ip -n P route add 10.0.$net.0/24 via 10.0.1.2
    ip -n P -6 route add fd0$net::/64 via fd01::2
done
for version in -4:10.0.9.0/24:unreachable -4:10.0.8.0/24:prohibit -4:10.0.6.0/24:blackhole; do
    rest=${version#*:}; rest=${rest#*:}; net=${version#*:}; ip -n R route add $rest ${net%:*}
done
ip -n R -6 route add unreachable fd09::/64
ip -n R -6 route add prohibit fd08::/64
ip netns exec R sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
for name in T R; do ip netns exec $name sh -c '
    echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
    echo 0 > /proc/sys/net/ipv6/icmp/ratelimit'; done
";

const TARGET: &str = r"
table inet probed {
    chain input {
        type filter hook input priority 0; policy accept
        tcp dport 1010 reject with tcp reset
        tcp dport 1011 reject with icmpx type port-unreachable
        tcp dport 1012 reject with icmpx type admin-prohibited
        tcp dport 1013 meta nfproto ipv4 reject with icmp type host-prohibited
        tcp dport 1013 meta nfproto ipv6 reject with icmpv6 type policy-fail
        tcp dport 1014 meta nfproto ipv4 reject with icmp type net-prohibited
        tcp dport 1014 meta nfproto ipv6 reject with icmpv6 type reject-route
        tcp dport 1015 meta nfproto ipv4 reject with icmp type net-unreachable
        tcp dport 1015 meta nfproto ipv6 reject with icmpv6 type no-route
        tcp dport 1016 meta nfproto ipv4 reject with icmp type host-unreachable
        tcp dport 1016 meta nfproto ipv6 reject with icmpv6 type addr-unreachable
        tcp dport 1017 reject with icmp type prot-unreachable
        tcp dport 1020 drop
        tcp dport 1025 ct state established accept
        tcp dport 1025 limit rate 1/hour burst 1 packets accept
        tcp dport 1025 drop
        tcp dport 1026 ct count over 1 reject with tcp reset
        tcp dport 1027 tcp flags & (syn | ack) == syn accept
        tcp dport 1027 drop
        udp dport 5398 reject with icmp type admin-prohibited
        udp dport 5397 drop
    }
    chain output {
        type filter hook output priority 0; policy accept
        tcp sport 1021 drop
    }
}
";

const PROBER: &str = r"
table inet own {
    chain output {
        type filter hook output priority 0; policy accept
        tcp dport 1022 drop
        tcp dport 1023 reject
    }
}
";

const RATIONED: &str = r"
table inet probed {
    chain input {
        type filter hook input priority 0; policy accept
        tcp dport 1012 reject with icmpx type admin-prohibited
    }
}
";

/// Makes it all in the namespaces that this process has for itself.
pub(crate) fn make() {
    feed(Command::new("sh").arg("-s"), LINKS);
    for (name, rules) in [("T", TARGET), ("P", PROBER), ("Q", RATIONED)] {
        feed(Command::new("ip").args(["netns", "exec", name, "nft", "-f", "-"]), rules);
    }
}

fn feed(command: &mut Command, text: &str) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{command:?}");
}
