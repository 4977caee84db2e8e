//! `add_header`, `add_trailer`, `expires`; headers and parameters for upstreams.
//!
//! Source: src/http/modules/ngx_http_headers_filter_module.c; `ngx_http_upstream_param_set_slot`,
//! src/http/ngx_http_upstream.c

use super::Checker;
use super::core::invalid_value;
use crate::catalog::Setter;
use crate::config::Node;
use crate::number::time;

pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    match setter {
        Setter::HttpHeadersAdd => {
            checker.script(node, 1);
            if node.arg(2).is_some_and(|word| word != b"always") {
                checker.invalid_parameter(node, 2);
            }
        }
        Setter::HttpHeadersExpires => expires(checker, node),
        Setter::HttpUpstreamParamSetSlot => {
            checker.script(node, 1);
            if node.arg(2).is_some_and(|word| word != b"if_not_empty") {
                checker.invalid_parameter(node, 2);
            }
        }
        _ => return false,
    }
    true
}

fn expires<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    const DAY_SECONDS: i64 = 24 * 60 * 60;
    let modified = node.args().len() == 2;
    if modified && node.arg(0) != Some(b"modified") {
        return invalid_value(checker, node, 0);
    }
    let index = usize::from(modified);
    let value = node.arg(index).unwrap_or(b"");
    if value.contains(&b'$') {
        return checker.script(node, index);
    }
    if !modified && matches!(value, b"epoch" | b"max" | b"off") {
        return;
    }
    let (sign, span) = match value.split_first() {
        Some((sign @ (b'@' | b'+' | b'-'), rest)) => (*sign, rest),
        _ => (b'+', value),
    };
    if sign == b'@' && modified {
        let message = "\"expires\" directive daily time cannot be used with \"modified\" parameter";
        return checker.refuse_arg(node, index, "invalid-value", message);
    }
    match time(span, false) {
        None => invalid_value(checker, node, index),
        Some(seconds) if sign == b'@' && seconds > DAY_SECONDS => {
            let message = "\"expires\" directive daily time value must be less than 24 hours";
            checker.refuse_arg(node, index, "invalid-value", message);
        }
        Some(_) => {}
    }
}
