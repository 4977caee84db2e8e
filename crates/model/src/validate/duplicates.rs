//! Directives that nginx refuses a second time in one block: "is duplicate".
//!
//! Source: `ngx_conf_set_flag_slot` and its siblings, src/core/ngx_conf_file.c; elsewhere as the setter says

use crate::catalog::{Entry, Setter};
use crate::config::Node;
use crate::context::Context;
use crate::parsed::Symbol;

use super::Checker;

/// Directives of lua-nginx-module that a block has one of.
const LUA_HANDLERS: [&str; 8] = [
    "access_by_lua",
    "body_filter_by_lua",
    "content_by_lua",
    "header_filter_by_lua",
    "log_by_lua",
    "lua_package_cpath",
    "lua_package_path",
    "rewrite_by_lua",
];

/// Looks at every block once, at its own directives only.
pub(super) fn check(checker: &mut Checker<'_>) {
    let config = checker.config;
    let mut seen: Vec<Option<(Node<'_>, Node<'_>)>> = vec![None; usize::from(u16::MAX)];
    let blocks = std::iter::once(config.root()).chain(config.nodes());
    for block in blocks.filter(|node| node.data().end > node.id().0 + 1) {
        let mut maps_seen = false;
        for node in block.children() {
            let context = node.context();
            if context.is_raw() || context == Context::Unknown {
                break;
            }
            let Some(slot) = slot(checker, node) else { continue };
            let first = seen[usize::from(slot.0)].filter(|(owner, _)| *owner == block);
            if let Some((_, first)) = first {
                report(checker, node, first);
            } else if maps_seen && node.name().starts_with("map_hash_") {
                // The first `map` fixes the sizes of all.
                checker.refuse(
                    node,
                    "duplicate-directive",
                    format!("\"{}\" directive is duplicate", node.name()),
                );
            }
            seen[usize::from(slot.0)] = Some((block, node));
            maps_seen |= node.is("map");
        }
    }
}

fn report(checker: &mut Checker<'_>, node: Node<'_>, first: Node<'_>) {
    let (name, before) = (node.name(), first.name());
    let message = if name == before {
        format!("\"{name}\" directive is duplicate")
    } else {
        format!("\"{name}\" directive is duplicate, \"{before}\" directive was specified earlier")
    };
    let problem = crate::Problem::at(node, "duplicate-directive", message).with(first, "first here");
    checker.problems.push(problem);
}

/// What a directive sets that may be set once; `None` when it may be repeated.
fn slot(checker: &Checker<'_>, node: Node<'_>) -> Option<Symbol> {
    let symbol = node.symbol();
    if symbol == Symbol::UNKNOWN {
        return None;
    }
    let entries = checker.catalog.entries_at(usize::from(symbol.0));
    let entry = entries.into_iter().find(|entry| entry.contexts.allows(node.context()))?;
    match entry.setter {
        // Zero is how nginx remembers that no priority was set.
        Setter::SetPriority if node.arg(0).and_then(crate::number::atoi) == Some(0) => None,
        // `root` and `alias` set the same.
        Setter::HttpCoreRoot => Some(Symbol::of(b"root")),
        Setter::HttpMapBlock | Setter::StreamMapBlock => None,
        // The forms of a Lua handler (`_block`, `_file`, plain) set the same.
        _ if entry.module() == "ngx_http_lua_module" => {
            let stem = node.name().strip_suffix("_block").or(node.name().strip_suffix("_file"));
            let stem = stem.unwrap_or(node.name());
            let one = if stem.starts_with("lua_") { stem.to_owned() } else { format!("{stem}_block") };
            LUA_HANDLERS.contains(&stem).then(|| Symbol::of(one.as_bytes()))
        }
        _ => is_refused(entry).then_some(symbol),
    }
}

fn is_refused(entry: &Entry) -> bool {
    use Setter as S;
    match entry.setter {
        // What a module's field holds before it is set is known for nginx's own modules only.
        _ if entry.is_third_party() => false,
        S::ConfSetFlagSlot
        | S::ConfSetStrSlot
        | S::ConfSetNumSlot
        | S::ConfSetSizeSlot
        | S::ConfSetOffSlot
        | S::ConfSetMsecSlot
        | S::ConfSetSecSlot
        | S::ConfSetBufsSlot
        | S::ConfSetEnumSlot
        | S::ConfSetPathSlot
        | S::ConfSetAccessSlot
        | S::HttpSetComplexValueSlot
        | S::HttpSetComplexValueSizeSlot
        | S::HttpSetComplexValueZeroSlot
        | S::StreamSetComplexValueSlot
        | S::StreamSetComplexValueSizeSlot
        | S::StreamSetComplexValueZeroSlot
        | S::HttpUpstreamBindSetSlot
        | S::StreamProxyBind
        | S::HttpSetCharsetSlot => true,
        S::HttpBlock | S::EventsBlock | S::StreamBlock | S::MailBlock => true,
        S::SetUser | S::SetWorkerProcesses | S::SetPriority | S::SetCpuAffinity => true,
        S::EventConnections | S::EventUse => true,
        S::HttpCoreInternal
        | S::HttpCoreKeepalive
        | S::HttpCoreResolver
        | S::StreamCoreResolver
        | S::HttpCoreDirectio
        | S::HttpCoreSetAio
        | S::HttpCoreOpenFileCache
        | S::HttpLogOpenFileCache
        | S::StreamLogOpenFileCache
        | S::HttpDisableSymlinks
        | S::HttpCoreLimitExcept
        | S::HttpTryFiles => true,
        S::HttpProxyPass
        | S::HttpFastcgiPass
        | S::HttpUwsgiPass
        | S::HttpScgiPass
        | S::HttpGrpcPass
        | S::HttpMemcachedPass
        | S::StreamProxyPass
        | S::StreamReturn => true,
        S::HttpProxyCache
        | S::HttpFastcgiCache
        | S::HttpUwsgiCache
        | S::HttpScgiCache
        | S::HttpProxyCacheKey
        | S::HttpFastcgiCacheKey
        | S::HttpUwsgiCacheKey
        | S::HttpScgiCacheKey
        | S::HttpProxyStore
        | S::HttpFastcgiStore
        | S::HttpUwsgiStore
        | S::HttpScgiStore => true,
        S::HttpAuthRequest
        | S::HttpAuthBasicUserFile
        | S::HttpHeadersExpires
        | S::HttpRealip
        | S::HttpUpstreamKeepalive
        | S::HttpUseridExpires
        | S::HttpUseridMark => true,
        S::HttpSslPasswordFile | S::StreamSslPasswordFile | S::MailSslPasswordFile => true,
        S::HttpProxySslPasswordFile | S::HttpGrpcSslPasswordFile | S::HttpUwsgiSslPasswordFile => true,
        S::StreamProxySslPasswordFile | S::StreamSslAlpn | S::HttpSslOcspCache | S::StreamSslOcspCache => {
            true
        }
        _ => false,
    }
}
