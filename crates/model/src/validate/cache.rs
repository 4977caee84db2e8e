//! Caches of upstream answers.
//!
//! Source: `ngx_http_file_cache_set_slot` and `ngx_http_file_cache_valid_set_slot`, src/http/ngx_http_file_cache.c

use super::{Checker, lossy};
use crate::catalog::Setter;
use crate::config::Node;
use crate::number::{atoi, offset, size, time};

/// A cache's zone of keys must be larger.
const KEYS_BYTES_MIN: i64 = 8191;

pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    match setter {
        Setter::HttpFileCacheSetSlot => cache_path(checker, node),
        Setter::HttpFileCacheValidSetSlot => cache_valid(checker, node),
        Setter::HttpProxyCache
        | Setter::HttpFastcgiCache
        | Setter::HttpUwsgiCache
        | Setter::HttpScgiCache => {
            if node.arg(0) != Some(b"off") {
                checker.script(node, 0);
            }
        }
        Setter::HttpProxyCacheKey
        | Setter::HttpFastcgiCacheKey
        | Setter::HttpUwsgiCacheKey
        | Setter::HttpScgiCacheKey
        | Setter::HttpProxyStore
        | Setter::HttpFastcgiStore
        | Setter::HttpUwsgiStore
        | Setter::HttpScgiStore => checker.script(node, 0),
        _ => return false,
    }
    true
}

fn cache_path(checker: &mut Checker<'_>, node: Node<'_>) {
    let mut keys = false;
    for (index, parameter) in node.args().enumerate().skip(1) {
        let (name, value) = match parameter.iter().position(|&byte| byte == b'=') {
            Some(at) => (&parameter[..at], &parameter[at + 1..]),
            None => (parameter, &b""[..]),
        };
        let what = match name {
            b"levels" => (!levels(value)).then_some("\"levels\""),
            b"use_temp_path" => (!matches!(value, b"on" | b"off")).then_some("use_temp_path value"),
            b"keys_zone" => {
                keys = keys_zone(value).is_some();
                (!keys).then_some("keys zone size")
            }
            b"inactive" => time(value, false).is_none().then_some("inactive value"),
            b"max_size" => offset(value).is_none().then_some("max_size value"),
            b"min_free" => offset(value).is_none().then_some("min_free value"),
            b"loader_files" | b"manager_files" => atoi(value).is_none().then_some("files value"),
            b"loader_sleep" | b"manager_sleep" => time(value, true).is_none().then_some("sleep value"),
            b"loader_threshold" | b"manager_threshold" => {
                time(value, true).is_none().then_some("threshold value")
            }
            // The commercial nginx has more.
            _ if name.starts_with(b"purger") => None,
            _ => Some("parameter"),
        };
        if let Some(what) = what {
            let message = format!("invalid {what} \"{}\"", lossy(parameter));
            return checker.refuse_arg(node, index, "invalid-value", message);
        }
    }
    if !keys {
        let message = format!("\"{}\" must have \"keys_zone\" parameter", node.name());
        checker.refuse(node, "missing-parameter", message);
    }
}

/// The name and the size of `keys_zone=`.
pub(super) fn keys_zone(value: &[u8]) -> Option<(&[u8], i64)> {
    let colon = value.iter().position(|&byte| byte == b':')?;
    let bytes = size(&value[colon + 1..]).filter(|&bytes| bytes > KEYS_BYTES_MIN)?;
    (colon > 0).then_some((&value[..colon], bytes))
}

/// One to three digits, each 1 or 2, between colons.
fn levels(value: &[u8]) -> bool {
    let parts: Vec<&[u8]> = value.split(|&byte| byte == b':').collect();
    parts.len() <= 3 && parts.iter().all(|part| [&b"1"[..], b"2"].contains(part))
}

fn cache_valid(checker: &mut Checker<'_>, node: Node<'_>) {
    let last = node.args().len() - 1;
    let value = node.arg(last).unwrap_or(b"");
    if time(value, false).is_none() {
        let message = format!("invalid time value \"{}\"", lossy(value));
        return checker.refuse_arg(node, last, "invalid-value", message);
    }
    for index in 0..last {
        let status = node.arg(index).unwrap_or(b"");
        if status != b"any" && !atoi(status).is_some_and(|status| (100..=599).contains(&status)) {
            let message = format!("invalid status \"{}\"", lossy(status));
            checker.refuse_arg(node, index, "invalid-value", message);
        }
    }
}
