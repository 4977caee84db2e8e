//! `proxy_pass` and its kin: URLs, and where a URI may not be given.
//!
//! Source: `ngx_http_proxy_pass`, src/http/modules/ngx_http_proxy_module.c; `ngx_http_upstream_add`,
//! src/http/ngx_http_upstream.c; `ngx_parse_url`, src/core/ngx_inet.c

use std::net::Ipv6Addr;

use super::{Checker, lossy};
use crate::catalog::Setter;
use crate::config::Node;
use crate::context::Context;
use crate::lower::{LocationKind, location_pattern};
use crate::number::atoi;

/// The host, and the port where one is written, of an address of an upstream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authority<'u> {
    pub(super) host: &'u [u8],
    pub(super) port: Option<u16>,
    pub(super) uri: &'u [u8],
    pub(super) unix: bool,
}

/// Reads `host:port/uri`; with `uri` false a URI is refused.
pub(super) fn authority(url: &[u8], uri: bool) -> Result<Authority<'_>, &'static str> {
    if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"unix:")) {
        let colon = url[5..].iter().position(|&byte| byte == b':').filter(|_| uri).map(|at| at + 5);
        let (path, rest) = url.split_at(colon.unwrap_or(url.len()));
        return match path.len() - 5 {
            0 => Err("no path in the unix domain socket"),
            108.. => Err("too long path in the unix domain socket"),
            _ => Ok(Authority {
                host: path,
                port: None,
                uri: rest.strip_prefix(b":").unwrap_or(b""),
                unix: true,
            }),
        };
    }
    let end = url.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(url.len());
    let (address, rest) = url.split_at(end);
    if !rest.is_empty() && !uri {
        return Err("invalid host");
    }
    let (host, port) = if let Some(after) = address.strip_prefix(b"[") {
        let close = after.iter().position(|&byte| byte == b']').ok_or("invalid host")?;
        let ip = std::str::from_utf8(&after[..close]).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
        match &after[close + 1..] {
            [] => ip.ok_or("invalid IPv6 address").map(|_| (address, None))?,
            [b':', port @ ..] => {
                ip.ok_or("invalid IPv6 address").map(|_| (&address[..close + 2], Some(port)))?
            }
            _ => return Err("invalid host"),
        }
    } else {
        match address.iter().position(|&byte| byte == b':') {
            Some(colon) => (&address[..colon], Some(&address[colon + 1..])),
            None => (address, None),
        }
    };
    let port = port.map(|text| atoi(text).and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0));
    match (host, port) {
        (_, Some(None)) => Err("invalid port"),
        ([], _) => Err("no host"),
        (_, port) => Ok(Authority { host, port: port.flatten(), uri: rest, unix: false }),
    }
}

/// The schemes that a directive knows, with their ports; whether one must be given; whether a URI may follow.
struct Form {
    schemes: &'static [(&'static [u8], u16)],
    required: bool,
    uri: bool,
}

fn form(setter: Setter) -> Option<Form> {
    let (schemes, required, uri): (&[(&[u8], u16)], _, _) = match setter {
        Setter::HttpProxyPass => (&[(b"http://", 80), (b"https://", 443)], true, true),
        Setter::HttpGrpcPass => (&[(b"grpc://", 0), (b"grpcs://", 0)], false, false),
        Setter::HttpUwsgiPass => (&[(b"uwsgi://", 0), (b"suwsgi://", 0)], false, false),
        Setter::HttpFastcgiPass | Setter::HttpScgiPass | Setter::HttpMemcachedPass => (&[], false, false),
        Setter::StreamProxyPass => (&[], false, false),
        _ => return None,
    };
    Some(Form { schemes, required, uri })
}

pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    if let Some(form) = form(setter) {
        pass(checker, node, setter, &form);
        return true;
    }
    match setter {
        Setter::HttpUpstreamBindSetSlot | Setter::StreamProxyBind => bind(checker, node),
        Setter::HttpProxyRedirect => proxy_redirect(checker, node),
        Setter::HttpProxyCookieDomain | Setter::HttpProxyCookiePath => {
            let from = node.arg(0).unwrap_or(b"");
            match from {
                b"off" if node.args().len() == 1 => {}
                _ if node.args().len() == 1 => checker.invalid_parameter(node, 0),
                [b'~', b'*', pattern @ ..] => checker.regex(node, 0, pattern, true),
                [b'~', pattern @ ..] => checker.regex(node, 0, pattern, node.is("proxy_cookie_domain")),
                _ => checker.script(node, 0),
            }
            checker.script(node, 1);
        }
        Setter::HttpProxyCookieFlags => {
            if node.args().len() == 1 && node.arg(0) != Some(b"off") {
                checker.invalid_parameter(node, 0);
            }
            match node.arg(0).unwrap_or(b"") {
                [b'~', b'*', pattern @ ..] => checker.regex(node, 0, pattern, true),
                [b'~', pattern @ ..] => checker.regex(node, 0, pattern, false),
                _ => checker.script(node, 0),
            }
            (1..node.args().len()).for_each(|index| checker.script(node, index));
        }
        Setter::HttpFastcgiSplitPathInfo => {
            let pattern = node.arg(0).unwrap_or(b"");
            if checker.regex_without_names(node, 0, pattern, false).is_some_and(|groups| groups != 2) {
                let message = format!("pattern \"{}\" must have 2 captures", lossy(pattern));
                checker.refuse_arg(node, 0, "invalid-regex", message);
            }
        }
        Setter::ConfSetKeyvalSlot => checker.script(node, 1),
        Setter::ConfSetStrSlot => checker.script(node, 0),
        _ => return false,
    }
    true
}

fn pass<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter, form: &Form) {
    let value = node.arg(0).unwrap_or(b"");
    if setter == Setter::HttpMemcachedPass {
        checker.http.uses(b"memcached_key", node, 0);
    }
    if value.contains(&b'$') {
        return checker.script(node, 0);
    }
    let caseless =
        |scheme: &[u8]| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let scheme = form.schemes.iter().find(|(scheme, _)| caseless(scheme));
    if scheme.is_none() && form.required {
        return checker.refuse_arg(node, 0, "invalid-url", "invalid URL prefix");
    }
    let url = scheme.map_or(value, |(scheme, _)| &value[scheme.len()..]);
    match authority(url, form.uri) {
        Err(error) => {
            let message = format!("{error} in upstream \"{}\"", lossy(url));
            checker.refuse_arg(node, 0, "invalid-url", message);
        }
        Ok(Authority { unix: true, .. }) => {}
        Ok(Authority { host, port: Some(port), .. }) => checker.zones.ported(host, port, node),
        Ok(Authority { host, port: None, .. }) if scheme.is_none_or(|(_, port)| *port == 0) => {
            checker.zones.portless(host, node);
        }
        Ok(_) => {}
    }
}

/// Where nginx cannot know which part of the request's URI to replace, no URI may be given.
pub(super) fn state(checker: &mut Checker<'_>, node: Node<'_>, setter: Setter) {
    let value = node.arg(0).unwrap_or(b"");
    if setter != Setter::HttpProxyPass || value.contains(&b'$') {
        return;
    }
    let replaceable = match (node.context(), node.parent()) {
        (Context::Location, Some(location)) => {
            !matches!(location_pattern(location).0, LocationKind::Regex { .. } | LocationKind::Named)
        }
        _ => false,
    };
    let url = value
        .iter()
        .position(|&byte| byte == b'/')
        .map_or(&b""[..], |at| &value[(at + 2).min(value.len())..]);
    if !replaceable && authority(url, true).is_ok_and(|authority| !authority.uri.is_empty()) {
        let message = "\"proxy_pass\" cannot have URI part in location given by regular expression, \
                       or inside named location, or inside \"if\" statement, or inside \"limit_except\" block";
        checker.refuse_arg(node, 0, "misplaced-uri", message);
    }
}

fn bind<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let value = node.arg(0).unwrap_or(b"");
    if value == b"off" && node.args().len() == 1 {
        return;
    }
    if value.contains(&b'$') {
        checker.script(node, 0);
    } else if !is_address(value) {
        let message = format!("invalid address \"{}\"", lossy(value));
        checker.refuse_arg(node, 0, "invalid-value", message);
    }
    if node.arg(1).is_some_and(|word| word != b"transparent") {
        checker.invalid_parameter(node, 1);
    }
}

/// An IP address, perhaps with a port.
fn is_address(text: &[u8]) -> bool {
    if super::access::address(text).is_some() {
        return true;
    }
    match authority(text, false) {
        Ok(Authority { host, unix: false, .. }) => {
            let host = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).unwrap_or(host);
            super::access::address(host).is_some()
        }
        _ => false,
    }
}

fn proxy_redirect<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let from = node.arg(0).unwrap_or(b"");
    if node.args().len() == 1 {
        if !matches!(from, b"off" | b"default") {
            checker.invalid_parameter(node, 0);
        }
        return;
    }
    match from {
        [b'~', b'*', pattern @ ..] => checker.regex(node, 0, pattern, true),
        [b'~', pattern @ ..] => checker.regex(node, 0, pattern, false),
        _ => checker.script(node, 0),
    }
    checker.script(node, 1);
}
