//! Directives of http's core and of its smaller modules.
//!
//! Source: src/http/ngx_http_core_module.c; src/http/modules/, one file for each module

use super::core::invalid_value;
use super::{Checker, lossy};
use crate::catalog::Setter;
use crate::config::Node;
use crate::lower::{LocationKind, location_pattern};
use crate::number::{atoi, offset, size, time};

pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    let value = node.arg(0).unwrap_or(b"");
    match setter {
        Setter::HttpCoreRoot => root(checker, node, value),
        Setter::HttpCoreErrorPage => error_page(checker, node),
        Setter::HttpTryFiles => try_files(checker, node),
        Setter::HttpCoreKeepalive => {
            if time(value, true).is_none() {
                invalid_value(checker, node, 0);
            }
            if node.arg(1).is_some_and(|value| time(value, false).is_none()) {
                invalid_value(checker, node, 1);
            }
        }
        Setter::HttpCoreLimitExcept => limit_except(checker, node),
        Setter::HttpCoreDirectio => {
            if value != b"off" && offset(value).is_none() {
                invalid_value(checker, node, 0);
            }
        }
        Setter::HttpCoreSetAio => {
            let threads = value.starts_with(b"threads");
            if !matches!(value, b"on" | b"off" | b"sendfile") && !threads {
                invalid_value(checker, node, 0);
            }
        }
        Setter::HttpCoreOpenFileCache | Setter::HttpLogOpenFileCache | Setter::StreamLogOpenFileCache => {
            open_file_cache(checker, node);
        }
        Setter::HttpDisableSymlinks => disable_symlinks(checker, node),
        Setter::HttpCoreResolver | Setter::StreamCoreResolver | Setter::MailCoreResolver => {
            resolver(checker, node);
        }
        Setter::HttpIndexSetIndex => {
            for (index, name) in node.args().enumerate() {
                if name.is_empty() {
                    let message = "index \"\" in \"index\" directive is invalid";
                    checker.refuse_arg(node, index, "invalid-value", message);
                }
                checker.script(node, index);
            }
        }
        Setter::HttpSetComplexValueSlot | Setter::HttpSetComplexValueZeroSlot => checker.script(node, 0),
        Setter::HttpSetComplexValueSizeSlot | Setter::StreamSetComplexValueSizeSlot => {
            checker.script(node, 0);
            if !value.contains(&b'$') && size(value).is_none() {
                invalid_value(checker, node, 0);
            }
        }
        Setter::HttpSetPredicateSlot => (0..node.args().len()).for_each(|index| checker.script(node, index)),
        Setter::HttpAuthBasicUserFile => checker.script(node, 0),
        Setter::HttpAuthRequestSet => {
            checker.define(node, 0);
            checker.script(node, 1);
        }
        Setter::HttpSubFilter => (0..2).for_each(|index| checker.script(node, index)),
        Setter::HttpSetCharsetSlot => {
            if value.starts_with(b"$") {
                checker.bare_variable(node, 0);
            }
        }
        Setter::HttpValidReferers => valid_referers(checker, node),
        Setter::HttpGzipDisable => gzip_disable(checker, node),
        Setter::HttpUseridExpires => {
            if !matches!(value, b"max" | b"off") && time(value, false).is_none() {
                invalid_value(checker, node, 0);
            }
        }
        Setter::HttpUseridMark => {
            let letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'=';
            if value != b"off" && !(value.len() == 1 && value.first().is_some_and(letter)) {
                let message =
                    "\"userid_mark\" directive value must be \"off\" or a single letter, digit or \"=\"";
                checker.refuse_arg(node, 0, "invalid-value", message);
            }
        }
        Setter::HttpV2Push => {
            if value != b"off" {
                checker.script(node, 0);
            }
        }
        Setter::HttpPerlSet | Setter::HttpJsSet | Setter::HttpJsVar => checker.define(node, 0),
        Setter::StreamJsSet | Setter::StreamJsVar => checker.define(node, 0),
        Setter::HttpLuaSetByLua | Setter::HttpLuaSetByLuaBlock | Setter::HttpLuaSetByLuaFile => {
            checker.define(node, 0);
        }
        Setter::HttpLuaSharedDict => {
            let bytes = node.arg(1).unwrap_or(b"");
            if size(bytes).is_none() {
                let message = format!("invalid lua shared dict size \"{}\"", lossy(bytes));
                checker.refuse_arg(node, 1, "invalid-value", message);
            }
        }
        Setter::HttpLuaCodeCache => super::slots::flag(checker, node, value),
        Setter::HttpModernBrowser => modern_browser(checker, node),
        Setter::HttpMirror => {
            if value == b"off" && node.args().len() > 1 {
                checker.invalid_parameter(node, 1);
            }
        }
        _ => return false,
    }
    true
}

fn root<'c>(checker: &mut Checker<'c>, node: Node<'c>, value: &[u8]) {
    for variable in ["document_root", "realpath_root"] {
        let used = [format!("${variable}"), format!("${{{variable}")];
        if used.iter().any(|used| value.windows(used.len()).any(|part| part == used.as_bytes())) {
            let message =
                format!("the ${variable} variable cannot be used in the \"{}\" directive", node.name());
            checker.refuse_arg(node, 0, "invalid-value", message);
        }
    }
    checker.script(node, 0);
}

/// `alias` has nothing to take the place of in a named location.
pub(super) fn alias_in_named(checker: &mut Checker<'_>, node: Node<'_>) {
    let named = |location: Node<'_>| location_pattern(location).0 == LocationKind::Named;
    if node.is("alias") && node.parent().is_some_and(|parent| parent.is("location") && named(parent)) {
        let message = "the \"alias\" directive cannot be used inside the named location";
        checker.refuse(node, "misplaced-directive", message);
    }
}

fn error_page<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let count = node.args().len();
    let uri = count - 1;
    let mut codes = uri;
    if let Some(answer) = node.arg(count - 2).and_then(|text| text.strip_prefix(b"=")) {
        codes -= 1;
        if codes == 0 || (!answer.is_empty() && atoi(answer).is_none()) {
            let message = format!("invalid value \"={}\"", lossy(answer));
            checker.refuse_arg(node, count - 2, "invalid-value", message);
        }
    }
    checker.script(node, uri);
    for index in 0..codes {
        let value = node.arg(index).unwrap_or(b"");
        match atoi(value) {
            None | Some(499) => {
                let message = format!("invalid value \"{}\"", lossy(value));
                checker.refuse_arg(node, index, "invalid-value", message);
            }
            Some(300..=599) => {}
            Some(_) => {
                let message = format!("value \"{}\" must be between 300 and 599", lossy(value));
                checker.refuse_arg(node, index, "invalid-value", message);
            }
        }
    }
}

fn try_files<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let count = node.args().len();
    (0..count).for_each(|index| checker.script(node, index));
    if let Some(code) = node.arg(count - 1).and_then(|last| last.strip_prefix(b"="))
        && atoi(code).is_none_or(|code| code > 999)
    {
        let message = format!("invalid code \"={}\"", lossy(code));
        checker.refuse_arg(node, count - 1, "invalid-value", message);
    }
}

fn limit_except(checker: &mut Checker<'_>, node: Node<'_>) {
    const METHODS: [&[u8]; 15] = [
        b"GET",
        b"HEAD",
        b"POST",
        b"PUT",
        b"DELETE",
        b"MKCOL",
        b"COPY",
        b"MOVE",
        b"OPTIONS",
        b"PROPFIND",
        b"PROPPATCH",
        b"LOCK",
        b"UNLOCK",
        b"PATCH",
        b"CONNECT",
    ];
    for (index, method) in node.args().enumerate() {
        if !METHODS.iter().any(|known| known.eq_ignore_ascii_case(method)) {
            let message = format!("invalid method \"{}\"", lossy(method));
            checker.refuse_arg(node, index, "invalid-value", message);
        }
    }
}

fn open_file_cache(checker: &mut Checker<'_>, node: Node<'_>) {
    let mut max = false;
    for (index, parameter) in node.args().enumerate() {
        let number = |text: &[u8]| atoi(text).is_some_and(|number| number > 0);
        let valid = if let Some(value) = parameter.strip_prefix(b"max=") {
            max = number(value);
            max
        } else if let Some(value) = parameter.strip_prefix(b"inactive=") {
            time(value, false).is_some()
        } else if let Some(value) =
            parameter.strip_prefix(b"min_uses=").filter(|_| node.is("open_log_file_cache"))
        {
            number(value)
        } else if let Some(value) =
            parameter.strip_prefix(b"valid=").filter(|_| node.is("open_log_file_cache"))
        {
            time(value, false).is_some()
        } else if parameter == b"off" {
            max = true;
            true
        } else {
            false
        };
        if !valid {
            let message = format!("invalid \"{}\" parameter \"{}\"", node.name(), lossy(parameter));
            checker.refuse_arg(node, index, "invalid-value", message);
            return;
        }
    }
    if !max {
        let message = format!("\"{}\" must have the \"max\" parameter", node.name());
        checker.refuse(node, "missing-parameter", message);
    }
}

fn disable_symlinks<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let (mut mode, mut from) = (None, false);
    for (index, parameter) in node.args().enumerate() {
        if let Some(prefix) = parameter.strip_prefix(b"from=") {
            from = true;
            checker.script_of(node, index, prefix);
        } else if matches!(parameter, b"on" | b"off" | b"if_not_owner") {
            if mode.replace(parameter).is_some() {
                let message = format!("duplicate parameters \"{}\"", lossy(parameter));
                return checker.refuse_arg(node, index, "invalid-value", message);
            }
        } else {
            return checker.invalid_parameter(node, index);
        }
    }
    if mode.is_none() {
        let message = "\"disable_symlinks\" must have \"off\", \"on\" or \"if_not_owner\" parameter";
        checker.refuse(node, "missing-parameter", message);
    } else if from && mode == Some(b"off") {
        checker.refuse(node, "invalid-value", "\"from=\" cannot be used with \"off\" parameter");
    }
}

/// Names of servers would be resolved: only parameters and ports are looked at.
fn resolver(checker: &mut Checker<'_>, node: Node<'_>) {
    let mut any = false;
    for (index, parameter) in node.args().enumerate() {
        let valid = if let Some(value) = parameter.strip_prefix(b"valid=") {
            time(value, false).is_some()
        } else if let Some(value) = parameter.strip_prefix(b"ipv6=").or(parameter.strip_prefix(b"ipv4=")) {
            matches!(value, b"on" | b"off")
        } else {
            any = true;
            if let Err(error) = super::pass::authority(parameter, false) {
                let message = format!("{error} in resolver \"{}\"", lossy(parameter));
                checker.refuse_arg(node, index, "invalid-value", message);
            }
            true
        };
        if !valid {
            let message = format!("invalid parameter: {}", lossy(parameter));
            return checker.refuse_arg(node, index, "invalid-value", message);
        }
    }
    if !any {
        checker.refuse(node, "missing-parameter", "no name servers defined");
    }
}

fn valid_referers<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    for (index, name) in node.args().enumerate() {
        match name {
            b"none" | b"blocked" | b"server_names" => {}
            b"" => {
                checker.refuse_arg(node, index, "invalid-value", "invalid referer \"\"");
            }
            [b'~'] => checker.refuse_arg(node, index, "invalid-regex", "empty regex in \"~\""),
            [b'~', pattern @ ..] => drop(checker.regex_without_names(node, index, pattern, true)),
            _ => {
                let host = name.split(|&byte| byte == b'/').next().unwrap_or(name);
                if super::names::is_invalid_hostname(host) {
                    let message = format!("invalid hostname or wildcard \"{}\"", lossy(host));
                    checker.refuse_arg(node, index, "invalid-value", message);
                }
            }
        }
    }
}

/// Source: `ngx_http_modern_browser`, src/http/modules/ngx_http_browser_module.c
fn modern_browser(checker: &mut Checker<'_>, node: Node<'_>) {
    let name = node.arg(0).unwrap_or(b"");
    let Some(version) = node.arg(1) else {
        if name != b"unlisted" {
            checker.refuse_arg(node, 0, "invalid-value", "invalid modern browser: a version is missing");
        }
        return;
    };
    let parts: Vec<&[u8]> = version.split(|&byte| byte == b'.').collect();
    let digits = |part: &&[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if parts.len() > 4 || !parts.iter().all(digits) {
        let message = format!("invalid browser version \"{}\"", lossy(version));
        checker.refuse_arg(node, 1, "invalid-value", message);
    }
    let known = [&b"opera"[..], b"msie", b"konqueror", b"safari", b"gecko"];
    if !known.iter().any(|browser| browser.eq_ignore_ascii_case(name)) {
        let message = format!("unknown browser name \"{}\"", lossy(name));
        checker.refuse_arg(node, 0, "invalid-value", message);
    }
}

fn gzip_disable<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    for (index, pattern) in node.args().enumerate() {
        if !matches!(pattern, b"msie6" | b"degradation") {
            let _ = checker.regex_without_names(node, index, pattern, true);
        }
    }
}
