//! Rules as people know them: nft's own writing, made from its JSON. Short where a set is long.

use serde_json::Value as Json;

/// How long the writing of one rule may be, in bytes.
const TEXT_BYTES_MAX: usize = 400;
/// How many elements of a set are shown.
const ELEMENTS_SHOWN: usize = 6;
/// How deep it is followed.
const DEPTH_MAX: usize = 16;

/// Writes a rule.
pub(super) fn rule(expressions: &[Json]) -> String {
    let mut text = String::new();
    for expression in expressions.iter().take(64) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&statement(expression));
        if text.len() > TEXT_BYTES_MAX {
            break;
        }
    }
    shortened(text)
}

fn shortened(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Writes a statement.
pub(super) fn statement(json: &Json) -> String {
    let Some((name, body)) = json.as_object().and_then(|object| object.iter().next()) else {
        return shown(json, 0);
    };
    let part = |key: &str| body.get(key).map(|json| shown(json, 1)).unwrap_or_default();
    match name.as_str() {
        "match" => {
            let op = match body.get("op").and_then(Json::as_str) {
                Some("==" | "in") | None => String::new(),
                Some(op) => format!("{op} "),
            };
            format!("{} {op}{}", part("left"), part("right"))
        }
        "vmap" => format!("{} vmap {}", part("key"), part("data")),
        "accept" | "drop" | "return" | "continue" | "notrack" => name.clone(),
        "jump" | "goto" => format!("{name} {}", part("target")),
        "counter" => "counter".to_owned(),
        "log" => "log".to_owned(),
        "limit" | "quota" | "ct count" => load(name, body),
        "reject" => reject(body),
        "mangle" => format!("{} set {}", part("key"), part("value")),
        "dnat" | "snat" | "redirect" | "masquerade" => nat(name, body),
        "set" => {
            format!("{} {} {{ {} }}", part("op"), part("set"), part("elem"))
        }
        "xt" => {
            let kind = body.get("type").and_then(Json::as_str).unwrap_or("match");
            format!("xt {kind} {}", body.get("name").and_then(Json::as_str).unwrap_or("?"))
        }
        _ => expression(json),
    }
}

fn load(name: &str, body: &Json) -> String {
    let over = if body.get("inv").and_then(Json::as_bool) == Some(true) { "over " } else { "" };
    let part = |key: &str| body.get(key).map(|json| shown(json, 1)).unwrap_or_default();
    if let Some(object) = body.as_str() {
        return format!("{name} name \"{object}\"");
    }
    match name {
        "limit" => {
            let unit = part("rate_unit");
            let unit = if unit.is_empty() || unit == "packets" { String::new() } else { format!(" {unit}") };
            format!("limit rate {over}{}{unit}/{}", part("rate"), part("per"))
        }
        "quota" => format!("quota {over}{} {}", part("val"), part("val_unit")),
        _ => format!("ct count {over}{}", part("val")),
    }
}

fn reject(body: &Json) -> String {
    let kind = body.get("type").and_then(Json::as_str).unwrap_or_default();
    match body.get("expr").and_then(Json::as_str) {
        Some(what) => format!("reject with {kind} {what}"),
        None if kind.is_empty() => "reject".to_owned(),
        None => format!("reject with {kind}"),
    }
}

fn nat(name: &str, body: &Json) -> String {
    let address = body.get("addr").map(|json| shown(json, 1)).unwrap_or_default();
    let port = body.get("port").map(|json| format!(":{}", shown(json, 1))).unwrap_or_default();
    if address.is_empty() && port.is_empty() { name.to_owned() } else { format!("{name} to {address}{port}") }
}

/// Writes an expression.
pub(super) fn expression(json: &Json) -> String {
    shortened(shown(json, 0))
}

fn shown(json: &Json, depth: usize) -> String {
    if depth > DEPTH_MAX {
        return "…".to_owned();
    }
    match json {
        Json::Null => String::new(),
        Json::Bool(true) => "exists".to_owned(),
        Json::Bool(false) => "missing".to_owned(),
        Json::Number(number) => number.to_string(),
        Json::String(word) => word.clone(),
        Json::Array(all) => list(all, ",", depth),
        Json::Object(object) => match object.iter().next() {
            Some((name, body)) => named(name, body, depth + 1),
            None => String::new(),
        },
    }
}

fn list(all: &[Json], between: &str, depth: usize) -> String {
    let mut parts: Vec<String> = all.iter().take(ELEMENTS_SHOWN).map(|one| element(one, depth + 1)).collect();
    if all.len() > ELEMENTS_SHOWN {
        parts.push(format!("… {} more", all.len() - ELEMENTS_SHOWN));
    }
    parts.join(between)
}

/// An element of a set, or a pair of a map.
fn element(json: &Json, depth: usize) -> String {
    match json.as_array().map(Vec::as_slice) {
        Some([key, value]) => format!("{} : {}", shown(key, depth), value_of(value, depth)),
        _ => shown(json, depth),
    }
}

fn value_of(json: &Json, depth: usize) -> String {
    if json.is_object() { statement(json) } else { shown(json, depth) }
}

fn named(name: &str, body: &Json, depth: usize) -> String {
    let part = |key: &str| body.get(key).map(|json| shown(json, depth)).unwrap_or_default();
    let pair = |between: &str| {
        let all = body.as_array().map_or(&[][..], Vec::as_slice);
        all.iter().take(ELEMENTS_SHOWN).map(|one| shown(one, depth)).collect::<Vec<_>>().join(between)
    };
    match name {
        "payload" if body.get("base").is_some() => {
            format!("@{},{},{}", part("base"), part("offset"), part("len"))
        }
        "payload" => format!("{} {}", part("protocol"), part("field")),
        "meta" => {
            let key = part("key");
            if matches!(key.as_str(), "iif" | "oif" | "iifname" | "oifname") {
                key
            } else {
                format!("meta {key}")
            }
        }
        "ct" => format!("ct {}{}", spaced(part("dir")), part("key")),
        "fib" => {
            let flags = body.get("flags").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
            let flags: Vec<&str> = flags.iter().filter_map(Json::as_str).collect();
            format!("fib {} {}", flags.join(" . "), part("result"))
        }
        "set" => {
            let all = body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice);
            format!("{{ {} }}", list(all, ", ", depth))
        }
        "elem" => part("val"),
        "prefix" => format!("{}/{}", part("addr"), part("len")),
        "range" => pair("-"),
        "concat" => pair(" . "),
        "map" => format!("{} map {}", part("key"), part("data")),
        "&" | "|" | "^" | "<<" | ">>" => pair(&format!(" {name} ")),
        "exthdr" | "tcp option" | "ip option" => {
            format!("{name} {} {}", part("name"), part("field")).trim().to_owned()
        }
        "numgen" => format!("numgen {} mod {}", part("mode"), part("mod")),
        "socket" | "rt" | "osf" => format!("{name} {}", part("key")),
        _ => name.to_owned(),
    }
}

fn spaced(word: String) -> String {
    if word.is_empty() { word } else { word + " " }
}
