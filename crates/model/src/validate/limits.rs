//! `limit_req`, `limit_conn` and their zones.
//!
//! Source: src/http/modules/ngx_http_limit_req_module.c, ngx_http_limit_conn_module.c

use super::{Checker, lossy};
use crate::catalog::Setter;
use crate::config::Node;
use crate::number::{atoi, size};

/// A zone must have at least so many pages.
pub(super) const ZONE_PAGES_MIN: i64 = 8;

pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    match setter {
        Setter::HttpLimitReqZone | Setter::HttpLimitConnZone | Setter::StreamLimitConnZone => {
            checker.script(node, 0);
            zone_parameters(checker, node, setter == Setter::HttpLimitReqZone);
        }
        Setter::HttpLimitReq => limit_req(checker, node),
        Setter::HttpLimitConn | Setter::StreamLimitConn => {
            let count = node.arg(1).unwrap_or(b"");
            match atoi(count) {
                Some(1..=65_535) => {}
                Some(65_536..) => {
                    checker.refuse_arg(node, 1, "invalid-value", "connection limit must be less 65536");
                }
                _ => {
                    let message = format!("invalid number of connections \"{}\"", lossy(count));
                    checker.refuse_arg(node, 1, "invalid-value", message);
                }
            }
        }
        _ => return false,
    }
    true
}

fn zone_parameters(checker: &mut Checker<'_>, node: Node<'_>, rated: bool) {
    let mut named = false;
    for (index, parameter) in node.args().enumerate().skip(1) {
        if let Some(zone) = parameter.strip_prefix(b"zone=") {
            named = zone_size(checker, node, index, zone).is_some();
            if !named {
                return;
            }
        } else if let Some(rate) = parameter.strip_prefix(b"rate=").filter(|_| rated) {
            let number = rate.strip_suffix(b"r/s").or(rate.strip_suffix(b"r/m")).unwrap_or(rate);
            if atoi(number).is_none_or(|number| number <= 0) {
                let message = format!("invalid rate \"{}\"", lossy(parameter));
                checker.refuse_arg(node, index, "invalid-value", message);
                return;
            }
        } else {
            checker.invalid_parameter(node, index);
            return;
        }
    }
    if !named {
        let message = format!("\"{}\" must have \"zone\" parameter", node.name());
        checker.refuse(node, "missing-parameter", message);
    }
}

/// Reads `name:size`; says what is wrong with it and returns `None`, or returns name and size.
pub(super) fn zone_size<'z>(
    checker: &mut Checker<'_>,
    node: Node<'_>,
    index: usize,
    zone: &'z [u8],
) -> Option<(&'z [u8], i64)> {
    let colon = zone.iter().position(|&byte| byte == b':');
    let parts = colon.and_then(|at| Some((&zone[..at], size(&zone[at + 1..])?)));
    let Some((name, bytes)) = parts else {
        let message = format!("invalid zone size \"{}\"", lossy(zone));
        checker.refuse_arg(node, index, "invalid-value", message);
        return None;
    };
    if bytes < ZONE_PAGES_MIN * checker.page_bytes() {
        let message = format!("zone \"{}\" is too small", lossy(zone));
        checker.refuse_arg(node, index, "invalid-value", message);
        return None;
    }
    Some((name, bytes))
}

fn limit_req(checker: &mut Checker<'_>, node: Node<'_>) {
    let mut zone = false;
    for (index, parameter) in node.args().enumerate() {
        let number = |text: &[u8]| atoi(text).is_some_and(|number| number > 0);
        let what = if parameter.starts_with(b"zone=") {
            zone = true;
            None
        } else if let Some(value) = parameter.strip_prefix(b"burst=") {
            (!number(value)).then_some("burst value")
        } else if let Some(value) = parameter.strip_prefix(b"delay=") {
            (!number(value)).then_some("delay value")
        } else if parameter == b"nodelay" {
            None
        } else {
            Some("parameter")
        };
        if let Some(what) = what {
            let message = format!("invalid {what} \"{}\"", lossy(parameter));
            checker.refuse_arg(node, index, "invalid-value", message);
            return;
        }
    }
    if !zone {
        checker.refuse(node, "missing-parameter", "\"limit_req\" must have \"zone\" parameter");
    }
}
