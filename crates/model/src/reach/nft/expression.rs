//! What a rule looks at.

use serde_json::Value as Json;

use super::super::fields::{Ct, End, Field, Kind, Layer, Transport, Way};
use super::super::ruleset::{Bits, Expr, Family};
use super::super::text;
use super::{Scope, constant};

/// How deep expressions may be nested. nft's own are a few; JSON's reader stops at 128.
const DEPTH_MAX: usize = 32;

impl Scope<'_> {
    /// Reads an expression of the left side.
    pub(super) fn expression(&self, json: &Json) -> Expr {
        self.nested(json, 0)
    }

    fn nested(&self, json: &Json, depth: usize) -> Expr {
        let opaque = || Expr::Field(Field::Opaque(text::expression(json)));
        if depth > DEPTH_MAX {
            return Expr::Field(Field::Opaque("an expression that is nested too deep".to_owned()));
        }
        let Some((name, body)) = json.as_object().and_then(|object| object.iter().next()) else {
            return opaque();
        };
        match name.as_str() {
            "payload" => Expr::Field(payload(body).unwrap_or_else(|| Field::Opaque(text::expression(json)))),
            "meta" => Expr::Field(meta(body, json)),
            "ct" => Expr::Field(Field::Ct(ct(body, json))),
            "fib" => Expr::Field(fib(body).unwrap_or_else(|| Field::Opaque(text::expression(json)))),
            "exthdr" => Expr::Field(Field::Missing),
            "tcp option" => {
                Expr::Field(Field::Within(Layer::Transport(Transport::Tcp), text::expression(json)))
            }
            "ip option" => Expr::Field(Field::Missing),
            "concat" => match body.as_array() {
                Some(parts) => Expr::Concat(parts.iter().map(|part| self.nested(part, depth + 1)).collect()),
                None => opaque(),
            },
            "&" | "|" | "^" | "<<" | ">>" => self.bits(name, body, depth).unwrap_or_else(opaque),
            "map" => self.map(body, depth).unwrap_or_else(opaque),
            _ => opaque(),
        }
    }

    fn bits(&self, name: &str, body: &Json, depth: usize) -> Option<Expr> {
        let op = match name {
            "&" => Bits::And,
            "|" => Bits::Or,
            "^" => Bits::Xor,
            "<<" => Bits::Left,
            _ => Bits::Right,
        };
        let (left, right) = match body.as_array()?.as_slice() {
            [left, right] => (left, right),
            // `a | b | c` is one list.
            _ => return None,
        };
        let left = self.nested(left, depth + 1);
        let right = match constant::number(right, kind_of(&left)) {
            Some(number) => number_expr(number),
            None => self.nested(right, depth + 1),
        };
        Some(Expr::Bits(op, Box::new(left), Box::new(right)))
    }

    fn map(&self, body: &Json, depth: usize) -> Option<Expr> {
        let key = self.nested(body.get("key")?, depth + 1);
        let kinds = kinds_of(&key);
        // What a map in a rule gives is read by its form: an address, or a number.
        let data = constant::DataKind::Values(data_kinds(body.get("data")?));
        let set = self.set(body.get("data")?, &kinds, Some(&data))?;
        Some(Expr::Map(Box::new(key), set))
    }

    /// A value to set: an expression or a constant.
    pub(super) fn value(&self, json: &Json, kind: Kind) -> Expr {
        match constant::number(json, kind) {
            Some(number) => number_expr(number),
            None => self.expression(json),
        }
    }
}

fn number_expr(number: u128) -> Expr {
    Expr::Constant(vec![super::super::value::Item::Range(number, number)])
}

/// Guesses the parts of a map's data by the first element.
fn data_kinds(data: &Json) -> Vec<Kind> {
    let first = data.get("set").and_then(Json::as_array).and_then(|all| all.first());
    let Some(value) = first.and_then(Json::as_array).and_then(|pair| pair.get(1)) else {
        return vec![Kind::Number];
    };
    let parts = value.get("concat").and_then(Json::as_array);
    parts.map_or_else(|| vec![kind_by_form(value)], |parts| parts.iter().map(kind_by_form).collect())
}

/// An address has dots or colons.
pub(super) fn kind_by_form(json: &Json) -> Kind {
    let start = json.get("range").and_then(|range| range.get(0));
    let start = start.or_else(|| json.get("prefix").and_then(|prefix| prefix.get("addr"))).unwrap_or(json);
    match start.as_str() {
        Some(word) if word.contains(':') => Kind::Address6,
        Some(word) if word.contains('.') => Kind::Address4,
        _ => Kind::Number,
    }
}

/// How constants beside an expression are read.
pub(super) fn kind_of(expr: &Expr) -> Kind {
    match expr {
        Expr::Field(field) => field.kind(),
        Expr::Bits(_, left, _) => kind_of(left),
        _ => Kind::Number,
    }
}

/// The same for each part.
pub(super) fn kinds_of(expr: &Expr) -> Vec<Kind> {
    match expr {
        Expr::Concat(parts) => parts.iter().map(kind_of).collect(),
        other => vec![kind_of(other)],
    }
}

fn payload(body: &Json) -> Option<Field> {
    let Some(protocol) = body.get("protocol").and_then(Json::as_str) else {
        return raw_payload(body);
    };
    let field = body.get("field").and_then(Json::as_str)?;
    let end = match field {
        "saddr" | "sport" => End::Source,
        _ => End::Destination,
    };
    let words = || format!("{protocol} {field}");
    Some(match (protocol, field) {
        ("ip", "saddr" | "daddr") => Field::Address(Family::V4, end),
        ("ip6", "saddr" | "daddr") => Field::Address(Family::V6, end),
        ("ip", "protocol") => Field::Protocol(Some(Family::V4)),
        ("ip6", "nexthdr") => Field::Protocol(Some(Family::V6)),
        ("ip", "version") => Field::Version(Family::V4),
        ("ip6", "version") => Field::Version(Family::V6),
        ("ip", "hdrlength") => Field::HeaderLength,
        ("ip", "frag-off") => Field::FragOff,
        ("ip", _) => Field::Within(Layer::Network(Family::V4), words()),
        ("ip6", _) => Field::Within(Layer::Network(Family::V6), words()),
        ("tcp", "sport" | "dport") => Field::Port(Some(Transport::Tcp), end),
        ("udp", "sport" | "dport") => Field::Port(Some(Transport::Udp), end),
        ("th", "sport" | "dport") => Field::Port(None, end),
        ("tcp", "flags") => Field::TcpFlags,
        ("tcp", _) => Field::Within(Layer::Transport(Transport::Tcp), words()),
        ("udp", _) => Field::Within(Layer::Transport(Transport::Udp), words()),
        ("icmp" | "icmpv6" | "igmp" | "sctp" | "dccp" | "udplite" | "esp" | "ah" | "comp" | "arp", _) => {
            Field::Within(Layer::Other, words())
        }
        ("ether", "saddr" | "daddr") => Field::Fixed(words()),
        ("ether", "type") => Field::EtherType,
        // A tag was taken off before any of these hooks, or its device is another.
        ("vlan", _) => Field::Opaque(words()),
        _ => Field::Opaque(words()),
    })
}

/// Bytes at an offset, where they are a field that has a name.
fn raw_payload(body: &Json) -> Option<Field> {
    let number = |key: &str| body.get(key).and_then(Json::as_u64);
    let (base, offset, len) = (body.get("base")?.as_str()?, number("offset")?, number("len")?);
    Some(match (base, offset, len) {
        ("th", 0, 16) => Field::Port(None, End::Source),
        ("th", 16, 16) => Field::Port(None, End::Destination),
        _ => return None,
    })
}

fn meta(body: &Json, whole: &Json) -> Field {
    let key = body.get("key").and_then(Json::as_str).or(body.as_str()).unwrap_or_default();
    match key {
        "iif" | "iifname" => Field::Interface(Way::In),
        "oif" | "oifname" => Field::Interface(Way::Out),
        "iiftype" => Field::InterfaceType(Way::In),
        "oiftype" => Field::InterfaceType(Way::Out),
        "l4proto" => Field::Protocol(None),
        "nfproto" => Field::NfProto,
        "protocol" => Field::EtherType,
        "mark" => Field::Mark,
        "pkttype" => Field::PacketType,
        "ipsec" | "secpath" => Field::Missing,
        "iifgroup" | "oifgroup" | "iifkind" | "oifkind" | "sdif" | "sdifname" => {
            Field::Fixed(text::expression(whole))
        }
        _ => Field::Opaque(text::expression(whole)),
    }
}

fn ct(body: &Json, whole: &Json) -> Ct {
    let key = body.get("key").and_then(Json::as_str).unwrap_or_default();
    let original = match body.get("dir").and_then(Json::as_str) {
        Some("original") => Some(true),
        Some("reply") => Some(false),
        _ => None,
    };
    let other = || Ct::Other(text::expression(whole));
    let end =
        |key: &str| if key.contains("sadd") || key.contains("src") { End::Source } else { End::Destination };
    match (key, original) {
        ("state", None) => Ct::State,
        ("direction", None) => Ct::Direction,
        ("status", None) => Ct::Status,
        ("mark", None) => Ct::Mark,
        ("zone", _) => Ct::Zone,
        ("helper", None) => Ct::Helper,
        ("l3proto", _) => Ct::L3Proto,
        ("protocol", _) => Ct::Protocol,
        ("saddr" | "daddr", Some(original)) => Ct::Address(original, end(key), None),
        ("ip saddr" | "ip daddr", Some(original)) => Ct::Address(original, end(key), Some(Family::V4)),
        ("ip6 saddr" | "ip6 daddr", Some(original)) => Ct::Address(original, end(key), Some(Family::V6)),
        ("proto-src" | "proto-dst", Some(original)) => Ct::Port(original, end(key)),
        _ => other(),
    }
}

fn fib(body: &Json) -> Option<Field> {
    let flags = super::strings(body.get("flags"));
    let has = |flag: &str| flags.iter().any(|have| have == flag);
    let of = match (has("saddr"), has("daddr")) {
        (true, false) => End::Source,
        (false, true) => End::Destination,
        _ => return None,
    };
    if has("oif") {
        return None;
    }
    let on_interface = has("iif");
    match body.get("result")?.as_str()? {
        "type" => Some(Field::FibType { of, on_interface }),
        // The mark chooses a route only where a rule of the routing says so.
        "oif" | "oifname" => Some(Field::FibInterface { of, on_interface, exists: false }),
        _ => None,
    }
}
