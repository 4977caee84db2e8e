//! Numbers and ranges as iptables writes them.

use std::net::IpAddr;

use super::super::ruleset::{Expr, Family};
use super::super::value::Item;
use super::super::{host, symbols};

pub(super) fn protocol(value: &str) -> Option<u128> {
    value.parse().ok().or_else(|| symbols::number(symbols::PROTOCOLS, &value.to_ascii_lowercase()))
}

pub(super) fn port_range(value: &str) -> Option<Item> {
    let (low, high) = value.split_once(':').unwrap_or((value, value));
    let port = |text: &str, empty: u128| {
        if text.is_empty() { Some(empty) } else { text.parse::<u16>().ok().map(u128::from) }
    };
    Some(Item::Range(port(low, 0)?, port(high, 65535)?))
}

pub(super) fn flags(value: &str) -> Option<u128> {
    match value {
        "NONE" => Some(0),
        "ALL" => Some(0x3f),
        _ => value.split(',').try_fold(0, |bits, word| {
            Some(bits | symbols::number(symbols::TCP_FLAGS, &word.to_ascii_lowercase())?)
        }),
    }
}

pub(super) fn integer(value: &str) -> Option<u128> {
    match value.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
}

pub(super) fn number_expr(number: u128) -> Expr {
    Expr::Constant(vec![exactly(number)])
}

pub(super) fn exactly(number: u128) -> Item {
    Item::Range(number, number)
}

/// The first `length` of `width` bits.
pub(super) fn ones(length: u32, width: u32) -> u128 {
    let all = u128::MAX >> (128 - width);
    all & !(all.checked_shr(length).unwrap_or_default())
}

/// An address of this family, as a number.
pub(super) fn number_of(family: Family, address: &str) -> Option<u128> {
    let (of, number) = host::split(address.parse::<IpAddr>().ok()?);
    (of == family).then_some(number)
}
