//! Random rulesets: every expression that the verdict claims to understand, and some that it does not.

use fastrand::Rng;

use super::world::{CLIENTS, PORTS, SERVERS};

/// A table's family, and what may be asked in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Inet,
    Ip,
    Ip6,
    Netdev,
}

/// Where a chain hangs, or that it does not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hook {
    Ingress,
    Prerouting,
    Input,
    Output,
    Postrouting,
    NatPrerouting,
    None,
}

/// One table in the making.
struct Table<'a> {
    rng: &'a mut Rng,
    family: Family,
    /// The chain that is written, and how many plain chains there are.
    hook: Hook,
    chain: usize,
    plain: usize,
}

/// Writes a ruleset.
pub(crate) fn ruleset(rng: &mut Rng) -> String {
    let mut text = String::new();
    for number in 0..one_of(rng, &[1, 1, 1, 2, 2, 3]) {
        let family =
            one_of(rng, &[Family::Inet, Family::Inet, Family::Inet, Family::Ip, Family::Ip6, Family::Netdev]);
        let plain = rng.usize(0..5);
        let mut table = Table { rng, family, hook: Hook::None, chain: 0, plain };
        text.push_str(&table.write(number));
    }
    text
}

fn one_of<T: Clone>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(0..choices.len())].clone()
}

impl Table<'_> {
    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        one_of(self.rng, choices)
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(0..100) < percent
    }

    fn write(&mut self, number: usize) -> String {
        let family = match self.family {
            Family::Inet => "inet",
            Family::Ip => "ip",
            Family::Ip6 => "ip6",
            Family::Netdev => "netdev",
        };
        // None is asleep: nft 1.0.6 cannot print such a table as JSON.
        let mut text = format!("table {family} t{number} {{\n");
        text.push_str(&self.sets());
        // A chain jumps only to chains behind it, as the kernel allows no circles.
        let mut chains = String::new();
        for plain in (0..self.plain).rev() {
            self.chain = plain + 1;
            self.hook = Hook::None;
            let chain = format!("\tchain c{plain} {{\n{}\t}}\n", self.rules());
            chains.push_str(&chain);
        }
        text.push_str(&chains);
        text.push_str(&self.maps());
        for base in 0..self.one_of(&[1, 1, 2, 2, 3, 4]) {
            text.push_str(&self.base(base));
        }
        text.push_str("}\n");
        text
    }

    fn base(&mut self, number: usize) -> String {
        self.chain = 0;
        self.hook = match self.family {
            Family::Netdev => Hook::Ingress,
            Family::Inet => self.one_of(&[
                Hook::Input,
                Hook::Input,
                Hook::Input,
                Hook::Input,
                Hook::Prerouting,
                Hook::Output,
                Hook::Output,
                Hook::Postrouting,
                Hook::NatPrerouting,
                Hook::Ingress,
            ]),
            _ => self.one_of(&[
                Hook::Input,
                Hook::Input,
                Hook::Input,
                Hook::Prerouting,
                Hook::Output,
                Hook::Postrouting,
                Hook::NatPrerouting,
            ]),
        };
        let (kind, hook, device) = match self.hook {
            Hook::Ingress => ("filter", "ingress", " device \"va\""),
            Hook::Prerouting => ("filter", "prerouting", ""),
            Hook::Output => ("filter", "output", ""),
            Hook::Postrouting => ("filter", "postrouting", ""),
            Hook::NatPrerouting => ("nat", "prerouting", ""),
            _ => ("filter", "input", ""),
        };
        let priority = match self.hook {
            Hook::Ingress => self.one_of(&[-500, -1, 0, 5]),
            Hook::NatPrerouting => self.one_of(&[-150, -100, -90, 0, 20]),
            _ => self.one_of(&[-300, -250, -150, -10, 0, 0, 0, 0, 5, 10, 150]),
        } + if self.chance(60) { self.rng.i32(-4..5) } else { 0 };
        let policy = if self.hook != Hook::NatPrerouting && self.chance(25) { "drop" } else { "accept" };
        let mut text = format!(
            "\tchain b{number} {{\n\t\ttype {kind} hook {hook}{device} priority {priority}; policy {policy};\n"
        );
        if self.tracks() && self.chance(if policy == "drop" { 80 } else { 25 }) {
            let rule = self.one_of(&[
                "ct state established,related counter accept",
                "ct state { established, related } counter accept",
                "ct state vmap { established : accept, related : accept, invalid : drop }",
                "ct direction reply counter accept",
            ]);
            text.push_str(&format!("\t\t{rule}\n"));
        }
        text.push_str(&self.rules());
        text.push_str("\t}\n");
        text
    }

    /// Whether connections are known here.
    fn tracks(&self) -> bool {
        self.family != Family::Netdev && self.hook != Hook::Ingress
    }

    fn sets(&mut self) -> String {
        let mut text = String::new();
        if self.family != Family::Ip6 {
            let elements = self.list(|table| table.network4());
            text.push_str(&format!(
                "\tset a4 {{\n\t\ttype ipv4_addr; flags interval; auto-merge\n\t\telements = {{ {elements} }}\n\t}}\n"
            ));
            text.push_str(
                "\tset d4 {\n\t\ttype ipv4_addr; size 1000; flags dynamic,timeout; timeout 10m\n\t}\n",
            );
            let pairs = self.list_of(1, |table| format!("{} . {}", table.address4(), table.port()));
            text.push_str(&format!(
                "\tset p4 {{\n\t\ttype ipv4_addr . inet_service\n\t\telements = {{ {pairs} }}\n\t}}\n"
            ));
            let banned = self.list_of(1, |table| {
                let timeout = if table.chance(50) { " timeout 1h" } else { "" };
                format!("{}{timeout}", table.address4())
            });
            text.push_str(&format!(
                "\tset banned {{\n\t\ttype ipv4_addr; flags timeout\n\t\telements = {{ {banned} }}\n\t}}\n"
            ));
        }
        if self.family != Family::Ip {
            let elements = self.list_of(1, |table| table.network6());
            text.push_str(&format!(
                "\tset a6 {{\n\t\ttype ipv6_addr; flags interval; auto-merge\n\t\telements = {{ {elements} }}\n\t}}\n"
            ));
        }
        let ports = self.list(|table| table.ports());
        text.push_str(&format!(
            "\tset services {{\n\t\ttype inet_service; flags interval; auto-merge\n\t\telements = {{ {ports} }}\n\t}}\n"
        ));
        text.push_str("\tset names {\n\t\ttype ifname\n\t\telements = { \"va\", \"eth0\" }\n\t}\n");
        text
    }

    fn maps(&mut self) -> String {
        let mut verdicts = Vec::new();
        for port in PORTS {
            if self.chance(40) {
                let verdict = self.verdict(true);
                verdicts.push(format!("{port} : {verdict}"));
            }
        }
        if verdicts.is_empty() {
            verdicts.push("9 : drop".to_owned());
        }
        format!(
            "\tmap verdicts {{\n\t\ttype inet_service : verdict\n\t\telements = {{ {} }}\n\t}}\n",
            verdicts.join(", ")
        )
    }

    fn rules(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.rng.usize(1..8) {
            let rule = self.rule();
            text.push_str(&format!("\t\t{rule}\n"));
        }
        text
    }

    fn rule(&mut self) -> String {
        let mut rule = Vec::new();
        for _ in 0..self.one_of(&[0, 1, 1, 1, 2, 2, 3]) {
            rule.push(self.test());
        }
        if self.chance(4) {
            rule.push(self.load());
        }
        if self.chance(8) {
            rule.push(self.effect());
        }
        if rule.is_empty() && self.chance(60) {
            rule.push(self.test());
        }
        rule.push("counter".to_owned());
        if self.chance(10) {
            let vmap = self.vmap();
            return format!("{} {vmap}", rule.join(" "));
        }
        if self.chance(4) {
            rule.push("log prefix \"x\"".to_owned());
        }
        if self.chance(92) {
            let verdict = self.verdict(false);
            rule.push(verdict);
        }
        rule.join(" ")
    }

    fn verdict(&mut self, in_map: bool) -> String {
        if self.plain > self.chain && self.chance(30) {
            let to = self.rng.usize(self.chain..self.plain);
            let how = self.one_of(&["jump", "jump", "jump", "goto"]);
            return format!("{how} c{to}");
        }
        if self.hook == Hook::NatPrerouting && !in_map && self.chance(50) {
            return self.nat();
        }
        // Plain chains are called from every hook of the table, and some hooks refuse to reject or to translate.
        if !in_map && matches!(self.hook, Hook::Input | Hook::Output) && self.chance(15) {
            let mut kinds = vec!["reject", "meta l4proto tcp reject with tcp reset"];
            match self.family {
                Family::Ip => kinds.extend([
                    "reject with icmp type admin-prohibited",
                    "reject with icmp type host-unreachable",
                ]),
                Family::Ip6 => kinds.extend(["reject with icmpv6 type admin-prohibited"]),
                _ => kinds.extend([
                    "reject with icmpx type admin-prohibited",
                    "reject with icmp type port-unreachable",
                ]),
            }
            return self.one_of(&kinds).to_owned();
        }
        self.one_of(&["accept", "accept", "accept", "accept", "drop", "drop", "return", "continue"])
            .to_owned()
    }

    fn nat(&mut self) -> String {
        let port = self.one_of(PORTS);
        let address = match self.family {
            Family::Ip6 => "fd09::1",
            _ => self.one_of(&["10.9.0.1", "10.9.0.2", "10.9.0.77"]),
        };
        let shown = if self.family == Family::Ip6 { format!("[{address}]") } else { address.to_owned() };
        let family = match self.family {
            Family::Inet => " ip",
            _ => "",
        };
        match self.rng.u32(0..6) {
            0 => format!("meta l4proto tcp redirect to :{port}"),
            1 => format!("meta l4proto tcp dnat{family} to {shown}:{port}"),
            2 => format!("dnat{family} to {address}"),
            3 => format!("tcp dport {} redirect to :{port}", self.port()),
            4 => format!("meta l4proto udp redirect to :{port}"),
            _ => {
                let other = self.one_of(PORTS);
                format!("redirect to :tcp dport map {{ {port} : {other}, 81 : 82 }}")
            }
        }
    }

    fn vmap(&mut self) -> String {
        match self.rng.u32(0..6) {
            0 => "tcp dport vmap @verdicts".to_owned(),
            1 => {
                let (first, second, third) = (self.verdict(true), self.verdict(true), self.verdict(true));
                format!("tcp dport vmap {{ {} : {first}, 7000-7999 : {second}, * : {third} }}", self.port())
            }
            2 => {
                let (first, second) = (self.verdict(true), self.verdict(true));
                format!("meta l4proto vmap {{ tcp : {first}, udp : {second} }}")
            }
            3 if self.hook != Hook::None || self.family != Family::Netdev => {
                let verdict = self.verdict(true);
                format!("iifname . th dport vmap {{ \"va\" . {} : {verdict} }}", self.port())
            }
            4 if self.family != Family::Ip6 => {
                let (first, second) = (self.verdict(true), self.verdict(true));
                format!(
                    "ip saddr . tcp dport vmap {{ {} . {} : {first}, {} . 9 : {second} }}",
                    self.address4(),
                    self.port(),
                    self.address4()
                )
            }
            _ => {
                let verdict = self.verdict(true);
                format!("th dport vmap {{ {} : {verdict} }}", self.port())
            }
        }
    }

    fn effect(&mut self) -> String {
        let mut choices = vec![
            "meta mark set 0x1".to_owned(),
            "meta mark set meta mark | 0x10".to_owned(),
            format!("meta mark set tcp dport map {{ {} : 0x5, 81 : 0x2 }}", self.port()),
            "log".to_owned(),
        ];
        if self.tracks() && self.hook != Hook::None {
            choices.extend([
                "ct mark set 0x20".to_owned(),
                "meta mark set ct mark".to_owned(),
                "ct mark set meta mark".to_owned(),
            ]);
        }
        if self.family != Family::Ip6 {
            choices.extend([
                "add @d4 { ip saddr }".to_owned(),
                "update @d4 { ip saddr timeout 5m }".to_owned(),
                "delete @d4 { ip saddr }".to_owned(),
            ]);
        }
        if matches!(self.hook, Hook::Prerouting | Hook::Output) && self.chance(30) {
            choices.push("notrack".to_owned());
        }
        self.one_of(&choices)
    }

    fn load(&mut self) -> String {
        self.one_of(&[
            "limit rate 1000/second burst 100 packets",
            "limit rate over 1000/second burst 100 packets",
            "ct count 1000",
            "ct count over 1000",
            "quota 100 mbytes",
            "quota over 100 mbytes",
        ])
        .to_owned()
    }

    fn test(&mut self) -> String {
        let not = if self.chance(12) { "!= " } else { "" };
        let (four, six) = (self.family != Family::Ip6, self.family != Family::Ip);
        loop {
            let found = match self.rng.u32(0..46) {
                0..=3 => format!("tcp dport {not}{}", self.port()),
                4 => format!("tcp dport {not}{}", self.ports()),
                5 => format!("tcp dport {not}{{ {} }}", self.list_of(1, |table| table.port().to_string())),
                6 => format!("tcp dport {not}@services"),
                7 => format!("udp dport {not}{}", self.port()),
                8 => format!("th dport {not}{}", self.port()),
                9 => format!("tcp dport {} {}", self.one_of(&["<", ">", "<=", ">="]), self.port()),
                10 => format!("tcp sport {not}{}", self.port()),
                11 => format!(
                    "meta l4proto {not}{}",
                    self.one_of(&["tcp", "udp", "icmp", "{ tcp, udp }", "{ icmp, ipv6-icmp }"])
                ),
                12 if six && four => format!("meta nfproto {not}{}", self.one_of(&["ipv4", "ipv6"])),
                13 => format!(
                    "iifname {not}{}",
                    self.one_of(&["\"va\"", "\"lo\"", "\"v*\"", "\"eth*\"", "{ \"va\", \"lo\" }", "@names"])
                ),
                14 => format!("iif {not}lo"),
                15 if self.outgoing() => {
                    format!("oifname {not}{}", self.one_of(&["\"va\"", "\"lo\"", "\"v*\""]))
                }
                16 | 17 if four => format!("ip saddr {not}{}", self.network4()),
                18 if four => format!("ip saddr {not}@a4"),
                19 if four => format!("ip saddr {not}@banned"),
                20 if four => format!("ip daddr {not}{}", self.network4()),
                21 if four => format!("ip saddr . tcp dport {not}@p4"),
                22 if four => format!("ip saddr @{}", self.one_of(&["d4", "d4", "a4"])),
                23 if four => format!("ip protocol {not}{}", self.one_of(&["tcp", "udp", "icmp"])),
                24 if four => format!(
                    "ip saddr . tcp dport {{ {} . {}, {} . 1-1000 }}",
                    self.address4(),
                    self.port(),
                    self.network4_plain()
                ),
                25 | 26 if six => format!("ip6 saddr {not}{}", self.network6()),
                27 if six => format!("ip6 saddr {not}@a6"),
                28 if six => format!("ip6 nexthdr {not}{}", self.one_of(&["tcp", "udp", "ipv6-icmp"])),
                29..=31 if self.tracks_all() => format!(
                    "ct state {}",
                    self.one_of(&[
                        "new",
                        "established",
                        "established,related",
                        "invalid",
                        "new,untracked",
                        "!= new",
                        "!= established",
                        "{ new, established }",
                        "! new",
                        "untracked",
                        "related"
                    ])
                ),
                32 if self.tracks_all() => {
                    format!("ct direction {}", self.one_of(&["original", "reply", "!= reply"]))
                }
                33 if self.tracks_all() => {
                    format!("ct status {}", self.one_of(&["dnat", "snat", "seen-reply"]))
                }
                34 if self.tracks_all() => format!("ct mark {not}{}", self.one_of(&["0x0", "0x20", "0x1"])),
                35 if self.tracks_all() && self.chance(50) => {
                    format!("ct original proto-dst {}", self.port())
                }
                36 => self
                    .one_of(&[
                        "tcp flags syn",
                        "tcp flags == syn",
                        "tcp flags & (fin|syn|rst|ack) == syn",
                        "tcp flags syn / fin,syn,rst,ack",
                        "tcp flags & syn != 0",
                        "tcp flags ! syn",
                        "tcp flags != syn",
                        "tcp flags { syn, syn|ack }",
                        "tcp flags ack",
                        "tcp flags psh",
                    ])
                    .to_owned(),
                37 => format!(
                    "meta mark {not}{}",
                    self.one_of(&["0x0", "0x1", "0x10", "{ 0x1, 0x5 }", "0x0-0xf", "& 0x10 == 0x10"])
                ),
                38 if self.fib() => format!(
                    "fib daddr type {not}{}",
                    self.one_of(&["local", "{ local, broadcast }", "unicast", "multicast"])
                ),
                39 if self.fib() && four && !six => self
                    .one_of(&[
                        "fib saddr . iif oif missing",
                        "fib saddr . iif oif exists",
                        "fib saddr . iif oifname \"va\"",
                    ])
                    .to_owned(),
                40 => self
                    .one_of(&[
                        "icmp type echo-request",
                        "icmpv6 type { nd-neighbor-solicit, echo-request }",
                        "icmp type != echo-request",
                    ])
                    .to_owned(),
                41 if four => self
                    .one_of(&[
                        "ip frag-off & 0x1fff != 0",
                        "ip version 4",
                        "ip saddr & 255.255.0.0 == 10.9.0.0",
                        "ip hdrlength 5",
                    ])
                    .to_owned(),
                42 => format!("meta pkttype {not}{}", self.one_of(&["host", "{ broadcast, multicast }"])),
                43 if four => format!(
                    "ip saddr {not}{}-{}",
                    "10.9.0.90",
                    self.one_of(&["10.9.0.100", "10.9.0.200", "192.168.255.255"])
                ),
                44 => format!("tcp sport {} {}", self.one_of(&[">=", "<"]), 1024),
                // What is not known.
                45 if self.chance(15) => self
                    .one_of(&[
                        "ip ttl 64",
                        "meta length 60",
                        "tcp option maxseg size 1460",
                        "meta cpu 0",
                        "numgen random mod 2 0",
                        "tcp sport 30000-50000",
                        "meta priority 0",
                    ])
                    .to_owned(),
                _ => continue,
            };
            let four_only = found.starts_with("ip ") || found.starts_with("icmp ");
            let six_only = found.starts_with("ip6 ") || found.starts_with("icmpv6 ");
            if four_only && !four || six_only && !six {
                continue;
            }
            return found;
        }
    }

    fn outgoing(&self) -> bool {
        matches!(self.hook, Hook::Output | Hook::Postrouting)
    }

    fn tracks_all(&self) -> bool {
        // Plain chains of an inet table may be called from ingress too.
        self.family != Family::Netdev && self.hook != Hook::Ingress
    }

    fn fib(&self) -> bool {
        matches!(self.hook, Hook::Prerouting | Hook::Input)
    }

    fn port(&mut self) -> u16 {
        self.one_of(PORTS)
    }

    fn ports(&mut self) -> String {
        let port = self.port();
        match self.rng.u32(0..3) {
            0 => port.to_string(),
            1 => format!("{}-{}", port - 1, port + 2),
            _ => self.one_of(&["1-1023", "400-6000", "8000-9000"]).to_owned(),
        }
    }

    fn address4(&mut self) -> String {
        let all: Vec<String> = CLIENTS
            .iter()
            .chain(SERVERS)
            .filter(|address| address.is_ipv4())
            .map(ToString::to_string)
            .collect();
        self.one_of(&all)
    }

    fn network4_plain(&mut self) -> String {
        self.one_of(&["10.0.0.0/8", "192.168.0.0/16", "10.9.0.0/24", "93.0.0.0/8"]).to_owned()
    }

    fn network4(&mut self) -> String {
        if self.chance(40) { self.address4() } else { self.network4_plain() }
    }

    fn network6(&mut self) -> String {
        self.one_of(&["fd09::/64", "fd09::100", "2a0f:5381::/32", "2000::/3", "fe80::/10"]).to_owned()
    }

    fn list(&mut self, element: impl Fn(&mut Self) -> String) -> String {
        let count = if self.chance(10) { 20 } else { 3 };
        self.list_of(count, element)
    }

    fn list_of(&mut self, count: usize, element: impl Fn(&mut Self) -> String) -> String {
        let mut all: Vec<String> = (0..count.max(1) + self.rng.usize(0..2)).map(|_| element(self)).collect();
        all.sort();
        all.dedup_by_key(|text| text.split(" timeout").next().unwrap_or_default().to_owned());
        all.join(", ")
    }
}
