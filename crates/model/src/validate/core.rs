//! The top of the configuration: processes, logs, modules.
//!
//! Source: src/core/nginx.c, src/core/ngx_log.c, src/core/ngx_thread_pool.c

use super::{Checker, lossy};
use crate::catalog::Setter;
use crate::config::{Config, Node};
use crate::number::{atoi, size};
use crate::problem::Problem;

/// The modules whose directives this crate has a table of, or that have none.
const KNOWN_MODULES: &[&str] = &[
    "ndk_http_module.so",
    "ngx_http_geoip_module.so",
    "ngx_http_image_filter_module.so",
    "ngx_http_js_module.so",
    "ngx_http_lua_module.so",
    "ngx_http_perl_module.so",
    "ngx_http_xslt_filter_module.so",
    "ngx_mail_module.so",
    "ngx_stream_geoip_module.so",
    "ngx_stream_js_module.so",
    "ngx_stream_module.so",
];

/// Whether a module is loaded, or may be, whose directives are not known here.
pub(super) fn loads_unknown_modules(config: &Config) -> bool {
    !config.is_complete()
        || config.root().find("load_module").any(|node| {
            let path = node.arg_str(0).unwrap_or("");
            let file = path.rsplit('/').next().unwrap_or(path);
            !KNOWN_MODULES.contains(&file)
        })
}

pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    match setter {
        Setter::SetWorkerProcesses => {
            let value = node.arg(0).unwrap_or(b"");
            if value != b"auto" && atoi(value).is_none() {
                invalid_value(checker, node, 0);
            }
        }
        Setter::SetPriority => {
            let value = node.arg(0).unwrap_or(b"");
            if atoi(value.strip_prefix(b"-").unwrap_or(value)).is_none() {
                invalid_value(checker, node, 0);
            }
        }
        Setter::SetCpuAffinity => cpu_affinity(checker, node),
        Setter::ErrorLog
        | Setter::HttpCoreErrorLog
        | Setter::StreamCoreErrorLog
        | Setter::MailCoreErrorLog => {
            error_log(checker, node);
        }
        Setter::ThreadPool => thread_pool(checker, node),
        _ => return false,
    }
    true
}

/// `"x" directive invalid value`
pub(super) fn invalid_value(checker: &mut Checker<'_>, node: Node<'_>, index: usize) {
    let message = format!("\"{}\" directive invalid value", node.name());
    checker.refuse_arg(node, index, "invalid-value", message);
}

/// A module must come before the first block that makes nginx count its modules.
pub(super) fn load_module<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let before =
        node.parent().into_iter().flat_map(Node::children).take_while(|other| other.id() < node.id());
    let late = before
        .clone()
        .any(|other| other.is_block() && matches!(other.name(), "events" | "http" | "stream" | "mail"));
    if late {
        checker.refuse(node, "misplaced-directive", "\"load_module\" directive is specified too late");
    }
    let streams = || checker.config.root().find("stream");
    if node.arg(0).is_some_and(|path| path.ends_with(b"ngx_stream_module.so"))
        && let Some(stream) = streams().find(|stream| stream.id() < node.id())
    {
        checker.refuse(
            stream,
            "unknown-directive",
            "unknown directive \"stream\" (its module is loaded later)",
        );
    }
    let file = |node: Node<'c>| node.arg(0).and_then(|path| path.rsplit(|&byte| byte == b'/').next());
    if let Some(first) = before.clone().find(|other| other.is("load_module") && file(*other) == file(node)) {
        let module = lossy(file(node).unwrap_or(b""));
        let message = format!("module \"{}\" is already loaded", module.trim_end_matches(".so"));
        checker
            .problems
            .push(Problem::arg(node, 0, "duplicate-directive", message).with(first, "first here"));
    }
}

fn cpu_affinity(checker: &mut Checker<'_>, node: Node<'_>) {
    let mut masks = node.args().enumerate().peekable();
    if masks.next_if(|(_, first)| *first == b"auto").is_some() && node.args().len() > 2 {
        let message = "invalid number of arguments in \"worker_cpu_affinity\" directive";
        return checker.refuse(node, "wrong-arguments", message);
    }
    for (index, mask) in masks {
        if let Some(&wrong) = mask.iter().find(|byte| !matches!(byte, b'0' | b'1' | b' ')) {
            let message = format!("invalid character \"{}\" in \"worker_cpu_affinity\"", char::from(wrong));
            return checker.refuse_arg(node, index, "invalid-value", message);
        }
    }
}

fn error_log(checker: &mut Checker<'_>, node: Node<'_>) {
    const LEVELS: [&[u8]; 8] = [b"emerg", b"alert", b"crit", b"error", b"warn", b"notice", b"info", b"debug"];
    let mut any = false;
    for (index, level) in node.args().enumerate().skip(1) {
        let known = LEVELS.contains(&level);
        if known && any {
            let message = format!("duplicate log level \"{}\"", lossy(level));
            checker.refuse_arg(node, index, "invalid-value", message);
        } else if !known && !level.starts_with(b"debug_") {
            let message = format!("invalid log level \"{}\"", lossy(level));
            checker.refuse_arg(node, index, "invalid-value", message);
        }
        any = true;
    }
    if let Some(memory) = node.arg(0).and_then(|target| target.strip_prefix(b"memory:"))
        && size(memory).is_none()
    {
        checker.refuse_arg(node, 0, "invalid-value", format!("invalid buffer size \"{}\"", lossy(memory)));
    }
    if let Some(target) = node.arg(0).filter(|target| target.starts_with(b"syslog:")) {
        super::logs::syslog(checker, node, target);
    }
}

fn thread_pool<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let first =
        node.parent().and_then(|main| main.find("thread_pool").find(|pool| pool.arg(0) == node.arg(0)));
    if let Some(first) = first.filter(|first| *first != node) {
        let message = format!("duplicate thread pool \"{}\"", lossy(node.arg(0).unwrap_or(b"")));
        checker
            .problems
            .push(Problem::arg(node, 0, "duplicate-directive", message).with(first, "first here"));
    }
    let mut threads = false;
    for (index, parameter) in node.args().enumerate().skip(1) {
        if let Some(value) = parameter.strip_prefix(b"threads=") {
            threads = true;
            if atoi(value).is_none_or(|number| number <= 0) {
                let message = format!("invalid threads value \"{}\"", lossy(parameter));
                checker.refuse_arg(node, index, "invalid-value", message);
            }
        } else if let Some(value) = parameter.strip_prefix(b"max_queue=") {
            if atoi(value).is_none() {
                let message = format!("invalid max_queue value \"{}\"", lossy(parameter));
                checker.refuse_arg(node, index, "invalid-value", message);
            }
        } else {
            // nginx passes over what it does not know here.
        }
    }
    if !threads && node.arg(0) != Some(b"default") {
        let message = "\"thread_pool\" directive must have \"threads\" parameter";
        checker.refuse(node, "missing-parameter", message);
    }
}
