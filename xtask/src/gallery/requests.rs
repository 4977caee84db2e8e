//! `requests.toml`: what runs behind nginx, what users ask, and what they get.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

/// `requests.toml`, its placeholders filled in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requests {
    /// A certificate is made for this name: `{{DIR}}/certificates/NAME.pem` and `NAME.key`.
    pub(super) certificate: Option<String>,
    #[serde(default)]
    pub(super) app: Vec<App>,
    pub(super) request: Vec<Request>,
}

/// A small application: answers every request in the same way, at `{{PORT_<name>}}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct App {
    pub(super) name: String,
    pub(super) status: u16,
    pub(super) body: String,
    /// Where it listens.
    #[serde(default = "loopback")]
    pub(super) address: IpAddr,
    /// A port of its own choice, on a stand with a network of its own.
    pub(super) port: Option<u16>,
    /// What the paths that it serves begin with; anything else is a 404 of its own.
    #[serde(default)]
    pub(super) serves: String,
    /// Whether the body says which target was asked for.
    #[serde(default)]
    pub(super) echo: bool,
    /// How long the cookie is that it sets, in bytes; 0: none.
    #[serde(default)]
    pub(super) cookie_bytes: usize,
    /// Whether it takes up an offer to speak WebSocket.
    #[serde(default)]
    pub(super) websocket: bool,
    /// How long it thinks, in milliseconds.
    #[serde(default)]
    pub(super) thinks_ms: u64,
}

/// What users ask, and what they get.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// `GET http://host:port/target`.
    pub(super) request: String,
    /// Where it is sent.
    #[serde(default = "loopback")]
    pub(super) address: IpAddr,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The newest version of TLS that the user speaks: `1.2` or `1.3`.
    pub(super) tls: Option<String>,
    /// How many users are connected at the same time, and ask then.
    #[serde(default = "one")]
    pub(super) at_once: usize,
    /// With `before/`.
    pub(super) before: Answer,
    /// With `after/`, reloaded by hand.
    pub(super) after: Answer,
    /// The same, once `later.sh` has run.
    pub(super) later: Option<Answer>,
    /// At other moments, by the name that `acts.toml` calls them by.
    #[serde(default)]
    pub(super) then: BTreeMap<String, Answer>,
}

impl Request {
    /// What users get at a moment: `before`, `after`, `later`, or another that has a name.
    pub(super) fn at(&self, moment: &str) -> Option<&Answer> {
        match moment {
            "before" => Some(&self.before),
            "after" => Some(&self.after),
            "later" => self.later.as_ref(),
            other => self.then.get(other),
        }
    }
}

/// A part of an answer; what is absent is not looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) status: Option<u16>,
    pub(super) contains: Option<String>,
    /// A header line, `Name: value`.
    pub(super) header: Option<String>,
    /// The name of a header that does not come.
    pub(super) no_header: Option<String>,
    /// No answer comes at all.
    #[serde(default)]
    pub(super) silent: bool,
    /// Of those who ask at the same time, some get no answer, or not a good one.
    #[serde(default)]
    pub(super) fails_some: bool,
}

fn loopback() -> IpAddr {
    IpAddr::V4(Ipv4Addr::LOCALHOST)
}

fn one() -> usize {
    1
}
