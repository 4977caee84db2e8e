//! Values of directives that one of nginx's generic functions reads.
//!
//! Source: src/core/ngx_conf_file.c, `ngx_conf_set_*_slot`

use super::words::{bounds, powers, words};
use super::{Checker, lossy};
use crate::catalog::Setter;
use crate::config::Node;
use crate::number;

/// Checks the value; `false` when the setter is none of the generic ones.
pub(super) fn check(checker: &mut Checker<'_>, node: Node<'_>, setter: Setter) -> bool {
    let value = node.arg(0).unwrap_or(b"");
    match setter {
        Setter::ConfSetFlagSlot => flag(checker, node, value),
        Setter::ConfSetNumSlot => num(checker, node, value),
        Setter::ConfSetSizeSlot => size(checker, node, value),
        Setter::ConfSetOffSlot => valid(checker, node, 0, number::offset(value).is_some()),
        Setter::ConfSetMsecSlot => valid(checker, node, 0, number::time(value, true).is_some()),
        Setter::ConfSetSecSlot => valid(checker, node, 0, number::time(value, false).is_some()),
        Setter::ConfSetBufsSlot => {
            valid(checker, node, 0, number::atoi(value).is_some_and(|n| n > 0));
            valid(checker, node, 1, node.arg(1).and_then(number::size).is_some_and(|n| n > 0));
        }
        Setter::ConfSetEnumSlot | Setter::ConfSetBitmaskSlot => one_of(checker, node),
        Setter::ConfSetAccessSlot => access(checker, node),
        Setter::ConfSetPathSlot => {
            for index in 1..node.args().len() {
                valid(checker, node, index, node.arg(index).and_then(number::atoi).is_some_and(|n| n > 0));
            }
        }
        // Values of these are compiled when the blocks are merged.
        Setter::ConfSetStrSlot if node.is("proxy_set_body") => return false,
        Setter::ConfSetKeyvalSlot if matches!(node.name(), "proxy_set_header" | "grpc_set_header") => {
            return false;
        }
        Setter::ConfSetStrSlot | Setter::ConfSetStrArraySlot | Setter::ConfSetKeyvalSlot => {}
        _ => return false,
    }
    true
}

fn valid(checker: &mut Checker<'_>, node: Node<'_>, index: usize, valid: bool) {
    if !valid {
        let message = format!("\"{}\" directive invalid value", node.name());
        checker.refuse_arg(node, index, "invalid-value", message);
    }
}

pub(super) fn flag(checker: &mut Checker<'_>, node: Node<'_>, value: &[u8]) {
    if !value.eq_ignore_ascii_case(b"on") && !value.eq_ignore_ascii_case(b"off") {
        let (value, name) = (lossy(value), node.name());
        let message =
            format!("invalid value \"{value}\" in \"{name}\" directive, it must be \"on\" or \"off\"");
        checker.refuse_arg(node, 0, "invalid-value", message);
    }
}

fn num(checker: &mut Checker<'_>, node: Node<'_>, value: &[u8]) {
    match (number::atoi(value), bounds(node.name())) {
        (None, _) => {
            let message = format!("\"{}\" directive invalid number", node.name());
            checker.refuse_arg(node, 0, "invalid-value", message);
        }
        (Some(number), None) if node.is("http2_streams_index_size") && number.count_ones() != 1 => {
            let message = "\"http2_streams_index_size\" directive must be a power of two";
            checker.refuse_arg(node, 0, "invalid-value", message);
        }
        (Some(number), Some((least, most))) if !(least..=most).contains(&number) => {
            let message = format!("value must be between {least} and {most}");
            checker.refuse_arg(node, 0, "invalid-value", message);
        }
        _ => {}
    }
}

fn size(checker: &mut Checker<'_>, node: Node<'_>, value: &[u8]) {
    let Some(bytes) = number::size(value) else { return valid(checker, node, 0, false) };
    let refusal = match (powers(node.name()), node.name()) {
        (Some((exponents, text)), _) => {
            let fits = exponents.into_iter().any(|exponent| bytes == 1 << exponent);
            (!fits).then(|| text.to_owned())
        }
        (None, "connection_pool_size" | "request_pool_size" | "http2_pool_size") => pool_size(bytes),
        (None, "http2_chunk_size") if bytes == 0 => Some(String::from("the http2 chunk size cannot be zero")),
        _ => None,
    };
    if let Some(message) = refusal {
        let message = format!("\"{}\" directive {message}", node.name());
        checker.refuse_arg(node, 0, "invalid-value", message);
    }
}

/// Source: `ngx_http_core_pool_size`, src/http/ngx_http_core_module.c
fn pool_size(bytes: i64) -> Option<String> {
    const ALIGNMENT: i64 = 16;
    /// `NGX_MIN_POOL_SIZE` on 64-bit systems.
    const BYTES_MIN: i64 = 112;
    if bytes < BYTES_MIN {
        return Some(format!("the pool size must be no less than {BYTES_MIN}"));
    }
    (bytes % ALIGNMENT != 0).then(|| format!("must be a multiple of {ALIGNMENT}"))
}

fn one_of(checker: &mut Checker<'_>, node: Node<'_>) {
    let Some(words) = words(node.name()) else { return };
    for (index, value) in node.args().enumerate() {
        if !words.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes())) {
            let message = format!("invalid value \"{}\"", lossy(value));
            checker.refuse_arg(node, index, "invalid-value", message);
        }
    }
}

/// `user:rw group:r all:r`
fn access(checker: &mut Checker<'_>, node: Node<'_>) {
    for (index, value) in node.args().enumerate() {
        let rights = [&b"user:"[..], b"group:", b"all:"].iter().find_map(|who| value.strip_prefix(*who));
        // nginx looks at the beginning only: "rwx" passes as "rw".
        if !rights.is_some_and(|rights| rights.starts_with(b"r")) {
            let message = format!("invalid value \"{}\"", lossy(value));
            checker.refuse_arg(node, index, "invalid-value", message);
        }
    }
}
