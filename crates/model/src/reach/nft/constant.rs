//! Constants as nft prints them: numbers, words, addresses, ranges, prefixes, pairs.

use std::net::IpAddr;

use serde_json::Value as Json;

use super::super::fields::Kind;
use super::super::symbols;
use super::super::value::{Data, Item};
use super::statement;

/// What a map gives.
pub(super) enum DataKind {
    /// Verdicts.
    Verdict,
    /// Values.
    Values(Vec<Kind>),
}

/// The parts of a named set's key.
pub(super) fn kinds_of_type(json: Option<&Json>) -> Vec<Kind> {
    match json {
        Some(Json::String(name)) => name.split(" . ").map(kind_of_type).collect(),
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).map(kind_of_type).collect(),
        _ => vec![Kind::Number],
    }
}

pub(super) fn data_of_type(json: &Json) -> DataKind {
    match json {
        Json::String(name) if name == "verdict" => DataKind::Verdict,
        other => DataKind::Values(kinds_of_type(Some(other))),
    }
}

fn kind_of_type(name: &str) -> Kind {
    match name {
        "ipv4_addr" => Kind::Address4,
        "ipv6_addr" => Kind::Address6,
        "ifname" | "iface_index" => Kind::Name,
        "ether_addr" => Kind::Ether,
        "inet_proto" => Kind::Word(symbols::PROTOCOLS),
        "ct_state" => Kind::Word(symbols::CT_STATES),
        "ct_status" => Kind::Word(symbols::CT_STATUSES),
        "ct_dir" => Kind::Word(symbols::CT_DIRECTIONS),
        "tcp_flag" => Kind::Word(symbols::TCP_FLAGS),
        "nf_proto" => Kind::Word(symbols::FAMILIES),
        "ether_type" => Kind::Word(symbols::ETHER_TYPES),
        "pkt_type" => Kind::Word(symbols::PACKET_TYPES),
        "iface_type" => Kind::Word(symbols::DEVICE_TYPES),
        "fib_addrtype" => Kind::Word(symbols::ADDRESS_TYPES),
        _ => Kind::Number,
    }
}

/// Takes an element out of its wrapping (`{"elem": {"val": …, "timeout": …}}`), with what counts in it.
pub(super) fn unwrap_element(json: &Json) -> (&Json, Option<(String, bool)>) {
    let Some(inner) = json.get("elem") else { return (json, None) };
    let load = statement::load_of(inner);
    (inner.get("val").unwrap_or(inner), load)
}

/// Reads the data of a map's element.
pub(super) fn data(json: &Json, kind: &DataKind) -> Data {
    match kind {
        DataKind::Verdict => statement::verdict(json).map_or(Data::Items(vec![Item::Opaque]), Data::Verdict),
        DataKind::Values(kinds) => Data::Items(items(json, kinds)),
    }
}

/// Reads a key: one item for each part.
pub(super) fn items(json: &Json, kinds: &[Kind]) -> Vec<Item> {
    match json.get("concat").and_then(Json::as_array) {
        Some(parts) => parts
            .iter()
            .enumerate()
            .map(|(at, part)| item(part, kinds.get(at).copied().unwrap_or(Kind::Number)))
            .collect(),
        None => vec![item(json, kinds.first().copied().unwrap_or(Kind::Number))],
    }
}

/// Reads one constant.
pub(super) fn item(json: &Json, kind: Kind) -> Item {
    if json.as_str() == Some("*") {
        return Item::Any;
    }
    if let Some(prefix) = json.get("prefix") {
        return prefix_item(prefix, kind).unwrap_or(Item::Opaque);
    }
    if let Some([low, high]) = json.get("range").and_then(Json::as_array).map(Vec::as_slice) {
        return match (number(low, kind), number(high, kind)) {
            (Some(low), Some(high)) => Item::Range(low, high),
            _ => Item::Opaque,
        };
    }
    if kind == Kind::Name {
        return match json.as_str() {
            Some(name) => name_item(name),
            None => Item::Opaque,
        };
    }
    number(json, kind).map_or(Item::Opaque, |number| Item::Range(number, number))
}

/// A name of an interface; one that ends in `*` stands for all that start so.
fn name_item(name: &str) -> Item {
    match name.strip_suffix('*') {
        Some(start) => match start.strip_suffix('\\') {
            Some(start) => Item::Name(format!("{start}*")),
            None => Item::NamePrefix(start.to_owned()),
        },
        None => Item::Name(name.to_owned()),
    }
}

fn prefix_item(prefix: &Json, kind: Kind) -> Option<Item> {
    let low = number(prefix.get("addr")?, kind)?;
    let width = match kind {
        Kind::Address4 => 32,
        Kind::Address6 => 128,
        Kind::Ether => 48,
        _ => return None,
    };
    let len = u32::try_from(prefix.get("len")?.as_u64()?).ok().filter(|len| *len <= width)?;
    let host = u128::MAX.checked_shr(128 - (width - len)).unwrap_or_default();
    Some(Item::Range(low & !host, low | host))
}

/// Reads a number, a word or an address; flags may be several.
pub(super) fn number(json: &Json, kind: Kind) -> Option<u128> {
    match json {
        Json::Number(number) => number.as_u64().map(u128::from),
        Json::Bool(yes) => Some(u128::from(*yes)),
        Json::String(word) => word_number(word, kind),
        Json::Array(all) => all.iter().try_fold(0, |bits, one| Some(bits | number(one, kind)?)),
        Json::Object(_) => {
            let parts = json.get("|")?.as_array()?;
            parts.iter().try_fold(0, |bits, one| Some(bits | number(one, kind)?))
        }
        Json::Null => None,
    }
}

fn word_number(word: &str, kind: Kind) -> Option<u128> {
    match kind {
        Kind::Address4 | Kind::Address6 => match (word.parse::<IpAddr>().ok()?, kind) {
            (IpAddr::V4(address), Kind::Address4) => Some(u128::from(u32::from(address))),
            (IpAddr::V6(address), Kind::Address6) => Some(u128::from(address)),
            _ => None,
        },
        Kind::Word(words) => symbols::number(words, word).or_else(|| plain(word)),
        Kind::Number => plain(word),
        Kind::Ether => word
            .split(':')
            .try_fold(0, |all, part| Some(all << 8 | u128::from(u8::from_str_radix(part, 16).ok()?))),
        Kind::Name => None,
    }
}

fn plain(word: &str) -> Option<u128> {
    match word.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}
