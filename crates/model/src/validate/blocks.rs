//! Blocks whose lines are not directives: `map`, `geo`, `split_clients`, `types`, `charset_map`.
//!
//! Source: `ngx_http_map`, src/http/modules/ngx_http_map_module.c; `ngx_http_geo`, ngx_http_geo_module.c;
//! `ngx_http_split_clients`, ngx_http_split_clients_module.c; `ngx_http_core_type`, src/http/ngx_http_core_module.c;
//! `ngx_http_charset_map`, ngx_http_charset_filter_module.c

use std::collections::HashSet;

use super::{Checker, access, hashes, lossy, names};
use crate::catalog::Setter;
use crate::config::Node;
use crate::listen::ipv4;
use crate::number::{atofp, hextoi};
use crate::problem::Problem;

/// Checks the head of such a block and its lines.
pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    match setter {
        Setter::HttpMapBlock | Setter::StreamMapBlock => {
            checker.script(node, 0);
            checker.define(node, 1);
            map(checker, node);
        }
        Setter::HttpGeoBlock | Setter::StreamGeoBlock => {
            let last = node.args().len() - 1;
            if last == 1 {
                checker.bare_variable(node, 0);
            }
            checker.define(node, last);
            geo(checker, node);
        }
        Setter::ConfSplitClientsBlock => {
            checker.script(node, 0);
            checker.define(node, 1);
            split_clients(checker, node);
        }
        Setter::HttpCoreTypes => {
            for line in lines(checker, node) {
                if line.is("include") && line.args().len() != 1 {
                    let message = "invalid number of arguments in \"include\" directive";
                    checker.refuse(line, "wrong-arguments", message);
                }
            }
        }
        Setter::HttpCharsetMapBlock => charset_map(checker, node),
        _ => return false,
    }
    true
}

/// The lines of a block that its handler sees; a block among them is refused.
fn lines<'c>(checker: &mut Checker<'c>, node: Node<'c>) -> Vec<Node<'c>> {
    let (blocks, lines): (Vec<_>, Vec<_>) = node.children().partition(|line| line.is_block());
    for block in blocks {
        checker.refuse(block, "unexpected-block", "unexpected \"{\"");
    }
    lines
        .into_iter()
        .filter(|line| line.directive().is_some_and(|directive| directive.terminated()))
        .collect()
}

fn map<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let bucket = hashes::bucket_bytes(checker.config, "map_hash_bucket_size", node);
    let mut hostnames = false;
    let mut default = false;
    let mut keys = HashSet::new();
    for line in lines(checker, node) {
        let key = line.name_bytes();
        if line.args().len() == 0 && matches!(key, b"hostnames" | b"volatile") {
            hostnames |= key == b"hostnames";
            continue;
        }
        if line.args().len() != 1 {
            checker.refuse(line, "wrong-arguments", "invalid number of the map parameters");
            continue;
        }
        if key == b"include" {
            continue;
        }
        checker.script(line, 0);
        match key {
            b"default" => {
                if std::mem::replace(&mut default, true) {
                    checker.refuse(line, "duplicate-parameter", "duplicate default map parameter");
                }
            }
            [b'~', pattern @ ..] => {
                let (pattern, caseless) = match pattern {
                    [b'*', rest @ ..] => (rest, true),
                    _ => (pattern, false),
                };
                checker.regex_of_name(line, pattern, caseless);
            }
            _ => {
                let key = key.strip_prefix(b"\\").unwrap_or(key);
                if hostnames && names::is_invalid_hostname(key) {
                    let message = format!("invalid hostname or wildcard \"{}\"", lossy(key));
                    checker.refuse(line, "invalid-value", message);
                } else if !claims(key, hostnames).into_iter().all(|claim| keys.insert(claim)) {
                    let message = format!("conflicting parameter \"{}\"", lossy(key));
                    checker.refuse(line, "duplicate-parameter", message);
                } else if !(hashes::fits(key.len(), bucket) || hostnames && is_wildcard(key)) {
                    checker.too_long_for_hash(line, None, key, "map_hash", bucket);
                }
            }
        }
    }
}

/// What a key takes for itself: a name, all below a name, all names that go on after one.
///
/// Source: `ngx_hash_add_key`, src/core/ngx_hash.c
fn claims(key: &[u8], hostnames: bool) -> Vec<(&'static str, Vec<u8>)> {
    let key = key.to_ascii_lowercase();
    match &key[..] {
        [b'*', b'.', rest @ ..] if hostnames => vec![("below", rest.to_vec())],
        [b'.', rest @ ..] if hostnames => vec![("name", rest.to_vec()), ("below", rest.to_vec())],
        [rest @ .., b'.', b'*'] if hostnames => vec![("above", rest.to_vec())],
        _ => vec![("name", key)],
    }
}

/// Whether a key goes to the tables of wildcards, which are built of its parts.
fn is_wildcard(key: &[u8]) -> bool {
    key.starts_with(b".") || key.contains(&b'*')
}

fn geo<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let mut ranges = false;
    let mut networks = false;
    for line in lines(checker, node) {
        let key = line.name_bytes();
        match (line.args().len(), key) {
            (0, b"ranges") => {
                if networks {
                    let message = "the \"ranges\" directive must be the first directive inside \"geo\" block";
                    checker.refuse(line, "misplaced-directive", message);
                }
                ranges = true;
            }
            (0, b"proxy_recursive" | b"volatile") | (1, b"include") => {}
            (1, b"proxy") => {
                if access::cidr(line.arg(0).unwrap_or(b"")).is_none() {
                    let message = format!("invalid network \"{}\"", lossy(line.arg(0).unwrap_or(b"")));
                    checker.refuse_arg(line, 0, "invalid-value", message);
                }
            }
            (1, b"default") => networks |= !ranges,
            (1, _) => {
                networks |= !ranges;
                geo_network(checker, line, ranges);
            }
            _ => checker.refuse(line, "wrong-arguments", "invalid number of the geo parameters"),
        }
    }
}

fn geo_network(checker: &mut Checker<'_>, line: Node<'_>, ranges: bool) {
    let key = line.name_bytes();
    let network = if key == b"delete" { line.arg(0).unwrap_or(b"") } else { key };
    if ranges {
        let mut ends = network.splitn(2, |&byte| byte == b'-').map(ipv4);
        let valid = matches!((ends.next().flatten(), ends.next().flatten()), (Some(a), Some(b)) if a <= b);
        if !valid {
            checker.refuse(line, "invalid-value", format!("invalid range \"{}\"", lossy(network)));
        }
    } else if network != b"255.255.255.255" && access::cidr(network).is_none() {
        checker.refuse(line, "invalid-value", format!("invalid network \"{}\"", lossy(network)));
    }
}

fn split_clients<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    const WHOLE: i64 = 10_000;
    let mut sum = 0;
    for line in lines(checker, node) {
        let key = line.name_bytes();
        let percent = match key {
            b"*" => Some(WHOLE),
            _ => key.strip_suffix(b"%").and_then(|number| atofp(number, 2)).filter(|&percent| percent > 0),
        };
        match percent {
            Some(_) if key == b"*" => sum = WHOLE,
            Some(percent) => sum += percent,
            None => {
                let message = format!("invalid percent value \"{}\"", lossy(key));
                checker.refuse(line, "invalid-value", message);
            }
        }
        if sum > WHOLE {
            let problem = Problem::at_end(node, "invalid-value", "percent total is greater than 100%");
            return checker.problems.push(problem);
        }
    }
}

fn charset_map<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let charset = |index: usize| node.arg(index).unwrap_or(b"").to_ascii_lowercase();
    let pair = |node: Node<'_>| {
        let mut pair: Vec<Vec<u8>> = node.args().map(<[u8]>::to_ascii_lowercase).collect();
        pair.sort_unstable();
        pair
    };
    if charset(0) == charset(1) {
        checker.refuse(node, "invalid-value", "\"charset_map\" between the same charsets");
    } else if let Some(first) =
        node.parent().and_then(|http| http.find("charset_map").next())
        && first != node
        // nginx compares with the first of them only.
        && pair(first) == pair(node)
    {
        let problem =
            Problem::at(node, "duplicate-directive", "duplicate \"charset_map\" between the charsets");
        checker.problems.push(problem.with(first, "first here"));
    }
    let utf8 = charset(1) == b"utf-8";
    let other_utf8 = charset(0) == b"utf-8";
    for line in lines(checker, node) {
        if line.args().len() != 1 {
            checker.refuse(line, "wrong-arguments", "invalid parameters number");
            continue;
        }
        let byte = |text: &[u8]| hextoi(text).is_some_and(|value| value <= 255);
        let source = line.name_bytes();
        let target = line.arg(0).unwrap_or(b"");
        if !byte(source) {
            checker.refuse(line, "invalid-value", format!("invalid value \"{}\"", lossy(source)));
        } else if (utf8 && !target[..target.len() / 2 * 2].iter().all(u8::is_ascii_hexdigit))
            || (!utf8 && !other_utf8 && !byte(target))
        {
            checker.refuse_arg(line, 0, "invalid-value", format!("invalid value \"{}\"", lossy(target)));
        }
    }
}
