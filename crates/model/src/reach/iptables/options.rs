//! The options of a rule: what it matches, and its target.

use super::super::fields::{Ct, End, Field, Layer, Transport, Way};
use super::super::ruleset::{Bits, Expr, Family, Match, Op, Right, SetRef, Statement};
use super::super::value::{Element, Item, Set};
use super::super::{ipset, symbols};
use super::number::{exactly, flags, integer, number_of, ones, port_range, protocol};
use super::target::Target;

/// What a rule's options have said so far.
struct Options<'a> {
    family: Family,
    sets: &'a ipset::Sets,
    statements: Vec<Statement>,
    /// The match or target whose options are read.
    module: String,
    transport: Option<Transport>,
    target: Option<Target>,
}

/// Reads the options of one rule.
pub(super) fn statements(words: &[String], family: Family, sets: &ipset::Sets) -> Vec<Statement> {
    let mut options = Options {
        family,
        sets,
        statements: Vec::new(),
        module: String::new(),
        transport: None,
        target: None,
    };
    let mut words = words.iter().map(String::as_str).peekable();
    let mut not = false;
    while let Some(word) = words.next() {
        if word == "!" {
            not = true;
            continue;
        }
        // An option's values are all words until the next option.
        let mut values: Vec<&str> = Vec::new();
        while let Some(value) = words.next_if(|next| *next != "!" && !is_option(next)) {
            values.push(value);
        }
        options.option(word, &values, not);
        not = false;
    }
    options.end()
}

/// Negative numbers are no options.
fn is_option(word: &str) -> bool {
    word.starts_with('-') && !word.as_bytes().get(1).is_some_and(u8::is_ascii_digit) && word != "-"
}

impl Options<'_> {
    fn option(&mut self, name: &str, values: &[&str], not: bool) {
        let value = values.first().copied().unwrap_or_default();
        match name {
            "-j" | "--jump" | "-g" | "--goto" => {
                let goto = name.ends_with('g') || name.ends_with("goto");
                value.clone_into(&mut self.module);
                self.target = Some(Target { name: value.to_owned(), goto, options: Vec::new() });
            }
            _ if self.target.is_some() => {
                let option = (name.to_owned(), values.join(" "));
                self.target.as_mut().expect("it was there").options.push(option);
            }
            "-m" | "--match" => {
                value.clone_into(&mut self.module);
                self.module_alone(value);
            }
            "-p" | "--protocol" => self.protocol(value, not),
            "-s" | "--source" | "-d" | "--destination" => {
                let end = if name == "-s" || name == "--source" { End::Source } else { End::Destination };
                self.address(end, value, not);
            }
            "-i" | "--in-interface" => self.interface(Way::In, value, not),
            "-o" | "--out-interface" => self.interface(Way::Out, value, not),
            "-f" | "--fragment" => {
                self.push_bits(Field::FragOff, 0x1fff, if not { Op::NoBit } else { Op::AnyBit });
            }
            "-c" | "--set-counters" => {}
            _ => self.of_module(name, values, not),
        }
    }

    fn text(name: &str, values: &[&str], not: bool) -> String {
        let not = if not { "! " } else { "" };
        format!("{not}{name} {}", values.join(" ")).trim().to_owned()
    }

    /// Matches whose name alone says something.
    fn module_alone(&mut self, module: &str) {
        match module {
            "socket" | "rpfilter" | "eui64" | "unclean" => self.opaque(format!("-m {module}")),
            _ => {}
        }
    }

    fn of_module(&mut self, name: &str, values: &[&str], not: bool) {
        let value = values.first().copied().unwrap_or_default();
        let shown = Self::text(name, values, not);
        match (self.module.as_str(), name) {
            ("comment", _) => {}
            (
                "tcp" | "udp" | "multiport",
                "--dport" | "--destination-port" | "--dports" | "--destination-ports",
            ) => {
                self.ports(&[End::Destination], value, not);
            }
            ("tcp" | "udp" | "multiport", "--sport" | "--source-port" | "--sports" | "--source-ports") => {
                self.ports(&[End::Source], value, not);
            }
            ("multiport", "--ports") => self.either_port(value, not, shown),
            ("tcp", "--tcp-flags") => {
                let mask = flags(value);
                let want = flags(values.get(1).copied().unwrap_or_default());
                match (mask, want) {
                    (Some(mask), Some(want)) => self.masked(Field::TcpFlags, mask, want, not, shown),
                    _ => self.opaque(shown),
                }
            }
            ("tcp", "--syn") => self.masked(Field::TcpFlags, 0x17, 2, not, shown),
            ("tcp", "--tcp-option") => {
                self.push(
                    Expr::Field(Field::Within(Layer::Transport(Transport::Tcp), shown.clone())),
                    not,
                    Vec::new(),
                    true,
                    shown,
                );
            }
            ("icmp" | "icmp6" | "icmpv6" | "ipv6-icmp" | "igmp" | "ah" | "esp" | "sctp" | "dccp", _) => {
                // None of our packets is one.
                let field = Field::Within(Layer::Other, shown.clone());
                self.push(Expr::Field(field), false, vec![Item::Any], false, shown);
            }
            ("conntrack" | "state", "--ctstate" | "--state") => self.state(value, not, shown),
            ("conntrack", "--ctdir") => {
                let reply = u128::from(value.eq_ignore_ascii_case("reply"));
                self.number(Field::Ct(Ct::Direction), reply, not, shown);
            }
            ("conntrack", "--ctproto") => match protocol(value) {
                Some(number) => self.number(Field::Ct(Ct::Protocol), number, not, shown),
                None => self.opaque(shown),
            },
            ("conntrack", "--ctorigdstport") => match port_range(value) {
                Some(range) => self.push(
                    Expr::Field(Field::Ct(Ct::Port(true, End::Destination))),
                    not,
                    vec![range],
                    false,
                    shown,
                ),
                None => self.opaque(shown),
            },
            ("mark", "--mark") => self.mark(Field::Mark, value, not, shown),
            ("connmark", "--mark") => self.mark(Field::Ct(Ct::Mark), value, not, shown),
            ("limit", "--limit") => self.load(shown, true),
            ("hashlimit", "--hashlimit-upto" | "--hashlimit") => self.load(shown, true),
            ("hashlimit", "--hashlimit-above") => self.load(shown, false),
            ("connlimit", "--connlimit-above") => self.connections(value, not, shown, true),
            ("connlimit", "--connlimit-upto") => self.connections(value, not, shown, false),
            ("quota", "--quota") => self.load(shown, !not),
            ("connbytes", "--connbytes") => self.opaque(shown),
            ("recent", "--set") => {}
            // Somebody who was here often, and lately. A client that comes once was not.
            ("recent", "--update" | "--rcheck") => self.load(Self::text("-m recent", &[name], not), not),
            ("limit" | "hashlimit" | "connlimit" | "recent", _) => {}
            ("addrtype", "--dst-type" | "--src-type") => {
                let of = if name == "--dst-type" { End::Destination } else { End::Source };
                let numbers: Option<Vec<Item>> = value
                    .split(',')
                    .map(|word| {
                        symbols::number(symbols::ADDRESS_TYPES, &word.to_ascii_lowercase()).map(exactly)
                    })
                    .collect();
                match numbers {
                    Some(items) => {
                        self.push_any(Field::FibType { of, on_interface: false }, not, items, shown);
                    }
                    None => self.opaque(shown),
                }
            }
            ("addrtype", "--limit-iface-in" | "--limit-iface-out") => self.limit_interface(name),
            ("set", "--match-set") => self.set(values, not, shown),
            ("set", _) => self.opaque(shown),
            ("iprange", "--src-range" | "--dst-range") => {
                let end = if name == "--src-range" { End::Source } else { End::Destination };
                let range = value.split_once('-').and_then(|(low, high)| {
                    Some(Item::Range(number_of(self.family, low)?, number_of(self.family, high)?))
                });
                match range {
                    Some(range) => self.push(
                        Expr::Field(Field::Address(self.family, end)),
                        not,
                        vec![range],
                        false,
                        shown,
                    ),
                    None => self.opaque(shown),
                }
            }
            ("pkttype", "--pkt-type") => match symbols::number(symbols::PACKET_TYPES, value) {
                Some(number) => self.number(Field::PacketType, number, not, shown),
                None => self.opaque(shown),
            },
            // Plain packets have none of these headers.
            ("rt" | "hbh" | "dst" | "frag" | "mh" | "policy" | "ipv6header", _) if !not => {
                self.push(Expr::Field(Field::Missing), false, vec![exactly(1)], false, shown);
            }
            _ => self.opaque(shown),
        }
    }

    fn opaque(&mut self, text: String) {
        self.statements.push(Statement::Opaque(text));
    }

    fn load(&mut self, text: String, natural: bool) {
        self.statements.push(Statement::Load { text, natural });
    }

    fn connections(&mut self, value: &str, not: bool, shown: String, above: bool) {
        match value.parse::<u64>() {
            Ok(limit) => self.load(shown, ((1 > limit) == above) != not),
            Err(_) => self.opaque(shown),
        }
    }

    fn push(&mut self, left: Expr, not: bool, key: Vec<Item>, opaque: bool, text: String) {
        let elements = if opaque { Vec::new() } else { vec![Element { key, load: None, data: None }] };
        let right = Right::Set(SetRef::own(Set::new(elements, opaque)));
        let op = if not { Op::IsNot } else { Op::Is };
        self.statements.push(Statement::Match(Match { left, op, right, text }));
    }

    fn push_any(&mut self, field: Field, not: bool, items: Vec<Item>, text: String) {
        let elements = items.into_iter().map(|item| Element { key: vec![item], load: None, data: None });
        let right = Right::Set(SetRef::own(Set::new(elements.collect(), false)));
        let op = if not { Op::IsNot } else { Op::Is };
        self.statements.push(Statement::Match(Match { left: Expr::Field(field), op, right, text }));
    }

    fn push_bits(&mut self, field: Field, bits: u128, op: Op) {
        let text = "-f".to_owned();
        self.statements.push(Statement::Match(Match {
            left: Expr::Field(field),
            op,
            right: Right::Number(bits),
            text,
        }));
    }

    fn number(&mut self, field: Field, number: u128, not: bool, text: String) {
        self.push(Expr::Field(field), not, vec![exactly(number)], false, text);
    }

    fn masked(&mut self, field: Field, mask: u128, want: u128, not: bool, text: String) {
        let mask = Box::new(Expr::Constant(vec![exactly(mask)]));
        let left = Expr::Bits(Bits::And, Box::new(Expr::Field(field)), mask);
        self.push(left, not, vec![exactly(want)], false, text);
    }

    fn protocol(&mut self, value: &str, not: bool) {
        value.clone_into(&mut self.module);
        let shown = Self::text("-p", &[value], not);
        if value == "all" || value == "0" {
            return;
        }
        self.transport = match value {
            "tcp" | "6" if !not => Some(Transport::Tcp),
            "udp" | "17" if !not => Some(Transport::Udp),
            _ => None,
        };
        match protocol(value) {
            Some(number) => self.number(Field::Protocol(None), number, not, shown),
            None => self.opaque(shown),
        }
    }

    fn address(&mut self, end: End, value: &str, not: bool) {
        let shown = Self::text(if end == End::Source { "-s" } else { "-d" }, &[value], not);
        let (address, mask) =
            value.split_once('/').map_or((value, None), |(address, mask)| (address, Some(mask)));
        let width = if self.family == Family::V4 { 32 } else { 128 };
        let mask = match mask {
            None => Some(ones(width, width)),
            Some(mask) => match mask.parse::<u32>() {
                Ok(length) if length <= width => Some(ones(length, width)),
                Ok(_) => None,
                Err(_) => number_of(self.family, mask),
            },
        };
        match (number_of(self.family, address), mask) {
            (Some(number), Some(mask)) => {
                self.masked(Field::Address(self.family, end), mask, number & mask, not, shown);
            }
            _ => self.opaque(shown),
        }
    }

    fn interface(&mut self, way: Way, value: &str, not: bool) {
        let shown = Self::text(if way == Way::In { "-i" } else { "-o" }, &[value], not);
        let item = match value.strip_suffix('+') {
            Some(start) => Item::NamePrefix(start.to_owned()),
            None => Item::Name(value.to_owned()),
        };
        self.push(Expr::Field(Field::Interface(way)), not, vec![item], false, shown);
    }

    fn ports(&mut self, ends: &[End], value: &str, not: bool) {
        let shown = Self::text(if ends == [End::Source] { "--sport" } else { "--dport" }, &[value], not);
        let items: Option<Vec<Item>> = value.split(',').map(port_range).collect();
        match items {
            Some(items) => self.push_any(Field::Port(self.transport, ends[0]), not, items, shown),
            None => self.opaque(shown),
        }
    }

    /// One of both ports: for "none of them", both tests must fail; "one of them" is not one test.
    fn either_port(&mut self, value: &str, not: bool, shown: String) {
        if not {
            self.ports(&[End::Source], value, true);
            self.ports(&[End::Destination], value, true);
        } else {
            self.opaque(shown);
        }
    }

    /// Source: `state_mt`, net/netfilter/xt_state.c and `conntrack_mt`, xt_conntrack.c
    fn state(&mut self, value: &str, not: bool, shown: String) {
        let mut bits = 0;
        let mut status = 0;
        for word in value.split(',') {
            match word.to_ascii_lowercase().as_str() {
                "snat" => status |= 16,
                "dnat" => status |= 32,
                word => match symbols::number(symbols::CT_STATES, word) {
                    Some(bit) => bits |= bit,
                    None => return self.opaque(shown),
                },
            }
        }
        let (field, bits) = match (bits, status) {
            (bits, 0) => (Ct::State, bits),
            (0, status) => (Ct::Status, status),
            _ => return self.opaque(shown),
        };
        let op = if not { Op::NoBit } else { Op::AnyBit };
        self.statements.push(Statement::Match(Match {
            left: Expr::Field(Field::Ct(field)),
            op,
            right: Right::Number(bits),
            text: shown,
        }));
    }

    fn mark(&mut self, field: Field, value: &str, not: bool, shown: String) {
        let (mark, mask) = value.split_once('/').unwrap_or((value, "0xffffffff"));
        match (integer(mark), integer(mask)) {
            (Some(mark), Some(mask)) => self.masked(field, mask, mark, not, shown),
            _ => self.opaque(shown),
        }
    }

    fn limit_interface(&mut self, name: &str) {
        let last = self.statements.iter_mut().rev().find_map(|statement| match statement {
            Statement::Match(Match { left: Expr::Field(Field::FibType { on_interface, .. }), .. }) => {
                Some(on_interface)
            }
            _ => None,
        });
        match last {
            Some(on_interface) if name == "--limit-iface-in" => *on_interface = true,
            _ => self.opaque(name.to_owned()),
        }
    }

    fn set(&mut self, values: &[&str], not: bool, shown: String) {
        let [name, directions, ..] = values else { return self.opaque(shown) };
        match self.sets.matching(name, directions, self.family) {
            Some((left, set)) => {
                let op = if not { Op::IsNot } else { Op::Is };
                let right = Right::Set(SetRef::own(set));
                self.statements.push(Statement::Match(Match { left, op, right, text: shown }));
            }
            None => self.opaque(shown),
        }
    }

    /// Adds what the target does.
    fn end(mut self) -> Vec<Statement> {
        if let Some(target) = self.target.take() {
            self.statements.extend(target.statements(self.family));
        }
        self.statements
    }
}
