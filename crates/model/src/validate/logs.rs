//! `log_format` and `access_log`.
//!
//! Source: `ngx_http_log_set_log` and `ngx_http_log_set_format`, src/http/modules/ngx_http_log_module.c;
//! `ngx_syslog_process_conf`, src/core/ngx_syslog.c

use std::collections::HashMap;

use super::{Checker, lossy, script};
use crate::catalog::Setter;
use crate::config::Node;
use crate::number::{atoi, size, time};
use crate::problem::Problem;

/// The formats read so far, by their names.
#[derive(Debug, Default)]
pub(crate) struct Formats<'c> {
    http: HashMap<&'c [u8], Node<'c>>,
    stream: HashMap<&'c [u8], Node<'c>>,
}

/// What `log_format` writes without asking for a variable of that name.
const OWN_VARIABLES: [&str; 9] = [
    "pipe",
    "time_local",
    "time_iso8601",
    "msec",
    "request_time",
    "status",
    "bytes_sent",
    "body_bytes_sent",
    "request_length",
];

pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    match setter {
        Setter::HttpLogSetFormat | Setter::StreamLogSetFormat => format_values(checker, node),
        Setter::HttpLogSetLog | Setter::StreamLogSetLog => log_values(checker, node),
        _ => return false,
    }
    true
}

/// Formats are known from their line on.
pub(super) fn state<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) {
    let stream = matches!(setter, Setter::StreamLogSetFormat | Setter::StreamLogSetLog);
    let formats = if stream { &mut checker.formats.stream } else { &mut checker.formats.http };
    if matches!(setter, Setter::HttpLogSetFormat | Setter::StreamLogSetFormat) {
        let name = node.arg(0).unwrap_or(b"");
        let first = formats.insert(name, node);
        if first.is_some() || (!stream && name == b"combined") {
            let message = format!("duplicate \"log_format\" name \"{}\"", lossy(name));
            let problem = Problem::arg(node, 0, "duplicate-log-format", message);
            checker.problems.push(match first {
                Some(first) => problem.with(first, "first here"),
                None => problem,
            });
        }
        return;
    }
    if node.arg(0) == Some(b"off") {
        return;
    }
    let Some(name) = node.arg(1) else {
        if stream {
            checker.refuse(node, "missing-parameter", "log format is not specified");
        }
        return;
    };
    let known = formats.keys().any(|known| known.eq_ignore_ascii_case(name))
        || (!stream && name.eq_ignore_ascii_case(b"combined"));
    // An include that nobody knows may hold it.
    if !known && checker.config.is_complete() {
        let message = format!("unknown log format \"{}\"", lossy(name));
        checker.refuse_arg(node, 1, "unknown-log-format", message);
    }
}

fn format_values<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let mut first = 1;
    if let Some(escape) = node.arg(1).and_then(|text| text.strip_prefix(b"escape=")) {
        first = 2;
        if !matches!(escape, b"json" | b"default" | b"none") {
            let message = format!("unknown log format escaping \"{}\"", lossy(escape));
            checker.refuse_arg(node, 1, "invalid-value", message);
        }
    }
    for (index, text) in node.args().enumerate().skip(first) {
        for name in all_variables(text) {
            match name {
                Ok(name) if OWN_VARIABLES.iter().any(|own| own.as_bytes() == name) => {}
                Ok(name) => checker.names(node).uses(name, node, index),
                Err(script::ScriptError::NoName) => checker.invalid_parameter(node, index),
                Err(error) => checker.refuse_arg(node, index, "invalid-variable", error.message()),
            }
        }
    }
}

/// As [`script::variables`], but there are no captures in a log format: `$1` is a variable.
fn all_variables(text: &[u8]) -> impl Iterator<Item = Result<&[u8], script::ScriptError>> {
    let digits =
        text.windows(2).enumerate().filter(|(_, pair)| pair[0] == b'$' && matches!(pair[1], b'1'..=b'9'));
    let numbered = digits.map(|(at, _)| Ok(&text[at + 1..at + 2]));
    script::variables(text).chain(numbered)
}

fn log_values<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let target = node.arg(0).unwrap_or(b"");
    if target == b"off" {
        if node.args().len() > 1 {
            checker.invalid_parameter(node, 1);
        }
        return;
    }
    if target.starts_with(b"syslog:") {
        syslog(checker, node, target);
    } else {
        checker.script(node, 0);
    }
    let (mut buffered, mut flushed) = (false, false);
    for (index, parameter) in node.args().enumerate().skip(2) {
        let text = lossy(parameter);
        let problem = if let Some(value) = parameter.strip_prefix(b"buffer=") {
            buffered = true;
            size(value)
                .is_none_or(|bytes| bytes <= 0)
                .then(|| format!("invalid buffer size \"{}\"", lossy(value)))
        } else if let Some(value) = parameter.strip_prefix(b"flush=") {
            flushed = true;
            time(value, true)
                .is_none_or(|span| span <= 0)
                .then(|| format!("invalid flush time \"{}\"", lossy(value)))
        } else if let Some(value) = parameter.strip_prefix(b"gzip=") {
            buffered = true;
            (!atoi(value).is_some_and(|level| (1..=9).contains(&level)))
                .then(|| format!("invalid compression level \"{}\"", lossy(value)))
        } else if let Some(value) = parameter.strip_prefix(b"if=") {
            checker.script_of(node, index, value);
            None
        } else {
            buffered |= parameter == b"gzip";
            (parameter != b"gzip").then(|| format!("invalid parameter \"{text}\""))
        };
        if let Some(message) = problem {
            return checker.refuse_arg(node, index, "invalid-value", message);
        }
    }
    let shown = lossy(target);
    if flushed && !buffered {
        checker.refuse(node, "invalid-value", format!("no buffer is defined for access_log \"{shown}\""));
    } else if buffered && target.contains(&b'$') {
        checker.refuse_arg(node, 0, "invalid-value", "buffered logs cannot have variables in name");
    } else if buffered && target.starts_with(b"syslog:") {
        checker.refuse_arg(node, 0, "invalid-value", "logs to syslog cannot be buffered");
    }
}

/// `syslog:server=…,facility=…,tag=…,severity=…`
pub(super) fn syslog(checker: &mut Checker<'_>, node: Node<'_>, target: &[u8]) {
    const FACILITIES: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv",
        "ftp", "ntp", "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4", "local5",
        "local6", "local7",
    ];
    const SEVERITIES: [&str; 9] =
        ["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", "stderr"];
    let mut server = false;
    for parameter in target["syslog:".len()..].split(|&byte| byte == b',') {
        let text = lossy(parameter);
        let message = if parameter.starts_with(b"server=") {
            std::mem::replace(&mut server, true).then(|| String::from("duplicate syslog \"server\""))
        } else if let Some(facility) = text.strip_prefix("facility=") {
            (!FACILITIES.contains(&facility)).then(|| format!("unknown syslog facility \"{facility}\""))
        } else if let Some(severity) = text.strip_prefix("severity=") {
            (!SEVERITIES[..8].contains(&severity)).then(|| format!("unknown syslog severity \"{severity}\""))
        } else if let Some(tag) = text.strip_prefix("tag=") {
            let plain = tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            (!plain || tag.len() > 32).then(|| format!("syslog \"tag\" \"{tag}\" is invalid"))
        } else {
            (parameter != b"nohostname").then(|| format!("unknown syslog parameter \"{text}\""))
        };
        if let Some(message) = message {
            return checker.refuse_arg(node, 0, "invalid-value", message);
        }
    }
    if !server {
        checker.refuse_arg(node, 0, "missing-parameter", "no syslog server specified");
    }
}
