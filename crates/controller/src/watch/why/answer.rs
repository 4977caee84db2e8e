//! What `evenkeel why --json` says, as far as it is read here.

use std::net::{IpAddr, SocketAddr};

use evenkeel_fleet::journal::{Cause, RULED_OUT};
use evenkeel_fleet::{ReleaseId, Timestamp};
use serde_json::Value;

/// How sure a host is of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sure {
    Possible,
    Likely,
    Confident,
}

/// The answer of one host.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    /// Whether it fails there, too.
    pub(super) failing: bool,
    /// The causes, the best first.
    pub(super) causes: Vec<(Sure, Cause)>,
    pub(super) ruled_out: Vec<String>,
    pub(super) missing: Vec<String>,
    /// When an application was started or deployed there, and what is said of that.
    pub(super) started: Vec<Start>,
    pub(super) next: Vec<Next>,
}

/// An application that was started or deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) at: Timestamp,
    pub(super) what: String,
    pub(super) by: Option<String>,
}

/// Where the request goes from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) url: String,
    pub(super) address: SocketAddr,
    pub(super) seen: Option<String>,
    /// The address of that host on the way there.
    pub(super) from: Option<IpAddr>,
}

impl Said {
    /// Reads an answer; `None` when it is none.
    pub(super) fn read(said: &Value) -> Option<Said> {
        let failing = said.get("failing").and_then(Value::as_bool)?;
        let ruled_out = list(said, "ruled_out");
        Some(Said {
            failing,
            causes: list(said, "causes").iter().map(cause).collect(),
            ruled_out: ruled_out
                .iter()
                .map(|it| format!("{}{RULED_OUT}{}", text(it, "says"), text(it, "because")))
                .collect(),
            missing: texts(said, "missing"),
            started: list(said, "changes").iter().filter_map(started).collect(),
            next: list(said, "next").iter().filter_map(next).collect(),
        })
    }
}

fn list<'v>(of: &'v Value, key: &str) -> &'v [Value] {
    of.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text(of: &Value, key: &str) -> String {
    of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(of: &Value, key: &str) -> Vec<String> {
    list(of, key).iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
}

fn cause(it: &Value) -> (Sure, Cause) {
    let sure = match it.get("confidence").and_then(Value::as_str) {
        Some("confident") => Sure::Confident,
        Some("likely") => Sure::Likely,
        _ if it.get("confident").and_then(Value::as_bool) == Some(true) => Sure::Confident,
        _ => Sure::Possible,
    };
    let cause = Cause {
        name: text(it, "id"),
        says: text(it, "says"),
        rests_on: texts(it, "rests_on"),
        against: texts(it, "against"),
        check: text(it, "first_check"),
        fix: text(it, "fix"),
        release: text(it, "change").split_whitespace().find_map(release),
        ..Cause::default()
    };
    (sure, cause)
}

fn started(change: &Value) -> Option<Start> {
    let at: jiff::Timestamp = text(change, "at").parse().ok()?;
    let at = Timestamp::from_millis(u64::try_from(at.as_millisecond()).ok()?);
    let by = change.get("author").and_then(Value::as_str).map(str::to_owned);
    (text(change, "kind") == "application").then(|| Start { at, what: text(change, "what"), by })
}

fn next(next: &Value) -> Option<Next> {
    let word = |key: &str| next.get(key).and_then(Value::as_str);
    // What is handed to a command as an argument must not look like an option.
    let seen =
        word("seen").filter(|seen| seen.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    Some(Next {
        url: text(next, "url"),
        address: word("address")?.parse().ok()?,
        seen: seen.filter(|seen| !seen.starts_with('-')).map(str::to_owned),
        from: word("from").and_then(|from| from.parse().ok()),
    })
    .filter(|next| next.url.starts_with("http://") || next.url.starts_with("https://"))
}

/// `r12`, and nothing that only looks like it.
fn release(word: &str) -> Option<ReleaseId> {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    word.strip_prefix('r').filter(|digits| !digits.is_empty()).and_then(|_| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn word_that_is_no_release_is_none() {
        assert_eq!(["r12,", "root", "r", "r1x"].map(release), [Some(ReleaseId(12)), None, None, None]);
    }

    #[test]
    fn next_place_that_could_be_an_option_is_none() {
        let place = |url: &str, seen: &str| json!({ "url": url, "address": "10.0.0.1:80", "seen": seen });
        assert_eq!(next(&place("--config=/x", "refused")), None);
        assert_eq!(next(&place("http://a/", "--json")).unwrap().seen, None);
        assert_eq!(next(&place("http://a/", "host-down")).unwrap().seen.as_deref(), Some("host-down"));
        assert_eq!(next(&json!({ "url": "http://a/", "address": "x" })), None);
    }

    #[test]
    fn answer_that_is_none_is_none() {
        assert_eq!(Said::read(&json!({ "error": "no" })), None);
        assert_eq!(Said::read(&json!({ "failing": false, "causes": [] })), Some(Said::default()));
    }
}
