//! The formats that a tree names, and who writes into which log.

use super::{Escape, LogFormat};
use crate::config::{Config, Node, NodeId};
use crate::context::Context;
use crate::lower::ServerKind;

/// Who writes into a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoggedTo {
    /// The name of the format, where the tree says who writes there.
    pub format: Option<String>,
    /// The servers that write there, in order.
    pub servers: Vec<NodeId>,
}

/// The formats that a configuration names, in order. What is no format, or tells of no request, is left out.
pub fn named_formats(config: &Config) -> Vec<LogFormat> {
    let nodes = config.nodes().filter(|node| node.is("log_format") && node.context() == Context::Http);
    nodes.filter_map(format).collect()
}

fn format(node: Node<'_>) -> Option<LogFormat> {
    let mut args = node.args();
    let name = String::from_utf8_lossy(args.next()?).into_owned();
    let mut escape = Escape::Default;
    let mut text = Vec::new();
    for (at, arg) in args.enumerate() {
        match arg.strip_prefix(b"escape=").filter(|_| at == 0) {
            Some(b"json") => escape = Escape::Json,
            Some(b"none") => escape = Escape::None,
            Some(_) => {}
            None => text.extend_from_slice(arg),
        }
    }
    LogFormat::new(&name, escape, &text).ok()
}

/// The access logs that a configuration names and how each is written, each path once. Those of which only the request says
/// where they are, and those of another machine, are left out.
pub fn access_logs(config: &Config) -> Vec<(Vec<u8>, LogFormat)> {
    let formats = named_formats(config);
    let mut logs: Vec<(Vec<u8>, LogFormat)> = Vec::new();
    let of_http = |node: &Node<'_>| {
        let elsewhere = matches!(node.context(), Context::Stream | Context::StreamServer);
        node.is("access_log") && !node.context().is_raw() && !elsewhere
    };
    for node in config.nodes().filter(of_http) {
        let Some(value) =
            node.arg(0).filter(|value| !value.contains(&b'$') && !value.starts_with(b"syslog:"))
        else {
            continue;
        };
        if value == b"off" {
            continue;
        }
        let name = node.arg(1).filter(|name| !name.contains(&b'='));
        let name = name.map_or("combined".into(), String::from_utf8_lossy);
        let known = formats.iter().find(|format| format.name == *name).cloned();
        let path = config.settings().in_prefix(value);
        if let Some(format) = known.or_else(|| LogFormat::well_known(&name))
            && logs.iter().all(|(has, _)| *has != path)
        {
            logs.push((path, format));
        }
    }
    logs
}

/// Who writes into the log at a path. Where the configuration names no such path, one that ends in the same name counts,
/// and so does one that was rotated (`access.log.1`, `access.log-20260101.gz`).
pub fn logged_to(config: &Config, path: &[u8]) -> LoggedTo {
    let logs: Vec<_> =
        config.nodes().filter(|node| node.is("access_log") && !node.context().is_raw()).collect();
    let target = |node: &Node<'_>| {
        let value = node.arg(0).filter(|value| !value.contains(&b'$') && !value.starts_with(b"syslog:"))?;
        Some(config.settings().in_prefix(value))
    };
    let exactly: Vec<_> = logs.iter().filter(|node| target(node).as_deref() == Some(path)).copied().collect();
    let name = unrotated(base(path));
    let alike = || {
        logs.iter().filter(|node| target(node).is_some_and(|target| base(&target) == name)).copied().collect()
    };
    let found: Vec<Node<'_>> = if exactly.is_empty() { alike() } else { exactly };
    let mut to = LoggedTo::default();
    if let Some(first) = found.first() {
        let format = first.arg(1).filter(|format| !format.contains(&b'='));
        to.format = Some(String::from_utf8_lossy(format.unwrap_or(b"combined")).into_owned());
    }
    for server in config.servers().iter().filter(|server| server.kind == ServerKind::Http) {
        let block = config.node(server.node);
        // A server with a log of its own does not write into that of `http`.
        let own = block.children().any(|child| child.is("access_log"));
        let writes = |node: &Node<'_>| {
            let mut outer = node.ancestors();
            outer.any(|outer| outer.id() == server.node) || (!own && node.context() == Context::Http)
        };
        if found.iter().any(writes) {
            to.servers.push(server.node);
        }
    }
    to
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

/// A file name without what rotating and packing added.
fn unrotated(name: &[u8]) -> &[u8] {
    let name = name.strip_suffix(b".gz").unwrap_or(name);
    match name.iter().rposition(|byte| matches!(byte, b'.' | b'-')) {
        Some(at) if at + 1 < name.len() && name[at + 1..].iter().all(u8::is_ascii_digit) => &name[..at],
        _ => name,
    }
}
