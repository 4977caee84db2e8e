//! What nginx takes as a number, a size, a time, a flag or a text with variables.

use evenkeel_syntax::value;

use crate::cases::server;
use crate::oracle::{Answer, Nginx};

const NUMBERS: [&str; 44] = [
    "0",
    "1",
    "007",
    "42",
    "1k",
    "1K",
    "1m",
    "1M",
    "1g",
    "1G",
    "1kb",
    "k",
    "m",
    "-1",
    "+1",
    "1.5",
    "1.5m",
    "\" 1\"",
    "\"1 \"",
    "\"1 k\"",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999",
    "9007199254740991k",
    "9007199254740992k",
    "8796093022207m",
    "8796093022208m",
    "8589934591g",
    "8589934592g",
    "1h",
    "1d",
    "1w",
    "1y",
    "1s",
    "1ms",
    "1m30s",
    "1m 30s",
    "1x",
    "on",
    "0x10",
    "1e3",
    "1_000",
    "\"\"",
    "1t",
];

const TIMES: [&str; 34] = [
    "1h30m",
    "\"1h 30m\"",
    "\"1d 12\"",
    "\"1d 12h 5\"",
    "30m1h",
    "1s1s",
    "1m1m",
    "1s500ms",
    "500ms1s",
    "1ms1",
    "1m30",
    "\"5 \"",
    "\" 5\"",
    "\"5  6\"",
    "\"1s 1\"",
    "1y1M1w1d1h1m1s",
    "1M1y",
    "1y1y",
    "1w1M",
    "s",
    "ms",
    "y",
    "1hm",
    "h1",
    "300000000000y",
    "292471208677y",
    "292471208678y",
    "9223372036854775ms",
    "9223372036854775s",
    "9223372036854776s",
    "9223372036854775807s",
    "1D",
    "1H",
    "1S",
];

const FLAGS: [&str; 8] = ["on", "off", "ON", "Off", "oN", "yes", "true", "1"];

const TEXTS: [&str; 24] = [
    "a",
    "$uri",
    "${uri}",
    "a$uri/b",
    "${uri}a",
    "$URI",
    "$",
    "a$",
    "${",
    "${}",
    "${uri",
    "${uri-}",
    "$-",
    "$$uri",
    "$uri$",
    "$uri$args",
    "{$uri}",
    "$uri}",
    "$uri{",
    "a?b",
    "\\$",
    "$uri.$args",
    "${uri}${args}",
    "${uri}$",
];

/// Each directive once, with the values that it is asked about, and what we say of them.
type Read = fn(&[u8]) -> bool;
const ASKED: [(&str, &[&[&str]], Read); 7] = [
    ("keepalive_requests", &[&NUMBERS], |value| value::parse_number(value).is_some()),
    ("client_body_buffer_size", &[&NUMBERS], |value| value::parse_size(value).is_some()),
    ("client_max_body_size", &[&NUMBERS], |value| value::parse_offset(value).is_some()),
    ("client_body_timeout", &[&NUMBERS, &TIMES], |value| value::parse_milliseconds(value).is_some()),
    ("open_file_cache_valid", &[&NUMBERS, &TIMES], |value| value::parse_seconds(value).is_some()),
    ("sendfile", &[&NUMBERS, &FLAGS], |value| value::parse_flag(value).is_some()),
    ("add_header X", &[&TEXTS], |value| value::pieces(value).is_ok()),
];

#[test]
fn nginx_and_the_readers_of_values_take_the_same() {
    let nginx = Nginx::plain();
    let mut disagreements = Vec::new();
    for (directive, values, takes) in ASKED {
        for value in values.iter().copied().flatten() {
            // Quoted, so that the value reaches the directive whatever is in it.
            let value = value.trim_matches('"');
            let taken = takes(&value::unescape(value.as_bytes()));
            let answer = nginx.test(&server(format!("{directive} \"{value}\";")));
            if taken != matches!(answer, Answer::Accepted) {
                disagreements.push(format!("{directive} \"{value}\": nginx {answer}, we take it: {taken}"));
            }
        }
    }
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
}
