//! What others see of a URL, who are not this process: users, or a vantage elsewhere.

use std::net::IpAddr;
use std::str::FromStr;

use evenkeel_diagnosis::evidence::{OTHERS, Seen};
use evenkeel_fleet::watch::{Failure, Icmp};
use evenkeel_host::probe::http::{BadUrl, Request};

use super::Look;

/// In what way others see it fail: `502`, `filtered`, `filtered@10.0.0.7` where it is known who sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    failure: Failure,
    from: Option<IpAddr>,
}

/// Why a text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {0:?} as a status (502) or as a class of failures ({classes})", classes = CLASSES.join(", "))]
pub struct BadSeen(String);

/// The classes that say all that there is to say.
const CLASSES: [&str; 14] = [
    "refused",
    "rejected",
    "unreachable",
    "host-down",
    "filtered",
    "silent",
    "reset",
    "closed-empty",
    "truncated",
    "not-tls",
    "not-http",
    "content",
    "slow",
    "tls",
];

impl FromStr for Complaint {
    type Err = BadSeen;

    fn from_str(whole: &str) -> Result<Self, BadSeen> {
        let bad = || BadSeen(whole.to_owned());
        let (text, from) = match whole.split_once('@') {
            Some((text, from)) => (text, Some(from.parse().map_err(|_| bad())?)),
            None => (whole, None),
        };
        if let Some(status) = text.parse().ok().filter(|status| (100..600).contains(status)) {
            return Ok(Self { failure: Failure::Status(status), from });
        }
        // Who sent the message is not told; that a firewall did is what counts.
        let icmp = |code| Icmp { kind: 3, code, from: std::net::Ipv4Addr::UNSPECIFIED.into() };
        let told = || String::from("as others say");
        let failure = match text {
            "refused" => Failure::Refused,
            "rejected" => Failure::Rejected(icmp(13)),
            "unreachable" => Failure::Unreachable(icmp(1)),
            "host-down" => Failure::HostDown,
            "filtered" => Failure::Filtered,
            "silent" => Failure::Silent,
            "reset" => Failure::Reset,
            "closed-empty" => Failure::ClosedEmpty,
            "truncated" => Failure::Truncated,
            "not-tls" => Failure::NotTls,
            "not-http" => Failure::NotHttp,
            "content" => Failure::Content { reason: told() },
            "slow" => Failure::Slow,
            "tls" => Failure::TlsOther { reason: told() },
            _ => return Err(bad()),
        };
        Ok(Self { failure, from })
    }
}

impl Complaint {
    /// Whether an answer with this status is what they see.
    pub(super) fn fits(&self, status: u16) -> bool {
        self.failure == Failure::Status(status)
    }

    /// Who sees it, where that is known.
    pub(super) fn from(&self) -> Option<IpAddr> {
        self.from
    }
}

impl Look<'_> {
    pub(super) fn complaints(&mut self) {
        let address = self.evidence.samples.iter().find_map(|seen| seen.address);
        let (host, url) = (self.request.host_name().to_owned(), self.asked.url.to_owned());
        let seen = |complaint: &Complaint| Seen {
            vantage: OTHERS.to_owned(),
            host: host.clone(),
            address,
            url: url.clone(),
            failure: Some(complaint.failure.clone()),
            redirect: None,
            reply: None,
            took_ms: 0,
        };
        let all: Vec<Seen> = self.asked.seen.iter().map(seen).collect();
        self.evidence.samples.extend(all);
    }
}

/// What is asked for a URL; for `ws://` and `wss://` with the wish for another protocol.
pub(super) fn request(url: &str, authorities: Option<String>) -> Result<Request, BadUrl> {
    let plain = url.strip_prefix("ws").filter(|rest| rest.starts_with("://") || rest.starts_with("s://"));
    let mut request = match plain {
        Some(rest) => Request::get(&format!("http{rest}"))?,
        None => Request::get(url)?,
    };
    if plain.is_some() {
        // Any sixteen bytes do (RFC 6455, section 4.1).
        let wish = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "ZXZlbmtlZWwtYXNrcy1pdA=="),
        ];
        request.headers = wish.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    }
    if let Some(tls) = &mut request.tls {
        tls.ca = authorities;
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_or_class_is_a_complaint_and_nothing_else_is() {
        for class in CLASSES {
            assert_eq!(Complaint::from_str(class).unwrap().failure.class(), class);
        }
        assert!(Complaint::from_str("502").unwrap().fits(502));
        let from = Complaint::from_str("filtered@10.0.0.7").unwrap().from();
        assert_eq!(from.map(|from| from.to_string()).as_deref(), Some("10.0.0.7"));
        for text in ["", "filtered@", "filtered@me", "@10.0.0.7", "9", "999", "dns", "certificate", "no"] {
            assert!(Complaint::from_str(text).is_err(), "{text}");
        }
    }

    #[test]
    fn websocket_is_a_request_with_a_wish() {
        let request = request("wss://shop.test/live", None).unwrap();
        assert!(request.tls.is_some() && request.headers.len() == 4);
        assert!(super::request("wsx://shop.test/", None).is_err());
    }
}
