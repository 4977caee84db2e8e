//! The words that nft prints for numbers. Source: nft(8), "DATA TYPES"; the numbers are the kernel's.

/// include/uapi/linux/netfilter/nf_conntrack_common.h, `NF_CT_STATE_BIT`
pub(super) const CT_STATES: &[(&str, u128)] =
    &[("invalid", 1), ("established", 2), ("related", 4), ("new", 8), ("untracked", 64)];
/// The same header, `enum ip_conntrack_status`.
pub(super) const CT_STATUSES: &[(&str, u128)] = &[
    ("expected", 1),
    ("seen-reply", 2),
    ("assured", 4),
    ("confirmed", 8),
    ("snat", 16),
    ("dnat", 32),
    ("dying", 512),
];
/// include/uapi/linux/netfilter/nf_conntrack_tuple_common.h
pub(super) const CT_DIRECTIONS: &[(&str, u128)] = &[("original", 0), ("reply", 1)];
/// RFC 9293
pub(super) const TCP_FLAGS: &[(&str, u128)] =
    &[("fin", 1), ("syn", 2), ("rst", 4), ("psh", 8), ("ack", 16), ("urg", 32), ("ecn", 64), ("cwr", 128)];
/// Protocol numbers (IANA)
pub(super) const PROTOCOLS: &[(&str, u128)] = &[
    ("hopopt", 0),
    ("ip", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ipencap", 4),
    ("tcp", 6),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("comp", 108),
    ("ipcomp", 108),
    ("sctp", 132),
    ("mh", 135),
    ("udplite", 136),
];
/// include/uapi/linux/netfilter.h
pub(super) const FAMILIES: &[(&str, u128)] = &[("ipv4", 2), ("ip", 2), ("ipv6", 10), ("ip6", 10)];
/// include/uapi/linux/if_ether.h
pub(super) const ETHER_TYPES: &[(&str, u128)] = &[
    ("ip", 0x800),
    ("arp", 0x806),
    ("ip6", 0x86dd),
    ("vlan", 0x8100),
    ("8021q", 0x8100),
    ("8021ad", 0x88a8),
];
/// include/uapi/linux/if_packet.h
pub(super) const PACKET_TYPES: &[(&str, u128)] =
    &[("host", 0), ("unicast", 0), ("broadcast", 1), ("multicast", 2), ("other", 3)];
/// include/uapi/linux/if_arp.h
pub(super) const DEVICE_TYPES: &[(&str, u128)] = &[
    ("ether", 1),
    ("ppp", 512),
    ("ipip", 768),
    ("ipip6", 769),
    ("loopback", 772),
    ("sit", 776),
    ("ipgre", 778),
];
/// include/uapi/linux/rtnetlink.h, `RTN_*`
pub(super) const ADDRESS_TYPES: &[(&str, u128)] = &[
    ("unspec", 0),
    ("unicast", 1),
    ("local", 2),
    ("broadcast", 3),
    ("anycast", 4),
    ("multicast", 5),
    ("blackhole", 6),
    ("unreachable", 7),
    ("prohibit", 8),
    ("throw", 9),
    ("nat", 10),
];

/// Looks a word up.
pub(super) fn number(words: &[(&str, u128)], word: &str) -> Option<u128> {
    words.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}
